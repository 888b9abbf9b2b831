/* Winograd: forward and input gradient. Filters are transformed first; then each block of columns
 * is loaded, multiplied item by item, and each item stored. Where filters are many and tiles few,
 * all tiles are loaded first instead, and whoever makes an item transforms its filters. */
#include <string.h>

#include "conv_winograd_impl.h"

/* A loaded block takes half of a common L2 cache. By panels where filters are many. */
enum {
    BLOCK_BYTES = 768 << 10,
    MOST_CHUNKS = 8,
    PANELS_FILTER_BYTES = 1 << 20,
    PANELS_TILE_BYTES = 32 << 20,
};

/* --- planning --------------------------------------------------------------------------------- */

/* Elements of the filters of an item in a phase. */
static int64_t item_elements(const conv_winograd_plan *p, const conv_phase *phase)
{
    return p->points * fv_conv_winograd_filter_plane(p, phase->taps[0]);
}

/* Elements of all filters. */
static int64_t filter_elements(const conv_winograd_plan *p)
{
    int64_t sum = 0;
    for (int64_t f = 0; f < fv_conv_phase_count(&p->gemm.w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->gemm.w, f);
        sum += p->gemm.items * item_elements(p, &phase);
    }
    return sum;
}

static int64_t made_elements(const conv_winograd_plan *p, int64_t columns)
{
    return p->points * fv_conv_winograd_plane(fv_conv_winograd_made(p, columns), p->gemm.nr);
}

/* The products of the last item go over the tiles they are made of, which nobody needs any more and
 * which are in the cache: a register tile has read its rows when it writes. */
static bool goes_over_loaded(const conv_winograd_plan *p, int64_t item)
{
    return !p->by_panels && item == p->gemm.items - 1 && p->gemm.w.groups == 1 &&
           fv_conv_winograd_runs_on(p) && fv_conv_panel_width(&p->gemm, item) <= p->row;
}

/* Are there products that go elsewhere? */
static bool needs_made(const conv_winograd_plan *p)
{
    return p->gemm.items > 1 || !goes_over_loaded(p, 0);
}

/* Blocks of whole register tiles, shared evenly by two threads or four. */
static int64_t count_blocks(const conv_winograd_plan *p, int64_t wanted)
{
    const int64_t made = needs_made(p) ? p->gemm.w.axis[0].grid * p->gemm.nr : 0;
    const int64_t bytes = 4 * p->points * (p->slices * p->row + made);
    int64_t most = conv_max(BLOCK_BYTES / bytes, 1), blocks;
    if (most > p->gemm.tiles->mr) most -= most % p->gemm.tiles->mr;
    blocks = conv_max(conv_ceil_div(p->columns, most), conv_min(wanted, p->columns));
    if (blocks > 1) blocks = conv_ceil_div(blocks, blocks > 8 ? 4 : 2) * (blocks > 8 ? 4 : 2);
    return conv_min(blocks, conv_max(p->columns, 1));
}

