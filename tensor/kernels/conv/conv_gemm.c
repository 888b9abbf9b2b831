/* Forward and input gradient as implicit matrix products. */
#include "conv_gemm_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A copied box takes half of a common L2 cache. Where the weights fill the cache, a box needs many
 * positions to be worth streaming them. */
enum {
    BOX_BYTES = 512 << 10,
    STREAMED_BYTES = 256 << 10,
    STREAMED_POSITIONS = 96,
    NO_CACHE_BYTES = 32 << 20,
    MOST_CHUNKS = 8
};

/* --- planning --------------------------------------------------------------------------------- */

conv_gemm_plan fv_conv_gemm_start(const fv_conv_plan *p, const conv_window *w, fv_machine machine)
{
    const int64_t *stride = p->w_stride;
    conv_gemm_plan own = {.w = *w,
                          .tiles = FV_ISA_PICK(fv_tile_kernels_, machine.isa),
                          .type = p->dtype == FV_FLOAT64,
                          .across = w->back ? stride[1] : stride[0],
                          .down = w->back ? stride[0] : stride[1],
                          .tap = {stride[2], stride[3], stride[4]},
                          .group_step = p->g.o / p->g.groups * stride[0],
                          .ranges = 1,
                          .parts = 1,
                          .threads = 1};
    own.lanes = own.tiles->lanes[own.type];
    own.nr = own.tiles->nr[own.type];
    own.panels = conv_ceil_div(w->columns, own.nr);
    own.items = own.panels * w->groups;
    own.group_width = (own.panels - 1) * own.nr + fv_conv_panel_width(&own, own.panels - 1);
    return own;
}

static int64_t source_bytes(const conv_window *w)
{
    int64_t bytes = conv_mul(w->images, w->source_channels * w->size);
    for (int d = 0; d < 3; d++) bytes = conv_mul(bytes, w->axis[d].source);
    return bytes;
}

/* About 3.5 vectors of products a nanosecond; a narrow panel costs a whole vector. To start and
 * store a tile takes 10, a segment 2; narrow tiles are twice as high. An element of w takes 1 to
 * pack, and little to read, but where taps are left out each run of positions with the same taps
 * reads its own, and each box those that no cache keeps. */
double fv_conv_gemm_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    (void)pass;
    const fv_tile_kernels *tiles = FV_ISA_PICK(fv_tile_kernels_, machine.isa);
    const double lanes = tiles->lanes[w->size == 8], columns = (double)w->columns;
    const double nr = tiles->nr[w->size == 8];
    const double panels = columns <= lanes ? 0.5 : columns / nr;
    const double tile_rows = (double)w->positions / tiles->mr;
    double vectors = fv_conv_products(w) / columns * ceil(columns / lanes);
    double again = 1;
    for (int d = 0; d < 3; d++) {
        if (!fv_conv_gemm_clips(w, d)) continue;
        vectors *= w->axis[d].useful;
        again *= w->axis[d].useful * (double)conv_min(w->axis[d].grid, w->axis[d].taps);
    }
    const double met = fmin(again, 1); /* share of w that is read at all */
    again = again > 1 ? (again - 1) / lanes : 0;
    const double starts = tile_rows * panels * (double)w->groups * (10 + 2 * (double)w->taps);
    const double weights = (double)w->taps * (double)w->groups * (double)w->depth * columns;
    if (weights * (double)w->size > NO_CACHE_BYTES) {
        const double boxes = (double)source_bytes(w) / BOX_BYTES;
        again += boxes > 1 ? boxes - 1 : 0;
    }
    const double kept = met * ceil(columns / lanes) * lanes / columns; /* whole vectors of w */
    return 100 + vectors / 3.5 + starts +
           weights * ((machine.weights_stay ? 0.15 * kept : 1) + again * 0.15);
}

int64_t fv_conv_gemm_pixel(const conv_window *w)
{
    const conv_axis *a = &w->axis[2];
    const int64_t pitch = conv_min(a->step, a->high - a->low + 1);
    const bool alias = pitch * w->source_channels * w->size % 1024 == 0;
    return w->source_channels + (alias ? 64 / w->size : 0);
}

