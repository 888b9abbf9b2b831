/* Padding by the tensor's own elements, line by line; see repeat.h.
 *
 * Dimensions are sorted by the strides of what is written. The innermost ones that are not padded
 * and are dense on both sides make a unit (the channels of an image in channels-last order), the
 * next one a line of units:
 *
 *     x         a b c d          one copy from x, or one sum
 *     y   c b | a b c d | c b    a unit each in the margins
 *
 * A line of y comes from one line of x; a line of x goes to up to three runs of lines of y. */
#include "tensor/kernels/view/repeat.h"

#include "tensor/kernels/short_copy.h"
#include "tensor/ranges.h"

typedef struct repeat_dim {
    int64_t length, padded, before; /* of x, of y, in front */
    int64_t x, y;                   /* strides */
} repeat_dim;

/* A margin of a line: the place in x that its first place shows, and how it goes on from there. */
typedef struct margin {
    int64_t first, step;
} margin;

typedef struct repeat_job repeat_job;
struct repeat_job {
    fv_repeat_mode mode;
    int ndim; /* the last one is the line */
    repeat_dim dim[FV_MAX_DIMS + 1];
    margin front, behind;
    int64_t unit, size; /* elements of a unit, bytes of an element */
    char *x, *y;
    void (*copy)(const repeat_job *j, char *y, const char *x);
    void (*add)(const repeat_job *j, char *x, const char *y, bool first); /* or writes, if first */
};

/* --- places ----------------------------------------------------------------------------------- */

/* The place in x that place i of a padded dimension shows. */
static int64_t source_of(fv_repeat_mode mode, const repeat_dim *d, int64_t i)
{
    const int64_t k = i - d->before, last = d->length - 1;
    if (k >= 0 && k <= last) return k;
    if (mode == FV_REPEAT_REFLECT) return k < 0 ? -k : 2 * last - k;
    if (mode == FV_REPEAT_EDGE) return k < 0 ? 0 : last;
    return k < 0 ? k + d->length : k - d->length;
}

/* The places of y that show place k of x: in the front margin, in x, in the margin behind. */
typedef struct shown {
    int64_t first[3], count[3];
} shown;

static shown places_of(fv_repeat_mode mode, const repeat_dim *d, int64_t k)
{
    const int64_t last = d->length - 1, here = d->before + k, behind = d->before + d->length;
    shown s = {{0, here, behind}, {0, 1, 0}};
    if (mode == FV_REPEAT_EDGE) {
        s.count[0] = k == 0 ? d->before : 0;
        s.count[2] = k == last ? d->padded - behind : 0;
        return s;
    }
    const bool reflect = mode == FV_REPEAT_REFLECT;
    s.first[0] = reflect ? d->before - k : here - d->length;
    s.first[2] = reflect ? behind - 1 + (last - k) : here + d->length;
    s.count[0] = s.first[0] >= 0 && s.first[0] < d->before;
    s.count[2] = s.first[2] >= behind && s.first[2] < d->padded;
    return s;
}

