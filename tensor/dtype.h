/* Element types: one table of what each is, one of how two promote. */
#ifndef FOVEA_TENSOR_DTYPE_H
#define FOVEA_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Numbers that nothing else has: a dtype among the sizes of a tensor, say, is told. */
typedef enum fv_dtype {
    FV_BOOL = -1010,
    FV_UINT8,
    FV_INT32,
    FV_INT64,
    FV_FLOAT32,
    FV_FLOAT64,
    /* to store, convert, load and save; ops that compute refuse them */
    FV_INT8,
    FV_INT16,
    FV_FLOAT16,
    FV_BFLOAT16,
} fv_dtype;

/* As an option: not given. */
#define FV_UNSET_DTYPE ((fv_dtype)-1)

enum { FV_DTYPE_FIRST = FV_BOOL, FV_DTYPE_COUNT = 10 };

typedef enum fv_dtype_kind {
    FV_KIND_BOOL,
    FV_KIND_UNSIGNED,
    FV_KIND_SIGNED,
    FV_KIND_FLOATING
} fv_dtype_kind;

/* What there is to know of a dtype. */
typedef struct fv_dtype_row {
    const char *name; /* PyTorch's, without the "torch." prefix */
    const char *safetensors;
    size_t size; /* bytes of an element */
    fv_dtype_kind kind;
    int digits;  /* bits of an integer without its sign, of a float's significand */
    bool stored; /* only stored: ops move and convert it but compute nothing in it */
} fv_dtype_row;
extern const fv_dtype_row fv_dtypes[FV_DTYPE_COUNT];

/* Is this number one of the dtypes? */
static inline bool fv_dtype_exists(int64_t dtype)
{
    return dtype >= FV_DTYPE_FIRST && dtype < FV_DTYPE_FIRST + FV_DTYPE_COUNT;
}

/* From 0, for tables. */
static inline int fv_dtype_index(fv_dtype dtype)
{
    return (int)dtype - FV_DTYPE_FIRST;
}

/* Of a number that is known to be a dtype, as a tensor's is; the functions below ask it first. */
static inline const fv_dtype_row *fv_dtype_row_of(fv_dtype dtype)
{
    return &fv_dtypes[fv_dtype_index(dtype)];
}

/* Bytes of one element; 0 for a value that is no dtype. */
size_t fv_dtype_size(fv_dtype dtype);

/* "float32" and the like; "invalid dtype" for a value that is none. */
const char *fv_dtype_name(fv_dtype dtype);

/* float32 and float64: the floating types that ops compute in, and the only ones with gradients.
 * float16 and bfloat16 are of the floating kind, too, but only stored. */
static inline bool fv_dtype_is_floating(fv_dtype dtype)
{
    return fv_dtype_exists(dtype) && fv_dtype_row_of(dtype)->kind == FV_KIND_FLOATING &&
           !fv_dtype_row_of(dtype)->stored;
}

/* Can dtype hold v without leaving its range? Floating types can hold any number (as infinity if
 * need be), bool as well (0 or not). */
bool fv_dtype_holds(fv_dtype dtype, double v);

/* The smallest dtype that both convert to within their kind.  Source: torch.promote_types. */
fv_dtype fv_promote(fv_dtype a, fv_dtype b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
