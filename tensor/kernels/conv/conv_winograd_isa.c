/* Winograd's transforms, once per instruction set: tiles and filters, one vector of channels at a
 * time, line by line through registers. */
#include "conv_winograd_isa.h"

#include <string.h>

#include "conv_winograd_lines_impl.h"
#include "tensor/kernels/view/transpose_impl.h"

enum { LANES = FV_VBYTES / 4, MOST_TAPS = 25 };

WINOGRAD_INLINE fv_vf load(const float *p)
{
    return *(const fv_vf_u *)(const void *)p;
}

WINOGRAD_INLINE void store(float *p, fv_vf value)
{
    *(fv_vf_u *)(void *)p = value;
}

/* Lanes behind the last channel may hold anything, but nothing behind `end` is read; zeros are no
 * part of the map. */
static __attribute__((noinline)) fv_vf load_last(const float *p, const float *end,
                                                 const float *zeros)
{
    fv_vf v = {0};
    if (p == zeros || p + LANES <= end) return load(p);
    for (int64_t i = 0; p + i < end && i < LANES; i++) v[i] = p[i];
    return v;
}

static void store_part(float *p, fv_vf v, int64_t count)
{
    float from[LANES], *at = from;
    memcpy(from, &v, sizeof v);
    for (; count >= 4; count -= 4, p += 4, at += 4) memcpy(p, at, 16);
    for (; count > 0; count--) *p++ = *at++;
}

static fv_vf load_part(const float *p, int64_t count)
{
    float to[LANES] = {0};
    fv_vf v;
    for (int64_t i = 0; i < count && i < LANES; i++) to[i] = p[i];
    memcpy(&v, to, sizeof v);
    return v;
}

/* Where the elements of a tile lie, row by row; those outside of the map are zeros. */
typedef struct tile_elements {
    const float *at[MOST_POINTS * MOST_POINTS];
} tile_elements;

WINOGRAD_INLINE void find_elements(const fv_winograd_move *job, const fv_winograd_tile *t,
                                   const int rows, const int columns, tile_elements *e)
{
    const float *row = job->from + t->at;
    for (int i = 0; i < rows; i++, row += job->step[0]) {
        const bool inside = i >= t->begin[0] && i < t->end[0];
        WINOGRAD_UNROLL
        for (int j = 0; j < columns; j++)
            e->at[i * columns + j] =
                inside && j >= t->begin[1] && j < t->end[1] ? row + j * job->step[1] : job->zeros;
    }
}

/* A vector of channels of one tile, from channel c on: whole tiles by their steps, others element
 * by element. A transform takes so many rows and columns to the points: B', or the powers of A. */
WINOGRAD_INLINE void load_tile(const fv_winograd_move *job, const int m[2], const int r[2],
                               const bool grad, const tile_elements *e, const bool last,
                               const float *p, int64_t c, float *to)
{
    const int rows = m[0] + r[0] - 1, columns = m[1] + r[1] - 1;
    const int from_rows = grad ? m[0] : rows, from_columns = grad ? m[1] : columns;
    fv_vf d[MOST_POINTS], o[MOST_POINTS], lines[MOST_POINTS * MOST_POINTS];
    WINOGRAD_UNROLL
    for (int j = 0; j < from_columns; j++) {
        WINOGRAD_UNROLL
        for (int i = 0; i < from_rows; i++) {
            const float *at =
                e ? e->at[i * from_columns + j] + c : p + i * job->step[0] + j * job->step[1];
            d[i] = last ? load_last(at, job->end, job->zeros + c) : load(at);
        }
        if (grad)
            line_powers(rows, m[0], false, d, o);
        else
            line_b(rows, d, o);
        WINOGRAD_UNROLL
        for (int i = 0; i < rows; i++) lines[i * from_columns + j] = o[i];
    }
    WINOGRAD_UNROLL
    for (int i = 0; i < rows; i++) {
        if (grad)
            line_powers(columns, m[1], false, lines + i * from_columns, o);
        else
            line_b(columns, lines + i * from_columns, o);
        WINOGRAD_UNROLL
        for (int j = 0; j < columns; j++) store(to + (i * columns + j) * job->plane, o[j]);
    }
}

