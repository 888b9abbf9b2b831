/* Whether this thread observes, or redirects its ops: for what runs otherwise when nobody looks.
 * Private to the library. */
#ifndef FOVEA_AUTOGRAD_OBSERVED_H
#define FOVEA_AUTOGRAD_OBSERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Does this thread run reference twins, or intercept calls? Other threads would not. */
bool fv_ops_redirected(void);

#endif
