/* The one-cycle schedule, which drives momentum as well as the rate. */
#include "optim/scheduler_impl.h"

#include <math.h>

static double anneal(fv_anneal strategy, double from, double to, double part)
{
    const double pi = 3.14159265358979323846;
    if (strategy == FV_ANNEAL_LINEAR) return (to - from) * part + from;
    return to + (from - to) / 2.0 * (cos(pi * part) + 1);
}

/* The phase that holds the present step, and how far into it the step lies. */
static int find_phase(const fv_scheduler *s, double *part)
{
    const fv_one_cycle_lr_args *o = &s->of.one_cycle;
    double total = (double)o->total_steps, step = (double)s->last_epoch, start = 0.0;
    int phases = o->three_phase ? 3 : 2;
    volatile double rise = o->pct_start * total; /* rounded: a fused product minus 1 misses 0 */
    double ends[3] = {rise - 1, 2 * rise - 2, total - 1};
    ends[phases - 1] = total - 1;
    int i = 0;
    while (i < phases - 1 && step > ends[i]) start = ends[i++];
    double length = ends[i] - start;
    *part = length != 0.0 ? (step - start) / length : 1.0;
    return i;
}

static double one_cycle_rate(const fv_scheduler *s, const fv_group *group)
{
    (void)group;
    const fv_one_cycle_lr_args *o = &s->of.one_cycle;
    double part, initial = o->max_lr / o->div_factor, last = initial / o->final_div_factor;
    int phase = find_phase(s, &part);
    if (phase == 0) return anneal(o->anneal_strategy, initial, o->max_lr, part);
    if (!o->three_phase) return anneal(o->anneal_strategy, o->max_lr, last, part);
    if (phase == 1) return anneal(o->anneal_strategy, o->max_lr, initial, part);
    return anneal(o->anneal_strategy, initial, last, part);
}

static double one_cycle_momentum(const fv_scheduler *s)
{
    const fv_one_cycle_lr_args *o = &s->of.one_cycle;
    double part;
    int phase = find_phase(s, &part);
    if (phase == 0) return anneal(o->anneal_strategy, o->max_momentum, o->base_momentum, part);
    if (phase == 1) return anneal(o->anneal_strategy, o->base_momentum, o->max_momentum, part);
    return o->max_momentum;
}

/* total_steps, or epochs times steps_per_epoch; 0 after an error. */
static int64_t steps_of(const fv_one_cycle_lr_args *a)
{
    int64_t steps = a->total_steps;
    if (steps == FV_UNSET) {
        if (a->epochs < 1 || a->steps_per_epoch < 1 || a->epochs > INT64_MAX / a->steps_per_epoch) {
            fv_fail(FV_ERR_OPTION,
                    "one_cycle_lr: give total_steps, or epochs and steps_per_epoch, all >= 1");
            return 0;
        }
        steps = a->epochs * a->steps_per_epoch;
    }
    if (a->total_steps != FV_UNSET && (a->epochs != FV_UNSET || a->steps_per_epoch != FV_UNSET)) {
        fv_fail(FV_ERR_OPTION,
                "one_cycle_lr: total_steps is given, and epochs or steps_per_epoch too");
        return 0;
    }
    if (steps < 1) {
        fv_fail(FV_ERR_OPTION, "one_cycle_lr: total_steps is %lld, must be >= 1", (long long)steps);
        return 0;
    }
    return steps;
}

static bool is_rate(double value)
{
    return value >= 0.0 && isfinite(value);
}

static bool options_hold(const fv_one_cycle_lr_args *a)
{
    if (!(a->pct_start >= 0.0 && a->pct_start <= 1.0))
        fv_fail(FV_ERR_OPTION, "one_cycle_lr: pct_start is %g, must be in [0, 1]", a->pct_start);
    else if (!fv_constant_ok("one_cycle_lr", "anneal_strategy", a->anneal_strategy,
                             FV_ANNEAL_FIRST))
        return false;
    else if (!is_rate(a->max_lr) || !is_rate(a->max_lr / a->div_factor) || !(a->div_factor > 0.0) ||
             !(a->final_div_factor > 0.0))
        fv_fail(FV_ERR_OPTION,
                "one_cycle_lr: max_lr %g must be >= 0, div_factor %g and final_div_factor %g > 0",
                a->max_lr, a->div_factor, a->final_div_factor);
    else if (a->cycle_momentum && !(is_rate(a->base_momentum) && is_rate(a->max_momentum)))
        fv_fail(FV_ERR_OPTION, "one_cycle_lr: base_momentum %g and max_momentum %g must be >= 0",
                a->base_momentum, a->max_momentum);
    else
        return true;
    return false;
}

static const fv_field one_cycle_options[] = {
    {"max_lr", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.max_lr)},
    {"total_steps", FV_FIELD_INT, offsetof(fv_scheduler, of.one_cycle.total_steps)},
    {"pct_start", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.pct_start)},
    {"anneal_strategy", FV_FIELD_ENUM, offsetof(fv_scheduler, of.one_cycle.anneal_strategy)},
    {"cycle_momentum", FV_FIELD_BOOL, offsetof(fv_scheduler, of.one_cycle.cycle_momentum)},
    {"base_momentum", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.base_momentum)},
    {"max_momentum", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.max_momentum)},
    {"div_factor", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.div_factor)},
    {"final_div_factor", FV_FIELD_DOUBLE, offsetof(fv_scheduler, of.one_cycle.final_div_factor)},
    {"three_phase", FV_FIELD_BOOL, offsetof(fv_scheduler, of.one_cycle.three_phase)},
    {0},
};

const fv_one_cycle_lr_args fv_one_cycle_lr_defaults = {FV_ONE_CYCLE_LR_DEFAULTS};

fv_scheduler *fv_one_cycle_lr_ex(const fv_one_cycle_lr_args *a)
{
    if (!fv_args_ok("one_cycle_lr", a, sizeof *a)) return NULL;
    int64_t steps = steps_of(a);
    if (steps == 0 || !options_hold(a)) return NULL;
    fv_scheduler *s = fv_scheduler_new("one_cycle_lr", one_cycle_options, a->optim, one_cycle_rate);
    if (!s) return NULL;
    s->of.one_cycle = *a;
    s->of.one_cycle.total_steps = steps;
    s->last_step = steps;
    s->momentum = a->cycle_momentum ? one_cycle_momentum : NULL;
    for (int64_t g = 0; g < a->optim->count; g++) {
        a->optim->groups[g].initial_lr = a->max_lr / a->div_factor;
        a->optim->groups[g].has_initial_lr = true;
    }
    return fv_scheduler_begin(s);
}
