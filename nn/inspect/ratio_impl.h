/* Arithmetic on fractions (autograd/facts.h). What does not fit is no number, and so is all that is
 * made of it. */
#ifndef FOVEA_NN_INSPECT_RATIO_IMPL_H
#define FOVEA_NN_INSPECT_RATIO_IMPL_H

#include "autograd/facts.h"

static const fv_ratio fv_no_ratio = {0, 0};

static inline fv_ratio fv_ratio_whole(int64_t value)
{
    return (fv_ratio){value, 1};
}

static inline fv_ratio fv_ratio_times(fv_ratio a, fv_ratio b)
{
    int64_t num, den;
    if (__builtin_mul_overflow(a.num, b.num, &num) || __builtin_mul_overflow(a.den, b.den, &den))
        return fv_no_ratio;
    return fv_ratio_of(num, den);
}

static inline fv_ratio fv_ratio_plus(fv_ratio a, fv_ratio b)
{
    int64_t left, right, num, den;
    if (__builtin_mul_overflow(a.num, b.den, &left) ||
        __builtin_mul_overflow(b.num, a.den, &right) || __builtin_add_overflow(left, right, &num) ||
        __builtin_mul_overflow(a.den, b.den, &den))
        return fv_no_ratio;
    return fv_ratio_of(num, den);
}

static inline fv_ratio fv_ratio_minus(fv_ratio a, fv_ratio b)
{
    return fv_ratio_plus(a, (fv_ratio){-b.num, b.den});
}

/* a <= b; false of no numbers. */
static inline bool fv_ratio_at_most(fv_ratio a, fv_ratio b)
{
    const fv_ratio rest = fv_ratio_minus(b, a);
    return rest.den > 0 && rest.num >= 0;
}

static inline bool fv_ratio_equal(fv_ratio a, fv_ratio b)
{
    return a.den > 0 && a.num == b.num && a.den == b.den;
}

static inline double fv_ratio_value(fv_ratio a)
{
    return a.den ? (double)a.num / (double)a.den : 0;
}

#endif
