/* What threads share of the small blocks: arenas to carve from, lists of free blocks by class, and
 * the list of the threads that keep blocks of their own. */
#include <pthread.h>
#include <string.h>

#include "tensor/memory_impl.h"
#include "tensor/system.h"

typedef struct arena {
    struct arena *next;
    size_t used;
} arena;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its value is the thread's cache, once that has joined */
static bool key_made;

static arena *arenas;
static fv_free_block *batches[FV_CARVED_CLASSES];
static int64_t batch_bytes; /* of the blocks in them */
static fv_thread_cache *threads;
fv_alive fv_alive_elsewhere;

static void give(fv_free_block *batch, int blocks, int class);

/* --- the lock, forks and the ends of threads -------------------------------------------------- */

/* The thread may be changing its list: what another one reads is a little old, never nonsense. */
static int blocks_at_hand(const fv_thread_list *list, int class)
{
    bool some = __atomic_load_n(&list->first, __ATOMIC_RELAXED) != NULL;
    return some ? fv_batch_blocks(class) - __atomic_load_n(&list->room, __ATOMIC_RELAXED) : 0;
}

static int blocks_spare(const fv_thread_list *list, int class)
{
    return __atomic_load_n(&list->spare, __ATOMIC_RELAXED) ? fv_batch_blocks(class) : 0;
}

/* Its numbers go to the common ones. */
static void hand_over_alive(const fv_thread_cache *cache)
{
    int64_t tensors = __atomic_load_n(&cache->alive.tensors, __ATOMIC_RELAXED);
    int64_t nodes = __atomic_load_n(&cache->alive.nodes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&fv_alive_elsewhere.tensors, tensors, __ATOMIC_RELAXED);
    __atomic_fetch_add(&fv_alive_elsewhere.nodes, nodes, __ATOMIC_RELAXED);
}

static void leave(fv_thread_cache *cache)
{
    for (int i = 0; i < FV_THREAD_CLASSES; i++) {
        fv_thread_list *list = &cache->lists[i];
        if (list->first) give(list->first, blocks_at_hand(list, i), i);
        if (list->spare) give(list->spare, fv_batch_blocks(i), i);
    }
    fv_handles_leave(cache);
    hand_over_alive(cache);
    if (cache->next) cache->next->previous = cache->previous;
    if (cache->previous)
        cache->previous->next = cache->next;
    else
        threads = cache->next;
    *cache = (fv_thread_cache){.state = FV_THREAD_GONE};
}

