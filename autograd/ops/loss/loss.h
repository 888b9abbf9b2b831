/* Losses: from predictions and targets to a number to minimise.
 *
 * Shapes must match exactly; nothing is broadcast. reduction is FV_MEAN (default), FV_SUM or
 * FV_NONE, which keeps one loss per sample or element. */
#ifndef FOVEA_AUTOGRAD_OPS_LOSS_LOSS_H
#define FOVEA_AUTOGRAD_OPS_LOSS_LOSS_H

#include "../../op.h"
#include "../../../tensor/args.h"
#include "../../../tensor/constants.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_reduction { FV_MEAN = FV_REDUCTION_FIRST, FV_SUM, FV_NONE } fv_reduction;

/* --- classification -------------------------------------------------------------------------- */

typedef struct fv_nll_loss_args {
    size_t size;
    fv_tensor *input;     /* log-probabilities [N,C], [C] or [N,C,d1,..] */
    fv_tensor *target;    /* classes [N], [] or [N,d1,..]: int64, int32 or uint8 */
    fv_tensor *weight;    /* [C] or NULL; a constant */
    int64_t ignore_index; /* -100 */
    fv_reduction reduction;
} fv_nll_loss_args;
#define FV_NLL_LOSS_DEFAULTS                                                                       \
    FV_DEFAULTS(fv_nll_loss_args, .ignore_index = -100, .reduction = FV_MEAN)
extern const fv_nll_loss_args fv_nll_loss_defaults;

/* l_n = -weight[t_n] input[n, t_n], 0 where t_n = ignore_index; the mean is
 * sum l_n / sum weight[t_n] over the others, NaN when there are none.
 * Gradient: input (twice differentiable).
 * Errors: shape, dtype, a class outside [0, C) that is not ignore_index, weight that requires grad.
 * Source: torch.nn.functional.nll_loss. */
fv_tensor *fv_nll_loss_ex(const fv_nll_loss_args *a);
#define fv_nll_loss(...)                                                                           \
    FV_CALL(fv_nll_loss_ex, fv_nll_loss_args, FV_NLL_LOSS_DEFAULTS, __VA_ARGS__)

typedef struct fv_cross_entropy_args {
    size_t size;
    fv_tensor *input;     /* logits [N,C], [C] or [N,C,d1,..] */
    fv_tensor *target;    /* classes as in nll_loss, or probabilities of input's shape and dtype */
    fv_tensor *weight;    /* [C] or NULL; a constant */
    int64_t ignore_index; /* -100; of classes only: refused from 0 on with probabilities */
    fv_reduction reduction;
    double label_smoothing; /* in [0, 1] */
} fv_cross_entropy_args;
#define FV_CROSS_ENTROPY_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_cross_entropy_args, .ignore_index = -100, .reduction = FV_MEAN)
extern const fv_cross_entropy_args fv_cross_entropy_defaults;

/* l_n = -sum over c of weight[c] p[n, c] log_softmax(input)[n, c], where p is 1 at the class (or
 * the given probabilities), mixed with 1 / C by label_smoothing. The mean of classes divides by
 * sum weight[t_n] as in nll_loss, that of probabilities by the number of samples.
 * Gradient: input, and target when it has probabilities (twice differentiable).
 * Errors: shape, dtype, a class outside [0, C) that is not ignore_index, ignore_index >= 0 with
 * probabilities, label_smoothing, weight that requires grad.
 * Source: torch.nn.functional.cross_entropy. */
fv_tensor *fv_cross_entropy_ex(const fv_cross_entropy_args *a);
#define fv_cross_entropy(...)                                                                      \
    FV_CALL(fv_cross_entropy_ex, fv_cross_entropy_args, FV_CROSS_ENTROPY_DEFAULTS, __VA_ARGS__)

typedef struct fv_bce_with_logits_args {
    size_t size;
    fv_tensor *input;  /* logits */
    fv_tensor *target; /* of input's shape, usually in [0, 1] */
    fv_tensor *weight; /* broadcasts to input; or NULL */
    fv_reduction reduction;
    fv_tensor *pos_weight; /* factor of the positive part, broadcasts to input; or NULL */
} fv_bce_with_logits_args;
#define FV_BCE_WITH_LOGITS_DEFAULTS FV_DEFAULTS(fv_bce_with_logits_args, .reduction = FV_MEAN)
extern const fv_bce_with_logits_args fv_bce_with_logits_defaults;

