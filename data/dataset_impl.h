/* Inside data/: what a data set is made of. */
#ifndef FOVEA_DATA_DATASET_IMPL_H
#define FOVEA_DATA_DATASET_IMPL_H

#include "data/dataset.h"
#include "tensor/random.h"

/* A request for a batch. augment: the stream of this epoch, in which sample i owns block i; NULL
 * for plain samples. */
typedef struct fv_batch_request {
    const int64_t *index;
    int64_t n;
    const fv_rng_state *augment;
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

/* A handle on t[row], with one reference; NULL with an error when memory is out. */
fv_tensor *fv_batch_row(const fv_tensor *t, int64_t row);

#endif
