/* Checkpoints: the list of parts, their common file, and the older files beside it. */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/parallel/distributed.h"
#include "tensor/formats/safetensors.h"
#include "tensor/random.h"
#include "train/files_impl.h"
#include "train/part_impl.h"

struct fv_checkpoint {
    char *path;
    int64_t keep_last;
    bool largest_is_best;
    double best; /* NaN: none yet */
    fv_part *parts;
    int64_t count, room;
};

/* What every checkpoint has beside its parts. */
static const char kind_key[] = "fovea", kind_text[] = "checkpoint 1";
static const char rng_prefix[] = "rng.", metric_key[] = "metric", best_key[] = "best_metric";

static fv_status no_memory(void)
{
    return fv_fail(FV_ERR_MEMORY, "checkpoint: out of memory");
}

/* --- parts ------------------------------------------------------------------------------------ */

/* "critic" + "." + "model" + ".", or "value" + "." + "epoch"; NULL when memory is out. */
static char *part_name(const char *first, const char *second, bool is_value)
{
    const size_t room = strlen(first) + strlen(second) + 3;
    char *name = malloc(room);
    if (name)
        snprintf(name, room, "%s%s%s%s", first, *first ? "." : "", second, is_value ? "" : ".");
    return name;
}

/* Would one name begin with the other? Then entries of the two could not be told apart. */
static bool clashes(const fv_checkpoint *c, const fv_part_kind *kind, const char *name)
{
    const fv_part other = {.kind = kind, .name = (char *)(uintptr_t)name};
    for (int64_t i = 0; i < c->count; i++)
        if (fv_part_owns(&c->parts[i], name) || fv_part_owns(&other, c->parts[i].name)) return true;
    return false;
}

static fv_status add_part(fv_checkpoint *c, const fv_part_kind *kind, char *name, void *object,
                          const char *text)
{
    if (name && clashes(c, kind, name)) {
        fv_status status = fv_fail(FV_ERR_OPTION, "checkpoint: the name %.200s is in use", name);
        free(name);
        return status;
    }
    if (c->count == c->room) {
        const int64_t room = c->room ? 2 * c->room : 8;
        fv_part *parts = realloc(c->parts, (size_t)room * sizeof *parts);
        if (parts) {
            c->parts = parts;
            c->room = room;
        }
    }
    char *copy = text ? strdup(text) : NULL;
    if (!name || c->count == c->room || (text && !copy)) {
        free(name);
        free(copy);
        return no_memory();
    }
    /* Texts come first: that the run is another one says more than what differs by it. */
    const int64_t at = text ? 0 : c->count;
    memmove(c->parts + at + 1, c->parts + at, (size_t)(c->count - at) * sizeof *c->parts);
    c->parts[at] = (fv_part){.kind = kind, .name = name, .object = object, .text = copy};
    c->count++;
    return FV_OK;
}

static bool has_object(const fv_checkpoint *c, const void *object)
{
    for (int64_t i = 0; i < c->count; i++)
        if (c->parts[i].object == object) return true;
    return false;
}

/* Adds what is not NULL. */
static fv_status add_objects(fv_checkpoint *c, const char *name, void *const objects[4])
{
    static const fv_part_kind *const kinds[4] = {&fv_model_part, &fv_optim_part, &fv_scheduler_part,
                                                 &fv_loader_part};
    fv_status status = FV_OK;
    for (int k = 0; k < 4 && status == FV_OK; k++)
        if (objects[k] && has_object(c, objects[k]))
            status = fv_fail(FV_ERR_OPTION, "checkpoint: the %s of \"%s\" is in it already",
                             kinds[k]->word, name);
        else if (objects[k])
            status =
                add_part(c, kinds[k], part_name(name, kinds[k]->word, false), objects[k], NULL);
    return status;
}

const fv_checkpoint_add_args fv_checkpoint_add_defaults = {FV_CHECKPOINT_ADD_DEFAULTS};

