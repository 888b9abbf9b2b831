/* Gradient checks: backward against central differences, over the whole Jacobian. */
#include "autograd/gradcheck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "autograd/ops/view/join.h"
#include "autograd/ops/view/view.h"
#include "tensor/create.h"

typedef struct check {
    const fv_gradcheck_args *a;
    fv_gradcheck_report *report;
    const char *name; /* of the op that made the output, for messages */
    int64_t outputs;  /* elements of the output */
    double *numeric;  /* [elements of the input][outputs] */
    double *analytic; /* the same */
} check;

static bool say(fv_gradcheck_report *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Records a verdict of "wrong" with its message. Always false. */
static bool say(fv_gradcheck_report *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    r->ok = false;
    return false;
}

static bool failed_call(fv_gradcheck_report *r, const char *what)
{
    return say(r, "gradcheck: %s failed: %s", what, fv_error());
}

/* --- inputs ----------------------------------------------------------------------------------- */

static bool check_inputs(const fv_gradcheck_args *a, fv_gradcheck_report *r)
{
    bool any = false;
    if (!a->function) return say(r, "gradcheck: the function is NULL");
    if (a->inputs.count > 0 && !a->inputs.items)
        return say(r, "gradcheck: the list of inputs is missing");
    for (int64_t i = 0; i < a->inputs.count; i++) {
        const fv_tensor *t = a->inputs.items[i];
        if (!t) continue;
        if (fv_failed_in("gradcheck", t)) return failed_call(r, "an input");
        if (!t->requires_grad) continue;
        any = true;
        if (t->dtype != FV_FLOAT64)
            return say(r, "gradcheck: input %lld is %s; differences need float64", (long long)i,
                       fv_dtype_name(t->dtype));
        for (int d = 0; d < t->ndim; d++)
            if (t->strides[d] == 0 && t->shape[d] > 1)
                return say(r, "gradcheck: input %lld is expanded, its elements share memory",
                           (long long)i);
    }
    return any || say(r, "gradcheck: no input requires grad");
}

/* The element with row-major number k. */
static double *element(const fv_tensor *t, int64_t k)
{
    int64_t offset = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += k % t->shape[d] * t->strides[d];
        k /= t->shape[d];
    }
    return (double *)t->data + offset;
}

/* --- both Jacobians --------------------------------------------------------------------------- */

/* The function's output elements, without a tape. */
static bool evaluate(const check *c, double *out)
{
    bool ok = true;
    {
        FV_NO_GRAD;
        FV_SCOPE;
        fv_tensor *y = c->a->function(c->a->inputs.items, c->a->context);
        ok = !fv_failed_in("gradcheck", y) && y->numel == c->outputs &&
             fv_copy_out(y, FV_FLOAT64, out) == FV_OK;
    }
    return ok;
}

static bool differences(const check *c, fv_tensor *input, double *low, double *high)
{
    double eps = c->a->eps;
    for (int64_t k = 0; k < input->numel; k++) {
        double *x = element(input, k), before = *x;
        *x = before + eps;
        fv_bump_version(input);
        bool ok = evaluate(c, high);
        *x = before - eps;
        fv_bump_version(input);
        ok = evaluate(c, low) && ok;
        *x = before;
        fv_bump_version(input);
        if (!ok) return failed_call(c->report, "the function, at a shifted input,");
        for (int64_t j = 0; j < c->outputs; j++)
            c->numeric[k * c->outputs + j] = (high[j] - low[j]) / (2 * eps);
    }
    return true;
}

/* Column j: backward from output element j alone. */
static bool backward_of(fv_tensor *y, fv_tensor *input, int64_t j, double *grad)
{
    bool ok = true;
    {
        FV_SCOPE;
        fv_tensor *g, *one_hot = fv_zeros_like(y);
        int64_t numel = input->numel;
        if (fv_failed(one_hot)) return false;
        *element(one_hot, j) = 1.0;
        ok = fv_grad(FV_TENSORS(y), FV_TENSORS(input), &g, .grad_outputs = FV_TENSORS(one_hot),
                     .retain_graph = true, .allow_unused = true) == FV_OK;
        if (ok && g)
            ok = fv_copy_out(g, FV_FLOAT64, grad) == FV_OK;
        else
            memset(grad, 0, (size_t)numel * sizeof *grad);
    }
    return ok;
}

