/* What optimizers and schedulers refuse: rates that are no rates, options that the optimizer has
 * not, metrics that nobody asked for. Whatever is refused changes nothing. */
#include <math.h>

#include "support.h"

static const double no_rates[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -1.0};
enum { NO_RATES = 4 };

static fv_tensor *parameter(void)
{
    return fv_requires_grad(TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, 2), true);
}

/* --- schedulers ------------------------------------------------------------------------------- */

/* 1 for two steps, then what the context says. */
static double late(int64_t step, void *context)
{
    return step < 2 ? 1.0 : *(const double *)context;
}

static void refuses_late(fv_optim *opt, double value)
{
    double context = value;
    fv_scheduler *s = fv_lambda_lr(opt, late, &context);
    ck_assert_int_eq(fv_scheduler_step(s), FV_OK);
    ck_assert_int_eq(fv_scheduler_step(s), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "lambda_lr: step 2 would make the rate of group 0");
    ck_assert_double_eq(fv_get_lr(opt), 0.5);
    ck_assert_int_eq(fv_scheduler_last_epoch(s), 1);
    context = 0.5; /* a function that comes to its senses goes on where it was */
    ck_assert_int_eq(fv_scheduler_step(s), FV_OK);
    ck_assert_double_eq(fv_get_lr(opt), 0.25);
    ck_assert_int_eq(fv_scheduler_last_epoch(s), 2);
    fv_free(s);
    ck_assert_int_eq(fv_set_lr(opt, 0.5), FV_OK);
}

START_TEST(a_schedule_writes_no_rate_that_is_none)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    for (int k = 0; k < NO_RATES; k++) {
        fv_optim *opt = fv_sgd(FV_TENSORS(parameter()), .lr = 0.5);
        refuses_late(opt, no_rates[k]);
        fv_free(opt);
    }
}
END_TEST

static double by_group(int64_t step, void *context)
{
    (void)step;
    int *calls = context;
    return (*calls)++ == 3 ? (double)NAN : 0.5;
}

START_TEST(one_group_that_is_refused_keeps_all)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_optim *opt = fv_sgd(FV_TENSORS(parameter()), .lr = 1);
    ck_assert_int_eq(fv_optim_add_group(opt, FV_TENSORS(parameter()), .lr = 2), FV_OK);
    int calls = 0;
    fv_scheduler *s = fv_lambda_lr(opt, by_group, &calls); /* the fourth call is NaN */
    ck_assert_int_eq(fv_set_lr(opt, 7), FV_OK);
    ck_assert_int_eq(fv_scheduler_step(s), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "group 1");
    ck_assert_double_eq(fv_get_lr(opt), 7);
    ck_assert_double_eq(fv_get_lr(opt, 1), 7);
    fv_free(s);
    fv_free(opt);
}
END_TEST

#define REFUSED(call)                                                                              \
    do {                                                                                           \
        fv_scheduler *refused = (call);                                                            \
        ck_assert_ptr_null(refused);                                                               \
        ck_assert_int_eq(fv_error_status(), FV_ERR_OPTION);                                        \
        ck_assert_double_eq(fv_get_lr(opt), 0.5);                                                  \
        fv_clear_error();                                                                          \
        ck_assert_double_eq(fv_get_lr(opt), 0.5);                                                  \
    } while (0)

static double constant(int64_t step, void *context)
{
    (void)step;
    return *(const double *)context;
}

START_TEST(options_of_schedules_are_numbers)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_optim *opt = fv_sgd(FV_TENSORS(parameter()), .lr = 0.5);
    for (int k = 0; k < NO_RATES; k++) {
        double bad = no_rates[k];
        REFUSED(fv_step_lr(opt, 1, .gamma = bad));
        REFUSED(fv_multi_step_lr(opt, FV_MILESTONES(1, 2), .gamma = bad));
        REFUSED(fv_exponential_lr(opt, bad));
        REFUSED(fv_cosine_annealing_lr(opt, 5, .eta_min = bad));
        REFUSED(fv_linear_lr(opt, .start_factor = bad));
        REFUSED(fv_linear_lr(opt, .end_factor = bad));
        REFUSED(fv_lambda_lr(opt, constant, &bad));
        REFUSED(fv_one_cycle_lr(opt, bad, .total_steps = 5));
        REFUSED(fv_one_cycle_lr(opt, 1, .total_steps = 5, .base_momentum = bad));
        REFUSED(fv_one_cycle_lr(opt, 1, .total_steps = 5, .max_momentum = bad));
        REFUSED(fv_reduce_lr_on_plateau(opt, .factor = bad));
        REFUSED(fv_reduce_lr_on_plateau(opt, .min_lr = bad));
        REFUSED(fv_reduce_lr_on_plateau(opt, .eps = bad));
        REFUSED(fv_reduce_lr_on_plateau(opt, .threshold = bad));
    }
    REFUSED(fv_one_cycle_lr(opt, 1e300, .total_steps = 5, .div_factor = 1e-300));
    REFUSED(fv_one_cycle_lr(opt, 1, .total_steps = 5, .epochs = 5, .steps_per_epoch = 1));
    REFUSED(fv_one_cycle_lr(opt, 1, .total_steps = 5, .steps_per_epoch = 1));
    fv_free(opt);
}
END_TEST

