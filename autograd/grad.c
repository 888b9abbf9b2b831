/* Gradients of chosen tensors: fv_grad. */
#include "autograd/autograd.h"
#include "autograd/pass_impl.h"
#include "autograd/views_impl.h"

static bool missing(fv_tensor_list list)
{
    return list.count < 0 || (list.count > 0 && !list.items);
}

static fv_status check_grad_args(const fv_grad_args *a)
{
    if (missing(a->outputs) || missing(a->inputs) || missing(a->grad_outputs))
        return fv_fail(FV_ERR_OPTION, "grad: the list of %s is missing",
                       missing(a->outputs)  ? "outputs"
                       : missing(a->inputs) ? "inputs"
                                            : "grad_outputs");
    if (!a->grads) return fv_fail(FV_ERR_OPTION, "grad: no room for the results (.grads is NULL)");
    if (a->outputs.count < 1 || a->inputs.count < 1)
        return fv_fail(FV_ERR_OPTION, "grad: at least one output and one input are needed");
    if (a->grad_outputs.count && a->grad_outputs.count != a->outputs.count)
        return fv_fail(FV_ERR_OPTION, "grad: %lld grad_outputs for %lld outputs",
                       (long long)a->grad_outputs.count, (long long)a->outputs.count);
    for (int64_t i = 0; i < a->inputs.count; i++) {
        if (fv_failed_in("grad", a->inputs.items[i]))
            return a->inputs.items[i] && fv_error_status()
                       ? fv_error_status()
                       : fv_fail(FV_ERR_OPTION, "grad: input %lld is NULL or failed", (long long)i);
        fv_status status = fv_view_refresh("grad", a->inputs.items[i]);
        if (status != FV_OK) return status;
        if (!a->inputs.items[i]->requires_grad)
            return fv_fail(FV_ERR_AUTOGRAD, "grad: input %lld %s does not require grad",
                           (long long)i, fv_text(a->inputs.items[i]));
    }
    return FV_OK;
}

/* Hands the captured gradients over, or says which input is unused. */
static fv_status deliver(const fv_grad_args *a, fv_capture *captures)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < a->inputs.count; i++) {
        fv_capture *c = &captures[i];
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

const fv_grad_args fv_grad_defaults = {FV_GRAD_DEFAULTS};

fv_status fv_grad_ex(const fv_grad_args *a)
{
    if (!fv_args_ok("grad", a, sizeof *a)) return FV_ERR_OPTION;
    fv_status status = check_grad_args(a);
    size_t bytes = status == FV_OK ? (size_t)a->inputs.count * sizeof(fv_capture) : 0;
    fv_capture *captures = bytes ? fv_object_alloc(bytes) : NULL;
    if (bytes && !captures) status = fv_fail(FV_ERR_MEMORY, "grad: no memory");
    if (captures) {
        for (int64_t i = 0; i < a->inputs.count; i++) {
            fv_tensor *t = a->inputs.items[i];
            captures[i] = (fv_capture){t->node ? NULL : t, t->node, t->output_nr, NULL};
        }
        fv_pass p;
        fv_pass_init(&p, a->retain_graph, a->create_graph);
        p.captures = captures;
        p.captures_count = a->inputs.count;
        for (int64_t i = 0; i < a->inputs.count; i++) p.captures_nodes |= captures[i].node != NULL;
        status = fv_pass_run(&p, a->outputs, a->grad_outputs);
        if (status == FV_OK) status = deliver(a, captures);
        for (int64_t i = 0; i < a->inputs.count; i++) fv_release(captures[i].grad);
        fv_object_free(captures, bytes);
    }
    for (int64_t i = 0; a->grads && status != FV_OK && i < a->inputs.count; i++)
        a->grads[i] = fv_failed_tensor();
    return status;
}
