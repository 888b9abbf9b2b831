/* Views and copies of the memory order: other shapes and strides over the same elements.
 *
 * A view shares storage with its input and costs no copy; writing to one is seen in the other.
 * Gradients flow back through all of them, any number of times. Shapes are given as plain numbers,
 * fv_reshape(x, 2, -1), or as .shape = s. */
#ifndef FOVEA_AUTOGRAD_OPS_VIEW_VIEW_H
#define FOVEA_AUTOGRAD_OPS_VIEW_VIEW_H

#include "../../op.h"
#include "../../../tensor/args.h"
#include "../../../tensor/constants.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- shape ------------------------------------------------------------------------------------ */

typedef struct fv_view_args {
    size_t size;
    fv_tensor *input;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape; /* or .shape = s */
} fv_view_args;
#define FV_VIEW_DEFAULTS FV_DEFAULTS(fv_view_args, FV_NO_SIZES)
extern const fv_view_args fv_view_defaults;

/* The same elements, read in row-major order, in another shape; one dimension may be -1 and is
 * inferred. A view where strides allow it, else a copy (e.g. of a channels-last tensor).
 * Gradient: x (twice differentiable).   Errors: shape.
 * Source: torch.reshape. */
fv_tensor *fv_reshape_ex(const fv_view_args *a);
#define fv_reshape(...) FV_CALL(fv_reshape_ex, fv_view_args, FV_VIEW_DEFAULTS, __VA_ARGS__)

/* fv_reshape that refuses to copy, except where only the library's own memory order stands in the
 * way, as after a convolution: x would be row-major elsewhere, and writes to such a copy are not
 * seen in x.
 * Gradient: x (twice differentiable).   Errors: shape, strides that forbid a view.
 * Source: Tensor.view. */
fv_tensor *fv_view_ex(const fv_view_args *a);
#define fv_view(...) FV_CALL(fv_view_ex, fv_view_args, FV_VIEW_DEFAULTS, __VA_ARGS__)

typedef struct fv_flatten_args {
    size_t size;
    fv_tensor *input;
    int64_t start_dim; /* 0 */
    int64_t end_dim;   /* -1 */
} fv_flatten_args;
#define FV_FLATTEN_DEFAULTS FV_DEFAULTS(fv_flatten_args, .end_dim = -1)
extern const fv_flatten_args fv_flatten_defaults;

/* Makes one dimension of start_dim .. end_dim; a 0-dim tensor becomes [1]. As fv_reshape.
 * Gradient: x (twice differentiable).   Errors: dim, start_dim after end_dim.
 * Source: torch.flatten. */
fv_tensor *fv_flatten_ex(const fv_flatten_args *a);
#define fv_flatten(...) FV_CALL(fv_flatten_ex, fv_flatten_args, FV_FLATTEN_DEFAULTS, __VA_ARGS__)

typedef struct fv_unflatten_args {
    size_t size;
    fv_tensor *input;
    int64_t dim; /* must be given */
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape;
} fv_unflatten_args;
#define FV_UNFLATTEN_DEFAULTS FV_DEFAULTS(fv_unflatten_args, FV_NO_SIZES, .dim = FV_UNSET)
extern const fv_unflatten_args fv_unflatten_defaults;

/* Splits dimension dim into sizes, of which one may be -1: fv_unflatten(x, 1, 3, -1). A view.
 * Gradient: x (twice differentiable).   Errors: dim, shape.
 * Source: torch.unflatten. */
fv_tensor *fv_unflatten_ex(const fv_unflatten_args *a);
#define fv_unflatten(...)                                                                          \
    FV_CALL(fv_unflatten_ex, fv_unflatten_args, FV_UNFLATTEN_DEFAULTS, __VA_ARGS__)

/* Drops dimension dim if its length is 1, else leaves the shape; FV_ALL drops all such. A view.
 * Gradient: x (twice differentiable).   Errors: dim.
 * Source: torch.squeeze. */
fv_tensor *fv_squeeze(fv_tensor *x, int64_t dim);

/* Puts a dimension of length 1 in front of dimension dim, -ndim-1 <= dim <= ndim. A view.
 * Gradient: x (twice differentiable).   Errors: dim, more than 8 dimensions.
 * Source: torch.unsqueeze. */
fv_tensor *fv_unsqueeze(fv_tensor *x, int64_t dim);

/* Repeats dimensions of length 1, without a copy; new ones may come in front; -1 keeps a length.
 * Gradient: x (twice differentiable).   Errors: shape.
 * Source: Tensor.expand. */
fv_tensor *fv_expand_ex(const fv_view_args *a);
#define fv_expand(...) FV_CALL(fv_expand_ex, fv_view_args, FV_VIEW_DEFAULTS, __VA_ARGS__)

/* --- order of the dimensions ------------------------------------------------------------------ */

/* y's dimension i is x's dimension dims[i]: fv_permute(x, 0, 2, 1). A view.
 * Gradient: x (twice differentiable).   Errors: no permutation of the dimensions.
 * Source: torch.permute. */
fv_tensor *fv_permute_ex(const fv_view_args *a);
#define fv_permute(...) FV_CALL(fv_permute_ex, fv_view_args, FV_VIEW_DEFAULTS, __VA_ARGS__)

