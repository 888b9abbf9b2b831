/* The loop of a conversion, and the ones that profit from wide vectors. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_CONVERT_IMPL_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_CONVERT_IMPL_H

#include "tensor/kernels/element.h"
#include "tensor/kernels/elementwise/convert.h"

/* The function `name`: elements of type D from elements of type S by convert(x). */
#define FV_CONVERT_ROW(name, D, S, convert)                                                        \
    static void name(void *dst_, const void *src_, int64_t n)                                      \
    {                                                                                              \
        D *restrict dst = dst_;                                                                    \
        const S *restrict src = src_;                                                              \
        for (int64_t i = 0; i < n; i++) dst[i] = (D)convert(src[i]);                               \
    }

/* Between floating types, and from float32 and float64 to int64, by level. */
typedef struct fv_level_rows {
    fv_convert_row f32_from_f16, f32_from_bf16, f16_from_f32, bf16_from_f32;
    fv_convert_row i64_from_f32, i64_from_f64, f64_from_f32, f32_from_f64;
} fv_level_rows;
FV_ISA_DECLARE(fv_level_rows, fv_level_rows_);

#define FV_AS_IT_IS(x) (x)
#define FV_CUT(x)      fv_to_int64((double)(x))

#endif
