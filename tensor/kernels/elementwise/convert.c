/* Conversion of rows; see convert.h. */
#include "tensor/kernels/elementwise/convert.h"

#include "tensor/kernels/elementwise/convert_impl.h"
#include "tensor/kernels/short_copy.h"

/* --- rows ------------------------------------------------------------------------------------- */

#define IS_TRUE(x) ((x) != 0)
#define CUT32(x)   fv_to_int32((double)(x))
#define ODD(x)     fv_f64_to_odd_f32((double)(x))
#define ODD64(x)   fv_f64_to_odd_f32(fv_i64_to_odd_f64(x))

FV_CONVERT_ROW(bool_from_u8, uint8_t, uint8_t, IS_TRUE)
FV_CONVERT_ROW(bool_from_i64, uint8_t, int64_t, IS_TRUE)
FV_CONVERT_ROW(bool_from_f32, uint8_t, float, IS_TRUE)
FV_CONVERT_ROW(bool_from_f64, uint8_t, double, IS_TRUE)

FV_CONVERT_ROW(i64_from_u8, int64_t, uint8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i64_from_i8, int64_t, int8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i64_from_i16, int64_t, int16_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i64_from_i32, int64_t, int32_t, FV_AS_IT_IS)

FV_CONVERT_ROW(u8_from_i32, uint8_t, int32_t, FV_AS_IT_IS)
FV_CONVERT_ROW(u8_from_i64, uint8_t, int64_t, FV_AS_IT_IS)
FV_CONVERT_ROW(u8_from_f32, uint8_t, float, FV_CUT)
FV_CONVERT_ROW(u8_from_f64, uint8_t, double, FV_CUT)
FV_CONVERT_ROW(i8_from_i64, int8_t, int64_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i8_from_f32, int8_t, float, FV_CUT)
FV_CONVERT_ROW(i8_from_f64, int8_t, double, FV_CUT)
FV_CONVERT_ROW(i16_from_i64, int16_t, int64_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i16_from_f32, int16_t, float, FV_CUT)
FV_CONVERT_ROW(i16_from_f64, int16_t, double, FV_CUT)
FV_CONVERT_ROW(i32_from_u8, int32_t, uint8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i32_from_i64, int32_t, int64_t, FV_AS_IT_IS)
FV_CONVERT_ROW(i32_from_f32, int32_t, float, CUT32)
FV_CONVERT_ROW(i32_from_f64, int32_t, double, CUT32)

FV_CONVERT_ROW(f32_from_u8, float, uint8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f32_from_i8, float, int8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f32_from_i16, float, int16_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f32_from_i32, float, int32_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f32_from_i64, float, int64_t, FV_AS_IT_IS)

FV_CONVERT_ROW(f64_from_u8, double, uint8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f64_from_i8, double, int8_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f64_from_i16, double, int16_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f64_from_i32, double, int32_t, FV_AS_IT_IS)
FV_CONVERT_ROW(f64_from_i64, double, int64_t, FV_AS_IT_IS)

/* float32 as a step towards 16 bits. */
FV_CONVERT_ROW(odd_f32_from_i32, float, int32_t, ODD)
FV_CONVERT_ROW(odd_f32_from_i64, float, int64_t, ODD64)
FV_CONVERT_ROW(odd_f32_from_f64, float, double, ODD)

enum {
    BOOL = FV_BOOL - FV_DTYPE_FIRST,
    U8 = FV_UINT8 - FV_DTYPE_FIRST,
    I8 = FV_INT8 - FV_DTYPE_FIRST,
    I16 = FV_INT16 - FV_DTYPE_FIRST,
    I32 = FV_INT32 - FV_DTYPE_FIRST,
    I64 = FV_INT64 - FV_DTYPE_FIRST,
    F32 = FV_FLOAT32 - FV_DTYPE_FIRST,
    F64 = FV_FLOAT64 - FV_DTYPE_FIRST,
};

