/* Optimizers and schedulers against PyTorch's numbers, and their errors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { ELEMENTS = 19, SHOWN = 5, SHOWN_STEPS = 3, RATES = 51 };

typedef struct trajectory {
    const char *name;
    fv_dtype dtype;
    double values[SHOWN_STEPS][SHOWN];
} trajectory;

typedef struct schedule {
    const char *name;
    double rates[RATES];  /* of the first group */
    double others[RATES]; /* of the second group */
    double momenta[RATES];
} schedule;

#include "golden/optim.inc"

enum {
    TRAJECTORIES = sizeof trajectories / sizeof trajectories[0],
    SCHEDULES = sizeof schedules / sizeof schedules[0]
};

/* --- trajectories ----------------------------------------------------------------------- */

static fv_optim *make_optimizer(const char *name, fv_tensor_list p)
{
    if (strcmp(name, "sgd") == 0) return fv_sgd(p, 0.1);
    if (strcmp(name, "sgd_weight_decay") == 0) return fv_sgd(p, .lr = 0.1, .weight_decay = 0.1);
    if (strcmp(name, "sgd_momentum") == 0) return fv_sgd(p, 0.1, 0.9);
    if (strcmp(name, "sgd_dampening") == 0) return fv_sgd(p, 0.1, 0.9, 0.3, 0.1);
    if (strcmp(name, "sgd_nesterov") == 0)
        return fv_sgd(p, .lr = 0.1, .momentum = 0.9, .nesterov = true);
    if (strcmp(name, "sgd_nesterov_maximize") == 0)
        return fv_sgd(p, 0.1, 0.9, .weight_decay = 0.1, .nesterov = true, .maximize = true);
    if (strcmp(name, "adam") == 0) return fv_adam(p);
    if (strcmp(name, "adam_weight_decay") == 0) return fv_adam(p, 0.1, .weight_decay = 0.1);
    if (strcmp(name, "adam_amsgrad") == 0)
        return fv_adam(p, 0.1, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true);
    if (strcmp(name, "adam_maximize") == 0)
        return fv_adam(p, 0.1, 0.8, 0.95, 1e-3, 0.1, true, true);
    if (strcmp(name, "adamw") == 0) return fv_adamw(p, .lr = 0.1);
    if (strcmp(name, "adamw_no_decay") == 0) return fv_adamw(p, .lr = 0.1, .weight_decay = 0);
    if (strcmp(name, "adamw_amsgrad") == 0)
        return fv_adamw(p, 0.1, 0.8, 0.9, .weight_decay = 0.2, .amsgrad = true, .maximize = true);
    return NULL;
}

static fv_tensor *start(fv_dtype dtype, bool gaps)
{
    double values[2 * ELEMENTS] = {0};
    for (int i = 0; i < ELEMENTS; i++) values[gaps ? 2 * i : i] = (i % 5 - 2) * 0.5;
    if (!gaps) return fv_requires_grad(tensor_of(dtype, FV_SHAPE(ELEMENTS), values), true);
    fv_tensor *wide = tensor_of(dtype, FV_SHAPE(ELEMENTS, 2), values);
    return fv_requires_grad(fv_detach(fv_select(wide, 1, 0)), true);
}

static void set_gradient(fv_tensor *p, int step)
{
    double values[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        values[i] = ldexp(((i * 7 + step * 3) % 11 - 5) * 0.25, -(step / 4));
    ck_assert_int_eq(fv_set_grad(p, tensor_of(p->dtype, FV_SHAPE(ELEMENTS), values)), FV_OK);
}

static void follow(const trajectory *t, bool gaps)
{
    static const int steps[SHOWN_STEPS] = {1, 2, 20}, elements[SHOWN] = {0, 1, 7, 16, 18};
    double tolerance = t->dtype == FV_FLOAT32 ? 3e-6 : 1e-13;
    {
        FV_SCOPE;
        fv_tensor *p = start(t->dtype, gaps);
        fv_optim *optim = make_optimizer(t->name, FV_TENSORS(p));
        ck_assert_msg(optim != NULL, "%s: %s", t->name, fv_error());
        int row = 0;
        for (int step = 0; step < 20; step++) {
            set_gradient(p, step);
            uint32_t version = fv_version(p);
            ck_assert_int_eq(fv_step(optim), FV_OK);
            ck_assert_uint_ne(fv_version(p), version);
            if (step + 1 != steps[row]) continue;
            for (int k = 0; k < SHOWN; k++) {
                double got = fv_at(p, (const int64_t[]){elements[k]}), want = t->values[row][k];
                if (!(fabs(got - want) <= tolerance * fmax(1.0, fabs(want))))
                    note_failure("%s %s step %d element %d: %.17g, PyTorch has %.17g", t->name,
                                 fv_dtype_name(t->dtype), step + 1, elements[k], got, want);
            }
            row++;
        }
        fv_free(optim);
    }
}

START_TEST(optimizers_follow_pytorch_on_every_instruction_set)
{
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (int i = 0; i < TRAJECTORIES; i++) follow(&trajectories[i], false);
    }
    fv_set_isa(fv_isa_best());
    ck_assert(no_failures());
}
END_TEST

