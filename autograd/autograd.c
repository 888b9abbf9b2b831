/* Tensors as the tape sees them: requires_grad, detach, grad, hooks. */
#include "autograd/autograd.h"

#include "autograd/op.h"
#include "autograd/tape_impl.h"
#include "autograd/views_impl.h"

fv_tensor *fv_requires_grad(fv_tensor *t, bool requires_grad)
{
    if (!t) {
        fv_fail(FV_ERR_OPTION, "requires_grad: the tensor is NULL");
        return fv_failed_tensor();
    }
    if (fv_failed_in("requires_grad", t)) return t;
    if (fv_view_refresh("requires_grad", t) != FV_OK) return fv_failed_tensor();
    if (t->node) {
        fv_fail(FV_ERR_AUTOGRAD,
                "requires_grad: %s is the result of %s, only leaves can be changed (see fv_detach)",
                fv_text(t), t->node->op->name);
        return fv_failed_tensor();
    }
    if (requires_grad && !fv_dtype_is_floating(t->dtype)) {
        fv_fail(FV_ERR_DTYPE, "requires_grad: %s is %s, only float32 and float64 have gradients",
                fv_text(t), fv_dtype_name(t->dtype));
        return fv_failed_tensor();
    }
    t->requires_grad = requires_grad;
    if (requires_grad) fv_view_becomes_leaf(t); /* a leaf is a view of nothing */
    return t;
}

fv_tensor *fv_detach(fv_tensor *t)
{
    if (fv_failed_in("detach", t)) {
        if (!t) fv_fail(FV_ERR_OPTION, "detach: the tensor is NULL");
        return fv_failed_tensor();
    }
    fv_tensor *alias = fv_same_elements(t);
    if (!alias) {
        fv_fail(FV_ERR_MEMORY, "detach: no memory");
        return fv_failed_tensor();
    }
    alias->users_order = !fv_row_major_to_user(t);
    return fv_scope_adopt(alias);
}

fv_tensor *fv_grad_of(const fv_tensor *t)
{
    return fv_failed_in("grad_of", t) ? NULL : t->grad;
}

fv_status fv_standing_status(void)
{
    return fv_error_status() ? fv_error_status() : FV_ERR_STATE;
}

fv_status fv_set_grad(fv_tensor *t, fv_tensor *grad)
{
    if (!t) return fv_fail(FV_ERR_OPTION, "set_grad: the tensor is NULL");
    if (fv_failed_in("set_grad", t) || (grad && fv_failed_in("set_grad", grad)))
        return fv_standing_status();
    if (t == grad) return fv_fail(FV_ERR_AUTOGRAD, "set_grad: a tensor cannot be its own gradient");
    if (grad) {
        fv_shape a = fv_shape_of(t), b = fv_shape_of(grad);
        if (!fv_shape_equal(&a, &b) || t->dtype != grad->dtype)
            return fv_fail(FV_ERR_SHAPE, "set_grad: gradient %s of %s for a tensor %s of %s",
                           fv_shape_text(&b), fv_dtype_name(grad->dtype), fv_shape_text(&a),
                           fv_dtype_name(t->dtype));
    }
    fv_tensor *old = t->grad;
    t->grad = fv_retain(grad);
    fv_release(old);
    return FV_OK;
}

void fv_retain_grad(fv_tensor *t)
{
    if (!t && fv_fail_null("retain_grad", "t")) return;
    if (fv_failed_in("retain_grad", t) || fv_view_refresh("retain_grad", t) != FV_OK || !t->node)
        return;
    t->retains_grad = true;
    t->node->out[t->output_nr].retained = t;
}

bool fv_is_leaf(const fv_tensor *t)
{
    return !fv_failed_in("is_leaf", t) && !t->node && !fv_view_is_rebased(t);
}

const char *fv_grad_fn_name(const fv_tensor *t)
{
    if (fv_failed_in("grad_fn_name", t)) return NULL;
    if (fv_view_is_rebased(t)) return "as_strided";
    return t->node ? t->node->op->name : NULL;
}

/* Hooks of a non-leaf belong to its node, which outlives the handle. */
static fv_hook **hook_list(fv_tensor *t)
{
    return t->node ? &t->node->out[t->output_nr].hooks : &t->hooks;
}

