/* Readers of image files: right ones, damaged ones, and the real sets when FOVEA_DATA is set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_files.h"
#include "support.h"

/* --- IDX files -------------------------------------------------------------------------------- */

enum { IMAGES = 5, ROWS = 2, COLUMNS = 3, PIXELS = IMAGES * ROWS * COLUMNS };

typedef struct idx_files {
    uint8_t images[16 + PIXELS + 1], labels[8 + IMAGES + 1];
    size_t images_size, labels_size;
} idx_files;

static idx_files good_files(void)
{
    idx_files f = {.images_size = 16 + PIXELS, .labels_size = 8 + IMAGES};
    const uint32_t images[] = {0x803, IMAGES, ROWS, COLUMNS}, labels[] = {0x801, IMAGES};
    for (int i = 0; i < 4; i++) put_number(f.images + 4 * i, images[i]);
    for (int i = 0; i < 2; i++) put_number(f.labels + 4 * i, labels[i]);
    for (int i = 0; i < PIXELS; i++) f.images[16 + i] = (uint8_t)(7 * i);
    for (int i = 0; i < IMAGES; i++) f.labels[8 + i] = (uint8_t)(9 - i);
    return f;
}

static void write_idx(const idx_files *f, bool packed)
{
    uint8_t z[256];
    if (packed) {
        write_file("train-images-idx3-ubyte.gz", z, gzip(f->images, f->images_size, z));
        write_file("train-labels-idx1-ubyte.gz", z, gzip(f->labels, f->labels_size, z));
    } else {
        write_file("train-images-idx3-ubyte", f->images, f->images_size);
        write_file("train-labels-idx1-ubyte", f->labels, f->labels_size);
    }
}

static void check_good_set(fv_dataset *set, int64_t count)
{
    ck_assert_msg(set != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_dataset_size(set), count);
    for (int64_t i = 0; i < count; i++) {
        FV_SCOPE;
        double expected[ROWS * COLUMNS];
        for (int j = 0; j < ROWS * COLUMNS; j++)
            expected[j] = ((uint8_t)(7 * (i * ROWS * COLUMNS + j)) / 255.0 - 0.1307) / 0.3081;
        fv_tensor *x, *y;
        ck_assert_int_eq(fv_dataset_get(set, i, &x, &y), FV_OK);
        fv_shape shape = fv_shape_of(x), need = FV_SHAPE(1, ROWS, COLUMNS);
        ck_assert(fv_shape_equal(&shape, &need));
        assert_values(x, expected, ROWS * COLUMNS, 1e-5);
        ck_assert(fv_item(y) == (double)(9 - i));
    }
    fv_free(set);
}

START_TEST(idx_files_are_read)
{
    idx_files f = good_files();
    write_idx(&f, false);
    check_good_set(fv_mnist(root), IMAGES);
    check_good_set(fv_mnist(root, .limit = 2), 2);
    check_good_set(fv_mnist(root, .limit = 100), IMAGES);
    unlink(path_of("train-images-idx3-ubyte"));
    unlink(path_of("train-labels-idx1-ubyte"));
    if (!have_zlib()) return;
    write_idx(&f, true);
    check_good_set(fv_mnist(root), IMAGES);
    check_good_set(fv_mnist(root, .limit = 2), 2);
}
END_TEST

typedef struct damage {
    const char *what; /* a part of the message */
    bool labels;      /* in the labels' file, else the images' */
    size_t at;        /* where a number or byte is changed ... */
    int width;        /* ... of 4 bytes, 1 byte, or nothing (0) */
    uint32_t value;
    int resize; /* of the file, in bytes */
} damage;

static const damage damages[] = {
    {"is empty", false, 0, 0, 0, -16 - PIXELS},
    {"ends after 10 of 16 bytes", false, 0, 0, 0, -6 - PIXELS},
    {"magic number 0x00000801, need 0x00000803", false, 0, 4, 0x801, 0},
    {"magic number 0x03080000", false, 0, 4, 0x03080000, 0},
    {"25769803786", false, 4, 4, 0xffffffff, 0}, /* bytes for so many images */
    {"0 images", false, 4, 4, 0, 0},
    {"5 images of 0 x 3", false, 8, 4, 0, 0},
    {"4294967295", false, 8, 4, 0xffffffff, 0},
    {"2147483648", false, 12, 4, 0x80000000u, 0},
    {"train-images", false, 0, 0, 0, -1},
    {"train-images", false, 0, 0, 0, 1},
    {"ends after 4 of 8 bytes", true, 0, 0, 0, -4 - IMAGES},
    {"magic number 0x00000803, need 0x00000801", true, 0, 4, 0x803, 0},
    {"6 labels for 5 images", true, 4, 4, 6, 0},
    {"label 3 is 10, need 0 to 9", true, 8 + 3, 1, 10, 0},
    {"label 4 is 255", true, 8 + 4, 1, 255, 0},
    {"train-labels", true, 0, 0, 0, -1},
    {"train-labels", true, 0, 0, 0, 1},
};

