/* Modules as a tree that a program builds and asks: modules of one's own, contexts, buffers, names,
 * positions, shared and missing children. */
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
    FV_SCOPE;
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

static fv_tensor *residual_forward(fv_module *self, fv_tensor *x)
{
    return fv_add(x, fv_forward(fv_get_child(self, "body"), x));
}

static int contexts_freed;
static void count_free(void *context)
{
    contexts_freed += *(int *)context;
}

static fv_module *residual(fv_module *body)
{
    static const fv_module_type type = {.name = "Residual",
                                        .context_size = sizeof(int),
                                        .forward = residual_forward,
                                        .context_free = count_free};
    fv_module *m = fv_module_new(&type, &(int){1});
    fv_module_add_child(m, "body", body);
    return fv_module_finish(m);
}

START_TEST(a_module_of_ones_own_works_like_the_others)
{
    FV_SCOPE;
    contexts_freed = 0;
    fv_module *net = fv_sequential(residual(fv_nn_linear(4, 4)), fv_nn_linear(4, 2));
    fv_named_list names = fv_named_parameters(net);
    ck_assert_int_eq(names.count, 4);
    ck_assert_str_eq(names.items[0].name, "0.body.weight");
    ck_assert_int_eq(fv_parameter_count(net), 4 * 4 + 4 + 2 * 4 + 2);
    ck_assert_ptr_eq(fv_get_child(net, "0.body"), fv_child_at(fv_child_at(net, 0), 0));
    ck_assert_str_eq(fv_child_name(fv_get_child(net, "0"), 0), "body");
    ck_assert(!fv_failed(fv_forward(net, fv_ones(3, 4))));
    ck_assert_ptr_null(fv_get_child(net, "0.head"));
    expect_error(FV_ERR_INDEX, "0.head");
    ck_assert_ptr_null(fv_child_at(net, 2));
    expect_error(FV_ERR_INDEX, "2 of 2");
    fv_eval(net);
    ck_assert(!fv_is_training(fv_get_child(net, "0.body")));
    fv_train(net);
    ck_assert(fv_is_training(fv_get_child(net, "0.body")));
    fv_free(net);
    ck_assert_int_eq(contexts_freed, 1);
}
END_TEST

