/* The state of an optimizer, out and in. What is read is checked as a whole before the first byte
 * of the optimizer changes. */
#include "optim/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/optimizer_impl.h"

/* --- names ------------------------------------------------------------------------------------ */

typedef struct inner_prefix {
    char text[256];
} inner_prefix;

/* prefix + "state." + number + ".": short enough, since check_call has bounded the prefix. */
static inner_prefix inner(const char *prefix, const char *part, int64_t number)
{
    inner_prefix p;
    snprintf(p.text, sizeof p.text, "%s%s.%lld.", prefix, part, (long long)number);
    return p;
}

static fv_status check_call(const char *name, const void *object, const fv_state *state,
                            const char *prefix)
{
    if (!object || !state)
        return fv_fail(FV_ERR_OPTION, "%s: the %s is NULL", name, object ? "state" : "optimizer");
    if (strlen(prefix) > 200)
        return fv_fail(FV_ERR_OPTION, "%s: a prefix of %zu letters; at most 200", name,
                       strlen(prefix));
    return FV_OK;
}

/* --- out -------------------------------------------------------------------------------------- */

/* The numbers first .. first + count - 1. */
static fv_status put_numbers(fv_state *state, const char *prefix, int64_t first, int64_t count)
{
    const fv_shape shape = FV_SHAPE(count);
    fv_tensor *t = fv_tensor_alloc(FV_INT64, &shape, NULL);
    if (!t) return fv_fail(FV_ERR_MEMORY, "optim_get_state: out of memory");
    for (int64_t i = 0; i < count; i++) ((int64_t *)t->data)[i] = first + i;
    fv_status status = fv_state_put_tensor(state, prefix, "params", t);
    fv_release(t);
    return status;
}

static fv_status put_group(const fv_optim *optim, int64_t g, int64_t first, fv_state *state,
                           const char *prefix)
{
    const fv_group *group = &optim->groups[g];
    const inner_prefix p = inner(prefix, "param_groups", g);
    fv_status status = fv_fields_put(state, p.text, optim->type->fields, &group->options);
    if (status == FV_OK && group->has_initial_lr)
        status = fv_state_put_double(state, p.text, "initial_lr", group->initial_lr);
    return status == FV_OK ? put_numbers(state, p.text, first, group->count) : status;
}

/* A parameter that was never updated has no state; a fresh tensor is as good as none. */
static fv_status put_slot(const fv_optim *optim, const fv_slot *slot, int64_t number,
                          fv_state *state, const char *prefix)
{
    const inner_prefix p = inner(prefix, "state", number);
    fv_status status = FV_OK;
    if (slot->steps > 0) status = fv_state_put_int(state, p.text, "step", slot->steps);
    for (int k = 0; k < FV_MAX_STATES && status == FV_OK; k++)
        if (slot->state[k] && !(slot->fresh >> k & 1u))
            status = fv_state_put_tensor(state, p.text, optim->type->states_of[k], slot->state[k]);
    return status;
}

