/* Body of gemm_isa.c for one element type: T, VEC, VEC_U and NAME are defined by the includer. */

enum { NAME(LANES) = FV_VBYTES / sizeof(T), NAME(NR) = FV_NR * NAME(LANES) };

FV_INLINE VEC NAME(load)(const T *p)
{
    return *(const VEC_U *)(const void *)p;
}

/* The way out for a row with fewer columns than its vectors have lanes: pieces of 8, 4, 2 and 1. */
static __attribute__((noinline)) void NAME(store_part)(const T *from, T *c, int64_t columns,
                                                       bool accumulate)
{
    if (accumulate) {
        for (int64_t j = 0; j < columns; j++) c[j] += from[j];
        return;
    }
    for (; columns >= 8; columns -= 8, c += 8, from += 8) memcpy(c, from, 8 * sizeof(T));
    if (columns & 4) {
        memcpy(c, from, 4 * sizeof(T));
        c += 4;
        from += 4;
    }
    if (columns & 2) {
        memcpy(c, from, 2 * sizeof(T));
        c += 2;
        from += 2;
    }
    if (columns & 1) *c = *from;
}

/* A NaN stays. */
FV_INLINE VEC NAME(positive)(VEC v)
{
    return (VEC)((__typeof__(v < (VEC){0})) v & ~(v < (VEC){0}));
}

FV_INLINE void NAME(add_row)(T *c, const T *from, int64_t columns)
{
    int64_t j = 0;
    for (; j + NAME(LANES) <= columns; j += NAME(LANES))
        *(VEC_U *)(void *)(c + j) = NAME(load)(c + j) + NAME(load)(from + j);
    for (; j < columns; j++) c[j] += from[j];
}

FV_INLINE void NAME(relu_row)(T *c, int64_t columns)
{
    int64_t j = 0;
    for (; j + NAME(LANES) <= columns; j += NAME(LANES))
        *(VEC_U *)(void *)(c + j) = NAME(positive)(NAME(load)(c + j));
    for (; j < columns; j++) c[j] = c[j] < 0 ? (T)0 : c[j];
}

static void NAME(sums)(const fv_tile_sums *job)
{
    const int64_t columns = job->columns;
    for (int64_t i = 0; i < job->rows; i++) {
        T *c = (T *)job->c + i * job->c_rs;
        const T *from = (const T *)job->from + i * columns;
        for (int64_t s = 0; s < job->count; s++, from += job->apart)
            NAME(add_row)(c, from, columns);
        if (job->relu) NAME(relu_row)(c, columns);
    }
}

/* A row of a tile. What the epilogue has is the same for all vectors, and told in advance. */
FV_INLINE void NAME(finish_row)(const fv_tile_finish *f, T *c, const T *residual, int64_t columns)
{
    const T *scale = f->scale, *shift = f->shift;
    int64_t j = 0;
    for (; j + NAME(LANES) <= columns; j += NAME(LANES)) {
        VEC v = NAME(load)(c + j);
        if (scale) v *= NAME(load)(scale + j);
        if (shift) v += NAME(load)(shift + j);
        if (residual) v += NAME(load)(residual + j);
        *(VEC_U *)(void *)(c + j) = f->relu ? NAME(positive)(v) : v;
    }
    for (; j < columns; j++) {
        T v = c[j];
        if (scale) v *= scale[j];
        if (shift) v += shift[j];
        if (residual) v += residual[j];
        c[j] = f->relu && v < 0 ? (T)0 : v;
    }
}

/* May the epilogue be computed before sums are stored? What it reads by rows is added afterwards.
 */
FV_INLINE bool NAME(is_early)(const fv_tile_rows *job)
{
    return job->finish && !job->finish->residual && !job->accumulate;
}

/* The epilogue of a tile that has just been stored. */
static __attribute__((noinline)) void NAME(finish)(const fv_tile_rows *job, const fv_tile_group *at,
                                                   int groups)
{
    const fv_tile_finish *f = job->finish;
    for (int i = 0; i < groups * FV_GROUP; i++) {
        const fv_tile_group *g = &at[i / FV_GROUP];
        const int row = i % FV_GROUP;
        if (row < g->skip || row >= g->skip + g->keep) continue;
        const int64_t offset = g->c + row * job->c_rs;
        const T *residual = f->residual ? (const T *)f->residual + offset : NULL;
        NAME(finish_row)(f, (T *)job->c + offset, residual, job->columns);
    }
}

