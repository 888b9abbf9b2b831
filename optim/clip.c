/* Gradient clipping. Norms are summed in double by chunks that depend on the size alone, so the
 * result does not depend on the number of threads. */
#include "optim/clip.h"

#include <math.h>

#include "autograd/autograd.h"
#include "optim/update_impl.h"
#include "tensor/ranges.h"

static fv_status check_params(const char *name, fv_tensor_list params)
{
    if (params.count < 0 || (!params.items && params.count > 0))
        return fv_fail(FV_ERR_OPTION, "%s: the list of parameters is missing", name);
    for (int64_t i = 0; i < params.count; i++)
        if (fv_failed_in(name, params.items[i]))
            return fv_fail(FV_ERR_OPTION, "%s: parameter %lld is missing or failed", name,
                           (long long)i);
    for (int64_t i = 0; i < params.count; i++)
        if (fv_is_shapes_only(fv_grad_of(params.items[i])))
            return fv_fail(FV_ERR_STATE, "%s: the gradient of parameter %lld has only a shape",
                           name, (long long)i);
    return FV_OK;
}

/* A gradient whose elements lie side by side and belong to it alone, so that they may be
 * overwritten: the gradient itself, or a copy that takes its place. NULL when memory is out. */
static fv_tensor *own_gradient(fv_tensor *param)
{
    fv_tensor *grad = fv_grad_of(param);
    if (fv_is_dense(grad) && grad->storage->refcount == 1 && fv_reference_count(grad) == 1 &&
        !grad->base)
        return grad;
    int64_t strides[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(grad);
    fv_strides_like(param, strides);
    fv_tensor *copy = fv_tensor_alloc(grad->dtype, &shape, strides);
    if (!copy) return NULL;
    fv_copy_elements(copy, grad);
    fv_status status = fv_set_grad(param, copy);
    fv_release(copy);
    return status == FV_OK ? fv_grad_of(param) : NULL;
}

/* Every gradient is made ready before the first is changed. */
static fv_status own_gradients(const char *name, fv_tensor_list params)
{
    for (int64_t i = 0; i < params.count; i++)
        if (fv_grad_of(params.items[i]) && !own_gradient(params.items[i]))
            return fv_fail(FV_ERR_MEMORY, "%s: out of memory", name);
    return FV_OK;
}

static double element(const fv_tensor *t, int64_t i)
{
    return t->dtype == FV_FLOAT32 ? (double)((const float *)t->data)[i]
                                  : ((const double *)t->data)[i];
}

/* Sum of |x|^p over a range; the largest |x| for p = infinity, where NaN wins. */
static double range_norm(const fv_update_kernels *kernels, const fv_tensor *t, double p,
                         int64_t start, int64_t stop)
{
    if (p == 2.0) return kernels->sum_squares[t->dtype == FV_FLOAT64](t->data, start, stop);
    double total = 0.0;
    for (int64_t i = start; i < stop; i++) {
        double x = fabs(element(t, i));
        if (!isinf(p))
            total += p == 1.0 ? x : pow(x, p);
        else if (x > total || isnan(x))
            total = isnan(total) ? total : x;
    }
    return total;
}

static double combine(double a, double b, double p)
{
    if (!isinf(p)) return a + b;
    return isnan(a) || a > b ? a : b; /* a NaN in b wins, since a > NaN is false */
}

typedef struct norm_job {
    const fv_update_kernels *kernels;
    const fv_tensor *t;
    double p;
    int64_t chunks;
    double norms[FV_MAX_CHUNKS]; /* by chunk */
} norm_job;

typedef struct scale_job {
    const fv_update_kernels *kernels;
    const fv_tensor *t;
    double factor;
} scale_job;

static int64_t grain_start(const fv_tensor *t, int64_t grain)
{
    int64_t start = grain * FV_UPDATE_GRAIN;
    return start < t->numel ? start : t->numel;
}

static void norm_chunk(void *job, int64_t chunk, int slot)
{
    norm_job *j = job;
    int64_t grains = fv_update_grains(j->t->numel);
    int64_t first = fv_chunk_begin(grains, j->chunks, chunk);
    int64_t last = fv_chunk_begin(grains, j->chunks, chunk + 1);
    (void)slot;
    j->norms[chunk] =
        range_norm(j->kernels, j->t, j->p, grain_start(j->t, first), grain_start(j->t, last));
}

static double tensor_norm(fv_machine m, const fv_tensor *t, double p)
{
    norm_job job = {.kernels = FV_ISA_PICK(fv_update_kernels_, m.isa), .t = t, .p = p};
    double nanoseconds = (double)t->numel * (p == 2.0 || p == 1.0 ? 0.3 : 10.0), total = 0.0;
    job.chunks = fv_chunks_for(nanoseconds, fv_update_grains(t->numel));
    fv_parallel(fv_threads_for(m, nanoseconds), job.chunks, norm_chunk, &job);
    for (int64_t k = 0; k < job.chunks; k++) total = combine(total, job.norms[k], p);
    return total;
}

static void scale_grains(const void *job, int64_t first, int64_t last)
{
    const scale_job *j = job;
    j->kernels->scale[j->t->dtype == FV_FLOAT64](j->t->data, j->factor, grain_start(j->t, first),
                                                 grain_start(j->t, last));
}

static void scale_tensor(fv_machine m, fv_tensor *t, double factor)
{
    const scale_job job = {FV_ISA_PICK(fv_update_kernels_, m.isa), t, factor};
    fv_parallel_ranges(m, (double)t->numel * 0.2, fv_update_grains(t->numel), scale_grains, &job);
    fv_bump_version(t);
}

const fv_clip_grad_norm_args fv_clip_grad_norm_defaults = {FV_CLIP_GRAD_NORM_DEFAULTS};

double fv_clip_grad_norm_ex_(const fv_clip_grad_norm_args *a)
{
    if (!fv_args_ok("clip_grad_norm_", a, sizeof *a)) return (double)NAN;
    const char *name = "clip_grad_norm_";
    const double failed = (double)NAN;
    if (check_params(name, a->params) != FV_OK) return failed;
    if (!(a->max_norm >= 0.0) || !(a->norm_type > 0.0)) {
        fv_fail(FV_ERR_OPTION, "%s: max_norm %g must be >= 0 and norm_type %g > 0", name,
                a->max_norm, a->norm_type);
        return failed;
    }
    if (own_gradients(name, a->params) != FV_OK) return failed;
    const fv_machine machine = fv_machine_now();
    double norm = 0.0;
    for (int64_t i = 0; i < a->params.count; i++) {
        const fv_tensor *grad = fv_grad_of(a->params.items[i]);
        if (grad) norm = combine(norm, tensor_norm(machine, grad, a->norm_type), a->norm_type);
    }
    if (!isinf(a->norm_type)) norm = a->norm_type == 2.0 ? sqrt(norm) : pow(norm, 1 / a->norm_type);
    if (a->error_if_nonfinite && !isfinite(norm)) {
        fv_fail(FV_ERR_OPTION, "%s: the norm of the gradients is %g", name, norm);
        return failed;
    }
    double factor = a->max_norm / (norm + 1e-6);
    if (factor >= 1.0) return norm;
    for (int64_t i = 0; i < a->params.count; i++) {
        fv_tensor *grad = fv_grad_of(a->params.items[i]);
        if (grad) scale_tensor(machine, grad, factor);
    }
    return norm;
}

static void clamp_tensor(fv_tensor *t, double limit)
{
    for (int64_t i = 0; i < t->numel; i++) {
        double x = element(t, i);
        if (!(fabs(x) > limit)) continue;
        if (t->dtype == FV_FLOAT32)
            ((float *)t->data)[i] = copysignf((float)limit, (float)x);
        else
            ((double *)t->data)[i] = copysign(limit, x);
    }
    fv_bump_version(t);
}

fv_status fv_clip_grad_value_(fv_tensor_list params, double clip_value)
{
    const char *name = "clip_grad_value_";
    fv_status status = check_params(name, params);
    if (status != FV_OK) return status;
    if (!(clip_value >= 0.0))
        return fv_fail(FV_ERR_OPTION, "%s: clip_value %g is negative or NaN", name, clip_value);
    status = own_gradients(name, params);
    for (int64_t i = 0; i < params.count && status == FV_OK; i++) {
        fv_tensor *grad = fv_grad_of(params.items[i]);
        if (grad) clamp_tensor(grad, clip_value);
    }
    return status;
}
