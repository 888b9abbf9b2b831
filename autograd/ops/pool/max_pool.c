/* Max pooling with fixed windows, and what all max pooling shares: gradient, gather, indices. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"
#include "autograd/ops/view/view.h"

static const fv_op max_pool_backward_op, max_pool_gather_op, max_pool_indices_op;

/* --- forward ------------------------------------------------------------------------------ */

void fv_max_pool_reference(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_max_ref(&a->g, c->in[0], c->out[0], c->out[1]);
}

void fv_max_pool_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    if (!fv_is_channels_last(c->in[0])) {
        fv_max_pool_reference(c);
        return;
    }
    fv_pool_max(&a->g, c->in[0]->dtype, c->in[0]->data, c->out[0]->data, c->out[1]->data,
                c->scratch);
}

/* x is not read: where the maxima were is all that counts. */
void fv_max_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (!gout[0]) return;
    gin[0] = FV_APPLY(&max_pool_backward_op, c->options, fv_to_channels_last(gout[0]), c->out[1]);
}

static fv_pool_options max_options(const fv_max_pool_args *a, int spatial)
{
    return (fv_pool_options){.spatial = spatial,
                             .kernel_size = a->kernel_size,
                             .stride = a->stride,
                             .padding = a->padding,
                             .dilation = a->dilation,
                             .ceil_mode = a->ceil_mode,
                             .divisor_override = FV_UNSET};
}

fv_tensor *fv_pool_apply_max(const fv_op *op, const fv_pool_options *options, fv_tensor *x,
                             fv_tensor **indices)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    fv_pool_apply(op, options, x, out);
    if (!indices) return out[0];
    *indices = out[1];
    if (fv_failed(out[1])) return out[0];
    bool single = x->ndim == options->spatial + 1;
    fv_pool_options of_codes = *options;
    of_codes.input = fv_shape_of(single ? fv_unsqueeze(x, 0) : x);
    *indices = FV_APPLY(&max_pool_indices_op, &of_codes, single ? fv_unsqueeze(out[1], 0) : out[1]);
    if (single) *indices = fv_squeeze(*indices, 0);
    return out[0];
}

static const fv_option max_fields[] = {FV_FIELD(fv_pool_options, kernel_size, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, stride, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, padding, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, dilation, FV_OPTION_DIMS),
                                       FV_FIELD(fv_pool_options, ceil_mode, FV_OPTION_BOOL),
                                       {0}};

/* Outputs 1 are the numbers of taps. */
#define MAX_POOL(n)                                                                                \
    static const fv_op max_pool##n##d_op = {                                                       \
        .name = "max_pool" #n "d",                                                                 \
        .inputs = 1,                                                                               \
        .outputs = 2,                                                                              \
        .options_size = sizeof(fv_pool_options),                                                   \
        .infer = fv_pool_infer,                                                                    \
        .forward = fv_max_pool_forward,                                                            \
        .reference = fv_max_pool_reference,                                                        \
        .gradient = fv_max_pool_gradient,                                                          \
        .saves = {FV_OUT(1)},                                                                      \
        .option_fields = max_fields,                                                               \
    };                                                                                             \
    FV_REGISTER(max_pool##n##d_op);                                                                \
    fv_tensor *fv_max_pool##n##d_ex(const fv_max_pool_args *a)                                     \
    {                                                                                              \
        fv_pool_options options = max_options(a, n);                                               \
        return fv_pool_apply_max(&max_pool##n##d_op, &options, a->input, a->indices);              \
    }
MAX_POOL(1)
MAX_POOL(2)
MAX_POOL(3)

/* --- backward: gy, codes -> gx ------------------------------------------------------------ */

static void max_backward_reference(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_max_backward_ref(&a->g, c->in[0], c->in[1], c->out[0]);
}

static void max_backward_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    if (!fv_is_channels_last(c->in[0]) || !fv_pool_codes_are_dense(&a->g, c->in[1])) {
        max_backward_reference(c);
        return;
    }
    fv_pool_max_backward(&a->g, c->in[0]->dtype, c->in[0]->data, c->in[1]->data, c->out[0]->data,
                         c->scratch);
}

static void max_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&max_pool_gather_op, c->options, fv_to_channels_last(gout[0]), c->in[1]);
}

static const fv_op max_pool_backward_op = {
    .name = "max_pool_backward",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_backward_infer,
    .forward = max_backward_forward,
    .reference = max_backward_reference,
    .gradient = max_backward_gradient,
    .saves = {FV_IN(1)},
    .option_fields = max_fields,
};
FV_REGISTER(max_pool_backward_op);

/* --- gather: x, codes -> y ---------------------------------------------------------------- */

static void max_gather_reference(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_max_gather_ref(&a->g, c->in[0], c->in[1], c->out[0]);
}

static void max_gather_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    if (!fv_is_channels_last(c->in[0]) || !fv_pool_codes_are_dense(&a->g, c->in[1])) {
        max_gather_reference(c);
        return;
    }
    fv_pool_max_gather(&a->g, c->in[0]->dtype, c->in[0]->data, c->in[1]->data, c->out[0]->data,
                       c->scratch);
}

static void max_gather_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&max_pool_backward_op, c->options, fv_to_channels_last(gout[0]), c->in[1]);
}

static const fv_op max_pool_gather_op = {
    .name = "max_pool_gather",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_gather_infer,
    .forward = max_gather_forward,
    .reference = max_gather_reference,
    .gradient = max_gather_gradient,
    .saves = {FV_IN(1)},
    .option_fields = max_fields,
};
FV_REGISTER(max_pool_gather_op);

/* --- indices: codes -> flat positions ----------------------------------------------------- */

static void max_indices_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_indices(&a->g, c->in[0], c->out[0]);
}

static const fv_op max_pool_indices_op = {
    .name = "max_pool_indices",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_pool_options),
    .infer = fv_pool_indices_infer,
    .forward = max_indices_forward,
    .reference = max_indices_forward,
    .gradient = FV_NO_GRADIENT,
    .option_fields = max_fields,
};
FV_REGISTER(max_pool_indices_op);
