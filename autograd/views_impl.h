/* Views: their history when memory is written in place, and their order in memory. */
#ifndef FOVEA_AUTOGRAD_VIEWS_IMPL_H
#define FOVEA_AUTOGRAD_VIEWS_IMPL_H

#include "autograd/tape_impl.h"

/* --- history ---------------------------------------------------------------------------------- */

/* Has an op in place on the tape written to the view's memory since its history was made? Writes
 * that are not recorded, as an optimizer's, change values only. */
static inline bool fv_view_is_stale(const fv_tensor *t)
{
    return t->base && t->view_recorded != __atomic_load_n(&t->storage->recorded, __ATOMIC_RELAXED);
}

/* Is it stale, and a result of what its base is now? */
bool fv_view_is_rebased(const fv_tensor *t);

/* Gives a stale view the history that it has as a part of what its base is now. name is that of the
 * function for which, in messages. */
fv_status fv_view_refresh(const char *name, fv_tensor *t);

/* For check: FV_OK, or why a recorded write to the view c->in[0] is refused. */
fv_status fv_view_may_be_written(const fv_call *c);

/* The node of the view's base after the node writer has written to the view: the base with that
 * part replaced. NULL when memory is out. */
fv_node *fv_view_base_node(fv_tensor *view, fv_node *writer);

/* The view becomes a tensor of its own. */
void fv_view_becomes_leaf(fv_tensor *t);

/* --- order in memory -------------------------------------------------------------------------- */

/* The strides that t would have if the library had not chosen the order of memory; false when they
 * are t's own. */
bool fv_user_strides(const fv_tensor *t, int64_t *strides);

/* Are those row-major, without gaps? */
bool fv_row_major_to_user(const fv_tensor *t);

/* fv_to_channels_last for the library's own sake: the order is not the user's. */
fv_tensor *fv_order_channels_last(fv_tensor *x);

#endif
