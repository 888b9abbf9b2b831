/* Float vectors with partly filled ends, for reductions and softmax; compiled per ISA level. */
#ifndef FOVEA_TENSOR_KERNELS_SOFTMAX_VEC_H
#define FOVEA_TENSOR_KERNELS_SOFTMAX_VEC_H

#include <string.h>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/vmath_isa.h"

enum { FV_VF_LEN = FV_VBYTES / 4 };
typedef int32_t fv_vmask __attribute__((vector_size(FV_VBYTES)));

/* The larger of each lane; a where either is NaN. */
static inline fv_vf fv_vlarger(fv_vf a, fv_vf b)
{
    fv_vmask take = b > a;
    return (fv_vf)((take & (fv_vmask)b) | (~take & (fv_vmask)a));
}

static inline fv_vf fv_vload(const float *p)
{
    return (fv_vf) * (const fv_vf_u *)p;
}

/* The first n < FV_VF_LEN numbers, the rest filled up. */
static inline fv_vf fv_vload_part(const float *p, int64_t n, float fill)
{
    fv_vf v = (fv_vf){0} + fill;
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}

static inline void fv_vstore(float *p, fv_vf v)
{
    *(fv_vf_u *)p = (fv_vf_u)v;
}

#endif