static void write_damaged(const damage *d, bool packed)
{
    idx_files f = good_files();
    uint8_t *bytes = d->labels ? f.labels : f.images;
    size_t *size = d->labels ? &f.labels_size : &f.images_size;
    if (d->width == 4) put_number(bytes + d->at, d->value);
    if (d->width == 1) bytes[d->at] = (uint8_t)d->value;
    *size = (size_t)((long)*size + d->resize);
    write_idx(&f, packed);
}

START_TEST(damaged_idx_files_are_refused)
{
    const int kinds = have_zlib() ? 2 : 1;
    for (int packed = 0; packed < kinds; packed++) {
        unlink(path_of("train-images-idx3-ubyte"));
        unlink(path_of("train-labels-idx1-ubyte"));
        for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
            memory_mark mark = mark_memory();
            write_damaged(&damages[i], packed);
            ck_assert_msg(fv_mnist(root) == NULL, "case %zu was read", i);
            const bool nothing = packed && i == 0; /* a gzip file of nothing */
            expect_error(FV_ERR_FORMAT, nothing ? "ends after 0 of 16 bytes" : damages[i].what);
            char difference[128] = "";
            ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
        }
    }
}
END_TEST

/* --- names and places ------------------------------------------------------------------------- */

START_TEST(names_are_spelt_in_four_ways)
{
    static const char *const images[] = {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte",
                                         "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte.gz"};
    static const char *const labels[] = {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte",
                                         "t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte.gz"};
    const idx_files f = good_files();
    const int kinds = have_zlib() ? 2 : 1;
    uint8_t z[2][256];
    size_t n[2] = {gzip(f.images, f.images_size, z[0]), gzip(f.labels, f.labels_size, z[1])};
    for (int i = 0; i < 4; i++)
        for (int packed = 0; packed < kinds; packed++) { /* whatever the name says */
            write_file(images[i], packed ? z[0] : f.images, packed ? n[0] : f.images_size);
            write_file(labels[3 - i], f.labels, f.labels_size);
            check_good_set(fv_mnist(root, .train = false), IMAGES);
            if (packed) write_file(labels[3 - i], z[1], n[1]);
            check_good_set(fv_mnist(root, .train = false), IMAGES);
            unlink(path_of(images[i]));
            unlink(path_of(labels[3 - i]));
        }
}
END_TEST

/* Writes the good files, packed or not, as root/folder/PART-images-idx3-ubyte and -labels-. */
static void write_part(const char *folder, const char *part, uint8_t first_label)
{
    idx_files f = good_files();
    char name[128];
    for (int i = 0; i < IMAGES; i++) f.labels[8 + i] = (uint8_t)(first_label + 9 - i);
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte", folder, part);
    write_file(name, f.images, f.images_size);
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte", folder, part);
    write_file(name, f.labels, f.labels_size);
}

static void check_labels(fv_dataset *set)
{
    ck_assert_msg(set != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_dataset_size(set), IMAGES);
    FV_SCOPE;
    for (int i = 0; i < IMAGES; i++) {
        fv_tensor *x, *y;
        ck_assert_int_eq(fv_dataset_get(set, i, &x, &y), FV_OK);
        ck_assert(fv_item(y) == 9 - i);
    }
    fv_free(set);
}

