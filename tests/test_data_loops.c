/* Loops over a loader: where they begin, what break leaves behind, how they go on from a saved
 * state; and data sets of callbacks that do not do what they must. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { N = 50, SIDE = 8, PIXELS = SIDE * SIDE };

static fv_dataset *numbered(int64_t n)
{
    FV_SCOPE;
    fv_tensor *y = fv_arange(0, (double)n, .dtype = FV_INT64);
    return fv_tensor_dataset(y, y);
}

static int64_t first_label(const fv_batch *b)
{
    return fv_data_int64(b->y)[0];
}

/* --- beginning -------------------------------------------------------------------------------- */

START_TEST(a_loop_left_by_break_begins_anew)
{
    fv_dataset *set = numbered(N);
    fv_loader *loader = fv_loader_new(set, 4);
    int loops = 0, batches = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        int64_t at = 0;
        FV_EACH_BATCH (b, loader) {
            FV_SCOPE;
            ck_assert_int_eq(first_label(&b), at);
            at += 4;
            batches++;
            if (at > 4 * epoch) break;
        }
        loops++;
        ck_assert_int_eq(fv_loader_get_state(loader).epoch, epoch);
    }
    ck_assert_int_eq(loops, 3);
    ck_assert_int_eq(batches, 1 + 2 + 3);
    /* a whole epoch, and after it a whole one again */
    for (int epoch = 3; epoch < 5; epoch++) {
        int count = 0;
        FV_EACH_BATCH (b, loader) {
            if (b.n == 4 && count % 2) {
                count++;
                continue;
            }
            count++;
        }
        ck_assert_int_eq(count, 13);
        ck_assert_int_eq(fv_loader_get_state(loader).epoch, epoch + 1);
        ck_assert_int_eq(fv_loader_get_state(loader).batch, 0);
    }
    fv_free(loader);
    fv_free(set);
}
END_TEST

static int64_t third_label(fv_loader *loader)
{
    int count = 0;
    FV_EACH_BATCH (b, loader) {
        FV_SCOPE;
        if (++count == 3) return first_label(&b);
    }
    return -1;
}

/* The order of the epoch that was left is not that of the next. */
START_TEST(every_loop_has_an_order_of_its_own)
{
    fv_dataset *set = numbered(1000);
    fv_loader *loader = fv_loader_new(set, 1, .shuffle = true, .seed = 3);
    int64_t left[4], whole[4];
    for (int k = 0; k < 4; k++) left[k] = third_label(loader);
    for (int k = 0; k < 4; k++) {
        fv_batch b;
        ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){3, k, 2}), FV_OK);
        ck_assert(fv_loader_next(loader, &b));
        whole[k] = first_label(&b);
    }
    ck_assert_int_eq(memcmp(left, whole, sizeof left), 0);
    ck_assert(left[0] != left[1] || left[1] != left[2]);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* Only the first loop behind a saved state goes on there. */
START_TEST(a_saved_state_counts_once)
{
    fv_dataset *set = numbered(N);
    fv_loader *loader = fv_loader_new(set, 4);
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, 7, 3}), FV_OK);
    FV_EACH_BATCH (b, loader) {
        ck_assert_int_eq(first_label(&b), 12);
        break;
    }
    FV_EACH_BATCH (b, loader) {
        ck_assert_int_eq(first_label(&b), 0);
        break;
    }
    ck_assert_int_eq(fv_loader_get_state(loader).epoch, 8);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* A loop in a loop, on another loader and on the same one; one that is never entered. */
START_TEST(loops_may_stand_in_loops)
{
    fv_dataset *set = numbered(6), *none = numbered(0);
    fv_loader *a = fv_loader_new(set, 2), *b = fv_loader_new(set, 3), *c = fv_loader_new(none);
    int outer = 0, inner = 0, never = 0;
    FV_EACH_BATCH (x, a) {
        outer++;
        FV_EACH_BATCH (y, b) inner++;
        FV_EACH_BATCH (z, c) never++;
        ck_assert_int_eq(first_label(&x), 2 * (outer - 1));
    }
    ck_assert(outer == 3 && inner == 6 && never == 0);
    FV_EACH_BATCH (x, b) {
        ck_assert_int_eq(x.n, 3);
        break;
    }
    ck_assert_int_eq(fv_loader_get_state(b).batch, 1);
    ck_assert_ptr_null(fv_loader_begin(b).x);
    ck_assert_int_eq(fv_loader_get_state(b).batch, 0);
    fv_free(a);
    fv_free(b);
    fv_free(c);
    fv_free(set);
    fv_free(none);
}
END_TEST

