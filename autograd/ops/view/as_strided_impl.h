/* For the tape: a part of a tensor, given by strides, and a tensor with such a part replaced. */
#ifndef FOVEA_AUTOGRAD_OPS_VIEW_AS_STRIDED_IMPL_H
#define FOVEA_AUTOGRAD_OPS_VIEW_AS_STRIDED_IMPL_H

#include "autograd/op.h"

/* Some elements of a tensor x: those at offset + sum of index * stride when x lies in memory with
 * the strides of layout, which need not be its own. So the part is the same for every x of one
 * shape, a gradient of x for one. */
typedef struct fv_region {
    fv_shape layout; /* strides of x, one per dimension */
    fv_shape size, stride;
    int64_t offset;
} fv_region;

/* The elements that a view shows of the tensor that it is a view of. */
fv_region fv_region_of(const fv_tensor *view, const fv_tensor *base);

/* The part of x: a view where x lies as in the region's layout, else a copy.
 * Gradient: x (twice differentiable).   Errors: a region outside of x, or that meets an element
 * twice except by a stride of 0.
 * Source: torch.as_strided. */
fv_tensor *fv_as_strided(fv_tensor *x, const fv_region *region);

/* A copy of x in which the part is y.
 * Gradient: x y (twice differentiable).   Errors: as above; a stride of 0; another shape of y.
 * Source: torch.as_strided_scatter. */
fv_tensor *fv_as_strided_scatter(fv_tensor *x, fv_tensor *y, const fv_region *region);

extern const fv_op fv_as_strided_scatter_op;

#endif
