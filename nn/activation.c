/* Activation, softmax and dropout layers. */
#include "nn/activation.h"

#include <stdio.h>

#include "autograd/ops/random/dropout.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/softmax/softmax.h"
#include "nn/fusion_impl.h"
#include "nn/layer_impl.h"
#include "tensor/numerals.h"

/* --- without options -------------------------------------------------------------------- */

/* fv_nn_name(), a module called type, which applies the expression in x. */
#define FV_PLAIN_LAYER(name_, type_, expression)                                                   \
    static fv_tensor *name_##_forward(fv_module *self, fv_tensor *x)                               \
    {                                                                                              \
        (void)self;                                                                                \
        return expression;                                                                         \
    }                                                                                              \
    fv_module *fv_nn_##name_(void)                                                                 \
    {                                                                                              \
        static const fv_module_type type = {                                                       \
            .name = type_, .forward = name_##_forward, .per_sample = 1};                           \
        return fv_module_new(&type, NULL);                                                         \
    }

FV_PLAIN_LAYER(relu6, "ReLU6", fv_hardtanh(x, 0.0, 6.0))
FV_PLAIN_LAYER(sigmoid, "Sigmoid", fv_sigmoid(x))
FV_PLAIN_LAYER(tanh, "Tanh", fv_tanh(x))
FV_PLAIN_LAYER(silu, "SiLU", fv_silu(x))

static fv_tensor *gelu_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return fv_gelu(x);
}

static void gelu_describe(const fv_module *self, char *text, size_t room)
{
    (void)self;
    snprintf(text, room, "approximate='none'");
}

fv_module *fv_nn_gelu(void)
{
    static const fv_module_type type = {
        .name = "GELU", .forward = gelu_forward, .per_sample = 1, .describe = gelu_describe};
    return fv_module_new(&type, NULL);
}

/* --- with options ----------------------------------------------------------------------- */

static fv_tensor *relu_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_relu_args *o = fv_module_context(self);
    return o->inplace ? fv_relu_(x) : fv_relu(x);
}

static void relu_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_relu_args *o = fv_module_const_context(self);
    if (o->inplace) snprintf(text, room, "inplace=True");
}

const fv_nn_relu_args fv_nn_relu_defaults = {FV_NN_RELU_DEFAULTS};

fv_module *fv_nn_relu_ex(const fv_nn_relu_args *a)
{
    if (!fv_args_ok("nn_relu", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "ReLU",
                                        .context_size = sizeof *a,
                                        .forward = relu_forward,
                                        .per_sample = 1,
                                        .describe = relu_describe};
    static const fv_fusion fusion = {.is_relu = true};
    fv_module *m = fv_module_new(&type, a);
    fv_module_fuses(m, &fusion);
    if (m) m->in_place = a->inplace;
    return m;
}

static fv_tensor *leaky_relu_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_leaky_relu_args *o = fv_module_context(self);
    return fv_leaky_relu(x, o->negative_slope);
}

static void leaky_relu_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_leaky_relu_args *o = fv_module_const_context(self);
    char a[FV_DIMS_TEXT];
    snprintf(text, room, "negative_slope=%s", fv_number_describe(o->negative_slope, a));
}

const fv_nn_leaky_relu_args fv_nn_leaky_relu_defaults = {FV_NN_LEAKY_RELU_DEFAULTS};

fv_module *fv_nn_leaky_relu_ex(const fv_nn_leaky_relu_args *a)
{
    if (!fv_args_ok("nn_leaky_relu", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "LeakyReLU",
                                        .context_size = sizeof *a,
                                        .forward = leaky_relu_forward,
                                        .per_sample = 1,
                                        .describe = leaky_relu_describe};
    return fv_module_new(&type, a);
}

static fv_tensor *elu_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_elu_args *o = fv_module_context(self);
    return fv_elu(x, o->alpha);
}

static void elu_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_elu_args *o = fv_module_const_context(self);
    char a[FV_DIMS_TEXT];
    snprintf(text, room, "alpha=%s", fv_number_describe(o->alpha, a));
}

const fv_nn_elu_args fv_nn_elu_defaults = {FV_NN_ELU_DEFAULTS};

fv_module *fv_nn_elu_ex(const fv_nn_elu_args *a)
{
    if (!fv_args_ok("nn_elu", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "ELU",
                                        .context_size = sizeof *a,
                                        .forward = elu_forward,
                                        .per_sample = 1,
                                        .describe = elu_describe};
    return fv_module_new(&type, a);
}

static fv_tensor *softplus_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_softplus_args *o = fv_module_context(self);
    return fv_softplus(x, o->beta, o->threshold);
}

static void softplus_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_softplus_args *o = fv_module_const_context(self);
    fv_format(text, room, "beta=%g, threshold=%g", o->beta, o->threshold);
}

const fv_nn_softplus_args fv_nn_softplus_defaults = {FV_NN_SOFTPLUS_DEFAULTS};

