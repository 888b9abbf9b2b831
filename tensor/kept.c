/* Packed weights that are kept; see kept.h. */
#include "tensor/kept.h"

#include <string.h>

#include "tensor/environment.h"
#include "tensor/memory_impl.h"
#include "tensor/system.h"

int64_t fv_kept_bytes;

/* --- which uses are wanted -------------------------------------------------------------------- */

/* fv_storage.noted: | version, lower 15 bits | recorded, 1 bit | use | use | use |, 0 where none is
 * noted. One word, so that threads that note at the same time lose a note at worst. */
enum { NOTES = 3, NOTE_BITS = 16 };

/* A number for a layout of a view; views of one storage seldom share one. */
static uint64_t note_of(const fv_tensor *t, uint32_t layout)
{
    const uint64_t offset = (uint64_t)((char *)t->data - (char *)t->storage->data);
    const uint64_t first = t->ndim ? (uint64_t)t->strides[0] : 0;
    const uint64_t last = t->ndim ? (uint64_t)t->strides[t->ndim - 1] : 0;
    const uint64_t mixed =
        (layout + 31 * (first + 31 * (last + 31 * offset))) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed >> (64 - NOTE_BITS) | 1;
}

/* What is noted at this version. The first recorded use starts anew, without the copies of others.
 */
static uint64_t notes_at(fv_storage *s, uint32_t version, bool recorded)
{
    const uint64_t shift = NOTES * NOTE_BITS, mark = (uint64_t)(uint16_t)(version << 1);
    const uint64_t noted = __atomic_load_n(&s->noted, __ATOMIC_RELAXED);
    if ((noted >> shift | 1) != (mark | 1)) return (mark | recorded) << shift;
    if (!recorded || noted >> shift & 1) return noted;
    if (__atomic_load_n(&s->kept, __ATOMIC_RELAXED)) fv_kept_drop(s);
    return (mark | 1) << shift;
}

bool fv_kept_wanted(const fv_tensor *t, uint32_t layout, bool recorded)
{
    fv_storage *s = t->storage;
    const uint32_t version = __atomic_load_n(&s->version, __ATOMIC_RELAXED);
    if (s->release || __atomic_load_n(&s->exposed, __ATOMIC_RELAXED) == version + 1) return false;
    const uint64_t noted = notes_at(s, version, recorded), note = note_of(t, layout);
    for (int i = 0; i < NOTES; i++) {
        const uint64_t found = noted >> i * NOTE_BITS & UINT16_MAX;
        if (found == note) return true;
        if (found) continue;
        __atomic_store_n(&s->noted, noted | note << i * NOTE_BITS, __ATOMIC_RELAXED);
        break;
    }
    return false;
}

void fv_kept_expose(fv_storage *s)
{
    const uint32_t version = __atomic_load_n(&s->version, __ATOMIC_RELAXED);
    __atomic_store_n(&s->exposed, version + 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&s->kept, __ATOMIC_RELAXED)) fv_kept_drop(s);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* The elements of which it is a copy, and their order. */
typedef struct view {
    ptrdiff_t offset; /* bytes from the start of the storage */
    fv_dtype dtype;
    int ndim;
    int64_t shape[FV_MAX_DIMS], strides[FV_MAX_DIMS];
} view;

/* All but the memory itself is guarded by the allocator's lock. */
struct fv_kept {
    fv_kept *next;          /* on its storage */
    fv_kept *older, *newer; /* by their last use */
    fv_storage *storage;    /* NULL: forgotten, nobody finds it any more */
    uint32_t version;
    int holders;
    bool packed;
    void *memory;
    size_t token;
    int64_t bytes; /* that count */
    view view;
    size_t key_bytes;
    unsigned char key[FV_KEPT_KEY_BYTES];
};

static fv_kept *oldest, *newest;

static view view_of(const fv_tensor *t)
{
    view v = {
        .offset = (char *)t->data - (char *)t->storage->data, .dtype = t->dtype, .ndim = t->ndim};
    memcpy(v.shape, t->shape, (size_t)t->ndim * sizeof *t->shape);
    memcpy(v.strides, t->strides, (size_t)t->ndim * sizeof *t->strides);
    return v;
}

