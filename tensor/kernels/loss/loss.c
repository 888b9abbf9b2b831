/* The drivers of the losses: walk over the elements or samples, gather the sums. */
#include "tensor/kernels/element.h"
#include "tensor/kernels/loss/loss_impl.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels/nest.h"
#include "tensor/ranges.h"

/* --- one element each ------------------------------------------------------------------------ */

typedef struct pair_walk {
    fv_pair_loss kind;
    double parameter;
    const fv_tensor *x, *t;
    fv_tensor *out; /* NULL: only the sum */
    fv_nest outer;  /* over x, t, out */
    int64_t n, blocks, stride[FV_NEST_OPERANDS];
    const fv_loss_kernels *kernels;
    int64_t chunks;
    double sums[FV_MAX_CHUNKS]; /* by chunk */
} pair_walk;

static pair_walk make_walk(fv_isa isa, fv_pair_loss kind, double parameter, const fv_tensor *x,
                           const fv_tensor *t, fv_tensor *out)
{
    pair_walk w = {.kind = kind,
                   .parameter = parameter,
                   .x = x,
                   .t = t,
                   .out = out,
                   .kernels = FV_ISA_PICK(fv_loss_kernels_, isa)};
    for (int d = 0; d < x->ndim; d++)
        fv_nest_add(&w.outer, x->shape[d], x->strides[d], t->strides[d],
                    out ? out->strides[d] : x->strides[d]);
    fv_nest_merge(&w.outer);
    w.n = fv_nest_pop(&w.outer, w.stride);
    w.blocks = w.n / FV_LOSS_BLOCK + (w.n % FV_LOSS_BLOCK != 0);
    return w;
}

static double pair_f64(fv_pair_loss kind, double p, double x, double t)
{
    double d = fabs(kind == FV_PAIR_BCE ? x : x - t);
    switch (kind) {
    case FV_PAIR_MSE: return d * d;
    case FV_PAIR_L1: return d;
    case FV_PAIR_SMOOTH_L1: return d < p ? 0.5 * d * d / p : d - 0.5 * p;
    case FV_PAIR_HUBER: return d < p ? 0.5 * d * d : p * (d - 0.5 * p);
    case FV_PAIR_BCE: break;
    }
    double side = x < 0 ? t : 1 - t; /* of the loss that grows with |x| */
    return (side == 0 ? 0 : side * d) + log1p(exp(-d));
}

static const float *dense(const float *p, int64_t stride, int64_t n, float *buffer)
{
    if (stride == 1) return p;
    for (int64_t i = 0; i < n; i++) buffer[i] = p[i * stride];
    return buffer;
}

static double pair_block_f32(const pair_walk *w, const int64_t *at, int64_t n)
{
    float xb[FV_LOSS_BLOCK], tb[FV_LOSS_BLOCK], yb[FV_LOSS_BLOCK];
    const float *x = dense((const float *)w->x->data + at[0], w->stride[0], n, xb);
    const float *t = dense((const float *)w->t->data + at[1], w->stride[1], n, tb);
    float *out = w->out ? (float *)w->out->data + at[2] : NULL;
    float *y = out && w->stride[2] == 1 ? out : yb;
    w->kernels->pair[w->kind](y, x, t, n, (float)w->parameter);
    if (!out) return w->kernels->sum(y, n);
    for (int64_t i = 0; i < n && y != out; i++) out[i * w->stride[2]] = y[i];
    return 0;
}

static double pair_block_f64(const pair_walk *w, const int64_t *at, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double y = pair_f64(w->kind, w->parameter, fv_element_get(w->x, at[0] + i * w->stride[0]),
                            fv_element_get(w->t, at[1] + i * w->stride[1]));
        if (w->out) fv_element_set(w->out, at[2] + i * w->stride[2], y);
        sum += y;
    }
    return sum;
}

static double pair_block(const pair_walk *w, int64_t b)
{
    int64_t at[FV_NEST_OPERANDS], first = b % w->blocks * FV_LOSS_BLOCK;
    int64_t n = w->n - first < FV_LOSS_BLOCK ? w->n - first : FV_LOSS_BLOCK;
    fv_nest_at(&w->outer, b / w->blocks, at);
    for (int k = 0; k < FV_NEST_OPERANDS; k++) at[k] += first * w->stride[k];
    return w->x->dtype == FV_FLOAT64 ? pair_block_f64(w, at, n) : pair_block_f32(w, at, n);
}

static void pair_chunk(void *job, int64_t chunk, int slot)
{
    pair_walk *w = job;
    int64_t blocks = w->outer.count * w->blocks, end = fv_chunk_begin(blocks, w->chunks, chunk + 1);
    double sum = 0;
    (void)slot;
    for (int64_t b = fv_chunk_begin(blocks, w->chunks, chunk); b < end; b++)
        sum += pair_block(w, b);
    w->sums[chunk] = sum;
}

