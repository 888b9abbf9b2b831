/* The state of a scheduler, out and in: its options, which must agree, and where it stands. */
#include "optim/state.h"

#include <string.h>

#include "optim/scheduler_impl.h"

static const fv_field position[] = {
    {"last_epoch", FV_FIELD_INT, offsetof(fv_scheduler, last_epoch)},
    {0},
};

static const char milestones_name[] = "milestones";

static fv_status check_call(const char *name, const fv_scheduler *s, const fv_state *state)
{
    if (s && state) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "%s: the %s is NULL", name, s ? "state" : "scheduler");
}

/* --- out -------------------------------------------------------------------------------------- */

static fv_status put_milestones(const fv_scheduler *s, fv_state *state, const char *prefix)
{
    const fv_shape shape = FV_SHAPE(s->of.multi_step.milestones.count);
    fv_tensor *t = fv_tensor_alloc(FV_INT64, &shape, NULL);
    if (!t) return fv_fail(FV_ERR_MEMORY, "scheduler_get_state: out of memory");
    for (int64_t i = 0; i < t->numel; i++) ((int64_t *)t->data)[i] = s->milestones[i];
    fv_status status = fv_state_put_tensor(state, prefix, milestones_name, t);
    fv_release(t);
    return status;
}

fv_status fv_scheduler_get_state(const fv_scheduler *scheduler, fv_state *state, const char *prefix)
{
    if (!prefix) prefix = "";
    fv_status status = check_call("scheduler_get_state", scheduler, state);
    if (status != FV_OK) return status;
    status = fv_state_put_text(state, prefix, "type", scheduler->name);
    if (status == FV_OK) status = fv_fields_put(state, prefix, position, scheduler);
    if (status == FV_OK) status = fv_fields_put(state, prefix, scheduler->options, scheduler);
    if (status == FV_OK && scheduler->counters)
        status = fv_fields_put(state, prefix, scheduler->counters, scheduler);
    if (status == FV_OK && scheduler->milestones) status = put_milestones(scheduler, state, prefix);
    return status;
}

/* --- in --------------------------------------------------------------------------------------- */

static fv_status check_type(const char *name, const fv_scheduler *s, const fv_state *state,
                            const char *prefix)
{
    const char *type = fv_state_text(state, prefix, "type");
    if (!type)
        return fv_fail(FV_ERR_STATE, "%s: the state has no scheduler under the prefix \"%.200s\"",
                       name, prefix);
    if (strcmp(type, s->name) != 0)
        return fv_fail(FV_ERR_STATE, "%s: the state is that of %.50s, the scheduler is %s", name,
                       type, s->name);
    return FV_OK;
}

static fv_status check_milestones(const char *name, const fv_scheduler *s, const fv_state *state,
                                  const char *prefix)
{
    const fv_tensor *t = fv_state_tensor(state, prefix, milestones_name);
    if (!t) return fv_fail(FV_ERR_STATE, "%s: the milestones are missing", name);
    fv_status status = fv_need_elements(name, t);
    if (status != FV_OK) return status;
    bool same = t->ndim == 1 && t->numel == s->of.multi_step.milestones.count;
    for (int64_t i = 0; same && i < t->numel; i++) same = fv_at(t, &i) == (double)s->milestones[i];
    if (same) return FV_OK;
    return fv_fail(FV_ERR_STATE, "%s: the scheduler has other milestones than the state", name);
}

static fv_status check_names(const char *name, const fv_scheduler *s, const fv_state *state,
                             const char *prefix)
{
    const size_t n = strlen(prefix);
    for (int64_t i = 0; i < fv_state_count(state); i++) {
        const char *whole = fv_state_name(state, i), *rest = whole + n;
        if (strncmp(whole, prefix, n) != 0) continue;
        if (strcmp(rest, "type") == 0 || fv_fields_have(position, rest) ||
            fv_fields_have(s->options, rest) ||
            (s->counters && fv_fields_have(s->counters, rest)) ||
            (s->milestones && strcmp(rest, milestones_name) == 0))
            continue;
        return fv_fail(FV_ERR_STATE, "%s: %.200s is in the state; a %s has no such thing", name,
                       whole, s->name);
    }
    return FV_OK;
}

/* *to = the scheduler as it will be; nothing of it changes. */
static fv_status read_state(const char *name, const fv_scheduler *s, const fv_state *state,
                            const char *prefix, fv_scheduler *to)
{
    fv_status status = check_call(name, s, state);
    if (status != FV_OK) return status;
    *to = *s;
    status = check_type(name, s, state, prefix);
    if (status == FV_OK) status = fv_fields_match(state, prefix, s->options, s, s->name);
    if (status == FV_OK && s->milestones) status = check_milestones(name, s, state, prefix);
    if (status == FV_OK) status = fv_fields_get(state, prefix, position, to);
    if (status == FV_OK && s->counters) status = fv_fields_get(state, prefix, s->counters, to);
    if (status == FV_OK && (to->last_epoch < 0 || to->last_epoch > s->last_step))
        return fv_fail(FV_ERR_STATE, "%s: last_epoch is %lld, must be from 0 to %lld", name,
                       (long long)to->last_epoch, (long long)s->last_step);
    return status == FV_OK ? check_names(name, s, state, prefix) : status;
}

fv_status fv_scheduler_check_state(fv_scheduler *scheduler, const fv_state *state,
                                   const char *prefix)
{
    fv_scheduler to;
    return read_state("scheduler_check_state", scheduler, state, prefix ? prefix : "", &to);
}

fv_status fv_scheduler_set_state(fv_scheduler *scheduler, const fv_state *state, const char *prefix)
{
    fv_scheduler to;
    fv_status status =
        read_state("scheduler_set_state", scheduler, state, prefix ? prefix : "", &to);
    if (status == FV_OK) *scheduler = to;
    return status;
}
