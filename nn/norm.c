/* Normalisation layers. */
#include "nn/norm.h"

#include <math.h>
#include <stdio.h>

#include "autograd/autograd.h"
#include "autograd/ops/norm/norm.h"
#include "nn/fusion_impl.h"
#include "nn/layer_impl.h"
#include "nn/parallel/sync_norm_impl.h"
#include "tensor/create.h"

typedef struct norm_layer {
    fv_nn_batch_norm_args args;
    int n;     /* spatial dimensions */
    bool sync; /* statistics of all ranks */
} norm_layer;

static fv_status check_rank(const fv_module *self, const fv_tensor *x, int n)
{
    if (x->ndim == n + 2 || (n == 1 && x->ndim == 2)) return FV_OK;
    fv_shape shape = fv_shape_of(x);
    return fv_fail(FV_ERR_SHAPE, "%s: expected %s input, got %s", fv_module_name(self),
                   n == 1   ? "a 2-dim or 3-dim"
                   : n == 2 ? "a 4-dim"
                            : "a 5-dim",
                   fv_shape_text(&shape));
}

static fv_tensor *norm_ending(fv_module *self, fv_tensor *x, const fv_ending *ending)
{
    const norm_layer *layer = fv_module_context(self);
    if (check_rank(self, x, layer->n) != FV_OK) return fv_failed_tensor();
    bool training = fv_is_training(self), tracked = layer->args.track_running_stats;
    fv_tensor *batches = fv_module_tensor(self, "num_batches_tracked");
    bool counts = training && tracked && batches && !x->shapes_only && !batches->shapes_only;
    double momentum = layer->args.momentum;
    if (momentum == FV_CUMULATIVE) momentum = counts ? 1.0 / (fv_item(batches) + 1.0) : 0.0;
    fv_batch_norm_args args = {
        .size = sizeof args,
        .input = x,
        .running_mean = tracked ? fv_module_tensor(self, "running_mean") : NULL,
        .running_var = tracked ? fv_module_tensor(self, "running_var") : NULL,
        .weight = fv_module_tensor(self, "weight"),
        .bias = fv_module_tensor(self, "bias"),
        .training = training || !tracked,
        .momentum = momentum,
        .eps = layer->args.eps,
        .residual = ending->residual,
        .relu = ending->relu,
    };
    fv_tensor *y = layer->sync && training ? fv_sync_batch_norm(&args) : fv_batch_norm_ex(&args);
    if (counts && !fv_failed(y)) {
        ++*(int64_t *)batches->data;
        fv_bump_version(batches);
    }
    return y;
}

static fv_tensor *norm_forward(fv_module *self, fv_tensor *x)
{
    return norm_ending(self, x, &(fv_ending){.norm = NULL});
}

static const fv_fusion norm_fusion = {.takes = fv_takes_all, .forward = norm_ending};

/* --- in the store of a convolution ------------------------------------------------------------ */

static bool is_vector(const fv_tensor *t, int64_t channels, fv_dtype dtype)
{
    return t->ndim == 1 && t->numel == channels && t->dtype == dtype && fv_is_contiguous(t) &&
           t->shapes_only == fv_shapes_only_enabled();
}

/* A norm whose tensors do not fit reports that itself. */
bool fv_norm_folds(const fv_module *norm, int n, const fv_tensor *bias, int64_t channels,
                   fv_dtype dtype)
{
    static const char *const names[] = {"running_mean", "running_var", "weight", "bias"};
    if (norm->fusion != &norm_fusion || norm->training || fv_grad_enabled()) return false;
    const norm_layer *layer = norm->context;
    if (layer->n != n) return false;
    if (bias && !is_vector(bias, channels, dtype)) return false;
    for (int i = 0; i < 4; i++) {
        const fv_tensor *t = fv_module_tensor(norm, names[i]);
        if (t ? !is_vector(t, channels, dtype) : i < 2) return false; /* untracked: the batch's */
    }
    return true;
}

/* before = bias - mean, scale = weight / sqrt(var + eps); bias and weight may be missing. Every
 * call of the network does it for all channels, so these are loops that become vectors. */
#define FV_FOLD(T, root)                                                                           \
    static void fold_##T(const T *mean, const T *var, const T *weight, const T *bias, T eps,       \
                         int64_t channels, T *before, T *scale)                                    \
    {                                                                                              \
        for (int64_t c = 0; c < channels; c++) before[c] = -mean[c];                               \
        for (int64_t c = 0; bias && c < channels; c++) before[c] += bias[c];                       \
        for (int64_t c = 0; c < channels; c++) scale[c] = 1 / root(var[c] + eps);                  \
        for (int64_t c = 0; weight && c < channels; c++) scale[c] *= weight[c];                    \
    }
FV_FOLD(float, sqrtf)
FV_FOLD(double, sqrt)
#undef FV_FOLD

static const void *elements(const fv_tensor *t)
{
    return t ? t->data : NULL;
}

