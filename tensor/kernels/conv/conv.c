/* The three passes: scratch, threads and the loops over boxes. conv_impl.h explains the method. */
#include "conv.h"

#include <string.h>

#include "conv_impl.h"

/* Scratch of one thread: the copy of a box, then tables, then (weight gradient) a panel of gy. */
typedef struct thread_parts {
    size_t segments, rows, groups, panel, all;
} thread_parts;

static thread_parts thread_scratch(const conv_plan *p)
{
    thread_parts s;
    int64_t rows = p->box[0] * p->box[1] * p->box[2];
    bool weight = p->pass == FV_CONV_GRAD_WEIGHT;
    s.segments = conv_box_bytes(p);
    s.rows = s.segments + conv_round((size_t)conv_taps(p) * sizeof(int64_t));
    s.groups = s.rows + (weight ? conv_round((size_t)rows * sizeof(int64_t)) : 0);
    s.panel = s.groups;
    if (!weight) s.panel += conv_round((size_t)conv_groups_most(p) * sizeof(fv_tile_group));
    s.all = s.panel;
    if (weight) s.all += conv_round((size_t)(rows * p->box[3] * p->nr) * p->size);
    return s;
}

/* Large weight gradients: each thread makes some of the panels, from all images. Small ones: each
 * makes all from its images, and the copies are added up. */
static bool by_panels(const conv_plan *p)
{
    int64_t items = p->g->groups * conv_panels(p);
    bool even = items % p->threads == 0 || items >= 4 * p->threads;
    return even && conv_packed_elements(p) * (int64_t)p->size >= 256 << 10;
}

static int64_t copies_of_sums(const conv_plan *p)
{
    return by_panels(p) ? 1 : p->threads;
}

/* What all threads share: packed weights, or the sums of the weight gradient. */
static size_t shared_scratch(const conv_plan *p)
{
    size_t bytes = conv_round((size_t)conv_packed_elements(p) * p->size);
    return p->pass == FV_CONV_GRAD_WEIGHT ? bytes * (size_t)copies_of_sums(p) : bytes;
}

size_t fv_conv_scratch(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass)
{
    conv_plan p = conv_make_plan(g, dtype, pass);
    if (p.depthwise) return conv_depthwise_scratch(&p);
    return shared_scratch(&p) + thread_scratch(&p).all * (size_t)p.threads;
}

/* Where phase, group and panel write. */
typedef struct output {
    const void *packed, *bias;
    void *target;
} output;

/* All groups and panels of one phase over a loaded box. */
static void run_phase(const conv_plan *p, const conv_phase *phase, const conv_box *box,
                      const conv_source *source, const output *out, fv_tile_group *groups,
                      int64_t *segments)
{
    int64_t count[CONV_AXES];
    if (!conv_clip(phase, box, count)) return;
    fv_tile_rows job = {.groups = groups, .segments = segments};
    job.group_count = conv_list_groups(p, count, source, groups, &job.a_rs, &job.c_rs);
    job.segment_count = conv_list_segments(p, phase, source, segments, &job.length);
    const int64_t sum = conv_phase_taps(phase) * p->depth, panels = conv_panels(p);
    const int64_t origin = conv_target_offset(p, phase, box->at);
    job.b = out->packed;
    for (int64_t group = 0; group < p->g->groups; group++) {
        job.a = conv_at(source->data, group * p->depth, p->size);
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t channel = group * p->columns + panel * p->nr;
            job.b_ld = conv_panel_width(p, panel);
            job.columns = conv_panel_columns(p, panel);
            job.c = conv_to(out->target, origin + channel, p->size);
            job.bias = out->bias ? conv_at(out->bias, channel, p->size) : NULL;
            p->tiles->rows[p->type](&job);
            job.b = conv_at(job.b, sum * job.b_ld, p->size);
        }
    }
}

static void run_boxes(const conv_plan *p, int t, const void *source, const output *all,
                      char *scratch)
{
    thread_parts at = thread_scratch(p);
    conv_walk walk = conv_walk_begin(p, t);
    const int64_t width = p->g->groups * conv_group_width(p);
    while (conv_walk_next(p, &walk)) {
        conv_source loaded = conv_box_load(p, &walk.now, source, scratch);
        output out = *all;
        for (int64_t f = 0; f < conv_phase_count(p); f++) {
            conv_phase phase = conv_get_phase(p, f);
            run_phase(p, &phase, &walk.now, &loaded, &out, (fv_tile_group *)(scratch + at.groups),
                      (int64_t *)(scratch + at.segments));
            out.packed = conv_at(out.packed, conv_phase_taps(&phase) * p->depth * width, p->size);
        }
    }
}

/* Forward and input gradient. */
static void run_window(const conv_plan *p, const void *source, const void *w, const void *bias,
                       void *target, void *scratch)
{
    const size_t shared = shared_scratch(p), each = thread_scratch(p).all;
    const output out = {scratch, bias, target};
    const int threads = p->threads;
    if (p->images < 1) return;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static, 1)
        for (int t = 0; t < threads; t++) conv_pack_weights(p, w, scratch, t, threads);
#pragma omp for schedule(static, 1)
        for (int t = 0; t < threads; t++)
            run_boxes(p, t, source, &out, (char *)scratch + shared + (size_t)t * each);
    }
}

