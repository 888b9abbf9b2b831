/* cat, stack, split, chunk. */
#include "autograd/ops/view/join.h"

#include <string.h>

#include "autograd/ops/view/view.h"
#include "tensor/kernels/view/transpose.h"
#include "tensor/ranges.h"

typedef struct join_options {
    int64_t dim;
} join_options;

static const fv_option join_fields[] = {FV_FIELD(join_options, dim, FV_OPTION_DIM), {0}};

/* Writes in to the part of out's dim from start on. in has the part's dimensions. */
static void write_part(const fv_tensor *out, int64_t dim, int64_t start, const fv_tensor *in,
                       bool reference)
{
    fv_tensor part = fv_tensor_borrow(out);
    if (in->numel == 0) return;
    part.data = (char *)part.data + start * part.strides[dim] * (int64_t)fv_dtype_size(part.dtype);
    part.shape[dim] = in->shape[dim];
    part.numel = in->numel;
    if (reference && part.dtype == in->dtype) {
        fv_copy_reference(&part, in);
    } else {
        fv_copy_elements(&part, in);
    }
}

/* --- cat -------------------------------------------------------------------------------------- */

/* PyTorch lets [0] join anything. */
static bool passed_over(int ndim, int64_t first)
{
    return ndim == 1 && first == 0;
}

static const fv_tensor *first_counting(const fv_call *c)
{
    for (int i = 0; i < c->inputs; i++) {
        if (!passed_over(c->in[i]->ndim, c->in[i]->shape[0])) return c->in[i];
    }
    return c->in[0];
}

/* Adds the length of in[i] to shape, which all other dimensions must equal. */
static fv_status extend_shape(const fv_call *c, int i, int64_t dim, fv_shape *shape)
{
    const fv_tensor *t = c->in[i];
    bool fits = t->ndim == shape->ndim;
    for (int d = 0; fits && d < t->ndim; d++) fits = d == dim || t->shape[d] == shape->dim[d];
    if (!fits) {
        return fv_reject(c, FV_ERR_SHAPE,
                         "tensor %d %s does not go with %s; all but dimension %lld must agree", i,
                         fv_text(t), fv_text(first_counting(c)), (long long)dim);
    }
    if (__builtin_add_overflow(shape->dim[dim], t->shape[dim], &shape->dim[dim])) {
        return fv_reject(c, FV_ERR_SHAPE, "the tensors have too many elements together");
    }
    return FV_OK;
}

static fv_status cat_infer(fv_call *c)
{
    join_options *a = c->options;
    if (c->inputs < 1) return fv_reject(c, FV_ERR_OPTION, "needs at least one tensor");
    const fv_tensor *model = first_counting(c);
    bool nothing = passed_over(model->ndim, model->shape[0]); /* then no dimension is wrong */
    int dim = nothing ? 0 : fv_wrap_dim(a->dim, model->ndim);
    if (model->ndim == 0 || dim < 0) {
        return fv_reject(c, FV_ERR_INDEX, "tensors like %s have no dimension %lld", fv_text(model),
                         (long long)a->dim);
    }
    a->dim = dim;
    fv_tensor y = fv_tensor_borrow(model);
    fv_shape shape = fv_shape_of(model);
    shape.dim[dim] = 0;
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        y.dtype = fv_promote(y.dtype, t->dtype);
        if (passed_over(t->ndim, t->shape[0])) continue;
        fv_status status = extend_shape(c, i, dim, &shape);
        if (status != FV_OK) return status;
        if (fv_is_channels_last(t) && !fv_is_contiguous(t)) {
            memcpy(y.strides, t->strides, sizeof y.strides);
        }
    }
    fv_status status = fv_need_size(c, &shape);
    if (status != FV_OK) return status;
    memcpy(y.shape, shape.dim, sizeof y.shape);
    y.numel = fv_shape_numel(&shape);
    fv_output_like(c, 0, &y);
    return FV_OK;
}

static void cat_parts(const fv_call *c, bool reference)
{
    const join_options *a = c->options;
    int64_t start = 0;
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        if (passed_over(t->ndim, t->shape[0])) continue;
        write_part(c->out[0], a->dim, start, t, reference);
        start += t->shape[a->dim];
    }
}

/* t's indices first to last - 1 of dimension 0. */
static fv_tensor range_of(const fv_tensor *t, int64_t first, int64_t last)
{
    fv_tensor range = fv_tensor_borrow(t);
    range.data = (char *)range.data + first * t->strides[0] * (int64_t)fv_dtype_size(t->dtype);
    range.numel = t->numel / t->shape[0] * (last - first);
    range.shape[0] = last - first;
    return range;
}

/* A range of dimension 0 of all inputs, where another dimension is joined. */
static void cat_range(const void *call, int64_t first, int64_t last)
{
    const fv_call *c = call;
    const join_options *a = c->options;
    const fv_tensor out = range_of(c->out[0], first, last);
    int64_t start = 0;
    for (int i = 0; i < c->inputs; i++) {
        if (passed_over(c->in[i]->ndim, c->in[i]->shape[0])) continue;
        const fv_tensor in = range_of(c->in[i], first, last);
        write_part(&out, a->dim, start, &in, false);
        start += in.shape[a->dim];
    }
}

/* One loop over all inputs where they are joined within dimension 0, not one for each. */
static void cat_forward(fv_call *c)
{
    const fv_tensor *out = c->out[0];
    if (((const join_options *)c->options)->dim == 0) {
        cat_parts(c, false);
    } else if (out->numel > 0) {
        double bytes = (double)out->numel * (double)fv_dtype_size(out->dtype);
        fv_parallel_ranges(c->machine, 0.03 * bytes, out->shape[0], cat_range, c);
    }
}

