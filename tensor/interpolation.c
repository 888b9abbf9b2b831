/* The names of the modes of interpolation. */
#include "tensor/interpolation.h"

#include <stddef.h>

const char *const fv_interpolation_names[] = {"nearest", "nearest-exact", "linear", "bilinear",
                                              "bicubic", "trilinear",     "area",   NULL};
