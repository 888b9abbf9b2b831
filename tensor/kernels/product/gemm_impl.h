/* Internal to the gemm files: the backends behind fv_gemm_run. */
#ifndef FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_IMPL_H
#define FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_IMPL_H

#include "gemm.h"

/* False when built without BLIS, or for strides that BLIS does not take; then nothing is done. */
bool fv_gemm_blis(const fv_gemm *g, int threads);

/* Copies a block of A or B into the order in which the tiles read it. Elements are moved as bits:
 * size is 4 or 8 bytes, all strides and counts are in elements.
 *
 * B[depth, columns] -> to[depth][ld], zeros in columns `columns` to ld - 1. */
void fv_gemm_pack_b(size_t size, const void *b, int64_t rs, int64_t cs, int64_t depth,
                    int64_t columns, void *to, int64_t ld);

/* A[rows, depth] -> to[rows rounded up to a multiple of group][ld], the added rows zeros. */
void fv_gemm_pack_rows(size_t size, const void *a, int64_t rs, int64_t cs, int64_t rows,
                       int64_t depth, int group, void *to, int64_t ld);

/* A[rows, depth] -> to[tile of `tile` rows][depth][tile], zeros behind the last row. */
void fv_gemm_pack_columns(size_t size, const void *a, int64_t rs, int64_t cs, int64_t rows,
                          int64_t depth, int tile, void *to);

#endif
