/* State: named tensors, numbers and texts, in memory and in files. That of optimizers and
 * schedulers: test_optim_state.c. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "saved_path.h"
#include "support.h"

static const int64_t wholes[] = {0, 1, -1, INT64_MAX, INT64_MIN, ((int64_t)1 << 53) + 1};
static const double numbers[] = {
    0.0,        -0.0, 0.1, 1e-310, DBL_MAX, DBL_MIN, 1.0 / 3, (double)INFINITY, -(double)INFINITY,
    (double)NAN};

static void fill(fv_state *state)
{
    char name[32];
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        snprintf(name, sizeof name, "whole.%zu", i);
        ck_assert_int_eq(fv_state_put_int(state, "a.", name, wholes[i]), FV_OK);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(name, sizeof name, "number.%zu", i);
        ck_assert_int_eq(fv_state_put_double(state, NULL, name, numbers[i]), FV_OK);
    }
    ck_assert_int_eq(fv_state_put_bool(state, NULL, "yes", true), FV_OK);
    ck_assert_int_eq(fv_state_put_bool(state, NULL, "no", false), FV_OK);
    ck_assert_int_eq(fv_state_put_text(state, "a.", "text", "line\nand \"quotes\" \xc3\xa9"),
                     FV_OK);
    ck_assert_int_eq(fv_state_put_text(state, "a.", "empty", ""), FV_OK);
}

static void expect_filled(const fv_state *state)
{
    char name[32];
    int64_t whole;
    double number;
    bool flag;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        snprintf(name, sizeof name, "a.whole.%zu", i);
        ck_assert_int_eq(fv_state_int(state, NULL, name, &whole), FV_OK);
        ck_assert_int_eq(whole, wholes[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(name, sizeof name, ".%zu", i);
        ck_assert_int_eq(fv_state_double(state, "number", name, &number), FV_OK);
        ck_assert_int_eq(memcmp(&number, &numbers[i], sizeof number), 0);
    }
    ck_assert_int_eq(fv_state_bool(state, "", "yes", &flag), FV_OK);
    ck_assert(flag);
    ck_assert_int_eq(fv_state_bool(state, "", "no", &flag), FV_OK);
    ck_assert(!flag);
    ck_assert_str_eq(fv_state_text(state, "a.", "text"), "line\nand \"quotes\" \xc3\xa9");
    ck_assert_str_eq(fv_state_text(state, NULL, "a.empty"), "");
    ck_assert_int_eq(fv_state_count(state), 6 + 10 + 2 + 2);
}

START_TEST(numbers_and_texts_survive_a_file_to_the_last_bit)
{
    fv_state *state = fv_state_new();
    fill(state);
    expect_filled(state);
    ck_assert_str_eq(fv_state_name(state, 0), "a.whole.0");
    ck_assert_ptr_null(fv_state_name(state, -1));
    ck_assert_ptr_null(fv_state_name(state, fv_state_count(state)));
    ck_assert_int_eq(fv_state_save(state, saved_path), FV_OK);
    fv_free(state);
    state = fv_state_load(saved_path);
    ck_assert_msg(state != NULL, "%s", fv_error());
    expect_filled(state);
    fv_free(state);
}
END_TEST

START_TEST(a_state_shares_tensors_and_replaces_values)
{
    FV_SCOPE;
    fv_tensor *t = fv_ones(.shape = FV_SHAPE(2, 3)), *other = fv_zeros(.shape = FV_SHAPE(4));
    fv_state *state = fv_state_new();
    ck_assert_int_eq(fv_state_put_tensor(state, "p.", "t", t), FV_OK);
    ck_assert_ptr_eq(fv_state_tensor(state, NULL, "p.t"), t);
    ck_assert_ptr_null(fv_state_tensor(state, "p.", "T"));
    ck_assert_ptr_null(fv_state_tensor(state, "p", "t"));
    ck_assert_ptr_null(fv_state_text(state, "p.", "t"));
    ck_assert_int_eq(fv_state_put_tensor(state, NULL, "p.t", t), FV_OK); /* by itself */
    ck_assert_int_eq(fv_state_put_tensor(state, NULL, "p.t", other), FV_OK);
    ck_assert_ptr_eq(fv_state_tensor(state, "p.", "t"), other);
    ck_assert_int_eq(fv_state_put_text(state, "p", ".t", "now a text"), FV_OK);
    ck_assert_ptr_null(fv_state_tensor(state, "p.", "t"));
    ck_assert_str_eq(fv_state_text(state, "p.", "t"), "now a text");
    ck_assert_int_eq(fv_state_count(state), 1);
    fv_free(state);
    ck_assert_double_eq(fv_at(t, (const int64_t[]){1, 2}), 1);
}
END_TEST

