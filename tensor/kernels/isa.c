/* Choice of the instruction-set level at run time. */
#include "tensor/kernels/isa.h"

#include <stdio.h>

#include "tensor/environment.h"
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

/* The names of the levels that this processor has, in order, and NULL. */
static void available_names(const char *list[LEVELS + 1])
{
    int count = 0;
    for (fv_isa level = 0; level < LEVELS; level++)
        if (fv_isa_available(level)) list[count++] = names[level];
    list[count] = NULL;
}

static fv_isa level_named(const char *name)
{
    for (fv_isa level = 0; level < LEVELS; level++)
        if (fv_same_word(name, names[level])) return level;
    return -1;
}

bool fv_set_isa_named(const char *name)
{
    const fv_isa level = name ? level_named(name) : -1;
    if (fv_isa_available(level)) return fv_set_isa(level) == level;
    char list[256] = "";
    size_t used = 0;
    const char *available[LEVELS + 1];
    available_names(available);
    for (int i = 0; available[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", available[i]);
    fv_warn("instruction-set level '%s' %s; this machine has:%s", name ? name : "",
            level >= 0 ? "is beyond this processor" : "is unknown", list);
    return false;
}

fv_isa fv_isa_level(void)
{
    int now = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (now >= 0) return now;
    const char *available[LEVELS + 1];
    available_names(available);
    int asked = fv_environment_word("FOVEA_ISA", available);
    return fv_set_isa(asked < 0 ? fv_isa_best() : level_named(available[asked]));
}
