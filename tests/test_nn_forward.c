/* fv_forward: several inputs and outputs, inputs left out, what is refused, and where a message
 * says it happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* --- a module of three inputs and three outputs ----------------------------------------------- */

/* y = x + h + c, h' = 2 h, c' = 3 c; what is left out counts as ones. The last output is NULL when
 * the context says so. */
static void cell_forward(fv_module *self, fv_tensor *const *in, fv_tensor **out)
{
    const bool *forgets = fv_module_context(self);
    fv_tensor *h = in[1] ? in[1] : fv_ones_like(in[0]);
    fv_tensor *c = in[2] ? in[2] : fv_ones_like(in[0]);
    out[0] = fv_add(in[0], fv_add(h, c));
    out[1] = fv_mul_scalar(h, 2);
    out[2] = *forgets ? NULL : fv_mul_scalar(c, 3);
}

static const fv_module_type cell_type = {.name = "Cell",
                                         .context_size = sizeof(bool),
                                         .forward_many = cell_forward,
                                         .input = {{"input", false}, {"h0", true}, {"c0", true}},
                                         .output = {"output", "h", "c"}};

static fv_tensor *numbers(double a, double b)
{
    return TENSOR(FV_FLOAT32, FV_SHAPE(2), a, b);
}

START_TEST(inputs_and_outputs_are_handed_on)
{
    fv_module *m = fv_module_new(&cell_type, NULL);
    {
        FV_SCOPE;
        fv_tensor *h, *c, *x = numbers(1, 2);
        fv_tensor *y = fv_forward(m, x, numbers(10, 20), numbers(100, 200), .out = {&h, &c});
        ASSERT_VALUES(y, 0, 111, 222);
        ASSERT_VALUES(h, 0, 20, 40);
        ASSERT_VALUES(c, 0, 300, 600);
        ASSERT_VALUES(fv_forward(m, x), 0, 3, 4);
        y = fv_forward(m, x, .out = {NULL, &c});
        ASSERT_VALUES(c, 0, 3, 3);
    }
    fv_free(m);
}
END_TEST

START_TEST(null_is_an_input_left_out_and_ends_nothing)
{
    fv_module *m = fv_module_new(&cell_type, NULL), *relu = fv_nn_relu();
    {
        FV_SCOPE;
        fv_tensor *x = numbers(1, -2);
        ASSERT_VALUES(fv_forward(m, x, NULL, numbers(100, 200)), 0, 102, 199);
        ASSERT_VALUES(fv_forward(m, x, NULL), 0, 3, 0);
        ASSERT_VALUES(fv_forward(relu, x, NULL), 0, 1, 0);
        ASSERT_VALUES(fv_forward(relu, x, NULL, NULL, NULL, NULL, NULL), 0, 1, 0);
    }
    fv_free(m);
    fv_free(relu);
}
END_TEST

START_TEST(gradients_pass_through_every_output)
{
    fv_module *m = fv_module_new(&cell_type, NULL);
    {
        FV_SCOPE;
        fv_tensor *h, *c, *x = fv_requires_grad(numbers(1, 2), true);
        fv_tensor *h0 = fv_requires_grad(numbers(3, 4), true);
        fv_tensor *y = fv_forward(m, x, h0, .out = {&h, &c});
        ck_assert_int_eq(fv_backward(fv_sum(fv_add(y, h))), FV_OK);
        ASSERT_VALUES(fv_grad_of(x), 0, 1, 1);
        ASSERT_VALUES(fv_grad_of(h0), 0, 3, 3);
    }
    fv_free(m);
}
END_TEST

/* --- errors ----------------------------------------------------------------------------------- */

static void expect_all_failed(const fv_tensor *y, fv_tensor *const *out, const char *part)
{
    ck_assert(fv_failed(y) && y != NULL);
    ck_assert_ptr_eq(out[0], fv_failed_tensor());
    ck_assert_ptr_eq(out[1], fv_failed_tensor());
    expect_error(FV_ERR_OPTION, part);
}

