/* sin and cos, compiled once per instruction-set level.
 *
 * x = n pi/2 + r with |r| <= pi/4: the last two bits of n choose between polynomials for sin r and
 * cos r, and the sign. pi/2 stands in two or three parts of few bits, so that n times all but the
 * last is exact while |x| is up to 2^16; a block with a larger number, infinity or NaN is the C
 * library's. float32 is computed in double: 0.51 ulp. float64: 0.8 ulp.
 * Source: argument reduction as in Cody & Waite 1980; polynomials by Remez' iteration. */
#include <math.h>

#include "tensor/kernels/elementwise/trig.h"
#include "tensor/kernels/vmath_isa.h"

enum { BLOCK = 64 };
#define LARGEST 0x1p16

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* r is head + tail; quarter counts pi/2. */
typedef struct reduced {
    double head, tail;
    uint64_t quarter;
} reduced;

static inline reduced reduce(double x)
{
    const double shift = 0x1.8p52;
    double t = x * 0x1.45f306dc9c883p-1 + shift, n = t - shift;
    double first = x - n * 0x1.921fb54440000p+0; /* exact */
    double second = n * 0x1.68c234c4c0000p-39;   /* exact */
    double r = first - second;
    double lost = ((first - r) - second) - n * 0x1.98a2e03707345p-77;
    double head = r + lost;
    return (reduced){head, (r - head) + lost, fv_bits_of_double(t)};
}

/* The sine of x turned by so many quarters. */
static inline double turned_f64(double x, uint64_t quarters)
{
    reduced p = reduce(x);
    double r = p.head, z = r * r;
    double s = 0x1.5d8a29a7d913fp-33;
    s = s * z + -0x1.ae5e48b5b422fp-26;
    s = s * z + 0x1.71de355361358p-19;
    s = s * z + -0x1.a01a019be96dbp-13;
    s = s * z + 0x1.111111110f748p-7;
    s = s * z + -0x1.5555555555548p-3;
    double c = -0x1.8fa4e4530ec18p-37;
    c = c * z + 0x1.1ee9d9ba2d087p-29;
    c = c * z + -0x1.27e4f7f01f683p-22;
    c = c * z + 0x1.a01a019c8f69dp-16;
    c = c * z + -0x1.6c16c16c1502ep-10;
    c = c * z + 0x1.555555555554bp-5;
    double half = 0.5 * z, high = 1.0 - half;
    double sine = r + (r * z * s + p.tail * high);
    double cosine = high + (((1.0 - high) - half) + (z * z * c - r * p.tail));
    uint64_t q = p.quarter + quarters;
    double y = q & 1 ? cosine : r == 0.0 ? x : sine;
    return fv_double_of_bits(fv_bits_of_double(y) ^ (q & 2) << 62);
}

/* In double: 29 bits more than the result has leave out the tails. */
static inline float turned_f32(float x, uint64_t quarters)
{
    const double shift = 0x1.8p52;
    double wide = (double)x, t = wide * 0x1.45f306dc9c883p-1 + shift, n = t - shift;
    double r = wide - n * 0x1.921fb54400000p+0;
    r = r - n * 0x1.0b4611a626331p-34;
    double z = r * r;
    double s = 0x1.6ccbb04b04767p-19;
    s = s * z + -0x1.a00f6902ddbbep-13;
    s = s * z + 0x1.11110855ad239p-7;
    s = s * z + -0x1.5555554c62809p-3;
    double c = -0x1.24216fbb420f6p-22;
    c = c * z + 0x1.a010f310cad9dp-16;
    c = c * z + -0x1.6c16b855373a1p-10;
    c = c * z + 0x1.5555554f106b9p-5;
    uint64_t q = fv_bits_of_double(t) + quarters;
    double y = q & 1 ? 1.0 - 0.5 * z + z * z * c : r * (1.0 + z * s);
    return (float)fv_double_of_bits(fv_bits_of_double(y) ^ (q & 2) << 62);
}

#define DEFINE_TRIG(T, NAME, TURNED, QUARTERS, LIBRARY, ABS)                                       \
    static void NAME##_block(T *o, const T *a, int64_t n)                                          \
    {                                                                                              \
        int within = 1;                                                                            \
        for (int64_t i = 0; i < n; i++) within &= ABS(a[i]) <= (T)LARGEST;                         \
        if (!within) {                                                                             \
            for (int64_t i = 0; i < n; i++) o[i] = LIBRARY(a[i]);                                  \
            return;                                                                                \
        }                                                                                          \
        INDEPENDENT                                                                                \
        for (int64_t i = 0; i < n; i++) o[i] = TURNED(a[i], QUARTERS);                             \
    }                                                                                              \
    static void NAME(void *o_, const void *a_, const void *b, const void *c, int64_t n, double p,  \
                     double q)                                                                     \
    {                                                                                              \
        T *o = o_;                                                                                 \
        const T *a = a_;                                                                           \
        (void)b, (void)c, (void)p, (void)q;                                                        \
        int64_t i = 0;                                                                             \
        for (; i + BLOCK <= n; i += BLOCK) NAME##_block(o + i, a + i, BLOCK);                      \
        NAME##_block(o + i, a + i, n - i);                                                         \
    }
DEFINE_TRIG(float, sin_f32, turned_f32, 0, sinf, fabsf)
DEFINE_TRIG(float, cos_f32, turned_f32, 1, cosf, fabsf)
DEFINE_TRIG(double, sin_f64, turned_f64, 0, sin, fabs)
DEFINE_TRIG(double, cos_f64, turned_f64, 1, cos, fabs)

const fv_trig_rows FV_ISA_NAME(fv_trig_rows_) = {
    .sin_f32 = sin_f32, .cos_f32 = cos_f32, .sin_f64 = sin_f64, .cos_f64 = cos_f64};
