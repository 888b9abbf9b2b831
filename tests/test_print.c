/* Printing: the strings are those of PyTorch 1.13's repr. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

static void assert_prints(const fv_tensor *t, const char *wanted)
{
    char *text = fv_to_string(t);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(floats_are_printed_as_by_pytorch)
{
    FV_SCOPE;
    const fv_dtype f = FV_FLOAT32;
    assert_prints(TENSOR(f, FV_SHAPE(2, 2), 1, 2, 3, 4), "tensor([[1., 2.],\n        [3., 4.]])");
    assert_prints(TENSOR(f, FV_SHAPE(3), 1.5, -2.25, 1000),
                  "tensor([   1.5000,   -2.2500, 1000.0000])");
    assert_prints(TENSOR(f, FV_SHAPE(2), 1e-5, 1), "tensor([1.0000e-05, 1.0000e+00])");
    assert_prints(TENSOR(f, FV_SHAPE(2), 1e9, 1), "tensor([1.0000e+09, 1.0000e+00])");
    assert_prints(TENSOR(f, FV_SHAPE(1), 123456.7), "tensor([123456.7031])");
    assert_prints(TENSOR(f, FV_SHAPE(2), 0.1, 0.25), "tensor([0.1000, 0.2500])");
    assert_prints(fv_scalar(3.5, f), "tensor(3.5000)");
    assert_prints(fv_scalar(3, f), "tensor(3.)");
    assert_prints(fv_scalar(1e-7, f), "tensor(1.0000e-07)");
    assert_prints(TENSOR(f, FV_SHAPE(4), (double)NAN, (double)INFINITY, -(double)INFINITY, 1),
                  "tensor([nan, inf, -inf, 1.])");
    assert_prints(TENSOR(f, FV_SHAPE(1), (double)NAN), "tensor([nan])");
}
END_TEST

START_TEST(types_and_grad_are_named_where_pytorch_names_them)
{
    FV_SCOPE;
    assert_prints(TENSOR(FV_FLOAT64, FV_SHAPE(2), 1, 2), "tensor([1., 2.], dtype=torch.float64)");
    assert_prints(TENSOR(FV_INT64, FV_SHAPE(3), 1, 2, 3), "tensor([1, 2, 3])");
    assert_prints(TENSOR(FV_INT32, FV_SHAPE(3), 1, -20, 3),
                  "tensor([  1, -20,   3], dtype=torch.int32)");
    assert_prints(TENSOR(FV_UINT8, FV_SHAPE(2), 1, 2), "tensor([1, 2], dtype=torch.uint8)");
    assert_prints(TENSOR(FV_BOOL, FV_SHAPE(2), 1, 0), "tensor([ True, False])");
    assert_prints(fv_scalar(7, FV_INT64), "tensor(7)");
    assert_prints(fv_scalar(0, FV_BOOL), "tensor(False)");
    fv_tensor *leaf = TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, 2);
    assert_prints(fv_requires_grad(leaf, true), "tensor([1., 2.], requires_grad=True)");
    assert_prints(fv_full(.value = 2, .requires_grad = true), "tensor(2., requires_grad=True)");
}
END_TEST

START_TEST(stored_types_are_printed_as_by_pytorch)
{
    FV_SCOPE;
    static const double numbers[] = {65519, 65520, 1e-8, 6e-8, (double)NAN, -(double)INFINITY, 0.1};
    assert_prints(tensor_of(FV_FLOAT16, FV_SHAPE(7), numbers),
                  "tensor([6.5504e+04,        inf, 0.0000e+00, 5.9605e-08,        nan,       "
                  "-inf,\n        9.9976e-02], dtype=torch.float16)");
    assert_prints(tensor_of(FV_BFLOAT16, FV_SHAPE(7), numbers),
                  "tensor([6.5536e+04, 6.5536e+04, 1.0012e-08, 6.0070e-08,        nan,       "
                  "-inf,\n        1.0010e-01], dtype=torch.bfloat16)");
    for (int k = 0; k < 2; k++) {
        static const char *const wanted[] = {
            "tensor([ 1.0000,  2.5000, -3.0000], dtype=torch.float16)",
            "tensor([ 1.0000,  2.5000, -3.0000], dtype=torch.bfloat16)"};
        assert_prints(TENSOR(k ? FV_BFLOAT16 : FV_FLOAT16, FV_SHAPE(3), 1, 2.5, -3), wanted[k]);
    }
    assert_prints(fv_scalar(7, FV_FLOAT16), "tensor(7., dtype=torch.float16)");
    assert_prints(TENSOR(FV_FLOAT16, FV_SHAPE(2), 1e-5, 1),
                  "tensor([1.0014e-05, 1.0000e+00], dtype=torch.float16)");
    assert_prints(TENSOR(FV_BFLOAT16, FV_SHAPE(2), 1e9, 1),
                  "tensor([9.9824e+08, 1.0000e+00], dtype=torch.bfloat16)");
    assert_prints(TENSOR(FV_INT8, FV_SHAPE(3), 1, 2, -3), "tensor([ 1,  2, -3], dtype=torch.int8)");
    assert_prints(fv_scalar(-7, FV_INT16), "tensor(-7, dtype=torch.int16)");
    assert_prints(fv_zeros(0, .dtype = FV_BFLOAT16), "tensor([], dtype=torch.bfloat16)");
    assert_prints(fv_zeros(2, 0, .dtype = FV_FLOAT16),
                  "tensor([], size=(2, 0), dtype=torch.float16)");
    fv_tensor *sevenths = fv_to(fv_mul(fv_arange(0, 12, .dtype = FV_FLOAT64), 1.0 / 7), FV_FLOAT16);
    assert_prints(fv_transpose(fv_reshape(sevenths, 4, 3), 0, 1),
                  "tensor([[0.0000, 0.4285, 0.8569, 1.2861],\n"
                  "        [0.1428, 0.5713, 1.0000, 1.4287],\n"
                  "        [0.2856, 0.7144, 1.1426, 1.5713]], dtype=torch.float16)");
    assert_prints(fv_to(fv_mul(fv_arange(0, 30, .dtype = FV_FLOAT32), 1.0 / 3), FV_BFLOAT16),
                  "tensor([0.0000, 0.3340, 0.6680, 1.0000, 1.3359, 1.6641, 2.0000, 2.3281, "
                  "2.6719,\n        3.0000, 3.3281, 3.6719, 4.0000, 4.3438, 4.6562, 5.0000, "
                  "5.3438, 5.6562,\n        6.0000, 6.3438, 6.6562, 7.0000, 7.3438, 7.6562, "
                  "8.0000, 8.3125, 8.6875,\n        9.0000, 9.3125, 9.6875], "
                  "dtype=torch.bfloat16)");
    assert_prints(fv_to(fv_arange(0, 1001, .dtype = FV_INT64), FV_INT8),
                  "tensor([  0,   1,   2,  ..., -26, -25, -24], dtype=torch.int8)");
    int64_t odd[] = {((int64_t)1 << 53) + 1, INT64_MIN};
    assert_prints(fv_tensor_from(odd, 2, .dtype = FV_INT64),
                  "tensor([    9007199254740993, -9223372036854775808])");
}
END_TEST

START_TEST(empty_and_large_tensors_are_printed_as_by_pytorch)
{
    FV_SCOPE;
    assert_prints(fv_zeros(0), "tensor([])");
    assert_prints(fv_zeros(2, 0), "tensor([], size=(2, 0))");
    assert_prints(fv_zeros(0, .dtype = FV_INT64), "tensor([], dtype=torch.int64)");
    assert_prints(fv_arange(0, 1001, .dtype = FV_INT64),
                  "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
    assert_prints(fv_arange(0, 2000, .dtype = FV_FLOAT32),
                  "tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, "
                  "1.9980e+03,\n        1.9990e+03])");
    assert_prints(fv_zeros(40, 40), "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
                                    "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
                                    "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
                                    "        ...,\n"
                                    "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
                                    "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
                                    "        [0., 0., 0.,  ..., 0., 0., 0.]])");
    assert_prints(fv_zeros(2, 2, 2), "tensor([[[0., 0.],\n"
                                     "         [0., 0.]],\n\n"
                                     "        [[0., 0.],\n"
                                     "         [0., 0.]]])");
}
END_TEST

START_TEST(lines_are_broken_and_views_printed_in_logical_order)
{
    FV_SCOPE;
    assert_prints(
        fv_mul(fv_arange(0, 30, .dtype = FV_FLOAT32), 0.5),
        "tensor([ 0.0000,  0.5000,  1.0000,  1.5000,  2.0000,  2.5000,  3.0000,  3.5000,\n"
        "         4.0000,  4.5000,  5.0000,  5.5000,  6.0000,  6.5000,  7.0000,  7.5000,\n"
        "         8.0000,  8.5000,  9.0000,  9.5000, 10.0000, 10.5000, 11.0000, 11.5000,\n"
        "        12.0000, 12.5000, 13.0000, 13.5000, 14.0000, 14.5000])");
    assert_prints(fv_transpose(fv_reshape(fv_arange(0, 8, .dtype = FV_FLOAT32), 2, 2, 2), 0, 2),
                  "tensor([[[0., 4.],\n         [2., 6.]],\n\n"
                  "        [[1., 5.],\n         [3., 7.]]])");
}
END_TEST

START_TEST(a_tensor_without_elements_shows_its_shape)
{
    FV_SCOPE;
    bool mode = fv_set_shapes_only(true);
    fv_tensor *t = fv_zeros(2, 3), *row = fv_zeros(4, .dtype = FV_INT8);
    fv_tensor *number = fv_scalar(1, FV_INT64);
    fv_set_shapes_only(mode);
    assert_prints(t, "tensor(..., size=(2, 3))");
    assert_prints(row, "tensor(..., size=(4,), dtype=torch.int8)");
    assert_prints(number, "tensor(..., size=(), dtype=torch.int64)");
}
END_TEST

START_TEST(printing_goes_to_a_stream_and_survives_a_failed_tensor)
{
    char text[64] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    {
        FV_SCOPE;
        fv_print_to(stream, fv_zeros(2));
    }
    fclose(stream);
    ck_assert_str_eq(text, "tensor([0., 0.])\n");
    char *failed = fv_to_string(fv_failed_tensor());
    ck_assert_ptr_nonnull(failed);
    free(failed);
    fv_clear_error();
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("print");
    TCase *print = add_case(suite, "print");
    tcase_add_test(print, floats_are_printed_as_by_pytorch);
    tcase_add_test(print, types_and_grad_are_named_where_pytorch_names_them);
    tcase_add_test(print, stored_types_are_printed_as_by_pytorch);
    tcase_add_test(print, empty_and_large_tensors_are_printed_as_by_pytorch);
    tcase_add_test(print, lines_are_broken_and_views_printed_in_logical_order);
    tcase_add_test(print, a_tensor_without_elements_shows_its_shape);
    tcase_add_test(print, printing_goes_to_a_stream_and_survives_a_failed_tensor);
    return suite;
}
