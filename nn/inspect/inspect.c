/* Inspection: runs of a module or a function on shapes alone.
 *
 * The first run measures memory and keeps nothing alive. The second is recorded (record.c): an
 * observer is told of ops, a watch of modules, and all tensors are kept, by which receptive fields
 * are followed (field.c). Its inputs lie as the library's layers would hand them on, so that the
 * copies by which a first layer gets them into order are no records. */
#include "nn/inspect/inspect.h"

#include "nn/fusion_impl.h"
#include "nn/inspect/record_impl.h"
#include "tensor/create.h"
#include "tensor/frame.h"

/* What is inspected: a module with one input, or a function of several. */
typedef struct subject {
    fv_module *module;
    fv_tensor_fn function;
    void *context;
    fv_tensor_list inputs; /* of a function */
    fv_shape shape;        /* of a module's input */
    fv_dtype dtype;
    bool training;
} subject;

/* --- running ---------------------------------------------------------------------------------- */

/* An input without elements, in row-major order or in that which the library's layers hand on. */
static fv_tensor *input_of(const fv_shape *shape, fv_dtype dtype, bool handed_on)
{
    fv_tensor *x = fv_empty(.shape = *shape, .dtype = dtype);
    int64_t strides[FV_MAX_DIMS];
    if (x->failed || !handed_on || shape->ndim < 3 || shape->ndim > 5) return x;
    fv_strides_channels_last(shape, strides);
    fv_tensor *ordered = fv_tensor_alloc_as(true, dtype, shape, strides);
    if (ordered) return fv_scope_adopt(ordered);
    fv_fail(FV_ERR_MEMORY, "inspect: no memory");
    return fv_failed_tensor();
}

/* Puts the inputs in `in`, which has room. */
static fv_status make_inputs(const subject *s, bool handed_on, fv_tensor **in)
{
    if (s->module) in[0] = input_of(&s->shape, s->dtype, handed_on);
    if (in[0] && in[0]->failed) return fv_error_status();
    for (int64_t i = 0; i < s->inputs.count; i++) {
        const fv_tensor *t = s->inputs.items[i];
        const fv_shape shape = fv_shape_of(t);
        in[i] = t ? input_of(&shape, t->dtype, handed_on && !t->requires_grad) : NULL;
        if (in[i] && t->requires_grad) fv_requires_grad(in[i], true);
        if (in[i] && in[i]->failed) return fv_error_status();
    }
    return FV_OK;
}

/* A run, and how its inputs lie. */
typedef struct run {
    fv_status (*function)(const subject *s, fv_tensor *const *in, void *context);
    void *context;
    bool tape, handed_on;
} run;

static fv_tensor *call(const subject *s, fv_tensor *const *in)
{
    return s->module ? fv_forward(s->module, in[0]) : s->function(in, s->context);
}

static fv_status run_with_inputs(const subject *s, const run *r)
{
    const int64_t count = s->module ? 1 : s->inputs.count;
    const size_t bytes = (size_t)(count ? count : 1) * sizeof(fv_tensor *);
    fv_tensor **in = fv_object_alloc(bytes);
    if (!in) return fv_fail(FV_ERR_MEMORY, "inspect: no memory");
    in[0] = NULL;
    fv_scope scope = fv_scope_open(&scope);
    fv_status status = make_inputs(s, r->handed_on, in);
    if (status == FV_OK) status = r->function(s, in, r->context);
    fv_scope_close(&scope);
    fv_object_free(in, bytes);
    return status;
}

/* Modes of the thread as an inspection wants them, for one run. */
static fv_status run_in_modes(const subject *s, const run *r)
{
    const bool shapes_only = fv_set_shapes_only(true), grads = fv_set_grad_enabled(r->tape);
    const bool paused = fv_pause_fusion(true);
    const fv_status status = run_with_inputs(s, r);
    fv_pause_fusion(paused);
    fv_set_grad_enabled(grads);
    fv_set_shapes_only(shapes_only);
    return status;
}

