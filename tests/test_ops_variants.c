/* Every op against PyTorch where no case looks by itself: with special values (NaN, infinities,
 * signed zeros, subnormal, huge and tiny numbers, halves, ties: values and gradients) and with
 * integer types (types, values, refusals), as tests/golden/update.sh stored them in
 * tests/golden/special and tests/golden/types.
 *
 * tests/differences.txt lists where Fovea means to differ, and why. A line there that
 * nothing needs any more is a failure as well. */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "variants.h"

static variant_kind kind;
static int compared, refused;

/* --- meant differences ------------------------------------------------------------------------ */

/* A line: kind, "op/case: variant: part" with wildcards, two colons and a reason. */
typedef struct difference {
    char pattern[160];
    bool needed;
} difference;

enum { MOST_DIFFERENCES = 64 };
static difference differences[MOST_DIFFERENCES];
static int difference_count;

static void load_differences(void)
{
    const char *folder = variant_folder(kind);
    char *text = golden_load(FOVEA_GOLDEN_DIR "/..", "differences"), *line = text;
    difference_count = 0;
    for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strlen(folder);
        const char *reason = strstr(line, " :: ");
        if (strncmp(line, folder, length) != 0 || line[length] != ' ' || !reason) continue;
        difference *d = &differences[difference_count++];
        ck_assert_int_lt(difference_count, MOST_DIFFERENCES);
        *d = (difference){.needed = false};
        snprintf(d->pattern, sizeof d->pattern, "%.*s", (int)(reason - line - (long)length - 1),
                 line + length + 1);
    }
    free(text);
}

static bool is_meant(const op_case *c, const case_variant *v, const char *part)
{
    char name[256];
    bool meant = false;
    snprintf(name, sizeof name, "%s/%s: %s: %s", c->op, c->name, v->name, part);
    for (int k = 0; k < difference_count; k++) {
        if (fnmatch(differences[k].pattern, name, 0) != 0) continue;
        differences[k].needed = meant = true;
    }
    return meant;
}

/* --- stored tensors --------------------------------------------------------------------------- */

/* What a line holds: "float32 [2,3] 1.5 nan*5". */
typedef struct stored {
    char dtype[16];
    fv_shape shape;
    int64_t count;
    double *values;
    int64_t *whole; /* the same without rounding */
} stored;

static void free_stored(stored *s)
{
    free(s->values);
    free(s->whole);
}

static bool read_stored(const char *line, stored *s)
{
    char *end = NULL;
    *s = (stored){.count = 0};
    sscanf(line, "%15s", s->dtype);
    line += strcspn(line, "[\n");
    for (line++; *line != ']' && *line != '\n' && s->shape.ndim < FV_MAX_DIMS;
         line = end + (*end == ','))
        s->shape.dim[s->shape.ndim++] = strtoll(line, &end, 10);
    s->count = fv_shape_numel(&s->shape);
    if (s->count < 0) return false;
    s->values = malloc(((size_t)s->count + 1) * sizeof(double));
    s->whole = malloc(((size_t)s->count + 1) * sizeof(int64_t));
    if (!s->values || !s->whole) abort();
    line++;
    for (int64_t k = 0; k < s->count;) {
        int64_t whole = strtoll(line, NULL, 10), times = 1;
        double value = strtod(line, &end);
        line = end;
        if (*line == '*') times = strtoll(line + 1, &end, 10), line = end;
        for (; times > 0 && k < s->count; times--, k++) s->values[k] = value, s->whole[k] = whole;
    }
    return *line == '\n';
}

/* --- comparing -------------------------------------------------------------------------------- */

/* The root of the mean of the squares of finite numbers, the largest of which is not squared. */
static double scale_of(const double *values, int64_t count)
{
    double most = 0, sum = 0;
    int64_t finite = 0;
    for (int64_t k = 0; k < count; k++)
        if (isfinite(values[k])) most = fmax(most, fabs(values[k]));
    for (int64_t k = 0; k < count && most > 0; k++) {
        if (!isfinite(values[k])) continue;
        double share = values[k] / most;
        sum += share * share;
        finite++;
    }
    return finite ? most * sqrt(sum / (double)finite) : 0;
}

/* signs: the sign of a zero counts. */
static bool same_value(double a, double b, double tolerance, double scale, bool signs)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return a == b;
    if (a == 0 && b == 0) return !signs || signbit(a) == signbit(b);
    return fabs(a - b) <= tolerance * fmax(fabs(b), scale);
}

typedef struct rule {
    const op_case *c;
    fv_tensor *const *x;
    bool pointwise, signs;
} rule;

static double *doubles_of(const fv_tensor *t)
{
    double *values = malloc(((size_t)t->numel + 1) * sizeof(double));
    if (!values) abort();
    fv_copy_out(t, FV_FLOAT64, values);
    return values;
}

