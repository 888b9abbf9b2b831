/* Windows of planes as columns (im2col), and columns added up into planes (col2im).
 *
 * Both are over dense row-major memory. Batch and channels are one number of planes, since a
 * column's rows come channel by channel; 1 to 3 spatial axes, missing leading ones of length 1:
 *
 *     planes   [P, D, H, W]
 *     columns  [P, KD, KH, KW, OD, OH, OW]
 *
 * Unfolding walks rows (OW) of the columns, each a piece of a row of a plane with zeros around it;
 * folding walks rows (W) of the planes, to which it adds those pieces in the order of the taps. So
 * each row is written by one thread. */
#ifndef FOVEA_TENSOR_KERNELS_FOLD_FOLD_H
#define FOVEA_TENSOR_KERNELS_FOLD_FOLD_H

#include <stdint.h>

#include "tensor/machine.h"
#include "tensor/tensor.h"

enum { FV_FOLD_AXES = 3 };

typedef struct fv_fold_axis {
    int64_t in, out; /* length of the plane, places of the window */
    int64_t kernel, stride, padding, dilation;
} fv_fold_axis;

typedef struct fv_fold {
    int64_t planes;
    fv_fold_axis axis[FV_FOLD_AXES];
} fv_fold;

/* columns = the elements under each window, 0 where it hangs over the border. Elements of `size`
 * bytes: 1, 2, 4 or 8. */
void fv_unfold_run(fv_machine m, const fv_fold *g, size_t size, const void *planes, void *columns);

/* planes = the sums of the columns over all windows. float32 and float64. */
void fv_fold_run(fv_machine m, const fv_fold *g, fv_dtype dtype, const void *columns, void *planes);

/* The twins: x [N, C, spatial] and y [N, C * taps, places] of any strides. */
void fv_unfold_ref(const fv_fold *g, const fv_tensor *x, fv_tensor *y);
void fv_fold_ref(const fv_fold *g, const fv_tensor *y, fv_tensor *x);

/* --- between fold.c and fold_isa.c ------------------------------------------------------------ */

typedef struct fv_fold_kernels {
    /* y[i] = x[i * step], i < n; by the logarithm of an element's bytes. */
    void (*take[4])(void *y, const void *x, int64_t n, int64_t step);
    /* y[i * step] += x[i], i < n; index 0: float, 1: double. */
    void (*add[2])(void *y, const void *x, int64_t n, int64_t step);
} fv_fold_kernels;

FV_ISA_DECLARE(fv_fold_kernels, fv_fold_kernels_);

#endif
