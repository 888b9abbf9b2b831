/* Inner loops of reductions; see reduce_impl.h. Compiled once per instruction-set level.
 *
 * A float row is added up in four vectors per block of BLOCK elements, 32 for each lane, and the
 * blocks meet in double: every float addition has few terms behind it, as in a pairwise sum. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/kernels/reduce/reduce_impl.h"
#include "tensor/kernels/softmax_vec.h"

enum { BLOCK = 32 * FV_VBYTES, FOLD = 128 };

typedef int32_t vi32 __attribute__((vector_size(FV_VBYTES)));
typedef int64_t vi64 __attribute__((vector_size(FV_VBYTES)));
typedef float vf_half __attribute__((vector_size(FV_VBYTES / 2)));

#define MAX_OF(m, x) ((((x) > (m)) | ((x) != (x))) ? (x) : (m))
#define MIN_OF(m, x) ((((x) < (m)) | ((x) != (x))) ? (x) : (m))
#define SUM_OF(m, x) ((m) + (x))
#define MUL_OF(m, x) ((m) * (x))

/* --- rows of floating numbers ---------------------------------------------------------------- */

/* The lanes of a vector, joined in pairs: few steps depend on each other. */
#define DEFINE_LANES(T, V, NAME, OF)                                                               \
    static inline double NAME(V v)                                                                 \
    {                                                                                              \
        enum { LEN = FV_VBYTES / sizeof(T) };                                                      \
        double lane[LEN];                                                                          \
        for (int l = 0; l < LEN; l++) lane[l] = (double)v[l];                                      \
        _Pragma("GCC unroll 4") for (int half = LEN / 2; half > 0;                                 \
                                     half /= 2) for (int l = 0; l < half; l++) lane[l] =           \
            OF(lane[l], lane[l + half]);                                                           \
        return lane[0];                                                                            \
    }
DEFINE_LANES(float, fv_vf, lanes_sum_f32, SUM_OF)
DEFINE_LANES(double, fv_vd, lanes_sum_f64, SUM_OF)
DEFINE_LANES(double, fv_vd, lanes_prod_f64, MUL_OF)
DEFINE_LANES(float, fv_vf, lanes_max_f32, MAX_OF)
DEFINE_LANES(double, fv_vd, lanes_max_f64, MAX_OF)
DEFINE_LANES(float, fv_vf, lanes_min_f32, MIN_OF)
DEFINE_LANES(double, fv_vd, lanes_min_f64, MIN_OF)

/* x and |x|, of numbers and vectors. */
#define DEFINE_TERMS(T, V, VI, SIGN, TYPE)                                                         \
    static inline T same_##TYPE(T x)                                                               \
    {                                                                                              \
        return x;                                                                                  \
    }                                                                                              \
    static inline V same_##TYPE##_v(V x)                                                           \
    {                                                                                              \
        return x;                                                                                  \
    }                                                                                              \
    static inline T size_##TYPE(T x)                                                               \
    {                                                                                              \
        return x < 0 ? -x : x;                                                                     \
    }                                                                                              \
    static inline V size_##TYPE##_v(V x)                                                           \
    {                                                                                              \
        return (V)((VI)x & ~((VI){0} + (SIGN)));                                                   \
    }
DEFINE_TERMS(float, fv_vf, vi32, INT32_MIN, f32)
DEFINE_TERMS(double, fv_vd, vi64, INT64_MIN, f64)

#define DEFINE_ROW_SUM(T, V, VU, NAME, OF, LANES)                                                  \
    static void NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)       \
    {                                                                                              \
        (void)shift;                                                                               \
        enum { LEN = FV_VBYTES / sizeof(T), STEP = 4 * LEN };                                      \
        const T *p = data;                                                                         \
        double total = 0;                                                                          \
        int64_t i = 0;                                                                             \
        while (stride == 1 && n - i >= LEN) {                                                      \
            int64_t stop = n - i < BLOCK ? n : i + BLOCK;                                          \
            V a = {0}, b = {0}, c = {0}, d = {0};                                                  \
            for (; i + STEP <= stop; i += STEP) {                                                  \
                a += OF##_v(*(const VU *)(p + i));                                                 \
                b += OF##_v(*(const VU *)(p + i + LEN));                                           \
                c += OF##_v(*(const VU *)(p + i + 2 * LEN));                                       \
                d += OF##_v(*(const VU *)(p + i + 3 * LEN));                                       \
            }                                                                                      \
            for (; i + LEN <= stop; i += LEN) a += OF##_v(*(const VU *)(p + i));                   \
            total += LANES((a + b) + (c + d));                                                     \
        }                                                                                          \
        for (; i < n; i++) total += (double)OF(p[i * stride]);                                     \
        acc->d += total;                                                                           \
    }