static void clear_tile(const fv_winograd_move *job, int planes, float *to)
{
    for (int q = 0; q < planes; q++)
        memset(to + q * job->plane, 0,
               (size_t)((job->channels + LANES - 1) / LANES * LANES) * sizeof *to);
}

WINOGRAD_INLINE void load_tiles(const fv_winograd_move *job, const int m0, const int r0,
                                const int m1, const int r1, const bool grad)
{
    const int m[2] = {m0, m1}, r[2] = {r0, r1};
    const int rows = grad ? m0 : m0 + r0 - 1, columns = grad ? m1 : m1 + r1 - 1;
    const int64_t whole = job->channels / LANES * LANES;
    tile_elements e = {{NULL}};
    for (int64_t i = 0; i < job->count; i++) {
        const fv_winograd_tile *t = &job->tiles[i];
        const bool inside =
            !t->begin[0] && !t->begin[1] && t->end[0] == rows && t->end[1] == columns;
        const float *p = job->from + t->at;
        float *to = job->planes + i * job->row;
        if (t->end[0] <= t->begin[0] || t->end[1] <= t->begin[1]) {
            clear_tile(job, (m0 + r0 - 1) * (m1 + r1 - 1), to);
            continue;
        }
        if (!inside || whole < job->channels) find_elements(job, t, rows, columns, &e);
        if (inside)
            for (int64_t c = 0; c < whole; c += LANES)
                load_tile(job, m, r, grad, NULL, false, p + c, c, to + c);
        else
            for (int64_t c = 0; c < whole; c += LANES)
                load_tile(job, m, r, grad, &e, false, NULL, c, to + c);
        if (whole < job->channels) load_tile(job, m, r, grad, &e, true, NULL, whole, to + whole);
    }
}

/* The epilogue, and the way to the map, of one element of a tile. */
WINOGRAD_INLINE void put(const fv_winograd_move *job, fv_vf v, int64_t at, int64_t c, int64_t count)
{
    const bool part = count < LANES;
    if (job->bias) v += part ? load_part(job->bias + c, count) : load(job->bias + c);
    if (job->scale) v *= part ? load_part(job->scale + c, count) : load(job->scale + c);
    if (job->shift) v += part ? load_part(job->shift + c, count) : load(job->shift + c);
    if (job->residual) v += part ? load_part(job->residual + at, count) : load(job->residual + at);
    if (job->relu) { /* NaN stays */
        const fv_vf zero = {0};
        __typeof__(v < zero) bits, negative = v < zero;
        memcpy(&bits, &v, sizeof bits);
        bits &= ~negative;
        memcpy(&v, &bits, sizeof bits);
    }
    if (part)
        store_part(job->to + at, v, count);
    else
        store(job->to + at, v);
}

/* plain: whole tiles and vectors, with a residual at most. */
WINOGRAD_INLINE void store_tile(const fv_winograd_move *job, const fv_winograd_tile *t,
                                const int m[2], const int r[2], const bool plain, const bool adds,
                                const float *from, int64_t c, int64_t count)
{
    const int rows = m[0] + r[0] - 1, columns = m[1] + r[1] - 1;
    fv_vf d[MOST_POINTS], o[MOST_POINTS], lines[MOST_POINTS * MOST_POINTS];
    WINOGRAD_UNROLL
    for (int j = 0; j < columns; j++) {
        WINOGRAD_UNROLL
        for (int i = 0; i < rows; i++) d[i] = load(from + (i * columns + j) * job->plane);
        line_sums(rows, m[0], false, d, o);
        WINOGRAD_UNROLL
        for (int i = 0; i < m[0]; i++) lines[i * columns + j] = o[i];
    }
    WINOGRAD_UNROLL
    for (int i = 0; i < m[0]; i++) {
        if (!plain && i >= t->end[0]) break;
        line_sums(columns, m[1], false, lines + i * columns, o);
        WINOGRAD_UNROLL
        for (int j = 0; j < m[1]; j++) {
            const int64_t at = t->at + i * job->step[0] + j * job->step[1] + c;
            if (plain)
                store(job->to + at, adds ? o[j] + load(job->residual + at) : o[j]);
            else if (j < t->end[1])
                put(job, o[j], at, c, count);
        }
    }
}

