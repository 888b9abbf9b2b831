/* Ops made outside of the library, as a user makes them, and what gradcheck says of right and
 * wrong gradients. */
#include <math.h>
#include <string.h>

#include "support.h"

/* --- an op that packs its weight -------------------------------------------------------------- */

static int packings;

static fv_status packed_infer(fv_call *c)
{
    fv_shape shape = fv_shape_of(c->in[0]);
    fv_output_contiguous(c, 0, FV_FLOAT32, &shape);
    return FV_OK;
}

/* Elements times two, as something that takes time to prepare. */
static void pack(const void *plan, const void *elements, void *packed)
{
    (void)plan;
    packings++;
    for (int k = 0; k < 4; k++) ((float *)packed)[k] = 2 * ((const float *)elements)[k];
}

static void packed_plan(fv_call *c)
{
    static const char key[] = "twice";
    const size_t bytes = 4 * sizeof(float);
    if (!fv_reuses(c, 0, 1) || !fv_keep(c, 0, key, sizeof key, bytes)) c->scratch_bytes = bytes;
}

static void packed_forward(fv_call *c)
{
    const float *packed = fv_packed(c, 0, pack);
    if (!packed) {
        pack(c->plan, c->in[0]->data, c->scratch);
        packed = c->scratch;
    }
    memcpy(c->out[0]->data, packed, 4 * sizeof(float));
}

START_TEST(an_op_keeps_its_packed_weight)
{
    static const fv_op op = {.name = "test_packed",
                             .inputs = 1,
                             .outputs = 1,
                             .infer = packed_infer,
                             .plan = packed_plan,
                             .forward = packed_forward,
                             .reference = packed_forward,
                             .gradient = FV_NO_GRADIENT};
    FV_SCOPE;
    fv_tensor *w = fv_ones(4);
    for (int k = 0; k < 5; k++)
        ck_assert_double_eq(fv_at(FV_APPLY(&op, NULL, w), (int64_t[]){3}), 2);
    ck_assert_int_eq(packings, 2);
    fv_fill_(w, 3);
    for (int k = 0; k < 5; k++)
        ck_assert_double_eq(fv_at(FV_APPLY(&op, NULL, w), (int64_t[]){3}), 6);
    ck_assert_int_eq(packings, 4);
}
END_TEST

/* --- y = a x^2, with an option a -------------------------------------------------------------- */

typedef struct square_options {
    double a;
    int wrong; /* for the tests: which mistake the gradient makes */
} square_options;

enum { RIGHT = 0, WRONG_FACTOR, WRONG_ELEMENT, WRONG_SECOND };

static fv_status square_infer(fv_call *c)
{
    fv_status status = fv_need_floating(c, 0, "input");
    if (status != FV_OK) return status;
    const square_options *options = c->options;
    if (!isfinite(options->a))
        return fv_reject(c, FV_ERR_OPTION, "a is %g, must be finite", options->a);
    fv_shape shape = fv_shape_of(c->in[0]);
    fv_output_contiguous(c, 0, c->in[0]->dtype, &shape);
    return FV_OK;
}

static void square_forward(fv_call *c)
{
    const square_options *options = c->options;
    fv_copy_elements(c->out[0], c->in[0]);
    for (int64_t k = 0; k < c->out[0]->numel; k++) {
        if (c->out[0]->dtype == FV_FLOAT64) {
            double *y = (double *)c->out[0]->data + k;
            *y = options->a * *y * *y;
        } else {
            float *y = (float *)c->out[0]->data + k;
            *y = (float)(options->a * (double)*y * (double)*y);
        }
    }
}

static void square_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const square_options *options = c->options;
    double factor = 2 * options->a;
    fv_tensor *x = c->in[0];
    if (options->wrong == WRONG_FACTOR) factor *= 1.01;
    if (options->wrong == WRONG_SECOND) x = fv_detach(x);
    gin[0] = fv_mul(fv_mul(gout[0], x), factor);
    if (options->wrong != WRONG_ELEMENT) return;
    fv_tensor *mask = fv_ones_like(gin[0]);
    ((double *)mask->data)[2] = -1;
    gin[0] = fv_mul(gin[0], mask);
}

static const fv_option square_fields[] = {FV_FIELD(square_options, a, FV_OPTION_DOUBLE), {0}};
static const square_options plain_options = {1, RIGHT};

static const fv_op square_op = {
    .name = "test_square",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(square_options),
    .infer = square_infer,
    .forward = square_forward,
    .reference = square_forward,
    .gradient = square_gradient,
    .saves = {FV_IN(0)},
    .option_fields = square_fields,
};
FV_REGISTER(square_op);

static fv_tensor *square(fv_tensor *x, double a, int wrong)
{
    const square_options options = {a, wrong};
    return FV_APPLY(&square_op, &options, x);
}

static fv_tensor *numbers(void)
{
    return fv_requires_grad(TENSOR(FV_FLOAT64, FV_SHAPE(4), 0.5, -1, 2, 3), true);
}

