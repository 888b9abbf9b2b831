/* Image data sets read from the files that their authors publish. */
#ifndef FOVEA_DATA_VISION_H
#define FOVEA_DATA_VISION_H

#include "images.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_vision_args {
    size_t size;
    const char *root; /* the folder that holds the set's folder, or that folder itself */
    bool train;       /* the training images (true) or the test images */
    bool normalize;   /* by mean and std below (true), or only to [0, 1] */
    double mean[FV_MAX_IMAGE_CHANNELS]; /* the set's own, by channel */
    double std[FV_MAX_IMAGE_CHANNELS];
    int64_t random_crop; /* see fv_image_dataset */
    bool random_flip;
    int64_t limit; /* only the first so many images; 0: all */
} fv_vision_args;

/* fv_cifar10("datasets", .train = true): 50,000 or 10,000 images [3,32,32] of 10 classes, from the
 * binary version: root/cifar-10-batches-bin/data_batch_1.bin ... or root/data_batch_1.bin ...
 * Errors: a file that is missing, of another size than 10,000 records, or with a label above 9.
 * Source: torchvision.datasets.CIFAR10; Krizhevsky 2009, "Learning multiple layers of features". */
#define FV_CIFAR10_DEFAULTS                                                                        \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true,                                  \
                .mean = {0.4912, 0.4821, 0.4465, 0}, .std = {0.2452, 0.2428, 0.2606, 1})
extern const fv_vision_args fv_cifar10_defaults;
fv_dataset *fv_cifar10_ex(const fv_vision_args *a);
#define fv_cifar10(...) FV_CALL(fv_cifar10_ex, fv_vision_args, FV_CIFAR10_DEFAULTS, __VA_ARGS__)

/* fv_mnist("datasets", .train = false): 60,000 or 10,000 images [1,28,28] of 10 digits, from IDX
 * files, packed (.gz, through zlib) or not, in root/mnist, root/MNIST/raw or root.
 * Errors: a missing file, a header that is not IDX or promises more than the file holds, different
 * counts of images and labels, a label above 9, .gz in a build without zlib.
 * Source: torchvision.datasets.MNIST; LeCun, Cortes, Burges. */
#define FV_MNIST_DEFAULTS                                                                          \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true, .mean = {0.1307, 0, 0, 0},       \
                .std = {0.3081, 1, 1, 1})
extern const fv_vision_args fv_mnist_defaults;
fv_dataset *fv_mnist_ex(const fv_vision_args *a);
#define fv_mnist(...) FV_CALL(fv_mnist_ex, fv_vision_args, FV_MNIST_DEFAULTS, __VA_ARGS__)

/* The same for Fashion-MNIST, in root/fashion-mnist, root/FashionMNIST/raw or root. On Debian:
 * fv_fashion_mnist("/usr/share/datasets"), from the package dataset-fashion-mnist.
 * Source: torchvision.datasets.FashionMNIST; Xiao, Rasul, Vollgraf 2017. */
#define FV_FASHION_MNIST_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true, .mean = {0.2860, 0, 0, 0},       \
                .std = {0.3530, 1, 1, 1})
extern const fv_vision_args fv_fashion_mnist_defaults;
fv_dataset *fv_fashion_mnist_ex(const fv_vision_args *a);
#define fv_fashion_mnist(...)                                                                      \
    FV_CALL(fv_fashion_mnist_ex, fv_vision_args, FV_FASHION_MNIST_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
