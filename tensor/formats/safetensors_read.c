/* Reading safetensors files. Nothing in the file is believed before it is checked. */
#include "tensor/formats/safetensors_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* A type of the format. */
typedef struct type_entry {
    const char *name;
    size_t size;
    int dtype; /* an fv_dtype, or -1: the library has it not */
} type_entry;

typedef struct file_entry {
    const char *name; /* owned by the JSON tree */
    type_entry type;
    fv_shape shape;
    uint64_t begin, end; /* in the data part */
} file_entry;

struct fv_tensor_file {
    int fd;              /* -1: the bytes are in memory */
    const char *bytes;   /* then: the whole file */
    char *label;         /* for messages */
    uint64_t data_start; /* of the data part, in the file */
    void *json;          /* the header's tree, which owns the names and notes */
    file_entry *entries;
    int64_t count;
};

#ifdef FV_HAVE_JANSSON

#include <jansson.h>

/* Legal types that the library has not. */
static const type_entry foreign_types[] = {
    {"U64", 8, -1}, {"U32", 4, -1}, {"U16", 2, -1}, {"F8_E5M2", 1, -1}, {"F8_E4M3", 1, -1},
};

static fv_status bad(const fv_tensor_file *file, const char *name, const char *rule)
{
    if (!name) return fv_fail(FV_ERR_FORMAT, "%s: not a safetensors file: %s", file->label, rule);
    return fv_fail(FV_ERR_FORMAT, "%s: tensor %.100s: %s", file->label, name, rule);
}

static fv_status out_of_memory(const char *label)
{
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory", label);
}

/* --- bytes ------------------------------------------------------------------------------ */

static fv_status read_bytes(const fv_tensor_file *file, uint64_t offset, void *out, size_t count)
{
    if (file->fd < 0) {
        memcpy(out, file->bytes + offset, count);
        return FV_OK;
    }
    char *at = out;
    while (count > 0) {
        size_t chunk = count < ((size_t)1 << 30) ? count : (size_t)1 << 30;
        ssize_t done = pread(file->fd, at, chunk, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0)
            return fv_fail(FV_ERR_IO, "%s: cannot read: %s", file->label,
                           done < 0 ? strerror(errno) : "the file became shorter");
        at += done;
        offset += (uint64_t)done;
        count -= (size_t)done;
    }
    return FV_OK;
}

/* --- the header ------------------------------------------------------------------------- */

/* The type of that name; without a name if there is none. */
static type_entry find_type(const char *name)
{
    for (int d = 0; d < FV_DTYPE_COUNT; d++)
        if (strcmp(fv_dtypes[d].safetensors, name) == 0)
            return (type_entry){fv_dtypes[d].safetensors, fv_dtypes[d].size, d + FV_DTYPE_FIRST};
    for (size_t i = 0; i < sizeof foreign_types / sizeof foreign_types[0]; i++)
        if (strcmp(foreign_types[i].name, name) == 0) return foreign_types[i];
    return (type_entry){.name = NULL};
}

static fv_status parse_type(const fv_tensor_file *file, file_entry *e, const json_t *json)
{
    const char *name = json_string_value(json);
    if (name) e->type = find_type(name);
    return e->type.name ? FV_OK : bad(file, e->name, "dtype is missing or unknown");
}

static fv_status parse_shape(const fv_tensor_file *file, file_entry *e, const json_t *json)
{
    if (!json_is_array(json)) return bad(file, e->name, "shape is missing or no array");
    size_t ndim = json_array_size(json);
    if (ndim > FV_MAX_DIMS) return bad(file, e->name, "more than 8 dimensions");
    e->shape = (fv_shape){.ndim = (int)ndim};
    for (size_t d = 0; d < ndim; d++) {
        const json_t *length = json_array_get(json, d);
        if (!json_is_integer(length) || json_integer_value(length) < 0)
            return bad(file, e->name, "a dimension is no integer from 0");
        e->shape.dim[d] = json_integer_value(length);
    }
    return FV_OK;
}

