/* Tensor handles: references, death, and the memory in which dead ones wait.
 *
 *     take <- fresh <- oldest batch ... newest batch <- dead <- bury
 *        of the thread          of the process         of the thread
 *
 * A dead handle is still read by whoever forgot that its scope closed, or releases it once more. So
 * its memory stays a handle's until fv_shutdown, keeps its shape and the mark of its death, and
 * becomes another tensor only after QUARANTINE others have died. Threads exchange whole batches, so
 * that the lock is taken once in BATCH tensors, and handles may die in another thread than the one
 * that made them. */
#include <stdio.h>
#include <string.h>

#include "tensor/handle_impl.h"
#include "tensor/memory_impl.h"
#include "tensor/tensor.h"

void (*fv_autograd_drop)(fv_tensor *t);

enum { BATCH = 64, QUARANTINE = 16384 };

#define SLOW __attribute__((noinline, cold))

/* --- failed and dead -------------------------------------------------------------------------- */

/* How a tensor died. */
enum { DEAD_WITH_SCOPE = 1, DEAD_BY_RELEASE };

/* What a scope, or a view of its base, holds of fv_tensor.references: a reference, and the mark
 * that it is not the user's to release. */
#define OWNED (((uint64_t)1 << 32) + 1)

static fv_tensor failed_tensor = {.references = 1, .failed = true};

fv_tensor *fv_failed_tensor(void)
{
    return &failed_tensor;
}

/* The shape that a dead tensor had. */
static const char *shape_text(const fv_tensor *t)
{
    fv_shape shape = {.ndim = t->ndim};
    memcpy(shape.dim, t->shape, sizeof shape.dim);
    return fv_shape_text(&shape);
}

const char *fv_failure_text(const fv_tensor *t)
{
    static _Thread_local char text[320];
    if (!t) return "a NULL tensor";
    const char *how = "has failed";
    if (t->death == DEAD_WITH_SCOPE)
        how = "was used after its scope closed; fv_retain lets a tensor outlive its scope, "
              "fv_escape moves it to the scope around";
    else if (t->death && t->left_scope)
        how = "was used after its scope closed and its last reference was released";
    else if (t->death)
        how = "was used after it was released";
    snprintf(text, sizeof text, "%s %s", shape_text(t), how);
    return text;
}

SLOW static bool tell(const char *function, const fv_tensor *t)
{
    if (!t || !t->death) return true;
    fv_fail(FV_ERR_STATE, "%s%sthe tensor %s", function ? function : "", function ? ": " : "",
            fv_failure_text(t));
    return true;
}

bool fv_failed_in(const char *function, const fv_tensor *t)
{
    return __builtin_expect(!fv_usable(t), 0) && tell(function, t);
}

bool fv_failed(const fv_tensor *t)
{
    return fv_failed_in(NULL, t);
}

/* --- the handle and its memory ---------------------------------------------------------------- */

/* The links stand beside the tensor, not in it: a dead one stays as it is. */
typedef struct fv_handle {
    struct fv_handle *next; /* in its batch */
    fv_tensor tensor;
    struct fv_handle *next_batch; /* this and the count: in the first handle of a batch */
    int count;
} handle;

/* The quarantine, oldest batch first; guarded by the lock of memory_shared.c. */
static handle *oldest, *newest;
static int64_t waiting; /* handles in it */
static int64_t carved;  /* handles that have memory */

static handle *handle_of(fv_tensor *t)
{
    return (handle *)(void *)((char *)t - offsetof(handle, tensor));
}

/* --- batches: need the lock ------------------------------------------------------------------- */

static void append(handle *batch, int count)
{
    batch->count = count;
    batch->next_batch = NULL;
    if (oldest)
        newest->next_batch = batch;
    else
        oldest = batch;
    newest = batch;
    waiting += count;
}

