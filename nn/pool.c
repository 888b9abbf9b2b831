/* Pooling layers. */
#include "nn/pool.h"

#include <stdio.h>

#include "nn/layer_impl.h"

/* The stride as the op will take it: the kernel when it is not given. */
static fv_dims stride_or_kernel(fv_dims stride, fv_dims kernel)
{
    return stride == FV_UNSET ? kernel : stride;
}

static fv_status check_window(const char *name, int n, fv_dims kernel, fv_dims stride,
                              fv_dims padding)
{
    int64_t values[FV_MAX_DIMS];
    fv_status status = fv_layer_dims(name, "kernel_size", kernel, n, 1, values);
    if (status == FV_OK)
        status = fv_layer_dims(name, "stride", stride_or_kernel(stride, kernel), n, 1, values);
    if (status == FV_OK) status = fv_layer_dims(name, "padding", padding, n, 0, values);
    return status;
}

/* --- maximum ---------------------------------------------------------------------------- */

typedef struct max_layer {
    fv_nn_max_pool_args args;
    int n;
} max_layer;

typedef fv_tensor *(*max_fn)(const fv_max_pool_args *a);

static fv_tensor *max_forward(fv_module *self, fv_tensor *x)
{
    static const max_fn by_dims[] = {NULL, fv_max_pool1d_ex, fv_max_pool2d_ex, fv_max_pool3d_ex};
    const max_layer *layer = fv_module_context(self);
    fv_max_pool_args args = {.size = sizeof args,
                             .input = x,
                             .kernel_size = layer->args.kernel_size,
                             .stride = layer->args.stride,
                             .padding = layer->args.padding,
                             .dilation = layer->args.dilation,
                             .ceil_mode = layer->args.ceil_mode};
    return by_dims[layer->n](&args);
}

static void max_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_max_pool_args *o = &((const max_layer *)fv_module_const_context(self))->args;
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT], c[FV_DIMS_TEXT], d[FV_DIMS_TEXT];
    snprintf(text, room, "kernel_size=%s, stride=%s, padding=%s, dilation=%s, ceil_mode=%s",
             fv_dims_describe(o->kernel_size, 0, a),
             fv_dims_describe(stride_or_kernel(o->stride, o->kernel_size), 0, b),
             fv_dims_describe(o->padding, 0, c), fv_dims_describe(o->dilation, 0, d),
             fv_bool_describe(o->ceil_mode));
}

static fv_module *max_new(const char *name, const fv_nn_max_pool_args *a, int n)
{
    static const fv_module_type types[] = {
        {.name = NULL},
        {.name = "MaxPool1d",
         .context_size = sizeof(max_layer),
         .forward = max_forward,
         .per_sample = 1,
         .describe = max_describe},
        {.name = "MaxPool2d",
         .context_size = sizeof(max_layer),
         .forward = max_forward,
         .per_sample = 1,
         .describe = max_describe},
        {.name = "MaxPool3d",
         .context_size = sizeof(max_layer),
         .forward = max_forward,
         .per_sample = 1,
         .describe = max_describe},
    };
    int64_t values[FV_MAX_DIMS];
    max_layer layer = {*a, n};
    if (check_window(name, n, a->kernel_size, a->stride, a->padding) != FV_OK) return NULL;
    if (fv_layer_dims(name, "dilation", a->dilation, n, 1, values) != FV_OK) return NULL;
    return fv_module_new(&types[n], &layer);
}

const fv_nn_max_pool_args fv_nn_max_pool_defaults = {FV_NN_MAX_POOL_DEFAULTS};

fv_module *fv_nn_max_pool1d_ex(const fv_nn_max_pool_args *a)
{
    if (!fv_args_ok("nn_max_pool1d", a, sizeof *a)) return NULL;
    return max_new("nn_max_pool1d", a, 1);
}

fv_module *fv_nn_max_pool2d_ex(const fv_nn_max_pool_args *a)
{
    if (!fv_args_ok("nn_max_pool2d", a, sizeof *a)) return NULL;
    return max_new("nn_max_pool2d", a, 2);
}

fv_module *fv_nn_max_pool3d_ex(const fv_nn_max_pool_args *a)
{
    if (!fv_args_ok("nn_max_pool3d", a, sizeof *a)) return NULL;
    return max_new("nn_max_pool3d", a, 3);
}

/* --- average ---------------------------------------------------------------------------- */

typedef struct avg_layer {
    fv_nn_avg_pool_args args;
    int n;
} avg_layer;

typedef fv_tensor *(*avg_fn)(const fv_avg_pool_args *a);

static fv_tensor *avg_forward(fv_module *self, fv_tensor *x)
{
    static const avg_fn by_dims[] = {NULL, fv_avg_pool1d_ex, fv_avg_pool2d_ex, fv_avg_pool3d_ex};
    const avg_layer *layer = fv_module_context(self);
    fv_avg_pool_args args = {.size = sizeof args,
                             .input = x,
                             .kernel_size = layer->args.kernel_size,
                             .stride = layer->args.stride,
                             .padding = layer->args.padding,
                             .ceil_mode = layer->args.ceil_mode,
                             .count_include_pad = layer->args.count_include_pad,
                             .divisor_override = layer->args.divisor_override};
    return by_dims[layer->n](&args);
}

