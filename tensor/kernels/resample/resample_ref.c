/* Resampling by plain loops over any strides: the oracle of the tests. What a pixel counts follows
 * from the definition of its mode, pixel by pixel, not from the kernels' windows. */
#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/resample/resample.h"

static double step_of(const fv_resample *g, int axis)
{
    double in = (double)g->in[axis], out = (double)g->out[axis];
    if (g->align_corners) return out > 1 ? (in - 1) / (out - 1) : 0;
    return g->scale[axis] > 0 ? 1 / g->scale[axis] : in / out;
}

static bool is_nearest(const fv_resample *g)
{
    return g->mode == FV_NEAREST || g->mode == FV_NEAREST_EXACT;
}

static int64_t nearest_of(const fv_resample *g, int axis, int64_t o)
{
    float step =
        g->scale[axis] > 0 ? (float)(1 / g->scale[axis]) : (float)g->in[axis] / (float)g->out[axis];
    float place = g->mode == FV_NEAREST ? (float)o : (float)((double)o + 0.5);
    double pixel = (double)floorf(place * step), last = (double)(g->in[axis] - 1);
    return (int64_t)fmin(pixel, last);
}

static double triangle(double x)
{
    return fmax(0, 1 - fabs(x));
}

static double keys(double x, double a)
{
    double d = fabs(x), d2 = d * d, d3 = d2 * d;
    if (d <= 1) return (a + 2) * d3 - (a + 3) * d2 + 1;
    return d < 2 ? a * d3 - 5 * a * d2 + 8 * a * d - 4 * a : 0;
}

/* What pixel i counts at o, up to the sum over all i: antialias. */
static double spread_of(const fv_resample *g, int axis, int64_t o, int64_t i)
{
    double step = step_of(g, axis), wide = fmax(step, 1);
    double half = (g->mode == FV_BICUBIC ? 2 : 1) * wide, centre = step * ((double)o + 0.5);
    double first = fmax(0, trunc(centre - half + 0.5)), end = trunc(centre + half + 0.5);
    double x = ((double)i - centre + 0.5) / wide;
    if ((double)i < first || (double)i >= end) return 0;
    return g->mode == FV_BICUBIC ? keys(x, -0.5) : triangle(x);
}

static double antialiased(const fv_resample *g, int axis, int64_t o, int64_t i)
{
    double weight = spread_of(g, axis, o, i), sum = 0;
    if (weight == 0) return 0;
    for (int64_t k = 0; k < g->in[axis]; k++) sum += spread_of(g, axis, o, k);
    return weight / sum;
}

/* The taps of o that lie on pixel i, where the border goes on for ever. */
static double interpolated(const fv_resample *g, int axis, int64_t o, int64_t i)
{
    const int64_t last = g->in[axis] - 1;
    const bool cubic = g->mode == FV_BICUBIC;
    double step = step_of(g, axis), weight = 0;
    double at = g->align_corners ? step * (double)o : step * ((double)o + 0.5) - 0.5;
    if (!cubic && g->in[axis] == g->out[axis]) at = (double)o;
    if (!cubic) at = fmin(fmax(at, 0), (double)last);
    at = fmin(at, (double)last + 3);
    for (int64_t tap = (int64_t)floor(at) - 1; tap <= (int64_t)floor(at) + 2; tap++) {
        int64_t pixel = tap < 0 ? 0 : tap > last ? last : tap;
        double x = at - (double)tap;
        if (pixel == i) weight += cubic ? keys(x, -0.75) : triangle(x);
    }
    return weight;
}

/* What pixel i of in counts in pixel o of out. */
static double weight_of(const fv_resample *g, int axis, int64_t o, int64_t i)
{
    const int64_t in = g->in[axis], out = g->out[axis];
    if (is_nearest(g)) return i == nearest_of(g, axis, o);
    if (g->mode != FV_AREA) return (g->antialias ? antialiased : interpolated)(g, axis, o, i);
    int64_t first = o * in / out, end = ((o + 1) * in + out - 1) / out;
    return i >= first && i < end ? 1 / (double)(end - first) : 0;
}

/* Offset of element (n, c, p) of a [N, C, spatial] tensor; axes that it lacks are at 0. */
static int64_t offset_of(const fv_tensor *t, int64_t n, int64_t c, const int64_t *p)
{
    int64_t offset = n * t->strides[0] + c * t->strides[1];
    for (int axis = 0; axis < FV_RESAMPLE_AXES; axis++) {
        int dim = t->ndim - FV_RESAMPLE_AXES + axis;
        if (dim >= 2) offset += p[axis] * t->strides[dim];
    }
    return offset;
}

typedef struct visit {
    const fv_resample *g;
    const fv_tensor *x;
    fv_tensor *y;
    int64_t n, c;
} visit;

static void add(const visit *v, const int64_t *o, const int64_t *i, double weight)
{
    const bool back = v->g->transposed;
    const int64_t from = offset_of(v->x, v->n, v->c, back ? o : i);
    const int64_t to = offset_of(v->y, v->n, v->c, back ? i : o);
    fv_element_set(v->y, to, fv_element_get(v->y, to) + weight * fv_element_get(v->x, from));
}

/* Adds everything that pixel o of out and the plane have to do with each other. */
static void visit_pixel(const visit *v, const int64_t *o)
{
    const fv_resample *g = v->g;
    int64_t i[FV_RESAMPLE_AXES];
    for (i[0] = 0; i[0] < g->in[0]; i[0]++) {
        double deep = weight_of(g, 0, o[0], i[0]);
        for (i[1] = 0; deep != 0 && i[1] < g->in[1]; i[1]++) {
            double high = weight_of(g, 1, o[1], i[1]);
            for (i[2] = 0; high != 0 && i[2] < g->in[2]; i[2]++) {
                double wide = weight_of(g, 2, o[2], i[2]);
                if (wide != 0) add(v, o, i, deep * high * wide);
            }
        }
    }
}

static void clear(fv_tensor *t)
{
    for (int64_t k = 0; k < t->numel; k++) fv_element_set(t, k, 0);
}

void fv_resample_ref(const fv_resample *g, const fv_tensor *x, fv_tensor *y)
{
    visit v = {.g = g, .x = x, .y = y};
    int64_t o[FV_RESAMPLE_AXES];
    clear(y);
    for (v.n = 0; v.n < y->shape[0]; v.n++)
        for (v.c = 0; v.c < y->shape[1]; v.c++)
            for (o[0] = 0; o[0] < g->out[0]; o[0]++)
                for (o[1] = 0; o[1] < g->out[1]; o[1]++)
                    for (o[2] = 0; o[2] < g->out[2]; o[2]++) visit_pixel(&v, o);
}
