/* What the readers of image sets share: options, memory, and the step into an image data set. */
#include "data/vision.h"

#include <inttypes.h>
#include <string.h>

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

fv_status fv_vision_check(const fv_vision_args *a, const char *set)
{
    if (!a->root) return fv_fail(FV_ERR_OPTION, "%s: root is NULL, need a folder", set);
    if (a->limit < 0)
        return fv_fail(FV_ERR_OPTION, "%s: limit is %" PRId64 ", need 0 (all) or more", set,
                       a->limit);
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
