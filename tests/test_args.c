/* The calling convention at run time: what must be told is told, defaults are data, positions and
 * numbers mean what PyTorch's do. What must not compile is in test_calls.sh. */
#include <math.h>
#include <string.h>

#include "fovea.h"
#include "support.h"

/* --- arguments -------------------------------------------------------------------------------- */

START_TEST(a_struct_that_did_not_start_from_its_defaults_is_refused)
{
    fv_set_log(NULL, NULL);
    fv_conv_args a = {.input = fv_ones(1, 1, 3, 3), .weight = fv_ones(1, 1, 3, 3)};
    ck_assert(fv_failed(fv_conv2d_ex(&a)));
    expect_error(FV_ERR_OPTION, "conv2d: the arguments have size 0");
    ck_assert(fv_failed(fv_conv2d_ex(NULL)));
    expect_error(FV_ERR_OPTION, "conv2d: the arguments are NULL");
    fv_conv_args b = fv_conv_defaults;
    b.input = a.input;
    b.weight = a.weight;
    ASSERT_VALUES(fv_conv2d_ex(&b), 0, 9);
    ck_assert_ptr_null(fv_sgd_ex(&(const fv_sgd_args){.lr = 0.1}));
    expect_error(FV_ERR_OPTION, "sgd: the arguments have size 0");
    ck_assert_int_eq(fv_args_refuse("f", &b, sizeof b), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "start from the defaults");
}
END_TEST

START_TEST(an_option_that_is_given_is_honoured_the_last_one_of_two)
{
    fv_tensor *x = fv_ones(1, 1, 4, 4), *w = fv_ones(1, 1, 2, 2);
    ck_assert_int_eq(fv_size(fv_conv2d(x, w, .stride = 1, .stride = 2), -1), 2);
    fv_tensor *y = fv_sum(x, .dim = 0, .keepdim = false);
    ck_assert_int_eq(fv_ndim(y), 3);
    ck_assert(fv_is_unset(FV_UNSET_NUMBER) && !fv_is_unset((double)NAN) && !fv_is_unset(0));
    static const fv_dims constants[] = {FV_DIMS(2, 1), FV_DIMS(1, 2, 3), FV_DIMS(7)};
    int64_t out[FV_MAX_DIMS];
    ck_assert(fv_dims_unpack(constants[0], out) == 2 && out[0] == 2 && out[1] == 1);
    ck_assert(fv_dims_unpack(constants[1], out) == 3 && out[0] == 1 && out[2] == 3);
    ck_assert(constants[2] == 7 && FV_DIMS(2, 1) == fv_dims_pack(FV_SHAPE(2, 1)));
    ck_assert(FV_DIMS(-2, 1, 9) == fv_dims_pack(FV_SHAPE(-2, 1, 9)));
    int64_t n = 3;
    ck_assert(FV_DIMS(n++, 1) == fv_dims_pack(FV_SHAPE(3, 1)) && n == 4);
    ck_assert_int_eq(fv_dims_unpack(FV_DIMS(1LL << 40, 1), out), 0);
}
END_TEST

/* --- sizes ------------------------------------------------------------------------------------ */

