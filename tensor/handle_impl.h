/* The life of a handle, for those who make one and for scopes. */
#ifndef FOVEA_TENSOR_HANDLE_IMPL_H
#define FOVEA_TENSOR_HANDLE_IMPL_H

#include "tensor/tensor.h"

/* fv_failed_in, without a call where there is nothing to tell. */
static inline bool fv_unusable_in(const char *function, const fv_tensor *t)
{
    return __builtin_expect(!fv_usable(t), 0) && fv_failed_in(function, t);
}

/* A handle with one reference, without storage; NULL when out of memory. */
fv_tensor *fv_handle_new(fv_dtype dtype, const fv_shape *shape, const int64_t *strides,
                         int64_t numel);

/* A scope takes over the caller's reference, and gives it up. */
void fv_handle_own(fv_tensor *t);
void fv_handle_disown(fv_tensor *t);

/* A view takes a reference to its base, which is not the user's to release, and gives it up. */
void fv_handle_hold(fv_tensor *t);
void fv_handle_let_go(fv_tensor *t);

/* Gives up a reference. */
void fv_storage_release(fv_storage *s);

#endif
