/* Walking the tape.
 *
 * A pass gathers the nodes that its roots reach, sorts them by falling seq (a topological order)
 * and gives each its turn: by then all of its output gradients have arrived, and its gradient runs.
 * Gradients travel in node->grads; leaves.c has what arrives in leaves.
 * A hook or a gradient may start a pass of its own, over the same nodes even: it sets aside what
 * the outer one has in them. */
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/observe_impl.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "autograd/pass_impl.h"
#include "autograd/views_impl.h"
#include "tensor/create.h"
#include "tensor/frame.h"

enum { FEW = 16 };

static _Thread_local int open_passes;

/* --- collecting the graph --------------------------------------------------------------------- */

static bool push(fv_pass *p, fv_node *node)
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
static fv_status collect(fv_pass *p, fv_tensor_list roots)
{
    bool ok = true;
    for (int64_t i = 0; i < roots.count && ok; i++) ok = push(p, roots.items[i]->node);
    for (size_t k = 0; k < p->count && ok; k++)
        for (int i = 0; i < p->nodes[k]->inputs && ok; i++)
            ok = push(p, p->nodes[k]->in[i].edge.node);
    if (!ok) return fv_fail(FV_ERR_MEMORY, "backward: no memory for the list of nodes");
    bool sorted = true;
    for (size_t k = 1; k < p->count && sorted; k++)
        sorted = p->nodes[k - 1]->seq > p->nodes[k]->seq;
    if (!sorted) qsort(p->nodes, p->count, sizeof *p->nodes, falling_seq);
    return FV_OK;
}

static fv_capture *find_capture(const fv_pass *p, const fv_node *node, int nr)
{
    for (int64_t i = 0; i < p->captures_count && p->captures_nodes; i++) {
        fv_capture *c = &p->captures[i];
        if (c->node == node && c->nr == nr) return c;
    }
    return NULL;
}

static bool leads_to_capture(const fv_pass *p, const fv_edge *e)
{
    if (e->leaf) return fv_leaves_find(p, e->leaf) != NULL;
    return e->node && (!e->node->skipped || find_capture(p, e->node, e->nr));
}

/* For fv_grad: nodes that lie on no path to a captured tensor need not run. */
static void mark_skipped(fv_pass *p)
{
    for (size_t k = p->count; k-- > 0;) { /* producers first */
        fv_node *node = p->nodes[k];
        bool needed = false;
        for (int i = 0; i < node->inputs && !needed; i++)
            needed = leads_to_capture(p, &node->in[i].edge);
        node->skipped = !needed;
    }
}

static size_t count_outputs(const fv_pass *p)
{
    size_t outputs = 0;
    for (size_t k = 0; k < p->count; k++) outputs += (size_t)p->nodes[k]->outputs;
    return outputs;
}

static fv_status set_aside(fv_pass *p)
{
    p->asides = malloc(count_outputs(p) * sizeof *p->asides + 1);
    if (!p->asides) return fv_fail(FV_ERR_MEMORY, "backward: no memory for a pass in a pass");
    fv_aside *at = p->asides;
    for (size_t k = 0; k < p->count; k++) {
        fv_node *node = p->nodes[k];
        for (int j = 0; j < node->outputs; j++) {
            *at++ = (fv_aside){node->grads[j], node->skipped};
            node->grads[j] = NULL;
        }
        node->skipped = false;
    }
    return FV_OK;
}

static void put_back(fv_pass *p)
{
    const fv_aside *at = p->asides;
    for (size_t k = 0; k < p->count; k++) {
        fv_node *node = p->nodes[k];
        for (int j = 0; j < node->outputs; j++, at++) {
            node->grads[j] = at->grad;
            node->skipped = at->skipped;
        }
    }
    free(p->asides);
}

/* --- arrival ---------------------------------------------------------------------------------- */

static fv_status retain_gradient(const fv_pass *p, fv_tensor *t, fv_tensor *g)
{
    fv_status status = fv_gradient_add(p, &t->grad, g);
    return status == FV_OK ? fv_gradient_own(p, t) : status;
}

