/* Reading of plain and gzipped files. */
#define _POSIX_C_SOURCE 200809L
#include "data/reader_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* Deflate's densest code: 258 bytes for two bits, so 1032 to one. */
enum { DEFLATE_RATIO = 1032, HEAD = 64 };

bool fv_path_join(char path[FV_PATH_MAX], const char *root, const char *folder, const char *name)
{
    int n = snprintf(path, FV_PATH_MAX, "%s%s%s/%s", root, *folder ? "/" : "", folder, name);
    return n > 0 && n < FV_PATH_MAX;
}

bool fv_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool fv_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- what a file is --------------------------------------------------------------------------- */

typedef struct content {
    const char *head; /* its first bytes, letters in either case */
    size_t count;
    const char *kind;
} content;

#define PAGE                                                                                       \
    "page, no data: a server answered the download with it (a message, a login); get the file "    \
    "again"

static const content contents[] = {
    {"<!doctype", 9, "an HTML " PAGE},
    {"<html", 5, "an HTML " PAGE},
    {"<!--", 4, "an HTML " PAGE},
    {"<?xml", 5, "an XML " PAGE},
    {"version https://", 16, "a pointer of Git LFS, no data: 'git lfs pull' gets the file"},
    {"PK\3\4", 4, "a zip archive: unzip it first"},
    {"\x1f\x8b", 2, "gzipped twice: gunzip it once"},
    {"BZh", 3, "packed by bzip2: bunzip2 it first"},
    {"\xfd"
     "7zXZ",
     5, "packed by xz: unxz it first"},
    {"\x28\xb5\x2f\xfd", 4, "packed by zstd: unzstd it first"},
};

const char *fv_content_kind(const unsigned char *first, size_t count)
{
    size_t skip = 0;
    while (skip < count && first[skip] && strchr(" \t\r\n", first[skip])) skip++;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        const content *c = &contents[i];
        const size_t at = c->head[0] == '<' ? skip : 0; /* pages may begin with empty lines */
        if (count - at >= c->count && strncasecmp((const char *)first + at, c->head, c->count) == 0)
            return c->kind;
    }
    return NULL;
}

/* Looks at the first bytes and goes back before them. */
static fv_status recognise(fv_reader *reader, bool *packed)
{
    unsigned char head[HEAD];
    errno = 0;
    size_t n = fread(head, 1, sizeof head, reader->file);
    if (ferror(reader->file) || fseek(reader->file, 0, SEEK_SET) != 0)
        return fv_fail(FV_ERR_IO, "%s: %s", reader->path, strerror(errno));
    if (n == 0) return fv_fail(FV_ERR_FORMAT, "%s: is empty", reader->path);
    *packed = n >= 2 && head[0] == 0x1f && head[1] == 0x8b;
    const char *kind = *packed ? NULL : fv_content_kind(head, n);
    return kind ? fv_fail(FV_ERR_FORMAT, "%s: is %s", reader->path, kind) : FV_OK;
}

static fv_status start_unpacking(fv_reader *reader)
{
    if (!fv_gunzip_works())
        return fv_fail(FV_ERR_IO,
                       "%s: this build cannot read gzipped files; gunzip it, or install zlib "
                       "(Debian: zlib1g-dev) and build again",
                       reader->path);
    reader->packed = fv_gunzip_new(reader->file);
    return reader->packed ? FV_OK : fv_fail(FV_ERR_MEMORY, "%s: out of memory", reader->path);
}

/* --- reading ---------------------------------------------------------------------------------- */

fv_status fv_reader_open(fv_reader *reader)
{
    struct stat st;
    bool packed = false;
    reader->file = NULL;
    reader->packed = NULL;
    reader->taken = reader->expected = 0;
    if (stat(reader->path, &st) != 0)
        return fv_fail(FV_ERR_IO, "%s: %s", reader->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return fv_fail(FV_ERR_IO, "%s: not a regular file", reader->path);
    reader->size = st.st_size;
    reader->file = fopen(reader->path, "rb");
    if (!reader->file && errno == ENOMEM)
        return fv_fail(FV_ERR_MEMORY, "%s: out of memory", reader->path);
    if (!reader->file) return fv_fail(FV_ERR_IO, "%s: %s", reader->path, strerror(errno));
    fv_status status = recognise(reader, &packed);
    if (status == FV_OK && packed) status = start_unpacking(reader);
    if (status != FV_OK) fv_reader_close(reader);
    return status;
}

/* Up to bytes bytes, fewer at the end of the file only. */
static fv_status read_some(fv_reader *reader, void *out, size_t bytes, size_t *got)
{
    const char *why = "";
    fv_status status = FV_OK;
    if (reader->packed) {
        status = fv_gunzip_read(reader->packed, out, bytes, got, &why);
    } else {
        errno = 0;
        *got = fread(out, 1, bytes, reader->file);
        if (*got < bytes && ferror(reader->file)) {
            why = strerror(errno);
            status = FV_ERR_IO;
        }
    }
    reader->taken += (int64_t)*got;
    if (status == FV_OK) return FV_OK;
    char total[32] = "";
    if (reader->expected > 0) snprintf(total, sizeof total, " of %" PRId64, reader->expected);
    return fv_fail(status, "%s: %s after %" PRId64 "%s bytes%s", reader->path, why, reader->taken,
                   total, status == FV_ERR_FORMAT ? ": damaged, or not wholly downloaded" : "");
}

/* The file ended although more was to come. */
static fv_status too_short(const fv_reader *reader, int64_t need)
{
    return fv_fail(FV_ERR_FORMAT, "%s: ends after %" PRId64 " of %" PRId64 " bytes%s", reader->path,
                   reader->taken, need, reader->packed ? " (unpacked)" : "");
}

fv_status fv_reader_read(fv_reader *reader, void *out, size_t bytes)
{
    size_t got;
    const int64_t need = reader->taken + (int64_t)bytes;
    fv_status status = read_some(reader, out, bytes, &got);
    if (status != FV_OK || got == bytes) return status;
    return too_short(reader, reader->expected > need ? reader->expected : need);
}

fv_status fv_reader_expect(fv_reader *reader, int64_t bytes)
{
    reader->expected = bytes;
    if (!reader->packed && bytes != reader->size)
        return fv_fail(FV_ERR_FORMAT, "%s: has %" PRId64 " bytes, need %" PRId64 "%s", reader->path,
                       reader->size, bytes, reader->size < bytes ? ": not wholly downloaded?" : "");
    if (reader->packed && bytes / DEFLATE_RATIO > reader->size)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: its header promises %" PRId64 " bytes, more than %" PRId64
                       " packed bytes can hold",
                       reader->path, bytes, reader->size);
    return FV_OK;
}

fv_status fv_reader_end(fv_reader *reader)
{
    if (!reader->packed) return FV_OK; /* its size was compared */
    unsigned char passed[4096];
    size_t got = 1;
    while (got > 0 && reader->taken <= reader->expected) {
        fv_status status = read_some(reader, passed, sizeof passed, &got);
        if (status != FV_OK) return status;
    }
    if (reader->taken < reader->expected) return too_short(reader, reader->expected);
    if (reader->taken == reader->expected) return FV_OK;
    return fv_fail(FV_ERR_FORMAT,
                   "%s: unpacks to more than the %" PRId64 " bytes that its header "
                   "promises",
                   reader->path, reader->expected);
}

void fv_reader_close(fv_reader *reader)
{
    if (!reader->file) return;
    fv_gunzip_free(reader->packed);
    (void)fclose(reader->file);
    reader->packed = NULL;
    reader->file = NULL;
}
