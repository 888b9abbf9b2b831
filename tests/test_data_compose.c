/* Data sets made of others: subsets, sets in a row, random parts. What chance does to their
 * samples: test_data_chance.c. */
#include <string.h>

#include "data_sets.h"

/* --- tests: which samples ----------------------------------------------------------------------
 */

/* The labels of a set in order; returns their number. */
static int64_t labels_of(fv_dataset *set, int64_t *out)
{
    for (int64_t i = 0; i < fv_dataset_size(set); i++) {
        FV_SCOPE;
        fv_tensor *x, *y;
        ck_assert_int_eq(fv_dataset_get(set, i, &x, &y), FV_OK);
        out[i] = (int64_t)fv_item(y);
    }
    return fv_dataset_size(set);
}

static void check_labels(fv_dataset *set, const int64_t *need, int64_t n)
{
    int64_t found[2 * N];
    ck_assert_msg(set != NULL, "%s", fv_error());
    ck_assert_int_eq(labels_of(set, found), n);
    for (int64_t i = 0; i < n; i++) ck_assert_int_eq(found[i], need[i]);
    int64_t k = 0;
    fv_loader *loader = fv_loader_new(set, 3);
    FV_EACH_BATCH (b, loader)
        for (int64_t i = 0; i < b.n; i++) ck_assert_int_eq(fv_data_int64(b.y)[i], need[k++]);
    ck_assert_int_eq(k, n);
    fv_free(loader);
}

