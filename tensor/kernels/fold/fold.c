/* Unfolding and folding: which piece of which row, and the division of rows among threads. */
#include "tensor/kernels/fold/fold.h"

#include <string.h>

#include "tensor/ranges.h"

enum { DEPTH, HEIGHT, WIDTH };

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where in the plane tap k of the window at place o lies; may be outside. */
static int64_t coordinate(const fv_fold_axis *a, int64_t o, int64_t k)
{
    return o * a->stride - a->padding + k * a->dilation;
}

/* The place o whose tap k lies on coordinate i, or -1. */
static int64_t place_over(const fv_fold_axis *a, int64_t i, int64_t k)
{
    const int64_t far = i + a->padding - k * a->dilation;
    if (far < 0 || far % a->stride != 0) return -1;
    return far / a->stride < a->out ? far / a->stride : -1;
}

/* The places of a row at which tap k lies in the plane: [first, last). */
typedef struct piece {
    int64_t first, last;
} piece;

static piece piece_of(const fv_fold_axis *a, int64_t k)
{
    const int64_t before = a->padding - k * a->dilation; /* o * stride >= before */
    const int64_t room = a->in - 1 + before;             /* o * stride <= room */
    piece p = {.first = before > 0 ? (before + a->stride - 1) / a->stride : 0};
    p.first = at_most(p.first, a->out);
    p.last = at_least(room < 0 ? 0 : at_most(room / a->stride + 1, a->out), p.first);
    return p;
}

typedef struct job {
    const fv_fold *g;
    const fv_fold_kernels *kernels;
    size_t size;
    int type; /* of the kernels: logarithm of size, or 1 for double */
    const char *from;
    char *to;
} job;

static int64_t taps_of(const fv_fold *g)
{
    return g->axis[DEPTH].kernel * g->axis[HEIGHT].kernel * g->axis[WIDTH].kernel;
}

/* Coordinates of a row, in the order of its dimensions; the last one moves fastest. */
static void find(int64_t row, const int64_t *lengths, int n, int64_t *at)
{
    for (int i = n - 1; i > 0; i--) {
        at[i] = row % lengths[i];
        row /= lengths[i];
    }
    at[0] = row;
}

static void move_on(const int64_t *lengths, int n, int64_t *at)
{
    for (int i = n - 1; i > 0; i--) {
        if (++at[i] < lengths[i]) return;
        at[i] = 0;
    }
    at[0]++;
}

/* --- unfold ----------------------------------------------------------------------------------- */

/* Of rows of the columns. */
enum { PLANE, TAP_D, TAP_H, TAP_W, PLACE_D, PLACE_H, ROW_DIMS };

/* p: the piece of the row that lies in the plane's width. */
static void unfold_row(const job *j, const int64_t *at, piece p, char *y)
{
    const fv_fold_axis *a = j->g->axis;
    const int64_t d = coordinate(&a[DEPTH], at[PLACE_D], at[TAP_D]);
    const int64_t h = coordinate(&a[HEIGHT], at[PLACE_H], at[TAP_H]);
    const bool inside = d >= 0 && d < a[DEPTH].in && h >= 0 && h < a[HEIGHT].in;
    const size_t size = j->size;
    if (!inside || p.first == p.last) {
        memset(y, 0, (size_t)a[WIDTH].out * size);
        return;
    }
    const int64_t w = coordinate(&a[WIDTH], p.first, at[TAP_W]);
    const int64_t from = ((at[PLANE] * a[DEPTH].in + d) * a[HEIGHT].in + h) * a[WIDTH].in + w;
    memset(y, 0, (size_t)p.first * size);
    j->kernels->take[j->type](y + (size_t)p.first * size, j->from + (size_t)from * size,
                              p.last - p.first, a[WIDTH].stride);
    memset(y + (size_t)p.last * size, 0, (size_t)(a[WIDTH].out - p.last) * size);
}

static void unfold_rows(const void *context, int64_t first, int64_t last)
{
    const job *j = context;
    const fv_fold_axis *a = j->g->axis;
    const int64_t lengths[ROW_DIMS] = {j->g->planes,    a[DEPTH].kernel, a[HEIGHT].kernel,
                                       a[WIDTH].kernel, a[DEPTH].out,    a[HEIGHT].out};
    int64_t at[ROW_DIMS], tap = -1;
    piece p = {0, 0};
    find(first, lengths, ROW_DIMS, at);
    for (int64_t row = first; row < last; row++) {
        if (at[TAP_W] != tap) p = piece_of(&a[WIDTH], tap = at[TAP_W]);
        unfold_row(j, at, p, j->to + (size_t)(row * a[WIDTH].out) * j->size);
        move_on(lengths, ROW_DIMS, at);
    }
}

