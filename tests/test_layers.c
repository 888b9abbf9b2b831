/* Layers one by one: what they compute is what the functions of that name compute, with the options
 * handed on; their printed form; what they and the initialisers refuse. Whole models are compared
 * with PyTorch in test_nn.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/module_impl.h"
#include "support.h"

/* In evaluation a layer that says so makes each sample of the result from that of the input alone.
 */
static void expect_samples_apart(fv_module *layer, fv_tensor *x)
{
    FV_NO_GRAD;
    char message[256];
    if (layer->per_sample == 0 || x->ndim < layer->per_sample) return;
    fv_eval(layer);
    fv_tensor *y = fv_forward(layer, x);
    for (int64_t i = 0; i < x->shape[0]; i++) {
        const fv_tensor *part = fv_forward(layer, fv_narrow(x, 0, i, 1));
        if (!tensors_close(part, fv_narrow(y, 0, i, 1), 1e-5, message, sizeof message))
            note_failure("%s alone: %s %s", fv_module_name(layer), message, fv_error());
    }
}

/* Runs the layer, compares and frees it. */
static void expect_same(fv_module *layer, fv_tensor *x, const fv_tensor *want)
{
    char message[256];
    ck_assert_msg(layer != NULL, "%s", fv_error());
    fv_tensor *y = fv_forward(layer, x);
    if (!tensors_close(y, want, 1e-6, message, sizeof message))
        note_failure("%s: %s %s", fv_module_name(layer), message, fv_error());
    expect_samples_apart(layer, x);
    fv_free(layer);
}

static void expect_text(fv_module *layer, const char *want)
{
    char *text = fv_module_to_string(layer);
    ck_assert_str_eq(text, want);
    free(text);
    fv_free(layer);
}

START_TEST(pooling_layers_compute_what_the_functions_do)
{
    {
        FV_SCOPE;
        fv_manual_seed(2);
        fv_tensor *a = fv_randn(2, 3, 9), *b = fv_randn(2, 3, 9, 8), *c = fv_randn(2, 3, 9, 8, 7);
        expect_same(fv_nn_max_pool1d(3, 2, 1, 2, true), a, fv_max_pool1d(a, 3, 2, 1, 2, true));
        expect_same(fv_nn_max_pool2d(3, 2, 1, 2, true), b, fv_max_pool2d(b, 3, 2, 1, 2, true));
        expect_same(fv_nn_max_pool3d(3, 2, 1, 2, true), c, fv_max_pool3d(c, 3, 2, 1, 2, true));
        expect_same(fv_nn_avg_pool1d(3, 2, 1, true, false), a,
                    fv_avg_pool1d(a, 3, 2, 1, true, false));
        expect_same(fv_nn_avg_pool2d(3, 2, 1, true, false), b,
                    fv_avg_pool2d(b, 3, 2, 1, true, false));
        expect_same(fv_nn_avg_pool3d(3, 2, 1, true, true, 5), c,
                    fv_avg_pool3d(c, 3, 2, 1, true, true, 5));
        expect_same(fv_nn_adaptive_avg_pool1d(4), a, fv_adaptive_avg_pool1d(a, 4));
        expect_same(fv_nn_adaptive_avg_pool2d(FV_DIMS(4, 3)), b,
                    fv_adaptive_avg_pool2d(b, FV_DIMS(4, 3)));
        expect_same(fv_nn_adaptive_avg_pool3d(FV_DIMS(4, 3, 2)), c,
                    fv_adaptive_avg_pool3d(c, FV_DIMS(4, 3, 2)));
        expect_same(fv_nn_adaptive_max_pool1d(4), a, fv_adaptive_max_pool1d(a, 4));
        expect_same(fv_nn_adaptive_max_pool2d(FV_DIMS(4, 3)), b,
                    fv_adaptive_max_pool2d(b, FV_DIMS(4, 3)));
        expect_same(fv_nn_adaptive_max_pool3d(FV_DIMS(4, 3, 2)), c,
                    fv_adaptive_max_pool3d(c, FV_DIMS(4, 3, 2)));
    }
    ck_assert(no_failures());
}
END_TEST

