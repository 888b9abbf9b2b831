/* Few channels made of few: neighbouring positions of a row become channels.
 *
 *     y [.., W, O]  is  [.., W / P, P O]  in memory
 *     w [O, C, .., K]  becomes  [P O, C, .., K + (P - 1) stride]:  P copies, each moved by a stride
 *
 * and the implicit product does the rest. Its panels are P times as full, for a kernel that is a
 * little longer: 3 -> 6 channels, 5x5, P = 2 fills 12 of 16 lanes for 6/5 of the taps. The input
 * gradient of stride 1 is a forward pass with a turned kernel; the weight gradient adds the copies
 * up. */
#include <stdio.h>
#include <string.h>

#include "conv_gemm_impl.h"

enum { MOST_MERGED = 8 };

typedef struct merged_plan {
    fv_conv_geometry g;           /* the convolution that is done instead */
    int64_t merged;               /* P */
    int64_t channels;             /* made, before merging */
    int64_t move;                 /* taps from one copy of a kernel to the next */
    int64_t across, down, tap[3]; /* w: between made channels, summed ones, and taps */
    bool turned;                  /* the input gradient */
    double cost;
    fv_machine machine;
} merged_plan;

_Static_assert(sizeof(merged_plan) <= sizeof((fv_conv_plan *)0)->own, "fits into a plan");

static const merged_plan *own(const fv_conv_plan *p)
{
    return (const merged_plan *)(const void *)p->own;
}

/* --- the other convolution -------------------------------------------------------------------- */

/* The pass as a forward one; false if it is none. */
static bool plain_geometry(const conv_window *w, fv_conv_geometry *g)
{
    *g = (fv_conv_geometry){
        .n = w->images, .c = w->source_channels, .o = w->target_channels, .groups = 1};
    for (int d = 0; d < 3; d++) {
        const conv_axis *a = &w->axis[d];
        if (w->back && a->spread != 1) return false;
        g->in[d] = a->source;
        g->out[d] = a->target;
        g->k[d] = a->taps;
        g->stride[d] = a->step;
        g->dilation[d] = a->dilation;
        g->pad[d] = w->back ? (a->taps - 1) * a->dilation - a->pad : a->pad;
        if (g->pad[d] < 0) return false;
    }
    return w->groups == 1 && g->dilation[2] == 1;
}

static void merge(fv_conv_geometry *g, int64_t merged)
{
    g->o *= merged;
    g->out[2] /= merged;
    g->k[2] += (merged - 1) * g->stride[2];
    g->stride[2] *= merged;
}

/* The cheapest number of positions to merge, with its cost; 0: none suits. */
static int64_t best_merged(const conv_window *w, const fv_conv_geometry *plain, fv_conv_pass pass,
                           fv_machine machine, double *cost)
{
    const int64_t lanes = FV_ISA_PICK(fv_tile_kernels_, machine.isa)->lanes[w->size == 8];
    int64_t best = 0;
    if (pass == FV_CONV_GRAD_INPUT) pass = FV_CONV_FORWARD;
    for (int64_t merged = 2; merged <= MOST_MERGED && merged * plain->o <= lanes; merged++) {
        if (plain->out[2] % merged) continue;
        fv_conv_geometry g = *plain;
        merge(&g, merged);
        const conv_window other =
            fv_conv_make_window(&g, w->size == 8 ? FV_FLOAT64 : FV_FLOAT32, pass);
        const double its = fv_conv_gemm_cost(&other, pass, machine);
        if (best > 0 && its >= *cost) continue;
        best = merged;
        *cost = its;
    }
    return best;
}

/* An element of w takes 11 to copy and turn before it is packed. */
static double cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    fv_conv_geometry plain;
    double least = 0;
    const double weights = (double)w->taps * (double)w->depth * (double)w->columns;
    if (!plain_geometry(w, &plain)) return -1;
    if (best_merged(w, &plain, pass, machine, &least) == 0) return -1;
    bool padded = false; /* many taps: merged positions have few of them in common */
    for (int d = 0; d < 3; d++) padded |= w->axis[d].useful < 0.8;
    return least * (padded ? 1.3 : 1) + (machine.weights_stay ? 0 : weights * 11);
}

