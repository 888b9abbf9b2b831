/* Scopes and grad modes however their block is left: by longjmp, or without having been entered;
 * tensors that escape them; and a loop that opens none. */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "tensor/frame.h"
#include "tensor/region.h"

static int64_t live_tensors(void)
{
    return fv_memory_stats().live_tensors;
}

/* --- left by longjmp -------------------------------------------------------------------------- */

static jmp_buf back;

static void leave_both_by_longjmp(int depth)
{
    FV_SCOPE;
    fv_zeros(3);
    FV_NO_GRAD;
    if (depth > 0)
        leave_both_by_longjmp(depth - 1);
    else if (live_tensors() > 0) /* always */
        longjmp(back, 1);
}

static void survive(int depth)
{
    if (setjmp(back) == 0) leave_both_by_longjmp(depth);
}

START_TEST(the_end_of_a_scope_heals_what_longjmp_left)
{
    int64_t before = live_tensors();
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2, .requires_grad = true);
        survive(3);
        ck_assert_int_eq(live_tensors(), before + 5);
        ck_assert(!fv_grad_enabled());
        fv_set_log(NULL, NULL);
        ck_assert_int_ne(fv_backward(fv_sum(x)), FV_OK); /* said, not silent */
        expect_error(FV_ERR_AUTOGRAD, "gradients are switched off in this thread");
    }
    ck_assert(fv_grad_enabled());
    ck_assert_int_eq(live_tensors(), before);
}
END_TEST

START_TEST(the_end_of_a_grad_mode_heals_what_longjmp_left)
{
    int64_t before = live_tensors();
    {
        fv_grad_mode outer = fv_grad_mode_open(&outer, true);
        fv_tensor *kept = fv_zeros(2);
        survive(1);
        ck_assert(!fv_grad_enabled());
        fv_grad_mode_close(&outer);
        ck_assert(fv_usable(kept)); /* a grad mode owns nothing */
    }
    ck_assert(fv_grad_enabled());
    ck_assert_int_eq(live_tensors(), before + 1);
}
END_TEST

/* What stands at the same address cannot be open any more. */
START_TEST(a_scope_entered_anew_heals_what_longjmp_left)
{
    int64_t before = live_tensors();
    {
        fv_scope again = fv_scope_open(&again);
        fv_grad_mode mode = fv_grad_mode_open(&mode, false);
        fv_tensor *x = fv_ones(2); /* as if these had been left, and x were made since */
        again = fv_scope_open(&again);
        ck_assert(fv_grad_enabled());
        fv_tensor *y = fv_ones(2);
        fv_scope_close(&again);
        ASSERT_VALUES(x, 0, 1, 1);
        ck_assert(!fv_usable(y));
        fv_set_log(NULL, NULL);
        fv_grad_mode_close(&mode);
        expect_error(FV_ERR_STATE, "FV_NO_GRAD");
    }
    ck_assert_int_eq(live_tensors(), before + 1);
    for (int k = 0; k < 100; k++) {
        FV_SCOPE;
        for (int i = 0; i < 3; i++) survive(i);
        ck_assert(!fv_grad_enabled());
    }
    ck_assert(fv_grad_enabled());
    ck_assert_int_eq(live_tensors(), before + 1);
    survive(0);
    fv_shutdown();
    ck_assert(fv_grad_enabled());
    ck_assert_int_eq(live_tensors(), 0);
}
END_TEST

static int frame_name(const void *object, const void *outer, char *text, size_t size)
{
    (void)outer;
    return snprintf(text, size, "%s", (const char *)object);
}

static const char *frame_type(const void *object)
{
    (void)object;
    return "Layer";
}

START_TEST(the_end_of_a_scope_forgets_the_frames_in_it)
{
    static const fv_frame_kind kind = {frame_name, frame_type};
    int depth = fv_frame_depth();
    {
        FV_SCOPE;
        fv_frame_push(&kind, "left", 1);
    }
    ck_assert_int_eq(fv_frame_depth(), depth);
}
END_TEST

/* --- never entered ---------------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__) /* Clang refuses to compile such a jump */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wswitch-unreachable"
static void jump_past(int what)
{
    switch (what) {
        FV_SCOPE;
        FV_NO_GRAD;
    default: fv_zeros(3);
    }
}

START_TEST(a_jump_past_a_declaration_does_nothing_but_tell)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(2);
    fv_set_log(NULL, NULL);
    for (int k = 0; k < 3; k++) {
        int64_t before = live_tensors();
        jump_past(k);
        expect_error(FV_ERR_STATE, "FV_NO_GRAD: the end of a block in which none is open; a goto");
        ck_assert_int_eq(live_tensors(), before + 1);
    }
    ASSERT_VALUES(x, 0, 1, 1);
    ck_assert(fv_grad_enabled());
}
END_TEST

/* The same variable held an open scope a moment ago. */
static void jump_sometimes(bool jump, fv_tensor **made)
{
    for (int k = 0; k < 2; k++) {
        if (jump && k == 1) goto past;
        FV_SCOPE;
    past:
        *made = fv_zeros(3);
    }
}

