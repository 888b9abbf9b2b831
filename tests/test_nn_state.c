/* Saving and loading modules. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static char saved_path[] = "/tmp/fovea_nn_XXXXXX";

static void make_path(void)
{
    strcpy(saved_path + strlen(saved_path) - 6, "XXXXXX");
    int fd = mkstemp(saved_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void remove_path(void)
{
    unlink(saved_path);
}

static fv_module *small(int64_t features)
{
    return fv_sequential(fv_nn_linear(4, features), fv_nn_batch_norm1d(features));
}

START_TEST(a_saved_module_is_loaded_bit_for_bit)
{
    FV_SCOPE;
    fv_module *a = small(3), *b = small(3);
    fv_forward(a, fv_randn(5, 4));
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    uint32_t version = fv_version(fv_parameters(b).items[0]);
    ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
    ck_assert_uint_ne(fv_version(fv_parameters(b).items[0]), version);
    fv_named_list x = fv_state_dict(a), y = fv_state_dict(b);
    ck_assert_int_eq(x.count, 7);
    for (int64_t i = 0; i < x.count; i++)
        ck_assert(tensors_same(x.items[i].tensor, y.items[i].tensor));
    ck_assert_double_eq(fv_item(fv_module_tensor(fv_child_at(b, 1), "num_batches_tracked")), 1);
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(loading_converts_the_element_type)
{
    fv_module *a = fv_nn_linear(2, 2), *b = fv_nn_linear(2, 2, .dtype = FV_FLOAT64);
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
    ck_assert_int_eq(fv_dtype_of(fv_module_tensor(b, "weight")), FV_FLOAT64);
    ck_assert_double_eq(fv_at(fv_module_tensor(a, "weight"), (const int64_t[]){1, 0}),
                        fv_at(fv_module_tensor(b, "weight"), (const int64_t[]){1, 0}));
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(a_file_in_half_precision_is_widened)
{
    fv_module *a = fv_nn_linear(2, 2), *b = fv_nn_linear(2, 2);
    const char *const names[] = {"weight", "bias"};
    {
        FV_SCOPE;
        fv_tensor *halves[] = {fv_to(fv_module_tensor(a, "weight"), FV_FLOAT16),
                               fv_to(fv_module_tensor(a, "bias"), FV_BFLOAT16)};
        ck_assert_int_eq(fv_save_tensors(saved_path, names, halves, 2, NULL, 0), FV_OK);
        ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
        for (int i = 0; i < 2; i++)
            ck_assert(tensors_same(fv_detach(fv_module_tensor(b, names[i])),
                                   fv_to(halves[i], FV_FLOAT32)));
    }
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(a_load_that_does_not_fit_touches_nothing)
{
    fv_module *a = small(3), *wide = small(5), *other = fv_sequential(fv_nn_linear(4, 3));
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    double before =
        fv_at(fv_module_tensor(fv_child_at(other, 0), "weight"), (const int64_t[]){0, 0});
    ck_assert_int_eq(fv_load(wide, saved_path), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "0.weight is [3,4] in the file, [5,4]");
    ck_assert_int_eq(fv_load(other, saved_path), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "5 unexpected keys (1.bias, 1.num_batches_tracked");
    ck_assert_double_eq(
        before, fv_at(fv_module_tensor(fv_child_at(other, 0), "weight"), (const int64_t[]){0, 0}));
    ck_assert_int_eq(fv_load(other, saved_path, .strict = false), FV_OK);
    ck_assert(tensors_same(fv_parameters(other).items[0], fv_parameters(a).items[0]));
    ck_assert_int_eq(fv_save(other, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(a, saved_path), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "5 missing keys");
    ck_assert_int_eq(fv_load(a, "/nonexistent/file"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "/nonexistent/file");
    ck_assert_int_eq(fv_save(a, "/nonexistent/file"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "/nonexistent/file");
    ck_assert_int_eq(fv_save(NULL, saved_path), FV_ERR_OPTION);
    fv_clear_error();
    ck_assert_int_eq(fv_load(NULL, saved_path), FV_ERR_OPTION);
    fv_clear_error();
    fv_free(a);
    fv_free(wide);
    fv_free(other);
}
END_TEST

/* Every tensor's shape is checked, the last one's too, before the first is written. */
START_TEST(any_tensor_of_another_shape_is_found)
{
    for (int wrong = 0; wrong < 3; wrong++) {
        fv_module *a =
            fv_sequential(fv_nn_linear(4, 4, .bias = false), fv_nn_linear(4, 4, .bias = false),
                          fv_nn_linear(4, 4, .bias = false));
        fv_module *part[3], *b;
        for (int k = 0; k < 3; k++) part[k] = fv_nn_linear(4, k == wrong ? 2 : 4, .bias = false);
        b = fv_sequential(part[0], part[1], part[2]);
        uint32_t versions[3];
        for (int k = 0; k < 3; k++) versions[k] = fv_version(fv_parameters(b).items[k]);
        ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
        for (int strict = 0; strict < 2; strict++) {
            ck_assert_int_eq(fv_load(b, saved_path, .strict = strict), FV_ERR_SHAPE);
            expect_error(FV_ERR_SHAPE, "[4,4] in the file, [2,4]");
        }
        for (int k = 0; k < 3; k++)
            ck_assert_uint_eq(fv_version(fv_parameters(b).items[k]), versions[k]);
        fv_free(a);
        fv_free(b);
    }
}
END_TEST

