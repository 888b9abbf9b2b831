/* Tensors: creation, strides, views that share storage, reading and writing elements, types, and
 * who owns what (scopes, references, statistics). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "support.h"

#define POSITION(...) ((const int64_t[]){__VA_ARGS__})

/* --- creation --------------------------------------------------------------------------------- */

START_TEST(creation_has_the_values_that_pytorch_gives)
{
    FV_SCOPE;
    ASSERT_VALUES(fv_zeros(2, 2), 0, 0, 0, 0, 0);
    ASSERT_VALUES(fv_ones(3, .dtype = FV_INT64), 0, 1, 1, 1);
    ASSERT_VALUES(fv_full(2, .value = 2.5), 0, 2.5, 2.5);
    ASSERT_VALUES(fv_arange(0, 5, .dtype = FV_FLOAT32), 0, 0, 1, 2, 3, 4);
    ASSERT_VALUES(fv_arange(1, 2, 0.25, .dtype = FV_FLOAT32), 0, 1, 1.25, 1.5, 1.75);
    ASSERT_VALUES(fv_arange(3, 0, -1, .dtype = FV_INT64), 0, 3, 2, 1);
    ASSERT_VALUES(fv_linspace(0, 1, 5, .dtype = FV_FLOAT64), 1e-15, 0, 0.25, 0.5, 0.75, 1);
    ASSERT_VALUES(fv_linspace(2, 5, 1), 0, 2);
    ASSERT_VALUES(fv_eye(2, 3), 0, 1, 0, 0, 0, 1, 0);
    ASSERT_VALUES(fv_eye(2), 0, 1, 0, 0, 1);
    ck_assert_int_eq(fv_zeros(1)->dtype, FV_FLOAT32);
    ck_assert_int_eq(fv_scalar(3, FV_INT32)->ndim, 0);
    ck_assert(fv_item(fv_scalar(3, FV_INT32)) == 3.0);
    ck_assert(fv_ones(2, .requires_grad = true)->requires_grad);
}
END_TEST

START_TEST(creation_from_memory_copies_or_lends)
{
    float numbers[] = {1, 2, 3, 4};
    {
        FV_SCOPE;
        fv_tensor *copy = fv_tensor_from(numbers, 2, 2, .dtype = FV_FLOAT32);
        fv_tensor *lent = fv_from_blob(numbers, FV_SHAPE(2, 2), FV_FLOAT32, NULL, NULL);
        numbers[0] = 7;
        ASSERT_VALUES(copy, 0, 1, 2, 3, 4);
        ASSERT_VALUES(lent, 0, 7, 2, 3, 4);
        ck_assert_ptr_eq(lent->data, numbers);
    }
}
END_TEST

static void count_release(void *context)
{
    ++*(int *)context;
}

START_TEST(lent_memory_is_released_once_with_the_last_tensor_on_it)
{
    float numbers[] = {1, 2, 3, 4};
    int released = 0;
    fv_tensor *kept = NULL;
    {
        FV_SCOPE;
        fv_tensor *lent =
            fv_from_blob(numbers, FV_SHAPE(2, 2), FV_FLOAT32, count_release, &released);
        kept = fv_retain(fv_select(lent, 0, 1));
    }
    ck_assert_int_eq(released, 0);
    ASSERT_VALUES(kept, 0, 3, 4);
    fv_release(kept);
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(impossible_tensors_are_refused)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_zeros(2, -1)));
        expect_error(FV_ERR_SHAPE, "[2,-1]");
        ck_assert(fv_failed(fv_zeros(INT64_MAX, INT64_MAX)));
        fv_clear_error();
        ck_assert(fv_failed(fv_zeros(2, .dtype = (fv_dtype)77)));
        expect_error(FV_ERR_DTYPE, "");
        ck_assert(fv_failed(fv_zeros(2, .dtype = FV_INT64, .requires_grad = true)));
        ck_assert_str_ne(fv_error(), "");
        fv_clear_error();
        ck_assert(fv_failed(fv_arange(0, 5, 0, .dtype = FV_FLOAT32)));
        expect_error(FV_ERR_OPTION, "step");
        ck_assert(fv_failed(fv_arange(0, 5, -1, .dtype = FV_FLOAT32)));
        fv_clear_error();
        ck_assert(fv_failed(fv_arange(0, (double)NAN, .dtype = FV_FLOAT32)));
        fv_clear_error();
        ck_assert(fv_failed(fv_linspace(0, 1, -1)));
        fv_clear_error();
        ck_assert(fv_failed(fv_randint(2, .low = 5, .high = 5)));
        fv_clear_error();
        ck_assert(fv_failed(fv_randint(2, .high = 1000, .dtype = FV_UINT8)));
        fv_clear_error();
        ck_assert(fv_failed(fv_randperm(-1)));
        fv_clear_error();
        ck_assert(fv_failed(fv_eye(-1)));
        fv_clear_error();
        ck_assert(fv_failed(fv_bernoulli(fv_full(2, .value = 1.5))));
        fv_clear_error();
        fv_shape nine = {9, {1, 1, 1, 1, 1, 1, 1, 1}};
        ck_assert(fv_failed(fv_zeros(.shape = nine)));
        fv_clear_error();
    }
}
END_TEST