START_TEST(begin_gives_up_the_batch_that_is_out)
{
    fv_dataset *set = numbered(6);
    fv_loader *loader = fv_loader_new(set, 2);
    const int64_t before = fv_memory_stats().live_tensors;
    FV_EACH_BATCH (b, loader) break;
    ck_assert_int_eq(fv_memory_stats().live_tensors, before + 2);
    (void)fv_loader_begin(loader);
    ck_assert_int_eq(fv_memory_stats().live_tensors, before);
    fv_free(loader);
    fv_free(set);
}
END_TEST

START_TEST(no_loop_runs_while_an_error_stands)
{
    fv_set_log(NULL, NULL);
    fv_dataset *set = numbered(6);
    fv_loader *loader = fv_loader_new(set, 2);
    FV_EACH_BATCH (b, loader) break;
    fv_fail(FV_ERR_STATE, "something");
    FV_EACH_BATCH (b, loader) ck_abort_msg("entered");
    ck_assert_int_eq(fv_loader_get_state(loader).epoch, 0); /* where it was */
    ck_assert_int_eq(fv_loader_get_state(loader).batch, 1);
    fv_clear_error();
    FV_EACH_BATCH (b, loader) ck_assert_int_eq(fv_loader_get_state(loader).epoch, 1);
    FV_EACH_BATCH (b, (fv_loader *)NULL) ck_abort_msg("entered");
    expect_error(FV_ERR_OPTION, "loader_begin: no loader");
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* fv_loader_next alone goes on where it was: the comment in loader.h says so. */
START_TEST(the_raw_call_goes_on)
{
    fv_dataset *set = numbered(6);
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    while (fv_loader_next(loader, &b)) break;
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(first_label(&b), 2);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* --- going on from a state -------------------------------------------------------------------- */

typedef struct noisy {
    fv_dataset *images;
} noisy;

static int64_t noisy_length(void *context)
{
    return fv_dataset_size(((noisy *)context)->images);
}

/* The image, cropped and flipped, with noise on it that the set draws. */
static fv_status noisy_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    fv_status status = fv_dataset_get(((noisy *)context)->images, i, x, y);
    if (status == FV_OK) *x = fv_add(*x, fv_randn_like(*x));
    return status;
}

/* Bytes of a batch, appended. */
static size_t append(const fv_batch *b, float *out, size_t n)
{
    ck_assert_int_eq(fv_copy_out(b->x, FV_FLOAT32, out + n), FV_OK);
    n += (size_t)fv_numel(b->x);
    ck_assert_int_eq(fv_copy_out(b->y, FV_FLOAT32, out + n), FV_OK);
    return n + (size_t)b->n;
}

/* From every place of two epochs another process goes on with the same bits, as though there had
 * been no break, whatever it has drawn before, and with another number of threads. */
START_TEST(a_loop_goes_on_from_every_state)
{
    enum { BATCH = 8, BATCHES = 7, EPOCHS = 2, FLOATS = EPOCHS * N * (PIXELS + 1) };
    static float need[FLOATS], found[FLOATS];
    fv_manual_seed(4);
    fv_dataset *images = NULL, *train, *val;
    {
        FV_SCOPE;
        images = fv_image_dataset(fv_randint(2 * N, 1, SIDE, SIDE, .high = 256, .dtype = FV_UINT8),
                                  fv_arange(0, 2 * N, .dtype = FV_INT64), .random_crop = 2,
                                  .random_flip = true);
    }
    noisy n = {images};
    fv_dataset *set = fv_dataset_new(noisy_length, noisy_get, &n);
    ck_assert_int_eq(fv_random_split(set, .lengths = {N, N}, .out = {&train, &val}, .seed = 6),
                     FV_OK);
    fv_loader *loader = fv_loader_new(train, BATCH, .shuffle = true, .seed = 9);
    fv_loader_state state[EPOCHS * BATCHES];
    size_t start[EPOCHS * BATCHES], size = 0;
    int count = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        FV_EACH_BATCH (b, loader) {
            FV_SCOPE;
            size = append(&b, need, size);
            start[count] = size;
            state[count++] = fv_loader_get_state(loader);
        }
    ck_assert(count == EPOCHS * BATCHES && size == FLOATS);
    fv_free(loader);
    for (int k = 0; k < count; k++) {
        force_threads(1 + k % 3);
        fv_manual_seed((uint64_t)k);
        loader = fv_loader_new(train, BATCH, .shuffle = true);
        ck_assert_int_eq(fv_loader_set_state(loader, state[k]), FV_OK);
        size = start[k];
        for (int64_t epoch = state[k].epoch; epoch < EPOCHS; epoch++)
            FV_EACH_BATCH (b, loader) size = append(&b, found, size);
        ck_assert_uint_eq(size, FLOATS);
        ck_assert_int_eq(
            memcmp(found + start[k], need + start[k], (FLOATS - start[k]) * sizeof *need), 0);
        fv_free(loader);
    }
    force_threads(0);
    fv_free(train);
    fv_free(val);
    fv_free(set);
    fv_free(images);
}
END_TEST

/* --- callbacks that do not do what they must ---------------------------------------------------
 */

typedef enum mischief {
    NO_X,
    FAILED_X,
    FAILED_Y,
    ERROR_AND_OK,
    ERROR_OF_AN_OP,
    STATUS_ALONE,
    NO_STATUS,
    NEGATIVE_STATUS,
    OTHER_SHAPE,
    OTHER_RANK,
    OTHER_DTYPE,
    SHAPE_ONLY,
    Y_IN_PLACE_OF_NONE,
    FAILED_FETCH,
    OWN_LOADER,
    MISCHIEFS
} mischief;

typedef struct imp {
    mischief what;
    fv_dataset *inner; /* with a sample less */
    fv_loader *loader; /* the one that reads this */
} imp;

enum { BAD = 2, LENGTH = 4 }; /* sample BAD is the bad one */

static int64_t imp_length(void *context)
{
    (void)context;
    return LENGTH;
}

static fv_status imp_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    const imp *p = context;
    fv_tensor *good = fv_ones(2), *label = fv_scalar(1, FV_INT64);
    fv_batch b;
    *x = good;
    *y = p->what == Y_IN_PLACE_OF_NONE ? NULL : label;
    if (i != BAD) return FV_OK;
    switch (p->what) {
    case NO_X: *x = NULL; break;
    case FAILED_X: *x = fv_failed_tensor(); break;
    case FAILED_Y: *y = fv_failed_tensor(); break;
    case ERROR_AND_OK: fv_fail(FV_ERR_IO, "imp: the disk is gone"); break;
    case ERROR_OF_AN_OP: fv_add(good, fv_ones(3)); break;
    case STATUS_ALONE: return FV_ERR_IO;
    case NO_STATUS: return (fv_status)77;
    case NEGATIVE_STATUS: return (fv_status)-1;
    case OTHER_SHAPE: *x = fv_ones(3); break;
    case OTHER_RANK: *x = fv_ones(2, 1); break;
    case OTHER_DTYPE: *y = fv_scalar(1, FV_FLOAT32); break;
    case SHAPE_ONLY:
        fv_set_shapes_only(true);
        *x = fv_ones(2);
        fv_set_shapes_only(false);
        break;
    case Y_IN_PLACE_OF_NONE: *y = label; break;
    case FAILED_FETCH: (void)fv_dataset_get(p->inner, i, x, y), *x = good, *y = label; break;
    case OWN_LOADER: (void)fv_loader_next(p->loader, &b); break;
    case MISCHIEFS: break;
    }
    return FV_OK;
}

