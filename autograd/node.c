/* Tape nodes: making, saving, dying. */
#include <stdlib.h>
#include <string.h>

#include "autograd/observe_impl.h"
#include "autograd/tape_impl.h"
#include "tensor/frame.h"
#include "tensor/print.h"

static uint64_t next_seq = 1;

static size_t align16(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static void connect(fv_edge *edge, fv_tensor *t)
{
    *edge = (fv_edge){0};
    if (!t || !t->requires_grad) return;
    if (t->node) {
        edge->node = fv_node_retain(t->node);
        edge->nr = t->output_nr;
    } else {
        edge->leaf = fv_retain(t);
    }
}

static void describe(fv_meta *meta, const fv_tensor *t)
{
    bool channels_last =
        t->ndim >= 3 && t->strides[1] == 1 && !fv_is_contiguous(t) && fv_is_channels_last(t);
    meta->dtype = t->dtype;
    meta->order = channels_last ? FV_ORDER_CHANNELS_LAST : FV_ORDER_ROW_MAJOR;
    meta->shape.ndim = t->ndim;
    memcpy(meta->shape.dim, t->shape, (size_t)t->ndim * sizeof(int64_t));
}

static void describe_inputs(fv_node *node, const fv_call *c)
{
    for (int i = 0; i < c->inputs; i++) {
        fv_node_input *in = &node->in[i];
        in->saved.tensor = NULL;
        connect(&in->edge, c->in[i]);
        if (c->in[i]) describe(&in->meta, c->in[i]);
    }
}

static void describe_outputs(fv_node *node, const fv_call *c)
{
    for (int j = 0; j < c->outputs; j++) {
        const fv_output *spec = &c->spec[j];
        fv_node_output *out = &node->out[j];
        out->saved.tensor = NULL;
        out->retained = NULL;
        out->hooks = NULL;
        out->constant = spec->constant || !fv_dtype_is_floating(spec->dtype);
        node->grads[j] = NULL;
    }
}

fv_node *fv_node_new(const fv_call *c)
{
    size_t n = (size_t)c->inputs, m = (size_t)c->outputs;
    size_t head = align16(sizeof(fv_node)), in = align16(n * sizeof(fv_node_input));
    size_t out = align16(m * sizeof(fv_node_output)), grads = align16(m * sizeof(fv_tensor *));
    size_t bytes = head + in + out + grads + align16(c->op->options_size);
    char *p = fv_object_alloc(bytes);
    if (!p) return NULL;
    fv_node *node = (fv_node *)(void *)p;
    *node = (fv_node){.op = c->op,
                      .seq = __atomic_fetch_add(&next_seq, 1, __ATOMIC_RELAXED),
                      .refcount = 1,
                      .inputs = c->inputs,
                      .outputs = c->outputs,
                      .inplace = c->inplace,
                      .shapes_only = c->shapes_only,
                      .path = fv_frame_place(),
                      .bytes = bytes,
                      .in = (fv_node_input *)(void *)(p + head),
                      .out = (fv_node_output *)(void *)(p + head + in),
                      .grads = (fv_tensor **)(void *)(p + head + in + out)};
    describe_inputs(node, c);
    describe_outputs(node, c);
    p += head + in + out + grads;
    if (c->op->options_size) node->options = memcpy(p, c->options, c->op->options_size);
    fv_count_nodes(1);
    return node;
}

uint32_t fv_node_saves(const fv_call *c)
{
    uint32_t bits = c->op->also_saves ? c->op->also_saves(c) : 0;
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++)
        if (c->in[i] && c->in[i]->requires_grad) bits |= c->op->saves[i];
    return bits;
}

fv_tensor *fv_same_elements(const fv_tensor *t)
{
    fv_shape shape = {.ndim = t->ndim}; /* whole, as copies of no known length cost more */
    memcpy(shape.dim, t->shape, sizeof shape.dim);
    return fv_tensor_alias(t, &shape, t->strides, 0);
}

void fv_node_link(fv_tensor *handle, const fv_tensor *t)
{
    handle->node = t->node ? fv_node_retain(t->node) : NULL;
    handle->output_nr = t->output_nr;
    handle->requires_grad = t->requires_grad;
}

void fv_node_attach(fv_node *node, int nr, fv_tensor *t)
{
    fv_node_give(fv_node_retain(node), nr, t);
}

