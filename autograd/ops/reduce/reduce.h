/* Reductions: sums, means, extremes, norms, positions.
 *
 *     fv_sum(x)      fv_mean(x, .dim = FV_DIMS(2, 3), .keepdim = true)      fv_argmax(x, .dim = 1)
 *
 * dim is one dimension, several as FV_DIMS(...), or FV_ALL, and may count from the end. Reduced
 * dimensions go away, or stay with length 1 under keepdim. float32 is added up in blocks that meet
 * in double, so that a sum of millions is exact to about the last digit; results do not depend on
 * the number of threads. */
#ifndef FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_H
#define FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_H

#include "../../op.h"
#include "../../../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_reduce_args {
    size_t size;
    fv_tensor *input;
    fv_dims dim; /* FV_ALL */
    bool keepdim;
} fv_reduce_args;
#define FV_REDUCE_DEFAULTS FV_DEFAULTS(fv_reduce_args, .dim = FV_ALL)
extern const fv_reduce_args fv_reduce_defaults;

/* --- sums ------------------------------------------------------------------------------------ */

/* y = sum of x over dim; 0 over nothing. Integers and bool give int64.
 * Gradient: x (twice differentiable).   Errors: dim, a dim named twice.
 * Source: torch.sum. */
fv_tensor *fv_sum_ex(const fv_reduce_args *a);
#define fv_sum(...) FV_CALL(fv_sum_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* y = sum of x over dim / count; NaN over nothing.
 * Gradient: x (twice differentiable).   Errors: dim, integers.
 * Source: torch.mean. */
fv_tensor *fv_mean_ex(const fv_reduce_args *a);
#define fv_mean(...) FV_CALL(fv_mean_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* x summed down to a shape that broadcasts to x's; x itself when they are equal. The adjoint of
 * fv_expand.
 * Gradient: x (twice differentiable).   Errors: shape.
 * Source: Tensor.sum_to_size. */
fv_tensor *fv_sum_to(fv_tensor *x, fv_shape shape);

/* y_i = x_0 + ... + x_i along dim. Integers and bool give int64.
 * Gradient: x (twice differentiable).   Errors: dim.
 * Source: torch.cumsum. */
fv_tensor *fv_cumsum(fv_tensor *x, int64_t dim);

typedef struct fv_var_args {
    size_t size;
    fv_tensor *input;
    fv_dims dim;        /* FV_ALL */
    int64_t correction; /* 1 */
    bool keepdim;
} fv_var_args;
#define FV_VAR_DEFAULTS FV_DEFAULTS(fv_var_args, .dim = FV_ALL, .correction = 1)
extern const fv_var_args fv_var_defaults;

/* var = sum of (x - mean)^2 / max(0, count - correction); std = its root.
 * Gradient: x (twice differentiable; 0 at std = 0).   Errors: dim, integers.
 * Source: torch.var, torch.std. */
fv_tensor *fv_var_ex(const fv_var_args *a);
fv_tensor *fv_std_ex(const fv_var_args *a);
#define fv_var(...) FV_CALL(fv_var_ex, fv_var_args, FV_VAR_DEFAULTS, __VA_ARGS__)
#define fv_std(...) FV_CALL(fv_std_ex, fv_var_args, FV_VAR_DEFAULTS, __VA_ARGS__)

typedef struct fv_norm_args {
    size_t size;
    fv_tensor *input;
    double p;    /* 2 */
    fv_dims dim; /* FV_ALL */
    bool keepdim;
} fv_norm_args;
extern const fv_norm_args fv_norm_defaults;
#define FV_NORM_DEFAULTS FV_DEFAULTS(fv_norm_args, .p = 2.0, .dim = FV_ALL)

/* y = (sum of |x|^p over dim)^(1/p); for p = 0 the number of elements other than 0, for p =
 * infinity the largest |x| and for -infinity the smallest. 0 over nothing.
 * Gradient: x (0 for p = 0, and where x = 0 or y = 0; of infinite p shared evenly among equals;
 * twice differentiable elsewhere).
 * Errors: p is no number; dim; integers; infinite or negative p over nothing.
 * Source: torch.norm. */
