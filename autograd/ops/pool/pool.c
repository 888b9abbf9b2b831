/* Pooling: options checked and turned into a geometry, phases of all pooling ops. */
#include "autograd/ops/pool/pool_impl.h"

#include <stdio.h>

#include "autograd/ops/view/view.h"

_Static_assert(sizeof(fv_pool_plan) <= FV_PLAN_BYTES, "the plan fits into its buffer");

/* --- options ------------------------------------------------------------------------------ */

static fv_status resolve_options(const fv_call *c, const fv_pool_options *a, int n,
                                 fv_pool_axis *axis)
{
    int64_t kernel[FV_POOL_AXES], stride[FV_POOL_AXES], padding[FV_POOL_AXES];
    int64_t dilation[FV_POOL_AXES];
    fv_status status = fv_need_dims(c, "kernel_size", a->kernel_size, n, 1, kernel);
    fv_dims steps = a->stride == FV_UNSET ? a->kernel_size : a->stride;
    fv_dims pad = a->padding == FV_VALID ? 0 : a->padding;
    if (pad == FV_SAME || pad == FV_FULL)
        return fv_reject(c, FV_ERR_OPTION, "padding is FV_%s, which only convolutions take",
                         pad == FV_SAME ? "SAME" : "FULL");
    if (status == FV_OK) status = fv_need_dims(c, "stride", steps, n, 1, stride);
    if (status == FV_OK) status = fv_need_dims(c, "padding", pad, n, 0, padding);
    if (status == FV_OK) status = fv_need_dims(c, "dilation", a->dilation, n, 1, dilation);
    if (status == FV_OK && a->divisor_override == 0)
        status = fv_reject(c, FV_ERR_OPTION, "divisor_override must not be 0");
    for (int i = 0; i < n && status == FV_OK; i++) {
        axis[i].kernel = kernel[i];
        axis[i].stride = stride[i];
        axis[i].padding = padding[i];
        axis[i].dilation = dilation[i];
    }
    return status;
}

/* --- sizes -------------------------------------------------------------------------------- */

static fv_status resolve_output(const fv_call *c, const fv_pool_options *a, const fv_shape *x,
                                fv_pool_axis *axis)
{
    int64_t window = (axis->kernel - 1) * axis->dilation + 1;
    int64_t most = x->ndim == 5 ? axis->kernel / 2 : window / 2;
    if (axis->padding > most)
        return fv_reject(c, FV_ERR_OPTION,
                         "padding %lld is more than half of the window of %lld (kernel_size %lld, "
                         "dilation %lld): at most %lld",
                         (long long)axis->padding, (long long)window, (long long)axis->kernel,
                         (long long)axis->dilation, (long long)most);
    int64_t room = axis->in + 2 * axis->padding - window;
    /* What ceil_mode rounds up; nothing fits when even that is negative. */
    int64_t rounded = room + (a->ceil_mode ? axis->stride - 1 : 0);
    axis->out = rounded < 0 ? 0 : rounded / axis->stride + 1;
    if (a->ceil_mode && (axis->out - 1) * axis->stride >= axis->in + axis->padding) axis->out--;
    if (axis->out > 0) return FV_OK;
    axis->out = 0;
    if (x->ndim == 3 && x->dim[0] == 0) return FV_OK; /* no sequences: no windows, as in PyTorch */
    return fv_reject(c, FV_ERR_SHAPE,
                     "input %s is smaller than the window: length %lld with padding %lld, window "
                     "%lld",
                     fv_shape_text(x), (long long)axis->in, (long long)axis->padding,
                     (long long)window);
}

static fv_status resolve_adaptive(const fv_call *c, const fv_pool_options *a, const fv_shape *x,
                                  int n, fv_pool_axis *axis)
{
    int64_t out[FV_POOL_AXES];
    fv_status status = fv_need_dims(c, "output_size", a->output_size, n, 0, out);
    for (int i = 0; i < n && status == FV_OK; i++) {
        axis[i].out = out[i];
        if (out[i] > 0) axis[i].kernel = axis[i].in / out[i] + (axis[i].in % out[i] ? 2 : 0);
        if (axis[i].in > (INT64_MAX >> 33))
            status = fv_reject(c, FV_ERR_SHAPE, "length %lld in input %s is too large",
                               (long long)axis[i].in, fv_shape_text(x));
    }
    return status;
}

/* Tap numbers are 32-bit. */
static fv_status check_taps(const fv_call *c, const fv_pool *g)
{
    double taps = 1;
    for (int i = 0; i < FV_POOL_AXES; i++) taps *= (double)g->axis[i].kernel;
    if (taps < (double)INT32_MAX) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "a window of %g elements (kernel_size or output_size)",
                     taps);
}

