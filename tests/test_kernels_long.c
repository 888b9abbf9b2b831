/* Reductions, elementwise ops, softmax and running sums on lengths that are cut into many pieces:
 * against plain sums, at every instruction-set level, with the same bits for one to eight threads.
 * Losses and optimizers: test_training_long.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "long_work.h"

enum { MOST_RESULTS = 8192 };

/* --- reductions ------------------------------------------------------------------------------- */

typedef struct long_case {
    const char *name;
    fv_shape shape;
    uint32_t mask; /* the reduced dimensions, by bits */
    bool reversed; /* lies in memory with its dimensions in reverse order */
} long_case;

static const long_case long_cases[] = {
    {"a row", {2, {1, 300000}}, 2, false},          {"rows", {2, {3, 100001}}, 2, false},
    {"rows in columns", {2, {3, 100001}}, 2, true}, {"odd rows", {2, {20, 16383}}, 2, false},
    {"columns", {2, {200000, 3}}, 1, false},        {"many columns", {3, {2, 65, 2500}}, 2, false},
    {"channels", {3, {30, 3, 4001}}, 5, false},     {"all", {3, {70, 67, 65}}, 7, false},
};
enum { LONG_CASES = sizeof long_cases / sizeof long_cases[0] };

/* Row-major number of the result that element i belongs to. */
static int64_t result_of(const long_case *c, int64_t i)
{
    int64_t result = 0, step = 1;
    for (int d = c->shape.ndim - 1; d >= 0; d--) {
        if (!(c->mask >> d & 1)) {
            result += i % c->shape.dim[d] * step;
            step *= c->shape.dim[d];
        }
        i /= c->shape.dim[d];
    }
    return result;
}

static fv_dims dims_of(uint32_t mask)
{
    switch (mask) {
    case 1: return 0;
    case 2: return 1;
    case 5: return FV_DIMS(0, 2);
    default: return FV_ALL;
    }
}

static int64_t results_of(const long_case *c)
{
    int64_t results = 1;
    for (int d = 0; d < c->shape.ndim; d++)
        if (!(c->mask >> d & 1)) results *= c->shape.dim[d];
    return results;
}

typedef enum reduction {
    SUM,
    MEAN,
    AMAX,
    AMIN,
    VAR,
    STD,
    NORM,
    LOGSUMEXP,
    REDUCTIONS,
} reduction;
static const char *const reduction_names[REDUCTIONS] = {"sum", "mean", "amax", "amin",
                                                        "var", "std",  "norm", "logsumexp"};

typedef struct reduce_context {
    reduction kind;
    fv_tensor *x;
    fv_dims dim;
} reduce_context;

static fv_tensor *reduce(const void *context)
{
    const reduce_context *r = context;
    switch (r->kind) {
    case SUM: return fv_sum(r->x, .dim = r->dim);
    case MEAN: return fv_mean(r->x, .dim = r->dim);
    case AMAX: return fv_amax(r->x, .dim = r->dim);
    case AMIN: return fv_amin(r->x, .dim = r->dim);
    case VAR: return fv_var(r->x, .dim = r->dim);
    case STD: return fv_std(r->x, .dim = r->dim);
    case NORM: return fv_norm(r->x, .dim = r->dim);
    default: return fv_logsumexp(r->x, .dim = r->dim);
    }
}

/* What plain loops make of the values of one result. */
typedef struct tally {
    double count, sum, squares, most, least, deviations, exponentials;
} tally;

