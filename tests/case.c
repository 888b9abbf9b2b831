/* The list of cases, their inputs, and what runs one. */
#include "tests/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* --- the list --------------------------------------------------------------------------------- */

static op_case *first;

void case_register(op_case *c, int inputs, const case_input *in)
{
    op_case **at = &first;
    while (*at && strcmp((*at)->op, c->op) <= 0) at = &(*at)->next;
    c->next = *at;
    *at = c;
    c->inputs = inputs;
    for (int i = 0; i < inputs && i < CASE_INPUTS; i++) c->in[i] = in[i];
}

static bool is_op_with_cases(const char *name)
{
    for (const op_case *c = first; c; c = c->next)
        if (strcmp(c->op, name) == 0) return true;
    return false;
}

bool op_is_wanted(const char *op)
{
    const char *wanted = getenv("FOVEA_TEST_OP");
    if (!wanted) return true;
    return is_op_with_cases(wanted) ? strcmp(op, wanted) == 0 : strstr(op, wanted) != NULL;
}

bool all_cases_are_wanted(void)
{
    return !getenv("FOVEA_TEST_OP") && !getenv("FOVEA_TEST_CASE");
}

static bool is_wanted(const op_case *c)
{
    const char *wanted = getenv("FOVEA_TEST_CASE");
    return op_is_wanted(c->op) && (!wanted || strcmp(c->name, wanted) == 0);
}

const op_case *next_case(const op_case *c)
{
    const op_case *next = c ? c->next : first;
    while (next && !is_wanted(next)) next = next->next;
    return next;
}

bool case_is_first(const op_case *c)
{
    const op_case *at = first;
    while (at != c && strcmp(at->op, c->op) != 0) at = at->next;
    return at == c;
}

bool case_is_of(const op_case *c, const char *family)
{
    char folder[64];
    snprintf(folder, sizeof folder, "/%s/", family);
    return strstr(c->file, folder) != NULL;
}

/* --- inputs ----------------------------------------------------------------------------------- */

case_input case_filled(case_fill fill, fv_shape shape)
{
    return (case_input){.shape = shape, .fill = fill};
}

case_input case_index(int64_t limit, fv_shape shape)
{
    return (case_input){.shape = shape, .fill = FILL_INDEX, .limit = limit};
}

case_input case_constant(case_input in)
{
    in.constant = true;
    return in;
}

case_input case_absent(void)
{
    return (case_input){.absent = true};
}

bool fill_is_floating(case_fill fill)
{
    return fill != FILL_INDEX && fill != FILL_MASK;
}

bool case_is_floating(const op_case *c)
{
    for (int i = 0; i < c->inputs; i++)
        if (!c->in[i].absent && fill_is_floating(c->in[i].fill)) return true;
    return false;
}

fv_dtype case_dtype(const op_case *c, int input, fv_dtype floating)
{
    if (c->in[input].fill == FILL_INDEX) return FV_INT64;
    if (c->in[input].fill == FILL_MASK) return FV_BOOL;
    return floating;
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
    for (; *text; text++) seed = (seed ^ (unsigned char)*text) * 0x100000001b3u;
    return seed;
}

double *case_values(const op_case *c, int input)
{
    uint64_t seed = hash_text(hash_text(0xcbf29ce484222325u, c->op), c->name);
    const case_input *in = &c->in[input];
    return fill_values(in->fill, in->limit, fv_shape_numel(&in->shape), seed + (uint64_t)input);
}

static fv_tensor *make_input(const op_case *c, int input, fv_dtype floating, layout order,
                             bool ordered)
{
    const case_input *description = &c->in[input];
    if (description->absent) return NULL;
    bool repeats = order == LAYOUT_BROADCAST_FIRST || order == LAYOUT_BROADCAST_LAST;
    if (repeats && description->constant) ordered = false;
    double *values = case_values(c, input);
    if (!description->constant) repeat_values(values, &description->shape, order);
    fv_tensor *t = tensor_in_layout(values, &description->shape, case_dtype(c, input, floating),
                                    ordered ? order : LAYOUT_CONTIGUOUS);
    free(values);
    return t;
}

void case_inputs(const op_case *c, fv_dtype floating, layout order, uint32_t which, bool grads,
                 fv_tensor **x)
{
    for (int i = 0; i < c->inputs; i++) {
        x[i] = make_input(c, i, floating, order, (which & FV_IN(i)) != 0);
        if (!x[i] || !grads || c->in[i].constant || !fv_dtype_is_floating(x[i]->dtype)) continue;
        fv_requires_grad(x[i], true);
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

int case_run(const op_case *c, fv_tensor *const *x, fv_tensor **y)
{
    int outputs = 0;
    for (int j = 0; j < CASE_OUTPUTS; j++) y[j] = NULL;
    fv_manual_seed(12345);
    bool before = fv_set_grad_enabled(true);
    c->call(x, y);
    fv_set_grad_enabled(before);
    while (outputs < CASE_OUTPUTS && y[outputs]) {
        if (fv_failed(y[outputs++])) return 0;
    }
    return outputs;
}

int case_run_twin(const op_case *c, fv_tensor *const *x, fv_tensor **y)
{
    bool before = fv_use_reference(true);
    int outputs = case_run(c, x, y);
    fv_use_reference(before);
    return outputs;
}

static void record_event(const fv_event *event, void *context)
{
    op_record *record = context;
    if (event->kind != FV_EVENT_FORWARD) return;
    record->calls++;
    for (int k = 0; k < record->count; k++)
        if (record->op[k] == event->op) return;
    if (record->count < RECORDED_OPS) record->op[record->count++] = event->op;
}

void start_recording(op_record *record)
{
    record->observer = fv_observe(record_event, record);
}

void stop_recording(op_record *record)
{
    fv_unobserve(record->observer);
}

bool was_recorded(const op_record *record, const char *op)
{
    for (int k = 0; k < record->count; k++)
        if (strcmp(record->op[k]->name, op) == 0) return true;
    return false;
}

bool follows_memory_order(const op_case *c)
{
    return strcmp(c->op, "dropout") == 0;
}

double case_tolerance(const op_case *c, fv_dtype floating)
{
    if (floating == FV_FLOAT64) return 1e-9;
    return c->tolerance > 0 ? c->tolerance : 1e-4;
}

/* --- gradients as values ---------------------------------------------------------------------- */

fv_tensor *case_leaf(fv_tensor *like, fv_shape shape)
{
    fv_dtype dtype = fv_dtype_of(like);
    return fv_zeros(.shape = shape, .dtype = fv_dtype_is_floating(dtype) ? dtype : FV_FLOAT32,
                    .requires_grad = true);
}

fv_tensor *case_variable(fv_tensor *x)
{
    if (!fv_usable(x) || x->requires_grad || !fv_dtype_is_floating(x->dtype)) return x;
    return fv_requires_grad(fv_detach(x), true);
}

fv_tensor *case_gradient(fv_tensor *y, fv_tensor *x, fv_tensor *g)
{
    fv_tensor *gradient = fv_failed_tensor();
    fv_grad(FV_TENSORS(y), FV_TENSORS(x), &gradient, .grad_outputs = FV_TENSORS(g),
            .create_graph = true);
    return gradient;
}
