/* The layers of `choices`, the same ones in every run:
 *
 *   network   the rows of ops/conv_layers.inc
 *   whole     kernels as large as their map: the rows of ops/whole_layers.inc
 *   grid      nine maps with the channels that residual networks have there, six kernels, batches
 * of 1, 4 and 32 drawn     anything else that is legal: drawn from lists of sizes, by a seed that
 * is a constant
 *
 * Layers of more than 2.5e9 products (1e9 of the drawn ones) are left out. A transposed convolution
 * stands as the convolution whose input gradient it is. */
#ifndef FOVEA_BENCH_CHOICES_LAYERS_H
#define FOVEA_BENCH_CHOICES_LAYERS_H

#include "tensor/kernels/conv/conv.h"

typedef struct choices_layer {
    char text[96]; /* "grid/007 32, 56x56, 64 to 128, 3x3/2, padding 1" */
    fv_conv_geometry g;
} choices_layer;

/* All, `count` of them. */
const choices_layer *choices_layers(int *count);

#endif
