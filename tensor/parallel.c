/* The parallel loop on OpenMP. */
#include "tensor/parallel.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Waking a thread costs about a microsecond; below some ten the second core does not pay. */
int fv_threads_for(fv_machine machine, double nanoseconds)
{
    const double worth = 12000.0;
    if (nanoseconds < worth) return 1;
    double wanted = nanoseconds / (worth / 2);
    return wanted < machine.threads ? (int)wanted : machine.threads;
}

int64_t fv_chunks_for(double nanoseconds, int64_t units)
{
    int64_t chunks = nanoseconds < 128e3 ? (int64_t)(nanoseconds / 4000.0) : 32;
    if (chunks > units) chunks = units;
    return chunks < 1 ? 1 : chunks;
}

void fv_parallel(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
#ifdef _OPENMP
    if (threads > 1 && chunks > 1 && !omp_in_parallel()) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int64_t chunk = 0; chunk < chunks; chunk++) body(job, chunk, omp_get_thread_num());
        return;
    }
#else
    (void)threads;
#endif
    for (int64_t chunk = 0; chunk < chunks; chunk++) body(job, chunk, 0);
}
