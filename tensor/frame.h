/* Where a thread is in the program's modules: "2.body.0 (Conv2d)", for messages and observers.
 *
 * Whoever runs a module pushes a frame and pops it. Names are found only when somebody asks, so a
 * frame costs two stores. Popping goes back to a depth: frames that longjmp or an exception left
 * behind fall with the next outer one, or with the scope that was open around them. */
#ifndef FOVEA_TENSOR_FRAME_H
#define FOVEA_TENSOR_FRAME_H

#include <stddef.h>

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

/* Returns the depth before, for fv_frame_pop. */
int fv_frame_push(const fv_frame_kind *kind, const void *object);
void fv_frame_pop(int to);
int fv_frame_depth(void);

/* For an object that dies: frames of this thread that were left behind forget it. */
void fv_frame_forget(const void *object);

/* The names of all frames joined by dots, then the type of the innermost one in parentheses; ""
 * when there is none. As snprintf. */
int fv_frame_path(char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
