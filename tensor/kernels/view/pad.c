/* Constant padding in one pass; see pad.h.
 *
 * Dimensions are sorted by y's strides, and a dimension that is not padded is merged with the one
 * around it where x's memory allows. The rows of y, long ones in pieces, are shared among threads:
 *
 *     y   vvvvvvvvvvvvvvvv      a row outside of the box
 *         vvvxxxxxxxxxvvvv      one that goes through it */
#include "tensor/kernels/view/pad.h"

#include <string.h>

#include "tensor/ranges.h"

/* One dimension of both, outermost first. */
typedef struct pad_dim {
    int64_t size, step;          /* of y */
    int64_t start, length, from; /* of the box: where in y, its size, x's stride */
} pad_dim;

typedef struct pad_job pad_job;
struct pad_job {
    int ndim;
    pad_dim dim[FV_MAX_DIMS];
    /* n elements of y's row from `at` on; x is NULL outside of the box. */
    void (*row)(const pad_job *job, char *y, const char *x, int64_t at, int64_t n);
    char *y;
    const char *x, *value;
    int64_t size; /* bytes of an element */
    int64_t piece, pieces;
};

/* --- rows ------------------------------------------------------------------------------------- */

static int64_t within(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define DEFINE_ROW(T, NAME)                                                                        \
    static void NAME(const pad_job *job, char *y_, const char *x_, int64_t at, int64_t n)          \
    {                                                                                              \
        const pad_dim *d = &job->dim[job->ndim - 1];                                               \
        T *y = (T *)(void *)y_, value;                                                             \
        const T *x = (const T *)(const void *)x_;                                                  \
        memcpy(&value, job->value, sizeof value);                                                  \
        int64_t end = at + n, first = x ? within(d->start, at, end) : end;                         \
        int64_t last = x ? within(d->start + d->length, first, end) : end;                         \
        for (int64_t i = at; i < first; i++) y[i] = value;                                         \
        if (d->from == 1 && last > first)                                                          \
            memcpy(y + first, x + first - d->start, (size_t)(last - first) * sizeof(T));           \
        else                                                                                       \
            for (int64_t i = first; i < last; i++) y[i] = x[(i - d->start) * d->from];             \
        for (int64_t i = last; i < end; i++) y[i] = value;                                         \
    }
DEFINE_ROW(uint8_t, row_u8)
DEFINE_ROW(uint16_t, row_u16)
DEFINE_ROW(uint32_t, row_u32)
DEFINE_ROW(uint64_t, row_u64)

/* --- the walk --------------------------------------------------------------------------------- */

/* Index of a row in the outer dimensions, and its offsets. */
typedef struct pad_place {
    int64_t index[FV_MAX_DIMS], y, x;
    int outside; /* dimensions in which it is outside of the box */
} pad_place;

static bool is_outside(const pad_dim *d, int64_t index)
{
    return index < d->start || index >= d->start + d->length;
}

static pad_place find_row(const pad_job *j, int64_t row)
{
    pad_place at = {.y = 0};
    for (int i = j->ndim - 2; i >= 0; i--) {
        const pad_dim *d = &j->dim[i];
        at.index[i] = row % d->size;
        row /= d->size;
        at.y += at.index[i] * d->step;
        at.x += (at.index[i] - d->start) * d->from;
        at.outside += is_outside(d, at.index[i]);
    }
    return at;
}

static void next_row(const pad_job *j, pad_place *at)
{
    for (int i = j->ndim - 2; i >= 0; i--) {
        const pad_dim *d = &j->dim[i];
        int64_t *index = &at->index[i];
        at->outside -= is_outside(d, *index);
        at->y += d->step;
        at->x += d->from;
        if (++*index < d->size) {
            at->outside += is_outside(d, *index);
            return;
        }
        at->y -= d->size * d->step;
        at->x -= d->size * d->from;
        *index = 0;
        at->outside += is_outside(d, 0);
    }
}

/* Units [first, last): the pieces of all rows, row by row. */
static void pad_units(const void *job, int64_t first, int64_t last)
{
    const pad_job *j = job;
    pad_place at = find_row(j, first / j->pieces);
    int64_t piece = first % j->pieces, length = j->dim[j->ndim - 1].size;
    for (int64_t unit = first; unit < last; unit++) {
        int64_t begin = piece * j->piece, n = length - begin < j->piece ? length - begin : j->piece;
        j->row(j, j->y + at.y * j->size, at.outside ? NULL : j->x + at.x * j->size, begin, n);
        if (++piece < j->pieces) continue;
        piece = 0;
        next_row(j, &at);
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

static void add_dim(pad_job *j, pad_dim d)
{
    int k = j->ndim++;
    for (; k > 0 && j->dim[k - 1].step < d.step; k--) j->dim[k] = j->dim[k - 1];
    j->dim[k] = d;
}

static void merge_dims(pad_job *j)
{
    int kept = 0;
    for (int i = 1; i < j->ndim; i++) {
        pad_dim *outer = &j->dim[kept], inner = j->dim[i];
        bool whole = inner.length == inner.size && outer->from == inner.size * inner.from;
        if (!whole) {
            j->dim[++kept] = inner;
            continue;
        }
        *outer = (pad_dim){.size = outer->size * inner.size,
                           .step = inner.step,
                           .start = outer->start * inner.size,
                           .length = outer->length * inner.size,
                           .from = inner.from};
    }
    j->ndim = kept + 1;
}

void fv_pad_copy(fv_machine m, fv_tensor *y, const fv_tensor *x, const int64_t *start,
                 const void *value)
{
    enum { PIECE = 16384 };
    if (y->numel == 0) return;
    pad_job j = {.y = y->data, .x = x->data, .value = value};
    j.size = (int64_t)fv_dtype_size(y->dtype);
    j.row = j.size == 1 ? row_u8 : j.size == 2 ? row_u16 : j.size == 4 ? row_u32 : row_u64;
    for (int d = 0; d < y->ndim; d++) {
        pad_dim dim = {y->shape[d], y->strides[d], start[d], x->shape[d], x->strides[d]};
        if (x->numel == 0) dim.length = dim.from = 0;
        if (dim.size > 1 || dim.length < dim.size) add_dim(&j, dim);
    }
    if (j.ndim == 0) add_dim(&j, (pad_dim){1, 1, 0, 1, 1});
    merge_dims(&j);
    int64_t length = j.dim[j.ndim - 1].size;
    j.piece = length < 2 * PIECE ? length : PIECE;
    j.pieces = (length - 1) / j.piece + 1;
    int64_t rows = y->numel / length;
    double nanoseconds = 0.05 * (double)(y->numel * j.size) + 8.0 * (double)rows;
    fv_parallel_ranges(m, nanoseconds, rows * j.pieces, pad_units, &j);
}
