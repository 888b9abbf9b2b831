/* Named tensors and texts, in memory and in a file. */
#include "tensor/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats/safetensors.h"

typedef struct entry {
    uint64_t hash; /* of the name, so that most comparisons end at it */
    char *name;
    fv_tensor *tensor; /* or */
    char *text;
} entry;

struct fv_state {
    entry *entries;
    int64_t count, room;
};

/* --- names ------------------------------------------------------------------------------------ */

/* FNV-1a, going on from `hash`: a name in two pieces has the hash of the whole. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_name(const char *prefix, const char *name)
{
    return hash_text(hash_text(0xcbf29ce484222325u, prefix), name);
}

static bool has_name(const entry *e, const char *prefix, const char *name)
{
    const size_t n = strlen(prefix);
    return strncmp(e->name, prefix, n) == 0 && strcmp(e->name + n, name) == 0;
}

static entry *find(const fv_state *state, const char *prefix, const char *name)
{
    if (!state || !name) return NULL;
    if (!prefix) prefix = "";
    const uint64_t hash = hash_name(prefix, name);
    for (int64_t i = 0; i < state->count; i++)
        if (state->entries[i].hash == hash && has_name(&state->entries[i], prefix, name))
            return &state->entries[i];
    return NULL;
}

static char *join(const char *prefix, const char *name)
{
    const size_t n = strlen(prefix), m = strlen(name) + 1;
    char *text = malloc(n + m);
    if (!text) return NULL;
    memcpy(text, prefix, n);
    memcpy(text + n, name, m);
    return text;
}

/* --- life time -------------------------------------------------------------------------------- */

static fv_status no_memory(void)
{
    return fv_fail(FV_ERR_MEMORY, "state: out of memory");
}

fv_state *fv_state_new(void)
{
    fv_state *state = calloc(1, sizeof *state);
    if (!state) no_memory();
    return state;
}

static void drop_value(entry *e)
{
    fv_release(e->tensor);
    free(e->text);
    e->tensor = NULL;
    e->text = NULL;
}

