/* The elementwise ops: every row of tensor/kernels/elementwise/elementwise.inc becomes an fv_op
 * with its gradient and its functions. */
#include <stddef.h>

#include "autograd/ops/elementwise/elementwise_impl.h"
#include "tensor/create.h"
#include "tensor/kernels/vmath_isa.h"

/* --- formulas that are too long for a row ----------------------------------------------------- */

static fv_tensor *zero_like(const fv_tensor *t)
{
    return fv_scalar(0, fv_dtype_of(t));
}

/* a·x + b */
static fv_tensor *linear(fv_tensor *x, double a, double b)
{
    return fv_add_scalar(fv_mul_scalar(x, a), b);
}

/* g · p·x^(p−1), 0 for p = 0 */
static fv_tensor *pow_by_input(fv_tensor *g, fv_tensor *x, double p)
{
    if (p == 0) return zero_like(g);
    if (p == 2) return fv_mul(g, fv_mul_scalar(x, p));
    return fv_mul(g, fv_mul_scalar(fv_pow_scalar(x, p - 1), p));
}

/* g · y·x^(y−1), 0 where y = 0 */
static fv_tensor *pow_by_base(fv_tensor *g, fv_tensor *x, fv_tensor *y)
{
    fv_tensor *slope = fv_mul(y, fv_pow(x, fv_add_scalar(y, -1)));
    return fv_where(fv_eq_scalar(y, 0), zero_like(g), fv_mul(g, slope));
}

/* g · x^y·log x, 0 where x = 0 and y >= 0 */
static fv_tensor *pow_by_exponent(fv_tensor *g, fv_tensor *x, fv_tensor *y, fv_tensor *r)
{
    fv_tensor *flat = fv_logical_and(fv_eq_scalar(x, 0), fv_ge_scalar(y, 0));
    return fv_where(flat, zero_like(g), fv_mul(g, fv_mul(r, fv_log(x))));
}

/* g · silu'' = g · s(1−s)(2 + y(1−2s)) with s = sigmoid y */
static fv_tensor *silu_second(fv_tensor *g, fv_tensor *y)
{
    fv_tensor *s = fv_sigmoid(y);
    return fv_mul(fv_sigmoid_backward(g, s), linear(fv_mul(y, linear(s, -2, 1)), 1, 2));
}

/* g · gelu'' = g · φ(y)(2 − y²) with the normal density φ */
static fv_tensor *gelu_second(fv_tensor *g, fv_tensor *y)
{
    fv_tensor *square = fv_square(y);
    fv_tensor *density = fv_mul_scalar(fv_exp(fv_mul_scalar(square, -0.5)), FV_NORMAL_DENSITY);
    return fv_mul(g, fv_mul(density, linear(square, -1, 2)));
}

/* g · elu'': alpha·e^y for y < 0, else 0 */
static fv_tensor *elu_second(fv_tensor *g, fv_tensor *y, double alpha)
{
    fv_tensor *curve = fv_elu_backward(g, y, alpha, 0);
    return fv_where(fv_lt_scalar(y, 0), curve, zero_like(g));
}

/* g · softplus'': beta·s(1−s) with s = sigmoid(beta·y) below the threshold, else 0 */
static fv_tensor *softplus_second(fv_tensor *g, fv_tensor *y, double beta, double threshold)
{
    fv_tensor *scaled = fv_mul_scalar(y, beta);
    fv_tensor *curve = fv_mul_scalar(fv_sigmoid_backward(g, fv_sigmoid(scaled)), beta);
    return fv_where(fv_gt_scalar(scaled, threshold), zero_like(g), curve);
}

/* --- the parts of an op ----------------------------------------------------------------------- */

