/* The communication thread of a group, and the watch over its ranks.
 *
 * Every rank tells every other that it is alive, twice in a second or more often, from a thread
 * that does nothing else than move messages. So a rank that computes for long, saves a file or
 * waits for a slow disk is not silent; one that was killed or stopped is, and after the timeout all
 * jobs end with an error. Silence is counted in time during which this process ran itself: when a
 * whole job is stopped and goes on later, nobody is missed.
 *
 * Leaving in order means that all ranks leave: each says so and waits for the others. A rank that
 * leaves while another waits for it is an error there. After a failure nobody waits for those who
 * are gone: the lowest rank that is alive leaves first, when it has saved what it wants to, and the
 * others behind it. */
#include "nn/parallel/group_impl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/system.h"

enum { BEAT_TAG = FV_MAX_TAG, PROBLEM = 256 };

/* Seconds. GRACE: what a rank that has left sent before may still arrive for so long. STEP: more
 * than that between two looks at the clock is time in which this process was stopped. */
static const double GRACE = 2.0, STEP = 0.25;

typedef enum beat_kind { ALIVE = 1, LEAVING, FAILED } beat_kind;

typedef struct beat {
    uint32_t kind;
    int32_t rank; /* of FAILED: who is gone; the sender itself when it cannot go on */
} beat;

typedef struct peer {
    fv_message hears, tells;
    beat heard, told;
    bool hearing, telling;
    bool left;            /* has said that it is leaving; nothing is heard after it */
    double silent, since; /* seconds: of silence, and since it has left */
    double to_next;       /* until it is told again */
    bool knows;           /* has been told the last there is to tell */
} peer;

struct fv_group {
    fv_transport *transport;
    int rank, size;
    double timeout;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* for the communication thread, and for those who wait for it */
    /* under the lock */
    fv_job *queue, **queue_end;
    bool opened, refused, closing, closed, failed;
    int culprit; /* of a failure: who is gone */
    char problem[PROBLEM];
    int writer;
    int streams;
    uint32_t number[FV_STREAMS]; /* of the next job */
    fv_job *broken;              /* whose memory the transport may still write to */
    int references;
    /* the communication thread's */
    bool has_failed; /* and culprit, as last seen */
    int gone;
    fv_job *active;
    peer *peers;
    double clock;
    int idle;
};

double fv_group_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- failure ---------------------------------------------------------------------------------- */

static void end_job(fv_group *g, fv_job *job, bool broken)
{
    job->broken = broken;
    job->done = true;
    job->ended = fv_group_clock();
    pthread_cond_broadcast(&g->done);
}

static void fail_locked(fv_group *g, int culprit, const char *why)
{
    if (g->failed) return;
    g->failed = true;
    g->culprit = culprit;
    /* at once, for the rank that failed asks; choose_writer knows who else is gone */
    if (g->writer == culprit && g->size > 1) g->writer = culprit == 0;
    snprintf(g->problem, sizeof g->problem, "%s", why);
    pthread_cond_broadcast(&g->done);
    pthread_cond_signal(&g->work);
}

static void fail(fv_group *g, int culprit, const char *why)
{
    pthread_mutex_lock(&g->lock);
    fail_locked(g, culprit, why);
    pthread_mutex_unlock(&g->lock);
}

