/* CIFAR-10 and CIFAR-100, binary versions: records of one or two label bytes and 32 x 32 pixels in
 * three planes (red, green, blue). */
#include <inttypes.h>

#include "data/reader_impl.h"
#include "data/vision_impl.h"

enum {
    SIDE = 32,
    PLANE = SIDE * SIDE,
    MAX_LABELS = 2,
    CHUNK = 20 /* records read at once, on the stack */
};

typedef struct cifar_set {
    const char *name;            /* also get_data.sh's */
    const char *folder, *python; /* of this version, and of the one that Python reads */
    const char *archive;
    const char *train[6], *test[2]; /* files, ended by NULL */
    int64_t file_records[2];        /* of each test file, of each training file */
    int labels;                     /* label bytes of a record */
    int classes[MAX_LABELS];
} cifar_set;

static const cifar_set cifar10 = {
    .name = "cifar10",
    .folder = "cifar-10-batches-bin",
    .python = "cifar-10-batches-py",
    .archive = "cifar-10-binary.tar.gz",
    .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
              "data_batch_5.bin"},
    .test = {"test_batch.bin"},
    .file_records = {10000, 10000},
    .labels = 1,
    .classes = {10},
};

static const cifar_set cifar100 = {
    .name = "cifar100",
    .folder = "cifar-100-binary",
    .python = "cifar-100-python",
    .archive = "cifar-100-binary.tar.gz",
    .train = {"train.bin"},
    .test = {"test.bin"},
    .file_records = {10000, 50000},
    .labels = 2,
    .classes = {20, 100},
};

/* What lies in root instead of the files, if that is known. */
static const char *found_instead(const cifar_set *set, const char *root)
{
    char path[FV_PATH_MAX];
    if (fv_path_join(path, root, "", set->archive) && fv_is_file(path))
        return " (its archive is there: unpack it with tar -xzf)";
    if (fv_path_join(path, root, "", set->python) && fv_is_folder(path))
        return " (the version for Python is there, which is another format)";
    return "";
}

/* Finds the folder, by its first file. */
static fv_status find_folder(const cifar_set *set, const char *root, const char *first,
                             const char **folder)
{
    const char *const folders[] = {set->folder, ""};
    char path[FV_PATH_MAX];
    for (int i = 0; i < 2; i++) {
        *folder = folders[i];
        if (fv_path_join(path, root, *folder, first) && fv_is_file(path)) return FV_OK;
    }
    return fv_missing_data(set->name, root, set->name, "no %s in %s/%s or %s%s", first, root,
                           set->folder, root, found_instead(set, root));
}

/* Where records go on their way from a file. */
typedef struct taking {
    const cifar_set *set;
    const char *path;
    int label;  /* which of a record's */
    int64_t at; /* the next image */
    fv_images *out;
} taking;

static fv_status check_labels(const taking *t, const unsigned char *record, int64_t number)
{
    for (int k = 0; k < t->set->labels; k++)
        if (record[k] >= t->set->classes[k])
            return fv_fail(FV_ERR_FORMAT, "%s: record %" PRId64 " has %slabel %d, need 0 to %d",
                           t->path, number,
                           t->set->labels == 1 ? ""
                           : k == 0            ? "coarse "
                                               : "fine ",
                           record[k], t->set->classes[k] - 1);
    return FV_OK;
}

/* n records, the first of them number first of its file; pixel by pixel. */
static fv_status take_records(taking *t, const unsigned char *record, int64_t n, int64_t first)
{
    uint8_t *pixel = (uint8_t *)t->out->images->data + t->at * 3 * PLANE;
    int64_t *label = (int64_t *)t->out->labels->data + t->at;
    for (int64_t i = 0; i < n; i++) {
        fv_status status = check_labels(t, record, first + i);
        if (status != FV_OK) return status;
        *label++ = record[t->label];
        record += t->set->labels;
        for (int p = 0; p < PLANE; p++) {
            *pixel++ = record[p];
            *pixel++ = record[p + PLANE];
            *pixel++ = record[p + 2 * PLANE];
        }
        record += 3 * PLANE;
    }
    t->at += n;
    return FV_OK;
}

/* The first n of a file's records. */
static fv_status read_file(fv_reader *reader, int64_t records, int64_t n, taking *t)
{
    unsigned char chunk[CHUNK * (MAX_LABELS + 3 * PLANE)];
    const int64_t bytes = t->set->labels + 3 * PLANE;
    fv_status status = fv_reader_open(reader);
    if (status != FV_OK) return status;
    status = fv_reader_expect(reader, records * bytes);
    for (int64_t i = 0; i < n && status == FV_OK; i += CHUNK) {
        int64_t count = n - i < CHUNK ? n - i : CHUNK;
        status = fv_reader_read(reader, chunk, (size_t)(count * bytes));
        if (status == FV_OK) status = take_records(t, chunk, count, i);
    }
    if (status == FV_OK) status = fv_reader_end(reader);
    fv_reader_close(reader);
    return status;
}

static int64_t count_files(const char *const *names)
{
    int64_t n = 0;
    while (names[n]) n++;
    return n;
}

static fv_status read_set(const cifar_set *set, const fv_vision_args *a, int label, fv_images *out)
{
    const char *const *names = a->train ? set->train : set->test;
    const char *root = fv_data_root(a->root), *folder;
    fv_status status = find_folder(set, root, names[0], &folder);
    if (status != FV_OK) return status;
    const int64_t records = set->file_records[a->train];
    int64_t total = records * count_files(names);
    if (a->limit > 0 && a->limit < total) total = a->limit;
    status = fv_images_alloc(out, set->name, total, 3, SIDE, SIDE);
    fv_reader reader;
    taking t = {.set = set, .path = reader.path, .label = label, .out = out};
    for (; t.at < total && status == FV_OK; names++) {
        if (!fv_path_join(reader.path, root, folder, *names))
            return fv_fail(FV_ERR_IO, "%s: the path %.100s... is too long", set->name, root);
        status = read_file(&reader, records, total - t.at < records ? total - t.at : records, &t);
    }
    return status;
}

static fv_dataset *cifar_dataset(const cifar_set *set, const fv_vision_args *a, int label)
{
    fv_images images = {NULL, NULL};
    fv_status status = fv_vision_check(a, set->name);
    if (status == FV_OK) status = read_set(set, a, label, &images);
    return fv_vision_finish(a, &images, status);
}

const fv_vision_args fv_cifar10_defaults = {FV_CIFAR10_DEFAULTS};

fv_dataset *fv_cifar10_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("cifar10", a, sizeof *a)) return NULL;
    return cifar_dataset(&cifar10, a, 0);
}

const fv_vision_args fv_cifar100_defaults = {FV_CIFAR100_DEFAULTS};

fv_dataset *fv_cifar100_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("cifar100", a, sizeof *a)) return NULL;
    fv_vision_args rest = *a;
    rest.coarse = false; /* taken here; on the others it would be refused */
    return cifar_dataset(&cifar100, &rest, a->coarse ? 0 : 1);
}