START_TEST(a_missing_child_frees_the_others_and_keeps_the_first_error)
{
    char difference[200];
    memory_mark mark = mark_memory();
    contexts_freed = 0;
    fv_module *net = fv_sequential(residual(fv_nn_linear(4, 4)), fv_nn_conv2d(3, 4, 3, .groups = 2),
                                   fv_module_list(fv_nn_linear(3, 3), NULL),
                                   residual(residual(fv_nn_identity())));
    ck_assert_ptr_null(net);
    expect_error(FV_ERR_OPTION, "in_channels 3");
    ck_assert_int_eq(contexts_freed, 3);
    ck_assert_ptr_null(fv_parameters(net).items);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert(fv_failed(fv_forward(net, fv_ones(1))));
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_ptr_null(fv_sgd(fv_parameters(NULL)));
    expect_error(FV_ERR_OPTION, "NULL");
    fv_shutdown();
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(a_shared_child_has_one_set_of_parameters)
{
    fv_module *shared = fv_nn_linear(3, 3);
    fv_module *net = fv_sequential(shared, fv_nn_relu(), shared);
    ck_assert_int_eq(fv_parameters(net).count, 2);
    ck_assert_int_eq(fv_named_parameters(net).count, 2);
    ck_assert_int_eq(fv_state_dict(net).count, 4);
    ck_assert_str_eq(fv_state_dict(net).items[2].name, "2.weight");
    fv_free(shared);
    expect_error(FV_ERR_STATE, "belongs");
    fv_free(net);
}
END_TEST

START_TEST(bad_names_and_circles_are_refused)
{
    FV_SCOPE;
    fv_module *m = fv_module_list(fv_nn_identity());
    ck_assert_int_eq(fv_module_add_child(m, "0", fv_nn_relu()), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "in use");
    ck_assert_ptr_null(fv_module_finish(m));
    m = fv_module_list(fv_nn_identity());
    ck_assert_int_eq(fv_module_add_child(m, "a.b", fv_nn_relu()), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "a.b");
    ck_assert_int_eq(fv_module_add_child(m, "self", m), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "contains");
    ck_assert_int_eq(fv_module_add_child(NULL, "x", fv_nn_relu()), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_int_eq(fv_module_add_parameter(m, "p", fv_zeros(2, .dtype = FV_INT64)),
                     FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "int64");
    ck_assert(fv_failed(fv_forward(m, fv_ones(1))));
    expect_error(FV_ERR_OPTION, "failed");
    fv_free(m);
    m = fv_module_list(fv_nn_identity());
    ck_assert(fv_failed(fv_forward(m, fv_ones(1))));
    expect_error(FV_ERR_STATE, "ModuleList");
    fv_free(m);
}
END_TEST

START_TEST(weights_can_be_tied_and_frozen)
{
    FV_SCOPE;
    fv_module *in = fv_nn_linear(3, 3), *out = fv_nn_linear(3, 3, .bias = false);
    fv_module *net = fv_sequential(in, out);
    const fv_tensor *const *before = (const fv_tensor *const *)fv_parameters(net).items;
    ck_assert_ptr_eq(before, fv_parameters(net).items);
    fv_module_add_parameter(out, "weight", fv_module_tensor(in, "weight"));
    ck_assert_int_eq(fv_parameters(net).count, 2);
    fv_requires_grad(fv_module_tensor(in, "bias"), false);
    ck_assert_int_eq(fv_backward(fv_sum(fv_forward(net, fv_ones(2, 3)))), FV_OK);
    ck_assert_ptr_nonnull(fv_grad_of(fv_module_tensor(out, "weight")));
    ck_assert_ptr_null(fv_grad_of(fv_module_tensor(in, "bias")));
    fv_free(net);
}
END_TEST

START_TEST(intermediates_do_not_stay_with_the_caller)
{
    FV_SCOPE;
    fv_module *net = fv_sequential(fv_nn_linear(4, 4), fv_nn_tanh(), fv_nn_identity(),
                                   fv_nn_linear(4, 4), fv_nn_sigmoid(), fv_sequential());
    fv_tensor *x = fv_ones(2, 4);
    int64_t before = fv_memory_stats().live_tensors;
    {
        FV_NO_GRAD;
        ck_assert(!fv_failed(fv_forward(net, x)));
    }
    ck_assert_int_eq(fv_memory_stats().live_tensors, before + 1);
    {
        FV_SCOPE;
        ck_assert(!fv_failed(fv_forward(net, x)));
    }
    ck_assert_int_eq(fv_memory_stats().live_tensors, before + 1);
    fv_free(net);
}
END_TEST

START_TEST(parameters_belong_to_the_module_alone)
{
    int64_t before = fv_memory_stats().live_tensors;
    fv_module *net = fv_nn_linear(2, 2);
    ck_assert_int_eq(fv_memory_stats().live_tensors, before + 2);
    fv_free(net);
    ck_assert_int_eq(fv_memory_stats().live_tensors, before);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("the module tree");
    TCase *tree = add_case(suite, "tree");
    tcase_add_test(tree, a_layer_has_a_context_and_buffers);
    tcase_add_test(tree, a_buffer_that_failed_marks_the_module);
    tcase_add_test(tree, children_are_counted_and_appended);
    tcase_add_test(tree, a_module_of_ones_own_works_like_the_others);
    tcase_add_test(tree, a_missing_child_frees_the_others_and_keeps_the_first_error);
    tcase_add_test(tree, a_shared_child_has_one_set_of_parameters);
    tcase_add_test(tree, bad_names_and_circles_are_refused);
    tcase_add_test(tree, weights_can_be_tied_and_frozen);
    tcase_add_test(tree, intermediates_do_not_stay_with_the_caller);
    tcase_add_test(tree, parameters_belong_to_the_module_alone);
    return suite;
}
