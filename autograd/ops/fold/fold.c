/* Unfold and fold: options checked and turned into a geometry; each is the other's gradient. */
#include "autograd/ops/fold/fold.h"

#include "autograd/op.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/fold/fold.h"

/* Of both. */
typedef struct fold_options {
    fv_dims output_size; /* of fold: of the planes */
    fv_dims kernel_size, dilation, padding, stride;
} fold_options;

static const fv_option unfold_fields[] = {FV_FIELD(fold_options, kernel_size, FV_OPTION_DIMS),
                                          FV_FIELD(fold_options, dilation, FV_OPTION_DIMS),
                                          FV_FIELD(fold_options, padding, FV_OPTION_DIMS),
                                          FV_FIELD(fold_options, stride, FV_OPTION_DIMS),
                                          {0}};
static const fv_option fold_fields[] = {FV_FIELD(fold_options, output_size, FV_OPTION_DIMS),
                                        FV_FIELD(fold_options, kernel_size, FV_OPTION_DIMS),
                                        FV_FIELD(fold_options, dilation, FV_OPTION_DIMS),
                                        FV_FIELD(fold_options, padding, FV_OPTION_DIMS),
                                        FV_FIELD(fold_options, stride, FV_OPTION_DIMS),
                                        {0}};

static const fv_op *const unfold_ops[4], *const fold_ops[4];

/* --- geometry --------------------------------------------------------------------------------- */

/* Windows along one axis whose other numbers are set. */
static fv_status place_windows(const fv_call *c, fv_fold_axis *a)
{
    const int64_t window = a->dilation * (a->kernel - 1) + 1;
    const int64_t room = a->in + 2 * a->padding - window;
    a->out = room < 0 ? 0 : room / a->stride + 1;
    if (a->out > 0) return FV_OK;
    return fv_reject(
        c, FV_ERR_SHAPE,
        "no window fits in %s: length %lld with padding %lld, window %lld (kernel_size "
        "%lld, dilation %lld)",
        fv_text(c->in[0]), (long long)a->in, (long long)a->padding, (long long)window,
        (long long)a->kernel, (long long)a->dilation);
}

/* The geometry over planes of n spatial lengths. */
static fv_status resolve(const fv_call *c, int n, const int64_t *lengths, fv_fold *g)
{
    const fold_options *a = c->options;
    int64_t kernel[FV_FOLD_AXES], stride[FV_FOLD_AXES], padding[FV_FOLD_AXES];
    int64_t dilation[FV_FOLD_AXES];
    fv_status status = fv_need_dims(c, "kernel_size", a->kernel_size, n, 1, kernel);
    if (status == FV_OK) status = fv_need_dims(c, "dilation", a->dilation, n, 1, dilation);
    if (status == FV_OK) status = fv_need_dims(c, "padding", a->padding, n, 0, padding);
    if (status == FV_OK) status = fv_need_dims(c, "stride", a->stride, n, 1, stride);
    for (int i = 0; i < FV_FOLD_AXES; i++) g->axis[i] = (fv_fold_axis){1, 1, 1, 1, 0, 1};
    for (int i = 0; i < n && status == FV_OK; i++) {
        fv_fold_axis *axis = &g->axis[FV_FOLD_AXES - n + i];
        *axis = (fv_fold_axis){.in = lengths[i],
                               .kernel = kernel[i],
                               .stride = stride[i],
                               .padding = padding[i],
                               .dilation = dilation[i]};
        status = place_windows(c, axis);
    }
    return status;
}

/* Products of an axis' numbers; -1 beyond 2^62. */
static int64_t taps_of(const fv_fold *g)
{
    const fv_shape taps = FV_SHAPE(g->axis[0].kernel, g->axis[1].kernel, g->axis[2].kernel);
    return fv_shape_numel(&taps);
}

static int64_t places_of(const fv_fold *g)
{
    const fv_shape places = FV_SHAPE(g->axis[0].out, g->axis[1].out, g->axis[2].out);
    return fv_shape_numel(&places);
}

