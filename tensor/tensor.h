/* The tensor: a reference-counted handle on strided, shared storage.
 *
 *   handle ── shape, strides, dtype, data ──► storage ── 64-byte aligned block, version
 *      └── node, grad, hooks (autograd's)          ▲
 *   view ── base, a handle on the same storage ────┘
 *
 * Invariants: 0 <= ndim <= 8; numel = product of shape; every element lies inside the storage;
 * strides count elements and are >= 0. A failed tensor (see error.h) has no storage and 0 dims; a
 * dead one, whose scope closed or that was released, acts as one and is told when it is used.
 * Logical shapes are N, C, spatial; channels-last order is a matter of strides only. */
#ifndef FOVEA_TENSOR_TENSOR_H
#define FOVEA_TENSOR_TENSOR_H

#include "dtype.h"
#include "error.h"
#include "memory.h"
#include "scope.h"
#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_storage {
    int32_t refcount;
    uint32_t version;  /* grows with every write after creation; saved tensors are checked by it */
    uint32_t recorded; /* grows with every write in place that the tape records; for views */
    uint32_t exposed;  /* 1 + the version at which fv_data_* gave a pointer away; see kept.h */
    size_t bytes;      /* of lent memory; else the token of the block (memory.h) */
    void *data;
    void (*release)(void *context); /* of memory that the user lent; NULL for own blocks */
    void *context;
    struct fv_kept *kept; /* packed copies of the elements, and which layouts were used once */
    uint64_t noted;
} fv_storage;

struct fv_tensor {
    /* read-only; ordered so that a tensor of few dimensions lies in few cache lines */
    fv_dtype dtype;
    int ndim;
    int64_t numel;
    void *data;         /* the first element; NULL in an empty tensor is possible */
    bool requires_grad; /* a leaf that wants a gradient, or a result that depends on one */
    bool failed;        /* also of a dead tensor */
    bool shapes_only;   /* has no elements; data is NULL */
    /* private to autograd/ */
    bool retains_grad;
    bool users_order;   /* not row-major because the user wanted it, not the library */
    bool untracked : 1; /* a view taken with gradients off */
    bool last_use : 1;  /* see fv_last_use in autograd/op.h */
    /* private */
    uint8_t death;   /* how a dead tensor lost its last reference; 0 of any other */
    bool left_scope; /* a scope that owned it has closed */
    uint64_t
        references; /* all in the lower half; those of scopes and views once more in the upper */
    fv_storage *storage;
    /* private to autograd/ */
    struct fv_node *node; /* the op that made this tensor; NULL for a leaf */
    fv_tensor *base; /* of a view: the tensor, itself none, that it is a view of; owned. It holds
                        the storage for both */
    fv_tensor *grad;
    struct fv_hook *hooks;
    int32_t output_nr;
    uint32_t view_recorded; /* of a view: storage->recorded when its history was that of its base */
    /* read-only */
    int64_t shape[FV_MAX_DIMS];
    int64_t strides[FV_MAX_DIMS];
};

/* Borrowed tensors in a row: FV_TENSORS(a, b, c). */
typedef struct fv_tensor_list {
    fv_tensor *const *items;
    int64_t count;
} fv_tensor_list;
#define FV_TENSORS(...)                                                                            \
    ((fv_tensor_list){(fv_tensor *const[]){__VA_ARGS__},                                           \
                      (int64_t)(sizeof((fv_tensor *const[]){__VA_ARGS__}) / sizeof(fv_tensor *))})

/* Questions about NULL have the answers of a failed tensor: no dimension, no element, false. */

/* --- properties ----------------------------------------------------------------------------- */

/* True for NULL, for the failed tensor, and for a dead one, which is told (see fv_error). */
bool fv_failed(const fv_tensor *t);

/* The lengths of all dimensions, how many there are, and how many elements that makes.
 * Source: Tensor.shape, ndim, numel. */
fv_shape fv_shape_of(const fv_tensor *t);
int fv_ndim(const fv_tensor *t);
int64_t fv_numel(const fv_tensor *t);

/* The type of the elements.  Source: Tensor.dtype. */
fv_dtype fv_dtype_of(const fv_tensor *t);

/* Length of dimension dim, which may count from the end (-1). 0 for a failed tensor and -1 with an
 * error for a dim out of range.  Source: Tensor.size. */
int64_t fv_size(const fv_tensor *t, int64_t dim);

/* Row-major order without gaps; dimensions of length 1 do not matter.
 * Source: Tensor.is_contiguous. */
bool fv_is_contiguous(const fv_tensor *t);

/* Channels-last order without gaps: N, spatial, C for a tensor of 3 to 5 dims (N, C, spatial).
 * Source: Tensor.is_contiguous(memory_format=torch.channels_last). */
bool fv_is_channels_last(const fv_tensor *t);

/* No gaps and no overlap, in whatever order of dimensions. */
bool fv_is_dense(const fv_tensor *t);

/* --- shapes only ------------------------------------------------------------------------------ */

/* In this mode of the thread, creators (fv_zeros, fv_randn, layers, ...) make tensors that have a
 * shape but no elements, and an op with such an input gives only such. So a forward, a backward and
 * an optimizer's step tell shapes, plans and the peak of memory (fv_memory_stats, booked_*) without
 * computing anything; the random state, running statistics and versions stay as they are. Functions
 * that need elements (fv_item, fv_data_*, printing, ...) refuse such tensors.
 * Returns the mode before.  Source: torch.device('meta'). */
