/* Reductions in two passes or by squares: var, std, norm, logsumexp. */
#include <math.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/reduce/reduce_impl.h"
#include "autograd/ops/view/view.h"
#include "tensor/create.h"

static const fv_option var_fields[] = {
    FV_TAKING(fv_reduce_options, dim, FV_OPTION_DIMS, FV_TAKES_ALL),
    FV_FIELD(fv_reduce_options, correction, FV_OPTION_INT),
    FV_FIELD(fv_reduce_options, keepdim, FV_OPTION_BOOL),
    {.name = NULL},
};

/* The first pass leaves its results where the second one finds its shifts. */
static fv_reduce_job first_pass(fv_call *c, fv_reduce_kind kind)
{
    fv_reduce_job job = fv_reduce_job_of(c, kind);
    job.raw = job.scratch.shift;
    return job;
}

static fv_reduce_job second_pass(const fv_reduce_job *first, fv_reduce_kind kind)
{
    fv_reduce_job job = *first;
    job.kind = kind;
    job.init = fv_reduce_identity(kind, job.in->dtype);
    job.shift = first->raw;
    job.raw = NULL;
    job.scale = 0;
    return job;
}

/* A 1 where t is 0, else 0: what to add to a divisor. */
static fv_tensor *where_zero(fv_tensor *t)
{
    return fv_to(fv_eq_scalar(t, 0.0), t->dtype);
}

/* --- var and std ----------------------------------------------------------------------------- */

static double divisor(int64_t count, int64_t correction)
{
    double n = (double)count - (double)correction;
    return n > 0 ? n : 0;
}

static void var_passes(fv_call *c, fv_reduce_runner run, fv_reduce_post post)
{
    const fv_reduce_options *a = c->options;
    fv_reduce_job mean = first_pass(c, FV_REDUCE_SUM);
    int64_t count = mean.plan->length;
    mean.scale = 1.0 / (double)count;
    run(c->machine, &mean);
    fv_reduce_job job = second_pass(&mean, FV_REDUCE_SQDEV);
    job.scale = 1.0 / divisor(count, a->correction);
    job.post = post;
    run(c->machine, &job);
}

static void var_compute(fv_call *c, fv_reduce_runner run)
{
    var_passes(c, run, FV_POST_NONE);
}
FV_REDUCE_PAIR(var)

static void std_compute(fv_call *c, fv_reduce_runner run)
{
    var_passes(c, run, FV_POST_SQRT);
}
FV_REDUCE_PAIR(std)

/* What x - mean has left of a mean, of length 1 where it was taken. A large mean is rounded before
 * it is subtracted, so that the differences have one of their own; an infinite one leaves none. */
static fv_tensor *rest_of_mean(fv_tensor *near, fv_dims dim)
{
    fv_tensor *rest = fv_mean(near, .dim = dim, .keepdim = true);
    fv_tensor *finite = fv_lt_scalar(fv_abs(rest), (double)INFINITY);
    return fv_where(finite, rest, fv_zeros_like(rest));
}

/* d var / dx = 2 (x - mean) / divisor. */
static fv_tensor *var_backward(const fv_call *c, fv_tensor *g)
{
    const fv_reduce_options *a = c->options;
    int64_t length = fv_reduce_length(c, fv_input_shape(c, 0));
    double factor = length > 0 ? 1.0 / divisor(length, a->correction) : 0.0;
    fv_tensor *scaled = fv_reduce_restore(c, fv_mul_scalar(g, factor));
    fv_tensor *near = fv_sub(c->in[0], fv_mean(c->in[0], .dim = a->dim, .keepdim = true));
    fv_tensor *rest = rest_of_mean(near, a->dim);
    return fv_mse_backward(fv_last_use(near), rest, scaled);
}

static void var_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = var_backward(c, gout[0]);
}

