/* Which layers end in what follows them, and the switch. */
#include "nn/fusion_impl.h"

#include "nn/container.h"
#include "tensor/environment.h"

/* --- the switch --------------------------------------------------------------------------- */

static int enabled = FV_SWITCH_UNKNOWN;

bool fv_fusion_enabled(void)
{
    return fv_environment_switch(&enabled, "FOVEA_FUSION", true);
}

bool fv_set_fusion_enabled(bool on)
{
    const bool before = fv_fusion_enabled();
    __atomic_store_n(&enabled, on, __ATOMIC_RELAXED);
    return before;
}

static _Thread_local bool paused;

bool fv_pause_fusion(bool on)
{
    const bool before = paused;
    paused = on;
    return before;
}

static bool fuses(void)
{
    return !paused && fv_fusion_enabled();
}

/* --- who takes what ----------------------------------------------------------------------- */

void fv_module_fuses(fv_module *m, const fv_fusion *fusion)
{
    if (m) m->fusion = fusion;
}

bool fv_takes(const fv_module *m, const fv_ending *ending)
{
    return fuses() && m->fusion && m->fusion->takes && m->fusion->takes(m, ending);
}

bool fv_takes_all(const fv_module *m, const fv_ending *ending)
{
    (void)m, (void)ending;
    return true;
}

static const fv_module *child(const fv_module *row, int64_t i)
{
    return i < row->children.count ? row->children.items[i].value : NULL;
}

static bool takes_norm(const fv_module *m, const fv_module *norm, const fv_tensor *x)
{
    return fuses() && m->fusion && m->fusion->takes_norm && m->fusion->takes_norm(m, norm, x);
}

int64_t fv_take_next(const fv_module *row, int64_t i, const fv_tensor *x, fv_ending *ending)
{
    const fv_module *m = child(row, i), *next = child(row, i + 1);
    int64_t taken = 0;
    if (next && takes_norm(m, next, x)) {
        ending->norm = row->children.items[i + 1].value;
        taken++;
        next = child(row, i + 2);
    }
    if (!next || !next->fusion || !next->fusion->is_relu) return taken;
    ending->relu = true;
    ending->relu = fv_takes(m, ending);
    return taken + ending->relu;
}
