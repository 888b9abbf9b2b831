/* The plain copy: every element by its index. */
#include <string.h>

#include "transpose.h"

void fv_copy_reference(fv_tensor *dst, const fv_tensor *src)
{
    size_t size = fv_dtype_size(src->dtype);
    for (int64_t n = 0; n < src->numel; n++) {
        int64_t rest = n, to = 0, from = 0;
        for (int d = src->ndim - 1; d >= 0; d--) {
            int64_t i = rest % src->shape[d];
            rest /= src->shape[d];
            to += i * dst->strides[d];
            from += i * src->strides[d];
        }
        memcpy((char *)dst->data + (size_t)to * size, (const char *)src->data + (size_t)from * size,
               size);
    }
}
