/* The tape: accumulation, graphs that are kept or freed, higher gradients, hooks, in-place rules,
 * versions of saved tensors, and memory over long chains and many steps. */
#include <math.h>
#include <string.h>

#include "support.h"

static fv_tensor *leaf(double value)
{
    return fv_full(2, .value = value, .dtype = FV_FLOAT64, .requires_grad = true);
}

static double grad_value(const fv_tensor *t)
{
    fv_tensor *g = fv_grad_of(t);
    ck_assert_ptr_nonnull(g);
    return fv_at(g, (const int64_t[]){0});
}

/* --- gradients -------------------------------------------------------------------------------- */

START_TEST(gradients_add_up_until_they_are_cleared)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3);
    ck_assert_ptr_null(fv_grad_of(x));
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(x, x))), FV_OK);
    ck_assert(grad_value(x) == 6.0);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(x, 2))), FV_OK);
    ck_assert(grad_value(x) == 8.0);
    ck_assert_int_eq(fv_set_grad(x, NULL), FV_OK);
    ck_assert_ptr_null(fv_grad_of(x));
    ck_assert_int_eq(fv_backward(fv_sum(x)), FV_OK);
    ck_assert(grad_value(x) == 1.0);
    fv_set_log(NULL, NULL);
    ck_assert_int_ne(fv_set_grad(x, fv_zeros(3, .dtype = FV_FLOAT64)), FV_OK);
    fv_clear_error();
    ck_assert_int_ne(fv_set_grad(x, fv_zeros(2)), FV_OK);
    fv_clear_error();
    ck_assert(grad_value(x) == 1.0);
}
END_TEST

/* y = x + x*x; z = y*y + y: both x and y are used twice. dz/dx = (2y + 1)(1 + 2x). */
START_TEST(a_tensor_used_twice_gets_both_gradients)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2);
    fv_tensor *y = fv_add(x, fv_mul(x, x));
    fv_tensor *z = fv_add(fv_mul(y, y), y);
    ck_assert_int_eq(fv_backward(fv_sum(z)), FV_OK);
    ck_assert(grad_value(x) == 65.0);
}
END_TEST

START_TEST(a_diamond_of_many_levels_runs_each_node_once)
{
    FV_SCOPE;
    fv_tensor *x = leaf(1), *y = x;
    for (int k = 0; k < 40; k++) y = fv_add(y, y); /* 2^40 paths */
    ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
    ck_assert(grad_value(x) == 0x1p40);
}
END_TEST

START_TEST(gradients_of_a_tensor_need_an_output_gradient)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(3);
    fv_tensor *y = fv_mul(x, x);
    ck_assert_int_ne(fv_backward(y), FV_OK);
    expect_error(fv_error_status(), "[2]");
    ck_assert_int_ne(fv_backward(y, fv_ones(3, .dtype = FV_FLOAT64)), FV_OK);
    expect_error(fv_error_status(), "[3]");
    ck_assert_int_eq(fv_backward(y, fv_full(2, .value = 10, .dtype = FV_FLOAT64)), FV_OK);
    ck_assert(grad_value(x) == 60.0);
    ck_assert_int_ne(fv_backward(fv_sum(fv_detach(x))), FV_OK);
    expect_error(FV_ERR_AUTOGRAD, "");
    ck_assert_int_ne(fv_backward(fv_failed_tensor()), FV_OK);
    fv_clear_error();
}
END_TEST

START_TEST(gradients_have_the_dtype_and_shape_of_their_leaf)
{
    FV_SCOPE;
    fv_tensor *x = fv_full(3, 1, .value = 2, .requires_grad = true);
    fv_tensor *y = fv_mul(x, fv_full(4, .value = 3, .dtype = FV_FLOAT64));
    ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
    ck_assert_int_eq(fv_grad_of(x)->dtype, FV_FLOAT32);
    ASSERT_VALUES(fv_grad_of(x), 0, 12, 12, 12);
    ck_assert_int_eq(fv_ndim(fv_grad_of(x)), 2);
}
END_TEST

/* --- keeping and freeing graphs --------------------------------------------------------------- */

START_TEST(a_second_backward_needs_retain_graph)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3);
    fv_tensor *y = fv_sum(fv_mul(x, x));
    ck_assert_int_eq(fv_backward(y, .retain_graph = true), FV_OK);
    ck_assert_int_eq(fv_backward(y), FV_OK);
    ck_assert(grad_value(x) == 12.0);
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fv_backward(y), FV_ERR_AUTOGRAD);
    expect_error(FV_ERR_AUTOGRAD, "retain_graph");
    ck_assert(grad_value(x) == 12.0);
}
END_TEST

