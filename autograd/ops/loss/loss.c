/* Losses over classes: nll_loss and cross_entropy. */
#include "autograd/ops/loss/loss.h"

#include "autograd/autograd.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/loss/loss_impl.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/softmax/softmax.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/loss/loss.h"
#include "tensor/kernels/index/index.h"
#include "tensor/kernels/softmax/softmax.h"

/* Of nll_loss, cross_entropy and their backward ops. */
typedef struct class_options {
    int64_t ignore_index;
    int64_t reduction;
    double label_smoothing; /* of cross_entropy */
} class_options;

/* Of nll_loss_backward, whose other inputs do not show what its result is like. */
typedef struct nll_backward_options {
    class_options loss;
    fv_shape size;
    bool channels_last;
} nll_backward_options;

static const fv_option nll_fields[] = {
    FV_FIELD(class_options, ignore_index, FV_OPTION_INT),
    FV_REDUCTION_FIELD(class_options),
    {.name = NULL},
};
static const fv_option nll_backward_fields[] = {
    FV_FIELD(class_options, ignore_index, FV_OPTION_INT),
    FV_REDUCTION_FIELD(class_options),
    FV_FIELD(nll_backward_options, size, FV_OPTION_SHAPE),
    FV_FIELD(nll_backward_options, channels_last, FV_OPTION_BOOL),
    {.name = NULL},
};
static const fv_option cross_entropy_fields[] = {
    FV_FIELD(class_options, ignore_index, FV_OPTION_INT),
    FV_REDUCTION_FIELD(class_options),
    FV_FIELD(class_options, label_smoothing, FV_OPTION_DOUBLE),
    {.name = NULL},
};

/* --- checks ---------------------------------------------------------------------------------- */

static int class_dim(const fv_shape *shape)
{
    return shape->ndim == 1 ? 0 : 1;
}

/* The shape without the class dimension. */
static fv_shape sample_shape(const fv_shape *shape)
{
    fv_shape samples = {0};
    for (int d = 0; d < shape->ndim; d++)
        if (d != class_dim(shape)) samples.dim[samples.ndim++] = shape->dim[d];
    return samples;
}

static fv_status check_options(const fv_call *c)
{
    const class_options *a = c->options;
    if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
        return fv_reject(c, FV_ERR_OPTION, "label_smoothing %g is outside [0, 1]",
                         a->label_smoothing);
    return FV_OK;
}

static fv_status check_weight(const fv_call *c, int64_t classes, fv_dtype dtype)
{
    const fv_tensor *weight = c->in[2];
    if (!weight) return FV_OK;
    if (weight->ndim != 1 || weight->shape[0] != classes)
        return fv_reject(c, FV_ERR_SHAPE, "weight %s must have one number for each of %lld classes",
                         fv_text(weight), (long long)classes);
    if (weight->dtype != dtype)
        return fv_reject(c, FV_ERR_DTYPE, "weight is %s, input %s", fv_dtype_name(weight->dtype),
                         fv_dtype_name(dtype));
    if (fv_wants(c, 2))
        return fv_reject(c, FV_ERR_AUTOGRAD, "weight is a constant and must not require grad");
    return FV_OK;
}

/* Input 1 and 2 against an input of shape x; what the classes are is left to check_classes. */
static fv_status check_target(const fv_call *c, const fv_shape *x, fv_dtype dtype)
{
    const fv_tensor *target = c->in[1];
    if (target->dtype != FV_INT64 && target->dtype != FV_INT32 && target->dtype != FV_UINT8)
        return fv_reject(c, FV_ERR_DTYPE, "target is %s; class numbers are int64, int32 or uint8",
                         fv_dtype_name(target->dtype));
    fv_shape want = sample_shape(x), got = fv_shape_of(target);
    if (!fv_shape_equal(&want, &got))
        return fv_reject(c, FV_ERR_SHAPE, "input %s needs a target %s of %s class numbers, not %s",
                         fv_shape_text(x), fv_shape_text(&want), fv_dtype_name(target->dtype),
                         fv_text(target));
    return check_weight(c, x->dim[class_dim(x)], dtype);
}

