/* What chance does to a sample: it goes by seed, epoch and number alone, through subsets, sets in a
 * row, random parts and sets that wrap one in C. */
#include <stdlib.h>
#include <string.h>

#include "data_sets.h"

/* --- whole epochs ----------------------------------------------------------------------------- */

/* The first epochs of a set in order at batch size 1 with one thread. */
static void first_epoch(fv_dataset *set, epoch *e)
{
    fv_loader *loader = fv_loader_new(set, 1, .seed = 5);
    read_epoch(loader, e);
    fv_free(loader);
}

static bool same_epoch(const epoch *a, const epoch *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* In any order, in batches of any size, with any number of threads every sample meets the same, in
 * its first and in its second epoch; the two differ. */
static void check_chance(fv_dataset *set, const char *name)
{
    static epoch need[2], found;
    fv_loader *loader = fv_loader_new(set, 1, .seed = 5);
    for (int k = 0; k < 2; k++) read_epoch(loader, &need[k]);
    fv_free(loader);
    ck_assert_msg(!same_epoch(&need[0], &need[1]), "%s: two epochs are the same", name);
    static const int64_t sizes[] = {1, 3, 7, 2 * N};
    for (int threads = 1; threads <= 3; threads++)
        for (int i = 0; i < 4; i++)
            for (int shuffle = 0; shuffle < 2; shuffle++) {
                force_threads(threads);
                loader = fv_loader_new(set, sizes[i], shuffle, .seed = 5);
                for (int k = 0; k < 2; k++) {
                    read_epoch(loader, &found);
                    ck_assert_msg(same_epoch(&need[k], &found),
                                  "%s: batches of %d, %d threads, shuffled: %d", name,
                                  (int)sizes[i], threads, shuffle);
                }
                fv_free(loader);
            }
    force_threads(0);
}

/* --- tests ------- ---------------------------------------------------------------------------- */

START_TEST(a_wrapper_keeps_crops_and_flips)
{
    static epoch direct, through, plain;
    fv_manual_seed(1);
    fv_dataset *set = augmented(N);
    first_epoch(set, &direct);
    fv_manual_seed(1);
    fv_dataset *unchanged = images_from(0, N, 0, false);
    first_epoch(unchanged, &plain);
    ck_assert(!same_epoch(&direct, &plain));
    fv_free(unchanged);
    set = wrapped(set, 1);
    first_epoch(set, &through);
    ck_assert(same_epoch(&direct, &through));
    set = wrapped(wrapped(set, 1), 1);
    first_epoch(set, &through);
    ck_assert(same_epoch(&direct, &through));
    /* outside of a loader there is no chance */
    for (int64_t i = 0; i < N; i++) {
        FV_SCOPE;
        fv_tensor *x;
        ck_assert_int_eq(fv_dataset_get(set, i, &x, NULL), FV_OK);
        double values[PIXELS];
        for (int k = 0; k < PIXELS; k++) values[k] = (double)plain.pixels[i][k];
        assert_values(x, values, PIXELS, 0);
    }
    fv_free(set);
}
END_TEST

START_TEST(compositions_keep_crops_and_flips)
{
    static epoch direct, through;
    int64_t all[N], half[N / 2];
    for (int i = 0; i < N; i++) all[i] = i;
    for (int i = 0; i < N / 2; i++) half[i] = N / 2 + i;
    fv_dataset *set = augmented(N), *same = fv_subset(set, all, N);
    first_epoch(set, &direct);
    first_epoch(same, &through);
    ck_assert(same_epoch(&direct, &through));
    fv_dataset *low = fv_subset(set, all, N / 2), *high = fv_subset(set, half, N / 2);
    fv_dataset *both = fv_concat_dataset(low, high), *alone = fv_concat_dataset(both);
    first_epoch(both, &through);
    ck_assert(same_epoch(&direct, &through));
    first_epoch(alone, &through);
    ck_assert(same_epoch(&direct, &through));
    fv_dataset *upper = wrapped(fv_subset(same, half, N / 2), 1);
    fv_dataset *deep = wrapped(fv_concat_dataset(low, upper), 1);
    first_epoch(deep, &through);
    ck_assert(same_epoch(&direct, &through));
    fv_dataset *sets[] = {same, low, high, both, alone, upper, deep, set};
    for (int i = 0; i < 8; i++) fv_free(sets[i]);
}
END_TEST

START_TEST(chance_goes_by_seed_epoch_and_number)
{
    int64_t some[] = {7, 3, 11, 5, 20, 1};
    fv_dataset *set = augmented(N), *other = images_from(N, N, 2, false), *train, *val;
    ck_assert_int_eq(
        fv_random_split(set, .fractions = {0.7, 0.3}, .out = {&train, &val}, .seed = 3), FV_OK);
    fv_dataset *choice = fv_subset(set, some, 6), *row = fv_concat_dataset(set, other);
    check_chance(set, "images");
    fv_dataset *own = wrapped(augmented(N), 1), *pairs = wrapped(augmented(N), 2);
    fv_dataset *mixed = fv_concat_dataset(own, other);
    check_chance(own, "wrapper");
    check_chance(pairs, "pairs");
    check_chance(choice, "subset");
    check_chance(train, "part");
    check_chance(row, "row");
    check_chance(mixed, "row with a wrapper");
    fv_dataset *sets[] = {set, other, train, val, choice, row, own, pairs, mixed};
    for (int i = 0; i < 9; i++) fv_free(sets[i]);
}
END_TEST

/* How many of the images of an epoch differ from the first. */
static int different(fv_loader *loader)
{
    static float first[PIXELS];
    int count = 0, seen = 0;
    FV_EACH_BATCH (b, loader) {
        FV_SCOPE;
        float *x = malloc((size_t)fv_numel(b.x) * sizeof *x);
        fv_copy_out(b.x, FV_FLOAT32, x);
        for (int64_t i = 0; i < b.n; i++, seen++) {
            if (seen == 0) memcpy(first, x, sizeof first);
            count += memcmp(x + i * PIXELS, first, sizeof first) != 0;
        }
        free(x);
    }
    return count;
}

/* A sample that comes twice in a subset or in two sets of a row meets chance twice. */
START_TEST(repetitions_differ)
{
    int64_t again[N] = {0};
    fv_dataset *set = augmented(1), *many = fv_subset(set, again, N);
    fv_loader *loader = fv_loader_new(many, 8, .seed = 4);
    ck_assert_int_gt(different(loader), N / 2);
    fv_free(loader);
    fv_dataset *row = fv_concat_dataset(set, set, set, set, set, set, set, set);
    loader = fv_loader_new(row, 8, .seed = 4);
    ck_assert_int_gt(different(loader), 4);
    fv_free(loader);
    fv_free(row);
    fv_free(many);
    fv_free(set);
}
END_TEST

/* The first of two samples fetched for one is what a single one would be; the second is not. */
START_TEST(fetching_twice_meets_chance_twice)
{
    static epoch once, twice;
    fv_manual_seed(2);
    fv_dataset *set = augmented(N);
    first_epoch(set, &once);
    set = wrapped(set, 2);
    first_epoch(set, &twice);
    int same = 0;
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(memcmp(twice.pixels[i], once.pixels[i], PIXELS * sizeof(float)), 0);
        same += memcmp(twice.pixels[i] + PIXELS, once.pixels[i], PIXELS * sizeof(float)) == 0;
    }
    ck_assert_int_lt(same, N / 4); /* one of 98 windows */
    fv_free(set);
}
END_TEST

