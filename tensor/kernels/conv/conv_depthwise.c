/* Depthwise convolution (groups = channels = outputs): the channels are independent, so that
 * vectors run over them and no product of matrices is left. Two algorithms: forward with the input
 * gradient, and the weight gradient. */
#include <stdio.h>
#include <string.h>

#include "conv_impl.h"
#include "conv_isa.h"

enum { BOX_BYTES = 512 << 10, WEIGHT_BYTES = 2 << 20, WEIGHT_POSITIONS = 768 };
enum { MOST_CHUNKS = 8, MOST_PARTS = 8 };

typedef struct depthwise_plan {
    conv_window w;
    conv_boxes boxes;
    const fv_conv_kernels *kernels;
    int64_t width;          /* channels in whole vectors */
    int64_t across, tap[3]; /* w: from one channel to the next, and by taps */
    int64_t parts;          /* weight gradient: of the boxes, with a copy of the sums each */
    bool in_place; /* the source is read where it lies, by a kernel of each phase's shape */
    int threads;
    int type; /* 0 float, 1 double */
} depthwise_plan;

static const depthwise_plan *own(const fv_conv_plan *p)
{
    return (const depthwise_plan *)(const void *)p->own;
}

/* Bound by loads: about one vector a nanosecond. */
static double cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    (void)pass;
    if (w->groups == 1 || w->depth != 1 || w->columns != 1) return -1;
    return 100 +
           fv_conv_products(w) / FV_ISA_PICK(fv_conv_kernels_, machine.isa)->lanes[w->size == 8];
}

static depthwise_plan start(const fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    const int64_t *stride = plan->w_stride;
    depthwise_plan p = {.w = *w,
                        .kernels = FV_ISA_PICK(fv_conv_kernels_, machine.isa),
                        .across = stride[0],
                        .tap = {stride[2], stride[3], stride[4]},
                        .parts = 1,
                        .type = plan->dtype == FV_FLOAT64};
    const int64_t lanes = p.kernels->lanes[p.type];
    p.width = conv_ceil_div(w->groups, lanes) * lanes;
    return p;
}

/* Every tap has its own offset, also where pixels touch. */
static void list_taps(const depthwise_plan *p, const conv_phase *phase, const conv_source *source,
                      int64_t *taps)
{
    fv_conv_list_taps(&p->w, phase, source, false, taps);
}

/* --- forward and input gradient --------------------------------------------------------------- */

/* Which kernel has such rows of taps; negative: none. */
static int shape_of(int64_t taps, int64_t step)
{
#define ROW(taps, step) {taps, step},
    static const int8_t shapes[][2] = {FV_DEPTHWISE_SHAPES(ROW)};
#undef ROW
    for (int i = 0; i < FV_DEPTHWISE_COUNT; i++)
        if (shapes[i][0] == taps && shapes[i][1] == step) return i;
    return -1;
}

static bool reads_in_place(const depthwise_plan *p)
{
    const conv_axis *a = &p->w.axis[2];
    if (a->apart != 1 || p->w.groups < p->kernels->lanes[p->type]) return false;
    for (int64_t i = 0; i < a->phases; i++)
        if (shape_of(fv_conv_get_phase(&p->w, i).taps[2], a->step) < 0) return false;
    return true;
}

static void plan_window(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    depthwise_plan p = start(plan, w, machine);
    const conv_limits limits = {.bytes = BOX_BYTES,
                                .positions = INT64_MAX,
                                .wanted = fv_conv_wanted_chunks(plan->cost, MOST_CHUNKS)};
    p.in_place = reads_in_place(&p);
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

static slot_scratch take_slot(const depthwise_plan *p, fv_scratch *s)
{
    return (slot_scratch){.box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, 0)),
                          .taps = fv_take(s, (size_t)p->w.taps * sizeof(int64_t)),
                          .places = fv_take(s, (size_t)p->w.taps * sizeof(int64_t))};
}

static window_scratch take(const depthwise_plan *p, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    take_slot(p, &slot);
    return (window_scratch){.packed = fv_take(s, (size_t)p->w.taps * row_bytes(p)),
                            .bias = fv_take(s, row_bytes(p)),
                            .scale = fv_take(s, row_bytes(p)),
                            .shift = fv_take(s, row_bytes(p)),
                            .slots = fv_take(s, slot.used * (size_t)p->threads),
                            .slot_bytes = slot.used};
}

