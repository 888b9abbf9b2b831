/* Winograd convolution: what the forward pass, the input gradient (conv_winograd.c) and the weight
 * gradient (conv_winograd_weight.c) share: forms, tiles, and how they are cut.
 *
 * The grid of a phase is covered with tiles along height and width. The tiles of one place in all
 * depths are a column; loaded, it has a row for each slice of the source that its windows meet (in
 * two dimensions: one), and a tap along the depth is a segment of the product:
 *
 *     V[plane][column][slice][channel]  x  U[item][plane][depth tap][channel][NR]
 *                                       =  M[plane][column][depth][NR]   -> store, with the
 * epilogue
 *
 * With dilation, tiles are interleaved: neighbouring elements of a tile are `apart` pixels apart.
 */
#ifndef FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_IMPL_H

#include "conv_gemm_impl.h"
#include "conv_winograd_isa.h"

typedef struct conv_winograd_plan {
    conv_gemm_plan gemm; /* items, and places in the weights; its boxes are not used */
    const fv_winograd_form *form;
    int64_t points;   /* planes */
    int64_t tiles[2]; /* of the largest phase, along height and width */
    int64_t columns;  /* of all images */
    int64_t slices;   /* loaded rows of a column */
    int64_t row;      /* elements of a loaded row */
    int64_t blocks;   /* columns are cut in so many */
    bool by_panels;   /* all is loaded at first, and the items are shared out */
    bool by_planes;   /* or, for the weight gradient, the planes */
} conv_winograd_plan;

/* The cheapest form that suits the window at the machine's precision and its nanoseconds on one
 * core; negative: none. */
double fv_conv_winograd_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine);
/* The plan but for the way it is cut. */
conv_winograd_plan fv_conv_winograd_start(const fv_conv_plan *p, const conv_window *w,
                                          fv_machine machine);

/* Has a column one row, of one segment? The rows of a block lie evenly apart then: always in one
 * and two dimensions. */
bool fv_conv_winograd_runs_on(const conv_winograd_plan *p);
/* Columns of the largest block; loaded rows and results of so many columns. */
int64_t fv_conv_winograd_most(const conv_winograd_plan *p);
int64_t fv_conv_winograd_rows(const conv_winograd_plan *p, int64_t columns);
int64_t fv_conv_winograd_made(const conv_winograd_plan *p, int64_t columns);
/* Elements from one plane of so many rows to the next: an odd number of cache lines, since planes a
 * power of two apart fall into few cache sets. */
int64_t fv_conv_winograd_plane(int64_t rows, int64_t row);
/* Elements of all planes of so many loaded columns. */
int64_t fv_conv_winograd_loaded(const conv_winograd_plan *p, int64_t columns);
/* Elements of a plane, and of all planes, of an item's filters in a phase with so many taps along
 * the depth. */
int64_t fv_conv_winograd_filter_plane(const conv_winograd_plan *p, int64_t depth_taps);

/* Columns [first, first + count) of a phase: where their tiles lie in the source, slice by slice,
 * and in the target, depth by depth. */
void fv_conv_winograd_list_source(const conv_winograd_plan *p, const conv_phase *phase,
                                  int64_t first, int64_t count, fv_winograd_tile *tiles);
void fv_conv_winograd_list_target(const conv_winograd_plan *p, const conv_phase *phase,
                                  int64_t first, int64_t count, fv_winograd_tile *tiles);
/* Some columns of a block, and the memory of the whole block. */
typedef struct conv_winograd_part {
    int64_t first;      /* column with which the block begins */
    int64_t columns;    /* of the block */
    int64_t at, count;  /* which of them */
    const float *zeros; /* as many as a pixel has channels */
} conv_winograd_part;

/* Loads the part of the source to its place in the block's planes; its tiles are listed there. */
void fv_conv_winograd_load(const conv_winograd_plan *p, const conv_phase *phase,
                           const conv_winograd_part *part, const float *source,
                           fv_winograd_tile *tiles, float *planes);
/* Behind the last element of the source or target. */
const float *fv_conv_winograd_end(const conv_winograd_plan *p, const float *map, bool target);
/* Elements between neighbouring elements of a tile, along height and width. */
void fv_conv_winograd_source_step(const conv_winograd_plan *p, int64_t step[2]);
void fv_conv_winograd_target_step(const conv_winograd_plan *p, int64_t step[2]);

int fv_conv_winograd_describe(const fv_conv_plan *p, char *text, size_t size);

static inline const conv_winograd_plan *conv_winograd_own(const fv_conv_plan *p)
{
    return (const conv_winograd_plan *)(const void *)p->own;
}

#endif
