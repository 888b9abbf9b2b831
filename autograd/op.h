/* The op contract: one op, one place.
 *
 * An op is one constant fv_op: its name, shape rule, kernel, reference twin, gradient and test
 * cases. The library's own ops and a user's are made the same way:
 *
 *     static const fv_op square_op = {
 *         .name = "square", .inputs = 1, .outputs = 1,
 *         .infer = square_infer, .forward = square_forward,
 *         .gradient = square_gradient, .saves = {FV_IN(0)},
 *     };
 *     fv_tensor *square(fv_tensor *x) { return fv_apply(&square_op, NULL, 1, &x); }
 *
 * fv_apply runs three phases:
 *   infer     checks everything and describes the outputs. The only phase that may fail; it runs
 *             before any allocation, so that a refused call leaves no trace.
 *   forward   computes into c->out, with c->scratch if infer asked for some. It neither allocates
 *             nor fails. It meets every memory order that infer let through.
 *   record    when gradients are on and an input wants one, keeps what the gradient needs (.saves)
 *             in a tape node.
 * gradient runs in backward and is written with ops, which makes it differentiable in turn.
 *
 * What needs all ops (tests, docs, benchmarks) walks the registry, which FV_REGISTER fills. */
#ifndef FOVEA_AUTOGRAD_OP_H
#define FOVEA_AUTOGRAD_OP_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fv_op fv_op;

enum { FV_MAX_OUTPUTS = 4, FV_MAX_SAVED_INPUTS = 6, FV_ANY = -1 };

/* What a gradient formula reads: bit sets for fv_op.saves. */
#define FV_IN(i)  (1u << (i))
#define FV_OUT(i) (1u << (16 + (i)))

/* An output, as infer describes it. */
typedef struct fv_output {
    fv_dtype dtype;
    fv_shape shape;
    int64_t strides[FV_MAX_DIMS]; /* set by the fv_output_* helpers below */
    int view_of;                  /* input whose storage it shares, or -1 */
    int64_t offset;               /* of a view, in elements from that input's data */
    bool constant;                /* never differentiable, e.g. indices or saved statistics */
} fv_output;

/* One call of an op, in all its phases. */
typedef struct fv_call {
    const fv_op *op;
    void *options; /* the op's own struct; infer may normalise it, later phases read it */
    int inputs;
    fv_tensor *const *in; /* an omitted optional input is NULL. In gradient: only what was saved */
    int outputs;
    fv_output spec[FV_MAX_OUTPUTS]; /* infer fills spec[0 .. outputs) */
    fv_tensor *out[FV_MAX_OUTPUTS]; /* forward fills their elements. In gradient: what was saved */
    fv_machine machine;             /* threads and level for this call, settled by the core */
    size_t scratch_bytes;           /* set by infer, given to forward in scratch (64-aligned) */
    void *scratch;
    uint32_t writes;            /* set by infer: bit i when forward overwrites input i (a buffer) */
    bool inplace;               /* output 0 is input 0's memory; elementwise ops only */
    const struct fv_node *node; /* in gradient: the tape node */
} fv_call;

typedef enum fv_option_kind {
    FV_OPTION_INT,
    FV_OPTION_DIMS,
    FV_OPTION_DIM,
    FV_OPTION_DOUBLE,
    FV_OPTION_BOOL
} fv_option_kind;

/* A field of the op's options, for the tests' bad-argument matrix and for printing. FV_OPTION_INT:
 * an int64_t; FV_OPTION_DIMS: an fv_dims spatial option; FV_OPTION_DIM: a dimension number
 * (int64_t). */
typedef struct fv_option {
    const char *name;
    size_t offset;
    fv_option_kind kind;
} fv_option;

/* What values a test input takes. */
typedef enum fv_case_fill {
    FV_FILL_NORMAL = 0, /* normal numbers, kept 0.05 away from 0 (kinks) */
    FV_FILL_POSITIVE,   /* [0.5, 2) */
    FV_FILL_UNIT,       /* (0.05, 0.95) */
    FV_FILL_DISTINCT,   /* a permutation of well separated numbers (max and pooling) */
    FV_FILL_INDEX,      /* int64 in [0, limit) */
    FV_FILL_MASK,       /* bool */
} fv_case_fill;

