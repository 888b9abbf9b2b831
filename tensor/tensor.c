/* Tensors: storage, properties, order in memory. */
#include "tensor/tensor.h"

#include <string.h>

#include "tensor/handle_impl.h"
#include "tensor/kept.h"
#include "tensor/memory_impl.h"

/* --- making ------------------------------------------------------------------------------------
 */

void fv_storage_release(fv_storage *s)
{
    bool last = __atomic_load_n(&s->refcount, __ATOMIC_ACQUIRE) == 1; /* nobody can add to it */
    if (!last && __atomic_sub_fetch(&s->refcount, 1, __ATOMIC_ACQ_REL) != 0) return;
    if (s->kept) fv_kept_drop(s);
    if (s->release)
        s->release(s->context);
    else if (s->data)
        fv_block_free(s->data, s->bytes);
    else
        fv_block_unbook(s->bytes);
    fv_object_free(s, sizeof *s);
}

static fv_storage *storage_new(bool shapes_only, size_t bytes)
{
    fv_storage *s = fv_object_alloc(sizeof *s);
    if (!s) return NULL;
    *s = (fv_storage){.refcount = 1};
    if (shapes_only)
        s->bytes = fv_block_book(bytes);
    else
        s->data = fv_block_alloc(bytes, &s->bytes);
    if (s->data || shapes_only) return s;
    fv_object_free(s, sizeof *s);
    return NULL;
}

/* Beyond that no block has room, and sums of bytes might overflow. */
static const int64_t most_elements =
    SIZE_MAX / 32 < (uint64_t)1 << 52 ? (int64_t)(SIZE_MAX / 32) : (int64_t)1 << 52;

fv_tensor *fv_tensor_alloc_as(bool shapes_only, fv_dtype dtype, const fv_shape *shape,
                              const int64_t *strides)
{
    if (!shape && fv_fail_null("tensor_alloc", "shape")) return NULL;
    int64_t order[FV_MAX_DIMS], numel = fv_shape_numel(shape);
    if (numel < 0 || numel > most_elements) return NULL;
    if (!strides) {
        fv_strides_contiguous(shape, order);
        strides = order;
    }
    fv_storage *s = storage_new(shapes_only, (size_t)numel * fv_dtype_size(dtype));
    fv_tensor *t = s ? fv_handle_new(dtype, shape, strides, numel) : NULL;
    if (!t) {
        if (s) fv_storage_release(s);
        return NULL;
    }
    t->storage = s;
    t->data = s->data;
    t->shapes_only = shapes_only;
    return t;
}

fv_tensor *fv_tensor_alloc(fv_dtype dtype, const fv_shape *shape, const int64_t *strides)
{
    return fv_tensor_alloc_as(false, dtype, shape, strides);
}

/* A handle on base's memory; the storage is not counted yet. */
static fv_tensor *share(const char *name, const fv_tensor *base, const fv_shape *shape,
                        const int64_t *strides, int64_t offset)
{
    if (!base && fv_fail_null(name, "base")) return NULL;
    if (!shape && fv_fail_null(name, "shape")) return NULL;
    if (!strides && fv_fail_null(name, "strides")) return NULL;
    int64_t numel = fv_shape_numel(shape);
    fv_tensor *t = fv_handle_new(base->dtype, shape, strides, numel);
    if (!t) return NULL;
    t->storage = base->storage;
    t->shapes_only = base->shapes_only;
    /* An empty view may start one past the end; it keeps the base's address instead. */
    bool moves = numel && base->data;
    t->data =
        moves ? (char *)base->data + offset * (int64_t)fv_dtype_size(base->dtype) : base->data;
    return t;
}

fv_tensor *fv_tensor_alias(const fv_tensor *base, const fv_shape *shape, const int64_t *strides,
                           int64_t offset)
{
    fv_tensor *t = share("tensor_alias", base, shape, strides, offset);
    if (t) __atomic_fetch_add(&t->storage->refcount, 1, __ATOMIC_RELAXED);
    return t;
}

fv_tensor *fv_tensor_view(fv_tensor *base, const fv_shape *shape, const int64_t *strides,
                          int64_t offset)
{
    fv_tensor *t = share("tensor_view", base, shape, strides, offset);
    if (!t) return NULL;
    t->base = base->base ? base->base : base;
    fv_handle_hold(t->base);
    return t;
}

void fv_tensor_leave_base(fv_tensor *view)
{
    if (!view && fv_fail_null("tensor_leave_base", "view")) return;
    fv_tensor *base = view->base;
    if (!base) return;
    __atomic_fetch_add(&view->storage->refcount, 1, __ATOMIC_RELAXED);
    view->base = NULL;
    fv_handle_let_go(base);
}

fv_tensor fv_tensor_borrow(const fv_tensor *t)
{
    if (!t && fv_fail_null("tensor_borrow", "t")) return (fv_tensor){.failed = true};
    fv_tensor view = {.dtype = t->dtype,
                      .ndim = t->ndim,
                      .numel = t->numel,
                      .data = t->data,
                      .shapes_only = t->shapes_only,
                      .references = 1,
                      .storage = t->storage};
    memcpy(view.shape, t->shape, sizeof view.shape);
    memcpy(view.strides, t->strides, sizeof view.strides);
    return view;
}

/* --- shapes only ------------------------------------------------------------------------------ */

static _Thread_local bool shapes_only_mode;

bool fv_set_shapes_only(bool on)
{
    bool before = shapes_only_mode;
    shapes_only_mode = on;
    return before;
}

bool fv_shapes_only_enabled(void)
{
    return shapes_only_mode;
}

bool fv_is_shapes_only(const fv_tensor *t)
{
    return !fv_unusable_in("is_shapes_only", t) && t->shapes_only;
}

