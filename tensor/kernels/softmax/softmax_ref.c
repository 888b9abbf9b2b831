/* Softmax by plain loops in double: the oracle of the fast one. */
#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/softmax/softmax.h"

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
        double m = fv_element_get(x, ax), sum = 0;
        for (int64_t i = 1; i < n; i++) m = fmax(m, fv_element_get(x, ax + i * sx));
        for (int64_t i = 0; i < n; i++) sum += exp(fv_element_get(x, ax + i * sx) - m);
        for (int64_t i = 0; i < n; i++) {
            double d = fv_element_get(x, ax + i * sx) - m;
            fv_element_set(y, ay + i * sy, log_ ? d - log(sum) : exp(d) / sum);
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
            sum += fv_element_get(g, ag + i * sg) * (log ? 1.0 : fv_element_get(y, ay + i * sy));
        for (int64_t i = 0; i < n; i++) {
            double v = fv_element_get(g, ag + i * sg), w = fv_element_get(y, ay + i * sy);
            fv_element_set(gx, agx + i * sgx, log ? v - exp(w) * sum : w * (v - sum));
        }
    }
}
