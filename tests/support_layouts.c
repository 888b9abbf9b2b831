/* Shared helpers: values of every kind, and tensors of them in every memory order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

const char *layout_name(layout order)
{
    static const char *const names[] = {"contiguous", "channels-last",       "transposed",
                                        "stepped",    "broadcast first dim", "broadcast last dim"};
    return names[order];
}

/* The dimension that a broadcast layout repeats, or -1. */
static int repeated_dim(layout order, const fv_shape *shape)
{
    int found = -1;
    for (int d = 0; d < shape->ndim; d++) {
        if (shape->dim[d] <= 1) continue;
        if (order == LAYOUT_BROADCAST_LAST || found < 0) found = d;
    }
    bool repeats = order == LAYOUT_BROADCAST_FIRST || order == LAYOUT_BROADCAST_LAST;
    return repeats ? found : -1;
}

bool layout_fits(layout order, const fv_shape *shape)
{
    switch (order) {
    case LAYOUT_CONTIGUOUS: return true;
    case LAYOUT_CHANNELS_LAST: return shape->ndim >= 3 && shape->ndim <= 5;
    case LAYOUT_TRANSPOSED: return shape->ndim >= 2;
    case LAYOUT_STEPPED: return shape->ndim >= 1;
    default: return repeated_dim(order, shape) >= 0;
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* [0, 1) in steps of 2^-14 */
static double next_unit(uint64_t *state)
{
    return (double)(next_random(state) >> 50) * 0x1p-14;
}

/* Bell-shaped within (-2.6, 2.6), at least 0.05 away from 0, exact in float32. */
static double next_normal(uint64_t *state)
{
    double sum = next_unit(state) + next_unit(state) + next_unit(state) - 1.5;
    double size = sum < 0 ? -sum : sum;
    size = 0.0625 + 1.6875 * size;
    return sum < 0 ? -size : size;
}

static void fill_distinct(double *values, int64_t count, uint64_t *state)
{
    double middle = (double)(count / 2);
    double shift = (double)(next_random(state) % 7 + 1) * 0x1p-6;
    for (int64_t k = 0; k < count; k++) values[k] = ((double)k - middle) * 0.125 + shift;
    for (int64_t k = count - 1; k > 0; k--) {
        int64_t other = (int64_t)(next_random(state) % (uint64_t)(k + 1));
        double held = values[k];
        values[k] = values[other];
        values[other] = held;
    }
}

static double next_value(case_fill fill, int64_t limit, uint64_t *state)
{
    switch (fill) {
    case FILL_POSITIVE: return 0.5 + 1.5 * next_unit(state);
    case FILL_UNIT: return 0.0625 + 0.875 * next_unit(state);
    case FILL_INDEX: return limit > 0 ? (double)(next_random(state) % (uint64_t)limit) : 0.0;
    case FILL_MASK: return (double)(next_random(state) >> 63);
    default: return next_normal(state);
    }
}

double *fill_values(case_fill fill, int64_t limit, int64_t count, uint64_t seed)
{
    double *values = malloc(((size_t)count + 1) * sizeof(double));
    if (!values) abort();
    if (fill == FILL_DISTINCT) {
        fill_distinct(values, count, &seed);
        return values;
    }
    for (int64_t k = 0; k < count; k++) values[k] = next_value(fill, limit, &seed);
    return values;
}

void repeat_values(double *values, const fv_shape *shape, layout order)
{
    int dim = repeated_dim(order, shape);
    if (dim < 0) return;
    int64_t inner = 1, length = shape->dim[dim], count = fv_shape_numel(shape);
    for (int d = dim + 1; d < shape->ndim; d++) inner *= shape->dim[d];
    for (int64_t k = 0; k < count; k++) {
        int64_t position = k / inner % length;
        values[k] = values[k - position * inner];
    }
}

/* --- tensors ---------------------------------------------------------------------------------- */

static void reversed_strides(const fv_shape *shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = 0; d < shape->ndim; d++) {
        strides[d] = stride;
        stride *= shape->dim[d] > 1 ? shape->dim[d] : 1;
    }
}

/* A view of every second element of a new tensor, one element in from its corner. */
static fv_tensor *stepped_tensor(fv_dtype dtype, const fv_shape *shape)
{
    fv_shape large = *shape;
    int64_t strides[FV_MAX_DIMS], offset = 0;
    for (int d = 0; d < shape->ndim; d++) large.dim[d] = 2 * shape->dim[d] + 1;
    fv_tensor *base = fv_tensor_alloc(dtype, &large, NULL);
    if (!base) return NULL;
    memset(base->data, 0x7f, (size_t)base->numel * fv_dtype_size(dtype)); /* large odd numbers */
    for (int d = 0; d < shape->ndim; d++) {
        offset += base->strides[d];
        strides[d] = 2 * base->strides[d];
    }
    fv_tensor *view = fv_tensor_alias(base, shape, strides, offset);
    fv_release(base);
    return view;
}

/* Row-major, with stride 0 in one dimension. */
static fv_tensor *repeated_tensor(const double *values, fv_dtype dtype, const fv_shape *shape,
                                  int dim)
{
    fv_shape small = *shape;
    small.dim[dim] = 1;
    int64_t count = fv_shape_numel(&small), inner = 1, strides[FV_MAX_DIMS];
    for (int d = dim + 1; d < shape->ndim; d++) inner *= shape->dim[d];
    fv_tensor *base = fv_tensor_alloc(dtype, &small, NULL);
    double *first = malloc(((size_t)count + 1) * sizeof(double));
    if (!base || !first) abort();
    for (int64_t k = 0; k < count; k++)
        first[k] = values[k / inner * inner * shape->dim[dim] + k % inner];
    fv_copy_in(base, FV_FLOAT64, first);
    free(first);
    memcpy(strides, base->strides, sizeof strides);
    strides[dim] = 0;
    fv_tensor *view = fv_tensor_alias(base, shape, strides, 0);
    fv_release(base);
    return view;
}

fv_tensor *tensor_in_layout(const double *values, const fv_shape *shape, fv_dtype dtype,
                            layout order)
{
    int64_t strides[FV_MAX_DIMS];
    fv_tensor *t = NULL;
    if (!layout_fits(order, shape)) order = LAYOUT_CONTIGUOUS;
    switch (order) {
    case LAYOUT_BROADCAST_FIRST:
    case LAYOUT_BROADCAST_LAST:
        t = repeated_tensor(values, dtype, shape, repeated_dim(order, shape));
        return t ? fv_scope_adopt(t) : fv_failed_tensor();
    case LAYOUT_STEPPED: t = stepped_tensor(dtype, shape); break;
    case LAYOUT_CHANNELS_LAST:
        fv_strides_channels_last(shape, strides);
        t = fv_tensor_alloc(dtype, shape, strides);
        break;
    case LAYOUT_TRANSPOSED:
        reversed_strides(shape, strides);
        t = fv_tensor_alloc(dtype, shape, strides);
        break;
    default: t = fv_tensor_alloc(dtype, shape, NULL);
    }
    if (!t) return fv_failed_tensor();
    fv_copy_in(t, FV_FLOAT64, values);
    return fv_scope_adopt(t);
}

fv_tensor *tensor_of(fv_dtype dtype, fv_shape shape, const double *values)
{
    return tensor_in_layout(values, &shape, dtype, LAYOUT_CONTIGUOUS);
}

/* --- output gradients ------------------------------------------------------------------------- */

double fixed_gradient(int64_t k, int j)
{
    return ((double)((k * 37 + 11 + 5 * j) % 64) - 31.5) / 32.0;
}

fv_tensor *fixed_gradient_like(const fv_tensor *output, int j)
{
    fv_shape shape = fv_shape_of(output);
    double *values = malloc(((size_t)output->numel + 1) * sizeof(double));
    if (!values) abort();
    for (int64_t k = 0; k < output->numel; k++) values[k] = fixed_gradient(k, j);
    fv_tensor *t = tensor_in_layout(values, &shape, output->dtype, LAYOUT_CONTIGUOUS);
    free(values);
    return t;
}
