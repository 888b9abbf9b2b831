/* Softmax by plain loops in double: the oracle of the fast one. */
#include <math.h>

#include "tensor/kernels/softmax.h"

static double get(const fv_tensor *t, int64_t at)
{
    return t->dtype == FV_FLOAT64 ? ((const double *)t->data)[at]
                                  : (double)((const float *)t->data)[at];
}

static void put(fv_tensor *t, int64_t at, double v)
{
    if (t->dtype == FV_FLOAT64)
        ((double *)t->data)[at] = v;
    else
        ((float *)t->data)[at] = (float)v;
}

/* Offset in t of the first element of line i, lines counted row-major without dim. */
static int64_t line_at(const fv_tensor *t, int dim, int64_t i)
{
    int64_t at = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (d == dim) continue;
        at += i % t->shape[d] * t->strides[d];
        i /= t->shape[d];
    }
    return at;
}

static int64_t length(const fv_tensor *t, int dim)
{
    return t->ndim > 0 ? t->shape[dim] : 1;
}

void fv_softmax_reference(const fv_tensor *x, int dim, bool log_, fv_tensor *y)
{
    int64_t n = length(x, dim), sx = x->strides[dim], sy = y->strides[dim];
    if (x->ndim == 0) sx = sy = 0;
    for (int64_t line = 0; n > 0 && line < x->numel / n; line++) {
        int64_t ax = line_at(x, dim, line), ay = line_at(y, dim, line);
        double m = get(x, ax), sum = 0;
        for (int64_t i = 1; i < n; i++) m = fmax(m, get(x, ax + i * sx));
        for (int64_t i = 0; i < n; i++) sum += exp(get(x, ax + i * sx) - m);
        for (int64_t i = 0; i < n; i++) {
            double d = get(x, ax + i * sx) - m;
            put(y, ay + i * sy, log_ ? d - log(sum) : exp(d) / sum);
        }
    }
}

void fv_softmax_grad_reference(const fv_tensor *g, const fv_tensor *y, int dim, bool log,
                               fv_tensor *gx)
{
    int64_t n = length(y, dim);
    int64_t sg = g->strides[dim], sy = y->strides[dim], sgx = gx->strides[dim];
    if (y->ndim == 0) sg = sy = sgx = 0;
    for (int64_t line = 0; n > 0 && line < y->numel / n; line++) {
        int64_t ag = line_at(g, dim, line), ay = line_at(y, dim, line);
        int64_t agx = line_at(gx, dim, line);
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += get(g, ag + i * sg) * (log ? 1.0 : get(y, ay + i * sy));
        for (int64_t i = 0; i < n; i++) {
            double v = get(g, ag + i * sg), w = get(y, ay + i * sy);
            put(gx, agx + i * sgx, log ? v - exp(w) * sum : w * (v - sum));
        }
    }
}
