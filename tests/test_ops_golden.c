/* Every case against PyTorch: outputs and gradients of each one that has a torch expression, as
 * tests/golden/update.sh stored them in tests/golden/<op>.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"

/* --- the stored files ------------------------------------------------------------------------- */

/* "[2,3] 1 2 3 4 5 6" as a tensor; NULL after a note. */
static fv_tensor *stored_tensor(const char *line, fv_dtype dtype)
{
    fv_shape shape = {0};
    char *end = NULL;
    for (line++; *line != ']' && *line != '\n' && shape.ndim < FV_MAX_DIMS;
         line = end + (*end == ','))
        shape.dim[shape.ndim++] = strtoll(line, &end, 10);
    int64_t count = fv_shape_numel(&shape);
    double *values = count < 0 ? NULL : malloc(((size_t)count + 1) * sizeof(double));
    if (!values) abort();
    line++;
    for (int64_t k = 0; k < count; k++, line = end) values[k] = strtod(line, &end);
    bool complete = *line == '\n';
    fv_tensor *t = complete ? tensor_in_layout(values, &shape, dtype, LAYOUT_CONTIGUOUS) : NULL;
    free(values);
    if (!t) note_failure("the stored tensor is incomplete (run tests/golden/update.sh)");
    return t;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void compare(const char *line, const fv_tensor *found, double tolerance, const char *what)
{
    char message[256];
    fv_tensor *wanted = stored_tensor(line, found->dtype);
    if (wanted && !tensors_close(found, wanted, tolerance, message, sizeof message))
        note_failure("%s %s", what, message);
}

static void compare_outputs(const char *stored, fv_tensor *const *y, double tolerance)
{
    char label[32];
    for (int j = 0; j < CASE_OUTPUTS; j++) {
        snprintf(label, sizeof label, "output %d", j);
        const char *line = golden_line(stored, label);
        if (line && y[j])
            compare(line, y[j], tolerance, label);
        else if (line || y[j])
            note_failure("%s: only %s has it", label, line ? "PyTorch" : "the case");
    }
}

/* A gradient that is not there counts as zero. */
static bool all_zero(const char *line)
{
    fv_tensor *t = stored_tensor(line, FV_FLOAT64);
    return t && (t->numel == 0 || fv_item(fv_amax(fv_abs(t))) == 0.0);
}

static void compare_gradients(const char *stored, const op_case *c, fv_tensor *const *x,
                              fv_tensor *const *y, double tolerance)
{
    char label[32];
    for (int j = 0; j < CASE_OUTPUTS && y[j]; j++) {
        if (!y[j]->requires_grad) continue;
        if (fv_backward(y[j], fixed_gradient_like(y[j], j), .retain_graph = true) == FV_OK)
            continue;
        note_failure("backward: %s", fv_error());
        fv_clear_error();
        return;
    }
    for (int i = 0; i < c->inputs; i++) {
        snprintf(label, sizeof label, "gradient %d", i);
        const char *line = golden_line(stored, label);
        fv_tensor *gradient = x[i] ? fv_grad_of(x[i]) : NULL;
        if (line && gradient)
            compare(line, gradient, tolerance, label);
        else if (line && !all_zero(line))
            note_failure("%s is missing", label);
    }
}

static void check_case(const char *stored, const op_case *c, fv_dtype floating)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    set_case_context(c, "%s, PyTorch", fv_dtype_name(floating));
    case_inputs(c, floating, LAYOUT_CONTIGUOUS, 0, true, x);
    if (case_run(c, x, y) == 0) {
        note_failure("refused: %s", fv_error());
        fv_clear_error();
        return;
    }
    double tolerance = case_tolerance(c, floating);
    compare_outputs(stored, y, tolerance);
    compare_gradients(stored, c, x, y, tolerance);
}

static int compared;

static void check_stored(const char *text, const op_case *c)
{
    char fingerprint[32];
    set_case_context(c, "PyTorch");
    const char *stored = golden_case(text, c->name);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)golden_fingerprint(c));
    if (!stored || !golden_line_is(golden_line(stored, "inputs"), fingerprint)) {
        note_failure("%s stored value (run tests/golden/update.sh)", stored ? "an old" : "no");
        return;
    }
    compared++;
    {
        FV_SCOPE;
        check_case(stored, c, FV_FLOAT32);
    }
    if (case_is_floating(c)) {
        FV_SCOPE;
        check_case(stored, c, FV_FLOAT64);
    }
}

START_TEST(outputs_and_gradients_are_those_of_pytorch)
{
    char *text = NULL;
    const char *op = "";
    fv_set_log(NULL, NULL);
    compared = 0;
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        if (!c->torch) continue;
        if (strcmp(op, c->op) != 0) {
            free(text);
            text = golden_load(FOVEA_GOLDEN_DIR, c->op);
            op = c->op;
        }
        check_stored(text, c);
    }
    free(text);
    printf("%d cases compared with PyTorch\n", compared);
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("golden values");
    tcase_add_test(add_case(suite, "golden"), outputs_and_gradients_are_those_of_pytorch);
    return suite;
}
