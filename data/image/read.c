/* Reading of pictures: which decoder, which channels, which way up. */
#include "data/image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data/image/image_impl.h"
#include "data/reader_impl.h"

fv_status fv_pixels_alloc(fv_pixels *p, const char *name, int64_t width, int64_t height,
                          int64_t channels, double most)
{
    if (width < 1 || height < 1 || width > FV_MAX_SIDE || height > FV_MAX_SIDE ||
        width * height > FV_MAX_PIXELS)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: a picture of %" PRId64 " x %" PRId64 " pixels; sides from 1 to %d and "
                       "up to %d pixels in all are read",
                       name, width, height, FV_MAX_SIDE, FV_MAX_PIXELS);
    if ((double)(width * height) > most)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: its header promises %" PRId64 " x %" PRId64 " pixels, more than its "
                       "bytes can hold",
                       name, width, height);
    *p = (fv_pixels){width, height, channels, 1, NULL, 0};
    p->samples = fv_block_alloc((size_t)(width * height * channels), &p->token);
    return p->samples
               ? FV_OK
               : fv_fail(FV_ERR_MEMORY, "%s: out of memory for a picture of %" PRId64 " x %" PRId64,
                         name, width, height);
}

void fv_pixels_free(fv_pixels *p)
{
    if (p->samples) fv_block_free(p->samples, p->token);
    p->samples = NULL;
}

/* --- from pixels to a tensor ------------------------------------------------------------------ */

static int channels_of(fv_image_mode mode, int64_t in_file)
{
    switch (mode) {
    case FV_IMAGE_GRAY: return 1;
    case FV_IMAGE_GRAY_ALPHA: return 2;
    case FV_IMAGE_RGB: return 3;
    case FV_IMAGE_RGB_ALPHA: return 4;
    default: return (int)in_file;
    }
}

/* One pixel of `from` channels as one of `to`. */
static void convert_pixel(const uint8_t *in, int from, uint8_t *out, int to)
{
    const uint8_t alpha = from % 2 ? 255 : in[from - 1];
    if (from >= 3 && to < 3)
        out[0] = (uint8_t)((19595u * in[0] + 38470u * in[1] + 7471u * in[2] + 32768u) >> 16);
    else
        for (int c = 0; c < (to < 3 ? 1 : 3); c++) out[c] = in[from < 3 ? 0 : c];
    if (to % 2 == 0) out[to - 1] = alpha;
}

/* Where pixel (0, 0) of the upright picture lies in the file's, and how far it is from there to its
 * right and to its lower neighbour. */
typedef struct walk {
    int64_t start, right, down;
    int64_t width, height;
} walk;

static walk upright(const fv_pixels *p)
{
    const int64_t w = p->width, h = p->height;
    const bool turned = p->orientation >= 5; /* by a quarter */
    const bool from_right =
        p->orientation == 2 || p->orientation == 3 || p->orientation == 7 || p->orientation == 8;
    const bool from_bottom =
        p->orientation == 3 || p->orientation == 4 || p->orientation == 6 || p->orientation == 7;
    const int64_t x = from_right ? -1 : 1, y = from_bottom ? -w : w;
    return (walk){(from_right ? w - 1 : 0) + (from_bottom ? (h - 1) * w : 0), turned ? y : x,
                  turned ? x : y, turned ? h : w, turned ? w : h};
}

static void fill_planes(const fv_pixels *p, const walk *k, int channels, uint8_t *out)
{
    const int64_t plane = k->width * k->height;
    const int from = (int)p->channels;
    for (int64_t y = 0; y < k->height; y++)
        for (int64_t x = 0; x < k->width; x++) {
            uint8_t pixel[4] = {0};
            const int64_t at = k->start + y * k->down + x * k->right;
            convert_pixel(p->samples + at * from, from, pixel, channels);
            for (int c = 0; c < channels; c++) out[c * plane + y * k->width + x] = pixel[c];
        }
}

static fv_tensor *as_tensor(const char *name, fv_pixels *p, fv_image_mode mode, bool orient)
{
    if (!orient) p->orientation = 1;
    const walk k = upright(p);
    const int channels = channels_of(mode, p->channels);
    const fv_shape shape = {3, {channels, k.height, k.width}};
    fv_tensor *t = fv_tensor_alloc(FV_UINT8, &shape, NULL);
    if (!t) {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory for an image %s", name, fv_shape_text(&shape));
        return fv_failed_tensor();
    }
    fill_planes(p, &k, channels, t->data);
    return fv_scope_adopt(t);
}

/* --- from bytes to pixels --------------------------------------------------------------------- */

static fv_status unknown(const fv_image_bytes *file)
{
    const char *kind = fv_content_kind(file->bytes, file->size);
    if (file->size == 0) kind = "empty";
    return kind ? fv_fail(FV_ERR_FORMAT, "%s: is %s", file->name, kind)
                : fv_fail(FV_ERR_FORMAT, "%s: neither PNG, JPEG, PGM nor PPM", file->name);
}

