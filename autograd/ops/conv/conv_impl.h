/* What the files of the convolution family share. */
#ifndef FOVEA_AUTOGRAD_OPS_CONV_CONV_IMPL_H
#define FOVEA_AUTOGRAD_OPS_CONV_CONV_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/conv/conv.h"

/* The three faces of one convolution y = x * w, each linear in both of its operands and each the
 * gradient of the other two, are the three passes of the kernels:
 *   FV_CONV_FORWARD       (x, w, ..) -> y
 *   FV_CONV_GRAD_INPUT    (y, w, ..) -> x   what users call transposed
 *   FV_CONV_GRAD_WEIGHT   (x, y) -> w
 * Where options do not determine the spatial sizes of the result, size says them (a gradient knows
 * them); with no dimensions it is not given. */
typedef struct fv_conv_options {
    fv_dims stride, padding, output_padding, dilation;
    int64_t groups;
    fv_shape size;
    bool relu; /* of the first two */
} fv_conv_options;

/* Inputs of the first two faces: what the kernels' epilogue has comes last. */
enum {
    CONV_INPUT,
    CONV_WEIGHT,
    CONV_BIAS,
    CONV_SCALE,
    CONV_SHIFT,
    CONV_RESIDUAL,
    CONV_INPUTS,
};

/* The geometry of a call in nd spatial dimensions; after an error its status. */
fv_status fv_conv_resolve(const fv_call *c, fv_conv_pass face, int nd, fv_conv_geometry *g);
/* The infer phase. */
fv_status fv_conv_infer(fv_call *c, fv_conv_pass face, int nd);

/* .window and .multiply_adds of a call that infer has passed. */
bool fv_conv_window(const fv_call *c, fv_conv_pass face, int input, int output, int dim,
                    fv_window *w);
fv_work fv_conv_work(const fv_call *c, fv_conv_pass face);

#endif