fv_module *fv_nn_softplus_ex(const fv_nn_softplus_args *a)
{
    if (!fv_args_ok("nn_softplus", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Softplus",
                                        .context_size = sizeof *a,
                                        .forward = softplus_forward,
                                        .per_sample = 1,
                                        .describe = softplus_describe};
    return fv_module_new(&type, a);
}

static fv_tensor *hardtanh_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_hardtanh_args *o = fv_module_context(self);
    return fv_hardtanh(x, o->min_val, o->max_val);
}

static void hardtanh_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_hardtanh_args *o = fv_module_const_context(self);
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT];
    snprintf(text, room, "min_val=%s, max_val=%s", fv_number_describe(o->min_val, a),
             fv_number_describe(o->max_val, b));
}

const fv_nn_hardtanh_args fv_nn_hardtanh_defaults = {FV_NN_HARDTANH_DEFAULTS};

fv_module *fv_nn_hardtanh_ex(const fv_nn_hardtanh_args *a)
{
    if (!fv_args_ok("nn_hardtanh", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Hardtanh",
                                        .context_size = sizeof *a,
                                        .forward = hardtanh_forward,
                                        .per_sample = 1,
                                        .describe = hardtanh_describe};
    if (!(a->min_val < a->max_val)) {
        fv_fail(FV_ERR_OPTION, "nn_hardtanh: min_val %g must be below max_val %g", a->min_val,
                a->max_val);
        return NULL;
    }
    return fv_module_new(&type, a);
}

/* --- softmax ---------------------------------------------------------------------------- */

static fv_tensor *softmax_forward(fv_module *self, fv_tensor *x)
{
    return fv_softmax(x, *(const int64_t *)fv_module_context(self));
}

static fv_tensor *log_softmax_forward(fv_module *self, fv_tensor *x)
{
    return fv_log_softmax(x, *(const int64_t *)fv_module_context(self));
}

static void softmax_describe(const fv_module *self, char *text, size_t room)
{
    long long dim = *(const int64_t *)fv_module_const_context(self);
    snprintf(text, room, "dim=%lld", dim);
}

static fv_module *softmax_new(const fv_module_type *type, int64_t dim)
{
    fv_module *m = fv_module_new(type, &dim);
    if (dim < 1) fv_module_mixes_samples(m); /* of negative ones, the first may be meant */
    return m;
}

fv_module *fv_nn_softmax(int64_t dim)
{
    static const fv_module_type type = {.name = "Softmax",
                                        .context_size = sizeof dim,
                                        .forward = softmax_forward,
                                        .per_sample = 1,
                                        .describe = softmax_describe};
    return softmax_new(&type, dim);
}

fv_module *fv_nn_log_softmax(int64_t dim)
{
    static const fv_module_type type = {.name = "LogSoftmax",
                                        .context_size = sizeof dim,
                                        .forward = log_softmax_forward,
                                        .per_sample = 1,
                                        .describe = softmax_describe};
    return softmax_new(&type, dim);
}

/* --- dropout ---------------------------------------------------------------------------- */

static fv_tensor *dropout_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_dropout_args *o = fv_module_context(self);
    return fv_dropout(x, .p = o->p, .training = fv_is_training(self));
}

static fv_tensor *dropout2d_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_dropout_args *o = fv_module_context(self);
    return fv_dropout2d(x, .p = o->p, .training = fv_is_training(self));
}

static void dropout_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_dropout_args *o = fv_module_const_context(self);
    char a[FV_DIMS_TEXT];
    snprintf(text, room, "p=%s, inplace=False", fv_number_describe(o->p, a));
}

static fv_module *dropout_new(const char *name, const fv_module_type *type,
                              const fv_nn_dropout_args *a)
{
    if (!(a->p >= 0.0 && a->p <= 1.0)) {
        fv_fail(FV_ERR_OPTION, "%s: p is %g, must be in [0, 1]", name, a->p);
        return NULL;
    }
    return fv_module_new(type, a);
}

const fv_nn_dropout_args fv_nn_dropout_defaults = {FV_NN_DROPOUT_DEFAULTS};

fv_module *fv_nn_dropout_ex(const fv_nn_dropout_args *a)
{
    if (!fv_args_ok("nn_dropout", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Dropout",
                                        .context_size = sizeof *a,
                                        .forward = dropout_forward,
                                        .per_sample = 1,
                                        .describe = dropout_describe};
    return dropout_new("nn_dropout", &type, a);
}

fv_module *fv_nn_dropout2d_ex(const fv_nn_dropout_args *a)
{
    if (!fv_args_ok("nn_dropout2d", a, sizeof *a)) return NULL;
    static const fv_module_type type = {.name = "Dropout2d",
                                        .context_size = sizeof *a,
                                        .forward = dropout2d_forward,
                                        .per_sample = 1,
                                        .describe = dropout_describe};
    return dropout_new("nn_dropout2d", &type, a);
}
