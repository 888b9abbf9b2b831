/* Shape rules of the convolution family: options and shapes become a geometry, or an error; and
 * what the geometry tells of windows and work. */
#include "autograd/ops/conv/conv_impl.h"

/* Sizes, strides and paddings beyond this are refused, so that no sum or product below overflows.
 */
#define LIMIT ((int64_t)1 << 31)

/* --- options ---------------------------------------------------------------------------------- */

static bool is_special(fv_dims v)
{
    return v == FV_SAME || v == FV_VALID || v == FV_FULL;
}

static fv_status check_size(const fv_call *c, int nd)
{
    const fv_conv_options *a = c->options;
    const fv_shape *size = &a->size;
    bool fits = size->ndim == nd;
    if (size->ndim == 0) return FV_OK;
    for (int i = 0; i < nd && fits; i++) fits = size->dim[i] >= 1 && size->dim[i] <= LIMIT;
    if (fits) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "size needs %d numbers between 1 and 2^31", nd);
}

/* --- operands --------------------------------------------------------------------------------- */

static fv_status check_operands(const fv_call *c, int nd)
{
    const fv_op *op = c->op;
    for (int i = 0; i < 2; i++) {
        const char *name = fv_input_name(op, i);
        fv_status status = fv_need_floating(c, i, name);
        if (status == FV_OK) status = fv_need_ndim(c, i, name, nd + 2, nd + 2);
        if (status == FV_OK) status = fv_need_same_dtype(c, 0, fv_input_name(op, 0), i, name);
        if (status != FV_OK) return status;
    }
    for (int i = CONV_BIAS; i < c->inputs; i++) {
        if (!c->in[i]) continue;
        const int ndim = i == CONV_RESIDUAL ? nd + 2 : 1;
        const char *name = fv_input_name(op, i);
        fv_status status = fv_need_same_dtype(c, 0, fv_input_name(op, 0), i, name);
        if (status == FV_OK) status = fv_need_ndim(c, i, name, ndim, ndim);
        if (status != FV_OK) return status;
    }
    for (int i = 0; i < 2; i++) {
        const bool batch = i == 0 || c->inputs == 2;
        for (int d = batch; d < 2 + nd; d++)
            if (c->in[i]->shape[d] < 1 || c->in[i]->shape[d] > LIMIT)
                return fv_reject(
                    c, FV_ERR_SHAPE, "%s %s: every dimension%s must lie between 1 and 2^31",
                    fv_input_name(op, i), fv_text(c->in[i]), batch ? " but the batch" : "");
    }
    return FV_OK;
}

/* Bias, scale and shift. */
static fv_status check_vectors(const fv_call *c, int64_t channels)
{
    for (int i = CONV_BIAS; i < CONV_RESIDUAL; i++) {
        if (!c->in[i] || c->in[i]->shape[0] == channels) continue;
        return fv_reject(c, FV_ERR_SHAPE,
                         "%s %s needs one element for each of %lld output channels",
                         fv_input_name(c->op, i), fv_text(c->in[i]), (long long)channels);
    }
    return FV_OK;
}

static fv_status check_residual(const fv_call *c, const fv_shape *out)
{
    if (!c->in[CONV_RESIDUAL]) return FV_OK;
    fv_shape shape = fv_shape_of(c->in[CONV_RESIDUAL]);
    if (fv_shape_equal(&shape, out)) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "residual %s must have the shape %s of the result",
                     fv_shape_text(&shape), fv_shape_text(out));
}

/* --- channels --------------------------------------------------------------------------------- */

static fv_status forward_channels(const fv_call *c, fv_conv_geometry *g)
{
    const fv_tensor *x = c->in[0], *w = c->in[1];
    g->c = x->shape[1];
    g->o = w->shape[0];
    if (g->groups > LIMIT || w->shape[1] * g->groups != g->c)
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld channels, weight %s with groups=%lld needs %lld",
                         fv_text(x), (long long)g->c, fv_text(w), (long long)g->groups,
                         (long long)(g->groups > LIMIT ? -1 : w->shape[1] * g->groups));
    if (g->o % g->groups == 0) return check_vectors(c, g->o);
    return fv_reject(c, FV_ERR_SHAPE,
                     "weight %s has %lld output channels, not a multiple of groups=%lld",
                     fv_text(w), (long long)g->o, (long long)g->groups);
}

