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

/* Between float32 and the 16-bit types, by level. */
typedef struct fv_half_rows {
    fv_convert_row f32_from_f16, f32_from_bf16, f16_from_f32, bf16_from_f32;
} fv_half_rows;
FV_ISA_DECLARE(fv_half_rows, fv_half_rows_);

#endif
