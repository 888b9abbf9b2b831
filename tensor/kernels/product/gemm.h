/* Matrix multiplication with a fused bias and relu, batched: the product under linear layers and
 * matmul.
 *
 *     fv_gemm_plan p;
 *     p.g = (fv_gemm){.dtype = .., .m = .., ...};
 *     fv_gemm_make_plan(&p, machine, fv_gemm_engine_wanted());
 *     fv_scratch need = {0};
 *     fv_gemm_layout(&p, &need);                        need.used bytes, 64-byte aligned
 *     fv_gemm_run(&p, &operands, memory);
 *
 * A plan holds no pointer into the call, so it may be made once and run often. A long sum of a
 * small result is cut along k, by shape alone, and what its parts sum up to is added in their
 * order: the bits of a result depend on shapes, level and engine, not on the number of threads. */
#ifndef FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_H
#define FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"
#include "tensor/kernels/view/transpose.h"
#include "tensor/machine.h"
#include "tensor/scratch.h"
#include "tensor/shape.h"

/* C = relu(A B (+ C when accumulate) (+ bias on every row)), the relu if asked for;  A [m,k]  B
 * [k,n]  C [m,n]  bias [n] for every index of the batch dimensions. m, n, k and a batch may be 0;
 * with k = 0 the product is 0. C overlaps no operand. All strides are in elements and, but for C's,
 * any: transposed, 0 (expanded), negative. */
typedef struct fv_gemm {
    fv_dtype dtype; /* FV_FLOAT32 or FV_FLOAT64 */
    bool bias, accumulate, relu;
    int64_t m, n, k;
    int64_t a_rs, a_cs, b_rs, b_cs;
    int64_t
        c_rs; /* the columns of C are contiguous; its products follow each other, m * c_rs apart */
    int64_t bias_stride;
    int batch_ndim; /* of the arrays below only so many are read */
    int64_t batch[FV_MAX_DIMS], a_batch[FV_MAX_DIMS], b_batch[FV_MAX_DIMS];
} fv_gemm;

typedef struct fv_gemm_operands {
    const void *a, *b;
    void *c;
    const void *bias;     /* read if the plan has one */
    const void *packed_b; /* as fv_gemm_pack left it, read instead of b if the plan has packed_b */
} fv_gemm_operands;

typedef enum fv_gemm_engine { FV_GEMM_BEST = 0, FV_GEMM_OWN, FV_GEMM_BLIS } fv_gemm_engine;

/* What FOVEA_GEMM (own, blis) asks for; FV_GEMM_BEST when it is not set. */
fv_gemm_engine fv_gemm_engine_wanted(void);

/* Which one takes products of that shape. BLIS gets parts of at least so many rows or columns,
 * each of which packs the other matrix anew. */
enum { FV_GEMM_BLIS_LENGTH = 512 };
fv_gemm_engine fv_gemm_engine_for(const fv_gemm *g, fv_machine machine, fv_gemm_engine wanted);

struct fv_tile_kernels;

typedef struct fv_gemm_plan {
    fv_gemm g; /* batch dimensions that were rows of one larger product are folded into m */
    const struct fv_tile_kernels *kernels;
    fv_transpose_fn transpose;
    fv_gemm_engine engine; /* FV_GEMM_OWN or FV_GEMM_BLIS */
    bool dots;             /* products of rows with rows: see fv_tile_dots */
    bool packed_b;         /* fv_gemm_run gets B packed: set it before asking for the layout */
    int threads;
    int64_t count;            /* products */
    int64_t by_m, by_n, by_k; /* parts of each */
    int64_t chunks;           /* of the count * by_m * by_n * by_k parts */
    int64_t mc, nc, kc;       /* blocks */
    int64_t nr;               /* columns of a panel of B */
    size_t a_bytes, b_bytes;
} fv_gemm_plan;

/* Completes a plan whose g is set. An engine that cannot take this product gives way. */
void fv_gemm_make_plan(fv_gemm_plan *p, fv_machine machine, fv_gemm_engine engine);

/* For a B that is used again, if all products share it: its bytes as the tiles read it (0: it is
 * read in place), and the packing itself. The order depends on fv_gemm_packed_key alone, beside B's
 * shape and strides. */
size_t fv_gemm_packed_bytes(const fv_gemm_plan *p);
void fv_gemm_pack(const fv_gemm_plan *p, const void *b, void *packed);

typedef struct fv_gemm_packed_order {
    const struct fv_tile_kernels *kernels;
    int64_t k, n, b_rs, b_cs;
} fv_gemm_packed_order;
fv_gemm_packed_order fv_gemm_packed_key(const fv_gemm_plan *p);

typedef struct fv_gemm_scratch {
    void *bias;  /* [n] contiguous; NULL where it is read in place */
    char *slots; /* packed blocks of B and A, for each thread */
    char *sums;  /* [by_k - 1][count][m,n]: of the parts of k but the first, whose place is C */
} fv_gemm_scratch;

/* Takes the plan's scratch. */
fv_gemm_scratch fv_gemm_layout(const fv_gemm_plan *p, fv_scratch *s);

void fv_gemm_run(const fv_gemm_plan *p, const fv_gemm_operands *o, void *scratch);

/* "own 12x32, 8 parts", as snprintf. */
int fv_gemm_describe(const fv_gemm_plan *p, char *text, size_t size);

/* Of uint8, int32 or int64, without a plan; accumulate is not for them. */
void fv_gemm_integers(const fv_gemm *g, const fv_gemm_operands *o);

/* The plain loops: the oracle of the tests. */
void fv_gemm_reference(const fv_gemm *g, const fv_gemm_operands *o);

/* The operands of product i. */
fv_gemm_operands fv_gemm_at(const fv_gemm *g, const fv_gemm_operands *o, int64_t i);
int64_t fv_gemm_count(const fv_gemm *g);

#endif
