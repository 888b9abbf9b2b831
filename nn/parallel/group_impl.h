/* A group of ranks, and what it does together. Private to nn/parallel/.
 *
 *   the thread that trains          the communication thread
 *     fv_group_submit  ── queue ──►   steps every job that is under way (collective.c),
 *     fv_group_wait    ◄── done ───   sends a heartbeat to every rank, listens to theirs
 *
 * Jobs of one stream are submitted in the same order on every rank; a number of the stream and one
 * of the job in it are the tags of its messages, so jobs of several streams may overtake each
 * other. A job always ends: with its result, or because a rank has gone. */
#ifndef FOVEA_NN_PARALLEL_GROUP_IMPL_H
#define FOVEA_NN_PARALLEL_GROUP_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/parallel/transport_impl.h"
#include "tensor/dtype.h"
#include "tensor/error.h"

typedef struct fv_group fv_group;

/* The messages of a job's phase with one rank: bytes in pieces that a message can have. */
typedef struct fv_transfer {
    fv_message message;
    unsigned char *data;
    size_t left, piece; /* bytes that are not through; of those, under way */
    int peer, tag;
    bool receives;
} fv_transfer;

typedef enum fv_job_kind { FV_JOB_SUM, FV_JOB_BROADCAST } fv_job_kind;

typedef struct fv_job {
    fv_job_kind kind;
    fv_dtype dtype; /* of a sum: float32, float64, bfloat16, int64 */
    int64_t count;  /* elements; of a broadcast, bytes */
    double scale;   /* the sum is multiplied by it */
    int root;       /* of a broadcast */
    int stream;
    void *data; /* the elements, and then the result; owned */
    /* the communication thread's */
    struct fv_job *next;
    uint32_t number; /* in its stream */
    int phase;
    int transfer_count;
    fv_transfer *transfers; /* room for 2 * size */
    const void **parts;     /* of a sum: where the part that is this rank's lies, by rank, */
    unsigned char *theirs;  /* and what the other ranks sent of it */
    void *block;            /* has all of these and the job itself */
    size_t token;
    /* under the group's lock */
    bool done, broken;
    double begun, ended; /* seconds */
} fv_job;

/* --- group.c ---------------------------------------------------------------------------------- */

enum { FV_STREAM_CALLS = 0, FV_STREAMS = 256 };

/* Starts the communication thread, which opens the transport; the group owns that from here on.
 * timeout: seconds of silence after which a rank counts as gone. NULL with an error. */
fv_group *fv_group_open(fv_transport *t, double timeout);

/* Waits until every rank closes, or for a while after a failure, as group.c says, and releases it.
 * Returns FV_OK when all have left in order. Jobs that are submitted later are refused. */
fv_status fv_group_close(fv_group *g);

fv_group *fv_group_retain(fv_group *g);
void fv_group_release(fv_group *g);

int fv_group_rank(const fv_group *g);
int fv_group_size(const fv_group *g);

/* A stream of its own; every rank calls this in the same order. */
int fv_group_new_stream(fv_group *g);

void fv_group_submit(fv_group *g, fv_job *job);

/* FV_OK, or an error of that function. */
fv_status fv_group_wait(fv_group *g, fv_job *job, const char *function);

/* Frees a job that is not under way; NULL is fine. What a failed transport may still write to lives
 * as long as the group. */
void fv_group_drop(fv_group *g, fv_job *job);

/* This rank cannot go on: all others are told, and what is under way ends. */
void fv_group_fail(fv_group *g, const char *why);

/* Has some rank gone? */
bool fv_group_failed(fv_group *g);

/* The rank that writes files: the lowest that is alive. */
int fv_group_writer(fv_group *g);

/* Seconds of a clock that never goes back. */
double fv_group_clock(void);

/* --- collective.c ----------------------------------------------------------------------------- */

/* A job with memory for its elements, messages and sums; NULL with an error when it is out. scale
 * is 1, root is 0. It may be submitted again after it is done. */
fv_job *fv_job_new(const fv_group *g, fv_job_kind kind, fv_dtype dtype, int64_t count, int stream);
void fv_job_free(fv_job *job);

/* Goes on as far as it can without waiting. moved is set when anything has. */
fv_message_status fv_job_step(fv_job *job, fv_transport *t, bool *moved);

/* --- sum.c ------------------------------------------------------------------------------------ */

/* out[i] = scale * (part[0][i] + part[1][i] + ...), added in that order; out may be one of the
 * parts. */
void fv_sum_parts(fv_dtype dtype, void *out, const void *const *part, int parts, int64_t count,
                  double scale);

/* --- process_group.c -------------------------------------------------------------------------- */

/* The group of this thread, or else of the process; NULL for a rank that is alone. */
fv_group *fv_group_current(void);
void fv_group_set_thread(fv_group *g);

#endif
