/* Inspection: what modules, functions and single ops say of themselves; that nothing else is
 * changed; the printed table. Counts of known networks: test_inspect_counts.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* --- records ---------------------------------------------------------------------------------- */

static const fv_layer_info *all_of(const fv_inspection *seen)
{
    return fv_inspection_layer(seen, 0);
}

static fv_module *two_levels(void)
{
    fv_module *net = fv_sequential(
        fv_sequential(fv_nn_conv2d(1, 2, 3), fv_nn_batch_norm2d(2), fv_nn_relu()),
        fv_nn_residual(fv_sequential(fv_nn_conv2d(2, 2, 3, .padding = 1)), .relu = true),
        fv_nn_dropout(0.5), fv_nn_flatten(), fv_nn_linear(2 * 4 * 4, 3));
    fv_requires_grad(fv_module_tensor(fv_get_child(net, "4"), "bias"), false);
    return net;
}

START_TEST(records_stand_in_the_order_of_the_tree)
{
    static const struct {
        const char *path, *kind;
        int depth;
    } wanted[] = {{"", "Sequential", 0},     {"0", "Sequential", 1},
                  {"0.0", "Conv2d", 2},      {"0.0", "conv2d", 3},
                  {"0.1", "BatchNorm2d", 2}, {"0.1", "batch_norm", 3},
                  {"0.2", "ReLU", 2},        {"0.2", "relu", 3},
                  {"1", "Residual", 1},      {"1.body", "Sequential", 2},
                  {"1.body.0", "Conv2d", 3}, {"1.body.0", "conv2d", 4},
                  {"1", "add", 2},           {"1", "relu", 2},
                  {"2", "Dropout", 1},       {"3", "Flatten", 1},
                  {"3", "flatten", 2},       {"4", "Linear", 1},
                  {"4", "linear", 2}};
    fv_module *net = two_levels();
    fv_inspection *seen = fv_inspect(net, 5, 1, 6, 6);
    const int64_t count = (int64_t)(sizeof wanted / sizeof *wanted);
    ck_assert_int_eq(fv_inspection_layers(seen), count);
    for (int64_t k = 0; k < count; k++) {
        const fv_layer_info *info = fv_inspection_layer(seen, k);
        ck_assert_str_eq(info->path, wanted[k].path);
        ck_assert_str_eq(info->kind, wanted[k].kind);
        ck_assert_int_eq(info->depth, wanted[k].depth);
        ck_assert(info->is_op == (wanted[k].kind[0] >= 'a'));
        ck_assert(!info->repeated);
    }
    const fv_layer_info *conv = fv_inspection_layer(seen, 3), *layer = fv_inspection_layer(seen, 2);
    ck_assert_ptr_nonnull(strstr(layer->options, "1, 2, kernel_size=(3, 3)"));
    ck_assert_ptr_nonnull(strstr(conv->options, "stride=1"));
    ck_assert_str_eq(fv_shape_text(&conv->input), "[5,1,6,6]");
    ck_assert_str_eq(fv_shape_text(&conv->output), "[5,2,4,4]");
    ck_assert_int_eq(conv->parameters, 20);
    ck_assert_int_eq(layer->parameters, 20);
    ck_assert_int_eq(conv->multiply_adds, 5 * 2 * 4 * 4 * 9);
    ck_assert_int_eq(layer->multiply_adds, conv->multiply_adds);
    ck_assert_int_eq(all_of(seen)->parameters, 20 + 4 + 38 + 99);
    ck_assert_int_eq(all_of(seen)->trainable, 20 + 4 + 38 + 96);
    ck_assert_int_eq(all_of(seen)->multiply_adds, 5 * (2 * 16 * 9 + 2 * 16 * 18 + 3 * 32));
    ck_assert_int_eq(all_of(seen)->bias_adds, 5 * (32 + 32 + 3));
    ck_assert_ptr_null(fv_inspection_layer(seen, count));
    ck_assert_ptr_null(fv_inspection_layer(seen, -1));
    fv_free(seen);
    fv_free(net);
}
END_TEST

static fv_tensor *twice_forward(fv_module *self, fv_tensor *x)
{
    return fv_child(self, "layer", fv_child(self, "layer", x));
}

static const fv_module_type twice_type = {.name = "Twice", .forward = twice_forward};

