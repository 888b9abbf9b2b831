/* Networks for ten classes of images: of 3 x 32 x 32, and two for the 1 x 28 x 28 of MNIST.
 *
 * A constructor returns NULL if a part could not be made, and whatever takes a NULL part fails in
 * turn, so that only the root needs a check. Layers that stand side by side, as a convolution and
 * its ReLU, run in one pass where they can. A layer of one's own is shown in nn/module.h. */
#ifndef EXAMPLES_MODELS_H
#define EXAMPLES_MODELS_H

#include <fovea.h>
#include <string.h>

static inline fv_module *conv3x3(int64_t in, int64_t out, int64_t stride)
{
    return fv_nn_conv2d(in, out, 3, .stride = stride, .padding = 1, .bias = false);
}

/* Two pairs of convolutions and a hidden layer: 2.2 million weights. */
static inline fv_module *small_net(void)
{
    return fv_sequential(
        fv_nn_conv2d(3, 32, 3, .padding = 1), fv_nn_relu(),                       /* 32 x 32 */
        fv_nn_conv2d(32, 32, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2), /* 16 x 16 */
        fv_nn_conv2d(32, 64, 3, .padding = 1), fv_nn_relu(), fv_nn_conv2d(64, 64, 3, .padding = 1),
        fv_nn_relu(), fv_nn_max_pool2d(2), /* 8 x 8 */
        fv_nn_flatten(), fv_nn_linear(64 * 8 * 8, 512), fv_nn_relu(), fv_nn_linear(512, 10));
}

/* LeCun et al. 1998, with ReLU and max pooling. */
static inline fv_module *lenet(void)
{
    return fv_sequential(fv_nn_conv2d(3, 6, 5), fv_nn_relu(), fv_nn_max_pool2d(2),  /* 14 x 14 */
                         fv_nn_conv2d(6, 16, 5), fv_nn_relu(), fv_nn_max_pool2d(2), /* 5 x 5 */
                         fv_nn_flatten(), fv_nn_linear(16 * 5 * 5, 120), fv_nn_relu(),
                         fv_nn_linear(120, 84), fv_nn_relu(), fv_nn_linear(84, 10));
}

/* --- residual networks: He et al. 2015 -------------------------------------------------------- */

/* relu(body(x) + shortcut(x)). The shortcut is x itself, or a projection where the shape changes.
 */
static inline fv_module *residual(int64_t in, int64_t out, int64_t stride)
{
    fv_module *body = fv_sequential(conv3x3(in, out, stride), fv_nn_batch_norm2d(out), fv_nn_relu(),
                                    conv3x3(out, out, 1), fv_nn_batch_norm2d(out));
    fv_module *shortcut = NULL;
    if (in != out || stride != 1)
        shortcut = fv_sequential(fv_nn_conv2d(in, out, 1, .stride = stride, .bias = false),
                                 fv_nn_batch_norm2d(out));
    return fv_nn_residual(body, shortcut, .relu = true);
}

/* 20 layers, 16 to 64 channels: 0.27 million weights. */
static inline fv_module *resnet20(void)
{
    return fv_sequential(
        conv3x3(3, 16, 1), fv_nn_batch_norm2d(16), fv_nn_relu(),
        fv_sequential(residual(16, 16, 1), residual(16, 16, 1), residual(16, 16, 1)), /* 32 x 32 */
        fv_sequential(residual(16, 32, 2), residual(32, 32, 1), residual(32, 32, 1)), /* 16 x 16 */
        fv_sequential(residual(32, 64, 2), residual(64, 64, 1), residual(64, 64, 1)), /* 8 x 8 */
        fv_nn_adaptive_avg_pool2d(1), fv_nn_flatten(), fv_nn_linear(64, 10));
}

/* 18 layers, 64 to 512 channels, with a stem for small images: 11.2 million weights. */
static inline fv_module *resnet18(void)
{
    return fv_sequential(conv3x3(3, 64, 1), fv_nn_batch_norm2d(64), fv_nn_relu(),
                         fv_sequential(residual(64, 64, 1), residual(64, 64, 1)),
                         fv_sequential(residual(64, 128, 2), residual(128, 128, 1)),
                         fv_sequential(residual(128, 256, 2), residual(256, 256, 1)),
                         fv_sequential(residual(256, 512, 2), residual(512, 512, 1)),
                         fv_nn_adaptive_avg_pool2d(1), fv_nn_flatten(), fv_nn_linear(512, 10));
}

/* --- small images ----------------------------------------------------------------------------- */

/* 1 x 28 x 28 to ten classes. */
static inline fv_module *mnist_net(void)
{
    return fv_sequential(fv_nn_conv2d(1, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(16, 32, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_flatten(), fv_nn_linear(32 * 7 * 7, 128), fv_nn_relu(),
                         fv_nn_linear(128, 10));
}

/* The network of the page in which one draws a digit (digits/): 600,810 weights. No layer pads. */
static inline fv_module *digits_net(void)
{
    return fv_sequential(fv_nn_conv2d(1, 32, 3), fv_nn_relu(),                       /* 26 x 26 */
                         fv_nn_conv2d(32, 32, 3), fv_nn_relu(), fv_nn_max_pool2d(2), /* 12 x 12 */
                         fv_nn_dropout(.p = 0.25), fv_nn_flatten(), fv_nn_linear(32 * 12 * 12, 128),
                         fv_nn_relu(), fv_nn_linear(128, 10));
}

/* --- by name ---------------------------------------------------------------------------------- */

typedef fv_module *(*network_fn)(void);

/* The constructor of a network, as a file of weights names it; NULL when there is none. */
static inline network_fn find_network(const char *name)
{
    static const struct {
        const char *name;
        network_fn build;
    } networks[] = {{"small", small_net},   {"lenet", lenet},     {"resnet20", resnet20},
                    {"resnet18", resnet18}, {"mnist", mnist_net}, {"digits", digits_net}};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(networks[i].name, name) == 0) return networks[i].build;
    return NULL;
}

#endif
