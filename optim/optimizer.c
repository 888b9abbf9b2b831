/* Optimizers: groups, the step, learning rates. The formulas are in sgd.c, adam.c and update_*. */
#include "optim/optimizer_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/observe.h"
#include "tensor/ranges.h"

static bool has_param(const fv_optim *optim, const fv_tensor *param)
{
    for (int64_t g = 0; g < optim->count; g++)
        for (int64_t i = 0; i < optim->groups[g].count; i++)
            if (optim->groups[g].slots[i].param == param) return true;
    return false;
}

static fv_status check_params(const fv_optim *optim, fv_tensor_list params)
{
    const char *name = optim->type->name;
    if (!params.items || params.count <= 0)
        return fv_fail(FV_ERR_OPTION, "%s: the list of parameters is empty", name);
    for (int64_t i = 0; i < params.count; i++) {
        const fv_tensor *p = params.items[i];
        long long number = (long long)i;
        if (fv_failed_in(name, p))
            return fv_fail(FV_ERR_OPTION, "%s: parameter %lld is missing or failed", name, number);
        if (!fv_dtype_is_floating(p->dtype))
            return fv_fail(FV_ERR_DTYPE, "%s: parameter %lld is %s, not floating", name, number,
                           fv_dtype_name(p->dtype));
        if (!fv_is_leaf(p))
            return fv_fail(FV_ERR_OPTION, "%s: parameter %lld is the result of an op, no leaf",
                           name, number);
        bool twice = has_param(optim, p);
        for (int64_t j = 0; j < i; j++) twice |= params.items[j] == p;
        if (twice) return fv_fail(FV_ERR_OPTION, "%s: parameter %lld is given twice", name, number);
    }
    return FV_OK;
}

static fv_status add_group(fv_optim *optim, const fv_options *options, fv_tensor_list params)
{
    fv_status status = optim->type->check(optim->type->name, options);
    if (status == FV_OK) status = check_params(optim, params);
    if (status != FV_OK) return status;
    fv_group *groups = realloc(optim->groups, (size_t)(optim->count + 1) * sizeof *groups);
    if (groups) optim->groups = groups;
    fv_slot *slots = calloc((size_t)params.count, sizeof *slots);
    if (!groups || !slots) {
        free(slots);
        return fv_fail(FV_ERR_MEMORY, "%s: out of memory", optim->type->name);
    }
    for (int64_t i = 0; i < params.count; i++) slots[i].param = fv_retain(params.items[i]);
    groups[optim->count++] = (fv_group){.options = *options, .slots = slots, .count = params.count};
    return FV_OK;
}

fv_optim *fv_optim_new(const fv_optim_type *type, const fv_options *options, fv_tensor_list params)
{
    fv_optim *optim = calloc(1, sizeof *optim);
    if (!optim) {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory", type->name);
        return NULL;
    }
    optim->type = type;
    optim->defaults = *options;
    if (add_group(optim, options, params) == FV_OK) return optim;
    fv_optim_free(optim);
    return NULL;
}

static double given(double value, double otherwise)
{
    return value == (double)FV_UNSET ? otherwise : value;
}

static bool given_flag(int value, bool otherwise)
{
    return value == FV_INHERIT ? otherwise : value != 0;
}

/* Options that the optimizer has not: the first of them that is given is told. */
static fv_status check_given(const fv_optim *optim, const fv_group_args *a)
{
    const double unset = (double)FV_UNSET;
    const struct {
        const char *name;
        unsigned of;
        bool given;
    } options[] = {
        {"momentum", FV_HAS_MOMENTUM, a->momentum != unset},
        {"dampening", FV_HAS_MOMENTUM, a->dampening != unset},
        {"nesterov", FV_HAS_MOMENTUM, a->nesterov != FV_INHERIT},
        {"beta1", FV_HAS_BETAS, a->beta1 != unset},
        {"beta2", FV_HAS_BETAS, a->beta2 != unset},
        {"eps", FV_HAS_BETAS, a->eps != unset},
        {"amsgrad", FV_HAS_BETAS, a->amsgrad != FV_INHERIT},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].given && !(options[i].of & optim->type->has))
            return fv_fail(FV_ERR_OPTION, "optim_add_group: %s has no option %s", optim->type->name,
                           options[i].name);
    const struct {
        const char *name;
        int value;
    } flags[] = {{"nesterov", a->nesterov}, {"amsgrad", a->amsgrad}, {"maximize", a->maximize}};
    for (int i = 0; i < 3; i++)
        if (flags[i].value != FV_INHERIT && flags[i].value != 0 && flags[i].value != 1)
            return fv_fail(FV_ERR_OPTION, "optim_add_group: %s is %d, neither true nor false",
                           flags[i].name, flags[i].value);
    return FV_OK;
}

const fv_group_args fv_group_defaults = {FV_GROUP_DEFAULTS};

