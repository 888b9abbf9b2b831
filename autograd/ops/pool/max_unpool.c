/* Max unpooling: elements go back to where a max pooling found its maxima. */
#include "autograd/op.h"
#include "autograd/ops/pool/pool.h"
#include "autograd/ops/index/index.h"
#include "autograd/ops/view/memory_order.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/index/index.h"
#include "tensor/kernels/pool/pool.h"
#include "tensor/kernels/pool/unpool.h"

typedef struct unpool_options {
    fv_dims kernel_size, stride, padding; /* of the pooling */
    fv_dims output_size;                  /* FV_UNSET: what the pooling's smallest input was */
} unpool_options;

static const fv_option fields[] = {FV_FIELD(unpool_options, kernel_size, FV_OPTION_DIMS),
                                   FV_FIELD(unpool_options, stride, FV_OPTION_DIMS),
                                   FV_FIELD(unpool_options, padding, FV_OPTION_DIMS),
                                   FV_FIELD(unpool_options, output_size, FV_OPTION_DIMS),
                                   {0}};

/* --- shapes ----------------------------------------------------------------------------------- */

/* A length that the pooling makes the input's of: the given one, or the shortest with whole
 * windows. */
static fv_status settle_length(const fv_call *c, int64_t shortest, int64_t stride, int64_t given,
                               int64_t *out)
{
    *out = given >= 0 ? given : shortest;
    if (*out < 1)
        return fv_reject(c, FV_ERR_SHAPE, "input %s would become of length %lld", fv_text(c->in[0]),
                         (long long)*out);
    if (*out > shortest - stride && *out < shortest + stride) return FV_OK;
    return fv_reject(
        c, FV_ERR_OPTION,
        "output_size %lld: with these kernel_size, stride and padding input %s has come "
        "from a length between %lld and %lld",
        (long long)*out, fv_text(c->in[0]), (long long)(shortest - stride + 1),
        (long long)(shortest + stride - 1));
}

static fv_status output_shape(const fv_call *c, int n, fv_shape *y)
{
    const unpool_options *a = c->options;
    int64_t kernel[FV_POOL_AXES], stride[FV_POOL_AXES], padding[FV_POOL_AXES];
    int64_t given[FV_POOL_AXES] = {-1, -1, -1};
    const bool sized = a->output_size != FV_UNSET;
    const fv_dims steps = a->stride == FV_UNSET ? a->kernel_size : a->stride;
    fv_status status = fv_need_dims(c, "kernel_size", a->kernel_size, n, 1, kernel);
    if (status == FV_OK) status = fv_need_dims(c, "stride", steps, n, 1, stride);
    if (status == FV_OK) status = fv_need_dims(c, "padding", a->padding, n, 0, padding);
    if (status == FV_OK && sized)
        status = fv_need_dims(c, "output_size", a->output_size, n, 1, given);
    *y = fv_shape_of(c->in[0]);
    for (int i = 0; i < n && status == FV_OK; i++) {
        if (y->dim[2 + i] > INT32_MAX)
            return fv_reject(c, FV_ERR_SHAPE, "length %lld in input %s is too large",
                             (long long)y->dim[2 + i], fv_text(c->in[0]));
        const int64_t shortest = (y->dim[2 + i] - 1) * stride[i] - 2 * padding[i] + kernel[i];
        status = settle_length(c, shortest, stride[i], given[i], &y->dim[2 + i]);
    }
    return status == FV_OK ? fv_need_size(c, y) : status;
}

static fv_status check_inputs(const fv_call *c, int n)
{
    static const char *const forms[] = {"", "[N,C,L] or [C,L]", "[N,C,H,W] or [C,H,W]",
                                        "[N,C,D,H,W] or [C,D,H,W]"};
    const fv_shape x = fv_shape_of(c->in[0]), indices = fv_shape_of(c->in[1]);
    if (x.ndim != n + 2)
        return fv_reject(c, FV_ERR_SHAPE, "input %s must be %s", fv_text(c->in[0]), forms[n]);
    if (c->in[1]->dtype != FV_INT64)
        return fv_reject(c, FV_ERR_DTYPE, "indices %s are %s, not int64", fv_text(c->in[1]),
                         fv_dtype_name(c->in[1]->dtype));
    if (!fv_shape_equal(&x, &indices))
        return fv_reject(c, FV_ERR_SHAPE, "indices %s must have the shape of input %s",
                         fv_text(c->in[1]), fv_text(c->in[0]));
    for (int i = 1; i < x.ndim; i++)
        if (x.dim[i] == 0)
            return fv_reject(c, FV_ERR_SHAPE, "input %s must have no empty dimension but the batch",
                             fv_text(c->in[0]));
    return FV_OK;
}

