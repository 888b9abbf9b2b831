/* Pictures in files: PNG, JPEG and netpbm (PGM, PPM).
 *
 *     fv_tensor *photo = fv_read_image("cat.jpg", .mode = FV_IMAGE_RGB);
 *     fv_write_image(photo, "cat.png");
 *
 * An image is a uint8 tensor [C,H,W] with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 channels (RGB,
 * alpha). What a file is, its first bytes say, not its name. PNG is read through libpng and JPEG
 * through libjpeg where the library was built with them; PGM and PPM, and writing PNG, need
 * neither. */
#ifndef FOVEA_DATA_IMAGE_IMAGE_H
#define FOVEA_DATA_IMAGE_IMAGE_H

#include "../../tensor/args.h"
#include "../../tensor/constants.h"
#include "../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_image_mode {
    FV_IMAGE_UNCHANGED = FV_IMAGE_MODE_FIRST, /* the channels that the file has */
    FV_IMAGE_GRAY,                            /* 1 channel: (19595 R + 38470 G + 7471 B) / 65536 */
    FV_IMAGE_GRAY_ALPHA,                      /* 2 */
    FV_IMAGE_RGB,                             /* 3 */
    FV_IMAGE_RGB_ALPHA,                       /* 4 */
} fv_image_mode;

typedef struct fv_read_image_args {
    size_t size;
    const char *path;
    fv_image_mode mode;          /* an alpha channel is dropped, or is 255 where there was none */
    bool apply_exif_orientation; /* turn the picture as the camera was held; false */
} fv_read_image_args;
#define FV_READ_IMAGE_DEFAULTS FV_DEFAULTS(fv_read_image_args, .mode = FV_IMAGE_UNCHANGED)
extern const fv_read_image_args fv_read_image_defaults;

/* A picture from a file, uint8 [C,H,W]. Palettes become RGB, samples of 1 to 4 bits fill the range
 * of a byte, those of 16 bits are rounded to 8; gamma and colour profiles are not applied. A CMYK
 * JPEG becomes RGB. A side is at most 65,535, a picture at most 2^27 pixels, and both no more than
 * the file can hold.
 * Errors: the file, a damaged or cut one, one of another kind, a kind that this build cannot read.
 * Source: torchvision.io.read_image; Pillow for the grey of a colour and for CMYK. */
fv_tensor *fv_read_image_ex(const fv_read_image_args *a);
#define fv_read_image(...)                                                                         \
    FV_CALL(fv_read_image_ex, fv_read_image_args, FV_READ_IMAGE_DEFAULTS, __VA_ARGS__)

typedef struct fv_decode_image_args {
    size_t size;
    const fv_tensor *bytes; /* uint8 [n]: a whole file */
    fv_image_mode mode;
    bool apply_exif_orientation;
} fv_decode_image_args;
#define FV_DECODE_IMAGE_DEFAULTS FV_DEFAULTS(fv_decode_image_args, .mode = FV_IMAGE_UNCHANGED)
extern const fv_decode_image_args fv_decode_image_defaults;

/* The same from memory.  Source: torchvision.io.decode_image. */
fv_tensor *fv_decode_image_ex(const fv_decode_image_args *a);
#define fv_decode_image(...)                                                                       \
    FV_CALL(fv_decode_image_ex, fv_decode_image_args, FV_DECODE_IMAGE_DEFAULTS, __VA_ARGS__)

typedef struct fv_write_image_args {
    size_t size;
    const fv_tensor *image; /* uint8 [C,H,W] or, grey, [H,W] */
    const char *path;       /* its ending says the format: .png, .jpg, .jpeg, .pgm, .ppm */
    int64_t quality;        /* of JPEG: 1 to 100; 75 */
    int64_t compression;    /* of PNG: 0 to 9; 6 */
} fv_write_image_args;
#define FV_WRITE_IMAGE_DEFAULTS FV_DEFAULTS(fv_write_image_args, .quality = 75, .compression = 6)
extern const fv_write_image_args fv_write_image_defaults;

/* Writes a picture; the file is replaced as a whole or not at all. PNG takes 1 to 4 channels, JPEG
 * 1 or 3, PGM 1, PPM 3. In a build without zlib a PNG is not compressed.
 * Errors: shape, dtype, option, an ending that is none of these, JPEG in a build without libjpeg,
 * the file.  Refused while an error stands.
 * Source: torchvision.io.write_png, write_jpeg. */
fv_status fv_write_image_ex(const fv_write_image_args *a);
#define fv_write_image(...)                                                                        \
    FV_CALL(fv_write_image_ex, fv_write_image_args, FV_WRITE_IMAGE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