static bool same_view(const view *v, const fv_tensor *t)
{
    const size_t bytes = (size_t)t->ndim * sizeof *t->shape;
    return v->offset == (char *)t->data - (char *)t->storage->data && v->dtype == t->dtype &&
           v->ndim == t->ndim && memcmp(v->shape, t->shape, bytes) == 0 &&
           memcmp(v->strides, t->strides, bytes) == 0;
}

/* --- lists: need the lock --------------------------------------------------------------------- */

static void leave_order(fv_kept *k)
{
    *(k->older ? &k->older->newer : &oldest) = k->newer;
    *(k->newer ? &k->newer->older : &newest) = k->older;
}

static void enter_order(fv_kept *k)
{
    k->newer = NULL;
    k->older = newest;
    *(newest ? &newest->newer : &oldest) = k;
    newest = k;
}

static fv_kept *find(const fv_tensor *t, uint32_t version, const void *key, size_t key_bytes)
{
    fv_kept *k = t->storage->kept;
    while (k && !(k->version == version && k->key_bytes == key_bytes &&
                  memcmp(k->key, key, key_bytes) == 0 && same_view(&k->view, t)))
        k = k->next;
    return k;
}

/* Nobody finds it from now on; true if nobody holds it either, so that the caller frees it. */
static bool forget(fv_kept *k)
{
    fv_kept **at = &k->storage->kept;
    while (*at != k) at = &(*at)->next;
    __atomic_store_n(at, k->next, __ATOMIC_RELAXED);
    leave_order(k);
    k->storage = NULL;
    return k->holders == 0;
}

/* --- without the lock ------------------------------------------------------------------------- */

/* Of copies that nobody finds or holds, linked by next. */
static void free_all(fv_kept *k)
{
    while (k) {
        fv_kept *next = k->next;
        if (k->memory) fv_block_free_kept(k->memory, k->token);
        __atomic_fetch_sub(&fv_kept_bytes, k->bytes, __ATOMIC_RELAXED);
        fv_object_free(k, sizeof *k);
        k = next;
    }
}

void fv_kept_drop(fv_storage *s)
{
    fv_kept *gone = NULL;
    fv_memory_lock();
    for (fv_kept *k = s->kept, *next; k; k = next) {
        next = k->next;
        if (!forget(k)) continue;
        k->next = gone;
        gone = k;
    }
    fv_memory_unlock();
    free_all(gone);
}

/* --- the limit -------------------------------------------------------------------------------- */

enum { MIB = 1 << 20 };

static int64_t limit = -1; /* bytes; negative: not settled yet */

