/* Containers: sequential, which runs neighbours in one pass where it can, and module list. */
#include "nn/container.h"

#include <stdio.h>

#include "nn/fusion_impl.h"

/* --- sequential ----------------------------------------------------------------------------- */

/* Runs child *i with those behind it that it ends in, and moves on. The last one takes `last`. */
static fv_tensor *run_next(const fv_module *self, int64_t *i, fv_tensor *x, const fv_ending *last)
{
    fv_ending ending = {.norm = NULL};
    fv_module *m = self->children.items[*i].value;
    *i += 1 + fv_take_next(self, *i, x, &ending);
    if (last && *i == self->children.count) {
        ending.residual = last->residual;
        ending.relu = last->relu;
    }
    if (ending.norm || ending.residual || ending.relu) return fv_forward_ending(m, x, &ending);
    return fv_forward(m, x);
}

static fv_tensor *run_row(const fv_module *self, fv_tensor *x, const fv_ending *last)
{
    fv_tensor *h = fv_retain(x);
    for (int64_t i = 0; i < self->children.count;) {
        fv_scope scope = fv_scope_open(&scope);
        fv_tensor *y = fv_retain(run_next(self, &i, h, last));
        fv_scope_close(&scope);
        fv_release(h);
        h = y;
    }
    return fv_scope_adopt(h);
}

static fv_tensor *sequential_forward(fv_module *self, fv_tensor *x)
{
    return run_row(self, x, NULL);
}

static bool sequential_takes(const fv_module *self, const fv_ending *ending)
{
    const int64_t count = self->children.count;
    return count > 0 && fv_takes(self->children.items[count - 1].value, ending);
}

static fv_tensor *sequential_ending(fv_module *self, fv_tensor *x, const fv_ending *ending)
{
    return run_row(self, x, ending);
}

static const fv_fusion sequential_fusion = {.takes = sequential_takes,
                                            .forward = sequential_ending};

/* --- lists ---------------------------------------------------------------------------------- */

static fv_tensor *list_forward(fv_module *self, fv_tensor *x)
{
    (void)self, (void)x;
    fv_fail(FV_ERR_STATE, "ModuleList: it has no forward; call its children one by one");
    return fv_failed_tensor();
}

static const fv_module_type sequential_type = {
    .name = "Sequential", .forward = sequential_forward, .per_sample = 1};
static const fv_module_type list_type = {
    .name = "ModuleList", .forward = list_forward, .per_sample = 1};

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
    if (type == &sequential_type) fv_module_fuses(m, &sequential_fusion);
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
