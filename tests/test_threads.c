/* Several threads, each with a tape, scopes and an error of its own, over shared weights that are
 * only read. */
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "support.h"
#include "tensor/parallel.h"
#include "tensor/parallel_impl.h"

enum { THREADS = 4, ROUNDS = 50 };

typedef struct worker {
    pthread_t id;
    int number;
    fv_tensor *const *shared; /* weights, read only: see make_weights */
    double wanted, found;
    int mistakes;
} worker;

/* A convolution's weight and bias, batch statistics, a linear layer's weight and bias. */
enum { CONV_W, CONV_B, MEAN, VARIANCE, LINEAR_W, LINEAR_B, WEIGHTS };

static void make_weights(fv_tensor **w)
{
    fv_manual_seed(3);
    w[CONV_W] = fv_randn(FV_SHAPE(16, 3, 3, 3));
    w[CONV_B] = fv_randn(FV_SHAPE(16));
    w[MEAN] = fv_randn(FV_SHAPE(16));
    w[VARIANCE] = fv_rand(FV_SHAPE(16));
    w[LINEAR_W] = fv_randn(FV_SHAPE(6, 16 * 4 * 4));
    w[LINEAR_B] = fv_randn(FV_SHAPE(6));
}

/* The sum of a small network's squared outputs differentiated in x, which only this thread has. */
static double own_gradient(const worker *w)
{
    double total = 0;
    FV_SCOPE {
        fv_tensor *const *s = w->shared;
        fv_tensor *x = fv_full(FV_SHAPE(2, 3, 8, 8), 0.25 * (w->number + 1), .requires_grad = true);
        fv_tensor *h = fv_conv2d(x, s[CONV_W], s[CONV_B], .padding = 1);
        h = fv_relu(fv_batch_norm(h, s[MEAN], s[VARIANCE]));
        h = fv_flatten(fv_max_pool2d(h, 2), .start_dim = 1);
        fv_tensor *y = fv_linear(h, s[LINEAR_W], s[LINEAR_B]);
        fv_backward(fv_sum(fv_mul(y, y)));
        total = fv_item(fv_sum(fv_grad_of(x)));
    }
    return total;
}

static void *work(void *context)
{
    worker *w = context;
    if (!fv_grad_enabled()) w->mistakes++;
    for (int k = 0; k < ROUNDS; k++) {
        w->found = own_gradient(w);
        if (w->found != w->wanted) w->mistakes++;
        /* every second thread makes mistakes of its own, which are nobody else's business */
        if (w->number % 2) {
            FV_SCOPE {
                if (!fv_failed(fv_add(w->shared[CONV_B], fv_zeros(FV_SHAPE(3))))) w->mistakes++;
                if (!strstr(fv_error(), "add: ")) w->mistakes++;
            }
            fv_clear_error();
        }
        if (fv_error()[0]) w->mistakes++;
        if (w->number == 0) fv_set_grad_enabled(k % 2 == 0);
        if (w->number != 0 && !fv_grad_enabled()) w->mistakes++;
        fv_set_grad_enabled(true);
    }
    fv_ones(FV_SHAPE(100)); /* outside of every scope: dies with the thread */
    return NULL;
}

START_TEST(threads_with_tapes_of_their_own_share_weights)
{
    fv_set_log(NULL, NULL);
    worker workers[THREADS] = {0};
    fv_memory_info before;
    FV_SCOPE {
        fv_tensor *weights[WEIGHTS];
        make_weights(weights);
        before = fv_memory_stats();
        for (int k = 0; k < THREADS; k++) {
            workers[k] = (worker){.number = k, .shared = weights};
            workers[k].wanted = own_gradient(&workers[k]);
        }
        for (int k = 0; k < THREADS; k++)
            ck_assert_int_eq(pthread_create(&workers[k].id, NULL, work, &workers[k]), 0);
        for (int k = 0; k < THREADS; k++) pthread_join(workers[k].id, NULL);
        for (int k = 0; k < THREADS; k++)
            ck_assert_msg(workers[k].mistakes == 0, "thread %d made %d mistakes: %g, should be %g",
                          k, workers[k].mistakes, workers[k].found, workers[k].wanted);
        fv_memory_info after = fv_memory_stats();
        ck_assert_int_eq(after.live_tensors, before.live_tensors);
        ck_assert_int_eq(after.live_nodes, before.live_nodes);
        ck_assert_int_eq(after.live_bytes, before.live_bytes);
    }
}
END_TEST

