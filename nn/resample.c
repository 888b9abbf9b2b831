/* Layers that resize maps. */
#include "nn/resample.h"

#include <stdio.h>

#include "nn/layer_impl.h"

/* --- interpolation ---------------------------------------------------------------------------- */

enum { SCALES = 3 };

static fv_tensor *upsample_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_upsample_args *o = fv_module_context(self);
    fv_interpolate_args args = fv_interpolate_defaults;
    args.input = x;
    args.output_size = o->output_size;
    args.scale_factor = o->scale_factor;
    args.mode = o->mode;
    args.align_corners = o->align_corners;
    args.recompute_scale_factor = o->recompute_scale_factor;
    for (int i = 0; i < SCALES; i++) args.scale_factors[i] = o->scale_factors[i];
    return fv_interpolate_ex(&args);
}

/* "2.0" or "(2.0, 1.5)". */
static const char *describe_scales(const fv_nn_upsample_args *o, char text[FV_DIMS_TEXT])
{
    char number[FV_DIMS_TEXT];
    int used = 0;
    if (!fv_is_unset(o->scale_factor)) return fv_number_describe(o->scale_factor, text);
    for (int i = 0; i < SCALES && o->scale_factors[i] != 0 && used < FV_DIMS_TEXT; i++)
        used += snprintf(text + used, FV_DIMS_TEXT - (size_t)used, "%s%s", i ? ", " : "(",
                         fv_number_describe(o->scale_factors[i], number));
    if (used < FV_DIMS_TEXT)
        snprintf(text + used, FV_DIMS_TEXT - (size_t)used, o->scale_factors[1] != 0 ? ")" : ",)");
    return text;
}

static void upsample_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_upsample_args *o = fv_module_const_context(self);
    const char *mode = fv_interpolation_names[(int64_t)o->mode - FV_INTERPOLATION_FIRST];
    char a[FV_DIMS_TEXT];
    if (o->output_size != FV_UNSET)
        snprintf(text, room, "size=%s, mode=%s", fv_dims_describe(o->output_size, 0, a), mode);
    else
        snprintf(text, room, "scale_factor=%s, mode=%s", describe_scales(o, a), mode);
}

/* One of the two ways to say a size, with numbers that make one. */
static fv_status check_sizes(const char *name, const fv_nn_upsample_args *a)
{
    const bool sized = a->output_size != FV_UNSET, one = !fv_is_unset(a->scale_factor);
    bool each = false, positive = !one || a->scale_factor > 0;
    int64_t values[FV_MAX_DIMS];
    for (int i = 0; i < SCALES; i++) {
        each = each || a->scale_factors[i] != 0;
        positive = positive && a->scale_factors[i] >= 0;
    }
    if (sized + one + each != 1)
        return fv_fail(FV_ERR_OPTION, "%s: one of output_size and scale_factor must be given",
                       name);
    if (!positive) return fv_fail(FV_ERR_OPTION, "%s: scale_factor must be positive", name);
    if (!sized) return FV_OK;
    const int count = fv_dims_unpack(a->output_size, values);
    return fv_layer_dims(name, "output_size", a->output_size, count > 0 ? count : 1, 1, values);
}

static fv_status check_upsample(const char *name, const fv_nn_upsample_args *a)
{
    const bool pixels = a->mode == FV_NEAREST || a->mode == FV_NEAREST_EXACT || a->mode == FV_AREA;
    if (!fv_constant_ok(name, "mode", (int64_t)a->mode, FV_INTERPOLATION_FIRST))
        return FV_ERR_OPTION;
    if (a->align_corners && pixels)
        return fv_fail(FV_ERR_OPTION, "%s: align_corners has no meaning in mode %s", name,
                       fv_interpolation_names[(int64_t)a->mode - FV_INTERPOLATION_FIRST]);
    if (a->recompute_scale_factor && a->output_size != FV_UNSET)
        return fv_fail(FV_ERR_OPTION,
                       "%s: recompute_scale_factor has no meaning beside an output_size", name);
    return check_sizes(name, a);
}

#define UPSAMPLE_TYPE(name_)                                                                       \
    {                                                                                              \
        .name = name_, .context_size = sizeof(fv_nn_upsample_args), .forward = upsample_forward,   \
        .describe = upsample_describe, .per_sample = 3                                             \
    }

