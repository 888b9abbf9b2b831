/* The one parallel primitive: a loop over chunks.
 *
 *     fv_parallel(threads, chunks, body, &job);      calls body(&job, chunk, slot)
 *
 * once for every chunk in [0, chunks), on at most `threads` threads, and returns when all are done.
 * slot < threads tells apart what runs at the same time: scratch is laid out by slot. The number of
 * chunks and their borders come from shapes alone, never from the number of threads, and sums are
 * kept by chunk and added in chunk order; so the bits of a result depend neither on the threads nor
 * on what else the machine does.
 *
 * With one thread, one chunk, inside another body, or inside a parallel region of the user's own
 * OpenMP code it is a plain loop without a system call. There is no barrier in a body: two phases
 * are two calls. A library that brings threads of its own (BLIS) is called with one thread inside a
 * body: its threads would wait for the next call on cores that the loop needs.
 *
 * Two engines can run it, and FOVEA_THREADS in the environment names one:
 *   pool     threads of the library's own (the default). The caller works too and waits for chunks
 *            that another thread has begun, never for a thread that has not come; so a busy machine
 *            slows a loop down in proportion.
 *   openmp   a region of OpenMP: every thread of the team must reach its end. On a busy machine
 *            OMP_WAIT_POLICY=passive keeps waiting threads off the cores.
 * They give the same bits. In the child of a fork the pool runs, since no OpenMP run time promises
 * to survive one. */
#ifndef FOVEA_TENSOR_PARALLEL_H
#define FOVEA_TENSOR_PARALLEL_H

#include <stdint.h>

#include "machine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*fv_parallel_fn)(void *job, int64_t chunk, int slot);

void fv_parallel(int threads, int64_t chunks, fv_parallel_fn body, void *job);

/* Cores that this process may use, by its affinity mask and cgroup quota; at least 1. */
int fv_usable_cores(void);

/* How many threads are worth waking for work of so many nanoseconds on one core; at most
 * machine.threads. */
int fv_threads_for(fv_machine machine, double nanoseconds);

/* Into how many chunks to cut `units` equal pieces of work that take so many nanoseconds in all:
 * about one a 4 microseconds, 1 to FV_MAX_CHUNKS, at most `units` (but at least 1). */
enum { FV_MAX_CHUNKS = 32 };
int64_t fv_chunks_for(double nanoseconds, int64_t units);

/* First unit of a chunk; that of chunk + 1 is its end. Longer chunks lie among shorter ones, so
 * that a thread's neighbouring chunks are as long together as another's; the first is empty only
 * where there are no units. */
static inline int64_t fv_chunk_begin(int64_t units, int64_t chunks, int64_t chunk)
{
    if (chunks == 1) return chunk * units; /* most small loops; a division is what they notice */
    int64_t each = units / chunks, rest = units % chunks;
    return chunk * each + (chunk * rest + chunks - 1) / chunks;
}

#ifdef __cplusplus
}
#endif
#endif
