/* Normalisation layers. */
#ifndef FOVEA_NN_NORM_H
#define FOVEA_NN_NORM_H

#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* As momentum: the running statistics are plain averages over all batches (PyTorch's None). */
#define FV_CUMULATIVE ((double)FV_UNSET)

typedef struct fv_nn_batch_norm_args {
    size_t size;
    int64_t num_features;
    double eps;               /* 1e-5 */
    double momentum;          /* 0.1; or FV_CUMULATIVE */
    bool affine;              /* true: weight 1 and bias 0 to begin with */
    bool track_running_stats; /* true: buffers running_mean, running_var, num_batches_tracked */
    fv_dtype dtype;           /* float32 */
} fv_nn_batch_norm_args;
#define FV_NN_BATCH_NORM_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_nn_batch_norm_args, .eps = 1e-5, .momentum = 0.1, .affine = true,               \
                .track_running_stats = true, .dtype = FV_FLOAT32)
extern const fv_nn_batch_norm_args fv_nn_batch_norm_defaults;

/* fv_batch_norm: in training with the batch's statistics, which move the running ones by momentum;
 * in evaluation with the running ones, or the batch's if none are tracked. 1d takes [N,C] and
 * [N,C,L], 2d [N,C,H,W], 3d [N,C,D,H,W].
 * Errors (NULL): num_features below 1, eps that is negative or NaN, an integer dtype.
 * Source: torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d. */
fv_module *fv_nn_batch_norm1d_ex(const fv_nn_batch_norm_args *a);
fv_module *fv_nn_batch_norm2d_ex(const fv_nn_batch_norm_args *a);
fv_module *fv_nn_batch_norm3d_ex(const fv_nn_batch_norm_args *a);
#define fv_nn_batch_norm1d(...)                                                                    \
    FV_CALL(fv_nn_batch_norm1d_ex, fv_nn_batch_norm_args, FV_NN_BATCH_NORM_DEFAULTS, __VA_ARGS__)
#define fv_nn_batch_norm2d(...)                                                                    \
    FV_CALL(fv_nn_batch_norm2d_ex, fv_nn_batch_norm_args, FV_NN_BATCH_NORM_DEFAULTS, __VA_ARGS__)
#define fv_nn_batch_norm3d(...)                                                                    \
    FV_CALL(fv_nn_batch_norm3d_ex, fv_nn_batch_norm_args, FV_NN_BATCH_NORM_DEFAULTS, __VA_ARGS__)

/* From now on the batch norms of the tree take their statistics, in training, over the batches of
 * all ranks, as if these were one; names and state stay. All ranks run the same forwards and
 * backwards then, with two sums over the ranks in each batch norm of either.
 * Errors: NULL.  Source: torch.nn.SyncBatchNorm.convert_sync_batchnorm. */
fv_status fv_convert_sync_batch_norm(fv_module *m);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