START_TEST(sets_like_mnist_are_read)
{
    make_folder("kmnist");
    make_folder("FashionMNIST");
    make_folder("FashionMNIST/raw");
    make_folder("gzip");
    write_part("kmnist", "train", 0);
    write_part("FashionMNIST/raw", "train", 0);
    write_part("gzip", "emnist-letters-train", 1);
    write_part("gzip", "emnist-balanced-test", 0);
    check_labels(fv_kmnist(root));
    check_labels(fv_fashion_mnist(root));
    check_labels(fv_emnist(root, .split = "letters"));
    check_labels(fv_emnist(root, .split = "balanced", .train = false));
    write_part("gzip", "emnist-digits-test", 1);
    ck_assert_ptr_null(fv_emnist(root, .split = "digits", .train = false));
    expect_error(FV_ERR_FORMAT, "label 0 is 10, need 0 to 9");
    write_part("gzip", "emnist-letters-train", 0);
    check_labels(fv_idx_dataset(path_of("gzip/emnist-letters-train-images-idx3-ubyte"),
                                path_of("gzip/emnist-letters-train-labels-idx1-ubyte")));
    write_part("gzip", "emnist-letters-train", 18);
    ck_assert_ptr_null(fv_emnist(root, .split = "letters"));
    expect_error(FV_ERR_FORMAT, "label 0 is 27, need 1 to 26");
    write_part("gzip", "emnist-letters-train", 251);
    ck_assert_ptr_null(fv_emnist(root, .split = "letters"));
    expect_error(FV_ERR_FORMAT, "label 4 is 0, need 1 to 26");
}
END_TEST

START_TEST(options_of_other_sets_are_refused)
{
    ck_assert_ptr_null(fv_emnist(root));
    expect_error(FV_ERR_OPTION, "split is NULL");
    ck_assert_ptr_null(fv_emnist(root, .split = "letter"));
    expect_error(FV_ERR_OPTION, "split is letter, need byclass");
    ck_assert_ptr_null(fv_mnist(root, .split = "letters"));
    expect_error(FV_ERR_OPTION, "mnist: has no split 'letters'");
    ck_assert_ptr_null(fv_cifar100(root, .split = "letters"));
    expect_error(FV_ERR_OPTION, "cifar100: has no split");
    ck_assert_ptr_null(fv_cifar10(root, .coarse = true));
    expect_error(FV_ERR_OPTION, "cifar10: has no coarse labels");
    ck_assert_ptr_null(fv_emnist(root, .split = "letters", .coarse = true));
    expect_error(FV_ERR_OPTION, "emnist: has no coarse");
    ck_assert_ptr_null(fv_mnist(root, .limit = -1));
    expect_error(FV_ERR_OPTION, "limit is -1");
    ck_assert_ptr_null(fv_idx_dataset(NULL, "y"));
    expect_error(FV_ERR_OPTION, "no path of the images");
    ck_assert_ptr_null(fv_idx_dataset("x", NULL));
    expect_error(FV_ERR_OPTION, "no path of the labels");
    ck_assert_ptr_null(fv_idx_dataset("x", "y", .classes = 257));
    expect_error(FV_ERR_OPTION, "classes 257");
    ck_assert_ptr_null(fv_idx_dataset("x", "y", .classes = 2, .first_label = 255));
    expect_error(FV_ERR_OPTION, "first_label 255");
    ck_assert_ptr_null(fv_idx_dataset("x", "y", .first_label = -1));
    expect_error(FV_ERR_OPTION, "first_label -1");
    ck_assert_ptr_null(fv_idx_dataset("x", "y", .limit = -1));
    expect_error(FV_ERR_OPTION, "limit is -1");
    ck_assert_ptr_null(fv_idx_dataset(path_of("no"), path_of("none")));
    expect_error(FV_ERR_IO, "/no: No such file");
}
END_TEST

START_TEST(other_files_under_a_name_of_data_are_told)
{
    static const struct {
        const char *bytes, *what;
    } cases[] = {{"\r\n <!DOCTYPE html><html>", "is an HTML page"},
                 {"<html lang=\"en\">", "is an HTML page"},
                 {"<?xml version=\"1.0\"?><Error>", "is an XML page"},
                 {"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"},
                 {"PK\3\4.....................", "zip archive: unzip it"},
                 {"BZh91AY&SY..............", "bunzip2"},
                 {"\xfd"
                  "7zXZ................",
                  "unxz"},
                 {"\x28\xb5\x2f\xfd...............", "unzstd"},
                 {"nothing that is known, really", "magic number 0x6e6f7468, need 0x00000803"},
                 {"<", "ends after 1 of 16 bytes"}};
    const int kinds = have_zlib() ? 2 : 1;
    write_file("train-labels-idx1-ubyte", "", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int packed = 0; packed < kinds; packed++) {
            uint8_t z[256];
            const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
            size_t n = strlen(cases[i].bytes);
            write_file("train-images-idx3-ubyte", packed ? z : bytes,
                       packed ? gzip(bytes, n, z) : n);
            ck_assert_ptr_null(fv_mnist(root));
            expect_error(FV_ERR_FORMAT, cases[i].what);
        }
    idx_files f = good_files();
    write_idx(&f, false);
    write_file("train-labels-idx1-ubyte", f.images, f.images_size);
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_FORMAT, "images, where labels belong");
    if (kinds == 1) return;
    uint8_t once[256], twice[256];
    size_t n = gzip(f.images, f.images_size, once);
    write_file("train-images-idx3-ubyte", twice, gzip(once, n, twice));
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_FORMAT, "unpacked, it is gzipped twice");
}
END_TEST

