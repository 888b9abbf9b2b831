/* Packing of matrix blocks for the register tiles; elements are moved as 32 or 64 bits. */
#include "gemm_impl.h"

#include <string.h>

typedef uint32_t word4 __attribute__((may_alias));
typedef uint64_t word8 __attribute__((may_alias));

enum { SLICE = 4 };  /* rows that are read of one panel after the other */
enum { AHEAD = 32 }; /* rows: what is read is fetched so far ahead */

/* Panels side by side, a few rows of all of them at a time, as these lie next to each other. */
static inline void copy_panels_of(const char *from, size_t from_step, int64_t rows, int64_t panels,
                                  size_t bytes, char *to)
{
    const size_t panel = (size_t)rows * bytes;
    for (; rows > 0; rows -= SLICE, to += SLICE * bytes, from += SLICE * from_step) {
        const int64_t count = rows < SLICE ? rows : SLICE;
        for (int64_t p = 0; p < panels; p++) {
            const char *row = from + (size_t)p * bytes;
            char *at = to + (size_t)p * panel;
            for (int64_t i = 0; i < count; i++, row += from_step, at += bytes) {
                __builtin_prefetch(row + AHEAD * from_step);
                memcpy(at, row, bytes);
            }
        }
    }
}

/* The rows of panels have one of few lengths, which the compiler then knows. */
static void copy_panels(const char *from, size_t from_step, int64_t rows, int64_t panels,
                        size_t bytes, char *to)
{
    switch (bytes) {
    case 128: copy_panels_of(from, from_step, rows, panels, 128, to); break;
    case 96: copy_panels_of(from, from_step, rows, panels, 96, to); break;
    case 64: copy_panels_of(from, from_step, rows, panels, 64, to); break;
    case 48: copy_panels_of(from, from_step, rows, panels, 48, to); break;
    case 32: copy_panels_of(from, from_step, rows, panels, 32, to); break;
    case 24: copy_panels_of(from, from_step, rows, panels, 24, to); break;
    default: copy_panels_of(from, from_step, rows, panels, bytes, to);
    }
}

static void copy_rows(const char *from, size_t from_step, int64_t rows, size_t bytes, char *to,
                      size_t to_step)
{
    for (int64_t i = 0; i < rows; i++, from += from_step, to += to_step) memcpy(to, from, bytes);
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

/* B[depth, columns] -> to[depth][ld], zeros in columns `columns` to ld - 1. */
static void pack_panel(fv_gemm_mover m, const void *b, int64_t rs, int64_t cs, int64_t depth,
                       int64_t columns, void *to, int64_t ld)
{
    if (columns < ld) memset(to, 0, (size_t)(depth * ld) * m.size); /* at once: rows are short */
    copy(m, b, rs, cs, depth, columns, to, ld);
}

void fv_gemm_pack_panels(fv_gemm_mover m, const void *b, int64_t rs, int64_t cs, int64_t depth,
                         int64_t columns, int64_t width, int64_t last, void *to)
{
    int64_t j = 0;
    if (cs == 1) {
        copy_panels(b, (size_t)rs * m.size, depth, columns / width, (size_t)width * m.size, to);
        j = columns / width * width;
    }
    for (; j < columns; j += width)
        pack_panel(m, fv_gemm_element(b, j * cs, m.size), rs, cs, depth,
                   fv_gemm_min(columns - j, width), (char *)to + (size_t)(j * depth) * m.size,
                   columns - j < width ? last : width);
}

void fv_gemm_pack_rows(fv_gemm_mover m, const void *a, int64_t rs, int64_t cs, int64_t rows,
                       int64_t depth, int group, void *to, int64_t ld)
{
    int64_t padded = (rows + group - 1) / group * group;
    copy(m, a, rs, cs, rows, depth, to, ld);
    memset((char *)to + (size_t)(rows * ld) * m.size, 0, (size_t)((padded - rows) * ld) * m.size);
}
