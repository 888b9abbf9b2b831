/* The bad-argument matrix (attempt.h) over the inputs of every case: missing ones, other types,
 * ranks, lengths and values. Its options: test_ops_bad_options.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"

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

/* --- the tests -------------------------------------------------------------------------------- */

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
    TCase *shapes = add_case(suite, "shapes");
    tcase_add_test(shapes, bad_shapes_are_errors);
    return suite;
}
