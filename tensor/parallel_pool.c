/* The parallel loop on threads of the library's own.
 *
 * The chunks of a job, as pieces, are dealt out by slot: each of the team has a range of them.
 *
 *     left   | generation (32 bits) | first (16 bits) | end (16 bits) |      one atomic word a slot
 *
 * A thread takes the first piece of its own range; when that is empty, the last one of another's.
 * So a thread meets the same pieces in one job after the other, and what they read and write stays
 * in the caches of its core; but a thread that is late, or has more to do, gets help.
 *
 * It takes a piece by reading the word, then the job's fields, and exchanging the word for its
 * successor. If the exchange succeeds, the word has not changed in between, so the job was not over
 * and the fields belong to it: the caller writes those of the next job when all ranges are empty,
 * and fills the ranges after them, with a new generation. The fields are stored with release and
 * loaded with acquire.
 *
 * The caller takes pieces like everybody and then waits for those that others have begun, never
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
    MOST_PIECES = UINT16_MAX, /* of a job */
    SPIN_IDLE_NS = 50000,     /* of a worker, before it sleeps */
    SPIN_WAIT_NS = 20000,     /* of the caller, before it sleeps */
    WORTH_WAKING_NS = 100000, /* a job of the caller's alone, before it wakes others after all */
    MOST_SKIPPED_WAKES = 63,
};

typedef struct seat {
    alignas(LINE) _Atomic uint64_t left; /* the pieces of this slot that nobody has taken */
    pthread_cond_t wake;
    atomic_bool asleep;
} seat;

static struct {
    alignas(LINE) _Atomic uint32_t generation; /* of the newest job; its ranges have been filled */

    /* the job */
    alignas(LINE) _Atomic(fv_parallel_fn) body;
    _Atomic(void *) job;
    _Atomic int64_t chunks;
    _Atomic uint32_t pieces;
    atomic_int team; /* slots that take part */

    alignas(LINE) _Atomic uint32_t done; /* pieces that workers have finished */
    atomic_bool waiting;                 /* the caller sleeps until `finished` */

    alignas(LINE) atomic_bool taken; /* by a caller; what follows is that caller's */
    bool refused;                    /* the system gave no further thread */
    int workers;                     /* started so far: slots 1 to workers */
    int skipped_wakes, skip_wakes;   /* jobs until the next waking; how many the last one set */
} pool;

static seat seats[MOST_WORKERS + 1]; /* by slot; slot 0 is the caller's */

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

/* --- pieces ----------------------------------------------------------------------------------- */

static uint64_t range_of(uint32_t generation, uint32_t first, uint32_t end)
{
    return (uint64_t)generation << 32 | first << 16 | end;
}

static uint32_t first_of(uint64_t left)
{
    return (uint32_t)left >> 16;
}

static uint32_t end_of(uint64_t left)
{
    return (uint32_t)left & UINT16_MAX;
}

/* A piece is one chunk, unless a job has more chunks than a range can count. */
static void run_piece(fv_parallel_fn body, void *job, int64_t chunks, uint32_t pieces,
                      uint32_t piece, int slot)
{
    int64_t chunk = piece, end = piece + 1;
    if (chunks > pieces) {
        chunk = fv_chunk_begin(chunks, pieces, piece);
        end = fv_chunk_begin(chunks, pieces, piece + 1);
    }
    for (; chunk < end; chunk++) body(job, chunk, slot);
}

/* Runs one piece of an owner's, if there is one and the slot takes part. */
static bool run_from(int owner, int slot)
{
    uint64_t left = atomic_load(&seats[owner].left);
    while (first_of(left) < end_of(left)) {
        fv_parallel_fn body = atomic_load_explicit(&pool.body, memory_order_acquire);
        void *job = atomic_load_explicit(&pool.job, memory_order_acquire);
        int64_t chunks = atomic_load_explicit(&pool.chunks, memory_order_acquire);
        uint32_t pieces = atomic_load_explicit(&pool.pieces, memory_order_acquire);
        if (slot >= atomic_load_explicit(&pool.team, memory_order_acquire)) return false;
        uint64_t rest = owner == slot ? left + (1 << 16) : left - 1;
        if (!atomic_compare_exchange_strong(&seats[owner].left, &left, rest)) continue;
        run_piece(body, job, chunks, pieces, owner == slot ? first_of(left) : end_of(rest), slot);
        return true;
    }
    return false;
}

/* Runs one piece if this slot, one of `team`, can get one. */
static bool run_any(int slot, int team)
{
    bool ran = run_from(slot, slot);
    for (int k = 1; k < team && !ran; k++) ran = run_from((slot + k) % team, slot);
    return ran;
}

/* --- sleeping and waking ---------------------------------------------------------------------- */

/* Wakes the sleepers among the two slots that this one is in charge of; true if there were any. */
static bool wake_others(int slot, int team)
{
    bool any = false;
    for (int other = 2 * slot + 1; other <= 2 * slot + 2 && other < team; other++) {
        seat *s = &seats[other];
        if (!atomic_load(&s->asleep)) continue;
        pthread_mutex_lock(&lock);
        atomic_store(&s->asleep, false);
        pthread_mutex_unlock(&lock);
        pthread_cond_signal(&s->wake);
        any = true;
    }
    return any;
}

