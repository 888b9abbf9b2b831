/* The calling convention: positional arguments, then named options.
 *
 *     fv_conv2d(x, w, b, .stride = 2)   becomes
 *     fv_conv2d_ex(&(const fv_conv_args){<defaults>, .size = sizeof(fv_conv_args),
 *                                        x, w, b, .stride = 2})
 *
 * Every arguments struct opens with `size_t size`, then the fields in PyTorch's positional order.
 * Naming size restarts the positions behind it; a later initializer overrides an earlier one, so
 * what is left out has its default, and an explicit 0 or false is taken as said.
 *
 * In C++, in a debugger or from another language call the _ex function with a struct that starts
 * from its defaults, which are data:
 *
 *     fv_conv_args a = fv_conv_defaults;
 *     a.input = x;  a.weight = w;
 *     fv_tensor *y = fv_conv2d_ex(&a);
 *
 * A struct that did not start from them is refused: its size is wrong.
 *
 * Inside a call, and only there, what the compiler would merely warn about is an error: a number in
 * a tensor's place, an enum of another kind, a fraction where a whole number goes, a value that is
 * computed and dropped, as in .stride = (2, 1). With FOVEA_CHECK_CALLS defined before the include,
 * an option given twice is warned about as well. */
#ifndef FOVEA_TENSOR_ARGS_H
#define FOVEA_TENSOR_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* For the _ex functions: did args start from its defaults? If not, an error of that function. */
fv_status fv_args_refuse(const char *function, const void *args, size_t size);
static inline bool fv_args_ok(const char *function, const void *args, size_t size)
{
    if (args && *(const size_t *)args == size) return true;
    return fv_args_refuse(function, args, size) == FV_OK;
}

/* A number as a default that no caller would give: a NaN of its own. */
#define FV_UNSET_NUMBER __builtin_nan("0x5eed")
bool fv_is_unset(double number);

/* The defaults of an arguments struct as initializers. */
#define FV_DEFAULTS(type, ...) __VA_ARGS__, .size = sizeof(type)
#define FV_NO_DEFAULTS(type)   .size = sizeof(type)

#if !defined(__cplusplus) && !defined(FOVEA_NO_MACROS)
#define FV_HAVE_CALLS 1

/* clang-format off */
#if defined(__clang__)
#define FV_CALL_BEGIN \
    _Pragma("clang diagnostic push") \
    _Pragma("clang diagnostic error \"-Wint-conversion\"") \
    _Pragma("clang diagnostic error \"-Wincompatible-pointer-types\"") \
    _Pragma("clang diagnostic error \"-Wenum-conversion\"") \
    _Pragma("clang diagnostic error \"-Wfloat-conversion\"") \
    _Pragma("clang diagnostic error \"-Wconstant-conversion\"") \
    _Pragma("clang diagnostic error \"-Wliteral-conversion\"") \
    _Pragma("clang diagnostic error \"-Wimplicit-const-int-float-conversion\"") \
    _Pragma("clang diagnostic error \"-Wunused-value\"") \
    _Pragma("clang diagnostic error \"-Wexcess-initializers\"") \
    _Pragma("clang diagnostic ignored \"-Winitializer-overrides\"") \
    _Pragma("clang diagnostic ignored \"-Wmissing-field-initializers\"") \
    _Pragma("clang diagnostic ignored \"-Wdouble-promotion\"") \
    _Pragma("clang diagnostic ignored \"-Wsign-conversion\"") \
    _Pragma("clang diagnostic ignored \"-Wgnu-statement-expression\"")
#define FV_CALL_END _Pragma("clang diagnostic pop")
#elif defined(__GNUC__)
#define FV_CALL_BEGIN \
    _Pragma("GCC diagnostic push") \
    _Pragma("GCC diagnostic error \"-Wint-conversion\"") \
    _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"") \
    _Pragma("GCC diagnostic error \"-Wenum-conversion\"") \
    _Pragma("GCC diagnostic error \"-Wfloat-conversion\"") \
    _Pragma("GCC diagnostic error \"-Woverflow\"") \
    _Pragma("GCC diagnostic error \"-Wunused-value\"") \
    _Pragma("GCC diagnostic ignored \"-Woverride-init\"") \
    _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") \
    _Pragma("GCC diagnostic ignored \"-Wdouble-promotion\"") \
    _Pragma("GCC diagnostic ignored \"-Wsign-conversion\"")
#define FV_CALL_END _Pragma("GCC diagnostic pop")
#else
#error "Fovea's call macros need GCC or Clang; define FOVEA_NO_MACROS for the plain functions only"
#endif
/* clang-format on */

#define FV_CALL(function, type, defaults, ...)                                                     \
    __extension__({                                                                                \
        FV_CHECK_CALL(type, __VA_ARGS__)                                                           \
        FV_CALL_BEGIN                                                                              \
        function(&(const type){defaults, __VA_ARGS__});                                            \
        FV_CALL_END                                                                                \
    })

/* clang-format off */
#ifndef FOVEA_CHECK_CALLS
#define FV_CHECK_CALL(type, ...)
#elif defined(__clang__)
#define FV_CHECK_CALL(type, ...)                                                                   \
    _Pragma("clang diagnostic push")                                                               \
    _Pragma("clang diagnostic warning \"-Winitializer-overrides\"")                                \
    _Pragma("clang diagnostic ignored \"-Wmissing-field-initializers\"")                           \
    (void)sizeof((const type){.size = sizeof(type), __VA_ARGS__});                                 \
    _Pragma("clang diagnostic pop")
#else
#define FV_CHECK_CALL(type, ...)                                                                   \
    _Pragma("GCC diagnostic push")                                                                 \
    _Pragma("GCC diagnostic warning \"-Woverride-init\"")                                          \
    _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                             \
    (void)sizeof((const type){.size = sizeof(type), __VA_ARGS__});                                 \
    _Pragma("GCC diagnostic pop")
#endif
/* clang-format on */

/* The associations of _Generic for numbers: one function for floating ones, one for integers, among
 * which bool and char count. */
/* clang-format off */
#define FV_BY_NUMBER_(floating, whole)                                                             \
    float: floating, double: floating, bool: whole, char: whole, signed char: whole,               \
    unsigned char: whole, short: whole, unsigned short: whole, int: whole, unsigned: whole,        \
    long: whole, unsigned long: whole, long long: whole, unsigned long long: whole
/* clang-format on */
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
