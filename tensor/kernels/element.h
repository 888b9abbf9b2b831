/* One element of any dtype as a double or an int64, for plain loops, single values and per-channel
 * operands: the one place that knows how each dtype lies in memory, besides the rows of
 * tensor/kernels/elementwise/convert.c for whole tensors. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENT_H
#define FOVEA_TENSOR_KERNELS_ELEMENT_H

#include "tensor/kernels/half.h"
#include "tensor/tensor.h"

/* A float outside the integer's range, or NaN, becomes its smallest number, as on x86 in PyTorch;
 * C leaves it undefined. Narrower integers take the low bits of the int64. */
static inline int64_t fv_to_int64(double v)
{
    return v > -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

static inline int32_t fv_to_int32(double v)
{
    return v > -0x1p31 - 1 && v < 0x1p31 ? (int32_t)v : INT32_MIN;
}

/* data[i]; int64 values beyond 2^53 are rounded. */
static inline double fv_load(fv_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case FV_BOOL: return ((const uint8_t *)data)[i] != 0;
    case FV_UINT8: return ((const uint8_t *)data)[i];
    case FV_INT8: return ((const int8_t *)data)[i];
    case FV_INT16: return ((const int16_t *)data)[i];
    case FV_INT32: return ((const int32_t *)data)[i];
    case FV_INT64: return (double)((const int64_t *)data)[i];
    case FV_FLOAT16: return (double)fv_f16_to_f32(((const uint16_t *)data)[i]);
    case FV_BFLOAT16: return (double)fv_bf16_to_f32(((const uint16_t *)data)[i]);
    case FV_FLOAT32: return (double)((const float *)data)[i];
    case FV_FLOAT64: return ((const double *)data)[i];
    }
    return 0;
}

/* data[i] without rounding; of a floating dtype, cut to an integer. */
static inline int64_t fv_load_int(fv_dtype dtype, const void *data, int64_t i)
{
    if (dtype == FV_INT64) return ((const int64_t *)data)[i];
    return fv_to_int64(fv_load(dtype, data, i));
}

/* data[i] = v; a floating dtype rounds once. */
static inline void fv_store_int(fv_dtype dtype, void *data, int64_t i, int64_t v)
{
    switch (dtype) {
    case FV_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    case FV_UINT8: ((uint8_t *)data)[i] = (uint8_t)v; break;
    case FV_INT8: ((int8_t *)data)[i] = (int8_t)v; break;
    case FV_INT16: ((int16_t *)data)[i] = (int16_t)v; break;
    case FV_INT32: ((int32_t *)data)[i] = (int32_t)v; break;
    case FV_INT64: ((int64_t *)data)[i] = v; break;
    case FV_FLOAT16: ((uint16_t *)data)[i] = fv_f64_to_f16((double)v); break;
    case FV_BFLOAT16: ((uint16_t *)data)[i] = fv_i64_to_bf16(v); break;
    case FV_FLOAT32: ((float *)data)[i] = (float)v; break;
    case FV_FLOAT64: ((double *)data)[i] = (double)v; break;
    }
}

/* data[i] = v; see above for what an integer dtype takes of it. */
static inline void fv_store(fv_dtype dtype, void *data, int64_t i, double v)
{
    switch (dtype) {
    case FV_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    case FV_INT32: ((int32_t *)data)[i] = fv_to_int32(v); break;
    case FV_FLOAT16: ((uint16_t *)data)[i] = fv_f64_to_f16(v); break;
    case FV_BFLOAT16: ((uint16_t *)data)[i] = fv_f64_to_bf16(v); break;
    case FV_FLOAT32: ((float *)data)[i] = (float)v; break;
    case FV_FLOAT64: ((double *)data)[i] = v; break;
    default: fv_store_int(dtype, data, i, fv_to_int64(v));
    }
}

/* The same on a tensor; offset counts elements from t->data. */
static inline double fv_element_get(const fv_tensor *t, int64_t offset)
{
    return fv_load(t->dtype, t->data, offset);
}

static inline int64_t fv_element_get_int(const fv_tensor *t, int64_t offset)
{
    return fv_load_int(t->dtype, t->data, offset);
}

static inline void fv_element_set(const fv_tensor *t, int64_t offset, double value)
{
    fv_store(t->dtype, t->data, offset, value);
}

static inline void fv_element_set_int(const fv_tensor *t, int64_t offset, int64_t value)
{
    fv_store_int(t->dtype, t->data, offset, value);
}

#endif
