/* What the files of the parallel loop share: the engines behind it, one file each. */
#ifndef FOVEA_TENSOR_PARALLEL_IMPL_H
#define FOVEA_TENSOR_PARALLEL_IMPL_H

#include <stdbool.h>

#include "tensor/parallel.h"

/* More are never asked for. */
enum { FV_MAX_THREADS = 4096 };

/* An engine runs the loop for threads > 1 and chunks > 1 and returns true; or it calls nothing and
 * returns false, and the caller loops alone. */
typedef bool fv_parallel_engine(int threads, int64_t chunks, fv_parallel_fn body, void *job);
fv_parallel_engine fv_pool_run, fv_openmp_run;

/* "pool", "openmp", or "none" where every loop is the caller's. */
const char *fv_parallel_engine_name(void);

/* In the child of a fork: the workers that the parent had are gone. */
void fv_pool_after_fork(void);

/* Is this thread inside a parallel region of OpenMP, the user's own included? Also answered, like
 * the following, in a build without OpenMP when the program has it. */
bool fv_openmp_in_parallel(void);

/* The hardware threads that OpenMP knows, 0 without OpenMP. More than this thread's affinity mask
 * has where OpenMP pinned it (OMP_PROC_BIND, OMP_PLACES). */
int fv_openmp_procs(void);

/* Sets allowed[cpu] for each cpu < cpus that belongs to one of OpenMP's places. */
void fv_openmp_places(bool *allowed, int cpus);

#endif
