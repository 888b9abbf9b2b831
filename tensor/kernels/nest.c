/* Merging loops over strided operands; see nest.h. */
#include "tensor/kernels/nest.h"

void fv_nest_add(fv_nest *nest, int64_t size, int64_t s0, int64_t s1, int64_t s2)
{
    if (size == 1) return;
    int d = nest->ndim++;
    nest->size[d] = size;
    nest->stride[d][0] = s0;
    nest->stride[d][1] = s1;
    nest->stride[d][2] = s2;
}

/* Does loop a belong outside of loop b? */
static bool outside(const fv_nest *nest, int a, int b)
{
    for (int k = 0; k < FV_NEST_OPERANDS; k++) {
        int64_t sa = nest->stride[a][k], sb = nest->stride[b][k];
        if (sa == sb) continue;
        if (sa == 0 || sb == 0) return sa == 0;
        return sa > sb;
    }
    return false;
}

static void move_loop(fv_nest *nest, int to, int from)
{
    nest->size[to] = nest->size[from];
    for (int k = 0; k < FV_NEST_OPERANDS; k++) nest->stride[to][k] = nest->stride[from][k];
}

static void swap_loops(fv_nest *nest, int a, int b)
{
    int64_t size = nest->size[a], stride[FV_NEST_OPERANDS];
    for (int k = 0; k < FV_NEST_OPERANDS; k++) stride[k] = nest->stride[a][k];
    move_loop(nest, a, b);
    nest->size[b] = size;
    for (int k = 0; k < FV_NEST_OPERANDS; k++) nest->stride[b][k] = stride[k];
}

static bool joins(const fv_nest *nest, int outer, int inner)
{
    for (int k = 0; k < FV_NEST_OPERANDS; k++)
        if (nest->stride[outer][k] != nest->stride[inner][k] * nest->size[inner]) return false;
    return true;
}

static void count(fv_nest *nest)
{
    nest->count = 1;
    for (int d = 0; d < nest->ndim; d++) nest->count *= nest->size[d];
}

void fv_nest_merge(fv_nest *nest)
{
    for (int d = 1; d < nest->ndim; d++)
        for (int e = d; e > 0 && outside(nest, e, e - 1); e--) swap_loops(nest, e, e - 1);
    int last = 0;
    for (int d = 1; d < nest->ndim; d++) {
        if (joins(nest, last, d)) {
            nest->size[d] *= nest->size[last];
            move_loop(nest, last, d);
        } else {
            last++;
            if (last != d) move_loop(nest, last, d);
        }
    }
    if (nest->ndim > 0) nest->ndim = last + 1;
    count(nest);
}

int64_t fv_nest_pop(fv_nest *nest, int64_t *strides)
{
    for (int k = 0; k < FV_NEST_OPERANDS; k++) strides[k] = 0;
    if (nest->ndim == 0) return 1;
    int d = --nest->ndim;
    for (int k = 0; k < FV_NEST_OPERANDS; k++) strides[k] = nest->stride[d][k];
    int64_t size = nest->size[d];
    count(nest);
    return size;
}
