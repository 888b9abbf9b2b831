/* JPEG through libjpeg, which leaves by longjmp when a file is damaged: all that has to be given
 * back then stands in one struct, outside of the function that it comes back to. */
#include "data/image/image_impl.h"

#ifdef FV_HAVE_JPEG
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

/* libjpeg takes its memory by malloc; a file that wants more for one picture is refused, and so is
 * one that goes over the picture again and again for nothing. */
#define MOST_MEMORY (1L << 30)
enum { MOST_SCANS = 256, PIECE = 16384 };

typedef struct errors {
    struct jpeg_error_mgr manager;
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
    char warning[JMSG_LENGTH_MAX]; /* the first one */
} errors;

static void leave(j_common_ptr info)
{
    errors *e = (errors *)info->err;
    e->manager.format_message(info, e->message);
    longjmp(e->back, 1);
}

static void keep_warning(j_common_ptr info, int level)
{
    errors *e = (errors *)info->err;
    if (level < 0 && e->manager.num_warnings++ == 0) e->manager.format_message(info, e->warning);
}

static void silent(j_common_ptr info)
{
    (void)info;
}

static struct jpeg_error_mgr *use_errors(errors *e)
{
    jpeg_std_error(&e->manager);
    e->manager.error_exit = leave;
    e->manager.emit_message = keep_warning;
    e->manager.output_message = silent;
    e->message[0] = e->warning[0] = '\0';
    return &e->manager;
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct jpeg_reading {
    const fv_image_bytes *file;
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    errors errors;
    fv_pixels *pixels;
} jpeg_reading;

static void start_source(j_decompress_ptr info)
{
    (void)info;
}

static boolean no_more_bytes(j_decompress_ptr info)
{
    errors *e = (errors *)info->err;
    snprintf(e->message, sizeof e->message, "it ends early");
    longjmp(e->back, 1);
}

static void skip_bytes(j_decompress_ptr info, long count)
{
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) no_more_bytes(info);
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

static void watch_scans(j_common_ptr info)
{
    const j_decompress_ptr reading = (j_decompress_ptr)info;
    errors *e = (errors *)info->err;
    if (reading->input_scan_number <= MOST_SCANS) return;
    snprintf(e->message, sizeof e->message, "it has more than %d scans", MOST_SCANS);
    longjmp(e->back, 1);
}

static void use_source(jpeg_reading *r)
{
    r->source.init_source = start_source;
    r->source.fill_input_buffer = no_more_bytes;
    r->source.skip_input_data = skip_bytes;
    r->source.resync_to_restart = jpeg_resync_to_restart;
    r->source.term_source = start_source;
    r->source.next_input_byte = r->file->bytes;
    r->source.bytes_in_buffer = r->file->size;
    r->info.src = &r->source;
    r->progress.progress_monitor = watch_scans;
    r->info.progress = &r->progress;
}

/* Every block of 8 x 8 pixels takes a bit of the file at least, unless it is coded by arithmetic;
 * a component may have one block where the picture has 4 x 4. */
static double most_pixels(const jpeg_reading *r)
{
    return r->info.arith_code ? FV_MAX_PIXELS : 64.0 * 16 * 8 * (double)r->file->size;
}

/* Grey as it is, CMYK to be converted here, all else as RGB. */
static void ask_for_colours(struct jpeg_decompress_struct *info)
{
    const bool inks = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    if (info->jpeg_color_space == JCS_GRAYSCALE)
        info->out_color_space = JCS_GRAYSCALE;
    else
        info->out_color_space = inks ? JCS_CMYK : JCS_RGB;
}

static uint8_t times(unsigned a, unsigned b)
{
    return (uint8_t)((a * b + 127) / 255);
}

/* Four inks to three colours, in place. Adobe writes how much light each lets through, others how
 * much of it there is. */
static void inks_to_colours(fv_pixels *p, bool adobe)
{
    const unsigned flip = adobe ? 0 : 255;
    for (int64_t i = 0; i < p->width * p->height; i++) {
        const uint8_t *ink = p->samples + 4 * i;
        const unsigned black = ink[3] ^ flip;
        for (int c = 0; c < 3; c++) p->samples[3 * i + c] = times(ink[c] ^ flip, black);
    }
    p->channels = 3;
}

static int orientation_of(const struct jpeg_decompress_struct *info)
{
    for (jpeg_saved_marker_ptr m = info->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0)
            return fv_exif_orientation(m->data + 6, m->data_length - 6);
    return 1;
}

static void read_lines(jpeg_reading *r)
{
    const fv_pixels *p = r->pixels;
    while (r->info.output_scanline < r->info.output_height) {
        JSAMPROW row = p->samples + (int64_t)r->info.output_scanline * p->width * p->channels;
        jpeg_read_scanlines(&r->info, &row, 1);
    }
    jpeg_finish_decompress(&r->info);
}

static fv_status read_jpeg(jpeg_reading *r)
{
    if (setjmp(r->errors.back))
        return fv_fail(FV_ERR_FORMAT, "%s: a damaged JPEG file: %s", r->file->name,
                       r->errors.message);
    jpeg_create_decompress(&r->info);
    r->info.mem->max_memory_to_use = MOST_MEMORY;
    use_source(r);
    jpeg_save_markers(&r->info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&r->info, TRUE);
    ask_for_colours(&r->info);
    jpeg_calc_output_dimensions(&r->info);
    const fv_status status =
        fv_pixels_alloc(r->pixels, r->file->name, r->info.output_width, r->info.output_height,
                        r->info.output_components, most_pixels(r));
    if (status != FV_OK) return status;
    r->pixels->orientation = orientation_of(&r->info); /* while its marker is kept */
    jpeg_start_decompress(&r->info);
    read_lines(r);
    if (r->info.out_color_space == JCS_CMYK) inks_to_colours(r->pixels, r->info.saw_Adobe_marker);
    return FV_OK;
}

fv_status fv_jpeg_decode(const fv_image_bytes *file, fv_pixels *p)
{
    jpeg_reading r = {.file = file, .pixels = p};
    r.info.err = use_errors(&r.errors);
    const fv_status status = read_jpeg(&r);
    if (status == FV_OK && *r.errors.warning) fv_warn("%s: %s", file->name, r.errors.warning);
    jpeg_destroy_decompress(&r.info);
    return status;
}

/* --- writing ---------------------------------------------------------------------------------- */

typedef struct jpeg_writing {
    struct jpeg_compress_struct info;
    struct jpeg_destination_mgr destination;
    errors errors;
    fv_sink to;
    fv_status status;
    JOCTET piece[PIECE];
} jpeg_writing;

static void start_piece(j_compress_ptr info)
{
    jpeg_writing *w = info->client_data;
    w->destination.next_output_byte = w->piece;
    w->destination.free_in_buffer = PIECE;
}

static void write_bytes(jpeg_writing *w, size_t count)
{
    w->status = w->to.write(w->to.context, w->piece, count);
    if (w->status != FV_OK) longjmp(w->errors.back, 1);
}

static boolean write_piece(j_compress_ptr info)
{
    write_bytes(info->client_data, PIECE);
    start_piece(info);
    return TRUE;
}

static void write_rest(j_compress_ptr info)
{
    jpeg_writing *w = info->client_data;
    write_bytes(w, PIECE - w->destination.free_in_buffer);
}

static fv_status write_jpeg(jpeg_writing *w, const fv_pixels *p, int quality)
{
    if (setjmp(w->errors.back))
        return w->status != FV_OK ? w->status
                                  : fv_fail(FV_ERR_FORMAT, "%s: %s", w->to.name, w->errors.message);
    jpeg_create_compress(&w->info);
    w->info.client_data = w;
    w->destination.init_destination = start_piece;
    w->destination.empty_output_buffer = write_piece;
    w->destination.term_destination = write_rest;
    w->info.dest = &w->destination;
    w->info.image_width = (JDIMENSION)p->width;
    w->info.image_height = (JDIMENSION)p->height;
    w->info.input_components = (int)p->channels;
    w->info.in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&w->info);
    jpeg_set_quality(&w->info, quality, TRUE);
    jpeg_start_compress(&w->info, TRUE);
    while (w->info.next_scanline < w->info.image_height) {
        JSAMPROW row = p->samples + (int64_t)w->info.next_scanline * p->width * p->channels;
        jpeg_write_scanlines(&w->info, &row, 1);
    }
    jpeg_finish_compress(&w->info);
    return FV_OK;
}

