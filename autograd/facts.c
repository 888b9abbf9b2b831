/* Windows and work of calls; see facts.h. */
#include "autograd/facts.h"

#include "autograd/observe.h"

/* --- numbers ---------------------------------------------------------------------------------- */

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

fv_ratio fv_ratio_of(int64_t num, int64_t den)
{
    const int64_t most = INT64_C(1) << 62;
    if (den == 0 || num > most || num < -most || den > most || den < -most) return (fv_ratio){0, 0};
    const int64_t divisor = common_divisor(num, den) * (den < 0 ? -1 : 1);
    return (fv_ratio){num / divisor, den / divisor};
}

int64_t fv_count_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* --- windows ---------------------------------------------------------------------------------- */

bool fv_window_sliding(int to, int64_t size, int64_t stride, int64_t padding, fv_window *w)
{
    if (!w && fv_fail_null("window", "window")) return false;
    *w = (fv_window){.dim = to, .size = {size, 1}, .stride = {stride, 1}, .padding = {padding, 1}};
    return true;
}

bool fv_window_shifted(int to, int64_t offset, fv_window *w)
{
    return fv_window_sliding(to, 1, 1, offset, w);
}

bool fv_window_one(int64_t position, fv_window *w)
{
    return fv_window_sliding(-1, 1, 0, -position, w);
}

/* q * stride - padding <= o <= q * stride - padding + size - 1: the q from
 * (o + padding - (size - 1)) / stride to (o + padding) / stride. */
bool fv_window_reverse(int to, int64_t size, int64_t stride, int64_t padding, fv_window *w)
{
    if (!w && fv_fail_null("window", "window")) return false;
    *w = (fv_window){.dim = to,
                     .size = fv_ratio_of(size - 1 + stride, stride),
                     .stride = fv_ratio_of(1, stride),
                     .padding = fv_ratio_of(size - 1 - padding, stride)};
    return true;
}

bool fv_window_all(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    (void)output;
    return fv_window_sliding(-1, c->in[input]->shape[dim], 0, 0, w);
}

bool fv_window_same(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const fv_tensor *x = c->in[input], *y = c->out[output];
    const int to = dim + y->ndim - x->ndim;
    if (to < 0) return false;
    if (x->shape[dim] == y->shape[to]) return fv_window_shifted(to, 0, w);
    return x->shape[dim] == 1 && fv_window_one(0, w);
}

/* --- for observers ---------------------------------------------------------------------------- */

/* The call as its op's functions take it, without plan and elements. */
static fv_call call_of(const fv_event *e)
{
    return (fv_call){.op = e->op,
                     .options = (void *)e->options,
                     .inputs = e->inputs,
                     .outputs = e->outputs,
                     .in = e->in,
                     .out = (fv_tensor **)e->out,
                     .inplace = e->inplace,
                     .shapes_only = e->shapes_only};
}

static bool of_a_call(const fv_event *e)
{
    return e->kind == FV_EVENT_FORWARD && e->op;
}

bool fv_event_window(const fv_event *e, int input, int output, int dim, fv_window *w)
{
    if (!e && fv_fail_null("event_window", "event")) return false;
    if (!w && fv_fail_null("event_window", "window")) return false;
    if (!of_a_call(e) || !e->op->window) return false;
    const bool there = input >= 0 && input < e->inputs && e->in[input] && output >= 0 &&
                       output < e->outputs && e->out[output];
    if (!there || dim < 0 || dim >= e->in[input]->ndim) return false;
    const fv_call c = call_of(e);
    w->scattered = false;
    return e->op->window(&c, input, output, dim, w);
}

fv_work fv_event_work(const fv_event *e)
{
    if (!e && fv_fail_null("event_work", "event")) return (fv_work){0, 0};
    if (!of_a_call(e) || !e->op->multiply_adds) return (fv_work){0, 0};
    const fv_call c = call_of(e);
    return e->op->multiply_adds(&c);
}
