/* Channels to pixels and back, and channels of groups beside each other: each is a copy between two
 * orders of one tensor that is seen with more dimensions. */
#include "autograd/op.h"
#include "autograd/ops/resample/interpolate.h"
#include "autograd/ops/view/memory_order.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/view/transpose.h"

typedef struct shuffle_options {
    int64_t factor;
} shuffle_options;

static const fv_option factor_fields[] = {FV_FIELD(shuffle_options, factor, FV_OPTION_INT), {0}};
static const fv_option groups_fields[] = {
    {.name = "groups", .offset = offsetof(shuffle_options, factor), .kind = FV_OPTION_INT}, {0}};

static const fv_op pixel_shuffle_op, pixel_unshuffle_op, channel_shuffle_op;

typedef void (*copy_fn)(fv_tensor *dst, const fv_tensor *src);

/* Sees dimension dim as two, of inner neighbours each. */
static void split(fv_tensor *t, int dim, int64_t inner)
{
    for (int i = t->ndim++; i > dim; i--) {
        t->shape[i] = t->shape[i - 1];
        t->strides[i] = t->strides[i - 1];
    }
    t->shape[dim] /= inner;
    t->strides[dim] *= inner;
    t->shape[dim + 1] = inner;
}

/* Dimension `from` comes to stand at `to`. */
static void move(fv_tensor *t, int from, int to)
{
    const int64_t length = t->shape[from], stride = t->strides[from];
    for (int i = from; i < to; i++) {
        t->shape[i] = t->shape[i + 1];
        t->strides[i] = t->strides[i + 1];
    }
    for (int i = from; i > to; i--) {
        t->shape[i] = t->shape[i - 1];
        t->strides[i] = t->strides[i - 1];
    }
    t->shape[to] = length;
    t->strides[to] = stride;
}

/* --- pixels ----------------------------------------------------------------------------------- */

static fv_status check_pixels(const fv_call *c)
{
    const shuffle_options *a = c->options;
    if (c->in[0]->ndim != 4)
        return fv_reject(c, FV_ERR_SHAPE, "input %s must be [..,C,H,W]", fv_text(c->in[0]));
    if (a->factor >= 1 && a->factor <= INT32_MAX) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "factor is %lld, must lie in [1, 2^31)",
                     (long long)a->factor);
}

/* In the order of x in memory. */
static fv_status describe_output(fv_call *c, const fv_shape *shape)
{
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_size(c, shape);
    if (status == FV_OK)
        fv_output_in_order(c, 0, fv_prefers_channels_last(x) && x->ndim <= 5, x->dtype, shape);
    return status;
}

static fv_status pixel_shuffle_infer(fv_call *c)
{
    const int64_t r = ((const shuffle_options *)c->options)->factor;
    fv_status status = check_pixels(c);
    if (status != FV_OK) return status;
    fv_shape y = fv_shape_of(c->in[0]);
    if (y.dim[1] % (r * r) != 0)
        return fv_reject(c, FV_ERR_SHAPE,
                         "the %lld channels of input %s are no multiple of factor "
                         "%lld squared",
                         (long long)y.dim[1], fv_text(c->in[0]), (long long)r);
    y.dim[1] /= r * r;
    y.dim[2] *= r;
    y.dim[3] *= r;
    return describe_output(c, &y);
}

static fv_status pixel_unshuffle_infer(fv_call *c)
{
    const int64_t r = ((const shuffle_options *)c->options)->factor;
    fv_status status = check_pixels(c);
    if (status != FV_OK) return status;
    fv_shape y = fv_shape_of(c->in[0]);
    if (y.dim[2] % r != 0 || y.dim[3] % r != 0)
        return fv_reject(c, FV_ERR_SHAPE,
                         "height and width of input %s must be multiples of factor "
                         "%lld",
                         fv_text(c->in[0]), (long long)r);
    y.dim[1] *= r * r;
    y.dim[2] /= r;
    y.dim[3] /= r;
    return describe_output(c, &y);
}

/* many [N,C,H,W] as [N,C/r/r,H,r,W,r], as which few [N,C/r/r,H*r,W*r] is seen as well. */
static void see_alike(fv_tensor *many, fv_tensor *few, int64_t r)
{
    split(many, 1, r * r);
    split(many, 2, r); /* N C i j H W */
    move(many, 2, 4);  /* N C j H i W */
    move(many, 2, 5);  /* N C H i W j */
    split(few, 3, r);
    split(few, 2, r);
}

static void pixels(const fv_call *c, copy_fn copy)
{
    const int64_t r = ((const shuffle_options *)c->options)->factor;
    fv_tensor x = fv_tensor_borrow(c->in[0]), y = fv_tensor_borrow(c->out[0]);
    if (y.numel == 0) return;
    if (c->op == &pixel_shuffle_op)
        see_alike(&x, &y, r);
    else
        see_alike(&y, &x, r);
    copy(&y, &x);
}

static void pixels_forward(fv_call *c)
{
    pixels(c, fv_copy_elements);
}

static void pixels_reference(fv_call *c)
{
    pixels(c, fv_copy_reference);
}

static void pixel_shuffle_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&pixel_unshuffle_op, c->options, gout[0]);
}

static void pixel_unshuffle_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&pixel_shuffle_op, c->options, gout[0]);
}

static bool pixel_shuffle_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const int64_t r = ((const shuffle_options *)c->options)->factor;
    if (dim == 0) return fv_window_same(c, input, output, dim, w);
    return dim == 1 ? fv_window_sliding(1, r * r, r * r, 0, w) : fv_window_reverse(dim, r, r, 0, w);
}

