/* Argmax, gather, scatter-add and cumulative sums along one dimension; see index.h. */
#include "tensor/kernels/index/index.h"

#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/index/index_impl.h"
#include "tensor/kernels/nest.h"
#include "tensor/kernels/view/transpose.h"
#include "tensor/ranges.h"

/* The lines of up to three tensors along dim, which may differ in length there. */
typedef struct lines {
    fv_nest outer;
    int64_t along[FV_NEST_OPERANDS];
    int64_t n; /* elements of a line that are visited */
    char *data[FV_NEST_OPERANDS];
    fv_dtype dtype; /* of a */
    bool backwards; /* the smallest number; from the end */
} lines;

static lines make_lines(int dim, int64_t n, const fv_tensor *a, const fv_tensor *b,
                        const fv_tensor *c)
{
    lines l = {.n = n, .data = {a->data, b->data, c->data}, .dtype = a->dtype};
    for (int d = 0; d < a->ndim; d++) {
        int64_t s[FV_NEST_OPERANDS] = {a->strides[d], b->strides[d], c->strides[d]};
        if (d != dim) {
            int64_t size = a->shape[d] < b->shape[d] ? a->shape[d] : b->shape[d];
            fv_nest_add(&l.outer, size, s[0], s[1], s[2]);
        } else {
            memcpy(l.along, s, sizeof s);
        }
    }
    fv_nest_merge(&l.outer);
    return l;
}

static int64_t length(const fv_tensor *t, int dim)
{
    return t->ndim > 0 ? t->shape[dim] : 1;
}

/* --- tiles of lines -------------------------------------------------------------------------- */

enum { TILE = FV_ARGBEST_COLUMNS }; /* neighbouring lines that are walked together */

/* Neighbouring lines, taken together. Where dim is not the dense one and they are, memory is so
 * read in its order. */
typedef struct line_tiles {
    lines l;
    int64_t cols, step[FV_NEST_OPERANDS]; /* neighbours, and from one to the next; 1 without */
    int64_t tiles;
} line_tiles;

/* always: also lines that lie otherwise. */
static line_tiles tile_lines(const lines *l, bool always)
{
    line_tiles t = {.l = *l, .cols = 1, .tiles = 1};
    int last = l->outer.ndim - 1;
    bool neighbours = l->along[0] != 1 && last >= 0 && l->outer.stride[last][0] == 1;
    if (neighbours || (always && last >= 0)) {
        t.cols = fv_nest_pop(&t.l.outer, t.step);
        t.tiles = (t.cols - 1) / TILE + 1;
    }
    return t;
}

/* Offsets of a tile's first line; returns its lines. */
static int64_t tile_at(const line_tiles *t, int64_t tile, int64_t *at)
{
    int64_t first = tile % t->tiles * TILE;
    fv_nest_at(&t->l.outer, tile / t->tiles, at);
    for (int k = 0; k < FV_NEST_OPERANDS; k++) at[k] += first * t->step[k];
    return t->cols - first < TILE ? t->cols - first : TILE;
}

/* --- argmax ---------------------------------------------------------------------------------- */

#define DEFINE_ARGBEST(T, NAME)                                                                    \
    static int64_t NAME(const void *data, int64_t n, int64_t stride, bool largest)                 \
    {                                                                                              \
        const T *p = data;                                                                         \
        T best = p[0];                                                                             \
        int64_t at = 0;                                                                            \
        for (int64_t i = 1; i < n && best == best; i++) {                                          \
            T v = p[i * stride];                                                                   \
            if ((largest ? v > best : v < best) || v != v) {                                       \
                best = v;                                                                          \
                at = i;                                                                            \
            }                                                                                      \
        }                                                                                          \
        return at;                                                                                 \
    }
DEFINE_ARGBEST(float, argbest_f32)
DEFINE_ARGBEST(double, argbest_f64)
DEFINE_ARGBEST(int64_t, argbest_i64)
DEFINE_ARGBEST(int32_t, argbest_i32)
DEFINE_ARGBEST(uint8_t, argbest_u8)

/* Lines in tiles of neighbours, and what finds the best of them. */
typedef struct argbest_job {
    line_tiles t;
    fv_argbest_row row;        /* of a dense line */
    fv_argbest_cols cols;      /* of neighbours; NULL: lines one by one */
    fv_transpose_fn transpose; /* short dense lines become columns */
} argbest_job;

enum { SHORT = 32 }; /* numbers of a dense line that rather becomes a column */

