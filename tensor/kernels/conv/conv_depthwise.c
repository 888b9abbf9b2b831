/* Depthwise convolution (groups = channels = outputs): the channels are independent, so that
 * vectors run over them and no product of matrices is left. */
#include <string.h>

#include "conv_impl.h"
#include "conv_isa.h"

/* Scratch: packed weights [taps][width] or their gradients [thread][taps][width], the bias
 * [width]; then for each thread a box, the table of taps, the table of rows, gy of a box. */
typedef struct parts {
    size_t bias, threads;              /* in the shared part */
    size_t taps, rows, gradient, each; /* in the part of a thread */
} parts;

static int64_t width(const conv_plan *p)
{
    return conv_ceil_div(p->g->c, p->lanes) * p->lanes;
}

static parts layout(const conv_plan *p)
{
    parts s;
    bool weight = p->pass == FV_CONV_GRAD_WEIGHT;
    int64_t rows = p->box[0] * p->box[1] * p->box[2];
    size_t row = (size_t)width(p) * p->size;
    s.bias = conv_round((size_t)conv_taps(p) * row) * (size_t)(weight ? p->threads : 1);
    s.threads = s.bias + conv_round(row);
    s.taps = conv_box_bytes(p);
    s.rows = s.taps + conv_round((size_t)conv_taps(p) * sizeof(int64_t));
    s.gradient = s.rows + conv_round((size_t)rows * sizeof(int64_t));
    s.each = s.gradient + (weight ? conv_round((size_t)(rows * p->box[3]) * row) : 0);
    return s;
}

size_t conv_depthwise_scratch(const conv_plan *p)
{
    parts s = layout(p);
    return s.threads + s.each * (size_t)p->threads;
}

/* to[i][width] = w[c][from + i * step] for count taps, one of each channel; zeros behind. */
#define FV_SPREAD(T)                                                                               \
    static void spread_##T(const T *w, int64_t channels, int64_t stride, T *to, int64_t wide)      \
    {                                                                                              \
        for (int64_t c = 0; c < wide; c++) to[c] = c < channels ? w[c * stride] : (T)0;            \
    }                                                                                              \
    static void add_up_##T(const T *sums, int64_t copies, int64_t stride, int64_t taps,            \
                           int64_t channels, int64_t wide, T *gw)                                  \
    {                                                                                              \
        for (int64_t c = 0; c < channels; c++) {                                                   \
            for (int64_t t = 0; t < taps; t++) {                                                   \
                T sum = sums[t * wide + c];                                                        \
                for (int64_t i = 1; i < copies; i++) sum += sums[i * stride + t * wide + c];       \
                gw[c * taps + t] = sum;                                                            \
            }                                                                                      \
        }                                                                                          \
    }
FV_SPREAD(float)
FV_SPREAD(double)
#undef FV_SPREAD

static void spread(const conv_plan *p, const void *w, int64_t stride, void *to)
{
    if (p->type)
        spread_double(w, p->g->c, stride, to, width(p));
    else
        spread_float(w, p->g->c, stride, to, width(p));
}

/* [phase][tap][width], taps in the order of conv_list_segments. */
static void pack_taps(const conv_plan *p, const void *w, void *packed)
{
    const int64_t *k = p->g->k;
    for (int64_t f = 0; f < conv_phase_count(p); f++) {
        conv_phase phase = conv_get_phase(p, f);
        for (int64_t t = 0; t < conv_phase_taps(&phase); t++) {
            int64_t tap[3] = {t / phase.taps[2] / phase.taps[1], t / phase.taps[2] % phase.taps[1],
                              t % phase.taps[2]};
            for (int d = 0; d < 3; d++) tap[d] = phase.tap[d] + tap[d] * phase.next[d];
            int64_t from = (tap[0] * k[1] + tap[1]) * k[2] + tap[2];
            spread(p, conv_at(w, from, p->size), conv_taps(p), packed);
            packed = conv_to(packed, width(p), p->size);
        }
    }
}

/* Every tap has its own offset here, also those that conv_list_segments merges. */
static void list_taps(const conv_plan *p, const conv_phase *phase, const conv_source *source,
                      int64_t *taps)
{
    conv_phase apart = *phase;
    conv_plan wide = *p;
    int64_t length;
    wide.depth = 0; /* touches no neighbour */
    conv_list_segments(&wide, &apart, source, taps, &length);
}

