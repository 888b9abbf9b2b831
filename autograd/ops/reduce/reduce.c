/* Sums and what is made of sums: sum, mean, sum_to, var, std, norm, logsumexp. */
#include "autograd/ops/reduce/reduce.h"

#include <math.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce_impl.h"
#include "autograd/ops/view/view.h"

/* --- shared with the other reductions -------------------------------------------------------- */

const fv_option fv_reduce_fields[] = {
    FV_TAKING(fv_reduce_options, dim, FV_OPTION_DIMS, FV_TAKES_ALL),
    FV_FIELD(fv_reduce_options, keepdim, FV_OPTION_BOOL),
    {.name = NULL},
};

static fv_status check_dims(const fv_call *c, fv_dims dims)
{
    int64_t dim[FV_MAX_DIMS];
    if (dims == FV_ALL) return FV_OK;
    int count = fv_dims_unpack(dims, dim);
    if (count == 0) return fv_reject(c, FV_ERR_OPTION, "dim is no dimension number");
    uint32_t seen = 0;
    for (int i = 0; i < count; i++) {
        fv_status status = fv_need_dim(c, 0, &dim[i]);
        if (status != FV_OK) return status;
        if (seen >> dim[i] & 1)
            return fv_reject(c, FV_ERR_OPTION, "dim %lld is named twice", (long long)dim[i]);
        seen |= 1u << dim[i];
    }
    return FV_OK;
}

static fv_shape result_shape(const fv_shape *in, uint32_t mask, bool keepdim)
{
    fv_shape shape = {0};
    for (int d = 0; d < in->ndim; d++) {
        bool reduced = mask >> d & 1;
        if (!reduced || keepdim) shape.dim[shape.ndim++] = reduced ? 1 : in->dim[d];
    }
    return shape;
}

fv_status fv_reduce_infer(fv_call *c, fv_dtype result)
{
    const fv_reduce_options *a = c->options;
    fv_status status = check_dims(c, a->dim);
    if (status != FV_OK) return status;
    fv_shape in = fv_shape_of(c->in[0]);
    fv_shape shape = result_shape(&in, fv_dims_mask(a->dim, in.ndim), a->keepdim);
    status = fv_need_size(c, &shape);
    if (status == FV_OK) fv_output_contiguous(c, 0, result, &shape);
    return status;
}

fv_status fv_reduce_floating_infer(fv_call *c)
{
    fv_status status = fv_need_floating(c, 0, "input");
    return status != FV_OK ? status : fv_reduce_infer(c, c->in[0]->dtype);
}

bool fv_reduce_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const fv_reduce_options *a = c->options;
    const uint32_t mask = fv_dims_mask(a->dim, c->in[input]->ndim);
    int to = 0;
    if (mask >> dim & 1) return fv_window_all(c, input, output, dim, w);
    for (int d = 0; d < dim; d++) to += a->keepdim || !(mask >> d & 1);
    return fv_window_shifted(to, 0, w);
}

static void plan(fv_call *c, uint32_t mask, bool shifts)
{
    fv_scratch measure = {NULL, 0};
    fv_reduce_make_plan(c->plan, c->in[0], mask, shifts);
    fv_reduce_layout(c->plan, &measure);
    c->scratch_bytes = measure.used;
}
_Static_assert(sizeof(fv_reduce_plan) <= FV_PLAN_BYTES, "the plan has its place in the call");

void fv_reduce_plan_one(fv_call *c)
{
    const fv_reduce_options *a = c->options;
    plan(c, fv_dims_mask(a->dim, c->in[0]->ndim), false);
}

void fv_reduce_plan_two(fv_call *c)
{
    const fv_reduce_options *a = c->options;
    plan(c, fv_dims_mask(a->dim, c->in[0]->ndim), true);
}

int fv_reduce_describe_call(const fv_call *c, char *text, size_t size)
{
    return fv_reduce_describe(c->plan, text, size);
}

fv_dtype fv_reduce_sum_dtype(fv_dtype dtype)
{
    return fv_dtype_is_floating(dtype) ? dtype : FV_INT64;
}

fv_reduce_job fv_reduce_job_of(const fv_call *c, fv_reduce_kind kind)
{
    fv_scratch s = {c->scratch, 0};
    return (fv_reduce_job){
        .plan = c->plan,
        .in = c->in[0],
        .kind = kind,
        .init = fv_reduce_identity(kind, c->in[0]->dtype),
        .out = c->out[0],
        .scratch = fv_reduce_layout(c->plan, &s),
    };
}

fv_shape fv_reduce_kept_shape(const fv_call *c)
{
    const fv_reduce_options *a = c->options;
    const fv_shape *in = fv_input_shape(c, 0);
    return result_shape(in, fv_dims_mask(a->dim, in->ndim), true);
}

fv_tensor *fv_reduce_restore(const fv_call *c, fv_tensor *t)
{
    const fv_reduce_options *a = c->options;
    return a->keepdim ? t : fv_reshape_to(t, fv_reduce_kept_shape(c));
}

