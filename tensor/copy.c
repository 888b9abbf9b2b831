/* Copies with conversion between any two layouts and dtypes, as they are or with dimensions
 * reversed.
 *
 * Dimensions are sorted by the target's strides and merged where both sides allow, so that most
 * copies become one long row. Rows, long ones in pieces, are shared among threads. */
#include "tensor/kernels/elementwise/convert.h"
#include "tensor/kernels/view/flip.h"
#include "tensor/kernels/view/transpose.h"
#include "tensor/ranges.h"
#include "tensor/tensor.h"

typedef struct copy_plan {
    int ndim;
    int64_t shape[FV_MAX_DIMS], dst[FV_MAX_DIMS], src[FV_MAX_DIMS]; /* element strides */
} copy_plan;

static void swap_dims(copy_plan *p, int i, int j)
{
    int64_t s = p->shape[i], d = p->dst[i], c = p->src[i];
    p->shape[i] = p->shape[j], p->dst[i] = p->dst[j], p->src[i] = p->src[j];
    p->shape[j] = s, p->dst[j] = d, p->src[j] = c;
}

/* Reversed dimensions have strides below 0 in src; bit d of mask names dimension d. */
static copy_plan plan_copy(const fv_tensor *dst, const fv_tensor *src, uint32_t mask)
{
    copy_plan p = {.ndim = 0};
    for (int i = 0; i < dst->ndim; i++) {
        if (dst->shape[i] == 1) continue;
        int k = p.ndim++;
        p.shape[k] = dst->shape[i], p.dst[k] = dst->strides[i], p.src[k] = src->strides[i];
        if (mask >> i & 1) p.src[k] = -p.src[k];
        for (; k > 0 && p.dst[k - 1] < p.dst[k]; k--) swap_dims(&p, k - 1, k);
    }
    int kept = 0;
    for (int i = 0; i < p.ndim; i++) {
        int j = kept - 1;
        if (kept && p.dst[j] == p.shape[i] * p.dst[i] && p.src[j] == p.shape[i] * p.src[i]) {
            p.shape[j] *= p.shape[i], p.dst[j] = p.dst[i], p.src[j] = p.src[i];
        } else {
            p.shape[kept] = p.shape[i], p.dst[kept] = p.dst[i], p.src[kept] = p.src[i];
            kept++;
        }
    }
    p.ndim = kept;
    if (kept == 0) p.ndim = 1, p.shape[0] = 1, p.dst[0] = p.src[0] = 1;
    return p;
}

/* The pieces of all rows, numbered row by row; the unit of work. */
typedef struct copy_job {
    copy_plan p;
    fv_conversion conversion;
    fv_convert_steps steps;
    char *dst;
    const char *src;
    int64_t row, piece, pieces; /* elements of a row and of a piece, pieces of a row */
} copy_job;

/* Offsets of a row, and its index in the outer dimensions. */
typedef struct copy_place {
    int64_t index[FV_MAX_DIMS], dst, src;
} copy_place;

static copy_place find_row(const copy_plan *p, int64_t row)
{
    copy_place at = {.dst = 0, .src = 0};
    for (int i = p->ndim - 2; i >= 0; i--) {
        at.index[i] = row % p->shape[i];
        row /= p->shape[i];
        at.dst += at.index[i] * p->dst[i];
        at.src += at.index[i] * p->src[i];
    }
    return at;
}

/* Goes on by so many rows of the innermost loop. */
static void skip_rows(const copy_plan *p, copy_place *at, int64_t rows)
{
    for (int i = p->ndim - 2; i >= 0; i--, rows = 1) {
        at->dst += rows * p->dst[i], at->src += rows * p->src[i];
        at->index[i] += rows;
        if (at->index[i] < p->shape[i]) return;
        at->dst -= p->shape[i] * p->dst[i], at->src -= p->shape[i] * p->src[i];
        at->index[i] = 0;
    }
}

/* A piece of each of so many rows. */
static void copy_pieces(const copy_job *j, const copy_place *at, int64_t piece, int64_t rows)
{
    int64_t first = piece * j->piece, n = j->row - first < j->piece ? j->row - first : j->piece;
    int64_t dst = at->dst + first * j->steps.dst, src = at->src + first * j->steps.src;
    fv_convert(&j->conversion, j->dst + dst * (int64_t)j->conversion.to_size, &j->steps,
               j->src + src * (int64_t)j->conversion.from_size, n, rows);
}

/* Units [first, last): one after the other, or all whole rows of the innermost loop at once. */
static void copy_units(const void *job, int64_t first, int64_t last)
{
    const copy_job *j = job;
    const int loop = j->p.ndim - 2;
    copy_place at = {.dst = 0, .src = 0};
    if (first > 0) at = find_row(&j->p, first / j->pieces);
    int64_t piece = first > 0 ? first % j->pieces : 0, rows = 1;
    for (int64_t unit = first; unit < last; unit += rows) {
        if (loop >= 0 && j->pieces == 1) {
            rows = j->p.shape[loop] - at.index[loop];
            if (rows > last - unit) rows = last - unit;
        }
        copy_pieces(j, &at, piece, rows);
        if (++piece < j->pieces) continue;
        piece = 0;
        skip_rows(&j->p, &at, rows);
    }
}

/* The element of src with which the reversed dimensions begin. */
static const char *first_element(const fv_tensor *src, uint32_t mask)
{
    int64_t offset = 0;
    for (int i = 0; i < src->ndim; i++)
        if (mask >> i & 1) offset += (src->shape[i] - 1) * src->strides[i];
    return (const char *)src->data + offset * (int64_t)fv_dtype_size(src->dtype);
}

static void copy_elements(fv_machine machine, fv_tensor *dst, const fv_tensor *src, uint32_t mask)
{
    enum { PIECE = 16384 };
    copy_job j = {.p = plan_copy(dst, src, mask),
                  .conversion = fv_conversion_for(machine.isa, dst->dtype, src->dtype),
                  .dst = dst->data,
                  .src = first_element(src, mask)};
    int inner = j.p.ndim - 1;
    j.steps = (fv_convert_steps){.dst = j.p.dst[inner], .src = j.p.src[inner]};
    if (inner > 0) j.steps.dst_row = j.p.dst[inner - 1], j.steps.src_row = j.p.src[inner - 1];
    j.row = j.p.shape[inner];
    j.piece = j.row < 2 * PIECE ? j.row : PIECE;
    j.pieces = j.piece == j.row ? 1 : (j.row - 1) / PIECE + 1; /* divisions are dear */
    int64_t rows = inner == 0 ? 1 : dst->numel / j.row;
    bool plain = !j.conversion.first && j.steps.dst == 1 && j.steps.src == 1;
    double nanoseconds = (double)dst->numel * (plain ? 0.15 : 0.5) + 3.0 * (double)rows;
    fv_parallel_ranges(machine, nanoseconds, rows * j.pieces, copy_units, &j);
}

void fv_copy_elements(fv_tensor *dst, const fv_tensor *src)
{
    if (!dst && fv_fail_null("copy_elements", "dst")) return;
    if (!src && fv_fail_null("copy_elements", "src")) return;
    fv_machine machine = fv_machine_now();
    if (dst->shapes_only || src->shapes_only) return; /* there is nothing to copy, or to write to */
    if (dst->numel == 0 || fv_transpose_copy(machine, dst, src)) return;
    copy_elements(machine, dst, src, 0);
}

void fv_flip_copy(fv_machine machine, fv_tensor *dst, const fv_tensor *src, uint32_t mask)
{
    if (dst->numel > 0) copy_elements(machine, dst, src, mask);
}
