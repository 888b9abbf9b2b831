/* One element of a tensor as a double, for plain-loop kernels and per-channel operands. int64
 * values beyond 2^53 lose their last bits. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENT_H
#define FOVEA_TENSOR_KERNELS_ELEMENT_H

#include "tensor/tensor.h"

/* offset counts elements from t->data. */
static inline double fv_element_get(const fv_tensor *t, int64_t offset)
{
    switch (t->dtype) {
    case FV_BOOL:
    case FV_UINT8: return ((const uint8_t *)t->data)[offset];
    case FV_INT32: return ((const int32_t *)t->data)[offset];
    case FV_INT64: return (double)((const int64_t *)t->data)[offset];
    case FV_FLOAT32: return (double)((const float *)t->data)[offset];
    case FV_FLOAT64: return ((const double *)t->data)[offset];
    }
    return 0;
}

/* value must be one that the dtype can hold. */
static inline void fv_element_set(const fv_tensor *t, int64_t offset, double value)
{
    switch (t->dtype) {
    case FV_BOOL:
    case FV_UINT8: ((uint8_t *)t->data)[offset] = (uint8_t)value; break;
    case FV_INT32: ((int32_t *)t->data)[offset] = (int32_t)value; break;
    case FV_INT64: ((int64_t *)t->data)[offset] = (int64_t)value; break;
    case FV_FLOAT32: ((float *)t->data)[offset] = (float)value; break;
    case FV_FLOAT64: ((double *)t->data)[offset] = value; break;
    }
}

#endif
