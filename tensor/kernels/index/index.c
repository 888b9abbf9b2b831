/* Argmax, gather, scatter-add and cumulative sums along one dimension; see index.h. */
#include "tensor/kernels/index/index.h"

#include <string.h>

#include "tensor/kernels/nest.h"
#include "tensor/parallel.h"

/* The lines of up to three tensors along dim, which may differ in length there. */
typedef struct lines {
    fv_nest outer;
    int64_t along[FV_NEST_OPERANDS];
} lines;

static lines make_lines(int dim, const fv_tensor *a, const fv_tensor *b, const fv_tensor *c)
{
    lines l = {.along = {0}};
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

static int64_t integer_at(const fv_tensor *t, int64_t at)
{
    switch (t->dtype) {
    case FV_INT64: return ((const int64_t *)t->data)[at];
    case FV_INT32: return ((const int32_t *)t->data)[at];
    default: return ((const uint8_t *)t->data)[at];
    }
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

void fv_argbest_run(const fv_tensor *x, int dim, bool largest, fv_tensor *index, fv_tensor *value)
{
    static int64_t (*const best[FV_DTYPE_COUNT])(const void *, int64_t, int64_t, bool) = {
        [FV_BOOL] = argbest_u8,   [FV_UINT8] = argbest_u8,    [FV_INT32] = argbest_i32,
        [FV_INT64] = argbest_i64, [FV_FLOAT32] = argbest_f32, [FV_FLOAT64] = argbest_f64,
    };
    if (index->numel == 0) return;
    lines l = make_lines(dim, x, index, value ? value : index);
    int64_t n = length(x, dim), size = (int64_t)fv_dtype_size(x->dtype);
    int threads = fv_threads_for(fv_machine_now(), 1.0 * (double)x->numel);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < l.outer.count; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l.outer, i, at);
        const char *line = (const char *)x->data + at[0] * size;
        int64_t found = best[x->dtype](line, n, l.along[0], largest);
        ((int64_t *)index->data)[at[1]] = found;
        if (value)
            memcpy((char *)value->data + at[2] * size, line + found * l.along[0] * size,
                   (size_t)size);
    }
}

/* --- gather and scatter ---------------------------------------------------------------------- */

void fv_gather_run(const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, y, index, x);
    int64_t n = length(index, dim);
    size_t size = fv_dtype_size(x->dtype);
    int threads = fv_threads_for(fv_machine_now(), 2.0 * (double)y->numel);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < l.outer.count; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l.outer, i, at);
        const int64_t *pos = (const int64_t *)index->data + at[1];
        for (int64_t k = 0; k < n; k++) {
            int64_t from = at[2] + pos[k * l.along[1]] * l.along[2];
            memcpy((char *)y->data + (size_t)(at[0] + k * l.along[0]) * size,
                   (const char *)x->data + (size_t)from * size, size);
        }
    }
}

void fv_scatter_add_run(const fv_tensor *g, int dim, const fv_tensor *index, fv_tensor *gx)
{
    memset(gx->data, 0, (size_t)gx->numel * fv_dtype_size(gx->dtype)); /* gx is dense */
    if (g->numel == 0) return;
    lines l = make_lines(dim, g, index, gx);
    int64_t n = length(index, dim);
    int threads = fv_threads_for(fv_machine_now(), 2.0 * (double)g->numel);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < l.outer.count; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l.outer, i, at);
        const int64_t *pos = (const int64_t *)index->data + at[1];
        for (int64_t k = 0; k < n; k++) {
            int64_t to = at[2] + pos[k * l.along[1]] * l.along[2], from = at[0] + k * l.along[0];
            if (g->dtype == FV_FLOAT64)
                ((double *)gx->data)[to] += ((const double *)g->data)[from];
            else
                ((float *)gx->data)[to] += ((const float *)g->data)[from];
        }
    }
}

/* --- running sums ---------------------------------------------------------------------------- */

/* float32 is carried in double, as PyTorch does. */
static void cumsum_floating(const fv_tensor *x, fv_tensor *y, const int64_t *at,
                            const int64_t *along, int64_t n, bool reversed)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = reversed ? n - 1 - k : k;
        int64_t from = at[0] + i * along[0], to = at[1] + i * along[1];
        if (x->dtype == FV_FLOAT64) {
            sum += ((const double *)x->data)[from];
            ((double *)y->data)[to] = sum;
        } else {
            sum += (double)((const float *)x->data)[from];
            ((float *)y->data)[to] = (float)sum;
        }
    }
}

void fv_cumsum_run(const fv_tensor *x, int dim, bool reversed, fv_tensor *y)
{
    if (y->numel == 0) return;
    lines l = make_lines(dim, x, y, y);
    int64_t n = length(x, dim);
    int threads = fv_threads_for(fv_machine_now(), 2.0 * (double)x->numel);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t line = 0; line < l.outer.count; line++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&l.outer, line, at);
        if (fv_dtype_is_floating(x->dtype)) {
            cumsum_floating(x, y, at, l.along, n, reversed);
            continue;
        }
        uint64_t sum = 0;
        for (int64_t k = 0; k < n; k++) {
            int64_t i = reversed ? n - 1 - k : k;
            sum += (uint64_t)integer_at(x, at[0] + i * l.along[0]);
            ((int64_t *)y->data)[at[1] + i * l.along[1]] = (int64_t)sum;
        }
    }
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
        int64_t v = integer_at(t, at);
        if ((v >= 0 && v < limit) || v == ignore) continue;
        *position = i;
        *value = v;
        return true;
    }
    return false;
}