START_TEST(a_parameter_with_gaps_in_memory_is_updated_all_the_same)
{
    for (int i = 0; i < TRAJECTORIES; i++) follow(&trajectories[i], true);
    ck_assert(no_failures());
}
END_TEST

/* Runs three steps on parameters in several memory orders; the results must have the same bits. */
static fv_tensor *steps_in_layout(layout order, layout grad_order, int threads)
{
    fv_shape shape = FV_SHAPE(8, 6, 5, 4);
    double *values = fill_values(FILL_NORMAL, 0, 960, 1);
    double *grads = fill_values(FILL_NORMAL, 0, 960, 2);
    fv_tensor *p = fv_requires_grad(tensor_in_layout(values, &shape, FV_FLOAT32, order), true);
    fv_tensor *g = tensor_in_layout(grads, &shape, FV_FLOAT32, grad_order);
    free(values);
    free(grads);
    force_threads(threads);
    fv_optim *optim = fv_adamw(FV_TENSORS(p), .lr = 0.05, .amsgrad = true);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fv_set_grad(p, g), FV_OK);
        ck_assert_int_eq(fv_step(optim), FV_OK);
    }
    fv_free(optim);
    force_threads(0);
    return p;
}

START_TEST(memory_order_and_threads_do_not_change_a_bit)
{
    FV_SCOPE;
    fv_tensor *plain = steps_in_layout(LAYOUT_CONTIGUOUS, LAYOUT_CONTIGUOUS, 1);
    for (int a = LAYOUT_CONTIGUOUS; a <= LAYOUT_TRANSPOSED; a++)
        for (int b = LAYOUT_CONTIGUOUS; b <= LAYOUT_TRANSPOSED; b++)
            ck_assert(tensors_same(steps_in_layout((layout)a, (layout)b, 3), plain));
}
END_TEST

START_TEST(a_parameter_without_gradient_is_left_alone)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(3, .requires_grad = true);
    fv_tensor *b = fv_ones(3, .requires_grad = true);
    fv_tensor *none = fv_zeros(0, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(a, b, none), .lr = 1, .weight_decay = 1);
    fv_set_grad(a, fv_ones(3));
    fv_set_grad(none, fv_zeros(0));
    ck_assert_int_eq(fv_step(optim), FV_OK);
    ASSERT_VALUES(a, 0, -1, -1, -1);
    ASSERT_VALUES(b, 0, 1, 1, 1);
    fv_zero_grad(optim);
    ck_assert_ptr_null(fv_grad_of(a));
    fv_free(optim);
}
END_TEST

START_TEST(a_step_is_refused_while_an_error_stands)
{
    FV_SCOPE;
    fv_tensor *p = fv_ones(3, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(p), .lr = 1);
    fv_set_grad(p, fv_ones(3));
    fv_add(fv_ones(2), fv_ones(3));
    ck_assert_int_eq(fv_step(optim), FV_ERR_STATE);
    ASSERT_VALUES(p, 0, 1, 1, 1);
    fv_clear_error();
    ck_assert_int_eq(fv_step(optim), FV_OK);
    ASSERT_VALUES(p, 0, 0, 0, 0);
    fv_free(optim);
}
END_TEST

