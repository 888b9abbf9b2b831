/* Pooling: maximum and average over windows, fixed or adaptive, in 1 to 3 dimensions, and the way
 * back to where the maxima were.
 *
 * Inputs are [N,C,spatial] or, without a batch, [C,spatial]; only the batch may be empty. Options
 * take one number for all dimensions or FV_DIMS(...), one per dimension. Results are in
 * channels-last order. float32 and float64. */
#ifndef FOVEA_AUTOGRAD_OPS_POOL_POOL_H
#define FOVEA_AUTOGRAD_OPS_POOL_POOL_H

#include "../../../tensor/args.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_max_pool_args {
    size_t size;
    fv_tensor *input;
    fv_dims kernel_size;
    fv_dims stride;      /* kernel_size */
    fv_dims padding;     /* 0; with -infinity */
    fv_dims dilation;    /* 1 */
    bool ceil_mode;      /* the last window may hang over the end */
    fv_tensor **indices; /* NULL, or receives the positions of the maxima, int64 of y's shape */
} fv_max_pool_args;
#define FV_MAX_POOL_DEFAULTS FV_DEFAULTS(fv_max_pool_args, .stride = FV_UNSET, .dilation = 1)
extern const fv_max_pool_args fv_max_pool_defaults;

/* y[o] = max over taps k of x[o * stride - padding + k * dilation]
 * x [N,C,H,W]  ->  y [N,C,OH,OW]            (1d: [N,C,L], 3d: [N,C,D,H,W])
 * OH = (H + 2 * padding - dilation * (KH - 1) - 1) / stride + 1, rounded down, or with ceil_mode up
 *      unless the last window would begin in the right padding.
 * The first of equal maxima wins; NaN wins over numbers. indices are flat within a plane [H,W].
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option (padding is at most half the
 * window).
 * Source: torch.nn.functional.max_pool2d; `indices` stands for its return_indices. */
fv_tensor *fv_max_pool1d_ex(const fv_max_pool_args *a);
fv_tensor *fv_max_pool2d_ex(const fv_max_pool_args *a);
fv_tensor *fv_max_pool3d_ex(const fv_max_pool_args *a);
#define fv_max_pool1d(...)                                                                         \
    FV_CALL(fv_max_pool1d_ex, fv_max_pool_args, FV_MAX_POOL_DEFAULTS, __VA_ARGS__)
#define fv_max_pool2d(...)                                                                         \
    FV_CALL(fv_max_pool2d_ex, fv_max_pool_args, FV_MAX_POOL_DEFAULTS, __VA_ARGS__)
#define fv_max_pool3d(...)                                                                         \
    FV_CALL(fv_max_pool3d_ex, fv_max_pool_args, FV_MAX_POOL_DEFAULTS, __VA_ARGS__)

typedef struct fv_avg_pool_args {
    size_t size;
    fv_tensor *input;
    fv_dims kernel_size;
    fv_dims stride;           /* kernel_size */
    fv_dims padding;          /* 0; with zeros */
    bool ceil_mode;           /* the last window may hang over the end */
    bool count_include_pad;   /* true: padding counts as elements */
    int64_t divisor_override; /* FV_UNSET; else the divisor, not 0 */
} fv_avg_pool_args;
#define FV_AVG_POOL_DEFAULTS                                                                       \
    FV_DEFAULTS(fv_avg_pool_args, .stride = FV_UNSET, .count_include_pad = true,                   \
                .divisor_override = FV_UNSET)
extern const fv_avg_pool_args fv_avg_pool_defaults;

/* y[o] = sum over taps k of x[o * stride - padding + k] / divisor
 * Shapes as fv_max_pool2d with dilation 1. The divisor counts the elements of the window, padding
 * included unless count_include_pad is false; what hangs over the padding never counts.
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option (padding is at most half the
 * window).
 * Source: torch.nn.functional.avg_pool2d (whose 1d form has no divisor_override). */
fv_tensor *fv_avg_pool1d_ex(const fv_avg_pool_args *a);
fv_tensor *fv_avg_pool2d_ex(const fv_avg_pool_args *a);
fv_tensor *fv_avg_pool3d_ex(const fv_avg_pool_args *a);
#define fv_avg_pool1d(...)                                                                         \
    FV_CALL(fv_avg_pool1d_ex, fv_avg_pool_args, FV_AVG_POOL_DEFAULTS, __VA_ARGS__)
#define fv_avg_pool2d(...)                                                                         \
    FV_CALL(fv_avg_pool2d_ex, fv_avg_pool_args, FV_AVG_POOL_DEFAULTS, __VA_ARGS__)
#define fv_avg_pool3d(...)                                                                         \
    FV_CALL(fv_avg_pool3d_ex, fv_avg_pool_args, FV_AVG_POOL_DEFAULTS, __VA_ARGS__)

