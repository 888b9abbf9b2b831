/* Pictures in a terminal: two pixels a character by half blocks in 24-bit colours, or sixels where
 * the terminal draws them. */
#ifndef FOVEA_DATA_IMAGE_TERMINAL_H
#define FOVEA_DATA_IMAGE_TERMINAL_H

#include <stdio.h>

#include "../../tensor/args.h"
#include "../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_print_image_args {
    size_t size;
    const fv_tensor *image; /* uint8, or floating from 0 to 1; [H,W], or [C,H,W] with C 1 or 3 */
    int64_t columns; /* the picture is resized to so many characters (sixels: 8 pixels each); not
                        given: as it is, and narrower where it would pass 80 */
    FILE *file;      /* NULL: stdout */
    bool sixel;      /* false */
} fv_print_image_args;
#define FV_PRINT_IMAGE_DEFAULTS FV_DEFAULTS(fv_print_image_args, .columns = FV_UNSET)
extern const fv_print_image_args fv_print_image_defaults;

/* Prints the image; a picture wider than columns is averaged, a narrower one repeated.
 * Errors: shape, dtype, columns outside of 1 to 1000, what the file refuses. */
fv_status fv_print_image_ex(const fv_print_image_args *a);
#define fv_print_image(...)                                                                        \
    FV_CALL(fv_print_image_ex, fv_print_image_args, FV_PRINT_IMAGE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
