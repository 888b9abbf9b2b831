/* Helpers of the layers: making parameters, checking options, printing them. */
#include "nn/layer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/init.h"
#include "tensor/constants.h"
#include "tensor/create.h"
#include "tensor/numerals.h"

/* --- parameters ------------------------------------------------------------------------- */

static fv_status add_filled(fv_module *m, const char *name, fv_shape shape, fv_dtype dtype,
                            double bound, double value, bool parameter)
{
    if (!m) return FV_ERR_STATE;
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        fv_tensor *t = fv_empty(.shape = shape, .dtype = dtype);
        if (!fv_failed(t))
            t = bound >= 0.0 ? fv_init_uniform_(t, -bound, bound) : fv_init_constant_(t, value);
        status = parameter ? fv_module_add_parameter(m, name, t) : fv_module_add_buffer(m, name, t);
    }
    return status;
}

fv_status fv_layer_parameter(fv_module *m, const char *name, fv_shape shape, fv_dtype dtype,
                             double bound, double value)
{
    return add_filled(m, name, shape, dtype, bound, value, true);
}

fv_status fv_layer_buffer(fv_module *m, const char *name, fv_shape shape, fv_dtype dtype,
                          double value)
{
    return add_filled(m, name, shape, dtype, -1.0, value, false);
}

fv_status fv_layer_dims(const char *layer, const char *option, fv_dims dims, int n, int64_t low,
                        int64_t *out)
{
    if (!fv_dims_spread(dims, n, out))
        return fv_fail(FV_ERR_OPTION, "%s: %s must be one number or %d", layer, option, n);
    const char *constant = fv_constant_name(dims);
    if (constant)
        return fv_fail(FV_ERR_OPTION, "%s: %s is %s, which means nothing there", layer, option,
                       constant);
    for (int d = 0; d < n; d++)
        if (out[d] < low)
            return fv_fail(FV_ERR_OPTION, "%s: %s is %lld, must be >= %lld", layer, option,
                           (long long)out[d], (long long)low);
    return FV_OK;
}

/* --- text ------------------------------------------------------------------------------- */

const char *fv_dims_describe(fv_dims dims, int n, char text[FV_DIMS_TEXT])
{
    int64_t values[FV_MAX_DIMS];
    if (dims == FV_SAME) return "same";
    if (dims == FV_VALID) return "valid";
    if (dims == FV_FULL) return "full";
    int count = fv_dims_unpack(dims, values);
    if (n > 0) {
        count = n;
        if (!fv_dims_spread(dims, n, values)) return "?";
    }
    if (n <= 0 && count == 1) {
        snprintf(text, FV_DIMS_TEXT, "%lld", (long long)values[0]);
        return text;
    }
    size_t used = 1;
    text[0] = '(';
    for (int d = 0; d < count && used < FV_DIMS_TEXT; d++)
        used += (size_t)snprintf(text + used, FV_DIMS_TEXT - used, d ? ", %lld" : "%lld",
                                 (long long)values[d]);
    if (used < FV_DIMS_TEXT) snprintf(text + used, FV_DIMS_TEXT - used, count == 1 ? ",)" : ")");
    return text;
}

const char *fv_number_describe(double value, char text[FV_DIMS_TEXT])
{
    int digits = 1;
    do fv_format(text, FV_DIMS_TEXT, "%.*e", digits - 1, value);
    while (fv_parse_number(text, NULL) != value && digits++ < 17);
    const char *mark = strchr(text, 'e');
    if (!mark) return text; /* inf, nan */
    int exponent = (int)strtol(mark + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16) return text;
    int decimals = digits - 1 - exponent;
    fv_format(text, FV_DIMS_TEXT, "%.*f", decimals > 1 ? decimals : 1, value);
    return text;
}
