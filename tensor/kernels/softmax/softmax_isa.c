/* Inner loops of softmax; see softmax_impl.h. Compiled once per instruction-set level.
 *
 * The last vector of a row is filled up with numbers that add nothing, so that short rows (ten
 * classes) cost one vector and no scalar exponential. A NaN reaches its whole row by way of the
 * sum, so the maximum need not care. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/kernels/softmax/softmax_impl.h"
#include "tensor/kernels/softmax_vec.h"

#define FV_INLINE static inline __attribute__((always_inline))

enum { LANES = FV_VBYTES / 8 };
typedef int64_t vmask_f64 __attribute__((vector_size(FV_VBYTES)));

static inline float lanes_max(fv_vf v)
{
    float m = v[0];
    for (int l = 1; l < FV_VF_LEN; l++) m = v[l] > m ? v[l] : m;
    return m;
}

static inline float lanes_sum(fv_vf v)
{
    float s = 0;
    for (int l = 0; l < FV_VF_LEN; l++) s += v[l];
    return s;
}

/* n <= FV_VF_LEN numbers. */
static inline fv_vf load_f32(const float *p, int64_t n, float fill)
{
    return n < FV_VF_LEN ? fv_vload_part(p, n, fill) : fv_vload(p);
}

static inline void store_f32(float *p, fv_vf v, int64_t n)
{
    if (n < FV_VF_LEN)
        memcpy(p, &v, (size_t)n * sizeof(float));
    else
        fv_vstore(p, v);
}

/* The same of n <= LANES doubles. */
static inline fv_vd load_f64(const double *p, int64_t n, double fill)
{
    if (n >= LANES) return (fv_vd) * (const fv_vd_u *)p;
    fv_vd v = (fv_vd){0} + fill;
    memcpy(&v, p, (size_t)n * sizeof(double));
    return v;
}

static inline void store_f64(double *p, fv_vd v, int64_t n)
{
    if (n < LANES)
        memcpy(p, &v, (size_t)n * sizeof(double));
    else
        *(fv_vd_u *)p = (fv_vd_u)v;
}

static inline fv_vd larger_f64(fv_vd a, fv_vd b)
{
    vmask_f64 take = b > a;
    return (fv_vd)((take & (vmask_f64)b) | (~take & (vmask_f64)a));
}

static inline int64_t part(int64_t n, int64_t i)
{
    return n - i < FV_VF_LEN ? n - i : FV_VF_LEN;
}

static void row(float *y, const float *x, int64_t n, bool log)
{
    fv_vf best = load_f32(x, part(n, 0), -INFINITY), sum = {0};
    for (int64_t i = FV_VF_LEN; i < n; i += FV_VF_LEN)
        best = fv_vlarger(best, load_f32(x + i, part(n, i), -INFINITY));
    const float m = lanes_max(best);
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf d = load_f32(x + i, part(n, i), -INFINITY) - m;
        fv_vf e = fv_exp_vf(d);
        sum += e;
        store_f32(y + i, log ? d : e, part(n, i));
    }
    const float total = lanes_sum(sum);
    const float shift = log ? logf(total) : 0, scale = log ? 0 : 1.0f / total;
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load_f32(y + i, part(n, i), 0);
        store_f32(y + i, log ? v - shift : v * scale, part(n, i));
    }
}

static void grad_row(float *gx, const float *g, const float *y, int64_t n, bool log)
{
    fv_vf sum = {0};
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load_f32(g + i, part(n, i), 0);
        sum += log ? v : v * load_f32(y + i, part(n, i), 0);
    }
    const float total = lanes_sum(sum);
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load_f32(g + i, part(n, i), 0), w = load_f32(y + i, part(n, i), 0);
        store_f32(gx + i, log ? v - fv_exp_vf(w) * total : w * (v - total), part(n, i));
    }
}

/* --- columns ---------------------------------------------------------------------------------- */

static inline fv_vf logarithm_f32(fv_vf v)
{
    float lane[FV_VF_LEN];
    memcpy(lane, &v, sizeof v);
    for (int l = 0; l < FV_VF_LEN; l++) lane[l] = fv_log_f32(lane[l]);
    memcpy(&v, lane, sizeof v);
    return v;
}

static inline fv_vd logarithm_f64(fv_vd v)
{
    double lane[LANES];
    memcpy(lane, &v, sizeof v);
    for (int l = 0; l < LANES; l++) lane[l] = fv_log_f64(lane[l]);
    memcpy(&v, lane, sizeof v);
    return v;
}

#define T               float
#define V               fv_vf
#define LEN             FV_VF_LEN
#define NAME(id)        id##_f32
#define larger_f32      fv_vlarger
#define exponential_f32 fv_exp_vf
#include "tensor/kernels/softmax/softmax_cols_impl.h"
#undef T
#undef V
#undef LEN
#undef NAME

