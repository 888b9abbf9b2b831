/* Batch normalisation by plain loops over any strides: the oracle of the tests. */
#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/norm/norm.h"

/* Offset of element r of channel c, r counting through N and the spatial dimensions. */
static int64_t place(const fv_tensor *t, int64_t c, int64_t r)
{
    int64_t offset = c * t->strides[1];
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (d == 1) continue;
        offset += r % t->shape[d] * t->strides[d];
        r /= t->shape[d];
    }
    return offset;
}

static double value(const fv_tensor *t, int64_t c, int64_t r)
{
    return fv_element_get(t, place(t, c, r));
}

static double channel(const fv_tensor *t, int64_t c, double absent)
{
    return t ? fv_element_get(t, c * t->strides[0]) : absent;
}

static void set_channel(const fv_tensor *t, int64_t c, double v)
{
    if (t) fv_element_set(t, c * t->strides[0], v);
}

static int64_t rows_of(const fv_tensor *x)
{
    return x->numel ? x->numel / x->shape[1] : 0;
}

static double mean_of(const fv_tensor *x, int64_t c)
{
    double sum = 0;
    for (int64_t r = 0; r < rows_of(x); r++) sum += value(x, c, r);
    return sum / (double)rows_of(x);
}

/* Sum of squared differences from the mean. */
static double squares_of(const fv_tensor *x, int64_t c, double mean)
{
    double sum = 0;
    for (int64_t r = 0; r < rows_of(x); r++)
        sum += (value(x, c, r) - mean) * (value(x, c, r) - mean);
    return sum;
}

static void normalise_channel(const fv_batch_norm *b, int64_t c)
{
    int64_t rows = rows_of(b->x);
    double mean = channel(b->running_mean, c, 0), var = channel(b->running_var, c, 0);
    if (b->training && rows > 0) {
        double batch_mean = mean_of(b->x, c), squares = squares_of(b->x, c, batch_mean);
        set_channel(b->running_mean, c, (1 - b->momentum) * mean + b->momentum * batch_mean);
        set_channel(b->running_var, c,
                    (1 - b->momentum) * var + b->momentum * squares / (double)(rows - 1));
        mean = batch_mean;
        var = squares / (double)rows;
    }
    double invstd = b->training ? fv_norm_invstd(var, b->eps) : 1 / sqrt(var + b->eps);
    bool unknown = b->training && rows == 0;
    set_channel(b->mean, c, unknown ? 0 : mean);
    set_channel(b->invstd, c, unknown ? 0 : invstd);
    for (int64_t r = 0; r < rows; r++) {
        double y =
            (value(b->x, c, r) - mean) * invstd * channel(b->weight, c, 1) + channel(b->bias, c, 0);
        if (b->residual) y += value(b->residual, c, r);
        if (b->relu && y < 0) y = 0;
        fv_element_set(b->y, place(b->y, c, r), y);
    }
}

void fv_batch_norm_ref(const fv_batch_norm *b)
{
    for (int64_t c = 0; c < b->x->shape[1]; c++) normalise_channel(b, c);
}

/* The gradient of element r before the relu. */
static double gradient_at(const fv_batch_norm_grad *b, int64_t c, int64_t r, double mean,
                          double invstd)
{
    double y = 1;
    if (b->y)
        y = value(b->y, c, r);
    else if (b->relu)
        y = (value(b->x, c, r) - mean) * invstd * channel(b->weight, c, 1) + channel(b->bias, c, 0);
    return y <= 0 ? 0 : value(b->gy, c, r);
}

static void differentiate_channel(const fv_batch_norm_grad *b, int64_t c)
{
    int64_t rows = rows_of(b->x);
    double n = (double)rows, sum = 0, dot = 0;
    double mean = b->mean ? channel(b->mean, c, 0) : mean_of(b->x, c);
    double invstd = b->invstd ? channel(b->invstd, c, 0)
                              : fv_norm_invstd(squares_of(b->x, c, mean) / n, b->eps);
    for (int64_t r = 0; r < rows; r++) {
        double g = gradient_at(b, c, r, mean, invstd);
        sum += g;
        dot += g * (value(b->x, c, r) - mean) * invstd;
    }
    set_channel(b->gbias, c, sum);
    set_channel(b->gweight, c, dot);
    for (int64_t r = 0; r < rows; r++) {
        double g = gradient_at(b, c, r, mean, invstd), xhat = (value(b->x, c, r) - mean) * invstd;
        if (b->masked) fv_element_set(b->masked, place(b->masked, c, r), g);
        if (b->training) g -= sum / n + xhat * dot / n;
        fv_element_set(b->gx, place(b->gx, c, r), g * invstd * channel(b->weight, c, 1));
    }
}

void fv_batch_norm_grad_ref(const fv_batch_norm_grad *b)
{
    for (int64_t c = 0; c < b->x->shape[1]; c++) differentiate_channel(b, c);
}

void fv_relu_sums_ref(const fv_relu_sums_job *b)
{
    for (int64_t c = 0; c < b->g->shape[1]; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows_of(b->g); r++) {
            double g = value(b->y, c, r) <= 0 ? 0 : value(b->g, c, r);
            fv_element_set(b->masked, place(b->masked, c, r), g);
            sum += g;
        }
        set_channel(b->sums, c, sum);
    }
}
