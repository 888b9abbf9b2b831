/* Checking gradients by finite differences: for the library's ops and for a user's functions.
 *
 *     static fv_tensor *f(fv_tensor *const *in, void *context) { return my_layer(in[0], in[1]); }
 *     fv_gradcheck_report r;
 *     if (!fv_gradcheck(f, FV_TENSORS(x, w), &r)) puts(r.message); */
#ifndef FOVEA_AUTOGRAD_GRADCHECK_H
#define FOVEA_AUTOGRAD_GRADCHECK_H

#include "autograd.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Any C function of tensors: reads count inputs, returns one tensor. It must be deterministic. */
typedef fv_tensor *(*fv_tensor_fn)(fv_tensor *const *in, void *context);

typedef struct fv_gradcheck_report {
    bool ok;
    int input;         /* of the worst element, or -1 */
    int64_t element;   /* its number in the input, in row-major order */
    int64_t output;    /* the output element whose derivative disagrees most */
    double analytic;   /* what backward says */
    double numeric;    /* what the differences say */
    double worst;      /* |analytic - numeric| / (atol + rtol * |numeric|) */
    char message[512]; /* one line, naming op, input, element and both values */
} fv_gradcheck_report;

typedef struct fv_gradcheck_args {
    size_t size;
    fv_tensor_fn function;
    fv_tensor_list inputs;       /* float64 where requires_grad is set; others are constants */
    fv_gradcheck_report *report; /* NULL: only the verdict */
    void *context;
    double eps, atol, rtol; /* 1e-6, 1e-5, 1e-3 */
} fv_gradcheck_args;
#define FV_GRADCHECK_DEFAULTS                                                                      \
    FV_DEFAULTS(fv_gradcheck_args, .eps = 1e-6, .atol = 1e-5, .rtol = 1e-3)
extern const fv_gradcheck_args fv_gradcheck_defaults;

/* Compares backward with central differences, element by element of the whole Jacobian, and two
 * backward runs with each other. True when all agree. An error in the function (it stands in
 * fv_error then) or inputs that are no float64 make it false.
 * Source: torch.autograd.gradcheck. */
bool fv_gradcheck_ex(const fv_gradcheck_args *a);
#define fv_gradcheck(...)                                                                          \
    FV_CALL(fv_gradcheck_ex, fv_gradcheck_args, FV_GRADCHECK_DEFAULTS, __VA_ARGS__)

/* The same for the gradient: checks that backward (with create_graph) is itself differentiated
 * rightly, in the inputs and in the output's gradient.  Source: torch.autograd.gradgradcheck. */
bool fv_gradgradcheck_ex(const fv_gradcheck_args *a);
#define fv_gradgradcheck(...)                                                                      \
    FV_CALL(fv_gradgradcheck_ex, fv_gradcheck_args, FV_GRADCHECK_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
