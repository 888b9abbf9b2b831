/* Element types: their names, sizes and classes. */
#ifndef FOVEA_TENSOR_DTYPE_H
#define FOVEA_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In promotion order: the result type of two operands is the later one (see fv_promote). */
typedef enum fv_dtype {
    FV_BOOL = 0,
    FV_UINT8,
    FV_INT32,
    FV_INT64,
    FV_FLOAT32,
    FV_FLOAT64,
} fv_dtype;

enum { FV_DTYPE_COUNT = 6 };

/* Bytes of one element; 0 for a value that is no dtype. */
size_t fv_dtype_size(fv_dtype dtype);

/* "float32" and the like, as PyTorch prints it without the "torch." prefix. */
const char *fv_dtype_name(fv_dtype dtype);

static inline bool fv_dtype_is_floating(fv_dtype dtype)
{
    return dtype == FV_FLOAT32 || dtype == FV_FLOAT64;
}

#ifdef __cplusplus
}
#endif
#endif
