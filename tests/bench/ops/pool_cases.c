/* Pooling in one to three dimensions. */
#include "cases.h"

CASE(max_pool1d, "4", "F.max_pool1d(x0, 4)", X(0, 16, 64), fv_max_pool1d(x[0], 4));
CASE(max_pool2d, "2x2", "F.max_pool2d(x0, 2)", X(0, 16, 8, 8), fv_max_pool2d(x[0], 2));
CASE(max_pool2d, "3x3/2", "F.max_pool2d(x0, 3, 2)", X(0, 16, 8, 8), fv_max_pool2d(x[0], 3, 2));
CASE(max_pool2d, "2x2 of 64 channels", "F.max_pool2d(x0, 2)", X(64, 64, 32, 32),
     fv_max_pool2d(x[0], 2));
CASE(max_pool3d, "2x2x2", "F.max_pool3d(x0, 2)", X(0, 16, 4, 4, 4), fv_max_pool3d(x[0], 2));
CASE(avg_pool1d, "4", "F.avg_pool1d(x0, 4)", X(0, 16, 64), fv_avg_pool1d(x[0], 4));
CASE(avg_pool2d, "2x2", "F.avg_pool2d(x0, 2)", X(0, 16, 8, 8), fv_avg_pool2d(x[0], 2));
CASE(avg_pool2d, "3x3/2", "F.avg_pool2d(x0, 3, 2)", X(0, 16, 8, 8), fv_avg_pool2d(x[0], 3, 2));
CASE(avg_pool3d, "2x2x2", "F.avg_pool3d(x0, 2)", X(0, 16, 4, 4, 4), fv_avg_pool3d(x[0], 2));
CASE(adaptive_avg_pool1d, "to 1", "F.adaptive_avg_pool1d(x0, 1)", X(0, 16, 64),
     fv_adaptive_avg_pool1d(x[0], 1));
CASE(adaptive_avg_pool2d, "to 1x1", "F.adaptive_avg_pool2d(x0, 1)", X(0, 16, 8, 8),
     fv_adaptive_avg_pool2d(x[0], 1));
CASE(adaptive_avg_pool2d, "to 3x3", "F.adaptive_avg_pool2d(x0, 3)", X(0, 16, 8, 8),
     fv_adaptive_avg_pool2d(x[0], 3));
CASE(adaptive_avg_pool3d, "to 1x1x1", "F.adaptive_avg_pool3d(x0, 1)", X(0, 16, 4, 4, 4),
     fv_adaptive_avg_pool3d(x[0], 1));
CASE(adaptive_max_pool2d, "to 3x3", "F.adaptive_max_pool2d(x0, 3)", X(0, 16, 8, 8),
     fv_adaptive_max_pool2d(x[0], 3));
CASE(adaptive_max_pool1d, "to 7", "F.adaptive_max_pool1d(x0, 7)", X(0, 16, 64),
     fv_adaptive_max_pool1d(x[0], 7));
CASE(adaptive_max_pool3d, "to 3x3x3", "F.adaptive_max_pool3d(x0, 3)", X(0, 16, 4, 4, 4),
     fv_adaptive_max_pool3d(x[0], 3));