static void expect_exactly(fv_module *layer, fv_tensor *x, const fv_tensor *wanted)
{
    ck_assert_ptr_nonnull(layer);
    ck_assert(!fv_failed(wanted));
    ck_assert(tensors_same(fv_forward(layer, x), wanted));
    expect_samples_apart(layer, x);
    ck_assert(no_failures());
    fv_free(layer);
}

START_TEST(pooling_layers_are_their_ops)
{
    FV_SCOPE;
    fv_manual_seed(1);
    fv_tensor *line = fv_randn(2, 3, 10), *image = fv_randn(2, 3, 5, 7);
    fv_tensor *volume = fv_randn(1, 2, 5, 6, 7);
    expect_exactly(fv_nn_adaptive_avg_pool1d(4), line, fv_adaptive_avg_pool1d(line, 4));
    expect_exactly(fv_nn_adaptive_max_pool2d(FV_DIMS(2, 3)), image,
                   fv_adaptive_max_pool2d(image, FV_DIMS(2, 3)));
    expect_exactly(fv_nn_adaptive_max_pool3d(2), volume, fv_adaptive_max_pool3d(volume, 2));
    expect_exactly(fv_nn_avg_pool3d(2), volume, fv_avg_pool3d(volume, 2));
    expect_exactly(fv_nn_avg_pool3d(3, 2, 1, true, false, 5), volume,
                   fv_avg_pool3d(volume, 3, 2, 1, true, false, 5));
}
END_TEST

START_TEST(activation_layers_compute_what_the_functions_do)
{
    {
        FV_SCOPE;
        fv_manual_seed(3);
        fv_tensor *x = fv_mul(fv_randn(4, 25), 4);
        expect_same(fv_nn_relu(), x, fv_relu(x));
        expect_same(fv_nn_relu6(), x, fv_clamp(x, 0, 6));
        expect_same(fv_nn_leaky_relu(), x, fv_leaky_relu(x, 0.01));
        expect_same(fv_nn_elu(), x, fv_elu(x, 1));
        expect_same(fv_nn_sigmoid(), x, fv_sigmoid(x));
        expect_same(fv_nn_tanh(), x, fv_tanh(x));
        expect_same(fv_nn_silu(), x, fv_silu(x));
        expect_same(fv_nn_gelu(), x, fv_gelu(x));
        expect_same(fv_nn_softplus(), x, fv_softplus(x, 1, 20));
        expect_same(fv_nn_hardtanh(), x, fv_clamp(x, -1, 1));
        expect_same(fv_nn_softmax(0), x, fv_softmax(x, 0));
        expect_same(fv_nn_log_softmax(0), x, fv_log_softmax(x, 0));
        expect_same(fv_nn_identity(), x, x);
        expect_same(fv_nn_flatten(.start_dim = 0), x, fv_reshape(x, 100));
    }
    ck_assert(no_failures());
}
END_TEST

static void expect_apart_alone(fv_module *layer, fv_tensor *x)
{
    ck_assert_msg(layer != NULL, "%s", fv_error());
    fv_forward(layer, x); /* in training: running statistics */
    expect_samples_apart(layer, x);
    ck_assert(layer->per_sample > 0 && x->ndim >= layer->per_sample);
    fv_free(layer);
}

