/* The convolution family: nine ops (three faces in three ranks) over one set of functions. */
#include "autograd/ops/conv/conv.h"

#include <string.h>

#include "autograd/ops/conv/conv_impl.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/norm/relu_sums.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "autograd/views_impl.h"

/* --- phases, the same for all ----------------------------------------------------------------- */

static void pack_weights(const void *p, const void *w, void *packed)
{
    fv_conv_pack(p, w, packed);
}

/* Weights that are used again come packed. */
static void keep_weights(fv_call *c)
{
    fv_conv_plan *p = c->plan;
    unsigned char key[FV_CONV_KEY_BYTES];
    if (!fv_reuses(c, 1, fv_conv_packed_layout(p))) return;
    const size_t bytes = fv_conv_packed_bytes(p);
    if (bytes) p->packed = fv_keep(c, 1, key, fv_conv_packed_key(p, key), bytes);
}

/* Is the epilogue a residual and nothing else? */
static bool adds_alone(const fv_call *c)
{
    const bool relu = ((const fv_conv_options *)c->options)->relu;
    return c->inputs == CONV_INPUTS && c->in[CONV_RESIDUAL] && !c->in[CONV_BIAS] &&
           !c->in[CONV_SCALE] && !c->in[CONV_SHIFT] && !relu;
}

/* Input 1 is a weight, of any strides, but for the weight face. */
static void plan(fv_call *c, fv_conv_pass face)
{
    const fv_tensor *w = c->in[1];
    const int nd = c->in[0]->ndim - 2;
    int64_t stride[5] = {w->strides[0], w->strides[1], 0, 0, 0};
    fv_conv_geometry g;
    fv_machine machine = c->machine;
    machine.weights_stay = face == FV_CONV_FORWARD && !fv_grad_enabled();
    fv_conv_resolve(c, face, nd, &g);
    for (int i = 0; i < nd; i++) stride[5 - nd + i] = w->strides[2 + i];
    fv_conv_make_plan(c->plan, &g, w->dtype, face, face == FV_CONV_GRAD_WEIGHT ? NULL : stride,
                      machine);
    if (face != FV_CONV_GRAD_WEIGHT) keep_weights(c);
    if (adds_alone(c) && fv_conv_stores_over_residual(c->plan)) c->spec[0].over = CONV_RESIDUAL;
    c->scratch_bytes = fv_conv_scratch(c->plan);
}

static void plan_forward(fv_call *c)
{
    plan(c, FV_CONV_FORWARD);
}

static void plan_transpose(fv_call *c)
{
    plan(c, FV_CONV_GRAD_INPUT);
}

static void plan_weight(fv_call *c)
{
    plan(c, FV_CONV_GRAD_WEIGHT);
}

static int describe(const fv_call *c, char *text, size_t size)
{
    return fv_conv_describe(c->plan, text, size);
}

static const void *optional(const fv_call *c, int input)
{
    return input < c->inputs && c->in[input] ? c->in[input]->data : NULL;
}

static fv_conv_operands operands(const fv_call *c)
{
    return (fv_conv_operands){.a = c->in[0]->data,
                              .b = c->in[1]->data,
                              .packed = fv_packed(c, 1, pack_weights),
                              .out = c->out[0]->data,
                              .epilogue = {.bias = optional(c, CONV_BIAS),
                                           .scale = optional(c, CONV_SCALE),
                                           .shift = optional(c, CONV_SHIFT),
                                           .residual = optional(c, CONV_RESIDUAL),
                                           .relu = ((const fv_conv_options *)c->options)->relu}};
}

static void run(fv_call *c)
{
    fv_conv_operands o = operands(c);
    fv_conv_run(c->plan, &o, c->scratch);
}

static void run_reference(fv_call *c)
{
    fv_conv_operands o = operands(c);
    fv_conv_run_reference(c->plan, &o);
}

/* --- gradients: each face in terms of the other two ------------------------------------------- */

