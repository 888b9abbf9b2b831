/* Winograd: the weight gradient. Source and output gradient are loaded as in the forward pass,
 * their product over all tiles is summed in each plane, and the sums are transformed back.
 *
 * Small sums: columns are cut in parts, each with a copy of the sums, and parts in blocks. Few
 * columns: all tiles are loaded first, and each item makes its sums alone, which stay in the cache
 * until they are transformed back. Large sums of many columns: a block of tiles is loaded by all
 * threads, then each plane adds to its sums, so that the tiles are read once. */
#include <string.h>

#include "conv_winograd_impl.h"

/* Loaded blocks take half of a common L2 cache, and so do all copies of the sums twice over. */
enum {
    BLOCK_BYTES = 768 << 10,
    MOST_PARTS = 8,
    COPIES_BYTES = 8 << 20,
    PANELS_SUM_BYTES = 512 << 10,
    PLANES_SUM_BYTES = 2 << 20,
    PLANES_TILE_BYTES = 48 << 20,
    PLANES_COLUMNS = 96,
    RUN_COLUMNS = 96,
    PLANE_RANGES = 2, /* of items */
};

/* --- planning --------------------------------------------------------------------------------- */

/* Elements of a row of the loaded output gradient. */
static int64_t grad_row(const conv_winograd_plan *p)
{
    const int64_t row = conv_ceil_div(p->gemm.w.target_channels, p->gemm.lanes) * p->gemm.lanes;
    return row >= 256 ? row + 16 : row;
}

/* A panel is read in whole: its last columns may lie behind the row. */
static int64_t grad_rows_behind(const conv_winograd_plan *p)
{
    return p->gemm.nr;
}

static int64_t grad_elements(const conv_winograd_plan *p, int64_t columns)
{
    return conv_mul(p->points,
                    fv_conv_winograd_plane(fv_conv_winograd_made(p, columns), grad_row(p)));
}

static int64_t item_elements(const conv_winograd_plan *p)
{
    return p->points * fv_conv_winograd_filter_plane(p, p->gemm.w.axis[0].taps);
}

