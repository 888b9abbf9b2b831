/* The networks of compare.sh that no example has. Published definitions, without dropout, for
 * inputs small enough that a training step takes between a few and a few hundred milliseconds. */
#include "networks.h"

#include <string.h>

#include "examples/models.h"

enum { WAVENET_LAYERS = 8, WAVENET_WIDTH = 32, WAVENET_LEVELS = 256, UNET_CLASSES = 2 };

static fv_module *conv_norm_relu(int64_t in, int64_t out)
{
    return fv_sequential(fv_nn_conv2d(in, out, 3, .padding = 1), fv_nn_batch_norm2d(out),
                         fv_nn_relu());
}

/* Simonyan & Zisserman 2014, configuration A with batch norm, for 32 x 32. */
static fv_module *vgg11_bn(void)
{
    return fv_sequential(
        conv_norm_relu(3, 64), fv_nn_max_pool2d(2),                              /* 16 x 16 */
        conv_norm_relu(64, 128), fv_nn_max_pool2d(2),                            /* 8 x 8 */
        conv_norm_relu(128, 256), conv_norm_relu(256, 256), fv_nn_max_pool2d(2), /* 4 x 4 */
        conv_norm_relu(256, 512), conv_norm_relu(512, 512), fv_nn_max_pool2d(2), /* 2 x 2 */
        conv_norm_relu(512, 512), conv_norm_relu(512, 512), fv_nn_max_pool2d(2), fv_nn_flatten(),
        fv_nn_linear(512, 10));
}

/* A depthwise 3x3 and a 1x1 convolution, each with batch norm and ReLU. */
static fv_module *separable(int64_t in, int64_t out, int64_t stride)
{
    return fv_sequential(
        fv_nn_conv2d(in, in, 3, .stride = stride, .padding = 1, .groups = in, .bias = false),
        fv_nn_batch_norm2d(in), fv_nn_relu(), fv_nn_conv2d(in, out, 1, .bias = false),
        fv_nn_batch_norm2d(out), fv_nn_relu());
}

/* Howard et al. 2017, with a stem for 32 x 32. */
static fv_module *mobilenet(void)
{
    return fv_sequential(conv3x3(3, 32, 1), fv_nn_batch_norm2d(32), fv_nn_relu(),
                         separable(32, 64, 1), separable(64, 128, 2), separable(128, 128, 1),
                         separable(128, 256, 2), separable(256, 256, 1), separable(256, 512, 2),
                         separable(512, 512, 1), separable(512, 512, 1), separable(512, 512, 1),
                         separable(512, 512, 1), separable(512, 512, 1), separable(512, 1024, 2),
                         separable(1024, 1024, 1), fv_nn_adaptive_avg_pool2d(1), fv_nn_flatten(),
                         fv_nn_linear(1024, 10));
}

static fv_module *up4x4(int64_t in, int64_t out, int64_t stride, int64_t padding)
{
    return fv_nn_conv_transpose2d(in, out, 4, .stride = stride, .padding = padding, .bias = false);
}

/* The generator of Radford et al. 2015, for images of 32 x 32. */
static fv_module *dcgan_g(void)
{
    return fv_sequential(up4x4(100, 256, 1, 0), fv_nn_batch_norm2d(256), fv_nn_relu(), /* 4 x 4 */
                         up4x4(256, 128, 2, 1), fv_nn_batch_norm2d(128), fv_nn_relu(), /* 8 x 8 */
                         up4x4(128, 64, 2, 1), fv_nn_batch_norm2d(64), fv_nn_relu(),
                         up4x4(64, 3, 2, 1), fv_nn_tanh());
}

/* --- U-Net: Ronneberger et al. 2015 ----------------------------------------------------------- */

static fv_module *twice(int64_t in, int64_t out)
{
    return fv_sequential(conv_norm_relu(in, out), conv_norm_relu(out, out));
}

static fv_tensor *unet_level_forward(fv_module *self, fv_tensor *x)
{
    x = fv_child(self, "down", x);
    fv_tensor *below = fv_child(self, "below", fv_max_pool2d(x, 2));
    fv_tensor *up = fv_child(self, "up", below);
    return fv_child(self, "join", fv_cat(FV_TENSORS(x, up), .dim = 1));
}

static const fv_module_type unet_level_type = {
    .name = "Level", .forward = unet_level_forward, .per_sample = 1};

/* Two convolutions, a smaller copy of the map that goes through `below`, which gives 2 * out
 * channels, and two convolutions of both. */