/* The elements of the target, for an input of shape x. */
static fv_status check_classes(const fv_call *c, const fv_shape *x)
{
    const class_options *a = c->options;
    int64_t classes = x->dim[class_dim(x)], at, value;
    if (fv_index_outside(fv_machine_now(), c->in[1], classes, a->ignore_index, &at, &value))
        return fv_reject(c, FV_ERR_INDEX,
                         "target element %lld is class %lld, outside [0, %lld) and not "
                         "ignore_index %lld",
                         (long long)at, (long long)value, (long long)classes,
                         (long long)a->ignore_index);
    return FV_OK;
}

/* Everything but the spec of further outputs: 0 is the loss, 1 the total weight. */
static fv_status class_infer(fv_call *c)
{
    const class_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = fv_need_ndim(c, 0, "input", 1, FV_MAX_DIMS);
    if (status == FV_OK) status = check_options(c);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(x), scalar = {0};
    status = fv_need_size(c, &shape);
    if (status == FV_OK) status = check_target(c, &shape, x->dtype);
    if (status != FV_OK) return status;
    fv_shape samples = sample_shape(&shape);
    fv_output_contiguous(c, 0, x->dtype, a->reduction == FV_NONE ? &samples : &scalar);
    fv_output_contiguous(c, 1, x->dtype, &scalar);
    c->spec[1].constant = true;
    return FV_OK;
}

static fv_status class_check(fv_call *c)
{
    fv_shape shape = fv_shape_of(c->in[0]);
    return check_classes(c, &shape);
}

/* x: what has the classes, the input or its gradient. */
static fv_nll_job job_of(const fv_call *c, const fv_tensor *x)
{
    const class_options *a = c->options;
    return (fv_nll_job){
        .dim = x->ndim == 1 ? 0 : 1,
        .target = c->in[1],
        .weight = c->in[2],
        .ignore_index = a->ignore_index,
        .smoothing = a->label_smoothing,
        .reduce = a->reduction != FV_NONE,
        .mean = a->reduction == FV_MEAN,
    };
}

/* --- nll_loss -------------------------------------------------------------------------------- */

static const fv_op nll_loss_op, nll_loss_backward_op, cross_entropy_backward_op;

static void nll_forward(fv_call *c)
{
    fv_nll_job job = job_of(c, c->in[0]);
    fv_nll_run(c->machine, &job, c->in[0], c->out[0], c->out[1]);
}

static void nll_reference(fv_call *c)
{
    fv_nll_job job = job_of(c, c->in[0]);
    fv_nll_reference(&job, c->in[0], c->out[0], c->out[1]);
}

/* The gradient of the input of a loss of classes, or of its log-probabilities. */
static fv_tensor *nll_backward(const fv_call *c, fv_tensor *g)
{
    const nll_backward_options options = {
        .loss = *(const class_options *)c->options,
        .size = *fv_input_shape(c, 0),
        .channels_last = fv_input_order(c, 0) == FV_ORDER_CHANNELS_LAST,
    };
    return FV_APPLY(&nll_loss_backward_op, &options, g, c->in[1], c->in[2], c->out[1]);
}

static void nll_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (gout[0]) gin[0] = nll_backward(c, gout[0]);
}

static const fv_op nll_loss_op = {
    .name = "nll_loss",
    .inputs = 3,
    .input = {{.name = "input"}, {.name = "target"}, {.name = "weight", .optional = true}},
    .outputs = 2,
    .options_size = sizeof(class_options),
    .infer = class_infer,
    .check = class_check,
    .forward = nll_forward,
    .reference = nll_reference,
    .gradient = nll_gradient,
    .saves = {FV_IN(1) | FV_IN(2) | FV_OUT(1)},
    .option_fields = nll_fields,
};
FV_REGISTER(nll_loss_op);

const fv_nll_loss_args fv_nll_loss_defaults = {FV_NLL_LOSS_DEFAULTS};