int64_t fv_reduce_length(const fv_call *c, const fv_shape *in)
{
    const fv_reduce_options *a = c->options;
    uint32_t mask = fv_dims_mask(a->dim, in->ndim);
    int64_t n = 1;
    for (int d = 0; d < in->ndim; d++)
        if (mask >> d & 1) n *= in->dim[d];
    return n;
}

fv_status fv_reduce_need_elements(const fv_call *c)
{
    fv_shape in = fv_shape_of(c->in[0]);
    if (fv_reduce_length(c, &in) > 0) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "input %s has nothing to reduce in these dimensions",
                     fv_text(c->in[0]));
}

static fv_tensor *apply(const fv_op *op, const fv_reduce_args *a)
{
    fv_reduce_options options = {.dim = a->dim, .keepdim = a->keepdim};
    return FV_APPLY(op, &options, a->input);
}

/* --- sum ------------------------------------------------------------------------------------- */

static fv_status sum_infer(fv_call *c)
{
    return fv_reduce_infer(c, fv_reduce_sum_dtype(c->in[0]->dtype));
}

static void sum_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_SUM);
    run(c->machine, &job);
}
FV_REDUCE_PAIR(sum)

static void sum_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_expand_to(fv_reduce_restore(c, gout[0]), *fv_input_shape(c, 0));
}

static const fv_op sum_op = {
    .name = "sum",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = sum_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = sum_forward,
    .reference = sum_reference,
    .gradient = sum_gradient,
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(sum_op);

fv_tensor *fv_sum_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("sum", a, sizeof *a)) return fv_failed_tensor();
    return apply(&sum_op, a);
}

/* --- mean ------------------------------------------------------------------------------------ */

static void mean_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_SUM);
    job.scale = 1.0 / (double)job.plan->length; /* infinite over nothing: NaN */
    run(c->machine, &job);
}
FV_REDUCE_PAIR(mean)

static void mean_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    int64_t length = fv_reduce_length(c, fv_input_shape(c, 0));
    fv_tensor *g = fv_mul_scalar(gout[0], length > 0 ? 1.0 / (double)length : 0.0);
    gin[0] = fv_expand_to(fv_reduce_restore(c, g), *fv_input_shape(c, 0));
}

static const fv_op mean_op = {
    .name = "mean",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = fv_reduce_floating_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = mean_forward,
    .reference = mean_reference,
    .gradient = mean_gradient,
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(mean_op);

fv_tensor *fv_mean_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("mean", a, sizeof *a)) return fv_failed_tensor();
    return apply(&mean_op, a);
}

/* --- sum_to ---------------------------------------------------------------------------------- */

typedef struct sum_to_options {
    fv_shape size;
} sum_to_options;
static const fv_option sum_to_fields[] = {
    FV_FIELD(sum_to_options, size, FV_OPTION_SHAPE),
    {.name = NULL},
};

/* Dims of x that the shape lacks or has as 1. */
static uint32_t sum_to_mask(const fv_tensor *x, const fv_shape *shape)
{
    uint32_t mask = 0;
    int extra = x->ndim - shape->ndim;
    for (int d = 0; d < x->ndim; d++)
        if (d < extra || (shape->dim[d - extra] == 1 && x->shape[d] != 1)) mask |= 1u << d;
    return mask;
}

static fv_status sum_to_infer(fv_call *c)
{
    const sum_to_options *a = c->options;
    fv_shape x = fv_shape_of(c->in[0]), both;
    if (a->size.ndim < 0 || a->size.ndim > x.ndim || !fv_shape_broadcast(&x, &a->size, &both) ||
        !fv_shape_equal(&x, &both))
        return fv_reject(c, FV_ERR_SHAPE, "input %s is no broadcast of size %s", fv_text(c->in[0]),
                         a->size.ndim < 0 || a->size.ndim > FV_MAX_DIMS ? "of an impossible rank"
                                                                        : fv_shape_text(&a->size));
    fv_output_contiguous(c, 0, fv_reduce_sum_dtype(c->in[0]->dtype), &a->size);
    return FV_OK;
}

static void sum_to_plan(fv_call *c)
{
    plan(c, sum_to_mask(c->in[0], &((const sum_to_options *)c->options)->size), false);
}

static void sum_to_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_SUM);
    run(c->machine, &job);
}
FV_REDUCE_PAIR(sum_to)

static void sum_to_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_expand_to(gout[0], *fv_input_shape(c, 0));
}

static const fv_op sum_to_op = {
    .name = "sum_to",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(sum_to_options),
    .input = {{.name = "input"}},
    .infer = sum_to_infer,
    .plan = sum_to_plan,
    .describe = fv_reduce_describe_call,
    .forward = sum_to_forward,
    .reference = sum_to_reference,
    .gradient = sum_to_gradient,
    .option_fields = sum_to_fields,
};
FV_REGISTER(sum_to_op);

fv_tensor *fv_sum_to(fv_tensor *x, fv_shape shape)
{
    if (fv_usable(x)) {
        fv_shape own = fv_shape_of(x);
        if (fv_shape_equal(&own, &shape)) return x;
    }
    sum_to_options options = {shape};
    return FV_APPLY(&sum_to_op, &options, x);
}
