/* Optimizers, whose step over one tensor is timed. */
#ifndef FOVEA_BENCH_OPS_OPTIMIZERS_H
#define FOVEA_BENCH_OPS_OPTIMIZERS_H

#include <fovea.h>

typedef struct bench_optimizer {
    const char *name, *torch; /* an expression of x0 */
    fv_optim *(*make)(fv_tensor_list params);
} bench_optimizer;

const bench_optimizer *bench_optimizers(int *count);

#endif