static const fv_op *const forward_ops[4], *const transpose_ops[4], *const weight_ops[4];

static int rank(const fv_call *c)
{
    return fv_input_shape(c, 0)->ndim - 2;
}

/* The options of a face whose result has the spatial sizes of input i. */
static fv_conv_options sized_like(const fv_call *c, int i)
{
    const fv_shape *shape = fv_input_shape(c, i);
    fv_conv_options a = *(const fv_conv_options *)c->options;
    a.output_padding = 0;
    a.relu = false;
    a.size.ndim = shape->ndim - 2;
    memcpy(a.size.dim, shape->dim + 2, (size_t)a.size.ndim * sizeof *a.size.dim);
    return a;
}

static fv_tensor *linear_face(const fv_op *op, const fv_conv_options *a, fv_tensor *x, fv_tensor *w,
                              fv_tensor *b)
{
    return FV_APPLY(op, a, x, w, b, NULL, NULL, NULL);
}

/* The gradient of input 0, with what has come to that from elsewhere: it is added in the store. */
static fv_tensor *of_input(const fv_call *c, const fv_op *op, fv_tensor *g)
{
    const fv_conv_options a = sized_like(c, 0);
    fv_tensor *so_far = fv_last_use(fv_take_gradient(c, 0));
    return FV_APPLY(op, &a, g, c->in[1], NULL, NULL, NULL, so_far);
}

static fv_tensor *sum_channels(fv_tensor *g)
{
    static const int64_t dims[4][4] = {{0}, {0, 2}, {0, 2, 3}, {0, 2, 3, 4}};
    if (!fv_usable(g)) return g;
    fv_shape shape = {.ndim = g->ndim - 1};
    memcpy(shape.dim, dims[g->ndim - 2], sizeof dims[0]);
    return fv_sum(g, .dim = fv_dims_pack(shape));
}

/* [C] as [1,C,1,..]. */
static fv_tensor *as_column(const fv_call *c, fv_tensor *v)
{
    const int ndim = rank(c) + 2;
    return fv_reshape_to(v, (fv_shape){.ndim = ndim, .dim = {1, v->numel, 1, 1, 1}});
}

/* What the gradient of the scale multiplies: the convolution with its bias, once more. */
static fv_tensor *before_scale(const fv_call *c)
{
    fv_conv_options a = *(const fv_conv_options *)c->options;
    a.relu = false;
    return linear_face(c->op, &a, c->in[CONV_INPUT], c->in[CONV_WEIGHT], c->in[CONV_BIAS]);
}

/* Through the epilogue: the gradients of bias, scale, shift and residual, and what is left for the
 * convolution itself. A relu's mask and the sums are one pass. */
static fv_tensor *epilogue_gradient(const fv_call *c, fv_tensor *gout, fv_tensor **gin)
{
    const bool relu = ((const fv_conv_options *)c->options)->relu;
    const bool sum = fv_wants(c, CONV_BIAS) || fv_wants(c, CONV_SHIFT);
    fv_tensor *scale = c->in[CONV_SCALE], *sums = NULL;
    fv_tensor *g = fv_order_channels_last(gout); /* once for all */
    if (relu && sum)
        g = fv_relu_sums(fv_last_use(g), c->out[0], &sums);
    else if (relu)
        g = fv_relu_backward(fv_last_use(g), c->out[0]);
    else if (sum)
        sums = sum_channels(g);
    if (fv_wants(c, CONV_RESIDUAL)) gin[CONV_RESIDUAL] = g;
    if (fv_wants(c, CONV_SHIFT)) gin[CONV_SHIFT] = sums;
    if (fv_wants(c, CONV_SCALE)) gin[CONV_SCALE] = sum_channels(fv_mul(g, before_scale(c)));
    if (fv_wants(c, CONV_BIAS)) gin[CONV_BIAS] = scale ? fv_mul(sums, scale) : sums;
    return scale ? fv_mul(g, as_column(c, scale)) : g;
}

