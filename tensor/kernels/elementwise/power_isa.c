/* pow of float32, compiled once per instruction-set level.
 *
 * |x|^y = e^(y log |x|) in double, whose 29 bits more than the result's outweigh what the product
 * with y costs: 0.51 ulp. A second loop over a block, in float32, gives it the sign of x where y is
 * odd, and what C's Annex F asks of negative numbers, ones and NaN. The exponent of pow_scalar is
 * spread into a block first. */
#include "tensor/kernels/elementwise/power.h"

#include <float.h>
#include <math.h>

#include "tensor/kernels/vmath_isa.h"

enum { BLOCK = 64 };

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* All bits where it holds. By masks, since conditions would become branches. */
static inline uint32_t mask(int holds)
{
    return 0u - (uint32_t)holds;
}

/* The power of |x|, with the sign of x^y and its special values. Above 2^24 all y are even. */
static inline float finish(float power, float x, float y)
{
    const uint32_t size = fv_bits_of_float(fabsf(y)), even = fv_bits_of_float(0x1p24f);
    const float most = fv_float_of_bits(size < even ? size : even);
    const uint32_t count = (uint32_t)(int32_t)most, sign = fv_bits_of_float(x) & 0x80000000u;
    const uint32_t whole = mask(most == (float)(int32_t)count);
    const uint32_t none = mask(x < 0.0f) & mask(x > -INFINITY) & ~whole;
    const uint32_t one = mask(x == 1.0f) | mask(y == 0.0f);
    uint32_t bits = fv_bits_of_float(power) ^ (sign & count << 31 & whole);
    bits |= none & fv_bits_of_float(NAN);
    return fv_float_of_bits((bits & ~one) | (one & fv_bits_of_float(1.0f)));
}

/* An infinite y does what the largest one does, and leaves 1 of a base of -1. */
static inline double exponent(float y)
{
    const float bound = y > FLT_MAX ? FLT_MAX : y;
    return (double)(bound < -FLT_MAX ? -FLT_MAX : bound);
}

static void power_block(float *o, const float *x, const float *y, int64_t n)
{
    float power[BLOCK];
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        power[i] = (float)fv_exp_f64(exponent(y[i]) * fv_log_f64((double)fabsf(x[i])));
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) o[i] = finish(power[i], x[i], y[i]);
}

static void by_tensor(void *o_, const void *x_, const void *y_, const void *c, int64_t n, double p,
                      double q)
{
    float *o = o_;
    const float *x = x_, *y = y_;
    (void)c, (void)p, (void)q;
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) power_block(o + i, x + i, y + i, BLOCK);
    power_block(o + i, x + i, y + i, n - i);
}

static void by_number(void *o_, const void *x_, const void *b, const void *c, int64_t n, double p,
                      double q)
{
    float *o = o_, y[BLOCK];
    const float *x = x_;
    (void)b, (void)c, (void)q;
    for (int i = 0; i < BLOCK; i++) y[i] = (float)p;
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) power_block(o + i, x + i, y, BLOCK);
    power_block(o + i, x + i, y, n - i);
}

const fv_power_rows FV_ISA_NAME(fv_power_rows_) = {.by_tensor = by_tensor, .by_number = by_number};
