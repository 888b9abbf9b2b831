/* Linear, flatten and identity layers. */
#ifndef FOVEA_NN_LINEAR_H
#define FOVEA_NN_LINEAR_H

#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_linear_args {
    size_t size;
    int64_t in_features, out_features;
    bool bias;      /* true */
    fv_dtype dtype; /* float32 */
} fv_nn_linear_args;
#define FV_NN_LINEAR_DEFAULTS FV_DEFAULTS(fv_nn_linear_args, .bias = true, .dtype = FV_FLOAT32)
extern const fv_nn_linear_args fv_nn_linear_defaults;

/* fv_linear with parameters weight [out, in] and bias [out], both U(-1/sqrt(in), 1/sqrt(in)).
 * Errors (NULL): features below 1.  Source: torch.nn.Linear. */
fv_module *fv_nn_linear_ex(const fv_nn_linear_args *a);
#define fv_nn_linear(...)                                                                          \
    FV_CALL(fv_nn_linear_ex, fv_nn_linear_args, FV_NN_LINEAR_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_flatten_args {
    size_t size;
    int64_t start_dim; /* 1 */
    int64_t end_dim;   /* -1 */
} fv_nn_flatten_args;
/* An option may be given by position or by name; none at all is fine as well. */
#define FV_NN_FLATTEN_DEFAULTS FV_DEFAULTS(fv_nn_flatten_args, .start_dim = 1, .end_dim = -1)
extern const fv_nn_flatten_args fv_nn_flatten_defaults;

/* fv_flatten, from dimension 1 on.  Source: torch.nn.Flatten. */
fv_module *fv_nn_flatten_ex(const fv_nn_flatten_args *a);
#define fv_nn_flatten(...)                                                                         \
    FV_CALL(fv_nn_flatten_ex, fv_nn_flatten_args, FV_NN_FLATTEN_DEFAULTS, __VA_ARGS__)

/* y = x.  Source: torch.nn.Identity. */
fv_module *fv_nn_identity(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
