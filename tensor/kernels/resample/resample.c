/* Resampling: the tables of the axes, the plan, and the rows of the result. */
#include "tensor/kernels/resample/resample.h"

#include <string.h>

#include "tensor/parallel.h"
#include "tensor/scratch.h"

enum { DEPTH, HEIGHT, WIDTH };

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* The table of an axis: a span for each place of the result, and all their weights. */
typedef struct table {
    fv_resample_span *spans;
    void *weights;
} table;

/* What a thread needs for a row. */
typedef struct desk {
    void *row;            /* one of the source */
    void *kept;           /* rows of the source, as wide as the result */
    const void **sources; /* the rows of a sum */
    void *weights;        /* theirs */
} desk;

typedef struct layout {
    table axis[FV_RESAMPLE_AXES];
    double *window;
    desk desk; /* of slot 0 */
    size_t desk_bytes;
} layout;

/* Weights of an axis, at most: those of the transpose are the same. */
static int64_t weights_of(const fv_resample *g, int axis)
{
    return g->out[axis] * fv_resample_reach(g, axis);
}

static int64_t widest_reach(const fv_resample *g)
{
    int64_t reach = 0;
    for (int i = 0; i < FV_RESAMPLE_AXES; i++) reach = at_least(reach, fv_resample_reach(g, i));
    return reach;
}

static desk take_desk(const fv_resample_plan *p, fv_scratch *s)
{
    const size_t size = fv_dtype_size(p->dtype), pixel = (size_t)p->g.inner * size;
    const size_t sources = (size_t)(p->longest[DEPTH] * p->longest[HEIGHT]);
    const int64_t kept = p->kept * p->to[WIDTH];
    desk d;
    d.row = fv_take(s, (size_t)p->from[WIDTH] * pixel);
    d.kept = fv_take(s, (size_t)kept * pixel);
    d.sources = fv_take(s, sources * sizeof(void *));
    d.weights = fv_take(s, sources * size);
    return d;
}

static layout take_all(const fv_resample_plan *p, fv_scratch *s)
{
    layout l;
    for (int i = 0; i < FV_RESAMPLE_AXES; i++) {
        l.axis[i].spans = fv_take(s, (size_t)p->to[i] * sizeof(fv_resample_span));
        l.axis[i].weights = fv_take(s, (size_t)weights_of(&p->g, i) * fv_dtype_size(p->dtype));
    }
    l.window = fv_take(s, (size_t)widest_reach(&p->g) * sizeof(double));
    const size_t before = s->used;
    l.desk = take_desk(p, s);
    l.desk_bytes = s->used - before;
    s->used += l.desk_bytes * (size_t)(p->threads - 1);
    return l;
}

