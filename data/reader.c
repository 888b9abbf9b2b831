/* Reading of plain and gzipped files. */
#include "data/reader_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifdef FV_HAVE_ZLIB
#include <zlib.h>
#endif

/* Deflate's densest code: 258 bytes for two bits, so 1032 to one. */
enum { DEFLATE_RATIO = 1032 };

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

static bool ends_in_gz(const char *path)
{
    size_t n = strlen(path);
    return n >= 3 && strcmp(path + n - 3, ".gz") == 0;
}

fv_status fv_reader_open(fv_reader *reader)
{
    struct stat st;
    if (stat(reader->path, &st) != 0)
        return fv_fail(FV_ERR_IO, "%s: %s", reader->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return fv_fail(FV_ERR_IO, "%s: not a regular file", reader->path);
    reader->size = st.st_size;
    reader->packed = ends_in_gz(reader->path);
    errno = 0;
    if (!reader->packed) {
        reader->handle = fopen(reader->path, "rb");
    } else {
#ifdef FV_HAVE_ZLIB
        reader->handle = gzopen(reader->path, "rb");
#else
        return fv_fail(FV_ERR_IO,
                       "%s: this build cannot read .gz files; gunzip it, or install zlib (Debian: "
                       "zlib1g-dev) and build again",
                       reader->path);
#endif
    }
    if (reader->handle) return FV_OK;
    return fv_fail(FV_ERR_IO, "%s: %s", reader->path, errno ? strerror(errno) : "out of memory");
}

/* Up to bytes bytes; what is missing in *got is the file's end or an error, told in *why. */
static void read_some(fv_reader *reader, unsigned char *out, size_t bytes, size_t *got,
                      const char **why)
{
    *got = 0;
    *why = "the file ends";
#ifdef FV_HAVE_ZLIB
    while (reader->packed && *got < bytes) {
        size_t left = bytes - *got;
        unsigned chunk = left < (1u << 30) ? (unsigned)left : 1u << 30;
        int n = gzread((gzFile)reader->handle, out + *got, chunk);
        int code = Z_OK;
        const char *message = gzerror((gzFile)reader->handle, &code);
        if (code != Z_OK && code != Z_STREAM_END) *why = message;
        if (n <= 0) return;
        *got += (size_t)n;
    }
#endif
    if (reader->packed) return;
    *got = fread(out, 1, bytes, reader->handle);
    if (ferror((FILE *)reader->handle)) *why = strerror(errno);
}

fv_status fv_reader_read(fv_reader *reader, void *out, size_t bytes)
{
    size_t got;
    const char *why;
    read_some(reader, out, bytes, &got, &why);
    if (got == bytes) return FV_OK;
    return fv_fail(FV_ERR_FORMAT, "%s: %s after %zu of %zu bytes", reader->path, why, got, bytes);
}

fv_status fv_reader_expect(const fv_reader *reader, int64_t bytes)
{
    if (!reader->packed && bytes != reader->size)
        return fv_fail(FV_ERR_FORMAT, "%s: has %" PRId64 " bytes, need %" PRId64, reader->path,
                       reader->size, bytes);
    if (reader->packed && bytes / DEFLATE_RATIO > reader->size)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: its header promises %" PRId64 " bytes, more than %" PRId64
                       " packed bytes can hold",
                       reader->path, bytes, reader->size);
    return FV_OK;
}

fv_status fv_reader_end(fv_reader *reader)
{
    unsigned char byte;
    size_t got;
    const char *why;
    read_some(reader, &byte, 1, &got, &why);
    if (got == 0) return FV_OK;
    return fv_fail(FV_ERR_FORMAT, "%s: more bytes than its header promises", reader->path);
}

void fv_reader_close(fv_reader *reader)
{
    if (!reader->handle) return;
#ifdef FV_HAVE_ZLIB
    if (reader->packed) gzclose((gzFile)reader->handle);
#endif
    if (!reader->packed) (void)fclose(reader->handle);
    reader->handle = NULL;
}
