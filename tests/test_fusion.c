/* Containers that run neighbours in one pass: the values, gradients and buffers of the layers one
 * by one, in every mode; what is taken and what is not; what observers see; errors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MOST_RESULTS = 64, MOST_OPS = 64 };

/* --- networks of one kind of neighbours each -------------------------------------------------- */

typedef struct network {
    const char *name;
    fv_module *(*make)(fv_dtype dtype);
    fv_shape input;
} network;

static fv_module *conv(int64_t in, int64_t out, bool bias, fv_dtype dtype)
{
    return fv_nn_conv2d(in, out, 3, .padding = 1, .bias = bias, .dtype = dtype);
}

static fv_module *norm(int64_t channels, fv_dtype dtype)
{
    return fv_nn_batch_norm2d(channels, .dtype = dtype);
}

static fv_module *convolutions(fv_dtype d)
{
    return fv_sequential(conv(3, 5, true, d), fv_nn_relu(), conv(5, 17, false, d),
                         fv_nn_relu(.inplace = true),
                         fv_nn_conv_transpose2d(17, 2, 3, .stride = 2, .dtype = d), fv_nn_relu());
}

static fv_module *padded(fv_dtype d)
{
    return fv_sequential(
        fv_nn_conv2d(3, 4, 3, .padding = 1, .padding_mode = FV_PAD_REFLECT, .dtype = d), norm(4, d),
        fv_nn_relu(), fv_nn_conv2d(4, 4, 3, .groups = 4, .padding = FV_SAME, .dtype = d),
        fv_nn_relu());
}

static fv_module *normalised(fv_dtype d)
{
    return fv_sequential(conv(3, 6, true, d), norm(6, d), fv_nn_relu(), conv(6, 6, false, d),
                         norm(6, d), fv_nn_conv_transpose2d(6, 3, 2, .stride = 2, .dtype = d),
                         fv_nn_batch_norm2d(3, .affine = false, .dtype = d), fv_nn_relu());
}

static fv_module *in_one_dimension(fv_dtype d)
{
    return fv_sequential(fv_nn_conv1d(3, 4, 3, .dtype = d), fv_nn_batch_norm1d(4, .dtype = d),
                         fv_nn_relu(), fv_nn_conv1d(4, 2, 2, .dtype = d), fv_nn_relu());
}

static fv_module *in_three_dimensions(fv_dtype d)
{
    return fv_sequential(fv_nn_conv3d(2, 4, 3, .padding = 1, .dtype = d),
                         fv_nn_batch_norm3d(4, .dtype = d), fv_nn_relu());
}

static fv_module *dense(fv_dtype d)
{
    return fv_sequential(fv_nn_linear(7, 20, .dtype = d), fv_nn_relu(),
                         fv_nn_linear(20, 6, .bias = false, .dtype = d), fv_nn_relu(),
                         fv_nn_batch_norm1d(6, .dtype = d), fv_nn_relu());
}

/* Statistics of the batch also in evaluation; two norms; a norm of another rank's layer. */
static fv_module *untracked(fv_dtype d)
{
    return fv_sequential(conv(3, 4, true, d),
                         fv_nn_batch_norm2d(4, .track_running_stats = false, .dtype = d),
                         norm(4, d), fv_nn_relu(), fv_nn_relu());
}

static fv_module *nested(fv_dtype d)
{
    return fv_sequential(fv_sequential(conv(3, 4, false, d), norm(4, d)), fv_nn_relu(),
                         fv_sequential(fv_sequential(conv(4, 3, true, d))), fv_nn_relu(),
                         fv_sequential(), fv_nn_relu(), fv_sequential(fv_nn_relu()), fv_nn_relu());
}