/* Exchanges two dimensions. A view.
 * Gradient: x (twice differentiable).   Errors: dim.
 * Source: torch.transpose. */
fv_tensor *fv_transpose(fv_tensor *x, int64_t dim0, int64_t dim1);

/* The transpose of a matrix; tensors of 0 or 1 dims as they are. A view.
 * Gradient: x (twice differentiable).   Errors: more than 2 dims.
 * Source: torch.t. */
fv_tensor *fv_t(fv_tensor *x);

/* Moves dimension source to the place destination; the others keep their order. A view.
 * Gradient: x (twice differentiable).   Errors: dim.
 * Source: torch.movedim. */
fv_tensor *fv_movedim(fv_tensor *x, int64_t source, int64_t destination);

/* --- parts ------------------------------------------------------------------------------------ */

/* x[start:stop:step] along dim, with Python's rules: negative bounds count from the end, bounds
 * outside are clamped (INT64_MAX: to the end). step >= 1. A view.
 * Gradient: x (twice differentiable).   Errors: dim, step.
 * Source: Python slices of torch.Tensor. */
fv_tensor *fv_slice(fv_tensor *x, int64_t dim, int64_t start, int64_t stop, int64_t step);

/* length elements of dim from start on (negative: from the end). A view.
 * Gradient: x (twice differentiable).   Errors: dim, a part outside of x.
 * Source: torch.narrow. */
fv_tensor *fv_narrow(fv_tensor *x, int64_t dim, int64_t start, int64_t length);

/* The part of dim at index (negative: from the end), without that dimension. A view.
 * Gradient: x (twice differentiable).   Errors: dim, index.
 * Source: torch.select. */
fv_tensor *fv_select(fv_tensor *x, int64_t dim, int64_t index);

/* --- with a shape, for authors of ops ----------------------------------------------------------
 */

/* fv_reshape, fv_expand and fv_permute with what they take as an fv_shape. */
fv_tensor *fv_reshape_to(fv_tensor *x, fv_shape shape);
fv_tensor *fv_expand_to(fv_tensor *x, fv_shape shape);
fv_tensor *fv_permute_to(fv_tensor *x, fv_shape dims);

/* Zeros of shape, except that slice start:stop:step of dim is g: the adjoint of fv_slice.
 * Gradient: g (twice differentiable).   Errors: dim, step, a g that is no such slice.
 * Source: torch.slice_scatter on zeros. */
fv_tensor *fv_slice_backward(fv_tensor *g, fv_shape shape, int64_t dim, int64_t start, int64_t stop,
                             int64_t step);

/* --- copies ----------------------------------------------------------------------------------- */

/* x in row-major order: x itself when it is so already, else a copy.
 * Gradient: x (twice differentiable).
 * Source: Tensor.contiguous. */
fv_tensor *fv_contiguous(fv_tensor *x);

/* x [N,C,spatial], 3 to 5 dims, in channels-last order: x itself when it is so already, else a
 * copy. The shape stays.
 * Gradient: x (twice differentiable).   Errors: rank.
 * Source: Tensor.contiguous(memory_format=torch.channels_last). */
fv_tensor *fv_to_channels_last(fv_tensor *x);

/* A copy, in x's order of memory without gaps.
 * Gradient: x (twice differentiable).
 * Source: torch.clone. */
fv_tensor *fv_clone(fv_tensor *x);

/* A copy with the order along dim reversed: a number, FV_DIMS(2, 3), or FV_ALL.
 * Gradient: x (twice differentiable).   Errors: dim, a dim named twice.
 * Source: torch.flip. */
fv_tensor *fv_flip(fv_tensor *x, fv_dims dim);

typedef enum fv_pad_mode {
    FV_PAD_CONSTANT = FV_PAD_MODE_FIRST, /* value */
    FV_PAD_REFLECT,                      /* c b | a b c | b a   needs pad < length */
    FV_PAD_REPLICATE,                    /* a a | a b c | c c */
    FV_PAD_CIRCULAR,                     /* b c | a b c | a b   needs pad <= length */
} fv_pad_mode;

typedef struct fv_pad_args {
    size_t size;
    fv_tensor *input;
    int64_t n0, n1, n2, n3, n4, n5, n6,
        n7; /* before and after the last dimension, then the one before it, and so on */
    const struct fv_too_many_sizes *end;
    fv_shape shape; /* the same as .shape = s */
    fv_pad_mode mode;
    double value; /* 0; of FV_PAD_CONSTANT alone */
} fv_pad_args;
#define FV_PAD_DEFAULTS                                                                            \
    FV_DEFAULTS(fv_pad_args, FV_NO_SIZES, .mode = FV_PAD_CONSTANT, .value = FV_UNSET_NUMBER)
extern const fv_pad_args fv_pad_defaults;

/* Longer dimensions: fv_pad(x, left, right, top, bottom, .value = 1). A negative number cuts off
 * instead; reflect and replicate still repeat what was there, circular wraps what is left.
 * Gradient: x (twice differentiable).   Errors: pad, mode, a value in another mode, a length
 * below 0.
 * Source: torch.nn.functional.pad; the other modes pad any dimensions here. */
fv_tensor *fv_pad_ex(const fv_pad_args *a);
#define fv_pad(...) FV_CALL(fv_pad_ex, fv_pad_args, FV_PAD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
