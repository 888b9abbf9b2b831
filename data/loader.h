/* Loaders: batches of a data set, epoch after epoch, in order or shuffled.
 *
 *     FV_EACH_BATCH (b, batches) {        one epoch from its beginning, as "for b in batches"
 *         FV_SCOPE;
 *         ... b.x, b.y, b.n ...           break leaves the epoch
 *     }
 *
 * The order of an epoch depends on (seed, epoch) alone, and what chance does to a sample on (seed,
 * epoch, number of the sample in the loader's data set): a loader at the same state gives the same
 * batches, whatever their size and whatever the number of threads. */
#ifndef FOVEA_DATA_LOADER_H
#define FOVEA_DATA_LOADER_H

#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_loader fv_loader;

/* x [n,...] and y [n,...] (NULL for a set without targets) belong to the loader, which keeps them
 * until the next call; fv_retain what is to live longer. n is the batch's size. */
typedef struct fv_batch {
    fv_tensor *x, *y;
    int64_t n;
    fv_loader *loader; /* private: whose batch it is */
} fv_batch;

typedef struct fv_loader_args {
    size_t size;
    fv_dataset *dataset;
    int64_t batch_size;         /* 1 */
    bool shuffle;               /* a new order every epoch */
    bool drop_last;             /* leave out a last batch that is not full */
    uint64_t seed;              /* FV_ANY_SEED: one is drawn from the generator of fv_manual_seed */
    int64_t num_replicas, rank; /* 1, 0: how many loaders share an epoch, and which one this is */
} fv_loader_args;
#define FV_LOADER_DEFAULTS                                                                         \
    FV_DEFAULTS(fv_loader_args, .batch_size = 1, .seed = FV_ANY_SEED, .num_replicas = 1)
extern const fv_loader_args fv_loader_defaults;

/* fv_loader_new(set, .batch_size = 128, .shuffle = true). Keeps the data set alive. NULL on an
 * error: no data set (its own error stands then), batch_size below 1, a rank that is not among
 * num_replicas, memory.
 * With .num_replicas = n the loader draws every n-th sample of the epoch's order, the rank-th
 * first: the batches of n ranks with the same seed make up one of n times the size. What n does not
 * divide is filled up with samples from the beginning, or with drop_last left out, so that all
 * ranks have as many batches.
 * Source: torch.utils.data.DataLoader, DistributedSampler. */
fv_loader *fv_loader_new_ex(const fv_loader_args *a);
#define fv_loader_new(...)                                                                         \
    FV_CALL(fv_loader_new_ex, fv_loader_args, FV_LOADER_DEFAULTS, __VA_ARGS__)

/* Gives up the loader, its batch and its hold on the data set. NULL is fine. */
void fv_loader_free(fv_loader *loader);

/* A loop over the batches of one epoch, each in the fv_batch b, which the loop declares. It always
 * starts at the beginning of an epoch: what a loop before it left by break, return or goto is
 * passed over, and the next epoch begins, with an order of its own. Only behind fv_loader_set_state
 * the first loop goes on where that says. While an error stands there is no batch. Source: "for
 * batch in loader". */
#define FV_EACH_BATCH(b, loader_)                                                                  \
    for (fv_batch b = fv_loader_begin(loader_); fv_loader_next(b.loader, &b);)

/* What FV_EACH_BATCH begins with: gives up the batch that is out, goes on to the beginning of an
 * epoch as said there, and returns an empty batch. Errors: no loader. */
fv_batch fv_loader_begin(fv_loader *loader);

/* Fills b with the next batch. False at the end of an epoch, and the call after that starts the
 * next one. False as well while an error stands (of this call or an earlier one), so that a
 * training loop ends: look at fv_error_status() after it. b is empty then (x, y NULL, n 0).
 *     fv_batch b;  while (fv_loader_next(batches, &b)) { ... }
 * is right for a loop that runs to its end. One that is left by break stays where it is, and the
 * next loop goes on there, in the middle of the epoch: FV_EACH_BATCH does not.
 * In steady state it takes its memory from the cache and asks the system for none. */
bool fv_loader_next(fv_loader *loader, fv_batch *b);

/* Batches of an epoch; 0 for NULL.  Source: len(DataLoader). */
int64_t fv_loader_batches(const fv_loader *loader);

/* Where a loader stands: save it with a checkpoint, set it on a loader of the same data set and
 * options, and the same batches follow, with the same crops, flips and draws of its data set. */
typedef struct fv_loader_state {
    uint64_t seed;
    int64_t epoch; /* from 0 */
    int64_t batch; /* the next one of this epoch */
} fv_loader_state;
fv_loader_state fv_loader_get_state(const fv_loader *loader);

/* Errors: a negative epoch, a batch that the epoch does not have. {seed, epoch + 1, 0} leaves an
 * epoch early. */
fv_status fv_loader_set_state(fv_loader *loader, fv_loader_state state);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
