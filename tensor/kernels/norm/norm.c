/* Batch normalisation: folding, chunks, threads, and what happens per channel. */
#include "tensor/kernels/norm/norm.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/parallel.h"

/* --- how rows are cut --------------------------------------------------------------------- */

enum { FOLD_COLUMNS = 64, CHUNK_ELEMENTS = 32768, CHUNK_ROWS = 64, MOST_CHUNKS = 64 };

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

fv_norm_plan fv_norm_make_plan(fv_dtype dtype, int64_t rows, int64_t channels, fv_machine machine)
{
    fv_norm_plan p = {.dtype = dtype, .rows = rows, .channels = channels, .fold = 1};
    if (rows == 0 || channels == 0) return p;
    p.kernels = FV_ISA_PICK(fv_norm_kernels_, machine.isa);
    p.machine = machine;
    if (channels < FOLD_COLUMNS) p.fold = (FOLD_COLUMNS + channels - 1) / channels;
    p.columns = p.fold * channels;
    p.folded_rows = rows / p.fold;
    p.tail = rows % p.fold;
    int64_t chunk =
        at_least(CHUNK_ELEMENTS / p.columns, (p.folded_rows + MOST_CHUNKS - 1) / MOST_CHUNKS);
    p.chunk_rows = (at_least(chunk, 1) + CHUNK_ROWS - 1) / CHUNK_ROWS * CHUNK_ROWS;
    p.chunks = (p.folded_rows + p.chunk_rows - 1) / p.chunk_rows;
    return p;
}

fv_norm_scratch fv_norm_layout(const fv_norm_plan *p, fv_scratch *s)
{
    fv_norm_scratch at;
    for (int i = 0; i < FV_NORM_CHANNEL_ROWS; i++)
        at.channel[i] = fv_take(s, (size_t)p->channels * (p->rows > 0) * sizeof(double));
    for (int i = 0; i < FV_NORM_COLUMN_ROWS; i++)
        at.column[i] = fv_take(s, (size_t)p->columns * fv_dtype_size(p->dtype));
    at.sums = fv_take(s, (size_t)(2 * (p->chunks + 1) * p->columns) * sizeof(double));
    return at;
}

static int type_of(const fv_norm_plan *p)
{
    return p->dtype == FV_FLOAT64;
}

/* The job from a folded row on. */
static fv_norm_job job_from(const fv_norm_plan *p, int64_t row, const fv_norm_job *all)
{
    fv_norm_job job = *all;
    size_t skip = (size_t)(row * p->columns) * fv_dtype_size(p->dtype);
    if (all->x) job.x = (const char *)all->x + skip;
    if (all->gy) job.gy = (const char *)all->gy + skip;
    if (all->residual) job.residual = (const char *)all->residual + skip;
    if (all->mask) job.mask = (const char *)all->mask + skip;
    if (all->out) job.out = (char *)all->out + skip;
    return job;
}

/* Chunk i of the folded rows; behind the last one the tail, a row of fewer columns. */
static fv_norm_job chunk_of(const fv_norm_plan *p, int64_t i, const fv_norm_job *all)
{
    const bool tail = i == p->chunks;
    int64_t first = tail ? p->folded_rows : i * p->chunk_rows, left = p->folded_rows - first;
    fv_norm_job job = job_from(p, first, all);
    job.rows = tail ? 1 : left < p->chunk_rows ? left : p->chunk_rows;
    job.columns = tail ? p->tail * p->channels : p->columns;
    if (all->first) job.first = all->first + 2 * i * p->columns;
    if (all->first) job.second = job.first + p->columns;
    return job;
}

typedef struct run {
    const fv_norm_plan *plan;
    const fv_norm_job *all;
    void (*kernel)(const fv_norm_job *);
} run;

static void run_chunk(void *context, int64_t chunk, int slot)
{
    const run *r = context;
    fv_norm_job job = chunk_of(r->plan, chunk, r->all);
    (void)slot;
    r->kernel(&job);
}

/* The tail is too little to be shared. */
static void run_tail(const fv_norm_plan *p, const fv_norm_job *all,
                     void (*kernel)(const fv_norm_job *))
{
    if (p->tail == 0) return;
    fv_norm_job tail = chunk_of(p, p->chunks, all);
    kernel(&tail);
}

/* `streams` is the number of elements read or written for each element of x, at 8 bytes a
 * nanosecond and core. */
