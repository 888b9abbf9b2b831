/* For other ops: the adjoint of fv_gather. */
#ifndef FOVEA_AUTOGRAD_OPS_INDEX_INDEX_H
#define FOVEA_AUTOGRAD_OPS_INDEX_INDEX_H

#include "../../op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zeros of shape size, to which g[.., i, ..] is added at [.., index[.., i, ..], ..] along dim.
 * index: int64, of g's shape.
 * Gradient: g (twice differentiable).   Errors: shape, dim, an index outside.
 * Source: torch.scatter_add on zeros. */
fv_tensor *fv_gather_backward(fv_tensor *g, fv_tensor *index, int64_t dim, fv_shape size);

#ifdef __cplusplus
}
#endif
#endif
