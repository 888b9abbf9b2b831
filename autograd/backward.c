/* Walking the tape.
 *
 * A pass gathers the nodes that its roots reach, sorts them by falling seq (a topological order)
 * and runs each gradient once all of its output gradients have arrived. Gradients travel in
 * node->grads; those of leaves are written by the first consumer and added to by the next.
 * A hook or a gradient may start a pass of its own, over the same nodes even: it sets aside what
 * the outer one has in them. */
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "autograd/tape_impl.h"
#include "tensor/create.h"
#include "tensor/kernels/elementwise/elementwise.h"

/* What fv_grad asks for: the gradient of a leaf, or of output nr of a node. */
typedef struct capture {
    fv_tensor *leaf;
    fv_node *node;
    int32_t nr;
    fv_tensor *grad; /* owned */
} capture;

/* A leaf whose gradient goes through hooks: summed up first, written at the end of the pass. */
typedef struct pending {
    fv_tensor *leaf;
    fv_tensor *grad; /* owned */
} pending;

/* What an outer pass has in a node. */
typedef struct aside {
    fv_tensor *grads[FV_MAX_OUTPUTS];
    bool skipped;
} aside;

enum { ON_STACK = 128, FEW_INPUTS = 16 };

typedef struct pass {
    uint64_t id;
    bool retain_graph, create_graph;
    fv_node **nodes;
    size_t count, room;
    fv_node *few_nodes[ON_STACK];
    capture *captures; /* NULL in fv_backward */
    int64_t captures_count;
    pending *hooked;
    size_t hooked_count;
    aside *asides; /* one a node, in a pass inside another; else NULL */
} pass;

static _Thread_local int open_passes;

/* --- collecting the graph --------------------------------------------------------------------- */

static bool push(pass *p, fv_node *node)
{
    if (!node || node->visit == p->id) return true;
    if (p->count == p->room) {
        size_t room = p->room * 2;
        fv_node **nodes = p->nodes == p->few_nodes ? malloc(room * sizeof *nodes)
                                                   : realloc(p->nodes, room * sizeof *nodes);
        if (!nodes) return false;
        if (p->nodes == p->few_nodes) memcpy(nodes, p->few_nodes, sizeof p->few_nodes);
        p->nodes = nodes;
        p->room = room;
    }
    node->visit = p->id;
    p->nodes[p->count++] = node;
    return true;
}

static int falling_seq(const void *a_, const void *b_)
{
    const fv_node *a = *(fv_node *const *)a_, *b = *(fv_node *const *)b_;
    return a->seq < b->seq ? 1 : a->seq > b->seq ? -1 : 0;
}

/* The list doubles as the queue of a breadth-first walk. */
static fv_status collect(pass *p, fv_tensor_list roots)
{
    bool ok = true;
    for (int64_t i = 0; i < roots.count && ok; i++) ok = push(p, roots.items[i]->node);
    for (size_t k = 0; k < p->count && ok; k++)
        for (int i = 0; i < p->nodes[k]->inputs && ok; i++)
            ok = push(p, p->nodes[k]->edges[i].node);
    if (!ok) return fv_fail(FV_ERR_MEMORY, "backward: no memory for the list of nodes");
    bool sorted = true;
    for (size_t k = 1; k < p->count && sorted; k++)
        sorted = p->nodes[k - 1]->seq > p->nodes[k]->seq;
    if (!sorted) qsort(p->nodes, p->count, sizeof *p->nodes, falling_seq);
    return FV_OK;
}

static capture *find_capture(const pass *p, const fv_node *node, int nr, const fv_tensor *leaf)
{
    for (int64_t i = 0; i < p->captures_count; i++) {
        capture *c = &p->captures[i];
        if (leaf ? c->leaf == leaf : (c->node == node && c->nr == nr && node)) return c;
    }
    return NULL;
}

/* For fv_grad: nodes that lie on no path to a captured tensor need not run. */
static void mark_skipped(pass *p)
{
    for (size_t k = p->count; k-- > 0;) { /* producers first */
        fv_node *node = p->nodes[k];
        bool needed = false;
        for (int i = 0; i < node->inputs && !needed; i++) {
            const fv_edge *e = &node->edges[i];
            if (e->leaf) needed = find_capture(p, NULL, 0, e->leaf) != NULL;
            if (e->node)
                needed = !e->node->skipped || find_capture(p, e->node, e->nr, NULL) != NULL;
        }
        node->skipped = !needed;
    }
}