static fv_status decode_pixels(const fv_image_bytes *file, fv_pixels *p)
{
    const uint8_t *b = file->bytes;
    if (file->size >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0) return fv_png_decode(file, p);
    if (file->size >= 3 && memcmp(b, "\xff\xd8\xff", 3) == 0) return fv_jpeg_decode(file, p);
    if (file->size >= 3 && b[0] == 'P' &&
        (b[1] == '2' || b[1] == '3' || b[1] == '5' || b[1] == '6'))
        return fv_pnm_decode(file, p);
    return unknown(file);
}

static fv_tensor *decode(const fv_image_bytes *file, fv_image_mode mode, bool orient)
{
    fv_pixels p = {0};
    fv_tensor *t = decode_pixels(file, &p) == FV_OK ? as_tensor(file->name, &p, mode, orient)
                                                    : fv_failed_tensor();
    fv_pixels_free(&p);
    return t;
}

/* --- files ------------------------------------------------------------------------------------ */

static fv_tensor *read_opened(fv_reader *reader, const fv_read_image_args *a)
{
    if (reader->packed) {
        fv_fail(FV_ERR_FORMAT, "%s: is packed by gzip: gunzip it first", reader->path);
        return fv_failed_tensor();
    }
    size_t token;
    const size_t size = (size_t)reader->size;
    uint8_t *bytes = fv_block_alloc(size, &token);
    if (!bytes) {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory for its %zu bytes", reader->path, size);
        return fv_failed_tensor();
    }
    fv_tensor *t = fv_failed_tensor();
    const fv_image_bytes file = {reader->path, bytes, size};
    if (fv_reader_read(reader, bytes, size) == FV_OK)
        t = decode(&file, a->mode, a->apply_exif_orientation);
    fv_block_free(bytes, token);
    return t;
}

const fv_read_image_args fv_read_image_defaults = {FV_READ_IMAGE_DEFAULTS};

fv_tensor *fv_read_image_ex(const fv_read_image_args *a)
{
    fv_reader reader;
    if (!fv_args_ok("read_image", a, sizeof *a)) return fv_failed_tensor();
    if (!a->path || !*a->path) {
        fv_fail(FV_ERR_OPTION, "read_image: no path");
        return fv_failed_tensor();
    }
    if (!fv_constant_ok("read_image", "mode", a->mode, FV_IMAGE_MODE_FIRST))
        return fv_failed_tensor();
    if (snprintf(reader.path, sizeof reader.path, "%s", a->path) >= (int)sizeof reader.path) {
        fv_fail(FV_ERR_IO, "read_image: the path %.100s... is too long", a->path);
        return fv_failed_tensor();
    }
    if (fv_reader_open(&reader) != FV_OK) return fv_failed_tensor();
    fv_tensor *t = read_opened(&reader, a);
    fv_reader_close(&reader);
    return t;
}

const fv_decode_image_args fv_decode_image_defaults = {FV_DECODE_IMAGE_DEFAULTS};

/* Row-major bytes, in a block of their own where the tensor's are in another order. */
static fv_tensor *decode_tensor(const fv_decode_image_args *a)
{
    const fv_tensor *t = a->bytes;
    size_t token = 0;
    uint8_t *copy = NULL;
    if (!fv_is_contiguous(t)) {
        copy = fv_block_alloc((size_t)t->numel, &token);
        if (!copy) {
            fv_fail(FV_ERR_MEMORY, "decode_image: out of memory for %" PRId64 " bytes", t->numel);
            return fv_failed_tensor();
        }
        fv_copy_out(t, FV_UINT8, copy);
    }
    const fv_image_bytes file = {"decode_image", copy ? copy : t->data, (size_t)t->numel};
    fv_tensor *image = decode(&file, a->mode, a->apply_exif_orientation);
    if (copy) fv_block_free(copy, token);
    return image;
}

fv_tensor *fv_decode_image_ex(const fv_decode_image_args *a)
{
    if (!fv_args_ok("decode_image", a, sizeof *a)) return fv_failed_tensor();
    const fv_tensor *t = a->bytes;
    if (!t) {
        fv_fail_null("decode_image", "bytes");
        return fv_failed_tensor();
    }
    if (fv_failed_in("decode_image", t) || fv_need_elements("decode_image", t) != FV_OK ||
        !fv_constant_ok("decode_image", "mode", a->mode, FV_IMAGE_MODE_FIRST))
        return fv_failed_tensor();
    const fv_shape shape = fv_shape_of(t);
    if (t->dtype != FV_UINT8 || t->ndim != 1) {
        fv_fail(t->dtype != FV_UINT8 ? FV_ERR_DTYPE : FV_ERR_SHAPE,
                "decode_image: bytes are %s %s, need uint8 [n]", fv_dtype_name(t->dtype),
                fv_shape_text(&shape));
        return fv_failed_tensor();
    }
    return decode_tensor(a);
}