START_TEST(subsets_and_rows_have_their_samples)
{
    memory_mark mark = mark_memory();
    fv_dataset *set = augmented(6), *own = wrapped(images_from(6, 4, 0, false), 1);
    fv_dataset *choice = fv_subset(set, (const int64_t[]){5, 0, 0, 3}, 4);
    fv_dataset *deeper = fv_subset(choice, (const int64_t[]){3, 1, 0}, 3);
    fv_dataset *none = fv_subset(set, NULL, 0), *row = fv_concat_dataset(none, choice, own, deeper);
    fv_dataset *rows = fv_concat_dataset(row, row);
    fv_free(set); /* the others keep what they need */
    fv_free(own);
    check_labels(choice, (const int64_t[]){5, 0, 0, 3}, 4);
    check_labels(deeper, (const int64_t[]){3, 0, 5}, 3);
    check_labels(none, NULL, 0);
    fv_free(choice);
    fv_free(deeper);
    fv_free(none);
    check_labels(row, (const int64_t[]){5, 0, 0, 3, 6, 7, 8, 9, 3, 0, 5}, 11);
    fv_free(row);
    check_labels(
        rows, (const int64_t[]){5, 0, 0, 3, 6, 7, 8, 9, 3, 0, 5, 5, 0, 0, 3, 6, 7, 8, 9, 3, 0, 5},
        22);
    fv_free(rows);
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(rows_of_unlike_samples_are_told)
{
    fv_set_log(NULL, NULL);
    FV_SCOPE;
    fv_tensor *y = fv_zeros(3, .dtype = FV_INT64);
    fv_dataset *a = fv_tensor_dataset(fv_zeros(3, 4), y);
    fv_dataset *others[] = {fv_tensor_dataset(fv_zeros(3, 5), y),
                            fv_tensor_dataset(fv_zeros(3, 4, .dtype = FV_FLOAT64), y),
                            fv_tensor_dataset(fv_zeros(3, 4), NULL)};
    static const char *const parts[] = {"x of sample 3 is [5], others are [4]",
                                        "x of sample 3 is float64, others are float32",
                                        "sample 3 has no y, others have one"};
    static const fv_status status[] = {FV_ERR_SHAPE, FV_ERR_DTYPE, FV_ERR_STATE};
    for (int i = 0; i < 3; i++) {
        fv_dataset *row = fv_concat_dataset(a, others[i]);
        fv_loader *loader = fv_loader_new(row, 3);
        fv_batch b;
        const int64_t before = fv_memory_stats().live_tensors;
        ck_assert(fv_loader_next(loader, &b)); /* of one set each they are fine */
        ck_assert(fv_loader_next(loader, &b));
        fv_free(loader);
        loader = fv_loader_new(row, 4);
        ck_assert(!fv_loader_next(loader, &b));
        expect_error(status[i], parts[i]);
        fv_free(loader);
        ck_assert_int_eq(fv_memory_stats().live_tensors, before);
        fv_free(row);
        fv_free(others[i]);
    }
    fv_free(a);
}
END_TEST

/* --- tests: random parts -----------------------------------------------------------------------
 */

START_TEST(parts_share_out_all_samples)
{
    fv_dataset *set = augmented(N), *parts[3], *again[3], *other[3];
    ck_assert_int_eq(fv_random_split(set, .lengths = {20, 15, 5},
                                     .out = {&parts[0], &parts[1], &parts[2]}, .seed = 0),
                     FV_OK);
    ck_assert_int_eq(fv_random_split(set, .fractions = {0.5, 0.375, 0.125},
                                     .out = {&again[0], &again[1], &again[2]}, .seed = 0),
                     FV_OK);
    ck_assert_int_eq(fv_random_split(set, .lengths = {20, 15, 5},
                                     .out = {&other[0], &other[1], &other[2]}, .seed = 1),
                     FV_OK);
    int64_t a[N], b[N], c[N], n = 0, m = 0, l = 0;
    int seen[N] = {0};
    for (int k = 0; k < 3; k++) {
        n += labels_of(parts[k], a + n);
        m += labels_of(again[k], b + m);
        l += labels_of(other[k], c + l);
    }
    ck_assert(n == N && m == N && l == N);
    for (int i = 0; i < N; i++) seen[a[i]]++;
    for (int i = 0; i < N; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
    ck_assert_int_ne(memcmp(a, c, sizeof a), 0);
    fv_free(set);
    for (int k = 0; k < 3; k++) {
        fv_free(parts[k]);
        fv_free(again[k]);
        fv_free(other[k]);
    }
}
END_TEST

/* What PyTorch 1.13 says. */
START_TEST(fractions_are_rounded_as_pytorch_does)
{
    static const struct {
        int64_t size;
        double fractions[4];
        int64_t lengths[4];
        int parts;
    } cases[] = {{10, {.3, .3, .4}, {3, 3, 4}, 3},
                 {11, {.5, .5}, {6, 5}, 2},
                 {7, {1 / 3., 1 / 3., 1 / 3.}, {3, 2, 2}, 3},
                 {3, {.25, .25, .25, .25}, {1, 1, 1, 0}, 4},
                 {0, {.5, .5}, {0, 0}, 2},
                 {5, {1}, {5}, 1},
                 {5, {1, 0}, {5, 0}, 2},
                 {101, {.7, .2, .1}, {71, 20, 10}, 3}};
    fv_set_log(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FV_SCOPE;
        fv_dataset *part[4] = {NULL};
        fv_random_split_args a = fv_random_split_defaults;
        a.dataset = fv_tensor_dataset(fv_zeros(cases[i].size), NULL);
        memcpy(a.fractions, cases[i].fractions, sizeof cases[i].fractions);
        for (int k = 0; k < cases[i].parts; k++) a.out[k] = &part[k];
        ck_assert_msg(fv_random_split_ex(&a) == FV_OK, "%s", fv_error());
        for (int k = 0; k < cases[i].parts; k++) {
            ck_assert_int_eq(fv_dataset_size(part[k]), cases[i].lengths[k]);
            fv_free(part[k]);
        }
        fv_free(a.dataset);
    }
}
END_TEST

static void count_text(const char *message, void *context)
{
    *(int *)context += strstr(message, "part 1 has no sample") != NULL;
}

START_TEST(an_empty_part_is_warned_about)
{
    int warnings = 0;
    fv_dataset *set = augmented(4), *a, *b;
    fv_set_log(count_text, &warnings);
    ck_assert_int_eq(fv_random_split(set, .lengths = {4, 0}, .out = {&a, &b}), FV_OK);
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(warnings, 1);
    ck_assert_int_eq(fv_dataset_size(b), 0);
    fv_free(a);
    fv_free(b);
    fv_free(set);
}
END_TEST

/* Without a seed the split comes from the generator: reproducible by fv_manual_seed. */
START_TEST(a_seed_left_out_is_drawn)
{
    int64_t order[3][N];
    fv_dataset *set = augmented(N);
    for (int i = 0; i < 3; i++) {
        fv_dataset *all;
        if (i < 2) fv_manual_seed(12);
        ck_assert_int_eq(fv_random_split(set, .fractions = {1}, .out = {&all}), FV_OK);
        labels_of(all, order[i]);
        fv_free(all);
    }
    ck_assert_int_eq(memcmp(order[0], order[1], sizeof order[0]), 0);
    ck_assert_int_ne(memcmp(order[0], order[2], sizeof order[0]), 0);
    fv_free(set);
}
END_TEST

START_TEST(bad_splits_are_refused)
{
    fv_set_log(NULL, NULL);
    fv_dataset *set = augmented(10), *a = set, *b = set;
#define REFUSED(part, ...)                                                                         \
    do {                                                                                           \
        a = b = set;                                                                               \
        ck_assert_int_eq(fv_random_split(__VA_ARGS__), FV_ERR_OPTION);                             \
        expect_error(FV_ERR_OPTION, part);                                                         \
        ck_assert(!strstr(part, "sum") || (!a && !b));                                             \
    } while (0)
    REFUSED("lengths sum to 6, the set has 10", set, .lengths = {3, 3}, .out = {&a, &b});
    REFUSED("length 0 is -1", set, .lengths = {-1, 11}, .out = {&a, &b});
    REFUSED("lengths sum to", set, .lengths = {INT64_MAX, INT64_MAX}, .out = {&a, &b});
    REFUSED("fractions sum to 0.9, need 1", set, .fractions = {.5, .4}, .out = {&a, &b});
    REFUSED("fractions sum to 1.1", set, .fractions = {.5, .6}, .out = {&a, &b});
    REFUSED("fraction 1 is nan", set, .fractions = {.5, (double)__builtin_nanf("")},
            .out = {&a, &b});
    REFUSED("fraction 0 is -0.5", set, .fractions = {-.5, 1.5}, .out = {&a, &b});
    REFUSED("give one of them", set, .fractions = {.5, .5}, .lengths = {5, 5}, .out = {&a, &b});
    REFUSED("a length for part 1, but 1 in .out", set, .lengths = {5, 5}, .out = {&a});
    REFUSED("out 0 is NULL, out 1 is not", set, .lengths = {5, 5}, .out = {NULL, &b});
    REFUSED("out 0 and out 1 are one", set, .lengths = {5, 5}, .out = {&a, &a});
    REFUSED("no .out", set);
    REFUSED("no data set", NULL, .lengths = {5, 5}, .out = {&a, &b});
#undef REFUSED
    fv_free(set);
}
END_TEST

START_TEST(bad_compositions_are_refused)
{
    fv_set_log(NULL, NULL);
    fv_dataset *set = augmented(4);
    ck_assert_ptr_null(fv_subset(NULL, (const int64_t[]){0}, 1));
    expect_error(FV_ERR_OPTION, "subset: no data set");
    ck_assert_ptr_null(fv_subset(set, NULL, 1));
    expect_error(FV_ERR_OPTION, "no indices");
    ck_assert_ptr_null(fv_subset(set, (const int64_t[]){0}, -1));
    expect_error(FV_ERR_OPTION, "negative count");
    ck_assert_ptr_null(fv_subset(set, (const int64_t[]){0, 4}, 2));
    expect_error(FV_ERR_INDEX, "index 1 is 4, the set has 4");
    ck_assert_ptr_null(fv_subset(set, (const int64_t[]){-1}, 1));
    expect_error(FV_ERR_INDEX, "index 0 is -1");
    ck_assert_ptr_null(fv_concat_dataset());
    expect_error(FV_ERR_OPTION, "no data set");
    ck_assert_ptr_null(fv_concat_dataset(set, NULL));
    expect_error(FV_ERR_OPTION, "data set 1 is NULL");
    ck_assert_ptr_null(fv_concat_dataset_from((fv_datasets){NULL, 2}));
    expect_error(FV_ERR_OPTION, "no data set");
    fv_free(set);
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------
 */

/* Dead handles wait before they are used again: as many as wait at most, and more. */
static void use_handles(void)
{
    for (int k = 0; k < 40000; k++) {
        FV_SCOPE;
        fv_empty(1);
    }
}

START_TEST(steady_state_asks_for_no_memory)
{
    static epoch e;
    fv_dataset *set = augmented(N), *train, *val;
    fv_random_split(set, .fractions = {.5, .5}, .out = {&train, &val});
    fv_dataset *row = fv_concat_dataset(train, val, train);
    fv_loader *loader = fv_loader_new(row, 16, .shuffle = true);
    use_handles();
    read_epoch(loader, &e);
    const fv_memory_info before = fv_memory_stats();
    for (int i = 0; i < 20; i++) read_epoch(loader, &e);
    const fv_memory_info after = fv_memory_stats();
    ck_assert_int_eq(after.system_allocs, before.system_allocs);
    ck_assert_int_eq(after.live_tensors, before.live_tensors);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    fv_free(loader);
    fv_dataset *sets[] = {set, train, val, row};
    for (int i = 0; i < 4; i++) fv_free(sets[i]);
}
END_TEST

/* Each allocation fails once in turn: an error, nothing left behind, all parts NULL. */
START_TEST(failed_allocations_are_errors)
{
    fv_set_log(NULL, NULL);
    fv_dataset *set = augmented(6);
    int failures = 0;
    for (int64_t n = 0;; n++) {
        memory_mark mark = mark_memory();
        fv_dataset *a = set, *b = set;
        fv_batch batch;
        fv_inject_alloc_failure(n);
        fv_status status = fv_random_split(set, .lengths = {2, 4}, .out = {&a, &b}, .seed = 1);
        ck_assert((status == FV_OK) == (a && b) && !a == !b);
        fv_dataset *row = a ? fv_concat_dataset(a, set, b) : NULL;
        fv_loader *loader = row ? fv_loader_new(row, 12) : NULL;
        const bool done = loader && fv_loader_next(loader, &batch);
        fv_inject_alloc_failure(-1);
        fv_free(loader);
        fv_free(row);
        fv_free(a);
        fv_free(b);
        char difference[128] = "";
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
        if (done) break;
        ck_assert_int_eq(fv_error_status(), FV_ERR_MEMORY);
        fv_clear_error();
        failures++;
    }
    ck_assert_int_gt(failures, 15);
    fv_free(set);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data compose");
    TCase *samples = add_case(suite, "samples");
    tcase_add_test(samples, subsets_and_rows_have_their_samples);
    tcase_add_test(samples, rows_of_unlike_samples_are_told);
    tcase_add_test(samples, bad_compositions_are_refused);
    TCase *parts = add_case(suite, "parts");
    tcase_add_test(parts, parts_share_out_all_samples);
    tcase_add_test(parts, fractions_are_rounded_as_pytorch_does);
    tcase_add_test(parts, an_empty_part_is_warned_about);
    tcase_add_test(parts, a_seed_left_out_is_drawn);
    tcase_add_test(parts, bad_splits_are_refused);
    TCase *memory = add_case(suite, "memory");
    tcase_add_test(memory, steady_state_asks_for_no_memory);
    tcase_add_test(memory, failed_allocations_are_errors);
    return suite;
}
