/* Receptive fields of all tensors of a run, op by op. Private to nn/inspect/. */
#ifndef FOVEA_NN_INSPECT_FIELD_IMPL_H
#define FOVEA_NN_INSPECT_FIELD_IMPL_H

#include "autograd/observe.h"
#include "nn/inspect/inspect.h"

typedef struct fv_fields fv_fields;

/* Fields in that tensor, which sees itself. NULL when memory is out. */
fv_fields *fv_fields_new(fv_tensor *input);
void fv_fields_free(fv_fields *f);

/* An op has run: what its outputs see follows from what its inputs see. False when memory is out.
 */
bool fv_fields_follow(fv_fields *f, const fv_event *e);

/* What t sees; *why gets NULL or a reason, which lives as long as f. */
fv_receptive_field fv_fields_of(const fv_fields *f, const fv_tensor *t, const char **why);

#endif
