/* What the readers of image sets share: options, memory, and the step into an image data set. */
#include "data/vision.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/reader_impl.h"
#include "data/vision_impl.h"

fv_status fv_images_alloc(fv_images *out, const char *set, int64_t n, int64_t channels,
                          int64_t height, int64_t width)
{
    fv_shape images = {4, {n, channels, height, width}}, labels = {1, {n}};
    int64_t strides[FV_MAX_DIMS];
    fv_strides_channels_last(&images, strides);
    out->images = fv_tensor_alloc(FV_UINT8, &images, strides);
    out->labels = fv_tensor_alloc(FV_INT64, &labels, NULL);
    if (out->images && out->labels) return FV_OK;
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory for images %s", set, fv_shape_text(&images));
}

/* --- where the files are ---------------------------------------------------------------------- */

static const char *data_variable(void)
{
    const char *folder = getenv("FOVEA_DATA");
    return folder && *folder ? folder : NULL;
}

const char *fv_data_root(const char *root)
{
    const char *folder = data_variable();
    return root ? root : folder ? folder : "datasets";
}

/* Where root came from, as far as that may surprise. */
static const char *origin_of(const char *root)
{
    const char *folder = data_variable();
    if (!fv_is_folder(root))
        return folder && strcmp(folder, root) == 0 ? " (FOVEA_DATA; there is no such folder)"
                                                   : " (there is no such folder)";
    if (folder && strcmp(folder, root) != 0) return " (FOVEA_DATA counts where no root is given)";
    return "";
}

fv_status fv_missing_data(const char *set, const char *root, const char *get, const char *format,
                          ...)
{
    char what[768];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fv_fail(FV_ERR_IO, "%s: %s%s; to get it: examples/get_data.sh %s %s", set, what,
                   origin_of(root), root, get);
}

/* --- options ---------------------------------------------------------------------------------- */

fv_status fv_vision_check(const fv_vision_args *a, const char *set)
{
    if (a->limit < 0)
        return fv_fail(FV_ERR_OPTION, "%s: limit is %" PRId64 ", need 0 (all) or more", set,
                       a->limit);
    if (a->split) return fv_fail(FV_ERR_OPTION, "%s: has no split '%s'; emnist has", set, a->split);
    if (a->coarse) return fv_fail(FV_ERR_OPTION, "%s: has no coarse labels; cifar100 has", set);
    return FV_OK;
}

fv_dataset *fv_vision_finish(const fv_vision_args *a, fv_images *images, fv_status status)
{
    fv_dataset *d = NULL;
    if (status == FV_OK) {
        fv_image_dataset_args args = fv_image_dataset_defaults;
        args.images = images->images;
        args.labels = images->labels;
        args.random_crop = a->random_crop;
        args.random_flip = a->random_flip;
        if (a->normalize) {
            memcpy(args.mean, a->mean, sizeof args.mean);
            memcpy(args.std, a->std, sizeof args.std);
        }
        d = fv_image_dataset_ex(&args);
    }
    fv_release(images->images);
    fv_release(images->labels);
    return d;
}
