/* Several threads, each with a tape, scopes and an error of its own, over shared weights that are
 * only read; training while the number of threads changes, after a fork, in the user's OpenMP. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    w[CONV_W] = fv_randn(16, 3, 3, 3);
    w[CONV_B] = fv_randn(16);
    w[MEAN] = fv_randn(16);
    w[VARIANCE] = fv_rand(16);
    w[LINEAR_W] = fv_randn(6, 16 * 4 * 4);
    w[LINEAR_B] = fv_randn(6);
}

/* The sum of a small network's squared outputs differentiated in x, which only this thread has. */
static double own_gradient(const worker *w)
{
    double total = 0;
    {
        FV_SCOPE;
        fv_tensor *const *s = w->shared;
        fv_tensor *x = fv_full(2, 3, 8, 8, .value = 0.25 * (w->number + 1), .requires_grad = true);
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
            {
                FV_SCOPE;
                if (!fv_failed(fv_add(w->shared[CONV_B], fv_zeros(3)))) w->mistakes++;
                if (!strstr(fv_error(), "add: ")) w->mistakes++;
            }
            fv_clear_error();
        }
        if (fv_error()[0]) w->mistakes++;
        if (w->number == 0) fv_set_grad_enabled(k % 2 == 0);
        if (w->number != 0 && !fv_grad_enabled()) w->mistakes++;
        fv_set_grad_enabled(true);
    }
    fv_ones(100); /* outside of every scope: dies with the thread */
    return NULL;
}

