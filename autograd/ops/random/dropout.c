/* Dropout as a pure function of its options: the front function reserves the random numbers, the
 * forward and the gradient are the same op with the same numbers. */
#include "autograd/ops/random/dropout.h"

#include "autograd/op.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/view/view.h"
#include "autograd/views_impl.h"
#include "tensor/create.h"
#include "tensor/kernels/random/dropout.h"
#include "tensor/random.h"

typedef struct dropout_options {
    double p;
    fv_rng_state state;
} dropout_options;

static fv_status dropout_infer(fv_call *c)
{
    const dropout_options *a = c->options;
    fv_shape shape = fv_shape_of(c->in[0]);
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = fv_need_size(c, &shape);
    if (status != FV_OK) return status;
    if (!(a->p >= 0 && a->p <= 1))
        return fv_reject(c, FV_ERR_OPTION, "p is %g, it must lie in [0, 1] (input %s)", a->p,
                         fv_text(c->in[0]));
    /* The order that fv_input_order tells the gradient. */
    if (c->in[0]->ndim >= 3 && !fv_is_contiguous(c->in[0]) && fv_is_channels_last(c->in[0]))
        fv_output_channels_last(c, 0, c->in[0]->dtype, &shape);
    else
        fv_output_contiguous(c, 0, c->in[0]->dtype, &shape);
    return FV_OK;
}

static double scale_of(const dropout_options *a)
{
    return a->p < 1 ? 1 / (1 - a->p) : 0;
}

static void dropout_forward(fv_call *c)
{
    const dropout_options *a = c->options;
    fv_dropout_run(c->machine, c->out[0], c->in[0], a->state, 1 - a->p, scale_of(a));
}

static void dropout_reference(fv_call *c)
{
    const dropout_options *a = c->options;
    fv_dropout_reference(c->out[0], c->in[0], a->state, 1 - a->p, scale_of(a));
}

static const fv_option dropout_fields[] = {
    FV_FIELD(dropout_options, p, FV_OPTION_DOUBLE),
    {.name = "seed", .offset = offsetof(dropout_options, state.seed), .kind = FV_OPTION_INT},
    {.name = "offset", .offset = offsetof(dropout_options, state.offset), .kind = FV_OPTION_INT},
    {.name = NULL},
};

static void dropout_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);

static const fv_op dropout_op = {
    .name = "dropout",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(dropout_options),
    .input = {{.name = "input"}},
    .infer = dropout_infer,
    .forward = dropout_forward,
    .reference = dropout_reference,
    .gradient = dropout_gradient,
    .option_fields = dropout_fields,
    .window = fv_window_same,
};
FV_REGISTER(dropout_op);

/* Linear in x: the same op on the gradient, with the random numbers counted as for x. */
static void dropout_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    bool channels_last = fv_input_order(c, 0) == FV_ORDER_CHANNELS_LAST;
    fv_tensor *g = channels_last ? fv_order_channels_last(gout[0]) : fv_contiguous(gout[0]);
    gin[0] = fv_apply(&dropout_op, c->options, 1, &g);
}

const fv_dropout_args fv_dropout_defaults = {FV_DROPOUT_DEFAULTS};

fv_tensor *fv_dropout_ex(const fv_dropout_args *a)
{
    if (!fv_args_ok("dropout", a, sizeof *a)) return fv_failed_tensor();
    bool nothing = !a->training || a->p == 0;
    if (nothing && fv_usable(a->input)) return a->input;
    dropout_options options = {.p = a->p};
    if (fv_usable(a->input) && !a->input->shapes_only)
        options.state = fv_rng_reserve((a->input->numel + 3) / 4);
    fv_tensor *in = a->input;
    return fv_apply(&dropout_op, &options, 1, &in);
}

fv_tensor *fv_dropout2d_ex(const fv_dropout_args *a)
{
    if (!fv_args_ok("dropout2d", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input;
    if (!fv_usable(x) || !a->training || a->p == 0) return fv_dropout_ex(a);
    if (x->ndim < 2 || x->ndim > 5) {
        fv_fail(FV_ERR_SHAPE, "dropout2d: input has %d dimensions, 2 to 5 (N, C, ...) are needed",
                x->ndim);
        return fv_failed_tensor();
    }
    fv_shape shape = {.ndim = x->ndim, .dim = {x->shape[0], x->shape[1], 1, 1, 1}};
    bool mode = fv_set_shapes_only(x->shapes_only);
    fv_tensor *ones = fv_ones(.shape = shape, .dtype = x->dtype);
    fv_set_shapes_only(mode);
    return fv_mul(x, fv_dropout(ones, a->p));
}
