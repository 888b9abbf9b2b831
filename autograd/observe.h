/* Observers: functions that are told of every op that this thread runs, forward and in gradients.
 *
 *     static void print(const fv_event *e, void *context)
 *     {
 *         printf("%-24s %-16s %8.1f us\n", e->path, e->name, e->nanoseconds / 1e3);
 *     }
 *     int handle = fv_observe(print, NULL);
 *     ...
 *     fv_unobserve(handle);
 *
 * An event is told after its work is done, so the ops that a gradient ran come before the gradient
 * itself. Everything in an event is valid during the call only; tensors must not be written to. An
 * observer may run ops: it is off while it runs. A thread has observers of its own.
 * Without an observer nothing is timed and nothing is named. */
#ifndef FOVEA_AUTOGRAD_OBSERVE_H
#define FOVEA_AUTOGRAD_OBSERVE_H

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum fv_event_kind {
    FV_EVENT_FORWARD,  /* an op has run */
    FV_EVENT_GRADIENT, /* the gradient of an op has run, with all the ops in it */
    FV_EVENT_SPAN,     /* something else that takes time, as an optimizer's step */
} fv_event_kind;

typedef struct fv_event {
    fv_event_kind kind;
    const char *name;    /* of the op or span */
    const fv_op *op;     /* NULL for a span */
    const void *options; /* as infer left them; described by op->option_fields */
    uint64_t call;   /* number of the forward call, from 1, also in its gradient; 0: not known */
    uint64_t within; /* number of the call whose gradient ran this op, 0 outside of backward */
    int inputs, outputs;
    fv_tensor *const *in;  /* FORWARD: in the order that the kernels read; omitted ones are NULL.
                              GRADIENT: the gradients of the outputs, NULL where none came */
    fv_tensor *const *out; /* GRADIENT: the gradients of the inputs, NULL where none is wanted; with
                              what had come there before, where an op took that up */
    bool inplace, shapes_only;
    const char *plan; /* the plan in words, "" for an op without */
    size_t scratch_bytes;
    double start;       /* nanoseconds on a clock that only grows */
    double nanoseconds; /* that it took */
    const char *path;   /* "layer1.0.conv1 (Conv2d)" of the forward call, "" outside of modules */
} fv_event;

typedef void (*fv_observer_fn)(const fv_event *event, void *context);

/* Returns a handle for fv_unobserve, 0 with an error when memory is out. */
int fv_observe(fv_observer_fn function, void *context);
void fv_unobserve(int handle);

/* What the op of a FORWARD event says of its call, while the event is told: how the positions of an
 * output see dimension dim of an input, false where that is not known; what it multiplies. */
bool fv_event_window(const fv_event *event, int input, int output, int dim, fv_window *window);
fv_work fv_event_work(const fv_event *event);

/* A stretch of time that is no op: reported when it ends, if an observer is there. */
typedef struct fv_span {
    const char *name;
    double start;
} fv_span;
fv_span fv_span_begin(const char *name);
void fv_span_end(const fv_span *span);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
