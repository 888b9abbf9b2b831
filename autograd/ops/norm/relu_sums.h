/* The gradient behind a relu, and its sums per channel. Not installed: ops that end in a relu use
 * it in their gradients. */
#ifndef FOVEA_AUTOGRAD_OPS_NORM_RELU_SUMS_H
#define FOVEA_AUTOGRAD_OPS_NORM_RELU_SUMS_H

#include "autograd/op.h"

/* g where y, the output of the relu, is not <= 0: fv_relu_backward. sums [C] gets what that adds up
 * to over all dimensions but the channels', in the same pass over memory.
 * g, y [N,C] or [N,C,spatial], 1 to 3 spatial dimensions, float32 or float64; the result is in
 * channels-last order.  Gradient: g.   Errors: shape, dtype; sums is the failed tensor then. */
fv_tensor *fv_relu_sums(fv_tensor *g, fv_tensor *y, fv_tensor **sums);

#endif