/* d std = d var / (2 std). Where std is 0 all x - mean are, so any finite divisor gives the 0. */
static void std_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *twice = fv_mul_scalar(fv_add(c->out[0], where_zero(c->out[0])), 2.0);
    gin[0] = var_backward(c, fv_div(gout[0], twice));
}

static const fv_op var_op = {
    .name = "var",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = fv_reduce_floating_infer,
    .plan = fv_reduce_plan_two,
    .describe = fv_reduce_describe_call,
    .forward = var_forward,
    .reference = var_reference,
    .gradient = var_gradient,
    .saves = {FV_IN(0)},
    .option_fields = var_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(var_op);

static const fv_op std_op = {
    .name = "std",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = fv_reduce_floating_infer,
    .plan = fv_reduce_plan_two,
    .describe = fv_reduce_describe_call,
    .forward = std_forward,
    .reference = std_reference,
    .gradient = std_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = var_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(std_op);

static fv_tensor *apply_var(const fv_op *op, const fv_var_args *a)
{
    fv_reduce_options options = {.dim = a->dim, .correction = a->correction, .keepdim = a->keepdim};
    return FV_APPLY(op, &options, a->input);
}

const fv_var_args fv_var_defaults = {FV_VAR_DEFAULTS};

fv_tensor *fv_var_ex(const fv_var_args *a)
{
    if (!fv_args_ok("var", a, sizeof *a)) return fv_failed_tensor();
    return apply_var(&var_op, a);
}

fv_tensor *fv_std_ex(const fv_var_args *a)
{
    if (!fv_args_ok("std", a, sizeof *a)) return fv_failed_tensor();
    return apply_var(&std_op, a);
}

/* --- norm ------------------------------------------------------------------------------------ */

static fv_status norm_infer(fv_call *c)
{
    const fv_reduce_options *a = c->options;
    if (isnan(a->p)) return fv_reject(c, FV_ERR_OPTION, "p is no number");
    fv_status status = fv_reduce_floating_infer(c);
    bool needs_elements = isinf(a->p) || a->p < 0;
    return status == FV_OK && needs_elements ? fv_reduce_need_elements(c) : status;
}

static fv_reduce_kind norm_kind(double p)
{
    if (isinf(p)) return p > 0 ? FV_REDUCE_MAXABS : FV_REDUCE_MINABS;
    return p == 0   ? FV_REDUCE_COUNT
           : p == 1 ? FV_REDUCE_SUMABS
           : p == 2 ? FV_REDUCE_SQDEV
                    : FV_REDUCE_SUMPOW;
}

static void norm_compute(fv_call *c, fv_reduce_runner run)
{
    const fv_reduce_options *a = c->options;
    fv_reduce_job job = fv_reduce_job_of(c, norm_kind(a->p));
    if (job.kind == FV_REDUCE_SQDEV) job.post = FV_POST_SQRT;
    if (job.kind == FV_REDUCE_SUMPOW) {
        job.post = FV_POST_ROOT;
        job.exponent = a->p;
    }
    run(c->machine, &job);
}
FV_REDUCE_PAIR(norm)

/* Of the largest or smallest |x|, all NaN of which are the norm if one is. */
static fv_tensor *extreme_norm_slope(fv_tensor *x, fv_tensor *norm, fv_dims dim)
{
    fv_tensor *best = fv_logical_or(fv_eq(fv_abs(x), norm), fv_isnan(x));
    fv_tensor *one = fv_to(best, x->dtype);
    fv_tensor *share = fv_div(one, fv_sum(one, .dim = dim, .keepdim = true));
    return fv_mul(fv_sign(x), share);
}

/* sign x · (|x| / norm)^(p-1), by a ratio of at most 1 where there is one. Where x is 0 so is its
 * sign, and any finite size does; the norm is 0 where all x are, and for p < 0 where one is. */
static fv_tensor *power_norm_slope(fv_tensor *x, fv_tensor *norm, double p)
{
    fv_tensor *size = fv_add(fv_abs(x), where_zero(x)), *power;
    fv_tensor *whole = p < 0 ? norm : fv_add(norm, where_zero(norm));
    if (p > 1)
        power = fv_pow_scalar(fv_div(size, whole), p - 1);
    else if (p < 0)
        power = fv_pow_scalar(fv_div(whole, size), 1 - p);
    else
        power = fv_mul(fv_pow_scalar(size, p - 1), fv_pow_scalar(whole, 1 - p));
    return fv_mul(fv_sign(x), power);
}

static void norm_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const fv_reduce_options *a = c->options;
    fv_tensor *g = fv_reduce_restore(c, gout[0]), *norm = fv_reduce_restore(c, c->out[0]);
    fv_tensor *x = c->in[0];
    switch (norm_kind(a->p)) {
    case FV_REDUCE_COUNT: return;
    case FV_REDUCE_SUMABS: gin[0] = fv_mul(g, fv_sign(x)); break;
    case FV_REDUCE_SQDEV: gin[0] = fv_mul(g, fv_div(x, fv_add(norm, where_zero(norm)))); break;
    case FV_REDUCE_SUMPOW: gin[0] = fv_mul(g, power_norm_slope(x, norm, a->p)); break;
    default: gin[0] = fv_mul(g, extreme_norm_slope(x, norm, a->dim));
    }
}

static const fv_option norm_fields[] = {
    FV_FIELD(fv_reduce_options, p, FV_OPTION_DOUBLE),
    FV_TAKING(fv_reduce_options, dim, FV_OPTION_DIMS, FV_TAKES_ALL),
    FV_FIELD(fv_reduce_options, keepdim, FV_OPTION_BOOL),
    {.name = NULL},
};
static const fv_op norm_op = {
    .name = "norm",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = norm_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = norm_forward,
    .reference = norm_reference,
    .gradient = norm_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = norm_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(norm_op);

const fv_norm_args fv_norm_defaults = {FV_NORM_DEFAULTS};

fv_tensor *fv_norm_ex(const fv_norm_args *a)
{
    if (!fv_args_ok("norm", a, sizeof *a)) return fv_failed_tensor();
    fv_reduce_options options = {.p = a->p, .dim = a->dim, .keepdim = a->keepdim};
    return FV_APPLY(&norm_op, &options, a->input);
}

/* --- logsumexp ------------------------------------------------------------------------------- */

static void logsumexp_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job max = first_pass(c, FV_REDUCE_MAX);
    run(c->machine, &max);
    for (int64_t k = 0; k < max.plan->results; k++)
        if (isinf(max.raw[k])) max.raw[k] = 0; /* infinity - infinity is no number */
    fv_reduce_job job = second_pass(&max, FV_REDUCE_SUMEXP);
    job.post = FV_POST_LOG;
    run(c->machine, &job);
}
FV_REDUCE_PAIR(logsumexp)

static void logsumexp_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *softmax = fv_exp(fv_sub(c->in[0], fv_reduce_restore(c, c->out[0])));
    gin[0] = fv_mul(fv_reduce_restore(c, gout[0]), softmax);
}

static const fv_op logsumexp_op = {
    .name = "logsumexp",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = fv_reduce_floating_infer,
    .plan = fv_reduce_plan_two,
    .describe = fv_reduce_describe_call,
    .forward = logsumexp_forward,
    .reference = logsumexp_reference,
    .gradient = logsumexp_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(logsumexp_op);

fv_tensor *fv_logsumexp_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("logsumexp", a, sizeof *a)) return fv_failed_tensor();
    fv_reduce_options options = {.dim = a->dim, .keepdim = a->keepdim};
    fv_tensor *x = a->input;
    bool whole =
        fv_usable(x) && !fv_dtype_is_floating(x->dtype) && !fv_dtype_row_of(x->dtype)->stored;
    return FV_APPLY(&logsumexp_op, &options, whole ? fv_to(x, FV_FLOAT32) : x);
}
