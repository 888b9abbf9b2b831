/* Matrix multiplication with a fused bias: the product under linear layers and matmul. */
#ifndef FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_H
#define FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_H

#include "tensor/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C = A B (+ C when accumulate) (+ bias on every row);  A [m,k]  B [k,n]  C [m,n]  bias [n]
 * m, n and k may be 0; with k = 0 the product is 0. C overlaps no operand. */
typedef struct fv_gemm {
    fv_dtype dtype; /* FV_FLOAT32 or FV_FLOAT64 */
    int64_t m, n, k;
    const void *a;
    int64_t a_rs, a_cs; /* strides in elements, any: transposed, 0 (expanded), negative */
    const void *b;
    int64_t b_rs, b_cs;
    void *c;
    int64_t c_rs;     /* the columns of C are contiguous */
    const void *bias; /* [n] contiguous, or NULL */
    bool accumulate;
} fv_gemm;

/* Bytes of 64-byte aligned scratch that fv_gemm_run needs for the same g and threads. Only the
 * dtype, the sizes and the strides count, the pointers may be anything. */
size_t fv_gemm_scratch(const fv_gemm *g, int threads);

/* Uses at most `threads` threads, and only one for a product too small to share: inside a parallel
 * region of the caller pass 1. The same thread count gives the same bits. */
void fv_gemm_run(const fv_gemm *g, void *scratch, int threads);

/* The triple loop: the oracle of the tests. */
void fv_gemm_reference(const fv_gemm *g);

#ifdef __cplusplus
}
#endif
#endif