/* Those that the other tests here do not compare with a function. */
START_TEST(layers_with_weights_keep_samples_apart)
{
    {
        FV_SCOPE;
        fv_manual_seed(8);
        fv_tensor *line = fv_randn(3, 4, 9), *image = fv_randn(3, 4, 6, 7);
        fv_tensor *volume = fv_randn(3, 4, 5, 6, 3), *rows = fv_randn(3, 8);
        expect_apart_alone(fv_nn_conv1d(4, 6, 3, .groups = 2), line);
        expect_apart_alone(fv_nn_conv2d(4, 5, 3, .stride = 2, .padding = 1), image);
        expect_apart_alone(fv_nn_conv3d(4, 3, 2), volume);
        expect_apart_alone(fv_nn_conv_transpose1d(4, 2, 3, .stride = 2), line);
        expect_apart_alone(fv_nn_conv_transpose2d(4, 2, 3, .output_padding = 1, .stride = 2),
                           image);
        expect_apart_alone(fv_nn_conv_transpose3d(4, 2, 2), volume);
        expect_apart_alone(fv_nn_batch_norm1d(4), line);
        expect_apart_alone(fv_nn_batch_norm2d(4), image);
        expect_apart_alone(fv_nn_batch_norm3d(4), volume);
        expect_apart_alone(fv_nn_linear(8, 5), rows);
        expect_apart_alone(fv_nn_dropout(0.5), rows);
        expect_apart_alone(fv_nn_dropout2d(0.5), image);
        expect_apart_alone(fv_nn_upsample(.scale_factor = 2, .mode = FV_BILINEAR), image);
        expect_apart_alone(fv_nn_flatten(), image);
        expect_apart_alone(fv_nn_residual(fv_nn_conv2d(4, 4, 3, .padding = 1), .relu = true),
                           image);
        expect_apart_alone(fv_sequential(fv_nn_linear(8, 8), fv_nn_relu(.inplace = true)), rows);
    }
    ck_assert(no_failures());
}
END_TEST

/* A convolution layer that pads first gives what padding and an unpadded convolution give. */
static void check_padded(fv_pad_mode mode, fv_dims padding, fv_dims dilation, fv_shape pad)
{
    fv_module *layer = fv_nn_conv2d(2, 3, FV_DIMS(3, 4), .padding = padding, .dilation = dilation,
                                    .padding_mode = mode, .dtype = FV_FLOAT64);
    ck_assert_msg(layer != NULL, "%s", fv_error());
    fv_tensor *x = fv_randn(2, 2, 7, 8, .dtype = FV_FLOAT64);
    fv_tensor *w = fv_module_tensor(layer, "weight"), *b = fv_module_tensor(layer, "bias");
    expect_same(layer, x,
                fv_conv2d(fv_pad(x, .shape = pad, .mode = mode), w, b, .dilation = dilation));
}

START_TEST(convolution_layers_pad_in_every_mode)
{
    static const fv_pad_mode modes[] = {FV_PAD_CONSTANT, FV_PAD_REFLECT, FV_PAD_REPLICATE,
                                        FV_PAD_CIRCULAR};
    fv_manual_seed(4);
    for (int k = 0; k < 4; k++) {
        FV_SCOPE;
        check_padded(modes[k], FV_VALID, 1, FV_SHAPE(0, 0, 0, 0));
        check_padded(modes[k], FV_DIMS(1, 2), 1, FV_SHAPE(2, 2, 1, 1));
        /* 3 in the width: the odd one lies behind */
        check_padded(modes[k], FV_SAME, 1, FV_SHAPE(1, 2, 1, 1));
        check_padded(modes[k], FV_SAME, FV_DIMS(2, 1), FV_SHAPE(1, 2, 2, 2));
        check_padded(modes[k], FV_FULL, 1, FV_SHAPE(3, 3, 2, 2));
    }
    ck_assert(no_failures());
}
END_TEST

static void expect_unpooled(fv_module *layer, fv_tensor *x, fv_tensor *indices,
                            const fv_tensor *want)
{
    ck_assert_msg(layer != NULL, "%s", fv_error());
    ck_assert(tensors_same(fv_forward(layer, x, indices), want));
    ck_assert(fv_failed(fv_forward(layer, x)));
    expect_error(FV_ERR_OPTION, "indices");
    fv_free(layer);
}

