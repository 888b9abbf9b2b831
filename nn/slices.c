/* Inference of a large batch a few samples at a time.
 *
 *   whole    conv 64 samples -> memory, pool 64 samples <- memory, ...
 *   slices   conv 4 -> cache, pool 4 <- cache, ..., the next 4
 *
 * What a layer writes is then still in cache when the next one reads it, and threads that take a
 * slice each meet at the end alone. How long a slice is follows from the shapes, so that a result
 * has the same bits at any number of threads: what the largest layer reads and writes shall fit
 * in the second cache, or nearly, and weights, which each slice reads anew, shall be few beside
 * what passes through the layers. A run on shapes alone tells both, once for each shape of a batch.
 *
 * An observer sees whole batches: slices are run when nobody looks.
 *
 * More cores have more cache together, and share the layers of a whole batch better than slices: on
 * 16 cores slices took up to three times as long, on four some networks gained and more lost. */
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/observed.h"
#include "autograd/ops/view/view.h"
#include "nn/container.h"
#include "nn/module_impl.h"
#include "tensor/create.h"
#include "tensor/environment.h"
#include "tensor/parallel.h"

enum {
    IN_CACHE = 6 << 20, /* bytes that the largest layer of a slice reads and writes */
    MOST_CORES = 2,     /* whose second caches do not hold the batches of usual networks */
    WEIGHTS_WORTH = 4,  /* a byte of weights, which come packed and from afar, in bytes that pass */
};

/* --- the switch ------------------------------------------------------------------------------- */

static int enabled = FV_SWITCH_UNKNOWN;

/* By the machine, as its instruction set, and not by the number of threads that is set. */
bool fv_slices_enabled(void)
{
    const bool known = __atomic_load_n(&enabled, __ATOMIC_RELAXED) != FV_SWITCH_UNKNOWN;
    /* cores are counted once: files are read for it */
    return fv_environment_switch(&enabled, "FOVEA_SLICES",
                                 !known && fv_usable_cores() <= MOST_CORES);
}

bool fv_set_slices_enabled(bool on)
{
    const bool before = fv_slices_enabled();
    __atomic_store_n(&enabled, on, __ATOMIC_RELAXED);
    return before;
}

/* A batch is being run, as a whole or in slices: modules inside of it decide nothing. */
static _Thread_local bool decided;

/* --- what passes through the layers ----------------------------------------------------------- */

typedef struct traffic {
    const fv_storage *batch; /* the input's */
    int64_t samples;
    double most, all, weights; /* bytes: of the largest layer, of all, of parameters */
    bool apart; /* the first dimension has counted samples throughout; nobody writes to the batch */
} traffic;

static double bytes_of(const fv_tensor *t)
{
    return (double)t->numel * (double)fv_dtype_size(t->dtype);
}

static bool counts_samples(const traffic *t, const fv_tensor *x, int ndim)
{
    return x->ndim >= ndim && x->ndim > 0 && x->shape[0] == t->samples;
}

static void count_layer(fv_module *m, fv_tensor *const *in, fv_tensor *const *out, void *context)
{
    traffic *t = context;
    if (!counts_samples(t, in[0], m->per_sample) || !counts_samples(t, out[0], 1)) t->apart = false;
    if (m->in_place && in[0]->storage == t->batch) t->apart = false;
    if (m->children.count > 0 || in[0]->storage == out[0]->storage) return;
    const double bytes = bytes_of(in[0]) + bytes_of(out[0]);
    if (bytes > t->most) t->most = bytes;
    t->all += bytes;
    for (int64_t i = 0; i < m->parameters.count; i++)
        t->weights += bytes_of(m->parameters.items[i].value);
}

/* A run on shapes alone; a mistake is reported as it would be of the whole batch. */
static fv_status measure(fv_module *m, const fv_tensor *x, traffic *t)
{
    const fv_module_watch watch = {count_layer, t}, *outer = fv_watch_modules(&watch);
    const bool shapes_only = fv_set_shapes_only(true);
    fv_scope scope = fv_scope_open(&scope);
    fv_tensor *like = fv_empty_like(x);
    t->batch = like->storage;
    fv_tensor *y = like->failed ? like : m->type->forward(m, like);
    const bool whole = y && !y->failed;
    if (whole) count_layer(m, &like, &y, t);
    fv_scope_close(&scope);
    fv_set_shapes_only(shapes_only);
    fv_watch_modules(outer);
    return whole ? FV_OK : FV_ERR_STATE;
}

