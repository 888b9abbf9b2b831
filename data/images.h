/* Image data sets: bytes in memory, float tensors in batches, augmentation on the way. */
#ifndef FOVEA_DATA_IMAGES_H
#define FOVEA_DATA_IMAGES_H

#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { FV_MAX_IMAGE_CHANNELS = 4 };

typedef struct fv_image_dataset_args {
    size_t size;
    fv_tensor *images;                  /* uint8 [N,C,H,W], C up to 4 */
    fv_tensor *labels;                  /* int64 [N] */
    double mean[FV_MAX_IMAGE_CHANNELS]; /* of each channel, for pixels in [0, 1]; 0 */
    double std[FV_MAX_IMAGE_CHANNELS];  /* 1 */
    int64_t random_crop; /* pad by so many black pixels all round, cut a window of H x W; 0 */
    bool random_flip;    /* mirror every other image, left to right */
} fv_image_dataset_args;
#define FV_IMAGE_DATASET_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_image_dataset_args, .mean = {0, 0, 0, 0}, .std = {1, 1, 1, 1})
extern const fv_image_dataset_args fv_image_dataset_defaults;

/* Sample i: x = (images[i] / 255 - mean) / std, float32 [C,H,W], and y = labels[i].
 * Images stay bytes in memory; a loader writes its batch straight into channels-last order. What an
 * image meets at random depends on the loader's seed, the epoch and the sample's number in the
 * loader's data set only: not on threads, batches or order.
 * Errors: dtype, shape, std 0, a crop larger than the image.
 * Source: torchvision.transforms ToTensor, Normalize, RandomCrop(padding), RandomHorizontalFlip. */
fv_dataset *fv_image_dataset_ex(const fv_image_dataset_args *a);
#define fv_image_dataset(...)                                                                      \
    FV_CALL(fv_image_dataset_ex, fv_image_dataset_args, FV_IMAGE_DATASET_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