fv_status fv_checkpoint_add_ex(const fv_checkpoint_add_args *a)
{
    if (!fv_args_ok("checkpoint_add", a, sizeof *a)) return FV_ERR_OPTION;
    if (!a->checkpoint || !a->name || !*a->name)
        return fv_fail(FV_ERR_OPTION, "checkpoint_add: a checkpoint and a name are needed");
    if (strlen(a->name) > 100)
        return fv_fail(FV_ERR_OPTION, "checkpoint_add: a name of %zu letters; at most 100",
                       strlen(a->name));
    void *const objects[4] = {a->module, a->optim, a->scheduler, a->loader};
    const int64_t before = a->checkpoint->count;
    fv_status status = add_objects(a->checkpoint, a->name, objects);
    if (status == FV_OK && a->checkpoint->count == before)
        return fv_fail(FV_ERR_OPTION, "checkpoint_add: nothing to add under %s", a->name);
    return status;
}

static fv_status add_value(fv_checkpoint *c, const fv_part_kind *kind, const char *name,
                           void *object, const char *text)
{
    if (!c || !name || !*name || (!object && !text))
        return fv_fail(FV_ERR_OPTION, "checkpoint: a checkpoint, a name and a value are needed");
    return add_part(c, kind, part_name(kind->word, name, true), object, text);
}

fv_status fv_checkpoint_int(fv_checkpoint *checkpoint, const char *name, int64_t *value)
{
    return add_value(checkpoint, &fv_int_part, name, value, NULL);
}

fv_status fv_checkpoint_double(fv_checkpoint *checkpoint, const char *name, double *value)
{
    return add_value(checkpoint, &fv_double_part, name, value, NULL);
}

fv_status fv_checkpoint_tensor(fv_checkpoint *checkpoint, const char *name, fv_tensor *t)
{
    if (t && fv_failed_in("checkpoint", t))
        return fv_fail(FV_ERR_OPTION, "checkpoint: the tensor %s has failed", name ? name : "");
    fv_status status = add_value(checkpoint, &fv_tensor_part, name, t, NULL);
    if (status == FV_OK) fv_retain(t);
    return status;
}

fv_status fv_checkpoint_expect(fv_checkpoint *checkpoint, const char *name, const char *text)
{
    return add_value(checkpoint, &fv_text_part, name, NULL, text);
}

/* --- life time -------------------------------------------------------------------------------- */

static fv_status check_new(const fv_checkpoint_new_args *a)
{
    if (fv_error_status() != FV_OK) return FV_ERR_STATE;
    if (!a->path || !*a->path) return fv_fail(FV_ERR_OPTION, "checkpoint_new: a path is needed");
    if (strlen(a->path) > FV_MAX_PATH)
        return fv_fail(FV_ERR_OPTION, "checkpoint_new: a path of %zu letters; at most %d",
                       strlen(a->path), (int)FV_MAX_PATH);
    if (a->keep_last < 1 || a->keep_last > 1000)
        return fv_fail(FV_ERR_OPTION, "checkpoint_new: keep_last is %lld, must be from 1 to 1000",
                       (long long)a->keep_last);
    if (a->best != FV_MODE_MAX && a->best != FV_MODE_MIN)
        return fv_fail(FV_ERR_OPTION,
                       "checkpoint_new: best is %d, neither FV_MODE_MAX nor "
                       "FV_MODE_MIN",
                       (int)a->best);
    return !fv_is_writer() || fv_can_save(a->path) ? FV_OK : fv_error_status();
}

const fv_checkpoint_new_args fv_checkpoint_new_defaults = {FV_CHECKPOINT_NEW_DEFAULTS};

