/* The inner loops of softmax, per instruction-set level. Strides count elements. */
#ifndef FOVEA_TENSOR_KERNELS_SOFTMAX_SOFTMAX_IMPL_H
#define FOVEA_TENSOR_KERNELS_SOFTMAX_SOFTMAX_IMPL_H

#include "tensor/kernels/isa.h"
#include "tensor/kernels/softmax/softmax.h"
#include "tensor/kernels/view/transpose.h"

enum { FV_SOFTMAX_SHORT = 48, FV_SOFTMAX_COLUMNS = 64 };

typedef struct fv_softmax_kernels {
    /* One dense row of n >= 1 numbers. */
    void (*row)(float *y, const float *x, int64_t n, bool log);
    void (*grad_row)(float *gx, const float *g, const float *y, int64_t n, bool log);
    /* Dense rows of n <= FV_SOFTMAX_SHORT numbers, ry, rx, ... apart: as many at once as a vector
     * has lanes, which costs less than a vector and its partly filled end for each. */
    void (*short_rows)(float *y, const float *x, int64_t n, int64_t ry, int64_t rx, int64_t rows,
                       bool log, fv_transpose_fn transpose);
    void (*grad_short_rows)(float *gx, const float *g, const float *y, int64_t n,
                            const int64_t *row_strides, int64_t rows, bool log,
                            fv_transpose_fn transpose);
    /* cols neighbours at once, each with n >= 1 numbers that lie a stride apart. */
    void (*cols)(float *y, const float *x, int64_t n, int64_t sy, int64_t sx, int64_t cols,
                 bool log);
    void (*grad_cols)(float *gx, const float *g, const float *y, int64_t n, int64_t sgx, int64_t sg,
                      int64_t sy, int64_t cols, bool log);
    /* The same for float64: rows, and neighbours at once, at most FV_SOFTMAX_COLUMNS. */
    void (*row_f64)(double *y, const double *x, int64_t n, bool log);
    void (*grad_row_f64)(double *gx, const double *g, const double *y, int64_t n, bool log);
    void (*cols_f64)(double *y, const double *x, int64_t n, int64_t sy, int64_t sx, int64_t cols,
                     bool log);
    void (*grad_cols_f64)(double *gx, const double *g, const double *y, int64_t n, int64_t sgx,
                          int64_t sg, int64_t sy, int64_t cols, bool log);
} fv_softmax_kernels;

FV_ISA_DECLARE(fv_softmax_kernels, fv_softmax_kernels_);

#endif
