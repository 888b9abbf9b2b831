/* The float64 half of vmath_isa.h: the same functions by the same reductions, with polynomials for
 * 53 bits. Neither branches nor tables, so that plain loops become vectors; integers are only
 * added, shifted to the left, or to the right without sign, which every level has for 64 bits.
 *
 * Errors are in the table of vmath_isa.h. Source: as there; polynomials by Remez' iteration. */
#ifndef FOVEA_TENSOR_KERNELS_VMATH_F64_ISA_H
#define FOVEA_TENSOR_KERNELS_VMATH_F64_ISA_H

#include <math.h>
#include <stdint.h>

static inline double fv_double_of_bits(uint64_t bits)
{
    double d;
    __builtin_memcpy(&d, &bits, sizeof d);
    return d;
}

static inline uint64_t fv_bits_of_double(double d)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* x = n ln 2 + r, e^x = (1 + e) lo hi, as fv_exp_split_f32. */
typedef struct fv_exp_parts_f64 {
    double e, lo, hi;
} fv_exp_parts_f64;

static inline fv_exp_parts_f64 fv_exp_split_f64(double x)
{
    const double shift = 0x1.8p52; /* adding it rounds to an integer, kept in the low bits */
    double t = x * 0x1.71547652b82fep+0 + shift;
    double n = t - shift;
    double r = x - n * 0x1.62e42fee00000p-1; /* exact: the constant has few bits */
    r = r - n * 0x1.a39ef35793c76p-33;
    double q = 0x1.af8d84882123dp-26;
    q = q * r + 0x1.28b44e5c93122p-22;
    q = q * r + 0x1.71dddaa748f4bp-19;
    q = q * r + 0x1.a01992507c813p-16;
    q = q * r + 0x1.a01a01bd39ddep-13;
    q = q * r + 0x1.6c16c187308fbp-10;
    q = q * r + 0x1.111111110cf39p-7;
    q = q * r + 0x1.555555554f956p-5;
    q = q * r + 0x1.5555555555563p-3;
    q = q * r + 0x1.000000000000dp-1;
    double half = n * 0.5 + shift; /* rounded: its low bits are n / 2 */
    uint64_t k = fv_bits_of_double(t) - fv_bits_of_double(shift);
    uint64_t low = fv_bits_of_double(half) - fv_bits_of_double(shift);
    fv_exp_parts_f64 parts = {r + r * r * q, fv_double_of_bits((low + 1023u) << 52),
                              fv_double_of_bits((k - low + 1023u) << 52)};
    return parts;
}

static inline double fv_exp_f64(double x)
{
    x = x < -746.0 ? -746.0 : x; /* below: 0; above 710: infinity; both come out by themselves */
    x = x > 710.0 ? 710.0 : x;
    fv_exp_parts_f64 p = fv_exp_split_f64(x);
    return (p.e + 1.0) * p.lo * p.hi;
}

static inline double fv_expm1_f64(double x)
{
    double bound = x < -38.0 ? -38.0 : x; /* e^-38 no longer changes -1 */
    bound = bound > 710.0 ? 710.0 : bound;
    fv_exp_parts_f64 p = fv_exp_split_f64(bound);
    double scaled = p.e * p.lo;
    double y = scaled * p.hi + (p.lo * p.hi - 1.0);
    double large = (p.e + 1.0) * p.lo * p.hi; /* 2^n alone may be infinite where e^x is not */
    y = bound > 709.0 ? large : y;
    return x == 0.0 ? x : y;
}

/* x = (1 + f) 2^e with 1 + f in [sqrt 1/2, sqrt 2); log(1 + f) = f + tail, which with s = f / (2 +
 * f) is 2 s + s^3 P(s^2). Of zero, negative numbers, infinity and NaN the parts mean nothing: see
 * fv_log_finish_f64. */
typedef struct fv_log_parts_f64 {
    double e, f, tail;
} fv_log_parts_f64;