/* Windows of a fixed size want channels; adaptive ones take none of them as well. */
static fv_status check_input(const fv_call *c, const fv_shape *x, bool adaptive)
{
    if (x->ndim < 3 || x->ndim > 2 + FV_POOL_AXES)
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s must have 1 to 3 spatial dimensions behind [N,C]",
                         fv_shape_text(x));
    for (int i = adaptive ? 2 : 1; i < x->ndim; i++)
        if (x->dim[i] <= 0)
            return fv_reject(c, FV_ERR_SHAPE, "input %s must have no empty dimension but %s",
                             fv_shape_text(x), adaptive ? "batch and channels" : "the batch");
    return FV_OK;
}

static fv_status resolve_axes(const fv_call *c, const fv_pool_options *a, const fv_shape *x, int n,
                              fv_pool_axis *axis)
{
    if (a->kernel_size == FV_UNSET) return resolve_adaptive(c, a, x, n, axis);
    fv_status status = resolve_options(c, a, n, axis);
    for (int i = 0; i < n && status == FV_OK; i++) status = resolve_output(c, a, x, &axis[i]);
    return status;
}

/* Checks everything and fills the geometry and the output's shape for an x of shape x. */
static fv_status resolve(const fv_call *c, const fv_shape *x, fv_pool *g, fv_shape *y)
{
    const fv_pool_options *a = c->options;
    bool adaptive = a->kernel_size == FV_UNSET;
    fv_status status = check_input(c, x, adaptive);
    if (status != FV_OK) return status;

    *g = (fv_pool){.batch = x->dim[0],
                   .channels = x->dim[1],
                   .adaptive = adaptive,
                   .count_include_pad = a->count_include_pad,
                   .divisor = a->divisor_override == FV_UNSET ? 0 : a->divisor_override};
    for (int i = 0; i < FV_POOL_AXES; i++) g->axis[i] = (fv_pool_axis){1, 1, 1, 1, 0, 1};
    int n = x->ndim - 2;
    fv_pool_axis *axis = g->axis + FV_POOL_AXES - n;
    for (int i = 0; i < n; i++) axis[i].in = x->dim[2 + i];
    status = resolve_axes(c, a, x, n, axis);
    if (status == FV_OK) status = check_taps(c, g);
    *y = *x;
    for (int i = 0; i < n; i++) y->dim[2 + i] = axis[i].out;
    if (status == FV_OK) status = fv_need_size(c, y);
    return status;
}

/* --- infer -------------------------------------------------------------------------------- */

static fv_status need_shape(const fv_call *c, int input, const fv_shape *wanted)
{
    fv_shape shape = fv_shape_of(c->in[input]);
    if (fv_shape_equal(&shape, wanted)) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "%s %s must be %s", fv_input_name(c->op, input),
                     fv_shape_text(&shape), fv_shape_text(wanted));
}

static fv_status need_codes(const fv_call *c, int input, const fv_pool *g, const fv_shape *wanted)
{
    fv_dtype dtype = c->in[input]->dtype, needed = fv_pool_code_dtype(g);
    if (dtype == needed) return need_shape(c, input, wanted);
    return fv_reject(c, FV_ERR_DTYPE, "codes %s are %s, must be %s", fv_text(c->in[input]),
                     fv_dtype_name(dtype), fv_dtype_name(needed));
}

static fv_status infer(fv_call *c, int spatial)
{
    static const char *const forms[] = {"", "[N,C,L] or [C,L]", "[N,C,H,W] or [C,H,W]",
                                        "[N,C,D,H,W] or [C,D,H,W]"};
    fv_pool g;
    fv_shape x = fv_shape_of(c->in[0]), y;
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK && x.ndim != spatial + 2)
        status =
            fv_reject(c, FV_ERR_SHAPE, "input %s must be %s", fv_shape_text(&x), forms[spatial]);
    if (status == FV_OK) status = resolve(c, &x, &g, &y);
    if (status != FV_OK) return status;
    fv_output_channels_last(c, 0, c->in[0]->dtype, &y);
    if (c->outputs > 1) {
        fv_output_channels_last(c, 1, fv_pool_code_dtype(&g), &y);
        c->spec[1].constant = true;
    }
    return FV_OK;
}

fv_status fv_pool_infer_1d(fv_call *c)
{
    return infer(c, 1);
}

fv_status fv_pool_infer_2d(fv_call *c)
{
    return infer(c, 2);
}

fv_status fv_pool_infer_3d(fv_call *c)
{
    return infer(c, 3);
}

