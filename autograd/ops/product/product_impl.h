/* The batched product under all ops of the matmul family. */
#ifndef FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H
#define FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/product/gemm.h"

enum { FV_PRODUCT_BATCH_DIMS = FV_MAX_DIMS };

/* C[i] = A[i] B[i] + bias over batch indices i; C [count,m,n] is row-major. It is the options of
 * the ops: infer fills it, forward runs it. */
typedef struct fv_product {
    fv_gemm gemm; /* of one batch index; its pointers are set by forward */
    int ndim;     /* batch dimensions */
    int64_t shape[FV_PRODUCT_BATCH_DIMS], a[FV_PRODUCT_BATCH_DIMS], b[FV_PRODUCT_BATCH_DIMS];
    int64_t count;          /* batch indices */
    int threads;            /* decided once, as the scratch depends on it */
    bool across;            /* threads share the batch, not the single product */
    size_t scratch, stride; /* where the scratch of gemm starts (behind a packed bias), and how much
                               each thread has */
} fv_product;

/* The product of a [...,m,k] (or [k]) and b [...,k,n] (or [k]); writes the result's shape. */
fv_status fv_product_of(const fv_call *c, fv_product *p, const fv_tensor *a, const fv_tensor *b,
                        fv_shape *shape);

/* Once gemm and the batch are set: merges what it can, decides threads, asks for scratch. */
void fv_product_plan(fv_call *c, fv_product *p, const fv_tensor *bias);

/* Into c->out[0]; bias may be NULL. */
void fv_product_run(const fv_call *c, const fv_tensor *a, const fv_tensor *b,
                    const fv_tensor *bias);
void fv_product_reference(const fv_call *c, const fv_tensor *a, const fv_tensor *b,
                          const fv_tensor *bias);

#endif