fv_checkpoint *fv_checkpoint_new_ex(const fv_checkpoint_new_args *a)
{
    if (!fv_args_ok("checkpoint_new", a, sizeof *a)) return NULL;
    if (check_new(a) != FV_OK) return NULL;
    fv_checkpoint *c = calloc(1, sizeof *c);
    if (!c) {
        no_memory();
        return NULL;
    }
    *c = (fv_checkpoint){.path = strdup(a->path),
                         .keep_last = a->keep_last,
                         .largest_is_best = a->best == FV_MODE_MAX,
                         .best = (double)NAN};
    void *const objects[4] = {a->module, a->optim, a->scheduler, a->loader};
    fv_status status = c->path ? add_objects(c, "", objects) : no_memory();
    if (status == FV_OK) return c;
    fv_checkpoint_free(c);
    return NULL;
}

void fv_checkpoint_free(fv_checkpoint *checkpoint)
{
    if (!checkpoint) return;
    for (int64_t i = 0; i < checkpoint->count; i++) {
        fv_part *part = &checkpoint->parts[i];
        if (part->kind == &fv_tensor_part) fv_release(part->object);
        free(part->name);
        free(part->text);
    }
    free(checkpoint->parts);
    free(checkpoint->path);
    free(checkpoint);
}

bool fv_checkpoint_exists(const fv_checkpoint *checkpoint)
{
    return checkpoint && fv_file_exists(checkpoint->path);
}

double fv_checkpoint_best(const fv_checkpoint *checkpoint)
{
    return checkpoint ? checkpoint->best : (double)NAN;
}

/* --- saving ----------------------------------------------------------------------------------- */

static fv_status put_rng(fv_state *state)
{
    const fv_rng_state rng = fv_get_rng_state();
    fv_status status = fv_state_put_int(state, rng_prefix, "seed", (int64_t)rng.seed);
    if (status != FV_OK) return status;
    return fv_state_put_int(state, rng_prefix, "offset", (int64_t)rng.offset);
}

static fv_status collect(const fv_checkpoint *c, double metric, double best, fv_state *state)
{
    fv_status status = fv_state_put_text(state, NULL, kind_key, kind_text);
    if (status == FV_OK) status = put_rng(state);
    if (status == FV_OK && !fv_is_unset(metric))
        status = fv_state_put_double(state, NULL, metric_key, metric);
    if (status == FV_OK && !isnan(best)) status = fv_state_put_double(state, NULL, best_key, best);
    for (int64_t i = 0; i < c->count && status == FV_OK; i++)
        status = c->parts[i].kind->get(&c->parts[i], state);
    return status;
}

static bool is_better(const fv_checkpoint *c, double metric)
{
    if (isnan(metric)) return false; /* none is given, or it is no number */
    if (isnan(c->best)) return true;
    return c->largest_is_best ? metric > c->best : metric < c->best;
}

const fv_checkpoint_save_args fv_checkpoint_save_defaults = {FV_CHECKPOINT_SAVE_DEFAULTS};

fv_status fv_checkpoint_save_ex(const fv_checkpoint_save_args *a)
{
    if (!fv_args_ok("checkpoint_save", a, sizeof *a)) return FV_ERR_OPTION;
    fv_checkpoint *c = a->checkpoint;
    if (!c) return fv_fail(FV_ERR_OPTION, "checkpoint_save: the checkpoint is NULL");
    if (fv_error_status() != FV_OK) return FV_ERR_STATE;
    const bool better = is_better(c, a->metric);
    const double best = better ? a->metric : c->best;
    if (!fv_is_writer()) {
        c->best = best;
        return FV_OK;
    }
    fv_state *state = fv_state_new();
    fv_status status = state ? collect(c, a->metric, best, state) : FV_ERR_MEMORY;
    /* First: a run that dies after it finds this metric again, one that died before it would not.
     */
    if (status == FV_OK && better)
        status = fv_state_save(state, fv_path_beside(c->path, "best").text);
    if (status == FV_OK) status = fv_keep_before(c->path, c->keep_last);
    if (status == FV_OK) {
        status = fv_state_save(state, c->path);
        fv_keep_finish(c->path, c->keep_last);
    }
    fv_state_free(state);
    if (status == FV_OK) c->best = best;
    return status;
}

