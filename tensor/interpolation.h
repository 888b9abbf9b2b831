/* How values between the pixels of a picture, or of a map, are found. */
#ifndef FOVEA_TENSOR_INTERPOLATION_H
#define FOVEA_TENSOR_INTERPOLATION_H

#include "constants.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_interpolation {
    FV_NEAREST = FV_INTERPOLATION_FIRST, /* the pixel at or before the place, as OpenCV's */
    FV_NEAREST_EXACT,                    /* the pixel whose centre is nearest, as Pillow's */
    FV_LINEAR,                           /* between two neighbours: 1 dimension */
    FV_BILINEAR,                         /* in 2 dimensions */
    FV_BICUBIC,                          /* a cubic through four neighbours: 2 dimensions */
    FV_TRILINEAR,                        /* linear in 3 dimensions */
    FV_AREA,                             /* the mean of the pixels that an output pixel covers */
} fv_interpolation;

/* "nearest-exact": their names in PyTorch, in this order; ends with NULL. */
extern const char *const fv_interpolation_names[];

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