START_TEST(an_op_from_outside_works_like_the_library_s_own)
{
    ck_assert_ptr_eq(fv_find_op("test_square"), &square_op);
    {
        FV_SCOPE;
        fv_tensor *x = numbers(), *g = NULL;
        fv_tensor *y = square(x, 3, RIGHT);
        ASSERT_VALUES(y, 0, 0.75, 3, 12, 27);
        ck_assert_str_eq(fv_grad_fn_name(y), "test_square");
        ck_assert_int_eq(fv_backward(fv_sum(y), .retain_graph = true), FV_OK);
        ASSERT_VALUES(fv_grad_of(x), 0, 3, -6, 12, 18);
        ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(y)), FV_TENSORS(x), &g), FV_OK);
        ASSERT_VALUES(g, 0, 3, -6, 12, 18);
        fv_set_log(NULL, NULL);
        ck_assert(fv_failed(square(x, (double)NAN, RIGHT)));
        expect_error(FV_ERR_OPTION, "test_square: a is nan");
        ck_assert(fv_failed(square(fv_ones(2, .dtype = FV_INT64), 1, RIGHT)));
        expect_error(FV_ERR_DTYPE, "test_square: ");
        ck_assert(fv_failed(FV_APPLY(&square_op, &plain_options, NULL)));
        expect_error(fv_error_status(), "test_square: ");
    }
}
END_TEST

/* --- gradcheck -------------------------------------------------------------------------------- */

static fv_tensor *square_function(fv_tensor *const *in, void *context)
{
    return square(in[0], 1.5, *(int *)context);
}

START_TEST(gradcheck_accepts_right_gradients)
{
    FV_SCOPE;
    int wrong = RIGHT;
    fv_gradcheck_report report;
    fv_tensor *x = numbers();
    ck_assert(fv_gradcheck(square_function, FV_TENSORS(x), &report, &wrong));
    ck_assert(report.ok && report.worst < 1.0);
    ck_assert(fv_gradgradcheck(square_function, FV_TENSORS(x), NULL, &wrong));
    ck_assert_ptr_null(fv_grad_of(x));
}
END_TEST

START_TEST(gradcheck_finds_a_wrong_factor_and_names_both_values)
{
    FV_SCOPE;
    int wrong = WRONG_FACTOR;
    fv_gradcheck_report report;
    fv_tensor *x = numbers();
    ck_assert(!fv_gradcheck(square_function, FV_TENSORS(x), &report, &wrong));
    ck_assert(!report.ok && report.worst > 1.0);
    ck_assert_int_eq(report.input, 0);
    double element = fv_at(x, &report.element);
    ck_assert(fabs(report.numeric - 3 * element) < 1e-5);
    ck_assert(fabs(report.analytic - 3.03 * element) < 1e-5);
    ck_assert_str_ne(report.message, "");
}
END_TEST

START_TEST(gradcheck_finds_the_one_wrong_element)
{
    FV_SCOPE;
    int wrong = WRONG_ELEMENT;
    fv_gradcheck_report report;
    fv_tensor *x = numbers();
    ck_assert(!fv_gradcheck(square_function, FV_TENSORS(x), &report, &wrong));
    ck_assert_int_eq(report.element, 2);
    ck_assert_int_eq(report.output, 2);
    ck_assert(fabs(report.numeric - 6) < 1e-5 && fabs(report.analytic + 6) < 1e-5);
}
END_TEST

START_TEST(gradgradcheck_finds_a_gradient_that_is_not_differentiable)
{
    FV_SCOPE;
    int wrong = WRONG_SECOND;
    fv_gradcheck_report report;
    fv_tensor *x = numbers();
    ck_assert(fv_gradcheck(square_function, FV_TENSORS(x), &report, &wrong));
    ck_assert(!fv_gradgradcheck(square_function, FV_TENSORS(x), &report, &wrong));
    fv_clear_error();
}
END_TEST

static fv_tensor *noisy_function(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_mul(in[0], fv_rand(.shape = fv_shape_of(in[0]), .dtype = FV_FLOAT64));
}

static fv_tensor *failing_function(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_add(in[0], fv_ones(3, .dtype = FV_FLOAT64));
}

START_TEST(gradcheck_refuses_what_it_cannot_check)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_gradcheck_report report;
    fv_tensor *x = numbers();
    ck_assert(!fv_gradcheck(noisy_function, FV_TENSORS(x), &report));
    fv_clear_error();
    ck_assert(!fv_gradcheck(failing_function, FV_TENSORS(x), &report));
    ck_assert_ptr_nonnull(strstr(fv_error(), "add"));
    fv_clear_error();
    int wrong = RIGHT;
    fv_tensor *single = fv_ones(2, .requires_grad = true);
    ck_assert(!fv_gradcheck(square_function, FV_TENSORS(single), &report, &wrong));
    fv_clear_error();
}
END_TEST

static void set_factor(const fv_op *op, void *options, void *context)
{
    if (op == &square_op) ((square_options *)options)->a = *(double *)context;
}

START_TEST(an_intercept_sees_and_changes_the_options)
{
    FV_SCOPE;
    double factor = 5;
    fv_tensor *x = fv_full(3, .value = 2, .dtype = FV_FLOAT64);
    fv_set_intercept(set_factor, &factor);
    fv_tensor *changed = square(x, 1, RIGHT);
    fv_set_intercept(NULL, NULL);
    ASSERT_VALUES(changed, 0, 20, 20, 20);
    ASSERT_VALUES(square(x, 1, RIGHT), 0, 4, 4, 4);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("custom op");
    TCase *custom = add_case(suite, "custom");
    tcase_add_test(custom, an_op_from_outside_works_like_the_library_s_own);
    tcase_add_test(custom, an_op_keeps_its_packed_weight);
    tcase_add_test(custom, an_intercept_sees_and_changes_the_options);
    tcase_add_test(custom, gradcheck_accepts_right_gradients);
    tcase_add_test(custom, gradcheck_finds_a_wrong_factor_and_names_both_values);
    tcase_add_test(custom, gradcheck_finds_the_one_wrong_element);
    tcase_add_test(custom, gradgradcheck_finds_a_gradient_that_is_not_differentiable);
    tcase_add_test(custom, gradcheck_refuses_what_it_cannot_check);
    return suite;
}