/* n dimensions, none but the batch empty. */
static fv_status need_whole(const fv_call *c, int n, const char *form)
{
    const fv_tensor *x = c->in[0];
    if (x->ndim != n) return fv_reject(c, FV_ERR_SHAPE, "input %s must be %s", fv_text(x), form);
    for (int i = 1; i < n; i++)
        if (x->shape[i] == 0)
            return fv_reject(c, FV_ERR_SHAPE, "input %s must have no empty dimension but the batch",
                             fv_text(x));
    return FV_OK;
}

/* --- unfold ----------------------------------------------------------------------------------- */

static fv_status unfold_geometry(const fv_call *c, fv_fold *g)
{
    const fv_tensor *x = c->in[0];
    for (int i = 2; i < x->ndim; i++)
        if (x->shape[i] > INT32_MAX)
            return fv_reject(c, FV_ERR_SHAPE, "length %lld in input %s is too large",
                             (long long)x->shape[i], fv_text(x));
    fv_status status = resolve(c, x->ndim - 2, x->shape + 2, g);
    g->planes = x->shape[0] * x->shape[1];
    return status;
}

static fv_status unfold_infer(fv_call *c, int n)
{
    static const char *const forms[] = {"", "[N,C,L] or [C,L]", "[N,C,H,W] or [C,H,W]",
                                        "[N,C,D,H,W] or [C,D,H,W]"};
    fv_fold g;
    fv_status status = need_whole(c, n + 2, forms[n]);
    if (status == FV_OK) status = unfold_geometry(c, &g);
    if (status != FV_OK) return status;
    const fv_shape y = FV_SHAPE(c->in[0]->shape[0], c->in[0]->shape[1], taps_of(&g), places_of(&g));
    if (taps_of(&g) < 0 || places_of(&g) < 0)
        return fv_reject(c, FV_ERR_OPTION, "kernel_size makes too many rows for input %s",
                         fv_text(c->in[0]));
    status = fv_need_size(c, &y);
    const fv_shape columns = FV_SHAPE(y.dim[0], y.dim[1] * y.dim[2], y.dim[3]);
    if (status == FV_OK) fv_output_contiguous(c, 0, c->in[0]->dtype, &columns);
    return status;
}

static fv_status unfold_infer_1d(fv_call *c)
{
    return unfold_infer(c, 1);
}

static fv_status unfold_infer_2d(fv_call *c)
{
    return unfold_infer(c, 2);
}

static fv_status unfold_infer_3d(fv_call *c)
{
    return unfold_infer(c, 3);
}

static void unfold_forward(fv_call *c)
{
    fv_fold g;
    unfold_geometry(c, &g);
    fv_unfold_run(c->machine, &g, fv_dtype_size(c->in[0]->dtype), c->in[0]->data, c->out[0]->data);
}

static void unfold_reference(fv_call *c)
{
    fv_fold g;
    unfold_geometry(c, &g);
    fv_unfold_ref(&g, c->in[0], c->out[0]);
}

static void unfold_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fold_options options = *(const fold_options *)c->options;
    const fv_shape *x = fv_input_shape(c, 0);
    fv_shape lengths = {.ndim = x->ndim - 2};
    for (int i = 0; i < lengths.ndim; i++) lengths.dim[i] = x->dim[2 + i];
    options.output_size = fv_dims_pack(lengths);
    gin[0] = FV_APPLY(fold_ops[lengths.ndim], &options, gout[0]);
}

static int64_t reach_of(const fv_fold_axis *axis)
{
    return axis->dilation * (axis->kernel - 1) + 1;
}

/* Columns of several spatial dimensions are the places of all of them, one behind the other. */
static bool unfold_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const int n = c->in[input]->ndim - 2;
    fv_fold g;
    if (dim == 0) return fv_window_same(c, input, output, dim, w);
    if (unfold_geometry(c, &g) != FV_OK) return false;
    if (dim == 1) return fv_window_reverse(1, taps_of(&g), taps_of(&g), 0, w);
    const fv_fold_axis *axis = &g.axis[FV_FOLD_AXES - n + dim - 2];
    if (n == 1) return fv_window_sliding(2, reach_of(axis), axis->stride, axis->padding, w);
    fv_window_sliding(2, (axis->out - 1) * axis->stride + reach_of(axis), 0, axis->padding, w);
    w->scattered = true;
    return true;
}

