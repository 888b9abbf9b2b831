/* Softmax and log-softmax over the last, the first and the channel dimension. */
#include "cases.h"

#define SHAPED(op, torch, call)                                                                    \
    CASE(op, "rows of 10", torch "(x0, 1)", X(0, 10), call(x[0], 1));                              \
    CASE(op, "rows of 256", torch "(x0, 1)", X(0, 256), call(x[0], 1));                            \
    CASE(op, "columns", torch "(x0, 0)", X(32, 0), call(x[0], 0));                                 \
    CASE(op, "channels of images", torch "(x0, 1)", X(0, 16, 8, 8), call(x[0], 1))

SHAPED(softmax, "F.softmax", fv_softmax);
SHAPED(log_softmax, "F.log_softmax", fv_log_softmax);