static void thread_ends(void *cache)
{
    fv_memory_lock();
    leave(cache);
    fv_memory_unlock();
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

/* The other threads do not exist here, and may have been stopped amid a change of their lists. What
 * they made does exist. */
static void after_fork_in_child(void)
{
    fv_thread_cache *own = key_made ? pthread_getspecific(key) : NULL;
    for (const fv_thread_cache *cache = threads; cache; cache = cache->next)
        if (cache != own) hand_over_alive(cache);
    threads = own;
    if (threads) threads->next = threads->previous = NULL;
    pthread_mutex_unlock(&lock);
}

static void prepare_process(void)
{
    key_made = pthread_key_create(&key, thread_ends) == 0;
    fv_system_at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void fv_memory_lock(void)
{
    pthread_once(&once, prepare_process);
    pthread_mutex_lock(&lock);
}

void fv_memory_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

bool fv_shared_join(fv_thread_cache *cache)
{
    if (cache->state != FV_THREAD_NEW) return cache->state == FV_THREAD_JOINED;
    fv_memory_lock();
    if (key_made && pthread_setspecific(key, cache) == 0) {
        cache->next = threads;
        if (threads) threads->previous = cache;
        threads = cache;
        cache->state = FV_THREAD_JOINED;
    } else {
        cache->state = FV_THREAD_GONE;
    }
    fv_memory_unlock();
    return cache->state == FV_THREAD_JOINED;
}

/* --- batches: need the lock ------------------------------------------------------------------- */

static int64_t bytes_of(int64_t blocks, int class)
{
    return blocks * (int64_t)fv_class_bytes(class);
}

/* Carves a block from the newest arena, or from a new one. */
void *fv_shared_carve(int class)
{
    size_t wanted = fv_class_bytes(class) + FV_REDZONE;
    if (!arenas || arenas->used + wanted > FV_ARENA_BYTES) {
        arena *fresh = fv_arena_map();
        if (!fresh) return NULL;
        FV_UNPOISON(fresh, sizeof *fresh);
        fresh->next = arenas;
        fresh->used = FV_BLOCK_ALIGN;
        arenas = fresh;
    }
    void *block = (char *)arenas + arenas->used;
    arenas->used += wanted;
    return block;
}

FV_READS_FREE_BLOCKS static void give(fv_free_block *batch, int blocks, int class)
{
    batch->blocks = blocks;
    batch->next_batch = batches[class];
    batches[class] = batch;
    batch_bytes += bytes_of(blocks, class);
}

FV_READS_FREE_BLOCKS static fv_free_block *take(int class, int *blocks)
{
    fv_free_block *batch = batches[class];
    if (!batch) return NULL;
    batches[class] = batch->next_batch;
    *blocks = batch->blocks;
    batch_bytes -= bytes_of(batch->blocks, class);
    return batch;
}

/* --- what the other parts call ---------------------------------------------------------------- */

fv_free_block *fv_shared_take(int index, int *blocks)
{
    fv_memory_lock();
    fv_free_block *batch = take(index, blocks);
    if (!batch) {
        *blocks = 1;
        batch = fv_shared_carve(index);
    }
    fv_memory_unlock();
    return batch;
}

void fv_shared_give(fv_free_block *batch, int blocks, int index)
{
    fv_memory_lock();
    give(batch, blocks, index);
    fv_memory_unlock();
}

/* Needs the lock. */
static fv_alive sum_alive(void)
{
    fv_alive sum = {__atomic_load_n(&fv_alive_elsewhere.tensors, __ATOMIC_RELAXED),
                    __atomic_load_n(&fv_alive_elsewhere.nodes, __ATOMIC_RELAXED)};
    for (const fv_thread_cache *cache = threads; cache; cache = cache->next) {
        sum.tensors += __atomic_load_n(&cache->alive.tensors, __ATOMIC_RELAXED);
        sum.nodes += __atomic_load_n(&cache->alive.nodes, __ATOMIC_RELAXED);
    }
    return sum;
}

fv_alive fv_shared_alive(void)
{
    fv_memory_lock();
    fv_alive sum = sum_alive();
    fv_memory_unlock();
    return sum;
}

int64_t fv_shared_cached(void)
{
    fv_memory_lock();
    int64_t bytes = batch_bytes + fv_handles_cached(sum_alive().tensors);
    for (const fv_thread_cache *cache = threads; cache; cache = cache->next)
        for (int i = 0; i < FV_THREAD_CLASSES; i++) {
            const fv_thread_list *list = &cache->lists[i];
            bytes += bytes_of(blocks_at_hand(list, i) + blocks_spare(list, i), i);
        }
    fv_memory_unlock();
    return bytes;
}

static void forget(fv_thread_cache *cache)
{
    memset(cache->lists, 0, sizeof cache->lists);
    cache->fresh = cache->dead = NULL;
    cache->dead_room = 0;
}

void fv_shared_release(void)
{
    fv_memory_lock();
    for (fv_thread_cache *cache = threads; cache; cache = cache->next) forget(cache);
    fv_handles_forget();
    memset(batches, 0, sizeof batches);
    batch_bytes = 0;
    while (arenas) {
        arena *next = arenas->next;
        fv_arena_unmap(arenas);
        arenas = next;
    }
    fv_memory_unlock();
}
