/* Clipping gradients between backward and step. */
#ifndef FOVEA_OPTIM_CLIP_H
#define FOVEA_OPTIM_CLIP_H

#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_clip_grad_norm_args {
    size_t size;
    fv_tensor_list params;
    double max_norm;
    double norm_type; /* 2; INFINITY for the largest absolute value */
    bool error_if_nonfinite;
} fv_clip_grad_norm_args;
#define FV_CLIP_GRAD_NORM_DEFAULTS FV_DEFAULTS(fv_clip_grad_norm_args, .norm_type = 2.0)
extern const fv_clip_grad_norm_args fv_clip_grad_norm_defaults;

/* Scales all gradients by min(1, max_norm / (norm + 1e-6)), norm being that of all of them in a
 * row, and returns the norm; 0 when there is none. A norm that is not finite passes into the
 * gradients unless error_if_nonfinite.
 * Errors (NaN): a failed parameter, a max_norm or norm_type that is NaN or negative, a norm_type of
 * 0, memory.
 * Source: torch.nn.utils.clip_grad_norm_. */
double fv_clip_grad_norm_ex_(const fv_clip_grad_norm_args *a);
#define fv_clip_grad_norm_(...)                                                                    \
    FV_CALL(fv_clip_grad_norm_ex_, fv_clip_grad_norm_args, FV_CLIP_GRAD_NORM_DEFAULTS, __VA_ARGS__)

/* Puts every element of every gradient into [-clip_value, clip_value]; NaN stays.
 * Errors: a failed parameter, a clip_value that is NaN or negative, memory.
 * Source: torch.nn.utils.clip_grad_value_. */
fv_status fv_clip_grad_value_(fv_tensor_list params, double clip_value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
