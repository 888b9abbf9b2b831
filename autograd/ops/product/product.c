/* The batched product: tensors of any rank and strides as operands of one plan. */
#include "autograd/ops/product/product_impl.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(fv_gemm_plan) <= FV_PLAN_BYTES, "the plan fits into its buffer");

static int batch_ndim(const fv_tensor *t)
{
    return t->ndim > 2 ? t->ndim - 2 : 0;
}

/* --- infer ------------------------------------------------------------------------------------ */

fv_status fv_product_need_numbers(const fv_call *c)
{
    if (c->in[0]->dtype != FV_BOOL) return FV_OK;
    return fv_reject(c, FV_ERR_DTYPE, "%s %s is bool, numbers are needed (see fv_to)",
                     fv_input_name(c->op, 0), fv_text(c->in[0]));
}

void fv_product_output(fv_call *c, const fv_shape *shape)
{
    fv_output_contiguous(c, 0, c->in[0]->dtype, shape);
    c->spec[0].constant = !fv_dtype_is_floating(c->in[0]->dtype);
}

static fv_status check_operands(const fv_call *c, int low, int high)
{
    const char *a = fv_input_name(c->op, 0), *b = fv_input_name(c->op, 1);
    fv_status status = fv_product_need_numbers(c);
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, a, 1, b);
    if (status == FV_OK) status = fv_need_ndim(c, 0, a, low, high);
    if (status == FV_OK) status = fv_need_ndim(c, 1, b, low, high);
    return status;
}

/* A vector is a row on the left, a column on the right. */
static fv_status product_shape(const fv_call *c, fv_shape *shape)
{
    const fv_tensor *a = c->in[0], *b = c->in[1];
    bool column = b->ndim == 1;
    int64_t k = a->shape[a->ndim - 1], other = b->shape[column ? 0 : b->ndim - 2];
    if (k != other)
        return fv_reject(c, FV_ERR_SHAPE,
                         "%s times %s: the last dimension of the first has length %lld, the %s of "
                         "the second %lld; they must be equal",
                         fv_text(a), fv_text(b), (long long)k, column ? "one" : "last but one",
                         (long long)other);
    fv_shape left = {.ndim = batch_ndim(a)}, right = {.ndim = batch_ndim(b)};
    memcpy(left.dim, a->shape, sizeof left.dim);
    memcpy(right.dim, b->shape, sizeof right.dim);
    if (!fv_shape_broadcast(&left, &right, shape))
        return fv_reject(c, FV_ERR_SHAPE, "%s times %s: the batches %s and %s do not broadcast",
                         fv_text(a), fv_text(b), fv_shape_text(&left), fv_shape_text(&right));
    if (a->ndim > 1) shape->dim[shape->ndim++] = a->shape[a->ndim - 2];
    if (b->ndim > 1) shape->dim[shape->ndim++] = b->shape[b->ndim - 1];
    return fv_need_size(c, shape);
}

fv_status fv_product_infer(fv_call *c, int low, int high)
{
    fv_shape shape;
    fv_status status = check_operands(c, low, high);
    if (status == FV_OK) status = product_shape(c, &shape);
    if (status == FV_OK) fv_product_output(c, &shape);
    return status;
}

/* --- plan ------------------------------------------------------------------------------------- */

static void set_matrices(fv_gemm *g, const fv_tensor *a, const fv_tensor *b)
{
    const int64_t *sa = a->strides + a->ndim, *sb = b->strides + b->ndim;
    bool row = a->ndim == 1, column = b->ndim == 1;
    g->dtype = a->dtype;
    g->k = a->shape[a->ndim - 1];
    g->m = row ? 1 : a->shape[a->ndim - 2];
    g->n = column ? 1 : b->shape[b->ndim - 1];
    g->a_cs = sa[-1];
    g->a_rs = row ? 0 : sa[-2];
    g->b_cs = column ? 0 : sb[-1];
    g->b_rs = column ? sb[-1] : sb[-2];
    g->c_rs = g->n;
}

/* Stride of t's dimension at place i of ndim batch dimensions, aligned at the right. */
static int64_t batch_stride(const fv_tensor *t, int i, int ndim)
{
    int d = i - (ndim - batch_ndim(t));
    return d < 0 || t->shape[d] == 1 ? 0 : t->strides[d];
}

void fv_product_plan(fv_call *c)
{
    const fv_tensor *a = c->in[0], *b = c->in[1];
    fv_gemm_plan *plan = c->plan;
    fv_gemm *g = &plan->g;
    set_matrices(g, a, b);
    g->relu = false;
    g->batch_ndim = batch_ndim(a) > batch_ndim(b) ? batch_ndim(a) : batch_ndim(b);
    for (int i = 0; i < g->batch_ndim; i++) {
        g->batch[i] = c->spec[0].shape.dim[i];
        g->a_batch[i] = batch_stride(a, i, g->batch_ndim);
        g->b_batch[i] = batch_stride(b, i, g->batch_ndim);
    }
    fv_product_complete(c, plan);
}

