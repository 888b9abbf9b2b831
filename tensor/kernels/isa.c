/* Choice of the instruction-set level at run time. */
#include "tensor/kernels/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/error.h"

#define NAME_OF(a, b, level, ...) #level,
static const char *const names[] = {FV_ISA_LEVELS(NAME_OF, , )};

enum { LEVELS = sizeof names / sizeof *names };

static int chosen = -1; /* not yet known */

int fv_isa_count(void)
{
    return LEVELS;
}

const char *fv_isa_name(fv_isa level)
{
    return level >= 0 && level < LEVELS ? names[level] : "unknown";
}

#define FV_CPU(feature)                                                      &&__builtin_cpu_supports(#feature)
#define HAS_ALL(a, b, level, vbytes, registers, mr, nr, kc, features, flags) (true features),

bool fv_isa_available(fv_isa level)
{
#ifdef __x86_64__
    __builtin_cpu_init(); /* does nothing but the first time */
#endif
    const bool available[] = {FV_ISA_LEVELS(HAS_ALL, , )};
    return level >= 0 && level < LEVELS && available[level];
}

fv_isa fv_isa_best(void)
{
    fv_isa level = LEVELS - 1;
    while (level > 0 && !fv_isa_available(level)) level--;
    return level;
}

fv_isa fv_set_isa(fv_isa wanted)
{
    fv_isa level = fv_isa_available(wanted) ? wanted : fv_isa_best();
    __atomic_store_n(&chosen, level, __ATOMIC_RELAXED);
    return level;
}

static void warn_of_name(const char *name, bool known)
{
    char list[256] = "";
    size_t used = 0;
    for (fv_isa level = 0; level < LEVELS; level++)
        if (fv_isa_available(level) && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, " %s", names[level]);
    fv_warn("instruction-set level '%s' %s; this machine has:%s", name,
            known ? "is beyond this processor" : "is unknown", list);
}

bool fv_set_isa_named(const char *name)
{
    bool known = false;
    for (fv_isa level = 0; level < LEVELS; level++) {
        if (strcmp(name, names[level]) != 0) continue;
        known = true;
        if (fv_isa_available(level)) return fv_set_isa(level) == level;
    }
    warn_of_name(name, known);
    return false;
}

fv_isa fv_isa_level(void)
{
    int now = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (now >= 0) return now;
    const char *name = getenv("FOVEA_ISA");
    if (name && *name && fv_set_isa_named(name)) return fv_isa_level();
    return fv_set_isa(fv_isa_best());
}