static void avg_describe(const fv_module *self, char *text, size_t room)
{
    const avg_layer *layer = fv_module_const_context(self);
    const fv_nn_avg_pool_args *o = &layer->args;
    int n = layer->n == 1 ? 1 : 0; /* PyTorch prints the one number of AvgPool1d as a tuple */
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT], c[FV_DIMS_TEXT];
    snprintf(text, room, "kernel_size=%s, stride=%s, padding=%s",
             fv_dims_describe(o->kernel_size, n, a),
             fv_dims_describe(stride_or_kernel(o->stride, o->kernel_size), n, b),
             fv_dims_describe(o->padding, n, c));
}

static fv_module *avg_new(const char *name, const fv_nn_avg_pool_args *a, int n)
{
    static const fv_module_type types[] = {
        {.name = NULL},
        {.name = "AvgPool1d",
         .context_size = sizeof(avg_layer),
         .forward = avg_forward,
         .per_sample = 1,
         .describe = avg_describe},
        {.name = "AvgPool2d",
         .context_size = sizeof(avg_layer),
         .forward = avg_forward,
         .per_sample = 1,
         .describe = avg_describe},
        {.name = "AvgPool3d",
         .context_size = sizeof(avg_layer),
         .forward = avg_forward,
         .per_sample = 1,
         .describe = avg_describe},
    };
    avg_layer layer = {*a, n};
    if (check_window(name, n, a->kernel_size, a->stride, a->padding) != FV_OK) return NULL;
    if (a->divisor_override == 0) {
        fv_fail(FV_ERR_OPTION, "%s: divisor_override is 0", name);
        return NULL;
    }
    return fv_module_new(&types[n], &layer);
}

const fv_nn_avg_pool_args fv_nn_avg_pool_defaults = {FV_NN_AVG_POOL_DEFAULTS};

fv_module *fv_nn_avg_pool1d_ex(const fv_nn_avg_pool_args *a)
{
    if (!fv_args_ok("nn_avg_pool1d", a, sizeof *a)) return NULL;
    return avg_new("nn_avg_pool1d", a, 1);
}

fv_module *fv_nn_avg_pool2d_ex(const fv_nn_avg_pool_args *a)
{
    if (!fv_args_ok("nn_avg_pool2d", a, sizeof *a)) return NULL;
    return avg_new("nn_avg_pool2d", a, 2);
}

fv_module *fv_nn_avg_pool3d_ex(const fv_nn_avg_pool_args *a)
{
    if (!fv_args_ok("nn_avg_pool3d", a, sizeof *a)) return NULL;
    return avg_new("nn_avg_pool3d", a, 3);
}

/* --- adaptive --------------------------------------------------------------------------- */

typedef struct adaptive_layer {
    fv_dims output_size;
    int n;
    bool maximum;
} adaptive_layer;

static fv_tensor *adaptive_forward(fv_module *self, fv_tensor *x)
{
    const adaptive_layer *layer = fv_module_context(self);
    fv_adaptive_max_pool_args args = {
        .size = sizeof args, .input = x, .output_size = layer->output_size};
    if (layer->maximum)
        return layer->n == 1   ? fv_adaptive_max_pool1d_ex(&args)
               : layer->n == 2 ? fv_adaptive_max_pool2d_ex(&args)
                               : fv_adaptive_max_pool3d_ex(&args);
    return layer->n == 1   ? fv_adaptive_avg_pool1d(x, layer->output_size)
           : layer->n == 2 ? fv_adaptive_avg_pool2d(x, layer->output_size)
                           : fv_adaptive_avg_pool3d(x, layer->output_size);
}

static void adaptive_describe(const fv_module *self, char *text, size_t room)
{
    const adaptive_layer *layer = fv_module_const_context(self);
    char a[FV_DIMS_TEXT];
    snprintf(text, room, "output_size=%s", fv_dims_describe(layer->output_size, 0, a));
}

static fv_module *adaptive_new(const char *name, fv_dims output_size, int n, bool maximum)
{
    enum { size = sizeof(adaptive_layer) };
    static const fv_module_type types[2][4] = {{{.name = NULL},
                                                {.name = "AdaptiveAvgPool1d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe},
                                                {.name = "AdaptiveAvgPool2d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe},
                                                {.name = "AdaptiveAvgPool3d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe}},
                                               {{.name = NULL},
                                                {.name = "AdaptiveMaxPool1d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe},
                                                {.name = "AdaptiveMaxPool2d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe},
                                                {.name = "AdaptiveMaxPool3d",
                                                 .context_size = size,
                                                 .forward = adaptive_forward,
                                                 .per_sample = 1,
                                                 .describe = adaptive_describe}}};
    int64_t values[FV_MAX_DIMS];
    adaptive_layer layer = {output_size, n, maximum};
    if (fv_layer_dims(name, "output_size", output_size, n, 1, values) != FV_OK) return NULL;
    return fv_module_new(&types[maximum][n], &layer);
}

fv_module *fv_nn_adaptive_avg_pool1d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_avg_pool1d", output_size, 1, false);
}

fv_module *fv_nn_adaptive_avg_pool2d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_avg_pool2d", output_size, 2, false);
}

fv_module *fv_nn_adaptive_avg_pool3d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_avg_pool3d", output_size, 3, false);
}

fv_module *fv_nn_adaptive_max_pool1d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_max_pool1d", output_size, 1, true);
}

fv_module *fv_nn_adaptive_max_pool2d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_max_pool2d", output_size, 2, true);
}

fv_module *fv_nn_adaptive_max_pool3d(fv_dims output_size)
{
    return adaptive_new("nn_adaptive_max_pool3d", output_size, 3, true);
}
