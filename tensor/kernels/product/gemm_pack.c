/* Packing of matrix blocks for the register tiles; elements are moved as 32 or 64 bits. */
#include "gemm_impl.h"

#include <string.h>

typedef uint32_t word4 __attribute__((may_alias));
typedef uint64_t word8 __attribute__((may_alias));

/* Rows side by side; those of a panel have one of few lengths, which the compiler then knows. */
static void copy_rows(const char *from, size_t from_step, int64_t rows, size_t bytes, char *to,
                      size_t to_step)
{
    for (int64_t i = 0; i < rows; i++, from += from_step, to += to_step) {
        switch (bytes) {
        case 128: memcpy(to, from, 128); break;
        case 64: memcpy(to, from, 64); break;
        default: memcpy(to, from, bytes);
        }
    }
}

#define FV_SCATTERED(word)                                                                         \
    static void copy_##word(const word *from, int64_t rs, int64_t cs, int64_t rows,                \
                            int64_t columns, word *to, int64_t ld)                                 \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++)                                                         \
            for (int64_t j = 0; j < columns; j++) to[i * ld + j] = from[i * rs + j * cs];          \
    }
FV_SCATTERED(word4)
FV_SCATTERED(word8)
#undef FV_SCATTERED

/* to[rows][ld] = from[rows, columns] of any strides. */
static void copy(fv_gemm_mover m, const void *from, int64_t rs, int64_t cs, int64_t rows,
                 int64_t columns, void *to, int64_t ld)
{
    if (cs == 1)
        copy_rows(from, (size_t)rs * m.size, rows, (size_t)columns * m.size, to,
                  (size_t)ld * m.size);
    else if (rs == 1)
        m.transpose(to, ld, from, cs, columns, rows);
    else if (m.size == 4)
        copy_word4(from, rs, cs, rows, columns, to, ld);
    else
        copy_word8(from, rs, cs, rows, columns, to, ld);
}

void fv_gemm_pack_b(fv_gemm_mover m, const void *b, int64_t rs, int64_t cs, int64_t depth,
                    int64_t columns, void *to, int64_t ld)
{
    copy(m, b, rs, cs, depth, columns, to, ld);
    if (columns == ld) return;
    for (int64_t k = 0; k < depth; k++)
        memset((char *)to + (size_t)(k * ld + columns) * m.size, 0,
               (size_t)(ld - columns) * m.size);
}

void fv_gemm_pack_rows(fv_gemm_mover m, const void *a, int64_t rs, int64_t cs, int64_t rows,
                       int64_t depth, int group, void *to, int64_t ld)
{
    int64_t padded = (rows + group - 1) / group * group;
    copy(m, a, rs, cs, rows, depth, to, ld);
    memset((char *)to + (size_t)(rows * ld) * m.size, 0, (size_t)((padded - rows) * ld) * m.size);
}

void fv_gemm_pack_columns(fv_gemm_mover m, const void *a, int64_t rs, int64_t cs, int64_t rows,
                          int64_t depth, int tile, void *to)
{
    for (int64_t row = 0; row < rows; row += tile) {
        int64_t count = rows - row < tile ? rows - row : tile;
        fv_gemm_pack_b(m, (const char *)a + row * rs * (int64_t)m.size, cs, rs, depth, count,
                       (char *)to + (size_t)(row * depth) * m.size, tile);
    }
}
