/* Regions: what scopes and grad modes have in common. A region is open from a declaration to the
 * end of its block; those opened inside it and left by longjmp or an exception end with it. */
#ifndef FOVEA_TENSOR_REGION_H
#define FOVEA_TENSOR_REGION_H

#include <stdbool.h>
#include <stdint.h>

/* What else is undone at the end of a block, or with the scope around it: leave gets the *state of
 * now, once. variable stands for the declaration, as in fv_scope_open. Returns the number that
 * fv_region_close wants, or FV_NO_REGION with an error when memory is out. */
#define FV_NO_REGION UINT64_MAX
uint64_t fv_region_open(void *variable, void (*leave)(bool state), const bool *state);
/* name is that of the declaration, for the message when no such region is open. */
void fv_region_close(uint64_t id, const void *variable, const char *name);

#endif