static fv_status transpose_channels(const fv_call *c, fv_conv_geometry *g)
{
    const fv_tensor *x = c->in[0], *w = c->in[1];
    g->o = x->shape[1];
    if (w->shape[0] != g->o)
        return fv_reject(c, FV_ERR_SHAPE, "input %s has %lld channels, weight %s needs %lld",
                         fv_text(x), (long long)g->o, fv_text(w), (long long)w->shape[0]);
    if (g->groups > LIMIT || g->o % g->groups)
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld channels, not a multiple of groups=%lld", fv_text(x),
                         (long long)g->o, (long long)g->groups);
    g->c = w->shape[1] * g->groups;
    return check_vectors(c, g->c);
}

static fv_status weight_channels(const fv_call *c, fv_conv_geometry *g)
{
    const fv_tensor *x = c->in[0], *y = c->in[1];
    g->c = x->shape[1];
    g->o = y->shape[1];
    if (x->shape[0] != y->shape[0])
        return fv_reject(c, FV_ERR_SHAPE, "input %s and gradient %s differ in the batch",
                         fv_text(x), fv_text(y));
    if (g->c % g->groups == 0 && g->o % g->groups == 0) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE,
                     "the channels of input %s and gradient %s are not multiples of groups=%lld",
                     fv_text(x), fv_text(y), (long long)g->groups);
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* Source coordinates that a window covers. */
static int64_t reach(const fv_conv_geometry *g, int d)
{
    return g->dilation[d] * (g->k[d] - 1) + 1;
}

/* Padding of all dimensions: in front in g->pad, and in total. */
static fv_status set_padding(const fv_call *c, int nd, fv_conv_geometry *g, int64_t *total)
{
    const fv_conv_options *a = c->options;
    const int at = 3 - nd;
    if (!is_special(a->padding)) {
        fv_status status = fv_need_dims(c, "padding", a->padding, nd, 0, g->pad + at);
        for (int i = 0; i < nd && status == FV_OK; i++) total[i] = 2 * g->pad[at + i];
        return status;
    }
    for (int i = 0; i < nd; i++) {
        if (a->padding == FV_SAME && g->stride[at + i] != 1)
            return fv_reject(c, FV_ERR_OPTION, "padding FV_SAME needs stride 1, it is %lld",
                             (long long)g->stride[at + i]);
        const int64_t around = reach(g, at + i) - 1;
        total[i] = a->padding == FV_SAME ? around : a->padding == FV_FULL ? 2 * around : 0;
        g->pad[at + i] = total[i] / 2;
    }
    return FV_OK;
}

static fv_status forward_sizes(const fv_call *c, int nd, fv_conv_geometry *g, const int64_t *total)
{
    const fv_tensor *x = c->in[0], *w = c->in[1];
    for (int i = 0; i < nd; i++) {
        const int d = 3 - nd + i;
        if (g->in[d] + total[i] < reach(g, d))
            return fv_reject(c, FV_ERR_SHAPE,
                             "the padded input %s (%lld in dim %d) is smaller than the kernel of "
                             "weight %s (%lld with dilation)",
                             fv_text(x), (long long)g->in[d] + total[i], 2 + i, fv_text(w),
                             (long long)reach(g, d));
        g->out[d] = (g->in[d] + total[i] - reach(g, d)) / g->stride[d] + 1;
    }
    return FV_OK;
}

static fv_status transpose_sizes(const fv_call *c, int nd, fv_conv_geometry *g,
                                 const int64_t *total)
{
    const fv_conv_options *a = c->options;
    const fv_tensor *x = c->in[0], *w = c->in[1];
    int64_t extra[3], span;
    fv_status status = fv_need_dims(c, "output_padding", a->output_padding, nd, 0, extra);
    for (int i = 0; i < nd && status == FV_OK; i++) {
        const int d = 3 - nd + i;
        if (extra[i] >= g->stride[d] && extra[i] >= g->dilation[d])
            return fv_reject(
                c, FV_ERR_OPTION,
                "output_padding %lld must be smaller than stride %lld or dilation %lld",
                (long long)extra[i], (long long)g->stride[d], (long long)g->dilation[d]);
        if (__builtin_mul_overflow(g->out[d] - 1, g->stride[d], &span) || span > LIMIT * 4)
            return fv_reject(c, FV_ERR_SHAPE, "input %s with stride %lld gives a result too large",
                             fv_text(x), (long long)g->stride[d]);
        g->in[d] = span - total[i] + reach(g, d) + extra[i];
        if (g->in[d] < 1)
            return fv_reject(c, FV_ERR_SHAPE,
                             "input %s and weight %s with padding %lld leave no output (%lld in "
                             "dim %d)",
                             fv_text(x), fv_text(w), (long long)g->pad[d], (long long)g->in[d],
                             2 + i);
    }
    return status;
}