/* A quarter of the machine's memory unless the environment says otherwise. */
int64_t fv_get_kept_weights_limit(void)
{
    int64_t bytes = __atomic_load_n(&limit, __ATOMIC_RELAXED);
    if (bytes >= 0) return bytes;
    const int64_t most = INT64_MAX / MIB;
    int64_t mib = fv_environment_number("FOVEA_KEPT_WEIGHTS", 0, most, -1), unsettled = -1;
    bytes = mib >= 0 ? mib * MIB : fv_system_memory() / 4;
    __atomic_compare_exchange_n(&limit, &unsettled, bytes, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    return __atomic_load_n(&limit, __ATOMIC_RELAXED);
}

/* Needs the lock. Forgets copies, the oldest first, until those that stay and `bytes` more are
 * within the limit; those that are held stay. Returns what is to be freed. */
static fv_kept *make_room(int64_t bytes, int64_t most)
{
    fv_kept *gone = NULL;
    int64_t stay = __atomic_load_n(&fv_kept_bytes, __ATOMIC_RELAXED);
    for (fv_kept *k = oldest, *newer; k && stay + bytes > most; k = newer) {
        newer = k->newer;
        if (k->holders) continue;
        forget(k);
        stay -= k->bytes;
        k->next = gone;
        gone = k;
    }
    return gone;
}

void fv_set_kept_weights_limit(int64_t bytes)
{
    if (bytes < 0) {
        fv_fail(FV_ERR_OPTION, "set_kept_weights_limit: bytes is %lld, must be 0 or more",
                (long long)bytes);
        return;
    }
    __atomic_store_n(&limit, bytes, __ATOMIC_RELAXED);
    fv_memory_lock();
    fv_kept *gone = make_room(0, bytes);
    fv_memory_unlock();
    free_all(gone);
}

/* --- holding ---------------------------------------------------------------------------------- */

static fv_kept *new_kept(const fv_tensor *t, uint32_t version, const void *key, size_t key_bytes,
                         size_t bytes)
{
    fv_kept *k = fv_object_alloc(sizeof *k);
    if (!k) return NULL;
    *k = (fv_kept){.version = version,
                   .holders = 1,
                   .bytes = (int64_t)fv_class_bytes(fv_size_class(bytes)),
                   .view = view_of(t),
                   .key_bytes = key_bytes};
    memcpy(k->key, key, key_bytes);
    return k;
}

/* Puts a copy that has no memory yet on its storage, where it keeps others from packing the same;
 * false if one is there or there is no room. Its bytes count from here on. */
static bool announce(fv_kept *k, const fv_tensor *t, int64_t most)
{
    fv_storage *s = t->storage;
    fv_memory_lock();
    fv_kept *gone = NULL;
    bool enters = !find(t, k->version, k->key, k->key_bytes);
    if (enters) {
        gone = make_room(k->bytes, most);
        int64_t stay = __atomic_load_n(&fv_kept_bytes, __ATOMIC_RELAXED);
        for (const fv_kept *g = gone; g; g = g->next) stay -= g->bytes;
        enters = stay + k->bytes <= most;
    }
    if (enters) {
        k->storage = s;
        k->next = s->kept;
        __atomic_store_n(&s->kept, k, __ATOMIC_RELAXED);
        enter_order(k);
    }
    __atomic_fetch_add(&fv_kept_bytes, k->bytes, __ATOMIC_RELAXED); /* free_all takes them off */
    fv_memory_unlock();
    free_all(gone);
    return enters;
}

static fv_kept *make(const fv_tensor *t, uint32_t version, const void *key, size_t key_bytes,
                     size_t bytes)
{
    const int64_t most = fv_get_kept_weights_limit();
    if (bytes == 0 || bytes > FV_LARGEST_BLOCK || (int64_t)bytes > most) return NULL;
    fv_kept *k = new_kept(t, version, key, key_bytes, bytes);
    if (!k) return NULL;
    if (announce(k, t, most)) k->memory = fv_block_alloc_kept(bytes, &k->token);
    if (k->memory) return k;
    fv_kept_let_go(k);
    return NULL;
}

fv_kept *fv_kept_hold(const fv_tensor *t, const void *key, size_t key_bytes, size_t bytes)
{
    const uint32_t version = fv_version(t);
    if (key_bytes > FV_KEPT_KEY_BYTES) return NULL;
    fv_memory_lock();
    fv_kept *k = find(t, version, key, key_bytes);
    const bool packing = k && !k->packed;
    if (k && !packing) {
        k->holders++;
        leave_order(k);
        enter_order(k);
    }
    fv_memory_unlock();
    if (packing) return NULL;
    return k ? k : make(t, version, key, key_bytes, bytes);
}

bool fv_kept_is_packed(const fv_kept *k)
{
    return k->packed; /* settled before it was handed out, or the caller's to settle */
}

void *fv_kept_memory(const fv_kept *k)
{
    return k->memory;
}

void fv_kept_finish(fv_kept *k)
{
    fv_memory_lock();
    k->packed = true;
    fv_memory_unlock();
}

void fv_kept_let_go(fv_kept *k)
{
    fv_memory_lock();
    bool last = --k->holders == 0;
    if (k->storage) last = last && !k->packed && forget(k);
    fv_memory_unlock();
    if (!last) return;
    k->next = NULL;
    free_all(k);
}
