/* What a file is that is not what was asked for, by its first bytes.
 *
 * So a message can tell a file of another kind (which needs converting, unpacking or fetching
 * again) from a damaged one. */
#ifndef FOVEA_TENSOR_FORMATS_KINDS_H
#define FOVEA_TENSOR_FORMATS_KINDS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FV_KIND_BYTES = 512
}; /* that many from a file's beginning, or all of a shorter one, suffice */

typedef struct fv_file_kind {
    const char *name;   /* "a web page"; NULL when the bytes say nothing */
    const char *advice; /* what to do with it, a clause; NULL: nothing general */
} fv_file_kind;

/* An empty file (count 0) is a kind of its own. */
fv_file_kind fv_file_kind_of(const void *bytes, size_t count);

#ifdef __cplusplus
}
#endif
#endif
