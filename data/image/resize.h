/* Pictures of another size.
 *
 *     fv_tensor *small = fv_resize(photo, 224, 224);
 */
#ifndef FOVEA_DATA_IMAGE_RESIZE_H
#define FOVEA_DATA_IMAGE_RESIZE_H

#include "../../tensor/args.h"
#include "../../tensor/interpolation.h"
#include "../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_resize_args {
    size_t size;
    const fv_tensor *image; /* uint8 or floating, [C,H,W] or [N,C,H,W] */
    int64_t height, width;
    fv_interpolation mode; /* FV_NEAREST, FV_NEAREST_EXACT, FV_BILINEAR, FV_BICUBIC, FV_AREA */
    bool antialias;        /* bilinear and bicubic average over all pixels when they shrink; true */
} fv_resize_args;
#define FV_RESIZE_DEFAULTS FV_DEFAULTS(fv_resize_args, .mode = FV_BILINEAR, .antialias = true)
extern const fv_resize_args fv_resize_defaults;

/* The image as height x width pixels, of its own dtype; bytes are computed in float32 and rounded
 * to the nearest, half to even, within 0 and 255. No gradient: fv_interpolate has one.
 * Errors: shape, dtype, sizes outside of 1 to 65,535, a mode for other dimensions.
 * Source: torchvision.transforms.functional.resize; Pillow's resize rounds its sums by other bits,
 * so bytes may differ by one. */
fv_tensor *fv_resize_ex(const fv_resize_args *a);
#define fv_resize(...) FV_CALL(fv_resize_ex, fv_resize_args, FV_RESIZE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
