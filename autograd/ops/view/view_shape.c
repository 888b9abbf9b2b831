/* Other shapes over the same elements: reshape, view, flatten, unflatten. */
#include "autograd/ops/view/view.h"
#include "autograd/views_impl.h"
#include "tensor/kernels/view/transpose.h"

typedef struct shape_options {
    fv_shape shape;
} shape_options;

static const fv_option shape_fields[] = {FV_FIELD(shape_options, shape, FV_OPTION_SHAPE),
                                         {.name = NULL}};

/* Replaces the one -1 of shape so that it has numel elements, and checks the rest. */
static fv_status resolve_shape(const fv_call *c, int64_t numel, fv_shape *shape)
{
    if (shape->ndim < 0 || shape->ndim > FV_MAX_DIMS) {
        return fv_reject(c, FV_ERR_SHAPE, "a shape has 0 to %d dimensions, not %d", FV_MAX_DIMS,
                         shape->ndim);
    }
    int hole = -1;
    for (int i = 0; i < shape->ndim; i++) {
        if (shape->dim[i] >= 0) continue;
        if (shape->dim[i] != -1) {
            return fv_reject(c, FV_ERR_SHAPE, "dimension %d of the new shape %s is negative", i,
                             fv_shape_text(shape));
        }
        if (hole >= 0) {
            return fv_reject(c, FV_ERR_SHAPE, "only one dimension of %s can be -1",
                             fv_shape_text(shape));
        }
        hole = i;
    }
    fv_shape known = *shape;
    if (hole >= 0) known.dim[hole] = 1;
    int64_t count = fv_shape_numel(&known);
    if (hole >= 0 && count == 0) {
        return fv_reject(c, FV_ERR_SHAPE, "the -1 of %s is ambiguous when another dimension is 0",
                         fv_shape_text(shape));
    }
    if (count < 0 || (hole < 0 ? count != numel : numel % count != 0)) {
        return fv_reject(c, FV_ERR_SHAPE, "shape %s does not fit input %s with %lld elements",
                         fv_shape_text(shape), fv_text(c->in[0]), (long long)numel);
    }
    if (hole >= 0) shape->dim[hole] = numel / count;
    return fv_need_size(c, shape);
}

/* Strides that read x's elements in row-major order as shape; false when there are none.
 * Groups of x's dimensions that lie in memory like one are split anew, group by group from the
 * last; each must be filled exactly. */
static bool view_strides(const fv_tensor *x, const fv_shape *shape, int64_t *strides)
{
    if (x->numel == 0 || x->ndim == 0) {
        fv_strides_contiguous(shape, strides);
        return true;
    }
    int v = shape->ndim - 1;
    int64_t base = x->strides[x->ndim - 1];
    int64_t group = 1, filled = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        group *= x->shape[d];
        if (d > 0 && (x->shape[d - 1] == 1 || x->strides[d - 1] == group * base)) continue;
        while (v >= 0 && (filled < group || shape->dim[v] == 1)) {
            strides[v] = filled * base;
            filled *= shape->dim[v--];
        }
        if (filled != group) return false;
        if (d > 0) base = x->strides[d - 1];
        group = filled = 1;
    }
    return v < 0;
}

static fv_status refuse_view(const fv_call *c, const fv_shape *shape)
{
    return fv_reject(c, FV_ERR_SHAPE,
                     "the strides of input %s allow no view as %s; fv_reshape copies",
                     fv_text(c->in[0]), fv_shape_text(shape));
}

static fv_status output_view(fv_call *c, const fv_shape *shape)
{
    int64_t strides[FV_MAX_DIMS];
    if (!view_strides(c->in[0], shape, strides)) return refuse_view(c, shape);
    fv_output_view(c, 0, 0, shape, strides, 0);
    return FV_OK;
}

/* A view when strides allow one, else a row-major copy. */
static void output_reshaped(fv_call *c, const fv_shape *shape)
{
    int64_t strides[FV_MAX_DIMS];
    if (view_strides(c->in[0], shape, strides)) {
        fv_output_view(c, 0, 0, shape, strides, 0);
    } else {
        fv_output_contiguous(c, 0, c->in[0]->dtype, shape);
    }
}

static void reshape_copy(fv_call *c, void (*copy)(fv_tensor *dst, const fv_tensor *src))
{
    if (c->spec[0].view_of >= 0) return;
    fv_tensor y = fv_tensor_borrow(c->out[0]); /* the output under the input's shape */
    fv_shape shape = fv_shape_of(c->in[0]);
    y.ndim = shape.ndim;
    for (int i = 0; i < shape.ndim; i++) y.shape[i] = shape.dim[i];
    fv_strides_contiguous(&shape, y.strides);
    copy(&y, c->in[0]);
}