static inline fv_log_parts_f64 fv_log_split_f64(double x)
{
    const uint64_t root = 0x3fe6a09e667f3bcdu; /* of sqrt 1/2 */
    double normal = x < 0x1p-1022 ? x * 0x1p54 : x;
    uint64_t shifted = fv_bits_of_double(normal) + (0x3ff0000000000000u - root);
    double f = fv_double_of_bits((shifted & 0x000fffffffffffffu) + root) - 1.0;
    /* the exponent as the low bits of 2^52 */
    double e = fv_double_of_bits((shifted >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
    e = e - (x < 0x1p-1022 ? 54.0 : 0.0);
    double s = f / (2.0 + f), z = s * s;
    double q = 0x1.2f15138615647p-3;
    q = q * z + 0x1.39a0442223c5cp-3;
    q = q * z + 0x1.74664c744e2bbp-3;
    q = q * z + 0x1.c71c51cc3b9ecp-3;
    q = q * z + 0x1.24924942363afp-2;
    q = q * z + 0x1.999999997f946p-2;
    q = q * z + 0x1.5555555555593p-1;
    double square = 0.5 * f * f;
    fv_log_parts_f64 parts = {e, f, s * (square + z * q) - square};
    return parts;
}

/* The logarithm y of x, to any base, where x has one. */
static inline double fv_log_finish_f64(double x, double y)
{
    y = x == 0.0 ? -(double)INFINITY : y;
    y = x < 0.0 ? (double)NAN : y;
    return x < (double)INFINITY ? y : x + x; /* infinity and NaN */
}

/* log x = e ln 2 + log(1 + f) */
static inline double fv_log_f64(double x)
{
    fv_log_parts_f64 p = fv_log_split_f64(x);
    double tail = p.tail + p.e * 0x1.a39ef35793c76p-33;
    return fv_log_finish_f64(x, p.e * 0x1.62e42fee00000p-1 + (p.f + tail));
}

/* As fv_log_scaled_f32. */
static inline double fv_log_scaled_f64(double x, double step, double step_rest, double factor,
                                       double factor_rest)
{
    fv_log_parts_f64 p = fv_log_split_f64(x);
    double high = fv_double_of_bits(fv_bits_of_double(p.f) & 0xfffffffff8000000u);
    double rest = (p.f - high) + p.tail;
    double small = (p.f + p.tail) * factor_rest + rest * factor + p.e * step_rest;
    double sum = p.e * step, product = high * factor;
    double y = sum + product, lost = (sum - y) + product; /* |sum| >= |product|, or sum is 0 */
    return fv_log_finish_f64(x, y + (lost + small));
}

static inline double fv_log2_f64(double x)
{
    return fv_log_scaled_f64(x, 1.0, 0.0, 0x1.7154760000000p+0, 0x1.4ae0bf85ddf44p-26);
}

static inline double fv_log10_f64(double x)
{
    return fv_log_scaled_f64(x, 0x1.34413509f7800p-2, 0x1.fef311f12b358p-46, 0x1.bcb7b10000000p-2,
                             0x1.49b9438ca9aaep-28);
}

/* log u corrected for the part of x that 1 + x loses. */
static inline double fv_log1p_f64(double x)
{
    double u = 1.0 + x;
    double fix = (x - (u - 1.0)) / u;
    fix = u < 0x1p53 ? fix : 0.0;
    fix = u > 0.0 ? fix : 0.0;
    double y = fv_log_f64(u) + fix;
    return x == 0.0 ? x : y;
}

/* By e^-|x|, which cannot overflow, so that the result may be subnormal. */
static inline double fv_sigmoid_f64(double x)
{
    double e = fv_exp_f64(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* With e^(-2|x|) = t + 1: tanh |x| = -t / (t + 2), and from 1 on 1 - 2 (t + 1) / (t + 2), where the
 * error of the fraction counts less and less: gradients read how far the result is from 1. */
static inline double fv_tanh_f64(double x)
{
    double bound = -2.0 * fabs(x);
    bound = bound < -746.0 ? -746.0 : bound;
    fv_exp_parts_f64 p = fv_exp_split_f64(bound);
    double t = p.e * p.lo * p.hi + (p.lo * p.hi - 1.0);
    double power = (p.e + 1.0) * p.lo * p.hi;
    double y = bound < -2.0 ? 1.0 - 2.0 * power / (1.0 + power) : -t / (t + 2.0);
    return copysign(y, x);
}

/* erf: an odd polynomial up to 1, 1 - e^p(|x|) farther out; both are computed. */
static inline double fv_erf_f64(double x)
{
    double s = x * x;
    double a = 0x1.0608f5fa982dbp-34;
    a = a * s + -0x1.38a1375425851p-30;
    a = a * s + 0x1.f7b6306ec2d0cp-27;
    a = a * s + -0x1.5f1ef21b91138p-23;
    a = a * s + 0x1.b9df276328e4ap-20;
    a = a * s + -0x1.f4d1e388847f3p-17;
    a = a * s + 0x1.f9a321dc22456p-14;
    a = a * s + -0x1.c02db3db018fbp-11;
    a = a * s + 0x1.565bcd0dbc15dp-8;
    a = a * s + -0x1.b82ce31284ea4p-6;
    a = a * s + 0x1.ce2f21a042b32p-4;
    a = a * s + -0x1.812746b0379e6p-2;
    a = a * s + 0x1.06eba8214db69p-3;
    double t = fabs(x);
    double far_t = t > 5.95 ? 5.95 : t;
    double b = 0x1.253922446b216p-40;
    b = b * far_t + -0x1.a2f7029edfa4fp-35;
    b = b * far_t + 0x1.182df481f7b89p-30;
    b = b * far_t + -0x1.d18ed534bb4f6p-27;
    b = b * far_t + 0x1.0c91331d45fdap-23;
    b = b * far_t + -0x1.c6875afdecfa0p-21;
    b = b * far_t + 0x1.2124bd71e7345p-18;
    b = b * far_t + -0x1.13eda3cdf4110p-16;
    b = b * far_t + 0x1.782c6d0ae72aap-15;
    b = b * far_t + -0x1.2545b60a89c65p-14;
    b = b * far_t + -0x1.7ed5e803ff4d4p-15;
    b = b * far_t + 0x1.50c84f6c9d2a0p-11;
    b = b * far_t + -0x1.d0179ec312613p-10;
    b = b * far_t + 0x1.2768002fb32dap-12;
    b = b * far_t + 0x1.389009b7c1062p-6;
    b = b * far_t + -0x1.a4d9daebda707p-4;
    b = b * far_t + -0x1.45f4305b2b6dfp-1;
    b = b * far_t + -0x1.20dd55a39183bp+0;
    b = b * far_t + -0x1.88c25d5f53557p-23;
    double y = 1.0 - fv_exp_f64(b);
    return t < 1.0 ? x + x * a : copysign(y, x);
}

#endif
