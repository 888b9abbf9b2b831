/* Many processes that train together: who they are, and what they do together.
 *
 *     int main(void)
 *     {
 *         fv_init_process_group();                    mpirun -np 4 program
 *         ... fv_get_rank() of fv_get_world_size() ...
 *         fv_destroy_process_group();
 *     }
 *
 * A program that nobody started by mpirun is rank 0 of 1, and everything here is done at once. How
 * to train in this way: data_parallel.h; hosts, cores and costs: README.md beside it.
 *
 * All ranks call the functions marked "together", in the same order. A rank that was killed or
 * stopped, has left or cannot go on ends every such call on all other ranks with FV_ERR_PEER within
 * the timeout. The group is of no use after that; what may follow is fv_clear_error, saving a
 * checkpoint, and fv_destroy_process_group. */
#ifndef FOVEA_NN_PARALLEL_DISTRIBUTED_H
#define FOVEA_NN_PARALLEL_DISTRIBUTED_H

#include "../../tensor/args.h"
#include "../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_init_process_group_args {
    size_t size;
    double timeout; /* 15: seconds of silence after which a rank counts as gone */
} fv_init_process_group_args;
#define FV_INIT_PROCESS_GROUP_DEFAULTS FV_DEFAULTS(fv_init_process_group_args, .timeout = 15.0)
extern const fv_init_process_group_args fv_init_process_group_defaults;

/* Together: the ranks that mpirun or srun has started become the group of this process; MPI is
 * initialised here and nowhere else. Without mpirun it does nothing.
 * Errors: started by mpirun and built without MPI; a group that is there already; a timeout that is
 * not above 0; MPI's own.  Source: torch.distributed.init_process_group. */
fv_status fv_init_process_group_ex(const fv_init_process_group_args *a);
#define fv_init_process_group(...)                                                                 \
    FV_CALL(fv_init_process_group_ex, fv_init_process_group_args, FV_INIT_PROCESS_GROUP_DEFAULTS,  \
            __VA_ARGS__)

/* Together: leaves the group; waits for the others, who leave as well. After a failure it waits at
 * most until the rank that writes (fv_is_writer) has left, which ends the job: mpirun stops what
 * does not end by itself. Without a group it does nothing.
 * Errors: what the group has failed of.  Source: torch.distributed.destroy_process_group. */
fv_status fv_destroy_process_group(void);

/* 0 and 1 without a group.  Source: torch.distributed.get_rank, get_world_size. */
int fv_get_rank(void);
int fv_get_world_size(void);

/* Is this the rank that writes files: rank 0, or when that is gone the lowest one that is alive? */
bool fv_is_writer(void);

/* Can ranks be processes: was the library built with MPI?
 * Source: torch.distributed.is_mpi_available. */
bool fv_is_mpi_available(void);

/* --- together --------------------------------------------------------------------------------- */

/* Returns when all ranks have called it.  Source: torch.distributed.barrier. */
fv_status fv_barrier(void);

/* t becomes the sum of the t of all ranks, added in the order of the ranks: all have the same bits.
 * float32, float64, bfloat16 (added in float32) and int64; t may have any memory order.
 * Gradient: none, see fv_all_reduce. Errors: another dtype, a group that has failed, memory.
 * Source: torch.distributed.all_reduce. */
fv_status fv_all_reduce_(fv_tensor *t);

/* The same as a new tensor, for a forward pass: float32 and float64. After an error, which stands,
 * its values mean nothing.   Gradient: the sum of the gradients of all ranks (twice
 * differentiable), so all ranks run the same backward. Source:
 * torch.distributed.nn.functional.all_reduce. */
fv_tensor *fv_all_reduce(fv_tensor *x);

/* t becomes that of rank src; any dtype.
 * Errors: a rank that is not there, a group that has failed, memory.
 * Source: torch.distributed.broadcast. */
fv_status fv_broadcast_(fv_tensor *t, int src);

/* Is it true on some rank? For what all must do at the same step because one has seen a signal or
 * a limit. True as well after an error. */
bool fv_any_rank(bool here);

/* --- ranks that are threads ------------------------------------------------------------------- */

typedef void (*fv_rank_fn)(int rank, void *context);

typedef struct fv_spawn_args {
    size_t size;
    fv_rank_fn function;
    int64_t nprocs;
    void *context;
    double timeout; /* 15, as fv_init_process_group */
} fv_spawn_args;
#define FV_SPAWN_DEFAULTS FV_DEFAULTS(fv_spawn_args, .timeout = 15.0)
extern const fv_spawn_args fv_spawn_defaults;

/* fv_spawn(train, 4, &settings): runs train(rank, &settings) on as many threads as ranks, which are
 * a group of their own, without MPI: for tests and to try programs out. The generator of
 * fv_manual_seed is common to them. Returns when all have.
 * Errors: no function; less than 1 or more than 1024 ranks; a timeout that is not above 0; memory,
 * threads; the error with which the first rank ended that has one.
 * Source: torch.multiprocessing.spawn. */
fv_status fv_spawn_ex(const fv_spawn_args *a);
#define fv_spawn(...) FV_CALL(fv_spawn_ex, fv_spawn_args, FV_SPAWN_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