START_TEST(missing_files_are_named)
{
    ck_assert_ptr_null(fv_mnist("/a/b"));
    expect_error(FV_ERR_IO,
                 "mnist: no train-images-idx3-ubyte or train-images.idx3-ubyte, plain or .gz, in "
                 "/a/b/mnist, /a/b/MNIST/raw or /a/b (there is no such folder); to get it: "
                 "examples/get_data.sh /a/b mnist");
    ck_assert_ptr_null(fv_fashion_mnist(root, .train = false));
    expect_error(FV_ERR_IO, "dataset-fashion-mnist");
    ck_assert_ptr_null(fv_kmnist(root));
    expect_error(FV_ERR_IO, "kmnist");
    idx_files f = good_files();
    write_file("train-images-idx3-ubyte", f.images, f.images_size);
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_IO, "no train-labels-idx1-ubyte or train-labels.idx1-ubyte");
    ck_assert_ptr_null(fv_cifar10(root));
    expect_error(FV_ERR_IO, "cifar10: no data_batch_1.bin in ");
    make_folder("cifar-10-batches-py");
    ck_assert_ptr_null(fv_cifar10(root));
    expect_error(FV_ERR_IO, "the version for Python is there");
    write_file("cifar-10-binary.tar.gz", "x", 1);
    ck_assert_ptr_null(fv_cifar10(root));
    expect_error(FV_ERR_IO, "its archive is there");
    ck_assert_ptr_null(fv_cifar100(root, .train = false));
    expect_error(FV_ERR_IO, "no test.bin in ");
    char *endless = malloc(8192);
    memset(endless, 'a', 8191);
    endless[8191] = '\0';
    ck_assert_ptr_null(fv_cifar10(endless));
    fv_clear_error();
    ck_assert_ptr_null(fv_mnist(endless));
    fv_clear_error();
    ck_assert_ptr_null(fv_idx_dataset(endless, endless));
    expect_error(FV_ERR_IO, "a path of 8191 bytes");
    free(endless);
}
END_TEST

/* Without a root it is FOVEA_DATA, and without that "datasets"; a root that is given counts. */
START_TEST(the_environment_names_the_root)
{
    ck_assert_ptr_null(fv_mnist());
    expect_error(FV_ERR_IO, "in datasets/mnist, datasets/MNIST/raw or datasets");
    idx_files f = good_files();
    write_idx(&f, false);
    ck_assert_int_eq(setenv("FOVEA_DATA", root, 1), 0);
    check_good_set(fv_mnist(), IMAGES);
    check_good_set(fv_mnist(NULL), IMAGES);
    check_good_set(fv_mnist(.train = true), IMAGES);
    ck_assert_ptr_null(fv_mnist("/nowhere"));
    expect_error(FV_ERR_IO, "/nowhere (there is no such folder)");
    make_folder("sub");
    ck_assert_ptr_null(fv_mnist(path_of("sub")));
    expect_error(FV_ERR_IO, "(FOVEA_DATA counts where no root is given)");
    setenv("FOVEA_DATA", "/nowhere", 1);
    ck_assert_ptr_null(fv_cifar10());
    expect_error(FV_ERR_IO, "/nowhere (FOVEA_DATA; there is no such folder)");
    check_good_set(fv_mnist(root), IMAGES);
    setenv("FOVEA_DATA", "", 1);
    ck_assert_ptr_null(fv_cifar10());
    expect_error(FV_ERR_IO, "in datasets/cifar-10-batches-bin or datasets");
    unsetenv("FOVEA_DATA");
}
END_TEST

/* --- CIFAR-10 --------------------------------------------------------------------------------- */

enum { RECORD = 3073, CIFAR_FILE = 10000 * RECORD };

