/* The gradient of every op on every case: against finite differences, once and twice, and the same
 * for every memory order of inputs and output gradients. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

enum { ALL_INPUTS = 0xffff };

/* --- finite differences ----------------------------------------------------------------------- */

/* One case as a function of its differentiable inputs, for gradcheck. */
typedef struct case_function {
    const op_case *c;
    int output;
    fv_tensor *x[CASE_INPUTS];
    bool varies[CASE_INPUTS];
} case_function;

static fv_tensor *call_case(fv_tensor *const *varying, void *context)
{
    const case_function *f = context;
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    int next = 0;
    for (int i = 0; i < f->c->inputs; i++) {
        x[i] = f->x[i];
        if (f->varies[i]) x[i] = varying[next++];
        /* buffers that the op writes must be the same at every call */
        else if (x[i] && f->c->in[i].constant)
            x[i] = fv_clone(x[i]);
    }
    return case_run(f->c, x, y) > f->output ? y[f->output] : fv_failed_tensor();
}

static void check_output(case_function *f, fv_tensor_list list, bool twice)
{
    fv_gradcheck_report report;
    bool ok = twice ? fv_gradgradcheck(call_case, list, &report, f)
                    : fv_gradcheck(call_case, list, &report, f);
    if (ok) return;
    note_failure("output %d: %s (error: \"%s\")", f->output, report.message, fv_error());
    fv_clear_error();
}

/* Which outputs depend on a gradient: what the call says of itself. Returns their number, or
 * INTEGERS_ONLY when none could. */
enum { INTEGERS_ONLY = -1 };

static int differentiable_outputs(const op_case *c, bool *depends)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    int count = 0;
    bool floating = false;
    case_inputs(c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, x);
    if (case_run(c, x, y) == 0) {
        note_failure("refused: %s", fv_error());
        fv_clear_error();
        return 0;
    }
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++) {
        depends[j] = y[j]->requires_grad;
        count += depends[j];
        floating |= fv_dtype_is_floating(y[j]->dtype);
    }
    return floating ? count : INTEGERS_ONLY;
}

static bool has_gradient(const op_case *c)
{
    const fv_op *op = fv_find_op(c->op);
    return op && op->gradient != FV_NO_GRADIENT;
}

static void check_case(const op_case *c, bool twice)
{
    case_function f = {.c = c};
    fv_tensor *varying[CASE_INPUTS];
    bool depends[CASE_OUTPUTS] = {false};
    int64_t count = 0;
    int outputs = differentiable_outputs(c, depends);
    case_inputs(c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, f.x);
    for (int i = 0; i < c->inputs; i++) {
        f.varies[i] = f.x[i] && f.x[i]->requires_grad;
        if (f.varies[i]) varying[count++] = f.x[i];
    }
    if (!has_gradient(c) && outputs > 0)
        note_failure("has no gradient, but an output requires one");
    if (has_gradient(c) && count > 0 && outputs == 0)
        note_failure("has a gradient, but no output requires one");
    if (count == 0) return;
    for (f.output = 0; f.output < CASE_OUTPUTS; f.output++)
        if (depends[f.output]) check_output(&f, (fv_tensor_list){varying, count}, twice);
}

static void check_all_cases(bool twice)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        if (c->not_gradcheck) continue;
        set_case_context(c, "%s", twice ? "gradgradcheck" : "gradcheck");
        {
            FV_SCOPE;
            check_case(c, twice);
        }
        fv_clear_error();
    }
    ck_assert(no_failures());
}

START_TEST(gradients_agree_with_finite_differences)
{
    check_all_cases(false);
}
END_TEST

START_TEST(second_gradients_agree_with_finite_differences)
{
    check_all_cases(true);
}
END_TEST

/* --- memory orders ---------------------------------------------------------------------------- */

/* An output gradient: the fixed one, or 1 everywhere, dense or as a view of a single number (which
 * is what the gradient of sum looks like). */
typedef enum seed_kind { SEED_FIXED, SEED_ONES, SEED_ONE_REPEATED } seed_kind;

static fv_tensor *make_seed(const fv_tensor *output, int j, seed_kind kind)
{
    fv_shape shape = fv_shape_of(output);
    int64_t zeros[FV_MAX_DIMS] = {0};
    if (kind == SEED_FIXED) return fixed_gradient_like(output, j);
    if (kind == SEED_ONES) return fv_full(.shape = shape, .value = 1.0, .dtype = output->dtype);
    fv_tensor *one = fv_full(.value = 1.0, .dtype = output->dtype);
    return fv_scope_adopt(fv_tensor_alias(one, &shape, zeros, 0));
}

/* Gradients of the case in all inputs, summed over its outputs; false after a note, or when no
 * output has one. */