void fv_pair_loss_run(fv_machine m, fv_pair_loss kind, double parameter, const fv_tensor *x,
                      const fv_tensor *t, fv_tensor *out, bool reduce, double scale)
{
    pair_walk w = make_walk(m.isa, kind, parameter, x, t, reduce ? NULL : out);
    double each = (x->dtype == FV_FLOAT64 ? 4.0 : 0.3) + (kind == FV_PAIR_BCE ? 2.0 : 0.0);
    double nanoseconds = each * (double)x->numel, total = 0;
    w.chunks = fv_chunks_for(nanoseconds, w.outer.count * w.blocks);
    fv_parallel(fv_threads_for(m, nanoseconds), w.chunks, pair_chunk, &w);
    for (int64_t k = 0; k < w.chunks; k++) total += w.sums[k];
    if (reduce) fv_element_set(out, 0, total * scale);
}

/* Offset in t of row-major element i of t's index space without dim (-1: all dims). */
static int64_t offset_of(const fv_tensor *t, int dim, int64_t i)
{
    int64_t at = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (d == dim) continue;
        at += i % t->shape[d] * t->strides[d];
        i /= t->shape[d];
    }
    return at;
}

void fv_pair_loss_reference(fv_pair_loss kind, double parameter, const fv_tensor *x,
                            const fv_tensor *t, fv_tensor *out, bool reduce, double scale)
{
    double total = 0;
    for (int64_t i = 0; i < x->numel; i++) {
        double y = pair_f64(kind, parameter, fv_element_get(x, offset_of(x, -1, i)),
                            fv_element_get(t, offset_of(t, -1, i)));
        if (!reduce) fv_element_set(out, offset_of(out, -1, i), y);
        total += y;
    }
    if (reduce) fv_element_set(out, 0, total * scale);
}

/* --- one class each -------------------------------------------------------------------------- */

static double weight_of(const fv_nll_job *job, int64_t c)
{
    return job->weight ? fv_element_get(job->weight, c * job->weight->strides[0]) : 1.0;
}

/* The loss of one sample whose scores start at element at of x. */
static double nll_sample(const fv_nll_job *job, const fv_tensor *x, int64_t at, int64_t t)
{
    int64_t classes = x->shape[job->dim], stride = x->strides[job->dim];
    double loss = -(1.0 - job->smoothing) * weight_of(job, t) * fv_element_get(x, at + t * stride);
    if (job->smoothing == 0) return loss;
    double all = 0;
    for (int64_t c = 0; c < classes; c++)
        all += weight_of(job, c) * fv_element_get(x, at + c * stride);
    return loss - job->smoothing / (double)classes * all;
}

/* Loops over the samples: operand 0 has the class dimension, 1 is the target, 2 is one number per
 * sample (or NULL). */
static fv_nest sample_nest(const fv_nll_job *job, const fv_tensor *x, const fv_tensor *each)
{
    fv_nest nest = {0};
    int j = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (d == job->dim) continue;
        fv_nest_add(&nest, x->shape[d], x->strides[d], job->target->strides[j],
                    each ? each->strides[j] : 0);
        j++;
    }
    fv_nest_merge(&nest);
    return nest;
}

static void nll_finish(const fv_nll_job *job, double loss, double count, fv_tensor *out,
                       fv_tensor *total)
{
    fv_element_set(total, 0, count);
    if (!job->reduce) return;
    double mean = count == 0 ? (double)NAN : loss / count; /* also where smoothing leaves a loss */
    fv_element_set(out, 0, job->mean ? mean : loss);
}

/* Nanoseconds of all samples of an input like x. */
static double nll_cost(const fv_nll_job *job, const fv_tensor *x, int64_t samples)
{
    double spread = job->smoothing == 0 ? 0.0 : 2.0 * (double)x->shape[job->dim];
    return (10.0 + spread) * (double)samples;
}

typedef struct nll_walk {
    const fv_nll_job *job;
    const fv_tensor *x;
    fv_tensor *out; /* NULL: only the sum */
    fv_nest nest;
    int64_t chunks;
    double losses[FV_MAX_CHUNKS], counts[FV_MAX_CHUNKS]; /* by chunk */
} nll_walk;

static void nll_chunk(void *walk, int64_t chunk, int slot)
{
    nll_walk *w = walk;
    const fv_nll_job *job = w->job;
    int64_t end = fv_chunk_begin(w->nest.count, w->chunks, chunk + 1);
    double losses = 0, counts = 0;
    (void)slot;
    for (int64_t i = fv_chunk_begin(w->nest.count, w->chunks, chunk); i < end; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&w->nest, i, at);
        int64_t t = fv_element_get_int(job->target, at[1]);
        double loss = t == job->ignore_index ? 0 : nll_sample(job, w->x, at[0], t);
        if (t != job->ignore_index) counts += weight_of(job, t);
        losses += loss;
        if (w->out) fv_element_set(w->out, at[2], loss);
    }
    w->losses[chunk] = losses;
    w->counts[chunk] = counts;
}

