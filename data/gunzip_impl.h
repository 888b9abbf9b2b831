/* Inside data/: unpacking of gzip files, which may have several members. */
#ifndef FOVEA_DATA_GUNZIP_IMPL_H
#define FOVEA_DATA_GUNZIP_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tensor/error.h"

typedef struct fv_gunzip fv_gunzip;

/* Starts at the file's place; NULL when memory is out. */
fv_gunzip *fv_gunzip_new(FILE *file);

/* Does this build unpack at all? Without zlib fv_gunzip_new always returns NULL. */
bool fv_gunzip_works(void);

/* Unpacks up to bytes bytes to out; *got is less only at the end of the file, all of whose members
 * were whole and had the right checksum and length then. On an error nothing is recorded: *why says
 * in a few words what it is, and *got counts what had come before. */
fv_status fv_gunzip_read(fv_gunzip *g, void *out, size_t bytes, size_t *got, const char **why);

void fv_gunzip_free(fv_gunzip *g);

#endif