/* Pieces in which the products are shared out. */
static int64_t units(const conv_winograd_plan *p)
{
    if (p->by_planes) return p->points * PLANE_RANGES;
    return p->by_panels ? p->gemm.items : p->gemm.parts;
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    conv_winograd_plan p = fv_conv_winograd_start(plan, w, machine);
    const int64_t wanted = fv_conv_wanted_chunks(plan->cost, MOST_PARTS);
    const int64_t sums = conv_mul(p.gemm.items, item_elements(&p) * 4);
    const int64_t tiles =
        4 * (fv_conv_winograd_loaded(&p, p.columns) + grad_elements(&p, p.columns));
    const bool few = p.columns < PLANES_COLUMNS;
    p.by_planes = !few && sums >= PLANES_SUM_BYTES;
    p.by_panels = p.by_planes || (p.gemm.items > 1 && few && sums >= PANELS_SUM_BYTES);
    if (p.by_planes) {
        p.blocks = conv_min(conv_ceil_div(tiles, PLANES_TILE_BYTES), p.columns);
    } else if (!p.by_panels && p.columns > 0) {
        const int64_t bytes =
            4 * p.points * (p.slices * p.row + p.gemm.w.axis[0].grid * grad_row(&p));
        const int64_t most = conv_max(BLOCK_BYTES / bytes, 1);
        p.gemm.parts = conv_min(conv_min(wanted, p.columns), conv_max(COPIES_BYTES / sums, 1));
        p.blocks = conv_ceil_div(conv_ceil_div(p.columns, p.gemm.parts), most);
    }
    p.gemm.threads = (int)conv_min(fv_threads_for(machine, plan->cost), conv_max(units(&p), 1));
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch ---------------------------------------------------------------------------------- */

/* Loaded columns. */
typedef struct weight_block {
    float *source, *grad; /* planes */
    fv_winograd_tile *source_tiles, *grad_tiles;
    int64_t *segments;
    int64_t columns;
} weight_block;

typedef struct weight_scratch {
    float *zeros;     /* of a pixel of either map */
    float *sums;      /* [part][item], where items make their own [slot] */
    weight_block all; /* by panels, of a block by planes */
    char *slots;
    size_t slot_bytes;
} weight_scratch;

static int64_t columns_of_block(const conv_winograd_plan *p)
{
    const int64_t part = conv_ceil_div(p->columns, p->gemm.parts);
    return conv_ceil_div(part, conv_max(p->blocks, 1));
}

/* Rows of the product are read on to a group of channels. */
static weight_block take_block(const conv_winograd_plan *p, int64_t columns, fv_scratch *s)
{
    const int64_t source = fv_conv_winograd_loaded(p, columns) + p->gemm.tiles->group;
    const int64_t grad = grad_elements(p, columns) + grad_rows_behind(p);
    const size_t tile = sizeof(fv_winograd_tile);
    return (weight_block){
        .source = fv_take(s, (size_t)conv_mul(source, 4)),
        .grad = fv_take(s, (size_t)conv_mul(grad, 4)),
        .source_tiles = fv_take(s, (size_t)fv_conv_winograd_rows(p, columns) * tile),
        .grad_tiles = fv_take(s, (size_t)fv_conv_winograd_made(p, columns) * tile),
        .segments = fv_take(s, (size_t)columns * sizeof(int64_t)),
        .columns = columns,
    };
}

static size_t zeros_bytes(const conv_winograd_plan *p)
{
    return (size_t)conv_max(p->row, grad_row(p)) * 4;
}

static weight_scratch take(const conv_winograd_plan *p, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    weight_scratch t = {0};
    const bool slots = p->by_panels && !p->by_planes;
    const int64_t sums = slots ? p->gemm.threads : p->gemm.parts * p->gemm.items;
    t.zeros = fv_take(s, zeros_bytes(p));
    t.sums = fv_take(s, (size_t)conv_mul(sums * item_elements(p), 4));
    if (p->by_panels) {
        t.all = take_block(p, columns_of_block(p), s);
        return t;
    }
    take_block(p, columns_of_block(p), &slot);
    t.slots = fv_take(s, slot.used * (size_t)p->gemm.threads);
    t.slot_bytes = slot.used;
    return t;
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(conv_winograd_own(plan), s);
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct weight_job {
    const conv_winograd_plan *p;
    const fv_conv_operands *o;
    weight_scratch scratch;
    conv_phase phase;
    int64_t first; /* column of the block that all threads share */
    int64_t chunks;
} weight_job;

/* Offsets of the columns in a plane of the source. */
static void list_segments(const conv_winograd_plan *p, const weight_block *b)
{
    for (int64_t i = 0; i < (fv_conv_winograd_runs_on(p) ? 1 : b->columns); i++)
        b->segments[i] = i * p->slices * p->row;
}

/* Columns [at, at + count) of a block that begins with column `first`. */
static void load(const weight_job *job, const weight_block *b, int64_t first, int64_t at,
                 int64_t count)
{
    const conv_winograd_plan *p = job->p;
    const int64_t made = fv_conv_winograd_made(p, at);
    const conv_winograd_part part = {first, b->columns, at, count, job->scratch.zeros};
    fv_winograd_move grad = {
        .from = job->o->b,
        .end = fv_conv_winograd_end(p, job->o->b, true),
        .zeros = job->scratch.zeros,
        .tiles = b->grad_tiles + made,
        .count = fv_conv_winograd_made(p, count),
        .channels = p->gemm.w.target_channels,
        .planes = b->grad + made * grad_row(p),
        .plane = fv_conv_winograd_plane(fv_conv_winograd_made(p, b->columns), grad_row(p)),
        .row = grad_row(p),
    };
    fv_conv_winograd_target_step(p, grad.step);
    fv_conv_winograd_list_target(p, &job->phase, first + at, count, b->grad_tiles + made);
    fv_conv_winograd_load(p, &job->phase, &part, job->o->a, b->source_tiles, b->source);
    p->form->load_grad(&grad);
}

/* One segment, in runs of which both operands stay in the first cache. */
static void multiply_runs(const fv_tile_kernels *tiles, fv_tile_columns tile)
{
    const float *a = tile.a, *b = tile.b;
    const int64_t length = tile.length;
    const bool more = tile.accumulate;
    for (int64_t k = 0; k < length; k += RUN_COLUMNS) {
        tile.a = a + k * tile.a_cs;
        tile.b = b + k * tile.b_ld;
        tile.length = conv_min(RUN_COLUMNS, length - k);
        tile.accumulate = more || k > 0;
        tiles->columns[0](&tile);
    }
}

/* A block's share in the sums of an item, in planes [first, end). */
static void sum_item(const weight_job *job, const weight_block *b, int64_t item, int64_t first,
                     int64_t end, float *sums, bool accumulate)
{
    const conv_winograd_plan *p = job->p;
    const conv_gemm_plan *g = &p->gemm;
    const conv_axis *z = &g->w.axis[0];
    const bool run_on = fv_conv_winograd_runs_on(p);
    const int64_t width = fv_conv_panel_width(g, item % g->panels), depth = g->w.depth;
    const int64_t source = fv_conv_winograd_plane(fv_conv_winograd_rows(p, b->columns), p->row);
    const int64_t grad = fv_conv_winograd_plane(fv_conv_winograd_made(p, b->columns), grad_row(p));
    fv_tile_columns tile = {.a_cs = run_on ? p->row : z->step * p->row,
                            .a_tile = g->tiles->mr,
                            .rows = depth,
                            .segments = b->segments,
                            .segment_count = run_on ? 1 : b->columns,
                            .length = run_on ? b->columns : z->grid,
                            .b_ld = grad_row(p),
                            .c_rs = width,
                            .columns = width,
                            .accumulate = accumulate};
    for (int64_t q = first; q < end; q++) {
        tile.b = b->grad + q * grad + conv_item_channel(g, item);
        for (int64_t t = 0; t < z->taps; t++) {
            tile.a = b->source + q * source + item / g->panels * depth + t * z->apart * p->row;
            tile.c = sums + q * fv_conv_winograd_filter_plane(p, z->taps) + t * depth * width;
            if (run_on)
                multiply_runs(g->tiles, tile);
            else
                g->tiles->columns[0](&tile);
        }
    }
}

/* Channels [first, first + depth) of the sum of an item, from its sums in all parts. */
static void finish(const weight_job *job, int64_t item, const float *sums, int64_t copies,
                   int64_t first, int64_t depth)
{
    const conv_winograd_plan *p = job->p;
    const conv_gemm_plan *g = &p->gemm;
    const conv_window *w = &g->w;
    const int64_t width = fv_conv_panel_width(g, item % g->panels);
    const int64_t plane = w->axis[1].taps * w->axis[2].taps;
    fv_winograd_filter job_of_taps = {
        .across = w->depth * w->taps,
        .down = w->taps,
        .tap = {w->axis[2].taps, 1},
        .columns = fv_conv_panel_columns(g, item % g->panels),
        .depth = depth,
        .plane = fv_conv_winograd_filter_plane(p, w->axis[0].taps),
        .row = width,
        .copies = copies,
        .copy = g->items * item_elements(p),
    };
    float *gw = (float *)job->o->out + (conv_item_channel(g, item) * w->depth + first) * w->taps;
    for (int64_t t = 0; t < w->axis[0].taps; t++) {
        job_of_taps.gw = gw + t * plane;
        job_of_taps.planes = (float *)(uintptr_t)sums + (t * w->depth + first) * width;
        p->form->unfilter(&job_of_taps);
    }
}

static void sum_part(void *data, int64_t part, int slot)
{
    const weight_job *job = data;
    const conv_winograd_plan *p = job->p;
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    weight_block b = take_block(p, columns_of_block(p), &memory);
    const int64_t begin = fv_chunk_begin(p->columns, p->gemm.parts, part);
    const int64_t columns = fv_chunk_begin(p->columns, p->gemm.parts, part + 1) - begin;
    float *sums = job->scratch.sums + part * p->gemm.items * item_elements(p);
    for (int64_t i = 0; i < p->blocks; i++) {
        const int64_t at = fv_chunk_begin(columns, p->blocks, i);
        b.columns = fv_chunk_begin(columns, p->blocks, i + 1) - at;
        if (b.columns == 0) continue; /* a part of fewer columns than blocks */
        load(job, &b, begin + at, 0, b.columns);
        list_segments(p, &b);
        for (int64_t item = 0; item < p->gemm.items; item++)
            sum_item(job, &b, item, 0, p->points, sums + item * item_elements(p), at > 0);
    }
}

enum { FINISH_CHANNELS = 16 };

static void add_chunk(void *data, int64_t chunk, int slot)
{
    const weight_job *job = data;
    const conv_winograd_plan *p = job->p;
    const int64_t pieces = conv_ceil_div(p->gemm.w.depth, FINISH_CHANNELS);
    const int64_t all = p->gemm.items * pieces, end = fv_chunk_begin(all, job->chunks, chunk + 1);
    (void)slot;
    for (int64_t i = fv_chunk_begin(all, job->chunks, chunk); i < end; i++) {
        const int64_t item = i / pieces, first = i % pieces * FINISH_CHANNELS;
        finish(job, item, job->scratch.sums + item * item_elements(p), p->gemm.parts, first,
               conv_min(FINISH_CHANNELS, p->gemm.w.depth - first));
    }
}

static void load_chunk(void *data, int64_t chunk, int slot)
{
    const weight_job *job = data;
    const weight_block *b = &job->scratch.all;
    const int64_t at = fv_chunk_begin(b->columns, job->chunks, chunk);
    (void)slot;
    load(job, b, job->first, at, fv_chunk_begin(b->columns, job->chunks, chunk + 1) - at);
}

static void run_panel(void *data, int64_t item, int slot)
{
    const weight_job *job = data;
    const conv_winograd_plan *p = job->p;
    float *sums = job->scratch.sums + slot * item_elements(p);
    sum_item(job, &job->scratch.all, item, 0, p->points, sums, false);
    finish(job, item, sums, 1, 0, p->gemm.w.depth);
}

static void run_plane(void *data, int64_t chunk, int slot)
{
    const weight_job *job = data;
    const conv_winograd_plan *p = job->p;
    const int64_t q = chunk / PLANE_RANGES, range = chunk % PLANE_RANGES;
    const int64_t end = fv_chunk_begin(p->gemm.items, PLANE_RANGES, range + 1);
    (void)slot;
    for (int64_t i = fv_chunk_begin(p->gemm.items, PLANE_RANGES, range); i < end; i++)
        sum_item(job, &job->scratch.all, i, q, q + 1, job->scratch.sums + i * item_elements(p),
                 job->first > 0);
}

/* By all threads. */
static void load_block(weight_job *job, int64_t index)
{
    const conv_winograd_plan *p = job->p;
    weight_block *b = &job->scratch.all;
    job->first = fv_chunk_begin(p->columns, p->blocks, index);
    b->columns = fv_chunk_begin(p->columns, p->blocks, index + 1) - job->first;
    const double loading = (double)(p->points * b->columns * (p->row + grad_row(p))) * 0.1;
    job->chunks = fv_chunks_for(loading, b->columns);
    fv_parallel(p->gemm.threads, job->chunks, load_chunk, job);
    list_segments(p, b);
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    fv_scratch memory = {scratch, 0};
    weight_job job = {
        .p = p, .o = o, .scratch = take(p, &memory), .phase = fv_conv_get_phase(&p->gemm.w, 0)};
    const int64_t elements = p->gemm.items * item_elements(p);
    if (p->columns == 0) { /* no image */
        memset(o->out, 0, (size_t)(plan->g.o * p->gemm.w.depth * p->gemm.w.taps * 4));
        return;
    }
    memset(job.scratch.zeros, 0, zeros_bytes(p));
    if (p->by_planes) {
        for (int64_t i = 0; i < p->blocks; i++) {
            load_block(&job, i);
            fv_parallel(p->gemm.threads, p->points * PLANE_RANGES, run_plane, &job);
        }
    } else if (p->by_panels) {
        load_block(&job, 0);
        fv_parallel(p->gemm.threads, p->gemm.items, run_panel, &job);
        return;
    } else {
        fv_parallel(p->gemm.threads, p->gemm.parts, sum_part, &job);
    }
    job.chunks = fv_chunks_for((double)(elements * (p->gemm.parts + 1)) * 0.1,
                               p->gemm.items * conv_ceil_div(p->gemm.w.depth, FINISH_CHANNELS));
    fv_parallel(p->gemm.threads, job.chunks, add_chunk, &job);
}

const conv_algorithm fv_conv_winograd_weight = {
    .name = "winograd",
    .cost = fv_conv_winograd_cost,
    .plan = plan,
    .layout = layout,
    .run = run,
    .describe = fv_conv_winograd_describe,
};
