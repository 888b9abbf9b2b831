/* Convolution over 1 to 3 spatial dimensions: forward and both gradients.
 *
 * Activations are dense in channels-last order, [N, D, H, W, C]; the logical order of weights is
 * [O, C / groups, KD, KH, KW], at any strides. Element types: float and double.
 *
 * A pass is planned once, on geometry, type and machine; the plan holds the algorithm, the tables
 * of kernels, blocks and threads, and nothing below it asks for threads or instruction set again:
 *
 *     fv_conv_plan p;
 *     fv_conv_make_plan(&p, &g, FV_FLOAT32, FV_CONV_FORWARD, NULL, machine);
 *     void *scratch = ... fv_conv_scratch(&p) bytes ...;
 *     fv_conv_run(&p, &(fv_conv_operands){.a = x, .b = w, .out = y}, scratch);
 *
 * Algorithms are the entries of a list (conv.c); the cheapest that suits is taken. Work is cut by
 * shape alone, so that the bits of a result depend on neither the threads nor their timing. The
 * plain twin, fv_conv_run_reference, is the oracle of the tests. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_H
#define FOVEA_TENSOR_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"
#include "tensor/machine.h"

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

/*                        a    b    out
 * FV_CONV_FORWARD        x    w    y  = x * w
 * FV_CONV_GRAD_INPUT     gy   w    gx = the adjoint of forward in x: the transposed convolution
 * FV_CONV_GRAD_WEIGHT    x    gy   gw = the adjoint of forward in w, row-major */
typedef enum fv_conv_pass {
    FV_CONV_FORWARD,
    FV_CONV_GRAD_INPUT,
    FV_CONV_GRAD_WEIGHT,
} fv_conv_pass;

/* What becomes of the sums: relu((sum + bias) * scale + shift + residual). The arrays have one
 * element for each channel of the result, the residual is laid out like the result and does not
 * overlap it, or is the same memory where the plan allows that (see fv_conv_stores_over_residual);
 * NULL leaves a part out. The weight gradient has no epilogue. */
typedef struct fv_conv_epilogue {
    const void *bias, *scale, *shift, *residual;
    bool relu;
} fv_conv_epilogue;

typedef struct fv_conv_operands {
    const void *a, *b;
    const void *packed; /* b as fv_conv_pack left it, or NULL */
    void *out;
    fv_conv_epilogue epilogue;
} fv_conv_operands;

/* A plan points at constant tables only: it may be copied and moved. */
typedef struct fv_conv_plan {
    fv_conv_geometry g;
    int64_t w_stride[5]; /* of w, in elements, by [O, C / groups, KD, KH, KW] */
    fv_dtype dtype;
    fv_conv_pass pass;
    fv_isa isa;
    bool packed; /* fv_conv_run gets the weights packed: set it before asking for the scratch */
    const struct conv_algorithm *algorithm;
    double cost;                                         /* nanoseconds on one core, estimated */
    unsigned char own[768] __attribute__((aligned(16))); /* the algorithm's part */
} fv_conv_plan;

/* w_stride: NULL for row-major weights. The time that planning takes depends neither on sizes nor
 * on strides. */
void fv_conv_make_plan(fv_conv_plan *p, const fv_conv_geometry *g, fv_dtype dtype,
                       fv_conv_pass pass, const int64_t *w_stride, fv_machine machine);

/* Algorithms by name, as machine.conv_algorithm takes it: number i of those of a pass, NULL behind
 * the last; and that of a plan, which is another one where the one asked for does not suit. */
const char *fv_conv_algorithm_name(fv_conv_pass pass, int i);
const char *fv_conv_planned_algorithm(const fv_conv_plan *p);

/* Bytes of 64-byte aligned scratch. */
size_t fv_conv_scratch(const fv_conv_plan *p);

/* For weights that are used again: their bytes in the order that the plan's algorithm reads (0: it
 * keeps none), and the packing itself. */
size_t fv_conv_packed_bytes(const fv_conv_plan *p);
void fv_conv_pack(const fv_conv_plan *p, const void *w, void *packed);

/* What that order depends on beside shape, strides and type of the weights: two plans for the same
 * weights pack them alike when their keys are the same bytes. And a number for which much less is
 * to be done, mostly another one for another order. */
enum { FV_CONV_KEY_BYTES = 128 };
size_t fv_conv_packed_key(const fv_conv_plan *p, unsigned char key[FV_CONV_KEY_BYTES]);
uint32_t fv_conv_packed_layout(const fv_conv_plan *p);

/* May the result lie where the residual lies? If so, only where the epilogue is nothing else. */
bool fv_conv_stores_over_residual(const fv_conv_plan *p);

void fv_conv_run(const fv_conv_plan *p, const fv_conv_operands *o, void *scratch);

/* "implicit gemm 12x32, 6 boxes, 2 threads", as snprintf. */
int fv_conv_describe(const fv_conv_plan *p, char *text, size_t size);

/* The same by plain loops; it looks at what the plan was made from, not at what was planned. */
void fv_conv_run_reference(const fv_conv_plan *p, const fv_conv_operands *o);

#ifdef __cplusplus
}
#endif
#endif
