/* Fills of plain arrays with random numbers, for the creation functions. Each is one draw: element
 * i depends on the generator's state at its start and on i alone. */
#ifndef FOVEA_TENSOR_RANDOM_IMPL_H
#define FOVEA_TENSOR_RANDOM_IMPL_H

#include "tensor/dtype.h"
#include "tensor/machine.h"

/* n numbers, uniform in [0, 1), of a floating dtype. */
void fv_fill_uniform(fv_machine m, fv_dtype dtype, void *out, int64_t n);

/* n numbers of the normal distribution with mean 0 and deviation 1, of a floating dtype. */
void fv_fill_normal(fv_machine m, fv_dtype dtype, void *out, int64_t n);

/* n integers low + [0, range), range >= 1, as any dtype that can hold them. */
void fv_fill_integers(fv_machine m, fv_dtype dtype, void *out, int64_t n, int64_t low,
                      uint64_t range);

/* out[i] = 1 with probability p[i], else 0; both of a floating dtype. */
void fv_fill_bernoulli(fv_machine m, fv_dtype dtype, void *out, const void *p, int64_t n);

/* A permutation of 0 .. n-1. */
void fv_fill_permutation(int64_t *out, int64_t n);

#endif
