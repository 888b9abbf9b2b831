/* fv_backward returns FV_OK only when no error stands: one that a gradient or a hook makes ends the
 * pass, whatever they hand back. Lists without items are told. */
#include "support.h"

/* --- an op whose gradient goes wrong ---------------------------------------------------------- */

enum { LEAVES_NOTHING, GIVES_SOMETHING, GIVES_FAILED };
static int behaviour;

static fv_status copy_infer(fv_call *c)
{
    fv_output_like(c, 0, c->in[0]);
    return FV_OK;
}

static void copy_forward(fv_call *c)
{
    fv_copy_elements(c->out[0], c->in[0]);
}

static void copy_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    fv_tensor *failed = fv_add(gout[0], fv_ones(7));
    if (behaviour == GIVES_SOMETHING) gin[0] = gout[0];
    if (behaviour == GIVES_FAILED) gin[0] = failed;
}

static const fv_op copy_op = {.name = "my_copy",
                              .inputs = 1,
                              .outputs = 1,
                              .infer = copy_infer,
                              .forward = copy_forward,
                              .gradient = copy_gradient};

static fv_tensor *leaf(void)
{
    return fv_requires_grad(TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, 2), true);
}

START_TEST(an_error_of_a_gradient_is_the_status_of_backward)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    for (behaviour = LEAVES_NOTHING; behaviour <= GIVES_FAILED; behaviour++) {
        fv_tensor *x = leaf(), *grads[1];
        fv_tensor *y = fv_sum(fv_apply(&copy_op, NULL, 1, &x));
        ck_assert_int_eq(fv_backward(y, .retain_graph = true), FV_ERR_SHAPE);
        expect_error(FV_ERR_SHAPE, "add: ");
        ck_assert_ptr_null(fv_grad_of(x)); /* no garbage arrived */
        ck_assert_int_eq(fv_grad(FV_TENSORS(y), FV_TENSORS(x), grads, .allow_unused = true),
                         FV_ERR_SHAPE);
        ck_assert(fv_failed(grads[0]) && grads[0]);
        expect_error(FV_ERR_SHAPE, "add: ");
    }
}
END_TEST

START_TEST(a_failed_gradient_argument_is_its_status)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(), *y = fv_mul(x, x);
    fv_tensor *g = fv_add(x, fv_ones(3));
    ck_assert_int_eq(fv_backward(y, g), FV_ERR_SHAPE);
    fv_clear_error();
    ck_assert_int_ne(fv_backward(y, g), FV_OK); /* the error was cleared, the tensor is failed */
    fv_clear_error();
    ck_assert_ptr_null(fv_grad_of(x));
}
END_TEST

START_TEST(an_older_error_is_not_hidden)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf();
    fv_add(x, fv_ones(3));
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(x, x))), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "add: ");
    ASSERT_VALUES(fv_grad_of(x), 0, 2, 4); /* it had nothing to do with them */
}
END_TEST

/* --- hooks ------------------------------------------------------------------------------------ */

static fv_tensor *failing_hook(fv_tensor *grad, void *context)
{
    (void)context;
    fv_add(grad, fv_ones(7));
    return NULL;
}

static void failing_after(fv_tensor *t, void *context)
{
    (void)context;
    fv_add(t, fv_ones(7));
}

START_TEST(an_error_of_a_hook_is_the_status_of_backward)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf();
    fv_register_hook(x, failing_hook, NULL);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(x, x))), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "add: ");
    fv_tensor *w = leaf(), *y = fv_mul(w, w);
    fv_register_hook(y, failing_hook, NULL);
    ck_assert_int_eq(fv_backward(fv_sum(y)), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "add: ");
    fv_tensor *v = leaf();
    fv_register_post_accumulate_grad_hook(v, failing_after, NULL);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(v, v))), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "add: ");
    ck_assert_int_eq(fv_backward(v, fv_ones(2)), FV_ERR_SHAPE); /* a root that is a leaf */
    expect_error(FV_ERR_SHAPE, "add: ");
}
END_TEST

/* --- lists without items ---------------------------------------------------------------------- */

static fv_tensor *sum_of_squares(fv_tensor *const *x, void *context)
{
    (void)context;
    return fv_sum(fv_mul(x[0], x[0]));
}

START_TEST(a_list_without_items_is_told)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    const fv_tensor_list none = {NULL, 2}, negative = {NULL, -2};
    fv_tensor *x = leaf(), *y = fv_sum(fv_mul(x, x)), *grads[2];
    ck_assert_int_ne(fv_grad(none, FV_TENSORS(x), grads), FV_OK);
    expect_error(FV_ERR_OPTION, "grad: the list of outputs is missing");
    ck_assert_int_ne(fv_grad(FV_TENSORS(y), none, grads), FV_OK);
    expect_error(FV_ERR_OPTION, "grad: the list of inputs is missing");
    ck_assert_int_ne(fv_grad(FV_TENSORS(y), FV_TENSORS(x), grads, none), FV_OK);
    expect_error(FV_ERR_OPTION, "grad: the list of grad_outputs is missing");
    ck_assert_int_ne(fv_grad(FV_TENSORS(y), negative, grads), FV_OK);
    expect_error(FV_ERR_OPTION, "grad: the list of inputs is missing");
    ck_assert(!fv_gradcheck(sum_of_squares, none));
    ck_assert(!fv_gradgradcheck(sum_of_squares, none));
    ck_assert(fv_failed(fv_cat(none)));
    expect_error(FV_ERR_OPTION, "cat: ");
    ck_assert(fv_failed(fv_stack(negative)));
    expect_error(FV_ERR_OPTION, "stack: ");
    ck_assert_ptr_null(fv_sgd(none));
    expect_error(FV_ERR_OPTION, "sgd: ");
    fv_clip_grad_norm_(none, 1.0);
    expect_error(FV_ERR_OPTION, "clip_grad_norm_: the list");
    fv_clip_grad_norm_(negative, 1.0);
    expect_error(FV_ERR_OPTION, "clip_grad_norm_: the list");
    ck_assert_int_ne(fv_clip_grad_value_(none, 1.0), FV_OK);
    expect_error(FV_ERR_OPTION, "clip_grad_value_: the list");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("errors in backward");
    TCase *errors = add_case(suite, "errors");
    tcase_add_test(errors, an_error_of_a_gradient_is_the_status_of_backward);
    tcase_add_test(errors, a_failed_gradient_argument_is_its_status);
    tcase_add_test(errors, an_older_error_is_not_hidden);
    tcase_add_test(errors, an_error_of_a_hook_is_the_status_of_backward);
    tcase_add_test(errors, a_list_without_items_is_told);
    return suite;
}
