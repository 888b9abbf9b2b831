/* The modes of convolution; see conv_mode.h. */
#include "tensor/conv_mode.h"

#include <stdatomic.h>
#include <stddef.h>

#include "tensor/environment.h"
#include "tensor/error.h"

static const char *const precisions[] = {"fast", "accurate", "exact", NULL};
static const char *const algorithms[] = {"any",    "gemm",    "depthwise", "few",
                                         "merged", "product", "winograd",  NULL};

static const char *const switches[] = {"0", "1", NULL};

/* -1: not yet known */
static atomic_int precision = -1, algorithm = -1, benchmark = -1;

/* A mode's number; from the environment unless it has been set. */
static int number(atomic_int *mode, const char *variable, const char *const *names)
{
    int now = atomic_load_explicit(mode, memory_order_relaxed), unknown = -1;
    if (now >= 0) return now;
    const int asked = fv_environment_word(variable, names);
    now = asked < 0 ? 0 : asked;
    return atomic_compare_exchange_strong(mode, &unknown, now) ? now : unknown;
}

void fv_set_conv_precision(fv_conv_precision p)
{
    if (fv_constant_ok("set_conv_precision", "precision", p, FV_CONV_PRECISION_FIRST))
        atomic_store(&precision, (int)p - FV_CONV_PRECISION_FIRST);
}

fv_conv_precision fv_get_conv_precision(void)
{
    const int now = number(&precision, "FOVEA_CONV_PRECISION", precisions);
    return (fv_conv_precision)(FV_CONV_PRECISION_FIRST + now);
}

void fv_set_conv_algorithm(const char *name)
{
    int i = 0;
    while (name && algorithms[i] && !fv_same_word(name, algorithms[i])) i++;
    if (algorithms[i])
        atomic_store(&algorithm, i);
    else
        fv_warn("convolution has no algorithm '%s'", name);
}

const char *fv_get_conv_algorithm(void)
{
    const int i = number(&algorithm, "FOVEA_CONV_ALGORITHM", algorithms);
    return i ? algorithms[i] : NULL;
}

void fv_set_conv_benchmark(bool on)
{
    atomic_store(&benchmark, on);
}

bool fv_get_conv_benchmark(void)
{
    return number(&benchmark, "FOVEA_CONV_BENCHMARK", switches) == 1;
}