/* All jobs that are under way or wait. */
static void end_all(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    for (fv_job *job = g->active, *next; job; job = next) {
        next = job->next;
        end_job(g, job, true);
    }
    for (fv_job *job = g->queue, *next; job; job = next) {
        next = job->next;
        end_job(g, job, true);
    }
    g->active = g->queue = NULL;
    g->queue_end = &g->queue;
    pthread_mutex_unlock(&g->lock);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void take_jobs(fv_group *g)
{
    fv_job **end = &g->active;
    while (*end) end = &(*end)->next;
    pthread_mutex_lock(&g->lock);
    *end = g->queue;
    g->queue = NULL;
    g->queue_end = &g->queue;
    pthread_mutex_unlock(&g->lock);
}

/* True when a message has moved. */
static bool step_jobs(fv_group *g)
{
    bool moved = false;
    for (fv_job **at = &g->active; *at;) {
        fv_job *job = *at;
        const fv_message_status status = fv_job_step(job, g->transport, &moved);
        if (status == FV_MESSAGE_BROKEN) {
            fail(g, g->rank,
                 "a message was refused or has another size than the sender's: the "
                 "ranks do not run the same program, or one of them has died");
            return moved;
        }
        if (status == FV_MESSAGE_WAITS) {
            at = &job->next;
            continue;
        }
        moved = true;
        *at = job->next;
        pthread_mutex_lock(&g->lock);
        end_job(g, job, false);
        pthread_mutex_unlock(&g->lock);
    }
    return moved;
}

/* --- heartbeats ------------------------------------------------------------------------------- */

static void understand(fv_group *g, int rank, peer *p)
{
    char why[PROBLEM];
    p->silent = 0;
    if (p->heard.kind == LEAVING) p->left = true;
    if (p->heard.kind != FAILED) return;
    if (p->heard.rank == rank)
        snprintf(why, sizeof why, "rank %d has failed and cannot go on", rank);
    else
        snprintf(why, sizeof why, "rank %d says that rank %d is gone", rank, (int)p->heard.rank);
    fail(g, p->heard.rank, why);
}

static void listen(fv_group *g, int rank)
{
    peer *p = &g->peers[rank];
    const fv_transport_class *c = g->transport->class_;
    if (p->left) return;
    if (p->hearing) {
        const fv_message_status status = c->test(g->transport, &p->hears);
        if (status == FV_MESSAGE_WAITS) return;
        p->hearing = false;
        if (status == FV_MESSAGE_DONE) understand(g, rank, p);
        if (status == FV_MESSAGE_BROKEN || p->left) return; /* which is silence from now on */
    }
    p->hearing = c->receive(g->transport, rank, BEAT_TAG, &p->heard, sizeof p->heard, &p->hears);
}

static void tell(fv_group *g, int rank, beat what)
{
    peer *p = &g->peers[rank];
    const fv_transport_class *c = g->transport->class_;
    if (p->telling) p->telling = c->test(g->transport, &p->tells) == FV_MESSAGE_WAITS;
    if (p->telling || p->knows || (what.kind == p->told.kind && p->to_next > 0)) return;
    p->to_next = g->timeout / 8 < 0.5 ? g->timeout / 8 : 0.5;
    p->told = what;
    p->telling = c->send(g->transport, rank, BEAT_TAG, &p->told, sizeof p->told, &p->tells);
    p->knows = what.kind == LEAVING;
}

static void beat_all(fv_group *g, beat what)
{
    for (int r = 0; r < g->size; r++)
        if (r != g->rank) {
            listen(g, r);
            tell(g, r, what);
        }
}

/* A rank that is silent for too long, or left while this one waits for it. */
static void look_for_missing(fv_group *g)
{
    char why[PROBLEM];
    for (int r = 0; r < g->size; r++) {
        const peer *p = &g->peers[r];
        if (r == g->rank) continue;
        if (p->left && p->since > GRACE && g->active) {
            snprintf(why, sizeof why, "rank %d has left while this rank waits for it", r);
            fail(g, r, why);
        } else if (!p->left && p->silent > g->timeout) {
            snprintf(why, sizeof why,
                     "rank %d has been silent for %.3g s: it was killed or stopped, or its machine "
                     "cannot be reached",
                     r, g->timeout);
            fail(g, r, why);
        }
    }
}

static void pass_time(fv_group *g)
{
    const double now = fv_group_clock(), gone = now - g->clock;
    const double step = gone < STEP ? gone : STEP;
    g->clock = now;
    for (int r = 0; r < g->size; r++) {
        peer *p = &g->peers[r];
        p->silent += step;
        p->to_next -= step;
        if (p->left) p->since += step;
    }
}

static bool is_gone(const fv_group *g, int rank)
{
    const peer *p = &g->peers[rank];
    return (g->has_failed && rank == g->gone) || (rank != g->rank && p->silent > g->timeout);
}

/* A writer that has left has written: nobody takes its place. */
static void choose_writer(fv_group *g)
{
    if (!g->has_failed) return;
    int writer = 0;
    while (writer < g->size && is_gone(g, writer)) writer++;
    pthread_mutex_lock(&g->lock);
    g->writer = writer < g->size ? writer : g->rank;
    pthread_mutex_unlock(&g->lock);
}

/* --- the communication thread ----------------------------------------------------------------- */

static void nap(long nanoseconds)
{
    nanosleep(&(const struct timespec){0, nanoseconds}, NULL);
}

/* Between two rounds: none while messages move, then short naps that grow; without a job until one
 * comes, or until it is time for a heartbeat. */
static void rest(fv_group *g, bool moved)
{
    g->idle = moved ? 0 : g->idle + 1;
    if (moved || (g->active && g->idle < 20)) return;
    if (g->active) {
        nap(g->idle < 100 ? 20000 : 200000);
        return;
    }
    pthread_mutex_lock(&g->lock);
    if (!g->queue && !g->closing && !g->failed) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20 * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&g->work, &g->lock, &until);
        pthread_mutex_unlock(&g->lock);
        return;
    }
    const bool queued = g->queue != NULL;
    pthread_mutex_unlock(&g->lock);
    if (!queued) nap(1000000);
}