START_TEST(layers_of_windows_and_sizes_compute_what_the_functions_do)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *a = fv_randn(2, 4, 9), *b = fv_randn(2, 4, 9, 8), *c = fv_randn(1, 4, 8, 7, 9);
        expect_same(fv_nn_unfold(3, 2, 1, FV_DIMS(2, 1)), b, fv_unfold(b, 3, 2, 1, FV_DIMS(2, 1)));
        fv_tensor *columns = fv_unfold(b, 3, 2, 1, 2);
        expect_same(fv_nn_fold(FV_DIMS(9, 8), 3, 2, 1, 2), columns,
                    fv_fold(columns, FV_DIMS(9, 8), 3, 2, 1, 2));
        expect_same(fv_nn_upsample(FV_DIMS(5, 11), .mode = FV_BICUBIC, .align_corners = true), b,
                    fv_interpolate(b, FV_DIMS(5, 11), .mode = FV_BICUBIC, .align_corners = true));
        expect_same(
            fv_nn_upsample(.scale_factor = 1.3, .mode = FV_LINEAR, .recompute_scale_factor = true),
            a,
            fv_interpolate(a, .scale_factor = 1.3, .mode = FV_LINEAR,
                           .recompute_scale_factor = true));
        expect_same(fv_nn_upsample(.scale_factors = {2, 1, 0.5}), c,
                    fv_interpolate(c, .scale_factors = {2, 1, 0.5}));
        expect_same(fv_nn_upsampling_nearest2d(.scale_factor = 3), b,
                    fv_interpolate(b, .scale_factor = 3));
        expect_same(fv_nn_upsampling_bilinear2d(7), b,
                    fv_interpolate(b, 7, .mode = FV_BILINEAR, .align_corners = true));
        expect_same(fv_nn_pixel_shuffle(2), b, fv_pixel_shuffle(b, 2));
        fv_tensor *even = fv_narrow(b, 2, 0, 8);
        expect_same(fv_nn_pixel_unshuffle(2), even, fv_pixel_unshuffle(even, 2));
        expect_same(fv_nn_channel_shuffle(2), c, fv_channel_shuffle(c, 2));

        fv_tensor *i, *line = fv_max_pool1d(a, 2, 3, .indices = &i);
        expect_unpooled(fv_nn_max_unpool1d(2, 3, .output_size = 9), line, i,
                        fv_max_unpool1d(line, i, 2, 3, .output_size = 9));
        fv_tensor *map = fv_max_pool2d(b, 3, 2, 1, .indices = &i);
        expect_unpooled(fv_nn_max_unpool2d(3, 2, 1, FV_DIMS(9, 8)), map, i,
                        fv_max_unpool2d(map, i, 3, 2, 1, FV_DIMS(9, 8)));
        fv_tensor *volume = fv_max_pool3d(c, 2, .indices = &i);
        expect_unpooled(fv_nn_max_unpool3d(2, .output_size = FV_DIMS(8, 7, 9)), volume, i,
                        fv_max_unpool3d(volume, i, 2, .output_size = FV_DIMS(8, 7, 9)));
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(options_are_printed_as_by_pytorch)
{
    expect_text(fv_nn_unfold(FV_DIMS(2, 3), .padding = 1),
                "Unfold(kernel_size=(2, 3), dilation=1, padding=1, stride=1)");
    expect_text(fv_nn_fold(FV_DIMS(4, 5), 2, .stride = 2),
                "Fold(output_size=(4, 5), kernel_size=2, dilation=1, padding=0, stride=2)");
    expect_text(fv_nn_max_unpool1d(2), "MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))");
    expect_text(fv_nn_max_unpool2d(FV_DIMS(3, 2), FV_DIMS(2, 1), 1),
                "MaxUnpool2d(kernel_size=(3, 2), stride=(2, 1), padding=(1, 1))");
    expect_text(fv_nn_max_unpool3d(2, 3, .output_size = 5),
                "MaxUnpool3d(kernel_size=(2, 2, 2), stride=(3, 3, 3), padding=(0, 0, 0), "
                "output_size=(5, 5, 5))");
    expect_text(fv_nn_upsample(.scale_factor = 2), "Upsample(scale_factor=2.0, mode=nearest)");
    expect_text(fv_nn_upsample(FV_DIMS(3, 4), .mode = FV_BILINEAR, .align_corners = true),
                "Upsample(size=(3, 4), mode=bilinear)");
    expect_text(fv_nn_upsample(.scale_factors = {2, 1.5}, .mode = FV_NEAREST_EXACT),
                "Upsample(scale_factor=(2.0, 1.5), mode=nearest-exact)");
    expect_text(fv_nn_upsampling_nearest2d(.scale_factor = 2),
                "UpsamplingNearest2d(scale_factor=2.0, mode=nearest)");
    expect_text(fv_nn_upsampling_bilinear2d(FV_DIMS(3, 4)),
                "UpsamplingBilinear2d(size=(3, 4), mode=bilinear)");
    expect_text(fv_nn_pixel_shuffle(2), "PixelShuffle(upscale_factor=2)");
    expect_text(fv_nn_pixel_unshuffle(2), "PixelUnshuffle(downscale_factor=2)");
    expect_text(fv_nn_channel_shuffle(2), "ChannelShuffle(groups=2)");
    expect_text(fv_nn_conv2d(4, 6, FV_DIMS(3, 1), .padding = FV_SAME, .groups = 2, .bias = false),
                "Conv2d(4, 6, kernel_size=(3, 1), stride=(1, 1), padding=same, groups=2, "
                "bias=False)");
    expect_text(fv_nn_conv1d(4, 6, 3, .padding = FV_VALID, .padding_mode = FV_PAD_CIRCULAR),
                "Conv1d(4, 6, kernel_size=(3,), stride=(1,), padding=valid, "
                "padding_mode=circular)");
    expect_text(fv_nn_conv2d(1, 1, 3, .padding = FV_FULL, .padding_mode = FV_PAD_REPLICATE),
                "Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1), padding=full, "
                "padding_mode=replicate)");
    expect_text(fv_nn_conv_transpose2d(4, 6, 3, 2, 1, .output_padding = 1, .dilation = 2),
                "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), "
                "dilation=(2, 2), output_padding=(1, 1))");
    expect_text(fv_nn_max_pool2d(FV_DIMS(2, 3)),
                "MaxPool2d(kernel_size=(2, 3), stride=(2, 3), padding=0, dilation=1, "
                "ceil_mode=False)");
    expect_text(fv_nn_leaky_relu(1e-20), "LeakyReLU(negative_slope=1e-20)");
    expect_text(fv_nn_leaky_relu((double)INFINITY), "LeakyReLU(negative_slope=inf)");
    expect_text(fv_nn_leaky_relu(1234567), "LeakyReLU(negative_slope=1234567.0)");
    expect_text(fv_nn_dropout2d(0.1), "Dropout2d(p=0.1, inplace=False)");
    expect_text(fv_sequential_from((fv_modules){NULL, 0}), "Sequential()");
}
END_TEST