/* With a given size the windows must fit the padded input as they do by the formulas: what is left
 * over is less than a stride, or than a dilation (output_padding may be as large). */
static fv_status check_fit(const fv_call *c, int nd, const fv_conv_geometry *g,
                           const int64_t *total)
{
    for (int i = 0; i < nd; i++) {
        const int d = 3 - nd + i;
        const int64_t most = g->stride[d] > g->dilation[d] ? g->stride[d] : g->dilation[d];
        int64_t rest, span;
        if (!__builtin_mul_overflow(g->out[d] - 1, g->stride[d], &span)) {
            rest = g->in[d] + total[i] - reach(g, d) - span;
            if (rest >= 0 && rest < most) continue;
        }
        return fv_reject(c, FV_ERR_OPTION,
                         "size does not go with %s %s and the other options in dim %d",
                         fv_input_name(c->op, 0), fv_text(c->in[0]), 2 + i);
    }
    return FV_OK;
}

/* The sizes that shapes and options say; those of the result are 1 where they do not. */
static void known_sizes(const fv_call *c, fv_conv_pass face, int nd, fv_conv_geometry *g)
{
    static const int64_t one[3] = {1, 1, 1};
    const fv_conv_options *a = c->options;
    int64_t *first = face == FV_CONV_GRAD_INPUT ? g->out : g->in;
    int64_t *second = face == FV_CONV_GRAD_WEIGHT ? g->out : g->k;
    int64_t *result = face == FV_CONV_FORWARD ? g->out : face == FV_CONV_GRAD_INPUT ? g->in : g->k;
    const int64_t *size = a->size.ndim ? a->size.dim : one;
    for (int i = 0; i < nd; i++) {
        first[3 - nd + i] = c->in[0]->shape[2 + i];
        second[3 - nd + i] = c->in[1]->shape[2 + i];
        result[3 - nd + i] = size[i];
    }
}

static fv_status check_reach(const fv_call *c, int nd, const fv_conv_geometry *g)
{
    for (int d = 3 - nd; d < 3; d++)
        if (reach(g, d) > LIMIT + 1)
            return fv_reject(c, FV_ERR_OPTION, "%s %s with dilation %lld reaches beyond 2^31",
                             fv_input_name(c->op, 1), fv_text(c->in[1]), (long long)g->dilation[d]);
    return FV_OK;
}

static fv_status set_sizes(const fv_call *c, fv_conv_pass face, int nd, fv_conv_geometry *g)
{
    const fv_conv_options *a = c->options;
    int64_t total[3];
    const bool given = a->size.ndim > 0;
    known_sizes(c, face, nd, g);
    if (!given && face == FV_CONV_GRAD_WEIGHT)
        return fv_reject(c, FV_ERR_OPTION, "needs the size of the kernel");
    if (!given && face == FV_CONV_GRAD_INPUT && is_special(a->padding))
        return fv_reject(c, FV_ERR_OPTION, "padding needs numbers that are at least 0");
    fv_status status = check_reach(c, nd, g);
    if (status == FV_OK) status = set_padding(c, nd, g, total);
    if (status != FV_OK) return status;
    if (given) return check_fit(c, nd, g, total);
    return face == FV_CONV_FORWARD ? forward_sizes(c, nd, g, total)
                                   : transpose_sizes(c, nd, g, total);
}

/* --- all together ----------------------------------------------------------------------------- */

