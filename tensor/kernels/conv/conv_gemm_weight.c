/* The weight gradient as implicit matrix products: gw = sum over positions of source x gy.
 *
 * A chunk of the work is a part of the boxes and a range of the items (panels of made channels).
 * Small sums have a copy for each part, added up in the order of the parts; large ones are cut in
 * ranges instead. Parts and ranges follow from shapes, so that the order of every sum is fixed. */
#include "conv_gemm_impl.h"

#include <stdio.h>
#include <string.h>

/* A panel of a box's gy stays in L1; with few channels the tiles are few and the cost of starting
 * them rules. Copies of the sums are preferred to ranges, each of which loads all boxes, as long as
 * all copies together stay within COPIES_BYTES. */
enum {
    BOX_BYTES = 2 << 20,
    POSITIONS = 192,
    POSITIONS_SHORT = 768,
    MOST_PARTS = 8,
    COPIES_BYTES = 2 << 20,
};

/* --- planning --------------------------------------------------------------------------------- */

static bool reads_in_place(const conv_gemm_plan *p)
{
    const conv_window *w = &p->w;
    return fv_conv_inside(w) && !fv_conv_gemm_aliases(w, 1024) && w->depth % p->tiles->group == 0;
}

static void cut_work(conv_gemm_plan *p, int64_t wanted)
{
    const int64_t bytes = conv_max(fv_conv_packed_elements(p) * p->w.size, 1);
    const int64_t most = conv_max(conv_min(p->boxes.total, COPIES_BYTES / bytes), 1);
    if (p->boxes.total == 0) return;
    while (p->parts * 2 <= conv_min(most, wanted)) p->parts *= 2;
    p->ranges = conv_min(p->items, wanted / p->parts);
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    conv_gemm_plan p = fv_conv_gemm_start(plan, w, machine);
    const int64_t wanted = fv_conv_wanted_chunks(plan->cost, MOST_PARTS);
    conv_limits limits = {.bytes = BOX_BYTES,
                          .positions = w->depth < 16 ? POSITIONS_SHORT : POSITIONS,
                          .wanted = wanted};
    for (int d = 0; d < 3; d++) limits.clip[d] = fv_conv_gemm_clips(w, d);
    if (w->axis[2].useful > 0.5 && w->depth < p.tiles->mr) /* rows of taps fill a tile */
        limits.clip[2] = false;
    p.boxes = fv_conv_cut_boxes(w, !reads_in_place(&p), fv_conv_gemm_pixel(w), limits);
    cut_work(&p, wanted);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), p.parts * p.ranges);
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch ---------------------------------------------------------------------------------- */

typedef struct slot_scratch {
    void *box;
    int64_t *segments, *rows, *steps;
    void *panel; /* gy of a box */
} slot_scratch;

typedef struct weight_scratch {
    void *sums; /* [part] as packed weights */
    char *slots;
    size_t slot_bytes;
} weight_scratch;

static slot_scratch take_slot(const conv_gemm_plan *p, fv_scratch *s)
{
    const int64_t *most = p->boxes.most, rows = most[0] * most[1] * most[2];
    return (slot_scratch){
        .box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, p->tiles->group)),
        .segments = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
        .rows = fv_take(s, (size_t)rows * sizeof(int64_t)),
        .steps = fv_take(s, (size_t)rows * sizeof(int64_t)),
        .panel = fv_take(s, (size_t)(rows * most[3] * p->nr * p->w.size)),
    };
}

