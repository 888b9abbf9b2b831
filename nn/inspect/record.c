/* The records of an inspection, from what the observer and the modules' watch tell.
 *
 * Modules are told of when they are done, after what they are made of. A module's record goes in
 * front of those that came since it began: those deeper than itself that no other has claimed.
 *
 *     told:     conv2d   Conv2d   relu   ReLU   Sequential
 *     records:  Sequential  Conv2d conv2d  ReLU relu */
#include <stdio.h>
#include <string.h>

#include "nn/inspect/record_impl.h"
#include "tensor/frame.h"

/* --- a set of tensors, and the list of records ------------------------------------------------ */

/* Room for one more of that size in an array that doubles. */
static bool make_room(void **items, int64_t count, int64_t *room, size_t size)
{
    if (count < *room) return true;
    const int64_t more = *room ? 2 * *room : 64;
    void *grown = fv_object_alloc((size_t)more * size);
    if (!grown) return false;
    if (count) memcpy(grown, *items, (size_t)count * size);
    if (*items) fv_object_free(*items, (size_t)*room * size);
    *items = grown;
    *room = more;
    return true;
}

/* False when it was there already, or when memory is out, which the set remembers. */
static bool add_tensor(fv_tensor_set *set, fv_tensor *t)
{
    for (int64_t i = 0; i < set->count; i++)
        if (set->items[i] == t) return false;
    void *items = set->items;
    if (!make_room(&items, set->count, &set->room, sizeof *set->items)) {
        set->failed = true;
        return false;
    }
    set->items = items;
    set->items[set->count++] = t;
    set->bytes += t->numel * (int64_t)fv_dtype_size(t->dtype);
    return true;
}

void fv_tensor_set_free(fv_tensor_set *set)
{
    if (set->items) fv_object_free(set->items, (size_t)set->room * sizeof *set->items);
    *set = (fv_tensor_set){.items = NULL};
}

fv_layer_record *fv_record_insert(fv_inspection *seen, int64_t at)
{
    void *items = seen->items;
    if (!make_room(&items, seen->count, &seen->room, sizeof *seen->items)) return NULL;
    seen->items = items;
    fv_layer_record *record = fv_object_alloc(sizeof *record);
    if (!record) return NULL;
    memset(record, 0, sizeof *record);
    memmove(seen->items + at + 1, seen->items + at,
            (size_t)(seen->count - at) * sizeof *seen->items);
    seen->items[at] = record;
    seen->count++;
    return record;
}

/* --- what a record says ----------------------------------------------------------------------- */

static fv_layer_record *insert(fv_recorder *r, int64_t at)
{
    fv_layer_record *record = fv_record_insert(r->seen, at);
    if (!record) r->out_of_memory = true;
    return record;
}

/* The path in an event or frame is "a.b (Type)". */
static void set_path(fv_layer_record *record, const char *path)
{
    const char *end = strrchr(path, '(');
    size_t used = end ? (size_t)(end - path) : strlen(path);
    if (used > 0 && path[used - 1] == ' ') used--;
    if (used >= sizeof record->path) used = sizeof record->path - 1;
    memcpy(record->path, path, used);
    record->path[used] = '\0';
}

static void set_output(const fv_recorder *r, fv_layer_record *record, const fv_tensor *y)
{
    const char *why;
    record->info.output = fv_shape_of(y);
    record->info.field = fv_fields_of(r->fields, y, &why);
    if (why) snprintf(record->unknown, sizeof record->unknown, "%s", why);
}

static void count_leaf(fv_layer_info *info, fv_tensor_set *set, fv_tensor *t)
{
    if (!add_tensor(set, t)) return;
    info->parameters += t->numel;
    info->trainable += t->requires_grad ? t->numel : 0;
}

/* The parameters of a tree; the lists that fv_parameters has handed out stay as they are. */
static void count_tree(fv_layer_info *info, fv_tensor_set *set, const fv_module *m)
{
    for (int64_t i = 0; i < m->parameters.count; i++)
        count_leaf(info, set, m->parameters.items[i].value);
    for (int64_t i = 0; i < m->children.count; i++)
        count_tree(info, set, m->children.items[i].value);
}

