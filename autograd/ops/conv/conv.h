/* Convolution and transposed convolution in one, two and three dimensions. */
#ifndef FOVEA_AUTOGRAD_OPS_CONV_CONV_H
#define FOVEA_AUTOGRAD_OPS_CONV_CONV_H

#include "../../op.h"
#include "../../../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_conv_args {
    size_t size;
    fv_tensor *input, *weight, *bias;
    fv_dims stride;                      /* 1 */
    fv_dims padding;                     /* 0; or FV_SAME, FV_VALID, FV_FULL */
    fv_dims dilation;                    /* 1 */
    int64_t groups;                      /* 1 */
    fv_tensor *scale, *shift, *residual; /* see below; NULL leaves a part out */
    bool relu;
} fv_conv_args;
#define FV_CONV_DEFAULTS FV_DEFAULTS(fv_conv_args, .stride = 1, .dilation = 1, .groups = 1)
extern const fv_conv_args fv_conv_defaults;

/* y = x * w + b: cross-correlation.
 * x [N,C,L..]  w [O,C/g,K..]  b [O] or NULL  ->  y [N,O,M..]; x [C,L..] gives y [O,M..]
 * M = floor((L + 2 padding - dilation (K - 1) - 1) / stride) + 1 in each of the 1, 2 or 3 dims.
 * FV_SAME keeps the size (stride 1; of an odd total the end gets the extra zero), FV_VALID pads
 * nothing, FV_FULL pads dilation (K - 1) on both sides.
 * y is in channels-last order.
 * With .scale [O], .shift [O], .residual of y's shape and .relu the result is
 *     relu((x * w + b) scale + shift + residual)
 * in the same pass: what follows a convolution costs no pass over memory of its own. The gradient
 * of scale computes the convolution once more.
 * Gradient: x w b scale shift residual (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.conv1d, conv2d, conv3d; FV_FULL: scipy.signal.correlate. */
fv_tensor *fv_conv1d_ex(const fv_conv_args *a);
fv_tensor *fv_conv2d_ex(const fv_conv_args *a);
fv_tensor *fv_conv3d_ex(const fv_conv_args *a);
#define fv_conv1d(...) FV_CALL(fv_conv1d_ex, fv_conv_args, FV_CONV_DEFAULTS, __VA_ARGS__)
#define fv_conv2d(...) FV_CALL(fv_conv2d_ex, fv_conv_args, FV_CONV_DEFAULTS, __VA_ARGS__)
#define fv_conv3d(...) FV_CALL(fv_conv3d_ex, fv_conv_args, FV_CONV_DEFAULTS, __VA_ARGS__)

typedef struct fv_conv_transpose_args {
    size_t size;
    fv_tensor *input, *weight, *bias;
    fv_dims stride;                      /* 1 */
    fv_dims padding;                     /* 0 */
    fv_dims output_padding;              /* 0; per dimension below stride or dilation */
    int64_t groups;                      /* 1 */
    fv_dims dilation;                    /* 1 */
    fv_tensor *scale, *shift, *residual; /* as of fv_conv_args */
    bool relu;
} fv_conv_transpose_args;
#define FV_CONV_TRANSPOSE_DEFAULTS                                                                 \
    FV_DEFAULTS(fv_conv_transpose_args, .stride = 1, .groups = 1, .dilation = 1)
extern const fv_conv_transpose_args fv_conv_transpose_defaults;

/* The adjoint of fv_conv*d in its input, plus b; scale, shift, residual and relu as there.
 * x [N,C,L..]  w [C,O/g,K..]  b [O] or NULL  ->  y [N,O,M..]; x [C,L..] gives y [O,M..]
 * M = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1
 * Gradient: x w b scale shift residual (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.conv_transpose1d, conv_transpose2d, conv_transpose3d. */
fv_tensor *fv_conv_transpose1d_ex(const fv_conv_transpose_args *a);
fv_tensor *fv_conv_transpose2d_ex(const fv_conv_transpose_args *a);
fv_tensor *fv_conv_transpose3d_ex(const fv_conv_transpose_args *a);
#define fv_conv_transpose1d(...)                                                                   \
    FV_CALL(fv_conv_transpose1d_ex, fv_conv_transpose_args, FV_CONV_TRANSPOSE_DEFAULTS, __VA_ARGS__)
#define fv_conv_transpose2d(...)                                                                   \
    FV_CALL(fv_conv_transpose2d_ex, fv_conv_transpose_args, FV_CONV_TRANSPOSE_DEFAULTS, __VA_ARGS__)
#define fv_conv_transpose3d(...)                                                                   \
    FV_CALL(fv_conv_transpose3d_ex, fv_conv_transpose_args, FV_CONV_TRANSPOSE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
