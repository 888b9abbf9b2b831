/* Elementwise ops: arithmetic, functions of one variable, comparisons, logic.
 *
 * Every op is a row of tensor/kernels/elementwise/elementwise.inc, from which the prototypes below
 * come; a row reads: name, class, value of one element, gradient.
 *
 * Shapes   inputs are broadcast against each other. The result has the memory order of the first
 *          input of its shape (channels-last stays channels-last), else row-major.
 * Dtypes   PyTorch's promotion: bool < integers < floats; a 0-dim tensor or a number raises the
 *          dtype only to a higher one of these groups; uint8 < int32 < int64, float32 < float64. A
 *          number without fraction counts as an integer. Functions such as exp, and division, turn
 *          integers into float32. Comparisons and logic give bool.
 * Values   NaN passes through maximum, minimum, clamp and relu. Integers wrap around.
 * Gradient of every input of floating type, twice differentiable. At a tie maximum and minimum give
 *          each side half; abs, sign and relu have 0 at 0; clamp has 1 on [min, max]. Comparisons,
 *          isnan and logic have none.
 * Errors   shapes that do not broadcast; a dtype that the op does not take; a number that the
 *          dtype cannot hold.
 * Source: torch.<name>, or torch.nn.functional.<name>. */
#ifndef FOVEA_AUTOGRAD_OPS_ELEMENTWISE_ELEMENTWISE_H
#define FOVEA_AUTOGRAD_OPS_ELEMENTWISE_ELEMENTWISE_H

#include "../../../tensor/args.h"
#include "../../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* fv_exp(x), and in place fv_exp_(x), which returns x. */
#define FV_UNARY(name, ...)                                                                        \
    fv_tensor *fv_##name(fv_tensor *x);                                                            \
    fv_tensor *fv_##name##_(fv_tensor *x);
/* fv_add_scalar(x, 2.5), and in place fv_add_scalar_(x, 2.5). */
#define FV_NUMBER(name, ...)                                                                       \
    fv_tensor *fv_##name(fv_tensor *x, double value);                                              \
    fv_tensor *fv_##name##_(fv_tensor *x, double value);
/* fv_add(x, y), and in place fv_add_(x, y), where y is broadcast to x and cast to its dtype. */
#define FV_BINARY(name, ...)                                                                       \
    fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y);                                              \
    fv_tensor *fv_##name##_(fv_tensor *x, fv_tensor *y);
/* fv_where(condition, y, z): y where the condition (bool or uint8) holds, else z. */
#define FV_TERNARY(name, ...) fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y, fv_tensor *z);
/* fv_isnan(x), fv_gt_scalar(x, 0), fv_gt(x, y): bool results. */
#define FV_TEST(name, ...)        fv_tensor *fv_##name(fv_tensor *x);
#define FV_TEST_NUMBER(name, ...) fv_tensor *fv_##name(fv_tensor *x, double value);
#define FV_TEST_BINARY(name, ...) fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y);
/* Gradients as single ops: fv_relu_backward(g, y). */
#define FV_BACKWARD(name, ...) fv_tensor *fv_##name(fv_tensor *g, fv_tensor *y);
#define FV_BACKWARD_OPTION(name, ...)                                                              \
    fv_tensor *fv_##name(fv_tensor *g, fv_tensor *y, double p, double q);
#include "../../../tensor/kernels/elementwise/elementwise.inc"

/* --- ops with options ------------------------------------------------------------------------- */

typedef struct fv_clamp_args {
    char positional;
    fv_tensor *input;
    double min, max; /* -INFINITY, INFINITY: no bound */
} fv_clamp_args;
#define FV_CLAMP_DEFAULTS FV_DEFAULTS(.min = -__builtin_inf(), .max = __builtin_inf())

/* min(max(x, min), max). Where min > max, max.
 * Gradient: x, 1 on the closed interval.   Errors: bool; a bound that an integer dtype cannot hold.
 * Source: torch.clamp. */
