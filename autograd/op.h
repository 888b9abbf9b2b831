/* The op contract: one op, one place.
 *
 * An op is one constant fv_op: its name, shape rule, kernel, reference twin and gradient. The
 * library's own ops and a user's are made the same way:
 *
 *     static const fv_op square_op = {
 *         .name = "square", .inputs = 1, .outputs = 1,
 *         .infer = square_infer, .forward = square_forward,
 *         .gradient = square_gradient, .saves = {FV_IN(0)},
 *     };
 *     fv_tensor *square(fv_tensor *x) { return fv_apply(&square_op, NULL, 1, &x); }
 *
 * fv_apply runs a call in phases. Only the first two may refuse it, and nothing has been allocated
 * by then, so that a refused call leaves no trace but its message:
 *
 *   phase    reads                                        settles
 *   infer    shapes, dtypes, options; never elements,     shapes, dtypes and memory orders of the
 *            threads or level                             outputs, and their number
 *   check    elements of small inputs (labels, indices)   -
 *   (order)  .input[i].order                              a recorded copy of an input that lies in
 *                                                         another order, in a scope of the call
 *   plan     the call, with c->machine                    algorithm, blocking, kernel tables in
 *                                                         c->plan; scratch in c->scratch_bytes
 *   forward  the plan                                     the elements of c->out; neither allocates
 *                                                         nor fails
 *   (record) .saves                                       a tape node, when gradients are on and an
 *                                                         input wants one
 *
 * gradient runs in backward and is written with ops, which makes it differentiable in turn. It
 * reads no element and does not branch on any.
 *
 * A tensor may have a shape only (see fv_shapes_only in tensor.h). A call with such an input goes
 * through infer, plan and record, but not through check and forward: its outputs have shapes only,
 * and nothing outside the call changes.
 *
 * What needs all ops (tests, docs, benchmarks) walks the registry, which FV_REGISTER fills. */
#ifndef FOVEA_AUTOGRAD_OP_H
#define FOVEA_AUTOGRAD_OP_H

#include <stddef.h>

#include "../tensor/machine.h"
#include "../tensor/tensor.h"
#include "facts.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_op fv_op;

enum {
    FV_MAX_OUTPUTS = 4,      /* that an op with a fixed number has */
    FV_MAX_SAVED_INPUTS = 7, /* inputs that can be described and saved */
    FV_ANY = -1,
    FV_PLAN_BYTES = 1024,
};

/* What a gradient formula reads: bit sets for fv_op.saves and .also_saves. */
#define FV_IN(i)  (1u << (i))
#define FV_OUT(i) (1u << (16 + (i)))

/* An output, as infer describes it. */
typedef struct fv_output {
    fv_dtype dtype;
    fv_shape shape;
    int64_t strides[FV_MAX_DIMS]; /* set by the fv_output_* helpers below */
    int view_of;                  /* input whose storage it shares, or -1 */
    int over;                     /* input whose memory it may take, or -1: see fv_last_use */
    int64_t offset;               /* of a view, in elements from that input's data */
    bool constant;                /* never differentiable, e.g. indices or saved statistics */
} fv_output;

/* One call of an op, in all its phases. */
typedef struct fv_call {
    const fv_op *op;
    void *options; /* the op's own struct: what the user said. infer may wrap a dimension or fill a
                      default in it, nothing else */
    int inputs, outputs;
    fv_tensor *const *in; /* an omitted optional input is NULL. In gradient: only what was saved */
    fv_output *spec;      /* infer fills spec[0 .. outputs) */
    fv_tensor **out;      /* forward fills their elements. In gradient: what was saved */
    fv_machine machine;   /* threads and level for this call, settled by the core */
    void *plan; /* FV_PLAN_BYTES, 16-byte aligned, not cleared; no pointer into the call */
    size_t scratch_bytes; /* set by plan; forward gets as much in scratch (64-byte aligned) */
    void *scratch;
    struct fv_kept *kept;       /* an input as it is packed, where that is kept: see fv_keep */
    uint32_t writes;            /* set by infer: bit i when forward overwrites input i (a buffer) */
    bool inplace;               /* output 0 is input 0's memory */
    bool shapes_only;           /* an input has a shape only: no elements are read or written */
    const struct fv_node *node; /* in gradient: the tape node */
    bool frees_saved; /* in gradient: nobody runs it again, what was saved may be given up, too */
} fv_call;

