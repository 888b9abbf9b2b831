/* Who shares memory: for ops in place. */
#ifndef FOVEA_AUTOGRAD_OVERLAP_IMPL_H
#define FOVEA_AUTOGRAD_OVERLAP_IMPL_H

#include "tensor/tensor.h"

/* Does some element of `other` lie on another element of t? False when they are disjoint, as two
 * columns of a matrix are, and when each element lies exactly on its counterpart. Tensors of one
 * order of strides are told apart exactly; others count as overlapping when their extents do. */
bool fv_overlaps_partly(const fv_tensor *t, const fv_tensor *other);

/* May it be written to unseen? Only if nobody else holds the handle, its base or the storage. */
bool fv_is_exclusive(const fv_tensor *t);

#endif
