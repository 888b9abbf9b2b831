/* Views with more or fewer dimensions: squeeze, unsqueeze, expand. */
#include "autograd/ops/view/view.h"

typedef struct dim_options {
    int64_t dim;
} dim_options;

static const fv_option dim_fields[] = {FV_FIELD(dim_options, dim, FV_OPTION_DIM), {0}};
static const fv_option squeeze_fields[] = {FV_TAKING(dim_options, dim, FV_OPTION_DIM, FV_TAKES_ALL),
                                           {0}};

/* --- squeeze ---------------------------------------------------------------------------------- */

static fv_status squeeze_infer(fv_call *c)
{
    dim_options *a = c->options;
    const fv_tensor *x = c->in[0];
    if (a->dim != FV_ALL) {
        fv_status status = fv_need_dim(c, 0, &a->dim);
        if (status != FV_OK) return status;
    }
    fv_shape shape = {.ndim = 0};
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        if (x->shape[i] == 1 && (a->dim == FV_ALL || a->dim == i)) continue;
        shape.dim[shape.ndim] = x->shape[i];
        strides[shape.ndim++] = x->strides[i];
    }
    fv_output_view(c, 0, 0, &shape, strides, 0);
    return FV_OK;
}

static void squeeze_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_reshape_to(gout[0], *fv_input_shape(c, 0));
}

static bool squeeze_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const dim_options *a = c->options;
    const fv_tensor *x = c->in[input];
    int to = 0;
    (void)output;
    for (int i = 0; i <= dim; i++) {
        const bool dropped = x->shape[i] == 1 && (a->dim == FV_ALL || a->dim == i);
        if (dropped && i == dim) return fv_window_one(0, w);
        if (i < dim) to += !dropped;
    }
    return fv_window_shifted(to, 0, w);
}

static const fv_op squeeze_op = {
    .name = "squeeze",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(dim_options),
    .infer = squeeze_infer,
    .gradient = squeeze_gradient,
    .option_fields = squeeze_fields,
    .window = squeeze_window,
};
FV_REGISTER(squeeze_op);

fv_tensor *fv_squeeze(fv_tensor *x, int64_t dim)
{
    return fv_apply(&squeeze_op, &(dim_options){dim}, 1, &x);
}

/* --- unsqueeze -------------------------------------------------------------------------------- */

static fv_status unsqueeze_infer(fv_call *c)
{
    dim_options *a = c->options;
    const fv_tensor *x = c->in[0];
    if (x->ndim == FV_MAX_DIMS) {
        return fv_reject(c, FV_ERR_SHAPE, "input %s has the most dimensions that a tensor can have",
                         fv_text(x));
    }
    int dim = fv_wrap_dim(a->dim, x->ndim + 1);
    if (dim < 0) {
        return fv_reject(c, FV_ERR_OPTION, "dim %lld is outside of -%d..%d for input %s",
                         (long long)a->dim, x->ndim + 1, x->ndim, fv_text(x));
    }
    a->dim = dim;
    fv_shape shape = {.ndim = x->ndim + 1};
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < shape.ndim; i++) {
        int from = i - (i > dim);
        shape.dim[i] = i == dim ? 1 : x->shape[from];
        strides[i] = i != dim        ? x->strides[from]
                     : dim < x->ndim ? x->shape[dim] * x->strides[dim]
                                     : 1;
    }
    fv_output_view(c, 0, 0, &shape, strides, 0);
    return FV_OK;
}

static void unsqueeze_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const dim_options *a = c->options;
    gin[0] = fv_squeeze(gout[0], a->dim);
}

static bool unsqueeze_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const dim_options *a = c->options;
    (void)input, (void)output;
    return fv_window_shifted(dim + (dim >= a->dim), 0, w);
}

static const fv_op unsqueeze_op = {
    .name = "unsqueeze",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(dim_options),
    .infer = unsqueeze_infer,
    .gradient = unsqueeze_gradient,
    .option_fields = dim_fields,
    .window = unsqueeze_window,
};
FV_REGISTER(unsqueeze_op);

fv_tensor *fv_unsqueeze(fv_tensor *x, int64_t dim)
{
    return fv_apply(&unsqueeze_op, &(dim_options){dim}, 1, &x);
}

/* --- expand ----------------------------------------------------------------------------------- */

typedef struct expand_options {
    fv_shape shape;
} expand_options;

static const fv_option expand_fields[] = {FV_FIELD(expand_options, shape, FV_OPTION_SHAPE),
                                          {.name = NULL}};

static fv_status expand_infer(fv_call *c)
{
    expand_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_shape *shape = &a->shape;
    if (shape->ndim < x->ndim || shape->ndim > FV_MAX_DIMS) {
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s cannot take %d dimensions; it needs %d to %d of them",
                         fv_text(x), shape->ndim, x->ndim, FV_MAX_DIMS);
    }
    const fv_shape asked = *shape;
    int added = shape->ndim - x->ndim;
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < shape->ndim; i++) {
        int64_t length = i < added ? 1 : x->shape[i - added];
        if (i >= added && shape->dim[i] == -1) shape->dim[i] = length;
        if (shape->dim[i] < 0 || (shape->dim[i] != length && length != 1)) {
            return fv_reject(c, FV_ERR_SHAPE,
                             "input %s does not expand to %s at dimension %d: only a length of 1 "
                             "is repeated, and -1 keeps one that is there",
                             fv_text(x), fv_shape_text(&asked), i);
        }
        strides[i] = shape->dim[i] == length && i >= added ? x->strides[i - added] : 0;
    }
    fv_status status = fv_need_size(c, shape);
    if (status == FV_OK) fv_output_view(c, 0, 0, shape, strides, 0);
    return status;
}

/* dx = dy summed over what was repeated, which backward does. */
static void expand_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    gin[0] = gout[0];
}

static const fv_op expand_op = {
    .name = "expand",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(expand_options),
    .option_fields = expand_fields,
    .infer = expand_infer,
    .gradient = expand_gradient,
    .window = fv_window_same,
};
FV_REGISTER(expand_op);

fv_tensor *fv_expand_to(fv_tensor *x, fv_shape shape)
{
    return fv_apply(&expand_op, &(expand_options){shape}, 1, &x);
}

fv_tensor *fv_expand_ex(const fv_view_args *a)
{
    fv_shape shape;
    if (!fv_args_ok("expand", a, sizeof *a) ||
        fv_sizes_settle("expand", FV_SIZES_OF(a), &shape) != FV_OK)
        return fv_failed_tensor();
    return fv_expand_to(a->input, shape);
}