static int64_t best_of_line(const argbest_job *job, const char *line)
{
    static int64_t (*const best[FV_DTYPE_COUNT])(const void *, int64_t, int64_t, bool) = {
        [FV_BOOL - FV_DTYPE_FIRST] = argbest_u8,     [FV_UINT8 - FV_DTYPE_FIRST] = argbest_u8,
        [FV_INT32 - FV_DTYPE_FIRST] = argbest_i32,   [FV_INT64 - FV_DTYPE_FIRST] = argbest_i64,
        [FV_FLOAT32 - FV_DTYPE_FIRST] = argbest_f32, [FV_FLOAT64 - FV_DTYPE_FIRST] = argbest_f64,
    };
    const lines *l = &job->t.l;
    if (job->row) return job->row(line, l->n);
    return best[fv_dtype_index(l->dtype)](line, l->n, l->along[0], !l->backwards);
}

/* found[c] of the lines of a tile, which begin at x. */
static void best_of_tile(const argbest_job *job, const char *x, int64_t cols, int64_t *found)
{
    const lines *l = &job->t.l;
    const int64_t size = (int64_t)fv_dtype_size(l->dtype), step = job->t.step[0];
    _Alignas(64) double tile[SHORT * TILE];
    if (job->transpose) {
        job->transpose(tile, TILE, x, step, cols, l->n);
        job->cols(tile, l->n, TILE, cols, found);
    } else if (job->cols) {
        job->cols(x, l->n, l->along[0], cols, found);
    } else {
        for (int64_t c = 0; c < cols; c++) found[c] = best_of_line(job, x + c * step * size);
    }
}

/* Operands: x, index, value (or NULL). */
static void argbest_tiles(const void *job_, int64_t first, int64_t last)
{
    const argbest_job *job = job_;
    const lines *l = &job->t.l;
    const int64_t *s = job->t.step, size = (int64_t)fv_dtype_size(l->dtype);
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS], found[TILE], cols = tile_at(&job->t, i, at);
        const char *x = l->data[0] + at[0] * size;
        best_of_tile(job, x, cols, found);
        for (int64_t c = 0; c < cols; c++) {
            ((int64_t *)(void *)l->data[1])[at[1] + c * s[1]] = found[c];
            if (l->data[2])
                memcpy(l->data[2] + (at[2] + c * s[2]) * size,
                       x + (c * s[0] + found[c] * l->along[0]) * size, (size_t)size);
        }
    }
}

/* Chooses among rows, columns and short rows; the others go one by one. */
static void choose_loops(fv_machine m, argbest_job *job)
{
    const fv_index_kernels *k = FV_ISA_PICK(fv_index_kernels_, m.isa);
    const lines *l = &job->t.l;
    const bool f32 = l->dtype == FV_FLOAT32;
    if ((!f32 && l->dtype != FV_FLOAT64) || l->n >= INT32_MAX) return;
    const int smallest = l->backwards;
    bool dense = l->along[0] == 1, neighbours = job->t.step[0] == 1 && job->t.cols > 1;
    if (dense && l->n > SHORT) job->row = f32 ? k->row_f32[smallest] : k->row_f64[smallest];
    if (neighbours || (dense && l->n <= SHORT && job->t.cols > 1))
        job->cols = f32 ? k->cols_f32[smallest] : k->cols_f64[smallest];
    if (job->cols && !neighbours) job->transpose = fv_transpose_plane(m.isa, f32 ? 4 : 8);
}

void fv_argbest_run(fv_machine m, const fv_tensor *x, int dim, bool largest, fv_tensor *index,
                    fv_tensor *value)
{
    if (index->numel == 0) return;
    lines l = make_lines(dim, length(x, dim), x, index, value ? value : index);
    l.backwards = !largest;
    if (!value) l.data[2] = NULL;
    argbest_job job = {.t = tile_lines(&l, l.n <= SHORT)};
    choose_loops(m, &job);
    double each = job.row || job.cols ? 0.3 : 1.0;
    fv_parallel_ranges(m, each * (double)x->numel, job.t.l.outer.count * job.t.tiles, argbest_tiles,
                       &job);
}

/* --- gather and scatter ---------------------------------------------------------------------- */

