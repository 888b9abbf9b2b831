/* Adaptive pooling: windows that divide the input evenly among so many outputs. Kernels and
 * gradients are those of the fixed windows. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"

static const fv_option fields[] = {FV_FIELD(fv_pool_options, output_size, FV_OPTION_DIMS), {0}};

static fv_pool_options adaptive_options(fv_dims output_size)
{
    return (fv_pool_options){
        .kernel_size = FV_UNSET, .output_size = output_size, .divisor_override = FV_UNSET};
}

/* --- the ops ------------------------------------------------------------------------------ */

#define ADAPTIVE_AVG(name_, infer_)                                                                \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 1,                                                  \
        .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST}},                             \
        .options_size = sizeof(fv_pool_options), .option_fields = fields, .infer = infer_,         \
        .plan = fv_pool_plan_forward, .describe = fv_pool_describe,                                \
        .forward = fv_avg_pool_forward, .reference = fv_avg_pool_reference,                        \
        .gradient = fv_avg_pool_gradient, .window = fv_pool_window_of                              \
    }

static const fv_op adaptive_avg_pool1d_op = ADAPTIVE_AVG("adaptive_avg_pool1d", fv_pool_infer_1d);
FV_REGISTER(adaptive_avg_pool1d_op);

fv_tensor *fv_adaptive_avg_pool1d(fv_tensor *x, fv_dims output_size)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = adaptive_options(output_size);
    fv_pool_apply(&adaptive_avg_pool1d_op, &options, 1, x, out);
    return out[0];
}

static const fv_op adaptive_avg_pool2d_op = ADAPTIVE_AVG("adaptive_avg_pool2d", fv_pool_infer_2d);
FV_REGISTER(adaptive_avg_pool2d_op);

fv_tensor *fv_adaptive_avg_pool2d(fv_tensor *x, fv_dims output_size)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = adaptive_options(output_size);
    fv_pool_apply(&adaptive_avg_pool2d_op, &options, 2, x, out);
    return out[0];
}

static const fv_op adaptive_avg_pool3d_op = ADAPTIVE_AVG("adaptive_avg_pool3d", fv_pool_infer_3d);
FV_REGISTER(adaptive_avg_pool3d_op);

fv_tensor *fv_adaptive_avg_pool3d(fv_tensor *x, fv_dims output_size)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    const fv_pool_options options = adaptive_options(output_size);
    fv_pool_apply(&adaptive_avg_pool3d_op, &options, 3, x, out);
    return out[0];
}

const fv_op *fv_adaptive_avg_pool_op(int spatial)
{
    static const fv_op *const ops[] = {&adaptive_avg_pool1d_op, &adaptive_avg_pool2d_op,
                                       &adaptive_avg_pool3d_op};
    return ops[spatial - 1];
}

/* Outputs 1 are the numbers of taps. */
#define ADAPTIVE_MAX(name_, infer_)                                                                \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 2,                                                  \
        .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST}},                             \
        .options_size = sizeof(fv_pool_options), .option_fields = fields, .infer = infer_,         \
        .plan = fv_pool_plan_forward, .describe = fv_pool_describe,                                \
        .forward = fv_max_pool_forward, .reference = fv_max_pool_reference,                        \
        .gradient = fv_max_pool_gradient, .window = fv_pool_window_of, .saves = {                  \
            FV_OUT(1)                                                                              \
        }                                                                                          \
    }

static const fv_op adaptive_max_pool1d_op = ADAPTIVE_MAX("adaptive_max_pool1d", fv_pool_infer_1d);
FV_REGISTER(adaptive_max_pool1d_op);

const fv_adaptive_max_pool_args fv_adaptive_max_pool_defaults = {FV_ADAPTIVE_MAX_POOL_DEFAULTS};

fv_tensor *fv_adaptive_max_pool1d_ex(const fv_adaptive_max_pool_args *a)
{
    if (!fv_args_ok("adaptive_max_pool1d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = adaptive_options(a->output_size);
    return fv_pool_apply_max(&adaptive_max_pool1d_op, &options, 1, a->input, a->indices);
}

static const fv_op adaptive_max_pool2d_op = ADAPTIVE_MAX("adaptive_max_pool2d", fv_pool_infer_2d);
FV_REGISTER(adaptive_max_pool2d_op);

fv_tensor *fv_adaptive_max_pool2d_ex(const fv_adaptive_max_pool_args *a)
{
    if (!fv_args_ok("adaptive_max_pool2d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = adaptive_options(a->output_size);
    return fv_pool_apply_max(&adaptive_max_pool2d_op, &options, 2, a->input, a->indices);
}

static const fv_op adaptive_max_pool3d_op = ADAPTIVE_MAX("adaptive_max_pool3d", fv_pool_infer_3d);
FV_REGISTER(adaptive_max_pool3d_op);

fv_tensor *fv_adaptive_max_pool3d_ex(const fv_adaptive_max_pool_args *a)
{
    if (!fv_args_ok("adaptive_max_pool3d", a, sizeof *a)) return fv_failed_tensor();
    const fv_pool_options options = adaptive_options(a->output_size);
    return fv_pool_apply_max(&adaptive_max_pool3d_op, &options, 3, a->input, a->indices);
}
