/* Adaptive pooling: windows that divide the input evenly among so many outputs. Kernels and
 * gradients are those of the fixed windows. */
#include "autograd/ops/pool/pool.h"

#include "autograd/ops/pool/pool_impl.h"

static const fv_option fields[] = {FV_FIELD(fv_pool_options, output_size, FV_OPTION_DIMS), {0}};

static fv_pool_options adaptive_options(fv_dims output_size, int spatial)
{
    return (fv_pool_options){.spatial = spatial,
                             .output_size = output_size,
                             .adaptive = true,
                             .divisor_override = FV_UNSET};
}

/* --- the ops ------------------------------------------------------------------------------ */

#define ADAPTIVE_AVG(n)                                                                            \
    static const fv_op adaptive_avg_pool##n##d_op = {                                              \
        .name = "adaptive_avg_pool" #n "d",                                                        \
        .inputs = 1,                                                                               \
        .outputs = 1,                                                                              \
        .options_size = sizeof(fv_pool_options),                                                   \
        .infer = fv_pool_infer,                                                                    \
        .forward = fv_avg_pool_forward,                                                            \
        .reference = fv_avg_pool_reference,                                                        \
        .gradient = fv_avg_pool_gradient,                                                          \
        .option_fields = fields,                                                                   \
    };                                                                                             \
    FV_REGISTER(adaptive_avg_pool##n##d_op);                                                       \
    fv_tensor *fv_adaptive_avg_pool##n##d(fv_tensor *x, fv_dims output_size)                       \
    {                                                                                              \
        fv_tensor *out[FV_MAX_OUTPUTS];                                                            \
        fv_pool_options options = adaptive_options(output_size, n);                                \
        fv_pool_apply(&adaptive_avg_pool##n##d_op, &options, x, out);                              \
        return out[0];                                                                             \
    }
ADAPTIVE_AVG(1)
ADAPTIVE_AVG(2)
ADAPTIVE_AVG(3)

const fv_op *fv_adaptive_avg_pool_op(int64_t spatial)
{
    static const fv_op *const ops[] = {&adaptive_avg_pool1d_op, &adaptive_avg_pool2d_op,
                                       &adaptive_avg_pool3d_op};
    return ops[spatial - 1];
}

/* Outputs 1 are the numbers of taps. */
#define ADAPTIVE_MAX(n)                                                                            \
    static const fv_op adaptive_max_pool##n##d_op = {                                              \
        .name = "adaptive_max_pool" #n "d",                                                        \
        .inputs = 1,                                                                               \
        .outputs = 2,                                                                              \
        .options_size = sizeof(fv_pool_options),                                                   \
        .infer = fv_pool_infer,                                                                    \
        .forward = fv_max_pool_forward,                                                            \
        .reference = fv_max_pool_reference,                                                        \
        .gradient = fv_max_pool_gradient,                                                          \
        .saves = {FV_OUT(1)},                                                                      \
        .option_fields = fields,                                                                   \
    };                                                                                             \
    FV_REGISTER(adaptive_max_pool##n##d_op);                                                       \
    fv_tensor *fv_adaptive_max_pool##n##d_ex(const fv_adaptive_max_pool_args *a)                   \
    {                                                                                              \
        fv_pool_options options = adaptive_options(a->output_size, n);                             \
        return fv_pool_apply_max(&adaptive_max_pool##n##d_op, &options, a->input, a->indices);     \
    }
ADAPTIVE_MAX(1)
ADAPTIVE_MAX(2)
ADAPTIVE_MAX(3)
