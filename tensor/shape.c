/* Shapes and packed per-dimension numbers. */
#include "tensor/shape.h"

#include "tensor/dtype.h"

#include <stdio.h>
#include <string.h>

#include "tensor/error.h"

/* A packed tuple of n >= 2 numbers: bits 60-62 hold n - 1, and each number, plus half its range so
 * that it is not negative, takes 60 / n bits. A plain number has those three bits 0 (or is
 * negative). */
enum { PAYLOAD_BITS = 60 };

fv_dims fv_dims_pack(fv_shape values)
{
    int n = values.ndim;
    if (n == 1) return values.dim[0];
    if (n < 1 || n > FV_MAX_DIMS) return FV_DIMS_INVALID;
    int bits = PAYLOAD_BITS / n;
    int64_t half = (int64_t)1 << (bits - 1);
    uint64_t packed = (uint64_t)(n - 1) << PAYLOAD_BITS;
    for (int i = 0; i < n; i++) {
        int64_t v = values.dim[i];
        if (v < -half + 1 || v >= half) return FV_DIMS_INVALID;
        packed |= (uint64_t)(v + half) << (i * bits);
    }
    return (fv_dims)packed;
}

int fv_dims_unpack(fv_dims dims, int64_t *out)
{
    if (!out && fv_fail_null("dims_unpack", "out")) return 0;
    if (dims == FV_DIMS_INVALID) return 0;
    if (dims < 0 || dims >> PAYLOAD_BITS == 0) {
        out[0] = dims;
        return 1;
    }
    int n = (int)(dims >> PAYLOAD_BITS) + 1;
    int bits = PAYLOAD_BITS / n;
    int64_t half = (int64_t)1 << (bits - 1);
    for (int i = 0; i < n; i++) {
        int64_t field = (int64_t)((uint64_t)dims >> (i * bits)) & (2 * half - 1);
        if (field == 0) return 0; /* never packed: a stray huge number */
        out[i] = field - half;
    }
    return n;
}

bool fv_dims_spread(fv_dims dims, int n, int64_t *out)
{
    if (!out && fv_fail_null("dims_spread", "out")) return false;
    int64_t values[FV_MAX_DIMS];
    int count = fv_dims_unpack(dims, values);
    if (count != 1 && count != n) return false;
    for (int i = 0; i < n; i++) out[i] = values[count == 1 ? 0 : i];
    return true;
}

/* --- sizes in a call -------------------------------------------------------------------------- */

const char fv_sizes_end[1];

/* What stands in a size's place and is none, or NULL. */
static const char *mistaken_size(int64_t size)
{
    if (fv_dtype_exists(size)) return fv_dtype_name((fv_dtype)size);
    if (size > INT64_MIN && size < INT64_MIN + 1000) return "an option's constant";
    int64_t values[FV_MAX_DIMS];
    return fv_dims_unpack(size, values) > 1 ? "FV_DIMS(...)" : NULL;
}

fv_status fv_sizes_settle(const char *function, fv_sizes sizes, fv_shape *out)
{
    if (!out && fv_fail_null(function, "shape to write")) return FV_ERR_OPTION;
    if (sizes.end != (const struct fv_too_many_sizes *)fv_sizes_end)
        return fv_fail(FV_ERR_SHAPE, "%s: sizes are up to %d plain numbers; a shape goes in .shape",
                       function, FV_MAX_DIMS);
    int n = 0;
    while (n < FV_MAX_DIMS && sizes.n[n] != FV_UNSET) n++;
    for (int i = n; i < FV_MAX_DIMS; i++)
        if (sizes.n[i] != FV_UNSET)
            return fv_fail(FV_ERR_SHAPE, "%s: number %d of the sizes is not set", function, n + 1);
    if (sizes.shape->ndim != FV_NO_SHAPE) {
        *out = *sizes.shape;
        if (n == 0) return FV_OK;
        return fv_fail(FV_ERR_SHAPE, "%s: both numbers and .shape are given", function);
    }
    *out = (fv_shape){.ndim = n};
    for (int i = 0; i < n; i++) {
        const char *mistake = mistaken_size(sizes.n[i]);
        if (mistake)
            return fv_fail(FV_ERR_SHAPE, "%s: %s stands where a size goes (as number %d)", function,
                           mistake, i + 1);
        out->dim[i] = sizes.n[i];
    }
    return FV_OK;
}

/* --- shapes ----------------------------------------------------------------------------------- */

int64_t fv_shape_numel(const fv_shape *shape)
{
    if (!shape && fv_fail_null("shape_numel", "shape")) return -1;
    int64_t product =
        1; /* of the dimensions above 0: strides of an empty tensor must fit as well */
    bool empty = false;
    for (int i = 0; i < shape->ndim; i++) {
        if (shape->dim[i] < 0) return -1;
        if (shape->dim[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, shape->dim[i], &product))
            return -1;
    }
    return empty ? 0 : product;
}

bool fv_shape_equal(const fv_shape *a, const fv_shape *b)
{
    if (!a && fv_fail_null("shape_equal", "a")) return false;
    if (!b && fv_fail_null("shape_equal", "b")) return false;
    if (a->ndim != b->ndim) return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const char *fv_shape_text(const fv_shape *shape)
{
    if (!shape && fv_fail_null("shape_text", "shape")) return "NULL";
    enum { BUFFERS = 16, SIZE = 192 };
    static _Thread_local char buffers[BUFFERS][SIZE];
    static _Thread_local unsigned turn;
    char *text = buffers[turn++ % BUFFERS];
    int n = snprintf(text, SIZE, "[");
    for (int i = 0; i < shape->ndim && i < FV_MAX_DIMS && n < SIZE; i++)
        n += snprintf(text + n, (size_t)(SIZE - n), i ? ",%lld" : "%lld", (long long)shape->dim[i]);
    if (n < SIZE) snprintf(text + n, (size_t)(SIZE - n), "]");
    return text;
}

bool fv_shape_broadcast(const fv_shape *a, const fv_shape *b, fv_shape *out)
{
    if (!a && fv_fail_null("shape_broadcast", "a")) return false;
    if (!b && fv_fail_null("shape_broadcast", "b")) return false;
    if (!out && fv_fail_null("shape_broadcast", "out")) return false;
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    out->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        int ia = i - (ndim - a->ndim), ib = i - (ndim - b->ndim);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1) return false;
        out->dim[i] = da == 1 ? db : da;
    }
    return true;
}

int fv_wrap_dim(int64_t dim, int ndim)
{
    int64_t n = ndim == 0 ? 1 : ndim;
    if (dim < -n || dim >= n) return -1;
    return (int)(dim < 0 ? dim + n : dim);
}

uint32_t fv_dims_mask(fv_dims dims, int ndim)
{
    uint32_t all = (1u << ndim) - 1, mask = 0;
    int64_t dim[FV_MAX_DIMS];
    if (dims == FV_ALL) return all;
    for (int i = fv_dims_unpack(dims, dim) - 1; i >= 0; i--)
        mask |= 1u << fv_wrap_dim(dim[i], ndim);
    return mask & all; /* a scalar has a dimension 0 to name, but not to have */
}
