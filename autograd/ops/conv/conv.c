/* The convolution family: nine ops (three faces in three ranks) over one set of functions. */
#include "autograd/ops/conv/conv.h"

#include <string.h>

#include "autograd/ops/conv/conv_impl.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"

/* --- forward ---------------------------------------------------------------------------------- */

/* The operands in the order that the kernels read, copied to the front of scratch if need be, and
 * the scratch that is left. */
typedef struct operands {
    const void *a, *b, *bias;
    void *scratch;
} operands;

static const void *ordered(const fv_call *c, int i, char **scratch)
{
    const fv_tensor *t = i < c->inputs ? c->in[i] : NULL;
    if (!t || fv_conv_in_order(c, i)) return t ? t->data : NULL;
    fv_tensor copy = fv_tensor_borrow(t);
    fv_shape shape = fv_shape_of(t);
    if (fv_conv_is_activation(c, i))
        fv_strides_channels_last(&shape, copy.strides);
    else
        fv_strides_contiguous(&shape, copy.strides);
    copy.data = *scratch;
    *scratch += fv_conv_copy_bytes(t);
    fv_copy_elements(&copy, t);
    return copy.data;
}

static operands order_operands(const fv_call *c)
{
    operands o;
    char *scratch = c->scratch;
    o.a = ordered(c, 0, &scratch);
    o.b = ordered(c, 1, &scratch);
    o.bias = ordered(c, 2, &scratch);
    o.scratch = scratch;
    return o;
}

static const fv_conv_geometry *geometry(const fv_call *c)
{
    return &((const fv_conv_options *)c->options)->g;
}

static void run_pass(fv_call *c, fv_conv_pass pass)
{
    operands o = order_operands(c);
    fv_conv_plan p;
    fv_conv_make_plan(&p, geometry(c), c->in[0]->dtype, pass, NULL, c->machine);
    fv_conv_run(&p, &(fv_conv_operands){.a = o.a, .b = o.b, .out = c->out[0]->data, .epilogue.bias = o.bias}, o.scratch);
}

static void reference_pass(fv_call *c, fv_conv_pass pass)
{
    operands o = order_operands(c);
    fv_conv_plan p;
    fv_conv_make_plan(&p, geometry(c), c->in[0]->dtype, pass, NULL, c->machine);
    fv_conv_run_reference(&p, &(fv_conv_operands){.a = o.a, .b = o.b, .out = c->out[0]->data, .epilogue.bias = o.bias});
}

static void forward(fv_call *c) { run_pass(c, FV_CONV_FORWARD); }
static void forward_reference(fv_call *c) { reference_pass(c, FV_CONV_FORWARD); }
static void transpose(fv_call *c) { run_pass(c, FV_CONV_GRAD_INPUT); }
static void transpose_reference(fv_call *c) { reference_pass(c, FV_CONV_GRAD_INPUT); }
static void weight(fv_call *c) { run_pass(c, FV_CONV_GRAD_WEIGHT); }
static void weight_reference(fv_call *c) { reference_pass(c, FV_CONV_GRAD_WEIGHT); }

/* --- gradients: each face in terms of the other two ------------------------------------------- */

static const fv_op *const forward_ops[4], *const transpose_ops[4], *const weight_ops[4];

static fv_conv_options resolved(const fv_call *c)
{
    fv_conv_options a = *(const fv_conv_options *)c->options;
    a.resolved = true;
    return a;
}

static int rank(const fv_call *c)
{
    return fv_input_shape(c, 0)->ndim - 2;
}

static fv_tensor *bias_gradient(fv_tensor *g)
{
    static const int64_t dims[4][4] = {{0}, {0, 2}, {0, 2, 3}, {0, 2, 3, 4}};
    fv_shape shape = {.ndim = g->ndim - 1};
    memcpy(shape.dim, dims[g->ndim - 2], sizeof dims[0]);
    return fv_sum(g, .dim = fv_dims_pack(shape));
}

