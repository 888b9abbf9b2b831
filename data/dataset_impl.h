/* Inside data/: what a data set is made of. */
#ifndef FOVEA_DATA_DATASET_IMPL_H
#define FOVEA_DATA_DATASET_IMPL_H

#include "data/dataset.h"
#include "tensor/random.h"

/* A request for a batch. A set that is made of others hands it on with other indices, but with the
 * numbers and the stream that it got. */
typedef struct fv_batch_request {
    const int64_t *index;  /* of the samples, in this set */
    const int64_t *number; /* of the same samples, in the set that was asked first */
    int64_t n;
    const fv_rng_state
        *augment; /* of this epoch: sample number i owns block i; NULL for plain ones */
} fv_batch_request;

typedef struct fv_dataset_class {
    /* Allocates and fills *x and *y (each with one reference, of no scope; *y may be left NULL).
     * On an error both are left NULL. n is at least 1. */
    fv_status (*batch)(fv_dataset *d, const fv_batch_request *r, fv_tensor **x, fv_tensor **y);
    /* Releases what the members behind the head hold. */
    void (*release)(fv_dataset *d);
    size_t bytes; /* of the whole object, whose first member is the fv_dataset */
} fv_dataset_class;

struct fv_dataset {
    const fv_dataset_class *class_;
    int64_t size;
    int32_t refcount; /* atomic access */
    size_t capacity;  /* of the block that it is */
};

/* A cleared object of the class with one reference, or NULL with an error. */
fv_dataset *fv_dataset_alloc(const fv_dataset_class *class_, int64_t size);
fv_dataset *fv_dataset_retain(fv_dataset *d);

/* A tensor [n, sample...] for n samples like this one, in the sample's memory order; NULL with an
 * error when memory is out. */
fv_tensor *fv_batch_alloc(int64_t n, const fv_tensor *sample);

/* batch[row] = sample, whose shape and dtype the batch has. */
fv_status fv_batch_set_row(fv_tensor *batch, int64_t row, const fv_tensor *sample);

/* The same, but a batch that is NULL is made for n samples like this one, and another shape or
 * dtype than the batch's is an error; name ("x") and index are for its message. */
fv_status fv_batch_put(fv_tensor **batch, int64_t n, int64_t row, const fv_tensor *sample,
                       const char *name, int64_t index);

/* The error of a batch in which some samples have a target and others have none. */
fv_status fv_targets_differ(int64_t index, bool has_one);

/* A handle on t[row], with one reference; NULL with an error when memory is out. */
fv_tensor *fv_batch_row(const fv_tensor *t, int64_t row);

#endif
