/* Containers: sequential and module list. */
#include "nn/container.h"

#include <stdio.h>

static fv_tensor *sequential_forward(fv_module *self, fv_tensor *x)
{
    int64_t count = fv_child_count(self);
    fv_tensor *h = fv_retain(x);
    for (int64_t i = 0; i < count; i++) {
        fv_scope scope = fv_scope_open();
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

/* Goes through all children even after an error, because each must be taken over. */
static fv_module *from_children(const fv_module_type *type, fv_modules children)
{
    fv_module *m = fv_module_new(type, NULL);
    for (int64_t i = 0; i < children.count; i++) fv_module_append(m, children.items[i]);
    return fv_module_finish(m);
}

fv_module *fv_sequential_from(fv_modules children)
{
    return from_children(&sequential_type, children);
}

fv_module *fv_module_list_from(fv_modules children)
{
    return from_children(&list_type, children);
}
