/* Batch normalisation: folding, chunks, threads, and what happens per channel. */
#include "tensor/kernels/norm/norm.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/parallel.h"

/* --- how rows are cut --------------------------------------------------------------------- */

enum { FOLD_COLUMNS = 64, CHUNK_ELEMENTS = 32768, CHUNK_ROWS = 64, MOST_CHUNKS = 64 };

typedef struct plan {
    int64_t fold, columns; /* columns = fold * channels */
    int64_t rows;          /* whole folded rows */
    int64_t tail;          /* rows left over, fewer than fold */
    int64_t chunk_rows, chunks;
    int threads;
    size_t element;
} plan;

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* `streams` is the number of elements read or written for each element of x. */
static plan make_plan(const fv_norm_shape *s, int streams)
{
    plan p = {.fold = 1, .element = fv_dtype_size(s->dtype)};
    if (s->channels < FOLD_COLUMNS) p.fold = (FOLD_COLUMNS + s->channels - 1) / s->channels;
    p.columns = p.fold * s->channels;
    p.rows = s->rows / p.fold;
    p.tail = s->rows % p.fold;
    int64_t rows = at_least(CHUNK_ELEMENTS / p.columns, (p.rows + MOST_CHUNKS - 1) / MOST_CHUNKS);
    p.chunk_rows = (at_least(rows, 1) + CHUNK_ROWS - 1) / CHUNK_ROWS * CHUNK_ROWS;
    p.chunks = (p.rows + p.chunk_rows - 1) / p.chunk_rows;
    /* 8 bytes a nanosecond and core */
    double bytes = (double)s->rows * (double)s->channels * (double)p.element;
    p.threads = fv_threads_for(fv_machine_now(), bytes * streams / 8.0);
    return p;
}

/* Two doubles per column and chunk and one row more, or four rows of operands. */
size_t fv_norm_scratch(const fv_norm_shape *s)
{
    if (s->rows == 0 || s->channels == 0) return 0;
    plan p = make_plan(s, 1);
    return (size_t)at_least(2 * p.chunks + 1, 4) * (size_t)p.columns * sizeof(double);
}

/* Chunk i of the folded rows. */
static fv_norm_job chunk_of(const plan *p, int64_t i, const fv_norm_job *all)
{
    fv_norm_job job = *all;
    int64_t first = i * p->chunk_rows;
    size_t skip = (size_t)(first * p->columns) * p->element;
    job.rows = p->rows - first < p->chunk_rows ? p->rows - first : p->chunk_rows;
    job.columns = p->columns;
    job.x = (const char *)all->x + skip;
    if (all->gy) job.gy = (const char *)all->gy + skip;
    if (all->out) job.out = (char *)all->out + skip;
    if (all->first) job.first = all->first + 2 * i * p->columns;
    if (all->first) job.second = job.first + p->columns;
    return job;
}