/* Operands: y, index, x. */
#define DEFINE_GATHER(T, NAME)                                                                     \
    static void NAME(const line_tiles *t, const int64_t *at, int64_t cols)                         \
    {                                                                                              \
        const lines *l = &t->l;                                                                    \
        T *y = (T *)(void *)l->data[0] + at[0];                                                    \
        const int64_t *pos = (const int64_t *)(const void *)l->data[1] + at[1];                    \
        const T *x = (const T *)(const void *)l->data[2] + at[2];                                  \
        const int64_t *s = t->step, sy = l->along[0], si = l->along[1], sx = l->along[2];          \
        if (sy == 1 && si == 1)                                                                    \
            for (int64_t c = 0; c < cols; c++, y += s[0], pos += s[1], x += s[2])                  \
                for (int64_t k = 0; k < l->n; k++) y[k] = x[pos[k] * sx];                          \
        else                                                                                       \
            for (int64_t k = 0; k < l->n; k++, y += sy, pos += si)                                 \
                for (int64_t c = 0; c < cols; c++) y[c * s[0]] = x[pos[c * s[1]] * sx + c * s[2]]; \
    }
DEFINE_GATHER(uint8_t, gather_u8)
DEFINE_GATHER(uint16_t, gather_u16)
DEFINE_GATHER(uint32_t, gather_u32)
DEFINE_GATHER(uint64_t, gather_u64)

static void gather_tiles(const void *job, int64_t first, int64_t last)
{
    const line_tiles *t = job;
    size_t size = fv_dtype_size(t->l.dtype);
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS], cols = tile_at(t, i, at);
        switch (size) {
        case 1: gather_u8(t, at, cols); break;
        case 2: gather_u16(t, at, cols); break;
        case 4: gather_u32(t, at, cols); break;
        default: gather_u64(t, at, cols);
        }
    }
}

void fv_gather_run(fv_machine m, const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, length(index, dim), y, index, x);
    line_tiles t = tile_lines(&l, l.n <= SHORT);
    fv_parallel_ranges(m, 1.0 * (double)y->numel, t.l.outer.count * t.tiles, gather_tiles, &t);
}

/* Operands: g, index, gx. */
#define DEFINE_SCATTER(T, NAME)                                                                    \
    static void NAME(const line_tiles *t, const int64_t *at, int64_t cols)                         \
    {                                                                                              \
        const lines *l = &t->l;                                                                    \
        const T *g = (const T *)(const void *)l->data[0] + at[0];                                  \
        const int64_t *pos = (const int64_t *)(const void *)l->data[1] + at[1];                    \
        T *gx = (T *)(void *)l->data[2] + at[2];                                                   \
        const int64_t *s = t->step, sg = l->along[0], si = l->along[1], sx = l->along[2];          \
        if (cols == 1)                                                                             \
            for (int64_t k = 0; k < l->n; k++) gx[pos[k * si] * sx] += g[k * sg];                  \
        else                                                                                       \
            for (int64_t k = 0; k < l->n; k++, g += sg, pos += si)                                 \
                for (int64_t c = 0; c < cols; c++)                                                 \
                    gx[pos[c * s[1]] * sx + c * s[2]] += g[c * s[0]];                              \
    }
DEFINE_SCATTER(float, scatter_f32)
DEFINE_SCATTER(double, scatter_f64)

static void scatter_tiles(const void *job, int64_t first, int64_t last)
{
    const line_tiles *t = job;
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS], cols = tile_at(t, i, at);
        if (t->l.dtype == FV_FLOAT64)
            scatter_f64(t, at, cols);
        else
            scatter_f32(t, at, cols);
    }
}

/* Zeros in TILE * TILE elements a unit. */
static void clear_pieces(const void *job, int64_t first, int64_t last)
{
    enum { PIECE = TILE * TILE };
    const fv_tensor *t = job;
    int64_t begin = first * PIECE, end = last * PIECE < t->numel ? last * PIECE : t->numel;
    size_t size = fv_dtype_size(t->dtype);
    memset((char *)t->data + (size_t)begin * size, 0, (size_t)(end - begin) * size);
}

void fv_scatter_add_run(fv_machine m, const fv_tensor *g, int dim, const fv_tensor *index,
                        fv_tensor *gx)
{
    fv_parallel_ranges(m, 0.1 * (double)gx->numel, (gx->numel + TILE * TILE - 1) / (TILE * TILE),
                       clear_pieces, gx); /* gx is dense */
    if (g->numel == 0) return;
    lines l = make_lines(dim, length(index, dim), g, index, gx);
    line_tiles t = tile_lines(&l, false);
    fv_parallel_ranges(m, 1.5 * (double)g->numel, t.l.outer.count * t.tiles, scatter_tiles, &t);
}

/* --- running sums ---------------------------------------------------------------------------- */

