/* Element types: the tables. */
#include "tensor/dtype.h"

#include <math.h>

const fv_dtype_row fv_dtypes[FV_DTYPE_COUNT] = {
    [FV_BOOL - FV_DTYPE_FIRST] = {"bool", "BOOL", 1, FV_KIND_BOOL, 1, false},
    [FV_UINT8 - FV_DTYPE_FIRST] = {"uint8", "U8", 1, FV_KIND_UNSIGNED, 8, false},
    [FV_INT32 - FV_DTYPE_FIRST] = {"int32", "I32", 4, FV_KIND_SIGNED, 31, false},
    [FV_INT64 - FV_DTYPE_FIRST] = {"int64", "I64", 8, FV_KIND_SIGNED, 63, false},
    [FV_FLOAT32 - FV_DTYPE_FIRST] = {"float32", "F32", 4, FV_KIND_FLOATING, 24, false},
    [FV_FLOAT64 - FV_DTYPE_FIRST] = {"float64", "F64", 8, FV_KIND_FLOATING, 53, false},
    [FV_INT8 - FV_DTYPE_FIRST] = {"int8", "I8", 1, FV_KIND_SIGNED, 7, true},
    [FV_INT16 - FV_DTYPE_FIRST] = {"int16", "I16", 2, FV_KIND_SIGNED, 15, true},
    [FV_FLOAT16 - FV_DTYPE_FIRST] = {"float16", "F16", 2, FV_KIND_FLOATING, 11, true},
    [FV_BFLOAT16 - FV_DTYPE_FIRST] = {"bfloat16", "BF16", 2, FV_KIND_FLOATING, 8, true},
};

size_t fv_dtype_size(fv_dtype dtype)
{
    return fv_dtype_exists(dtype) ? fv_dtype_row_of(dtype)->size : 0;
}

const char *fv_dtype_name(fv_dtype dtype)
{
    return fv_dtype_exists(dtype) ? fv_dtype_row_of(dtype)->name : "invalid dtype";
}

bool fv_dtype_holds(fv_dtype dtype, double v)
{
    if (!fv_dtype_exists(dtype)) return false;
    const fv_dtype_row *row = fv_dtype_row_of(dtype);
    if (row->kind == FV_KIND_BOOL || row->kind == FV_KIND_FLOATING) return true;
    double end = ldexp(1.0, row->digits);
    return floor(v) >= (row->kind == FV_KIND_SIGNED ? -end : 0.0) && ceil(v) < end;
}

fv_dtype fv_promote(fv_dtype a, fv_dtype b)
{
    enum {
        FIRST = FV_DTYPE_FIRST,
        B = FV_BOOL,
        U1 = FV_UINT8,
        I1 = FV_INT8,
        I2 = FV_INT16,
        I4 = FV_INT32,
        I8 = FV_INT64,
        F2 = FV_FLOAT16,
        BF = FV_BFLOAT16,
        F4 = FV_FLOAT32,
        F8 = FV_FLOAT64
    };
    static const int16_t table[FV_DTYPE_COUNT][FV_DTYPE_COUNT] = {
        /*       B   U1  I4  I8  F4  F8  I1  I2  F2  BF */
        [B - FIRST] = {B, U1, I4, I8, F4, F8, I1, I2, F2, BF},
        [U1 - FIRST] = {U1, U1, I4, I8, F4, F8, I2, I2, F2, BF},
        [I4 - FIRST] = {I4, I4, I4, I8, F4, F8, I4, I4, F2, BF},
        [I8 - FIRST] = {I8, I8, I8, I8, F4, F8, I8, I8, F2, BF},
        [F4 - FIRST] = {F4, F4, F4, F4, F4, F8, F4, F4, F4, F4},
        [F8 - FIRST] = {F8, F8, F8, F8, F8, F8, F8, F8, F8, F8},
        [I1 - FIRST] = {I1, I2, I4, I8, F4, F8, I1, I2, F2, BF},
        [I2 - FIRST] = {I2, I2, I4, I8, F4, F8, I2, I2, F2, BF},
        [F2 - FIRST] = {F2, F2, F2, F2, F4, F8, F2, F2, F2, F4},
        [BF - FIRST] = {BF, BF, BF, BF, F4, F8, BF, BF, F4, BF},
    };
    return (fv_dtype)table[fv_dtype_index(a)][fv_dtype_index(b)];
}
