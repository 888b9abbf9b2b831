/* Convolution layers. */
#ifndef FOVEA_NN_CONV_H
#define FOVEA_NN_CONV_H

#include "../autograd/ops/conv/conv.h"
#include "../autograd/ops/view/view.h"
#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_conv_args {
    size_t size;
    int64_t in_channels, out_channels;
    fv_dims kernel_size;
    fv_dims stride;           /* 1 */
    fv_dims padding;          /* 0; or FV_SAME, FV_VALID, FV_FULL */
    fv_dims dilation;         /* 1 */
    int64_t groups;           /* 1 */
    bool bias;                /* true */
    fv_pad_mode padding_mode; /* FV_PAD_CONSTANT: zeros; or FV_PAD_REFLECT, _REPLICATE, _CIRCULAR */
    fv_dtype dtype;           /* float32 */
} fv_nn_conv_args;
#define FV_NN_CONV_DEFAULTS                                                                        \
    FV_DEFAULTS(fv_nn_conv_args, .stride = 1, .dilation = 1, .groups = 1, .bias = true,            \
                .padding_mode = FV_PAD_CONSTANT, .dtype = FV_FLOAT32)
extern const fv_nn_conv_args fv_nn_conv_defaults;

/* fv_conv1d, 2d, 3d with parameters weight [out, in/groups, kernel..] and bias [out], both
 * U(-1/sqrt(fan_in), 1/sqrt(fan_in)), fan_in = in/groups * product(kernel). Other padding modes
 * than zeros pad the input with fv_pad first.
 * Errors (NULL): channels or groups below 1, or that do not divide; options out of range.
 * Source: torch.nn.Conv1d, Conv2d, Conv3d. */
fv_module *fv_nn_conv1d_ex(const fv_nn_conv_args *a);
fv_module *fv_nn_conv2d_ex(const fv_nn_conv_args *a);
fv_module *fv_nn_conv3d_ex(const fv_nn_conv_args *a);
#define fv_nn_conv1d(...)                                                                          \
    FV_CALL(fv_nn_conv1d_ex, fv_nn_conv_args, FV_NN_CONV_DEFAULTS, __VA_ARGS__)
#define fv_nn_conv2d(...)                                                                          \
    FV_CALL(fv_nn_conv2d_ex, fv_nn_conv_args, FV_NN_CONV_DEFAULTS, __VA_ARGS__)
#define fv_nn_conv3d(...)                                                                          \
    FV_CALL(fv_nn_conv3d_ex, fv_nn_conv_args, FV_NN_CONV_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_conv_transpose_args {
    size_t size;
    int64_t in_channels, out_channels;
    fv_dims kernel_size;
    fv_dims stride;         /* 1 */
    fv_dims padding;        /* 0 */
    fv_dims output_padding; /* 0 */
    int64_t groups;         /* 1 */
    bool bias;              /* true */
    fv_dims dilation;       /* 1 */
    fv_dtype dtype;         /* float32 */
} fv_nn_conv_transpose_args;
#define FV_NN_CONV_TRANSPOSE_DEFAULTS                                                              \
    FV_DEFAULTS(fv_nn_conv_transpose_args, .stride = 1, .groups = 1, .bias = true, .dilation = 1,  \
                .dtype = FV_FLOAT32)
extern const fv_nn_conv_transpose_args fv_nn_conv_transpose_defaults;

/* fv_conv_transpose1d, 2d, 3d with parameters weight [in, out/groups, kernel..] and bias [out],
 * initialised as above with fan_in = out/groups * product(kernel).
 * Errors (NULL): as above; an output_padding that is not below stride or dilation.
 * Source: torch.nn.ConvTranspose1d, ConvTranspose2d, ConvTranspose3d. */
fv_module *fv_nn_conv_transpose1d_ex(const fv_nn_conv_transpose_args *a);
fv_module *fv_nn_conv_transpose2d_ex(const fv_nn_conv_transpose_args *a);
fv_module *fv_nn_conv_transpose3d_ex(const fv_nn_conv_transpose_args *a);
#define fv_nn_conv_transpose1d(...)                                                                \
    FV_CALL(fv_nn_conv_transpose1d_ex, fv_nn_conv_transpose_args, FV_NN_CONV_TRANSPOSE_DEFAULTS,   \
            __VA_ARGS__)
#define fv_nn_conv_transpose2d(...)                                                                \
    FV_CALL(fv_nn_conv_transpose2d_ex, fv_nn_conv_transpose_args, FV_NN_CONV_TRANSPOSE_DEFAULTS,   \
            __VA_ARGS__)
#define fv_nn_conv_transpose3d(...)                                                                \
    FV_CALL(fv_nn_conv_transpose3d_ex, fv_nn_conv_transpose_args, FV_NN_CONV_TRANSPOSE_DEFAULTS,   \
            __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
