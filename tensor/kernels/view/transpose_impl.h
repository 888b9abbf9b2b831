/* The transposes of one plane, by ISA level. */
#ifndef FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_IMPL_H
#define FOVEA_TENSOR_KERNELS_VIEW_TRANSPOSE_IMPL_H

#include <stdint.h>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/view/transpose.h"

typedef struct fv_transpose_kernels {
    fv_transpose_fn word32, word64;
} fv_transpose_kernels;
FV_ISA_DECLARE(fv_transpose_kernels, fv_transpose_kernels_);

#endif