/* [to][from]; what is missing has a row by level, or goes in two steps. */
static const fv_convert_row pairs[FV_DTYPE_COUNT][FV_DTYPE_COUNT] = {
    [BOOL] = {[U8] = bool_from_u8,
              [I8] = bool_from_u8,
              [I64] = bool_from_i64,
              [F32] = bool_from_f32,
              [F64] = bool_from_f64},
    [U8] = {[I32] = u8_from_i32, [I64] = u8_from_i64, [F32] = u8_from_f32, [F64] = u8_from_f64},
    [I8] = {[I64] = i8_from_i64, [F32] = i8_from_f32, [F64] = i8_from_f64},
    [I16] = {[I64] = i16_from_i64, [F32] = i16_from_f32, [F64] = i16_from_f64},
    [I32] = {[BOOL] = i32_from_u8,
             [U8] = i32_from_u8,
             [I64] = i32_from_i64,
             [F32] = i32_from_f32,
             [F64] = i32_from_f64},
    [I64] = {[BOOL] = i64_from_u8,
             [U8] = i64_from_u8,
             [I8] = i64_from_i8,
             [I16] = i64_from_i16,
             [I32] = i64_from_i32},
    [F32] = {[BOOL] = f32_from_u8,
             [U8] = f32_from_u8,
             [I8] = f32_from_i8,
             [I16] = f32_from_i16,
             [I32] = f32_from_i32,
             [I64] = f32_from_i64},
    [F64] = {[BOOL] = f64_from_u8,
             [U8] = f64_from_u8,
             [I8] = f64_from_i8,
             [I16] = f64_from_i16,
             [I32] = f64_from_i32,
             [I64] = f64_from_i64},
};

/* --- the choice ------------------------------------------------------------------------------- */

static bool keeps_bits(fv_dtype to, fv_dtype from)
{
    return to == from ||
           (fv_dtype_row_of(to)->size == 1 && fv_dtype_row_of(from)->size == 1 && to != FV_BOOL);
}

static bool is_half(fv_dtype dtype)
{
    return fv_dtype_row_of(dtype)->kind == FV_KIND_FLOATING && fv_dtype_row_of(dtype)->size == 2;
}

/* A 16-bit type's way to and from float32. */
static fv_convert_row widening(fv_isa isa, fv_dtype half)
{
    const fv_level_rows *k = FV_ISA_PICK(fv_level_rows_, isa);
    return half == FV_FLOAT16 ? k->f32_from_f16 : k->f32_from_bf16;
}

static fv_convert_row narrowing(fv_isa isa, fv_dtype half)
{
    const fv_level_rows *k = FV_ISA_PICK(fv_level_rows_, isa);
    return half == FV_FLOAT16 ? k->f16_from_f32 : k->bf16_from_f32;
}

/* The loop of a pair that goes in one step and is no matter of 16 bits. */
static fv_convert_row direct(fv_isa isa, fv_dtype to, fv_dtype from)
{
    const fv_level_rows *k = FV_ISA_PICK(fv_level_rows_, isa);
    if (to == FV_INT64 && from == FV_FLOAT32) return k->i64_from_f32;
    if (to == FV_INT64 && from == FV_FLOAT64) return k->i64_from_f64;
    if (to == FV_FLOAT64 && from == FV_FLOAT32) return k->f64_from_f32;
    if (to == FV_FLOAT32 && from == FV_FLOAT64) return k->f32_from_f64;
    return pairs[fv_dtype_index(to)][fv_dtype_index(from)];
}

static fv_convert_row to_odd_f32(fv_dtype from)
{
    static const fv_convert_row odd[FV_DTYPE_COUNT] = {
        [I32] = odd_f32_from_i32,
        [I64] = odd_f32_from_i64,
        [F64] = odd_f32_from_f64,
    };
    return odd[fv_dtype_index(from)] ? odd[fv_dtype_index(from)]
                                     : pairs[F32][fv_dtype_index(from)]; /* exact */
}

