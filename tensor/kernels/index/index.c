/* Argmax, gather, scatter-add and cumulative sums along one dimension; see index.h. */
#include "tensor/kernels/index/index.h"

#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/nest.h"
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

/* Operands: x, index, value (or NULL). */
static void argbest_lines(const void *job, int64_t first, int64_t last)
{
    static int64_t (*const best[FV_DTYPE_COUNT])(const void *, int64_t, int64_t, bool) = {
        [FV_BOOL - FV_DTYPE_FIRST] = argbest_u8,     [FV_UINT8 - FV_DTYPE_FIRST] = argbest_u8,
        [FV_INT32 - FV_DTYPE_FIRST] = argbest_i32,   [FV_INT64 - FV_DTYPE_FIRST] = argbest_i64,
        [FV_FLOAT32 - FV_DTYPE_FIRST] = argbest_f32, [FV_FLOAT64 - FV_DTYPE_FIRST] = argbest_f64,
    };
    const lines *l = job;
    int64_t size = (int64_t)fv_dtype_size(l->dtype);
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l->outer, i, at);
        const char *line = l->data[0] + at[0] * size;
        int64_t found = best[fv_dtype_index(l->dtype)](line, l->n, l->along[0], !l->backwards);
        ((int64_t *)l->data[1])[at[1]] = found;
        if (l->data[2])
            memcpy(l->data[2] + at[2] * size, line + found * l->along[0] * size, (size_t)size);
    }
}

void fv_argbest_run(fv_machine m, const fv_tensor *x, int dim, bool largest, fv_tensor *index,
                    fv_tensor *value)
{
    if (index->numel == 0) return;
    lines l = make_lines(dim, length(x, dim), x, index, value ? value : index);
    l.backwards = !largest;
    if (!value) l.data[2] = NULL;
    fv_parallel_ranges(m, (double)x->numel, l.outer.count, argbest_lines, &l);
}

/* --- gather and scatter ---------------------------------------------------------------------- */

/* Operands: y, index, x. */
static void gather_lines(const void *job, int64_t first, int64_t last)
{
    const lines *l = job;
    size_t size = fv_dtype_size(l->dtype);
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l->outer, i, at);
        const int64_t *pos = (const int64_t *)l->data[1] + at[1];
        for (int64_t k = 0; k < l->n; k++) {
            int64_t to = at[0] + k * l->along[0];
            int64_t from = at[2] + pos[k * l->along[1]] * l->along[2];
            memcpy(l->data[0] + (size_t)to * size, l->data[2] + (size_t)from * size, size);
        }
    }
}

void fv_gather_run(fv_machine m, const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, length(index, dim), y, index, x);
    fv_parallel_ranges(m, 2.0 * (double)y->numel, l.outer.count, gather_lines, &l);
}

/* Operands: g, index, gx. */
static void scatter_add_lines(const void *job, int64_t first, int64_t last)
{
    const lines *l = job;
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l->outer, i, at);
        const int64_t *pos = (const int64_t *)l->data[1] + at[1];
        for (int64_t k = 0; k < l->n; k++) {
            int64_t from = at[0] + k * l->along[0];
            int64_t to = at[2] + pos[k * l->along[1]] * l->along[2];
            if (l->dtype == FV_FLOAT64)
                ((double *)l->data[2])[to] += ((const double *)l->data[0])[from];
            else
                ((float *)l->data[2])[to] += ((const float *)l->data[0])[from];
        }
    }
}

void fv_scatter_add_run(fv_machine m, const fv_tensor *g, int dim, const fv_tensor *index,
                        fv_tensor *gx)
{
    memset(gx->data, 0, (size_t)gx->numel * fv_dtype_size(gx->dtype)); /* gx is dense */
    if (g->numel == 0) return;
    lines l = make_lines(dim, length(index, dim), g, index, gx);
    fv_parallel_ranges(m, 2.0 * (double)g->numel, l.outer.count, scatter_add_lines, &l);
}

/* --- running sums ---------------------------------------------------------------------------- */

/* float32 is carried in double, as PyTorch does. */
static void cumsum_floating(const lines *l, const int64_t *at)
{
    double sum = 0;
    for (int64_t k = 0; k < l->n; k++) {
        int64_t i = l->backwards ? l->n - 1 - k : k;
        int64_t from = at[0] + i * l->along[0], to = at[1] + i * l->along[1];
        if (l->dtype == FV_FLOAT64) {
            sum += ((const double *)l->data[0])[from];
            ((double *)l->data[1])[to] = sum;
        } else {
            sum += (double)((const float *)l->data[0])[from];
            ((float *)l->data[1])[to] = (float)sum;
        }
    }
}

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
static void cumsum_lines(const void *job, int64_t first, int64_t last)
{
    const lines *l = job;
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l->outer, i, at);
        if (fv_dtype_is_floating(l->dtype))
            cumsum_floating(l, at);
        else
            cumsum_integers(l, at);
    }
}

void fv_cumsum_run(fv_machine m, const fv_tensor *x, int dim, bool reversed, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, length(x, dim), x, y, y);
    l.backwards = reversed;
    fv_parallel_ranges(m, 2.0 * (double)x->numel, l.outer.count, cumsum_lines, &l);
}

/* --- checks ---------------------------------------------------------------------------------- */

bool fv_index_outside(const fv_tensor *t, int64_t limit, int64_t ignore, int64_t *position,
                      int64_t *value)
{
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
