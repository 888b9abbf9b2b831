/* Data sets and loaders: order, batches, ownership, memory, bad arguments. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* --- a data set of callbacks ------------------------------------------------------------------ */

typedef struct squares {
    int64_t length;
    int64_t bad_shape, bad_dtype, failing, without_y; /* sample numbers, -1: none */
    int released;
} squares;

#define SQUARES(n)                                                                                 \
    {                                                                                              \
        .length = (n), .bad_shape = -1, .bad_dtype = -1, .failing = -1, .without_y = -1            \
    }

static int64_t squares_length(void *context)
{
    return ((squares *)context)->length;
}

/* x = [i, i * i], y = i. */
static fv_status squares_get(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    const squares *s = context;
    if (i == s->failing) return fv_fail(FV_ERR_IO, "squares: sample %d is lost", (int)i);
    const float values[3] = {(float)i, (float)(i * i), 0};
    *x = fv_tensor_from(values, .shape = i == s->bad_shape ? FV_SHAPE(3) : FV_SHAPE(2),
                        .dtype = FV_FLOAT32);
    if (i != s->without_y)
        *y = fv_full(.value = (double)i, .dtype = i == s->bad_dtype ? FV_FLOAT32 : FV_INT64);
    return FV_OK;
}

static void squares_release(void *context)
{
    ((squares *)context)->released++;
}

static fv_dataset *squares_set(squares *s)
{
    return fv_dataset_new(squares_length, squares_get, s, .release = squares_release);
}

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

START_TEST(callbacks_make_batches)
{
    squares s = SQUARES(7);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 3);
    ck_assert_int_eq(fv_dataset_size(set), 7);
    ck_assert_int_eq(fv_loader_batches(loader), 3);
    fv_batch b;
    for (int epoch = 0; epoch < 2; epoch++) {
        ck_assert(fv_loader_next(loader, &b));
        assert_values(b.x, (double[]){0, 0, 1, 1, 2, 4}, 6, 0);
        assert_values(b.y, (double[]){0, 1, 2}, 3, 0);
        ck_assert_int_eq(fv_ndim(b.x), 2);
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(fv_loader_next(loader, &b));
        assert_values(b.x, (double[]){6, 36}, 2, 0);
        ck_assert_int_eq(b.n, 1);
        ck_assert(!fv_loader_next(loader, &b));
    }
    fv_free(set); /* the loader still holds it */
    ck_assert_int_eq(s.released, 0);
    fv_free(loader);
    ck_assert_int_eq(s.released, 1);
}
END_TEST