bool fv_set_shapes_only(bool on);
bool fv_shapes_only_enabled(void);
bool fv_is_shapes_only(const fv_tensor *t);

/* --- reading and writing elements ------------------------------------------------------------ */

/* The value of a tensor of one element as a double; NaN with an error for any other. An int64
 * beyond 2^53 is rounded: take fv_item_int64. Source: Tensor.item. */
double fv_item(const fv_tensor *t);

/* The value of an integer or bool tensor of one element, exactly; 0 with an error for any other. */
int64_t fv_item_int64(const fv_tensor *t);

/* The value at an index of ndim numbers, which may count from the end. NaN with an error when out
 * of range. */
double fv_at(const fv_tensor *t, const int64_t *index);

/* Pointers into contiguous (row-major) memory of that very dtype; NULL with an error for others:
 * take fv_contiguous, or copy with fv_copy_out. After writing through them call fv_bump_version:
 * autograd and packed weights (see fv_set_kept_weights_limit) are told by it. Between the two no
 * weights of that memory are kept. */
float *fv_data_float32(fv_tensor *t);
double *fv_data_float64(fv_tensor *t);
int64_t *fv_data_int64(fv_tensor *t);
int32_t *fv_data_int32(fv_tensor *t);
int16_t *fv_data_int16(fv_tensor *t);
int8_t *fv_data_int8(fv_tensor *t);
uint8_t *fv_data_uint8(fv_tensor *t);
bool *fv_data_bool(fv_tensor *t);
uint16_t *fv_data_float16(fv_tensor *t); /* their bits */
uint16_t *fv_data_bfloat16(fv_tensor *t);

/* Copies all elements, in logical row-major order whatever the strides, converting to dtype as
 * fv_to does; int64 to int64 is exact. out has room for numel elements. */
fv_status fv_copy_out(const fv_tensor *t, fv_dtype dtype, void *out);
/* The reverse: overwrites all elements of t from numel elements of dtype. */
fv_status fv_copy_in(fv_tensor *t, fv_dtype dtype, const void *in);

/* Tells that the elements were written to by other means than ops, and that the writing is over. */
void fv_bump_version(fv_tensor *t);
uint32_t fv_version(const fv_tensor *t);

/* --- for authors of ops ----------------------------------------------------------------------- */

/* For a function that is not an op. True for NULL and for the failed tensor, without a message; a
 * dead one is told: "<function>: the tensor [2,3] was used after its scope closed". */
bool fv_failed_in(const char *function, const fv_tensor *t);

/* The opposite without telling, for what is handed on to a function that will tell. */
static inline bool fv_usable(const fv_tensor *t)
{
    return t && !t->failed;
}

/* Of a dead tensor "[2,3] was used after its scope closed; ...", else "[2,3] has failed". */
const char *fv_failure_text(const fv_tensor *t);

/* How many hold the handle; 0 for NULL. */
static inline int64_t fv_reference_count(const fv_tensor *t)
{
    return t ? (int64_t)(__atomic_load_n(&t->references, __ATOMIC_RELAXED) & UINT32_MAX) : 0;
}

/* FV_OK, or an error "<function>: the tensor [2,3] has only a shape". */
fv_status fv_need_elements(const char *function, const fv_tensor *t);

/* The failed tensor: one immortal object. */
fv_tensor *fv_failed_tensor(void);

/* Row-major and channels-last strides of a shape. */
void fv_strides_contiguous(const fv_shape *shape, int64_t *strides);
void fv_strides_channels_last(const fv_shape *shape, int64_t *strides);
/* Strides for a new dense tensor of t's shape in the order of t's dimensions in memory. */
void fv_strides_like(const fv_tensor *t, int64_t *strides);

/* A new handle with reference count 1 that no scope owns; NULL when memory is out. strides NULL:
 * row-major. The elements are not set. */
fv_tensor *fv_tensor_alloc(fv_dtype dtype, const fv_shape *shape, const int64_t *strides);
/* The same with a shape only, if so asked. */
fv_tensor *fv_tensor_alloc_as(bool shapes_only, fv_dtype dtype, const fv_shape *shape,
                              const int64_t *strides);
/* The same on the storage of base, offset elements behind base->data. */
fv_tensor *fv_tensor_alias(const fv_tensor *base, const fv_shape *shape, const int64_t *strides,
                           int64_t offset);

/* The same as a view of base, or of what base is a view of. */
fv_tensor *fv_tensor_view(fv_tensor *base, const fv_shape *shape, const int64_t *strides,
                          int64_t offset);
/* A view becomes a tensor of its own on the same storage. */
void fv_tensor_leave_base(fv_tensor *view);

/* A handle on the stack that owns nothing, for kernels that read t in another shape. It is made
 * field by field: another thread may be counting references of t meanwhile. */
fv_tensor fv_tensor_borrow(const fv_tensor *t);

/* dst[i] = src[i] with conversion; equal shapes, any strides. src may be broadcast by stride 0. */
void fv_copy_elements(fv_tensor *dst, const fv_tensor *src);

/* Called once by autograd/: drops node, grad and hooks of a dying tensor. */
extern void (*fv_autograd_drop)(fv_tensor *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
