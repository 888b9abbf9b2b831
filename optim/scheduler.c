/* What all schedulers share, and the simple ones: step, multi-step, exponential, cosine, linear,
 * lambda. The formulas are PyTorch's chained ones, in PyTorch's order of operations. */
#include "optim/scheduler_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

fv_scheduler *fv_scheduler_new(const char *name, const fv_field *options, fv_optim *optim,
                               fv_rate_fn rate)
{
    if (!optim) {
        fv_fail(FV_ERR_OPTION, "%s: the optimizer is NULL", name);
        return NULL;
    }
    fv_scheduler *s = calloc(1, sizeof *s);
    if (!s) {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory", name);
        return NULL;
    }
    s->name = name;
    s->options = options;
    s->optim = optim;
    s->rate = rate;
    s->last_step = INT64_MAX - 1;
    return s;
}

static double initial_rate(const fv_group *group)
{
    return group->has_initial_lr ? group->initial_lr : group->options.lr;
}

/* A product of factors that should have come to 0 may miss it by some ulps to the other side. */
static double without_rounding(double rate, double initial)
{
    return rate < 0.0 && rate > -1e-12 * initial ? 0.0 : rate;
}

/* What a schedule wants to set must be a rate. */
static fv_status check_rate(const fv_scheduler *s, int64_t g, const char *what, double value)
{
    if (value >= 0.0 && isfinite(value)) return FV_OK;
    return fv_fail(FV_ERR_OPTION,
                   "%s: step %lld would make the %s of group %lld %g; it must be finite and >= 0",
                   s->name, (long long)s->last_epoch, what, (long long)g, value);
}

/* The rates of all groups are found, and found good, before the first is set. */
static fv_status set_rates(fv_scheduler *s)
{
    fv_status status = FV_OK;
    double momentum = s->momentum ? s->momentum(s) : 0.0;
    for (int64_t g = 0; g < s->optim->count && status == FV_OK; g++) {
        fv_group *group = &s->optim->groups[g];
        fv_group trial = *group;
        trial.initial_lr = initial_rate(group);
        group->next_lr = without_rounding(s->rate(s, &trial), trial.initial_lr);
        status = check_rate(s, g, "rate", group->next_lr);
        if (status == FV_OK && s->momentum) status = check_rate(s, g, "momentum", momentum);
    }
    for (int64_t g = 0; g < s->optim->count && status == FV_OK; g++) {
        fv_group *group = &s->optim->groups[g];
        group->initial_lr = initial_rate(group);
        group->has_initial_lr = true;
        group->options.lr = group->next_lr;
        if (s->momentum) *fv_group_momentum(s->optim, group) = momentum;
    }
    return status;
}

fv_scheduler *fv_scheduler_begin(fv_scheduler *s)
{
    if (set_rates(s) == FV_OK) return s;
    fv_scheduler_free(s);
    return NULL;
}

const fv_scheduler_step_args fv_scheduler_step_defaults = {FV_SCHEDULER_STEP_DEFAULTS};

fv_status fv_scheduler_step_ex(const fv_scheduler_step_args *a)
{
    if (!fv_args_ok("scheduler_step", a, sizeof *a)) return FV_ERR_OPTION;
    fv_scheduler *s = a->scheduler;
    if (!s) return fv_fail(FV_ERR_OPTION, "scheduler_step: the scheduler is NULL");
    if (s->step) return s->step(s, a->metric);
    if (a->metric != (double)FV_UNSET)
        return fv_fail(FV_ERR_OPTION, "scheduler_step: %s takes no metric; it is %g", s->name,
                       a->metric);
    if (s->last_epoch >= s->last_step)
        return fv_fail(FV_ERR_STATE, "scheduler_step: step %lld of a schedule of %lld steps",
                       (long long)s->last_epoch + 1, (long long)s->last_step);
    s->last_epoch++;
    fv_status status = set_rates(s);
    if (status != FV_OK) s->last_epoch--; /* the step was not done */
    return status;
}

fv_status fv_scheduler_check_factor(const char *name, const char *option, double value)
{
    if (value >= 0.0 && isfinite(value)) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "%s: %s is %g, must be finite and >= 0", name, option, value);
}

int64_t fv_scheduler_last_epoch(const fv_scheduler *scheduler)
{
    return scheduler ? scheduler->last_epoch : 0;
}

void fv_scheduler_free(fv_scheduler *scheduler)
{
    if (!scheduler) return;
    free(scheduler->milestones);
    free(scheduler);
}

