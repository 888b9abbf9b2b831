/* Writing safetensors files. */
#include "tensor/formats/safetensors_impl.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/durable.h"
#include "tensor/utf8_impl.h"

typedef struct item {
    const char *name;
    fv_tensor *tensor;
} item;

static size_t byte_count(const fv_tensor *t)
{
    return (size_t)t->numel * fv_dtype_size(t->dtype);
}

/* Falling size of the type keeps every tensor aligned; names make the order certain. */
static int compare_items(const void *a, const void *b)
{
    const item *x = a, *y = b;
    size_t sx = fv_dtype_size(x->tensor->dtype), sy = fv_dtype_size(y->tensor->dtype);
    if (sx != sy) return sx < sy ? 1 : -1;
    return strcmp(x->name, y->name);
}

static fv_status out_of_memory(void)
{
    return fv_fail(FV_ERR_MEMORY, "save: out of memory");
}

/* --- names ------------------------------------------------------------------------------ */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the names. The first that stands twice, or NULL. */
static const char *find_double(const char **names, int64_t count)
{
    if (count > 0) qsort(names, (size_t)count, sizeof *names, compare_texts);
    for (int64_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0) return names[i];
    return NULL;
}

static fv_status check_items(const item *items, int64_t count, const char **names)
{
    for (int64_t i = 0; i < count; i++) {
        const char *name = names[i] = items[i].name;
        if (!name || fv_failed_in("save", items[i].tensor))
            return fv_fail(FV_ERR_OPTION, "save: tensor %lld (%s) is missing or failed",
                           (long long)i, name ? name : "without a name");
        if (strcmp(name, "__metadata__") == 0)
            return fv_fail(FV_ERR_OPTION, "save: a tensor cannot be named __metadata__");
        if (!fv_utf8_valid(name))
            return fv_fail(FV_ERR_OPTION, "save: the name \"%s\" is no UTF-8 text", name);
        fv_status status = fv_need_elements("save", items[i].tensor);
        if (status != FV_OK) return status;
    }
    const char *twice = find_double(names, count);
    return twice ? fv_fail(FV_ERR_OPTION, "save: two tensors are named %s", twice) : FV_OK;
}

static fv_status check_metadata(const fv_metadata *metadata, int64_t count, const char **keys)
{
    for (int64_t i = 0; i < count; i++) {
        const fv_metadata *m = &metadata[i];
        if (!m->key || !m->value)
            return fv_fail(FV_ERR_OPTION, "save: metadata entry %lld has no %s", (long long)i,
                           m->key ? "value" : "key");
        if (!fv_utf8_valid(m->key) || !fv_utf8_valid(m->value))
            return fv_fail(FV_ERR_OPTION, "save: metadata entry %lld is no UTF-8 text",
                           (long long)i);
        keys[i] = m->key;
    }
    const char *twice = find_double(keys, count);
    return twice ? fv_fail(FV_ERR_OPTION, "save: two metadata entries are named %s", twice) : FV_OK;
}

/* --- the header ------------------------------------------------------------------------- */

static void put_metadata(fv_json_text *out, const fv_metadata *metadata, int64_t count)
{
    fv_json_put(out, "\"__metadata__\":{");
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) fv_json_put(out, ",");
        fv_json_put_string(out, metadata[i].key);
        fv_json_put(out, ":");
        fv_json_put_string(out, metadata[i].value);
    }
    fv_json_put(out, "}");
}

/* The entry of a tensor whose data begins at `begin`; returns where the next one's does. */
static uint64_t put_tensor(fv_json_text *out, const item *it, uint64_t begin)
{
    const fv_tensor *t = it->tensor;
    uint64_t end = begin + byte_count(t);
    fv_json_put_string(out, it->name);
    fv_json_put(out, ":{\"dtype\":");
    fv_json_put_string(out, fv_dtype_row_of(t->dtype)->safetensors);
    fv_json_put(out, ",\"shape\":[");
    for (int d = 0; d < t->ndim; d++) {
        if (d > 0) fv_json_put(out, ",");
        fv_json_put_integer(out, t->shape[d]);
    }
    fv_json_put(out, "],\"data_offsets\":[");
    fv_json_put_integer(out, (int64_t)begin);
    fv_json_put(out, ",");
    fv_json_put_integer(out, (int64_t)end);
    fv_json_put(out, "]}");
    return end;
}

