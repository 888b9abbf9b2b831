/* The lists that a module hands out: parameters, named tensors, the state dict.
 *
 * A list is made by walking the tree twice: once to count tensors and the bytes of their names,
 * once to fill one array of entries and one block of names. */
#include "nn/module_impl.h"

#include <stdlib.h>
#include <string.h>

/* One walk over the tree. items and names are NULL in the counting pass. */
typedef struct walk {
    bool parameters, buffers;
    bool shared_once;
    fv_named_tensor *items;
    char *names;
    int64_t count;
    size_t bytes;
} walk;

/* The names on the way from the root to a module. */
typedef struct path {
    const struct path *parent;
    const char *name;
} path;

static size_t path_length(const path *p)
{
    return p ? path_length(p->parent) + strlen(p->name) + 1 : 0;
}

/* Writes "a.b." and returns its end. */
static char *write_path(char *at, const path *p)
{
    if (!p) return at;
    at = write_path(at, p->parent);
    size_t length = strlen(p->name);
    memcpy(at, p->name, length);
    at[length] = '.';
    return at + length + 1;
}

static bool seen(const walk *w, const fv_tensor *t)
{
    for (int64_t i = 0; i < w->count; i++)
        if (w->items[i].tensor == t) return true;
    return false;
}

static void visit_entries(walk *w, const fv_entries *entries, const path *prefix)
{
    for (int64_t i = 0; i < entries->count; i++) {
        const char *name = entries->items[i].name;
        size_t name_bytes = strlen(name) + 1;
        if (w->items) {
            if (w->shared_once && seen(w, entries->items[i].value)) continue;
            char *start = w->names + w->bytes;
            memcpy(write_path(start, prefix), name, name_bytes);
            w->items[w->count] = (fv_named_tensor){start, entries->items[i].value};
        }
        w->count++;
        w->bytes += path_length(prefix) + name_bytes;
    }
}

static void visit(walk *w, const fv_module *m, const path *prefix)
{
    if (w->parameters) visit_entries(w, &m->parameters, prefix);
    if (w->buffers) visit_entries(w, &m->buffers, prefix);
    for (int64_t i = 0; i < m->children.count; i++) {
        path below = {prefix, m->children.items[i].name};
        visit(w, m->children.items[i].value, &below);
    }
}

/* A new list; its names are one block, *names. Items NULL after an error. */
static fv_named_list build_list(const fv_module *m, walk w, char **names)
{
    fv_named_list none = {NULL, 0};
    if (!m) {
        fv_fail(FV_ERR_OPTION, "parameters: the module is NULL");
        return none;
    }
    visit(&w, m, NULL);
    fv_named_tensor *items = calloc((size_t)w.count + 1, sizeof *items);
    *names = malloc(w.bytes + 1);
    if (!items || !*names) {
        free(items);
        free(*names);
        fv_fail(FV_ERR_MEMORY, "parameters: out of memory");
        return none;
    }
    w.items = items;
    w.names = *names;
    w.count = 0;
    w.bytes = 0;
    visit(&w, m, NULL);
    return (fv_named_list){items, w.count};
}

static fv_named_list keep_list(fv_module *m, int which, walk w)
{
    char *names = NULL;
    fv_named_list list = build_list(m, w, &names);
    if (!list.items) return list;
    free(m->named[which]);
    free(m->names[which]);
    m->named[which] = (fv_named_tensor *)list.items;
    m->names[which] = names;
    return list;
}

fv_named_list fv_named_parameters(fv_module *m)
{
    return keep_list(m, FV_LIST_PARAMETERS, (walk){.parameters = true, .shared_once = true});
}

fv_named_list fv_named_buffers(fv_module *m)
{
    return keep_list(m, FV_LIST_BUFFERS, (walk){.buffers = true, .shared_once = true});
}

fv_named_list fv_state_dict(fv_module *m)
{
    return keep_list(m, FV_LIST_STATE, (walk){.parameters = true, .buffers = true});
}

/* The array stays where it is while the tree is the same, so that lists given out before hold. */
fv_tensor_list fv_parameters(fv_module *m)
{
    char *names = NULL;
    fv_named_list named = build_list(m, (walk){.parameters = true, .shared_once = true}, &names);
    if (!named.items) return (fv_tensor_list){NULL, 0};
    bool same = m->list && m->list_count == named.count;
    for (int64_t i = 0; same && i < named.count; i++) same = m->list[i] == named.items[i].tensor;
    if (!same) {
        fv_tensor **list = malloc((size_t)(named.count + 1) * sizeof *list);
        for (int64_t i = 0; list && i < named.count; i++) list[i] = named.items[i].tensor;
        if (!list) fv_fail(FV_ERR_MEMORY, "parameters: out of memory");
        free(m->list);
        m->list = list;
        m->list_count = list ? named.count : 0;
    }
    free((void *)named.items);
    free(names);
    return (fv_tensor_list){m->list, m->list_count};
}

int64_t fv_parameter_count(fv_module *m)
{
    fv_tensor_list parameters = fv_parameters(m);
    int64_t count = 0;
    for (int64_t i = 0; i < parameters.count; i++) count += parameters.items[i]->numel;
    return count;
}

void fv_module_lists_free(fv_module *m)
{
    free(m->list);
    for (int k = 0; k < FV_LIST_COUNT; k++) {
        free(m->named[k]);
        free(m->names[k]);
    }
}
