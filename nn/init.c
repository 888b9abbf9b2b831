/* Initialisation of parameters. */
#include "nn/init.h"

#include <math.h>

#include "autograd/autograd.h"
#include "tensor/create.h"

static fv_status check_tensor(const char *name, const fv_tensor *t, bool floating)
{
    if (fv_failed_in(name, t))
        return fv_fail(FV_ERR_OPTION, "%s: the tensor is missing or failed", name);
    if (floating && !fv_dtype_is_floating(t->dtype))
        return fv_fail(FV_ERR_DTYPE, "%s: %s is not floating", name, fv_dtype_name(t->dtype));
    return FV_OK;
}

static void overwrite(fv_tensor *t, const fv_tensor *values)
{
    fv_copy_elements(t, values);
    fv_bump_version(t);
}

/* t = shift + scale * a draw. False: memory is out. */
static bool overwrite_random(fv_tensor *t, bool normal, double scale, double shift)
{
    FV_NO_GRAD;
    FV_SCOPE;
    fv_create_args args = fv_create_defaults;
    args.shape = fv_shape_of(t);
    args.dtype = t->dtype;
    fv_tensor *draw = normal ? fv_randn_ex(&args) : fv_rand_ex(&args);
    if (fv_failed(draw)) return false;
    for (int64_t i = 0; i < draw->numel; i++) {
        if (t->dtype == FV_FLOAT32) {
            float *x = (float *)draw->data + i;
            *x = (float)(shift + scale * (double)*x);
        } else {
            double *x = (double *)draw->data + i;
            *x = shift + scale * *x;
        }
    }
    overwrite(t, draw);
    return true;
}

/* t = shift + scale * draw, draw being U[0, 1) or N(0, 1). */
static fv_tensor *fill_random(const char *name, fv_tensor *t, bool normal, double scale,
                              double shift)
{
    if (check_tensor(name, t, true) != FV_OK) return fv_failed_tensor();
    if (!isfinite(scale) || !isfinite(shift)) {
        fv_fail(FV_ERR_OPTION, "%s: a bound is not finite", name);
        return fv_failed_tensor();
    }
    if (t->shapes_only) return t;
    bool mode = fv_set_shapes_only(false); /* t has elements, whatever is made here */
    bool drawn = overwrite_random(t, normal, scale, shift);
    fv_set_shapes_only(mode);
    return drawn ? t : fv_failed_tensor();
}

const fv_init_uniform_args fv_init_uniform_defaults = {FV_INIT_UNIFORM_DEFAULTS};

fv_tensor *fv_init_uniform_ex_(const fv_init_uniform_args *a)
{
    if (!fv_args_ok("init_uniform_", a, sizeof *a)) return fv_failed_tensor();
    if (!(a->a <= a->b)) {
        fv_fail(FV_ERR_OPTION, "init_uniform_: a %g must be <= b %g", a->a, a->b);
        return fv_failed_tensor();
    }
    return fill_random("init_uniform_", a->tensor, false, a->b - a->a, a->a);
}

const fv_init_normal_args fv_init_normal_defaults = {FV_INIT_NORMAL_DEFAULTS};

fv_tensor *fv_init_normal_ex_(const fv_init_normal_args *a)
{
    if (!fv_args_ok("init_normal_", a, sizeof *a)) return fv_failed_tensor();
    if (!(a->std >= 0.0)) {
        fv_fail(FV_ERR_OPTION, "init_normal_: std is %g, must be >= 0", a->std);
        return fv_failed_tensor();
    }
    return fill_random("init_normal_", a->tensor, true, a->std, a->mean);
}

/* t = value. False: memory is out. */
static bool overwrite_constant(fv_tensor *t, double value)
{
    FV_SCOPE;
    fv_tensor *one = fv_scalar(value, t->dtype);
    if (fv_failed(one)) return false;
    fv_shape shape = fv_shape_of(t);
    int64_t strides[FV_MAX_DIMS] = {0};
    fv_tensor *all = fv_tensor_alias(one, &shape, strides, 0);
    if (!all) {
        fv_fail(FV_ERR_MEMORY, "init_constant_: out of memory");
        return false;
    }
    overwrite(t, all);
    fv_release(all);
    return true;
}

fv_tensor *fv_init_constant_(fv_tensor *t, double value)
{
    if (check_tensor("init_constant_", t, false) != FV_OK) return fv_failed_tensor();
    if (t->shapes_only) return t;
    bool mode = fv_set_shapes_only(false);
    bool filled = overwrite_constant(t, value);
    fv_set_shapes_only(mode);
    return filled ? t : fv_failed_tensor();
}

fv_tensor *fv_init_zeros_(fv_tensor *t)
{
    return fv_init_constant_(t, 0.0);
}

fv_tensor *fv_init_ones_(fv_tensor *t)
{
    return fv_init_constant_(t, 1.0);
}

/* --- fans and gains --------------------------------------------------------------------- */

