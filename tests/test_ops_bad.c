/* The bad-argument matrix: every op, every case, every input and every option takes wrong values.
 *
 * Whatever comes in, a call either fails - with a message that names the op and shows a shape or
 * the option, with tensors, nodes and bytes as before, and with the next good call right - or it
 * is legal, and then it agrees with the reference twin and its backward runs. Memory is limited, so
 * that a result may also be too large. */
#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "support.h"

enum { MAX_OPTIONS = 2048, LARGEST_COMPARED = 1 << 20, HANG_SECONDS = 60, LARGEST_MIB = 256 };

/* One call of the matrix: an op, its inputs as described, its options as changed. */
typedef struct attempt {
    const fv_op *op;
    const fv_case *good;
    fv_case c; /* the good case with changes */
    alignas(16) char options[MAX_OPTIONS];
    fv_dtype dtype[FV_MAX_SAVED_INPUTS];
    int special_input;  /* whose values are all `special`, or -1 */
    double special;     /* infinite ones may give an infinity or a NaN, as sums go */
    const char *option; /* the option changed, or NULL */
    bool must_fail;
    bool any_message; /* the message need not show a shape or an option */
} attempt;

static attempt start_attempt(const fv_op *op, const fv_case *c)
{
    attempt a = {.op = op, .good = c, .c = *c, .special_input = -1};
    if (op->options_size > 0 && op->options_size <= MAX_OPTIONS && c->options)
        memcpy(a.options, c->options, op->options_size);
    for (int i = 0; i < c->inputs; i++) a.dtype[i] = case_dtype(c, i, FV_FLOAT32);
    return a;
}

static fv_tensor *attempt_input(const attempt *a, int i)
{
    const fv_case_input *in = &a->c.in[i];
    if (in->absent) return NULL;
    int64_t count = fv_shape_numel(&in->shape);
    double *values = fill_values(in->fill, in->limit, count, 99 + (uint64_t)i);
    for (int64_t k = 0; k < count && i == a->special_input; k++) values[k] = a->special;
    fv_tensor *t = tensor_in_layout(values, &in->shape, a->dtype[i], LAYOUT_CONTIGUOUS);
    free(values);
    if (!in->constant && fv_dtype_is_floating(a->dtype[i])) fv_requires_grad(t, true);
    return t;
}

static fv_status attempt_apply(const attempt *a, const fv_op *op, fv_tensor **in, fv_tensor **out)
{
    for (int i = 0; i < a->c.inputs; i++) in[i] = attempt_input(a, i);
    fv_manual_seed(12345);
    return fv_apply_all(op, a->good->options ? a->options : NULL, a->c.inputs, in, out);
}

/* --- what a failed call must be like ---------------------------------------------------------- */

static bool names_an_option(const fv_op *op, const char *message)
{
    for (const fv_option *f = op->option_fields; f && f->name; f++)
        if (strstr(message, f->name)) return true;
    return false;
}

static void check_message(const attempt *a)
{
    size_t length = strlen(a->op->name);
    const char *message = fv_error();
    if (strncmp(message, a->op->name, length) != 0 || message[length] != ':')
        note_failure("the message does not start with the op: \"%s\"", message);
    if (a->any_message || fv_error_status() == FV_ERR_MEMORY) return;
    if (!strchr(message, '[') && !names_an_option(a->op, message))
        note_failure("the message shows neither a shape nor an option: \"%s\"", message);
}

static void check_good_call(const attempt *a)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS], *wanted[FV_MAX_OUTPUTS];
    char message[256];
    static fv_op twin;
    twin = reference_twin(a->op);
    FV_NO_GRAD {
        case_inputs(a->op, a->good, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, false, in);
        fv_status status = case_apply(a->op, a->good, in, out);
        case_inputs(a->op, a->good, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, false, in);
        if (status == FV_OK) status = case_apply(&twin, a->good, in, wanted);
        if (status != FV_OK) {
            note_failure("the next good call: %s", fv_error());
            fv_clear_error();
            break;
        }
        for (int j = 0; j < a->op->outputs; j++)
            if (!tensors_close(out[j], wanted[j], case_tolerance(a->good, FV_FLOAT32), message,
                               sizeof message))
                note_failure("the next good call: output %d: %s", j, message);
    }
}

