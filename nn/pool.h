/* Pooling layers. */
#ifndef FOVEA_NN_POOL_H
#define FOVEA_NN_POOL_H

#include "../autograd/ops/pool/pool.h"
#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_max_pool_args {
    size_t size;
    fv_dims kernel_size;
    fv_dims stride;   /* kernel_size */
    fv_dims padding;  /* 0 */
    fv_dims dilation; /* 1 */
    bool ceil_mode;
} fv_nn_max_pool_args;
#define FV_NN_MAX_POOL_DEFAULTS FV_DEFAULTS(fv_nn_max_pool_args, .stride = FV_UNSET, .dilation = 1)
extern const fv_nn_max_pool_args fv_nn_max_pool_defaults;

/* fv_max_pool1d, 2d, 3d. The layer returns no indices; the op can.
 * Errors (NULL): options out of range.  Source: torch.nn.MaxPool1d, MaxPool2d, MaxPool3d. */
fv_module *fv_nn_max_pool1d_ex(const fv_nn_max_pool_args *a);
fv_module *fv_nn_max_pool2d_ex(const fv_nn_max_pool_args *a);
fv_module *fv_nn_max_pool3d_ex(const fv_nn_max_pool_args *a);
#define fv_nn_max_pool1d(...)                                                                      \
    FV_CALL(fv_nn_max_pool1d_ex, fv_nn_max_pool_args, FV_NN_MAX_POOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_max_pool2d(...)                                                                      \
    FV_CALL(fv_nn_max_pool2d_ex, fv_nn_max_pool_args, FV_NN_MAX_POOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_max_pool3d(...)                                                                      \
    FV_CALL(fv_nn_max_pool3d_ex, fv_nn_max_pool_args, FV_NN_MAX_POOL_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_avg_pool_args {
    size_t size;
    fv_dims kernel_size;
    fv_dims stride;  /* kernel_size */
    fv_dims padding; /* 0 */
    bool ceil_mode;
    bool count_include_pad;   /* true */
    int64_t divisor_override; /* FV_UNSET */
} fv_nn_avg_pool_args;
#define FV_NN_AVG_POOL_DEFAULTS                                                                    \
    FV_DEFAULTS(fv_nn_avg_pool_args, .stride = FV_UNSET, .count_include_pad = true,                \
                .divisor_override = FV_UNSET)
extern const fv_nn_avg_pool_args fv_nn_avg_pool_defaults;

/* fv_avg_pool1d, 2d, 3d.
 * Errors (NULL): options out of range.  Source: torch.nn.AvgPool1d, AvgPool2d, AvgPool3d. */
fv_module *fv_nn_avg_pool1d_ex(const fv_nn_avg_pool_args *a);
fv_module *fv_nn_avg_pool2d_ex(const fv_nn_avg_pool_args *a);
fv_module *fv_nn_avg_pool3d_ex(const fv_nn_avg_pool_args *a);
#define fv_nn_avg_pool1d(...)                                                                      \
    FV_CALL(fv_nn_avg_pool1d_ex, fv_nn_avg_pool_args, FV_NN_AVG_POOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_avg_pool2d(...)                                                                      \
    FV_CALL(fv_nn_avg_pool2d_ex, fv_nn_avg_pool_args, FV_NN_AVG_POOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_avg_pool3d(...)                                                                      \
    FV_CALL(fv_nn_avg_pool3d_ex, fv_nn_avg_pool_args, FV_NN_AVG_POOL_DEFAULTS, __VA_ARGS__)

/* Pooling to a given size, whatever the input's: a number or FV_DIMS(h, w).
 * Errors (NULL): a size below 1.
 * Source: torch.nn.AdaptiveAvgPool1d, 2d, 3d; AdaptiveMaxPool1d, 2d, 3d. */
fv_module *fv_nn_adaptive_avg_pool1d(fv_dims output_size);
fv_module *fv_nn_adaptive_avg_pool2d(fv_dims output_size);
fv_module *fv_nn_adaptive_avg_pool3d(fv_dims output_size);
fv_module *fv_nn_adaptive_max_pool1d(fv_dims output_size);
fv_module *fv_nn_adaptive_max_pool2d(fv_dims output_size);
fv_module *fv_nn_adaptive_max_pool3d(fv_dims output_size);

typedef struct fv_nn_max_unpool_args {
    size_t size;
    fv_dims kernel_size;
    fv_dims stride;      /* kernel_size */
    fv_dims padding;     /* 0 */
    fv_dims output_size; /* FV_UNSET: of whole windows */
} fv_nn_max_unpool_args;
#define FV_NN_MAX_UNPOOL_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_nn_max_unpool_args, .stride = FV_UNSET, .output_size = FV_UNSET)
extern const fv_nn_max_unpool_args fv_nn_max_unpool_defaults;

/* fv_max_unpool1d, 2d, 3d, with the indices as the second input: fv_forward(unpool, x, indices).
 * Errors (NULL): options out of range.
 * Source: torch.nn.MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, which take output_size in each call. */
fv_module *fv_nn_max_unpool1d_ex(const fv_nn_max_unpool_args *a);
fv_module *fv_nn_max_unpool2d_ex(const fv_nn_max_unpool_args *a);
fv_module *fv_nn_max_unpool3d_ex(const fv_nn_max_unpool_args *a);
#define fv_nn_max_unpool1d(...)                                                                    \
    FV_CALL(fv_nn_max_unpool1d_ex, fv_nn_max_unpool_args, FV_NN_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_max_unpool2d(...)                                                                    \
    FV_CALL(fv_nn_max_unpool2d_ex, fv_nn_max_unpool_args, FV_NN_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)
#define fv_nn_max_unpool3d(...)                                                                    \
    FV_CALL(fv_nn_max_unpool3d_ex, fv_nn_max_unpool_args, FV_NN_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
