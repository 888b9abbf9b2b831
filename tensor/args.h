/* The argument sugar: positional arguments, then named options.
 *
 *   fv_conv2d(x, w, b, .stride = 2)  becomes
 *   fv_conv2d_ex(&(const fv_conv2d_args){ <defaults>, .positional = 0, x, w, b, .stride = 2 })
 *
 * Every arguments struct opens with `char positional;`, then the fields in PyTorch's positional
 * order. A later designator overrides an earlier one, so what is left out has its default and an
 * explicit 0 or false is taken as said. In C++, in a debugger or from another language call the
 * _ex function with a struct that starts from its defaults:
 *   fv_conv_args a = {FV_CONV_DEFAULTS};  a.input = x;  a.weight = w;  fv_conv2d_ex(&a); */
#ifndef FOVEA_TENSOR_ARGS_H
#define FOVEA_TENSOR_ARGS_H

/* The defaults of an arguments struct, in the order of its fields (C++20 insists); in C what
 * follows them goes on at the first positional field. */
#ifdef __cplusplus
#define FV_DEFAULTS(...) __VA_ARGS__
#define FV_NO_DEFAULTS
#else
#define FV_DEFAULTS(...) __VA_ARGS__, .positional = 0
#define FV_NO_DEFAULTS   .positional = 0
#endif

#if defined(__clang__)
#define FV_CALL_ARGS(function, type, ...)                                                          \
    _Pragma("clang diagnostic push")                                                               \
        _Pragma("clang diagnostic ignored \"-Winitializer-overrides\"")                            \
            function(&(const type){__VA_ARGS__}) _Pragma("clang diagnostic pop")
#else
#define FV_CALL_ARGS(function, type, ...)                                                          \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")       \
            function(&(const type){__VA_ARGS__});                                                  \
        _Pragma("GCC diagnostic pop")                                                              \
    })
#endif
#endif