static void take_tallies(const long_case *c, const double *values, tally *tallies)
{
    int64_t count = fv_shape_numel(&c->shape);
    for (int64_t k = 0; k < results_of(c); k++)
        tallies[k] = (tally){.most = -(double)INFINITY, .least = (double)INFINITY};
    for (int64_t i = 0; i < count; i++) {
        tally *t = &tallies[result_of(c, i)];
        t->count++;
        t->sum += values[i];
        t->squares += values[i] * values[i];
        t->most = fmax(t->most, values[i]);
        t->least = fmin(t->least, values[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        tally *t = &tallies[result_of(c, i)];
        t->deviations += pow(values[i] - t->sum / t->count, 2);
        t->exponentials += exp(values[i]);
    }
}

static double wanted_of(reduction kind, const tally *t)
{
    switch (kind) {
    case SUM: return t->sum;
    case MEAN: return t->sum / t->count;
    case AMAX: return t->most;
    case AMIN: return t->least;
    case VAR: return t->deviations / (t->count - 1);
    case STD: return sqrt(t->deviations / (t->count - 1));
    case NORM: return sqrt(t->squares);
    default: return log(t->exponentials);
    }
}

static void check_reductions(const long_case *c, fv_dtype dtype, const double *values)
{
    static tally tallies[MOST_RESULTS];
    static double wanted[MOST_RESULTS];
    int64_t results = results_of(c);
    ck_assert_int_le(results, MOST_RESULTS);
    take_tallies(c, values, tallies);
    for (int kind = 0; kind < REDUCTIONS; kind++) {
        if (!fv_dtype_is_floating(dtype) && kind != SUM && kind != AMAX && kind != AMIN) continue;
        {
            FV_SCOPE;
            char name[96];
            reduce_context context = {(reduction)kind, NULL, dims_of(c->mask)};
            context.x = tensor_in_layout(values, &c->shape, dtype,
                                         c->reversed ? LAYOUT_TRANSPOSED : LAYOUT_CONTIGUOUS);
            for (int64_t k = 0; k < results; k++)
                wanted[k] = wanted_of((reduction)kind, &tallies[k]);
            snprintf(name, sizeof name, "%s of %s, %s", reduction_names[kind], c->name,
                     fv_dtype_name(dtype));
            double tolerance = dtype == FV_FLOAT32 ? 2e-6 : dtype == FV_FLOAT64 ? 1e-12 : 0;
            on_every_machine(name, reduce, &context, wanted, results, tolerance);
        }
    }
}

START_TEST(long_reductions_lose_no_part)
{
    for (int k = 0; k < LONG_CASES; k++) {
        double *values = numbers(fv_shape_numel(&long_cases[k].shape));
        check_reductions(&long_cases[k], FV_FLOAT32, values);
        check_reductions(&long_cases[k], FV_FLOAT64, values);
        free(values);
    }
}
END_TEST

START_TEST(long_integer_reductions_are_exact)
{
    static const fv_dtype dtypes[] = {FV_INT64, FV_INT32, FV_UINT8};
    for (int k = 0; k < LONG_CASES; k++) {
        int64_t count = fv_shape_numel(&long_cases[k].shape);
        double *values = numbers(count);
        for (int64_t i = 0; i < count; i++) values[i] = floor(values[i] * 200);
        for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
            check_reductions(&long_cases[k], dtypes[d], values);
        free(values);
    }
}
END_TEST

/* The extreme and a NaN are found wherever they stand. */
START_TEST(no_place_of_a_long_row_is_passed_over)
{
    enum { COUNT = 300000, PLACES = 24 };
    fv_set_num_threads(3);
    for (int place = 0; place <= PLACES; place++) {
        FV_SCOPE;
        int64_t at = (int64_t)(COUNT - 1) * place / PLACES;
        fv_tensor *x = fv_ones(1, COUNT), *b = fv_zeros(COUNT, .dtype = FV_BOOL);
        float *p = fv_data_float32(x);
        p[at] = 3;
        fv_data_bool(b)[at] = true;
        fv_bump_version(x);
        ck_assert_double_eq(fv_item(fv_amax(x)), 3);
        ck_assert_double_eq(fv_item(fv_amin(fv_neg(x))), -3);
        ck_assert_double_eq(fv_item(fv_sum(x)), COUNT + 2);
        ck_assert_double_eq_tol(fv_item(fv_prod(x)), 3, 1e-6);
        ck_assert_double_eq(fv_item(fv_argmax(x)), (double)at);
        ck_assert_double_eq(fv_item(fv_any(b)), 1);
        ck_assert_double_eq(fv_item(fv_all(fv_logical_not(b))), 0);
        p[at] = NAN;
        fv_bump_version(x);
        ck_assert(isnan(fv_item(fv_amax(x))) && isnan(fv_item(fv_amin(x))));
    }
}
END_TEST

/* Sum of squared deviations / max(0, count - correction), as PyTorch divides. */
START_TEST(var_divides_by_zero_from_the_count_on)
{
    static const double few[] = {1, 2, 4, 8, 16}, same[] = {3, 3, 3, 3, 3};
    double deviations = 0;
    for (int i = 0; i < 5; i++) deviations += pow(few[i] - 6.2, 2);
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        fv_tensor *x = tensor_of(d, FV_SHAPE(5), few), *y = tensor_of(d, FV_SHAPE(5), same);
        for (int64_t correction = -1; correction <= 8; correction++) {
            double wanted = deviations / fmax(0, 5 - (double)correction);
            ASSERT_VALUES(fv_var(x, .correction = correction), 1e-6, wanted);
            ASSERT_VALUES(fv_std(x, .correction = correction), 1e-6, sqrt(wanted));
            double still = correction < 5 ? 0 : (double)NAN;
            ASSERT_VALUES(fv_var(y, .correction = correction), 0, still);
            ASSERT_VALUES(fv_std(y, .correction = correction), 0, still);
        }
        fv_tensor *rows = fv_stack(FV_TENSORS(x, y));
        ASSERT_VALUES(fv_var(rows, .dim = 1, .correction = 6), 0, (double)INFINITY, (double)NAN);
    }
}
END_TEST

/* --- elementwise, softmax, running sums ------------------------------------------------------- */

typedef fv_tensor *(*unary_fn)(fv_tensor *x);

typedef struct unary_context {
    unary_fn op;
    fv_tensor *x;
} unary_context;

static fv_tensor *apply_unary(const void *context)
{
    const unary_context *u = context;
    return u->op(u->x);
}

static fv_tensor *dense(fv_tensor *x)
{
    return fv_exp(x);
}
static fv_tensor *crossed(fv_tensor *x) /* one operand runs along the rows of the other */
{
    return fv_mul(fv_reshape(x, 300, 1000), fv_t(fv_reshape(x, 1000, 300)));
}
enum { ROWS = 1500, ROW = 200 };
static fv_tensor *rows_of(fv_tensor *x)
{
    return fv_reshape(x, ROWS, ROW);
}
static fv_tensor *column_of(fv_tensor *x)
{
    return fv_reshape(fv_slice(x, 0, 0, ROWS, 1), ROWS, 1);
}
static fv_tensor *column_first(fv_tensor *x)
{
    return fv_add(column_of(x), rows_of(x));
}
static fv_tensor *column_less(fv_tensor *x) /* in the order that does not commute */
{
    return fv_sub(column_of(x), rows_of(x));
}
static fv_tensor *column_last(fv_tensor *x)
{
    return fv_sub(rows_of(x), column_of(x));
}
static fv_tensor *converted(fv_tensor *x)
{
    return fv_mul(x, fv_to(x, x->dtype == FV_FLOAT32 ? FV_FLOAT64 : FV_FLOAT32));
}

START_TEST(long_elementwise_work_has_the_same_bits_on_every_thread)
{
    enum { COUNT = 300000 };
    double *values = numbers(COUNT), *wanted = malloc(COUNT * sizeof *wanted);
    ck_assert_ptr_nonnull(wanted);
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        fv_tensor *x = tensor_of(d, FV_SHAPE(COUNT), values);
        for (int64_t i = 0; i < COUNT; i++) wanted[i] = exp(values[i]);
        on_every_machine("exp", apply_unary, &(unary_context){dense, x}, wanted, COUNT, 1e-6);
        for (int64_t i = 0; i < COUNT; i++)
            wanted[i] = values[i] * values[i % 1000 * 300 + i / 1000];
        on_every_machine("x t(x)", apply_unary, &(unary_context){crossed, x}, wanted, COUNT, 1e-6);
        for (int64_t i = 0; i < COUNT; i++) wanted[i] = values[i] + values[i / ROW];
        on_every_machine("column + x", apply_unary, &(unary_context){column_first, x}, wanted,
                         COUNT, 1e-6);
        for (int64_t i = 0; i < COUNT; i++) wanted[i] = values[i / ROW] - values[i];
        on_every_machine("column - x", apply_unary, &(unary_context){column_less, x}, wanted, COUNT,
                         1e-6);
        for (int64_t i = 0; i < COUNT; i++) wanted[i] = values[i] - values[i / ROW];
        on_every_machine("x - column", apply_unary, &(unary_context){column_last, x}, wanted, COUNT,
                         1e-6);
        for (int64_t i = 0; i < COUNT; i++) wanted[i] = values[i] * values[i];
        on_every_machine("two types", apply_unary, &(unary_context){converted, x}, wanted, COUNT,
                         1e-6);
    }
    free(values);
    free(wanted);
}
END_TEST

