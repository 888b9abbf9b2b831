/* Softmax and its logarithm. */
#ifndef FOVEA_AUTOGRAD_OPS_SOFTMAX_SOFTMAX_H
#define FOVEA_AUTOGRAD_OPS_SOFTMAX_SOFTMAX_H

#include "../../op.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* y_i = e^(x_i - m) / sum of e^(x_j - m) along dim, with m the largest x_j.
 * y has x's shape and order of memory; a line of -infinity alone gives NaN.
 * Gradient: x (twice differentiable).   Errors: dim, integers.
 * Source: torch.softmax. */
fv_tensor *fv_softmax(fv_tensor *x, int64_t dim);

/* y = log softmax(x), without the loss of digits that taking the logarithm would bring.
 * Gradient: x (twice differentiable).   Errors: dim, integers.
 * Source: torch.log_softmax. */
fv_tensor *fv_log_softmax(fv_tensor *x, int64_t dim);

/* The gradient of x from the gradient g of y: y (g - sum g y), or g - e^y sum g for the logarithm.
 * Gradient: g y (twice differentiable).   Errors: dim, shape, dtype. */
fv_tensor *fv_softmax_backward(fv_tensor *g, fv_tensor *y, int64_t dim);
fv_tensor *fv_log_softmax_backward(fv_tensor *g, fv_tensor *y, int64_t dim);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