static void forward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    int nd = rank(c);
    fv_conv_options a = resolved(c);
    fv_tensor *g = fv_to_channels_last(gout[0]);
    if (fv_wants(c, 0)) gin[0] = FV_APPLY(transpose_ops[nd], &a, g, c->in[1], NULL);
    if (fv_wants(c, 1)) gin[1] = FV_APPLY(weight_ops[nd], &a, c->in[0], g);
    if (fv_wants(c, 2)) gin[2] = bias_gradient(g);
}

static void transpose_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    int nd = rank(c);
    fv_conv_options a = resolved(c);
    fv_tensor *g = fv_to_channels_last(gout[0]);
    if (fv_wants(c, 0)) gin[0] = FV_APPLY(forward_ops[nd], &a, g, c->in[1], NULL);
    if (fv_wants(c, 1)) gin[1] = FV_APPLY(weight_ops[nd], &a, g, c->in[0]);
    if (fv_wants(c, 2)) gin[2] = bias_gradient(g);
}

static void weight_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    int nd = rank(c);
    fv_conv_options a = resolved(c);
    if (fv_wants(c, 0)) gin[0] = FV_APPLY(transpose_ops[nd], &a, c->in[1], gout[0], NULL);
    if (fv_wants(c, 1)) gin[1] = FV_APPLY(forward_ops[nd], &a, c->in[0], gout[0], NULL);
}

/* --- the ops ---------------------------------------------------------------------------------- */

static const fv_option forward_fields[] = {FV_FIELD(fv_conv_options, stride, FV_OPTION_DIMS),
                                           FV_FIELD(fv_conv_options, padding, FV_OPTION_DIMS),
                                           FV_FIELD(fv_conv_options, dilation, FV_OPTION_DIMS),
                                           FV_FIELD(fv_conv_options, groups, FV_OPTION_INT),
                                           {.name = NULL}};
static const fv_option transpose_fields[] = {
    FV_FIELD(fv_conv_options, stride, FV_OPTION_DIMS),
    FV_FIELD(fv_conv_options, padding, FV_OPTION_DIMS),
    FV_FIELD(fv_conv_options, dilation, FV_OPTION_DIMS),
    FV_FIELD(fv_conv_options, groups, FV_OPTION_INT),
    FV_FIELD(fv_conv_options, output_padding, FV_OPTION_DIMS),
    {.name = NULL}};

