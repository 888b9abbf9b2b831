/* Pooling: the window tables, the plan, and the division of pixels among threads. */
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

/* --- the plan --------------------------------------------------------------------------------- */

/* The time is taken from the bytes of the larger side, at 8 bytes a nanosecond and core. */
void fv_pool_make_plan(fv_pool_plan *p, fv_dtype dtype, fv_pool_pass pass, fv_machine machine)
{
    const fv_pool *g = &p->g;
    p->kernels = FV_ISA_PICK(fv_pool_kernels_, machine.isa);
    p->dtype = dtype;
    p->pass = pass;
    p->units = p->chunks = 0;
    p->threads = 1;
    if (is_empty(g)) return;
    p->units = pass == FV_POOL_BACKWARD ? pixels_in(g) / g->axis[2].in : pixels_out(g);
    if (p->units == 0) return;
    double bytes = (double)at_least(pixels_in(g), pixels_out(g)) * (double)g->channels *
                   (double)fv_dtype_size(dtype);
    p->threads = fv_threads_for(machine, bytes / 8.0);
    p->chunks = fv_chunks_for(bytes / 8.0, p->units);
}

fv_pool_tables fv_pool_layout(const fv_pool_plan *p, fv_scratch *s)
{
    fv_pool_tables t = {{NULL}, {NULL}};
    for (int i = 0; i < FV_POOL_AXES && p->units > 0; i++) {
        const fv_pool_axis *a = &p->g.axis[i];
        t.windows[i] = fv_take(s, (size_t)a->out * sizeof(fv_pool_window));
        if (p->pass == FV_POOL_BACKWARD)
            t.covers[i] = fv_take(s, (size_t)a->in * sizeof(fv_pool_cover));
    }
    return t;
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

static fv_pool_tables fill_tables(const fv_pool_plan *p, void *scratch)
{
    fv_scratch memory = {.memory = scratch};
    fv_pool_tables t = fv_pool_layout(p, &memory);
    for (int i = 0; i < FV_POOL_AXES; i++) {
        for (int64_t o = 0; o < p->g.axis[i].out; o++)
            t.windows[i][o] = fv_pool_window_at(&p->g, i, o);
        if (t.covers[i]) fill_covers(&p->g.axis[i], t.windows[i], t.covers[i]);
    }
    return t;
}

/* --- running ---------------------------------------------------------------------------------- */

typedef void (*pool_fn)(const fv_pool_job *job);

typedef struct run {
    const fv_pool_plan *plan;
    fv_pool_job job; /* of all units */
    pool_fn compute;
} run;

static void run_chunk(void *context, int64_t chunk, int slot)
{
    const run *r = context;
    fv_pool_job job = r->job;
    (void)slot;
    job.first = fv_chunk_begin(r->plan->units, r->plan->chunks, chunk);
    job.last = fv_chunk_begin(r->plan->units, r->plan->chunks, chunk + 1);
    r->compute(&job);
}

static void run_all(const fv_pool_plan *p, fv_pool_job job, pool_fn compute, void *scratch)
{
    if (p->units == 0) return;
    fv_pool_tables tables = fill_tables(p, scratch);
    job.g = &p->g;
    job.code_bytes = (int)fv_dtype_size(fv_pool_code_dtype(&p->g));
    for (int i = 0; i < FV_POOL_AXES; i++) {
        job.windows[i] = tables.windows[i];
        job.covers[i] = tables.covers[i];
    }
    run r = {.plan = p, .job = job, .compute = compute};
    fv_parallel(p->threads, p->chunks, run_chunk, &r);
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

static int type_of(const fv_pool_plan *p)
{
    return p->dtype == FV_FLOAT64;
}

void fv_pool_max(const fv_pool_plan *p, const void *x, void *y, void *codes, void *scratch)
{
    fv_pool_job job = {.from = x, .to = y, .codes = codes};
    run_all(p, job, p->kernels->max[type_of(p)], scratch);
}

void fv_pool_max_backward(const fv_pool_plan *p, const void *gy, const void *codes, void *gx,
                          void *scratch)
{
    fv_pool_job job = {.from = gy, .to = gx, .codes = writable(codes)};
    run_all(p, job, p->kernels->max_backward[type_of(p)], scratch);
}

void fv_pool_max_gather(const fv_pool_plan *p, const void *x, const void *codes, void *y,
                        void *scratch)
{
    fv_pool_job job = {.from = x, .to = y, .codes = writable(codes)};
    run_all(p, job, p->kernels->max_gather[type_of(p)], scratch);
}

void fv_pool_average(const fv_pool_plan *p, const void *x, void *y, void *scratch)
{
    fv_pool_job job = {.from = x, .to = y};
    run_all(p, job, p->kernels->average[type_of(p)], scratch);
}

void fv_pool_average_backward(const fv_pool_plan *p, const void *gy, void *gx, void *scratch)
{
    fv_pool_job job = {.from = gy, .to = gx};
    run_all(p, job, p->kernels->average_backward[type_of(p)], scratch);
}

/* --- indices ---------------------------------------------------------------------------------- */

/* Input coordinate of tap k of a window, or -1 when it lies outside. */
static int64_t coordinate(const fv_pool_window *w, int64_t k, int64_t dilation)
{
    int64_t inside = k - w->tap;
    return inside < 0 || inside >= w->count ? -1 : w->start + inside * dilation;
}

static int64_t index_of(const fv_pool_job *job, uint32_t code, const int64_t *out)
{
    const fv_pool_axis *a = job->g->axis;
    const uint32_t height = (uint32_t)a[1].kernel, width = (uint32_t)a[2].kernel;
    const uint32_t row = code / width;
    int64_t d = coordinate(&job->windows[0][out[0]], row / height, a[0].dilation);
    int64_t h = coordinate(&job->windows[1][out[1]], row % height, a[1].dilation);
    int64_t w = coordinate(&job->windows[2][out[2]], code % width, a[2].dilation);
    return d < 0 || h < 0 || w < 0 ? -1 : (d * a[1].in + h) * a[2].in + w;
}

static void find_indices(const fv_pool_job *job)
{
    const fv_pool_axis *a = job->g->axis;
    const int64_t channels = job->g->channels;
    const uint8_t *bytes = job->codes;
    const int32_t *words = job->codes;
    int64_t *indices = job->to;
    for (int64_t pixel = job->first; pixel < job->last; pixel++) {
        int64_t out[] = {pixel / (a[2].out * a[1].out) % a[0].out, pixel / a[2].out % a[1].out,
                         pixel % a[2].out};
        for (int64_t i = pixel * channels; i < (pixel + 1) * channels; i++)
            indices[i] = index_of(job, job->code_bytes == 1 ? bytes[i] : (uint32_t)words[i], out);
    }
}

void fv_pool_indices(const fv_pool_plan *p, const void *codes, int64_t *indices, void *scratch)
{
    fv_pool_job job = {.to = indices, .codes = writable(codes)};
    run_all(p, job, find_indices, scratch);
}
