/* Writing safetensors files. */
#include "tensor/formats/safetensors_impl.h"

#ifndef FV_HAVE_JANSSON

fv_status fv_save_tensors(const char *path, const char *const *names, fv_tensor *const *tensors,
                          int64_t count, const fv_metadata *metadata, int64_t metadata_count)
{
    (void)path, (void)names, (void)tensors, (void)count, (void)metadata, (void)metadata_count;
    return fv_fail(FV_ERR_STATE, FV_SAFETENSORS_MISSING);
}

#else

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/durable.h"

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

static fv_status header_failed(void)
{
    return fv_fail(FV_ERR_MEMORY, "save: out of memory");
}

static fv_status add_metadata(json_t *root, const fv_metadata *metadata, int64_t count)
{
    if (count <= 0) return FV_OK;
    json_t *notes = json_object();
    if (!notes || json_object_set_new(root, "__metadata__", notes) != 0) return header_failed();
    for (int64_t i = 0; i < count; i++) {
        json_t *value = json_string(metadata[i].value);
        if (!value || json_object_set_new(notes, metadata[i].key, value) != 0)
            return fv_fail(FV_ERR_OPTION, "save: metadata entry %lld is no UTF-8 text",
                           (long long)i);
    }
    return FV_OK;
}

static fv_status add_tensor(json_t *root, const item *it, uint64_t *end)
{
    const fv_tensor *t = it->tensor;
    if (strcmp(it->name, "__metadata__") == 0)
        return fv_fail(FV_ERR_OPTION, "save: a tensor cannot be named __metadata__");
    if (json_object_get(root, it->name))
        return fv_fail(FV_ERR_OPTION, "save: two tensors are named %s", it->name);
    json_t *info = json_object();
    if (!info || json_object_set_new(root, it->name, info) != 0)
        return fv_fail(FV_ERR_OPTION, "save: the name \"%s\" is no UTF-8 text", it->name);
    uint64_t begin = *end;
    *end = begin + byte_count(t);
    json_t *shape = json_array(), *offsets = json_array();
    int bad =
        json_object_set_new(info, "dtype", json_string(fv_dtype_row_of(t->dtype)->safetensors));
    bad |= json_object_set_new(info, "shape", shape);
    for (int d = 0; d < t->ndim; d++)
        bad |= json_array_append_new(shape, json_integer(t->shape[d]));
    bad |= json_object_set_new(info, "data_offsets", offsets);
    bad |= json_array_append_new(offsets, json_integer((json_int_t)begin));
    bad |= json_array_append_new(offsets, json_integer((json_int_t)*end));
    return bad ? header_failed() : FV_OK;
}

/* The header's text, padded so that the data begins at a multiple of 64. */
static fv_status header_text(json_t *root, char **text, uint64_t *length)
{
    char *compact = json_dumps(root, JSON_COMPACT);
    if (!compact) return header_failed();
    size_t used = strlen(compact), padded = (8 + used + 63) / 64 * 64 - 8;
    char *longer = padded <= FV_SAFETENSORS_MAX_HEADER ? realloc(compact, padded + 1) : NULL;
    if (!longer) {
        free(compact);
        if (padded <= FV_SAFETENSORS_MAX_HEADER) return header_failed();
        return fv_fail(FV_ERR_OPTION, "save: a header of %zu bytes; the format allows %u", padded,
                       FV_SAFETENSORS_MAX_HEADER);
    }
    memset(longer + used, ' ', padded - used);
    *text = longer;
    *length = padded;
    return FV_OK;
}

static fv_status make_header(const item *items, int64_t count, const fv_metadata *metadata,
                             int64_t metadata_count, char **text, uint64_t *length)
{
    json_t *root = json_object();
    uint64_t end = 0;
    fv_status status = root ? add_metadata(root, metadata, metadata_count) : header_failed();
    for (int64_t i = 0; i < count && status == FV_OK; i++)
        status = add_tensor(root, &items[i], &end);
    if (status == FV_OK) status = header_text(root, text, length);
    json_decref(root);
    return status;
}

static fv_status write_tensor(fv_durable *file, const fv_tensor *t)
{
    size_t bytes = byte_count(t);
    if (bytes == 0) return FV_OK;
    if (fv_is_contiguous(t)) return fv_durable_write(file, t->data, bytes);
    size_t capacity = 0;
    void *copy = fv_block_alloc(bytes, &capacity);
    if (!copy) return header_failed();
    fv_status status = fv_copy_out(t, t->dtype, copy);
    if (status == FV_OK) status = fv_durable_write(file, copy, bytes);
    fv_block_free(copy, capacity);
    return status;
}

static fv_status write_file(const char *path, const item *items, int64_t count, const char *header,
                            uint64_t length)
{
    fv_durable file;
    fv_status status = fv_durable_open(&file, path);
    if (status == FV_OK) status = fv_durable_write(&file, &length, sizeof length);
    if (status == FV_OK) status = fv_durable_write(&file, header, (size_t)length);
    for (int64_t i = 0; i < count && status == FV_OK; i++)
        status = write_tensor(&file, items[i].tensor);
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    return status;
}

fv_status fv_save_tensors(const char *path, const char *const *names, fv_tensor *const *tensors,
                          int64_t count, const fv_metadata *metadata, int64_t metadata_count)
{
    if (!path || count < 0 || (count > 0 && (!names || !tensors)))
        return fv_fail(FV_ERR_OPTION, "save: path, names and tensors are needed");
    item *items = calloc((size_t)count + 1, sizeof *items);
    if (!items) return header_failed();
    fv_status status = FV_OK;
    for (int64_t i = 0; i < count && status == FV_OK; i++) {
        items[i] = (item){names[i], tensors[i]};
        if (!names[i] || fv_failed(tensors[i]))
            status = fv_fail(FV_ERR_OPTION, "save: tensor %lld (%s) is missing or failed",
                             (long long)i, names[i] ? names[i] : "without a name");
        else
            status = fv_need_elements("save", tensors[i]);
    }
    uint64_t length = 0;
    char *header = NULL;
    if (status == FV_OK) {
        qsort(items, (size_t)count, sizeof *items, compare_items);
        status = make_header(items, count, metadata, metadata_count, &header, &length);
    }
    if (status == FV_OK) status = write_file(path, items, count, header, length);
    free(header);
    free(items);
    return status;
}

#endif