static void count_leaves(fv_layer_info *info, fv_tensor_set *set, const fv_event *e)
{
    for (int i = 0; i < e->inputs; i++)
        if (e->in[i] && e->in[i]->requires_grad && !e->in[i]->node) count_leaf(info, set, e->in[i]);
}

void fv_record_op(const fv_event *e, void *context)
{
    fv_recorder *r = context;
    if (e->kind != FV_EVENT_FORWARD || r->out_of_memory) return;
    if (!fv_fields_follow(r->fields, e)) r->out_of_memory = true;
    if (e->within || !e->outputs) return;
    fv_layer_record *record = insert(r, r->seen->count);
    if (!record) return;
    const fv_work work = fv_event_work(e);
    fv_tensor_set own = {.items = NULL};
    fv_layer_info *info = &record->info;
    *info = (fv_layer_info){.kind = e->name,
                            .depth = fv_frame_depth() - r->base,
                            .is_op = true,
                            .multiply_adds = work.multiply_adds,
                            .bias_adds = work.bias_adds};
    set_path(record, e->path);
    fv_options_text(e->op, e->options, record->options, sizeof record->options);
    if (e->inputs && e->in[0]) info->input = fv_shape_of(e->in[0]);
    set_output(r, record, e->out[0]);
    count_leaves(info, &own, e);
    if (r->is_function) count_leaves(&r->seen->total, &r->seen->all, e);
    if (own.failed || r->seen->all.failed) r->out_of_memory = true;
    fv_tensor_set_free(&own);
}

/* Where the records of what a module at that depth is made of begin. */
static int64_t first_inside(const fv_inspection *seen, int depth)
{
    int64_t at = seen->count;
    for (int64_t i = seen->count - 1; i >= 0; i--) {
        if (seen->items[i]->claimed) continue;
        if (seen->items[i]->info.depth <= depth) break;
        at = i;
    }
    return at;
}

static void claim(fv_inspection *seen, int64_t from, fv_layer_info *info)
{
    for (int64_t i = from; i < seen->count; i++) {
        fv_layer_record *below = seen->items[i];
        below->claimed = true;
        if (!below->info.is_op) continue;
        info->multiply_adds += below->info.multiply_adds;
        info->bias_adds += below->info.bias_adds;
    }
}

static bool has_run(const fv_inspection *seen, const fv_module *m)
{
    for (int64_t i = 0; i < seen->count; i++)
        if (seen->items[i]->module == m) return true;
    return false;
}

void fv_record_module(fv_module *m, fv_tensor *const *in, fv_tensor *const *out, void *context)
{
    fv_recorder *r = context;
    if (r->out_of_memory) return;
    const int depth = fv_frame_depth() - r->base - 1;
    const bool repeated = has_run(r->seen, m);
    const int64_t at = first_inside(r->seen, depth);
    fv_layer_record *record = insert(r, at);
    if (!record) return;
    char path[sizeof record->path + 64];
    fv_tensor_set own = {.items = NULL};
    fv_layer_info *info = &record->info;
    record->module = m;
    *info = (fv_layer_info){.kind = m->type->name, .depth = depth, .repeated = repeated};
    fv_frame_path(path, sizeof path);
    set_path(record, path);
    if (m->type->describe) m->type->describe(m, record->options, sizeof record->options);
    if (in[0]) info->input = fv_shape_of(in[0]);
    set_output(r, record, out[0]);
    claim(r->seen, at + 1, info);
    count_tree(info, &own, m);
    if (depth == 0) r->seen->memory.parameter_bytes = own.bytes;
    if (r->is_function && depth == 1) count_tree(&r->seen->total, &r->seen->all, m);
    if (own.failed || r->seen->all.failed) r->out_of_memory = true;
    fv_tensor_set_free(&own);
}

void fv_record_function(fv_recorder *r, const fv_tensor *x, const fv_tensor *y)
{
    fv_layer_record *record = insert(r, 0);
    if (!record) return;
    fv_layer_info *info = &record->info;
    *info = r->seen->total;
    info->kind = "function";
    info->input = fv_shape_of(x);
    set_output(r, record, y);
    claim(r->seen, 1, info);
    r->seen->memory.parameter_bytes = r->seen->all.bytes;
}
