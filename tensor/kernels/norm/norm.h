/* Batch normalisation over dense rows of channels: x is [rows, channels], channels side by side.
 * A channels-last image and a contiguous [N, C] matrix are both that.
 *
 * Few channels are folded: `fold` rows count as one row of fold * channels columns, so that the
 * inner loops always have whole vectors; what is left over at the end is a tail of single rows.
 * Rows are cut in chunks that depend on the shape alone. Each chunk sums floats in blocks of 64
 * rows, as differences from a moving estimate of the mean, and blocks in double; chunks are
 * combined in their order (Chan's rule). What the mean loses when it is rounded to the element
 * type is added again per channel. So statistics, results and gradients are accurate whatever the
 * mean, and have the same bits for any number of threads. */
#ifndef FOVEA_TENSOR_KERNELS_NORM_NORM_H
#define FOVEA_TENSOR_KERNELS_NORM_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/machine.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

struct fv_norm_kernels;

/* How rows are folded and cut, and with what they are computed. */
typedef struct fv_norm_plan {
    fv_dtype dtype;
    int64_t rows, channels;
    const struct fv_norm_kernels *kernels;
    fv_machine machine;        /* each pass takes the threads that it is worth */
    int64_t fold, columns;     /* columns = fold * channels */
    int64_t folded_rows, tail; /* whole folded rows; rows left over, fewer than fold */
    int64_t chunk_rows, chunks;
} fv_norm_plan;

fv_norm_plan fv_norm_make_plan(fv_dtype dtype, int64_t rows, int64_t channels, fv_machine machine);

enum { FV_NORM_CHANNEL_ROWS = 8, FV_NORM_COLUMN_ROWS = 5 };

typedef struct fv_norm_scratch {
    double *channel[FV_NORM_CHANNEL_ROWS]; /* [channels] each */
    void *column[FV_NORM_COLUMN_ROWS];     /* [columns] operands in the element type */
    double *sums;                          /* [chunks and the tail][2][columns] */
} fv_norm_scratch;

/* Takes the scratch of the functions below; nothing for an empty input. */
fv_norm_scratch fv_norm_layout(const fv_norm_plan *p, fv_scratch *s);

/* --- whole ops on tensors ----------------------------------------------------------------- */

/* y = relu(norm(x) + residual), in one pass after the statistics; residual may be NULL.
 * x, y, residual [N, C, ...]; the others [C] of any stride, weight, bias and both running ones may
 * be NULL. With training the statistics are those of x, and the running ones move towards them by
 * momentum; else they are the running ones. mean and invstd [C] get what was used, in float64. */
typedef struct fv_batch_norm {
    const fv_tensor *x, *weight, *bias, *residual;
    const fv_tensor *running_mean, *running_var;
    fv_tensor *y, *mean, *invstd;
    bool training, relu;
    double momentum, eps;
} fv_batch_norm;

/* gx, gweight and gbias from gy. mean and invstd may be NULL with training: then they are x's.
 * Behind a relu gy counts only where its output is not <= 0: that is y or, without y and without a
 * residual, what x, weight and bias give once more, which costs less than to read it. That part of
 * gy is written to masked, if there is one. gx may lie over gy or x, masked over gy. */
typedef struct fv_batch_norm_grad {
    const fv_tensor *gy, *x, *weight, *bias, *mean, *invstd, *y;
    fv_tensor *gx, *gweight, *gbias, *masked;
    bool training, relu;
    double eps;
} fv_batch_norm_grad;

/* 1 / sqrt(var + eps) of a batch; 0 where both are 0, as PyTorch has it. */
double fv_norm_invstd(double var, double eps);

/* The kernels: what has x's shape is dense rows as said above. */
void fv_batch_norm_run(const fv_norm_plan *p, const fv_batch_norm *b, void *scratch);
void fv_batch_norm_grad_run(const fv_norm_plan *p, const fv_batch_norm_grad *b, void *scratch);

/* masked = g where y is not <= 0, and sums [C] of that; masked may lie over g. */
typedef struct fv_relu_sums_job {
    const fv_tensor *g, *y;
    fv_tensor *masked, *sums;
} fv_relu_sums_job;
void fv_relu_sums_run(const fv_norm_plan *p, const fv_relu_sums_job *b, void *scratch);

/* The same by plain loops over any strides. */
void fv_relu_sums_ref(const fv_relu_sums_job *b);
void fv_batch_norm_ref(const fv_batch_norm *b);
void fv_batch_norm_grad_ref(const fv_batch_norm_grad *b);

/* --- between norm.c and norm_isa.c -------------------------------------------------------- */

/* rows x columns elements side by side; per-channel operands have `columns` elements of the
 * element type. */
typedef struct fv_norm_job {
    int64_t rows, columns;
    const void *x, *gy;   /* in dots x may be NULL: sums alone */
    const void *residual; /* added to the result, or NULL */
    const void *mask;     /* gy, or in apply the result, counts where this is not <= 0; or NULL */
    void *out;            /* in dots: gy as it counts, or NULL */
    bool relu;            /* of gy: it counts where (x - mean) * scale + opening is not <= 0 */
    const void *mean, *scale, *slope, *shift, *opening;
    double *first, *second; /* sums of the chunk: mean and m2, or sum and dot */
} fv_norm_job;

/* Index 0: float, 1: double. */
typedef struct fv_norm_kernels {
    void (*statistics[2])(const fv_norm_job *job);
    void (*dots[2])(const fv_norm_job *job);
    void (*apply[2])(const fv_norm_job *job);
    void (*apply_backward[2])(const fv_norm_job *job);
} fv_norm_kernels;

FV_ISA_DECLARE(fv_norm_kernels, fv_norm_kernels_);

#endif
