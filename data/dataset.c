/* Data sets: life time, single samples, and sets that are made of callbacks or of tensors. */
#include "data/dataset.h"

#include <inttypes.h>
#include <string.h>

#include "data/dataset_impl.h"
#include "data/shuffle_impl.h"

/* --- every data set --------------------------------------------------------------------------- */

fv_dataset *fv_dataset_alloc(const fv_dataset_class *class_, int64_t size)
{
    size_t capacity; /* a block, not an object: it counts, so that fv_shutdown leaves it alone */
    fv_dataset *d = fv_block_alloc(class_->bytes, &capacity);
    if (!d) {
        fv_fail(FV_ERR_MEMORY, "dataset: out of memory");
        return NULL;
    }
    memset(d, 0, class_->bytes);
    d->class_ = class_;
    d->size = size;
    d->refcount = 1;
    d->capacity = capacity;
    return d;
}

fv_dataset *fv_dataset_retain(fv_dataset *d)
{
    __atomic_add_fetch(&d->refcount, 1, __ATOMIC_RELAXED);
    return d;
}

void fv_dataset_free(fv_dataset *dataset)
{
    if (!dataset || __atomic_sub_fetch(&dataset->refcount, 1, __ATOMIC_ACQ_REL) > 0) return;
    dataset->class_->release(dataset);
    fv_block_free(dataset, dataset->capacity);
}

int64_t fv_dataset_size(const fv_dataset *dataset)
{
    return dataset ? dataset->size : 0;
}

/* Turns a batch of one into its only sample, owned by the innermost scope. */
static fv_tensor *only_sample(fv_tensor *batch)
{
    fv_tensor *sample = fv_batch_row(batch, 0);
    fv_release(batch);
    return sample ? fv_scope_adopt(sample) : fv_failed_tensor();
}

/* What a loader's sample that is being made in this thread has to do with chance. */
typedef struct chance {
    const fv_rng_state *augment; /* the request's */
    int64_t number;              /* the sample's */
    uint64_t gets;               /* calls of fv_dataset_get so far */
    uint64_t depth;              /* callbacks around this one */
} chance;
static _Thread_local chance *sampling; /* NULL outside of a loader's call */

/* A sample fetched to make another one of it: by the same number, in the stream of its turn. */
static void inherit_chance(fv_batch_request *one, fv_rng_state *stream)
{
    *stream = *sampling->augment;
    if (sampling->gets > 0) *stream = fv_stream(stream->seed, FV_STREAM_REPEAT, sampling->gets);
    sampling->gets++;
    one->number = &sampling->number;
    one->augment = stream;
}

fv_status fv_dataset_get(fv_dataset *dataset, int64_t index, fv_tensor **x, fv_tensor **y)
{
    fv_tensor *none;
    if (!y) y = &none;
    if (!x) return fv_fail(FV_ERR_OPTION, "dataset_get: x is NULL");
    *x = *y = fv_failed_tensor();
    if (!dataset) return fv_fail(FV_ERR_OPTION, "dataset_get: no data set");
    if (fv_error_status() != FV_OK) return fv_error_status();
    int64_t i = index < 0 ? index + dataset->size : index;
    if (i < 0 || i >= dataset->size)
        return fv_fail(FV_ERR_INDEX, "dataset_get: index %" PRId64 " in a set of %" PRId64, index,
                       dataset->size);
    fv_rng_state stream;
    fv_batch_request one = {.index = &i, .number = &i, .n = 1};
    if (sampling) inherit_chance(&one, &stream);
    fv_tensor *bx = NULL, *by = NULL;
    fv_status status = dataset->class_->batch(dataset, &one, &bx, &by);
    if (status != FV_OK) return status;
    *x = only_sample(bx);
    if (y == &none) {
        fv_release(by);
        *y = NULL;
    } else {
        *y = by ? only_sample(by) : NULL;
    }
    return fv_failed_in("dataset_get", *x) || (*y && fv_failed_in("dataset_get", *y))
               ? FV_ERR_MEMORY
               : FV_OK;
}

/* --- rows of a batch -------------------------------------------------------------------------- */

fv_tensor *fv_batch_alloc(int64_t n, const fv_tensor *sample)
{
    if (sample->ndim >= FV_MAX_DIMS) {
        fv_fail(FV_ERR_SHAPE, "dataset: samples have %d dimensions, a batch takes up to %d",
                sample->ndim, FV_MAX_DIMS - 1);
        return NULL;
    }
    fv_shape shape = {.ndim = sample->ndim + 1, .dim = {n}};
    int64_t strides[FV_MAX_DIMS] = {sample->numel > 0 ? sample->numel : 1};
    int64_t inner[FV_MAX_DIMS];
    fv_strides_like(sample, inner);
    for (int d = 0; d < sample->ndim; d++) {
        shape.dim[d + 1] = sample->shape[d];
        strides[d + 1] = inner[d];
    }
    fv_tensor *batch = fv_tensor_alloc(sample->dtype, &shape, strides);
    if (!batch)
        fv_fail(FV_ERR_MEMORY, "dataset: out of memory for a batch %s", fv_shape_text(&shape));
    return batch;
}