typedef enum fv_option_kind {
    FV_OPTION_INT,    /* int64_t */
    FV_OPTION_DIMS,   /* fv_dims: a spatial option, or a set of dimensions */
    FV_OPTION_DIM,    /* int64_t, a dimension number */
    FV_OPTION_DOUBLE, /* double */
    FV_OPTION_BOOL,   /* bool */
    FV_OPTION_SHAPE,  /* fv_shape */
    FV_OPTION_DTYPE,  /* fv_dtype */
    FV_OPTION_ENUM,   /* int64_t, .first and the position in .values */
} fv_option_kind;

/* A field of the op's options under the user's name: for messages, tests, printing and export. */
typedef struct fv_option {
    const char *name;
    size_t offset;
    fv_option_kind kind;
    const char *const *values; /* of an enum: their names, in order, ends with NULL */
    int64_t first;             /* of an enum: the number of the first, see tensor/constants.h */
    uint32_t takes;            /* of numbers: which of FV_SAME and its like stand for one */
} fv_option;

/* For fv_option.takes. FV_UNSET is the op's own affair. */
enum {
    FV_TAKES_PADDING = 1, /* FV_SAME, FV_VALID, FV_FULL */
    FV_TAKES_ALL = 2,     /* FV_ALL */
};

/* A field that the user calls by its own name: FV_FIELD(fv_conv_options, stride, FV_OPTION_DIMS).
 */
#define FV_FIELD(struct_, field_, kind_)                                                           \
    {                                                                                              \
        .name = #field_, .offset = offsetof(struct_, field_), .kind = kind_                        \
    }

/* The same where FV_ALL, say, stands for numbers. */
#define FV_TAKING(struct_, field_, kind_, takes_)                                                  \
    {                                                                                              \
        .name = #field_, .offset = offsetof(struct_, field_), .kind = kind_, .takes = takes_       \
    }

/* The order in memory that an op's kernels read. */
typedef enum fv_order {
    FV_ORDER_ANY,
    FV_ORDER_ROW_MAJOR,
    FV_ORDER_CHANNELS_LAST, /* of 3 to 5 dims; row-major for other ranks */
} fv_order;

/* An input under the user's name. Inputs that the op writes, input 0 of an op in place, and weights
 * that a kernel packs anyway are FV_ORDER_ANY. */
typedef struct fv_input {
    const char *name;
    fv_order order;
    bool optional; /* may be NULL */
} fv_input;

struct fv_op {
    const char *name;                    /* as the user calls it, without fv_ */
    int inputs;                          /* count, or FV_ANY */
    int outputs;                         /* count, or FV_ANY: infer settles it by fv_set_outputs */
    fv_input input[FV_MAX_SAVED_INPUTS]; /* of an op with any number: the first says it for all */
    size_t options_size;
    const fv_option *option_fields; /* every field of the options; ends with name NULL */
    bool inplace; /* fv_apply_inplace may be used: no element is read after its place is written */
    bool any_dtype; /* moves or converts elements but computes nothing: takes the dtypes that are
                       only stored as well, which the core refuses for other ops (not for views) */

    /* Checks shapes, dtypes and options, fills c->spec. Returns FV_OK or the status of fv_reject.
     */
    fv_status (*infer)(fv_call *c);

    /* What only elements tell: labels, indices. May be NULL. */
    fv_status (*check)(fv_call *c);

    /* Fills c->plan and c->scratch_bytes. May be NULL. */
    void (*plan)(fv_call *c);

    /* The plan in a few words, as snprintf. May be NULL. */
    int (*describe)(const fv_call *c, char *text, size_t size);

    /* NULL for an op whose outputs are all views. */
    void (*forward)(fv_call *c);

