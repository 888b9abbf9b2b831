/* Counts of parameters, multiply-adds and sizes by inspection: those of a lecture, of published
 * networks and of PyTorch. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/networks.h"
#include "support.h"

/* Ten filters 5x5x3 with stride 1 and padding 2 on 32x32, and the layer that is fully connected. */
START_TEST(a_lecture_s_convolution)
{
    fv_module *conv = fv_nn_conv2d(3, 10, 5, .padding = 2);
    fv_inspection *seen = fv_inspect(conv, 1, 3, 32, 32);
    const fv_layer_info *all = fv_inspection_layer(seen, 0);
    const fv_shape wanted = {4, {1, 10, 32, 32}};
    ck_assert(fv_shape_equal(&all->output, &wanted));
    ck_assert_int_eq(all->parameters, 760);
    ck_assert_int_eq(all->multiply_adds + all->bias_adds, 778240);
    fv_free(seen);
    fv_free(conv);
    fv_module *full = fv_sequential(fv_nn_flatten(), fv_nn_linear(3 * 32 * 32, 10 * 32 * 32));
    seen = fv_inspect(full, 1, 3, 32, 32);
    ck_assert_int_eq(fv_inspection_layer(seen, 0)->parameters, 31467520);
    ck_assert_int_eq(fv_inspection_layer(seen, 0)->multiply_adds, INT64_C(3072) * 10240);
    ck_assert_int_eq(fv_inspection_layer(seen, 0)->bias_adds, 10240);
    fv_free(seen);
    fv_free(full);
}
END_TEST

static int64_t length_of(fv_module *m, int64_t length)
{
    fv_inspection *seen = fv_inspect(m, 1, 1, length, length);
    const int64_t found = seen ? fv_inspection_layer(seen, 0)->output.dim[3] : -1;
    fv_free(seen);
    fv_free(m);
    return found;
}

START_TEST(a_lecture_s_sizes)
{
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3), 7), 5);
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3, .stride = 2), 7), 3);
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3, .stride = 3), 7), 2); /* does not fit */
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3, .stride = 3, .padding = 1), 7), 3);
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3, .padding = FV_FULL), 7), 9);
    ck_assert_int_eq(length_of(fv_nn_conv2d(1, 1, 3, .padding = FV_SAME), 7), 7);
    for (int64_t stride = 2; stride <= 3; stride++)
        for (int64_t padding = 0; padding <= 1; padding++)
            for (int64_t more = 0; more < stride; more++)
                ck_assert_int_eq(
                    length_of(fv_nn_conv_transpose2d(1, 1, 4, .stride = stride, .padding = padding,
                                                     .output_padding = more),
                              5),
                    (5 - 1) * stride + 4 - 2 * padding + more);
}
END_TEST

static fv_module *basic(int64_t in, int64_t out, int64_t stride)
{
    fv_module *body = fv_sequential(
        fv_nn_conv2d(in, out, 3, .stride = stride, .padding = 1, .bias = false),
        fv_nn_batch_norm2d(out), fv_nn_relu(),
        fv_nn_conv2d(out, out, 3, .padding = 1, .bias = false), fv_nn_batch_norm2d(out));
    fv_module *shortcut = NULL;
    if (in != out || stride != 1)
        shortcut = fv_sequential(fv_nn_conv2d(in, out, 1, .stride = stride, .bias = false),
                                 fv_nn_batch_norm2d(out));
    return fv_nn_residual(body, shortcut, .relu = true);
}