/* One pair of functions for each tile shape. */
#define GROUPS  1
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  2
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  3
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  4
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  5
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  6
#define VECTORS 1
#include "gemm_tile_shape_impl.h"
#define GROUPS  1
#define VECTORS FV_NR
#include "gemm_tile_shape_impl.h"
#define GROUPS  2
#define VECTORS FV_NR
#include "gemm_tile_shape_impl.h"
#define GROUPS  3
#define VECTORS FV_NR
#include "gemm_tile_shape_impl.h"

/* The function of `groups` groups of rows and all vectors of columns. */
#define WIDE(id, groups) NAME(FV_ISA_CAT(id##_##groups##x, FV_NR))

/* Of an array of `columns` elements, of which a whole number of vectors is read: itself, or a copy
 * with zeros behind it. */
static const void *NAME(whole_vectors)(const void *from, int64_t columns, T copy[NAME(NR)])
{
    if (!from || columns % NAME(LANES) == 0) return from;
    for (int j = 0; j < NAME(NR); j++) copy[j] = j < columns ? ((const T *)from)[j] : (T)0;
    return copy;
}

static void NAME(rows_tiles)(const fv_tile_rows *job)
{
    typedef void (*shape)(const fv_tile_rows *, int64_t, int64_t);
    static const shape shapes[2][2 * FV_TILE_GROUPS] = {
        {NAME(rows_1x1), NAME(rows_2x1), NAME(rows_3x1), NAME(rows_4x1), NAME(rows_5x1),
         NAME(rows_6x1)},
        {WIDE(rows, 1), WIDE(rows, 2), WIDE(rows, 3)}};
    const bool narrow = job->columns <= NAME(LANES);
    const int64_t most = narrow ? 2 * FV_TILE_GROUPS : FV_TILE_GROUPS, count = job->group_count;
    const int64_t tiles = narrow ? count / (2 * FV_TILE_GROUPS) : count / FV_TILE_GROUPS;
    const int64_t rest = count - tiles * most;
    if (tiles) shapes[!narrow][most - 1](job, 0, tiles);
    if (rest) shapes[!narrow][rest - 1](job, tiles * most, 1);
}

/* What is read by columns is copied if these are no whole vectors. */
static void NAME(rows)(const fv_tile_rows *original)
{
    if (original->columns % NAME(LANES) == 0 || !(original->bias || original->finish)) {
        NAME(rows_tiles)(original);
        return;
    }
    fv_tile_rows job = *original;
    fv_tile_finish finish;
    T bias[NAME(NR)], scale[NAME(NR)], shift[NAME(NR)];
    job.bias = NAME(whole_vectors)(job.bias, job.columns, bias);
    if (job.finish) {
        finish = *job.finish;
        finish.scale = NAME(whole_vectors)(finish.scale, job.columns, scale);
        finish.shift = NAME(whole_vectors)(finish.shift, job.columns, shift);
        job.finish = &finish;
    }
    NAME(rows_tiles)(&job);
}

static void NAME(columns_tiles)(const fv_tile_columns *job)
{
    typedef void (*shape)(const fv_tile_columns *, int64_t, int64_t);
    static const shape shapes[2][2 * FV_TILE_GROUPS] = {
        {NAME(columns_1x1), NAME(columns_2x1), NAME(columns_3x1), NAME(columns_4x1),
         NAME(columns_5x1), NAME(columns_6x1)},
        {WIDE(columns, 1), WIDE(columns, 2), WIDE(columns, 3)}};
    const bool narrow = job->columns <= NAME(LANES);
    const shape *of = shapes[!narrow];
    const int64_t most = narrow ? 2 * FV_MR : FV_MR;
    for (int64_t row = 0; row < job->rows; row += most) {
        int64_t rows = job->rows - row < most ? job->rows - row : most;
        of[(rows - 1) / FV_GROUP](job, row, rows);
    }
}

