/* Training on ranks that are threads of this process: averaged gradients, buckets, ranks that use
 * other layers or have fewer batches, what cannot be trained, and how they share a data set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/parallel/data_parallel_impl.h"
#include "ranks.h"

/* --- a training --------------------------------------------------------------------------------
 */

enum { SAMPLES = 48, STEPS = 12, CLASSES = 3 };

typedef struct result {
    double loss[STEPS];
    double weights[4096];
    int64_t count;
} result;

typedef struct plan {
    bool norms;
    int64_t batch; /* of all ranks together */
    bool bfloat16, clips;
    double cap; /* MiB of a bucket */
    result results[MOST];
} plan;

static fv_module *network(bool norms)
{
    if (norms)
        return fv_sequential(
            fv_nn_conv2d(2, 6, 3, .padding = 1), fv_nn_batch_norm2d(6), fv_nn_relu(),
            fv_nn_max_pool2d(2), fv_nn_conv2d(6, 8, 3, .padding = 1, .bias = false),
            fv_nn_batch_norm2d(8, .affine = false), fv_nn_flatten(), fv_nn_linear(8 * 4 * 4, 6),
            fv_nn_batch_norm1d(6), fv_nn_relu(), fv_nn_linear(6, CLASSES));
    return fv_sequential(fv_nn_conv2d(2, 6, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(6, 8, 3, .padding = 1, .bias = false), fv_nn_relu(),
                         fv_nn_flatten(), fv_nn_linear(8 * 4 * 4, CLASSES));
}

/* Values that depend on the rank, so that only the broadcast makes them equal. */
static void set_values(fv_module *net, int rank)
{
    const fv_tensor_list params = fv_parameters(net);
    for (int64_t k = 0; k < params.count; k++) {
        FV_SCOPE;
        fv_tensor *t = params.items[k];
        double *values = malloc((size_t)t->numel * sizeof *values);
        for (int64_t i = 0; i < t->numel; i++)
            values[i] = 0.02 * element(0, 7 * i + 13 * k) / 8 + 0.01 * rank;
        fv_copy_in(t, FV_FLOAT64, values);
        free(values);
    }
}

static fv_dataset *data(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_empty(SAMPLES, 2, 8, 8), *y = fv_empty(SAMPLES, .dtype = FV_INT64);
    for (int64_t i = 0; i < x->numel; i++)
        fv_data_float32(x)[i] = (float)element(3, i * i + i / 128) / 8;
    for (int64_t i = 0; i < SAMPLES; i++) fv_data_int64(y)[i] = i * i % CLASSES;
    return fv_tensor_dataset(x, y);
}

static void keep_weights(fv_module *net, result *r)
{
    const fv_named_list state = fv_state_dict(net);
    r->count = 0;
    for (int64_t k = 0; k < state.count; k++) {
        fv_copy_out(state.items[k].tensor, FV_FLOAT64, r->weights + r->count);
        r->count += fv_numel(state.items[k].tensor);
    }
}

static void train_rank(int rank, void *context)
{
    plan *p = context;
    result *r = &p->results[rank];
    fv_dataset *set = data();
    fv_module *net = network(p->norms);
    set_values(net, rank);
    if (p->norms) EXPECT(fv_convert_sync_batch_norm(net) == FV_OK);
    fv_loader *batches =
        fv_loader_new(set, p->batch / fv_get_world_size(), .shuffle = true, .seed = 5,
                      .num_replicas = fv_get_world_size(), .rank = rank);
    fv_data_parallel *parallel = fv_distributed_data_parallel(net, p->cap, .bfloat16 = p->bfloat16);
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.02, .momentum = 0.9);
    for (int step = 0; step < STEPS; step++) {
        FV_SCOPE;
        fv_batch b;
        if (!fv_loader_next(batches, &b)) fv_loader_next(batches, &b);
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
        fv_zero_grad(opt);
        EXPECT(fv_backward(loss) == FV_OK);
        if (p->clips) fv_clip_grad_norm_(fv_parameters(net), 0.2);
        EXPECT(fv_step(opt) == FV_OK);
        r->loss[step] = fv_item(loss);
    }
    keep_weights(net, r);
    fv_free(opt);
    fv_free(parallel);
    fv_free(batches);
    fv_free(net);
    fv_free(set);
}