static int64_t fan(const char *name, const fv_tensor *t, int dim)
{
    if (check_tensor(name, t, false) != FV_OK) return 0;
    if (t->ndim < 2) {
        fv_shape shape = fv_shape_of(t);
        fv_fail(FV_ERR_SHAPE, "%s: a fan needs at least two dimensions; the tensor is %s", name,
                fv_shape_text(&shape));
        return 0;
    }
    int64_t product = t->shape[dim];
    for (int d = 2; d < t->ndim; d++) product *= t->shape[d];
    return product;
}

int64_t fv_init_calculate_fan_in(const fv_tensor *t)
{
    return fan("calculate_fan_in", t, 1);
}

int64_t fv_init_calculate_fan_out(const fv_tensor *t)
{
    return fan("calculate_fan_out", t, 0);
}

double fv_init_calculate_gain(fv_nonlinearity nonlinearity, double slope)
{
    if (!fv_constant_ok("calculate_gain", "nonlinearity", nonlinearity, FV_NONLINEARITY_FIRST))
        return (double)NAN;
    if (slope != 0.0 && nonlinearity != FV_NONLINEARITY_LEAKY_RELU) {
        fv_fail(FV_ERR_OPTION, "calculate_gain: a slope of %g goes with a leaky ReLU alone", slope);
        return (double)NAN;
    }
    switch (nonlinearity) {
    case FV_NONLINEARITY_LEAKY_RELU: return sqrt(2.0 / (1.0 + slope * slope));
    case FV_NONLINEARITY_RELU: return sqrt(2.0);
    case FV_NONLINEARITY_LINEAR: return 1.0;
    case FV_NONLINEARITY_TANH: return 5.0 / 3.0;
    case FV_NONLINEARITY_SELU: return 3.0 / 4.0;
    }
    return (double)NAN;
}

/* --- kaiming and xavier ----------------------------------------------------------------- */

/* Numbers of standard deviation std; nothing to do in an empty tensor, whose fans may be 0. */
static fv_tensor *fill_spread(const char *name, fv_tensor *t, bool normal, double std)
{
    if (t->numel == 0) return t;
    double bound = sqrt(3.0) * std;
    return fill_random(name, t, normal, normal ? std : 2.0 * bound, normal ? 0.0 : -bound);
}

static fv_tensor *kaiming(const char *name, const fv_init_kaiming_args *a, bool normal)
{
    if (check_tensor(name, a->tensor, true) != FV_OK) return fv_failed_tensor();
    if (!fv_constant_ok(name, "mode", a->mode, FV_FAN_MODE_FIRST)) return fv_failed_tensor();
    if (a->tensor->ndim < 2) {
        fan(name, a->tensor, 0); /* records the error */
        return fv_failed_tensor();
    }
    double gain = fv_init_calculate_gain(a->nonlinearity, a->a);
    if (isnan(gain)) return fv_failed_tensor();
    int64_t count = fan(name, a->tensor, a->mode == FV_FAN_IN ? 1 : 0);
    return fill_spread(name, a->tensor, normal, gain / sqrt((double)count));
}

const fv_init_kaiming_args fv_init_kaiming_defaults = {FV_INIT_KAIMING_DEFAULTS};

fv_tensor *fv_init_kaiming_uniform_ex_(const fv_init_kaiming_args *a)
{
    if (!fv_args_ok("init_kaiming_uniform_", a, sizeof *a)) return fv_failed_tensor();
    return kaiming("init_kaiming_uniform_", a, false);
}

fv_tensor *fv_init_kaiming_normal_ex_(const fv_init_kaiming_args *a)
{
    if (!fv_args_ok("init_kaiming_normal_", a, sizeof *a)) return fv_failed_tensor();
    return kaiming("init_kaiming_normal_", a, true);
}

static fv_tensor *xavier(const char *name, const fv_init_xavier_args *a, bool normal)
{
    if (check_tensor(name, a->tensor, true) != FV_OK) return fv_failed_tensor();
    int64_t in = fan(name, a->tensor, 1), out = a->tensor->ndim < 2 ? 0 : fan(name, a->tensor, 0);
    if (a->tensor->ndim < 2) return fv_failed_tensor();
    return fill_spread(name, a->tensor, normal, a->gain * sqrt(2.0 / ((double)in + (double)out)));
}

const fv_init_xavier_args fv_init_xavier_defaults = {FV_INIT_XAVIER_DEFAULTS};

fv_tensor *fv_init_xavier_uniform_ex_(const fv_init_xavier_args *a)
{
    if (!fv_args_ok("init_xavier_uniform_", a, sizeof *a)) return fv_failed_tensor();
    return xavier("init_xavier_uniform_", a, false);
}

fv_tensor *fv_init_xavier_normal_ex_(const fv_init_xavier_args *a)
{
    if (!fv_args_ok("init_xavier_normal_", a, sizeof *a)) return fv_failed_tensor();
    return xavier("init_xavier_normal_", a, true);
}
