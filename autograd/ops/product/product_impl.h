/* The batched product under all ops of the matmul family. Their options are the plan: infer makes
 * it, forward runs it. */
#ifndef FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H
#define FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/product/gemm.h"

/* The product of a [...,m,k] (or [k]) and b [...,k,n] (or [k]); writes the result's shape. */
fv_status fv_product_of(const fv_call *c, fv_gemm *g, const fv_tensor *a, const fv_tensor *b,
                        fv_shape *shape);

/* Once p->g is set: completes the plan and books scratch. bias may be NULL. */
void fv_product_plan(fv_call *c, fv_gemm_plan *p, const fv_tensor *bias);

/* Into c->out[0]; input 2, where there is one, is the bias. */
void fv_product_forward(fv_call *c);
void fv_product_reference(fv_call *c);

#endif
