/* as_strided and as_strided_scatter: the history of views whose memory is written in place.
 *
 * The two are each other's gradients. A view that outlives a write in place is as_strided of what
 * its base is now; a base whose view was written to is as_strided_scatter of the two. */
#include "autograd/ops/view/as_strided_impl.h"

#include <string.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "tensor/create.h"
#include "tensor/kernels/view/transpose.h"

typedef void (*copy_fn)(fv_tensor *dst, const fv_tensor *src);

static const fv_option region_fields[] = {FV_FIELD(fv_region, layout, FV_OPTION_SHAPE),
                                          FV_FIELD(fv_region, size, FV_OPTION_SHAPE),
                                          FV_FIELD(fv_region, stride, FV_OPTION_SHAPE),
                                          FV_FIELD(fv_region, offset, FV_OPTION_INT),
                                          {.name = NULL}};

fv_region fv_region_of(const fv_tensor *view, const fv_tensor *base)
{
    fv_region r = {
        .layout = {.ndim = base->ndim}, .size = fv_shape_of(view), .stride = {.ndim = view->ndim}};
    memcpy(r.layout.dim, base->strides, (size_t)base->ndim * sizeof(int64_t));
    memcpy(r.stride.dim, view->strides, (size_t)view->ndim * sizeof(int64_t));
    if (view->data && base->data)
        r.offset = ((char *)view->data - (char *)base->data) / (int64_t)fv_dtype_size(base->dtype);
    return r;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* The number of places from the first element to the last; 0 without elements, -1 when too many or
 * for negative numbers. */
static int64_t span(const fv_shape *size, const fv_shape *stride)
{
    int64_t last = 0;
    bool empty = false;
    for (int i = 0; i < size->ndim; i++) {
        int64_t step;
        if (size->dim[i] < 0 || stride->dim[i] < 0) return -1;
        empty |= size->dim[i] == 0;
        if (size->dim[i] < 2) continue;
        if (__builtin_mul_overflow(size->dim[i] - 1, stride->dim[i], &step) ||
            __builtin_add_overflow(last, step, &last) || last > INT64_C(1) << 52)
            return -1;
    }
    return empty ? 0 : last + 1;
}

/* Does each place have one index at most, strides of 0 apart? Each stride must step over all that
 * the smaller ones reach. */
static bool apart(const fv_shape *size, const fv_shape *stride)
{
    int64_t reached = 0;
    bool done[FV_MAX_DIMS] = {false};
    for (int round = 0; round < size->ndim; round++) {
        int next = -1;
        for (int i = 0; i < size->ndim; i++)
            if (!done[i] && (next < 0 || stride->dim[i] < stride->dim[next])) next = i;
        done[next] = true;
        if (size->dim[next] < 2 || stride->dim[next] == 0) continue;
        if (stride->dim[next] <= reached) return false;
        reached += (size->dim[next] - 1) * stride->dim[next];
    }
    return true;
}

static bool repeats(const fv_shape *size, const fv_shape *stride)
{
    for (int i = 0; i < size->ndim; i++)
        if (size->dim[i] > 1 && stride->dim[i] == 0) return true;
    return false;
}

static bool valid_ndim(const fv_shape *shape)
{
    return shape->ndim >= 0 && shape->ndim <= FV_MAX_DIMS;
}

static fv_status check_region(const fv_call *c, const fv_region *r)
{
    fv_shape x = fv_shape_of(c->in[0]);
    bool ranks = r->layout.ndim == x.ndim && valid_ndim(&r->size) && valid_ndim(&r->stride) &&
                 r->size.ndim == r->stride.ndim;
    if (!ranks)
        return fv_reject(c, FV_ERR_OPTION, "layout, size and stride do not go with %s",
                         fv_text(c->in[0]));
    int64_t places = span(&x, &r->layout), used = span(&r->size, &r->stride);
    bool inside = places >= 0 && used >= 0 && r->offset >= 0 &&
                  (used == 0 || (r->offset <= places && used <= places - r->offset));
    if (!inside || !apart(&r->size, &r->stride) || !apart(&x, &r->layout) ||
        repeats(&x, &r->layout))
        return fv_reject(c, FV_ERR_OPTION,
                         "size %s with stride %s and offset %lld is no part of %s with layout %s",
                         fv_shape_text(&r->size), fv_shape_text(&r->stride), (long long)r->offset,
                         fv_text(c->in[0]), fv_shape_text(&r->layout));
    return fv_need_size(c, &r->size);
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool lies_in(const fv_tensor *t, const fv_shape *layout)
{
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] > 1 && t->strides[i] != layout->dim[i]) return false;
    return true;
}

/* x's shape in the region's layout, at data. */
static fv_tensor laid_out(const fv_tensor *x, const fv_region *r, void *data)
{
    fv_tensor t = fv_tensor_borrow(x);
    memcpy(t.strides, r->layout.dim, (size_t)t.ndim * sizeof(int64_t));
    t.data = data;
    return t;
}

/* The part of what lies at data in the region's layout. */
static fv_tensor part_of(const fv_tensor *x, const fv_region *r, void *data)
{
    fv_tensor t = fv_tensor_borrow(x);
    t.ndim = r->size.ndim;
    t.numel = fv_shape_numel(&r->size);
    memcpy(t.shape, r->size.dim, (size_t)t.ndim * sizeof(int64_t));
    memcpy(t.strides, r->stride.dim, (size_t)t.ndim * sizeof(int64_t));
    t.data = (char *)data + r->offset * (int64_t)fv_dtype_size(t.dtype);
    return t;
}

