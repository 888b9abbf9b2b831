/* Loaders: the order of epochs, batches and their ownership, memory. */
#include <stdlib.h>
#include <string.h>

#include "squares.h"

/* The y of a whole epoch, in order; returns their number. */
static int64_t epoch_labels(fv_loader *loader, int64_t *out)
{
    int64_t count = 0;
    fv_batch b;
    while (fv_loader_next(loader, &b)) {
        ck_assert_int_eq(fv_size(b.y, 0), b.n);
        const int64_t *y = fv_data_int64(b.y);
        for (int64_t i = 0; i < b.n; i++) out[count++] = y[i];
    }
    ck_assert_int_eq(fv_error_status(), FV_OK);
    ck_assert_ptr_null(b.x);
    ck_assert_int_eq(b.n, 0);
    return count;
}

/* --- the order of epochs ---------------------------------------------------------------------- */

static void assert_permutation(const int64_t *order, int64_t n)
{
    bool *seen = calloc((size_t)n, sizeof *seen);
    for (int64_t i = 0; i < n; i++) {
        ck_assert(order[i] >= 0 && order[i] < n && !seen[order[i]]);
        seen[order[i]] = true;
    }
    free(seen);
}

START_TEST(shuffling_is_a_function_of_seed_and_epoch)
{
    enum { N = 101 };
    squares s = SQUARES(N);
    fv_dataset *set = squares_set(&s);
    int64_t a[3][N], b[N];
    fv_loader *first = fv_loader_new(set, 8, .shuffle = true, .seed = 4);
    for (int epoch = 0; epoch < 3; epoch++) {
        ck_assert_int_eq(epoch_labels(first, a[epoch]), N);
        assert_permutation(a[epoch], N);
    }
    ck_assert_int_ne(memcmp(a[0], a[1], sizeof b), 0);
    ck_assert_int_ne(memcmp(a[1], a[2], sizeof b), 0);
    fv_loader *second = fv_loader_new(set, 25, .shuffle = true, .seed = 4);
    for (int epoch = 0; epoch < 3; epoch++) {
        epoch_labels(second, b);
        ck_assert_int_eq(memcmp(a[epoch], b, sizeof b), 0);
    }
    fv_free(second);
    second = fv_loader_new(set, 8, .shuffle = true, .seed = 5);
    epoch_labels(second, b);
    ck_assert_int_ne(memcmp(a[0], b, sizeof b), 0);
    fv_free(first);
    fv_free(second);
    fv_free(set);
}
END_TEST

/* 0 is a seed like any other. */
START_TEST(a_seed_left_out_is_drawn_from_the_generator)
{
    enum { N = 50 };
    squares s = SQUARES(N);
    fv_dataset *set = squares_set(&s);
    int64_t a[3][N];
    for (int i = 0; i < 3; i++) {
        if (i < 2) fv_manual_seed(9);
        fv_loader *loader = fv_loader_new(set, 10, .shuffle = true);
        epoch_labels(loader, a[i]);
        fv_free(loader);
    }
    ck_assert_int_eq(memcmp(a[0], a[1], sizeof a[0]), 0);
    ck_assert_int_ne(memcmp(a[0], a[2], sizeof a[0]), 0);
    const fv_rng_state before = fv_get_rng_state();
    for (int i = 0; i < 2; i++) {
        fv_loader *loader = fv_loader_new(set, 10, .shuffle = true, .seed = 0);
        epoch_labels(loader, a[i]);
        fv_free(loader);
    }
    ck_assert_int_eq(memcmp(a[0], a[1], sizeof a[0]), 0);
    ck_assert_uint_eq(fv_get_rng_state().offset, before.offset);
    fv_free(set);
}
END_TEST

