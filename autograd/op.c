/* Running an op: infer, check, order, plan, allocate, compute, record. */
#include "autograd/op.h"

#include <string.h>

#include "autograd/autograd.h"
#include "autograd/observe_impl.h"
#include "autograd/ops/view/view.h"
#include "autograd/outputs_impl.h"
#include "autograd/overlap_impl.h"
#include "autograd/tape_impl.h"
#include "autograd/views_impl.h"
#include "tensor/frame.h"
#include "tensor/kept.h"
#include "tensor/region.h"

enum { MAX_OPTIONS = 512 };

/* A call with all that it needs beside the tensors. Nothing in it is cleared. */
typedef struct call_frame {
    fv_call c;
    fv_output few_specs[FV_MAX_OUTPUTS];
    fv_tensor *few_out[FV_MAX_OUTPUTS];
    size_t many_bytes; /* of spec and out, when there are more outputs than few */
    fv_tensor *ordered[FV_MAX_SAVED_INPUTS];
    fv_scope scope; /* of the ordered copies */
    double start;   /* with observers */
    _Alignas(16) unsigned char options[MAX_OPTIONS];
    _Alignas(16) unsigned char plan[FV_PLAN_BYTES];
} call_frame;

/* --- grad mode -------------------------------------------------------------------------------- */

static _Thread_local bool grad_disabled;

bool fv_grad_enabled(void)
{
    return !grad_disabled;
}

bool fv_set_grad_enabled(bool enabled)
{
    bool before = !grad_disabled;
    grad_disabled = !enabled;
    return before;
}

static void restore_grad_mode(bool disabled)
{
    grad_disabled = disabled;
}

fv_grad_mode fv_grad_mode_open(fv_grad_mode *mode, bool enabled)
{
    if (!mode && fv_fail_null("grad_mode_open", "mode")) return (fv_grad_mode){FV_NO_REGION};
    uint64_t id = fv_region_open(mode, restore_grad_mode, &grad_disabled);
    if (id != FV_NO_REGION) grad_disabled = !enabled;
    return (fv_grad_mode){id};
}

void fv_grad_mode_close(fv_grad_mode *mode)
{
    if (!mode && fv_fail_null("grad_mode_close", "mode")) return;
    fv_region_close(mode->id, mode, "FV_NO_GRAD");
}

/* --- switches for tests ----------------------------------------------------------------------- */

static _Thread_local bool use_reference;
static _Thread_local fv_intercept_fn intercept;
static _Thread_local void *intercept_context;

bool fv_use_reference(bool on)
{
    bool before = use_reference;
    use_reference = on;
    return before;
}

void fv_set_intercept(fv_intercept_fn function, void *context)
{
    intercept = function;
    intercept_context = context;
}

bool fv_ops_redirected(void)
{
    return use_reference || intercept;
}

/* --- inputs ----------------------------------------------------------------------------------- */

static bool may_be_missing(const fv_op *op, int i)
{
    return i < FV_MAX_SAVED_INPUTS && op->input[i].optional;
}

/* An input has failed: a dead one is the mistake of this call, another one of an earlier call. */
__attribute__((noinline, cold)) static fv_status reject_failed(const fv_call *c, int i)
{
    if (!c->in[i]->death) return fv_standing_status();
    return fv_reject(c, FV_ERR_STATE, "%s %s", fv_input_name(c->op, i), fv_failure_text(c->in[i]));
}

/* FV_OK, or the reason why the op cannot even look at its inputs. */
static fv_status check_inputs(fv_call *c)
{
    const fv_op *op = c->op;
    bool computes = op->forward && !op->any_dtype;
    if (op->inputs != FV_ANY && c->inputs != op->inputs)
        return fv_reject(c, FV_ERR_OPTION, "%d inputs given, %d needed", c->inputs, op->inputs);
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        if (!t && !may_be_missing(op, i))
            return fv_reject(c, FV_ERR_OPTION, "%s is NULL", fv_input_name(op, i));
        if (t && t->failed) return reject_failed(c, i);
        if (t && computes && fv_dtype_row_of(t->dtype)->stored)
            return fv_reject(c, FV_ERR_DTYPE,
                             "%s %s is %s, a type only to store; convert it with fv_to",
                             fv_input_name(op, i), fv_text(t), fv_dtype_name(t->dtype));
        if (t && t->shapes_only) c->shapes_only = true;
        if (t && fv_view_is_stale(t) && !grad_disabled) {
            fv_status status = fv_view_refresh(op->name, c->in[i]);
            if (status != FV_OK) return status;
        }
    }
    return FV_OK;
}

