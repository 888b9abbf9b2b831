/* Elementwise ops: arithmetic, functions of one variable, comparisons, logic.
 *
 * Every op is a row of tensor/kernels/elementwise/elementwise.inc, from which the prototypes below
 * come; a row reads: name, class, value of one element, gradient.
 *
 * Shapes   inputs are broadcast against each other. The result has the memory order of the first
 *          input of its shape (channels-last stays channels-last), else row-major.
 * Dtypes   PyTorch's promotion: bool < integers < floats; a 0-dim tensor or a number raises the
 *          dtype only to a higher one of these groups; uint8 < int32 < int64, float32 < float64.
 *          Functions such as exp, and division, turn
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
/* fv_add_scalar(x, 2.5) and, of a whole number, fv_add_scalar_int64(x, 2); in place with a _ at the
 * end. C has a short form: fv_add(x, 2.5), see below. */
#define FV_NUMBER(name, ...)                                                                       \
    fv_tensor *fv_##name(fv_tensor *x, double value);                                              \
    fv_tensor *fv_##name##_(fv_tensor *x, double value);                                           \
    fv_tensor *fv_##name##_int64(fv_tensor * x, int64_t value);                                    \
    fv_tensor *fv_##name##_int64_(fv_tensor *x, int64_t value);
/* fv_add(x, y), and in place fv_add_(x, y), where y is broadcast to x and cast to its dtype. */
#define FV_BINARY(name, ...)                                                                       \
    fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y);                                              \
    fv_tensor *fv_##name##_(fv_tensor *x, fv_tensor *y);
/* fv_where(condition, y, z): y where the condition (bool or uint8) holds, else z. */
#define FV_TERNARY(name, ...) fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y, fv_tensor *z);
/* fv_isnan(x), fv_gt_scalar(x, 0), fv_gt(x, y): bool results. */
#define FV_TEST(name, ...) fv_tensor *fv_##name(fv_tensor *x);
#define FV_TEST_NUMBER(name, ...)                                                                  \
    fv_tensor *fv_##name(fv_tensor *x, double value);                                              \
    fv_tensor *fv_##name##_int64(fv_tensor * x, int64_t value);
#define FV_TEST_BINARY(name, ...) fv_tensor *fv_##name(fv_tensor *x, fv_tensor *y);
/* Gradients as single ops: fv_relu_backward(g, y). */
#define FV_BACKWARD(name, ...) fv_tensor *fv_##name(fv_tensor *g, fv_tensor *y);
#define FV_BACKWARD_OPTION(name, ...)                                                              \
    fv_tensor *fv_##name(fv_tensor *g, fv_tensor *y, double p, double q);
#include "../../../tensor/kernels/elementwise/elementwise.inc"

/* --- numbers where tensors go ----------------------------------------------------------------- */

/* The larger (smaller) of each element and a number. */
fv_tensor *fv_maximum_scalar(fv_tensor *x, double value);
fv_tensor *fv_maximum_scalar_(fv_tensor *x, double value);
fv_tensor *fv_maximum_scalar_int64(fv_tensor *x, int64_t value);
fv_tensor *fv_maximum_scalar_int64_(fv_tensor *x, int64_t value);
fv_tensor *fv_minimum_scalar(fv_tensor *x, double value);
fv_tensor *fv_minimum_scalar_(fv_tensor *x, double value);
fv_tensor *fv_minimum_scalar_int64(fv_tensor *x, int64_t value);
fv_tensor *fv_minimum_scalar_int64_(fv_tensor *x, int64_t value);

/* value to the power y.  Source: torch.pow(self, exponent) with a number as self. */
fv_tensor *fv_scalar_pow(double value, fv_tensor *y);
fv_tensor *fv_scalar_pow_int64(int64_t value, fv_tensor *y);

#ifdef FV_HAVE_CALLS
/* In C the second argument may be a tensor or a number, in fv_pow also the first: fv_add(x, 1),
 * fv_mul_(x, 0.5), fv_pow(2, x), fv_gt(x, 0). A floating number makes a floating result of
 * integers, a whole one (any integer type, bool, char; an unsigned one up to INT64_MAX) does not,
 * and is exact in int64. The function of two tensors has the plain name, so that it can be pointed
 * to. */
#define FV_OPERAND_1_(number, x, y, tensor, scalar, whole)                                         \
    FV_OPERAND_2_(number, x, y, tensor, scalar, whole)