/* The lines that the next tile is stored to, while this one is computed. */
WINOGRAD_INLINE void fetch(const fv_winograd_move *job, const int m[2], int64_t at)
{
    WINOGRAD_UNROLL
    for (int i = 0; i < m[0]; i++) {
        WINOGRAD_UNROLL
        for (int j = 0; j < m[1]; j++)
            __builtin_prefetch(job->to + at + i * job->step[0] + j * job->step[1], 1);
    }
}

WINOGRAD_INLINE void store_tiles_as(const fv_winograd_move *job, const int m0, const int r0,
                                    const int m1, const int r1, const bool plain, const bool adds)
{
    const int m[2] = {m0, m1}, r[2] = {r0, r1};
    const int64_t whole = job->channels / LANES * LANES;
    for (int64_t i = 0; i < job->count; i++) {
        const fv_winograd_tile *t = &job->tiles[i];
        const float *from = job->planes + i * job->row;
        if (plain && t->end[0] == m0 && t->end[1] == m1)
            for (int64_t c = 0; c < whole; c += LANES) {
                if (i + 1 < job->count) fetch(job, m, t[1].at + c);
                store_tile(job, t, m, r, true, adds, from + c, c, LANES);
            }
        else
            for (int64_t c = 0; c < whole; c += LANES)
                store_tile(job, t, m, r, false, false, from + c, c, LANES);
        if (whole < job->channels)
            store_tile(job, t, m, r, false, false, from + whole, whole, job->channels - whole);
    }
}

WINOGRAD_INLINE void store_tiles(const fv_winograd_move *job, const int m0, const int r0,
                                 const int m1, const int r1)
{
    if (job->bias || job->scale || job->shift || job->relu)
        store_tiles_as(job, m0, r0, m1, r1, false, false);
    else if (job->residual)
        store_tiles_as(job, m0, r0, m1, r1, true, true);
    else
        store_tiles_as(job, m0, r0, m1, r1, true, false);
}

/* --- filters ----------------------------------------------------------------------------------
 *
 * Vectors run over made channels, which lie far apart in w: filters are transposed on their way, so
 * many summed channels at a time as lie side by side. */

enum { CHANNELS = 16 };

/* The taps of a filter lie side by side: their number, and of them the element of the least one. */
typedef struct tap_span {
    int64_t taps, least;
} tap_span;

WINOGRAD_INLINE tap_span span_of(const fv_winograd_filter *job, const int r0, const int r1)
{
    const int64_t s0 = job->tap[0], s1 = job->tap[1];
    const bool dense = (s1 == 1 || s1 == -1 || r1 == 1) && (s0 == r1 * s1 || r0 == 1);
    tap_span span = {dense ? r0 * r1 : 0, 0};
    if (s0 < 0) span.least += (r0 - 1) * s0;
    if (s1 < 0) span.least += (r1 - 1) * s1;
    return span;
}

/* All taps of up to CHANNELS summed channels for a vector of made ones: taps[channel][r0 * r1]. */
WINOGRAD_INLINE void gather(const fv_winograd_filter *job, const int r0, const int r1,
                            const float *w, int64_t depth, int64_t count, float *taps)
{
    for (int64_t c = 0; c < depth; c++, w += job->down) {
        for (int y = 0; y < r0; y++) {
            for (int x = 0; x < r1; x++, taps += LANES) {
                const float *from = w + y * job->tap[0] + x * job->tap[1];
                for (int64_t l = 0; l < LANES; l++) taps[l] = l < count ? from[l * job->across] : 0;
            }
        }
    }
}

/* From [channel][tap in memory][LANES] to taps in the order of the filter. */
WINOGRAD_INLINE void reorder(const fv_winograd_filter *job, const int r0, const int r1,
                             int64_t depth, int64_t pitch, tap_span span, const float *from,
                             float *taps)
{
    for (int64_t c = 0; c < depth; c++, from += pitch * LANES)
        for (int y = 0; y < r0; y++)
            for (int x = 0; x < r1; x++, taps += LANES)
                store(taps, load(from + (y * job->tap[0] + x * job->tap[1] - span.least) * LANES));
}

/* The same as gather, of a whole vector, where taps lie side by side: either summed channels do as
 * well, or whole vectors of a filter are read, a little beyond it. */