static bool any_input_wants(const fv_call *c)
{
    for (int i = 0; i < c->inputs; i++)
        if (c->in[i] && c->in[i]->requires_grad) return true;
    return false;
}

static bool any_output_differentiable(const fv_call *c)
{
    for (int j = 0; j < c->outputs; j++)
        if (!c->spec[j].constant && fv_dtype_is_floating(c->spec[j].dtype)) return true;
    return false;
}

/* Should this call leave a node? */
static bool must_record(const fv_call *c)
{
    return !grad_disabled && c->op->gradient != fv_no_gradient && any_input_wants(c) &&
           any_output_differentiable(c);
}

/* --- computing ---------------------------------------------------------------------------------
 */

/* Scratch of a call with shapes only is booked, so that the peak is that of the real call. */
static fv_status compute(fv_call *c)
{
    size_t token = 0;
    if (c->shapes_only) {
        if (c->scratch_bytes) fv_block_unbook(fv_block_book(c->scratch_bytes));
        return FV_OK;
    }
    if (c->scratch_bytes) {
        c->scratch = fv_block_alloc(c->scratch_bytes, &token);
        if (!c->scratch)
            return fv_reject(c, FV_ERR_MEMORY, "no memory for %zu bytes of scratch",
                             c->scratch_bytes);
    }
    if (use_reference && c->op->reference)
        c->op->reference(c);
    else if (c->op->forward)
        c->op->forward(c);
    fv_block_free(c->scratch, token);
    if (c->inplace) fv_bump_version(c->out[0]);
    for (int i = 0; c->writes >> i; i++)
        if (c->writes >> i & 1) fv_bump_version(c->in[i]);
    return FV_OK;
}

/* --- packed weights --------------------------------------------------------------------------- */

bool fv_reuses(const fv_call *c, int i, uint32_t layout)
{
    const fv_tensor *t = c->in[i];
    const bool recorded = t->requires_grad && !grad_disabled;
    return !c->shapes_only && !use_reference && fv_kept_wanted(t, layout, recorded);
}

bool fv_keep(fv_call *c, int i, const void *key, size_t key_bytes, size_t bytes)
{
    c->kept = fv_kept_hold(c->in[i], key, key_bytes, bytes);
    return c->kept != NULL;
}

const void *fv_packed(const fv_call *c, int i,
                      void (*pack)(const void *plan, const void *elements, void *packed))
{
    if (!c->kept) return NULL;
    void *memory = fv_kept_memory(c->kept);
    if (!fv_kept_is_packed(c->kept)) {
        pack(c->plan, c->in[i]->data, memory);
        fv_kept_finish(c->kept);
    }
    return memory;
}

/* --- in place --------------------------------------------------------------------------------- */

/* Another input may lie exactly where the result goes, or nowhere near: else it would be read after
 * it was written. */
static fv_status check_overlap(const fv_call *c)
{
    for (int i = 1; i < c->inputs; i++)
        if (c->in[i] && fv_overlaps_partly(c->in[0], c->in[i]))
            return fv_reject(c, FV_ERR_OPTION,
                             "in place: %s %s shares some of its memory with %s, which is "
                             "overwritten; clone it first",
                             fv_input_name(c->op, i), fv_text(c->in[i]), fv_text(c->in[0]));
    return FV_OK;
}

static fv_status check_inplace(const fv_call *c)
{
    const fv_tensor *t = c->in[0];
    const fv_output *s = &c->spec[0];
    fv_shape shape = fv_shape_of(t);
    if (!c->op->inplace) return fv_reject(c, FV_ERR_OPTION, "cannot be done in place");
    if (c->shapes_only && !t->shapes_only)
        return fv_reject(c, FV_ERR_OPTION, "in place: %s has elements, an input only a shape",
                         fv_text(t));
    if (!fv_shape_equal(&shape, &s->shape))
        return fv_reject(c, FV_ERR_SHAPE, "in place: the result %s does not fit into %s",
                         fv_shape_text(&s->shape), fv_text(t));
    if (t->dtype != s->dtype)
        return fv_reject(c, FV_ERR_DTYPE, "in place: the result is %s, the tensor %s",
                         fv_dtype_name(s->dtype), fv_dtype_name(t->dtype));
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1)
            return fv_reject(c, FV_ERR_SHAPE,
                             "in place: several elements of %s share one place in memory (an "
                             "expanded tensor); clone it first",
                             fv_text(t));
    fv_status status = check_overlap(c);
    if (status != FV_OK || grad_disabled) return status;
    if (t->requires_grad && !t->node)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a leaf that requires grad; do it under FV_NO_GRAD",
                         fv_text(t));
    if (t->requires_grad && c->op->gradient == fv_no_gradient)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: the op has no gradient and %s requires grad; do it under "
                         "FV_NO_GRAD",
                         fv_text(t));
    return t->base && must_record(c) ? fv_view_may_be_written(c) : FV_OK;
}

