/* Shape rules of the convolution family: options become a geometry, or an error. */
#include "autograd/ops/conv/conv_impl.h"

/* Sizes, strides and paddings beyond this are refused, so that no sum or product below overflows.
 */
#define LIMIT ((int64_t)1 << 31)

/* Kernels plan a strided gradient phase by phase, so a stride that is really used is bounded. */
#define STRIDE_LIMIT ((int64_t)1 << 24)

/* With one window there is nothing to step over, whatever the stride; with more it has a limit. */
static fv_status bound_stride(fv_call *c, fv_conv_geometry *g, int d)
{
    if (g->out[d] == 1) g->stride[d] = 1;
    if (g->stride[d] <= STRIDE_LIMIT) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "stride %lld is beyond 2^24", (long long)g->stride[d]);
}

static bool is_special(fv_dims v)
{
    return v == FV_SAME || v == FV_VALID || v == FV_FULL;
}

/* One option for nd dimensions, each at least low. */
static fv_status spread(fv_call *c, const char *name, fv_dims value, int nd, int64_t low,
                        int64_t *out)
{
    if (!fv_dims_spread(value, nd, out))
        return fv_reject(c, FV_ERR_OPTION, "%s needs one number or %d of them", name, nd);
    for (int i = 0; i < nd; i++)
        if (out[i] < low || out[i] > LIMIT)
            return fv_reject(c, FV_ERR_OPTION, "%s is %lld, it must be at least %lld%s", name,
                             (long long)out[i], (long long)low,
                             out[i] > LIMIT ? " and at most 2^31" : "");
    return FV_OK;
}

static fv_status check_operands(fv_call *c, int nd, int ndim)
{
    static const char *const names[] = {"input", "weight", "bias"};
    for (int i = 0; i < 2; i++) {
        fv_status status = fv_need_floating(c, i, names[i]);
        if (status == FV_OK) status = fv_need_ndim(c, i, names[i], ndim, ndim);
        if (status == FV_OK) status = fv_need_same_dtype(c, 0, names[0], i, names[i]);
        if (status != FV_OK) return status;
    }
    if (c->inputs > 2 && c->in[2]) {
        fv_status status = fv_need_same_dtype(c, 0, names[0], 2, names[2]);
        if (status == FV_OK) status = fv_need_ndim(c, 2, names[2], 1, 1);
        if (status != FV_OK) return status;
    }
    for (int i = 0; i < 2; i++)
        for (int d = i == 0; d < 2 + nd; d++)
            if (c->in[i]->shape[d] < 1 || c->in[i]->shape[d] > LIMIT)
                return fv_reject(c, FV_ERR_SHAPE,
                                 "%s %s: every dimension%s must lie between 1 and 2^31", names[i],
                                 fv_text(c->in[i]), i == 0 ? " but the batch" : "");
    return FV_OK;
}

static fv_status check_groups(fv_call *c, int64_t groups)
{
    if (groups < 1)
        return fv_reject(c, FV_ERR_OPTION, "groups is %lld, it must be at least 1",
                         (long long)groups);
    return FV_OK;
}

static fv_status check_bias(fv_call *c, int64_t channels)
{
    if (!c->in[2] || c->in[2]->shape[0] == channels) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "bias %s needs one element for each of %lld output channels",
                     fv_text(c->in[2]), (long long)channels);
}

/* Padding in front and in total of each dimension. */
static fv_status resolve_padding(fv_call *c, int nd, int64_t *front, int64_t *total)
{
    const fv_conv_options *a = c->options;
    const fv_conv_geometry *g = &a->g;
    int at = 3 - nd;
    if (!is_special(a->padding)) {
        fv_status status = spread(c, "padding", a->padding, nd, 0, front);
        for (int i = 0; i < nd && status == FV_OK; i++) total[i] = 2 * front[i];
        return status;
    }
    for (int i = 0; i < nd; i++) {
        int64_t reach = g->dilation[at + i] * (g->k[at + i] - 1);
        if (a->padding == FV_SAME && g->stride[at + i] != 1)
            return fv_reject(c, FV_ERR_OPTION, "padding FV_SAME needs stride 1, it is %lld",
                             (long long)g->stride[at + i]);
        total[i] = a->padding == FV_SAME ? reach : a->padding == FV_FULL ? 2 * reach : 0;
        front[i] = total[i] / 2;
    }
    return FV_OK;
}

static void reset_geometry(fv_conv_geometry *g)
{
    for (int i = 0; i < 3; i++) {
        g->in[i] = g->out[i] = g->k[i] = g->stride[i] = g->dilation[i] = 1;
        g->pad[i] = 0;
    }
}

