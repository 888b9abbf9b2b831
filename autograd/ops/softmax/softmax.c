/* softmax, log_softmax and their backward ops. */
#include "autograd/ops/softmax/softmax.h"

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "tensor/kernels/softmax/softmax.h"

typedef struct softmax_options {
    int64_t dim;
} softmax_options;

#define OPTIONS(d) (&(const softmax_options){.dim = (d)})

static const fv_option softmax_fields[] = {
    FV_FIELD(softmax_options, dim, FV_OPTION_DIM),
    {.name = NULL},
};

static int dim_of(const fv_call *c)
{
    return (int)((const softmax_options *)c->options)->dim;
}

static fv_tensor *line_sum(fv_tensor *x, int dim)
{
    return fv_sum(x, .dim = dim, .keepdim = true);
}

/* --- forward ops ----------------------------------------------------------------------------- */

static fv_status softmax_infer(fv_call *c)
{
    softmax_options *a = c->options;
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->dim);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(c->in[0]);
    status = fv_need_size(c, &shape);
    if (status == FV_OK) fv_output_like(c, 0, c->in[0]);
    return status;
}

static void softmax_forward(fv_call *c)
{
    fv_softmax_run(c->machine, c->in[0], dim_of(c), false, c->out[0]);
}

static void softmax_reference(fv_call *c)
{
    fv_softmax_reference(c->in[0], dim_of(c), false, c->out[0]);
}

static void softmax_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_softmax_backward(gout[0], c->out[0], dim_of(c));
}

static void log_softmax_forward(fv_call *c)
{
    fv_softmax_run(c->machine, c->in[0], dim_of(c), true, c->out[0]);
}

static void log_softmax_reference(fv_call *c)
{
    fv_softmax_reference(c->in[0], dim_of(c), true, c->out[0]);
}

static void log_softmax_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_log_softmax_backward(gout[0], c->out[0], dim_of(c));
}

static bool softmax_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    if (dim == dim_of(c)) return fv_window_all(c, input, output, dim, w);
    return fv_window_same(c, input, output, dim, w);
}

static const fv_op softmax_op = {
    .name = "softmax",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(softmax_options),
    .input = {{.name = "input"}},
    .infer = softmax_infer,
    .forward = softmax_forward,
    .reference = softmax_reference,
    .gradient = softmax_gradient,
    .saves = {FV_OUT(0)},
    .option_fields = softmax_fields,
    .window = softmax_window,
};
FV_REGISTER(softmax_op);

static const fv_op log_softmax_op = {
    .name = "log_softmax",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(softmax_options),
    .input = {{.name = "input"}},
    .infer = softmax_infer,
    .forward = log_softmax_forward,
    .reference = log_softmax_reference,
    .gradient = log_softmax_gradient,
    .saves = {FV_OUT(0)},
    .option_fields = softmax_fields,
    .window = softmax_window,
};
FV_REGISTER(log_softmax_op);

fv_tensor *fv_softmax(fv_tensor *x, int64_t dim)
{
    return FV_APPLY(&softmax_op, OPTIONS(dim), x);
}

fv_tensor *fv_log_softmax(fv_tensor *x, int64_t dim)
{
    return FV_APPLY(&log_softmax_op, OPTIONS(dim), x);
}

/* --- backward ops ---------------------------------------------------------------------------- */

static fv_status softmax_backward_infer(fv_call *c)
{
    softmax_options *a = c->options;
    fv_status status = fv_need_floating(c, 1, "output");
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "grad", 1, "output");
    if (status == FV_OK) status = fv_need_dim(c, 1, &a->dim);
    if (status != FV_OK) return status;
    fv_shape g = fv_shape_of(c->in[0]), y = fv_shape_of(c->in[1]);
    if (!fv_shape_equal(&g, &y))
        return fv_reject(c, FV_ERR_SHAPE, "grad %s and output %s must have one shape",
                         fv_text(c->in[0]), fv_text(c->in[1]));
    status = fv_need_size(c, &y);
    if (status == FV_OK) fv_output_like(c, 0, c->in[1]);
    return status;
}

