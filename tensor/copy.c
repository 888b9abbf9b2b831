/* Copies with conversion between any two layouts and dtypes.
 *
 * Dimensions are sorted by the target's strides and merged where both sides allow, so that most
 * copies become one long row; rows are shared among threads. */
#include <string.h>

#include "tensor/kernels/view/transpose.h"
#include "tensor/tensor.h"
#include "tensor/parallel.h"

typedef struct copy_plan {
    int ndim;
    int64_t shape[FV_MAX_DIMS], dst[FV_MAX_DIMS], src[FV_MAX_DIMS]; /* element strides */
} copy_plan;

static void swap_dims(copy_plan *p, int i, int j)
{
    int64_t s = p->shape[i], d = p->dst[i], c = p->src[i];
    p->shape[i] = p->shape[j], p->dst[i] = p->dst[j], p->src[i] = p->src[j];
    p->shape[j] = s, p->dst[j] = d, p->src[j] = c;
}

static copy_plan plan_copy(const fv_tensor *dst, const fv_tensor *src)
{
    copy_plan p = {.ndim = 0};
    for (int i = 0; i < dst->ndim; i++) {
        if (dst->shape[i] == 1) continue;
        int k = p.ndim++;
        p.shape[k] = dst->shape[i], p.dst[k] = dst->strides[i], p.src[k] = src->strides[i];
        for (; k > 0 && p.dst[k - 1] < p.dst[k]; k--) swap_dims(&p, k - 1, k);
    }
    int kept = 0;
    for (int i = 0; i < p.ndim; i++) {
        int j = kept - 1;
        if (kept && p.dst[j] == p.shape[i] * p.dst[i] && p.src[j] == p.shape[i] * p.src[i]) {
            p.shape[j] *= p.shape[i], p.dst[j] = p.dst[i], p.src[j] = p.src[i];
        } else {
            p.shape[kept] = p.shape[i], p.dst[kept] = p.dst[i], p.src[kept] = p.src[i];
            kept++;
        }
    }
    p.ndim = kept;
    if (kept == 0) p.ndim = 1, p.shape[0] = 1, p.dst[0] = p.src[0] = 1;
    return p;
}

typedef void (*row_copy)(void *dst, const void *src, int64_t n, int64_t ds, int64_t ss);

/* A float outside the integer's range, or NaN, becomes its smallest number, as on x86 in PyTorch;
 * C leaves it undefined. */
static inline int64_t to_int64(double v)
{
    return v > -9.2233720368547758e18 && v < 9.2233720368547758e18 ? (int64_t)v : INT64_MIN;
}

static inline int32_t to_int32(double v)
{
    return v > -2147483649.0 && v < 2147483648.0 ? (int32_t)v : INT32_MIN;
}

#define TO_SAME(T, v) ((T)(v))
#define TO_BOOL(T, v) ((T)((v) != 0))
#define TO_INT(T, v)  ((T)to_int64((double)(v)))
#define TO_I32(T, v)  ((T)to_int32((double)(v)))

#define ROW(name, D, S, CONVERT)                                                                   \
    static void name(void *dst_, const void *src_, int64_t n, int64_t ds, int64_t ss)              \
    {                                                                                              \
        D *dst = dst_;                                                                             \
        const S *src = src_;                                                                       \
        if (ds == 1 && ss == 1)                                                                    \
            for (int64_t i = 0; i < n; i++) dst[i] = CONVERT(D, src[i]);                           \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) dst[i * ds] = CONVERT(D, src[i * ss]);                 \
    }
