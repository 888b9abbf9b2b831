/* What the files of tensor/ share about memory. */
#ifndef FOVEA_TENSOR_MEMORY_IMPL_H
#define FOVEA_TENSOR_MEMORY_IMPL_H

#include <stdint.h>

extern int64_t fv_live_tensors;

/* Gives the arenas back to the system if nothing lives in them. */
void fv_release_arenas(void);

#endif
