/* Internal to the gemm files: parts of a product, packing, the second engine. */
#ifndef FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_IMPL_H
#define FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_IMPL_H

#include "gemm.h"
#include "gemm_tile.h"

/* C[m0..m1, n0..n1] of one product. */
typedef struct fv_gemm_part {
    int64_t m0, m1, n0, n1;
} fv_gemm_part;

static inline int64_t fv_gemm_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t fv_gemm_ceil(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline const void *fv_gemm_element(const void *p, int64_t elements, size_t size)
{
    return (const char *)p + elements * (int64_t)size;
}

/* Columns of a packed panel: whole vectors. */
static inline int64_t fv_gemm_panel_width(const fv_gemm_plan *p, int64_t columns)
{
    const int type = p->g.dtype == FV_FLOAT64;
    return columns > p->kernels->lanes[type] ? p->nr : p->kernels->lanes[type];
}

/* Packed B: [block of KC of k][panel of NR columns][k][panel's width]. Columns with the padding
 * of the last panel; elements before column j, the first of a panel, in the block of `depth` from
 * k on. */
static inline int64_t fv_gemm_padded_columns(const fv_gemm_plan *p)
{
    const int64_t nr = p->nr, last = (p->g.n - 1) / nr * nr;
    return last + fv_gemm_panel_width(p, p->g.n - last);
}

static inline int64_t fv_gemm_packed_offset(const fv_gemm_plan *p, int64_t k, int64_t depth,
                                            int64_t j)
{
    return k * fv_gemm_padded_columns(p) + j * depth;
}

/* Bytes of B that a thread packs. */
static inline size_t fv_gemm_own_b_bytes(const fv_gemm_plan *p)
{
    return p->packed_b ? 0 : p->b_bytes;
}

/* Rows of C up to which a part reads B in place where its columns are contiguous. */
enum { FV_GEMM_DIRECT_ROWS = 24 };

/* A is read in place for few columns, as copying would not pay; where its rows are contiguous along
 * m for twice as many, but not if steps of k are more bytes apart: their lines share few places in
 * the caches. */
enum { FV_GEMM_DIRECT_COLUMNS = 32, FV_GEMM_DIRECT_STEP = 1024 };

static inline bool fv_gemm_a_in_place(const fv_gemm *g, int64_t columns)
{
    if (g->a_cs == 1 || g->a_rs != 1) return columns <= FV_GEMM_DIRECT_COLUMNS;
    return columns <= 2 * FV_GEMM_DIRECT_COLUMNS &&
           g->a_cs * (int64_t)fv_dtype_size(g->dtype) <= FV_GEMM_DIRECT_STEP;
}

/* False when built without BLIS, or for sizes and strides that it does not take. */
bool fv_gemm_blis_takes(const fv_gemm *g);

/* One part on one thread; the bias is contiguous. */
void fv_gemm_blis(const fv_gemm *g, const fv_gemm_operands *o, fv_gemm_part part);

/* How elements are moved: as bits, of 4 or 8 bytes. */
typedef struct fv_gemm_mover {
    size_t size;
    fv_transpose_fn transpose;
} fv_gemm_mover;

static inline fv_gemm_mover fv_gemm_mover_of(const fv_gemm_plan *p)
{
    return (fv_gemm_mover){fv_dtype_size(p->g.dtype), p->transpose};
}

/* Copies a block of A or B into the order in which the tiles read it; strides and counts are in
 * elements.
 *
 * B[depth, columns] -> to[panel of `width` columns][depth][width], but the last panel's width is
 * `last`, with zeros where B has no more columns. A by columns is packed as its transpose. */
void fv_gemm_pack_panels(fv_gemm_mover m, const void *b, int64_t rs, int64_t cs, int64_t depth,
                         int64_t columns, int64_t width, int64_t last, void *to);

/* A[rows, depth] -> to[rows rounded up to a multiple of group][ld], the added rows zeros. */
void fv_gemm_pack_rows(fv_gemm_mover m, const void *a, int64_t rs, int64_t cs, int64_t rows,
                       int64_t depth, int group, void *to, int64_t ld);

enum { FV_GEMM_PAD = 16 }; /* elements that keep packed rows off 4 KiB aliases */

#endif
