/* Ranks that are processes, through MPI. The only file that includes mpi.h.
 *
 * MPI is started, used and ended by the communication thread alone, so MPI_THREAD_FUNNELED is
 * enough, and whatever threads compute do not matter to it. */
#include "nn/parallel/transport_impl.h"

#ifdef FV_HAVE_MPI

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

typedef struct mpi_transport {
    fv_transport head;
    MPI_Comm world; /* a communicator of our own */
    bool started;   /* by us, who end it then */
} mpi_transport;

_Static_assert(sizeof(MPI_Request) <= sizeof(((fv_message *)0)->state), "room in a message");

static MPI_Comm world_of(const fv_transport *t)
{
    return ((const mpi_transport *)(const void *)t)->world;
}

static const char *mpi_open(fv_transport *t)
{
    mpi_transport *m = (mpi_transport *)t;
    int running = 0, level = MPI_THREAD_SINGLE, found = 0, *most = NULL;
    MPI_Initialized(&running);
    if (running) return "MPI_Init was called by the program; leave it to Fovea";
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return "MPI_Init_thread has failed";
    m->started = true;
    if (level < MPI_THREAD_FUNNELED) return "this MPI allows for no threads (MPI_THREAD_FUNNELED)";
    if (MPI_Comm_dup(MPI_COMM_WORLD, &m->world) != MPI_SUCCESS) return "MPI_Comm_dup has failed";
    MPI_Comm_set_errhandler(m->world, MPI_ERRORS_RETURN);
    MPI_Comm_rank(m->world, &t->rank);
    MPI_Comm_size(m->world, &t->size);
    MPI_Comm_get_attr(m->world, MPI_TAG_UB, &most, &found);
    return found && *most < FV_MAX_TAG ? "this MPI has too few tags (MPI_TAG_UB)" : NULL;
}

static bool mpi_send(fv_transport *t, int to, int tag, const void *data, size_t bytes,
                     fv_message *m)
{
    MPI_Request request;
    const int status = MPI_Isend(data, (int)bytes, MPI_BYTE, to, tag, world_of(t), &request);
    memcpy(m->state, &request, sizeof request);
    return status == MPI_SUCCESS;
}

static bool mpi_receive(fv_transport *t, int from, int tag, void *data, size_t bytes, fv_message *m)
{
    MPI_Request request;
    const int status = MPI_Irecv(data, (int)bytes, MPI_BYTE, from, tag, world_of(t), &request);
    memcpy(m->state, &request, sizeof request);
    return status == MPI_SUCCESS;
}

static fv_message_status mpi_test(fv_transport *t, fv_message *m)
{
    (void)t;
    MPI_Request request;
    int done = 0;
    memcpy(&request, m->state, sizeof request);
    const int status = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    memcpy(m->state, &request, sizeof request);
    if (status != MPI_SUCCESS) return FV_MESSAGE_BROKEN;
    return done ? FV_MESSAGE_DONE : FV_MESSAGE_WAITS;
}

/* MPI_Finalize waits for all ranks. Where one may be dead it is left out: mpirun notices a process
 * that ends without it, and ends the others. */
static void mpi_close(fv_transport *t, bool in_order)
{
    mpi_transport *m = (mpi_transport *)t;
    if (m->started && in_order) {
        MPI_Comm_free(&m->world);
        MPI_Finalize();
    }
    free(m);
}

static const fv_transport_class mpi_class = {"MPI",       mpi_open, mpi_send,
                                             mpi_receive, mpi_test, mpi_close};

fv_transport *fv_mpi_transport(void)
{
    mpi_transport *m = calloc(1, sizeof *m);
    if (m) *m = (mpi_transport){.head = {&mpi_class, 0, 1}, .world = MPI_COMM_NULL};
    return m ? &m->head : NULL;
}

#endif