START_TEST(callbacks_that_disagree_are_errors)
{
    fv_set_log(NULL, NULL);
    struct {
        squares set;
        fv_status status;
        const char *part;
    } cases[] = {
        {SQUARES(4), FV_ERR_SHAPE, "x of sample 3 is [3], others are [2]"},
        {SQUARES(4), FV_ERR_DTYPE, "y of sample 3 is float32, others are int64"},
        {SQUARES(4), FV_ERR_IO, "sample 3 is lost"},
        {SQUARES(4), FV_ERR_STATE, "sample 3 has no y"},
    };
    cases[0].set.bad_shape = cases[1].set.bad_dtype = 3;
    cases[2].set.failing = cases[3].set.without_y = 3;
    for (int i = 0; i < 4; i++) {
        memory_mark mark = mark_memory();
        fv_dataset *set = squares_set(&cases[i].set);
        fv_loader *loader = fv_loader_new(set, 2);
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(!fv_loader_next(loader, &b));
        ck_assert(!fv_loader_next(loader, &b)); /* as long as the error stands */
        expect_error(cases[i].status, cases[i].part);
        fv_free(loader);
        fv_free(set);
        char difference[128] = "";
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    }
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    fv_set_log(NULL, NULL);
    squares s = SQUARES(-1);
    ck_assert_ptr_null(squares_set(&s));
    expect_error(FV_ERR_OPTION, "length is -1");
    ck_assert_int_eq(s.released, 0);
    ck_assert_ptr_null(fv_dataset_new(squares_length, NULL));
    expect_error(FV_ERR_OPTION, "no get function");
    ck_assert_ptr_null(fv_loader_new(NULL));
    expect_error(FV_ERR_OPTION, "no data set");
    fv_batch b;
    ck_assert(!fv_loader_next(NULL, &b));
    expect_error(FV_ERR_OPTION, "no loader");
    ck_assert_int_eq(fv_loader_set_state(NULL, (fv_loader_state){0}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no loader");
    ck_assert_int_eq(fv_loader_batches(NULL) + fv_dataset_size(NULL), 0);
    ck_assert_uint_eq(fv_loader_get_state(NULL).seed, 0);
    ck_assert_ptr_null(fv_dataset_new(NULL, squares_get));
    expect_error(FV_ERR_OPTION, "no length function");
    s.length = 3;
    fv_dataset *set = squares_set(&s);
    ck_assert_ptr_null(fv_loader_new(set, .batch_size = 0));
    expect_error(FV_ERR_OPTION, "batch_size is 0");
    fv_tensor *x, *y;
    ck_assert_int_eq(fv_dataset_get(set, 3, &x, &y), FV_ERR_INDEX);
    expect_error(FV_ERR_INDEX, "index 3 in a set of 3");
    ck_assert(fv_failed(x) && fv_failed(y));
    ck_assert_int_eq(fv_dataset_get(set, -1, &x, NULL), FV_OK);
    assert_values(x, (double[]){2, 4}, 2, 0);
    ck_assert_int_eq(fv_dataset_get(set, -4, &x, &y), FV_ERR_INDEX);
    expect_error(FV_ERR_INDEX, "index -4");
    ck_assert_int_eq(fv_dataset_get(NULL, 0, &x, &y), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no data set");
    ck_assert_int_eq(fv_dataset_get(set, 0, NULL, &y), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "x is NULL");
    fv_loader *loader = fv_loader_new(set);
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, 0, 4}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "batch 4");
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, -1, 0}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "epoch -1");
    ck_assert_int_eq(fv_loader_set_state(loader, (fv_loader_state){1, 0, -1}), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "batch -1");
    ck_assert(!fv_loader_next(loader, NULL));
    expect_error(FV_ERR_OPTION, "no batch");
    fv_free(loader);
    fv_free(set);
    fv_free((fv_dataset *)NULL);
    fv_free((fv_loader *)NULL);
}
END_TEST

START_TEST(a_standing_error_ends_the_loop)
{
    fv_set_log(NULL, NULL);
    squares s = SQUARES(4);
    fv_dataset *set = squares_set(&s);
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    fv_fail(FV_ERR_STATE, "something went wrong");
    ck_assert(!fv_loader_next(loader, &b));
    ck_assert_ptr_null(b.x);
    fv_clear_error();
    ck_assert(fv_loader_next(loader, &b));
    assert_values(b.y, (double[]){2, 3}, 2, 0);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* --- sets of tensors -------------------------------------------------------------------------- */

START_TEST(tensor_sets_keep_values_and_order)
{
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        fv_tensor *x = fv_empty(4, 2, 3, 2, .channels_last = true);
        double values[48];
        for (int i = 0; i < 48; i++) values[i] = i;
        fv_copy_in(x, FV_FLOAT64, values);
        fv_tensor *y = fv_tensor_from(((int64_t[]){5, 6, 7, 8}), 4, .dtype = FV_INT64);
        fv_dataset *set = fv_tensor_dataset(x, y);
        fv_loader *loader = fv_loader_new(set, 3);
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        ck_assert(fv_is_channels_last(b.x));
        assert_values(b.x, values, 36, 0);
        assert_values(b.y, (double[]){5, 6, 7}, 3, 0);
        fv_tensor *sx, *sy;
        ck_assert_int_eq(fv_dataset_get(set, 3, &sx, &sy), FV_OK);
        assert_values(sx, values + 36, 12, 0);
        ck_assert_int_eq(fv_ndim(sy), 0);
        ck_assert(fv_item(sy) == 8);
        fv_free(loader);
        fv_free(set);
        set = fv_tensor_dataset(x, NULL);
        loader = fv_loader_new(set, 4);
        ck_assert(fv_loader_next(loader, &b));
        ck_assert_ptr_null(b.y);
        fv_free(loader);
        fv_free(set);
    }
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(tensor_sets_need_equal_lengths)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(4, 2), fv_zeros(3)));
        expect_error(FV_ERR_SHAPE, "x [4,2] and y [3]");
        ck_assert_ptr_null(fv_tensor_dataset(fv_scalar(1, FV_FLOAT32), NULL));
        expect_error(FV_ERR_SHAPE, "x []");
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(1), fv_scalar(1, FV_FLOAT32)));
        expect_error(FV_ERR_SHAPE, "y []");
        ck_assert_ptr_null(fv_tensor_dataset(NULL, NULL));
        expect_error(FV_ERR_STATE, "x is no tensor");
        ck_assert_ptr_null(fv_tensor_dataset(fv_zeros(1), fv_failed_tensor()));
        expect_error(FV_ERR_STATE, "y is no tensor");
    }
}
END_TEST

