/* The batched product: operands as strided matrices, batches folded into rows, threads. */
#include "autograd/ops/product/product_impl.h"

#include <string.h>

#include "tensor/parallel.h"

/* --- shapes ----------------------------------------------------------------------------------- */

/* The matrix part of both operands; a vector is a row on the left, a column on the right. */
static fv_status set_matrices(const fv_call *c, fv_gemm *g, const fv_tensor *a, const fv_tensor *b)
{
    const int64_t *sa = a->strides + a->ndim, *sb = b->strides + b->ndim;
    bool row = a->ndim == 1, column = b->ndim == 1;
    int64_t k = b->shape[column ? 0 : b->ndim - 2];
    *g = (fv_gemm){.dtype = a->dtype};
    g->k = a->shape[a->ndim - 1];
    g->m = row ? 1 : a->shape[a->ndim - 2];
    g->n = column ? 1 : b->shape[b->ndim - 1];
    g->a_cs = sa[-1];
    g->a_rs = row ? 0 : sa[-2];
    g->b_cs = column ? 0 : sb[-1];
    g->b_rs = column ? sb[-1] : sb[-2];
    g->c_rs = g->n;
    if (g->k == k) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE,
                     "%s times %s: the last dimension of the first has length %lld, the %s of the "
                     "second %lld; they must be equal",
                     fv_text(a), fv_text(b), (long long)g->k, column ? "one" : "last but one",
                     (long long)k);
}

static int batch_ndim(const fv_tensor *t)
{
    return t->ndim > 2 ? t->ndim - 2 : 0;
}

/* Stride and length of t's dimension at place i of ndim batch dimensions, aligned at the right. */
static int64_t batch_stride(const fv_tensor *t, int i, int ndim)
{
    int d = i - (ndim - batch_ndim(t));
    return d < 0 || t->shape[d] == 1 ? 0 : t->strides[d];
}

fv_status fv_product_of(const fv_call *c, fv_product *p, const fv_tensor *a, const fv_tensor *b,
                        fv_shape *shape)
{
    fv_status status = set_matrices(c, &p->gemm, a, b);
    if (status != FV_OK) return status;
    fv_shape left = {.ndim = batch_ndim(a)}, right = {.ndim = batch_ndim(b)};
    memcpy(left.dim, a->shape, sizeof left.dim);
    memcpy(right.dim, b->shape, sizeof right.dim);
    if (!fv_shape_broadcast(&left, &right, shape)) {
        return fv_reject(c, FV_ERR_SHAPE, "%s times %s: the batches %s and %s do not broadcast",
                         fv_text(a), fv_text(b), fv_shape_text(&left), fv_shape_text(&right));
    }
    p->ndim = shape->ndim;
    for (int i = 0; i < p->ndim; i++) {
        p->shape[i] = shape->dim[i];
        p->a[i] = batch_stride(a, i, p->ndim);
        p->b[i] = batch_stride(b, i, p->ndim);
    }
    if (a->ndim > 1) shape->dim[shape->ndim++] = p->gemm.m;
    if (b->ndim > 1) shape->dim[shape->ndim++] = p->gemm.n;
    return fv_need_size(c, shape);
}

/* --- the plan --------------------------------------------------------------------------------- */

/* The innermost batch dimension becomes rows of A when all its indices share one B. */
static void fold_batch(fv_product *p)
{
    fv_gemm *g = &p->gemm;
    while (p->ndim > 0) {
        int i = p->ndim - 1;
        if (p->shape[i] != 1) {
            if (p->b[i] != 0 || (g->m != 1 && p->a[i] != g->m * g->a_rs)) return;
            if (g->m == 1) g->a_rs = p->a[i];
            g->m *= p->shape[i];
        }
        p->ndim--;
    }
}