static fv_module *unet_level(int64_t in, int64_t out, fv_module *below)
{
    fv_module *m = fv_module_new(&unet_level_type, NULL);
    fv_module_add_child(m, "down", twice(in, out));
    fv_module_add_child(m, "below", below);
    fv_module_add_child(m, "up", fv_nn_conv_transpose2d(2 * out, out, 2, .stride = 2));
    fv_module_add_child(m, "join", twice(2 * out, out));
    return fv_module_finish(m);
}

/* 16 to 128 channels, padded, with batch norm. */
static fv_module *unet(void)
{
    return fv_sequential(unet_level(3, 16, unet_level(16, 32, unet_level(32, 64, twice(64, 128)))),
                         fv_nn_conv2d(16, UNET_CLASSES, 1));
}

/* --- one dimension ---------------------------------------------------------------------------- */

static fv_module *m5_block(int64_t in, int64_t out, int64_t kernel, int64_t stride)
{
    return fv_sequential(fv_nn_conv1d(in, out, kernel, .stride = stride), fv_nn_batch_norm1d(out),
                         fv_nn_relu(), fv_nn_max_pool1d(4));
}

/* M5 of Dai et al. 2016, for a second at 8 kHz. */
static fv_module *m5(void)
{
    return fv_sequential(m5_block(1, 128, 80, 4), m5_block(128, 128, 3, 1),
                         m5_block(128, 256, 3, 1), m5_block(256, 512, 3, 1),
                         fv_nn_adaptive_avg_pool1d(1), fv_nn_flatten(), fv_nn_linear(512, 10));
}

/* filter, gate and skip; all but the last layer have a residual too. */
static fv_module *wavenet_layer(int64_t dilation, bool last)
{
    enum { C = WAVENET_WIDTH };
    fv_module *m = fv_module_list(fv_nn_conv1d(C, C, 3, .padding = dilation, .dilation = dilation),
                                  fv_nn_conv1d(C, C, 3, .padding = dilation, .dilation = dilation),
                                  fv_nn_conv1d(C, C, 1));
    if (!last) fv_module_append(m, fv_nn_conv1d(C, C, 1));
    return m;
}

/* tanh(filter(x)) * sigmoid(gate(x)), whose 1x1 convolutions are added to x and to what the layers
 * before have put out. */
static void wavenet_layer_forward(fv_module *layer, fv_tensor **x, fv_tensor **sum)
{
    FV_SCOPE;
    fv_tensor *h = fv_mul(fv_tanh(fv_forward(fv_child_at(layer, 0), *x)),
                          fv_sigmoid(fv_forward(fv_child_at(layer, 1), *x)));
    fv_tensor *skip = fv_forward(fv_child_at(layer, 2), h);
    *sum = fv_escape(*sum ? fv_add(*sum, skip) : skip);
    if (fv_child_count(layer) == 4)
        *x = fv_escape(fv_add(*x, fv_forward(fv_child_at(layer, 3), h)));
}

static fv_tensor *wavenet_forward(fv_module *self, fv_tensor *x)
{
    fv_tensor *sum = NULL;
    fv_module *layers = fv_get_child(self, "layers");
    x = fv_child(self, "stem", x);
    for (int i = 0; i < WAVENET_LAYERS; i++)
        wavenet_layer_forward(fv_child_at(layers, i), &x, &sum);
    return fv_child(self, "head", sum);
}

static const fv_module_type wavenet_type = {
    .name = "WaveNet", .forward = wavenet_forward, .per_sample = 1};

/* van den Oord et al. 2016: a stack of gated dilated layers, 1 to 128, 256 levels a position. The
 * kernels are of 3 and look both ways. */
static fv_module *wavenet(void)
{
    enum { C = WAVENET_WIDTH };
    fv_module *layers = fv_module_list();
    for (int i = 0; i < WAVENET_LAYERS; i++)
        fv_module_append(layers, wavenet_layer(1 << i, i == WAVENET_LAYERS - 1));
    fv_module *m = fv_module_new(&wavenet_type, NULL);
    fv_module_add_child(m, "stem", fv_nn_conv1d(1, C, 1));
    fv_module_add_child(m, "layers", layers);
    fv_module_add_child(m, "head",
                        fv_sequential(fv_nn_relu(), fv_nn_conv1d(C, C, 1), fv_nn_relu(),
                                      fv_nn_conv1d(C, WAVENET_LEVELS, 1)));
    return fv_module_finish(m);
}

