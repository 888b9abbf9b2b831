/* Positions along one dimension: max and min with indices, argmax, argmin, gather, cumsum. */
#include "autograd/ops/index/index.h"

#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/index/index.h"

/* Of max_dim and argmax. */
typedef struct best_options {
    int64_t dim;
    bool smallest;
} best_options;
#define BEST(...) (&(const best_options){__VA_ARGS__})
static const fv_option best_fields[] = {
    FV_FIELD(best_options, dim, FV_OPTION_DIM),
    FV_FIELD(best_options, smallest, FV_OPTION_BOOL),
    {.name = NULL},
};

/* Of gather. */
typedef struct gather_options {
    int64_t dim;
} gather_options;
static const fv_option gather_fields[] = {
    FV_FIELD(gather_options, dim, FV_OPTION_DIM),
    {.name = NULL},
};

typedef struct gather_backward_options {
    int64_t dim;
    fv_shape size; /* of the result */
} gather_backward_options;
static const fv_option gather_backward_fields[] = {
    FV_FIELD(gather_backward_options, dim, FV_OPTION_DIM),
    FV_FIELD(gather_backward_options, size, FV_OPTION_SHAPE),
    {.name = NULL},
};

typedef struct cumsum_options {
    int64_t dim;
    bool reversed;
} cumsum_options;
#define CUMSUM(...) (&(const cumsum_options){__VA_ARGS__})
static const fv_option cumsum_fields[] = {
    FV_FIELD(cumsum_options, dim, FV_OPTION_DIM),
    FV_FIELD(cumsum_options, reversed, FV_OPTION_BOOL),
    {.name = NULL},
};

/* --- the best of a dimension ----------------------------------------------------------------- */

static fv_status best_infer(fv_call *c)
{
    best_options *a = c->options;
    fv_status status = fv_need_dim(c, 0, &a->dim);
    if (status != FV_OK) return status;
    if (c->outputs == 1 && c->in[0]->dtype == FV_BOOL)
        return fv_reject(c, FV_ERR_DTYPE, "input %s is bool; see fv_to", fv_text(c->in[0]));
    fv_shape shape = fv_shape_of(c->in[0]);
    if (shape.ndim > 0 && shape.dim[a->dim] == 0)
        return fv_reject(c, FV_ERR_SHAPE, "input %s has nothing to reduce in dim %lld",
                         fv_text(c->in[0]), (long long)a->dim);
    if (shape.ndim > 0) shape.dim[a->dim] = 1;
    if (c->outputs == 2) fv_output_contiguous(c, 0, c->in[0]->dtype, &shape);
    fv_output_contiguous(c, c->outputs - 1, FV_INT64, &shape);
    c->spec[c->outputs - 1].constant = true;
    return FV_OK;
}

static void best_forward(fv_call *c)
{
    const best_options *a = c->options;
    fv_tensor *value = c->outputs == 2 ? c->out[0] : NULL;
    fv_argbest_run(c->machine, c->in[0], (int)a->dim, !a->smallest, c->out[c->outputs - 1], value);
}

static void best_reference(fv_call *c)
{
    const best_options *a = c->options;
    fv_tensor *value = c->outputs == 2 ? c->out[0] : NULL;
    fv_argbest_reference(c->in[0], (int)a->dim, !a->smallest, c->out[c->outputs - 1], value);
}

static void best_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const best_options *a = c->options;
    if (gout[0]) gin[0] = fv_gather_backward(gout[0], c->out[1], a->dim, *fv_input_shape(c, 0));
}

static bool best_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const best_options *a = c->options;
    if (dim == a->dim) return fv_window_all(c, input, output, dim, w);
    return fv_window_same(c, input, output, dim, w);
}

static const fv_op max_dim_op = {
    .name = "max_dim",
    .inputs = 1,
    .outputs = 2,
    .options_size = sizeof(best_options),
    .input = {{.name = "input"}},
    .infer = best_infer,
    .forward = best_forward,
    .reference = best_reference,
    .gradient = best_gradient,
    .saves = {FV_OUT(1)},
    .option_fields = best_fields,
    .window = best_window,
};
FV_REGISTER(max_dim_op);

static const fv_op argmax_op = {
    .name = "argmax",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(best_options),
    .input = {{.name = "input"}},
    .infer = best_infer,
    .forward = best_forward,
    .reference = best_reference,
    .gradient = FV_NO_GRADIENT,
    .option_fields = best_fields,
    .window = best_window,
};
FV_REGISTER(argmax_op);

static fv_tensor *best_dim(fv_tensor *x, const best_options *options, bool keepdim,
                           fv_tensor **indices)
{
    fv_tensor *out[2];
    fv_apply_all(&max_dim_op, options, 1, &x, out);
    bool drop = !keepdim && fv_usable(x) && x->ndim > 0;
    if (indices) *indices = drop ? fv_squeeze(out[1], options->dim) : out[1];
    return drop ? fv_squeeze(out[0], options->dim) : out[0];
}

