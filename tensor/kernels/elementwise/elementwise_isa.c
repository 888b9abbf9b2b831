/* The floating-point rows of elementwise.inc, once per ISA level. The loops are plain C that the
 * compiler vectorises. */
#include "tensor/kernels/elementwise/elementwise_row_impl.h"

/* Logical ops read their inputs as bool: no float loop. */
#define LOOP_ARITH   FV_ELEMENTWISE_LOOP
#define LOOP_SIGNED  FV_ELEMENTWISE_LOOP
#define LOOP_WHOLE   FV_ELEMENTWISE_LOOP
#define LOOP_FLOAT   FV_ELEMENTWISE_LOOP
#define LOOP_REAL    FV_ELEMENTWISE_LOOP
#define LOOP_FIRST   FV_ELEMENTWISE_LOOP
#define LOOP_WHERE   FV_ELEMENTWISE_LOOP
#define LOOP_COMPARE FV_ELEMENTWISE_LOOP
#define LOOP_LOGICAL(...)

#define T                                  float
#define FV_SUFFIX                          f32
#define FV_ROW(name, inputs, class, value) LOOP_##class(name, inputs, class, value)
#include "tensor/kernels/elementwise/elementwise.inc"
#undef T
#undef FV_SUFFIX

#define T                                  double
#define FV_SUFFIX                          f64
#define FV_ROW(name, inputs, class, value) LOOP_##class(name, inputs, class, value)
#include "tensor/kernels/elementwise/elementwise.inc"
#undef T
#undef FV_SUFFIX

#define ENTRY_ARITH(name)   FV_LOOP_NAME(name)
#define ENTRY_SIGNED(name)  FV_LOOP_NAME(name)
#define ENTRY_WHOLE(name)   FV_LOOP_NAME(name)
#define ENTRY_FLOAT(name)   FV_LOOP_NAME(name)
#define ENTRY_REAL(name)    FV_LOOP_NAME(name)
#define ENTRY_FIRST(name)   FV_LOOP_NAME(name)
#define ENTRY_WHERE(name)   FV_LOOP_NAME(name)
#define ENTRY_COMPARE(name) FV_LOOP_NAME(name)
#define ENTRY_LOGICAL(name) 0

const fv_elementwise_float_rows FV_ISA_NAME(fv_elementwise_float_rows_) = {
    .f32 =
        {
#define FV_SUFFIX                          f32
#define FV_ROW(name, inputs, class, value) [FV_ELEMENTWISE_##name] = ENTRY_##class(name),
#include "tensor/kernels/elementwise/elementwise.inc"
#undef FV_SUFFIX
        },
    .f64 =
        {
#define FV_SUFFIX                          f64
#define FV_ROW(name, inputs, class, value) [FV_ELEMENTWISE_##name] = ENTRY_##class(name),
#include "tensor/kernels/elementwise/elementwise.inc"
#undef FV_SUFFIX
        },
};