fv_tensor *fv_nll_loss_ex(const fv_nll_loss_args *a)
{
    if (!fv_args_ok("nll_loss", a, sizeof *a)) return fv_failed_tensor();
    class_options options = {.ignore_index = a->ignore_index, .reduction = (int64_t)a->reduction};
    return FV_APPLY(&nll_loss_op, &options, a->input, a->target, a->weight);
}

/* --- nll_loss_backward: inputs g, target, weight, total weight ------------------------------- */

/* Everything for a result of shape size. */
static fv_status check_backward(fv_call *c, const fv_shape *size)
{
    const class_options *a = c->options;
    fv_status status = fv_need_floating(c, 0, "grad");
    if (status == FV_OK) status = check_options(c);
    if (status != FV_OK) return status;
    if (size->ndim < 1 || size->ndim > FV_MAX_DIMS)
        return fv_reject(c, FV_ERR_SHAPE, "size: an input of rank %d has no classes", size->ndim);
    status = fv_need_size(c, size);
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "grad", 3, "total_weight");
    if (status == FV_OK) status = check_target(c, size, c->in[0]->dtype);
    if (status != FV_OK) return status;
    fv_shape want = {0}, got = fv_shape_of(c->in[0]);
    if (a->reduction == FV_NONE) want = sample_shape(size);
    if (!fv_shape_equal(&want, &got) || c->in[3]->ndim != 0)
        return fv_reject(c, FV_ERR_SHAPE, "grad %s must be %s and total_weight %s a scalar",
                         fv_text(c->in[0]), fv_shape_text(&want), fv_text(c->in[3]));
    return FV_OK;
}

static fv_status nll_backward_infer(fv_call *c)
{
    const nll_backward_options *a = c->options;
    fv_status status = check_backward(c, &a->size);
    if (status != FV_OK) return status;
    if (a->channels_last && a->size.ndim >= 3 && a->size.ndim <= 5)
        fv_output_channels_last(c, 0, c->in[0]->dtype, &a->size);
    else
        fv_output_contiguous(c, 0, c->in[0]->dtype, &a->size);
    return FV_OK;
}

static fv_status nll_backward_check(fv_call *c)
{
    return check_classes(c, &((const nll_backward_options *)c->options)->size);
}

static void nll_backward_forward(fv_call *c)
{
    fv_nll_job job = job_of(c, c->out[0]);
    fv_nll_grad_run(c->machine, &job, c->in[0], c->in[3], c->out[0]);
}

static void nll_backward_reference(fv_call *c)
{
    fv_nll_job job = job_of(c, c->out[0]);
    fv_nll_grad_reference(&job, c->in[0], c->in[3], c->out[0]);
}

/* The loss is linear in its input, so the adjoint of the adjoint is the loss again. */
static void nll_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const nll_backward_options *a = c->options;
    if (fv_wants(c, 0)) gin[0] = FV_APPLY(&nll_loss_op, &a->loss, gout[0], c->in[1], c->in[2]);
}

static const fv_op nll_loss_backward_op = {
    .name = "nll_loss_backward",
    .inputs = 4,
    .input = {{.name = "grad"},
              {.name = "target"},
              {.name = "weight", .optional = true},
              {.name = "total_weight"}},
    .outputs = 1,
    .options_size = sizeof(nll_backward_options),
    .infer = nll_backward_infer,
    .check = nll_backward_check,
    .forward = nll_backward_forward,
    .reference = nll_backward_reference,
    .gradient = nll_backward_gradient,
    .saves = {FV_IN(1) | FV_IN(2)},
    .option_fields = nll_backward_fields,
};
FV_REGISTER(nll_loss_backward_op);

/* --- cross_entropy of classes: outputs loss, total weight, log-probabilities ----------------- */

static fv_status cross_entropy_infer(fv_call *c)
{
    fv_status status = class_infer(c);
    if (status != FV_OK) return status;
    fv_output_like(c, 2, c->in[0]);
    c->spec[2].constant = true; /* for the gradient below, which knows what it depends on */
    return FV_OK;
}

