/* Joining tensors, and cutting one into parts. */
#ifndef FOVEA_AUTOGRAD_OPS_VIEW_JOIN_H
#define FOVEA_AUTOGRAD_OPS_VIEW_JOIN_H

#include "../../op.h"
#include "../../../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_cat_args {
    size_t size;
    fv_tensor_list tensors;
    int64_t dim; /* 0 */
} fv_cat_args;
#define FV_CAT_DEFAULTS FV_NO_DEFAULTS(fv_cat_args)
extern const fv_cat_args fv_cat_defaults;

/* The tensors one after the other along dim: fv_cat(FV_TENSORS(a, b), .dim = 1). Their shapes agree
 * in all other dimensions; the dtype is the widest one. Tensors of shape [0] are passed over.
 * Channels-last order is kept.
 * Gradient: all (twice differentiable).   Errors: no tensor, shape, dim.
 * Source: torch.cat. */
fv_tensor *fv_cat_ex(const fv_cat_args *a);
#define fv_cat(...) FV_CALL(fv_cat_ex, fv_cat_args, FV_CAT_DEFAULTS, __VA_ARGS__)

/* The tensors, all of one shape, along a new dimension dim.
 * Gradient: all (twice differentiable).   Errors: no tensor, shape, dim.
 * Source: torch.stack. */
fv_tensor *fv_stack_ex(const fv_cat_args *a);
#define fv_stack(...) FV_CALL(fv_stack_ex, fv_cat_args, FV_CAT_DEFAULTS, __VA_ARGS__)

/* Cuts x along dim into views of split_size, the last one shorter if need be. out has room for
 * `room` of them. Returns their number; 0 with an error when an argument is wrong, which includes
 * too little room.
 * Gradient: x (twice differentiable).   Errors: split_size below 1 (0 cuts an empty dimension),
 * dim, room. Source: torch.split. */
int64_t fv_split(fv_tensor *x, int64_t split_size, int64_t dim, fv_tensor **out, int64_t room);

/* Cuts x along dim into at most `chunks` views of equal length, the last one shorter if need be.
 * As fv_split.  Source: torch.chunk. */
int64_t fv_chunk(fv_tensor *x, int64_t chunks, int64_t dim, fv_tensor **out, int64_t room);

/* All slices of x along dim, as views without that dimension. As fv_split; 0 without an error when
 * the dimension is empty.  Source: torch.unbind. */
int64_t fv_unbind(fv_tensor *x, int64_t dim, fv_tensor **out, int64_t room);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
