/* What the files of the convolution family share. */
#ifndef FOVEA_AUTOGRAD_OPS_CONV_CONV_IMPL_H
#define FOVEA_AUTOGRAD_OPS_CONV_CONV_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/conv/conv.h"

/* The three faces of one convolution y = x * w, each linear in both of its operands and each the
 * gradient of the other two:
 *   forward    (x, w, b) -> y        transpose  (y, w, b) -> x        weight  (x, y) -> w
 * A user's call gives options; infer turns them into the geometry. A gradient hands the geometry
 * on as it is, since options alone do not determine the sizes the other way round. */
typedef struct fv_conv_options {
    fv_dims stride, padding, output_padding, dilation;
    int64_t groups;
    bool resolved; /* the geometry below is given, the options above are not looked at */
    fv_conv_geometry g;
} fv_conv_options;

/* Shape rules; nd is the number of spatial dimensions. */
fv_status fv_conv_infer_forward(fv_call *c, int nd);
fv_status fv_conv_infer_transpose(fv_call *c, int nd);
fv_status fv_conv_infer_weight(fv_call *c, int nd);

/* Kernels read activations (the input, and the output gradient of the weight face) in channels-last
 * order, weights and bias in row-major order. */
bool fv_conv_is_activation(const fv_call *c, int i);
bool fv_conv_in_order(const fv_call *c, int i);
/* Scratch for a copy of t; what follows it stays 64-byte aligned. */
size_t fv_conv_copy_bytes(const fv_tensor *t);

#endif