fv_status fv_optim_add_group_ex(const fv_group_args *a)
{
    if (!fv_args_ok("optim_add_group", a, sizeof *a)) return FV_ERR_OPTION;
    if (!a->optim) return fv_fail(FV_ERR_OPTION, "optim_add_group: the optimizer is NULL");
    fv_status status = check_given(a->optim, a);
    if (status != FV_OK) return status;
    const fv_options *d = &a->optim->defaults;
    fv_options options = {
        .lr = given(a->lr, d->lr),
        .momentum = given(a->momentum, d->momentum),
        .dampening = given(a->dampening, d->dampening),
        .weight_decay = given(a->weight_decay, d->weight_decay),
        .beta1 = given(a->beta1, d->beta1),
        .beta2 = given(a->beta2, d->beta2),
        .eps = given(a->eps, d->eps),
        .nesterov = given_flag(a->nesterov, d->nesterov),
        .amsgrad = given_flag(a->amsgrad, d->amsgrad),
        .maximize = given_flag(a->maximize, d->maximize),
    };
    return add_group(a->optim, &options, a->params);
}

int64_t fv_optim_group_count(const fv_optim *optim)
{
    return optim ? optim->count : 0;
}

/* --- the step --------------------------------------------------------------------------- */

/* Same order in memory: lengths of 1 have no say. */
static bool same_order(const fv_tensor *a, const fv_tensor *b)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1 && a->strides[d] != b->strides[d]) return false;
    return true;
}

