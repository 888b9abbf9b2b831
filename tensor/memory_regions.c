/* Memory from the system: arenas, and regions of their own for blocks above 256 KiB.
 *
 * Free regions are cached, and the cache is bounded: before the system is asked for a region that
 * would lift all it gave above twice the recent peak of live bytes, the regions that were unused
 * longest go back. So a loop whose blocks stay below that asks the system for nothing from its
 * third turn on, while a run whose blocks grow does not keep the smaller ones. A peak is recent
 * until 64 times the bound was asked for without reaching it again. */
#include "tensor/memory_impl.h"
#include "tensor/system.h"

enum {
    PAGE = 4096,
    FIT_SEARCH = 4, /* classes that a request looks through, its own and larger ones */
    FLOOR = 32 << 20,
    WINDOW = 64,
};

/* A free region, described at its beginning. */
typedef struct region {
    struct region *next, *previous; /* of its class; the last freed comes first */
    struct region *older, *newer;   /* of all */
    int class;
} region;

static region *free_regions[FV_CLASSES];
static region *newest, *oldest;
static int64_t cached_bytes, region_bytes_held, arena_bytes_held, system_allocs;

/* The largest live bytes in the current window and the one before, and what was asked for in it. */
static int64_t peak_now, peak_before;
static uint64_t asked;

/* --- the system ------------------------------------------------------------------------------- */

static void *system_alloc(size_t bytes)
{
    __atomic_fetch_add(&system_allocs, 1, __ATOMIC_RELAXED);
    void *p = fv_system_pages(bytes, bytes >= FV_ARENA_BYTES ? FV_ARENA_BYTES : PAGE);
    if (p) FV_POISON(p, bytes);
    return p;
}

static void system_free(void *p, size_t bytes)
{
    FV_UNPOISON(p, bytes);
    fv_system_pages_free(p, bytes);
}

/* --- the cache of regions --------------------------------------------------------------------- */

static size_t region_bytes(int class)
{
    return (fv_class_bytes(class) + FV_REDZONE + PAGE - 1) / PAGE * PAGE;
}

FV_READS_FREE_BLOCKS static void cache_add(region *r, int class)
{
    r->class = class;
    r->next = free_regions[class];
    r->previous = r->newer = NULL;
    r->older = newest;
    if (r->next) r->next->previous = r;
    if (newest)
        newest->newer = r;
    else
        oldest = r;
    free_regions[class] = newest = r;
    cached_bytes += (int64_t)fv_class_bytes(class);
}

FV_READS_FREE_BLOCKS static void cache_remove(region *r)
{
    if (r->previous)
        r->previous->next = r->next;
    else
        free_regions[r->class] = r->next;
    if (r->next) r->next->previous = r->previous;
    if (r->newer)
        r->newer->older = r->older;
    else
        newest = r->older;
    if (r->older)
        r->older->newer = r->newer;
    else
        oldest = r->newer;
    cached_bytes -= (int64_t)fv_class_bytes(r->class);
}

/* Takes regions out of the cache, the longest unused first, until `held` is not above the limit or
 * the cache is empty. Returns their chain. */
FV_READS_FREE_BLOCKS static region *take_surplus(int64_t incoming, int64_t limit)
{
    region *surplus = NULL;
    while (oldest && region_bytes_held + incoming > limit) {
        region *r = oldest;
        cache_remove(r);
        region_bytes_held -= (int64_t)region_bytes(r->class);
        r->next = surplus;
        surplus = r;
    }
    return surplus;
}

/* Without the lock where that is possible: giving back takes a while. */
FV_READS_FREE_BLOCKS static void give_back(region *surplus)
{
    while (surplus) {
        region *next = surplus->next;
        system_free(surplus, region_bytes(surplus->class));
        surplus = next;
    }
}

/* --- its bound -------------------------------------------------------------------------------- */

/* The bytes of regions, live and free, above which free ones go back. The arenas count with them as
 * far as at least one and a half times the peak is left. */
static int64_t limit_now(void)
{
    const int64_t most = INT64_MAX / 4; /* a request may be as large as it likes */
    int64_t peak = peak_now > peak_before ? peak_now : peak_before;
    if (peak > most) peak = most;
    int64_t arenas = arena_bytes_held < peak / 2 ? arena_bytes_held : peak / 2;
    int64_t limit = 2 * peak - arenas;
    return limit > FLOOR ? limit : FLOOR;
}

static void note_request(size_t bytes, int64_t live)
{
    if (live > peak_now) peak_now = live;
    asked += bytes;
    if (asked / WINDOW < (uint64_t)limit_now()) return;
    peak_before = peak_now;
    peak_now = live;
    asked = 0;
}

/* --- what the other parts call ---------------------------------------------------------------- */

void *fv_arena_map(void)
{
    void *arena = system_alloc(FV_ARENA_BYTES);
    if (!arena) {
        give_back(take_surplus(0, 0));
        arena = system_alloc(FV_ARENA_BYTES);
    }
    if (arena) arena_bytes_held += FV_ARENA_BYTES;
    return arena;
}

void fv_arena_unmap(void *arena)
{
    arena_bytes_held -= FV_ARENA_BYTES;
    system_free(arena, FV_ARENA_BYTES);
}

static region *find_cached(int class)
{
    for (int i = class; i < class + FIT_SEARCH && i < FV_CLASSES; i++)
        if (free_regions[i]) return free_regions[i];
    return NULL;
}

FV_READS_FREE_BLOCKS void *fv_region_alloc(int *index, int64_t live)
{
    int64_t bytes = (int64_t)region_bytes(*index);
    fv_memory_lock();
    note_request(fv_class_bytes(*index), live);
    region *found = find_cached(*index);
    if (found) {
        *index = found->class;
        cache_remove(found);
        bytes = 0;
    }
    region *surplus = take_surplus(bytes, limit_now());
    region_bytes_held += bytes;
    fv_memory_unlock();
    give_back(surplus);
    if (found) return found;

    void *block = system_alloc((size_t)bytes);
    if (block) return block;
    fv_regions_empty();
    block = system_alloc((size_t)bytes);
    if (block) return block;
    fv_memory_lock();
    region_bytes_held -= bytes;
    fv_memory_unlock();
    return NULL;
}

void fv_region_free(void *block, int index)
{
    fv_memory_lock();
    cache_add(block, index);
    fv_memory_unlock();
}

void fv_region_release(void *block, int index)
{
    fv_memory_lock();
    region_bytes_held -= (int64_t)region_bytes(index);
    fv_memory_unlock();
    system_free(block, region_bytes(index));
}

void fv_regions_empty(void)
{
    fv_memory_lock();
    region *all = take_surplus(0, -1);
    peak_now = peak_before = 0;
    asked = 0;
    fv_memory_unlock();
    give_back(all);
}

fv_system_info fv_system_stats(void)
{
    fv_memory_lock();
    fv_system_info info = {.cached = cached_bytes,
                           .reserved = region_bytes_held + arena_bytes_held,
                           .allocs = __atomic_load_n(&system_allocs, __ATOMIC_RELAXED)};
    fv_memory_unlock();
    return info;
}