static bool gradients(const check *c, fv_tensor *y, fv_tensor *input, double *once, double *again)
{
    for (int64_t j = 0; j < c->outputs; j++) {
        if (!backward_of(y, input, j, once) || !backward_of(y, input, j, again))
            return failed_call(c->report, "backward");
        for (int64_t k = 0; k < input->numel; k++) {
            bool same = once[k] == again[k] || (isnan(once[k]) && isnan(again[k]));
            if (!same)
                return say(c->report,
                           "gradcheck: %s: two backward runs differ at element %lld: %.17g, %.17g",
                           c->name, (long long)k, once[k], again[k]);
            c->analytic[k * c->outputs + j] = once[k];
        }
    }
    return true;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static void compare(const check *c, int number, const fv_tensor *input)
{
    fv_gradcheck_report *r = c->report;
    for (int64_t k = 0; k < input->numel * c->outputs; k++) {
        double n = c->numeric[k], a = c->analytic[k];
        double error = fabs(a - n) / (c->a->atol + c->a->rtol * fabs(n));
        if (isnan(error)) error = (double)INFINITY;
        if (error <= r->worst && r->input >= 0) continue;
        r->input = number;
        r->element = k / c->outputs;
        r->output = k % c->outputs;
        r->analytic = a;
        r->numeric = n;
        r->worst = error;
    }
}

static bool check_output(check *c, fv_tensor *y)
{
    if (fv_failed_in("gradcheck", y)) return failed_call(c->report, "the function");
    if (y->dtype != FV_FLOAT64)
        return say(c->report, "gradcheck: the output is %s, float64 is needed",
                   fv_dtype_name(y->dtype));
    if (!y->requires_grad)
        return say(c->report,
                   "gradcheck: the output does not depend on an input that requires grad");
    return true;
}

/* A fresh tape for each input: taking differences writes to the inputs that the tape has saved. */
static bool check_one(check *c, int number, fv_tensor *input)
{
    fv_tensor *y = c->a->function(c->a->inputs.items, c->a->context);
    if (!check_output(c, y)) return false;
    size_t n = (size_t)input->numel, m = (size_t)c->outputs;
    if (n == 0 || m == 0) return true;
    double *memory =
        n * m > SIZE_MAX / 64 ? NULL : malloc((2 * n * m + 2 * n + 2 * m) * sizeof *memory);
    if (!memory) return say(c->report, "gradcheck: no memory for a %zu x %zu Jacobian", n, m);
    c->numeric = memory;
    c->analytic = memory + n * m;
    double *rows = memory + 2 * n * m, *columns = rows + 2 * n;
    bool ok = gradients(c, y, input, rows, rows + n) && differences(c, input, columns, columns + m);
    if (ok) compare(c, number, input);
    free(memory);
    return ok;
}

static bool check_all(check *c, fv_tensor *y)
{
    fv_gradcheck_report *r = c->report;
    if (!check_output(c, y)) return false;
    const char *name = fv_grad_fn_name(y);
    c->name = name ? name : "leaf";
    c->outputs = y->numel;
    for (int64_t i = 0; i < c->a->inputs.count; i++) {
        fv_tensor *t = c->a->inputs.items[i];
        if (t && t->requires_grad && !check_one(c, (int)i, t)) return false;
    }
    if (r->worst <= 1.0) return true;
    return say(r,
               "gradcheck: %s: input %d, element %lld (output element %lld): backward says %.10g, "
               "differences say %.10g",
               c->name, r->input, (long long)r->element, (long long)r->output, r->analytic,
               r->numeric);
}

const fv_gradcheck_args fv_gradcheck_defaults = {FV_GRADCHECK_DEFAULTS};

bool fv_gradcheck_ex(const fv_gradcheck_args *a)
{
    if (!fv_args_ok("gradcheck", a, sizeof *a)) return false;
    fv_gradcheck_report local;
    fv_gradcheck_report *r = a->report ? a->report : &local;
    *r = (fv_gradcheck_report){.ok = true, .input = -1};
    if (!check_inputs(a, r)) return false;
    check c = {.a = a, .report = r};
    fv_grad_mode mode = fv_grad_mode_open(&mode, true);
    {
        FV_SCOPE;
        r->ok = check_all(&c, a->function(a->inputs.items, a->context));
    }
    fv_grad_mode_close(&mode);
    if (r->ok) snprintf(r->message, sizeof r->message, "gradcheck: %s: passed", c.name);
    return r->ok;
}

/* --- second order ----------------------------------------------------------------------------- */

enum { MAX_INPUTS = 16 };

/* The gradient as a function: inputs and output gradient in, all gradients in one row out. */
typedef struct gradient_fn {
    fv_tensor_fn function;
    void *context;
    int64_t inputs; /* the output gradient comes after them */
} gradient_fn;

static fv_tensor *gradient_row(fv_tensor *const *in, void *context)
{
    const gradient_fn *f = context;
    fv_tensor *wanted[MAX_INPUTS], *grads[MAX_INPUTS], *rows[MAX_INPUTS];
    int64_t n = 0, m = 0;
    for (int64_t i = 0; i < f->inputs; i++)
        if (in[i] && in[i]->requires_grad) wanted[n++] = in[i];
    fv_grad_mode mode = fv_grad_mode_open(&mode, true);
    fv_tensor *y = f->function(in, f->context);
    fv_status status = fv_grad(FV_TENSORS(y), ((fv_tensor_list){wanted, n}), grads,
                               .grad_outputs = FV_TENSORS(in[f->inputs]), .create_graph = true,
                               .allow_unused = true);
    for (int64_t i = 0; i < n && status == FV_OK; i++)
        if (grads[i]) rows[m++] = fv_reshape(grads[i], -1);
    fv_tensor *row = status != FV_OK ? fv_failed_tensor()
                     : m             ? fv_cat(((fv_tensor_list){rows, m}), .dim = 0)
                                     : fv_zeros(0, .dtype = FV_FLOAT64);
    fv_grad_mode_close(&mode);
    return row;
}

static bool second_order(const fv_gradcheck_args *a, fv_gradcheck_report *r)
{
    fv_tensor *in[MAX_INPUTS + 1];
    fv_tensor *y = a->function(a->inputs.items, a->context);
    check c = {.a = a, .report = r};
    if (!check_output(&c, y)) return false;
    for (int64_t i = 0; i < a->inputs.count; i++) in[i] = a->inputs.items[i];
    fv_tensor *g = fv_randn(.shape = fv_shape_of(y), .dtype = FV_FLOAT64, .requires_grad = true);
    in[a->inputs.count] = g;
    if (fv_failed(g)) return failed_call(r, "randn");
    gradient_fn f = {a->function, a->context, a->inputs.count};
    fv_tensor *row = gradient_row(in, &f);
    if (fv_failed(row)) return failed_call(r, "backward with create_graph");
    if (!row->requires_grad) return true; /* constant gradient: nothing left to check */
    fv_gradcheck_args b = *a;
    b.function = gradient_row;
    b.context = &f;
    b.inputs = (fv_tensor_list){in, a->inputs.count + 1};
    b.report = r;
    return fv_gradcheck_ex(&b);
}

bool fv_gradgradcheck_ex(const fv_gradcheck_args *a)
{
    if (!fv_args_ok("gradgradcheck", a, sizeof *a)) return false;
    fv_gradcheck_report local;
    fv_gradcheck_report *r = a->report ? a->report : &local;
    *r = (fv_gradcheck_report){.ok = true, .input = -1};
    if (!check_inputs(a, r)) return false;
    if (a->inputs.count > MAX_INPUTS)
        return say(r, "gradgradcheck: more than %d inputs", MAX_INPUTS);
    fv_grad_mode mode = fv_grad_mode_open(&mode, true);
    {
        FV_SCOPE;
        r->ok = second_order(a, r);
    }
    fv_grad_mode_close(&mode);
    return r->ok;
}
