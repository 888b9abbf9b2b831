/* Reading safetensors files. Nothing in the file is believed before it is checked. */
#include "tensor/formats/safetensors_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "tensor/formats/kinds.h"
#include "tensor/system.h"

/* A type of the format. */
typedef struct type_entry {
    const char *name;
    size_t size;
    int dtype; /* an fv_dtype, or -1: the library has it not */
} type_entry;

/* Names, keys and values lie in the header's text. */
typedef struct file_entry {
    const char *name;
    type_entry type;
    fv_shape shape;
    uint64_t begin, end; /* in the data part */
} file_entry;

struct fv_tensor_file {
    int fd;              /* -1: the bytes are in memory */
    const char *bytes;   /* then: the whole file */
    char *label;         /* for messages */
    uint64_t data_start; /* of the data part, in the file */
    char *header;
    file_entry *entries; /* in order of name */
    int64_t count;
    fv_metadata *notes; /* in order of key */
    int64_t note_count;
};

/* Legal types that the library has not. */
static const type_entry foreign_types[] = {
    {"U64", 8, -1},         {"U32", 4, -1},         {"U16", 2, -1},
    {"C64", 8, -1},         {"F8_E5M2", 1, -1},     {"F8_E4M3", 1, -1},
    {"F8_E5M2FNUZ", 1, -1}, {"F8_E4M3FNUZ", 1, -1}, {"F8_E8M0", 1, -1},
};

/* A rule of the format is broken in what is a safetensors file otherwise. */
static fv_status bad(const fv_tensor_file *file, const char *name, const char *rule)
{
    if (!name) return fv_fail(FV_ERR_FORMAT, "%s: damaged safetensors file: %s", file->label, rule);
    return fv_fail(FV_ERR_FORMAT, "%s: damaged safetensors file: tensor %.100s: %s", file->label,
                   name, rule);
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
        int64_t done = fv_system_read_at(file->fd, at, chunk, offset);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == ENOMEM) return out_of_memory(file->label);
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

/* A list of `count` elements of `size` bytes with room for one more; NULL when memory is out. */
static void *grown(void *list, int64_t count, size_t size)
{
    if (count & (count + 1)) return list; /* there is room: it grows at 0, 1, 3, 7, ... */
    return realloc(list, (2 * (size_t)count + 2) * size);
}

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

static fv_status parse_type(const fv_tensor_file *file, file_entry *e, fv_json *j)
{
    const char *name = fv_json_string(j);
    if (!name) return bad(file, e->name, "dtype is no string");
    e->type = find_type(name);
    if (e->type.name) return FV_OK;
    return fv_fail(FV_ERR_FORMAT, "%s: tensor %.100s: unknown dtype %.40s", file->label, e->name,
                   name);
}

static fv_status parse_shape(const fv_tensor_file *file, file_entry *e, fv_json *j)
{
    int64_t ndim = 0, length = 0;
    if (!fv_json_open(j, '[')) return bad(file, e->name, "shape is no array");
    e->shape = (fv_shape){.ndim = 0};
    while (fv_json_next(j, ']', &ndim)) {
        if (ndim > FV_MAX_DIMS) return bad(file, e->name, "more than 8 dimensions");
        if (!fv_json_integer(j, &length) || length < 0)
            return bad(file, e->name, "a dimension is no integer from 0");
        e->shape.dim[e->shape.ndim++] = length;
    }
    return FV_OK;
}

static fv_status parse_offsets(const fv_tensor_file *file, file_entry *e, fv_json *j)
{
    int64_t count = 0, offsets[3] = {0};
    bool good = fv_json_open(j, '[');
    while (good && fv_json_next(j, ']', &count))
        good = count <= 2 && fv_json_integer(j, &offsets[count]);
    if (!good || j->error || count != 2)
        return bad(file, e->name, "data_offsets is no pair of integers");
    if (offsets[1] < 0 || offsets[2] < offsets[1])
        return bad(file, e->name, "data_offsets run backwards");
    e->begin = (uint64_t)offsets[1];
    e->end = (uint64_t)offsets[2];
    return FV_OK;
}

static fv_status check_size(const fv_tensor_file *file, const file_entry *e)
{
    int64_t numel = fv_shape_numel(&e->shape);
    if (numel < 0 || numel > INT64_MAX / 8 || (uint64_t)numel * e->type.size != e->end - e->begin)
        return bad(file, e->name, "data_offsets do not fit shape and dtype");
    return FV_OK;
}

