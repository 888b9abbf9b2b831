/* Ranks that are threads of one process: a message is copied into a queue of the pair of ranks, and
 * out of it by the receiver. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nn/parallel/transport_impl.h"

/* A message that has been sent. */
typedef struct letter {
    struct letter *next;
    int tag;
    size_t bytes;
    unsigned char data[];
} letter;

/* What the ranks have in common; freed by the last one that closes. */
typedef struct hub {
    pthread_mutex_t lock;
    int size, open;
    letter *queue[]; /* [from * size + to], the oldest first */
} hub;

typedef struct thread_transport {
    fv_transport head;
    hub *hub;
} thread_transport;

/* What a message keeps: of one that was sent, out is NULL. */
typedef struct expected {
    int from, tag;
    void *out;
    size_t bytes;
} expected;
_Static_assert(sizeof(expected) <= sizeof(((fv_message *)0)->state), "room in a message");

static letter **queue_of(fv_transport *t, int from, int to)
{
    hub *h = ((thread_transport *)t)->hub;
    return &h->queue[from * h->size + to];
}

static void lock(fv_transport *t)
{
    pthread_mutex_lock(&((thread_transport *)t)->hub->lock);
}

static void unlock(fv_transport *t)
{
    pthread_mutex_unlock(&((thread_transport *)t)->hub->lock);
}

static const char *thread_open(fv_transport *t)
{
    (void)t;
    return NULL;
}

static bool thread_send(fv_transport *t, int to, int tag, const void *data, size_t bytes,
                        fv_message *m)
{
    letter *l = malloc(sizeof *l + bytes);
    if (!l) return false;
    *l = (letter){.tag = tag, .bytes = bytes};
    memcpy(l->data, data, bytes);
    const expected none = {.from = -1};
    memcpy(m->state, &none, sizeof none);
    lock(t);
    letter **at = queue_of(t, t->rank, to);
    while (*at) at = &(*at)->next;
    *at = l;
    unlock(t);
    return true;
}

static bool thread_receive(fv_transport *t, int from, int tag, void *data, size_t bytes,
                           fv_message *m)
{
    (void)t;
    const expected e = {.from = from, .tag = tag, .out = data, .bytes = bytes};
    memcpy(m->state, &e, sizeof e);
    return true;
}

/* Takes the oldest message with that tag out of a queue; NULL when there is none. */
static letter *take(fv_transport *t, int from, int tag)
{
    lock(t);
    letter **at = queue_of(t, from, t->rank);
    while (*at && (*at)->tag != tag) at = &(*at)->next;
    letter *l = *at;
    if (l) *at = l->next;
    unlock(t);
    return l;
}

static fv_message_status thread_test(fv_transport *t, fv_message *m)
{
    expected e;
    memcpy(&e, m->state, sizeof e);
    if (!e.out) return FV_MESSAGE_DONE;
    letter *l = take(t, e.from, e.tag);
    if (!l) return FV_MESSAGE_WAITS;
    const bool fits = l->bytes == e.bytes;
    if (fits) memcpy(e.out, l->data, e.bytes);
    free(l);
    return fits ? FV_MESSAGE_DONE : FV_MESSAGE_BROKEN;
}

static void free_hub(hub *h)
{
    for (int i = 0; i < h->size * h->size; i++)
        while (h->queue[i]) {
            letter *next = h->queue[i]->next;
            free(h->queue[i]);
            h->queue[i] = next;
        }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static void thread_close(fv_transport *t, bool in_order)
{
    (void)in_order;
    hub *h = ((thread_transport *)t)->hub;
    pthread_mutex_lock(&h->lock);
    const bool last = --h->open == 0;
    pthread_mutex_unlock(&h->lock);
    if (last) free_hub(h);
    free(t);
}

static const fv_transport_class thread_class = {"threads",      thread_open, thread_send,
                                                thread_receive, thread_test, thread_close};

bool fv_thread_transports(int size, fv_transport **out)
{
    const size_t queues = (size_t)size * (size_t)size;
    hub *h = calloc(1, sizeof *h + queues * sizeof *h->queue);
    bool made = h != NULL;
    if (h) {
        pthread_mutex_init(&h->lock, NULL);
        h->size = h->open = size;
    }
    for (int rank = 0; rank < size; rank++) {
        thread_transport *t = made ? calloc(1, sizeof *t) : NULL;
        out[rank] = t ? &t->head : NULL;
        made = t != NULL;
        if (t) *t = (thread_transport){{&thread_class, rank, size}, h};
    }
    if (made) return true;
    for (int rank = 0; rank < size; rank++) free(out[rank]);
    if (h) {
        h->open = 0;
        free_hub(h);
    }
    return false;
}