/* No batch with a bad sample in it comes out, directly or through a subset or a row; every try
 * after the error was cleared fails again, and the good samples still come. */
START_TEST(a_bad_sample_makes_no_batch)
{
    static const struct {
        fv_status status;
        const char *part;
    } need[MISCHIEFS] = {
        [NO_X] = {FV_ERR_STATE, "get of sample 2 made no x"},
        [FAILED_X] = {FV_ERR_STATE, "get of sample 2 made no x"},
        [FAILED_Y] = {FV_ERR_STATE, "get of sample 2 made no y"},
        [ERROR_AND_OK] = {FV_ERR_IO, "imp: the disk is gone"},
        [ERROR_OF_AN_OP] = {FV_ERR_SHAPE, "add: "},
        [STATUS_ALONE] = {FV_ERR_IO, "get of sample 2 returned status"},
        [NO_STATUS] = {FV_ERR_STATE, "get of sample 2 returned 77, no status"},
        [NEGATIVE_STATUS] = {FV_ERR_STATE, "get of sample 2 returned -1, no status"},
        [OTHER_SHAPE] = {FV_ERR_SHAPE, "x of sample 2 is [3], others are [2]"},
        [OTHER_RANK] = {FV_ERR_SHAPE, "x of sample 2 is [2,1], others are [2]"},
        [OTHER_DTYPE] = {FV_ERR_DTYPE, "y of sample 2 is float32, others are int64"},
        [SHAPE_ONLY] = {FV_ERR_STATE, "x of sample 2 has a shape only"},
        [Y_IN_PLACE_OF_NONE] = {FV_ERR_STATE, "sample 2 has a y, others have none"},
        [FAILED_FETCH] = {FV_ERR_INDEX, "index 2 in a set of 2"},
        [OWN_LOADER] = {FV_ERR_STATE, "called by the data set that the loader reads"},
    };
    fv_set_log(NULL, NULL);
    for (int what = 0; what < MISCHIEFS; what++)
        for (int around = 0; around < 3; around++) {
            memory_mark mark = mark_memory();
            imp p = {.what = (mischief)what, .inner = numbered(BAD)};
            fv_dataset *bare = fv_dataset_new(imp_length, imp_get, &p);
            fv_dataset *set = around == 0   ? fv_concat_dataset(bare)
                              : around == 1 ? fv_subset(bare, (const int64_t[]){0, 1, 2, 3}, 4)
                                            : fv_concat_dataset(bare, bare);
            fv_loader *loader = p.loader = fv_loader_new(set, LENGTH);
            fv_batch b;
            for (int tries = 0; tries < 2; tries++) {
                ck_assert_msg(!fv_loader_next(loader, &b), "mischief %d passed", what);
                ck_assert(!b.x && !b.y && b.n == 0);
                expect_error(need[what].status, need[what].part);
            }
            fv_free(loader);
            loader = p.loader = fv_loader_new(set, BAD);
            ck_assert(fv_loader_next(loader, &b));
            ck_assert_int_eq(b.n, BAD);
            fv_free(loader);
            fv_free(set);
            fv_free(bare);
            fv_free(p.inner);
            char difference[128] = "";
            ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
        }
}
END_TEST

