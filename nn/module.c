/* The module tree: building, walking, freeing. */
#include "nn/module_impl.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "tensor/frame.h"

static fv_status out_of_memory(void)
{
    return fv_fail(FV_ERR_MEMORY, "module: out of memory");
}

static uint64_t next_id(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

fv_module *fv_module_new(const fv_module_type *type, const void *context)
{
    if (!fv_module_type_valid(type)) {
        fv_fail(FV_ERR_OPTION, "module_new: a type with a name and a forward function is needed; "
                               "one with forward_many names its inputs and outputs");
        return NULL;
    }
    fv_module *m = calloc(1, sizeof *m);
    void *copy = type->context_size > 0 ? calloc(1, type->context_size) : NULL;
    if (!m || (type->context_size > 0 && !copy)) {
        free(m);
        free(copy);
        out_of_memory();
        return NULL;
    }
    if (copy && context) memcpy(copy, context, type->context_size);
    m->type = type;
    m->context = copy;
    m->training = true;
    m->per_sample = type->per_sample;
    m->id = next_id();
    return m;
}

void fv_module_mixes_samples(fv_module *m)
{
    if (m) m->per_sample = 0;
}

/* --- entries ---------------------------------------------------------------------------- */

static int64_t find_entry(const fv_entries *entries, const char *name, size_t length)
{
    for (int64_t i = 0; i < entries->count; i++) {
        const char *own = entries->items[i].name;
        if (strncmp(own, name, length) == 0 && own[length] == '\0') return i;
    }
    return -1;
}

static fv_status append_entry(fv_entries *entries, const char *name, void *value)
{
    fv_entry *items = realloc(entries->items, (size_t)(entries->count + 1) * sizeof *items);
    if (items) entries->items = items;
    char *copy = strdup(name);
    if (!items || !copy) {
        free(copy);
        return out_of_memory();
    }
    items[entries->count++] = (fv_entry){copy, value};
    return FV_OK;
}

static void free_entries(fv_entries *entries)
{
    for (int64_t i = 0; i < entries->count; i++) free(entries->items[i].name);
    free(entries->items);
}

/* A name may stand for one thing only: a parameter, a buffer or a child. */
static fv_status check_name(const fv_module *m, const fv_entries *target, const char *name)
{
    if (!name || !*name || strchr(name, '.'))
        return fv_fail(FV_ERR_OPTION, "%s: the name \"%s\" is empty or has a dot", m->type->name,
                       name ? name : "");
    const fv_entries *all[] = {&m->parameters, &m->buffers, &m->children};
    for (int i = 0; i < 3; i++)
        if (all[i] != target && find_entry(all[i], name, strlen(name)) >= 0)
            return fv_fail(FV_ERR_OPTION, "%s: the name \"%s\" is in use", m->type->name, name);
    return FV_OK;
}

/* --- children --------------------------------------------------------------------------- */

static bool contains(const fv_module *tree, const fv_module *m)
{
    if (tree == m) return true;
    for (int64_t i = 0; i < tree->children.count; i++)
        if (contains(tree->children.items[i].value, m)) return true;
    return false;
}

static fv_status add_child(fv_module *m, const char *name, fv_module *child)
{
    if (!child)
        return fv_fail(FV_ERR_OPTION, "%s: child \"%s\" is NULL", m->type->name, name ? name : "");
    if (child->broken)
        return fv_fail(FV_ERR_OPTION, "%s: building child \"%s\" has failed", m->type->name,
                       name ? name : "");
    fv_status status = check_name(m, NULL, name);
    if (status == FV_OK) status = append_entry(&m->children, name, child);
    if (status == FV_OK) child->owners++;
    m->id = next_id(); /* names below it have changed */
    return status;
}

fv_status fv_module_add_child(fv_module *m, const char *name, fv_module *child)
{
    if (m && child && contains(child, m)) {
        m->broken = true;
        return fv_fail(FV_ERR_OPTION, "%s: child \"%s\" contains the module", m->type->name,
                       name ? name : "");
    }
    fv_status status =
        m ? add_child(m, name, child) : fv_fail(FV_ERR_OPTION, "add_child: the module is NULL");
    if (status == FV_OK) return FV_OK;
    if (m) m->broken = true;
    if (child && child->owners == 0) fv_module_free(child);
    return status;
}

int64_t fv_child_count(const fv_module *m)
{
    return m ? m->children.count : 0;
}

fv_module *fv_child_at(const fv_module *m, int64_t index)
{
    if (m && index >= 0 && index < m->children.count) return m->children.items[index].value;
    fv_fail(FV_ERR_INDEX, "%s: no child %lld of %lld", m ? m->type->name : "NULL module",
            (long long)index, (long long)fv_child_count(m));
    return NULL;
}

const char *fv_child_name(const fv_module *m, int64_t index)
{
    return fv_child_at(m, index) ? m->children.items[index].name : NULL;
}

fv_module *fv_get_child(const fv_module *m, const char *name)
{
    const fv_module *at = m;
    for (const char *rest = name; at && rest;) {
        size_t length = strcspn(rest, ".");
        int64_t i = find_entry(&at->children, rest, length);
        at = i >= 0 ? at->children.items[i].value : NULL;
        if (at && rest[length] == '\0') return (fv_module *)at;
        rest += length + (rest[length] == '.');
    }
    fv_fail(FV_ERR_INDEX, "%s: no child \"%s\"", m ? m->type->name : "NULL module",
            name ? name : "");
    return NULL;
}

/* --- parameters and buffers ------------------------------------------------------------- */

static fv_status put_tensor(fv_module *m, fv_entries *entries, const char *name, fv_tensor *t)
{
    fv_status status = check_name(m, entries, name);
    if (status != FV_OK) return status;
    int64_t i = find_entry(entries, name, strlen(name));
    if (i < 0) {
        status = append_entry(entries, name, t);
        if (status == FV_OK) fv_retain(t);
        return status;
    }
    fv_retain(t);
    fv_release(entries->items[i].value);
    entries->items[i].value = t;
    return FV_OK;
}

static fv_status add_tensor(fv_module *m, const char *name, fv_tensor *t, bool parameter)
{
    if (!m) return fv_fail(FV_ERR_OPTION, "module: the module is NULL");
    fv_status status = FV_OK;
    if (fv_failed_in(m->type->name, t)) {
        status = fv_fail(FV_ERR_OPTION, "%s: tensor \"%s\" is missing or failed", m->type->name,
                         name ? name : "");
    } else if (parameter && (!fv_dtype_is_floating(t->dtype) || !fv_is_leaf(t))) {
        status = fv_fail(FV_ERR_OPTION, "%s: parameter \"%s\" must be a floating leaf; it is %s%s",
                         m->type->name, name ? name : "", fv_dtype_name(t->dtype),
                         fv_is_leaf(t) ? "" : ", the result of an op");
    } else {
        if (parameter) fv_requires_grad(t, true);
        status = put_tensor(m, parameter ? &m->parameters : &m->buffers, name, t);
    }
    if (status != FV_OK) m->broken = true;
    return status;
}

fv_status fv_module_add_parameter(fv_module *m, const char *name, fv_tensor *t)
{
    return add_tensor(m, name, t, true);
}

fv_status fv_module_add_buffer(fv_module *m, const char *name, fv_tensor *t)
{
    return add_tensor(m, name, t, false);
}

fv_tensor *fv_module_tensor(const fv_module *m, const char *name)
{
    if (!m || !name) return NULL;
    size_t length = strlen(name);
    int64_t i = find_entry(&m->parameters, name, length);
    if (i >= 0) return m->parameters.items[i].value;
    i = find_entry(&m->buffers, name, length);
    return i >= 0 ? m->buffers.items[i].value : NULL;
}

/* --- the end ---------------------------------------------------------------------------- */

fv_module *fv_module_finish(fv_module *m)
{
    if (!m || !m->broken) return m;
    fv_module_free(m);
    return NULL;
}

void fv_module_hold(fv_module *m)
{
    if (m) m->owners++;
}

void fv_module_let_go(fv_module *m)
{
    if (m && --m->owners == 0) fv_module_free(m);
}

void fv_module_free(fv_module *m)
{
    if (!m) return;
    if (m->owners > 0) {
        fv_fail(FV_ERR_STATE, "module_free: the %s belongs to another module", m->type->name);
        return;
    }
    fv_frame_forget(m);
    for (int64_t i = 0; i < m->children.count; i++) fv_module_let_go(m->children.items[i].value);
    for (int64_t i = 0; i < m->parameters.count; i++) fv_release(m->parameters.items[i].value);
    for (int64_t i = 0; i < m->buffers.count; i++) fv_release(m->buffers.items[i].value);
    free_entries(&m->children);
    free_entries(&m->parameters);
    free_entries(&m->buffers);
    fv_module_lists_free(m);
    if (m->context && m->type->context_free) m->type->context_free(m->context);
    free(m->context);
    free(m);
}

/* --- use -------------------------------------------------------------------------------- */

static void set_mode(fv_module *m, bool training)
{
    if (!m) {
        fv_fail(FV_ERR_OPTION, "%s: the module is NULL", training ? "train" : "eval");
        return;
    }
    m->training = training;
    for (int64_t i = 0; i < m->children.count; i++) set_mode(m->children.items[i].value, training);
}

void fv_train(fv_module *m)
{
    set_mode(m, true);
}

void fv_eval(fv_module *m)
{
    set_mode(m, false);
}

bool fv_is_training(const fv_module *m)
{
    return m && m->training;
}

void *fv_module_context(fv_module *m)
{
    return m ? m->context : NULL;
}

const void *fv_module_const_context(const fv_module *m)
{
    return m ? m->context : NULL;
}

const char *fv_module_name(const fv_module *m)
{
    return m ? m->type->name : NULL;
}

void fv_module_zero_grad(fv_module *m)
{
    fv_tensor_list parameters = fv_parameters(m);
    for (int64_t i = 0; i < parameters.count; i++) fv_set_grad(parameters.items[i], NULL);
}
