/* What `ops` times: calls of ops as a user writes them, in the form of tests/case.h.
 *
 * A length of 0 in the shape of an input stands for what makes its elements as many as a size of
 * the benchmark: X(0, 32) has 32 columns. A case without one has the sizes that it says. */
#ifndef FOVEA_BENCH_OPS_CASES_H
#define FOVEA_BENCH_OPS_CASES_H

#include <fovea.h>

#include "tests/case.h"

enum { VARIANT_SIZES = 3 };

/* A case, or an optimizer, with everything settled. */
typedef struct variant {
    const op_case *call; /* or NULL */
    fv_optim *(*optimizer)(fv_tensor_list params);
    const char *family, *op, *name, *torch;
    int64_t n; /* elements; 0: the case says */
    fv_dtype dtype;
} variant;

/* Number i of all, or false behind the last. */
bool variant_at(int i, variant *v);

/* Does its first input lie in channels-last order? PyTorch is tried in both. */
bool variant_is_ordered(const variant *v);

/* The shape of input i. */
fv_shape variant_shape(const variant *v, int i);

#endif
