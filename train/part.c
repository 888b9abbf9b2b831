/* The kinds of parts: how each gets its state out, checks one, and takes it in. */
#include "train/part_impl.h"

#include <string.h>

#include "data/loader.h"
#include "optim/state.h"

bool fv_part_owns(const fv_part *part, const char *name)
{
    if (part->kind->is_value) return strcmp(part->name, name) == 0;
    return strncmp(part->name, name, strlen(part->name)) == 0;
}

/* --- networks --------------------------------------------------------------------------------- */

static fv_status get_model(const fv_part *part, fv_state *state)
{
    const fv_named_list list = fv_state_dict(part->object);
    if (!list.items) return FV_ERR_MEMORY;
    fv_status status = FV_OK;
    for (int64_t i = 0; i < list.count && status == FV_OK; i++)
        status = fv_state_put_tensor(state, part->name, list.items[i].name, list.items[i].tensor);
    return status;
}

static bool has_name(fv_named_list list, const char *name)
{
    for (int64_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0) return true;
    return false;
}

/* The network's names are those of the file. */
static fv_status check_model_names(const fv_part *part, fv_named_list list, const fv_state *state)
{
    int64_t missing = 0, unexpected = 0;
    const char *first_missing = "none", *first_unexpected = "none";
    for (int64_t i = list.count - 1; i >= 0; i--) {
        if (fv_state_tensor(state, part->name, list.items[i].name)) continue;
        missing++;
        first_missing = list.items[i].name;
    }
    for (int64_t i = fv_state_count(state) - 1; i >= 0; i--) {
        const char *name = fv_state_name(state, i);
        if (!fv_part_owns(part, name) || has_name(list, name + strlen(part->name))) continue;
        unexpected++;
        first_unexpected = name + strlen(part->name);
    }
    if (missing + unexpected == 0) return FV_OK;
    return fv_fail(FV_ERR_STATE,
                   "checkpoint_load: another network: of %s* %lld are missing in the file (%.100s"
                   "%s), %lld in it are not in the module (%.100s%s)",
                   part->name, (long long)missing, first_missing, missing > 1 ? ", ..." : "",
                   (long long)unexpected, first_unexpected, unexpected > 1 ? ", ..." : "");
}

/* A tensor that the file overwrites. A run goes on with the same bits, so that types agree too. */
static fv_status check_target(const char *prefix, const char *name, const fv_tensor *target,
                              const fv_tensor *source)
{
    const fv_shape have = fv_shape_of(source), want = fv_shape_of(target);
    if (!fv_shape_equal(&have, &want))
        return fv_fail(FV_ERR_SHAPE, "checkpoint_load: %s%s is %s in the file, %s in the program",
                       prefix, name, fv_shape_text(&have), fv_shape_text(&want));
    if (source->dtype != target->dtype)
        return fv_fail(FV_ERR_DTYPE, "checkpoint_load: %s%s is %s in the file, %s in the program",
                       prefix, name, fv_dtype_name(source->dtype), fv_dtype_name(target->dtype));
    return fv_need_elements("checkpoint_load", target);
}

static fv_status check_model(fv_part *part, const fv_state *state)
{
    const fv_named_list list = part->tensors = fv_state_dict(part->object);
    if (!list.items) return FV_ERR_MEMORY;
    fv_status status = check_model_names(part, list, state);
    for (int64_t i = 0; i < list.count && status == FV_OK; i++)
        status = check_target(part->name, list.items[i].name, list.items[i].tensor,
                              fv_state_tensor(state, part->name, list.items[i].name));
    return status;
}

static void overwrite(fv_tensor *target, const fv_tensor *source)
{
    fv_copy_elements(target, source);
    fv_bump_version(target);
}

static void set_model(const fv_part *part, const fv_state *state)
{
    const fv_named_list list = part->tensors;
    for (int64_t i = 0; i < list.count; i++)
        overwrite(list.items[i].tensor, fv_state_tensor(state, part->name, list.items[i].name));
}

const fv_part_kind fv_model_part = {"model", get_model, check_model, set_model, false};

/* --- optimizers and schedulers ---------------------------------------------------------------- */

static fv_status get_optim(const fv_part *part, fv_state *state)
{
    return fv_optim_get_state(part->object, state, part->name);
}

static fv_status check_optim(fv_part *part, const fv_state *state)
{
    return fv_optim_check_state(part->object, state, part->name);
}

static void set_optim(const fv_part *part, const fv_state *state)
{
    fv_optim_set_state(part->object, state, part->name);
}

const fv_part_kind fv_optim_part = {"optim", get_optim, check_optim, set_optim, false};

static fv_status get_scheduler(const fv_part *part, fv_state *state)
{
    return fv_scheduler_get_state(part->object, state, part->name);
}

static fv_status check_scheduler(fv_part *part, const fv_state *state)
{
    return fv_scheduler_check_state(part->object, state, part->name);
}

static void set_scheduler(const fv_part *part, const fv_state *state)
{
    fv_scheduler_set_state(part->object, state, part->name);
}

