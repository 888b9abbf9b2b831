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

/* --- cases -------------------------------------------------------------------------------- */

#define MAX(spatial_, k, s, p, d, ceil)                                                            \
    &(const fv_pool_options)                                                                       \
    {                                                                                              \
        .spatial = (spatial_), .kernel_size = (k), .stride = (s), .padding = (p), .dilation = (d), \
        .ceil_mode = (ceil), .divisor_override = FV_UNSET                                          \
    }
#define DISTINCT(...)                                                                              \
    {                                                                                              \
        {                                                                                          \
            .shape = {FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}}, .fill = FV_FILL_DISTINCT             \
        }                                                                                          \
    }

/* Different numbers by dimension cannot be written as constants. */
static fv_pool_options oblong_options, oblong_backward_options;
__attribute__((constructor)) static void fill_oblong_options(void)
{
    oblong_options = (fv_pool_options){.spatial = 2,
                                       .kernel_size = FV_DIMS(3, 2),
                                       .stride = FV_DIMS(2, 1),
                                       .padding = FV_DIMS(1, 0),
                                       .dilation = FV_DIMS(1, 2),
                                       .divisor_override = FV_UNSET};
    oblong_backward_options = oblong_options;
    oblong_backward_options.input = (fv_shape){4, {2, 3, 5, 6}};
}

static const fv_case max_pool1d_cases[] = {
    {"pairs", 1, DISTINCT(2, 3, 9), MAX(1, 2, FV_UNSET, 0, 1, false), "F.max_pool1d(x0, 2)", 0, 0},
    {"all options", 1, DISTINCT(2, 5, 12), MAX(1, 3, 2, 1, 2, true),
     "F.max_pool1d(x0, 3, 2, 1, 2, True)", 0, 0},
    {0},
};

static const fv_case max_pool2d_cases[] = {
    {"2x2", 1, DISTINCT(2, 3, 4, 6), MAX(2, 2, FV_UNSET, 0, 1, false), "F.max_pool2d(x0, 2)", 0, 0},
    {"2x2 on odd lengths", 1, DISTINCT(1, 2, 5, 7), MAX(2, 2, 2, 0, 1, false),
     "F.max_pool2d(x0, 2, 2)", 0, 0},
    {"3x3 stride 2 padded", 1, DISTINCT(2, 2, 5, 6), MAX(2, 3, 2, 1, 1, false),
     "F.max_pool2d(x0, 3, 2, 1)", 0, 0},
    {"overlapping by stride 1", 1, DISTINCT(1, 3, 4, 5), MAX(2, 3, 1, 1, 1, false),
     "F.max_pool2d(x0, 3, 1, 1)", 0, 0},
    {"gaps between windows", 1, DISTINCT(1, 2, 7, 8), MAX(2, 2, 3, 0, 1, false),
     "F.max_pool2d(x0, 2, 3)", 0, 0},
    {"dilation", 1, DISTINCT(1, 2, 7, 6), MAX(2, 3, 1, 1, 2, false), "F.max_pool2d(x0, 3, 1, 1, 2)",
     0, 0},
    {"ceil_mode", 1, DISTINCT(1, 2, 6, 7), MAX(2, 3, 2, 0, 1, true),
     "F.max_pool2d(x0, 3, 2, 0, 1, True)", 0, 0},
    {"ceil_mode drops a window in the padding", 1, DISTINCT(1, 2, 5, 5), MAX(2, 2, 2, 1, 1, true),
     "F.max_pool2d(x0, 2, 2, 1, 1, True)", 0, 0},
    {"window of the whole plane", 1, DISTINCT(2, 2, 3, 4), MAX(2, 3, 1, 0, 1, false),
     "F.max_pool2d(x0, 3, 1)", 0, 0},
    {"one channel", 1, DISTINCT(2, 1, 4, 4), MAX(2, 2, 2, 0, 1, false), "F.max_pool2d(x0, 2)", 0,
     0},
    {"37 channels", 1, DISTINCT(1, 37, 2, 3), MAX(2, 2, 1, 0, 1, false), "F.max_pool2d(x0, 2, 1)",
     0, 0},
    {"a large window has 32-bit codes", 1, DISTINCT(1, 1, 17, 18), MAX(2, 17, 1, 0, 1, false),
     "F.max_pool2d(x0, 17, 1)", 0, 0},
    {"another number in each dimension", 1, DISTINCT(2, 3, 5, 6), &oblong_options,
     "F.max_pool2d(x0, (3, 2), (2, 1), (1, 0), (1, 2))", 0, 0},
    {"empty batch", 1, DISTINCT(0, 3, 4, 4), MAX(2, 2, 2, 0, 1, false), "F.max_pool2d(x0, 2)", 0,
     0},
    {0},
};