fv_tensor *fv_batch_row(const fv_tensor *t, int64_t row)
{
    fv_shape shape = {.ndim = t->ndim - 1};
    for (int d = 1; d < t->ndim; d++) shape.dim[d - 1] = t->shape[d];
    fv_tensor *alias = fv_tensor_alias(t, &shape, t->strides + 1, row * t->strides[0]);
    if (!alias) fv_fail(FV_ERR_MEMORY, "dataset: out of memory");
    return alias;
}

fv_status fv_batch_set_row(fv_tensor *batch, int64_t row, const fv_tensor *sample)
{
    if (sample->numel == 0) return FV_OK;
    fv_tensor *place = fv_batch_row(batch, row);
    if (!place) return FV_ERR_MEMORY;
    size_t strides_bytes = (size_t)sample->ndim * sizeof sample->strides[0];
    if (memcmp(place->strides, sample->strides, strides_bytes) == 0) /* dense, as the batch is */
        memcpy(place->data, sample->data, (size_t)sample->numel * fv_dtype_size(sample->dtype));
    else
        fv_copy_elements(place, sample);
    fv_release(place);
    return FV_OK;
}

fv_status fv_batch_put(fv_tensor **batch, int64_t n, int64_t row, const fv_tensor *sample,
                       const char *name, int64_t index)
{
    if (!*batch) *batch = fv_batch_alloc(n, sample);
    if (!*batch) return fv_error_status();
    fv_shape found = fv_shape_of(sample), need = {.ndim = (*batch)->ndim - 1};
    for (int d = 0; d < need.ndim; d++) need.dim[d] = (*batch)->shape[d + 1];
    if (sample->dtype != (*batch)->dtype)
        return fv_fail(FV_ERR_DTYPE, "dataset: %s of sample %" PRId64 " is %s, others are %s", name,
                       index, fv_dtype_name(sample->dtype), fv_dtype_name((*batch)->dtype));
    if (!fv_shape_equal(&found, &need))
        return fv_fail(FV_ERR_SHAPE, "dataset: %s of sample %" PRId64 " is %s, others are %s", name,
                       index, fv_shape_text(&found), fv_shape_text(&need));
    return fv_batch_set_row(*batch, row, sample);
}

fv_status fv_targets_differ(int64_t index, bool has_one)
{
    return fv_fail(FV_ERR_STATE, "dataset: sample %" PRId64 " has %s y, others have %s", index,
                   has_one ? "a" : "no", has_one ? "none" : "one");
}

/* --- a set of callbacks ----------------------------------------------------------------------- */

typedef struct callback_set {
    fv_dataset head;
    fv_get_fn get;
    void *context;
    void (*release)(void *context);
} callback_set;

/* Calls get, whose draws and fetches come from the loader's streams if there is a loader. */
static fv_status call_get(callback_set *set, const fv_batch_request *r, int64_t row, fv_tensor **x,
                          fv_tensor **y)
{
    const int64_t index = r->index[row];
    if (!r->augment) return set->get(set->context, index, x, y);
    chance *outer = sampling;
    chance own = {r->augment, r->number[row], 0, outer ? outer->depth + 1 : 0};
    fv_rng_state draws = fv_stream(r->augment->seed, FV_STREAM_SAMPLE, (uint64_t)own.number);
    draws = fv_stream(draws.seed, FV_STREAM_SAMPLE, own.depth);
    fv_rng_state *before = fv_rng_redirect(&draws);
    sampling = &own;
    fv_status status = set->get(set->context, index, x, y);
    sampling = outer;
    fv_rng_redirect(before);
    return status;
}

/* Did get, whose status and sample these are, do what it must? */
static fv_status check_sample(fv_status status, int64_t index, const fv_tensor *x,
                              const fv_tensor *y)
{
    if (status < FV_OK || status > FV_ERR_STATE)
        return fv_fail(FV_ERR_STATE, "dataset: get of sample %" PRId64 " returned %d, no status",
                       index, (int)status);
    if (status != FV_OK)
        return fv_fail(status, "dataset: get of sample %" PRId64 " returned status %d", index,
                       (int)status);
    if (fv_error_status() != FV_OK) return fv_error_status(); /* though it returned FV_OK */
    if (fv_failed_in("dataset", x) || (y && fv_failed_in("dataset", y)))
        return fv_fail(FV_ERR_STATE, "dataset: get of sample %" PRId64 " made no %s", index,
                       fv_usable(x) ? "y" : "x");
    if (fv_is_shapes_only(x) || (y && fv_is_shapes_only(y)))
        return fv_fail(FV_ERR_STATE, "dataset: %s of sample %" PRId64 " has a shape only",
                       fv_is_shapes_only(x) ? "x" : "y", index);
    return FV_OK;
}