static int add_hook(fv_hook **at, fv_hook hook, const char *name)
{
    static int last_handle;
    fv_hook *made = fv_object_alloc(sizeof *made);
    if (!made) {
        fv_fail(FV_ERR_MEMORY, "%s: no memory", name);
        return 0;
    }
    *made = hook;
    made->handle = __atomic_add_fetch(&last_handle, 1, __ATOMIC_RELAXED);
    while (*at) at = &(*at)->next;
    *at = made;
    return made->handle;
}

int fv_register_hook(fv_tensor *t, fv_hook_fn function, void *context)
{
    if (t && (fv_failed_in("register_hook", t) || fv_view_refresh("register_hook", t) != FV_OK))
        return 0;
    if (!t || !function || !t->requires_grad) {
        fv_fail(FV_ERR_AUTOGRAD,
                "register_hook: a tensor that requires grad and a function are needed");
        return 0;
    }
    return add_hook(hook_list(t), (fv_hook){.function = function, .context = context},
                    "register_hook");
}

int fv_register_post_accumulate_grad_hook(fv_tensor *t, fv_post_accumulate_hook_fn function,
                                          void *context)
{
    if (t && fv_failed_in("register_post_accumulate_grad_hook", t)) return 0;
    if (!t || !function || !t->requires_grad || t->node) {
        fv_fail(FV_ERR_AUTOGRAD,
                "register_post_accumulate_grad_hook: a leaf that requires grad and a "
                "function are needed");
        return 0;
    }
    return add_hook(&t->hooks, (fv_hook){.after = function, .context = context},
                    "register_post_accumulate_grad_hook");
}

static bool remove_from(fv_hook **at, int handle)
{
    while (*at && (*at)->handle != handle) at = &(*at)->next;
    if (!*at) return false;
    fv_hook *hook = *at;
    *at = hook->next;
    fv_object_free(hook, sizeof *hook);
    return true;
}

/* A hook stays with the node that it was registered on; ops in place have moved t on since. */
void fv_remove_hook(fv_tensor *t, int handle)
{
    if (!t && fv_fail_null("remove_hook", "t")) return;
    if (fv_failed_in("remove_hook", t) || remove_from(hook_list(t), handle) || !t->node) return;
    const fv_edge *e = t->node->inplace ? &t->node->in[0].edge : NULL;
    while (e && e->node && !remove_from(&e->node->out[e->nr].hooks, handle))
        e = e->node->inplace ? &e->node->in[0].edge : NULL;
}

static const fv_hook *next_hook(const fv_hook *h, int handle)
{
    while (h && h->handle <= handle) h = h->next;
    return h;
}

/* Hooks may remove each other, and those that they add wait for the next time: handles grow along
 * the list, so that the place in it can be found again. */
static int last_of(const fv_hook *h)
{
    int last = 0;
    for (; h; h = h->next) last = h->handle;
    return last;
}

static fv_status run_hook(const fv_hook *h, fv_tensor **grad)
{
    bool mode = fv_grad_enabled();
    fv_tensor *other = h->function(*grad, h->context);
    fv_set_grad_enabled(mode);
    if (!other) return FV_OK;
    if (fv_failed_in("hook", other)) return fv_standing_status();
    fv_shape a = fv_shape_of(other), b = fv_shape_of(*grad);
    if (!fv_shape_equal(&a, &b) || other->dtype != (*grad)->dtype)
        return fv_fail(FV_ERR_AUTOGRAD, "hook: returned %s of %s for a gradient %s of %s",
                       fv_shape_text(&a), fv_dtype_name(other->dtype), fv_shape_text(&b),
                       fv_dtype_name((*grad)->dtype));
    fv_retain(other);
    fv_release(*grad);
    *grad = other;
    return FV_OK;
}

fv_status fv_run_hooks(fv_hook *const *hooks, fv_tensor **grad)
{
    int handle = 0, last = last_of(*hooks);
    for (const fv_hook *h = *hooks; h && h->handle <= last; h = next_hook(*hooks, handle)) {
        handle = h->handle;
        fv_status status = h->function ? run_hook(h, grad) : FV_OK;
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

void fv_run_post_accumulate_hooks(fv_tensor *leaf)
{
    int handle = 0, last = last_of(leaf->hooks);
    for (const fv_hook *h = leaf->hooks; h && h->handle <= last;
         h = next_hook(leaf->hooks, handle)) {
        handle = h->handle;
        bool mode = fv_grad_enabled();
        if (h->after) h->after(leaf, h->context);
        fv_set_grad_enabled(mode);
    }
}
