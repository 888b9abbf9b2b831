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
    char positional;
    fv_shape shape;
    fv_dtype dtype;     /* float32 */
    bool requires_grad; /* floating types only */
    bool channels_last; /* strides in channels-last order (3 to 5 dims) */
} fv_create_args;
#define FV_CREATE_DEFAULTS FV_DEFAULTS(.dtype = FV_FLOAT32)

/* fv_zeros(FV_SHAPE(2, 3), .dtype = FV_INT64). Errors: shape, memory, requires_grad on integers.
 * Source: torch.empty, zeros, ones, rand (uniform [0, 1)), randn (normal 0, 1). */
fv_tensor *fv_empty_ex(const fv_create_args *a);
fv_tensor *fv_zeros_ex(const fv_create_args *a);
fv_tensor *fv_ones_ex(const fv_create_args *a);
fv_tensor *fv_rand_ex(const fv_create_args *a);
fv_tensor *fv_randn_ex(const fv_create_args *a);
#define fv_empty(...) FV_CALL_ARGS(fv_empty_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_zeros(...) FV_CALL_ARGS(fv_zeros_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_ones(...)  FV_CALL_ARGS(fv_ones_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_rand(...)  FV_CALL_ARGS(fv_rand_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)
#define fv_randn(...) FV_CALL_ARGS(fv_randn_ex, fv_create_args, FV_CREATE_DEFAULTS, __VA_ARGS__)

typedef struct fv_full_args {
    char positional;
    fv_shape shape;
    double value;
    fv_dtype dtype;
    bool requires_grad;
} fv_full_args;
#define FV_FULL_DEFAULTS FV_DEFAULTS(.dtype = FV_FLOAT32)
/* All elements = value.  Source: torch.full. */
fv_tensor *fv_full_ex(const fv_full_args *a);
#define fv_full(...) FV_CALL_ARGS(fv_full_ex, fv_full_args, FV_FULL_DEFAULTS, __VA_ARGS__)

/* A 0-dim tensor.  Source: torch.tensor(value). */
fv_tensor *fv_scalar(double value, fv_dtype dtype);

typedef struct fv_range_args {
    char positional;
    double start, end, step; /* fv_arange: [start, end) in steps */
    fv_dtype dtype;
} fv_range_args;
#define FV_RANGE_DEFAULTS FV_DEFAULTS(.step = 1.0, .dtype = FV_FLOAT32)
/* start, start + step, ... below end: ceil((end - start) / step) elements.
 * Errors: step 0, a sign that never reaches end.  Source: torch.arange. */
fv_tensor *fv_arange_ex(const fv_range_args *a);
#define fv_arange(...) FV_CALL_ARGS(fv_arange_ex, fv_range_args, FV_RANGE_DEFAULTS, __VA_ARGS__)

typedef struct fv_linspace_args {
    char positional;
    double start, end;
    int64_t steps;
    fv_dtype dtype;
} fv_linspace_args;
#define FV_LINSPACE_DEFAULTS FV_DEFAULTS(.dtype = FV_FLOAT32)
/* steps numbers from start to end, both included.  Source: torch.linspace. */
fv_tensor *fv_linspace_ex(const fv_linspace_args *a);
#define fv_linspace(...)                                                                           \
    FV_CALL_ARGS(fv_linspace_ex, fv_linspace_args, FV_LINSPACE_DEFAULTS, __VA_ARGS__)

typedef struct fv_eye_args {
    char positional;
    int64_t n, m; /* m: n */
    fv_dtype dtype;
} fv_eye_args;
#define FV_EYE_DEFAULTS FV_DEFAULTS(.m = FV_UNSET, .dtype = FV_FLOAT32)
/* Ones on the diagonal.  Source: torch.eye. */
fv_tensor *fv_eye_ex(const fv_eye_args *a);
#define fv_eye(...) FV_CALL_ARGS(fv_eye_ex, fv_eye_args, FV_EYE_DEFAULTS, __VA_ARGS__)

typedef struct fv_randint_args {
    char positional;
    int64_t low, high;
    fv_shape shape;
    fv_dtype dtype;
} fv_randint_args;
#define FV_RANDINT_DEFAULTS FV_DEFAULTS(.dtype = FV_INT64)
/* Integers in [low, high). Errors: low >= high, a range that the dtype cannot hold.
 * Source: torch.randint. */
fv_tensor *fv_randint_ex(const fv_randint_args *a);
#define fv_randint(...)                                                                            \
    FV_CALL_ARGS(fv_randint_ex, fv_randint_args, FV_RANDINT_DEFAULTS, __VA_ARGS__)

/* A random permutation of 0 .. n-1, int64.  Source: torch.randperm. */
fv_tensor *fv_randperm(int64_t n);

/* 1 with probability p[i], else 0, of p's shape and dtype. Errors: p not floating, outside [0, 1].
 * Source: torch.bernoulli. */
fv_tensor *fv_bernoulli(fv_tensor *p);

/* A copy of numel elements of dtype in row-major order.  Source: torch.tensor. */
fv_tensor *fv_tensor_from(const void *data, fv_shape shape, fv_dtype dtype);

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
