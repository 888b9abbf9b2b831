/* Resizing maps: interpolation, and pixels made of channels. */
#ifndef FOVEA_AUTOGRAD_OPS_RESAMPLE_INTERPOLATE_H
#define FOVEA_AUTOGRAD_OPS_RESAMPLE_INTERPOLATE_H

#include "../../../tensor/args.h"
#include "../../../tensor/interpolation.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_interpolate_args {
    size_t size;
    fv_tensor *input;
    fv_dims output_size;   /* a number or FV_DIMS(OH, OW); or else scale_factor */
    double scale_factor;   /* of all dimensions */
    fv_interpolation mode; /* FV_NEAREST */
    bool align_corners;    /* the centres of the corner pixels stay, of linear modes and cubic */
    bool recompute_scale_factor; /* pixels are spaced by the sizes, not by scale_factor */
    bool antialias; /* FV_BILINEAR and FV_BICUBIC average over all pixels when they shrink */
    double scale_factors[3]; /* in place of scale_factor, one per dimension: {2, 1.5} */
} fv_interpolate_args;
#define FV_INTERPOLATE_DEFAULTS                                                                    \
    FV_DEFAULTS(fv_interpolate_args, .output_size = FV_UNSET, .scale_factor = FV_UNSET_NUMBER,     \
                .mode = FV_NEAREST)
extern const fv_interpolate_args fv_interpolate_defaults;

/* y[o] = the value of x at place (o + 1/2) * H / OH - 1/2 in each dimension, by the mode:
 *   FV_NEAREST        x[floor(o * H / OH)]
 *   FV_NEAREST_EXACT  x[floor((o + 1/2) * H / OH)]
 *   FV_LINEAR, FV_BILINEAR, FV_TRILINEAR   between two pixels, of 1, 2, 3 spatial dimensions
 *   FV_BICUBIC        a cubic convolution with a = -0.75 (-0.5 with antialias), of 2
 *   FV_AREA           fv_adaptive_avg_pool2d
 * x [N,C,H,W]  ->  y [N,C,OH,OW]     (1d: [N,C,L], 3d: [N,C,D,H,W])
 * OH = floor(H * scale_factor), or output_size. y lies in the order of x: row-major or
 * channels-last. Given a scale_factor, H / OH above is 1 / scale_factor unless it is recomputed;
 * with align_corners the place is o * (H - 1) / (OH - 1). float32 and float64; only batch and
 * channels may be empty. Gradient: x (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.interpolate, whose size is output_size here. */
fv_tensor *fv_interpolate_ex(const fv_interpolate_args *a);
#define fv_interpolate(...)                                                                        \
    FV_CALL(fv_interpolate_ex, fv_interpolate_args, FV_INTERPOLATE_DEFAULTS, __VA_ARGS__)

/* y[.., c, h * r + i, w * r + j] = x[.., (c * r + i) * r + j, h, w] with r = factor: every r * r
 * channels become a picture that is r times as large.
 * x [..,C * r * r,H,W]  ->  y [..,C,H * r,W * r]; of 3 dimensions or more. Any dtype.
 * Gradient: x (twice differentiable).   Errors: shape, option.
 * Source: torch.nn.functional.pixel_shuffle; Shi et al. 2016. */
fv_tensor *fv_pixel_shuffle(fv_tensor *x, int64_t factor);

/* The inverse of fv_pixel_shuffle: x [..,C,H * r,W * r]  ->  y [..,C * r * r,H,W].
 * Gradient: x (twice differentiable).   Errors: shape, option.
 * Source: torch.nn.functional.pixel_unshuffle. */
fv_tensor *fv_pixel_unshuffle(fv_tensor *x, int64_t factor);

/* y[n, k * groups + g] = x[n, g * (C / groups) + k]: channels of all groups beside each other.
 * x [N,C,..]  ->  y of the same shape; of 3 to 7 dimensions. Any dtype.
 * Gradient: x (twice differentiable).   Errors: shape, option.
 * Source: torch.nn.functional.channel_shuffle; Zhang et al. 2018. */
fv_tensor *fv_channel_shuffle(fv_tensor *x, int64_t groups);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
