/* When hooks run, and on what: the order is that of PyTorch 1.13 and 2.6 for the same programs. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support.h"

/* What has happened, in order: "w:3 W x:1" is the hook of w on a gradient whose sum is 3, w's hook
 * after accumulation, the hook of x on 1. */
static char trace[512];

static fv_tensor *note(fv_tensor *grad, void *name)
{
    size_t used = strlen(trace);
    double sum = 0;
    {
        FV_SCOPE;
        sum = fv_item(fv_sum(grad));
    }
    snprintf(trace + used, sizeof trace - used, "%s%s:%g", used ? " " : "", (const char *)name,
             sum);
    return NULL;
}

static void note_after(fv_tensor *leaf, void *name)
{
    size_t used = strlen(trace);
    double sum = 0;
    {
        FV_SCOPE;
        sum = fv_item(fv_sum(fv_grad_of(leaf)));
    }
    snprintf(trace + used, sizeof trace - used, "%s%s=%g", used ? " " : "", (const char *)name,
             sum);
}

static fv_tensor *leaf_of(double value)
{
    return fv_requires_grad(fv_scalar(value, FV_FLOAT64), true);
}

static void watch(fv_tensor *t, const char *name, const char *after)
{
    ck_assert_int_ne(fv_register_hook(t, note, (void *)(uintptr_t)name), 0);
    if (after)
        ck_assert_int_ne(
            fv_register_post_accumulate_grad_hook(t, note_after, (void *)(uintptr_t)after), 0);
}

static void expect_trace(const char *wanted)
{
    ck_assert_str_eq(trace, wanted);
    trace[0] = '\0';
}

/* y = ((a w) w2) w3: the leaf that is used last is complete first. */
START_TEST(leaves_are_complete_one_by_one_from_the_end)
{
    FV_SCOPE;
    fv_tensor *a = leaf_of(2), *w = leaf_of(3), *w2 = leaf_of(5), *w3 = leaf_of(7);
    watch(a, "a", "A");
    watch(w, "w", "W");
    watch(w2, "w2", "W2");
    watch(w3, "w3", "W3");
    fv_tensor *y = fv_mul(fv_mul(fv_mul(a, w), w2), w3);
    watch(y, "y", NULL);
    ck_assert_int_eq(fv_backward(y), FV_OK);
    expect_trace("y:1 w3:30 W3=30 w2:42 W2=42 a:105 A=105 w:70 W=70");
}
END_TEST

START_TEST(a_leaf_used_twice_in_one_op_has_one_gradient)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(3);
    watch(x, "x", "X");
    ck_assert_int_eq(fv_backward(fv_mul(x, x)), FV_OK);
    expect_trace("x:6 X=6");
}
END_TEST

/* The early use of x comes last in backward: its hook waits for it, while w's has run before. */
START_TEST(a_leaf_waits_for_its_last_use)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(2), *w = leaf_of(3);
    fv_tensor *h = fv_mul(x, x), *y = fv_mul(fv_mul(h, w), x); /* w x^3 */
    watch(x, "x", "X");
    watch(w, "w", "W");
    watch(h, "h", NULL);
    ck_assert_int_eq(fv_backward(y), FV_OK);
    expect_trace("w:8 W=8 h:6 x:36 X=36");
}
END_TEST

START_TEST(gradients_accumulate_over_passes)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(2);
    watch(x, "x", "X");
    ck_assert_int_eq(fv_backward(fv_mul(x, 3)), FV_OK);
    ck_assert_int_eq(fv_backward(fv_mul(x, 4)), FV_OK);
    expect_trace("x:3 X=3 x:4 X=7");
}
END_TEST

/* fv_grad runs the hooks of what it is asked for, touches no .grad, and leaves other leaves alone.
 */
START_TEST(grad_runs_hooks_but_accumulates_nothing)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(2), *w = leaf_of(3), *g;
    watch(x, "x", "X");
    watch(w, "w", "W");
    fv_tensor *y = fv_mul(fv_mul(x, w), x);
    ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(x), &g), FV_OK);
    ASSERT_VALUES(g, 0, 12);
    expect_trace("x:12");
    ck_assert_ptr_null(fv_grad_of(x));
}
END_TEST

START_TEST(a_leaf_may_be_the_root)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(2);
    watch(x, "x", "X");
    ck_assert_int_eq(fv_backward(x), FV_OK);
    expect_trace("x:1 X=1");
    ck_assert_int_eq(fv_backward(x, fv_scalar(5, FV_FLOAT64)), FV_OK);
    expect_trace("x:5 X=6");
}
END_TEST