static fv_status infer(fv_call *c, int n)
{
    fv_shape y;
    fv_status status = check_inputs(c, n);
    if (status == FV_OK) status = output_shape(c, n, &y);
    if (status == FV_OK)
        fv_output_in_order(c, 0, fv_prefers_channels_last(c->in[0]), c->in[0]->dtype, &y);
    return status;
}

static fv_status infer_1d(fv_call *c)
{
    return infer(c, 1);
}

static fv_status infer_2d(fv_call *c)
{
    return infer(c, 2);
}

static fv_status infer_3d(fv_call *c)
{
    return infer(c, 3);
}

/* Elements of a plane. */
static int64_t plane_of(const fv_shape *shape)
{
    int64_t positions = 1;
    for (int i = 2; i < shape->ndim; i++) positions *= shape->dim[i];
    return positions;
}

static fv_status check(fv_call *c)
{
    int64_t at, value;
    const int64_t positions = plane_of(&c->spec[0].shape);
    if (!fv_index_outside(fv_machine_now(), c->in[1], positions, FV_UNSET, &at, &value))
        return FV_OK;
    return fv_reject(c, FV_ERR_INDEX, "element %lld of indices %s is %lld, outside [0, %lld)",
                     (long long)at, fv_text(c->in[1]), (long long)value, (long long)positions);
}

/* --- order in memory -------------------------------------------------------------------------- */

/* Both ops work in the order of their first input. */
static void plan(fv_call *c)
{
    const bool last = fv_prefers_channels_last(c->in[0]);
    c->scratch_bytes = fv_order_bytes(c->in[0], last) + fv_order_bytes(c->in[1], last);
}

/* What a kernel reads and how it lies, for x of shape `from` and y of shape `to`. */
typedef struct operands {
    fv_unpool g;
    const void *first;
    const int64_t *indices;
} operands;

static operands operands_of(const fv_call *c, const fv_shape *from, const fv_shape *to)
{
    const bool last = fv_prefers_channels_last(c->in[0]);
    operands o = {.g = {.from = plane_of(from), .to = plane_of(to)}};
    o.g.batch = last ? from->dim[0] : from->dim[0] * from->dim[1];
    o.g.channels = last ? from->dim[1] : 1;
    o.first = fv_in_order(c->in[0], last, c->scratch);
    o.indices = fv_in_order(c->in[1], last, (char *)c->scratch + fv_order_bytes(c->in[0], last));
    return o;
}

/* --- values and gradient ---------------------------------------------------------------------- */

static const fv_op max_unpool_backward_op;

static void forward(fv_call *c)
{
    const fv_shape from = fv_shape_of(c->in[0]), to = fv_shape_of(c->out[0]);
    const operands o = operands_of(c, &from, &to);
    fv_unpool_run(c->machine, &o.g, fv_dtype_size(c->in[0]->dtype), o.first, o.indices,
                  c->out[0]->data);
}

static void reference(fv_call *c)
{
    fv_unpool_ref(c->in[0], c->in[1], c->out[0]);
}

static void gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = FV_APPLY(&max_unpool_backward_op, NULL, gout[0], c->in[1]);
}

#define MAX_UNPOOL(name_, infer_)                                                                  \
    {                                                                                              \
        .name = name_, .inputs = 2, .outputs = 1, .any_dtype = true,                               \
        .input = {{.name = "input"}, {.name = "indices"}}, .options_size = sizeof(unpool_options), \
        .option_fields = fields, .infer = infer_, .check = check, .plan = plan,                    \
        .forward = forward, .reference = reference, .gradient = gradient, .saves = {               \
            FV_IN(1)                                                                               \
        }                                                                                          \
    }
static const fv_op max_unpool1d_op = MAX_UNPOOL("max_unpool1d", infer_1d);
static const fv_op max_unpool2d_op = MAX_UNPOOL("max_unpool2d", infer_2d);
static const fv_op max_unpool3d_op = MAX_UNPOOL("max_unpool3d", infer_3d);
FV_REGISTER(max_unpool1d_op);
FV_REGISTER(max_unpool2d_op);
FV_REGISTER(max_unpool3d_op);

