/* The batched product: tensors of any rank and strides as operands of one plan. */
#include "autograd/ops/product/product_impl.h"

#include <string.h>

/* --- shapes ----------------------------------------------------------------------------------- */

/* The matrix part of both operands; a vector is a row on the left, a column on the right. */
static fv_status set_matrices(const fv_call *c, fv_gemm *g, const fv_tensor *a, const fv_tensor *b)
{
    const int64_t *sa = a->strides + a->ndim, *sb = b->strides + b->ndim;
    bool row = a->ndim == 1, column = b->ndim == 1;
    int64_t k = b->shape[column ? 0 : b->ndim - 2];
    g->dtype = a->dtype;
    g->bias = g->accumulate = false;
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

fv_status fv_product_of(const fv_call *c, fv_gemm *g, const fv_tensor *a, const fv_tensor *b,
                        fv_shape *shape)
{
    fv_status status = set_matrices(c, g, a, b);
    if (status != FV_OK) return status;
    fv_shape left = {.ndim = batch_ndim(a)}, right = {.ndim = batch_ndim(b)};
    memcpy(left.dim, a->shape, sizeof left.dim);
    memcpy(right.dim, b->shape, sizeof right.dim);
    if (!fv_shape_broadcast(&left, &right, shape)) {
        return fv_reject(c, FV_ERR_SHAPE, "%s times %s: the batches %s and %s do not broadcast",
                         fv_text(a), fv_text(b), fv_shape_text(&left), fv_shape_text(&right));
    }
    g->batch_ndim = shape->ndim;
    for (int i = 0; i < g->batch_ndim; i++) {
        g->batch[i] = shape->dim[i];
        g->a_batch[i] = batch_stride(a, i, g->batch_ndim);
        g->b_batch[i] = batch_stride(b, i, g->batch_ndim);
    }
    if (a->ndim > 1) shape->dim[shape->ndim++] = g->m;
    if (b->ndim > 1) shape->dim[shape->ndim++] = g->n;
    return fv_need_size(c, shape);
}

/* --- phases ----------------------------------------------------------------------------------- */

void fv_product_plan(fv_call *c, fv_gemm_plan *p, const fv_tensor *bias)
{
    p->g.bias = bias != NULL;
    p->g.bias_stride = bias ? bias->strides[0] : 0;
    fv_gemm_make_plan(p, c->machine, fv_gemm_engine_wanted());
    fv_scratch need = {0};
    fv_gemm_layout(p, &need);
    c->scratch_bytes = need.used;
}

static fv_gemm_operands operands_of(const fv_call *c)
{
    const fv_tensor *bias = c->inputs > 2 ? c->in[2] : NULL;
    return (fv_gemm_operands){.a = c->in[0]->data,
                              .b = c->in[1]->data,
                              .c = c->out[0]->data,
                              .bias = bias ? bias->data : NULL};
}

void fv_product_forward(fv_call *c)
{
    fv_gemm_operands o = operands_of(c);
    fv_gemm_run(c->options, &o, c->scratch);
}

void fv_product_reference(fv_call *c)
{
    const fv_gemm_plan *p = c->options;
    fv_gemm_operands o = operands_of(c);
    fv_gemm_reference(&p->g, &o);
}