/* Element k of the inputs, where they have as many as the output. */
static void tell_inputs(const rule *r, int64_t k, int64_t count, char *message, size_t size)
{
    size_t used = strlen(message);
    for (int i = 0; i < r->c->inputs && r->pointwise; i++) {
        if (!r->x[i] || r->x[i]->numel != count) continue;
        double *values = doubles_of(r->x[i]);
        used += (size_t)snprintf(message + used, size - used, " (input %d is %g)", i, values[k]);
        free(values);
    }
}

static bool floats_agree(const fv_tensor *found, const stored *s, const rule *r, char *message,
                         size_t size)
{
    double *values = doubles_of(found);
    fv_dtype type = fv_dtype_row_of(found->dtype)->stored ? FV_FLOAT32 : found->dtype;
    double tolerance = fmax(case_tolerance(r->c, type), 1e-8);        /* 9 digits are stored */
    double least = found->dtype == FV_FLOAT32 ? 0x1p-122 : 0x1p-1018; /* what rounds as they do */
    double scale = r->pointwise ? least : fmax(scale_of(s->values, s->count), least);
    int64_t wrong = 0, first = 0;
    for (int64_t k = 0; k < s->count; k++) {
        if (same_value(values[k], s->values[k], tolerance, scale, r->signs)) continue;
        if (wrong++ == 0) first = k;
    }
    if (wrong > 0) {
        snprintf(message, size, "%lld of %lld differ, element %lld: %.9g, should be %.9g",
                 (long long)wrong, (long long)s->count, (long long)first, values[first],
                 s->values[first]);
        tell_inputs(r, first, s->count, message, size);
    }
    free(values);
    return wrong == 0;
}

static bool integers_agree(const fv_tensor *found, const stored *s, char *message, size_t size)
{
    int64_t *values = malloc(((size_t)s->count + 1) * sizeof(int64_t)), wrong = 0, first = 0;
    if (!values) abort();
    fv_copy_out(found, FV_INT64, values);
    for (int64_t k = 0; k < s->count; k++)
        if (values[k] != s->whole[k] && wrong++ == 0) first = k;
    if (wrong > 0)
        snprintf(message, size, "%lld of %lld differ, element %lld: %lld, should be %lld",
                 (long long)wrong, (long long)s->count, (long long)first, (long long)values[first],
                 (long long)s->whole[first]);
    free(values);
    return wrong == 0;
}

static bool agrees(const char *line, const fv_tensor *found, const rule *r, char *message,
                   size_t size)
{
    stored s;
    fv_shape shape = fv_shape_of(found);
    bool good = read_stored(line, &s);
    if (!good) {
        snprintf(message, size, "the stored tensor is incomplete (run tests/golden/update.sh)");
    } else if (strcmp(s.dtype, fv_dtype_name(found->dtype)) != 0 ||
               !fv_shape_equal(&shape, &s.shape)) {
        snprintf(message, size, "%s %s, should be %s %s", fv_dtype_name(found->dtype),
                 fv_shape_text(&shape), s.dtype, fv_shape_text(&s.shape));
        good = false;
    } else if (fv_dtype_row_of(found->dtype)->kind == FV_KIND_FLOATING) {
        good = floats_agree(found, &s, r, message, size);
    } else {
        good = integers_agree(found, &s, message, size);
    }
    free_stored(&s);
    return good;
}

static bool is_zero(const char *line)
{
    stored s;
    bool zero = read_stored(line, &s);
    for (int64_t k = 0; k < s.count && zero; k++) zero = s.values[k] == 0;
    free_stored(&s);
    return zero;
}

static bool is_zero_tensor(const fv_tensor *t)
{
    bool zero = true;
    double *values = doubles_of(t);
    for (int64_t k = 0; k < t->numel; k++) zero &= values[k] == 0;
    free(values);
    return zero;
}

/* --- one variant ------------------------------------------------------------------------------ */

/* A part of what a variant gives, which differs unless message is empty. */
static void judge(const op_case *c, const case_variant *v, const char *part, const char *message)
{
    if (message[0] != '\0' && !is_meant(c, v, part)) note_failure("%s: %s", part, message);
}

static void compare_outputs(const char *text, const op_case *c, const case_variant *v,
                            fv_tensor *const *x, fv_tensor *const *y)
{
    char part[32], message[512];
    rule r = {.c = c, .x = x, .pointwise = is_pointwise(c), .signs = is_pointwise(c)};
    for (int j = 0; j < CASE_OUTPUTS; j++) {
        snprintf(part, sizeof part, "output %d", j);
        message[0] = '\0';
        const char *line = golden_line(text, part);
        if (line && y[j])
            agrees(line, y[j], &r, message, sizeof message);
        else if (line || y[j])
            snprintf(message, sizeof message, "only %s has it", line ? "PyTorch" : "the case");
        judge(c, v, part, message);
    }
}