/* In order: all others have left, and know that this rank has. After a failure: the writer may
 * leave at once, the others when it has left or gone; each when all who live know, or had a second
 * to learn it. */
static bool may_leave(const fv_group *g, double since)
{
    bool all_left = true, all_know = true;
    for (int r = 0; r < g->size; r++) {
        const peer *p = &g->peers[r];
        if (r == g->rank) continue;
        all_left &= p->left;
        all_know &= p->left || is_gone(g, r) || (p->knows && !p->telling);
    }
    if (g->has_failed) return all_know || since > 1.0;
    for (int r = 0; r < g->size; r++) all_left &= r == g->rank || !g->peers[r].telling;
    return all_left;
}

/* True when this rank may say that it leaves: after a failure the writer goes first. */
static bool says_farewell(const fv_group *g)
{
    return !g->has_failed || g->writer == g->rank || g->peers[g->writer].left;
}

/* What has come under the lock since; true when the group closes. */
static bool look(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    const bool closing = g->closing;
    g->has_failed = g->failed;
    g->gone = g->culprit;
    pthread_mutex_unlock(&g->lock);
    return closing;
}

static beat to_tell(const fv_group *g, bool closing)
{
    if (closing && says_farewell(g)) return (beat){LEAVING, g->rank};
    if (g->has_failed) return (beat){FAILED, g->gone};
    return (beat){ALIVE, g->rank};
}

static void communicate(fv_group *g)
{
    double farewell = 0;
    g->clock = fv_group_clock();
    for (;;) {
        take_jobs(g);
        const bool moved = step_jobs(g);
        const bool closing = look(g);
        if (g->has_failed) end_all(g);
        choose_writer(g);
        pass_time(g);
        beat_all(g, to_tell(g, closing));
        look_for_missing(g);
        if (closing && says_farewell(g)) {
            if (farewell == 0) farewell = g->clock;
            if (may_leave(g, g->clock - farewell)) return;
        }
        rest(g, moved);
    }
}

static void *run(void *group)
{
    fv_group *g = group;
    const char *why = g->transport->class_->open(g->transport);
    pthread_mutex_lock(&g->lock);
    g->rank = g->transport->rank;
    g->size = g->transport->size;
    g->peers = calloc((size_t)g->size, sizeof *g->peers);
    if (!why && !g->peers) why = "out of memory";
    if (why) fail_locked(g, g->rank, why);
    g->refused = why != NULL;
    g->opened = true;
    pthread_cond_broadcast(&g->done);
    pthread_mutex_unlock(&g->lock);
    if (!why) communicate(g);
    pthread_mutex_lock(&g->lock);
    const bool in_order = !g->failed;
    g->closed = true;
    pthread_mutex_unlock(&g->lock);
    end_all(g);
    g->transport->class_->close(g->transport, in_order);
    return NULL;
}

/* --- life time -------------------------------------------------------------------------------- */

static void free_group(fv_group *g)
{
    while (g->broken) {
        fv_job *next = g->broken->next;
        fv_job_free(g->broken);
        g->broken = next;
    }
    pthread_cond_destroy(&g->work);
    pthread_cond_destroy(&g->done);
    pthread_mutex_destroy(&g->lock);
    free(g->peers);
    free(g);
}