/* The three fields, each once; unknown ones are passed over. */
static fv_status parse_entry(const fv_tensor_file *file, file_entry *e, fv_json *j)
{
    typedef fv_status field_parser(const fv_tensor_file *, file_entry *, fv_json *);
    static const char *const names[] = {"dtype", "shape", "data_offsets"};
    static field_parser *const parsers[] = {parse_type, parse_shape, parse_offsets};
    bool seen[3] = {false};
    int64_t count = 0;
    if (!fv_json_open(j, '{')) return bad(file, e->name, "no object with dtype and shape");
    while (fv_json_next(j, '}', &count)) {
        const char *key = fv_json_key(j);
        int field = 0;
        while (key && field < 3 && strcmp(key, names[field]) != 0) field++;
        if (!key || field == 3) {
            fv_json_skip(j);
            continue;
        }
        if (seen[field]) return bad(file, e->name, "a field stands twice");
        seen[field] = true;
        fv_status status = parsers[field](file, e, j);
        if (status != FV_OK) return status;
    }
    for (int field = 0; field < 3 && !j->error; field++)
        if (!seen[field]) {
            char rule[40];
            snprintf(rule, sizeof rule, "%s is missing", names[field]);
            return bad(file, e->name, rule);
        }
    return j->error ? FV_OK : check_size(file, e);
}

static fv_status parse_metadata(fv_tensor_file *file, fv_json *j)
{
    int64_t count = 0;
    if (!fv_json_open(j, '{')) return bad(file, NULL, "__metadata__ is no object");
    while (fv_json_next(j, '}', &count)) {
        const char *key = fv_json_key(j);
        if (key && fv_json_peek(j) != '"')
            return bad(file, NULL, "a value of __metadata__ is no string");
        const char *value = fv_json_string(j);
        if (!value) break;
        fv_metadata *notes = grown(file->notes, file->note_count, sizeof *notes);
        if (!notes) return out_of_memory(file->label);
        file->notes = notes;
        notes[file->note_count++] = (fv_metadata){key, value};
    }
    return FV_OK;
}

static fv_status parse_tensor(fv_tensor_file *file, const char *name, fv_json *j)
{
    file_entry *entries = grown(file->entries, file->count, sizeof *entries);
    if (!entries) return out_of_memory(file->label);
    file->entries = entries;
    file_entry *e = &entries[file->count++];
    *e = (file_entry){.name = name};
    return parse_entry(file, e, j);
}

static fv_status parse_entries(fv_tensor_file *file, fv_json *j)
{
    int64_t count = 0, metadata = 0;
    fv_json_open(j, '{');
    while (fv_json_next(j, '}', &count)) {
        const char *key = fv_json_key(j);
        if (!key) break;
        bool is_metadata = strcmp(key, "__metadata__") == 0;
        if (is_metadata && ++metadata == 2)
            return bad(file, NULL, "the header has __metadata__ twice");
        fv_status status = is_metadata ? parse_metadata(file, j) : parse_tensor(file, key, j);
        if (status != FV_OK) return status;
    }
    if (fv_json_end(j)) return FV_OK;
    return fv_fail(FV_ERR_FORMAT, "%s: damaged safetensors file: header, byte %lld: %s",
                   file->label, (long long)(j->at - j->start), j->error);
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

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const fv_metadata *)a)->key, ((const fv_metadata *)b)->key);
}

/* The tensors must cover the data from its first byte to its last, each byte once. */
static fv_status check_tiling(fv_tensor_file *file, uint64_t data_bytes)
{
    uint64_t at = 0;
    if (file->count > 0)
        qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_offsets);
    for (int64_t i = 0; i < file->count; i++) {
        if (file->entries[i].begin != at)
            return bad(file, file->entries[i].name, "a hole or an overlap before its data");
        at = file->entries[i].end;
    }
    if (at > data_bytes)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: damaged safetensors file: cut short, the last %llu bytes are missing",
                       file->label, (unsigned long long)(at - data_bytes));
    return at == data_bytes ? FV_OK : bad(file, NULL, "the file goes on where the tensors end");
}

/* Sorts tensors and notes; no name may stand twice. */
static fv_status sort_names(fv_tensor_file *file)
{
    if (file->count > 0)
        qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_names);
    if (file->note_count > 0)
        qsort(file->notes, (size_t)file->note_count, sizeof *file->notes, compare_keys);
    for (int64_t i = 1; i < file->count; i++)
        if (strcmp(file->entries[i - 1].name, file->entries[i].name) == 0)
            return bad(file, file->entries[i].name, "the header has this name twice");
    for (int64_t i = 1; i < file->note_count; i++)
        if (strcmp(file->notes[i - 1].key, file->notes[i].key) == 0)
            return bad(file, NULL, "the header has a key of __metadata__ twice");
    return FV_OK;
}

