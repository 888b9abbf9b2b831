/* Batch norm with the statistics of all ranks: plain ops around two sums over the ranks, whose
 * gradients are such sums again.
 *
 *   n = sum over ranks of the elements of a channel
 *   mean = sum over ranks of x / n,  var = sum over ranks of (x - mean)^2 / n
 *   y = (x - mean) / sqrt(var + eps) * weight + bias
 *
 * The deviations are squared about the common mean, so nothing is lost where the mean is large. */
#include "nn/parallel/sync_norm_impl.h"

#include "autograd/autograd.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "nn/parallel/distributed.h"
#include "tensor/create.h"

/* A vector of channels as [1,C,1,...]. */
static fv_tensor *beside(fv_tensor *channels, const fv_tensor *x)
{
    fv_shape shape = {.ndim = x->ndim};
    for (int d = 0; d < x->ndim; d++) shape.dim[d] = d == 1 ? x->shape[1] : 1;
    return fv_view(channels, .shape = shape);
}

/* The sum over all dimensions but the channel's, and over all ranks. */
static fv_tensor *sum_channels(fv_tensor *x)
{
    fv_tensor *sum = x->ndim == 2   ? fv_sum(x, 0)
                     : x->ndim == 3 ? fv_sum(x, .dim = FV_DIMS(0, 2))
                     : x->ndim == 4 ? fv_sum(x, .dim = FV_DIMS(0, 2, 3))
                                    : fv_sum(x, .dim = FV_DIMS(0, 2, 3, 4));
    return fv_all_reduce(sum);
}

/* Elements of a channel, of all ranks; below 0 after an error. */
static double count_all(const fv_tensor *x)
{
    int64_t count = x->numel / x->shape[1];
    fv_tensor *t = fv_tensor_alloc(FV_INT64, &(fv_shape){0}, NULL);
    if (!t || fv_copy_in(t, FV_INT64, &count) != FV_OK || fv_all_reduce_(t) != FV_OK) {
        fv_release(t);
        return -1;
    }
    count = fv_item_int64(t);
    fv_release(t);
    return (double)count;
}

/* running += momentum * (now - running). */
static void move(fv_tensor *running, fv_tensor *now, double momentum)
{
    FV_NO_GRAD;
    fv_copy_(running, fv_add(fv_mul(running, 1.0 - momentum), fv_mul(now, momentum)));
}

static fv_status check(const fv_batch_norm_args *a, double count)
{
    if (count < 0) return fv_error_status();
    if (count < 2)
        return fv_fail(FV_ERR_SHAPE,
                       "batch_norm: one value per channel in training, on all %d ranks "
                       "together",
                       fv_get_world_size());
    const int64_t channels = a->input->shape[1];
    fv_tensor *const vectors[] = {a->running_mean, a->running_var, a->weight, a->bias};
    for (int i = 0; i < 4; i++)
        if (vectors[i] && (vectors[i]->ndim != 1 || vectors[i]->numel != channels))
            return fv_fail(FV_ERR_SHAPE,
                           "batch_norm: input has %lld channels, a parameter or "
                           "buffer %lld elements",
                           (long long)channels, (long long)vectors[i]->numel);
    return FV_OK;
}

static fv_tensor *normalise(const fv_batch_norm_args *a, double count)
{
    fv_tensor *x = a->input;
    fv_tensor *mean = fv_div(sum_channels(x), count);
    fv_tensor *centred = fv_sub(x, beside(mean, x));
    fv_tensor *var = fv_div(sum_channels(fv_square(centred)), count);
    fv_tensor *y = fv_mul(centred, beside(fv_rsqrt(fv_add(var, a->eps)), x));
    if (a->weight) y = fv_mul(y, beside(a->weight, x));
    if (a->bias) y = fv_add(y, beside(a->bias, x));
    if (a->residual) y = fv_add(y, a->residual);
    if (a->relu) y = fv_relu(y);
    if (fv_failed(y) || !a->running_mean) return y;
    move(a->running_mean, fv_detach(mean), a->momentum);
    move(a->running_var, fv_mul(fv_detach(var), count / (count - 1)), a->momentum);
    return y;
}

fv_tensor *fv_sync_batch_norm(const fv_batch_norm_args *a)
{
    const fv_tensor *x = a->input;
    if (!a->training || fv_get_world_size() == 1 || !fv_usable(x) || x->shapes_only ||
        x->ndim < 2 || x->ndim > 5 || x->shape[1] == 0)
        return fv_batch_norm_ex(a);
    const double count = count_all(x);
    return check(a, count) == FV_OK ? normalise(a, count) : fv_failed_tensor();
}
