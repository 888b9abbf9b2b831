/* The depthwise loops of conv_isa.h, once per instruction set and element type. */
#include "conv_isa.h"

#include <string.h>

#define FV_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define FV_UNROLL _Pragma("unroll")
#define FV_ROLLED _Pragma("nounroll")
#else
#define FV_UNROLL _Pragma("GCC unroll 32")
#define FV_ROLLED _Pragma("GCC unroll 1")
#endif

enum { FV_POSITIONS = 8 }; /* of a row that are worked on at a time */

/* The channels of each group of a vector replaced by the one at c. */
#define FOUR(i)  (i), (i), (i), (i)
#define EIGHT(i) FOUR(i), FOUR(i)
#define SPREAD4_16(v, c)                                                                           \
    __builtin_shufflevector(v, v, FOUR(c), FOUR(c + 4), FOUR(c + 8), FOUR(c + 12))
#define SPREAD8_16(v, c) __builtin_shufflevector(v, v, EIGHT(c), EIGHT(c + 8))
#define SPREAD4_8(v, c)  __builtin_shufflevector(v, v, FOUR(c), FOUR(c + 4))

/* WIDTH: lanes. */
#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define WIDTH    (FV_VBYTES / 4)
#define NAME(id) FV_ISA_CAT(id, _f32)
#include "conv_isa_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef WIDTH
#undef NAME

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define WIDTH    (FV_VBYTES / 8)
#define NAME(id) FV_ISA_CAT(id, _f64)
#include "conv_isa_impl.h"

const fv_conv_kernels FV_ISA_NAME(fv_conv_kernels_) = {
    .lanes = {FV_VBYTES / 4, FV_VBYTES / 8},
    .depthwise = {depthwise_f32, depthwise_f64},
    .depthwise_sum = {depthwise_sum_f32, depthwise_sum_f64},
    .shapes = {&shapes_f32, &shapes_f64},
};
