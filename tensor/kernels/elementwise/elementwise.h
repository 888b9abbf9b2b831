/* Elementwise kernels: every row of elementwise.inc on tensors of any strides.
 *
 * The kernels take operands of the output's shape (broadcast ones with stride 0), convert elements
 * on the way in and out, and walk memory in the output's order. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which dtypes an op takes, computes in and gives; "common" is the promoted dtype of its inputs. */
typedef enum fv_elementwise_class {
    FV_CLASS_ARITH,   /* common */
    FV_CLASS_SIGNED,  /* common; no input may be bool */
    FV_CLASS_WHOLE,   /* common; int64 for bool */
    FV_CLASS_FLOAT,   /* common if floating, else float32 */
    FV_CLASS_REAL,    /* common, which must be floating */
    FV_CLASS_FIRST,   /* the dtype and shape of the first input */
    FV_CLASS_WHERE,   /* common of the second and third input; the first is a bool condition */
    FV_CLASS_COMPARE, /* computes in the common dtype, gives bool */
    FV_CLASS_LOGICAL, /* not zero or zero of each input; gives bool */
} fv_elementwise_class;

typedef enum fv_elementwise {
#define FV_ROW(name, inputs, class, value) FV_ELEMENTWISE_##name,
#include "tensor/kernels/elementwise/elementwise.inc"
    FV_ELEMENTWISE_COUNT
} fv_elementwise;

/* The class of an op, from its row. */
fv_elementwise_class fv_elementwise_class_of(fv_elementwise op);

enum { FV_ELEMENTWISE_INPUTS = 3 };

/* out[i] = op(in[0][i], ...) with numbers p and q, computed in dtype compute. Input shapes
 * broadcast to out's, inputs and out may have any strides; in[0] may be out itself, other overlap
 * is not allowed. Neither allocates nor fails. Results do not depend on the number of threads. */
void fv_elementwise_run(fv_machine m, fv_elementwise op, fv_dtype compute, fv_tensor *out,
                        int inputs, fv_tensor *const *in, double p, double q);

/* The same by plain loops in double arithmetic: the oracle of the tests (integers are exact below
 * 2^53). */
void fv_elementwise_reference(fv_elementwise op, fv_dtype compute, fv_tensor *out, int inputs,
                              fv_tensor *const *in, double p, double q);

/* dst += src: equal shapes, any strides, one dtype. */
void fv_elementwise_accumulate(fv_machine m, fv_tensor *dst, const fv_tensor *src);

/* --- private to the family -------------------------------------------------------------------- */

/* o[i] = op(a[i], b[i], c[i]) on rows without gaps; o may be one of them. */
typedef void (*fv_elementwise_row)(void *o, const void *a, const void *b, const void *c, int64_t n,
                                   double p, double q);

/* Indexed by op. NULL where a class excludes the type. */
typedef struct fv_elementwise_float_rows {
    fv_elementwise_row f32[FV_ELEMENTWISE_COUNT], f64[FV_ELEMENTWISE_COUNT];
} fv_elementwise_float_rows;
FV_ISA_DECLARE(fv_elementwise_float_rows, fv_elementwise_float_rows_);

typedef struct fv_elementwise_integer_rows {
    fv_elementwise_row u8[FV_ELEMENTWISE_COUNT], i32[FV_ELEMENTWISE_COUNT],
        i64[FV_ELEMENTWISE_COUNT];
} fv_elementwise_integer_rows;
extern const fv_elementwise_integer_rows fv_elementwise_integers;

#ifdef __cplusplus
}
#endif
#endif
