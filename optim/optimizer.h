/* Optimizers: parameters in groups, each group with its own options.
 *
 *     fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.05, .momentum = 0.9);
 *     fv_optim_add_group(opt, fv_parameters(head), .lr = 0.5);
 *     ...
 *     fv_zero_grad(opt);
 *     fv_backward(loss);
 *     fv_step(opt);
 *     fv_free(opt);
 *
 * An optimizer keeps its parameters alive. State tensors (momentum and the like) are made at a
 * parameter's first step and live as long as the optimizer. */
#ifndef FOVEA_OPTIM_OPTIMIZER_H
#define FOVEA_OPTIM_OPTIMIZER_H

#include "../autograd/autograd.h"
#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_optim fv_optim;

typedef struct fv_sgd_args {
    size_t size;
    fv_tensor_list params;
    double lr; /* 1e-3 */
    double momentum, dampening, weight_decay;
    bool nesterov;
    bool maximize;
} fv_sgd_args;
#define FV_SGD_DEFAULTS FV_DEFAULTS(fv_sgd_args, .lr = 1e-3)
extern const fv_sgd_args fv_sgd_defaults;

/* Stochastic gradient descent:
 *   g = grad (negated by maximize) + weight_decay * p
 *   buf = g at the first step, then momentum * buf + (1 - dampening) * g
 *   p -= lr * (nesterov ? g + momentum * buf : momentum ? buf : g)
 * Errors (NULL): no parameters, one twice, one that is no floating leaf; an lr, momentum or
 * weight_decay that is negative or not finite; nesterov without momentum or with dampening.
 * Source: torch.optim.SGD. */
fv_optim *fv_sgd_ex(const fv_sgd_args *a);
#define fv_sgd(...) FV_CALL(fv_sgd_ex, fv_sgd_args, FV_SGD_DEFAULTS, __VA_ARGS__)

typedef struct fv_adam_args {
    size_t size;
    fv_tensor_list params;
    double lr;           /* 1e-3 */
    double beta1, beta2; /* 0.9, 0.999 */
    double eps;          /* 1e-8 */
    double weight_decay; /* 0; AdamW: 1e-2 */
    bool amsgrad;
    bool maximize;
} fv_adam_args;
#define FV_ADAM_DEFAULTS                                                                           \
    FV_DEFAULTS(fv_adam_args, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8)
extern const fv_adam_args fv_adam_defaults;
#define FV_ADAMW_DEFAULTS                                                                          \
    FV_DEFAULTS(fv_adam_args, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,               \
                .weight_decay = 1e-2)
extern const fv_adam_args fv_adamw_defaults;

/* Adam, at its step t, per parameter:
 *   g = grad (negated by maximize) + weight_decay * p
 *   m = beta1 * m + (1 - beta1) * g;   v = beta2 * v + (1 - beta2) * g^2
 *   amsgrad: v below is the largest v so far
 *   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 * Errors (NULL): as for fv_sgd; an lr, eps or weight_decay that is negative or not finite; a beta
 * outside [0, 1). Source: torch.optim.Adam; Kingma & Ba 2015; Reddi et al. 2018 for amsgrad. */
fv_optim *fv_adam_ex(const fv_adam_args *a);
#define fv_adam(...) FV_CALL(fv_adam_ex, fv_adam_args, FV_ADAM_DEFAULTS, __VA_ARGS__)

/* Adam with p *= 1 - lr * weight_decay first, in place of weight_decay * p in the gradient.
 * Source: torch.optim.AdamW; Loshchilov & Hutter 2019. */
fv_optim *fv_adamw_ex(const fv_adam_args *a);
#define fv_adamw(...) FV_CALL(fv_adamw_ex, fv_adam_args, FV_ADAMW_DEFAULTS, __VA_ARGS__)

/* An option of a group that is left out has the optimizer's value. */
#define FV_INHERIT (INT32_MIN + 1) /* no constant of another kind */

typedef struct fv_group_args {
    size_t size;
    fv_optim *optim;
    fv_tensor_list params;
    double lr, momentum, dampening, weight_decay, beta1, beta2, eps;
    int nesterov, amsgrad, maximize; /* bools */
} fv_group_args;
#define FV_GROUP_DEFAULTS                                                                          \
    FV_DEFAULTS(fv_group_args, .lr = (double)FV_UNSET, .momentum = (double)FV_UNSET,               \
                .dampening = (double)FV_UNSET, .weight_decay = (double)FV_UNSET,                   \
                .beta1 = (double)FV_UNSET, .beta2 = (double)FV_UNSET, .eps = (double)FV_UNSET,     \
                .nesterov = FV_INHERIT, .amsgrad = FV_INHERIT, .maximize = FV_INHERIT)
extern const fv_group_args fv_group_defaults;

/* Adds parameters with options of their own.
 * Errors: as for the constructor; an option that the optimizer has not; a parameter that the
 * optimizer already has. Nothing is added then.  Source: torch.optim.Optimizer.add_param_group. */
fv_status fv_optim_add_group_ex(const fv_group_args *a);
#define fv_optim_add_group(...)                                                                    \
    FV_CALL(fv_optim_add_group_ex, fv_group_args, FV_GROUP_DEFAULTS, __VA_ARGS__)

/* 0 for NULL. */
int64_t fv_optim_group_count(const fv_optim *optim);

/* Updates every parameter that has a gradient. Refused with FV_ERR_STATE while an error stands
 * (fv_error_status), and on a failed allocation; no parameter is touched then.
 * Source: torch.optim.Optimizer.step. */
fv_status fv_step(fv_optim *optim);

/* Drops the gradient of every parameter.
 * Source: torch.optim.Optimizer.zero_grad(set_to_none=True). */
void fv_zero_grad(fv_optim *optim);

/* Learning rate of a group; NaN with an error for one out of range. */
typedef struct fv_get_lr_args {
    size_t size;
    const fv_optim *optim;
    int64_t group;
} fv_get_lr_args;
#define FV_GET_LR_DEFAULTS FV_NO_DEFAULTS(fv_get_lr_args)
extern const fv_get_lr_args fv_get_lr_defaults;
double fv_get_lr_ex(const fv_get_lr_args *a);
#define fv_get_lr(...) FV_CALL(fv_get_lr_ex, fv_get_lr_args, FV_GET_LR_DEFAULTS, __VA_ARGS__)

/* Sets the learning rate of one group, or of all of them when group is left out.
 * Errors: a group out of range; a rate that is negative, infinite or NaN. */
typedef struct fv_set_lr_args {
    size_t size;
    fv_optim *optim;
    double lr;
    int64_t group; /* FV_ALL */
} fv_set_lr_args;
#define FV_SET_LR_DEFAULTS FV_DEFAULTS(fv_set_lr_args, .group = FV_ALL)
extern const fv_set_lr_args fv_set_lr_defaults;
fv_status fv_set_lr_ex(const fv_set_lr_args *a);
#define fv_set_lr(...) FV_CALL(fv_set_lr_ex, fv_set_lr_args, FV_SET_LR_DEFAULTS, __VA_ARGS__)

/* Momentum of a group: SGD's momentum, Adam's beta1. NaN with an error for one out of range. */
double fv_get_momentum(const fv_optim *optim, int64_t group);

/* Releases parameters and state. NULL is fine. */
void fv_optim_free(fv_optim *optim);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
