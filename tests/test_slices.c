/* Inference of a large batch in slices: when, with which results, and what errors say. */
#include <stdio.h>
#include <string.h>

#include "support.h"

enum { N = 40, C = 4, SIDE = 112 }; /* 8 MB: two slices and more */

/* --- modules that tell what they have seen ---------------------------------------------------- */

/* Calls with elements, in all threads; the call that fails (0: none). */
static int64_t calls, failing;
static int attempt;        /* told by its message */
static int64_t samples[N]; /* of each call; meaningful where one thread runs all of them */

static fv_tensor *counted_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    if (fv_is_shapes_only(x)) return fv_relu(x);
    const int64_t call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (call <= N) samples[call - 1] = fv_size(x, 0);
    if (call == failing) {
        fv_fail(FV_ERR_STATE, "call %d fails", attempt);
        return fv_failed_tensor();
    }
    return fv_relu(x);
}

static const fv_module_type counted_type = {
    .name = "Counted", .forward = counted_forward, .per_sample = 1};
static const fv_module_type together_type = {.name = "Together", .forward = counted_forward};

static fv_module *counted(void)
{
    return fv_module_new(&counted_type, NULL);
}

/* In evaluation; NULL for the last: none. */
static fv_module *network(fv_module *first, fv_module *last)
{
    fv_module *m = fv_sequential(first, counted());
    if (last) fv_module_append(m, last);
    fv_eval(m);
    return m;
}

static fv_module *convolutions(void)
{
    return network(fv_nn_conv2d(C, C, 3, .padding = 1),
                   fv_sequential(fv_nn_batch_norm2d(C), fv_nn_max_pool2d(4), fv_nn_flatten(),
                                 fv_nn_linear(C * SIDE * SIDE / 16, 3)));
}

/* Calls of the counted module for x without gradients. */
static int64_t calls_of(fv_module *m, fv_tensor *x)
{
    FV_NO_GRAD;
    calls = failing = 0;
    fv_forward(m, x);
    return calls;
}

static fv_tensor *batch(void)
{
    fv_manual_seed(2);
    return fv_randn(N, C, SIDE, SIDE);
}

static void ignore(const fv_event *e, void *context)
{
    (void)e, (void)context;
}

/* --- when ------------------------------------------------------------------------------------- */

static int64_t calls_without(fv_module *m, bool training, bool grads, bool observed, fv_tensor *x)
{
    if (training) fv_train(m);
    const int handle = observed ? fv_observe(ignore, NULL) : 0;
    const bool before = fv_set_grad_enabled(grads);
    calls = failing = 0;
    fv_forward(m, x);
    fv_set_grad_enabled(before);
    if (handle) fv_unobserve(handle);
    fv_eval(m);
    return calls;
}

START_TEST(a_large_batch_goes_through_in_slices_and_a_small_one_as_a_whole)
{
    fv_module *m = convolutions();
    {
        FV_SCOPE;
        fv_tensor *x = batch();
        const int64_t slices = calls_of(m, x);
        ck_assert_int_ge(slices, 2);
        ck_assert_int_le(slices, N / 4);
        ck_assert_int_eq(calls_of(m, x), slices); /* as it was decided */
        ck_assert_int_eq(calls_of(m, fv_narrow(x, 0, 0, 4)), 1);
        ck_assert_int_eq(calls_of(m, fv_narrow(x, 0, 0, 1)), 1);
    }
    fv_free(m);
}
END_TEST

START_TEST(slices_can_be_switched_off)
{
    fv_module *m = convolutions();
    {
        FV_SCOPE;
        fv_tensor *x = batch();
        ck_assert(fv_set_slices_enabled(false));
        ck_assert(!fv_slices_enabled());
        ck_assert_int_eq(calls_of(m, x), 1);
        ck_assert(!fv_set_slices_enabled(true));
        ck_assert_int_ge(calls_of(m, x), 2);
    }
    fv_free(m);
}
END_TEST

START_TEST(training_gradients_and_observers_see_whole_batches)
{
    fv_module *m = convolutions();
    {
        FV_SCOPE;
        fv_tensor *x = batch();
        ck_assert_int_ge(calls_without(m, false, false, false, x), 2);
        ck_assert_int_eq(calls_without(m, true, false, false, x), 1);
        ck_assert_int_eq(calls_without(m, false, true, false, x), 1);
        ck_assert_int_eq(calls_without(m, false, false, true, x), 1);
        fv_use_reference(true); /* other threads would not run twins */
        ck_assert_int_eq(calls_of(m, x), 1);
        fv_use_reference(false);
    }
    fv_free(m);
}
END_TEST

/* Does m give what it gives where an observer has it see the whole batch? Frees m. */
static bool gives_the_whole(fv_module *m, fv_tensor *x)
{
    FV_NO_GRAD;
    char message[512];
    fv_tensor *y = fv_forward(m, x);
    const int handle = fv_observe(ignore, NULL);
    const bool same = tensors_close(y, fv_forward(m, x), 1e-5, message, sizeof message);
    fv_unobserve(handle);
    fv_free(m);
    return same;
}

