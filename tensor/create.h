/* Creation of tensors, with PyTorch's names. Each result belongs to the innermost scope. */
#ifndef FOVEA_TENSOR_CREATE_H
#define FOVEA_TENSOR_CREATE_H

#include "args.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_create_args {
    size_t size;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7; /* fv_zeros(2, 3); none: no dimension and one element */
    const struct fv_too_many_sizes *end;
    fv_shape shape;     /* or .shape = s */
    fv_dtype dtype;     /* float32 */
    bool requires_grad; /* floating types only */
    bool channels_last; /* strides in channels-last order (3 to 5 dims) */
} fv_create_args;
#define FV_CREATE_DEFAULTS FV_DEFAULTS(fv_create_args, FV_NO_SIZES, .dtype = FV_FLOAT32)
extern const fv_create_args fv_create_defaults;

/* A new tensor of these sizes, its elements left as they are, 0, 1 or random: fv_zeros(2, 3, .dtype
 * = FV_INT64), fv_randn(8, n, .requires_grad = true), fv_ones(.shape = s).
 * Errors: shape, memory, requires_grad on integers.
 * Source: torch.empty, zeros, ones, rand (uniform [0, 1)), randn (normal 0, 1). */
fv_tensor *fv_empty_ex(const fv_create_args *a);
fv_tensor *fv_zeros_ex(const fv_create_args *a);
fv_tensor *fv_ones_ex(const fv_create_args *a);
fv_tensor *fv_rand_ex(const fv_create_args *a);
fv_tensor *fv_randn_ex(const fv_create_args *a);
#define fv_empty(...) FV_CALL(fv_empty_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_zeros(...) FV_CALL(fv_zeros_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_ones(...)  FV_CALL(fv_ones_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_rand(...)  FV_CALL(fv_rand_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_randn(...) FV_CALL(fv_randn_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)

typedef struct fv_full_args {
    size_t size;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape;
    double value;   /* must be given */
    fv_dtype dtype; /* float32, also for a whole number */
    bool requires_grad;
} fv_full_args;
#define FV_FULL_DEFAULTS                                                                           \
    FV_DEFAULTS(fv_full_args, FV_NO_SIZES, .value = FV_UNSET_NUMBER, .dtype = FV_FLOAT32)
extern const fv_full_args fv_full_defaults;
/* All elements = value: fv_full(2, 3, .value = 7).  Errors: no value; one that the dtype cannot
 * hold (fv_fill_ takes an int64 beyond 2^53).  Source: torch.full. */
fv_tensor *fv_full_ex(const fv_full_args *a);
#define fv_full(...) FV_CALL(fv_full_ex, fv_full_args, FV_FULL_DEFAULTS, __VA_ARGS__)

/* A 0-dim tensor of a number, floating or integer: fv_scalar(2.5, FV_FLOAT32).
 * Source: torch.tensor(value). */
