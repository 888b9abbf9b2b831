/* The gradient behind a relu, and its sums per channel. */
#include "autograd/ops/norm/relu_sums.h"

#include <string.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/norm/norm.h"

static fv_status relu_sums_infer(fv_call *c)
{
    fv_status status = fv_need_floating(c, 0, "gradient");
    if (status == FV_OK) status = fv_need_ndim(c, 0, "gradient", 2, 5);
    if (status == FV_OK) status = fv_need_same_dtype(c, 1, "output", 0, "gradient");
    if (status != FV_OK) return status;
    fv_shape g = fv_shape_of(c->in[0]), y = fv_shape_of(c->in[1]), channels = FV_SHAPE(g.dim[1]);
    if (!fv_shape_equal(&g, &y))
        return fv_reject(c, FV_ERR_SHAPE, "output %s must have the shape of gradient %s",
                         fv_shape_text(&y), fv_shape_text(&g));
    fv_output_channels_last(c, 0, c->in[0]->dtype, &g);
    fv_output_contiguous(c, 1, c->in[0]->dtype, &channels);
    c->spec[0].over = 0;
    return FV_OK;
}

static void relu_sums_plan(fv_call *c)
{
    const fv_tensor *g = c->in[0];
    fv_norm_plan *plan = c->plan;
    fv_scratch need = {0};
    const int64_t channels = g->shape[1];
    *plan = fv_norm_make_plan(g->dtype, g->numel ? g->numel / channels : 0, channels, c->machine);
    fv_norm_layout(plan, &need);
    c->scratch_bytes = need.used;
}

static fv_relu_sums_job job_of(const fv_call *c)
{
    return (fv_relu_sums_job){.g = c->in[0], .y = c->in[1], .masked = c->out[0], .sums = c->out[1]};
}

static void relu_sums_forward(fv_call *c)
{
    fv_relu_sums_job job = job_of(c);
    fv_relu_sums_run(c->plan, &job, c->scratch);
}

static void relu_sums_reference(fv_call *c)
{
    fv_relu_sums_job job = job_of(c);
    fv_relu_sums_ref(&job);
}

/* The sums' gradient as one of g: [C] becomes [1,C,1,..]. */
static fv_tensor *spread(const fv_call *c, fv_tensor *of_sums)
{
    const fv_shape *g = fv_input_shape(c, 0);
    fv_shape column = {.ndim = g->ndim, .dim = {1, g->dim[1], 1, 1, 1}};
    return fv_expand_to(fv_reshape_to(of_sums, column), *g);
}

static void relu_sums_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = gout[0], *of_sums = gout[1] ? spread(c, gout[1]) : NULL;
    if (!fv_wants(c, 0)) return;
    g = g && of_sums ? fv_add(g, of_sums) : g ? g : of_sums;
    if (g) gin[0] = fv_relu_backward(fv_last_use(g), c->in[1]);
}

static const fv_op relu_sums_op = {
    .name = "relu_sums",
    .inputs = 2,
    .outputs = 2,
    .input = {{.name = "gradient", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "output", .order = FV_ORDER_CHANNELS_LAST}},
    .infer = relu_sums_infer,
    .plan = relu_sums_plan,
    .forward = relu_sums_forward,
    .reference = relu_sums_reference,
    .gradient = relu_sums_gradient,
    .saves = {FV_IN(1)},
};
FV_REGISTER(relu_sums_op);

fv_tensor *fv_relu_sums(fv_tensor *g, fv_tensor *y, fv_tensor **sums)
{
    fv_tensor *out[2];
    fv_apply_all(&relu_sums_op, NULL, 2, (fv_tensor *const[]){g, y}, out);
    *sums = out[1];
    return out[0];
}
