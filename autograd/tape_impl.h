/* The tape's data: nodes, edges, saved tensors. Shared by op.c, node.c and backward.c. */
#ifndef FOVEA_AUTOGRAD_TAPE_IMPL_H
#define FOVEA_AUTOGRAD_TAPE_IMPL_H

#include "autograd/autograd.h"
#include "autograd/op.h"

typedef struct fv_node fv_node;

/* Where the gradient of an input goes: to output nr of a node, to a leaf, or nowhere. Owned. */
typedef struct fv_edge {
    fv_node *node;
    int32_t nr;
    fv_tensor *leaf;
} fv_edge;

typedef struct fv_saved {
    fv_tensor *tensor; /* owned; NULL when not saved; an alias unless a leaf that requires grad */
    uint32_t version;  /* of its storage at that time */
} fv_saved;

typedef struct fv_meta {
    fv_dtype dtype;
    fv_order order; /* row-major or channels-last, whichever is nearer */
    fv_shape shape;
} fv_meta;

typedef struct fv_hook {
    struct fv_hook *next;
    fv_hook_fn function;              /* before accumulation; or */
    fv_post_accumulate_hook_fn after; /* after it (leaves only) */
    void *context;
    int handle;
} fv_hook;

typedef struct fv_node_input {
    fv_edge edge;
    fv_saved saved;
    fv_meta meta;
} fv_node_input;

typedef struct fv_node_output {
    fv_saved saved;      /* an alias of the output, which does not own the node */
    fv_tensor *retained; /* a tensor that wants .grad; it clears this on death */
    fv_hook *hooks;
    bool constant;
} fv_node_output;

/* One recorded call. Allocated in one piece with its arrays and options behind it. seq grows
 * with every node of the process, and an op's inputs exist before it, so falling seq is a
 * topological order. */
struct fv_node {
    const fv_op *op;
    uint64_t seq;
    uint64_t visit; /* number of the backward pass that saw it last */
    int32_t refcount;
    int inputs, outputs;
    bool holds_saved; /* tensors that it has not given up */
    bool saved_freed; /* a backward without retain_graph went through */
    bool skipped;     /* in a pass of fv_grad: lies on no path to what it asks for */
    bool inplace;     /* output 0 is input 0's memory */
    bool shapes_only;
    int running;         /* calls of the gradient that have not returned yet */
    fv_node_input *in;   /* [inputs] */
    fv_node_output *out; /* [outputs] */
    fv_tensor **grads;   /* [outputs], in a pass: what has arrived so far, owned */
    void *options;
    uint64_t call;    /* for observers: its number, 0 if nobody looked */
    const char *path; /* of modules, or NULL; see fv_frame_place */
    size_t bytes;
    fv_node *next_dying;
};

/* A node for the call, with edges, shapes and options, nothing saved yet; NULL when memory is out.
 * The options are the node's from then on. */
fv_node *fv_node_new(const fv_call *c);

/* Saves what the gradients of the wanting inputs read, which is what fv_node_saves says. clone,
 * when set, stands for input 0 (an in-place op is about to overwrite it). False when memory is out.
 */
bool fv_node_save_inputs(fv_node *node, const fv_call *c, uint32_t saves, fv_tensor *clone);
bool fv_node_save_outputs(fv_node *node, const fv_call *c, uint32_t saves);

/* Another handle on the elements of t, without its place on the tape; NULL when memory is out. */
fv_tensor *fv_same_elements(const fv_tensor *t);

static inline bool fv_has_shape(const fv_tensor *t, const fv_shape *shape)
{
    if (t->ndim != shape->ndim) return false;
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] != shape->dim[i]) return false;
    return true;
}

/* Gives a handle that is nobody else's the place of t on the tape. */
void fv_node_link(fv_tensor *handle, const fv_tensor *t);

/* t becomes output nr of the node; it keeps its hooks where they were. */
void fv_node_attach(fv_node *node, int nr, fv_tensor *t);
/* The same with a reference to the node that was the caller's. */
void fv_node_give(fv_node *node, int nr, fv_tensor *t);

/* The node gives up what it saved. */
void fv_node_free_saved(fv_node *node);

fv_node *fv_node_retain(fv_node *node);
/* Frees a chain of any length without recursion. */
void fv_node_release(fv_node *node);

/* Union of op->saves over the inputs that want a gradient, and op->also_saves; of a call that is
 * recorded. */
uint32_t fv_node_saves(const fv_call *c);

void fv_hooks_free(fv_hook *hooks);

/* Runs the hooks over *grad (owned), replacing it. */
fv_status fv_run_hooks(fv_hook *const *hooks, fv_tensor **grad);

/* Runs the hooks of a leaf that wait for its gradient to be accumulated. */
void fv_run_post_accumulate_hooks(fv_tensor *leaf);

/* Refuses constants that stand for options of another kind. */
fv_status fv_check_options(const fv_call *c);

/* The status to return for what has failed already. */
fv_status fv_standing_status(void);

#endif
