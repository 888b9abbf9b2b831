/* The state of optimizers and schedulers: what is written, what goes on from it, and what is
 * refused. */
#include <math.h>
#include <string.h>

#include "saved_path.h"
#include "support.h"

/* Two parameters in two groups, after some steps. */
typedef struct trained {
    fv_tensor *p[2];
    fv_optim *opt;
    fv_scheduler *schedule;
    bool plateau; /* its steps take a metric */
} trained;

static fv_scheduler *plateau(fv_optim *opt)
{
    return fv_reduce_lr_on_plateau(opt, .patience = 1, .cooldown = 2);
}

static void step(trained *t, int count)
{
    FV_SCOPE;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 2; k++) fv_set_grad(t->p[k], fv_full_like(t->p[k], 0.5 + i + k));
        ck_assert_int_eq(fv_step(t->opt), FV_OK);
        if (t->plateau)
            ck_assert_int_eq(fv_scheduler_step(t->schedule, 1.0), FV_OK);
        else if (t->schedule)
            ck_assert_int_eq(fv_scheduler_step(t->schedule), FV_OK);
    }
}

static trained make(bool adam, fv_scheduler *(*schedule)(fv_optim *))
{
    FV_SCOPE;
    trained t = {.p = {fv_retain(fv_ones(.shape = FV_SHAPE(3), .requires_grad = true)),
                       fv_retain(fv_ones(.shape = FV_SHAPE(2, 2), .requires_grad = true))}};
    t.opt = adam ? fv_adam(FV_TENSORS(t.p[0]), .lr = 0.1)
                 : fv_sgd(FV_TENSORS(t.p[0]), .lr = 0.1, .momentum = 0.9);
    ck_assert_int_eq(fv_optim_add_group(t.opt, FV_TENSORS(t.p[1]), .lr = 0.2), FV_OK);
    t.schedule = schedule ? schedule(t.opt) : NULL;
    t.plateau = schedule == plateau;
    return t;
}

static void drop(trained *t)
{
    fv_free(t->schedule);
    fv_free(t->opt);
    fv_release(t->p[0]);
    fv_release(t->p[1]);
}

/* A copy of all entries but the one of that name. */
static fv_state *without(const fv_state *state, const char *left_out)
{
    fv_state *copy = fv_state_new();
    for (int64_t i = 0; i < fv_state_count(state); i++) {
        const char *name = fv_state_name(state, i), *text = fv_state_text(state, NULL, name);
        if (strcmp(name, left_out) == 0) continue;
        if (text)
            fv_state_put_text(copy, NULL, name, text);
        else
            fv_state_put_tensor(copy, NULL, name, fv_state_tensor(state, NULL, name));
    }
    ck_assert_int_eq(fv_state_count(copy), fv_state_count(state) - (*left_out ? 1 : 0));
    return copy;
}

static bool same_state(const fv_state *a, const fv_state *b)
{
    bool same = fv_state_count(a) == fv_state_count(b);
    for (int64_t i = 0; i < fv_state_count(a) && same; i++) {
        const char *name = fv_state_name(a, i), *text = fv_state_text(a, NULL, name);
        if (text)
            same = fv_state_text(b, NULL, name) && strcmp(text, fv_state_text(b, NULL, name)) == 0;
        else
            same = fv_state_tensor(b, NULL, name) &&
                   tensors_same(fv_state_tensor(a, NULL, name), fv_state_tensor(b, NULL, name));
    }
    return same;
}

/* As a file gives it: nothing is shared with the optimizer. */
static fv_state *reloaded(fv_state *state)
{
    ck_assert_int_eq(fv_state_save(state, saved_path), FV_OK);
    fv_free(state);
    state = fv_state_load(saved_path);
    ck_assert_msg(state != NULL, "%s", fv_error());
    return state;
}

static fv_state *optim_state(const trained *t)
{
    fv_state *state = fv_state_new();
    ck_assert_int_eq(fv_optim_get_state(t->opt, state, "o."), FV_OK);
    return reloaded(state);
}

static fv_state *schedule_state(const trained *t)
{
    fv_state *state = fv_state_new();
    ck_assert_int_eq(fv_scheduler_get_state(t->schedule, state, "s."), FV_OK);
    return reloaded(state);
}

/* Both calls refuse the state, and the optimizer stays as it is. Frees the state. */
static void refuses(trained *t, fv_state *state, fv_status status, const char *part)
{
    fv_state *before = optim_state(t), *after;
    ck_assert_int_eq(fv_optim_check_state(t->opt, state, "o."), status);
    expect_error(status, part);
    ck_assert_int_eq(fv_optim_set_state(t->opt, state, "o."), status);
    expect_error(status, part);
    after = optim_state(t);
    ck_assert(same_state(before, after));
    fv_free(before);
    fv_free(after);
    fv_free(state);
}