static void forward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const int nd = rank(c);
    const fv_conv_options of_w = sized_like(c, 1);
    fv_tensor *g = epilogue_gradient(c, gout[0], gin);
    if (fv_wants(c, 0)) gin[0] = of_input(c, transpose_ops[nd], g);
    if (fv_wants(c, 1)) gin[1] = FV_APPLY(weight_ops[nd], &of_w, c->in[0], g);
}

static void transpose_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const int nd = rank(c);
    const fv_conv_options of_w = sized_like(c, 1);
    fv_tensor *g = epilogue_gradient(c, gout[0], gin);
    if (fv_wants(c, 0)) gin[0] = of_input(c, forward_ops[nd], g);
    if (fv_wants(c, 1)) gin[1] = FV_APPLY(weight_ops[nd], &of_w, g, c->in[0]);
}

static void weight_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const int nd = rank(c);
    const fv_conv_options of_x = sized_like(c, 0), of_y = sized_like(c, 1);
    if (fv_wants(c, 0)) gin[0] = linear_face(transpose_ops[nd], &of_x, c->in[1], gout[0], NULL);
    if (fv_wants(c, 1)) gin[1] = linear_face(forward_ops[nd], &of_y, c->in[0], gout[0], NULL);
}

/* Where a relu let a gradient pass is seen from its output. */
static uint32_t also_saves(const fv_call *c)
{
    return ((const fv_conv_options *)c->options)->relu ? FV_OUT(0) : 0;
}

/* --- facts, for inspection -------------------------------------------------------------------- */

static bool forward_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    return fv_conv_window(c, FV_CONV_FORWARD, input, output, dim, w);
}

static bool transpose_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    return fv_conv_window(c, FV_CONV_GRAD_INPUT, input, output, dim, w);
}

static fv_work forward_work(const fv_call *c)
{
    return fv_conv_work(c, FV_CONV_FORWARD);
}

static fv_work transpose_work(const fv_call *c)
{
    return fv_conv_work(c, FV_CONV_GRAD_INPUT);
}

static fv_work weight_work(const fv_call *c)
{
    return fv_conv_work(c, FV_CONV_GRAD_WEIGHT);
}

/* --- the ops ---------------------------------------------------------------------------------- */

#define COMMON_FIELDS                                                                              \
    FV_FIELD(fv_conv_options, stride, FV_OPTION_DIMS),                                             \
        FV_TAKING(fv_conv_options, padding, FV_OPTION_DIMS, FV_TAKES_PADDING),                     \
        FV_FIELD(fv_conv_options, dilation, FV_OPTION_DIMS),                                       \
        FV_FIELD(fv_conv_options, groups, FV_OPTION_INT),                                          \
        FV_FIELD(fv_conv_options, size, FV_OPTION_SHAPE)
#define RELU_FIELD FV_FIELD(fv_conv_options, relu, FV_OPTION_BOOL)
static const fv_option weight_fields[] = {COMMON_FIELDS, {.name = NULL}};
static const fv_option fields[] = {COMMON_FIELDS, RELU_FIELD, {.name = NULL}};
static const fv_option transpose_fields[] = {
    COMMON_FIELDS,
    RELU_FIELD,
    FV_FIELD(fv_conv_options, output_padding, FV_OPTION_DIMS),
    {.name = NULL}};

