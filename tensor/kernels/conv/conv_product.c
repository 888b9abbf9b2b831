/* Windows that share no pixel of x, as one plain product: a single position (a kernel as large as
 * its map, a transposed convolution of 1x1) or a stride of at least the kernel (patches).
 *
 *     columns [group][image, position][C / groups][tap]     the pixels of x under each window
 *     forward           y  = columns * w'
 *     input gradient    columns = gy * w, then spread to the pixels of gx
 *     weight gradient   gw = gy' * columns
 *
 * The weight gradient of a 1x1 kernel goes this way as well: its columns are x.
 *
 * The columns have the order of a row of w, which is far larger than x for large kernels, so that
 * w and gw are read and written in place. Taps that meet only padding are left out where there is
 * one position; w is then copied without them, as it is when it is not row-major. */
#include <stdio.h>
#include <string.h>

#include "conv_gemm_impl.h"
#include "tensor/kernels/product/gemm.h"

enum { DENSE_WEIGHTS = 2048 }; /* see cost() */

/* One dimension: positions q and taps t meet at x = q * stride - pad + t * dilation. */
typedef struct product_axis {
    int64_t in, out, stride, pad, dilation;
    int64_t k, tap, taps; /* of w; the first and the number of those in the columns */
} product_axis;

typedef struct product_plan {
    product_axis axis[3];
    int64_t groups, c, o;      /* c, o: of a group */
    int64_t rows, taps;        /* positions of all images; taps in the columns */
    int64_t w_stride[5], size; /* of w; bytes of an element */
    bool back, weight;         /* the pass: input gradient, weight gradient, else forward */
    bool whole;                /* w is row-major and has no other taps */
    bool dense;                /* x is the columns */
    int64_t lanes;             /* of a vector */
    fv_transpose_fn transpose;
    int threads;
    fv_gemm_plan gemm;
} product_plan;

_Static_assert(sizeof(product_plan) <= sizeof((fv_conv_plan *)0)->own, "fits into a plan");

static const product_plan *own(const fv_conv_plan *p)
{
    return (const product_plan *)(const void *)p->own;
}

/* --- which ------------------------------------------------------------------------------------ */

/* False if windows share pixels along the axis. */
static bool set_axis(const conv_axis *a, bool back, product_axis *p)
{
    *p = (product_axis){.in = back ? a->target : a->source,
                        .out = back ? a->source : a->target,
                        .stride = back ? a->spread : a->step,
                        .pad = a->pad,
                        .dilation = a->dilation,
                        .k = a->taps,
                        .taps = a->taps};
    if (p->out > 1) return (p->k - 1) * p->dilation < p->stride;
    const int64_t end = conv_min(p->k, (p->in + p->pad + p->dilation - 1) / p->dilation);
    p->tap = conv_min((p->pad + p->dilation - 1) / p->dilation, p->k);
    p->taps = conv_max(end - p->tap, 0);
    return true;
}

/* The shape of the product; false if it does not suit. */
static bool set_shape(const conv_window *w, fv_conv_pass pass, product_plan *p)
{
    p->groups = w->groups;
    p->c = w->back ? w->columns : w->depth;
    p->o = w->back ? w->depth : w->columns;
    p->rows = w->images;
    p->taps = 1;
    p->size = w->size;
    p->back = w->back;
    p->weight = pass == FV_CONV_GRAD_WEIGHT;
    for (int d = 0; d < 3; d++) {
        product_axis *a = &p->axis[d];
        if (!set_axis(&w->axis[d], w->back, a)) return false;
        p->taps *= a->taps;
        p->rows = conv_mul(p->rows, a->out);
    }
    return p->taps > 0;
}

static bool is_dense(const conv_window *w, const product_plan *p)
{
    bool dense = w->taps == 1 && w->groups == 1;
    for (int d = 0; d < 3; d++)
        dense = dense && p->axis[d].stride == 1 && p->axis[d].in == p->axis[d].out;
    return dense;
}

