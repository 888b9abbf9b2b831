/* Kernels that deal in positions along one dimension: argmax, gather and its adjoint, running
 * sums. Any strides; threads share the lines, so results do not depend on their number. */
#ifndef FOVEA_TENSOR_KERNELS_INDEX_INDEX_H
#define FOVEA_TENSOR_KERNELS_INDEX_INDEX_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

/* index [like x, dim of length 1] = the first position of the largest (smallest) number along dim;
 * a NaN wins. value, of index's shape and x's dtype, gets the number unless it is NULL. */
void fv_argbest_run(fv_machine m, const fv_tensor *x, int dim, bool largest, fv_tensor *index,
                    fv_tensor *value);

/* y[.., i, ..] = x[.., index[.., i, ..], ..] along dim; index has y's shape. */
void fv_gather_run(fv_machine m, const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y);

/* gx = 0, then gx[.., index[.., i, ..], ..] += g[.., i, ..]: the adjoint. */
void fv_scatter_add_run(fv_machine m, const fv_tensor *g, int dim, const fv_tensor *index,
                        fv_tensor *gx);

/* y[i] = x[0] + ... + x[i] along dim, or x[i] + ... + x[n-1] when reversed; int64 or floating y of
 * x's shape. */
void fv_cumsum_run(fv_machine m, const fv_tensor *x, int dim, bool reversed, fv_tensor *y);

/* The plain-loop twins. */
void fv_argbest_reference(const fv_tensor *x, int dim, bool largest, fv_tensor *index,
                          fv_tensor *value);
void fv_gather_reference(const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y);
void fv_scatter_add_reference(const fv_tensor *g, int dim, const fv_tensor *index, fv_tensor *gx);
void fv_cumsum_reference(const fv_tensor *x, int dim, bool reversed, fv_tensor *y);

/* Looks in an uint8, int32 or int64 tensor for a value outside [0, limit) other than ignore. False:
 * none. True: *position (row-major) and *value of the first. */
bool fv_index_outside(fv_machine m, const fv_tensor *t, int64_t limit, int64_t ignore,
                      int64_t *position, int64_t *value);

#endif