/* Hooks, captures and retained gradients of a node's outputs. */
static fv_status settle_outputs(fv_pass *p, fv_node *node)
{
    for (int j = 0; j < node->outputs; j++) {
        fv_capture *c = find_capture(p, node, j);
        if (!node->grads[j] || (node->skipped && !c)) continue;
        fv_status status = fv_run_hooks(&node->out[j].hooks, &node->grads[j]);
        if (status != FV_OK) return status;
        if (c) c->grad = fv_retain(node->grads[j]);
        if (!p->captures && node->out[j].retained)
            status = retain_gradient(p, node->out[j].retained, node->grads[j]);
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

/* --- one node --------------------------------------------------------------------------------- */

static fv_status overwritten(const fv_node *node, const fv_saved *s, const char *what)
{
    return fv_fail(FV_ERR_AUTOGRAD,
                   "backward of %s: its %s %s was overwritten in place since (version %u, saved at "
                   "version %u); use the op that returns a new tensor",
                   node->op->name, what, fv_text(s->tensor), fv_version(s->tensor), s->version);
}

/* A saved output with its place on the tape, so that the gradient itself can be differentiated. */
static fv_tensor *with_history(fv_node *node, int j)
{
    fv_tensor *linked = fv_same_elements(node->out[j].saved.tensor);
    if (!linked) {
        fv_fail(FV_ERR_MEMORY, "backward: no memory for a saved output");
        return fv_failed_tensor();
    }
    linked->node = fv_node_retain(node);
    linked->output_nr = j;
    linked->requires_grad = true;
    return fv_scope_adopt(linked);
}

/* Fills in and c->out with what was saved. */
static fv_status unpack(const fv_pass *p, fv_node *node, fv_call *c, fv_tensor **in)
{
    for (int i = 0; i < node->inputs; i++) {
        const fv_saved *saved = &node->in[i].saved;
        in[i] = saved->tensor;
        if (in[i] && fv_version(in[i]) != saved->version)
            return overwritten(node, saved, fv_input_name(node->op, i));
    }
    for (int j = 0; j < node->outputs; j++) {
        const fv_saved *saved = &node->out[j].saved;
        c->out[j] = saved->tensor;
        if (!saved->tensor) continue;
        if (fv_version(saved->tensor) != saved->version) return overwritten(node, saved, "result");
        if (!p->create_graph || node->out[j].constant) continue;
        c->out[j] = with_history(node, j);
        if (fv_failed_in("backward", c->out[j])) return fv_standing_status();
    }
    return FV_OK;
}

/* g as the gradient of input i: summed down or expanded to its shape, in its dtype. */
static fv_tensor *fit(const fv_node *node, int i, fv_tensor *g)
{
    const fv_meta *meta = &node->in[i].meta;
    if (!fv_has_shape(g, &meta->shape)) {
        fv_shape shape = fv_shape_of(g), common;
        bool broadcast = fv_shape_broadcast(&shape, &meta->shape, &common);
        bool larger = broadcast && fv_shape_equal(&common, &shape);
        if (!larger && !(broadcast && fv_shape_equal(&common, &meta->shape))) {
            fv_fail(FV_ERR_AUTOGRAD, "backward of %s: the gradient of %s is %s, the input %s",
                    node->op->name, fv_input_name(node->op, i), fv_shape_text(&shape),
                    fv_shape_text(&meta->shape));
            return fv_failed_tensor();
        }
        g = larger ? fv_sum_to(g, meta->shape) : fv_expand_to(g, meta->shape);
    }
    if (fv_usable(g) && g->dtype != meta->dtype) g = fv_to(g, meta->dtype);
    return g;
}

static fv_status distribute(fv_pass *p, fv_node *node, fv_tensor **gin)
{
    for (int i = 0; i < node->inputs; i++) {
        const fv_edge *e = &node->in[i].edge;
        if (!gin[i] || (!e->node && !e->leaf)) continue;
        fv_tensor *g = fv_failed_in(node->op->name, gin[i]) ? gin[i] : fit(node, i, gin[i]);
        if (g->failed) return fv_standing_status();
        fv_status status =
            e->node ? fv_gradient_add(p, &e->node->grads[e->nr], g) : fv_leaves_give(p, e->leaf, g);
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

static void report_gradient(const fv_call *c, fv_tensor *const *gin, double start)
{
    const fv_node *node = c->node;
    double now = fv_clock();
    fv_report(&(fv_event){.kind = FV_EVENT_GRADIENT,
                          .name = node->op->name,
                          .op = node->op,
                          .options = node->options,
                          .call = node->call,
                          .within = fv_observing.within,
                          .inputs = node->outputs,
                          .outputs = node->inputs,
                          .in = node->grads,
                          .out = gin,
                          .inplace = node->inplace,
                          .shapes_only = node->shapes_only,
                          .plan = "",
                          .path = node->path ? node->path : "",
                          .start = start,
                          .nanoseconds = now - start});
}

/* The status of an error that came up since the pass began, whoever made it: a gradient or a hook
 * need not return it. */
static fv_status arisen(const fv_pass *p)
{
    return p->before == FV_OK ? fv_error_status() : FV_OK;
}

/* Runs the gradient function and hands on what it gives. */
static fv_status differentiate(fv_pass *p, fv_node *node, const fv_call *c, fv_tensor **gin)
{
    bool mode = fv_set_shapes_only(node->shapes_only); /* for what a gradient creates */
    node->running++;
    node->op->gradient(c, node->grads, gin);
    node->running--;
    fv_set_shapes_only(mode);
    fv_status status = arisen(p);
    return status == FV_OK ? distribute(p, node, gin) : status;
}

/* The same, between what observers want to know of it. */
static fv_status observe_gradient(fv_pass *p, fv_node *node, const fv_call *c, fv_tensor **gin)
{
    const uint64_t within = fv_observing.within;
    fv_observing.within = node->call;
    double start = fv_clock();
    fv_status status = differentiate(p, node, c, gin);
    fv_observing.within = within;
    if (fv_observed()) report_gradient(c, gin, start);
    return status;
}

static fv_status call_gradient(fv_pass *p, fv_node *node, fv_tensor **in, fv_tensor **out,
                               fv_tensor **gin)
{
    fv_call c = {.op = node->op,
                 .options = node->options,
                 .inputs = node->inputs,
                 .in = in,
                 .outputs = node->outputs,
                 .out = out,
                 .node = node,
                 .frees_saved = !p->retain_graph && !node->running,
                 .inplace = node->inplace,
                 .shapes_only = node->shapes_only};
    fv_status status = unpack(p, node, &c, in);
    if (status != FV_OK) return status;
    return fv_observed() ? observe_gradient(p, node, &c, gin) : differentiate(p, node, &c, gin);
}

/* Also after an error, which must leave no leaf with a gradient that others share. */
static fv_status own_leaf_gradients(const fv_pass *p, const fv_node *node, fv_status status)
{
    for (int i = 0; i < node->inputs; i++) {
        fv_tensor *leaf = node->in[i].edge.leaf;
        if (!leaf || !leaf->grad || fv_leaves_find(p, leaf)) continue;
        fv_status owned = fv_gradient_own(p, leaf);
        if (status == FV_OK) status = owned;
    }
    return status;
}

static void drop_gradients(fv_node *node)
{
    for (int j = 0; j < node->outputs; j++) {
        fv_release(node->grads[j]);
        node->grads[j] = NULL;
    }
}

static fv_status run_gradient(fv_pass *p, fv_node *node)
{
    fv_tensor *few[3 * FEW];
    size_t n = (size_t)node->inputs, m = (size_t)node->outputs;
    size_t bytes = (2 * n + m) * sizeof(fv_tensor *);
    fv_tensor **all = n <= FEW && m <= FEW ? few : fv_object_alloc(bytes);
    if (!all) return fv_fail(FV_ERR_MEMORY, "backward of %s: no memory", node->op->name);
    memset(all, 0, bytes);
    fv_scope scope = fv_scope_open(&scope);
    fv_status status = call_gradient(p, node, all, all + 2 * n, all + n);
    fv_scope_close(&scope);
    if (all != few) fv_object_free(all, bytes);
    drop_gradients(node); /* what was made over them belongs to their heirs alone */
    return p->captures ? status : own_leaf_gradients(p, node, status);
}

static bool reached(const fv_node *node)
{
    for (int j = 0; j < node->outputs; j++)
        if (node->grads[j]) return true;
    return false;
}

static fv_status run_reached(fv_pass *p, fv_node *node)
{
    fv_status status = settle_outputs(p, node);
    if (status != FV_OK || node->skipped) return status;
    if (node->saved_freed)
        return fv_fail(FV_ERR_AUTOGRAD,
                       "backward of %s: the graph was freed by an earlier backward; use "
                       ".retain_graph = true there",
                       node->op->name);
    return run_gradient(p, node);
}

/* The node's turn: its gradient runs if something has reached it. Messages say the module in which
 * its op was called. */
static fv_status run_node(fv_pass *p, fv_node *node)
{
    fv_status status = FV_OK;
    if (reached(node)) {
        const int depth = fv_frame_push_place(node->path);
        status = run_reached(p, node);
        fv_frame_pop(depth);
    }
    drop_gradients(node);
    bool done = status == FV_OK && !p->retain_graph && !node->skipped;
    if (done && !node->running)
        fv_node_free_saved(node); /* else an outer pass is in its gradient */
    for (int i = 0; i < node->inputs && status == FV_OK && p->leaves.count; i++)
        if (node->in[i].edge.leaf) status = fv_leaves_turn(p, node->in[i].edge.leaf);
    return status;
}

/* --- the pass --------------------------------------------------------------------------------- */

static fv_status seed(fv_pass *p, fv_tensor *root, fv_tensor *gradient)
{
    if (!root) return fv_fail(FV_ERR_OPTION, "backward: the tensor is NULL");
    if (!root->requires_grad)
        return fv_fail(
            FV_ERR_AUTOGRAD, "backward: the tensor %s depends on nothing that requires grad%s",
            fv_text(root), p->recording ? "" : "; gradients are switched off in this thread");
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
    if (root->node) return fv_gradient_add(p, &root->node->grads[root->output_nr], gradient);
    fv_status status = fv_leaves_give(p, root, gradient);
    if (status != FV_OK) return status;
    if (fv_leaves_find(p, root)) return fv_leaves_turn(p, root);
    return p->captures ? FV_OK : fv_gradient_own(p, root);
}

static fv_status walk(fv_pass *p, fv_tensor_list roots, fv_tensor_list gradients)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < roots.count && status == FV_OK; i++) {
        if (!roots.items[i]) return seed(p, roots.items[i], NULL);
        status = fv_view_refresh("backward", roots.items[i]);
    }
    if (status == FV_OK) status = collect(p, roots);
    if (status == FV_OK) status = fv_leaves_collect(p, roots);
    if (status == FV_OK && open_passes > 1) status = set_aside(p);
    if (status != FV_OK) p->count = 0; /* what is in the nodes belongs to an outer pass */
    if (status == FV_OK && p->captures) mark_skipped(p);
    for (int64_t i = 0; i < roots.count && status == FV_OK; i++)
        status = seed(p, roots.items[i], gradients.count ? gradients.items[i] : NULL);
    if (status == FV_OK) status = arisen(p);
    for (size_t k = 0; k < p->count && status == FV_OK; k++) {
        status = run_node(p, p->nodes[k]);
        if (status == FV_OK) status = arisen(p);
    }
    return status;
}

static void clean(fv_pass *p, fv_status status)
{
    for (size_t k = 0; k < p->count && status != FV_OK; k++)
        for (int j = 0; j < p->nodes[k]->outputs; j++) {
            fv_release(p->nodes[k]->grads[j]);
            p->nodes[k]->grads[j] = NULL;
        }
    for (size_t k = 0; k < p->count && p->captures; k++) p->nodes[k]->skipped = false;
    if (p->asides) put_back(p);
    fv_leaves_free(p);
    if (p->nodes != p->few_nodes) free(p->nodes);
}

/* --- what hooks want done at the end ---------------------------------------------------------- */

typedef struct pass_end {
    struct pass_end *next;
    fv_pass_end_fn function;
    void *context;
} pass_end;

static _Thread_local pass_end *pass_ends; /* the first to run first */

fv_status fv_queue_callback(fv_pass_end_fn function, void *context)
{
    if (!function) return fv_fail(FV_ERR_OPTION, "queue_callback: the function is NULL");
    if (!open_passes)
        return fv_fail(FV_ERR_STATE, "queue_callback: no backward is running in this thread");
    pass_end *end = fv_object_alloc(sizeof *end), **last = &pass_ends;
    if (!end) return fv_fail(FV_ERR_MEMORY, "queue_callback: out of memory");
    *end = (pass_end){.function = function, .context = context};
    while (*last) last = &(*last)->next;
    *last = end;
    return FV_OK;
}

static fv_status run_pass_ends(const fv_pass *p, fv_status status)
{
    while (pass_ends) {
        const pass_end end = *pass_ends;
        fv_object_free(pass_ends, sizeof end);
        pass_ends = end.next;
        end.function(status, end.context);
        if (status == FV_OK) status = arisen(p);
    }
    return status;
}

static bool any_failed(const char *name, fv_tensor_list tensors)
{
    bool any = false;
    for (int64_t i = 0; i < tensors.count; i++)
        any |= tensors.items[i] && fv_failed_in(name, tensors.items[i]);
    return any;
}

fv_status fv_pass_run(fv_pass *p, fv_tensor_list roots, fv_tensor_list gradients)
{
    static uint64_t passes;
    const char *name = p->captures ? "grad" : "backward";
    if (any_failed(name, roots) || any_failed(name, gradients)) return fv_standing_status();
    p->id = __atomic_add_fetch(&passes, 1, __ATOMIC_RELAXED);
    p->before = fv_error_status();
    p->nodes = p->few_nodes;
    p->room = FV_PASS_NODES_ON_STACK;
    p->retain_graph |= p->create_graph;
    p->recording = fv_grad_enabled();
    fv_grad_mode mode = fv_grad_mode_open(&mode, p->create_graph);
    fv_scope scope = fv_scope_open(&scope);
    for (int64_t i = 0; i < roots.count; i++) fv_retain(roots.items[i]); /* a hook may release it */
    open_passes++;
    fv_status status = walk(p, roots, gradients);
    clean(p, status);
    if (open_passes == 1) status = run_pass_ends(p, status);
    open_passes--;
    for (int64_t i = 0; i < roots.count; i++) fv_release(roots.items[i]);
    fv_scope_close(&scope);
    fv_grad_mode_close(&mode);
    return status;
}

/* The pass is large for its node list, so only its head is cleared. */
void fv_pass_init(fv_pass *p, bool retain_graph, bool create_graph)
{
    p->retain_graph = retain_graph;
    p->create_graph = create_graph;
    p->count = 0;
    p->captures = NULL;
    p->captures_count = 0;
    p->captures_nodes = false;
    p->leaves = (fv_leaves){0};
    p->asides = NULL;
}

const fv_backward_args fv_backward_defaults = {FV_BACKWARD_DEFAULTS};

fv_status fv_backward_ex(const fv_backward_args *a)
{
    if (!fv_args_ok("backward", a, sizeof *a)) return FV_ERR_OPTION;
    fv_pass p;
    fv_pass_init(&p, a->retain_graph, a->create_graph);
    fv_tensor_list roots = {&a->tensor, 1}, gradients = {&a->gradient, a->gradient ? 1 : 0};
    fv_status status = fv_pass_run(&p, roots, gradients);
    return status == FV_OK ? fv_error_status() : status; /* one that stood before hides others */
}
