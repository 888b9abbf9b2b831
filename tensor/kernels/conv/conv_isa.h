/* Inner loops of depthwise convolution: vectors over channels, which are padded to whole vectors
 * in everything that is read. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_ISA_H
#define FOVEA_TENSOR_KERNELS_CONV_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"

/* A row of positions: c[q][channels] = bias + sum over taps of a[q * a_step + tap] * w[tap], then
 * finished: * scale + shift + residual, relu. */
typedef struct fv_depthwise_row {
    const void *a;
    int64_t a_step;
    const int64_t *taps; /* offset in a */
    int64_t tap_count;
    const void *w;                    /* [tap][width] */
    int64_t width;                    /* channels rounded up to vectors */
    const void *bias, *scale, *shift; /* [width] or NULL */
    const void *residual;             /* laid out like c, or NULL */
    bool relu, finish;                /* finish: one of the three behind bias, or relu */
    void *c;
    int64_t c_step, positions, channels;
    /* Of the kernels of a shape. Taps are then the offsets of rows of adjacent taps. */
    int64_t pixel;              /* elements from one tap of a row to the next */
    const int64_t *places;      /* first tap of each row in w */
    int64_t inside, inside_end; /* pixels of a row that may be read, from tap 0 of position 0 on */
} fv_depthwise_row;

/* Rows of taps that have a kernel: so many, at positions so many pixels apart. Groups of 4, 8 and
 * 16 channels have those of the first list, and places and sums for each channel of a group; those
 * of more channels than a vector have none. */
#define FV_GROUPED_SHAPES(row)          row(1, 1) row(2, 1) row(3, 1) row(3, 2)
#define FV_UNGROUPED_SHAPES(row)        row(4, 1) row(5, 1) row(7, 1) row(5, 2) row(7, 2)
#define FV_DEPTHWISE_COUNT_(taps, step) +1
enum {
    FV_GROUPED_COUNT = 0 FV_GROUPED_SHAPES(FV_DEPTHWISE_COUNT_),
    FV_DEPTHWISE_COUNT = FV_GROUPED_COUNT FV_UNGROUPED_SHAPES(FV_DEPTHWISE_COUNT_),
    FV_GROUP_SIZES = 4 /* 1, 4, 8, 16 */
};

/* sums[tap][width] += sum over rows and positions of a[row + q * a_step + tap] * g[..][width]. */
typedef struct fv_depthwise_sum {
    const void *a;
    int64_t a_step;
    const int64_t *taps, *rows;
    int64_t tap_count, row_count;
    const void *g; /* [row][position][width] */
    int64_t positions, width;
    void *sums;
    /* Of the kernels of a shape: one row of g in place, taps as in fv_depthwise_row. The sums of
     * the last vector of channels are those of the last channels, whatever came before. */
    int64_t g_step, channels, pixel, inside, inside_end;
    const int64_t *places;
} fv_depthwise_sum;

/* In place: at least a vector of channels; the last one overlaps its neighbour. */
typedef struct fv_depthwise_shapes {
    void (*row[FV_GROUP_SIZES][FV_DEPTHWISE_COUNT])(const fv_depthwise_row *job);
    void (*sum[FV_GROUP_SIZES][FV_DEPTHWISE_COUNT])(const fv_depthwise_sum *job);
} fv_depthwise_shapes;

/* Index 0: float, 1: double. */
typedef struct fv_conv_kernels {
    int lanes[2]; /* elements of a vector */
    void (*depthwise[2])(const fv_depthwise_row *job);
    void (*depthwise_sum[2])(const fv_depthwise_sum *job);
    const fv_depthwise_shapes *shapes[2];
} fv_conv_kernels;

FV_ISA_DECLARE(fv_conv_kernels, fv_conv_kernels_);

#endif