/* --- every op --------------------------------------------------------------------------------- */

enum { MOST_CASES = 4096 };

/* Inputs of all cases, which all threads read, and the values that the first thread found. */
static struct shared_case {
    const op_case *c;
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
} cases[MOST_CASES];
static int case_count;

/* Buffers, which ops may write to, are each thread's own. The random state is everybody's, so that
 * nothing is seeded here. */
static bool run_shared(const struct shared_case *s, fv_tensor **y)
{
    fv_tensor *x[CASE_INPUTS];
    case_inputs(s->c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, false, x);
    for (int i = 0; i < s->c->inputs; i++)
        if (!s->c->in[i].constant) x[i] = s->x[i];
    for (int j = 0; j < CASE_OUTPUTS; j++) y[j] = NULL;
    s->c->call(x, y);
    return !fv_failed(y[0]);
}

static void *run_all_cases(void *context)
{
    int *mistakes = context;
    for (int k = 0; k < case_count; k++)
        FV_SCOPE {
            const struct shared_case *s = &cases[k];
            fv_tensor *y[CASE_OUTPUTS];
            if (!run_shared(s, y)) ++*mistakes;
            for (int j = 0; j < CASE_OUTPUTS && y[j]; j++)
                *mistakes += !follows_memory_order(s->c) && !tensors_same(y[j], s->y[j]);
        }
    return NULL;
}

START_TEST(threads_run_every_op_on_shared_inputs)
{
    pthread_t id[THREADS];
    int mistakes[THREADS] = {0};
    FV_SCOPE {
        case_count = 0;
        for (const op_case *c = next_case(NULL); c && case_count < MOST_CASES; c = next_case(c)) {
            struct shared_case *s = &cases[case_count++];
            *s = (struct shared_case){.c = c};
            case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, true, s->x);
            ck_assert_msg(run_shared(s, s->y), "%s/%s: %s", c->op, c->name, fv_error());
        }
        for (int k = 0; k < THREADS; k++)
            ck_assert_int_eq(pthread_create(&id[k], NULL, run_all_cases, &mistakes[k]), 0);
        for (int k = 0; k < THREADS; k++) pthread_join(id[k], NULL);
        for (int k = 0; k < THREADS; k++) ck_assert_int_eq(mistakes[k], 0);
    }
}
END_TEST

static void *release_elsewhere(void *tensor)
{
    fv_release(tensor);
    return NULL;
}

START_TEST(a_tensor_may_die_in_another_thread)
{
    fv_memory_info before = fv_memory_stats();
    for (int k = 0; k < ROUNDS; k++) {
        fv_tensor *t = NULL;
        pthread_t id;
        FV_SCOPE
            t = fv_retain(fv_ones(FV_SHAPE(1000)));
        ck_assert_int_eq(pthread_create(&id, NULL, release_elsewhere, t), 0);
        pthread_join(id, NULL);
    }
    ck_assert_int_eq(fv_memory_stats().live_tensors, before.live_tensors);
    ck_assert_int_eq(fv_memory_stats().live_bytes, before.live_bytes);
}
END_TEST

START_TEST(one_number_rules_the_threads)
{
    int before = fv_get_num_threads();
    const int most = strcmp(fv_parallel_engine_name(), "none") == 0 ? 1 : 3;
    ck_assert_int_ge(before, 1);
    fv_set_num_threads(3);
    ck_assert_int_eq(fv_get_num_threads(), most);
    ck_assert_int_eq(fv_threads_for(fv_machine_now(), 1e12), most);
    ck_assert_int_eq(fv_threads_for(fv_machine_now(), 1), 1);
    fv_set_log(NULL, NULL);
    const int bad[] = {0, -5, 4097, INT_MIN, INT_MAX};
    for (int k = 0; k < 5; k++) {
        fv_set_num_threads(bad[k]);
        expect_error(FV_ERR_OPTION, "set_num_threads: ");
        ck_assert_int_eq(fv_get_num_threads(), most);
    }
    fv_set_num_threads(before);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *threads = add_case(suite, "threads");
    tcase_add_test(threads, threads_with_tapes_of_their_own_share_weights);
    tcase_add_test(threads, threads_run_every_op_on_shared_inputs);
    tcase_add_test(threads, a_tensor_may_die_in_another_thread);
    tcase_add_test(threads, one_number_rules_the_threads);
    return suite;
}
