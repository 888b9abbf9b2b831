/* The observers of a thread; see observe.h. */
#include "autograd/observe.h"

#include <pthread.h>
#include <time.h>

#include "autograd/observe_impl.h"
#include "tensor/frame.h"

typedef struct fv_observer {
    struct fv_observer *next;
    fv_observer_fn function;
    void *context;
    int handle;
} fv_observer;

_Thread_local fv_observation fv_observing;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_all(void *unused)
{
    (void)unused;
    while (fv_observing.observers) {
        fv_observer *first = fv_observing.observers;
        fv_observing.observers = first->next;
        fv_object_free(first, sizeof *first);
    }
}

static void make_key(void)
{
    pthread_key_create(&key, free_all);
}

static void drop_marked(void)
{
    for (fv_observer **at = &fv_observing.observers; *at;) {
        fv_observer *o = *at;
        if (o->function) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        fv_object_free(o, sizeof *o);
    }
}

int fv_observe(fv_observer_fn function, void *context)
{
    static int last_handle;
    if (!function) {
        fv_fail(FV_ERR_OPTION, "observe: the function is NULL");
        return 0;
    }
    fv_observer *o = fv_object_alloc(sizeof *o);
    if (!o) {
        fv_fail(FV_ERR_MEMORY, "observe: no memory");
        return 0;
    }
    pthread_once(&once, make_key);
    pthread_setspecific(key, &fv_observing);
    *o = (fv_observer){NULL, function, context,
                       __atomic_add_fetch(&last_handle, 1, __ATOMIC_RELAXED)};
    fv_observer **at = &fv_observing.observers;
    while (*at) at = &(*at)->next;
    *at = o;
    return o->handle;
}

/* One that leaves while observers run is only marked: the list is being walked. */
void fv_unobserve(int handle)
{
    for (fv_observer *o = fv_observing.observers; o; o = o->next)
        if (o->handle == handle) o->function = NULL;
    if (!fv_observing.running) drop_marked();
}

double fv_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

uint64_t fv_next_call(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* Those that an observer adds wait for the next event. */
void fv_report(const fv_event *event)
{
    const fv_observer *last = fv_observing.observers;
    while (last->next) last = last->next;
    fv_observing.running = true;
    for (const fv_observer *o = fv_observing.observers; o; o = o->next) {
        if (o->function) o->function(event, o->context);
        if (o == last) break;
    }
    fv_observing.running = false;
    drop_marked();
}

fv_span fv_span_begin(const char *name)
{
    return (fv_span){.name = name, .start = fv_observed() ? fv_clock() : 0};
}

void fv_span_end(const fv_span *span)
{
    if (!span && fv_fail_null("span_end", "span")) return;
    if (!fv_observed() || span->start == 0) return;
    char path[FV_PATH_BYTES];
    fv_frame_path(path, sizeof path);
    fv_report(&(fv_event){.kind = FV_EVENT_SPAN,
                          .name = span->name,
                          .within = fv_observing.within,
                          .plan = "",
                          .path = path,
                          .start = span->start,
                          .nanoseconds = fv_clock() - span->start});
}