static fv_module *upsample_new(const fv_module_type *type, const char *name,
                               const fv_nn_upsample_args *a)
{
    return check_upsample(name, a) == FV_OK ? fv_module_new(type, a) : NULL;
}

const fv_nn_upsample_args fv_nn_upsample_defaults = {FV_NN_UPSAMPLE_DEFAULTS};

fv_module *fv_nn_upsample_ex(const fv_nn_upsample_args *a)
{
    static const fv_module_type type = UPSAMPLE_TYPE("Upsample");
    if (!fv_args_ok("nn_upsample", a, sizeof *a)) return NULL;
    return upsample_new(&type, "nn_upsample", a);
}

const fv_nn_upsampling_args fv_nn_upsampling_defaults = {FV_NN_UPSAMPLING_DEFAULTS};

static fv_module *upsampling_new(const fv_module_type *type, const char *name,
                                 const fv_nn_upsampling_args *a, fv_interpolation mode)
{
    if (!fv_args_ok(name, a, sizeof *a)) return NULL;
    fv_nn_upsample_args whole = fv_nn_upsample_defaults;
    whole.output_size = a->output_size;
    whole.scale_factor = a->scale_factor;
    whole.mode = mode;
    whole.align_corners = mode == FV_BILINEAR;
    return upsample_new(type, name, &whole);
}

fv_module *fv_nn_upsampling_nearest2d_ex(const fv_nn_upsampling_args *a)
{
    static const fv_module_type type = UPSAMPLE_TYPE("UpsamplingNearest2d");
    return upsampling_new(&type, "nn_upsampling_nearest2d", a, FV_NEAREST);
}

fv_module *fv_nn_upsampling_bilinear2d_ex(const fv_nn_upsampling_args *a)
{
    static const fv_module_type type = UPSAMPLE_TYPE("UpsamplingBilinear2d");
    return upsampling_new(&type, "nn_upsampling_bilinear2d", a, FV_BILINEAR);
}

/* --- pixels and channels ---------------------------------------------------------------------- */

typedef struct shuffle_layer {
    fv_tensor *(*function)(fv_tensor *x, int64_t number);
    const char *option; /* as it is printed */
    int64_t number;
} shuffle_layer;

static fv_tensor *shuffle_forward(fv_module *self, fv_tensor *x)
{
    const shuffle_layer *layer = fv_module_context(self);
    return layer->function(x, layer->number);
}

static void shuffle_describe(const fv_module *self, char *text, size_t room)
{
    const shuffle_layer *layer = fv_module_const_context(self);
    snprintf(text, room, "%s=%lld", layer->option, (long long)layer->number);
}

#define SHUFFLE_TYPE(name_)                                                                        \
    {                                                                                              \
        .name = name_, .context_size = sizeof(shuffle_layer), .forward = shuffle_forward,          \
        .describe = shuffle_describe                                                               \
    }

static fv_module *shuffle_new(const fv_module_type *type, const char *name, shuffle_layer layer)
{
    int64_t value;
    if (fv_layer_dims(name, layer.option, layer.number, 1, 1, &value) != FV_OK) return NULL;
    return fv_module_new(type, &layer);
}

fv_module *fv_nn_pixel_shuffle(int64_t upscale_factor)
{
    static const fv_module_type type = SHUFFLE_TYPE("PixelShuffle");
    return shuffle_new(&type, "nn_pixel_shuffle",
                       (shuffle_layer){fv_pixel_shuffle, "upscale_factor", upscale_factor});
}

fv_module *fv_nn_pixel_unshuffle(int64_t downscale_factor)
{
    static const fv_module_type type = SHUFFLE_TYPE("PixelUnshuffle");
    return shuffle_new(&type, "nn_pixel_unshuffle",
                       (shuffle_layer){fv_pixel_unshuffle, "downscale_factor", downscale_factor});
}

fv_module *fv_nn_channel_shuffle(int64_t groups)
{
    static const fv_module_type type = SHUFFLE_TYPE("ChannelShuffle");
    return shuffle_new(&type, "nn_channel_shuffle",
                       (shuffle_layer){fv_channel_shuffle, "groups", groups});
}