/* A leaf that the graph holds but no gradient reaches has nothing to be hooked. */
START_TEST(leaves_that_nothing_reaches_are_passed_over)
{
    FV_SCOPE;
    fv_tensor *x = leaf_of(2), *idle = leaf_of(3), *parts[2];
    watch(idle, "idle", "Idle");
    watch(x, "x", "X");
    fv_tensor *both = fv_stack(FV_TENSORS(x, fv_mul(fv_detach(idle), 2)));
    ck_assert_int_eq(fv_split(both, 1, 0, parts, 2), 2);
    ck_assert_int_eq(fv_backward(fv_sum(parts[0])), FV_OK);
    expect_trace("x:1 X=1");
    ck_assert_ptr_null(fv_grad_of(idle));
}
END_TEST

static fv_tensor *refuse(fv_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    fv_fail(FV_ERR_STATE, "hook: no");
    return fv_failed_tensor();
}

/* What was complete before the error stays, and is not trusted further: the rest has no gradient.
 */
START_TEST(after_an_error_complete_leaves_keep_their_gradient)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *a = leaf_of(2), *w = leaf_of(3), *last = leaf_of(5);
    watch(last, "last", "Last");
    watch(a, "a", "A");
    fv_tensor *h = fv_mul(a, w);
    fv_register_hook(h, refuse, NULL);
    ck_assert_int_ne(fv_backward(fv_mul(h, last)), FV_OK);
    expect_error(FV_ERR_STATE, "hook: no");
    expect_trace("last:6 Last=6");
    ASSERT_VALUES(fv_grad_of(last), 0, 6);
    ck_assert_ptr_null(fv_grad_of(a));
}
END_TEST

/* SGD inside of the pass: each weight is updated, and its gradient dropped, as soon as it is known.
 */
static void update(fv_tensor *leaf, void *count)
{
    {
        FV_NO_GRAD;
        FV_SCOPE;
        fv_sub_(leaf, fv_mul(fv_grad_of(leaf), 0.5));
    }
    fv_set_grad(leaf, NULL);
    ++*(int *)count;
}

START_TEST(an_optimizer_may_live_in_hooks)
{
    FV_SCOPE;
    int count = 0;
    fv_tensor *a = leaf_of(2), *w = leaf_of(3);
    fv_register_post_accumulate_grad_hook(a, update, &count);
    int handle = fv_register_post_accumulate_grad_hook(w, update, &count);
    ck_assert_int_eq(fv_backward(fv_mul(a, w)), FV_OK);
    ck_assert_int_eq(count, 2);
    ASSERT_VALUES(a, 0, 0.5);
    ASSERT_VALUES(w, 0, 2);
    ck_assert_ptr_null(fv_grad_of(w));
    fv_remove_hook(w, handle);
    ck_assert_int_eq(fv_backward(fv_mul(a, w)), FV_OK);
    ck_assert_int_eq(count, 3);
    ASSERT_VALUES(fv_grad_of(w), 0, 0.5);
}
END_TEST

START_TEST(a_non_leaf_takes_no_hook_after_accumulation)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *y = fv_mul(leaf_of(1), 2);
    ck_assert_int_eq(fv_register_post_accumulate_grad_hook(y, update, NULL), 0);
    expect_error(FV_ERR_AUTOGRAD, "register_post_accumulate_grad_hook: a leaf");
    ck_assert_int_eq(fv_register_hook(fv_scalar(1, FV_FLOAT32), note, NULL), 0);
    expect_error(FV_ERR_AUTOGRAD, "register_hook");
}
END_TEST

/* --- the price -------------------------------------------------------------------------------- */

static fv_tensor *nothing(fv_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    return NULL;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { MANY = 1000 };

static double pass_seconds(fv_tensor *const *leaves)
{
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        {
            FV_SCOPE;
            fv_tensor *y = leaves[0];
            for (int i = 1; i < MANY; i++) y = fv_add(y, leaves[i]);
            for (int i = 0; i < MANY; i++) fv_set_grad(leaves[i], NULL);
            double start = seconds();
            ck_assert_int_eq(fv_backward(y), FV_OK);
            double time = seconds() - start;
            best = time < best ? time : best;
        }
    }
    return best;
}

/* Printed, and checked only for being of the right order: every hook costs a call, a sum aside and
 * two looks into a table. */
START_TEST(a_thousand_hooks_cost_little)
{
    FV_SCOPE;
    fv_tensor *leaves[MANY];
    for (int i = 0; i < MANY; i++) leaves[i] = leaf_of(i);
    double without = pass_seconds(leaves);
    for (int i = 0; i < MANY; i++) fv_register_hook(leaves[i], nothing, NULL);
    double with = pass_seconds(leaves);
    printf("a hooked leaf costs a pass %.0f ns more\n", (with - without) / MANY * 1e9);
    for (int i = 0; i < MANY; i++) ck_assert_ptr_nonnull(fv_grad_of(leaves[i]));
}
END_TEST

