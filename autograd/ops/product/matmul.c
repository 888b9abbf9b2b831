/* matmul, mm, bmm, dot, outer: one rule for shapes, one kernel, gradients of the same products. */
#include "autograd/ops/product/matmul.h"

#include "autograd/ops/product/product_impl.h"
#include "autograd/ops/view/view.h"

static const fv_gemm_plan blank;

/* The ranks that both operands must have, then the common shape rule. */
static fv_status product_infer(fv_call *c, int low, int high)
{
    fv_gemm_plan *p = c->options;
    const fv_tensor *a = c->in[0], *b = c->in[1];
    fv_shape shape;
    fv_status status = fv_need_floating(c, 0, "the first operand");
    if (status == FV_OK) {
        status = fv_need_same_dtype(c, 0, "the first operand", 1, "the second");
    }
    if (status == FV_OK) status = fv_need_ndim(c, 0, "the first operand", low, high);
    if (status == FV_OK) status = fv_need_ndim(c, 1, "the second operand", low, high);
    if (status == FV_OK) status = fv_product_of(c, &p->g, a, b, &shape);
    if (status != FV_OK) return status;
    fv_product_plan(c, p, NULL);
    fv_output_contiguous(c, 0, a->dtype, &shape);
    return FV_OK;
}

/* --- matmul ----------------------------------------------------------------------------------- */

static fv_status matmul_infer(fv_call *c)
{
    return product_infer(c, 1, FV_MAX_DIMS);
}

/* t [...,r,s] as [rows,s] */
static fv_tensor *flat_rows(fv_tensor *t)
{
    int64_t rows = 1, columns = fv_size(t, -1);
    for (int i = 0; i < fv_ndim(t) - 1; i++) rows *= fv_size(t, i);
    return fv_ndim(t) == 2 || fv_failed(t) ? t : fv_reshape(t, rows, columns);
}

/* da = dy b^T    db = a^T dy, where a vector is a row or a column; dimensions that were broadcast
 * are summed by backward. A matrix b that met many a takes one product over all their rows. */
static void matmul_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    bool row = fv_input_shape(c, 0)->ndim == 1, column = fv_input_shape(c, 1)->ndim == 1;
    fv_tensor *g = gout[0];
    if (column) g = fv_unsqueeze(g, -1);
    if (row) g = fv_unsqueeze(g, -2);
    if (fv_wants(c, 0)) {
        fv_tensor *b = column ? fv_unsqueeze(c->in[1], 1) : c->in[1];
        gin[0] = fv_matmul(g, fv_transpose(b, -2, -1));
        if (row) gin[0] = fv_squeeze(gin[0], -2);
    }
    if (fv_wants(c, 1)) {
        fv_tensor *a = row ? fv_unsqueeze(c->in[0], 0) : c->in[0];
        if (fv_input_shape(c, 1)->ndim <= 2) {
            gin[1] = fv_mm(fv_t(flat_rows(a)), flat_rows(g));
        } else {
            gin[1] = fv_matmul(fv_transpose(a, -2, -1), g);
        }
        if (column) gin[1] = fv_squeeze(gin[1], -1);
    }
}

static const fv_op matmul_op = {
    .name = "matmul",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_gemm_plan),
    .infer = matmul_infer,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};
FV_REGISTER(matmul_op);

fv_tensor *fv_matmul(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&matmul_op, &blank, a, b);
}

/* --- mm, dot: matmul of fixed ranks ----------------------------------------------------------- */

static fv_status mm_infer(fv_call *c)
{
    return product_infer(c, 2, 2);
}

static const fv_op mm_op = {
    .name = "mm",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_gemm_plan),
    .infer = mm_infer,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};
FV_REGISTER(mm_op);

fv_tensor *fv_mm(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&mm_op, &blank, a, b);
}

static fv_status dot_infer(fv_call *c)
{
    return product_infer(c, 1, 1);
}

static const fv_op dot_op = {
    .name = "dot",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_gemm_plan),
    .infer = dot_infer,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};
FV_REGISTER(dot_op);

fv_tensor *fv_dot(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&dot_op, &blank, a, b);
}

/* --- bmm -------------------------------------------------------------------------------------- */

static fv_status bmm_infer(fv_call *c)
{
    const fv_tensor *a = c->in[0], *b = c->in[1];
    if (a->ndim == 3 && b->ndim == 3 && a->shape[0] != b->shape[0]) {
        return fv_reject(c, FV_ERR_SHAPE, "%s times %s: the batches must be equal, %lld and %lld",
                         fv_text(a), fv_text(b), (long long)a->shape[0], (long long)b->shape[0]);
    }
    return product_infer(c, 3, 3);
}

/* da = dy b^T    db = a^T dy */
static void bmm_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (fv_wants(c, 0)) gin[0] = fv_bmm(gout[0], fv_transpose(c->in[1], 1, 2));
    if (fv_wants(c, 1)) gin[1] = fv_bmm(fv_transpose(c->in[0], 1, 2), gout[0]);
}

static const fv_op bmm_op = {
    .name = "bmm",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_gemm_plan),
    .infer = bmm_infer,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = bmm_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};
FV_REGISTER(bmm_op);

fv_tensor *fv_bmm(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&bmm_op, &blank, a, b);
}

/* --- outer ------------------------------------------------------------------------------------ */

/* A column times a row, with one element to sum. */
static fv_status outer_infer(fv_call *c)
{
    fv_gemm_plan *p = c->options;
    const fv_tensor *a = c->in[0], *b = c->in[1];
    fv_status status = fv_need_floating(c, 0, "the first operand");
    if (status == FV_OK) {
        status = fv_need_same_dtype(c, 0, "the first operand", 1, "the second");
    }
    if (status == FV_OK) status = fv_need_ndim(c, 0, "the first operand", 1, 1);
    if (status == FV_OK) status = fv_need_ndim(c, 1, "the second operand", 1, 1);
    if (status != FV_OK) return status;
    fv_shape shape = {2, {a->shape[0], b->shape[0]}};
    status = fv_need_size(c, &shape);
    if (status != FV_OK) return status;
    p->g = (fv_gemm){.dtype = a->dtype, .m = a->shape[0], .n = b->shape[0], .k = 1};
    p->g.a_rs = a->strides[0];
    p->g.a_cs = 1;
    p->g.b_cs = b->strides[0];
    p->g.b_rs = p->g.c_rs = p->g.n;
    fv_product_plan(c, p, NULL);
    fv_output_contiguous(c, 0, a->dtype, &shape);
    return FV_OK;
}

/* da = dy b    db = dy^T a */
static void outer_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (fv_wants(c, 0)) gin[0] = fv_matmul(gout[0], c->in[1]);
    if (fv_wants(c, 1)) gin[1] = fv_matmul(fv_t(gout[0]), c->in[0]);
}

static const fv_op outer_op = {
    .name = "outer",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_gemm_plan),
    .infer = outer_infer,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = outer_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};
FV_REGISTER(outer_op);

fv_tensor *fv_outer(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&outer_op, &blank, a, b);
}
