/* The rows of sin and cos, which look at their numbers before they compute; see trig_isa.c. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_TRIG_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_TRIG_H

#include "tensor/kernels/elementwise/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_trig_rows {
    fv_elementwise_row sin_f32, cos_f32, sin_f64, cos_f64;
} fv_trig_rows;
FV_ISA_DECLARE(fv_trig_rows, fv_trig_rows_);

#ifdef __cplusplus
}
#endif
#endif