static void reshape_forward(fv_call *c)
{
    reshape_copy(c, fv_copy_elements);
}

static void reshape_reference(fv_call *c)
{
    reshape_copy(c, fv_copy_reference);
}

/* dx = dy in x's shape: for all that only regroups dimensions. */
static void reshape_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_reshape_to(gout[0], *fv_input_shape(c, 0));
}

/* A dimension of so many steps in row-major order. */
typedef struct run {
    int64_t step, length;
} run;

static run run_of(const fv_tensor *t, int dim)
{
    run r = {1, t->shape[dim]};
    for (int i = dim + 1; i < t->ndim; i++) r.step *= t->shape[i];
    return r;
}

/* A dimension that is there afterwards as well is the same; one that lies inside of another is
 * scattered over it; for one that is split no single dimension says where it went. */
static bool reshape_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const fv_tensor *x = c->in[input], *y = c->out[output];
    const run from = run_of(x, dim);
    if (x->numel == 0) return false;
    if (from.length == 1) return fv_window_one(0, w);
    for (int to = 0; to < y->ndim; to++) {
        const run r = run_of(y, to);
        if (r.step == from.step && r.length == from.length) return fv_window_shifted(to, 0, w);
        const bool inside = r.step <= from.step && from.step * from.length <= r.step * r.length;
        if (!inside) continue;
        fv_window_sliding(to, from.length, 0, 0, w);
        w->scattered = true;
        return true;
    }
    return false;
}

/* --- reshape ---------------------------------------------------------------------------------- */

static fv_status reshape_infer(fv_call *c)
{
    shape_options *a = c->options;
    fv_status status = resolve_shape(c, c->in[0]->numel, &a->shape);
    if (status == FV_OK) output_reshaped(c, &a->shape);
    return status;
}

static const fv_op reshape_op = {
    .name = "reshape",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(shape_options),
    .option_fields = shape_fields,
    .infer = reshape_infer,
    .forward = reshape_forward,
    .reference = reshape_reference,
    .gradient = reshape_gradient,
    .window = reshape_window,
};
FV_REGISTER(reshape_op);

fv_tensor *fv_reshape_to(fv_tensor *x, fv_shape shape)
{
    return fv_apply(&reshape_op, &(shape_options){shape}, 1, &x);
}

const fv_view_args fv_view_defaults = {FV_VIEW_DEFAULTS};

fv_tensor *fv_reshape_ex(const fv_view_args *a)
{
    fv_shape shape;
    if (!fv_args_ok("reshape", a, sizeof *a) ||
        fv_sizes_settle("reshape", FV_SIZES_OF(a), &shape) != FV_OK)
        return fv_failed_tensor();
    return fv_reshape_to(a->input, shape);
}

/* --- view ------------------------------------------------------------------------------------- */

/* Where the library has chosen the order of x's memory, the strides that x would have else decide.
 */
static fv_status view_infer(fv_call *c)
{
    shape_options *a = c->options;
    fv_status status = resolve_shape(c, c->in[0]->numel, &a->shape);
    if (status != FV_OK) return status;
    int64_t strides[FV_MAX_DIMS];
    fv_tensor seen = fv_tensor_borrow(c->in[0]);
    if (!fv_user_strides(c->in[0], seen.strides)) return output_view(c, &a->shape);
    if (!view_strides(&seen, &a->shape, strides)) return refuse_view(c, &a->shape);
    output_reshaped(c, &a->shape);
    return FV_OK;
}

/* Splitting dimensions works with any strides. */
static const fv_op view_op = {
    .name = "view",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(shape_options),
    .option_fields = shape_fields,
    .infer = view_infer,
    .forward = reshape_forward,
    .reference = reshape_reference,
    .gradient = reshape_gradient,
    .window = reshape_window,
};
FV_REGISTER(view_op);

fv_tensor *fv_view_ex(const fv_view_args *a)
{
    fv_shape shape;
    if (!fv_args_ok("view", a, sizeof *a) ||
        fv_sizes_settle("view", FV_SIZES_OF(a), &shape) != FV_OK)
        return fv_failed_tensor();
    return fv_apply(&view_op, &(shape_options){shape}, 1, &a->input);
}

