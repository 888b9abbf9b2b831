/* Element types: tables. */
#include "tensor/dtype.h"

static const struct {
    size_t size;
    const char *name;
} table[FV_DTYPE_COUNT] = {
    [FV_BOOL] = {1, "bool"},   [FV_UINT8] = {1, "uint8"},     [FV_INT32] = {4, "int32"},
    [FV_INT64] = {8, "int64"}, [FV_FLOAT32] = {4, "float32"}, [FV_FLOAT64] = {8, "float64"},
};

size_t fv_dtype_size(fv_dtype dtype)
{
    return (unsigned)dtype < FV_DTYPE_COUNT ? table[dtype].size : 0;
}

const char *fv_dtype_name(fv_dtype dtype)
{
    return (unsigned)dtype < FV_DTYPE_COUNT ? table[dtype].name : "invalid dtype";
}