#define UNFOLD(name_, infer_)                                                                      \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 1, .any_dtype = true,                               \
        .input = {{.name = "input", .order = FV_ORDER_ROW_MAJOR}},                                 \
        .options_size = sizeof(fold_options), .option_fields = unfold_fields, .infer = infer_,     \
        .forward = unfold_forward, .reference = unfold_reference, .gradient = unfold_gradient,     \
        .window = unfold_window                                                                    \
    }
static const fv_op unfold1d_op = UNFOLD("unfold1d", unfold_infer_1d);
static const fv_op unfold_op = UNFOLD("unfold", unfold_infer_2d);
static const fv_op unfold3d_op = UNFOLD("unfold3d", unfold_infer_3d);
static const fv_op *const unfold_ops[4] = {NULL, &unfold1d_op, &unfold_op, &unfold3d_op};
FV_REGISTER(unfold1d_op);
FV_REGISTER(unfold_op);
FV_REGISTER(unfold3d_op);

/* Applies an op to x of `ndim` dimensions or, without a batch, of one less. */
static fv_tensor *apply(const fv_op *op, const fold_options *options, int ndim, fv_tensor *x)
{
    const bool single = fv_usable(x) && x->ndim == ndim - 1;
    fv_tensor *y = FV_APPLY(op, options, single ? fv_unsqueeze(x, 0) : x);
    return single ? fv_squeeze(y, 0) : y;
}

static fv_tensor *unfold(const char *name, const fv_unfold_args *a, int n)
{
    if (!fv_args_ok(name, a, sizeof *a)) return fv_failed_tensor();
    const fold_options options = {.kernel_size = a->kernel_size,
                                  .dilation = a->dilation,
                                  .padding = a->padding,
                                  .stride = a->stride};
    return apply(unfold_ops[n], &options, n + 2, a->input);
}

const fv_unfold_args fv_unfold_defaults = {FV_UNFOLD_DEFAULTS};

fv_tensor *fv_unfold1d_ex(const fv_unfold_args *a)
{
    return unfold("unfold1d", a, 1);
}

fv_tensor *fv_unfold_ex(const fv_unfold_args *a)
{
    return unfold("unfold", a, 2);
}

fv_tensor *fv_unfold3d_ex(const fv_unfold_args *a)
{
    return unfold("unfold3d", a, 3);
}

/* --- fold ------------------------------------------------------------------------------------- */

static fv_status fold_geometry(const fv_call *c, int n, int64_t *lengths, fv_fold *g)
{
    const fold_options *a = c->options;
    fv_status status = fv_need_dims(c, "output_size", a->output_size, n, 1, lengths);
    if (status == FV_OK) status = resolve(c, n, lengths, g);
    if (status != FV_OK) return status;
    const int64_t taps = taps_of(g);
    if (taps <= 0 || c->in[0]->shape[1] % taps != 0)
        return fv_reject(
            c, FV_ERR_SHAPE,
            "input %s has %lld rows, no multiple of the %lld of a window (kernel_size)",
            fv_text(c->in[0]), (long long)c->in[0]->shape[1], (long long)taps);
    if (c->in[0]->shape[2] != places_of(g))
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s has %lld columns, where output_size and the windows' options "
                         "make %lld",
                         fv_text(c->in[0]), (long long)c->in[0]->shape[2], (long long)places_of(g));
    g->planes = c->in[0]->shape[0] * (c->in[0]->shape[1] / taps);
    return FV_OK;
}

