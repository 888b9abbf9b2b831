/* The words of the value column of elementwise.inc: arithmetic that is the same for every type
 * except in its details (wrapping integers, NaN), and the elementary functions.
 *
 * An includer sets T, the type, and FV_SUFFIX (f32, f64, u8, i32 or i64) before it expands rows. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_WORDS_IMPL_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_WORDS_IMPL_H

#include "tensor/kernels/vmath_isa.h"

#define FV_WORD_2(name, suffix) fv_##name##_##suffix
#define FV_WORD_1(name, suffix) FV_WORD_2(name, suffix)
#define FV_WORD(name)           FV_WORD_1(name, FV_SUFFIX)

/* Of all types. NUMBER makes a T of a double. */
#define NUMBER(v)      FV_WORD(number)(v)
#define ADD(x, y)      FV_WORD(add)(x, y)
#define SUB(x, y)      FV_WORD(sub)(x, y)
#define MUL(x, y)      FV_WORD(mul)(x, y)
#define NEG(x)         FV_WORD(neg)(x)
#define ABS(x)         FV_WORD(abs)(x)
#define SIGN(x)        FV_WORD(sign)(x)
#define RELU(x)        FV_WORD(relu)(x)
#define MAX(x, y)      FV_WORD(max)(x, y)
#define MIN(x, y)      FV_WORD(min)(x, y)
#define CLAMP(x, p, q) FV_WORD(clamp)(x, p, q)
#define ISNAN(x)       FV_WORD(isnan)(x)
#define POW(x, y)      FV_WORD(pow)(x, y)
#define FLOOR(x)       FV_WORD(floor)(x)
#define CEIL(x)        FV_WORD(ceil)(x)
#define ROUND(x)       FV_WORD(round)(x)
/* Of floating types only. */
#define SQRT(x)    FV_WORD(sqrt)(x)
#define EXP(x)     FV_WORD(exp)(x)
#define EXPM1(x)   FV_WORD(expm1)(x)
#define LOG(x)     FV_WORD(log)(x)
#define LOG2(x)    FV_WORD(log2)(x)
#define LOG10(x)   FV_WORD(log10)(x)
#define LOG1P(x)   FV_WORD(log1p)(x)
#define SIN(x)     FV_WORD(sin)(x)
#define COS(x)     FV_WORD(cos)(x)
#define ERF(x)     FV_WORD(erf)(x)
#define SIGMOID(x) FV_WORD(sigmoid)(x)
#define TANH(x)    FV_WORD(tanh)(x)
/* log(1 + e^(px)) / p, or x where px > q. */
#define SOFTPLUS(x, p, q) FV_WORD(softplus)(x, p, q)

/* NaN wins in max, min and clamp, also as a bound. */
#define FV_FLOAT_WORDS(F, s, ABS_)                                                                 \
    static inline F fv_number_##s(double v)                                                        \
    {                                                                                              \
        return (F)v;                                                                               \
    }                                                                                              \
    static inline F fv_add_##s(F x, F y)                                                           \
    {                                                                                              \
        return x + y;                                                                              \
    }                                                                                              \
    static inline F fv_sub_##s(F x, F y)                                                           \
    {                                                                                              \
        return x - y;                                                                              \
    }                                                                                              \
    static inline F fv_mul_##s(F x, F y)                                                           \
    {                                                                                              \
        return x * y;                                                                              \
    }                                                                                              \
    static inline F fv_neg_##s(F x)                                                                \
    {                                                                                              \
        return -x;                                                                                 \
    }                                                                                              \
    static inline F fv_abs_##s(F x)                                                                \
    {                                                                                              \
        return ABS_(x);                                                                            \
    }                                                                                              \
    static inline F fv_sign_##s(F x)                                                               \
    {                                                                                              \
        return x > 0 ? (F)1 : x < 0 ? (F)-1 : (F)0;                                                \
    }                                                                                              \
    static inline F fv_relu_##s(F x)                                                               \
    {                                                                                              \
        return x < 0 ? (F)0 : x;                                                                   \
    }                                                                                              \
    static inline int fv_isnan_##s(F x)                                                            \
    {                                                                                              \
        return x != x;                                                                             \
    }                                                                                              \
    static inline F fv_max_##s(F x, F y)                                                           \
    {                                                                                              \
        return ((x > y) | (x != x)) ? x : y;                                                       \
    }                                                                                              \
    static inline F fv_min_##s(F x, F y)                                                           \
    {                                                                                              \
        return ((x < y) | (x != x)) ? x : y;                                                       \
    }                                                                                              \
    static inline F fv_clamp_##s(F x, F p, F q)                                                    \
    {                                                                                              \
        F low = ((x < p) | (p != p)) ? p : x;                                                      \
        return ((low > q) | (q != q)) ? q : low;                                                   \
    }                                                                                              \
    static inline F fv_softplus_##s(F x, F p, F q)                                                 \
    {                                                                                              \
        F px = x * p;                                                                              \
        F curve = fv_log1p_##s(fv_exp_##s(px)) / p;                                                \
        return px > q ? x : curve;                                                                 \
    }
