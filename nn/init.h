/* Initialisation of parameters, in place and outside of autograd.
 *
 * Each returns t, or the failed tensor after an error: a failed t, an integer dtype, an option
 * outside its range, a shape of fewer than two dimensions where fans are needed.
 * Element i of a draw, in logical row-major order, is the same for every memory order of t. */
#ifndef FOVEA_NN_INIT_H
#define FOVEA_NN_INIT_H

#include "../tensor/args.h"
#include "../tensor/constants.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_fan_mode { FV_FAN_IN = FV_FAN_MODE_FIRST, FV_FAN_OUT } fv_fan_mode;

/* What follows the layer; the gain keeps the variance through it. */
typedef enum fv_nonlinearity {
    FV_NONLINEARITY_LEAKY_RELU = FV_NONLINEARITY_FIRST,
    FV_NONLINEARITY_RELU,
    FV_NONLINEARITY_LINEAR, /* also convolutions and sigmoid: gain 1 */
    FV_NONLINEARITY_TANH,
    FV_NONLINEARITY_SELU,
} fv_nonlinearity;

/* leaky_relu: sqrt(2 / (1 + slope^2)); relu: sqrt(2); linear: 1; tanh: 5/3; selu: 3/4. NaN with an
 * error for an unknown one, and for a slope that is not 0 where none counts.  Source:
 * torch.nn.init.calculate_gain. */
double fv_init_calculate_gain(fv_nonlinearity nonlinearity, double slope);

/* shape[1] * product(shape[2..]), and shape[0] * product(shape[2..]); 0 with an error when t has
 * fewer than two dimensions.  Source: torch.nn.init._calculate_fan_in_and_fan_out. */
int64_t fv_init_calculate_fan_in(const fv_tensor *t);
int64_t fv_init_calculate_fan_out(const fv_tensor *t);

typedef struct fv_init_uniform_args {
    size_t size;
    fv_tensor *tensor;
    double a, b; /* 0, 1 */
} fv_init_uniform_args;
#define FV_INIT_UNIFORM_DEFAULTS FV_DEFAULTS(fv_init_uniform_args, .b = 1.0)
extern const fv_init_uniform_args fv_init_uniform_defaults;
/* U[a, b).  Source: torch.nn.init.uniform_. */
fv_tensor *fv_init_uniform_ex_(const fv_init_uniform_args *a);
#define fv_init_uniform_(...)                                                                      \
    FV_CALL(fv_init_uniform_ex_, fv_init_uniform_args, FV_INIT_UNIFORM_DEFAULTS, __VA_ARGS__)

typedef struct fv_init_normal_args {
    size_t size;
    fv_tensor *tensor;
    double mean, std; /* 0, 1 */
} fv_init_normal_args;
#define FV_INIT_NORMAL_DEFAULTS FV_DEFAULTS(fv_init_normal_args, .std = 1.0)
extern const fv_init_normal_args fv_init_normal_defaults;
/* N(mean, std^2).  Source: torch.nn.init.normal_. */
fv_tensor *fv_init_normal_ex_(const fv_init_normal_args *a);
#define fv_init_normal_(...)                                                                       \
    FV_CALL(fv_init_normal_ex_, fv_init_normal_args, FV_INIT_NORMAL_DEFAULTS, __VA_ARGS__)

/* These three take integer tensors as well.  Source: torch.nn.init.constant_, zeros_, ones_. */
fv_tensor *fv_init_constant_(fv_tensor *t, double value);
fv_tensor *fv_init_zeros_(fv_tensor *t);
fv_tensor *fv_init_ones_(fv_tensor *t);

typedef struct fv_init_kaiming_args {
    size_t size;
    fv_tensor *tensor;
    double a; /* 0: slope of the leaky_relu */
    fv_fan_mode mode;
    fv_nonlinearity nonlinearity; /* leaky_relu */
} fv_init_kaiming_args;
#define FV_INIT_KAIMING_DEFAULTS                                                                   \
    FV_DEFAULTS(fv_init_kaiming_args, .mode = FV_FAN_IN, .nonlinearity = FV_NONLINEARITY_LEAKY_RELU)
extern const fv_init_kaiming_args fv_init_kaiming_defaults;
/* std = gain / sqrt(fan); U(-sqrt(3) std, sqrt(3) std) or N(0, std^2).
 * Source: torch.nn.init.kaiming_uniform_, kaiming_normal_; He et al. 2015. */
fv_tensor *fv_init_kaiming_uniform_ex_(const fv_init_kaiming_args *a);
fv_tensor *fv_init_kaiming_normal_ex_(const fv_init_kaiming_args *a);
#define fv_init_kaiming_uniform_(...)                                                              \
    FV_CALL(fv_init_kaiming_uniform_ex_, fv_init_kaiming_args, FV_INIT_KAIMING_DEFAULTS,           \
            __VA_ARGS__)
#define fv_init_kaiming_normal_(...)                                                               \
    FV_CALL(fv_init_kaiming_normal_ex_, fv_init_kaiming_args, FV_INIT_KAIMING_DEFAULTS, __VA_ARGS__)

typedef struct fv_init_xavier_args {
    size_t size;
    fv_tensor *tensor;
    double gain; /* 1 */
} fv_init_xavier_args;
#define FV_INIT_XAVIER_DEFAULTS FV_DEFAULTS(fv_init_xavier_args, .gain = 1.0)
extern const fv_init_xavier_args fv_init_xavier_defaults;
/* std = gain * sqrt(2 / (fan_in + fan_out)), as above.
 * Source: torch.nn.init.xavier_uniform_, xavier_normal_; Glorot & Bengio 2010. */
fv_tensor *fv_init_xavier_uniform_ex_(const fv_init_xavier_args *a);
fv_tensor *fv_init_xavier_normal_ex_(const fv_init_xavier_args *a);
#define fv_init_xavier_uniform_(...)                                                               \
    FV_CALL(fv_init_xavier_uniform_ex_, fv_init_xavier_args, FV_INIT_XAVIER_DEFAULTS, __VA_ARGS__)
#define fv_init_xavier_normal_(...)                                                                \
    FV_CALL(fv_init_xavier_normal_ex_, fv_init_xavier_args, FV_INIT_XAVIER_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