/* --- at the end of the pass ------------------------------------------------------------------- */

static void note_end(fv_status status, void *name)
{
    size_t used = strlen(trace);
    snprintf(trace + used, sizeof trace - used, "%s%s(%d)", used ? " " : "", (const char *)name,
             (int)status);
}

static void queue_ends(fv_tensor *leaf, void *name)
{
    note_after(leaf, name);
    ck_assert_int_eq(fv_queue_callback(note_end, (void *)(uintptr_t) "end"), FV_OK);
    ck_assert_int_eq(fv_queue_callback(note_end, (void *)(uintptr_t) "then"), FV_OK);
}

START_TEST(callbacks_run_when_the_pass_is_through)
{
    FV_SCOPE;
    fv_tensor *a = leaf_of(2), *w = leaf_of(3);
    fv_register_post_accumulate_grad_hook(w, queue_ends, (void *)(uintptr_t) "W");
    watch(a, "a", "A");
    for (int pass = 1; pass <= 2; pass++) {
        fv_set_grad(a, NULL);
        fv_set_grad(w, NULL);
        ck_assert_int_eq(fv_backward(fv_mul(a, fv_mul(w, w))), FV_OK);
        expect_trace("a:9 A=9 W=12 end(0) then(0)");
    }
}
END_TEST

static void backward_inside(fv_tensor *leaf, void *other)
{
    (void)leaf;
    fv_set_grad_enabled(true);
    ck_assert_int_eq(fv_backward(fv_mul(other, fv_scalar(1, FV_FLOAT64))), FV_OK);
    fv_set_grad_enabled(false);
    note_end(FV_OK, (void *)(uintptr_t) "inner");
}

/* A pass inside of another is no end. */
START_TEST(callbacks_wait_for_the_outermost_pass)
{
    FV_SCOPE;
    fv_tensor *a = leaf_of(2), *w = leaf_of(3);
    fv_register_post_accumulate_grad_hook(w, queue_ends, (void *)(uintptr_t) "W");
    fv_register_post_accumulate_grad_hook(a, backward_inside, w);
    ck_assert_int_eq(fv_queue_callback(note_end, NULL), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "no backward is running");
    ck_assert_int_eq(fv_backward(fv_mul(a, fv_scalar(5, FV_FLOAT64))), FV_OK);
    expect_trace("W=1 inner(0) end(0) then(0)");
}
END_TEST

static void fail_at_end(fv_status status, void *context)
{
    note_end(status, context);
    fv_fail(FV_ERR_PEER, "too late");
}

static void queue_failure(fv_tensor *leaf, void *name)
{
    (void)leaf;
    fv_queue_callback(fail_at_end, name);
    fv_queue_callback(note_end, (void *)(uintptr_t) "after");
}

START_TEST(a_callback_may_fail_the_pass)
{
    FV_SCOPE;
    fv_tensor *w = leaf_of(3);
    fv_register_post_accumulate_grad_hook(w, queue_failure, (void *)(uintptr_t) "fails");
    ck_assert_int_eq(fv_backward(fv_mul(w, w)), FV_ERR_PEER);
    expect_trace("fails(0) after(10)");
    expect_error(FV_ERR_PEER, "too late");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("hooks");
    TCase *order = add_case(suite, "order");
    tcase_add_test(order, leaves_are_complete_one_by_one_from_the_end);
    tcase_add_test(order, a_leaf_used_twice_in_one_op_has_one_gradient);
    tcase_add_test(order, a_leaf_waits_for_its_last_use);
    tcase_add_test(order, gradients_accumulate_over_passes);
    tcase_add_test(order, grad_runs_hooks_but_accumulates_nothing);
    tcase_add_test(order, a_leaf_may_be_the_root);
    tcase_add_test(order, leaves_that_nothing_reaches_are_passed_over);
    TCase *corners = add_case(suite, "corners");
    tcase_add_test(corners, after_an_error_complete_leaves_keep_their_gradient);
    tcase_add_test(corners, an_optimizer_may_live_in_hooks);
    tcase_add_test(corners, a_non_leaf_takes_no_hook_after_accumulation);
    tcase_add_test(corners, a_thousand_hooks_cost_little);
    tcase_add_test(corners, callbacks_run_when_the_pass_is_through);
    tcase_add_test(corners, callbacks_wait_for_the_outermost_pass);
    tcase_add_test(corners, a_callback_may_fail_the_pass);
    return suite;
}