START_TEST(empty_tensors_are_legal)
{
    FV_SCOPE;
    fv_tensor *t = fv_zeros(2, 0, 3);
    ck_assert_int_eq(fv_numel(t), 0);
    ck_assert(fv_is_contiguous(t));
    ck_assert_int_eq(fv_size(t, 1), 0);
    ck_assert_int_eq(fv_copy_out(t, FV_FLOAT32, NULL), FV_OK);
    ck_assert_int_eq(fv_arange(3, 3, .dtype = FV_FLOAT32)->numel, 0);
    ck_assert_str_eq(fv_error(), "");
}
END_TEST

/* --- strides and views ------------------------------------------------------------------------ */

START_TEST(strides_tell_the_memory_order)
{
    FV_SCOPE;
    fv_tensor *t = fv_zeros(2, 3, 4, 5);
    ck_assert_int_eq(t->strides[0], 60);
    ck_assert_int_eq(t->strides[3], 1);
    ck_assert(fv_is_contiguous(t) && !fv_is_channels_last(t) && fv_is_dense(t));
    fv_tensor *last = fv_zeros(2, 3, 4, 5, .channels_last = true);
    ck_assert_int_eq(last->strides[0], 60);
    ck_assert_int_eq(last->strides[1], 1);
    ck_assert_int_eq(last->strides[2], 15);
    ck_assert_int_eq(last->strides[3], 3);
    ck_assert(fv_is_channels_last(last) && !fv_is_contiguous(last) && fv_is_dense(last));
    fv_tensor *single = fv_zeros(2, 1, 4, 5, .channels_last = true);
    ck_assert(fv_is_channels_last(single) && fv_is_contiguous(single));
    ck_assert(!fv_is_dense(fv_slice(t, 3, 0, 5, 2)));
    ck_assert(fv_is_channels_last(fv_zeros_like(last)));
}
END_TEST

START_TEST(views_share_storage)
{
    FV_SCOPE;
    fv_tensor *t = fv_arange(0, 12, .dtype = FV_FLOAT32);
    fv_tensor *m = fv_reshape(t, 3, 4);
    fv_tensor *column = fv_select(m, 1, 2);
    ASSERT_VALUES(column, 0, 2, 6, 10);
    ((float *)t->data)[6] = 99;
    ASSERT_VALUES(column, 0, 2, 99, 10);
    ASSERT_VALUES(fv_slice(fv_transpose(m, 0, 1), 0, 1, 4, 2), 0, 1, 5, 9, 3, 7, 11);
    ck_assert_ptr_eq(column->storage, t->storage);
    uint32_t before = fv_version(column);
    fv_bump_version(t);
    ck_assert_uint_eq(fv_version(column), before + 1);
}
END_TEST

START_TEST(a_view_keeps_its_storage_alive)
{
    fv_tensor *view = NULL;
    {
        FV_SCOPE;
        view = fv_retain(fv_narrow(fv_arange(0, 10, .dtype = FV_FLOAT32), 0, 4, 2));
    }
    ASSERT_VALUES(view, 0, 4, 5);
    fv_release(view);
}
END_TEST

/* --- elements --------------------------------------------------------------------------------- */

START_TEST(elements_can_be_read_one_by_one)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *m = fv_reshape(fv_arange(0, 6, .dtype = FV_FLOAT32), 2, 3);
        ck_assert(fv_at(m, POSITION(1, 2)) == 5.0);
        ck_assert(fv_at(m, POSITION(-1, -3)) == 3.0);
        ck_assert(isnan(fv_at(m, POSITION(2, 0))));
        expect_error(FV_ERR_INDEX, "");
        ck_assert(isnan(fv_at(m, POSITION(0, INT64_MIN))));
        fv_clear_error();
        ck_assert(isnan(fv_item(m)));
        expect_error(FV_ERR_SHAPE, "[2,3]");
        ck_assert(isnan(fv_item(fv_failed_tensor())));
        fv_clear_error();
        ck_assert_int_eq(fv_size(m, -1), 3);
        ck_assert_int_eq(fv_size(m, 2), -1);
        ck_assert_str_ne(fv_error(), "");
        fv_clear_error();
    }
}
END_TEST

