/* The transforms of Winograd convolution: vectors over channels.
 *
 * A form F(m, r) makes m neighbouring outputs of a filter of r taps with m + r - 1 products, one
 * for each of its points (0, infinity, and pairs +p, -p). In two dimensions a tile of m x m outputs
 * takes (m + r - 1)^2 products, each in a plane of its own:
 *
 *     y = A' [ (G w G') . (B' x B) ] A        "." over planes: a matrix product, tiles x channels
 *     dw = G' [ (B' x B)' . (A dy A') ] G     its adjoint in w
 *
 * (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.) Element c of tile t
 * in plane q lies at planes[q * plane + t * row + c]. Floats only. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_ISA_H
#define FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"

/* Where a tile lies in a map; the elements [begin, end) of its rows and columns are inside. */
typedef struct fv_winograd_tile {
    int64_t at; /* element of the map, which may lie outside, that is the tile's first */
    int16_t begin[2], end[2];
} fv_winograd_tile;

/* Tiles of a map to planes, or back. */
typedef struct fv_winograd_move {
    const float *from;  /* the map to be loaded */
    const float *end;   /* behind its last element */
    const float *zeros; /* as many as channels, in whole vectors: what lies outside of it */
    float *to;          /* the map to be stored to */
    int64_t
        step[2]; /* map elements from one row of a tile to the next, and from column to column */
    const fv_winograd_tile *tiles;
    int64_t count, channels;
    float *planes; /* loading writes whole vectors of channels */
    int64_t plane, row;
    const float *bias, *scale, *shift; /* of storing, [channels] or NULL */
    const float *residual;             /* laid out like `to`, or NULL */
    bool relu;
} fv_winograd_move;

/* Filters to planes, or back: planes[q * plane + c * row + j] for made channels j < columns and
 * summed channels c < depth; w[j * across + c * down + tap]. */
typedef struct fv_winograd_filter {
    const float *w, *end; /* end: behind the last element of all filters */
    float *gw;
    int64_t across, down, tap[2];
    int64_t columns, depth;
    float *planes; /* filter() writes, and unfilter() reads, whole vectors of made channels */
    int64_t plane, row;
    int64_t copies, copy; /* unfilter(): so many sums, so far apart, are added up in their order */
} fv_winograd_filter;

/* Rows are the first of the two dimensions. */
typedef struct fv_winograd_form {
    int m[2], r[2];
    void (*load)(const fv_winograd_move *job);       /* B' x B */
    void (*load_grad)(const fv_winograd_move *job);  /* A dy A' */
    void (*store)(const fv_winograd_move *job);      /* A' . A, and the epilogue */
    void (*filter)(const fv_winograd_filter *job);   /* G w G' */
    void (*unfilter)(const fv_winograd_filter *job); /* G' . G */
} fv_winograd_form;

/* m, r of the two dimensions. */
enum {
    FV_WINOGRAD_4_3,    /* 4 x 4 of 3 x 3 */
    FV_WINOGRAD_2_3,    /* 2 x 2 of 3 x 3: a tenth of the error, half the gain */
    FV_WINOGRAD_4_5,    /* 4 x 4 of 5 x 5 */
    FV_WINOGRAD_2_5,    /* 2 x 2 of 5 x 5 */
    FV_WINOGRAD_LINE_3, /* 1 x 6 of 1 x 3 */
    FV_WINOGRAD_FORMS
};

typedef struct fv_winograd_kernels {
    int lanes;
    fv_winograd_form form[FV_WINOGRAD_FORMS];
} fv_winograd_kernels;

FV_ISA_DECLARE(fv_winograd_kernels, fv_winograd_kernels_);

#endif
