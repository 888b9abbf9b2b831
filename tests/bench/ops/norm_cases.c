/* Batch norm, in training and in evaluation. */
#include "cases.h"

#define MEAN(c) CONSTANT(X(c))
#define VAR(c)  CONSTANT(POSITIVE(c))
#define TRAINED "F.batch_norm(x0, x1, x2, x3, x4, True)"

CASE(batch_norm, "training, 16 channels of 8x8", TRAINED, X(0, 16, 8, 8), MEAN(16), VAR(16), X(16),
     X(16), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true));
CASE(batch_norm, "training, 64 channels, pixels", TRAINED, X(16, 64, 32, 32), MEAN(64), VAR(64),
     X(64), X(64), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true));
CASE(batch_norm, "training, 512 channels of 4x4", TRAINED, X(32, 512, 4, 4), MEAN(512), VAR(512),
     X(512), X(512), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true));
CASE(batch_norm, "evaluation, 16 channels of 8x8", "F.batch_norm(x0, x1, x2, x3, x4)",
     X(0, 16, 8, 8), MEAN(16), VAR(16), X(16), X(16), fv_batch_norm(x[0], x[1], x[2], x[3], x[4]));
CASE(batch_norm, "training, rows of 32", TRAINED, X(0, 32), MEAN(32), VAR(32), X(32), X(32),
     fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true));