START_TEST(a_scope_that_was_closed_is_not_open)
{
    fv_tensor *made;
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    jump_sometimes(false, &made);
    ck_assert_str_eq(fv_error(), "");
    jump_sometimes(true, &made);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
    ck_assert(fv_usable(made)); /* it belongs to the scope here */
}
END_TEST
#pragma GCC diagnostic pop
#endif

START_TEST(what_a_variable_holds_by_chance_is_no_scope)
{
    fv_set_log(NULL, NULL);
    fv_scope open = fv_scope_open(&open);
    fv_tensor *x = fv_ones(2);
    for (int byte = 0; byte < 256; byte++) {
        fv_scope scope;
        fv_grad_mode mode;
        memset(&scope, byte, sizeof scope);
        memset(&mode, byte, sizeof mode);
        if (byte < 255) { /* that is the mark of a scope for which there was no memory */
            fv_scope_close(&scope);
            expect_error(FV_ERR_STATE, "FV_SCOPE");
            fv_grad_mode_close(&mode);
            expect_error(FV_ERR_STATE, "FV_NO_GRAD");
        }
    }
    fv_scope copy = open; /* the number is right, the place is not */
    fv_scope_close(&copy);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
    open.id++; /* the other way round */
    fv_scope_close(&open);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
    open = copy;
    ASSERT_VALUES(x, 0, 1, 1);
    fv_scope_close(&open);
    ck_assert_str_eq(fv_error(), "");
    ck_assert(fv_failed(x));
    expect_error(FV_ERR_STATE, "scope closed");
}
END_TEST

static void *close_elsewhere(void *scope)
{
    fv_scope_close(scope);
    void *told = fv_error_status() == FV_ERR_STATE ? scope : NULL;
    fv_clear_error();
    return told;
}

START_TEST(a_scope_is_its_threads)
{
    fv_set_log(NULL, NULL);
    fv_scope scope = fv_scope_open(&scope);
    fv_tensor *x = fv_ones(2);
    pthread_t thread;
    void *told = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, close_elsewhere, &scope), 0);
    ck_assert_int_eq(pthread_join(thread, &told), 0);
    ck_assert_ptr_eq(told, &scope);
    ASSERT_VALUES(x, 0, 1, 1);
    fv_scope_close(&scope);
    ck_assert_str_eq(fv_error(), "");
}
END_TEST

/* As a program does that ends with fv_shutdown in the block of a scope. */
START_TEST(a_scope_that_shutdown_ended_closes_without_a_word)
{
    {
        FV_SCOPE;
        FV_NO_GRAD;
        fv_ones(2);
        fv_shutdown();
        ck_assert(fv_grad_enabled());
    }
    ck_assert_str_eq(fv_error(), "");
    fv_scope garbage = {.id = 12345};
    fv_set_log(NULL, NULL);
    fv_scope_close(&garbage);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
}
END_TEST

/* --- regions of others ------------------------------------------------------------------------ */

static bool switched;

static void switch_back(bool state)
{
    switched = state;
}

START_TEST(other_switches_end_with_the_scope_around_them)
{
    int variable;
    {
        FV_SCOPE;
        fv_region_open(&variable, switch_back, &switched);
        switched = true;
    }
    ck_assert(!switched);
    uint64_t id = fv_region_open(&variable, switch_back, &switched);
    switched = true;
    fv_region_close(id, &variable, "switch");
    ck_assert(!switched);
    fv_set_log(NULL, NULL);
    fv_region_close(id, &variable, "switch");
    expect_error(FV_ERR_STATE, "switch: the end of a block");
}
END_TEST

/* --- escape ----------------------------------------------------------------------------------- */

static fv_tensor *sum_of_squares(fv_tensor *x)
{
    FV_SCOPE;
    fv_tensor *square = fv_mul(x, x);
    return fv_escape(fv_sum(square));
}

static fv_tensor *handed_through(fv_tensor *x)
{
    FV_SCOPE;
    fv_zeros(3);
    FV_NO_GRAD;
    return fv_escape(x);
}

START_TEST(a_tensor_escapes_to_the_scope_around)
{
    int64_t before = live_tensors();
    fv_tensor *y;
    {
        FV_SCOPE;
        fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(2), 3, 4);
        {
            FV_SCOPE;
            y = sum_of_squares(x);
            ck_assert_int_eq(live_tensors(), before + 2);
            ck_assert_ptr_eq(handed_through(y), y);
            ck_assert_ptr_eq(handed_through(x), x);
            ck_assert_int_eq(live_tensors(), before + 2);
            ck_assert_ptr_eq(fv_escape(y), y);
        }
        ck_assert_double_eq_tol(fv_item(y), 25, 1e-9);
        ck_assert_double_eq_tol(fv_item(sum_of_squares(x)), 25, 1e-9);
        ck_assert_int_eq(live_tensors(), before + 3);
    }
    ck_assert_int_eq(live_tensors(), before);
}
END_TEST

