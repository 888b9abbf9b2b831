/* Corners of the tape: every allocation failing once, passes inside passes, hooks, writes in place,
 * views, gradients that share memory, scopes closed out of order. */
#include <string.h>

#include "support.h"

static fv_tensor *leaf(double value)
{
    return fv_full(2, .value = value, .dtype = FV_FLOAT64, .requires_grad = true);
}

static double first(const fv_tensor *t)
{
    ck_assert_msg(!fv_failed(t), "a failed tensor or none: %s", fv_error());
    return fv_at(t, (const int64_t[FV_MAX_DIMS]){0});
}

static fv_tensor *doubled(fv_tensor *grad, void *context)
{
    (void)context;
    return fv_mul(grad, 2);
}

/* --- failing allocations ---------------------------------------------------------------------- */

typedef struct inner {
    fv_tensor *of, *in; /* what a hook differentiates while the outer pass is under way */
    double found;       /* 0: not yet */
} inner;

static fv_tensor *inner_pass(fv_tensor *grad, void *context)
{
    inner *c = context;
    fv_tensor *g[1];
    (void)grad;
    if (fv_grad(FV_TENSORS(c->of), FV_TENSORS(c->in), g, .retain_graph = true) != FV_OK)
        return fv_failed_tensor();
    c->found += first(g[0]);
    return NULL;
}

/* All that allocates on the tape: aliases and clones of what is saved, hooks, retained gradients, a
 * pass in a pass, both kinds of second derivatives. *value gets d/dx, twice. */
static fv_status rich_step(fv_tensor *x, double *value)
{
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        fv_tensor *w = leaf(5), *grads[2];
        fv_tensor *h = fv_mul(x, 3);
        inner c = {fv_sum(h), x, 0};
        fv_tensor *a = fv_mul_(fv_add(fv_tanh(h), h), w);
        fv_retain_grad(a);
        if (!fv_register_hook(a, inner_pass, &c) || !fv_register_hook(w, doubled, NULL))
            status = fv_error_status();
        fv_tensor *y = fv_sum(fv_add(fv_mul_(a, a), fv_expand(fv_select(h, 0, 0), 2)));
        if (status == FV_OK)
            status = fv_grad(FV_TENSORS(y), FV_TENSORS(x, w), grads, .create_graph = true);
        if (status == FV_OK)
            status = fv_backward(fv_sum(fv_mul(grads[0], grads[1])), .retain_graph = true);
        fv_tensor *z = status == FV_OK ? fv_grad_of(x) : NULL;
        *value = z ? first(z) + c.found : 0;
        fv_set_grad(x, NULL);
        for (int k = 0; k < 2 && status == FV_OK; k++)
            status = fv_backward(y, .create_graph = true);
        if (status == FV_OK) *value += first(fv_grad_of(x));
        fv_set_grad(x, NULL);
        fv_set_grad(w, NULL);
        fv_set_grad(a, NULL);
    }
    return status;
}

START_TEST(every_allocation_on_the_tape_may_fail)
{
    double right = 0, value = 0;
    char difference[128];
    int failures = 0;
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *x = leaf(0.3);
        ck_assert_msg(rich_step(x, &right) == FV_OK, "%s", fv_error());
        memory_mark mark = mark_memory();
        for (int n = 0, calm = 0; n < 5000 && calm < 3; n++) {
            set_context("allocation %d", n);
            fv_inject_alloc_failure(n);
            fv_status status = rich_step(x, &value);
            fv_inject_alloc_failure(-1);
            calm = status == FV_OK ? calm + 1 : 0;
            failures += status != FV_OK;
            if ((status != FV_OK) != (fv_error()[0] != '\0'))
                note_failure("status %d with \"%s\"", (int)status, fv_error());
            if (status == FV_OK && value != right) note_failure("wrong: %g, %g", value, right);
            fv_clear_error();
            if (status != FV_OK && (rich_step(x, &value) != FV_OK || value != right))
                note_failure("the next step: %g, %g %s", value, right, fv_error());
            if (!same_memory(mark, difference, sizeof difference)) note_failure("%s", difference);
            mark = mark_memory();
        }
    }
    ck_assert_int_gt(failures, 100);
    ck_assert(no_failures());
}
END_TEST

/* --- passes inside passes --------------------------------------------------------------------- */