START_TEST(a_failed_allocation_leaves_all_weights_whole)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(5, .requires_grad = true);
    fv_tensor *b = fv_ones(70, .requires_grad = true);
    fv_optim *optim = fv_adam(FV_TENSORS(a, b), .lr = 1);
    fv_set_grad(a, fv_ones(5));
    fv_set_grad(b, fv_ones(70));
    for (int64_t n = 0; n < 3; n++) {
        fv_inject_alloc_failure(n);
        ck_assert_int_eq(fv_step(optim), FV_ERR_MEMORY);
        fv_inject_alloc_failure(-1);
        expect_error(FV_ERR_MEMORY, "step");
        ck_assert_double_eq(fv_at(a, (const int64_t[]){0}), 1.0);
    }
    ck_assert_int_eq(fv_step(optim), FV_OK);
    ck_assert_double_eq_tol(fv_at(a, (const int64_t[]){4}), 0.0, 1e-6);
    ck_assert_double_eq_tol(fv_at(b, (const int64_t[]){69}), 0.0, 1e-6);
    fv_free(optim);
}
END_TEST

START_TEST(groups_have_options_of_their_own)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(1, .requires_grad = true);
    fv_tensor *b = fv_ones(1, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(a), .lr = 0.5, .weight_decay = 1);
    ck_assert_int_eq(fv_optim_add_group(optim, FV_TENSORS(b), .lr = 0.25, .maximize = true), FV_OK);
    ck_assert_int_eq(fv_optim_group_count(optim), 2);
    ck_assert_double_eq(fv_get_lr(optim), 0.5);
    ck_assert_double_eq(fv_get_lr(optim, .group = 1), 0.25);
    fv_set_grad(a, fv_ones(1));
    fv_set_grad(b, fv_full(1, .value = 2.0));
    ck_assert_int_eq(fv_step(optim), FV_OK);
    ASSERT_VALUES(a, 0, 0);    /* 1 - 0.5 (1 + 1) */
    ASSERT_VALUES(b, 0, 1.25); /* 1 - 0.25 (-2 + 1): weight decay is inherited */
    ck_assert_int_eq(fv_set_lr(optim, 0.1), FV_OK);
    ck_assert_int_eq(fv_set_lr(optim, 0.2, .group = 1), FV_OK);
    ck_assert_double_eq(fv_get_lr(optim, 0), 0.1);
    ck_assert_double_eq(fv_get_lr(optim, 1), 0.2);
    ck_assert(isnan(fv_get_lr(optim, 2)));
    expect_error(FV_ERR_INDEX, "group 2");
    ck_assert(isnan(fv_get_momentum(optim, -1)));
    expect_error(FV_ERR_INDEX, "group -1");
    ck_assert_int_eq(fv_set_lr(optim, 0.3, .group = 2), FV_ERR_INDEX);
    expect_error(FV_ERR_INDEX, "group 2");
    ck_assert_int_eq(fv_set_lr(optim, -1), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "-1");
    ck_assert_int_eq(fv_optim_add_group(optim, FV_TENSORS(a)), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "twice");
    ck_assert_int_eq(fv_optim_group_count(optim), 2);
    fv_free(optim);
}
END_TEST

START_TEST(a_group_inherits_what_it_does_not_say)
{
    FV_SCOPE;
    fv_tensor *p[4];
    for (int k = 0; k < 4; k++) p[k] = fv_ones(1, .requires_grad = true);
    fv_optim *sgd = fv_sgd(FV_TENSORS(p[0]), .lr = 0.5, .momentum = 0.5, .dampening = 0.25,
                           .weight_decay = 1, .maximize = true);
    ck_assert_int_eq(fv_optim_add_group(sgd, FV_TENSORS(p[1])), FV_OK);
    fv_optim *adam = fv_adam(FV_TENSORS(p[2]), 0.1, 0.5, 0.75, 0.125, 1, .amsgrad = true);
    ck_assert_int_eq(fv_optim_add_group(adam, FV_TENSORS(p[3])), FV_OK);
    for (int step = 0; step < 3; step++) {
        for (int k = 0; k < 4; k++) fv_set_grad(p[k], fv_full(1, .value = 2.0 - step));
        ck_assert_int_eq(fv_step(sgd), FV_OK);
        ck_assert_int_eq(fv_step(adam), FV_OK);
    }
    ck_assert(tensors_same(p[0], p[1]));
    ck_assert(tensors_same(p[2], p[3]));
    fv_free(sgd);
    fv_free(adam);
}
END_TEST