/* Record i has label i % 10; its byte j is 31 i + j. */
static uint8_t *cifar_file(void)
{
    uint8_t *bytes = malloc(CIFAR_FILE + 1);
    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < 10000; i++) {
        bytes[i * RECORD] = (uint8_t)(i % 10);
        for (int j = 0; j < 3072; j++) bytes[i * RECORD + 1 + j] = (uint8_t)(31 * i + j + j / 1024);
    }
    return bytes;
}

static void check_cifar(fv_dataset *set, int64_t size, int64_t sample)
{
    ck_assert_msg(set != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_dataset_size(set), size);
    {
        FV_SCOPE;
        static double expected[3072];
        for (int64_t j = 0; j < 3072; j++)
            expected[j] = (uint8_t)(31 * sample + j + j / 1024) / 255.0;
        fv_tensor *x, *y;
        ck_assert_int_eq(fv_dataset_get(set, sample, &x, &y), FV_OK);
        assert_values(x, expected, 3072, 1e-6);
        ck_assert(fv_item(y) == (double)(sample % 10));
    }
    fv_free(set);
}

START_TEST(cifar10_files_are_read)
{
    uint8_t *bytes = cifar_file();
    ck_assert_int_eq(mkdir(path_of("cifar-10-batches-bin"), 0755), 0);
    write_file("cifar-10-batches-bin/test_batch.bin", bytes, CIFAR_FILE);
    free(bytes);
    check_cifar(fv_cifar10(root, .train = false, .normalize = false), 10000, 9999);
    check_cifar(fv_cifar10(root, .train = false, .normalize = false, .limit = 33), 33, 32);
    char folder[PATH + 128];
    snprintf(folder, sizeof folder, "%s", path_of("cifar-10-batches-bin"));
    check_cifar(fv_cifar10(folder, .train = false, .normalize = false), 10000, 41);
}
END_TEST

