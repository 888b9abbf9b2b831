/* Data sets: numbered samples, each an input x and a target y.
 *
 * A data set is reference counted: a loader on it keeps it alive, so that it may be freed before or
 * after the loader. Constructors return NULL and record an error when something is wrong. */
#ifndef FOVEA_DATA_DATASET_H
#define FOVEA_DATA_DATASET_H

#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_dataset fv_dataset;

/* A seed that is not given: one is drawn from the process-wide generator (fv_manual_seed). */
#define FV_ANY_SEED UINT64_MAX

/* Makes sample number index, 0 <= index < length: sets *x, and *y unless the set has no targets.
 * The tensors may be new (the caller's scope owns them) or kept by the set; they are copied at
 * once. Within a batch all x must agree in shape and dtype, and so must all y. Returns FV_OK, or
 * the status of fv_fail; there is no batch either when an error stands at its end, or *x is missing
 * or failed. Called by one thread at a time.
 *
 * For a loader, what it draws at random (fv_rand, fv_randn, ...) depends on the loader's seed, the
 * epoch and the sample's number alone, and leaves the process-wide generator as it was. A set that
 * wraps another one calls fv_dataset_get on it, which crops and flips then as the loader would: the
 * first call in a sample as if there were no wrapper, each further one by itself. */
typedef fv_status (*fv_get_fn)(void *context, int64_t index, fv_tensor **x, fv_tensor **y);

typedef struct fv_dataset_args {
    size_t size;
    int64_t (*length)(void *context); /* asked once, when the set is made */
    fv_get_fn get;
    void *context;
    void (*release)(void *context); /* of the context, when the set dies; NULL: nothing */
} fv_dataset_args;
#define FV_DATASET_DEFAULTS FV_NO_DEFAULTS(fv_dataset_args)
extern const fv_dataset_args fv_dataset_defaults;

/* fv_dataset_new(my_length, my_get, my_set, .release = free): a data set of one's own.
 * Errors: no callback, a negative length; the context then stays the caller's.
 * Source: torch.utils.data.Dataset. */
fv_dataset *fv_dataset_new_ex(const fv_dataset_args *a);
#define fv_dataset_new(...)                                                                        \
    FV_CALL(fv_dataset_new_ex, fv_dataset_args, FV_DATASET_DEFAULTS, __VA_ARGS__)

/* Sample i is (x[i], y[i]). Shares the tensors, copies nothing; batches keep x's memory order.
 * x [N,...]  y [N,...] or NULL.   Errors: no dimension, different N.
 * Source: torch.utils.data.TensorDataset. */
fv_dataset *fv_tensor_dataset(fv_tensor *x, fv_tensor *y);

/* Gives up the caller's hold on it; NULL is fine. */
void fv_dataset_free(fv_dataset *dataset);

/* Number of samples; 0 for NULL.  Source: Dataset.__len__. */
int64_t fv_dataset_size(const fv_dataset *dataset);

/* One sample, owned by the innermost scope; index may count from the end. y may be NULL; *y is NULL
 * when the set has no targets. Normalised, but augmented only inside the get of a data set that a
 * loader reads. Refused while an error stands; on an error both are the failed tensor.
 * Source: Dataset.__getitem__. */
fv_status fv_dataset_get(fv_dataset *dataset, int64_t index, fv_tensor **x, fv_tensor **y);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
