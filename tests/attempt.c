/* See attempt.h. */
#include "attempt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LARGEST_COMPARED = 1 << 20, LARGEST_MIB = 256 };

attempt start_attempt(const op_case *c)
{
    attempt a = {.good = c, .op = fv_find_op(c->op), .c = *c, .special_input = -1};
    for (int i = 0; i < c->inputs; i++) a.dtype[i] = case_dtype(c, i, FV_FLOAT32);
    return a;
}

static fv_tensor *attempt_input(const attempt *a, int i, bool grads)
{
    const case_input *in = &a->c.in[i];
    if (in->absent) return NULL;
    int64_t count = fv_shape_numel(&in->shape);
    double *values = fill_values(in->fill, in->limit, count, 99 + (uint64_t)i);
    for (int64_t k = 0; k < count && i == a->special_input; k++) values[k] = a->special;
    fv_tensor *t = tensor_in_layout(values, &in->shape, a->dtype[i], LAYOUT_CONTIGUOUS);
    free(values);
    if (grads && !in->constant && fv_dtype_is_floating(a->dtype[i])) fv_requires_grad(t, true);
    return t;
}

/* What the calls of the running attempt do: which ops, and how many. */
static op_record record;

static void change_shape(fv_shape *shape, int64_t value)
{
    if (value >= -1 && value <= FV_MAX_DIMS + 1)
        shape->ndim = (int)value;
    else
        shape->dim[0] = value;
}

static void change_option(const attempt *a, const fv_op *op, void *options)
{
    const changed_option *change = &a->option;
    if (!change->field || op != a->op) return;
    void *at = (char *)options + change->field->offset;
    switch (change->field->kind) {
    case FV_OPTION_DOUBLE: *(double *)at = change->number; break;
    case FV_OPTION_BOOL: *(bool *)at = !*(bool *)at; break;
    case FV_OPTION_DTYPE: *(fv_dtype *)at = (fv_dtype)change->integer; break;
    case FV_OPTION_SHAPE: change_shape(at, change->integer); break;
    default: *(int64_t *)at = change->integer;
    }
}

static void intercept(const fv_op *op, void *options, void *context)
{
    record.calls++;
    if (record.count < RECORDED_OPS) record.op[record.count++] = op;
    change_option(context, op, options);
}

/* The number of outputs, 0 after an error. */
int attempt_run(attempt *a, bool twin, bool grads, fv_tensor **y)
{
    fv_tensor *x[CASE_INPUTS];
    for (int i = 0; i < a->c.inputs; i++) x[i] = attempt_input(a, i, grads);
    record = (op_record){0};
    fv_set_intercept(intercept, a);
    int outputs = twin ? case_run_twin(&a->c, x, y) : case_run(&a->c, x, y);
    fv_set_intercept(NULL, NULL);
    return outputs;
}

/* --- what a failed call must be like ---------------------------------------------------------- */

static bool names_an_option(const fv_op *op, const char *message)
{
    for (const fv_option *f = op->option_fields; f && f->name; f++)
        if (strstr(message, f->name)) return true;
    return false;
}

static bool begins_with(const char *message, const char *name)
{
    size_t length = strlen(name);
    return strncmp(message, name, length) == 0 && message[length] == ':';
}

/* Does the case call fv_<name>, name being what the message begins with? */
/* The ops that have a number for their second input are called by the plain name. */
static bool names_a_function(const char *text, const char *message)
{
    char call[64];
    int length = (int)strcspn(message, ":");
    const int suffix = (int)strlen("_scalar");
    if (length > suffix && strncmp(message + length - suffix, "_scalar", (size_t)suffix) == 0)
        length -= suffix;
    snprintf(call, sizeof call, "fv_%.*s(", length, message);
    return strstr(text, call) != NULL;
}

/* The message begins with the op or with what the user called, which for the ops of gradients is a
 * backward. A changed option, which no user can give in this way, may leave the op and hit another
 * one behind it. */
static bool names_the_op(const attempt *a, const char *message)
{
    if (begins_with(message, a->op->name) || names_a_function(a->c.text, message)) return true;
    if (begins_with(message, "grad") || begins_with(message, "backward")) return true;
    for (int k = 0; a->option.field && k < record.count; k++)
        if (begins_with(message, record.op[k]->name)) return true;
    return false;
}

static void check_message(const attempt *a)
{
    const char *message = fv_error();
    if (!names_the_op(a, message))
        note_failure("the message does not begin with the op: \"%s\"", message);
    if (a->any_message || fv_error_status() == FV_ERR_MEMORY) return;
    if (!strchr(message, '[') && !names_an_option(a->op, message))
        note_failure("the message shows neither a shape nor an option: \"%s\"", message);
}

static void check_good_call(const op_case *c)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    char message[256];
    case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, false, x);
    int outputs = case_run(c, x, y);
    case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, false, x);
    if (outputs == 0 || case_run_twin(c, x, wanted) != outputs) {
        note_failure("the next good call: %s", fv_error());
        fv_clear_error();
        return;
    }
    for (int j = 0; j < outputs; j++)
        if (!tensors_close(y[j], wanted[j], case_tolerance(c, FV_FLOAT32), message, sizeof message))
            note_failure("the next good call: output %d %s", j, message);
}

