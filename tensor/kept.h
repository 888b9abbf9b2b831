/* Packed weights that are kept: a tensor's elements in the order that some kernel reads, hung on
 * its storage, so that a weight that does not change is packed once and not in every call.
 *
 *     uses of a layout at one version      first      second            later
 *                                          noted      packs, keeps      read
 *
 * In training an optimizer's step moves the version, each layout is used once at it, and nothing is
 * kept; what evaluation before it has left goes with the first use that the tape records, since the
 * memory is needed. A copy ends with its version, with the storage, or when the limit wants room
 * for another: the one that was not used for longest goes first. Memory that the user lent is never
 * kept, and none of a storage whose elements fv_data_* gave away, until fv_bump_version says that
 * the writing is over.
 *
 * Any number of threads may use one weight: one packs, the others pack into scratch of their own
 * meanwhile, and no copy is freed while somebody holds it. No memory for a copy only means that
 * none is kept. */
#ifndef FOVEA_TENSOR_KEPT_H
#define FOVEA_TENSOR_KEPT_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_kept fv_kept;

enum { FV_KEPT_KEY_BYTES = 128 };

/* Is t used in a layout for the second time, or a later one, at this version? The first use is
 * noted, of at most three layouts and views of a storage. `recorded` says that gradients of t will
 * come of it. `layout` is a number that is another one
 * for other layouts: where two share one, a copy may be kept at its first use. False where nothing
 * may be kept. */
bool fv_kept_wanted(const fv_tensor *t, uint32_t layout, bool recorded);

/* The copy of t's elements at this version that has this key (what the layout depends on beside t's
 * shape, strides and place in the storage), for the caller to hold; NULL when there is none and
 * none can be, or another thread is just packing it. A new one is not packed: the caller fills its
 * `bytes` bytes of memory (64-byte aligned) and says fv_kept_finish, or lets it go without. */
fv_kept *fv_kept_hold(const fv_tensor *t, const void *key, size_t key_bytes, size_t bytes);
bool fv_kept_is_packed(const fv_kept *k);
void *fv_kept_memory(const fv_kept *k);
void fv_kept_finish(fv_kept *k);
void fv_kept_let_go(fv_kept *k);

/* --- for storages --- */

/* The elements have changed, or the storage dies: its copies are forgotten. */
void fv_kept_drop(fv_storage *s);

/* Somebody has a pointer to the elements. */
void fv_kept_expose(fv_storage *s);

/* Bytes of all copies. */
extern int64_t fv_kept_bytes;

#ifdef __cplusplus
}
#endif
#endif
