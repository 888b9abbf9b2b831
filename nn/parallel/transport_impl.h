/* How ranks reach each other: messages between two of them, and nothing else. Private to
 * nn/parallel/.
 *
 * Everything above (broadcast, sums, heartbeats) is made of these messages in group.c and
 * collective.c, so it is the same for every transport. transport_mpi.c is the real one; in
 * transport_threads.c the ranks are threads of one process.
 *
 * All functions are called by one thread, the group's communication thread, from open to close, and
 * none of them waits for another rank but open. */
#ifndef FOVEA_NN_PARALLEL_TRANSPORT_IMPL_H
#define FOVEA_NN_PARALLEL_TRANSPORT_IMPL_H

#include <stdbool.h>
#include <stddef.h>

/* A message under way: room for what the transport keeps of it. */
typedef struct fv_message {
    _Alignas(16) unsigned char state[48];
} fv_message;

typedef enum fv_message_status {
    FV_MESSAGE_WAITS,
    FV_MESSAGE_DONE,
    FV_MESSAGE_BROKEN
} fv_message_status;

enum {
    FV_MAX_TAG = (1 << 22) - 1,
    FV_MAX_MESSAGE = 1 << 28, /* bytes; longer ones are cut by the caller */
};

typedef struct fv_transport fv_transport;

typedef struct fv_transport_class {
    const char *name;
    /* Settles rank and size; returns NULL, or why it cannot. */
    const char *(*open)(fv_transport *t);
    /* Begin a message of 1 to FV_MAX_MESSAGE bytes; false when that is refused. The bytes must stay
     * until test says DONE. Messages between two ranks with one tag arrive in the order in which
     * they were sent, and the receiver knows their sizes. */
    bool (*send)(fv_transport *t, int to, int tag, const void *data, size_t bytes, fv_message *m);
    bool (*receive)(fv_transport *t, int from, int tag, void *data, size_t bytes, fv_message *m);
    /* Has it been sent (its bytes may be overwritten), or received? Never called again after DONE.
     */
    fv_message_status (*test)(fv_transport *t, fv_message *m);
    /* Frees t. In order: every rank closes, and no message is under way. Else others may be dead,
     * and nothing may wait for them. */
    void (*close)(fv_transport *t, bool in_order);
} fv_transport_class;

struct fv_transport {
    const fv_transport_class *class_;
    int rank, size;
};

/* The ranks that mpirun or srun has started; NULL with an error when memory is out. */
fv_transport *fv_mpi_transport(void);

/* Ranks that are threads: one for each of `size` ranks, in out. False when memory is out. */
bool fv_thread_transports(int size, fv_transport **out);

#endif
