/* Matrix products. All take operands in any order of memory without copying them, of one dtype;
 * integers wrap around, bool is refused. */
#ifndef FOVEA_AUTOGRAD_OPS_PRODUCT_MATMUL_H
#define FOVEA_AUTOGRAD_OPS_PRODUCT_MATMUL_H

#include "../../op.h"
#include "../../../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_linear_args {
    size_t size;
    fv_tensor *input, *weight, *bias;
    bool relu;
} fv_linear_args;
#define FV_LINEAR_DEFAULTS FV_NO_DEFAULTS(fv_linear_args)
extern const fv_linear_args fv_linear_defaults;

/* y = relu(x w^T + b), the relu with .relu alone, which costs no pass over memory.
 * x [...,in]  w [out,in]  b [out] or NULL  ->  y [...,out]
 * Gradient: x w b (twice differentiable).   Errors: shape, dtype.
 * Source: torch.nn.functional.linear. */
fv_tensor *fv_linear_ex(const fv_linear_args *a);
#define fv_linear(...) FV_CALL(fv_linear_ex, fv_linear_args, FV_LINEAR_DEFAULTS, __VA_ARGS__)

/* y = a b, by the ranks of both:
 *   [k] [k] -> scalar    [m,k] [k] -> [m]    [k] [k,n] -> [n]    [m,k] [k,n] -> [m,n]
 *   [...,m,k] [...,k,n] -> [...,m,n], where the leading dimensions broadcast; with a [k] on either
 *   side its missing dimension is left out of the result.
 * Gradient: a b (twice differentiable).   Errors: a 0-dim operand, shape, dtype.
 * Source: torch.matmul. */
fv_tensor *fv_matmul(fv_tensor *a, fv_tensor *b);

/* a [m,k]  b [k,n]  ->  y [m,n]; no broadcasting.
 * Gradient: a b (twice differentiable).   Errors: shape, dtype.
 * Source: torch.mm. */
fv_tensor *fv_mm(fv_tensor *a, fv_tensor *b);

/* a [n,m,k]  b [n,k,p]  ->  y [n,m,p]; no broadcasting.
 * Gradient: a b (twice differentiable).   Errors: shape, dtype.
 * Source: torch.bmm. */
fv_tensor *fv_bmm(fv_tensor *a, fv_tensor *b);

/* y = sum of a[i] b[i];  a [k]  b [k]  ->  y [].
 * Gradient: a b (twice differentiable).   Errors: shape, dtype.
 * Source: torch.dot. */
fv_tensor *fv_dot(fv_tensor *a, fv_tensor *b);

/* y[i,j] = a[i] b[j];  a [m]  b [n]  ->  y [m,n]. Dtypes as of fv_mul.
 * Gradient: a b (twice differentiable).   Errors: shape.
 * Source: torch.outer. */
fv_tensor *fv_outer(fv_tensor *a, fv_tensor *b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
