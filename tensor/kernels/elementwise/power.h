/* The rows of pow and pow_scalar in float32, which take two loops and so are none of
 * elementwise_isa.c's. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_POWER_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_POWER_H

#include "tensor/kernels/elementwise/elementwise.h"

typedef struct fv_power_rows {
    fv_elementwise_row by_tensor, by_number;
} fv_power_rows;
FV_ISA_DECLARE(fv_power_rows, fv_power_rows_);

#endif
