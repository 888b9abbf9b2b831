/* Windows as columns, and back: layers of im2col and col2im, in two dimensions. */
#ifndef FOVEA_NN_FOLD_H
#define FOVEA_NN_FOLD_H

#include "../autograd/ops/fold/fold.h"
#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_unfold_args {
    size_t size;
    fv_dims kernel_size;
    fv_dims dilation; /* 1 */
    fv_dims padding;  /* 0 */
    fv_dims stride;   /* 1 */
} fv_nn_unfold_args;
#define FV_NN_UNFOLD_DEFAULTS FV_DEFAULTS(fv_nn_unfold_args, .dilation = 1, .stride = 1)
extern const fv_nn_unfold_args fv_nn_unfold_defaults;

/* fv_unfold.  Errors (NULL): options out of range.  Source: torch.nn.Unfold. */
fv_module *fv_nn_unfold_ex(const fv_nn_unfold_args *a);
#define fv_nn_unfold(...)                                                                          \
    FV_CALL(fv_nn_unfold_ex, fv_nn_unfold_args, FV_NN_UNFOLD_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_fold_args {
    size_t size;
    fv_dims output_size;
    fv_dims kernel_size;
    fv_dims dilation; /* 1 */
    fv_dims padding;  /* 0 */
    fv_dims stride;   /* 1 */
} fv_nn_fold_args;
#define FV_NN_FOLD_DEFAULTS FV_DEFAULTS(fv_nn_fold_args, .dilation = 1, .stride = 1)
extern const fv_nn_fold_args fv_nn_fold_defaults;

/* fv_fold.  Errors (NULL): options out of range.  Source: torch.nn.Fold. */
fv_module *fv_nn_fold_ex(const fv_nn_fold_args *a);
#define fv_nn_fold(...) FV_CALL(fv_nn_fold_ex, fv_nn_fold_args, FV_NN_FOLD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
