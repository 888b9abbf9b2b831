/* Convolution layers. */
#include "nn/conv.h"

#include <math.h>
#include <stdio.h>

#include "nn/fusion_impl.h"
#include "nn/layer_impl.h"

/* Options of a convolution layer after the checks; forward reads them. */
typedef struct conv_layer {
    fv_nn_conv_args args;
    fv_dims output_padding; /* transposed only */
    int n;                  /* spatial dimensions */
    bool pads_first;        /* another padding mode than zeros */
    fv_shape pad;           /* then: for fv_pad, last dimension first */
} conv_layer;

typedef fv_tensor *(*conv_fn)(const fv_conv_args *a);
typedef fv_tensor *(*conv_transpose_fn)(const fv_conv_transpose_args *a);

/* Bias, scale and shift of the convolution with the norm that it ends in. */
static void fold(const fv_module *self, const fv_ending *ending, fv_tensor *out[3])
{
    out[0] = fv_module_tensor(self, "bias");
    out[1] = out[2] = NULL;
    if (ending->norm) fv_norm_fold(ending->norm, out[0], out);
}

static fv_tensor *conv_ending(fv_module *self, fv_tensor *x, const fv_ending *ending)
{
    static const conv_fn by_dims[] = {NULL, fv_conv1d_ex, fv_conv2d_ex, fv_conv3d_ex};
    const conv_layer *layer = fv_module_context(self);
    const fv_nn_conv_args *o = &layer->args;
    fv_tensor *folded[3];
    fold(self, ending, folded);
    if (layer->pads_first) x = fv_pad(x, .shape = layer->pad, .mode = o->padding_mode);
    fv_conv_args args = {
        .size = sizeof args,
        .input = x,
        .weight = fv_module_tensor(self, "weight"),
        .bias = folded[0],
        .stride = o->stride,
        .padding = layer->pads_first ? 0 : o->padding,
        .dilation = o->dilation,
        .groups = o->groups,
        .scale = folded[1],
        .shift = folded[2],
        .residual = ending->residual,
        .relu = ending->relu,
    };
    return by_dims[layer->n](&args);
}

static fv_tensor *conv_transpose_ending(fv_module *self, fv_tensor *x, const fv_ending *ending)
{
    static const conv_transpose_fn by_dims[] = {NULL, fv_conv_transpose1d_ex,
                                                fv_conv_transpose2d_ex, fv_conv_transpose3d_ex};
    const conv_layer *layer = fv_module_context(self);
    fv_tensor *folded[3];
    fold(self, ending, folded);
    fv_conv_transpose_args args = {
        .size = sizeof args,
        .input = x,
        .weight = fv_module_tensor(self, "weight"),
        .bias = folded[0],
        .stride = layer->args.stride,
        .padding = layer->args.padding,
        .output_padding = layer->output_padding,
        .groups = layer->args.groups,
        .dilation = layer->args.dilation,
        .scale = folded[1],
        .shift = folded[2],
        .residual = ending->residual,
        .relu = ending->relu,
    };
    return by_dims[layer->n](&args);
}

static fv_tensor *conv_forward(fv_module *self, fv_tensor *x)
{
    return conv_ending(self, x, &(fv_ending){.norm = NULL});
}

static fv_tensor *conv_transpose_forward(fv_module *self, fv_tensor *x)
{
    return conv_transpose_ending(self, x, &(fv_ending){.norm = NULL});
}

static bool conv_takes_norm(const fv_module *self, const fv_module *norm, const fv_tensor *x)
{
    const conv_layer *layer = fv_module_const_context(self);
    const bool batched = x->ndim == layer->n + 2; /* what a norm takes */
    return batched && fv_norm_folds(norm, layer->n, fv_module_tensor(self, "bias"),
                                    layer->args.out_channels, x->dtype);
}

static const fv_fusion conv_fusion = {
    .takes = fv_takes_all, .takes_norm = conv_takes_norm, .forward = conv_ending};
