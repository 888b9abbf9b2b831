/* Data sets whose samples chance changes, and what their epochs hold, for the tests of sets that
 * are made of others. */
#ifndef FOVEA_TESTS_DATA_SETS_H
#define FOVEA_TESTS_DATA_SETS_H

#include "support.h"

enum { N = 40, SIDE = 12, PIXELS = SIDE * SIDE };

/* Images of random pixels, labels first, first + 1, ... */
fv_dataset *images_from(int64_t first, int64_t n, int64_t crop, bool flip);
fv_dataset *augmented(int64_t n);

/* A set in C around another one, of whose samples `gets` (1 or 2) make one of it. Takes over the
 * base. */
fv_dataset *wrapped(fv_dataset *base, int gets);

/* Where the samples of an epoch go, by their label. */
typedef struct epoch {
    float pixels[2 * N][2 * PIXELS];
    int count[2 * N];
} epoch;

void read_epoch(fv_loader *loader, epoch *e);

#endif
