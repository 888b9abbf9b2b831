/* The caching allocator: blocks, objects and their statistics.
 *
 * Here is the part without a lock: the lists of free small blocks that each thread keeps. Behind
 * them stand memory_shared.c and memory_regions.c; memory_impl.h shows the whole. */
#include "tensor/memory.h"

#include <stdlib.h>

#include "tensor/kept.h"
#include "tensor/memory_impl.h"

_Thread_local fv_thread_cache fv_thread_memory;

typedef struct counter {
    int64_t now, peak;
} counter;
static counter live, booked;
int64_t fv_inject = -1;

/* --- the lists of this thread ----------------------------------------------------------------- */

#define LOAD(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* Not inlined, so that the way without a lock stays short. */
#define SLOW __attribute__((noinline, cold))

/* A block of a class of which the thread has none at hand. */
SLOW FV_READS_FREE_BLOCKS static void *refill(fv_thread_list *list, int class)
{
    int full = fv_batch_blocks(class), blocks = full;
    fv_free_block *batch = list->spare;
    if (batch)
        STORE(list->spare, NULL);
    else
        batch = fv_shared_take(class, &blocks);
    if (!batch || blocks == 1) return batch;
    if (!fv_shared_join(&fv_thread_memory)) {
        fv_shared_give(batch->next, blocks - 1, class);
        return batch;
    }
    STORE(list->room, full - (blocks - 1));
    STORE(list->first, batch->next);
    return batch;
}

/* Puts a block on a list that is full, or was never used. */
SLOW FV_READS_FREE_BLOCKS static void overflow(fv_thread_list *list, fv_free_block *block,
                                               int class)
{
    block->next = NULL;
    if (!fv_shared_join(&fv_thread_memory)) {
        fv_shared_give(block, 1, class);
        return;
    }
    if (list->first) {
        if (list->spare) fv_shared_give(list->spare, fv_batch_blocks(class), class);
        STORE(list->spare, list->first);
    }
    STORE(list->room, fv_batch_blocks(class) - 1);
    STORE(list->first, block);
}

FV_READS_FREE_BLOCKS static void *small_alloc(int class)
{
    fv_thread_list *list = &fv_thread_memory.lists[class];
    fv_free_block *block = list->first;
    if (__builtin_expect(!block, 0)) return refill(list, class);
    STORE(list->first, block->next);
    STORE(list->room, list->room + 1);
    return block;
}

FV_READS_FREE_BLOCKS static void small_free(void *p, int class)
{
    fv_thread_list *list = &fv_thread_memory.lists[class];
    fv_free_block *block = p;
    if (__builtin_expect(!list->room, 0)) {
        overflow(list, block, class);
        return;
    }
    block->next = list->first;
    STORE(list->first, block);
    STORE(list->room, list->room - 1);
}

/* --- statistics ------------------------------------------------------------------------------- */

static void count(counter *c, int64_t bytes)
{
    int64_t now = __atomic_add_fetch(&c->now, bytes, __ATOMIC_RELAXED);
    int64_t peak = LOAD(c->peak);
    while (now > peak && !__atomic_compare_exchange_n(&c->peak, &peak, now, true, __ATOMIC_RELAXED,
                                                      __ATOMIC_RELAXED)) {
    }
}

static void discount(counter *c, int64_t bytes)
{
    __atomic_fetch_sub(&c->now, bytes, __ATOMIC_RELAXED);
}

void fv_count_nodes(int64_t more)
{
    fv_count_alive(&fv_thread_memory.alive.nodes, &fv_alive_elsewhere.nodes, more);
}

fv_memory_info fv_memory_stats(void)
{
    fv_system_info system = fv_system_stats();
    fv_alive alive = fv_shared_alive();
    return (fv_memory_info){
        .live_tensors = alive.tensors,
        .live_nodes = alive.nodes,
        .live_bytes = LOAD(live.now),
        .peak_bytes = LOAD(live.peak),
        .booked_bytes = LOAD(booked.now),
        .booked_peak_bytes = LOAD(booked.peak),
        .kept_bytes = LOAD(fv_kept_bytes),
        .cached_bytes = system.cached + fv_shared_cached(),
        .reserved_bytes = system.reserved,
        .system_allocs = system.allocs,
    };
}

