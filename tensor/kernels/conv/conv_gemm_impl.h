/* Implicit matrix products on the register tiles of gemm_tile.h: what the forward pass, the input
 * gradient (conv_gemm.c) and the weight gradient (conv_gemm_weight.c) share.
 *
 * The channels that a group makes are cut in panels of NR. A work item is a group's panel. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_GEMM_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_GEMM_IMPL_H

#include "conv_impl.h"

typedef struct conv_gemm_plan {
    conv_window w;
    conv_boxes boxes;
    const fv_tile_kernels *tiles;
    int64_t lanes, nr;
    int64_t panels, items, group_width; /* of a group; of all groups; a group's padded columns */
    int64_t across, down, tap[3];       /* w: between made channels, summed ones, and taps */
    int64_t group_step;                 /* w: from one group to the next */
    int64_t ranges;                     /* items are cut in so many */
    int64_t parts;                      /* weight gradient: and boxes, with a copy of sums each */
    int threads;
    int type; /* 0 float, 1 double */
} conv_gemm_plan;

/* Panels, tiles and places in the weights; boxes, ranges, parts and threads are left. */
conv_gemm_plan fv_conv_gemm_start(const fv_conv_plan *p, const conv_window *w, fv_machine machine);
/* Nanoseconds on one core. */
double fv_conv_gemm_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine);

static inline const conv_gemm_plan *conv_gemm_own(const fv_conv_plan *p)
{
    return (const conv_gemm_plan *)(const void *)p->own;
}

/* A plan's pixel in a copied box: rows far apart by a power of two fall into few cache sets. */
int64_t fv_conv_gemm_pixel(const conv_window *w);
/* Is a pixel of the source in place that far away from the next position's? */
bool fv_conv_gemm_aliases(const conv_window *w, int64_t bytes);
/* Would leaving out the taps in padding be worth it along that dimension? Positions that share
 * their taps have tiles of their own. */
bool fv_conv_gemm_clips(const conv_window *w, int d);

/* conv_pack.c. Packed weights: [phase][group][panel][phase's taps * depth][panel's width]; sums of
 * the weight gradient likewise, with one phase. */
enum { CONV_PACK_CHANNELS = 16 }; /* of the sum, in a block that is packed at a time */
int64_t fv_conv_panel_columns(const conv_gemm_plan *p, int64_t panel); /* its made channels */
int64_t fv_conv_panel_width(const conv_gemm_plan *p, int64_t panel);   /* in whole vectors */
int64_t fv_conv_packed_elements(const conv_gemm_plan *p);
int64_t fv_conv_pack_blocks(const conv_gemm_plan *p); /* of all items */
void fv_conv_pack_block(const conv_gemm_plan *p, int64_t block, const void *w, void *packed);
/* gy of the positions of a box: [position][panel's width]; in place where it is like that already.
 */
const void *fv_conv_pack_positions(const conv_gemm_plan *p, const conv_box *box, const void *gy,
                                   int64_t item, void *packed);
/* A block of an item of gw = its sums, added up over the parts in their order. */
void fv_conv_unpack_sums(const conv_gemm_plan *p, const void *sums, int64_t item, int64_t block,
                         void *gw);

/* Element of an item's sums or, in a phase with so many taps, packed weights. */
static inline int64_t conv_item_offset(const conv_gemm_plan *p, int64_t taps, int64_t item)
{
    return taps * p->w.depth * (item / p->panels * p->group_width + item % p->panels * p->nr);
}

/* First of the channels that an item makes. */
static inline int64_t conv_item_channel(const conv_gemm_plan *p, int64_t item)
{
    return item / p->panels * p->w.columns + item % p->panels * p->nr;
}

#endif
