/* The window of a pass: which source it moves over, its phases, and how far it reaches. Everything
 * is in closed form: strides and sizes may be large. */
#include "conv_impl.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Pairs of a position and a tap that meet x: the same in all passes. */
static double useful_pairs(const fv_conv_geometry *g, int d)
{
    const int64_t in = g->in[d], out = g->out[d], stride = g->stride[d];
    double pairs = 0;
    if (g->pad[d] == 0 && (out - 1) * stride + (g->k[d] - 1) * g->dilation[d] < in)
        return (double)out * (double)g->k[d];
    for (int64_t t = 0; t < g->k[d]; t++) {
        const int64_t at = t * g->dilation[d] - g->pad[d]; /* x of position 0 */
        const int64_t first = at < 0 ? (stride - 1 - at) / stride : 0;
        const int64_t end = at < in ? (in - 1 - at) / stride + 1 : 0;
        pairs += (double)conv_max(conv_min(end, out) - first, 0);
    }
    return pairs;
}

/* Stride s: tap t contributes to the coordinates i = (t * dilation - pad) mod s + q * s, reading gy
 * at q - floor((t * dilation - pad) / s). Taps s / gcd(s, dilation) apart share their phase. */
static conv_axis input_axis(const fv_conv_geometry *g, int d)
{
    const int64_t s = g->stride[d], common = gcd(s, g->dilation[d]);
    conv_axis a = {.source = g->out[d],
                   .target = g->in[d],
                   .step = 1,
                   .spread = s,
                   .grid = conv_ceil_div(g->in[d], s),
                   .every = s / common,
                   .apart = g->dilation[d] / common,
                   .taps = g->k[d],
                   .pad = g->pad[d],
                   .dilation = g->dilation[d]};
    a.phases = conv_min(a.every, a.taps);
    a.low = -floor_div((a.taps - 1) * a.dilation - a.pad, s);
    a.high = -floor_div(-a.pad, s);
    return a;
}

static conv_axis forward_axis(const fv_conv_geometry *g, int d)
{
    conv_axis a = {.source = g->in[d],
                   .target = g->out[d],
                   .step = g->stride[d],
                   .spread = 1,
                   .grid = g->out[d],
                   .phases = 1,
                   .every = 1,
                   .apart = g->dilation[d],
                   .low = -g->pad[d],
                   .taps = g->k[d],
                   .pad = g->pad[d],
                   .dilation = g->dilation[d]};
    a.high = a.low + (a.taps - 1) * a.dilation;
    return a;
}

conv_window fv_conv_make_window(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass)
{
    const bool back = pass == FV_CONV_GRAD_INPUT;
    conv_window w = {.images = g->n,
                     .groups = g->groups,
                     .source_channels = back ? g->o : g->c,
                     .target_channels = back ? g->c : g->o,
                     .size = dtype == FV_FLOAT64 ? 8 : 4,
                     .taps = 1,
                     .positions = g->n,
                     .back = back,
                     .covers = true};
    w.depth = w.source_channels / g->groups;
    w.columns = w.target_channels / g->groups;
    for (int d = 0; d < 3; d++) {
        w.axis[d] = back ? input_axis(g, d) : forward_axis(g, d);
        w.axis[d].useful =
            useful_pairs(g, d) / ((double)conv_max(w.axis[d].grid, 1) * (double)g->k[d]);
        w.taps *= g->k[d];
        w.positions = conv_mul(w.positions, w.axis[d].grid);
        w.covers = w.covers && w.axis[d].phases == w.axis[d].spread;
    }
    return w;
}

int64_t fv_conv_phase_count(const conv_window *w)
{
    return w->axis[0].phases * w->axis[1].phases * w->axis[2].phases;
}

int64_t fv_conv_phase_taps(const conv_phase *phase)
{
    return phase->taps[0] * phase->taps[1] * phase->taps[2];
}

/* The phase whose first tap is `start`. The last tap of an input gradient reads the first pixel. */
static void set_phase(const conv_axis *a, bool back, int64_t start, int d, conv_phase *phase)
{
    const int64_t taps = (a->taps - 1 - start) / a->every + 1;
    phase->taps[d] = taps;
    phase->tap[d] = start;
    phase->next[d] = a->every;
    phase->origin[d] = 0;
    phase->first[d] = a->low;
    phase->grid[d] = a->grid;
    if (!back) return;
    const int64_t s = a->spread, last = start + (taps - 1) * a->every;
    const int64_t at = floor_div(last * a->dilation - a->pad, s);
    phase->tap[d] = last;
    phase->next[d] = -a->every;
    phase->origin[d] = last * a->dilation - a->pad - at * s;
    phase->first[d] = -at;
    phase->grid[d] = (a->target - phase->origin[d] + s - 1) / s; /* <= 0: none */
}

conv_phase fv_conv_get_phase(const conv_window *w, int64_t index)
{
    conv_phase phase;
    for (int d = 2; d >= 0; d--) {
        set_phase(&w->axis[d], w->back, index % w->axis[d].phases, d, &phase);
        index /= w->axis[d].phases;
    }
    return phase;
}

static uint64_t mix(uint64_t key, int64_t number)
{
    key = (key ^ (uint64_t)number) * UINT64_C(0x9E3779B97F4A7C15);
    return key ^ key >> 29;
}

uint64_t fv_conv_phases_key(const conv_window *w)
{
    const int64_t count = fv_conv_phase_count(w);
    uint64_t key = (uint64_t)count;
    for (int64_t f = 0; f < count; f++) {
        const conv_phase phase = fv_conv_get_phase(w, f);
        for (int d = 0; d < 3; d++) {
            key = mix(key, phase.taps[d]);
            key = mix(key, phase.tap[d]);
            key = mix(key, phase.next[d]);
        }
    }
    return key;
}

double fv_conv_products(const conv_window *w)
{
    return (double)w->positions * (double)w->taps * (double)w->groups * (double)w->depth *
           (double)w->columns;
}

bool fv_conv_inside(const conv_window *w)
{
    for (int d = 0; d < 3; d++) {
        const conv_axis *a = &w->axis[d];
        if (a->low < 0 || (a->grid - 1) * a->step + a->high >= a->source) return false;
    }
    return true;
}