const fv_part_kind fv_scheduler_part = {"scheduler", get_scheduler, check_scheduler, set_scheduler,
                                        false};

/* --- loaders ---------------------------------------------------------------------------------- */

static fv_status get_loader(const fv_part *part, fv_state *state)
{
    const fv_loader_state s = fv_loader_get_state(part->object);
    fv_status status = fv_state_put_int(state, part->name, "seed", (int64_t)s.seed);
    if (status == FV_OK) status = fv_state_put_int(state, part->name, "epoch", s.epoch);
    if (status == FV_OK) status = fv_state_put_int(state, part->name, "batch", s.batch);
    if (status != FV_OK) return status;
    return fv_state_put_int(state, part->name, "batches", fv_loader_batches(part->object));
}

static fv_status read_loader(const fv_part *part, const fv_state *state, fv_loader_state *s)
{
    int64_t seed = 0;
    fv_status status = fv_state_int(state, part->name, "seed", &seed);
    if (status == FV_OK) status = fv_state_int(state, part->name, "epoch", &s->epoch);
    if (status == FV_OK) status = fv_state_int(state, part->name, "batch", &s->batch);
    s->seed = (uint64_t)seed;
    return status;
}

static fv_status check_loader(fv_part *part, const fv_state *state)
{
    fv_loader_state s = {0};
    int64_t batches = 0;
    const int64_t own = fv_loader_batches(part->object);
    fv_status status = read_loader(part, state, &s);
    if (status == FV_OK) status = fv_state_int(state, part->name, "batches", &batches);
    if (status != FV_OK) return status;
    if (batches != own)
        return fv_fail(FV_ERR_STATE,
                       "checkpoint_load: an epoch of %s has %lld batches in the file, %lld in the "
                       "program: another data set or batch size",
                       part->name, (long long)batches, (long long)own);
    if (s.epoch < 0 || s.batch < 0 || s.batch > own)
        return fv_fail(FV_ERR_STATE, "checkpoint_load: %s stands at epoch %lld, batch %lld of %lld",
                       part->name, (long long)s.epoch, (long long)s.batch, (long long)own);
    return FV_OK;
}

static void set_loader(const fv_part *part, const fv_state *state)
{
    fv_loader_state s = {0};
    if (read_loader(part, state, &s) == FV_OK) fv_loader_set_state(part->object, s);
}

const fv_part_kind fv_loader_part = {"loader", get_loader, check_loader, set_loader, false};

/* --- values of the user's own ----------------------------------------------------------------- */

static fv_status get_int(const fv_part *part, fv_state *state)
{
    return fv_state_put_int(state, NULL, part->name, *(const int64_t *)part->object);
}

static fv_status check_int(fv_part *part, const fv_state *state)
{
    int64_t value;
    return fv_state_int(state, NULL, part->name, &value);
}

static void set_int(const fv_part *part, const fv_state *state)
{
    fv_state_int(state, NULL, part->name, part->object);
}

const fv_part_kind fv_int_part = {"value", get_int, check_int, set_int, true};

static fv_status get_double(const fv_part *part, fv_state *state)
{
    return fv_state_put_double(state, NULL, part->name, *(const double *)part->object);
}

static fv_status check_double(fv_part *part, const fv_state *state)
{
    double value;
    return fv_state_double(state, NULL, part->name, &value);
}

static void set_double(const fv_part *part, const fv_state *state)
{
    fv_state_double(state, NULL, part->name, part->object);
}

const fv_part_kind fv_double_part = {"value", get_double, check_double, set_double, true};

static fv_status get_tensor(const fv_part *part, fv_state *state)
{
    return fv_state_put_tensor(state, NULL, part->name, part->object);
}

static fv_status check_tensor(fv_part *part, const fv_state *state)
{
    const fv_tensor *source = fv_state_tensor(state, NULL, part->name);
    if (source) return check_target("", part->name, part->object, source);
    return fv_fail(FV_ERR_STATE, "checkpoint_load: the file has no %.200s", part->name);
}

static void set_tensor(const fv_part *part, const fv_state *state)
{
    overwrite(part->object, fv_state_tensor(state, NULL, part->name));
}

const fv_part_kind fv_tensor_part = {"value", get_tensor, check_tensor, set_tensor, true};

static fv_status get_text(const fv_part *part, fv_state *state)
{
    return fv_state_put_text(state, NULL, part->name, part->text);
}

static fv_status check_text(fv_part *part, const fv_state *state)
{
    const char *text = fv_state_text(state, NULL, part->name);
    if (!text) return fv_fail(FV_ERR_STATE, "checkpoint_load: the file has no %.200s", part->name);
    if (strcmp(text, part->text) == 0) return FV_OK;
    return fv_fail(FV_ERR_STATE,
                   "checkpoint_load: %.100s is \"%.300s\" in the file, \"%.300s\" in "
                   "the program",
                   part->name, text, part->text);
}

static void set_text(const fv_part *part, const fv_state *state)
{
    (void)part, (void)state; /* it is the same */
}

const fv_part_kind fv_text_part = {"value", get_text, check_text, set_text, true};
