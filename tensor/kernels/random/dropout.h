/* Dropout kernel: elements times a random 0 or scale. */
#ifndef FOVEA_TENSOR_KERNELS_RANDOM_DROPOUT_H
#define FOVEA_TENSOR_KERNELS_RANDOM_DROPOUT_H

#include "tensor/machine.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

/* out = x · m, with m = scale where the uniform number of the element is below keep, else 0; keep
 * in [0, 1]. The element at place i of out's memory uses word i % 4 of Philox block i / 4, so that
 * the numbers depend on the memory order of out, which must be dense, and on nothing else. x has
 * any strides; it may be out. float32 and float64. */
void fv_dropout_run(fv_machine m, fv_tensor *out, const fv_tensor *x, fv_rng_state state,
                    double keep, double scale);

/* The same element by element. */
void fv_dropout_reference(fv_tensor *out, const fv_tensor *x, fv_rng_state state, double keep,
                          double scale);

/* --- private to the family -------------------------------------------------------------------- */

enum { FV_DROPOUT_STEP = 128 }; /* elements that the loops treat at once */

/* n elements of dense memory from place first, a multiple of FV_DROPOUT_STEP. A word counts as kept
 * when its upper 24 bits are below limit. */
typedef struct fv_dropout_rows {
    void (*f32)(float *y, const float *x, int64_t first, int64_t n, fv_rng_state state,
                uint32_t limit, float scale);
    void (*f64)(double *y, const double *x, int64_t first, int64_t n, fv_rng_state state,
                uint32_t limit, double scale);
} fv_dropout_rows;
FV_ISA_DECLARE(fv_dropout_rows, fv_dropout_rows_);

#endif