fv_status fv_conv_resolve(const fv_call *c, fv_conv_pass face, int nd, fv_conv_geometry *g)
{
    const fv_conv_options *a = c->options;
    *g = (fv_conv_geometry){.groups = a->groups};
    for (int i = 0; i < 3; i++) g->in[i] = g->out[i] = g->k[i] = g->stride[i] = g->dilation[i] = 1;
    fv_status status = check_operands(c, nd);
    if (status == FV_OK) status = fv_need_dims(c, "stride", a->stride, nd, 1, g->stride + 3 - nd);
    if (status == FV_OK)
        status = fv_need_dims(c, "dilation", a->dilation, nd, 1, g->dilation + 3 - nd);
    if (status == FV_OK && a->groups < 1)
        status = fv_reject(c, FV_ERR_OPTION, "groups is %lld, it must be at least 1",
                           (long long)a->groups);
    if (status == FV_OK) status = check_size(c, nd);
    if (status == FV_OK)
        status = face == FV_CONV_FORWARD      ? forward_channels(c, g)
                 : face == FV_CONV_GRAD_INPUT ? transpose_channels(c, g)
                                              : weight_channels(c, g);
    if (status != FV_OK) return status;
    g->n = c->in[0]->shape[0];
    return set_sizes(c, face, nd, g);
}

fv_status fv_conv_infer(fv_call *c, fv_conv_pass face, int nd)
{
    fv_conv_geometry g;
    fv_status status = fv_conv_resolve(c, face, nd, &g);
    if (status != FV_OK) return status;
    const bool weight = face == FV_CONV_GRAD_WEIGHT, forward = face == FV_CONV_FORWARD;
    const int64_t *sizes = weight ? g.k : forward ? g.out : g.in;
    fv_shape out = {nd + 2, {g.n, forward ? g.o : g.c}};
    if (weight) out = (fv_shape){nd + 2, {g.o, g.c / g.groups}};
    for (int i = 0; i < nd; i++) out.dim[2 + i] = sizes[3 - nd + i];
    status = fv_need_size(c, &out);
    if (status == FV_OK && !weight) status = check_residual(c, &out);
    if (status != FV_OK) return status;
    if (weight)
        fv_output_contiguous(c, 0, c->in[0]->dtype, &out);
    else
        fv_output_channels_last(c, 0, c->in[0]->dtype, &out);
    return FV_OK;
}

/* --- facts ------------------------------------------------------------------------------------ */

static bool spatial_window(const fv_conv_geometry *g, fv_conv_pass face, int dim, int d,
                           fv_window *w)
{
    if (face == FV_CONV_FORWARD)
        return fv_window_sliding(dim, reach(g, d), g->stride[d], g->pad[d], w);
    return fv_window_reverse(dim, reach(g, d), g->stride[d], g->pad[d], w);
}

/* Of several groups only those of one channel have an order. */
static bool channel_window(const fv_call *c, const fv_conv_geometry *g, int input, fv_window *w)
{
    if (g->groups == 1) return fv_window_all(c, input, 0, 1, w);
    return g->c == g->groups && g->o == g->groups && fv_window_shifted(1, 0, w);
}

bool fv_conv_window(const fv_call *c, fv_conv_pass face, int input, int output, int dim,
                    fv_window *w)
{
    fv_conv_geometry g;
    const int nd = c->in[CONV_INPUT]->ndim - 2;
    if (input == CONV_RESIDUAL) return fv_window_same(c, input, output, dim, w);
    if (input == CONV_WEIGHT) return false;
    if (input > CONV_WEIGHT) return fv_window_shifted(1, 0, w);
    if (fv_conv_resolve(c, face, nd, &g) != FV_OK) return false;
    if (dim == 0) return fv_window_shifted(0, 0, w);
    if (dim == 1) return channel_window(c, &g, input, w);
    return spatial_window(&g, face, dim, 3 - nd + dim - 2, w);
}

/* One product for each tap of each position of y: the three faces walk the same ones. */
fv_work fv_conv_work(const fv_call *c, fv_conv_pass face)
{
    fv_conv_geometry g;
    if (fv_conv_resolve(c, face, c->in[0]->ndim - 2, &g) != FV_OK) return (fv_work){0, 0};
    fv_work work = {fv_count_product(fv_count_product(g.n, g.o), g.c / g.groups), 0};
    for (int d = 0; d < 3; d++) {
        work.multiply_adds = fv_count_product(work.multiply_adds, g.out[d]);
        work.multiply_adds = fv_count_product(work.multiply_adds, g.k[d]);
    }
    if (c->inputs > CONV_BIAS && c->in[CONV_BIAS]) work.bias_adds = c->out[0]->numel;
    return work;
}
