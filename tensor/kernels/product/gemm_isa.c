/* The register tiles of gemm_tile.h, once per instruction set and element type. */
#include "gemm_tile.h"

#include <string.h>

/* Rows come in groups so that a tile can span image rows: three base pointers and one stride
 * address all of them. Where one vector of columns is enough, two tiles are taken at once, so that
 * there are as many sums. */
enum { FV_GROUP = FV_MR / FV_TILE_GROUPS };
_Static_assert(FV_MR % FV_TILE_GROUPS == 0, "MR is in whole groups");
_Static_assert(FV_NR >= 2 && FV_MR * FV_NR + FV_NR + 1 <= FV_REGISTERS,
               "the sums, a row of B and an element of A fit into the registers");

#define FV_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define FV_UNROLL _Pragma("unroll")
#define FV_TWICE  _Pragma("unroll 2")
#else
#define FV_UNROLL _Pragma("GCC unroll 32")
#define FV_TWICE  _Pragma("GCC unroll 2")
#endif

#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define NAME(id) FV_ISA_CAT(id, _f32)
#include "gemm_tile_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef NAME

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define NAME(id) FV_ISA_CAT(id, _f64)
#include "gemm_tile_impl.h"

const fv_tile_kernels FV_ISA_NAME(fv_tile_kernels_) = {
    .group = FV_GROUP,
    .mr = FV_MR,
    .lanes = {LANES_f32, LANES_f64},
    .nr = {NR_f32, NR_f64},
    .kc = FV_KC,
    .mc = FV_TILE_BLOCK_M / FV_MR * FV_MR,
    .nc = {FV_TILE_BLOCK_N / NR_f32 * NR_f32, FV_TILE_BLOCK_N / NR_f64 *NR_f64},
    .rows = {rows_f32, rows_f64},
    .columns = {columns_f32, columns_f64},
    .planes = {planes_f32, planes_f64},
    .dots = {dots_f32, dots_f64},
    .sums = {sums_f32, sums_f64},
};