START_TEST(backward_frees_the_graph_as_it_goes)
{
    {
        FV_SCOPE;
        fv_tensor *x = leaf(3);
        int64_t nodes = fv_memory_stats().live_nodes;
        fv_tensor *y = fv_sum(fv_exp(fv_mul(x, x)));
        ck_assert_int_eq(fv_memory_stats().live_nodes, nodes + 3);
        ck_assert_int_eq(fv_backward(y), FV_OK);
        ck_assert_int_le(fv_memory_stats().live_nodes, nodes + 3);
    }
    ck_assert_int_eq(fv_memory_stats().live_nodes, 0);
}
END_TEST

/* f = x^3: 3x^2, 6x, 6, 0. */
START_TEST(create_graph_gives_higher_gradients)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2), *g1 = NULL, *g2 = NULL, *g3 = NULL;
    fv_tensor *y = fv_sum(fv_mul(fv_mul(x, x), x));
    ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(x), &g1, .create_graph = true), FV_OK);
    ASSERT_VALUES(g1, 0, 12, 12);
    ck_assert(g1->requires_grad);
    ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(g1)), FV_TENSORS(x), &g2, .create_graph = true),
                     FV_OK);
    ASSERT_VALUES(g2, 0, 12, 12);
    ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(g2)), FV_TENSORS(x), &g3), FV_OK);
    ASSERT_VALUES(g3, 0, 6, 6);
    ck_assert(!g3->requires_grad);
    ck_assert_ptr_null(fv_grad_of(x));
}
END_TEST

START_TEST(grad_takes_several_outputs_and_inputs_leaves_or_not)
{
    FV_SCOPE;
    fv_tensor *x = leaf(2), *w = leaf(5), *unused = leaf(1);
    fv_tensor *h = fv_mul(x, w), *grads[3];
    fv_tensor *a = fv_sum(h), *b = fv_mul(h, h);
    fv_tensor *twos = fv_full(2, .value = 2, .dtype = FV_FLOAT64);
    ck_assert_int_eq(fv_grad(FV_TENSORS(a, b), FV_TENSORS(x, h), grads, FV_TENSORS(NULL, twos),
                             .retain_graph = true),
                     FV_OK);
    ASSERT_VALUES(grads[1], 0, 41, 41);
    ASSERT_VALUES(grads[0], 0, 205, 205);
    ck_assert_ptr_null(fv_grad_of(w));
    ck_assert_int_eq(fv_grad(FV_TENSORS(a), FV_TENSORS(w, unused), grads, .allow_unused = true,
                             .retain_graph = true),
                     FV_OK);
    ASSERT_VALUES(grads[0], 0, 2, 2);
    ck_assert_ptr_null(grads[1]);
    fv_set_log(NULL, NULL);
    ck_assert_int_ne(fv_grad(FV_TENSORS(a), FV_TENSORS(w, unused), grads), FV_OK);
    expect_error(FV_ERR_AUTOGRAD, "");
    ck_assert(fv_failed(grads[0]) && fv_failed(grads[1]));
}
END_TEST

START_TEST(retain_grad_keeps_the_gradient_of_a_result)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3);
    fv_tensor *y = fv_mul(x, x), *plain = fv_mul(y, 2);
    fv_retain_grad(y);
    ck_assert(fv_is_leaf(x) && !fv_is_leaf(y));
    ck_assert_ptr_null(fv_grad_fn_name(x));
    ck_assert_str_eq(fv_grad_fn_name(y), "mul");
    ck_assert_int_eq(fv_backward(fv_sum(plain)), FV_OK);
    ck_assert(grad_value(y) == 2.0);
    ck_assert_ptr_null(fv_grad_of(plain));
}
END_TEST

/* --- grad mode -------------------------------------------------------------------------------- */

static int leave_no_grad_by_return(void)
{
    FV_NO_GRAD;
    if (!fv_grad_enabled()) return 1;
    return 0;
}

START_TEST(no_grad_records_nothing_however_it_is_left)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3);
    ck_assert_int_eq(leave_no_grad_by_return(), 1);
    ck_assert(fv_grad_enabled());
    {
        FV_NO_GRAD;
        ck_assert(!fv_mul(x, x)->requires_grad);
    }
    ck_assert(fv_grad_enabled());
    for (;;) {
        FV_NO_GRAD;
        FV_SCOPE;
        if (!fv_grad_enabled()) break;
    }
    ck_assert(fv_grad_enabled());
    ck_assert(fv_set_grad_enabled(false));
    ck_assert(!fv_set_grad_enabled(true));
    ck_assert(fv_mul(x, x)->requires_grad);
    fv_tensor *cut = fv_detach(fv_mul(x, x));
    ck_assert(!cut->requires_grad && fv_is_leaf(cut));
    fv_tensor *same = fv_detach(x);
    ck_assert_ptr_eq(same->storage, x->storage);
}
END_TEST