/* --- what a legal call must be like ----------------------------------------------------------- */

/* Sums of infinities may end as one or as NaN; a convolution may meet the zeros of its padding with
 * them, and its twin not. */
static infinity_rule rule_for(const attempt *a)
{
    if (a->special_input < 0 || isfinite(a->special)) return INFINITIES_AGREE;
    if (strncmp(a->op->name, "conv", 4) == 0) return INFINITIES_SPREAD;
    return isinf(a->special) ? INFINITIES_MIX : INFINITIES_AGREE;
}

static void compare_outputs(const attempt *a, const fv_tensor *found, const fv_tensor *wanted,
                            int j)
{
    char message[256];
    if (!tensors_close_by(found, wanted, case_tolerance(a->good, FV_FLOAT32), rule_for(a), message,
                          sizeof message))
        note_failure("legal, but unlike its twin: output %d: %s", j, message);
}

static void check_legal_values(const attempt *a, fv_tensor *const *out)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *wanted[FV_MAX_OUTPUTS];
    static fv_op twin;
    twin = reference_twin(a->op);
    for (int j = 0; j < a->op->outputs; j++)
        if (out[j]->numel > LARGEST_COMPARED) return;
    FV_NO_GRAD {
        if (attempt_apply(a, &twin, in, wanted) != FV_OK) {
            note_failure("legal, but the twin says: %s", fv_error());
            fv_clear_error();
            break;
        }
        for (int j = 0; j < a->op->outputs; j++) compare_outputs(a, out[j], wanted[j], j);
    }
}

static void check_legal_backward(const attempt *a, fv_tensor *const *out)
{
    for (int j = 0; j < a->op->outputs; j++) {
        if (!out[j]->requires_grad || out[j]->numel > LARGEST_COMPARED) continue;
        fv_tensor *ones = fv_ones_like(out[j]);
        if (fv_backward(out[j], ones, .retain_graph = true) == FV_OK) continue;
        note_failure("legal, but backward of output %d says: %s", j, fv_error());
        fv_clear_error();
    }
}

static int attempts, refused;

static void judge(const attempt *a)
{
    attempts++;
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    fv_status status = attempt_apply(a, a->op, in, out);
    if (status == FV_OK && a->must_fail) note_failure("accepted");
    if (status == FV_OK) {
        check_legal_values(a, out);
        check_legal_backward(a, out);
        return;
    }
    refused++;
    if (!fv_failed(out[0])) note_failure("a status, but no failed tensor");
    if (fv_error_status() != status)
        note_failure("status %d, standing status %d", (int)status, (int)fv_error_status());
    check_message(a);
    fv_clear_error();
    check_good_call(a);
}

/* Runs the attempt; what names the change in messages. */
static void try_attempt(const attempt *a, const char *what)
{
    set_context("%s/%s: %s", a->op->name, a->good->name, what);
    char difference[128];
    memory_mark mark = mark_memory();
    FV_SCOPE
        judge(a);
    if (fv_error()[0]) note_failure("an error was left standing: %s", fv_error());
    fv_clear_error();
    if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
}

/* A failing call itself leaves nothing behind, even before its scope ends. */
static void check_failure_is_traceless(const fv_op *op, const fv_case *c)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    char difference[128];
    attempt a = start_attempt(op, c);
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent || (op->optional & FV_IN(i))) continue;
        set_context("%s/%s: input %d NULL", op->name, c->name, i);
        FV_SCOPE {
            for (int k = 0; k < c->inputs; k++) in[k] = k == i ? NULL : attempt_input(&a, k);
            memory_mark mark = mark_memory();
            if (fv_apply_all(op, c->options, c->inputs, in, out) == FV_OK) note_failure("accepted");
            if (!same_memory(mark, difference, sizeof difference))
                note_failure("before its scope ends: %s", difference);
        }
        fv_clear_error();
    }
}

/* --- the matrix: inputs ----------------------------------------------------------------------- */

static void vary_presence(const fv_op *op, const fv_case *c, int i)
{
    char what[64];
    attempt a = start_attempt(op, c);
    a.c.in[i].absent = true;
    a.must_fail = (op->optional & FV_IN(i)) == 0;
    a.any_message = true;
    snprintf(what, sizeof what, "input %d is NULL", i);
    try_attempt(&a, what);
}

