/* Single values: exact logarithms, large means, bends, what is refused with which words. Special
 * values of every op are compared with PyTorch's in test_ops_variants.c. */
#include <math.h>
#include <stdlib.h>
#include <stdio.h>

#include "support.h"

static void for_each_level(void (*check)(void))
{
    fv_isa before = fv_isa_level();
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        FV_SCOPE;
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        check();
    }
    fv_set_isa(before);
    ck_assert(no_failures());
}

/* --- logarithms ------------------------------------------------------------------------------- */

/* The power as the nearest number that the type has. */
static double power(int base, int k)
{
    char text[16];
    if (base == 2) return ldexp(1, k);
    snprintf(text, sizeof text, "1e%d", k);
    return strtod(text, NULL);
}

/* The logarithm of base^k must be k, for k from first to last. */
static void check_powers(fv_dtype dtype, int base, int first, int last)
{
    int64_t count = last - first + 1, wrong = 0;
    fv_tensor *x = fv_zeros(count, .dtype = FV_FLOAT64);
    for (int64_t i = 0; i < count; i++) fv_data_float64(x)[i] = power(base, first + (int)i);
    x = fv_to(x, dtype);
    fv_tensor *y = fv_to(base == 2 ? fv_log2(x) : fv_log10(x), FV_FLOAT64);
    for (int64_t i = 0; i < count; i++) wrong += fv_data_float64(y)[i] != (double)(first + i);
    set_context("%s, %s", fv_isa_name(fv_isa_level()), fv_dtype_name(dtype));
    if (wrong > 0)
        note_failure("log%d: wrong for %lld of %lld powers", base, (long long)wrong,
                     (long long)count);
}

static void check_logarithms(void)
{
    check_powers(FV_FLOAT32, 2, -149, 127);
    check_powers(FV_FLOAT32, 10, -37, 38);
    check_powers(FV_FLOAT64, 2, -1074, 1023);
    check_powers(FV_FLOAT64, 10, -307, 308);
}

START_TEST(powers_have_exact_logarithms)
{
    for_each_level(check_logarithms);
}
END_TEST

/* --- large means ------------------------------------------------------------------------------ */

enum { LARGE_RESULTS = 6 };

/* What subtracts a mean, and its gradients, for values of a mean that float32 rounds. */
static void subtract_means(fv_tensor *values, fv_dtype dtype, fv_tensor **out)
{
    fv_tensor *x = fv_requires_grad(fv_to(fv_clone(values), dtype), true), *second[1], *first[2];
    fv_tensor *weight = fv_ones(x->shape[1], .dtype = dtype, .requires_grad = true);
    fv_manual_seed(2);
    fv_tensor *g = fv_to(fv_randn(.shape = fv_shape_of(x)), dtype), *row = fv_select(g, 0, 0);
    fv_tensor *y = fv_batch_norm(x, .weight = weight, .training = true);
    fv_grad(FV_TENSORS(y), FV_TENSORS(x, weight), first, .grad_outputs = FV_TENSORS(g),
            .create_graph = true);
    fv_grad(FV_TENSORS(fv_sum(fv_mul(first[0], fv_square(g)))), FV_TENSORS(x), second);
    out[0] = y, out[1] = first[0], out[2] = first[1], out[3] = second[0];
    fv_grad(FV_TENSORS(fv_var(x, 0)), FV_TENSORS(x), &out[4], .grad_outputs = FV_TENSORS(row));
    fv_grad(FV_TENSORS(fv_std(x, 0)), FV_TENSORS(x), &out[5], .grad_outputs = FV_TENSORS(row));
}

static void check_large_means(void)
{
    static const char *const names[LARGE_RESULTS] = {"batch_norm",          "its gradient in x",
                                                     "in weight",           "its second",
                                                     "the gradient of var", "the gradient of std"};
    static const int64_t channels[] = {3, 70}; /* folded and not */
    for (int k = 0; k < 2; k++) {
        fv_tensor *found[LARGE_RESULTS], *wanted[LARGE_RESULTS];
        char message[256];
        fv_manual_seed(1);
        fv_tensor *noise = fv_randn(301, channels[k]);
        fv_tensor *values = fv_add_scalar(noise, 16000.3);
        subtract_means(values, FV_FLOAT32, found);
        subtract_means(values, FV_FLOAT64, wanted);
        for (int j = 0; j < LARGE_RESULTS; j++) {
            set_context("%s, %s", fv_isa_name(fv_isa_level()), names[j]);
            if (!tensors_close(found[j], fv_to(wanted[j], FV_FLOAT32), 2e-5, message,
                               sizeof message))
                note_failure("%s", message);
        }
    }
}

START_TEST(large_means_cost_no_digits)
{
    for_each_level(check_large_means);
}
END_TEST

/* --- where functions bend --------------------------------------------------------------------- */

/* The gradient of y in x, from ones. */
static fv_tensor *slope(fv_tensor *y, fv_tensor *x)
{
    fv_tensor *gradient = fv_failed_tensor();
    fv_grad(FV_TENSORS(fv_sum(y)), FV_TENSORS(x), &gradient, .create_graph = true);
    return gradient;
}

static void check_bends(void)
{
    const double inf = (double)INFINITY;
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        fv_tensor *x = TENSOR(d, FV_SHAPE(5), -inf, -3, 0, 3, inf);
        fv_requires_grad(x, true);
        fv_tensor *hardswish = slope(fv_hardswish(x), x);
        ASSERT_VALUES(hardswish, 1e-6, 0, -0.5, 0.5, 1.5, 1);
        ASSERT_VALUES(slope(hardswish, x), 1e-6, 0, 0, 1.0 / 3, 0, 0);
        fv_tensor *elu = slope(fv_elu(x), x);
        ASSERT_VALUES(elu, 1e-6, 0, exp(-3), 1, 1, 1);
        ASSERT_VALUES(slope(elu, x), 1e-6, 0, exp(-3), 0, 0, 0);
    }
}

