/* One case with its inputs, or one optimizer, ready to be called. */
#include "subject.h"

#include <string.h>

static fv_tensor *filled(const case_input *in, fv_shape shape, fv_dtype dtype)
{
    switch (in->fill) {
    case FILL_POSITIVE: return fv_add(fv_mul(fv_rand(.shape = shape, .dtype = dtype), 1.5), 0.5);
    case FILL_UNIT: return fv_add(fv_mul(fv_rand(.shape = shape, .dtype = dtype), 0.9), 0.05);
    case FILL_INDEX: return fv_randint(.shape = shape, .high = in->limit);
    case FILL_MASK: return fv_gt(fv_rand(.shape = shape), 0.5);
    default: return fv_randn(.shape = shape, .dtype = dtype);
    }
}

void subject_forget(subject *s)
{
    for (int i = 0; i < s->inputs; i++) fv_release(s->x[i]);
    fv_release(s->g);
    fv_free(s->optimizer);
    *s = (subject){0};
}

fv_tensor *subject_call(const subject *s)
{
    fv_tensor *y[CASE_OUTPUTS] = {NULL};
    s->v.call->call(s->x, y);
    return y[0];
}

static double bytes_of(const fv_tensor *t)
{
    return (double)fv_numel(t) * (double)fv_dtype_size(fv_dtype_of(t));
}

/* Of a forward pass; a gradient of one input has as many. */
static double flops_of(const subject *s, const fv_tensor *y)
{
    const fv_tensor *w = s->inputs > 1 ? s->x[1] : NULL;
    if (strncmp(s->v.op, "conv_transpose", 14) == 0)
        return 2.0 * (double)fv_numel(s->x[0]) * (double)fv_numel(w) / (double)fv_size(w, 0);
    if (strncmp(s->v.op, "conv", 4) == 0 || strcmp(s->v.op, "linear") == 0)
        return 2.0 * (double)fv_numel(y) * (double)fv_numel(w) / (double)fv_size(w, 0);
    if (strcmp(s->v.op, "matmul") == 0 || strcmp(s->v.op, "bmm") == 0)
        return 2.0 * (double)fv_numel(y) * (double)fv_size(s->x[0], -1);
    return 0;
}

bool subject_wants_gradient(const subject *s, int i)
{
    return !s->v.call->in[i].constant && fv_dtype_of(s->x[i]) == s->v.dtype;
}

/* Which inputs ask for a gradient: all that can, or number `only`. */
void subject_ask(subject *s, int only)
{
    for (int i = 0; i < s->inputs; i++)
        if (fv_dtype_of(s->x[i]) == s->v.dtype)
            fv_requires_grad(s->x[i], subject_wants_gradient(s, i) && (only < 0 || i == only));
}

static bool is_convolution(const subject *s)
{
    return s->v.call && strncmp(s->v.op, "conv", 4) == 0 && strcmp(s->v.op, "contiguous") != 0;
}

/* Calls once, for what depends on the result. */
static void describe_result(subject *s)
{
    FV_SCOPE;
    subject_ask(s, -1);
    fv_tensor *y = subject_call(s);
    s->flops = flops_of(s, y);
    s->out_bytes = bytes_of(y);
    for (int i = 0; i < s->inputs; i++) s->in_bytes += bytes_of(s->x[i]);
    s->differentiable = y->requires_grad;
    fv_tensor *g = fv_to(fv_randn(.shape = fv_shape_of(y)), fv_dtype_of(y));
    s->g = fv_retain(fv_is_channels_last(y) ? fv_to_channels_last(g) : g); /* as a layer gets it */
}

static void prepare_case(subject *s)
{
    FV_SCOPE;
    FV_NO_GRAD;
    s->inputs = s->v.call->inputs;
    for (int i = 0; i < s->inputs; i++) {
        fv_tensor *x = filled(&s->v.call->in[i], variant_shape(&s->v, i), s->v.dtype);
        if (i == 0 && variant_is_ordered(&s->v)) x = fv_to_channels_last(x);
        s->x[i] = fv_retain(x);
    }
}

/* A parameter that has a gradient, which stays. */
static void prepare_optimizer(subject *s)
{
    FV_SCOPE;
    fv_shape shape = variant_shape(&s->v, 0);
    s->inputs = 1;
    s->x[0] = fv_retain(fv_randn(.shape = shape, .requires_grad = true));
    s->g = fv_retain(fv_randn(.shape = shape));
    fv_set_grad(s->x[0], s->g);
    s->in_bytes = bytes_of(s->x[0]);
    s->out_bytes = bytes_of(s->x[0]);
    s->optimizer = s->v.optimizer(FV_TENSORS(s->x[0]));
}

fv_status subject_prepare(subject *s, const variant *v)
{
    subject_forget(s);
    s->v = *v;
    if (v->optimizer) {
        prepare_optimizer(s);
    } else {
        prepare_case(s);
        describe_result(s);
    }
    return fv_error_status();
}

int subject_wanted(const subject *s, int only, fv_tensor **wanted)
{
    int count = 0;
    for (int i = 0; i < s->inputs; i++)
        if (subject_wants_gradient(s, i) && (only < 0 || i == only)) wanted[count++] = s->x[i];
    return count;
}

int subject_passes(const subject *s, const char **pass)
{
    int count = 0;
    if (s->optimizer) {
        pass[count++] = "step";
        return count;
    }
    pass[count++] = "forward";
    if (s->differentiable && is_convolution(s)) {
        pass[count++] = "grad0";
        pass[count++] = "grad1";
    } else if (s->differentiable) {
        pass[count++] = "backward";
    }
    return count;
}

int64_t variant_elements(const variant *v)
{
    int64_t elements = 0;
    for (int i = 0; v->call && i < v->call->inputs; i++) {
        fv_shape shape = variant_shape(v, i);
        int64_t n = 1;
        for (int d = 0; d < shape.ndim; d++) n *= shape.dim[d];
        elements += n;
    }
    return elements;
}