static fv_status status_of(const fv_tensor *y)
{
    if (!y) return fv_fail(FV_ERR_OPTION, "inspect: the function has returned NULL");
    if (!y->failed) return FV_OK;
    return fv_error_status() ? fv_error_status() : FV_ERR_STATE;
}

/* --- memory ----------------------------------------------------------------------------------- */

typedef struct measure {
    int64_t before, most;
} measure;

/* After an op its scratch is free again: it is booked once more to see both together. */
static void measure_op(const fv_event *e, void *context)
{
    measure *m = context;
    const size_t token = e->scratch_bytes ? fv_block_book(e->scratch_bytes) : 0;
    const int64_t now = fv_memory_stats().booked_bytes - m->before;
    if (token) fv_block_unbook(token);
    if (now > m->most) m->most = now;
}

static int64_t bytes_of(const fv_tensor *t)
{
    return t ? t->numel * (int64_t)fv_dtype_size(t->dtype) : 0;
}

/* Those of a function that want no gradient: the others are its parameters. */
static int64_t inputs_bytes(const subject *s, fv_tensor *const *in)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < (s->module ? 1 : s->inputs.count); i++)
        if (in[i] && !in[i]->requires_grad) bytes += bytes_of(in[i]);
    return bytes;
}

static fv_status run_measured(const subject *s, fv_tensor *const *in, void *context)
{
    fv_inspection_memory *memory = context;
    measure m = {.before = fv_memory_stats().booked_bytes};
    const int handle = fv_observe(measure_op, &m);
    if (!handle) return FV_ERR_MEMORY;
    const fv_tensor *y = call(s, in);
    fv_unobserve(handle);
    *memory = (fv_inspection_memory){.input_bytes = inputs_bytes(s, in), .forward_bytes = m.most};
    return status_of(y);
}

/* --- the recorded run ------------------------------------------------------------------------- */

static fv_status run_recorded(const subject *s, fv_tensor *const *in, void *context)
{
    fv_recorder r = {.seen = context, .is_function = !s->module};
    const fv_module_watch watch = {fv_record_module, &r};
    r.base = fv_frame_depth() - r.is_function;
    r.fields = in[0] ? fv_fields_new(in[0]) : NULL;
    const int handle = r.fields ? fv_observe(fv_record_op, &r) : 0;
    if (!handle) {
        fv_fields_free(r.fields);
        return in[0] ? fv_fail(FV_ERR_MEMORY, "inspect: no memory")
                     : fv_fail(FV_ERR_OPTION, "inspect: the first input is NULL");
    }
    const fv_module_watch *before = fv_watch_modules(&watch);
    const fv_tensor *y = call(s, in);
    fv_watch_modules(before);
    fv_unobserve(handle);
    fv_status status = status_of(y);
    if (status == FV_OK && r.is_function) fv_record_function(&r, in[0], y);
    if (r.out_of_memory) status = fv_fail(FV_ERR_MEMORY, "inspect: no memory");
    fv_fields_free(r.fields);
    return status;
}

/* --- training mode ---------------------------------------------------------------------------- */

static int64_t count_modules(const fv_module *m)
{
    int64_t count = 1;
    for (int64_t i = 0; i < m->children.count; i++)
        count += count_modules(m->children.items[i].value);
    return count;
}

/* Writes the modes of a tree to *at and moves on, or takes them from there. */
static void copy_modes(fv_module *m, bool save, bool **at)
{
    if (save)
        *(*at)++ = m->training;
    else
        m->training = *(*at)++;
    for (int64_t i = 0; i < m->children.count; i++)
        copy_modes(m->children.items[i].value, save, at);
}

/* --- an inspection ---------------------------------------------------------------------------- */

void fv_inspection_free(fv_inspection *seen)
{
    if (!seen) return;
    for (int64_t i = 0; i < seen->count; i++)
        fv_object_free(seen->items[i], sizeof *seen->items[i]);
    if (seen->items) fv_object_free(seen->items, (size_t)seen->room * sizeof *seen->items);
    fv_tensor_set_free(&seen->all);
    fv_object_free(seen, sizeof *seen);
}

