/* Interpolation and its adjoint: options and shapes become a geometry of
 * tensor/kernels/resample/. */
#include "autograd/ops/resample/interpolate.h"

#include <math.h>
#include <stdio.h>

#include "autograd/op.h"
#include "autograd/ops/view/memory_order.h"
#include "tensor/kernels/resample/resample.h"

enum { AXES = FV_RESAMPLE_AXES };

/* Of both. */
typedef struct interpolate_options {
    fv_dims output_size;        /* FV_UNSET: by scale_factors */
    double scale_factors[AXES]; /* of the spatial dimensions; 0: not given */
    int64_t mode;
    bool align_corners, recompute_scale_factor, antialias;
    fv_shape size; /* of the adjoint: x's shape */
} interpolate_options;

#define OPTION(field, kind) FV_FIELD(interpolate_options, field, kind)
/* clang-format off */
#define FIELDS                                                                                     \
    OPTION(output_size, FV_OPTION_DIMS), OPTION(scale_factors[0], FV_OPTION_DOUBLE),               \
    OPTION(scale_factors[1], FV_OPTION_DOUBLE), OPTION(scale_factors[2], FV_OPTION_DOUBLE),        \
    {.name = "mode", .offset = offsetof(interpolate_options, mode), .kind = FV_OPTION_ENUM,        \
     .values = fv_interpolation_names, .first = FV_INTERPOLATION_FIRST},                                            \
    OPTION(align_corners, FV_OPTION_BOOL), OPTION(recompute_scale_factor, FV_OPTION_BOOL),         \
    OPTION(antialias, FV_OPTION_BOOL)
/* clang-format on */
static const fv_option fields[] = {FIELDS, {0}};
static const fv_option backward_fields[] = {FIELDS, OPTION(size, FV_OPTION_SHAPE), {0}};

static const fv_op interpolate_op, interpolate_backward_op;

_Static_assert(sizeof(fv_resample_plan) <= FV_PLAN_BYTES, "the plan fits into its buffer");

/* --- options ---------------------------------------------------------------------------------- */

static const char *mode_of(const interpolate_options *a)
{
    return fv_interpolation_names[a->mode - FV_INTERPOLATION_FIRST];
}

/* The spatial dimensions that a mode is for; 0: any number. */
static int dimensions_of(const interpolate_options *a)
{
    switch (a->mode) {
    case FV_LINEAR: return 1;
    case FV_BILINEAR:
    case FV_BICUBIC: return 2;
    case FV_TRILINEAR: return 3;
    default: return 0;
    }
}

static fv_status check_mode(const fv_call *c, const interpolate_options *a, const fv_shape *x)
{
    const int n = dimensions_of(a);
    if (x->ndim < 3 || x->ndim > 2 + AXES)
        return fv_reject(c, FV_ERR_SHAPE, "input %s must be [N,C,L], [N,C,H,W] or [N,C,D,H,W]",
                         fv_shape_text(x));
    if (n > 0 && x->ndim != n + 2)
        return fv_reject(c, FV_ERR_OPTION, "mode is %s, for %d spatial dimensions; input %s has %d",
                         mode_of(a), n, fv_shape_text(x), x->ndim - 2);
    if (a->align_corners && n == 0)
        return fv_reject(c, FV_ERR_OPTION, "align_corners has no meaning in mode %s", mode_of(a));
    if (a->antialias && a->mode != FV_BILINEAR && a->mode != FV_BICUBIC)
        return fv_reject(c, FV_ERR_OPTION,
                         "antialias is for modes bilinear and bicubic; mode is %s", mode_of(a));
    for (int i = 0; i < x->ndim; i++)
        if (x->dim[i] > INT32_MAX || (i >= 2 && x->dim[i] < 1))
            return fv_reject(c, FV_ERR_SHAPE, "input %s: spatial dimensions must lie in [1, 2^31)",
                             fv_shape_text(x));
    return FV_OK;
}

