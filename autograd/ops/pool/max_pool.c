/* Max pooling with fixed windows, and what all max pooling shares: gradient, gather, indices. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"
#include "autograd/ops/view/view.h"

static const fv_op max_pool_backward_op, max_pool_gather_op, max_pool_indices_op;

/* --- forward ------------------------------------------------------------------------------ */

void fv_max_pool_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_max_ref(&p->g, c->in[0], c->out[0], c->out[1]);
}

void fv_max_pool_forward(fv_call *c)
{
    fv_pool_max(c->plan, c->in[0]->data, c->out[0]->data, c->out[1]->data, c->scratch);
}

/* x is not read: where the maxima were is all that counts. */
void fv_max_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (!gout[0]) return;
    const fv_pool_options options = fv_pool_options_behind(c);
    gin[0] = FV_APPLY(&max_pool_backward_op, &options, gout[0], c->out[1]);
}

static fv_pool_options max_options(const fv_max_pool_args *a)
{
    return (fv_pool_options){.kernel_size = a->kernel_size,
                             .stride = a->stride,
                             .padding = a->padding,
                             .dilation = a->dilation,
                             .ceil_mode = a->ceil_mode,
                             .divisor_override = FV_UNSET};
}

fv_tensor *fv_pool_apply_max(const fv_op *op, const fv_pool_options *options, int spatial,
                             fv_tensor *x, fv_tensor **indices)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    fv_pool_apply(op, options, spatial, x, out);
    if (!indices) return out[0];
    *indices = out[1];
    if (!fv_usable(out[1])) return out[0];
    bool single = x->ndim == spatial + 1;
    fv_pool_options of_codes = *options;
    of_codes.size = fv_shape_of(single ? fv_unsqueeze(x, 0) : x);
    *indices = FV_APPLY(&max_pool_indices_op, &of_codes, single ? fv_unsqueeze(out[1], 0) : out[1]);
    if (single) *indices = fv_squeeze(*indices, 0);
    return out[0];
}

static const fv_option max_fields[] = {
    FV_POOL_FIELD(kernel_size, FV_OPTION_DIMS), FV_POOL_FIELD(stride, FV_OPTION_DIMS),
    FV_POOL_FIELD(padding, FV_OPTION_DIMS),     FV_POOL_FIELD(dilation, FV_OPTION_DIMS),
    FV_POOL_FIELD(ceil_mode, FV_OPTION_BOOL),   {0}};

/* Of the ops behind fixed and adaptive max pooling. */
static const fv_option behind_fields[] = {
    FV_POOL_FIELD(kernel_size, FV_OPTION_DIMS), FV_POOL_FIELD(stride, FV_OPTION_DIMS),
    FV_POOL_FIELD(padding, FV_OPTION_DIMS),     FV_POOL_FIELD(dilation, FV_OPTION_DIMS),
    FV_POOL_FIELD(output_size, FV_OPTION_DIMS), FV_POOL_FIELD(ceil_mode, FV_OPTION_BOOL),
    FV_POOL_FIELD(size, FV_OPTION_SHAPE),       {0}};

/* Outputs 1 are the numbers of taps. */
#define MAX_POOL(name_, infer_)                                                                    \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 2,                                                  \
        .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST}},                             \
        .options_size = sizeof(fv_pool_options), .option_fields = max_fields, .infer = infer_,     \
        .plan = fv_pool_plan_forward, .describe = fv_pool_describe,                                \
        .forward = fv_max_pool_forward, .reference = fv_max_pool_reference,                        \
        .gradient = fv_max_pool_gradient, .window = fv_pool_window_of, .saves = {                  \
            FV_OUT(1)                                                                              \
        }                                                                                          \
    }

static const fv_op max_pool1d_op = MAX_POOL("max_pool1d", fv_pool_infer_1d);
FV_REGISTER(max_pool1d_op);

const fv_max_pool_args fv_max_pool_defaults = {FV_MAX_POOL_DEFAULTS};