static fv_module *residuals(fv_dtype d)
{
    fv_module *first = fv_sequential(conv(3, 4, false, d), norm(4, d), fv_nn_relu(),
                                     conv(4, 4, false, d), norm(4, d));
    fv_module *around = fv_sequential(fv_nn_conv2d(3, 4, 1, .bias = false, .dtype = d), norm(4, d));
    return fv_sequential(fv_nn_residual(first, around, .relu = true),
                         fv_nn_residual(fv_sequential(conv(4, 4, true, d)), .relu = true),
                         fv_nn_residual(norm(4, d)), fv_nn_relu(),
                         fv_nn_residual(fv_sequential(conv(4, 4, true, d), fv_nn_relu())),
                         fv_nn_residual(fv_nn_sigmoid(), fv_nn_tanh(), .relu = true),
                         fv_nn_residual(fv_nn_linear(6, 6, .dtype = d), .relu = true));
}

/* One layer in several places. */
static fv_module *shared(fv_dtype d)
{
    fv_module *relu = fv_nn_relu(), *same = conv(3, 3, true, d), *n = norm(3, d);
    return fv_sequential(same, relu, n, relu, same, n, relu);
}

static const network networks[] = {
    {"convolutions", convolutions, {4, {4, 3, 5, 6}}}, {"padded", padded, {4, {4, 3, 5, 6}}},
    {"normalised", normalised, {4, {4, 3, 5, 6}}},     {"1d", in_one_dimension, {3, {4, 3, 9}}},
    {"3d", in_three_dimensions, {5, {2, 2, 3, 4, 5}}}, {"dense", dense, {2, {9, 7}}},
    {"untracked", untracked, {4, {4, 3, 5, 6}}},       {"nested", nested, {4, {4, 3, 5, 6}}},
    {"residuals", residuals, {4, {4, 3, 5, 6}}},       {"shared", shared, {4, {4, 3, 5, 6}}},
};

/* --- the same as one by one ------------------------------------------------------------------- */

typedef enum mode { TRAINING, EVALUATION, INFERENCE, FROZEN, NO_GRADIENT, MODES } mode;
static const char *const mode_names[] = {"training", "evaluation", "inference", "frozen norms",
                                         "training without gradients"};

/* Norms in evaluation, their weights without gradients. */
static void freeze_norms(fv_module *m)
{
    for (int64_t i = 0; i < fv_child_count(m); i++) freeze_norms(fv_child_at(m, i));
    if (strncmp(fv_module_name(m), "BatchNorm", 9) != 0) return;
    fv_eval(m);
    fv_tensor_list own = fv_parameters(m);
    for (int64_t i = 0; i < own.count; i++) fv_requires_grad(own.items[i], false);
}

/* Statistics and weights of norms that are not what they begin with. */
static void spread_state(fv_module *net)
{
    FV_NO_GRAD;
    fv_named_list state = fv_state_dict(net);
    for (int64_t i = 0; i < state.count; i++) {
        fv_tensor *t = state.items[i].tensor;
        if (t->ndim == 1) fv_copy_(t, fv_rand(.shape = fv_shape_of(t), .dtype = t->dtype));
    }
}

/* Output, state after the call, gradients: those that there are. */
static int run(const network *n, fv_dtype dtype, mode how, bool fused, fv_tensor **out)
{
    const bool before = fv_set_fusion_enabled(fused);
    int count = 0;
    fv_manual_seed(4);
    fv_module *net = n->make(dtype);
    ck_assert_ptr_nonnull(net);
    spread_state(net);
    if (how == EVALUATION || how == INFERENCE) fv_eval(net);
    if (how == FROZEN) freeze_norms(net);
    fv_tensor *x = fv_randn(.shape = n->input, .dtype = dtype);
    if (how != INFERENCE && how != NO_GRADIENT) fv_requires_grad(x, true);
    const bool grad = fv_set_grad_enabled(how != INFERENCE && how != NO_GRADIENT);
    out[count++] = fv_forward(net, x);
    fv_set_grad_enabled(grad);
    if (out[0]->requires_grad) {
        fv_tensor *g = fv_randn(.shape = fv_shape_of(out[0]), .dtype = dtype);
        ck_assert_int_eq(fv_backward(out[0], g), FV_OK);
        out[count++] = fv_grad_of(x);
    }
    fv_tensor_list p = fv_parameters(net);
    for (int64_t i = 0; i < p.count; i++)
        if (fv_grad_of(p.items[i])) out[count++] = fv_grad_of(p.items[i]);
    fv_named_list buffers = fv_named_buffers(net);
    for (int64_t i = 0; i < buffers.count; i++) out[count++] = fv_clone(buffers.items[i].tensor);
    ck_assert_int_le(count, MOST_RESULTS);
    fv_free(net);
    fv_set_fusion_enabled(before);
    return count;
}