START_TEST(pointers_are_given_only_to_contiguous_memory_of_that_type)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *m = fv_reshape(fv_arange(0, 6, .dtype = FV_FLOAT32), 2, 3);
        ck_assert_ptr_eq(fv_data_float32(m), m->data);
        ck_assert_ptr_null(fv_data_float64(m));
        expect_error(FV_ERR_DTYPE, "float32");
        ck_assert_ptr_null(fv_data_float32(fv_transpose(m, 0, 1)));
        ck_assert_str_ne(fv_error(), "");
        fv_clear_error();
        fv_tensor *labels = fv_zeros(3, .dtype = FV_INT64);
        ck_assert_ptr_eq(fv_data_int64(labels), labels->data);
        ck_assert_ptr_null(fv_data_int32(labels));
        fv_clear_error();
    }
}
END_TEST

START_TEST(copies_convert_and_follow_strides)
{
    int32_t out[6];
    const double in[] = {6, 5, 4, 3, 2, 1};
    {
        FV_SCOPE;
        fv_tensor *t = fv_transpose(fv_reshape(fv_arange(0, 6, .dtype = FV_FLOAT32), 2, 3), 0, 1);
        ck_assert_int_eq(fv_copy_out(t, FV_INT32, out), FV_OK);
        const int32_t wanted[] = {0, 3, 1, 4, 2, 5};
        ck_assert_mem_eq(out, wanted, sizeof wanted);
        uint32_t before = fv_version(t);
        ck_assert_int_eq(fv_copy_in(t, FV_FLOAT64, in), FV_OK);
        ck_assert_uint_gt(fv_version(t), before);
        ASSERT_VALUES(t, 0, 6, 5, 4, 3, 2, 1);
        fv_tensor *flags = fv_empty(3, .dtype = FV_BOOL);
        fv_copy_in(flags, FV_FLOAT64, (const double[]){0, 0.5, -3});
        ASSERT_VALUES(flags, 0, 0, 1, 1);
    }
}
END_TEST

/* --- types and shapes ------------------------------------------------------------------------- */

START_TEST(types_have_names_sizes_and_an_order)
{
    ck_assert_str_eq(fv_dtype_name(FV_FLOAT32), "float32");
    ck_assert_str_eq(fv_dtype_name(FV_BOOL), "bool");
    ck_assert_uint_eq(fv_dtype_size(FV_INT64), 8);
    ck_assert_uint_eq(fv_dtype_size((fv_dtype)99), 0);
    ck_assert_ptr_nonnull(fv_dtype_name((fv_dtype)99));
    {
        FV_SCOPE;
        fv_tensor *whole = fv_ones(2, .dtype = FV_INT64);
        fv_tensor *number = fv_ones(2);
        fv_tensor *precise = fv_ones(2, .dtype = FV_FLOAT64);
        ck_assert_int_eq(fv_add(whole, number)->dtype, FV_FLOAT32);
        ck_assert_int_eq(fv_add(number, precise)->dtype, FV_FLOAT64);
        ck_assert_int_eq(fv_to(number, FV_UINT8)->dtype, FV_UINT8);
    }
}
END_TEST