WINOGRAD_INLINE bool transpose(const fv_winograd_filter *job, const int r0, const int r1,
                               const float *w, int64_t depth, float *taps)
{
    enum { MOST = (MOST_TAPS + LANES - 1) / LANES * LANES };
    const fv_transpose_fn word32 = FV_ISA_NAME(fv_transpose_kernels_).word32;
    const tap_span span = span_of(job, r0, r1);
    const int64_t whole = (span.taps + LANES - 1) / LANES * LANES;
    float rows[CHANNELS * MOST * LANES];
    w += span.least;
    if (span.taps && job->down == span.taps) {
        word32(rows, LANES, w, job->across, LANES, depth * span.taps);
        reorder(job, r0, r1, depth, span.taps, span, rows, taps);
        return true;
    }
    const float *last = w + (depth - 1) * job->down + (LANES - 1) * job->across + whole;
    if (!span.taps || job->across != span.taps || last > job->end) return false;
    for (int64_t c = 0; c < depth; c++)
        word32(rows + c * whole * LANES, LANES, w + c * job->down, job->across, LANES, whole);
    reorder(job, r0, r1, depth, whole, span, rows, taps);
    return true;
}

WINOGRAD_INLINE void filter_one(const fv_winograd_filter *job, const int m[2], const int r[2],
                                const fv_vf *taps, float *to)
{
    const int rows = m[0] + r[0] - 1, columns = m[1] + r[1] - 1;
    fv_vf d[MOST_POINTS], o[MOST_POINTS], e[MOST_POINTS * 5];
    WINOGRAD_UNROLL
    for (int x = 0; x < r[1]; x++) {
        WINOGRAD_UNROLL
        for (int y = 0; y < r[0]; y++) d[y] = taps[y * r[1] + x];
        line_powers(rows, r[0], true, d, o);
        WINOGRAD_UNROLL
        for (int i = 0; i < rows; i++) e[i * r[1] + x] = o[i];
    }
    WINOGRAD_UNROLL
    for (int i = 0; i < rows; i++) {
        line_powers(columns, r[1], true, e + i * r[1], o);
        WINOGRAD_UNROLL
        for (int j = 0; j < columns; j++) store(to + (i * columns + j) * job->plane, o[j]);
    }
}

WINOGRAD_INLINE void filters(const fv_winograd_filter *job, const int m0, const int r0,
                             const int m1, const int r1)
{
    const int m[2] = {m0, m1}, r[2] = {r0, r1};
    for (int64_t j = 0; j < job->columns; j += LANES) {
        const int64_t count = job->columns - j < LANES ? job->columns - j : LANES;
        for (int64_t c = 0; c < job->depth; c += CHANNELS) {
            const int64_t depth = job->depth - c < CHANNELS ? job->depth - c : CHANNELS;
            const float *w = job->w + j * job->across + c * job->down;
            fv_vf taps[CHANNELS * MOST_TAPS];
            if (count < LANES || !transpose(job, r0, r1, w, depth, (float *)taps))
                gather(job, r0, r1, w, depth, count, (float *)taps);
            for (int64_t i = 0; i < depth; i++)
                filter_one(job, m, r, taps + i * r0 * r1, job->planes + (c + i) * job->row + j);
        }
    }
}

WINOGRAD_INLINE void unfilter_one(const fv_winograd_filter *job, const int m[2], const int r[2],
                                  const float *from, fv_vf *taps)
{
    const int rows = m[0] + r[0] - 1, columns = m[1] + r[1] - 1;
    fv_vf d[MOST_POINTS], o[MOST_POINTS], e[MOST_POINTS * 5];
    WINOGRAD_UNROLL
    for (int i = 0; i < rows; i++) {
        WINOGRAD_UNROLL
        for (int j = 0; j < columns; j++) {
            const float *at = from + (i * columns + j) * job->plane;
            d[j] = load(at);
            for (int64_t k = 1; k < job->copies; k++) d[j] += load(at + k * job->copy);
        }
        line_sums(columns, r[1], true, d, o);
        WINOGRAD_UNROLL
        for (int x = 0; x < r[1]; x++) e[x * rows + i] = o[x];
    }
    WINOGRAD_UNROLL
    for (int x = 0; x < r[1]; x++) {
        line_sums(rows, r[0], true, e + x * rows, o);
        WINOGRAD_UNROLL
        for (int y = 0; y < r[0]; y++) taps[y * r[1] + x] = o[y];
    }
}

