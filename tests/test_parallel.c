/* The parallel loop: every chunk once, whatever the threads, the callers and the machine do.
 * FOVEA_THREADS in the environment decides which engine is tested. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"
#include "tensor/parallel.h"
#include "tensor/parallel_impl.h"

enum { MOST_THREADS = 8, MOST_CHUNKS = 64, CALLERS = 3 };

static bool engine_is(const char *name)
{
    return strcmp(fv_parallel_engine_name(), name) == 0;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void nap(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* --- every chunk once ------------------------------------------------------------------------- */

/* How often each chunk ran, and which slots are in use right now. The counts are plain numbers, so
 * that ThreadSanitizer sees whether the end of the loop orders them. */
typedef struct tally {
    int threads;
    int64_t chunks;
    int counts[MOST_CHUNKS];
    atomic_bool in_use[MOST_THREADS];
    atomic_int mistakes;
} tally;

static void count(void *context, int64_t chunk, int slot)
{
    tally *t = context;
    bool fits = slot >= 0 && slot < t->threads && chunk >= 0 && chunk < t->chunks;
    if (!fits || atomic_exchange(&t->in_use[slot], true)) {
        atomic_fetch_add(&t->mistakes, 1);
        return;
    }
    t->counts[chunk]++;
    atomic_store(&t->in_use[slot], false);
}

/* Jobs in turn lie in different memory, so that a chunk taken for a job that is over is missed. */
static int mistakes_of_one_job(int threads, int64_t chunks)
{
    static _Thread_local tally tallies[2];
    static _Thread_local int turn;
    tally *t = &tallies[turn = !turn];
    memset(t, 0, sizeof *t);
    t->threads = threads < 1 ? 1 : threads;
    t->chunks = chunks;
    fv_parallel(threads, chunks, count, t);
    int mistakes = atomic_load(&t->mistakes);
    for (int chunk = 0; chunk < MOST_CHUNKS; chunk++)
        mistakes += t->counts[chunk] != (chunk < chunks);
    return mistakes;
}

/* Random jobs until the time is over; now and then the workers may fall asleep. */
typedef struct caller {
    uint32_t seed;
    double seconds;
    int64_t jobs;
    int mistakes;
} caller;

static void *call_often(void *context)
{
    caller *c = context;
    double end = seconds() + c->seconds;
    for (; c->jobs < 300000 && !c->mistakes && (c->jobs % 64 || seconds() < end); c->jobs++) {
        int threads = (int)draw(&c->seed, MOST_THREADS + 1);
        c->mistakes = mistakes_of_one_job(threads, draw(&c->seed, MOST_CHUNKS + 1));
        if (draw(&c->seed, 2000) == 0) nap(200);
    }
    return NULL;
}

START_TEST(every_chunk_runs_once)
{
    caller c = {.seed = 1, .seconds = engine_is("pool") ? 3 : 1};
    call_often(&c);
    printf("%s: %lld jobs\n", fv_parallel_engine_name(), (long long)c.jobs);
    ck_assert_int_eq(c.mistakes, 0);
    ck_assert_int_ge(c.jobs, 10);
}
END_TEST

/* More than the pool tells apart, which runs several at a time then. */
static void count_many(void *context, int64_t chunk, int slot)
{
    unsigned char *counts = context;
    (void)slot;
    counts[chunk]++;
}

START_TEST(very_many_chunks_run_once)
{
    static const int64_t sizes[] = {65534, 65535, 65536, 200001};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int threads = 2; threads <= MOST_THREADS; threads += 3) {
            unsigned char *counts = calloc((size_t)sizes[k], 1);
            fv_parallel(threads, sizes[k], count_many, counts);
            for (int64_t i = 0; i < sizes[k]; i++) ck_assert_int_eq(counts[i], 1);
            free(counts);
        }
}
END_TEST

START_TEST(several_callers_at_once)
{
    caller callers[CALLERS];
    pthread_t id[CALLERS];
    for (int k = 0; k < CALLERS; k++) {
        callers[k] = (caller){.seed = (uint32_t)k + 10, .seconds = 1};
        ck_assert_int_eq(pthread_create(&id[k], NULL, call_often, &callers[k]), 0);
    }
    for (int k = 0; k < CALLERS; k++) {
        pthread_join(id[k], NULL);
        ck_assert_int_eq(callers[k].mistakes, 0);
    }
}
END_TEST