/* Those within may be cut by themselves. */
START_TEST(layers_that_mix_samples_get_whole_batches)
{
    FV_SCOPE;
    fv_tensor *x = batch();
    ck_assert(gives_the_whole(network(fv_nn_identity(), fv_nn_softmax(1)), x));
    ck_assert(gives_the_whole(network(fv_nn_identity(), fv_nn_softmax(0)), x));
    ck_assert(gives_the_whole(network(fv_nn_identity(), fv_nn_log_softmax(-4)), x));
    ck_assert(
        gives_the_whole(network(fv_nn_batch_norm2d(C, .track_running_stats = false), NULL), x));
    ck_assert(gives_the_whole(network(fv_nn_identity(), fv_nn_flatten(.start_dim = 0)), x));
    fv_module *own = fv_module_new(&together_type, NULL);
    fv_eval(own);
    ck_assert_int_eq(calls_of(own, x), 1);
    fv_free(own);
}
END_TEST

/* Slices share the batch's memory, but not that of what is made of them. */
START_TEST(a_layer_that_writes_into_the_batch_gets_it_whole)
{
    fv_module *first = network(fv_nn_relu(.inplace = true), NULL);
    fv_module *second = network(fv_nn_tanh(), fv_nn_relu(.inplace = true));
    fv_module *viewed = fv_sequential(fv_nn_flatten(.start_dim = 2), fv_nn_relu(.inplace = true));
    fv_eval(viewed);
    {
        FV_SCOPE;
        fv_tensor *x = batch();
        const uint32_t version = fv_version(x);
        calls_of(first, x);
        ck_assert_uint_eq(fv_version(x), version + 1);
        ck_assert_int_ge(calls_of(second, x), 2);
        ck_assert_uint_eq(fv_version(x), version + 1);
        calls_of(viewed, x);
        ck_assert_uint_eq(fv_version(x), version + 2);
    }
    fv_free(first);
    fv_free(second);
    fv_free(viewed);
}
END_TEST

/* [C,H,W] is one sample of a convolution, whose channels are no samples. */
START_TEST(a_single_picture_is_no_batch_of_channels)
{
    fv_module *m = network(fv_nn_conv2d(N, N, 1), NULL);
    {
        FV_SCOPE;
        fv_tensor *x = fv_reshape(batch(), N, 2 * SIDE, 2 * SIDE);
        ck_assert_int_eq(calls_of(m, x), 1);
        ck_assert_int_eq(fv_error_status(), FV_OK);
        fv_module *rows = network(fv_nn_linear(N, N), NULL);
        ck_assert_int_eq(calls_of(rows, fv_randn(N)), 1);
        fv_free(rows);
    }
    fv_free(m);
}
END_TEST

/* --- results ---------------------------------------------------------------------------------- */

static fv_tensor *result(fv_module *m, fv_tensor *x, int threads)
{
    FV_NO_GRAD;
    fv_set_num_threads(threads);
    calls = failing = 0;
    return fv_forward(m, x);
}

START_TEST(results_are_those_of_the_whole_batch_at_any_number_of_threads)
{
    char message[512];
    const int before = fv_get_num_threads();
    fv_module *m = convolutions();
    fv_module *map = network(fv_nn_conv2d(C, 2, 3, .padding = 1), NULL);
    fv_module *both[] = {m, map};
    for (int i = 0; i < 4; i++) {
        FV_SCOPE;
        fv_tensor *x = i < 2 ? batch() : fv_to_channels_last(batch());
        fv_tensor *y = result(both[i % 2], x, 1);
        ck_assert_int_ge(calls, 2);
        ck_assert(tensors_same(y, result(both[i % 2], x, 3)));
        ck_assert(tensors_same(y, result(both[i % 2], x, 2)));
        const int handle = fv_observe(ignore, NULL);
        fv_tensor *whole = result(both[i % 2], x, 3);
        fv_unobserve(handle);
        ck_assert_msg(tensors_close(y, whole, 1e-4, message, sizeof message), "%s", message);
        ck_assert_int_eq(fv_is_channels_last(y), fv_is_channels_last(whole));
    }
    fv_set_num_threads(before);
    fv_free(m);
    fv_free(map);
}
END_TEST

/* Two threads, a half each, end together. */
static void expect_halves(const fv_tensor *x)
{
    const int64_t alone = calls % 2, half = calls / 2;
    int64_t sum = 0;
    for (int64_t i = 0; i < calls; i++) sum += samples[i];
    ck_assert_int_eq(sum, fv_size(x, 0));
    ck_assert_int_eq(alone, fv_size(x, 0) % 2);
    for (int64_t i = 0; i < half; i++)
        ck_assert_int_eq(samples[alone + i], samples[alone + half + i]);
}