/* The old value of input 0, with its history, when a gradient formula reads it. */
static fv_status clone_overwritten(const fv_call *c, uint32_t saves, fv_tensor **clone)
{
    *clone = NULL;
    if (!c->inplace) return FV_OK;
    bool read = false;
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++)
        read |= (saves & FV_IN(i)) && c->in[i] == c->in[0];
    if (!read) return FV_OK;
    fv_shape shape = fv_shape_of(c->in[0]);
    *clone = fv_tensor_alloc_as(c->in[0]->shapes_only, c->in[0]->dtype, &shape, NULL);
    if (!*clone) return fv_reject(c, FV_ERR_MEMORY, "no memory to save %s", fv_text(c->in[0]));
    if (!c->in[0]->shapes_only) fv_copy_elements(*clone, c->in[0]);
    fv_node_link(*clone, c->in[0]);
    return FV_OK;
}

/* --- recording -------------------------------------------------------------------------------- */

/* What a call leaves on the tape. */
typedef struct record {
    fv_node *node;
    fv_node *base; /* the node of the base of a view that was written to */
    bool given;    /* an output took the call's reference to node */
} record;

/* Makes the node with all that it saves. The output handles exist; for saved outputs only the
 * handle counts, their elements come later. */
static fv_status make_node(fv_call *c, record *r)
{
    if (!c->op->gradient)
        return fv_reject(c, FV_ERR_AUTOGRAD, "the op has no gradient and does not say so");
    fv_tensor *clone;
    const uint32_t saves = fv_node_saves(c);
    fv_status status = clone_overwritten(c, saves, &clone);
    if (status != FV_OK) return status;
    r->node = fv_node_new(c);
    bool saved = r->node && fv_node_save_inputs(r->node, c, saves, clone) &&
                 fv_node_save_outputs(r->node, c, saves);
    fv_release(clone);
    bool view = saved && c->inplace && c->in[0]->base;
    if (view) r->base = fv_view_base_node(c->in[0], r->node);
    return saved && (!view || r->base) ? FV_OK
                                       : fv_reject(c, FV_ERR_MEMORY, "no memory for the tape");
}

static void finish_node(fv_call *c, record *r)
{
    fv_node *node = r->node;
    for (int j = 0; j < c->outputs; j++) {
        fv_saved *saved = &node->out[j].saved;
        if (saved->tensor) saved->version = fv_version(saved->tensor);
        if (node->out[j].constant) continue;
        fv_node_give(r->given ? fv_node_retain(node) : node, j, c->out[j]);
        r->given = true;
    }
    if (c->inplace) {
        fv_tensor *t = c->out[0];
        t->view_recorded = __atomic_add_fetch(&t->storage->recorded, 1, __ATOMIC_RELAXED);
        if (r->base) fv_node_attach(r->base, 0, t->base);
    }
    for (int i = 0; c->writes >> i && i < c->inputs; i++) {
        fv_saved *saved = &node->in[i].saved;
        if (saved->tensor && (c->writes >> i & 1)) saved->version = fv_version(saved->tensor);
    }
}

static void release_record(const record *r)
{
    if (r->base) fv_node_release(r->base);
    if (r->node && !r->given) fv_node_release(r->node);
}

/* --- the call --------------------------------------------------------------------------------- */

static void clear_output(fv_call *c, int j)
{
    c->spec[j].view_of = c->spec[j].over = -1;
    c->spec[j].constant = false;
}

static fv_status infer(fv_call *c)
{
    fv_status status = check_inputs(c);
    if (status != FV_OK) return status;
    for (int j = 0; j < c->outputs; j++) clear_output(c, j);
    if (c->op->option_fields) status = fv_check_options(c);
    if (status == FV_OK) status = c->op->infer(c);
    if (status == FV_OK && c->inplace) status = check_inplace(c);
    if (c->op->inplace && c->spec[0].view_of < 0) c->spec[0].over = 0;
    if (status == FV_OK && c->op->check && !c->shapes_only) status = c->op->check(c);
    return status;
}

