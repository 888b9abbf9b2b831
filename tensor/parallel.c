/* The parallel loop: which engine runs it, and when it is the caller's alone. */
#include "tensor/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tensor/environment.h"
#include "tensor/parallel_impl.h"
#include "tensor/system.h"
#include "tensor/threads.h"

/* --- into how much to cut --------------------------------------------------------------------- */

/* Waking a thread costs about a microsecond; below some ten the second core does not pay. */
int fv_threads_for(fv_machine machine, double nanoseconds)
{
    const double worth = 12000.0;
    if (nanoseconds < worth) return 1;
    double wanted = nanoseconds / (worth / 2);
    return wanted < machine.threads ? (int)wanted : machine.threads;
}

int64_t fv_chunks_for(double nanoseconds, int64_t units)
{
    int64_t chunks = nanoseconds < 128e3 ? (int64_t)(nanoseconds / 4000.0) : 32;
    if (chunks > units) chunks = units;
    return chunks < 1 ? 1 : chunks;
}

/* --- the engine ------------------------------------------------------------------------------- */

typedef struct engine {
    const char *name;
    fv_parallel_engine *run; /* NULL: the caller alone */
} engine;

/* What this build has; the first is the default. */
static const engine engines[] = {
#ifdef FV_HAVE_POOL
    {"pool", fv_pool_run},
#endif
#ifdef FV_HAVE_OPENMP
    {"openmp", fv_openmp_run},
#endif
    {"none", NULL},
};

enum { ENGINES = sizeof engines / sizeof *engines };

static _Atomic(const engine *) chosen;

static const engine *named(const char *name)
{
    for (int i = 0; i < ENGINES; i++)
        if (engines[i].run && strcmp(engines[i].name, name) == 0) return &engines[i];
    return NULL;
}

/* The child of a fork has none of the threads that the parent made; of the engines only the pool
 * can make others. */
static void in_the_child(void)
{
    fv_pool_after_fork();
    atomic_store(&chosen, named("pool") ? named("pool") : &engines[ENGINES - 1]);
    fv_set_num_threads(1);
}

/* The engine that the environment asks for, else the default. */
static const engine *wanted(void)
{
    const char *names[ENGINES]; /* the last has no threads and is nobody's wish */
    for (int i = 0; i < ENGINES; i++) names[i] = engines[i].run ? engines[i].name : NULL;
    int i = fv_environment_word("FOVEA_THREADS", names);
    return &engines[i < 0 ? 0 : i];
}

static const engine *choose(void)
{
    const engine *found = wanted(), *before = NULL;
    if (!atomic_compare_exchange_strong(&chosen, &before, found)) return before;
    if (found->run) fv_system_at_fork(NULL, NULL, in_the_child);
    return found;
}

static const engine *current(void)
{
    const engine *e = atomic_load_explicit(&chosen, memory_order_acquire);
    return e ? e : choose();
}

const char *fv_parallel_engine_name(void)
{
    return current()->name;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* This thread is in a body that it runs as a caller. A thread of an engine need not set it: while
 * it is in a body the pool is taken, or OpenMP in a region. */
static _Thread_local bool inside;

void fv_parallel(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
    bool outer = inside;
    inside = true;
    bool run = false;
    if (threads > 1 && chunks > 1 && !outer && !fv_openmp_in_parallel()) {
        fv_parallel_engine *engine_run = current()->run;
        run = engine_run && engine_run(threads, chunks, body, job);
    }
    if (!run)
        for (int64_t chunk = 0; chunk < chunks; chunk++) body(job, chunk, 0);
    inside = outer;
}