void fv_unfold_run(fv_machine m, const fv_fold *g, size_t size, const void *planes, void *columns)
{
    const fv_fold_axis *a = g->axis;
    const int64_t rows = g->planes * taps_of(g) * a[DEPTH].out * a[HEIGHT].out;
    const job j = {.g = g,
                   .kernels = FV_ISA_PICK(fv_fold_kernels_, m.isa),
                   .size = size,
                   .type = size == 1   ? 0
                           : size == 2 ? 1
                           : size == 4 ? 2
                                       : 3,
                   .from = planes,
                   .to = columns};
    if (rows == 0 || a[WIDTH].out == 0) return;
    double nanoseconds = (double)rows * (10 + 0.05 * (double)a[WIDTH].out * (double)size);
    fv_parallel_ranges(m, nanoseconds, rows, unfold_rows, &j);
}

/* --- fold ------------------------------------------------------------------------------------- */

/* Adds the pieces of row (od, oh) of the columns of taps (kd, kh) to a row of the plane; from is
 * the column of tap (kd, kh, 0). */
static void fold_pieces(const job *j, const char *from, char *x)
{
    const fv_fold_axis *a = j->g->axis, *wide = &a[WIDTH];
    const int64_t column = a[DEPTH].out * a[HEIGHT].out * wide->out;
    for (int64_t k = 0; k < wide->kernel; k++, from += (size_t)column * j->size) {
        const piece p = piece_of(wide, k);
        const int64_t w = coordinate(wide, p.first, k);
        if (p.first == p.last) continue;
        j->kernels->add[j->type](x + (size_t)w * j->size, from + (size_t)p.first * j->size,
                                 p.last - p.first, wide->stride);
    }
}

static void fold_row(const job *j, const int64_t *at, char *x)
{
    const fv_fold_axis *a = j->g->axis;
    memset(x, 0, (size_t)a[WIDTH].in * j->size);
    for (int64_t kd = 0; kd < a[DEPTH].kernel; kd++) {
        const int64_t od = place_over(&a[DEPTH], at[1], kd);
        for (int64_t kh = 0; kh < a[HEIGHT].kernel && od >= 0; kh++) {
            const int64_t oh = place_over(&a[HEIGHT], at[2], kh);
            if (oh < 0) continue;
            const int64_t tap = (at[0] * a[DEPTH].kernel + kd) * a[HEIGHT].kernel + kh;
            const int64_t row = (tap * a[WIDTH].kernel * a[DEPTH].out + od) * a[HEIGHT].out + oh;
            fold_pieces(j, j->from + (size_t)(row * a[WIDTH].out) * j->size, x);
        }
    }
}

static void fold_rows(const void *context, int64_t first, int64_t last)
{
    const job *j = context;
    const fv_fold_axis *a = j->g->axis;
    const int64_t lengths[] = {j->g->planes, a[DEPTH].in, a[HEIGHT].in};
    int64_t at[3];
    find(first, lengths, 3, at);
    for (int64_t row = first; row < last; row++) {
        fold_row(j, at, j->to + (size_t)(row * a[WIDTH].in) * j->size);
        move_on(lengths, 3, at);
    }
}

void fv_fold_run(fv_machine m, const fv_fold *g, fv_dtype dtype, const void *columns, void *planes)
{
    const fv_fold_axis *a = g->axis;
    const int64_t rows = g->planes * a[DEPTH].in * a[HEIGHT].in;
    const job j = {.g = g,
                   .kernels = FV_ISA_PICK(fv_fold_kernels_, m.isa),
                   .size = fv_dtype_size(dtype),
                   .type = dtype == FV_FLOAT64,
                   .from = columns,
                   .to = planes};
    if (rows == 0 || a[WIDTH].in == 0) return;
    double elements = (double)(g->planes * taps_of(g)) * (double)(a[DEPTH].out * a[HEIGHT].out);
    fv_parallel_ranges(m, elements * (10 + 0.3 * (double)a[WIDTH].out), rows, fold_rows, &j);
}
