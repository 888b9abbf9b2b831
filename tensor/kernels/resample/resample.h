/* Resampling: pictures, maps and volumes of one size become those of another, by weighted sums of
 * pixels, axis by axis; and the transpose, which gradients are.
 *
 *     fv_resample_plan p = {.g = {.outer = 3, .in = {1, 480, 640}, .out = {1, 120, 160},
 *                                 .inner = 1, .mode = FV_BILINEAR, .antialias = true}};
 *     fv_resample_make_plan(&p, FV_FLOAT32, fv_machine_now());
 *     fv_resample_run(&p, pixels, result, malloc(p.scratch_bytes));
 *
 * Memory is dense [outer, D, H, W, inner]: planes have inner 1 (outer counts batch and channels),
 * channels-last memory has its channels there. An axis is a table: for each place in the result the
 * first pixel of the source that counts, how many do, and their weights. Windows move on with the
 * place, so the transpose is a table of the same kind, and one kernel runs both:
 *
 *     more rows than the source has        row of the source --along W--> kept rows --rows H--> y
 *     otherwise                            rows of the source --rows D, H--> a row --along W--> y
 *
 * Each row of the result is written by one thread, with additions in a fixed order. */
#ifndef FOVEA_TENSOR_KERNELS_RESAMPLE_RESAMPLE_H
#define FOVEA_TENSOR_KERNELS_RESAMPLE_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/interpolation.h"
#include "tensor/machine.h"
#include "tensor/tensor.h"

enum { FV_RESAMPLE_AXES = 3 };

typedef struct fv_resample {
    int64_t outer, inner;
    int64_t in[FV_RESAMPLE_AXES];   /* depth, height, width; 1 to 2^31 - 1, absent leading ones 1 */
    int64_t out[FV_RESAMPLE_AXES];  /* the same */
    double scale[FV_RESAMPLE_AXES]; /* enlargement that was asked for; 0: out / in */
    fv_interpolation mode;          /* the linear ones are one here */
    bool align_corners;             /* the centres of the corner pixels meet, in linear and cubic */
    bool antialias;                 /* those two average over all pixels when they shrink */
    bool transposed;                /* from the gradient of out's size to that of in's */
} fv_resample;

/* Pixels [first, first + count) of an axis of the source, and where their weights begin. */
typedef struct fv_resample_span {
    int32_t first, count;
    int64_t at;
} fv_resample_span;

/* At most so many pixels of in make one of out. */
int64_t fv_resample_reach(const fv_resample *g, int axis);

/* Those that make pixel `place` of out along an axis; weights has room for fv_resample_reach of
 * them, or is NULL. (.at is 0.) */
fv_resample_span fv_resample_window(const fv_resample *g, int axis, int64_t place, double *weights);

struct fv_resample_kernels;

typedef struct fv_resample_plan {
    fv_resample g;
    const struct fv_resample_kernels *kernels;
    fv_dtype dtype;
    int64_t from[FV_RESAMPLE_AXES], to[FV_RESAMPLE_AXES]; /* of source and result */
    int64_t longest[FV_RESAMPLE_AXES];                    /* span of each axis */
    bool along_first;                                     /* the width before the height */
    int64_t kept;                                         /* rows, a power of 2 */
    int64_t rows, chunks;                                 /* of the result; 0: nothing to compute */
    int threads;
    size_t scratch_bytes; /* 64-byte aligned memory that a run needs */
} fv_resample_plan;

/* Completes a plan whose g is set, for FV_FLOAT32 or FV_FLOAT64. */
void fv_resample_make_plan(fv_resample_plan *p, fv_dtype dtype, fv_machine machine);

/* y [outer, out, inner] from x [outer, in, inner], or where g.transposed says so the other way. All
 * elements of y are written. */
void fv_resample_run(const fv_resample_plan *p, const void *x, void *y, void *scratch);

/* The twin: logical [N, C, spatial] tensors of any strides; outer and inner are not read. */
void fv_resample_ref(const fv_resample *g, const fv_tensor *x, fv_tensor *y);

/* --- between resample.c and resample_isa.c ---------------------------------------------------- */

/* Index 0: float, 1: double. */
typedef struct fv_resample_kernels {
    /* y[i] = sum over t < count of weights[t] * rows[t][i], for i < n. */
    void (*rows[2])(void *y, const void *const *rows, const void *weights, int64_t count,
                    int64_t n);
    /* y[j, k] = sum over t of weights[spans[j].at + t] * x[spans[j].first + t, k], for j < n and
     * k < inner. */
    void (*along[2])(void *y, const void *x, const fv_resample_span *spans, const void *weights,
                     int64_t n, int64_t inner);
    /* y[j] = x[spans[j].first], j < n. */
    void (*pick[2])(void *y, const void *x, const fv_resample_span *spans, int64_t n);
    /* y[2j] = y[2j + 1] = x[j], j < n. */
    void (*twice[2])(void *y, const void *x, int64_t n);
} fv_resample_kernels;

FV_ISA_DECLARE(fv_resample_kernels, fv_resample_kernels_);

#endif
