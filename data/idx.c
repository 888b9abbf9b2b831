/* IDX files: a big-endian header (magic number, count, and for images rows and columns), then one
 * byte a pixel or label. */
#include "data/idx_impl.h"

#include <inttypes.h>
#include <string.h>

enum {
    IMAGES_MAGIC = 0x00000803, /* unsigned bytes, three dimensions */
    LABELS_MAGIC = 0x00000801, /* unsigned bytes, one dimension */
    MAX_SIDE = 1024
};

/* The first bytes are those of no IDX file with that many dimensions. */
static fv_status wrong_magic(const fv_reader *reader, const unsigned char *first, size_t count,
                             uint32_t found, uint32_t need)
{
    const char *kind = fv_content_kind(first, count);
    if (kind) return fv_fail(FV_ERR_FORMAT, "%s: unpacked, it is %s", reader->path, kind);
    const char *hint = found == IMAGES_MAGIC   ? ": images, where labels belong"
                       : found == LABELS_MAGIC ? ": labels, where images belong"
                                               : "";
    return fv_fail(FV_ERR_FORMAT, "%s: magic number 0x%08" PRIx32 ", need 0x%08" PRIx32 "%s",
                   reader->path, found, need, hint);
}

/* Reads and checks the magic number, then count numbers. */
static fv_status read_header(fv_reader *reader, uint32_t magic, int count, int64_t *numbers)
{
    unsigned char bytes[16];
    const size_t size = 4 * (size_t)(count + 1);
    fv_status status = fv_reader_read(reader, bytes, size);
    if (status != FV_OK) return status;
    for (int i = 0; i <= count; i++) {
        const unsigned char *b = bytes + 4 * i;
        uint32_t v = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (i > 0)
            numbers[i - 1] = v;
        else if (v != magic)
            return wrong_magic(reader, bytes, size, v, magic);
    }
    return FV_OK;
}

/* Reads the images; *count is what the file holds, limit bounds what is taken of it. */
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
    if (status == FV_OK)
        status = fv_reader_read(reader, out->images->data, (size_t)(n * h[1] * h[2]));
    return status == FV_OK ? fv_reader_end(reader) : status;
}

/* Widens n bytes to labels from 0 on, in place: byte may lie at the end of label's memory. */
static fv_status take_labels(const fv_reader *reader, const unsigned char *byte, int64_t n,
                             fv_label_range range, int64_t *label)
{
    const int64_t last = range.classes > 0 ? range.first + range.classes - 1 : UINT8_MAX;
    for (int64_t i = 0; i < n; i++) {
        if (byte[i] < range.first || byte[i] > last)
            return fv_fail(FV_ERR_FORMAT,
                           "%s: label %" PRId64 " is %d, need %" PRId64 " to %" PRId64,
                           reader->path, i, byte[i], range.first, last);
        label[i] = byte[i] - range.first;
    }
    return FV_OK;
}

/* Reads labels for the images that were taken of count. */
static fv_status read_labels(fv_reader *reader, int64_t count, fv_label_range range, fv_images *out)
{
    int64_t found, n = out->labels->numel, *label = out->labels->data;
    fv_status status = read_header(reader, LABELS_MAGIC, 1, &found);
    if (status != FV_OK) return status;
    if (found != count)
        return fv_fail(FV_ERR_FORMAT, "%s: %" PRId64 " labels for %" PRId64 " images", reader->path,
                       found, count);
    unsigned char *byte = (unsigned char *)(label + n) - n;
    status = fv_reader_expect(reader, 8 + found);
    if (status == FV_OK) status = fv_reader_read(reader, byte, (size_t)n);
    if (status == FV_OK) status = fv_reader_end(reader);
    return status == FV_OK ? take_labels(reader, byte, n, range, label) : status;
}

static fv_status open_file(fv_reader *reader, const char *path)
{
    size_t length = strlen(path);
    if (length >= FV_PATH_MAX)
        return fv_fail(FV_ERR_IO, "a path of %zu bytes is too long: %.100s...", length, path);
    memcpy(reader->path, path, length + 1);
    return fv_reader_open(reader);
}

fv_status fv_idx_read(const char *set, const char *images_path, const char *labels_path,
                      int64_t limit, fv_label_range range, fv_images *out)
{
    fv_reader reader;
    int64_t count = 0;
    fv_status status = open_file(&reader, images_path);
    if (status != FV_OK) return status;
    status = read_images(&reader, set, limit, &count, out);
    fv_reader_close(&reader);
    if (status == FV_OK) status = open_file(&reader, labels_path);
    if (status != FV_OK) return status;
    status = read_labels(&reader, count, range, out);
    fv_reader_close(&reader);
    return status;
}

/* --- a set of any two files ------------------------------------------------------------------- */

static fv_status check_idx(const fv_idx_dataset_args *a)
{
    if (!a->images || !a->labels)
        return fv_fail(FV_ERR_OPTION, "idx_dataset: no path of the %s",
                       a->images ? "labels" : "images");
    if (a->first_label < 0 || a->first_label > UINT8_MAX || a->classes < 0 ||
        a->classes > UINT8_MAX + 1 - a->first_label)
        return fv_fail(FV_ERR_OPTION,
                       "idx_dataset: first_label %" PRId64 " and classes %" PRId64
                       ", but labels are bytes",
                       a->first_label, a->classes);
    if (a->limit < 0)
        return fv_fail(FV_ERR_OPTION, "idx_dataset: limit is %" PRId64 ", need 0 (all) or more",
                       a->limit);
    return FV_OK;
}

const fv_idx_dataset_args fv_idx_dataset_defaults = {FV_IDX_DATASET_DEFAULTS};

fv_dataset *fv_idx_dataset_ex(const fv_idx_dataset_args *a)
{
    if (!fv_args_ok("idx_dataset", a, sizeof *a)) return NULL;
    fv_images images = {NULL, NULL};
    const fv_label_range range = {a->first_label, a->classes};
    fv_vision_args options = {
        .normalize = true, .random_crop = a->random_crop, .random_flip = a->random_flip};
    fv_status status = check_idx(a);
    if (status == FV_OK)
        status = fv_idx_read("idx_dataset", a->images, a->labels, a->limit, range, &images);
    memcpy(options.mean, a->mean, sizeof options.mean);
    memcpy(options.std, a->std, sizeof options.std);
    return fv_vision_finish(&options, &images, status);
}
