/* Whole models: layers together against PyTorch, their printed form and names, what bad ones are
 * told, and training. The tree: test_nn_tree.c; what parameters begin as: test_nn_init.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

typedef struct golden_model {
    const char *name;
    const char *state; /* names of the state dict */
    const char *text;  /* the printed form */
    double digests[3]; /* of the outputs: two in training, one in evaluation */
    double shown[3];   /* element 1 of them */
    int parameters;
    double grads[8]; /* digests, in order */
    int buffers;
    double buffer_digests[8];
} golden_model;

#include "golden/nn.inc"

#define DOUBLE .dtype = FV_FLOAT64

static fv_module *images(void)
{
    return fv_sequential(fv_nn_conv2d(3, 8, 3, .padding = 1, .bias = false, DOUBLE),
                         fv_nn_batch_norm2d(8, DOUBLE), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(8, 6, FV_DIMS(3, 1), FV_DIMS(1, 2), FV_DIMS(2, 0),
                                      .dilation = FV_DIMS(2, 1), .groups = 2,
                                      .padding_mode = FV_PAD_REFLECT, DOUBLE),
                         fv_nn_leaky_relu(0.1),
                         fv_nn_avg_pool2d(2, .stride = 1, .padding = 1, .count_include_pad = false),
                         fv_sequential(fv_nn_adaptive_avg_pool2d(FV_DIMS(2, 3)), fv_nn_flatten(),
                                       fv_nn_dropout(0.0)),
                         fv_nn_linear(36, 5, DOUBLE), fv_nn_log_softmax(1));
}

static fv_module *signals(void)
{
    return fv_sequential(
        fv_nn_conv1d(2, 4, 4, .padding = FV_SAME, .dilation = 3, DOUBLE),
        fv_nn_batch_norm1d(4, .eps = 1e-3, .momentum = FV_CUMULATIVE, DOUBLE), fv_nn_tanh(),
        fv_nn_max_pool1d(3, .stride = 2, .padding = 1), fv_nn_avg_pool1d(2),
        fv_nn_conv_transpose1d(4, 2, 3, .stride = 2, .output_padding = 1, DOUBLE), fv_nn_sigmoid(),
        fv_nn_identity(), fv_nn_adaptive_max_pool1d(3), fv_nn_softmax(-1));
}

static fv_module *volumes(void)
{
    return fv_sequential(fv_nn_conv3d(1, 2, 2, FV_DIMS(1, 2, 1), DOUBLE),
                         fv_nn_batch_norm3d(2, .affine = false, DOUBLE), fv_nn_silu(),
                         fv_nn_max_pool3d(2, .ceil_mode = true),
                         fv_nn_conv_transpose3d(2, 4, FV_DIMS(1, 2, 2), .groups = 2, .bias = false,
                                                .dilation = FV_DIMS(1, 2, 1), DOUBLE),
                         fv_nn_relu6(), fv_nn_adaptive_avg_pool3d(FV_DIMS(1, 2, 2)), fv_nn_elu(0.5),
                         fv_nn_flatten(2));
}

static fv_module *decoder(void)
{
    return fv_sequential(
        fv_nn_batch_norm2d(4, .momentum = 0.25, .track_running_stats = false, DOUBLE),
        fv_nn_conv_transpose2d(4, 2, FV_DIMS(3, 2), FV_DIMS(2, 1), 1, FV_DIMS(1, 0), DOUBLE),
        fv_nn_softplus(2), fv_nn_avg_pool2d(FV_DIMS(2, 1)), fv_nn_hardtanh(-0.5, 0.75),
        fv_nn_flatten(1, 2), fv_nn_gelu(), fv_nn_linear(2, 3, .bias = false, DOUBLE));
}

typedef struct model {
    fv_module *(*make)(void);
    fv_shape input;
} model;
static const model models[] = {
    {images, {4, {2, 3, 8, 10}}},
    {signals, {3, {3, 2, 12}}},
    {volumes, {5, {2, 1, 5, 6, 7}}},
    {decoder, {4, {2, 4, 3, 3}}},
};
enum { MODELS = sizeof models / sizeof models[0] };

/* --- layers against PyTorch ------------------------------------------------------------- */

static fv_tensor *fill(fv_shape shape, int number)
{
    fv_tensor *t = fv_empty(.shape = shape, .dtype = FV_FLOAT64);
    double *x = fv_data_float64(t);
    for (int64_t i = 0; i < fv_numel(t); i++) x[i] = (double)((i * 7 + number * 3) % 11 - 5) / 16;
    return t;
}

static double weight_of(int64_t i)
{
    return (double)((i * 5) % 7 - 3) / 8;
}