/* Among many, with other scopes open inside: each goes where it belongs. */
START_TEST(escape_leaves_the_others_where_they_are)
{
    enum { COUNT = 20 };
    fv_tensor *t[COUNT], *inner[COUNT];
    int64_t before = live_tensors();
    fv_scope a = fv_scope_open(&a), b = fv_scope_open(&b);
    for (int k = 0; k < COUNT; k++) t[k] = fv_full(1, .value = k);
    fv_escape(t[7]);
    fv_escape(t[0]);
    fv_escape(t[COUNT - 1]);
    fv_grad_mode mode = fv_grad_mode_open(&mode, false);
    fv_escape(t[3]);
    fv_scope c = fv_scope_open(&c);
    for (int k = 0; k < COUNT; k++) inner[k] = fv_full(1, .value = k);
    fv_escape(inner[COUNT - 1]);
    fv_escape(t[5]); /* is not in c: stays in b */
    fv_scope_close(&c);
    ck_assert_double_eq_tol(fv_item(inner[COUNT - 1]), COUNT - 1, 1e-9);
    ck_assert_int_eq(live_tensors(), before + COUNT + 1);
    fv_scope_close(&b);
    ck_assert(fv_grad_enabled());
    ck_assert_int_eq(live_tensors(), before + 4);
    ck_assert_double_eq_tol(fv_item(t[7]) + fv_item(t[0]) + fv_item(t[COUNT - 1]) + fv_item(t[3]),
                            7 + COUNT - 1 + 3, 1e-9);
    fv_scope_close(&a);
    ck_assert_int_eq(live_tensors(), before);
}
END_TEST

START_TEST(what_cannot_escape)
{
    fv_set_log(NULL, NULL);
    ck_assert(fv_escape(NULL) == fv_failed_tensor());
    expect_error(FV_ERR_OPTION, "escape: the tensor is NULL");
    ck_assert(fv_escape(fv_failed_tensor()) == fv_failed_tensor());
    ck_assert_str_eq(fv_error(), "");
    fv_tensor *outside = fv_ones(2);
    ck_assert_ptr_eq(fv_escape(outside), outside);
    fv_tensor *kept;
    {
        FV_SCOPE;
        kept = fv_escape(fv_retain(fv_ones(2)));
    }
    fv_release(kept);
    ASSERT_VALUES(kept, 0, 1, 1); /* it belongs to the thread now */
}
END_TEST

/* --- no scope --------------------------------------------------------------------------------- */

static int warnings;
static char warning[256];

static void note_warning(const char *message, void *context)
{
    (void)context;
    snprintf(warning, sizeof warning, "%s", message);
    warnings++;
}

START_TEST(a_loop_without_a_scope_is_warned_of_once)
{
    fv_set_log(note_warning, NULL);
    {
        FV_SCOPE; /* a long recurrence, say: no mistake */
        for (int k = 0; k < 150000; k++) fv_empty(1);
    }
    ck_assert_int_eq(warnings, 0);
    for (int k = 0; k < 99000; k++) fv_empty(1);
    ck_assert_int_eq(warnings, 0);
    for (int k = 0; k < 300000; k++) fv_empty(1);
    ck_assert_int_eq(warnings, 1);
    ck_assert_str_eq(warning, "warning: 100000 tensors belong to no scope and pile up; begin the "
                              "loop's body with FV_SCOPE;");
    ck_assert_int_eq(fv_error_status(), FV_OK);
    fv_set_log(fv_default_log, NULL);
    fv_shutdown();
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("scopes");
    TCase *left = add_case(suite, "left");
    tcase_add_test(left, the_end_of_a_scope_heals_what_longjmp_left);
    tcase_add_test(left, the_end_of_a_grad_mode_heals_what_longjmp_left);
    tcase_add_test(left, a_scope_entered_anew_heals_what_longjmp_left);
    tcase_add_test(left, the_end_of_a_scope_forgets_the_frames_in_it);
    TCase *never = add_case(suite, "never entered");
#if defined(__GNUC__) && !defined(__clang__)
    tcase_add_test(never, a_jump_past_a_declaration_does_nothing_but_tell);
    tcase_add_test(never, a_scope_that_was_closed_is_not_open);
#endif
    tcase_add_test(never, what_a_variable_holds_by_chance_is_no_scope);
    tcase_add_test(never, a_scope_is_its_threads);
    tcase_add_test(never, a_scope_that_shutdown_ended_closes_without_a_word);
    tcase_add_test(never, other_switches_end_with_the_scope_around_them);
    TCase *escape = add_case(suite, "escape");
    tcase_add_test(escape, a_tensor_escapes_to_the_scope_around);
    tcase_add_test(escape, escape_leaves_the_others_where_they_are);
    tcase_add_test(escape, what_cannot_escape);
    tcase_add_test(add_case(suite, "pile"), a_loop_without_a_scope_is_warned_of_once);
    return suite;
}