static void cross_entropy_forward(fv_call *c)
{
    fv_nll_job job = job_of(c, c->in[0]);
    fv_softmax_run(c->machine, c->in[0], job.dim, true, c->out[2]);
    fv_nll_run(c->machine, &job, c->out[2], c->out[0], c->out[1]);
}

static void cross_entropy_reference(fv_call *c)
{
    fv_nll_job job = job_of(c, c->in[0]);
    fv_softmax_reference(c->in[0], job.dim, true, c->out[2]);
    fv_nll_reference(&job, c->out[2], c->out[0], c->out[1]);
}

/* The fused backward op is for once; one that is to be differentiated again goes through
 * log_softmax, whose history leads to the input. */
static void cross_entropy_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (!gout[0]) return;
    const class_options *a = c->options;
    fv_tensor *target = c->in[1], *weight = c->in[2], *total = c->out[1];
    if (!fv_grad_enabled()) {
        gin[0] = FV_APPLY(&cross_entropy_backward_op, a, gout[0], target, weight, total, c->out[2]);
        return;
    }
    int dim = class_dim(fv_input_shape(c, 0));
    gin[0] = fv_log_softmax_backward(nll_backward(c, gout[0]), fv_log_softmax(c->in[0], dim), dim);
}

static const fv_op cross_entropy_op = {
    .name = "cross_entropy",
    .inputs = 3,
    .input = {{.name = "input"}, {.name = "target"}, {.name = "weight", .optional = true}},
    .outputs = 3,
    .options_size = sizeof(class_options),
    .infer = cross_entropy_infer,
    .check = class_check,
    .forward = cross_entropy_forward,
    .reference = cross_entropy_reference,
    .gradient = cross_entropy_gradient,
    .saves = {FV_IN(0) | FV_IN(1) | FV_IN(2) | FV_OUT(1) | FV_OUT(2)},
    .option_fields = cross_entropy_fields,
};
FV_REGISTER(cross_entropy_op);

/* --- cross_entropy_backward: inputs g, target, weight, total weight, log-probabilities ------- */

static fv_status cross_entropy_backward_infer(fv_call *c)
{
    fv_shape size = fv_shape_of(c->in[4]);
    fv_status status = fv_need_ndim(c, 4, "log_probabilities", 1, FV_MAX_DIMS);
    if (status == FV_OK) status = check_backward(c, &size);
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "grad", 4, "log_probabilities");
    if (status == FV_OK) fv_output_like(c, 0, c->in[4]);
    return status;
}

static fv_status cross_entropy_backward_check(fv_call *c)
{
    fv_shape size = fv_shape_of(c->in[4]);
    return check_classes(c, &size);
}

static void cross_entropy_backward_forward(fv_call *c)
{
    fv_nll_job job = job_of(c, c->out[0]);
    fv_nll_grad_run(c->machine, &job, c->in[0], c->in[3], c->out[0]);
    fv_softmax_grad_run(c->machine, c->out[0], c->in[4], job.dim, true, c->out[0]); /* in place */
}

static void cross_entropy_backward_reference(fv_call *c)
{
    fv_nll_job job = job_of(c, c->out[0]);
    fv_nll_grad_reference(&job, c->in[0], c->in[3], c->out[0]);
    fv_softmax_grad_reference(c->out[0], c->in[4], job.dim, true, c->out[0]);
}

static const fv_op cross_entropy_backward_op = {
    .name = "cross_entropy_backward",
    .inputs = 5,
    .input = {{.name = "grad"},
              {.name = "target"},
              {.name = "weight", .optional = true},
              {.name = "total_weight"},
              {.name = "log_probabilities"}},
    .outputs = 1,
    .options_size = sizeof(class_options),
    .infer = cross_entropy_backward_infer,
    .check = cross_entropy_backward_check,
    .forward = cross_entropy_backward_forward,
    .reference = cross_entropy_backward_reference,
    .gradient = FV_NO_GRADIENT,
    .option_fields = cross_entropy_fields,
};
FV_REGISTER(cross_entropy_backward_op);