static void prepend(handle *batch, int count)
{
    batch->count = count;
    batch->next_batch = oldest;
    if (!oldest) newest = batch;
    oldest = batch;
    waiting += count;
}

/* The oldest batch, if enough others stay. */
static handle *take_oldest(void)
{
    handle *batch = oldest;
    if (!batch || waiting - batch->count < QUARANTINE) return NULL;
    oldest = batch->next_batch;
    waiting -= batch->count;
    return batch;
}

/* New handles, as many of a batch as there is memory for; in rising order. */
static handle *carve_batch(void)
{
    handle *first = NULL, **end = &first;
    for (int i = 0; i < BATCH; i++) {
        handle *h = fv_shared_carve(fv_size_class(sizeof *h));
        if (!h) break;
        FV_UNPOISON(h, sizeof *h);
        *end = h;
        end = &h->next;
        carved++;
    }
    *end = NULL;
    return first;
}

static int length(const handle *h)
{
    int n = 0;
    for (; h; h = h->next) n++;
    return n;
}

/* --- the thread's handles --------------------------------------------------------------------- */

SLOW static handle *refill(void)
{
    fv_thread_cache *cache = &fv_thread_memory;
    bool keeps = fv_shared_join(cache);
    fv_memory_lock();
    handle *batch = take_oldest();
    if (!batch) batch = carve_batch();
    if (batch && batch->next && !keeps) prepend(batch->next, length(batch->next));
    if (batch) cache->fresh = keeps ? batch->next : NULL;
    fv_memory_unlock();
    return batch;
}

/* Buries a handle when the thread's batch is full, or was never begun. */
SLOW static void begin_batch(handle *h)
{
    fv_thread_cache *cache = &fv_thread_memory;
    bool keeps = fv_shared_join(cache);
    h->next = NULL;
    fv_memory_lock();
    if (cache->dead) append(cache->dead, BATCH);
    if (!keeps) append(h, 1);
    fv_memory_unlock();
    cache->dead = keeps ? h : NULL;
    cache->dead_room = keeps ? BATCH - 1 : 0;
}

/* Memory for a handle, which may hold what a dead one left. */
static inline fv_tensor *take(void)
{
    if (fv_injected_failure()) return NULL;
    fv_thread_cache *cache = &fv_thread_memory;
    handle *h = cache->fresh;
    if (__builtin_expect(!h, 0)) {
        h = refill();
        return h ? &h->tensor : NULL;
    }
    cache->fresh = h->next;
    /* The next one has left the caches while it waited. */
    const char *next = (const char *)h->next;
    for (size_t line = 0; next && line < offsetof(handle, tensor.strides[4]); line += 64)
        __builtin_prefetch(next + line, 1);
    return &h->tensor;
}

static inline void bury(fv_tensor *t)
{
    fv_thread_cache *cache = &fv_thread_memory;
    handle *h = handle_of(t);
    if (__builtin_expect(!cache->dead_room, 0)) {
        begin_batch(h);
        return;
    }
    h->next = cache->dead;
    cache->dead = h;
    cache->dead_room--;
}

/* --- references ------------------------------------------------------------------------------- */

fv_tensor *fv_handle_new(fv_dtype dtype, const fv_shape *shape, const int64_t *strides,
                         int64_t numel)
{
    fv_tensor *t = take();
    if (!t) return NULL;
    t->dtype = dtype;
    t->ndim = shape->ndim;
    t->numel = numel;
    t->requires_grad = t->failed = t->shapes_only = t->retains_grad = false;
    t->users_order = t->untracked = t->last_use = false;
    t->death = 0;
    t->left_scope = false;
    t->references = 1;
    t->node = NULL;
    t->base = NULL;
    t->output_nr = 0;
    t->grad = NULL;
    t->hooks = NULL;
    for (int i = 0; i < shape->ndim; i++) {
        t->shape[i] = shape->dim[i];
        t->strides[i] = strides[i];
    }
    fv_count_alive(&fv_thread_memory.alive.tensors, &fv_alive_elsewhere.tensors, 1);
    return t;
}