bool fv_conv_gemm_aliases(const conv_window *w, int64_t bytes)
{
    return w->axis[2].step * w->source_channels * w->size % bytes == 0;
}

bool fv_conv_gemm_clips(const conv_window *w, int d)
{
    const double share = w->axis[d].useful;
    return share < 0.3 || (share < 0.9 && (d < 2 || w->images >= 4));
}

/* In place a last group of fewer positions overlaps its neighbour, which needs a full group in
 * every phase. */
static bool reads_in_place(const conv_gemm_plan *p)
{
    const conv_window *w = &p->w;
    return fv_conv_inside(w) && !fv_conv_gemm_aliases(w, 2048) &&
           w->axis[2].grid - w->back >= p->tiles->group;
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    conv_gemm_plan p = fv_conv_gemm_start(plan, w, machine);
    const int64_t wanted = fv_conv_wanted_chunks(plan->cost, MOST_CHUNKS);
    int64_t boxes = wanted;
    if (fv_conv_packed_elements(&p) * w->size >= STREAMED_BYTES)
        boxes = conv_min(boxes, w->positions / STREAMED_POSITIONS);
    conv_limits limits = {.bytes = BOX_BYTES, .positions = INT64_MAX, .wanted = boxes};
    for (int d = 0; d < 3; d++) limits.clip[d] = fv_conv_gemm_clips(w, d);
    if (limits.clip[2]) limits.images = p.tiles->group; /* tiles of neighbouring images */
    p.boxes = fv_conv_cut_boxes(w, !reads_in_place(&p), fv_conv_gemm_pixel(w), limits);
    if (p.boxes.total > 0 && w->covers) /* filling writes all channels of a box at once */
        p.ranges = conv_min(p.items, conv_max(wanted / p.boxes.total, 1));
    const int64_t chunks = conv_max(p.boxes.total * p.ranges, 1);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), chunks);
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch ---------------------------------------------------------------------------------- */

typedef struct slot_scratch {
    void *box;
    int64_t *segments, *steps;
    fv_tile_group *groups;
} slot_scratch;

typedef struct gemm_scratch {
    void *packed;
    char *slots;
    size_t slot_bytes;
} gemm_scratch;

static int64_t groups_most(const conv_gemm_plan *p)
{
    const int64_t *most = p->boxes.most;
    return most[0] * most[1] * most[2] * conv_ceil_div(most[3], p->tiles->group);
}

/* Behind the end of a box a last group reads up to a group of positions, a tile a few elements. */
static slot_scratch take_slot(const conv_gemm_plan *p, fv_scratch *s)
{
    return (slot_scratch){
        .box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, p->tiles->group)),
        .segments = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
        .steps = fv_take(s, conv_clips(&p->boxes) ? (size_t)p->w.taps * sizeof(int64_t) : 0),
        .groups = fv_take(s, (size_t)groups_most(p) * sizeof(fv_tile_group)),
    };
}

static gemm_scratch take(const fv_conv_plan *plan, fv_scratch *s)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    const int64_t packed = plan->packed ? 0 : fv_conv_packed_elements(p);
    fv_scratch slot = {NULL, 0};
    take_slot(p, &slot);
    return (gemm_scratch){
        .packed = fv_take(s, (size_t)(packed * p->w.size)),
        .slots = fv_take(s, slot.used * (size_t)p->threads),
        .slot_bytes = slot.used,
    };
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(plan, s);
}

/* --- packing ---------------------------------------------------------------------------------- */

static size_t packed_bytes(const fv_conv_plan *plan)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    return (size_t)(fv_conv_packed_elements(p) * p->w.size);
}

static uint64_t packed_key(const fv_conv_plan *plan)
{
    return fv_conv_phases_key(&conv_gemm_own(plan)->w);
}

typedef struct pack_job {
    const conv_gemm_plan *p;
    const void *w;
    void *packed;
    int64_t blocks, chunks;
} pack_job;