static const fv_fusion conv_transpose_fusion = {
    .takes = fv_takes_all, .takes_norm = conv_takes_norm, .forward = conv_transpose_ending};

/* PyTorch leaves out what has its default. */
static void conv_describe(const fv_module *self, char *text, size_t room)
{
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
    const conv_layer *layer = fv_module_const_context(self);
    const fv_nn_conv_args *o = &layer->args;
    int n = layer->n;
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT], one[FV_DIMS_TEXT], zero[FV_DIMS_TEXT];
    fv_dims_describe(1, n, one);
    fv_dims_describe(0, n, zero);
    const struct {
        const char *name;
        fv_dims value;
        fv_dims silent;
    } options[] = {{"padding", o->padding, 0},
                   {"dilation", o->dilation, 1},
                   {"output_padding", layer->output_padding, 0}};
    size_t used =
        (size_t)snprintf(text, room, "%lld, %lld, kernel_size=%s, stride=%s",
                         (long long)o->in_channels, (long long)o->out_channels,
                         fv_dims_describe(o->kernel_size, n, a), fv_dims_describe(o->stride, n, b));
    for (int i = 0; i < 3 && used < room; i++) {
        const char *value = fv_dims_describe(options[i].value, n, a);
        int64_t numbers[FV_MAX_DIMS];
        bool silent = fv_dims_spread(options[i].value, n, numbers);
        for (int d = 0; d < n && silent; d++) silent = numbers[d] == options[i].silent;
        if (!silent)
            used += (size_t)snprintf(text + used, room - used, ", %s=%s", options[i].name, value);
    }
    if (o->groups != 1 && used < room)
        used += (size_t)snprintf(text + used, room - used, ", groups=%lld", (long long)o->groups);
    if (!o->bias && used < room) used += (size_t)snprintf(text + used, room - used, ", bias=False");
    if (layer->pads_first && used < room)
        snprintf(text + used, room - used, ", padding_mode=%s",
                 modes[o->padding_mode - FV_PAD_CONSTANT]);
}

#define FV_CONV_TYPE(name_, forward_, dims_)                                                       \
    {                                                                                              \
        .name = name_, .context_size = sizeof(conv_layer), .forward = forward_,                    \
        .describe = conv_describe, .per_sample = 2 + (dims_)                                       \
    }
static const fv_module_type conv_types[] = {
    {.name = NULL},
    FV_CONV_TYPE("Conv1d", conv_forward, 1),
    FV_CONV_TYPE("Conv2d", conv_forward, 2),
    FV_CONV_TYPE("Conv3d", conv_forward, 3),
};
static const fv_module_type conv_transpose_types[] = {
    {.name = NULL},
    FV_CONV_TYPE("ConvTranspose1d", conv_transpose_forward, 1),
    FV_CONV_TYPE("ConvTranspose2d", conv_transpose_forward, 2),
    FV_CONV_TYPE("ConvTranspose3d", conv_transpose_forward, 3),
};

/* --- checks ----------------------------------------------------------------------------- */

static bool is_named_padding(fv_dims padding)
{
    return padding == FV_SAME || padding == FV_VALID || padding == FV_FULL;
}