START_TEST(only_floating_leaves_can_require_grad)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_requires_grad(fv_ones(2, .dtype = FV_INT64), true);
    ck_assert_str_ne(fv_error(), "");
    fv_clear_error();
    fv_tensor *y = fv_mul(leaf(1), 2);
    fv_requires_grad(y, false);
    ck_assert_str_ne(fv_error(), "");
    fv_clear_error();
    fv_tensor *x = leaf(1);
    ck_assert_ptr_eq(fv_requires_grad(x, false), x);
    ck_assert(!fv_mul(x, x)->requires_grad);
}
END_TEST

/* --- hooks ------------------------------------------------------------------------------------ */

static fv_tensor *double_hook(fv_tensor *grad, void *context)
{
    ++*(int *)context;
    return fv_mul(grad, 2);
}

static fv_tensor *watch_hook(fv_tensor *grad, void *context)
{
    *(double *)context = fv_at(grad, (const int64_t[]){0});
    return NULL;
}

START_TEST(hooks_see_and_change_complete_gradients)
{
    FV_SCOPE;
    int calls = 0;
    double seen = 0;
    fv_tensor *x = leaf(3);
    fv_tensor *y = fv_mul(x, 5);
    int watch = fv_register_hook(y, watch_hook, &seen);
    int twice = fv_register_hook(x, double_hook, &calls);
    ck_assert_int_ne(watch, 0);
    fv_tensor *z = fv_sum(fv_add(y, y));
    ck_assert_int_eq(fv_backward(z, .retain_graph = true), FV_OK);
    ck_assert(seen == 2.0);
    ck_assert_int_eq(calls, 1);
    ck_assert(grad_value(x) == 20.0);
    fv_remove_hook(x, twice);
    fv_remove_hook(y, watch);
    fv_set_grad(x, NULL);
    seen = 0;
    ck_assert_int_eq(fv_backward(z), FV_OK);
    ck_assert(grad_value(x) == 10.0);
    ck_assert(seen == 0.0);
    fv_remove_hook(x, twice);
}
END_TEST

/* --- writing in place ------------------------------------------------------------------------- */

static fv_tensor *in_place(const char *op, fv_tensor *x)
{
    return fv_apply_inplace(fv_find_op(op), NULL, 1, &x);
}

START_TEST(in_place_results_have_the_gradient_of_the_op)
{
    FV_SCOPE;
    fv_tensor *x = leaf(3);
    fv_tensor *y = fv_mul(x, 2);
    void *data = y->data;
    fv_tensor *z = in_place("neg", y);
    ck_assert_ptr_eq(z, y);
    ck_assert_ptr_eq(z->data, data);
    ASSERT_VALUES(y, 0, -6, -6);
    ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
    ck_assert(grad_value(x) == -2.0);
}
END_TEST

START_TEST(in_place_writes_that_would_spoil_gradients_are_refused)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(3);
    ck_assert(fv_failed(in_place("neg", x)));
    ck_assert_ptr_nonnull(strstr(fv_error(), "neg"));
    fv_clear_error();
    ASSERT_VALUES(x, 0, 3, 3);
    {
        FV_NO_GRAD;
        ck_assert_ptr_eq(in_place("neg", x), x);
    }
    ASSERT_VALUES(x, 0, -3, -3);
    ck_assert(x->requires_grad && fv_is_leaf(x));
    ck_assert(fv_failed(in_place("neg", fv_reshape(x, 2, 1))));
    expect_error(FV_ERR_AUTOGRAD, "view of the leaf");
}
END_TEST

START_TEST(an_overwritten_saved_tensor_is_an_error_that_names_the_op)
{
    const double other[] = {9, 9};
    {
        FV_SCOPE;
        fv_set_log(NULL, NULL);
        fv_tensor *x = leaf(3), *w = fv_full(2, .value = 2, .dtype = FV_FLOAT64);
        fv_tensor *y = fv_sum(fv_mul(x, w));
        fv_copy_in(w, FV_FLOAT64, other);
        ck_assert_int_eq(fv_backward(y), FV_ERR_AUTOGRAD);
        expect_error(FV_ERR_AUTOGRAD, "mul");
        fv_tensor *e = fv_mul(x, 2);
        fv_tensor *z = fv_sum(e);
        in_place("neg", e);
        ck_assert_int_eq(fv_backward(z), FV_OK); /* neither op reads what was overwritten */
        fv_tensor *f = fv_exp(x);
        fv_tensor *g = fv_sum(fv_mul(f, f));
        fv_bump_version(f);
        ck_assert_int_eq(fv_backward(g), FV_ERR_AUTOGRAD);
        fv_clear_error();
    }
}
END_TEST

