/* The caching allocator.
 *
 * Sizes are rounded up to classes, eight to a power of two. A free block goes to the list of its
 * class: up to 16 KiB to a list of the freeing thread (no lock), above to a shared one. Blocks up
 * to 256 KiB are carved from 2 MiB arenas; larger ones are regions of their own.
 * Under AddressSanitizer free blocks, and the slack behind live ones, are poisoned. */
#define _GNU_SOURCE
#include "tensor/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "tensor/memory_impl.h"

#if defined(__SANITIZE_ADDRESS__)
#define FV_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FV_ASAN 1
#endif
#endif
#ifdef FV_ASAN
#include <sanitizer/asan_interface.h>
enum { REDZONE = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { REDZONE = 0 };
#endif

enum {
    ALIGN = 64,
    SUBSTEPS = 8,
    CLASSES = SUBSTEPS * 45,      /* up to 2^53 bytes */
    LOCAL_CLASSES = SUBSTEPS * 6, /* up to 16 KiB */
    ARENA_BYTES = 2 << 20,
    CARVE_LIMIT = 256 << 10,
    FIT_SEARCH = 4, /* classes that a large request looks through, its own and larger ones */
};

typedef struct free_block {
    struct free_block *next;
} free_block;

typedef struct arena {
    struct arena *next;
    size_t used;
} arena;

typedef struct local_cache {
    free_block *bins[LOCAL_CLASSES];
    uint64_t generation;
    bool registered;
} local_cache;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static free_block *shared_bins[CLASSES];
static arena *arenas;
static uint64_t generation = 1; /* a local cache of another generation refers to freed arenas */
static _Thread_local local_cache local;
static pthread_key_t local_key;
static pthread_once_t local_once = PTHREAD_ONCE_INIT;

static int64_t live_bytes, peak_bytes, cached_bytes, system_allocs;
int64_t fv_live_tensors, fv_live_nodes;
static int64_t inject = -1;

/* --- size classes ----------------------------------------------------------------------------- */

/* Classes 0..7 hold 64..512 in steps of 64; then every power of two has eight equal steps. */
static int class_of(size_t bytes)
{
    if (bytes <= 512) return bytes == 0 ? 0 : (int)((bytes - 1) / 64);
    int log2 = 63 - __builtin_clzll((unsigned long long)(bytes - 1)); /* 2^log2 <= bytes - 1 */
    size_t step = ((size_t)1 << log2) / SUBSTEPS;
    return SUBSTEPS * (log2 - 8) + (int)((bytes - 1 - ((size_t)1 << log2)) / step);
}

static size_t class_bytes(int index)
{
    if (index < SUBSTEPS) return ((size_t)index + 1) * 64;
    int log2 = index / SUBSTEPS + 8;
    size_t step = ((size_t)1 << log2) / SUBSTEPS;
    return ((size_t)1 << log2) + ((size_t)(index % SUBSTEPS) + 1) * step;
}

/* --- the system ------------------------------------------------------------------------------- */

static void *system_alloc(size_t bytes)
{
    __atomic_fetch_add(&system_allocs, 1, __ATOMIC_RELAXED);
#ifdef __linux__
    size_t align = bytes >= ARENA_BYTES ? ARENA_BYTES : 0;
    char *p = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (align) {
        size_t head = (align - (size_t)p % align) % align;
        if (head) munmap(p, head);
        if (align - head) munmap(p + head + bytes, align - head);
        p += head;
        madvise(p, bytes, MADV_HUGEPAGE);
    }
    return p;
#else
    return aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
#endif
}

static void system_free(void *p, size_t bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#ifdef __linux__
    munmap(p, bytes);
#else
    (void)bytes;
    free(p);
#endif
}

static size_t region_bytes(size_t capacity)
{
    return (capacity + REDZONE + 4095) / 4096 * 4096;
}

/* Gives the free regions back. Needs the lock. */
static void free_regions(void)
{
    for (int i = class_of(CARVE_LIMIT) + 1; i < CLASSES; i++) {
        size_t capacity = class_bytes(i);
        while (shared_bins[i]) {
            free_block *block = shared_bins[i];
            shared_bins[i] = block->next;
            cached_bytes -= (int64_t)capacity;
            system_free(block, region_bytes(capacity));
        }
    }
}

/* Carves a block from the newest arena, or from a new one. Needs the lock. */
static void *carve(size_t capacity)
{
    size_t wanted = capacity + REDZONE;
    if (!arenas || arenas->used + wanted > ARENA_BYTES) {
        arena *fresh = system_alloc(ARENA_BYTES);
        if (!fresh) {
            free_regions();
            fresh = system_alloc(ARENA_BYTES);
        }
        if (!fresh) return NULL;
        fresh->next = arenas;
        fresh->used = ALIGN;
        arenas = fresh;
        ASAN_POISON_MEMORY_REGION((char *)fresh + ALIGN, ARENA_BYTES - ALIGN);
    }
    void *block = (char *)arenas + arenas->used;
    arenas->used += wanted;
    return block;
}

/* --- thread-local lists ----------------------------------------------------------------------- */

static void give_back_local(void *cache_)
{
    local_cache *cache = cache_;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < LOCAL_CLASSES && cache->generation == generation; i++)
        while (cache->bins[i]) {
            free_block *block = cache->bins[i];
            cache->bins[i] = block->next;
            block->next = shared_bins[i];
            shared_bins[i] = block;
        }
    memset(cache, 0, sizeof *cache);
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    pthread_key_create(&local_key, give_back_local);
}

