/* Writing of pictures: which encoder, and what it takes. */
#include "data/image/image.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "data/image/image_impl.h"

typedef enum format { PNG, JPEG, PGM, PPM, FORMATS } format;

static const struct {
    const char *ending;
    format format;
} endings[] = {{".png", PNG}, {".jpg", JPEG}, {".jpeg", JPEG}, {".pgm", PGM}, {".ppm", PPM}};

/* Which numbers of channels each takes, as text and as bits. */
static const struct {
    const char *name, *channels;
    unsigned set;
} takes[FORMATS] = {
    {"PNG", "1 to 4", 0x1e}, {"JPEG", "1 or 3", 0xa}, {"PGM", "1", 2}, {"PPM", "3", 8}};

static bool find_format(const char *path, format *found)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i].ending) == 0) {
            *found = endings[i].format;
            return true;
        }
    fv_fail(FV_ERR_OPTION,
            "write_image: %s: the name ends in none of .png, .jpg, .jpeg, .pgm, .ppm", path);
    return false;
}

/* [C,H,W] of the image, a grey [H,W] counting as [1,H,W]. */
static fv_shape planes_of(const fv_tensor *t)
{
    fv_shape s = fv_shape_of(t);
    if (s.ndim == 2) s = (fv_shape){3, {1, s.dim[0], s.dim[1]}};
    return s;
}

static fv_status check_image(const fv_tensor *t, format how)
{
    const fv_shape given = fv_shape_of(t), s = planes_of(t);
    if (t->dtype != FV_UINT8)
        return fv_fail(FV_ERR_DTYPE,
                       "write_image: the image is %s, need uint8 (fv_save_image takes floats)",
                       fv_dtype_name(t->dtype));
    if (s.ndim != 3 || s.dim[0] < 1 || s.dim[0] > 4)
        return fv_fail(FV_ERR_SHAPE, "write_image: the image is %s, need [C,H,W] with C 1 to 4",
                       fv_shape_text(&given));
    if (!(takes[how].set >> s.dim[0] & 1))
        return fv_fail(FV_ERR_SHAPE, "write_image: the image is %s, %s takes %s channels",
                       fv_shape_text(&given), takes[how].name, takes[how].channels);
    if (s.dim[1] < 1 || s.dim[2] < 1 || s.dim[1] > FV_MAX_SIDE || s.dim[2] > FV_MAX_SIDE)
        return fv_fail(FV_ERR_SHAPE, "write_image: the image is %s, sides go from 1 to %d",
                       fv_shape_text(&given), FV_MAX_SIDE);
    return FV_OK;
}

static fv_status check_options(const fv_write_image_args *a)
{
    if (a->quality < 1 || a->quality > 100)
        return fv_fail(FV_ERR_OPTION, "write_image: quality is %" PRId64 ", need 1 to 100",
                       a->quality);
    if (a->compression < 0 || a->compression > 9)
        return fv_fail(FV_ERR_OPTION, "write_image: compression is %" PRId64 ", need 0 to 9",
                       a->compression);
    return FV_OK;
}

bool fv_pixels_of(const fv_tensor *image, fv_pixels *p)
{
    const fv_shape s = planes_of(image), lying = {3, {s.dim[1], s.dim[2], s.dim[0]}};
    const int64_t *step = image->strides + image->ndim - 2;
    const int64_t strides[] = {step[0], step[1], image->ndim == 3 ? image->strides[0] : 0};
    *p = (fv_pixels){s.dim[2], s.dim[1], s.dim[0], 1, NULL, 0};
    p->samples = fv_block_alloc((size_t)image->numel, &p->token);
    fv_tensor *view = p->samples ? fv_tensor_alias(image, &lying, strides, 0) : NULL;
    const bool done = view && fv_copy_out(view, FV_UINT8, p->samples) == FV_OK;
    fv_release(view);
    return done;
}

static fv_status write_to_file(void *context, const void *bytes, size_t count)
{
    return fv_durable_write(context, bytes, count);
}

fv_sink fv_sink_of(fv_durable *file)
{
    return (fv_sink){write_to_file, file, file->path};
}

static fv_status encode(const fv_write_image_args *a, format how, const fv_pixels *p)
{
    fv_durable file;
    fv_status status = fv_durable_open(&file, a->path);
    if (status != FV_OK) return status;
    switch (how) {
    case PNG: status = fv_png_encode(p, (int)a->compression, fv_sink_of(&file)); break;
    case JPEG: status = fv_jpeg_encode(p, (int)a->quality, fv_sink_of(&file)); break;
    default: status = fv_pnm_encode(p, fv_sink_of(&file)); break;
    }
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    return status;
}

const fv_write_image_args fv_write_image_defaults = {FV_WRITE_IMAGE_DEFAULTS};

fv_status fv_write_image_ex(const fv_write_image_args *a)
{
    format how;
    fv_pixels p = {0};
    if (!fv_args_ok("write_image", a, sizeof *a)) return fv_error_status();
    if (!a->image || !a->path) {
        fv_fail_null("write_image", a->path ? "image" : "path");
        return FV_ERR_OPTION;
    }
    if (fv_failed_in("write_image", a->image))
        return fv_fail(FV_ERR_STATE, "write_image: the image has failed");
    fv_status status = fv_need_no_error("write_image", a->path);
    if (status == FV_OK) status = fv_need_elements("write_image", a->image);
    if (status == FV_OK && !find_format(a->path, &how)) status = FV_ERR_OPTION;
    if (status == FV_OK) status = check_image(a->image, how);
    if (status == FV_OK) status = check_options(a);
    if (status == FV_OK && !fv_pixels_of(a->image, &p))
        status = fv_fail(FV_ERR_MEMORY, "%s: out of memory", a->path);
    if (status == FV_OK) status = encode(a, how, &p);
    fv_pixels_free(&p);
    return status;
}
