/* Sums over ranks, in the order of the ranks whatever they arrive in, so that nothing but their
 * number decides the bits. bfloat16 is added in float32 and rounded once. */
#include "nn/parallel/group_impl.h"
#include "tensor/kernels/half.h"

enum { BLOCK = 1024 };

typedef union sums {
    float f[BLOCK];
    double d[BLOCK];
    int64_t i[BLOCK];
} sums;

static void add_float32(float *restrict sum, const float *restrict x, int64_t n, bool first)
{
    for (int64_t i = 0; i < n; i++) sum[i] = first ? x[i] : sum[i] + x[i];
}

static void add_float64(double *restrict sum, const double *restrict x, int64_t n, bool first)
{
    for (int64_t i = 0; i < n; i++) sum[i] = first ? x[i] : sum[i] + x[i];
}

static void add_bfloat16(float *restrict sum, const uint16_t *restrict x, int64_t n, bool first)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] = first ? fv_bf16_to_f32(x[i]) : sum[i] + fv_bf16_to_f32(x[i]);
}

/* Wraps, as sums of int64 do everywhere. */
static void add_int64(int64_t *restrict sum, const int64_t *restrict x, int64_t n, bool first)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] = first ? x[i] : (int64_t)((uint64_t)sum[i] + (uint64_t)x[i]);
}

static void add(fv_dtype dtype, sums *sum, const void *part, int64_t at, int64_t n, bool first)
{
    switch (dtype) {
    case FV_FLOAT32: add_float32(sum->f, (const float *)part + at, n, first); return;
    case FV_FLOAT64: add_float64(sum->d, (const double *)part + at, n, first); return;
    case FV_BFLOAT16: add_bfloat16(sum->f, (const uint16_t *)part + at, n, first); return;
    default: add_int64(sum->i, (const int64_t *)part + at, n, first);
    }
}

static void put(fv_dtype dtype, void *out, int64_t at, const sums *sum, int64_t n, double scale)
{
    const float s = (float)scale;
    switch (dtype) {
    case FV_FLOAT32:
        for (int64_t i = 0; i < n; i++) ((float *)out)[at + i] = sum->f[i] * s;
        return;
    case FV_FLOAT64:
        for (int64_t i = 0; i < n; i++) ((double *)out)[at + i] = sum->d[i] * scale;
        return;
    case FV_BFLOAT16:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)out)[at + i] = fv_f32_to_bf16(sum->f[i] * s);
        return;
    default:
        for (int64_t i = 0; i < n; i++) ((int64_t *)out)[at + i] = sum->i[i];
    }
}

void fv_sum_parts(fv_dtype dtype, void *out, const void *const *part, int parts, int64_t count,
                  double scale)
{
    sums sum;
    for (int64_t at = 0; at < count; at += BLOCK) {
        const int64_t n = count - at < BLOCK ? count - at : BLOCK;
        for (int p = 0; p < parts; p++) add(dtype, &sum, part[p], at, n, p == 0);
        put(dtype, out, at, &sum, n, scale);
    }
}