/* Stride, dilation, groups and kernel size, common to both directions. */
static fv_status resolve_common(fv_call *c, int nd)
{
    fv_conv_options *a = c->options;
    fv_conv_geometry *g = &a->g;
    int at = 3 - nd;
    reset_geometry(g);
    fv_status status = spread(c, "stride", a->stride, nd, 1, g->stride + at);
    if (status == FV_OK) status = spread(c, "dilation", a->dilation, nd, 1, g->dilation + at);
    if (status == FV_OK) status = check_groups(c, a->groups);
    if (status != FV_OK) return status;
    g->groups = a->groups;
    g->n = c->in[0]->shape[0];
    for (int i = 0; i < nd; i++) {
        g->k[at + i] = c->in[1]->shape[2 + i];
        if (g->dilation[at + i] * (g->k[at + i] - 1) > LIMIT)
            return fv_reject(c, FV_ERR_OPTION, "weight %s with dilation %lld reaches beyond 2^31",
                             fv_text(c->in[1]), (long long)g->dilation[at + i]);
    }
    return FV_OK;
}

static fv_status resolve_forward(fv_call *c, int nd)
{
    fv_conv_geometry *g = &((fv_conv_options *)c->options)->g;
    const fv_tensor *x = c->in[0], *w = c->in[1];
    int at = 3 - nd;
    int64_t front[3], total[3];
    fv_status status = check_operands(c, nd, nd + 2);
    if (status == FV_OK) status = resolve_common(c, nd);
    if (status == FV_OK) status = resolve_padding(c, nd, front, total);
    if (status != FV_OK) return status;
    g->c = x->shape[1];
    g->o = w->shape[0];
    if (g->groups > LIMIT || w->shape[1] * g->groups != g->c)
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld channels, weight %s with groups=%lld needs %lld",
                         fv_text(x), (long long)g->c, fv_text(w), (long long)g->groups,
                         (long long)(g->groups > LIMIT ? -1 : w->shape[1] * g->groups));
    if (g->o % g->groups)
        return fv_reject(c, FV_ERR_SHAPE,
                         "weight %s has %lld output channels, not a multiple of "
                         "groups=%lld",
                         fv_text(w), (long long)g->o, (long long)g->groups);
    for (int i = 0; i < nd; i++) {
        int64_t in = x->shape[2 + i], reach = g->dilation[at + i] * (g->k[at + i] - 1) + 1;
        if (in + total[i] < reach)
            return fv_reject(c, FV_ERR_SHAPE,
                             "the padded input %s (%lld in dim %d) is smaller than the kernel of "
                             "weight %s (%lld with dilation)",
                             fv_text(x), (long long)(in + total[i]), 2 + i, fv_text(w),
                             (long long)reach);
        g->in[at + i] = in;
        g->pad[at + i] = front[i];
        g->out[at + i] = (in + total[i] - reach) / g->stride[at + i] + 1;
        status = bound_stride(c, g, at + i);
        if (status != FV_OK) return status;
    }
    return check_bias(c, g->o);
}

static fv_status resolve_transpose(fv_call *c, int nd)
{
    const fv_conv_options *a = c->options;
    fv_conv_geometry *g = &((fv_conv_options *)c->options)->g;
    const fv_tensor *x = c->in[0], *w = c->in[1];
    int at = 3 - nd;
    int64_t pad[3], extra[3];
    fv_status status = check_operands(c, nd, nd + 2);
    if (status == FV_OK) status = resolve_common(c, nd);
    if (status == FV_OK) status = spread(c, "padding", a->padding, nd, 0, pad);
    if (status == FV_OK) status = spread(c, "output_padding", a->output_padding, nd, 0, extra);
    if (status != FV_OK) return status;
    g->o = x->shape[1];
    if (w->shape[0] != g->o)
        return fv_reject(c, FV_ERR_SHAPE, "input %s has %lld channels, weight %s needs %lld",
                         fv_text(x), (long long)g->o, fv_text(w), (long long)w->shape[0]);
    if (g->groups > LIMIT || g->o % g->groups)
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld channels, not a multiple of groups=%lld", fv_text(x),
                         (long long)g->o, (long long)g->groups);
    g->c = w->shape[1] * g->groups;
    for (int i = 0; i < nd; i++) {
        int64_t s = g->stride[at + i], d = g->dilation[at + i];
        if (extra[i] >= s && extra[i] >= d)
            return fv_reject(
                c, FV_ERR_OPTION,
                "output_padding %lld must be smaller than stride %lld or dilation %lld",
                (long long)extra[i], (long long)s, (long long)d);
        int64_t span;
        if (__builtin_mul_overflow(x->shape[2 + i] - 1, s, &span) || span > LIMIT * 4)
            return fv_reject(c, FV_ERR_SHAPE, "input %s with stride %lld gives a result too large",
                             fv_text(x), (long long)s);
        int64_t out = span - 2 * pad[i] + d * (g->k[at + i] - 1) + extra[i] + 1;
        if (out < 1)
            return fv_reject(
                c, FV_ERR_SHAPE,
                "input %s and weight %s with padding %lld leave no output (%lld in dim "
                "%d)",
                fv_text(x), fv_text(w), (long long)pad[i], (long long)out, 2 + i);
        g->out[at + i] = x->shape[2 + i];
        g->pad[at + i] = pad[i];
        g->in[at + i] = out;
        status = bound_stride(c, g, at + i);
        if (status != FV_OK) return status;
    }
    return check_bias(c, g->c);
}