START_TEST(hardswish_and_elu_bend_where_pytorch_does)
{
    for_each_level(check_bends);
}
END_TEST

/* Squares and powers of these vanish in their type; the norms have few digits. */
static void check_tiny_norms(void)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        double unit = d == FV_FLOAT32 ? 0x1p-140 : 0x1p-500;
        fv_tensor *x = TENSOR(d, FV_SHAPE(2), 3 * unit, -4 * unit);
        fv_requires_grad(x, true);
        ASSERT_VALUES(slope(fv_norm(x), x), 1e-3, 0.6, -0.8);
        if (d == FV_FLOAT32) ASSERT_VALUES(slope(fv_norm(x, 3), x), 1e-2, 0.44485, -0.79085);
    }
}

START_TEST(tiny_norms_have_gradients)
{
    for_each_level(check_tiny_norms);
}
END_TEST

static void check_logits(void)
{
    const double inf = (double)INFINITY, nan = (double)NAN;
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        fv_tensor *x = TENSOR(d, FV_SHAPE(7), inf, inf, inf, -inf, -inf, -inf, nan);
        fv_tensor *t = TENSOR(d, FV_SHAPE(7), 0, 0.5, 1, 0, 0.5, 1, 0);
        fv_requires_grad(x, true);
        fv_tensor *loss = fv_binary_cross_entropy_with_logits(x, t, .reduction = FV_NONE);
        ASSERT_VALUES(loss, 0, inf, inf, 0, 0, inf, inf, nan);
        ASSERT_VALUES(slope(loss, x), 0, 1, 0.5, 0, 0, -0.5, -1, nan);
    }
}

START_TEST(infinite_logits_have_an_infinite_loss_or_none)
{
    for_each_level(check_logits);
}
END_TEST

START_TEST(a_mean_over_weights_of_0_is_nan)
{
    FV_SCOPE;
    const double nan = (double)NAN;
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(2, 2), 1, 2, 3, 4),
              *t = fv_zeros(2, .dtype = FV_INT64);
    fv_tensor *weight = TENSOR(FV_FLOAT32, FV_SHAPE(2), 0, 1);
    fv_requires_grad(x, true);
    fv_tensor *plain = fv_cross_entropy(x, t, weight);
    fv_tensor *smoothed = fv_cross_entropy(x, t, weight, .label_smoothing = 0.1);
    ASSERT_VALUES(plain, 0, nan);
    ASSERT_VALUES(smoothed, 0, nan);
    ASSERT_VALUES(slope(plain, x), 0, nan, nan, nan, nan);
    ASSERT_VALUES(slope(smoothed, x), 0, nan, nan, nan, nan);
}
END_TEST

/* --- what a loss refuses ---------------------------------------------------------------------- */

START_TEST(cross_entropy_tells_probabilities_from_classes)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(2, 3), *p = fv_softmax(fv_randn(2, 3), 1);
    fv_set_log(NULL, NULL);
    ck_assert(fv_failed(fv_cross_entropy(x, fv_zeros(2))));
    expect_error(FV_ERR_DTYPE, "class numbers are integers");
    ck_assert(fv_failed(fv_cross_entropy(x, fv_zeros(2, .dtype = FV_FLOAT64))));
    expect_error(FV_ERR_DTYPE, "class numbers are integers");
    ck_assert(fv_failed(fv_cross_entropy(fv_select(x, 0, 0), fv_scalar(1, FV_FLOAT32))));
    expect_error(FV_ERR_DTYPE, "class numbers are integers");
    ck_assert(fv_failed(fv_cross_entropy(x, p, .ignore_index = 0)));
    expect_error(FV_ERR_OPTION, "ignore_index");
    ck_assert(!fv_failed(fv_cross_entropy(x, p, .ignore_index = -1)));
}
END_TEST

START_TEST(norm_takes_p_where_pytorch_does)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT64, FV_SHAPE(2, 2), 3, -4, 0, 1);
    fv_set_log(NULL, NULL);
    ASSERT_VALUES(fv_norm(x, 1), 1e-12, 8);
    ASSERT_VALUES(fv_norm(x, 2, 1), 1e-12, 5, 1);
    ASSERT_VALUES(fv_norm(x, 0, 1, true), 1e-12, 2, 1);
    ASSERT_VALUES(fv_norm(fv_zeros(0, 2), 3, 0), 0, 0, 0);
    ck_assert(fv_failed(fv_norm(x, (double)NAN)));
    expect_error(FV_ERR_OPTION, "p is no number");
    ck_assert(fv_failed(fv_norm(fv_zeros(0, 2), (double)INFINITY)));
    expect_error(FV_ERR_SHAPE, "nothing to reduce");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("values");
    TCase *exact = add_case(suite, "exact"), *refused = add_case(suite, "arguments");
    tcase_add_test(exact, powers_have_exact_logarithms);
    tcase_add_test(exact, large_means_cost_no_digits);
    tcase_add_test(exact, hardswish_and_elu_bend_where_pytorch_does);
    tcase_add_test(exact, tiny_norms_have_gradients);
    tcase_add_test(exact, infinite_logits_have_an_infinite_loss_or_none);
    tcase_add_test(exact, a_mean_over_weights_of_0_is_nan);
    tcase_add_test(refused, cross_entropy_tells_probabilities_from_classes);
    tcase_add_test(refused, norm_takes_p_where_pytorch_does);
    return suite;
}
