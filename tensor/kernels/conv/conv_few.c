/* Few channels made of many: the input gradient of a first layer, the forward pass of a last one.
 * A panel of the implicit product would be mostly empty; here vectors run over the channels that
 * are summed, several positions and all columns at a time, and the lanes of each sum are added up
 * in the end. */
#include <stdio.h>
#include <string.h>

#include "conv_few_isa.h"
#include "conv_impl.h"

enum { BOX_BYTES = 512 << 10, MOST_CHUNKS = 8 };

typedef struct few_plan {
    conv_window w;
    conv_boxes boxes;
    const fv_few_kernels *kernels;
    int64_t across, down, tap[3]; /* w: between made channels, summed ones, and taps */
    int threads;
    int type; /* 0 float, 1 double */
} few_plan;

_Static_assert(sizeof(few_plan) <= sizeof((fv_conv_plan *)0)->own, "fits into a plan");

static const few_plan *own(const fv_conv_plan *p)
{
    return (const few_plan *)(const void *)p->own;
}

/* About 3.4 vectors of products a nanosecond; adding up the lanes of a sum takes 1.5, an element of
 * w as long to pack. */
static double cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    (void)pass;
    const double lanes = FV_ISA_PICK(fv_few_kernels_, machine.isa)->lanes[w->size == 8];
    if (w->groups > 1 || w->columns > FV_FEW_COLUMNS || w->depth % (int64_t)lanes) return -1;
    const double sums = (double)w->positions * (double)w->columns * (double)fv_conv_phase_count(w);
    const double weights = (double)w->taps * (double)w->depth * (double)w->columns;
    return 100 + fv_conv_products(w) / lanes / 3.4 + sums * 1.5 +
           weights * (machine.weights_stay ? 0.15 : 1.5);
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    const int64_t *stride = plan->w_stride;
    few_plan p = {.w = *w,
                  .kernels = FV_ISA_PICK(fv_few_kernels_, machine.isa),
                  .across = w->back ? stride[1] : stride[0],
                  .down = w->back ? stride[0] : stride[1],
                  .tap = {stride[2], stride[3], stride[4]},
                  .type = plan->dtype == FV_FLOAT64};
    const conv_limits limits = {.bytes = BOX_BYTES,
                                .positions = INT64_MAX,
                                .wanted = fv_conv_wanted_chunks(plan->cost, MOST_CHUNKS)};
    p.boxes = fv_conv_cut_boxes(w, !fv_conv_inside(w), w->depth, limits);
    p.threads = (int)conv_min(fv_threads_for(machine, plan->cost), conv_max(p.boxes.total, 1));
    memcpy(plan->own, &p, sizeof p);
}

/* --- scratch and weights ---------------------------------------------------------------------- */

typedef struct slot_scratch {
    void *box;
    int64_t *taps;
} slot_scratch;

typedef struct few_scratch {
    void *packed; /* [phase][tap][column][depth] */
    char *slots;
    size_t slot_bytes;
} few_scratch;

static slot_scratch take_slot(const few_plan *p, fv_scratch *s)
{
    return (slot_scratch){.box = fv_take(s, fv_conv_box_bytes(&p->w, &p->boxes, 0)),
                          .taps = fv_take(s, (size_t)p->w.taps * sizeof(int64_t))};
}

static size_t packed_bytes(const fv_conv_plan *plan)
{
    const conv_window *w = &own(plan)->w;
    return (size_t)(w->taps * w->columns * w->depth * w->size);
}

static uint64_t packed_key(const fv_conv_plan *plan)
{
    return fv_conv_phases_key(&own(plan)->w);
}