START_TEST(chunks_cover_their_units)
{
    for (int64_t units = 0; units < 200; units++)
        for (int64_t chunks = 1; chunks <= 40; chunks++) {
            ck_assert_int_eq(fv_chunk_begin(units, chunks, 0), 0);
            ck_assert_int_eq(fv_chunk_begin(units, chunks, chunks), units);
            for (int64_t k = 0; k < chunks; k++) {
                int64_t n = fv_chunk_begin(units, chunks, k + 1) - fv_chunk_begin(units, chunks, k);
                ck_assert(n == units / chunks || n == units / chunks + 1);
            }
            const int64_t half =
                fv_chunk_begin(units, chunks, chunks / 2); /* one of two threads' */
            if (chunks % 2 == 0) ck_assert_int_eq(half, (units + 1) / 2);
            if (units > 0) ck_assert_int_ge(fv_chunk_begin(units, chunks, 1), 1);
        }
    ck_assert_int_eq(fv_chunks_for(0, 100), 1);
    ck_assert_int_eq(fv_chunks_for(40e3, 100), 10);
    ck_assert_int_eq(fv_chunks_for(1e9, 100), 32);
    ck_assert_int_eq(fv_chunks_for(1e9, 7), 7);
    ck_assert_int_eq(fv_chunks_for(1e9, 0), 1);
}
END_TEST

/* --- who works -------------------------------------------------------------------------------- */

/* Which threads ran a body, by slot. */
typedef struct crew {
    pthread_t thread[MOST_THREADS];
    atomic_int chunks[MOST_THREADS];
    long nap_us;
    int inner;    /* threads and chunks of a loop inside the body */
    int stranger; /* inner chunks on another thread, in another slot or out of order */
} crew;

typedef struct inner_loop {
    pthread_t thread;
    int64_t next;
    int mistakes;
} inner_loop;

static void work_inside(void *context, int64_t chunk, int slot)
{
    inner_loop *in = context;
    if (slot != 0 || chunk != in->next++ || !pthread_equal(pthread_self(), in->thread))
        in->mistakes++;
}

static void sign_in(void *context, int64_t chunk, int slot)
{
    (void)chunk;
    crew *c = context;
    c->thread[slot] = pthread_self();
    atomic_fetch_add(&c->chunks[slot], 1);
    if (c->nap_us) nap(c->nap_us);
    if (c->inner) {
        inner_loop in = {.thread = pthread_self()};
        fv_parallel(c->inner, c->inner, work_inside, &in);
        __atomic_fetch_add(&c->stranger, in.mistakes + (in.next != c->inner), __ATOMIC_RELAXED);
    }
}

static int slots_used(const crew *c)
{
    int used = 0;
    for (int slot = 0; slot < MOST_THREADS; slot++) used += c->chunks[slot] > 0;
    return used;
}

static bool all_are_one_thread_each(const crew *c, int slots)
{
    if (!pthread_equal(c->thread[0], pthread_self())) return false;
    for (int a = 0; a < slots; a++)
        for (int b = 0; b < a; b++)
            if (pthread_equal(c->thread[a], c->thread[b])) return false;
    return true;
}

/* Jobs that are long enough for everybody to come, until so many slots have worked; a few jobs,
 * since a busy machine may keep a thread from its core for long. */
static crew work_together(int threads, int slots, int jobs)
{
    crew c = {.nap_us = 1000};
    for (int k = 0; k < jobs && slots_used(&c) < slots; k++) fv_parallel(threads, 30, sign_in, &c);
    return c;
}

START_TEST(other_threads_help)
{
    if (engine_is("none")) return;
    for (int round = 0; round < 3; round++) {
        crew c = work_together(4, 4, 100);
        ck_assert_int_eq(slots_used(&c), 4);
        ck_assert(all_are_one_thread_each(&c, 4));
        nap(round * 3000); /* the workers fall asleep and are woken */
    }
}
END_TEST

/* Waking for jobs that are over before anybody comes is given up; a long job wakes all the same. */
START_TEST(short_jobs_do_not_cost_long_ones_their_help)
{
    if (engine_is("none")) return;
    for (int k = 0; k < 400; k++) {
        ck_assert_int_eq(mistakes_of_one_job(2, 2), 0);
        if (k % 4 == 0) nap(300);
    }
    crew c = work_together(2, 2, 10);
    ck_assert_int_eq(slots_used(&c), 2);
}
END_TEST

