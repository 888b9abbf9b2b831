/* The bad-argument matrix: every case, every input and every option takes wrong values.
 *
 * Whatever comes in, a call either fails - with a message that names the op and shows a shape or
 * the option, with tensors, nodes and bytes as before, and with the next good call right - or it
 * is legal, and then it agrees with the reference twin and its backward runs. Memory is limited, so
 * that a result may also be too large. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "support.h"
#include "tensor/constants.h"

enum { LARGEST_COMPARED = 1 << 20, HANG_SECONDS = 60, LARGEST_MIB = 256 };

/* What an option of the op under test becomes, on its way into the op. */
typedef struct changed_option {
    const fv_option *field; /* NULL: none */
    int64_t integer;
    double number;
} changed_option;

/* One call of the matrix: a case with changed inputs or with a changed option. */
typedef struct attempt {
    const op_case *good;
    const fv_op *op;
    op_case c; /* the good case with changes */
    fv_dtype dtype[CASE_INPUTS];
    int special_input; /* whose values are all `special`, or -1 */
    double special;    /* infinite ones may give an infinity or a NaN, as sums go */
    changed_option option;
    bool must_fail;
    bool any_message; /* the message need not show a shape or an option */
} attempt;

static attempt start_attempt(const op_case *c)
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
static int attempt_run(attempt *a, bool twin, bool grads, fv_tensor **y)
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

static void compare_outputs(const attempt *a, const fv_tensor *found, const fv_tensor *wanted,
                            int j)
{
    char message[256];
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
static void try_attempt(attempt *a, const char *what)
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
static bool is_required(const op_case *c, int i)
{
    const fv_op *op = fv_find_op(c->op);
    bool same = op->inputs == FV_ANY || op->inputs == c->inputs;
    bool optional = op->input[i].optional;
    return same && !c->in[i].absent && !optional;
}

/* A call refused by its first op leaves nothing behind, even before its scope ends. */
static void check_failure_is_traceless(const op_case *c)
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

/* --- the matrix: inputs ----------------------------------------------------------------------- */

static void vary_presence(const op_case *c, int i)
{
    char what[64];
    attempt a = start_attempt(c);
    a.c.in[i].absent = true;
    a.must_fail = is_required(c, i);
    a.any_message = true;
    snprintf(what, sizeof what, "input %d is NULL", i);
    try_attempt(&a, what);
}

static void vary_dtype(const op_case *c, int i)
{
    char what[64];
    for (int k = 0; k < FV_DTYPE_COUNT; k++) {
        fv_dtype d = (fv_dtype)(FV_DTYPE_FIRST + k);
        attempt a = start_attempt(c);
        if (a.dtype[i] == d) continue;
        a.dtype[i] = d;
        a.any_message = true;
        snprintf(what, sizeof what, "input %d is %s", i, fv_dtype_name(d));
        try_attempt(&a, what);
    }
}

static void vary_rank(const op_case *c, int i)
{
    char what[64];
    const fv_shape *shape = &c->in[i].shape;
    for (int added = 1; added <= FV_MAX_DIMS - shape->ndim && added <= 4; added++) {
        attempt a = start_attempt(c);
        fv_shape *wider = &a.c.in[i].shape;
        wider->ndim += added;
        for (int d = 0; d < wider->ndim; d++) wider->dim[d] = d < added ? 1 : shape->dim[d - added];
        snprintf(what, sizeof what, "input %d has %d more dimensions", i, added);
        try_attempt(&a, what);
    }
    for (int removed = 1; removed <= shape->ndim; removed++) {
        attempt a = start_attempt(c);
        a.c.in[i].shape.ndim -= removed;
        snprintf(what, sizeof what, "input %d lacks its last %d dimensions", i, removed);
        try_attempt(&a, what);
        fv_shape *shape_left = &a.c.in[i].shape;
        for (int d = 0; d < shape_left->ndim; d++) shape_left->dim[d] = shape->dim[d + removed];
        snprintf(what, sizeof what, "input %d lacks its first %d dimensions", i, removed);
        try_attempt(&a, what);
    }
}

static void vary_length(const op_case *c, int i)
{
    char what[64];
    for (int d = 0; d < c->in[i].shape.ndim; d++) {
        const int64_t lengths[] = {0, 1, c->in[i].shape.dim[d] + 1};
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            attempt a = start_attempt(c);
            a.c.in[i].shape.dim[d] = lengths[k];
            snprintf(what, sizeof what, "input %d has length %lld in dimension %d", i,
                     (long long)lengths[k], d);
            try_attempt(&a, what);
        }
    }
}

