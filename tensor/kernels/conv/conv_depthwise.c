/* Depthwise convolution, forward and input gradient. */
#include <stdio.h>
#include <string.h>

#include "conv_depthwise_impl.h"

enum { BOX_BYTES = 512 << 10, MOST_CHUNKS = 8 };
enum { FAR_BYTES = 2 << 20, LINE = 64 };

/* --- shared with the weight gradient -----------------------------------------------------------
 */

int fv_conv_depthwise_shape(int64_t group, int64_t taps, int64_t step)
{
#define ROW(taps, step) {taps, step},
    static const int8_t shapes[][2] = {FV_GROUPED_SHAPES(ROW) FV_UNGROUPED_SHAPES(ROW)};
#undef ROW
    const int count = group == 1 ? FV_DEPTHWISE_COUNT : FV_GROUPED_COUNT;
    if (group != 1 && group != 4 && group != 8 && group != 16) return -1;
    for (int i = 0; i < count; i++)
        if (shapes[i][0] == taps && shapes[i][1] == step) return i;
    return -1;
}

static bool in_place(const conv_window *w, int64_t lanes)
{
    const conv_axis *a = &w->axis[2];
    if (a->apart != 1 || w->source_channels < lanes) return false;
    for (int64_t i = 0; i < a->phases; i++) {
        const int64_t taps = fv_conv_get_phase(w, i).taps[2];
        if (fv_conv_depthwise_shape(w->depth, taps, a->step) < 0) return false;
    }
    return true;
}

/* Bound by loads: about one vector a nanosecond, which has more to do in groups. */
double fv_conv_depthwise_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    const int64_t group = w->depth,
                  lanes = FV_ISA_PICK(fv_conv_kernels_, machine.isa)->lanes[w->size == 8];
    if (w->groups == 1 || w->columns != group) return -1;
    if (group > 1 && (lanes < group || !in_place(w, lanes))) return -1;
    if (group == lanes && pass != FV_CONV_GRAD_WEIGHT) return -1;
    const double rate = group == 1 ? 1 : group == lanes ? 4 : pass == FV_CONV_GRAD_WEIGHT ? 2 : 2.7;
    return 100 + fv_conv_products(w) / (double)lanes / rate;
}

depthwise_plan fv_conv_depthwise_start(const fv_conv_plan *plan, const conv_window *w,
                                       fv_machine machine)
{
    const int64_t *stride = plan->w_stride;
    depthwise_plan p = {.w = *w,
                        .kernels = FV_ISA_PICK(fv_conv_kernels_, machine.isa),
                        .channels = w->source_channels,
                        .group = w->depth,
                        .across = w->back ? stride[1] : stride[0],
                        .down = w->back ? stride[0] : stride[1],
                        .group_step = w->depth * stride[0],
                        .tap = {stride[2], stride[3], stride[4]},
                        .parts = 1,
                        .type = plan->dtype == FV_FLOAT64};
    const int64_t lanes = p.kernels->lanes[p.type];
    p.width = conv_ceil_div(p.channels, lanes) * lanes;
    p.in_place = in_place(w, lanes);
    int64_t pixels = w->images;
    for (int d = 0; d < 3; d++) pixels = conv_mul(pixels, w->axis[d].source);
    p.far = conv_mul(pixels, p.channels * w->size) > FAR_BYTES;
    return p;
}

int64_t fv_conv_depthwise_tap_rows(const depthwise_plan *p, const conv_phase *phase, int64_t d,
                                   int64_t h, int64_t *taps, int64_t *places)
{
    const conv_axis *a = p->w.axis;
    int64_t made = 0;
    for (int64_t z = 0; z < phase->taps[0]; z++) {
        const int64_t plane = d * a[0].step + phase->first[0] + z * a[0].apart;
        if (plane < 0 || plane >= a[0].source) continue;
        for (int64_t y = 0; y < phase->taps[1]; y++) {
            const int64_t row = h * a[1].step + phase->first[1] + y * a[1].apart;
            if (row < 0 || row >= a[1].source) continue;
            taps[made] = (plane * a[1].source + row) * a[2].source * p->channels;
            places[made++] = (z * phase->taps[1] + y) * phase->taps[2];
        }
    }
    return made;
}

/* --- planning and packing --------------------------------------------------------------------- */

static void plan_window(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    depthwise_plan p = fv_conv_depthwise_start(plan, w, machine);
    const conv_limits limits = {.bytes = BOX_BYTES,
                                .positions = INT64_MAX,
                                .wanted = fv_conv_wanted_chunks(plan->cost, MOST_CHUNKS)};
    p.boxes = fv_conv_cut_boxes(w, !p.in_place, p.width, limits);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), conv_max(p.boxes.total, 1));
    memcpy(plan->own, &p, sizeof p);
}

