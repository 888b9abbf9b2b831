/* Layers of max unpooling. */
#include <stdio.h>

#include "nn/layer_impl.h"
#include "nn/pool.h"

typedef struct unpool_layer {
    fv_nn_max_unpool_args args; /* with the stride that the op takes */
    int n;
} unpool_layer;

typedef fv_tensor *(*unpool_fn)(const fv_max_unpool_args *a);

static void unpool_forward(fv_module *self, fv_tensor *const *in, fv_tensor **out)
{
    static const unpool_fn by_dims[] = {NULL, fv_max_unpool1d_ex, fv_max_unpool2d_ex,
                                        fv_max_unpool3d_ex};
    const unpool_layer *layer = fv_module_context(self);
    const fv_max_unpool_args args = {.size = sizeof args,
                                     .input = in[0],
                                     .indices = in[1],
                                     .kernel_size = layer->args.kernel_size,
                                     .stride = layer->args.stride,
                                     .padding = layer->args.padding,
                                     .output_size = layer->args.output_size};
    out[0] = by_dims[layer->n](&args);
}

static void unpool_describe(const fv_module *self, char *text, size_t room)
{
    const unpool_layer *layer = fv_module_const_context(self);
    const fv_nn_max_unpool_args *o = &layer->args;
    const bool sized = o->output_size != FV_UNSET;
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT], c[FV_DIMS_TEXT], d[FV_DIMS_TEXT];
    snprintf(text, room, "kernel_size=%s, stride=%s, padding=%s%s%s",
             fv_dims_describe(o->kernel_size, layer->n, a),
             fv_dims_describe(o->stride, layer->n, b), fv_dims_describe(o->padding, layer->n, c),
             sized ? ", output_size=" : "",
             sized ? fv_dims_describe(o->output_size, layer->n, d) : "");
}

#define UNPOOL_TYPE(name_)                                                                         \
    {                                                                                              \
        .name = name_, .context_size = sizeof(unpool_layer), .forward_many = unpool_forward,       \
        .describe = unpool_describe, .input = {{"input", false}, {"indices", false}}, .output = {  \
            "output"                                                                               \
        }                                                                                          \
    }

static fv_module *unpool_new(const char *name, const fv_nn_max_unpool_args *a, int n)
{
    static const fv_module_type types[] = {
        {.name = NULL},
        UNPOOL_TYPE("MaxUnpool1d"),
        UNPOOL_TYPE("MaxUnpool2d"),
        UNPOOL_TYPE("MaxUnpool3d"),
    };
    int64_t values[FV_MAX_DIMS];
    if (!fv_args_ok(name, a, sizeof *a)) return NULL;
    unpool_layer layer = {*a, n};
    if (a->stride == FV_UNSET) layer.args.stride = a->kernel_size;
    fv_status status = fv_layer_dims(name, "kernel_size", a->kernel_size, n, 1, values);
    if (status == FV_OK) status = fv_layer_dims(name, "stride", layer.args.stride, n, 1, values);
    if (status == FV_OK) status = fv_layer_dims(name, "padding", a->padding, n, 0, values);
    if (status == FV_OK && a->output_size != FV_UNSET)
        status = fv_layer_dims(name, "output_size", a->output_size, n, 1, values);
    return status == FV_OK ? fv_module_new(&types[n], &layer) : NULL;
}

const fv_nn_max_unpool_args fv_nn_max_unpool_defaults = {FV_NN_MAX_UNPOOL_DEFAULTS};

fv_module *fv_nn_max_unpool1d_ex(const fv_nn_max_unpool_args *a)
{
    return unpool_new("nn_max_unpool1d", a, 1);
}

fv_module *fv_nn_max_unpool2d_ex(const fv_nn_max_unpool_args *a)
{
    return unpool_new("nn_max_unpool2d", a, 2);
}

fv_module *fv_nn_max_unpool3d_ex(const fv_nn_max_unpool_args *a)
{
    return unpool_new("nn_max_unpool3d", a, 3);
}
