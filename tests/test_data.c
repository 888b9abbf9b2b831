/* Data sets of callbacks and of tensors: samples, batches, bad arguments. Loaders: test_loader.c.
 */
#include "squares.h"

/* --- sets of callbacks ------------------------------------------------------------------------ */

START_TEST(callbacks_make_batches)
{
    squares s = SQUARES(7);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 3);
    ck_assert_int_eq(fv_dataset_size(set), 7);
    ck_assert_int_eq(fv_loader_batches(loader), 3);
    fv_batch b;
    for (int epoch = 0; epoch < 2; epoch++) {
        ck_assert(fv_loader_next(loader, &b));
        assert_values(b.x, (double[]){0, 0, 1, 1, 2, 4}, 6, 0);
        assert_values(b.y, (double[]){0, 1, 2}, 3, 0);
        ck_assert_int_eq(fv_ndim(b.x), 2);
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(fv_loader_next(loader, &b));
        assert_values(b.x, (double[]){6, 36}, 2, 0);
        ck_assert_int_eq(b.n, 1);
        ck_assert(!fv_loader_next(loader, &b));
    }
    fv_free(set); /* the loader still holds it */
    ck_assert_int_eq(s.released, 0);
    fv_free(loader);
    ck_assert_int_eq(s.released, 1);
}
END_TEST

START_TEST(callbacks_that_disagree_are_errors)
{
    fv_set_log(NULL, NULL);
    struct {
        squares set;
        fv_status status;
        const char *part;
    } cases[] = {
        {SQUARES(4), FV_ERR_SHAPE, "x of sample 3 is [3], others are [2]"},
        {SQUARES(4), FV_ERR_DTYPE, "y of sample 3 is float32, others are int64"},
        {SQUARES(4), FV_ERR_IO, "sample 3 is lost"},
        {SQUARES(4), FV_ERR_STATE, "sample 3 has no y"},
    };
    cases[0].set.bad_shape = cases[1].set.bad_dtype = 3;
    cases[2].set.failing = cases[3].set.without_y = 3;
    for (int i = 0; i < 4; i++) {
        memory_mark mark = mark_memory();
        fv_dataset *set = squares_set(&cases[i].set);
        fv_loader *loader = fv_loader_new(set, 2);
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(!fv_loader_next(loader, &b));
        ck_assert(!fv_loader_next(loader, &b)); /* as long as the error stands */
        expect_error(cases[i].status, cases[i].part);
        fv_free(loader);
        fv_free(set);
        char difference[128] = "";
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    }
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    fv_set_log(NULL, NULL);
    squares s = SQUARES(-1);
    ck_assert_ptr_null(squares_set(&s));
    expect_error(FV_ERR_OPTION, "length is -1");
    ck_assert_int_eq(s.released, 0);
    ck_assert_ptr_null(fv_dataset_new(squares_length, NULL));
    expect_error(FV_ERR_OPTION, "no get function");
    ck_assert_ptr_null(fv_loader_new(NULL));
    expect_error(FV_ERR_OPTION, "no data set");
    fv_batch b;
    ck_assert(!fv_loader_next(NULL, &b));
    expect_error(FV_ERR_OPTION, "no loader");
    ck_assert_int_eq(fv_loader_set_state(NULL, (fv_loader_state){0}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no loader");
    ck_assert_int_eq(fv_loader_batches(NULL) + fv_dataset_size(NULL), 0);
    ck_assert_uint_eq(fv_loader_get_state(NULL).seed, 0);
    ck_assert_ptr_null(fv_dataset_new(NULL, squares_get));
    expect_error(FV_ERR_OPTION, "no length function");
    s.length = 3;
    fv_dataset *set = squares_set(&s);
    ck_assert_ptr_null(fv_loader_new(set, .batch_size = 0));
    expect_error(FV_ERR_OPTION, "batch_size is 0");
    fv_tensor *x, *y;
    ck_assert_int_eq(fv_dataset_get(set, 3, &x, &y), FV_ERR_INDEX);
    expect_error(FV_ERR_INDEX, "index 3 in a set of 3");
    ck_assert(fv_failed(x) && fv_failed(y));
    ck_assert_int_eq(fv_dataset_get(set, -1, &x, NULL), FV_OK);
    assert_values(x, (double[]){2, 4}, 2, 0);
    ck_assert_int_eq(fv_dataset_get(set, -4, &x, &y), FV_ERR_INDEX);
    expect_error(FV_ERR_INDEX, "index -4");
    ck_assert_int_eq(fv_dataset_get(NULL, 0, &x, &y), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no data set");
    ck_assert_int_eq(fv_dataset_get(set, 0, NULL, &y), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "x is NULL");
    fv_loader *loader = fv_loader_new(set);
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, 0, 4}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "batch 4");
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, -1, 0}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "epoch -1");
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, 0, -1}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "batch -1");
    ck_assert(!fv_loader_next(loader, NULL));
    expect_error(FV_ERR_OPTION, "no batch");
    fv_free(loader);
    fv_free(set);
    fv_free((fv_dataset *)NULL);
    fv_free((fv_loader *)NULL);
}
END_TEST