/* A message names as many keys as it has room for. */
START_TEST(a_long_list_of_keys_is_cut_short)
{
    enum { LAYERS = 60 };
    fv_module *many[LAYERS];
    for (int k = 0; k < LAYERS; k++) many[k] = fv_nn_linear(1, 1);
    fv_module *a = fv_sequential_from((fv_modules){many, LAYERS}),
              *b = fv_sequential(fv_nn_linear(1, 1));
    ck_assert_int_eq(fv_save(b, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(a, saved_path), FV_ERR_STATE);
    ck_assert_ptr_nonnull(strstr(fv_error(), "118 missing keys (1.weight"));
    expect_error(FV_ERR_STATE, ", ...), 0 unexpected keys ()");
    fv_free(a);
    fv_free(b);
}
END_TEST

/* Makes, saves and loads a module while allocation n fails; true when none failed any more. */
static bool round_trip_with_failure(int64_t n)
{
    bool whole = false;
    {
        FV_SCOPE;
        fv_inject_alloc_failure(n);
        fv_module *net = small(3);
        fv_status status = net ? fv_save(net, saved_path) : fv_error_status();
        if (status == FV_OK) status = fv_load(net, saved_path);
        fv_tensor *y = net ? fv_forward(net, fv_ones(2, 4)) : fv_failed_tensor();
        fv_inject_alloc_failure(-1);
        whole = status == FV_OK && !fv_failed(y);
        ck_assert_msg(whole || fv_error_status() != FV_OK, "allocation %d fails unseen", (int)n);
        fv_clear_error();
        fv_free(net);
    }
    return whole;
}

START_TEST(any_allocation_may_fail)
{
    char difference[200];
    round_trip_with_failure(-1);
    memory_mark mark = mark_memory();
    int64_t n = 0;
    while (n < 1000 && !round_trip_with_failure(n)) n++;
    ck_assert_int_gt(n, 10);
    ck_assert_int_lt(n, 1000);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("nn_state");
    TCase *state = add_case(suite, "state");
    tcase_add_checked_fixture(state, make_path, remove_path);
    tcase_add_test(state, a_saved_module_is_loaded_bit_for_bit);
    tcase_add_test(state, loading_converts_the_element_type);
    tcase_add_test(state, a_file_in_half_precision_is_widened);
    tcase_add_test(state, a_load_that_does_not_fit_touches_nothing);
    tcase_add_test(state, any_tensor_of_another_shape_is_found);
    tcase_add_test(state, a_long_list_of_keys_is_cut_short);
    tcase_add_test(state, any_allocation_may_fail);
    return suite;
}
