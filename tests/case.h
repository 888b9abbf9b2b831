/* Cases of ops: calls as a user writes them, which the tests over the registry run.
 *
 *     CASE(conv2d, "3x3, padding 1", "F.conv2d(x0, x1, x2, padding=1)",
 *          X(2, 3, 5, 6), X(4, 3, 3, 3), X(4),
 *          fv_conv2d(x[0], x[1], x[2], .padding = 1));
 *
 * is a case of the op conv2d: its name, the PyTorch expression of its value (or NULL), its inputs,
 * and the call, which finds them in x. The value goes to y[0]; a call that has more results writes
 * them to y[1], y[2], ... itself:
 *
 *     CASE(max_dim, "rows", "torch.max(x0, 1)", DISTINCT(3, 7),
 *          fv_max_dim(x[0], 1, false, &y[1]));
 *
 * CASE_BODY has statements in place of the call, with no comma outside of parentheses. CASE_WITH
 * and CASE_BODY_WITH begin with options in parentheses: (.tolerance = 1e-3).
 *
 * A case must depend on nothing but x and the state of the random generator, and it must run the
 * op that it is named after. x_cases.c stands beside x.c; only the tests build it. */
#ifndef FOVEA_TESTS_CASE_H
#define FOVEA_TESTS_CASE_H

#include "autograd/autograd.h"

enum { CASE_INPUTS = 6, CASE_OUTPUTS = 8 };

/* What values an input takes. */
typedef enum case_fill {
    FILL_NORMAL = 0, /* normal numbers, kept 0.05 away from 0 (kinks) */
    FILL_POSITIVE,   /* [0.5, 2) */
    FILL_UNIT,       /* (0.05, 0.95) */
    FILL_DISTINCT,   /* a permutation of well separated numbers (max and pooling) */
    FILL_INDEX,      /* int64 in [0, limit) */
    FILL_MASK,       /* bool */
} case_fill;

typedef struct case_input {
    fv_shape shape;
    case_fill fill;
    int64_t limit; /* of FILL_INDEX */
    bool absent;   /* NULL is passed */
    bool constant; /* asks for no gradient (buffers, targets) */
} case_input;

typedef struct op_case {
    const char *op, *name; /* the name is unique in its op */
    const char *torch;     /* Python expression of x0, x1, ... with torch and F; or NULL */
    const char *text;      /* inputs and call as they are written */
    const char *file;      /* that it stands in */
    void (*call)(fv_tensor *const *x, fv_tensor **y);
    double tolerance;          /* relative, in float32; 0: 1e-4 */
    const char *not_gradcheck; /* why finite differences cannot check the gradient; or NULL */
    int inputs;
    case_input in[CASE_INPUTS];
    struct op_case *next;
} op_case;

/* --- inputs ----------------------------------------------------------------------------------- */

case_input case_filled(case_fill fill, fv_shape shape);
case_input case_index(int64_t limit, fv_shape shape);
case_input case_constant(case_input in);
case_input case_absent(void);

#define X(...)            case_filled(FILL_NORMAL, FV_SHAPE(__VA_ARGS__))
#define POSITIVE(...)     case_filled(FILL_POSITIVE, FV_SHAPE(__VA_ARGS__))
#define UNIT(...)         case_filled(FILL_UNIT, FV_SHAPE(__VA_ARGS__))
#define DISTINCT(...)     case_filled(FILL_DISTINCT, FV_SHAPE(__VA_ARGS__))
#define MASK(...)         case_filled(FILL_MASK, FV_SHAPE(__VA_ARGS__))
#define INDEX(limit, ...) case_index((limit), FV_SHAPE(__VA_ARGS__))
#define NUMBER            case_filled(FILL_NORMAL, FV_SCALAR) /* a tensor without dimensions */
#define CONSTANT(input)   case_constant(input)
#define ABSENT            case_absent()

/* --- cases ------------------------------------------------------------------------------------ */

#define CASE(op, name, torch, ...)                                                                 \
    CASE_COUNT_(__COUNTER__, FV_COUNT_(__VA_ARGS__), CASE_CALL_, #op, name, torch, #__VA_ARGS__,   \
                (), __VA_ARGS__)