static void vary_dtype(const fv_op *op, const fv_case *c, int i)
{
    char what[64];
    for (fv_dtype d = FV_BOOL; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        attempt a = start_attempt(op, c);
        if (a.dtype[i] == d) continue;
        a.dtype[i] = d;
        a.any_message = true;
        snprintf(what, sizeof what, "input %d is %s", i, fv_dtype_name(d));
        try_attempt(&a, what);
    }
}

static void vary_rank(const fv_op *op, const fv_case *c, int i)
{
    char what[64];
    const fv_shape *shape = &c->in[i].shape;
    for (int added = 1; added <= FV_MAX_DIMS - shape->ndim && added <= 4; added++) {
        attempt a = start_attempt(op, c);
        fv_shape *wider = &a.c.in[i].shape;
        wider->ndim += added;
        for (int d = 0; d < wider->ndim; d++) wider->dim[d] = d < added ? 1 : shape->dim[d - added];
        snprintf(what, sizeof what, "input %d has %d more dimensions", i, added);
        try_attempt(&a, what);
    }
    for (int removed = 1; removed <= shape->ndim; removed++) {
        attempt a = start_attempt(op, c);
        a.c.in[i].shape.ndim -= removed;
        snprintf(what, sizeof what, "input %d lacks its last %d dimensions", i, removed);
        try_attempt(&a, what);
        fv_shape *shape_left = &a.c.in[i].shape;
        for (int d = 0; d < shape_left->ndim; d++) shape_left->dim[d] = shape->dim[d + removed];
        snprintf(what, sizeof what, "input %d lacks its first %d dimensions", i, removed);
        try_attempt(&a, what);
    }
}

static void vary_length(const fv_op *op, const fv_case *c, int i)
{
    char what[64];
    for (int d = 0; d < c->in[i].shape.ndim; d++) {
        const int64_t lengths[] = {0, 1, c->in[i].shape.dim[d] + 1};
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            attempt a = start_attempt(op, c);
            a.c.in[i].shape.dim[d] = lengths[k];
            snprintf(what, sizeof what, "input %d has length %lld in dimension %d", i,
                     (long long)lengths[k], d);
            try_attempt(&a, what);
        }
    }
}