    /* The same by plain loops, kept as the oracle of the tests; NULL only for views. */
    void (*reference)(fv_call *c);

    /* Writes gin[i] for every input i with fv_wants(c, i); may leave NULL, which counts as zero.
     * gout[j] is the gradient of output j, NULL when nothing depends on it (never NULL in an op of
     * one output). A result whose shape the input broadcasts to is summed down, one that broadcasts
     * to the input's is expanded, and both are cast to its dtype. Use FV_NO_GRADIENT for an op that
     * has none. */
    void (*gradient)(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);

    /* saves[i]: what the gradient of input i reads. Nothing else is kept alive by the tape. */
    uint32_t saves[FV_MAX_SAVED_INPUTS];

    /* What some gradient reads besides, where that depends on options. May be NULL. */
    uint32_t (*also_saves)(const fv_call *c);

    /* For inspection (facts.h), both of a call that infer has passed, from shapes and options
     * alone: c->in and c->out are there, c->plan is not. */

    /* How the positions of output j see dimension dim of input i; false where no window can say it.
     * NULL: it is not known of any. */
    bool (*window)(const fv_call *c, int i, int j, int dim, fv_window *w);

    /* NULL: none are counted. */
    fv_work (*multiply_adds)(const fv_call *c);

    /* Frees memory that options own; NULL for plain structs. Called when the call or its node ends,
     * exactly once per fv_apply. */
    void (*options_free)(void *options);
};

/* The gradient of an op that has none; calling backward through it cannot happen. */
void fv_no_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);
#define FV_NO_GRADIENT fv_no_gradient

/* Runs an op of one output (or the first of several). options is copied (op->options_size bytes).
 * Returns the result, owned by the innermost scope; the failed tensor after an error. */
fv_tensor *fv_apply(const fv_op *op, const void *options, int inputs, fv_tensor *const *in);

/* The same with all outputs of an op that has a fixed number; on an error each is the failed
 * tensor.
 */
fv_status fv_apply_all(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                       fv_tensor **out);

/* The same for any number of outputs, for which out has room. Returns their number; 0 after an
 * error, which too little room is. */
int fv_apply_many(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                  fv_tensor **out, int64_t room);

/* In place, for an op with .inplace: the result is written to in[0] itself, which must have the
 * result's shape and dtype. Refused for an expanded tensor, for one that shares some of its memory
 * with another input and, with gradients on, for a leaf that requires grad or a view of one, and
 * for an op without gradient where the write would have to be recorded. A recorded write to a view
 * or to what it is a view of changes the history of both. Returns in[0]; the failed tensor after an
 * error. */
fv_tensor *fv_apply_inplace(const fv_op *op, const void *options, int inputs, fv_tensor *const *in);

/* fv_apply with the inputs as arguments. */
#define FV_APPLY(op, options, ...)                                                                 \
    fv_apply((op), (options), FV_COUNT_(__VA_ARGS__), (fv_tensor *const[]){__VA_ARGS__})

/* --- for tests -------------------------------------------------------------------------------- */

/* While on, every op that this thread runs, in forward and in gradients, uses its reference twin.
 * Returns the setting before. */
bool fv_use_reference(bool on);

/* Called at the start of every fv_apply of this thread with the op's own copy of the options, which
 * it may change before infer sees them; NULL switches it off. */
typedef void (*fv_intercept_fn)(const fv_op *op, void *options, void *context);
void fv_set_intercept(fv_intercept_fn function, void *context);

/* --- for infer -------------------------------------------------------------------------------- */