/* A dense tensor in the order of like's dimensions; NULL when memory is out. */
static fv_tensor *dense_like(const fv_tensor *like)
{
    int64_t strides[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(like);
    fv_strides_like(like, strides);
    return fv_tensor_alloc_as(like->shapes_only, like->dtype, &shape, strides);
}

static fv_tensor *dense_copy(const fv_tensor *source, const fv_tensor *like)
{
    fv_tensor *copy = dense_like(like);
    if (copy) fv_copy_elements(copy, source);
    return copy;
}

fv_tensor *fv_slot_state(fv_slot *slot, int k)
{
    if (slot->state[k]) return slot->state[k];
    fv_tensor *state = dense_like(slot->param);
    if (!state) return NULL;
    if (!state->shapes_only && state->numel > 0)
        memset(state->data, 0, (size_t)state->numel * fv_dtype_size(state->dtype));
    slot->state[k] = state;
    slot->fresh |= 1u << k;
    return state;
}

/* Everything of a step that can fail: state, and copies of what does not lie side by side. */
static fv_status make_ready(const fv_optim *optim, const fv_group *group, fv_slot *slot)
{
    bool ok = true;
    slot->grad = fv_grad_of(slot->param);
    if (!slot->grad || slot->param->numel == 0) {
        slot->grad = NULL;
        return FV_OK;
    }
    if (slot->grad->shapes_only && !slot->param->shapes_only)
        return fv_fail(FV_ERR_STATE, "step: a parameter %s has elements, its gradient only a shape",
                       fv_text(slot->param));
    unsigned wanted = optim->type->states(&group->options);
    for (int k = 0; k < FV_MAX_STATES; k++)
        if (wanted >> k & 1u) ok &= fv_slot_state(slot, k) != NULL;
    const fv_tensor *like = slot->param;
    if (!fv_is_dense(slot->param)) {
        slot->dense = dense_copy(slot->param, slot->param);
        ok &= slot->dense != NULL;
        like = slot->dense;
    }
    if (like && !same_order(slot->grad, like)) {
        slot->dense_grad = dense_copy(slot->grad, like);
        ok &= slot->dense_grad != NULL;
    }
    return ok ? FV_OK : fv_fail(FV_ERR_MEMORY, "step: out of memory; no weight was changed");
}

typedef struct update_job {
    const fv_update *update;
    fv_update_fn run;
    int64_t numel;
} update_job;

/* Ranges of FV_UPDATE_GRAIN elements. */
static void update_grains(const void *job, int64_t first, int64_t last)
{
    const update_job *j = job;
    int64_t stop = last * FV_UPDATE_GRAIN;
    j->run(j->update, first * FV_UPDATE_GRAIN, stop < j->numel ? stop : j->numel);
}

static void run_update(fv_machine m, const fv_update *u, fv_dtype dtype, int64_t numel)
{
    const fv_update_kernels *kernels = FV_ISA_PICK(fv_update_kernels_, m.isa);
    update_job job = {u, kernels->update[dtype == FV_FLOAT64], numel};
    double each = (u->kind == FV_UPDATE_ADAM ? 0.2 : 0.1) * (double)fv_dtype_size(dtype);
    fv_parallel_ranges(m, (double)numel * each, fv_update_grains(numel), update_grains, &job);
}

static void update_slot(fv_machine m, const fv_optim *optim, const fv_group *group, fv_slot *slot)
{
    if (!slot->grad || slot->param->shapes_only) return;
    fv_tensor *param = slot->dense ? slot->dense : slot->param;
    fv_tensor *grad = slot->dense_grad ? slot->dense_grad : slot->grad;
    slot->steps++;
    fv_update u = {.param = param->data, .grad = grad->data, .shrink = 1.0};
    u.sign = group->options.maximize ? -1.0 : 1.0;
    for (int k = 0; k < FV_MAX_STATES; k++)
        u.state[k] = slot->state[k] ? slot->state[k]->data : NULL;
    optim->type->prepare(slot, &group->options, &u);
    run_update(m, &u, param->dtype, param->numel);
    slot->fresh = 0;
    if (slot->dense) fv_copy_elements(slot->param, slot->dense);
    fv_bump_version(slot->param);
}

static void forget_copies(fv_slot *slot)
{
    fv_release(slot->dense);
    fv_release(slot->dense_grad);
    slot->grad = slot->dense = slot->dense_grad = NULL;
}

fv_status fv_step(fv_optim *optim)
{
    if (!optim) return fv_fail(FV_ERR_OPTION, "step: the optimizer is NULL");
    if (fv_error_status() != FV_OK) return FV_ERR_STATE;
    const fv_machine machine = fv_machine_now();
    const fv_span span = fv_span_begin(optim->type->name);
    fv_status status = FV_OK;
    for (int64_t g = 0; g < optim->count; g++)
        for (int64_t i = 0; i < optim->groups[g].count && status == FV_OK; i++)
            status = make_ready(optim, &optim->groups[g], &optim->groups[g].slots[i]);
    for (int64_t g = 0; g < optim->count; g++) {
        for (int64_t i = 0; i < optim->groups[g].count; i++) {
            fv_slot *slot = &optim->groups[g].slots[i];
            if (status == FV_OK) update_slot(machine, optim, &optim->groups[g], slot);
            forget_copies(slot);
        }
    }
    fv_span_end(&span);
    return status;
}

void fv_zero_grad(fv_optim *optim)
{
    if (!optim) {
        fv_fail(FV_ERR_OPTION, "zero_grad: the optimizer is NULL");
        return;
    }
    for (int64_t g = 0; g < optim->count; g++)
        for (int64_t i = 0; i < optim->groups[g].count; i++)
            fv_set_grad(optim->groups[g].slots[i].param, NULL);
}

/* --- options and end -------------------------------------------------------------------- */

static fv_group *find_group(const char *name, const fv_optim *optim, int64_t group)
{
    if (optim && group >= 0 && group < optim->count) return &optim->groups[group];
    if (!optim)
        fv_fail(FV_ERR_OPTION, "%s: the optimizer is NULL", name);
    else
        fv_fail(FV_ERR_INDEX, "%s: no group %lld; the optimizer has %lld", name, (long long)group,
                (long long)optim->count);
    return NULL;
}

const fv_get_lr_args fv_get_lr_defaults = {FV_GET_LR_DEFAULTS};

double fv_get_lr_ex(const fv_get_lr_args *a)
{
    if (!fv_args_ok("get_lr", a, sizeof *a)) return (double)NAN;
    const fv_group *group = find_group("get_lr", a->optim, a->group);
    return group ? group->options.lr : (double)NAN;
}

double *fv_group_momentum(const fv_optim *optim, fv_group *group)
{
    return optim->type->has & FV_HAS_BETAS ? &group->options.beta1 : &group->options.momentum;
}

double fv_get_momentum(const fv_optim *optim, int64_t group)
{
    fv_group *found = find_group("get_momentum", optim, group);
    return found ? *fv_group_momentum(optim, found) : (double)NAN;
}

const fv_set_lr_args fv_set_lr_defaults = {FV_SET_LR_DEFAULTS};

fv_status fv_set_lr_ex(const fv_set_lr_args *a)
{
    if (!fv_args_ok("set_lr", a, sizeof *a)) return FV_ERR_OPTION;
    bool all = a->group == FV_ALL;
    fv_group *first = find_group("set_lr", a->optim, all ? 0 : a->group);
    if (!first) return a->optim ? FV_ERR_INDEX : FV_ERR_OPTION;
    if (!(a->lr >= 0.0 && isfinite(a->lr)))
        return fv_fail(FV_ERR_OPTION, "set_lr: invalid learning rate: %g", a->lr);
    for (int64_t g = 0; g < (all ? a->optim->count : 1); g++) first[g].options.lr = a->lr;
    return FV_OK;
}

void fv_optim_free(fv_optim *optim)
{
    if (!optim) return;
    for (int64_t g = 0; g < optim->count; g++) {
        for (int64_t i = 0; i < optim->groups[g].count; i++) {
            fv_slot *slot = &optim->groups[g].slots[i];
            fv_release(slot->param);
            for (int k = 0; k < FV_MAX_STATES; k++) fv_release(slot->state[k]);
        }
        free(optim->groups[g].slots);
    }
    free(optim->groups);
    free(optim);
}
