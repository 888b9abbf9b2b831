/* The outputs of a call: their handles, and the memory that they take. */
#ifndef FOVEA_AUTOGRAD_OUTPUTS_IMPL_H
#define FOVEA_AUTOGRAD_OUTPUTS_IMPL_H

#include "autograd/op.h"

/* Fills c->out with handles as c->spec describes them, each the caller's. apart: none over what an
 * input has been used for the last time (reference twins read in any order). */
fv_status fv_outputs_allocate(fv_call *c, bool apart);

/* Gives those back that there are. */
void fv_outputs_release(fv_call *c);

#endif
