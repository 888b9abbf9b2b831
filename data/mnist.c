/* MNIST and Fashion-MNIST: IDX files. A big-endian header (magic number, count, and for images
 * rows and columns), then one byte a pixel or label. */
#include <inttypes.h>
#include <stdio.h>

#include "data/reader_impl.h"
#include "data/vision_impl.h"

enum {
    CLASSES = 10,
    IMAGES_MAGIC = 0x00000803, /* unsigned bytes, three dimensions */
    LABELS_MAGIC = 0x00000801, /* unsigned bytes, one dimension */
    MAX_SIDE = 1024
};

typedef struct idx_set {
    const char *name, *package;
    const char *folders[3];
} idx_set;

/* Finds stem, packed or not, in one of the set's folders. */
static fv_status find_file(const idx_set *set, const char *root, const char *stem, char *path)
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", stem, endings[i % 2]);
        if (fv_path_join(path, root, set->folders[i / 2], name) && fv_is_file(path)) return FV_OK;
    }
    return fv_fail(FV_ERR_IO, "%s: no %s or %s.gz in %s/%s, %s/%s or %s%s", set->name, stem, stem,
                   root, set->folders[0], root, set->folders[1], root, set->package);
}

/* Reads and checks the magic number, then count numbers. */
static fv_status read_header(fv_reader *reader, uint32_t magic, int count, int64_t *numbers)
{
    unsigned char bytes[16];
    fv_status status = fv_reader_read(reader, bytes, 4 * (size_t)(count + 1));
    if (status != FV_OK) return status;
    for (int i = 0; i <= count; i++) {
        const unsigned char *b = bytes + 4 * i;
        uint32_t v = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (i > 0)
            numbers[i - 1] = v;
        else if (v != magic)
            return fv_fail(FV_ERR_FORMAT, "%s: magic number 0x%08" PRIx32 ", need 0x%08" PRIx32,
                           reader->path, v, magic);
    }
    return FV_OK;
}

/* The bytes behind the header, all of the file or a part of them. */
static fv_status read_body(fv_reader *reader, void *out, int64_t bytes, bool all)
{
    fv_status status = fv_reader_read(reader, out, (size_t)bytes);
    return status == FV_OK && all ? fv_reader_end(reader) : status;
}

/* Reads the images' header: *count is what the file holds, *n what is wanted of it. */
static fv_status read_images(fv_reader *reader, const char *set, int64_t limit, int64_t *count,
                             fv_images *out)
{
    int64_t h[3];
    fv_status status = read_header(reader, IMAGES_MAGIC, 3, h);
    if (status != FV_OK) return status;
    if (h[0] < 1 || h[1] < 1 || h[2] < 1 || h[1] > MAX_SIDE || h[2] > MAX_SIDE)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: %" PRId64 " images of %" PRId64 " x %" PRId64
                       ", need at least one and sides of 1 to %d",
                       reader->path, h[0], h[1], h[2], MAX_SIDE);
    *count = h[0];
    status = fv_reader_expect(reader, 16 + h[0] * h[1] * h[2]); /* below 2^52 */
    if (status != FV_OK) return status;
    int64_t n = limit > 0 && limit < h[0] ? limit : h[0];
    status = fv_images_alloc(out, set, n, 1, h[1], h[2]);
    if (status != FV_OK) return status;
    return read_body(reader, out->images->data, n * h[1] * h[2], n == h[0]);
}

/* Reads labels for the n images that were read of count. */
static fv_status read_labels(fv_reader *reader, int64_t count, fv_images *out)
{
    int64_t found, n = out->labels->numel, *label = out->labels->data;
    fv_status status = read_header(reader, LABELS_MAGIC, 1, &found);
    if (status != FV_OK) return status;
    if (found != count)
        return fv_fail(FV_ERR_FORMAT, "%s: %" PRId64 " labels for %" PRId64 " images", reader->path,
                       found, count);
    status = fv_reader_expect(reader, 8 + found);
    if (status != FV_OK) return status;
    /* The bytes go to the end of the int64 memory and are widened from the front. */
    unsigned char *byte = (unsigned char *)(label + n) - n;
    status = read_body(reader, byte, n, n == found);
    for (int64_t i = 0; i < n && status == FV_OK; i++) {
        if (byte[i] >= CLASSES)
            return fv_fail(FV_ERR_FORMAT, "%s: label %" PRId64 " is %d, need 0 to %d", reader->path,
                           i, byte[i], CLASSES - 1);
        label[i] = byte[i];
    }
    return status;
}

static fv_status read_set(const idx_set *set, const fv_vision_args *a, fv_images *out)
{
    fv_reader reader = {.handle = NULL};
    int64_t count = 0;
    fv_status status = find_file(
        set, a->root, a->train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte", reader.path);
    if (status == FV_OK) status = fv_reader_open(&reader);
    if (status == FV_OK) status = read_images(&reader, set->name, a->limit, &count, out);
    fv_reader_close(&reader);
    if (status == FV_OK)
        status =
            find_file(set, a->root, a->train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte",
                      reader.path);
    if (status == FV_OK) status = fv_reader_open(&reader);
    if (status == FV_OK) status = read_labels(&reader, count, out);
    fv_reader_close(&reader);
    return status;
}

static fv_dataset *idx_dataset(const idx_set *set, const fv_vision_args *a)
{
    fv_images images = {NULL, NULL};
    fv_status status = fv_vision_check(a, set->name);
    if (status == FV_OK) status = read_set(set, a, &images);
    return fv_vision_finish(a, &images, status);
}

const fv_vision_args fv_mnist_defaults = {FV_MNIST_DEFAULTS};

fv_dataset *fv_mnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("mnist", a, sizeof *a)) return NULL;
    static const idx_set set = {"mnist", "", {"mnist", "MNIST/raw", ""}};
    return idx_dataset(&set, a);
}

const fv_vision_args fv_fashion_mnist_defaults = {FV_FASHION_MNIST_DEFAULTS};

fv_dataset *fv_fashion_mnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("fashion_mnist", a, sizeof *a)) return NULL;
    static const idx_set set = {"fashion_mnist",
                                "; Debian has them in the package dataset-fashion-mnist, root "
                                "/usr/share/datasets",
                                {"fashion-mnist", "FashionMNIST/raw", ""}};
    return idx_dataset(&set, a);
}