static fv_status fold_infer(fv_call *c, int n)
{
    static const char *const forms[] = {"", "[N, C * K, OL] or [C * K, OL]",
                                        "[N, C * KH * KW, OH * OW] or [C * KH * KW, OH * OW]",
                                        "[N, C * KD * KH * KW, OD * OH * OW] or without N"};
    fv_fold g;
    fv_shape y = {.ndim = n + 2};
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = need_whole(c, 3, forms[n]);
    if (status == FV_OK) status = fold_geometry(c, n, y.dim + 2, &g);
    if (status != FV_OK) return status;
    y.dim[0] = c->in[0]->shape[0];
    y.dim[1] = c->in[0]->shape[1] / taps_of(&g);
    status = fv_need_size(c, &y);
    if (status == FV_OK) fv_output_contiguous(c, 0, c->in[0]->dtype, &y);
    return status;
}

static fv_status fold_infer_1d(fv_call *c)
{
    return fold_infer(c, 1);
}

static fv_status fold_infer_2d(fv_call *c)
{
    return fold_infer(c, 2);
}

static fv_status fold_infer_3d(fv_call *c)
{
    return fold_infer(c, 3);
}

static void fold_forward(fv_call *c)
{
    fv_fold g;
    int64_t lengths[FV_FOLD_AXES];
    fold_geometry(c, c->out[0]->ndim - 2, lengths, &g);
    fv_fold_run(c->machine, &g, c->in[0]->dtype, c->in[0]->data, c->out[0]->data);
}

static void fold_reference(fv_call *c)
{
    fv_fold g;
    int64_t lengths[FV_FOLD_AXES];
    fold_geometry(c, c->out[0]->ndim - 2, lengths, &g);
    fv_fold_ref(&g, c->in[0], c->out[0]);
}

static void fold_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fold_options options = *(const fold_options *)c->options;
    options.output_size = 0; /* which unfold does not read */
    gin[0] = FV_APPLY(unfold_ops[gout[0]->ndim - 2], &options, gout[0]);
}

static bool fold_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    fv_fold g;
    int64_t lengths[FV_FOLD_AXES];
    const int n = c->out[output]->ndim - 2;
    if (dim == 0) return fv_window_shifted(0, 0, w);
    if (fold_geometry(c, n, lengths, &g) != FV_OK) return false;
    if (dim == 1) return fv_window_sliding(1, taps_of(&g), taps_of(&g), 0, w);
    const fv_fold_axis *axis = &g.axis[FV_FOLD_AXES - 1];
    (void)input;
    return n == 1 && fv_window_reverse(2, reach_of(axis), axis->stride, axis->padding, w);
}

#define FOLD(name_, infer_)                                                                        \
    {                                                                                              \
        .name = name_, .inputs = 1, .outputs = 1,                                                  \
        .input = {{.name = "input", .order = FV_ORDER_ROW_MAJOR}},                                 \
        .options_size = sizeof(fold_options), .option_fields = fold_fields, .infer = infer_,       \
        .forward = fold_forward, .reference = fold_reference, .gradient = fold_gradient,           \
        .window = fold_window                                                                      \
    }
static const fv_op fold1d_op = FOLD("fold1d", fold_infer_1d);
static const fv_op fold_op = FOLD("fold", fold_infer_2d);
static const fv_op fold3d_op = FOLD("fold3d", fold_infer_3d);
static const fv_op *const fold_ops[4] = {NULL, &fold1d_op, &fold_op, &fold3d_op};
FV_REGISTER(fold1d_op);
FV_REGISTER(fold_op);
FV_REGISTER(fold3d_op);

static fv_tensor *fold(const char *name, const fv_fold_args *a, int n)
{
    if (!fv_args_ok(name, a, sizeof *a)) return fv_failed_tensor();
    const fold_options options = {.output_size = a->output_size,
                                  .kernel_size = a->kernel_size,
                                  .dilation = a->dilation,
                                  .padding = a->padding,
                                  .stride = a->stride};
    return apply(fold_ops[n], &options, 3, a->input);
}

const fv_fold_args fv_fold_defaults = {FV_FOLD_DEFAULTS};

fv_tensor *fv_fold1d_ex(const fv_fold_args *a)
{
    return fold("fold1d", a, 1);
}

fv_tensor *fv_fold_ex(const fv_fold_args *a)
{
    return fold("fold", a, 2);
}

fv_tensor *fv_fold3d_ex(const fv_fold_args *a)
{
    return fold("fold3d", a, 3);
}
