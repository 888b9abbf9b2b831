/* Body of conv_few_isa.c for one element type: T, VEC, VEC_U, EVEN, ODD and NAME are defined by the
 * includer. */

enum { NAME(LANES) = FV_VBYTES / sizeof(T) };

FV_INLINE VEC NAME(load)(const T *p)
{
    return *(const VEC_U *)(const void *)p;
}

/* Neighbouring lanes added: a's in the lower half, b's in the upper. */
FV_INLINE VEC NAME(fold)(VEC a, VEC b)
{
    return __builtin_shufflevector(a, b, EVEN) + __builtin_shufflevector(a, b, ODD);
}

/* Two vectors each become one. */
FV_INLINE void NAME(fold_pairs)(VEC *v, int pairs)
{
    FV_UNROLL
    for (int i = 0; i < pairs; i++) v[i] = NAME(fold)(v[2 * i], v[2 * i + 1]);
}

/* Lane i of the result: the sum of the lanes of v[i], by a tree. */
FV_INLINE VEC NAME(add_lanes)(VEC *v)
{
    if (NAME(LANES) >= 16) NAME(fold_pairs)(v, 8);
    if (NAME(LANES) >= 8) NAME(fold_pairs)(v, 4);
    if (NAME(LANES) >= 4) NAME(fold_pairs)(v, 2);
    NAME(fold_pairs)(v, 1);
    return v[0];
}

/* Position q's columns from their sums. */
FV_INLINE void NAME(put)(const fv_few_row *job, const T *sums, int64_t q, int columns)
{
    const T *bias = job->bias, *scale = job->scale, *shift = job->shift;
    const T *residual = job->residual ? (const T *)job->residual + q * job->c_step : NULL;
    T *c = (T *)job->c + q * job->c_step;
    for (int j = 0; j < columns; j++) {
        T v = sums[j];
        if (bias) v += bias[j];
        if (scale) v *= scale[j];
        if (shift) v += shift[j];
        if (residual) v += residual[j];
        c[j] = job->relu && v < 0 ? (T)0 : v; /* NaN stays */
    }
}

#define COLUMNS 1
#include "conv_few_row_impl.h"
#define COLUMNS 2
#include "conv_few_row_impl.h"
#define COLUMNS 3
#include "conv_few_row_impl.h"
#define COLUMNS 4
#include "conv_few_row_impl.h"
#define COLUMNS 5
#include "conv_few_row_impl.h"
#define COLUMNS 6
#include "conv_few_row_impl.h"
#define COLUMNS 7
#include "conv_few_row_impl.h"
#define COLUMNS 8
#include "conv_few_row_impl.h"
