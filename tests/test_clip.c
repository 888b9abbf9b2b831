/* Gradient clipping: PyTorch's factor, gradients that are not finite, memory that others hold. */
#include <math.h>

#include "support.h"

START_TEST(clipping_by_norm_scales_all_gradients_together)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(1, .requires_grad = true);
    fv_tensor *b = fv_ones(2, .requires_grad = true);
    fv_tensor *none = fv_ones(2, .requires_grad = true);
    fv_tensor_list all = FV_TENSORS(a, b, none);
    ck_assert_double_eq(fv_clip_grad_norm_(all, 1.0), 0.0);
    fv_set_grad(a, fv_full(1, .value = 3.0));
    fv_set_grad(b, TENSOR(FV_FLOAT32, FV_SHAPE(2), -4, 0));
    ck_assert_double_eq_tol(fv_clip_grad_norm_(all, 10.0), 5.0, 1e-12);
    ASSERT_VALUES(fv_grad_of(b), 0, -4, 0);
    ck_assert_double_eq_tol(fv_clip_grad_norm_(all, 1.0), 5.0, 1e-12);
    ASSERT_VALUES(fv_grad_of(a), 1e-6, 0.6);
    ASSERT_VALUES(fv_grad_of(b), 1e-6, -0.8, 0);
    ck_assert_double_eq_tol(fv_clip_grad_norm_(all, 10.0, .norm_type = 1), 1.4, 1e-6);
    ck_assert_double_eq_tol(fv_clip_grad_norm_(all, 10.0, .norm_type = (double)INFINITY), 0.8,
                            1e-6);
    ck_assert_double_eq_tol(fv_clip_grad_norm_(all, 10.0, .norm_type = 3), cbrt(0.728), 1e-6);
    ck_assert_ptr_null(fv_grad_of(none));
}
END_TEST

START_TEST(clipping_meets_gradients_that_are_not_finite)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, .requires_grad = true);
    fv_set_grad(a, TENSOR(FV_FLOAT64, FV_SHAPE(2), (double)INFINITY, 1));
    fv_clear_error(); /* another dtype: refused */
    fv_set_grad(a, TENSOR(FV_FLOAT32, FV_SHAPE(2), (double)INFINITY, 1));
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a), 1.0, .error_if_nonfinite = true)));
    expect_error(FV_ERR_OPTION, "inf");
    ASSERT_VALUES(fv_grad_of(a), 0, (double)INFINITY, 1);
    ck_assert(isinf(fv_clip_grad_norm_(FV_TENSORS(a), 1.0)));
    ASSERT_VALUES(fv_grad_of(a), 0, (double)NAN, 0);
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a), 1.0, .norm_type = (double)INFINITY)));
    ASSERT_VALUES(fv_grad_of(a), 0, (double)NAN, (double)NAN);
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a), -1.0)));
    expect_error(FV_ERR_OPTION, "max_norm");
}
END_TEST

START_TEST(clipping_by_value_bounds_each_element)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, 2, .requires_grad = true);
    fv_tensor *grad = TENSOR(FV_FLOAT32, FV_SHAPE(2, 2), -3, (double)NAN, 0.5, (double)INFINITY);
    fv_set_grad(a, fv_transpose(grad, 0, 1));
    ck_assert_int_eq(fv_clip_grad_value_(FV_TENSORS(a), 1.0), FV_OK);
    ASSERT_VALUES(fv_grad_of(a), 0, -1, 0.5, (double)NAN, 1);
    ck_assert_double_eq(fv_at(grad, (const int64_t[]){0, 0}), -3.0); /* the base is whole */
    ck_assert_int_eq(fv_clip_grad_value_(FV_TENSORS(a), -1.0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "clip_value");
}
END_TEST