fv_tensor *fv_norm_ex(const fv_norm_args *a);
#define fv_norm(...) FV_CALL(fv_norm_ex, fv_norm_args, FV_NORM_DEFAULTS, __VA_ARGS__)

/* y = log(sum of e^x over dim), without overflow; -infinity over nothing. Integers give float32.
 * Gradient: x (twice differentiable).   Errors: dim.
 * Source: torch.logsumexp. */
fv_tensor *fv_logsumexp_ex(const fv_reduce_args *a);
#define fv_logsumexp(...) FV_CALL(fv_logsumexp_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* y = product of x over one dim or FV_ALL; 1 over nothing. Integers and bool give int64.
 * Gradient: x, right for zeros too (twice differentiable).   Errors: dim, several dims.
 * Source: torch.prod. */
fv_tensor *fv_prod_ex(const fv_reduce_args *a);
#define fv_prod(...) FV_CALL(fv_prod_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* --- extremes -------------------------------------------------------------------------------- */

/* y = the largest (smallest) element over dim; NaN wins.
 * Gradient: x, shared evenly among equals (twice differentiable); NaN where y is.
 * Errors: dim, nothing to reduce.
 * Source: torch.amax, torch.amin. */
fv_tensor *fv_amax_ex(const fv_reduce_args *a);
fv_tensor *fv_amin_ex(const fv_reduce_args *a);
#define fv_amax(...) FV_CALL(fv_amax_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)
#define fv_amin(...) FV_CALL(fv_amin_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* The largest (smallest) element of all; NaN wins.
 * Gradient: x, shared evenly among equals, which all NaN are (twice differentiable).
 * Errors: an empty tensor.
 * Source: torch.max(input), torch.min(input). */
fv_tensor *fv_max(fv_tensor *x);
fv_tensor *fv_min(fv_tensor *x);

/* The largest (smallest) elements along dim; *indices (unless NULL) gets the int64 positions of
 * the first of them. A NaN wins.
 * Gradient: x, to the element at the index (twice differentiable).
 * Errors: dim, nothing to reduce.
 * Source: torch.max(input, dim), torch.min(input, dim). */
fv_tensor *fv_max_dim(fv_tensor *x, int64_t dim, bool keepdim, fv_tensor **indices);
fv_tensor *fv_min_dim(fv_tensor *x, int64_t dim, bool keepdim, fv_tensor **indices);

/* int64 position of the first largest (smallest) element along one dim; with FV_ALL in the
 * flattened tensor. A NaN wins.
 * Gradient: none.   Errors: dim, several dims, nothing to reduce, bool.
 * Source: torch.argmax, torch.argmin. */
fv_tensor *fv_argmax_ex(const fv_reduce_args *a);
fv_tensor *fv_argmin_ex(const fv_reduce_args *a);
#define fv_argmax(...) FV_CALL(fv_argmax_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)
#define fv_argmin(...) FV_CALL(fv_argmin_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* Is any element (are all elements) over dim other than 0? bool, or uint8 of uint8; false (true)
 * over nothing.
 * Gradient: none.   Errors: dim.
 * Source: torch.any, torch.all. */
fv_tensor *fv_any_ex(const fv_reduce_args *a);
fv_tensor *fv_all_ex(const fv_reduce_args *a);
#define fv_any(...) FV_CALL(fv_any_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)
#define fv_all(...) FV_CALL(fv_all_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

/* --- positions ------------------------------------------------------------------------------- */

/* y[.., i, ..] = x[.., index[.., i, ..], ..] along dim. index: int64, of x's rank, no longer than x
 * in the other dims; y has its shape.
 * Gradient: x (twice differentiable).   Errors: rank, shape, dim, an index outside of x.
 * Source: torch.gather. */
fv_tensor *fv_gather(fv_tensor *x, int64_t dim, fv_tensor *index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
