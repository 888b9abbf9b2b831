/* Reading of PNG through libpng, which leaves by longjmp when a file is damaged: all that has to be
 * given back then stands in one struct, outside of the function that it comes back to. */
#include "data/image/image_impl.h"

#ifdef FV_HAVE_PNG
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

/* Deflate's densest code: 1032 bytes of one. */
enum { DEFLATE_RATIO = 1032 };

typedef struct png_reading {
    const fv_image_bytes *file;
    size_t at; /* bytes taken */
    png_structp png;
    png_infop info;
    fv_pixels *pixels;
    png_bytep *rows; /* of the picture, for an interlaced one */
    size_t rows_token;
    char message[128];
} png_reading;

static void take_bytes(png_structp png, png_bytep out, size_t count)
{
    png_reading *r = png_get_io_ptr(png);
    if (count > r->file->size - r->at) png_error(png, "it ends early");
    memcpy(out, r->file->bytes + r->at, count);
    r->at += count;
}

/* libpng's own error function prints; this one keeps the words. */
static void keep_message(png_structp png, png_const_charp message)
{
    png_reading *r = png_get_error_ptr(png);
    snprintf(r->message, sizeof r->message, "%s", message);
    png_longjmp(png, 1);
}

static void pass_over_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

/* Eight bits a sample, 1 to 4 channels, whatever is in the file. */
static void ask_for_bytes(png_structp png, png_infop info)
{
    const int colour = png_get_color_type(png, info);
    if (png_get_bit_depth(png, info) == 16) png_set_scale_16(png);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static int orientation_of(png_structp png, png_infop info)
{
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 size;
    png_bytep exif;
    if (png_get_eXIf_1(png, info, &size, &exif)) return fv_exif_orientation(exif, size);
#endif
    (void)png, (void)info;
    return 1;
}

static void read_rows(png_reading *r)
{
    fv_pixels *p = r->pixels;
    r->rows = fv_block_alloc((size_t)p->height * sizeof *r->rows, &r->rows_token);
    if (!r->rows) png_error(r->png, "out of memory");
    for (int64_t y = 0; y < p->height; y++) r->rows[y] = p->samples + y * p->width * p->channels;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, r->info);
}

/* What libpng may leave by longjmp. */
static fv_status read_png(png_reading *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return fv_fail(strstr(r->message, "memory") ? FV_ERR_MEMORY : FV_ERR_FORMAT,
                       "%s: a damaged PNG file: %s", r->file->name, r->message);
    png_set_read_fn(r->png, r, take_bytes);
    png_set_user_limits(r->png, FV_MAX_SIDE, FV_MAX_SIDE);
    png_read_info(r->png, r->info);
    /* Before the transformations: a row of the file is no longer than its pixels. */
    const double row =
        (double)png_get_rowbytes(r->png, r->info) / (double)png_get_image_width(r->png, r->info);
    ask_for_bytes(r->png, r->info);
    const fv_status status =
        fv_pixels_alloc(r->pixels, r->file->name, png_get_image_width(r->png, r->info),
                        png_get_image_height(r->png, r->info), png_get_channels(r->png, r->info),
                        (double)DEFLATE_RATIO * (double)r->file->size / row);
    if (status != FV_OK) return status;
    read_rows(r);
    r->pixels->orientation = orientation_of(r->png, r->info);
    return FV_OK;
}

fv_status fv_png_decode(const fv_image_bytes *file, fv_pixels *p)
{
    png_reading r = {.file = file, .pixels = p};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, keep_message, pass_over_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    const fv_status status =
        r.info ? read_png(&r) : fv_fail(FV_ERR_MEMORY, "%s: out of memory", file->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (r.rows) fv_block_free(r.rows, r.rows_token);
    return status;
}

#else

fv_status fv_png_decode(const fv_image_bytes *file, fv_pixels *p)
{
    (void)p;
    return fv_fail(
        FV_ERR_IO,
        "%s: this build was made without libpng and cannot read PNG files; convert it to "
        "PPM, or install libpng (Debian: libpng-dev) and build again",
        file->name);
}

#endif
