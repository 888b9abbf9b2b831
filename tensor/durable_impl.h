/* What stands at the place of a durable file before it is written. Private to tensor/. */
#ifndef FOVEA_TENSOR_DURABLE_IMPL_H
#define FOVEA_TENSOR_DURABLE_IMPL_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tensor/durable.h"

/* Records that the system refused, by errno. */
fv_status fv_durable_failed(const char *what, const char *path);

/* Fills target and folder of a file whose path is known, and *old with what stands at the target;
 * *exists is false when nothing does. Errors: what cannot be replaced, memory. */
fv_status fv_durable_find_target(fv_durable *file, bool *exists, struct stat *old);

/* The beginning of the names of the target's temporary files; the caller frees it. NULL when memory
 * is out. */
char *fv_durable_temporary_stem(const fv_durable *file);

/* Removes the temporary files with that beginning that nobody has locked. */
void fv_durable_remove_stale(const fv_durable *file, const char *stem);

/* Locks a new temporary file; false when somebody has taken it for a stale one. */
bool fv_durable_lock(int fd);

#endif
