/* Dropout. */
#ifndef FOVEA_AUTOGRAD_OPS_RANDOM_DROPOUT_H
#define FOVEA_AUTOGRAD_OPS_RANDOM_DROPOUT_H

#include "../../../tensor/args.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_dropout_args {
    size_t size;
    fv_tensor *input;
    double p;      /* 0.5: probability of an element to become 0 */
    bool training; /* true; else the input itself is returned */
} fv_dropout_args;
#define FV_DROPOUT_DEFAULTS FV_DEFAULTS(fv_dropout_args, .p = 0.5, .training = true)
extern const fv_dropout_args fv_dropout_defaults;

/* y = x · m / (1 − p), with m 0 with probability p, else 1; zeros for p = 1.
 * The random numbers come from the process-wide generator and are counted in row-major order, for
 * an x in channels-last order in that one; the result lies in the order they are counted in.
 * Gradient: x, by the same m (twice differentiable).   Errors: dtype; p outside [0, 1].
 * Source: torch.nn.functional.dropout. */
fv_tensor *fv_dropout_ex(const fv_dropout_args *a);
#define fv_dropout(...) FV_CALL(fv_dropout_ex, fv_dropout_args, FV_DROPOUT_DEFAULTS, __VA_ARGS__)

/* Drops whole channels: one m for each of the first two dimensions (N, C) of an input of 2 to 5.
 * Gradient: x (twice differentiable).   Errors: as fv_dropout; shape.
 * Source: torch.nn.functional.dropout2d, and dropout1d and dropout3d with a batch. */
fv_tensor *fv_dropout2d_ex(const fv_dropout_args *a);
#define fv_dropout2d(...)                                                                          \
    FV_CALL(fv_dropout2d_ex, fv_dropout_args, FV_DROPOUT_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