/* The inner pass runs between the two arrivals of the gradient of h. */
START_TEST(a_hook_may_run_a_pass_over_the_same_graph)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2), *h = fv_mul(x, 3);
    inner c = {fv_sum(h), x, 0};
    fv_tensor *a = fv_mul(h, 1), *b = fv_mul(h, 10);
    fv_register_hook(a, inner_pass, &c);
    ck_assert_int_eq(fv_backward(fv_sum(fv_add(fv_mul(a, 1), b))), FV_OK);
    ck_assert(first(fv_grad_of(x)) == 33.0);
    ck_assert(c.found == 3.0);
}
END_TEST

START_TEST(a_failed_inner_pass_takes_nothing_from_the_outer_one)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(2), *other = leaf(1), *h = fv_mul(x, 3), *grads[1];
    inner c = {fv_sum(h), other, 0}; /* which does not depend on it */
    fv_tensor *a = fv_mul(h, 1), *b = fv_mul(h, 10);
    fv_register_hook(a, inner_pass, &c);
    fv_tensor *y = fv_sum(fv_add(fv_mul(a, 1), b));
    ck_assert_int_ne(fv_grad(FV_TENSORS(y), FV_TENSORS(x), grads, .retain_graph = true), FV_OK);
    fv_clear_error();
    c.in = x;
    ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(x), grads), FV_OK);
    ck_assert(first(grads[0]) == 33.0);
}
END_TEST

/* Neither the graph behind the inputs nor side branches are freed, nor are their hooks run. */
START_TEST(grad_runs_and_frees_only_what_leads_to_its_inputs)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2), *h = fv_mul(x, x), *side = fv_mul(x, x), *grads[1];
    inner never = {h, x, 0};
    fv_register_hook(side, inner_pass, &never);
    fv_tensor *y = fv_sum(fv_add(fv_mul(h, h), side));
    ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(h), grads), FV_OK);
    ck_assert(first(grads[0]) == 8.0);
    ck_assert(never.found == 0.0);
    ck_assert_msg(fv_backward(h, grads[0]) == FV_OK, "%s", fv_error());
    ck_assert(first(fv_grad_of(x)) == 32.0);
}
END_TEST

/* --- hooks ------------------------------------------------------------------------------------ */

typedef struct removal {
    fv_tensor *t;
    int handle, runs;
} removal;

static fv_tensor *remove_hook(fv_tensor *grad, void *context)
{
    removal *r = context;
    (void)grad;
    r->runs++;
    fv_remove_hook(r->t, r->handle);
    fv_register_hook(r->t, doubled, NULL); /* waits for the next backward */
    return NULL;
}

static fv_tensor *silent_failure(fv_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    return fv_failed_tensor();
}

static fv_tensor *release_root(fv_tensor *grad, void *context)
{
    (void)grad;
    fv_release(context);
    return NULL;
}

START_TEST(hooks_may_remove_and_add_hooks)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2), *y = fv_mul(x, 1);
    removal itself = {x, 0, 0}, next = {y, 0, 0};
    itself.handle = fv_register_hook(x, remove_hook, &itself);
    fv_register_hook(y, remove_hook, &next);
    next.handle = fv_register_hook(y, doubled, NULL);
    fv_tensor *sum = fv_sum(y);
    ck_assert_int_eq(fv_backward(sum, .retain_graph = true), FV_OK);
    ck_assert(first(fv_grad_of(x)) == 1.0);
    ck_assert_int_eq(itself.runs, 1);
    fv_set_grad(x, NULL);
    ck_assert_int_eq(fv_backward(sum), FV_OK);
    ck_assert(first(fv_grad_of(x)) == 4.0);
    ck_assert_int_eq(itself.runs, 1);
}
END_TEST

START_TEST(hooks_that_fail_without_a_message_and_roots_that_die)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2);
    int handle = fv_register_hook(x, silent_failure, NULL);
    ck_assert_int_ne(fv_backward(fv_sum(x)), FV_OK);
    fv_remove_hook(x, handle);
    fv_tensor *root = NULL;
    {
        FV_SCOPE;
        fv_tensor *y = fv_mul(x, x);
        root = fv_retain(fv_sum(y));
        fv_register_hook(y, release_root, root);
    }
    ck_assert_int_eq(fv_backward(root), FV_OK);
    ck_assert(first(fv_grad_of(x)) == 4.0);
    fv_tensor *h = fv_mul(x, 1);
    handle = fv_register_hook(h, doubled, NULL);
    fv_add_(fv_mul_(h, 2), 1);
    fv_remove_hook(h, handle);
    fv_set_grad(x, NULL);
    ck_assert_int_eq(fv_backward(fv_sum(h)), FV_OK);
    ck_assert(first(fv_grad_of(x)) == 2.0);
}
END_TEST

/* --- in place --------------------------------------------------------------------------------- */

