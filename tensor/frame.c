/* The frames of a thread; see frame.h. */
#include "tensor/frame.h"

#include <stdio.h>

enum { MOST = 64 }; /* frames further in are counted, not named */

typedef struct frame {
    const fv_frame_kind *kind;
    const void *object;
} frame;

static _Thread_local frame frames[MOST];
static _Thread_local int depth;

int fv_frame_push(const fv_frame_kind *kind, const void *object)
{
    if (depth < MOST) frames[depth] = (frame){kind, object};
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

static size_t room_behind(size_t size, int used)
{
    return (size_t)used < size ? size - (size_t)used : 0;
}

int fv_frame_path(char *text, size_t size)
{
    const frame *outer = NULL;
    int used = 0;
    if (size) text[0] = '\0';
    for (int i = 0; i < depth && i < MOST; i++) {
        const frame *f = &frames[i];
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
