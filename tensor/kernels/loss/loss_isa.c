/* Inner loops of element losses; see loss_impl.h. Compiled once per instruction-set level. */
#include "tensor/kernels/loss/loss_impl.h"

#include <math.h>

#include "tensor/kernels/vmath_isa.h"

static inline float mse(float x, float t, float parameter)
{
    (void)parameter;
    return (x - t) * (x - t);
}

static inline float l1(float x, float t, float parameter)
{
    (void)parameter;
    return fabsf(x - t);
}

static inline float smooth_l1(float x, float t, float beta)
{
    float d = fabsf(x - t);
    float square = 0.5f * d * d / beta, linear = d - 0.5f * beta;
    return d < beta ? square : linear;
}

static inline float huber(float x, float t, float delta)
{
    float d = fabsf(x - t);
    float square = 0.5f * d * d, linear = delta * (d - 0.5f * delta);
    return d < delta ? square : linear;
}

static inline float bce(float x, float t, float parameter)
{
    (void)parameter;
    float size = fabsf(x), side = x < 0.0f ? t : 1.0f - t; /* of the loss that grows with |x| */
    float linear = side * size;
    return (side == 0.0f ? 0.0f : linear) + fv_log1p_f32(fv_exp_f32(-size));
}

#define DEFINE_PAIR(NAME)                                                                          \
    static void NAME##_block(float *y, const float *x, const float *t, int64_t n, float parameter) \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) y[i] = NAME(x[i], t[i], parameter);                        \
    }
DEFINE_PAIR(mse)
DEFINE_PAIR(l1)
DEFINE_PAIR(smooth_l1)
DEFINE_PAIR(huber)
DEFINE_PAIR(bce)

static double sum(const float *y, int64_t n)
{
    enum { LEN = FV_VBYTES / 4 };
    fv_vf lanes = {0};
    int64_t i = 0;
    for (; i + LEN <= n; i += LEN) lanes += *(const fv_vf_u *)(y + i);
    double total = 0;
    for (int l = 0; l < LEN; l++) total += (double)lanes[l];
    for (; i < n; i++) total += (double)y[i];
    return total;
}

const fv_loss_kernels FV_ISA_NAME(fv_loss_kernels_) = {
    .pair = {mse_block, l1_block, smooth_l1_block, huber_block, bce_block},
    .sum = sum,
};