START_TEST(a_tensor_times_itself_in_place)
{
    memory_mark mark = mark_memory();
    char difference[128];
    {
        FV_SCOPE;
        fv_tensor *x = leaf(3), *a = fv_mul(x, 1), *b = fv_mul(x, 1);
        ck_assert_int_eq(fv_backward(fv_sum(fv_mul_(a, a))), FV_OK);
        ck_assert(first(fv_grad_of(x)) == 6.0);
        fv_mul_(b, b);
    }
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* An op in place on a tensor that its other input has saved: no backward, and no cycle. */
START_TEST(a_tensor_written_from_what_saved_it_is_freed)
{
    memory_mark mark = mark_memory();
    char difference[128];
    {
        FV_SCOPE;
        fv_set_log(NULL, NULL);
        fv_tensor *x = leaf(3), *a = fv_mul(x, 1), *constant = fv_detach(fv_mul(x, 1));
        fv_add_(a, fv_mul(a, a));
        fv_add_(constant, fv_mul(constant, x));
        ck_assert_int_eq(fv_backward(fv_sum(a)), FV_ERR_AUTOGRAD);
        fv_clear_error();
    }
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* d/dx d/dw (x w) = 1 goes through the old value of h. */
START_TEST(the_old_value_has_its_history)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3), *w = leaf(5), *h = fv_mul(x, 7), *once[1], *twice[1];
    fv_tensor *y = fv_sum(fv_mul_(h, w));
    ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(w), once, .create_graph = true), FV_OK);
    ck_assert(first(once[0]) == 21.0);
    ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(once[0])), FV_TENSORS(x), twice), FV_OK);
    ck_assert(first(twice[0]) == 7.0);
}
END_TEST

START_TEST(views_taken_without_a_tape_are_no_part_of_it)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *base = fv_ones(2, .dtype = FV_FLOAT64), *w = leaf(3), *view;
    {
        FV_NO_GRAD;
        view = fv_reshape(base, 2, 1);
    }
    ck_assert(fv_failed(fv_mul_(view, fv_reshape(w, 2, 1))));
    expect_error(FV_ERR_AUTOGRAD, "gradients off");
    fv_mul_(base, w);
    ck_assert(fv_failed(fv_sum(view)));
    expect_error(FV_ERR_AUTOGRAD, "gradients off");
    ck_assert_int_eq(fv_backward(fv_sum(fv_reshape(base, 2, 1))), FV_OK);
    ck_assert(first(fv_grad_of(w)) == 1.0);
}
END_TEST

/* Parameters that are slices of one flat tensor, stepped without a tape. */
START_TEST(views_of_memory_written_without_a_tape_live_on)
{
    FV_SCOPE;
    fv_tensor *flat = fv_ones(4, .dtype = FV_FLOAT64);
    fv_tensor *p = fv_requires_grad(fv_narrow(flat, 0, 0, 2), true);
    fv_tensor *x = leaf(1), *view = fv_reshape(x, 2, 1);
    for (int k = 0; k < 3; k++) {
        fv_set_grad(p, NULL);
        fv_set_grad(x, NULL);
        fv_tensor *y = fv_sum(fv_add(fv_mul(p, p), fv_select(fv_mul(view, view), 1, 0)));
        ck_assert_msg(fv_backward(y) == FV_OK, "%s", fv_error());
        ck_assert(first(fv_grad_of(p)) == 2.0 * first(p));
        ck_assert(first(fv_grad_of(x)) == 2.0 * first(x));
        {
            FV_NO_GRAD;
            fv_add_(p, 1);
            fv_add_(x, 2);
        }
    }
}
END_TEST

static fv_status floor_infer(fv_call *c)
{
    fv_output_like(c, 0, c->in[0]);
    return FV_OK;
}

static void floor_forward(fv_call *c)
{
    fv_copy_elements(c->out[0], c->in[0]);
}

START_TEST(ops_without_gradient_do_not_overwrite_what_has_one)
{
    static const fv_op op = {.name = "no_gradient",
                             .inplace = true,
                             .inputs = 1,
                             .outputs = 1,
                             .infer = floor_infer,
                             .forward = floor_forward,
                             .gradient = FV_NO_GRADIENT};
    {
        FV_SCOPE;
        fv_set_log(NULL, NULL);
        fv_tensor *x = leaf(3), *h = fv_mul(x, 1);
        ck_assert(fv_failed(fv_apply_inplace(&op, NULL, 1, &h)));
        expect_error(FV_ERR_AUTOGRAD, "no_gradient");
        {
            FV_NO_GRAD;
            ck_assert_ptr_eq(fv_apply_inplace(&op, NULL, 1, &h), h);
        }
    }
}
END_TEST