#define PHASES(name, kind)                                                                         \
    static fv_status name##_infer(fv_call *c)                                                      \
    {                                                                                              \
        return fv_elementwise_infer(c, FV_ELEMENTWISE_##name, kind);                               \
    }                                                                                              \
    static void name##_forward(fv_call *c)                                                         \
    {                                                                                              \
        fv_elementwise_forward(c, FV_ELEMENTWISE_##name, kind);                                    \
    }                                                                                              \
    static void name##_reference(fv_call *c)                                                       \
    {                                                                                              \
        fv_elementwise_twin(c, FV_ELEMENTWISE_##name, kind);                                       \
    }

/* The gradient function; body assigns gin[i]. p and q are 0 in a row without numbers. */
#define GRADIENT(name, numbers, body)                                                              \
    static void name##_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)         \
    {                                                                                              \
        fv_tensor *g = gout[0], *r = c->out[0], *x = c->in[0];                                     \
        fv_tensor *y = c->inputs > 1 ? c->in[1] : NULL, *z = c->inputs > 2 ? c->in[2] : NULL;      \
        const elementwise_numbers *n = numbers;                                                    \
        const double p = n ? n->p : 0, q = n ? n->q : 0;                                           \
        (void)g, (void)r, (void)x, (void)y, (void)z, (void)p, (void)q;                             \
        body                                                                                       \
    }
#define WANT(i, value)                                                                             \
    if (fv_wants(c, i)) gin[i] = value;

#define NAMES_ONE                                                                                  \
    {                                                                                              \
        {                                                                                          \
            .name = "input"                                                                        \
        }                                                                                          \
    }
#define NAMES_TWO                                                                                  \
    {                                                                                              \
        {.name = "input"},                                                                         \
        {                                                                                          \
            .name = "other"                                                                        \
        }                                                                                          \
    }
#define NAMES_GRADIENT                                                                             \
    {                                                                                              \
        {.name = "grad"},                                                                          \
        {                                                                                          \
            .name = "input"                                                                        \
        }                                                                                          \
    }
#define NAMES_CHOICE                                                                               \
    {                                                                                              \
        {.name = "condition"}, {.name = "input"},                                                  \
        {                                                                                          \
            .name = "other"                                                                        \
        }                                                                                          \
    }

/* name_op; more are further designators. */
#define OP(name_, inputs_, size, grad, names_, ...)                                                \
    static const fv_op name_##_op = {.name = #name_,                                               \
                                     .inputs = inputs_,                                            \
                                     .input = NAMES_##names_,                                      \
                                     .outputs = 1,                                                 \
                                     .options_size = size,                                         \
                                     .infer = name_##_infer,                                       \
                                     .forward = name_##_forward,                                   \
                                     .reference = name_##_reference,                               \
                                     .inplace = true,                                              \
                                     .gradient = grad,                                             \
                                     .window = fv_window_same,                                     \
                                     __VA_ARGS__};                                                 \
    FV_REGISTER(name_##_op);

enum { NUMBERS_SIZE = sizeof(elementwise_numbers) };

static const fv_option one_number[] = {
    {.name = "value", .offset = offsetof(elementwise_numbers, p), .kind = FV_OPTION_DOUBLE},
    {.name = "floating", .offset = offsetof(elementwise_numbers, floating), .kind = FV_OPTION_BOOL},
    {.name = NULL},
};
/* The names of p and q, for an op and for its gradient; the list ends with a NULL. */
#define NAMED_NUMBERS(op, p_, q_)                                                                  \
    static const fv_option op##_fields[] = {                                                       \
        {.name = p_, .offset = offsetof(elementwise_numbers, p), .kind = FV_OPTION_DOUBLE},        \
        {.name = q_, .offset = offsetof(elementwise_numbers, q), .kind = FV_OPTION_DOUBLE},        \
        {.name = NULL},                                                                            \
    }
NAMED_NUMBERS(clamp, "min", "max");
NAMED_NUMBERS(clamp_backward, "min", "max");
NAMED_NUMBERS(hardtanh, "min_val", "max_val");
NAMED_NUMBERS(hardtanh_backward, "min_val", "max_val");
NAMED_NUMBERS(huber_backward, "min", "max");
NAMED_NUMBERS(leaky_relu, "negative_slope", NULL);
NAMED_NUMBERS(leaky_relu_backward, "negative_slope", NULL);
NAMED_NUMBERS(elu, "alpha", NULL);
NAMED_NUMBERS(elu_backward, "alpha", NULL);
NAMED_NUMBERS(softplus, "beta", "threshold");
NAMED_NUMBERS(softplus_backward, "beta", "threshold");

/* --- the rows --------------------------------------------------------------------------------- */

#define FV_UNARY(name, class, value, saves_x, gradient, torch, f0)                                 \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    GRADIENT(name, NULL, WANT(0, gradient))                                                        \
    OP(name, 1, 0, name##_gradient, ONE, .saves = {saves_x})                                       \
    fv_tensor *(fv_##name)(fv_tensor * x)                                                          \
    {                                                                                              \
        return fv_apply(&name##_op, NULL, 1, &x);                                                  \
    }                                                                                              \
    fv_tensor *(fv_##name##_)(fv_tensor * x)                                                       \
    {                                                                                              \
        return fv_apply_inplace(&name##_op, NULL, 1, &x);                                          \
    }

#define NUMBERED(name, kind, class, saves_x, gradient, fields)                                     \
    PHASES(name, kind)                                                                             \
    GRADIENT(name, c->options, WANT(0, gradient))                                                  \
    OP(name, 1, NUMBERS_SIZE, name##_gradient, ONE, .saves = {saves_x}, .option_fields = fields,   \
       .any_dtype = FV_CLASS_##class == FV_CLASS_FIRST)

#define FLOATING(v) ((const elementwise_numbers){.p = (v), .floating = true})
#define WHOLE(v)    ((const elementwise_numbers){.p = (double)(v), .whole = (v)})
#define FV_NUMBER(name, class, value, saves_x, gradient, torch, f0, p_)                            \
    NUMBERED(name, ELEMENTWISE_OPERAND, class, saves_x, gradient, one_number)                      \
    fv_tensor *(fv_##name)(fv_tensor * x, double v)                                                \
    {                                                                                              \
        return fv_apply(&name##_op, &FLOATING(v), 1, &x);                                          \
    }                                                                                              \
    fv_tensor *(fv_##name##_)(fv_tensor * x, double v)                                             \
    {                                                                                              \
        return fv_apply_inplace(&name##_op, &FLOATING(v), 1, &x);                                  \
    }                                                                                              \
    fv_tensor *(fv_##name##_int64)(fv_tensor * x, int64_t v)                                       \
    {                                                                                              \
        return fv_apply(&name##_op, &WHOLE(v), 1, &x);                                             \
    }                                                                                              \
    fv_tensor *(fv_##name##_int64_)(fv_tensor * x, int64_t v)                                      \
    {                                                                                              \
        return fv_apply_inplace(&name##_op, &WHOLE(v), 1, &x);                                     \
    }

#define OPTION_KIND_ARITH  ELEMENTWISE_BOUNDS
#define OPTION_KIND_SIGNED ELEMENTWISE_CAST
#define OPTION_KIND_REAL   ELEMENTWISE_OPTIONS
#define FV_OPTION(name, class, value, saves_x, gradient)                                           \
    NUMBERED(name, OPTION_KIND_##class, class, saves_x, gradient, name##_fields)

#define FV_BINARY(name, class, value, saves_x, grad_x, saves_y, grad_y, torch, f0, f1)             \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    GRADIENT(name, NULL, WANT(0, grad_x) WANT(1, grad_y))                                          \
    OP(name, 2, 0, name##_gradient, TWO, .saves = {saves_x, saves_y},                              \
       .any_dtype = FV_CLASS_##class == FV_CLASS_FIRST)                                            \
    fv_tensor *(fv_##name)(fv_tensor * x, fv_tensor * y)                                           \
    {                                                                                              \
        return FV_APPLY(&name##_op, NULL, x, y);                                                   \
    }                                                                                              \
    fv_tensor *(fv_##name##_)(fv_tensor * x, fv_tensor * y)                                        \
    {                                                                                              \
        fv_tensor *const in[] = {x, fv_elementwise_other(x, y)};                                   \
        return fv_apply_inplace(&name##_op, NULL, 2, in);                                          \
    }

#define FV_BACKWARD(name, value, saves_x, grad_x, saves_y, grad_y, torch, f1)                      \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    GRADIENT(name, NULL, WANT(0, grad_x) WANT(1, grad_y))                                          \
    OP(name, 2, 0, name##_gradient, GRADIENT, .saves = {saves_x, saves_y})                         \
    fv_tensor *(fv_##name)(fv_tensor * g, fv_tensor * y)                                           \
    {                                                                                              \
        return FV_APPLY(&name##_op, NULL, g, y);                                                   \
    }

#define FV_BACKWARD_OPTION(name, value, saves_x, grad_x, saves_y, grad_y, torch, f1, p_, q_)       \
    PHASES(name, ELEMENTWISE_OPTIONS)                                                              \
    GRADIENT(name, c->options, WANT(0, grad_x) WANT(1, grad_y))                                    \
    OP(name, 2, NUMBERS_SIZE, name##_gradient, GRADIENT, .saves = {saves_x, saves_y},              \
       .option_fields = name##_fields)                                                             \
    fv_tensor *(fv_##name)(fv_tensor * g, fv_tensor * y, double p, double q)                       \
    {                                                                                              \
        return FV_APPLY(&name##_op, (&(const elementwise_numbers){.p = p, .q = q}), g, y);         \
    }

#define FV_TERNARY(name, class, value, saves_x, grad_x, saves_y, grad_y, saves_z, grad_z, torch,   \
                   f0, f1, f2)                                                                     \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    GRADIENT(name, NULL, WANT(0, grad_x) WANT(1, grad_y) WANT(2, grad_z))                          \
    OP(name, 3, 0, name##_gradient, CHOICE, .saves = {saves_x, saves_y, saves_z})                  \
    fv_tensor *(fv_##name)(fv_tensor * x, fv_tensor * y, fv_tensor * z)                            \
    {                                                                                              \
        return FV_APPLY(&name##_op, NULL, x, y, z);                                                \
    }

#define FV_TEST(name, class, value, torch)                                                         \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    OP(name, 1, 0, FV_NO_GRADIENT, ONE, .option_fields = NULL)                                     \
    fv_tensor *(fv_##name)(fv_tensor * x)                                                          \
    {                                                                                              \
        return fv_apply(&name##_op, NULL, 1, &x);                                                  \
    }

#define FV_TEST_NUMBER(name, class, value, torch, p_)                                              \
    PHASES(name, ELEMENTWISE_OPERAND)                                                              \
    OP(name, 1, NUMBERS_SIZE, FV_NO_GRADIENT, ONE, .option_fields = one_number)                    \
    fv_tensor *(fv_##name)(fv_tensor * x, double v)                                                \
    {                                                                                              \
        return fv_apply(&name##_op, &FLOATING(v), 1, &x);                                          \
    }                                                                                              \
    fv_tensor *(fv_##name##_int64)(fv_tensor * x, int64_t v)                                       \
    {                                                                                              \
        return fv_apply(&name##_op, &WHOLE(v), 1, &x);                                             \
    }

#define FV_TEST_BINARY(name, class, value, torch)                                                  \
    PHASES(name, ELEMENTWISE_NO_NUMBERS)                                                           \
    OP(name, 2, 0, FV_NO_GRADIENT, TWO, .option_fields = NULL)                                     \
    fv_tensor *(fv_##name)(fv_tensor * x, fv_tensor * y)                                           \
    {                                                                                              \
        return FV_APPLY(&name##_op, NULL, x, y);                                                   \
    }

#include "tensor/kernels/elementwise/elementwise.inc"

/* --- numbers in a tensor's place -------------------------------------------------------------- */

/* A 0-dim tensor of the dtype that x's group makes of a floating number. */
static fv_tensor *number_for(const fv_tensor *x, double value)
{
    return fv_scalar(value, fv_dtype_of(x) == FV_FLOAT64 ? FV_FLOAT64 : FV_FLOAT32);
}

fv_tensor *fv_maximum_scalar(fv_tensor *x, double value)
{
    return fv_maximum(x, number_for(x, value));
}

fv_tensor *fv_maximum_scalar_int64(fv_tensor *x, int64_t value)
{
    return fv_maximum(x, fv_scalar(value, FV_INT64));
}

fv_tensor *fv_maximum_scalar_(fv_tensor *x, double value)
{
    return fv_maximum_(x, number_for(x, value));
}

fv_tensor *fv_maximum_scalar_int64_(fv_tensor *x, int64_t value)
{
    return fv_maximum_(x, fv_scalar(value, FV_INT64));
}

fv_tensor *fv_minimum_scalar(fv_tensor *x, double value)
{
    return fv_minimum(x, number_for(x, value));
}

fv_tensor *fv_minimum_scalar_int64(fv_tensor *x, int64_t value)
{
    return fv_minimum(x, fv_scalar(value, FV_INT64));
}

fv_tensor *fv_minimum_scalar_(fv_tensor *x, double value)
{
    return fv_minimum_(x, number_for(x, value));
}

fv_tensor *fv_minimum_scalar_int64_(fv_tensor *x, int64_t value)
{
    return fv_minimum_(x, fv_scalar(value, FV_INT64));
}

fv_tensor *fv_scalar_pow(double value, fv_tensor *y)
{
    return fv_pow(number_for(y, value), y);
}

fv_tensor *fv_scalar_pow_int64(int64_t value, fv_tensor *y)
{
    return fv_pow(fv_scalar(value, FV_INT64), y);
}

/* --- functions with options ------------------------------------------------------------------- */

static fv_tensor *apply_options(const fv_op *op, fv_tensor *input, double p, double q)
{
    return fv_apply(op, &(const elementwise_numbers){.p = p, .q = q}, 1, &input);
}

const fv_clamp_args fv_clamp_defaults = {FV_CLAMP_DEFAULTS};

fv_tensor *fv_clamp_ex(const fv_clamp_args *a)
{
    if (!fv_args_ok("clamp", a, sizeof *a)) return fv_failed_tensor();
    return apply_options(&clamp_op, a->input, a->min, a->max);
}

fv_tensor *fv_clamp_inplace_ex(const fv_clamp_args *a)
{
    if (!fv_args_ok("clamp_inplace", a, sizeof *a)) return fv_failed_tensor();
    return fv_apply_inplace(&clamp_op, &(const elementwise_numbers){.p = a->min, .q = a->max}, 1,
                            &a->input);
}

const fv_hardtanh_args fv_hardtanh_defaults = {FV_HARDTANH_DEFAULTS};

fv_tensor *fv_hardtanh_ex(const fv_hardtanh_args *a)
{
    if (!fv_args_ok("hardtanh", a, sizeof *a)) return fv_failed_tensor();
    return apply_options(&hardtanh_op, a->input, a->min_val, a->max_val);
}

const fv_leaky_relu_args fv_leaky_relu_defaults = {FV_LEAKY_RELU_DEFAULTS};

fv_tensor *fv_leaky_relu_ex(const fv_leaky_relu_args *a)
{
    if (!fv_args_ok("leaky_relu", a, sizeof *a)) return fv_failed_tensor();
    return apply_options(&leaky_relu_op, a->input, a->negative_slope, 0);
}

const fv_elu_args fv_elu_defaults = {FV_ELU_DEFAULTS};

fv_tensor *fv_elu_ex(const fv_elu_args *a)
{
    if (!fv_args_ok("elu", a, sizeof *a)) return fv_failed_tensor();
    return apply_options(&elu_op, a->input, a->alpha, 0);
}

const fv_softplus_args fv_softplus_defaults = {FV_SOFTPLUS_DEFAULTS};

fv_tensor *fv_softplus_ex(const fv_softplus_args *a)
{
    if (!fv_args_ok("softplus", a, sizeof *a)) return fv_failed_tensor();
    return apply_options(&softplus_op, a->input, a->beta, a->threshold);
}

fv_tensor *fv_zero_(fv_tensor *t)
{
    return fv_fill_(t, 0);
}
