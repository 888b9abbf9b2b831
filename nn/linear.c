/* Linear, flatten and identity layers. */
#include "nn/linear.h"

#include <math.h>
#include <stdio.h>

#include "autograd/ops/product/matmul.h"
#include "autograd/ops/view/view.h"
#include "nn/fusion_impl.h"
#include "nn/layer_impl.h"

static fv_tensor *linear_ending(fv_module *self, fv_tensor *x, const fv_ending *ending)
{
    return fv_linear(x, fv_module_tensor(self, "weight"), fv_module_tensor(self, "bias"),
                     .relu = ending->relu);
}

static fv_tensor *linear_forward(fv_module *self, fv_tensor *x)
{
    return linear_ending(self, x, &(fv_ending){.norm = NULL});
}

static bool linear_takes(const fv_module *self, const fv_ending *ending)
{
    (void)self;
    return !ending->residual;
}

static const fv_fusion linear_fusion = {.takes = linear_takes, .forward = linear_ending};

static void linear_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_linear_args *o = fv_module_const_context(self);
    snprintf(text, room, "in_features=%lld, out_features=%lld, bias=%s", (long long)o->in_features,
             (long long)o->out_features, fv_bool_describe(o->bias));
}

const fv_nn_linear_args fv_nn_linear_defaults = {FV_NN_LINEAR_DEFAULTS};

fv_module *fv_nn_linear_ex(const fv_nn_linear_args *a)
{
    if (!fv_args_ok("nn_linear", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Linear",
                                        .context_size = sizeof(fv_nn_linear_args),
                                        .forward = linear_forward,
                                        .per_sample = 2,
                                        .describe = linear_describe};
    if (a->in_features < 1 || a->out_features < 1) {
        fv_fail(FV_ERR_OPTION, "nn_linear: in_features %lld and out_features %lld must be >= 1",
                (long long)a->in_features, (long long)a->out_features);
        return NULL;
    }
    if (!fv_dtype_is_floating(a->dtype)) {
        fv_fail(FV_ERR_DTYPE, "nn_linear: dtype must be float32 or float64");
        return NULL;
    }
    double bound = 1.0 / sqrt((double)a->in_features);
    fv_module *m = fv_module_new(&type, a);
    fv_module_fuses(m, &linear_fusion);
    fv_layer_parameter(m, "weight", FV_SHAPE(a->out_features, a->in_features), a->dtype, bound,
                       0.0);
    if (a->bias) fv_layer_parameter(m, "bias", FV_SHAPE(a->out_features), a->dtype, bound, 0.0);
    return fv_module_finish(m);
}

static fv_tensor *flatten_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_flatten_args *o = fv_module_context(self);
    return fv_flatten(x, o->start_dim, o->end_dim);
}

static void flatten_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_flatten_args *o = fv_module_const_context(self);
    snprintf(text, room, "start_dim=%lld, end_dim=%lld", (long long)o->start_dim,
             (long long)o->end_dim);
}

const fv_nn_flatten_args fv_nn_flatten_defaults = {FV_NN_FLATTEN_DEFAULTS};

fv_module *fv_nn_flatten_ex(const fv_nn_flatten_args *a)
{
    if (!fv_args_ok("nn_flatten", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Flatten",
                                        .context_size = sizeof(fv_nn_flatten_args),
                                        .forward = flatten_forward,
                                        .per_sample = 2,
                                        .describe = flatten_describe};
    fv_module *m = fv_module_new(&type, a);
    if (a->start_dim < 1) fv_module_mixes_samples(m);
    return m;
}

static fv_tensor *identity_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return x;
}

fv_module *fv_nn_identity(void)
{
    static const fv_module_type type = {
        .name = "Identity", .forward = identity_forward, .per_sample = 1};
    return fv_module_new(&type, NULL);
}