static void expect_same_weights(const plan *p, int ranks)
{
    for (int r = 1; r < ranks; r++)
        ck_assert_int_eq(memcmp(p->results[r].weights, p->results[0].weights,
                                (size_t)p->results[0].count * sizeof(double)),
                         0);
}

static void expect_close_to_one(const plan *p, int ranks, const plan *one, double tolerance)
{
    for (int step = 0; step < STEPS; step++) {
        double mean = 0;
        for (int r = 0; r < ranks; r++) mean += p->results[r].loss[step] / ranks;
        if (fabs(mean - one->results[0].loss[step]) > tolerance)
            note_failure("%d ranks, step %d: loss %.9g, one process has %.9g", ranks, step, mean,
                         one->results[0].loss[step]);
    }
    for (int64_t i = 0; i < one->results[0].count; i++)
        if (fabs(p->results[0].weights[i] - one->results[0].weights[i]) > tolerance)
            note_failure("%d ranks: weight %lld is %.9g, of one process %.9g", ranks, (long long)i,
                         p->results[0].weights[i], one->results[0].weights[i]);
}

static plan *run_plan(plan start, int ranks)
{
    plan *p = malloc(sizeof *p);
    *p = start;
    ck_assert_int_eq(fv_spawn(train_rank, ranks, p), FV_OK);
    return p;
}

static void compare_with_one(plan start, double tolerance)
{
    plan *one = run_plan(
        (plan){.batch = start.batch, .clips = start.clips, .norms = start.norms, .cap = 25}, 1);
    ck_assert_double_lt(one->results[0].loss[STEPS - 1], one->results[0].loss[0]);
    for (int ranks = 2; ranks <= 4; ranks++) {
        plan *p = run_plan(start, ranks);
        expect_same_weights(p, ranks);
        expect_close_to_one(p, ranks, one, tolerance);
        free(p);
    }
    free(one);
    ck_assert(no_failures());
}

START_TEST(ranks_train_as_one_process)
{
    compare_with_one((plan){.batch = 12, .cap = 25}, 1e-6);
}
END_TEST

START_TEST(small_buckets_and_clipping_change_nothing)
{
    compare_with_one((plan){.batch = 12, .cap = 1e-6, .clips = true}, 1e-6);
}
END_TEST

/* Running statistics are among the weights. */
START_TEST(batch_norm_sees_all_ranks)
{
    compare_with_one((plan){.batch = 12, .cap = 25, .norms = true}, 1e-5);
    fv_convert_sync_batch_norm(NULL);
    expect_error(FV_ERR_OPTION, "convert_sync_batch_norm");
}
END_TEST

/* The gradient of a sum over ranks: rank r weighs it by r + 1. */
static void sum_in_a_graph(int rank, void *context)
{
    FV_SCOPE;
    (void)context;
    fv_tensor *x = fv_full(2, .value = rank + 1, .dtype = FV_FLOAT64, .requires_grad = true);
    fv_tensor *y = fv_all_reduce(fv_square(x)), *grad;
    EXPECT(fv_at(y, (int64_t[]){1}) == 1 + 4 + 9);
    EXPECT(fv_grad(FV_TENSORS(fv_sum(fv_mul(y, rank + 1))), FV_TENSORS(x), &grad,
                   .create_graph = true) == FV_OK);
    EXPECT(fv_at(grad, (int64_t[]){0}) == 2 * (rank + 1) * 6);
    EXPECT(fv_backward(fv_sum(grad)) == FV_OK);
    EXPECT(fv_at(fv_grad_of(x), (int64_t[]){0}) == 2 * 6);
}

