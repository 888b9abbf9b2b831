/* Pooling by plain loops over any strides: the oracle of the tests. Windows come from the
 * definitions, not from the kernels' tables. */
#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/pool/pool.h"

/* --- elements ----------------------------------------------------------------------------- */

/* Offset of element (n, c, p) of a [N, C, spatial] tensor; axes that it lacks are at 0. */
static int64_t place(const fv_tensor *t, int64_t n, int64_t c, const int64_t *p)
{
    int64_t offset = n * t->strides[0] + c * t->strides[1];
    for (int axis = 0; axis < FV_POOL_AXES; axis++) {
        int dim = t->ndim - FV_POOL_AXES + axis;
        if (dim >= 2) offset += p[axis] * t->strides[dim];
    }
    return offset;
}

static void clear(const fv_pool *g, fv_tensor *t)
{
    const fv_pool_axis *a = g->axis;
    for (int64_t n = 0; n < g->batch; n++)
        for (int64_t c = 0; c < g->channels; c++)
            for (int64_t d = 0; d < a[0].in; d++)
                for (int64_t h = 0; h < a[1].in; h++)
                    for (int64_t w = 0; w < a[2].in; w++)
                        fv_element_set(t, place(t, n, c, (int64_t[]){d, h, w}), 0);
}

/* --- windows ------------------------------------------------------------------------------ */

/* An adaptive window is floor(out * in / outs) .. ceil((out + 1) * in / outs). */
static int64_t adaptive_start(const fv_pool_axis *a, int64_t out)
{
    return out * a->in / a->out;
}

static int64_t adaptive_end(const fv_pool_axis *a, int64_t out)
{
    return ((out + 1) * a->in + a->out - 1) / a->out;
}

/* Input coordinate of tap k of a window along an axis, or -1 when that lies outside. */
static int64_t tap_coordinate(const fv_pool *g, int axis, int64_t out, int64_t k)
{
    const fv_pool_axis *a = &g->axis[axis];
    if (g->adaptive) {
        int64_t i = adaptive_start(a, out) + k;
        return i < adaptive_end(a, out) ? i : -1;
    }
    int64_t i = out * a->stride - a->padding + k * a->dilation;
    return i >= 0 && i < a->in ? i : -1;
}

/* Coordinates in the input of tap `code` of window `out`; false when it lies outside. */
static bool tap_place(const fv_pool *g, const int64_t *out, int64_t code, int64_t *in)
{
    if (code < 0) return false;
    for (int axis = FV_POOL_AXES - 1; axis >= 0; axis--) {
        int64_t k = code % g->axis[axis].kernel;
        code /= g->axis[axis].kernel;
        in[axis] = tap_coordinate(g, axis, out[axis], k);
        if (in[axis] < 0) return false;
    }
    return code == 0;
}

static int64_t taps(const fv_pool *g)
{
    return g->axis[0].kernel * g->axis[1].kernel * g->axis[2].kernel;
}

/* What the sum over a window is divided by. */
static double divisor(const fv_pool *g, const int64_t *out)
{
    double product = 1;
    if (g->divisor) return (double)g->divisor;
    for (int axis = 0; axis < FV_POOL_AXES; axis++) {
        const fv_pool_axis *a = &g->axis[axis];
        int64_t begin = out[axis] * a->stride - a->padding;
        int64_t end =
            begin + a->kernel < a->in + a->padding ? begin + a->kernel : a->in + a->padding;
        if (g->adaptive) {
            begin = adaptive_start(a, out[axis]);
            end = adaptive_end(a, out[axis]);
        } else if (!g->count_include_pad) {
            begin = begin > 0 ? begin : 0;
            end = end < a->in ? end : a->in;
        }
        product *= (double)(end > begin ? end - begin : 1);
    }
    return product;
}

/* --- one window --------------------------------------------------------------------------- */

typedef struct visit {
    const fv_pool *g;
    const fv_tensor *from, *codes;
    fv_tensor *to, *to_codes;
    int64_t n, c, out[FV_POOL_AXES];
} visit;

typedef void (*visit_fn)(const visit *v);

static void for_each_window(visit v, visit_fn fn)
{
    const fv_pool_axis *a = v.g->axis;
    for (v.n = 0; v.n < v.g->batch; v.n++)
        for (v.c = 0; v.c < v.g->channels; v.c++)
            for (v.out[0] = 0; v.out[0] < a[0].out; v.out[0]++)
                for (v.out[1] = 0; v.out[1] < a[1].out; v.out[1]++)
                    for (v.out[2] = 0; v.out[2] < a[2].out; v.out[2]++) fn(&v);
}

