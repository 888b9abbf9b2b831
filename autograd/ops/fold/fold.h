/* Windows as columns and back: im2col and col2im, in 1 to 3 dimensions.
 *
 * A convolution is a product with columns: conv2d(x, w) = reshape(w, O, C * KH * KW) @ unfold(x),
 * and each of the two ops here is the other one's gradient, <unfold(x), y> = <x, fold(y)>. Options
 * take one number for all dimensions or FV_DIMS(...), one per dimension. Results are row-major. */
#ifndef FOVEA_AUTOGRAD_OPS_FOLD_FOLD_H
#define FOVEA_AUTOGRAD_OPS_FOLD_FOLD_H

#include "../../../tensor/args.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_unfold_args {
    size_t size;
    fv_tensor *input;
    fv_dims kernel_size;
    fv_dims dilation; /* 1 */
    fv_dims padding;  /* 0; with zeros */
    fv_dims stride;   /* 1 */
} fv_unfold_args;
#define FV_UNFOLD_DEFAULTS FV_DEFAULTS(fv_unfold_args, .dilation = 1, .stride = 1)
extern const fv_unfold_args fv_unfold_defaults;

/* y[n, (c * KH + kh) * KW + kw, oh * OW + ow]
 *     = x[n, c, oh * stride - padding + kh * dilation, ow * stride - padding + kw * dilation]
 * x [N,C,H,W]  ->  y [N, C * KH * KW, OH * OW]    (1d: [N,C,L], 3d: [N,C,D,H,W]; or without N)
 * OH = (H + 2 * padding - dilation * (KH - 1) - 1) / stride + 1, rounded down.
 * Any dtype. The batch may be empty, the other dimensions not.
 * Gradient: x (twice differentiable).   Errors: shape, option.
 * Source: torch.nn.functional.unfold, which has 2 dimensions and floating types only. */
fv_tensor *fv_unfold1d_ex(const fv_unfold_args *a);
fv_tensor *fv_unfold_ex(const fv_unfold_args *a);
fv_tensor *fv_unfold3d_ex(const fv_unfold_args *a);
#define fv_unfold1d(...) FV_CALL(fv_unfold1d_ex, fv_unfold_args, FV_UNFOLD_DEFAULTS, __VA_ARGS__)
#define fv_unfold(...)   FV_CALL(fv_unfold_ex, fv_unfold_args, FV_UNFOLD_DEFAULTS, __VA_ARGS__)
#define fv_unfold3d(...) FV_CALL(fv_unfold3d_ex, fv_unfold_args, FV_UNFOLD_DEFAULTS, __VA_ARGS__)

typedef struct fv_fold_args {
    size_t size;
    fv_tensor *input;
    fv_dims output_size;
    fv_dims kernel_size;
    fv_dims dilation; /* 1 */
    fv_dims padding;  /* 0 */
    fv_dims stride;   /* 1 */
} fv_fold_args;
#define FV_FOLD_DEFAULTS FV_DEFAULTS(fv_fold_args, .dilation = 1, .stride = 1)
extern const fv_fold_args fv_fold_defaults;

/* y[n, c, h, w] = the sum of the elements of x that fv_unfold of a y would have made of y[n,c,h,w]
 * x [N, C * KH * KW, OH * OW]  ->  y [N, C, output_size], or both without N; x fits the OH, OW and
 * KH, KW of fv_unfold for that output_size. Where windows overlap, fold(unfold(x)) is x times the
 * number of windows over each element. float32 and float64.
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.fold, which has 2 dimensions only. */
fv_tensor *fv_fold1d_ex(const fv_fold_args *a);
fv_tensor *fv_fold_ex(const fv_fold_args *a);
fv_tensor *fv_fold3d_ex(const fv_fold_args *a);
#define fv_fold1d(...) FV_CALL(fv_fold1d_ex, fv_fold_args, FV_FOLD_DEFAULTS, __VA_ARGS__)
#define fv_fold(...)   FV_CALL(fv_fold_ex, fv_fold_args, FV_FOLD_DEFAULTS, __VA_ARGS__)
#define fv_fold3d(...) FV_CALL(fv_fold3d_ex, fv_fold_args, FV_FOLD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
