/* Ranks that are threads of this process. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/parallel/distributed.h"
#include "nn/parallel/group_impl.h"
#include "tensor/memory.h"
#include "tensor/system.h"

enum { MOST_RANKS = 1024, MESSAGE = 300 };

typedef struct rank_thread {
    const fv_spawn_args *args;
    fv_transport *transport;
    pthread_t thread;
    int rank;
    fv_status status; /* with which it ended */
    char message[MESSAGE];
} rank_thread;

static void *run(void *argument)
{
    rank_thread *r = argument;
    fv_group *g = fv_group_open(r->transport, r->args->timeout);
    if (g) {
        fv_group_set_thread(g);
        r->args->function(r->rank, r->args->context);
        fv_destroy_process_group();
    }
    r->status = fv_error_status();
    snprintf(r->message, sizeof r->message, "%s", fv_error());
    fv_clear_error();
    return NULL;
}

/* Waits for the threads of the first `started` ranks, and reports the first error. */
static fv_status join(const char *function, rank_thread *ranks, int started)
{
    fv_status status = FV_OK;
    for (int i = 0; i < started; i++) {
        pthread_join(ranks[i].thread, NULL);
        if (ranks[i].status != FV_OK)
            status = fv_fail(ranks[i].status, "%s: rank %d: %s", function, i, ranks[i].message);
    }
    return status;
}

static fv_status start(const fv_spawn_args *a, rank_thread *ranks, fv_transport **transports)
{
    const int count = (int)a->nprocs;
    int started = 0;
    for (; started < count; started++) {
        ranks[started] =
            (rank_thread){.args = a, .transport = transports[started], .rank = started};
        if (fv_system_thread(&ranks[started].thread, NULL, run, &ranks[started]) != 0) break;
    }
    /* A rank without a thread has left already, so the others do not wait for it. */
    for (int i = started; i < count; i++) transports[i]->class_->close(transports[i], false);
    fv_status status = join("spawn", ranks, started);
    if (started == count) return status;
    return fv_fail(FV_ERR_PEER, "spawn: no thread can be started for rank %d", started);
}

const fv_spawn_args fv_spawn_defaults = {FV_SPAWN_DEFAULTS};

fv_status fv_spawn_ex(const fv_spawn_args *a)
{
    if (!fv_args_ok("spawn", a, sizeof *a)) return FV_ERR_OPTION;
    if (!a->function) return fv_fail(FV_ERR_OPTION, "spawn: the function is NULL");
    if (a->nprocs < 1 || a->nprocs > MOST_RANKS)
        return fv_fail(FV_ERR_OPTION, "spawn: nprocs is %lld, must be from 1 to %d",
                       (long long)a->nprocs, (int)MOST_RANKS);
    if (!(a->timeout > 0) || !isfinite(a->timeout))
        return fv_fail(FV_ERR_OPTION, "spawn: timeout is %g, must be above 0", a->timeout);
    const size_t n = (size_t)a->nprocs;
    rank_thread *ranks = calloc(n, sizeof *ranks);
    fv_transport **transports = calloc(n, sizeof(fv_transport *));
    fv_status status = FV_ERR_MEMORY;
    if (ranks && transports && fv_thread_transports((int)n, transports))
        status = start(a, ranks, transports);
    else
        fv_fail(FV_ERR_MEMORY, "spawn: out of memory");
    free(ranks);
    free(transports);
    return status;
}
