/* Views of a part: slice, narrow, select; and the adjoint that writes a part into zeros. */
#include <string.h>

#include "autograd/ops/view/view.h"
#include "tensor/kernels/view/pad.h"
#include "tensor/kernels/view/transpose.h"

typedef struct slice_options {
    int64_t dim, start, stop, step;
} slice_options;

/* Python's rules: bounds from the end, then clamped to 0 .. length. Returns the count. */
static int64_t resolve_slice(slice_options *a, int64_t length)
{
    if (a->start < 0) a->start += length;
    if (a->stop < 0) a->stop += length;
    a->start = a->start < 0 ? 0 : a->start > length ? length : a->start;
    a->stop = a->stop < a->start ? a->start : a->stop > length ? length : a->stop;
    return a->stop == a->start ? 0 : (a->stop - a->start - 1) / a->step + 1;
}

/* The view that keeps count elements of dim, from start on in steps. */
static void output_part(fv_call *c, int64_t dim, int64_t start, int64_t count, int64_t step)
{
    const fv_tensor *x = c->in[0];
    fv_shape shape = fv_shape_of(x);
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) strides[i] = x->strides[i];
    shape.dim[dim] = count;
    int64_t offset = fv_shape_numel(&shape) > 0 ? start * strides[dim] : 0;
    if (count > 1) strides[dim] *= step;
    fv_output_view(c, 0, 0, &shape, strides, offset);
}

/* A dimension to cut along: a scalar has none. */
static fv_status need_part_dim(const fv_call *c, int64_t *dim)
{
    fv_status status = fv_need_ndim(c, 0, "input", 1, FV_MAX_DIMS);
    return status == FV_OK ? fv_need_dim(c, 0, dim) : status;
}

/* --- slice ------------------------------------------------------------------------------------ */

static fv_status slice_infer(fv_call *c)
{
    slice_options *a = c->options;
    fv_status status = need_part_dim(c, &a->dim);
    if (status != FV_OK) return status;
    if (a->step < 1) {
        return fv_reject(c, FV_ERR_OPTION, "step must be 1 or more, not %lld; fv_flip reverses",
                         (long long)a->step);
    }
    int64_t count = resolve_slice(a, c->in[0]->shape[a->dim]);
    output_part(c, a->dim, a->start, count, a->step);
    return FV_OK;
}

static void slice_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const slice_options *a = c->options;
    gin[0] = fv_slice_backward(gout[0], *fv_input_shape(c, 0), a->dim, a->start, a->stop, a->step);
}

static const fv_option slice_fields[] = {FV_FIELD(slice_options, dim, FV_OPTION_DIM),
                                         FV_FIELD(slice_options, start, FV_OPTION_INT),
                                         FV_FIELD(slice_options, stop, FV_OPTION_INT),
                                         FV_FIELD(slice_options, step, FV_OPTION_INT),
                                         {0}};

static bool slice_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const slice_options *a = c->options;
    if (dim == a->dim) return fv_window_sliding(dim, 1, a->step, -a->start, w);
    return fv_window_same(c, input, output, dim, w);
}

static const fv_op slice_op = {
    .name = "slice",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(slice_options),
    .infer = slice_infer,
    .gradient = slice_gradient,
    .option_fields = slice_fields,
    .window = slice_window,
};
FV_REGISTER(slice_op);

fv_tensor *fv_slice(fv_tensor *x, int64_t dim, int64_t start, int64_t stop, int64_t step)
{
    return fv_apply(&slice_op, &(slice_options){dim, start, stop, step}, 1, &x);
}

/* --- narrow ----------------------------------------------------------------------------------- */

typedef struct narrow_options {
    int64_t dim, start, length;
} narrow_options;

static fv_status narrow_infer(fv_call *c)
{
    narrow_options *a = c->options;
    fv_status status = need_part_dim(c, &a->dim);
    if (status != FV_OK) return status;
    int64_t size = c->in[0]->shape[a->dim];
    int64_t start = a->start < 0 ? a->start + size : a->start;
    if (a->length < 0 || start < 0 || start > size || a->length > size - start) {
        return fv_reject(
            c, FV_ERR_INDEX, "start %lld and length %lld leave dimension %lld of input %s",
            (long long)a->start, (long long)a->length, (long long)a->dim, fv_text(c->in[0]));
    }
    a->start = start;
    output_part(c, a->dim, start, a->length, 1);
    return FV_OK;
}