static fv_status callback_row(callback_set *set, const fv_batch_request *r, int64_t row,
                              fv_tensor **x, fv_tensor **y)
{
    const int64_t index = r->index[row];
    fv_tensor *sx = NULL, *sy = NULL;
    fv_status status = call_get(set, r, row, &sx, &sy);
    status = check_sample(status, index, sx, sy);
    if (status != FV_OK) return status;
    if (row > 0 && !sy != !*y) return fv_targets_differ(index, sy != NULL);
    status = fv_batch_put(x, r->n, row, sx, "x", index);
    return status == FV_OK && sy ? fv_batch_put(y, r->n, row, sy, "y", index) : status;
}

static fv_status callback_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x,
                                fv_tensor **y)
{
    fv_status status = FV_OK;
    for (int64_t row = 0; row < r->n && status == FV_OK; row++) {
        fv_scope scope = fv_scope_open(&scope);
        status = callback_row((callback_set *)d, r, row, x, y);
        fv_scope_close(&scope);
    }
    if (status != FV_OK) {
        fv_release(*x);
        fv_release(*y);
        *x = *y = NULL;
    }
    return status;
}

static void callback_release(fv_dataset *d)
{
    callback_set *set = (callback_set *)d;
    if (set->release) set->release(set->context);
}

static const fv_dataset_class callback_class = {callback_batch, callback_release,
                                                sizeof(callback_set)};

const fv_dataset_args fv_dataset_defaults = {FV_DATASET_DEFAULTS};

fv_dataset *fv_dataset_new_ex(const fv_dataset_args *a)
{
    if (!fv_args_ok("dataset_new", a, sizeof *a)) return NULL;
    if (!a->length || !a->get) {
        fv_fail(FV_ERR_OPTION, "dataset_new: no %s function", a->length ? "get" : "length");
        return NULL;
    }
    const bool well = fv_error_status() == FV_OK;
    int64_t size = a->length(a->context);
    if (well && fv_error_status() != FV_OK) return NULL; /* whatever it returned */
    if (size < 0) {
        fv_fail(FV_ERR_OPTION, "dataset_new: length is %" PRId64 ", need 0 or more", size);
        return NULL;
    }
    callback_set *set = (callback_set *)fv_dataset_alloc(&callback_class, size);
    if (!set) return NULL;
    set->get = a->get;
    set->context = a->context;
    set->release = a->release;
    return &set->head;
}

/* --- a set of tensors ------------------------------------------------------------------------- */

typedef struct tensor_set {
    fv_dataset head;
    fv_tensor *x, *y;
} tensor_set;

/* The rows index[0..n) of t, or NULL with an error. */
static fv_tensor *gather_rows(const fv_tensor *t, const fv_batch_request *r)
{
    fv_tensor *batch = NULL;
    for (int64_t row = 0; row < r->n; row++) {
        fv_tensor *sample = fv_batch_row(t, r->index[row]);
        if (sample && !batch) batch = fv_batch_alloc(r->n, sample);
        bool done = sample && batch && fv_batch_set_row(batch, row, sample) == FV_OK;
        fv_release(sample);
        if (done) continue;
        fv_release(batch);
        return NULL;
    }
    return batch;
}

static fv_status tensor_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x,
                              fv_tensor **y)
{
    tensor_set *set = (tensor_set *)d;
    *x = gather_rows(set->x, r);
    *y = *x && set->y ? gather_rows(set->y, r) : NULL;
    if (*x && (*y || !set->y)) return FV_OK;
    fv_release(*x);
    *x = NULL;
    return fv_error_status();
}

static void tensor_release(fv_dataset *d)
{
    tensor_set *set = (tensor_set *)d;
    fv_release(set->x);
    fv_release(set->y);
}

static const fv_dataset_class tensor_class = {tensor_batch, tensor_release, sizeof(tensor_set)};

fv_dataset *fv_tensor_dataset(fv_tensor *x, fv_tensor *y)
{
    if (fv_failed_in("tensor_dataset", x) || (y && fv_failed_in("tensor_dataset", y))) {
        fv_fail(FV_ERR_STATE, "tensor_dataset: %s is no tensor", fv_usable(x) ? "y" : "x");
        return NULL;
    }
    if (fv_is_shapes_only(x) || (y && fv_is_shapes_only(y))) {
        fv_fail(FV_ERR_STATE, "tensor_dataset: %s has a shape only",
                fv_is_shapes_only(x) ? "x" : "y");
        return NULL;
    }
    if (x->ndim == 0 || (y && (y->ndim == 0 || y->shape[0] != x->shape[0]))) {
        fv_shape sx = fv_shape_of(x), sy = y ? fv_shape_of(y) : FV_SCALAR;
        fv_fail(FV_ERR_SHAPE, "tensor_dataset: x %s and y %s need the same first dimension",
                fv_shape_text(&sx), y ? fv_shape_text(&sy) : "NULL");
        return NULL;
    }
    tensor_set *set = (tensor_set *)fv_dataset_alloc(&tensor_class, x->shape[0]);
    if (!set) return NULL;
    set->x = fv_retain(x);
    set->y = fv_retain(y);
    return &set->head;
}
