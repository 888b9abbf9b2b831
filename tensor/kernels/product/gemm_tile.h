/* Register-tiled inner products: what matrix multiplication and convolution share.
 *
 * A tile keeps MR x NR sums in registers, MR rows in 3 groups and NR columns in a few vectors (the
 * sizes are the level's, isa_levels.h), and adds  A[row, k] * B[k, 0..NR)  for every k: one
 * broadcast of A a row, NR loads of B a step. Up to one vector of columns, two such tiles run side
 * by side, one above the other. The k range is
 * cut in segments of equal length: A jumps between segments by a table of offsets (the taps of a
 * convolution), B runs on or has a table as well (where taps are left out).
 *
 *         B  k=0  [ NR columns ]        rows form: A[row, k] = a[group + row * a_rs + seg + k]
 *            k=1  [ NR columns ]        columns form: A[row, k] = a[row + seg + k * a_cs]
 *   A  k->   .
 *   row 0 [..]   C tile
 *   row 1 [..]
 */
#ifndef FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_TILE_H
#define FOVEA_TENSOR_KERNELS_PRODUCT_GEMM_TILE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"

enum { FV_TILE_GROUPS = 3 };

/* Steps of k: a panel of B that comes from beyond the second cache is fetched so far ahead. */
enum { FV_TILE_AHEAD = 32 };

/* Steps of k: sums of so few are less work than writing them. */
enum { FV_TILE_SHORT = 64 };

/* A group of consecutive rows; all counts are in elements. Only rows [skip, skip + keep) of it are
 * stored, but all of them are read. */
typedef struct fv_tile_group {
    int64_t a; /* of the group's first row */
    int64_t c;
    int32_t skip, keep;
} fv_tile_group;

/* What becomes of finished sums: relu(c * scale + shift + residual); NULL leaves a part out. */
typedef struct fv_tile_finish {
    const void *scale, *shift; /* [columns] */
    const void *residual;      /* laid out like c */
    bool relu;
} fv_tile_finish;

/* One panel of B against many groups of rows of A. */
typedef struct fv_tile_rows {
    const void *a;
    int64_t a_rs;
    const fv_tile_group *groups;
    int64_t group_count;
    const int64_t *segments; /* offset of each segment in A */
    const int64_t *steps;    /* k of its first row of B; NULL: segments of B follow each other */
    int64_t segment_count, length;
    const void *b; /* step k at b + k * b_ld; the columns rounded up to vectors are readable */
    int64_t b_ld;
    int64_t b_ahead; /* from an element of B to one that is fetched at the same time for later */
    void *c;
    int64_t c_rs;
    int64_t columns;  /* 1..NR */
    const void *bias; /* [columns] or NULL */
    bool accumulate;
    const fv_tile_finish *finish; /* of the last call for these sums, or NULL */
} fv_tile_rows;

/* One panel of B against `rows` rows of A that lie side by side. The rows rounded up to a group
 * are readable. */
typedef struct fv_tile_columns {
    const void *a;
    int64_t a_cs;
    int64_t
        a_tile; /* from one tile of MR rows to the next: MR, or more when A is packed in tiles */
    int64_t rows;
    const int64_t *segments, *steps;
    int64_t segment_count, length;
    const void *b;
    int64_t b_ld;
    void *c;
    int64_t c_rs;
    int64_t columns;
    const void *bias;
    bool accumulate;
} fv_tile_columns;

/* The same for rows that all lie evenly apart and whole vectors of columns, in `planes` products
 * one after the other: less to begin a tile with, which counts where sums are short. C may lie over
 * A, in rows as far apart: a tile has read its rows when it writes them. The rows of A rounded up
 * to a group are readable. */
typedef struct fv_tile_planes {
    const void *a;
    int64_t a_rs, a_plane; /* between rows; between planes */
    const void *b;
    int64_t b_ld, b_plane;
    void *c;
    int64_t c_rs, c_plane;
    int64_t planes, rows, length;
    int64_t columns; /* one vector, or NR */
} fv_tile_planes;

/* Products of rows with rows, for matrices of few columns or rows, which would leave most of a tile
 * empty: c[i * c_i + j * c_j] += or = sum over k of x[i * x_rs + k] * y[j * y_rs + k], + bias. */
typedef struct fv_tile_dots {
    const void *x;
    int64_t x_rs, x_count;
    const void *y;
    int64_t y_rs, y_count;
    int64_t length;
    void *c;
    int64_t c_i, c_j;
    const void *bias; /* at i * bias_i + j * bias_j, or NULL */
    int64_t bias_i, bias_j;
    bool accumulate;
} fv_tile_dots;

/* What becomes of sums whose parts lie apart: c = relu(c + from[0] + from[1] + ...), added in that
 * order, the relu if asked for. */
typedef struct fv_tile_sums {
    void *c;
    int64_t c_rs, rows, columns;
    const void *from; /* [count][rows, columns], `apart` elements from one to the next */
    int64_t apart, count;
    bool relu;
} fv_tile_sums;

/* Rows of a block of A and columns of one of B, at most. */
enum { FV_TILE_BLOCK_M = 240, FV_TILE_BLOCK_N = 512 };

/* Index 0: float, 1: double. */
typedef struct fv_tile_kernels {
    int group, mr; /* rows of a group, rows of a tile */
    int lanes[2];  /* elements of a vector */
    int nr[2];     /* columns of a tile */
    int kc;        /* steps of k for which a panel of B stays in the first cache */
    int mc, nc[2]; /* blocks in whole tiles */
    void (*rows[2])(const fv_tile_rows *job);
    void (*columns[2])(const fv_tile_columns *job);
    void (*planes[2])(const fv_tile_planes *job);
    void (*dots[2])(const fv_tile_dots *job);
    void (*sums[2])(const fv_tile_sums *job);
} fv_tile_kernels;

FV_ISA_DECLARE(fv_tile_kernels, fv_tile_kernels_);

#endif