static double digest(const fv_tensor *t, double shift)
{
    double total = 0, *x = malloc((size_t)(fv_numel(t) + 1) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    ck_assert_int_eq(fv_copy_out(t, FV_FLOAT64, x), FV_OK);
    for (int64_t i = 0; i < fv_numel(t); i++) total += (x[i] + shift) * weight_of(i);
    free(x);
    return total;
}

static void near(const char *model_name, const char *what, int number, double got, double want)
{
    if (!(fabs(got - want) <= 1e-10 * fmax(fabs(want), 0.01)))
        note_failure("%s: %s %d is %.12g, PyTorch has %.12g", model_name, what, number, got, want);
}

static void check_output(const golden_model *g, int number, fv_tensor *y)
{
    ck_assert_msg(!fv_failed(y), "%s: %s", g->name, fv_error());
    near(g->name, "output", number, digest(y, 0), g->digests[number]);
    fv_tensor *flat = fv_flatten(y);
    near(g->name, "element of output", number, fv_at(flat, (const int64_t[]){1}), g->shown[number]);
}

static void check_names(const golden_model *g, fv_module *net)
{
    char names[1024] = "";
    fv_named_list state = fv_state_dict(net);
    for (int64_t i = 0; i < state.count; i++) {
        if (i > 0) strcat(names, " ");
        strcat(names, state.items[i].name);
    }
    ck_assert_str_eq(names, g->state);
    char *text = fv_module_to_string(net);
    ck_assert_str_eq(text, g->text);
    free(text);
}

static void check_model(const golden_model *g, const model *m)
{
    fv_module *net = m->make();
    ck_assert_msg(net != NULL, "%s: %s", g->name, fv_error());
    check_names(g, net);
    fv_tensor_list parameters = fv_parameters(net);
    ck_assert_int_eq(parameters.count, g->parameters);
    for (int k = 0; k < g->parameters; k++) {
        fv_copy_elements(parameters.items[k], fill(fv_shape_of(parameters.items[k]), k));
        fv_bump_version(parameters.items[k]);
    }
    check_output(g, 0, fv_forward(net, fill(m->input, 1)));
    fv_tensor *y = fv_forward(net, fill(m->input, 4));
    check_output(g, 1, y);
    fv_tensor *seed = fv_empty(.shape = fv_shape_of(y), .dtype = FV_FLOAT64);
    for (int64_t i = 0; i < fv_numel(seed); i++) fv_data_float64(seed)[i] = weight_of(i);
    ck_assert_int_eq(fv_backward(y, seed), FV_OK);
    fv_eval(net);
    check_output(g, 2, fv_forward(net, fill(m->input, 1)));
    for (int k = 0; k < g->parameters; k++)
        near(g->name, "gradient", k, digest(fv_grad_of(parameters.items[k]), 0), g->grads[k]);
    fv_named_list buffers = fv_named_buffers(net);
    ck_assert_int_eq(buffers.count, g->buffers);
    for (int k = 0; k < g->buffers; k++)
        near(g->name, "buffer", k, digest(buffers.items[k].tensor, 1), g->buffer_digests[k]);
    fv_module_zero_grad(net);
    ck_assert_ptr_null(fv_grad_of(parameters.items[0]));
    fv_free(net);
}

START_TEST(models_print_name_and_compute_like_pytorch)
{
    for (int i = 0; i < MODELS; i++) {
        FV_SCOPE;
        check_model(&golden_models[i], &models[i]);
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(an_untracked_momentum_is_printed_as_none)
{
    fv_module *bn = fv_nn_batch_norm1d(3, .momentum = FV_CUMULATIVE, .affine = false,
                                       .track_running_stats = false);
    char *text = fv_module_to_string(bn);
    ck_assert_str_eq(text, "BatchNorm1d(3, eps=1e-05, momentum=None, affine=False, "
                           "track_running_stats=False)");
    free(text);
    fv_free(bn);
}
END_TEST

START_TEST(a_refused_batch_does_not_count)
{
    FV_SCOPE;
    fv_module *bn = fv_nn_batch_norm2d(3);
    ck_assert(fv_failed(fv_forward(bn, fv_zeros(4, 3))));
    expect_error(FV_ERR_SHAPE, "4-dim");
    ck_assert(fv_failed(fv_forward(bn, fv_zeros(4, 2, 5, 5))));
    expect_error(fv_error_status(), "batch_norm");
    ck_assert_double_eq(fv_item(fv_module_tensor(bn, "num_batches_tracked")), 0.0);
    fv_forward(bn, fv_zeros(4, 3, 5, 5));
    ck_assert_double_eq(fv_item(fv_module_tensor(bn, "num_batches_tracked")), 1.0);
    fv_free(bn);
}
END_TEST

/* What training writes to is a new version, so that a gradient that read it before is refused. */
START_TEST(running_statistics_have_versions)
{
    static const char *const names[] = {"running_mean", "running_var", "num_batches_tracked"};
    {
        FV_SCOPE;
        fv_set_log(NULL, NULL);
        fv_module *bn = fv_nn_batch_norm2d(3);
        fv_tensor *x = fv_randn(4, 3, 2, 2), *w = fv_ones(3, .requires_grad = true);
        uint32_t versions[3];
        for (int k = 0; k < 3; k++) versions[k] = fv_version(fv_module_tensor(bn, names[k]));
        fv_eval(bn);
        fv_forward(bn, x);
        for (int k = 0; k < 3; k++)
            ck_assert_uint_eq(fv_version(fv_module_tensor(bn, names[k])), versions[k]);
        fv_train(bn);
        fv_tensor *penalty = fv_sum(fv_mul(w, fv_module_tensor(bn, "running_mean")));
        ck_assert(!fv_failed(fv_forward(bn, x)));
        for (int k = 0; k < 3; k++)
            ck_assert_uint_ne(fv_version(fv_module_tensor(bn, names[k])), versions[k]);
        ck_assert_int_eq(fv_backward(penalty), FV_ERR_AUTOGRAD);
        expect_error(FV_ERR_AUTOGRAD, "mul");
        fv_free(bn);
    }
}
END_TEST

START_TEST(a_relu_in_place_overwrites_its_input)
{
    FV_SCOPE;
    fv_module *plain = fv_nn_relu(), *inplace = fv_nn_relu(.inplace = true);
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(3), -1, 0, 2);
    fv_tensor *y = fv_forward(plain, x);
    ASSERT_VALUES(x, 0, -1, 0, 2);
    ASSERT_VALUES(y, 0, 0, 0, 2);
    y = fv_forward(inplace, x);
    ck_assert_ptr_eq(fv_data_float32(y), fv_data_float32(x));
    ASSERT_VALUES(x, 0, 0, 0, 2);
    char *text = fv_module_to_string(inplace);
    ck_assert_str_eq(text, "ReLU(inplace=True)");
    free(text);
    fv_free(plain);
    fv_free(inplace);
}
END_TEST

#define REFUSED(call, part)                                                                        \
    do {                                                                                           \
        ck_assert_ptr_null(call);                                                                  \
        expect_error(fv_error_status(), part);                                                     \
    } while (0)

START_TEST(bad_layers_are_refused_with_a_reason)
{
    const int64_t bad[] = {-1, 0, INT64_MIN, INT64_MAX, FV_UNSET};
    REFUSED(fv_nn_conv2d(3, 10, 3, .groups = 2), "in_channels 3");
    REFUSED(fv_nn_conv2d(4, 9, 3, .groups = 2), "out_channels 9");
    REFUSED(fv_nn_conv2d(4, 8, FV_DIMS(3, 3, 3)), "kernel_size");
    REFUSED(fv_nn_conv2d(4, 8, 3, .stride = 2, .padding = FV_SAME), "FV_SAME");
    REFUSED(fv_nn_conv2d(4, 8, 3, .padding = -1), "padding");
    REFUSED(fv_nn_conv2d(4, 8, 3, .padding_mode = (fv_pad_mode)9), "padding_mode");
    REFUSED(fv_nn_conv2d(4, 8, 3, .dtype = FV_INT64), "dtype");
    REFUSED(fv_nn_conv2d(4, 8, INT64_C(1) << 40, .padding_mode = FV_PAD_REFLECT,
                         .dilation = INT64_C(1) << 40),
            "dilation");
    REFUSED(fv_nn_conv_transpose2d(4, 8, 3, .output_padding = 1), "output_padding");
    REFUSED(fv_nn_conv_transpose2d(4, 8, 3, .padding = FV_SAME), "padding");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (bad[i] != INT64_MAX) {
            REFUSED(fv_nn_conv1d(bad[i], 8, 3), "in_channels");
            REFUSED(fv_nn_linear(2, bad[i]), "out_features");
            REFUSED(fv_nn_batch_norm2d(bad[i]), "num_features");
        }
        if (bad[i] != INT64_MAX || bad[i] == FV_UNSET) {
            REFUSED(fv_nn_conv3d(4, 8, bad[i]), "kernel_size");
            REFUSED(fv_nn_max_pool2d(bad[i]), "kernel_size");
            REFUSED(fv_nn_max_pool2d(2, .dilation = bad[i]), "dilation");
            REFUSED(fv_nn_adaptive_avg_pool2d(bad[i]), "output_size");
            REFUSED(fv_nn_conv1d(4, 8, 3, .groups = bad[i]), "groups");
        }
    }
    REFUSED(fv_nn_conv2d(INT64_MAX, INT64_MAX, INT64_C(1) << 40), "");
    REFUSED(fv_nn_batch_norm1d(INT64_C(1) << 61), "");
    REFUSED(fv_nn_avg_pool2d(2, .divisor_override = 0), "divisor_override");
    REFUSED(fv_nn_dropout(1.5), "p is 1.5");
    REFUSED(fv_nn_hardtanh(1, 1), "min_val");
}
END_TEST

/* --- training --------------------------------------------------------------------------- */

START_TEST(dropout_works_in_training_only)
{
    FV_SCOPE;
    fv_module *net = fv_sequential(fv_nn_dropout2d(), fv_nn_dropout(0.25));
    fv_tensor *x = fv_ones(2, 50, 4, 4);
    double kept = fv_item(fv_mean(fv_to(fv_gt(fv_forward(net, x), 0.5), FV_FLOAT32)));
    ck_assert_double_eq_tol(kept, 0.375, 0.15);
    fv_eval(net);
    ck_assert(tensors_same(fv_forward(net, x), x));
    fv_free(net);
}
END_TEST

/* One step; returns the loss. */
static double learn(fv_module *net, fv_optim *optim, fv_tensor *x, fv_tensor *y)
{
    double value = 0;
    {
        FV_SCOPE;
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), y);
        fv_zero_grad(optim);
        ck_assert_int_eq(fv_backward(loss), FV_OK);
        fv_clip_grad_norm_(fv_parameters(net), 10.0);
        ck_assert_int_eq(fv_step(optim), FV_OK);
        value = fv_item(loss);
    }
    return value;
}