static fv_status set_aside(pass *p)
{
    p->asides = malloc(p->count * sizeof *p->asides + 1);
    if (!p->asides) return fv_fail(FV_ERR_MEMORY, "backward: no memory for a pass in a pass");
    for (size_t k = 0; k < p->count; k++) {
        fv_node *node = p->nodes[k];
        memcpy(p->asides[k].grads, node->grads, sizeof node->grads);
        memset(node->grads, 0, sizeof node->grads);
        p->asides[k].skipped = node->skipped;
        node->skipped = false;
    }
    return FV_OK;
}

static void put_back(pass *p)
{
    for (size_t k = 0; k < p->count; k++) {
        memcpy(p->nodes[k]->grads, p->asides[k].grads, sizeof p->nodes[k]->grads);
        p->nodes[k]->skipped = p->asides[k].skipped;
    }
    free(p->asides);
}

/* --- sums of gradients ------------------------------------------------------------------------ */

/* May it be written to? Only if nobody else holds the handle or the storage. */
static bool exclusive(const fv_tensor *t)
{
    return t->refcount == 1 && t->storage->refcount == 1 && !t->storage->release;
}

/* *slot (owned, NULL at first) += g. */
static fv_status add_to(const pass *p, fv_tensor **slot, fv_tensor *g)
{
    if (!*slot) {
        *slot = fv_retain(g);
        return FV_OK;
    }
    if (!p->create_graph && exclusive(*slot) && fv_is_dense(*slot)) {
        fv_elementwise_accumulate(*slot, g);
        fv_bump_version(*slot);
        return FV_OK;
    }
    fv_tensor *sum = fv_add(*slot, g);
    if (sum->failed) return fv_standing_status();
    fv_release(*slot);
    *slot = fv_retain(sum);
    return FV_OK;
}

/* Does g lie in memory as a gradient of t should: without gaps, in t's order if that has none? */
static bool well_ordered(const fv_tensor *g, const fv_tensor *t)
{
    for (int i = 0; i < g->ndim; i++)
        if (g->shape[i] != 1 && g->strides[i] != t->strides[i])
            return fv_is_dense(g) && !fv_is_dense(t);
    return fv_is_dense(t);
}

/* A copy of g in t's order, reference count 1; NULL when memory is out. With create_graph an op,
 * so that the tape knows it. */
static fv_tensor *copy_gradient(const pass *p, const fv_tensor *t, fv_tensor *g)
{
    fv_tensor *copy = NULL;
    if (p->create_graph) {
        FV_SCOPE
            copy = fv_retain(fv_clone(g));
        return copy->failed ? NULL : copy;
    }
    int64_t strides[FV_MAX_DIMS];
    fv_shape shape = fv_shape_of(t);
    fv_strides_like(t, strides);
    copy = fv_tensor_alloc(g->dtype, &shape, strides);
    if (copy) fv_copy_elements(copy, g);
    return copy;
}

/* The gradient that a tensor keeps must be its own memory, in the tensor's order: users and
 * optimizers write to it. What cannot be copied is dropped. */
static fv_status own_gradient(const pass *p, fv_tensor *t)
{
    fv_tensor *g = t->grad;
    if (exclusive(g) && (p->create_graph ? fv_is_dense(g) : well_ordered(g, t))) return FV_OK;
    t->grad = copy_gradient(p, t, g);
    fv_release(g);
    return t->grad ? FV_OK : fv_fail(FV_ERR_MEMORY, "backward: no memory for a gradient");
}

static fv_status add_pending(pass *p, fv_tensor *leaf, fv_tensor *g)
{
    for (size_t i = 0; i < p->hooked_count; i++)
        if (p->hooked[i].leaf == leaf) return add_to(p, &p->hooked[i].grad, g);
    pending *more = realloc(p->hooked, (p->hooked_count + 1) * sizeof *more);
    if (!more) return fv_fail(FV_ERR_MEMORY, "backward: no memory for hooks");
    p->hooked = more;
    p->hooked[p->hooked_count++] = (pending){fv_retain(leaf), fv_retain(g)};
    return FV_OK;
}

