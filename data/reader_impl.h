/* Inside data/: reading of files that may be gzipped and may be damaged.
 *
 * Every error names the file. A reader that failed to open needs no close. */
#ifndef FOVEA_DATA_READER_IMPL_H
#define FOVEA_DATA_READER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/error.h"

enum { FV_PATH_MAX = 4096 };

typedef struct fv_reader {
    char path[FV_PATH_MAX];
    int64_t size; /* bytes on disk */
    void *handle; /* FILE or gzFile */
    bool packed;  /* its name ends in .gz */
} fv_reader;

/* root/folder/name, with folder "" left out; false when it is too long. */
bool fv_path_join(char path[FV_PATH_MAX], const char *root, const char *folder, const char *name);

bool fv_is_file(const char *path);

/* Opens reader->path, which must be a regular file. */
fv_status fv_reader_open(fv_reader *reader);

/* Exactly so many bytes; fewer left in the file are an error. */
fv_status fv_reader_read(fv_reader *reader, void *out, size_t bytes);

/* Checks, before memory is taken for them, that the file can hold so many bytes in all: a plain
 * file must have just this size, a packed one at least what deflate needs at its densest. */
fv_status fv_reader_expect(const fv_reader *reader, int64_t bytes);

/* An error when bytes are left over. */
fv_status fv_reader_end(fv_reader *reader);

void fv_reader_close(fv_reader *reader);

#endif
