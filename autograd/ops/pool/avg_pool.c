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

/* --- cases -------------------------------------------------------------------------------- */

#define AVERAGE(k, s, p, ceil, include, override, ...)                                             \
    &(const fv_pool_options)                                                                       \
    {                                                                                              \
        .spatial = FV_COUNT_(__VA_ARGS__) - 2, .kernel_size = (k), .stride = (s), .padding = (p),  \
        .dilation = 1, .ceil_mode = (ceil), .count_include_pad = (include),                        \
        .divisor_override = (override), .input = {                                                 \
            FV_COUNT_(__VA_ARGS__),                                                                \
            {__VA_ARGS__}                                                                          \
        }                                                                                          \
    }
#define X(...)                                                                                     \
    {                                                                                              \
        {                                                                                          \
            .shape = { FV_COUNT_(__VA_ARGS__), {__VA_ARGS__} }                                     \
        }                                                                                          \
    }

/* Different numbers by dimension cannot be written as constants. */
static fv_pool_options oblong_options;
__attribute__((constructor)) static void fill_oblong_options(void)
{
    oblong_options = (fv_pool_options){.spatial = 2,
                                       .kernel_size = FV_DIMS(3, 2),
                                       .stride = FV_DIMS(2, 1),
                                       .padding = FV_DIMS(1, 0),
                                       .dilation = 1,
                                       .count_include_pad = true,
                                       .divisor_override = FV_UNSET,
                                       .input = (fv_shape){4, {2, 3, 5, 6}}};
}

static const fv_case avg_pool1d_cases[] = {
    {"pairs", 1, X(2, 3, 9), AVERAGE(2, FV_UNSET, 0, false, true, FV_UNSET, 2, 3, 9),
     "F.avg_pool1d(x0, 2)", 0, 0},
    {"all options", 1, X(2, 5, 12), AVERAGE(3, 2, 1, true, false, FV_UNSET, 2, 5, 12),
     "F.avg_pool1d(x0, 3, 2, 1, True, False)", 0, 0},
    {0},
};

static const fv_case avg_pool2d_cases[] = {
    {"2x2", 1, X(2, 3, 4, 6), AVERAGE(2, FV_UNSET, 0, false, true, FV_UNSET, 2, 3, 4, 6),
     "F.avg_pool2d(x0, 2)", 0, 0},
    {"3x3 stride 2 padded", 1, X(2, 2, 5, 6), AVERAGE(3, 2, 1, false, true, FV_UNSET, 2, 2, 5, 6),
     "F.avg_pool2d(x0, 3, 2, 1)", 0, 0},
    {"padding not counted", 1, X(2, 2, 5, 6), AVERAGE(3, 2, 1, false, false, FV_UNSET, 2, 2, 5, 6),
     "F.avg_pool2d(x0, 3, 2, 1, False, False)", 0, 0},
    {"overlapping by stride 1", 1, X(1, 3, 4, 5),
     AVERAGE(3, 1, 1, false, true, FV_UNSET, 1, 3, 4, 5), "F.avg_pool2d(x0, 3, 1, 1)", 0, 0},
    {"gaps between windows", 1, X(1, 2, 7, 8), AVERAGE(2, 3, 0, false, true, FV_UNSET, 1, 2, 7, 8),
     "F.avg_pool2d(x0, 2, 3)", 0, 0},
    {"ceil_mode", 1, X(1, 2, 6, 7), AVERAGE(3, 2, 1, true, true, FV_UNSET, 1, 2, 6, 7),
     "F.avg_pool2d(x0, 3, 2, 1, True)", 0, 0},
    {"ceil_mode, padding not counted", 1, X(1, 2, 6, 7),
     AVERAGE(3, 2, 1, true, false, FV_UNSET, 1, 2, 6, 7), "F.avg_pool2d(x0, 3, 2, 1, True, False)",
     0, 0},
    {"divisor_override", 1, X(1, 2, 5, 5), AVERAGE(3, 2, 1, false, true, 5, 1, 2, 5, 5),
     "F.avg_pool2d(x0, 3, 2, 1, divisor_override=5)", 0, 0},
    {"37 channels", 1, X(1, 37, 2, 3), AVERAGE(2, 1, 0, false, true, FV_UNSET, 1, 37, 2, 3),
     "F.avg_pool2d(x0, 2, 1)", 0, 0},
    {"another number in each dimension", 1, X(2, 3, 5, 6), &oblong_options,
     "F.avg_pool2d(x0, (3, 2), (2, 1), (1, 0))", 0, 0},
    {"empty batch", 1, X(0, 3, 4, 4), AVERAGE(2, 2, 0, false, true, FV_UNSET, 0, 3, 4, 4),
     "F.avg_pool2d(x0, 2)", 0, 0},
    {0},
};

static const fv_case avg_pool3d_cases[] = {
    {"2x2x2", 1, X(1, 2, 4, 4, 5), AVERAGE(2, FV_UNSET, 0, false, true, FV_UNSET, 1, 2, 4, 4, 5),
     "F.avg_pool3d(x0, 2)", 0, 0},
    {"all options", 1, X(1, 2, 5, 4, 6), AVERAGE(3, 2, 1, true, false, FV_UNSET, 1, 2, 5, 4, 6),
     "F.avg_pool3d(x0, 3, 2, 1, True, False)", 0, 0},
    {0},
};

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
        .cases = avg_pool##n##d_cases,                                                             \
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

#define ADAPTIVE(size, ...)                                                                        \
    &(const fv_pool_options)                                                                       \
    {                                                                                              \
        .spatial = FV_COUNT_(__VA_ARGS__) - 2, .adaptive = true, .output_size = (size),            \
        .divisor_override = FV_UNSET, .input = {                                                   \
            FV_COUNT_(__VA_ARGS__),                                                                \
            {__VA_ARGS__}                                                                          \
        }                                                                                          \
    }

static const fv_case avg_backward_cases[] = {
    {"1d", 1, X(2, 3, 4), AVERAGE(3, 2, 1, false, true, FV_UNSET, 2, 3, 8), NULL, 0, 0},
    {"2x2", 1, X(2, 3, 2, 3), AVERAGE(2, 2, 0, false, true, FV_UNSET, 2, 3, 5, 6), NULL, 0, 0},
    {"padding not counted", 1, X(1, 5, 3, 3), AVERAGE(3, 2, 1, false, false, FV_UNSET, 1, 5, 5, 6),
     NULL, 0, 0},
    {"divisor_override", 1, X(1, 2, 3, 3), AVERAGE(3, 2, 1, false, true, 5, 1, 2, 5, 6), NULL, 0,
     0},
    {"another number in each dimension", 1, X(2, 3, 3, 5), &oblong_options, NULL, 0, 0},
    {"37 channels", 1, X(1, 37, 1, 2), AVERAGE(2, 1, 0, false, true, FV_UNSET, 1, 37, 2, 3), NULL,
     0, 0},
    {"3d", 1, X(1, 2, 2, 2, 3), AVERAGE(2, 2, 0, false, true, FV_UNSET, 1, 2, 4, 5, 6), NULL, 0, 0},
    {"adaptive", 1, X(2, 3, 3, 3), ADAPTIVE(3, 2, 3, 5, 7), NULL, 0, 0},
    {"global", 1, X(2, 3, 1, 1), ADAPTIVE(1, 2, 3, 2, 3), NULL, 0, 0},
    {0},
};

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
    .cases = avg_backward_cases,
};
FV_REGISTER(avg_pool_backward_op);
