/* The caching allocator: its classes and reuse, what it counts, what it gives back, failures.
 * test_allocator_threads.c has what concerns several threads. */
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/resource.h>
#endif

#include "process.h"
#include "support.h"

enum { MB = 1000000, MIB = 1 << 20 };

/* --- blocks ----------------------------------------------------------------------------------- */

static void check_block(size_t bytes)
{
    size_t token, again;
    int64_t before = fv_memory_stats().live_bytes;
    unsigned char *block = fv_block_alloc(bytes, &token);
    ck_assert_ptr_nonnull(block);
    ck_assert_msg((uintptr_t)block % 64 == 0, "%zu: at %p", bytes, (void *)block);
    size_t counted = (size_t)(fv_memory_stats().live_bytes - before);
    ck_assert_msg(counted >= bytes && counted <= bytes + bytes / 8 + 64, "%zu: %zu", bytes,
                  counted);
    if (bytes) block[0] = block[bytes - 1] = 1;
    fv_block_free(block, token);
    void *other = fv_block_alloc(bytes, &again);
    ck_assert_msg(other == block && again == token, "%zu is not used again", bytes);
    fv_block_free(other, again);
    ck_assert_int_eq(fv_memory_stats().live_bytes, before);
}

START_TEST(blocks_of_every_size_fit_and_are_used_again)
{
    for (size_t bytes = 0; bytes <= 70000; bytes++) check_block(bytes);
    for (size_t power = (size_t)1 << 17; power <= (size_t)1 << 27; power *= 2)
        for (size_t bytes = power - 1; bytes <= power + 1; bytes++) check_block(bytes);
    fv_empty_cache();
    ck_assert_int_lt(fv_memory_stats().cached_bytes, 32 * MIB); /* what lies in arenas */
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX / 4};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        memory_mark mark = mark_memory();
        char difference[128];
        size_t token = 1;
        ck_assert_ptr_null(fv_block_alloc(sizes[k], &token));
        ck_assert_uint_eq(token, 0);
        fv_block_free(NULL, token);
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    }
    ck_assert_uint_eq(fv_block_book(SIZE_MAX / 4 + 1), 0);
    ck_assert_uint_ne(fv_block_book(0), 0);
    fv_block_unbook(fv_block_book(0));
    fv_block_unbook(0);
}
END_TEST

#if FOVEA_ASAN
int __asan_address_is_poisoned(const volatile void *address);
START_TEST(free_blocks_and_slack_are_poisoned)
{
    for (size_t bytes = 1; bytes <= 3 * MIB; bytes = bytes * 5 / 2 + 1) {
        size_t token;
        char *block = fv_block_alloc(bytes, &token);
        ck_assert(!__asan_address_is_poisoned(block + bytes - 1));
        ck_assert(__asan_address_is_poisoned(block + bytes));
        fv_block_free(block, token);
        ck_assert(__asan_address_is_poisoned(block));
        ck_assert(__asan_address_is_poisoned(block + bytes - 1));
    }
}
END_TEST
#endif

/* --- statistics ------------------------------------------------------------------------------- */

/* The peak of a few requests, over what lived before. */
static int64_t peak_of_requests(void)
{
    static const size_t sizes[] = {3700000, 100, 1900000, 40000, 3700000, 7000, 900000};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    void *blocks[COUNT];
    size_t tokens[COUNT];
    fv_reset_peak_memory();
    int64_t before = fv_memory_stats().live_bytes;
    for (int k = 0; k < COUNT; k++) {
        blocks[k] = fv_block_alloc(sizes[k], &tokens[k]);
        ck_assert_ptr_nonnull(blocks[k]);
        if (k % 3 == 2) fv_block_free(blocks[k], tokens[k]);
    }
    for (int k = 0; k < COUNT; k++)
        if (k % 3 != 2) fv_block_free(blocks[k], tokens[k]);
    ck_assert_int_eq(fv_memory_stats().live_bytes, before);
    return fv_memory_stats().peak_bytes - before;
}

