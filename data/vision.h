/* Image data sets read from the files that their authors publish.
 *
 *     fv_mnist(.train = true)                      from $FOVEA_DATA, or else datasets
 *     fv_cifar10("/data", .random_crop = 4, .random_flip = true)
 *     fv_idx_dataset("images.idx", "labels.idx", .classes = 5)
 *
 * examples/get_data.sh fetches the files. Whether a file is gzipped its content says, not its name;
 * a packed file is compared with the checksum at its end, also where limit takes only a part. */
#ifndef FOVEA_DATA_VISION_H
#define FOVEA_DATA_VISION_H

#include "images.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_vision_args {
    size_t size;
    const char *root; /* the folder that holds the set's folder, or that folder itself; NULL: the
                         environment variable FOVEA_DATA, or else "datasets" */
    bool train;       /* the training images (true) or the test images */
    bool normalize;   /* by mean and std below (true), or only to [0, 1] */
    double mean[FV_MAX_IMAGE_CHANNELS]; /* the set's own, by channel */
    double std[FV_MAX_IMAGE_CHANNELS];
    int64_t random_crop; /* see fv_image_dataset */
    bool random_flip;
    int64_t limit;     /* only the first so many images; 0: all */
    bool coarse;       /* CIFAR-100: the 20 superclasses, not the 100 classes */
    const char *split; /* EMNIST: which of its sets */
} fv_vision_args;

/* fv_cifar10("datasets", .train = true): 50,000 or 10,000 images [3,32,32] of 10 classes, from the
 * binary version: root/cifar-10-batches-bin/data_batch_1.bin ... or root/data_batch_1.bin ...
 * Errors: a file that is missing, of another size than 10,000 records, or with a label above 9; an
 * option of another set.
 * Source: torchvision.datasets.CIFAR10; Krizhevsky 2009, "Learning multiple layers of features". */
#define FV_CIFAR10_DEFAULTS                                                                        \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true,                                  \
                .mean = {0.4912, 0.4821, 0.4465, 0}, .std = {0.2452, 0.2428, 0.2606, 1})
extern const fv_vision_args fv_cifar10_defaults;
fv_dataset *fv_cifar10_ex(const fv_vision_args *a);
#define fv_cifar10(...) FV_CALL(fv_cifar10_ex, fv_vision_args, FV_CIFAR10_DEFAULTS, __VA_ARGS__)

/* The same of 100 classes, or with .coarse of their 20 superclasses, from train.bin and test.bin in
 * root/cifar-100-binary or root.  Source: torchvision.datasets.CIFAR100. */
#define FV_CIFAR100_DEFAULTS                                                                       \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true,                                  \
                .mean = {0.5071, 0.4865, 0.4409, 0}, .std = {0.2673, 0.2564, 0.2762, 1})
extern const fv_vision_args fv_cifar100_defaults;
fv_dataset *fv_cifar100_ex(const fv_vision_args *a);
#define fv_cifar100(...) FV_CALL(fv_cifar100_ex, fv_vision_args, FV_CIFAR100_DEFAULTS, __VA_ARGS__)

/* fv_mnist("datasets", .train = false): 60,000 or 10,000 images [1,28,28] of 10 digits, from IDX
 * files, packed (through zlib) or not, in root/mnist, root/MNIST/raw or root. Their names are spelt
 * t10k-images-idx3-ubyte or t10k-images.idx3-ubyte, with .gz or without.
 * Errors: a missing file, a header that is not IDX or promises more than the file holds, different
 * counts of images and labels, a label above 9, a packed file in a build without zlib; an option of
 * another set.
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

/* The same for Kuzushiji-MNIST, in root/kmnist, root/KMNIST/raw or root.
 * Source: torchvision.datasets.KMNIST; Clanuwat et al. 2018. */
#define FV_KMNIST_DEFAULTS                                                                         \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true, .mean = {0.1918, 0, 0, 0},       \
                .std = {0.3483, 1, 1, 1})
extern const fv_vision_args fv_kmnist_defaults;
fv_dataset *fv_kmnist_ex(const fv_vision_args *a);
#define fv_kmnist(...) FV_CALL(fv_kmnist_ex, fv_vision_args, FV_KMNIST_DEFAULTS, __VA_ARGS__)

/* fv_emnist("datasets", .split = "letters"): one of the six sets of EMNIST, in root/emnist,
 * root/EMNIST/raw, root/gzip (as its archive has it) or root:
 *     byclass 62 classes   bymerge 47   balanced 47   letters 26   digits 10   mnist 10
 * Labels count from 0, in letters too, whose file counts from 1 (torchvision hands that out).
 * Images are as they are stored, which is with rows and columns exchanged.
 * Errors: as fv_mnist; no split, or one that is not among these.
 * Source: torchvision.datasets.EMNIST; Cohen, Afshar, Tapson, van Schaik 2017. */
#define FV_EMNIST_DEFAULTS                                                                         \
    FV_DEFAULTS(fv_vision_args, .train = true, .normalize = true, .mean = {0.1736, 0, 0, 0},       \
                .std = {0.3317, 1, 1, 1})
extern const fv_vision_args fv_emnist_defaults;
fv_dataset *fv_emnist_ex(const fv_vision_args *a);
#define fv_emnist(...) FV_CALL(fv_emnist_ex, fv_vision_args, FV_EMNIST_DEFAULTS, __VA_ARGS__)

typedef struct fv_idx_dataset_args {
    size_t size;
    const char *images, *labels; /* paths of two IDX files, packed or not */
    int64_t classes;             /* labels are first_label .. first_label + classes - 1; 0: any */
    int64_t first_label;         /* becomes label 0; 0 */
    double mean[FV_MAX_IMAGE_CHANNELS]; /* see fv_image_dataset; 0 */
    double std[FV_MAX_IMAGE_CHANNELS];  /* 1 */
    int64_t random_crop;
    bool random_flip;
    int64_t limit; /* only the first so many images; 0: all */
} fv_idx_dataset_args;
#define FV_IDX_DATASET_DEFAULTS                                                                    \
    FV_DEFAULTS(fv_idx_dataset_args, .mean = {0, 0, 0, 0}, .std = {1, 1, 1, 1})

/* A set in the format of MNIST under any names: grey images of any size up to 1024 x 1024, labels
 * of a byte.  Errors: as fv_mnist; no path, classes or first_label that no byte has. */
extern const fv_idx_dataset_args fv_idx_dataset_defaults;
fv_dataset *fv_idx_dataset_ex(const fv_idx_dataset_args *a);
#define fv_idx_dataset(...)                                                                        \
    FV_CALL(fv_idx_dataset_ex, fv_idx_dataset_args, FV_IDX_DATASET_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
