/* The depthwise loops of conv_isa.h, once per instruction set and element type. */
#include "conv_isa.h"

#include <string.h>

#define FV_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define FV_UNROLL _Pragma("unroll")
#else
#define FV_UNROLL _Pragma("GCC unroll 32")
#endif

enum { FV_POSITIONS = 8 }; /* of a row that are worked on at a time */

#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define NAME(id) FV_ISA_CAT(id, _f32)
#include "conv_isa_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef NAME

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define NAME(id) FV_ISA_CAT(id, _f64)
#include "conv_isa_impl.h"

#define ROW_F32(taps, step) row_##taps##s##step##_f32,
#define ROW_F64(taps, step) row_##taps##s##step##_f64,
#define SUM_F32(taps, step) sum_##taps##s##step##_f32,
#define SUM_F64(taps, step) sum_##taps##s##step##_f64,

const fv_conv_kernels FV_ISA_NAME(fv_conv_kernels_) = {
    .lanes = {FV_VBYTES / 4, FV_VBYTES / 8},
    .depthwise = {depthwise_f32, depthwise_f64},
    .depthwise_shape = {{FV_DEPTHWISE_SHAPES(ROW_F32)}, {FV_DEPTHWISE_SHAPES(ROW_F64)}},
    .depthwise_sum = {depthwise_sum_f32, depthwise_sum_f64},
    .depthwise_sum_shape = {{FV_DEPTHWISE_SHAPES(SUM_F32)}, {FV_DEPTHWISE_SHAPES(SUM_F64)}},
};