/* PyTorch's factor is max_norm / (norm + 1e-6): here exactly a half. */
START_TEST(the_factor_has_a_millionth_in_its_divisor)
{
    FV_SCOPE;
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        fv_tensor *a = fv_ones(1, .dtype = d, .requires_grad = true);
        fv_set_grad(a, fv_full(1, .value = 1e-6, .dtype = d));
        ck_assert_double_eq_tol(fv_clip_grad_norm_(FV_TENSORS(a), 1e-6), 1e-6, 1e-12);
        ASSERT_VALUES(fv_grad_of(a), 1e-6, 0.5e-6);
    }
}
END_TEST

/* Wherever the one NaN lies, the norm is NaN: in the first, a middle or the last element, in the
 * first or the last gradient, with larger numbers behind it. (Then all gradients are NaN, so that
 * each norm is taken of new ones.) */
enum { COUNT = 3, ELEMENTS = 10000 };

static double norm_with_nan(int which, int place, double kind)
{
    double norm = 0;
    {
        FV_SCOPE;
        fv_tensor *p[COUNT];
        for (int i = 0; i < COUNT; i++) {
            p[i] = fv_zeros(ELEMENTS, .requires_grad = true);
            fv_tensor *grad = fv_arange(0, ELEMENTS, .dtype = FV_FLOAT32);
            if (i == which) fv_data_float32(grad)[place] = NAN;
            fv_set_grad(p[i], grad);
        }
        norm = fv_clip_grad_norm_(((fv_tensor_list){p, COUNT}), 1.0, kind);
    }
    return norm;
}

START_TEST(a_nan_anywhere_makes_the_norm_nan)
{
    static const int places[] = {0, 1, 63, 64, 5000, ELEMENTS - 1};
    static const double kinds[] = {1, 2, 3, (double)INFINITY};
    for (int which = 0; which < COUNT; which++)
        for (int k = 0; k < 6; k++)
            for (int n = 0; n < 4; n++)
                ck_assert_msg(isnan(norm_with_nan(which, places[k], kinds[n])),
                              "norm %g, NaN in element %d of gradient %d", kinds[n], places[k],
                              which);
}
END_TEST

/* The gradient of one parameter may be memory of another tensor: that keeps its elements. */
START_TEST(clipping_writes_to_no_memory_of_others)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, 2, .requires_grad = true);
    fv_tensor *base = TENSOR(FV_FLOAT32, FV_SHAPE(4), 3, 0, 0, 4);
    for (int by_value = 0; by_value < 2; by_value++) {
        {
            FV_SCOPE;
            fv_set_grad(a, fv_reshape(base, 2, 2));
        }
        if (by_value)
            ck_assert_int_eq(fv_clip_grad_value_(FV_TENSORS(a), 1.0), FV_OK);
        else
            fv_clip_grad_norm_(FV_TENSORS(a), 1.0);
        ASSERT_VALUES(base, 0, 3, 0, 0, 4);
        ck_assert_double_le(fv_at(fv_grad_of(a), (const int64_t[]){1, 1}), 1.0);
    }
}
END_TEST

START_TEST(clipping_is_a_new_version_of_the_gradient)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, .requires_grad = true);
    {
        FV_SCOPE;
        fv_set_grad(a, fv_full(2, .value = 3.0));
    }
    uint32_t version = fv_version(fv_grad_of(a));
    fv_clip_grad_norm_(FV_TENSORS(a), 1.0);
    ck_assert_uint_ne(fv_version(fv_grad_of(a)), version);
    version = fv_version(fv_grad_of(a));
    ck_assert_int_eq(fv_clip_grad_value_(FV_TENSORS(a), 0.5), FV_OK);
    ck_assert_uint_ne(fv_version(fv_grad_of(a)), version);
}
END_TEST