START_TEST(the_peak_depends_on_the_requests_alone)
{
    enum { LARGER = 4 };
    void *blocks[LARGER];
    size_t tokens[LARGER];
    fv_empty_cache();
    int64_t wanted = peak_of_requests();
    fv_empty_cache();
    int64_t allocs = fv_memory_stats().system_allocs;
    for (int k = 0; k < LARGER; k++) blocks[k] = fv_block_alloc(4100000, &tokens[k]);
    for (int k = 0; k < LARGER; k++) fv_block_free(blocks[k], tokens[k]);
    ck_assert_int_eq(fv_memory_stats().system_allocs, allocs + LARGER);
    ck_assert_int_eq(peak_of_requests(), wanted);
    /* 900000 and 1900000 need regions of their own; 3700000 found larger ones. */
    ck_assert_int_eq(fv_memory_stats().system_allocs, allocs + LARGER + 2);
    ck_assert_int_eq(peak_of_requests(), wanted);
    ck_assert_int_eq(fv_memory_stats().system_allocs, allocs + LARGER + 2);
}
END_TEST

START_TEST(every_free_block_counts_as_cached)
{
    enum { COUNT = 1000 };
    static const size_t sizes[] = {64, 1000, 16 << 10, 20000, 256 << 10};
    static void *blocks[COUNT];
    static size_t tokens[COUNT];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int k = 0; k < COUNT; k++) blocks[k] = fv_block_alloc(sizes[s], &tokens[k]);
        fv_memory_info full = fv_memory_stats();
        for (int k = 0; k < COUNT; k++) fv_block_free(blocks[k], tokens[k]);
        fv_memory_info empty = fv_memory_stats();
        ck_assert_int_ge(full.live_bytes - empty.live_bytes, COUNT * (int64_t)sizes[s]);
        ck_assert_int_eq(empty.cached_bytes - full.cached_bytes,
                         full.live_bytes - empty.live_bytes);
        ck_assert_int_eq(empty.reserved_bytes, full.reserved_bytes);
        for (int k = 0; k < COUNT; k++) blocks[k] = fv_block_alloc(sizes[s], &tokens[k]);
        ck_assert_int_eq(fv_memory_stats().cached_bytes, full.cached_bytes);
        ck_assert_int_eq(fv_memory_stats().system_allocs, empty.system_allocs);
        for (int k = 0; k < COUNT; k++) fv_block_free(blocks[k], tokens[k]);
    }
    fv_shutdown();
    ck_assert_int_eq(fv_memory_stats().cached_bytes, 0);
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, 0);
}
END_TEST

START_TEST(bookings_count_what_blocks_would_count)
{
    static const size_t sizes[] = {0, 1, 64, 65, 1000, 30000, 1 << 20, 5 * MB};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    void *blocks[COUNT];
    size_t tokens[COUNT], booked[COUNT];
    fv_reset_peak_memory();
    fv_memory_info before = fv_memory_stats();
    ck_assert_int_eq(before.booked_bytes, before.booked_peak_bytes);
    for (int k = 0; k < COUNT; k++) booked[k] = fv_block_book(sizes[k]);
    fv_memory_info now = fv_memory_stats();
    ck_assert_int_eq(now.live_bytes, before.live_bytes);
    ck_assert_int_eq(now.reserved_bytes, before.reserved_bytes);
    for (int k = 0; k < COUNT; k++) {
        blocks[k] = fv_block_alloc(sizes[k], &tokens[k]);
        ck_assert_uint_eq(booked[k] / 64, tokens[k] / 64);
    }
    int64_t bytes = fv_memory_stats().live_bytes - before.live_bytes;
    ck_assert_int_eq(now.booked_bytes - before.booked_bytes, bytes);
    for (int k = 0; k < COUNT; k++) {
        fv_block_free(blocks[k], tokens[k]);
        fv_block_unbook(booked[k]);
    }
    now = fv_memory_stats();
    ck_assert_int_eq(now.booked_bytes, before.booked_bytes);
    ck_assert_int_eq(now.booked_peak_bytes - before.booked_bytes, bytes);
    fv_reset_peak_memory();
    ck_assert_int_eq(fv_memory_stats().booked_peak_bytes, before.booked_bytes);
}
END_TEST

/* --- what is given back ----------------------------------------------------------------------- */

/* One turn of a loop that uses blocks of `bytes` in `count` sizes that no cached one serves twice,
 * all of them alive at its end. */
static void turn(int count, size_t bytes)
{
    enum { MOST = 16 };
    void *blocks[MOST];
    size_t tokens[MOST];
    for (int k = 0; k < count; k++) {
        blocks[k] = fv_block_alloc(bytes << k % 3, &tokens[k]);
        ck_assert_ptr_nonnull(blocks[k]);
    }
    for (int k = 0; k < count; k++) fv_block_free(blocks[k], tokens[k]);
}