static bool in_order(const fv_tensor *t, fv_order order)
{
    if (order == FV_ORDER_ANY) return true;
    bool channels_last = order == FV_ORDER_CHANNELS_LAST && t->ndim >= 3 && t->ndim <= 5;
    return channels_last ? fv_is_channels_last(t) : fv_is_contiguous(t);
}

/* Inputs that lie otherwise than the kernels read them are replaced by copies, which are on the
 * tape and belong to a scope of the call. */
static fv_status order_inputs(call_frame *f)
{
    fv_call *c = &f->c;
    if (c->op->inputs == FV_ANY) return FV_OK; /* takes any order */
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++) {
        fv_tensor *t = c->in[i];
        fv_order order = c->op->input[i].order;
        if (!t || in_order(t, order)) continue;
        if (c->in != f->ordered) {
            memcpy(f->ordered, c->in, (size_t)c->inputs * sizeof *c->in);
            c->in = f->ordered;
            f->scope = fv_scope_open(&f->scope);
        }
        bool channels_last = order == FV_ORDER_CHANNELS_LAST && t->ndim >= 3 && t->ndim <= 5;
        f->ordered[i] = channels_last ? fv_order_channels_last(t) : fv_contiguous(t);
        if (f->ordered[i]->failed) return fv_standing_status();
    }
    return FV_OK;
}

static void report_forward(const call_frame *f, uint64_t call)
{
    const fv_call *c = &f->c;
    char path[FV_PATH_BYTES], plan[256] = "";
    double now = fv_clock();
    fv_frame_path(path, sizeof path);
    if (c->op->describe) c->op->describe(c, plan, sizeof plan);
    fv_report(&(fv_event){.kind = FV_EVENT_FORWARD,
                          .name = c->op->name,
                          .op = c->op,
                          .options = c->options,
                          .call = call,
                          .within = fv_observing.within,
                          .inputs = c->inputs,
                          .outputs = c->outputs,
                          .in = c->in,
                          .out = c->out,
                          .inplace = c->inplace,
                          .shapes_only = c->shapes_only,
                          .plan = plan,
                          .scratch_bytes = c->scratch_bytes,
                          .start = f->start,
                          .nanoseconds = now - f->start,
                          .path = path});
}

/* Everything behind infer. The outputs in c->out are the caller's (reference count 1) after FV_OK,
 * else NULL. */
static fv_status execute(call_frame *f)
{
    fv_call *c = &f->c;
    record r = {NULL, NULL, false};
    fv_status status = order_inputs(f);
    for (int j = 0; j < c->outputs; j++) c->out[j] = NULL;
    if (c->op->forward) c->machine = fv_machine_now(); /* views need none */
    if (status == FV_OK && c->op->plan) c->op->plan(c);
    if (status == FV_OK) status = fv_outputs_allocate(c, use_reference);
    if (status == FV_OK && must_record(c)) status = make_node(c, &r);
    if (status == FV_OK) status = compute(c);
    if (c->kept) fv_kept_let_go(c->kept);
    uint64_t call = fv_observed() ? fv_next_call() : 0;
    if (status == FV_OK && r.node) {
        r.node->call = call;
        finish_node(c, &r);
    }
    if (status == FV_OK && call) report_forward(f, call);
    if (!r.node && c->op->options_free) c->op->options_free(c->options);
    release_record(&r);
    if (status != FV_OK) fv_outputs_release(c);
    if (c->in == f->ordered) fv_scope_close(&f->scope);
    return status;
}

static fv_status run(call_frame *f)
{
    fv_call *c = &f->c;
    fv_status status = infer(c);
    if (status == FV_OK) return execute(f);
    if (c->op->options_free) c->op->options_free(c->options);
    return status;
}

/* Gives back what fv_set_outputs made. */
static void finish(call_frame *f)
{
    if (f->c.spec != f->few_specs) fv_object_free(f->c.spec, f->many_bytes);
}