static fv_status check_common(const char *name, const fv_nn_conv_args *o, int n, int64_t *kernel)
{
    int64_t values[FV_MAX_DIMS];
    if (o->groups < 1)
        return fv_fail(FV_ERR_OPTION, "%s: groups is %lld, must be >= 1", name,
                       (long long)o->groups);
    if (o->in_channels < 1 || o->in_channels % o->groups != 0)
        return fv_fail(FV_ERR_OPTION,
                       "%s: in_channels %lld must be >= 1 and divisible by groups %lld", name,
                       (long long)o->in_channels, (long long)o->groups);
    if (o->out_channels < 1 || o->out_channels % o->groups != 0)
        return fv_fail(FV_ERR_OPTION,
                       "%s: out_channels %lld must be >= 1 and divisible by groups %lld", name,
                       (long long)o->out_channels, (long long)o->groups);
    if (!fv_dtype_is_floating(o->dtype))
        return fv_fail(FV_ERR_DTYPE, "%s: dtype must be float32 or float64", name);
    fv_status status = fv_layer_dims(name, "kernel_size", o->kernel_size, n, 1, kernel);
    if (status == FV_OK) status = fv_layer_dims(name, "stride", o->stride, n, 1, values);
    if (status == FV_OK && o->padding == FV_SAME)
        for (int d = 0; d < n; d++)
            if (values[d] != 1)
                return fv_fail(FV_ERR_OPTION, "%s: padding FV_SAME needs stride 1; it is %lld",
                               name, (long long)values[d]);
    if (status == FV_OK) status = fv_layer_dims(name, "dilation", o->dilation, n, 1, values);
    if (status == FV_OK && !is_named_padding(o->padding))
        status = fv_layer_dims(name, "padding", o->padding, n, 0, values);
    return status;
}

/* Padding in elements for fv_pad, last dimension first. The checks above have passed. */
static fv_status resolve_padding(const char *name, conv_layer *layer, const int64_t *kernel)
{
    const fv_nn_conv_args *o = &layer->args;
    int64_t dilation[FV_MAX_DIMS], padding[FV_MAX_DIMS] = {0};
    fv_dims_spread(o->dilation, layer->n, dilation);
    if (!is_named_padding(o->padding)) fv_dims_spread(o->padding, layer->n, padding);
    layer->pad.ndim = 2 * layer->n;
    for (int d = 0; d < layer->n; d++) {
        int64_t before = padding[d], after = padding[d], total;
        if (__builtin_mul_overflow(dilation[d], kernel[d] - 1, &total) || total > INT64_MAX / 4)
            return fv_fail(FV_ERR_OPTION, "%s: dilation %lld times kernel_size %lld is too large",
                           name, (long long)dilation[d], (long long)kernel[d]);
        if (o->padding == FV_FULL) before = after = total;
        if (o->padding == FV_SAME) {
            before = total / 2;
            after = total - before;
        }
        layer->pad.dim[2 * (layer->n - 1 - d)] = before;
        layer->pad.dim[2 * (layer->n - 1 - d) + 1] = after;
    }
    return FV_OK;
}

/* --- construction ----------------------------------------------------------------------- */

/* weight [first, second, kernel..] and bias [out]; fan_in = second * product(kernel) in both kinds
 * of layers. */
static fv_module *new_layer(const fv_module_type *type, const conv_layer *layer, int64_t first,
                            int64_t second, const int64_t *kernel)
{
    const fv_nn_conv_args *o = &layer->args;
    fv_shape shape = {.ndim = 2 + layer->n, .dim = {first, second}};
    double fan_in = (double)second;
    for (int d = 0; d < layer->n; d++) {
        shape.dim[2 + d] = kernel[d];
        fan_in *= (double)kernel[d];
    }
    fv_module *m = fv_module_new(type, layer);
    fv_module_fuses(m, type->forward == conv_forward ? &conv_fusion : &conv_transpose_fusion);
    fv_layer_parameter(m, "weight", shape, o->dtype, 1.0 / sqrt(fan_in), 0.0);
    if (o->bias)
        fv_layer_parameter(m, "bias", FV_SHAPE(o->out_channels), o->dtype, 1.0 / sqrt(fan_in), 0.0);
    return fv_module_finish(m);
}

