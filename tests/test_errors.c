/* The error model: failed tensors, the first message, the log, and the mode that aborts. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static fv_tensor *bad_add(void)
{
    return fv_add(fv_zeros(2, 3), fv_zeros(4));
}

/* --- FOVEA_ERRORS=abort, in a child that is forked before any parallel region ----------------- */

static void run_aborting_child(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    setenv("FOVEA_ERRORS", "abort", 1);
    if (!freopen("/dev/null", "w", stderr)) _exit(3);
    bad_add();
    _exit(0);
}

START_TEST(the_environment_can_make_the_guilty_call_abort)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) run_aborting_child();
    int status = 0;
    pid_t ended;
    do ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    ck_assert_int_eq(ended, child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "the child left with %#x",
                  (unsigned)status);
}
END_TEST

/* --- the model -------------------------------------------------------------------------------- */

typedef struct log_record {
    int calls;
    char last[512];
} log_record;

static void record_log(const char *message, void *context)
{
    log_record *record = context;
    record->calls++;
    strncpy(record->last, message, sizeof record->last - 1);
}

START_TEST(the_first_message_stands_and_is_logged_once)
{
    log_record record = {0};
    fv_set_log(record_log, &record);
    {
        FV_SCOPE;
        fv_tensor *bad = bad_add();
        ck_assert(fv_failed(bad) && bad == fv_failed_tensor());
        char first[512];
        strncpy(first, fv_error(), sizeof first - 1);
        first[sizeof first - 1] = '\0';
        ck_assert_ptr_nonnull(strstr(first, "add: "));
        ck_assert_ptr_nonnull(strstr(first, "[2,3]"));
        ck_assert_ptr_nonnull(strstr(first, "[4]"));
        ck_assert(fv_failed(fv_relu(fv_exp(bad))));
        ck_assert(fv_failed(fv_matmul(fv_zeros(2, 3), fv_zeros(2, 3))));
        ck_assert_int_eq(fv_backward(fv_sum(bad)) == FV_OK, false);
        ck_assert_str_eq(fv_error(), first);
        ck_assert_int_eq(fv_error_status(), FV_ERR_SHAPE);
        ck_assert_int_eq(record.calls, 1);
        ck_assert_str_eq(record.last, first);
        fv_clear_error();
        ck_assert_str_eq(fv_error(), "");
        ck_assert_int_eq(fv_error_status(), FV_OK);
        ck_assert(!fv_failed(fv_relu(fv_zeros(2))));
        bad_add();
        ck_assert_int_eq(record.calls, 2);
    }
}
END_TEST

START_TEST(null_counts_as_failed)
{
    fv_set_log(NULL, NULL);
    ck_assert(fv_failed(NULL));
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_relu(NULL)));
        ck_assert_str_ne(fv_error(), "");
        fv_clear_error();
        ck_assert(fv_failed(fv_add(fv_zeros(2), (fv_tensor *)NULL)));
        ck_assert_ptr_nonnull(strstr(fv_error(), "add: "));
        fv_clear_error();
        ck_assert_int_ne(fv_backward(NULL), FV_OK);
        fv_clear_error();
    }
}
END_TEST

START_TEST(a_null_argument_is_told_by_name)
{
    fv_set_log(NULL, NULL);
    ck_assert(fv_fail_null("shape_numel", "shape"));
    expect_error(FV_ERR_OPTION, "shape_numel: the shape is NULL");
    ck_assert_int_eq(fv_shape_numel(NULL), -1);
    expect_error(FV_ERR_OPTION, "shape_numel: the shape is NULL");
}
END_TEST

START_TEST(fail_keeps_the_first_and_warn_records_nothing)
{
    log_record record = {0};
    fv_set_log(record_log, &record);
    ck_assert_int_eq(fv_fail(FV_ERR_OPTION, "first %d", 1), FV_ERR_OPTION);
    ck_assert_int_eq(fv_fail(FV_ERR_IO, "second"), FV_ERR_IO);
    ck_assert_str_eq(fv_error(), "first 1");
    ck_assert_int_eq(fv_error_status(), FV_ERR_OPTION);
    fv_clear_error();
    fv_warn("take care");
    ck_assert_str_eq(fv_error(), "");
    ck_assert_int_eq(record.calls, 2);
    ck_assert_ptr_nonnull(strstr(record.last, "take care"));
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fv_fail(FV_ERR_OPTION, "%s", longest);
    ck_assert_uint_gt(strlen(fv_error()), 100);
    fv_clear_error();
}
END_TEST

START_TEST(a_step_is_refused_while_an_error_stands)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *w = fv_full(2, .value = 3, .requires_grad = true);
        fv_optim *opt = fv_sgd(FV_TENSORS(w), .lr = 1);
        ck_assert_ptr_nonnull(opt);
        ck_assert_int_eq(fv_backward(fv_sum(w)), FV_OK);
        bad_add();
        ck_assert_int_ne(fv_step(opt), FV_OK);
        ASSERT_VALUES(w, 0, 3, 3);
        fv_clear_error();
        ck_assert_int_eq(fv_step(opt), FV_OK);
        ASSERT_VALUES(w, 0, 2, 2);
        fv_free(opt);
    }
}
END_TEST

START_TEST(a_failed_tensor_has_harmless_properties)
{
    fv_set_log(NULL, NULL);
    fv_tensor *t = fv_failed_tensor();
    ck_assert_int_eq(fv_size(t, 0), 0);
    ck_assert_int_eq(fv_ndim(t), 0);
    ck_assert_ptr_null(fv_data_float32(t));
    ck_assert_ptr_null(fv_grad_of(t));
    float out[4];
    ck_assert_int_ne(fv_copy_out(t, FV_FLOAT32, out), FV_OK);
    fv_requires_grad(t, true);
    ck_assert(!t->requires_grad);
    fv_clear_error();
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("errors");
    TCase *errors = add_case(suite, "errors");
    tcase_add_test(errors, the_environment_can_make_the_guilty_call_abort);
    tcase_add_test(errors, the_first_message_stands_and_is_logged_once);
    tcase_add_test(errors, null_counts_as_failed);
    tcase_add_test(errors, fail_keeps_the_first_and_warn_records_nothing);
    tcase_add_test(errors, a_null_argument_is_told_by_name);
    tcase_add_test(errors, a_step_is_refused_while_an_error_stands);
    tcase_add_test(errors, a_failed_tensor_has_harmless_properties);
    return suite;
}
