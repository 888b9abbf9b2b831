/* The weight gradient of depthwise convolution: a copy of the sums for each part of the boxes. */
#include <stdio.h>
#include <string.h>

#include "conv_depthwise_impl.h"

enum { BOX_BYTES = 2 << 20, POSITIONS = 768, MOST_PARTS = 8 };

static void plan_weight(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    depthwise_plan p = fv_conv_depthwise_start(plan, w, machine);
    const int64_t wanted = fv_conv_wanted_chunks(plan->cost, MOST_PARTS);
    const conv_limits limits = {.bytes = BOX_BYTES, .positions = POSITIONS, .wanted = wanted};
    p.boxes = fv_conv_cut_boxes(w, !p.in_place, p.width, limits);
    p.parts = conv_max(conv_min(wanted, p.boxes.total), 1);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), p.parts);
    memcpy(plan->own, &p, sizeof p);
}

static size_t row_bytes(const depthwise_plan *p)
{
    return (size_t)(p->width * p->w.size);
}

typedef struct sum_scratch {
    void *box;
    int64_t *taps, *rows, *places;
    void *gradient; /* gy of a copied box, [position][width] */
} sum_scratch;

typedef struct weight_scratch {
    void *sums; /* [part][tap][width] */
    char *slots;
    size_t slot_bytes;
} weight_scratch;

static sum_scratch take_sum_slot(const depthwise_plan *p, fv_scratch *s)
{
    const int64_t *most = p->boxes.most, rows = most[0] * most[1] * most[2];
    return (sum_scratch){
        .box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, 0)),
        .taps = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
        .rows = fv_take(s, (size_t)rows * sizeof(int64_t)),
        .places = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
        .gradient = fv_take(s, p->in_place ? 0 : (size_t)(rows * most[3]) * row_bytes(p)),
    };
}

static weight_scratch take_weight(const depthwise_plan *p, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    take_sum_slot(p, &slot);
    return (weight_scratch){
        .sums = fv_take(s, (size_t)(p->parts * p->w.taps * p->group) * row_bytes(p)),
        .slots = fv_take(s, slot.used * (size_t)p->threads),
        .slot_bytes = slot.used,
    };
}

static void layout_weight(const fv_conv_plan *plan, fv_scratch *s)
{
    take_weight(conv_depthwise_own(plan), s);
}

typedef struct weight_job {
    const depthwise_plan *p;
    const fv_conv_operands *o;
    weight_scratch scratch;
} weight_job;

/* gy of a box with padded channels, and where its rows begin in the loaded source. */
static void load_gradient(const weight_job *job, const conv_phase *phase, const conv_box *box,
                          const conv_source *source, const sum_scratch *s)
{
    const depthwise_plan *p = job->p;
    const size_t row = row_bytes(p), pixel = (size_t)(p->channels * p->w.size);
    conv_rows r = fv_conv_rows(&p->w, phase, box);
    int64_t *place = s->rows;
    char *to = s->gradient;
    while (conv_next_row(&r)) {
        const char *from = conv_at(job->o->b, r.target, p->w.size);
        *place++ = conv_row_source(&r, source);
        for (int64_t q = 0; q < box->count[3]; q++, to += row, from += pixel) {
            memcpy(to, from, pixel);
            memset(to + pixel, 0, row - pixel);
        }
    }
}

static void sum_copied(const weight_job *job, const conv_phase *phase, const conv_box *box,
                       const sum_scratch *s, fv_depthwise_sum *sum)
{
    const depthwise_plan *p = job->p;
    const conv_source source = fv_conv_box_load(&p->w, &p->boxes, box, job->o->a, s->box);
    sum->tap_count = fv_conv_list_taps(&p->w, phase, &source, false, s->taps);
    load_gradient(job, phase, box, &source, s);
    sum->rows = s->rows;
    sum->g = s->gradient;
    sum->a = source.data;
    sum->a_step = source.stride[3];
    sum->row_count = box->count[0] * box->count[1] * box->count[2];
    p->kernels->depthwise_sum[p->type](sum);
}