/* --- operands' order -------------------------------------------------------------------------- */

bool fv_conv_is_activation(const fv_call *c, int i)
{
    return i == 0 || (i == 1 && c->inputs == 2);
}

bool fv_conv_in_order(const fv_call *c, int i)
{
    return fv_conv_is_activation(c, i) ? fv_is_channels_last(c->in[i]) : fv_is_contiguous(c->in[i]);
}

size_t fv_conv_copy_bytes(const fv_tensor *t)
{
    return ((size_t)t->numel * fv_dtype_size(t->dtype) + 63) / 64 * 64;
}

/* --- results ---------------------------------------------------------------------------------- */

static fv_shape x_shape(const fv_conv_geometry *g, int nd)
{
    fv_shape s = {nd + 2, {g->n, g->c}};
    for (int i = 0; i < nd; i++) s.dim[2 + i] = g->in[3 - nd + i];
    return s;
}

static fv_shape y_shape(const fv_conv_geometry *g, int nd)
{
    fv_shape s = {nd + 2, {g->n, g->o}};
    for (int i = 0; i < nd; i++) s.dim[2 + i] = g->out[3 - nd + i];
    return s;
}

static fv_shape w_shape(const fv_conv_geometry *g, int nd)
{
    fv_shape s = {nd + 2, {g->o, g->c / g->groups}};
    for (int i = 0; i < nd; i++) s.dim[2 + i] = g->k[3 - nd + i];
    return s;
}

/* With a given geometry the operands must fit it. */
static fv_status match(fv_call *c, int input, const char *name, fv_shape expected)
{
    fv_shape got = fv_shape_of(c->in[input]);
    if (!fv_dtype_is_floating(c->in[input]->dtype) || c->in[input]->dtype != c->in[0]->dtype)
        return fv_reject(c, FV_ERR_DTYPE, "%s %s is %s; both operands must be of one floating type",
                         name, fv_shape_text(&got), fv_dtype_name(c->in[input]->dtype));
    if (fv_shape_equal(&got, &expected)) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "%s is %s, the convolution needs %s", name,
                     fv_shape_text(&got), fv_shape_text(&expected));
}

/* Operands that are not in the kernels' order are copied into scratch first. */
static void add_scratch(fv_call *c, fv_conv_pass pass)
{
    const fv_conv_options *a = c->options;
    fv_conv_plan p;
    fv_conv_make_plan(&p, &a->g, c->in[0]->dtype, pass, NULL, c->machine);
    size_t bytes = fv_conv_scratch(&p);
    for (int i = 0; i < c->inputs; i++)
        if (c->in[i] && !fv_conv_in_order(c, i)) bytes += fv_conv_copy_bytes(c->in[i]);
    c->scratch_bytes = bytes;
}

fv_status fv_conv_infer_forward(fv_call *c, int nd)
{
    const fv_conv_options *a = c->options;
    fv_status status = FV_OK;
    if (a->resolved) {
        status = match(c, 0, "input", x_shape(&a->g, nd));
        if (status == FV_OK) status = match(c, 1, "weight", w_shape(&a->g, nd));
    } else {
        status = resolve_forward(c, nd);
    }
    if (status != FV_OK) return status;
    fv_shape out = y_shape(&a->g, nd);
    status = fv_need_size(c, &out);
    if (status != FV_OK) return status;
    fv_output_channels_last(c, 0, c->in[0]->dtype, &out);
    add_scratch(c, FV_CONV_FORWARD);
    return FV_OK;
}

fv_status fv_conv_infer_transpose(fv_call *c, int nd)
{
    const fv_conv_options *a = c->options;
    fv_status status = FV_OK;
    if (a->resolved) {
        status = match(c, 0, "input", y_shape(&a->g, nd));
        if (status == FV_OK) status = match(c, 1, "weight", w_shape(&a->g, nd));
    } else {
        status = resolve_transpose(c, nd);
    }
    if (status != FV_OK) return status;
    fv_shape out = x_shape(&a->g, nd);
    status = fv_need_size(c, &out);
    if (status != FV_OK) return status;
    fv_output_channels_last(c, 0, c->in[0]->dtype, &out);
    add_scratch(c, FV_CONV_GRAD_INPUT);
    return FV_OK;
}

fv_status fv_conv_infer_weight(fv_call *c, int nd)
{
    const fv_conv_options *a = c->options;
    if (!a->resolved)
        return fv_reject(c, FV_ERR_OPTION, "is made by the gradient of a convolution only");
    fv_status status = match(c, 0, "input", x_shape(&a->g, nd));
    if (status == FV_OK) status = match(c, 1, "output gradient", y_shape(&a->g, nd));
    if (status != FV_OK) return status;
    fv_shape out = w_shape(&a->g, nd);
    fv_output_contiguous(c, 0, c->in[0]->dtype, &out);
    add_scratch(c, FV_CONV_GRAD_WEIGHT);
    return FV_OK;
}