START_TEST(a_metric_is_a_number_and_goes_to_a_plateau)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_optim *opt = fv_sgd(FV_TENSORS(parameter()), .lr = 0.5);
    fv_scheduler *plateau = fv_reduce_lr_on_plateau(opt, .patience = 0);
    ck_assert_int_eq(fv_scheduler_step(plateau, 1.0), FV_OK);
    ck_assert_int_eq(fv_scheduler_step(plateau, (double)NAN), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "the metric is NaN");
    ck_assert_int_eq(fv_scheduler_last_epoch(plateau), 1);
    ck_assert_double_eq(fv_get_lr(opt), 0.5);
    ck_assert_int_eq(fv_scheduler_step(plateau, (double)INFINITY), FV_OK); /* worse, but a number */
    ck_assert_double_eq_tol(fv_get_lr(opt), 0.05, 1e-12);
    fv_free(plateau);
    fv_scheduler *steps = fv_step_lr(opt, 1);
    ck_assert_int_eq(fv_scheduler_step(steps, 1.0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "step_lr takes no metric");
    ck_assert_int_eq(fv_scheduler_last_epoch(steps), 0);
    fv_free(steps);
    fv_free(opt);
}
END_TEST

START_TEST(a_rate_that_rounding_took_below_zero_is_zero)
{
    FV_SCOPE;
    for (int total = 1; total < 40; total++) {
        fv_optim *opt = fv_sgd(FV_TENSORS(parameter()), .lr = 0.5);
        fv_scheduler *s = fv_linear_lr(opt, .end_factor = 0.0, .total_iters = total);
        for (int i = 0; i < total + 2; i++) ck_assert_int_eq(fv_scheduler_step(s), FV_OK);
        ck_assert(fv_get_lr(opt) >= 0.0 && fv_get_lr(opt) < 1e-12);
        fv_free(s);
        fv_free(opt);
    }
}
END_TEST

/* --- optimizers ------------------------------------------------------------------------------- */

#define REFUSED_OPTIM(call, part)                                                                  \
    do {                                                                                           \
        fv_optim *refused = (call);                                                                \
        ck_assert_ptr_null(refused);                                                               \
        expect_error(FV_ERR_OPTION, part);                                                         \
    } while (0)

START_TEST(options_of_optimizers_are_finite)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor_list p = FV_TENSORS(parameter());
    for (int k = 0; k < NO_RATES; k++) {
        double bad = no_rates[k];
        REFUSED_OPTIM(fv_sgd(p, .lr = bad), "learning rate");
        REFUSED_OPTIM(fv_sgd(p, .momentum = bad), "momentum");
        REFUSED_OPTIM(fv_sgd(p, .weight_decay = bad), "weight_decay");
        if (!isfinite(bad))
            REFUSED_OPTIM(fv_sgd(p, .momentum = 0.5, .dampening = bad), "dampening");
        REFUSED_OPTIM(fv_adam(p, .lr = bad), "learning rate");
        REFUSED_OPTIM(fv_adam(p, .beta1 = bad), "beta1");
        REFUSED_OPTIM(fv_adam(p, .beta2 = bad), "beta2");
        REFUSED_OPTIM(fv_adamw(p, .eps = bad), "epsilon");
        REFUSED_OPTIM(fv_adamw(p, .weight_decay = bad), "weight_decay");
    }
    fv_optim *opt = fv_sgd(p, .lr = 0.5);
    for (int k = 0; k < NO_RATES; k++) {
        ck_assert_int_eq(fv_set_lr(opt, no_rates[k]), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "learning rate");
        ck_assert_double_eq(fv_get_lr(opt), 0.5);
    }
    fv_free(opt);
}
END_TEST

#define REFUSED_GROUP(opt, option)                                                                 \
    do {                                                                                           \
        ck_assert_int_eq(fv_optim_add_group(opt, FV_TENSORS(q), .option = 1), FV_ERR_OPTION);      \
        expect_error(FV_ERR_OPTION, #option);                                                      \
        ck_assert_int_eq(fv_optim_group_count(opt), 1);                                            \
    } while (0)

START_TEST(a_group_takes_the_options_of_its_optimizer_only)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *p = parameter(), *q = parameter();
    fv_optim *sgd = fv_sgd(FV_TENSORS(p)), *adam = fv_adam(FV_TENSORS(p));
    fv_optim *adamw = fv_adamw(FV_TENSORS(p));
    REFUSED_GROUP(sgd, beta1);
    REFUSED_GROUP(sgd, beta2);
    REFUSED_GROUP(sgd, eps);
    REFUSED_GROUP(sgd, amsgrad);
    REFUSED_GROUP(adam, momentum);
    REFUSED_GROUP(adam, dampening);
    REFUSED_GROUP(adamw, nesterov);
    ck_assert_int_eq(fv_optim_add_group(adam, FV_TENSORS(q), .maximize = 2), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "maximize is 2");
    ck_assert_int_eq(fv_optim_add_group(adam, FV_TENSORS(q), .amsgrad = true, .beta1 = 0.5), FV_OK);
    ck_assert_double_eq(fv_get_momentum(adam, 1), 0.5);
    fv_free(sgd);
    fv_free(adam);
    fv_free(adamw);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("what optimizers refuse");
    TCase *schedulers = add_case(suite, "schedulers");
    tcase_add_test(schedulers, a_schedule_writes_no_rate_that_is_none);
    tcase_add_test(schedulers, one_group_that_is_refused_keeps_all);
    tcase_add_test(schedulers, options_of_schedules_are_numbers);
    tcase_add_test(schedulers, a_metric_is_a_number_and_goes_to_a_plateau);
    tcase_add_test(schedulers, a_rate_that_rounding_took_below_zero_is_zero);
    TCase *optimizers = add_case(suite, "optimizers");
    tcase_add_test(optimizers, options_of_optimizers_are_finite);
    tcase_add_test(optimizers, a_group_takes_the_options_of_its_optimizer_only);
    return suite;
}