static void pack_chunk(void *data, int64_t chunk, int slot)
{
    const pack_job *job = data;
    (void)slot;
    const int64_t end = fv_chunk_begin(job->blocks, job->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(job->blocks, job->chunks, chunk); i < end; i++)
        fv_conv_pack_block(job->p, i, job->w, job->packed);
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    pack_job job = {.p = p, .w = w, .packed = packed, .blocks = fv_conv_pack_blocks(p)};
    job.chunks = fv_chunks_for((double)fv_conv_packed_elements(p) * 0.5, job.blocks);
    fv_parallel(p->threads, job.chunks, pack_chunk, &job);
}

/* --- running ---------------------------------------------------------------------------------- */

/* The axis along which whole groups waste least; the width unless another is clearly better. */
static int grouped_axis(const conv_gemm_plan *p, const int64_t count[CONV_AXES])
{
    int best = 3, group = p->tiles->group;
    if (!p->boxes.copy) return 3; /* only the width has been checked for overlapping groups */
    double least = (double)(conv_ceil_div(count[3], group) * group) / (double)count[3];
    for (int axis = 2; axis >= 0; axis--) {
        if (count[axis] < group) continue;
        double waste = (double)(conv_ceil_div(count[axis], group) * group) / (double)count[axis];
        if (waste < 0.93 * least) {
            least = waste;
            best = axis;
        }
    }
    return best;
}

/* The groups of a last number of rows: those behind them are read on in a copy, and before them,
 * overlapping their neighbours, where there are enough. */
static void shorten_group(const conv_gemm_plan *p, fv_tile_group *g, int64_t last, bool read_on,
                          const fv_tile_rows *job)
{
    g->keep = (int32_t)last;
    if (read_on) return;
    g->skip = p->tiles->group - (int32_t)last;
    g->a -= g->skip * job->a_rs;
    g->c -= g->skip * job->c_rs;
}

static void list_groups(const conv_gemm_plan *p, const int64_t count[CONV_AXES],
                        const conv_source *source, fv_tile_group *groups, fv_tile_rows *job)
{
    const int group = p->tiles->group, axis = grouped_axis(p, count);
    const bool read_on = p->boxes.copy && count[axis] < group;
    const int64_t *a = source->stride;
    int64_t c[CONV_AXES], many[CONV_AXES], at[CONV_AXES], made = 0;
    fv_conv_target_strides(&p->w, c);
    for (int d = 0; d < CONV_AXES; d++) many[d] = count[d];
    many[axis] = conv_ceil_div(count[axis], group);
    const int64_t last = count[axis] - (many[axis] - 1) * group; /* rows in a last group */
    job->a_rs = a[axis];
    job->c_rs = c[axis];
    for (at[0] = 0; at[0] < many[0]; at[0]++) {
        for (at[1] = 0; at[1] < many[1]; at[1]++) {
            for (at[2] = 0; at[2] < many[2]; at[2]++) {
                for (at[3] = 0; at[3] < many[3]; at[3]++) {
                    fv_tile_group *g = &groups[made++];
                    *g = (fv_tile_group){0, 0, 0, group};
                    for (int d = 0; d < CONV_AXES; d++) {
                        int64_t position = d == axis ? at[d] * group : at[d];
                        g->a += position * a[d];
                        g->c += position * c[d];
                    }
                    if (at[axis] == many[axis] - 1 && last < group)
                        shorten_group(p, g, last, read_on, job);
                }
            }
        }
    }
    job->groups = groups;
    job->group_count = made;
}

typedef struct window_job {
    const conv_gemm_plan *p;
    const fv_conv_operands *o;
    const void *packed;
    gemm_scratch scratch;
} window_job;

/* An array of the epilogue from a channel on. */
static const void *from_channel(const void *array, int64_t channel, int64_t size)
{
    return array ? conv_at(array, channel, size) : NULL;
}