static fv_status parse_offsets(const fv_tensor_file *file, file_entry *e, const json_t *json)
{
    const json_t *begin = json_array_get(json, 0), *end = json_array_get(json, 1);
    if (json_array_size(json) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return bad(file, e->name, "data_offsets is missing or no pair of integers");
    if (json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return bad(file, e->name, "data_offsets run backwards");
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    int64_t numel = fv_shape_numel(&e->shape);
    if (numel < 0 || numel > INT64_MAX / 8 || (uint64_t)numel * e->type.size != e->end - e->begin)
        return bad(file, e->name, "data_offsets do not fit shape and dtype");
    return FV_OK;
}

static fv_status parse_metadata(const fv_tensor_file *file, json_t *notes)
{
    if (!json_is_object(notes)) return bad(file, NULL, "__metadata__ is no object");
    const char *key;
    json_t *value;
    json_object_foreach(notes, key, value)
    {
        if (!json_is_string(value)) return bad(file, NULL, "a value of __metadata__ is no string");
    }
    return FV_OK;
}

static fv_status parse_entries(fv_tensor_file *file)
{
    json_t *root = file->json, *value;
    const char *key;
    file->entries = calloc(json_object_size(root) + 1, sizeof *file->entries);
    if (!file->entries) return out_of_memory(file->label);
    json_object_foreach(root, key, value)
    {
        fv_status status;
        if (strcmp(key, "__metadata__") == 0) {
            status = parse_metadata(file, value);
        } else {
            file_entry *e = &file->entries[file->count++];
            e->name = key;
            status = parse_type(file, e, json_object_get(value, "dtype"));
            if (status == FV_OK) status = parse_shape(file, e, json_object_get(value, "shape"));
            if (status == FV_OK)
                status = parse_offsets(file, e, json_object_get(value, "data_offsets"));
        }
        if (status != FV_OK) return status;
    }
    return FV_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const file_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const file_entry *)a)->name, ((const file_entry *)b)->name);
}

/* The tensors must cover the data from its first byte to its last, each byte once. */
static fv_status check_tiling(fv_tensor_file *file, uint64_t data_bytes)
{
    uint64_t at = 0;
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_offsets);
    for (int64_t i = 0; i < file->count; i++) {
        if (file->entries[i].begin != at)
            return bad(file, file->entries[i].name, "a hole or an overlap before its data");
        at = file->entries[i].end;
    }
    if (at != data_bytes) return bad(file, NULL, "the tensors do not end where the file ends");
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_names);
    return FV_OK;
}

static fv_status parse_header(fv_tensor_file *file, uint64_t size)
{
    uint64_t length = 0;
    if (size < sizeof length) return bad(file, NULL, "shorter than 8 bytes");
    fv_status status = read_bytes(file, 0, &length, sizeof length);
    if (status != FV_OK) return status;
    if (length > FV_SAFETENSORS_MAX_HEADER)
        return bad(file, NULL, "a header of more than 100000000 bytes");
    if (length > size - sizeof length) return bad(file, NULL, "the header is longer than the file");
    char *text = malloc((size_t)length + 1);
    if (!text) return out_of_memory(file->label);
    status = read_bytes(file, sizeof length, text, (size_t)length);
    if (status == FV_OK && (length == 0 || text[0] != '{'))
        status = bad(file, NULL, "the header does not start with {");
    if (status == FV_OK) {
        json_error_t error;
        file->json = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object((json_t *)file->json))
            status = fv_fail(FV_ERR_FORMAT, "%s: not a safetensors file: header: %s", file->label,
                             file->json ? "no object" : error.text);
    }
    free(text);
    file->data_start = sizeof length + length;
    if (status == FV_OK) status = parse_entries(file);
    if (status == FV_OK) status = check_tiling(file, size - file->data_start);
    return status;
}

/* --- opening ---------------------------------------------------------------------------- */

static fv_tensor_file *new_file(const char *label)
{
    fv_tensor_file *file = calloc(1, sizeof *file);
    if (file) {
        file->fd = -1;
        file->label = strdup(label);
    }
    if (file && file->label) return file;
    fv_tensor_file_free(file);
    out_of_memory(label);
    return NULL;
}

fv_tensor_file *fv_tensor_file_parse(const void *bytes, size_t count)
{
    if (!bytes) {
        fv_fail(FV_ERR_OPTION, "safetensors: the bytes are NULL");
        return NULL;
    }
    fv_tensor_file *file = new_file("safetensors");
    if (!file) return NULL;
    file->bytes = bytes;
    if (parse_header(file, count) == FV_OK) return file;
    fv_tensor_file_free(file);
    return NULL;
}