/* Samples of a slice, at most: as many as fit in the cache, or as make weights worth reading. */
static int64_t slice_of(const traffic *t)
{
    const double n = (double)t->samples;
    if (!t->apart || t->most <= IN_CACHE) return t->samples;
    double slice = IN_CACHE * n / t->most;
    const double worth = WEIGHTS_WORTH * t->weights * n / t->all;
    if (slice < worth) slice = worth;
    if (slice < 1) slice = 1;
    return slice >= n ? t->samples : (int64_t)slice;
}

/* --- what is known of a module ---------------------------------------------------------------- */

/* In evaluation, no layer of the tree mixes samples. */
static bool keeps_apart(const fv_module *m)
{
    if (!m->per_sample || !m->type->forward || m->training) return false;
    for (int64_t i = 0; i < m->children.count; i++)
        if (!keeps_apart(m->children.items[i].value)) return false;
    return true;
}

static bool may_slice(const fv_module *m, const fv_tensor *x)
{
    if (decided || x->ndim < m->per_sample || x->ndim < 1 || x->shape[0] < 2) return false;
    if (fv_grad_enabled() || fv_observed() || fv_ops_redirected() || x->shapes_only ||
        fv_shapes_only_enabled())
        return false;
    return x->numel > 0 && keeps_apart(m);
}

/* 48 bits that tell a shape and dtype. */
static uint64_t key_of(const fv_tensor *x)
{
    uint64_t key = (uint64_t)x->dtype * 31 + (uint64_t)x->ndim;
    for (int i = 0; i < x->ndim; i++) {
        key = (key ^ (uint64_t)x->shape[i]) * 0x9e3779b97f4a7c15u;
        key ^= key >> 29;
    }
    return key >> 16 | 1;
}

/* A decision is a word, key and slice, so that threads that use a module together may keep it. */
static int64_t kept_slice(const fv_module *m, uint64_t key)
{
    for (int i = 0; i < FV_MODULE_SLICES; i++) {
        const uint64_t word = __atomic_load_n(&m->slices[i], __ATOMIC_RELAXED);
        if (word >> 16 == key) return (int64_t)(word & 0xffff);
    }
    return 0;
}

static void keep_slice(fv_module *m, uint64_t key, int64_t slice)
{
    if (slice > 0xffff) return;
    __atomic_store_n(&m->slices[key / 2 % FV_MODULE_SLICES], key << 16 | (uint64_t)slice,
                     __ATOMIC_RELAXED);
}