/* A gradient that is not there counts as zero. */
static void compare_gradients(const char *text, const op_case *c, const case_variant *v,
                              fv_tensor *const *x, fv_tensor *const *y)
{
    char part[32], message[512];
    rule r = {.c = c, .x = x, .pointwise = is_pointwise(c)};
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++)
        if (y[j]->requires_grad)
            fv_backward(y[j], fixed_gradient_like(y[j], j), .retain_graph = true);
    judge(c, v, "backward", fv_error());
    for (int i = 0; i < c->inputs; i++) {
        snprintf(part, sizeof part, "gradient %d", i);
        message[0] = '\0';
        const char *line = golden_line(text, part);
        fv_tensor *gradient = x[i] ? fv_grad_of(x[i]) : NULL;
        if (line && gradient)
            agrees(line, gradient, &r, message, sizeof message);
        else if ((line && !is_zero(line)) || (gradient && !is_zero_tensor(gradient)))
            snprintf(message, sizeof message, "only %s has it", line ? "PyTorch" : "the op");
        judge(c, v, part, message);
    }
}

/* Does the message begin with who refuses, and name a type? */
static bool is_clear(const char *message)
{
    bool named = false;
    for (int k = 0; k < FV_DTYPE_COUNT; k++)
        named |= strstr(message, fv_dtype_name((fv_dtype)(FV_DTYPE_FIRST + k))) != NULL;
    return named && strchr(message, ':');
}

static void compare_refusals(bool there, const op_case *c, const case_variant *v)
{
    char message[512] = "";
    if (!is_clear(fv_error()))
        snprintf(message, sizeof message, "the message is \"%s\"", fv_error());
    else if (!there)
        snprintf(message, sizeof message, "%s", fv_error());
    judge(c, v, "refused", message);
}

static void compare(const char *text, const op_case *c, const case_variant *v, fv_tensor **x)
{
    fv_tensor *y[CASE_OUTPUTS];
    bool there = golden_line(text, "refused") != NULL, here = case_run(c, x, y) == 0;
    refused += here;
    compared++;
    if (here)
        compare_refusals(there, c, v);
    else if (there)
        judge(c, v, "taken", "PyTorch refuses it");
    else
        compare_outputs(text, c, v, x, y);
    if (!here && kind == VARIANT_SPECIAL) compare_gradients(text, c, v, x, y);
    fv_clear_error();
}

static void check_variant(const char *text, const op_case *c, const case_variant *v)
{
    FV_SCOPE;
    fv_tensor *x[CASE_INPUTS];
    char name[256], fingerprint[32];
    set_case_context(c, "%s", v->name);
    variant_inputs(kind, c, v, x);
    snprintf(name, sizeof name, "%s: %s", c->name, v->name);
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)golden_tensors_fingerprint(c, x));
    const char *at = golden_case(text, name);
    if (at && golden_line_is(golden_line(at, "inputs"), fingerprint))
        compare(at, c, v, x);
    else
        note_failure("%s stored value (run tests/golden/update.sh)", at ? "an old" : "no");
}

static void check_all(variant_kind which)
{
    char folder[512], *text = NULL;
    const char *op = "";
    kind = which;
    compared = refused = 0;
    snprintf(folder, sizeof folder, "%s/%s", FOVEA_GOLDEN_DIR, variant_folder(kind));
    load_differences();
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        case_variant v;
        if (strcmp(op, c->op) != 0) {
            free(text);
            text = golden_load(folder, c->op);
            op = c->op;
        }
        for (int k = 0; get_variant(kind, c, k, &v); k++) check_variant(text, c, &v);
    }
    free(text);
    printf("%d variants compared with PyTorch, %d of them refused; %d meant differences\n",
           compared, refused, difference_count);
    for (int k = 0; k < difference_count && all_cases_are_wanted(); k++) {
        set_context("differences.txt");
        if (!differences[k].needed) note_failure("nothing differs: %s", differences[k].pattern);
    }
    ck_assert(no_failures());
}

START_TEST(special_values_give_what_pytorch_gives)
{
    check_all(VARIANT_SPECIAL);
}
END_TEST

START_TEST(integer_types_give_what_pytorch_gives)
{
    check_all(VARIANT_TYPES);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("variants of cases");
    tcase_add_test(add_case(suite, "special"), special_values_give_what_pytorch_gives);
    tcase_add_test(add_case(suite, "types"), integer_types_give_what_pytorch_gives);
    return suite;
}