fv_tensor *fv_max_dim(fv_tensor *x, int64_t dim, bool keepdim, fv_tensor **indices)
{
    return best_dim(x, BEST(.dim = dim), keepdim, indices);
}

fv_tensor *fv_min_dim(fv_tensor *x, int64_t dim, bool keepdim, fv_tensor **indices)
{
    return best_dim(x, BEST(.dim = dim, .smallest = true), keepdim, indices);
}

static fv_tensor *arg_best(const fv_reduce_args *a, bool smallest)
{
    fv_tensor *x = a->input;
    best_options options = {.dim = a->dim, .smallest = smallest};
    if (a->dim != FV_ALL || !x) {
        fv_tensor *y = FV_APPLY(&argmax_op, &options, x);
        return a->keepdim || !fv_usable(y) || y->ndim == 0 ? y : fv_squeeze(y, a->dim);
    }
    options.dim = 0;
    fv_tensor *y = FV_APPLY(&argmax_op, &options, fv_reshape(x, -1));
    fv_shape shape = {0};
    if (a->keepdim && fv_usable(y))
        for (; shape.ndim < x->ndim; shape.ndim++) shape.dim[shape.ndim] = 1;
    return fv_reshape_to(y, shape);
}

const fv_reduce_args fv_reduce_defaults = {FV_REDUCE_DEFAULTS};

fv_tensor *fv_argmax_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("argmax", a, sizeof *a)) return fv_failed_tensor();
    return arg_best(a, false);
}

fv_tensor *fv_argmin_ex(const fv_reduce_args *a)
{
    if (!fv_args_ok("argmin", a, sizeof *a)) return fv_failed_tensor();
    return arg_best(a, true);
}

/* --- gather and its adjoint ------------------------------------------------------------------ */

/* Index, input 1, against the lengths of x, of which it picks along dim. An empty index picks
 * nothing, whatever its shape and dtype. */
static fv_status check_index_shape(const fv_call *c, const fv_shape *x, int64_t dim)
{
    const fv_tensor *index = c->in[1];
    if (index->numel == 0 && !fv_dtype_row_of(index->dtype)->stored) return FV_OK;
    if (index->dtype != FV_INT64)
        return fv_reject(c, FV_ERR_DTYPE, "index %s is %s, not int64", fv_text(index),
                         fv_dtype_name(index->dtype));
    bool fits = index->ndim == x->ndim;
    for (int d = 0; d < x->ndim && fits; d++) fits = d == dim || index->shape[d] <= x->dim[d];
    if (!fits)
        return fv_reject(c, FV_ERR_SHAPE,
                         "index %s must have the rank of %s and be no longer outside of dim %lld",
                         fv_text(index), fv_shape_text(x), (long long)dim);
    return FV_OK;
}

/* The elements of index against n. */
static fv_status check_index_values(const fv_call *c, int64_t n)
{
    int64_t at, value;
    if (fv_index_outside(fv_machine_now(), c->in[1], n, FV_UNSET, &at, &value))
        return fv_reject(c, FV_ERR_INDEX, "index element %lld is %lld, outside [0, %lld)",
                         (long long)at, (long long)value, (long long)n);
    return FV_OK;
}

static fv_status gather_infer(fv_call *c)
{
    gather_options *a = c->options;
    fv_status status = fv_need_dim(c, 0, &a->dim);
    if (status != FV_OK) return status;
    fv_shape x = fv_shape_of(c->in[0]), shape = fv_shape_of(c->in[1]);
    status = check_index_shape(c, &x, a->dim);
    if (status == FV_OK) fv_output_contiguous(c, 0, c->in[0]->dtype, &shape);
    return status;
}

static fv_status gather_check(fv_call *c)
{
    const gather_options *a = c->options;
    return check_index_values(c, c->in[0]->ndim > 0 ? c->in[0]->shape[a->dim] : 1);
}

static void gather_forward(fv_call *c)
{
    const gather_options *a = c->options;
    fv_gather_run(c->machine, c->in[0], (int)a->dim, c->in[1], c->out[0]);
}

static void gather_reference(fv_call *c)
{
    const gather_options *a = c->options;
    fv_gather_reference(c->in[0], (int)a->dim, c->in[1], c->out[0]);
}

static void gather_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const gather_options *a = c->options;
    gin[0] = fv_gather_backward(gout[0], c->in[1], a->dim, *fv_input_shape(c, 0));
}

static const fv_op gather_op = {
    .name = "gather",
    .any_dtype = true,
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(gather_options),
    .input = {{.name = "input"}, {.name = "index"}},
    .infer = gather_infer,
    .check = gather_check,
    .forward = gather_forward,
    .reference = gather_reference,
    .gradient = gather_gradient,
    .saves = {FV_IN(1)},
    .option_fields = gather_fields,
};
FV_REGISTER(gather_op);

