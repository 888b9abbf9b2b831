/* The networks of compare.sh: each with its batch and the shapes of one sample and its target.
 *
 * pytorch_networks.py has the same ones with their parameters in the same order. */
#ifndef FOVEA_BENCH_NETWORKS_H
#define FOVEA_BENCH_NETWORKS_H

#include <fovea.h>

typedef struct bench_network {
    const char *name;
    int64_t batch;
    fv_shape input;  /* of a sample */
    fv_shape target; /* of a sample: FV_SCALAR for one class a sample */
    int64_t classes; /* the loss is cross-entropy of so many; 0: mean squared error */
    double lr;       /* with which the first steps change the loss by some percent */
    fv_module *(*make)(void);
} bench_network;

/* The networks in the order of the table, `count` of them. */
const bench_network *bench_networks(int *count);

/* NULL when there is none of that name. */
const bench_network *bench_find_network(const char *name);

#endif