static void NAME(columns)(const fv_tile_columns *original)
{
    if (original->columns % NAME(LANES) == 0 || !original->bias) {
        NAME(columns_tiles)(original);
        return;
    }
    fv_tile_columns job = *original;
    T bias[NAME(NR)];
    job.bias = NAME(whole_vectors)(job.bias, job.columns, bias);
    NAME(columns_tiles)(&job);
}

static void NAME(planes)(const fv_tile_planes *job)
{
    typedef void (*shape)(const fv_tile_planes *, const T *, const T *, T *, int64_t);
    static const shape shapes[2][2 * FV_TILE_GROUPS] = {
        {NAME(plane_1x1), NAME(plane_2x1), NAME(plane_3x1), NAME(plane_4x1), NAME(plane_5x1),
         NAME(plane_6x1)},
        {WIDE(plane, 1), WIDE(plane, 2), WIDE(plane, 3)}};
    const bool narrow = job->columns <= NAME(LANES);
    const shape *of = shapes[!narrow];
    const int64_t most = narrow ? 2 * FV_MR : FV_MR;
    const int64_t whole = job->rows / most * most, rest = job->rows - whole;
    const shape last = of[(rest + FV_GROUP - 1) / FV_GROUP - (rest > 0)];
    for (int64_t q = 0; q < job->planes; q++) {
        const T *a = (const T *)job->a + q * job->a_plane;
        const T *b = (const T *)job->b + q * job->b_plane;
        T *c = (T *)job->c + q * job->c_plane;
        if (whole) of[most / FV_GROUP - 1](job, a, b, c, whole);
        if (rest) last(job, a + whole * job->a_rs, b, c + whole * job->c_rs, rest);
    }
}

static inline T NAME(add_lanes)(VEC v)
{
    T sum = 0;
    for (int i = 0; i < NAME(LANES); i++) sum += v[i];
    return sum;
}

static inline void NAME(put_dot)(const fv_tile_dots *job, int64_t i, int64_t j, T sum)
{
    T *c = (T *)job->c + i * job->c_i + j * job->c_j;
    if (job->bias) sum += ((const T *)job->bias)[i * job->bias_i + j * job->bias_j];
    *c = job->accumulate ? *c + sum : sum;
}

/* Four rows of x (some of them the same one when fewer are left) with one of y. */
static void NAME(dots)(const fv_tile_dots *job)
{
    const int64_t length = job->length;
    for (int64_t i = 0; i < job->x_count; i += 4) {
        const int64_t last = job->x_count - 1 - i;
        const T *x0 = (const T *)job->x + i * job->x_rs;
        const T *x1 = x0 + (last > 0 ? job->x_rs : 0), *x2 = x0 + (last > 1 ? 2 * job->x_rs : 0);
        const T *x3 = x0 + (last > 2 ? 3 * job->x_rs : 0);
        for (int64_t j = 0; j < job->y_count; j++) {
            const T *y = (const T *)job->y + j * job->y_rs;
            VEC v0 = {0}, v1 = {0}, v2 = {0}, v3 = {0};
            int64_t k = 0;
            for (; k + NAME(LANES) <= length; k += NAME(LANES)) {
                VEC of = NAME(load)(y + k);
                v0 += NAME(load)(x0 + k) * of;
                v1 += NAME(load)(x1 + k) * of;
                v2 += NAME(load)(x2 + k) * of;
                v3 += NAME(load)(x3 + k) * of;
            }
            T s0 = NAME(add_lanes)(v0), s1 = NAME(add_lanes)(v1);
            T s2 = NAME(add_lanes)(v2), s3 = NAME(add_lanes)(v3);
            for (; k < length; k++) {
                s0 += x0[k] * y[k];
                s1 += x1[k] * y[k];
                s2 += x2[k] * y[k];
                s3 += x3[k] * y[k];
            }
            NAME(put_dot)(job, i, j, s0);
            if (last > 0) NAME(put_dot)(job, i + 1, j, s1);
            if (last > 1) NAME(put_dot)(job, i + 2, j, s2);
            if (last > 2) NAME(put_dot)(job, i + 3, j, s3);
        }
    }
}

#undef WIDE
