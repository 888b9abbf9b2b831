/* Helpers of the layers. Private to nn/. */
#ifndef FOVEA_NN_LAYER_IMPL_H
#define FOVEA_NN_LAYER_IMPL_H

#include "nn/module.h"

enum { FV_DIMS_TEXT = 128 };

/* "3" or "(3, 1)", as Python prints a number or tuple. n > 0: always as a tuple of n, as for
 * convolutions; FV_SAME and the like by name. Returns text. */
const char *fv_dims_describe(fv_dims dims, int n, char text[FV_DIMS_TEXT]);

/* Shortest decimal form that reads back as the same number, as Python prints it: 0.1, 1e-05. */
const char *fv_number_describe(double value, char text[FV_DIMS_TEXT]);

static inline const char *fv_bool_describe(bool value)
{
    return value ? "True" : "False";
}

/* Adds a parameter of that shape, with elements U(-bound, bound), or value everywhere when bound
 * is negative. The tensor belongs to the module alone. */
fv_status fv_layer_parameter(fv_module *m, const char *name, fv_shape shape, fv_dtype dtype,
                             double bound, double value);

/* The same for a buffer of one value. */
fv_status fv_layer_buffer(fv_module *m, const char *name, fv_shape shape, fv_dtype dtype,
                          double value);

/* Checks one option of n dimensions: unpacks into out, each at least low. */
fv_status fv_layer_dims(const char *layer, const char *option, fv_dims dims, int n, int64_t low,
                        int64_t *out);

#endif
