/* Inside data/image/: how a file becomes pixels and pixels a file.
 *
 *   bytes ── a decoder per format ──► fv_pixels ── mode, orientation ──► tensor   (read.c)
 *   tensor ──► fv_pixels ── an encoder per format ──► fv_durable                   (write.c)
 */
#ifndef FOVEA_DATA_IMAGE_IMAGE_IMPL_H
#define FOVEA_DATA_IMAGE_IMAGE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/image/image.h"
#include "tensor/durable.h"

enum { FV_MAX_SIDE = 65535, FV_MAX_PIXELS = 1 << 27 };

/* The bytes of a file; name is for messages. */
typedef struct fv_image_bytes {
    const char *name;
    const uint8_t *bytes;
    size_t size;
} fv_image_bytes;

/* Interleaved samples: pixel (y, x) begins at (y * width + x) * channels. */
typedef struct fv_pixels {
    int64_t width, height, channels;
    int orientation; /* of EXIF, 1 to 8; 1: as it lies */
    uint8_t *samples;
    size_t token; /* of that block */
} fv_pixels;

/* Checks the sizes that a header promises and takes memory for them. most: pixels that so many
 * bytes of file can hold. */
fv_status fv_pixels_alloc(fv_pixels *p, const char *name, int64_t width, int64_t height,
                          int64_t channels, double most);
void fv_pixels_free(fv_pixels *p);

/* Decoders: p is cleared before, and to be freed also after an error. */
fv_status fv_png_decode(const fv_image_bytes *file, fv_pixels *p);
fv_status fv_jpeg_decode(const fv_image_bytes *file, fv_pixels *p);
fv_status fv_pnm_decode(const fv_image_bytes *file, fv_pixels *p);

/* Where the bytes of a file go. */
typedef struct fv_sink {
    fv_status (*write)(void *context, const void *bytes, size_t count);
    void *context;
    const char *name; /* for messages */
} fv_sink;

/* Encoders. */
fv_status fv_png_encode(const fv_pixels *p, int compression, fv_sink to);
fv_status fv_jpeg_encode(const fv_pixels *p, int quality, fv_sink to);
fv_status fv_pnm_encode(const fv_pixels *p, fv_sink to);
/* Into an open file. */
fv_sink fv_sink_of(fv_durable *file);
/* The samples of a pixel side by side, of uint8 [C,H,W] or [H,W] in any order of memory; false when
 * memory is out. */
bool fv_pixels_of(const fv_tensor *image, fv_pixels *p);
bool fv_jpeg_works(void);

/* The bytes nearest to 255 times the float32 values of a dense tensor, a NaN being 0; one
 * reference, or NULL with an error. */
fv_tensor *fv_bytes_of_floats(const fv_tensor *image);

/* The orientation that an EXIF block (from its byte order mark on) tells; 1 when it tells none. */
int fv_exif_orientation(const uint8_t *exif, size_t size);

#endif