void fv_node_give(fv_node *node, int nr, fv_tensor *t)
{
    fv_node *old = t->node;
    if (old && t->retains_grad && old->out[t->output_nr].retained == t) {
        old->out[t->output_nr].retained = NULL;
        node->out[nr].retained = t;
    }
    t->node = node;
    t->output_nr = nr;
    t->requires_grad = true;
    if (old) fv_node_release(old);
}

/* A handle for the tape to keep. An op in place moves the user's handle to a new node; if that
 * depends on this one, which would own the handle, neither could die. Only a leaf that requires
 * grad never moves. */
static fv_tensor *saved_handle(fv_tensor *t)
{
    if (t->requires_grad && !t->node) return fv_retain(t);
    fv_tensor *alias = fv_same_elements(t);
    if (alias) fv_node_link(alias, t);
    return alias;
}

bool fv_node_save_inputs(fv_node *node, const fv_call *c, uint32_t saves, fv_tensor *clone)
{
    node->holds_saved = saves != 0;
    for (int i = 0; saves % FV_OUT(0) && i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++) {
        if (!(saves & FV_IN(i)) || !c->in[i]) continue;
        fv_tensor *t = clone && c->in[i] == c->in[0] ? fv_retain(clone) : saved_handle(c->in[i]);
        if (!t) return false;
        node->in[i].saved = (fv_saved){t, fv_version(t)};
    }
    return true;
}

/* The saved output is another handle on the same storage: the output owns its node, so the node
 * must not own the output. */
bool fv_node_save_outputs(fv_node *node, const fv_call *c, uint32_t saves)
{
    for (int j = 0; saves >= FV_OUT(0) && j < c->outputs && j < FV_MAX_OUTPUTS; j++) {
        if (!(saves & FV_OUT(j))) continue;
        fv_tensor *alias = fv_same_elements(c->out[j]);
        if (!alias) return false;
        node->out[j].saved = (fv_saved){alias, fv_version(alias)};
    }
    return true;
}

static void free_saved(fv_node *node, fv_saved *saved)
{
    fv_tensor *t = saved->tensor;
    if (!t) return;
    saved->tensor = NULL;
    node->saved_freed = true;
    fv_release(t);
}

void fv_node_free_saved(fv_node *node)
{
    if (!node->holds_saved) return;
    node->holds_saved = false;
    for (int i = 0; i < node->inputs; i++) free_saved(node, &node->in[i].saved);
    for (int j = 0; j < node->outputs; j++) free_saved(node, &node->out[j].saved);
}

fv_node *fv_node_retain(fv_node *node)
{
    __atomic_fetch_add(&node->refcount, 1, __ATOMIC_RELAXED);
    return node;
}

void fv_hooks_free(fv_hook *hooks)
{
    while (hooks) {
        fv_hook *next = hooks->next;
        fv_object_free(hooks, sizeof *hooks);
        hooks = next;
    }
}

static void node_free(fv_node *node)
{
    fv_node_free_saved(node);
    for (int i = 0; i < node->inputs; i++) {
        if (node->in[i].edge.node) fv_node_release(node->in[i].edge.node);
        fv_release(node->in[i].edge.leaf);
    }
    for (int j = 0; j < node->outputs; j++) {
        fv_release(node->grads[j]);
        fv_hooks_free(node->out[j].hooks);
    }
    if (node->op->options_free && node->options) node->op->options_free(node->options);
    fv_object_free(node, node->bytes);
    fv_count_nodes(-1);
}

void fv_node_release(fv_node *node)
{
    static _Thread_local fv_node *dying;
    static _Thread_local bool draining;
    bool last = __atomic_load_n(&node->refcount, __ATOMIC_ACQUIRE) == 1; /* nobody can add to it */
    if (!last && __atomic_sub_fetch(&node->refcount, 1, __ATOMIC_ACQ_REL) != 0) return;
    node->next_dying = dying;
    dying = node;
    if (draining) return;
    draining = true;
    while (dying) {
        fv_node *head = dying;
        dying = head->next_dying;
        node_free(head);
    }
    draining = false;
}

/* --- what a dying tensor held ----------------------------------------------------------------- */

static void drop(fv_tensor *t)
{
    if (t->node) {
        fv_node_output *out = &t->node->out[t->output_nr];
        if (t->retains_grad && out->retained == t) out->retained = NULL;
        fv_node_release(t->node);
    }
    fv_release(t->grad);
    fv_hooks_free(t->hooks);
}

__attribute__((constructor)) static void install(void)
{
    fv_autograd_drop = drop;
    fv_print_op_name = fv_grad_fn_name;
}