static void set_gemm(product_plan *p)
{
    const int64_t length = p->c * p->taps, o = p->groups * p->o;
    fv_gemm g = {.dtype = p->size == 8 ? FV_FLOAT64 : FV_FLOAT32,
                 .bias_stride = 1,
                 .batch_ndim = p->groups > 1};
    g.batch[0] = p->groups;
    if (p->weight) {
        g.m = p->o, g.n = length, g.k = p->rows;
        g.a_rs = 1, g.a_cs = o, g.a_batch[0] = p->o;
        g.b_rs = length, g.b_cs = 1, g.b_batch[0] = p->rows * length;
    } else if (p->back) {
        g.m = p->rows, g.n = length, g.k = p->o;
        g.a_rs = o, g.a_cs = 1, g.a_batch[0] = p->o;
        g.b_rs = length, g.b_cs = 1, g.b_batch[0] = p->o * length;
    } else {
        g.m = p->rows, g.n = p->o, g.k = length;
        g.a_rs = length, g.a_cs = 1, g.a_batch[0] = p->rows * length;
        g.b_rs = 1, g.b_cs = length, g.b_batch[0] = p->o * length;
    }
    g.c_rs = g.n;
    p->gemm.g = g;
}

static bool goes_to_blis(product_plan *p, fv_machine machine)
{
    set_gemm(p);
    return fv_gemm_engine_for(&p->gemm.g, machine, fv_gemm_engine_wanted()) == FV_GEMM_BLIS;
}

/* Products as in fv_conv_gemm_cost; w is read once, or copied where taps are left out, and the
 * columns are written and read again. A 1x1 kernel is a plain product to the implicit one as well,
 * which needs no columns either; but its weight gradient loads all positions for each range of the
 * sums and takes 1.1 to 1.5 times as long, but where sums are few.
 *
 * BLIS knows the vectors of the processor, whatever the level. One thread runs it where the product
 * is too short to be cut: counted 1.4 times, as choices must not depend on how many there are. */
static double cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    product_plan p;
    if (!set_shape(w, pass, &p)) return -1;
    if (w->taps == 1) {
        const bool gains = p.weight && is_dense(w, &p) && w->depth * w->columns >= DENSE_WEIGHTS;
        return gains ? 0.8 * fv_conv_gemm_cost(w, pass, machine) : -1;
    }
    const bool blis = goes_to_blis(&p, machine);
    const fv_isa isa = blis ? fv_isa_best() : machine.isa;
    const int64_t lanes = FV_ISA_PICK(fv_tile_kernels_, isa)->lanes[w->size == 8];
    const int64_t length = p.c * p.taps;    /* of a row of the columns */
    const bool across = p.back || p.weight; /* vectors along the columns */
    const double columns = (double)p.rows * (double)p.groups * (double)length;
    const double weights = (double)p.groups * (double)length * (double)p.o;
    const double vectors = (double)conv_ceil_div(across ? length : p.o, lanes) *
                           (double)(across ? p.o : length) * (double)p.groups;
    const double read = p.taps == w->taps ? 0.3 : 1.1;
    const double rate = p.back ? 3.5 : 3; /* vectors of products a nanosecond */
    const double all = 350 + (double)p.rows * vectors / rate + columns * 1.9 + weights * read;
    const bool whole = p.groups == 1 && conv_max(p.gemm.g.m, p.gemm.g.n) < 2 * FV_GEMM_BLIS_LENGTH;
    /* by the same passes as form_cost in conv_winograd_plan.c: a kernel as large as its map is the
     * implicit product's worst shape, of one position an image */
    const bool one = p.rows == w->images && p.taps == w->taps;
    return all * (blis && whole ? 1.4 : 1) * (one ? 0.5 : 1);
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    product_plan p = {.lanes = FV_ISA_PICK(fv_tile_kernels_, machine.isa)->lanes[w->size == 8],
                      .transpose = fv_transpose_plane(machine.isa, (size_t)w->size)};
    set_shape(w, plan->pass, &p);
    p.dense = p.weight && is_dense(w, &p);
    int64_t step = 1;
    p.whole = true;
    memcpy(p.w_stride, plan->w_stride, sizeof p.w_stride);
    for (int d = 2; d >= 0; step *= p.axis[d--].k)
        p.whole = p.whole && p.axis[d].taps == p.axis[d].k &&
                  (p.axis[d].k == 1 || p.w_stride[2 + d] == step);
    p.whole = p.whole && p.w_stride[1] == step && p.w_stride[0] == p.c * step;
    set_gemm(&p);
    fv_gemm_make_plan(&p.gemm, machine, fv_gemm_engine_wanted());
    p.threads = fv_threads_for(machine, plan->cost);
    if (p.gemm.threads == 1) p.threads = 1; /* the columns are in one core's cache */
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch ---------------------------------------------------------------------------------- */