START_TEST(sums_have_gradients)
{
    ck_assert_int_eq(fv_spawn(sum_in_a_graph, 3), FV_OK);
    ck_assert(no_failures());
}
END_TEST

START_TEST(bfloat16_has_8_bits)
{
    compare_with_one((plan){.batch = 12, .cap = 25, .bfloat16 = true}, 2e-2);
    plan *exact = run_plan((plan){.batch = 12, .cap = 25}, 2);
    plan *coarse = run_plan((plan){.batch = 12, .cap = 25, .bfloat16 = true}, 2);
    ck_assert_int_ne(memcmp(exact->results[0].weights, coarse->results[0].weights, 800), 0);
    free(exact);
    free(coarse);
}
END_TEST

/* --- buckets ---------------------------------------------------------------------------------- */

typedef struct watcher {
    fv_data_parallel *parallel;
    int64_t launched[8];
    int count;
} watcher;

static void note_launched(fv_tensor *leaf, void *context)
{
    watcher *w = context;
    (void)leaf;
    w->launched[w->count++] = w->parallel->launched;
}

static void watch_buckets(int rank, void *context)
{
    FV_SCOPE;
    (void)context;
    fv_module *net = fv_sequential(fv_nn_linear(4, 4), fv_nn_linear(4, 4), fv_nn_linear(4, 2));
    watcher w = {fv_distributed_data_parallel(net, .bucket_cap_mb = 1e-6), {0}, 0};
    const fv_tensor_list params = fv_parameters(net);
    for (int64_t i = 0; i < params.count; i++)
        fv_register_post_accumulate_grad_hook(params.items[i], note_launched, &w);
    EXPECT(w.parallel->bucket_count == params.count);
    EXPECT(fv_backward(fv_sum(fv_forward(net, fv_ones(3, 4)))) == FV_OK);
    /* A bucket leaves as soon as it and those before it are full, not at the end. */
    for (int k = 0; k < w.count; k += 2) EXPECT(w.launched[k + 1] == k + 2);
    EXPECT(w.count == (int)params.count);
    const fv_data_parallel_times times = fv_data_parallel_get_times(w.parallel);
    EXPECT(times.passes == 1 && times.communication > 0 && times.waited <= times.communication);
    EXPECT(times.bytes >= 4 * fv_parameter_count(net));
    fv_free(w.parallel);
    fv_free(net);
    EXPECT(rank < 2);
}

START_TEST(buckets_leave_while_backward_goes_on)
{
    ck_assert_int_eq(fv_spawn(watch_buckets, 2), FV_OK);
    ck_assert(no_failures());
}
END_TEST

/* --- parameters that are not used ------------------------------------------------------------- */

/* Of three layers rank 0 uses the first, rank 1 the second, nobody the third. */
static void use_some(int rank, void *context)
{
    FV_SCOPE;
    (void)context;
    fv_module *a = fv_nn_linear(2, 1, .bias = false), *b = fv_nn_linear(2, 1, .bias = false),
              *c = fv_nn_linear(2, 1, .bias = false);
    fv_module *all = fv_module_list(a, b, c);
    fv_data_parallel *parallel = fv_distributed_data_parallel(all);
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(1, 2), 2, 4);
    for (int pass = 1; pass <= 2; pass++) {
        EXPECT(fv_backward(fv_sum(fv_forward(rank == 0 ? a : b, x))) == FV_OK);
        fv_tensor *ga = fv_grad_of(fv_module_tensor(a, "weight"));
        fv_tensor *gb = fv_grad_of(fv_module_tensor(b, "weight"));
        EXPECT(ga && fv_at(ga, (int64_t[]){0, 0}) == 1 * pass &&
               fv_at(ga, (int64_t[]){0, 1}) == 2 * pass);
        EXPECT(gb && tensors_same(ga, gb));
        EXPECT(!fv_grad_of(fv_module_tensor(c, "weight")));
    }
    fv_free(parallel);
    fv_free(all);
}