START_TEST(positional_numbers_of_a_creator_are_sizes)
{
    fv_shape s = FV_SHAPE(2, 3);
    ck_assert(fv_ndim(fv_zeros()) == 0 && fv_numel(fv_zeros()) == 1);
    ck_assert(fv_size(fv_zeros(2, 3), 1) == 3 && fv_ndim(fv_zeros(2, 3)) == 2);
    ck_assert(fv_ndim(fv_randn(1, 1, 1, 1, 1, 1, 1, 1)) == 8);
    ck_assert(fv_size(fv_ones(.shape = s), 0) == 2);
    ck_assert(fv_zeros(2, .requires_grad = true)->requires_grad);
    ASSERT_VALUES(fv_full(2, .value = 7), 0, 7, 7);
    ck_assert_int_eq(fv_numel(fv_randint(5, 2, .high = 3)), 10);
    const double numbers[] = {1, 2, 3, 4};
    fv_tensor *t = fv_tensor_from(numbers, 2, 2);
    ck_assert_int_eq(fv_dtype_of(t), FV_FLOAT64);
    ASSERT_VALUES(t, 0, 1, 2, 3, 4);
    ASSERT_VALUES(fv_tensor_from(((int32_t[]){4, 5}), 2), 0, 4, 5);
    ASSERT_VALUES(fv_tensor_from(numbers, .shape = FV_SHAPE(4)), 0, 1, 2, 3, 4);
    ASSERT_VALUES(fv_view(t, 4), 0, 1, 2, 3, 4);
    ASSERT_VALUES(fv_reshape(t, .shape = FV_SHAPE(1, 4)), 0, 1, 2, 3, 4);
    ck_assert_int_eq(fv_ndim(fv_view(fv_ones(1))), 0);
    ASSERT_VALUES(fv_permute_to(fv_expand_to(fv_arange(2), FV_SHAPE(2, 2)), FV_SHAPE(1, 0)), 0, 0,
                  0, 1, 1);
    fv_full_args a = fv_full_defaults;
    a.n0 = 5;
    ck_assert_int_eq(fv_sizes_settle("f", FV_SIZES_OF(&a), &s), FV_OK);
    ck_assert(s.ndim == 1 && s.dim[0] == 5);
}
END_TEST

START_TEST(what_is_no_size_is_told)
{
    fv_set_log(NULL, NULL);
    ck_assert(fv_failed(fv_zeros(2, 3, FV_INT64)));
    expect_error(FV_ERR_SHAPE, "zeros: int64 stands where a size goes (as number 3)");
    ck_assert(fv_failed(fv_zeros(2, .shape = FV_SHAPE(2))));
    expect_error(FV_ERR_SHAPE, "zeros: both numbers and .shape");
    ck_assert(fv_failed(fv_ones(FV_SAME)));
    expect_error(FV_ERR_SHAPE, "an option's constant");
    ck_assert(fv_failed(fv_ones(FV_DIMS(2, 1))));
    expect_error(FV_ERR_SHAPE, "FV_DIMS");
    ck_assert(fv_failed(fv_ones(FV_UNSET, 2)));
    expect_error(FV_ERR_SHAPE, "number 1");
    ck_assert(fv_failed(fv_zeros(1, 1, 1, 1, 1, 1, 1, 1, 0)));
    expect_error(FV_ERR_SHAPE, "up to 8");
    ck_assert(fv_failed(fv_zeros(2, -3)));
    expect_error(FV_ERR_SHAPE, "[2,-3]");
    ck_assert(fv_failed(fv_full(2, 3)));
    expect_error(FV_ERR_OPTION, "full: no .value");
    ck_assert(fv_failed(fv_randint(2, 3)));
    expect_error(FV_ERR_OPTION, "randint: no .high");
    ck_assert(fv_failed(fv_arange()));
    expect_error(FV_ERR_OPTION, "arange: no end");
    const void *bytes = "abcd";
    ck_assert(fv_failed(fv_tensor_from(bytes, 4)));
    expect_error(FV_ERR_DTYPE, "give .dtype");
    ck_assert(fv_failed(fv_tensor_from((float *)NULL, 4)));
    expect_error(FV_ERR_OPTION, "data is NULL");
    ck_assert(fv_failed(fv_reshape(fv_ones(4), 2, FV_FLOAT32)));
    expect_error(FV_ERR_SHAPE, "float32 stands");
    ck_assert(fv_failed(fv_pad(fv_ones(4), 1, 1, .shape = FV_SHAPE(1, 1))));
    expect_error(FV_ERR_SHAPE, "pad: both");
}
END_TEST