START_TEST(a_small_network_learns_without_asking_the_system_for_memory)
{
    FV_SCOPE;
    fv_manual_seed(0);
    fv_module *net = fv_sequential(fv_nn_conv2d(1, 8, 3, .padding = FV_SAME), fv_nn_batch_norm2d(8),
                                   fv_nn_relu(), fv_nn_max_pool2d(2), fv_nn_flatten(),
                                   fv_nn_linear(8 * 3 * 3, 4));
    fv_optim *optim = fv_sgd(fv_parameters(net), .lr = 0.1, .momentum = 0.9, .nesterov = true);
    fv_scheduler *rates = fv_one_cycle_lr(optim, 0.1, 60);
    fv_tensor *x = fv_randn(16, 1, 6, 6);
    fv_tensor *y = fv_randint(16, .high = 4);
    double first = learn(net, optim, x, y), last = first;
    fv_memory_info before = {0};
    for (int i = 0; i < 60; i++) {
        if (i == 10) before = fv_memory_stats();
        last = learn(net, optim, x, y);
        ck_assert_int_eq(fv_scheduler_step(rates), FV_OK);
    }
    fv_memory_info after = fv_memory_stats();
    ck_assert_int_eq(after.live_tensors, before.live_tensors);
    ck_assert_int_eq(after.system_allocs, before.system_allocs);
    ck_assert_msg(last < 0.1 * first, "the loss went from %g to %g", first, last);
    fv_free(rates);
    fv_free(optim);
    fv_free(net);
}
END_TEST

START_TEST(the_same_seed_makes_the_same_model)
{
    fv_manual_seed(1);
    fv_module *a = images();
    fv_manual_seed(1);
    fv_module *b = images();
    fv_tensor_list x = fv_parameters(a), y = fv_parameters(b);
    for (int64_t i = 0; i < x.count; i++) ck_assert(tensors_same(x.items[i], y.items[i]));
    fv_free(a);
    fv_free(b);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("nn");
    TCase *layers = add_case(suite, "layers");
    tcase_add_test(layers, models_print_name_and_compute_like_pytorch);
    tcase_add_test(layers, an_untracked_momentum_is_printed_as_none);
    tcase_add_test(layers, a_refused_batch_does_not_count);
    tcase_add_test(layers, running_statistics_have_versions);
    tcase_add_test(layers, a_relu_in_place_overwrites_its_input);
    tcase_add_test(layers, bad_layers_are_refused_with_a_reason);
    TCase *training = add_case(suite, "training");
    tcase_add_test(training, dropout_works_in_training_only);
    tcase_add_test(training, a_small_network_learns_without_asking_the_system_for_memory);
    tcase_add_test(training, the_same_seed_makes_the_same_model);
    return suite;
}