static void plan(fv_conv_plan *plan, const conv_window *w, fv_machine machine)
{
    const int64_t *stride = plan->w_stride;
    merged_plan p = {.across = w->back ? stride[1] : stride[0],
                     .down = w->back ? stride[0] : stride[1],
                     .tap = {stride[2], stride[3], stride[4]},
                     .turned = w->back,
                     .channels = w->target_channels,
                     .machine = machine};
    plain_geometry(w, &p.g);
    p.merged = best_merged(w, &p.g, plan->pass, machine, &p.cost);
    p.move = p.g.stride[2];
    merge(&p.g, p.merged);
    memcpy(plan->own, &p, sizeof p);
}

/* The plan of the implicit product. */
static fv_conv_plan inner_plan(const fv_conv_plan *plan)
{
    const merged_plan *p = own(plan);
    const bool weight = plan->pass == FV_CONV_GRAD_WEIGHT;
    fv_conv_plan inner = {.g = p->g,
                          .dtype = plan->dtype,
                          .pass = weight ? FV_CONV_GRAD_WEIGHT : FV_CONV_FORWARD,
                          .algorithm = weight ? &fv_conv_gemm_weight : &fv_conv_gemm,
                          .cost = p->cost};
    const conv_window w = fv_conv_make_window(&p->g, plan->dtype, inner.pass);
    int64_t step = 1;
    for (int i = 4; i >= 2; step *= p->g.k[--i - 1]) inner.w_stride[i] = step;
    inner.w_stride[1] = step;
    inner.w_stride[0] = step * p->g.c;
    inner.algorithm->plan(&inner, &w, p->machine);
    return inner;
}

/* --- weights ---------------------------------------------------------------------------------- */

static int64_t other_taps(const merged_plan *p)
{
    return p->g.k[0] * p->g.k[1] * p->g.k[2];
}

static size_t weight_bytes(const fv_conv_plan *plan)
{
    const merged_plan *p = own(plan);
    return (size_t)(p->g.o * p->g.c * other_taps(p)) * fv_dtype_size(plan->dtype);
}