/* Every op whose gradient reads its result must notice that it was overwritten. */
static fv_tensor *exp_of(fv_tensor *x)
{
    return fv_exp(x);
}

static fv_tensor *softmax_of(fv_tensor *x)
{
    return fv_softmax(x, 0);
}

static fv_tensor *sigmoid_of(fv_tensor *x)
{
    return fv_sigmoid(x);
}

START_TEST(an_overwritten_saved_output_is_an_error_that_names_the_op)
{
    static fv_tensor *(*const ops[])(fv_tensor *) = {exp_of, softmax_of, sigmoid_of};
    static const char *const names[] = {"exp", "softmax", "sigmoid"};
    fv_set_log(NULL, NULL);
    for (int k = 0; k < 3; k++) {
        FV_SCOPE;
        const double other[] = {9, 9};
        fv_tensor *x = leaf(3);
        fv_tensor *y = ops[k](x), *loss = fv_sum(y);
        fv_copy_in(y, FV_FLOAT64, other);
        ck_assert_int_eq(fv_backward(loss), FV_ERR_AUTOGRAD);
        ck_assert_ptr_nonnull(strstr(fv_error(), "overwritten in place"));
        expect_error(FV_ERR_AUTOGRAD, names[k]);
        ck_assert_ptr_null(fv_grad_of(x));
        y = ops[k](x);
        fv_tensor *z = fv_add_(y, 1); /* on the tape: the same */
        ck_assert_ptr_eq(z, y);
        ck_assert_int_eq(fv_backward(fv_sum(y)), FV_ERR_AUTOGRAD);
        expect_error(FV_ERR_AUTOGRAD, names[k]);
    }
}
END_TEST

/* An op may give the same gradient to several leaves, or the gradient that it was given: each leaf
 * has memory of its own all the same, and so has the caller. */
START_TEST(leaves_do_not_share_their_gradients)
{
    FV_SCOPE;
    fv_tensor *a = leaf(1), *b = leaf(2), *c = leaf(3),
              *seed = fv_full(2, .value = 1, .dtype = FV_FLOAT64);
    fv_tensor *leaves[] = {a, b, c};
    for (int create = 0; create < 2; create++) {
        fv_tensor *sum = fv_add(fv_add(a, b), fv_reshape(c, 2));
        ck_assert_int_eq(fv_backward(sum, seed, .create_graph = create), FV_OK);
        {
            FV_NO_GRAD;
            for (int k = 0; k < 3; k++) fv_mul_(fv_grad_of(leaves[k]), k + 2);
        }
        for (int k = 0; k < 3; k++) ck_assert(grad_value(leaves[k]) == k + 2);
        ASSERT_VALUES(seed, 0, 1, 1);
        for (int k = 0; k < 3; k++) fv_set_grad(leaves[k], NULL);
    }
}
END_TEST

/* A first pass's gradient is added to by the next one in place: nobody else may hold it. */
START_TEST(a_second_pass_adds_to_one_leaf_alone)
{
    FV_SCOPE;
    fv_tensor *a = leaf(1), *b = leaf(2);
    ck_assert_int_eq(fv_backward(fv_sum(fv_add(a, b))), FV_OK);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(a, 5))), FV_OK);
    ck_assert(grad_value(a) == 6.0);
    ck_assert(grad_value(b) == 1.0);
}
END_TEST

/* --- memory ----------------------------------------------------------------------------------- */

/* Each op in a scope of its own, so that only the graph holds the chain together. */
static fv_tensor *long_chain(fv_tensor *x, int length)
{
    fv_tensor *y = fv_retain(x);
    for (int k = 0; k < length; k++) {
        fv_tensor *next = NULL;
        {
            FV_SCOPE;
            next = fv_retain(fv_add(y, 1));
        }
        fv_release(y);
        y = next;
    }
    return y;
}

