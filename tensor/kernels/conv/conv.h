/* Convolution over 1 to 3 spatial dimensions: forward and both gradients.
 *
 * Activations are dense in channels-last order, [N, D, H, W, C]; weights are dense in logical
 * order, [O, C / groups, KD, KH, KW]. Element types: float and double.
 *
 * The fast kernels are implicit matrix products on the register tiles of gemm_tile.h; their plain
 * twins, fv_conv_*_reference, are the oracle of the tests. Both sum over the taps inside the
 * image: padding adds nothing. The same thread count gives the same bits. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_H
#define FOVEA_TENSOR_KERNELS_CONV_H

#include "tensor/dtype.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Output position q reads the inputs q * stride - pad + tap * dilation, in each dimension. With
 * fewer than three dimensions the first ones have in = out = k = stride = dilation = 1, pad = 0.
 * n may be 0. `pad` is what stands before the first element; what stands behind the last follows
 * from `out`. It may exceed the kernel, and inputs that no window reaches are legal. */
typedef struct fv_conv_geometry {
    int64_t n, c, o, groups;
    int64_t in[3], out[3], k[3], stride[3], pad[3], dilation[3];
} fv_conv_geometry;

typedef enum fv_conv_pass {
    FV_CONV_FORWARD,
    FV_CONV_GRAD_INPUT,
    FV_CONV_GRAD_WEIGHT,
} fv_conv_pass;

/* Bytes of 64-byte aligned scratch for one pass. It follows fv_get_num_threads() and
 * fv_isa_level(), which must not change between this call and the pass. */
size_t fv_conv_scratch(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass);

/* y[N, out.., O] = x[N, in.., C] * w + bias[O] or NULL */
void fv_conv_forward(const fv_conv_geometry *g, fv_dtype dtype, const void *x, const void *w,
                     const void *bias, void *y, void *scratch);

/* gx = the adjoint of forward in x, applied to gy: the transposed convolution; + bias[C] or NULL */
void fv_conv_grad_input(const fv_conv_geometry *g, fv_dtype dtype, const void *gy, const void *w,
                        const void *bias, void *gx, void *scratch);

/* gw = the adjoint of forward in w, applied to gy */
void fv_conv_grad_weight(const fv_conv_geometry *g, fv_dtype dtype, const void *x, const void *gy,
                         void *gw, void *scratch);

void fv_conv_forward_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *x,
                               const void *w, const void *bias, void *y);
void fv_conv_grad_input_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *gy,
                                  const void *w, const void *bias, void *gx);
void fv_conv_grad_weight_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *x,
                                   const void *gy, void *gw);

#ifdef __cplusplus
}
#endif
#endif
