/* Reductions over any set of dimensions of a tensor with any strides.
 *
 * Kept and reduced dimensions are merged on their own (nest.h); the innermost pair makes the core:
 *   row     the reduced dimension is the dense one: a row becomes one number
 *   column  a kept dimension is the dense one (channels-last bias gradients): rows are added up
 *   batch   rows too short for vectors: many are transposed, and are columns then
 * float32 and float64 accumulate in blocks of machine vectors whose results meet in double; the
 * integers accumulate in int64 and wrap around. Work is cut into tasks by the shape alone, and few
 * large results into splits, whose sums are added in order; so results do not depend on the number
 * of threads. */
#ifndef FOVEA_TENSOR_KERNELS_REDUCE_REDUCE_H
#define FOVEA_TENSOR_KERNELS_REDUCE_REDUCE_H

#include "tensor/kernels/nest.h"
#include "tensor/machine.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

typedef enum fv_reduce_kind {
    FV_REDUCE_SUM,
    FV_REDUCE_PROD,
    FV_REDUCE_MAX, /* NaN wins */
    FV_REDUCE_MIN,
    FV_REDUCE_SQDEV,  /* sum of (x - shift)^2; floating types only */
    FV_REDUCE_SUMEXP, /* sum of exp(x - shift); floating types only */
    FV_REDUCE_COUNT,  /* number of x other than 0; floating types only, as those below */
    FV_REDUCE_SUMABS,
    FV_REDUCE_MAXABS, /* NaN wins; 0 over nothing */
    FV_REDUCE_MINABS,
    FV_REDUCE_SUMPOW, /* sum of |x|^exponent */
} fv_reduce_kind;
enum { FV_REDUCE_KINDS = 11 };

/* log adds shift; root takes v^(1 / exponent). */
typedef enum fv_reduce_post {
    FV_POST_NONE,
    FV_POST_SQRT,
    FV_POST_LOG,
    FV_POST_ROOT
} fv_reduce_post;

/* d for floating inputs, i for the others. */
typedef union fv_acc {
    double d;
    int64_t i;
} fv_acc;

/* How the driver walks through an input: from its shape and strides alone. */
typedef struct fv_reduce_plan {
    fv_nest kept, red; /* the loops around the core; operand 0 is in, operand 1 is out */
    bool column, batch;
    int64_t cols, col_stride, cols_out_stride; /* column core; of a batch: its rows */
    int64_t core, core_stride;    /* length and stride of the core's reduced dimension */
    int64_t tile, tiles;          /* columns of a task; column tiles of a kept index */
    int64_t piece, pieces, units; /* core cut into pieces; units = pieces * red.count */
    int64_t splits;               /* tasks of one result */
    int64_t results, length;      /* their number; elements of each */
    int64_t tasks;
    uint32_t mask; /* bit d: dimension d of the input is reduced */
    bool shifts;   /* one number per result is kept from a first pass for a second */
} fv_reduce_plan;

void fv_reduce_make_plan(fv_reduce_plan *plan, const fv_tensor *in, uint32_t mask, bool shifts);

/* "columns of 5000, 18 splits", as snprintf. */
int fv_reduce_describe(const fv_reduce_plan *plan, char *text, size_t size);

typedef struct fv_reduce_scratch {
    fv_acc *partial; /* one per split and result; NULL when there are no splits */
    double *shift;   /* NULL when the plan has no shifts */
} fv_reduce_scratch;

fv_reduce_scratch fv_reduce_layout(const fv_reduce_plan *plan, fv_scratch *scratch);

typedef struct fv_reduce_job {
    const fv_reduce_plan *plan; /* of in; the reference reads its mask only */
    const fv_tensor *in;
    fv_reduce_kind kind;
    fv_acc init;         /* the result over nothing */
    const double *shift; /* one per result in the driver's order, as raw has it; NULL: 0 */
    fv_tensor *out;      /* contiguous: in's shape with reduced dims of 1 or left out */
    double *raw;         /* written instead of out: one number per result (floating in) */
    double scale;        /* result = post(acc * scale), of floating in; 0 is for 1 */
    fv_reduce_post post;
    double exponent; /* of sumpow and root */
    fv_reduce_scratch scratch;
} fv_reduce_job;

/* fv_acc for max, min (identity of the type) and the others. */
fv_acc fv_reduce_identity(fv_reduce_kind kind, fv_dtype dtype);

void fv_reduce_run(fv_machine m, const fv_reduce_job *job);

/* The plain-loop twin. Results of raw stand in another order: use it with reference only. */
void fv_reduce_reference(fv_machine m, const fv_reduce_job *job);

#endif