static fv_tensor *first_forward(fv_module *self, fv_tensor *x)
{
    return fv_forward(fv_child_at(self, 0), x);
}

static fv_tensor *null_forward(fv_module *self, fv_tensor *x)
{
    (void)self, (void)x;
    return NULL;
}

static void describe_number(const fv_module *self, char *text, size_t room)
{
    snprintf(text, room, "number=%d", *(const int *)fv_module_const_context(self));
}

static const fv_module_type numbered = {.name = "Numbered",
                                        .context_size = sizeof(int),
                                        .forward = first_forward,
                                        .describe = describe_number};
static const fv_module_type broken = {.name = "Broken", .forward = null_forward};

START_TEST(a_tree_is_printed_with_its_options)
{
    fv_module *m = fv_module_new(&numbered, &(int){7});
    fv_module_add_child(m, "inner", fv_sequential(fv_nn_tanh()));
    ck_assert_int_eq(*(int *)fv_module_context(m), 7);
    fv_print_module(m); /* to stdout: the same text */
    expect_text(m, "Numbered(\n  number=7\n  (inner): Sequential(\n    (0): Tanh()\n  )\n)");
    m = fv_module_new(&numbered, NULL); /* without a context: zeros */
    expect_text(m, "Numbered(number=0)");
    char *text = fv_module_to_string(NULL);
    ck_assert_str_eq(text, "NULL");
    free(text);
}
END_TEST

/* --- refusals ----------------------------------------------------------------------------- */