static fv_status start(call_frame *f, const fv_op *op, const void *options, int inputs,
                       fv_tensor *const *in)
{
    fv_call *c = &f->c;
    static const fv_op none = {.name = "apply"};
    const bool known = op != NULL;
    if (!known) op = &none;
    c->op = op;
    c->inputs = inputs;
    c->in = in;
    c->outputs = op->outputs == FV_ANY ? 0 : op->outputs;
    c->spec = f->few_specs;
    c->out = f->few_out;
    c->plan = f->plan;
    c->scratch_bytes = 0;
    c->scratch = NULL;
    c->kept = NULL;
    c->writes = 0;
    c->inplace = c->shapes_only = false;
    c->node = NULL;
    c->frees_saved = false;
    c->options = f->options;
    if (!known || (inputs > 0 && !in)) {
        c->outputs = 0;
        return fv_reject(c, FV_ERR_OPTION, "the %s NULL", known ? "list of inputs is" : "op is");
    }
    if (op->outputs < FV_ANY || op->outputs == 0 || op->outputs > FV_MAX_OUTPUTS ||
        op->options_size > MAX_OPTIONS || (op->options_size && !options)) {
        c->outputs = 0;
        return fv_reject(c, FV_ERR_OPTION, "the op's description is invalid");
    }
    if (op->options_size) memcpy(f->options, options, op->options_size);
    if (intercept) intercept(op, f->options, intercept_context);
    if (fv_observed()) f->start = fv_clock();
    return FV_OK;
}

fv_status fv_set_outputs(fv_call *c, int outputs)
{
    call_frame *f = (call_frame *)(void *)c; /* its first member */
    if (outputs > FV_MAX_OUTPUTS) {
        size_t specs = (size_t)outputs * sizeof *c->spec;
        f->many_bytes = specs + (size_t)outputs * sizeof *c->out;
        char *both = fv_object_alloc(f->many_bytes);
        if (!both) return fv_reject(c, FV_ERR_MEMORY, "no memory for %d outputs", outputs);
        c->spec = (fv_output *)(void *)both;
        c->out = (fv_tensor **)(void *)(both + specs);
    }
    c->outputs = outputs;
    for (int j = 0; j < outputs; j++) clear_output(c, j);
    return FV_OK;
}

/* Hands the outputs to the scope. */
static fv_status adopt(const fv_call *c, fv_tensor **out)
{
    fv_status status = FV_OK;
    for (int j = 0; j < c->outputs; j++) {
        out[j] = fv_scope_adopt(c->out[j]);
        if (out[j]->failed) status = FV_ERR_MEMORY;
    }
    return status;
}

fv_status fv_apply_all(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                       fv_tensor **out)
{
    call_frame f;
    if (!out && fv_fail_null("apply_all", "room for outputs")) return FV_ERR_OPTION;
    fv_status status = start(&f, op, options, inputs, in);
    if (status == FV_OK && op->outputs == FV_ANY)
        status = fv_reject(&f.c, FV_ERR_OPTION, "has any number of outputs; see fv_apply_many");
    if (status == FV_OK) status = run(&f);
    if (status == FV_OK) status = adopt(&f.c, out);
    for (int j = 0; j < f.c.outputs && status != FV_OK; j++) out[j] = fv_failed_tensor();
    finish(&f);
    return status;
}

int fv_apply_many(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                  fv_tensor **out, int64_t room)
{
    call_frame f;
    fv_call *c = &f.c;
    fv_status status = start(&f, op, options, inputs, in);
    if (status != FV_OK) return 0;
    status = infer(c);
    if (status == FV_OK && (!out || c->outputs > room))
        status = fv_reject(c, FV_ERR_OPTION, "input %s gives %d outputs, but room is for %lld",
                           inputs ? fv_text(in[0]) : "", c->outputs, (long long)(out ? room : 0));
    if (status == FV_OK)
        status = execute(&f);
    else if (op->options_free)
        op->options_free(c->options);
    if (status == FV_OK) status = adopt(c, out);
    finish(&f);
    return status == FV_OK ? c->outputs : 0;
}

fv_tensor *fv_apply(const fv_op *op, const void *options, int inputs, fv_tensor *const *in)
{
    call_frame f;
    fv_tensor *result = fv_failed_tensor();
    if (start(&f, op, options, inputs, in) == FV_OK && run(&f) == FV_OK) {
        for (int j = 1; j < f.c.outputs; j++) fv_release(f.c.out[j]);
        result = fv_scope_adopt(f.c.out[0]);
    }
    finish(&f);
    return result;
}

fv_tensor *fv_apply_inplace(const fv_op *op, const void *options, int inputs, fv_tensor *const *in)
{
    call_frame f;
    fv_tensor *result = fv_failed_tensor();
    if (start(&f, op, options, inputs, in) == FV_OK) {
        f.c.inplace = true;
        if (run(&f) == FV_OK) {
            fv_outputs_release(&f.c);
            result = in[0];
        }
    }
    finish(&f);
    return result;
}
