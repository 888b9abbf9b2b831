/* The residual layer: a body and a way around it. */
#include <stdio.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "nn/container.h"
#include "nn/fusion_impl.h"
#include "nn/layer_impl.h"

/* Shapes that only broadcast are no residual. */
static fv_tensor *add(const fv_module *self, fv_tensor *y, fv_tensor *shortcut)
{
    if (!fv_usable(y) || !fv_usable(shortcut)) return fv_failed_tensor();
    const fv_shape a = fv_shape_of(y), b = fv_shape_of(shortcut);
    if (fv_shape_equal(&a, &b) && y->dtype == shortcut->dtype) return fv_add(y, shortcut);
    fv_fail(FV_ERR_SHAPE, "%s: the body gives %s %s, the shortcut %s %s; they must be alike",
            fv_module_name(self), fv_dtype_name(y->dtype), fv_shape_text(&a),
            fv_dtype_name(shortcut->dtype), fv_shape_text(&b));
    return fv_failed_tensor();
}

static fv_tensor *residual_forward(fv_module *self, fv_tensor *x)
{
    const fv_nn_residual_args *o = fv_module_context(self);
    fv_tensor *shortcut = o->shortcut ? fv_forward(o->shortcut, x) : x;
    if (fv_failed(shortcut)) return shortcut;
    const fv_ending ending = {.residual = shortcut, .relu = o->relu};
    if (fv_takes(o->body, &ending)) return fv_forward_ending(o->body, x, &ending);
    fv_tensor *y = add(self, fv_forward(o->body, x), shortcut);
    return o->relu ? fv_relu(y) : y;
}

static void residual_describe(const fv_module *self, char *text, size_t room)
{
    const fv_nn_residual_args *o = fv_module_const_context(self);
    if (o->relu) snprintf(text, room, "relu=True");
}

const fv_nn_residual_args fv_nn_residual_defaults = {FV_NN_RESIDUAL_DEFAULTS};

fv_module *fv_nn_residual_ex(const fv_nn_residual_args *a)
{
    static const fv_module_type type = {.name = "Residual",
                                        .context_size = sizeof *a,
                                        .forward = residual_forward,
                                        .per_sample = 1,
                                        .describe = residual_describe};
    if (!fv_args_ok("nn_residual", a, sizeof *a)) return NULL;
    fv_module *m = fv_module_new(&type, a);
    fv_module_hold(a->body); /* one that is refused may stand inside of the other */
    fv_module_hold(a->shortcut);
    fv_module_add_child(m, "body", a->body);
    if (a->shortcut) fv_module_add_child(m, "shortcut", a->shortcut);
    m = fv_module_finish(m);
    fv_module_let_go(a->body);
    fv_module_let_go(a->shortcut);
    return m;
}
