/* Elements from outside: item, at, typed pointers, copies in and out. */
#include <math.h>
#include <string.h>

#include "tensor/kept.h"
#include "tensor/kernels/element.h"
#include "tensor/tensor.h"

/* Has t one element to give? If not, an error unless t is a failed tensor. */
static bool has_item(const fv_tensor *t)
{
    if (!t) fv_fail(FV_ERR_OPTION, "item: the tensor is NULL");
    if (fv_failed_in("item", t) || fv_need_elements("item", t) != FV_OK) return false;
    if (t->numel == 1) return true;
    fv_shape shape = fv_shape_of(t);
    fv_fail(FV_ERR_SHAPE, "item: a tensor of one element is needed, this one is %s",
            fv_shape_text(&shape));
    return false;
}

double fv_item(const fv_tensor *t)
{
    return has_item(t) ? fv_element_get(t, 0) : (double)NAN;
}

int64_t fv_item_int64(const fv_tensor *t)
{
    if (!has_item(t)) return 0;
    if (t->dtype == FV_INT64) return *(const int64_t *)t->data;
    if (fv_dtype_row_of(t->dtype)->kind != FV_KIND_FLOATING) return (int64_t)fv_element_get(t, 0);
    fv_fail(FV_ERR_DTYPE, "item_int64: the tensor is %s; take fv_item", fv_dtype_name(t->dtype));
    return 0;
}

double fv_at(const fv_tensor *t, const int64_t *index)
{
    if (!t || (!index && !t->failed && t->ndim > 0)) {
        fv_fail(FV_ERR_OPTION, "at: the %s is NULL", t ? "index" : "tensor");
        return (double)NAN;
    }
    if (fv_failed_in("at", t) || fv_need_elements("at", t) != FV_OK) return (double)NAN;
    int64_t offset = 0;
    for (int i = 0; i < t->ndim; i++) {
        int64_t k = index[i] < 0 ? index[i] + t->shape[i] : index[i];
        if (k < 0 || k >= t->shape[i]) {
            fv_shape shape = fv_shape_of(t);
            fv_fail(FV_ERR_INDEX, "at: index %lld is out of range in dim %d of shape %s",
                    (long long)index[i], i, fv_shape_text(&shape));
            return (double)NAN;
        }
        offset += k * t->strides[i];
    }
    return fv_element_get(t, offset);
}

static void *typed_data(fv_tensor *t, fv_dtype dtype)
{
    if (!t) fv_fail(FV_ERR_OPTION, "data_%s: the tensor is NULL", fv_dtype_name(dtype));
    if (fv_failed_in("data", t) || fv_need_elements("data", t) != FV_OK) return NULL;
    if (t->dtype == dtype && fv_is_contiguous(t)) {
        fv_kept_expose(t->storage);
        return t->data;
    }
    fv_shape shape = fv_shape_of(t);
    fv_fail(FV_ERR_DTYPE,
            "data_%s: the tensor %s is %s%s; take fv_to, fv_contiguous or fv_copy_out",
            fv_dtype_name(dtype), fv_shape_text(&shape), fv_dtype_name(t->dtype),
            fv_is_contiguous(t) ? "" : " and not contiguous");
    return NULL;
}

float *fv_data_float32(fv_tensor *t)
{
    return typed_data(t, FV_FLOAT32);
}

double *fv_data_float64(fv_tensor *t)
{
    return typed_data(t, FV_FLOAT64);
}

int64_t *fv_data_int64(fv_tensor *t)
{
    return typed_data(t, FV_INT64);
}

int32_t *fv_data_int32(fv_tensor *t)
{
    return typed_data(t, FV_INT32);
}

int16_t *fv_data_int16(fv_tensor *t)
{
    return typed_data(t, FV_INT16);
}

int8_t *fv_data_int8(fv_tensor *t)
{
    return typed_data(t, FV_INT8);
}

uint8_t *fv_data_uint8(fv_tensor *t)
{
    return typed_data(t, FV_UINT8);
}

bool *fv_data_bool(fv_tensor *t)
{
    return typed_data(t, FV_BOOL);
}

uint16_t *fv_data_float16(fv_tensor *t)
{
    return typed_data(t, FV_FLOAT16);
}

uint16_t *fv_data_bfloat16(fv_tensor *t)
{
    return typed_data(t, FV_BFLOAT16);
}

/* A handle, on the stack, over row-major memory of the caller. */
static fv_tensor outside(const fv_tensor *like, fv_dtype dtype, void *data)
{
    fv_tensor view = {.dtype = dtype, .ndim = like->ndim, .numel = like->numel, .data = data};
    fv_shape shape = fv_shape_of(like);
    memcpy(view.shape, shape.dim, sizeof view.shape);
    fv_strides_contiguous(&shape, view.strides);
    return view;
}

static fv_status check_copy(const fv_tensor *t, fv_dtype dtype, const void *memory,
                            const char *name)
{
    if (!t) return fv_fail(FV_ERR_OPTION, "%s: the tensor is NULL", name);
    if (fv_failed_in(name, t)) return fv_error_status() ? fv_error_status() : FV_ERR_STATE;
    if (!fv_dtype_size(dtype)) return fv_fail(FV_ERR_DTYPE, "%s: invalid dtype", name);
    if (!memory && t->numel) return fv_fail(FV_ERR_OPTION, "%s: the memory is NULL", name);
    return fv_need_elements(name, t);
}

fv_status fv_copy_out(const fv_tensor *t, fv_dtype dtype, void *out)
{
    fv_status status = check_copy(t, dtype, out, "copy_out");
    if (status != FV_OK || t->numel == 0) return status;
    fv_tensor target = outside(t, dtype, out);
    fv_copy_elements(&target, t);
    return FV_OK;
}

fv_status fv_copy_in(fv_tensor *t, fv_dtype dtype, const void *in)
{
    fv_status status = check_copy(t, dtype, in, "copy_in");
    if (status != FV_OK || t->numel == 0) return status;
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1) {
            fv_shape shape = fv_shape_of(t);
            return fv_fail(FV_ERR_SHAPE,
                           "copy_in: several elements of %s share one place in memory (an expanded "
                           "tensor); clone it first",
                           fv_shape_text(&shape));
        }
    fv_tensor source = outside(t, dtype, (void *)in);
    fv_copy_elements(t, &source);
    fv_bump_version(t);
    return FV_OK;
}
