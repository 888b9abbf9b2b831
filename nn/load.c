/* Loading a module: names of the file against those of the module, then the elements.
 *
 * Everything is read before anything is written, so that a damaged file leaves the module whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/load_impl.h"

/* --- names ------------------------------------------------------------------------------------ */

/* "<prefix><name>", which the caller frees. */
static char *full_name(const fv_load_plan *p, const char *name)
{
    size_t room = strlen(p->prefix) + strlen(name) + 1;
    char *full = malloc(room);
    if (full) snprintf(full, room, "%s%s", p->prefix, name);
    return full;
}

/* The tensor of the file that has this name, or of which the metadata says that it stands for it;
 * -1 for none. */
static int64_t find_source(const fv_load_plan *p, const char *full)
{
    int64_t k = fv_tensor_file_find(p->file, full);
    return k >= 0 ? k : fv_tensor_file_find(p->file, fv_tensor_file_metadata(p->file, full));
}

/* Is it the counter of a batch norm, which old checkpoints have not? */
static bool is_counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(dot ? dot + 1 : name, "num_batches_tracked") == 0;
}

/* Does the shape in the file fit? A number without dimensions was once saved as [1]. */
static bool fits(const fv_load_plan *p, const fv_tensor *t, int64_t k)
{
    fv_shape have = fv_tensor_file_shape(p->file, k), want = fv_shape_of(t);
    return fv_shape_equal(&have, &want) || (want.ndim == 0 && have.ndim == 1 && have.dim[0] == 1);
}

/* Does another name of the same tensor match? */
static bool is_tied(const fv_load_plan *p, int64_t i)
{
    for (int64_t k = 0; k < p->state.count; k++)
        if (p->fate[k] == FV_NAME_MATCHED && p->source[k] >= 0 &&
            p->state.items[k].tensor == p->state.items[i].tensor)
            return true;
    return false;
}

/* Settles source and fate of every name of the module, and which tensors of the file are used. */
static fv_status match_names(fv_load_plan *p)
{
    for (int64_t i = 0; i < p->state.count; i++) {
        char *full = full_name(p, p->state.items[i].name);
        if (!full) return fv_fail(FV_ERR_MEMORY, "load: out of memory");
        int64_t k = p->source[i] = find_source(p, full);
        free(full);
        p->fate[i] = FV_NAME_MISSING;
        if (k < 0) continue;
        p->used[k] = true;
        p->fate[i] = fits(p, p->state.items[i].tensor, k) ? FV_NAME_MATCHED : FV_NAME_MISMATCHED;
    }
    for (int64_t i = 0; i < p->state.count; i++) {
        if (p->fate[i] != FV_NAME_MISSING) continue;
        if (is_tied(p, i))
            p->fate[i] = FV_NAME_MATCHED;
        else if (is_counter(p->state.items[i].name))
            p->fate[i] = FV_NAME_ZERO;
    }
    return FV_OK;
}

/* --- elements --------------------------------------------------------------------------------- */

static void overwrite(fv_tensor *t, const fv_tensor *value)
{
    fv_tensor same_shape = fv_tensor_borrow(value);
    same_shape.ndim = t->ndim; /* [1] is read as a number without dimensions */
    fv_copy_elements(t, &same_shape);
    fv_bump_version(t);
}

static fv_status read_values(const fv_load_plan *p, fv_tensor **values)
{
    for (int64_t i = 0; i < p->state.count; i++) {
        fv_status status = fv_need_elements("load", p->state.items[i].tensor);
        if (status != FV_OK) return status;
        if (p->fate[i] != FV_NAME_MATCHED || p->source[i] < 0) continue;
        values[i] = fv_tensor_file_read(p->file, p->source[i]);
        if (fv_failed(values[i])) return fv_error_status();
    }
    return FV_OK;
}

static fv_status read_then_write(const fv_load_plan *p)
{
    FV_SCOPE;
    const int64_t zero = 0;
    fv_tensor **values = calloc((size_t)p->state.count + 1, sizeof *values);
    if (!values) return fv_fail(FV_ERR_MEMORY, "load: out of memory");
    fv_status status = read_values(p, values);
    for (int64_t i = 0; i < p->state.count && status == FV_OK; i++) {
        fv_tensor *t = p->state.items[i].tensor;
        if (values[i]) overwrite(t, values[i]);
        if (p->fate[i] == FV_NAME_ZERO && t->numel == 1) {
            fv_copy_in(t, FV_INT64, &zero);
            fv_bump_version(t);
        }
    }
    free(values);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static fv_status load_file(const fv_load_args *a, fv_load_plan *p)
{
    fv_status status = match_names(p);
    if (status == FV_OK && a->report) status = fv_load_fill_report(p, a->report);
    if (status == FV_OK) status = fv_load_judge(a, p);
    return status == FV_OK ? read_then_write(p) : status;
}

static fv_status load_state(const fv_load_args *a, fv_named_list state, const fv_tensor_file *file)
{
    size_t room = (size_t)state.count + 1;
    fv_load_plan p = {.state = state,
                      .file = file,
                      .prefix = a->prefix ? a->prefix : "",
                      .source = calloc(room, sizeof *p.source),
                      .fate = calloc(room, sizeof *p.fate),
                      .used = calloc((size_t)fv_tensor_file_count(file) + 1, sizeof *p.used)};
    fv_status status = p.source && p.fate && p.used ? load_file(a, &p)
                                                    : fv_fail(FV_ERR_MEMORY, "load: out of memory");
    free(p.source);
    free(p.fate);
    free(p.used);
    return status;
}

const fv_load_args fv_load_defaults = {FV_LOAD_DEFAULTS};

fv_status fv_load_ex(const fv_load_args *a)
{
    if (!fv_args_ok("load", a, sizeof *a)) return FV_ERR_OPTION;
    if (a->report) *a->report = (fv_load_report){.matched = {NULL, 0}};
    if (fv_need_no_error("load", a->path) != FV_OK) return FV_ERR_STATE;
    if (!a->module || !a->path)
        return fv_fail(FV_ERR_OPTION, "load: a module and a path are needed");
    fv_named_list state = fv_state_dict(a->module);
    if (!state.items) return FV_ERR_MEMORY;
    fv_tensor_file *file = fv_tensor_file_open(a->path);
    if (!file) return fv_error_status();
    fv_status status = load_state(a, state, file);
    fv_tensor_file_free(file);
    return status;
}
