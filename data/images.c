/* Image data sets: the batch gather, which crops, flips, converts and normalises in one pass. */
#include "data/images.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/dataset_impl.h"
#include "tensor/ranges.h"

typedef struct image_set {
    fv_dataset head;
    fv_tensor *images; /* uint8, channels-last without gaps: N, H, W, C in memory */
    fv_tensor *labels; /* int64, contiguous */
    int64_t channels, height, width;
    int64_t padding;
    bool flip;
    fv_tensor *values; /* float32 [C,256]: what a byte means in each channel */
} image_set;

/* The window of one image: the top left corner in the unpadded image, and whether to mirror. */
typedef struct window {
    int64_t top, left;
    bool mirror;
} window;

static window draw_window(const image_set *set, const fv_rng_state *augment, int64_t number)
{
    window w = {0, 0, false};
    if (!augment || (set->padding == 0 && !set->flip)) return w;
    uint32_t r[4];
    fv_philox(*augment, (uint64_t)number, r);
    uint64_t choices = 2 * (uint64_t)set->padding + 1;
    w.top = (int64_t)((choices * r[0]) >> 32) - set->padding;
    w.left = (int64_t)((choices * r[1]) >> 32) - set->padding;
    w.mirror = set->flip && (r[2] & 1);
    return w;
}

static const float *values_of(const image_set *set, int64_t channel)
{
    return (const float *)set->values->data + channel * 256;
}

/* n pixels of a row, as floats; step is -1 when they are to come out in reverse. */
static void convert(const image_set *set, const uint8_t *in, int64_t n, int step, float *out)
{
    const int64_t channels = set->channels;
    const float *v0 = values_of(set, 0);
    if (channels == 1) {
        for (int64_t i = 0; i < n; i++, out += step) *out = v0[in[i]];
    } else if (channels == 3) {
        for (int64_t i = 0; i < n; i++, in += 3, out += 3 * step) {
            out[0] = v0[in[0]];
            out[1] = v0[256 + in[1]];
            out[2] = v0[512 + in[2]];
        }
    } else {
        for (int64_t i = 0; i < n; i++, in += channels, out += step * channels)
            for (int64_t c = 0; c < channels; c++) out[c] = v0[c * 256 + in[c]];
    }
}

static void fill_black(const image_set *set, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < set->channels; c++) *out++ = *values_of(set, c);
}

/* One row through a window: black where it lies outside, the image's pixels elsewhere. */
static void gather_row(const image_set *set, const uint8_t *image, window w, int64_t row,
                       float *out)
{
    const int64_t width = set->width, channels = set->channels, y = row + w.top;
    int64_t before = w.left < 0 ? -w.left : 0; /* black pixels at the window's two ends */
    int64_t after = w.left > 0 ? w.left : 0;
    if (y < 0 || y >= set->height || before + after >= width) {
        fill_black(set, width, out);
        return;
    }
    const int64_t inside = width - before - after;
    const uint8_t *in = image + (y * width + (w.left > 0 ? w.left : 0)) * channels;
    if (w.mirror) {
        fill_black(set, after, out);
        convert(set, in, inside, -1, out + (after + inside - 1) * channels);
        fill_black(set, before, out + (after + inside) * channels);
    } else {
        fill_black(set, before, out);
        convert(set, in, inside, 1, out + before * channels);
        fill_black(set, after, out + (before + inside) * channels);
    }
}

static void gather_image(const image_set *set, int64_t index, window w, float *out)
{
    const int64_t row = set->width * set->channels, pixels = set->height * row;
    const uint8_t *image = (const uint8_t *)set->images->data + index * pixels;
    if (w.top == 0 && w.left == 0 && !w.mirror)
        convert(set, image, set->height * set->width, 1, out);
    else
        for (int64_t y = 0; y < set->height; y++) gather_row(set, image, w, y, out + y * row);
}

typedef struct gather_job {
    const image_set *set;
    const fv_batch_request *request;
    int64_t pixels; /* of an image, times channels */
    float *x;
    int64_t *y;
} gather_job;

static void gather_images(const void *job, int64_t first, int64_t last)
{
    const gather_job *g = job;
    const int64_t *labels = g->set->labels->data;
    for (int64_t i = first; i < last; i++) {
        const int64_t index = g->request->index[i];
        const window w = draw_window(g->set, g->request->augment, g->request->number[i]);
        gather_image(g->set, index, w, g->x + i * g->pixels);
        g->y[i] = labels[index];
    }
}

static fv_status image_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x, fv_tensor **y)
{
    const image_set *set = (const image_set *)d;
    fv_shape images = {4, {r->n, set->channels, set->height, set->width}};
    fv_shape labels = {1, {r->n}};
    int64_t strides[FV_MAX_DIMS];
    fv_strides_channels_last(&images, strides);
    *x = fv_tensor_alloc(FV_FLOAT32, &images, strides);
    *y = *x ? fv_tensor_alloc(FV_INT64, &labels, NULL) : NULL;
    if (!*y) {
        fv_release(*x);
        *x = NULL;
        return fv_fail(FV_ERR_MEMORY, "dataset: out of memory for a batch %s",
                       fv_shape_text(&images));
    }
    gather_job job = {set, r, set->channels * set->height * set->width, (*x)->data, (*y)->data};
    fv_parallel_ranges(fv_machine_now(), 0.6 * (double)job.pixels * (double)r->n, r->n,
                       gather_images, &job);
    return FV_OK;
}