START_TEST(a_loop_in_a_body_is_the_threads_own)
{
    for (int threads = 1; threads <= 4; threads++) {
        crew c = {.nap_us = 200, .inner = 5};
        fv_parallel(threads, 12, sign_in, &c);
        ck_assert_int_eq(c.stranger, 0);
    }
}
END_TEST

START_TEST(one_thread_and_one_chunk_are_plain_loops)
{
    for (int threads = -1; threads <= 1; threads++) {
        inner_loop in = {.thread = pthread_self()};
        fv_parallel(threads, 20, work_inside, &in);
        ck_assert_int_eq(in.mistakes, 0);
        ck_assert_int_eq(in.next, 20);
    }
    inner_loop in = {.thread = pthread_self()};
    fv_parallel(8, 1, work_inside, &in);
    ck_assert(in.next == 1 && in.mistakes == 0);
    fv_parallel(8, 0, work_inside, &in);
    fv_parallel(8, -3, work_inside, &in);
    ck_assert(in.next == 1 && in.mistakes == 0);
}
END_TEST

#ifdef _OPENMP
START_TEST(inside_the_users_openmp_region_it_is_a_plain_loop)
{
    int mistakes = 0;
#pragma omp parallel num_threads(3) reduction(+ : mistakes)
    for (int k = 0; k < 5; k++) {
        crew c = {.nap_us = 300};
        fv_parallel(4, 20, sign_in, &c);
        mistakes += slots_used(&c) != 1 || !pthread_equal(c.thread[0], pthread_self());
    }
    ck_assert_int_eq(mistakes, 0);
}
END_TEST
#endif

/* --- signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals_seen;
static pthread_t main_thread;
static volatile sig_atomic_t seen_elsewhere;

static void see_signal(int number)
{
    (void)number;
    signals_seen++;
    if (!pthread_equal(pthread_self(), main_thread)) seen_elsewhere++;
}

START_TEST(signals_are_the_programs)
{
    struct sigaction act = {.sa_handler = see_signal}, before;
    sigset_t usr1, old;
    main_thread = pthread_self();
    signals_seen = seen_elsewhere = 0;
    sigaction(SIGUSR1, &act, &before);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    for (int threads = 2; threads <= MOST_THREADS; threads++) mistakes_of_one_job(threads, 64);
    if (engine_is("pool")) {
        pthread_sigmask(SIG_BLOCK, &usr1, &old);
        kill(getpid(), SIGUSR1);
        nap(20000);
        ck_assert_int_eq(signals_seen, 0); /* no worker took it */
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        ck_assert_int_eq(signals_seen, 1);
    }
    sigaction(SIGUSR1, &before, NULL);
}
END_TEST

START_TEST(a_storm_of_signals_loses_no_chunk)
{
    struct sigaction act = {.sa_handler = see_signal}, before;
    struct itimerval often = {{0, 200}, {0, 200}}, never = {0};
    caller c = {.seed = 5, .seconds = 0.5};
    main_thread = pthread_self();
    signals_seen = seen_elsewhere = 0;
    sigaction(SIGALRM, &act, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    call_often(&c);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    ck_assert_int_eq(c.mistakes, 0);
    ck_assert_int_gt(signals_seen, 10);
    if (engine_is("pool")) ck_assert_int_eq(seen_elsewhere, 0);
}
END_TEST

/* --- fork ------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
#define RACES_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACES_WATCHED 1
#endif
#endif
#ifndef RACES_WATCHED
#define RACES_WATCHED 0
#endif

/* In the child: one thread, then as many as it asks for. ThreadSanitizer ends a child that makes
 * threads. */
static int life_of_the_child(void)
{
    if (fv_get_num_threads() != 1) return 1;
    if (mistakes_of_one_job(fv_get_num_threads(), 20)) return 2;
    if (RACES_WATCHED) return 0;
    fv_set_num_threads(4);
    if (engine_is("none")) return 0;
    if (fv_get_num_threads() != 4) return 3;
    for (int k = 0; k < 100; k++)
        if (mistakes_of_one_job(4, 20)) return 4;
    crew c = work_together(4, 4, 100);
    return slots_used(&c) == 4 ? 0 : 5;
}

/* The child's status; it is killed when it hangs. */
static int fork_and_wait(void)
{
    pid_t child = fork();
    if (child == 0) _exit(life_of_the_child());
    ck_assert_int_gt(child, 0);
    int status = -1;
    for (int k = 0; k < 1000 && waitpid(child, &status, WNOHANG) == 0; k++) nap(10000);
    if (status == -1) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return -1;
    }
    return status;
}