static void visit_max(const visit *v)
{
    double best = -(double)INFINITY;
    int64_t best_code = -1, in[FV_POOL_AXES];
    for (int64_t code = 0; code < taps(v->g); code++) {
        if (!tap_place(v->g, v->out, code, in)) continue;
        double value = fv_element_get(v->from, place(v->from, v->n, v->c, in));
        if (best_code < 0) best_code = code;
        if (value > best || isnan(value)) {
            best = value;
            best_code = code;
        }
    }
    fv_element_set(v->to, place(v->to, v->n, v->c, v->out), best);
    fv_element_set(v->to_codes, place(v->to_codes, v->n, v->c, v->out),
                   (double)(best_code < 0 ? 0 : best_code));
}

static bool code_place(const visit *v, int64_t *in)
{
    double code = fv_element_get(v->codes, place(v->codes, v->n, v->c, v->out));
    return code >= 0 && code < (double)taps(v->g) && tap_place(v->g, v->out, (int64_t)code, in);
}

static void visit_max_backward(const visit *v)
{
    int64_t in[FV_POOL_AXES];
    if (!code_place(v, in)) return;
    int64_t to = place(v->to, v->n, v->c, in);
    fv_element_set(v->to, to,
                   fv_element_get(v->to, to) +
                       fv_element_get(v->from, place(v->from, v->n, v->c, v->out)));
}

static void visit_max_gather(const visit *v)
{
    int64_t in[FV_POOL_AXES];
    double value = code_place(v, in) ? fv_element_get(v->from, place(v->from, v->n, v->c, in)) : 0;
    fv_element_set(v->to, place(v->to, v->n, v->c, v->out), value);
}

static void visit_indices(const visit *v)
{
    int64_t in[FV_POOL_AXES], index = -1;
    const fv_pool_axis *a = v->g->axis;
    if (code_place(v, in)) index = (in[0] * a[1].in + in[1]) * a[2].in + in[2];
    ((int64_t *)v->to->data)[place(v->to, v->n, v->c, v->out)] = index;
}

static void visit_average(const visit *v)
{
    double sum = 0;
    int64_t in[FV_POOL_AXES];
    for (int64_t code = 0; code < taps(v->g); code++)
        if (tap_place(v->g, v->out, code, in))
            sum += fv_element_get(v->from, place(v->from, v->n, v->c, in));
    fv_element_set(v->to, place(v->to, v->n, v->c, v->out), sum / divisor(v->g, v->out));
}

static void visit_average_backward(const visit *v)
{
    int64_t in[FV_POOL_AXES];
    double share =
        fv_element_get(v->from, place(v->from, v->n, v->c, v->out)) / divisor(v->g, v->out);
    for (int64_t code = 0; code < taps(v->g); code++) {
        if (!tap_place(v->g, v->out, code, in)) continue;
        int64_t to = place(v->to, v->n, v->c, in);
        fv_element_set(v->to, to, fv_element_get(v->to, to) + share);
    }
}

/* --- the ops ------------------------------------------------------------------------------ */

void fv_pool_max_ref(const fv_pool *g, const fv_tensor *x, fv_tensor *y, fv_tensor *codes)
{
    for_each_window((visit){.g = g, .from = x, .to = y, .to_codes = codes}, visit_max);
}

void fv_pool_max_backward_ref(const fv_pool *g, const fv_tensor *gy, const fv_tensor *codes,
                              fv_tensor *gx)
{
    clear(g, gx);
    for_each_window((visit){.g = g, .from = gy, .codes = codes, .to = gx}, visit_max_backward);
}

void fv_pool_max_gather_ref(const fv_pool *g, const fv_tensor *x, const fv_tensor *codes,
                            fv_tensor *y)
{
    for_each_window((visit){.g = g, .from = x, .codes = codes, .to = y}, visit_max_gather);
}

void fv_pool_indices_ref(const fv_pool *g, const fv_tensor *codes, fv_tensor *indices)
{
    for_each_window((visit){.g = g, .codes = codes, .to = indices}, visit_indices);
}

void fv_pool_average_ref(const fv_pool *g, const fv_tensor *x, fv_tensor *y)
{
    for_each_window((visit){.g = g, .from = x, .to = y}, visit_average);
}

void fv_pool_average_backward_ref(const fv_pool *g, const fv_tensor *gy, fv_tensor *gx)
{
    clear(g, gx);
    for_each_window((visit){.g = g, .from = gy, .to = gx}, visit_average_backward);
}