/* Spaces behind it, so that the data begins at a multiple of 64. */
static void pad_header(fv_json_text *out)
{
    while (!out->failed && (FV_SAFETENSORS_PREAMBLE + out->length) % 64) fv_json_put(out, " ");
}

static fv_status make_header(const item *items, int64_t count, const fv_metadata *metadata,
                             int64_t metadata_count, fv_json_text *out)
{
    uint64_t end = 0;
    fv_json_put(out, "{");
    if (metadata_count > 0) put_metadata(out, metadata, metadata_count);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 || metadata_count > 0) fv_json_put(out, ",");
        end = put_tensor(out, &items[i], end);
    }
    fv_json_put(out, "}");
    pad_header(out);
    if (out->failed) return out_of_memory();
    if (out->length <= FV_SAFETENSORS_MAX_HEADER) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "save: a header of %zu bytes; the format allows %u", out->length,
                   FV_SAFETENSORS_MAX_HEADER);
}

/* --- the file --------------------------------------------------------------------------- */

static fv_status write_tensor(fv_durable *file, const fv_tensor *t)
{
    size_t bytes = byte_count(t);
    if (bytes == 0) return FV_OK;
    if (fv_is_contiguous(t) && !FV_SWAP_BYTES) return fv_durable_write(file, t->data, bytes);
    size_t capacity = 0;
    void *copy = fv_block_alloc(bytes, &capacity);
    if (!copy) return out_of_memory();
    fv_status status = fv_copy_out(t, t->dtype, copy);
    if (FV_SWAP_BYTES) fv_swap_elements(copy, (size_t)t->numel, fv_dtype_size(t->dtype));
    if (status == FV_OK) status = fv_durable_write(file, copy, bytes);
    fv_block_free(copy, capacity);
    return status;
}

static fv_status write_file(const char *path, const item *items, int64_t count,
                            const fv_json_text *header)
{
    fv_durable file;
    unsigned char length[FV_SAFETENSORS_PREAMBLE];
    fv_put_uint64(length, header->length);
    fv_status status = fv_durable_open(&file, path);
    if (status == FV_OK) status = fv_durable_write(&file, length, sizeof length);
    if (status == FV_OK) status = fv_durable_write(&file, header->text, header->length);
    for (int64_t i = 0; i < count && status == FV_OK; i++)
        status = write_tensor(&file, items[i].tensor);
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    return status;
}

static fv_status check_and_write(const char *path, item *items, int64_t count,
                                 const fv_metadata *metadata, int64_t metadata_count,
                                 const char **names)
{
    fv_json_text header = {NULL, 0, 0, false};
    fv_status status = check_items(items, count, names);
    if (status == FV_OK) status = check_metadata(metadata, metadata_count, names);
    if (status == FV_OK && count > 0) qsort(items, (size_t)count, sizeof *items, compare_items);
    if (status == FV_OK) status = make_header(items, count, metadata, metadata_count, &header);
    if (status == FV_OK) status = write_file(path, items, count, &header);
    free(header.text);
    return status;
}

fv_status fv_save_tensors(const char *path, const char *const *names, fv_tensor *const *tensors,
                          int64_t count, const fv_metadata *metadata, int64_t metadata_count)
{
    if (fv_need_no_error("save", path) != FV_OK) return FV_ERR_STATE;
    if (!path || count < 0 || (count > 0 && (!names || !tensors)))
        return fv_fail(FV_ERR_OPTION, "save: path, names and tensors are needed");
    if (metadata_count < 0 || (metadata_count > 0 && !metadata))
        return fv_fail(FV_ERR_OPTION, "save: %lld metadata entries, but the list is NULL",
                       (long long)metadata_count);
    int64_t most = count > metadata_count ? count : metadata_count;
    item *items = calloc((size_t)count + 1, sizeof *items);
    const char **sorted = calloc((size_t)most + 1, sizeof *sorted);
    fv_status status = items && sorted ? FV_OK : out_of_memory();
    for (int64_t i = 0; i < count && status == FV_OK; i++) items[i] = (item){names[i], tensors[i]};
    if (status == FV_OK)
        status = check_and_write(path, items, count, metadata, metadata_count, sorted);
    free(sorted);
    free(items);
    return status;
}

bool fv_can_save(const char *path)
{
    fv_durable file;
    if (fv_need_no_error("save", path) != FV_OK) return false;
    fv_status status = fv_durable_open(&file, path);
    if (status == FV_OK) fv_durable_abort(&file);
    return status == FV_OK;
}
