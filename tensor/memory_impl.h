/* The allocator's parts, and what the other files of tensor/ share about memory.
 *
 *     class           bytes             a free block waits in
 *     < 48            64 .. 16 KiB      a list of the thread (memory.c); when that is full, half of
 *                                       it goes to the shared lists as one batch
 *     < 80            .. 256 KiB        a shared list (memory_shared.c)
 *     the others      .. SIZE_MAX / 4   the cache of regions, which is bounded (memory_regions.c)
 *
 * Tensor handles have their own way (handle.c). They and the first two are carved from arenas of
 * 2 MiB. Those go back to the system in fv_shutdown alone,
 * even if all their blocks are free before. */
#ifndef FOVEA_TENSOR_MEMORY_IMPL_H
#define FOVEA_TENSOR_MEMORY_IMPL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks that fv_kept_bytes counts in place of live_bytes. */
void *fv_block_alloc_kept(size_t bytes, size_t *token);
void fv_block_free_kept(void *block, size_t token);

/* Gives the arenas back to the system if nothing lives in them. */
void fv_release_arenas(void);

/* --- AddressSanitizer: free blocks and the slack behind live ones are poisoned ---------------- */

#if defined(__SANITIZE_ADDRESS__)
#define FV_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FV_ASAN 1
#endif
#endif
#ifdef FV_ASAN
#include <sanitizer/asan_interface.h>
#define FV_POISON(block, bytes)   ASAN_POISON_MEMORY_REGION(block, bytes)
#define FV_UNPOISON(block, bytes) ASAN_UNPOISON_MEMORY_REGION(block, bytes)
/* For the functions that follow the links within free blocks. */
#define FV_READS_FREE_BLOCKS __attribute__((no_sanitize("address")))
enum { FV_REDZONE = 64 };
#else
#define FV_POISON(block, bytes)   ((void)(block), (void)(bytes))
#define FV_UNPOISON(block, bytes) ((void)(block), (void)(bytes))
#define FV_READS_FREE_BLOCKS
enum { FV_REDZONE = 0 };
#endif

/* --- size classes ----------------------------------------------------------------------------- */

enum {
    FV_BLOCK_ALIGN = 64,
    FV_SUBSTEPS = 8, /* classes below FV_SUBSTEPS * k hold up to 2^(8 + k) bytes */
    FV_THREAD_CLASSES = FV_SUBSTEPS * 6,
    FV_CARVED_CLASSES = FV_SUBSTEPS * 10,
    FV_CLASSES = FV_SUBSTEPS * ((int)sizeof(size_t) * CHAR_BIT - 10),
};
#define FV_LARGEST_BLOCK (SIZE_MAX / 4) /* bytes that can be asked for */

/* Classes 0..7 hold 64..512 in steps of 64; then every power of two has eight equal steps. */
static inline int fv_size_class(size_t bytes)
{
    size_t last = bytes - (bytes > 0);
    if (last < 512) return (int)(last / 64);
    int log2 = 63 - __builtin_clzll((unsigned long long)last); /* 2^log2 <= last */
    return FV_SUBSTEPS * (log2 - 9) + (int)(last >> (log2 - 3));
}

static inline size_t fv_class_bytes(int index)
{
    if (index < FV_SUBSTEPS) return ((size_t)index + 1) * 64;
    int step = index / FV_SUBSTEPS + 5; /* its log2 */
    return ((size_t)(index % FV_SUBSTEPS) + FV_SUBSTEPS + 1) << step;
}

/* --- what all threads share (memory_shared.c) ------------------------------------------------- */

typedef struct fv_free_block {
    struct fv_free_block *next;       /* in its batch */
    struct fv_free_block *next_batch; /* this and the count: in the first block of a shared batch */
    int blocks;
} fv_free_block;

/* How many blocks of a class wander between a thread and the shared lists at once; at most 32 KiB
 * of them. */
static inline int fv_batch_blocks(int index)
{
    return 64 >> index / FV_SUBSTEPS;
}

/* The free blocks of a class that a thread holds: at most two batches. Only that
 * thread writes; fv_memory_stats reads `first`, `spare` and `room` from others. */
