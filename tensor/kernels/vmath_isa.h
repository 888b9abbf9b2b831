/* Elementary functions that the compiler can vectorise: for kernels compiled once per ISA level.
 *
 * They have no branch and no table; inside a plain loop GCC and Clang turn them into vector code at
 * any width. Errors are in units of the last place (ulp), with and without FMA: measured over all
 * floats, and for float64 (vmath_f64_isa.h) over millions of numbers against 113 bits:
 *
 *              exp   expm1   log   log2   log10   log1p   sigmoid   tanh   erf
 *     float32  1.1   1.7     0.9   1.3    1.1     1.5     2.2       2.5    1.3
 *     float64  1.1   2.2     0.9   1.1    1.0     1.5     2.2       2.6    1.4
 *
 * Infinities, NaN, signed zeros and results that are subnormal come out as in C's Annex F; nothing
 * is flushed. sin and cos are in elementwise/trig_isa.c, pow of float32 in
 * elementwise/power_isa.c; that of float64 is the C library's.
 * Source: argument reduction as in Cody & Waite 1980; polynomials fitted for the relative error by
 * Lawson's iteration. */
#ifndef FOVEA_TENSOR_KERNELS_VMATH_ISA_H
#define FOVEA_TENSOR_KERNELS_VMATH_ISA_H

#include <math.h>
#include <stdint.h>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/vmath_f64_isa.h"