/* Blocks read all filters each, and items all tiles, which must also be written. */
static bool prefers_panels(const conv_winograd_plan *p, int64_t blocks)
{
    const int64_t filters = filter_elements(p) * 4,
                  tiles = fv_conv_winograd_loaded(p, p->columns) * 4;
    if (p->gemm.items == 1 || filters < PANELS_FILTER_BYTES || tiles > PANELS_TILE_BYTES)
        return false;
    return conv_mul(2 * p->gemm.items, tiles) <= conv_mul(blocks, filters);
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    conv_winograd_plan p = fv_conv_winograd_start(plan, w, machine);
    p.blocks = count_blocks(&p, fv_conv_wanted_chunks(plan->cost, MOST_CHUNKS));
    p.by_panels = prefers_panels(&p, p.blocks);
    if (p.by_panels) p.blocks = 1;
    p.gemm.threads = (int)conv_min(fv_threads_for(machine, plan->cost),
                                   conv_max(p.by_panels ? p.gemm.items : p.blocks, 1));
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch ---------------------------------------------------------------------------------- */

typedef struct slot_scratch {
    float *loaded, *made;
    float *filters; /* by panels: of one item */
    fv_winograd_tile *source, *target;
    fv_tile_group *groups;
    int64_t *segments;
} slot_scratch;

typedef struct winograd_scratch {
    float *filters; /* of all items; not by panels */
    float *zeros;   /* of a pixel */
    float *loaded;  /* by panels: all tiles */
    fv_winograd_tile *source, *target;
    fv_tile_group *groups;
    char *slots;
    size_t slot_bytes;
} winograd_scratch;

/* Groups of rows, each within a column; none where rows run on. */
static int64_t groups_most(const conv_winograd_plan *p, int64_t columns)
{
    return fv_conv_winograd_runs_on(p)
               ? 0
               : columns * conv_ceil_div(p->gemm.w.axis[0].grid, p->gemm.tiles->group);
}

/* The largest phase has the most taps along the depth. */
static int64_t item_elements_most(const conv_winograd_plan *p)
{
    const conv_phase phase = fv_conv_get_phase(&p->gemm.w, 0);
    return item_elements(p, &phase);
}

/* Behind its last row a group reads on, up to a group of rows. */
static size_t loaded_bytes(const conv_winograd_plan *p, int64_t columns)
{
    const int64_t behind = p->gemm.tiles->group * conv_max(p->gemm.w.axis[0].step, 1) * p->row;
    return (size_t)conv_mul(fv_conv_winograd_loaded(p, columns) + behind, 4);
}

static slot_scratch take_slot(const fv_conv_plan *plan, fv_scratch *s)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    const bool own_filters = p->by_panels && !plan->packed;
    const int64_t columns = fv_conv_winograd_most(p);
    const size_t tile = sizeof(fv_winograd_tile);
    const int64_t own = p->by_panels ? 0 : columns;
    return (slot_scratch){
        .loaded = fv_take(s, p->by_panels ? 0 : loaded_bytes(p, columns)),
        .made = fv_take(s, needs_made(p) ? (size_t)conv_mul(made_elements(p, columns), 4) : 0),
        .filters = fv_take(s, own_filters ? (size_t)item_elements_most(p) * 4 : 0),
        .source = fv_take(s, (size_t)fv_conv_winograd_rows(p, own) * tile),
        .target = fv_take(s, (size_t)fv_conv_winograd_made(p, own) * tile),
        .groups = fv_take(s, (size_t)groups_most(p, own) * sizeof(fv_tile_group)),
        .segments = fv_take(s, (size_t)p->gemm.w.axis[0].taps * sizeof(int64_t)),
    };
}

static winograd_scratch take(const fv_conv_plan *plan, fv_scratch *s)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    const int64_t filters = p->by_panels || plan->packed ? 0 : filter_elements(p);
    fv_scratch slot = {NULL, 0};
    const int64_t all = p->by_panels ? p->columns : 0;
    const size_t tile = sizeof(fv_winograd_tile);
    take_slot(plan, &slot);
    return (winograd_scratch){
        .filters = fv_take(s, (size_t)filters * 4),
        .zeros = fv_take(s, (size_t)p->row * 4),
        .loaded = fv_take(s, p->by_panels ? loaded_bytes(p, p->columns) : 0),
        .source = fv_take(s, (size_t)fv_conv_winograd_rows(p, all) * tile),
        .target = fv_take(s, (size_t)fv_conv_winograd_made(p, all) * tile),
        .groups = fv_take(s, (size_t)groups_most(p, all) * sizeof(fv_tile_group)),
        .slots = fv_take(s, slot.used * (size_t)p->gemm.threads),
        .slot_bytes = slot.used,
    };
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(plan, s);
}

/* --- filters ---------------------------------------------------------------------------------- */

static size_t packed_bytes(const fv_conv_plan *plan)
{
    return (size_t)filter_elements(conv_winograd_own(plan)) * 4;
}

/* The same by blocks and by panels. */
static uint64_t packed_key(const fv_conv_plan *plan)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    return fv_conv_phases_key(&p->gemm.w) ^ (uint64_t)(uintptr_t)p->form;
}

