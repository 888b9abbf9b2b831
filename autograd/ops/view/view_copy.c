/* Copies of a tensor in a certain order of memory: contiguous, channels_last, clone, flip. */
#include "autograd/ops/view/view.h"
#include "autograd/views_impl.h"
#include "tensor/kernels/view/flip.h"
#include "tensor/kernels/view/transpose.h"

static void copy_forward(fv_call *c)
{
    fv_copy_elements(c->out[0], c->in[0]);
}

static void copy_reference(fv_call *c)
{
    fv_copy_reference(c->out[0], c->in[0]);
}

/* dx = dy: the order of memory does not matter. */
static void copy_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    gin[0] = gout[0];
}

/* --- contiguous ------------------------------------------------------------------------------- */

static fv_status contiguous_infer(fv_call *c)
{
    fv_shape shape = fv_shape_of(c->in[0]);
    fv_output_contiguous(c, 0, c->in[0]->dtype, &shape);
    return FV_OK;
}

static const fv_op contiguous_op = {
    .name = "contiguous",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .infer = contiguous_infer,
    .forward = copy_forward,
    .reference = copy_reference,
    .gradient = copy_gradient,
    .window = fv_window_same,
};
FV_REGISTER(contiguous_op);

fv_tensor *fv_contiguous(fv_tensor *x)
{
    if (fv_usable(x) && fv_is_contiguous(x)) return fv_scope_adopt(fv_retain(x));
    return fv_apply(&contiguous_op, NULL, 1, &x);
}

/* --- channels_last ---------------------------------------------------------------------------- */

static fv_status channels_last_infer(fv_call *c)
{
    fv_status status = fv_need_ndim(c, 0, "input", 3, 5);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(c->in[0]);
    fv_output_channels_last(c, 0, c->in[0]->dtype, &shape);
    return FV_OK;
}

static const fv_op channels_last_op = {
    .name = "to_channels_last",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .infer = channels_last_infer,
    .forward = copy_forward,
    .reference = copy_reference,
    .gradient = copy_gradient,
    .window = fv_window_same,
};
FV_REGISTER(channels_last_op);

fv_tensor *fv_order_channels_last(fv_tensor *x)
{
    if (fv_usable(x) && fv_is_channels_last(x)) return fv_scope_adopt(fv_retain(x));
    return fv_apply(&channels_last_op, NULL, 1, &x);
}

fv_tensor *fv_to_channels_last(fv_tensor *x)
{
    bool already = fv_usable(x) && fv_is_channels_last(x) && !fv_is_contiguous(x);
    fv_tensor *y = fv_order_channels_last(x);
    if (!already && !y->failed && y != x) y->users_order = true;
    return y;
}

/* --- clone ------------------------------------------------------------------------------------ */

static fv_status clone_infer(fv_call *c)
{
    fv_output_like(c, 0, c->in[0]);
    return FV_OK;
}

static const fv_op clone_op = {
    .name = "clone",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .infer = clone_infer,
    .forward = copy_forward,
    .reference = copy_reference,
    .gradient = copy_gradient,
    .window = fv_window_same,
};
FV_REGISTER(clone_op);

fv_tensor *fv_clone(fv_tensor *x)
{
    return fv_apply(&clone_op, NULL, 1, &x);
}

/* --- flip ------------------------------------------------------------------------------------- */

typedef struct flip_options {
    fv_dims dim;
} flip_options;

static const fv_option flip_fields[] = {FV_TAKING(flip_options, dim, FV_OPTION_DIMS, FV_TAKES_ALL),
                                        {.name = NULL}};

static fv_status flip_infer(fv_call *c)
{
    const flip_options *a = c->options;
    const fv_tensor *x = c->in[0];
    int64_t dims[FV_MAX_DIMS];
    int count = a->dim == FV_ALL ? 0 : fv_dims_unpack(a->dim, dims);
    uint32_t named = 0;
    if (a->dim != FV_ALL && count == 0) return fv_reject(c, FV_ERR_OPTION, "dim is invalid");
    for (int i = 0; i < count; i++) {
        fv_status status = fv_need_dim(c, 0, &dims[i]);
        if (status != FV_OK) return status;
        if (named & 1u << dims[i]) {
            return fv_reject(c, FV_ERR_OPTION, "dimension %lld of input %s is named twice",
                             (long long)dims[i], fv_text(x));
        }
        named |= 1u << dims[i];
    }
    fv_output_like(c, 0, x);
    return FV_OK;
}

static uint32_t reversed_dims(const fv_call *c)
{
    return fv_dims_mask(((const flip_options *)c->options)->dim, c->in[0]->ndim);
}

static void flip_forward(fv_call *c)
{
    fv_flip_copy(c->machine, c->out[0], c->in[0], reversed_dims(c));
}

/* Reads slice by slice of the first reversed dimension, backwards, until none is left. */
static void flip_slices(fv_tensor *y, const fv_tensor *x, uint32_t mask)
{
    int dim = 0;
    while (dim < x->ndim && !(mask & 1u << dim)) dim++;
    if (x->numel == 0) return;
    if (dim >= x->ndim) {
        fv_copy_reference(y, x);
        return;
    }
    fv_tensor to = fv_tensor_borrow(y), from = fv_tensor_borrow(x);
    size_t size = fv_dtype_size(x->dtype);
    to.numel = from.numel = x->numel / x->shape[dim];
    to.shape[dim] = from.shape[dim] = 1;
    for (int64_t i = 0; i < x->shape[dim]; i++) {
        int64_t mirrored = x->shape[dim] - 1 - i;
        to.data = (char *)y->data + (size_t)(i * y->strides[dim]) * size;
        from.data = (char *)x->data + (size_t)(mirrored * x->strides[dim]) * size;
        flip_slices(&to, &from, mask & ~(1u << dim));
    }
}

static void flip_reference(fv_call *c)
{
    flip_slices(c->out[0], c->in[0], reversed_dims(c));
}

static void flip_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_flip(gout[0], ((const flip_options *)c->options)->dim);
}

static bool flip_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const int64_t last = c->in[0]->shape[dim] - 1;
    if (reversed_dims(c) >> dim & 1) return fv_window_sliding(dim, 1, -1, -last, w);
    return fv_window_same(c, input, output, dim, w);
}

static const fv_op flip_op = {
    .name = "flip",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(flip_options),
    .option_fields = flip_fields,
    .infer = flip_infer,
    .forward = flip_forward,
    .reference = flip_reference,
    .gradient = flip_gradient,
    .window = flip_window,
};
FV_REGISTER(flip_op);

fv_tensor *fv_flip(fv_tensor *x, fv_dims dim)
{
    return fv_apply(&flip_op, &(flip_options){.dim = dim}, 1, &x);
}
