/* A box within a tensor that is filled up around it: constant padding, and the adjoint of slices.
 */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_PAD_H
#define FOVEA_TENSOR_KERNELS_VIEW_PAD_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[start + i] = x[i], and *value everywhere else in y. y is dense; x has y's rank and dtype, any
 * strides, and lies within y: 0 <= start, start + x's length <= y's in every dimension. Every
 * element is written once. */
void fv_pad_copy(fv_machine m, fv_tensor *y, const fv_tensor *x, const int64_t *start,
                 const void *value);

#ifdef __cplusplus
}
#endif
#endif
