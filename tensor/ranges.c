/* Ranges of independent units as chunks of the parallel loop. */
#include "tensor/ranges.h"

typedef struct cut_job {
    fv_range_fn range;
    const void *job;
    int64_t units, chunks;
} cut_job;

static void cut_body(void *job, int64_t chunk, int slot)
{
    const cut_job *cut = job;
    (void)slot;
    cut->range(cut->job, fv_chunk_begin(cut->units, cut->chunks, chunk),
               fv_chunk_begin(cut->units, cut->chunks, chunk + 1));
}

void fv_parallel_cut(int threads, double nanoseconds, int64_t units, fv_range_fn range,
                     const void *job)
{
    cut_job cut = {range, job, units, fv_chunks_for(nanoseconds, units)};
    fv_parallel(threads, cut.chunks, cut_body, &cut);
}
