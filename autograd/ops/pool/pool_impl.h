/* What the pooling ops : options, the check of a geometry, the common infer. */
#ifndef FOVEA_AUTOGRAD_OPS_POOL_POOL_IMPL_H
#define FOVEA_AUTOGRAD_OPS_POOL_POOL_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/pool/pool.h"

/* Of every pooling op, forward and backward. */
typedef struct fv_pool_options {
    int64_t spatial;                                /* 1 to 3 */
    fv_dims kernel_size, stride, padding, dilation; /* fixed windows */
    fv_dims output_size;                            /* adaptive ones */
    int64_t divisor_override;                       /* FV_UNSET: none */
    bool ceil_mode, count_include_pad, adaptive;
    fv_shape input; /* x's shape; a forward op's infer sets it, the others read it */
    fv_pool g;      /* set by infer */
} fv_pool_options;

/* Output 0 (and tap numbers as constant output 1, if the op has two) of a forward op on in[0]. */
fv_status fv_pool_infer(fv_call *c);

/* Output 0 of a forward op's kind from x = in[0] and codes = in[1] (gather), or from codes = in[0]
 * alone (indices, int64). */
fv_status fv_pool_gather_infer(fv_call *c);
fv_status fv_pool_indices_infer(fv_call *c);

/* Output 0 of x's shape from gy = in[0] and, if the op has two inputs, codes = in[1]. */
fv_status fv_pool_backward_infer(fv_call *c);

/* Can the kernels take the tap numbers as they are? */
bool fv_pool_codes_are_dense(const fv_pool *g, const fv_tensor *codes);

/* Applies a forward op to x [N,C,spatial] or [C,spatial]; out as of fv_apply_all. */
void fv_pool_apply(const fv_op *op, const fv_pool_options *options, fv_tensor *x, fv_tensor **out);

/* The result of fv_pool_apply for ops with tap numbers; *indices gets the positions unless NULL. */
fv_tensor *fv_pool_apply_max(const fv_op *op, const fv_pool_options *options, fv_tensor *x,
                             fv_tensor **indices);

/* Kernels and gradients of the max pools and the average pools, fixed and adaptive. */
void fv_max_pool_forward(fv_call *c);
void fv_max_pool_reference(fv_call *c);
void fv_max_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);
void fv_avg_pool_forward(fv_call *c);
void fv_avg_pool_reference(fv_call *c);
void fv_avg_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);

/* The forward op of adaptive average pooling in so many dimensions. */
const fv_op *fv_adaptive_avg_pool_op(int64_t spatial);

#endif