static void refuses_schedule(trained *t, fv_state *state, const char *part)
{
    const int64_t before = fv_scheduler_last_epoch(t->schedule);
    ck_assert_int_eq(fv_scheduler_check_state(t->schedule, state, "s."), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, part);
    ck_assert_int_eq(fv_scheduler_set_state(t->schedule, state, "s."), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, part);
    ck_assert_int_eq(fv_scheduler_last_epoch(t->schedule), before);
    fv_free(state);
}

START_TEST(what_a_state_lacks_is_told)
{
    static const char *const adams[][2] = {
        {"o.type", "no optimizer under the prefix"},
        {"o.param_groups.1.params", "1 parameter groups, the optimizer 2"},
        {"o.param_groups.0.lr", "param_groups.0.lr is missing"},
        {"o.param_groups.1.betas", "param_groups.1.betas is missing"},
        {"o.state.0.exp_avg", "state.0 has a step of 2 and fewer state tensors"},
        {"o.state.1.exp_avg_sq", "state.1 has a step of 2 and fewer"},
        {"o.state.1.step", "state.1 has a step of 0 and more"},
    };
    trained t = make(true, NULL);
    step(&t, 2);
    fv_state *state = optim_state(&t);
    step(&t, 1);
    for (size_t i = 0; i < sizeof adams / sizeof *adams; i++) {
        set_context("without %s", adams[i][0]);
        refuses(&t, without(state, adams[i][0]), FV_ERR_STATE, adams[i][1]);
    }
    fv_free(state);
    drop(&t);
}
END_TEST

START_TEST(what_an_optimizer_has_not_is_told)
{
    static const char *const names[] = {"o.state.2.step",         "o.state.0.exp",
                                        "o.state.x.step",         "o.state.-1.step",
                                        "o.param_groups.2.lr",    "o.param_groups.0.momentum",
                                        "o.param_groups.0.lr.lr", "o.more"};
    trained t = make(true, NULL);
    step(&t, 2);
    fv_state *state = optim_state(&t);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        set_context("with %s", names[i]);
        fv_state *more = without(state, "");
        fv_state_put_double(more, NULL, names[i], 1);
        refuses(&t, more, FV_ERR_STATE, names[i]);
    }
    fv_state *more = without(state, ""); /* under another prefix it is somebody else's */
    fv_state_put_double(more, "p.", "state.2.step", 1);
    ck_assert_int_eq(fv_optim_set_state(t.opt, more, "o."), FV_OK);
    fv_free(more);
    fv_free(state);
    drop(&t);
}
END_TEST

START_TEST(values_that_cannot_be_are_told)
{
    FV_SCOPE;
    trained t = make(true, NULL), other = make(false, NULL);
    step(&t, 2);
    fv_state *state = optim_state(&t), *s;
    s = without(state, "");
    fv_state_put_tensor(s, "o.", "state.1.exp_avg", fv_ones(.shape = FV_SHAPE(4)));
    refuses(&t, s, FV_ERR_SHAPE, "state.1.exp_avg is [4], its parameter [2,2]");
    s = without(state, "");
    fv_state_put_tensor(s, "o.", "state.0.exp_avg",
                        fv_ones(.shape = FV_SHAPE(3), .dtype = FV_INT32));
    refuses(&t, s, FV_ERR_DTYPE, "state.0.exp_avg is int32, not floating");
    s = without(state, "");
    fv_state_put_int(s, "o.", "state.0.step", -3);
    refuses(&t, s, FV_ERR_STATE, "state.0.step is -3");
    s = without(state, "");
    fv_state_put_double(s, "o.", "state.0.step", 1.5);
    refuses(&t, s, FV_ERR_STATE, "state.0.step is 1.5, not a whole number");
    s = without(state, "");
    fv_state_put_double(s, "o.", "param_groups.1.lr", -1);
    refuses(&t, s, FV_ERR_OPTION, "rate");
    s = without(state, "");
    fv_state_put_double(s, "o.", "param_groups.1.betas", 0.5);
    refuses(&t, s, FV_ERR_STATE, "param_groups.1.betas is not two numbers");
    s = without(state, "");
    fv_state_put_tensor(s, "o.", "param_groups.1.params",
                        fv_ones(.shape = FV_SHAPE(3), .dtype = FV_INT64));
    refuses(&t, s, FV_ERR_STATE, "group 1 has 3 parameters in the state, 1 in the optimizer");
    s = without(state, "");
    fv_state_put_tensor(s, "o.", "param_groups.1.params",
                        fv_zeros(.shape = FV_SHAPE(1), .dtype = FV_INT64));
    refuses(&t, s, FV_ERR_STATE, "parameters of group 1 are not numbered from 1");
    refuses(&other, without(state, ""), FV_ERR_STATE, "is that of adam, the optimizer is sgd");
    fv_free(state);
    drop(&t);
    drop(&other);
}
END_TEST