START_TEST(a_standing_error_ends_the_loop)
{
    fv_set_log(NULL, NULL);
    squares s = SQUARES(4);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    fv_fail(FV_ERR_STATE, "something went wrong");
    ck_assert(!fv_loader_next(loader, &b));
    ck_assert_ptr_null(b.x);
    fv_clear_error();
    ck_assert(fv_loader_next(loader, &b));
    assert_values(b.y, (double[]){2, 3}, 2, 0);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* --- sets of tensors -------------------------------------------------------------------------- */

START_TEST(tensor_sets_keep_values_and_order)
{
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        fv_tensor *x = fv_empty(4, 2, 3, 2, .channels_last = true);
        double values[48];
        for (int i = 0; i < 48; i++) values[i] = i;
        fv_copy_in(x, FV_FLOAT64, values);
        fv_tensor *y = fv_tensor_from(((int64_t[]){5, 6, 7, 8}), 4, .dtype = FV_INT64);
        fv_dataset *set = fv_tensor_dataset(x, y);
        fv_loader *loader = fv_loader_new(set, 3);
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(fv_is_channels_last(b.x));
        assert_values(b.x, values, 36, 0);
        assert_values(b.y, (double[]){5, 6, 7}, 3, 0);
        fv_tensor *sx, *sy;
        ck_assert_int_eq(fv_dataset_get(set, 3, &sx, &sy), FV_OK);
        assert_values(sx, values + 36, 12, 0);
        ck_assert_int_eq(fv_ndim(sy), 0);
        ck_assert(fv_item(sy) == 8);
        fv_free(loader);
        fv_free(set);
        set = fv_tensor_dataset(x, NULL);
        loader = fv_loader_new(set, 4);
        ck_assert(fv_loader_next(loader, &b));
        ck_assert_ptr_null(b.y);
        fv_free(loader);
        fv_free(set);
    }
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(tensor_sets_need_equal_lengths)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(4, 2), fv_zeros(3)));
        expect_error(FV_ERR_SHAPE, "x [4,2] and y [3]");
        ck_assert_ptr_null(fv_tensor_dataset(fv_scalar(1, FV_FLOAT32), NULL));
        expect_error(FV_ERR_SHAPE, "x []");
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(1), fv_scalar(1, FV_FLOAT32)));
        expect_error(FV_ERR_SHAPE, "y []");
        ck_assert_ptr_null(fv_tensor_dataset(NULL, NULL));
        expect_error(FV_ERR_STATE, "x is no tensor");
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(1), fv_failed_tensor()));
        expect_error(FV_ERR_STATE, "y is no tensor");
    }
}
END_TEST