fv_status fv_pool_gather_infer(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool g;
    fv_shape y;
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = resolve(c, &a->size, &g, &y);
    if (status == FV_OK) status = need_shape(c, 0, &a->size);
    if (status == FV_OK) status = need_codes(c, 1, &g, &y);
    if (status == FV_OK) fv_output_channels_last(c, 0, c->in[0]->dtype, &y);
    return status;
}

fv_status fv_pool_indices_infer(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool g;
    fv_shape y;
    fv_status status = resolve(c, &a->size, &g, &y);
    if (status == FV_OK) status = need_codes(c, 0, &g, &y);
    if (status == FV_OK) fv_output_channels_last(c, 0, FV_INT64, &y);
    return status;
}

fv_status fv_pool_backward_infer(fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool g;
    fv_shape y;
    fv_status status = fv_need_floating(c, 0, "gradient");
    if (status == FV_OK) status = resolve(c, &a->size, &g, &y);
    if (status == FV_OK) status = need_shape(c, 0, &y);
    if (status == FV_OK && c->inputs > 1) status = need_codes(c, 1, &g, &y);
    if (status == FV_OK) status = fv_need_size(c, &a->size);
    if (status == FV_OK) fv_output_channels_last(c, 0, c->in[0]->dtype, &a->size);
    return status;
}

/* --- plan --------------------------------------------------------------------------------- */

static void plan(fv_call *c, const fv_shape *x, fv_pool_pass pass)
{
    fv_pool_plan *p = c->plan;
    fv_shape y;
    fv_scratch need = {0};
    resolve(c, x, &p->g, &y); /* has passed in infer */
    fv_pool_make_plan(p, c->spec[0].dtype, pass, c->machine);
    fv_pool_layout(p, &need);
    c->scratch_bytes = need.used;
}

void fv_pool_plan_forward(fv_call *c)
{
    fv_shape x = fv_shape_of(c->in[0]);
    plan(c, &x, FV_POOL_FORWARD);
}

void fv_pool_plan_behind(fv_call *c)
{
    const fv_pool_options *a = c->options;
    plan(c, &a->size, FV_POOL_FORWARD);
}

void fv_pool_plan_backward(fv_call *c)
{
    const fv_pool_options *a = c->options;
    plan(c, &a->size, FV_POOL_BACKWARD);
}

int fv_pool_describe(const fv_call *c, char *text, size_t size)
{
    const fv_pool_plan *p = c->plan;
    return snprintf(text, size, "%lld %s in %lld chunks", (long long)p->units,
                    p->pass == FV_POOL_FORWARD ? "pixels" : "rows", (long long)p->chunks);
}

/* --- facts, for inspection ---------------------------------------------------------------- */

/* Adaptive windows are those from floor(o * in / out) to ceil((o + 1) * in / out) - 1; where that
 * is no whole number of steps, in and out being p and q in lowest terms, they begin up to (q - 1) /
 * q early and end as much late. */
static bool adaptive_window(const fv_pool_axis *axis, int dim, fv_window *w)
{
    const fv_ratio step = fv_ratio_of(axis->in, axis->out);
    if (step.den == 0) return false;
    *w = (fv_window){.dim = dim,
                     .size = fv_ratio_of(step.num + 2 * (step.den - 1), step.den),
                     .stride = step,
                     .padding = fv_ratio_of(step.den - 1, step.den)};
    return true;
}

bool fv_pool_window_of(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const fv_shape x = fv_shape_of(c->in[input]);
    fv_pool g;
    fv_shape y;
    if (dim < 2) return fv_window_same(c, input, output, dim, w);
    if (resolve(c, &x, &g, &y) != FV_OK) return false;
    const fv_pool_axis *axis = &g.axis[FV_POOL_AXES - x.ndim + dim];
    if (g.adaptive) return adaptive_window(axis, dim, w);
    return fv_window_sliding(dim, (axis->kernel - 1) * axis->dilation + 1, axis->stride,
                             axis->padding, w);
}

/* --- calls -------------------------------------------------------------------------------- */

fv_pool_options fv_pool_options_behind(const fv_call *c)
{
    const fv_pool_options *a = c->options;
    fv_pool_options behind = *a;
    behind.size = *fv_input_shape(c, 0);
    return behind;
}

void fv_pool_apply(const fv_op *op, const fv_pool_options *options, int spatial, fv_tensor *x,
                   fv_tensor **out)
{
    bool single = fv_usable(x) && x->ndim == spatial + 1;
    if (single) x = fv_unsqueeze(x, 0);
    fv_apply_all(op, options, 1, &x, out);
    for (int j = 0; j < op->outputs && single; j++) out[j] = fv_squeeze(out[j], 0);
}
