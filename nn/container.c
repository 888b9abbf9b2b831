/* Containers: sequential and module list. */
#include "nn/container.h"

#include <stdio.h>

#include "nn/module_impl.h"

static fv_tensor *sequential_forward(fv_module *self, fv_tensor *x)
{
    int64_t count = fv_child_count(self);
    fv_tensor *h = fv_retain(x);
    for (int64_t i = 0; i < count; i++) {
        fv_scope scope = fv_scope_open(&scope);
        fv_tensor *y = fv_retain(fv_forward(fv_child_at(self, i), h));
        fv_scope_close(&scope);
        fv_release(h);
        h = y;
    }
    return fv_scope_adopt(h);
}

static fv_tensor *list_forward(fv_module *self, fv_tensor *x)
{
    (void)self, (void)x;
    fv_fail(FV_ERR_STATE, "ModuleList: it has no forward; call its children one by one");
    return fv_failed_tensor();
}

static const fv_module_type sequential_type = {.name = "Sequential", .forward = sequential_forward};
static const fv_module_type list_type = {.name = "ModuleList", .forward = list_forward};

fv_status fv_module_append(fv_module *m, fv_module *child)
{
    char name[24];
    snprintf(name, sizeof name, "%lld", (long long)fv_child_count(m));
    return fv_module_add_child(m, name, child);
}

/* Every child is held until all have been handed over, so that one that is refused and stands in
 * the list again, or inside of another, is not gone by then. */
static fv_module *from_children(const fv_module_type *type, fv_modules children)
{
    if (children.count < 0 || (children.count > 0 && !children.items)) {
        fv_fail(FV_ERR_OPTION, "%s: the list of %lld children is missing", type->name,
                (long long)children.count);
        return NULL;
    }
    fv_module *m = fv_module_new(type, NULL);
    for (int64_t i = 0; i < children.count; i++) fv_module_hold(children.items[i]);
    for (int64_t i = 0; i < children.count; i++) fv_module_append(m, children.items[i]);
    m = fv_module_finish(m);
    for (int64_t i = 0; i < children.count; i++) fv_module_let_go(children.items[i]);
    return m;
}

fv_module *fv_sequential_from(fv_modules children)
{
    return from_children(&sequential_type, children);
}

fv_module *fv_module_list_from(fv_modules children)
{
    return from_children(&list_type, children);
}