START_TEST(state_is_converted_and_forgotten)
{
    FV_SCOPE;
    trained t = make(false, NULL);
    fv_state *fresh = optim_state(&t), *state;
    step(&t, 2);
    state = optim_state(&t);
    fv_tensor *buffer = fv_state_tensor(state, "o.", "state.0.momentum_buffer");
    fv_state_put_tensor(state, "o.", "state.0.momentum_buffer", fv_to(buffer, FV_FLOAT64));
    fv_state_put_tensor(state, "o.", "state.0.step", fv_scalar(2, FV_FLOAT32)); /* PyTorch's */
    fv_state *before = optim_state(&t);
    step(&t, 3);
    ck_assert_int_eq(fv_optim_set_state(t.opt, state, "o."), FV_OK);
    fv_state *after = optim_state(&t);
    ck_assert(same_state(before, after));
    fv_free(after);
    ck_assert_int_eq(fv_optim_set_state(t.opt, fresh, "o."), FV_OK); /* as if never stepped */
    after = optim_state(&t);
    ck_assert(same_state(fresh, after));
    fv_free(after);
    fv_free(before);
    fv_free(state);
    fv_free(fresh);
    drop(&t);
}
END_TEST

/* A step that fails for want of memory makes zeros that no step has used; they are no state. */
START_TEST(zeros_of_a_failed_step_are_no_state)
{
    trained t = make(false, NULL);
    FV_SCOPE;
    fv_state *before = optim_state(&t);
    for (int k = 0; k < 2; k++) fv_set_grad(t.p[k], fv_ones_like(t.p[k]));
    bool same = true;
    int refused = 0;
    for (fv_status status = FV_ERR_MEMORY; status != FV_OK && refused < 20; refused++) {
        fv_inject_alloc_failure(refused);
        status = fv_step(t.opt);
        fv_inject_alloc_failure(-1);
        if (status == FV_OK) break;
        expect_error(FV_ERR_MEMORY, "step");
        fv_state *after = optim_state(&t);
        same &= same_state(before, after);
        fv_free(after);
    }
    ck_assert_int_gt(refused, 1);
    ck_assert(same);
    fv_free(before);
    drop(&t);
}
END_TEST

static fv_scheduler *milestones(fv_optim *opt)
{
    return fv_multi_step_lr(opt, FV_MILESTONES(2, 4));
}

static fv_scheduler *one_cycle(fv_optim *opt)
{
    return fv_one_cycle_lr(opt, 0.5, .total_steps = 6);
}

static double halving(int64_t t, void *context)
{
    (void)context;
    return ldexp(1.0, (int)-t);
}

static fv_scheduler *lambda(fv_optim *opt)
{
    return fv_lambda_lr(opt, halving);
}

START_TEST(schedulers_refuse_what_is_not_theirs)
{
    FV_SCOPE;
    trained t = make(false, plateau), m = make(false, milestones), c = make(false, one_cycle);
    step(&t, 2);
    step(&m, 2);
    step(&c, 2);
    fv_state *state = schedule_state(&t), *marks = schedule_state(&m), *cycle = schedule_state(&c);
    fv_state *s;
    step(&t, 1);
    refuses_schedule(&t, without(state, "s.type"), "no scheduler under the prefix");
    refuses_schedule(&t, without(state, "s.best"), "s.best is missing");
    refuses_schedule(&t, without(state, "s.last_epoch"), "s.last_epoch is missing");
    refuses_schedule(&t, without(state, "s.patience"), "s.patience is missing");
    refuses_schedule(&t, without(marks, ""),
                     "is that of multi_step_lr, the scheduler is reduce_lr_on_plateau");
    s = without(state, "");
    fv_state_put_int(s, "s.", "more", 1);
    refuses_schedule(&t, s, "s.more is in the state; a reduce_lr_on_plateau has no such thing");
    s = without(state, "");
    fv_state_put_double(s, "s.", "eps", nextafter(1e-8, 1));
    refuses_schedule(&t, s, "eps is 1.0000000000000002e-08 in the state and 1e-08 here");
    s = without(state, "");
    fv_state_put_int(s, "s.", "last_epoch", -1);
    refuses_schedule(&t, s, "last_epoch is -1");
    s = without(cycle, "");
    fv_state_put_int(s, "s.", "last_epoch", 7);
    refuses_schedule(&c, s, "last_epoch is 7, must be from 0 to 6");
    refuses_schedule(&m, without(marks, "s.milestones"), "the milestones are missing");
    s = without(marks, "");
    fv_state_put_tensor(s, "s.", "milestones", fv_zeros(.shape = FV_SHAPE(2), .dtype = FV_INT64));
    refuses_schedule(&m, s, "other milestones");
    ck_assert_int_eq(fv_scheduler_set_state(t.schedule, state, "s."), FV_OK);
    ck_assert_int_eq(fv_scheduler_last_epoch(t.schedule), 2);
    fv_free(state);
    fv_free(marks);
    fv_free(cycle);
    drop(&t);
    drop(&m);
    drop(&c);
}
END_TEST

