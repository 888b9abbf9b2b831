/* The caching allocator: its classes, reuse, what it gives back, blocks that change threads. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void check_block(size_t bytes)
{
    size_t capacity, again;
    unsigned char *block = fv_block_alloc(bytes, &capacity);
    ck_assert_ptr_nonnull(block);
    ck_assert_msg(capacity >= bytes && (uintptr_t)block % 64 == 0, "%zu: %zu at %p", bytes,
                  capacity, (void *)block);
    ck_assert_msg(bytes < 512 || capacity - bytes <= bytes / 4 * 3, "%zu: %zu", bytes, capacity);
    if (bytes) block[0] = block[bytes - 1] = 1;
    fv_block_free(block, capacity);
    void *other = fv_block_alloc(bytes, &again);
    ck_assert_msg(other == block && again == capacity, "%zu is not used again", bytes);
    fv_block_free(other, again);
}

START_TEST(blocks_of_every_size_fit_and_are_used_again)
{
    memory_mark mark = mark_memory();
    char difference[128];
    size_t capacity;
    for (size_t bytes = 0; bytes <= 70000; bytes++) check_block(bytes);
    for (size_t power = (size_t)1 << 17; power <= (size_t)1 << 27; power *= 2)
        for (size_t bytes = power - 1; bytes <= power + 1; bytes++) check_block(bytes);
    ck_assert_ptr_null(fv_block_alloc(SIZE_MAX, &capacity));
    ck_assert_ptr_null(fv_block_alloc((size_t)1 << 52, &capacity));
    ck_assert_ptr_null(fv_block_alloc(((size_t)1 << 52) + 1, &capacity));
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    fv_empty_cache();
    ck_assert_int_lt(fv_memory_stats().cached_bytes, 32 << 20); /* what lies in arenas */
}
END_TEST

enum { SLOTS = 64, THREADS = 4, ROUNDS = 20000 };

/* Blocks that threads take from each other: the size in front, then a byte that fills the rest. */
static size_t *slots[SLOTS];

static void check_and_free(size_t *block)
{
    if (!block) return;
    unsigned char *bytes = (unsigned char *)(block + 2), fill = (unsigned char)block[0];
    for (size_t k = 0; k < block[0] - 2 * sizeof *block; k += 61)
        if (bytes[k] != fill) abort();
    fv_block_free(block, block[1]);
}

static void *exchange(void *number)
{
    uint64_t random = 88172645463325252u + (uint64_t)(uintptr_t)number;
    for (int k = 0; k < ROUNDS; k++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t capacity, bytes = 64 + (random >> 33) % (k % 50 ? 2000 : 600000);
        size_t *block = fv_block_alloc(bytes, &capacity);
        if (!block) abort();
        memset(block, (unsigned char)bytes, bytes);
        block[0] = bytes;
        block[1] = capacity;
        check_and_free(__atomic_exchange_n(&slots[random >> 58], block, __ATOMIC_ACQ_REL));
        if (k % 5000 == 0) fv_empty_cache();
    }
    return NULL;
}

START_TEST(threads_may_free_each_others_blocks)
{
    memory_mark mark = mark_memory();
    char difference[128];
    pthread_t ids[THREADS];
    for (uintptr_t k = 0; k < THREADS; k++)
        ck_assert_int_eq(pthread_create(&ids[k], NULL, exchange, (void *)k), 0);
    for (int k = 0; k < THREADS; k++) pthread_join(ids[k], NULL);
    for (int k = 0; k < SLOTS; k++) check_and_free(slots[k]);
    memset(slots, 0, sizeof slots);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(objects_live_through_an_emptied_cache)
{
    FV_SCOPE {
        fv_tensor *small = fv_ones(FV_SHAPE(10)), *large = fv_ones(FV_SHAPE(1 << 20));
        FV_SCOPE
            fv_ones(FV_SHAPE(1 << 20));
        int64_t cached = fv_memory_stats().cached_bytes;
        ck_assert_int_ge(cached, 4 << 20);
        fv_empty_cache();
        ck_assert_int_le(fv_memory_stats().cached_bytes, cached - (4 << 20));
        fv_shutdown(); /* releases both: nothing of this scope is left */
        ck_assert_int_eq(fv_memory_stats().live_tensors, 0);
        ck_assert_int_eq(fv_memory_stats().cached_bytes, 0);
        small = fv_ones(FV_SHAPE(10)), large = fv_ones(FV_SHAPE(1 << 20));
        ck_assert(!fv_failed(small) && fv_at(large, (const int64_t[]){(1 << 20) - 1}) == 1.0);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("allocator");
    TCase *allocator = add_case(suite, "allocator");
    tcase_add_test(allocator, blocks_of_every_size_fit_and_are_used_again);
    tcase_add_test(allocator, threads_may_free_each_others_blocks);
    tcase_add_test(allocator, objects_live_through_an_emptied_cache);
    return suite;
}
