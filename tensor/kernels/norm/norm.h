/* Batch normalisation over dense rows of channels: x is [rows, channels], channels side by side.
 * A channels-last image and a contiguous [N, C] matrix are both that.
 *
 * Few channels are folded: `fold` rows count as one row of fold * channels columns, so that the
 * inner loops always have whole vectors; what is left over at the end is a tail of single rows.
 * Rows are cut in chunks that depend on the shape alone. Each chunk sums floats in blocks of 64
 * rows, as differences from a moving estimate of the mean, and blocks in double; chunks are
 * combined in their order (Chan's rule). So the statistics are accurate whatever the mean, and
 * have the same bits for any number of threads. */
#ifndef FOVEA_TENSOR_KERNELS_NORM_NORM_H
#define FOVEA_TENSOR_KERNELS_NORM_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"
#include "tensor/tensor.h"

typedef struct fv_norm_shape {
    fv_dtype dtype;
    int64_t rows, channels;
} fv_norm_shape;

/* Bytes of scratch for each of the functions below. */
size_t fv_norm_scratch(const fv_norm_shape *s);

/* mean and m2 (the sum of squared differences from the mean) of each channel; rows >= 1. */
void fv_norm_statistics(const fv_norm_shape *s, const void *x, double *mean, double *m2,
                        void *scratch);

/* What follows the normalisation in the same pass over memory. */
typedef enum fv_norm_epilogue { FV_NORM_PLAIN = 0, FV_NORM_RELU } fv_norm_epilogue;

/* y = (x - mean) * scale + shift, per channel. */
void fv_norm_apply(const fv_norm_shape *s, fv_norm_epilogue epilogue, const void *x,
                   const double *mean, const double *scale, const double *shift, void *y,
                   void *scratch);

/* sum = sum of gy and dot = sum of gy * (x - mean), per channel. */
void fv_norm_dots(const fv_norm_shape *s, const void *gy, const void *x, const double *mean,
                  double *sum, double *dot, void *scratch);

/* gx = gy * scale + (x - mean) * slope + shift, per channel. */
void fv_norm_apply_backward(const fv_norm_shape *s, const void *gy, const void *x,
                            const double *mean, const double *scale, const double *slope,
                            const double *shift, void *gx, void *scratch);

/* --- whole ops on tensors ----------------------------------------------------------------- */

/* x, y [N, C, ...]; the others [C] of any stride, weight, bias and both running ones may be NULL.
 * With training the statistics are those of x, and the running ones move towards them by momentum;
 * else they are the running ones. mean and invstd [C] get what was used. */
typedef struct fv_batch_norm {
    const fv_tensor *x, *weight, *bias;
    const fv_tensor *running_mean, *running_var;
    fv_tensor *y, *mean, *invstd;
    bool training;
    double momentum, eps;
    fv_norm_epilogue epilogue;
} fv_batch_norm;

/* gx, gweight and gbias from gy. mean and invstd may be NULL with training: then they are x's. */
typedef struct fv_batch_norm_grad {
    const fv_tensor *gy, *x, *weight, *mean, *invstd;
    fv_tensor *gx, *gweight, *gbias;
    bool training;
    double eps;
} fv_batch_norm_grad;

/* 1 / sqrt(var + eps) of a batch; 0 where both are 0, as PyTorch has it. */
double fv_norm_invstd(double var, double eps);

/* Bytes of scratch for the two functions that follow. */
size_t fv_batch_norm_scratch(const fv_norm_shape *s);

/* The kernels: x, y, gy, gx are dense rows as said above. */
void fv_batch_norm_run(const fv_batch_norm *b, void *scratch);
void fv_batch_norm_grad_run(const fv_batch_norm_grad *b, void *scratch);

/* The same by plain loops over any strides. */
void fv_batch_norm_ref(const fv_batch_norm *b);
void fv_batch_norm_grad_ref(const fv_batch_norm_grad *b);

/* --- between norm.c and norm_isa.c -------------------------------------------------------- */

/* rows x columns elements side by side; per-channel operands have `columns` elements of the
 * element type. */
typedef struct fv_norm_job {
    int64_t rows, columns;
    const void *x, *gy;
    void *out;
    const void *mean, *scale, *slope, *shift;
    double *first, *second; /* sums of the chunk: mean and m2, or sum and dot */
} fv_norm_job;

/* Index 0: float, 1: double. */
typedef struct fv_norm_kernels {
    void (*statistics[2])(const fv_norm_job *job);
    void (*dots[2])(const fv_norm_job *job);
    void (*apply[2])(const fv_norm_job *job);
    void (*apply_relu[2])(const fv_norm_job *job);
    void (*apply_backward[2])(const fv_norm_job *job);
} fv_norm_kernels;

FV_ISA_DECLARE(fv_norm_kernels, fv_norm_kernels_);

#endif
