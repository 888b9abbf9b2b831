/* Choice of the instruction-set level at run time. */
#include "tensor/kernels/isa.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"base", "avx2", "avx512"};
static int level = -1; /* not yet known */

fv_isa fv_isa_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return FV_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return FV_ISA_AVX2;
#endif
    return FV_ISA_BASE;
}

const char *fv_isa_name(fv_isa isa)
{
    return (unsigned)isa < 3 ? names[isa] : "unknown";
}

fv_isa fv_set_isa(fv_isa wanted)
{
    fv_isa best = fv_isa_best();
    fv_isa chosen = wanted < best ? wanted : best;
    __atomic_store_n(&level, (int)chosen, __ATOMIC_RELAXED);
    return chosen;
}

fv_isa fv_isa_level(void)
{
    int now = __atomic_load_n(&level, __ATOMIC_RELAXED);
    if (now >= 0) return (fv_isa)now;
    const char *text = getenv("FOVEA_ISA");
    for (int i = 0; text && i < 3; i++)
        if (strcmp(text, names[i]) == 0) return fv_set_isa((fv_isa)i);
    return fv_set_isa(FV_ISA_AVX512);
}