/* --- loading ---------------------------------------------------------------------------------- */

static fv_status check_kind(const fv_state *state, const char *path)
{
    const char *kind = fv_state_text(state, NULL, kind_key);
    if (!kind)
        return fv_fail(FV_ERR_FORMAT,
                       "checkpoint_load: %.300s holds tensors but is no checkpoint; "
                       "fv_load reads weights",
                       path);
    if (strcmp(kind, kind_text) != 0)
        return fv_fail(FV_ERR_FORMAT, "checkpoint_load: %.300s is a \"%.50s\", not a \"%s\"", path,
                       kind, kind_text);
    return FV_OK;
}

static fv_status read_rng(const fv_state *state, fv_rng_state *rng)
{
    int64_t seed = 0, offset = 0;
    fv_status status = fv_state_int(state, rng_prefix, "seed", &seed);
    if (status == FV_OK) status = fv_state_int(state, rng_prefix, "offset", &offset);
    *rng = (fv_rng_state){.seed = (uint64_t)seed, .offset = (uint64_t)offset};
    return status;
}

static fv_status read_best(const fv_state *state, double *best)
{
    *best = (double)NAN;
    if (!fv_state_tensor(state, NULL, best_key)) return FV_OK;
    return fv_state_double(state, NULL, best_key, best);
}

static bool is_own(const fv_checkpoint *c, const char *name)
{
    bool own = strcmp(name, kind_key) == 0 || strcmp(name, metric_key) == 0 ||
               strcmp(name, best_key) == 0 || strncmp(name, rng_prefix, strlen(rng_prefix)) == 0;
    for (int64_t i = 0; i < c->count && !own; i++) own = fv_part_owns(&c->parts[i], name);
    return own;
}

/* Nothing in the file is left aside. */
static fv_status check_names(const fv_checkpoint *c, const fv_state *state)
{
    for (int64_t i = 0; i < fv_state_count(state); i++)
        if (!is_own(c, fv_state_name(state, i)))
            return fv_fail(FV_ERR_STATE,
                           "checkpoint_load: the file has %.200s, which this run does not have",
                           fv_state_name(state, i));
    return FV_OK;
}

static fv_status take_up(fv_checkpoint *c, const fv_state *state, const char *path)
{
    fv_rng_state rng;
    double best;
    fv_status status = check_kind(state, path);
    if (status == FV_OK) status = read_rng(state, &rng);
    if (status == FV_OK) status = read_best(state, &best);
    for (int64_t i = 0; i < c->count && status == FV_OK; i++)
        status = c->parts[i].kind->check(&c->parts[i], state);
    if (status == FV_OK) status = check_names(c, state);
    if (status != FV_OK) return status;
    for (int64_t i = 0; i < c->count; i++) c->parts[i].kind->set(&c->parts[i], state);
    fv_set_rng_state(rng);
    c->best = best;
    return FV_OK;
}

const fv_checkpoint_load_args fv_checkpoint_load_defaults = {FV_CHECKPOINT_LOAD_DEFAULTS};

fv_status fv_checkpoint_load_ex(const fv_checkpoint_load_args *a)
{
    if (!fv_args_ok("checkpoint_load", a, sizeof *a)) return FV_ERR_OPTION;
    fv_checkpoint *c = a->checkpoint;
    if (!c) return fv_fail(FV_ERR_OPTION, "checkpoint_load: the checkpoint is NULL");
    if (fv_error_status() != FV_OK) return FV_ERR_STATE;
    const char *path = a->path ? a->path : c->path;
    if (fv_is_writer()) fv_keep_finish(c->path, c->keep_last);
    if (fv_barrier() != FV_OK) return fv_error_status();
    fv_state *state = fv_state_load(path);
    if (!state) return fv_error_status();
    fv_status status = take_up(c, state, path);
    fv_state_free(state);
    if (status != FV_OK) fv_warn("checkpoint_load: %s was refused; nothing has changed", path);
    return status;
}