void fv_reset_peak_memory(void)
{
    STORE(live.peak, LOAD(live.now));
    STORE(booked.peak, LOAD(booked.now));
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* A token is the size of the class that was asked for, which is a multiple of 64, plus the number
 * of classes by which the block that was found is larger. The size is what the statistics count:
 * they are a function of the requests, whatever the cache had. */
static size_t make_token(int asked, int found)
{
    return fv_class_bytes(asked) + (size_t)(found - asked);
}

static size_t token_bytes(size_t token)
{
    return token / FV_BLOCK_ALIGN * FV_BLOCK_ALIGN;
}

static int token_class(size_t token)
{
    return fv_size_class(token_bytes(token)) + (int)(token % FV_BLOCK_ALIGN);
}

size_t fv_block_book(size_t bytes)
{
    if (bytes > FV_LARGEST_BLOCK) return 0;
    int class = fv_size_class(bytes);
    size_t token = make_token(class, class);
    count(&booked, (int64_t)token_bytes(token));
    return token;
}

void fv_block_unbook(size_t token)
{
    discount(&booked, (int64_t)token_bytes(token));
}

/* --- blocks and objects ----------------------------------------------------------------------- */

void fv_inject_alloc_failure(int64_t n)
{
    STORE(fv_inject, n < 0 ? -1 : n);
}

/* A block above the classes that threads keep. */
SLOW static void *large_alloc(int asked, size_t *token)
{
    int one, found = asked;
    int64_t live_with_it = LOAD(live.now) + LOAD(fv_kept_bytes) + (int64_t)fv_class_bytes(asked);
    void *block = asked < FV_CARVED_CLASSES ? fv_shared_take(asked, &one)
                                            : fv_region_alloc(&found, live_with_it);
    if (block) *token = make_token(asked, found);
    return block;
}

SLOW static void large_free(void *block, int class)
{
    if (class < FV_CARVED_CLASSES)
        fv_shared_give(block, 1, class);
    else
        fv_region_free(block, class);
}

/* Blocks that are not counted. */
static inline void *take_block(size_t bytes, size_t *token)
{
    *token = 0;
    if (bytes > FV_LARGEST_BLOCK || fv_injected_failure()) return NULL;
    int class = fv_size_class(bytes);
    void *block;
    if (class >= FV_THREAD_CLASSES)
        block = large_alloc(class, token);
    else if ((block = small_alloc(class)) != NULL)
        *token = make_token(class, class);
    if (block) FV_UNPOISON(block, bytes);
    return block;
}

static inline void give_block(void *block, size_t token)
{
    int class = token_class(token);
    FV_POISON(block, fv_class_bytes(class));
    if (class < FV_THREAD_CLASSES)
        small_free(block, class);
    else
        large_free(block, class);
}

void *fv_block_alloc(size_t bytes, size_t *token)
{
    if (!token && fv_fail_null("block_alloc", "token")) return NULL;
    void *block = take_block(bytes, token);
    if (block) count(&live, (int64_t)token_bytes(*token));
    return block;
}

void fv_block_free(void *block, size_t token)
{
    if (!block) return;
    discount(&live, (int64_t)token_bytes(token));
    give_block(block, token);
}

void *fv_block_alloc_kept(size_t bytes, size_t *token)
{
    return take_block(bytes, token);
}

void fv_block_free_kept(void *block, size_t token)
{
    if (token_class(token) >= FV_CARVED_CLASSES)
        fv_region_release(block, token_class(token));
    else
        give_block(block, token);
}

void *fv_object_alloc(size_t bytes)
{
    if (fv_injected_failure()) return NULL;
    int class = fv_size_class(bytes);
    if (class >= FV_THREAD_CLASSES) return malloc(bytes);
    void *object = small_alloc(class);
    if (object) FV_UNPOISON(object, bytes);
    return object;
}

void fv_object_free(void *object, size_t bytes)
{
    if (!object) return;
    int class = fv_size_class(bytes);
    if (class >= FV_THREAD_CLASSES) {
        free(object);
        return;
    }
    FV_POISON(object, fv_class_bytes(class));
    small_free(object, class);
}

/* --- release ---------------------------------------------------------------------------------- */

void fv_empty_cache(void)
{
    fv_regions_empty();
}

void fv_release_arenas(void)
{
    fv_alive alive = fv_shared_alive();
    if (alive.tensors == 0 && alive.nodes == 0 && LOAD(live.now) == 0 && LOAD(fv_kept_bytes) == 0)
        fv_shared_release();
}