typedef struct product_scratch {
    void *columns;
    void *weights; /* w or gw without the taps that are left out */
    void *result;  /* y by groups */
    void *gemm;
} product_scratch;

static int64_t weight_elements(const product_plan *p)
{
    return p->groups * p->o * p->c * p->taps;
}

/* The product reads w as it is kept, if it is. */
static fv_gemm_plan gemm_of(const fv_conv_plan *plan)
{
    fv_gemm_plan gemm = own(plan)->gemm;
    gemm.packed_b = plan->packed;
    return gemm;
}

static product_scratch take(const fv_conv_plan *plan, fv_scratch *s)
{
    const product_plan *p = own(plan);
    const fv_gemm_plan kept = gemm_of(plan);
    fv_scratch gemm = {NULL, 0};
    fv_gemm_layout(&kept, &gemm);
    const int64_t columns = conv_mul(p->rows, p->groups * p->c * p->taps);
    const bool grouped = !p->back && !p->weight && p->groups > 1;
    return (product_scratch){
        .columns = fv_take(s, p->dense ? 0 : (size_t)conv_mul(columns, p->size)),
        .weights = fv_take(s, p->whole ? 0 : (size_t)(weight_elements(p) * p->size)),
        .result = fv_take(s, grouped ? (size_t)(p->rows * p->groups * p->o * p->size) : 0),
        .gemm = fv_take(s, gemm.used),
    };
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(plan, s);
}

/* w is kept where it is multiplied in place. */
static size_t packed_bytes(const fv_conv_plan *plan)
{
    return own(plan)->whole ? fv_gemm_packed_bytes(&own(plan)->gemm) : 0;
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    fv_gemm_pack(&own(plan)->gemm, w, packed);
}

static uint64_t packed_key(const fv_conv_plan *plan)
{
    (void)plan; /* all taps in the order of w */
    return 0;
}

/* --- columns ---------------------------------------------------------------------------------- */

typedef struct product_job {
    const product_plan *p;
    const fv_conv_operands *o;
    product_scratch scratch;
    int64_t units, chunks;
} product_job;

/* Where one row of pixels of x or gx meets one row of taps, at a row of positions: from a pixel on,
 * and from the element of a column that belongs to the first tap. */
typedef struct crossing {
    int64_t pixel;             /* element of x where tap 0 lies, may be outside */
    int64_t step;              /* elements of x from one tap to the next */
    int64_t first, last, taps; /* those inside of x, all */
    int64_t length;            /* from one channel of a column to the next */
} crossing;

/* The columns of a group at a row of taps: to them from x, or from them to gx. As many channels at
 * a time as a vector has lanes: rows of the columns are often a multiple of 4 KiB apart, and lines
 * of more of them would share few cache sets. */