/* floor(length * scale) of an axis. */
static fv_status scale_length(const fv_call *c, const fv_shape *x, double scale, int64_t length,
                              int64_t *out)
{
    const double scaled = floor((double)length * scale);
    const bool fits = scale > 0 && scaled >= 1 && scaled <= (double)INT32_MAX;
    *out = fits ? (int64_t)scaled : 0;
    if (fits) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "scale_factor %g makes length %lld of input %s one of %g",
                     scale, (long long)length, fv_shape_text(x), scaled);
}

/* The lengths of the result, and the scales by which pixels are spaced. */
static fv_status settle_sizes(const fv_call *c, const interpolate_options *a, const fv_shape *x,
                              int64_t *out, double *scale)
{
    const int n = x->ndim - 2;
    const bool sized = a->output_size != FV_UNSET;
    fv_status status = FV_OK;
    int scales = 0;
    while (scales < AXES && a->scale_factors[scales] != 0) scales++;
    if (sized == (scales > 0))
        return fv_reject(c, FV_ERR_OPTION, "%s of output_size and scale_factor must be given",
                         sized ? "only one" : "one");
    if (sized && a->recompute_scale_factor)
        return fv_reject(c, FV_ERR_OPTION,
                         "recompute_scale_factor has no meaning beside an output_size");
    if (sized) return fv_need_dims(c, "output_size", a->output_size, n, 1, out);
    if (scales != n)
        return fv_reject(c, FV_ERR_OPTION,
                         "%d scale_factors for input %s, which has %d spatial dimensions", scales,
                         fv_shape_text(x), n);
    for (int i = 0; i < n && status == FV_OK; i++) {
        status = scale_length(c, x, a->scale_factors[i], x->dim[2 + i], &out[i]);
        scale[i] = a->recompute_scale_factor ? 0 : a->scale_factors[i];
    }
    return status;
}

/* Checks everything for an x of shape x and fills the shape of y and the geometry but for the
 * order in memory. */
static fv_status resolve(const fv_call *c, const fv_shape *x, fv_shape *y, fv_resample *g)
{
    const interpolate_options *a = c->options;
    fv_status status = check_mode(c, a, x);
    if (status != FV_OK) return status;
    const int n = x->ndim - 2, first = AXES - n;
    *g = (fv_resample){.in = {1, 1, 1},
                       .out = {1, 1, 1},
                       .mode = (fv_interpolation)a->mode,
                       .align_corners = a->align_corners,
                       .antialias = a->antialias};
    for (int i = 0; i < n; i++) g->in[first + i] = x->dim[2 + i];
    status = settle_sizes(c, a, x, g->out + first, g->scale + first);
    *y = *x;
    for (int i = 0; i < n; i++) y->dim[2 + i] = g->out[first + i];
    return status == FV_OK ? fv_need_size(c, y) : status;
}

static void describe_output(fv_call *c, const fv_shape *shape)
{
    const fv_tensor *x = c->in[0];
    fv_output_in_order(c, 0, fv_prefers_channels_last(x), x->dtype, shape);
}

/* --- phases ----------------------------------------------------------------------------------- */

static fv_status interpolate_infer(fv_call *c)
{
    fv_shape x, y;
    fv_resample g;
    fv_status status = fv_need_floating(c, 0, "input");
    if (status != FV_OK) return status;
    x = fv_shape_of(c->in[0]);
    status = resolve(c, &x, &y, &g);
    if (status == FV_OK) describe_output(c, &y);
    return status;
}

static fv_status backward_infer(fv_call *c)
{
    const interpolate_options *a = c->options;
    fv_shape y, seen;
    fv_resample g;
    fv_status status = fv_need_floating(c, 0, "gradient");
    if (status == FV_OK) status = resolve(c, &a->size, &y, &g);
    if (status != FV_OK) return status;
    seen = fv_shape_of(c->in[0]);
    if (!fv_shape_equal(&seen, &y))
        return fv_reject(c, FV_ERR_SHAPE, "gradient %s must be %s", fv_shape_text(&seen),
                         fv_shape_text(&y));
    status = fv_need_size(c, &a->size);
    if (status == FV_OK) describe_output(c, &a->size);
    return status;
}

