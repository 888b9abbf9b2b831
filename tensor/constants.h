/* The constants that stand for options. Every kind has numbers of its own, so that a constant in
 * the place of another kind, or of a number, is told; they are far from what a size, an index or a
 * number of dimensions can be. Dtypes have theirs in dtype.h, FV_SAME and its like in shape.h. */
#ifndef FOVEA_TENSOR_CONSTANTS_H
#define FOVEA_TENSOR_CONSTANTS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The first number of each enum; constants.c has the names. */
enum {
    FV_REDUCTION_FIRST = INT32_MIN + 0x100,
    FV_PAD_MODE_FIRST = INT32_MIN + 0x200,
    FV_ANNEAL_FIRST = INT32_MIN + 0x300,
    FV_PLATEAU_MODE_FIRST = INT32_MIN + 0x400,
    FV_THRESHOLD_MODE_FIRST = INT32_MIN + 0x500,
    FV_FAN_MODE_FIRST = INT32_MIN + 0x600,
    FV_NONLINEARITY_FIRST = INT32_MIN + 0x700,
    FV_CONV_PRECISION_FIRST = INT32_MIN + 0x800,
    FV_INTERPOLATION_FIRST = INT32_MIN + 0x900,
    FV_IMAGE_MODE_FIRST = INT32_MIN + 0xa00,
    FV_CONSTANTS_END = INT32_MIN + 0x1000, /* above all of them, and of FV_SAME and its like */
};

/* "FV_SAME", "FV_PAD_REFLECT"; NULL for a number that is no constant (dtypes are not asked). */
const char *fv_constant_name(int64_t value);

/* Is value one of the enum that begins with first? */
bool fv_constant_in(int64_t value, int64_t first);

/* Records "<function>: <option> is FV_SUM; it takes FV_FAN_IN, FV_FAN_OUT" unless fv_constant_in;
 * true when it is one. */
bool fv_constant_ok(const char *function, const char *option, int64_t value, int64_t first);

/* The names of an enum, "FV_MEAN, FV_SUM, FV_NONE"; in a buffer of this thread. */
const char *fv_constants_text(int64_t first);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