static double largest(fv_tensor *t)
{
    return fv_item(fv_max(fv_abs(fv_detach(t))));
}

/* Results that are 0 but for rounding, as the gradient of a bias before a norm, must be that small.
 */
static void compare(const network *n, fv_dtype dtype, mode how)
{
    FV_SCOPE;
    fv_tensor *wanted[MOST_RESULTS], *found[MOST_RESULTS], *exact[MOST_RESULTS];
    char message[256];
    set_context("%s, %s, %s", n->name, fv_dtype_name(dtype), mode_names[how]);
    const int count = run(n, dtype, how, false, wanted);
    if (run(n, dtype, how, true, found) != count) note_failure("another number of results");
    run(n, FV_FLOAT64, how, false, exact);
    for (int i = 0; i < count; i++) {
        const bool nothing = dtype == FV_FLOAT32 && largest(exact[i]) < 1e-12;
        if (nothing && fmax(largest(found[i]), largest(wanted[i])) > 1e-5)
            note_failure("result %d is %g, should be 0", i, largest(found[i]));
        else if (!nothing && !tensors_close(found[i], wanted[i], dtype == FV_FLOAT64 ? 1e-11 : 2e-4,
                                            message, sizeof message))
            note_failure("result %d: %s", i, message);
    }
}

START_TEST(values_gradients_and_buffers_are_those_of_the_layers_one_by_one)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        for (int how = 0; how < MODES; how++) {
            compare(&networks[i], FV_FLOAT64, (mode)how);
            compare(&networks[i], FV_FLOAT32, (mode)how);
        }
    ck_assert(no_failures());
}
END_TEST

/* Where only the store differs, so do no bits. */
START_TEST(a_relu_in_the_store_changes_no_bit)
{
    FV_SCOPE;
    fv_tensor *wanted[MOST_RESULTS], *found[MOST_RESULTS];
    run(&networks[0], FV_FLOAT32, TRAINING, false, wanted);
    run(&networks[0], FV_FLOAT32, TRAINING, true, found);
    ck_assert(tensors_same(found[0], wanted[0]));
    ck_assert(tensors_same(found[1], wanted[1]));
}
END_TEST

/* --- what runs -------------------------------------------------------------------------------- */

typedef struct ops {
    char text[MOST_OPS * 64]; /* "conv2d+relu@0 (Conv2d), ..." */
} ops;

static void keep(const fv_event *e, void *context)
{
    ops *o = context;
    char options[512] = "";
    if (e->kind != FV_EVENT_FORWARD || e->within) return;
    if (e->op && e->options) fv_options_text(e->op, e->options, options, sizeof options);
    const size_t used = strlen(o->text);
    snprintf(o->text + used, sizeof o->text - used, "%s%s%s@%s", used ? ", " : "", e->name,
             strstr(options, "relu=true") ? "+relu" : "", e->path);
}

/* The ops of a forward pass, which frees the net. */
static const char *ops_of(fv_module *net, fv_tensor *x)
{
    static ops o;
    o.text[0] = '\0';
    const int handle = fv_observe(keep, &o);
    fv_forward(net, x);
    fv_unobserve(handle);
    fv_free(net);
    return o.text;
}