START_TEST(modules_of_ones_own_are_checked)
{
    static const fv_module_type nameless = {.forward = null_forward}, idle = {.name = "Idle"};
    fv_set_log(NULL, NULL);
    ck_assert_ptr_null(fv_module_new(NULL, NULL));
    expect_error(FV_ERR_OPTION, "name and a forward");
    ck_assert_ptr_null(fv_module_new(&nameless, NULL));
    expect_error(FV_ERR_OPTION, "name and a forward");
    ck_assert_ptr_null(fv_module_new(&idle, NULL));
    expect_error(FV_ERR_OPTION, "name and a forward");
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2, .requires_grad = true);
        fv_module *m = fv_module_new(&broken, NULL);
        ck_assert(fv_failed(fv_forward(m, x)));
        expect_error(FV_ERR_STATE, "forward returned NULL");
        ck_assert(fv_failed(fv_forward(m, NULL)));
        expect_error(FV_ERR_OPTION, "input is NULL");
        ck_assert(fv_failed(fv_forward(m, fv_failed_tensor())));
        ck_assert_int_eq(fv_error_status(), FV_OK); /* whoever failed has told */
        ck_assert_int_eq(fv_module_add_parameter(m, "p", fv_mul(x, x)), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "the result of an op");
        ck_assert_int_eq(fv_module_add_parameter(m, "p", NULL), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "missing or failed");
        ck_assert_int_eq(fv_module_add_buffer(m, NULL, x), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "empty or has a dot");
        ck_assert_int_eq(fv_module_add_buffer(m, "", x), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "empty or has a dot");
        ck_assert_int_eq(fv_module_add_buffer(m, "x", x), FV_OK);
        ck_assert_int_eq(fv_module_add_parameter(m, "x", x), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "in use");
        ck_assert_int_eq(fv_module_add_child(m, NULL, NULL), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "child \"\" is NULL");
        ck_assert_int_eq(fv_module_add_parameter(NULL, "x", x), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, "NULL");
        fv_module *parent = fv_module_new(&numbered, NULL);
        ck_assert_int_eq(fv_module_add_child(parent, "bad", m), FV_ERR_OPTION); /* frees m */
        expect_error(FV_ERR_OPTION, "building child \"bad\" has failed");
        ck_assert_ptr_null(fv_module_finish(parent));
        ck_assert_ptr_null(fv_module_finish(NULL));
    }
}
END_TEST

START_TEST(questions_to_no_module_have_answers)
{
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fv_child_count(NULL), 0);
    ck_assert_ptr_null(fv_child_at(NULL, 0));
    expect_error(FV_ERR_INDEX, "NULL module");
    ck_assert_ptr_null(fv_child_name(NULL, 0));
    expect_error(FV_ERR_INDEX, "NULL module");
    ck_assert_ptr_null(fv_get_child(NULL, "a"));
    expect_error(FV_ERR_INDEX, "NULL module");
    ck_assert_ptr_null(fv_module_tensor(NULL, "weight"));
    ck_assert(!fv_is_training(NULL));
    ck_assert_ptr_null(fv_module_context(NULL));
    ck_assert_ptr_null(fv_module_const_context(NULL));
    ck_assert_ptr_null(fv_module_name(NULL));
    fv_train(NULL);
    expect_error(FV_ERR_OPTION, "train: the module is NULL");
    fv_eval(NULL);
    expect_error(FV_ERR_OPTION, "eval: the module is NULL");
    fv_free((fv_module *)NULL);
    fv_module *m = fv_sequential(fv_nn_linear(1, 1), fv_nn_tanh());
    ck_assert_ptr_null(fv_child_at(m, -1));
    expect_error(FV_ERR_INDEX, "-1 of 2");
    ck_assert_ptr_null(fv_get_child(m, NULL));
    expect_error(FV_ERR_INDEX, "no child \"\"");
    ck_assert_ptr_null(fv_get_child(m, "0."));
    expect_error(FV_ERR_INDEX, "\"0.\"");
    ck_assert_ptr_null(fv_module_tensor(fv_child_at(m, 0), NULL));
    ck_assert_ptr_null(fv_module_tensor(fv_child_at(m, 0), "weigh"));
    ck_assert_ptr_null(fv_module_tensor(fv_child_at(m, 0), "weights"));
    ck_assert_int_eq(fv_save(m, NULL), FV_ERR_OPTION);
    fv_clear_error();
    ck_assert_int_eq(fv_load(m, NULL), FV_ERR_OPTION);
    fv_clear_error();
    fv_free(m);
}
END_TEST

#define REFUSED(call, part)                                                                        \
    do {                                                                                           \
        ck_assert_ptr_null(call);                                                                  \
        expect_error(fv_error_status(), part);                                                     \
    } while (0)