START_TEST(ranges_are_pytorch_s)
{
    ASSERT_VALUES(fv_arange(3), 0, 0, 1, 2);
    ck_assert_int_eq(fv_dtype_of(fv_arange(3)), FV_INT64);
    ASSERT_VALUES(fv_arange(2, 5), 0, 2, 3, 4);
    ASSERT_VALUES(fv_arange(5, 0, -2), 0, 5, 3, 1);
    ck_assert_int_eq(fv_dtype_of(fv_arange(0, 1, .25)), FV_FLOAT32);
    ASSERT_VALUES(fv_arange(0, 1, .25), 0, 0, 0.25, 0.5, 0.75);
    ck_assert_int_eq(fv_numel(fv_arange(0)), 0);
    ck_assert_int_eq(fv_numel(fv_arange(5, 5)), 0);
    const int64_t far = (1LL << 53) + 1;
    fv_tensor *t = fv_arange(far, far + 3);
    for (int64_t i = 0; i < 3; i++) ck_assert_int_eq(fv_data_int64(t)[i], far + i);
    t = fv_arange(INT64_MAX - 2, INT64_MAX);
    ck_assert_int_eq(fv_numel(t), 2);
    ck_assert_int_eq(fv_data_int64(t)[1], INT64_MAX - 1);
    fv_set_log(NULL, NULL);
    ck_assert(fv_failed(fv_arange(0, -1, 2)));
    expect_error(FV_ERR_OPTION, "leads from start to end");
    ck_assert(fv_failed(fv_arange(0, 1, 0)));
    expect_error(FV_ERR_OPTION, "leads from start to end");
    ck_assert(fv_failed(fv_arange(0, (double)INFINITY)));
    expect_error(FV_ERR_OPTION, "leads from start to end");
}
END_TEST

/* --- numbers where tensors go ----------------------------------------------------------------- */

START_TEST(a_number_may_stand_in_a_tensor_s_place)
{
    fv_tensor *i = fv_arange(1, 4), *x = fv_tensor_from(((float[]){1, 2, 3}), 3);
    ASSERT_VALUES(fv_add(x, 1), 0, 2, 3, 4);
    ASSERT_VALUES(fv_sub(x, 0.5), 0, 0.5, 1.5, 2.5);
    ASSERT_VALUES(fv_div(i, 2), 0, 0.5, 1, 1.5);
    ASSERT_VALUES(fv_maximum(x, 2), 0, 2, 2, 3);
    ASSERT_VALUES(fv_minimum(i, 2), 0, 1, 2, 2);
    ASSERT_VALUES(fv_maximum(i, 1.5), 0, 1.5, 2, 3);
    ASSERT_VALUES(fv_minimum(x, 1.5f), 0, 1, 1.5, 1.5);
    ASSERT_VALUES(fv_pow(2, x), 1e-6, 2, 4, 8);
    ASSERT_VALUES(fv_pow(2, i), 0, 2, 4, 8);
    ASSERT_VALUES(fv_pow(x, 2), 0, 1, 4, 9);
    ASSERT_VALUES(fv_gt(x, 1), 0, 0, 1, 1);
    ASSERT_VALUES(fv_lt(i, 2), 0, 1, 0, 0);
    ASSERT_VALUES(fv_le(i, 2), 0, 1, 1, 0);
    ASSERT_VALUES(fv_ge(i, 2), 0, 0, 1, 1);
    ASSERT_VALUES(fv_ne(i, 2), 0, 1, 0, 1);
    ASSERT_VALUES(fv_eq(i, (char)2), 0, 0, 1, 0);
    ASSERT_VALUES(fv_mul_(fv_clone(x), true), 0, 1, 2, 3);
    ASSERT_VALUES(fv_sub_(fv_clone(i), 1), 0, 0, 1, 2);
    ASSERT_VALUES(fv_div_(fv_clone(x), 2), 0, 0.5, 1, 1.5);
    ASSERT_VALUES(fv_pow_(fv_clone(x), 2), 0, 1, 4, 9);
    ASSERT_VALUES(fv_maximum_(fv_clone(x), 2), 0, 2, 2, 3);
    ASSERT_VALUES(fv_maximum_(fv_clone(x), 2.5), 0, 2.5, 2.5, 3);
    ASSERT_VALUES(fv_minimum_(fv_clone(x), 2), 0, 1, 2, 2);
    ASSERT_VALUES(fv_minimum_(fv_clone(x), 1.5), 0, 1, 1.5, 1.5);
    fv_tensor *(*function)(fv_tensor *, fv_tensor *) = fv_add;
    ASSERT_VALUES(function(x, x), 0, 2, 4, 6);
}
END_TEST

