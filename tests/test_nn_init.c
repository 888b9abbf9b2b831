/* Initialisation: moments of what initialisers and layers draw, and that it counts as a change. */
#include <math.h>
#include <stdlib.h>

#include "support.h"

static void moments(fv_tensor *t, double *mean, double *deviation, double *largest)
{
    double *x = malloc((size_t)fv_numel(t) * sizeof *x), sum = 0, squares = 0;
    ck_assert_ptr_nonnull(x);
    fv_copy_out(t, FV_FLOAT64, x);
    *largest = 0;
    for (int64_t i = 0; i < fv_numel(t); i++) {
        sum += x[i];
        squares += x[i] * x[i];
        *largest = fmax(*largest, fabs(x[i]));
    }
    *mean = sum / (double)fv_numel(t);
    *deviation = sqrt(squares / (double)fv_numel(t) - *mean * *mean);
    free(x);
}

/* Tolerances are about five standard errors of 20000 numbers. */
static void expect_moments(fv_tensor *t, double mean, double deviation, double bound)
{
    double m, d, largest;
    ck_assert_msg(!fv_failed(t), "%s", fv_error());
    moments(t, &m, &d, &largest);
    ck_assert_double_eq_tol(m, mean, 0.04 * deviation);
    ck_assert_double_eq_tol(d, deviation, 0.03 * deviation);
    ck_assert_double_le(largest, bound);
    if (isfinite(bound)) ck_assert_double_ge(largest, 0.99 * bound);
}

START_TEST(initialisers_have_the_right_moments)
{
    FV_SCOPE;
    fv_manual_seed(7);
    const double any = HUGE_VAL;
    fv_tensor *t = fv_empty(40, 50, 2, 5, .channels_last = true);
    double fan_in = 500, fan_out = 400, gain = sqrt(2.0);
    ck_assert_int_eq(fv_init_calculate_fan_in(t), 500);
    ck_assert_int_eq(fv_init_calculate_fan_out(t), 400);
    expect_moments(fv_init_uniform_(t, -2, 2), 0, 4 / sqrt(12.0), 2);
    expect_moments(fv_init_normal_(t, 3, .std = 0.5), 3, 0.5, any);
    double deviation = gain / sqrt(fan_in);
    expect_moments(fv_init_kaiming_uniform_(t), 0, deviation, sqrt(3.0) * deviation);
    deviation = sqrt(2.0 / 6.0) / sqrt(fan_in);
    expect_moments(fv_init_kaiming_uniform_(t, sqrt(5.0)), 0, deviation, 1 / sqrt(fan_in));
    deviation = gain / sqrt(fan_out);
    expect_moments(
        fv_init_kaiming_normal_(t, .mode = FV_FAN_OUT, .nonlinearity = FV_NONLINEARITY_RELU), 0,
        deviation, any);
    deviation = 2.0 * sqrt(2.0 / (fan_in + fan_out));
    expect_moments(fv_init_xavier_uniform_(t, 2), 0, deviation, sqrt(3.0) * deviation);
    expect_moments(fv_init_xavier_normal_(t, .gain = 2), 0, deviation, any);
    ck_assert_double_eq(fv_at(fv_init_constant_(t, 2.5), (const int64_t[]){39, 1, 1, 4}), 2.5);
    ck_assert_double_eq(fv_init_calculate_gain(FV_NONLINEARITY_TANH, 0), 5.0 / 3.0);
    fv_tensor *count = fv_init_ones_(fv_zeros(2, .dtype = FV_INT64));
    ASSERT_VALUES(count, 0, 1, 1);
    ASSERT_VALUES(fv_init_zeros_(count), 0, 0, 0);
    ck_assert(fv_failed(fv_init_uniform_(count)));
    expect_error(FV_ERR_DTYPE, "int64");
    ck_assert(fv_failed(fv_init_xavier_normal_(fv_zeros(3))));
    expect_error(FV_ERR_SHAPE, "[3]");
    ck_assert(
        fv_failed(fv_init_kaiming_normal_(fv_zeros(3, 3), .nonlinearity = (fv_nonlinearity)99)));
    expect_error(FV_ERR_OPTION, "99");
}
END_TEST

/* Each initialiser writes to the tensor's memory, whatever its order, and counts as a new version.
 */
START_TEST(initialising_is_a_new_version)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *w = fv_ones(3, 3, .requires_grad = true), *x = fv_ones(3, 3);
    uint32_t version = fv_version(w);
    ck_assert_ptr_eq(fv_init_normal_(w), w);
    ck_assert_uint_ne(fv_version(w), version);
    version = fv_version(w);
    ck_assert_ptr_eq(fv_init_zeros_(w), w);
    ck_assert_uint_ne(fv_version(w), version);
    fv_requires_grad(x, true);
    fv_tensor *loss = fv_sum(fv_mul(w, x));
    fv_init_ones_(w);
    ck_assert_int_eq(fv_backward(loss), FV_ERR_AUTOGRAD);
    expect_error(FV_ERR_AUTOGRAD, "mul");
    ck_assert(w->requires_grad && fv_is_leaf(w));
}
END_TEST

START_TEST(layers_start_from_pytorchs_distribution)
{
    fv_manual_seed(3);
    fv_module *conv = fv_nn_conv2d(60, 40, 3, .groups = 2);
    double bound = 1 / sqrt(30 * 9.0);
    expect_moments(fv_module_tensor(conv, "weight"), 0, bound / sqrt(3.0), bound);
    fv_free(conv);
    fv_module *transposed = fv_nn_conv_transpose2d(60, 40, 3, .groups = 2);
    bound = 1 / sqrt(20 * 9.0);
    expect_moments(fv_module_tensor(transposed, "weight"), 0, bound / sqrt(3.0), bound);
    fv_free(transposed);
    fv_module *linear = fv_nn_linear(100, 20000);
    expect_moments(fv_module_tensor(linear, "bias"), 0, 0.1 / sqrt(3.0), 0.1);
    fv_free(linear);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("initialisation");
    TCase *init = add_case(suite, "init");
    tcase_add_test(init, initialisers_have_the_right_moments);
    tcase_add_test(init, initialising_is_a_new_version);
    tcase_add_test(init, layers_start_from_pytorchs_distribution);
    return suite;
}