static void narrow_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const narrow_options *a = c->options;
    gin[0] = fv_slice_backward(gout[0], *fv_input_shape(c, 0), a->dim, a->start,
                               a->start + a->length, 1);
}

static const fv_option narrow_fields[] = {FV_FIELD(narrow_options, dim, FV_OPTION_DIM),
                                          FV_FIELD(narrow_options, start, FV_OPTION_INT),
                                          FV_FIELD(narrow_options, length, FV_OPTION_INT),
                                          {0}};

static bool narrow_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const narrow_options *a = c->options;
    (void)input, (void)output;
    return fv_window_shifted(dim, dim == a->dim ? -a->start : 0, w);
}

static const fv_op narrow_op = {
    .name = "narrow",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(narrow_options),
    .infer = narrow_infer,
    .gradient = narrow_gradient,
    .option_fields = narrow_fields,
    .window = narrow_window,
};
FV_REGISTER(narrow_op);

fv_tensor *fv_narrow(fv_tensor *x, int64_t dim, int64_t start, int64_t length)
{
    return fv_apply(&narrow_op, &(narrow_options){dim, start, length}, 1, &x);
}

/* --- select ----------------------------------------------------------------------------------- */

typedef struct select_options {
    int64_t dim, index;
} select_options;

static fv_status select_infer(fv_call *c)
{
    select_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = need_part_dim(c, &a->dim);
    if (status != FV_OK) return status;
    int64_t size = x->shape[a->dim];
    int64_t index = a->index < 0 ? a->index + size : a->index;
    if (index < 0 || index >= size) {
        return fv_reject(c, FV_ERR_INDEX, "index %lld is outside of dimension %lld of input %s",
                         (long long)a->index, (long long)a->dim, fv_text(x));
    }
    a->index = index;
    fv_shape shape = {.ndim = 0};
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        if (i == a->dim) continue;
        shape.dim[shape.ndim] = x->shape[i];
        strides[shape.ndim++] = x->strides[i];
    }
    int64_t offset = x->numel > 0 ? index * x->strides[a->dim] : 0;
    fv_output_view(c, 0, 0, &shape, strides, offset);
    return FV_OK;
}

static void select_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const select_options *a = c->options;
    gin[0] = fv_slice_backward(fv_unsqueeze(gout[0], a->dim), *fv_input_shape(c, 0), a->dim,
                               a->index, a->index + 1, 1);
}

static const fv_option select_fields[] = {FV_FIELD(select_options, dim, FV_OPTION_DIM),
                                          FV_FIELD(select_options, index, FV_OPTION_INT),
                                          {0}};

static bool select_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const select_options *a = c->options;
    (void)input, (void)output;
    if (dim == a->dim) return fv_window_one(a->index, w);
    return fv_window_shifted(dim - (dim > a->dim), 0, w);
}

static const fv_op select_op = {
    .name = "select",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(select_options),
    .infer = select_infer,
    .gradient = select_gradient,
    .option_fields = select_fields,
    .window = select_window,
};
FV_REGISTER(select_op);

fv_tensor *fv_select(fv_tensor *x, int64_t dim, int64_t index)
{
    return fv_apply(&select_op, &(select_options){dim, index}, 1, &x);
}

/* --- slice_backward --------------------------------------------------------------------------- */

typedef struct slice_backward_options {
    slice_options part;
    fv_shape shape;
} slice_backward_options;