static local_cache *local_lists(void)
{
    uint64_t now = __atomic_load_n(&generation, __ATOMIC_RELAXED);
    if (__builtin_expect(local.generation == now, 1)) return &local;
    memset(local.bins, 0, sizeof local.bins);
    local.generation = now;
    if (!local.registered) {
        pthread_once(&local_once, make_key);
        pthread_setspecific(local_key, &local);
        local.registered = true;
    }
    return &local;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static bool injected_failure(void)
{
    if (__builtin_expect(__atomic_load_n(&inject, __ATOMIC_RELAXED) < 0, 1)) return false;
    return __atomic_fetch_sub(&inject, 1, __ATOMIC_RELAXED) == 0;
}

void fv_inject_alloc_failure(int64_t n)
{
    __atomic_store_n(&inject, n < 0 ? -1 : n, __ATOMIC_RELAXED);
}

static void *small_alloc(int class)
{
    local_cache *cache = local_lists();
    free_block *block = cache->bins[class];
    if (block) {
        cache->bins[class] = block->next;
        return block;
    }
    pthread_mutex_lock(&lock);
    block = shared_bins[class];
    if (block)
        shared_bins[class] = block->next;
    else
        block = carve(class_bytes(class));
    pthread_mutex_unlock(&lock);
    return block;
}

static void small_free(void *p, int class)
{
    local_cache *cache = local_lists();
    free_block *block = p;
    block->next = cache->bins[class];
    cache->bins[class] = block;
}

/* The class of the block found is stored in *class. */
static void *large_alloc(int *class)
{
    pthread_mutex_lock(&lock);
    int last = class_bytes(*class) > CARVE_LIMIT ? *class + FIT_SEARCH : *class + 1;
    for (int i = *class; i < last && i < CLASSES; i++) {
        free_block *block = shared_bins[i];
        if (!block) continue;
        shared_bins[i] = block->next;
        cached_bytes -= (int64_t)class_bytes(i);
        *class = i;
        pthread_mutex_unlock(&lock);
        return block;
    }
    size_t capacity = class_bytes(*class);
    void *block = capacity <= CARVE_LIMIT ? carve(capacity) : NULL;
    pthread_mutex_unlock(&lock);
    if (block || capacity <= CARVE_LIMIT) return block;
    block = system_alloc(region_bytes(capacity));
    if (!block) {
        fv_empty_cache();
        block = system_alloc(region_bytes(capacity));
    }
    if (block) ASAN_POISON_MEMORY_REGION(block, region_bytes(capacity));
    return block;
}

static void large_free(void *p, int class)
{
    free_block *block = p;
    pthread_mutex_lock(&lock);
    block->next = shared_bins[class];
    shared_bins[class] = block;
    cached_bytes += (int64_t)class_bytes(class);
    pthread_mutex_unlock(&lock);
}

static void count_live(int64_t bytes)
{
    int64_t now = __atomic_add_fetch(&live_bytes, bytes, __ATOMIC_RELAXED);
    int64_t peak = __atomic_load_n(&peak_bytes, __ATOMIC_RELAXED);
    while (now > peak && !__atomic_compare_exchange_n(&peak_bytes, &peak, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

void *fv_block_alloc(size_t bytes, size_t *capacity)
{
    *capacity = 0;
    if (bytes > (size_t)1 << 52 || injected_failure()) return NULL;
    int class = class_of(bytes);
    void *block = class < LOCAL_CLASSES ? small_alloc(class) : large_alloc(&class);
    if (!block) return NULL;
    *capacity = class_bytes(class);
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    count_live((int64_t)*capacity);
    return block;
}

void fv_block_free(void *block, size_t capacity)
{
    if (!block) return;
    int class = class_of(capacity);
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(free_block));
    ASAN_POISON_MEMORY_REGION((char *)block + sizeof(free_block), capacity - sizeof(free_block));
    if (class < LOCAL_CLASSES)
        small_free(block, class);
    else
        large_free(block, class);
    count_live(-(int64_t)capacity);
}

size_t fv_block_book(size_t bytes)
{
    return bytes;
}

void fv_block_unbook(size_t token)
{
    (void)token;
}

void *fv_object_alloc(size_t bytes)
{
    if (injected_failure()) return NULL;
    int class = class_of(bytes);
    if (class >= LOCAL_CLASSES) return malloc(bytes);
    void *object = small_alloc(class);
    if (object) ASAN_UNPOISON_MEMORY_REGION(object, bytes);
    return object;
}

void fv_object_free(void *object, size_t bytes)
{
    if (!object) return;
    int class = class_of(bytes);
    if (class >= LOCAL_CLASSES) {
        free(object);
        return;
    }
    ASAN_UNPOISON_MEMORY_REGION(object, sizeof(free_block));
    ASAN_POISON_MEMORY_REGION((char *)object + sizeof(free_block),
                              class_bytes(class) - sizeof(free_block));
    small_free(object, class);
}

/* --- statistics and release ------------------------------------------------------------------- */

fv_memory_info fv_memory_stats(void)
{
    pthread_mutex_lock(&lock);
    int64_t cached = cached_bytes;
    pthread_mutex_unlock(&lock);
    return (fv_memory_info){
        .live_tensors = __atomic_load_n(&fv_live_tensors, __ATOMIC_RELAXED),
        .live_nodes = __atomic_load_n(&fv_live_nodes, __ATOMIC_RELAXED),
        .live_bytes = __atomic_load_n(&live_bytes, __ATOMIC_RELAXED),
        .peak_bytes = __atomic_load_n(&peak_bytes, __ATOMIC_RELAXED),
        .cached_bytes = cached,
        .system_allocs = __atomic_load_n(&system_allocs, __ATOMIC_RELAXED),
    };
}

void fv_reset_peak_memory(void)
{
    __atomic_store_n(&peak_bytes, __atomic_load_n(&live_bytes, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* Regions go back one by one; arenas only when nothing lives in them (fv_release_arenas). */
void fv_empty_cache(void)
{
    pthread_mutex_lock(&lock);
    free_regions();
    pthread_mutex_unlock(&lock);
}

void fv_release_arenas(void)
{
    pthread_mutex_lock(&lock);
    bool idle = __atomic_load_n(&fv_live_tensors, __ATOMIC_RELAXED) == 0 &&
                __atomic_load_n(&fv_live_nodes, __ATOMIC_RELAXED) == 0 &&
                __atomic_load_n(&live_bytes, __ATOMIC_RELAXED) == 0;
    if (idle) {
        for (int i = 0; i < CLASSES; i++) {
            if (class_bytes(i) > CARVE_LIMIT) continue;
            if (i >= LOCAL_CLASSES)
                for (free_block *b = shared_bins[i]; b; b = b->next)
                    cached_bytes -= (int64_t)class_bytes(i);
            shared_bins[i] = NULL;
        }
        while (arenas) {
            arena *next = arenas->next;
            system_free(arenas, ARENA_BYTES);
            arenas = next;
        }
        __atomic_fetch_add(&generation, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&lock);
}
