/* CIFAR-10, binary version: files of 10,000 records, each one label byte and 32 x 32 pixels in
 * three planes (red, green, blue). */
#include <inttypes.h>

#include "data/reader_impl.h"
#include "data/vision_impl.h"

enum {
    CLASSES = 10,
    SIDE = 32,
    PLANE = SIDE * SIDE,
    RECORD = 1 + 3 * PLANE,
    FILE_RECORDS = 10000,
    TRAIN_FILES = 5,
    CHUNK = 20 /* records read at once, on the stack */
};

/* Finds the folder, by its first file. */
static fv_status find_folder(const char *root, const char *first, const char **folder)
{
    static const char *const folders[] = {"cifar-10-batches-bin", ""};
    char path[FV_PATH_MAX];
    for (int i = 0; i < 2; i++) {
        *folder = folders[i];
        if (fv_path_join(path, root, *folder, first) && fv_is_file(path)) return FV_OK;
    }
    return fv_fail(FV_ERR_IO,
                   "cifar10: no %s in %s/cifar-10-batches-bin or %s; unpack there "
                   "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                   first, root, root);
}

/* Records first .. first + n of a file go to the images from number at on, pixel by pixel. */
static fv_status take_records(const unsigned char *record, int64_t n, int64_t at, int64_t first,
                              const char *path, fv_images *out)
{
    uint8_t *pixel = (uint8_t *)out->images->data + at * 3 * PLANE;
    int64_t *label = (int64_t *)out->labels->data + at;
    for (int64_t i = 0; i < n; i++, record += RECORD) {
        if (record[0] >= CLASSES)
            return fv_fail(FV_ERR_FORMAT, "%s: record %" PRId64 " has label %d, need 0 to %d", path,
                           first + i, record[0], CLASSES - 1);
        *label++ = record[0];
        for (int p = 1; p <= PLANE; p++) {
            *pixel++ = record[p];
            *pixel++ = record[p + PLANE];
            *pixel++ = record[p + 2 * PLANE];
        }
    }
    return FV_OK;
}

/* The first n records of one file. */
static fv_status read_file(fv_reader *reader, int64_t n, int64_t at, fv_images *out)
{
    unsigned char chunk[CHUNK * RECORD];
    fv_status status = fv_reader_open(reader);
    if (status != FV_OK) return status;
    status = fv_reader_expect(reader, (int64_t)FILE_RECORDS * RECORD);
    for (int64_t i = 0; i < n && status == FV_OK; i += CHUNK) {
        int64_t count = n - i < CHUNK ? n - i : CHUNK;
        status = fv_reader_read(reader, chunk, (size_t)(count * RECORD));
        if (status == FV_OK) status = take_records(chunk, count, at + i, i, reader->path, out);
    }
    fv_reader_close(reader);
    return status;
}

static fv_status read_set(const fv_vision_args *a, fv_images *out)
{
    static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    const char *const *name = a->train ? names : names + TRAIN_FILES;
    const char *folder;
    fv_status status = find_folder(a->root, name[0], &folder);
    if (status != FV_OK) return status;
    int64_t total = (a->train ? TRAIN_FILES : 1) * (int64_t)FILE_RECORDS;
    if (a->limit > 0 && a->limit < total) total = a->limit;
    status = fv_images_alloc(out, "cifar10", total, 3, SIDE, SIDE);
    for (int64_t at = 0; at < total && status == FV_OK; at += FILE_RECORDS) {
        fv_reader reader = {.handle = NULL};
        if (!fv_path_join(reader.path, a->root, folder, *name++))
            return fv_fail(FV_ERR_IO, "cifar10: the path %s is too long", a->root);
        status = read_file(&reader, total - at < FILE_RECORDS ? total - at : FILE_RECORDS, at, out);
    }
    return status;
}

const fv_vision_args fv_cifar10_defaults = {FV_CIFAR10_DEFAULTS};

fv_dataset *fv_cifar10_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("cifar10", a, sizeof *a)) return NULL;
    fv_images images = {NULL, NULL};
    fv_status status = fv_vision_check(a, "cifar10");
    if (status == FV_OK) status = read_set(a, &images);
    return fv_vision_finish(a, &images, status);
}
