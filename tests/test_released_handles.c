/* Handles behind the last use of a tensor: releases too many, storage that dies with the handle,
 * how long a dead handle is known and when it is used again. */
#include <pthread.h>

#include "support.h"

/* --- releasing what is not one's own ---------------------------------------------------------- */

START_TEST(a_scope_keeps_what_is_released_too_often)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(2);
    fv_set_log(NULL, NULL);
    fv_release(x);
    expect_error(FV_ERR_STATE, "release: the tensor [2] belongs to its scope");
    fv_release(fv_retain(x));
    ck_assert_str_eq(fv_error(), "");
    fv_release(x);
    expect_error(FV_ERR_STATE, "release");
    ASSERT_VALUES(x, 0, 1, 1);
    fv_scope_adopt(fv_retain(x)); /* owned twice */
    ck_assert_int_eq(fv_reference_count(x), 2);
    fv_release(x);
    expect_error(FV_ERR_STATE, "release");
    ASSERT_VALUES(x, 0, 1, 1);
}
END_TEST

START_TEST(storage_dies_with_the_handle)
{
    fv_memory_info before = fv_memory_stats();
    fv_tensor *big;
    {
        FV_SCOPE;
        big = fv_zeros(1000, 1000);
    }
    fv_memory_info after = fv_memory_stats();
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    ck_assert_int_eq(after.live_tensors, before.live_tensors);
    ck_assert_ptr_null(big->data);
    ck_assert_int_eq(big->shape[0], 1000);
}
END_TEST

/* --- the quarantine --------------------------------------------------------------------------- */

enum { QUARANTINE = 16384 };

static void make_and_drop(int count)
{
    for (int k = 0; k < count; k += 64) {
        FV_SCOPE;
        for (int i = 0; i < 64; i++) fv_empty(1);
    }
}

START_TEST(a_dead_handle_is_known_for_long_and_then_used_again)
{
    fv_set_log(NULL, NULL);
    for (int round = 0; round < 3; round++) {
        fv_tensor *dead;
        {
            FV_SCOPE;
            dead = fv_zeros(7, 5);
        }
        make_and_drop(QUARANTINE - 128);
        ck_assert(fv_failed(dead));
        expect_error(FV_ERR_STATE, "[7,5]");
        int turns = 0;
        while (dead->shape[0] == 7 && turns < QUARANTINE) { /* whoever looks, sees a handle */
            make_and_drop(64);
            turns += 64;
        }
        ck_assert_int_le(turns, 512 + 64 * round);
    }
}
END_TEST

START_TEST(handles_take_no_memory_without_end)
{
    make_and_drop(4 * QUARANTINE);
    fv_memory_info before = fv_memory_stats();
    make_and_drop(8 * QUARANTINE);
    fv_memory_info after = fv_memory_stats();
    ck_assert_int_eq(after.system_allocs, before.system_allocs);
    ck_assert_int_eq(after.reserved_bytes, before.reserved_bytes);
    ck_assert_int_eq(after.cached_bytes, before.cached_bytes);
}
END_TEST

/* One thread makes tensors, another releases them. */
enum { PASSED = 255, ROUNDS = 600 }; /* 63 more than whole batches */

static void *release_row(void *row)
{
    fv_tensor **t = row;
    for (int k = 0; k < PASSED; k++) fv_release(t[k]);
    return NULL;
}

START_TEST(handles_wander_between_threads)
{
    const fv_shape shape = FV_SHAPE(3);
    fv_tensor *row[PASSED];
    int64_t reserved = 0;
    fv_set_log(NULL, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < PASSED; k++) row[k] = fv_tensor_alloc(FV_FLOAT32, &shape, NULL);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, release_row, row), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        for (int k = 0; k < PASSED; k++) ck_assert(fv_failed(row[k]));
        expect_error(FV_ERR_STATE, "[3] was used after it was released");
        if (round == ROUNDS / 2) reserved = fv_memory_stats().reserved_bytes;
    }
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, reserved);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("released handles");
    TCase *counts = add_case(suite, "references");
    tcase_add_test(counts, a_scope_keeps_what_is_released_too_often);
    tcase_add_test(counts, storage_dies_with_the_handle);
    TCase *quarantine = add_case(suite, "quarantine");
    tcase_add_test(quarantine, a_dead_handle_is_known_for_long_and_then_used_again);
    tcase_add_test(quarantine, handles_take_no_memory_without_end);
    tcase_add_test(quarantine, handles_wander_between_threads);
    return suite;
}