fv_tensor *fv_clamp_ex(const fv_clamp_args *a);
fv_tensor *fv_clamp_inplace_ex(const fv_clamp_args *a);
#define fv_clamp(...) FV_CALL_ARGS(fv_clamp_ex, fv_clamp_args, FV_CLAMP_DEFAULTS, __VA_ARGS__)
#define fv_clamp_(...)                                                                             \
    FV_CALL_ARGS(fv_clamp_inplace_ex, fv_clamp_args, FV_CLAMP_DEFAULTS, __VA_ARGS__)

typedef struct fv_hardtanh_args {
    char positional;
    fv_tensor *input;
    double min_val, max_val; /* -1, 1 */
} fv_hardtanh_args;
#define FV_HARDTANH_DEFAULTS FV_DEFAULTS(.min_val = -1.0, .max_val = 1.0)

/* clamp, but with gradient 0 at the bounds. relu6 is fv_hardtanh(x, 0, 6).
 * Gradient: x.
 * Source: torch.nn.functional.hardtanh. */
fv_tensor *fv_hardtanh_ex(const fv_hardtanh_args *a);
#define fv_hardtanh(...)                                                                           \
    FV_CALL_ARGS(fv_hardtanh_ex, fv_hardtanh_args, FV_HARDTANH_DEFAULTS, __VA_ARGS__)

typedef struct fv_leaky_relu_args {
    char positional;
    fv_tensor *input;
    double negative_slope; /* 0.01 */
} fv_leaky_relu_args;
#define FV_LEAKY_RELU_DEFAULTS FV_DEFAULTS(.negative_slope = 0.01)

/* x for x > 0, else negative_slope · x.   Gradient: x.
 * Source: torch.nn.functional.leaky_relu. */
fv_tensor *fv_leaky_relu_ex(const fv_leaky_relu_args *a);
#define fv_leaky_relu(...)                                                                         \
    FV_CALL_ARGS(fv_leaky_relu_ex, fv_leaky_relu_args, FV_LEAKY_RELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_elu_args {
    char positional;
    fv_tensor *input;
    double alpha; /* 1 */
} fv_elu_args;
#define FV_ELU_DEFAULTS FV_DEFAULTS(.alpha = 1.0)

/* x for x > 0, else alpha · (e^x − 1).   Gradient: x.
 * Source: torch.nn.functional.elu. */
fv_tensor *fv_elu_ex(const fv_elu_args *a);
#define fv_elu(...) FV_CALL_ARGS(fv_elu_ex, fv_elu_args, FV_ELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_softplus_args {
    char positional;
    fv_tensor *input;
    double beta, threshold; /* 1, 20 */
} fv_softplus_args;
#define FV_SOFTPLUS_DEFAULTS FV_DEFAULTS(.beta = 1.0, .threshold = 20.0)

/* log(1 + e^(beta·x)) / beta, and x where beta·x > threshold.   Gradient: x.
 * Source: torch.nn.functional.softplus. */
fv_tensor *fv_softplus_ex(const fv_softplus_args *a);
#define fv_softplus(...)                                                                           \
    FV_CALL_ARGS(fv_softplus_ex, fv_softplus_args, FV_SOFTPLUS_DEFAULTS, __VA_ARGS__)

/* --- dtype ------------------------------------------------------------------------------------ */

/* x's elements in another dtype; x itself when it has it already. Fractions are cut off towards 0;
 * anything but 0 becomes true.
 * float16 and bfloat16 round once, to nearest, and become infinite from 65520 (float16) on.
 * Gradient: x, between float32 and float64; results of other types carry none.   Errors: no dtype.
 * Source: Tensor.to. */
fv_tensor *fv_to(fv_tensor *x, fv_dtype dtype);

/* The dtype that the ops above compute in with these inputs.  Source: torch.result_type. */
fv_dtype fv_result_type(int inputs, fv_tensor *const *in);

/* --- in place --------------------------------------------------------------------------------- */

/* t = 0.  Source: Tensor.zero_. (fv_fill_(t, value) and fv_copy_(t, source) come from the table.)
 */
fv_tensor *fv_zero_(fv_tensor *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