START_TEST(damaged_cifar10_files_are_refused)
{
    memory_mark mark = mark_memory();
    uint8_t *bytes = cifar_file();
    write_file("test_batch.bin", bytes, CIFAR_FILE - 1);
    ck_assert_ptr_null(fv_cifar10(root, .train = false));
    expect_error(FV_ERR_FORMAT, "has 30729999 bytes, need 30730000");
    write_file("test_batch.bin", bytes, CIFAR_FILE + 1);
    ck_assert_ptr_null(fv_cifar10(root, .train = false));
    expect_error(FV_ERR_FORMAT, "has 30730001 bytes");
    write_file("test_batch.bin", bytes, 0);
    ck_assert_ptr_null(fv_cifar10(root, .train = false, .limit = 1));
    expect_error(FV_ERR_FORMAT, "is empty");
    bytes[RECORD * 77] = 10;
    write_file("test_batch.bin", bytes, CIFAR_FILE);
    ck_assert_ptr_null(fv_cifar10(root, .train = false));
    expect_error(FV_ERR_FORMAT, "record 77 has label 10, need 0 to 9");
    free(bytes);
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* 10,000 records of coarse label i % 20, fine label i % 100 and the pixels of cifar_file. */
START_TEST(cifar100_files_are_read)
{
    enum { RECORD100 = 3074 };
    uint8_t *ten = cifar_file(), *bytes = malloc(10000 * RECORD100);
    for (int i = 0; i < 10000; i++) {
        bytes[i * RECORD100] = (uint8_t)(i % 20);
        bytes[i * RECORD100 + 1] = (uint8_t)(i % 100);
        memcpy(bytes + i * RECORD100 + 2, ten + i * RECORD + 1, 3072);
    }
    write_file("test.bin", bytes, 10000 * RECORD100);
    fv_dataset *fine = fv_cifar100(root, .train = false, .normalize = false);
    fv_dataset *coarse = fv_cifar100(root, .train = false, .normalize = false, .coarse = true);
    ck_assert_msg(fine && coarse, "%s", fv_error());
    ck_assert_int_eq(fv_dataset_size(fine), 10000);
    for (int64_t i = 19; i < 10000; i += 1237) {
        FV_SCOPE;
        static double expected[3072];
        for (int64_t j = 0; j < 3072; j++) expected[j] = (uint8_t)(31 * i + j + j / 1024) / 255.0;
        fv_tensor *x, *y, *z;
        ck_assert_int_eq(fv_dataset_get(fine, i, &x, &y), FV_OK);
        assert_values(x, expected, 3072, 1e-6);
        ck_assert(fv_item(y) == (double)(i % 100));
        ck_assert_int_eq(fv_dataset_get(coarse, i, &x, &z), FV_OK);
        assert_values(x, expected, 3072, 1e-6);
        ck_assert(fv_item(z) == (double)(i % 20));
    }
    fv_free(fine);
    fv_free(coarse);
    bytes[77 * RECORD100] = 20;
    write_file("test.bin", bytes, 10000 * RECORD100);
    ck_assert_ptr_null(fv_cifar100(root, .train = false));
    expect_error(FV_ERR_FORMAT, "record 77 has coarse label 20, need 0 to 19");
    bytes[77 * RECORD100] = 19;
    bytes[9999 * RECORD100 + 1] = 100;
    write_file("test.bin", bytes, 10000 * RECORD100);
    ck_assert_ptr_null(fv_cifar100(root, .train = false));
    expect_error(FV_ERR_FORMAT, "record 9999 has fine label 100, need 0 to 99");
    write_file("test.bin", ten, CIFAR_FILE);
    ck_assert_ptr_null(fv_cifar100(root, .train = false));
    expect_error(FV_ERR_FORMAT, "has 30730000 bytes, need 30740000");
    free(ten);
    free(bytes);
}
END_TEST

/* --- the real sets ---------------------------------------------------------------------------- */

static char real_data[PATH]; /* FOVEA_DATA at the start */

/* Sizes, labels of every class in like numbers, pixels of mean about 0 and deviation about 1. */
static void check_real(fv_dataset *set, int64_t size, int64_t channels)
{
    if (!set) printf("not checked: %s\n", fv_error());
    fv_clear_error();
    if (!set) return;
    ck_assert_int_eq(fv_dataset_size(set), size);
    fv_loader *loader = fv_loader_new(set, 500);
    int64_t classes[10] = {0};
    double sum = 0, squares = 0, count = 0;
    fv_batch b;
    while (fv_loader_next(loader, &b)) {
        ck_assert_int_eq(fv_size(b.x, 1), channels);
        const float *x = b.x->data; /* dense, in whatever order */
        for (int64_t i = 0; i < fv_numel(b.x); i++) {
            sum += (double)x[i];
            squares += (double)x[i] * (double)x[i];
        }
        count += (double)fv_numel(b.x);
        for (int64_t i = 0; i < b.n; i++) classes[fv_data_int64(b.y)[i]]++;
    }
    ck_assert_int_eq(fv_error_status(), FV_OK);
    double mean = sum / count, deviation = sqrt(squares / count - mean * mean);
    ck_assert_msg(fabs(mean) < 0.05 && fabs(deviation - 1) < 0.05, "mean %g, deviation %g", mean,
                  deviation);
    for (int k = 0; k < 10; k++)
        ck_assert_msg(classes[k] * 10 > size * 8 / 10 && classes[k] * 10 < size * 12 / 10,
                      "%d samples of class %d", (int)classes[k], k);
    fv_free(loader);
    fv_free(set);
}

START_TEST(the_real_sets_are_as_expected)
{
    const char *data = real_data;
    check_real(fv_fashion_mnist("/usr/share/datasets"), 60000, 1);
    check_real(fv_fashion_mnist("/usr/share/datasets", .train = false), 10000, 1);
    if (!*data) return;
    for (int train = 0; train < 2; train++) {
        check_real(fv_cifar10(data, .train = train), train ? 50000 : 10000, 3);
        check_real(fv_mnist(data, .train = train), train ? 60000 : 10000, 1);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    const char *data = getenv("FOVEA_DATA");
    if (data) snprintf(real_data, sizeof real_data, "%s", data);
    Suite *suite = suite_create("data files");
    TCase *files = add_case(suite, "files");
    tcase_add_checked_fixture(files, make_root, remove_root);
    tcase_add_test(files, idx_files_are_read);
    tcase_add_test(files, damaged_idx_files_are_refused);
    tcase_add_test(files, names_are_spelt_in_four_ways);
    tcase_add_test(files, sets_like_mnist_are_read);
    tcase_add_test(files, options_of_other_sets_are_refused);
    tcase_add_test(files, other_files_under_a_name_of_data_are_told);
    tcase_add_test(files, missing_files_are_named);
    tcase_add_test(files, the_environment_names_the_root);
    tcase_add_test(files, cifar10_files_are_read);
    tcase_add_test(files, damaged_cifar10_files_are_refused);
    tcase_add_test(files, cifar100_files_are_read);
    tcase_add_test(files, the_real_sets_are_as_expected);
    return suite;
}