/* Samples in another order of memory, empty ones, sets whose rows are views. */
START_TEST(tensor_sets_take_any_order_of_memory)
{
    FV_SCOPE;
    double values[24];
    for (int i = 0; i < 24; i++) values[i] = i;
    fv_tensor *base = tensor_of(FV_FLOAT32, FV_SHAPE(2, 3, 4), values);
    fv_tensor *x = fv_transpose(base, 0, 2); /* [4,3,2]: rows with gaps */
    fv_dataset *set = fv_tensor_dataset(x, fv_zeros(4, 0));
    fv_loader *loader = fv_loader_new(set, 3);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    char message[256];
    ck_assert_msg(tensors_close(b.x, fv_narrow(x, 0, 0, 3), 0, message, sizeof message), "%s",
                  message);
    ck_assert_int_eq(fv_numel(b.y), 0);
    ck_assert_int_eq(fv_size(b.y, 0), 3);
    fv_free(loader);
    fv_free(set);
}
END_TEST

static fv_status turned_sample(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)y;
    fv_tensor *sample = TENSOR(FV_FLOAT32, FV_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
    *x = i % 2 ? fv_transpose(sample, 0, 1) : fv_reshape(sample, 3, 2);
    return FV_OK;
}

static fv_status late_y(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    *x = fv_ones(1);
    if (i > 0) *y = fv_ones(1);
    return FV_OK;
}

static fv_status failed_y(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)i;
    *x = fv_ones(1);
    *y = fv_failed_tensor();
    return FV_OK;
}

static fv_status deep_sample(void *context, int64_t i, fv_tensor **x, fv_tensor **y)
{
    (void)context, (void)i, (void)y;
    *x = fv_ones(1, 1, 1, 1, 1, 1, 1, 1);
    return FV_OK;
}

START_TEST(callbacks_may_give_samples_in_any_order_of_memory)
{
    squares s = SQUARES(2);
    fv_dataset *set = fv_dataset_new(squares_length, turned_sample, &s);
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    assert_values(b.x, (double[]){0, 1, 2, 3, 4, 5, 0, 3, 1, 4, 2, 5}, 12, 0);
    ck_assert_ptr_null(b.y);
    fv_free(loader);
    fv_free(set);
}
END_TEST

START_TEST(callbacks_that_give_no_batch_are_errors)
{
    static const struct {
        fv_get_fn get;
        fv_status status;
        const char *part;
    } cases[] = {{late_y, FV_ERR_STATE, "sample 1 has a y, others have none"},
                 {failed_y, FV_ERR_STATE, "sample 0 made no y"},
                 {deep_sample, FV_ERR_SHAPE, "8 dimensions"}};
    fv_set_log(NULL, NULL);
    squares s = SQUARES(2);
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        fv_tensor *x, *y;
        fv_dataset *set = fv_dataset_new(squares_length, cases[k].get, &s);
        fv_loader *loader = fv_loader_new(set, 2);
        fv_batch b;
        ck_assert(!fv_loader_next(loader, &b));
        expect_error(cases[k].status, cases[k].part);
        if (k > 0) {
            ck_assert_int_eq(fv_dataset_get(set, 0, &x, &y), cases[k].status);
            ck_assert(fv_failed(x) && fv_failed(y));
            expect_error(cases[k].status, cases[k].part);
        }
        fv_free(loader);
        fv_free(set);
    }
}
END_TEST

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

/* Each allocation fails once in turn: an error, no leak, and the next try works. */
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
    Suite *suite = suite_create("data");
    TCase *sets = add_case(suite, "sets");
    tcase_add_test(sets, callbacks_make_batches);
    tcase_add_test(sets, callbacks_that_disagree_are_errors);
    tcase_add_test(sets, bad_arguments_are_refused);
    tcase_add_test(sets, a_standing_error_ends_the_loop);
    tcase_add_test(sets, tensor_sets_keep_values_and_order);
    tcase_add_test(sets, tensor_sets_take_any_order_of_memory);
    tcase_add_test(sets, callbacks_may_give_samples_in_any_order_of_memory);
    tcase_add_test(sets, callbacks_that_give_no_batch_are_errors);
    tcase_add_test(sets, tensor_sets_need_equal_lengths);
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
