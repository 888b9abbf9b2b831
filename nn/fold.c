/* Layers of unfold and fold. */
#include "nn/fold.h"

#include <stdio.h>

#include "nn/layer_impl.h"

/* The options of the windows, which both have. */
static fv_status check_windows(const char *name, const fv_nn_unfold_args *a)
{
    int64_t values[FV_MAX_DIMS];
    fv_status status = fv_layer_dims(name, "kernel_size", a->kernel_size, 2, 1, values);
    if (status == FV_OK) status = fv_layer_dims(name, "dilation", a->dilation, 2, 1, values);
    if (status == FV_OK) status = fv_layer_dims(name, "padding", a->padding, 2, 0, values);
    if (status == FV_OK) status = fv_layer_dims(name, "stride", a->stride, 2, 1, values);
    return status;
}

static void describe_windows(const fv_nn_unfold_args *o, char *text, size_t room)
{
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT], c[FV_DIMS_TEXT], d[FV_DIMS_TEXT];
    snprintf(text, room, "kernel_size=%s, dilation=%s, padding=%s, stride=%s",
             fv_dims_describe(o->kernel_size, 0, a), fv_dims_describe(o->dilation, 0, b),
             fv_dims_describe(o->padding, 0, c), fv_dims_describe(o->stride, 0, d));
}

/* --- unfold ----------------------------------------------------------------------------------- */

static fv_tensor *unfold_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_unfold_args *o = fv_module_context(self);
    return fv_unfold(x, o->kernel_size, o->dilation, o->padding, o->stride);
}

static void unfold_describe(const fv_module *self, char *text, size_t room)
{
    describe_windows(fv_module_const_context(self), text, room);
}

const fv_nn_unfold_args fv_nn_unfold_defaults = {FV_NN_UNFOLD_DEFAULTS};

fv_module *fv_nn_unfold_ex(const fv_nn_unfold_args *a)
{
    static const fv_module_type type = {.name = "Unfold",
                                        .context_size = sizeof(fv_nn_unfold_args),
                                        .forward = unfold_forward,
                                        .describe = unfold_describe};
    if (!fv_args_ok("nn_unfold", a, sizeof *a)) return NULL;
    return check_windows("nn_unfold", a) == FV_OK ? fv_module_new(&type, a) : NULL;
}

/* --- fold ------------------------------------------------------------------------------------- */

static fv_nn_unfold_args windows_of(const fv_nn_fold_args *a)
{
    return (fv_nn_unfold_args){.kernel_size = a->kernel_size,
                               .dilation = a->dilation,
                               .padding = a->padding,
                               .stride = a->stride};
}

static fv_tensor *fold_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_fold_args *o = fv_module_context(self);
    return fv_fold(x, o->output_size, o->kernel_size, o->dilation, o->padding, o->stride);
}

static void fold_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_fold_args *o = fv_module_const_context(self);
    const fv_nn_unfold_args windows = windows_of(o);
    char a[FV_DIMS_TEXT];
    const int used =
        snprintf(text, room, "output_size=%s, ", fv_dims_describe(o->output_size, 0, a));
    if ((size_t)used < room) describe_windows(&windows, text + used, room - (size_t)used);
}

const fv_nn_fold_args fv_nn_fold_defaults = {FV_NN_FOLD_DEFAULTS};

fv_module *fv_nn_fold_ex(const fv_nn_fold_args *a)
{
    static const fv_module_type type = {.name = "Fold",
                                        .context_size = sizeof(fv_nn_fold_args),
                                        .forward = fold_forward,
                                        .describe = fold_describe};
    int64_t values[FV_MAX_DIMS];
    if (!fv_args_ok("nn_fold", a, sizeof *a)) return NULL;
    const fv_nn_unfold_args windows = windows_of(a);
    fv_status status = fv_layer_dims("nn_fold", "output_size", a->output_size, 2, 1, values);
    if (status == FV_OK) status = check_windows("nn_fold", &windows);
    return status == FV_OK ? fv_module_new(&type, a) : NULL;
}
