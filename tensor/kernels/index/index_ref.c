/* Argmax, gather, scatter-add and cumulative sums by plain loops, element by element. */
#include "tensor/kernels/index/index.h"

#include "tensor/kernels/element.h"

/* Offset of row-major element i of shape's index space in t; along dim it is at instead, unless
 * that is -1. *position gets the index along dim. */
static int64_t offset_of(const fv_tensor *t, const fv_tensor *space, int64_t i, int dim, int64_t at,
                         int64_t *position)
{
    int64_t offset = 0;
    for (int d = space->ndim - 1; d >= 0; d--) {
        int64_t index = i % space->shape[d];
        i /= space->shape[d];
        if (d == dim && position) *position = index;
        offset += (d == dim && at >= 0 ? at : index) * t->strides[d];
    }
    return offset;
}

static int64_t length(const fv_tensor *t, int dim)
{
    return t->ndim > 0 ? t->shape[dim] : 1;
}

void fv_argbest_reference(const fv_tensor *x, int dim, bool largest, fv_tensor *index,
                          fv_tensor *value)
{
    for (int64_t i = 0; i < index->numel; i++) {
        int64_t best = 0;
        double most = fv_element_get(x, offset_of(x, index, i, dim, 0, NULL));
        for (int64_t k = 1; k < length(x, dim); k++) {
            double v = fv_element_get(x, offset_of(x, index, i, dim, k, NULL));
            if (most == most && (v != v || (largest ? v > most : v < most))) {
                most = v;
                best = k;
            }
        }
        fv_element_set(index, offset_of(index, index, i, dim, -1, NULL), (double)best);
        if (value) fv_element_set(value, offset_of(value, index, i, dim, -1, NULL), most);
    }
}

void fv_gather_reference(const fv_tensor *x, int dim, const fv_tensor *index, fv_tensor *y)
{
    for (int64_t i = 0; i < y->numel; i++) {
        int64_t at = (int64_t)fv_element_get(index, offset_of(index, y, i, dim, -1, NULL));
        fv_element_set(y, offset_of(y, y, i, dim, -1, NULL),
                       fv_element_get(x, offset_of(x, y, i, dim, at, NULL)));
    }
}

void fv_scatter_add_reference(const fv_tensor *g, int dim, const fv_tensor *index, fv_tensor *gx)
{
    for (int64_t i = 0; i < gx->numel; i++)
        fv_element_set(gx, offset_of(gx, gx, i, dim, -1, NULL), 0);
    for (int64_t i = 0; i < g->numel; i++) {
        int64_t at = (int64_t)fv_element_get(index, offset_of(index, g, i, dim, -1, NULL));
        int64_t to = offset_of(gx, g, i, dim, at, NULL);
        fv_element_set(
            gx, to, fv_element_get(gx, to) + fv_element_get(g, offset_of(g, g, i, dim, -1, NULL)));
    }
}

void fv_cumsum_reference(const fv_tensor *x, int dim, bool reversed, fv_tensor *y)
{
    for (int64_t i = 0; i < y->numel; i++) {
        int64_t last = 0;
        int64_t to = offset_of(y, y, i, dim, -1, &last);
        double sum = 0;
        uint64_t whole = 0; /* integers wrap around */
        int64_t from = reversed ? last : 0, end = reversed ? length(x, dim) - 1 : last;
        for (int64_t k = from; k <= end; k++) {
            double value = fv_element_get(x, offset_of(x, y, i, dim, k, NULL));
            if (y->dtype == FV_INT64)
                whole += (uint64_t)(int64_t)value;
            else
                sum += value;
        }
        if (y->dtype == FV_INT64)
            ((int64_t *)y->data)[to] = (int64_t)whole;
        else
            fv_element_set(y, to, sum);
    }
}