#define T               double
#define V               fv_vd
#define LEN             LANES
#define NAME(id)        id##_f64
#define exponential_f64 fv_exp_vd
#include "tensor/kernels/softmax/softmax_cols_impl.h"
#undef T
#undef V
#undef LEN
#undef NAME

/* --- short rows: transposed into a tile, where they are columns ------------------------------ */

enum { TILE = FV_SOFTMAX_SHORT * FV_VF_LEN };

/* tile[i][r] = p[r][i]; the lanes without a row repeat row 0. */
static inline void tile_in(float *tile, const float *p, int64_t n, int64_t stride, int64_t rows,
                           fv_transpose_fn transpose)
{
    transpose(tile, FV_VF_LEN, p, stride, rows, n);
    for (int64_t r = rows; r < FV_VF_LEN; r++)
        for (int64_t i = 0; i < n; i++) tile[i * FV_VF_LEN + r] = p[i];
}

static void short_rows(float *y, const float *x, int64_t n, int64_t ry, int64_t rx, int64_t rows,
                       bool log, fv_transpose_fn transpose)
{
    float tile[TILE];
    for (int64_t r = 0; r < rows; r += FV_VF_LEN) {
        tile_in(tile, x + r * rx, n, rx, part(rows, r), transpose);
        block_f32(tile, tile, n, FV_VF_LEN, FV_VF_LEN, 1, FV_VF_LEN, log);
        transpose(y + r * ry, ry, tile, FV_VF_LEN, n, part(rows, r));
    }
}

static void grad_short_rows(float *gx, const float *g, const float *y, int64_t n, const int64_t *s,
                            int64_t rows, bool log, fv_transpose_fn transpose)
{
    float gt[TILE], yt[TILE];
    for (int64_t r = 0; r < rows; r += FV_VF_LEN) {
        tile_in(gt, g + r * s[1], n, s[1], part(rows, r), transpose);
        tile_in(yt, y + r * s[2], n, s[2], part(rows, r), transpose);
        grad_block_f32(gt, gt, yt, n, FV_VF_LEN, FV_VF_LEN, FV_VF_LEN, 1, FV_VF_LEN, log);
        transpose(gx + r * s[0], s[0], gt, FV_VF_LEN, n, part(rows, r));
    }
}

/* --- float64 ---------------------------------------------------------------------------------- */

/* The sum of the exponentials of x - m; y gets them, or the differences. */
static double exponentials_f64(double *y, const double *x, int64_t n, double m, bool log_)
{
    fv_vd sum = {0};
    double total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        fv_vd d = load_f64(x + i, LANES, 0) - m, e = fv_exp_vd(d);
        sum += e;
        store_f64(y + i, log_ ? d : e, LANES);
    }
    for (; i < n; i++) {
        double d = x[i] - m, e = fv_exp_f64(d);
        total += e;
        y[i] = log_ ? d : e;
    }
    for (int l = 0; l < LANES; l++) total += sum[l];
    return total;
}

static void row_f64(double *y, const double *x, int64_t n, bool log_)
{
    double best[LANES], m = x[0];
    int64_t whole = n / LANES * LANES;
    for (int l = 0; l < LANES; l++) best[l] = m;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) best[l] = x[i + l] > best[l] ? x[i + l] : best[l];
    for (int64_t i = whole; i < n; i++) m = x[i] > m ? x[i] : m;
    for (int l = 0; l < LANES; l++) m = best[l] > m ? best[l] : m;
    const double total = exponentials_f64(y, x, n, m, log_);
    const double shift = log_ ? log(total) : 0;
    if (log_)
        for (int64_t i = 0; i < n; i++) y[i] -= shift;
    else
        for (int64_t i = 0; i < n; i++) y[i] /= total;
}

static void grad_row_f64(double *gx, const double *g, const double *y, int64_t n, bool log_)
{
    double sum[LANES] = {0}, total = 0;
    int64_t whole = n / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) sum[l] += log_ ? g[i + l] : g[i + l] * y[i + l];
    for (int l = 0; l < LANES; l++) total += sum[l];
    for (int64_t i = whole; i < n; i++) total += log_ ? g[i] : g[i] * y[i];
    if (log_)
        for (int64_t i = 0; i < n; i++) gx[i] = g[i] - fv_exp_f64(y[i]) * total;
    else
        for (int64_t i = 0; i < n; i++) gx[i] = y[i] * (g[i] - total);
}

const fv_softmax_kernels FV_ISA_NAME(fv_softmax_kernels_) = {
    .row = row,
    .grad_row = grad_row,
    .short_rows = short_rows,
    .grad_short_rows = grad_short_rows,
    .cols = cols_f32,
    .grad_cols = grad_cols_f32,
    .row_f64 = row_f64,
    .grad_row_f64 = grad_row_f64,
    .cols_f64 = cols_f64,
    .grad_cols_f64 = grad_cols_f64,
};
