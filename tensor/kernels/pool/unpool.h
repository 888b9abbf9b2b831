/* Elements put back where a maximum was: the partial inverse of max pooling. */
#ifndef FOVEA_TENSOR_KERNELS_POOL_UNPOOL_H
#define FOVEA_TENSOR_KERNELS_POOL_UNPOOL_H

#include <stdint.h>

#include "tensor/machine.h"
#include "tensor/tensor.h"

/* Dense memory: x and indices [batch, from, channels], y [batch, to, channels]; in row-major order
 * a batch of planes of one channel. */
typedef struct fv_unpool {
    int64_t batch, from, to, channels;
} fv_unpool;

/* y = 0, then y[n, indices[n, p, c], c] = x[n, p, c] for p in rising order, so that the last of
 * several wins. indices lie in [0, to); elements have `size` bytes: 1, 2, 4 or 8. A channel is
 * written by one thread. */
void fv_unpool_run(fv_machine m, const fv_unpool *g, size_t size, const void *x,
                   const int64_t *indices, void *y);

/* x[n, p, c] = y[n, indices[n, p, c], c], or 0 for an index outside of [0, to): the gradient of x
 * from that of y. float32 and float64. */
void fv_unpool_gather(fv_machine m, const fv_unpool *g, size_t size, const void *y,
                      const int64_t *indices, void *x);

/* The twins: x, indices, y [N, C, spatial] of any strides. */
void fv_unpool_ref(const fv_tensor *x, const fv_tensor *indices, fv_tensor *y);
void fv_unpool_gather_ref(const fv_tensor *y, const fv_tensor *indices, fv_tensor *x);

#endif