static bool run_gradients(const op_case *c, fv_dtype floating, layout order, uint32_t which,
                          seed_kind kind, fv_tensor **grads)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    case_inputs(c, floating, order, which, true, x);
    bool ok = case_run(c, x, y) > 0;
    int differentiable = 0;
    for (int j = 0; ok && j < CASE_OUTPUTS && y[j]; j++) {
        if (!y[j]->requires_grad) continue;
        differentiable++;
        ok = fv_backward(y[j], make_seed(y[j], j, kind), .retain_graph = true) == FV_OK;
    }
    for (int i = 0; i < c->inputs; i++) grads[i] = x[i] ? fv_grad_of(x[i]) : NULL;
    /* the leaves die with the scope; keep what they hold */
    for (int i = 0; i < c->inputs; i++)
        if (grads[i]) fv_scope_adopt(fv_retain(grads[i]));
    if (ok) return differentiable > 0;
    note_failure("%s: %s", layout_name(order), fv_error());
    fv_clear_error();
    return false;
}

static void compare_gradients(const op_case *c, fv_dtype floating, fv_tensor *const *found,
                              fv_tensor *const *wanted, const char *where)
{
    char message[256];
    for (int i = 0; i < c->inputs; i++) {
        if (!found[i] && !wanted[i]) continue;
        if (!found[i] || !wanted[i])
            note_failure("%s: the gradient of input %d is missing", where, i);
        else if (!tensors_close(found[i], wanted[i], case_tolerance(c, floating), message,
                                sizeof message))
            note_failure("%s: gradient of input %d %s", where, i, message);
    }
}

static void check_orders(const op_case *c, fv_dtype floating)
{
    fv_tensor *found[CASE_INPUTS], *wanted[CASE_INPUTS];
    for (int order = LAYOUT_CHANNELS_LAST; order < LAYOUT_COUNT; order++) {
        if (!run_gradients(c, floating, (layout)order, 0, SEED_FIXED, wanted)) return;
        if (follows_memory_order(c)) break;
        if (run_gradients(c, floating, (layout)order, ALL_INPUTS, SEED_FIXED, found))
            compare_gradients(c, floating, found, wanted, layout_name((layout)order));
    }
    if (!run_gradients(c, floating, LAYOUT_CONTIGUOUS, 0, SEED_ONES, wanted)) return;
    if (run_gradients(c, floating, LAYOUT_CONTIGUOUS, 0, SEED_ONE_REPEATED, found))
        compare_gradients(c, floating, found, wanted, "a broadcast output gradient");
}

static void compare_bits(const op_case *c, fv_tensor *const *found, fv_tensor *const *wanted,
                         int threads)
{
    for (int i = 0; i < c->inputs; i++)
        if (found[i] && wanted[i] && !tensors_same(found[i], wanted[i]))
            note_failure("%d threads: the gradient of input %d has other bits than with one",
                         threads, i);
}

static void check_threads(const op_case *c, fv_dtype floating)
{
    static const int numbers[] = {1, 2, 3, 8};
    fv_tensor *found[CASE_INPUTS], *wanted[CASE_INPUTS];
    int before = fv_get_num_threads();
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        fv_set_num_threads(numbers[k]);
        force_threads(numbers[k]);
        if (!run_gradients(c, floating, LAYOUT_CHANNELS_LAST, ALL_INPUTS, SEED_FIXED,
                           k == 0 ? wanted : found))
            break;
        if (k == 0) continue;
        compare_gradients(c, floating, found, wanted, "threads");
        compare_bits(c, found, wanted, numbers[k]);
    }
    force_threads(0);
    fv_set_num_threads(before);
}

/* The gradients of the reference loops, whose backward ops are reference loops too. */
static void check_twin(const op_case *c, fv_dtype floating)
{
    fv_tensor *found[CASE_INPUTS], *wanted[CASE_INPUTS];
    bool before = fv_use_reference(true);
    bool ready = run_gradients(c, floating, LAYOUT_CONTIGUOUS, 0, SEED_FIXED, wanted);
    fv_use_reference(before);
    if (ready && run_gradients(c, floating, LAYOUT_CONTIGUOUS, 0, SEED_FIXED, found))
        compare_gradients(c, floating, found, wanted, "kernel and twin");
}

START_TEST(every_memory_order_gives_the_same_gradients)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        for (fv_dtype d = FV_FLOAT32; has_gradient(c) && d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
            set_case_context(c, "%s, gradient", fv_dtype_name(d));
            {
                FV_SCOPE;
                check_twin(c, d);
                check_orders(c, d);
                check_threads(c, d);
            }
            fv_clear_error();
        }
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("gradients of ops");
    tcase_add_test(add_case(suite, "gradcheck"), gradients_agree_with_finite_differences);
    tcase_add_test(add_case(suite, "gradgradcheck"),
                   second_gradients_agree_with_finite_differences);
    tcase_add_test(add_case(suite, "orders"), every_memory_order_gives_the_same_gradients);
    return suite;
}
