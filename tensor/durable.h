/* A file that is replaced as a whole or not at all.
 *
 *   open    makes a temporary file beside the target
 *   write   any number of times
 *   commit  fsync, rename over the target, fsync of the folder
 *   abort   removes the temporary file; also after a failed write or commit
 * A reader of the target sees the old bytes or the new ones, also after a crash. */
#ifndef FOVEA_TENSOR_DURABLE_H
#define FOVEA_TENSOR_DURABLE_H

#include <stddef.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_durable {
    int fd;     /* -1 when closed */
    char *path; /* the target */
    char *temp; /* the temporary file, while it exists */
} fv_durable;

/* Each records its error (FV_ERR_IO, FV_ERR_MEMORY) with the path and the system's reason. */
fv_status fv_durable_open(fv_durable *file, const char *path);
fv_status fv_durable_write(fv_durable *file, const void *bytes, size_t count);
fv_status fv_durable_commit(fv_durable *file);

/* Does nothing after a commit that succeeded. */
void fv_durable_abort(fv_durable *file);

#ifdef __cplusplus
}
#endif
#endif
