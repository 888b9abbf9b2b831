/* The bad-argument matrix (attempt.h) over the options of every op: extreme numbers, tuples that do
 * not fit, constants of other options. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "tensor/constants.h"

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

static void vary_options(const op_case *c)
{
    const fv_option *field = fv_find_op(c->op)->option_fields;
    for (; field && field->name; field++) vary_option(c, field);
}

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

Suite *fovea_suite(void)
{
    watch_crashes(HANG_SECONDS);
    Suite *suite = suite_create("bad options");
    TCase *options = add_case(suite, "options");
    tcase_add_test(options, bad_options_are_errors);
    tcase_add_test(options, constants_of_another_kind_are_errors);
    return suite;
}
