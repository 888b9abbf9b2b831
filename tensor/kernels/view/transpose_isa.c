/* Transposes of planes of 32-bit and 64-bit words: square tiles of one vector a side, in
 * registers; plain loops at the edges.
 *
 * A tile of n x n is transposed in log2(n) steps. Step s exchanges, between rows r and r + s, the
 * blocks of s lanes that lie across the diagonal:
 *     row r:      lanes with bit s clear stay; the others come from row r + s, s lanes before
 *     row r + s:  lanes with bit s set stay; the others come from row r, s lanes behind
 * Half as many columns, or rows, are two square tiles in the halves of the vectors. */
#include "transpose_impl.h"

typedef uint32_t vec32 __attribute__((vector_size(FV_VBYTES)));
typedef uint64_t vec64 __attribute__((vector_size(FV_VBYTES)));
typedef uint32_t vec32_u __attribute__((vector_size(FV_VBYTES), aligned(4), may_alias));
typedef uint64_t vec64_u __attribute__((vector_size(FV_VBYTES), aligned(8), may_alias));

typedef uint32_t half32 __attribute__((vector_size(FV_VBYTES / 2)));
typedef uint64_t half64 __attribute__((vector_size(FV_VBYTES / 2)));
typedef uint32_t half32_u __attribute__((vector_size(FV_VBYTES / 2), aligned(4), may_alias));
typedef uint64_t half64_u __attribute__((vector_size(FV_VBYTES / 2), aligned(8), may_alias));

/* Scalars of any type of that size. */
typedef uint32_t word32 __attribute__((may_alias));
typedef uint64_t word64 __attribute__((may_alias));

/* Lane i of the two results of a step, as a lane number of the pair (n and up: the second). */
#define LOW(n, s, i)  (((i) & (s)) ? (n) + (i) - (s) : (i))
#define HIGH(n, s, i) (((i) & (s)) ? (n) + (i) : (i) + (s))

#define SAME(n, s, i)   (i)
#define BEHIND(n, s, i) ((n) + (i))

#define LANES1(f, n, s) f(n, s, 0)
#define LANES2(f, n, s) f(n, s, 0), f(n, s, 1)
#define LANES4(f, n, s) LANES2(f, n, s), f(n, s, 2), f(n, s, 3)
#define LANES8(f, n, s) LANES4(f, n, s), f(n, s, 4), f(n, s, 5), f(n, s, 6), f(n, s, 7)
#define LANES16(f, n, s)                                                                           \
    LANES8(f, n, s), f(n, s, 8), f(n, s, 9), f(n, s, 10), f(n, s, 11), f(n, s, 12), f(n, s, 13),   \
        f(n, s, 14), f(n, s, 15)

