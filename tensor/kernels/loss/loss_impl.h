/* The inner loops of element losses, per instruction-set level. */
#ifndef FOVEA_TENSOR_KERNELS_LOSS_LOSS_IMPL_H
#define FOVEA_TENSOR_KERNELS_LOSS_LOSS_IMPL_H

#include "tensor/kernels/isa.h"
#include "tensor/kernels/loss/loss.h"

enum { FV_LOSS_BLOCK = 512 }; /* most elements of a call */

/* y[i] = loss(x[i], t[i]), n dense numbers; y may be x or t. */
typedef void (*fv_pair_loss_f32)(float *y, const float *x, const float *t, int64_t n,
                                 float parameter);

typedef struct fv_loss_kernels {
    fv_pair_loss_f32 pair[FV_PAIR_LOSSES];
    double (*sum)(const float *y, int64_t n);
} fv_loss_kernels;

FV_ISA_DECLARE(fv_loss_kernels, fv_loss_kernels_);

#endif
