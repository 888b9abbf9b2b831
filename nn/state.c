/* Saving a module. */
#include "nn/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct saving {
    const char **names;
    fv_tensor **tensors;
    fv_metadata *notes;
    int64_t count, note_count;
    fv_tensor **converted; /* where not NULL, ours */
} saving;

static fv_status out_of_memory(const char *path)
{
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
}

/* Element i of a contiguous tensor of a floating type. */
static bool is_infinite(const fv_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case FV_FLOAT16: return (((const uint16_t *)t->data)[i] & 0x7FFF) == 0x7C00;
    case FV_BFLOAT16: return (((const uint16_t *)t->data)[i] & 0x7FFF) == 0x7F80;
    case FV_FLOAT32: return isinf(((const float *)t->data)[i]);
    default: return isinf(((const double *)t->data)[i]);
    }
}

/* Did a number of t become infinite in its contiguous copy? */
static bool overflows(const fv_tensor *t, const fv_tensor *copy)
{
    for (int64_t i = 0; i < t->numel; i++) {
        if (!is_infinite(copy, i)) continue;
        int64_t index[FV_MAX_DIMS], rest = i;
        for (int d = t->ndim - 1; d >= 0; d--) {
            index[d] = rest % t->shape[d];
            rest /= t->shape[d];
        }
        if (!isinf(fv_at(t, index))) return true;
    }
    return false;
}

/* The tensor in another floating type; NULL after an error. */
static fv_tensor *convert(const char *name, fv_tensor *t, fv_dtype dtype)
{
    fv_shape shape = fv_shape_of(t);
    if (fv_need_elements("save", t) != FV_OK) return NULL;
    fv_tensor *copy = fv_tensor_alloc(dtype, &shape, NULL);
    if (!copy) {
        out_of_memory(name);
        return NULL;
    }
    fv_copy_elements(copy, t);
    if (!overflows(t, copy)) return copy;
    fv_fail(FV_ERR_OPTION, "save: %s has numbers that %s cannot hold", name, fv_dtype_name(dtype));
    fv_release(copy);
    return NULL;
}

static fv_status convert_all(saving *s, fv_dtype dtype)
{
    for (int64_t i = 0; i < s->count; i++) {
        fv_tensor *t = s->tensors[i];
        if (fv_dtype_row_of(t->dtype)->kind != FV_KIND_FLOATING || t->dtype == dtype) continue;
        s->converted[i] = convert(s->names[i], t, dtype);
        if (!s->converted[i]) return fv_error_status();
        s->tensors[i] = s->converted[i];
    }
    return FV_OK;
}

/* The user's notes, and the format, for which other readers ask. */
static void collect_notes(saving *s, const fv_metadata *metadata)
{
    bool has_format = false;
    for (int64_t i = 0; metadata && metadata[i].key; i++) {
        s->notes[s->note_count++] = metadata[i];
        has_format = has_format || strcmp(metadata[i].key, "format") == 0;
    }
    if (!has_format) s->notes[s->note_count++] = (fv_metadata){"format", "pt"};
}

static fv_status save_state(saving *s, const fv_save_args *a, fv_named_list state)
{
    for (int64_t i = 0; i < state.count; i++) {
        s->names[i] = state.items[i].name;
        s->tensors[i] = state.items[i].tensor;
    }
    s->count = state.count;
    collect_notes(s, a->metadata);
    fv_status status = a->dtype == FV_UNSET_DTYPE ? FV_OK : convert_all(s, a->dtype);
    if (status == FV_OK)
        status = fv_save_tensors(a->path, s->names, s->tensors, s->count, s->notes, s->note_count);
    for (int64_t i = 0; i < s->count; i++)
        if (s->converted[i]) fv_release(s->converted[i]);
    return status;
}

static fv_status check_args(const fv_save_args *a)
{
    if (!a->module || !a->path)
        return fv_fail(FV_ERR_OPTION, "save: a module and a path are needed");
    if (a->dtype == FV_UNSET_DTYPE ||
        (fv_dtype_exists(a->dtype) && fv_dtype_row_of(a->dtype)->kind == FV_KIND_FLOATING))
        return FV_OK;
    return fv_fail(FV_ERR_DTYPE, "save: dtype is a floating one, not %s", fv_dtype_name(a->dtype));
}

const fv_save_args fv_save_defaults = {FV_SAVE_DEFAULTS};

fv_status fv_save_ex(const fv_save_args *a)
{
    if (!fv_args_ok("save", a, sizeof *a)) return FV_ERR_OPTION;
    if (fv_need_no_error("save", a->path) != FV_OK) return FV_ERR_STATE;
    fv_status status = check_args(a);
    if (status != FV_OK) return status;
    fv_named_list state = fv_state_dict(a->module);
    if (!state.items) return FV_ERR_MEMORY;
    size_t room = (size_t)state.count + 1, notes = 2;
    for (const fv_metadata *m = a->metadata; m && m->key; m++) notes++;
    saving s = {.names = calloc(room, sizeof *s.names),
                .tensors = calloc(room, sizeof *s.tensors),
                .converted = calloc(room, sizeof *s.converted),
                .notes = calloc(notes, sizeof *s.notes)};
    if (s.names && s.tensors && s.converted && s.notes)
        status = save_state(&s, a, state);
    else
        status = out_of_memory(a->path);
    free(s.names);
    free(s.tensors);
    free(s.converted);
    free(s.notes);
    return status;
}