START_TEST(shapes_broadcast_as_in_pytorch)
{
    fv_shape a = FV_SHAPE(3, 1, 5), b = FV_SHAPE(4, 1), out;
    ck_assert(fv_shape_broadcast(&a, &b, &out));
    ck_assert_str_eq(fv_shape_text(&out), "[3,4,5]");
    fv_shape empty = FV_SHAPE(0), one = FV_SHAPE(1), scalar = FV_SCALAR;
    ck_assert(fv_shape_broadcast(&empty, &one, &out));
    ck_assert_str_eq(fv_shape_text(&out), "[0]");
    ck_assert(fv_shape_broadcast(&a, &scalar, &out) && fv_shape_equal(&a, &out));
    ck_assert_str_eq(fv_shape_text(&scalar), "[]");
    fv_shape two = FV_SHAPE(2), three = FV_SHAPE(3);
    ck_assert(!fv_shape_broadcast(&two, &three, &out));
    ck_assert_int_eq(fv_wrap_dim(-1, 3), 2);
    ck_assert_int_eq(fv_wrap_dim(3, 3), -1);
    ck_assert_int_eq(fv_wrap_dim(INT64_MIN, 3), -1);
    ck_assert_int_eq(fv_wrap_dim(-1, 0), 0);
    fv_shape huge = FV_SHAPE(INT64_MAX, 2), zero = FV_SHAPE(INT64_MAX, 2, 0);
    ck_assert_int_eq(fv_shape_numel(&huge), -1);
    ck_assert_int_eq(fv_shape_numel(&zero), -1); /* its strides do not fit either */
    fv_shape first = FV_SHAPE(0, INT64_MAX, 2), fits = FV_SHAPE(INT64_MAX, 0, 1);
    ck_assert_int_eq(fv_shape_numel(&first), -1);
    ck_assert_int_eq(fv_shape_numel(&fits), 0);
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_zeros((int64_t)1 << 62, (int64_t)1 << 62, 0)));
        fv_clear_error();
    }
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_add(fv_zeros(2, 3), fv_zeros(4, 3))));
        ck_assert_ptr_nonnull(strstr(fv_error(), "[4,3]"));
        expect_error(FV_ERR_SHAPE, "add: ");
    }
}
END_TEST

START_TEST(numbers_by_dimension_pack_and_unpack)
{
    int64_t out[FV_MAX_DIMS];
    ck_assert_int_eq(fv_dims_unpack(7, out), 1);
    ck_assert_int_eq(out[0], 7);
    ck_assert_int_eq(fv_dims_unpack(-7, out), 1);
    ck_assert_int_eq(out[0], -7);
    for (int n = 2; n <= FV_MAX_DIMS; n++) {
        int64_t bound = ((int64_t)1 << (60 / n - 1)) - 1;
        for (int sign = -1; sign <= 1; sign++) {
            fv_shape values = {n, {0}};
            for (int d = 0; d < n; d++) values.dim[d] = d % 2 ? sign * bound : -sign * (bound - d);
            ck_assert_int_eq(fv_dims_unpack(fv_dims_pack(values), out), n);
            for (int d = 0; d < n; d++) ck_assert_int_eq(out[d], values.dim[d]);
        }
    }
    ck_assert_int_eq(fv_dims_unpack(FV_DIMS(1, INT64_MAX), out), 0);
    ck_assert_int_eq(fv_dims_unpack(FV_DIMS(INT64_MIN, 1), out), 0);
    ck_assert(fv_dims_spread(3, 2, out) && out[0] == 3 && out[1] == 3);
    ck_assert(fv_dims_spread(FV_DIMS(1, 2), 2, out) && out[0] == 1 && out[1] == 2);
    ck_assert(!fv_dims_spread(FV_DIMS(1, 2), 3, out));
    ck_assert_uint_eq(fv_dims_mask(FV_DIMS(0, -1), 4), 9);
    ck_assert_uint_eq(fv_dims_mask(FV_ALL, 3), 7);
    ck_assert_uint_eq(fv_dims_mask(0, 0), 0);
}
END_TEST

/* --- ownership -------------------------------------------------------------------------------- */

static int64_t live_tensors(void)
{
    return fv_memory_stats().live_tensors;
}

static int leave_by_return(void)
{
    {
        FV_SCOPE;
        fv_zeros(10);
        {
            FV_SCOPE;
            fv_zeros(10);
            return 1;
        }
    }
    return 0;
}

START_TEST(scopes_release_however_they_are_left)
{
    int64_t before = live_tensors();
    {
        FV_SCOPE;
        fv_zeros(10);
        {
            FV_SCOPE;
            fv_zeros(10);
        }
        ck_assert_int_eq(live_tensors(), before + 1);
    }
    ck_assert_int_eq(live_tensors(), before);
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        fv_zeros(10);
        if (k == 1) break;
    }
    ck_assert_int_eq(live_tensors(), before);
    ck_assert_int_eq(leave_by_return(), 1);
    ck_assert_int_eq(live_tensors(), before);
    {
        FV_SCOPE;
        fv_zeros(10);
        goto out;
    }
out:
    ck_assert_int_eq(live_tensors(), before);
}
END_TEST