static void layout_window(const fv_conv_plan *plan, fv_scratch *s)
{
    take(own(plan), s);
}

/* to[width] = one element of each channel, zeros behind. */
#define FV_SPREAD(T)                                                                               \
    static void spread_##T(const T *from, int64_t channels, int64_t stride, T *to, int64_t wide)   \
    {                                                                                              \
        for (int64_t c = 0; c < wide; c++) to[c] = c < channels ? from[c * stride] : (T)0;         \
    }                                                                                              \
    static void add_up_##T(const T *sums, int64_t parts, int64_t taps, int64_t channels,           \
                           int64_t wide, T *gw)                                                    \
    {                                                                                              \
        for (int64_t c = 0; c < channels; c++) {                                                   \
            for (int64_t t = 0; t < taps; t++) {                                                   \
                T sum = sums[t * wide + c];                                                        \
                for (int64_t i = 1; i < parts; i++) sum += sums[(i * taps + t) * wide + c];        \
                gw[c * taps + t] = sum;                                                            \
            }                                                                                      \
        }                                                                                          \
    }
FV_SPREAD(float)
FV_SPREAD(double)
#undef FV_SPREAD

static void spread(const depthwise_plan *p, const void *from, int64_t stride, void *to)
{
    if (p->type)
        spread_double(from, p->w.groups, stride, to, p->width);
    else
        spread_float(from, p->w.groups, stride, to, p->width);
}

static const void *spread_channels(const depthwise_plan *p, const void *from, void *to)
{
    if (!from) return NULL;
    spread(p, from, 1, to);
    return to;
}

static size_t packed_bytes(const fv_conv_plan *plan)
{
    return (size_t)own(plan)->w.taps * row_bytes(own(plan));
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    const depthwise_plan *p = own(plan);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->w, f);
        for (int64_t t = 0; t < fv_conv_phase_taps(&phase); t++) {
            const int64_t at[3] = {t / phase.taps[2] / phase.taps[1],
                                   t / phase.taps[2] % phase.taps[1], t % phase.taps[2]};
            int64_t from = 0;
            for (int d = 0; d < 3; d++) from += (phase.tap[d] + at[d] * phase.next[d]) * p->tap[d];
            spread(p, conv_at(w, from, p->w.size), p->across, packed);
            packed = conv_to(packed, p->width, p->w.size);
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
    int64_t count[CONV_AXES], at[CONV_AXES] = {0, 0, 0, box->at[3]};
    if (!fv_conv_clip(phase, box, count)) return;
    row->positions = count[3];
    row->a_step = source->stride[3];
    for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t d = 0; d < count[1]; d++) {
            for (int64_t h = 0; h < count[2]; h++) {
                at[0] = box->at[0] + i;
                at[1] = box->at[1] + d;
                at[2] = box->at[2] + h;
                const int64_t c = fv_conv_target_offset(&p->w, phase, at);
                const int64_t a =
                    i * source->stride[0] + d * source->stride[1] + h * source->stride[2];
                row->a = conv_at(source->data, a, p->w.size);
                row->c = conv_to(job->o->out, c, p->w.size);
                row->residual = residual ? conv_at(residual, c, p->w.size) : NULL;
                p->kernels->depthwise[p->type](row);
            }
        }
    }
}

/* The rows of taps that meet the source at position (d, h) of a phase: their offsets in an image
 * and their first taps. Returns their number. */
static int64_t list_tap_rows(const depthwise_plan *p, const conv_phase *phase, int64_t d, int64_t h,
                             const slot_scratch *s)
{
    const conv_axis *a = p->w.axis;
    int64_t made = 0;
    for (int64_t z = 0; z < phase->taps[0]; z++) {
        const int64_t plane = d * a[0].step + phase->first[0] + z * a[0].apart;
        if (plane < 0 || plane >= a[0].source) continue;
        for (int64_t y = 0; y < phase->taps[1]; y++) {
            const int64_t row = h * a[1].step + phase->first[1] + y * a[1].apart;
            if (row < 0 || row >= a[1].source) continue;
            s->taps[made] = (plane * a[1].source + row) * a[2].source * p->w.groups;
            s->places[made++] = (z * phase->taps[1] + y) * phase->taps[2];
        }
    }
    return made;
}