/* --- others ----------------------------------------------------------------------------------- */

static fv_module *conv_relu_3d(int64_t in, int64_t out)
{
    return fv_sequential(fv_nn_conv3d(in, out, 3, .padding = 1), fv_nn_relu());
}

/* Tran et al. 2014, half as wide and for 8 pictures of 56 x 56. */
static fv_module *c3d(void)
{
    return fv_sequential(
        conv_relu_3d(3, 32), fv_nn_max_pool3d(FV_DIMS(1, 2, 2)),         /* 8 x 28 x 28 */
        conv_relu_3d(32, 64), conv_relu_3d(64, 64), fv_nn_max_pool3d(2), /* 4 x 14 x 14 */
        conv_relu_3d(64, 128), fv_nn_max_pool3d(2),                      /* 2 x 7 x 7 */
        conv_relu_3d(128, 128), fv_nn_max_pool3d(FV_DIMS(2, 2, 2)), fv_nn_flatten(), /* 1 x 3 x 3 */
        fv_nn_linear(128 * 3 * 3, 256), fv_nn_relu(), fv_nn_linear(256, 10));
}

/* Krizhevsky 2014 ("one weird trick"). */
static fv_module *alexnet(void)
{
    return fv_sequential(fv_nn_conv2d(3, 64, 11, .stride = 4, .padding = 2), fv_nn_relu(),
                         fv_nn_max_pool2d(3, .stride = 2), /* 27 x 27 */
                         fv_nn_conv2d(64, 192, 5, .padding = 2), fv_nn_relu(),
                         fv_nn_max_pool2d(3, .stride = 2), /* 13 x 13 */
                         fv_nn_conv2d(192, 384, 3, .padding = 1), fv_nn_relu(),
                         fv_nn_conv2d(384, 256, 3, .padding = 1), fv_nn_relu(),
                         fv_nn_conv2d(256, 256, 3, .padding = 1), fv_nn_relu(),
                         fv_nn_max_pool2d(3, .stride = 2), /* 6 x 6 */
                         fv_nn_flatten(), fv_nn_linear(256 * 6 * 6, 4096), fv_nn_relu(),
                         fv_nn_linear(4096, 4096), fv_nn_relu(), fv_nn_linear(4096, 1000));
}

static fv_module *mlp(void)
{
    return fv_sequential(fv_nn_linear(784, 512), fv_nn_relu(), fv_nn_linear(512, 512), fv_nn_relu(),
                         fv_nn_linear(512, 10));
}

/* --- the table -------------------------------------------------------------------------------- */

static const bench_network networks[] = {
    {"lenet", 128, {3, {3, 32, 32}}, {0}, 10, 1e-4, lenet},
    {"small", 128, {3, {3, 32, 32}}, {0}, 10, 1e-4, small_net},
    {"resnet20", 128, {3, {3, 32, 32}}, {0}, 10, 3e-4, resnet20},
    {"resnet18", 32, {3, {3, 32, 32}}, {0}, 10, 3e-4, resnet18},
    {"vgg11_bn", 64, {3, {3, 32, 32}}, {0}, 10, 3e-4, vgg11_bn},
    {"mobilenet", 64, {3, {3, 32, 32}}, {0}, 10, 3e-4, mobilenet},
    {"dcgan_g", 64, {3, {100, 1, 1}}, {3, {3, 32, 32}}, 0, 0.1, dcgan_g},
    {"unet", 8, {3, {3, 128, 128}}, {2, {128, 128}}, UNET_CLASSES, 0.03, unet},
    {"m5", 64, {2, {1, 8000}}, {0}, 10, 3e-3, m5},
    {"wavenet", 8, {2, {1, 4096}}, {1, {4096}}, WAVENET_LEVELS, 3e-3, wavenet},
    {"c3d", 8, {4, {3, 8, 56, 56}}, {0}, 10, 3e-5, c3d},
    {"alexnet", 16, {3, {3, 224, 224}}, {0}, 1000, 1e-4, alexnet},
    {"mlp", 128, {1, {784}}, {0}, 10, 3e-3, mlp},
};

const bench_network *bench_networks(int *count)
{
    *count = (int)(sizeof networks / sizeof *networks);
    return networks;
}

const bench_network *bench_find_network(const char *name)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(networks[i].name, name) == 0) return &networks[i];
    return NULL;
}