fv_tensor *fv_gather(fv_tensor *x, int64_t dim, fv_tensor *index)
{
    return FV_APPLY(&gather_op, (&(const gather_options){.dim = dim}), x, index);
}

static fv_status gather_backward_infer(fv_call *c)
{
    gather_backward_options *a = c->options;
    fv_status status = fv_need_floating(c, 0, "grad");
    if (status == FV_OK) status = fv_need_size(c, &a->size);
    if (status != FV_OK) return status;
    fv_shape g = fv_shape_of(c->in[0]), index = fv_shape_of(c->in[1]);
    int dim = fv_wrap_dim(a->dim, a->size.ndim);
    if (dim < 0)
        return fv_reject(c, FV_ERR_INDEX, "dim %lld is out of range for size %s", (long long)a->dim,
                         fv_shape_text(&a->size));
    a->dim = dim;
    bool fits = c->in[0]->numel == 0 || a->size.ndim == g.ndim;
    if (!fits || !fv_shape_equal(&g, &index))
        return fv_reject(c, FV_ERR_SHAPE, "grad %s and index %s must have one shape and rank %d",
                         fv_text(c->in[0]), fv_text(c->in[1]), a->size.ndim);
    status = check_index_shape(c, &a->size, a->dim);
    if (status == FV_OK) fv_output_contiguous(c, 0, c->in[0]->dtype, &a->size);
    return status;
}

static fv_status gather_backward_check(fv_call *c)
{
    const gather_backward_options *a = c->options;
    return check_index_values(c, a->size.ndim > 0 ? a->size.dim[a->dim] : 1);
}

static void gather_backward_forward(fv_call *c)
{
    const gather_backward_options *a = c->options;
    fv_scatter_add_run(c->machine, c->in[0], (int)a->dim, c->in[1], c->out[0]);
}

static void gather_backward_reference(fv_call *c)
{
    const gather_backward_options *a = c->options;
    fv_scatter_add_reference(c->in[0], (int)a->dim, c->in[1], c->out[0]);
}

static void gather_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const gather_backward_options *a = c->options;
    gin[0] = fv_gather(gout[0], a->dim, c->in[1]);
}

static const fv_op gather_backward_op = {
    .name = "gather_backward",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(gather_backward_options),
    .input = {{.name = "grad"}, {.name = "index"}},
    .infer = gather_backward_infer,
    .check = gather_backward_check,
    .forward = gather_backward_forward,
    .reference = gather_backward_reference,
    .gradient = gather_backward_gradient,
    .saves = {FV_IN(1)},
    .option_fields = gather_backward_fields,
};
FV_REGISTER(gather_backward_op);

fv_tensor *fv_gather_backward(fv_tensor *g, fv_tensor *index, int64_t dim, fv_shape size)
{
    return FV_APPLY(&gather_backward_op,
                    (&(const gather_backward_options){.dim = dim, .size = size}), g, index);
}

/* --- cumsum ---------------------------------------------------------------------------------- */

static fv_status cumsum_infer(fv_call *c)
{
    cumsum_options *a = c->options;
    fv_status status = fv_need_dim(c, 0, &a->dim);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(c->in[0]);
    status = fv_need_size(c, &shape);
    if (status != FV_OK) return status;
    fv_dtype dtype = c->in[0]->dtype;
    fv_output_contiguous(c, 0, fv_dtype_is_floating(dtype) ? dtype : FV_INT64, &shape);
    return FV_OK;
}

static void cumsum_forward(fv_call *c)
{
    const cumsum_options *a = c->options;
    fv_cumsum_run(c->machine, c->in[0], (int)a->dim, a->reversed, c->out[0]);
}

static void cumsum_reference(fv_call *c)
{
    const cumsum_options *a = c->options;
    fv_cumsum_reference(c->in[0], (int)a->dim, a->reversed, c->out[0]);
}

static const fv_op cumsum_op;

static void cumsum_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const cumsum_options *a = c->options;
    gin[0] = FV_APPLY(&cumsum_op, CUMSUM(.dim = a->dim, .reversed = !a->reversed), gout[0]);
}

static const fv_op cumsum_op = {
    .name = "cumsum",
    .inputs = 1,
    .outputs = 1,
    .options_size = sizeof(cumsum_options),
    .input = {{.name = "input"}},
    .infer = cumsum_infer,
    .forward = cumsum_forward,
    .reference = cumsum_reference,
    .gradient = cumsum_gradient,
    .option_fields = cumsum_fields,
};
FV_REGISTER(cumsum_op);

fv_tensor *fv_cumsum(fv_tensor *x, int64_t dim)
{
    return FV_APPLY(&cumsum_op, CUMSUM(.dim = dim), x);
}
