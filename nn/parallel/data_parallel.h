/* Training on many processes, each with its part of every batch.
 *
 *     fv_init_process_group();
 *     fv_loader *batches = fv_loader_new(set, 128, .shuffle = true, .seed = 0,
 *                                        .num_replicas = fv_get_world_size(), .rank =
 * fv_get_rank()); fv_module *net = ...; fv_data_parallel *parallel =
 * fv_distributed_data_parallel(net);
 *     ...                             the program that trains on one process: fv_backward leaves in
 *     ...                             .grad the average over all ranks, so clipping and fv_step see
 *     ...                             the same numbers everywhere
 *     fv_free(parallel);
 *     fv_destroy_process_group();
 *
 * What the ranks compute is what one process would with the batches of all in one (up to rounding),
 * if the loss is an average and the parts are of one size; weights are the same on all ranks, bit
 * for bit. Gradients travel in buckets, in the reverse order of registration, each as soon as it is
 * full, while backward goes on. */
#ifndef FOVEA_NN_PARALLEL_DATA_PARALLEL_H
#define FOVEA_NN_PARALLEL_DATA_PARALLEL_H

#include "../../tensor/args.h"
#include "../module.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_data_parallel fv_data_parallel;

typedef struct fv_distributed_data_parallel_args {
    size_t size;
    fv_module *module;
    double bucket_cap_mb;   /* 25: MiB of gradients in a bucket; the first has 1 at most */
    bool broadcast_buffers; /* true: after each backward all ranks have rank 0's buffers */
    bool bfloat16;          /* gradients travel as bfloat16: half the bytes, 8 bits of precision */
} fv_distributed_data_parallel_args;
#define FV_DISTRIBUTED_DATA_PARALLEL_DEFAULTS                                                      \
    FV_DEFAULTS(fv_distributed_data_parallel_args, .bucket_cap_mb = 25.0, .broadcast_buffers = true)
extern const fv_distributed_data_parallel_args fv_distributed_data_parallel_defaults;

/* Together: parameters and buffers become those of rank 0; from now on a backward through the
 * network averages its gradients over the ranks. All ranks run as many of them, and in the same
 * order where there are several networks. A parameter that a rank does not use in a pass counts as
 * a gradient of 0 there; one that no rank uses keeps the .grad that it has. Freeze parameters
 * before.
 * Errors (NULL): no module or one without parameters that want a gradient; another network on some
 * rank (names, shapes, types: the message says the first); a bucket_cap_mb that is not above 0;
 * a group that has failed; memory. fv_backward fails with FV_ERR_PEER as distributed.h says, and
 * when one backward completes a parameter twice (a pass inside a pass).
 * Source: torch.nn.parallel.DistributedDataParallel; its bf16_compress_hook. */
fv_data_parallel *fv_distributed_data_parallel_ex(const fv_distributed_data_parallel_args *a);
#define fv_distributed_data_parallel(...)                                                          \
    FV_CALL(fv_distributed_data_parallel_ex, fv_distributed_data_parallel_args,                    \
            FV_DISTRIBUTED_DATA_PARALLEL_DEFAULTS, __VA_ARGS__)

/* Takes the hooks off; the network stays. NULL is fine. */
void fv_data_parallel_free(fv_data_parallel *parallel);

/* Off: a backward leaves gradients with their rank, where the next ones add up; the first backward
 * after it is on again averages the sums. Returns the setting before.
 * Source: DistributedDataParallel.require_backward_grad_sync. */
bool fv_set_grad_sync(fv_data_parallel *parallel, bool on);

typedef struct fv_sync_mode {
    fv_data_parallel *parallel; /* private */
    bool before;
} fv_sync_mode;
/* What FV_NO_SYNC is made of; close takes NULL. */
fv_sync_mode fv_sync_mode_open(fv_data_parallel *parallel, bool on);
void fv_sync_mode_close(fv_sync_mode *mode);

/* FV_NO_SYNC(parallel); is a declaration: no averaging from here to the end of the block.
 * Source: DistributedDataParallel.no_sync. */
#define FV_NO_SYNC(parallel)           FV_NO_SYNC_1(parallel, __COUNTER__)
#define FV_NO_SYNC_1(parallel, number) FV_NO_SYNC_2(parallel, number)
#define FV_NO_SYNC_2(parallel, number)                                                             \
    fv_sync_mode fv_no_sync_##number                                                               \
        __attribute__((__cleanup__(fv_sync_mode_close), __unused__)) =                             \
            fv_sync_mode_open((parallel), false)

/* For ranks with fewer batches than others, at the end of an epoch, on every rank:
 *
 *     while (fv_join(parallel)) fv_step(opt);        and whatever else follows a backward
 *
 * Takes part in a backward of the ranks that still have batches. True when there was one: .grad
 * has its average over all ranks then, those without batches counting as 0, and a step keeps
 * weights and momentum the same everywhere. False when all ranks have come here, and after an
 * error. Not with synchronised batch norm, whose forward needs all ranks.
 * Source: torch.distributed.algorithms.Join. */
bool fv_join(fv_data_parallel *parallel);

/* What the averaging has cost so far, in seconds; NULL: zeros. */
typedef struct fv_data_parallel_times {
    int64_t passes;       /* that averaged */
    int64_t bytes;        /* of gradients */
    double communication; /* while some bucket was under way */
    double waited;        /* of that, after backward: the rest was hidden behind it */
} fv_data_parallel_times;
fv_data_parallel_times fv_data_parallel_get_times(const fv_data_parallel *parallel);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