START_TEST(a_nesterov_group_inherits_nesterov)
{
    FV_SCOPE;
    fv_tensor *a = fv_ones(1, .requires_grad = true);
    fv_tensor *b = fv_ones(1, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(a), .lr = 0.5, .momentum = 0.5, .nesterov = true);
    ck_assert_int_eq(fv_optim_add_group(optim, FV_TENSORS(b)), FV_OK);
    fv_set_grad(a, fv_ones(1));
    fv_set_grad(b, fv_ones(1));
    ck_assert_int_eq(fv_step(optim), FV_OK);
    ASSERT_VALUES(a, 0, 0.25); /* 1 - 0.5 (1 + 0.5) */
    ASSERT_VALUES(b, 0, 0.25);
    ck_assert_int_eq(fv_optim_add_group(NULL, FV_TENSORS(b)), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_int_eq(fv_optim_group_count(NULL), 0);
    fv_free(optim);
}
END_TEST

#define REFUSED(call, part)                                                                        \
    do {                                                                                           \
        ck_assert_ptr_null(call);                                                                  \
        expect_error(fv_error_status(), part);                                                     \
    } while (0)

START_TEST(bad_options_are_refused_with_a_reason)
{
    FV_SCOPE;
    fv_tensor *p = fv_ones(2, .requires_grad = true);
    fv_tensor_list list = FV_TENSORS(p);
    REFUSED(fv_sgd(list, -1), "learning rate");
    REFUSED(fv_sgd(list, (double)NAN), "learning rate");
    REFUSED(fv_sgd(list, .momentum = -0.1), "momentum");
    REFUSED(fv_sgd(list, .weight_decay = -0.1), "weight_decay");
    REFUSED(fv_sgd(list, .nesterov = true), "nesterov");
    REFUSED(fv_sgd(list, .momentum = 0.9, .dampening = 0.1, .nesterov = true), "nesterov");
    REFUSED(fv_sgd(list, .dampening = (double)NAN), "dampening");
    REFUSED(fv_sgd(FV_TENSORS(fv_failed_tensor())), "failed");
    REFUSED(fv_adam(list, .lr = -1), "learning rate");
    REFUSED(fv_adam(list, .eps = -1), "epsilon");
    REFUSED(fv_adam(list, .beta1 = 1), "beta1");
    REFUSED(fv_adamw(list, .beta2 = -0.1), "beta2");
    REFUSED(fv_adamw(list, .weight_decay = -1), "weight_decay");
    REFUSED(fv_sgd(((fv_tensor_list){NULL, 0})), "empty");
    REFUSED(fv_sgd(FV_TENSORS(p, p)), "twice");
    REFUSED(fv_sgd(FV_TENSORS(p, NULL)), "missing");
    REFUSED(fv_sgd(FV_TENSORS(fv_zeros(2, .dtype = FV_INT64))), "int64");
    REFUSED(fv_sgd(FV_TENSORS(fv_mul(p, 2.0))), "leaf");
    ck_assert_int_eq(fv_step(NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    fv_zero_grad(NULL);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert(isnan(fv_get_lr(NULL)) && isnan(fv_get_momentum(NULL, 0)));
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_int_eq(fv_set_lr(NULL, 0.1), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    fv_free((fv_optim *)NULL);
    fv_free((fv_scheduler *)NULL);
    ck_assert_int_eq(fv_scheduler_last_epoch(NULL), 0);
}
END_TEST

/* --- schedulers ------------------------------------------------------------------------- */

static double one_over(int64_t step, void *context)
{
    return *(const double *)context / (1.0 + (double)step);
}

static fv_scheduler *make_schedulers(const char *name, fv_optim *o, fv_scheduler **second)
{
    static double one = 1.0;
    *second = NULL;
    if (strcmp(name, "step_lr") == 0) return fv_step_lr(o, 7, .gamma = 0.5);
    if (strcmp(name, "multi_step_lr") == 0)
        return fv_multi_step_lr(o, FV_MILESTONES(5, 20, 5), .gamma = 0.3);
    if (strcmp(name, "exponential_lr") == 0) return fv_exponential_lr(o, 0.9);
    if (strcmp(name, "cosine_annealing_lr") == 0)
        return fv_cosine_annealing_lr(o, 12, .eta_min = 0.001);
    if (strcmp(name, "cosine_annealing_lr_long") == 0) return fv_cosine_annealing_lr(o, 50);
    if (strcmp(name, "linear_lr") == 0) return fv_linear_lr(o);
    if (strcmp(name, "linear_lr_down") == 0) return fv_linear_lr(o, 0.9, 0.2, .total_iters = 30);
    if (strcmp(name, "lambda_lr") == 0) return fv_lambda_lr(o, one_over, &one);
    if (strcmp(name, "one_cycle_lr") == 0) return fv_one_cycle_lr(o, 0.4, .total_steps = 50);
    if (strcmp(name, "one_cycle_lr_linear") == 0)
        return fv_one_cycle_lr(o, 0.4, .epochs = 5, .steps_per_epoch = 12, .pct_start = 0.25,
                               .anneal_strategy = FV_ANNEAL_LINEAR, .base_momentum = 0.8,
                               .max_momentum = 0.9, .div_factor = 10, .final_div_factor = 100,
                               .three_phase = true);
    if (strcmp(name, "one_cycle_lr_adam") == 0) return fv_one_cycle_lr(o, 0.4, 60);
    if (strcmp(name, "one_cycle_lr_fixed_momentum") == 0)
        return fv_one_cycle_lr(o, 0.4, 60, .cycle_momentum = false);
    if (strcmp(name, "plateau") == 0)
        return fv_reduce_lr_on_plateau(o, .patience = 2, .factor = 0.5, .cooldown = 1);
    if (strcmp(name, "plateau_max") == 0)
        return fv_reduce_lr_on_plateau(o, .mode = FV_MODE_MAX, .patience = 1, .factor = 0.2,
                                       .threshold = 0.05, .threshold_mode = FV_THRESHOLD_ABS,
                                       .min_lr = 0.001);
    if (strcmp(name, "warm_up") != 0) return NULL;
    fv_scheduler *first = fv_linear_lr(o, 0.1, .total_iters = 10);
    *second = fv_exponential_lr(o, 0.95);
    return first;
}

static void same_number(const char *name, int step, const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 1e-14 * fabs(want) + 1e-17)) /* a NaN is wrong, too */
        note_failure("%s step %d: %s is %.17g, PyTorch has %.17g", name, step, what, got, want);
}

static void follow_schedule(const schedule *t)
{
    static const double metrics[] = {1.0, 0.9, 0.8, 0.8, 0.81, 0.79995, 0.8, 0.7, 0.71, 0.72};
    {
        FV_SCOPE;
        fv_tensor *p = fv_zeros(1, .requires_grad = true);
        fv_tensor *q = fv_zeros(1, .requires_grad = true);
        bool adam = strcmp(t->name, "one_cycle_lr_adam") == 0;
        bool plateau = strstr(t->name, "plateau") != NULL;
        fv_optim *optim =
            adam ? fv_adam(FV_TENSORS(p), .lr = 0.1) : fv_sgd(FV_TENSORS(p), 0.1, .momentum = 0.9);
        ck_assert_int_eq(fv_optim_add_group(optim, FV_TENSORS(q), .lr = 0.02), FV_OK);
        fv_scheduler *second, *first = make_schedulers(t->name, optim, &second);
        ck_assert_msg(first != NULL, "%s: %s", t->name, fv_error());
        for (int step = 0; step < RATES; step++) {
            same_number(t->name, step, "lr", fv_get_lr(optim), t->rates[step]);
            same_number(t->name, step, "lr of group 1", fv_get_lr(optim, 1), t->others[step]);
            same_number(t->name, step, "momentum", fv_get_momentum(optim, 0), t->momenta[step]);
            ck_assert_int_eq(fv_scheduler_last_epoch(first), step);
            if (step == RATES - 1) break;
            fv_status status =
                plateau ? fv_scheduler_step(first, metrics[step % 10]) : fv_scheduler_step(first);
            ck_assert_int_eq(status, FV_OK);
            if (second) ck_assert_int_eq(fv_scheduler_step(second), FV_OK);
        }
        fv_free(first);
        fv_free(second);
        fv_free(optim);
    }
}

START_TEST(schedulers_follow_pytorch)
{
    for (int i = 0; i < SCHEDULES; i++) follow_schedule(&schedules[i]);
    ck_assert(no_failures());
}
END_TEST

/* Out and back, and out again: the rate at step k is that of half a cosine, also past t_max, where
 * the step by step formula divides by zero. */
START_TEST(a_cosine_schedule_goes_on_past_its_bottom)
{
    const double pi = 3.14159265358979323846;
    static const int64_t lengths[] = {1, 2, 7};
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        fv_tensor *p = fv_zeros(1, .requires_grad = true);
        fv_optim *optim = fv_sgd(FV_TENSORS(p), .lr = 0.5);
        fv_scheduler *s = fv_cosine_annealing_lr(optim, lengths[k], .eta_min = 0.125 * k);
        for (int step = 0; step <= 5 * lengths[k]; step++) {
            double want = (1 + cos(pi * step / (double)lengths[k])) / 2;
            want = 0.125 * k + (0.5 - 0.125 * k) * want;
            ck_assert_double_eq_tol(fv_get_lr(optim), want, 1e-9);
            ck_assert_int_eq(fv_scheduler_step(s), FV_OK);
        }
        fv_free(s);
        fv_free(optim);
    }
}
END_TEST

START_TEST(a_plateau_leaves_small_reductions_out)
{
    FV_SCOPE;
    fv_tensor *p = fv_zeros(1, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(p), .lr = 0.5);
    fv_scheduler *s = fv_reduce_lr_on_plateau(optim, .factor = 0.5, .patience = 0, .eps = 0.125);
    static const double rates[] = {0.5, 0.25, 0.25, 0.25}; /* 0.25 - 0.125 is not above eps */
    for (int step = 0; step < 4; step++) {
        ck_assert_int_eq(fv_scheduler_step(s, 1.0), FV_OK);
        ck_assert_double_eq(fv_get_lr(optim), rates[step]);
    }
    fv_free(s);
    fv_set_lr(optim, 1e-8);
    s = fv_reduce_lr_on_plateau(optim, .patience = 0);
    for (int step = 0; step < 3; step++) fv_scheduler_step(s, 1.0);
    ck_assert_double_eq(fv_get_lr(optim), 1e-8); /* PyTorch's eps */
    fv_free(s);
    fv_free(optim);
}
END_TEST

START_TEST(a_one_cycle_schedule_ends)
{
    FV_SCOPE;
    fv_tensor *p = fv_zeros(1, .requires_grad = true);
    fv_optim *optim = fv_sgd(FV_TENSORS(p), .momentum = 0.9);
    fv_scheduler *s = fv_one_cycle_lr(optim, 1.0, 10);
    for (int i = 0; i < 10; i++) ck_assert_int_eq(fv_scheduler_step(s), FV_OK);
    double lr = fv_get_lr(optim);
    ck_assert_int_eq(fv_scheduler_step(s), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "step 11 of a schedule of 10");
    ck_assert_double_eq(fv_get_lr(optim), lr);
    fv_free(s);
    /* a rise of no steps at all: PyTorch divides by zero here */
    s = fv_one_cycle_lr(optim, 1.0, 10, .pct_start = 0.1);
    ck_assert_double_eq(fv_get_lr(optim), 1.0);
    fv_free(s);
    fv_free(optim);
}
END_TEST

START_TEST(bad_schedules_are_refused_with_a_reason)
{
    FV_SCOPE;
    fv_tensor *p = fv_zeros(1, .requires_grad = true);
    fv_optim *o = fv_sgd(FV_TENSORS(p));
    REFUSED(fv_step_lr(o, 0), "step_size");
    REFUSED(fv_step_lr(NULL, 1), "NULL");
    REFUSED(fv_multi_step_lr(NULL, FV_MILESTONES(3)), "NULL");
    REFUSED(fv_exponential_lr(NULL, 0.5), "NULL");
    REFUSED(fv_cosine_annealing_lr(NULL, 3), "NULL");
    REFUSED(fv_linear_lr(NULL), "NULL");
    REFUSED(fv_lambda_lr(NULL, one_over), "NULL");
    REFUSED(fv_one_cycle_lr(NULL, 1.0, 10), "NULL");
    REFUSED(fv_reduce_lr_on_plateau(NULL), "NULL");
    REFUSED(fv_multi_step_lr(o, ((fv_milestones){NULL, -1})), "milestones");
    REFUSED(fv_linear_lr(o, 1.5), "start_factor");
    REFUSED(fv_linear_lr(o, .end_factor = -1), "end_factor");
    REFUSED(fv_linear_lr(o, .total_iters = -1), "total_iters");
    REFUSED(fv_one_cycle_lr(o, 1.0, .epochs = 2), "steps_per_epoch");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .pct_start = -1), "pct_start");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .anneal_strategy = (fv_anneal)7), "anneal_strategy is 7");
    REFUSED(fv_one_cycle_lr(o, -1.0, 10), "max_lr");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .final_div_factor = 0), "final_div_factor");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .base_momentum = -1), "base_momentum");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .max_momentum = -1), "max_momentum");
    REFUSED(fv_reduce_lr_on_plateau(o, .patience = -1), "patience");
    REFUSED(fv_reduce_lr_on_plateau(o, .cooldown = -1), "cooldown");
    REFUSED(fv_reduce_lr_on_plateau(o, .mode = (fv_plateau_mode)2), "mode");
    REFUSED(fv_reduce_lr_on_plateau(o, .threshold_mode = (fv_threshold_mode)2), "mode");
    REFUSED(fv_multi_step_lr(o, ((fv_milestones){NULL, 2})), "milestones");
    REFUSED(fv_cosine_annealing_lr(o, 0), "t_max");
    REFUSED(fv_cosine_annealing_lr(o, INT64_MAX), "t_max");
    REFUSED(fv_linear_lr(o, 0), "start_factor");
    REFUSED(fv_linear_lr(o, .end_factor = 2), "end_factor");
    REFUSED(fv_lambda_lr(o, NULL), "function");
    REFUSED(fv_one_cycle_lr(o, 1.0), "total_steps");
    REFUSED(fv_one_cycle_lr(o, 1.0, 0), "total_steps");
    REFUSED(fv_one_cycle_lr(o, 1.0, .epochs = INT64_MAX, .steps_per_epoch = 2), "epochs");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .pct_start = 2), "pct_start");
    REFUSED(fv_one_cycle_lr(o, 1.0, 10, .div_factor = 0), "div_factor");
    REFUSED(fv_reduce_lr_on_plateau(o, .factor = 1), "factor");
    fv_scheduler *s = fv_reduce_lr_on_plateau(o);
    ck_assert_int_eq(fv_scheduler_step(s), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "metric");
    fv_free(s);
    ck_assert_int_eq(fv_scheduler_step(NULL), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    fv_free(o);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("optim");
    TCase *steps = add_case(suite, "steps");
    tcase_add_test(steps, optimizers_follow_pytorch_on_every_instruction_set);
    tcase_add_test(steps, a_parameter_with_gaps_in_memory_is_updated_all_the_same);
    tcase_add_test(steps, memory_order_and_threads_do_not_change_a_bit);
    tcase_add_test(steps, a_parameter_without_gradient_is_left_alone);
    tcase_add_test(steps, a_step_is_refused_while_an_error_stands);
    tcase_add_test(steps, a_failed_allocation_leaves_all_weights_whole);
    tcase_add_test(steps, groups_have_options_of_their_own);
    tcase_add_test(steps, a_group_inherits_what_it_does_not_say);
    tcase_add_test(steps, a_nesterov_group_inherits_nesterov);
    tcase_add_test(steps, bad_options_are_refused_with_a_reason);
    TCase *rates = add_case(suite, "schedulers");
    tcase_add_test(rates, schedulers_follow_pytorch);
    tcase_add_test(rates, a_cosine_schedule_goes_on_past_its_bottom);
    tcase_add_test(rates, a_plateau_leaves_small_reductions_out);
    tcase_add_test(rates, a_one_cycle_schedule_ends);
    tcase_add_test(rates, bad_schedules_are_refused_with_a_reason);
    return suite;
}
