/* Loaders: the order of an epoch, and batches in that order. */
#include "data/loader.h"

#include <inttypes.h>
#include <string.h>

#include "data/dataset_impl.h"

struct fv_loader {
    size_t capacity; /* of the block that the loader is */
    fv_dataset *dataset;
    int64_t batch_size;
    bool shuffle, drop_last;
    fv_loader_state state;
    int64_t *samples; /* shuffled: of the whole epoch, in order; else those of a batch */
    size_t samples_capacity;
    uint64_t ordered_seed; /* what the order in samples was made of */
    int64_t ordered_epoch; /* -1: none yet */
    fv_tensor *x, *y;      /* the batch that is out */
};

/* --- the order of an epoch -------------------------------------------------------------------- */

typedef enum stream { STREAM_ORDER = 1, STREAM_AUGMENT = 2 } stream;

/* Steele, Lea, Flood 2014: spreads neighbouring numbers over all 64 bits. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static fv_rng_state epoch_stream(const fv_loader *l, stream kind)
{
    uint64_t key = mix(mix(mix(l->state.seed) + (uint64_t)kind) + (uint64_t)l->state.epoch);
    return (fv_rng_state){.seed = key};
}

/* A number in [0, n), n below 2^63: the high word of a 64 by 64 bit product. */
static int64_t below(int64_t n, uint64_t random)
{
    uint64_t a = (uint64_t)n, a0 = a & 0xffffffffu, a1 = a >> 32;
    uint64_t b0 = random & 0xffffffffu, b1 = random >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t low = a0 * b1 + (middle & 0xffffffffu);
    return (int64_t)(a1 * b1 + (middle >> 32) + (low >> 32));
}

/* Fisher and Yates: every order is equally likely. */
static void shuffle_samples(fv_loader *l)
{
    const fv_rng_state state = epoch_stream(l, STREAM_ORDER);
    for (int64_t i = 0; i < l->dataset->size; i++) l->samples[i] = i;
    uint32_t r[4] = {0};
    for (int64_t i = l->dataset->size - 1, k = 0; i > 0; i--, k++) {
        if (k % 2 == 0) fv_philox(state, (uint64_t)(k / 2), r);
        uint64_t random = ((uint64_t)r[k % 2 * 2] << 32) | r[k % 2 * 2 + 1];
        int64_t j = below(i + 1, random), kept = l->samples[i];
        l->samples[i] = l->samples[j];
        l->samples[j] = kept;
    }
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

static uint64_t draw_seed(void)
{
    uint32_t r[4];
    fv_philox(fv_rng_reserve(1), 0, r);
    return ((uint64_t)r[0] << 32) | r[1];
}

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
        .state = {.seed = a->seed ? a->seed : draw_seed()},
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

bool fv_loader_next(fv_loader *loader, fv_batch *b)
{
    if (!loader || !b) {
        fv_fail(FV_ERR_OPTION, "loader_next: no %s", loader ? "batch" : "loader");
        return false;
    }
    drop_batch(loader);
    *b = (fv_batch){NULL, NULL, 0};
    if (fv_error_status() != FV_OK) return false;
    if (loader->state.batch >= fv_loader_batches(loader)) {
        loader->state.epoch++;
        loader->state.batch = 0;
        return false;
    }
    const int64_t first = loader->state.batch * loader->batch_size;
    const int64_t rest = loader->dataset->size - first;
    const int64_t n = rest < loader->batch_size ? rest : loader->batch_size;
    const fv_rng_state augment = epoch_stream(loader, STREAM_AUGMENT);
    const fv_batch_request request = {pick(loader, first, n), n, &augment};
    fv_dataset *d = loader->dataset;
    if (d->class_->batch(d, &request, &loader->x, &loader->y) != FV_OK) return false;
    loader->state.batch++;
    *b = (fv_batch){loader->x, loader->y, n};
    return true;
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
    return FV_OK;
}