typedef struct fv_case_input {
    fv_shape shape;
    fv_case_fill fill;
    int64_t limit; /* of FV_FILL_INDEX */
    bool absent;   /* pass NULL */
    bool constant; /* asks for no gradient (buffers, targets) */
} fv_case_input;

/* A test case: generic tests make the inputs, run the op on every layout, check gradients, compare
 * with the reference twin and with the stored values of the PyTorch expression. */
typedef struct fv_case {
    const char *name; /* a few words, unique in its op; NULL ends the list */
    int inputs;
    fv_case_input in[FV_MAX_SAVED_INPUTS];
    const void *options; /* an options struct as the front function would make it */
    const char *torch;   /* Python expression of x0, x1, ... with torch and F, e.g.
                            "F.conv2d(x0, x1, stride=2)"; a tuple for several outputs; NULL when
                            PyTorch has no such op */
    double tolerance;    /* relative, in float32; 0: 1e-4 */
    bool no_grad_check;  /* with the reason in a comment */
} fv_case;

struct fv_op {
    const char *name;  /* as the user calls it, without fv_ */
    int inputs;        /* count, or FV_ANY */
    uint32_t optional; /* FV_IN bits of inputs that may be NULL */
    int outputs;
    size_t options_size;

    /* Checks c->in and c->options, fills c->spec. Returns FV_OK or the status of fv_reject. */
    fv_status (*infer)(fv_call *c);

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

    /* Frees memory that options own; NULL for plain structs. Called when the call or its node ends,
     * exactly once per fv_apply. */
    void (*options_free)(void *options);

    const fv_option *option_fields; /* ends with name NULL */
    const fv_case *cases;           /* ends with name NULL */
};

/* The gradient of an op that has none; calling backward through it cannot happen. */
void fv_no_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin);
#define FV_NO_GRADIENT fv_no_gradient

/* Runs an op of one output (or the first of several). options is copied (op->options_size bytes).
 * Returns the result, owned by the innermost scope; the failed tensor after an error. */
fv_tensor *fv_apply(const fv_op *op, const void *options, int inputs, fv_tensor *const *in);

/* The same with all outputs; on an error each is the failed tensor. */
fv_status fv_apply_all(const fv_op *op, const void *options, int inputs, fv_tensor *const *in,
                       fv_tensor **out);

/* In place: the result is written to in[0] itself, which must have the result's shape and dtype.
 * Refused for an expanded tensor and, with gradients on, for a leaf that requires grad, and for a
 * view or an op without gradient where the write would have to be recorded. After a recorded write
 * views taken before it are refused as inputs. Returns in[0]; the failed tensor after an error. */
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
void fv_set_intercept(fv_intercept_fn intercept, void *context);

/* --- for infer -------------------------------------------------------------------------------- */

/* Records "<op name>: <message>" and returns status. */
fv_status fv_reject(const fv_call *c, fv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "[2,3]", for messages. */
const char *fv_text(const fv_tensor *t);

/* Common checks; each records its own message, naming the argument. */
fv_status fv_need_floating(const fv_call *c, int input, const char *name);
fv_status fv_need_same_dtype(const fv_call *c, int a, const char *name_a, int b,
                             const char *name_b);
fv_status fv_need_ndim(const fv_call *c, int input, const char *name, int low, int high);
/* dim in [-ndim, ndim) is wrapped in place. */
fv_status fv_need_dim(const fv_call *c, int input, int64_t *dim);
/* An elements count that a tensor can have (product and bytes below 2^62). */
fv_status fv_need_size(const fv_call *c, const fv_shape *shape);

/* Describes output j. */
void fv_output_contiguous(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape);
void fv_output_channels_last(fv_call *c, int j, fv_dtype dtype, const fv_shape *shape);
void fv_output_like(fv_call *c, int j, const fv_tensor *t); /* shape, dtype, memory order of t */
void fv_output_view(fv_call *c, int j, int input, const fv_shape *shape, const int64_t *strides,
                    int64_t offset);

/* --- for gradient ----------------------------------------------------------------------------- */

/* Does input i want a gradient? Also valid in infer and forward. */
bool fv_wants(const fv_call *c, int i);

/* Shape and dtype of input i, known also when the tensor was not saved. */
const fv_shape *fv_input_shape(const fv_call *c, int i);
fv_dtype fv_input_dtype(const fv_call *c, int i);

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

#ifdef __cplusplus
}
#endif
#endif
