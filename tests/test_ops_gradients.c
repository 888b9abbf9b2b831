/* The gradient of every op on every case: against finite differences, once and twice, and the same
 * for every memory order of inputs and output gradients. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

enum { ALL_INPUTS = 0xffff };

/* --- finite differences ----------------------------------------------------------------------- */

/* One case as a function of its differentiable inputs, for gradcheck. */
typedef struct case_function {
    const fv_op *op;
    const fv_case *c;
    int output;
    fv_tensor *in[FV_MAX_SAVED_INPUTS];
    bool varies[FV_MAX_SAVED_INPUTS];
} case_function;

static fv_tensor *call_case(fv_tensor *const *varying, void *context)
{
    const case_function *f = context;
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    int next = 0;
    for (int i = 0; i < f->c->inputs; i++) {
        in[i] = f->in[i];
        if (f->varies[i]) in[i] = varying[next++];
        /* buffers that the op writes must be the same at every call */
        else if (in[i] && f->c->in[i].constant)
            in[i] = fv_clone(in[i]);
    }
    case_apply(f->op, f->c, in, out);
    return out[f->output];
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

/* Which outputs depend on a gradient: what the op says of itself on the first call. Returns their
 * number, or INTEGERS_ONLY when none could. */
enum { INTEGERS_ONLY = -1 };

static int differentiable_outputs(case_function *f, bool *depends)
{
    fv_tensor *out[FV_MAX_OUTPUTS];
    int count = 0;
    case_inputs(f->op, f->c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, f->in);
    if (case_apply(f->op, f->c, f->in, out) != FV_OK) {
        note_failure("refused: %s", fv_error());
        fv_clear_error();
        return 0;
    }
    bool floating = false;
    for (int j = 0; j < f->op->outputs; j++) {
        depends[j] = out[j]->requires_grad;
        count += depends[j];
        floating |= fv_dtype_is_floating(out[j]->dtype);
    }
    return floating ? count : INTEGERS_ONLY;
}

static void check_case(const fv_op *op, const fv_case *c, bool twice)
{
    case_function f = {.op = op, .c = c};
    fv_tensor *varying[FV_MAX_SAVED_INPUTS];
    bool depends[FV_MAX_OUTPUTS] = {false};
    int64_t count = 0;
    int outputs = differentiable_outputs(&f, depends);
    case_inputs(op, c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, f.in);
    for (int i = 0; i < c->inputs; i++) {
        f.varies[i] = f.in[i] && f.in[i]->requires_grad;
        if (f.varies[i]) varying[count++] = f.in[i];
    }
    if (op->gradient == FV_NO_GRADIENT && outputs > 0)
        note_failure("has no gradient, but an output requires one");
    if (op->gradient != FV_NO_GRADIENT && count > 0 && outputs == 0)
        note_failure("has a gradient, but no output requires one");
    if (count == 0) return;
    for (int j = 0; j < op->outputs; j++) {
        f.output = j;
        if (depends[j]) check_output(&f, (fv_tensor_list){varying, count}, twice);
    }
}

static void check_all_cases(bool twice)
{
    fv_set_log(NULL, NULL);
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e)) {
        for (const fv_case *c = e->op->cases; c && c->name; c++) {
            if (c->no_grad_check) continue;
            set_context("%s/%s: %s", e->op->name, c->name, twice ? "gradgradcheck" : "gradcheck");
            FV_SCOPE
                check_case(e->op, c, twice);
            fv_clear_error();
        }
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
    if (kind == SEED_ONES) return fv_full(shape, 1.0, output->dtype);
    fv_tensor *one = fv_full(FV_SCALAR, 1.0, output->dtype);
    return fv_scope_adopt(fv_tensor_alias(one, &shape, zeros, 0));
}

/* Gradients of the case in all inputs, summed over its outputs; false after a note. */
static bool run_gradients(const fv_op *op, const fv_case *c, fv_dtype floating, layout order,
                          uint32_t which, seed_kind kind, fv_tensor **grads)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    case_inputs(op, c, floating, order, which, true, in);
    fv_status status = case_apply(op, c, in, out);
    int differentiable = 0;
    for (int j = 0; status == FV_OK && j < op->outputs; j++) {
        if (!out[j]->requires_grad) continue;
        differentiable++;
        status = fv_backward(out[j], make_seed(out[j], j, kind), .retain_graph = true);
    }
    for (int i = 0; i < c->inputs; i++) grads[i] = in[i] ? fv_grad_of(in[i]) : NULL;
    /* the leaves die with the scope; keep what they hold */
    for (int i = 0; i < c->inputs; i++)
        if (grads[i]) fv_scope_adopt(fv_retain(grads[i]));
    if (status == FV_OK) return differentiable > 0;
    note_failure("%s: %s", layout_name(order), fv_error());
    fv_clear_error();
    return false;
}

static void compare_gradients(const fv_case *c, fv_dtype floating, fv_tensor *const *found,
                              fv_tensor *const *wanted, const char *where)
{
    char message[256];
    for (int i = 0; i < c->inputs; i++) {
        if (!found[i] && !wanted[i]) continue;
        if (!found[i] || !wanted[i])
            note_failure("%s: the gradient of input %d is missing", where, i);
        else if (!tensors_close(found[i], wanted[i], case_tolerance(c, floating), message,
                                sizeof message))
            note_failure("%s: gradient of input %d: %s", where, i, message);
    }
}

static void check_orders(const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *found[FV_MAX_SAVED_INPUTS], *wanted[FV_MAX_SAVED_INPUTS];
    for (int order = LAYOUT_CHANNELS_LAST; order < LAYOUT_COUNT; order++) {
        if (!run_gradients(op, c, floating, (layout)order, 0, SEED_FIXED, wanted)) return;
        if (follows_memory_order(op)) break;
        if (run_gradients(op, c, floating, (layout)order, ALL_INPUTS, SEED_FIXED, found))
            compare_gradients(c, floating, found, wanted, layout_name((layout)order));
    }
    if (!run_gradients(op, c, floating, LAYOUT_CONTIGUOUS, 0, SEED_ONES, wanted)) return;
    if (run_gradients(op, c, floating, LAYOUT_CONTIGUOUS, 0, SEED_ONE_REPEATED, found))
        compare_gradients(c, floating, found, wanted, "a broadcast output gradient");
    for (int threads = 2; threads <= 3; threads++) {
        force_threads(threads);
        if (run_gradients(op, c, floating, LAYOUT_CONTIGUOUS, 0, SEED_ONES, found))
            compare_gradients(c, floating, found, wanted, "threads");
        force_threads(0);
    }
}

START_TEST(every_memory_order_gives_the_same_gradients)
{
    fv_set_log(NULL, NULL);
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e)) {
        if (e->op->gradient == FV_NO_GRADIENT) continue;
        for (const fv_case *c = e->op->cases; c && c->name; c++) {
            for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
                set_context("%s/%s %s: gradient", e->op->name, c->name, fv_dtype_name(d));
                FV_SCOPE
                    check_orders(e->op, c, d);
                fv_clear_error();
            }
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