/* Records "<op name>: <message>" and returns status. */
fv_status fv_reject(const fv_call *c, fv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "[2,3]", for messages. */
const char *fv_text(const fv_tensor *t);

/* The user's name of an input: "weight", "tensors 3". */
const char *fv_input_name(const fv_op *op, int input);

/* "stride=2, padding=same": the options of a call in words. As snprintf. */
int fv_options_text(const fv_op *op, const void *options, char *text, size_t size);

/* For infer of an op with any number of outputs: makes room in c->spec. */
fv_status fv_set_outputs(fv_call *c, int outputs);

/* Common checks; each records its own message, naming the argument. */
fv_status fv_need_floating(const fv_call *c, int input, const char *name);
fv_status fv_need_same_dtype(const fv_call *c, int a, const char *name_a, int b,
                             const char *name_b);
fv_status fv_need_ndim(const fv_call *c, int input, const char *name, int low, int high);
/* dim in [-ndim, ndim) is wrapped in place. */
fv_status fv_need_dim(const fv_call *c, int input, int64_t *dim);
/* One option for n dimensions: one number or FV_DIMS of n, each in [low, 2^31). */
fv_status fv_need_dims(const fv_call *c, const char *name, fv_dims option, int n, int64_t low,
                       int64_t *out);
/* An elements count that a tensor can have (product and bytes below 2^62). */
fv_status fv_need_size(const fv_call *c, const fv_shape *shape);

/* Describes output j. */
void fv_output_contiguous(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape);
void fv_output_channels_last(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape);
void fv_output_like(fv_call *c, int j, const fv_tensor *t); /* shape, dtype, memory order of t */
void fv_output_view(fv_call *c, int j, int input, const fv_shape *shape, const int64_t *strides,
                    int64_t offset);

/* --- for plan and forward: weights that are packed once --------------------------------------- */

/* plan: is input i used again in a layout, at the same version? The first use is only noted. The
 * layout's number may be a rough one, see tensor/kept.h. */
bool fv_reuses(const fv_call *c, int i, uint32_t layout);

/* plan, where fv_reuses says so: have `bytes` bytes of input i's packed elements kept. key is what
 * their order depends on, beside the input's shape and strides. False: nothing is kept, book
 * scratch to pack into. At most one input a call. */
bool fv_keep(fv_call *c, int i, const void *key, size_t key_bytes, size_t bytes);

/* forward: input i as fv_keep was told to keep it, by pack(c->plan, elements, packed) if this call
 * is the first; NULL where nothing is kept. */
const void *fv_packed(const fv_call *c, int i,
                      void (*pack)(const void *plan, const void *elements, void *packed));

/* --- for gradient ----------------------------------------------------------------------------- */

/* Does input i want a gradient? Also valid in infer and forward. */
bool fv_wants(const fv_call *c, int i);

/* Says that t, a gradient or what was made of one, is used for the last time by the op that gets it
 * next: a result for which infer or plan set .over, and the one of an op with .inplace, is then
 * written over it, if nothing is recorded and nobody else holds t. That op reads no element of t
 * after its place is written. Returns t; NULL stays NULL. */
fv_tensor *fv_last_use(fv_tensor *t);

/* What has come to input i from its other uses so far, NULL if nothing has. Whoever takes it gives
 * it back as a part of gin[i]: for an op that adds it at less than the cost of a pass. */
fv_tensor *fv_take_gradient(const fv_call *c, int i);

/* Shape, dtype and memory order (row-major or channels-last, whichever is nearer) of input i, known
 * also when the tensor was not saved. */
const fv_shape *fv_input_shape(const fv_call *c, int i);
fv_dtype fv_input_dtype(const fv_call *c, int i);
fv_order fv_input_order(const fv_call *c, int i);

/* --- the registry ----------------------------------------------------------------------------- */

typedef struct fv_op_entry {
    const fv_op *op;
    struct fv_op_entry *next;
} fv_op_entry;

/* At file scope, after the op: FV_REGISTER(conv2d_op). */
#define FV_REGISTER(op_)                                                                           \
    __attribute__((constructor)) static void fv_register_##op_(void)                               \
    {                                                                                              \
        static fv_op_entry entry = {&op_, NULL};                                                   \
        fv_register_op(&entry);                                                                    \
    }                                                                                              \
    typedef int fv_semicolon_##op_
void fv_register_op(fv_op_entry *entry);

/* The first entry, sorted by name; follow ->next. A static library brings in only the ops that a
 * program names; link it with --whole-archive to see all. */
const fv_op_entry *fv_ops(void);
const fv_op *fv_find_op(const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
