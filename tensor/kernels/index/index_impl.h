/* The inner loops of argmax, argmin and the check of indices, per instruction-set level. */
#ifndef FOVEA_TENSOR_KERNELS_INDEX_INDEX_IMPL_H
#define FOVEA_TENSOR_KERNELS_INDEX_INDEX_IMPL_H

#include "tensor/kernels/isa.h"
#include "tensor/tensor.h"

enum { FV_ARGBEST_COLUMNS = 64 };

/* The first position of the best of n >= 1 numbers without gaps; a NaN is the best. */
typedef int64_t (*fv_argbest_row)(const void *x, int64_t n);
/* The same for cols <= FV_ARGBEST_COLUMNS neighbours, whose numbers lie a stride apart; n < 2^31.
 */
typedef void (*fv_argbest_cols)(const void *x, int64_t n, int64_t stride, int64_t cols,
                                int64_t *index);

/* A number whose bit 63 is set when one of the n is outside of 0 to most. */
typedef uint64_t (*fv_index_check)(const int64_t *index, int64_t n, int64_t most);

/* [0] is for the largest number, [1] for the smallest. */
typedef struct fv_index_kernels {
    fv_argbest_row row_f32[2], row_f64[2];
    fv_argbest_cols cols_f32[2], cols_f64[2];
    fv_index_check outside;
} fv_index_kernels;
FV_ISA_DECLARE(fv_index_kernels, fv_index_kernels_);

#endif
