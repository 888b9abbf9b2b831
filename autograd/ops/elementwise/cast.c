/* fv_to: the same elements in another dtype. */
#include <stddef.h>

#include "autograd/op.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "tensor/kernels/element.h"

typedef struct to_options {
    fv_dtype dtype;
} to_options;

static fv_status to_infer(fv_call *c)
{
    const to_options *a = c->options;
    if (!fv_dtype_exists(a->dtype))
        return fv_reject(c, FV_ERR_DTYPE, "%d is no dtype", (int)a->dtype);
    fv_output_like(c, 0, c->in[0]);
    c->spec[0].dtype = a->dtype;
    c->spec[0].constant = !fv_dtype_is_floating(a->dtype);
    return fv_need_size(c, &c->spec[0].shape);
}

static void to_forward(fv_call *c)
{
    fv_copy_elements(c->out[0], c->in[0]);
}

static void to_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    gin[0] = fv_to(gout[0], fv_input_dtype(c, 0));
}

static void to_reference(fv_call *c)
{
    const fv_tensor *x = c->in[0], *y = c->out[0];
    int64_t index[FV_MAX_DIMS] = {0};
    for (int64_t i = 0; i < x->numel; i++) {
        int64_t from = 0, at = 0;
        for (int d = 0; d < x->ndim; d++) {
            from += index[d] * x->strides[d];
            at += index[d] * y->strides[d];
        }
        if (fv_dtype_row_of(x->dtype)->kind == FV_KIND_FLOATING)
            fv_element_set(y, at, fv_element_get(x, from));
        else
            fv_element_set_int(y, at, fv_element_get_int(x, from));
        for (int d = x->ndim - 1; d >= 0 && ++index[d] == x->shape[d]; d--) index[d] = 0;
    }
}

static const fv_option to_fields[] = {
    FV_FIELD(to_options, dtype, FV_OPTION_DTYPE),
    {.name = NULL},
};

static const fv_op to_op = {
    .name = "to",
    .any_dtype = true,
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "input"}},
    .options_size = sizeof(to_options),
    .infer = to_infer,
    .forward = to_forward,
    .reference = to_reference,
    .gradient = to_gradient,
    .option_fields = to_fields,
    .window = fv_window_same,
};
FV_REGISTER(to_op);

fv_tensor *fv_to(fv_tensor *x, fv_dtype dtype)
{
    if (fv_usable(x) && x->dtype == dtype) return x;
    return fv_apply(&to_op, &(const to_options){dtype}, 1, &x);
}