/* The geometry of a call that infer has accepted. */
static fv_resample geometry_of(const fv_call *c)
{
    const interpolate_options *a = c->options;
    const bool back = c->op == &interpolate_backward_op;
    const fv_shape x = back ? a->size : fv_shape_of(c->in[0]);
    fv_shape y;
    fv_resample g;
    resolve(c, &x, &y, &g);
    g.transposed = back;
    const bool last = fv_prefers_channels_last(c->in[0]);
    g.outer = last ? x.dim[0] : x.dim[0] * x.dim[1];
    g.inner = last ? x.dim[1] : 1;
    return g;
}

static size_t copy_bytes(const fv_call *c)
{
    return fv_order_bytes(c->in[0], fv_prefers_channels_last(c->in[0]));
}

static void plan(fv_call *c)
{
    fv_resample_plan *p = c->plan;
    p->g = geometry_of(c);
    fv_resample_make_plan(p, c->spec[0].dtype, c->machine);
    c->scratch_bytes = copy_bytes(c) + p->scratch_bytes;
}

static int describe(const fv_call *c, char *text, size_t size)
{
    const fv_resample_plan *p = c->plan;
    return snprintf(text, size, "%s, %lld rows in %lld chunks%s",
                    p->along_first ? "width first" : "height first", (long long)p->rows,
                    (long long)p->chunks, copy_bytes(c) ? ", from a copy" : "");
}

static void forward(fv_call *c)
{
    if (c->out[0]->numel == 0) return;
    const void *x = fv_in_order(c->in[0], fv_prefers_channels_last(c->in[0]), c->scratch);
    fv_resample_run(c->plan, x, c->out[0]->data, (char *)c->scratch + copy_bytes(c));
}

static void reference(fv_call *c)
{
    const fv_resample g = geometry_of(c);
    fv_resample_ref(&g, c->in[0], c->out[0]);
}

static void interpolate_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    interpolate_options options = *(const interpolate_options *)c->options;
    options.size = *fv_input_shape(c, 0);
    gin[0] = FV_APPLY(&interpolate_backward_op, &options, gout[0]);
}

static void backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&interpolate_op, c->options, gout[0]);
}

/* --- facts, for inspection -------------------------------------------------------------------- */

/* A scale as a fraction; no number for one that is none of small denominator. */
static fv_ratio ratio_of_scale(double scale)
{
    for (int64_t den = 1; den <= 1 << 16; den *= 2) {
        const double num = scale * (double)den;
        if (num >= 1 && num < (double)INT32_MAX && num == floor(num))
            return fv_ratio_of((int64_t)num, den);
    }
    return fv_ratio_of(0, 0);
}

/* Pixels of the input from one pixel of the output to the next. */
static fv_ratio step_of(const fv_resample *g, int axis)
{
    const int64_t in = g->in[axis], out = g->out[axis];
    if (g->align_corners) return out > 1 ? fv_ratio_of(in - 1, out - 1) : fv_ratio_of(0, 1);
    if (g->scale[axis] == 0 || g->mode == FV_AREA) return fv_ratio_of(in, out);
    const fv_ratio scale = ratio_of_scale(g->scale[axis]);
    return fv_ratio_of(scale.den, scale.num);
}

/* The pixel at place o p / q + shift / 2q, rounded down. */
static void one_pixel(fv_ratio step, int64_t shift, fv_window *w)
{
    const int64_t units = 2 * step.den, most = shift ? units - 1 : units - 2;
    w->size = fv_ratio_of(units + most, units);
    w->padding = fv_ratio_of(most - shift, units);
}

/* The pixels that are nearer than so many to the place o p / q + shift / 2q. In the units of 1 / 2q
 * of places, the next smaller distance is `least` less. */