START_TEST(on_an_error_every_output_is_the_failed_tensor)
{
    fv_set_log(NULL, NULL);
    fv_module *m = fv_module_new(&cell_type, NULL), *relu = fv_nn_relu();
    {
        FV_SCOPE;
        fv_tensor *x = numbers(1, 2), *out[2];
        expect_all_failed(fv_forward(m, NULL, x, .out = {&out[0], &out[1]}), out,
                          "Cell: the input is NULL");
        expect_all_failed(fv_forward(m, x, x, x, x, .out = {&out[0], &out[1]}), out,
                          "Cell: input 4 is given; it takes 3");
        expect_all_failed(fv_forward(relu, x, x, .out = {&out[0], &out[1]}), out,
                          "ReLU: input 2 is given; it takes 1");
        expect_all_failed(fv_forward(relu, x, .out = {&out[0], &out[1]}), out,
                          "ReLU: .out asks for output 2; it has 1");
        expect_all_failed(fv_forward(NULL, x, .out = {&out[0], &out[1]}), out, "module is NULL");
        fv_tensor *y = fv_forward(m, x, fv_ones(3), .out = {&out[0], &out[1]});
        ck_assert_ptr_eq(out[0], fv_failed_tensor());
        ck_assert_ptr_eq(out[1], fv_failed_tensor());
        ck_assert(fv_failed(y));
        expect_error(FV_ERR_SHAPE, "(Cell): add: ");
        y = fv_forward(m, x, fv_failed_tensor(), .out = {&out[0]}); /* whoever failed has told */
        ck_assert(fv_failed(y) && fv_failed(out[0]));
        ck_assert_int_eq(fv_error_status(), FV_OK);
    }
    fv_free(m);
    fv_free(relu);
}
END_TEST

START_TEST(an_output_that_was_asked_for_is_there)
{
    fv_set_log(NULL, NULL);
    fv_module *m = fv_module_new(&cell_type, &(bool){true});
    {
        FV_SCOPE;
        fv_tensor *h, *c, *x = numbers(1, 2);
        ASSERT_VALUES(fv_forward(m, x, .out = {&h}), 0, 3, 4);
        ck_assert(fv_failed(fv_forward(m, x, .out = {&h, &c})));
        ck_assert(fv_failed(h) && fv_failed(c));
        expect_error(FV_ERR_STATE, "forward left output \"c\" NULL");
    }
    fv_free(m);
}
END_TEST

static fv_tensor *first_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return x;
}

START_TEST(a_type_says_what_it_takes)
{
    fv_set_log(NULL, NULL);
    static const fv_module_type bad[] = {
        {.name = "NoInput", .forward_many = cell_forward, .output = {"output"}},
        {.name = "NoOutput", .forward_many = cell_forward, .input = {{"input", false}}},
        {.name = "Both",
         .forward = first_forward,
         .forward_many = cell_forward,
         .input = {{"input", false}},
         .output = {"output"}},
    };
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(fv_module_new(&bad[i], NULL));
        expect_error(FV_ERR_OPTION, "names its inputs and outputs");
    }
}
END_TEST

/* --- small modules ---------------------------------------------------------------------------- */

START_TEST(nothing_and_identity_give_their_input)
{
    fv_module *none = fv_sequential(), *same = fv_nn_identity();
    {
        FV_SCOPE;
        fv_tensor *x = numbers(1, 2);
        ck_assert_ptr_eq(fv_forward(none, x), x);
        ck_assert_ptr_eq(fv_forward(same, x), x);
    }
    char *text = fv_module_to_string(same);
    ck_assert_str_eq(text, "Identity()");
    free(text);
    ck_assert_int_eq(fv_module_append(none, same), FV_OK);
    fv_free(none);
    fv_free(NULL);
    fv_set_log(NULL, NULL);
    int number = 0;
    fv_free((void *)&number);
    expect_error(FV_ERR_OPTION, "void pointer");
}
END_TEST

static fv_tensor *parent_forward(fv_module *self, fv_tensor *x)
{
    return fv_child(self, "body.0", fv_child(self, "cell", x, NULL, x));
}

START_TEST(a_child_is_called_by_its_name)
{
    static const fv_module_type type = {.name = "Parent", .forward = parent_forward};
    fv_module *m = fv_module_new(&type, NULL);
    fv_module_add_child(m, "cell", fv_module_new(&cell_type, NULL));
    fv_module_add_child(m, "body", fv_sequential(fv_nn_relu()));
    {
        FV_SCOPE;
        ASSERT_VALUES(fv_forward(m, numbers(1, -2)), 0, 3, 0);
    }
    fv_free(m);
    fv_set_log(NULL, NULL);
    m = fv_module_new(&type, NULL);
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_forward(m, numbers(1, 2))));
    }
    expect_error(FV_ERR_INDEX, "(Parent): Parent: no child \"");
    fv_free(m);
}
END_TEST

/* --- modules that failed ---------------------------------------------------------------------- */

static int freed;
static void count_free(void *context)
{
    (void)context;
    freed++;
}

static const fv_module_type counted_type = {
    .name = "Counted", .context_size = 1, .forward = first_forward, .context_free = count_free};

/* A module that nobody has finished. */
static fv_module *broken(void)
{
    fv_module *m = fv_module_new(&counted_type, NULL);
    fv_module_add_buffer(m, "a.b", NULL);
    return m;
}

