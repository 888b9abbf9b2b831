/* Normalisation. */
#ifndef FOVEA_AUTOGRAD_OPS_NORM_NORM_H
#define FOVEA_AUTOGRAD_OPS_NORM_NORM_H

#include "../../../tensor/args.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_batch_norm_args {
    size_t size;
    fv_tensor *input;
    fv_tensor *running_mean, *running_var; /* [C]; both or neither */
    fv_tensor *weight, *bias;              /* [C], or NULL for 1 and 0 */
    bool training;                         /* use and update by the statistics of the input */
    double momentum;                       /* 0.1: weight of the new statistics */
    double eps;                            /* 1e-5 */
    fv_tensor *residual;                   /* of x's shape, or NULL */
    bool relu;
} fv_batch_norm_args;
#define FV_BATCH_NORM_DEFAULTS FV_DEFAULTS(fv_batch_norm_args, .momentum = 0.1, .eps = 1e-5)
extern const fv_batch_norm_args fv_batch_norm_defaults;

/* y = relu((x - mean) / sqrt(var + eps) * weight + bias + residual), per channel, the relu with
 * .relu alone; residual and relu cost no pass over memory of their own.
 * x [N,C] or [N,C,spatial], 1 to 3 spatial dimensions  ->  y of x's shape, in channels-last order
 * training: mean and var (biased) are those of x over N and spatial, and
 *     running = (1 - momentum) * running + momentum * (mean, unbiased var), in place;
 * else they are the running ones. float32 and float64, all of one type.
 * Gradient: x weight bias residual (twice differentiable).   Errors: shape, dtype, no running
 * statistics outside of training, one value per channel in training.
 * Accurate whatever the mean, where PyTorch loses digits. Same bits for any number of threads.
 * Source: torch.nn.functional.batch_norm; Ioffe & Szegedy 2015. */
fv_tensor *fv_batch_norm_ex(const fv_batch_norm_args *a);
#define fv_batch_norm(...)                                                                         \
    FV_CALL(fv_batch_norm_ex, fv_batch_norm_args, FV_BATCH_NORM_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
