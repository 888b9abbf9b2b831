/* Softmax and log-softmax over one dimension, and their backward steps, for any strides.
 *
 * float32 has vector loops for a dense softmax dimension (rows) and for a dense neighbour
 * (columns); other strides and float64 go through the column loops, one column at a time. */
#ifndef FOVEA_TENSOR_KERNELS_SOFTMAX_SOFTMAX_H
#define FOVEA_TENSOR_KERNELS_SOFTMAX_SOFTMAX_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

/* y = softmax of x along dim, or its logarithm. */
void fv_softmax_run(fv_machine m, const fv_tensor *x, int dim, bool log, fv_tensor *y);
void fv_softmax_reference(const fv_tensor *x, int dim, bool log, fv_tensor *y);

/* gx from the gradient g of y:  y (g - sum g y),  or  g - e^y sum g  for the logarithm. */
void fv_softmax_grad_run(fv_machine m, const fv_tensor *g, const fv_tensor *y, int dim, bool log,
                         fv_tensor *gx);
void fv_softmax_grad_reference(const fv_tensor *g, const fv_tensor *y, int dim, bool log,
                               fv_tensor *gx);

#endif
