/* Packing of matrix blocks for the register tiles; elements are moved as 32 or 64 bits. */
#include "gemm_impl.h"

#include <string.h>

typedef uint32_t word4 __attribute__((may_alias));
typedef uint64_t word8 __attribute__((may_alias));
typedef uint32_t quad4 __attribute__((vector_size(16), aligned(4), may_alias));

/* to[c][r] = from[r][c] for a 4 x 4 block of 32-bit elements. */
static inline void transpose_quad(const word4 *from, int64_t from_rs, word4 *to, int64_t to_rs)
{
    quad4 r0 = *(const quad4 *)from, r1 = *(const quad4 *)(from + from_rs);
    quad4 r2 = *(const quad4 *)(from + 2 * from_rs), r3 = *(const quad4 *)(from + 3 * from_rs);
    quad4 lo01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    quad4 lo23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    quad4 hi01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    quad4 hi23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    *(quad4 *)to = __builtin_shufflevector(lo01, lo23, 0, 1, 4, 5);
    *(quad4 *)(to + to_rs) = __builtin_shufflevector(lo01, lo23, 2, 3, 6, 7);
    *(quad4 *)(to + 2 * to_rs) = __builtin_shufflevector(hi01, hi23, 0, 1, 4, 5);
    *(quad4 *)(to + 3 * to_rs) = __builtin_shufflevector(hi01, hi23, 2, 3, 6, 7);
}

static inline void transpose_block(const word8 *from, int64_t from_rs, word8 *to, int64_t to_rs)
{
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < 4; c++) to[c * to_rs + r] = from[r * from_rs + c];
    }
}

/* to[c][r] = from[r][c], both with unit stride in their second index. */
#define FV_TRANSPOSE(word, block)                                                                  \
    static void transpose_##word(const word *from, int64_t from_rs, int64_t height, int64_t width, \
                                 word *to, int64_t to_rs)                                          \
    {                                                                                              \
        int64_t c = 0;                                                                             \
        for (; c + 4 <= width; c += 4) {                                                           \
            int64_t r = 0;                                                                         \
            for (; r + 4 <= height; r += 4)                                                        \
                block(from + r * from_rs + c, from_rs, to + c * to_rs + r, to_rs);                 \
            for (; r < height; r++)                                                                \
                for (int64_t i = c; i < c + 4; i++) to[i * to_rs + r] = from[r * from_rs + i];     \
        }                                                                                          \
        for (; c < width; c++)                                                                     \
            for (int64_t r = 0; r < height; r++) to[c * to_rs + r] = from[r * from_rs + c];        \
    }
FV_TRANSPOSE(word4, transpose_quad)
FV_TRANSPOSE(word8, transpose_block)
#undef FV_TRANSPOSE

#define FV_PACK(word)                                                                              \
    static void copy_##word(const word *from, int64_t rs, int64_t cs, int64_t rows,                \
                            int64_t columns, word *to, int64_t ld)                                 \
    {                                                                                              \
        if (cs == 1) {                                                                             \
            for (int64_t i = 0; i < rows; i++)                                                     \
                memcpy(to + i * ld, from + i * rs, (size_t)columns * sizeof(word));                \
        } else if (rs == 1) {                                                                      \
            transpose_##word(from, cs, columns, rows, to, ld);                                     \
        } else {                                                                                   \
            for (int64_t i = 0; i < rows; i++)                                                     \
                for (int64_t j = 0; j < columns; j++) to[i * ld + j] = from[i * rs + j * cs];      \
        }                                                                                          \
    }
FV_PACK(word4)
FV_PACK(word8)
#undef FV_PACK

/* to[rows][ld] = from[rows, columns] of any strides. */
static void copy(size_t size, const void *from, int64_t rs, int64_t cs, int64_t rows,
                 int64_t columns, void *to, int64_t ld)
{
    if (size == 4)
        copy_word4(from, rs, cs, rows, columns, to, ld);
    else
        copy_word8(from, rs, cs, rows, columns, to, ld);
}

void fv_gemm_pack_b(size_t size, const void *b, int64_t rs, int64_t cs, int64_t depth,
                    int64_t columns, void *to, int64_t ld)
{
    copy(size, b, rs, cs, depth, columns, to, ld);
    if (columns == ld) return;
    for (int64_t k = 0; k < depth; k++)
        memset((char *)to + (size_t)(k * ld + columns) * size, 0, (size_t)(ld - columns) * size);
}

void fv_gemm_pack_rows(size_t size, const void *a, int64_t rs, int64_t cs, int64_t rows,
                       int64_t depth, int group, void *to, int64_t ld)
{
    int64_t padded = (rows + group - 1) / group * group;
    copy(size, a, rs, cs, rows, depth, to, ld);
    memset((char *)to + (size_t)(rows * ld) * size, 0, (size_t)((padded - rows) * ld) * size);
}

void fv_gemm_pack_columns(size_t size, const void *a, int64_t rs, int64_t cs, int64_t rows,
                          int64_t depth, int tile, void *to)
{
    for (int64_t row = 0; row < rows; row += tile) {
        int64_t count = rows - row < tile ? rows - row : tile;
        fv_gemm_pack_b(size, (const char *)a + row * rs * (int64_t)size, cs, rs, depth, count,
                       (char *)to + (size_t)(row * depth) * size, tile);
    }
}
