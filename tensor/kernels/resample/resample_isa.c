/* The inner loops of resampling, once per instruction set and element type. */
#include <string.h>

#include "tensor/kernels/resample/resample.h"

#define FV_INLINE static inline __attribute__((always_inline))

#define T        float
#define NAME(id) id##_f32
#include "resample_impl.h"
#define T        double
#define NAME(id) id##_f64
#include "resample_impl.h"

const fv_resample_kernels FV_ISA_NAME(fv_resample_kernels_) = {
    .rows = {rows_f32, rows_f64},
    .along = {along_f32, along_f64},
    .pick = {pick_f32, pick_f64},
    .twice = {twice_f32, twice_f64},
};
