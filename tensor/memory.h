/* Memory: the caching allocator and its statistics.
 *
 * Blocks come from size classes (eight to a power of two) and go back to their class, so that a
 * training step in steady state asks the system for nothing. Blocks are 64-byte aligned. Large
 * regions are 2 MiB aligned, where Linux backs them with huge pages. */
#ifndef FOVEA_TENSOR_MEMORY_H
#define FOVEA_TENSOR_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_memory_info {
    int64_t live_tensors;  /* tensor handles that exist, in all threads */
    int64_t live_nodes;    /* tape nodes that exist */
    int64_t live_bytes;    /* bytes of the blocks in use (storage and scratch) */
    int64_t peak_bytes;    /* the largest live_bytes since the start or fv_reset_peak_memory */
    int64_t cached_bytes;  /* free blocks above 16 KiB, held for reuse */
    int64_t system_allocs; /* times that the system was asked for memory so far */
} fv_memory_info;

/* Source: torch.cuda.memory_stats. */
fv_memory_info fv_memory_stats(void);
void fv_reset_peak_memory(void);

/* Gives cached blocks above 256 KiB back to the system; smaller ones share regions of 2 MiB, which
 * go back in fv_shutdown.  Source: torch.cuda.empty_cache. */
void fv_empty_cache(void);

/* Releases what this thread's scopes still own, then every cache; small blocks only when nothing is
 * alive. After it, if modules, optimizers, data sets and loaders were freed before, a leak checker
 * finds nothing of the library's. No other thread may be inside the library. It may be used again
 * afterwards. */
void fv_shutdown(void);

/* --- for authors of ops -------------------------------------------------------------------- */

/* A 64-byte aligned block, not cleared, or NULL (no error is recorded). *capacity gets the size of
 * the block's class, which fv_block_free wants back. */
void *fv_block_alloc(size_t bytes, size_t *capacity);
void fv_block_free(void *block, size_t capacity);

/* Counts what fv_block_alloc would count, in the booked_* figures, without taking memory. Returns
 * what fv_block_unbook wants back. */
size_t fv_block_book(size_t bytes);
void fv_block_unbook(size_t token);

/* Small objects (handles, nodes) from free lists of this thread; from malloc above 16 KiB. The
 * bytes given back must be the bytes asked for. */
void *fv_object_alloc(size_t bytes);
void fv_object_free(void *object, size_t bytes);

/* Tape nodes that exist; autograd/ keeps the count for fv_memory_stats. */
extern int64_t fv_live_nodes;

/* For tests: the allocation after the next n ones fails, once. n < 0 switches it off. */
void fv_inject_alloc_failure(int64_t n);

#ifdef __cplusplus
}
#endif
#endif
