/* How the core reports to observers. Shared by op.c, node.c and backward.c. */
#ifndef FOVEA_AUTOGRAD_OBSERVE_IMPL_H
#define FOVEA_AUTOGRAD_OBSERVE_IMPL_H

#include "autograd/observe.h"
#include "autograd/observed.h"

enum { FV_PATH_BYTES = 256 };

double fv_clock(void);
uint64_t fv_next_call(void);

void fv_report(const fv_event *event);

#endif