/* What is wrong when not even the beginning is that of a safetensors file. */
static fv_status foreign_file(const fv_tensor_file *file, uint64_t size, const char *rule)
{
    char head[FV_KIND_BYTES];
    size_t count = size < sizeof head ? (size_t)size : sizeof head;
    fv_status status = read_bytes(file, 0, head, count);
    if (status != FV_OK) return status;
    fv_file_kind kind = fv_file_kind_of(head, count);
    if (!kind.name)
        return fv_fail(FV_ERR_FORMAT, "%s: not a safetensors file: %s", file->label, rule);
    return fv_fail(FV_ERR_FORMAT, "%s: not a safetensors file: it is %s%s%s", file->label,
                   kind.name, kind.advice ? "; " : "", kind.advice ? kind.advice : "");
}

/* The length of the header, after a look at the first byte of it. */
static fv_status find_header(const fv_tensor_file *file, uint64_t size, size_t *length)
{
    enum { HEAD = FV_SAFETENSORS_PREAMBLE + 1 };
    unsigned char head[HEAD] = {0};
    fv_status status = read_bytes(file, 0, head, size < HEAD ? (size_t)size : HEAD);
    if (status != FV_OK) return status;
    if (size < FV_SAFETENSORS_PREAMBLE) return foreign_file(file, size, "shorter than 8 bytes");
    uint64_t bytes = fv_get_uint64(head);
    if (bytes > FV_SAFETENSORS_MAX_HEADER)
        return foreign_file(file, size, "a header of more than 100000000 bytes");
    if (bytes == 0 || head[FV_SAFETENSORS_PREAMBLE] != '{')
        return foreign_file(file, size, "the header does not start with {");
    if (bytes > size - FV_SAFETENSORS_PREAMBLE)
        return bad(file, NULL, "cut short, the header is longer than the file");
    *length = (size_t)bytes;
    return FV_OK;
}

static fv_status parse_header(fv_tensor_file *file, uint64_t size)
{
    size_t length = 0;
    fv_status status = find_header(file, size, &length);
    if (status != FV_OK) return status;
    file->header = malloc(length + 1);
    if (!file->header) return out_of_memory(file->label);
    status = read_bytes(file, FV_SAFETENSORS_PREAMBLE, file->header, length);
    if (status != FV_OK) return status;
    file->data_start = FV_SAFETENSORS_PREAMBLE + length;
    fv_json j = fv_json_over(file->header, length);
    status = parse_entries(file, &j);
    if (status == FV_OK) status = check_tiling(file, size - file->data_start);
    return status == FV_OK ? sort_names(file) : status;
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
    if (fv_need_no_error("open", "tensors in memory") != FV_OK) return NULL;
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
    do file->fd = fv_system_open(path);
    while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return errno == ENOMEM ? out_of_memory(path)
                               : fv_fail(FV_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return fv_fail(FV_ERR_IO, "%s: not a regular file", path);
    return parse_header(file, (uint64_t)info.st_size);
}

fv_tensor_file *fv_tensor_file_open(const char *path)
{
    if (fv_need_no_error("open", path) != FV_OK) return NULL;
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
    free(file->header);
    free(file->entries);
    free(file->notes);
    free(file->label);
    free(file);
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

static fv_status read_elements(const fv_tensor_file *file, const file_entry *e, fv_tensor *t)
{
    if (t->numel == 0) return FV_OK;
    fv_status status =
        read_bytes(file, file->data_start + e->begin, t->data, (size_t)(e->end - e->begin));
    if (status != FV_OK) return status;
    if (FV_SWAP_BYTES) fv_swap_elements(t->data, (size_t)t->numel, e->type.size);
    return t->dtype == FV_BOOL ? check_bools(file, e, t) : FV_OK;
}

fv_tensor *fv_tensor_file_read(const fv_tensor_file *file, int64_t i)
{
    if (fv_error_status() != FV_OK) return fv_failed_tensor();
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
    fv_tensor *t = e->end - e->begin < SIZE_MAX / 2
                       ? fv_tensor_alloc((fv_dtype)e->type.dtype, &e->shape, NULL)
                       : NULL;
    if (!t) {
        out_of_memory(file->label);
        return fv_failed_tensor();
    }
    if (read_elements(file, e, t) == FV_OK) return fv_scope_adopt(t);
    fv_release(t);
    return fv_failed_tensor();
}

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

int64_t fv_tensor_file_metadata_count(const fv_tensor_file *file)
{
    return file ? file->note_count : 0;
}

fv_metadata fv_tensor_file_metadata_at(const fv_tensor_file *file, int64_t i)
{
    return file && i >= 0 && i < file->note_count ? file->notes[i] : (fv_metadata){NULL, NULL};
}

const char *fv_tensor_file_metadata(const fv_tensor_file *file, const char *key)
{
    if (!file || !key || file->note_count == 0) return NULL;
    const fv_metadata wanted = {key, NULL},
                      *note = bsearch(&wanted, file->notes, (size_t)file->note_count,
                                      sizeof *file->notes, compare_keys);
    return note ? note->value : NULL;
}
