/* Loops over independent units of work, on fv_parallel.
 *
 *     fv_parallel_ranges(machine, nanoseconds, units, range, &job);
 *
 * calls range(&job, first, last) for ranges that make up [0, units). Work that is not worth a
 * second thread is one range and a direct call, larger work one range a chunk (parallel.h). So this
 * is for loops whose bits do not depend on where they are cut; sums of several units are kept by
 * chunk and use fv_parallel itself. */
#ifndef FOVEA_TENSOR_RANGES_H
#define FOVEA_TENSOR_RANGES_H

#include "parallel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*fv_range_fn)(const void *job, int64_t first, int64_t last);

/* The chunks of a loop on several threads; fv_parallel_ranges decides. */
void fv_parallel_cut(int threads, double nanoseconds, int64_t units, fv_range_fn range,
                     const void *job);

/* nanoseconds: what all units take on one core. */
static inline __attribute__((always_inline)) void
fv_parallel_ranges(fv_machine machine, double nanoseconds, int64_t units, fv_range_fn range,
                   const void *job)
{
    int threads = fv_threads_for(machine, nanoseconds);
    if (threads <= 1)
        range(job, 0, units);
    else
        fv_parallel_cut(threads, nanoseconds, units, range, job);
}

#ifdef __cplusplus
}
#endif
#endif