START_TEST(layers_check_every_option)
{
    fv_set_log(NULL, NULL);
    REFUSED(fv_nn_linear(0, 2), "in_features 0");
    REFUSED(fv_nn_linear(2, 2, .dtype = FV_INT32), "float32 or float64");
    REFUSED(fv_nn_conv2d(4, 0, 3), "out_channels 0");
    REFUSED(fv_nn_conv2d(4, 8, 3, .dilation = FV_DIMS(1, 0)), "dilation");
    REFUSED(fv_nn_conv2d(4, 8, 3, .stride = FV_DIMS(1, 2), .padding = FV_SAME), "FV_SAME");
    REFUSED(fv_nn_conv_transpose2d(0, 8, 3), "in_channels");
    REFUSED(fv_nn_conv_transpose2d(4, 8, 3, .output_padding = -1), "output_padding");
    REFUSED(fv_nn_batch_norm2d(3, .eps = -1), "eps -1");
    REFUSED(fv_nn_batch_norm2d(3, .dtype = FV_INT64), "int64");
    REFUSED(fv_nn_avg_pool1d(0), "kernel_size");
    REFUSED(fv_nn_avg_pool2d(2, .padding = -1), "padding");
    REFUSED(fv_nn_avg_pool3d(2, .stride = FV_DIMS(1, 1)), "stride");
    REFUSED(fv_nn_max_pool1d(2, .stride = 0), "stride");
    REFUSED(fv_nn_adaptive_max_pool3d(FV_DIMS(1, 0, 1)), "output_size");
    REFUSED(fv_nn_dropout2d(-0.5), "p is -0.5");
    REFUSED(fv_nn_unfold(3, .stride = 0), "nn_unfold: stride is 0");
    REFUSED(fv_nn_unfold(0), "kernel_size is 0");
    REFUSED(fv_nn_unfold(3, .dilation = -1), "dilation");
    REFUSED(fv_nn_fold(FV_DIMS(4, 0), 2), "nn_fold: output_size");
    REFUSED(fv_nn_fold(4, 2, .padding = -1), "nn_fold: padding");
    REFUSED(fv_nn_max_unpool1d(2, .output_size = 0), "nn_max_unpool1d: output_size is 0");
    REFUSED(fv_nn_max_unpool2d(2, .stride = FV_DIMS(1, 2, 3)), "stride");
    REFUSED(fv_nn_max_unpool3d(2, .padding = FV_SAME), "padding is FV_SAME");
    REFUSED(fv_nn_upsample(), "one of output_size and scale_factor");
    REFUSED(fv_nn_upsample(4, 2), "one of output_size and scale_factor");
    REFUSED(fv_nn_upsample(.scale_factor = 2, .scale_factors = {2, 2}), "one of output_size");
    REFUSED(fv_nn_upsample(.scale_factor = -2), "must be positive");
    REFUSED(fv_nn_upsample(.scale_factors = {2, -2}), "must be positive");
    REFUSED(fv_nn_upsample(FV_DIMS(4, 0)), "output_size is 0");
    REFUSED(fv_nn_upsample(4, .mode = (fv_interpolation)FV_SUM),
            "mode is FV_SUM; it takes FV_NEAREST");
    REFUSED(fv_nn_upsample(4, .align_corners = true), "no meaning in mode nearest");
    REFUSED(fv_nn_upsample(4, .recompute_scale_factor = true), "beside an output_size");
    REFUSED(fv_nn_upsampling_nearest2d(), "nn_upsampling_nearest2d: one of");
    REFUSED(fv_nn_upsampling_bilinear2d(0), "nn_upsampling_bilinear2d: output_size");
    REFUSED(fv_nn_pixel_shuffle(0), "upscale_factor is 0");
    REFUSED(fv_nn_pixel_unshuffle(-1), "downscale_factor is -1");
    REFUSED(fv_nn_channel_shuffle(0), "groups is 0");
    REFUSED(fv_nn_dropout((double)NAN), "p is nan");
    {
        FV_SCOPE;
        fv_module *norms[] = {fv_nn_batch_norm1d(3), fv_nn_batch_norm3d(3)};
        const char *parts[] = {"a 2-dim or 3-dim", "a 5-dim"};
        for (int k = 0; k < 2; k++) {
            ck_assert(fv_failed(fv_forward(norms[k], fv_ones(2, 3, 4, 5))));
            expect_error(FV_ERR_SHAPE, parts[k]);
            fv_free(norms[k]);
        }
    }
}
END_TEST