/* --- what a legal call must be like ----------------------------------------------------------- */

/* Sums of infinities may end as one or as NaN; a convolution may meet the zeros of its padding with
 * them, and its twin not. */
static infinity_rule rule_for(const attempt *a)
{
    if (a->special_input < 0 || isfinite(a->special)) return INFINITIES_AGREE;
    if (strncmp(a->c.op, "conv", 4) == 0) return INFINITIES_SPREAD;
    return isinf(a->special) ? INFINITIES_MIX : INFINITIES_AGREE;
}

/* An algorithm that is forced may multiply zeros of its own by infinite weights; where a relu then
 * lets a gradient pass is another matter. */
static bool depends_on_algorithm(const attempt *a)
{
    const bool infinite = a->special_input >= 0 && !isfinite(a->special);
    return infinite && strcmp(a->c.op, "relu_sums") == 0 && getenv("FOVEA_CONV_ALGORITHM");
}

static void compare_outputs(const attempt *a, const fv_tensor *found, const fv_tensor *wanted,
                            int j)
{
    char message[256];
    if (depends_on_algorithm(a)) return;
    if (!tensors_close_by(found, wanted, case_tolerance(a->good, FV_FLOAT32), rule_for(a), message,
                          sizeof message))
        note_failure("legal, but unlike its twin: output %d %s", j, message);
}

static void check_legal_values(attempt *a, fv_tensor *const *y, int outputs)
{
    fv_tensor *wanted[CASE_OUTPUTS];
    for (int j = 0; j < outputs; j++)
        if (y[j]->numel > LARGEST_COMPARED) return;
    if (attempt_run(a, true, false, wanted) != outputs) {
        note_failure("legal, but the twin says: %s", fv_error());
        fv_clear_error();
        return;
    }
    for (int j = 0; j < outputs; j++) compare_outputs(a, y[j], wanted[j], j);
}

static void check_legal_backward(fv_tensor *const *y, int outputs)
{
    for (int j = 0; j < outputs; j++) {
        if (!y[j]->requires_grad || y[j]->numel > LARGEST_COMPARED) continue;
        fv_tensor *ones = fv_ones_like(y[j]);
        if (fv_backward(y[j], ones, .retain_graph = true) == FV_OK) continue;
        note_failure("legal, but backward of output %d says: %s", j, fv_error());
        fv_clear_error();
    }
}

static int attempts, refused;

static void judge(attempt *a)
{
    attempts++;
    fv_tensor *y[CASE_OUTPUTS];
    int outputs = attempt_run(a, false, true, y);
    if (outputs > 0 && a->must_fail) note_failure("accepted");
    if (outputs > 0) {
        check_legal_values(a, y, outputs);
        check_legal_backward(y, outputs);
        return;
    }
    refused++;
    if (fv_error_status() == FV_OK) note_failure("a failed tensor, but no error");
    check_message(a);
    fv_clear_error();
    check_good_call(a->good);
}

/* Runs the attempt; what names the change in messages. */
void try_attempt(attempt *a, const char *what)
{
    set_case_context(a->good, "%s", what);
    char difference[128];
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        judge(a);
    }
    if (fv_error()[0]) note_failure("an error was left standing: %s", fv_error());
    fv_clear_error();
    if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
}

/* Which inputs of a case are inputs of the op itself and must be there? */
bool is_required(const op_case *c, int i)
{
    const fv_op *op = fv_find_op(c->op);
    bool same = op->inputs == FV_ANY || op->inputs == c->inputs;
    bool optional = op->input[i].optional;
    return same && !c->in[i].absent && !optional;
}

/* A call refused by its first op leaves nothing behind, even before its scope ends. */
void check_failure_is_traceless(const op_case *c)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    char difference[128];
    attempt a = start_attempt(c);
    for (int i = 0; i < c->inputs; i++) {
        if (!is_required(c, i)) continue;
        set_case_context(c, "input %d NULL", i);
        {
            FV_SCOPE;
            for (int k = 0; k < c->inputs; k++) x[k] = k == i ? NULL : attempt_input(&a, k, true);
            record = (op_record){0};
            memory_mark mark = mark_memory();
            fv_set_intercept(intercept, &a);
            if (case_run(c, x, y) > 0) note_failure("accepted");
            fv_set_intercept(NULL, NULL);
            bool at_once = record.calls < 2 && begins_with(fv_error(), c->op);
            if (at_once && !same_memory(mark, difference, sizeof difference))
                note_failure("before its scope ends: %s", difference);
        }
        fv_clear_error();
    }
}

/* --- all cases -------------------------------------------------------------------------------- */

/* Leaves room for everything but the huge, which would take minutes to fill. */
static void limit_memory(void)
{
    if (limit_blocks((size_t)LARGEST_MIB << 20)) return;
    struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
    setrlimit(RLIMIT_AS, &limit);
}

void for_each_case(void (*fn)(const op_case *c))
{
    fv_set_log(NULL, NULL);
    limit_memory();
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        ck_assert_msg(fv_find_op(c->op) != NULL, "no op %s", c->op);
        fn(c);
    }
    printf("%d calls tried, %d of them refused\n", attempts, refused);
    attempts = refused = 0;
    ck_assert(no_failures());
}