static void transpose(const product_plan *p, crossing at, const void *x, void *column)
{
    const int64_t inside = at.last - at.first, behind = at.taps - at.last;
    for (int64_t c = 0; c < p->c; c += p->lanes, at.pixel += p->lanes) {
        const int64_t count = conv_min(p->lanes, p->c - c);
        char *line = conv_to(column, c * p->taps, p->size);
        char *part = conv_to(line, at.first, p->size);
        void *pixels = (char *)x + (at.pixel + at.first * at.step) * p->size;
        if (p->back) {
            p->transpose(pixels, at.step, part, at.length, count, inside);
            continue;
        }
        p->transpose(part, at.length, pixels, at.step, inside, count);
        for (int64_t i = 0; i < count; i++, line += at.length * p->size) {
            memset(line, 0, (size_t)(at.first * p->size));
            memset(line + at.last * p->size, 0, (size_t)(behind * p->size));
        }
    }
}

static int64_t coordinate(const product_axis *a, int64_t q, int64_t t)
{
    return q * a->stride - a->pad + (a->tap + t) * a->dilation;
}

/* Position q of the last axis; x is a row of pixels that begins at element `row`. */
static crossing cross(const product_plan *p, int64_t q, int64_t row)
{
    const product_axis *a = &p->axis[2];
    const int64_t all = p->groups * p->c, begin = coordinate(a, q, 0);
    crossing at = {
        .pixel = row + begin * all, .step = a->dilation * all, .taps = a->taps, .length = p->taps};
    at.first = begin < 0 ? conv_min(conv_ceil_div(-begin, a->dilation), a->taps) : 0;
    at.last = conv_min(conv_ceil_div(conv_max(a->in - begin, 0), a->dilation), a->taps);
    at.last = conv_max(at.last, at.first);
    return at;
}

/* First element of a row of pixels of image n; negative if it is outside. */
static int64_t pixel_row(const product_plan *p, int64_t n, int64_t d, int64_t h)
{
    const product_axis *a = p->axis;
    if (d < 0 || d >= a[0].in || h < 0 || h >= a[1].in) return -1;
    return ((n * a[0].in + d) * a[1].in + h) * a[2].in * p->groups * p->c;
}

/* One row of taps at one position. */
static void load_unit(const product_job *job, int64_t unit)
{
    const product_plan *p = job->p;
    const product_axis *a = p->axis;
    const int64_t y = unit % a[1].taps, z = unit / a[1].taps % a[0].taps;
    const int64_t m = unit / a[1].taps / a[0].taps;
    const int64_t q = m % a[2].out, h = m / a[2].out % a[1].out;
    const int64_t d = m / a[2].out / a[1].out % a[0].out, n = m / a[2].out / a[1].out / a[0].out;
    const int64_t row = pixel_row(p, n, coordinate(&a[0], d, z), coordinate(&a[1], h, y));
    crossing at = cross(p, q, conv_max(row, 0));
    if (row < 0) at.first = at.last = 0;
    for (int64_t g = 0; g < p->groups; g++, at.pixel += p->c) {
        const int64_t column = (g * p->rows + m) * p->c * p->taps + (z * a[1].taps + y) * a[2].taps;
        transpose(p, at, job->o->a, conv_to(job->scratch.columns, column, p->size));
    }
}

static void load_chunk(void *data, int64_t chunk, int slot)
{
    const product_job *job = data;
    (void)slot;
    const int64_t end = fv_chunk_begin(job->units, job->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(job->units, job->chunks, chunk); i < end; i++)
        load_unit(job, i);
}

/* The position and tap that meet at x; false if none do. */
static bool meet(const product_axis *a, int64_t x, int64_t *q, int64_t *t)
{
    const int64_t at = x + a->pad;
    *q = a->out > 1 ? conv_min(at / a->stride, a->out - 1) : 0;
    const int64_t rest = at - *q * a->stride;
    *t = rest / a->dilation - a->tap;
    return rest % a->dilation == 0 && *t >= 0 && *t < a->taps;
}