/* The same dimension empty in every input that has it: an empty batch, no channels, ... */
static void vary_all_lengths(const op_case *c)
{
    char what[64];
    for (int d = 0; d < FV_MAX_DIMS; d++) {
        attempt a = start_attempt(c);
        bool changed = false;
        for (int i = 0; i < c->inputs; i++) {
            if (c->in[i].absent || d >= c->in[i].shape.ndim) continue;
            a.c.in[i].shape.dim[d] = 0;
            changed = true;
        }
        if (!changed) return;
        snprintf(what, sizeof what, "length 0 in dimension %d of all inputs", d);
        try_attempt(&a, what);
    }
}

static void vary_values(const op_case *c, int i)
{
    static const double floats[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 0.0};
    static const double indices[] = {-1, 0, -100, 0x1p31, 0x1p32, 0x1p62, -0x1p63};
    bool floating = fill_is_floating(c->in[i].fill);
    size_t count = floating ? sizeof floats / sizeof floats[0] : sizeof indices / sizeof indices[0];
    char what[64];
    for (size_t k = 0; k < count && c->in[i].fill != FILL_MASK; k++) {
        attempt a = start_attempt(c);
        a.special_input = i;
        a.special = floating ? floats[k] : indices[k];
        a.any_message = true;
        snprintf(what, sizeof what, "input %d is %g everywhere", i, a.special);
        try_attempt(&a, what);
    }
    if (c->in[i].fill != FILL_INDEX) return;
    attempt a = start_attempt(c);
    a.special_input = i;
    a.special = (double)c->in[i].limit;
    a.any_message = true;
    snprintf(what, sizeof what, "input %d is %g everywhere, its limit", i, a.special);
    try_attempt(&a, what);
}

/* --- the matrix: options ---------------------------------------------------------------------- */

static const int64_t extremes[] = {-1,
                                   0,
                                   1,
                                   3,
                                   (int64_t)1 << 31,
                                   (int64_t)1 << 32,
                                   (int64_t)1 << 60,
                                   (int64_t)1 << 62,
                                   INT32_MIN,
                                   INT64_MAX,
                                   INT64_MIN,
                                   FV_SAME,
                                   FV_VALID,
                                   FV_FULL,
                                   FV_ALL,
                                   FV_UNSET};

static void try_change(const op_case *c, changed_option option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void try_change(const op_case *c, changed_option option, const char *format, ...)
{
    char what[96];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    attempt a = start_attempt(c);
    a.option = option;
    try_attempt(&a, what);
}

static void try_integer(const op_case *c, const fv_option *field, int64_t value)
{
    changed_option option = {.field = field, .integer = value};
    try_change(c, option, "%s = %lld", field->name, (long long)value);
}

static void try_double(const op_case *c, const fv_option *field, double value)
{
    try_change(c, (changed_option){.field = field, .number = value}, "%s = %g", field->name, value);
}

static void try_tuples(const op_case *c, const fv_option *field)
{
    try_integer(c, field, FV_DIMS(1, 2));
    try_integer(c, field, FV_DIMS(0, 1));
    try_integer(c, field, FV_DIMS(1, 0));
    try_integer(c, field, FV_DIMS(-1, 1));
    try_integer(c, field, FV_DIMS(1, 1));
    try_integer(c, field, FV_DIMS(2, 1, 1));
    try_integer(c, field, FV_DIMS(1, 1, 1, 1, 1, 1, 1, 1));
    try_integer(c, field, FV_DIMS(1, (int64_t)1 << 40));
    try_integer(c, field, FV_DIMS(1, ((int64_t)1 << 29) - 1));
}

static void vary_option(const op_case *c, const fv_option *field)
{
    static const double numbers[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -1, 0, 1, 2,
                                     1e308};
    if (field->offset >= fv_find_op(c->op)->options_size) {
        note_failure("option_fields: %s lies outside of options", field->name);
        return;
    }
    switch (field->kind) {
    case FV_OPTION_BOOL:
        try_change(c, (changed_option){.field = field}, "%s the other way", field->name);
        break;
    case FV_OPTION_DOUBLE:
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            try_double(c, field, numbers[k]);
        break;
    default:
        for (size_t k = 0; k < sizeof extremes / sizeof extremes[0]; k++)
            try_integer(c, field, extremes[k]);
        if (field->kind == FV_OPTION_DIMS) try_tuples(c, field);
    }
}

/* --- the matrix: constants of other kinds ------------------------------------------------------
 */

/* One of every kind and more; those of the option's own kind are left out. */
static const int64_t constants[] = {FV_SAME,
                                    FV_VALID,
                                    FV_FULL,
                                    FV_ALL,
                                    FV_MEAN,
                                    FV_NONE,
                                    FV_PAD_CONSTANT,
                                    FV_PAD_CIRCULAR,
                                    FV_ANNEAL_COS,
                                    FV_MODE_MAX,
                                    FV_THRESHOLD_ABS,
                                    FV_FAN_IN,
                                    FV_NONLINEARITY_RELU};

static bool is_own(const fv_option *field, int64_t constant)
{
    bool padding = constant == FV_SAME || constant == FV_VALID || constant == FV_FULL;
    if (field->kind == FV_OPTION_ENUM) return fv_constant_in(constant, field->first);
    return (padding && field->takes & FV_TAKES_PADDING) ||
           (constant == FV_ALL && field->takes & FV_TAKES_ALL);
}

/* Options that are numbers of any size, a shape or a dtype have checks of their own. */
static bool takes_constants(const fv_option *field)
{
    return field->kind != FV_OPTION_DOUBLE && field->kind != FV_OPTION_BOOL &&
           field->kind != FV_OPTION_SHAPE;
}

static int constants_tried;

static void vary_constant(const op_case *c, const fv_option *field, int64_t constant)
{
    fv_tensor *y[CASE_OUTPUTS];
    attempt a = start_attempt(c);
    a.option = (changed_option){.field = field, .integer = constant};
    set_case_context(c, "%s is %s", field->name, fv_constant_name(constant));
    {
        FV_SCOPE;
        bool accepted = attempt_run(&a, false, false, y) > 0;
        const char *name = fv_constant_name(constant), *message = fv_error();
        if (accepted)
            note_failure("accepted");
        else if (field->kind != FV_OPTION_DTYPE &&
                 (!strstr(message, name) || !strstr(message, field->name)))
            note_failure("the message names not both: \"%s\"", message);
    }
    constants_tried++;
    fv_clear_error();
}

static void vary_constants(const op_case *c)
{
    const fv_option *field = fv_find_op(c->op)->option_fields;
    for (; field && field->name; field++)
        for (size_t k = 0; k < sizeof constants / sizeof *constants && takes_constants(field); k++)
            if (!is_own(field, constants[k])) vary_constant(c, field, constants[k]);
}

/* --- the tests -------------------------------------------------------------------------------- */

/* Leaves room for everything but the huge, which would take minutes to fill. */
static void limit_memory(void)
{
    if (limit_blocks((size_t)LARGEST_MIB << 20)) return;
    struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
    setrlimit(RLIMIT_AS, &limit);
}

static void for_each_case(void (*fn)(const op_case *c))
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

static void vary_inputs(const op_case *c)
{
    check_failure_is_traceless(c);
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        vary_presence(c, i);
        vary_dtype(c, i);
        vary_values(c, i);
    }
}

