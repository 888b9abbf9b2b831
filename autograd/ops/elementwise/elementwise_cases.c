/* Cases of the elementwise ops: those of every row of the table, and of what has options. */
#include "autograd/ops/elementwise/elementwise.h"
#include "tests/case.h"

#define IN(fill, ...)   case_filled(FILL_##fill, FV_SHAPE(__VA_ARGS__))
#define IN_NUMBER(fill) case_filled(FILL_##fill, FV_SCALAR)

#define CASES_1(op, torch, f0, call)                                                               \
    CASE(op, "one dimension", torch, IN(f0, 19), call);                                            \
    CASE(op, "an image batch", torch, IN(f0, 2, 3, 4, 5), call);                                   \
    CASE(op, "a number", torch, IN_NUMBER(f0), call);
#define CASES_2(op, torch, f0, f1, call)                                                           \
    CASE(op, "equal shapes", torch, IN(f0, 2, 3, 4, 5), IN(f1, 2, 3, 4, 5), call);                 \
    CASE(op, "broadcast", torch, IN(f0, 2, 3, 5), IN(f1, 3, 1), call);                             \
    CASE(op, "with a number", torch, IN(f0, 3, 7), IN_NUMBER(f1), call);
#define CASES_3(op, torch, f0, f1, f2, call)                                                       \
    CASE(op, "equal shapes", torch, IN(f0, 2, 3, 5), IN(f1, 2, 3, 5), IN(f2, 2, 3, 5), call);      \
    CASE(op, "broadcast", torch, IN(f0, 2, 1, 5), IN(f1, 3, 1), IN_NUMBER(f2), call);
#define CASES_TEST_1(op, torch, call)                                                              \
    CASE(op, "floats", torch, X(2, 3, 5), call);                                                   \
    CASE(op, "integers", torch, INDEX(3, 4, 5), call);
#define CASES_TEST_2(op, torch, call)                                                              \
    CASE(op, "floats, broadcast", torch, X(2, 3, 5), X(3, 1), call);                               \
    CASE(op, "integers", torch, INDEX(3, 4, 5), INDEX(3, 4, 5), call);

#define FV_UNARY(name, class, value, saves_x, gradient, torch, f0)                                 \
    CASES_1(name, torch, f0, fv_##name(x[0]))
#define FV_NUMBER(name, class, value, saves_x, gradient, torch, f0, p)                             \
    CASES_1(name, torch, f0, fv_##name(x[0], p))
#define FV_BINARY(name, class, value, saves_x, grad_x, saves_y, grad_y, torch, f0, f1)             \
    CASES_2(name, torch, f0, f1, fv_##name(x[0], x[1]))
#define FV_BACKWARD(name, value, saves_x, grad_x, saves_y, grad_y, torch, f1)                      \
    CASES_2(name, torch, NORMAL, f1, fv_##name(x[0], x[1]))
#define FV_BACKWARD_OPTION(name, value, saves_x, grad_x, saves_y, grad_y, torch, f1, p, q)         \
    CASES_2(name, torch, NORMAL, f1, fv_##name(x[0], x[1], p, q))
#define FV_TERNARY(name, class, value, saves_x, grad_x, saves_y, grad_y, saves_z, grad_z, torch,   \
                   f0, f1, f2)                                                                     \
    CASES_3(name, torch, f0, f1, f2, fv_##name(x[0], x[1], x[2]))
#define FV_TEST(name, class, value, torch)           CASES_TEST_1(name, torch, fv_##name(x[0]))
#define FV_TEST_NUMBER(name, class, value, torch, p) CASES_TEST_1(name, torch, fv_##name(x[0], p))
#define FV_TEST_BINARY(name, class, value, torch)    CASES_TEST_2(name, torch, fv_##name(x[0], x[1]))

#include "tensor/kernels/elementwise/elementwise.inc"

/* --- ops with options ------------------------------------------------------------------------- */

CASES_1(clamp, "torch.clamp(x0, -0.5, 0.75)", NORMAL, fv_clamp(x[0], -0.5, 0.75))
CASE(clamp, "no bounds", "x0.clone()", X(3, 7), fv_clamp(x[0]));
CASE(clamp, "a lower bound", "torch.clamp(x0, min=-0.25)", X(3, 7), fv_clamp(x[0], .min = -0.25));
CASE(clamp, "an upper bound", "torch.clamp(x0, max=0.25)", X(3, 7), fv_clamp(x[0], .max = 0.25));
CASE(clamp, "bounds the wrong way round", "torch.clamp(x0, 0.5, -0.5)", X(3, 7),
     fv_clamp(x[0], 0.5, -0.5));
CASE(clamp, "in place", "(x0 * 1).clamp_(-0.5, 0.75)", X(3, 7),
     fv_clamp_(fv_mul(x[0], 1), -0.5, 0.75));
CASE(clamp, "in place, a lower bound", "(x0 * 1).clamp_(min=0.5)", X(3, 7),
     fv_clamp_(fv_mul(x[0], 1), .min = 0.5));
CASES_1(hardtanh, "F.hardtanh(x0, -0.5, 0.75)", NORMAL, fv_hardtanh(x[0], -0.5, 0.75))
CASE(hardtanh, "defaults", "F.hardtanh(x0)", X(3, 7), fv_hardtanh(x[0]));
CASE(hardtanh, "relu6", "F.relu6(4 * x0)", X(3, 7), fv_hardtanh(fv_mul(x[0], 4), 0, .max_val = 6));
CASES_1(leaky_relu, "F.leaky_relu(x0, 0.2)", NORMAL, fv_leaky_relu(x[0], 0.2))
CASE(leaky_relu, "defaults", "F.leaky_relu(x0)", X(3, 7), fv_leaky_relu(x[0]));
CASES_1(elu, "F.elu(x0, 1.5)", NORMAL, fv_elu(x[0], 1.5))
CASE(elu, "defaults", "F.elu(x0)", X(3, 7), fv_elu(x[0]));
CASES_1(softplus, "F.softplus(x0, 2.0, 1.5)", NORMAL, fv_softplus(x[0], 2, 1.5))
CASE(softplus, "defaults", "F.softplus(x0)", X(3, 7), fv_softplus(x[0]));
CASE(softplus, "a threshold", "F.softplus(x0, threshold=0.5)", X(3, 7),
     fv_softplus(x[0], .threshold = 0.5));

CASE(fill, "zero_", "(x0 * 1).zero_()", X(3, 7), fv_zero_(fv_mul(x[0], 1)));

/* --- dtype ------------------------------------------------------------------------------------ */

CASE(to, "to float64", "x0.to(torch.float64)", X(2, 3, 4, 5), fv_to(x[0], FV_FLOAT64));
CASE(to, "to int64", "x0.to(torch.int64)", X(3, 7), fv_to(x[0], FV_INT64));
CASE(to, "to bool", "x0.to(torch.bool)", INDEX(3, 3, 7), fv_to(x[0], FV_BOOL));
CASE(to, "to float16", "x0.detach().to(torch.float16)", X(2, 3, 4, 5), fv_to(x[0], FV_FLOAT16));
CASE(to, "to bfloat16", "x0.detach().to(torch.bfloat16)", X(3, 7), fv_to(x[0], FV_BFLOAT16));
CASE(to, "to int8", "x0.to(torch.int8)", INDEX(300, 3, 7), fv_to(x[0], FV_INT8));