/* A gradient in another order of memory than y, an expanded one say, is first copied into y's. */
static void softmax_backward_plan(fv_call *c)
{
    const fv_tensor *g = c->in[0];
    bool alike = true;
    for (int d = 0; d < g->ndim; d++)
        alike &= g->shape[d] == 1 || g->strides[d] == c->spec[0].strides[d];
    c->scratch_bytes = alike ? 0 : (size_t)g->numel * fv_dtype_size(g->dtype);
}

static void softmax_backward_run(fv_call *c, bool log)
{
    if (c->scratch_bytes == 0) {
        fv_softmax_grad_run(c->machine, c->in[0], c->in[1], dim_of(c), log, c->out[0]);
        return;
    }
    fv_tensor g = fv_tensor_borrow(c->out[0]);
    g.data = c->scratch;
    fv_copy_elements(&g, c->in[0]);
    fv_softmax_grad_run(c->machine, &g, c->in[1], dim_of(c), log, c->out[0]);
}

static void softmax_backward_forward(fv_call *c)
{
    softmax_backward_run(c, false);
}

static void softmax_backward_reference(fv_call *c)
{
    fv_softmax_grad_reference(c->in[0], c->in[1], dim_of(c), false, c->out[0]);
}

/* With v the gradient of y (g - sum g y):  in g, the same map of v;  in y, v (g - sum g y) -
 * g sum v y. */
static void softmax_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = c->in[0], *y = c->in[1], *v = gout[0];
    int dim = dim_of(c);
    if (fv_wants(c, 0)) gin[0] = fv_softmax_backward(v, y, dim);
    if (fv_wants(c, 1)) {
        fv_tensor *direct = fv_mul(v, fv_sub(g, line_sum(fv_mul(g, y), dim)));
        gin[1] = fv_sub(direct, fv_mul(g, line_sum(fv_mul(v, y), dim)));
    }
}

static void log_softmax_backward_forward(fv_call *c)
{
    softmax_backward_run(c, true);
}

static void log_softmax_backward_reference(fv_call *c)
{
    fv_softmax_grad_reference(c->in[0], c->in[1], dim_of(c), true, c->out[0]);
}

/* With v the gradient of g - e^y sum g:  in g, v - sum v e^y;  in y, -v e^y sum g. */
static void log_softmax_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    int dim = dim_of(c);
    fv_tensor *v = gout[0], *scaled = fv_mul(v, fv_exp(c->in[1]));
    if (fv_wants(c, 0)) gin[0] = fv_sub(v, line_sum(scaled, dim));
    if (fv_wants(c, 1)) gin[1] = fv_neg(fv_mul(scaled, line_sum(c->in[0], dim)));
}

static const fv_op softmax_backward_op = {
    .name = "softmax_backward",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(softmax_options),
    .input = {{.name = "grad"}, {.name = "output"}},
    .infer = softmax_backward_infer,
    .plan = softmax_backward_plan,
    .forward = softmax_backward_forward,
    .reference = softmax_backward_reference,
    .gradient = softmax_backward_gradient,
    .saves = {FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = softmax_fields,
};
FV_REGISTER(softmax_backward_op);

static const fv_op log_softmax_backward_op = {
    .name = "log_softmax_backward",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(softmax_options),
    .input = {{.name = "grad"}, {.name = "output"}},
    .infer = softmax_backward_infer,
    .plan = softmax_backward_plan,
    .forward = log_softmax_backward_forward,
    .reference = log_softmax_backward_reference,
    .gradient = log_softmax_backward_gradient,
    .saves = {FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = softmax_fields,
};
FV_REGISTER(log_softmax_backward_op);

fv_tensor *fv_softmax_backward(fv_tensor *g, fv_tensor *y, int64_t dim)
{
    return FV_APPLY(&softmax_backward_op, OPTIONS(dim), g, y);
}

fv_tensor *fv_log_softmax_backward(fv_tensor *g, fv_tensor *y, int64_t dim)
{
    return FV_APPLY(&log_softmax_backward_op, OPTIONS(dim), g, y);
}
