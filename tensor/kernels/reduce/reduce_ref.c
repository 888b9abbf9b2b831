/* Reductions by plain loops: the oracle of the fast ones. */
#include <math.h>

#include "tensor/kernels/reduce/reduce_impl.h"

static fv_acc element(const fv_tensor *t, int64_t at)
{
    fv_acc a = {.i = 0};
    switch (t->dtype) {
    case FV_FLOAT32: a.d = (double)((const float *)t->data)[at]; break;
    case FV_FLOAT64: a.d = ((const double *)t->data)[at]; break;
    case FV_INT64: a.i = ((const int64_t *)t->data)[at]; break;
    case FV_INT32: a.i = ((const int32_t *)t->data)[at]; break;
    default: a.i = ((const uint8_t *)t->data)[at]; break;
    }
    return a;
}

/* Splits index i of the dims chosen by mask, row-major, into offsets of in and out. */
static void locate(const fv_reduce_job *job, uint32_t mask, int64_t i, int64_t *in, int64_t *out)
{
    const fv_tensor *t = job->in;
    bool keepdim = job->out->ndim == t->ndim;
    int j = job->out->ndim - 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        bool kept = !(job->mask >> d & 1);
        if (mask >> d & 1) {
            int64_t at = i % t->shape[d];
            i /= t->shape[d];
            *in += at * t->strides[d];
            if (kept) *out += at * job->out->strides[j];
        }
        if (kept || keepdim) j--;
    }
}

void fv_reduce_reference(const fv_reduce_job *job)
{
    const fv_tensor *t = job->in;
    bool floating = fv_dtype_is_floating(t->dtype);
    uint32_t all = (1u << t->ndim) - 1;
    int64_t results = fv_reduce_kept(t, job->mask), n = fv_reduce_length(t, job->mask);
    for (int64_t k = 0; k < results; k++) {
        int64_t base = 0, at = 0, unused = 0;
        locate(job, all & ~job->mask, k, &base, &at);
        fv_acc acc = job->init;
        double shift = job->shift ? job->shift[k] : 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t offset = base;
            locate(job, job->mask, i, &offset, &unused);
            fv_acc x = element(t, offset);
            if (job->kind == FV_REDUCE_SQDEV) x.d = (x.d - shift) * (x.d - shift);
            if (job->kind == FV_REDUCE_SUMEXP) x.d = exp(x.d - shift);
            acc = fv_reduce_join(job->kind, floating, acc, x);
        }
        fv_reduce_store(job, acc, k, at);
    }
}
