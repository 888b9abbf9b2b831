/* Convolutions with a kernel as large as its map, whose taps meet mostly padding where there is
 * any: k on k in one to three dimensions, without padding and with k / 2, and layers of networks
 * that are of this kind. Their cost should grow with the multiply-adds that meet the map. N images,
 * C and O channels. */
#include "cases.h"

#define WHOLE1D(N, C, O, k, pad)                                                                   \
    CASE(conv1d, "k on k, " #N ", " #C " to " #O ", " #k ", padding " #pad,                        \
         "F.conv1d(x0, x1, None, 1, " #pad ")", X(N, C, k), X(O, C, k),                            \
         fv_conv1d(x[0], x[1], .padding = pad));
#define WHOLE2D(N, C, O, k, pad)                                                                   \
    CASE(conv2d, "k on k, " #N ", " #C " to " #O ", " #k "^2, padding " #pad,                      \
         "F.conv2d(x0, x1, None, 1, " #pad ")", X(N, C, k, k), X(O, C, k, k),                      \
         fv_conv2d(x[0], x[1], .padding = pad));
#define WHOLE3D(N, C, O, k, pad)                                                                   \
    CASE(conv3d, "k on k, " #N ", " #C " to " #O ", " #k "^3, padding " #pad,                      \
         "F.conv3d(x0, x1, None, 1, " #pad ")", X(N, C, k, k, k), X(O, C, k, k, k),                \
         fv_conv3d(x[0], x[1], .padding = pad));

#include "whole_layers.inc"

/* --- layers of networks ----------------------------------------------------------------------- */
CASE(conv2d, "VGG's first linear layer", "F.conv2d(x0, x1)", X(16, 512, 7, 7), X(1024, 512, 7, 7),
     fv_conv2d(x[0], x[1]));
CASE(conv2d, "patches, 8, 3 to 384, 16^2/16", "F.conv2d(x0, x1, None, 16)", X(8, 3, 224, 224),
     X(384, 3, 16, 16), fv_conv2d(x[0], x[1], .stride = 16));
CASE(conv_transpose2d, "DCGAN's first layer", "F.conv_transpose2d(x0, x1)", X(128, 100, 1, 1),
     X(100, 1024, 4, 4), fv_conv_transpose2d(x[0], x[1]));
CASE(conv_transpose2d, "64, 128 to 64, 8^2 from 1^2", "F.conv_transpose2d(x0, x1)",
     X(64, 128, 1, 1), X(128, 64, 8, 8), fv_conv_transpose2d(x[0], x[1]));
