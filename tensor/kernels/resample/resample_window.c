/* Which pixels of the source make one of the result, and with which weights. */
#include <math.h>

#include "tensor/kernels/resample/resample.h"

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Pixels of in from one pixel of out to the next. */
static double step_of(const fv_resample *g, int axis)
{
    const int64_t in = g->in[axis], out = g->out[axis];
    if (g->align_corners) return out > 1 ? (double)(in - 1) / (double)(out - 1) : 0;
    return g->scale[axis] > 0 ? 1 / g->scale[axis] : (double)in / (double)out;
}

/* Where pixel `place` of out lies between the centres of in. */
static double centre_of(const fv_resample *g, int axis, int64_t place)
{
    const double step = step_of(g, axis);
    return g->align_corners ? step * (double)place : step * ((double)place + 0.5) - 0.5;
}

static bool is_cubic(const fv_resample *g)
{
    return g->mode == FV_BICUBIC;
}

static fv_resample_span single(int64_t pixel, double *weights)
{
    if (weights) weights[0] = 1;
    return (fv_resample_span){.first = (int32_t)pixel, .count = 1};
}

/* --- the modes -------------------------------------------------------------------------------- */

/* In float, as PyTorch: which of two pixels is taken where the place lies between them. */
static fv_resample_span nearest(const fv_resample *g, int axis, int64_t place, double *weights)
{
    const int64_t in = g->in[axis], out = g->out[axis];
    const float step = g->scale[axis] > 0 ? (float)(1 / g->scale[axis]) : (float)in / (float)out;
    const float at = g->mode == FV_NEAREST ? (float)place : (float)((double)place + 0.5);
    const double pixel = (double)floorf(at * step);
    return single(pixel < (double)in ? (int64_t)pixel : in - 1, weights);
}

static fv_resample_span area(const fv_resample *g, int axis, int64_t place, double *weights)
{
    const int64_t in = g->in[axis], out = g->out[axis];
    const int64_t first = place * in / out, end = ((place + 1) * in + out - 1) / out;
    for (int64_t t = 0; weights && t < end - first; t++) weights[t] = 1 / (double)(end - first);
    return (fv_resample_span){.first = (int32_t)first, .count = (int32_t)(end - first)};
}

static fv_resample_span linear(const fv_resample *g, int axis, int64_t place, double *weights)
{
    const int64_t last = g->in[axis] - 1;
    const double centre = centre_of(g, axis, place), at = centre > 0 ? centre : 0;
    if (g->in[axis] == g->out[axis]) return single(place, weights);
    if (at >= (double)last) return single(last, weights);
    const int64_t pixel = (int64_t)at;
    const double part = at - (double)pixel;
    if (part == 0) return single(pixel, weights);
    if (weights) {
        weights[0] = 1 - part;
        weights[1] = part;
    }
    return (fv_resample_span){.first = (int32_t)pixel, .count = 2};
}

/* Keys' kernel: 1 at 0, 0 at the other whole numbers and beyond 2. */
static double cubic_weight(double x, double a)
{
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/* Four pixels; those outside of the source are its border again. */
static fv_resample_span cubic(const fv_resample *g, int axis, int64_t place, double *weights)
{
    const int64_t last = g->in[axis] - 1;
    const double at = centre_of(g, axis, place), limit = (double)last + 3;
    if (g->in[axis] == g->out[axis] && (g->align_corners || g->scale[axis] <= 0))
        return single(place, weights);
    const int64_t pixel = (int64_t)floor(at < limit ? at : limit);
    const int64_t first = at_most(at_least(pixel - 1, 0), last);
    const int64_t end = at_most(at_least(pixel + 2, 0), last);
    for (int64_t t = first; weights && t <= end; t++) weights[t - first] = 0;
    for (int64_t t = pixel - 1; weights && t <= pixel + 2; t++)
        weights[at_most(at_least(t, 0), last) - first] += cubic_weight(at - (double)t, -0.75);
    return (fv_resample_span){.first = (int32_t)first, .count = (int32_t)(end - first + 1)};
}

/* Half of the width of the kernel that antialias spreads over the pixels that are left out. */
static double support_of(const fv_resample *g, int axis)
{
    const double step = step_of(g, axis), half = is_cubic(g) ? 2 : 1;
    return step >= 1 ? half * step : half;
}

static fv_resample_span spread(const fv_resample *g, int axis, int64_t place, double *weights)
{
    const double step = step_of(g, axis), support = support_of(g, axis);
    const double centre = step * ((double)place + 0.5), narrow = step >= 1 ? 1 / step : 1;
    const int64_t in = g->in[axis];
    const int64_t first = at_most(at_least((int64_t)(centre - support + 0.5), 0), in - 1);
    const int64_t end = at_least(at_most((int64_t)(centre + support + 0.5), in), first + 1);
    double sum = 0;
    for (int64_t t = 0; weights && t < end - first; t++) {
        const double x = ((double)(t + first) - centre + 0.5) * narrow, far = fabs(x);
        weights[t] = is_cubic(g) ? cubic_weight(x, -0.5) : far < 1 ? 1 - far : 0;
        sum += weights[t];
    }
    for (int64_t t = 0; weights && t < end - first && sum != 0; t++) weights[t] /= sum;
    return (fv_resample_span){.first = (int32_t)first, .count = (int32_t)(end - first)};
}

/* --- all -------------------------------------------------------------------------------------- */

int64_t fv_resample_reach(const fv_resample *g, int axis)
{
    int64_t reach = is_cubic(g) ? 4 : 2;
    if (g->mode == FV_NEAREST || g->mode == FV_NEAREST_EXACT) return 1;
    if (g->mode == FV_AREA)
        reach = g->in[axis] / g->out[axis] + 2;
    else if (g->antialias)
        reach = (int64_t)ceil(support_of(g, axis)) * 2 + 1;
    return at_most(reach, g->in[axis]);
}

fv_resample_span fv_resample_window(const fv_resample *g, int axis, int64_t place, double *weights)
{
    if (g->mode == FV_NEAREST || g->mode == FV_NEAREST_EXACT)
        return nearest(g, axis, place, weights);
    if (g->mode == FV_AREA) return area(g, axis, place, weights);
    if (g->antialias) return spread(g, axis, place, weights);
    return is_cubic(g) ? cubic(g, axis, place, weights) : linear(g, axis, place, weights);
}