static void run_in_place(const window_job *job, const conv_phase *phase, const conv_box *box,
                         const slot_scratch *s, fv_depthwise_row *row)
{
    const depthwise_plan *p = job->p;
    const conv_axis *a = p->w.axis;
    const void *residual = job->o->epilogue.residual;
    const int shape = shape_of(phase->taps[2], a[2].step);
    const int64_t image = a[0].source * a[1].source * a[2].source * p->w.groups;
    const int64_t first = box->at[3] * a[2].step + phase->first[2]; /* pixel of tap 0 */
    int64_t count[CONV_AXES], at[CONV_AXES] = {0, 0, 0, box->at[3]};
    if (!fv_conv_clip(phase, box, count)) return;
    row->places = s->places;
    row->positions = count[3];
    row->inside = -first;
    row->inside_end = a[2].source - first;
    for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t d = 0; d < count[1]; d++) {
            for (int64_t h = 0; h < count[2]; h++) {
                at[0] = box->at[0] + i;
                at[1] = box->at[1] + d;
                at[2] = box->at[2] + h;
                const int64_t c = fv_conv_target_offset(&p->w, phase, at);
                row->tap_count = list_tap_rows(p, phase, at[1], at[2], s);
                row->a = conv_at(job->o->a, at[0] * image + first * p->w.groups, p->w.size);
                row->c = conv_to(job->o->out, c, p->w.size);
                row->residual = residual ? conv_at(residual, c, p->w.size) : NULL;
                p->kernels->depthwise_shape[p->type][shape](row);
            }
        }
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
            list_taps(p, &phase, &source, s.taps);
            run_phase(job, &phase, &box, &source, &row);
        }
        row.w = conv_at(row.w, fv_conv_phase_taps(&phase) * row.width, p->w.size);
    }
}

static void run_window(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const depthwise_plan *p = own(plan);
    const fv_conv_epilogue *e = &o->epilogue;
    fv_scratch memory = {scratch, 0};
    window_job job = {.p = p, .o = o, .scratch = take(p, &memory)};
    if (p->boxes.total == 0) return;
    if (!o->packed) pack(plan, o->b, job.scratch.packed);
    job.row = (fv_depthwise_row){
        .w = o->packed ? o->packed : job.scratch.packed,
        .width = p->width,
        .bias = spread_channels(p, e->bias, job.scratch.bias),
        .scale = spread_channels(p, e->scale, job.scratch.scale),
        .shift = spread_channels(p, e->shift, job.scratch.shift),
        .relu = e->relu,
        .finish = e->scale || e->shift || e->residual || e->relu,
        .channels = p->w.groups,
        .pixel = p->w.groups,
        .c_step = p->w.axis[2].spread * p->w.target_channels,
    };
    fv_parallel(p->threads, p->boxes.total, run_chunk, &job);
}

static int describe_window(const fv_conv_plan *plan, char *text, size_t size)
{
    const depthwise_plan *p = own(plan);
    return snprintf(text, size, "depthwise, %lld box%s, %d thread%s", (long long)p->boxes.total,
                    p->boxes.total == 1 ? "" : "es", p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_depthwise = {
    .name = "depthwise",
    .cost = cost,
    .plan = plan_window,
    .layout = layout_window,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_window,
    .describe = describe_window,
};

/* --- weight gradient: a copy of the sums for each part of the boxes --------------------------- */

static void plan_weight(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    depthwise_plan p = start(plan, w, machine);
    const int64_t wanted = fv_conv_wanted_chunks(plan->cost, MOST_PARTS);
    const conv_limits limits = {
        .bytes = WEIGHT_BYTES, .positions = WEIGHT_POSITIONS, .wanted = wanted};
    p.boxes = fv_conv_cut_boxes(w, true, p.width, limits);
    p.parts = conv_max(conv_min(wanted, p.boxes.total), 1);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), p.parts);
    memcpy(plan->own, &p, sizeof p);
}

