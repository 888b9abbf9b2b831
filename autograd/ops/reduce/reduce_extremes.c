/* Extremes and products: amax, amin, max and min with positions, argmax, argmin, any, all, prod. */
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/view/join.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/reduce/reduce_impl.h"
#include "autograd/ops/view/view.h"

static fv_tensor *apply(const fv_op *op, const fv_reduce_args *a)
{
    fv_reduce_options options = {.dim = a->dim, .keepdim = a->keepdim};
    return FV_APPLY(op, &options, a->input);
}

/* --- amax and amin --------------------------------------------------------------------------- */

static fv_status extreme_infer(fv_call *c)
{
    fv_status status = fv_reduce_infer(c, c->in[0]->dtype);
    return status == FV_OK ? fv_reduce_need_elements(c) : status;
}

static void amax_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_MAX);
    run(c->machine, &job);
}
FV_REDUCE_PAIR(amax)

static void amin_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_MIN);
    run(c->machine, &job);
}
FV_REDUCE_PAIR(amin)

/* Shared evenly among the elements where `best` holds. */
static fv_tensor *share_gradient(const fv_call *c, fv_tensor *best, fv_tensor *g)
{
    const fv_reduce_options *a = c->options;
    fv_tensor *one = fv_to(best, fv_input_dtype(c, 0));
    fv_tensor *share = fv_div(one, fv_sum(one, .dim = a->dim, .keepdim = true));
    return fv_mul(fv_reduce_restore(c, g), share);
}

static void extreme_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *best = fv_eq(c->in[0], fv_reduce_restore(c, c->out[0]));
    gin[0] = share_gradient(c, best, gout[0]);
}

static const fv_op amax_op = {
    .name = "amax",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = extreme_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = amax_forward,
    .reference = amax_reference,
    .gradient = extreme_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(amax_op);

static const fv_op amin_op = {
    .name = "amin",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = extreme_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = amin_forward,
    .reference = amin_reference,
    .gradient = extreme_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(amin_op);

fv_tensor *fv_amax_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("amax", a, sizeof *a)) return fv_failed_tensor();
    return apply(&amax_op, a);
}

fv_tensor *fv_amin_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("amin", a, sizeof *a)) return fv_failed_tensor();
    return apply(&amin_op, a);
}

/* --- max and min of all elements -------------------------------------------------------------- */

/* A NaN is in no result but NaN. */
static void extreme_of_all_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *equal = fv_eq(c->in[0], fv_reduce_restore(c, c->out[0]));
    gin[0] = share_gradient(c, fv_logical_or(equal, fv_isnan(c->in[0])), gout[0]);
}

static const fv_op max_op = {
    .name = "max",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = extreme_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = amax_forward,
    .reference = amax_reference,
    .gradient = extreme_of_all_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(max_op);

static const fv_op min_op = {
    .name = "min",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = extreme_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = amin_forward,
    .reference = amin_reference,
    .gradient = extreme_of_all_gradient,
    .saves = {FV_IN(0) | FV_OUT(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(min_op);

fv_tensor *fv_max(fv_tensor *x)
{
    return FV_APPLY(&max_op, &(const fv_reduce_options){.dim = FV_ALL}, x);
}

fv_tensor *fv_min(fv_tensor *x)
{
    return FV_APPLY(&min_op, &(const fv_reduce_options){.dim = FV_ALL}, x);
}

/* --- any and all ----------------------------------------------------------------------------- */

static fv_status bool_infer(fv_call *c)
{
    if (c->in[0]->dtype != FV_BOOL)
        return fv_reject(c, FV_ERR_DTYPE, "input is %s, not bool", fv_dtype_name(c->in[0]->dtype));
    return fv_reduce_infer(c, FV_BOOL);
}

static void any_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_MAX);
    job.init.i = 0;
    run(c->machine, &job);
}
FV_REDUCE_PAIR(any)

static void all_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_MIN);
    job.init.i = 1;
    run(c->machine, &job);
}
FV_REDUCE_PAIR(all)