/* y[o] = mean of x[floor(o * H / OH) .. ceil((o + 1) * H / OH)) in each dimension
 * x [N,C,H,W]  ->  y [N,C,OH,OW], (OH, OW) = output_size: a number or FV_DIMS(OH, OW); 1 gives the
 * global average.
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.adaptive_avg_pool2d (None as a size is not taken). */
fv_tensor *fv_adaptive_avg_pool1d(fv_tensor *x, fv_dims output_size);
fv_tensor *fv_adaptive_avg_pool2d(fv_tensor *x, fv_dims output_size);
fv_tensor *fv_adaptive_avg_pool3d(fv_tensor *x, fv_dims output_size);

typedef struct fv_adaptive_max_pool_args {
    size_t size;
    fv_tensor *input;
    fv_dims output_size;
    fv_tensor **indices; /* NULL, or receives the positions of the maxima, int64 of y's shape */
} fv_adaptive_max_pool_args;
#define FV_ADAPTIVE_MAX_POOL_DEFAULTS FV_NO_DEFAULTS(fv_adaptive_max_pool_args)
extern const fv_adaptive_max_pool_args fv_adaptive_max_pool_defaults;

/* The maximum over the windows of fv_adaptive_avg_pool2d; ties, NaN and indices as fv_max_pool2d.
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option.
 * Source: torch.nn.functional.adaptive_max_pool2d. */
fv_tensor *fv_adaptive_max_pool1d_ex(const fv_adaptive_max_pool_args *a);
fv_tensor *fv_adaptive_max_pool2d_ex(const fv_adaptive_max_pool_args *a);
fv_tensor *fv_adaptive_max_pool3d_ex(const fv_adaptive_max_pool_args *a);
#define fv_adaptive_max_pool1d(...)                                                                \
    FV_CALL(fv_adaptive_max_pool1d_ex, fv_adaptive_max_pool_args, FV_ADAPTIVE_MAX_POOL_DEFAULTS,   \
            __VA_ARGS__)
#define fv_adaptive_max_pool2d(...)                                                                \
    FV_CALL(fv_adaptive_max_pool2d_ex, fv_adaptive_max_pool_args, FV_ADAPTIVE_MAX_POOL_DEFAULTS,   \
            __VA_ARGS__)
#define fv_adaptive_max_pool3d(...)                                                                \
    FV_CALL(fv_adaptive_max_pool3d_ex, fv_adaptive_max_pool_args, FV_ADAPTIVE_MAX_POOL_DEFAULTS,   \
            __VA_ARGS__)

typedef struct fv_max_unpool_args {
    size_t size;
    fv_tensor *input;
    fv_tensor *indices;
    fv_dims kernel_size;
    fv_dims stride;      /* kernel_size */
    fv_dims padding;     /* 0 */
    fv_dims output_size; /* FV_UNSET: (H - 1) * stride - 2 * padding + kernel_size */
} fv_max_unpool_args;
#define FV_MAX_UNPOOL_DEFAULTS                                                                     \
    FV_DEFAULTS(fv_max_unpool_args, .stride = FV_UNSET, .output_size = FV_UNSET)
extern const fv_max_unpool_args fv_max_unpool_defaults;

/* y = 0, then y[n, c, indices[n, c, i]] = x[n, c, i]: what fv_max_pool2d took goes back to where it
 * was, and all else is 0.
 * x, indices (int64) [N,C,H,W]  ->  y [N,C,OH,OW]     (1d: [N,C,L], 3d: [N,C,D,H,W]; or without N)
 * Options are those of the pooling. output_size is what its input was, a number or FV_DIMS(OH, OW),
 * where several lengths pool to one: it lies less than a stride from the default. indices are flat
 * within a plane [OH,OW]; of equal ones the last wins, and each gets the gradient. Any dtype.
 * Gradient: x (twice differentiable).   Errors: shape, dtype, option, an index outside of [OH,OW].
 * Source: torch.nn.functional.max_unpool2d. */
fv_tensor *fv_max_unpool1d_ex(const fv_max_unpool_args *a);
fv_tensor *fv_max_unpool2d_ex(const fv_max_unpool_args *a);
fv_tensor *fv_max_unpool3d_ex(const fv_max_unpool_args *a);
#define fv_max_unpool1d(...)                                                                       \
    FV_CALL(fv_max_unpool1d_ex, fv_max_unpool_args, FV_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)
#define fv_max_unpool2d(...)                                                                       \
    FV_CALL(fv_max_unpool2d_ex, fv_max_unpool_args, FV_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)
#define fv_max_unpool3d(...)                                                                       \
    FV_CALL(fv_max_unpool3d_ex, fv_max_unpool_args, FV_MAX_UNPOOL_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
