/* Layers that resize maps: interpolation, and pixels made of channels. */
#ifndef FOVEA_NN_RESAMPLE_H
#define FOVEA_NN_RESAMPLE_H

#include "../autograd/ops/resample/interpolate.h"
#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_upsample_args {
    size_t size;
    fv_dims output_size;   /* or else scale_factor */
    double scale_factor;   /* of all dimensions */
    fv_interpolation mode; /* FV_NEAREST */
    bool align_corners;
    bool recompute_scale_factor;
    double scale_factors[3]; /* in place of scale_factor, one per dimension */
} fv_nn_upsample_args;
#define FV_NN_UPSAMPLE_DEFAULTS                                                                    \
    FV_DEFAULTS(fv_nn_upsample_args, .output_size = FV_UNSET, .scale_factor = FV_UNSET_NUMBER,     \
                .mode = FV_NEAREST)
extern const fv_nn_upsample_args fv_nn_upsample_defaults;

/* fv_interpolate.
 * Errors (NULL): not one of output_size and scale_factor, a number that is not positive, a mode or
 * option that the others have no meaning with.
 * Source: torch.nn.Upsample, whose size is output_size here. */
fv_module *fv_nn_upsample_ex(const fv_nn_upsample_args *a);
#define fv_nn_upsample(...)                                                                        \
    FV_CALL(fv_nn_upsample_ex, fv_nn_upsample_args, FV_NN_UPSAMPLE_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_upsampling_args {
    size_t size;
    fv_dims output_size; /* or else scale_factor */
    double scale_factor;
} fv_nn_upsampling_args;
#define FV_NN_UPSAMPLING_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_nn_upsampling_args, .output_size = FV_UNSET, .scale_factor = FV_UNSET_NUMBER)
extern const fv_nn_upsampling_args fv_nn_upsampling_defaults;

/* fv_nn_upsample of images in mode FV_NEAREST, and in FV_BILINEAR with its corners aligned.
 * Errors (NULL): as of fv_nn_upsample.
 * Source: torch.nn.UpsamplingNearest2d, UpsamplingBilinear2d. */
fv_module *fv_nn_upsampling_nearest2d_ex(const fv_nn_upsampling_args *a);
fv_module *fv_nn_upsampling_bilinear2d_ex(const fv_nn_upsampling_args *a);
#define fv_nn_upsampling_nearest2d(...)                                                            \
    FV_CALL(fv_nn_upsampling_nearest2d_ex, fv_nn_upsampling_args, FV_NN_UPSAMPLING_DEFAULTS,       \
            __VA_ARGS__)
#define fv_nn_upsampling_bilinear2d(...)                                                           \
    FV_CALL(fv_nn_upsampling_bilinear2d_ex, fv_nn_upsampling_args, FV_NN_UPSAMPLING_DEFAULTS,      \
            __VA_ARGS__)

/* fv_pixel_shuffle, fv_pixel_unshuffle, fv_channel_shuffle.
 * Errors (NULL): a factor or groups below 1.
 * Source: torch.nn.PixelShuffle, PixelUnshuffle, ChannelShuffle. */
fv_module *fv_nn_pixel_shuffle(int64_t upscale_factor);
fv_module *fv_nn_pixel_unshuffle(int64_t downscale_factor);
fv_module *fv_nn_channel_shuffle(int64_t groups);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
