/* Private to the elementwise ops: what all rows share. */
#ifndef FOVEA_AUTOGRAD_OPS_ELEMENTWISE_ELEMENTWISE_IMPL_H
#define FOVEA_AUTOGRAD_OPS_ELEMENTWISE_ELEMENTWISE_IMPL_H

#include "autograd/op.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "tensor/kernels/elementwise/elementwise.h"

/* options of the rows that take numbers. */
typedef struct elementwise_numbers {
    double p, q;
    bool floating; /* p is a floating number, which makes floats of integers */
    int64_t whole; /* p exactly, unless it is floating */
} elementwise_numbers;

/* What the numbers of a row are. */
typedef enum elementwise_numbers_kind {
    ELEMENTWISE_NO_NUMBERS,
    ELEMENTWISE_OPERAND, /* p is an operand, with PyTorch's promotion */
    ELEMENTWISE_BOUNDS,  /* p and q are bounds, where infinities do not count */
    ELEMENTWISE_CAST,    /* bounds that are cast to the dtype and do not change it */
    ELEMENTWISE_OPTIONS, /* of a floating op, which check themselves */
} elementwise_numbers_kind;

/* The phases of every row; see fv_op. */
fv_status fv_elementwise_infer(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind);
void fv_elementwise_forward(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind);
void fv_elementwise_twin(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind);

/* y for an in-place op on x: cast when x's dtype is the smaller one of the same group. */
fv_tensor *fv_elementwise_other(const fv_tensor *x, fv_tensor *y);

#endif
