/* Gradients that arrive in leaves.
 *
 * The gradient of most leaves is written to .grad by its first use and added to by the next. A leaf
 * with hooks, or one that fv_grad asks for, is tracked: its gradient is summed up aside, and
 * complete when the last of its uses in the pass has had its turn. */
#include <stdlib.h>
#include <string.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/view/view.h"
#include "autograd/overlap_impl.h"
#include "autograd/pass_impl.h"
#include "tensor/kernels/elementwise/elementwise.h"

/* --- sums of gradients ------------------------------------------------------------------------ */

fv_status fv_gradient_add(const fv_pass *p, fv_tensor **slot, fv_tensor *g)
{
    if (!*slot) {
        *slot = fv_retain(g);
        return FV_OK;
    }
    bool shapes_only = (*slot)->shapes_only || g->shapes_only;
    if (!p->create_graph && fv_is_exclusive(*slot) && fv_is_dense(*slot) &&
        (!shapes_only || (*slot)->shapes_only)) {
        if (shapes_only) return FV_OK;
        fv_elementwise_accumulate(fv_machine_now(), *slot, g);
        fv_bump_version(*slot);
        return FV_OK;
    }
    fv_tensor *sum = fv_add(*slot, g);
    if (sum->failed) return fv_standing_status();
    fv_release(*slot);
    *slot = fv_retain(sum);
    return FV_OK;
}

/* Does g lie in memory as a gradient of t should: without gaps, in t's order if that has none? */
static bool well_ordered(const fv_tensor *g, const fv_tensor *t)
{
    for (int i = 0; i < g->ndim; i++)
        if (g->shape[i] != 1 && g->strides[i] != t->strides[i])
            return fv_is_dense(g) && !fv_is_dense(t);
    return fv_is_dense(t);
}

/* A copy of g in t's order, reference count 1; NULL when memory is out. With create_graph an op,
 * so that the tape knows it. */
