/* Adam and AdamW. */
#include "optim/optimizer_impl.h"

#include <math.h>

static fv_status adam_check(const char *name, const fv_options *o)
{
    if (!(o->lr >= 0.0 && isfinite(o->lr)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid learning rate: %g", name, o->lr);
    if (!(o->eps >= 0.0 && isfinite(o->eps)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid epsilon value: %g", name, o->eps);
    if (!(o->beta1 >= 0.0 && o->beta1 < 1.0))
        return fv_fail(FV_ERR_OPTION, "%s: beta1 is %g, must be in [0, 1)", name, o->beta1);
    if (!(o->beta2 >= 0.0 && o->beta2 < 1.0))
        return fv_fail(FV_ERR_OPTION, "%s: beta2 is %g, must be in [0, 1)", name, o->beta2);
    if (!(o->weight_decay >= 0.0 && isfinite(o->weight_decay)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid weight_decay value: %g", name, o->weight_decay);
    return FV_OK;
}

static unsigned adam_states(const fv_options *o)
{
    return o->amsgrad ? 7u : 3u;
}

static void adam_common(const fv_slot *slot, const fv_options *o, fv_update *u)
{
    double t = (double)slot->steps;
    u->kind = FV_UPDATE_ADAM;
    u->beta1 = o->beta1;
    u->rest1 = 1.0 - o->beta1;
    u->beta2 = o->beta2;
    u->rest2 = 1.0 - o->beta2;
    u->root = sqrt(1.0 - pow(o->beta2, t));
    u->eps = o->eps;
    u->amsgrad = o->amsgrad;
    u->rate = o->lr / (1.0 - pow(o->beta1, t));
}

static void adam_prepare(const fv_slot *slot, const fv_options *o, fv_update *u)
{
    adam_common(slot, o, u);
    u->decay = o->weight_decay;
}

static void adamw_prepare(const fv_slot *slot, const fv_options *o, fv_update *u)
{
    adam_common(slot, o, u);
    u->shrink = 1.0 - o->lr * o->weight_decay;
}

static const fv_field adam_fields[] = {
    {"lr", FV_FIELD_DOUBLE, offsetof(fv_options, lr)},
    {"betas", FV_FIELD_PAIR, offsetof(fv_options, beta1)},
    {"eps", FV_FIELD_DOUBLE, offsetof(fv_options, eps)},
    {"weight_decay", FV_FIELD_DOUBLE, offsetof(fv_options, weight_decay)},
    {"amsgrad", FV_FIELD_BOOL, offsetof(fv_options, amsgrad)},
    {"maximize", FV_FIELD_BOOL, offsetof(fv_options, maximize)},
    {0},
};

static const fv_optim_type adam_type = {
    .name = "adam",
    .has = FV_HAS_BETAS,
    .fields = adam_fields,
    .states_of = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .complete = true,
    .states = adam_states,
    .check = adam_check,
    .prepare = adam_prepare,
};

static const fv_optim_type adamw_type = {
    .name = "adamw",
    .has = FV_HAS_BETAS,
    .fields = adam_fields,
    .states_of = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .complete = true,
    .states = adam_states,
    .check = adam_check,
    .prepare = adamw_prepare,
};

static fv_optim *adam_new(const fv_optim_type *type, const fv_adam_args *a)
{
    fv_options options = {
        .lr = a->lr,
        .beta1 = a->beta1,
        .beta2 = a->beta2,
        .eps = a->eps,
        .weight_decay = a->weight_decay,
        .amsgrad = a->amsgrad,
        .maximize = a->maximize,
    };
    return fv_optim_new(type, &options, a->params);
}

const fv_adam_args fv_adam_defaults = {FV_ADAM_DEFAULTS};

fv_optim *fv_adam_ex(const fv_adam_args *a)
{
    if (!fv_args_ok("adam", a, sizeof *a)) return NULL;
    return adam_new(&adam_type, a);
}

const fv_adam_args fv_adamw_defaults = {FV_ADAMW_DEFAULTS};

fv_optim *fv_adamw_ex(const fv_adam_args *a)
{
    if (!fv_args_ok("adamw", a, sizeof *a)) return NULL;
    return adam_new(&adamw_type, a);
}
