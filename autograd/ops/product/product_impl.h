/* The batched product under all ops of the matmul family: shapes in infer, one plan, one kernel. */
#ifndef FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H
#define FOVEA_AUTOGRAD_OPS_PRODUCT_PRODUCT_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/product/gemm.h"

/* The shape of input 0 [...,m,k] (or [k]) times input 1 [...,k,n] (or [k]), both of rank low to
 * high and of one dtype, which is not bool. */
fv_status fv_product_infer(fv_call *c, int low, int high);
fv_status fv_product_need_numbers(const fv_call *c);
void fv_product_output(fv_call *c, const fv_shape *shape); /* describes output 0 */

/* Their plan. Completing one, once plan->g has sizes and strides, books the scratch; input 2, where
 * there is one, is the bias. */
void fv_product_plan(fv_call *c);
void fv_product_complete(fv_call *c, fv_gemm_plan *plan);

/* For plan, behind the above: input 1 is a weight, which is packed once if it is used again. */
void fv_product_keep(fv_call *c);

int fv_product_describe(const fv_call *c, char *text, size_t size);

/* Into c->out[0]. */
void fv_product_forward(fv_call *c);
void fv_product_reference(fv_call *c);

/* .window and .multiply_adds, the latter of linear as well. */
bool fv_product_window(const fv_call *c, int input, int output, int dim, fv_window *w);
fv_work fv_product_work(const fv_call *c);

#endif
