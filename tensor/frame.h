/* Where a thread is in the program's modules: "2.body.0 (Conv2d)", for messages and observers.
 *
 * Whoever runs a module pushes a frame and pops it. Names are found only when somebody asks, so a
 * frame costs two stores. Popping goes back to a depth: frames that longjmp or an exception left
 * behind fall with the next outer one, or with the scope that was open around them. */
#ifndef FOVEA_TENSOR_FRAME_H
#define FOVEA_TENSOR_FRAME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_frame_kind {
    /* The object's name inside of `outer` ("body.0"), where outer is NULL for the first frame; as
     * snprintf. */
    int (*name)(const void *object, const void *outer, char *text, size_t size);
    const char *(*type)(const void *object); /* "Conv2d" */
} fv_frame_kind;

/* id tells the object from all others that ever lived, and changes with the names below it; 0: it
 * has none, and its path is made anew each time. Returns the depth before, for fv_frame_pop. */
int fv_frame_push(const fv_frame_kind *kind, const void *object, uint64_t id);
void fv_frame_pop(int to);
int fv_frame_depth(void);

/* For an object that dies: frames of this thread that were left behind forget it. */
void fv_frame_forget(const void *object);

/* The names of all frames joined by dots, then the type of the innermost one in parentheses; ""
 * when there is none. As snprintf. */
int fv_frame_path(char *text, size_t size);

/* The same text, for a tape that tells later where its ops ran: it is kept for ever, and found
 * again in a few ns. NULL when there is no frame, or when too many texts have been kept already. */
const char *fv_frame_place(void);

/* A frame that stands for a place: where the gradient of an op says that it is. NULL: nowhere. */
int fv_frame_push_place(const char *place);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
