/* Running an op: check, allocate, compute, record. */
#include "autograd/op.h"

#include <string.h>

#include "autograd/autograd.h"
#include "autograd/tape_impl.h"

enum { MAX_OPTIONS = 512 };

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

fv_grad_mode fv_grad_mode_open(bool enabled)
{
    return (fv_grad_mode){.before = fv_set_grad_enabled(enabled), .open = true};
}

void fv_grad_mode_close(fv_grad_mode *mode)
{
    if (!mode->open) return;
    mode->open = false;
    fv_set_grad_enabled(mode->before);
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

/* --- inputs ----------------------------------------------------------------------------------- */

/* FV_OK, or the reason why the op cannot even look at its inputs. */
static fv_status check_inputs(const fv_call *c)
{
    const fv_op *op = c->op;
    if (op->inputs != FV_ANY && c->inputs != op->inputs)
        return fv_reject(c, FV_ERR_OPTION, "%d inputs given, %d needed", c->inputs, op->inputs);
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        if (!t && !(i < 32 && (op->optional & FV_IN(i))))
            return fv_reject(c, FV_ERR_OPTION, "input %d is NULL", i);
        if (t && t->failed) return fv_error_status() ? fv_error_status() : FV_ERR_STATE;
    }
    return FV_OK;
}

/* A view of memory that an op in place has written to since, on the tape, knows nothing of that op
 * in its history. Writes that are not recorded, as an optimizer's, change values only. */
static fv_status check_stale_views(const fv_call *c)
{
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        if (t && t->is_view && t->view_recorded != t->storage->recorded)
            return fv_reject(c, FV_ERR_AUTOGRAD,
                             "input %d %s is a view whose memory was overwritten in place after "
                             "the view was taken; take the view again",
                             i, fv_text(t));
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

/* --- outputs ---------------------------------------------------------------------------------- */

static void release_outputs(fv_call *c)
{
    for (int j = 0; j < c->outputs; j++) {
        fv_release(c->out[j]);
        c->out[j] = NULL;
    }
}

static fv_status allocate_outputs(fv_call *c)
{
    for (int j = 0; j < c->outputs; j++) {
        const fv_output *s = &c->spec[j];
        if (c->inplace && j == 0) {
            c->out[0] = fv_retain(c->in[0]);
            continue;
        }
        if (s->view_of >= 0) {
            const fv_tensor *base = c->in[s->view_of];
            c->out[j] = fv_tensor_alias(base, &s->shape, s->strides, s->offset);
            if (c->out[j]) {
                c->out[j]->is_view = true;
                c->out[j]->view_recorded = base->storage->recorded;
            }
        } else {
            c->out[j] = fv_tensor_alloc(s->dtype, &s->shape, s->strides);
        }
        if (!c->out[j])
            return fv_reject(c, FV_ERR_MEMORY, "no memory for a result %s of %s",
                             fv_shape_text(&s->shape), fv_dtype_name(s->dtype));
    }
    return FV_OK;
}

static void run_forward(fv_call *c)
{
    if (use_reference && c->op->reference)
        c->op->reference(c);
    else if (c->op->forward)
        c->op->forward(c);
    if (c->inplace) fv_bump_version(c->out[0]);
    for (int i = 0; c->writes >> i; i++)
        if (c->writes >> i & 1) fv_bump_version(c->in[i]);
}

/* --- in place --------------------------------------------------------------------------------- */

static fv_status check_inplace(const fv_call *c)
{
    const fv_tensor *t = c->in[0];
    const fv_output *s = &c->spec[0];
    fv_shape shape = fv_shape_of(t);
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
    if (grad_disabled) return FV_OK;
    if (t->requires_grad && !t->node)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a leaf that requires grad; do it under FV_NO_GRAD",
                         fv_text(t));
    if (t->requires_grad && c->op->gradient == fv_no_gradient)
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: the op has no gradient and %s requires grad; do it under "
                         "FV_NO_GRAD",
                         fv_text(t));
    if (t->is_view && must_record(c))
        return fv_reject(c, FV_ERR_AUTOGRAD,
                         "in place: %s is a view, and the change would need a gradient; use the op "
                         "that returns a new tensor",
                         fv_text(t));
    return FV_OK;
}

/* The old value of input 0, with its history, when a gradient formula reads it. */
static fv_status clone_overwritten(const fv_call *c, fv_tensor **clone)
{
    *clone = NULL;
    if (!c->inplace) return FV_OK;
    uint32_t bits = fv_node_saves(c);
    bool read = false;
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++)
        read |= (bits & FV_IN(i)) && c->in[i] == c->in[0];
    if (!read) return FV_OK;
    fv_shape shape = fv_shape_of(c->in[0]);
    *clone = fv_tensor_alloc(c->in[0]->dtype, &shape, NULL);
    if (!*clone) return fv_reject(c, FV_ERR_MEMORY, "no memory to save %s", fv_text(c->in[0]));
    fv_copy_elements(*clone, c->in[0]);
    fv_node_link(*clone, c->in[0]);
    return FV_OK;
}

/* --- recording -------------------------------------------------------------------------------- */

static void attach(fv_tensor *t, fv_node *node, int nr)
{
    fv_node *old = t->node;
    if (old && t->retains_grad && old->retained[t->output_nr] == t) {
        old->retained[t->output_nr] = NULL;
        node->retained[nr] = t;
    }
    t->node = fv_node_retain(node);
    t->output_nr = nr;
    t->requires_grad = true;
    if (old) fv_node_release(old);
}