/* Every one of the 24 orders of four samples comes up about equally often. */
START_TEST(all_orders_are_equally_likely)
{
    enum { EPOCHS = 24000 };
    fv_tensor *y = fv_arange(0, 4, .dtype = FV_INT64);
    fv_dataset *set = fv_tensor_dataset(y, y);
    fv_loader *loader = fv_loader_new(set, 4, .shuffle = true, .seed = 1);
    int counts[256] = {0}, kinds = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int64_t o[4];
        epoch_labels(loader, o);
        counts[o[0] * 64 + o[1] * 16 + o[2] * 4 + o[3]]++;
    }
    double chi = 0;
    for (int i = 0; i < 256; i++) {
        if (counts[i] == 0) continue;
        kinds++;
        chi += (counts[i] - 1000.0) * (counts[i] - 1000.0) / 1000.0;
    }
    ck_assert_int_eq(kinds, 24);
    ck_assert_msg(chi < 50, "chi square %g with 23 degrees of freedom", chi); /* p = 0.001 */
    fv_free(loader);
    fv_free(set);
}
END_TEST

START_TEST(last_batches_and_empty_sets)
{
    int64_t out[16];
    squares s = SQUARES(7), none = SQUARES(0);
    fv_dataset *set = squares_set(&s), *empty = squares_set(&none);
    struct {
        fv_dataset *set;
        int64_t batch_size;
        bool drop_last;
        int64_t batches, samples;
    } cases[] = {{set, 3, false, 3, 7},   {set, 3, true, 2, 6},  {set, 7, true, 1, 7},
                 {set, 8, true, 0, 0},    {set, 8, false, 1, 7}, {set, INT64_MAX, false, 1, 7},
                 {empty, 3, false, 0, 0}, {empty, 3, true, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            fv_loader *loader = fv_loader_new(cases[i].set, cases[i].batch_size, shuffle,
                                              .drop_last = cases[i].drop_last);
            ck_assert_ptr_nonnull(loader);
            ck_assert_int_eq(fv_loader_batches(loader), cases[i].batches);
            for (int epoch = 0; epoch < 2; epoch++)
                ck_assert_int_eq(epoch_labels(loader, out), cases[i].samples);
            fv_free(loader);
        }
    fv_free(set);
    fv_free(empty);
}
END_TEST

START_TEST(a_restored_state_continues_the_same_way)
{
    enum { N = 23 };
    squares s = SQUARES(N);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 4, .shuffle = true, .seed = 77);
    int64_t rest[N], again[N];
    epoch_labels(loader, rest);
    fv_batch b;
    for (int i = 0; i < 3; i++) ck_assert(fv_loader_next(loader, &b));
    fv_loader_state state = fv_loader_get_state(loader);
    ck_assert_int_eq(state.epoch, 1);
    ck_assert_int_eq(state.batch, 3);
    ck_assert_int_eq(epoch_labels(loader, rest), N - 12);
    fv_free(loader);
    loader = fv_loader_new(set, 4, .shuffle = true);
    ck_assert_int_eq(epoch_labels(loader, again), N); /* now at epoch 1 of another seed */
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(fv_loader_set_state(loader, state), FV_OK);
    ck_assert_int_eq(epoch_labels(loader, again), N - 12);
    ck_assert_int_eq(memcmp(rest, again, (N - 12) * sizeof *rest), 0);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* --- ownership and memory --------------------------------------------------------------------- */

START_TEST(batches_live_until_the_next_call)
{
    squares s = SQUARES(8);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 4);
    fv_batch b;
    bool more = false;
    {
        FV_SCOPE;
        more = fv_loader_next(loader, &b);
    }
    ck_assert(more);
    assert_values(b.y, (double[]){0, 1, 2, 3}, 4, 0);
    fv_tensor *kept = fv_retain(b.y);
    ck_assert(fv_loader_next(loader, &b));
    assert_values(kept, (double[]){0, 1, 2, 3}, 4, 0);
    fv_release(kept);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* A batch is given up by the next call, also by the one that ends the epoch, and by a new state. */
START_TEST(no_batch_outlives_its_turn)
{
    squares s = SQUARES(4);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 4);
    const int64_t before = fv_memory_stats().live_tensors;
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(fv_memory_stats().live_tensors, before + 2);
    ck_assert(!fv_loader_next(loader, &b));
    ck_assert_int_eq(fv_memory_stats().live_tensors, before);
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(fv_loader_set_state(loader, fv_loader_get_state(loader)), FV_OK);
    ck_assert_int_eq(fv_memory_stats().live_tensors, before);
    fv_free(loader);
    fv_free(set);
}
END_TEST