static few_scratch take(const fv_conv_plan *plan, fv_scratch *s)
{
    fv_scratch slot = {NULL, 0};
    take_slot(own(plan), &slot);
    return (few_scratch){.packed = fv_take(s, plan->packed ? 0 : packed_bytes(plan)),
                         .slots = fv_take(s, slot.used * (size_t)own(plan)->threads),
                         .slot_bytes = slot.used};
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    take(plan, s);
}

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    const few_plan *p = own(plan);
    const size_t size = (size_t)p->w.size;
    char *to = packed;
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->w, f);
        for (int64_t t = 0; t < fv_conv_phase_taps(&phase); t++) {
            const int64_t at[3] = {t / phase.taps[2] / phase.taps[1],
                                   t / phase.taps[2] % phase.taps[1], t % phase.taps[2]};
            int64_t from = 0;
            for (int d = 0; d < 3; d++) from += (phase.tap[d] + at[d] * phase.next[d]) * p->tap[d];
            for (int64_t j = 0; j < p->w.columns; j++)
                for (int64_t c = 0; c < p->w.depth; c++, to += size)
                    memcpy(to, conv_at(w, from + j * p->across + c * p->down, p->w.size), size);
        }
    }
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct few_job {
    const few_plan *p;
    const fv_conv_operands *o;
    const void *packed;
    few_scratch scratch;
} few_job;

static void run_phase(const few_job *job, const conv_phase *phase, const conv_box *box,
                      const conv_source *source, fv_few_row *row)
{
    const few_plan *p = job->p;
    const void *residual = job->o->epilogue.residual;
    conv_rows r = fv_conv_rows(&p->w, phase, box);
    row->positions = r.count[3];
    row->a_step = source->stride[3];
    while (conv_next_row(&r)) {
        row->a = conv_at(source->data, conv_row_source(&r, source), p->w.size);
        row->c = conv_to(job->o->out, r.target, p->w.size);
        row->residual = residual ? conv_at(residual, r.target, p->w.size) : NULL;
        p->kernels->row[p->type][p->w.columns - 1](row);
    }
}

static void run_chunk(void *data, int64_t chunk, int slot)
{
    const few_job *job = data;
    const few_plan *p = job->p;
    const fv_conv_epilogue *e = &job->o->epilogue;
    fv_scratch memory = {job->scratch.slots + (size_t)slot * job->scratch.slot_bytes, 0};
    const slot_scratch s = take_slot(p, &memory);
    const conv_box box = fv_conv_get_box(&p->w, &p->boxes, chunk);
    const conv_source source = fv_conv_box_load(&p->w, &p->boxes, &box, job->o->a, s.box);
    fv_few_row row = {.depth = p->w.depth,
                      .taps = s.taps,
                      .w = job->packed,
                      .bias = e->bias,
                      .scale = e->scale,
                      .shift = e->shift,
                      .relu = e->relu,
                      .finish = e->bias || e->scale || e->shift || e->residual || e->relu,
                      .c_step = p->w.axis[2].spread * p->w.columns};
    fv_conv_fill_box(&p->w, &box, job->o);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        const conv_phase phase = fv_conv_get_phase(&p->w, f);
        row.tap_count = fv_conv_list_taps(&p->w, &phase, &source, false, s.taps);
        run_phase(job, &phase, &box, &source, &row);
        row.w = conv_at(row.w, row.tap_count * p->w.columns * p->w.depth, p->w.size);
    }
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const few_plan *p = own(plan);
    fv_scratch memory = {scratch, 0};
    few_job job = {.p = p, .o = o, .packed = o->packed, .scratch = take(plan, &memory)};
    if (p->boxes.total == 0) return;
    if (!o->packed) {
        pack(plan, o->b, job.scratch.packed);
        job.packed = job.scratch.packed;
    }
    fv_parallel(p->threads, p->boxes.total, run_chunk, &job);
}

static int describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const few_plan *p = own(plan);
    return snprintf(text, size, "few channels, %lld %s%s, %d thread%s", (long long)p->boxes.total,
                    p->boxes.copy ? "copied " : "", p->boxes.total == 1 ? "box" : "boxes",
                    p->threads, p->threads == 1 ? "" : "s");
}

const conv_algorithm fv_conv_few = {
    .name = "few",
    .cost = cost,
    .plan = plan,
    .layout = layout,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .packed_key = packed_key,
    .run = run,
    .describe = describe,
};