static void run_chunks(const plan *p, const fv_norm_job *all, void (*kernel)(const fv_norm_job *))
{
    int threads = p->threads;
    (void)threads; /* unused without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < p->chunks; i++) {
        fv_norm_job job = chunk_of(p, i, all);
        kernel(&job);
    }
}

static double element_at(fv_dtype dtype, const void *data, int64_t i)
{
    return dtype == FV_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

/* Per-channel numbers as a row of p->columns elements at slot `slot` of scratch. */
static const void *spread(const fv_norm_shape *s, const plan *p, const double *values, int slot,
                          void *scratch)
{
    char *row = (char *)scratch + (size_t)slot * (size_t)p->columns * sizeof(double);
    for (int64_t j = 0; j < p->columns; j++) {
        if (s->dtype == FV_FLOAT64)
            ((double *)row)[j] = values[j % s->channels];
        else
            ((float *)row)[j] = (float)values[j % s->channels];
    }
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

static void combine_tail(const fv_norm_shape *s, int64_t row, const void *x, double *mean,
                         double *m2)
{
    double share = 1.0 / (double)(row + 1);
    for (int64_t c = 0; c < s->channels; c++) {
        double delta = element_at(s->dtype, x, row * s->channels + c) - mean[c];
        mean[c] += delta * share;
        m2[c] += delta * delta * (double)row * share;
    }
}

/* Differences from an infinite mean are NaN: a plain sum tells infinity from NaN. */
static void sum_plainly(const fv_norm_shape *s, int64_t channel, const void *x, double *mean,
                        double *m2)
{
    double sum = 0;
    for (int64_t r = 0; r < s->rows; r++) sum += element_at(s->dtype, x, r * s->channels + channel);
    mean[channel] = sum / (double)s->rows;
    m2[channel] = (double)NAN;
}

void fv_norm_statistics(const fv_norm_shape *s, const void *x, double *mean, double *m2,
                        void *scratch)
{
    plan p = make_plan(s, 1);
    const fv_norm_job all = {.x = x, .first = scratch};
    run_chunks(&p, &all,
               FV_ISA_PICK(fv_norm_kernels_, fv_isa_level())->statistics[s->dtype == FV_FLOAT64]);

    memset(mean, 0, (size_t)s->channels * sizeof *mean);
    memset(m2, 0, (size_t)s->channels * sizeof *m2);
    int64_t count = 0;
    for (int64_t i = 0; i < p.chunks; i++) {
        fv_norm_job job = chunk_of(&p, i, &all);
        for (int64_t f = 0; f < p.fold; f++) {
            int64_t at = f * s->channels;
            combine(s->channels, count, job.rows, job.first + at, job.second + at, mean, m2);
            count += job.rows;
        }
    }
    for (; count < s->rows; count++) combine_tail(s, count, x, mean, m2);
    for (int64_t c = 0; c < s->channels; c++)
        if (!isfinite(mean[c])) sum_plainly(s, c, x, mean, m2);
}

void fv_norm_dots(const fv_norm_shape *s, const void *gy, const void *x, const double *mean,
                  double *sum, double *dot, void *scratch)
{
    plan p = make_plan(s, 2);
    const void *columns_mean = spread(s, &p, mean, (int)(2 * p.chunks), scratch);
    const fv_norm_job all = {.x = x, .gy = gy, .mean = columns_mean, .first = scratch};
    run_chunks(&p, &all,
               FV_ISA_PICK(fv_norm_kernels_, fv_isa_level())->dots[s->dtype == FV_FLOAT64]);

    for (int64_t c = 0; c < s->channels; c++) sum[c] = dot[c] = 0;
    for (int64_t i = 0; i < p.chunks; i++) {
        fv_norm_job job = chunk_of(&p, i, &all);
        for (int64_t j = 0; j < p.columns; j += s->channels) {
            for (int64_t c = 0; c < s->channels; c++) {
                sum[c] += job.first[j + c];
                dot[c] += job.second[j + c];
            }
        }
    }
    for (int64_t i = p.rows * p.columns; i < s->rows * s->channels; i++) {
        int64_t c = i % s->channels;
        double g = element_at(s->dtype, gy, i);
        sum[c] += g;
        dot[c] += g * (element_at(s->dtype, x, i) - mean[c]);
    }
}

/* --- element by element ------------------------------------------------------------------- */

/* The tail is one row of fewer columns. */
static void run_all(const fv_norm_shape *s, const plan *p, fv_norm_job *all,
                    void (*kernel)(const fv_norm_job *))
{
    run_chunks(p, all, kernel);
    if (p->tail == 0) return;
    size_t skip = (size_t)(p->rows * p->columns) * p->element;
    all->x = (const char *)all->x + skip;
    if (all->gy) all->gy = (const char *)all->gy + skip;
    all->out = (char *)all->out + skip;
    all->rows = 1;
    all->columns = p->tail * s->channels;
    kernel(all);
}

void fv_norm_apply(const fv_norm_shape *s, fv_norm_epilogue epilogue, const void *x,
                   const double *mean, const double *scale, const double *shift, void *y,
                   void *scratch)
{
    plan p = make_plan(s, 2);
    const fv_norm_kernels *k = FV_ISA_PICK(fv_norm_kernels_, fv_isa_level());
    fv_norm_job all = {.x = x,
                       .out = y,
                       .mean = spread(s, &p, mean, 0, scratch),
                       .scale = spread(s, &p, scale, 1, scratch),
                       .shift = spread(s, &p, shift, 2, scratch)};
    run_all(s, &p, &all,
            (epilogue == FV_NORM_RELU ? k->apply_relu : k->apply)[s->dtype == FV_FLOAT64]);
}

void fv_norm_apply_backward(const fv_norm_shape *s, const void *gy, const void *x,
                            const double *mean, const double *scale, const double *slope,
                            const double *shift, void *gx, void *scratch)
{
    plan p = make_plan(s, 3);
    fv_norm_job all = {.x = x,
                       .gy = gy,
                       .out = gx,
                       .mean = spread(s, &p, mean, 0, scratch),
                       .scale = spread(s, &p, scale, 1, scratch),
                       .slope = spread(s, &p, slope, 2, scratch),
                       .shift = spread(s, &p, shift, 3, scratch)};
    run_all(s, &p, &all,
            FV_ISA_PICK(fv_norm_kernels_, fv_isa_level())->apply_backward[s->dtype == FV_FLOAT64]);
}

/* --- batch norm --------------------------------------------------------------------------- */

enum { CHANNEL_VECTORS = 7 }; /* doubles per channel that the functions below keep in scratch */

static fv_norm_shape shape_of(const fv_tensor *x)
{
    fv_norm_shape s = {.dtype = x->dtype, .channels = x->shape[1]};
    s.rows = s.channels ? x->numel / s.channels : 0;
    return s;
}

size_t fv_batch_norm_scratch(const fv_norm_shape *s)
{
    if (s->rows == 0 || s->channels == 0) return 0;
    return (size_t)s->channels * CHANNEL_VECTORS * sizeof(double) + fv_norm_scratch(s);
}

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

/* Nothing to normalise: statistics are those given, or 0. */
static void finish_empty(const fv_batch_norm *b, int64_t channels)
{
    for (int64_t c = 0; c < channels; c++) {
        double var = channel_of(b->running_var, c, 0);
        set_channel(b->mean, c, b->training ? 0 : channel_of(b->running_mean, c, 0));
        set_channel(b->invstd, c, b->training ? 0 : 1 / sqrt(var + b->eps));
    }
}

/* In training from x, else from the running statistics. */
static void find_statistics(const fv_batch_norm *b, const fv_norm_shape *s, double *mean,
                            double *m2, void *scratch)
{
    if (!b->training) {
        finish_empty(b, s->channels);
        return;
    }
    fv_norm_statistics(s, b->x->data, mean, m2, scratch);
    for (int64_t c = 0; c < s->channels; c++) finish_channel(b, c, s->rows, mean[c], m2[c]);
}

void fv_batch_norm_run(const fv_batch_norm *b, void *scratch)
{
    fv_norm_shape s = shape_of(b->x);
    if (s.rows == 0 || s.channels == 0) {
        finish_empty(b, s.channels);
        return;
    }
    double *mean = scratch, *scale = mean + s.channels, *shift = scale + s.channels;
    void *rest = mean + CHANNEL_VECTORS * s.channels;
    find_statistics(b, &s, mean, scale, rest);
    for (int64_t c = 0; c < s.channels; c++) {
        mean[c] = channel_of(b->mean, c, 0);
        scale[c] = channel_of(b->invstd, c, 0) * channel_of(b->weight, c, 1);
        shift[c] = channel_of(b->bias, c, 0);
    }
    fv_norm_apply(&s, b->epilogue, b->x->data, mean, scale, shift, b->y->data, rest);
}

double fv_norm_invstd(double var, double eps)
{
    return var == 0 && eps == 0 ? 0 : 1 / sqrt(var + eps);
}

/* With xhat = (x - mean) * invstd and means over the rows:
 *   gx = weight * invstd * (gy - mean(gy) - xhat * mean(gy * xhat))   in training,
 *   gx = weight * invstd * gy                                         else. */
void fv_batch_norm_grad_run(const fv_batch_norm_grad *b, void *scratch)
{
    fv_norm_shape s = shape_of(b->x);
    double *mean = scratch, *invstd = mean + s.channels, *sum = invstd + s.channels;
    double *dot = sum + s.channels, *scale = dot + s.channels, *slope = scale + s.channels;
    double *shift = slope + s.channels, n = (double)s.rows;
    void *rest = mean + CHANNEL_VECTORS * s.channels;
    if (s.rows == 0 || s.channels == 0) {
        for (int64_t c = 0; c < s.channels; c++) set_channel(b->gweight, c, 0);
        for (int64_t c = 0; c < s.channels; c++) set_channel(b->gbias, c, 0);
        return;
    }
    if (!b->mean) fv_norm_statistics(&s, b->x->data, mean, invstd, rest);
    for (int64_t c = 0; c < s.channels; c++) {
        if (b->mean) mean[c] = channel_of(b->mean, c, 0);
        invstd[c] = b->invstd ? channel_of(b->invstd, c, 0) : fv_norm_invstd(invstd[c] / n, b->eps);
    }
    fv_norm_dots(&s, b->gy->data, b->x->data, mean, sum, dot, rest);
    for (int64_t c = 0; c < s.channels; c++) {
        set_channel(b->gbias, c, sum[c]);
        set_channel(b->gweight, c, dot[c] * invstd[c]);
        scale[c] = invstd[c] * channel_of(b->weight, c, 1);
        slope[c] = -scale[c] * dot[c] / n * invstd[c] * invstd[c];
        shift[c] = -scale[c] * sum[c] / n;
    }
    if (b->training) {
        fv_norm_apply_backward(&s, b->gy->data, b->x->data, mean, scale, slope, shift, b->gx->data,
                               rest);
        return;
    }
    for (int64_t c = 0; c < s.channels; c++) mean[c] = shift[c] = 0;
    fv_norm_apply(&s, FV_NORM_PLAIN, b->gy->data, mean, scale, shift, b->gx->data, rest);
}