/* Has a job with this slot in its team been opened since the one that it has seen? */
static bool is_asked(int slot, uint32_t seen)
{
    return atomic_load(&pool.generation) != seen &&
           slot < atomic_load_explicit(&pool.team, memory_order_acquire);
}

static void sleep_until_woken(int slot, uint32_t seen)
{
    seat *self = &seats[slot];
    pthread_mutex_lock(&lock);
    atomic_store(&self->asleep, true);
    /* A job opened since: its caller may have looked at `asleep` before it was set. */
    if (is_asked(slot, seen)) atomic_store(&self->asleep, false);
    while (atomic_load(&self->asleep)) pthread_cond_wait(&self->wake, &lock);
    pthread_mutex_unlock(&lock);
}

/* What there is to do for a worker whom a job asks; true if it got a piece. */
static bool help(int slot)
{
    int team = atomic_load(&pool.team);
    wake_others(slot, team);
    uint32_t count = 0;
    while (run_any(slot, team)) count++;
    if (count == 0) return false;
    atomic_fetch_add(&pool.done, count);
    if (atomic_load(&pool.waiting)) {
        pthread_mutex_lock(&lock);
        pthread_cond_signal(&finished);
        pthread_mutex_unlock(&lock);
    }
    return true;
}

static void *work(void *context)
{
    int slot = (int)((seat *)context - seats);
    uint32_t seen = 0;
    int64_t idle_since = now_ns();
    for (;;) {
        if (is_asked(slot, seen)) {
            seen = atomic_load(&pool.generation);
            if (help(slot)) idle_since = now_ns();
        } else if (now_ns() - idle_since > SPIN_IDLE_NS) {
            sleep_until_woken(slot, seen);
            idle_since = now_ns();
        }
        relax();
    }
    return NULL;
}

/* Waits until the workers have finished so many pieces. */
static void wait_until_done(uint32_t pieces)
{
    int64_t start = now_ns();
    while (atomic_load_explicit(&pool.done, memory_order_acquire) < pieces) {
        if (now_ns() - start > SPIN_WAIT_NS) {
            pthread_mutex_lock(&lock);
            atomic_store(&pool.waiting, true);
            while (atomic_load(&pool.done) < pieces) pthread_cond_wait(&finished, &lock);
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
    pthread_cond_init(&seats[slot].wake, NULL);
    atomic_store(&seats[slot].asleep, false);
    pthread_t id;
    int error = fv_system_thread(&id, &attributes, work, &seats[slot]);
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

static void open_job(int team, int64_t chunks, uint32_t pieces, fv_parallel_fn body, void *job)
{
    uint32_t generation = atomic_load(&pool.generation) + 1;
    atomic_store_explicit(&pool.body, body, memory_order_release);
    atomic_store_explicit(&pool.job, job, memory_order_release);
    atomic_store_explicit(&pool.chunks, chunks, memory_order_release);
    atomic_store_explicit(&pool.pieces, pieces, memory_order_release);
    atomic_store_explicit(&pool.team, team, memory_order_release);
    atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
    for (int slot = 0; slot < team; slot++) {
        uint32_t first = (uint32_t)fv_chunk_begin(pieces, team, slot);
        uint32_t end = (uint32_t)fv_chunk_begin(pieces, team, slot + 1);
        atomic_store(&seats[slot].left, range_of(generation, first, end));
    }
    atomic_store(&pool.generation, generation);
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

/* Works on the open job until no piece is left; returns how many others have taken. */
static uint32_t run_as_caller(int team, uint32_t pieces)
{
    bool asked = may_wake();
    bool woken = asked && wake_others(0, team);
    int64_t start = asked ? 0 : now_ns();
    uint32_t others = pieces;
    for (; run_any(0, team); others--) {
        if (asked || now_ns() - start < WORTH_WAKING_NS) continue;
        asked = true;
        woken = wake_others(0, team);
    }
    learn_from(woken, others > 0);
    return others;
}

bool fv_pool_run(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
    if (atomic_load_explicit(&pool.taken, memory_order_relaxed) ||
        atomic_exchange(&pool.taken, true))
        return false;
    int helpers = ready_workers((int)(threads < chunks ? threads : chunks) - 1);
    if (helpers > 0) {
        uint32_t pieces = chunks < MOST_PIECES ? (uint32_t)chunks : MOST_PIECES;
        open_job(helpers + 1, chunks, pieces, body, job);
        uint32_t others = run_as_caller(helpers + 1, pieces);
        if (others) wait_until_done(others);
    }
    atomic_store(&pool.taken, false);
    return helpers > 0;
}

void fv_pool_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&finished, NULL);
    for (int slot = 0; slot <= pool.workers; slot++) atomic_store(&seats[slot].left, 0);
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
