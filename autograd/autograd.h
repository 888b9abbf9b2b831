/* The dynamic tape: recording, backward, gradients, hooks.
 *
 * An op on a tensor that requires grad leaves a node, which points at the nodes of its inputs and
 * keeps what its gradient reads. The graph belongs to the tensors: it dies with the last of them,
 * and what it has saved dies piece by piece while fv_backward walks it. Grad mode is per thread.
 * Two threads must not walk common nodes, or add to the gradient of a common leaf, at the same
 * time. */
#ifndef FOVEA_AUTOGRAD_AUTOGRAD_H
#define FOVEA_AUTOGRAD_AUTOGRAD_H

#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- grad mode -------------------------------------------------------------------------------- */

/* Does this thread record ops on the tape? At first it does. */
bool fv_grad_enabled(void);
/* Switches recording on or off for this thread. Returns the mode before.  Source:
 * torch.set_grad_enabled. */
bool fv_set_grad_enabled(bool enabled);

typedef struct fv_grad_mode {
    uint64_t id; /* private: as that of fv_scope */
} fv_grad_mode;

/* fv_grad_mode m = fv_grad_mode_open(&m, false); to fv_grad_mode_close(&m): as a scope (scope.h),
 * in which gradients are on or off. The end of a scope around it ends it as well. */
fv_grad_mode fv_grad_mode_open(fv_grad_mode *mode, bool enabled);
void fv_grad_mode_close(fv_grad_mode *mode);

/* A declaration: nothing is recorded from here to the end of the block, whichever way it is left.
 * Source: torch.no_grad. */
#define FV_NO_GRAD           FV_NO_GRAD_1(__COUNTER__)
#define FV_NO_GRAD_1(number) FV_NO_GRAD_2(number)
#define FV_NO_GRAD_2(number)                                                                       \
    fv_grad_mode fv_no_grad_##number                                                               \
        __attribute__((__cleanup__(fv_grad_mode_close), __unused__)) =                             \
            fv_grad_mode_open(&fv_no_grad_##number, false)

/* --- tensors and the tape --------------------------------------------------------------------- */

/* Makes a leaf want a gradient, or not. Errors: a non-leaf, an integer dtype. Returns t.
 * Source: Tensor.requires_grad_. */
fv_tensor *fv_requires_grad(fv_tensor *t, bool requires_grad);

/* The same elements without the history; shares storage.  Source: Tensor.detach. */
fv_tensor *fv_detach(fv_tensor *t);

/* The gradient that backward left in a leaf (or after fv_retain_grad), or NULL. Borrowed: a later
 * backward adds to it or puts another tensor in its place.  Source: Tensor.grad. */
fv_tensor *fv_grad_of(const fv_tensor *t);

/* Replaces the gradient (NULL clears it). Errors: another shape or dtype, t itself. */
fv_status fv_set_grad(fv_tensor *t, fv_tensor *grad);

/* Questions about NULL: no gradient, no op, a leaf (as a failed tensor is). */

/* Keeps the gradient of a non-leaf as well.  Source: Tensor.retain_grad. */
void fv_retain_grad(fv_tensor *t);

/* Was t made by the user and not by an op that was recorded?  Source: Tensor.is_leaf. */
bool fv_is_leaf(const fv_tensor *t);

/* Name of the op that made t, or NULL for a leaf. */
const char *fv_grad_fn_name(const fv_tensor *t);

/* Runs when the gradient of t is complete, that is when the last of the ops in the pass that use t
 * has had its turn, and before it is added to .grad; may return another tensor of the same shape to
 * take its place, or NULL. It must not write to the gradient, which others may share, but may run a
 * backward of its own. Returns a handle for fv_remove_hook, 0 on an error. Source:
 * Tensor.register_hook. */
typedef fv_tensor *(*fv_hook_fn)(fv_tensor *grad, void *context);
int fv_register_hook(fv_tensor *t, fv_hook_fn function, void *context);

/* Runs when fv_backward has added the complete gradient to .grad of the leaf t, while the pass goes
 * on. It may read and write .grad and the leaf's elements, and clear it (fv_set_grad(t, NULL)).
 * Returns a handle for fv_remove_hook, 0 on an error.
 * Source: Tensor.register_post_accumulate_grad_hook. */
typedef void (*fv_post_accumulate_hook_fn)(fv_tensor *leaf, void *context);
int fv_register_post_accumulate_grad_hook(fv_tensor *t, fv_post_accumulate_hook_fn function,
                                          void *context);

/* Of either kind. */
void fv_remove_hook(fv_tensor *t, int handle);

/* For a hook: function runs once, when the pass that is running in this thread (the outermost, if
 * it is inside of others) has come to its end, be that an error: status tells. What it fails with
 * is what fv_backward returns, if nothing else is. Functions run in the order of their calls.
 * Errors: no pass is running, memory. Source: torch's Engine.queue_callback. */
typedef void (*fv_pass_end_fn)(fv_status status, void *context);
fv_status fv_queue_callback(fv_pass_end_fn function, void *context);

/* --- backward --------------------------------------------------------------------------------- */

typedef struct fv_backward_args {
    size_t size;
    fv_tensor *tensor;
    fv_tensor *gradient; /* of tensor's shape; needed unless tensor has one element */
    bool retain_graph;   /* keep the graph for another backward */
    bool create_graph;   /* record the backward itself (implies retain_graph) */
} fv_backward_args;
#define FV_BACKWARD_DEFAULTS FV_NO_DEFAULTS(fv_backward_args)
extern const fv_backward_args fv_backward_defaults;

/* Adds d tensor / d leaf, times gradient, to .grad of every leaf that requires grad. What a node
 * has saved is freed as soon as it has run. With create_graph .grad holds on to the graph, which
 * holds on to the leaves: clear it with fv_set_grad(leaf, NULL), or use fv_grad.
 * Errors: no graph, a graph already freed, a saved tensor overwritten since, shapes, what a
 * gradient or a hook leaves standing; then no gradient is trusted but every tensor is whole. FV_OK
 * means that no error stands, an older one included. Source: Tensor.backward. */
fv_status fv_backward_ex(const fv_backward_args *a);
#define fv_backward(...)                                                                           \
    FV_CALL(fv_backward_ex, fv_backward_args, FV_BACKWARD_DEFAULTS, __VA_ARGS__)

typedef struct fv_grad_args {
    size_t size;
    fv_tensor_list outputs;
    fv_tensor_list inputs;
    fv_tensor **grads;           /* room for inputs.count results, owned by the innermost scope */
    fv_tensor_list grad_outputs; /* one per output (NULL: ones, for one element), or empty */
    bool retain_graph;
    bool create_graph; /* the results can be differentiated again (implies retain_graph) */
    bool allow_unused; /* NULL for an input that no output depends on; else an error */
} fv_grad_args;
#define FV_GRAD_DEFAULTS FV_NO_DEFAULTS(fv_grad_args)
extern const fv_grad_args fv_grad_defaults;

/* fv_grad(FV_TENSORS(y), FV_TENSORS(x, w), grads, .create_graph = true): the gradients of the
 * outputs' sum in the inputs, which may be leaves or not; .grad of no tensor is touched. Only nodes
 * on a path to the inputs run, and only what these have saved is freed.
 * On an error every grads[i] is the failed tensor.  Source: torch.autograd.grad. */
fv_status fv_grad_ex(const fv_grad_args *a);
#define fv_grad(...) FV_CALL(fv_grad_ex, fv_grad_args, FV_GRAD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