fv_tensor *fv_retain(fv_tensor *t)
{
    if (t && !fv_unusable_in("retain", t)) __atomic_fetch_add(&t->references, 1, __ATOMIC_RELAXED);
    return t;
}

static void die(fv_tensor *t, uint8_t death)
{
    if (t->node || t->grad || t->hooks) {
        fv_autograd_drop(t);
        t->node = NULL;
        t->grad = NULL;
        t->hooks = NULL;
    }
    if (t->base)
        fv_handle_let_go(t->base);
    else
        fv_storage_release(t->storage);
    t->base = NULL;
    t->storage = NULL;
    t->data = NULL;
    t->failed = true;
    t->death = death;
    bury(t);
    fv_count_alive(&fv_thread_memory.alive.tensors, &fv_alive_elsewhere.tensors, -1);
}

/* The caller gave up a reference that belongs to a scope: it is put back. The scope may have closed
 * in another thread meanwhile. */
SLOW static void refuse_release(fv_tensor *t)
{
    fv_fail(FV_ERR_STATE,
            "release: the tensor %s belongs to its scope alone; only what was retained may be "
            "released",
            shape_text(t));
    if (__atomic_add_fetch(&t->references, 1, __ATOMIC_ACQ_REL) == 0) die(t, DEAD_BY_RELEASE);
}

void fv_release(fv_tensor *t)
{
    if (!t || fv_unusable_in("release", t)) return;
    /* Where nobody else holds it, nobody can begin to. */
    bool last = __atomic_load_n(&t->references, __ATOMIC_ACQUIRE) == 1;
    uint64_t left = last ? 0 : __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL);
    if (left == 0)
        die(t, DEAD_BY_RELEASE);
    else if (__builtin_expect((left & UINT32_MAX) < left >> 32, 0))
        refuse_release(t);
}

void fv_handle_own(fv_tensor *t)
{
    if (__atomic_load_n(&t->references, __ATOMIC_RELAXED) == 1) /* nobody else counts */
        __atomic_store_n(&t->references, OWNED, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(&t->references, OWNED - 1, __ATOMIC_RELAXED);
}

void fv_handle_disown(fv_tensor *t)
{
    bool last = __atomic_load_n(&t->references, __ATOMIC_ACQUIRE) == OWNED; /* as in fv_release */
    if (!last) {
        __atomic_store_n(&t->left_scope, true, __ATOMIC_RELAXED);
        last = __atomic_sub_fetch(&t->references, OWNED, __ATOMIC_ACQ_REL) == 0;
    }
    if (last) die(t, DEAD_WITH_SCOPE);
}

void fv_handle_hold(fv_tensor *t)
{
    __atomic_fetch_add(&t->references, OWNED, __ATOMIC_RELAXED);
}

void fv_handle_let_go(fv_tensor *t)
{
    bool last = __atomic_load_n(&t->references, __ATOMIC_ACQUIRE) == OWNED; /* as in fv_release */
    if (last || __atomic_sub_fetch(&t->references, OWNED, __ATOMIC_ACQ_REL) == 0)
        die(t, t->left_scope ? DEAD_WITH_SCOPE : DEAD_BY_RELEASE);
}

/* --- what the allocator calls, with the lock -------------------------------------------------- */

void fv_handles_leave(fv_thread_cache *cache)
{
    if (cache->fresh) prepend(cache->fresh, length(cache->fresh));
    if (cache->dead) append(cache->dead, BATCH - cache->dead_room);
}

void fv_handles_forget(void)
{
    oldest = newest = NULL;
    waiting = carved = 0;
}

int64_t fv_handles_cached(int64_t live)
{
    int64_t bytes = (int64_t)fv_class_bytes(fv_size_class(sizeof(handle)));
    return carved > live ? (carved - live) * bytes : 0;
}
