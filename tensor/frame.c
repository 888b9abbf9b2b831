/* The frames of a thread; see frame.h. */
#include "tensor/frame.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tensor/error.h"

enum { MOST = 64 }; /* frames further in are counted, not named */

/* Either an object, or a place and no kind. */
typedef struct frame {
    const fv_frame_kind *kind;
    const void *object;
    uint64_t id;
    const char *place; /* NULL: not yet known */
} frame;

static _Thread_local frame frames[MOST];
static _Thread_local int depth;

int fv_frame_push(const fv_frame_kind *kind, const void *object, uint64_t id)
{
    if (!kind && fv_fail_null("frame_push", "kind")) return depth;
    if (depth < MOST) frames[depth] = (frame){kind, object, id, NULL};
    return depth++;
}

int fv_frame_push_place(const char *place)
{
    if (depth < MOST) frames[depth] = (frame){NULL, NULL, 0, place};
    return depth++;
}

void fv_frame_pop(int to)
{
    if (to < depth) depth = to;
}

int fv_frame_depth(void)
{
    return depth;
}

void fv_frame_forget(const void *object)
{
    for (int i = 0; i < depth && i < MOST; i++)
        if (frames[i].object == object) frames[i].object = NULL;
}

/* --- the text -----------------------------------------------------------------------------------
 */

static size_t room_behind(size_t size, int used)
{
    return (size_t)used < size ? size - (size_t)used : 0;
}

static int last_frame(void)
{
    return depth < MOST ? depth - 1 : MOST - 1;
}

/* The first of the frames that make up the path: those behind the last place, or that place. */
static int first_frame(void)
{
    int i = last_frame();
    if (i >= 0 && !frames[i].kind) return i;
    while (i > 0 && frames[i - 1].kind) i--;
    return i;
}

int fv_frame_path(char *text, size_t size)
{
    const frame *outer = NULL;
    int used = 0;
    if (!text) size = 0;
    if (size) text[0] = '\0';
    for (int i = first_frame(); i >= 0 && i <= last_frame(); i++) {
        const frame *f = &frames[i];
        if (!f->kind) return f->place ? snprintf(text, size, "%s", f->place) : 0;
        if (!f->object) continue;
        const char *dot = used > 0 ? "." : "";
        char name[128];
        int n = f->kind->name(f->object, outer ? outer->object : NULL, name, sizeof name);
        if (n > 0) used += snprintf(text + used, room_behind(size, used), "%s%s", dot, name);
        if ((size_t)used >= size) return used;
        outer = f;
    }
    if (!outer) return 0;
    return used + snprintf(text + used, room_behind(size, used), "%s(%s)", used ? " " : "",
                           outer->kind->type(outer->object));
}

/* --- places: texts that are kept ----------------------------------------------------------------
 */

enum { TEXTS = 4096, CACHED = 256, PLACE_BYTES = 256 };

/* One copy of every text, which is enough for networks of some thousand modules. */
static struct {
    pthread_mutex_t mutex;
    char bytes[TEXTS * 40];
    size_t used;
    const char *slot[2 * TEXTS]; /* by hash, open addressing */
    int count;
} texts = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

/* NULL when the table is full. */
static const char *keep(const char *text)
{
    pthread_mutex_lock(&texts.mutex);
    size_t i = hash_of(text) % (2 * TEXTS), length = strlen(text) + 1;
    while (texts.slot[i] && strcmp(texts.slot[i], text) != 0) i = (i + 1) % (2 * TEXTS);
    if (!texts.slot[i] && texts.count < TEXTS && length <= sizeof texts.bytes - texts.used) {
        texts.slot[i] = memcpy(texts.bytes + texts.used, text, length);
        texts.used += length;
        texts.count++;
    }
    const char *kept = texts.slot[i];
    pthread_mutex_unlock(&texts.mutex);
    return kept;
}

/* What a path depends on: the object, the one around it, and where that is. */
typedef struct remembered {
    uint64_t id, outer_id;
    const char *outer_place, *place;
} remembered;

static _Thread_local remembered cache[CACHED];

static const char *find_place(const frame *f, const frame *outer, const char *outer_place)
{
    const uint64_t outer_id = outer ? outer->id : 0;
    remembered *r = &cache[(f->id * 31 + outer_id) % CACHED];
    const bool known = f->id && r->id == f->id && r->outer_id == outer_id;
    if (known && r->outer_place == outer_place) return r->place;
    char text[PLACE_BYTES];
    fv_frame_path(text, sizeof text);
    *r = (remembered){f->id, outer_id, outer_place, keep(text)};
    return r->place;
}

/* Outer frames first, as each is part of the key of the next. */
static const char *place_of_frame(int i)
{
    frame *f = &frames[i];
    if (!f->kind || f->place) return f->place;
    const frame *outer = i > 0 && frames[i - 1].kind ? &frames[i - 1] : NULL;
    const int whole = depth;
    const char *outer_place = outer ? place_of_frame(i - 1) : NULL;
    depth = i + 1; /* for fv_frame_path */
    f->place = find_place(f, outer, outer_place);
    depth = whole;
    return f->place;
}

const char *fv_frame_place(void)
{
    return depth > 0 ? place_of_frame(last_frame()) : NULL;
}
