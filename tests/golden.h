/* Stored PyTorch values: what golden_inputs.c writes and test_ops_golden.c reads. */
#ifndef FOVEA_TESTS_GOLDEN_H
#define FOVEA_TESTS_GOLDEN_H

#include <stdlib.h>

#include "support.h"

/* A number that changes with the inputs and the expression, so that values stored for others are
 * found out. */
static inline uint64_t golden_fingerprint(const op_case *c)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        double *values = case_values(c, i);
        int64_t count = fv_shape_numel(&c->in[i].shape);
        const unsigned char *bytes = (const unsigned char *)values;
        for (size_t k = 0; k < (size_t)count * sizeof(double); k++)
            hash = (hash ^ bytes[k]) * 0x100000001b3u;
        free(values);
    }
    for (const char *t = c->torch; t && *t; t++) hash = (hash ^ (unsigned char)*t) * 0x100000001b3u;
    return hash;
}

#endif