/* Makes the node with all that it saves. The output handles exist; for saved outputs only the
 * handle counts, their elements come later. */
static fv_status make_node(fv_call *c, fv_node **node)
{
    if (!c->op->gradient)
        return fv_reject(c, FV_ERR_AUTOGRAD, "the op has no gradient and does not say so");
    fv_tensor *clone;
    fv_status status = clone_overwritten(c, &clone);
    if (status != FV_OK) return status;
    *node = fv_node_new(c);
    bool saved = *node && fv_node_save_inputs(*node, c, clone) && fv_node_save_outputs(*node, c);
    fv_release(clone);
    return saved ? FV_OK : fv_reject(c, FV_ERR_MEMORY, "no memory for the tape");
}

static void finish_node(fv_call *c, fv_node *node)
{
    for (int j = 0; j < c->outputs; j++) {
        if (node->out_saved[j].tensor)
            node->out_saved[j].version = fv_version(node->out_saved[j].tensor);
        if (!node->out_constant[j]) attach(c->out[j], node, j);
    }
    if (c->inplace) __atomic_fetch_add(&c->out[0]->storage->recorded, 1, __ATOMIC_RELAXED);
    for (int i = 0; c->writes >> i && i < c->inputs; i++)
        if (node->in_saved[i].tensor && (c->writes >> i & 1))
            node->in_saved[i].version = fv_version(node->in_saved[i].tensor);
    fv_node_release(node);
}

/* --- the call --------------------------------------------------------------------------------- */

static fv_status infer(fv_call *c)
{
    fv_status status = check_inputs(c);
    if (status != FV_OK) return status;
    for (int j = 0; j < c->outputs; j++) {
        c->spec[j].view_of = -1;
        c->spec[j].constant = false;
    }
    status = c->op->infer(c);
    if (status == FV_OK && !grad_disabled) status = check_stale_views(c);
    if (status == FV_OK && c->inplace) status = check_inplace(c);
    return status;
}

/* Outputs in c->out are the caller's (reference count 1) after FV_OK, else NULL. */
static fv_status run(fv_call *c)
{
    fv_node *node = NULL;
    size_t capacity = 0;
    memset(c->out, 0, sizeof c->out);
    fv_status status = infer(c);
    bool record = status == FV_OK && must_record(c);
    if (status == FV_OK) status = allocate_outputs(c);
    if (status == FV_OK && record) status = make_node(c, &node);
    if (status == FV_OK && c->scratch_bytes) {
        c->scratch = fv_block_alloc(c->scratch_bytes, &capacity);
        if (!c->scratch)
            status =
                fv_reject(c, FV_ERR_MEMORY, "no memory for %zu bytes of scratch", c->scratch_bytes);
    }
    if (status == FV_OK) run_forward(c);
    fv_block_free(c->scratch, capacity);
    if (!node && c->op->options_free) c->op->options_free(c->options);
    if (status == FV_OK && node) finish_node(c, node);
    if (status != FV_OK) {
        if (node) fv_node_release(node);
        release_outputs(c);
    }
    return status;
}

static fv_status start(fv_call *c, const fv_op *op, const void *options, void *buffer, int inputs,
                       fv_tensor *const *in)
{
    c->op = op;
    c->inputs = inputs;
    c->in = in;
    c->outputs = op->outputs;
    c->machine = fv_machine_now();
    c->scratch_bytes = 0;
    c->scratch = NULL;
    c->writes = 0;
    c->inplace = false;
    c->node = NULL;
    c->options = buffer;
    if (op->outputs < 1 || op->outputs > FV_MAX_OUTPUTS || op->options_size > MAX_OPTIONS ||
        (op->options_size && !options))
        return fv_reject(c, FV_ERR_OPTION, "the op's description is invalid");
    if (op->options_size) memcpy(buffer, options, op->options_size);
    if (intercept) intercept(op, buffer, intercept_context);
    return FV_OK;
}

fv_status fv_apply_all(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                       fv_tensor **out)
{
    fv_call c;
    _Alignas(16) unsigned char buffer[MAX_OPTIONS];
    fv_status status = start(&c, op, options, buffer, inputs, in);
    if (status == FV_OK) status = run(&c);
    int outputs = op->outputs < FV_MAX_OUTPUTS ? op->outputs : FV_MAX_OUTPUTS;
    bool computed = status == FV_OK;
    for (int j = 0; j < outputs && computed; j++) {
        out[j] = fv_scope_adopt(c.out[j]);
        if (out[j]->failed) status = FV_ERR_MEMORY;
    }
    for (int j = 0; j < outputs && status != FV_OK; j++) out[j] = fv_failed_tensor();
    return status;
}

fv_tensor *fv_apply(const fv_op *op, const void *options, int inputs, fv_tensor *const *in)
{
    fv_call c;
    _Alignas(16) unsigned char buffer[MAX_OPTIONS];
    if (start(&c, op, options, buffer, inputs, in) != FV_OK || run(&c) != FV_OK)
        return fv_failed_tensor();
    for (int j = 1; j < c.outputs; j++) fv_release(c.out[j]);
    return fv_scope_adopt(c.out[0]);
}

fv_tensor *fv_apply_inplace(const fv_op *op, const void *options, int inputs, fv_tensor *const *in)
{
    fv_call c;
    _Alignas(16) unsigned char buffer[MAX_OPTIONS];
    if (start(&c, op, options, buffer, inputs, in) != FV_OK) return fv_failed_tensor();
    c.inplace = true;
    if (run(&c) != FV_OK) return fv_failed_tensor();
    release_outputs(&c);
    return in[0];
}