static fv_module *conv_new(const char *name, const fv_nn_conv_args *a, int n)
{
    int64_t kernel[FV_MAX_DIMS];
    conv_layer layer = {.args = *a, .n = n, .pads_first = a->padding_mode != FV_PAD_CONSTANT};
    if (!fv_constant_ok(name, "padding_mode", a->padding_mode, FV_PAD_MODE_FIRST)) return NULL;
    if (check_common(name, a, n, kernel) != FV_OK) return NULL;
    if (layer.pads_first && resolve_padding(name, &layer, kernel) != FV_OK) return NULL;
    return new_layer(&conv_types[n], &layer, a->out_channels, a->in_channels / a->groups, kernel);
}

const fv_nn_conv_args fv_nn_conv_defaults = {FV_NN_CONV_DEFAULTS};

fv_module *fv_nn_conv1d_ex(const fv_nn_conv_args *a)
{
    if (!fv_args_ok("nn_conv1d", a, sizeof *a)) return NULL;
    return conv_new("nn_conv1d", a, 1);
}

fv_module *fv_nn_conv2d_ex(const fv_nn_conv_args *a)
{
    if (!fv_args_ok("nn_conv2d", a, sizeof *a)) return NULL;
    return conv_new("nn_conv2d", a, 2);
}

fv_module *fv_nn_conv3d_ex(const fv_nn_conv_args *a)
{
    if (!fv_args_ok("nn_conv3d", a, sizeof *a)) return NULL;
    return conv_new("nn_conv3d", a, 3);
}

static fv_module *conv_transpose_new(const char *name, const fv_nn_conv_transpose_args *a, int n)
{
    int64_t kernel[FV_MAX_DIMS], extra[FV_MAX_DIMS], stride[FV_MAX_DIMS], dilation[FV_MAX_DIMS];
    conv_layer layer = {.args = {.in_channels = a->in_channels,
                                 .out_channels = a->out_channels,
                                 .kernel_size = a->kernel_size,
                                 .stride = a->stride,
                                 .padding = a->padding,
                                 .dilation = a->dilation,
                                 .groups = a->groups,
                                 .bias = a->bias,
                                 .dtype = a->dtype},
                        .output_padding = a->output_padding,
                        .n = n};
    if (is_named_padding(a->padding)) {
        fv_fail(FV_ERR_OPTION, "%s: padding must be a number", name);
        return NULL;
    }
    if (check_common(name, &layer.args, n, kernel) != FV_OK) return NULL;
    if (fv_layer_dims(name, "output_padding", a->output_padding, n, 0, extra) != FV_OK) return NULL;
    fv_dims_spread(a->stride, n, stride);
    fv_dims_spread(a->dilation, n, dilation);
    for (int d = 0; d < n; d++) {
        if (extra[d] < stride[d] || extra[d] < dilation[d]) continue;
        fv_fail(FV_ERR_OPTION, "%s: output_padding %lld must be below stride %lld or dilation %lld",
                name, (long long)extra[d], (long long)stride[d], (long long)dilation[d]);
        return NULL;
    }
    return new_layer(&conv_transpose_types[n], &layer, a->in_channels, a->out_channels / a->groups,
                     kernel);
}

const fv_nn_conv_transpose_args fv_nn_conv_transpose_defaults = {FV_NN_CONV_TRANSPOSE_DEFAULTS};

fv_module *fv_nn_conv_transpose1d_ex(const fv_nn_conv_transpose_args *a)
{
    if (!fv_args_ok("nn_conv_transpose1d", a, sizeof *a)) return NULL;
    return conv_transpose_new("nn_conv_transpose1d", a, 1);
}

fv_module *fv_nn_conv_transpose2d_ex(const fv_nn_conv_transpose_args *a)
{
    if (!fv_args_ok("nn_conv_transpose2d", a, sizeof *a)) return NULL;
    return conv_transpose_new("nn_conv_transpose2d", a, 2);
}

fv_module *fv_nn_conv_transpose3d_ex(const fv_nn_conv_transpose_args *a)
{
    if (!fv_args_ok("nn_conv_transpose3d", a, sizeof *a)) return NULL;
    return conv_transpose_new("nn_conv_transpose3d", a, 3);
}
