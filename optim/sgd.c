/* Stochastic gradient descent with momentum. */
#include "optim/optimizer_impl.h"

#include <math.h>

static fv_status sgd_check(const char *name, const fv_options *o)
{
    if (!(o->lr >= 0.0 && isfinite(o->lr)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid learning rate: %g", name, o->lr);
    if (!(o->momentum >= 0.0 && isfinite(o->momentum)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid momentum value: %g", name, o->momentum);
    if (!(o->weight_decay >= 0.0 && isfinite(o->weight_decay)))
        return fv_fail(FV_ERR_OPTION, "%s: invalid weight_decay value: %g", name, o->weight_decay);
    if (!isfinite(o->dampening))
        return fv_fail(FV_ERR_OPTION, "%s: invalid dampening value: %g", name, o->dampening);
    if (o->nesterov && (o->momentum <= 0.0 || o->dampening != 0.0))
        return fv_fail(FV_ERR_OPTION,
                       "%s: nesterov requires a momentum and zero dampening; momentum is %g, "
                       "dampening %g",
                       name, o->momentum, o->dampening);
    return FV_OK;
}

static unsigned sgd_states(const fv_options *o)
{
    return o->momentum != 0.0 ? 1u : 0u;
}

static void sgd_prepare(const fv_slot *slot, const fv_options *o, fv_update *u)
{
    u->kind = FV_UPDATE_SGD;
    u->first = (slot->fresh & 1u) != 0; /* of the buffer */
    u->decay = o->weight_decay;
    u->momentum = o->momentum;
    u->keep = 1.0 - o->dampening;
    u->nesterov = o->nesterov;
    u->rate = o->lr;
}

static const fv_field sgd_fields[] = {
    {"lr", FV_FIELD_DOUBLE, offsetof(fv_options, lr)},
    {"momentum", FV_FIELD_DOUBLE, offsetof(fv_options, momentum)},
    {"dampening", FV_FIELD_DOUBLE, offsetof(fv_options, dampening)},
    {"weight_decay", FV_FIELD_DOUBLE, offsetof(fv_options, weight_decay)},
    {"nesterov", FV_FIELD_BOOL, offsetof(fv_options, nesterov)},
    {"maximize", FV_FIELD_BOOL, offsetof(fv_options, maximize)},
    {0},
};

static const fv_optim_type sgd_type = {
    .name = "sgd",
    .has = FV_HAS_MOMENTUM,
    .fields = sgd_fields,
    .states_of = {"momentum_buffer"},
    .states = sgd_states,
    .check = sgd_check,
    .prepare = sgd_prepare,
};

const fv_sgd_args fv_sgd_defaults = {FV_SGD_DEFAULTS};

fv_optim *fv_sgd_ex(const fv_sgd_args *a)
{
    if (!fv_args_ok("sgd", a, sizeof *a)) return NULL;
    fv_options options = {
        .lr = a->lr,
        .momentum = a->momentum,
        .dampening = a->dampening,
        .weight_decay = a->weight_decay,
        .nesterov = a->nesterov,
        .maximize = a->maximize,
    };
    return fv_optim_new(&sgd_type, &options, a->params);
}