static fv_tensor *copy_gradient(const fv_pass *p, const fv_tensor *t, fv_tensor *g)
{
    fv_tensor *copy = NULL;
    if (p->create_graph) {
        {
            FV_SCOPE;
            copy = fv_retain(fv_clone(g));
        }
        return copy->failed ? NULL : copy;
    }
    int64_t strides[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(t);
    fv_strides_like(t, strides);
    copy = fv_tensor_alloc_as(g->shapes_only, g->dtype, &shape, strides);
    if (copy && !copy->shapes_only) fv_copy_elements(copy, g);
    return copy;
}

/* Users and optimizers write to a gradient that a tensor keeps. What cannot be copied is dropped.
 */
fv_status fv_gradient_own(const fv_pass *p, fv_tensor *t)
{
    fv_tensor *g = t->grad;
    if (fv_is_exclusive(g) && (p->create_graph ? fv_is_dense(g) : well_ordered(g, t))) {
        fv_tensor_leave_base(g);
        return FV_OK;
    }
    t->grad = copy_gradient(p, t, g);
    fv_release(g);
    return t->grad ? FV_OK : fv_fail(FV_ERR_MEMORY, "backward: no memory for a gradient");
}

/* --- the table -------------------------------------------------------------------------------- */

static size_t slot_of(const fv_leaves *l, const fv_tensor *leaf)
{
    size_t at = ((size_t)(uintptr_t)leaf >> 6) * 0x9e3779b1u & (l->slot_count - 1);
    while (l->slots[at] && l->items[l->slots[at] - 1].leaf != leaf)
        at = (at + 1) & (l->slot_count - 1);
    return at;
}

fv_tracked_leaf *fv_leaves_find(const fv_pass *p, const fv_tensor *leaf)
{
    const fv_leaves *l = &p->leaves;
    if (l->count == 0) return NULL;
    int32_t index = l->slots[slot_of(l, leaf)];
    return index ? &l->items[index - 1] : NULL;
}

static bool grow(fv_leaves *l)
{
    size_t room = l->room ? 2 * l->room : 16, slot_count = 4 * room;
    fv_tracked_leaf *items = realloc(l->items, room * sizeof *items);
    if (items) l->items = items;
    int32_t *slots = items ? calloc(slot_count, sizeof *slots) : NULL;
    if (!slots) return false;
    free(l->slots);
    l->slots = slots;
    l->slot_count = slot_count;
    l->room = room;
    for (size_t i = 0; i < l->count; i++) l->slots[slot_of(l, items[i].leaf)] = (int32_t)i + 1;
    return true;
}

static fv_tracked_leaf *track(fv_pass *p, fv_tensor *leaf)
{
    fv_leaves *l = &p->leaves;
    fv_tracked_leaf *found = fv_leaves_find(p, leaf);
    if (found) return found;
    if (l->count == l->room && !grow(l)) return NULL;
    l->items[l->count] = (fv_tracked_leaf){.leaf = fv_retain(leaf)};
    l->slots[slot_of(l, leaf)] = (int32_t)++l->count;
    return &l->items[l->count - 1];
}

/* --- collecting ------------------------------------------------------------------------------- */

static bool track_captures(fv_pass *p)
{
    for (int64_t i = 0; i < p->captures_count; i++) {
        fv_capture *c = &p->captures[i];
        if (!c->leaf) continue;
        fv_tracked_leaf *t = track(p, c->leaf);
        if (!t) return false;
        if (!t->capture) t->capture = c;
    }
    return true;
}

/* One more use of the leaf; false when memory is out. */
static bool count_use(fv_pass *p, fv_tensor *leaf)
{
    fv_tracked_leaf *t = leaf->hooks && !p->captures ? track(p, leaf) : fv_leaves_find(p, leaf);
    if (t) t->left++;
    return t || !leaf->hooks || p->captures;
}

fv_status fv_leaves_collect(fv_pass *p, fv_tensor_list roots)
{
    bool ok = track_captures(p);
    for (int64_t i = 0; i < roots.count && ok; i++)
        if (!roots.items[i]->node) ok = count_use(p, roots.items[i]);
    for (size_t k = 0; k < p->count && ok; k++)
        for (int i = 0; i < p->nodes[k]->inputs && ok; i++)
            if (p->nodes[k]->in[i].edge.leaf) ok = count_use(p, p->nodes[k]->in[i].edge.leaf);
    return ok ? FV_OK : fv_fail(FV_ERR_MEMORY, "backward: no memory for hooks");
}

/* --- arrival ---------------------------------------------------------------------------------- */

fv_status fv_leaves_give(fv_pass *p, fv_tensor *leaf, fv_tensor *g)
{
    fv_tracked_leaf *t = fv_leaves_find(p, leaf);
    if (t) return fv_gradient_add(p, &t->grad, g);
    return p->captures ? FV_OK : fv_gradient_add(p, &leaf->grad, g);
}

/* Hooks may start passes of their own, or drop the last handle of the leaf but ours. */
static fv_status complete(fv_pass *p, fv_tracked_leaf *t)
{
    fv_status status = t->grad ? fv_run_hooks(&t->leaf->hooks, &t->grad) : FV_OK;
    fv_tensor *g = t->grad;
    t->grad = NULL;
    if (status != FV_OK || !g) {
        fv_release(g);
        return status;
    }
    if (t->capture) {
        t->capture->grad = g;
        return FV_OK;
    }
    status = fv_gradient_add(p, &t->leaf->grad, g);
    fv_release(g);
    if (status == FV_OK) status = fv_gradient_own(p, t->leaf);
    if (status == FV_OK) fv_run_post_accumulate_hooks(t->leaf);
    return status;
}

fv_status fv_leaves_turn(fv_pass *p, fv_tensor *leaf)
{
    fv_tracked_leaf *t = fv_leaves_find(p, leaf);
    return t && --t->left == 0 ? complete(p, t) : FV_OK;
}

void fv_leaves_free(fv_pass *p)
{
    for (size_t i = 0; i < p->leaves.count; i++) {
        fv_release(p->leaves.items[i].leaf);
        fv_release(p->leaves.items[i].grad);
    }
    free(p->leaves.items);
    free(p->leaves.slots);
}
