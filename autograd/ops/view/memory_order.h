/* For ops whose kernels read row-major and channels-last memory alike and give the result in the
 * order of the input: an input that lies in neither is copied into scratch. */
#ifndef FOVEA_AUTOGRAD_OPS_VIEW_MEMORY_ORDER_H
#define FOVEA_AUTOGRAD_OPS_VIEW_MEMORY_ORDER_H

#include "../../op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Is x rather channels-last than row-major? Of tensors that are both: no. */
bool fv_prefers_channels_last(const fv_tensor *x);

/* Describes output j in one of the orders. */
void fv_output_in_order(fv_call *c, int j, bool channels_last, fv_dtype dtype,
                        const fv_shape *shape);

/* Bytes of scratch (a multiple of 64) for a copy of x in that order; 0 when it lies so. */
size_t fv_order_bytes(const fv_tensor *x, bool channels_last);

/* x's elements in that order: its own, or a copy in scratch. */
const void *fv_in_order(const fv_tensor *x, bool channels_last, void *scratch);

#ifdef __cplusplus
}
#endif
#endif