FV_FLOAT_WORDS(float, f32, fabsf)
FV_FLOAT_WORDS(double, f64, fabs)

/* Integers wrap around; I is the type, U an unsigned one at least of its size; a number beyond I's
 * range is the nearest that I has (for uint8, -256 < v < 0 wraps and less is 0). x to a negative
 * power is 0 except for 1 and -1, as in PyTorch. */
#define FV_INTEGER_WORDS(I, U, s, LOW, HIGH, ABS_, SIGN_, RELU_)                                   \
    static inline I fv_number_##s(double v)                                                        \
    {                                                                                              \
        if (v != v) return 0;                                                                      \
        if (v <= (double)(LOW)) return (I)(LOW);                                                   \
        return v >= (double)(HIGH) ? (I)(HIGH) : (I)(int64_t)v;                                    \
    }                                                                                              \
    static inline I fv_add_##s(I x, I y)                                                           \
    {                                                                                              \
        return (I)(U)((U)x + (U)y);                                                                \
    }                                                                                              \
    static inline I fv_sub_##s(I x, I y)                                                           \
    {                                                                                              \
        return (I)(U)((U)x - (U)y);                                                                \
    }                                                                                              \
    static inline I fv_mul_##s(I x, I y)                                                           \
    {                                                                                              \
        return (I)(U)((U)x * (U)y);                                                                \
    }                                                                                              \
    static inline I fv_neg_##s(I x)                                                                \
    {                                                                                              \
        return (I)(U)((U)0 - (U)x);                                                                \
    }                                                                                              \
    static inline I fv_abs_##s(I x)                                                                \
    {                                                                                              \
        return ABS_;                                                                               \
    }                                                                                              \
    static inline I fv_sign_##s(I x)                                                               \
    {                                                                                              \
        return SIGN_;                                                                              \
    }                                                                                              \
    static inline I fv_relu_##s(I x)                                                               \
    {                                                                                              \
        return RELU_;                                                                              \
    }                                                                                              \
    static inline int fv_isnan_##s(I x)                                                            \
    {                                                                                              \
        return (void)x, 0;                                                                         \
    }                                                                                              \
    static inline I fv_max_##s(I x, I y)                                                           \
    {                                                                                              \
        return x > y ? x : y;                                                                      \
    }                                                                                              \
    static inline I fv_min_##s(I x, I y)                                                           \
    {                                                                                              \
        return x < y ? x : y;                                                                      \
    }                                                                                              \
    static inline I fv_clamp_##s(I x, I p, I q)                                                    \
    {                                                                                              \
        I low = x < p ? p : x;                                                                     \
        return low > q ? q : low;                                                                  \
    }                                                                                              \
    static inline I fv_floor_##s(I x)                                                              \
    {                                                                                              \
        return x;                                                                                  \
    }                                                                                              \
    static inline I fv_ceil_##s(I x)                                                               \
    {                                                                                              \
        return x;                                                                                  \
    }                                                                                              \
    static inline I fv_round_##s(I x)                                                              \
    {                                                                                              \
        return x;                                                                                  \
    }                                                                                              \
    static inline I fv_pow_##s(I x, I y)                                                           \
    {                                                                                              \
        int64_t n = (int64_t)y;                                                                    \
        if (n < 0) return x == 1 ? (I)1 : fv_neg_##s(x) != 1 ? (I)0 : n % 2 ? x : (I)1;            \
        I power = 1;                                                                               \
        for (; n > 0; n /= 2, x = fv_mul_##s(x, x))                                                \
            if (n % 2) power = fv_mul_##s(power, x);                                               \
        return power;                                                                              \
    }
#define FV_SIGNED_WORDS(I, U, s, LOW, HIGH)                                                        \
    FV_INTEGER_WORDS(I, U, s, LOW, HIGH, (I)(x < 0 ? (U)0 - (U)x : (U)x), (I)((x > 0) - (x < 0)),  \
                     x > 0 ? x : 0)
#define FV_INTEGER_TYPES()                                                                         \
    FV_INTEGER_WORDS(uint8_t, uint32_t, u8, -256, UINT8_MAX, x, x != 0, x)                         \
    FV_SIGNED_WORDS(int32_t, uint32_t, i32, INT32_MIN, INT32_MAX)                                  \
    FV_SIGNED_WORDS(int64_t, uint64_t, i64, INT64_MIN, INT64_MAX)

#endif