START_TEST(a_ramp_leaves_at_most_twice_its_peak)
{
    enum { SMALL = 2000 };
    static void *blocks[SMALL];
    static size_t tokens[SMALL];
    for (int k = 0; k < SMALL; k++) blocks[k] = fv_block_alloc(16000, &tokens[k]);
    for (int k = 0; k < SMALL; k++) fv_block_free(blocks[k], tokens[k]);
    fv_empty_cache();
    fv_reset_peak_memory();
    for (int64_t size = 4; size <= 240; size += 4) {
        FV_SCOPE;
        ck_assert(!fv_failed(fv_empty(size * MB / 4)));
    }
    fv_memory_info info = fv_memory_stats();
    ck_assert_int_ge(info.peak_bytes, 240 * MB);
    ck_assert_int_le(info.reserved_bytes, 2 * info.peak_bytes);
    ck_assert_int_ge(info.cached_bytes, 240 * MB); /* the last ones are still there */
    fv_empty_cache();
    ck_assert_int_le(fv_memory_stats().reserved_bytes, 64 * MIB); /* arenas, all of them free */
    fv_shutdown();
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, 0);
}
END_TEST

START_TEST(a_loop_asks_the_system_for_nothing_from_its_third_turn_on)
{
    for (int count = 1; count <= 16; count += 5)
        for (size_t bytes = 300000; bytes < 10 * MB; bytes *= 3) {
            turn(count, bytes);
            turn(count, bytes);
            int64_t allocs = fv_memory_stats().system_allocs;
            for (int k = 0; k < 30; k++) turn(count, bytes);
            ck_assert_int_eq(fv_memory_stats().system_allocs, allocs);
        }
    fv_empty_cache();
}
END_TEST

START_TEST(what_was_unused_longest_goes_back_first)
{
    fv_shutdown();
    turn(1, 30 * MB);
    turn(1, 40 * MB);
    int64_t allocs = fv_memory_stats().system_allocs;
    turn(1, 20 * MB); /* lifts what is held above twice the peak */
    ck_assert_int_eq(fv_memory_stats().system_allocs, allocs + 1);
    ck_assert_int_lt(fv_memory_stats().cached_bytes, 80 * MB);
    turn(1, 40 * MB);
    ck_assert_int_eq(fv_memory_stats().system_allocs, allocs + 1);
    fv_empty_cache();
}
END_TEST

START_TEST(a_peak_long_past_is_forgotten)
{
    fv_empty_cache();
    turn(12, 4 * MB);
    fv_memory_info high = fv_memory_stats();
    ck_assert_int_ge(high.cached_bytes, 100 * MB);
    for (int k = 0; k < 200; k++) turn(2, 4 * MB);
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, high.reserved_bytes);
    for (int k = 0; k < 4000; k++) turn(2, 4 * MB);
    ck_assert_int_lt(fv_memory_stats().cached_bytes, 64 * MIB);
    fv_empty_cache();
}
END_TEST