/* --- step ------------------------------------------------------------------------------- */

static double step_rate(const fv_scheduler *s, const fv_group *group)
{
    double lr = group->options.lr;
    if (s->last_epoch == 0 || s->last_epoch % s->of.step_lr.step_size != 0) return lr;
    return lr * s->of.step_lr.gamma;
}

static const fv_field step_options[] = {
    {"step_size", FV_FIELD_INT, offsetof(fv_scheduler, of.step_lr.step_size)},
    {"gamma", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.step_lr.gamma)},
    {0},
};

const fv_step_lr_args fv_step_lr_defaults = {FV_STEP_LR_DEFAULTS};

fv_scheduler *fv_step_lr_ex(const fv_step_lr_args *a)
{
    if (!fv_args_ok("step_lr", a, sizeof *a)) return NULL;
    if (a->step_size < 1) {
        fv_fail(FV_ERR_OPTION, "step_lr: step_size is %lld, must be >= 1", (long long)a->step_size);
        return NULL;
    }
    if (fv_scheduler_check_factor("step_lr", "gamma", a->gamma) != FV_OK) return NULL;
    fv_scheduler *s = fv_scheduler_new("step_lr", step_options, a->optim, step_rate);
    if (!s) return NULL;
    s->of.step_lr = *a;
    return fv_scheduler_begin(s);
}

/* --- multi-step ------------------------------------------------------------------------- */

static double multi_step_rate(const fv_scheduler *s, const fv_group *group)
{
    int64_t hits = 0;
    for (int64_t i = 0; i < s->of.multi_step.milestones.count; i++)
        hits += s->milestones[i] == s->last_epoch;
    if (hits == 0) return group->options.lr;
    return group->options.lr * pow(s->of.multi_step.gamma, (double)hits);
}

/* Its milestones are put beside them (scheduler_state.c). */
static const fv_field multi_step_options[] = {
    {"gamma", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.multi_step.gamma)},
    {0},
};

const fv_multi_step_lr_args fv_multi_step_lr_defaults = {FV_MULTI_STEP_LR_DEFAULTS};

fv_scheduler *fv_multi_step_lr_ex(const fv_multi_step_lr_args *a)
{
    if (!fv_args_ok("multi_step_lr", a, sizeof *a)) return NULL;
    int64_t count = a->milestones.count;
    if (count < 0 || (count > 0 && !a->milestones.steps)) {
        fv_fail(FV_ERR_OPTION, "multi_step_lr: the milestones are missing");
        return NULL;
    }
    if (fv_scheduler_check_factor("multi_step_lr", "gamma", a->gamma) != FV_OK) return NULL;
    fv_scheduler *s =
        fv_scheduler_new("multi_step_lr", multi_step_options, a->optim, multi_step_rate);
    if (!s) return NULL;
    s->of.multi_step = *a;
    s->milestones = calloc((size_t)count + 1, sizeof *s->milestones);
    if (!s->milestones) {
        fv_fail(FV_ERR_MEMORY, "multi_step_lr: out of memory");
        fv_scheduler_free(s);
        return NULL;
    }
    if (count > 0)
        memcpy(s->milestones, a->milestones.steps, (size_t)count * sizeof *s->milestones);
    return fv_scheduler_begin(s);
}

/* --- exponential ------------------------------------------------------------------------ */

static double exponential_rate(const fv_scheduler *s, const fv_group *group)
{
    return s->last_epoch == 0 ? group->options.lr : group->options.lr * s->of.gamma;
}

static const fv_field exponential_options[] = {
    {"gamma", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.gamma)},
    {0},
};

fv_scheduler *fv_exponential_lr(fv_optim *optim, double gamma)
{
    if (fv_scheduler_check_factor("exponential_lr", "gamma", gamma) != FV_OK) return NULL;
    fv_scheduler *s =
        fv_scheduler_new("exponential_lr", exponential_options, optim, exponential_rate);
    if (!s) return NULL;
    s->of.gamma = gamma;
    return fv_scheduler_begin(s);
}

/* --- cosine ----------------------------------------------------------------------------- */

