/* Batch norm with the statistics of all ranks. Private to nn/. */
#ifndef FOVEA_NN_PARALLEL_SYNC_NORM_IMPL_H
#define FOVEA_NN_PARALLEL_SYNC_NORM_IMPL_H

#include "autograd/ops/norm/norm.h"

/* fv_batch_norm of these arguments; in training, on several ranks, as if their inputs were one. */
fv_tensor *fv_sync_batch_norm(const fv_batch_norm_args *a);

#endif