START_TEST(neighbours_run_under_the_name_of_the_first)
{
    FV_SCOPE;
    fv_set_fusion_enabled(true);
    fv_tensor *x = fv_to_channels_last(fv_randn(2, 3, 4, 4));
    ck_assert_str_eq(ops_of(fv_sequential(conv(3, 4, true, FV_FLOAT32), fv_nn_relu()), x),
                     "conv2d+relu@0 (Conv2d)");
    ck_assert_str_eq(
        ops_of(fv_sequential(conv(3, 4, true, FV_FLOAT32), norm(4, FV_FLOAT32), fv_nn_relu()), x),
        "conv2d@0 (Conv2d), batch_norm+relu@1 (BatchNorm2d)");
    ck_assert_str_eq(ops_of(fv_nn_residual(fv_sequential(norm(3, FV_FLOAT32)), .relu = true), x),
                     "batch_norm+relu@body.0 (BatchNorm2d)");
    ck_assert(fv_set_fusion_enabled(false));
    ck_assert(!fv_fusion_enabled());
    ck_assert_str_eq(ops_of(fv_sequential(conv(3, 4, true, FV_FLOAT32), fv_nn_relu()), x),
                     "conv2d@0 (Conv2d), relu@1 (ReLU)");
    ck_assert(!fv_set_fusion_enabled(true));
}
END_TEST

START_TEST(a_norm_folds_in_evaluation_while_nothing_is_recorded)
{
    FV_SCOPE;
    fv_tensor *x = fv_to_channels_last(fv_randn(2, 3, 4, 4));
    for (int how = 0; how < 4; how++) {
        fv_module *net =
            fv_sequential(conv(3, 4, true, FV_FLOAT32), norm(4, FV_FLOAT32), fv_nn_relu());
        if (how & 1) fv_eval(net);
        const bool before = fv_set_grad_enabled(!(how & 2));
        const char *found = ops_of(net, x);
        fv_set_grad_enabled(before);
        ck_assert_str_eq(found, how == 3 ? "conv2d+relu@0 (Conv2d)"
                                         : "conv2d@0 (Conv2d), batch_norm+relu@1 (BatchNorm2d)");
    }
}
END_TEST

/* A mean far from 0 is subtracted before anything is scaled. */
START_TEST(a_folded_norm_is_as_accurate_as_the_layer)
{
    FV_SCOPE;
    fv_module *c = fv_nn_conv2d(1, 1, 1, .bias = false), *n = norm(1, FV_FLOAT32);
    fv_module *net = fv_sequential(c, n);
    {
        FV_NO_GRAD;
        fv_fill_(fv_module_tensor(c, "weight"), 1);
        fv_fill_(fv_module_tensor(n, "running_mean"), 1e6);
        fv_fill_(fv_module_tensor(n, "running_var"), 1e-6);
        fv_eval(net);
        fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(1, 1, 1, 3), 1e6, 1e6 + 1, 1e6 - 2);
        fv_tensor *y = fv_forward(net, x);
        const double s = 1 / sqrt((double)1e-6f + 1e-5);
        ASSERT_VALUES(y, 1e-3, 0, s, -2 * s);
    }
    fv_free(net);
}
END_TEST

static fv_tensor *own_forward(fv_module *self, fv_tensor *x)
{
    (void)self;
    return fv_mul_scalar(x, 2);
}

static const fv_module_type own_type = {.name = "ReLU", .forward = own_forward};

START_TEST(a_type_of_the_users_is_run_as_it_is)
{
    FV_SCOPE;
    fv_tensor *x = fv_to_channels_last(fv_randn(2, 3, 4, 4));
    const char *found = ops_of(
        fv_sequential(conv(3, 4, true, FV_FLOAT32), fv_module_new(&own_type, NULL), fv_nn_relu()),
        x);
    ck_assert_str_eq(found, "conv2d@0 (Conv2d), mul_scalar@1 (ReLU), relu@2 (ReLU)");
    found = ops_of(fv_nn_residual(fv_module_new(&own_type, NULL), .relu = true), x);
    ck_assert_str_eq(found, "mul_scalar@body (ReLU), add@(Residual), relu@(Residual)");
}
END_TEST

START_TEST(shapes_alone_pass_as_well)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        FV_SCOPE;
        fv_set_shapes_only(true);
        fv_module *net = networks[i].make(FV_FLOAT32);
        for (int grad = 0; grad < 2; grad++) {
            if (!grad) fv_eval(net);
            if (grad) fv_train(net);
            const bool before = fv_set_grad_enabled(grad);
            fv_tensor *y = fv_forward(net, fv_randn(.shape = networks[i].input));
            ck_assert(fv_is_shapes_only(y));
            if (grad) ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
            fv_set_grad_enabled(before);
        }
        fv_free(net);
        fv_set_shapes_only(false);
    }
}
END_TEST

