/* Buckets: gradients that travel together, from .grad and back. */
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "nn/parallel/data_parallel_impl.h"
#include "tensor/create.h"
#include "tensor/kernels/element.h"

/* The first one is small, so that it leaves early. */
static const double FIRST_CAP = 1.0, MIB = 1048576.0;

/* --- making ----------------------------------------------------------------------------------- */

/* Settles the places of slots first ..; returns the first slot of the next bucket. */
static int64_t cut_bucket(fv_data_parallel *p, int64_t first, double cap)
{
    fv_bucket *b = &p->buckets[p->bucket_count];
    const fv_dtype dtype = p->slots[first].param->dtype;
    *b = (fv_bucket){.first = first};
    for (int64_t i = first; i < p->slot_count && p->slots[i].param->dtype == dtype; i++) {
        const int64_t elements = p->slots[i].param->numel;
        if (b->count && (double)(b->elements + elements) * (double)fv_dtype_size(dtype) > cap)
            break;
        p->slots[i].bucket = p->bucket_count;
        p->slots[i].at = b->elements;
        b->elements += elements;
        b->count++;
    }
    return first + b->count;
}

bool fv_buckets_make(fv_data_parallel *p, double cap, bool bfloat16)
{
    const int stream = fv_group_new_stream(p->group), size = fv_group_size(p->group);
    p->buckets = calloc((size_t)p->slot_count, sizeof *p->buckets);
    if (!p->buckets) {
        fv_fail(FV_ERR_MEMORY, "distributed_data_parallel: out of memory");
        return false;
    }
    for (int64_t first = 0; first < p->slot_count; p->bucket_count++) {
        fv_bucket *b = &p->buckets[p->bucket_count];
        const double mib = p->bucket_count == 0 && cap > FIRST_CAP ? FIRST_CAP : cap;
        const fv_dtype dtype = bfloat16 ? FV_BFLOAT16 : p->slots[first].param->dtype;
        first = cut_bucket(p, first, mib * MIB);
        const int64_t flags = b->count + (p->bucket_count == 0 ? size : 0);
        b->job = fv_job_new(p->group, FV_JOB_SUM, dtype, b->elements + flags, stream);
        if (!b->job) return false;
        b->job->scale = 1.0 / size;
    }
    return true;
}

/* --- elements --------------------------------------------------------------------------------- */

/* The slot's place in its bucket as a tensor, in the parameter's order. */
static fv_tensor place_of(const fv_data_parallel *p, const fv_slot *slot)
{
    const fv_job *job = p->buckets[slot->bucket].job;
    fv_tensor t = fv_tensor_borrow(slot->param);
    t.dtype = job->dtype;
    t.data = (unsigned char *)job->data + (size_t)slot->at * fv_dtype_size(job->dtype);
    fv_strides_like(slot->param, t.strides);
    return t;
}

static void set_flag(const fv_bucket *b, int64_t i, bool on)
{
    fv_store(b->job->dtype, b->job->data, b->elements + i, on);
}

static bool flag(const fv_bucket *b, int64_t i)
{
    return fv_load(b->job->dtype, b->job->data, b->elements + i) > 0;
}

void fv_buckets_begin(fv_data_parallel *p, bool active)
{
    for (int64_t i = 0; i < p->slot_count; i++) p->slots[i].ready = false;
    for (int64_t k = 0; k < p->bucket_count; k++) p->buckets[k].left = p->buckets[k].count;
    const fv_bucket *first = &p->buckets[0];
    for (int r = 0; r < fv_group_size(p->group); r++)
        set_flag(first, first->count + r, active && r == fv_group_rank(p->group));
    p->launched = 0;
}

void fv_bucket_fill(fv_data_parallel *p, fv_slot *slot)
{
    fv_bucket *b = &p->buckets[slot->bucket];
    fv_tensor place = place_of(p, slot);
    const fv_tensor *grad = fv_grad_of(slot->param);
    if (grad)
        fv_copy_elements(&place, grad);
    else
        memset(place.data, 0, (size_t)place.numel * fv_dtype_size(place.dtype));
    set_flag(b, slot - &p->slots[b->first], grad != NULL);
    if (!slot->ready) b->left--;
    slot->ready = true;
    while (p->launched < p->bucket_count && p->buckets[p->launched].left == 0)
        fv_group_submit(p->group, p->buckets[p->launched++].job);
}

/* --- back ------------------------------------------------------------------------------------- */

static fv_status give_back(fv_data_parallel *p, const fv_slot *slot)
{
    const fv_tensor place = place_of(p, slot);
    fv_tensor *grad = fv_grad_of(slot->param);
    if (!grad) {
        FV_SCOPE;
        grad = fv_empty_like(slot->param);
        if (grad->failed || fv_set_grad(slot->param, grad) != FV_OK) return fv_error_status();
    }
    grad = fv_grad_of(slot->param);
    fv_copy_elements(grad, &place);
    fv_bump_version(grad);
    return FV_OK;
}

/* Seconds in which a job was under way and none before it. */
static void count_times(fv_data_parallel *p, const fv_job *job, double *until)
{
    const double from = job->begun > *until ? job->begun : *until;
    if (job->ended > from) p->times.communication += job->ended - from;
    if (job->ended > *until) *until = job->ended;
    p->times.bytes += job->count * (int64_t)fv_dtype_size(job->dtype);
}

static int lowest_active(const fv_data_parallel *p)
{
    const fv_bucket *first = &p->buckets[0];
    for (int r = 0; r < fv_group_size(p->group); r++)
        if (flag(first, first->count + r)) return r;
    return -1;
}

fv_status fv_buckets_finish(fv_data_parallel *p, int *writer)
{
    const double begun = fv_group_clock();
    double until = 0, waited = begun;
    for (int64_t i = 0; i < p->slot_count; i++)
        if (!p->slots[i].ready) fv_bucket_fill(p, &p->slots[i]);
    *writer = -1;
    fv_status status = FV_OK;
    for (int64_t k = 0; k < p->bucket_count; k++) {
        const fv_bucket *b = &p->buckets[k];
        fv_status ended = fv_group_wait(p->group, b->job, "backward");
        if (status == FV_OK) status = ended;
        count_times(p, b->job, &until);
        if (b->job->ended > waited) waited = b->job->ended;
        if (k == 0 && status == FV_OK) *writer = lowest_active(p);
        for (int64_t i = 0; i < b->count && status == FV_OK && *writer >= 0; i++)
            if (flag(b, i)) status = give_back(p, &p->slots[b->first + i]);
    }
    p->times.waited += waited - begun;
    p->times.passes++;
    return status;
}

void fv_buckets_abandon(fv_data_parallel *p)
{
    for (int64_t k = 0; k < p->launched; k++)
        fv_group_wait(p->group, p->buckets[k].job, "backward");
}