static fv_status give_leaf(pass *p, fv_tensor *leaf, fv_tensor *g)
{
    if (p->captures || leaf->hooks) {
        if (p->captures && !find_capture(p, NULL, 0, leaf)) return FV_OK;
        return add_pending(p, leaf, g);
    }
    return add_to(p, &leaf->grad, g);
}

/* --- arrival ---------------------------------------------------------------------------------- */

static fv_status finish_leaves(pass *p)
{
    for (size_t i = 0; i < p->hooked_count; i++) {
        fv_tensor *leaf = p->hooked[i].leaf;
        fv_status status = fv_run_hooks(&leaf->hooks, &p->hooked[i].grad);
        if (status != FV_OK) return status;
        capture *c = find_capture(p, NULL, 0, leaf);
        if (c) {
            c->grad = fv_retain(p->hooked[i].grad);
        } else {
            status = add_to(p, &leaf->grad, p->hooked[i].grad);
            fv_release(p->hooked[i].grad);
            p->hooked[i].grad = NULL;
            if (status == FV_OK) status = own_gradient(p, leaf);
            if (status != FV_OK) return status;
        }
    }
    return FV_OK;
}

static fv_status retain_gradient(const pass *p, fv_tensor *t, fv_tensor *g)
{
    fv_status status = add_to(p, &t->grad, g);
    return status == FV_OK ? own_gradient(p, t) : status;
}