static fv_status open_file(fv_tensor_file *file, const char *path)
{
    struct stat info;
    do file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return fv_fail(FV_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return fv_fail(FV_ERR_IO, "%s: not a regular file", path);
    return parse_header(file, (uint64_t)info.st_size);
}

fv_tensor_file *fv_tensor_file_open(const char *path)
{
    if (!path) {
        fv_fail(FV_ERR_OPTION, "safetensors: the path is NULL");
        return NULL;
    }
    fv_tensor_file *file = new_file(path);
    if (!file) return NULL;
    if (open_file(file, path) == FV_OK) return file;
    fv_tensor_file_free(file);
    return NULL;
}

void fv_tensor_file_free(fv_tensor_file *file)
{
    if (!file) return;
    if (file->fd >= 0) close(file->fd);
    json_decref(file->json);
    free(file->entries);
    free(file->label);
    free(file);
}

const char *fv_tensor_file_metadata(const fv_tensor_file *file, const char *key)
{
    if (!file || !key) return NULL;
    return json_string_value(json_object_get(json_object_get(file->json, "__metadata__"), key));
}

/* --- tensors ---------------------------------------------------------------------------- */

/* A bool of another value than 0 and 1 would be undefined behaviour in C. */
static fv_status check_bools(const fv_tensor_file *file, const file_entry *e, const fv_tensor *t)
{
    const unsigned char *bytes = t->data;
    for (int64_t i = 0; i < t->numel; i++)
        if (bytes[i] > 1) return bad(file, e->name, "a bool that is neither 0 nor 1");
    return FV_OK;
}

fv_tensor *fv_tensor_file_read(const fv_tensor_file *file, int64_t i)
{
    if (!file || i < 0 || i >= file->count) {
        fv_fail(FV_ERR_INDEX, "safetensors: no tensor %lld", (long long)i);
        return fv_failed_tensor();
    }
    const file_entry *e = &file->entries[i];
    if (!fv_dtype_exists(e->type.dtype)) {
        fv_fail(FV_ERR_DTYPE, "%s: tensor %.100s has type %s, which cannot be read", file->label,
                e->name, e->type.name);
        return fv_failed_tensor();
    }
    fv_tensor *t = fv_tensor_alloc((fv_dtype)e->type.dtype, &e->shape, NULL);
    if (!t) {
        out_of_memory(file->label);
        return fv_failed_tensor();
    }
    fv_status status = FV_OK;
    if (t->numel > 0)
        status =
            read_bytes(file, file->data_start + e->begin, t->data, (size_t)(e->end - e->begin));
    if (status == FV_OK && t->dtype == FV_BOOL) status = check_bools(file, e, t);
    if (status == FV_OK) return fv_scope_adopt(t);
    fv_release(t);
    return fv_failed_tensor();
}

#else

fv_tensor_file *fv_tensor_file_open(const char *path)
{
    (void)path;
    fv_fail(FV_ERR_STATE, FV_SAFETENSORS_MISSING);
    return NULL;
}

fv_tensor_file *fv_tensor_file_parse(const void *bytes, size_t count)
{
    (void)count;
    return fv_tensor_file_open(bytes);
}

void fv_tensor_file_free(fv_tensor_file *file)
{
    (void)file;
}

const char *fv_tensor_file_metadata(const fv_tensor_file *file, const char *key)
{
    (void)file, (void)key;
    return NULL;
}

fv_tensor *fv_tensor_file_read(const fv_tensor_file *file, int64_t i)
{
    (void)file, (void)i;
    fv_fail(FV_ERR_STATE, FV_SAFETENSORS_MISSING);
    return fv_failed_tensor();
}

#endif

/* --- questions about the header --------------------------------------------------------- */

static const file_entry *entry_at(const fv_tensor_file *file, int64_t i)
{
    return file && i >= 0 && i < file->count ? &file->entries[i] : NULL;
}

int64_t fv_tensor_file_count(const fv_tensor_file *file)
{
    return file ? file->count : 0;
}

const char *fv_tensor_file_name(const fv_tensor_file *file, int64_t i)
{
    const file_entry *e = entry_at(file, i);
    return e ? e->name : NULL;
}

fv_shape fv_tensor_file_shape(const fv_tensor_file *file, int64_t i)
{
    const file_entry *e = entry_at(file, i);
    return e ? e->shape : FV_SCALAR;
}

const char *fv_tensor_file_type(const fv_tensor_file *file, int64_t i)
{
    const file_entry *e = entry_at(file, i);
    return e ? e->type.name : NULL;
}

int64_t fv_tensor_file_find(const fv_tensor_file *file, const char *name)
{
    int64_t low = 0, high = name ? fv_tensor_file_count(file) : 0;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(file->entries[middle].name, name);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