/* Room for x in the region's layout, where it lies otherwise or has gaps. */
static void plan_layout(fv_call *c)
{
    const fv_region *r = c->options;
    fv_shape x = fv_shape_of(c->in[0]);
    bool direct = c->spec[0].view_of >= 0 || (c->op == &fv_as_strided_scatter_op &&
                                              fv_shape_numel(&x) == span(&x, &r->layout));
    if (!direct) c->scratch_bytes = (size_t)span(&x, &r->layout) * fv_dtype_size(c->in[0]->dtype);
}

/* --- as_strided ------------------------------------------------------------------------------- */

static fv_status as_strided_infer(fv_call *c)
{
    const fv_region *r = c->options;
    fv_status status = check_region(c, r);
    if (status != FV_OK) return status;
    if (lies_in(c->in[0], &r->layout))
        fv_output_view(c, 0, 0, &r->size, r->stride.dim, c->in[0]->numel ? r->offset : 0);
    else
        fv_output_contiguous(c, 0, c->in[0]->dtype, &r->size);
    return FV_OK;
}

static void read_part(fv_call *c, copy_fn copy)
{
    const fv_region *r = c->options;
    if (c->spec[0].view_of >= 0 || c->out[0]->numel == 0) return;
    fv_tensor whole = laid_out(c->in[0], r, c->scratch), part = part_of(c->in[0], r, c->scratch);
    memset(c->scratch, 0, c->scratch_bytes); /* gaps may be read, by options that no view has */
    copy(&whole, c->in[0]);
    copy(c->out[0], &part);
}

static void as_strided_forward(fv_call *c)
{
    read_part(c, fv_copy_elements);
}

static void as_strided_reference(fv_call *c)
{
    read_part(c, fv_copy_reference);
}

/* dx is dy in its place, summed where a stride of 0 repeats elements, and 0 elsewhere. */
static void as_strided_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_region once = *(const fv_region *)c->options;
    for (int i = 0; i < once.size.ndim; i++)
        if (once.stride.dim[i] == 0 && once.size.dim[i] > 1) once.size.dim[i] = 1;
    fv_tensor *zeros = fv_zeros(.shape = *fv_input_shape(c, 0), .dtype = fv_input_dtype(c, 0));
    gin[0] = fv_as_strided_scatter(zeros, fv_sum_to(gout[0], once.size), &once);
}

static const fv_op as_strided_op = {
    .name = "as_strided",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(fv_region),
    .option_fields = region_fields,
    .infer = as_strided_infer,
    .plan = plan_layout,
    .forward = as_strided_forward,
    .reference = as_strided_reference,
    .gradient = as_strided_gradient,
};
FV_REGISTER(as_strided_op);

fv_tensor *fv_as_strided(fv_tensor *x, const fv_region *region)
{
    return fv_apply(&as_strided_op, region, 1, &x);
}

/* --- as_strided_scatter ----------------------------------------------------------------------- */

static fv_status scatter_infer(fv_call *c)
{
    const fv_region *r = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_same_dtype(c, 0, "input", 1, "src");
    if (status == FV_OK) status = check_region(c, r);
    if (status != FV_OK) return status;
    fv_shape size = fv_shape_of(c->in[1]);
    if (!fv_shape_equal(&size, &r->size) || repeats(&size, &r->stride))
        return fv_reject(c, FV_ERR_SHAPE, "src %s does not fill size %s with stride %s",
                         fv_text(c->in[1]), fv_shape_text(&r->size), fv_shape_text(&r->stride));
    fv_shape shape = fv_shape_of(x);
    fv_output_contiguous(c, 0, x->dtype, &shape);
    if (fv_shape_numel(&shape) == span(&shape, &r->layout))
        memcpy(c->spec[0].strides, r->layout.dim, (size_t)shape.ndim * sizeof(int64_t));
    return FV_OK;
}

static void write_part(fv_call *c, copy_fn copy)
{
    const fv_region *r = c->options;
    fv_tensor *y = c->out[0];
    if (y->numel == 0) return;
    void *data = c->scratch ? c->scratch : y->data;
    fv_tensor whole = laid_out(y, r, data), part = part_of(y, r, data);
    copy(&whole, c->in[0]);
    if (part.numel > 0) copy(&part, c->in[1]);
    if (c->scratch) copy(y, &whole);
}

static void scatter_forward(fv_call *c)
{
    write_part(c, fv_copy_elements);
}

static void scatter_reference(fv_call *c)
{
    write_part(c, fv_copy_reference);
}

static void scatter_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const fv_region *r = c->options;
    if (fv_wants(c, 1)) gin[1] = fv_as_strided(gout[0], r);
    if (!fv_wants(c, 0) || fv_shape_numel(&r->size) == fv_shape_numel(fv_input_shape(c, 0))) return;
    fv_tensor *zeros = fv_zeros(.shape = r->size, .dtype = fv_input_dtype(c, 0));
    gin[0] = fv_as_strided_scatter(gout[0], zeros, r);
}

const fv_op fv_as_strided_scatter_op = {
    .name = "as_strided_scatter",
    .any_dtype = true,
    .inputs = 2,
    .input = {{.name = "input"}, {.name = "src"}},
    .outputs = 1,
    .options_size = sizeof(fv_region),
    .option_fields = region_fields,
    .infer = scatter_infer,
    .plan = plan_layout,
    .forward = scatter_forward,
    .reference = scatter_reference,
    .gradient = scatter_gradient,
};
FV_REGISTER(fv_as_strided_scatter_op);

fv_tensor *fv_as_strided_scatter(fv_tensor *x, fv_tensor *y, const fv_region *region)
{
    return FV_APPLY(&fv_as_strided_scatter_op, region, x, y);
}