static void vary_shapes(const op_case *c)
{
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        vary_rank(c, i);
        vary_length(c, i);
    }
    vary_all_lengths(c);
}

static void vary_options(const op_case *c)
{
    const fv_option *field = fv_find_op(c->op)->option_fields;
    for (; field && field->name; field++) vary_option(c, field);
}

START_TEST(bad_inputs_are_errors)
{
    for_each_case(vary_inputs);
}
END_TEST

START_TEST(bad_shapes_are_errors)
{
    for_each_case(vary_shapes);
}
END_TEST

START_TEST(bad_options_are_errors)
{
    for_each_case(vary_options);
}
END_TEST

START_TEST(constants_of_another_kind_are_errors)
{
    for_each_case(vary_constants);
    printf("%d constants in the place of others\n", constants_tried);
    ck_assert_int_gt(constants_tried, 1000);
}
END_TEST

START_TEST(huge_tensors_are_errors)
{
    static const int64_t lengths[] = {
        (int64_t)1 << 40, (int64_t)1 << 61, (int64_t)1 << 62, INT64_MAX, -1, INT64_MIN};
    fv_set_log(NULL, NULL);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        set_context("zeros of length %lld", (long long)lengths[k]);
        {
            FV_SCOPE;
            ck_assert(fv_failed(fv_zeros(lengths[k])));
            ck_assert_str_ne(fv_error(), "");
            fv_clear_error();
            ck_assert(fv_failed(fv_zeros(lengths[k], 4, 2)));
            ck_assert(strchr(fv_error(), '[') || strstr(fv_error(), "FV_DIMS"));
            fv_clear_error();
        }
    }
}
END_TEST

Suite *fovea_suite(void)
{
    watch_crashes(HANG_SECONDS);
    Suite *suite = suite_create("bad arguments");
    TCase *inputs = add_case(suite, "inputs");
    tcase_add_test(inputs, bad_inputs_are_errors);
    tcase_add_test(inputs, huge_tensors_are_errors);
    tcase_add_test(add_case(suite, "shapes"), bad_shapes_are_errors);
    TCase *options = add_case(suite, "options");
    tcase_add_test(options, bad_options_are_errors);
    tcase_add_test(options, constants_of_another_kind_are_errors);
    return suite;
}
