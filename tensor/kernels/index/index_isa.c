/* Inner loops of argmax, argmin and the check of indices; see index_impl.h. Compiled once per
 * instruction-set level.
 *
 * A row is read twice: for its best number, then for the first place of that. */
#include <stdint.h>

#include "tensor/kernels/index/index_impl.h"

enum { BLOCK = 64 };

/* Does v take the place of m? A NaN does, unless m is one. */
#define TAKES(v, m, BEATS) ((((v)BEATS(m)) | ((v) != (v))) & ((m) == (m)))

#define DEFINE_ROW(T, NAME, BEATS)                                                                 \
    static T NAME##_number(const T *x, int64_t n)                                                  \
    {                                                                                              \
        T best[BLOCK], m = x[0];                                                                   \
        int64_t whole = n / BLOCK * BLOCK;                                                         \
        for (int l = 0; l < BLOCK; l++) best[l] = m;                                               \
        for (int64_t i = 0; i < whole; i += BLOCK)                                                 \
            for (int l = 0; l < BLOCK; l++)                                                        \
                best[l] = TAKES(x[i + l], best[l], BEATS) ? x[i + l] : best[l];                    \
        for (int l = 0; l < BLOCK && whole > 0; l++) m = TAKES(best[l], m, BEATS) ? best[l] : m;   \
        for (int64_t i = whole; i < n; i++) m = TAKES(x[i], m, BEATS) ? x[i] : m;                  \
        return m;                                                                                  \
    }                                                                                              \
    static int64_t NAME(const void *data, int64_t n)                                               \
    {                                                                                              \
        const T *x = data;                                                                         \
        const T m = NAME##_number(x, n);                                                           \
        int64_t i = 0;                                                                             \
        for (int found = 0; i + BLOCK <= n; i += BLOCK) {                                          \
            for (int l = 0; l < BLOCK; l++)                                                        \
                found |= (x[i + l] == m) | ((x[i + l] != x[i + l]) & (m != m));                    \
            if (found) break;                                                                      \
        }                                                                                          \
        while (!(x[i] == m || (x[i] != x[i] && m != m))) i++;                                      \
        return i;                                                                                  \
    }

#define DEFINE_COLS(T, I, NAME, BEATS)                                                             \
    static void NAME(const void *data, int64_t n, int64_t stride, int64_t cols, int64_t *index)    \
    {                                                                                              \
        const T *x = data;                                                                         \
        T best[FV_ARGBEST_COLUMNS];                                                                \
        I at[FV_ARGBEST_COLUMNS];                                                                  \
        for (int64_t c = 0; c < cols; c++) best[c] = x[c], at[c] = 0;                              \
        for (int64_t k = 1; k < n; k++) {                                                          \
            x += stride;                                                                           \
            for (int64_t c = 0; c < cols; c++) {                                                   \
                const T v = x[c], m = best[c];                                                     \
                best[c] = TAKES(v, m, BEATS) ? v : m;                                              \
                at[c] = TAKES(v, m, BEATS) ? (I)k : at[c];                                         \
            }                                                                                      \
        }                                                                                          \
        for (int64_t c = 0; c < cols; c++) index[c] = at[c];                                       \
    }

#define DEFINE_ALL(T, I, TYPE)                                                                     \
    DEFINE_ROW(T, row_largest_##TYPE, >)                                                           \
    DEFINE_ROW(T, row_smallest_##TYPE, <)                                                          \
    DEFINE_COLS(T, I, cols_largest_##TYPE, >)                                                      \
    DEFINE_COLS(T, I, cols_smallest_##TYPE, <)
DEFINE_ALL(float, int32_t, f32)
DEFINE_ALL(double, int64_t, f64)

static uint64_t outside(const int64_t *index, int64_t n, int64_t most)
{
    uint64_t bits = 0;
    for (int64_t i = 0; i < n; i++)
        bits |= (uint64_t)index[i] | ((uint64_t)most - (uint64_t)index[i]);
    return bits;
}

const fv_index_kernels FV_ISA_NAME(fv_index_kernels_) = {
    .row_f32 = {row_largest_f32, row_smallest_f32},
    .row_f64 = {row_largest_f64, row_smallest_f64},
    .cols_f32 = {cols_largest_f32, cols_smallest_f32},
    .cols_f64 = {cols_largest_f64, cols_smallest_f64},
    .outside = outside,
};
