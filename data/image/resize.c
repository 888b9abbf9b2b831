/* Resizing: the planes of an image through the resampling kernels, bytes by way of floats. */
#include "data/image/resize.h"

#include <inttypes.h>
#include <math.h>

#include "data/image/image_impl.h"
#include "tensor/kernels/resample/resample.h"

static fv_status check(const fv_resize_args *a)
{
    const fv_tensor *t = a->image;
    const fv_shape s = fv_shape_of(t);
    if (t->dtype != FV_UINT8 && !fv_dtype_is_floating(t->dtype))
        return fv_fail(FV_ERR_DTYPE, "resize: the image is %s, need uint8, float32 or float64",
                       fv_dtype_name(t->dtype));
    if ((s.ndim != 3 && s.ndim != 4) || s.dim[s.ndim - 2] < 1 || s.dim[s.ndim - 1] < 1)
        return fv_fail(FV_ERR_SHAPE, "resize: the image is %s, need [C,H,W] or [N,C,H,W]",
                       fv_shape_text(&s));
    if (a->height < 1 || a->width < 1 || a->height > FV_MAX_SIDE || a->width > FV_MAX_SIDE)
        return fv_fail(FV_ERR_OPTION,
                       "resize: height is %" PRId64 ", width %" PRId64 "; sides go from 1 to %d",
                       a->height, a->width, FV_MAX_SIDE);
    if (!fv_constant_ok("resize", "mode", a->mode, FV_INTERPOLATION_FIRST)) return FV_ERR_OPTION;
    if (a->mode == FV_LINEAR || a->mode == FV_TRILINEAR)
        return fv_fail(FV_ERR_OPTION, "resize: mode is %s, which is for other dimensions",
                       fv_constant_name(a->mode));
    return FV_OK;
}

/* From the floats x to the floats or doubles y; false when memory is out. */
static bool resample(const fv_tensor *x, fv_tensor *y, const fv_resize_args *a)
{
    const int n = x->ndim;
    const int64_t height = x->shape[n - 2], width = x->shape[n - 1];
    const bool smooth = a->mode == FV_BILINEAR || a->mode == FV_BICUBIC;
    fv_resample_plan p = {.g = {.outer = x->numel / (height * width),
                                .inner = 1,
                                .in = {1, height, width},
                                .out = {1, a->height, a->width},
                                .mode = a->mode,
                                .antialias = smooth && a->antialias}};
    size_t token;
    fv_resample_make_plan(&p, x->dtype, fv_machine_now());
    void *scratch = fv_block_alloc(p.scratch_bytes, &token);
    if (!scratch) return false;
    fv_resample_run(&p, x->data, y->data, scratch);
    fv_block_free(scratch, token);
    return true;
}

/* out = the bytes nearest to the floats. */
static void round_bytes(const fv_tensor *in, fv_tensor *out)
{
    const float *v = in->data;
    uint8_t *bytes = out->data;
    for (int64_t i = 0; i < in->numel; i++) {
        const float r = rintf(v[i]);
        bytes[i] = r >= 255 ? 255 : r > 0 ? (uint8_t)r : 0;
    }
}

/* The image as dense floats. */
static fv_tensor *as_floats(const fv_tensor *t, fv_dtype dtype)
{
    const fv_shape shape = fv_shape_of(t);
    fv_tensor *x = fv_tensor_alloc(dtype, &shape, NULL);
    if (x && x->numel > 0) fv_copy_elements(x, t);
    return x;
}

/* The result with one reference, or NULL when memory is out. */
static fv_tensor *resized(const fv_resize_args *a)
{
    const fv_tensor *t = a->image;
    const fv_dtype dtype = t->dtype == FV_FLOAT64 ? FV_FLOAT64 : FV_FLOAT32;
    fv_shape shape = fv_shape_of(t);
    shape.dim[shape.ndim - 2] = a->height;
    shape.dim[shape.ndim - 1] = a->width;
    fv_tensor *x = as_floats(t, dtype), *y = fv_tensor_alloc(dtype, &shape, NULL);
    fv_tensor *bytes = t->dtype == FV_UINT8 ? fv_tensor_alloc(FV_UINT8, &shape, NULL) : NULL;
    bool done = x && y && (bytes || t->dtype != FV_UINT8);
    if (done && x->numel > 0) done = resample(x, y, a);
    if (done && bytes) round_bytes(y, bytes);
    fv_tensor *result = !done ? NULL : fv_retain(bytes ? bytes : y);
    fv_release(x);
    fv_release(y);
    fv_release(bytes);
    return result;
}

const fv_resize_args fv_resize_defaults = {FV_RESIZE_DEFAULTS};

fv_tensor *fv_resize_ex(const fv_resize_args *a)
{
    if (!fv_args_ok("resize", a, sizeof *a)) return fv_failed_tensor();
    if (!a->image) {
        fv_fail_null("resize", "image");
        return fv_failed_tensor();
    }
    if (fv_failed_in("resize", a->image) || fv_need_elements("resize", a->image) != FV_OK ||
        check(a) != FV_OK)
        return fv_failed_tensor();
    fv_tensor *result = resized(a);
    if (result) return fv_scope_adopt(result);
    fv_fail(FV_ERR_MEMORY, "resize: out of memory for %" PRId64 " x %" PRId64 " pixels", a->height,
            a->width);
    return fv_failed_tensor();
}
