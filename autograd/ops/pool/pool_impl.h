/* What the pooling ops share: options, checks and geometry, phases. */
#ifndef FOVEA_AUTOGRAD_OPS_POOL_POOL_IMPL_H
#define FOVEA_AUTOGRAD_OPS_POOL_POOL_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/pool/pool.h"

/* Of every pooling op; each describes the fields that it reads. */
typedef struct fv_pool_options {
    fv_dims kernel_size; /* FV_UNSET: the windows are adaptive */
    fv_dims stride, padding, dilation;
    fv_dims output_size;      /* of adaptive windows */
    int64_t divisor_override; /* FV_UNSET: none */
    bool ceil_mode, count_include_pad;
    fv_shape size; /* x's shape, for the ops behind a pooling: gradients, indices */
} fv_pool_options;

#define FV_POOL_FIELD(field, kind) FV_FIELD(fv_pool_options, field, kind)

/* infer of the forward ops, by their spatial dimensions: output 0, and tap numbers as constant
 * output 1 if the op has two. */
fv_status fv_pool_infer_1d(fv_call *c);
fv_status fv_pool_infer_2d(fv_call *c);
fv_status fv_pool_infer_3d(fv_call *c);

/* Of the ops behind them: x = in[0] and codes = in[1] give y (gather); codes = in[0] give indices;
 * gy = in[0] and, where there are two inputs, codes = in[1] give gx. */
fv_status fv_pool_gather_infer(fv_call *c);
fv_status fv_pool_indices_infer(fv_call *c);
fv_status fv_pool_backward_infer(fv_call *c);

/* Plans for x = in[0], for x of the shape in the options, and for gx of that shape. */
void fv_pool_plan_forward(fv_call *c);
void fv_pool_plan_behind(fv_call *c);
void fv_pool_plan_backward(fv_call *c);
int fv_pool_describe(const fv_call *c, char *text, size_t size);

/* .window of the forward ops. */
bool fv_pool_window_of(const fv_call *c, int input, int output, int dim, fv_window *w);

/* The options of a forward op as an op behind it takes them. */
fv_pool_options fv_pool_options_behind(const fv_call *c);

/* Applies a forward op of so many spatial dimensions to x [N,C,spatial] or [C,spatial]; out as of
 * fv_apply_all. */
void fv_pool_apply(const fv_op *op, const fv_pool_options *options, int spatial, fv_tensor *x,
                   fv_tensor **out);

/* The result of fv_pool_apply for ops with tap numbers; *indices gets the positions unless NULL. */
fv_tensor *fv_pool_apply_max(const fv_op *op, const fv_pool_options *options, int spatial,
                             fv_tensor *x, fv_tensor **indices);

/* Kernels and gradients of the max pools and the average pools, fixed and adaptive. */
void fv_max_pool_forward(fv_call *c);
void fv_max_pool_reference(fv_call *c);
void fv_max_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);
void fv_avg_pool_forward(fv_call *c);
void fv_avg_pool_reference(fv_call *c);
void fv_avg_pool_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);

/* The forward op of adaptive average pooling in so many dimensions. */
const fv_op *fv_adaptive_avg_pool_op(int spatial);

#endif
