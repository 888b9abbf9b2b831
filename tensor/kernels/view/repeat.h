/* Margins made of the tensor itself: reflected, repeated and circular padding, and its adjoint. */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_REPEAT_H
#define FOVEA_TENSOR_KERNELS_VIEW_REPEAT_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What place i of a padded dimension shows: c b | a b c | b a, a a | a b c | c c, b c | a b c | a
 * b. A margin has at most length - 1 places, any number, at most length. */
typedef enum fv_repeat_mode {
    FV_REPEAT_REFLECT,
    FV_REPEAT_EDGE,
    FV_REPEAT_CIRCULAR,
} fv_repeat_mode;

/* y [padded] = x with before[d] places in front of dimension d, and as many behind as y has left.
 * One rank and dtype, any dtype and strides. */
void fv_repeat_run(fv_machine m, fv_repeat_mode mode, fv_tensor *y, const fv_tensor *x,
                   const int64_t *before);

/* The adjoint: x[i] = the sum of y over the places that show x[i]. float32 and float64. Each
 * element is summed by one thread, in the order of y. */
void fv_repeat_fold(fv_machine m, fv_repeat_mode mode, fv_tensor *x, const fv_tensor *y,
                    const int64_t *before);

#ifdef __cplusplus
}
#endif
#endif
