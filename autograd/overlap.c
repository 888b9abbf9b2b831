/* Whether memory is shared; see overlap_impl.h. */
#include "autograd/overlap_impl.h"

/* Two views of one order of strides, dimensions by falling stride. An element of the one is `k` of
 * stride[d] away from one of the other, low[d] <= k <= high[d]; the dimensions behind d bring it
 * reach[d] further at most. */
typedef struct lattice {
    int ndim;
    int64_t stride[FV_MAX_DIMS], low[FV_MAX_DIMS], high[FV_MAX_DIMS], reach[FV_MAX_DIMS];
} lattice;

static void add_dim(lattice *l, int64_t stride, int64_t low, int64_t high)
{
    int d = l->ndim++;
    for (; d > 0 && l->stride[d - 1] < stride; d--) {
        l->stride[d] = l->stride[d - 1];
        l->low[d] = l->low[d - 1];
        l->high[d] = l->high[d - 1];
    }
    l->stride[d] = stride;
    l->low[d] = low;
    l->high[d] = high;
}

/* False when the strides differ in a dimension where they count. */
static bool make_lattice(const fv_tensor *t, const fv_tensor *other, lattice *l)
{
    if (t->ndim != other->ndim || t->dtype != other->dtype) return false;
    l->ndim = 0;
    for (int i = 0; i < t->ndim; i++) {
        bool counts = t->shape[i] > 1 || other->shape[i] > 1;
        if (counts && t->strides[i] != other->strides[i]) return false;
        if (counts && t->strides[i] > 0)
            add_dim(l, t->strides[i], 1 - other->shape[i], t->shape[i] - 1);
    }
    int64_t reach = 0;
    for (int d = l->ndim - 1; d >= 0; d--) {
        l->reach[d] = reach;
        reach += l->stride[d] * (l->high[d] > -l->low[d] ? l->high[d] : -l->low[d]);
    }
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Can the dimensions from d on make up the distance? In views of dense memory at most three steps
 * of a dimension leave a rest that those behind it can. */
static bool bridges(const lattice *l, int d, int64_t distance)
{
    if (d == l->ndim) return distance == 0;
    int64_t stride = l->stride[d];
    int64_t first = -floor_div(l->reach[d] - distance, stride);
    int64_t last = floor_div(distance + l->reach[d], stride);
    if (first < l->low[d]) first = l->low[d];
    if (last > l->high[d]) last = l->high[d];
    for (int64_t k = first; k <= last; k++)
        if (bridges(l, d + 1, distance - k * stride)) return true;
    return false;
}

/* First and last byte that a tensor can touch. */
static void extent(const fv_tensor *t, const char **first, const char **last)
{
    int64_t far = 0;
    for (int i = 0; i < t->ndim; i++) far += (t->shape[i] - 1) * t->strides[i];
    *first = t->data;
    *last = *first + (far + 1) * (int64_t)fv_dtype_size(t->dtype) - 1;
}

static bool same_place(const fv_tensor *t, const fv_tensor *other)
{
    bool same = t->data == other->data && t->ndim == other->ndim && t->dtype == other->dtype;
    for (int i = 0; same && i < t->ndim; i++)
        same = t->shape[i] == other->shape[i] &&
               (t->shape[i] == 1 || t->strides[i] == other->strides[i]);
    return same;
}

bool fv_overlaps_partly(const fv_tensor *t, const fv_tensor *other)
{
    if (t->storage != other->storage || t->numel == 0 || other->numel == 0 || t->shapes_only)
        return false;
    if (same_place(t, other)) return false;
    const char *first, *last, *other_first, *other_last;
    extent(t, &first, &last);
    extent(other, &other_first, &other_last);
    if (first > other_last || other_first > last) return false;
    lattice l;
    if (!make_lattice(t, other, &l)) return true;
    return bridges(&l, 0, (other_first - first) / (int64_t)fv_dtype_size(t->dtype));
}

/* What others did with the memory before they gave it up lies behind the loads. */
static bool held_once(const fv_tensor *t)
{
    return (uint32_t)__atomic_load_n(&t->references, __ATOMIC_ACQUIRE) == 1;
}

bool fv_is_exclusive(const fv_tensor *t)
{
    return held_once(t) && (!t->base || held_once(t->base)) && !t->storage->release &&
           __atomic_load_n(&t->storage->refcount, __ATOMIC_ACQUIRE) == 1;
}