START_TEST(what_is_no_number_of_that_kind_is_told)
{
    FV_SCOPE;
    int64_t whole = 5;
    double number = 5;
    bool flag = true;
    fv_state *state = fv_state_new();
    fv_state_put_double(state, "a.", "half", 0.5);
    fv_state_put_double(state, "a.", "large", 0x1p63);
    fv_state_put_double(state, "a.", "nan", (double)NAN);
    fv_state_put_double(state, "a.", "three", 3.0);
    fv_state_put_text(state, "a.", "text", "3");
    fv_state_put_tensor(state, "a.", "many", fv_ones(.shape = FV_SHAPE(2)));
    fv_state_put_tensor(state, "a.", "one", fv_ones(.shape = FV_SHAPE(1, 1)));
    ck_assert_int_eq(fv_state_int(state, "a.", "half", &whole), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "state: a.half is 0.5, not a whole number");
    ck_assert_int_eq(fv_state_int(state, "a.", "large", &whole), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "not a whole number");
    ck_assert_int_eq(fv_state_int(state, "a.", "nan", &whole), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "not a whole number");
    ck_assert_int_eq(fv_state_bool(state, "a.", "three", &flag), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "state: a.three is 3, not true or false");
    ck_assert_int_eq(fv_state_double(state, "a.", "text", &number), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "a.text is a text, not a number");
    ck_assert_int_eq(fv_state_double(state, "a.", "many", &number), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "a.many is [2], not one number");
    ck_assert_int_eq(fv_state_double(state, "a.", "none", &number), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "state: a.none is missing");
    ck_assert(whole == 5 && number == 5 && flag);
    ck_assert_int_eq(fv_state_int(state, "a.", "three", &whole), FV_OK);
    ck_assert_int_eq(fv_state_double(state, "a.", "one", &number), FV_OK);
    ck_assert(whole == 3 && number == 1);
    ck_assert_int_eq(fv_state_int(state, "a.", "three", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a place for the value");
    ck_assert_int_eq(fv_state_bool(NULL, "a.", "three", &flag), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a state");
    fv_free(state);
}
END_TEST

START_TEST(bad_calls_are_told)
{
    FV_SCOPE;
    fv_state *state = fv_state_new();
    fv_tensor *t = fv_ones(.shape = FV_SHAPE(2));
    ck_assert_int_eq(fv_state_put_tensor(NULL, NULL, "t", t), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "the state is NULL");
    ck_assert_int_eq(fv_state_put_tensor(state, "a.", NULL, t), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a name is needed");
    ck_assert_int_eq(fv_state_put_tensor(state, NULL, "t", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "t has no value");
    ck_assert_int_eq(fv_state_put_tensor(state, NULL, "t", fv_failed_tensor()), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "t is a failed tensor");
    ck_assert_int_eq(fv_state_put_text(state, NULL, "t", NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "t has no value");
    ck_assert_int_eq(fv_state_put_text(state, NULL, "format", "x"), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no text can be named format");
    ck_assert_int_eq(fv_state_save(NULL, saved_path), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a state");
    ck_assert_int_eq(fv_state_save(state, NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a path");
    ck_assert_ptr_null(fv_state_load(NULL));
    expect_error(FV_ERR_OPTION, "a path");
    ck_assert_ptr_null(fv_state_load("/none/such"));
    expect_error(FV_ERR_IO, "/none/such");
    ck_assert_int_eq(fv_state_count(NULL), 0);
    ck_assert_ptr_null(fv_state_tensor(NULL, NULL, "t"));
    ck_assert_int_eq(fv_state_count(state), 0);
    fv_free(state);
    fv_state_free(NULL);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("state");
    TCase *carrier = add_case(suite, "carrier");
    tcase_add_checked_fixture(carrier, make_path, remove_path);
    tcase_add_test(carrier, numbers_and_texts_survive_a_file_to_the_last_bit);
    tcase_add_test(carrier, a_state_shares_tensors_and_replaces_values);
    tcase_add_test(carrier, what_is_no_number_of_that_kind_is_told);
    tcase_add_test(carrier, bad_calls_are_told);
    return suite;
}