static void run_chunks(const fv_norm_plan *p, int streams, const fv_norm_job *all,
                       void (*kernel)(const fv_norm_job *))
{
    double bytes = (double)p->rows * (double)p->channels * (double)fv_dtype_size(p->dtype);
    run r = {.plan = p, .all = all, .kernel = kernel};
    fv_parallel(fv_threads_for(p->machine, bytes * streams / 8.0), p->chunks, run_chunk, &r);
}

static double element_at(fv_dtype dtype, const void *data, int64_t i)
{
    return dtype == FV_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void set_element(fv_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == FV_FLOAT64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

/* Kernels subtract the mean rounded to the element type, which for a large mean takes away more or
 * less than the differences' own rounding: by how much, times a factor. */
static double excess(const fv_norm_plan *p, double mean, double factor)
{
    double rounded = p->dtype == FV_FLOAT64 ? mean : (double)(float)mean;
    bool exact = rounded == mean || !isfinite(rounded) || !isfinite(factor);
    return exact ? 0 : (rounded - mean) * factor;
}

/* Per-channel numbers as a row of p->columns elements. */
static const void *spread(const fv_norm_plan *p, const double *values, void *row)
{
    for (int64_t j = 0; j < p->columns; j++) set_element(p->dtype, row, j, values[j % p->channels]);
    return row;
}

/* --- statistics --------------------------------------------------------------------------- */

/* Joins groups of `count` and `more` elements.
 * Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance". */
static void combine(int64_t channels, int64_t count, int64_t more, const double *more_mean,
                    const double *more_m2, double *mean, double *m2)
{
    double share = (double)more / (double)(count + more);
    for (int64_t c = 0; c < channels; c++) {
        double delta = more_mean[c] - mean[c];
        mean[c] += delta * share;
        m2[c] += more_m2[c] + delta * delta * (double)count * share;
    }
}

static void combine_tail(const fv_norm_plan *p, int64_t row, const void *x, double *mean,
                         double *m2)
{
    double share = 1.0 / (double)(row + 1);
    for (int64_t c = 0; c < p->channels; c++) {
        double delta = element_at(p->dtype, x, row * p->channels + c) - mean[c];
        mean[c] += delta * share;
        m2[c] += delta * delta * (double)row * share;
    }
}

/* Differences from an infinite mean are NaN: a plain sum tells infinity from NaN. */
static void sum_plainly(const fv_norm_plan *p, int64_t channel, const void *x, double *mean,
                        double *m2)
{
    double sum = 0;
    for (int64_t r = 0; r < p->rows; r++) sum += element_at(p->dtype, x, r * p->channels + channel);
    mean[channel] = sum / (double)p->rows;
    m2[channel] = (double)NAN;
}

/* mean and m2 (the sum of squared differences from the mean) of each channel; rows >= 1. */
static void find_statistics(const fv_norm_plan *p, const void *x, double *mean, double *m2,
                            double *sums)
{
    const fv_norm_job all = {.x = x, .first = sums};
    run_chunks(p, 1, &all, p->kernels->statistics[type_of(p)]);

    memset(mean, 0, (size_t)p->channels * sizeof *mean);
    memset(m2, 0, (size_t)p->channels * sizeof *m2);
    int64_t count = 0;
    for (int64_t i = 0; i < p->chunks; i++) {
        fv_norm_job job = chunk_of(p, i, &all);
        for (int64_t f = 0; f < p->fold; f++) {
            int64_t at = f * p->channels;
            combine(p->channels, count, job.rows, job.first + at, job.second + at, mean, m2);
            count += job.rows;
        }
    }
    for (; count < p->rows; count++) combine_tail(p, count, x, mean, m2);
    for (int64_t c = 0; c < p->channels; c++)
        if (!isfinite(mean[c])) sum_plainly(p, c, x, mean, m2);
}

/* How many elements a job reads or writes for each place. */
static int streams_of(const fv_norm_job *job)
{
    return !!job->x + !!job->gy + !!job->residual + !!job->mask + !!job->out;
}

/* What an op works with, per channel. */
typedef struct columns {
    const double *mean, *scale, *shift; /* (x - mean) * scale + shift is the result */
} columns;

static void set_gate(const fv_norm_plan *p, fv_norm_job *all, const columns *of,
                     const fv_norm_scratch *at)
{
    all->mean = spread(p, of->mean, at->column[0]);
    if (!all->relu) return;
    all->scale = spread(p, of->scale, at->column[1]);
    all->opening = spread(p, of->shift, at->column[4]);
}

/* sum = sum of gy and dot = sum of gy * (x - mean), per channel, of what counts of gy; that goes to
 * the job's out, if it has one. Without x dot stays 0, and mean is all zeros. */
static void find_dots(const fv_norm_plan *p, fv_norm_job all, const columns *of, double *sum,
                      double *dot, const fv_norm_scratch *at)
{
    set_gate(p, &all, of, at);
    all.first = at->sums;
    run_chunks(p, streams_of(&all), &all, p->kernels->dots[type_of(p)]);
    run_tail(p, &all, p->kernels->dots[type_of(p)]);

    for (int64_t c = 0; c < p->channels; c++) sum[c] = dot[c] = 0;
    for (int64_t i = 0; i < p->chunks + (p->tail > 0); i++) {
        fv_norm_job job = chunk_of(p, i, &all);
        for (int64_t j = 0; j < job.columns; j += p->channels) {
            for (int64_t c = 0; c < p->channels; c++) {
                sum[c] += job.first[j + c];
                dot[c] += job.second[j + c];
            }
        }
    }
    for (int64_t c = 0; c < p->channels; c++) dot[c] += excess(p, of->mean[c], sum[c]);
}

/* --- element by element ------------------------------------------------------------------- */

static void run_all(const fv_norm_plan *p, const fv_norm_job *all,
                    void (*kernel)(const fv_norm_job *))
{
    run_chunks(p, streams_of(all), all, kernel);
    run_tail(p, all, kernel);
}

/* out = (x - mean) * scale + shift, per channel, and what the job says of residual, relu, mask. */
static void apply(const fv_norm_plan *p, fv_norm_job all, const double *mean, const double *scale,
                  const double *shift, const fv_norm_scratch *at)
{
    all.mean = spread(p, mean, at->column[0]);
    all.scale = spread(p, scale, at->column[1]);
    all.shift = spread(p, shift, at->column[2]);
    run_all(p, &all, p->kernels->apply[type_of(p)]);
}

/* out = (gy - shift) * scale + (x - mean) * slope, per channel, of what counts of gy. */
static void apply_backward(const fv_norm_plan *p, fv_norm_job all, const columns *of,
                           const double *slope, const double *shift, const fv_norm_scratch *at)
{
    set_gate(p, &all, of, at);
    if (!all.relu) all.scale = spread(p, of->scale, at->column[1]); /* else it is there */
    all.slope = spread(p, slope, at->column[2]);
    all.shift = spread(p, shift, at->column[3]);
    run_all(p, &all, p->kernels->apply_backward[type_of(p)]);
}

/* --- batch norm --------------------------------------------------------------------------- */

/* Element c of a [C] tensor, or what stands for it when it is NULL. */
static double channel_of(const fv_tensor *t, int64_t c, double absent)
{
    return t ? fv_element_get(t, c * t->strides[0]) : absent;
}

static void set_channel(const fv_tensor *t, int64_t c, double value)
{
    if (t) fv_element_set(t, c * t->strides[0], value);
}

/* mean and invstd of channel c from its statistics; moves the running ones. */
static void finish_channel(const fv_batch_norm *b, int64_t c, int64_t rows, double mean, double m2)
{
    double m = b->momentum, n = (double)rows;
    set_channel(b->mean, c, mean);
    set_channel(b->invstd, c, fv_norm_invstd(m2 / n, b->eps));
    double old_mean = channel_of(b->running_mean, c, 0), old_var = channel_of(b->running_var, c, 0);
    set_channel(b->running_mean, c, (1 - m) * old_mean + m * mean);
    set_channel(b->running_var, c, (1 - m) * old_var + m * m2 / (n - 1));
}

/* Statistics that are not x's: the running ones in evaluation, 0 for an empty batch. */
static void set_given_statistics(const fv_batch_norm *b, int64_t channels)
{
    for (int64_t c = 0; c < channels; c++) {
        double var = channel_of(b->running_var, c, 0);
        set_channel(b->mean, c, b->training ? 0 : channel_of(b->running_mean, c, 0));
        set_channel(b->invstd, c, b->training ? 0 : 1 / sqrt(var + b->eps));
    }
}

void fv_batch_norm_run(const fv_norm_plan *p, const fv_batch_norm *b, void *scratch)
{
    if (p->rows == 0 || p->channels == 0 || !b->training) set_given_statistics(b, p->channels);
    if (p->rows == 0 || p->channels == 0) return;
    fv_scratch memory = {.memory = scratch};
    const fv_norm_scratch at = fv_norm_layout(p, &memory);
    double *mean = at.channel[0], *scale = at.channel[1], *shift = at.channel[2];
    if (b->training) {
        find_statistics(p, b->x->data, mean, scale, at.sums);
        for (int64_t c = 0; c < p->channels; c++) finish_channel(b, c, p->rows, mean[c], scale[c]);
    }
    for (int64_t c = 0; c < p->channels; c++) {
        mean[c] = channel_of(b->mean, c, 0);
        scale[c] = channel_of(b->invstd, c, 0) * channel_of(b->weight, c, 1);
        shift[c] = channel_of(b->bias, c, 0) + excess(p, mean[c], scale[c]);
    }
    const fv_norm_job job = {.x = b->x->data,
                             .residual = b->residual ? b->residual->data : NULL,
                             .relu = b->relu,
                             .out = b->y->data};
    apply(p, job, mean, scale, shift, &at);
}

double fv_norm_invstd(double var, double eps)
{
    return var == 0 && eps == 0 ? 0 : 1 / sqrt(var + eps);
}

/* With xhat = (x - mean) * invstd and means over the rows:
 *   gx = weight * invstd * (gy - mean(gy) - xhat * mean(gy * xhat))   in training,
 *   gx = weight * invstd * gy                                         else. */
void fv_batch_norm_grad_run(const fv_norm_plan *p, const fv_batch_norm_grad *b, void *scratch)
{
    if (p->rows == 0 || p->channels == 0) {
        for (int64_t c = 0; c < p->channels; c++) set_channel(b->gweight, c, 0);
        for (int64_t c = 0; c < p->channels; c++) set_channel(b->gbias, c, 0);
        return;
    }
    fv_scratch memory = {.memory = scratch};
    const fv_norm_scratch at = fv_norm_layout(p, &memory);
    double *mean = at.channel[0], *invstd = at.channel[1], *sum = at.channel[2];
    double *dot = at.channel[3], *scale = at.channel[4], *slope = at.channel[5];
    double *shift = at.channel[6], *opening = at.channel[7], n = (double)p->rows;
    const columns of = {.mean = mean, .scale = scale, .shift = opening};
    fv_norm_job job = {.x = b->x->data,
                       .gy = b->gy->data,
                       .mask = b->y ? b->y->data : NULL,
                       .relu = b->relu && !b->y,
                       .out = b->masked ? b->masked->data : NULL};
    if (!b->mean) find_statistics(p, job.x, mean, invstd, at.sums);
    for (int64_t c = 0; c < p->channels; c++) {
        if (b->mean) mean[c] = channel_of(b->mean, c, 0);
        invstd[c] = b->invstd ? channel_of(b->invstd, c, 0) : fv_norm_invstd(invstd[c] / n, b->eps);
        scale[c] = invstd[c] * channel_of(b->weight, c, 1);
        opening[c] = channel_of(b->bias, c, 0) + excess(p, mean[c], scale[c]);
    }
    find_dots(p, job, &of, sum, dot, &at);
    for (int64_t c = 0; c < p->channels; c++) {
        set_channel(b->gbias, c, sum[c]);
        set_channel(b->gweight, c, dot[c] * invstd[c]);
        double ratio = -dot[c] / n * invstd[c] * invstd[c];
        slope[c] = scale[c] * ratio;
        /* subtracted from gy itself: equal ones leave 0 */
        shift[c] = sum[c] / n - excess(p, mean[c], ratio);
    }
    if (b->masked) job = (fv_norm_job){.x = job.x, .gy = b->masked->data};
    job.out = b->gx->data;
    if (b->training) {
        apply_backward(p, job, &of, slope, shift, &at);
        return;
    }
    for (int64_t c = 0; c < p->channels; c++) mean[c] = shift[c] = 0;
    job.x = job.gy;
    job.gy = NULL;
    apply(p, job, mean, scale, shift, &at);
}

void fv_relu_sums_run(const fv_norm_plan *p, const fv_relu_sums_job *b, void *scratch)
{
    for (int64_t c = 0; c < p->channels; c++) set_channel(b->sums, c, 0);
    if (p->rows == 0 || p->channels == 0) return;
    fv_scratch memory = {.memory = scratch};
    const fv_norm_scratch at = fv_norm_layout(p, &memory);
    double *mean = at.channel[0], *sum = at.channel[1], *dot = at.channel[2];
    for (int64_t c = 0; c < p->channels; c++) mean[c] = 0;
    const fv_norm_job job = {.gy = b->g->data, .mask = b->y->data, .out = b->masked->data};
    find_dots(p, job, &(columns){.mean = mean}, sum, dot, &at);
    for (int64_t c = 0; c < p->channels; c++) set_channel(b->sums, c, sum[c]);
}
