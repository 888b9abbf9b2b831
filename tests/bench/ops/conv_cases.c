/* Layers of convolution: the rows of conv_layers.inc. */
#include "cases.h"

#define CONV2D(N, C, O, map, k, pad, step)                                                         \
    CASE(conv2d, #N ", " #map "^2, " #C " to " #O ", " #k "x" #k "/" #step,                        \
         "F.conv2d(x0, x1, None, " #step ", " #pad ")", X(N, C, map, map), X(O, C, k, k),          \
         fv_conv2d(x[0], x[1], .stride = step, .padding = pad));
#define GROUPED(N, C, map, g)                                                                      \
    CASE(conv2d, #N ", " #map "^2, " #C " channels in " #g " groups, 3x3",                         \
         "F.conv2d(x0, x1, None, 1, 1, 1, " #g ")", X(N, C, map, map), X(C, C / g, 3, 3),          \
         fv_conv2d(x[0], x[1], .padding = 1, .groups = g));
#define TRANSPOSED(N, C, O, map, k, pad, step)                                                     \
    CASE(conv_transpose2d, #N ", " #map "^2, " #C " to " #O ", " #k "x" #k "/" #step,              \
         "F.conv_transpose2d(x0, x1, None, " #step ", " #pad ")", X(N, C, map, map),               \
         X(C, O, k, k), fv_conv_transpose2d(x[0], x[1], .stride = step, .padding = pad));
#define CONV1D(N, C, O, length, k, d)                                                              \
    CASE(conv1d, #N ", " #length ", " #C " to " #O ", " #k ", dilation " #d,                       \
         "F.conv1d(x0, x1, None, 1, " #d " * (" #k " // 2), " #d ")", X(N, C, length), X(O, C, k), \
         fv_conv1d(x[0], x[1], .padding = d * (k / 2), .dilation = d));
#define CONV3D(N, C, O, depth, map)                                                                \
    CASE(conv3d, #N ", " #depth "x" #map "^2, " #C " to " #O ", 3x3x3",                            \
         "F.conv3d(x0, x1, None, 1, 1)", X(N, C, depth, map, map), X(O, C, 3, 3, 3),               \
         fv_conv3d(x[0], x[1], .padding = 1));
#define STRIDED1D(N, C, O, length, k, step)                                                        \
    CASE(conv1d, #N ", " #length ", " #C " to " #O ", " #k "/" #step,                              \
         "F.conv1d(x0, x1, None, " #step ")", X(N, C, length), X(O, C, k),                         \
         fv_conv1d(x[0], x[1], .stride = step));
#define TRANSPOSED1D(N, C, O, length, k, pad, step)                                                \
    CASE(conv_transpose1d, #N ", " #length ", " #C " to " #O ", " #k "/" #step,                    \
         "F.conv_transpose1d(x0, x1, None, " #step ", " #pad ")", X(N, C, length), X(C, O, k),     \
         fv_conv_transpose1d(x[0], x[1], .stride = step, .padding = pad));
#define TRANSPOSED3D(N, C, O, depth, map, k, step)                                                 \
    CASE(conv_transpose3d,                                                                         \
         #N ", " #depth "x" #map "^2, " #C " to " #O ", " #k "x" #k "x" #k "/" #step,              \
         "F.conv_transpose3d(x0, x1, None, " #step ")", X(N, C, depth, map, map),                  \
         X(C, O, k, k, k), fv_conv_transpose3d(x[0], x[1], .stride = step));

#include "conv_layers.inc"