/* One item: a panel's channels of all positions in the groups. c0 is the element of the first. */
static void run_item(const window_job *job, const conv_source *source, int64_t item, int64_t c0,
                     fv_tile_rows *tile)
{
    const conv_gemm_plan *p = job->p;
    const fv_conv_epilogue *e = &job->o->epilogue;
    const int64_t size = p->w.size, channel = conv_item_channel(p, item);
    const int64_t panel = item % p->panels;
    fv_tile_finish finish = {.scale = from_channel(e->scale, channel, size),
                             .shift = from_channel(e->shift, channel, size),
                             .residual = from_channel(e->residual, c0 + channel, size),
                             .relu = e->relu};
    tile->a = conv_at(source->data, item / p->panels * p->w.depth, size);
    tile->b_ld = fv_conv_panel_width(p, panel);
    tile->b_ahead = FV_TILE_AHEAD * tile->b_ld;
    tile->columns = fv_conv_panel_columns(p, panel);
    tile->c = conv_to(job->o->out, c0 + channel, size);
    tile->bias = from_channel(e->bias, channel, size);
    tile->accumulate = e->residual == job->o->out; /* the residual lies there already */
    tile->finish =
        !tile->accumulate && (e->scale || e->shift || e->residual || e->relu) ? &finish : NULL;
    p->tiles->rows[p->type](tile);
}

/* Steps of B at which the segments of what is left of a phase begin. */
static void list_steps(const conv_gemm_plan *p, const conv_phase *whole, const conv_phase *left,
                       bool merge, int64_t *steps)
{
    int64_t skipped[3], made = 0;
    const int64_t along = merge ? conv_min(left->taps[2], 1) : left->taps[2];
    for (int d = 0; d < 3; d++) skipped[d] = (left->tap[d] - whole->tap[d]) / whole->next[d];
    for (int64_t d = skipped[0]; d < skipped[0] + left->taps[0]; d++)
        for (int64_t h = skipped[1]; h < skipped[1] + left->taps[1]; h++)
            for (int64_t i = skipped[2]; i < skipped[2] + along; i++)
                steps[made++] = ((d * whole->taps[1] + h) * whole->taps[2] + i) * p->w.depth;
}

/* Positions of a box that share their taps: `left` is what they have of the phase. */
static void set_tile(const window_job *job, const conv_phase *whole, const conv_phase *left,
                     const conv_source *source, const int64_t count[CONV_AXES],
                     const slot_scratch *s, fv_tile_rows *tile)
{
    const conv_gemm_plan *p = job->p;
    const bool merge = p->w.axis[2].apart == 1 && p->boxes.pixel == p->w.depth;
    *tile = (fv_tile_rows){.segments = s->segments,
                           .length = merge ? left->taps[2] * p->w.depth : p->w.depth};
    tile->segment_count = fv_conv_list_taps(&p->w, left, source, merge, s->segments);
    list_groups(p, count, source, s->groups, tile);
    if (!conv_clips(&p->boxes)) return;
    list_steps(p, whole, left, merge, s->steps);
    tile->steps = s->steps;
}

/* How many positions from q on share their taps along a dimension. */
static int64_t next_run(const conv_gemm_plan *p, int d, int64_t q, int64_t end, conv_phase *left)
{
    return p->boxes.clip[d] ? fv_conv_same_taps(&p->w, d, q, end, left) - q : end - q;
}