void fv_product_complete(fv_call *c, fv_gemm_plan *plan)
{
    const fv_tensor *bias = c->inputs > 2 ? c->in[2] : NULL;
    fv_scratch need = {0};
    plan->g.bias = bias != NULL;
    plan->g.bias_stride = bias ? bias->strides[0] : 0;
    plan->g.accumulate = false;
    if (!fv_dtype_is_floating(plan->g.dtype)) return;
    fv_gemm_make_plan(plan, c->machine, fv_gemm_engine_wanted());
    fv_gemm_layout(plan, &need);
    c->scratch_bytes = need.used;
}

enum { PACKED_B = 1 };       /* the one layout */
enum { LEAST_BYTES = 2048 }; /* below it packing takes no longer than finding what is kept */

void fv_product_keep(fv_call *c)
{
    fv_gemm_plan *plan = c->plan;
    fv_scratch need = {0};
    const fv_gemm *g = &plan->g;
    if (!fv_dtype_is_floating(g->dtype)) return;
    if ((size_t)(g->k * g->n) * fv_dtype_size(g->dtype) < LEAST_BYTES) return;
    const size_t bytes = fv_gemm_packed_bytes(plan);
    if (bytes == 0 || !fv_reuses(c, 1, PACKED_B)) return;
    const fv_gemm_packed_order key = fv_gemm_packed_key(plan);
    plan->packed_b = fv_keep(c, 1, &key, sizeof key, bytes);
    fv_gemm_layout(plan, &need);
    c->scratch_bytes = need.used;
}

static void pack_weight(const void *plan, const void *b, void *packed)
{
    fv_gemm_pack(plan, b, packed);
}

int fv_product_describe(const fv_call *c, char *text, size_t size)
{
    const fv_gemm_plan *plan = c->plan;
    if (!fv_dtype_is_floating(plan->g.dtype)) return snprintf(text, size, "integers");
    return fv_gemm_describe(plan, text, size);
}

/* --- forward ---------------------------------------------------------------------------------- */

static fv_gemm_operands operands_of(const fv_call *c)
{
    const fv_tensor *bias = c->inputs > 2 ? c->in[2] : NULL;
    return (fv_gemm_operands){.a = c->in[0]->data,
                              .b = c->in[1]->data,
                              .packed_b = fv_packed(c, 1, pack_weight),
                              .c = c->out[0]->data,
                              .bias = bias ? bias->data : NULL};
}

void fv_product_forward(fv_call *c)
{
    const fv_gemm_plan *plan = c->plan;
    fv_gemm_operands o = operands_of(c);
    if (fv_dtype_is_floating(plan->g.dtype))
        fv_gemm_run(plan, &o, c->scratch);
    else
        fv_gemm_integers(&plan->g, &o);
}

void fv_product_reference(fv_call *c)
{
    const fv_gemm_plan *plan = c->plan;
    fv_gemm_operands o = operands_of(c);
    if (fv_dtype_is_floating(plan->g.dtype))
        fv_gemm_reference(&plan->g, &o);
    else
        fv_gemm_integers(&plan->g, &o);
}

/* --- facts ------------------------------------------------------------------------------------ */

/* A batch dimension, which broadcasts from the right. */
static bool batch_window(const fv_call *c, int input, int dim, fv_window *w)
{
    const fv_tensor *x = c->in[input], *y = c->out[0];
    const int batch = y->ndim - (c->in[0]->ndim > 1) - (c->in[1]->ndim > 1);
    const int to = batch - (x->ndim - 2) + dim;
    if (x->shape[dim] == y->shape[to]) return fv_window_shifted(to, 0, w);
    return fv_window_one(0, w);
}

bool fv_product_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const fv_tensor *x = c->in[input], *y = c->out[output];
    const int summed = input == 0 || x->ndim == 1 ? x->ndim - 1 : x->ndim - 2;
    if (dim == summed) return fv_window_all(c, input, output, dim, w);
    if (dim < x->ndim - 2) return batch_window(c, input, dim, w);
    const bool row = input == 0 && c->in[1]->ndim > 1; /* behind it stand b's columns */
    return fv_window_shifted(y->ndim - 1 - row, 0, w);
}

fv_work fv_product_work(const fv_call *c)
{
    const fv_tensor *a = c->in[0], *y = c->out[0];
    return (fv_work){.multiply_adds = fv_count_product(y->numel, a->shape[a->ndim - 1]),
                     .bias_adds = c->inputs > 2 && c->in[2] ? y->numel : 0};
}