START_TEST(objects_live_through_an_emptied_cache)
{
    FV_SCOPE;
    fv_tensor *small = fv_ones(10), *large = fv_ones(1 << 20);
    {
        FV_SCOPE;
        fv_ones(1 << 20);
    }
    int64_t cached = fv_memory_stats().cached_bytes;
    ck_assert_int_ge(cached, 4 * MIB);
    fv_empty_cache();
    ck_assert_int_le(fv_memory_stats().cached_bytes, cached - 4 * MIB);
    fv_shutdown(); /* releases both: nothing of this scope is left */
    ck_assert_int_eq(fv_memory_stats().live_tensors, 0);
    ck_assert_int_eq(fv_memory_stats().cached_bytes, 0);
    small = fv_ones(10), large = fv_ones(1 << 20);
    ck_assert(!fv_failed(small) && fv_at(large, (const int64_t[]){(1 << 20) - 1}) == 1.0);
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

enum { HELD = 40 };

typedef struct holder {
    unsigned char *blocks[HELD];
    size_t bytes[HELD], tokens[HELD];
    int failures;
} holder;

static size_t any_size(uint64_t random)
{
    return random % 7 ? random % 3000 : random % 11 ? random % 100000 : random % 5000000;
}

/* Replaces a block, which must have kept what was written to it, by one of another size. */
static void replace(holder *h, int slot, size_t bytes)
{
    unsigned char fill = (unsigned char)slot;
    unsigned char *old = h->blocks[slot];
    for (size_t k = 0; old && k < h->bytes[slot]; k += 999) ck_assert_int_eq(old[k], fill);
    fv_block_free(old, h->tokens[slot]);
    h->blocks[slot] = fv_block_alloc(bytes, &h->tokens[slot]);
    h->bytes[slot] = bytes;
    if (h->blocks[slot])
        memset(h->blocks[slot], fill, bytes);
    else
        h->failures++;
}

START_TEST(every_nth_allocation_may_fail)
{
    for (int n = 1; n <= 20; n++) {
        memory_mark mark = mark_memory();
        char difference[128];
        holder h = {.failures = 0};
        uint64_t random = (uint64_t)n;
        for (int k = 0; k < 500; k++) {
            if (k % n == 0) fv_inject_alloc_failure(n - 1);
            random = random * 6364136223846793005u + 1442695040888963407u;
            replace(&h, (int)(random >> 40) % HELD, any_size(random >> 33));
        }
        fv_inject_alloc_failure(-1);
        ck_assert_int_eq(h.failures, 500 / n);
        for (int slot = 0; slot < HELD; slot++) fv_block_free(h.blocks[slot], h.tokens[slot]);
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    }
}
END_TEST

#if defined(__linux__) && !FOVEA_SANITIZED
/* With so much address space left, a cached region must make room for one that it cannot serve, and
 * small blocks must end in NULL. */
START_TEST(when_the_system_refuses_the_cache_makes_room)
{
    enum { LEFT = 120 * MIB, CHUNK = 16000, MOST = 20000 };
    static void *chunks[MOST];
    static size_t tokens[MOST];
    struct rlimit before, tight;
    long long pages = 0;
    size_t token;
    fv_empty_cache();
    turn(1, 60 * MB); /* so that the bound would let both regions be */
    fv_empty_cache();
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert(file && fscanf(file, "%lld", &pages) == 1);
    fclose(file);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + LEFT;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
    turn(1, 70 * MB);
    void *block = fv_block_alloc(90 * MB, &token);
    int count = 0;
    while (count < MOST && (chunks[count] = fv_block_alloc(CHUNK, &tokens[count]))) count++;
    fv_block_free(block, token);
    size_t last_token;
    void *last = fv_block_alloc(CHUNK, &last_token); /* where the region was */
    setrlimit(RLIMIT_AS, &before);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_gt(count, 0);
    ck_assert_int_lt(count, MOST);
    ck_assert_ptr_nonnull(last);
    fv_block_free(last, last_token);
    for (int k = 0; k < count; k++) fv_block_free(chunks[k], tokens[k]);
    fv_empty_cache();
    check_block(90 * MB);
}
END_TEST
#endif

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("allocator");
    TCase *blocks = add_case(suite, "blocks");
    tcase_add_test(blocks, blocks_of_every_size_fit_and_are_used_again);
    tcase_add_test(blocks, impossible_sizes_are_refused);
#if FOVEA_ASAN
    tcase_add_test(blocks, free_blocks_and_slack_are_poisoned);
#endif
    TCase *statistics = add_case(suite, "statistics");
    tcase_add_test(statistics, the_peak_depends_on_the_requests_alone);
    tcase_add_test(statistics, every_free_block_counts_as_cached);
    tcase_add_test(statistics, bookings_count_what_blocks_would_count);
    TCase *bounds = add_case(suite, "bounds");
    tcase_add_test(bounds, a_ramp_leaves_at_most_twice_its_peak);
    tcase_add_test(bounds, a_loop_asks_the_system_for_nothing_from_its_third_turn_on);
    tcase_add_test(bounds, what_was_unused_longest_goes_back_first);
    tcase_add_test(bounds, a_peak_long_past_is_forgotten);
    tcase_add_test(bounds, objects_live_through_an_emptied_cache);
    TCase *failures = add_case(suite, "failures");
    tcase_add_test(failures, every_nth_allocation_may_fail);
#if defined(__linux__) && !FOVEA_SANITIZED
    tcase_add_test(failures, when_the_system_refuses_the_cache_makes_room);
#endif
    return suite;
}