/* Offset in the source of each row of positions of a box. */
static int64_t list_rows(const conv_plan *p, const conv_box *box, const conv_source *source,
                         int64_t *rows)
{
    int64_t count = 0;
    for (int64_t i = 0; i < box->count[0]; i++) {
        for (int64_t d = 0; d < box->count[1]; d++) {
            for (int64_t h = 0; h < box->count[2]; h++) {
                rows[count++] = i * source->stride[0] + d * p->step[0] * source->stride[1] +
                                h * p->step[1] * source->stride[2];
            }
        }
    }
    return count;
}

/* sums of panels item0..item1 (counted over groups and panels) over the boxes of part t of parts.
 * sums[panel][tap * depth][width] */
static void sum_boxes(const conv_plan *p, int t, int parts, int64_t item0, int64_t item1,
                      const void *x, const void *gy, void *sums, char *scratch)
{
    conv_plan cut = *p;
    cut.threads = parts;
    thread_parts at = thread_scratch(p);
    conv_walk walk = conv_walk_begin(&cut, t);
    const conv_phase phase = conv_get_phase(p, 0);
    const int64_t sum = conv_taps(p) * p->depth, panels = conv_panels(p);
    const int64_t group_size = sum * conv_group_width(p);
    int64_t *segments = (int64_t *)(scratch + at.segments);
    fv_tile_columns job = {.segments = (int64_t *)(scratch + at.rows)};
    job.a_tile = p->tiles->group * FV_TILE_GROUPS;
    for (; conv_walk_next(&cut, &walk); job.accumulate = true) {
        conv_source source = conv_box_load(p, &walk.now, x, scratch);
        int64_t count = conv_list_segments(p, &phase, &source, segments, &job.rows);
        job.segment_count = list_rows(p, &walk.now, &source, (int64_t *)(scratch + at.rows));
        job.length = walk.now.count[3];
        job.a_cs = p->step[2] * source.stride[3];
        for (int64_t item = item0; item < item1; item++) {
            int64_t group = item / panels, panel = item % panels;
            job.b = conv_pack_positions(p, &walk.now, gy, group, panel, scratch + at.panel);
            void *c = conv_to(sums, group * group_size + panel * p->nr * sum, p->size);
            job.b_ld = job.c_rs = job.columns = conv_panel_width(p, panel);
            for (int64_t s = 0; s < count; s++) {
                job.a = conv_at(source.data, segments[s] + group * p->depth, p->size);
                job.c = conv_to(c, s * job.rows * job.c_rs, p->size);
                p->tiles->columns[p->type](&job);
            }
        }
    }
    if (job.accumulate) return;
    memset(sums, 0, (size_t)conv_packed_elements(p) * p->size); /* no image */
}

static void unpack_items(const conv_plan *p, const void *sums, int64_t copies, int64_t item0,
                         int64_t item1, void *gw)
{
    const int64_t sum = conv_taps(p) * p->depth, panels = conv_panels(p);
    const int64_t stride =
        (int64_t)(conv_round((size_t)conv_packed_elements(p) * p->size) / p->size);
    for (int64_t item = item0; item < item1; item++) {
        int64_t group = item / panels, panel = item % panels;
        int64_t from = group * sum * conv_group_width(p) + panel * p->nr * sum;
        conv_unpack_sums(p, conv_at(sums, from, p->size), copies, stride, group, panel, gw);
    }
}

static void run_weight(const conv_plan *p, const void *x, const void *gy, void *gw, void *scratch)
{
    const size_t shared = shared_scratch(p), each = thread_scratch(p).all;
    const bool panels = by_panels(p);
    const int threads = p->threads;
    const int64_t items = p->g->groups * conv_panels(p), copies = copies_of_sums(p);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static, 1)
        for (int t = 0; t < threads; t++) {
            char *own = (char *)scratch + shared + (size_t)t * each;
            int64_t item0 = panels ? items * t / threads : 0;
            int64_t item1 = panels ? items * (t + 1) / threads : items;
            char *sums = (char *)scratch + (panels ? 0 : (size_t)t * (shared / (size_t)threads));
            sum_boxes(p, panels ? 0 : t, panels ? 1 : threads, item0, item1, x, gy, sums, own);
        }
#pragma omp for schedule(static, 1)
        for (int t = 0; t < threads; t++)
            unpack_items(p, scratch, copies, items * t / threads, items * (t + 1) / threads, gw);
    }
}

void fv_conv_forward(const fv_conv_geometry *g, fv_dtype dtype, const void *x, const void *w,
                     const void *bias, void *y, void *scratch)
{
    conv_plan p = conv_make_plan(g, dtype, FV_CONV_FORWARD);
    if (p.depthwise)
        conv_depthwise_run(&p, x, w, bias, y, scratch);
    else
        run_window(&p, x, w, bias, y, scratch);
}

void fv_conv_grad_input(const fv_conv_geometry *g, fv_dtype dtype, const void *gy, const void *w,
                        const void *bias, void *gx, void *scratch)
{
    conv_plan p = conv_make_plan(g, dtype, FV_CONV_GRAD_INPUT);
    if (p.depthwise)
        conv_depthwise_run(&p, gy, w, bias, gx, scratch);
    else
        run_window(&p, gy, w, bias, gx, scratch);
}

void fv_conv_grad_weight(const fv_conv_geometry *g, fv_dtype dtype, const void *x, const void *gy,
                         void *gw, void *scratch)
{
    conv_plan p = conv_make_plan(g, dtype, FV_CONV_GRAD_WEIGHT);
    if (p.depthwise)
        conv_depthwise_grad_weight(&p, x, gy, gw, scratch);
    else
        run_weight(&p, x, gy, gw, scratch);
}
