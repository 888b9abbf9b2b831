/* Elementwise ops: every row of the library's table that has an expression in PyTorch as fast as
 * can be, and those with options. The backward rows are timed as what they are, gradients. */
#include "cases.h"

#define IN(fill, ...) case_filled(FILL_##fill, FV_SHAPE(__VA_ARGS__))

#define FV_UNARY(name, class, value, saves_x, gradient, torch, f0)                                 \
    CASE(name, "", torch, IN(f0, 0), fv_##name(x[0]));
#define FV_NUMBER(name, class, value, saves_x, gradient, torch, f0, p)                             \
    CASE(name, "", torch, IN(f0, 0), fv_##name(x[0], p));
#define FV_BINARY(name, class, value, saves_x, grad_x, saves_y, grad_y, torch, f0, f1)             \
    CASE(name, "", torch, IN(f0, 0), IN(f1, 0), fv_##name(x[0], x[1]));
#define FV_TEST(name, class, value, torch) CASE(name, "", torch, X(0), fv_##name(x[0]));
#define FV_TEST_NUMBER(name, class, value, torch, p)                                               \
    CASE(name, "", torch, X(0), fv_##name(x[0], p));
#define FV_TEST_BINARY(name, class, value, torch)                                                  \
    CASE(name, "", torch, X(0), X(0), fv_##name(x[0], x[1]));

#include "tensor/kernels/elementwise/elementwise.inc"

CASE(where, "", "torch.where(x0, x1, x2)", MASK(0), X(0), X(0), fv_where(x[0], x[1], x[2]));
CASE(add, "a row", "x0 + x1", X(0, 32), X(32), fv_add(x[0], x[1]));
CASE(mul, "a column", "x0 * x1", X(32, 0), X(32, 1), fv_mul(x[0], x[1]));
CASE(add, "transposed", "x0 + x1.t()", X(32, 0), X(0, 32), fv_add(x[0], fv_t(x[1])));
CASE(clamp, "", "torch.clamp(x0, -0.5, 0.75)", X(0), fv_clamp(x[0], -0.5, 0.75));
CASE(hardtanh, "", "F.hardtanh(x0)", X(0), fv_hardtanh(x[0]));
CASE(leaky_relu, "", "F.leaky_relu(x0, 0.2)", X(0), fv_leaky_relu(x[0], 0.2));
CASE(elu, "", "F.elu(x0)", X(0), fv_elu(x[0]));
CASE(softplus, "", "F.softplus(x0)", X(0), fv_softplus(x[0]));
CASE(add_, "in place", "x0.detach().add_(x1)", CONSTANT(X(0)), CONSTANT(X(0)), fv_add_(x[0], x[1]));
CASE(to, "float64", "x0.to(torch.float64)", X(0), fv_to(x[0], FV_FLOAT64));
CASE(to, "int64", "x0.to(torch.int64)", X(0), fv_to(x[0], FV_INT64));
CASE(to, "float16", "x0.to(torch.float16)", CONSTANT(X(0)), fv_to(x[0], FV_FLOAT16));
CASE(dropout, "", "F.dropout(x0)", X(0), fv_dropout(x[0]));
CASE(dropout2d, "", "F.dropout2d(x0)", X(0, 16, 8, 8), fv_dropout2d(x[0]));