START_TEST(what_runs_twice_counts_its_parameters_once)
{
    fv_module *net = fv_module_new(&twice_type, NULL);
    fv_module_add_child(net, "layer", fv_nn_conv2d(2, 2, 3, .padding = 1));
    fv_inspection *seen = fv_inspect(net, 1, 2, 8, 8);
    ck_assert_int_eq(fv_inspection_layers(seen), 5);
    ck_assert(!fv_inspection_layer(seen, 1)->repeated);
    ck_assert(fv_inspection_layer(seen, 3)->repeated);
    ck_assert_int_eq(all_of(seen)->parameters, 38);
    ck_assert_int_eq(all_of(seen)->multiply_adds, 2 * 64 * 36);
    ck_assert_double_eq(all_of(seen)->field.size[0], 5);
    fv_free(seen);
    fv_free(net);
}
END_TEST

static fv_tensor *call_twice(fv_tensor *const *in, void *context)
{
    fv_module *layer = context;
    return fv_forward(layer, fv_forward(layer, in[0]));
}

START_TEST(what_two_parents_share_counts_once)
{
    FV_SCOPE;
    fv_module *layer = fv_nn_conv2d(2, 2, 3, .padding = 1);
    fv_inspection *seen = fv_inspect_function(call_twice, layer, FV_TENSORS(fv_empty(1, 2, 8, 8)));
    ck_assert_int_eq(all_of(seen)->parameters, 38);
    ck_assert_int_eq(all_of(seen)->multiply_adds, 2 * 64 * 36);
    fv_free(seen);
    fv_module *net = fv_sequential(layer, fv_nn_relu());
    fv_module_add_child(net, "again", layer);
    seen = fv_inspect(net, 1, 2, 8, 8);
    ck_assert_int_eq(all_of(seen)->parameters, 38);
    ck_assert_int_eq(fv_inspection_memory_of(seen).parameter_bytes, 4 * 38);
    fv_free(seen);
    fv_free(net);
}
END_TEST

/* --- functions -------------------------------------------------------------------------------- */

static fv_tensor *one_op(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_conv2d(in[0], in[1], in[2], .stride = 2, .padding = 1);
}

START_TEST(a_single_op)
{
    FV_SCOPE;
    fv_tensor *x = fv_empty(2, 3, 9, 9);
    fv_tensor *w = fv_empty(4, 3, 3, 3, .requires_grad = true);
    fv_inspection *seen = fv_inspect_function(one_op, NULL, FV_TENSORS(x, w, NULL));
    ck_assert_int_eq(fv_inspection_layers(seen), 2);
    const fv_layer_info *all = all_of(seen), *op = fv_inspection_layer(seen, 1);
    ck_assert_str_eq(all->kind, "function");
    ck_assert_str_eq(op->kind, "conv2d");
    ck_assert_int_eq(op->depth, 1);
    ck_assert_str_eq(fv_shape_text(&all->output), "[2,4,5,5]");
    ck_assert_int_eq(all->parameters, 108);
    ck_assert_int_eq(op->parameters, 108);
    ck_assert_int_eq(all->multiply_adds, 2 * 4 * 25 * 27);
    ck_assert_int_eq(all->bias_adds, 0);
    ck_assert_double_eq(all->field.size[1], 3);
    ck_assert_double_eq(all->field.stride[1], 2);
    ck_assert_double_eq(all->field.padding[1], 1);
    ck_assert_int_eq(fv_inspection_memory_of(seen).input_bytes, 4 * 2 * 3 * 81);
    ck_assert_int_eq(fv_inspection_memory_of(seen).parameter_bytes, 4 * 108);
    fv_free(seen);
}
END_TEST

typedef struct parts {
    fv_module *body, *head;
} parts;

static fv_tensor *residual(fv_tensor *const *in, void *context)
{
    const parts *p = context;
    return fv_forward(p->head, fv_relu(fv_add(in[0], fv_forward(p->body, in[0]))));
}

START_TEST(a_function_of_modules)
{
    FV_SCOPE;
    parts p = {fv_nn_conv2d(2, 2, 3, .padding = 1), fv_nn_conv2d(2, 4, 1)};
    fv_inspection *seen = fv_inspect_function(residual, &p, FV_TENSORS(fv_empty(1, 2, 8, 8)));
    static const char *const kinds[] = {"function", "Conv2d", "conv2d", "add",
                                        "relu",     "Conv2d", "conv2d"};
    ck_assert_int_eq(fv_inspection_layers(seen), 7);
    for (int k = 0; k < 7; k++) ck_assert_str_eq(fv_inspection_layer(seen, k)->kind, kinds[k]);
    ck_assert_int_eq(all_of(seen)->parameters, 38 + 12);
    ck_assert_int_eq(all_of(seen)->multiply_adds, 64 * (36 + 8));
    ck_assert_double_eq(all_of(seen)->field.size[0], 3);
    fv_free(seen);
    fv_free(p.body);
    fv_free(p.head);
}
END_TEST