static fv_module *bottleneck(int64_t in, int64_t width, int64_t stride)
{
    const int64_t out = 4 * width;
    fv_module *body = fv_sequential(
        fv_nn_conv2d(in, width, 1, .bias = false), fv_nn_batch_norm2d(width), fv_nn_relu(),
        fv_nn_conv2d(width, width, 3, .stride = stride, .padding = 1, .bias = false),
        fv_nn_batch_norm2d(width), fv_nn_relu(), fv_nn_conv2d(width, out, 1, .bias = false),
        fv_nn_batch_norm2d(out));
    fv_module *shortcut = NULL;
    if (in != out || stride != 1)
        shortcut = fv_sequential(fv_nn_conv2d(in, out, 1, .stride = stride, .bias = false),
                                 fv_nn_batch_norm2d(out));
    return fv_nn_residual(body, shortcut, .relu = true);
}

static fv_module *stem(void)
{
    return fv_sequential(fv_nn_conv2d(3, 64, 7, .stride = 2, .padding = 3, .bias = false),
                         fv_nn_batch_norm2d(64), fv_nn_relu(),
                         fv_nn_max_pool2d(3, .stride = 2, .padding = 1));
}

static void add_head(fv_module *net, int64_t channels)
{
    fv_module_append(net, fv_nn_adaptive_avg_pool2d(1));
    fv_module_append(net, fv_nn_flatten());
    fv_module_append(net, fv_nn_linear(channels, 1000));
}

static fv_module *torch_resnet18(void)
{
    fv_module *net = stem();
    for (int64_t width = 64, in = 64; width <= 512; in = width, width *= 2) {
        fv_module_append(net, basic(in, width, width == 64 ? 1 : 2));
        fv_module_append(net, basic(width, width, 1));
    }
    add_head(net, 512);
    return net;
}

static fv_module *torch_resnet50(void)
{
    static const int blocks[] = {3, 4, 6, 3};
    fv_module *net = stem();
    int64_t in = 64;
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < blocks[stage]; i++) {
            const int64_t width = INT64_C(64) << stage;
            fv_module_append(net, bottleneck(in, width, stage && !i ? 2 : 1));
            in = 4 * width;
        }
    add_head(net, 2048);
    return net;
}

static fv_module *torch_vgg16(void)
{
    static const int widths[] = {64, 64,  0,   128, 128, 0,   256, 256, 256,
                                 0,  512, 512, 512, 0,   512, 512, 512, 0};
    fv_module *net = fv_sequential();
    int64_t in = 3;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (!widths[i]) {
            fv_module_append(net, fv_nn_max_pool2d(2));
            continue;
        }
        fv_module_append(net, fv_nn_conv2d(in, widths[i], 3, .padding = 1));
        fv_module_append(net, fv_nn_relu());
        in = widths[i];
    }
    fv_module_append(net, fv_nn_flatten());
    fv_module_append(net, fv_nn_linear(512 * 7 * 7, 4096));
    fv_module_append(net, fv_nn_linear(4096, 4096));
    fv_module_append(net, fv_nn_linear(4096, 1000));
    return net;
}

static fv_module *inverted(int64_t in, int64_t out, int64_t stride, int64_t factor)
{
    const int64_t width = in * factor;
    fv_module *row = fv_sequential();
    if (factor > 1) {
        fv_module_append(row, fv_nn_conv2d(in, width, 1, .bias = false));
        fv_module_append(row, fv_nn_batch_norm2d(width));
        fv_module_append(row, fv_nn_relu());
    }
    fv_module_append(row, fv_nn_conv2d(width, width, 3, .stride = stride, .padding = 1,
                                       .groups = width, .bias = false));
    fv_module_append(row, fv_nn_batch_norm2d(width));
    fv_module_append(row, fv_nn_relu());
    fv_module_append(row, fv_nn_conv2d(width, out, 1, .bias = false));
    fv_module_append(row, fv_nn_batch_norm2d(out));
    return stride == 1 && in == out ? fv_nn_residual(row) : row;
}