/* Samples in another order of memory, empty ones, sets whose rows are views. */
START_TEST(tensor_sets_take_any_order_of_memory)
{
    FV_SCOPE;
    double values[24];
    for (int i = 0; i < 24; i++) values[i] = i;
    fv_tensor *base = tensor_of(FV_FLOAT32, FV_SHAPE(2, 3, 4), values);
    fv_tensor *x = fv_transpose(base, 0, 2); /* [4,3,2]: rows with gaps */
    fv_dataset *set = fv_tensor_dataset(x, fv_zeros(4, 0));
    fv_loader *loader = fv_loader_new(set, 3);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    char message[256];
    ck_assert_msg(tensors_close(b.x, fv_narrow(x, 0, 0, 3), 0, message, sizeof message), "%s",
                  message);
    ck_assert_int_eq(fv_numel(b.y), 0);
    ck_assert_int_eq(fv_size(b.y, 0), 3);
    fv_free(loader);
    fv_free(set);
}
END_TEST

static fv_status turned_sample(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)y;
    fv_tensor *sample = TENSOR(FV_FLOAT32, FV_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
    *x = i % 2 ? fv_transpose(sample, 0, 1) : fv_reshape(sample, 3, 2);
    return FV_OK;
}

static fv_status late_y(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    *x = fv_ones(1);
    if (i > 0) *y = fv_ones(1);
    return FV_OK;
}

static fv_status failed_y(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)i;
    *x = fv_ones(1);
    *y = fv_failed_tensor();
    return FV_OK;
}

static fv_status deep_sample(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)i, (void)y;
    *x = fv_ones(1, 1, 1, 1, 1, 1, 1, 1);
    return FV_OK;
}

START_TEST(callbacks_may_give_samples_in_any_order_of_memory)
{
    squares s = SQUARES(2);
    fv_dataset *set = fv_dataset_new(squares_length, turned_sample, &s);
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    assert_values(b.x, (double[]){0, 1, 2, 3, 4, 5, 0, 3, 1, 4, 2, 5}, 12, 0);
    ck_assert_ptr_null(b.y);
    fv_free(loader);
    fv_free(set);
}
END_TEST

START_TEST(callbacks_that_give_no_batch_are_errors)
{
    static const struct {
        fv_get_fn get;
        fv_status status;
        const char *part;
    } cases[] = {{late_y, FV_ERR_STATE, "sample 1 has a y, others have none"},
                 {failed_y, FV_ERR_STATE, "sample 0 made no y"},
                 {deep_sample, FV_ERR_SHAPE, "8 dimensions"}};
    fv_set_log(NULL, NULL);
    squares s = SQUARES(2);
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        fv_tensor *x, *y;
        fv_dataset *set = fv_dataset_new(squares_length, cases[k].get, &s);
        fv_loader *loader = fv_loader_new(set, 2);
        fv_batch b;
        ck_assert(!fv_loader_next(loader, &b));
        expect_error(cases[k].status, cases[k].part);
        if (k > 0) {
            ck_assert_int_eq(fv_dataset_get(set, 0, &x, &y), cases[k].status);
            ck_assert(fv_failed(x) && fv_failed(y));
            expect_error(cases[k].status, cases[k].part);
        }
        fv_free(loader);
        fv_free(set);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *sets = add_case(suite, "sets");
    tcase_add_test(sets, callbacks_make_batches);
    tcase_add_test(sets, callbacks_that_disagree_are_errors);
    tcase_add_test(sets, bad_arguments_are_refused);
    tcase_add_test(sets, a_standing_error_ends_the_loop);
    tcase_add_test(sets, tensor_sets_keep_values_and_order);
    tcase_add_test(sets, tensor_sets_take_any_order_of_memory);
    tcase_add_test(sets, callbacks_may_give_samples_in_any_order_of_memory);
    tcase_add_test(sets, callbacks_that_give_no_batch_are_errors);
    tcase_add_test(sets, tensor_sets_need_equal_lengths);
    return suite;
}
