/* Views: their history when memory is written in place, and their order in memory.
 *
 * A view v of a base b has at first the history that its op gave it. When v is written to, v
 * becomes the result of the write, and b becomes as_strided_scatter(b, v): what it was, with that
 * part replaced. Other views of b, and all of them when b itself is written to, are stale from then
 * on: the next op that meets one makes it as_strided(b) of what b is by then.
 *
 *   b ── select ──► v               v' = mul_(v)        b' = as_strided_scatter(b, v')
 *     └─ select ──► u                                    u' = as_strided(b'), when it is asked for
 *
 * A base never owns a view, and what the tape saves are aliases without a base: no cycles. */
#include "autograd/views_impl.h"

#include <string.h>

#include "autograd/ops/view/as_strided_impl.h"

/* --- history ---------------------------------------------------------------------------------- */

bool fv_view_is_rebased(const fv_tensor *t)
{
    return fv_view_is_stale(t) && t->base->node;
}

static fv_status take_history(fv_tensor *t)
{
    FV_SCOPE;
    fv_region region = fv_region_of(t, t->base);
    bool mode = fv_set_grad_enabled(true);
    const fv_tensor *fresh = fv_as_strided(t->base, &region);
    fv_set_grad_enabled(mode);
    if (fresh->failed) return fv_standing_status();
    fv_node_attach(fresh->node, fresh->output_nr, t);
    return FV_OK;
}

fv_status fv_view_refresh(const char *name, fv_tensor *t)
{
    if (!fv_view_is_stale(t)) return FV_OK;
    uint32_t recorded = __atomic_load_n(&t->storage->recorded, __ATOMIC_RELAXED);
    if (t->base->node && t->untracked)
        return fv_fail(FV_ERR_AUTOGRAD,
                       "%s: %s is a view taken with gradients off, and its memory was overwritten "
                       "in place with gradients on; take the view again",
                       name, fv_text(t));
    fv_status status = t->base->node ? take_history(t) : FV_OK;
    if (status == FV_OK) t->view_recorded = recorded;
    return status;
}

static bool repeats_elements(const fv_tensor *t)
{
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1) return true;
    return false;
}

fv_status fv_view_may_be_written(const fv_call *c)
{
    const fv_tensor *t = c->in[0], *base = t->base;
    if (base->requires_grad && !base->node)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a view of the leaf %s that requires grad; do it under "
                         "FV_NO_GRAD",
                         fv_text(t), fv_text(base));
    if (t->untracked)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a view taken with gradients off, and the change would "
                         "need a gradient; take the view again",
                         fv_text(t));
    if (repeats_elements(base))
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a view of the expanded %s, and the change would need a "
                         "gradient; clone it first",
                         fv_text(t), fv_text(base));
    return FV_OK;
}

fv_node *fv_view_base_node(fv_tensor *view, fv_node *writer)
{
    fv_tensor *in[] = {view->base, view};
    fv_region region = fv_region_of(view, view->base);
    fv_output spec = {.dtype = view->dtype, .view_of = -1, .over = -1};
    const fv_call c = {.op = &fv_as_strided_scatter_op,
                       .options = &region,
                       .inputs = 2,
                       .outputs = 1,
                       .in = in,
                       .spec = &spec,
                       .inplace = true,
                       .shapes_only = view->shapes_only};
    fv_node *node = fv_node_new(&c);
    if (!node) return NULL;
    fv_edge *written = &node->in[1].edge; /* from the view as it was */
    if (written->node) fv_node_release(written->node);
    fv_release(written->leaf);
    *written = (fv_edge){.node = fv_node_retain(writer)};
    return node;
}

void fv_view_becomes_leaf(fv_tensor *t)
{
    if (!t->base) return;
    t->users_order = !fv_row_major_to_user(t);
    fv_tensor_leave_base(t);
}

/* --- order in memory -------------------------------------------------------------------------- */

/* Is t dense, in an order that the library chose? */
static bool reordered(const fv_tensor *t)
{
    return !t->users_order && !fv_is_contiguous(t) && fv_is_dense(t);
}

/* A step of so many elements in base's memory as one in row-major memory: so many of each
 * dimension, from the one with the largest stride on. */
static int64_t row_major_step(const fv_tensor *base, const int64_t *row_major, int64_t step)
{
    int64_t result = 0, below = INT64_MAX;
    while (step > 0) {
        int next = -1;
        for (int i = 0; i < base->ndim; i++)
            if (base->shape[i] > 1 && base->strides[i] < below &&
                (next < 0 || base->strides[i] > base->strides[next]))
                next = i;
        if (next < 0) return result;
        below = base->strides[next];
        result += step / below * row_major[next];
        step %= below;
    }
    return result;
}

bool fv_user_strides(const fv_tensor *t, int64_t *strides)
{
    const fv_tensor *base = t->base ? t->base : t;
    if (!reordered(base)) return false;
    int64_t row_major[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(base);
    fv_strides_contiguous(&shape, row_major);
    for (int i = 0; i < t->ndim; i++) strides[i] = row_major_step(base, row_major, t->strides[i]);
    return true;
}

bool fv_row_major_to_user(const fv_tensor *t)
{
    if (!t->base) return !t->users_order || fv_is_contiguous(t);
    if (!reordered(t->base)) return fv_is_contiguous(t);
    fv_tensor seen = fv_tensor_borrow(t);
    fv_user_strides(t, seen.strides);
    return fv_is_contiguous(&seen);
}