static fv_tensor *softmax_rows(fv_tensor *x)
{
    return fv_softmax(x, 1);
}
static fv_tensor *log_softmax_rows(fv_tensor *x)
{
    return fv_log_softmax(x, 1);
}
static fv_tensor *softmax_columns(fv_tensor *x)
{
    return fv_t(fv_softmax(fv_contiguous(fv_t(x)), 0));
}
static fv_tensor *running_sums(fv_tensor *x)
{
    return fv_cumsum(x, 1);
}

static void check_lines(int64_t rows, int64_t columns, fv_dtype dtype)
{
    int64_t count = rows * columns;
    double *values = numbers(count), *softmax = malloc((size_t)count * sizeof *softmax);
    double *logs = malloc((size_t)count * sizeof *logs),
           *sums = malloc((size_t)count * sizeof *sums);
    ck_assert(softmax && logs && sums);
    for (int64_t r = 0; r < rows; r++) {
        const double *x = values + r * columns;
        double total = 0, sum = 0;
        for (int64_t i = 0; i < columns; i++) total += exp(x[i]);
        for (int64_t i = 0; i < columns; i++) {
            softmax[r * columns + i] = exp(x[i]) / total;
            logs[r * columns + i] = x[i] - log(total);
            sums[r * columns + i] = sum += x[i];
        }
    }
    {
        FV_SCOPE;
        fv_tensor *x = tensor_of(dtype, FV_SHAPE(rows, columns), values);
        on_every_machine("softmax", apply_unary, &(unary_context){softmax_rows, x}, softmax, count,
                         2e-5);
        on_every_machine("log_softmax", apply_unary, &(unary_context){log_softmax_rows, x}, logs,
                         count, 2e-5);
        on_every_machine("softmax of columns", apply_unary, &(unary_context){softmax_columns, x},
                         softmax, count, 2e-5);
        on_every_machine("cumsum", apply_unary, &(unary_context){running_sums, x}, sums, count,
                         1e-6);
    }
    free(values);
    free(softmax);
    free(logs);
    free(sums);
}

