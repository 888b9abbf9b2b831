/* Tensors as pictures: batches, feature maps and filters in a grid.
 *
 *     fv_save_image(batch, "batch.png", .normalize = true);
 *     fv_save_image(maps, "maps.png", .channels_apart = true, .normalize = true, .scale_each =
 * true); fv_save_image(weight, "filters.png", .diverging = true, .channels_apart = true, .upscale =
 * 8);
 */
#ifndef FOVEA_DATA_IMAGE_GRID_H
#define FOVEA_DATA_IMAGE_GRID_H

#include "image.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_make_grid_args {
    size_t size;
    const fv_tensor *tensor; /* [H,W], [C,H,W] or [N,C,H,W]; uint8 counts as 0 to 1 */
    int64_t nrow;            /* pictures in a row; 8 */
    int64_t padding;         /* pixels around each; 2 */
    bool normalize;          /* bring values to 0..1 by the smallest and the largest; false */
    double value_range[2];   /* take these for them; not given: those of the values */
    bool scale_each;         /* those of each picture, not of all together; false */
    double pad_value;        /* 0 */
    bool channels_apart;     /* each channel is a picture of its own, in the order n0c0 n0c1 ... */
    bool diverging;  /* one channel: blue below 0, white at 0, red above, by the largest size, or by
                        value_range, of which the value that is farther from 0 counts; false */
    int64_t upscale; /* each pixel becomes so many squared, without blur; 1 */
} fv_make_grid_args;
#define FV_MAKE_GRID_DEFAULTS                                                                      \
    FV_DEFAULTS(fv_make_grid_args, .nrow = 8, .padding = 2,                                        \
                .value_range = {FV_UNSET_NUMBER, FV_UNSET_NUMBER}, .upscale = 1)
extern const fv_make_grid_args fv_make_grid_defaults;

/* One picture of many, float32 [C, rows (H + padding) + padding, columns (W + padding) + padding],
 * H and W upscaled; C is that of the tensor, or 3 for grey. A single picture comes without padding.
 * A NaN is drawn as the smallest value, in diverging colours as 0.
 * Errors: shape, no picture, diverging with several channels, with normalize or with a range that
 * has no size; a grid that no memory holds.
 * Source: torchvision.utils.make_grid; it knows neither channels_apart, diverging nor upscale. */
fv_tensor *fv_make_grid_ex(const fv_make_grid_args *a);
#define fv_make_grid(...)                                                                          \
    FV_CALL(fv_make_grid_ex, fv_make_grid_args, FV_MAKE_GRID_DEFAULTS, __VA_ARGS__)

typedef struct fv_save_image_args {
    size_t size;
    const fv_tensor *tensor;
    const char *path;
    int64_t nrow, padding;
    bool normalize;
    double value_range[2];
    bool scale_each;
    double pad_value;
    bool channels_apart, diverging;
    int64_t upscale;
    int64_t quality, compression; /* see fv_write_image */
} fv_save_image_args;
#define FV_SAVE_IMAGE_DEFAULTS                                                                     \
    FV_DEFAULTS(fv_save_image_args, .nrow = 8, .padding = 2,                                       \
                .value_range = {FV_UNSET_NUMBER, FV_UNSET_NUMBER}, .upscale = 1, .quality = 75,    \
                .compression = 6)
extern const fv_save_image_args fv_save_image_defaults;

/* fv_write_image of the grid that fv_make_grid makes, each value v as the byte nearest to 255 v,
 * within 0 and 255.  Errors: those of the two.  Source: torchvision.utils.save_image. */
fv_status fv_save_image_ex(const fv_save_image_args *a);
#define fv_save_image(...)                                                                         \
    FV_CALL(fv_save_image_ex, fv_save_image_args, FV_SAVE_IMAGE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