/* Texts lie in the records, which move no more. */
static void finish(fv_inspection *seen)
{
    for (int64_t i = 0; i < seen->count; i++) {
        fv_layer_record *record = seen->items[i];
        record->info.path = record->path;
        record->info.options = record->options;
        record->info.unknown = record->unknown[0] ? record->unknown : NULL;
        record->module = NULL;
    }
    fv_tensor_set_free(&seen->all);
}

static fv_inspection *inspect_in_mode(const subject *s)
{
    fv_inspection *seen = fv_object_alloc(sizeof *seen);
    if (!seen) {
        fv_fail(FV_ERR_MEMORY, "inspect: no memory");
        return NULL;
    }
    *seen = (fv_inspection){.items = NULL};
    const run measured = {run_measured, &seen->memory, s->training, false};
    const run recorded = {run_recorded, seen, false, true};
    fv_status status = run_in_modes(s, &measured);
    if (status == FV_OK) status = run_in_modes(s, &recorded);
    if (status == FV_OK) {
        finish(seen);
        return seen;
    }
    fv_inspection_free(seen);
    return NULL;
}

static fv_inspection *inspect_module(const subject *s)
{
    const size_t bytes = (size_t)count_modules(s->module) * sizeof(bool);
    bool *modes = fv_object_alloc(bytes), *at = modes;
    if (!modes) {
        fv_fail(FV_ERR_MEMORY, "inspect: no memory");
        return NULL;
    }
    copy_modes(s->module, true, &at);
    if (s->training)
        fv_train(s->module);
    else
        fv_eval(s->module);
    fv_inspection *seen = inspect_in_mode(s);
    at = modes;
    copy_modes(s->module, false, &at);
    fv_object_free(modes, bytes);
    return seen;
}

const fv_inspect_args fv_inspect_defaults = {FV_INSPECT_DEFAULTS};

fv_inspection *fv_inspect_ex(const fv_inspect_args *a)
{
    if (!fv_args_ok("inspect", a, sizeof *a)) return NULL;
    subject s = {.module = a->module, .dtype = a->dtype, .training = a->training};
    if (!s.module && fv_fail_null("inspect", "module")) return NULL;
    if (fv_sizes_settle("inspect", FV_SIZES_OF(a), &s.shape) != FV_OK) return NULL;
    return inspect_module(&s);
}

fv_inspection *fv_inspect_function(fv_tensor_fn function, void *context, fv_tensor_list inputs)
{
    const subject s = {.function = function, .context = context, .inputs = inputs};
    if (!function && fv_fail_null("inspect_function", "function")) return NULL;
    if (!inputs.items || inputs.count < 1) {
        fv_fail(FV_ERR_OPTION, "inspect_function: there are no inputs");
        return NULL;
    }
    for (int64_t i = 0; i < inputs.count; i++)
        if (inputs.items[i] && fv_failed_in("inspect_function", inputs.items[i])) return NULL;
    return inspect_in_mode(&s);
}

/* --- what it says ----------------------------------------------------------------------------- */

int64_t fv_inspection_layers(const fv_inspection *seen)
{
    return seen ? seen->count : 0;
}

const fv_layer_info *fv_inspection_layer(const fv_inspection *seen, int64_t k)
{
    return seen && k >= 0 && k < seen->count ? &seen->items[k]->info : NULL;
}

fv_inspection_memory fv_inspection_memory_of(const fv_inspection *seen)
{
    return seen ? seen->memory : (fv_inspection_memory){0, 0, 0};
}

fv_receptive_field fv_inspection_field(const fv_inspection *seen)
{
    const fv_receptive_field none = {.dims = 0};
    if (!seen && fv_fail_null("inspection_field", "inspection")) return none;
    const fv_layer_info *info = &seen->items[0]->info;
    if (info->field.known) return info->field;
    fv_fail(FV_ERR_OPTION, "receptive field: %s", info->unknown);
    return none;
}

fv_receptive_field fv_receptive_field_of_ex(const fv_inspect_args *a)
{
    fv_receptive_field field = {.dims = 0};
    fv_inspection *seen = fv_inspect_ex(a);
    if (seen) field = fv_inspection_field(seen);
    fv_inspection_free(seen);
    return field;
}
