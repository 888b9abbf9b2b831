/* Average pooling with fixed windows, and the backward op of all average pooling. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"
#include "autograd/ops/view/view.h"

static const fv_op avg_pool_backward_op;

/* --- forward ------------------------------------------------------------------------------ */

void fv_avg_pool_reference(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_average_ref(&a->g, c->in[0], c->out[0]);
}

void fv_avg_pool_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    if (!fv_is_channels_last(c->in[0])) {
        fv_avg_pool_reference(c);
        return;
    }
    fv_pool_average(&a->g, c->in[0]->dtype, c->in[0]->data, c->out[0]->data, c->scratch);
}

/* gx[i] = sum over the windows o that cover i of gy[o] / divisor[o]. */
void fv_avg_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&avg_pool_backward_op, c->options, fv_to_channels_last(gout[0]));
}

static fv_pool_options avg_options(const fv_avg_pool_args *a, int spatial)
{
    return (fv_pool_options){.spatial = spatial,
                             .kernel_size = a->kernel_size,
                             .stride = a->stride,
                             .padding = a->padding,
                             .dilation = 1,
                             .ceil_mode = a->ceil_mode,
                             .count_include_pad = a->count_include_pad,
                             .divisor_override = a->divisor_override};
}

static const fv_option avg_fields[] = {FV_FIELD(fv_pool_options, kernel_size, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, stride, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, padding, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, ceil_mode, FV_OPTION_BOOL),
                                       FV_FIELD(fv_pool_options, count_include_pad, FV_OPTION_BOOL),
                                       FV_FIELD(fv_pool_options, divisor_override, FV_OPTION_INT),
                                       {0}};

#define AVG_POOL(n)                                                                                \
    static const fv_op avg_pool##n##d_op = {                                                       \
        .name = "avg_pool" #n "d",                                                                 \
        .inputs = 1,                                                                               \
        .outputs = 1,                                                                              \
        .options_size = sizeof(fv_pool_options),                                                   \
        .infer = fv_pool_infer,                                                                    \
        .forward = fv_avg_pool_forward,                                                            \
        .reference = fv_avg_pool_reference,                                                        \
        .gradient = fv_avg_pool_gradient,                                                          \
        .option_fields = avg_fields,                                                               \
    };                                                                                             \
    FV_REGISTER(avg_pool##n##d_op);                                                                \
    fv_tensor *fv_avg_pool##n##d_ex(const fv_avg_pool_args *a)                                     \
    {                                                                                              \
        fv_tensor *out[FV_MAX_OUTPUTS];                                                            \
        fv_pool_options options = avg_options(a, n);                                               \
        fv_pool_apply(&avg_pool##n##d_op, &options, a->input, out);                                \
        return out[0];                                                                             \
    }
AVG_POOL(1)
AVG_POOL(2)
AVG_POOL(3)

/* --- backward: gy -> gx ------------------------------------------------------------------- */

static void avg_backward_reference(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_average_backward_ref(&a->g, c->in[0], c->out[0]);
}

static void avg_backward_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    if (!fv_is_channels_last(c->in[0])) {
        avg_backward_reference(c);
        return;
    }
    fv_pool_average_backward(&a->g, c->in[0]->dtype, c->in[0]->data, c->out[0]->data, c->scratch);
}

/* Linear in gy: its gradient is the forward op. */
static void avg_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    static const fv_op *const fixed[] = {&avg_pool1d_op, &avg_pool2d_op, &avg_pool3d_op};
    const fv_pool_options *a = c->options;
    const fv_op *op = a->adaptive ? fv_adaptive_avg_pool_op(a->spatial) : fixed[a->spatial - 1];
    gin[0] = FV_APPLY(op, a, fv_to_channels_last(gout[0]));
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
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_backward_infer,
    .forward = avg_backward_forward,
    .reference = avg_backward_reference,
    .gradient = avg_backward_gradient,
    .option_fields = avg_backward_fields,
};
FV_REGISTER(avg_pool_backward_op);