static weight_scratch take(const conv_gemm_plan *p, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    take_slot(p, &slot);
    return (weight_scratch){
        .sums = fv_take(s, (size_t)(p->parts * fv_conv_packed_elements(p) * p->w.size)),
        .slots = fv_take(s, slot.used * (size_t)p->threads),
        .slot_bytes = slot.used,
    };
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(conv_gemm_own(plan), s);
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct weight_job {
    const conv_gemm_plan *p;
    const fv_conv_operands *o;
    weight_scratch scratch;
    int64_t chunks; /* of the adding up */
} weight_job;

/* The positions of a box at which a tap meets the source; false if there are none. */
static bool clip_box(const conv_gemm_plan *p, const conv_box *box, const int64_t tap[3],
                     conv_box *part)
{
    *part = *box;
    for (int d = 0; d < 3; d++) {
        const conv_axis *a = &p->w.axis[d];
        if (!p->boxes.clip[d]) continue;
        const int64_t at = a->low + tap[d] * a->apart; /* source coordinate of position 0 */
        const int64_t first = at < 0 ? (a->step - 1 - at) / a->step : 0;
        const int64_t end = at < a->source ? (a->source - 1 - at) / a->step + 1 : 0;
        part->at[d + 1] = conv_max(box->at[d + 1], first);
        part->count[d + 1] = conv_min(box->at[d + 1] + box->count[d + 1], end) - part->at[d + 1];
        if (part->count[d + 1] <= 0) return false;
    }
    return true;
}

/* Offsets of the first position of each row of a part in the loaded source of its box, and which
 * position of the box it is. */
static int64_t list_rows(const conv_box *box, const conv_box *part, const conv_source *source,
                         const slot_scratch *s)
{
    int64_t made = 0, skipped[CONV_AXES];
    for (int d = 0; d < CONV_AXES; d++) skipped[d] = part->at[d] - box->at[d];
    for (int64_t i = skipped[0]; i < skipped[0] + part->count[0]; i++) {
        for (int64_t d = skipped[1]; d < skipped[1] + part->count[1]; d++) {
            for (int64_t h = skipped[2]; h < skipped[2] + part->count[2]; h++) {
                s->rows[made] = i * source->stride[0] + d * source->stride[1] +
                                h * source->stride[2] + skipped[3] * source->stride[3];
                s->steps[made++] =
                    ((i * box->count[1] + d) * box->count[2] + h) * box->count[3] + skipped[3];
            }
        }
    }
    return made;
}

/* Rows that follow each other without a gap, as those of 1x1 kernels do, are a single one. */
static void join_rows(fv_tile_columns *tile)
{
    const int64_t row = tile->length * tile->a_cs;
    for (int64_t i = 1; i < tile->segment_count; i++)
        if (tile->segments[i] - tile->segments[i - 1] != row) return;
    tile->length *= tile->segment_count;
    tile->segment_count = 1;
}

/* A box's share in the sums of one item. Taps that meet the source at part of its positions only
 * have rows of their own. */
static void sum_item(const weight_job *job, const conv_box *box, const conv_source *source,
                     const slot_scratch *s, int64_t segments, int64_t item, void *sums,
                     fv_tile_columns *tile)
{
    const conv_gemm_plan *p = job->p;
    const int64_t size = p->w.size, group = item / p->panels;
    const int64_t along = segments / (p->w.axis[0].taps * p->w.axis[1].taps);
    char *c = conv_to(sums, conv_item_offset(p, p->w.taps, item), size);
    tile->b = fv_conv_pack_positions(p, box, job->o->b, item, s->panel);
    tile->b_ld = tile->c_rs = tile->columns = fv_conv_panel_width(p, item % p->panels);
    for (int64_t i = 0; i < segments; i++) {
        if (conv_clips(&p->boxes)) {
            const int64_t high = i / along,
                          tap[3] = {high / p->w.axis[1].taps, high % p->w.axis[1].taps, i % along};
            conv_box part;
            const bool any = clip_box(p, box, tap, &part);
            if (!any && tile->accumulate) continue;
            tile->segment_count = any ? list_rows(box, &part, source, s) : 0; /* 0: zeros */
            tile->length = part.count[3];
        }
        tile->a = conv_at(source->data, s->segments[i] + group * p->w.depth, size);
        tile->c = conv_to(c, i * tile->rows * tile->c_rs, size);
        p->tiles->columns[p->type](tile);
    }
}

static void sum_box(const weight_job *job, const conv_box *box, const slot_scratch *s, int64_t item,
                    int64_t end, void *sums, bool accumulate)
{
    const conv_gemm_plan *p = job->p;
    const conv_phase phase = fv_conv_get_phase(&p->w, 0);
    const conv_source source = fv_conv_box_load(&p->w, &p->boxes, box, job->o->a, s->box);
    const bool merge = p->w.axis[2].apart == 1 && p->boxes.pixel == p->w.depth && !p->boxes.clip[2];
    const int64_t segments = fv_conv_list_taps(&p->w, &phase, &source, merge, s->segments);
    fv_tile_columns tile = {
        .a_cs = source.stride[3],
        .a_tile = p->tiles->mr,
        .rows = merge ? p->w.axis[2].taps * p->w.depth : p->w.depth,
        .segments = s->rows,
        .steps = conv_clips(&p->boxes) ? s->steps : NULL,
        .segment_count = list_rows(box, box, &source, s),
        .length = box->count[3],
        .accumulate = accumulate,
    };
    if (!tile.steps) join_rows(&tile);
    for (; item < end; item++) sum_item(job, box, &source, s, segments, item, sums, &tile);
}

/* A part of the boxes and a range of the items. */
static void sum_chunk(void *data, int64_t chunk, int slot)
{
    const weight_job *job = data;
    const conv_gemm_plan *p = job->p;
    const int64_t part = chunk / p->ranges, range = chunk % p->ranges;
    const int64_t item = fv_chunk_begin(p->items, p->ranges, range);
    const int64_t end = fv_chunk_begin(p->items, p->ranges, range + 1);
    const int64_t first = fv_chunk_begin(p->boxes.total, p->parts, part);
    const int64_t last = fv_chunk_begin(p->boxes.total, p->parts, part + 1);
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const slot_scratch s = take_slot(p, &memory);
    void *sums = conv_to(job->scratch.sums, part * fv_conv_packed_elements(p), p->w.size);
    for (int64_t i = first; i < last; i++) {
        const conv_box box = fv_conv_get_box(&p->w, &p->boxes, i);
        sum_box(job, &box, &s, item, end, sums, i > first);
    }
}

/* Some blocks of 16 summed channels of all items. */
static void add_chunk(void *data, int64_t chunk, int slot)
{
    const weight_job *job = data;
    const conv_gemm_plan *p = job->p;
    const int64_t blocks = conv_ceil_div(p->w.depth, CONV_PACK_CHANNELS), all = p->items * blocks;
    (void)slot;
    const int64_t end = fv_chunk_begin(all, job->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(all, job->chunks, chunk); i < end; i++)
        fv_conv_unpack_sums(p, job->scratch.sums, i / blocks, i % blocks, job->o->out);
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    fv_scratch memory = {scratch, 0};
    weight_job job = {.p = p, .o = o, .scratch = take(p, &memory)};
    const int64_t elements = fv_conv_packed_elements(p);
    const int64_t blocks = p->items * conv_ceil_div(p->w.depth, CONV_PACK_CHANNELS);
    if (p->boxes.total == 0) { /* no image */
        memset(o->out, 0, (size_t)(plan->g.o * p->w.depth * p->w.taps * p->w.size));
        return;
    }
    fv_parallel(p->threads, p->parts * p->ranges, sum_chunk, &job);
    job.chunks = fv_chunks_for((double)(elements * (p->parts + 1)) * 0.3, blocks);
    fv_parallel(p->threads, job.chunks, add_chunk, &job);
}

static int describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const conv_gemm_plan *p = conv_gemm_own(plan);
    return snprintf(
        text, size, "implicit gemm %dx%d, %lld %s%s in %lld part%s x %lld range%s, %d thread%s",
        p->tiles->mr, (int)p->nr, (long long)p->boxes.total,
        conv_clips(&p->boxes) ? "clipped "
        : p->boxes.copy       ? "copied "
                              : "",
        p->boxes.total == 1 ? "box" : "boxes", (long long)p->parts, p->parts == 1 ? "" : "s",
        (long long)p->ranges, p->ranges == 1 ? "" : "s", p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_gemm_weight = {
    .name = "gemm",
    .cost = fv_conv_gemm_cost,
    .plan = plan,
    .layout = layout,
    .run = run,
    .describe = describe,
};
