/* A nest of loops over the elements of up to three operands of one shape but different strides,
 * merged as far as the strides allow, outermost loop first.
 *
 *     fv_nest n = {0};
 *     for each dimension: fv_nest_add(&n, size, stride_a, stride_b, 0);
 *     fv_nest_merge(&n);
 *     for (int64_t i = 0; i < n.count; i++) fv_nest_at(&n, i, offsets); */
#ifndef FOVEA_TENSOR_KERNELS_NEST_H
#define FOVEA_TENSOR_KERNELS_NEST_H

#include "tensor/tensor.h"

enum { FV_NEST_OPERANDS = 3 };

typedef struct fv_nest {
    int ndim;
    int64_t count; /* product of size; set by fv_nest_merge and fv_nest_pop */
    int64_t size[FV_MAX_DIMS];
    int64_t stride[FV_MAX_DIMS][FV_NEST_OPERANDS];
} fv_nest;

/* Appends a loop, unless it is of length 1. */
void fv_nest_add(fv_nest *nest, int64_t size, int64_t s0, int64_t s1, int64_t s2);

/* Orders the loops by falling strides of operand 0 (broadcast ones first), joins neighbours that
 * are one loop in every operand, and counts. */
void fv_nest_merge(fv_nest *nest);

/* Takes the innermost loop off; returns its size, 1 with strides 0 when there is none. */
int64_t fv_nest_pop(fv_nest *nest, int64_t *strides);

/* Offsets of iteration i, 0 <= i < count, in elements. */
static inline void fv_nest_at(const fv_nest *nest, int64_t i, int64_t *offsets)
{
    for (int k = 0; k < FV_NEST_OPERANDS; k++) offsets[k] = 0;
    for (int d = nest->ndim - 1; d >= 0; d--) {
        int64_t at = d > 0 ? i % nest->size[d] : i;
        if (d > 0) i /= nest->size[d];
        for (int k = 0; k < FV_NEST_OPERANDS; k++) offsets[k] += at * nest->stride[d][k];
    }
}

#endif
