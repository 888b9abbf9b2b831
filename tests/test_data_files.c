/* Readers of image files: right ones, damaged ones, and the real sets when FOVEA_DATA is set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

enum { PATH = 512 };
static char root[PATH];

static void make_root(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/fovea-data-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(root));
    fv_set_log(NULL, NULL);
}

static const char *path_of(const char *name)
{
    static char path[PATH + 128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void remove_root(void)
{
    static const char *const names[] = {"train-images-idx3-ubyte",
                                        "train-images-idx3-ubyte.gz",
                                        "train-labels-idx1-ubyte",
                                        "train-labels-idx1-ubyte.gz",
                                        "cifar-10-batches-bin/test_batch.bin",
                                        "test_batch.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(path_of(names[i]));
    rmdir(path_of("cifar-10-batches-bin"));
    rmdir(root);
}

static void write_file(const char *name, const void *bytes, size_t count)
{
    FILE *f = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, count, f), count);
    ck_assert_int_eq(fclose(f), 0);
}

/* --- IDX files -------------------------------------------------------------------------------- */

enum { IMAGES = 5, ROWS = 2, COLUMNS = 3, PIXELS = IMAGES * ROWS * COLUMNS };

typedef struct idx_files {
    uint8_t images[16 + PIXELS + 1], labels[8 + IMAGES + 1];
    size_t images_size, labels_size;
} idx_files;

static void put_number(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (24 - 8 * i));
}

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

static uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A gzip file of one stored block; returns its size. */
static size_t gzip(const uint8_t *bytes, size_t count, uint8_t *out)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1};
    uint8_t *p = out;
    memcpy(p, head, sizeof head);
    p += sizeof head;
    const uint32_t n = (uint32_t)count, crc = crc32_of(bytes, count);
    const uint32_t lengths = n | (~n << 16);
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(lengths >> (8 * i));
    memcpy(p, bytes, count);
    p += count;
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(crc >> (8 * i));
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(n >> (8 * i));
    return (size_t)(p - out);
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

/* Does this build read .gz files? If not, it must say what is missing. */
static bool have_zlib(void)
{
    idx_files f = good_files();
    write_idx(&f, true);
    fv_dataset *set = fv_mnist(root);
    fv_free(set);
    if (set) return true;
    expect_error(FV_ERR_IO, "zlib1g-dev");
    return false;
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
    {"after 0 of 16", false, 0, 0, 0, -16 - PIXELS},
    {"after 10 of 16", false, 0, 0, 0, -6 - PIXELS},
    {"magic number 0x00000801, need 0x00000803", false, 0, 4, 0x801, 0},
    {"magic number 0x03080000", false, 0, 4, 0x03080000, 0},
    {"25769803786", false, 4, 4, 0xffffffff, 0}, /* bytes for so many images */
    {"0 images", false, 4, 4, 0, 0},
    {"5 images of 0 x 3", false, 8, 4, 0, 0},
    {"4294967295", false, 8, 4, 0xffffffff, 0},
    {"2147483648", false, 12, 4, 0x80000000u, 0},
    {"train-images", false, 0, 0, 0, -1},
    {"train-images", false, 0, 0, 0, 1},
    {"after 4 of 8", true, 0, 0, 0, -4 - IMAGES},
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
            expect_error(FV_ERR_FORMAT, damages[i].what);
            char difference[128] = "";
            ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
        }
    }
}
END_TEST

START_TEST(damaged_gzip_files_are_refused)
{
    if (!have_zlib()) return;
    idx_files f = good_files();
    uint8_t z[256];
    size_t n = gzip(f.images, f.images_size, z);
    z[n - 6] ^= 1; /* in the checksum */
    write_file("train-images-idx3-ubyte.gz", z, n);
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_FORMAT, "train-images-idx3-ubyte.gz");
    z[n - 6] ^= 1;
    write_file("train-images-idx3-ubyte.gz", z, n - 20);
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_FORMAT, "train-images-idx3-ubyte.gz");
}
END_TEST

START_TEST(missing_files_are_named)
{
    ck_assert_ptr_null(fv_mnist(root));
    expect_error(FV_ERR_IO, "no train-images-idx3-ubyte");
    ck_assert_ptr_null(fv_fashion_mnist(root, .train = false));
    expect_error(FV_ERR_IO, "dataset-fashion-mnist");
    ck_assert_ptr_null(fv_cifar10(root));
    expect_error(FV_ERR_IO, "no data_batch_1.bin");
    ck_assert_ptr_null(fv_cifar10(NULL));
    expect_error(FV_ERR_OPTION, "root is NULL");
    ck_assert_ptr_null(fv_mnist(root, .limit = -1));
    expect_error(FV_ERR_OPTION, "limit is -1");
    char *endless = malloc(8192);
    memset(endless, 'a', 8191);
    endless[8191] = '\0';
    ck_assert_ptr_null(fv_cifar10(endless));
    fv_clear_error();
    ck_assert_ptr_null(fv_mnist(endless));
    fv_clear_error();
    free(endless);
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
    expect_error(FV_ERR_FORMAT, "has 0 bytes");
    bytes[RECORD * 77] = 10;
    write_file("test_batch.bin", bytes, CIFAR_FILE);
    ck_assert_ptr_null(fv_cifar10(root, .train = false));
    expect_error(FV_ERR_FORMAT, "record 77 has label 10, need 0 to 9");
    free(bytes);
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* --- the real sets ---------------------------------------------------------------------------- */

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
    const char *data = getenv("FOVEA_DATA");
    check_real(fv_fashion_mnist("/usr/share/datasets"), 60000, 1);
    check_real(fv_fashion_mnist("/usr/share/datasets", .train = false), 10000, 1);
    if (!data) return;
    for (int train = 0; train < 2; train++) {
        check_real(fv_cifar10(data, .train = train), train ? 50000 : 10000, 3);
        check_real(fv_mnist(data, .train = train), train ? 60000 : 10000, 1);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data files");
    TCase *files = add_case(suite, "files");
    tcase_add_checked_fixture(files, make_root, remove_root);
    tcase_add_test(files, idx_files_are_read);
    tcase_add_test(files, damaged_idx_files_are_refused);
    tcase_add_test(files, damaged_gzip_files_are_refused);
    tcase_add_test(files, missing_files_are_named);
    tcase_add_test(files, cifar10_files_are_read);
    tcase_add_test(files, damaged_cifar10_files_are_refused);
    tcase_add_test(files, the_real_sets_are_as_expected);
    return suite;
}