static void refuse(fv_tensor *result, const char *part)
{
    ck_assert(fv_failed(result));
    expect_error(fv_error_status(), part);
}

START_TEST(initialisers_check_every_argument)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        const double nan = (double)NAN, inf = (double)INFINITY;
        fv_tensor *t = fv_ones(3, 3), *row = fv_ones(3), *whole = fv_ones(3, 3, .dtype = FV_INT64);
        refuse(fv_init_uniform_(t, 1, -1), "must be <= b");
        refuse(fv_init_uniform_(t, nan, 1), "must be <= b");
        refuse(fv_init_uniform_(t, -inf, inf), "not finite");
        refuse(fv_init_uniform_(t, 0, inf), "not finite");
        refuse(fv_init_normal_(t, 0, -1), "std is -1");
        refuse(fv_init_normal_(t, inf, 1), "not finite");
        refuse(fv_init_uniform_(NULL), "missing or failed");
        refuse(fv_init_normal_(NULL), "missing or failed");
        refuse(fv_init_constant_(NULL, 1), "missing or failed");
        refuse(fv_init_kaiming_uniform_(NULL), "missing or failed");
        refuse(fv_init_kaiming_uniform_(t, .mode = (fv_fan_mode)5), "mode is 5");
        refuse(fv_init_kaiming_uniform_(row), "[3]");
        refuse(fv_init_kaiming_normal_(whole), "int64");
        refuse(fv_init_xavier_uniform_(NULL), "missing or failed");
        refuse(fv_init_xavier_normal_(whole), "int64");
        ck_assert_int_eq(fv_init_calculate_fan_in(NULL), 0);
        expect_error(FV_ERR_OPTION, "missing or failed");
        ck_assert_int_eq(fv_init_calculate_fan_out(row), 0);
        expect_error(FV_ERR_SHAPE, "two dimensions");
        for (int k = 0; k < 3; k++) ck_assert_double_eq(fv_data_float32(row)[k], 1.0f);
        fv_tensor *empty = fv_empty(0, 3);
        ck_assert_ptr_eq(fv_init_kaiming_uniform_(empty), empty);
        ck_assert_double_eq(fv_init_calculate_gain(FV_NONLINEARITY_LINEAR, 0), 1.0);
        ck_assert_double_eq(fv_init_calculate_gain(FV_NONLINEARITY_SELU, 0), 0.75);
        ck_assert_double_eq_tol(fv_init_calculate_gain(FV_NONLINEARITY_LEAKY_RELU, 2), sqrt(0.4),
                                1e-15);
        ASSERT_VALUES(fv_init_uniform_(fv_ones(2, .dtype = FV_FLOAT64), 3, 3), 0, 3, 3);
        ASSERT_VALUES(fv_init_normal_(fv_ones(2, .dtype = FV_FLOAT64), 3, 0), 0, 3, 3);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("layers");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, pooling_layers_compute_what_the_functions_do);
    tcase_add_test(values, pooling_layers_are_their_ops);
    tcase_add_test(values, layers_of_windows_and_sizes_compute_what_the_functions_do);
    tcase_add_test(values, activation_layers_compute_what_the_functions_do);
    tcase_add_test(values, layers_with_weights_keep_samples_apart);
    tcase_add_test(values, convolution_layers_pad_in_every_mode);
    TCase *text = add_case(suite, "text");
    tcase_add_test(text, options_are_printed_as_by_pytorch);
    tcase_add_test(text, a_tree_is_printed_with_its_options);
    TCase *refusals = add_case(suite, "refusals");
    tcase_add_test(refusals, modules_of_ones_own_are_checked);
    tcase_add_test(refusals, questions_to_no_module_have_answers);
    tcase_add_test(refusals, layers_check_every_option);
    tcase_add_test(refusals, initialisers_check_every_argument);
    return suite;
}
