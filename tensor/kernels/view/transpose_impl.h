/* The transposes of one plane, by ISA level. */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_IMPL_H
#define FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_IMPL_H

#include <stdint.h>

#include "tensor/kernels/isa.h"

/* dst[c * ds + r] = src[r * ss + c] for r < rows, c < columns. Strides count elements. */
typedef void (*fv_transpose_fn)(void *dst, int64_t ds, const void *src, int64_t ss, int64_t rows,
                                int64_t columns);

typedef struct fv_transpose_kernels {
    fv_transpose_fn word32, word64;
} fv_transpose_kernels;
FV_ISA_DECLARE(fv_transpose_kernels, fv_transpose_kernels_);

#endif