#define CONV_OPS(nd)                                                                               \
    static fv_status infer_conv##nd##d(fv_call *c)                                                 \
    {                                                                                              \
        return fv_conv_infer_forward(c, nd);                                                       \
    }                                                                                              \
    static fv_status infer_conv_transpose##nd##d(fv_call *c)                                       \
    {                                                                                              \
        return fv_conv_infer_transpose(c, nd);                                                     \
    }                                                                                              \
    static fv_status infer_conv##nd##d_weight(fv_call *c)                                          \
    {                                                                                              \
        return fv_conv_infer_weight(c, nd);                                                        \
    }                                                                                              \
    static const fv_op conv##nd##d_op = {                                                          \
        .name = "conv" #nd "d",                                                                    \
        .inputs = 3,                                                                               \
        .optional = FV_IN(2),                                                                      \
        .outputs = 1,                                                                              \
        .options_size = sizeof(fv_conv_options),                                                   \
        .infer = infer_conv##nd##d,                                                                \
        .forward = forward,                                                                        \
        .reference = forward_reference,                                                            \
        .gradient = forward_gradient,                                                              \
        .saves = {FV_IN(1), FV_IN(0)},                                                             \
        .option_fields = forward_fields,                                                           \
    };                                                                                             \
    FV_REGISTER(conv##nd##d_op);                                                                   \
    static const fv_op conv_transpose##nd##d_op = {                                                \
        .name = "conv_transpose" #nd "d",                                                          \
        .inputs = 3,                                                                               \
        .optional = FV_IN(2),                                                                      \
        .outputs = 1,                                                                              \
        .options_size = sizeof(fv_conv_options),                                                   \
        .infer = infer_conv_transpose##nd##d,                                                      \
        .forward = transpose,                                                                      \
        .reference = transpose_reference,                                                          \
        .gradient = transpose_gradient,                                                            \
        .saves = {FV_IN(1), FV_IN(0)},                                                             \
        .option_fields = transpose_fields,                                                         \
    };                                                                                             \
    FV_REGISTER(conv_transpose##nd##d_op);                                                         \
    static const fv_op conv##nd##d_weight_op = {                                                   \
        .name = "conv" #nd "d_weight",                                                             \
        .inputs = 2,                                                                               \
        .outputs = 1,                                                                              \
        .options_size = sizeof(fv_conv_options),                                                   \
        .infer = infer_conv##nd##d_weight,                                                         \
        .forward = weight,                                                                         \
        .reference = weight_reference,                                                             \
        .gradient = weight_gradient,                                                               \
        .saves = {FV_IN(1), FV_IN(0)},                                                             \
    };                                                                                             \
    FV_REGISTER(conv##nd##d_weight_op)

CONV_OPS(1);
CONV_OPS(2);
CONV_OPS(3);

static const fv_op *const forward_ops[4] = {NULL, &conv1d_op, &conv2d_op, &conv3d_op};
static const fv_op *const transpose_ops[4] = {NULL, &conv_transpose1d_op, &conv_transpose2d_op,
                                              &conv_transpose3d_op};
static const fv_op *const weight_ops[4] = {NULL, &conv1d_weight_op, &conv2d_weight_op,
                                           &conv3d_weight_op};

/* --- what the user calls ---------------------------------------------------------------------- */

/* Brings the operands into the kernels' order with ops, so that the tape saves them in that order;
 * an unbatched input gets a batch of one for the while. */
static fv_tensor *run(const fv_op *op, int nd, const fv_conv_options *a, fv_tensor *x, fv_tensor *w,
                      fv_tensor *b)
{
    bool unbatched = !fv_failed(x) && x->ndim == nd + 1;
    if (unbatched) x = fv_unsqueeze(x, 0);
    if (!fv_failed(x) && x->ndim == nd + 2) x = fv_to_channels_last(x);
    if (!fv_failed(w) && !fv_is_contiguous(w)) w = fv_contiguous(w);
    if (!fv_failed(b) && !fv_is_contiguous(b)) b = fv_contiguous(b);
    fv_tensor *y = FV_APPLY(op, a, x, w, b);
    return unbatched ? fv_squeeze(y, 0) : y;
}

static fv_tensor *run_forward(int nd, const fv_conv_args *a)
{
    fv_conv_options options = {
        .stride = a->stride, .padding = a->padding, .dilation = a->dilation, .groups = a->groups};
    return run(forward_ops[nd], nd, &options, a->input, a->weight, a->bias);
}

static fv_tensor *run_transpose(int nd, const fv_conv_transpose_args *a)
{
    fv_conv_options options = {.stride = a->stride,
                               .padding = a->padding,
                               .output_padding = a->output_padding,
                               .dilation = a->dilation,
                               .groups = a->groups};
    return run(transpose_ops[nd], nd, &options, a->input, a->weight, a->bias);
}

fv_tensor *fv_conv1d_ex(const fv_conv_args *a)
{
    return run_forward(1, a);
}

fv_tensor *fv_conv2d_ex(const fv_conv_args *a)
{
    return run_forward(2, a);
}

fv_tensor *fv_conv3d_ex(const fv_conv_args *a)
{
    return run_forward(3, a);
}

fv_tensor *fv_conv_transpose1d_ex(const fv_conv_transpose_args *a)
{
    return run_transpose(1, a);
}

fv_tensor *fv_conv_transpose2d_ex(const fv_conv_transpose_args *a)
{
    return run_transpose(2, a);
}

fv_tensor *fv_conv_transpose3d_ex(const fv_conv_transpose_args *a)
{
    return run_transpose(3, a);
}
