/* Layers of convolution: of residual and other networks, few channels, groups, one to three
 * dimensions, transposed, batch 1. N images, C and O channels. */
#include "cases.h"

#define CONV2D(N, C, O, map, k, pad, step)                                                         \
    CASE(conv2d, #N ", " #map "^2, " #C " to " #O ", " #k "x" #k "/" #step,                        \
         "F.conv2d(x0, x1, None, " #step ", " #pad ")", X(N, C, map, map), X(O, C, k, k),          \
         fv_conv2d(x[0], x[1], .stride = step, .padding = pad))
#define GROUPED(N, C, map, g)                                                                      \
    CASE(conv2d, #N ", " #map "^2, " #C " channels in " #g " groups, 3x3",                         \
         "F.conv2d(x0, x1, None, 1, 1, 1, " #g ")", X(N, C, map, map), X(C, C / g, 3, 3),          \
         fv_conv2d(x[0], x[1], .padding = 1, .groups = g))
#define TRANSPOSED(N, C, O, map, k, pad, step)                                                     \
    CASE(conv_transpose2d, #N ", " #map "^2, " #C " to " #O ", " #k "x" #k "/" #step,              \
         "F.conv_transpose2d(x0, x1, None, " #step ", " #pad ")", X(N, C, map, map),               \
         X(C, O, k, k), fv_conv_transpose2d(x[0], x[1], .stride = step, .padding = pad))
#define CONV1D(N, C, O, length, k, d)                                                              \
    CASE(conv1d, #N ", " #length ", " #C " to " #O ", " #k ", dilation " #d,                       \
         "F.conv1d(x0, x1, None, 1, " #d " * (" #k " // 2), " #d ")", X(N, C, length), X(O, C, k), \
         fv_conv1d(x[0], x[1], .padding = d * (k / 2), .dilation = d))
#define CONV3D(N, C, O, depth, map)                                                                \
    CASE(conv3d, #N ", " #depth "x" #map "^2, " #C " to " #O ", 3x3x3",                            \
         "F.conv3d(x0, x1, None, 1, 1)", X(N, C, depth, map, map), X(O, C, 3, 3, 3),               \
         fv_conv3d(x[0], x[1], .padding = 1))

/* --- 3x3 -------------------------------------------------------------------------------------- */
CONV2D(32, 64, 64, 32, 3, 1, 1);
CONV2D(32, 128, 128, 16, 3, 1, 1);
CONV2D(32, 256, 256, 8, 3, 1, 1);
CONV2D(32, 512, 512, 4, 3, 1, 1);
CONV2D(128, 16, 16, 32, 3, 1, 1);
CONV2D(128, 32, 32, 16, 3, 1, 1);
CONV2D(128, 64, 64, 8, 3, 1, 1);
CONV2D(64, 512, 512, 2, 3, 1, 1);
CONV2D(8, 64, 64, 56, 3, 1, 1);
CONV2D(16, 192, 384, 13, 3, 1, 1);
CONV2D(16, 384, 256, 13, 3, 1, 1);
CONV2D(8, 16, 16, 128, 3, 1, 1);

/* --- strides, 1x1, larger kernels ------------------------------------------------------------- */
CONV2D(32, 64, 128, 32, 3, 1, 2);
CONV2D(32, 128, 256, 16, 3, 1, 2);
CONV2D(32, 64, 128, 32, 1, 0, 2);
CONV2D(32, 64, 64, 32, 1, 0, 1);
CONV2D(32, 256, 256, 8, 1, 0, 1);
CONV2D(64, 512, 512, 4, 1, 0, 1);
CONV2D(16, 64, 192, 27, 5, 2, 1);
CONV2D(128, 6, 16, 14, 5, 0, 1);
CONV2D(16, 3, 64, 224, 11, 2, 4);
CONV2D(8, 3, 384, 224, 16, 0, 16);
CONV2D(16, 512, 4096, 7, 7, 0, 1);

/* --- few channels, groups, depthwise ---------------------------------------------------------- */
CONV2D(128, 3, 6, 32, 5, 0, 1);
CONV2D(32, 1, 64, 32, 3, 1, 1);
CONV2D(32, 3, 64, 32, 3, 1, 1);
CONV2D(32, 4, 64, 32, 3, 1, 1);
CONV2D(32, 6, 64, 32, 3, 1, 1);
CONV2D(32, 8, 64, 32, 3, 1, 1);
CONV2D(32, 16, 64, 32, 3, 1, 1);
CONV2D(32, 64, 3, 32, 3, 1, 1);
GROUPED(32, 128, 32, 32);
GROUPED(32, 128, 16, 32);
GROUPED(32, 128, 16, 16);
GROUPED(32, 128, 16, 8);
GROUPED(32, 64, 32, 64);
GROUPED(32, 512, 8, 512);
GROUPED(64, 512, 2, 512);
GROUPED(4, 64, 112, 64);

/* --- batch 1 ---------------------------------------------------------------------------------- */
CONV2D(1, 64, 64, 56, 3, 1, 1);
CONV2D(1, 128, 128, 28, 3, 1, 1);
CONV2D(1, 256, 256, 14, 3, 1, 1);
CONV2D(1, 512, 512, 7, 3, 1, 1);
CONV2D(1, 64, 64, 32, 3, 1, 1);
CONV2D(1, 128, 128, 16, 3, 1, 1);
CONV2D(1, 256, 256, 8, 3, 1, 1);
CONV2D(1, 512, 512, 4, 3, 1, 1);

/* --- transposed ------------------------------------------------------------------------------- */
TRANSPOSED(64, 256, 128, 4, 4, 1, 2);
TRANSPOSED(64, 128, 64, 8, 4, 1, 2);
TRANSPOSED(64, 64, 3, 16, 4, 1, 2);
TRANSPOSED(64, 100, 256, 1, 4, 0, 1);
TRANSPOSED(128, 100, 1024, 1, 4, 0, 1);
TRANSPOSED(64, 128, 64, 1, 8, 0, 1);
TRANSPOSED(8, 64, 32, 32, 2, 0, 2);
TRANSPOSED(1, 64, 32, 16, 4, 1, 2);

/* --- one and three dimensions ----------------------------------------------------------------- */
CONV1D(8, 32, 32, 4096, 3, 1);
CONV1D(8, 32, 32, 4096, 3, 64);
CONV1D(8, 64, 64, 4096, 9, 1);
CONV1D(64, 128, 128, 495, 3, 1);
CONV1D(1, 32, 32, 1024, 3, 1);
CASE(conv1d, "64, 8000, 1 to 128, 80/4", "F.conv1d(x0, x1, None, 4)", X(64, 1, 8000), X(128, 1, 80),
     fv_conv1d(x[0], x[1], .stride = 4));
CASE(conv_transpose1d, "8, 1024, 32 to 16, 4/2", "F.conv_transpose1d(x0, x1, None, 2, 1)",
     X(8, 32, 1024), X(32, 16, 4), fv_conv_transpose1d(x[0], x[1], .stride = 2, .padding = 1));
CASE(conv_transpose3d, "2, 4x8^2, 32 to 16, 2x2x2/2", "F.conv_transpose3d(x0, x1, None, 2)",
     X(2, 32, 4, 8, 8), X(32, 16, 2, 2, 2), fv_conv_transpose3d(x[0], x[1], .stride = 2));
CONV3D(8, 64, 64, 8, 28);
CONV3D(2, 32, 64, 16, 56);
CONV3D(8, 3, 32, 8, 56);