static fv_module *torch_mobilenet_v2(void)
{
    static const int rows[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    fv_module *net = fv_sequential(fv_nn_conv2d(3, 32, 3, .stride = 2, .padding = 1, .bias = false),
                                   fv_nn_batch_norm2d(32), fv_nn_relu());
    int64_t in = 32;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < rows[i][2]; k++, in = rows[i][1])
            fv_module_append(net, inverted(in, rows[i][1], k ? 1 : rows[i][3], rows[i][0]));
    fv_module_append(net, fv_nn_conv2d(320, 1280, 1, .bias = false));
    fv_module_append(net, fv_nn_batch_norm2d(1280));
    fv_module_append(net, fv_nn_relu());
    add_head(net, 1280);
    return net;
}

/* As torchvision's documentation has them: parameters, and billions of multiply-adds. */
START_TEST(published_counts)
{
    static const struct {
        const char *name;
        fv_module *(*make)(void);
        int64_t parameters;
        double billions;
    } networks[] = {{"resnet18", torch_resnet18, 11689512, 1.814},
                    {"resnet50", torch_resnet50, 25557032, 4.089},
                    {"vgg16", torch_vgg16, 138357544, 15.470},
                    {"mobilenet_v2", torch_mobilenet_v2, 3504872, 0.301}};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        const bool shapes_only = fv_set_shapes_only(true);
        fv_module *net = networks[i].make();
        fv_set_shapes_only(shapes_only);
        fv_inspection *seen = fv_inspect(net, 1, 3, 224, 224);
        ck_assert_msg(seen != NULL, "%s: %s", networks[i].name, fv_error());
        ck_assert_int_eq(fv_inspection_layer(seen, 0)->parameters, networks[i].parameters);
        ck_assert_int_eq(fv_inspection_memory_of(seen).parameter_bytes, 4 * networks[i].parameters);
        ck_assert_double_eq_tol((double)fv_inspection_layer(seen, 0)->multiply_adds / 1e9,
                                networks[i].billions, 0.0006);
        fv_free(seen);
        fv_free(net);
    }
}
END_TEST

/* golden/networks.list, which golden/count_networks.py makes. */
START_TEST(counts_of_the_compared_networks_are_pytorch_s)
{
    char path[512], name[32], shape[64];
    long long parameters, products, additions;
    int count, lines = 0;
    bench_networks(&count);
    snprintf(path, sizeof path, "%s/golden/networks.list", getenv("FOVEA_TESTS_DIR"));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fscanf(file, "%31s %lld %lld %lld %63s", name, &parameters, &products, &additions,
                  shape) == 5) {
        const bench_network *row = bench_find_network(name);
        ck_assert_msg(row != NULL, "%s", name);
        fv_shape x = {row->input.ndim + 1, {1}};
        for (int d = 0; d < row->input.ndim; d++) x.dim[d + 1] = row->input.dim[d];
        const bool shapes_only = fv_set_shapes_only(true);
        fv_module *net = row->make();
        fv_set_shapes_only(shapes_only);
        fv_inspection *seen = fv_inspect(net, .shape = x);
        ck_assert_msg(seen != NULL, "%s: %s", name, fv_error());
        const fv_layer_info *all = fv_inspection_layer(seen, 0);
        ck_assert_msg(all->parameters == parameters && all->trainable == parameters &&
                          all->multiply_adds == products && all->bias_adds == additions,
                      "%s: %lld parameters, %lld products, %lld additions", name,
                      (long long)all->parameters, (long long)all->multiply_adds,
                      (long long)all->bias_adds);
        ck_assert_str_eq(fv_shape_text(&all->output), shape);
        ck_assert_msg(all->field.known, "%s: %s", name, all->unknown);
        fv_free(seen);
        fv_free(net);
        lines++;
    }
    fclose(file);
    ck_assert_int_eq(lines, count);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("inspection counts");
    TCase *counts = add_case(suite, "counts");
    tcase_add_test(counts, a_lecture_s_convolution);
    tcase_add_test(counts, a_lecture_s_sizes);
    tcase_add_test(counts, published_counts);
    tcase_add_test(counts, counts_of_the_compared_networks_are_pytorch_s);
    return suite;
}