/* From the first element of the weights to behind their last. */
static int64_t filter_extent(const conv_gemm_plan *g)
{
    int64_t last = (g->w.groups - 1) * g->group_step + (g->w.columns - 1) * g->across +
                   (g->w.depth - 1) * g->down;
    for (int d = 0; d < 3; d++) last += (g->w.axis[d].taps - 1) * g->tap[d];
    return last + 1;
}

/* Channels [first, first + depth) of the sum of an item's filters, all its taps along the depth. */
static void transform(const conv_winograd_plan *p, const conv_phase *phase, int64_t item,
                      const float *w, int64_t first, int64_t depth, float *to)
{
    const conv_gemm_plan *g = &p->gemm;
    const int64_t panel = item % g->panels, width = fv_conv_panel_width(g, panel);
    fv_winograd_filter job = {
        .across = g->across,
        .down = g->down,
        .tap = {phase->next[1] * g->tap[1], phase->next[2] * g->tap[2]},
        .columns = fv_conv_panel_columns(g, panel),
        .depth = depth,
        .plane = fv_conv_winograd_filter_plane(p, phase->taps[0]),
        .row = width,
        .end = w + filter_extent(g),
    };
    w += item / g->panels * g->group_step + panel * g->nr * g->across + first * g->down +
         phase->tap[1] * g->tap[1] + phase->tap[2] * g->tap[2];
    for (int64_t z = 0; z < phase->taps[0]; z++) {
        job.w = w + (phase->tap[0] + z * phase->next[0]) * g->tap[0];
        job.planes = to + (z * g->w.depth + first) * width;
        p->form->filter(&job);
    }
}

enum { FILTER_CHANNELS = 32 }; /* of the sum, in a piece that is transformed at a time */

typedef struct pack_job {
    const conv_winograd_plan *p;
    const float *w;
    float *packed;
    int64_t pieces, chunks; /* of an item; of all items' pieces */
} pack_job;

static void pack_piece(const pack_job *job, int64_t piece)
{
    const conv_winograd_plan *p = job->p;
    const int64_t item = piece / job->pieces, first = piece % job->pieces * FILTER_CHANNELS;
    const int64_t depth = conv_min(FILTER_CHANNELS, p->gemm.w.depth - first);
    float *packed = job->packed;
    for (int64_t f = 0; f < fv_conv_phase_count(&p->gemm.w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->gemm.w, f);
        const int64_t elements = item_elements(p, &phase);
        transform(p, &phase, item, job->w, first, depth, packed + item * elements);
        packed += p->gemm.items * elements;
    }
}