typedef struct fv_thread_list {
    fv_free_block *first; /* what the thread takes from and adds to */
    fv_free_block *spare; /* NULL or a full batch */
    int room;             /* blocks that may be added at `first`; 0 before the first use */
} fv_thread_list;

/* Numbers of what lives. One thread's share is below 0 where others' objects die in it. */
typedef struct fv_alive {
    int64_t tensors, nodes;
} fv_alive;

typedef enum fv_thread_state {
    FV_THREAD_NEW,
    FV_THREAD_JOINED,
    FV_THREAD_GONE, /* it ends, or there was no memory to see its end: it keeps no blocks */
} fv_thread_state;

typedef struct fv_thread_cache {
    fv_thread_list lists[FV_THREAD_CLASSES];
    struct fv_handle *fresh, *dead;          /* handles to take, and those that died here */
    int dead_room;                           /* that may be added to `dead`; 0 before the first */
    fv_alive alive;                          /* born here, minus died here */
    struct fv_thread_cache *next, *previous; /* all threads that joined */
    fv_thread_state state;
} fv_thread_cache;

extern _Thread_local fv_thread_cache fv_thread_memory; /* the calling thread's */
extern fv_alive fv_alive_elsewhere; /* of threads that have not joined, or ended */

/* Adds to one of the calling thread's numbers, or to the common one where the thread has none: a
 * locked addition takes longer than all else that makes a handle. */
static inline void fv_count_alive(int64_t *own, int64_t *common, int64_t more)
{
    if (__builtin_expect(fv_thread_memory.state == FV_THREAD_JOINED, 1))
        __atomic_store_n(own, *own + more, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(common, more, __ATOMIC_RELAXED);
}

/* One lock guards what is shared; a fork waits for it, so that no child finds it taken. */
void fv_memory_lock(void);
void fv_memory_unlock(void);

/* Makes the cache of the calling thread known, so that its blocks are counted and come back when
 * the thread ends. False: it must keep none. */
bool fv_shared_join(fv_thread_cache *cache);

/* A batch of a class below FV_CARVED_CLASSES, or one block carved anew; NULL when out of memory.
 * *blocks gets the number. */
fv_free_block *fv_shared_take(int index, int *blocks);
void fv_shared_give(fv_free_block *batch, int blocks, int index);

/* One block, which no list gets to see before it is given; needs the lock. */
void *fv_shared_carve(int index);

/* What lives, over all threads. */
fv_alive fv_shared_alive(void);

/* Bytes of the free blocks in shared lists and in the lists of all threads. */
int64_t fv_shared_cached(void);

/* Forgets every free block and gives the arenas back. No other thread may be inside the library. */
void fv_shared_release(void);

/* --- tensor handles (handle.c) ---------------------------------------------------------------- */

/* Need the lock. The handles of a thread that ends; all of them, in fv_shared_release; bytes of
 * those that are no tensor now, where so many are. */
void fv_handles_leave(fv_thread_cache *cache);
void fv_handles_forget(void);
int64_t fv_handles_cached(int64_t live);

/* --- tests ------------------------------------------------------------------------------------ */

extern int64_t fv_inject; /* allocations until one must fail; negative: none must */

static inline bool fv_injected_failure(void)
{
    if (__builtin_expect(__atomic_load_n(&fv_inject, __ATOMIC_RELAXED) < 0, 1)) return false;
    return __atomic_fetch_sub(&fv_inject, 1, __ATOMIC_RELAXED) == 0;
}

/* --- the system (memory_regions.c) ------------------------------------------------------------ */

enum { FV_ARENA_BYTES = 2 << 20 };

/* Need the lock. */
void *fv_arena_map(void);
void fv_arena_unmap(void *arena);

/* A block of *index or a few classes more; *index becomes its class. live: the bytes that live with
 * it, by which the cache is bounded. */
void *fv_region_alloc(int *index, int64_t live);
void fv_region_free(void *block, int index);
/* Back to the system at once: nobody will ask for its like. */
void fv_region_release(void *block, int index);
void fv_regions_empty(void);

typedef struct fv_system_info {
    int64_t cached, reserved, allocs;
} fv_system_info;
fv_system_info fv_system_stats(void);

#endif
