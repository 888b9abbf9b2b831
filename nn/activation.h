/* Activation, softmax and dropout layers. */
#ifndef FOVEA_NN_ACTIVATION_H
#define FOVEA_NN_ACTIVATION_H

#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_nn_relu_args {
    size_t size;
    bool inplace; /* overwrite the input; its maker's gradient must not need it */
} fv_nn_relu_args;
#define FV_NN_RELU_DEFAULTS FV_NO_DEFAULTS(fv_nn_relu_args)
extern const fv_nn_relu_args fv_nn_relu_defaults;
/* Source: torch.nn.ReLU. */
fv_module *fv_nn_relu_ex(const fv_nn_relu_args *a);
#define fv_nn_relu(...) FV_CALL(fv_nn_relu_ex, fv_nn_relu_args, FV_NN_RELU_DEFAULTS, __VA_ARGS__)

/* Source: torch.nn.ReLU6, Sigmoid, Tanh, SiLU, GELU. */
fv_module *fv_nn_relu6(void);
fv_module *fv_nn_sigmoid(void);
fv_module *fv_nn_tanh(void);
fv_module *fv_nn_silu(void);
fv_module *fv_nn_gelu(void);

typedef struct fv_nn_leaky_relu_args {
    size_t size;
    double negative_slope; /* 0.01 */
} fv_nn_leaky_relu_args;
#define FV_NN_LEAKY_RELU_DEFAULTS FV_DEFAULTS(fv_nn_leaky_relu_args, .negative_slope = 0.01)
extern const fv_nn_leaky_relu_args fv_nn_leaky_relu_defaults;
/* Source: torch.nn.LeakyReLU. */
fv_module *fv_nn_leaky_relu_ex(const fv_nn_leaky_relu_args *a);
#define fv_nn_leaky_relu(...)                                                                      \
    FV_CALL(fv_nn_leaky_relu_ex, fv_nn_leaky_relu_args, FV_NN_LEAKY_RELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_elu_args {
    size_t size;
    double alpha; /* 1 */
} fv_nn_elu_args;
#define FV_NN_ELU_DEFAULTS FV_DEFAULTS(fv_nn_elu_args, .alpha = 1.0)
extern const fv_nn_elu_args fv_nn_elu_defaults;
/* Source: torch.nn.ELU. */
fv_module *fv_nn_elu_ex(const fv_nn_elu_args *a);
#define fv_nn_elu(...) FV_CALL(fv_nn_elu_ex, fv_nn_elu_args, FV_NN_ELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_softplus_args {
    size_t size;
    double beta, threshold; /* 1, 20 */
} fv_nn_softplus_args;
#define FV_NN_SOFTPLUS_DEFAULTS FV_DEFAULTS(fv_nn_softplus_args, .beta = 1.0, .threshold = 20.0)
extern const fv_nn_softplus_args fv_nn_softplus_defaults;
/* Source: torch.nn.Softplus. */
fv_module *fv_nn_softplus_ex(const fv_nn_softplus_args *a);
#define fv_nn_softplus(...)                                                                        \
    FV_CALL(fv_nn_softplus_ex, fv_nn_softplus_args, FV_NN_SOFTPLUS_DEFAULTS, __VA_ARGS__)

typedef struct fv_nn_hardtanh_args {
    size_t size;
    double min_val, max_val; /* -1, 1 */
} fv_nn_hardtanh_args;
#define FV_NN_HARDTANH_DEFAULTS FV_DEFAULTS(fv_nn_hardtanh_args, .min_val = -1.0, .max_val = 1.0)
extern const fv_nn_hardtanh_args fv_nn_hardtanh_defaults;
/* Errors (NULL): min_val not below max_val.  Source: torch.nn.Hardtanh. */
fv_module *fv_nn_hardtanh_ex(const fv_nn_hardtanh_args *a);
#define fv_nn_hardtanh(...)                                                                        \
    FV_CALL(fv_nn_hardtanh_ex, fv_nn_hardtanh_args, FV_NN_HARDTANH_DEFAULTS, __VA_ARGS__)

/* Along dimension dim.  Source: torch.nn.Softmax, LogSoftmax. */
fv_module *fv_nn_softmax(int64_t dim);
fv_module *fv_nn_log_softmax(int64_t dim);

typedef struct fv_nn_dropout_args {
    size_t size;
    double p; /* 0.5 */
} fv_nn_dropout_args;
#define FV_NN_DROPOUT_DEFAULTS FV_DEFAULTS(fv_nn_dropout_args, .p = 0.5)
extern const fv_nn_dropout_args fv_nn_dropout_defaults;
/* In training, zeros with probability p and the rest times 1 / (1 - p); the identity in evaluation.
 * Errors (NULL): p outside [0, 1].  Source: torch.nn.Dropout. */
fv_module *fv_nn_dropout_ex(const fv_nn_dropout_args *a);
#define fv_nn_dropout(...)                                                                         \
    FV_CALL(fv_nn_dropout_ex, fv_nn_dropout_args, FV_NN_DROPOUT_DEFAULTS, __VA_ARGS__)

/* The same with whole channels.  Source: torch.nn.Dropout2d. */
fv_module *fv_nn_dropout2d_ex(const fv_nn_dropout_args *a);
#define fv_nn_dropout2d(...)                                                                       \
    FV_CALL(fv_nn_dropout2d_ex, fv_nn_dropout_args, FV_NN_DROPOUT_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