/* Of `count` rows. */
#define STEP(vec, n, s)                                                                            \
    _Pragma("GCC unroll 16") for (int r = 0; r < count; r++)                                       \
    {                                                                                              \
        if (r & s) continue;                                                                       \
        vec a = row[r], b = row[r + s];                                                            \
        row[r] = __builtin_shufflevector(a, b, LANES##n(LOW, n, s));                               \
        row[r + s] = __builtin_shufflevector(a, b, LANES##n(HIGH, n, s));                          \
    }

#define STEPS1(vec, n)
#define STEPS2(vec, n)  STEP(vec, n, 1)
#define STEPS4(vec, n)  STEP(vec, n, 2) STEPS2(vec, n)
#define STEPS8(vec, n)  STEP(vec, n, 4) STEPS4(vec, n)
#define STEPS16(vec, n) STEP(vec, n, 8) STEPS8(vec, n)

#define TRANSPOSE(bits, n, h)                                                                      \
    static inline __attribute__((always_inline)) void tile##bits(                                  \
        word##bits *dst, int64_t ds, const word##bits *src, int64_t ss)                            \
    {                                                                                              \
        enum { count = n };                                                                        \
        vec##bits row[n];                                                                          \
        _Pragma("GCC unroll 16") for (int r = 0; r < n; r++) row[r] =                              \
            *(const vec##bits##_u *)(src + r * ss);                                                \
        STEPS##n(vec##bits, n) _Pragma("GCC unroll 16") for (int r = 0; r < n; r++) *              \
            (vec##bits##_u *)(dst + r * ds) = row[r];                                              \
    }                                                                                              \
                                                                                                   \
    /* n rows of h columns. */                                                                     \
    static inline __attribute__((always_inline)) void narrow##bits(                                \
        word##bits *dst, int64_t ds, const word##bits *src, int64_t ss)                            \
    {                                                                                              \
        enum { count = h };                                                                        \
        vec##bits row[h];                                                                          \
        _Pragma("GCC unroll 16") for (int r = 0; r < h; r++)                                       \
        {                                                                                          \
            half##bits a = *(const half##bits##_u *)(src + r * ss);                                \
            half##bits b = *(const half##bits##_u *)(src + (r + h) * ss);                          \
            row[r] = __builtin_shufflevector(a, b, LANES##n(SAME, n, 0));                          \
        }                                                                                          \
        STEPS##h(vec##bits, n) _Pragma("GCC unroll 16") for (int r = 0; r < h; r++) *              \
            (vec##bits##_u *)(dst + r * ds) = row[r];                                              \
    }                                                                                              \
                                                                                                   \
    /* h rows of n columns. */                                                                     \
    static inline __attribute__((always_inline)) void flat##bits(                                  \
        word##bits *dst, int64_t ds, const word##bits *src, int64_t ss)                            \
    {                                                                                              \
        enum { count = h };                                                                        \
        vec##bits row[h];                                                                          \
        _Pragma("GCC unroll 16") for (int r = 0; r < h; r++) row[r] =                              \
            *(const vec##bits##_u *)(src + r * ss);                                                \
        STEPS##h(vec##bits, n) _Pragma("GCC unroll 16") for (int r = 0; r < h; r++)                \
        {                                                                                          \
            *(half##bits##_u *)(dst + r * ds) =                                                    \
                __builtin_shufflevector(row[r], row[r], LANES##h(SAME, h, 0));                     \
            *(half##bits##_u *)(dst + (r + h) * ds) =                                              \
                __builtin_shufflevector(row[r], row[r], LANES##h(BEHIND, h, 0));                   \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void transpose##bits(void *to, int64_t ds, const void *from, int64_t ss, int64_t rows,  \
                                int64_t columns)                                                   \
    {                                                                                              \
        word##bits *dst = to;                                                                      \
        const word##bits *src = from;                                                              \
        int64_t r = 0;                                                                             \
        for (; r + n <= rows; r += n) {                                                            \
            int64_t c = 0;                                                                         \
            for (; c + n <= columns; c += n)                                                       \
                tile##bits(dst + c * ds + r, ds, src + r * ss + c, ss);                            \
            for (; c + h <= columns; c += h)                                                       \
                narrow##bits(dst + c * ds + r, ds, src + r * ss + c, ss);                          \
            for (; c < columns; c++)                                                               \
                for (int64_t i = r; i < r + n; i++) dst[c * ds + i] = src[i * ss + c];             \
        }                                                                                          \
        for (; r + h <= rows; r += h) {                                                            \
            int64_t c = 0;                                                                         \
            for (; c + n <= columns; c += n)                                                       \
                flat##bits(dst + c * ds + r, ds, src + r * ss + c, ss);                            \
            for (; c < columns; c++)                                                               \
                for (int64_t i = r; i < r + h; i++) dst[c * ds + i] = src[i * ss + c];             \
        }                                                                                          \
        for (int64_t c = 0; r < rows && c < columns; c++)                                          \
            for (int64_t i = r; i < rows; i++) dst[c * ds + i] = src[i * ss + c];                  \
    }

#if FV_VBYTES == 64
TRANSPOSE(32, 16, 8)
TRANSPOSE(64, 8, 4)
#elif FV_VBYTES == 32
TRANSPOSE(32, 8, 4)
TRANSPOSE(64, 4, 2)
#else
TRANSPOSE(32, 4, 2)
TRANSPOSE(64, 2, 1)
#endif

const fv_transpose_kernels FV_ISA_NAME(fv_transpose_kernels_) = {transpose32, transpose64};
