/* Depthwise convolution (groups = channels = outputs), and groups of 4, 8 and 16 channels: vectors
 * run over the channels that are made, of several groups, and no product of matrices is left. In a
 * group each channel that is summed is spread over the lanes of its group. Two algorithms: forward
 * with the input gradient (conv_depthwise.c), and the weight gradient (conv_depthwise_weight.c).
 *
 * Rows of taps that have a kernel (conv_isa.h) read the source in place: a row of taps above or
 * below it is left out, and so are the pixels on its left and right. Other shapes, and less than a
 * vector of channels, have a padded copy. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_DEPTHWISE_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_DEPTHWISE_IMPL_H

#include "conv_impl.h"
#include "conv_isa.h"

typedef struct depthwise_plan {
    conv_window w;
    conv_boxes boxes;
    const fv_conv_kernels *kernels;
    int64_t channels, group; /* of all groups; of one: 1, 4, 8 or 16 */
    int64_t width;           /* channels in whole vectors */
    int64_t across, down, tap[3],
        group_step; /* w: between made channels, summed ones, taps, groups */
    int64_t parts;  /* weight gradient: of the boxes, with a copy of the sums each */
    bool in_place;  /* the source is read where it lies, by a kernel of each phase's shape */
    bool far;       /* and comes from beyond the second cache */
    int threads;
    int type; /* 0 float, 1 double */
} depthwise_plan;

static inline const depthwise_plan *conv_depthwise_own(const fv_conv_plan *p)
{
    return (const depthwise_plan *)(const void *)p->own;
}

/* conv_depthwise.c */
double fv_conv_depthwise_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine);
/* All but boxes, parts and threads. */
depthwise_plan fv_conv_depthwise_start(const fv_conv_plan *plan, const conv_window *w,
                                       fv_machine machine);
/* Which kernel has such rows of taps; negative: none. */
int fv_conv_depthwise_shape(int64_t group, int64_t taps, int64_t step);

/* Index of the kernels of a group. */
static inline int conv_group_size(int64_t group)
{
    return group == 1 ? 0 : group == 4 ? 1 : group == 8 ? 2 : 3;
}

/* The rows of taps that meet the source at position (d, h) of a phase: their offsets in an image
 * and their first taps. Returns their number. */
int64_t fv_conv_depthwise_tap_rows(const depthwise_plan *p, const conv_phase *phase, int64_t d,
                                   int64_t h, int64_t *taps, int64_t *places);

#endif