static inline float fv_float_of_bits(uint32_t bits)
{
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t fv_bits_of_float(float f)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2; e^x = (1 + e) 2^n. */
typedef struct fv_exp_power {
    float e;
    uint32_t n;
} fv_exp_power;

static inline fv_exp_power fv_exp_reduce_f32(float x)
{
    const float shift = 0x1.8p23f; /* adding it rounds to an integer, kept in the low bits */
    float t = x * 0x1.715476p+0f + shift;
    float n = t - shift;
    float r = x - n * 0x1.62e4p-1f; /* exact: the constant has few bits */
    r = r - n * 0x1.7f7d1cp-20f;
    float q = 1.394757160e-03f;
    q = q * r + 8.367234483e-03f;
    q = q * r + 4.166626703e-02f;
    q = q * r + 1.666653815e-01f;
    q = q * r + 5.000000066e-01f;
    fv_exp_power power = {r + r * r * q, fv_bits_of_float(t) - fv_bits_of_float(shift)};
    return power;
}

/* e^x = (1 + e) lo hi, where lo and hi are powers of two near 2^(n/2), so that neither leaves the
 * normal range before the product does. */
typedef struct fv_exp_parts {
    float e, lo, hi;
} fv_exp_parts;

static inline fv_exp_parts fv_exp_split_f32(float x)
{
    fv_exp_power p = fv_exp_reduce_f32(x);
    uint32_t half = (uint32_t)((int32_t)p.n >> 1);
    fv_exp_parts parts = {p.e, fv_float_of_bits((half + 127u) << 23),
                          fv_float_of_bits((p.n - half + 127u) << 23)};
    return parts;
}

/* e^x for |x| <= 80, where 2^n is a normal number. */
static inline float fv_exp_near_f32(float x)
{
    fv_exp_power p = fv_exp_reduce_f32(x);
    return (p.e + 1.0f) * fv_float_of_bits((p.n + 127u) << 23);
}

static inline float fv_exp_f32(float x)
{
    x = x < -104.0f ? -104.0f : x; /* below: 0; above 89: infinity; both come out by themselves */
    x = x > 89.0f ? 89.0f : x;
    fv_exp_parts p = fv_exp_split_f32(x);
    return (p.e + 1.0f) * p.lo * p.hi;
}

static inline float fv_expm1_f32(float x)
{
    float bound = x < -18.0f ? -18.0f : x; /* e^-18 no longer changes -1 */
    bound = bound > 89.0f ? 89.0f : bound;
    fv_exp_parts p = fv_exp_split_f32(bound);
    float scaled = p.e * p.lo;
    float y = scaled * p.hi + (p.lo * p.hi - 1.0f);
    float large = (p.e + 1.0f) * p.lo * p.hi; /* 2^n alone may be infinite where e^x is not */
    y = bound > 88.0f ? large : y;
    return x == 0.0f ? x : y;
}

/* x = (1 + f) 2^e with 1 + f in [sqrt 1/2, sqrt 2); log(1 + f) = f + tail. Of zero, negative
 * numbers, infinity and NaN the parts mean nothing: see fv_log_finish_f32. */
typedef struct fv_log_parts {
    float e, f, tail;
} fv_log_parts;

static inline fv_log_parts fv_log_split_f32(float x)
{
    float tiny = x < 0x1p-126f ? x * 0x1p23f : x;
    uint32_t bits = fv_bits_of_float(tiny);
    uint32_t shifted = bits - 0x3f3504f3u; /* of sqrt 1/2 */
    int32_t exponent = (int32_t)shifted >> 23;
    float f = fv_float_of_bits((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float e = (float)exponent - (x < 0x1p-126f ? 23.0f : 0.0f);
    float q = -7.635481549e-02f;
    q = q * f + 1.276160419e-01f;
    q = q * f + -1.315977280e-01f;
    q = q * f + 1.420171984e-01f;
    q = q * f + -1.662340141e-01f;
    q = q * f + 2.000123095e-01f;
    q = q * f + -2.500081964e-01f;
    q = q * f + 3.333333161e-01f;
    fv_log_parts parts = {e, f, f * f * (f * q - 0.5f)};
    return parts;
}

/* The logarithm y of x, to any base, where x has one. */
static inline float fv_log_finish_f32(float x, float y)
{
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? NAN : y;
    return x < INFINITY ? y : x + x; /* infinity and NaN */
}

/* log x = e ln 2 + log(1 + f) */
static inline float fv_log_f32(float x)
{
    fv_log_parts p = fv_log_split_f32(x);
    float tail = p.tail + p.e * 0x1.7f7d1cp-20f;
    return fv_log_finish_f32(x, p.e * 0x1.62e4p-1f + (p.f + tail));
}

/* The same to the base 1 / log b = factor + factor_rest, log_b 2 = step + step_rest. step, factor
 * and the first part of f have so few bits that their products are exact, and what their sum
 * rounds off is added again: powers of the base have exact logarithms. */
static inline float fv_log_scaled_f32(float x, float step, float step_rest, float factor,
                                      float factor_rest)
{
    fv_log_parts p = fv_log_split_f32(x);
    float high = fv_float_of_bits(fv_bits_of_float(p.f) & 0xfffff000u);
    float rest = (p.f - high) + p.tail;
    float small = (p.f + p.tail) * factor_rest + rest * factor + p.e * step_rest;
    float sum = p.e * step, product = high * factor;
    float y = sum + product, lost = (sum - y) + product; /* |sum| >= |product|, or sum is 0 */
    return fv_log_finish_f32(x, y + (lost + small));
}

static inline float fv_log2_f32(float x)
{
    return fv_log_scaled_f32(x, 1.0f, 0.0f, 0x1.714p+0f, 0x1.47652cp-12f);
}

static inline float fv_log10_f32(float x)
{
    return fv_log_scaled_f32(x, 0x1.344p-2f, 0x1.3509f8p-18f, 0x1.bcap-2f, 0x1.7b1526p-14f);
}

/* log u corrected for the part of x that 1 + x loses. */
static inline float fv_log1p_f32(float x)
{
    float u = 1.0f + x;
    float fix = (x - (u - 1.0f)) / u;
    fix = u < 0x1p24f ? fix : 0.0f;
    fix = u > 0.0f ? fix : 0.0f;
    float y = fv_log_f32(u) + fix;
    return x == 0.0f ? x : y;
}

/* By e^-|x|, which cannot overflow, so that the result may be subnormal. */
static inline float fv_sigmoid_f32(float x)
{
    float e = fv_exp_f32(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* tanh |x| = -t / (t + 2) with t = e^(-2|x|) - 1. */
static inline float fv_tanh_f32(float x)
{
    float t = fv_expm1_f32(-2.0f * fabsf(x));
    return copysignf(t / (t + 2.0f), x);
}

/* erf: an odd polynomial near 0, 1 - e^p(|x|) farther out; both are computed. */
static inline float fv_erf_f32(float x)
{
    float s = x * x;
    float a = 8.345225103e-05f;
    a = a * s + -8.137437811e-04f;
    a = a * s + 5.200634353e-03f;
    a = a * s + -2.685927082e-02f;
    a = a * s + 1.128369394e-01f;
    a = a * s + -3.761263370e-01f;
    a = a * s + 1.283791666e-01f;
    float t = fabsf(x);
    float far_t = t > 3.95f ? 3.95f : t;
    float b = -2.109502779e-05f;
    b = b * far_t + 4.344623557e-04f;
    b = b * far_t + -4.171061761e-03f;
    b = b * far_t + 2.511942404e-02f;
    b = b * far_t + -1.082800842e-01f;
    b = b * far_t + -6.333469111e-01f;
    b = b * far_t + -1.129514928e+00f;
    b = b * far_t + 1.746839398e-04f;
    float y = 1.0f - fv_exp_near_f32(b);
    return t < 0.93f ? x + x * a : copysignf(y, x);
}

/* The rest by their C names, so that generic code can append _f32 or _f64. */
static inline float fv_sqrt_f32(float x)
{
    return sqrtf(x);
}
static inline float fv_sin_f32(float x)
{
    return sinf(x);
}
static inline float fv_cos_f32(float x)
{
    return cosf(x);
}
static inline float fv_floor_f32(float x)
{
    return floorf(x);
}
static inline float fv_ceil_f32(float x)
{
    return ceilf(x);
}
static inline float fv_round_f32(float x)
{
    return rintf(x);
} /* halves to even, as PyTorch */
static inline double fv_sqrt_f64(double x)
{
    return sqrt(x);
}
static inline double fv_sin_f64(double x)
{
    return sin(x);
}
static inline double fv_cos_f64(double x)
{
    return cos(x);
}
static inline float fv_pow_f32(float x, float y)
{
    return powf(x, y);
}
static inline double fv_pow_f64(double x, double y)
{
    return pow(x, y);
}
static inline double fv_floor_f64(double x)
{
    return floor(x);
}
static inline double fv_ceil_f64(double x)
{
    return ceil(x);
}
static inline double fv_round_f64(double x)
{
    return rint(x);
}

/* Numbers that standard C does not name. */
#define FV_SQRT_HALF      0.70710678118654752440 /* sqrt(1/2) */
#define FV_2_BY_SQRT_PI   1.12837916709551257390 /* 2 / sqrt(pi) */
#define FV_LN2            0.69314718055994530942 /* log 2 */
#define FV_LN10           2.30258509299404568402 /* log 10 */
#define FV_NORMAL_DENSITY 0.39894228040143267794 /* 1 / sqrt(2 pi) */

#ifdef FV_ISA
/* e^v in each lane, for kernels written with explicit vectors. */
static inline fv_vf fv_exp_vf(fv_vf v)
{
    enum { LANES = FV_VBYTES / 4 };
    float lane[LANES];
    __builtin_memcpy(lane, &v, sizeof v);
    for (int i = 0; i < LANES; i++) lane[i] = fv_exp_f32(lane[i]);
    __builtin_memcpy(&v, lane, sizeof v);
    return v;
}

static inline fv_vd fv_exp_vd(fv_vd v)
{
    enum { LANES = FV_VBYTES / 8 };
    double lane[LANES];
    __builtin_memcpy(lane, &v, sizeof v);
    for (int i = 0; i < LANES; i++) lane[i] = fv_exp_f64(lane[i]);
    __builtin_memcpy(&v, lane, sizeof v);
    return v;
}
#endif

#endif