#define ROWS(D, d, CONVERT_INT, CONVERT_FLOAT)                                                     \
    ROW(d##_from_u8, D, uint8_t, CONVERT_INT)                                                      \
    ROW(d##_from_i32, D, int32_t, CONVERT_INT)                                                     \
    ROW(d##_from_i64, D, int64_t, CONVERT_INT)                                                     \
    ROW(d##_from_f32, D, float, CONVERT_FLOAT)                                                     \
    ROW(d##_from_f64, D, double, CONVERT_FLOAT)
ROWS(uint8_t, b8, TO_BOOL, TO_BOOL)
ROWS(uint8_t, u8, TO_SAME, TO_INT)
ROWS(int32_t, i32, TO_SAME, TO_I32)
ROWS(int64_t, i64, TO_SAME, TO_INT)
ROWS(float, f32, TO_SAME, TO_SAME)
ROWS(double, f64, TO_SAME, TO_SAME)

#define ENTRY(d)                                                                                   \
    {                                                                                              \
        d##_from_u8, d##_from_u8, d##_from_i32, d##_from_i64, d##_from_f32, d##_from_f64           \
    }
static const row_copy rows[FV_DTYPE_COUNT][FV_DTYPE_COUNT] = {ENTRY(b8),  ENTRY(u8),  ENTRY(i32),
                                                              ENTRY(i64), ENTRY(f32), ENTRY(f64)};

/* Copies rows [first, last) of the plan; a row is the innermost dimension. */
static void copy_rows(const copy_plan *p, char *dst, const char *src, size_t dsize, size_t ssize,
                      row_copy copy, int64_t first, int64_t last)
{
    int inner = p->ndim - 1;
    int64_t index[FV_MAX_DIMS] = {0}, rest = first, od = 0, os = 0;
    for (int i = inner - 1; i >= 0; i--) {
        index[i] = rest % p->shape[i];
        rest /= p->shape[i];
        od += index[i] * p->dst[i];
        os += index[i] * p->src[i];
    }
    bool plain = dsize == ssize && copy == NULL && p->dst[inner] == 1 && p->src[inner] == 1;
    for (int64_t r = first; r < last; r++) {
        char *d = dst + od * (int64_t)dsize;
        const char *s = src + os * (int64_t)ssize;
        if (plain)
            memcpy(d, s, (size_t)p->shape[inner] * dsize);
        else
            copy(d, s, p->shape[inner], p->dst[inner], p->src[inner]);
        for (int i = inner - 1; i >= 0; i--) {
            od += p->dst[i], os += p->src[i];
            if (++index[i] < p->shape[i]) break;
            od -= p->shape[i] * p->dst[i], os -= p->shape[i] * p->src[i];
            index[i] = 0;
        }
    }
}

/* One long row is cut in pieces for the threads. */
static void split_single_row(copy_plan *p)
{
    enum { PIECE = 16384 };
    if (p->ndim != 1 || p->shape[0] < 2 * PIECE || p->shape[0] % PIECE) return;
    p->ndim = 2;
    p->shape[1] = PIECE, p->dst[1] = p->dst[0], p->src[1] = p->src[0];
    p->shape[0] /= PIECE, p->dst[0] *= PIECE, p->src[0] *= PIECE;
}

void fv_copy_elements(fv_tensor *dst, const fv_tensor *src)
{
    if (dst->numel == 0 || fv_transpose_copy(fv_machine_now(), dst, src)) return;
    copy_plan p = plan_copy(dst, src);
    split_single_row(&p);
    size_t dsize = fv_dtype_size(dst->dtype), ssize = fv_dtype_size(src->dtype);
    int inner = p.ndim - 1;
    bool plain = dst->dtype == src->dtype && p.dst[inner] == 1 && p.src[inner] == 1;
    row_copy copy = plain ? NULL : rows[dst->dtype][src->dtype];
    int64_t count = dst->numel / p.shape[inner];
    int threads = fv_threads_for(fv_machine_now(), (double)dst->numel * (plain ? 0.15 : 0.5));
    if (threads > count) threads = (int)count;
    if (threads <= 1) {
        copy_rows(&p, dst->data, src->data, dsize, ssize, copy, 0, count);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++)
        copy_rows(&p, dst->data, src->data, dsize, ssize, copy, count * i / threads,
                  count * (i + 1) / threads);
}
