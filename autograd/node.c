/* Tape nodes: making, saving, dying. */
#include <stdlib.h>
#include <string.h>

#include "autograd/tape_impl.h"
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

fv_node *fv_node_new(const fv_call *c)
{
    size_t n = (size_t)c->inputs, options = align16(c->op->options_size);
    size_t head = align16(sizeof(fv_node)), edges = align16(n * sizeof(fv_edge));
    size_t metas = align16(n * sizeof(fv_meta)), saved = align16(n * sizeof(fv_saved));
    size_t bytes = head + edges + metas + saved + options;
    char *p = fv_object_alloc(bytes);
    if (!p) return NULL;
    fv_node *node = (fv_node *)(void *)p;
    memset(node, 0, sizeof *node);
    node->op = c->op;
    node->seq = __atomic_fetch_add(&next_seq, 1, __ATOMIC_RELAXED);
    node->refcount = 1;
    node->inputs = c->inputs;
    node->outputs = c->outputs;
    node->inplace = c->inplace;
    node->bytes = bytes;
    node->edges = (fv_edge *)(void *)(p + head);
    node->in_meta = (fv_meta *)(void *)(p + head + edges);
    node->in_saved = (fv_saved *)(void *)(p + head + edges + metas);
    memset(node->in_saved, 0, n * sizeof(fv_saved));
    for (int i = 0; i < c->inputs; i++) {
        connect(&node->edges[i], c->in[i]);
        if (!c->in[i]) continue;
        node->in_meta[i].dtype = c->in[i]->dtype;
        node->in_meta[i].shape.ndim = c->in[i]->ndim;
        memcpy(node->in_meta[i].shape.dim, c->in[i]->shape,
               (size_t)c->in[i]->ndim * sizeof(int64_t));
    }
    for (int j = 0; j < c->outputs; j++) {
        node->out_meta[j].dtype = c->spec[j].dtype;
        node->out_meta[j].shape = c->spec[j].shape;
        node->out_constant[j] = c->spec[j].constant || !fv_dtype_is_floating(c->spec[j].dtype);
    }
    if (c->op->options_size) {
        node->options = p + head + edges + metas + saved;
        memcpy(node->options, c->options, c->op->options_size);
    }
    __atomic_fetch_add(&fv_live_nodes, 1, __ATOMIC_RELAXED);
    return node;
}

uint32_t fv_node_saves(const fv_call *c)
{
    uint32_t bits = 0;
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++)
        if (fv_wants(c, i)) bits |= c->op->saves[i];
    return bits;
}

void fv_node_link(fv_tensor *handle, const fv_tensor *t)
{
    handle->node = t->node ? fv_node_retain(t->node) : NULL;
    handle->output_nr = t->output_nr;
    handle->requires_grad = t->requires_grad;
}

/* A handle for the tape to keep. An op in place moves the user's handle to a new node; if that
 * depends on this one, which would own the handle, neither could die. Only a leaf that requires
 * grad never moves. */
static fv_tensor *saved_handle(fv_tensor *t)
{
    if (t->requires_grad && !t->node) return fv_retain(t);
    fv_shape shape = fv_shape_of(t);
    fv_tensor *alias = fv_tensor_alias(t, &shape, t->strides, 0);
    if (alias) fv_node_link(alias, t);
    return alias;
}

bool fv_node_save_inputs(fv_node *node, const fv_call *c, fv_tensor *clone)
{
    uint32_t bits = fv_node_saves(c);
    for (int i = 0; i < c->inputs && i < FV_MAX_SAVED_INPUTS; i++) {
        if (!(bits & FV_IN(i)) || !c->in[i]) continue;
        fv_tensor *t = clone && c->in[i] == c->in[0] ? fv_retain(clone) : saved_handle(c->in[i]);
        if (!t) return false;
        node->in_saved[i].tensor = t;
        node->in_saved[i].version = fv_version(t);
    }
    return true;
}

/* The saved output is another handle on the same storage: the output owns its node, so the node
 * must not own the output. */
bool fv_node_save_outputs(fv_node *node, const fv_call *c)
{
    uint32_t bits = fv_node_saves(c);
    for (int j = 0; j < c->outputs; j++) {
        if (!(bits & FV_OUT(j))) continue;
        fv_shape shape = fv_shape_of(c->out[j]);
        fv_tensor *alias = fv_tensor_alias(c->out[j], &shape, c->out[j]->strides, 0);
        if (!alias) return false;
        node->out_saved[j].tensor = alias;
        node->out_saved[j].version = fv_version(alias);
    }
    return true;
}

void fv_node_free_saved(fv_node *node)
{
    for (int i = 0; i < node->inputs; i++) {
        if (!node->in_saved[i].tensor) continue;
        fv_tensor *t = node->in_saved[i].tensor;
        node->in_saved[i].tensor = NULL;
        node->saved_freed = true;
        fv_release(t);
    }
    for (int j = 0; j < node->outputs; j++) {
        if (!node->out_saved[j].tensor) continue;
        fv_tensor *t = node->out_saved[j].tensor;
        node->out_saved[j].tensor = NULL;
        node->saved_freed = true;
        fv_release(t);
    }
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
        if (node->edges[i].node) fv_node_release(node->edges[i].node);
        fv_release(node->edges[i].leaf);
    }
    for (int j = 0; j < node->outputs; j++) {
        fv_release(node->grads[j]);
        fv_hooks_free(node->hooks[j]);
    }
    if (node->op->options_free && node->options) node->op->options_free(node->options);
    fv_object_free(node, node->bytes);
    __atomic_fetch_sub(&fv_live_nodes, 1, __ATOMIC_RELAXED);
}

void fv_node_release(fv_node *node)
{
    static _Thread_local fv_node *dying;
    static _Thread_local bool draining;
    if (__atomic_sub_fetch(&node->refcount, 1, __ATOMIC_ACQ_REL) != 0) return;
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
        if (t->retains_grad && t->node->retained[t->output_nr] == t)
            t->node->retained[t->output_nr] = NULL;
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