START_TEST(scopes_can_be_opened_and_closed_by_hand)
{
    int64_t before = live_tensors();
    fv_scope outer = fv_scope_open(&outer);
    fv_scope inner = fv_scope_open(&inner), left;
    fv_zeros(3);
    fv_tensor *survivor = fv_scope_close_with(&inner, fv_ones(2));
    ck_assert_int_eq(live_tensors(), before + 1);
    ASSERT_VALUES(survivor, 0, 1, 1);
    left = fv_scope_open(&left);
    fv_zeros(3);
    fv_scope_close(&outer); /* closes the one inside as well */
    ck_assert_int_eq(live_tensors(), before);
    fv_set_log(NULL, NULL);
    fv_scope_close(&outer);
    expect_error(FV_ERR_STATE, "FV_SCOPE: the end of a block in which none is open");
    fv_scope_close(&left);
    expect_error(FV_ERR_STATE, "FV_SCOPE");
    ck_assert_int_eq(live_tensors(), before);
}
END_TEST

START_TEST(a_retained_tensor_outlives_its_scope)
{
    int64_t before = live_tensors();
    fv_tensor *kept = NULL;
    {
        FV_SCOPE;
        kept = fv_retain(fv_full(2, .value = 4));
        fv_retain(kept);
    }
    ck_assert_int_eq(live_tensors(), before + 1);
    fv_release(kept);
    ASSERT_VALUES(kept, 0, 4, 4);
    fv_release(kept);
    ck_assert_int_eq(live_tensors(), before);
    fv_release(NULL);
    ck_assert_ptr_null(fv_retain(NULL));
    fv_release(fv_failed_tensor());
    ck_assert_ptr_eq(fv_retain(fv_failed_tensor()), fv_failed_tensor());
}
END_TEST

START_TEST(statistics_count_bytes_and_the_cache_reuses_them)
{
    fv_memory_info before = fv_memory_stats();
    {
        FV_SCOPE;
        fv_zeros(100000);
        fv_memory_info now = fv_memory_stats();
        ck_assert_int_ge(now.live_bytes - before.live_bytes, 400000);
        ck_assert_int_ge(now.peak_bytes, now.live_bytes);
    }
    fv_memory_info after = fv_memory_stats();
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    for (int k = 0; k < 10; k++) {
        FV_SCOPE;
        fv_zeros(100000);
    }
    ck_assert_int_eq(fv_memory_stats().system_allocs, after.system_allocs);
    fv_reset_peak_memory();
    ck_assert_int_eq(fv_memory_stats().peak_bytes, fv_memory_stats().live_bytes);
    fv_empty_cache();
    ck_assert_int_le(fv_memory_stats().cached_bytes, after.cached_bytes);
}
END_TEST

START_TEST(the_library_can_be_used_again_after_shutdown)
{
    fv_tensor *forgotten = fv_zeros(5);
    ck_assert_int_eq(forgotten->numel, 5);
    fv_shutdown();
    fv_memory_info info = fv_memory_stats();
    ck_assert_int_eq(info.live_tensors, 0);
    ck_assert_int_eq(info.live_bytes, 0);
    ck_assert_int_eq(info.cached_bytes, 0);
    {
        FV_SCOPE;
        ASSERT_VALUES(fv_ones(2), 0, 1, 1);
    }
    fv_shutdown();
    fv_shutdown();
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("tensor");
    TCase *creation = add_case(suite, "creation");
    tcase_add_test(creation, creation_has_the_values_that_pytorch_gives);
    tcase_add_test(creation, creation_from_memory_copies_or_lends);
    tcase_add_test(creation, lent_memory_is_released_once_with_the_last_tensor_on_it);
    tcase_add_test(creation, impossible_tensors_are_refused);
    tcase_add_test(creation, empty_tensors_are_legal);
    TCase *elements = add_case(suite, "elements");
    tcase_add_test(elements, strides_tell_the_memory_order);
    tcase_add_test(elements, views_share_storage);
    tcase_add_test(elements, a_view_keeps_its_storage_alive);
    tcase_add_test(elements, elements_can_be_read_one_by_one);
    tcase_add_test(elements, pointers_are_given_only_to_contiguous_memory_of_that_type);
    tcase_add_test(elements, copies_convert_and_follow_strides);
    tcase_add_test(elements, types_have_names_sizes_and_an_order);
    tcase_add_test(elements, shapes_broadcast_as_in_pytorch);
    tcase_add_test(elements, numbers_by_dimension_pack_and_unpack);
    TCase *ownership = add_case(suite, "ownership");
    tcase_add_test(ownership, scopes_release_however_they_are_left);
    tcase_add_test(ownership, scopes_can_be_opened_and_closed_by_hand);
    tcase_add_test(ownership, a_retained_tensor_outlives_its_scope);
    tcase_add_test(ownership, statistics_count_bytes_and_the_cache_reuses_them);
    tcase_add_test(ownership, the_library_can_be_used_again_after_shutdown);
    return suite;
}