typedef struct sum_scratch {
    void *box;
    int64_t *taps, *rows;
    void *gradient; /* gy of a box, [position][width] */
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
        .gradient = fv_take(s, (size_t)(rows * most[3]) * row_bytes(p)),
    };
}

static weight_scratch take_weight(const depthwise_plan *p, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    take_sum_slot(p, &slot);
    return (weight_scratch){
        .sums = fv_take(s, (size_t)(p->parts * p->w.taps) * row_bytes(p)),
        .slots = fv_take(s, slot.used * (size_t)p->threads),
        .slot_bytes = slot.used,
    };
}

static void layout_weight(const fv_conv_plan *plan, fv_scratch *s)
{
    take_weight(own(plan), s);
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
    const size_t row = row_bytes(p), pixel = (size_t)(p->w.groups * p->w.size);
    const int64_t rows = box->count[0] * box->count[1] * box->count[2];
    char *to = s->gradient;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t h = r % box->count[2], d = r / box->count[2] % box->count[1];
        const int64_t i = r / box->count[2] / box->count[1];
        const int64_t at[CONV_AXES] = {box->at[0] + i, box->at[1] + d, box->at[2] + h, box->at[3]};
        const char *from = conv_at(job->o->b, fv_conv_target_offset(&p->w, phase, at), p->w.size);
        s->rows[r] = i * source->stride[0] + d * source->stride[1] + h * source->stride[2];
        for (int64_t q = 0; q < box->count[3]; q++, to += row, from += pixel) {
            memcpy(to, from, pixel);
            memset(to + pixel, 0, row - pixel);
        }
    }
}

static void sum_chunk(void *data, int64_t part, int slot)
{
    const weight_job *job = data;
    const depthwise_plan *p = job->p;
    const conv_phase phase = fv_conv_get_phase(&p->w, 0);
    const size_t bytes = (size_t)p->w.taps * row_bytes(p);
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const sum_scratch s = take_sum_slot(p, &memory);
    fv_depthwise_sum sum = {.taps = s.taps,
                            .rows = s.rows,
                            .tap_count = p->w.taps,
                            .g = s.gradient,
                            .width = p->width,
                            .sums = (char *)job->scratch.sums + (size_t)part * bytes};
    memset(sum.sums, 0, bytes);
    const int64_t end = fv_chunk_begin(p->boxes.total, p->parts, part + 1);
    for (int64_t i = fv_chunk_begin(p->boxes.total, p->parts, part); i < end; i++) {
        const conv_box box = fv_conv_get_box(&p->w, &p->boxes, i);
        const conv_source source = fv_conv_box_load(&p->w, &p->boxes, &box, job->o->a, s.box);
        list_taps(p, &phase, &source, s.taps);
        load_gradient(job, &phase, &box, &source, &s);
        sum.a = source.data;
        sum.a_step = source.stride[3];
        sum.positions = box.count[3];
        sum.row_count = box.count[0] * box.count[1] * box.count[2];
        p->kernels->depthwise_sum[p->type](&sum);
    }
}

static void run_weight(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const depthwise_plan *p = own(plan);
    fv_scratch memory = {scratch, 0};
    weight_job job = {.p = p, .o = o, .scratch = take_weight(p, &memory)};
    const void *sums = job.scratch.sums;
    fv_parallel(p->threads, p->parts, sum_chunk, &job);
    if (p->type)
        add_up_double(sums, p->parts, p->w.taps, p->w.groups, p->width, o->out);
    else
        add_up_float(sums, p->parts, p->w.taps, p->w.groups, p->width, o->out);
}

static int describe_weight(const fv_conv_plan *plan, char *text, size_t size)
{
    const depthwise_plan *p = own(plan);
    return snprintf(text, size, "depthwise, %lld box%s in %lld part%s, %d thread%s",
                    (long long)p->boxes.total, p->boxes.total == 1 ? "" : "es", (long long)p->parts,
                    p->parts == 1 ? "" : "s", p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_depthwise_weight = {
    .name = "depthwise",
    .cost = cost,
    .plan = plan_weight,
    .layout = layout_weight,
    .run = run_weight,
    .describe = describe_weight,
};
