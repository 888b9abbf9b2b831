/* How the core reports to observers. Shared by op.c, node.c and backward.c. */
#ifndef FOVEA_AUTOGRAD_OBSERVE_IMPL_H
#define FOVEA_AUTOGRAD_OBSERVE_IMPL_H

#include "autograd/observe.h"

enum { FV_PATH_BYTES = 256 };

/* What a thread's observers need to know between calls. */
typedef struct fv_observation {
    struct fv_observer *observers;
    bool running;    /* one of them runs: it does not see itself */
    uint64_t within; /* the call whose gradient runs now */
} fv_observation;

extern _Thread_local fv_observation fv_observing;

static inline bool fv_observed(void)
{
    return __builtin_expect(fv_observing.observers != NULL, 0) && !fv_observing.running;
}

double fv_clock(void);
uint64_t fv_next_call(void);

void fv_report(const fv_event *event);

#endif
