/* The loops of conv_few_isa.h, once per instruction set and element type. */
#include "conv_few_isa.h"

#include <string.h>

#define FV_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define FV_UNROLL _Pragma("unroll")
#else
#define FV_UNROLL _Pragma("GCC unroll 32")
#endif

/* Positions of a tile: their sums for all columns take three quarters of the registers. */
#define FV_FEW_SUMS (FV_REGISTERS * 3 / 4)

/* Even and odd lanes of two vectors of n lanes. */
#define EVEN2  0, 2
#define ODD2   1, 3
#define EVEN4  0, 2, 4, 6
#define ODD4   1, 3, 5, 7
#define EVEN8  EVEN4, 8, 10, 12, 14
#define ODD8   ODD4, 9, 11, 13, 15
#define EVEN16 EVEN8, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD16  ODD8, 17, 19, 21, 23, 25, 27, 29, 31

#if FV_VBYTES == 64
#define EVEN_F32 EVEN16
#define ODD_F32  ODD16
#define EVEN_F64 EVEN8
#define ODD_F64  ODD8
#elif FV_VBYTES == 32
#define EVEN_F32 EVEN8
#define ODD_F32  ODD8
#define EVEN_F64 EVEN4
#define ODD_F64  ODD4
#else
#define EVEN_F32 EVEN4
#define ODD_F32  ODD4
#define EVEN_F64 EVEN2
#define ODD_F64  ODD2
#endif

#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define EVEN     EVEN_F32
#define ODD      ODD_F32
#define NAME(id) FV_ISA_CAT(id, _f32)
#include "conv_few_isa_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef EVEN
#undef ODD
#undef NAME

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define EVEN     EVEN_F64
#define ODD      ODD_F64
#define NAME(id) FV_ISA_CAT(id, _f64)
#include "conv_few_isa_impl.h"

const fv_few_kernels FV_ISA_NAME(fv_few_kernels_) = {
    .lanes = {LANES_f32, LANES_f64},
    .row = {{row_1_f32, row_2_f32, row_3_f32, row_4_f32, row_5_f32, row_6_f32, row_7_f32,
             row_8_f32},
            {row_1_f64, row_2_f64, row_3_f64, row_4_f64, row_5_f64, row_6_f64, row_7_f64,
             row_8_f64}},
};
