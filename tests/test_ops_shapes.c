/* Every case on tensors that have shapes only: outputs and gradients have the shapes, types and
 * memory orders of the real call, and nothing outside of the call changes. */
#include <string.h>

#include "support.h"

enum { ALL_INPUTS = 0xffff };

/* A tensor like t but without elements; NULL for NULL. */
static fv_tensor *bare(const fv_tensor *t)
{
    if (!t) return NULL;
    fv_shape shape = fv_shape_of(t);
    fv_tensor *copy = fv_tensor_alloc_as(true, t->dtype, &shape, t->strides);
    if (!copy) return fv_failed_tensor();
    if (t->requires_grad) fv_requires_grad(copy, true);
    return fv_scope_adopt(copy);
}

static void compare(const fv_tensor *found, const fv_tensor *wanted, const char *what, int number)
{
    if (!found != !wanted) {
        note_failure("%s %d: only %s has it", what, number, wanted ? "the real call" : "this");
        return;
    }
    if (!found) return;
    fv_shape a = fv_shape_of(found), b = fv_shape_of(wanted);
    if (!fv_is_shapes_only(found)) note_failure("%s %d has elements", what, number);
    if (!fv_shape_equal(&a, &b) || found->dtype != wanted->dtype)
        note_failure("%s %d is %s %s, should be %s %s", what, number, fv_dtype_name(found->dtype),
                     fv_shape_text(&a), fv_dtype_name(wanted->dtype), fv_shape_text(&b));
    for (int d = 0; d < a.ndim && wanted->numel > 0; d++)
        if (a.dim[d] > 1 && found->strides[d] != wanted->strides[d])
            note_failure("%s %d has another order in memory", what, number);
}

/* Runs the call and the backward of every output that has one; false after a note. */
static bool run(const op_case *c, fv_tensor *const *x, fv_tensor **y)
{
    bool ok = case_run(c, x, y) > 0;
    for (int j = 0; ok && j < CASE_OUTPUTS && y[j]; j++) {
        if (!y[j]->requires_grad) continue;
        fv_tensor *seed = fv_is_shapes_only(y[j]) ? bare(y[j]) : fv_ones_like(y[j]);
        if (seed->requires_grad) seed = fv_detach(seed);
        ok = fv_backward(y[j], seed, .retain_graph = true) == FV_OK;
    }
    if (ok) return true;
    note_failure("refused: %s", fv_error());
    fv_clear_error();
    return false;
}

static void check_case(const op_case *c, layout order)
{
    fv_tensor *x[CASE_INPUTS], *shapes[CASE_INPUTS], *y[CASE_OUTPUTS], *found[CASE_OUTPUTS];
    case_inputs(c, FV_FLOAT32, order, ALL_INPUTS, true, x);
    for (int i = 0; i < c->inputs; i++) shapes[i] = bare(x[i]);
    if (!run(c, x, y)) return;
    fv_set_shapes_only(true); /* what the call makes by itself has shapes only, too */
    bool ok = run(c, shapes, found);
    fv_set_shapes_only(false);
    if (!ok) return;
    for (int j = 0; j < CASE_OUTPUTS; j++) compare(found[j], y[j], "output", j);
    for (int i = 0; i < c->inputs; i++)
        if (x[i]) compare(fv_grad_of(shapes[i]), fv_grad_of(x[i]), "the gradient of input", i);
}

START_TEST(every_case_has_the_shapes_of_the_real_call)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_CHANNELS_LAST; order++) {
            set_case_context(c, "shapes only, %s", layout_name((layout)order));
            {
                FV_SCOPE;
                check_case(c, (layout)order);
            }
            fv_clear_error();
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(no_random_number_is_drawn)
{
    FV_SCOPE;
    fv_shape shape = FV_SHAPE(8);
    fv_tensor *x = fv_scope_adopt(fv_tensor_alloc_as(true, FV_FLOAT32, &shape, NULL));
    fv_manual_seed(5);
    fv_tensor *wanted = fv_rand(8);
    fv_manual_seed(5);
    ck_assert(fv_is_shapes_only(fv_dropout(x)));
    ck_assert(tensors_same(fv_rand(8), wanted));
}
END_TEST

START_TEST(no_buffer_is_written)
{
    FV_SCOPE;
    fv_shape shape = FV_SHAPE(4, 3, 2);
    fv_tensor *x = fv_scope_adopt(fv_tensor_alloc_as(true, FV_FLOAT32, &shape, NULL));
    fv_tensor *mean = fv_zeros(3), *var = fv_ones(3);
    uint32_t version = fv_version(mean);
    ck_assert(fv_is_shapes_only(fv_batch_norm(x, mean, var, .training = true)));
    ASSERT_VALUES(mean, 0, 0, 0, 0);
    ASSERT_VALUES(var, 0, 1, 1, 1);
    ck_assert_uint_eq(fv_version(mean), version);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("ops on shapes");
    TCase *shapes = add_case(suite, "shapes");
    tcase_add_test(shapes, every_case_has_the_shapes_of_the_real_call);
    tcase_add_test(shapes, no_random_number_is_drawn);
    tcase_add_test(shapes, no_buffer_is_written);
    return suite;
}