fv_tensor *fv_max_pool1d_ex(const fv_max_pool_args *a)
{
    if (!fv_args_ok("max_pool1d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = max_options(a);
    return fv_pool_apply_max(&max_pool1d_op, &options, 1, a->input, a->indices);
}

static const fv_op max_pool2d_op = MAX_POOL("max_pool2d", fv_pool_infer_2d);
FV_REGISTER(max_pool2d_op);

fv_tensor *fv_max_pool2d_ex(const fv_max_pool_args *a)
{
    if (!fv_args_ok("max_pool2d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = max_options(a);
    return fv_pool_apply_max(&max_pool2d_op, &options, 2, a->input, a->indices);
}

static const fv_op max_pool3d_op = MAX_POOL("max_pool3d", fv_pool_infer_3d);
FV_REGISTER(max_pool3d_op);

fv_tensor *fv_max_pool3d_ex(const fv_max_pool_args *a)
{
    if (!fv_args_ok("max_pool3d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = max_options(a);
    return fv_pool_apply_max(&max_pool3d_op, &options, 3, a->input, a->indices);
}

/* --- backward: gy, codes -> gx ------------------------------------------------------------ */

static void max_backward_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_max_backward_ref(&p->g, c->in[0], c->in[1], c->out[0]);
}

static void max_backward_forward(fv_call *c)
{
    fv_pool_max_backward(c->plan, c->in[0]->data, c->in[1]->data, c->out[0]->data, c->scratch);
}

static void max_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&max_pool_gather_op, c->options, gout[0], c->in[1]);
}

static const fv_op max_pool_backward_op = {
    .name = "max_pool_backward",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "gradient", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "codes", .order = FV_ORDER_CHANNELS_LAST}},
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_backward_infer,
    .plan = fv_pool_plan_backward,
    .describe = fv_pool_describe,
    .forward = max_backward_forward,
    .reference = max_backward_reference,
    .gradient = max_backward_gradient,
    .saves = {FV_IN(1)},
    .option_fields = behind_fields,
};
FV_REGISTER(max_pool_backward_op);

/* --- gather: x, codes -> y ---------------------------------------------------------------- */

static void max_gather_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_max_gather_ref(&p->g, c->in[0], c->in[1], c->out[0]);
}

static void max_gather_forward(fv_call *c)
{
    fv_pool_max_gather(c->plan, c->in[0]->data, c->in[1]->data, c->out[0]->data, c->scratch);
}

static void max_gather_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&max_pool_backward_op, c->options, gout[0], c->in[1]);
}

static const fv_op max_pool_gather_op = {
    .name = "max_pool_gather",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "codes", .order = FV_ORDER_CHANNELS_LAST}},
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_gather_infer,
    .plan = fv_pool_plan_behind,
    .describe = fv_pool_describe,
    .forward = max_gather_forward,
    .reference = max_gather_reference,
    .gradient = max_gather_gradient,
    .saves = {FV_IN(1)},
    .option_fields = behind_fields,
};
FV_REGISTER(max_pool_gather_op);

/* --- indices: codes -> flat positions ----------------------------------------------------- */

static void max_indices_reference(fv_call *c)
{
    const fv_pool_plan *p = c->plan;
    fv_pool_indices_ref(&p->g, c->in[0], c->out[0]);
}

static void max_indices_forward(fv_call *c)
{
    fv_pool_indices(c->plan, c->in[0]->data, c->out[0]->data, c->scratch);
}

static const fv_op max_pool_indices_op = {
    .name = "max_pool_indices",
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "codes", .order = FV_ORDER_CHANNELS_LAST}},
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_indices_infer,
    .plan = fv_pool_plan_behind,
    .describe = fv_pool_describe,
    .forward = max_indices_forward,
    .reference = max_indices_reference,
    .gradient = FV_NO_GRADIENT,
    .option_fields = behind_fields,
};
FV_REGISTER(max_pool_indices_op);