/* One sample alone: what cannot differ from others is fine, everything else is an error. */
START_TEST(a_bad_sample_alone_is_an_error)
{
    fv_set_log(NULL, NULL);
    for (int what = 0; what < MISCHIEFS; what++) {
        const bool fine = what == OTHER_SHAPE || what == OTHER_RANK || what == OTHER_DTYPE ||
                          what == Y_IN_PLACE_OF_NONE;
        imp p = {.what = (mischief)what, .inner = numbered(BAD)};
        if (what == OWN_LOADER) p.loader = NULL; /* still an error: no loader */
        fv_dataset *set = fv_dataset_new(imp_length, imp_get, &p);
        FV_SCOPE;
        fv_tensor *x, *y;
        ck_assert_msg((fv_dataset_get(set, BAD, &x, &y) == FV_OK) == fine, "mischief %d", what);
        ck_assert((fv_error_status() == FV_OK) == fine && fv_failed(x) != fine);
        ck_assert(fine || fv_failed(y));
        fv_clear_error();
        fv_free(set);
        fv_free(p.inner);
    }
}
END_TEST

/* While an error stands a sample is refused: it could not be told from a bad one. */
START_TEST(no_sample_while_an_error_stands)
{
    fv_set_log(NULL, NULL);
    fv_dataset *set = numbered(3);
    FV_SCOPE;
    fv_tensor *x, *y;
    fv_fail(FV_ERR_IO, "before");
    ck_assert_int_eq(fv_dataset_get(set, 0, &x, &y), FV_ERR_IO);
    ck_assert(fv_failed(x) && fv_failed(y));
    expect_error(FV_ERR_IO, "before");
    ck_assert_int_eq(fv_dataset_get(set, 0, &x, &y), FV_OK);
    fv_free(set);
}
END_TEST