/* Hooks, captures and retained gradients of a node's outputs. */
static fv_status settle_outputs(pass *p, fv_node *node)
{
    for (int j = 0; j < node->outputs; j++) {
        capture *c = find_capture(p, node, j, NULL);
        if (!node->grads[j] || (node->skipped && !c)) continue;
        fv_status status = fv_run_hooks(&node->hooks[j], &node->grads[j]);
        if (status != FV_OK) return status;
        if (c) c->grad = fv_retain(node->grads[j]);
        if (!p->captures && node->retained[j])
            status = retain_gradient(p, node->retained[j], node->grads[j]);
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

/* --- one node --------------------------------------------------------------------------------- */

static fv_status check_version(const fv_node *node, const fv_saved *s, const char *what, int i)
{
    uint32_t now = fv_version(s->tensor);
    if (now == s->version) return FV_OK;
    return fv_fail(FV_ERR_AUTOGRAD,
                   "backward of %s: its %s %d %s was overwritten in place since (version %u, saved "
                   "at version %u); use the op that returns a new tensor",
                   node->op->name, what, i, fv_text(s->tensor), now, s->version);
}

/* Fills c->in and c->out with what was saved. Saved outputs get their history back, so that the
 * gradient itself can be differentiated. */
static fv_status unpack(const pass *p, fv_node *node, fv_call *c, fv_tensor **in)
{
    for (int i = 0; i < node->inputs; i++) {
        in[i] = node->in_saved[i].tensor;
        fv_status status = in[i] ? check_version(node, &node->in_saved[i], "input", i) : FV_OK;
        if (status != FV_OK) return status;
    }
    for (int j = 0; j < node->outputs; j++) {
        fv_tensor *saved = node->out_saved[j].tensor;
        c->out[j] = saved;
        if (!saved) continue;
        fv_status status = check_version(node, &node->out_saved[j], "output", j);
        if (status != FV_OK) return status;
        if (!p->create_graph || node->out_constant[j]) continue;
        fv_shape shape = fv_shape_of(saved);
        fv_tensor *linked = fv_tensor_alias(saved, &shape, saved->strides, 0);
        if (!linked) return fv_fail(FV_ERR_MEMORY, "backward: no memory for a saved output");
        linked->node = fv_node_retain(node);
        linked->output_nr = j;
        linked->requires_grad = true;
        c->out[j] = fv_scope_adopt(linked);
        if (c->out[j]->failed) return FV_ERR_MEMORY;
    }
    return FV_OK;
}

/* g as the gradient of input i: summed down or expanded to its shape, in its dtype. */
static fv_tensor *fit(const fv_node *node, int i, fv_tensor *g)
{
    const fv_meta *meta = &node->in_meta[i];
    fv_shape shape = fv_shape_of(g), common;
    if (!fv_shape_equal(&shape, &meta->shape)) {
        bool broadcast = fv_shape_broadcast(&shape, &meta->shape, &common);
        bool larger = broadcast && fv_shape_equal(&common, &shape);
        if (!larger && !(broadcast && fv_shape_equal(&common, &meta->shape))) {
            fv_fail(FV_ERR_AUTOGRAD, "backward of %s: the gradient of input %d is %s, the input %s",
                    node->op->name, i, fv_shape_text(&shape), fv_shape_text(&meta->shape));
            return fv_failed_tensor();
        }
        g = larger ? fv_sum_to(g, meta->shape) : fv_expand_ex(g, meta->shape);
    }
    if (!g->failed && g->dtype != meta->dtype) g = fv_to(g, meta->dtype);
    return g;
}

static fv_status distribute(pass *p, fv_node *node, fv_tensor **gin)
{
    for (int i = 0; i < node->inputs; i++) {
        const fv_edge *e = &node->edges[i];
        if (!gin[i] || (!e->node && !e->leaf)) continue;
        fv_tensor *g = gin[i]->failed ? gin[i] : fit(node, i, gin[i]);
        if (g->failed) return fv_standing_status();
        fv_status status =
            e->node ? add_to(p, &e->node->grads[e->nr], g) : give_leaf(p, e->leaf, g);
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

static fv_status call_gradient(pass *p, fv_node *node, fv_tensor **in, fv_tensor **gin)
{
    fv_call c;
    c.op = node->op;
    c.options = node->options;
    c.inputs = node->inputs;
    c.in = in;
    c.outputs = node->outputs;
    c.node = node;
    c.inplace = false;
    fv_status status = unpack(p, node, &c, in);
    if (status != FV_OK) return status;
    node->running++;
    node->op->gradient(&c, node->grads, gin);
    node->running--;
    return distribute(p, node, gin);
}

/* Also after an error, which must leave no leaf with a gradient that others share. */
static fv_status own_leaf_gradients(const pass *p, const fv_node *node, fv_status status)
{
    for (int i = 0; i < node->inputs; i++) {
        fv_tensor *leaf = node->edges[i].leaf;
        if (!leaf || !leaf->grad || leaf->hooks) continue;
        fv_status owned = own_gradient(p, leaf);
        if (status == FV_OK) status = owned;
    }
    return status;
}

static fv_status run_gradient(pass *p, fv_node *node)
{
    fv_tensor *few[2 * FEW_INPUTS];
    size_t n = (size_t)node->inputs, bytes = 2 * n * sizeof(fv_tensor *);
    fv_tensor **both = n <= FEW_INPUTS ? few : fv_object_alloc(bytes);
    if (!both) return fv_fail(FV_ERR_MEMORY, "backward of %s: no memory", node->op->name);
    memset(both, 0, bytes);
    fv_scope scope = fv_scope_open();
    fv_status status = call_gradient(p, node, both, both + n);
    fv_scope_close(&scope);
    if (both != few) fv_object_free(both, bytes);
    return p->captures ? status : own_leaf_gradients(p, node, status);
}

static fv_status run_node(pass *p, fv_node *node)
{
    bool reached = false;
    for (int j = 0; j < node->outputs; j++) reached |= node->grads[j] != NULL;
    fv_status status = reached ? settle_outputs(p, node) : FV_OK;
    if (status == FV_OK && reached && !node->skipped) {
        if (node->saved_freed)
            return fv_fail(FV_ERR_AUTOGRAD,
                           "backward of %s: the graph was freed by an earlier backward; use "
                           ".retain_graph = true there",
                           node->op->name);
        status = run_gradient(p, node);
    }
    for (int j = 0; j < node->outputs; j++) {
        fv_release(node->grads[j]);
        node->grads[j] = NULL;
    }
    bool done = status == FV_OK && !p->retain_graph && !node->skipped;
    if (done && !node->running)
        fv_node_free_saved(node); /* else an outer pass is in its gradient */
    return status;
}

/* --- the pass --------------------------------------------------------------------------------- */

static fv_status seed(pass *p, fv_tensor *root, fv_tensor *gradient)
{
    if (!root) return fv_fail(FV_ERR_OPTION, "backward: the tensor is NULL");
    if (root->failed || (gradient && gradient->failed)) return fv_standing_status();
    if (!root->requires_grad)
        return fv_fail(FV_ERR_AUTOGRAD,
                       "backward: the tensor %s depends on nothing that requires grad",
                       fv_text(root));
    if (!gradient && root->numel != 1)
        return fv_fail(FV_ERR_SHAPE,
                       "backward: the tensor %s has more than one element, give .gradient",
                       fv_text(root));
    if (!gradient) gradient = fv_ones_like(root);
    if (gradient->failed) return fv_standing_status();
    fv_shape a = fv_shape_of(root), b = fv_shape_of(gradient);
    if (!fv_shape_equal(&a, &b) || root->dtype != gradient->dtype)
        return fv_fail(FV_ERR_SHAPE, "backward: gradient %s of %s for a tensor %s of %s",
                       fv_shape_text(&b), fv_dtype_name(gradient->dtype), fv_shape_text(&a),
                       fv_dtype_name(root->dtype));
    if (root->node) return add_to(p, &root->node->grads[root->output_nr], gradient);
    fv_status status = give_leaf(p, root, gradient);
    return status == FV_OK && !p->captures && !root->hooks ? own_gradient(p, root) : status;
}

static fv_status walk(pass *p, fv_tensor_list roots, fv_tensor_list gradients)
{
    for (int64_t i = 0; i < roots.count; i++)
        if (fv_failed(roots.items[i])) return seed(p, roots.items[i], NULL);
    fv_status status = collect(p, roots);
    if (status == FV_OK && open_passes > 1) status = set_aside(p);
    if (status != FV_OK) p->count = 0; /* what is in the nodes belongs to an outer pass */
    if (status == FV_OK && p->captures) mark_skipped(p);
    for (int64_t i = 0; i < roots.count && status == FV_OK; i++)
        status = seed(p, roots.items[i], gradients.count ? gradients.items[i] : NULL);
    for (size_t k = 0; k < p->count && status == FV_OK; k++) status = run_node(p, p->nodes[k]);
    if (status == FV_OK) status = finish_leaves(p);
    return status;
}

static void clean(pass *p, fv_status status)
{
    for (size_t k = 0; k < p->count && status != FV_OK; k++)
        for (int j = 0; j < p->nodes[k]->outputs; j++) {
            fv_release(p->nodes[k]->grads[j]);
            p->nodes[k]->grads[j] = NULL;
        }
    for (size_t k = 0; k < p->count && p->captures; k++) p->nodes[k]->skipped = false;
    if (p->asides) put_back(p);
    for (size_t i = 0; i < p->hooked_count; i++) {
        fv_release(p->hooked[i].leaf);
        fv_release(p->hooked[i].grad);
    }
    free(p->hooked);
    if (p->nodes != p->few_nodes) free(p->nodes);
}

static fv_status run_pass(pass *p, fv_tensor_list roots, fv_tensor_list gradients)
{
    static uint64_t passes;
    p->id = __atomic_add_fetch(&passes, 1, __ATOMIC_RELAXED);
    p->nodes = p->few_nodes;
    p->room = ON_STACK;
    p->retain_graph |= p->create_graph;
    fv_grad_mode mode = fv_grad_mode_open(p->create_graph);
    fv_scope scope = fv_scope_open();
    for (int64_t i = 0; i < roots.count; i++) fv_retain(roots.items[i]); /* a hook may release it */
    open_passes++;
    fv_status status = walk(p, roots, gradients);
    clean(p, status);
    open_passes--;
    for (int64_t i = 0; i < roots.count; i++) fv_release(roots.items[i]);
    fv_scope_close(&scope);
    fv_grad_mode_close(&mode);
    return status;
}

/* The pass is large for its node list, so only its head is cleared. */
static void init_pass(pass *p, bool retain_graph, bool create_graph)
{
    p->retain_graph = retain_graph;
    p->create_graph = create_graph;
    p->count = 0;
    p->captures = NULL;
    p->captures_count = 0;
    p->hooked = NULL;
    p->hooked_count = 0;
    p->asides = NULL;
}

fv_status fv_backward_ex(const fv_backward_args *a)
{
    pass p;
    init_pass(&p, a->retain_graph, a->create_graph);
    fv_tensor_list roots = {&a->tensor, 1}, gradients = {&a->gradient, a->gradient ? 1 : 0};
    return run_pass(&p, roots, gradients);
}

/* --- fv_grad ---------------------------------------------------------------------------------- */

static fv_status check_grad_args(const fv_grad_args *a)
{
    if (!a->grads) return fv_fail(FV_ERR_OPTION, "grad: no room for the results (.grads is NULL)");
    if (a->outputs.count < 1 || a->inputs.count < 1)
        return fv_fail(FV_ERR_OPTION, "grad: at least one output and one input are needed");
    if (a->grad_outputs.count && a->grad_outputs.count != a->outputs.count)
        return fv_fail(FV_ERR_OPTION, "grad: %lld grad_outputs for %lld outputs",
                       (long long)a->grad_outputs.count, (long long)a->outputs.count);
    for (int64_t i = 0; i < a->inputs.count; i++) {
        if (fv_failed(a->inputs.items[i]))
            return a->inputs.items[i] && fv_error_status()
                       ? fv_error_status()
                       : fv_fail(FV_ERR_OPTION, "grad: input %lld is NULL or failed", (long long)i);
        if (!a->inputs.items[i]->requires_grad)
            return fv_fail(FV_ERR_AUTOGRAD, "grad: input %lld %s does not require grad",
                           (long long)i, fv_text(a->inputs.items[i]));
    }
    return FV_OK;
}

/* Hands the captured gradients over, or says which input is unused. */
static fv_status deliver(const fv_grad_args *a, capture *captures)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < a->inputs.count; i++) {
        capture *c = &captures[i];
        for (int64_t k = 0; k < i && !c->grad; k++) /* the same tensor named twice */
            if (captures[k].leaf == c->leaf && captures[k].node == c->node &&
                captures[k].nr == c->nr)
                c->grad = fv_retain(captures[k].grad);
        if (!c->grad && !a->allow_unused && status == FV_OK)
            status = fv_fail(FV_ERR_AUTOGRAD,
                             "grad: no output depends on input %lld %s; .allow_unused = true gives "
                             "NULL for it",
                             (long long)i, fv_text(a->inputs.items[i]));
    }
    for (int64_t i = 0; i < a->inputs.count; i++) {
        a->grads[i] = captures[i].grad ? fv_scope_adopt(fv_retain(captures[i].grad)) : NULL;
        if (a->grads[i] && a->grads[i]->failed && status == FV_OK) status = fv_standing_status();
    }
    return status;
}

fv_status fv_grad_ex(const fv_grad_args *a)
{
    fv_status status = check_grad_args(a);
    size_t bytes = status == FV_OK ? (size_t)a->inputs.count * sizeof(capture) : 0;
    capture *captures = bytes ? fv_object_alloc(bytes) : NULL;
    if (bytes && !captures) status = fv_fail(FV_ERR_MEMORY, "grad: no memory");
    if (captures) {
        for (int64_t i = 0; i < a->inputs.count; i++) {
            fv_tensor *t = a->inputs.items[i];
            captures[i] = (capture){t->node ? NULL : t, t->node, t->output_nr, NULL};
        }
        pass p;
        init_pass(&p, a->retain_graph, a->create_graph);
        p.captures = captures;
        p.captures_count = a->inputs.count;
        status = run_pass(&p, a->outputs, a->grad_outputs);
        if (status == FV_OK) status = deliver(a, captures);
        for (int64_t i = 0; i < a->inputs.count; i++) fv_release(captures[i].grad);
        fv_object_free(captures, bytes);
    }
    for (int64_t i = 0; a->grads && status != FV_OK && i < a->inputs.count; i++)
        a->grads[i] = fv_failed_tensor();
    return status;
}