static void image_release(fv_dataset *d)
{
    image_set *set = (image_set *)d;
    fv_release(set->images);
    fv_release(set->labels);
    fv_release(set->values);
}

static const fv_dataset_class image_class = {image_batch, image_release, sizeof(image_set)};

/* --- construction ----------------------------------------------------------------------------- */

static fv_status check_images(const fv_image_dataset_args *a)
{
    if (fv_failed_in("image_dataset", a->images) || fv_failed_in("image_dataset", a->labels))
        return fv_fail(FV_ERR_STATE, "image_dataset: %s is no tensor",
                       fv_usable(a->images) ? "labels" : "images");
    const fv_tensor *images = a->images, *labels = a->labels;
    if (fv_is_shapes_only(images) || fv_is_shapes_only(labels))
        return fv_fail(FV_ERR_STATE, "image_dataset: %s have a shape only",
                       fv_is_shapes_only(images) ? "images" : "labels");
    fv_shape si = fv_shape_of(images), sl = fv_shape_of(labels);
    if (images->dtype != FV_UINT8 || labels->dtype != FV_INT64)
        return fv_fail(FV_ERR_DTYPE,
                       "image_dataset: images are %s and labels %s, need uint8 and int64",
                       fv_dtype_name(images->dtype), fv_dtype_name(labels->dtype));
    if (images->ndim != 4 || images->shape[1] < 1 || images->shape[1] > FV_MAX_IMAGE_CHANNELS)
        return fv_fail(FV_ERR_SHAPE, "image_dataset: images are %s, need [N,C,H,W] with C 1 to %d",
                       fv_shape_text(&si), FV_MAX_IMAGE_CHANNELS);
    if (labels->ndim != 1 || labels->shape[0] != images->shape[0])
        return fv_fail(FV_ERR_SHAPE, "image_dataset: labels are %s, images %s need [%" PRId64 "]",
                       fv_shape_text(&sl), fv_shape_text(&si), images->shape[0]);
    int64_t side = images->shape[2] < images->shape[3] ? images->shape[2] : images->shape[3];
    if (a->random_crop < 0 || a->random_crop > side)
        return fv_fail(FV_ERR_OPTION,
                       "image_dataset: random_crop %" PRId64 ", images %s take 0 to %" PRId64,
                       a->random_crop, fv_shape_text(&si), side);
    for (int64_t c = 0; c < images->shape[1]; c++)
        if (!isfinite(a->mean[c]) || !isfinite(a->std[c]) || a->std[c] <= 0)
            return fv_fail(FV_ERR_OPTION,
                           "image_dataset: channel %" PRId64 " has mean %g and std %g, "
                           "need finite numbers and std above 0",
                           c, a->mean[c], a->std[c]);
    return FV_OK;
}

/* t itself when it lies in memory as asked, else a copy that does; one reference either way. NULL
 * when memory is out. */
static fv_tensor *in_order(fv_tensor *t, const int64_t *strides)
{
    fv_shape shape = fv_shape_of(t);
    if (memcmp(t->strides, strides, (size_t)t->ndim * sizeof *strides) == 0) return fv_retain(t);
    fv_tensor *copy = fv_tensor_alloc(t->dtype, &shape, strides);
    if (copy && copy->numel > 0) fv_copy_elements(copy, t);
    return copy;
}

static fv_tensor *make_values(const fv_image_dataset_args *a, int64_t channels)
{
    fv_shape shape = {2, {channels, 256}};
    fv_tensor *values = fv_tensor_alloc(FV_FLOAT32, &shape, NULL);
    if (!values) return NULL;
    float *v = values->data;
    for (int64_t c = 0; c < channels; c++)
        for (int byte = 0; byte < 256; byte++)
            *v++ = ((float)byte / 255.0f - (float)a->mean[c]) / (float)a->std[c];
    return values;
}

const fv_image_dataset_args fv_image_dataset_defaults = {FV_IMAGE_DATASET_DEFAULTS};

fv_dataset *fv_image_dataset_ex(const fv_image_dataset_args *a)
{
    if (!fv_args_ok("image_dataset", a, sizeof *a)) return NULL;
    if (check_images(a) != FV_OK) return NULL;
    fv_shape shape = fv_shape_of(a->images), count = {1, {shape.dim[0]}};
    int64_t image_strides[FV_MAX_DIMS], label_strides[FV_MAX_DIMS];
    fv_strides_channels_last(&shape, image_strides);
    fv_strides_contiguous(&count, label_strides);
    image_set *set = (image_set *)fv_dataset_alloc(&image_class, shape.dim[0]);
    if (!set) return NULL;
    set->channels = shape.dim[1];
    set->height = shape.dim[2];
    set->width = shape.dim[3];
    set->padding = a->random_crop;
    set->flip = a->random_flip;
    set->images = in_order(a->images, image_strides);
    set->labels = in_order(a->labels, label_strides);
    set->values = make_values(a, shape.dim[1]);
    if (set->images && set->labels && set->values) return &set->head;
    fv_fail(FV_ERR_MEMORY, "image_dataset: out of memory for images %s", fv_shape_text(&shape));
    fv_dataset_free(&set->head);
    return NULL;
}
