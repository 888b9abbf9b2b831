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
static inline fv_vf load(const float *p, int64_t n, float fill)
{
    return n < FV_VF_LEN ? fv_vload_part(p, n, fill) : fv_vload(p);
}

static inline void store(float *p, fv_vf v, int64_t n)
{
    if (n < FV_VF_LEN)
        memcpy(p, &v, (size_t)n * sizeof(float));
    else
        fv_vstore(p, v);
}

static inline int64_t part(int64_t n, int64_t i)
{
    return n - i < FV_VF_LEN ? n - i : FV_VF_LEN;
}

static void row(float *y, const float *x, int64_t n, bool log)
{
    fv_vf best = load(x, part(n, 0), -INFINITY), sum = {0};
    for (int64_t i = FV_VF_LEN; i < n; i += FV_VF_LEN)
        best = fv_vlarger(best, load(x + i, part(n, i), -INFINITY));
    const float m = lanes_max(best);
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf d = load(x + i, part(n, i), -INFINITY) - m;
        fv_vf e = fv_exp_vf(d);
        sum += e;
        store(y + i, log ? d : e, part(n, i));
    }
    const float total = lanes_sum(sum);
    const float shift = log ? logf(total) : 0, scale = log ? 0 : 1.0f / total;
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load(y + i, part(n, i), 0);
        store(y + i, log ? v - shift : v * scale, part(n, i));
    }
}

static void grad_row(float *gx, const float *g, const float *y, int64_t n, bool log)
{
    fv_vf sum = {0};
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load(g + i, part(n, i), 0);
        sum += log ? v : v * load(y + i, part(n, i), 0);
    }
    const float total = lanes_sum(sum);
    for (int64_t i = 0; i < n; i += FV_VF_LEN) {
        fv_vf v = load(g + i, part(n, i), 0), w = load(y + i, part(n, i), 0);
        store(gx + i, log ? v - fv_exp_vf(w) * total : w * (v - total), part(n, i));
    }
}

static inline fv_vf log_lanes(fv_vf v)
{
    for (int l = 0; l < FV_VF_LEN; l++) v[l] = fv_log_f32(v[l]);
    return v;
}

static void cols_block(float *y, const float *x, int64_t n, int64_t sy, int64_t sx, int64_t w,
                       bool log)
{
    fv_vf m = load(x, w, 0), sum = {0};
    for (int64_t r = 1; r < n; r++) m = fv_vlarger(m, load(x + r * sx, w, 0));
    for (int64_t r = 0; r < n; r++) {
        fv_vf d = load(x + r * sx, w, 0) - m;
        fv_vf e = fv_exp_vf(d);
        sum += e;
        store(y + r * sy, log ? d : e, w);
    }
    const fv_vf shift = log ? log_lanes(sum) : sum, scale = 1.0f / sum;
    for (int64_t r = 0; r < n; r++) {
        fv_vf v = load(y + r * sy, w, 0);
        store(y + r * sy, log ? v - shift : v * scale, w);
    }
}

static void cols(float *y, const float *x, int64_t n, int64_t sy, int64_t sx, int64_t count,
                 bool log)
{
    for (int64_t c = 0; c < count; c += FV_VF_LEN)
        cols_block(y + c, x + c, n, sy, sx, part(count, c), log);
}

static void grad_cols(float *gx, const float *g, const float *y, int64_t n, int64_t sgx, int64_t sg,
                      int64_t sy, int64_t count, bool log)
{
    for (int64_t c = 0; c < count; c += FV_VF_LEN) {
        int64_t w = part(count, c);
        fv_vf sum = {0};
        for (int64_t r = 0; r < n; r++) {
            fv_vf v = load(g + r * sg + c, w, 0);
            sum += log ? v : v * load(y + r * sy + c, w, 0);
        }
        for (int64_t r = 0; r < n; r++) {
            fv_vf v = load(g + r * sg + c, w, 0), u = load(y + r * sy + c, w, 0);
            store(gx + r * sgx + c, log ? v - fv_exp_vf(u) * sum : u * (v - sum), w);
        }
    }
}

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
        cols_block(tile, tile, n, FV_VF_LEN, FV_VF_LEN, FV_VF_LEN, log);
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
        grad_cols(gt, gt, yt, n, FV_VF_LEN, FV_VF_LEN, FV_VF_LEN, FV_VF_LEN, log);
        transpose(gx + r * s[0], s[0], gt, FV_VF_LEN, n, part(rows, r));
    }
}

/* --- float64 ---------------------------------------------------------------------------------- */

enum { LANES = FV_VBYTES / 8 };

static inline fv_vd load_f64(const double *p)
{
    return (fv_vd) * (const fv_vd_u *)p;
}

static inline void store_f64(double *p, fv_vd v)
{
    *(fv_vd_u *)p = (fv_vd_u)v;
}

/* The sum of the exponentials of x - m; y gets them, or the differences. */
static double exponentials_f64(double *y, const double *x, int64_t n, double m, bool log_)
{
    fv_vd sum = {0};
    double total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        fv_vd d = load_f64(x + i) - m, e = fv_exp_vd(d);
        sum += e;
        store_f64(y + i, log_ ? d : e);
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

static void cols_f64(double *y, const double *x, int64_t n, int64_t sy, int64_t sx, int64_t count,
                     bool log_)
{
    double m[FV_SOFTMAX_COLUMNS], sum[FV_SOFTMAX_COLUMNS];
    for (int64_t c = 0; c < count; c++) m[c] = x[c], sum[c] = 0;
    for (int64_t r = 1; r < n; r++)
        for (int64_t c = 0; c < count; c++) m[c] = x[r * sx + c] > m[c] ? x[r * sx + c] : m[c];
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < count; c++) {
            double d = x[r * sx + c] - m[c], e = fv_exp_f64(d);
            sum[c] += e;
            y[r * sy + c] = log_ ? d : e;
        }
    for (int64_t c = 0; c < count; c++) sum[c] = log_ ? fv_log_f64(sum[c]) : sum[c];
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < count; c++) {
            double v = y[r * sy + c];
            y[r * sy + c] = log_ ? v - sum[c] : v / sum[c];
        }
}

static void grad_cols_f64(double *gx, const double *g, const double *y, int64_t n, int64_t sgx,
                          int64_t sg, int64_t sy, int64_t count, bool log_)
{
    double sum[FV_SOFTMAX_COLUMNS];
    for (int64_t c = 0; c < count; c++) sum[c] = 0;
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < count; c++) {
            double v = g[r * sg + c];
            sum[c] += log_ ? v : v * y[r * sy + c];
        }
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < count; c++) {
            double v = g[r * sg + c], w = y[r * sy + c];
            gx[r * sgx + c] = log_ ? v - fv_exp_f64(w) * sum[c] : w * (v - sum[c]);
        }
}

const fv_softmax_kernels FV_ISA_NAME(fv_softmax_kernels_) = {
    .row = row,
    .grad_row = grad_row,
    .short_rows = short_rows,
    .grad_short_rows = grad_short_rows,
    .cols = cols,
    .grad_cols = grad_cols,
    .row_f64 = row_f64,
    .grad_row_f64 = grad_row_f64,
    .cols_f64 = cols_f64,
    .grad_cols_f64 = grad_cols_f64,
};
