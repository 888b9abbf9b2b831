/* A backward pass: its data. Shared by backward.c, leaves.c and grad.c. */
#ifndef FOVEA_AUTOGRAD_PASS_IMPL_H
#define FOVEA_AUTOGRAD_PASS_IMPL_H

#include "autograd/tape_impl.h"

/* What fv_grad asks for: the gradient of a leaf, or of output nr of a node. */
typedef struct fv_capture {
    fv_tensor *leaf;
    fv_node *node;
    int32_t nr;
    fv_tensor *grad; /* owned */
} fv_capture;

/* A leaf whose gradient is summed up aside: for its hooks, or for fv_grad. `left` counts the uses
 * in the pass that have not had their turn; at 0 the gradient is complete. */
typedef struct fv_tracked_leaf {
    fv_tensor *leaf; /* owned */
    fv_tensor *grad; /* owned */
    int64_t left;
    fv_capture *capture;
} fv_tracked_leaf;

/* The tracked leaves of a pass, found by address in a table of open addressing. */
typedef struct fv_leaves {
    fv_tracked_leaf *items;
    size_t count, room;
    int32_t *slots; /* index + 1 into items, 0: free */
    size_t slot_count;
} fv_leaves;

/* What an outer pass has in a node. */
typedef struct fv_aside {
    fv_tensor *grad;
    bool skipped;
} fv_aside;

enum { FV_PASS_NODES_ON_STACK = 128 };

typedef struct fv_pass {
    uint64_t id;
    bool retain_graph, create_graph;
    fv_status before; /* that stood when the pass began */
    bool recording;   /* gradients are on where it was started */
    fv_node **nodes;
    size_t count, room;
    fv_node *few_nodes[FV_PASS_NODES_ON_STACK];
    fv_capture *captures; /* NULL in fv_backward */
    int64_t captures_count;
    bool captures_nodes; /* some capture is of a node's output */
    fv_leaves leaves;
    fv_aside *asides; /* one an output of every node, in a pass inside another; else NULL */
} fv_pass;

/* --- backward.c ------------------------------------------------------------------------------- */

/* Runs a pass; the fields before nodes, and captures, are the caller's. */
fv_status fv_pass_run(fv_pass *p, fv_tensor_list roots, fv_tensor_list gradients);
void fv_pass_init(fv_pass *p, bool retain_graph, bool create_graph);

/* --- leaves.c --------------------------------------------------------------------------------- */

/* *slot (owned, NULL at first) += g. */
fv_status fv_gradient_add(const fv_pass *p, fv_tensor **slot, fv_tensor *g);

/* Makes the gradient that a tensor keeps its own memory, in the tensor's order. */
fv_status fv_gradient_own(const fv_pass *p, fv_tensor *t);

/* Finds out which leaves are tracked, and counts their uses. */
fv_status fv_leaves_collect(fv_pass *p, fv_tensor_list roots);

/* NULL when the leaf is not tracked. */
fv_tracked_leaf *fv_leaves_find(const fv_pass *p, const fv_tensor *leaf);

/* A gradient of a leaf arrives. */
fv_status fv_leaves_give(fv_pass *p, fv_tensor *leaf, fv_tensor *g);

/* A use of the leaf has had its turn, whether a gradient came or not; after the last one its hooks
 * run and its gradient goes where it belongs. */
fv_status fv_leaves_turn(fv_pass *p, fv_tensor *leaf);

void fv_leaves_free(fv_pass *p);

#endif