typedef struct slot_scratch {
    void *box;
    int64_t *taps, *places;
} slot_scratch;

/* Weights by phase, [tap][width], and the epilogue's arrays, [width]. */
typedef struct window_scratch {
    void *packed, *bias, *scale, *shift;
    char *slots;
    size_t slot_bytes;
} window_scratch;

static size_t row_bytes(const depthwise_plan *p)
{
    return (size_t)(p->width * p->w.size);
}

static size_t packed_bytes(const fv_conv_plan *plan)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    return (size_t)(p->w.taps * p->group) * row_bytes(p);
}

static uint64_t packed_key(const fv_conv_plan *plan)
{
    return fv_conv_phases_key(&conv_depthwise_own(plan)->w);
}

static slot_scratch take_slot(const depthwise_plan *p, fv_scratch *s)
{
    return (slot_scratch){.box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, 0)),
                          .taps = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
                          .places = fv_take(s, (size_t)p->w.taps * sizeof(int64_t))};
}

static window_scratch take(const fv_conv_plan *plan, fv_scratch *s)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    fv_scratch slot = {NULL, 0};
    take_slot(p, &slot);
    const size_t copy = p->channels == p->width ? 0 : row_bytes(p);
    return (window_scratch){.packed = fv_take(s, plan->packed ? 0 : packed_bytes(plan)),
                            .bias = fv_take(s, copy),
                            .scale = fv_take(s, copy),
                            .shift = fv_take(s, copy),
                            .slots = fv_take(s, slot.used * (size_t)p->threads),
                            .slot_bytes = slot.used};
}

static void layout_window(const fv_conv_plan *plan, fv_scratch *s)
{
    take(plan, s);
}

/* to[width] = one element of each channel, zeros behind. */
#define FV_SPREAD(T)                                                                               \
    static void spread_##T(const depthwise_plan *p, const T *from, int64_t across,                 \
                           int64_t group_step, T *to)                                              \
    {                                                                                              \
        const T *end = to + p->width;                                                              \
        for (int64_t g = 0; g < p->w.groups; g++, from += group_step)                              \
            for (int64_t c = 0; c < p->group; c++) *to++ = from[c * across];                       \
        while (to < end) *to++ = 0;                                                                \
    }
FV_SPREAD(float)
FV_SPREAD(double)
#undef FV_SPREAD

static void spread(const depthwise_plan *p, const void *from, int64_t across, int64_t group_step,
                   void *to)
{
    if (p->type)
        spread_double(p, from, across, group_step, to);
    else
        spread_float(p, from, across, group_step, to);
}

/* An array of the epilogue as whole vectors. */
static const void *whole_vectors(const depthwise_plan *p, const void *from, void *to)
{
    const size_t bytes = (size_t)(p->channels * p->w.size);
    if (!from || p->channels == p->width) return from;
    memcpy(to, from, bytes);
    memset((char *)to + bytes, 0, row_bytes(p) - bytes);
    return to;
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->w, f);
        for (int64_t t = 0; t < fv_conv_phase_taps(&phase); t++) {
            const int64_t at[3] = {t / phase.taps[2] / phase.taps[1],
                                   t / phase.taps[2] % phase.taps[1], t % phase.taps[2]};
            int64_t from = 0;
            for (int d = 0; d < 3; d++) from += (phase.tap[d] + at[d] * phase.next[d]) * p->tap[d];
            for (int64_t c = 0; c < p->group; c++, packed = conv_to(packed, p->width, p->w.size))
                spread(p, conv_at(w, from + c * p->down, p->w.size), p->across, p->group_step,
                       packed);
        }
    }
}

typedef struct window_job {
    const depthwise_plan *p;
    const fv_conv_operands *o;
    fv_depthwise_row row; /* what all rows have in common */
    window_scratch scratch;
} window_job;

static void run_phase(const window_job *job, const conv_phase *phase, const conv_box *box,
                      const conv_source *source, fv_depthwise_row *row)
{
    const depthwise_plan *p = job->p;
    const void *residual = job->o->epilogue.residual;
    conv_rows r = fv_conv_rows(&p->w, phase, box);
    row->positions = r.count[3];
    row->a_step = source->stride[3];
    while (conv_next_row(&r)) {
        row->a = conv_at(source->data, conv_row_source(&r, source), p->w.size);
        row->c = conv_to(job->o->out, r.target, p->w.size);
        row->residual = residual ? conv_at(residual, r.target, p->w.size) : NULL;
        p->kernels->depthwise[p->type](row);
    }
}