START_TEST(long_lines_keep_their_sums)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        check_lines(3, 40001, d);
        check_lines(5000, 21, d);
        check_lines(700, 130, d);
    }
}
END_TEST

/* --- paddings by the tensor's own elements ------------------------------------------------------
 */

typedef struct pad_context {
    fv_tensor *x;
    fv_pad_mode mode;
    bool gradient;
} pad_context;

static fv_tensor *padded(const void *context)
{
    const pad_context *p = context;
    fv_tensor *x = p->gradient ? fv_requires_grad(fv_clone(p->x), true) : p->x;
    fv_tensor *y = fv_pad(x, 3, 2, 4, 1, .mode = p->mode);
    if (!p->gradient) return y;
    fv_backward(fv_sum(fv_square(y)));
    return fv_grad_of(x);
}

/* Images in both orders, whose lines are cut in the middle of one. */
START_TEST(long_paddings_are_those_of_the_reference)
{
    const fv_shape shape = FV_SHAPE(37, 7, 13, 21);
    double *values = numbers(fv_shape_numel(&shape));
    for (int k = 0; k < 12; k++) {
        FV_SCOPE;
        fv_tensor *x = tensor_of(FV_FLOAT32, shape, values);
        if (k % 2) x = fv_to_channels_last(x);
        pad_context context = {x, (fv_pad_mode)(FV_PAD_REFLECT + k / 4), k / 2 % 2};
        const bool mode = fv_use_reference(true);
        fv_tensor *exact = fv_contiguous(fv_to(padded(&context), FV_FLOAT64));
        fv_use_reference(mode);
        char name[64];
        snprintf(name, sizeof name, "padding, case %d", k);
        on_every_machine(name, padded, &context, fv_data_float64(exact), fv_numel(exact), 1e-6);
    }
    free(values);
}
END_TEST

/* --- joining ------------------------------------------------------------------------------------
 */

static fv_tensor *joined(const void *context)
{
    fv_tensor *x = *(fv_tensor *const *)context;
    return fv_cat(FV_TENSORS(x, fv_narrow(x, 1, 0, 7), fv_neg(x)), .dim = 1);
}

START_TEST(long_tensors_are_joined_whole)
{
    enum { COUNT = 700, FIRST = 100, ALL = 2 * FIRST + 7 };
    FV_SCOPE;
    double *values = numbers(COUNT * FIRST), *wanted = malloc(COUNT * ALL * sizeof *wanted);
    ck_assert_ptr_nonnull(wanted);
    for (int r = 0; r < COUNT; r++) {
        const double *row = values + r * FIRST;
        for (int i = 0; i < FIRST; i++) {
            wanted[r * ALL + i] = row[i];
            if (i < 7) wanted[r * ALL + FIRST + i] = row[i];
            wanted[r * ALL + FIRST + 7 + i] = -row[i];
        }
    }
    fv_tensor *x = tensor_of(FV_FLOAT32, FV_SHAPE(COUNT, FIRST), values);
    on_every_machine("cat", joined, &x, wanted, COUNT * ALL, 0);
    free(values);
    free(wanted);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("kernels_long");
    TCase *reductions = add_case(suite, "reductions");
    tcase_add_test(reductions, long_reductions_lose_no_part);
    tcase_add_test(reductions, long_integer_reductions_are_exact);
    tcase_add_test(reductions, no_place_of_a_long_row_is_passed_over);
    tcase_add_test(reductions, var_divides_by_zero_from_the_count_on);
    TCase *lines = add_case(suite, "lines");
    tcase_add_test(lines, long_elementwise_work_has_the_same_bits_on_every_thread);
    tcase_add_test(lines, long_lines_keep_their_sums);
    tcase_add_test(lines, long_tensors_are_joined_whole);
    tcase_add_test(lines, long_paddings_are_those_of_the_reference);
    return suite;
}
