/* A data set of callbacks whose samples are a number and its square, some of them bad ones. */
#ifndef FOVEA_TESTS_SQUARES_H
#define FOVEA_TESTS_SQUARES_H

#include "support.h"

typedef struct squares {
    int64_t length;
    int64_t bad_shape, bad_dtype, failing, without_y; /* sample numbers, -1: none */
    int released;
} squares;

#define SQUARES(n)                                                                                 \
    {                                                                                              \
        .length = (n), .bad_shape = -1, .bad_dtype = -1, .failing = -1, .without_y = -1            \
    }

int64_t squares_length(void *context);

/* x = [i, i * i], y = i. */
fv_status squares_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y);

/* Notes its release. */
fv_dataset *squares_set(squares *s);

#endif