/* --- flatten ---------------------------------------------------------------------------------- */

typedef struct flatten_options {
    int64_t start, end;
} flatten_options;

static fv_status flatten_infer(fv_call *c)
{
    flatten_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_dim(c, 0, &a->start);
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->end);
    if (status != FV_OK) return status;
    if (a->start > a->end) {
        return fv_reject(c, FV_ERR_OPTION, "start_dim %lld comes after end_dim %lld",
                         (long long)a->start, (long long)a->end);
    }
    fv_shape shape = {.ndim = x->ndim == 0};
    shape.dim[0] = 1;
    for (int i = 0; i < x->ndim; i++) {
        if (i > a->start && i <= a->end) {
            int64_t *flat = &shape.dim[shape.ndim - 1];
            if (__builtin_mul_overflow(*flat, x->shape[i], flat)) {
                return fv_reject(c, FV_ERR_SHAPE, "dimensions %lld to %lld of %s are too many",
                                 (long long)a->start, (long long)a->end, fv_text(x));
            }
        } else {
            shape.dim[shape.ndim++] = x->shape[i];
        }
    }
    output_reshaped(c, &shape);
    return FV_OK;
}

static const fv_option flatten_fields[] = {
    {.name = "start_dim", .offset = offsetof(flatten_options, start), .kind = FV_OPTION_DIM},
    {.name = "end_dim", .offset = offsetof(flatten_options, end), .kind = FV_OPTION_DIM},
    {0}};

static const fv_op flatten_op = {
    .name = "flatten",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(flatten_options),
    .infer = flatten_infer,
    .forward = reshape_forward,
    .reference = reshape_reference,
    .gradient = reshape_gradient,
    .option_fields = flatten_fields,
    .window = reshape_window,
};
FV_REGISTER(flatten_op);

const fv_flatten_args fv_flatten_defaults = {FV_FLATTEN_DEFAULTS};

fv_tensor *fv_flatten_ex(const fv_flatten_args *a)
{
    if (!fv_args_ok("flatten", a, sizeof *a)) return fv_failed_tensor();
    flatten_options options = {a->start_dim, a->end_dim};
    return fv_apply(&flatten_op, &options, 1, &a->input);
}

/* --- unflatten -------------------------------------------------------------------------------- */

typedef struct unflatten_options {
    int64_t dim;
    fv_shape shape;
} unflatten_options;

static fv_status unflatten_infer(fv_call *c)
{
    unflatten_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_ndim(c, 0, "input", 1, FV_MAX_DIMS);
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->dim);
    if (status == FV_OK) status = resolve_shape(c, x->shape[a->dim], &a->shape);
    if (status != FV_OK) return status;
    if (x->ndim - 1 + a->shape.ndim > FV_MAX_DIMS || a->shape.ndim == 0) {
        return fv_reject(c, FV_ERR_SHAPE, "input %s with dimension %lld as %s: 1 to %d dimensions",
                         fv_text(x), (long long)a->dim, fv_shape_text(&a->shape), FV_MAX_DIMS);
    }
    fv_shape shape = {.ndim = 0};
    for (int i = 0; i < x->ndim; i++) {
        for (int j = 0; i == a->dim && j < a->shape.ndim; j++) {
            shape.dim[shape.ndim++] = a->shape.dim[j];
        }
        if (i != a->dim) shape.dim[shape.ndim++] = x->shape[i];
    }
    return output_view(c, &shape);
}

static const fv_option unflatten_fields[] = {FV_FIELD(unflatten_options, dim, FV_OPTION_DIM),
                                             FV_FIELD(unflatten_options, shape, FV_OPTION_SHAPE),
                                             {.name = NULL}};

static const fv_op unflatten_op = {
    .name = "unflatten",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(unflatten_options),
    .infer = unflatten_infer,
    .gradient = reshape_gradient,
    .option_fields = unflatten_fields,
    .window = reshape_window,
};
FV_REGISTER(unflatten_op);

const fv_unflatten_args fv_unflatten_defaults = {FV_UNFLATTEN_DEFAULTS};

fv_tensor *fv_unflatten_ex(const fv_unflatten_args *a)
{
    fv_shape shape;
    if (!fv_args_ok("unflatten", a, sizeof *a) ||
        fv_sizes_settle("unflatten", FV_SIZES_OF(a), &shape) != FV_OK)
        return fv_failed_tensor();
    return fv_apply(&unflatten_op, &(unflatten_options){a->dim, shape}, 1, &a->input);
}