/* --- no trace --------------------------------------------------------------------------------- */

START_TEST(nothing_else_is_changed)
{
    char difference[128];
    fv_manual_seed(3);
    fv_module *net = two_levels();
    fv_eval(fv_get_child(net, "0.1"));
    FV_SCOPE;
    fv_tensor *mean = fv_module_tensor(fv_get_child(net, "0.1"), "running_mean");
    const uint32_t version = fv_version(mean);
    const fv_tensor_list parameters = fv_parameters(net);
    const memory_mark mark = mark_memory();
    for (int training = 0; training < 2; training++) {
        fv_inspection *seen = fv_inspect(net, 5, 1, 6, 6, .training = training);
        ck_assert_ptr_nonnull(seen);
        /* in training dropout is there, and batch norm sees the batch */
        ck_assert(fv_inspection_layers(seen) == 19 + training);
        ck_assert(fv_inspection_layer(seen, 4)->field.whole == training);
        fv_free(seen);
    }
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    ck_assert(fv_is_training(net) && fv_is_training(fv_get_child(net, "0")));
    ck_assert(!fv_is_training(fv_get_child(net, "0.1")));
    ck_assert_uint_eq(fv_version(mean), version);
    ck_assert(fv_fusion_enabled() && fv_grad_enabled() && !fv_shapes_only_enabled());
    ck_assert_ptr_null(fv_grad_of(parameters.items[0]));
    ck_assert_int_eq(fv_error_status(), FV_OK);
    const double next = fv_item(fv_rand(1));
    fv_manual_seed(3);
    fv_module *same = two_levels();
    ck_assert_double_eq(fv_item(fv_rand(1)), next);
    fv_free(same);
    fv_free(net);
}
END_TEST

/* The tape of training keeps what inference lets go. */
START_TEST(memory_is_that_of_the_run)
{
    fv_module *net = fv_sequential(fv_nn_conv2d(1, 8, 3, .padding = 1), fv_nn_tanh(),
                                   fv_nn_conv2d(8, 8, 3, .padding = 1), fv_nn_tanh(),
                                   fv_nn_conv2d(8, 1, 3, .padding = 1));
    fv_inspection *seen = fv_inspect(net, 4, 1, 32, 32);
    fv_inspection *trained = fv_inspect(net, 4, 1, 32, 32, .training = true);
    const int64_t map = 4 * 8 * 32 * 32 * 4;
    const int64_t less = fv_inspection_memory_of(seen).forward_bytes;
    const int64_t more = fv_inspection_memory_of(trained).forward_bytes;
    ck_assert_int_eq(fv_inspection_memory_of(seen).input_bytes, 4 * 32 * 32 * 4);
    ck_assert_int_ge(less, 2 * map);
    if (!getenv("FOVEA_CONV_ALGORITHM")) ck_assert_int_lt(less, 4 * map); /* scratch of any size */
    ck_assert_int_ge(more, 2 * map);
    ck_assert_int_gt(more, less);
    fv_free(seen);
    fv_free(trained);
    fv_free(net);
}
END_TEST

static fv_tensor *nothing(fv_tensor *const *in, void *context)
{
    (void)in, (void)context;
    return NULL;
}

static fv_tensor *reads_elements(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_item(fv_sum(in[0])) > 0 ? in[0] : fv_failed_tensor();
}

START_TEST(refusals)
{
    fv_set_log(NULL, NULL);
    FV_SCOPE;
    fv_module *net = two_levels();
    const fv_tensor_list one = FV_TENSORS(fv_empty(1, 1, 4, 4));
    const memory_mark mark = mark_memory();
    char difference[128];
    ck_assert_ptr_null(fv_inspect(net, 1, 2, 6, 6));
    expect_error(FV_ERR_SHAPE, "0.0 (Conv2d): conv2d: input [1,2,6,6] has 2 channels");
    ck_assert(fv_is_training(net));
    ck_assert_ptr_null(fv_inspect(net, 1, 1, -6, 6));
    ck_assert_int_ne(fv_error_status(), FV_OK);
    fv_clear_error();
    ck_assert(!fv_receptive_field_of(net, 1, 2, 6, 6).known);
    expect_error(FV_ERR_SHAPE, "conv2d");
    ck_assert_int_eq(fv_summary(net, 1, 2, 6, 6), FV_ERR_SHAPE);
    fv_clear_error();
    ck_assert_int_eq(fv_summary(net, 1, 1, 6, 6, .depth = -1), FV_ERR_OPTION);
    fv_clear_error();
    ck_assert_ptr_null(fv_inspect_function(nothing, NULL, one));
    expect_error(FV_ERR_OPTION, "inspect: the function has returned NULL");
    ck_assert_ptr_null(fv_inspect_function(reads_elements, NULL, one));
    expect_error(FV_ERR_STATE, "only a shape");
    ck_assert_ptr_null(fv_inspect_function(one_op, NULL, (fv_tensor_list){NULL, 0}));
    expect_error(FV_ERR_OPTION, "there are no inputs");
    ck_assert_ptr_null(fv_inspect_function(one_op, NULL, FV_TENSORS(NULL, NULL, NULL)));
    expect_error(FV_ERR_OPTION, "is NULL");
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    fv_free(net);
}
END_TEST