fv_tensor *fv_scalar(double value, fv_dtype dtype);
fv_tensor *fv_scalar_int64(int64_t value, fv_dtype dtype);
#ifdef FV_HAVE_CALLS
#define fv_scalar(value, dtype)            FV_SCALAR_1_(__COUNTER__, value, dtype)
#define FV_SCALAR_1_(number, value, dtype) FV_SCALAR_2_(number, value, dtype)
#define FV_SCALAR_2_(number, value, dtype)                                                         \
    __extension__({                                                                                \
        FV_CALL_BEGIN                                                                              \
        __auto_type fv_value_##number = (value);                                                   \
        _Generic((fv_value_##number),                                                              \
                 FV_BY_NUMBER_(fv_scalar, fv_scalar_int64))(fv_value_##number, (dtype));           \
        FV_CALL_END                                                                                \
    })
#endif

/* A number of a range: every int64 and every double is one (where long double is no wider than
 * double, integers up to 2^53). */
typedef long double fv_bound;

typedef struct fv_range_args {
    size_t size;
    fv_bound start, end, step; /* fv_arange(end), (start, end) or (start, end, step) */
    fv_dtype dtype;            /* FV_UNSET_DTYPE: int64 if all three are whole, else float32 */
} fv_range_args;
#define FV_RANGE_DEFAULTS                                                                          \
    FV_DEFAULTS(fv_range_args, .start = (fv_bound)FV_UNSET_NUMBER,                                 \
                .end = (fv_bound)FV_UNSET_NUMBER, .step = 1, .dtype = FV_UNSET_DTYPE)
extern const fv_range_args fv_range_defaults;
/* start, start + step, ... below end: ceil((end - start) / step) elements, for an integer dtype
 * exactly. fv_arange(10) counts from 0.
 * Errors: step 0, a sign that never reaches end, a number that the dtype cannot hold.
 * Source: torch.arange; there a range is of whole numbers when all three are Python integers, here
 * when all three have no fraction. */
fv_tensor *fv_arange_ex(const fv_range_args *a);
#define fv_arange(...) FV_CALL(fv_arange_ex, fv_range_args, FV_RANGE_DEFAULTS, __VA_ARGS__)

typedef struct fv_linspace_args {
    size_t size;
    double start, end;
    int64_t steps;
    fv_dtype dtype;
} fv_linspace_args;
#define FV_LINSPACE_DEFAULTS FV_DEFAULTS(fv_linspace_args, .dtype = FV_FLOAT32)
extern const fv_linspace_args fv_linspace_defaults;
/* steps numbers from start to end, both included.  Source: torch.linspace. */
fv_tensor *fv_linspace_ex(const fv_linspace_args *a);
#define fv_linspace(...)                                                                           \
    FV_CALL(fv_linspace_ex, fv_linspace_args, FV_LINSPACE_DEFAULTS, __VA_ARGS__)

typedef struct fv_eye_args {
    size_t size;
    int64_t n, m; /* m: n */
    fv_dtype dtype;
} fv_eye_args;
#define FV_EYE_DEFAULTS FV_DEFAULTS(fv_eye_args, .m = FV_UNSET, .dtype = FV_FLOAT32)
extern const fv_eye_args fv_eye_defaults;
/* Ones on the diagonal.  Source: torch.eye. */
fv_tensor *fv_eye_ex(const fv_eye_args *a);
#define fv_eye(...) FV_CALL(fv_eye_ex, fv_eye_args, FV_EYE_DEFAULTS, __VA_ARGS__)

typedef struct fv_randint_args {
    size_t size;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape;
    int64_t low;    /* 0 */
    int64_t high;   /* must be given */
    fv_dtype dtype; /* int64 */
} fv_randint_args;
#define FV_RANDINT_DEFAULTS                                                                        \
    FV_DEFAULTS(fv_randint_args, FV_NO_SIZES, .high = FV_UNSET, .dtype = FV_INT64)
extern const fv_randint_args fv_randint_defaults;
/* Integers in [low, high): fv_randint(2, 3, .high = 10).
 * Errors: no high, low >= high, a range that the dtype cannot hold.
 * Source: torch.randint. */
fv_tensor *fv_randint_ex(const fv_randint_args *a);
#define fv_randint(...) FV_CALL(fv_randint_ex, fv_randint_args, FV_RANDINT_DEFAULTS, __VA_ARGS__)

/* A random permutation of 0 .. n-1, int64.  Source: torch.randperm. */
fv_tensor *fv_randperm(int64_t n);

/* 1 with probability p[i], else 0, of p's shape and dtype. Errors: p not floating, outside [0, 1].
 * Source: torch.bernoulli. */
fv_tensor *fv_bernoulli(fv_tensor *p);

typedef struct fv_from_args {
    size_t size;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape;
    const void *data;
    fv_dtype dtype; /* the one that the pointer's type names */
    bool requires_grad;
} fv_from_args;
#define FV_FROM_DEFAULTS FV_DEFAULTS(fv_from_args, FV_NO_SIZES, .dtype = FV_UNSET_DTYPE)
extern const fv_from_args fv_from_defaults;
/* A copy of numel elements in row-major order: fv_tensor_from(data, 2, 3), whose dtype follows from
 * the pointer's type; float16 and bfloat16, or a void pointer, need .dtype. A compound literal goes
 * in parentheses: fv_tensor_from(((float[]){1, 2}), 2).
 * Errors: NULL, shape, no dtype, memory.  Source: torch.tensor. */
fv_tensor *fv_tensor_from_ex(const fv_from_args *a);
#ifdef FV_HAVE_CALLS
#define fv_tensor_from(...)            FV_FROM_1_(__COUNTER__, __VA_ARGS__, .data = NULL)
#define FV_FROM_1_(number, data_, ...) FV_FROM_2_(number, data_, __VA_ARGS__)
#define FV_FROM_2_(number, data_, ...)                                                             \
    __extension__({                                                                                \
        __auto_type fv_from_##number = (data_);                                                    \
        FV_CALL(fv_tensor_from_ex, fv_from_args,                                                   \
                FV_DEFAULTS(fv_from_args, FV_NO_SIZES, .dtype = FV_DTYPE_AT_(fv_from_##number)),   \
                __VA_ARGS__, .data = fv_from_##number);                                            \
    })
#define FV_DTYPE_AT_(pointer)                                                                      \
    _Generic((pointer), float *: FV_FLOAT32, const float *: FV_FLOAT32, double *: FV_FLOAT64,      \
             const double *: FV_FLOAT64, int64_t *: FV_INT64, const int64_t *: FV_INT64,           \
             int32_t *: FV_INT32, const int32_t *: FV_INT32, int16_t *: FV_INT16,                  \
             const int16_t *: FV_INT16, int8_t *: FV_INT8, const int8_t *: FV_INT8,                \
             uint8_t *: FV_UINT8, const uint8_t *: FV_UINT8, bool *: FV_BOOL,                      \
             const bool *: FV_BOOL, default: FV_UNSET_DTYPE)
#endif

/* Row-major memory of the caller's, used in place, never copied; release(context) is called when
 * the last tensor on it is gone (release may be NULL). After an error the memory is still the
 * caller's.  Source: torch.from_blob. */
fv_tensor *fv_from_blob(void *data, fv_shape shape, fv_dtype dtype, void (*release)(void *context),
                        void *context);

/* Tensors of t's shape, dtype and memory order.  Source: torch.zeros_like and the like. */
fv_tensor *fv_empty_like(const fv_tensor *t);
fv_tensor *fv_zeros_like(const fv_tensor *t);
fv_tensor *fv_ones_like(const fv_tensor *t);
fv_tensor *fv_full_like(const fv_tensor *t, double value);
fv_tensor *fv_rand_like(const fv_tensor *t);
fv_tensor *fv_randn_like(const fv_tensor *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