/* An item at all positions of a box that a phase has, those with the same taps at a time. */
static void run_clipped(const window_job *job, const conv_phase *phase, const conv_box *box,
                        const conv_source *source, int64_t item, const void *b,
                        const slot_scratch *s)
{
    const conv_gemm_plan *p = job->p;
    conv_phase left[3]; /* by the dimensions up to one */
    conv_box part = *box;
    int64_t end[3], *at = part.at + 1;
    for (int d = 0; d < 3; d++) end[d] = box->at[d + 1] + box->count[d + 1];
    for (at[0] = box->at[1]; at[0] < end[0]; at[0] += part.count[1]) {
        left[0] = *phase;
        part.count[1] = next_run(p, 0, at[0], end[0], &left[0]);
        for (at[1] = box->at[2]; at[1] < end[1]; at[1] += part.count[2]) {
            left[1] = left[0];
            part.count[2] = next_run(p, 1, at[1], end[1], &left[1]);
            for (at[2] = box->at[3]; at[2] < end[2]; at[2] += part.count[3]) {
                left[2] = left[1];
                part.count[3] = next_run(p, 2, at[2], end[2], &left[2]);
                conv_source from = *source;
                int64_t skipped = 0;
                for (int d = 1; d < CONV_AXES; d++)
                    skipped += (part.at[d] - box->at[d]) * source->stride[d];
                from.data = conv_at(source->data, skipped, p->w.size);
                fv_tile_rows tile;
                set_tile(job, phase, &left[2], &from, part.count, s, &tile);
                tile.b = b;
                run_item(job, &from, item, fv_conv_target_offset(&p->w, phase, part.at), &tile);
            }
        }
    }
}

static void run_phase(const window_job *job, const conv_phase *phase, const conv_box *box,
                      const conv_source *source, int64_t range, const void *packed,
                      const slot_scratch *s)
{
    const conv_gemm_plan *p = job->p;
    conv_box mine = *box;
    if (!fv_conv_clip(phase, box, mine.count)) return;
    const int64_t taps = fv_conv_phase_taps(phase),
                  c0 = fv_conv_target_offset(&p->w, phase, box->at);
    fv_tile_rows tile;
    if (!conv_clips(&p->boxes)) set_tile(job, phase, phase, source, mine.count, s, &tile);
    const int64_t end = fv_chunk_begin(p->items, p->ranges, range + 1);
    for (int64_t item = fv_chunk_begin(p->items, p->ranges, range); item < end; item++) {
        const void *b = conv_at(packed, conv_item_offset(p, taps, item), p->w.size);
        tile.b = b;
        if (conv_clips(&p->boxes)) /* items outside, so that a panel stays in the cache */
            run_clipped(job, phase, &mine, source, item, b, s);
        else
            run_item(job, source, item, c0, &tile);
    }
}

/* A box and a range of items. */
static void run_chunk(void *data, int64_t chunk, int slot)
{
    const window_job *job = data;
    const conv_gemm_plan *p = job->p;
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const slot_scratch s = take_slot(p, &memory);
    const conv_box box = fv_conv_get_box(&p->w, &p->boxes, chunk / p->ranges);
    const conv_source source = fv_conv_box_load(&p->w, &p->boxes, &box, job->o->a, s.box);
    const void *packed = job->packed;
    fv_conv_fill_box(&p->w, &box, job->o);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        conv_phase phase = fv_conv_get_phase(&p->w, f);
        run_phase(job, &phase, &box, &source, chunk % p->ranges, packed, &s);
        packed =
            conv_at(packed, conv_item_offset(p, fv_conv_phase_taps(&phase), p->items), p->w.size);
    }
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    fv_scratch memory = {scratch, 0};
    window_job job = {.p = p, .o = o, .packed = o->packed, .scratch = take(plan, &memory)};
    if (p->boxes.total == 0) return;
    if (!o->packed) {
        pack(plan, o->b, job.scratch.packed);
        job.packed = job.scratch.packed;
    }
    fv_parallel(p->threads, p->boxes.total * p->ranges, run_chunk, &job);
}

static int describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    return snprintf(text, size, "implicit gemm %dx%d, %lld %s%s, %d thread%s", p->tiles->mr,
                    (int)p->nr, (long long)p->boxes.total * p->ranges,
                    conv_clips(&p->boxes) ? "clipped "
                    : p->boxes.copy       ? "copied "
                                          : "",
                    p->boxes.total * p->ranges == 1 ? "box" : "boxes", p->threads,
                    p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_gemm = {
    .name = "gemm",
    .cost = fv_conv_gemm_cost,
    .plan = plan,
    .layout = layout,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .packed_key = packed_key,
    .run = run,
    .over_residual = true,
    .describe = describe,
};