START_TEST(any_number_of_samples_is_cut_into_halves_of_the_same_lengths)
{
    char message[512];
    const int before = fv_get_num_threads();
    fv_module *m = network(fv_nn_max_pool2d(2), NULL);
    int sliced = 0;
    for (int64_t n = 2; n <= N; n++) {
        FV_SCOPE;
        fv_tensor *x = fv_narrow(batch(), 0, 0, n);
        fv_tensor *y = result(m, x, 1);
        if (calls < 2) continue;
        sliced++;
        expect_halves(x);
        for (int threads = 2; threads <= 3; threads++)
            ck_assert(tensors_same(y, result(m, x, threads)));
        fv_set_slices_enabled(false);
        ck_assert_msg(tensors_close(y, result(m, x, 1), 0, message, sizeof message), "%s", message);
        fv_set_slices_enabled(true);
    }
    ck_assert_int_ge(sliced, N / 4);
    fv_set_num_threads(before);
    fv_free(m);
}
END_TEST

START_TEST(nothing_but_the_result_stays)
{
    fv_module *m = convolutions();
    {
        FV_SCOPE;
        FV_NO_GRAD;
        char difference[256];
        fv_tensor *x = batch();
        const memory_mark mark = mark_memory();
        {
            FV_SCOPE;
            fv_forward(m, x);
        }
        ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    }
    fv_free(m);
}
END_TEST

/* --- errors ----------------------------------------------------------------------------------- */

START_TEST(a_mistake_is_told_of_the_whole_batch)
{
    fv_set_log(NULL, NULL);
    fv_module *m = convolutions();
    {
        FV_SCOPE;
        FV_NO_GRAD;
        ck_assert(fv_failed(fv_forward(m, fv_zeros(N, C + 1, SIDE, SIDE))));
        expect_error(FV_ERR_SHAPE, "input [40,5,112,112] has 5 channels");
        ck_assert(!fv_failed(fv_forward(m, batch())));
    }
    fv_free(m);
}
END_TEST

START_TEST(a_slice_that_fails_in_any_thread_fails_the_call)
{
    fv_set_log(NULL, NULL);
    const int before = fv_get_num_threads();
    fv_module *m = convolutions();
    for (int round = 0; round < 8; round++) {
        FV_SCOPE;
        FV_NO_GRAD;
        fv_set_num_threads(1 + round % 3);
        fv_tensor *x = batch();
        const int64_t slices = calls_of(m, x);
        for (int64_t i = 1; i <= slices; i++) {
            calls = 0;
            failing = i;
            attempt++;
            ck_assert(fv_failed(fv_forward(m, x)));
            char message[32];
            snprintf(message, sizeof message, "call %d fails", attempt);
            expect_error(FV_ERR_STATE, message);
        }
        ck_assert_int_eq(calls_of(m, x), slices);
        ck_assert_int_eq(fv_error_status(), FV_OK);
    }
    fv_set_num_threads(before);
    fv_free(m);
}
END_TEST

/* Gives half of its samples, but not on shapes alone. */
static fv_tensor *halving_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return fv_is_shapes_only(x) ? fv_relu(x) : fv_narrow(x, 0, 0, x->shape[0] / 2);
}

START_TEST(a_type_that_says_per_sample_and_is_not_is_told)
{
    static const fv_module_type type = {
        .name = "Halving", .forward = halving_forward, .per_sample = 1};
    fv_set_log(NULL, NULL);
    fv_module *m = network(fv_module_new(&type, NULL), NULL);
    {
        FV_SCOPE;
        FV_NO_GRAD;
        ck_assert(fv_failed(fv_forward(m, batch())));
        expect_error(FV_ERR_STATE, "per_sample");
    }
    fv_free(m);
}
END_TEST

Suite *fovea_suite(void)
{
    fv_set_slices_enabled(true); /* on any machine */
    Suite *suite = suite_create("slices");
    TCase *when = add_case(suite, "when");
    tcase_add_test(when, a_large_batch_goes_through_in_slices_and_a_small_one_as_a_whole);
    tcase_add_test(when, slices_can_be_switched_off);
    tcase_add_test(when, training_gradients_and_observers_see_whole_batches);
    tcase_add_test(when, layers_that_mix_samples_get_whole_batches);
    tcase_add_test(when, a_layer_that_writes_into_the_batch_gets_it_whole);
    tcase_add_test(when, a_single_picture_is_no_batch_of_channels);
    TCase *results = add_case(suite, "results");
    tcase_add_test(results, results_are_those_of_the_whole_batch_at_any_number_of_threads);
    tcase_add_test(results, any_number_of_samples_is_cut_into_halves_of_the_same_lengths);
    tcase_add_test(results, nothing_but_the_result_stays);
    TCase *errors = add_case(suite, "errors");
    tcase_add_test(errors, a_mistake_is_told_of_the_whole_batch);
    tcase_add_test(errors, a_slice_that_fails_in_any_thread_fails_the_call);
    tcase_add_test(errors, a_type_that_says_per_sample_and_is_not_is_told);
    return suite;
}