START_TEST(steady_state_asks_for_no_memory)
{
    squares s = SQUARES(40);
    fv_tensor *x = fv_zeros(40, 3, 8, 8, .dtype = FV_UINT8), *y = fv_zeros(40, .dtype = FV_INT64);
    fv_dataset *sets[] = {squares_set(&s), fv_tensor_dataset(x, y),
                          fv_image_dataset(x, y, .random_crop = 2, .random_flip = true)};
    for (int i = 0; i < 3; i++) {
        fv_loader *loader = fv_loader_new(sets[i], 16, .shuffle = true);
        int64_t labels[40];
        epoch_labels(loader, labels);
        fv_memory_info before = fv_memory_stats();
        for (int epoch = 0; epoch < 20; epoch++) epoch_labels(loader, labels);
        fv_memory_info after = fv_memory_stats();
        ck_assert_int_eq(after.system_allocs, before.system_allocs);
        ck_assert_int_eq(after.live_tensors, before.live_tensors);
        ck_assert_int_eq(after.live_bytes, before.live_bytes);
        fv_free(loader);
        fv_free(sets[i]);
    }
}
END_TEST

START_TEST(a_set_and_its_loader_outlive_a_shutdown)
{
    squares s = SQUARES(7);
    fv_dataset *set = squares_set(&s);
    fv_shutdown();
    ck_assert_int_eq(fv_dataset_size(set), 7);
    fv_loader *loader = fv_loader_new(set, 3);
    fv_shutdown();
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(b.n, 3);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* Each allocation fails once in turn: an error, no leak, and the next try works. */
START_TEST(failed_allocations_are_errors)
{
    fv_set_log(NULL, NULL);
    int failures = 0;
    for (int64_t n = 0; n < 200; n++) {
        memory_mark mark = mark_memory();
        squares s = SQUARES(6);
        fv_batch b;
        bool done = false;
        {
            FV_SCOPE;
            fv_tensor *images = fv_zeros(5, 3, 4, 4, .dtype = FV_UINT8);
            fv_tensor *labels = fv_zeros(5, .dtype = FV_INT64);
            fv_inject_alloc_failure(n);
            fv_dataset *set = fv_image_dataset(images, labels), *own = squares_set(&s);
            fv_loader *loader = set ? fv_loader_new(set, 2, .shuffle = true) : NULL;
            fv_loader *other = own ? fv_loader_new(own, 2) : NULL;
            done = loader && other && fv_loader_next(loader, &b) && fv_loader_next(other, &b);
            fv_inject_alloc_failure(-1);
            fv_free(loader);
            fv_free(other);
            fv_free(set);
            fv_free(own);
        }
        char difference[128] = "";
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
        if (done) break;
        ck_assert_int_eq(fv_error_status(), FV_ERR_MEMORY);
        fv_clear_error();
        failures++;
    }
    ck_assert_int_gt(failures, 5);
    ck_assert_int_lt(failures, 200);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("loader");
    TCase *order = add_case(suite, "order");
    tcase_add_test(order, shuffling_is_a_function_of_seed_and_epoch);
    tcase_add_test(order, a_seed_left_out_is_drawn_from_the_generator);
    tcase_add_test(order, all_orders_are_equally_likely);
    tcase_add_test(order, last_batches_and_empty_sets);
    tcase_add_test(order, a_restored_state_continues_the_same_way);
    TCase *memory = add_case(suite, "memory");
    tcase_add_test(memory, batches_live_until_the_next_call);
    tcase_add_test(memory, no_batch_outlives_its_turn);
    tcase_add_test(memory, steady_state_asks_for_no_memory);
    tcase_add_test(memory, a_set_and_its_loader_outlive_a_shutdown);
    tcase_add_test(memory, failed_allocations_are_errors);
    return suite;
}