/* --- cross_entropy of probabilities ---------------------------------------------------------- */

/* Records an error of the front function. */
static fv_tensor *refuse(const fv_cross_entropy_args *a, fv_status status, const char *message)
{
    fv_fail(status, "cross_entropy: %s (input %s is %s, target %s %s, weight %s)", message,
            fv_text(a->input), fv_dtype_name(a->input->dtype), fv_text(a->target),
            fv_dtype_name(a->target->dtype), fv_text(a->weight));
    return fv_failed_tensor();
}

static fv_tensor *of_probabilities(const fv_cross_entropy_args *a)
{
    fv_tensor *x = a->input, *p = a->target, *w = a->weight;
    fv_shape shape = fv_shape_of(x), given = fv_shape_of(p), samples = sample_shape(&shape);
    if (x->ndim >= 1 && fv_shape_equal(&samples, &given))
        return refuse(a, FV_ERR_DTYPE,
                      "a floating target holds probabilities and has the input's shape; class "
                      "numbers are integers, see fv_to");
    if (a->ignore_index >= 0)
        return refuse(a, FV_ERR_OPTION, "a target of probabilities has no ignore_index");
    if (!fv_dtype_is_floating(x->dtype))
        return refuse(a, FV_ERR_DTYPE, "input must be of a floating dtype (see fv_to)");
    if (x->ndim < 1 || !fv_shape_equal(&shape, &given))
        return refuse(a, FV_ERR_SHAPE, "a target of probabilities must have the input's shape");
    if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
        return refuse(a, FV_ERR_OPTION, "label_smoothing is outside [0, 1]");
    if (!fv_constant_ok("cross_entropy", "reduction", a->reduction, FV_REDUCTION_FIRST))
        return fv_failed_tensor();
    int dim = class_dim(&shape);
    double classes = (double)shape.dim[dim];
    if (w && (w->ndim != 1 || w->shape[0] != shape.dim[dim] || w->dtype != x->dtype))
        return refuse(a, FV_ERR_SHAPE,
                      "weight must have one number of input's dtype for each class");
    if (w && w->requires_grad && fv_grad_enabled())
        return refuse(a, FV_ERR_AUTOGRAD, "weight is a constant and must not require grad");
    if (a->label_smoothing > 0)
        p = fv_add_scalar(fv_mul_scalar(p, 1.0 - a->label_smoothing), a->label_smoothing / classes);
    fv_tensor *product = fv_mul(fv_log_softmax(x, dim), p);
    if (w) {
        fv_shape along = {.ndim = shape.ndim};
        for (int d = 0; d < shape.ndim; d++) along.dim[d] = d == dim ? shape.dim[d] : 1;
        product = fv_mul(product, fv_reshape_to(w, along));
    }
    if (a->reduction == FV_NONE) return fv_neg(fv_sum(product, .dim = dim));
    if (a->reduction == FV_MEAN && x->numel == 0) return fv_mean(fv_sum(product, .dim = dim));
    fv_tensor *sum = fv_neg(fv_sum(product));
    if (a->reduction == FV_SUM) return sum;
    return fv_mul_scalar(sum, 1.0 / (double)fv_shape_numel(&samples));
}

const fv_cross_entropy_args fv_cross_entropy_defaults = {FV_CROSS_ENTROPY_DEFAULTS};

fv_tensor *fv_cross_entropy_ex(const fv_cross_entropy_args *a)
{
    if (!fv_args_ok("cross_entropy", a, sizeof *a)) return fv_failed_tensor();
    bool usable = a->input && a->target && !a->input->failed && !a->target->failed &&
                  !(a->weight && a->weight->failed);
    if (usable && fv_dtype_is_floating(a->target->dtype)) return of_probabilities(a);
    class_options options = {
        .ignore_index = a->ignore_index,
        .reduction = (int64_t)a->reduction,
        .label_smoothing = a->label_smoothing,
    };
    return FV_APPLY(&cross_entropy_op, &options, a->input, a->target, a->weight);
}
