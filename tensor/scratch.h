/* Scratch memory of a call: one function takes pieces, one layout function an op says which.
 *
 *     typedef struct my_scratch { float *panel; int64_t *rows; } my_scratch;
 *     static my_scratch layout(const my_plan *p, fv_scratch *s)
 *     {
 *         return (my_scratch){.panel = fv_take(s, p->panel_bytes), .rows = fv_take(s,
 * p->row_bytes)};
 *     }
 *
 * plan calls it on an empty fv_scratch, which only measures (every piece is NULL) and leaves the
 * sum in .used; the kernel calls it again on the memory that was booked. So the two cannot
 * disagree. */
#ifndef FOVEA_TENSOR_SCRATCH_H
#define FOVEA_TENSOR_SCRATCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_scratch {
    char *memory; /* 64-byte aligned; NULL: only measure */
    size_t used;
} fv_scratch;

/* The next `bytes` bytes, 64-byte aligned; NULL while measuring. */
static inline void *fv_take(fv_scratch *s, size_t bytes)
{
    size_t at = s->used;
    s->used += (bytes + 63) / 64 * 64;
    return s->memory ? s->memory + at : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
