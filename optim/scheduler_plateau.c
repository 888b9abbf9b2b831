/* Reducing the rate when a metric has stopped improving. */
#include "optim/scheduler_impl.h"

#include <math.h>

static bool is_better(const fv_reduce_lr_on_plateau_args *o, double value, double best)
{
    bool relative = o->threshold_mode == FV_THRESHOLD_REL;
    if (o->mode == FV_MODE_MIN)
        return value < (relative ? best * (1.0 - o->threshold) : best - o->threshold);
    return value > (relative ? best * (o->threshold + 1.0) : best + o->threshold);
}

static void reduce_rates(const fv_scheduler *s)
{
    const fv_reduce_lr_on_plateau_args *o = &s->of.plateau.args;
    for (int64_t g = 0; g < s->optim->count; g++) {
        double *lr = &s->optim->groups[g].options.lr;
        double next = fmax(*lr * o->factor, o->min_lr);
        if (*lr - next > o->eps) *lr = next;
    }
}

static fv_status plateau_step(fv_scheduler *s, double metric)
{
    const fv_reduce_lr_on_plateau_args *o = &s->of.plateau.args;
    if (metric == (double)FV_UNSET)
        return fv_fail(FV_ERR_OPTION, "scheduler_step: reduce_lr_on_plateau needs a metric: "
                                      "fv_scheduler_step(scheduler, loss)");
    if (isnan(metric)) return fv_fail(FV_ERR_OPTION, "scheduler_step: the metric is NaN");
    s->last_epoch++;
    if (is_better(o, metric, s->of.plateau.best)) {
        s->of.plateau.best = metric;
        s->of.plateau.bad = 0;
    } else {
        s->of.plateau.bad++;
    }
    if (s->of.plateau.cooling > 0) {
        s->of.plateau.cooling--;
        s->of.plateau.bad = 0;
    }
    if (s->of.plateau.bad > o->patience) {
        reduce_rates(s);
        s->of.plateau.cooling = o->cooldown;
        s->of.plateau.bad = 0;
    }
    return FV_OK;
}

static const fv_field plateau_options[] = {
    {"mode", FV_FIELD_ENUM, offsetof(fv_scheduler, of.plateau.args.mode)},
    {"factor", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.plateau.args.factor)},
    {"patience", FV_FIELD_INT, offsetof(fv_scheduler, of.plateau.args.patience)},
    {"threshold", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.plateau.args.threshold)},
    {"threshold_mode", FV_FIELD_ENUM, offsetof(fv_scheduler, of.plateau.args.threshold_mode)},
    {"cooldown", FV_FIELD_INT, offsetof(fv_scheduler, of.plateau.args.cooldown)},
    {"min_lr", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.plateau.args.min_lr)},
    {"eps", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.plateau.args.eps)},
    {0},
};

static const fv_field plateau_counters[] = {
    {"best", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.plateau.best)},
    {"num_bad_epochs", FV_FIELD_INT, offsetof(fv_scheduler, of.plateau.bad)},
    {"cooldown_counter", FV_FIELD_INT, offsetof(fv_scheduler, of.plateau.cooling)},
    {0},
};

const fv_reduce_lr_on_plateau_args fv_reduce_lr_on_plateau_defaults = {
    FV_REDUCE_LR_ON_PLATEAU_DEFAULTS};

fv_scheduler *fv_reduce_lr_on_plateau_ex(const fv_reduce_lr_on_plateau_args *a)
{
    if (!fv_args_ok("reduce_lr_on_plateau", a, sizeof *a)) return NULL;
    const char *name = "reduce_lr_on_plateau";
    if (!(a->factor >= 0.0 && a->factor < 1.0) || a->patience < 0 || a->cooldown < 0) {
        fv_fail(FV_ERR_OPTION,
                "%s: factor %g must be in [0, 1), patience %lld and cooldown %lld >= 0", name,
                a->factor, (long long)a->patience, (long long)a->cooldown);
        return NULL;
    }
    if (!fv_constant_ok(name, "mode", a->mode, FV_PLATEAU_MODE_FIRST) ||
        !fv_constant_ok(name, "threshold_mode", a->threshold_mode, FV_THRESHOLD_MODE_FIRST))
        return NULL;
    if (fv_scheduler_check_factor(name, "min_lr", a->min_lr) != FV_OK ||
        fv_scheduler_check_factor(name, "eps", a->eps) != FV_OK ||
        fv_scheduler_check_factor(name, "threshold", a->threshold) != FV_OK)
        return NULL;
    fv_scheduler *s = fv_scheduler_new(name, plateau_options, a->optim, NULL);
    if (!s) return NULL;
    s->of.plateau.args = *a;
    s->of.plateau.best = a->mode == FV_MODE_MIN ? (double)INFINITY : -(double)INFINITY;
    s->step = plateau_step;
    s->counters = plateau_counters;
    return s;
}