/* A transport that no thread has opened is closed here. */
static fv_group *refuse(fv_group *g, fv_transport *t, fv_status status, const char *why)
{
    fv_fail(status, "init_process_group: %s", why);
    if (t) t->class_->close(t, false);
    if (g) free_group(g);
    return NULL;
}

fv_group *fv_group_open(fv_transport *t, double timeout)
{
    fv_group *g = calloc(1, sizeof *g);
    if (!g) return refuse(g, t, FV_ERR_MEMORY, "out of memory");
    *g = (fv_group){
        .transport = t, .timeout = timeout, .streams = FV_STREAM_CALLS + 1, .references = 1};
    g->queue_end = &g->queue;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->work, NULL);
    pthread_cond_init(&g->done, NULL);
    if (fv_system_thread(&g->thread, NULL, run, g) != 0)
        return refuse(g, t, FV_ERR_PEER, "no thread can be started");
    pthread_mutex_lock(&g->lock);
    while (!g->opened) pthread_cond_wait(&g->done, &g->lock);
    const bool refused = g->refused;
    pthread_mutex_unlock(&g->lock);
    if (!refused) return g;
    pthread_join(g->thread, NULL);
    return refuse(g, NULL, FV_ERR_PEER, g->problem);
}

fv_status fv_group_close(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    g->closing = true;
    pthread_cond_signal(&g->work);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->thread, NULL);
    fv_status status = FV_OK;
    if (g->failed) status = fv_fail(FV_ERR_PEER, "destroy_process_group: %s", g->problem);
    fv_group_release(g);
    return status;
}

fv_group *fv_group_retain(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    g->references++;
    pthread_mutex_unlock(&g->lock);
    return g;
}

void fv_group_release(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    const bool last = --g->references == 0;
    pthread_mutex_unlock(&g->lock);
    if (last) free_group(g);
}

/* --- for the thread that trains --------------------------------------------------------------- */

int fv_group_rank(const fv_group *g)
{
    return g->rank;
}

int fv_group_size(const fv_group *g)
{
    return g->size;
}

int fv_group_new_stream(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    const int stream = g->streams;
    g->streams = stream + 1 < FV_STREAMS ? stream + 1 : FV_STREAM_CALLS + 1;
    pthread_mutex_unlock(&g->lock);
    return stream;
}

void fv_group_submit(fv_group *g, fv_job *job)
{
    pthread_mutex_lock(&g->lock);
    job->next = NULL;
    job->done = job->broken = false;
    job->phase = 0;
    job->number = g->number[job->stream]++;
    job->begun = fv_group_clock();
    if (g->closed) fail_locked(g, g->rank, "the process group was destroyed");
    if (g->failed) {
        end_job(g, job, true);
    } else {
        *g->queue_end = job;
        g->queue_end = &job->next;
        pthread_cond_signal(&g->work);
    }
    pthread_mutex_unlock(&g->lock);
}

fv_status fv_group_wait(fv_group *g, fv_job *job, const char *function)
{
    char problem[PROBLEM];
    pthread_mutex_lock(&g->lock);
    while (!job->done) pthread_cond_wait(&g->done, &g->lock);
    const bool broken = job->broken;
    memcpy(problem, g->problem, sizeof problem);
    pthread_mutex_unlock(&g->lock);
    return broken ? fv_fail(FV_ERR_PEER, "%s: %s", function, problem) : FV_OK;
}

void fv_group_drop(fv_group *g, fv_job *job)
{
    if (!job) return;
    pthread_mutex_lock(&g->lock);
    const bool keep = job->broken && !g->closed;
    if (keep) {
        job->next = g->broken;
        g->broken = job;
    }
    pthread_mutex_unlock(&g->lock);
    if (!keep) fv_job_free(job);
}

void fv_group_fail(fv_group *g, const char *why)
{
    fail(g, g->rank, why);
}

bool fv_group_failed(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    const bool failed = g->failed;
    pthread_mutex_unlock(&g->lock);
    return failed;
}

int fv_group_writer(fv_group *g)
{
    pthread_mutex_lock(&g->lock);
    const int writer = g->writer;
    pthread_mutex_unlock(&g->lock);
    return writer;
}