/* One row of pixels of gx. */
static void spread_unit(const product_job *job, int64_t unit)
{
    const product_plan *p = job->p;
    const product_axis *a = p->axis;
    const int64_t channels = p->groups * p->c, n = unit / a[1].in / a[0].in;
    const int64_t row = unit * a[2].in * channels;
    int64_t d, h, z, y;
    memset(conv_to(job->o->out, row, p->size), 0, (size_t)(a[2].in * channels * p->size));
    if (meet(&a[0], unit / a[1].in % a[0].in, &d, &z) && meet(&a[1], unit % a[1].in, &h, &y)) {
        for (int64_t q = 0; q < a[2].out; q++) {
            const int64_t m = ((n * a[0].out + d) * a[1].out + h) * a[2].out + q;
            crossing at = cross(p, q, row);
            for (int64_t g = 0; g < p->groups; g++, at.pixel += p->c) {
                const int64_t column =
                    (g * p->rows + m) * p->c * p->taps + (z * a[1].taps + y) * a[2].taps;
                transpose(p, at, job->o->out, conv_to(job->scratch.columns, column, p->size));
            }
        }
    }
    fv_conv_finish_pixels(p->size, channels, job->o, row, a[2].in);
}

static void spread_chunk(void *data, int64_t chunk, int slot)
{
    const product_job *job = data;
    (void)slot;
    const int64_t end = fv_chunk_begin(job->units, job->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(job->units, job->chunks, chunk); i < end; i++)
        spread_unit(job, i);
}

/* --- weights and results ---------------------------------------------------------------------- */

/* A row (an output channel) of w without the taps that are left out, or of gw with them as 0. */
#define FV_WEIGHT_ROW(T)                                                                           \
    static void pack_row_##T(const product_plan *p, const T *w, T *to)                             \
    {                                                                                              \
        const product_axis *a = p->axis;                                                           \
        const int64_t *stride = p->w_stride + 1;                                                   \
        for (int64_t c = 0; c < p->c; c++)                                                         \
            for (int64_t z = a[0].tap; z < a[0].tap + a[0].taps; z++)                              \
                for (int64_t y = a[1].tap; y < a[1].tap + a[1].taps; y++)                          \
                    for (int64_t x = a[2].tap; x < a[2].tap + a[2].taps; x++)                      \
                        *to++ = w[c * stride[0] + z * stride[1] + y * stride[2] + x * stride[3]];  \
    }                                                                                              \
    static void unpack_row_##T(const product_plan *p, const T *from, T *gw)                        \
    {                                                                                              \
        const product_axis *a = p->axis;                                                           \
        const int64_t all = p->c * a[0].k * a[1].k * a[2].k;                                       \
        memset(gw, 0, (size_t)all * sizeof(T));                                                    \
        for (int64_t c = 0; c < p->c; c++)                                                         \
            for (int64_t z = a[0].tap; z < a[0].tap + a[0].taps; z++)                              \
                for (int64_t y = a[1].tap; y < a[1].tap + a[1].taps; y++)                          \
                    for (int64_t x = a[2].tap; x < a[2].tap + a[2].taps; x++)                      \
                        gw[((c * a[0].k + z) * a[1].k + y) * a[2].k + x] = *from++;                \
    }
FV_WEIGHT_ROW(float)
FV_WEIGHT_ROW(double)
#undef FV_WEIGHT_ROW

static void pack_chunk(void *data, int64_t chunk, int slot)
{
    const product_job *job = data;
    const product_plan *p = job->p;
    (void)slot;
    const int64_t end = fv_chunk_begin(job->units, job->chunks, chunk + 1);
    for (int64_t o = fv_chunk_begin(job->units, job->chunks, chunk); o < end; o++) {
        const void *from = conv_at(job->o->b, o * p->w_stride[0], p->size);
        void *to = conv_to(job->scratch.weights, o * p->c * p->taps, p->size);
        if (p->size == 8)
            pack_row_double(p, from, to);
        else
            pack_row_float(p, from, to);
    }
}

