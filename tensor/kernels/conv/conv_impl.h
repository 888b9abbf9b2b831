/* Internal to the convolution kernels: the plan of a pass and its parts.
 *
 * Every pass moves a window over a source: x for forward and the weight gradient, gy for the input
 * gradient. The positions of the window form a grid. The input gradient of stride s falls apart
 * in s phases per dimension (output coordinates with the same remainder by s), each a stride 1
 * convolution over its own subset of the taps; the other passes have one phase.
 *
 * The grid is worked off in boxes of images and positions. Unless no window leaves the image, the
 * source pixels of a box are first copied to scratch with zeros around (conv_box_load), so that
 * the inner loops know no edges:
 *
 *     source                    box in scratch          tile: 3 groups of neighbouring positions
 *     [N, D, H, W, C]  ------>  [image][d][h][w][C]     A row of one = its taps: segments of
 *                       zeros                           adjacent pixels (KW * C numbers) in the box
 */
#ifndef FOVEA_TENSOR_KERNELS_CONV_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_IMPL_H

#include <stdbool.h>

#include "tensor/kernels/product/gemm_tile.h"
#include "conv.h"

enum { CONV_AXES = 4 }; /* image, depth, height, width */

/* One phase. The arrays are by spatial dimension; taps are in the order of rising source
 * coordinates. */
typedef struct conv_phase {
    int64_t grid[3];           /* positions */
    int64_t first[3];          /* source coordinate of the first tap at position 0 */
    int64_t taps[3], apart[3]; /* their number and distance in the source */
    int64_t tap[3], next[3];   /* index in the kernel of the first tap, step to the next */
    int64_t origin[3];         /* destination coordinate of position 0 */
} conv_phase;

typedef struct conv_plan {
    const fv_conv_geometry *g;
    size_t size; /* bytes of an element */
    int type;    /* 0 float, 1 double */
    fv_conv_pass pass;
    const fv_tile_kernels *tiles;
    int threads;
    bool depthwise;
    int64_t images;
    int64_t source[3], source_channels; /* dimensions of the tensor under the window */
    int64_t target[3], target_channels; /* and of the one that the positions index */
    int64_t depth, columns;             /* per group: channels summed over, channels made */
    int64_t phases[3];
    int64_t grid[3];         /* positions of the largest phase */
    int64_t step[3];         /* source coordinates from one position to the next */
    int64_t spread[3];       /* target coordinates from one position to the next */
    int64_t low[3], high[3]; /* source coordinates under position 0: least and greatest */
    bool copy;               /* boxes are copied; else read in place */
    int64_t pixel;           /* elements from one source pixel to the next */
    int64_t box[CONV_AXES], boxes[CONV_AXES];
    bool by_image; /* threads divide images (else boxes) */
    int64_t nr, lanes;
} conv_plan;

/* A box: first position and number of positions, by axis. */
typedef struct conv_box {
    int64_t at[CONV_AXES], count[CONV_AXES];
} conv_box;

/* The loaded source of a box: where the window at its first position has its least coordinates. */
typedef struct conv_source {
    const void *data;
    int64_t stride[CONV_AXES]; /* elements from one source pixel to the next along the axis */
} conv_source;

static inline int64_t conv_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t conv_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t conv_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline const void *conv_at(const void *p, int64_t elements, size_t size)
{
    return (const char *)p + elements * (int64_t)size;
}

static inline void *conv_to(void *p, int64_t elements, size_t size)
{
    return (char *)p + elements * (int64_t)size;
}

static inline size_t conv_round(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* conv_plan.c */
conv_plan conv_make_plan(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass);
conv_phase conv_get_phase(const conv_plan *p, int64_t index);
int64_t conv_phase_count(const conv_plan *p);
int64_t conv_taps(const conv_plan *p);
int64_t conv_phase_taps(const conv_phase *phase);
size_t conv_box_bytes(const conv_plan *p); /* scratch for the copy of a box, 0 if read in place */

/* Boxes of thread t, in order: begins before the first; false at the end. */
typedef struct conv_walk {
    int64_t image0, image1, box, end;
    conv_box now;
} conv_walk;
conv_walk conv_walk_begin(const conv_plan *p, int t);
bool conv_walk_next(const conv_plan *p, conv_walk *walk);

/* conv_box.c */
conv_source conv_box_load(const conv_plan *p, const conv_box *box, const void *source,
                          void *scratch);
/* Source offsets of the taps of a phase, adjacent taps of one row merged where their pixels touch;
 * the segments are *length elements long. Returns their number. */
int64_t conv_list_segments(const conv_plan *p, const conv_phase *phase, const conv_source *source,
                           int64_t *segments, int64_t *length);
/* Positions of the part of a box that a phase has; false if there is none. */
bool conv_clip(const conv_phase *phase, const conv_box *box, int64_t count[CONV_AXES]);
int64_t conv_list_groups(const conv_plan *p, const int64_t count[CONV_AXES],
                         const conv_source *source, fv_tile_group *groups, int64_t *a_rs,
                         int64_t *c_rs);
int64_t conv_groups_most(const conv_plan *p);
/* Target offset, in elements, of a position. */
int64_t conv_target_offset(const conv_plan *p, const conv_phase *phase,
                           const int64_t at[CONV_AXES]);

/* conv_pack.c: weights as panels for the tiles, and back.
 * Packed weights: [phase][group][panel of NR columns][phase's taps * depth][panel's columns]. */
int64_t conv_packed_elements(const conv_plan *p);
void conv_pack_weights(const conv_plan *p, const void *w, void *packed, int part, int parts);
int64_t conv_panels(const conv_plan *p);
int64_t conv_panel_columns(const conv_plan *p, int64_t panel); /* its produced channels */
int64_t conv_panel_width(const conv_plan *p, int64_t panel);   /* rounded up to whole vectors */
int64_t conv_group_width(const conv_plan *p);                  /* sum over the panels */
/* gy of the positions of a box: [position][panel's width]; in place where it is like that already.
 */
const void *conv_pack_positions(const conv_plan *p, const conv_box *box, const void *gy,
                                int64_t group, int64_t panel, void *packed);
/* gw of one group and panel = sum over copies of sums[copy][taps * depth][width] */
void conv_unpack_sums(const conv_plan *p, const void *sums, int64_t copies, int64_t copy_stride,
                      int64_t group, int64_t panel, void *gw);

/* conv_depthwise.c: groups = channels = outputs. */
size_t conv_depthwise_scratch(const conv_plan *p);
void conv_depthwise_run(const conv_plan *p, const void *source, const void *w, const void *bias,
                        void *target, void *scratch);
void conv_depthwise_grad_weight(const conv_plan *p, const void *x, const void *gy, void *gw,
                                void *scratch);

#endif