static const fv_op any_op = {
    .name = "any",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = bool_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = any_forward,
    .reference = any_reference,
    .gradient = FV_NO_GRADIENT,
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(any_op);

static const fv_op all_op = {
    .name = "all",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = bool_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = all_forward,
    .reference = all_reference,
    .gradient = FV_NO_GRADIENT,
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(all_op);

/* uint8 was PyTorch's first type of masks and stays what it is. */
static fv_tensor *apply_bool(const fv_op *op, const fv_reduce_args *a)
{
    fv_reduce_args args = *a;
    bool mask = fv_usable(a->input) && a->input->dtype == FV_UINT8;
    if (fv_usable(a->input) && a->input->dtype != FV_BOOL) args.input = fv_to(a->input, FV_BOOL);
    return mask ? fv_to(apply(op, &args), FV_UINT8) : apply(op, &args);
}

fv_tensor *fv_any_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("any", a, sizeof *a)) return fv_failed_tensor();
    return apply_bool(&any_op, a);
}

fv_tensor *fv_all_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("all", a, sizeof *a)) return fv_failed_tensor();
    return apply_bool(&all_op, a);
}

/* --- prod ------------------------------------------------------------------------------------ */

static fv_status prod_infer(fv_call *c)
{
    const fv_reduce_options *a = c->options;
    int64_t dim[FV_MAX_DIMS];
    if (a->dim != FV_ALL && fv_dims_unpack(a->dim, dim) > 1)
        return fv_reject(c, FV_ERR_OPTION, "dim names several dimensions; one or FV_ALL is meant");
    return fv_reduce_infer(c, fv_reduce_sum_dtype(c->in[0]->dtype));
}

static void prod_compute(fv_call *c, fv_reduce_runner run)
{
    fv_reduce_job job = fv_reduce_job_of(c, FV_REDUCE_PROD);
    run(c->machine, &job);
}
FV_REDUCE_PAIR(prod)

/* The gradient of x_i is the product of the others, by a tree that never divides, so that zeros
 * need no special case: level k+1 multiplies the two halves of level k (an odd last element goes
 * up alone), and on the way down each half gets the gradient times the other half. */
static fv_tensor *prod_tree_gradient(fv_tensor *x, fv_tensor *g, int64_t dim)
{
    enum { LEVELS = 64 };
    fv_tensor *level[LEVELS];
    int top = 0;
    level[0] = x;
    while (fv_usable(level[top]) && fv_size(level[top], dim) > 1) {
        fv_tensor *t = level[top];
        int64_t n = fv_size(t, dim), half = n / 2;
        fv_tensor *up = fv_mul(fv_narrow(t, dim, 0, half), fv_narrow(t, dim, half, half));
        if (n % 2) up = fv_cat(FV_TENSORS(up, fv_narrow(t, dim, n - 1, 1)), .dim = dim);
        level[++top] = up;
    }
    for (int k = top - 1; k >= 0 && fv_usable(g); k--) {
        fv_tensor *t = level[k];
        int64_t n = fv_size(t, dim), half = n / 2;
        fv_tensor *pairs = fv_narrow(g, dim, 0, half);
        fv_tensor *low = fv_mul(pairs, fv_narrow(t, dim, half, half));
        fv_tensor *high = fv_mul(pairs, fv_narrow(t, dim, 0, half));
        if (n % 2)
            g = fv_cat(FV_TENSORS(low, high, fv_narrow(g, dim, half, 1)), .dim = dim);
        else
            g = fv_cat(FV_TENSORS(low, high), .dim = dim);
    }
    return g;
}

static void prod_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const fv_reduce_options *a = c->options;
    fv_tensor *x = c->in[0];
    if (x->numel == 0) return;
    if (x->ndim == 0) {
        gin[0] = fv_reshape_to(gout[0], FV_SCALAR);
    } else if (a->dim == FV_ALL) {
        fv_tensor *g = prod_tree_gradient(fv_reshape(x, -1), fv_reshape(gout[0], 1), 0);
        gin[0] = fv_reshape_to(g, *fv_input_shape(c, 0));
    } else {
        gin[0] = prod_tree_gradient(x, fv_reduce_restore(c, gout[0]), a->dim);
    }
}

static const fv_op prod_op = {
    .name = "prod",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(fv_reduce_options),
    .input = {{.name = "input"}},
    .infer = prod_infer,
    .plan = fv_reduce_plan_one,
    .describe = fv_reduce_describe_call,
    .forward = prod_forward,
    .reference = prod_reference,
    .gradient = prod_gradient,
    .saves = {FV_IN(0)},
    .option_fields = fv_reduce_fields,
    .window = fv_reduce_window,
};
FV_REGISTER(prod_op);

fv_tensor *fv_prod_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("prod", a, sizeof *a)) return fv_failed_tensor();
    return apply(&prod_op, a);
}
