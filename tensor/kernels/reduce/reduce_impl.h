/* The inner loops of reductions, per instruction-set level, element type and kind. */
#ifndef FOVEA_TENSOR_KERNELS_REDUCE_REDUCE_IMPL_H
#define FOVEA_TENSOR_KERNELS_REDUCE_REDUCE_IMPL_H

#include "tensor/kernels/reduce/reduce.h"

enum {
    FV_REDUCE_TILE = 1024,     /* columns of one column task at most */
    FV_REDUCE_BATCH = 64,      /* rows of one batch task */
    FV_REDUCE_SHORT = 32,      /* elements of a row in a batch at most */
    FV_REDUCE_ROWS = 128,      /* rows of one column call at most */
    FV_REDUCE_PIECE = 1 << 14, /* elements of one row call at most */
};

/* acc = acc (+) p[0], p[stride], ...: n elements. sumpow gets its exponent in place of a shift. */
typedef void (*fv_reduce_row_fn)(fv_acc *acc, const void *p, int64_t n, int64_t stride,
                                 double shift);
/* acc[c] = acc[c] (+) p[c], p[row_stride + c], ...: rows elements each, cols <= FV_REDUCE_TILE.
 * shift has one number per column or is NULL. */
typedef void (*fv_reduce_col_fn)(fv_acc *acc, const void *p, int64_t rows, int64_t row_stride,
                                 int64_t cols, const double *shift);

typedef struct fv_reduce_kernels {
    fv_reduce_row_fn row[FV_DTYPE_COUNT][FV_REDUCE_KINDS];
    fv_reduce_col_fn col[FV_DTYPE_COUNT][FV_REDUCE_KINDS];
} fv_reduce_kernels;

FV_ISA_DECLARE(fv_reduce_kernels, fv_reduce_kernels_);

/* One step of a kind on two accumulators, to join partial results. */
static inline fv_acc fv_reduce_join(fv_reduce_kind kind, bool floating, fv_acc a, fv_acc b)
{
    if (floating) {
        switch (kind) {
        case FV_REDUCE_PROD: a.d *= b.d; break;
        case FV_REDUCE_MAXABS:
        case FV_REDUCE_MAX: a.d = b.d > a.d || b.d != b.d ? b.d : a.d; break;
        case FV_REDUCE_MINABS:
        case FV_REDUCE_MIN: a.d = b.d < a.d || b.d != b.d ? b.d : a.d; break;
        default: a.d += b.d; break;
        }
    } else {
        switch (kind) {
        case FV_REDUCE_PROD: a.i = (int64_t)((uint64_t)a.i * (uint64_t)b.i); break;
        case FV_REDUCE_MAX: a.i = b.i > a.i ? b.i : a.i; break;
        case FV_REDUCE_MIN: a.i = b.i < a.i ? b.i : a.i; break;
        default: a.i = (int64_t)((uint64_t)a.i + (uint64_t)b.i); break;
        }
    }
    return a;
}

/* What the job makes of an accumulator. */
double fv_reduce_result(const fv_reduce_job *job, double acc, int64_t k);
/* Stores results k to k + n - 1 at element offset at of out and every so many elements behind it,
 * converted to its type. */
void fv_reduce_store(const fv_reduce_job *job, const fv_acc *acc, int64_t k, int64_t n, int64_t at,
                     int64_t step);

#endif
