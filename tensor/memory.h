/* Memory: the caching allocator and its statistics.
 *
 * Blocks come from size classes (eight to a power of two) and go back to their class, so that a
 * training step in steady state asks the system for nothing. Each thread keeps a bounded number of
 * small free blocks for itself; blocks may be allocated in one thread and freed in another for
 * ever. Blocks are 64-byte aligned. Large regions are 2 MiB aligned, where Linux backs them with
 * huge pages. */
#ifndef FOVEA_TENSOR_MEMORY_H
#define FOVEA_TENSOR_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_memory_info {
    int64_t live_tensors;      /* tensor handles that exist, in all threads */
    int64_t live_nodes;        /* tape nodes that exist */
    int64_t live_bytes;        /* bytes of the blocks in use (storage and scratch) */
    int64_t peak_bytes;        /* the largest live_bytes since the start or fv_reset_peak_memory */
    int64_t booked_bytes;      /* what live_bytes would be of tensors that only have a shape */
    int64_t booked_peak_bytes; /* the largest booked_bytes, likewise */
    int64_t kept_bytes;        /* of packed weights that are kept; in none of the four above */
    int64_t cached_bytes;      /* all free blocks held for reuse, in every thread */
    int64_t reserved_bytes;    /* held from the system: blocks in use, kept and cached, handles and
                                  nodes, and what no block was carved from yet */
    int64_t system_allocs;     /* times that the system was asked for memory so far */
} fv_memory_info;

/* Blocks count as the size of their class, whatever block was found for them: live and peak bytes
 * are a function of the requests alone. While other threads allocate, cached_bytes may be off by
 * what they do meanwhile.  Source: torch.cuda.memory_stats. */
fv_memory_info fv_memory_stats(void);

/* The peaks begin anew at what is live now. */
void fv_reset_peak_memory(void);

/* Convolutions and matrix products read weights in an order of their own. A weight that is used
 * again while its elements stay as they are (inference, several backward passes in a step) keeps
 * that packed copy from its second use on; one that an optimizer changes before the next use keeps
 * none. All copies together take at most `bytes`: beyond that those go that were not used for
 * longest. 0 keeps nothing. At first it is the MiB of FOVEA_KEPT_WEIGHTS, else a quarter of the
 * machine's memory. A copy ends with its tensor's memory and with any change of the elements, of
 * which fv_bump_version must tell when it was made by a pointer of fv_data_*; memory that was lent
 * (fv_from_blob) has none.   Errors: option. */
void fv_set_kept_weights_limit(int64_t bytes);
int64_t fv_get_kept_weights_limit(void);

/* Gives cached blocks above 256 KiB back to the system; smaller ones share arenas of 2 MiB, which
 * go back in fv_shutdown. It is not needed for memory to stay bounded: before the system is asked
 * for more, cached blocks go back until all regions are at most twice the recent peak of live
 * bytes (or 32 MiB); this also forgets that peak.  Source: torch.cuda.empty_cache. */
void fv_empty_cache(void);

/* Releases what this thread's scopes still own, then every cache; small blocks only when nothing is
 * alive. After it, if modules, optimizers, data sets and loaders were freed before, a leak checker
 * finds nothing of the library's. No other thread may be inside the library. It may be used again
 * afterwards. */
void fv_shutdown(void);

/* --- for authors of ops -------------------------------------------------------------------- */

/* A 64-byte aligned block, not cleared, or NULL (no error is recorded). *token gets what
 * fv_block_free wants back. It may be freed in another thread. */
void *fv_block_alloc(size_t bytes, size_t *token);
void fv_block_free(void *block, size_t token);

/* Counts in booked_bytes what fv_block_alloc would count in live_bytes, without any memory: for
 * tensors that only have a shape. Returns what fv_block_unbook wants back, or 0 where
 * fv_block_alloc would refuse the size on any machine. */
size_t fv_block_book(size_t bytes);
void fv_block_unbook(size_t token);

/* Small objects (handles, nodes) from free lists of this thread; from malloc above 16 KiB. The
 * bytes given back must be the bytes asked for. */
void *fv_object_alloc(size_t bytes);
void fv_object_free(void *object, size_t bytes);

/* So many tape nodes more, or fewer, exist; autograd/ tells it for fv_memory_stats. */
void fv_count_nodes(int64_t more);

/* For tests: the allocation after the next n ones fails, once. n < 0 switches it off. */
void fv_inject_alloc_failure(int64_t n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