/* What the ops of a face have in common. */
#define WEIGHTED                                                                                   \
    .inputs = CONV_INPUTS, .outputs = 1, .input = {{"input", FV_ORDER_CHANNELS_LAST, false},       \
                                                   {"weight", FV_ORDER_ANY, false},                \
                                                   {"bias", FV_ORDER_ROW_MAJOR, true},             \
                                                   {"scale", FV_ORDER_ROW_MAJOR, true},            \
                                                   {"shift", FV_ORDER_ROW_MAJOR, true},            \
                                                   {"residual", FV_ORDER_CHANNELS_LAST, true}},    \
    .options_size = sizeof(fv_conv_options), .describe = describe, .forward = run,                 \
    .reference = run_reference, .also_saves = also_saves,                                          \
    .saves = {FV_IN(CONV_WEIGHT) | FV_IN(CONV_SCALE), FV_IN(CONV_INPUT) | FV_IN(CONV_SCALE),       \
              FV_IN(CONV_SCALE), FV_IN(CONV_INPUT) | FV_IN(CONV_WEIGHT) | FV_IN(CONV_BIAS)}
#define FORWARD_FACE                                                                               \
    WEIGHTED, .option_fields = fields, .plan = plan_forward, .gradient = forward_gradient,         \
              .window = forward_window, .multiply_adds = forward_work
#define TRANSPOSE_FACE                                                                             \
    WEIGHTED, .option_fields = transpose_fields, .plan = plan_transpose,                           \
              .gradient = transpose_gradient, .window = transpose_window,                          \
              .multiply_adds = transpose_work
#define WEIGHT_FACE                                                                                \
    .inputs = 2, .outputs = 1,                                                                     \
    .input = {{"input", FV_ORDER_CHANNELS_LAST, false},                                            \
              {"gradient", FV_ORDER_CHANNELS_LAST, false}},                                        \
    .options_size = sizeof(fv_conv_options), .option_fields = weight_fields, .plan = plan_weight,  \
    .describe = describe, .forward = run, .reference = run_reference, .gradient = weight_gradient, \
    .multiply_adds = weight_work, .saves = {FV_IN(1), FV_IN(0)}

static fv_status infer_conv1d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_FORWARD, 1);
}

static const fv_op conv1d_op = {.name = "conv1d", .infer = infer_conv1d, FORWARD_FACE};
FV_REGISTER(conv1d_op);

static fv_status infer_conv2d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_FORWARD, 2);
}

static const fv_op conv2d_op = {.name = "conv2d", .infer = infer_conv2d, FORWARD_FACE};
FV_REGISTER(conv2d_op);

static fv_status infer_conv3d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_FORWARD, 3);
}

static const fv_op conv3d_op = {.name = "conv3d", .infer = infer_conv3d, FORWARD_FACE};
FV_REGISTER(conv3d_op);

static fv_status infer_conv_transpose1d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_INPUT, 1);
}

static const fv_op conv_transpose1d_op = {
    .name = "conv_transpose1d", .infer = infer_conv_transpose1d, TRANSPOSE_FACE};
FV_REGISTER(conv_transpose1d_op);

static fv_status infer_conv_transpose2d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_INPUT, 2);
}

static const fv_op conv_transpose2d_op = {
    .name = "conv_transpose2d", .infer = infer_conv_transpose2d, TRANSPOSE_FACE};
FV_REGISTER(conv_transpose2d_op);

static fv_status infer_conv_transpose3d(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_INPUT, 3);
}

static const fv_op conv_transpose3d_op = {
    .name = "conv_transpose3d", .infer = infer_conv_transpose3d, TRANSPOSE_FACE};
FV_REGISTER(conv_transpose3d_op);

static fv_status infer_conv1d_weight(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_WEIGHT, 1);
}

static const fv_op conv1d_weight_op = {
    .name = "conv1d_weight", .infer = infer_conv1d_weight, WEIGHT_FACE};
FV_REGISTER(conv1d_weight_op);

static fv_status infer_conv2d_weight(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_WEIGHT, 2);
}

static const fv_op conv2d_weight_op = {
    .name = "conv2d_weight", .infer = infer_conv2d_weight, WEIGHT_FACE};
FV_REGISTER(conv2d_weight_op);

static fv_status infer_conv3d_weight(fv_call *c)
{
    return fv_conv_infer(c, FV_CONV_GRAD_WEIGHT, 3);
}