/* --- gradients and the memory of others ------------------------------------------------------- */

START_TEST(kept_gradients_are_memory_of_their_own)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(2), *z = leaf(2), *y = fv_mul(x, 1);
    fv_tensor *g = fv_expand(fv_ones(1, .dtype = FV_FLOAT64), 2);
    fv_retain_grad(y);
    ck_assert_int_eq(fv_backward(z, g), FV_OK);
    ck_assert_int_eq(fv_backward(fv_add(y, z), g, .create_graph = true), FV_OK);
    fv_tensor *kept[] = {fv_grad_of(x), fv_grad_of(y), fv_grad_of(z)};
    {
        FV_NO_GRAD;
        for (int k = 0; k < 3; k++) ck_assert_ptr_eq(fv_mul_(kept[k], 10), kept[k]);
    }
    ck_assert(first(kept[0]) == 10.0 && first(kept[1]) == 10.0 && first(kept[2]) == 20.0);
    ck_assert(first(g) == 1.0);
    ck_assert_int_ne(fv_set_grad(x, x), FV_OK);
    expect_error(FV_ERR_AUTOGRAD, "own gradient");
    fv_set_grad(x, NULL);
    fv_set_grad(y, NULL);
    fv_set_grad(z, NULL);
}
END_TEST

START_TEST(copies_into_shared_elements_are_refused)
{
    const double values[] = {1, 2, 3, 4};
    {
        FV_SCOPE;
        fv_set_log(NULL, NULL);
        fv_tensor *t = fv_zeros(1, 2);
        ck_assert_int_ne(fv_copy_in(fv_expand(t, 2, 2), FV_FLOAT64, values), FV_OK);
        expect_error(FV_ERR_SHAPE, "copy_in");
        ASSERT_VALUES(t, 0, 0, 0);
        fv_at(NULL, NULL);
        expect_error(FV_ERR_OPTION, "at");
        ck_assert_ptr_null(fv_data_float32(NULL));
        expect_error(FV_ERR_OPTION, "data");
    }
}
END_TEST

/* --- scopes ----------------------------------------------------------------------------------- */

START_TEST(a_scope_that_an_outer_one_closed_owns_nothing)
{
    FV_SCOPE;
    fv_scope outer = fv_scope_open(&outer);
    for (int k = 0; k < 5; k++) fv_ones(2);
    fv_scope inside = fv_scope_open(&inside), again;
    fv_scope_close(&outer);
    for (int k = 0; k < 5; k++) fv_ones(2);
    again = fv_scope_open(&again); /* stands where the inner one stood */
    fv_tensor *t = NULL;
    for (int k = 0; k < 9; k++) t = fv_ones(2);
    int64_t live = fv_memory_stats().live_tensors;
    fv_set_log(NULL, NULL);
    fv_scope_close(&inside);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
    ck_assert_int_eq(fv_memory_stats().live_tensors, live);
    ck_assert(first(t) == 1.0);
    fv_scope_close(&again);
    ck_assert_int_eq(fv_memory_stats().live_tensors, live - 9);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("tape, corners");
    TCase *memory_out = add_case(suite, "allocations");
    tcase_add_test(memory_out, every_allocation_on_the_tape_may_fail);
    TCase *passes = add_case(suite, "passes");
    tcase_add_test(passes, a_hook_may_run_a_pass_over_the_same_graph);
    tcase_add_test(passes, a_failed_inner_pass_takes_nothing_from_the_outer_one);
    tcase_add_test(passes, grad_runs_and_frees_only_what_leads_to_its_inputs);
    tcase_add_test(passes, hooks_may_remove_and_add_hooks);
    tcase_add_test(passes, hooks_that_fail_without_a_message_and_roots_that_die);
    TCase *inplace = add_case(suite, "inplace");
    tcase_add_test(inplace, a_tensor_times_itself_in_place);
    tcase_add_test(inplace, a_tensor_written_from_what_saved_it_is_freed);
    tcase_add_test(inplace, the_old_value_has_its_history);
    tcase_add_test(inplace, views_taken_without_a_tape_are_no_part_of_it);
    tcase_add_test(inplace, views_of_memory_written_without_a_tape_live_on);
    tcase_add_test(inplace, ops_without_gradient_do_not_overwrite_what_has_one);
    TCase *memory = add_case(suite, "memory");
    tcase_add_test(memory, kept_gradients_are_memory_of_their_own);
    tcase_add_test(memory, copies_into_shared_elements_are_refused);
    tcase_add_test(memory, a_scope_that_an_outer_one_closed_owns_nothing);
    return suite;
}
