/* split, chunk and unbind: one op with any number of outputs and one gradient. */
#include <stdio.h>
#include <time.h>

#include "support.h"

static fv_tensor *numbers(int64_t rows, int64_t cols)
{
    fv_tensor *t = fv_arange(0, (double)(rows * cols), 1, .dtype = FV_FLOAT64);
    return fv_requires_grad(fv_clone(fv_detach(fv_reshape(t, rows, cols))), true);
}

START_TEST(parts_are_those_of_pytorch)
{
    FV_SCOPE;
    fv_tensor *x = numbers(2, 5), *out[8];
    ck_assert_int_eq(fv_split(x, 2, 1, out, 8), 3);
    ASSERT_VALUES(out[0], 0, 0, 1, 5, 6);
    ASSERT_VALUES(out[2], 0, 4, 9);
    ck_assert_int_eq(fv_chunk(x, 4, -1, out, 8), 3); /* as torch.chunk: 2, 2, 1 */
    ck_assert_int_eq(fv_size(out[2], 1), 1);
    ck_assert_int_eq(fv_unbind(x, 0, out, 8), 2);
    ck_assert_int_eq(out[1]->ndim, 1);
    ASSERT_VALUES(out[1], 0, 5, 6, 7, 8, 9);
    ck_assert_ptr_eq(out[1]->storage, x->storage);
    fv_tensor *none = fv_zeros(2, 0);
    ck_assert_int_eq(fv_split(none, 3, 1, out, 8), 1);
    ck_assert_int_eq(fv_split(none, 0, 1, out, 8), 1);
    ck_assert_int_eq(fv_chunk(none, 3, 1, out, 8), 3);
    ck_assert_int_eq(fv_unbind(none, 1, out, 8), 0);
    ck_assert_int_eq(fv_error_status(), FV_OK);
}
END_TEST

/* More outputs than an op with a fixed number may have, some of them without a gradient. */
START_TEST(one_gradient_serves_all_parts)
{
    FV_SCOPE;
    fv_tensor *x = numbers(3, 7), *out[7];
    ck_assert_int_eq(fv_split(x, 1, 1, out, 7), 7);
    fv_tensor *y = fv_add(fv_mul(fv_sum(out[1]), 2), fv_sum(fv_mul(out[6], out[6])));
    ck_assert_int_eq(fv_backward(y), FV_OK);
    ASSERT_VALUES(fv_grad_of(x), 0, 0, 2, 0, 0, 0, 0, 12, 0, 2, 0, 0, 0, 0, 26, 0, 2, 0, 0, 0, 0,
                  40);
    fv_set_grad(x, NULL);
    ck_assert_int_eq(fv_unbind(x, 1, out, 7), 7);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(out[0], out[3]))), FV_OK);
    ASSERT_VALUES(fv_grad_of(x), 0, 3, 0, 0, 0, 0, 0, 0, 10, 0, 0, 7, 0, 0, 0, 17, 0, 0, 14, 0, 0,
                  0);
}
END_TEST

static fv_tensor *products(fv_tensor *const *in, void *context)
{
    fv_tensor *out[5];
    (void)context;
    fv_split(in[0], 2, 1, out, 5);
    return fv_mul(fv_mul(out[0], out[1]), fv_mul(out[0], out[2]));
}

START_TEST(gradients_hold_to_second_order)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(2, 6, .dtype = FV_FLOAT64, .requires_grad = true);
    ck_assert_msg(fv_gradcheck(products, FV_TENSORS(x)), "%s", fv_error());
    ck_assert_msg(fv_gradgradcheck(products, FV_TENSORS(x)), "%s", fv_error());
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = numbers(2, 5), *out[8];
    ck_assert_int_eq(fv_split(x, 2, 1, out, 2), 0);
    expect_error(FV_ERR_OPTION, "split: input [2,5] gives 3 outputs, but room is for 2");
    ck_assert_int_eq(fv_split(x, 2, 1, NULL, 8), 0);
    expect_error(FV_ERR_OPTION, "room is for 0");
    ck_assert_int_eq(fv_split(x, 0, 1, out, 8), 0);
    expect_error(FV_ERR_OPTION, "split_size 0");
    ck_assert_int_eq(fv_split(x, -1, 1, out, 8), 0);
    expect_error(FV_ERR_OPTION, "split_size -1");
    ck_assert_int_eq(fv_chunk(x, 0, 1, out, 8), 0);
    expect_error(FV_ERR_OPTION, "chunks is 0");
    ck_assert_int_eq(fv_unbind(x, 2, out, 8), 0);
    expect_error(FV_ERR_INDEX, "unbind: input [2,5] has no dimension 2");
    ck_assert_int_eq(fv_split(NULL, 2, 1, out, 8), 0);
    expect_error(FV_ERR_OPTION, "NULL");
}
END_TEST

/* --- the price -------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Backward through a split of 4 MiB. */
static double backward_seconds(int64_t parts)
{
    double best = 1e9;
    for (int round = 0; round < 9; round++) {
        {
            FV_SCOPE;
            fv_tensor *x = fv_ones(1024, 1024, .requires_grad = true), *out[128];
            ck_assert_int_eq(fv_split(x, 1024 / parts, 0, out, 128), parts);
            fv_tensor *y = fv_cat((fv_tensor_list){out, parts});
            double start = seconds();
            ck_assert_int_eq(fv_backward(y, fv_ones_like(y)), FV_OK);
            double time = seconds() - start;
            best = time < best ? time : best;
        }
    }
    return best;
}

START_TEST(many_parts_cost_as_few)
{
    double two = backward_seconds(2), many = backward_seconds(128);
    printf("backward of 4 MiB in 2 parts %.2f ms, in 128 parts %.2f ms\n", two * 1e3, many * 1e3);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("split");
    TCase *split = add_case(suite, "split");
    tcase_add_test(split, parts_are_those_of_pytorch);
    tcase_add_test(split, one_gradient_serves_all_parts);
    tcase_add_test(split, gradients_hold_to_second_order);
    tcase_add_test(split, wrong_calls_are_refused);
    tcase_add_test(split, many_parts_cost_as_few);
    return suite;
}