static void pack_chunk(void *data, int64_t chunk, int slot)
{
    const pack_job *job = data;
    (void)slot;
    const int64_t all = job->p->gemm.items * job->pieces;
    const int64_t end = fv_chunk_begin(all, job->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(all, job->chunks, chunk); i < end; i++) pack_piece(job, i);
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    pack_job job = {.p = p, .w = w, .packed = packed};
    job.pieces = conv_ceil_div(p->gemm.w.depth, FILTER_CHANNELS);
    job.chunks = fv_chunks_for((double)filter_elements(p) * 0.15, p->gemm.items * job.pieces);
    fv_parallel(p->gemm.threads, job.chunks, pack_chunk, &job);
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct winograd_job {
    const fv_conv_plan *plan;
    const conv_winograd_plan *p;
    const fv_conv_operands *o;
    const float *packed; /* filters of the first phase; by panels NULL if they are not there yet */
    winograd_scratch scratch;
    const conv_phase *phase; /* by panels */
    int64_t chunks;          /* of loading, by panels */
    int64_t group_count;
} winograd_job;

/* Loaded columns of a phase and where they go. */
typedef struct winograd_block {
    const conv_phase *phase;
    float *loaded;
    int64_t columns;
    fv_winograd_tile *source, *target;
    fv_tile_group *groups;
    int64_t group_count;
} winograd_block;

/* Loads columns [at, at + count) of a block that begins with column `first`. */
static void load(const winograd_job *job, const winograd_block *b, int64_t first, int64_t at,
                 int64_t count)
{
    const conv_winograd_plan *p = job->p;
    const conv_winograd_part part = {first, b->columns, at, count, job->scratch.zeros};
    fv_conv_winograd_load(p, b->phase, &part, job->o->a, b->source, b->loaded);
    fv_conv_winograd_list_target(p, b->phase, first + at, count,
                                 b->target + fv_conv_winograd_made(p, at));
}

/* Rows of the product, where they do not run on. */
static int64_t list_groups(const conv_winograd_plan *p, int64_t columns, fv_tile_group *groups)
{
    const int64_t group = p->gemm.tiles->group, grid = p->gemm.w.axis[0].grid;
    const int64_t step = p->gemm.w.axis[0].step;
    int64_t made = 0;
    if (fv_conv_winograd_runs_on(p)) return 0;
    for (int64_t r = 0; r < columns; r++)
        for (int64_t i = 0; i < grid; i += group)
            groups[made++] = (fv_tile_group){
                .a = (r * p->slices + i * step) * p->row,
                .c = (r * grid + i) * p->gemm.nr,
                .keep = (int32_t)conv_min(group, grid - i),
            };
    return made;
}

static const float *from_channel(const void *array, int64_t channel)
{
    return array ? (const float *)array + channel : NULL;
}

/* From the products of an item to the target. */
static void store(const winograd_job *job, const winograd_block *b, int64_t item,
                  const fv_tile_planes *made)
{
    const conv_winograd_plan *p = job->p;
    const fv_conv_epilogue *e = &job->o->epilogue;
    const int64_t channel = conv_item_channel(&p->gemm, item);
    fv_winograd_move move = {
        .to = (float *)job->o->out + channel,
        .tiles = b->target,
        .count = fv_conv_winograd_made(p, b->columns),
        .channels = fv_conv_panel_columns(&p->gemm, item % p->gemm.panels),
        .planes = made->c,
        .plane = made->c_plane,
        .row = made->c_rs,
        .bias = from_channel(e->bias, channel),
        .scale = from_channel(e->scale, channel),
        .shift = from_channel(e->shift, channel),
        .residual = from_channel(e->residual, channel),
        .relu = e->relu,
    };
    fv_conv_winograd_target_step(p, move.step);
    p->form->store(&move);
}

/* With depth, a column has several rows, and a row several segments. */
static void multiply_groups(const conv_winograd_plan *p, const winograd_block *b,
                            const fv_tile_planes *planes, int64_t *segments)
{
    const conv_axis *z = &p->gemm.w.axis[0];
    fv_tile_rows tile = {.a_rs = z->step * p->row,
                         .groups = b->groups,
                         .group_count = b->group_count,
                         .segments = segments,
                         .segment_count = b->phase->taps[0],
                         .length = p->gemm.w.depth,
                         .b_ld = planes->b_ld,
                         .b_ahead = FV_TILE_AHEAD * planes->b_ld,
                         .c_rs = planes->c_rs,
                         .columns = planes->columns};
    for (int64_t t = 0; t < b->phase->taps[0]; t++) segments[t] = t * z->apart * p->row;
    for (int64_t q = 0; q < planes->planes; q++) {
        tile.a = (const float *)planes->a + q * planes->a_plane;
        tile.b = (const float *)planes->b + q * planes->b_plane;
        tile.c = (float *)planes->c + q * planes->c_plane;
        p->gemm.tiles->rows[0](&tile);
    }
}

/* One item of a block: products in all planes, then the way to the target. */
static void make_item(const winograd_job *job, const winograd_block *b, int64_t item,
                      const float *filters, const slot_scratch *s)
{
    const conv_winograd_plan *p = job->p;
    const conv_gemm_plan *g = &p->gemm;
    const int64_t width = fv_conv_panel_width(g, item % g->panels);
    const bool over = goes_over_loaded(p, item);
    const int64_t c_rs = over ? p->row : g->nr;
    const fv_tile_planes planes = {
        .a = b->loaded + item / g->panels * g->w.depth,
        .a_rs = p->row,
        .a_plane = fv_conv_winograd_plane(fv_conv_winograd_rows(p, b->columns), p->row),
        .b = filters,
        .b_ld = width,
        .b_plane = fv_conv_winograd_filter_plane(p, b->phase->taps[0]),
        .c = over ? b->loaded : s->made,
        .c_rs = c_rs,
        .c_plane = fv_conv_winograd_plane(fv_conv_winograd_made(p, b->columns), c_rs),
        .planes = p->points,
        .rows = b->columns,
        .length = g->w.depth,
        .columns = width,
    };
    if (fv_conv_winograd_runs_on(p))
        g->tiles->planes[0](&planes);
    else
        multiply_groups(p, b, &planes, s->segments);
    store(job, b, item, &planes);
}

static slot_scratch slot_of(const winograd_job *job, int slot)
{
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    return take_slot(job->plan, &memory);
}

static void run_block(void *data, int64_t block, int slot)
{
    const winograd_job *job = data;
    const conv_winograd_plan *p = job->p;
    const slot_scratch s = slot_of(job, slot);
    const int64_t first = fv_chunk_begin(p->columns, p->blocks, block);
    const float *packed = job->packed;
    winograd_block b = {.loaded = s.loaded,
                        .columns = fv_chunk_begin(p->columns, p->blocks, block + 1) - first,
                        .source = s.source,
                        .target = s.target,
                        .groups = s.groups};
    b.group_count = list_groups(p, b.columns, s.groups);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->gemm.w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->gemm.w, f);
        const int64_t elements = item_elements(p, &phase);
        b.phase = &phase;
        load(job, &b, first, 0, b.columns);
        for (int64_t item = 0; item < p->gemm.items; item++, packed += elements)
            make_item(job, &b, item, packed, &s);
    }
}

