/* Copies between two orders of memory, e.g. N,H,W,C and N,C,H,W: transposes of planes. */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_H
#define FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst[i] = src[i] for tensors of one shape and dtype when the elements follow each other along one
 * dimension in dst and along another in src: planes are then copied block by block, by several
 * threads when they are large. Returns false, with nothing written, for all other layouts. */
bool fv_transpose_copy(fv_machine m, fv_tensor *dst, const fv_tensor *src);

/* The transpose of one plane: dst[c * ds + r] = src[r * ss + c] for r < rows, c < columns. Strides
 * count elements, of 4 or 8 bytes; NULL for other sizes. */
typedef void (*fv_transpose_fn)(void *dst, int64_t ds, const void *src, int64_t ss, int64_t rows,
                                int64_t columns);
fv_transpose_fn fv_transpose_plane(fv_isa isa, size_t size);

/* dst[i] = src[i], one by one, for any strides of tensors of one shape and dtype: the oracle. */
void fv_copy_reference(fv_tensor *dst, const fv_tensor *src);

#ifdef __cplusplus
}
#endif
#endif