/* --- errors ----------------------------------------------------------------------------------- */

/* What the two sides of a sum are must be alike, whoever adds them. */
START_TEST(a_residual_does_not_broadcast)
{
    fv_set_log(NULL, NULL);
    for (int fused = 0; fused < 2; fused++) {
        FV_SCOPE;
        fv_set_fusion_enabled(fused);
        fv_tensor *x = fv_randn(2, 3, 4, 4);
        fv_module *m = fv_nn_residual(
            fv_sequential(fv_nn_adaptive_avg_pool2d(1), norm(3, FV_FLOAT32)), .relu = true);
        ck_assert(fv_failed(fv_forward(m, x)));
        expect_error(FV_ERR_SHAPE, "[2,3,4,4]");
        fv_free(m);
        m = fv_nn_residual(fv_nn_conv2d(3, 3, 3));
        ck_assert(fv_failed(fv_forward(m, x)));
        expect_error(FV_ERR_SHAPE, fused ? "body (Conv2d): conv2d: residual" : "Residual");
        fv_free(m);
        m = fv_nn_residual(norm(3, FV_FLOAT32), norm(4, FV_FLOAT32));
        ck_assert(fv_failed(fv_forward(m, x)));
        expect_error(FV_ERR_SHAPE, "shortcut (BatchNorm2d)");
        fv_free(m);
    }
}
END_TEST

START_TEST(a_message_names_the_layer_that_runs)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_module *net = fv_sequential(conv(3, 4, true, FV_FLOAT32), fv_nn_relu());
    ck_assert(fv_failed(fv_forward(net, fv_ones(1, 2, 4, 4))));
    expect_error(FV_ERR_SHAPE, "0 (Conv2d): conv2d: input [1,2,4,4]");
    fv_free(net);
}
END_TEST

START_TEST(a_residual_without_a_body_frees_its_shortcut)
{
    fv_set_log(NULL, NULL);
    char difference[200];
    const memory_mark mark = mark_memory();
    ck_assert_ptr_null(fv_nn_residual(NULL, conv(3, 3, true, FV_FLOAT32)));
    expect_error(FV_ERR_OPTION, "child \"body\" is NULL");
    fv_module *body = conv(3, 3, true, FV_FLOAT32);
    fv_module *inside = fv_sequential(body);
    fv_module *twice = fv_nn_residual(body, inside);
    ck_assert_int_eq(fv_state_dict(twice).count, 4);
    ck_assert_str_eq(fv_state_dict(twice).items[2].name, "shortcut.0.weight");
    fv_free(twice);
    fv_shutdown();
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(a_residual_prints_what_it_does)
{
    fv_module *m = fv_nn_residual(fv_nn_identity(), .relu = true);
    char *text = fv_module_to_string(m);
    ck_assert_str_eq(text, "Residual(\n  relu=True\n  (body): Identity()\n)");
    free(text);
    fv_free(m);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("fusion");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, values_gradients_and_buffers_are_those_of_the_layers_one_by_one);
    tcase_add_test(values, a_relu_in_the_store_changes_no_bit);
    tcase_add_test(values, a_folded_norm_is_as_accurate_as_the_layer);
    tcase_add_test(values, shapes_alone_pass_as_well);
    TCase *runs = add_case(suite, "what runs");
    tcase_add_test(runs, neighbours_run_under_the_name_of_the_first);
    tcase_add_test(runs, a_norm_folds_in_evaluation_while_nothing_is_recorded);
    tcase_add_test(runs, a_type_of_the_users_is_run_as_it_is);
    TCase *errors = add_case(suite, "errors");
    tcase_add_test(errors, a_residual_does_not_broadcast);
    tcase_add_test(errors, a_message_names_the_layer_that_runs);
    tcase_add_test(errors, a_residual_without_a_body_frees_its_shortcut);
    tcase_add_test(errors, a_residual_prints_what_it_does);
    return suite;
}