START_TEST(threads_with_tapes_of_their_own_share_weights)
{
    fv_set_log(NULL, NULL);
    worker workers[THREADS] = {0};
    fv_memory_info before;
    {
        FV_SCOPE;
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
    for (int k = 0; k < case_count; k++) {
        FV_SCOPE;
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
    {
        FV_SCOPE;
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
        {
            FV_SCOPE;
            t = fv_retain(fv_ones(1000));
        }
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

/* --- training while something else happens ---------------------------------------------------- */

/* A small convolution network with its own optimizer and data. Static in the tests: after a failed
 * assertion other threads may still train. */
typedef struct trainer {
    fv_module *net;
    fv_optim *opt;
    fv_tensor *x, *y;
    double loss; /* of the last step */
    int steps, mistakes;
} trainer;

static trainer trainer_new(uint64_t seed)
{
    fv_manual_seed(seed);
    trainer t = {0};
    t.net = fv_sequential(fv_nn_conv2d(3, 8, 3, .padding = 1), fv_nn_batch_norm2d(8), fv_nn_relu(),
                          fv_nn_conv2d(8, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                          fv_nn_dropout(.p = 0.1), fv_nn_flatten(), fv_nn_linear(16 * 8 * 8, 10));
    t.opt = fv_sgd(fv_parameters(t.net), .lr = 0.05, .momentum = 0.9);
    {
        FV_SCOPE;
        t.x = fv_retain(fv_randn(8, 3, 16, 16));
        t.y = fv_retain(fv_randint(8, .high = 10));
    }
    return t;
}

static void trainer_free(trainer *t)
{
    fv_release(t->x);
    fv_release(t->y);
    fv_free(t->opt);
    fv_free(t->net);
}

static void train_step(trainer *t)
{
    {
        FV_SCOPE;
        fv_zero_grad(t->opt);
        fv_tensor *loss = fv_cross_entropy(fv_forward(t->net, t->x), t->y);
        fv_backward(loss);
        if (fv_step(t->opt) != FV_OK) t->mistakes++;
        t->loss = fv_item(loss);
    }
    t->steps++;
}

/* Ten classes begin at a loss near ln 10 = 2.3; eight images are soon known by heart. */
static bool has_learnt(const trainer *t)
{
    return t->mistakes == 0 && t->loss < 0.5;
}

static bool learns(trainer *t)
{
    for (int k = 0; k < 40; k++) train_step(t);
    return has_learnt(t);
}

static bool stop;

static bool stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void *train_until_stopped(void *context)
{
    trainer *t = context;
    while (!stopped()) train_step(t);
    return NULL;
}

static void *change_the_threads(void *context)
{
    (void)context;
    for (int n = 1; !stopped(); n = n % 5 + 1) fv_set_num_threads(n);
    return NULL;
}

START_TEST(the_number_of_threads_changes_while_two_threads_train)
{
    int before = fv_get_num_threads();
    static trainer t[2];
    for (int k = 0; k < 2; k++) t[k] = trainer_new((uint64_t)k + 1);
    pthread_t id[3];
    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    for (int k = 0; k < 2; k++)
        ck_assert_int_eq(pthread_create(&id[k], NULL, train_until_stopped, &t[k]), 0);
    ck_assert_int_eq(pthread_create(&id[2], NULL, change_the_threads, NULL), 0);
    sleep(2);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int k = 0; k < 3; k++) pthread_join(id[k], NULL);
    for (int k = 0; k < 2; k++) {
        ck_assert_msg(t[k].steps < 40 || has_learnt(&t[k]), "loss %g after %d steps, %d mistakes",
                      t[k].loss, t[k].steps, t[k].mistakes);
        trainer_free(&t[k]);
    }
    fv_set_num_threads(before);
}
END_TEST

/* --- fork ------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
enum { RACES_WATCHED = 1 };
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
enum { RACES_WATCHED = 1 };
#else
enum { RACES_WATCHED = 0 };
#endif
#else
enum { RACES_WATCHED = 0 };
#endif

/* ThreadSanitizer ends a child that makes threads. */
static int life_of_the_child(trainer *t)
{
    if (fv_get_num_threads() != 1) return 1;
    if (!learns(t)) return 2;
    fv_set_num_threads(RACES_WATCHED ? 1 : 3);
    for (int k = 0; k < 5; k++) train_step(t);
    return has_learnt(t) ? 0 : 3;
}

/* The child's status; it is killed when it hangs. */
static int fork_and_train(trainer *t)
{
    pid_t child = fork();
    if (child == 0) _exit(life_of_the_child(t));
    int status = -1;
    for (int k = 0; k < 3000 && waitpid(child, &status, WNOHANG) == 0; k++) usleep(10000);
    if (status != -1) return status;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return -1;
}

START_TEST(the_child_of_a_fork_trains)
{
    int before = fv_get_num_threads();
    fv_set_num_threads(3);
    static trainer t;
    t = trainer_new(3);
    train_step(&t);
    ck_assert_int_eq(fork_and_train(&t), 0);
    ck_assert(learns(&t));
    trainer_free(&t);
    fv_set_num_threads(before);
}
END_TEST

START_TEST(a_fork_amid_another_threads_training)
{
    int before = fv_get_num_threads();
    fv_set_num_threads(3);
    static trainer mine, other;
    mine = trainer_new(4), other = trainer_new(5);
    pthread_t id;
    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    train_step(&mine);
    ck_assert_int_eq(pthread_create(&id, NULL, train_until_stopped, &other), 0);
    for (int k = 0; k < 4; k++) ck_assert_int_eq(fork_and_train(&mine), 0);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(id, NULL);
    ck_assert_int_eq(other.mistakes, 0);
    trainer_free(&mine);
    trainer_free(&other);
    fv_set_num_threads(before);
}
END_TEST

#ifdef _OPENMP
START_TEST(threads_of_the_users_openmp_train)
{
    int before = fv_get_num_threads();
    fv_set_num_threads(3);
    static trainer t[2];
    for (int k = 0; k < 2; k++) t[k] = trainer_new((uint64_t)k + 6);
    bool learnt[2] = {false, false};
#pragma omp parallel for num_threads(2) schedule(static, 1)
    for (int k = 0; k < 2; k++) learnt[k] = learns(&t[k]);
    for (int k = 0; k < 2; k++) {
        ck_assert(learnt[k]);
        trainer_free(&t[k]);
    }
    fv_set_num_threads(before);
}
END_TEST
#endif

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *threads = add_case(suite, "threads");
    tcase_add_test(threads, threads_with_tapes_of_their_own_share_weights);
    tcase_add_test(threads, threads_run_every_op_on_shared_inputs);
    tcase_add_test(threads, a_tensor_may_die_in_another_thread);
    tcase_add_test(threads, one_number_rules_the_threads);
    TCase *changes = add_case(suite, "changes");
    tcase_add_test(changes, the_number_of_threads_changes_while_two_threads_train);
    TCase *training = add_case(suite, "training");
    tcase_add_test(training, the_child_of_a_fork_trains);
    tcase_add_test(training, a_fork_amid_another_threads_training);
#ifdef _OPENMP
    tcase_add_test(training, threads_of_the_users_openmp_train);
#endif
    return suite;
}