/* The same dimension empty in every input that has it: an empty batch, no channels, ... */
static void vary_all_lengths(const fv_op *op, const fv_case *c)
{
    char what[64];
    for (int d = 0; d < FV_MAX_DIMS; d++) {
        attempt a = start_attempt(op, c);
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

static void vary_values(const fv_op *op, const fv_case *c, int i)
{
    static const double floats[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 0.0};
    static const double indices[] = {-1, 0, -100, 0x1p31, 0x1p32, 0x1p62, -0x1p63};
    bool floating = fill_is_floating(c->in[i].fill);
    size_t count = floating ? sizeof floats / sizeof floats[0] : sizeof indices / sizeof indices[0];
    char what[64];
    for (size_t k = 0; k < count && c->in[i].fill != FV_FILL_MASK; k++) {
        attempt a = start_attempt(op, c);
        a.special_input = i;
        a.special = floating ? floats[k] : indices[k];
        a.any_message = true;
        snprintf(what, sizeof what, "input %d is %g everywhere", i, a.special);
        try_attempt(&a, what);
    }
    if (c->in[i].fill != FV_FILL_INDEX) return;
    attempt a = start_attempt(op, c);
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

static void try_integer(const fv_op *op, const fv_case *c, const fv_option *field, int64_t value)
{
    char what[96];
    attempt a = start_attempt(op, c);
    a.option = field->name;
    memcpy(a.options + field->offset, &value, sizeof value);
    snprintf(what, sizeof what, "%s = %lld", field->name, (long long)value);
    try_attempt(&a, what);
}

static void try_double(const fv_op *op, const fv_case *c, const fv_option *field, double value)
{
    char what[96];
    attempt a = start_attempt(op, c);
    a.option = field->name;
    memcpy(a.options + field->offset, &value, sizeof value);
    snprintf(what, sizeof what, "%s = %g", field->name, value);
    try_attempt(&a, what);
}

static void try_flip(const fv_op *op, const fv_case *c, const fv_option *field)
{
    char what[96];
    attempt a = start_attempt(op, c);
    bool value;
    a.option = field->name;
    memcpy(&value, a.options + field->offset, sizeof value);
    value = !value;
    memcpy(a.options + field->offset, &value, sizeof value);
    snprintf(what, sizeof what, "%s = %s", field->name, value ? "true" : "false");
    try_attempt(&a, what);
}

static void try_tuples(const fv_op *op, const fv_case *c, const fv_option *field)
{
    try_integer(op, c, field, FV_DIMS(1, 2));
    try_integer(op, c, field, FV_DIMS(0, 1));
    try_integer(op, c, field, FV_DIMS(1, 0));
    try_integer(op, c, field, FV_DIMS(-1, 1));
    try_integer(op, c, field, FV_DIMS(1, 1));
    try_integer(op, c, field, FV_DIMS(2, 1, 1));
    try_integer(op, c, field, FV_DIMS(1, 1, 1, 1, 1, 1, 1, 1));
    try_integer(op, c, field, FV_DIMS(1, (int64_t)1 << 40));
    try_integer(op, c, field, FV_DIMS(1, ((int64_t)1 << 29) - 1));
}

static void vary_option(const fv_op *op, const fv_case *c, const fv_option *field)
{
    static const double numbers[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -1, 0, 1, 2,
                                     1e308};
    if (field->offset >= op->options_size) {
        note_failure("option_fields: %s lies outside of options", field->name);
        return;
    }
    switch (field->kind) {
    case FV_OPTION_BOOL: try_flip(op, c, field); break;
    case FV_OPTION_DOUBLE:
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            try_double(op, c, field, numbers[k]);
        break;
    default:
        for (size_t k = 0; k < sizeof extremes / sizeof extremes[0]; k++)
            try_integer(op, c, field, extremes[k]);
        if (field->kind == FV_OPTION_DIMS) try_tuples(op, c, field);
    }
}

/* --- the tests -------------------------------------------------------------------------------- */

/* Leaves room for everything but the huge, which would take minutes to fill. */
static void limit_memory(void)
{
    if (limit_blocks((size_t)LARGEST_MIB << 20)) return;
    struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
    setrlimit(RLIMIT_AS, &limit);
}

static void for_each_case(void (*fn)(const fv_op *op, const fv_case *c))
{
    fv_set_log(NULL, NULL);
    limit_memory();
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e))
        for (const fv_case *c = e->op->cases; c && c->name; c++) fn(e->op, c);
    printf("%d calls tried, %d of them refused\n", attempts, refused);
    attempts = refused = 0;
    ck_assert(no_failures());
}

static void vary_inputs(const fv_op *op, const fv_case *c)
{
    check_failure_is_traceless(op, c);
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        vary_presence(op, c, i);
        vary_dtype(op, c, i);
        vary_values(op, c, i);
    }
}

static void vary_shapes(const fv_op *op, const fv_case *c)
{
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent) continue;
        vary_rank(op, c, i);
        vary_length(op, c, i);
    }
    vary_all_lengths(op, c);
}

static void vary_options(const fv_op *op, const fv_case *c)
{
    if (op->options_size > MAX_OPTIONS || !c->options) return;
    for (const fv_option *field = op->option_fields; field && field->name; field++)
        vary_option(op, c, field);
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

START_TEST(huge_tensors_are_errors)
{
    static const int64_t lengths[] = {
        (int64_t)1 << 40, (int64_t)1 << 61, (int64_t)1 << 62, INT64_MAX, -1, INT64_MIN};
    fv_set_log(NULL, NULL);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        set_context("zeros of length %lld", (long long)lengths[k]);
        FV_SCOPE {
            ck_assert(fv_failed(fv_zeros(FV_SHAPE(lengths[k]))));
            ck_assert_str_ne(fv_error(), "");
            fv_clear_error();
            ck_assert(fv_failed(fv_zeros(FV_SHAPE(lengths[k], 4, 2))));
            ck_assert_ptr_nonnull(strchr(fv_error(), '['));
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
    tcase_add_test(add_case(suite, "options"), bad_options_are_errors);
    return suite;
}