void fv_state_free(fv_state *state)
{
    if (!state) return;
    for (int64_t i = 0; i < state->count; i++) {
        drop_value(&state->entries[i]);
        free(state->entries[i].name);
    }
    free(state->entries);
    free(state);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The entry of that name, made if there is none; NULL when memory is out. */
static entry *claim(fv_state *state, const char *prefix, const char *name)
{
    entry *found = find(state, prefix, name);
    if (found) return found;
    if (state->count == state->room) {
        const int64_t room = state->room ? 2 * state->room : 64;
        entry *entries = realloc(state->entries, (size_t)room * sizeof *entries);
        if (!entries) return NULL;
        state->entries = entries;
        state->room = room;
    }
    char *whole = join(prefix, name);
    if (!whole) return NULL;
    entry *e = &state->entries[state->count++];
    *e = (entry){.hash = hash_name(prefix, name), .name = whole};
    return e;
}

static fv_status check_put(const fv_state *state, const char *name, bool value)
{
    if (!state) return fv_fail(FV_ERR_OPTION, "state: the state is NULL");
    if (!name) return fv_fail(FV_ERR_OPTION, "state: a name is needed");
    if (!value) return fv_fail(FV_ERR_OPTION, "state: %.200s has no value", name);
    return FV_OK;
}

fv_status fv_state_put_tensor(fv_state *state, const char *prefix, const char *name, fv_tensor *t)
{
    fv_status status = check_put(state, name, t != NULL);
    if (status != FV_OK) return status;
    if (fv_failed_in("state", t))
        return fv_fail(FV_ERR_OPTION, "state: %.200s is a failed tensor", name);
    entry *e = claim(state, prefix ? prefix : "", name);
    if (!e) return no_memory();
    fv_retain(t); /* first: it may be the old value */
    drop_value(e);
    e->tensor = t;
    return FV_OK;
}

/* A number of dtype, as a tensor without dimensions. */
static fv_status put_number(fv_state *state, const char *prefix, const char *name, fv_dtype dtype,
                            const void *value)
{
    const fv_shape scalar = FV_SCALAR;
    fv_tensor *t = fv_tensor_alloc(dtype, &scalar, NULL);
    if (!t) return no_memory();
    memcpy(t->data, value, fv_dtype_size(dtype));
    fv_status status = fv_state_put_tensor(state, prefix, name, t);
    fv_release(t);
    return status;
}

fv_status fv_state_put_int(fv_state *state, const char *prefix, const char *name, int64_t value)
{
    return put_number(state, prefix, name, FV_INT64, &value);
}

fv_status fv_state_put_double(fv_state *state, const char *prefix, const char *name, double value)
{
    return put_number(state, prefix, name, FV_FLOAT64, &value);
}

fv_status fv_state_put_bool(fv_state *state, const char *prefix, const char *name, bool value)
{
    return put_number(state, prefix, name, FV_BOOL, &value);
}

/* A note that other readers ask for; no text of a state. */
static const char format_key[] = "format";

fv_status fv_state_put_text(fv_state *state, const char *prefix, const char *name, const char *text)
{
    fv_status status = check_put(state, name, text != NULL);
    if (status != FV_OK) return status;
    if (!prefix) prefix = "";
    if (!*prefix && strcmp(name, format_key) == 0)
        return fv_fail(FV_ERR_OPTION, "state: no text can be named %s", name);
    char *copy = strdup(text);
    entry *e = copy ? claim(state, prefix, name) : NULL;
    if (!e) {
        free(copy);
        return no_memory();
    }
    drop_value(e);
    e->text = copy;
    return FV_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

fv_tensor *fv_state_tensor(const fv_state *state, const char *prefix, const char *name)
{
    const entry *e = find(state, prefix, name);
    return e ? e->tensor : NULL;
}

const char *fv_state_text(const fv_state *state, const char *prefix, const char *name)
{
    const entry *e = find(state, prefix, name);
    return e ? e->text : NULL;
}

/* *t = the tensor of one element that has that name; value is where its number is to go. */
static fv_status find_number(const fv_state *state, const char *prefix, const char *name,
                             const void *value, const fv_tensor **t)
{
    if (!state || !name || !value)
        return fv_fail(FV_ERR_OPTION,
                       "state: a state, a name and a place for the value are needed");
    const char *front = prefix ? prefix : "";
    const entry *e = find(state, prefix, name);
    if (!e) return fv_fail(FV_ERR_STATE, "state: %.200s%.200s is missing", front, name);
    if (!e->tensor)
        return fv_fail(FV_ERR_STATE, "state: %.200s%.200s is a text, not a number", front, name);
    const fv_shape shape = fv_shape_of(e->tensor);
    if (e->tensor->numel != 1)
        return fv_fail(FV_ERR_STATE, "state: %.200s%.200s is %s, not one number", front, name,
                       fv_shape_text(&shape));
    *t = e->tensor;
    return fv_need_elements("state", e->tensor);
}

static fv_status other_number(const char *prefix, const char *name, double value, const char *kind)
{
    return fv_fail(FV_ERR_STATE, "state: %.200s%.200s is %g, not %s", prefix ? prefix : "", name,
                   value, kind);
}

fv_status fv_state_int(const fv_state *state, const char *prefix, const char *name, int64_t *value)
{
    const fv_tensor *t = NULL;
    fv_status status = find_number(state, prefix, name, value, &t);
    if (status != FV_OK) return status;
    const double number = fv_item(t);
    if (fv_dtype_is_floating(t->dtype) &&
        !(number == floor(number) && number >= -0x1p63 && number < 0x1p63))
        return other_number(prefix, name, number, "a whole number");
    return fv_copy_out(t, FV_INT64, value);
}

fv_status fv_state_double(const fv_state *state, const char *prefix, const char *name,
                          double *value)
{
    const fv_tensor *t = NULL;
    fv_status status = find_number(state, prefix, name, value, &t);
    return status == FV_OK ? fv_copy_out(t, FV_FLOAT64, value) : status;
}

fv_status fv_state_bool(const fv_state *state, const char *prefix, const char *name, bool *value)
{
    const fv_tensor *t = NULL;
    fv_status status = find_number(state, prefix, name, value, &t);
    if (status != FV_OK) return status;
    const double number = fv_item(t);
    if (number != 0.0 && number != 1.0) return other_number(prefix, name, number, "true or false");
    *value = number != 0.0;
    return FV_OK;
}

int64_t fv_state_count(const fv_state *state)
{
    return state ? state->count : 0;
}

const char *fv_state_name(const fv_state *state, int64_t i)
{
    return state && i >= 0 && i < state->count ? state->entries[i].name : NULL;
}

/* --- files ------------------------------------------------------------------------------------ */

/* The state's entries as fv_save_tensors wants them. */
typedef struct columns {
    const char **names;
    fv_tensor **tensors;
    fv_metadata *notes;
    int64_t tensor_count, note_count;
} columns;

static void free_columns(columns *c)
{
    free(c->names);
    free(c->tensors);
    free(c->notes);
}

static bool make_columns(const fv_state *state, columns *c)
{
    const size_t room = (size_t)state->count + 1;
    *c = (columns){.names = malloc(room * sizeof *c->names),
                   .tensors = malloc(room * sizeof *c->tensors),
                   .notes = malloc(room * sizeof *c->notes)};
    if (!c->names || !c->tensors || !c->notes) return false;
    c->notes[c->note_count++] = (fv_metadata){format_key, "pt"};
    for (int64_t i = 0; i < state->count; i++) {
        const entry *e = &state->entries[i];
        if (e->text) {
            c->notes[c->note_count++] = (fv_metadata){e->name, e->text};
        } else {
            c->names[c->tensor_count] = e->name;
            c->tensors[c->tensor_count++] = e->tensor;
        }
    }
    return true;
}

fv_status fv_state_save(const fv_state *state, const char *path)
{
    if (!state || !path) return fv_fail(FV_ERR_OPTION, "state_save: a state and a path are needed");
    columns c;
    fv_status status =
        make_columns(state, &c)
            ? fv_save_tensors(path, c.names, c.tensors, c.tensor_count, c.notes, c.note_count)
            : no_memory();
    free_columns(&c);
    return status;
}

static fv_status load_tensors(fv_state *state, const fv_tensor_file *file)
{
    FV_SCOPE;
    fv_status status = FV_OK;
    for (int64_t i = 0; i < fv_tensor_file_count(file) && status == FV_OK; i++) {
        fv_tensor *t = fv_tensor_file_read(file, i);
        status = fv_failed(t) ? fv_error_status()
                              : fv_state_put_tensor(state, NULL, fv_tensor_file_name(file, i), t);
    }
    return status;
}

static fv_status load_texts(fv_state *state, const fv_tensor_file *file)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < fv_tensor_file_metadata_count(file) && status == FV_OK; i++) {
        const fv_metadata note = fv_tensor_file_metadata_at(file, i);
        if (strcmp(note.key, format_key) != 0)
            status = fv_state_put_text(state, NULL, note.key, note.value);
    }
    return status;
}

fv_state *fv_state_load(const char *path)
{
    if (!path) {
        fv_fail(FV_ERR_OPTION, "state_load: a path is needed");
        return NULL;
    }
    if (fv_error_status() != FV_OK) return NULL; /* its own reading could not be told from that */
    fv_tensor_file *file = fv_tensor_file_open(path);
    if (!file) return NULL;
    fv_state *state = fv_state_new();
    fv_status status = state ? load_tensors(state, file) : FV_ERR_MEMORY;
    if (status == FV_OK) status = load_texts(state, file);
    fv_tensor_file_free(file);
    if (status == FV_OK) return state;
    fv_state_free(state);
    return NULL;
}