static winograd_block whole(const winograd_job *job)
{
    return (winograd_block){.phase = job->phase,
                            .loaded = job->scratch.loaded,
                            .columns = job->p->columns,
                            .source = job->scratch.source,
                            .target = job->scratch.target,
                            .groups = job->scratch.groups,
                            .group_count = job->group_count};
}

static void load_chunk(void *data, int64_t chunk, int slot)
{
    const winograd_job *job = data;
    const winograd_block b = whole(job);
    const int64_t at = fv_chunk_begin(b.columns, job->chunks, chunk);
    (void)slot;
    load(job, &b, 0, at, fv_chunk_begin(b.columns, job->chunks, chunk + 1) - at);
}

static void run_panel(void *data, int64_t item, int slot)
{
    const winograd_job *job = data;
    const conv_winograd_plan *p = job->p;
    const slot_scratch s = slot_of(job, slot);
    const winograd_block b = whole(job);
    const float *filters = s.filters;
    if (job->packed)
        filters = job->packed + item * item_elements(p, job->phase);
    else
        transform(p, job->phase, item, job->o->b, 0, p->gemm.w.depth, s.filters);
    make_item(job, &b, item, filters, &s);
}

static void run_panels(winograd_job *job)
{
    const conv_winograd_plan *p = job->p;
    const double loading = (double)fv_conv_winograd_loaded(p, p->columns) * 0.1;
    job->group_count = list_groups(p, p->columns, job->scratch.groups);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->gemm.w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->gemm.w, f);
        job->phase = &phase;
        job->chunks = fv_chunks_for(loading, p->columns);
        fv_parallel(p->gemm.threads, job->chunks, load_chunk, job);
        fv_parallel(p->gemm.threads, p->gemm.items, run_panel, job);
        if (job->packed) job->packed += p->gemm.items * item_elements(p, &phase);
    }
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    fv_scratch memory = {scratch, 0};
    winograd_job job = {
        .plan = plan, .p = p, .o = o, .packed = o->packed, .scratch = take(plan, &memory)};
    if (p->columns == 0) return;
    memset(job.scratch.zeros, 0, (size_t)p->row * 4);
    if (p->by_panels) {
        run_panels(&job);
        return;
    }
    if (!o->packed) {
        pack(plan, o->b, job.scratch.filters);
        job.packed = job.scratch.filters;
    }
    fv_parallel(p->gemm.threads, p->blocks, run_block, &job);
}

const conv_algorithm fv_conv_winograd = {
    .name = "winograd",
    .cost = fv_conv_winograd_cost,
    .plan = plan,
    .layout = layout,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .packed_key = packed_key,
    .run = run,
    .over_residual = true,
    .describe = fv_conv_winograd_describe,
};