static atomic_bool stop;

static void *call_until_stopped(void *context)
{
    int *mistakes = context;
    while (!atomic_load(&stop)) *mistakes += mistakes_of_one_job(4, 30);
    return NULL;
}

START_TEST(the_child_of_a_fork_computes)
{
    mistakes_of_one_job(4, 20);
    ck_assert_int_eq(fork_and_wait(), 0);
    ck_assert_int_eq(mistakes_of_one_job(4, 20), 0);
}
END_TEST

START_TEST(a_fork_amid_another_threads_loop)
{
    pthread_t id;
    int mistakes = 0;
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&id, NULL, call_until_stopped, &mistakes), 0);
    for (int k = 0; k < 20; k++) ck_assert_int_eq(fork_and_wait(), 0);
    atomic_store(&stop, true);
    pthread_join(id, NULL);
    ck_assert_int_eq(mistakes, 0);
}
END_TEST

/* --- a limit of threads ----------------------------------------------------------------------- */

#ifdef FOVEA_LINKER_WRAPS
typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, thread_fn start, void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, thread_fn start, void *arg);
static int threads_left = -1, threads_asked; /* -1: no limit */

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, thread_fn start, void *arg)
{
    if (threads_left < 0) return __real_pthread_create(id, attr, start, arg);
    threads_asked++;
    if (threads_left == 0) return 11; /* EAGAIN */
    threads_left--;
    return __real_pthread_create(id, attr, start, arg);
}

static int warnings;

static void count_warning(const char *text, void *context)
{
    (void)context;
    warnings += strstr(text, "refuses further threads") != NULL;
}

/* In a child, whose pool is new. */
static int life_with_a_limit(int limit)
{
    fv_set_log(count_warning, NULL);
    fv_set_num_threads(MOST_THREADS);
    threads_left = limit;
    for (int k = 0; k < 50; k++)
        if (mistakes_of_one_job(MOST_THREADS, 40)) return 1;
    if (threads_asked != limit + 1) return 2; /* remembered */
    if (warnings != 1) return 3;
    crew c = work_together(MOST_THREADS, limit + 1, 100);
    return slots_used(&c) == limit + 1 ? 0 : 4;
}

START_TEST(a_limit_of_threads_is_no_error)
{
    if (!engine_is("pool") || RACES_WATCHED) return;
    for (int limit = 0; limit <= 2; limit++) {
        pid_t child = fork();
        if (child == 0) _exit(life_with_a_limit(limit));
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST
#endif

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("parallel");
    TCase *loops = add_case(suite, "loops");
    tcase_add_test(loops, every_chunk_runs_once);
    tcase_add_test(loops, very_many_chunks_run_once);
    tcase_add_test(loops, several_callers_at_once);
    tcase_add_test(loops, chunks_cover_their_units);
    tcase_add_test(loops, other_threads_help);
    tcase_add_test(loops, short_jobs_do_not_cost_long_ones_their_help);
    tcase_add_test(loops, a_loop_in_a_body_is_the_threads_own);
    tcase_add_test(loops, one_thread_and_one_chunk_are_plain_loops);
    TCase *process = add_case(suite, "process");
    tcase_add_test(process, signals_are_the_programs);
    tcase_add_test(process, a_storm_of_signals_loses_no_chunk);
    tcase_add_test(process, the_child_of_a_fork_computes);
    tcase_add_test(process, a_fork_amid_another_threads_loop);
#ifdef FOVEA_LINKER_WRAPS
    tcase_add_test(process, a_limit_of_threads_is_no_error);
#endif
#ifdef _OPENMP
    /* last: the threads of that region stay, and take signals */
    TCase *openmp = add_case(suite, "openmp");
    tcase_add_test(openmp, inside_the_users_openmp_region_it_is_a_plain_loop);
#endif
    return suite;
}
