/* The names of the constants; see constants.h. */
#include "tensor/constants.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "tensor/error.h"
#include "tensor/shape.h"

enum { MOST = 8 }; /* names of an enum, and NULL */

static const struct kind {
    int64_t first;
    const char *names[MOST];
} kinds[] = {
    {FV_REDUCTION_FIRST, {"FV_MEAN", "FV_SUM", "FV_NONE"}},
    {FV_PAD_MODE_FIRST,
     {"FV_PAD_CONSTANT", "FV_PAD_REFLECT", "FV_PAD_REPLICATE", "FV_PAD_CIRCULAR"}},
    {FV_ANNEAL_FIRST, {"FV_ANNEAL_COS", "FV_ANNEAL_LINEAR"}},
    {FV_PLATEAU_MODE_FIRST, {"FV_MODE_MIN", "FV_MODE_MAX"}},
    {FV_THRESHOLD_MODE_FIRST, {"FV_THRESHOLD_REL", "FV_THRESHOLD_ABS"}},
    {FV_FAN_MODE_FIRST, {"FV_FAN_IN", "FV_FAN_OUT"}},
    {FV_NONLINEARITY_FIRST,
     {"FV_NONLINEARITY_LEAKY_RELU", "FV_NONLINEARITY_RELU", "FV_NONLINEARITY_LINEAR",
      "FV_NONLINEARITY_TANH", "FV_NONLINEARITY_SELU"}},
    {FV_CONV_PRECISION_FIRST, {"FV_CONV_FAST", "FV_CONV_ACCURATE", "FV_CONV_EXACT"}},
    {FV_INTERPOLATION_FIRST,
     {"FV_NEAREST", "FV_NEAREST_EXACT", "FV_LINEAR", "FV_BILINEAR", "FV_BICUBIC", "FV_TRILINEAR",
      "FV_AREA"}},
    {FV_IMAGE_MODE_FIRST,
     {"FV_IMAGE_UNCHANGED", "FV_IMAGE_GRAY", "FV_IMAGE_GRAY_ALPHA", "FV_IMAGE_RGB",
      "FV_IMAGE_RGB_ALPHA"}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *name_in(const struct kind *k, int64_t value)
{
    bool within = value >= k->first && value < k->first + MOST;
    return within ? k->names[value - k->first] : NULL;
}

static const struct kind *kind_of(int64_t first)
{
    for (int i = 0; i < KINDS; i++)
        if (kinds[i].first == first) return &kinds[i];
    return NULL;
}

const char *fv_constant_name(int64_t value)
{
    switch (value) {
    case FV_SAME: return "FV_SAME";
    case FV_VALID: return "FV_VALID";
    case FV_FULL: return "FV_FULL";
    case FV_ALL: return "FV_ALL";
    case FV_UNSET: return "FV_UNSET";
    default: break;
    }
    for (int i = 0; i < KINDS; i++)
        if (name_in(&kinds[i], value)) return name_in(&kinds[i], value);
    return NULL;
}

bool fv_constant_in(int64_t value, int64_t first)
{
    const struct kind *k = kind_of(first);
    return k && name_in(k, value);
}

const char *fv_constants_text(int64_t first)
{
    static _Thread_local char text[256];
    const struct kind *k = kind_of(first);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; k && i < MOST && k->names[i] && used < sizeof text; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", k->names[i]);
    return text;
}

bool fv_constant_ok(const char *function, const char *option, int64_t value, int64_t first)
{
    if (fv_constant_in(value, first)) return true;
    const char *name = fv_constant_name(value);
    if (name)
        fv_fail(FV_ERR_OPTION, "%s: %s is %s; it takes %s", function, option, name,
                fv_constants_text(first));
    else
        fv_fail(FV_ERR_OPTION, "%s: %s is %" PRId64 "; it takes %s", function, option, value,
                fv_constants_text(first));
    return false;
}