/* taps[channel][r0 * r1][LANES] to gw. */
WINOGRAD_INLINE void scatter(const fv_winograd_filter *job, const int r0, const int r1,
                             int64_t depth, int64_t count, const float *taps, float *gw)
{
    if (job->down == r0 * r1 && job->tap[0] == r1 && job->tap[1] == 1) {
        FV_ISA_NAME(fv_transpose_kernels_)
            .word32(gw, job->across, taps, LANES, depth * r0 * r1, count);
        return;
    }
    for (int64_t l = 0; l < count; l++)
        for (int64_t c = 0; c < depth; c++)
            for (int y = 0; y < r0; y++)
                for (int x = 0; x < r1; x++)
                    gw[l * job->across + c * job->down + y * job->tap[0] + x * job->tap[1]] =
                        taps[((c * r0 + y) * r1 + x) * LANES + l];
}

WINOGRAD_INLINE void unfilters(const fv_winograd_filter *job, const int m0, const int r0,
                               const int m1, const int r1)
{
    const int m[2] = {m0, m1}, r[2] = {r0, r1};
    for (int64_t j = 0; j < job->columns; j += LANES) {
        const int64_t count = job->columns - j < LANES ? job->columns - j : LANES;
        for (int64_t c = 0; c < job->depth; c += CHANNELS) {
            const int64_t depth = job->depth - c < CHANNELS ? job->depth - c : CHANNELS;
            fv_vf taps[CHANNELS * MOST_TAPS];
            for (int64_t i = 0; i < depth; i++)
                unfilter_one(job, m, r, job->planes + (c + i) * job->row + j, taps + i * r0 * r1);
            scatter(job, r0, r1, depth, count, (const float *)taps,
                    job->gw + j * job->across + c * job->down);
        }
    }
}

/* The five functions of a form, and its row of the table. */
#define FORM(id, m0, r0, m1, r1)                                                                   \
    static void load_##id(const fv_winograd_move *job)                                             \
    {                                                                                              \
        load_tiles(job, m0, r0, m1, r1, false);                                                    \
    }                                                                                              \
    static void load_grad_##id(const fv_winograd_move *job)                                        \
    {                                                                                              \
        load_tiles(job, m0, r0, m1, r1, true);                                                     \
    }                                                                                              \
    static void store_##id(const fv_winograd_move *job)                                            \
    {                                                                                              \
        store_tiles(job, m0, r0, m1, r1);                                                          \
    }                                                                                              \
    static void filter_##id(const fv_winograd_filter *job)                                         \
    {                                                                                              \
        filters(job, m0, r0, m1, r1);                                                              \
    }                                                                                              \
    static void unfilter_##id(const fv_winograd_filter *job)                                       \
    {                                                                                              \
        unfilters(job, m0, r0, m1, r1);                                                            \
    }
#define ROW(id, m0, r0, m1, r1)                                                                    \
    {                                                                                              \
        {m0, m1}, {r0, r1}, load_##id, load_grad_##id, store_##id, filter_##id, unfilter_##id      \
    }

FORM(4_3, 4, 3, 4, 3)
FORM(2_3, 2, 3, 2, 3)
FORM(4_5, 4, 5, 4, 5)
FORM(2_5, 2, 5, 2, 5)
FORM(line_3, 1, 1, 6, 3)

const fv_winograd_kernels FV_ISA_NAME(fv_winograd_kernels_) = {
    .lanes = LANES,
    .form = {[FV_WINOGRAD_4_3] = ROW(4_3, 4, 3, 4, 3),
             [FV_WINOGRAD_2_3] = ROW(2_3, 2, 3, 2, 3),
             [FV_WINOGRAD_4_5] = ROW(4_5, 4, 5, 4, 5),
             [FV_WINOGRAD_2_5] = ROW(2_5, 2, 5, 2, 5),
             [FV_WINOGRAD_LINE_3] = ROW(line_3, 1, 1, 6, 3)},
};
