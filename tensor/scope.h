/* Scopes: who owns the tensors that ops make.
 *
 * A new tensor belongs to the innermost open scope of its thread, and dies when that closes.
 *   FV_SCOPE;             opens one until the end of the block, whichever way that is left.
 *   fv_retain(t)          makes t outlive its scope;  fv_release(t)  gives that up.
 *   return fv_escape(t);  hands t to the scope around.
 * Rule of thumb: release what you retained, and nothing else. Outside of every scope tensors
 * belong to the thread and live until fv_shutdown or the thread's end. A tensor that is used after
 * its death acts as a failed one, with a message. */
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
    uint64_t id; /* private: its number on the thread's stack */
} fv_scope;

/* A declaration: what is made from here on dies at the end of the block, whichever way that is
 * left. */
#define FV_SCOPE           FV_SCOPE_1(__COUNTER__)
#define FV_SCOPE_1(number) FV_SCOPE_2(number)
#define FV_SCOPE_2(number)                                                                         \
    fv_scope fv_scope_##number __attribute__((__cleanup__(fv_scope_close), __unused__)) =          \
        fv_scope_open(&fv_scope_##number)

/* The same by hand: fv_scope s = fv_scope_open(&s); A scope does not move to another address. What
 * was opened at this address before, and never closed, was left by longjmp: it ends first, and its
 * tensors go to the scope around. */
fv_scope fv_scope_open(fv_scope *scope);

/* Releases what was made since, in the thread that opened it; scopes and grad modes that were
 * opened inside and left by longjmp or an exception are closed as well. Errors: the scope is not
 * open; then nothing happens. So a goto or a switch that jumps past FV_SCOPE; does no harm. */
void fv_scope_close(fv_scope *scope);

/* Moves t from the innermost scope to the one around it; nothing happens if it belongs to another.
 * Returns t. */
fv_tensor *fv_escape(fv_tensor *t);

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
