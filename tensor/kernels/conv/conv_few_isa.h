/* Inner loops of convolutions that make few channels of many: vectors over the summed channels. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_FEW_ISA_H
#define FOVEA_TENSOR_KERNELS_CONV_FEW_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"

enum { FV_FEW_COLUMNS = 8 };

/* A row of positions: c[q][columns] = sum over taps and channels of a[q * a_step + tap + channel] *
 * w[tap][column][channel], + bias, * scale + shift + residual, relu. */
typedef struct fv_few_row {
    const void *a;
    int64_t a_step, depth; /* depth: channels, whole vectors */
    const int64_t *taps;   /* offset in a */
    int64_t tap_count;
    const void *w;
    const void *bias, *scale, *shift; /* [columns] or NULL */
    const void *residual;             /* laid out like c, or NULL */
    bool relu, finish;                /* finish: one of these, or relu */
    void *c;
    int64_t c_step, positions;
} fv_few_row;

typedef struct fv_few_kernels {
    int lanes[2]; /* elements of a vector */
    /* by columns - 1 */
    void (*row[2][FV_FEW_COLUMNS])(const fv_few_row *job);
} fv_few_kernels;

FV_ISA_DECLARE(fv_few_kernels, fv_few_kernels_);

#endif