START_TEST(a_refused_child_is_freed_once_however_often_it_stands_in_the_list)
{
    fv_set_log(NULL, NULL);
    fv_module *c = broken();
    freed = 0;
    ck_assert_ptr_null(fv_sequential(c, c));
    ck_assert_int_eq(freed, 1);
    c = broken();
    ck_assert_ptr_null(fv_module_list(c, fv_nn_relu(), c, NULL, c));
    ck_assert_int_eq(freed, 2);
    c = fv_module_new(&counted_type, NULL); /* whole, but in bad company */
    ck_assert_ptr_null(fv_sequential(c, NULL, c));
    ck_assert_int_eq(freed, 3);
    c = fv_module_new(&counted_type, NULL);
    fv_clear_error();
    fv_module *shared = fv_sequential(c, c);
    ck_assert_ptr_nonnull(shared);
    fv_free(shared);
    ck_assert_int_eq(freed, 4);
    ck_assert_ptr_null(fv_sequential_from((fv_modules){NULL, 3}));
    expect_error(FV_ERR_OPTION, "list of 3 children is missing");
    ck_assert_ptr_null(fv_module_list_from((fv_modules){&c, -1}));
    expect_error(FV_ERR_OPTION, "list of -1 children is missing");
}
END_TEST

/* --- where it happened ------------------------------------------------------------------------ */

enum { LAYERS = 50 };

/* 50 linear layers, nested: in blocks of ten, each in two lists of five; layer `bad` wants another
 * width. */
static fv_module *deep_net(int bad)
{
    fv_module *net = fv_sequential();
    for (int block = 0; block < 5; block++) {
        fv_module *outer = fv_sequential();
        for (int half = 0; half < 2; half++) {
            fv_module *inner = fv_sequential();
            for (int i = 0; i < 5; i++) {
                int number = block * 10 + half * 5 + i;
                fv_module_append(inner, fv_nn_linear(number == bad ? 3 : 2, 2));
            }
            fv_module_append(outer, inner);
        }
        fv_module_append(net, outer);
    }
    return net;
}

START_TEST(a_message_says_which_of_fifty_layers)
{
    fv_set_log(NULL, NULL);
    for (int bad = 0; bad < LAYERS; bad++) {
        char where[64];
        fv_module *net = deep_net(bad);
        snprintf(where, sizeof where, "%d.%d.%d (Linear): linear: ", bad / 10, bad / 5 % 2,
                 bad % 5);
        {
            FV_SCOPE;
            ck_assert(fv_failed(fv_forward(net, fv_ones(4, 2))));
        }
        ck_assert_msg(strncmp(fv_error(), where, strlen(where)) == 0, "%s: %s", where, fv_error());
        fv_clear_error();
        fv_free(net);
    }
}
END_TEST

static fv_tensor *spoiled_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    fv_tensor *y = fv_exp(x);
    fv_bump_version(y); /* exp's gradient reads its result */
    return y;
}

START_TEST(so_does_one_from_backward)
{
    static const fv_module_type type = {.name = "Spoiled", .forward = spoiled_forward};
    fv_set_log(NULL, NULL);
    fv_module *net = deep_net(-1);
    fv_module_append(fv_get_child(net, "3.1"), fv_module_new(&type, NULL));
    {
        FV_SCOPE;
        fv_tensor *y = fv_forward(net, fv_ones(4, 2));
        ck_assert_int_eq(fv_backward(fv_sum(y)), FV_ERR_AUTOGRAD);
    }
    ck_assert_msg(strstr(fv_error(), "3.1.5 (Spoiled)") != NULL, "%s", fv_error());
    fv_clear_error();
    fv_free(net);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("forward");
    TCase *calls = add_case(suite, "calls");
    tcase_add_test(calls, inputs_and_outputs_are_handed_on);
    tcase_add_test(calls, null_is_an_input_left_out_and_ends_nothing);
    tcase_add_test(calls, gradients_pass_through_every_output);
    tcase_add_test(calls, on_an_error_every_output_is_the_failed_tensor);
    tcase_add_test(calls, an_output_that_was_asked_for_is_there);
    tcase_add_test(calls, a_type_says_what_it_takes);
    TCase *small = add_case(suite, "small modules");
    tcase_add_test(small, nothing_and_identity_give_their_input);
    tcase_add_test(small, a_child_is_called_by_its_name);
    tcase_add_test(small, a_refused_child_is_freed_once_however_often_it_stands_in_the_list);
    TCase *where = add_case(suite, "where it happened");
    tcase_add_test(where, a_message_says_which_of_fifty_layers);
    tcase_add_test(where, so_does_one_from_backward);
    return suite;
}