bool fv_jpeg_works(void)
{
    return true;
}

fv_status fv_jpeg_encode(const fv_pixels *p, int quality, fv_sink to)
{
    size_t token;
    jpeg_writing *w = fv_block_alloc(sizeof *w, &token);
    if (!w) return fv_fail(FV_ERR_MEMORY, "%s: out of memory", to.name);
    memset(w, 0, sizeof *w);
    w->to = to;
    w->info.err = use_errors(&w->errors);
    const fv_status status = write_jpeg(w, p, quality);
    jpeg_destroy_compress(&w->info);
    fv_block_free(w, token);
    return status;
}

#else

bool fv_jpeg_works(void)
{
    return false;
}

fv_status fv_jpeg_decode(const fv_image_bytes *file, fv_pixels *p)
{
    (void)p;
    return fv_fail(FV_ERR_IO,
                   "%s: this build was made without libjpeg and cannot read JPEG files; convert it "
                   "to PPM, or install libjpeg (Debian: libjpeg62-turbo-dev) and build again",
                   file->name);
}

fv_status fv_jpeg_encode(const fv_pixels *p, int quality, fv_sink to)
{
    (void)p, (void)quality;
    return fv_fail(
        FV_ERR_IO,
        "%s: this build was made without libjpeg and cannot write JPEG files; take .png, "
        "or install libjpeg (Debian: libjpeg62-turbo-dev) and build again",
        to.name);
}

#endif