/* Nanoseconds of one product on one core, roughly. */
static double estimate(const fv_gemm *g)
{
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    double size = (double)fv_dtype_size(g->dtype);
    return size * (m * n * k / 160.0 + (m * k + n * k + m * n) / 40.0) + 30.0;
}

static size_t round_up(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

void fv_product_plan(fv_call *c, fv_product *p, const fv_tensor *bias)
{
    fold_batch(p);
    const fv_gemm *g = &p->gemm;
    p->count = 1;
    for (int i = 0; i < p->ndim; i++) p->count *= p->shape[i];
    double one = estimate(g);
    p->threads = fv_threads_for(fv_machine_now(), one * (double)p->count);
    p->across = p->threads > 1 && (p->count >= 4 * p->threads || (p->count > 1 && one < 1e5));
    if (p->across && p->threads > p->count) p->threads = (int)p->count;
    size_t packed = bias && bias->strides[0] != 1 && g->n > 1;
    p->scratch = packed ? round_up((size_t)g->n * fv_dtype_size(g->dtype)) : 0;
    p->stride = round_up(fv_gemm_scratch(g, p->across ? 1 : p->threads));
    c->scratch_bytes = p->scratch + p->stride * (size_t)(p->across ? p->threads : 1);
}

/* --- running ---------------------------------------------------------------------------------- */

/* The product of batch index i. */
static fv_gemm at_batch(const fv_product *p, const fv_gemm *whole, int64_t i)
{
    fv_gemm g = *whole;
    size_t size = fv_dtype_size(g.dtype);
    int64_t a = 0, b = 0, rest = i;
    for (int d = p->ndim - 1; d >= 0; d--) {
        a += rest % p->shape[d] * p->a[d];
        b += rest % p->shape[d] * p->b[d];
        rest /= p->shape[d];
    }
    g.a = (const char *)g.a + a * (int64_t)size;
    g.b = (const char *)g.b + b * (int64_t)size;
    g.c = (char *)g.c + (size_t)(i * g.m * g.n) * size;
    return g;
}

static fv_gemm start(const fv_call *c, const fv_product *p, const fv_tensor *a, const fv_tensor *b,
                     const fv_tensor *bias)
{
    fv_gemm g = p->gemm;
    g.a = a->data;
    g.b = b->data;
    g.c = c->out[0]->data;
    g.bias = bias ? bias->data : NULL;
    if (p->scratch) {
        fv_tensor packed = fv_tensor_borrow(bias);
        packed.data = c->scratch;
        packed.strides[0] = 1;
        fv_copy_elements(&packed, bias);
        g.bias = packed.data;
    }
    return g;
}

void fv_product_run(const fv_call *c, const fv_tensor *a, const fv_tensor *b, const fv_tensor *bias)
{
    const fv_product *p = c->options;
    if (c->out[0]->numel == 0) return;
    fv_gemm whole = start(c, p, a, b, bias);
    char *scratch = c->scratch ? (char *)c->scratch + p->scratch : NULL;
    if (!p->across) {
        for (int64_t i = 0; i < p->count; i++) {
            fv_gemm g = at_batch(p, &whole, i);
            fv_gemm_run(&g, scratch, p->threads);
        }
        return;
    }
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int t = 0; t < p->threads; t++) {
        int64_t first = p->count * t / p->threads, last = p->count * (t + 1) / p->threads;
        for (int64_t i = first; i < last; i++) {
            fv_gemm g = at_batch(p, &whole, i);
            fv_gemm_run(&g, scratch + (size_t)t * p->stride, 1);
        }
    }
}

void fv_product_reference(const fv_call *c, const fv_tensor *a, const fv_tensor *b,
                          const fv_tensor *bias)
{
    const fv_product *p = c->options;
    if (c->out[0]->numel == 0) return;
    fv_gemm whole = start(c, p, a, b, bias);
    for (int64_t i = 0; i < p->count; i++) {
        fv_gemm g = at_batch(p, &whole, i);
        fv_gemm_reference(&g);
    }
}
