/* Modules as a tree that a program builds and asks: contexts, buffers, names, positions; and the
 * pooling layers against their ops. */
#include <string.h>

#include "support.h"

typedef struct counter {
    int calls;
    double factor;
} counter;

static fv_tensor *counter_forward(fv_module *self, fv_tensor *x)
{
    counter *c = fv_module_context(self);
    c->calls++;
    return fv_mul(fv_add(x, fv_module_tensor(self, "offset")), c->factor);
}

static const fv_module_type counter_type = {
    .name = "Counter", .context_size = sizeof(counter), .forward = counter_forward};

START_TEST(a_layer_has_a_context_and_buffers)
{
    const counter start = {.factor = 2};
    fv_module *m = fv_module_new(&counter_type, &start);
    {
        FV_SCOPE;
        ck_assert_int_eq(fv_module_add_buffer(m, "offset", TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, -1)),
                         FV_OK);
        m = fv_module_finish(m);
        ck_assert_str_eq(fv_module_name(m), "Counter");
        ASSERT_VALUES(fv_forward(m, TENSOR(FV_FLOAT32, FV_SHAPE(2), 5, 6)), 0, 12, 10);
        const counter *context = fv_module_const_context(m);
        ck_assert_int_eq(context->calls, 1);
        ck_assert_int_eq(start.calls, 0);
        ck_assert_int_eq(fv_parameters(m).count, 0);
        ck_assert_int_eq(fv_named_buffers(m).count, 1);
        ck_assert_str_eq(fv_named_buffers(m).items[0].name, "offset");
        ck_assert_int_eq(fv_state_dict(m).count, 1);
    }
    fv_free(m);
}
END_TEST

START_TEST(a_buffer_that_failed_marks_the_module)
{
    fv_set_log(NULL, NULL);
    fv_module *m = fv_module_new(&counter_type, NULL);
    ck_assert_int_ne(fv_module_add_buffer(m, "offset", fv_failed_tensor()), FV_OK);
    fv_clear_error();
    ck_assert_int_ne(fv_module_add_buffer(m, "a.b", fv_ones(1)), FV_OK);
    fv_clear_error();
    ck_assert_ptr_null(fv_module_finish(m));
    fv_clear_error();
}
END_TEST

START_TEST(children_are_counted_and_appended)
{
    fv_module *net = fv_sequential(fv_nn_relu());
    ck_assert_int_eq(fv_child_count(net), 1);
    ck_assert_int_eq(fv_module_append(net, fv_nn_tanh()), FV_OK);
    ck_assert_int_eq(fv_child_count(net), 2);
    ck_assert_str_eq(fv_child_name(net, 1), "1");
    ck_assert_str_eq(fv_module_name(fv_child_at(net, 1)), "Tanh");
    {
        FV_SCOPE;
        ASSERT_VALUES(fv_forward(net, TENSOR(FV_FLOAT64, FV_SHAPE(2), -1, 1)), 1e-12, 0,
                      0.76159415595576489);
    }
    ck_assert_int_eq(fv_child_count(fv_child_at(net, 0)), 0);
    fv_set_log(NULL, NULL);
    ck_assert_int_ne(fv_module_append(net, NULL), FV_OK);
    fv_clear_error();
    fv_free(net);
}
END_TEST

/* Layer and op on the same numbers; the layer is freed. */
static void same_as(fv_module *layer, fv_tensor *x, const fv_tensor *wanted)
{
    ck_assert_ptr_nonnull(layer);
    ck_assert(!fv_failed(wanted));
    ck_assert(tensors_same(fv_forward(layer, x), wanted));
    fv_free(layer);
}

START_TEST(pooling_layers_are_their_ops)
{
    FV_SCOPE;
    fv_manual_seed(1);
    fv_tensor *line = fv_randn(2, 3, 10), *image = fv_randn(2, 3, 5, 7);
    fv_tensor *volume = fv_randn(1, 2, 5, 6, 7);
    same_as(fv_nn_adaptive_avg_pool1d(4), line, fv_adaptive_avg_pool1d(line, 4));
    same_as(fv_nn_adaptive_max_pool2d(FV_DIMS(2, 3)), image,
            fv_adaptive_max_pool2d(image, FV_DIMS(2, 3)));
    same_as(fv_nn_adaptive_max_pool3d(2), volume, fv_adaptive_max_pool3d(volume, 2));
    same_as(fv_nn_avg_pool3d(2), volume, fv_avg_pool3d(volume, 2));
    same_as(fv_nn_avg_pool3d(3, 2, 1, true, false, 5), volume,
            fv_avg_pool3d(volume, 3, 2, 1, true, false, 5));
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("the module tree");
    TCase *tree = add_case(suite, "tree");
    tcase_add_test(tree, a_layer_has_a_context_and_buffers);
    tcase_add_test(tree, a_buffer_that_failed_marks_the_module);
    tcase_add_test(tree, children_are_counted_and_appended);
    tcase_add_test(tree, pooling_layers_are_their_ops);
    return suite;
}
