/* Scopes: who owns the tensors that ops make.
 *
 * A new tensor belongs to the innermost open scope of its thread, and dies when that closes.
 *   FV_SCOPE;            opens one until the end of the block; break, return and goto close it too.
 *   fv_retain(t)         makes t outlive its scope;  fv_release(t)  gives that up.
 * Rule of thumb: release what you retained, and nothing else. Outside of every scope tensors
 * belong to the thread and live until fv_shutdown or the thread's end. */
#ifndef FOVEA_TENSOR_SCOPE_H
#define FOVEA_TENSOR_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_tensor fv_tensor;

typedef struct fv_scope {
    size_t mark; /* private: the owned tensors above it are this scope's */
    uint64_t id; /* private: what stands at the mark while the scope is open */
    int depth;   /* private: scopes around it */
    int frames;  /* private: frames (frame.h) that were open */
    bool open;
} fv_scope;

fv_scope fv_scope_open(void);

/* Releases what was made since; a second call does nothing. Closes scopes inside it as well, whose
 * own closing does nothing then. Both in the thread that opened it. */
void fv_scope_close(fv_scope *scope);

/* A declaration: what is made from here on dies at the end of the block, whichever way that is
 * left.
 */
#define FV_SCOPE           FV_SCOPE_1(__COUNTER__)
#define FV_SCOPE_1(number) FV_SCOPE_2(number)
#define FV_SCOPE_2(number)                                                                         \
    fv_scope fv_scope_##number __attribute__((__cleanup__(fv_scope_close), __unused__)) =          \
        fv_scope_open()

/* Adds or gives up a reference; both take NULL and the failed tensor. fv_retain returns t. */
fv_tensor *fv_retain(fv_tensor *t);
void fv_release(fv_tensor *t);

/* --- for authors of ops and containers ------------------------------------------------------ */

/* Hands the caller's reference of t to the innermost open scope. Returns t, or the failed tensor
 * when memory is out (t is released then). */
fv_tensor *fv_scope_adopt(fv_tensor *t);

/* Closes the scope but lets t live on in the one around it. Returns t. */
fv_tensor *fv_scope_close_with(fv_scope *scope, fv_tensor *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
