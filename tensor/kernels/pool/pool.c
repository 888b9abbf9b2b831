/* Pooling: the window tables and the division of pixels among threads. */
#include "tensor/kernels/pool/pool.h"

#include "tensor/parallel.h"

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static fv_pool_window adaptive_window(const fv_pool_axis *a, int64_t out)
{
    int64_t start = out * a->in / a->out;
    int64_t end = ((out + 1) * a->in + a->out - 1) / a->out;
    return (fv_pool_window){.start = start, .tap = 0, .count = end - start, .size = end - start};
}

fv_pool_window fv_pool_window_at(const fv_pool *g, int axis, int64_t out)
{
    const fv_pool_axis *a = &g->axis[axis];
    if (g->adaptive) return adaptive_window(a, out);

    int64_t begin = out * a->stride - a->padding;
    int64_t tap = begin < 0 ? (-begin + a->dilation - 1) / a->dilation : 0;
    int64_t start = begin + tap * a->dilation;
    int64_t fit = start < a->in ? (a->in - 1 - start) / a->dilation + 1 : 0;
    int64_t count = at_least(0, at_most(a->kernel - tap, fit));
    /* What hangs over the right padding (ceil_mode) never counts. */
    int64_t padded = at_most(begin + a->kernel, a->in + a->padding) - begin;
    int64_t size = at_least(1, g->count_include_pad ? padded : count);
    return (fv_pool_window){start, tap, count, size};
}

fv_dtype fv_pool_code_dtype(const fv_pool *g)
{
    int64_t taps = g->axis[0].kernel * g->axis[1].kernel * g->axis[2].kernel;
    return taps <= 256 ? FV_UINT8 : FV_INT32;
}

static int64_t pixels_in(const fv_pool *g)
{
    return g->batch * g->axis[0].in * g->axis[1].in * g->axis[2].in;
}

static int64_t pixels_out(const fv_pool *g)
{
    return g->batch * g->axis[0].out * g->axis[1].out * g->axis[2].out;
}

static bool is_empty(const fv_pool *g)
{
    bool empty = g->batch == 0 || g->channels == 0;
    for (int i = 0; i < FV_POOL_AXES; i++) empty = empty || g->axis[i].in == 0;
    return empty;
}

size_t fv_pool_scratch(const fv_pool *g)
{
    if (is_empty(g)) return 0;
    size_t bytes = 0;
    for (int i = 0; i < FV_POOL_AXES; i++)
        bytes += (size_t)g->axis[i].out * sizeof(fv_pool_window) +
                 (size_t)g->axis[i].in * sizeof(fv_pool_cover);
    return bytes;
}

/* Windows begin and end in rising order, so those over one coordinate are neighbours (with
 * dilation some of the neighbours step over it, which the kernel finds out). */
static void fill_covers(const fv_pool_axis *a, const fv_pool_window *windows, fv_pool_cover *covers)
{
    for (int64_t i = 0; i < a->in; i++) covers[i] = (fv_pool_cover){0, 0};
    for (int64_t o = 0; o < a->out; o++) {
        const fv_pool_window *w = &windows[o];
        int64_t end = w->count ? w->start + (w->count - 1) * a->dilation + 1 : w->start;
        for (int64_t i = w->start; i < end; i++) {
            if (covers[i].first == covers[i].last) covers[i].first = o;
            covers[i].last = o + 1;
        }
    }
}

static void fill_tables(fv_pool_job *job, const fv_pool *g, bool backward, void *scratch)
{
    fv_pool_window *windows = scratch;
    for (int i = 0; i < FV_POOL_AXES; i++) {
        job->windows[i] = windows;
        for (int64_t o = 0; o < g->axis[i].out; o++) *windows++ = fv_pool_window_at(g, i, o);
    }
    fv_pool_cover *covers = (fv_pool_cover *)windows;
    for (int i = 0; i < FV_POOL_AXES && backward; i++) {
        job->covers[i] = covers;
        fill_covers(&g->axis[i], job->windows[i], covers);
        covers += g->axis[i].in;
    }
}

/* The time is taken from the bytes of the larger side, at 8 bytes a nanosecond and core. */
static void run(const fv_pool *g, fv_dtype dtype, fv_pool_job *job, bool backward,
                void (*const kernel[2])(const fv_pool_job *), void *scratch)
{
    if (is_empty(g)) return;
    int64_t units = backward ? pixels_in(g) / g->axis[2].in : pixels_out(g);
    if (units == 0) return;
    job->g = g;
    job->code_bytes = job->codes ? (int)fv_dtype_size(fv_pool_code_dtype(g)) : 0;
    fill_tables(job, g, backward, scratch);

    double bytes = (double)at_least(pixels_in(g), pixels_out(g)) * (double)g->channels *
                   (double)fv_dtype_size(dtype);
    int threads = fv_threads_for(fv_machine_now(), bytes / 8.0);
    int64_t pieces = at_most(units, threads == 1 ? 1 : 8 * (int64_t)threads);
    void (*compute)(const fv_pool_job *) = kernel[dtype == FV_FLOAT64];
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < pieces; i++) {
        fv_pool_job piece = *job;
        piece.first = units / pieces * i + at_most(i, units % pieces);
        piece.last = units / pieces * (i + 1) + at_most(i + 1, units % pieces);
        compute(&piece);
    }
}

void fv_pool_max(const fv_pool *g, fv_dtype dtype, const void *x, void *y, void *codes,
                 void *scratch)
{
    fv_pool_job job = {.from = x, .to = y, .codes = codes};
    run(g, dtype, &job, false, FV_ISA_PICK(fv_pool_kernels_, fv_isa_level())->max, scratch);
}

/* The kernels read codes through the field that forward writes. */
static void *writable(const void *codes)
{
    union {
        const void *read;
        void *write;
    } pointer = {.read = codes};
    return pointer.write;
}

void fv_pool_max_backward(const fv_pool *g, fv_dtype dtype, const void *gy, const void *codes,
                          void *gx, void *scratch)
{
    fv_pool_job job = {.from = gy, .to = gx, .codes = writable(codes)};
    run(g, dtype, &job, true, FV_ISA_PICK(fv_pool_kernels_, fv_isa_level())->max_backward, scratch);
}

void fv_pool_max_gather(const fv_pool *g, fv_dtype dtype, const void *x, const void *codes, void *y,
                        void *scratch)
{
    fv_pool_job job = {.from = x, .to = y, .codes = writable(codes)};
    run(g, dtype, &job, false, FV_ISA_PICK(fv_pool_kernels_, fv_isa_level())->max_gather, scratch);
}

void fv_pool_average(const fv_pool *g, fv_dtype dtype, const void *x, void *y, void *scratch)
{
    fv_pool_job job = {.from = x, .to = y};
    run(g, dtype, &job, false, FV_ISA_PICK(fv_pool_kernels_, fv_isa_level())->average, scratch);
}

void fv_pool_average_backward(const fv_pool *g, fv_dtype dtype, const void *gy, void *gx,
                              void *scratch)
{
    fv_pool_job job = {.from = gy, .to = gx};
    run(g, dtype, &job, true, FV_ISA_PICK(fv_pool_kernels_, fv_isa_level())->average_backward,
        scratch);
}