static const fv_case max_pool3d_cases[] = {
    {"2x2x2", 1, DISTINCT(1, 2, 4, 4, 5), MAX(3, 2, FV_UNSET, 0, 1, false), "F.max_pool3d(x0, 2)",
     0, 0},
    {"all options", 1, DISTINCT(1, 2, 5, 4, 6), MAX(3, 2, 2, 1, 2, true),
     "F.max_pool3d(x0, 2, 2, 1, 2, True)", 0, 0},
    {0},
};

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
        .cases = max_pool##n##d_cases,                                                             \
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

#define MAX_OF(k, s, p, d, ceil, ...)                                                              \
    &(const fv_pool_options)                                                                       \
    {                                                                                              \
        .spatial = FV_COUNT_(__VA_ARGS__) - 2, .kernel_size = (k), .stride = (s), .padding = (p),  \
        .dilation = (d), .ceil_mode = (ceil), .divisor_override = FV_UNSET, .input = {             \
            FV_COUNT_(__VA_ARGS__),                                                                \
            {__VA_ARGS__}                                                                          \
        }                                                                                          \
    }
#define WITH_CODES(taps, ...)                                                                      \
    {                                                                                              \
        {.shape = {FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}}},                                        \
        {                                                                                          \
            .shape = {FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}}, .fill = FV_FILL_INDEX,               \
            .limit = (taps), .constant = true                                                      \
        }                                                                                          \
    }

static const fv_case max_backward_cases[] = {
    {"1d", 2, WITH_CODES(3, 2, 3, 4), MAX_OF(3, 2, 1, 1, false, 2, 3, 8), NULL, 0, 0},
    {"2x2", 2, WITH_CODES(4, 2, 3, 2, 3), MAX_OF(2, 2, 0, 1, false, 2, 3, 5, 6), NULL, 0, 0},
    {"codes in the padding are passed over", 2, WITH_CODES(9, 1, 5, 3, 3),
     MAX_OF(3, 2, 1, 1, false, 1, 5, 5, 6), NULL, 0, 0},
    {"dilation", 2, WITH_CODES(9, 1, 2, 5, 4), MAX_OF(3, 1, 1, 2, false, 1, 2, 7, 6), NULL, 0, 0},
    {"another number in each dimension", 2, WITH_CODES(6, 2, 3, 3, 4), &oblong_backward_options,
     NULL, 0, 0},
    {"3d", 2, WITH_CODES(8, 1, 2, 2, 2, 3), MAX_OF(2, 2, 0, 1, false, 1, 2, 4, 5, 6), NULL, 0, 0},
    {0},
};

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
    .cases = max_backward_cases,
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

#define PICKED(taps, x, y)                                                                         \
    {                                                                                              \
        {.shape = x},                                                                              \
        {                                                                                          \
            .shape = y, .fill = FV_FILL_INDEX, .limit = (taps), .constant = true                   \
        }                                                                                          \
    }
#define DIMS(...)                                                                                  \
    {                                                                                              \
        FV_COUNT_(__VA_ARGS__),                                                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const fv_case max_gather_cases[] = {
    {"2x2", 2, PICKED(4, DIMS(2, 3, 5, 6), DIMS(2, 3, 2, 3)), MAX_OF(2, 2, 0, 1, false, 2, 3, 5, 6),
     NULL, 0, 0},
    {"codes in the padding give 0", 2, PICKED(9, DIMS(1, 5, 5, 6), DIMS(1, 5, 3, 3)),
     MAX_OF(3, 2, 1, 1, false, 1, 5, 5, 6), NULL, 0, 0},
    {"3d with dilation", 2, PICKED(8, DIMS(1, 2, 4, 5, 6), DIMS(1, 2, 2, 3, 4)),
     MAX_OF(2, 1, 0, 2, false, 1, 2, 4, 5, 6), NULL, 0, 0},
    {0},
};

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
    .cases = max_gather_cases,
};
FV_REGISTER(max_pool_gather_op);

/* --- indices: codes -> flat positions ----------------------------------------------------- */

static void max_indices_forward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_indices(&a->g, c->in[0], c->out[0]);
}

#define CODES(taps, ...)                                                                           \
    {                                                                                              \
        {                                                                                          \
            .shape = DIMS(__VA_ARGS__), .fill = FV_FILL_INDEX, .limit = (taps), .constant = true   \
        }                                                                                          \
    }

static const fv_case max_indices_cases[] = {
    {"2x2", 1, CODES(4, 2, 3, 2, 3), MAX_OF(2, 2, 0, 1, false, 2, 3, 5, 6), NULL, 0, 0},
    {"codes in the padding give -1", 1, CODES(9, 1, 2, 3, 3), MAX_OF(3, 2, 1, 1, false, 1, 2, 5, 6),
     NULL, 0, 0},
    {0},
};

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
    .cases = max_indices_cases,
};
FV_REGISTER(max_pool_indices_op);