/* Between w [channels][c][taps] of any strides and the other kernel, row-major. */
#define FV_MERGED(T)                                                                               \
    static void copy_##T(const merged_plan *p, const T *w, T *to)                                  \
    {                                                                                              \
        const int64_t *k = p->g.k, length = k[2] - (p->merged - 1) * p->move;                      \
        for (int64_t i = 0; i < p->g.o * p->g.c; i++) {                                            \
            const int64_t o = i / p->g.c % p->channels, copy = i / p->g.c / p->channels;           \
            const T *from = w + o * p->across + i % p->g.c * p->down;                              \
            for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {                                     \
                int64_t at[3] = {t / k[2] / k[1], t / k[2] % k[1], t % k[2] - copy * p->move};     \
                const bool inside = at[2] >= 0 && at[2] < length;                                  \
                if (p->turned) {                                                                   \
                    at[0] = k[0] - 1 - at[0];                                                      \
                    at[1] = k[1] - 1 - at[1];                                                      \
                    at[2] = length - 1 - at[2];                                                    \
                }                                                                                  \
                *to++ = inside ? from[at[0] * p->tap[0] + at[1] * p->tap[1] + at[2] * p->tap[2]]   \
                               : (T)0;                                                             \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void add_up_##T(const merged_plan *p, const T *other, T *gw)                            \
    {                                                                                              \
        const int64_t *k = p->g.k, length = k[2] - (p->merged - 1) * p->move;                      \
        const int64_t rows = p->g.c * k[0] * k[1];                                                 \
        for (int64_t i = 0; i < p->channels * rows * length; i++) {                                \
            const T *from = other + i / length * k[2] + i % length;                                \
            gw[i] = from[0];                                                                       \
            for (int64_t copy = 1; copy < p->merged; copy++)                                       \
                gw[i] += from[copy * (p->channels * rows * k[2] + p->move)];                       \
        }                                                                                          \
    }                                                                                              \
    static void repeat_##T(const T *from, int64_t count, int64_t times, T *to)                     \
    {                                                                                              \
        for (int64_t i = 0; i < count * times; i++) to[i] = from[i % count];                       \
    }
FV_MERGED(float)
FV_MERGED(double)
#undef FV_MERGED

static void pack(const fv_conv_plan *plan, const void *w, void *packed)
{
    if (plan->dtype == FV_FLOAT64)
        copy_double(own(plan), w, packed);
    else
        copy_float(own(plan), w, packed);
}

static uint64_t packed_key(const fv_conv_plan *plan)
{
    return (uint64_t)own(plan)->merged << 32 ^ (uint64_t)own(plan)->move;
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct merged_scratch {
    void *weights;              /* of the other convolution, or their gradient */
    void *bias, *scale, *shift; /* repeated */
    void *inner;
} merged_scratch;

static merged_scratch take(const fv_conv_plan *plan, const fv_conv_plan *inner, fv_scratch *s)
{
    const size_t channels = (size_t)own(plan)->g.o * fv_dtype_size(plan->dtype);
    fv_scratch need = {NULL, 0};
    inner->algorithm->layout(inner, &need);
    return (merged_scratch){.weights = fv_take(s, plan->packed ? 0 : weight_bytes(plan)),
                            .bias = fv_take(s, channels),
                            .scale = fv_take(s, channels),
                            .shift = fv_take(s, channels),
                            .inner = fv_take(s, need.used)};
}

static void layout(const fv_conv_plan *plan, fv_scratch *s)
{
    const fv_conv_plan inner = inner_plan(plan);
    take(plan, &inner, s);
}

static const void *repeat(const fv_conv_plan *plan, const void *array, void *to)
{
    const merged_plan *p = own(plan);
    if (!array) return NULL;
    if (plan->dtype == FV_FLOAT64)
        repeat_double(array, p->channels, p->merged, to);
    else
        repeat_float(array, p->channels, p->merged, to);
    return to;
}

static void run(const fv_conv_plan *plan, const fv_conv_operands *o, void *scratch)
{
    const fv_conv_plan inner = inner_plan(plan);
    fv_scratch memory = {scratch, 0};
    const merged_scratch s = take(plan, &inner, &memory);
    fv_conv_operands other = *o;
    other.packed = NULL;
    if (plan->pass == FV_CONV_GRAD_WEIGHT) {
        other.out = s.weights;
        inner.algorithm->run(&inner, &other, s.inner);
        if (plan->dtype == FV_FLOAT64)
            add_up_double(own(plan), s.weights, o->out);
        else
            add_up_float(own(plan), s.weights, o->out);
        return;
    }
    if (!o->packed) pack(plan, o->b, s.weights);
    other.b = o->packed ? o->packed : s.weights;
    other.epilogue.bias = repeat(plan, o->epilogue.bias, s.bias);
    other.epilogue.scale = repeat(plan, o->epilogue.scale, s.scale);
    other.epilogue.shift = repeat(plan, o->epilogue.shift, s.shift);
    inner.algorithm->run(&inner, &other, s.inner);
}

static int describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const fv_conv_plan inner = inner_plan(plan);
    char how[120];
    inner.algorithm->describe(&inner, how, sizeof how);
    return snprintf(text, size, "%d merged positions, %s", (int)own(plan)->merged, how);
}

const conv_algorithm fv_conv_merged = {
    .name = "merged",
    .cost = cost,
    .plan = plan,
    .layout = layout,
    .packed_bytes = weight_bytes,
    .pack = pack,
    .packed_key = packed_key,
    .run = run,
    .describe = describe,
};
