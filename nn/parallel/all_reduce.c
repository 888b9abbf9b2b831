/* The sum over ranks as an op: the gradient of a sum that all ranks see is the sum of what each of
 * them makes of it. */
#include <string.h>

#include "autograd/op.h"
#include "nn/parallel/distributed.h"
#include "nn/parallel/group_impl.h"
#include "tensor/memory.h"

static fv_status all_reduce_infer(fv_call *c)
{
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_floating(c, 0, "input");
    fv_shape shape = fv_shape_of(x);
    if (status == FV_OK) fv_output_contiguous(c, 0, x->dtype, &shape);
    return status;
}

/* What cannot be summed is an error that stands, though the op has a result: no step follows. */
static void all_reduce_forward(fv_call *c)
{
    fv_copy_elements(c->out[0], c->in[0]);
    fv_all_reduce_(c->out[0]);
}

static void all_reduce_reference(fv_call *c)
{
    all_reduce_forward(c);
}

static void all_reduce_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    gin[0] = fv_all_reduce(gout[0]);
}

static const fv_op all_reduce_op = {
    .name = "all_reduce",
    .inputs = 1,
    .outputs = 1,
    .input = {{.name = "input"}},
    .infer = all_reduce_infer,
    .forward = all_reduce_forward,
    .reference = all_reduce_reference,
    .gradient = all_reduce_gradient,
};

fv_tensor *fv_all_reduce(fv_tensor *x)
{
    return FV_APPLY(&all_reduce_op, NULL, x);
}
