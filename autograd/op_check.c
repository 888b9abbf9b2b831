/* What infer and gradient functions use: messages, common checks, descriptions of outputs. */
#include <stdarg.h>
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/op.h"
#include "autograd/overlap_impl.h"
#include "autograd/tape_impl.h"
#include "tensor/constants.h"

/* --- messages --------------------------------------------------------------------------------- */

fv_status fv_reject(const fv_call *c, fv_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fv_vfail(status, c->op->name ? c->op->name : "op", format, args);
    va_end(args);
    return status;
}

const char *fv_text(const fv_tensor *t)
{
    if (!t) return "NULL";
    fv_shape shape = fv_shape_of(t);
    return fv_shape_text(&shape);
}

/* --- checks ----------------------------------------------------------------------------------- */

fv_status fv_need_floating(const fv_call *c, int input, const char *name)
{
    const fv_tensor *t = c->in[input];
    if (!t || fv_dtype_is_floating(t->dtype)) return FV_OK;
    return fv_reject(c, FV_ERR_DTYPE, "%s %s is %s, a floating type is needed (see fv_to)", name,
                     fv_text(t), fv_dtype_name(t->dtype));
}

fv_status fv_need_same_dtype(const fv_call *c, int a, const char *name_a, int b, const char *name_b)
{
    const fv_tensor *x = c->in[a], *y = c->in[b];
    if (!x || !y || x->dtype == y->dtype) return FV_OK;
    return fv_reject(c, FV_ERR_DTYPE, "%s %s is %s but %s %s is %s", name_a, fv_text(x),
                     fv_dtype_name(x->dtype), name_b, fv_text(y), fv_dtype_name(y->dtype));
}

fv_status fv_need_ndim(const fv_call *c, int input, const char *name, int low, int high)
{
    const fv_tensor *t = c->in[input];
    if (!t || (t->ndim >= low && t->ndim <= high)) return FV_OK;
    if (low == high)
        return fv_reject(c, FV_ERR_SHAPE, "%s %s has %d dimensions, %d are needed", name,
                         fv_text(t), t->ndim, low);
    return fv_reject(c, FV_ERR_SHAPE, "%s %s has %d dimensions, %d to %d are needed", name,
                     fv_text(t), t->ndim, low, high);
}

fv_status fv_need_dim(const fv_call *c, int input, int64_t *dim)
{
    const fv_tensor *t = c->in[input];
    int wrapped = fv_wrap_dim(*dim, t->ndim);
    if (wrapped < 0)
        return fv_reject(c, FV_ERR_INDEX, "dim %lld is out of range for shape %s", (long long)*dim,
                         fv_text(t));
    *dim = wrapped;
    return FV_OK;
}

fv_status fv_need_dims(const fv_call *c, const char *name, fv_dims option, int n, int64_t low,
                       int64_t *out)
{
    if (!fv_dims_spread(option, n, out))
        return fv_reject(c, FV_ERR_OPTION,
                         "%s must be one number or FV_DIMS of %d, one per spatial dimension", name,
                         n);
    for (int i = 0; i < n; i++)
        if (out[i] < low || out[i] > INT32_MAX)
            return fv_reject(c, FV_ERR_OPTION, "%s is %lld, must lie in [%lld, %lld]", name,
                             (long long)out[i], (long long)low, (long long)INT32_MAX);
    return FV_OK;
}

fv_status fv_need_size(const fv_call *c, const fv_shape *shape)
{
    fv_shape spanned = *shape; /* strides count an empty dimension as one of length 1 */
    bool negative = false;
    for (int i = 0; i < shape->ndim; i++) {
        negative |= shape->dim[i] < 0;
        if (spanned.dim[i] == 0) spanned.dim[i] = 1;
    }
    int64_t numel = fv_shape_numel(&spanned);
    if (!negative && numel >= 0 && numel <= (int64_t)1 << 49) return FV_OK;
    return fv_reject(c, FV_ERR_SHAPE, "a result of shape %s is beyond what memory can hold",
                     fv_shape_text(shape));
}

/* --- options -----------------------------------------------------------------------------------
 */