#define CASE_BODY(op, name, torch, ...)                                                            \
    CASE_COUNT_(__COUNTER__, FV_COUNT_(__VA_ARGS__), CASE_STATEMENTS_, #op, name, torch,           \
                #__VA_ARGS__, (), __VA_ARGS__)
#define CASE_WITH(options, op, name, torch, ...)                                                   \
    CASE_COUNT_(__COUNTER__, FV_COUNT_(__VA_ARGS__), CASE_CALL_, #op, name, torch, #__VA_ARGS__,   \
                options, __VA_ARGS__)
#define CASE_BODY_WITH(options, op, name, torch, ...)                                              \
    CASE_COUNT_(__COUNTER__, FV_COUNT_(__VA_ARGS__), CASE_STATEMENTS_, #op, name, torch,           \
                #__VA_ARGS__, options, __VA_ARGS__)

/* The last of the variable arguments is the call, those before it are inputs. */
#define CASE_COUNT_(id, count, ...)                     CASE_COUNTED_(id, count, __VA_ARGS__)
#define CASE_COUNTED_(id, count, ...)                   CASE_OF_##count##_(id, __VA_ARGS__)
#define CASE_OF_2_(id, f, o, n, t, s, w, a, call)       CASE_(id, o, n, t, s, w, f(call), a)
#define CASE_OF_3_(id, f, o, n, t, s, w, a, b, call)    CASE_(id, o, n, t, s, w, f(call), a, b)
#define CASE_OF_4_(id, f, o, n, t, s, w, a, b, c, call) CASE_(id, o, n, t, s, w, f(call), a, b, c)
#define CASE_OF_5_(id, f, o, n, t, s, w, a, b, c, d, call)                                         \
    CASE_(id, o, n, t, s, w, f(call), a, b, c, d)
#define CASE_OF_6_(id, f, o, n, t, s, w, a, b, c, d, e, call)                                      \
    CASE_(id, o, n, t, s, w, f(call), a, b, c, d, e)
#define CASE_OF_7_(id, f, o, n, t, s, w, a, b, c, d, e, g, call)                                   \
    CASE_(id, o, n, t, s, w, f(call), a, b, c, d, e, g)
#define CASE_CALL_(...)       y[0] = __VA_ARGS__
#define CASE_STATEMENTS_(...) __VA_ARGS__
#define CASE_BARE_(...)       __VA_ARGS__

#define CASE_(id, op_, name_, torch_, text_, options, statements, ...)                             \
    static void case_call_##id(fv_tensor *const *x, fv_tensor **y)                                 \
    {                                                                                              \
        statements;                                                                                \
    }                                                                                              \
    __attribute__((constructor)) static void case_register_##id(void)                              \
    {                                                                                              \
        static op_case c = {.op = op_,                                                             \
                            .name = name_,                                                         \
                            .torch = torch_,                                                       \
                            .text = text_,                                                         \
                            .file = __FILE__,                                                      \
                            .call = case_call_##id,                                                \
                            CASE_BARE_ options};                                                   \
        const case_input in[] = {__VA_ARGS__};                                                     \
        case_register(&c, (int)(sizeof in / sizeof in[0]), in);                                    \
    }                                                                                              \
    typedef int case_semicolon_##id

/* Adds a case to the list, which is sorted by op and keeps the order of a file. Runs before main.
 */
void case_register(op_case *c, int inputs, const case_input *in);

/* --- for cases of the ops that only gradients call -------------------------------------------- */

/* Zeros of that shape and of like's dtype that require grad: what a linear op is differentiated
 * in. */
fv_tensor *case_leaf(fv_tensor *like, fv_shape shape);

/* x, or a tensor of its elements that requires grad. */
fv_tensor *case_variable(fv_tensor *x);

/* The gradient of y in x when that of y is g; it can be differentiated in turn. */
fv_tensor *case_gradient(fv_tensor *y, fv_tensor *x, fv_tensor *g);

#endif