START_TEST(any_allocation_may_fail)
{
    char difference[128];
    fv_set_log(NULL, NULL);
    fv_module *net = two_levels();
    int failures = 0, calm = 0;
    fv_free(fv_inspect(net, 1, 1, 6, 6));
    for (int n = 0; n < 5000 && calm < 32; n++) {
        const memory_mark mark = mark_memory();
        set_context("allocation %d", n);
        fv_inject_alloc_failure(n);
        fv_inspection *seen = fv_inspect(net, 1, 1, 6, 6);
        fv_inject_alloc_failure(-1);
        const bool right = seen && fv_inspection_layers(seen) == 19 &&
                           all_of(seen)->parameters == 161 && all_of(seen)->field.known;
        if (seen && !right) note_failure("a wrong inspection");
        if (!seen && fv_error_status() == FV_OK) note_failure("NULL without an error");
        failures += !seen;
        calm = seen ? calm + 1 : 0;
        fv_free(seen);
        fv_clear_error();
        if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
    }
    ck_assert(fv_is_training(net));
    ck_assert(no_failures());
    ck_assert_int_gt(failures, 20);
    fv_free(net);
}
END_TEST

/* --- the table -------------------------------------------------------------------------------- */

static char *printed(fv_module *net, int64_t depth)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fv_summary(net, 1, 1, 6, 6, .depth = depth, .file = file), FV_OK);
    fclose(file);
    return text;
}

START_TEST(the_table)
{
    fv_module *net = two_levels();
    char *text = printed(net, 3);
    static const char *const lines[] = {
        "Sequential                     [1,3]                 --             --  whole\n",
        "│    └─Conv2d (0): 2-1         [1,2,4,4]             20            288  3/1/0\n",
        "│    │    └─Conv2d (0): 3-1    [1,2,4,4]             38            576  5/1/1\n",
        "│    └─add                     [1,2,4,4]             --             --  5/1/1\n",
        "├─Flatten (3): 1-4             [1,32]                --             --  unknown\n",
        "├─Linear (4): 1-5              [1,3]                 99             96  whole\n",
        "Parameters: 161\n",
        "Not trainable: 3\n",
        "Multiply-adds: 960\n",
        "Additions of a bias: 67\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no line %s in:\n%s", lines[i], text);
    ck_assert_ptr_null(strstr(text, "conv2d")); /* of a layer its ops are not shown */
    free(text);
    text = printed(net, 1); /* what has no rows below says its sums itself */
    ck_assert_msg(
        strstr(text,
               "├─Residual (1): 1-2         [1,2,4,4]             38            576  5/1/1\n") !=
            NULL,
        "%s", text);
    ck_assert_ptr_null(strstr(text, "2-1"));
    free(text);
    fv_inspection *seen = fv_inspect(net, 1, 1, 6, 6);
    fv_inspection_print(seen, 0, NULL);
    fv_free(seen);
    text = printed(net, 0);
    ck_assert_msg(strstr(text, "Sequential                  [1,3]                161") != NULL,
                  "%s", text);
    free(text);
    fv_free(net);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("inspection");
    TCase *records = add_case(suite, "records");
    tcase_add_test(records, records_stand_in_the_order_of_the_tree);
    tcase_add_test(records, what_runs_twice_counts_its_parameters_once);
    tcase_add_test(records, what_two_parents_share_counts_once);
    tcase_add_test(records, a_single_op);
    tcase_add_test(records, a_function_of_modules);
    TCase *traces = add_case(suite, "traces");
    tcase_add_test(traces, nothing_else_is_changed);
    tcase_add_test(traces, memory_is_that_of_the_run);
    tcase_add_test(traces, refusals);
    tcase_add_test(traces, any_allocation_may_fail);
    TCase *table = add_case(suite, "table");
    tcase_add_test(table, the_table);
    return suite;
}