static const fv_op conv3d_weight_op = {
    .name = "conv3d_weight", .infer = infer_conv3d_weight, WEIGHT_FACE};
FV_REGISTER(conv3d_weight_op);

static const fv_op *const forward_ops[4] = {NULL, &conv1d_op, &conv2d_op, &conv3d_op};
static const fv_op *const transpose_ops[4] = {NULL, &conv_transpose1d_op, &conv_transpose2d_op,
                                              &conv_transpose3d_op};
static const fv_op *const weight_ops[4] = {NULL, &conv1d_weight_op, &conv2d_weight_op,
                                           &conv3d_weight_op};

/* --- what the user calls ---------------------------------------------------------------------- */

/* An unbatched input gets a batch of one for the while, and so does its residual. */
static fv_tensor *apply(const fv_op *op, int nd, const fv_conv_options *a, fv_tensor **in)
{
    if (!fv_usable(in[0]) || in[0]->ndim != nd + 1) return fv_apply(op, a, CONV_INPUTS, in);
    in[0] = fv_unsqueeze(in[0], 0);
    if (fv_usable(in[CONV_RESIDUAL])) in[CONV_RESIDUAL] = fv_unsqueeze(in[CONV_RESIDUAL], 0);
    return fv_squeeze(fv_apply(op, a, CONV_INPUTS, in), 0);
}

static fv_tensor *run_forward(int nd, const fv_conv_args *a)
{
    fv_conv_options options = {.stride = a->stride,
                               .padding = a->padding,
                               .dilation = a->dilation,
                               .groups = a->groups,
                               .relu = a->relu};
    fv_tensor *in[] = {a->input, a->weight, a->bias, a->scale, a->shift, a->residual};
    return apply(forward_ops[nd], nd, &options, in);
}

static fv_tensor *run_transpose(int nd, const fv_conv_transpose_args *a)
{
    fv_conv_options options = {.stride = a->stride,
                               .padding = a->padding,
                               .output_padding = a->output_padding,
                               .dilation = a->dilation,
                               .groups = a->groups,
                               .relu = a->relu};
    fv_tensor *in[] = {a->input, a->weight, a->bias, a->scale, a->shift, a->residual};
    return apply(transpose_ops[nd], nd, &options, in);
}

const fv_conv_args fv_conv_defaults = {FV_CONV_DEFAULTS};

fv_tensor *fv_conv1d_ex(const fv_conv_args *a)
{
    if (!fv_args_ok("conv1d", a, sizeof *a)) return fv_failed_tensor();
    return run_forward(1, a);
}

fv_tensor *fv_conv2d_ex(const fv_conv_args *a)
{
    if (!fv_args_ok("conv2d", a, sizeof *a)) return fv_failed_tensor();
    return run_forward(2, a);
}

fv_tensor *fv_conv3d_ex(const fv_conv_args *a)
{
    if (!fv_args_ok("conv3d", a, sizeof *a)) return fv_failed_tensor();
    return run_forward(3, a);
}

const fv_conv_transpose_args fv_conv_transpose_defaults = {FV_CONV_TRANSPOSE_DEFAULTS};

fv_tensor *fv_conv_transpose1d_ex(const fv_conv_transpose_args *a)
{
    if (!fv_args_ok("conv_transpose1d", a, sizeof *a)) return fv_failed_tensor();
    return run_transpose(1, a);
}

fv_tensor *fv_conv_transpose2d_ex(const fv_conv_transpose_args *a)
{
    if (!fv_args_ok("conv_transpose2d", a, sizeof *a)) return fv_failed_tensor();
    return run_transpose(2, a);
}

fv_tensor *fv_conv_transpose3d_ex(const fv_conv_transpose_args *a)
{
    if (!fv_args_ok("conv_transpose3d", a, sizeof *a)) return fv_failed_tensor();
    return run_transpose(3, a);
}