static void near_pixels(fv_ratio step, int64_t distance, int64_t shift, int64_t least, fv_window *w)
{
    const int64_t units = 2 * step.den;
    w->size = fv_ratio_of(2 * (distance - least) + units, units);
    w->padding = fv_ratio_of(distance - least - shift, units);
}

/* Places are o p / q, or with half pixels (o + 1/2) p / q - 1/2. Of antialiasing the distance grows
 * with the step. */
static void filtered_window(const fv_resample *g, fv_ratio step, fv_window *w)
{
    const bool wide = g->antialias && step.num > step.den;
    const int64_t around = g->mode == FV_BICUBIC ? 2 : 1;
    const int64_t distance = 2 * around * (wide ? step.num : step.den);
    const bool corners = g->align_corners && !g->antialias;
    near_pixels(step, distance, corners ? 0 : step.num - step.den, corners ? 2 : 1, w);
}

/* From floor(o p / q) to ceil((o + 1) p / q) - 1. */
static void covered_window(fv_ratio step, fv_window *w)
{
    w->size = fv_ratio_of(step.num + 2 * (step.den - 1), step.den);
    w->padding = fv_ratio_of(step.den - 1, step.den);
}

static bool interpolate_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    if (dim < 2) return fv_window_same(c, input, output, dim, w);
    const fv_resample g = geometry_of(c);
    const fv_ratio step = step_of(&g, AXES - c->in[input]->ndim + dim);
    if (step.den == 0) return false;
    w->dim = dim;
    w->stride = step;
    switch (g.mode) {
    case FV_NEAREST: one_pixel(step, 0, w); break;
    case FV_NEAREST_EXACT: one_pixel(step, step.num, w); break;
    case FV_AREA: covered_window(step, w); break;
    default: filtered_window(&g, step, w);
    }
    return true;
}

static const fv_op interpolate_op = {
    .name = "interpolate",
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "input"}},
    .options_size = sizeof(interpolate_options),
    .option_fields = fields,
    .infer = interpolate_infer,
    .plan = plan,
    .describe = describe,
    .forward = forward,
    .reference = reference,
    .gradient = interpolate_gradient,
    .window = interpolate_window,
};
FV_REGISTER(interpolate_op);

static const fv_op interpolate_backward_op = {
    .name = "interpolate_backward",
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "gradient"}},
    .options_size = sizeof(interpolate_options),
    .option_fields = backward_fields,
    .infer = backward_infer,
    .plan = plan,
    .describe = describe,
    .forward = forward,
    .reference = reference,
    .gradient = backward_gradient,
};
FV_REGISTER(interpolate_backward_op);

/* --- calls ------------------------------------------------------------------------------------ */

/* *given = were scales given? Spreads one over the dimensions of x. */
static fv_status take_scales(const fv_interpolate_args *a, double *scales)
{
    const bool one = !fv_is_unset(a->scale_factor);
    const int n = fv_usable(a->input) ? a->input->ndim - 2 : 1;
    for (int i = 0; i < AXES; i++) {
        scales[i] = a->scale_factors[i];
        if (one && scales[i] != 0)
            return fv_fail(FV_ERR_OPTION,
                           "interpolate: both scale_factor and scale_factors are given");
        if (one) scales[i] = i < n ? a->scale_factor : 0;
    }
    if (!one || a->scale_factor > 0) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "interpolate: scale_factor is %g, it must be positive",
                   a->scale_factor);
}

const fv_interpolate_args fv_interpolate_defaults = {FV_INTERPOLATE_DEFAULTS};

fv_tensor *fv_interpolate_ex(const fv_interpolate_args *a)
{
    if (!fv_args_ok("interpolate", a, sizeof *a)) return fv_failed_tensor();
    interpolate_options options = {.output_size = a->output_size,
                                   .mode = (int64_t)a->mode,
                                   .align_corners = a->align_corners,
                                   .recompute_scale_factor = a->recompute_scale_factor,
                                   .antialias = a->antialias};
    if (take_scales(a, options.scale_factors) != FV_OK) return fv_failed_tensor();
    return FV_APPLY(&interpolate_op, &options, a->input);
}
