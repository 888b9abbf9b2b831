/* A folder of pictures as a data set: a folder in it is a class, and what pictures it has, in
 * folders of its own as well, are that class's samples.
 *
 *     animals/cat/1.jpg  animals/cat/more/2.png  animals/dog/3.jpg
 *
 *     fv_dataset *set = fv_image_folder("animals", .height = 64, .width = 64);
 *     printf("%s\n", fv_image_folder_class(set, 0));
 */
#ifndef FOVEA_DATA_IMAGE_IMAGE_FOLDER_H
#define FOVEA_DATA_IMAGE_IMAGE_FOLDER_H

#include "../images.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_image_folder_args {
    size_t size;
    const char *root;
    int64_t height, width; /* of each sample; must be given */
    int64_t channels;      /* 1 or 3; 3 */
    bool center_crop;      /* keep the shape and cut what is too much from both sides, rather than
                              change the shape; false */
    bool apply_exif_orientation;        /* true */
    double mean[FV_MAX_IMAGE_CHANNELS]; /* see fv_image_dataset; 0 */
    double std[FV_MAX_IMAGE_CHANNELS];  /* 1 */
    int64_t random_crop;
    bool random_flip;
} fv_image_folder_args;
#define FV_IMAGE_FOLDER_DEFAULTS                                                                   \
    FV_DEFAULTS(fv_image_folder_args, .height = FV_UNSET, .width = FV_UNSET, .channels = 3,        \
                .apply_exif_orientation = true, .mean = {0, 0, 0, 0}, .std = {1, 1, 1, 1})
extern const fv_image_folder_args fv_image_folder_defaults;

/* Sample i: x float32 [C,H,W] as fv_image_dataset makes it of the picture, resized with antialias,
 * and y the class, int64. Classes are the folders in order of their names' bytes, their pictures
 * those that end in .png, .jpg, .jpeg, .pgm or .ppm: of a folder in order, then those of the
 * folders in it. Names that begin with a dot are passed over. Pictures are read anew each time that
 * they come. Errors: no such folder, no class, a class without a picture, option; when a sample is
 * drawn, a picture that cannot be read, with its path. Source: torchvision.datasets.ImageFolder,
 * transforms Resize, CenterCrop and those of fv_image_dataset. */
fv_dataset *fv_image_folder_ex(const fv_image_folder_args *a);
#define fv_image_folder(...)                                                                       \
    FV_CALL(fv_image_folder_ex, fv_image_folder_args, FV_IMAGE_FOLDER_DEFAULTS, __VA_ARGS__)

/* How many classes the set has, the name of one, and the file of a sample; 0 and NULL, without an
 * error, for a data set of another kind and a number that it does not have.
 * Source: ImageFolder.classes, ImageFolder.samples. */
int64_t fv_image_folder_classes(const fv_dataset *dataset);
const char *fv_image_folder_class(const fv_dataset *dataset, int64_t number);
const char *fv_image_folder_path(const fv_dataset *dataset, int64_t index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