START_TEST(numbers_promote_by_their_kind)
{
    fv_tensor *i = fv_arange(1, 3), *b = fv_eq(i, 1), *h = fv_to(i, FV_INT32);
    ck_assert_int_eq(fv_dtype_of(fv_mul(i, 2)), FV_INT64);
    ck_assert_int_eq(fv_dtype_of(fv_mul(i, 2.0)), FV_FLOAT32);
    ck_assert_int_eq(fv_dtype_of(fv_add(b, 1)), FV_INT64);
    ck_assert_int_eq(fv_dtype_of(fv_add(h, 1LL)), FV_INT32);
    ck_assert_int_eq(fv_dtype_of(fv_pow(2.0, i)), FV_FLOAT32);
    ck_assert_int_eq(fv_dtype_of(fv_pow(2, h)), FV_INT32);
    ck_assert_int_eq(fv_dtype_of(fv_add(fv_ones(1, .dtype = FV_FLOAT64), 0.1f)), FV_FLOAT64);
}
END_TEST

START_TEST(int64_is_exact_with_numbers_of_any_size)
{
    const int64_t far = (1LL << 53) + 1;
    fv_tensor *one = fv_ones(2, .dtype = FV_INT64);
    ck_assert_int_eq(fv_data_int64(fv_add(one, far))[1], far + 1);
    ck_assert_int_eq(fv_data_int64(fv_sub(one, far))[1], 1 - far);
    ck_assert_int_eq(fv_data_int64(fv_mul(one, far))[1], far);
    ck_assert_int_eq(fv_data_int64(fv_mul(one, INT64_MAX))[0], INT64_MAX);
    ck_assert_int_eq(fv_data_int64(fv_fill_(fv_clone(one), far))[0], far);
    ck_assert_int_eq(fv_data_int64(fv_fill_int64(one, -far))[0], -far);
    ck_assert_int_eq(fv_data_int64(fv_maximum(one, far))[0], far);
    fv_tensor *t = fv_scalar(far, FV_INT64);
    ck_assert_int_eq(fv_item_int64(t), far);
    ck_assert_int_eq(fv_item_int64(fv_scalar(7, FV_UINT8)), 7);
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fv_item_int64(fv_scalar(7, FV_FLOAT32)), 0);
    expect_error(FV_ERR_DTYPE, "take fv_item");
    ck_assert_int_eq(fv_item_int64(one), 0);
    expect_error(FV_ERR_SHAPE, "[2]");
    ck_assert_int_eq(fv_item_int64(NULL), 0);
    expect_error(FV_ERR_OPTION, "NULL");
    ASSERT_VALUES(fv_eq(t, far), 0, 1);
    ASSERT_VALUES(fv_eq(t, far - 1), 0, 0);
    ASSERT_VALUES(fv_gt(t, far - 1), 0, 1);
    ASSERT_VALUES(fv_lt(t, far), 0, 0);
    ASSERT_VALUES(fv_ge(t, far + 1), 0, 0);
    ASSERT_VALUES(fv_le(t, far - 1), 0, 0);
    ASSERT_VALUES(fv_ne(t, far), 0, 0);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("args");
    TCase *arguments = add_case(suite, "arguments");
    tcase_add_test(arguments, a_struct_that_did_not_start_from_its_defaults_is_refused);
    tcase_add_test(arguments, an_option_that_is_given_is_honoured_the_last_one_of_two);
    TCase *sizes = add_case(suite, "sizes");
    tcase_add_test(sizes, positional_numbers_of_a_creator_are_sizes);
    tcase_add_test(sizes, what_is_no_size_is_told);
    tcase_add_test(sizes, ranges_are_pytorch_s);
    TCase *numbers = add_case(suite, "numbers");
    tcase_add_test(numbers, a_number_may_stand_in_a_tensor_s_place);
    tcase_add_test(numbers, numbers_promote_by_their_kind);
    tcase_add_test(numbers, int64_is_exact_with_numbers_of_any_size);
    return suite;
}
