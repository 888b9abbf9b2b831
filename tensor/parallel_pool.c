/* The parallel loop on threads of the library's own.
 *
 *     word   | generation (32 bits) | next chunk (32 bits) |      one atomic word
 *
 * A thread takes a chunk by reading the word, then the job's fields, and exchanging the word for
 * its successor. If the exchange succeeds, nothing has changed in between, so the fields belong to
 * that chunk. For this the caller closes the word (next = CLOSED) before it writes the fields of
 * the next job, and opens a new generation after it; the fields are stored with release and loaded
 * with acquire.
 *
 * The caller takes chunks like everybody and then waits for those that others have begun, never
 * for a thread that has not come. One caller at a time has the pool: another one, or a loop inside
 * a body, loops alone.
 *
 * An idle worker spins for a moment and then sleeps on a condition of its own. The caller wakes two
 * sleepers, each of which wakes two more, so that nobody pays for all of them. */
#include "tensor/parallel_impl.h"

#ifdef FV_HAVE_POOL

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <time.h>

#include "tensor/cores_impl.h"
#include "tensor/error.h"
#include "tensor/system.h"

enum {
    LINE = 64, /* bytes of a cache line */
    MOST_WORKERS = 1023,
    SPIN_IDLE_NS = 50000,     /* of a worker, before it sleeps */
    SPIN_WAIT_NS = 20000,     /* of the caller, before it sleeps */
    WORTH_WAKING_NS = 100000, /* a job of the caller's alone, before it wakes others after all */
    MOST_SKIPPED_WAKES = 63,
};

static const uint32_t CLOSED = UINT32_MAX;

typedef struct worker {
    alignas(LINE) pthread_cond_t wake;
    atomic_bool asleep;
} worker;

static struct {
    alignas(LINE) _Atomic uint64_t word;

    /* the job */
    alignas(LINE) _Atomic(fv_parallel_fn) body;
    _Atomic(void *) job;
    _Atomic uint32_t chunks;
    atomic_int team; /* slots that take part */

    alignas(LINE) _Atomic uint32_t done; /* chunks that workers have finished */
    atomic_bool waiting;                 /* the caller sleeps until `finished` */

    alignas(LINE) atomic_bool taken; /* by a caller; what follows is that caller's */
    bool refused;                    /* the system gave no further thread */
    int workers;                     /* started so far: slots 1 to workers */
    int skipped_wakes, skip_wakes;   /* jobs until the next waking; how many the last one set */
} pool = {.word = UINT32_MAX};

static worker workers[MOST_WORKERS + 1]; /* by slot; slot 0 is the caller's */

/* Only around sleeping and waking. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Tells the core that this thread only waits. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* Is there a chunk for this slot in the job that is open at `word`? */
static bool has_work(uint64_t word, int slot)
{
    return (uint32_t)word < atomic_load_explicit(&pool.chunks, memory_order_acquire) &&
           slot < atomic_load_explicit(&pool.team, memory_order_acquire);
}

/* Runs one chunk if this slot can get one. */
static bool run_chunk(int slot)
{
    uint64_t word = atomic_load(&pool.word);
    while (has_work(word, slot)) {
        fv_parallel_fn body = atomic_load_explicit(&pool.body, memory_order_acquire);
        void *job = atomic_load_explicit(&pool.job, memory_order_acquire);
        if (!atomic_compare_exchange_strong(&pool.word, &word, word + 1)) continue;
        body(job, (uint32_t)word, slot);
        return true;
    }
    return false;
}

/* --- sleeping and waking ---------------------------------------------------------------------- */

/* Wakes the sleepers among the two slots that this one is in charge of; true if there were any. */
static bool wake_others(int slot, int team)
{
    bool any = false;
    for (int other = 2 * slot + 1; other <= 2 * slot + 2 && other < team; other++) {
        worker *w = &workers[other];
        if (!atomic_load(&w->asleep)) continue;
        pthread_mutex_lock(&lock);
        atomic_store(&w->asleep, false);
        pthread_mutex_unlock(&lock);
        pthread_cond_signal(&w->wake);
        any = true;
    }
    return any;
}

static void sleep_until_woken(int slot)
{
    worker *self = &workers[slot];
    pthread_mutex_lock(&lock);
    atomic_store(&self->asleep, true);
    /* A job opened since: its caller may have looked at `asleep` before it was set. */
    if (has_work(atomic_load(&pool.word), slot)) atomic_store(&self->asleep, false);
    while (atomic_load(&self->asleep)) pthread_cond_wait(&self->wake, &lock);
    pthread_mutex_unlock(&lock);
}