static double cosine_rate(const fv_scheduler *s, const fv_group *group)
{
    const double pi = 3.14159265358979323846;
    double low = s->of.cosine.eta_min, lr = group->options.lr;
    int64_t t = s->last_epoch, t_max = s->of.cosine.t_max;
    if (t == 0) return lr;
    if ((t - 1 - t_max) % (2 * t_max) == 0) /* leaving the bottom, where the quotient is 0 / 0 */
        return lr + (group->initial_lr - low) * (1 - cos(pi / (double)t_max)) / 2;
    return (1 + cos(pi * (double)t / (double)t_max)) /
               (1 + cos(pi * (double)(t - 1) / (double)t_max)) * (lr - low) +
           low;
}

static const fv_field cosine_options[] = {
    {"t_max", FV_FIELD_INT, offsetof(fv_scheduler, of.cosine.t_max)},
    {"eta_min", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.cosine.eta_min)},
    {0},
};

const fv_cosine_annealing_lr_args fv_cosine_annealing_lr_defaults = {
    FV_COSINE_ANNEALING_LR_DEFAULTS};

fv_scheduler *fv_cosine_annealing_lr_ex(const fv_cosine_annealing_lr_args *a)
{
    if (!fv_args_ok("cosine_annealing_lr", a, sizeof *a)) return NULL;
    if (a->t_max < 1 || a->t_max > INT64_MAX / 4) {
        fv_fail(FV_ERR_OPTION, "cosine_annealing_lr: t_max is %lld, must be >= 1",
                (long long)a->t_max);
        return NULL;
    }
    if (fv_scheduler_check_factor("cosine_annealing_lr", "eta_min", a->eta_min) != FV_OK)
        return NULL;
    fv_scheduler *s =
        fv_scheduler_new("cosine_annealing_lr", cosine_options, a->optim, cosine_rate);
    if (!s) return NULL;
    s->of.cosine = *a;
    return fv_scheduler_begin(s);
}

/* --- linear ----------------------------------------------------------------------------- */

static double linear_rate(const fv_scheduler *s, const fv_group *group)
{
    const fv_linear_lr_args *o = &s->of.linear;
    double lr = group->options.lr, rise = o->end_factor - o->start_factor;
    if (s->last_epoch == 0) return lr * o->start_factor;
    if (s->last_epoch > o->total_iters) return lr;
    return lr * (1.0 + rise / ((double)o->total_iters * o->start_factor +
                               (double)(s->last_epoch - 1) * rise));
}

static const fv_field linear_options[] = {
    {"start_factor", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.linear.start_factor)},
    {"end_factor", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.linear.end_factor)},
    {"total_iters", FV_FIELD_INT, offsetof(fv_scheduler, of.linear.total_iters)},
    {0},
};

const fv_linear_lr_args fv_linear_lr_defaults = {FV_LINEAR_LR_DEFAULTS};

fv_scheduler *fv_linear_lr_ex(const fv_linear_lr_args *a)
{
    if (!fv_args_ok("linear_lr", a, sizeof *a)) return NULL;
    if (!(a->start_factor > 0.0 && a->start_factor <= 1.0) ||
        !(a->end_factor >= 0.0 && a->end_factor <= 1.0) || a->total_iters < 0) {
        fv_fail(FV_ERR_OPTION,
                "linear_lr: start_factor %g must be in (0, 1], end_factor %g in [0, 1], "
                "total_iters %lld >= 0",
                a->start_factor, a->end_factor, (long long)a->total_iters);
        return NULL;
    }
    fv_scheduler *s = fv_scheduler_new("linear_lr", linear_options, a->optim, linear_rate);
    if (!s) return NULL;
    s->of.linear = *a;
    return fv_scheduler_begin(s);
}

/* --- lambda ----------------------------------------------------------------------------- */

static double lambda_rate(const fv_scheduler *s, const fv_group *group)
{
    return group->initial_lr * s->of.lambda.function(s->last_epoch, s->of.lambda.context);
}

static const fv_field lambda_options[] = {{0}}; /* a function has no name */

const fv_lambda_lr_args fv_lambda_lr_defaults = {FV_LAMBDA_LR_DEFAULTS};

fv_scheduler *fv_lambda_lr_ex(const fv_lambda_lr_args *a)
{
    if (!fv_args_ok("lambda_lr", a, sizeof *a)) return NULL;
    if (!a->function) {
        fv_fail(FV_ERR_OPTION, "lambda_lr: the function is NULL");
        return NULL;
    }
    fv_scheduler *s = fv_scheduler_new("lambda_lr", lambda_options, a->optim, lambda_rate);
    if (!s) return NULL;
    s->of.lambda = *a;
    return fv_scheduler_begin(s);
}
