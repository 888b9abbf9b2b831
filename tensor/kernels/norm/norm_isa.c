/* Batch normalisation's inner loops, once per instruction set and element type. */
#include <stdint.h>
#include <string.h>

#include "tensor/kernels/norm/norm.h"

#define FV_INLINE static inline __attribute__((always_inline))

/* Rows summed in the element type before the sums go on in double. */
enum { BLOCK_ROWS = 64, BLOCK_VECTORS = 4 };

/* Where a gradient counts: everywhere, where the mask is not <= 0, or where what x gives is not. */
typedef enum gate_kind { GATE_OPEN, GATE_MASK, GATE_X } gate_kind;

#define T        float
#define LANES    (FV_VBYTES / 4)
#define VEC      fv_vf
#define NAME(id) id##_f32
#include "norm_impl.h"
#define T        double
#define LANES    (FV_VBYTES / 8)
#define VEC      fv_vd
#define NAME(id) id##_f64
#include "norm_impl.h"

const fv_norm_kernels FV_ISA_NAME(fv_norm_kernels_) = {
    .statistics = {statistics_f32, statistics_f64},
    .dots = {dots_f32, dots_f64},
    .apply = {apply_f32, apply_f64},
    .apply_backward = {apply_backward_f32, apply_backward_f64},
};