/* l = -weight (pos_weight t log s(x) + (1 - t) log(1 - s(x))), s the sigmoid, without overflow.
 * 0 times the infinite loss of a side that nothing is expected of is 0, where PyTorch has NaN.
 * Gradient: input target weight pos_weight (twice differentiable).   Errors: shape, dtype.
 * Source: torch.nn.functional.binary_cross_entropy_with_logits. */
fv_tensor *fv_binary_cross_entropy_with_logits_ex(const fv_bce_with_logits_args *a);
#define fv_binary_cross_entropy_with_logits(...)                                                   \
    FV_CALL(fv_binary_cross_entropy_with_logits_ex, fv_bce_with_logits_args,                       \
            FV_BCE_WITH_LOGITS_DEFAULTS, __VA_ARGS__)

/* --- regression ------------------------------------------------------------------------------
 *
 * An input and a target of two dtypes, one of them floating, are computed in what they promote to.
 */

typedef struct fv_loss_args {
    size_t size;
    fv_tensor *input;
    fv_tensor *target; /* of input's shape */
    fv_reduction reduction;
} fv_loss_args;
#define FV_LOSS_DEFAULTS FV_DEFAULTS(fv_loss_args, .reduction = FV_MEAN)
extern const fv_loss_args fv_loss_defaults;

/* l = (x - t)^2.
 * Gradient: input target (twice differentiable).   Errors: shape, dtype.
 * Source: torch.nn.functional.mse_loss. */
fv_tensor *fv_mse_loss_ex(const fv_loss_args *a);
#define fv_mse_loss(...) FV_CALL(fv_mse_loss_ex, fv_loss_args, FV_LOSS_DEFAULTS, __VA_ARGS__)

/* l = |x - t|.
 * Of integers only the sum and the single losses.
 * Gradient: input target (0 where x = t).   Errors: shape, dtype.
 * Source: torch.nn.functional.l1_loss. */
fv_tensor *fv_l1_loss_ex(const fv_loss_args *a);
#define fv_l1_loss(...) FV_CALL(fv_l1_loss_ex, fv_loss_args, FV_LOSS_DEFAULTS, __VA_ARGS__)

typedef struct fv_smooth_l1_loss_args {
    size_t size;
    fv_tensor *input;
    fv_tensor *target;
    fv_reduction reduction;
    double beta; /* 1 */
} fv_smooth_l1_loss_args;
#define FV_SMOOTH_L1_LOSS_DEFAULTS                                                                 \
    FV_DEFAULTS(fv_smooth_l1_loss_args, .reduction = FV_MEAN, .beta = 1.0)
extern const fv_smooth_l1_loss_args fv_smooth_l1_loss_defaults;

/* l = (x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2.
 * Gradient: input target (twice differentiable).   Errors: shape, dtype, beta < 0.
 * Source: torch.nn.functional.smooth_l1_loss. */
fv_tensor *fv_smooth_l1_loss_ex(const fv_smooth_l1_loss_args *a);
#define fv_smooth_l1_loss(...)                                                                     \
    FV_CALL(fv_smooth_l1_loss_ex, fv_smooth_l1_loss_args, FV_SMOOTH_L1_LOSS_DEFAULTS, __VA_ARGS__)

typedef struct fv_huber_loss_args {
    size_t size;
    fv_tensor *input;
    fv_tensor *target;
    fv_reduction reduction;
    double delta; /* 1 */
} fv_huber_loss_args;
#define FV_HUBER_LOSS_DEFAULTS FV_DEFAULTS(fv_huber_loss_args, .reduction = FV_MEAN, .delta = 1.0)
extern const fv_huber_loss_args fv_huber_loss_defaults;

/* l = (x - t)^2 / 2 where |x - t| < delta, else delta (|x - t| - delta / 2).
 * Gradient: input target (twice differentiable).   Errors: shape, dtype, delta <= 0.
 * Source: torch.nn.functional.huber_loss. */
fv_tensor *fv_huber_loss_ex(const fv_huber_loss_args *a);
#define fv_huber_loss(...)                                                                         \
    FV_CALL(fv_huber_loss_ex, fv_huber_loss_args, FV_HUBER_LOSS_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
