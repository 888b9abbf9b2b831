/* Reductions by plain loops: the oracle of the fast ones. */
#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/reduce/reduce_impl.h"

static fv_acc element(const fv_tensor *t, int64_t at)
{
    fv_acc a = {.i = 0};
    if (fv_dtype_is_floating(t->dtype))
        a.d = fv_element_get(t, at);
    else
        a.i = fv_element_get_int(t, at);
    return a;
}

/* Offset of index i, row-major, of the dims chosen by mask. */
static int64_t offset_of(const fv_tensor *t, uint32_t mask, int64_t i)
{
    int64_t offset = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (!(mask >> d & 1)) continue;
        offset += i % t->shape[d] * t->strides[d];
        i /= t->shape[d];
    }
    return offset;
}

/* What an element adds to the result. */
static double term(const fv_reduce_job *job, double x, double shift)
{
    switch (job->kind) {
    case FV_REDUCE_SQDEV: return (x - shift) * (x - shift);
    case FV_REDUCE_SUMEXP: return exp(x - shift);
    case FV_REDUCE_COUNT: return x != 0;
    case FV_REDUCE_SUMABS:
    case FV_REDUCE_MAXABS:
    case FV_REDUCE_MINABS: return fabs(x);
    case FV_REDUCE_SUMPOW: return pow(fabs(x), job->exponent);
    default: return x;
    }
}

void fv_reduce_reference(fv_machine m, const fv_reduce_job *job)
{
    (void)m;
    const fv_tensor *t = job->in;
    const uint32_t mask = job->plan->mask;
    bool floating = fv_dtype_is_floating(t->dtype);
    for (int64_t k = 0; k < job->plan->results; k++) {
        int64_t base = offset_of(t, ~mask, k);
        fv_acc acc = job->init;
        double shift = job->shift ? job->shift[k] : 0;
        for (int64_t i = 0; i < job->plan->length; i++) {
            fv_acc x = element(t, base + offset_of(t, mask, i));
            if (floating) x.d = term(job, x.d, shift);
            acc = fv_reduce_join(job->kind, floating, acc, x);
        }
        fv_reduce_store(job, &acc, k, 1, k, 1); /* out is contiguous */
    }
}
