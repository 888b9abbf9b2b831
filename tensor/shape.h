/* Shapes, and numbers that may differ by dimension. */
#ifndef FOVEA_TENSOR_SHAPE_H
#define FOVEA_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { FV_MAX_DIMS = 8 };

/* A shape by value: fv_zeros(FV_SHAPE(2, 3)); FV_SCALAR has no dimension and one element. */
typedef struct fv_shape {
    int ndim;
    int64_t dim[FV_MAX_DIMS];
} fv_shape;

#define FV_COUNT_(...)                                FV_COUNT__(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define FV_COUNT__(a, b, c, d, e, f, g, h, i, n, ...) n

#ifdef __cplusplus
#define FV_SHAPE(...) (fv_shape{FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}})
#define FV_SCALAR     (fv_shape{0, {0}})
#else
#define FV_SHAPE(...) ((fv_shape){FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}})
#define FV_SCALAR     ((fv_shape){0, {0}})
#endif

/* One number for all dimensions, or one per dimension, in one scalar, so that options keep
 * PyTorch's positional order and plain numbers need no braces:
 *   .stride = 2        .stride = FV_DIMS(2, 1)        .dim = FV_DIMS(0, 2, 3)
 * A plain number is itself (|v| < 2^60). A tuple of 2 to 8 numbers shares 60 bits: each of n may
 * lie within +-2^(60/n - 1); one that does not makes an invalid value, which every op refuses. */
typedef int64_t fv_dims;

#define FV_DIMS(...) fv_dims_pack(FV_SHAPE(__VA_ARGS__))
fv_dims fv_dims_pack(fv_shape values);

/* Unpacks into out[8]. Returns the count: 1 for a plain number, 0 for an invalid value. */
int fv_dims_unpack(fv_dims dims, int64_t *out);

/* Unpacks for n dimensions: a plain number is repeated. False: invalid, or another count. */
bool fv_dims_spread(fv_dims dims, int n, int64_t *out);

/* Valid numbers of dimensions, or FV_ALL, as a set: bit i for dimension i of ndim. */
uint32_t fv_dims_mask(fv_dims dims, int ndim);

/* Special values of options. */
#define FV_SAME  (INT64_MIN + 1) /* padding: output as large as the input; stride must be 1 */
#define FV_VALID (INT64_MIN + 2) /* padding: none */
#define FV_FULL  (INT64_MIN + 3) /* padding: dilation * (kernel - 1) on both sides */
#define FV_ALL   (INT64_MIN + 4) /* dim: all dimensions */
#define FV_UNSET (INT64_MIN + 5) /* an option that was not given and has no number as default */

/* Product of the dimensions, or -1 when one is negative or the product passes INT64_MAX. */
int64_t fv_shape_numel(const fv_shape *shape);
bool fv_shape_equal(const fv_shape *a, const fv_shape *b);

/* "[8,3,32,32]", for messages; one of 16 buffers of this thread, in turn. */
const char *fv_shape_text(const fv_shape *shape);

/* out = the broadcast of a and b; false when they do not go together.
 * Source: torch.broadcast_shapes. */
bool fv_shape_broadcast(const fv_shape *a, const fv_shape *b, fv_shape *out);

/* -ndim <= dim < ndim becomes 0 <= dim < ndim; -1 when outside. ndim 0 counts as 1. */
int fv_wrap_dim(int64_t dim, int ndim);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