/* The counters of a plateau, in the midst of each of its phases. */
START_TEST(a_plateau_goes_on_in_the_midst_of_its_phases)
{
    for (int first = 0; first < 9; first++) {
        trained a = make(false, plateau), b = make(false, plateau);
        step(&a, first);
        fv_state *opt = optim_state(&a), *schedule = schedule_state(&a);
        ck_assert_int_eq(fv_optim_set_state(b.opt, opt, "o."), FV_OK);
        ck_assert_int_eq(fv_scheduler_set_state(b.schedule, schedule, "s."), FV_OK);
        for (int i = 0; i < 9; i++) {
            step(&a, 1);
            step(&b, 1);
            ck_assert_double_eq(fv_get_lr(a.opt, .group = 1), fv_get_lr(b.opt, .group = 1));
        }
        fv_free(opt);
        fv_free(schedule);
        drop(&a);
        drop(&b);
    }
}
END_TEST

START_TEST(a_lambda_schedule_has_a_place_and_no_options)
{
    trained t = make(true, lambda);
    step(&t, 3);
    fv_state *state = schedule_state(&t), *opt = optim_state(&t);
    ck_assert_int_eq(fv_state_count(state), 2); /* type, last_epoch */
    step(&t, 4);
    ck_assert_int_eq(fv_scheduler_set_state(t.schedule, state, "s."), FV_OK);
    ck_assert_int_eq(fv_optim_set_state(t.opt, opt, "o."), FV_OK);
    ck_assert_double_eq(fv_get_lr(t.opt), 0.1 / 8);
    step(&t, 1);
    ck_assert_double_eq(fv_get_lr(t.opt, .group = 1), 0.2 / 16);
    fv_free(state);
    fv_free(opt);
    drop(&t);
}
END_TEST

START_TEST(bad_calls_of_optimizers_are_told)
{
    char prefix[300];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    trained t = make(true, lambda);
    fv_state *state = fv_state_new();
    ck_assert_int_eq(fv_optim_get_state(NULL, state, ""), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "optim_get_state: the optimizer is NULL");
    ck_assert_int_eq(fv_optim_set_state(t.opt, NULL, ""), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "optim_set_state: the state is NULL");
    ck_assert_int_eq(fv_optim_get_state(t.opt, state, prefix), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a prefix of 299 letters");
    ck_assert_int_eq(fv_scheduler_get_state(NULL, state, ""), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "the scheduler is NULL");
    ck_assert_int_eq(fv_scheduler_set_state(t.schedule, NULL, ""), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "the state is NULL");
    ck_assert_int_eq(fv_optim_get_state(t.opt, state, NULL), FV_OK);
    ck_assert_int_eq(fv_optim_set_state(t.opt, state, NULL), FV_OK);
    ck_assert_int_eq(fv_optim_set_state(t.opt, state, "x"), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "no optimizer under the prefix \"x\"");
    fv_free(state);
    state = fv_state_new();
    ck_assert_int_eq(fv_scheduler_get_state(t.schedule, state, NULL), FV_OK);
    ck_assert_int_eq(fv_scheduler_set_state(t.schedule, state, NULL), FV_OK);
    fv_free(state);
    drop(&t);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("optimizer state");
    TCase *optim = add_case(suite, "optim");
    tcase_add_checked_fixture(optim, make_path, remove_path);
    tcase_add_test(optim, what_a_state_lacks_is_told);
    tcase_add_test(optim, what_an_optimizer_has_not_is_told);
    tcase_add_test(optim, values_that_cannot_be_are_told);
    tcase_add_test(optim, state_is_converted_and_forgotten);
    tcase_add_test(optim, zeros_of_a_failed_step_are_no_state);
    tcase_add_test(optim, schedulers_refuse_what_is_not_theirs);
    tcase_add_test(optim, a_plateau_goes_on_in_the_midst_of_its_phases);
    tcase_add_test(optim, a_lambda_schedule_has_a_place_and_no_options);
    tcase_add_test(optim, bad_calls_of_optimizers_are_told);
    return suite;
}