/* --- the gradient: g, indices (which forward has checked) -> gx
 * ----------------------------------------------------------- */

static fv_status backward_infer(fv_call *c)
{
    const fv_shape g = fv_shape_of(c->in[0]), x = fv_shape_of(c->in[1]);
    fv_status status = fv_need_floating(c, 0, "gradient");
    if (status == FV_OK && c->in[1]->dtype != FV_INT64)
        status = fv_reject(c, FV_ERR_DTYPE, "indices %s are %s, not int64", fv_text(c->in[1]),
                           fv_dtype_name(c->in[1]->dtype));
    if (status != FV_OK) return status;
    if (x.ndim < 3 || x.ndim > 5 || g.ndim != x.ndim || g.dim[0] != x.dim[0] ||
        g.dim[1] != x.dim[1])
        return fv_reject(c, FV_ERR_SHAPE, "gradient %s and indices %s must be [N,C,spatial]",
                         fv_text(c->in[0]), fv_text(c->in[1]));
    fv_output_in_order(c, 0, fv_prefers_channels_last(c->in[0]), c->in[0]->dtype, &x);
    return FV_OK;
}

static void backward_forward(fv_call *c)
{
    const fv_shape from = fv_shape_of(c->out[0]), to = fv_shape_of(c->in[0]);
    const operands o = operands_of(c, &from, &to);
    fv_unpool_gather(c->machine, &o.g, fv_dtype_size(c->in[0]->dtype), o.first, o.indices,
                     c->out[0]->data);
}

static void backward_reference(fv_call *c)
{
    fv_unpool_gather_ref(c->in[0], c->in[1], c->out[0]);
}

/* [N,C,spatial] as [N,C,positions]. */
static fv_tensor *as_lines(fv_tensor *t)
{
    if (!fv_usable(t)) return t;
    const fv_shape shape = fv_shape_of(t);
    return fv_reshape_to(t, FV_SHAPE(shape.dim[0], shape.dim[1], plane_of(&shape)));
}

static void backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const fv_shape *g = fv_input_shape(c, 0);
    const fv_shape lines = FV_SHAPE(g->dim[0], g->dim[1], plane_of(g));
    gin[0] = fv_reshape_to(fv_gather_backward(as_lines(gout[0]), as_lines(c->in[1]), 2, lines), *g);
}

static const fv_op max_unpool_backward_op = {
    .name = "max_unpool_backward",
    .inputs = 2,
    .outputs = 1,
    .input = {{.name = "gradient"}, {.name = "indices"}},
    .infer = backward_infer,
    .plan = plan,
    .forward = backward_forward,
    .reference = backward_reference,
    .gradient = backward_gradient,
    .saves = {FV_IN(1)},
};
FV_REGISTER(max_unpool_backward_op);

/* --- calls ------------------------------------------------------------------------------------ */

static fv_tensor *unpool(const fv_op *op, const fv_max_unpool_args *a, int n)
{
    if (!fv_args_ok(op->name, a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *indices = a->indices;
    const bool single = fv_usable(x) && x->ndim == n + 1;
    const unpool_options options = {.kernel_size = a->kernel_size,
                                    .stride = a->stride,
                                    .padding = a->padding,
                                    .output_size = a->output_size};
    if (single) x = fv_unsqueeze(x, 0);
    if (single && fv_usable(indices) && indices->ndim == n + 1) indices = fv_unsqueeze(indices, 0);
    fv_tensor *y = FV_APPLY(op, &options, x, indices);
    return single ? fv_squeeze(y, 0) : y;
}

const fv_max_unpool_args fv_max_unpool_defaults = {FV_MAX_UNPOOL_DEFAULTS};

fv_tensor *fv_max_unpool1d_ex(const fv_max_unpool_args *a)
{
    return unpool(&max_unpool1d_op, a, 1);
}

fv_tensor *fv_max_unpool2d_ex(const fv_max_unpool_args *a)
{
    return unpool(&max_unpool2d_op, a, 2);
}

fv_tensor *fv_max_unpool3d_ex(const fv_max_unpool_args *a)
{
    return unpool(&max_unpool3d_op, a, 3);
}
