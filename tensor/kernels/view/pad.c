/* Constant padding in one pass; see pad.h.
 *
 * Dimensions are sorted by y's strides, and a dimension that is not padded is merged with the one
 * around it where x's memory allows. The rows of y, long ones in pieces, are shared among threads:
 *
 *     y   vvvvvvvvvvvvvvvv      a row outside of the box
 *         vvvxxxxxxxxxvvvv      one that goes through it */
#include "tensor/kernels/view/pad.h"

#include <string.h>

#include "tensor/kernels/short_copy.h"
#include "tensor/ranges.h"

enum {
    SHORT = 64,   /* elements of a row at most that is filled before it is copied into */
    FILLED = 128, /* such rows that are filled at once: they stay in the first cache */
};

/* One dimension of both, outermost first. */
typedef struct pad_dim {
    int64_t size, step;          /* of y */
    int64_t start, length, from; /* of the box: where in y, its size, x's stride */
} pad_dim;

typedef struct pad_job pad_job;
struct pad_job {
    int ndim;
    pad_dim dim[FV_MAX_DIMS];
    void (*fill)(const pad_job *job, char *y, int64_t n);
    /* n elements from `at` on of a row of y that goes through the box, or of several whole rows of
     * the innermost loop. */
    void (*rows)(const pad_job *job, char *y, const char *x, int64_t at, int64_t n, int64_t rows);
    char *y;
    const char *x, *value;
    int64_t size; /* bytes of an element */
    int64_t piece, pieces;
    bool filled; /* short rows: many are filled at once before the box is copied into them */
};

/* --- rows ------------------------------------------------------------------------------------- */

static int64_t within(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define DEFINE_ROWS(T, FILL, ROWS)                                                                 \
    static void FILL(const pad_job *job, char *y_, int64_t n)                                      \
    {                                                                                              \
        T *y = (T *)(void *)y_, value;                                                             \
        memcpy(&value, job->value, sizeof value);                                                  \
        for (int64_t i = 0; i < n; i++) y[i] = value;                                              \
    }                                                                                              \
    static void ROWS(const pad_job *job, char *y_, const char *x_, int64_t at, int64_t n,          \
                     int64_t rows)                                                                 \
    {                                                                                              \
        const pad_dim *d = &job->dim[job->ndim - 1], *loop = job->ndim > 1 ? d - 1 : d;            \
        const int64_t first = within(d->start - at, 0, n);                                         \
        const int64_t last = within(d->start + d->length - at, first, n);                          \
        T *y = (T *)(void *)y_ + at;                                                               \
        const T *x = (const T *)(const void *)x_ + (at + first - d->start) * d->from;              \
        for (int64_t r = 0; r < rows; r++, y += loop->step, x += loop->from) {                     \
            if (!job->filled) FILL(job, (char *)y, first);                                         \
            if (d->from == 1)                                                                      \
                fv_copy_bytes((char *)(y + first), (const char *)x,                                \
                              (last - first) * (int64_t)sizeof(T));                                \
            else                                                                                   \
                for (int64_t i = first; i < last; i++) y[i] = x[(i - first) * d->from];            \
            if (!job->filled) FILL(job, (char *)(y + last), n - last);                             \
        }                                                                                          \
    }
DEFINE_ROWS(uint8_t, fill_u8, rows_u8)
DEFINE_ROWS(uint16_t, fill_u16, rows_u16)
DEFINE_ROWS(uint32_t, fill_u32, rows_u32)
DEFINE_ROWS(uint64_t, fill_u64, rows_u64)

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

/* Goes on by so many rows of the innermost loop. */
static void skip_rows(const pad_job *j, pad_place *at, int64_t rows)
{
    for (int i = j->ndim - 2; i >= 0; i--, rows = 1) {
        const pad_dim *d = &j->dim[i];
        int64_t *index = &at->index[i];
        at->outside -= is_outside(d, *index);
        at->y += rows * d->step;
        at->x += rows * d->from;
        *index += rows;
        if (*index < d->size) {
            at->outside += is_outside(d, *index);
            return;
        }
        at->y -= d->size * d->step;
        at->x -= d->size * d->from;
        *index = 0;
        at->outside += is_outside(d, 0);
    }
}

/* The rows of the innermost loop that follow, as long as they are all outside or none is. */
static int64_t alike(const pad_job *j, const pad_place *at)
{
    if (j->ndim < 2 || j->pieces > 1) return 1;
    const pad_dim *d = &j->dim[j->ndim - 2];
    int64_t index = at->index[j->ndim - 2], end = d->start + d->length;
    if (at->outside > is_outside(d, index) || index >= end) return d->size - index;
    return (index < d->start ? d->start : end) - index;
}

/* Units [first, last): the pieces of all rows, row by row. */
static void pad_units(const void *job, int64_t first, int64_t last)
{
    const pad_job *j = job;
    pad_place at = find_row(j, first / j->pieces);
    int64_t piece = first % j->pieces, length = j->dim[j->ndim - 1].size;
    int64_t stop = j->filled ? first : last;
    for (int64_t unit = first, rows; unit < last; unit += rows) {
        char *y = j->y + at.y * j->size;
        if (unit == stop) {
            stop = last - unit < FILLED ? last : unit + FILLED;
            j->fill(j, y, (stop - unit) * length);
        }
        rows = alike(j, &at);
        if (rows > stop - unit) rows = stop - unit;
        int64_t begin = piece * j->piece, n = length - begin < j->piece ? length - begin : j->piece;
        if (at.outside == 0)
            j->rows(j, y, j->x + at.x * j->size, begin, n, rows);
        else if (!j->filled)
            j->fill(j, y + begin * j->size, n * rows);
        if (++piece < j->pieces) continue;
        piece = 0;
        skip_rows(j, &at, rows);
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

static void set_loops(pad_job *j)
{
    switch (j->size) {
    case 1: j->fill = fill_u8, j->rows = rows_u8; break;
    case 2: j->fill = fill_u16, j->rows = rows_u16; break;
    case 4: j->fill = fill_u32, j->rows = rows_u32; break;
    default: j->fill = fill_u64, j->rows = rows_u64;
    }
}

void fv_pad_copy(fv_machine m, fv_tensor *y, const fv_tensor *x, const int64_t *start,
                 const void *value)
{
    enum { PIECE = 16384 };
    if (y->numel == 0) return;
    pad_job j = {.y = y->data, .x = x->data, .value = value};
    j.size = (int64_t)fv_dtype_size(y->dtype);
    set_loops(&j);
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
    j.filled = length <= SHORT;
    int64_t rows = y->numel / length;
    double nanoseconds = 0.05 * (double)(y->numel * j.size) + 4.0 * (double)rows;
    fv_parallel_ranges(m, nanoseconds, rows * j.pieces, pad_units, &j);
}
