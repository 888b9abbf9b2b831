/* Rows of one dtype from rows of another: every pair of the ten dtypes.
 *
 * Most pairs have a loop of their own. The others go in two steps, block by block: integers by way
 * of int64, float16 and bfloat16 by way of float32. A number on its way to a 16-bit type that
 * float32 cannot hold is rounded to odd there (see half.h). So each conversion rounds once. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_CONVERT_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_CONVERT_H

#include "tensor/dtype.h"
#include "tensor/kernels/isa.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst[i] = src[i] for i < n; the two do not overlap. */
typedef void (*fv_convert_row)(void *dst, const void *src, int64_t n);

typedef struct fv_conversion {
    fv_convert_row first;      /* NULL: the bits stay as they are */
    fv_convert_row second;     /* from the type between; NULL when first does it all */
    size_t to_size, from_size; /* bytes of an element */
} fv_conversion;

fv_conversion fv_conversion_for(fv_isa isa, fv_dtype to, fv_dtype from);

/* From element to element and from row to row; all count elements. */
typedef struct fv_convert_steps {
    int64_t dst, src, dst_row, src_row;
} fv_convert_steps;

/* dst[r * dst_row + i * dst] = src[r * src_row + i * src] for i < n and r < rows. */
void fv_convert(const fv_conversion *c, void *dst, const fv_convert_steps *steps, const void *src,
                int64_t n, int64_t rows);

#ifdef __cplusplus
}
#endif
#endif
