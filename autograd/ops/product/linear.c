/* linear: one product for all leading dimensions, with bias and relu in it. */
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/norm/relu_sums.h"
#include "autograd/ops/product/matmul.h"
#include "autograd/ops/product/product_impl.h"
#include "autograd/ops/view/view.h"

typedef struct linear_options {
    bool relu;
} linear_options;

static bool has_relu(const fv_call *c)
{
    return ((const linear_options *)c->options)->relu;
}

static fv_status linear_check(const fv_call *c)
{
    const fv_tensor *x = c->in[0], *w = c->in[1], *b = c->in[2];
    fv_status status = fv_product_need_numbers(c);
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "input", 1, "weight");
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "input", 2, "bias");
    if (status == FV_OK) status = fv_need_ndim(c, 0, "input", 1, FV_MAX_DIMS);
    if (status == FV_OK) status = fv_need_ndim(c, 1, "weight", 2, 2);
    if (status == FV_OK) status = fv_need_ndim(c, 2, "bias", 1, 1);
    if (status != FV_OK) return status;
    if (x->shape[x->ndim - 1] != w->shape[1]) {
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld features, weight %s needs %lld in the last dimension",
                         fv_text(x), (long long)x->shape[x->ndim - 1], fv_text(w),
                         (long long)w->shape[1]);
    }
    if (b && b->shape[0] != w->shape[0]) {
        return fv_reject(c, FV_ERR_SHAPE, "bias %s has not the length %lld of weight %s",
                         fv_text(b), (long long)w->shape[0], fv_text(w));
    }
    return FV_OK;
}

static fv_status linear_infer(fv_call *c)
{
    fv_status status = linear_check(c);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(c->in[0]);
    shape.dim[shape.ndim - 1] = c->in[1]->shape[0];
    status = fv_need_size(c, &shape);
    if (status == FV_OK) fv_product_output(c, &shape);
    return status;
}

/* x times the transposed weight; the leading dimensions but the last are a batch. */
static void linear_plan(fv_call *c)
{
    const fv_tensor *x = c->in[0], *w = c->in[1];
    fv_gemm_plan *plan = c->plan;
    fv_gemm *g = &plan->g;
    g->dtype = x->dtype;
    g->relu = has_relu(c);
    g->m = x->ndim > 1 ? x->shape[x->ndim - 2] : 1;
    g->n = w->shape[0];
    g->k = w->shape[1];
    g->a_rs = x->ndim > 1 ? x->strides[x->ndim - 2] : 0;
    g->a_cs = x->strides[x->ndim - 1];
    g->b_rs = w->strides[1];
    g->b_cs = w->strides[0];
    g->c_rs = g->n;
    g->batch_ndim = x->ndim > 2 ? x->ndim - 2 : 0;
    for (int i = 0; i < g->batch_ndim; i++) {
        g->batch[i] = x->shape[i];
        g->a_batch[i] = x->shape[i] == 1 ? 0 : x->strides[i];
        g->b_batch[i] = 0;
    }
    fv_product_complete(c, plan);
    fv_product_keep(c);
}

/* All leading dimensions as one. */
static fv_tensor *as_matrix(fv_tensor *t, const fv_shape *shape)
{
    int64_t rows = 1, columns = shape->dim[shape->ndim - 1];
    for (int i = 0; i < shape->ndim - 1; i++) rows *= shape->dim[i];
    return shape->ndim == 2 ? t : fv_reshape(t, rows, columns);
}

/* dx = dy w    dw = dy^T x    db = dy, summed over the leading dimensions by backward; with a relu
 * dy is what that lets pass, and summed on the way. */
static void linear_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = gout[0], *sums = g;
    const fv_shape *xs = fv_input_shape(c, 0);
    fv_shape gs = *xs;
    gs.dim[gs.ndim - 1] = fv_input_shape(c, 1)->dim[0];
    if (has_relu(c)) {
        g = fv_relu_sums(as_matrix(g, &gs), as_matrix(c->out[0], &gs), &sums);
        g = gs.ndim == 2 ? g : fv_reshape_to(g, gs);
    }
    if (fv_wants(c, 0)) gin[0] = fv_linear(g, fv_t(c->in[1]));
    if (fv_wants(c, 1)) gin[1] = fv_mm(fv_t(as_matrix(g, &gs)), as_matrix(c->in[0], xs));
    if (fv_wants(c, 2)) gin[2] = sums;
}

static uint32_t linear_also_saves(const fv_call *c)
{
    return has_relu(c) ? FV_OUT(0) : 0;
}

static bool linear_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const bool features = dim == c->in[input]->ndim - 1;
    if (input < 2 && features) return fv_window_all(c, input, output, dim, w);
    return fv_window_shifted(input == 0 ? dim : c->out[output]->ndim - 1, 0, w);
}

static const fv_option linear_fields[] = {
    FV_FIELD(linear_options, relu, FV_OPTION_BOOL),
    {0},
};

static const fv_op linear_op = {
    .name = "linear",
    .inputs = 3,
    .outputs = 1,
    .input = {{.name = "input"}, {.name = "weight"}, {.name = "bias", .optional = true}},
    .options_size = sizeof(linear_options),
    .option_fields = linear_fields,
    .infer = linear_infer,
    .plan = linear_plan,
    .describe = fv_product_describe,
    .forward = fv_product_forward,
    .reference = fv_product_reference,
    .gradient = linear_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
    .also_saves = linear_also_saves,
    .window = linear_window,
    .multiply_adds = fv_product_work,
};
FV_REGISTER(linear_op);

const fv_linear_args fv_linear_defaults = {FV_LINEAR_DEFAULTS};

fv_tensor *fv_linear_ex(const fv_linear_args *a)
{
    if (!fv_args_ok("linear", a, sizeof *a)) return fv_failed_tensor();
    linear_options options = {.relu = a->relu};
    return FV_APPLY(&linear_op, &options, a->input, a->weight, a->bias);
}
