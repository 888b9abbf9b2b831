/* The outputs of a call; see outputs_impl.h. */
#include "autograd/outputs_impl.h"

#include "autograd/autograd.h"
#include "autograd/observe_impl.h"
#include "autograd/overlap_impl.h"
#include "autograd/tape_impl.h"
#include "autograd/views_impl.h"

void fv_outputs_release(fv_call *c)
{
    for (int j = 0; j < c->outputs; j++) {
        fv_release(c->out[j]);
        c->out[j] = NULL;
    }
}

/* Are the strides surely row-major? */
static bool in_falling_order(const fv_output *s)
{
    for (int i = 1; i < s->shape.ndim; i++)
        if (s->strides[i] > s->strides[i - 1]) return false;
    return true;
}

static bool any_input_in_users_order(const fv_call *c)
{
    for (int i = 0; i < c->inputs; i++)
        if (c->in[i] && !fv_row_major_to_user(c->in[i])) return true;
    return false;
}

/* Does output j take the memory of an input that nobody needs any more? Observers look at gradients
 * afterwards. */
static bool takes_over(const fv_call *c, int j)
{
    const fv_output *s = &c->spec[j];
    const fv_tensor *t = s->over < 0 ? NULL : c->in[s->over];
    if (!t || !t->last_use || fv_grad_enabled()) return false;
    if (fv_observed() && !c->shapes_only) return false;
    if (t->dtype != s->dtype || !fv_has_shape(t, &s->shape)) return false;
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] != 1 && t->strides[i] != s->strides[i]) return false;
    return t->shapes_only == c->shapes_only && fv_is_exclusive(t);
}

/* An output with elements of its own. */
static fv_tensor *new_output(const fv_call *c, int j, bool apart)
{
    const fv_output *s = &c->spec[j];
    if (!apart && takes_over(c, j)) {
        fv_bump_version(c->in[s->over]);
        return fv_tensor_alias(c->in[s->over], &s->shape, s->strides, 0);
    }
    return fv_tensor_alloc_as(c->shapes_only, s->dtype, &s->shape, s->strides);
}

static fv_tensor *allocate_output(const fv_call *c, int j, bool apart)
{
    const fv_output *s = &c->spec[j];
    if (c->inplace && j == 0) return fv_retain(c->in[0]);
    fv_tensor *t;
    if (s->view_of < 0) {
        t = new_output(c, j, apart);
        if (t && !in_falling_order(s)) t->users_order = any_input_in_users_order(c);
    } else {
        fv_tensor *base = c->in[s->view_of];
        t = fv_tensor_view(base, &s->shape, s->strides, s->offset);
        if (!t) return NULL;
        t->view_recorded = base->storage->recorded;
        t->untracked = !fv_grad_enabled() || base->untracked;
    }
    return t;
}

fv_status fv_outputs_allocate(fv_call *c, bool apart)
{
    for (int j = 0; j < c->outputs; j++) {
        c->out[j] = allocate_output(c, j, apart);
        if (!c->out[j])
            return fv_reject(c, FV_ERR_MEMORY, "no memory for a result %s of %s",
                             fv_shape_text(&c->spec[j].shape), fv_dtype_name(c->spec[j].dtype));
    }
    return FV_OK;
}
