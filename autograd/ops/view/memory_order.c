/* Inputs in row-major or channels-last order; see memory_order.h. */
#include "autograd/ops/view/memory_order.h"

#include "tensor/scratch.h"

bool fv_prefers_channels_last(const fv_tensor *x)
{
    if (fv_is_contiguous(x)) return false;
    return fv_is_channels_last(x) || (x->ndim > 1 && x->shape[1] > 1 && x->strides[1] == 1);
}

void fv_output_in_order(fv_call *c, int j, bool channels_last, fv_dtype dtype,
                        const fv_shape *shape)
{
    if (channels_last)
        fv_output_channels_last(c, j, dtype, shape);
    else
        fv_output_contiguous(c, j, dtype, shape);
}

size_t fv_order_bytes(const fv_tensor *x, bool channels_last)
{
    fv_scratch s = {0};
    if (!(channels_last ? fv_is_channels_last(x) : fv_is_contiguous(x)))
        fv_take(&s, (size_t)x->numel * fv_dtype_size(x->dtype));
    return s.used;
}

const void *fv_in_order(const fv_tensor *x, bool channels_last, void *scratch)
{
    if (fv_order_bytes(x, channels_last) == 0) return x->data;
    fv_tensor copy = fv_tensor_borrow(x);
    const fv_shape shape = fv_shape_of(x);
    if (channels_last)
        fv_strides_channels_last(&shape, copy.strides);
    else
        fv_strides_contiguous(&shape, copy.strides);
    copy.data = scratch;
    fv_copy_elements(&copy, x);
    return scratch;
}