static void sum_in_place(const weight_job *job, const conv_phase *phase, const conv_box *box,
                         const sum_scratch *s, fv_depthwise_sum *sum)
{
    const depthwise_plan *p = job->p;
    const conv_axis *a = p->w.axis;
    const int shape = fv_conv_depthwise_shape(p->group, phase->taps[2], a[2].step);
    const int64_t image = a[0].source * a[1].source * a[2].source * p->channels;
    const int64_t first = box->at[3] * a[2].step + phase->first[2]; /* pixel of tap 0 */
    conv_rows r = fv_conv_rows(&p->w, phase, box);
    sum->inside = -first;
    sum->inside_end = a[2].source - first;
    while (conv_next_row(&r)) {
        sum->tap_count = fv_conv_depthwise_tap_rows(p, phase, r.at[1], r.at[2], s->taps, s->places);
        sum->a = conv_at(job->o->a, r.at[0] * image + first * p->channels, p->w.size);
        sum->g = conv_at(job->o->b, r.target, p->w.size);
        p->kernels->shapes[p->type]->sum[conv_group_size(p->group)][shape](sum);
    }
}

static void sum_chunk(void *data, int64_t part, int slot)
{
    const weight_job *job = data;
    const depthwise_plan *p = job->p;
    const conv_phase phase = fv_conv_get_phase(&p->w, 0);
    const size_t bytes = (size_t)(p->w.taps * p->group) * row_bytes(p);
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const sum_scratch s = take_sum_slot(p, &memory);
    fv_depthwise_sum sum = {.taps = s.taps,
                            .places = s.places,
                            .width = p->width,
                            .channels = p->channels,
                            .pixel = p->channels,
                            .g_step = p->channels,
                            .sums = (char *)job->scratch.sums + (size_t)part * bytes};
    memset(sum.sums, 0, bytes);
    const int64_t end = fv_chunk_begin(p->boxes.total, p->parts, part + 1);
    for (int64_t i = fv_chunk_begin(p->boxes.total, p->parts, part); i < end; i++) {
        const conv_box box = fv_conv_get_box(&p->w, &p->boxes, i);
        sum.positions = box.count[3];
        if (p->in_place)
            sum_in_place(job, &phase, &box, &s, &sum);
        else
            sum_copied(job, &phase, &box, &s, &sum);
    }
}

/* Sums over the parts in their order. Those of the last vector are of the last channels where the
 * source is read in place. */
#define FV_ADD_UP(T)                                                                               \
    static void add_up_##T(const depthwise_plan *p, const T *sums, T *gw)                          \
    {                                                                                              \
        const int64_t taps = p->w.taps, group = p->group, all = taps * group * p->width;           \
        const int64_t last = p->width - p->kernels->lanes[p->type];                                \
        for (int64_t c = 0; c < p->channels; c++) {                                                \
            const int64_t at = c + (p->in_place && c >= last ? p->width - p->channels : 0);        \
            for (int64_t i = 0; i < group * taps; i++, gw++) {                                     \
                const T *from = sums + (i % taps * group + i / taps) * p->width + at;              \
                *gw = *from;                                                                       \
                for (int64_t part = 1; part < p->parts; part++) *gw += from[part * all];           \
            }                                                                                      \
        }                                                                                          \
    }
FV_ADD_UP(float)
FV_ADD_UP(double)
#undef FV_ADD_UP

static void run_weight(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    fv_scratch memory = {scratch, 0};
    weight_job job = {.p = p, .o = o, .scratch = take_weight(p, &memory)};
    const void *sums = job.scratch.sums;
    fv_parallel(p->threads, p->parts, sum_chunk, &job);
    if (p->type)
        add_up_double(p, sums, o->out);
    else
        add_up_float(p, sums, o->out);
}

static int describe_weight(const fv_conv_plan *plan, char *text, size_t size)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    return snprintf(text, size, "%s, %lld box%s in %lld part%s, %d thread%s",
                    p->group == 1 ? "depthwise" : "small groups", (long long)p->boxes.total,
                    p->boxes.total == 1 ? "" : "es", (long long)p->parts, p->parts == 1 ? "" : "s",
                    p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_depthwise_weight = {
    .name = "depthwise",
    .cost = fv_conv_depthwise_cost,
    .plan = plan_weight,
    .layout = layout_weight,
    .run = run_weight,
    .describe = describe_weight,
};