DEFINE_ROW_SUM(float, fv_vf, fv_vf_u, row_sum_f32, same_f32, lanes_sum_f32)
DEFINE_ROW_SUM(double, fv_vd, fv_vd_u, row_sum_f64, same_f64, lanes_sum_f64)
DEFINE_ROW_SUM(float, fv_vf, fv_vf_u, row_sumabs_f32, size_f32, lanes_sum_f32)
DEFINE_ROW_SUM(double, fv_vd, fv_vd_u, row_sumabs_f64, size_f64, lanes_sum_f64)

/* take = lanes where x beats m or is NaN; a NaN in m is never beaten. */
#define DEFINE_ROW_BEST(T, V, VU, VI, NAME, BEATS, OF, LANES)                                      \
    static inline V NAME##_step(V m, V x)                                                          \
    {                                                                                              \
        VI take = (VI)(x BEATS m) | (VI)(x != x);                                                  \
        return (V)((take & (VI)x) | (~take & (VI)m));                                              \
    }                                                                                              \
    static void NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)       \
    {                                                                                              \
        (void)shift;                                                                               \
        enum { LEN = FV_VBYTES / sizeof(T), STEP = 4 * LEN };                                      \
        const T *p = data;                                                                         \
        T best = (T)acc->d;                                                                        \
        int64_t i = 0;                                                                             \
        if (stride == 1 && n >= LEN) {                                                             \
            V a = *(const VU *)p, b = a, c = a, d = a;                                             \
            for (; i + STEP <= n; i += STEP) {                                                     \
                a = NAME##_step(a, *(const VU *)(p + i));                                          \
                b = NAME##_step(b, *(const VU *)(p + i + LEN));                                    \
                c = NAME##_step(c, *(const VU *)(p + i + 2 * LEN));                                \
                d = NAME##_step(d, *(const VU *)(p + i + 3 * LEN));                                \
            }                                                                                      \
            for (; i + LEN <= n; i += LEN) a = NAME##_step(a, *(const VU *)(p + i));               \
            a = NAME##_step(NAME##_step(a, b), NAME##_step(c, d));                                 \
            const double lanes = LANES(a);                                                         \
            best = (T)OF((double)best, lanes);                                                     \
        }                                                                                          \
        for (; i < n; i++) best = OF(best, p[i * stride]);                                         \
        acc->d = (double)best;                                                                     \
    }
DEFINE_ROW_BEST(float, fv_vf, fv_vf_u, vi32, row_max_f32, >, MAX_OF, lanes_max_f32)
DEFINE_ROW_BEST(float, fv_vf, fv_vf_u, vi32, row_min_f32, <, MIN_OF, lanes_min_f32)
DEFINE_ROW_BEST(double, fv_vd, fv_vd_u, vi64, row_max_f64, >, MAX_OF, lanes_max_f64)
DEFINE_ROW_BEST(double, fv_vd, fv_vd_u, vi64, row_min_f64, <, MIN_OF, lanes_min_f64)

/* In double: m of an accumulator m and an element x. */
#define PROD_STEP(m, x, shift)   ((m) * (x))
#define COUNT_STEP(m, x, shift)  ((m) + ((x) != 0))
#define SUMABS_STEP(m, x, shift) ((m) + fabs(x))
#define MAXABS_STEP(m, x, shift) MAX_OF(m, fabs(x))
#define MINABS_STEP(m, x, shift) MIN_OF(m, fabs(x))
#define SUMPOW_STEP(m, x, shift) ((m) + pow(fabs(x), shift))

#define DEFINE_ROW_PLAIN(T, NAME, STEP)                                                            \
    static void NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)       \
    {                                                                                              \
        (void)shift;                                                                               \
        const T *p = data;                                                                         \
        double m = acc->d;                                                                         \
        for (int64_t i = 0; i < n; i++) m = STEP(m, (double)p[i * stride], shift);                 \
        acc->d = m;                                                                                \
    }