fv_conversion fv_conversion_for(fv_isa isa, fv_dtype to, fv_dtype from)
{
    fv_conversion c = {.to_size = fv_dtype_row_of(to)->size,
                       .from_size = fv_dtype_row_of(from)->size};
    if (keeps_bits(to, from)) return c;
    c.first = direct(isa, to, from);
    if (c.first) return c;
    if (is_half(from)) {
        c.first = widening(isa, from);
        c.second = is_half(to) ? narrowing(isa, to) : direct(isa, to, FV_FLOAT32);
    } else if (is_half(to)) {
        c.first = to_odd_f32(from);
        c.second = narrowing(isa, to);
        if (!c.first) c.first = c.second, c.second = NULL; /* from float32 */
    } else {
        c.first = pairs[I64][fv_dtype_index(from)];
        c.second = pairs[fv_dtype_index(to)][I64];
    }
    return c;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* Row by row. Dense rows, those of one element and backwards have loops that become vectors. */
#define MOVE(T, name)                                                                              \
    static void name(void *to, const fv_convert_steps *s, const void *from, int64_t n,             \
                     int64_t rows)                                                                 \
    {                                                                                              \
        T *restrict dst = to;                                                                      \
        const T *restrict src = from;                                                              \
        for (int64_t r = 0; r < rows; r++, dst += s->dst_row, src += s->src_row)                   \
            if (s->dst == 1 && s->src == 1)                                                        \
                fv_copy_bytes((char *)dst, (const char *)src, n *(int64_t)sizeof(T));              \
            else if (s->dst == 1 && s->src == 0)                                                   \
                for (int64_t i = 0; i < n; i++) dst[i] = *src;                                     \
            else if (s->dst == 1 && s->src == -1)                                                  \
                for (int64_t i = 0; i < n; i++) dst[i] = src[-i];                                  \
            else                                                                                   \
                for (int64_t i = 0; i < n; i++) dst[i * s->dst] = src[i * s->src];                 \
    }
MOVE(uint8_t, move_u8)
MOVE(uint16_t, move_u16)
MOVE(uint32_t, move_u32)
MOVE(uint64_t, move_u64)

/* Elements of that many bytes, as they are. */
static void move(size_t size, void *dst, const fv_convert_steps *s, const void *src, int64_t n,
                 int64_t rows)
{
    switch (size) {
    case 1: move_u8(dst, s, src, n, rows); break;
    case 2: move_u16(dst, s, src, n, rows); break;
    case 4: move_u32(dst, s, src, n, rows); break;
    default: move_u64(dst, s, src, n, rows);
    }
}

/* A row with gaps is gathered and scattered in blocks, so that the loops only ever see dense ones.
 */
static void convert_row(const fv_conversion *c, void *dst, int64_t ds, const void *src, int64_t ss,
                        int64_t n)
{
    enum { BLOCK = 256 };
    if (!c->second && ds == 1 && ss == 1) {
        c->first(dst, src, n);
        return;
    }
    _Alignas(64) double gathered[BLOCK], between[BLOCK], result[BLOCK];
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t count = n - i < BLOCK ? n - i : BLOCK;
        const void *from = (const char *)src + i * ss * (int64_t)c->from_size;
        void *at = (char *)dst + i * ds * (int64_t)c->to_size, *to = ds == 1 ? at : result;
        if (ss != 1) {
            move(c->from_size, gathered, &(fv_convert_steps){.dst = 1, .src = ss}, from, count, 1);
            from = gathered;
        }
        c->first(c->second ? between : to, from, count);
        if (c->second) c->second(to, between, count);
        if (ds != 1)
            move(c->to_size, at, &(fv_convert_steps){.dst = ds, .src = 1}, result, count, 1);
    }
}

void fv_convert(const fv_conversion *c, void *dst, const fv_convert_steps *s, const void *src,
                int64_t n, int64_t rows)
{
    if (!c->first) {
        move(c->to_size, dst, s, src, n, rows);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        convert_row(c, (char *)dst + r * s->dst_row * (int64_t)c->to_size, s->dst,
                    (const char *)src + r * s->src_row * (int64_t)c->from_size, s->src, n);
}
