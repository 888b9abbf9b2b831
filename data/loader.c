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
    int64_t replicas, rank;
    int64_t *order;   /* shuffled: of the whole epoch, of all ranks; else NULL */
    int64_t *samples; /* of a batch */
    size_t order_capacity, samples_capacity;
    uint64_t ordered_seed; /* what the order was made of */
    int64_t ordered_epoch; /* -1: none yet */
    fv_tensor *x, *y;      /* the batch that is out */
};

/* --- the order of an epoch -------------------------------------------------------------------- */

static void shuffle_samples(fv_loader *l)
{
    fv_shuffled(fv_stream(l->state.seed, FV_STREAM_ORDER, (uint64_t)l->state.epoch), l->order,
                l->dataset->size);
    l->ordered_seed = l->state.seed;
    l->ordered_epoch = l->state.epoch;
}

/* The samples first .. first + n - 1 of the epoch, of those that are this rank's. */
static const int64_t *pick(fv_loader *l, int64_t first, int64_t n)
{
    if (l->shuffle && (l->ordered_epoch != l->state.epoch || l->ordered_seed != l->state.seed))
        shuffle_samples(l);
    for (int64_t i = 0; i < n; i++) {
        const int64_t place = ((first + i) * l->replicas + l->rank) % l->dataset->size;
        l->samples[i] = l->shuffle ? l->order[place] : place;
    }
    return l->samples;
}

/* How many samples an epoch has for this rank, as for any. */
static int64_t own_samples(const fv_loader *l)
{
    const int64_t size = l->dataset->size, each = size / l->replicas;
    return each + (size % l->replicas != 0 && !l->drop_last ? 1 : 0);
}

/* --- life time -------------------------------------------------------------------------------- */

const fv_loader_args fv_loader_defaults = {FV_LOADER_DEFAULTS};

static fv_status check_new(const fv_loader_args *a)
{
    if (!fv_args_ok("loader_new", a, sizeof *a)) return FV_ERR_OPTION;
    if (!a->dataset) return fv_fail(FV_ERR_OPTION, "loader_new: no data set");
    if (a->batch_size < 1)
        return fv_fail(FV_ERR_OPTION, "loader_new: batch_size is %" PRId64 ", need 1 or more",
                       a->batch_size);
    if (a->num_replicas < 1 || a->num_replicas > INT32_MAX || a->rank < 0 ||
        a->rank >= a->num_replicas)
        return fv_fail(FV_ERR_OPTION,
                       "loader_new: rank %" PRId64 " of num_replicas %" PRId64
                       "; need 1 or more of them, and a rank from 0 to one below",
                       a->rank, a->num_replicas);
    return FV_OK;
}

/* Of a batch, and of an epoch that is shuffled. */
static bool make_places(fv_loader *l)
{
    const int64_t size = l->dataset->size;
    const int64_t batch = size < l->batch_size ? size : l->batch_size;
    if ((uint64_t)size >= SIZE_MAX / sizeof *l->samples) return false;
    l->samples = fv_block_alloc((size_t)(batch + 1) * sizeof *l->samples, &l->samples_capacity);
    if (l->shuffle)
        l->order = fv_block_alloc((size_t)(size + 1) * sizeof *l->order, &l->order_capacity);
    return l->samples && (l->order || !l->shuffle);
}

fv_loader *fv_loader_new_ex(const fv_loader_args *a)
{
    if (check_new(a) != FV_OK) return NULL;
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
        .replicas = a->num_replicas,
        .rank = a->rank,
        .state = {.seed = fv_settle_seed(a->seed)},
        .ordered_epoch = -1,
    };
    if (make_places(l)) return l;
    fv_fail(FV_ERR_MEMORY, "loader_new: out of memory for %" PRId64 " samples", l->dataset->size);
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
    if (loader->order) fv_block_free(loader->order, loader->order_capacity);
    if (loader->samples) fv_block_free(loader->samples, loader->samples_capacity);
    fv_dataset_free(loader->dataset);
    fv_block_free(loader, loader->capacity);
}

/* --- batches ---------------------------------------------------------------------------------- */

int64_t fv_loader_batches(const fv_loader *loader)
{
    if (!loader) return 0;
    int64_t size = own_samples(loader), full = size / loader->batch_size;
    return full + (size % loader->batch_size != 0 && !loader->drop_last ? 1 : 0);
}

/* Draws batch number state.batch of the epoch. */
static bool draw_batch(fv_loader *l, fv_batch *b)
{
    const int64_t first = l->state.batch * l->batch_size, rest = own_samples(l) - first;
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