fv_status fv_optim_get_state(const fv_optim *optim, fv_state *state, const char *prefix)
{
    if (!prefix) prefix = "";
    fv_status status = check_call("optim_get_state", optim, state, prefix);
    if (status != FV_OK) return status;
    status = fv_state_put_text(state, prefix, "type", optim->type->name);
    int64_t number = 0;
    for (int64_t g = 0; g < optim->count && status == FV_OK; g++) {
        const fv_group *group = &optim->groups[g];
        status = put_group(optim, g, number, state, prefix);
        for (int64_t i = 0; i < group->count && status == FV_OK; i++)
            status = put_slot(optim, &group->slots[i], number++, state, prefix);
    }
    return status;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* What one state says, prepared while nothing has been written. */
typedef struct reading {
    const char *name; /* of the public function */
    fv_optim *optim;
    const fv_state *state;
    const char *prefix;
} reading;

static fv_status check_type(const reading *r)
{
    const char *type = fv_state_text(r->state, r->prefix, "type");
    if (!type)
        return fv_fail(FV_ERR_STATE, "%s: the state has no optimizer under the prefix \"%s\"",
                       r->name, r->prefix);
    if (strcmp(type, r->optim->type->name) != 0)
        return fv_fail(FV_ERR_STATE, "%s: the state is that of %.50s, the optimizer is %s", r->name,
                       type, r->optim->type->name);
    return FV_OK;
}

static fv_status check_group_count(const reading *r)
{
    int64_t count = 0;
    while (fv_state_tensor(r->state, inner(r->prefix, "param_groups", count).text, "params"))
        count++;
    if (count == r->optim->count) return FV_OK;
    return fv_fail(FV_ERR_STATE, "%s: the state has %lld parameter groups, the optimizer %lld",
                   r->name, (long long)count, (long long)r->optim->count);
}

/* Are its elements first, first + 1, ...? */
static bool counts_from(const fv_tensor *t, int64_t first)
{
    for (int64_t i = 0; i < t->numel; i++)
        if (fv_at(t, &i) != (double)(first + i)) return false;
    return true;
}

static fv_status check_numbers(const reading *r, int64_t g, int64_t first)
{
    const inner_prefix p = inner(r->prefix, "param_groups", g);
    const fv_tensor *t = fv_state_tensor(r->state, p.text, "params");
    const int64_t count = r->optim->groups[g].count;
    fv_status status = fv_need_elements(r->name, t);
    if (status != FV_OK) return status;
    if (t->ndim != 1 || t->numel != count)
        return fv_fail(FV_ERR_STATE,
                       "%s: group %lld has %lld parameters in the state, %lld in the optimizer",
                       r->name, (long long)g, (long long)t->numel, (long long)count);
    if (!counts_from(t, first))
        return fv_fail(FV_ERR_STATE, "%s: the parameters of group %lld are not numbered from %lld",
                       r->name, (long long)g, (long long)first);
    return FV_OK;
}

/* The options of a group and its first rate, as the state has them. */
static fv_status read_group(const reading *r, int64_t g, fv_group *group)
{
    const inner_prefix p = inner(r->prefix, "param_groups", g);
    *group = r->optim->groups[g];
    fv_status status = fv_fields_get(r->state, p.text, r->optim->type->fields, &group->options);
    if (status == FV_OK) status = r->optim->type->check(r->name, &group->options);
    group->has_initial_lr = fv_state_tensor(r->state, p.text, "initial_lr") != NULL;
    if (status == FV_OK && group->has_initial_lr)
        status = fv_state_double(r->state, p.text, "initial_lr", &group->initial_lr);
    return status;
}

static fv_status check_tensor(const reading *r, const fv_slot *slot, int64_t number, int k,
                              const fv_tensor *t)
{
    const char *what = r->optim->type->states_of[k];
    const fv_shape have = fv_shape_of(t), want = fv_shape_of(slot->param);
    if (!fv_shape_equal(&have, &want))
        return fv_fail(FV_ERR_SHAPE, "%s: state.%lld.%s is %s, its parameter %s", r->name,
                       (long long)number, what, fv_shape_text(&have), fv_shape_text(&want));
    if (!fv_dtype_is_floating(t->dtype))
        return fv_fail(FV_ERR_DTYPE, "%s: state.%lld.%s is %s, not floating", r->name,
                       (long long)number, what, fv_dtype_name(t->dtype));
    fv_status status = fv_need_elements(r->name, t);
    return status == FV_OK ? fv_need_elements(r->name, slot->param) : status;
}

static fv_status read_steps(const reading *r, int64_t number, int64_t *steps)
{
    const inner_prefix p = inner(r->prefix, "state", number);
    *steps = 0;
    if (!fv_state_tensor(r->state, p.text, "step")) return FV_OK;
    fv_status status = fv_state_int(r->state, p.text, "step", steps);
    if (status == FV_OK && *steps < 0)
        status = fv_fail(FV_ERR_STATE, "%s: state.%lld.step is %lld", r->name, (long long)number,
                         (long long)*steps);
    return status;
}

/* Checks the state of one parameter and makes the tensors that it will go to. */
static fv_status check_slot(const reading *r, const fv_options *options, fv_slot *slot,
                            int64_t number)
{
    const fv_optim_type *type = r->optim->type;
    const inner_prefix p = inner(r->prefix, "state", number);
    int64_t steps;
    unsigned found = 0;
    fv_status status = read_steps(r, number, &steps);
    for (int k = 0; k < FV_MAX_STATES && type->states_of[k] && status == FV_OK; k++) {
        const fv_tensor *t = fv_state_tensor(r->state, p.text, type->states_of[k]);
        if (!t) continue;
        found |= 1u << k;
        status = check_tensor(r, slot, number, k, t);
        if (status == FV_OK && !fv_slot_state(slot, k))
            status = fv_fail(FV_ERR_MEMORY, "%s: out of memory", r->name);
    }
    if (status != FV_OK || !type->complete) return status;
    const unsigned wanted = steps > 0 ? type->states(options) : 0u;
    if (found == wanted) return FV_OK;
    return fv_fail(FV_ERR_STATE,
                   "%s: state.%lld has a step of %lld and %s state tensors than %s "
                   "with these options",
                   r->name, (long long)number, (long long)steps,
                   (found & ~wanted) ? "more" : "fewer", type->name);
}

/* Is `rest`, a name without the prefix, one that this optimizer could have written? */
static bool is_known(const fv_optim *optim, int64_t params, const char *rest)
{
    const bool state = strncmp(rest, "state.", 6) == 0;
    if (strcmp(rest, "type") == 0) return true;
    if (!state && strncmp(rest, "param_groups.", 13) != 0) return false;
    char *end;
    const char *digits = rest + (state ? 6 : 13);
    const long long number = strtoll(digits, &end, 10);
    if (end == digits || *end != '.' || number < 0) return false;
    const char *what = end + 1;
    if (!state)
        return number < optim->count &&
               (strcmp(what, "params") == 0 || strcmp(what, "initial_lr") == 0 ||
                fv_fields_have(optim->type->fields, what));
    bool named = strcmp(what, "step") == 0;
    for (int k = 0; k < FV_MAX_STATES && optim->type->states_of[k]; k++)
        named |= strcmp(what, optim->type->states_of[k]) == 0;
    return named && number < params;
}

static fv_status check_names(const reading *r, int64_t params)
{
    const size_t n = strlen(r->prefix);
    for (int64_t i = 0; i < fv_state_count(r->state); i++) {
        const char *name = fv_state_name(r->state, i);
        if (strncmp(name, r->prefix, n) != 0 || is_known(r->optim, params, name + n)) continue;
        return fv_fail(FV_ERR_STATE,
                       "%s: %.200s is in the state; this %s with %lld parameters has "
                       "no such thing",
                       r->name, name, r->optim->type->name, (long long)params);
    }
    return FV_OK;
}

static fv_status check_all(const reading *r)
{
    fv_status status = check_type(r);
    if (status == FV_OK) status = check_group_count(r);
    int64_t number = 0;
    for (int64_t g = 0; g < r->optim->count && status == FV_OK; g++) {
        fv_group group;
        status = check_numbers(r, g, number);
        if (status == FV_OK) status = read_group(r, g, &group);
        for (int64_t i = 0; i < r->optim->groups[g].count && status == FV_OK; i++)
            status = check_slot(r, &group.options, &group.slots[i], number++);
    }
    return status == FV_OK ? check_names(r, number) : status;
}

/* --- in --------------------------------------------------------------------------------------- */

static void set_slot(const reading *r, fv_slot *slot, int64_t number)
{
    const inner_prefix p = inner(r->prefix, "state", number);
    (void)read_steps(r, number, &slot->steps);
    for (int k = 0; k < FV_MAX_STATES && r->optim->type->states_of[k]; k++) {
        const fv_tensor *t = fv_state_tensor(r->state, p.text, r->optim->type->states_of[k]);
        if (t && t != slot->state[k]) fv_copy_elements(slot->state[k], t);
        if (!t) {
            fv_release(slot->state[k]);
            slot->state[k] = NULL;
        }
        slot->fresh &= ~(1u << k);
    }
}

fv_status fv_optim_check_state(fv_optim *optim, const fv_state *state, const char *prefix)
{
    const reading r = {"optim_check_state", optim, state, prefix ? prefix : ""};
    fv_status status = check_call(r.name, optim, state, r.prefix);
    return status == FV_OK ? check_all(&r) : status;
}

fv_status fv_optim_set_state(fv_optim *optim, const fv_state *state, const char *prefix)
{
    const reading r = {"optim_set_state", optim, state, prefix ? prefix : ""};
    fv_status status = check_call(r.name, optim, state, r.prefix);
    if (status == FV_OK) status = check_all(&r);
    if (status != FV_OK) return status;
    int64_t number = 0;
    for (int64_t g = 0; g < optim->count; g++) {
        (void)read_group(&r, g, &optim->groups[g]);
        for (int64_t i = 0; i < optim->groups[g].count; i++)
            set_slot(&r, &optim->groups[g].slots[i], number++);
    }
    return FV_OK;
}