static void run_box(const conv_plan *p, const conv_phase *phase, const conv_box *box,
                    const conv_source *source, fv_depthwise_row *job, void *target)
{
    const fv_conv_kernels *kernels = FV_ISA_PICK(fv_conv_kernels_, fv_isa_level());
    int64_t count[CONV_AXES];
    if (!conv_clip(phase, box, count)) return;
    job->positions = count[3];
    job->a_step = p->step[2] * source->stride[3];
    for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t d = 0; d < count[1]; d++) {
            for (int64_t h = 0; h < count[2]; h++) {
                int64_t at[CONV_AXES] = {box->at[0] + i, box->at[1] + d, box->at[2] + h,
                                         box->at[3]};
                int64_t row = i * source->stride[0] + d * p->step[0] * source->stride[1] +
                              h * p->step[1] * source->stride[2];
                job->a = conv_at(source->data, row, p->size);
                job->c = conv_to(target, conv_target_offset(p, phase, at), p->size);
                kernels->depthwise[p->type](job);
            }
        }
    }
}

static void run_boxes(const conv_plan *p, int t, const void *source, const void *packed,
                      const void *bias, void *target, char *scratch)
{
    parts at = layout(p);
    conv_walk walk = conv_walk_begin(p, t);
    int64_t *taps = (int64_t *)(scratch + at.taps);
    while (conv_walk_next(p, &walk)) {
        conv_source loaded = conv_box_load(p, &walk.now, source, scratch);
        fv_depthwise_row job = {.taps = taps,
                                .w = packed,
                                .width = width(p),
                                .bias = bias,
                                .channels = p->g->c,
                                .c_step = p->spread[2] * p->target_channels};
        for (int64_t f = 0; f < conv_phase_count(p); f++) {
            conv_phase phase = conv_get_phase(p, f);
            job.tap_count = conv_phase_taps(&phase);
            list_taps(p, &phase, &loaded, taps);
            run_box(p, &phase, &walk.now, &loaded, &job, target);
            job.w = conv_at(job.w, job.tap_count * job.width, p->size);
        }
    }
}

void conv_depthwise_run(const conv_plan *p, const void *source, const void *w, const void *bias,
                        void *target, void *scratch)
{
    const parts at = layout(p);
    const int threads = p->threads;
    char *packed = scratch, *padded = packed + at.bias;
    if (p->images < 1) return;
    pack_taps(p, w, packed);
    if (bias) spread(p, bias, 1, padded);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        run_boxes(p, t, source, packed, bias ? padded : NULL, target,
                  packed + at.threads + (size_t)t * at.each);
}

static void sum_boxes(const conv_plan *p, int t, const void *x, const void *gy, void *sums,
                      char *scratch)
{
    const fv_conv_kernels *kernels = FV_ISA_PICK(fv_conv_kernels_, fv_isa_level());
    const conv_phase phase = conv_get_phase(p, 0);
    const size_t row = (size_t)width(p) * p->size, pixel = (size_t)p->g->c * p->size;
    parts at = layout(p);
    conv_walk walk = conv_walk_begin(p, t);
    int64_t *taps = (int64_t *)(scratch + at.taps), *rows = (int64_t *)(scratch + at.rows);
    fv_depthwise_sum job = {.taps = taps,
                            .rows = rows,
                            .tap_count = conv_taps(p),
                            .g = scratch + at.gradient,
                            .width = width(p),
                            .sums = sums};
    memset(sums, 0, (size_t)conv_taps(p) * row);
    while (conv_walk_next(p, &walk)) {
        const conv_box *box = &walk.now;
        conv_source source = conv_box_load(p, box, x, scratch);
        char *to = scratch + at.gradient;
        list_taps(p, &phase, &source, taps);
        job.a = source.data;
        job.a_step = p->step[2] * source.stride[3];
        job.positions = box->count[3];
        job.row_count = box->count[0] * box->count[1] * box->count[2];
        for (int64_t r = 0; r < job.row_count; r++) {
            int64_t h = r % box->count[2], d = r / box->count[2] % box->count[1];
            int64_t i = r / box->count[2] / box->count[1];
            int64_t first[CONV_AXES] = {box->at[0] + i, box->at[1] + d, box->at[2] + h, box->at[3]};
            const char *from = conv_at(gy, conv_target_offset(p, &phase, first), p->size);
            rows[r] = i * source.stride[0] + d * p->step[0] * source.stride[1] +
                      h * p->step[1] * source.stride[2];
            for (int64_t q = 0; q < job.positions; q++, to += row, from += pixel) {
                memcpy(to, from, pixel);
                memset(to + pixel, 0, row - pixel);
            }
        }
        kernels->depthwise_sum[p->type](&job);
    }
}

void conv_depthwise_grad_weight(const conv_plan *p, const void *x, const void *gy, void *gw,
                                void *scratch)
{
    const parts at = layout(p);
    const int threads = p->threads;
    const size_t copy = at.bias / (size_t)threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        sum_boxes(p, t, x, gy, (char *)scratch + (size_t)t * copy,
                  (char *)scratch + at.threads + (size_t)t * at.each);
    if (p->type)
        add_up_double(scratch, threads, (int64_t)(copy / 8), conv_taps(p), p->g->c, width(p), gw);
    else
        add_up_float(scratch, threads, (int64_t)(copy / 4), conv_taps(p), p->g->c, width(p), gw);
}
