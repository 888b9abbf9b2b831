/* A network whose gradients are averaged, from the inside. Private to nn/parallel/. */
#ifndef FOVEA_NN_PARALLEL_DATA_PARALLEL_IMPL_H
#define FOVEA_NN_PARALLEL_DATA_PARALLEL_IMPL_H

#include "nn/parallel/data_parallel.h"
#include "nn/parallel/group_impl.h"

/* A parameter, and its place in a bucket. */
typedef struct fv_slot {
    fv_data_parallel *parallel;
    fv_tensor *param; /* owned */
    int hook;
    int64_t bucket, at; /* elements */
    bool ready;         /* its gradient is in the bucket */
} fv_slot;

/* Gradients of one type side by side: slots first .. first + count - 1 in their order, then a flag
 * for each (1: this rank has a gradient), then, in bucket 0, one for each rank (1: it runs a
 * backward, 0: it has joined). The flags are averaged like the rest. */
typedef struct fv_bucket {
    fv_job *job;
    int64_t first, count, elements, left; /* left: slots that are not ready */
} fv_bucket;

struct fv_data_parallel {
    fv_group *group; /* NULL: alone */
    fv_slot *slots;  /* in the reverse order of registration */
    int64_t slot_count;
    fv_bucket *buckets;
    int64_t bucket_count, launched;
    fv_tensor **buffers; /* owned */
    int64_t buffer_count;
    fv_job *buffer_job; /* NULL: they are left alone */
    bool sync, running; /* running: a pass that averages is under way */
    bool broken;        /* in this pass */
    fv_data_parallel_times times;
};

/* --- bucket.c --------------------------------------------------------------------------------- */

/* Cuts the slots into buckets; false with an error. */
bool fv_buckets_make(fv_data_parallel *p, double cap, bool bfloat16);

/* All slots wait for their gradients; active: this rank runs a backward. */
void fv_buckets_begin(fv_data_parallel *p, bool active);

/* The gradient of the slot, or that it has none, goes into its bucket, and every bucket that is
 * full by then, in order, on its way. */
void fv_bucket_fill(fv_data_parallel *p, fv_slot *slot);

/* Fills what has not come, waits for all buckets and gives the averages to .grad; a slot that no
 * rank has filled keeps its own. *writer: the lowest rank that runs a backward, -1: none. */
fv_status fv_buckets_finish(fv_data_parallel *p, int *writer);

/* After an error: waits for what is under way. */
void fv_buckets_abandon(fv_data_parallel *p);

/* --- agreement.c ------------------------------------------------------------------------------ */

/* Does every rank have the network of rank 0? If so its parameters and buffers go to all. */
fv_status fv_agree_on_network(fv_group *g, fv_module *module);

#endif