static fv_status slice_backward_infer(fv_call *c)
{
    slice_backward_options *a = c->options;
    const fv_tensor *g = c->in[0];
    fv_status status = need_part_dim(c, &a->part.dim);
    if (status == FV_OK && a->shape.ndim == g->ndim) status = fv_need_size(c, &a->shape);
    if (status != FV_OK) return status;
    if (a->part.step < 1) {
        return fv_reject(c, FV_ERR_OPTION, "step must be 1 or more, not %lld",
                         (long long)a->part.step);
    }
    fv_shape expected = a->shape;
    fv_shape seen = fv_shape_of(g);
    if (expected.ndim == seen.ndim) {
        int64_t *length = &expected.dim[a->part.dim];
        *length = resolve_slice(&a->part, *length);
    }
    if (!fv_shape_equal(&expected, &seen)) {
        return fv_reject(c, FV_ERR_SHAPE, "gradient %s is no such slice of %s, which has shape %s",
                         fv_text(g), fv_shape_text(&a->shape), fv_shape_text(&expected));
    }
    fv_tensor whole = fv_tensor_borrow(g); /* in g's order of memory */
    for (int i = 0; i < g->ndim; i++) whole.shape[i] = a->shape.dim[i];
    whole.numel = fv_shape_numel(&a->shape);
    fv_output_like(c, 0, &whole);
    return FV_OK;
}

/* Zeros around g, in one pass. */
static void write_box(const fv_call *c)
{
    const slice_options *a = &((const slice_backward_options *)c->options)->part;
    const uint64_t zero = 0;
    int64_t start[FV_MAX_DIMS] = {0};
    if (c->in[0]->numel > 0) start[a->dim] = a->start;
    fv_pad_copy(c->machine, c->out[0], c->in[0], start, &zero);
}

static void write_part(fv_call *c, void (*copy)(fv_tensor *dst, const fv_tensor *src))
{
    const slice_options *a = &((const slice_backward_options *)c->options)->part;
    const fv_tensor *g = c->in[0];
    fv_tensor part = fv_tensor_borrow(c->out[0]);
    size_t size = fv_dtype_size(part.dtype);
    if (part.numel == 0) return;
    memset(part.data, 0, (size_t)part.numel * size);
    if (g->numel == 0) return;
    part.data = (char *)part.data + (size_t)(a->start * part.strides[a->dim]) * size;
    part.shape[a->dim] = g->shape[a->dim];
    if (g->shape[a->dim] > 1) part.strides[a->dim] *= a->step;
    part.numel = g->numel;
    copy(&part, g);
}

static void slice_backward_forward(fv_call *c)
{
    const slice_options *a = &((const slice_backward_options *)c->options)->part;
    if (a->step == 1 || c->in[0]->shape[a->dim] <= 1)
        write_box(c);
    else
        write_part(c, fv_copy_elements);
}

static void slice_backward_reference(fv_call *c)
{
    write_part(c, fv_copy_reference);
}

static void slice_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const slice_options *a = &((const slice_backward_options *)c->options)->part;
    gin[0] = fv_slice(gout[0], a->dim, a->start, a->stop, a->step);
}

static const fv_option slice_backward_fields[] = {
    {.name = "dim", .offset = offsetof(slice_backward_options, part.dim), .kind = FV_OPTION_DIM},
    {.name = "start",
     .offset = offsetof(slice_backward_options, part.start),
     .kind = FV_OPTION_INT},
    {.name = "stop", .offset = offsetof(slice_backward_options, part.stop), .kind = FV_OPTION_INT},
    {.name = "step", .offset = offsetof(slice_backward_options, part.step), .kind = FV_OPTION_INT},
    FV_FIELD(slice_backward_options, shape, FV_OPTION_SHAPE),
    {0}};

static const fv_op slice_backward_op = {
    .name = "slice_backward",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(slice_backward_options),
    .infer = slice_backward_infer,
    .forward = slice_backward_forward,
    .reference = slice_backward_reference,
    .gradient = slice_backward_gradient,
    .option_fields = slice_backward_fields,
};
FV_REGISTER(slice_backward_op);

fv_tensor *fv_slice_backward(fv_tensor *g, fv_shape shape, int64_t dim, int64_t start, int64_t stop,
                             int64_t step)
{
    slice_backward_options options = {{dim, start, stop, step}, shape};
    return fv_apply(&slice_backward_op, &options, 1, &g);
}
