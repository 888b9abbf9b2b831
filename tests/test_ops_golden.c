/* Every op against PyTorch: outputs and gradients of each case that has a torch expression, as
 * stored in tests/golden/<op>.json by tests/golden/update.sh. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"

static json_t *load_op(const fv_op *op)
{
    char path[1024];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s.json", FOVEA_GOLDEN_DIR, op->name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) note_failure("%s: %s (run tests/golden/update.sh)", path, error.text);
    return root;
}

/* A number, or the text of one that JSON lacks. */
static double stored_number(const json_t *value)
{
    return json_is_string(value) ? strtod(json_string_value(value), NULL)
                                 : json_number_value(value);
}

/* The stored numbers as a tensor of the type and shape of `like`; NULL after a note. */
static fv_tensor *stored_tensor(const json_t *data, const fv_tensor *like, const char *what)
{
    int64_t count = (int64_t)json_array_size(data);
    if (count != like->numel) {
        note_failure("%s: %lld elements, PyTorch has %lld", what, (long long)like->numel,
                     (long long)count);
        return NULL;
    }
    double *values = malloc(((size_t)count + 1) * sizeof(double));
    if (!values) return NULL;
    for (int64_t k = 0; k < count; k++) values[k] = stored_number(json_array_get(data, (size_t)k));
    fv_shape shape = fv_shape_of(like);
    fv_tensor *t = tensor_in_layout(values, &shape, like->dtype, LAYOUT_CONTIGUOUS);
    free(values);
    return t;
}

static bool same_shape(const json_t *shape, const fv_tensor *t)
{
    if ((int)json_array_size(shape) != t->ndim) return false;
    for (int d = 0; d < t->ndim; d++)
        if (json_integer_value(json_array_get(shape, (size_t)d)) != t->shape[d]) return false;
    return true;
}

static void compare(const json_t *data, const fv_tensor *found, double tolerance, const char *what)
{
    char message[256];
    fv_tensor *wanted = stored_tensor(data, found, what);
    if (wanted && !tensors_close(found, wanted, tolerance, message, sizeof message))
        note_failure("%s: %s", what, message);
}

static void compare_outputs(const json_t *stored, const fv_op *op, fv_tensor *const *out,
                            double tolerance)
{
    const json_t *outputs = json_object_get(stored, "outputs");
    int count = (int)json_array_size(outputs);
    char what[32];
    /* ops may have more outputs than PyTorch's function, such as saved statistics */
    for (int j = 0; j < op->outputs && j < count; j++) {
        const json_t *output = json_array_get(outputs, (size_t)j);
        snprintf(what, sizeof what, "output %d", j);
        fv_shape shape = fv_shape_of(out[j]);
        if (!same_shape(json_object_get(output, "shape"), out[j]))
            note_failure("%s has shape %s, PyTorch's another", what, fv_shape_text(&shape));
        else
            compare(json_object_get(output, "data"), out[j], tolerance, what);
    }
    if (count > op->outputs) note_failure("PyTorch has %d outputs", count);
}

static bool all_zero(const json_t *data)
{
    for (size_t k = 0; k < json_array_size(data); k++)
        if (stored_number(json_array_get(data, k)) != 0.0) return false;
    return true;
}

static void compare_gradients(const json_t *gradients, const fv_op *op, const fv_case *c,
                              fv_tensor *const *in, fv_tensor *const *out, double tolerance)
{
    char what[48];
    for (int j = 0; j < op->outputs; j++) {
        if (!out[j]->requires_grad) continue;
        fv_tensor *seed = fixed_gradient_like(out[j], j);
        if (fv_backward(out[j], seed, .retain_graph = true) != FV_OK) {
            note_failure("backward: %s", fv_error());
            fv_clear_error();
            return;
        }
    }
    for (int i = 0; i < c->inputs; i++) {
        const json_t *stored = json_array_get(gradients, (size_t)i);
        fv_tensor *grad = in[i] ? fv_grad_of(in[i]) : NULL;
        snprintf(what, sizeof what, "gradient of input %d", i);
        if (json_is_array(stored) && grad)
            compare(stored, grad, tolerance, what);
        else if (json_is_array(stored) && !all_zero(stored)) /* none counts as zero */
            note_failure("%s is missing", what);
    }
}

static void check_case(const json_t *stored, const fv_op *op, const fv_case *c, fv_dtype floating)
{
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[FV_MAX_OUTPUTS];
    const json_t *gradients = json_object_get(stored, "gradients");
    set_context("%s/%s %s: golden", op->name, c->name, fv_dtype_name(floating));
    case_inputs(op, c, floating, LAYOUT_CONTIGUOUS, 0, true, in);
    if (case_apply(op, c, in, out) != FV_OK) {
        note_failure("refused: %s", fv_error());
        fv_clear_error();
        return;
    }
    double tolerance = case_tolerance(c, floating);
    compare_outputs(stored, op, out, tolerance);
    if (json_is_array(gradients)) compare_gradients(gradients, op, c, in, out, tolerance);
}

static void check_op(const fv_op *op, const json_t *root)
{
    char fingerprint[32];
    for (const fv_case *c = op->cases; c && c->name; c++) {
        if (!c->torch) continue;
        set_context("%s/%s", op->name, c->name);
        const json_t *stored = json_object_get(json_object_get(root, "cases"), c->name);
        snprintf(fingerprint, sizeof fingerprint, "%016llx",
                 (unsigned long long)golden_fingerprint(op, c));
        const char *kept = json_string_value(json_object_get(stored, "fingerprint"));
        if (!kept || strcmp(kept, fingerprint) != 0) {
            note_failure("%s stored value (run tests/golden/update.sh)", kept ? "an old" : "no");
            continue;
        }
        FV_SCOPE
            check_case(stored, op, c, FV_FLOAT32);
        if (case_is_floating(c))
            FV_SCOPE
                check_case(stored, op, c, FV_FLOAT64);
    }
}

static bool has_expression(const fv_op *op)
{
    for (const fv_case *c = op->cases; c && c->name; c++)
        if (c->torch) return true;
    return false;
}

START_TEST(outputs_and_gradients_are_those_of_pytorch)
{
    fv_set_log(NULL, NULL);
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e)) {
        if (!has_expression(e->op)) continue;
        set_context("%s", e->op->name);
        json_t *root = load_op(e->op);
        if (root) check_op(e->op, root);
        json_decref(root);
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("golden values");
    tcase_add_test(add_case(suite, "golden"), outputs_and_gradients_are_those_of_pytorch);
    return suite;
}
