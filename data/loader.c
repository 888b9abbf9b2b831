/* Loaders: the order of an epoch, and batches in that order. */
#include "data/loader.h"

#include <inttypes.h>
#include <string.h>

#include "data/dataset_impl.h"
#include "data/shuffle_impl.h"

struct fv_loader {
    size_t capacity; /* of the block that the loader is */
    fv_dataset *dataset;
    int64_t batch_size;
    bool shuffle, drop_last;
    bool busy; /* inside fv_loader_next */
    bool set;  /* the state was set, and no batch drawn since */
    fv_loader_state state;
    int64_t *samples; /* shuffled: of the whole epoch, in order; else those of a batch */
    size_t samples_capacity;
    uint64_t ordered_seed; /* what the order in samples was made of */
    int64_t ordered_epoch; /* -1: none yet */
    fv_tensor *x, *y;      /* the batch that is out */
};

/* --- the order of an epoch -------------------------------------------------------------------- */

static void shuffle_samples(fv_loader *l)
{
    fv_shuffled(fv_stream(l->state.seed, FV_STREAM_ORDER, (uint64_t)l->state.epoch), l->samples,
                l->dataset->size);
    l->ordered_seed = l->state.seed;
    l->ordered_epoch = l->state.epoch;
}

/* The samples first .. first + n - 1 of the epoch. */
static const int64_t *pick(fv_loader *l, int64_t first, int64_t n)
{
    if (l->shuffle) {
        if (l->ordered_epoch != l->state.epoch || l->ordered_seed != l->state.seed)
            shuffle_samples(l);
        return l->samples + first;
    }
    for (int64_t i = 0; i < n; i++) l->samples[i] = first + i;
    return l->samples;
}

/* --- life time -------------------------------------------------------------------------------- */

const fv_loader_args fv_loader_defaults = {FV_LOADER_DEFAULTS};

fv_loader *fv_loader_new_ex(const fv_loader_args *a)
{
    if (!fv_args_ok("loader_new", a, sizeof *a)) return NULL;
    if (!a->dataset) {
        fv_fail(FV_ERR_OPTION, "loader_new: no data set");
        return NULL;
    }
    if (a->batch_size < 1) {
        fv_fail(FV_ERR_OPTION, "loader_new: batch_size is %" PRId64 ", need 1 or more",
                a->batch_size);
        return NULL;
    }
    size_t capacity;
    fv_loader *l = fv_block_alloc(sizeof *l, &capacity);
    if (!l) {
        fv_fail(FV_ERR_MEMORY, "loader_new: out of memory");
        return NULL;
    }
    *l = (fv_loader){
        .capacity = capacity,
        .dataset = fv_dataset_retain(a->dataset),
        .batch_size = a->batch_size,
        .shuffle = a->shuffle,
        .drop_last = a->drop_last,
        .state = {.seed = fv_settle_seed(a->seed)},
        .ordered_epoch = -1,
    };
    const int64_t size = a->dataset->size;
    const int64_t places = a->shuffle || size < a->batch_size ? size : a->batch_size;
    if ((uint64_t)places < SIZE_MAX / sizeof *l->samples)
        l->samples =
            fv_block_alloc((size_t)(places + 1) * sizeof *l->samples, &l->samples_capacity);
    if (l->samples) return l;
    fv_fail(FV_ERR_MEMORY, "loader_new: out of memory for %" PRId64 " samples", size);
    fv_loader_free(l);
    return NULL;
}

static void drop_batch(fv_loader *l)
{
    fv_release(l->x);
    fv_release(l->y);
    l->x = l->y = NULL;
}

void fv_loader_free(fv_loader *loader)
{
    if (!loader) return;
    drop_batch(loader);
    if (loader->samples) fv_block_free(loader->samples, loader->samples_capacity);
    fv_dataset_free(loader->dataset);
    fv_block_free(loader, loader->capacity);
}

/* --- batches ---------------------------------------------------------------------------------- */

int64_t fv_loader_batches(const fv_loader *loader)
{
    if (!loader) return 0;
    int64_t size = loader->dataset->size, full = size / loader->batch_size;
    return full + (size % loader->batch_size != 0 && !loader->drop_last ? 1 : 0);
}

/* Draws batch number state.batch of the epoch. */
static bool draw_batch(fv_loader *l, fv_batch *b)
{
    const int64_t first = l->state.batch * l->batch_size, rest = l->dataset->size - first;
    const int64_t n = rest < l->batch_size ? rest : l->batch_size;
    const fv_rng_state augment =
        fv_stream(l->state.seed, FV_STREAM_AUGMENT, (uint64_t)l->state.epoch);
    const int64_t *samples = pick(l, first, n);
    const fv_batch_request request = {samples, samples, n, &augment};
    if (l->dataset->class_->batch(l->dataset, &request, &l->x, &l->y) != FV_OK) return false;
    l->state.batch++;
    *b = (fv_batch){l->x, l->y, n, l};
    return true;
}

bool fv_loader_next(fv_loader *loader, fv_batch *b)
{
    if (!loader || !b) {
        fv_fail(FV_ERR_OPTION, "loader_next: no %s", loader ? "batch" : "loader");
        if (b) *b = (fv_batch){NULL, NULL, 0, NULL};
        return false;
    }
    *b = (fv_batch){NULL, NULL, 0, loader};
    if (loader->busy) {
        fv_fail(FV_ERR_STATE, "loader_next: called by the data set that the loader reads");
        return false;
    }
    drop_batch(loader);
    if (fv_error_status() != FV_OK) return false;
    loader->set = false;
    if (loader->state.batch >= fv_loader_batches(loader)) {
        loader->state.epoch++;
        loader->state.batch = 0;
        return false;
    }
    loader->busy = true;
    bool drawn = draw_batch(loader, b);
    loader->busy = false;
    return drawn;
}

fv_batch fv_loader_begin(fv_loader *loader)
{
    const fv_batch none = {NULL, NULL, 0, loader};
    if (!loader) {
        fv_fail(FV_ERR_OPTION, "loader_begin: no loader");
        return none;
    }
    if (loader->busy || fv_error_status() != FV_OK) return none;
    drop_batch(loader);
    if (loader->set || loader->state.batch == 0) return none;
    loader->state.epoch++;
    loader->state.batch = 0;
    return none;
}

/* --- where it stands -------------------------------------------------------------------------- */

fv_loader_state fv_loader_get_state(const fv_loader *loader)
{
    return loader ? loader->state : (fv_loader_state){0};
}

fv_status fv_loader_set_state(fv_loader *loader, fv_loader_state state)
{
    if (!loader) return fv_fail(FV_ERR_OPTION, "loader_set_state: no loader");
    int64_t batches = fv_loader_batches(loader);
    if (state.epoch < 0 || state.batch < 0 || state.batch > batches)
        return fv_fail(FV_ERR_OPTION,
                       "loader_set_state: epoch %" PRId64 ", batch %" PRId64 "; need an epoch from "
                       "0 and a batch from 0 to %" PRId64,
                       state.epoch, state.batch, batches);
    drop_batch(loader);
    loader->state = state;
    loader->set = true;
    return FV_OK;
}
