/* Shapes, and numbers that may differ by dimension. */
#ifndef FOVEA_TENSOR_SHAPE_H
#define FOVEA_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { FV_MAX_DIMS = 8 };

/* A shape by value, for those known only at run time: fv_zeros(.shape = s). */
typedef struct fv_shape {
    int ndim;
    int64_t dim[FV_MAX_DIMS];
} fv_shape;

#define FV_COUNT_(...)                                FV_COUNT__(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define FV_COUNT__(a, b, c, d, e, f, g, h, i, n, ...) n

/* FV_SHAPE(2, 3); FV_SCALAR has no dimension and one element. */
#ifdef __cplusplus
#define FV_SHAPE(...) (fv_shape{FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}})
#define FV_SCALAR     (fv_shape{0, {0}})
#else
#define FV_SHAPE(...) ((fv_shape){FV_COUNT_(__VA_ARGS__), {__VA_ARGS__}})
#define FV_SCALAR     ((fv_shape){0, {0}})
#endif

/* Sizes as positional numbers of a call: fv_zeros(2, 3), fv_view(x, n, -1). In an arguments struct
 * they are n0 to n7, an absent one being FV_UNSET, then `end`, which guards: a ninth number is no
 * pointer and does not compile. (An array would need braces.) Behind them stands `shape`, for
 * .shape = s. */
typedef struct fv_sizes {
    int64_t n[FV_MAX_DIMS];
    const struct fv_too_many_sizes *end;
    const fv_shape *shape;
} fv_sizes;
extern const char fv_sizes_end[];

#define FV_NO_SIZES                                                                                \
    .n0 = FV_UNSET, .n1 = FV_UNSET, .n2 = FV_UNSET, .n3 = FV_UNSET, .n4 = FV_UNSET,                \
    .n5 = FV_UNSET, .n6 = FV_UNSET, .n7 = FV_UNSET,                                                \
    .end = (const struct fv_too_many_sizes *)fv_sizes_end, .shape = {.ndim = FV_NO_SHAPE}
enum { FV_NO_SHAPE = -3001 }; /* as ndim: .shape was not given */

/* The sizes of an arguments struct. */
#define FV_SIZES_OF(a)                                                                             \
    ((fv_sizes){{(a)->n0, (a)->n1, (a)->n2, (a)->n3, (a)->n4, (a)->n5, (a)->n6, (a)->n7},          \
                (a)->end,                                                                          \
                &(a)->shape})

/* *out = the sizes, or the shape where that was given. Errors of the function: both given, a gap, a
 * dtype or an option's constant among the sizes. Negative sizes are the function's own affair. */
fv_status fv_sizes_settle(const char *function, fv_sizes sizes, fv_shape *out);

/* One number for all dimensions, or one per dimension, in one scalar, so that options keep
 * PyTorch's positional order and plain numbers need no braces:
 *   .stride = 2        .stride = FV_DIMS(2, 1)        .dim = FV_DIMS(0, 2, 3)
 * A plain number is itself (|v| < 2^60). A tuple of 2 to 8 numbers shares 60 bits: each of n may
 * lie within +-2^(60/n - 1); one that does not makes an invalid value, which every op refuses. */
typedef int64_t fv_dims;

/* The tuple of so many numbers: what FV_DIMS is made by. */
fv_dims fv_dims_pack(fv_shape values);

/* FV_DIMS of 2 or 3 constants is a constant expression, so that it may stand in a static struct. */
#ifdef __cplusplus
#define FV_DIMS(...) fv_dims_pack(FV_SHAPE(__VA_ARGS__))
#else
#define FV_DIMS(...) FV_DIMS_N_(FV_COUNT_(__VA_ARGS__), __VA_ARGS__)
#endif
#define FV_DIMS_N_(n, ...)                 FV_DIMS_OF_(n, __VA_ARGS__)
#define FV_DIMS_OF_(n, ...)                FV_DIMS_##n##_(__VA_ARGS__)
#define FV_DIMS_PACK_(...)                 fv_dims_pack(FV_SHAPE(__VA_ARGS__))
#define FV_DIMS_1_(a)                      (a)
#define FV_DIMS_4_(a, b, c, d)             FV_DIMS_PACK_(a, b, c, d)
#define FV_DIMS_5_(a, b, c, d, e)          FV_DIMS_PACK_(a, b, c, d, e)
#define FV_DIMS_6_(a, b, c, d, e, f)       FV_DIMS_PACK_(a, b, c, d, e, f)
#define FV_DIMS_7_(a, b, c, d, e, f, g)    FV_DIMS_PACK_(a, b, c, d, e, f, g)
#define FV_DIMS_8_(a, b, c, d, e, f, g, h) FV_DIMS_PACK_(a, b, c, d, e, f, g, h)
#define FV_DIMS_2_(a, b)                                                                           \
    __builtin_choose_expr(__builtin_constant_p(a) && __builtin_constant_p(b),                      \
                          FV_DIMS_FIT_(a, 30) && FV_DIMS_FIT_(b, 30)                               \
                              ? (1LL << 60 | FV_DIMS_FIELD_(a, 30, 0) | FV_DIMS_FIELD_(b, 30, 1))  \
                              : FV_DIMS_INVALID,                                                   \
                          FV_DIMS_PACK_(a, b))
#define FV_DIMS_3_(a, b, c)                                                                        \
    __builtin_choose_expr(__builtin_constant_p(a) && __builtin_constant_p(b) &&                    \
                              __builtin_constant_p(c),                                             \
                          FV_DIMS_FIT_(a, 20) && FV_DIMS_FIT_(b, 20) && FV_DIMS_FIT_(c, 20)        \
                              ? (2LL << 60 | FV_DIMS_FIELD_(a, 20, 0) | FV_DIMS_FIELD_(b, 20, 1) | \
                                 FV_DIMS_FIELD_(c, 20, 2))                                         \
                              : FV_DIMS_INVALID,                                                   \
                          FV_DIMS_PACK_(a, b, c))
#define FV_DIMS_FIT_(v, bits) ((v) > -(1LL << (bits - 1)) && (v) < 1LL << (bits - 1))
#define FV_DIMS_FIELD_(v, bits, i)                                                                 \
    ((long long)((((unsigned long long)(v) + (1ULL << (bits - 1))) & ((1ULL << bits) - 1))         \
                 << (i * bits)))
#define FV_DIMS_INVALID (INT64_MIN + 100)

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
