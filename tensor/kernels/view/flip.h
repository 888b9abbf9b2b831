/* Copies in which dimensions run backwards. */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_FLIP_H
#define FOVEA_TENSOR_KERNELS_VIEW_FLIP_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst[i] = src[j], where j is i but counts from the end in the dimensions of mask (bit d is
 * dimension d). One shape, any strides and dtypes; the two do not overlap. */
void fv_flip_copy(fv_machine machine, fv_tensor *dst, const fv_tensor *src, uint32_t mask);

#ifdef __cplusplus
}
#endif
#endif