START_TEST(lists_and_limits_that_make_no_sense_are_refused)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, .requires_grad = true);
    fv_set_grad(a, fv_ones(2));
    fv_tensor_list missing = {NULL, 1};
    ck_assert(isnan(fv_clip_grad_norm_(missing, 1.0)));
    expect_error(FV_ERR_OPTION, "list of parameters is missing");
    ck_assert_int_eq(fv_clip_grad_value_(missing, 1.0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "list of parameters is missing");
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a, NULL), 1.0)));
    expect_error(FV_ERR_OPTION, "parameter 1");
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a), 1.0, .norm_type = 0)));
    expect_error(FV_ERR_OPTION, "norm_type 0");
    ck_assert(isnan(fv_clip_grad_norm_(FV_TENSORS(a), (double)NAN)));
    expect_error(FV_ERR_OPTION, "max_norm nan");
    ck_assert_int_eq(fv_clip_grad_value_(FV_TENSORS(a), (double)NAN), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "clip_value nan");
    ck_assert_double_eq(fv_clip_grad_norm_(((fv_tensor_list){NULL, 0}), 1.0), 0.0);
    ASSERT_VALUES(fv_grad_of(a), 0, 1, 1);
}
END_TEST

/* Gradients in float64, of other orders of memory, in every kind of norm: against sums by hand. */
START_TEST(norms_of_every_kind_and_order)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(2, 3, .dtype = FV_FLOAT64, .requires_grad = true);
    fv_tensor *grad = TENSOR(FV_FLOAT64, FV_SHAPE(3, 2), 1, -2, 3, -4, 5, -6);
    static const double kinds[] = {1, 2, 3, (double)INFINITY};
    const double norms[] = {21, sqrt(91), cbrt(441), 6};
    for (int n = 0; n < 4; n++) {
        fv_set_grad(a, fv_transpose(grad, 0, 1));
        ck_assert_double_eq_tol(fv_clip_grad_norm_(FV_TENSORS(a), 3.0, kinds[n]), norms[n], 1e-12);
        double f = 3.0 / (norms[n] + 1e-6);
        ASSERT_VALUES(fv_grad_of(a), 1e-12, f, 3 * f, 5 * f, -2 * f, -4 * f, -6 * f);
    }
}
END_TEST

START_TEST(a_failed_copy_leaves_every_gradient_as_it_was)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *a = fv_ones(2, .requires_grad = true);
        fv_tensor *b = fv_ones(1000, .requires_grad = true);
        fv_tensor *ga = fv_full(2, .value = 3.0), *gb = fv_full(1000, .value = 3.0);
        fv_set_grad(a, ga); /* held by this scope as well: each needs a copy */
        fv_set_grad(b, gb);
        int failures = 0;
        for (int by_value = 0; by_value < 2; by_value++)
            for (int64_t n = 0; n < 2; n++) {
                fv_inject_alloc_failure(n);
                bool failed = by_value ? fv_clip_grad_value_(FV_TENSORS(a, b), 1.0) != FV_OK
                                       : isnan(fv_clip_grad_norm_(FV_TENSORS(a, b), 1.0));
                fv_inject_alloc_failure(-1);
                if (!failed) continue;
                expect_error(FV_ERR_MEMORY, "clip_grad");
                failures++;
                ASSERT_VALUES(fv_grad_of(a), 0, 3, 3);
                ck_assert_double_eq(fv_at(fv_grad_of(b), (const int64_t[]){999}), 3.0);
                fv_set_grad(a, ga);
                fv_set_grad(b, gb);
            }
        ck_assert_int_ge(failures, 4);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("clip");
    TCase *norm = add_case(suite, "norm");
    tcase_add_test(norm, clipping_by_norm_scales_all_gradients_together);
    tcase_add_test(norm, the_factor_has_a_millionth_in_its_divisor);
    tcase_add_test(norm, norms_of_every_kind_and_order);
    tcase_add_test(norm, clipping_meets_gradients_that_are_not_finite);
    tcase_add_test(norm, a_nan_anywhere_makes_the_norm_nan);
    TCase *both = add_case(suite, "both");
    tcase_add_test(both, clipping_by_value_bounds_each_element);
    tcase_add_test(both, clipping_writes_to_no_memory_of_others);
    tcase_add_test(both, clipping_is_a_new_version_of_the_gradient);
    tcase_add_test(both, lists_and_limits_that_make_no_sense_are_refused);
    tcase_add_test(both, a_failed_copy_leaves_every_gradient_as_it_was);
    return suite;
}
