/* Average pooling with fixed windows, and the backward op of all average pooling. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"

static const fv_op avg_pool_backward_op;

/* --- forward ------------------------------------------------------------------------------ */

void fv_avg_pool_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_average_ref(&p->g, c->in[0], c->out[0]);
}

void fv_avg_pool_forward(fv_call *c)
{
    fv_pool_average(c->plan, c->in[0]->data, c->out[0]->data, c->scratch);
}

/* gx[i] = sum over the windows o that cover i of gy[o] / divisor[o]. */
void fv_avg_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const fv_pool_options options = fv_pool_options_behind(c);
    gin[0] = FV_APPLY(&avg_pool_backward_op, &options, gout[0]);
}

static fv_pool_options avg_options(const fv_avg_pool_args *a)
{
    return (fv_pool_options){.kernel_size = a->kernel_size,
                             .stride = a->stride,
                             .padding = a->padding,
                             .dilation = 1,
                             .ceil_mode = a->ceil_mode,
                             .count_include_pad = a->count_include_pad,
                             .divisor_override = a->divisor_override};
}

static const fv_option avg_fields[] = {FV_POOL_FIELD(kernel_size, FV_OPTION_DIMS),
                                       FV_POOL_FIELD(stride, FV_OPTION_DIMS),
                                       FV_POOL_FIELD(padding, FV_OPTION_DIMS),
                                       FV_POOL_FIELD(ceil_mode, FV_OPTION_BOOL),
                                       FV_POOL_FIELD(count_include_pad, FV_OPTION_BOOL),
                                       FV_POOL_FIELD(divisor_override, FV_OPTION_INT),
                                       {0}};

#define AVG_POOL(name_, infer_)                                                                    \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 1,                                                  \
        .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST}},                             \
        .options_size = sizeof(fv_pool_options), .option_fields = avg_fields, .infer = infer_,     \
        .plan = fv_pool_plan_forward, .describe = fv_pool_describe,                                \
        .forward = fv_avg_pool_forward, .reference = fv_avg_pool_reference,                        \
        .gradient = fv_avg_pool_gradient, .window = fv_pool_window_of                              \
    }

static const fv_op avg_pool1d_op = AVG_POOL("avg_pool1d", fv_pool_infer_1d);
FV_REGISTER(avg_pool1d_op);

const fv_avg_pool_args fv_avg_pool_defaults = {FV_AVG_POOL_DEFAULTS};

fv_tensor *fv_avg_pool1d_ex(const fv_avg_pool_args *a)
{
    if (!fv_args_ok("avg_pool1d", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = avg_options(a);
    fv_pool_apply(&avg_pool1d_op, &options, 1, a->input, out);
    return out[0];
}

static const fv_op avg_pool2d_op = AVG_POOL("avg_pool2d", fv_pool_infer_2d);
FV_REGISTER(avg_pool2d_op);

fv_tensor *fv_avg_pool2d_ex(const fv_avg_pool_args *a)
{
    if (!fv_args_ok("avg_pool2d", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = avg_options(a);
    fv_pool_apply(&avg_pool2d_op, &options, 2, a->input, out);
    return out[0];
}

static const fv_op avg_pool3d_op = AVG_POOL("avg_pool3d", fv_pool_infer_3d);
FV_REGISTER(avg_pool3d_op);

fv_tensor *fv_avg_pool3d_ex(const fv_avg_pool_args *a)
{
    if (!fv_args_ok("avg_pool3d", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = avg_options(a);
    fv_pool_apply(&avg_pool3d_op, &options, 3, a->input, out);
    return out[0];
}

/* --- backward: gy -> gx ------------------------------------------------------------------- */

static void avg_backward_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_average_backward_ref(&p->g, c->in[0], c->out[0]);
}

static void avg_backward_forward(fv_call *c)
{
    fv_pool_average_backward(c->plan, c->in[0]->data, c->out[0]->data, c->scratch);
}

/* Linear in gy: its gradient is the forward op. */
static void avg_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    static const fv_op *const fixed[] = {&avg_pool1d_op, &avg_pool2d_op, &avg_pool3d_op};
    const fv_pool_options *a = c->options;
    int spatial = a->size.ndim - 2;
    bool adaptive = a->kernel_size == FV_UNSET;
    gin[0] = FV_APPLY(adaptive ? fv_adaptive_avg_pool_op(spatial) : fixed[spatial - 1], a, gout[0]);
}

static const fv_option avg_backward_fields[] = {
    FV_FIELD(fv_pool_options, kernel_size, FV_OPTION_DIMS),
    FV_FIELD(fv_pool_options, stride, FV_OPTION_DIMS),
    FV_FIELD(fv_pool_options, padding, FV_OPTION_DIMS),
    FV_FIELD(fv_pool_options, output_size, FV_OPTION_DIMS),
    FV_FIELD(fv_pool_options, ceil_mode, FV_OPTION_BOOL),
    FV_FIELD(fv_pool_options, count_include_pad, FV_OPTION_BOOL),
    FV_FIELD(fv_pool_options, divisor_override, FV_OPTION_INT),
    {0}};

static const fv_op avg_pool_backward_op = {
    .name = "avg_pool_backward",
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "gradient", .order = FV_ORDER_CHANNELS_LAST}},
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_backward_infer,
    .plan = fv_pool_plan_backward,
    .describe = fv_pool_describe,
    .forward = avg_backward_forward,
    .reference = avg_backward_reference,
    .gradient = avg_backward_gradient,
    .option_fields = avg_backward_fields,
};
FV_REGISTER(avg_pool_backward_op);