static desk desk_of(const layout *l, int slot)
{
    const size_t far = l->desk_bytes * (size_t)slot;
    return (desk){.row = (char *)l->desk.row + far,
                  .kept = (char *)l->desk.kept + far,
                  .sources = (const void **)(void *)((char *)l->desk.sources + far),
                  .weights = (char *)l->desk.weights + far};
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put(fv_dtype dtype, void *weights, int64_t at, double weight)
{
    if (dtype == FV_FLOAT32)
        ((float *)weights)[at] = (float)weight;
    else
        ((double *)weights)[at] = weight;
}

static void fill_forward(const fv_resample_plan *p, int axis, table t, double *window)
{
    int64_t at = 0;
    for (int64_t place = 0; place < p->to[axis]; place++) {
        fv_resample_span span = fv_resample_window(&p->g, axis, place, window);
        span.at = at;
        for (int32_t k = 0; k < span.count; k++) put(p->dtype, t.weights, at + k, window[k]);
        t.spans[place] = span;
        at += span.count;
    }
}

/* Places of the source whose windows hold a pixel are neighbours, since windows move on. */
static void fill_transposed(const fv_resample_plan *p, int axis, table t, double *window)
{
    const int64_t pixels = p->to[axis], places = p->from[axis];
    for (int64_t i = 0; i < pixels; i++) t.spans[i] = (fv_resample_span){0, 0, 0};
    for (int64_t place = 0; place < places; place++) {
        const fv_resample_span w = fv_resample_window(&p->g, axis, place, NULL);
        for (fv_resample_span *s = t.spans + w.first; s < t.spans + w.first + w.count; s++)
            if (s->count++ == 0) s->first = (int32_t)place;
    }
    for (int64_t i = 1; i < pixels; i++) t.spans[i].at = t.spans[i - 1].at + t.spans[i - 1].count;
    for (int64_t place = 0; place < places; place++) {
        const fv_resample_span w = fv_resample_window(&p->g, axis, place, window);
        for (int32_t k = 0; k < w.count; k++) {
            const fv_resample_span *s = &t.spans[w.first + k];
            put(p->dtype, t.weights, s->at + place - s->first, window[k]);
        }
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

/* The longest span of the transpose: as many windows in a row hold one pixel as begin at or before
 * it, less those that have ended. */
static int64_t longest_transposed(const fv_resample *g, int axis)
{
    int64_t longest = 0, oldest = 0;
    for (int64_t place = 0; place < g->out[axis]; place++) {
        const fv_resample_span w = fv_resample_window(g, axis, place, NULL);
        const int64_t last = w.first; /* a pixel that this window adds to those before it */
        for (; oldest < place; oldest++) {
            const fv_resample_span old = fv_resample_window(g, axis, oldest, NULL);
            if (old.first + old.count > last) break;
        }
        longest = at_least(longest, place - oldest + 1);
    }
    return longest;
}

static bool is_empty(const fv_resample_plan *p)
{
    return p->g.outer == 0 || p->g.inner == 0;
}

/* The time is taken from the sums of the last pass and from the bytes of both sides. */
static double nanoseconds_of(const fv_resample_plan *p)
{
    double source = (double)p->g.outer * (double)p->g.inner, result = source;
    for (int i = 0; i < FV_RESAMPLE_AXES; i++) {
        source *= (double)p->from[i];
        result *= (double)p->to[i];
    }
    return 0.3 * (source + result);
}

void fv_resample_make_plan(fv_resample_plan *p, fv_dtype dtype, fv_machine machine)
{
    *p = (fv_resample_plan){.g = p->g,
                            .kernels = FV_ISA_PICK(fv_resample_kernels_, machine.isa),
                            .dtype = dtype,
                            .threads = 1};
    const fv_resample *g = &p->g;
    fv_scratch need = {0};
    if (is_empty(p)) return;
    for (int i = 0; i < FV_RESAMPLE_AXES; i++) {
        p->from[i] = g->transposed ? g->out[i] : g->in[i];
        p->to[i] = g->transposed ? g->in[i] : g->out[i];
        p->longest[i] = g->transposed ? longest_transposed(g, i) : fv_resample_reach(g, i);
    }
    const double nanoseconds = nanoseconds_of(p);
    p->along_first = p->to[HEIGHT] > p->from[HEIGHT];
    p->kept = p->along_first ? 1 : 0;
    while (p->along_first && p->kept < p->longest[HEIGHT]) p->kept *= 2;
    p->rows = g->outer * p->to[DEPTH] * p->to[HEIGHT];
    p->threads = fv_threads_for(machine, nanoseconds);
    p->chunks = fv_chunks_for(nanoseconds, p->rows);
    take_all(p, &need);
    p->scratch_bytes = need.used;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* How a row becomes as wide as the result. */
typedef enum width_kind { WEIGHTED, PICKED, TWICE } width_kind;

typedef struct job {
    const fv_resample_plan *p;
    width_kind width;
    const char *x;
    char *y;
    layout l;
    int type;          /* of the kernels */
    int64_t size;      /* bytes of an element */
    int64_t row, wide; /* bytes of a row of the source and of the result */
} job;

/* A row of the result, in work. */
typedef struct place {
    int64_t outer, d, h;
    int64_t made; /* source rows of this outer and d below it are in `kept` */
} place;

static const char *source_row(const job *j, int64_t outer, int64_t d, int64_t h)
{
    const int64_t *from = j->p->from;
    return j->x + ((outer * from[DEPTH] + d) * from[HEIGHT] + h) * j->row;
}

static const void *weights_at(const job *j, int axis, int64_t at)
{
    return (const char *)j->l.axis[axis].weights + at * j->size;
}

static double weight_at(const job *j, int axis, int64_t at)
{
    const void *weights = j->l.axis[axis].weights;
    return j->type ? ((const double *)weights)[at] : (double)((const float *)weights)[at];
}

/* Sums rows of the source over spans of depth and height: the only one itself, or in d's memory. */
static const void *sum_rows(const job *j, const desk *d, int64_t outer, fv_resample_span deep,
                            fv_resample_span high, bool weigh_high)
{
    int64_t n = 0;
    double weight = 1;
    for (int64_t a = 0; a < deep.count; a++)
        for (int64_t b = 0; b < high.count; b++, n++) {
            d->sources[n] = source_row(j, outer, deep.first + a, high.first + b);
            weight = weight_at(j, DEPTH, deep.at + a);
            if (weigh_high) weight *= weight_at(j, HEIGHT, high.at + b);
            put(j->p->dtype, d->weights, n, weight);
        }
    if (n == 1 && weight == 1) return d->sources[0];
    j->p->kernels->rows[j->type](d->row, d->sources, d->weights, n,
                                 j->p->from[WIDTH] * j->p->g.inner);
    return d->row;
}

/* The nearest pixels of single numbers are copied, most often each twice. */
static width_kind width_of(const fv_resample_plan *p, const fv_resample_span *spans)
{
    const fv_interpolation mode = p->g.mode;
    const bool nearest = mode == FV_NEAREST || mode == FV_NEAREST_EXACT;
    if (!nearest || p->g.transposed || p->g.inner > 1) return WEIGHTED;
    bool twice = p->to[WIDTH] == 2 * p->from[WIDTH];
    for (int64_t i = 0; twice && i < p->to[WIDTH]; i++) twice = spans[i].first == i / 2;
    return twice ? TWICE : PICKED;
}

static void along(const job *j, void *to, const void *from)
{
    const fv_resample_kernels *k = j->p->kernels;
    const table *t = &j->l.axis[WIDTH];
    if (j->width == TWICE)
        k->twice[j->type](to, from, j->p->from[WIDTH]);
    else if (j->width == PICKED)
        k->pick[j->type](to, from, t->spans, j->p->to[WIDTH]);
    else
        k->along[j->type](to, from, t->spans, t->weights, j->p->to[WIDTH], j->p->g.inner);
}

/* Rows of the source become as wide as the result, each once, and are kept while they are needed;
 * those are summed. */
static void row_along_first(const job *j, const desk *d, place *at, char *y)
{
    const fv_resample_span deep = j->l.axis[DEPTH].spans[at->d],
                           high = j->l.axis[HEIGHT].spans[at->h];
    const int64_t last = j->p->kept - 1;
    int64_t h = at->made > high.first ? at->made : high.first;
    for (; h < high.first + high.count; h++)
        along(j, (char *)d->kept + (h & last) * j->wide,
              sum_rows(j, d, at->outer, deep, (fv_resample_span){(int32_t)h, 1, 0}, false));
    at->made = h;
    for (int64_t k = 0; k < high.count; k++)
        d->sources[k] = (char *)d->kept + ((high.first + k) & last) * j->wide;
    j->p->kernels->rows[j->type](y, d->sources, weights_at(j, HEIGHT, high.at), high.count,
                                 j->p->to[WIDTH] * j->p->g.inner);
}

static void row_along_last(const job *j, const desk *d, const place *at, char *y)
{
    const fv_resample_span deep = j->l.axis[DEPTH].spans[at->d],
                           high = j->l.axis[HEIGHT].spans[at->h];
    along(j, y, sum_rows(j, d, at->outer, deep, high, true));
}

static void run_chunk(void *context, int64_t chunk, int slot)
{
    const job *j = context;
    const fv_resample_plan *p = j->p;
    const desk d = desk_of(&j->l, slot);
    const int64_t last = fv_chunk_begin(p->rows, p->chunks, chunk + 1);
    int64_t row = fv_chunk_begin(p->rows, p->chunks, chunk), volume = row / p->to[HEIGHT];
    place at = {volume / p->to[DEPTH], volume % p->to[DEPTH], row % p->to[HEIGHT], 0};
    for (; row < last; row++) {
        if (p->along_first)
            row_along_first(j, &d, &at, j->y + row * j->wide);
        else
            row_along_last(j, &d, &at, j->y + row * j->wide);
        if (++at.h < p->to[HEIGHT]) continue;
        at.h = at.made = 0;
        if (++at.d < p->to[DEPTH]) continue;
        at.d = 0;
        at.outer++;
    }
}

void fv_resample_run(const fv_resample_plan *p, const void *x, void *y, void *scratch)
{
    fv_scratch memory = {.memory = scratch};
    if (p->rows == 0) return;
    job j = {.p = p, .x = x, .y = y, .l = take_all(p, &memory), .type = p->dtype == FV_FLOAT64};
    j.size = (int64_t)fv_dtype_size(p->dtype);
    j.row = p->from[WIDTH] * p->g.inner * j.size;
    j.wide = p->to[WIDTH] * p->g.inner * j.size;
    for (int i = 0; i < FV_RESAMPLE_AXES; i++)
        (p->g.transposed ? fill_transposed : fill_forward)(p, i, j.l.axis[i], j.l.window);
    j.width = width_of(p, j.l.axis[WIDTH].spans);
    fv_parallel(p->threads, p->chunks, run_chunk, &j);
}
