/* The depthwise loops of conv_isa.h, once per instruction set and element type. */
#include "conv_isa.h"

#include <string.h>

#define T        float
#define VEC      fv_vf
#define VEC_U    fv_vf_u
#define NAME(id) id##_f32
#include "conv_isa_impl.h"
#undef T
#undef VEC
#undef VEC_U
#undef NAME

#define T        double
#define VEC      fv_vd
#define VEC_U    fv_vd_u
#define NAME(id) id##_f64
#include "conv_isa_impl.h"

const fv_conv_kernels FV_ISA_NAME(fv_conv_kernels_) = {
    .lanes = {FV_VBYTES / 4, FV_VBYTES / 8},
    .depthwise = {depthwise_f32, depthwise_f64},
    .depthwise_sum = {depthwise_sum_f32, depthwise_sum_f64},
};
