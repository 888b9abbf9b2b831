/* Update kernels, once per instruction set and element type. */
#include "optim/update_impl.h"

#include <math.h>

#define FV_INLINE static inline __attribute__((always_inline))

#define T        float
#define SQRT     sqrtf
#define NAME(id) id##_f32
#include "optim/update_kernels_impl.h"
#undef T
#undef SQRT
#undef NAME

#define T        double
#define SQRT     sqrt
#define NAME(id) id##_f64
#include "optim/update_kernels_impl.h"

const fv_update_kernels FV_ISA_NAME(fv_update_kernels_) = {
    .update = {update_f32, update_f64},
    .sum_squares = {sum_squares_f32, sum_squares_f64},
    .scale = {scale_f32, scale_f64},
};