START_TEST(a_deep_graph_is_freed_without_deep_recursion)
{
    enum { LENGTH = 200000 };
    int64_t nodes = fv_memory_stats().live_nodes;
    {
        FV_SCOPE;
        fv_tensor *x = leaf(0);
        fv_tensor *y = long_chain(x, LENGTH);
        ck_assert_int_eq(fv_memory_stats().live_nodes, nodes + LENGTH);
        fv_release(y);
        ck_assert_int_eq(fv_memory_stats().live_nodes, nodes);
        y = long_chain(x, LENGTH);
        ASSERT_VALUES(y, 0, LENGTH, LENGTH);
        ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
        ck_assert(grad_value(x) == 1.0);
        fv_release(y);
    }
    ck_assert_int_eq(fv_memory_stats().live_nodes, nodes);
}
END_TEST

static double training_step(fv_tensor *w, fv_tensor *b, fv_tensor *x, fv_tensor *y)
{
    double loss_value = (double)NAN;
    {
        FV_SCOPE;
        fv_tensor *error = fv_sub(fv_add(fv_matmul(x, w), b), y);
        fv_tensor *loss = fv_mean(fv_mul(error, error));
        fv_set_grad(w, NULL);
        fv_set_grad(b, NULL);
        ck_assert_int_eq(fv_backward(loss), FV_OK);
        {
            FV_NO_GRAD;
            fv_tensor *next_w = fv_sub(w, fv_mul(fv_grad_of(w), 0.1));
            fv_tensor *next_b = fv_sub(b, fv_mul(fv_grad_of(b), 0.1));
            fv_copy_in(w, FV_FLOAT32, fv_data_float32(next_w));
            fv_copy_in(b, FV_FLOAT32, fv_data_float32(next_b));
        }
        loss_value = fv_item(loss);
    }
    return loss_value;
}

START_TEST(a_thousand_steps_ask_the_system_for_no_memory)
{
    FV_SCOPE;
    fv_manual_seed(1);
    fv_tensor *x = fv_randn(64, 20), *y = fv_randn(64, 5);
    fv_tensor *w = fv_randn(20, 5, .requires_grad = true);
    fv_tensor *b = fv_zeros(5, .requires_grad = true);
    double first = training_step(w, b, x, y), last = 0;
    for (int k = 0; k < 2; k++) training_step(w, b, x, y);
    fv_memory_info third = fv_memory_stats();
    for (int k = 0; k < 1000; k++) last = training_step(w, b, x, y);
    fv_memory_info end = fv_memory_stats();
    ck_assert_int_eq(end.system_allocs, third.system_allocs);
    ck_assert_int_eq(end.live_bytes, third.live_bytes);
    ck_assert_int_eq(end.live_tensors, third.live_tensors);
    ck_assert_int_eq(end.live_nodes, third.live_nodes);
    ck_assert(last < first);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("autograd");
    TCase *gradients = add_case(suite, "gradients");
    tcase_add_test(gradients, gradients_add_up_until_they_are_cleared);
    tcase_add_test(gradients, a_tensor_used_twice_gets_both_gradients);
    tcase_add_test(gradients, a_diamond_of_many_levels_runs_each_node_once);
    tcase_add_test(gradients, gradients_of_a_tensor_need_an_output_gradient);
    tcase_add_test(gradients, gradients_have_the_dtype_and_shape_of_their_leaf);
    TCase *graphs = add_case(suite, "graphs");
    tcase_add_test(graphs, a_second_backward_needs_retain_graph);
    tcase_add_test(graphs, backward_frees_the_graph_as_it_goes);
    tcase_add_test(graphs, create_graph_gives_higher_gradients);
    tcase_add_test(graphs, grad_takes_several_outputs_and_inputs_leaves_or_not);
    tcase_add_test(graphs, retain_grad_keeps_the_gradient_of_a_result);
    TCase *modes = add_case(suite, "modes");
    tcase_add_test(modes, no_grad_records_nothing_however_it_is_left);
    tcase_add_test(modes, only_floating_leaves_can_require_grad);
    tcase_add_test(modes, hooks_see_and_change_complete_gradients);
    tcase_add_test(modes, in_place_results_have_the_gradient_of_the_op);
    tcase_add_test(modes, in_place_writes_that_would_spoil_gradients_are_refused);
    tcase_add_test(modes, an_overwritten_saved_tensor_is_an_error_that_names_the_op);
    tcase_add_test(modes, an_overwritten_saved_output_is_an_error_that_names_the_op);
    tcase_add_test(gradients, leaves_do_not_share_their_gradients);
    tcase_add_test(gradients, a_second_pass_adds_to_one_leaf_alone);
    TCase *memory = add_case(suite, "memory");
    tcase_add_test(memory, a_deep_graph_is_freed_without_deep_recursion);
    tcase_add_test(memory, a_thousand_steps_ask_the_system_for_no_memory);
    return suite;
}