/* --- sets that draw themselves ---------------------------------------------------------------- */

typedef struct noisy {
    fv_dataset *base; /* NULL: samples of noise alone */
    bool seeds;       /* sets the generator before it draws */
} noisy;

static int64_t noisy_length(void *context)
{
    const noisy *n = context;
    return n->base ? fv_dataset_size(n->base) : N;
}

/* x [2, 1, SIDE, SIDE]: noise, and the base's sample or noise again. */
static fv_status noisy_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    const noisy *n = context;
    if (n->seeds) fv_manual_seed((uint64_t)i);
    fv_tensor *noise = fv_rand(1, SIDE, SIDE), *inner = NULL;
    if (n->base) {
        fv_status status = fv_dataset_get(n->base, i, &inner, y);
        if (status != FV_OK) return status;
        inner = fv_narrow(inner, 0, 0, 1);
        inner = fv_reshape(inner, 1, SIDE, SIDE);
    } else {
        inner = fv_rand(1, SIDE, SIDE);
        *y = fv_scalar((double)i, FV_INT64);
    }
    *x = fv_stack(FV_TENSORS(noise, inner));
    return FV_OK;
}

START_TEST(draws_go_by_seed_epoch_and_number)
{
    noisy plain = {NULL, false}, seeded = {NULL, true};
    fv_dataset *set = fv_dataset_new(noisy_length, noisy_get, &plain);
    const fv_rng_state before = fv_get_rng_state();
    check_chance(set, "noise");
    noisy around = {set, false};
    fv_dataset *outer = fv_dataset_new(noisy_length, noisy_get, &around);
    check_chance(outer, "noise around noise");
    static epoch e;
    first_epoch(outer, &e);
    for (int i = 0; i < N; i++) /* the two draw different numbers, and so do two samples */
        for (int j = 0; j < N; j++)
            ck_assert(memcmp(e.pixels[i], e.pixels[j] + PIXELS, 16) != 0 &&
                      (i == j || memcmp(e.pixels[i], e.pixels[j], 16) != 0));
    fv_dataset *fixed = fv_dataset_new(noisy_length, noisy_get, &seeded);
    first_epoch(fixed, &e);
    const fv_rng_state after = fv_get_rng_state();
    ck_assert(before.seed == after.seed && before.offset == after.offset);
    FV_SCOPE;
    fv_tensor *x;
    ck_assert_int_eq(fv_dataset_get(set, 3, &x, NULL), FV_OK); /* here they come from it */
    ck_assert_uint_ne(fv_get_rng_state().offset, before.offset);
    fv_free(fixed);
    fv_free(outer);
    fv_free(set);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("chance");
    TCase *chance = add_case(suite, "chance");
    tcase_add_test(chance, a_wrapper_keeps_crops_and_flips);
    tcase_add_test(chance, compositions_keep_crops_and_flips);
    tcase_add_test(chance, chance_goes_by_seed_epoch_and_number);
    tcase_add_test(chance, repetitions_differ);
    tcase_add_test(chance, fetching_twice_meets_chance_twice);
    tcase_add_test(chance, draws_go_by_seed_epoch_and_number);
    return suite;
}