static bool pixel_unshuffle_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const int64_t r = ((const shuffle_options *)c->options)->factor;
    if (dim == 0) return fv_window_same(c, input, output, dim, w);
    return dim == 1 ? fv_window_reverse(1, r * r, r * r, 0, w) : fv_window_sliding(dim, r, r, 0, w);
}

static const fv_op pixel_shuffle_op = {
    .name = "pixel_shuffle",
    .inputs = 1,
    .outputs = 1,
    .any_dtype = true,
    .input = {{.name = "input"}},
    .options_size = sizeof(shuffle_options),
    .option_fields = factor_fields,
    .infer = pixel_shuffle_infer,
    .forward = pixels_forward,
    .reference = pixels_reference,
    .gradient = pixel_shuffle_gradient,
    .window = pixel_shuffle_window,
};
FV_REGISTER(pixel_shuffle_op);

static const fv_op pixel_unshuffle_op = {
    .name = "pixel_unshuffle",
    .inputs = 1,
    .outputs = 1,
    .any_dtype = true,
    .input = {{.name = "input"}},
    .options_size = sizeof(shuffle_options),
    .option_fields = factor_fields,
    .infer = pixel_unshuffle_infer,
    .forward = pixels_forward,
    .reference = pixels_reference,
    .gradient = pixel_unshuffle_gradient,
    .window = pixel_unshuffle_window,
};
FV_REGISTER(pixel_unshuffle_op);

/* Applies an op on [N,C,H,W] to [..,C,H,W]. */
static fv_tensor *apply_pixels(const fv_op *op, int64_t factor, fv_tensor *x)
{
    const shuffle_options options = {factor};
    if (!fv_usable(x) || x->ndim < 3 || x->ndim == 4) return FV_APPLY(op, &options, x);
    const int lead = x->ndim - 3;
    fv_shape whole = fv_shape_of(x),
             flat = {4, {1, whole.dim[lead], whole.dim[lead + 1], whole.dim[lead + 2]}};
    for (int i = 0; i < lead; i++) flat.dim[0] *= whole.dim[i];
    fv_tensor *y = FV_APPLY(op, &options, fv_reshape_to(x, flat));
    if (!fv_usable(y)) return y;
    for (int i = 0; i < 3; i++) whole.dim[lead + i] = y->shape[1 + i];
    return fv_reshape_to(y, whole);
}

fv_tensor *fv_pixel_shuffle(fv_tensor *x, int64_t factor)
{
    return apply_pixels(&pixel_shuffle_op, factor, x);
}

fv_tensor *fv_pixel_unshuffle(fv_tensor *x, int64_t factor)
{
    return apply_pixels(&pixel_unshuffle_op, factor, x);
}

/* --- channels --------------------------------------------------------------------------------- */

static fv_status channel_shuffle_infer(fv_call *c)
{
    const int64_t groups = ((const shuffle_options *)c->options)->factor;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_ndim(c, 0, "input", 3, FV_MAX_DIMS - 1);
    if (status != FV_OK) return status;
    if (groups < 1 || x->shape[1] % groups != 0)
        return fv_reject(c, FV_ERR_OPTION,
                         "groups is %lld, which does not divide the %lld channels of input %s",
                         (long long)groups, (long long)x->shape[1], fv_text(x));
    const fv_shape y = fv_shape_of(x);
    return describe_output(c, &y);
}

static void channels(const fv_call *c, copy_fn copy)
{
    const int64_t groups = ((const shuffle_options *)c->options)->factor;
    fv_tensor x = fv_tensor_borrow(c->in[0]), y = fv_tensor_borrow(c->out[0]);
    if (y.numel == 0) return;
    split(&x, 1, x.shape[1] / groups);
    split(&y, 1, groups);
    move(&y, 2, 1);
    copy(&y, &x);
}

static void channels_forward(fv_call *c)
{
    channels(c, fv_copy_elements);
}

static void channels_reference(fv_call *c)
{
    channels(c, fv_copy_reference);
}

/* Groups and channels of a group change places. */
static void channel_shuffle_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const int64_t groups = ((const shuffle_options *)c->options)->factor;
    const int64_t of_group = fv_input_shape(c, 0)->dim[1] / groups;
    const shuffle_options options = {of_group > 0 ? of_group : 1};
    gin[0] = FV_APPLY(&channel_shuffle_op, &options, gout[0]);
}

static bool channel_shuffle_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    if (dim != 1) return fv_window_same(c, input, output, dim, w);
    fv_window_sliding(1, c->in[input]->shape[1], 0, 0, w);
    w->scattered = true;
    return true;
}

static const fv_op channel_shuffle_op = {
    .name = "channel_shuffle",
    .inputs = 1,
    .outputs = 1,
    .any_dtype = true,
    .input = {{.name = "input"}},
    .options_size = sizeof(shuffle_options),
    .option_fields = groups_fields,
    .infer = channel_shuffle_infer,
    .forward = channels_forward,
    .reference = channels_reference,
    .gradient = channel_shuffle_gradient,
    .window = channel_shuffle_window,
};
FV_REGISTER(channel_shuffle_op);

fv_tensor *fv_channel_shuffle(fv_tensor *x, int64_t groups)
{
    const shuffle_options options = {groups};
    return FV_APPLY(&channel_shuffle_op, &options, x);
}