/* Samples of a slice of x, or -1 with an error. */
static int64_t decide(fv_module *m, const fv_tensor *x)
{
    const uint64_t key = key_of(x);
    int64_t slice = kept_slice(m, key);
    if (slice > 0) return slice;
    traffic t = {.samples = x->shape[0], .apart = true};
    if (measure(m, x, &t) != FV_OK) return -1;
    slice = slice_of(&t);
    keep_slice(m, key, slice);
    return slice;
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct slices {
    fv_module *m;
    fv_tensor *x, *y;
    int64_t odd, half;   /* samples of the slice that has no partner, of each half of the others */
    int64_t each, count; /* slices of a half, and in all */
    int64_t first;       /* that the loop begins with */
    fv_status status;    /* of another thread, the first that failed, and its message */
    char message[256];
} slices;

/* Two halves of the same lengths, which two threads end together; of an odd number of samples a
 * slice goes before, which all threads share. */
static void cut(slices *s, int64_t samples, int64_t longest)
{
    s->odd = samples % 2 ? (longest - 1) / 2 * 2 + 1 : 0;
    s->half = (samples - s->odd) / 2;
    s->each = (s->half + longest - 1) / longest;
    s->count = 2 * s->each + s->odd % 2;
}

/* The first sample of slice i; of the second half it is half more than of the first. */
static int64_t begin(const slices *s, int64_t i)
{
    i -= s->odd % 2;
    if (i < 0) return 0;
    return s->odd + i * s->half / s->each;
}

/* Room for the results of all slices, in the order of that of the first. */
static fv_tensor *room_for(const slices *s, const fv_tensor *part)
{
    fv_tensor like = fv_tensor_borrow(part);
    int64_t strides[FV_MAX_DIMS];
    like.shape[0] = s->x->shape[0];
    fv_strides_like(&like, strides);
    const fv_shape shape = fv_shape_of(&like);
    fv_tensor *y = fv_tensor_alloc(part->dtype, &shape, strides);
    if (!y)
        fv_fail(FV_ERR_MEMORY, "%s: no memory for %s", fv_module_name(s->m), fv_shape_text(&shape));
    return y;
}

/* The result, which the first slice to end makes. */
static fv_tensor *shared_result(slices *s, const fv_tensor *part)
{
    fv_tensor *y = __atomic_load_n(&s->y, __ATOMIC_ACQUIRE);
    if (y) return y;
    fv_tensor *made = room_for(s, part);
    if (!made) return NULL;
    if (__atomic_compare_exchange_n(&s->y, &y, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    fv_release(made);
    return y;
}

static fv_status put(slices *s, int64_t at, const fv_tensor *part)
{
    const fv_tensor *y = shared_result(s, part);
    if (!y) return FV_ERR_MEMORY;
    fv_tensor to = fv_tensor_borrow(y);
    to.shape[0] = part->shape[0];
    to.numel = part->numel;
    to.data = (char *)to.data + (size_t)(at * to.strides[0]) * fv_dtype_size(to.dtype);
    fv_copy_elements(&to, part);
    return FV_OK;
}

static fv_status run_slice(slices *s, int64_t i)
{
    const int64_t at = begin(s, i);
    fv_tensor *x = fv_narrow(s->x, 0, at, begin(s, i + 1) - at);
    if (x->failed) return fv_error_status();
    fv_tensor *part = s->m->type->forward(s->m, x);
    if (part && !part->failed && part->ndim > 0 && part->shape[0] == x->shape[0])
        return put(s, at, part);
    if (fv_error_status() != FV_OK) return fv_error_status();
    return fv_fail(FV_ERR_STATE, "%s: it is said to be per_sample, but a slice has another size",
                   fv_module_name(s->m));
}

/* Another thread's error becomes the caller's, and does not stay with that thread. */
static void hand_over(slices *s, fv_status status, bool other)
{
    fv_status none = FV_OK;
    if (__atomic_compare_exchange_n(&s->status, &none, status, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
        strncpy(s->message, fv_error(), sizeof s->message - 1);
    }
    if (other) fv_clear_error();
}

static void run_chunk(void *job, int64_t chunk, int slot)
{
    slices *s = job;
    const bool caller = decided, grads = fv_set_grad_enabled(false);
    fv_scope scope = fv_scope_open(&scope);
    (void)slot;
    decided = true;
    const fv_status status = run_slice(s, s->first + chunk);
    fv_scope_close(&scope);
    if (status != FV_OK) hand_over(s, status, !caller);
    decided = caller;
    fv_set_grad_enabled(grads);
}

/* Slices that are more than a number for each thread by all threads together, first. */
static fv_status run_slices(slices *s)
{
    const int threads = fv_machine_now().threads;
    const int64_t together = threads > 1 ? s->count % threads : s->count;
    for (; s->first < together && s->status == FV_OK; s->first++) run_chunk(s, 0, 0);
    if (s->status == FV_OK && together < s->count)
        fv_parallel(threads, s->count - together, run_chunk, s);
    if (s->status == FV_OK) return FV_OK;
    return fv_error_status() ? s->status : fv_fail(s->status, "%s", s->message);
}

static fv_tensor *forward_decided(fv_module *m, fv_tensor *x, int64_t slice)
{
    if (slice < 0) return fv_failed_tensor();
    if (slice >= x->shape[0]) return m->type->forward(m, x);
    slices s = {.m = m, .x = x};
    cut(&s, x->shape[0], slice);
    const fv_status status = run_slices(&s);
    if (status == FV_OK) return fv_scope_adopt(s.y);
    fv_release(s.y);
    return fv_failed_tensor();
}

fv_tensor *fv_forward_in_slices(fv_module *m, fv_tensor *x)
{
    if (!m->per_sample || !fv_slices_enabled() || !may_slice(m, x)) return m->type->forward(m, x);
    decided = true;
    fv_tensor *y = forward_decided(m, x, decide(m, x));
    decided = false;
    return y;
}