static void cat_reference(fv_call *c)
{
    cat_parts(c, true);
}

static void cat_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const join_options *a = c->options;
    int64_t start = 0;
    for (int i = 0; i < c->inputs; i++) {
        const fv_shape *shape = fv_input_shape(c, i);
        if (passed_over(shape->ndim, shape->dim[0])) continue;
        if (fv_wants(c, i)) gin[i] = fv_narrow(gout[0], a->dim, start, shape->dim[a->dim]);
        start += shape->dim[a->dim];
    }
}

static bool cat_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const join_options *a = c->options;
    int64_t start = 0;
    (void)output;
    if (passed_over(c->in[input]->ndim, c->in[input]->shape[0])) return false;
    for (int i = 0; i < input && dim == a->dim; i++) {
        const fv_tensor *t = c->in[i];
        if (!passed_over(t->ndim, t->shape[0])) start += t->shape[dim];
    }
    return fv_window_shifted(dim, start, w);
}

static const fv_op cat_op = {
    .name = "cat",
    .any_dtype = true,
    .inputs = FV_ANY,
    .input = {{.name = "tensors"}},
    .outputs = 1,
    .options_size = sizeof(join_options),
    .infer = cat_infer,
    .forward = cat_forward,
    .reference = cat_reference,
    .gradient = cat_gradient,
    .option_fields = join_fields,
    .window = cat_window,
};
FV_REGISTER(cat_op);

/* The list's length as fv_apply takes it; an invalid one becomes 0, which infer refuses. */
static int list_length(fv_tensor_list list)
{
    return list.items && list.count > 0 && list.count <= INT32_MAX ? (int)list.count : 0;
}

const fv_cat_args fv_cat_defaults = {FV_CAT_DEFAULTS};

fv_tensor *fv_cat_ex(const fv_cat_args *a)
{
    if (!fv_args_ok("cat", a, sizeof *a)) return fv_failed_tensor();
    return fv_apply(&cat_op, &(join_options){a->dim}, list_length(a->tensors), a->tensors.items);
}

/* --- stack ------------------------------------------------------------------------------------ */

static fv_status stack_infer(fv_call *c)
{
    join_options *a = c->options;
    if (c->inputs < 1) return fv_reject(c, FV_ERR_OPTION, "needs at least one tensor");
    fv_shape first = fv_shape_of(c->in[0]), shape = {.ndim = first.ndim + 1};
    fv_dtype dtype = FV_BOOL;
    for (int i = 0; i < c->inputs; i++) {
        fv_shape seen = fv_shape_of(c->in[i]);
        if (!fv_shape_equal(&first, &seen)) {
            return fv_reject(c, FV_ERR_SHAPE, "tensor %d %s has not the shape of the first, %s", i,
                             fv_text(c->in[i]), fv_text(c->in[0]));
        }
        dtype = fv_promote(dtype, c->in[i]->dtype);
    }
    int dim = fv_wrap_dim(a->dim, shape.ndim);
    if (dim < 0 || shape.ndim > FV_MAX_DIMS) {
        return fv_reject(c, FV_ERR_INDEX, "tensors %s take no new dimension %lld",
                         fv_text(c->in[0]), (long long)a->dim);
    }
    a->dim = dim;
    for (int i = 0; i < shape.ndim; i++) {
        shape.dim[i] = i == dim ? c->inputs : first.dim[i - (i > dim)];
    }
    fv_status status = fv_need_size(c, &shape);
    if (status == FV_OK) fv_output_contiguous(c, 0, dtype, &shape);
    return status;
}

static void stack_parts(fv_call *c, bool reference)
{
    const join_options *a = c->options;
    for (int i = 0; i < c->inputs; i++) {
        fv_tensor t = fv_tensor_borrow(c->in[i]); /* with a dimension of 1 at dim */
        for (int d = t.ndim; d > a->dim; d--) {
            t.shape[d] = t.shape[d - 1];
            t.strides[d] = t.strides[d - 1];
        }
        t.ndim++;
        t.shape[a->dim] = 1;
        t.strides[a->dim] = 1;
        write_part(c->out[0], a->dim, i, &t, reference);
    }
}

static void stack_forward(fv_call *c)
{
    stack_parts(c, false);
}

static void stack_reference(fv_call *c)
{
    stack_parts(c, true);
}

static void stack_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const join_options *a = c->options;
    for (int i = 0; i < c->inputs; i++) {
        if (fv_wants(c, i)) gin[i] = fv_select(gout[0], a->dim, i);
    }
}

static bool stack_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const join_options *a = c->options;
    (void)input, (void)output;
    return fv_window_shifted(dim + (dim >= a->dim), 0, w);
}

static const fv_op stack_op = {
    .name = "stack",
    .any_dtype = true,
    .inputs = FV_ANY,
    .input = {{.name = "tensors"}},
    .outputs = 1,
    .options_size = sizeof(join_options),
    .infer = stack_infer,
    .forward = stack_forward,
    .reference = stack_reference,
    .gradient = stack_gradient,
    .option_fields = join_fields,
    .window = stack_window,
};
FV_REGISTER(stack_op);

fv_tensor *fv_stack_ex(const fv_cat_args *a)
{
    if (!fv_args_ok("stack", a, sizeof *a)) return fv_failed_tensor();
    return fv_apply(&stack_op, &(join_options){a->dim}, list_length(a->tensors), a->tensors.items);
}