/* The last row of the source that the next row of positions meets is fetched while this one is
 * computed. Always inline, as GCC drops calls of a function that does nothing else. */
static inline __attribute__((always_inline)) void fetch_next(const depthwise_plan *p,
                                                             const fv_depthwise_row *row)
{
    const conv_axis *a = p->w.axis;
    const int64_t length = a[2].source * p->channels;
    if (row->tap_count == 0) return;
    const int64_t at = row->taps[row->tap_count - 1] + a[1].step * length;
    const char *next = conv_at(row->a, at, p->w.size);
    for (int64_t i = 0; i < length * p->w.size; i += LINE) __builtin_prefetch(next + i);
}

static void run_in_place(const window_job *job, const conv_phase *phase, const conv_box *box,
                         const slot_scratch *s, fv_depthwise_row *row)
{
    const depthwise_plan *p = job->p;
    const conv_axis *a = p->w.axis;
    const int shape = fv_conv_depthwise_shape(p->group, phase->taps[2], a[2].step);
    const int64_t image = a[0].source * a[1].source * a[2].source * p->channels;
    const int64_t first = box->at[3] * a[2].step + phase->first[2]; /* pixel of tap 0 */
    const void *residual = job->o->epilogue.residual;
    conv_rows r = fv_conv_rows(&p->w, phase, box);
    row->places = s->places;
    row->positions = r.count[3];
    row->inside = -first;
    row->inside_end = a[2].source - first;
    while (conv_next_row(&r)) {
        row->tap_count = fv_conv_depthwise_tap_rows(p, phase, r.at[1], r.at[2], s->taps, s->places);
        row->a = conv_at(job->o->a, r.at[0] * image + first * p->channels, p->w.size);
        row->c = conv_to(job->o->out, r.target, p->w.size);
        row->residual = residual ? conv_at(residual, r.target, p->w.size) : NULL;
        if (p->far) fetch_next(p, row);
        p->kernels->shapes[p->type]->row[conv_group_size(p->group)][shape](row);
    }
}

static void run_chunk(void *data, int64_t chunk, int slot)
{
    const window_job *job = data;
    const depthwise_plan *p = job->p;
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const slot_scratch s = take_slot(p, &memory);
    const conv_box box = fv_conv_get_box(&p->w, &p->boxes, chunk);
    conv_source source = {0};
    if (!p->in_place) source = fv_conv_box_load(&p->w, &p->boxes, &box, job->o->a, s.box);
    fv_depthwise_row row = job->row;
    row.taps = s.taps;
    fv_conv_fill_box(&p->w, &box, job->o);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->w, f);
        if (p->in_place) {
            run_in_place(job, &phase, &box, &s, &row);
        } else {
            row.tap_count = fv_conv_phase_taps(&phase);
            fv_conv_list_taps(&p->w, &phase, &source, false, s.taps);
            run_phase(job, &phase, &box, &source, &row);
        }
        row.w = conv_at(row.w, fv_conv_phase_taps(&phase) * p->group * row.width, p->w.size);
    }
}

static void run_window(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    const fv_conv_epilogue *e = &o->epilogue;
    fv_scratch memory = {scratch, 0};
    window_job job = {.p = p, .o = o, .scratch = take(plan, &memory)};
    if (p->boxes.total == 0) return;
    if (!o->packed) pack(plan, o->b, job.scratch.packed);
    job.row = (fv_depthwise_row){
        .w = o->packed ? o->packed : job.scratch.packed,
        .width = p->width,
        .bias = whole_vectors(p, e->bias, job.scratch.bias),
        .scale = whole_vectors(p, e->scale, job.scratch.scale),
        .shift = whole_vectors(p, e->shift, job.scratch.shift),
        .relu = e->relu,
        .finish = e->scale || e->shift || e->residual || e->relu,
        .channels = p->channels,
        .pixel = p->channels,
        .c_step = p->w.axis[2].spread * p->w.target_channels,
    };
    fv_parallel(p->threads, p->boxes.total, run_chunk, &job);
}

static int describe_window(const fv_conv_plan *plan, char *text, size_t size)
{
    const depthwise_plan *p = conv_depthwise_own(plan);
    return snprintf(text, size, "%s, %lld box%s, %d thread%s",
                    p->group == 1 ? "depthwise" : "small groups", (long long)p->boxes.total,
                    p->boxes.total == 1 ? "" : "es", p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_depthwise = {
    .name = "depthwise",
    .cost = fv_conv_depthwise_cost,
    .plan = plan_window,
    .layout = layout_window,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .packed_key = packed_key,
    .run = run_window,
    .describe = describe_window,
};
