/* A file that is replaced as a whole or not at all.
 *
 *   open    looks at the target, makes a temporary file beside it
 *   write   any number of times
 *   commit  fsync, rename over the target, fsync of the folder
 *   abort   removes the temporary file; also after a failed write or commit
 * A reader of the target sees the old bytes or the new ones, also after a crash.
 *
 * The temporary file is "<target>.<pid>.<number>.tmp" (a long name is cut), and locked while its
 * maker lives; open removes those of the same target that nobody has locked. What may be a target:
 * fv_can_save in formats/safetensors.h. */
#ifndef FOVEA_TENSOR_DURABLE_H
#define FOVEA_TENSOR_DURABLE_H

#include <stddef.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_durable {
    int fd;       /* -1 when closed */
    char *path;   /* as the user names it, for messages */
    char *target; /* the same with the symbolic links followed */
    char *folder; /* of the target */
    char *temp;   /* the temporary file, while it exists */
} fv_durable;

/* Each records its error (FV_ERR_IO, FV_ERR_MEMORY) with the path and the system's reason; the
 * target is as it was then. */
fv_status fv_durable_open(fv_durable *file, const char *path);
fv_status fv_durable_write(fv_durable *file, const void *bytes, size_t count);

/* FV_OK means that the new file is in place. If only the folder cannot be synced, so that a crash
 * of the system may bring the old one back, that is a warning. */
fv_status fv_durable_commit(fv_durable *file);

/* Does nothing after a commit that succeeded. */
void fv_durable_abort(fv_durable *file);

#ifdef __cplusplus
}
#endif
#endif
