/* Pooling over dense channels-last memory, and its plain-loop twins over any strides.
 *
 * One geometry serves 1 to 3 spatial axes (missing leading axes have length 1), fixed and adaptive
 * windows, maximum and average. Everything about an axis is looked up in two tables, built once a
 * call in scratch: for each output coordinate its window, for each input coordinate the windows
 * that cover it. Forward kernels walk output pixels, backward kernels input rows, so each is
 * written by one thread, in a fixed order of additions.
 *
 * A maximum is remembered as the number of its tap in the window (kd * KH + kh) * KW + kw, in one
 * byte where that fits. A number that names no tap inside the input is harmless: nothing is ever
 * addressed by it unchecked. */
#ifndef FOVEA_TENSOR_KERNELS_POOL_POOL_H
#define FOVEA_TENSOR_KERNELS_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/machine.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

enum { FV_POOL_AXES = 3 };

typedef struct fv_pool_axis {
    int64_t in, out;
    int64_t kernel; /* of an adaptive axis: its longest window */
    int64_t stride, padding, dilation;
} fv_pool_axis;

typedef struct fv_pool {
    int64_t batch, channels;
    fv_pool_axis axis[FV_POOL_AXES];
    bool adaptive;          /* windows floor(o * in / out) .. ceil((o + 1) * in / out) */
    bool count_include_pad; /* average: padding counts in the divisor */
    int64_t divisor;        /* average: the divisor of all windows, or 0 */
} fv_pool;

/* The window of an output coordinate, clipped to the input. */
typedef struct fv_pool_window {
    int64_t start; /* input coordinate of the first tap inside */
    int64_t tap;   /* its number in the unclipped window */
    int64_t count; /* taps inside, `dilation` apart */
    int64_t size;  /* this axis' factor of the average's divisor */
} fv_pool_window;

fv_pool_window fv_pool_window_at(const fv_pool *g, int axis, int64_t out);

/* Element type of the tap numbers: uint8 or int32. */
fv_dtype fv_pool_code_dtype(const fv_pool *g);

/* What a kernel walks: pixels of the output (forward) or rows of the input (backward). */
typedef enum fv_pool_pass { FV_POOL_FORWARD, FV_POOL_BACKWARD } fv_pool_pass;

struct fv_pool_kernels;

typedef struct fv_pool_plan {
    fv_pool g;
    const struct fv_pool_kernels *kernels;
    fv_dtype dtype;
    fv_pool_pass pass;
    int64_t units, chunks; /* 0: nothing to compute */
    int threads;
} fv_pool_plan;

/* Completes a plan whose g is set. */
void fv_pool_make_plan(fv_pool_plan *p, fv_dtype dtype, fv_pool_pass pass, fv_machine machine);

/* The windows [first, last) that cover an input coordinate. */
typedef struct fv_pool_cover {
    int64_t first, last;
} fv_pool_cover;

/* By output coordinate and, in backward, by input coordinate of each axis. */
typedef struct fv_pool_tables {
    fv_pool_window *windows[FV_POOL_AXES];
    fv_pool_cover *covers[FV_POOL_AXES];
} fv_pool_tables;

/* Takes the plan's scratch. */
fv_pool_tables fv_pool_layout(const fv_pool_plan *p, fv_scratch *s);

/* x, gx [N, D, H, W, C] and y, gy, codes [N, OD, OH, OW, C], dense; codes of fv_pool_code_dtype.
 * All elements of the last pointer arguments before scratch are written. Backward takes a plan for
 * FV_POOL_BACKWARD, the others one for FV_POOL_FORWARD. */
void fv_pool_max(const fv_pool_plan *p, const void *x, void *y, void *codes, void *scratch);
void fv_pool_max_backward(const fv_pool_plan *p, const void *gy, const void *codes, void *gx,
                          void *scratch);
void fv_pool_max_gather(const fv_pool_plan *p, const void *x, const void *codes, void *y,
                        void *scratch);
void fv_pool_average(const fv_pool_plan *p, const void *x, void *y, void *scratch);
void fv_pool_average_backward(const fv_pool_plan *p, const void *gy, void *gx, void *scratch);

/* indices (int64, dense like codes) = flat position within the (N, C) plane of the tap that codes
 * names, or -1 when that lies outside the input. */
void fv_pool_indices(const fv_pool_plan *p, const void *codes, int64_t *indices, void *scratch);

/* The twins: logical [N, C, spatial] tensors of any strides, codes of any integer dtype. */
void fv_pool_max_ref(const fv_pool *g, const fv_tensor *x, fv_tensor *y, fv_tensor *codes);
void fv_pool_max_backward_ref(const fv_pool *g, const fv_tensor *gy, const fv_tensor *codes,
                              fv_tensor *gx);
void fv_pool_max_gather_ref(const fv_pool *g, const fv_tensor *x, const fv_tensor *codes,
                            fv_tensor *y);
void fv_pool_average_ref(const fv_pool *g, const fv_tensor *x, fv_tensor *y);
void fv_pool_average_backward_ref(const fv_pool *g, const fv_tensor *gy, fv_tensor *gx);

void fv_pool_indices_ref(const fv_pool *g, const fv_tensor *codes, fv_tensor *indices);

/* --- between pool.c and pool_isa.c ------------------------------------------------------------ */

/* Pixels [first, last) of the output (forward) or rows of the input (backward). */
typedef struct fv_pool_job {
    const fv_pool *g;
    const fv_pool_window *windows[FV_POOL_AXES];
    const fv_pool_cover *covers[FV_POOL_AXES];
    const void *from; /* x or gy */
    void *to;         /* y or gx */
    void *codes;
    int code_bytes; /* 1 or 4 */
    int64_t first, last;
} fv_pool_job;

/* Index 0: float, 1: double. */
typedef struct fv_pool_kernels {
    void (*max[2])(const fv_pool_job *job);
    void (*max_backward[2])(const fv_pool_job *job);
    void (*max_gather[2])(const fv_pool_job *job);
    void (*average[2])(const fv_pool_job *job);
    void (*average_backward[2])(const fv_pool_job *job);
} fv_pool_kernels;

FV_ISA_DECLARE(fv_pool_kernels, fv_pool_kernels_);

#endif