/* A get that opens a scope and leaves it open, and hands out what belongs to it. */
static fv_status scoping_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    fv_scope outer = fv_scope_open(&outer);
    *x = fv_add(fv_ones(2), (double)i);
    fv_scope inner = fv_scope_open(&inner);
    *y = fv_scalar((double)i, FV_INT64);
    return FV_OK;
}

START_TEST(scopes_that_get_leaves_open_are_closed)
{
    memory_mark mark = mark_memory();
    fv_dataset *set = fv_dataset_new(imp_length, scoping_get, NULL);
    fv_loader *loader = fv_loader_new(set, 3);
    FV_EACH_BATCH (b, loader) {
        FV_SCOPE;
        if (b.n == 3) ASSERT_VALUES(b.x, 0, 1, 1, 2, 2, 3, 3);
        fv_tensor *mine = fv_ones(1); /* of this scope, which get has left alone */
        ck_assert(fv_item(mine) == 1);
    }
    fv_free(loader);
    fv_free(set);
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

static int64_t failing_length(void *context)
{
    (void)context;
    fv_fail(FV_ERR_IO, "length: no such file");
    return 3;
}

static void count_release(void *context)
{
    ++*(int *)context;
}

START_TEST(a_length_that_fails_makes_no_set)
{
    fv_set_log(NULL, NULL);
    int released = 0;
    ck_assert_ptr_null(
        fv_dataset_new(failing_length, scoping_get, &released, .release = count_release));
    expect_error(FV_ERR_IO, "length: no such file");
    ck_assert_int_eq(released, 0);
}
END_TEST

START_TEST(sets_of_shapes_alone_are_refused)
{
    fv_set_log(NULL, NULL);
    FV_SCOPE;
    fv_tensor *y = fv_zeros(2, .dtype = FV_INT64), *x = fv_zeros(2, 1, 4, 4, .dtype = FV_UINT8);
    fv_set_shapes_only(true);
    fv_tensor *none = fv_zeros(2, 1, 4, 4, .dtype = FV_UINT8);
    fv_tensor *no_labels = fv_zeros(2, .dtype = FV_INT64);
    fv_set_shapes_only(false);
    ck_assert_ptr_null(fv_tensor_dataset(none, y));
    expect_error(FV_ERR_STATE, "x has a shape only");
    ck_assert_ptr_null(fv_tensor_dataset(x, no_labels));
    expect_error(FV_ERR_STATE, "y has a shape only");
    ck_assert_ptr_null(fv_image_dataset(none, y));
    expect_error(FV_ERR_STATE, "images have a shape only");
    ck_assert_ptr_null(fv_image_dataset(x, no_labels));
    expect_error(FV_ERR_STATE, "labels have a shape only");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data loops");
    TCase *loops = add_case(suite, "loops");
    tcase_add_test(loops, a_loop_left_by_break_begins_anew);
    tcase_add_test(loops, every_loop_has_an_order_of_its_own);
    tcase_add_test(loops, a_saved_state_counts_once);
    tcase_add_test(loops, loops_may_stand_in_loops);
    tcase_add_test(loops, begin_gives_up_the_batch_that_is_out);
    tcase_add_test(loops, no_loop_runs_while_an_error_stands);
    tcase_add_test(loops, the_raw_call_goes_on);
    tcase_add_test(loops, a_loop_goes_on_from_every_state);
    TCase *bad = add_case(suite, "bad");
    tcase_add_test(bad, a_bad_sample_makes_no_batch);
    tcase_add_test(bad, a_bad_sample_alone_is_an_error);
    tcase_add_test(bad, no_sample_while_an_error_stands);
    tcase_add_test(bad, scopes_that_get_leaves_open_are_closed);
    tcase_add_test(bad, a_length_that_fails_makes_no_set);
    tcase_add_test(bad, sets_of_shapes_alone_are_refused);
    return suite;
}
