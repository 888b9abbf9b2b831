/* Saving and loading a module. */
#include "nn/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats/safetensors.h"

fv_status fv_save(fv_module *m, const char *path)
{
    if (!m || !path) return fv_fail(FV_ERR_OPTION, "save: a module and a path are needed");
    fv_named_list state = fv_state_dict(m);
    if (!state.items) return FV_ERR_MEMORY;
    size_t room = (size_t)state.count + 1;
    const char **names = malloc(room * sizeof *names);
    fv_tensor **tensors = malloc(room * sizeof *tensors);
    fv_status status;
    if (names && tensors) {
        const fv_metadata format = {"format", "pt"}; /* other readers ask for it */
        for (int64_t i = 0; i < state.count; i++) {
            names[i] = state.items[i].name;
            tensors[i] = state.items[i].tensor;
        }
        status = fv_save_tensors(path, names, tensors, state.count, &format, 1);
    } else {
        status = fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
    }
    free(names);
    free(tensors);
    return status;
}

/* A list of names for a message, cut short when it is long. */
typedef struct name_list {
    char text[320];
    size_t used;
    int64_t count;
} name_list;

static void add_name(name_list *list, const char *name)
{
    list->count++;
    size_t room = sizeof list->text - list->used;
    int length = snprintf(list->text + list->used, room, "%s%s", list->used ? ", " : "", name);
    if (length < 0 || (size_t)length >= room) {
        list->text[list->used] = '\0';
        size_t last = sizeof list->text - sizeof ", ...";
        if (list->used <= last) memcpy(list->text + list->used, ", ...", sizeof ", ...");
        list->used = sizeof list->text - 1; /* nothing more fits */
    } else {
        list->used += (size_t)length;
    }
}

static fv_status check_names(const char *path, fv_named_list state, const fv_tensor_file *file)
{
    name_list missing = {.count = 0}, unexpected = {.count = 0};
    for (int64_t i = 0; i < state.count; i++)
        if (fv_tensor_file_find(file, state.items[i].name) < 0)
            add_name(&missing, state.items[i].name);
    for (int64_t i = 0; i < fv_tensor_file_count(file); i++) {
        const char *name = fv_tensor_file_name(file, i);
        bool known = false;
        for (int64_t k = 0; k < state.count && !known; k++)
            known = strcmp(state.items[k].name, name) == 0;
        if (!known) add_name(&unexpected, name);
    }
    if (missing.count == 0 && unexpected.count == 0) return FV_OK;
    return fv_fail(FV_ERR_STATE, "load: %s: %lld missing keys (%s), %lld unexpected keys (%s)",
                   path, (long long)missing.count, missing.text, (long long)unexpected.count,
                   unexpected.text);
}

static fv_status check_shapes(const char *path, fv_named_list state, const fv_tensor_file *file)
{
    for (int64_t i = 0; i < state.count; i++) {
        int64_t k = fv_tensor_file_find(file, state.items[i].name);
        if (k < 0) continue;
        fv_shape have = fv_tensor_file_shape(file, k), want = fv_shape_of(state.items[i].tensor);
        if (!fv_shape_equal(&have, &want))
            return fv_fail(FV_ERR_SHAPE, "load: %s: %s is %s in the file, %s in the module", path,
                           state.items[i].name, fv_shape_text(&have), fv_shape_text(&want));
    }
    return FV_OK;
}

/* Everything is read before anything is written, so that a damaged file leaves the module whole. */
static fv_status read_then_copy(fv_named_list state, const fv_tensor_file *file)
{
    fv_tensor **values = calloc((size_t)state.count + 1, sizeof *values);
    if (!values) return fv_fail(FV_ERR_MEMORY, "load: out of memory");
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        for (int64_t i = 0; i < state.count && status == FV_OK; i++) {
            int64_t k = fv_tensor_file_find(file, state.items[i].name);
            if (k < 0) continue;
            values[i] = fv_tensor_file_read(file, k);
            if (fv_failed(values[i])) status = fv_error_status();
        }
        for (int64_t i = 0; i < state.count && status == FV_OK; i++) {
            if (!values[i]) continue;
            fv_copy_elements(state.items[i].tensor, values[i]);
            fv_bump_version(state.items[i].tensor);
        }
    }
    free(values);
    return status;
}

const fv_load_args fv_load_defaults = {FV_LOAD_DEFAULTS};

fv_status fv_load_ex(const fv_load_args *a)
{
    if (!fv_args_ok("load", a, sizeof *a)) return FV_ERR_OPTION;
    if (!a->module || !a->path)
        return fv_fail(FV_ERR_OPTION, "load: a module and a path are needed");
    fv_named_list state = fv_state_dict(a->module);
    if (!state.items) return FV_ERR_MEMORY;
    fv_tensor_file *file = fv_tensor_file_open(a->path);
    if (!file) return fv_error_status();
    fv_status status = a->strict ? check_names(a->path, state, file) : FV_OK;
    if (status == FV_OK) status = check_shapes(a->path, state, file);
    if (status == FV_OK) status = read_then_copy(state, file);
    fv_tensor_file_free(file);
    return status;
}