static margin margin_of(fv_repeat_mode mode, const repeat_dim *d, bool front)
{
    const int64_t step = mode == FV_REPEAT_REFLECT ? -1 : mode == FV_REPEAT_EDGE ? 0 : 1;
    const int64_t place = front ? 0 : d->before + d->length;
    if (place == (front ? d->before : d->padded)) return (margin){0, 0}; /* there is none */
    return (margin){source_of(mode, d, place), step};
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Lines of single elements. */
#define DEFINE_COPY(T, NAME)                                                                       \
    static void NAME(const repeat_job *j, char *y_, const char *x_)                                \
    {                                                                                              \
        const repeat_dim *d = &j->dim[j->ndim - 1];                                                \
        const int64_t behind = d->padded - d->before - d->length;                                  \
        const T *x = (const T *)(const void *)x_, *from = x + j->front.first * d->x;               \
        T *y = (T *)(void *)y_;                                                                    \
        for (int64_t i = 0, step = j->front.step * d->x; i < d->before; i++, y += d->y)            \
            *y = from[i * step];                                                                   \
        if (d->x == 1 && d->y == 1)                                                                \
            fv_copy_bytes((char *)y, x_, d->length *(int64_t)sizeof(T));                           \
        else                                                                                       \
            for (int64_t i = 0; i < d->length; i++) y[i * d->y] = x[i * d->x];                     \
        y += d->length * d->y;                                                                     \
        from = x + j->behind.first * d->x;                                                         \
        for (int64_t i = 0, step = j->behind.step * d->x; i < behind; i++, y += d->y)              \
            *y = from[i * step];                                                                   \
    }
DEFINE_COPY(uint8_t, copy_u8)
DEFINE_COPY(uint16_t, copy_u16)
DEFINE_COPY(uint32_t, copy_u32)
DEFINE_COPY(uint64_t, copy_u64)

/* The inner part shows every place of x once, so that it can come first and write. unit is 1 where
 * the compiler is to know it. */
#define DEFINE_ADD(T, NAME, UNIT)                                                                  \
    static void NAME(const repeat_job *j, char *x_, const char *y_, bool first)                    \
    {                                                                                              \
        const repeat_dim *d = &j->dim[j->ndim - 1];                                                \
        const int64_t unit = UNIT, behind = d->padded - d->before - d->length;                     \
        T *x = (T *)(void *)x_, *to = x + j->front.first * d->x;                                   \
        const T *y = (const T *)(const void *)y_, *from = y + d->before * d->y;                    \
        const bool dense = d->x == unit && d->y == unit;                                           \
        const int64_t inner = dense ? d->length * unit : unit;                                     \
        for (int64_t i = 0; i < (dense ? 1 : d->length); i++) {                                    \
            T *sum = x + i * d->x;                                                                 \
            const T *part = from + i * d->y;                                                       \
            if (first)                                                                             \
                fv_copy_bytes((char *)sum, (const char *)part, inner *(int64_t)sizeof(T));         \
            else                                                                                   \
                for (int64_t c = 0; c < inner; c++) sum[c] += part[c];                             \
        }                                                                                          \
        for (int64_t i = 0, step = j->front.step * d->x; i < d->before; i++, y += d->y)            \
            for (int64_t c = 0; c < unit; c++) to[i * step + c] += y[c];                           \
        y += d->length * d->y;                                                                     \
        to = x + j->behind.first * d->x;                                                           \
        for (int64_t i = 0, step = j->behind.step * d->x; i < behind; i++, y += d->y)              \
            for (int64_t c = 0; c < unit; c++) to[i * step + c] += y[c];                           \
    }
DEFINE_ADD(float, add_f32, 1)
DEFINE_ADD(double, add_f64, 1)
DEFINE_ADD(float, add_units_f32, j->unit)
DEFINE_ADD(double, add_units_f64, j->unit)

static void copy_units(const repeat_job *j, char *y, const char *x)
{
    const repeat_dim *d = &j->dim[j->ndim - 1];
    const bool dense = d->x == j->unit && d->y == j->unit;
    const int64_t bytes = j->unit * j->size;
    for (int64_t i = 0; i < d->padded; i++) {
        const int64_t units = dense && i == d->before ? d->length : 1;
        fv_copy_bytes(y + i * d->y * j->size, x + source_of(j->mode, d, i) * d->x * j->size,
                      units * bytes);
        i += units - 1;
    }
}

static void set_loops(repeat_job *j, bool wide)
{
    if (j->unit > 1) {
        j->copy = copy_units;
        j->add = wide ? add_units_f64 : add_units_f32;
        return;
    }
    j->copy = j->size == 1 ? copy_u8 : j->size == 2 ? copy_u16 : j->size == 4 ? copy_u32 : copy_u64;
    j->add = wide ? add_f64 : add_f32;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Takes the indices of line number n apart; lengths are y's or x's. */
static void find_line(const repeat_job *j, int64_t n, bool padded, int64_t *index)
{
    for (int i = j->ndim - 2; i >= 0; i--) {
        const int64_t length = padded ? j->dim[i].padded : j->dim[i].length;
        index[i] = n % length;
        n /= length;
    }
}

static void next_line(const repeat_job *j, bool padded, int64_t *index)
{
    for (int i = j->ndim - 2; i >= 0; i--) {
        if (++index[i] < (padded ? j->dim[i].padded : j->dim[i].length)) return;
        index[i] = 0;
    }
}

/* Lines first to last - 1 of y. */
static void copy_lines(const void *job, int64_t first, int64_t last)
{
    const repeat_job *j = job;
    int64_t index[FV_MAX_DIMS + 1];
    find_line(j, first, true, index);
    for (int64_t n = first; n < last; n++, next_line(j, true, index)) {
        int64_t x = 0, y = 0;
        for (int i = 0; i < j->ndim - 1; i++) {
            x += source_of(j->mode, &j->dim[i], index[i]) * j->dim[i].x;
            y += index[i] * j->dim[i].y;
        }
        j->copy(j, j->y + y * j->size, j->x + x * j->size);
    }
}

/* Adds the lines of y that show the line of x at this index; y is the offset of the dimensions
 * before dim. The first one is written; returns whether it is still to come. */
static bool add_shown(const repeat_job *j, const int64_t *index, int dim, int64_t y, char *x,
                      bool first)
{
    if (dim == j->ndim - 1) {
        j->add(j, x, j->y + y * j->size, first);
        return false;
    }
    const repeat_dim *d = &j->dim[dim];
    if (d->length == d->padded)
        return add_shown(j, index, dim + 1, y + index[dim] * d->y, x, first);
    const shown s = places_of(j->mode, d, index[dim]);
    for (int run = 0; run < 3; run++)
        for (int64_t i = 0; i < s.count[run]; i++)
            first = add_shown(j, index, dim + 1, y + (s.first[run] + i) * d->y, x, first);
    return first;
}

/* Lines first to last - 1 of x. */
static void fold_lines(const void *job, int64_t first, int64_t last)
{
    const repeat_job *j = job;
    int64_t index[FV_MAX_DIMS + 1];
    find_line(j, first, false, index);
    for (int64_t n = first; n < last; n++, next_line(j, false, index)) {
        int64_t at = 0;
        for (int i = 0; i < j->ndim - 1; i++) at += index[i] * j->dim[i].x;
        add_shown(j, index, 0, 0, j->x + at * j->size, true);
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

static void add_dim(repeat_job *j, repeat_dim d, bool padded)
{
    int k = j->ndim++;
    for (; k > 0; k--) {
        const repeat_dim *outer = &j->dim[k - 1];
        if (padded ? outer->y >= d.y : outer->x >= d.x) break;
        j->dim[k] = *outer;
    }
    j->dim[k] = d;
}

/* Joins dimensions that are not padded and one loop on both sides. */
static void merge_dims(repeat_job *j)
{
    int kept = 0;
    for (int i = 1; i < j->ndim; i++) {
        repeat_dim *outer = &j->dim[kept], inner = j->dim[i];
        const bool plain = outer->length == outer->padded && inner.length == inner.padded;
        if (plain && outer->x == inner.length * inner.x && outer->y == inner.length * inner.y) {
            inner.length = inner.padded = outer->length * inner.length;
            *outer = inner;
        } else {
            j->dim[++kept] = inner;
        }
    }
    if (j->ndim > 0) j->ndim = kept + 1;
}

/* padded: dimensions are sorted for y, which is written; else for x. */
static repeat_job make_job(fv_repeat_mode mode, const fv_tensor *x, const fv_tensor *y,
                           const int64_t *before, bool padded)
{
    repeat_job j = {.mode = mode, .x = x->data, .y = y->data, .unit = 1};
    j.size = (int64_t)fv_dtype_size(x->dtype);
    for (int d = 0; d < x->ndim; d++) {
        repeat_dim dim = {x->shape[d], y->shape[d], before[d], x->strides[d], y->strides[d]};
        if (dim.padded > 1) add_dim(&j, dim, padded);
    }
    merge_dims(&j);
    while (j.ndim > 0) {
        const repeat_dim *d = &j.dim[j.ndim - 1];
        if (d->length != d->padded || d->x != j.unit || d->y != j.unit) break;
        j.unit *= d->length;
        j.ndim--;
    }
    if (j.ndim == 0) j.dim[j.ndim++] = (repeat_dim){1, 1, 0, j.unit, j.unit};
    j.front = margin_of(mode, &j.dim[j.ndim - 1], true);
    j.behind = margin_of(mode, &j.dim[j.ndim - 1], false);
    set_loops(&j, x->dtype == FV_FLOAT64);
    return j;
}

static double nanoseconds(const repeat_job *j, const fv_tensor *y, int64_t lines)
{
    return 0.1 * (double)(y->numel * j->size) + 10.0 * (double)lines;
}

void fv_repeat_run(fv_machine m, fv_repeat_mode mode, fv_tensor *y, const fv_tensor *x,
                   const int64_t *before)
{
    if (y->numel == 0) return;
    const repeat_job j = make_job(mode, x, y, before, true);
    const int64_t lines = y->numel / (j.unit * j.dim[j.ndim - 1].padded);
    fv_parallel_ranges(m, nanoseconds(&j, y, lines), lines, copy_lines, &j);
}

void fv_repeat_fold(fv_machine m, fv_repeat_mode mode, fv_tensor *x, const fv_tensor *y,
                    const int64_t *before)
{
    if (x->numel == 0) return;
    const repeat_job j = make_job(mode, x, y, before, false);
    const int64_t lines = x->numel / (j.unit * j.dim[j.ndim - 1].length);
    fv_parallel_ranges(m, nanoseconds(&j, y, lines), lines, fold_lines, &j);
}