static void *work(void *context)
{
    int slot = (int)((worker *)context - workers);
    int64_t idle_since = now_ns();
    for (;;) {
        if (has_work(atomic_load(&pool.word), slot)) {
            wake_others(slot, atomic_load(&pool.team));
            uint32_t count = 0;
            while (run_chunk(slot)) count++;
            if (count) {
                atomic_fetch_add(&pool.done, count);
                if (atomic_load(&pool.waiting)) {
                    pthread_mutex_lock(&lock);
                    pthread_cond_signal(&finished);
                    pthread_mutex_unlock(&lock);
                }
                idle_since = now_ns();
            }
        } else if (now_ns() - idle_since > SPIN_IDLE_NS) {
            sleep_until_woken(slot);
            idle_since = now_ns();
        }
        relax();
    }
    return NULL;
}

/* Waits until the workers have finished so many chunks. */
static void wait_until_done(uint32_t chunks)
{
    int64_t start = now_ns();
    while (atomic_load_explicit(&pool.done, memory_order_acquire) < chunks) {
        if (now_ns() - start > SPIN_WAIT_NS) {
            pthread_mutex_lock(&lock);
            atomic_store(&pool.waiting, true);
            while (atomic_load(&pool.done) < chunks) pthread_cond_wait(&finished, &lock);
            atomic_store(&pool.waiting, false);
            pthread_mutex_unlock(&lock);
            return;
        }
        relax();
    }
}

/* --- threads ---------------------------------------------------------------------------------- */

/* A worker leaves all signals to the program's threads and is never joined. */
static bool start_worker(int slot)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    fv_widen_affinity(&attributes);
    pthread_cond_init(&workers[slot].wake, NULL);
    atomic_store(&workers[slot].asleep, false);
    pthread_t id;
    int error = fv_system_thread(&id, &attributes, work, &workers[slot]);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* Starts workers until there are so many, if the system allows; returns how many may help. */
static int ready_workers(int wanted)
{
    while (pool.workers < wanted && pool.workers < MOST_WORKERS && !pool.refused) {
        if (start_worker(pool.workers + 1)) {
            pool.workers++;
            continue;
        }
        pool.refused = true;
        fv_warn("the system refuses further threads: working with %d of %d", pool.workers + 1,
                wanted + 1);
    }
    return wanted < pool.workers ? wanted : pool.workers;
}

/* --- a job ------------------------------------------------------------------------------------ */

static void open_job(int team, uint32_t chunks, fv_parallel_fn body, void *job)
{
    uint64_t generation = (atomic_load(&pool.word) >> 32) + 1;
    atomic_store(&pool.word, generation << 32 | CLOSED);
    atomic_store_explicit(&pool.body, body, memory_order_release);
    atomic_store_explicit(&pool.job, job, memory_order_release);
    atomic_store_explicit(&pool.chunks, chunks, memory_order_release);
    atomic_store_explicit(&pool.team, team, memory_order_release);
    atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
    atomic_store(&pool.word, generation << 32);
}

/* A waking that brought nobody (the cores are taken, or the loops shorter than a waking) doubles
 * the jobs until the next one; a chunk taken by a worker ends that. A job that has lasted much
 * longer than a waking takes does not pass it over. */
static bool may_wake(void)
{
    if (pool.skipped_wakes == 0) return true;
    pool.skipped_wakes--;
    return false;
}

static void learn_from(bool woken, bool helped)
{
    if (helped) {
        pool.skip_wakes = pool.skipped_wakes = 0;
    } else if (woken) {
        pool.skip_wakes = 2 * pool.skip_wakes + 1;
        if (pool.skip_wakes > MOST_SKIPPED_WAKES) pool.skip_wakes = MOST_SKIPPED_WAKES;
        pool.skipped_wakes = pool.skip_wakes;
    }
}

/* Works on the open job until no chunk is left; returns how many others have taken. */
static uint32_t run_as_caller(int team, uint32_t chunks)
{
    bool asked = may_wake();
    bool woken = asked && wake_others(0, team);
    int64_t start = asked ? 0 : now_ns();
    uint32_t others = chunks;
    for (; run_chunk(0); others--) {
        if (asked || now_ns() - start < WORTH_WAKING_NS) continue;
        asked = true;
        woken = wake_others(0, team);
    }
    learn_from(woken, others > 0);
    return others;
}

bool fv_pool_run(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
    if (chunks >= CLOSED || atomic_load_explicit(&pool.taken, memory_order_relaxed) ||
        atomic_exchange(&pool.taken, true))
        return false;
    int helpers = ready_workers((int)(threads < chunks ? threads : chunks) - 1);
    if (helpers > 0) {
        open_job(helpers + 1, (uint32_t)chunks, body, job);
        uint32_t others = run_as_caller(helpers + 1, (uint32_t)chunks);
        if (others) wait_until_done(others);
    }
    atomic_store(&pool.taken, false);
    return helpers > 0;
}

void fv_pool_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&finished, NULL);
    atomic_store(&pool.word, CLOSED);
    atomic_store(&pool.waiting, false);
    pool.workers = pool.skip_wakes = pool.skipped_wakes = 0;
    pool.refused = false;
    atomic_store(&pool.taken, false);
}

#else

bool fv_pool_run(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
    (void)threads, (void)chunks, (void)body, (void)job;
    return false;
}

void fv_pool_after_fork(void) {}

#endif
