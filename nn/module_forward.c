/* fv_forward: the check of inputs and outputs against the module's type, the frame by which
 * messages name the module, the scope of a call. */
#include <stdio.h>

#include "nn/fusion_impl.h"
#include "tensor/frame.h"

/* --- the frame -------------------------------------------------------------------------- */

/* The way down from a module to one below it: "body.0". */
static int path_to(const fv_module *from, const fv_module *to, char *text, size_t size)
{
    for (int64_t i = 0; i < from->children.count; i++) {
        const fv_entry *child = &from->children.items[i];
        int used = snprintf(text, size, "%s", child->name);
        if (child->value == to) return used;
        if (used < 0 || (size_t)used + 1 >= size) continue;
        int rest = path_to(child->value, to, text + used + 1, size - (size_t)used - 1);
        if (rest == 0) continue;
        text[used] = '.';
        return used + 1 + rest;
    }
    return 0;
}

static int frame_name(const void *object, const void *outer, char *text, size_t size)
{
    int used = outer ? path_to(outer, object, text, size) : 0;
    return used || !outer ? used : snprintf(text, size, "%s", fv_module_name(object));
}

static const char *frame_type(const void *object)
{
    return fv_module_name(object);
}

static const fv_frame_kind frame_kind = {frame_name, frame_type};

/* --- what a type takes and gives -------------------------------------------------------- */

/* A type with .forward is one of one input and one output. */
static int type_inputs(const fv_module_type *type)
{
    int n = 0;
    if (!type->forward_many) return 1;
    while (n < FV_MODULE_INPUTS && type->input[n].name) n++;
    return n;
}

static int type_outputs(const fv_module_type *type)
{
    int n = 0;
    if (!type->forward_many) return 1;
    while (n < FV_MODULE_OUTPUTS && type->output[n]) n++;
    return n;
}

static const char *input_name(const fv_module_type *type, int i)
{
    return type->forward_many ? type->input[i].name : "input";
}

bool fv_module_type_valid(const fv_module_type *type)
{
    if (!type || !type->name || !type->forward == !type->forward_many) return false;
    return type_inputs(type) > 0 && type_outputs(type) > 0;
}

static fv_status standing(void)
{
    fv_status status = fv_error_status();
    return status == FV_OK ? FV_ERR_STATE : status; /* the error was cleared meanwhile */
}

/* --- the check -------------------------------------------------------------------------- */

static fv_status check_inputs(const fv_module_type *type, fv_tensor *const *in)
{
    int taken = type_inputs(type);
    for (int i = taken; i < FV_MODULE_INPUTS; i++)
        if (in[i])
            return fv_fail(FV_ERR_OPTION, "%s: input %d is given; it takes %d", type->name, i + 1,
                           taken);
    for (int i = 0; i < taken; i++) {
        bool optional = type->forward_many && type->input[i].optional;
        if (!in[i] && !optional)
            return fv_fail(FV_ERR_OPTION, "%s: the %s is NULL", type->name, input_name(type, i));
        if (in[i] && fv_failed_in(type->name, in[i])) return standing();
    }
    return FV_OK;
}

static fv_status check_outputs(const fv_module_type *type, fv_tensor **const *wanted)
{
    int given = type_outputs(type);
    for (int j = given; j < FV_MODULE_OUTPUTS; j++)
        if (wanted[j - 1])
            return fv_fail(FV_ERR_OPTION, "%s: .out asks for output %d; it has %d", type->name,
                           j + 1, given);
    return FV_OK;
}

static fv_status check_module(const fv_module *m)
{
    if (m && !m->broken) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "forward: %s",
                   m ? "building the module has failed" : "the module is NULL");
}

/* What the type's function left in out. */
static fv_status check_results(const fv_module_type *type, fv_tensor *const *out,
                               fv_tensor **const *wanted)
{
    for (int j = 0; j < type_outputs(type); j++) {
        if (out[j] && out[j]->failed) return standing();
        if (out[j] || (j > 0 && !wanted[j - 1])) continue;
        if (!type->forward_many) return fv_fail(FV_ERR_STATE, "forward returned NULL");
        return fv_fail(FV_ERR_STATE, "forward left output \"%s\" NULL", type->output[j]);
    }
    return FV_OK;
}

/* --- the call --------------------------------------------------------------------------- */

/* A call: m of `in`, which gives out. */
typedef struct module_call {
    fv_module *m;
    fv_tensor *const *in;
    fv_tensor **out, **const *wanted;
    const fv_ending *ending; /* or NULL */
} module_call;

static _Thread_local const fv_module_watch *watching;

const fv_module_watch *fv_watch_modules(const fv_module_watch *watch)
{
    const fv_module_watch *before = watching;
    watching = watch;
    return before;
}

static fv_status run(const module_call *c)
{
    fv_module *m = c->m;
    fv_tensor *const *in = c->in, **out = c->out;
    const int depth = fv_frame_push(&frame_kind, m, m->id);
    if (c->ending)
        out[0] = m->fusion->forward(m, in[0], c->ending);
    else if (m->type->forward_many)
        m->type->forward_many(m, in, out);
    else
        out[0] = fv_forward_in_slices(m, in[0]);
    const fv_status status = check_results(m->type, out, c->wanted);
    if (watching && status == FV_OK) watching->ran(m, in, out, watching->context);
    fv_frame_pop(depth);
    return status;
}

/* Results outlive the call's scope; whatever else was made dies with it, or stays with the tape. */
static fv_status run_in_scope(const module_call *c)
{
    fv_tensor **out = c->out;
    fv_scope scope = fv_scope_open(&scope);
    fv_status status = run(c);
    const bool done = status == FV_OK;
    for (int j = 0; j < FV_MODULE_OUTPUTS && done; j++) fv_retain(out[j]);
    fv_scope_close(&scope);
    for (int j = 0; j < FV_MODULE_OUTPUTS && done; j++) {
        if (!out[j]) continue;
        out[j] = fv_scope_adopt(out[j]);
        if (out[j]->failed) status = FV_ERR_MEMORY;
    }
    return status;
}

static fv_status call(const module_call *c)
{
    fv_status status = check_module(c->m);
    if (status == FV_OK) status = check_inputs(c->m->type, c->in);
    if (status == FV_OK) status = check_outputs(c->m->type, c->wanted);
    return status == FV_OK ? run_in_scope(c) : status;
}

fv_tensor *fv_forward_ending(fv_module *m, fv_tensor *x, const fv_ending *ending)
{
    fv_tensor *in[FV_MODULE_INPUTS] = {x}, *out[FV_MODULE_OUTPUTS] = {NULL};
    fv_tensor **const wanted[FV_MODULE_OUTPUTS - 1] = {NULL};
    const module_call c = {m, in, out, wanted, ending};
    return call(&c) == FV_OK ? out[0] : fv_failed_tensor();
}

const fv_forward_args fv_forward_defaults = {FV_FORWARD_DEFAULTS};

fv_tensor *fv_forward_ex(const fv_forward_args *a)
{
    if (!fv_args_ok("forward", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *const in[FV_MODULE_INPUTS] = {a->x, a->x2, a->x3, a->x4, a->x5, a->x6};
    fv_tensor *out[FV_MODULE_OUTPUTS] = {NULL};
    const module_call c = {.m = a->module, .in = in, .out = out, .wanted = a->out};
    const fv_status status = call(&c);
    for (int j = 1; j < FV_MODULE_OUTPUTS; j++)
        if (a->out[j - 1]) *a->out[j - 1] = status == FV_OK ? out[j] : fv_failed_tensor();
    return status == FV_OK ? out[0] : fv_failed_tensor();
}
