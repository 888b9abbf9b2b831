/* The rows of elementwise.inc that integers and bool take. They serve labels, indices, masks and
 * images, so one ISA level is enough. Bool computes as uint8. */
#include "tensor/kernels/elementwise/elementwise_row_impl.h"

FV_INTEGER_TYPES()

#define LOOP_ARITH   FV_ELEMENTWISE_LOOP
#define LOOP_SIGNED  FV_ELEMENTWISE_LOOP
#define LOOP_WHOLE   FV_ELEMENTWISE_LOOP
#define LOOP_FIRST   FV_ELEMENTWISE_LOOP
#define LOOP_WHERE   FV_ELEMENTWISE_LOOP
#define LOOP_COMPARE FV_ELEMENTWISE_LOOP
#define LOOP_FLOAT(...)
#define LOOP_REAL(...)

/* Logical ops compute in bool only. */
#define LOOP_LOGICAL                       FV_ELEMENTWISE_LOOP
#define T                                  uint8_t
#define FV_SUFFIX                          u8
#define FV_ROW(name, inputs, class, value) LOOP_##class(name, inputs, class, value)
#include "tensor/kernels/elementwise/elementwise.inc"
#undef T
#undef FV_SUFFIX

#undef LOOP_LOGICAL
#define LOOP_LOGICAL(...)
#define T                                  int32_t
#define FV_SUFFIX                          i32
#define FV_ROW(name, inputs, class, value) LOOP_##class(name, inputs, class, value)
#include "tensor/kernels/elementwise/elementwise.inc"
#undef T
#undef FV_SUFFIX

#define T                                  int64_t
#define FV_SUFFIX                          i64
#define FV_ROW(name, inputs, class, value) LOOP_##class(name, inputs, class, value)
#include "tensor/kernels/elementwise/elementwise.inc"
#undef T
#undef FV_SUFFIX

#define ENTRY_ARITH(name)   FV_LOOP_NAME(name)
#define ENTRY_SIGNED(name)  FV_LOOP_NAME(name)
#define ENTRY_WHOLE(name)   FV_LOOP_NAME(name)
#define ENTRY_FIRST(name)   FV_LOOP_NAME(name)
#define ENTRY_WHERE(name)   FV_LOOP_NAME(name)
#define ENTRY_COMPARE(name) FV_LOOP_NAME(name)
#define ENTRY_FLOAT(name)   0
#define ENTRY_REAL(name)    0

const fv_elementwise_integer_rows fv_elementwise_integers = {
    .u8 =
        {
#define ENTRY_LOGICAL(name)                FV_LOOP_NAME(name)
#define FV_SUFFIX                          u8
#define FV_ROW(name, inputs, class, value) [FV_ELEMENTWISE_##name] = ENTRY_##class(name),
#include "tensor/kernels/elementwise/elementwise.inc"
#undef FV_SUFFIX
#undef ENTRY_LOGICAL
        },
#define ENTRY_LOGICAL(name) 0
    .i32 =
        {
#define FV_SUFFIX                          i32
#define FV_ROW(name, inputs, class, value) [FV_ELEMENTWISE_##name] = ENTRY_##class(name),
#include "tensor/kernels/elementwise/elementwise.inc"
#undef FV_SUFFIX
        },
    .i64 =
        {
#define FV_SUFFIX                          i64
#define FV_ROW(name, inputs, class, value) [FV_ELEMENTWISE_##name] = ENTRY_##class(name),
#include "tensor/kernels/elementwise/elementwise.inc"
#undef FV_SUFFIX
        },
};