fv_status fv_need_elements(const char *function, const fv_tensor *t)
{
    if (!t && fv_fail_null("need_elements", "t")) return FV_ERR_OPTION;
    if (!t->shapes_only) return FV_OK;
    fv_shape shape = fv_shape_of(t);
    return fv_fail(FV_ERR_STATE, "%s: the tensor %s has only a shape, no elements", function,
                   fv_shape_text(&shape));
}

/* --- properties ------------------------------------------------------------------------------- */

fv_shape fv_shape_of(const fv_tensor *t)
{
    fv_shape shape = {0, {0}};
    if (fv_unusable_in("shape_of", t)) return shape;
    shape.ndim = t->ndim;
    memcpy(shape.dim, t->shape, (size_t)t->ndim * sizeof *t->shape);
    return shape;
}

int fv_ndim(const fv_tensor *t)
{
    return fv_unusable_in("ndim", t) ? 0 : t->ndim;
}

int64_t fv_numel(const fv_tensor *t)
{
    return fv_unusable_in("numel", t) ? 0 : t->numel;
}

fv_dtype fv_dtype_of(const fv_tensor *t)
{
    return fv_unusable_in("dtype_of", t) ? FV_FLOAT32 : t->dtype;
}

int64_t fv_size(const fv_tensor *t, int64_t dim)
{
    if (fv_unusable_in("size", t)) return 0;
    int d = t->ndim ? fv_wrap_dim(dim, t->ndim) : -1;
    if (d >= 0) return t->shape[d];
    fv_shape shape = fv_shape_of(t);
    fv_fail(FV_ERR_INDEX, "size: dim %lld is out of range for shape %s", (long long)dim,
            fv_shape_text(&shape));
    return -1;
}

void fv_strides_contiguous(const fv_shape *shape, int64_t *strides)
{
    if (!shape && fv_fail_null("strides_contiguous", "shape")) return;
    if (!strides && fv_fail_null("strides_contiguous", "strides")) return;
    int64_t step = 1;
    for (int i = shape->ndim - 1; i >= 0; i--) {
        strides[i] = step;
        step *= shape->dim[i] > 1 ? shape->dim[i] : 1;
    }
}

void fv_strides_channels_last(const fv_shape *shape, int64_t *strides)
{
    if (!shape && fv_fail_null("strides_channels_last", "shape")) return;
    if (!strides && fv_fail_null("strides_channels_last", "strides")) return;
    if (shape->ndim < 3) {
        fv_strides_contiguous(shape, strides);
        return;
    }
    int64_t step = shape->dim[1] > 1 ? shape->dim[1] : 1;
    strides[1] = 1;
    for (int i = shape->ndim - 1; i >= 2; i--) {
        strides[i] = step;
        step *= shape->dim[i] > 1 ? shape->dim[i] : 1;
    }
    strides[0] = step;
}

static bool has_strides(const fv_tensor *t, const int64_t *strides)
{
    if (t->numel == 0) return true;
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] != 1 && t->strides[i] != strides[i]) return false;
    return true;
}

bool fv_is_contiguous(const fv_tensor *t)
{
    if (fv_unusable_in("is_contiguous", t)) return false;
    if (t->numel == 0) return true;
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] == 1) continue;
        if (t->strides[i] != step) return false;
        step *= t->shape[i];
    }
    return true;
}

bool fv_is_channels_last(const fv_tensor *t)
{
    if (fv_unusable_in("is_channels_last", t) || t->ndim < 3 || t->ndim > 5) return false;
    int64_t strides[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(t);
    fv_strides_channels_last(&shape, strides);
    return has_strides(t, strides);
}

/* Dims in memory order, outermost first: falling strides; equal strides keep their order. */
static void memory_order(const fv_tensor *t, int *order)
{
    for (int i = 0; i < t->ndim; i++) {
        int j = i;
        while (j > 0 && t->strides[order[j - 1]] < t->strides[i]) {
            order[j] = order[j - 1];
            j--;
        }
        order[j] = i;
    }
}

bool fv_is_dense(const fv_tensor *t)
{
    if (fv_unusable_in("is_dense", t)) return false;
    if (fv_is_contiguous(t)) return true;
    int order[FV_MAX_DIMS];
    memory_order(t, order);
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[order[i]] == 1) continue;
        if (t->strides[order[i]] != step) return false;
        step *= t->shape[order[i]];
    }
    return true;
}

void fv_strides_like(const fv_tensor *t, int64_t *strides)
{
    if (!t && fv_fail_null("strides_like", "t")) return;
    if (!strides && fv_fail_null("strides_like", "strides")) return;
    fv_shape shape = fv_shape_of(t);
    if (fv_is_contiguous(t)) {
        fv_strides_contiguous(&shape, strides);
        return;
    }
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1) { /* expanded: no order to keep */
            fv_strides_contiguous(&shape, strides);
            return;
        }
    int order[FV_MAX_DIMS];
    memory_order(t, order);
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        strides[order[i]] = step;
        step *= t->shape[order[i]] > 1 ? t->shape[order[i]] : 1;
    }
}

void fv_bump_version(fv_tensor *t)
{
    if (!t && fv_fail_null("bump_version", "t")) return;
    if (fv_unusable_in("bump_version", t)) return;
    fv_storage *s = t->storage;
    __atomic_fetch_add(&s->version, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&s->kept, __ATOMIC_RELAXED)) fv_kept_drop(s);
}

uint32_t fv_version(const fv_tensor *t)
{
    return fv_unusable_in("version", t) ? 0
                                        : __atomic_load_n(&t->storage->version, __ATOMIC_RELAXED);
}