void fv_nll_run(fv_machine m, const fv_nll_job *job, const fv_tensor *x, fv_tensor *out,
                fv_tensor *total)
{
    nll_walk w = {.job = job, .x = x, .out = job->reduce ? NULL : out};
    w.nest = sample_nest(job, x, w.out);
    double nanoseconds = nll_cost(job, x, w.nest.count);
    w.chunks = fv_chunks_for(nanoseconds, w.nest.count);
    fv_parallel(fv_threads_for(m, nanoseconds), w.chunks, nll_chunk, &w);
    for (int64_t k = 1; k < w.chunks; k++) {
        w.losses[0] += w.losses[k];
        w.counts[0] += w.counts[k];
    }
    nll_finish(job, w.losses[0], w.counts[0], out, total);
}

void fv_nll_reference(const fv_nll_job *job, const fv_tensor *x, fv_tensor *out, fv_tensor *total)
{
    double losses = 0, count = 0;
    for (int64_t i = 0; i < job->target->numel; i++) {
        int64_t t = fv_element_get_int(job->target, offset_of(job->target, -1, i));
        bool counts = t != job->ignore_index;
        double loss = counts ? nll_sample(job, x, offset_of(x, job->dim, i), t) : 0;
        if (counts) count += weight_of(job, t);
        losses += loss;
        if (!job->reduce) fv_element_set(out, offset_of(out, -1, i), loss);
    }
    nll_finish(job, losses, count, out, total);
}

/* Writes the gradients of one sample's scores, which are zero so far, from that of its loss. */
static void nll_grad_sample(const fv_nll_job *job, double g, int64_t t, fv_tensor *gx, int64_t at)
{
    int64_t classes = gx->shape[job->dim], stride = gx->strides[job->dim];
    double spread = job->smoothing / (double)classes;
    for (int64_t c = 0; c < classes && job->smoothing != 0; c++)
        fv_element_set(gx, at + c * stride, -g * spread * weight_of(job, c));
    int64_t hit = at + t * stride;
    fv_element_set(gx, hit,
                   fv_element_get(gx, hit) - g * (1.0 - job->smoothing) * weight_of(job, t));
}

static double mean_factor(const fv_nll_job *job, const fv_tensor *total)
{
    return job->reduce && job->mean ? 1.0 / fv_element_get(total, 0) : 1.0;
}

typedef struct nll_grad_walk {
    const fv_nll_job *job;
    const fv_tensor *g;
    double factor; /* of every element of g */
    fv_tensor *gx;
    fv_nest nest;
} nll_grad_walk;

static void nll_grad_samples(const void *walk, int64_t first, int64_t last)
{
    const nll_grad_walk *w = walk;
    for (int64_t i = first; i < last; i++) {
        int64_t at[FV_NEST_OPERANDS];
        fv_nest_at(&w->nest, i, at);
        int64_t t = fv_element_get_int(w->job->target, at[1]);
        if (t != w->job->ignore_index)
            nll_grad_sample(w->job, w->factor * fv_element_get(w->g, at[2]), t, w->gx, at[0]);
    }
}

void fv_nll_grad_run(fv_machine m, const fv_nll_job *job, const fv_tensor *g,
                     const fv_tensor *total, fv_tensor *gx)
{
    if (gx->numel == 0) return;
    memset(gx->data, 0, (size_t)gx->numel * fv_dtype_size(gx->dtype));
    nll_grad_walk w = {.job = job, .g = g, .factor = mean_factor(job, total), .gx = gx};
    w.nest = sample_nest(job, gx, job->reduce ? NULL : g);
    fv_parallel_ranges(m, nll_cost(job, gx, w.nest.count), w.nest.count, nll_grad_samples, &w);
}

void fv_nll_grad_reference(const fv_nll_job *job, const fv_tensor *g, const fv_tensor *total,
                           fv_tensor *gx)
{
    for (int64_t i = 0; i < gx->numel; i++) fv_element_set(gx, offset_of(gx, -1, i), 0);
    for (int64_t i = 0; i < job->target->numel; i++) {
        int64_t t = fv_element_get_int(job->target, offset_of(job->target, -1, i));
        double each = fv_element_get(g, job->reduce ? 0 : offset_of(g, -1, i));
        if (t != job->ignore_index)
            nll_grad_sample(job, mean_factor(job, total) * each, t, gx, offset_of(gx, job->dim, i));
    }
}
