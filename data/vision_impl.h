/* Inside data/: what the readers of image sets share. */
#ifndef FOVEA_DATA_VISION_IMPL_H
#define FOVEA_DATA_VISION_IMPL_H

#include "data/vision.h"

/* Images and labels on their way from files into a data set. */
typedef struct fv_images {
    fv_tensor *images; /* uint8 [N,C,H,W], channels-last */
    fv_tensor *labels; /* int64 [N] */
} fv_images;

/* Memory for n images; an error names the set. */
fv_status fv_images_alloc(fv_images *out, const char *set, int64_t n, int64_t channels,
                          int64_t height, int64_t width);

/* The folder that a root of NULL stands for, or root itself. */
const char *fv_data_root(const char *root);

/* Checks limit and refuses options of other sets; a set that takes one of those clears it before.
 */
fv_status fv_vision_check(const fv_vision_args *a, const char *set);

/* The error of a file that is not there: what was looked for, where root came from, and that
 * get_data.sh fetches `get`. */
fv_status fv_missing_data(const char *set, const char *root, const char *get, const char *format,
                          ...) __attribute__((format(printf, 4, 5)));

/* The data set of these images under the options; gives up the images in any case. NULL on error,
 * also when status is one already. */
fv_dataset *fv_vision_finish(const fv_vision_args *a, fv_images *images, fv_status status);

#endif