static bool takes(const fv_option *field, int64_t value)
{
    if (value == FV_UNSET) return true;
    if (value == FV_ALL) return field->takes & FV_TAKES_ALL;
    bool padding = value == FV_SAME || value == FV_VALID || value == FV_FULL;
    return padding && field->takes & FV_TAKES_PADDING;
}

/* A number that is so far below 0 may be a constant of another kind. */
static fv_status check_number(const fv_call *c, const fv_option *field, int64_t value)
{
    if (value >= FV_CONSTANTS_END) return FV_OK;
    const char *name = fv_constant_name(value);
    if (!name || takes(field, value)) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "%s is %s, which means nothing there", field->name, name);
}

static fv_status check_enum(const fv_call *c, const fv_option *field, int64_t value)
{
    if (fv_constant_in(value, field->first)) return FV_OK;
    fv_constant_ok(c->op->name, field->name, value, field->first);
    return FV_ERR_OPTION;
}

fv_status fv_check_options(const fv_call *c)
{
    fv_status status = FV_OK;
    for (const fv_option *f = c->op->option_fields; f && f->name && status == FV_OK; f++) {
        const void *at = (const char *)c->options + f->offset;
        switch (f->kind) {
        case FV_OPTION_INT:
        case FV_OPTION_DIM:
        case FV_OPTION_DIMS: status = check_number(c, f, *(const int64_t *)at); break;
        case FV_OPTION_ENUM: status = check_enum(c, f, *(const int64_t *)at); break;
        case FV_OPTION_DOUBLE:
        case FV_OPTION_BOOL:
        case FV_OPTION_SHAPE:
        case FV_OPTION_DTYPE: break;
        }
    }
    return status;
}

/* --- outputs ---------------------------------------------------------------------------------- */

void fv_output_contiguous(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape)
{
    c->spec[j].dtype = dtype;
    c->spec[j].shape = *shape;
    fv_strides_contiguous(shape, c->spec[j].strides);
}

void fv_output_channels_last(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape)
{
    c->spec[j].dtype = dtype;
    c->spec[j].shape = *shape;
    fv_strides_channels_last(shape, c->spec[j].strides);
}

void fv_output_like(fv_call *c, int j, const fv_tensor *t)
{
    c->spec[j].dtype = t->dtype;
    c->spec[j].shape = fv_shape_of(t);
    fv_strides_like(t, c->spec[j].strides);
}

void fv_output_view(fv_call *c, int j, int input, const fv_shape *shape, const int64_t *strides,
                    int64_t offset)
{
    c->spec[j].dtype = c->in[input]->dtype;
    c->spec[j].shape = *shape;
    memcpy(c->spec[j].strides, strides, (size_t)shape->ndim * sizeof *strides);
    c->spec[j].view_of = input;
    c->spec[j].offset = offset;
}

/* --- gradients -------------------------------------------------------------------------------- */

void fv_no_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)gout;
    for (int i = 0; i < c->inputs; i++) gin[i] = NULL;
}

bool fv_wants(const fv_call *c, int i)
{
    if (c->node) return c->node->in[i].edge.node || c->node->in[i].edge.leaf;
    return c->in[i] && c->in[i]->requires_grad && fv_grad_enabled();
}

const fv_shape *fv_input_shape(const fv_call *c, int i)
{
    return &c->node->in[i].meta.shape;
}

fv_tensor *fv_last_use(fv_tensor *t)
{
    if (fv_usable(t) && fv_is_exclusive(t)) t->last_use = true; /* another holder uses it again */
    return t;
}

fv_tensor *fv_take_gradient(const fv_call *c, int i)
{
    const fv_edge *e = &c->node->in[i].edge;
    if (!e->node || !e->node->grads[e->nr]) return NULL;
    fv_tensor *g = e->node->grads[e->nr];
    e->node->grads[e->nr] = NULL;
    return fv_scope_adopt(g);
}

fv_dtype fv_input_dtype(const fv_call *c, int i)
{
    return c->node->in[i].meta.dtype;
}

fv_order fv_input_order(const fv_call *c, int i)
{
    return c->node->in[i].meta.order;
}