#define DEFINE_ROWS_PLAIN(T, TYPE)                                                                 \
    DEFINE_ROW_PLAIN(T, row_count_##TYPE, COUNT_STEP)                                              \
    DEFINE_ROW_PLAIN(T, row_maxabs_##TYPE, MAXABS_STEP)                                            \
    DEFINE_ROW_PLAIN(T, row_minabs_##TYPE, MINABS_STEP)                                            \
    DEFINE_ROW_PLAIN(T, row_sumpow_##TYPE, SUMPOW_STEP)
DEFINE_ROWS_PLAIN(float, f32)
DEFINE_ROWS_PLAIN(double, f64)

static inline fv_vd widen(const float *p)
{
    vf_half half;
    memcpy(&half, p, sizeof half);
    return __builtin_convertvector(half, fv_vd);
}

static inline fv_vd load_f64(const double *p)
{
    return (fv_vd) * (const fv_vd_u *)p;
}

/* Several products at a time: one that waited for the one before would take four cycles each. */
#define DEFINE_ROW_PROD(T, LOAD, NAME)                                                             \
    static void NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)       \
    {                                                                                              \
        (void)shift;                                                                               \
        enum { LEN = FV_VBYTES / sizeof(double) };                                                 \
        const T *p = data;                                                                         \
        int64_t i = 0;                                                                             \
        double total = acc->d;                                                                     \
        if (stride == 1 && n >= 4 * LEN) {                                                         \
            fv_vd a = (fv_vd){0} + 1, b = a, c = a, d = a;                                         \
            for (; i + 4 * LEN <= n; i += 4 * LEN) {                                               \
                a *= LOAD(p + i);                                                                  \
                b *= LOAD(p + i + LEN);                                                            \
                c *= LOAD(p + i + 2 * LEN);                                                        \
                d *= LOAD(p + i + 3 * LEN);                                                        \
            }                                                                                      \
            total *= lanes_prod_f64((a * b) * (c * d));                                            \
        }                                                                                          \
        for (; i < n; i++) total *= (double)p[i * stride];                                         \
        acc->d = total;                                                                            \
    }
DEFINE_ROW_PROD(float, widen, row_prod_f32)
DEFINE_ROW_PROD(double, load_f64, row_prod_f64)

#define DEFINE_ROW_SQDEV(T, LOAD, NAME)                                                            \
    static void NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)       \
    {                                                                                              \
        enum { LEN = FV_VBYTES / sizeof(double) };                                                 \
        const T *p = data;                                                                         \
        int64_t i = 0;                                                                             \
        double total = 0;                                                                          \
        if (stride == 1) {                                                                         \
            fv_vd a = {0}, b = {0};                                                                \
            for (; i + 2 * LEN <= n; i += 2 * LEN) {                                               \
                fv_vd u = LOAD(p + i) - shift, v = LOAD(p + i + LEN) - shift;                      \
                a += u * u;                                                                        \
                b += v * v;                                                                        \
            }                                                                                      \
            a += b;                                                                                \
            for (int l = 0; l < LEN; l++) total += a[l];                                           \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            double u = (double)p[i * stride] - shift;                                              \
            total += u * u;                                                                        \
        }                                                                                          \
        acc->d += total;                                                                           \
    }
DEFINE_ROW_SQDEV(float, widen, row_sqdev_f32)
DEFINE_ROW_SQDEV(double, load_f64, row_sqdev_f64)

static void row_sumexp_f32(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)
{
    const float *p = data;
    const fv_vf m = (fv_vf){0} + (float)shift;
    double total = 0;
    for (int64_t i = 0; i < n;) {
        fv_vf sum = {0};
        int64_t stop = n - i < BLOCK ? n : i + BLOCK;
        for (; stride == 1 && i + FV_VF_LEN <= stop; i += FV_VF_LEN)
            sum += fv_exp_vf(fv_vload(p + i) - m);
        for (; i < stop; i += FV_VF_LEN) {
            fv_vf part = (fv_vf){0} - INFINITY;
            for (int l = 0; l < FV_VF_LEN && i + l < stop; l++) part[l] = p[(i + l) * stride];
            sum += fv_exp_vf(part - m);
        }
        if (i > stop) i = stop;
        for (int l = 0; l < FV_VF_LEN; l++) total += (double)sum[l];
    }
    acc->d += total;
}

static void row_sumexp_f64(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift)
{
    enum { LEN = FV_VBYTES / sizeof(double) };
    const double *p = data;
    double sum[LEN] = {0};
    int64_t i = 0;
    for (; i + LEN <= n; i += LEN)
        for (int l = 0; l < LEN; l++) sum[l] += fv_exp_f64(p[(i + l) * stride] - shift);
    for (; i < n; i++) acc->d += fv_exp_f64(p[i * stride] - shift);
    for (int l = 0; l < LEN; l++) acc->d += sum[l];
}

/* --- columns of floating numbers ------------------------------------------------------------- */

/* Adds rows of w numbers into m, four rows at a time. */
#define DEFINE_COL_STEPS(T, NAME, OF)                                                              \
    static inline void NAME##_rows(T *m, const T *p, int64_t rows, int64_t row_stride, int64_t w)  \
    {                                                                                              \
        int64_t r = 0;                                                                             \
        for (; r + 4 <= rows; r += 4) {                                                            \
            const T *p0 = p + r * row_stride, *p1 = p0 + row_stride;                               \
            const T *p2 = p1 + row_stride, *p3 = p2 + row_stride;                                  \
            for (int64_t c = 0; c < w; c++) {                                                      \
                T a = OF(p0[c], p1[c]), b = OF(p2[c], p3[c]);                                      \
                T ab = OF(a, b);                                                                   \
                m[c] = OF(m[c], ab);                                                               \
            }                                                                                      \
        }                                                                                          \
        for (; r < rows; r++)                                                                      \
            for (int64_t c = 0; c < w; c++) m[c] = OF(m[c], p[r * row_stride + c]);                \
    }

/* Dense rows shorter than a few vectors are taken several at a time, as one long row. */
#define DEFINE_COL(T, NAME, OF, START)                                                             \
    DEFINE_COL_STEPS(T, NAME, OF)                                                                  \
    static void NAME(fv_acc *acc, const void *data, int64_t rows, int64_t row_stride,              \
                     int64_t cols, const double *shift)                                            \
    {                                                                                              \
        (void)shift;                                                                               \
        T m[FV_REDUCE_TILE];                                                                       \
        const T *p = data;                                                                         \
        if (row_stride == cols && cols < 32 && rows * cols >= 2 * FOLD) {                          \
            int64_t group = FOLD / cols, w = group * cols, groups = rows / group;                  \
            for (int64_t c = 0; c < w; c++) m[c] = START;                                          \
            NAME##_rows(m, p, groups, w, w);                                                       \
            for (int64_t g = 0; g < group; g++)                                                    \
                for (int64_t c = 0; c < cols; c++)                                                 \
                    acc[c].d = OF(acc[c].d, (double)m[g * cols + c]);                              \
            p += groups * w;                                                                       \
            rows -= groups * group;                                                                \
        }                                                                                          \
        for (int64_t c = 0; c < cols; c++) m[c] = START;                                           \
        NAME##_rows(m, p, rows, row_stride, cols);                                                 \
        for (int64_t c = 0; c < cols; c++) acc[c].d = OF(acc[c].d, (double)m[c]);                  \
    }
DEFINE_COL(float, col_sum_f32, SUM_OF, 0)
DEFINE_COL(double, col_sum_f64, SUM_OF, 0)

/* By the vector steps of the rows, four rows at a time. */
#define DEFINE_COL_BEST(T, V, VU, NAME, STEP, OF, START)                                           \
    static inline V NAME##_four(V m, const T *p, int64_t s)                                        \
    {                                                                                              \
        V ab = STEP(*(const VU *)p, *(const VU *)(p + s));                                         \
        V cd = STEP(*(const VU *)(p + 2 * s), *(const VU *)(p + 3 * s));                           \
        return STEP(m, STEP(ab, cd));                                                              \
    }                                                                                              \
    static void NAME(fv_acc *acc, const void *data, int64_t rows, int64_t row_stride,              \
                     int64_t cols, const double *shift)                                            \
    {                                                                                              \
        (void)shift;                                                                               \
        enum { LEN = FV_VBYTES / sizeof(T), VECTORS = FV_REDUCE_TILE / LEN };                      \
        V m[VECTORS];                                                                              \
        const T *p = data;                                                                         \
        int64_t r = 0, vectors = cols / LEN;                                                       \
        for (int64_t v = 0; v < vectors; v++) m[v] = (V){0} + (START);                             \
        for (; r + 4 <= rows; r += 4)                                                              \
            for (int64_t v = 0; v < vectors; v++)                                                  \
                m[v] = NAME##_four(m[v], p + r * row_stride + v * LEN, row_stride);                \
        for (; r < rows; r++)                                                                      \
            for (int64_t v = 0; v < vectors; v++)                                                  \
                m[v] = STEP(m[v], *(const VU *)(p + r * row_stride + v * LEN));                    \
        for (int64_t c = 0; c < vectors * LEN; c++)                                                \
            acc[c].d = OF(acc[c].d, (double)m[c / LEN][c % LEN]);                                  \
        for (int64_t c = vectors * LEN; c < cols; c++)                                             \
            for (r = 0; r < rows; r++) acc[c].d = OF(acc[c].d, (double)p[r * row_stride + c]);     \
    }
DEFINE_COL_BEST(float, fv_vf, fv_vf_u, col_max_f32, row_max_f32_step, MAX_OF, -INFINITY)
DEFINE_COL_BEST(double, fv_vd, fv_vd_u, col_max_f64, row_max_f64_step, MAX_OF, -(double)INFINITY)
DEFINE_COL_BEST(float, fv_vf, fv_vf_u, col_min_f32, row_min_f32_step, MIN_OF, INFINITY)
DEFINE_COL_BEST(double, fv_vd, fv_vd_u, col_min_f64, row_min_f64_step, MIN_OF, (double)INFINITY)

/* shift is NULL for all but sumexp, sqdev and sumpow, which has one for each column. */
#define SUMEXP_STEP(m, x, shift) ((m) + fv_exp_f64((x) - (shift)))
#define SQDEV_STEP(m, x, shift)  ((m) + ((x) - (shift)) * ((x) - (shift)))
#define DEFINE_COL_PLAIN(T, NAME, STEP)                                                            \
    static void NAME(fv_acc *acc, const void *data, int64_t rows, int64_t row_stride,              \
                     int64_t cols, const double *shift)                                            \
    {                                                                                              \
        static const double zeros[FV_REDUCE_TILE];                                                 \
        const double *u = shift ? shift : zeros;                                                   \
        double m[FV_REDUCE_TILE];                                                                  \
        const T *p = data;                                                                         \
        (void)u;                                                                                   \
        for (int64_t c = 0; c < cols; c++) m[c] = acc[c].d;                                        \
        for (int64_t r = 0; r < rows; r++, p += row_stride)                                        \
            for (int64_t c = 0; c < cols; c++) m[c] = STEP(m[c], (double)p[c], u[c]);              \
        for (int64_t c = 0; c < cols; c++) acc[c].d = m[c];                                        \
    }
#define DEFINE_COLS_PLAIN(T, TYPE)                                                                 \
    DEFINE_COL_PLAIN(T, col_prod_##TYPE, PROD_STEP)                                                \
    DEFINE_COL_PLAIN(T, col_count_##TYPE, COUNT_STEP)                                              \
    DEFINE_COL_PLAIN(T, col_sumabs_##TYPE, SUMABS_STEP)                                            \
    DEFINE_COL_PLAIN(T, col_maxabs_##TYPE, MAXABS_STEP)                                            \
    DEFINE_COL_PLAIN(T, col_minabs_##TYPE, MINABS_STEP)                                            \
    DEFINE_COL_PLAIN(T, col_sumpow_##TYPE, SUMPOW_STEP)                                            \
    DEFINE_COL_PLAIN(T, col_sqdev_##TYPE, SQDEV_STEP)
DEFINE_COLS_PLAIN(float, f32)
DEFINE_COLS_PLAIN(double, f64)
DEFINE_COL_PLAIN(double, col_sumexp_f64, SUMEXP_STEP)

static void col_sumexp_f32(fv_acc *acc, const void *data, int64_t rows, int64_t row_stride,
                           int64_t cols, const double *shift)
{
    const float *p = data;
    for (int64_t c = 0; c < cols; c += FV_VF_LEN) {
        int64_t n = cols - c < FV_VF_LEN ? cols - c : FV_VF_LEN;
        fv_vf m = {0}, sum = {0};
        for (int64_t l = 0; l < n && shift; l++) m[l] = (float)shift[c + l];
        for (int64_t r = 0; r < rows; r++) {
            const float *at = p + r * row_stride + c;
            sum += fv_exp_vf((n < FV_VF_LEN ? fv_vload_part(at, n, 0) : fv_vload(at)) - m);
        }
        for (int64_t l = 0; l < n; l++) acc[c + l].d += (double)sum[l];
    }
}

/* --- integers -------------------------------------------------------------------------------- */

#define WRAP_SUM(m, x) ((int64_t)((uint64_t)(m) + (uint64_t)(x)))
#define WRAP_MUL(m, x) ((int64_t)((uint64_t)(m) * (uint64_t)(x)))
#define BIGGER(m, x)   ((x) > (m) ? (x) : (m))
#define SMALLER(m, x)  ((x) < (m) ? (x) : (m))

#define DEFINE_INT(T, NAME, OF)                                                                    \
    static void row_##NAME(fv_acc *acc, const void *data, int64_t n, int64_t stride, double shift) \
    {                                                                                              \
        (void)shift;                                                                               \
        const T *p = data;                                                                         \
        int64_t m = acc->i;                                                                        \
        if (stride == 1)                                                                           \
            for (int64_t i = 0; i < n; i++) m = OF(m, (int64_t)p[i]);                              \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) m = OF(m, (int64_t)p[i * stride]);                     \
        acc->i = m;                                                                                \
    }                                                                                              \
    static void col_##NAME(fv_acc *acc, const void *data, int64_t rows, int64_t row_stride,        \
                           int64_t cols, const double *shift)                                      \
    {                                                                                              \
        (void)shift;                                                                               \
        const T *p = data;                                                                         \
        for (int64_t r = 0; r < rows; r++, p += row_stride)                                        \
            for (int64_t c = 0; c < cols; c++) acc[c].i = OF(acc[c].i, (int64_t)p[c]);             \
    }
#define DEFINE_INT_KINDS(T, TYPE)                                                                  \
    DEFINE_INT(T, sum_##TYPE, WRAP_SUM)                                                            \
    DEFINE_INT(T, prod_##TYPE, WRAP_MUL)                                                           \
    DEFINE_INT(T, max_##TYPE, BIGGER)                                                              \
    DEFINE_INT(T, min_##TYPE, SMALLER)
DEFINE_INT_KINDS(int64_t, i64)
DEFINE_INT_KINDS(int32_t, i32)
DEFINE_INT_KINDS(uint8_t, u8)

/* --- the table ------------------------------------------------------------------------------- */

#define INT_KINDS(core, TYPE)                                                                      \
    {                                                                                              \
        [FV_REDUCE_SUM] = core##_sum_##TYPE, [FV_REDUCE_PROD] = core##_prod_##TYPE,                \
        [FV_REDUCE_MAX] = core##_max_##TYPE, [FV_REDUCE_MIN] = core##_min_##TYPE                   \
    }
#define FLOAT_KINDS(core, TYPE)                                                                    \
    {                                                                                              \
        [FV_REDUCE_SUM] = core##_sum_##TYPE, [FV_REDUCE_PROD] = core##_prod_##TYPE,                \
        [FV_REDUCE_MAX] = core##_max_##TYPE, [FV_REDUCE_MIN] = core##_min_##TYPE,                  \
        [FV_REDUCE_SQDEV] = core##_sqdev_##TYPE, [FV_REDUCE_SUMEXP] = core##_sumexp_##TYPE,        \
        [FV_REDUCE_COUNT] = core##_count_##TYPE, [FV_REDUCE_SUMABS] = core##_sumabs_##TYPE,        \
        [FV_REDUCE_MAXABS] = core##_maxabs_##TYPE, [FV_REDUCE_MINABS] = core##_minabs_##TYPE,      \
        [FV_REDUCE_SUMPOW] = core##_sumpow_##TYPE                                                  \
    }
#define ALL_TYPES(core)                                                                            \
    {                                                                                              \
        [FV_BOOL - FV_DTYPE_FIRST] = INT_KINDS(core, u8),                                          \
                   [FV_UINT8 - FV_DTYPE_FIRST] = INT_KINDS(core, u8),                              \
                   [FV_INT32 - FV_DTYPE_FIRST] = INT_KINDS(core, i32),                             \
                   [FV_INT64 - FV_DTYPE_FIRST] = INT_KINDS(core, i64),                             \
                   [FV_FLOAT32 - FV_DTYPE_FIRST] = FLOAT_KINDS(core, f32),                         \
                   [FV_FLOAT64 - FV_DTYPE_FIRST] = FLOAT_KINDS(core, f64),                         \
    }
const fv_reduce_kernels FV_ISA_NAME(fv_reduce_kernels_) = {
    .row = ALL_TYPES(row),
    .col = ALL_TYPES(col),
};
