/* Max unpooling by plain loops over any strides: the oracle of the tests. */
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/pool/unpool.h"

/* Offset of element p, counted within the spatial dimensions, of plane (n, c). */
static int64_t offset_of(const fv_tensor *t, int64_t n, int64_t c, int64_t p)
{
    int64_t offset = n * t->strides[0] + c * t->strides[1];
    for (int d = t->ndim - 1; d >= 2; d--) {
        offset += p % t->shape[d] * t->strides[d];
        p /= t->shape[d];
    }
    return offset;
}

typedef void (*pair_fn)(const fv_tensor *x, int64_t at, const fv_tensor *y, int64_t to);

/* Calls visit for every element of x with the element of y that its index names, if there is one.
 */
static void each_pair(const fv_tensor *x, const fv_tensor *indices, const fv_tensor *y,
                      pair_fn visit)
{
    int64_t positions = 1, places = 1;
    for (int d = 2; d < x->ndim; d++) positions *= x->shape[d];
    for (int d = 2; d < y->ndim; d++) places *= y->shape[d];
    for (int64_t n = 0; n < x->shape[0]; n++)
        for (int64_t c = 0; c < x->shape[1]; c++)
            for (int64_t p = 0; p < positions; p++) {
                int64_t to = fv_element_get_int(indices, offset_of(indices, n, c, p));
                if (to < 0 || to >= places) continue;
                visit(x, offset_of(x, n, c, p), y, offset_of(y, n, c, to));
            }
}

static void copy_element(const fv_tensor *to, int64_t at, const fv_tensor *from, int64_t source)
{
    const int64_t size = (int64_t)fv_dtype_size(to->dtype);
    memcpy((char *)to->data + at * size, (const char *)from->data + source * size, (size_t)size);
}

static void put(const fv_tensor *x, int64_t at, const fv_tensor *y, int64_t to)
{
    copy_element(y, to, x, at);
}

void fv_unpool_ref(const fv_tensor *x, const fv_tensor *indices, fv_tensor *y)
{
    memset(y->data, 0, (size_t)y->numel * fv_dtype_size(y->dtype));
    each_pair(x, indices, y, put);
}

void fv_unpool_gather_ref(const fv_tensor *y, const fv_tensor *indices, fv_tensor *x)
{
    memset(x->data, 0, (size_t)x->numel * fv_dtype_size(x->dtype));
    each_pair(x, indices, y, copy_element);
}