void fv_norm_fold(const fv_module *norm, const fv_tensor *bias, fv_tensor *out[3])
{
    const norm_layer *layer = norm->context;
    const fv_tensor *mean = fv_module_tensor(norm, "running_mean");
    const fv_tensor *var = fv_module_tensor(norm, "running_var");
    const fv_tensor *weight = fv_module_tensor(norm, "weight");
    out[0] = fv_empty_like(mean);
    out[1] = fv_empty_like(mean);
    out[2] = fv_module_tensor(norm, "bias");
    if (fv_failed(out[0]) || fv_failed(out[1]) || out[0]->shapes_only) return;
    if (mean->dtype == FV_FLOAT64)
        fold_double(mean->data, var->data, elements(weight), elements(bias), layer->args.eps,
                    mean->numel, out[0]->data, out[1]->data);
    else
        fold_float(mean->data, var->data, elements(weight), elements(bias), (float)layer->args.eps,
                   mean->numel, out[0]->data, out[1]->data);
}

/* --- the layer -------------------------------------------------------------------------------- */

static void norm_describe(const fv_module *self, char *text, size_t room)
{
    const norm_layer *layer = fv_module_const_context(self);
    const fv_nn_batch_norm_args *o = &layer->args;
    char a[FV_DIMS_TEXT], b[FV_DIMS_TEXT];
    snprintf(text, room, "%lld, eps=%s, momentum=%s, affine=%s, track_running_stats=%s%s",
             (long long)o->num_features, fv_number_describe(o->eps, a),
             o->momentum == FV_CUMULATIVE ? "None" : fv_number_describe(o->momentum, b),
             fv_bool_describe(o->affine), fv_bool_describe(o->track_running_stats),
             layer->sync ? ", sync=True" : "");
}

static fv_module *norm_new(const char *name, const fv_nn_batch_norm_args *a, int n)
{
    static const fv_module_type types[] = {
        {.name = NULL},
        {.name = "BatchNorm1d",
         .context_size = sizeof(norm_layer),
         .forward = norm_forward,
         .per_sample = 2,
         .describe = norm_describe},
        {.name = "BatchNorm2d",
         .context_size = sizeof(norm_layer),
         .forward = norm_forward,
         .per_sample = 2,
         .describe = norm_describe},
        {.name = "BatchNorm3d",
         .context_size = sizeof(norm_layer),
         .forward = norm_forward,
         .per_sample = 2,
         .describe = norm_describe},
    };
    if (a->num_features < 1 || !(a->eps >= 0.0) || !fv_dtype_is_floating(a->dtype)) {
        fv_fail(FV_ERR_OPTION, "%s: num_features %lld must be >= 1, eps %g >= 0, dtype %s floating",
                name, (long long)a->num_features, a->eps, fv_dtype_name(a->dtype));
        return NULL;
    }
    norm_layer layer = {.args = *a, .n = n};
    fv_shape shape = FV_SHAPE(a->num_features);
    fv_module *m = fv_module_new(&types[n], &layer);
    fv_module_fuses(m, &norm_fusion);
    if (!a->track_running_stats) fv_module_mixes_samples(m); /* the batch's */
    if (a->affine) {
        fv_layer_parameter(m, "weight", shape, a->dtype, -1.0, 1.0);
        fv_layer_parameter(m, "bias", shape, a->dtype, -1.0, 0.0);
    }
    if (a->track_running_stats) {
        fv_layer_buffer(m, "running_mean", shape, a->dtype, 0.0);
        fv_layer_buffer(m, "running_var", shape, a->dtype, 1.0);
        fv_layer_buffer(m, "num_batches_tracked", FV_SCALAR, FV_INT64, 0.0);
    }
    return fv_module_finish(m);
}

fv_status fv_convert_sync_batch_norm(fv_module *m)
{
    if (!m) return fv_fail(FV_ERR_OPTION, "convert_sync_batch_norm: the module is NULL");
    if (m->fusion == &norm_fusion) ((norm_layer *)m->context)->sync = true;
    for (int64_t i = 0; i < fv_child_count(m); i++) fv_convert_sync_batch_norm(fv_child_at(m, i));
    return FV_OK;
}

const fv_nn_batch_norm_args fv_nn_batch_norm_defaults = {FV_NN_BATCH_NORM_DEFAULTS};

fv_module *fv_nn_batch_norm1d_ex(const fv_nn_batch_norm_args *a)
{
    if (!fv_args_ok("nn_batch_norm1d", a, sizeof *a)) return NULL;
    return norm_new("nn_batch_norm1d", a, 1);
}

fv_module *fv_nn_batch_norm2d_ex(const fv_nn_batch_norm_args *a)
{
    if (!fv_args_ok("nn_batch_norm2d", a, sizeof *a)) return NULL;
    return norm_new("nn_batch_norm2d", a, 2);
}

fv_module *fv_nn_batch_norm3d_ex(const fv_nn_batch_norm_args *a)
{
    if (!fv_args_ok("nn_batch_norm3d", a, sizeof *a)) return NULL;
    return norm_new("nn_batch_norm3d", a, 3);
}
