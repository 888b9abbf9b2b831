/* Networks of which receptive fields are published, as text: only kernels, strides and paddings
 * matter, so every map has one channel.
 *
 *     c7/2      convolution 7x7, stride 2, padded as TensorFlow's SAME does for the size at hand
 *     c1x7      kernel of 1 row and 7 columns           c3/2v     without padding (VALID)
 *     m3/2      max pooling                             a3        average pooling, padded in front
 *     p1,0      padding of rows and columns, before and after
 *     { A | B } branches of the same map, joined by channels
 *     + A | B > branches that are added; an empty one is the map itself
 *     4( A )    four times                              name:     the layers so far have that name
 *
 * Published by Araujo, Norris & Sim (2019), Computing Receptive Fields of Convolutional Neural
 * Networks; the networks are those of TF-Slim. */
#ifndef FOVEA_TESTS_PUBLISHED_NETWORKS_H
#define FOVEA_TESTS_PUBLISHED_NETWORKS_H

#include "fovea.h"

/* A field as it is published: size / stride / padding of the layer of that name. */
typedef struct published_field {
    const char *name;
    int size, stride, padding;
} published_field;

enum { PUBLISHED_LAYERS = 24 };

typedef struct published_network {
    const char *name, *text;
    published_field fields[PUBLISHED_LAYERS]; /* ends with name NULL */
} published_network;

const published_network *published_networks(int *count);

/* The network as a module: named layers are children of that name. NULL after an error. */
fv_module *published_module(const char *text);

#endif