#define FV_OPERAND_2_(number, x, y, tensor, scalar, whole)                                         \
    __extension__({                                                                                \
        FV_CALL_BEGIN                                                                              \
        __auto_type fv_other_##number = (y);                                                       \
        FV_BY_OPERAND_(fv_other_##number, tensor, scalar, whole)((x), fv_other_##number);          \
        FV_CALL_END                                                                                \
    })
#define FV_BY_OPERAND_(y, tensor, scalar, whole)                                                   \
    _Generic((y), fv_tensor * : tensor, FV_BY_NUMBER_(scalar, whole))
#define FV_OPERAND_(x, y, tensor, scalar, whole)                                                   \
    FV_OPERAND_1_(__COUNTER__, x, y, tensor, scalar, whole)

#define fv_add(x, y)     FV_OPERAND_(x, y, fv_add, fv_add_scalar, fv_add_scalar_int64)
#define fv_add_(x, y)    FV_OPERAND_(x, y, fv_add_, fv_add_scalar_, fv_add_scalar_int64_)
#define fv_sub(x, y)     FV_OPERAND_(x, y, fv_sub, fv_sub_scalar, fv_sub_scalar_int64)
#define fv_sub_(x, y)    FV_OPERAND_(x, y, fv_sub_, fv_sub_scalar_, fv_sub_scalar_int64_)
#define fv_mul(x, y)     FV_OPERAND_(x, y, fv_mul, fv_mul_scalar, fv_mul_scalar_int64)
#define fv_mul_(x, y)    FV_OPERAND_(x, y, fv_mul_, fv_mul_scalar_, fv_mul_scalar_int64_)
#define fv_div(x, y)     FV_OPERAND_(x, y, fv_div, fv_div_scalar, fv_div_scalar_int64)
#define fv_div_(x, y)    FV_OPERAND_(x, y, fv_div_, fv_div_scalar_, fv_div_scalar_int64_)
#define fv_pow_(x, y)    FV_OPERAND_(x, y, fv_pow_, fv_pow_scalar_, fv_pow_scalar_int64_)
#define fv_maximum(x, y) FV_OPERAND_(x, y, fv_maximum, fv_maximum_scalar, fv_maximum_scalar_int64)
#define fv_maximum_(x, y)                                                                          \
    FV_OPERAND_(x, y, fv_maximum_, fv_maximum_scalar_, fv_maximum_scalar_int64_)
#define fv_minimum(x, y) FV_OPERAND_(x, y, fv_minimum, fv_minimum_scalar, fv_minimum_scalar_int64)
#define fv_minimum_(x, y)                                                                          \
    FV_OPERAND_(x, y, fv_minimum_, fv_minimum_scalar_, fv_minimum_scalar_int64_)
#define fv_eq(x, y) FV_OPERAND_(x, y, fv_eq, fv_eq_scalar, fv_eq_scalar_int64)
#define fv_ne(x, y) FV_OPERAND_(x, y, fv_ne, fv_ne_scalar, fv_ne_scalar_int64)
#define fv_lt(x, y) FV_OPERAND_(x, y, fv_lt, fv_lt_scalar, fv_lt_scalar_int64)
#define fv_le(x, y) FV_OPERAND_(x, y, fv_le, fv_le_scalar, fv_le_scalar_int64)
#define fv_gt(x, y) FV_OPERAND_(x, y, fv_gt, fv_gt_scalar, fv_gt_scalar_int64)
#define fv_ge(x, y) FV_OPERAND_(x, y, fv_ge, fv_ge_scalar, fv_ge_scalar_int64)

#define fv_pow(x, y)            FV_POW_1_(__COUNTER__, x, y)
#define FV_POW_1_(number, x, y) FV_POW_2_(number, x, y)
#define FV_POW_2_(number, x, y)                                                                    \
    __extension__({                                                                                \
        FV_CALL_BEGIN                                                                              \
        __auto_type fv_base_##number = (x);                                                        \
        __auto_type fv_other_##number = (y);                                                       \
        _Generic((fv_base_##number), fv_tensor *                                                   \
                 : FV_BY_OPERAND_(fv_other_##number, fv_pow, fv_pow_scalar, fv_pow_scalar_int64),  \
                   FV_BY_NUMBER_(fv_scalar_pow, fv_scalar_pow_int64))(fv_base_##number,            \
                                                                      fv_other_##number);          \
        FV_CALL_END                                                                                \
    })

#define fv_fill_(x, value)           FV_FILL_1_(__COUNTER__, x, value)
#define FV_FILL_1_(number, x, value) FV_FILL_2_(number, x, value)
#define FV_FILL_2_(number, x, value)                                                               \
    __extension__({                                                                                \
        FV_CALL_BEGIN                                                                              \
        __auto_type fv_value_##number = (value);                                                   \
        _Generic((fv_value_##number), FV_BY_NUMBER_(fv_fill_, fv_fill_int64_))((x),                \
                                                                               fv_value_##number); \
        FV_CALL_END                                                                                \
    })
#endif

/* --- ops with options ------------------------------------------------------------------------- */

typedef struct fv_clamp_args {
    size_t size;
    fv_tensor *input;
    double min, max; /* -INFINITY, INFINITY: no bound */
} fv_clamp_args;
#define FV_CLAMP_DEFAULTS                                                                          \
    FV_DEFAULTS(fv_clamp_args, .min = -__builtin_inf(), .max = __builtin_inf())
extern const fv_clamp_args fv_clamp_defaults;

/* min(max(x, min), max). Where min > max, max.
 * Gradient: x, 1 on the closed interval.   Errors: bool; a bound that an integer dtype cannot hold.
 * Source: torch.clamp. */
fv_tensor *fv_clamp_ex(const fv_clamp_args *a);
fv_tensor *fv_clamp_inplace_ex(const fv_clamp_args *a);
#define fv_clamp(...)  FV_CALL(fv_clamp_ex, fv_clamp_args, FV_CLAMP_DEFAULTS, __VA_ARGS__)
#define fv_clamp_(...) FV_CALL(fv_clamp_inplace_ex, fv_clamp_args, FV_CLAMP_DEFAULTS, __VA_ARGS__)

typedef struct fv_hardtanh_args {
    size_t size;
    fv_tensor *input;
    double min_val, max_val; /* -1, 1 */
} fv_hardtanh_args;
#define FV_HARDTANH_DEFAULTS FV_DEFAULTS(fv_hardtanh_args, .min_val = -1.0, .max_val = 1.0)
extern const fv_hardtanh_args fv_hardtanh_defaults;

/* clamp, but with gradient 0 at the bounds, and integers stay what they are: their bounds lose
 * fractions. relu6 is fv_hardtanh(x, 0, 6).
 * Gradient: x.   Errors: bool; a bound that an integer dtype cannot hold.
 * Source: torch.nn.functional.hardtanh. */
fv_tensor *fv_hardtanh_ex(const fv_hardtanh_args *a);
#define fv_hardtanh(...)                                                                           \
    FV_CALL(fv_hardtanh_ex, fv_hardtanh_args, FV_HARDTANH_DEFAULTS, __VA_ARGS__)

typedef struct fv_leaky_relu_args {
    size_t size;
    fv_tensor *input;
    double negative_slope; /* 0.01 */
} fv_leaky_relu_args;
#define FV_LEAKY_RELU_DEFAULTS FV_DEFAULTS(fv_leaky_relu_args, .negative_slope = 0.01)
extern const fv_leaky_relu_args fv_leaky_relu_defaults;

/* x for x > 0, else negative_slope · x.   Gradient: x.
 * Source: torch.nn.functional.leaky_relu. */
fv_tensor *fv_leaky_relu_ex(const fv_leaky_relu_args *a);
#define fv_leaky_relu(...)                                                                         \
    FV_CALL(fv_leaky_relu_ex, fv_leaky_relu_args, FV_LEAKY_RELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_elu_args {
    size_t size;
    fv_tensor *input;
    double alpha; /* 1 */
} fv_elu_args;
#define FV_ELU_DEFAULTS FV_DEFAULTS(fv_elu_args, .alpha = 1.0)
extern const fv_elu_args fv_elu_defaults;

/* x for x > 0, else alpha · (e^x − 1).   Gradient: x.
 * Source: torch.nn.functional.elu. */
fv_tensor *fv_elu_ex(const fv_elu_args *a);
#define fv_elu(...) FV_CALL(fv_elu_ex, fv_elu_args, FV_ELU_DEFAULTS, __VA_ARGS__)

typedef struct fv_softplus_args {
    size_t size;
    fv_tensor *input;
    double beta, threshold; /* 1, 20 */
} fv_softplus_args;
#define FV_SOFTPLUS_DEFAULTS FV_DEFAULTS(fv_softplus_args, .beta = 1.0, .threshold = 20.0)
extern const fv_softplus_args fv_softplus_defaults;

/* log(1 + e^(beta·x)) / beta, and x where beta·x > threshold.   Gradient: x.
 * Source: torch.nn.functional.softplus. */
fv_tensor *fv_softplus_ex(const fv_softplus_args *a);
#define fv_softplus(...)                                                                           \
    FV_CALL(fv_softplus_ex, fv_softplus_args, FV_SOFTPLUS_DEFAULTS, __VA_ARGS__)

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