START_TEST(what_a_rank_does_not_use_counts_as_0)
{
    ck_assert_int_eq(fv_spawn(use_some, 2), FV_OK);
    ck_assert(no_failures());
}
END_TEST

/* --- no_sync ---------------------------------------------------------------------------------- */

static void accumulate(int rank, void *context)
{
    FV_SCOPE;
    (void)context;
    fv_module *net = fv_nn_linear(1, 1, .bias = false);
    fv_data_parallel *parallel = fv_distributed_data_parallel(net);
    fv_tensor *w = fv_module_tensor(net, "weight");
    const double own = rank + 1;
    for (int k = 0; k < 2; k++) {
        FV_NO_SYNC(parallel);
        EXPECT(fv_backward(fv_sum(fv_forward(net, fv_full(1, 1, .value = own)))) == FV_OK);
        EXPECT(fv_item(fv_grad_of(w)) == (k + 1) * own);
    }
    EXPECT(fv_backward(fv_sum(fv_forward(net, fv_full(1, 1, .value = own)))) == FV_OK);
    EXPECT(fv_item(fv_grad_of(w)) == 3 * 2); /* of 3, 6 and 9 */
    EXPECT(fv_set_grad_sync(parallel, false) && !fv_set_grad_sync(parallel, true));
    fv_free(parallel);
    EXPECT(fv_backward(fv_sum(fv_forward(net, fv_full(1, 1, .value = own)))) == FV_OK);
    EXPECT(fv_item(fv_grad_of(w)) == 6 + own); /* averaged no more */
    fv_free(net);
}

START_TEST(without_sync_gradients_stay)
{
    ck_assert_int_eq(fv_spawn(accumulate, 3), FV_OK);
    ck_assert(no_failures());
}
END_TEST

/* --- join ------------------------------------------------------------------------------------- */

/* Rank r has 2 r + 1 batches; momentum must agree too. */
static void join_late(int rank, void *context)
{
    FV_SCOPE;
    plan *p = context;
    fv_module *net = fv_sequential(fv_nn_linear(2, 3), fv_nn_batch_norm1d(3), fv_nn_linear(3, 1));
    fv_data_parallel *parallel = fv_distributed_data_parallel(net);
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.05, .momentum = 0.9);
    int joined = 0;
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int k = 0; k < 2 * rank + 1; k++) {
            FV_SCOPE;
            fv_zero_grad(opt);
            fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(2, 2), rank + 1, k, -k, 0.5 * rank);
            EXPECT(fv_backward(fv_sum(fv_square(fv_forward(net, x)))) == FV_OK);
            EXPECT(fv_step(opt) == FV_OK);
        }
        while (fv_join(parallel)) {
            joined++;
            EXPECT(fv_step(opt) == FV_OK);
        }
    }
    EXPECT(joined == 2 * (2 * fv_get_world_size() - 2 - 2 * rank));
    keep_weights(net, &p->results[rank]);
    fv_free(opt);
    fv_free(parallel);
    fv_free(net);
}

START_TEST(ranks_without_batches_join)
{
    plan *p = calloc(1, sizeof *p);
    for (int ranks = 1; ranks <= 3; ranks++) {
        ck_assert_int_eq(fv_spawn(join_late, ranks, p), FV_OK);
        expect_same_weights(p, ranks);
    }
    free(p);
    ck_assert(no_failures());
}
END_TEST

/* --- networks that do not fit ----------------------------------------------------------------- */

static void other_network(int rank, void *context)
{
    (void)context;
    fv_module *net = fv_sequential(fv_nn_linear(3, 4), fv_nn_linear(4, rank == 2 ? 6 : 5));
    EXPECT(!fv_distributed_data_parallel(net));
    EXPECT(fv_error_status() == FV_ERR_PEER);
    const char *part = rank == 2
                           ? "on rank 2 parameter 1.weight is [6,4] of float32 with a gradient, in "
                             "memory 4 1; on rank 0 parameter 1.weight is [5,4]"
                           : "1 of 3 ranks have another network than rank 0";
    EXPECT(strstr(fv_error(), part) != NULL);
    fv_clear_error();
    fv_free(net);
}