/* float32 is carried in double, as PyTorch does. Neighbouring lines go together. */
#define DEFINE_CUMSUM(T, NAME)                                                                     \
    static void NAME(const line_tiles *t, const int64_t *at, int64_t cols)                         \
    {                                                                                              \
        const lines *l = &t->l;                                                                    \
        const int64_t last = l->backwards ? l->n - 1 : 0, way = l->backwards ? -1 : 1;             \
        const int64_t sx = way * l->along[0], sy = way * l->along[1];                              \
        const T *x = (const T *)(const void *)l->data[0] + at[0] + last * l->along[0];             \
        T *y = (T *)(void *)l->data[1] + at[1] + last * l->along[1];                               \
        double sum[TILE] = {0};                                                                    \
        if (cols == 1) {                                                                           \
            double one = 0;                                                                        \
            for (int64_t k = 0; k < l->n; k++) y[k * sy] = (T)(one += (double)x[k * sx]);          \
            return;                                                                                \
        }                                                                                          \
        for (int64_t k = 0; k < l->n; k++)                                                         \
            for (int64_t c = 0; c < cols; c++) {                                                   \
                sum[c] += (double)x[k * sx + c * t->step[0]];                                      \
                y[k * sy + c * t->step[1]] = (T)sum[c];                                            \
            }                                                                                      \
    }
DEFINE_CUMSUM(float, cumsum_f32)
DEFINE_CUMSUM(double, cumsum_f64)

static void cumsum_integers(const lines *l, const int64_t *at)
{
    uint64_t sum = 0;
    for (int64_t k = 0; k < l->n; k++) {
        int64_t i = l->backwards ? l->n - 1 - k : k;
        sum += (uint64_t)fv_load_int(l->dtype, l->data[0], at[0] + i * l->along[0]);
        ((int64_t *)l->data[1])[at[1] + i * l->along[1]] = (int64_t)sum;
    }
}

/* Operands: x, y. */
static void cumsum_tiles(const void *job, int64_t first, int64_t last)
{
    const line_tiles *t = job;
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS], cols = tile_at(t, i, at);
        if (t->l.dtype == FV_FLOAT32)
            cumsum_f32(t, at, cols);
        else if (t->l.dtype == FV_FLOAT64)
            cumsum_f64(t, at, cols);
        else
            cumsum_integers(&t->l, at);
    }
}

void fv_cumsum_run(fv_machine m, const fv_tensor *x, int dim, bool reversed, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, length(x, dim), x, y, y);
    l.backwards = reversed;
    line_tiles t = {.l = l, .cols = 1, .tiles = 1};
    if (fv_dtype_is_floating(x->dtype)) t = tile_lines(&l, false);
    fv_parallel_ranges(m, 1.5 * (double)x->numel, t.l.outer.count * t.tiles, cumsum_tiles, &t);
}

/* --- checks ---------------------------------------------------------------------------------- */

/* Numbers of a dense int64 row, in pieces. */
typedef struct range_check {
    fv_index_check check;
    const int64_t *data;
    int64_t n, most;
    uint64_t *outside; /* bit 63 is set when one is */
} range_check;

enum { CHECKED = 4096 };

static void check_pieces(const void *job, int64_t first, int64_t last)
{
    const range_check *r = job;
    int64_t begin = first * CHECKED, end = last * CHECKED < r->n ? last * CHECKED : r->n;
    uint64_t bits = r->check(r->data + begin, end - begin, r->most);
    if (bits >> 63) __atomic_store_n(r->outside, bits, __ATOMIC_RELAXED);
}

/* Is every number surely inside? */
static bool all_inside(fv_machine m, const fv_tensor *t, int64_t limit)
{
    if (t->dtype != FV_INT64 || !fv_is_contiguous(t) || limit <= 0) return false;
    uint64_t outside = 0;
    range_check r = {FV_ISA_PICK(fv_index_kernels_, m.isa)->outside, t->data, t->numel, limit - 1,
                     &outside};
    fv_parallel_ranges(m, 0.3 * (double)t->numel, (t->numel + CHECKED - 1) / CHECKED, check_pieces,
                       &r);
    return outside == 0;
}

bool fv_index_outside(fv_machine m, const fv_tensor *t, int64_t limit, int64_t ignore,
                      int64_t *position, int64_t *value)
{
    if (all_inside(m, t, limit)) return false;
    bool dense = fv_is_contiguous(t);
    for (int64_t i = 0; i < t->numel; i++) {
        int64_t at = i;
        if (!dense) {
            int64_t rest = i;
            at = 0;
            for (int d = t->ndim - 1; d >= 0; d--) {
                at += rest % t->shape[d] * t->strides[d];
                rest /= t->shape[d];
            }
        }
        int64_t v = fv_load_int(t->dtype, t->data, at);
        if ((v >= 0 && v < limit) || v == ignore) continue;
        *position = i;
        *value = v;
        return true;
    }
    return false;
}
