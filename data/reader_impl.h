/* Inside data/: reading of files that may be gzipped and may be damaged.
 *
 * What a file is, its first bytes say, not its name. Every error names the file. A reader that
 * failed to open needs no close. */
#ifndef FOVEA_DATA_READER_IMPL_H
#define FOVEA_DATA_READER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/gunzip_impl.h"
#include "tensor/error.h"

enum { FV_PATH_MAX = 4096 };

typedef struct fv_reader {
    char path[FV_PATH_MAX];
    int64_t size; /* bytes on disk */
    FILE *file;
    fv_gunzip *packed; /* NULL: a plain file */
    int64_t taken;     /* bytes read so far, unpacked */
    int64_t expected;  /* in all, unpacked; 0 until fv_reader_expect */
} fv_reader;

/* root/folder/name, with folder "" left out; false when it is too long. */
bool fv_path_join(char path[FV_PATH_MAX], const char *root, const char *folder, const char *name);

bool fv_is_file(const char *path);
bool fv_is_folder(const char *path);

/* Opens reader->path, which must be a regular file, and no file of another kind that is often found
 * under the name of data: a web page, a zip archive. */
fv_status fv_reader_open(fv_reader *reader);

/* Exactly so many bytes; fewer left in the file are an error. */
fv_status fv_reader_read(fv_reader *reader, void *out, size_t bytes);

/* Checks, before memory is taken for them, that the file can hold so many bytes in all: a plain
 * file must have just this size, a packed one at least what deflate needs at its densest. */
fv_status fv_reader_expect(fv_reader *reader, int64_t bytes);

/* Passes over what is left of the bytes expected. An error when there are fewer or more, or when a
 * packed file's checksum is not theirs. */
fv_status fv_reader_end(fv_reader *reader);

void fv_reader_close(fv_reader *reader);

/* What the first bytes of a file tell of it ("an HTML page: ..."); NULL for nothing known. */
const char *fv_content_kind(const unsigned char *first, size_t count);

#endif