static void unpack_chunk(void *data, int64_t chunk, int slot)
{
    const product_job *job = data;
    const product_plan *p = job->p;
    (void)slot;
    const int64_t row = p->c * p->axis[0].k * p->axis[1].k * p->axis[2].k;
    const int64_t end = fv_chunk_begin(job->units, job->chunks, chunk + 1);
    for (int64_t o = fv_chunk_begin(job->units, job->chunks, chunk); o < end; o++) {
        const void *from = conv_at(job->scratch.weights, o * p->c * p->taps, p->size);
        void *to = conv_to(job->o->out, o * row, p->size);
        if (p->size == 8)
            unpack_row_double(p, from, to);
        else
            unpack_row_float(p, from, to);
    }
}

/* Positions of y: gathered from the groups, and finished. */
static void finish_chunk(void *data, int64_t chunk, int slot)
{
    const product_job *job = data;
    const product_plan *p = job->p;
    const int64_t channels = p->groups * p->o;
    (void)slot;
    const int64_t begin = fv_chunk_begin(job->units, job->chunks, chunk);
    const int64_t end = fv_chunk_begin(job->units, job->chunks, chunk + 1);
    for (int64_t m = begin; m < end && p->groups > 1; m++)
        for (int64_t g = 0; g < p->groups; g++)
            memcpy(conv_to(job->o->out, m * channels + g * p->o, p->size),
                   conv_at(job->scratch.result, (g * p->rows + m) * p->o, p->size),
                   (size_t)(p->o * p->size));
    fv_conv_finish_pixels(p->size, channels, job->o, begin * channels, end - begin);
}

/* --- running ---------------------------------------------------------------------------------- */

/* A pass over so many equal units, which takes so many nanoseconds in all. */
static void walk(product_job *job, int64_t units, double nanoseconds, fv_parallel_fn body)
{
    job->units = units;
    job->chunks = fv_chunks_for(nanoseconds, units);
    if (units > 0) fv_parallel(job->p->threads, job->chunks, body, job);
}

static bool finishes(const fv_conv_epilogue *e)
{
    return e->bias || e->scale || e->shift || e->residual || e->relu;
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const product_plan *p = own(plan);
    const product_axis *a = p->axis;
    fv_scratch memory = {scratch, 0};
    product_job job = {.p = p, .o = o, .scratch = take(plan, &memory)};
    const fv_gemm_plan gemm = gemm_of(plan);
    const double columns = (double)(p->rows * p->groups * p->c * p->taps);
    const int64_t outputs = p->groups * p->o;
    const void *w = p->whole ? o->b : job.scratch.weights;
    const void *x = p->dense ? o->a : job.scratch.columns;
    if (!p->whole && !p->weight) walk(&job, outputs, (double)weight_elements(p), pack_chunk);
    if (!p->back && !p->dense) walk(&job, p->rows * a[0].taps * a[1].taps, columns, load_chunk);
    fv_gemm_operands of = {.a = p->back ? o->a : x,
                           .b = w,
                           .c = p->back ? job.scratch.columns : o->out,
                           .packed_b = o->packed};
    if (p->weight)
        of = (fv_gemm_operands){.a = o->b, .b = x, .c = p->whole ? o->out : job.scratch.weights};
    else if (!p->back && p->groups > 1)
        of.c = job.scratch.result;
    fv_gemm_run(&gemm, &of, job.scratch.gemm);
    if (p->weight) {
        if (!p->whole) walk(&job, outputs, (double)weight_elements(p), unpack_chunk);
    } else if (p->back) {
        walk(&job, plan->g.n * a[0].in * a[1].in, columns, spread_chunk);
    } else if (p->groups > 1 || finishes(&o->epilogue)) {
        walk(&job, p->rows, (double)(p->rows * outputs), finish_chunk);
    }
}

static int describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const product_plan *p = own(plan);
    char how[80];
    fv_gemm_describe(&p->gemm, how, sizeof how);
    return snprintf(text, size, "product of columns, %s, %d thread%s", how, p->threads,
                    p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_product = {.name = "product",
                                        .cost = cost,
                                        .plan = plan,
                                        .layout = layout,
                                        .packed_bytes = packed_bytes,
                                        .pack = pack,
                                        .packed_key = packed_key,
                                        .run = run,
                                        .describe = describe};
