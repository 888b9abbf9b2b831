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

/* Vectors of 16, 8 and fewer lanes: the channels of each group replaced by the one at c. Groups as
 * long as a vector or longer are not asked for. */
#define FOUR(i)  (i), (i), (i), (i)
#define EIGHT(i) FOUR(i), FOUR(i)
#define SPREAD4_16(v, c)                                                                           \
    __builtin_shufflevector(v, v, FOUR(c), FOUR(c + 4), FOUR(c + 8), FOUR(c + 12))
#define SPREAD8_16(v, c) __builtin_shufflevector(v, v, EIGHT(c), EIGHT(c + 8))
#define SPREAD4_8(v, c)  __builtin_shufflevector(v, v, FOUR(c), FOUR(c + 4))

#if FV_VBYTES == 64
#define SPREAD4 SPREAD4_16
#define SPREAD8 SPREAD8_16
#elif FV_VBYTES == 32
#define SPREAD4       SPREAD4_8
#define SPREAD8(v, c) (v)
#else
#define SPREAD4(v, c) (v)
#define SPREAD8(v, c) (v)
#endif

#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define NAME(id) FV_ISA_CAT(id, _f32)
#include "conv_isa_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef NAME

#undef SPREAD4
#undef SPREAD8
#if FV_VBYTES == 64
#define SPREAD4 SPREAD4_8
#else
#define SPREAD4(v, c) (v)
#endif
#define SPREAD8(v, c) (v)

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define NAME(id) FV_ISA_CAT(id, _f64)
#include "conv_isa_impl.h"

#define ROW_F32(taps, step)   row_##taps##s##step##g1_f32,
#define ROW_F64(taps, step)   row_##taps##s##step##g1_f64,
#define SUM_F32(taps, step)   sum_##taps##s##step##g1_f32,
#define SUM_F64(taps, step)   sum_##taps##s##step##g1_f64,
#define ROW_F32_4(taps, step) row_##taps##s##step##g4_f32,
#define ROW_F64_4(taps, step) row_##taps##s##step##g4_f64,
#define SUM_F32_4(taps, step) sum_##taps##s##step##g4_f32,
#define SUM_F64_4(taps, step) sum_##taps##s##step##g4_f64,
#define ROW_F32_8(taps, step) row_##taps##s##step##g8_f32,
#define ROW_F64_8(taps, step) row_##taps##s##step##g8_f64,
#define SUM_F32_8(taps, step) sum_##taps##s##step##g8_f32,
#define SUM_F64_8(taps, step) sum_##taps##s##step##g8_f64,

/* clang-format off */
#define GROUPS(list) \
    {FV_GROUPED_SHAPES(list) FV_UNGROUPED_SHAPES(list)}, {FV_GROUPED_SHAPES(list##_4)}, \
    {FV_GROUPED_SHAPES(list##_8)}
/* clang-format on */

const fv_conv_kernels FV_ISA_NAME(fv_conv_kernels_) = {
    .lanes = {FV_VBYTES / 4, FV_VBYTES / 8},
    .depthwise = {depthwise_f32, depthwise_f64},
    .depthwise_shape = {{GROUPS(ROW_F32)}, {GROUPS(ROW_F64)}},
    .depthwise_sum = {depthwise_sum_f32, depthwise_sum_f64},
    .depthwise_sum_shape = {{GROUPS(SUM_F32)}, {GROUPS(SUM_F64)}},
};