START_TEST(another_network_is_told)
{
    ck_assert_int_eq(fv_spawn(other_network, 3), FV_OK);
    ck_assert(no_failures());
}
END_TEST

/* --- loaders ---------------------------------------------------------------------------------- */

/* The samples of an epoch, in order, of one rank of n. */
static int64_t draw(fv_dataset *set, int64_t batch, int n, int rank, bool drop_last, double *out)
{
    int64_t count = 0;
    fv_loader *l = fv_loader_new(set, batch, .shuffle = true, .drop_last = drop_last, .seed = 9,
                                 .num_replicas = n, .rank = rank);
    FV_EACH_BATCH (b, l) {
        fv_copy_out(b.x, FV_FLOAT64, out + count);
        count += b.n;
    }
    fv_free(l);
    return count;
}

START_TEST(ranks_share_an_epoch)
{
    FV_SCOPE;
    fv_dataset *set = fv_tensor_dataset(fv_arange(22), fv_arange(22));
    double whole[64], part[3][64];
    ck_assert_int_eq(draw(set, 6, 1, 0, false, whole), 22);
    for (int r = 0; r < 3; r++) ck_assert_int_eq(draw(set, 2, 3, r, false, part[r]), 8);
    for (int i = 0; i < 24; i++) ck_assert_double_eq(part[i % 3][i / 3], whole[i % 22]);
    for (int r = 0; r < 3; r++) ck_assert_int_eq(draw(set, 2, 3, r, true, part[r]), 6);
    for (int i = 0; i < 18; i++) ck_assert_double_eq(part[i % 3][i / 3], whole[i]);
    ck_assert_ptr_null(fv_loader_new(set, 2, .num_replicas = 2, .rank = 2));
    expect_error(FV_ERR_OPTION, "rank 2 of num_replicas 2");
    ck_assert_ptr_null(fv_loader_new(set, 2, .num_replicas = 0));
    expect_error(FV_ERR_OPTION, "rank 0 of num_replicas 0");
    fv_free(set);
}
END_TEST

START_TEST(networks_that_cannot_be_trained_are_told)
{
    fv_module *net = fv_nn_relu();
    ck_assert_ptr_null(fv_distributed_data_parallel(net));
    expect_error(FV_ERR_OPTION, "no parameter of the module wants a gradient");
    ck_assert_ptr_null(fv_distributed_data_parallel(NULL));
    expect_error(FV_ERR_OPTION, "the module is NULL");
    fv_free(net);
    net = fv_nn_linear(1, 1);
    ck_assert_ptr_null(fv_distributed_data_parallel(net, 0));
    expect_error(FV_ERR_OPTION, "bucket_cap_mb is 0");
    ck_assert(!fv_join(NULL));
    expect_error(FV_ERR_OPTION, "join");
    fv_data_parallel *alone = fv_distributed_data_parallel(net);
    ck_assert_ptr_nonnull(alone);
    ck_assert(!fv_join(alone));
    fv_free(alone);
    fv_free(net);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data parallel");
    TCase *training = add_case(suite, "training");
    tcase_add_test(training, ranks_train_as_one_process);
    tcase_add_test(training, small_buckets_and_clipping_change_nothing);
    tcase_add_test(training, batch_norm_sees_all_ranks);
    tcase_add_test(training, sums_have_gradients);
    tcase_add_test(training, bfloat16_has_8_bits);
    tcase_add_test(training, buckets_leave_while_backward_goes_on);
    tcase_add_test(training, what_a_rank_does_not_use_counts_as_0);
    tcase_add_test(training, without_sync_gradients_stay);
    tcase_add_test(training, ranks_without_batches_join);
    tcase_add_test(training, another_network_is_told);
    tcase_add_test(training, ranks_share_an_epoch);
    tcase_add_test(training, networks_that_cannot_be_trained_are_told);
    return suite;
}
