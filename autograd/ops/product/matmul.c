/* matmul, mm, bmm, dot: one rule for shapes, one kernel, gradients of the same products; outer. */
#include "autograd/ops/product/matmul.h"

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/product/product_impl.h"
#include "autograd/ops/view/view.h"

/* --- matmul ----------------------------------------------------------------------------------- */

static fv_status matmul_infer(fv_call *c)
{
    return fv_product_infer(c, 1, FV_MAX_DIMS);
}

/* A parameter, or a view of one, is a weight; other operands are seldom used twice. */
static void matmul_plan(fv_call *c)
{
    const fv_tensor *b = c->in[1], *whole = b->base ? b->base : b;
    fv_product_plan(c);
    if (whole->requires_grad && !whole->node) fv_product_keep(c);
}

/* t [...,r,s] as [rows,s] */
static fv_tensor *flat_rows(fv_tensor *t)
{
    int64_t rows = 1, columns = fv_size(t, -1);
    for (int i = 0; i < fv_ndim(t) - 1; i++) rows *= fv_size(t, i);
    return fv_ndim(t) == 2 || !fv_usable(t) ? t : fv_reshape(t, rows, columns);
}

/* da = dy b^T    db = a^T dy, where a vector is a row or a column, and a product of two vectors is
 * an elementwise one that broadcasts; dimensions that were broadcast are summed by backward. A
 * matrix b that met many a takes one product over all their rows. */
static void matmul_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    bool row = fv_input_shape(c, 0)->ndim == 1, column = fv_input_shape(c, 1)->ndim == 1;
    fv_tensor *g = gout[0], *a = c->in[0], *b = c->in[1];
    if (column) g = fv_unsqueeze(g, -1);
    if (row) g = fv_unsqueeze(g, -2);
    if (fv_wants(c, 0)) {
        gin[0] = column ? fv_mul(g, b) : fv_matmul(g, fv_transpose(b, -2, -1));
        if (row) gin[0] = fv_squeeze(gin[0], -2);
    }
    if (fv_wants(c, 1)) {
        if (row)
            gin[1] = fv_mul(fv_unsqueeze(a, 1), g);
        else if (fv_input_shape(c, 1)->ndim <= 2)
            gin[1] = fv_mm(fv_t(flat_rows(a)), flat_rows(g));
        else
            gin[1] = fv_matmul(fv_transpose(a, -2, -1), g);
        if (column) gin[1] = fv_squeeze(gin[1], -1);
    }
}

static const fv_op matmul_op = {
    .name = "matmul",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "input"}, {.name = "other"}},
    .infer = matmul_infer,
    .plan = matmul_plan,
    .describe = fv_product_describe,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
    .window = fv_product_window,
    .multiply_adds = fv_product_work,
};
FV_REGISTER(matmul_op);

fv_tensor *fv_matmul(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&matmul_op, NULL, a, b);
}

/* --- mm, dot: matmul of fixed ranks ----------------------------------------------------------- */

static fv_status mm_infer(fv_call *c)
{
    return fv_product_infer(c, 2, 2);
}

static const fv_op mm_op = {
    .name = "mm",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "input"}, {.name = "mat2"}},
    .infer = mm_infer,
    .plan = matmul_plan,
    .describe = fv_product_describe,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
    .window = fv_product_window,
    .multiply_adds = fv_product_work,
};
FV_REGISTER(mm_op);

fv_tensor *fv_mm(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&mm_op, NULL, a, b);
}

static fv_status dot_infer(fv_call *c)
{
    return fv_product_infer(c, 1, 1);
}

static const fv_op dot_op = {
    .name = "dot",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "input"}, {.name = "tensor"}},
    .infer = dot_infer,
    .plan = fv_product_plan,
    .describe = fv_product_describe,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = matmul_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
    .window = fv_product_window,
    .multiply_adds = fv_product_work,
};
FV_REGISTER(dot_op);

fv_tensor *fv_dot(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&dot_op, NULL, a, b);
}

/* --- bmm -------------------------------------------------------------------------------------- */

static fv_status bmm_infer(fv_call *c)
{
    const fv_tensor *a = c->in[0], *b = c->in[1];
    if (a->ndim == 3 && b->ndim == 3 && a->shape[0] != b->shape[0]) {
        return fv_reject(c, FV_ERR_SHAPE, "%s times %s: the batches must be equal, %lld and %lld",
                         fv_text(a), fv_text(b), (long long)a->shape[0], (long long)b->shape[0]);
    }
    return fv_product_infer(c, 3, 3);
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
    .input = {{.name = "input"}, {.name = "mat2"}},
    .infer = bmm_infer,
    .plan = fv_product_plan,
    .describe = fv_product_describe,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = bmm_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
    .window = fv_product_window,
    .multiply_adds = fv_product_work,
};
FV_REGISTER(bmm_op);

fv_tensor *fv_bmm(fv_tensor *a, fv_tensor *b)
{
    return FV_APPLY(&bmm_op, NULL, a, b);
}

/* --- outer ------------------------------------------------------------------------------------ */

/* A column times a row, element by element. */
fv_tensor *fv_outer(fv_tensor *a, fv_tensor *b)
{
    if (fv_usable(a) && fv_usable(b) && (a->ndim != 1 || b->ndim != 1)) {
        fv_fail(FV_ERR_SHAPE, "outer: input %s and vec2 %s must have one dimension", fv_text(a),
                fv_text(b));
        return fv_failed_tensor();
    }
    return fv_mul(fv_usable(a) ? fv_unsqueeze(a, 1) : a, b);
}
