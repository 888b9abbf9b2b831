/* Element types: the table, promotion, and conversion between all pairs of them. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

typedef struct golden_pair {
    fv_dtype a, b;
    fv_dtype promoted; /* torch.promote_types(a, b) */
    fv_dtype result;   /* torch.result_type of a tensor with dimensions and one without */
} golden_pair;

typedef struct golden_number {
    uint32_t bits; /* of a float32 */
    uint16_t half, brain;
} golden_number;

typedef struct golden_integer {
    int64_t value;
    int64_t narrow[4]; /* as uint8, int8, int16, int32 */
} golden_integer;

#include "golden/dtypes.inc"

enum { CODES = 65536 };

static fv_tensor *from_memory(void *data, int64_t n, fv_dtype dtype)
{
    return fv_from_blob(data, (fv_shape){1, {n}}, dtype, NULL, NULL);
}

static void for_each_level(void (*check)(void))
{
    fv_isa before = fv_isa_level();
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        {
            FV_SCOPE;
            check();
        }
    }
    fv_set_isa(before);
    ck_assert(no_failures());
}

/* --- the tables ------------------------------------------------------------------------------- */

START_TEST(every_dtype_has_a_name_a_size_and_a_kind)
{
    static const struct {
        fv_dtype dtype;
        const char *name;
        size_t size;
        bool computed_floating;
    } known[] = {
        {FV_BOOL, "bool", 1, false},       {FV_UINT8, "uint8", 1, false},
        {FV_INT8, "int8", 1, false},       {FV_INT16, "int16", 2, false},
        {FV_INT32, "int32", 4, false},     {FV_INT64, "int64", 8, false},
        {FV_FLOAT16, "float16", 2, false}, {FV_BFLOAT16, "bfloat16", 2, false},
        {FV_FLOAT32, "float32", 4, true},  {FV_FLOAT64, "float64", 8, true},
    };
    ck_assert_uint_eq(sizeof known / sizeof known[0], FV_DTYPE_COUNT);
    for (size_t i = 0; i < FV_DTYPE_COUNT; i++) {
        ck_assert_str_eq(fv_dtype_name(known[i].dtype), known[i].name);
        ck_assert_uint_eq(fv_dtype_size(known[i].dtype), known[i].size);
        ck_assert(fv_dtype_is_floating(known[i].dtype) == known[i].computed_floating);
    }
    static const int none[] = {-1, 0, FV_DTYPE_FIRST - 1, FV_DTYPE_FIRST + FV_DTYPE_COUNT, 99};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert(!fv_dtype_exists(none[i]));
        ck_assert_uint_eq(fv_dtype_size((fv_dtype)none[i]), 0);
        ck_assert_str_eq(fv_dtype_name((fv_dtype)none[i]), "invalid dtype");
    }
    ck_assert(!fv_dtype_exists(INT64_MIN) && !fv_dtype_exists((int64_t)1 << 32));
}
END_TEST

START_TEST(integer_dtypes_hold_their_range_and_no_more)
{
    static const struct {
        fv_dtype dtype;
        double low, high;
    } ranges[] = {{FV_UINT8, 0, 255},
                  {FV_INT8, -128, 127},
                  {FV_INT16, -32768, 32767},
                  {FV_INT32, -2147483648.0, 2147483647.0},
                  {FV_INT64, -0x1p63, 0x1p63 - 1024}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        fv_dtype d = ranges[i].dtype;
        double step = d == FV_INT64 ? 2048 : 0.5; /* at the ends */
        ck_assert(fv_dtype_holds(d, ranges[i].low) && fv_dtype_holds(d, ranges[i].high));
        ck_assert(!fv_dtype_holds(d, ranges[i].low - step));
        ck_assert(!fv_dtype_holds(d, ranges[i].high + step));
        ck_assert(!fv_dtype_holds(d, (double)NAN) && !fv_dtype_holds(d, (double)INFINITY));
    }
    ck_assert(fv_dtype_holds(FV_FLOAT16, 1e9) && fv_dtype_holds(FV_BOOL, -7));
    ck_assert(!fv_dtype_holds((fv_dtype)99, 0));
}
END_TEST

START_TEST(every_pair_promotes_as_in_pytorch)
{
    ck_assert_uint_eq(sizeof golden_pairs / sizeof golden_pairs[0],
                      FV_DTYPE_COUNT * FV_DTYPE_COUNT);
    for (size_t i = 0; i < sizeof golden_pairs / sizeof golden_pairs[0]; i++) {
        FV_SCOPE;
        const golden_pair *p = &golden_pairs[i];
        set_context("%s and %s", fv_dtype_name(p->a), fv_dtype_name(p->b));
        fv_tensor *a = fv_zeros(2, .dtype = p->a), *b = fv_scalar(0, p->b);
        fv_tensor *c = fv_zeros(1, .dtype = p->b);
        fv_dtype both = fv_promote(p->a, p->b);
        fv_dtype dims = fv_result_type(2, (fv_tensor *const[]){a, c});
        fv_dtype one = fv_result_type(2, (fv_tensor *const[]){a, b});
        fv_dtype turned = fv_result_type(2, (fv_tensor *const[]){b, a});
        if (both != p->promoted) note_failure("promoted to %s", fv_dtype_name(both));
        if (dims != p->promoted) note_failure("tensors give %s", fv_dtype_name(dims));
        if (one != p->result || turned != p->result)
            note_failure("a number in the second place gives %s", fv_dtype_name(one));
    }
    ck_assert(no_failures());
}
END_TEST

/* --- the 16-bit floating types, exhaustively -------------------------------------------------- */

typedef struct half_format {
    fv_dtype dtype;
    int exponent_bits, fraction_bits;
} half_format;
static const half_format formats[] = {{FV_FLOAT16, 5, 10}, {FV_BFLOAT16, 8, 7}};

/* What a code means, from the definition of the format. */
static double meaning(const half_format *f, unsigned code)
{
    int bias = (1 << (f->exponent_bits - 1)) - 1;
    int exponent = (int)(code >> f->fraction_bits) & ((1 << f->exponent_bits) - 1);
    int fraction = (int)code & ((1 << f->fraction_bits) - 1);
    double sign = code >> 15 ? -1 : 1;
    if (exponent == (1 << f->exponent_bits) - 1)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - f->fraction_bits);
    int significand = fraction + (1 << f->fraction_bits);
    return sign * ldexp(significand, exponent - bias - f->fraction_bits);
}

static bool same_number(double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b && signbit(a) == signbit(b);
}

static uint16_t codes[CODES];

static void check_codes(const half_format *f)
{
    static float single[CODES];
    static double wide[CODES];
    static uint16_t back[CODES];
    for (unsigned k = 0; k < CODES; k++) codes[k] = (uint16_t)k;
    fv_tensor *t = from_memory(codes, CODES, f->dtype);
    ck_assert_int_eq(fv_copy_out(t, FV_FLOAT32, single), FV_OK);
    ck_assert_int_eq(fv_copy_out(t, FV_FLOAT64, wide), FV_OK);
    for (unsigned k = 0; k < CODES; k++) {
        double m = meaning(f, k);
        if (!same_number((double)single[k], m) || !same_number(wide[k], m) ||
            !same_number(fv_at(t, (const int64_t[]){k}), m))
            note_failure("%s code %04x is %g and %g, not %g", fv_dtype_name(f->dtype), k,
                         (double)single[k], wide[k], m);
    }
    for (int wider = 0; wider < 2; wider++) {
        fv_tensor *x =
            wider ? from_memory(wide, CODES, FV_FLOAT64) : from_memory(single, CODES, FV_FLOAT32);
        ck_assert_int_eq(fv_copy_out(x, f->dtype, back), FV_OK);
        unsigned quiet = 1u << (f->fraction_bits - 1);
        for (unsigned k = 0; k < CODES; k++) {
            unsigned wanted = isnan(meaning(f, k)) ? k | quiet : k;
            if (back[k] != wanted)
                note_failure("%s code %04x comes back as %04x", fv_dtype_name(f->dtype), k,
                             back[k]);
        }
    }
}

static void check_all_codes(void)
{
    for (int i = 0; i < 2; i++) check_codes(&formats[i]);
}

START_TEST(every_code_means_what_its_format_says_and_comes_back)
{
    for_each_level(check_all_codes);
}
END_TEST

/* Between two neighbours: the middle goes to the even one, what lies beside it to its side. */
typedef struct rounding {
    double value;
    unsigned wanted;
} rounding;

static rounding roundings[CODES * 3];

static int64_t collect_roundings(const half_format *f, bool single)
{
    unsigned infinity = (unsigned)((1 << f->exponent_bits) - 1) << f->fraction_bits;
    double end = ldexp(1, 1 << (f->exponent_bits - 1));
    int64_t n = 0;
    for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000)
        for (unsigned low = 0; low < infinity; low++) {
            double a = meaning(f, low), b = low + 1 < infinity ? meaning(f, low + 1) : end;
            double middle = (a + b) / 2, s = sign ? -1 : 1;
            double below = single ? (double)nextafterf((float)middle, 0) : nextafter(middle, 0);
            double above = single ? (double)nextafterf((float)middle, (float)INFINITY)
                                  : nextafter(middle, (double)INFINITY);
            roundings[n++] = (rounding){s * below, sign | low};
            roundings[n++] = (rounding){s * middle, sign | (low & 1 ? low + 1 : low)};
            roundings[n++] = (rounding){s * above, sign | (low + 1)};
        }
    return n;
}

static void compare_codes(const half_format *f, const uint16_t *found, int64_t n, const char *how)
{
    for (int64_t k = 0; k < n; k++)
        if (found[k] != roundings[k].wanted)
            note_failure("%s: %.17g %s becomes %04x, not %04x", fv_dtype_name(f->dtype),
                         roundings[k].value, how, found[k], roundings[k].wanted);
}

/* Dense, and every second element of memory into every second. */
static void check_roundings(const half_format *f, bool single)
{
    static double values[CODES * 6];
    static float floats[CODES * 6];
    static uint16_t found[CODES * 3];
    int64_t n = collect_roundings(f, single);
    fv_dtype from = single ? FV_FLOAT32 : FV_FLOAT64;
    for (int step = 1; step <= 2; step++) {
        for (int64_t k = 0; k < n; k++) {
            values[k * step] = roundings[k].value;
            floats[k * step] = (float)roundings[k].value;
        }
        fv_tensor *x = from_memory(single ? (void *)floats : (void *)values, n * step, from);
        fv_tensor *y = fv_zeros(n * step, .dtype = f->dtype);
        x = fv_slice(x, 0, 0, n * step, step);
        y = fv_slice(y, 0, 0, n * step, step);
        fv_copy_(y, x);
        ck_assert_int_eq(fv_copy_out(y, f->dtype, found), FV_OK);
        compare_codes(f, found, n, single ? "(float32)" : "(float64)");
    }
    for (int64_t k = 0; k < n; k++) { /* one by one */
        fv_tensor one = {.dtype = f->dtype, .numel = 1, .data = &found[k]};
        fv_tensor number = {.dtype = FV_FLOAT64, .numel = 1, .data = &roundings[k].value};
        fv_copy_elements(&one, &number);
    }
    compare_codes(f, found, n, "alone");
}

static void check_all_roundings(void)
{
    for (int i = 0; i < 2; i++)
        for (int single = 0; single < 2; single++) check_roundings(&formats[i], single);
}

START_TEST(between_neighbours_numbers_round_once_to_nearest_and_ties_to_even)
{
    for_each_level(check_all_roundings);
}
END_TEST

static void check_golden_numbers(void)
{
    for (size_t i = 0; i < sizeof golden_numbers / sizeof golden_numbers[0]; i++) {
        const golden_number *g = &golden_numbers[i];
        uint32_t bits = g->bits;
        uint16_t half, brain;
        fv_tensor *x = from_memory(&bits, 1, FV_FLOAT32);
        ck_assert_int_eq(fv_copy_out(x, FV_FLOAT16, &half), FV_OK);
        ck_assert_int_eq(fv_copy_out(x, FV_BFLOAT16, &brain), FV_OK);
        if (half != g->half || brain != g->brain)
            note_failure("%g is %04x and %04x, not %04x and %04x", fv_item(x), half, brain, g->half,
                         g->brain);
    }
}

START_TEST(numbers_become_the_codes_that_pytorch_gives)
{
    for_each_level(check_golden_numbers);
}
END_TEST

/* --- integers --------------------------------------------------------------------------------- */

START_TEST(integers_are_cut_to_their_low_bits_as_in_pytorch)
{
    static const fv_dtype narrow[] = {FV_UINT8, FV_INT8, FV_INT16, FV_INT32};
    for (size_t i = 0; i < sizeof golden_integers / sizeof golden_integers[0]; i++) {
        FV_SCOPE;
        int64_t value = golden_integers[i].value, found;
        fv_tensor *x = from_memory(&value, 1, FV_INT64);
        for (int k = 0; k < 4; k++) {
            fv_copy_out(fv_to(x, narrow[k]), FV_INT64, &found);
            if (found != golden_integers[i].narrow[k])
                note_failure("%lld as %s is %lld", (long long)value, fv_dtype_name(narrow[k]),
                             (long long)found);
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(int64_is_exact_beyond_what_a_double_holds)
{
    static const int64_t values[] = {
        ((int64_t)1 << 53) + 1, -((int64_t)1 << 53) - 1, INT64_MAX, INT64_MIN,
        INT64_MAX - 1,          1234567890123456789};
    enum { COUNT = sizeof values / sizeof values[0] };
    int64_t out[COUNT], turned[COUNT];
    {
        FV_SCOPE;
        fv_tensor *x = fv_zeros(3, 2, .dtype = FV_INT64);
        fv_tensor *y = fv_transpose(fv_zeros(3, 4, .dtype = FV_INT64), 0, 1);
        y = fv_transpose(fv_slice(y, 0, 1, 4, 2), 0, 1); /* [3,2], every second element */
        ck_assert_int_eq(fv_copy_in(x, FV_INT64, values), FV_OK);
        ck_assert_int_eq(fv_copy_in(y, FV_INT64, values), FV_OK);
        fv_copy_out(x, FV_INT64, out);
        ck_assert_mem_eq(out, values, sizeof values);
        fv_copy_out(y, FV_INT64, out);
        ck_assert_mem_eq(out, values, sizeof values);
        fv_copy_out(fv_transpose(x, 0, 1), FV_INT64, turned);
        for (int k = 0; k < COUNT; k++) ck_assert_int_eq(turned[k], values[k % 3 * 2 + k / 3]);
        fv_tensor *low = fv_to(fv_to(y, FV_INT32), FV_INT64);
        fv_copy_out(low, FV_INT64, out);
        for (int k = 0; k < COUNT; k++) ck_assert_int_eq(out[k], (int32_t)(uint32_t)values[k]);
    }
}
END_TEST

/* One step above the middle of two neighbours, lost in the type that a shorter way would take. */
START_TEST(integers_round_once_on_their_way_to_a_floating_type)
{
    static const struct {
        fv_dtype from, to;
        int64_t value;
        double wanted;
    } known[] = {
        {FV_INT64, FV_BFLOAT16, ((int64_t)1 << 62) + ((int64_t)1 << 54) + 1, 0x1.02p62},
        {FV_INT64, FV_BFLOAT16, ((int64_t)1 << 62) + ((int64_t)1 << 54), 0x1p62},
        {FV_INT64, FV_BFLOAT16, -((int64_t)1 << 62) - ((int64_t)1 << 54) - 1, -0x1.02p62},
        {FV_INT64, FV_BFLOAT16, ((int64_t)3 << 61) - ((int64_t)1 << 54) + 1, 0x1.8p62},
        {FV_INT64, FV_BFLOAT16, INT64_MAX, 0x1p63},
        {FV_INT64, FV_FLOAT32, ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1, 0x1.000002p60},
        {FV_INT32, FV_BFLOAT16, (1 << 30) + (1 << 22) + 1, 0x1.02p30},
        {FV_INT32, FV_FLOAT32, (1 << 30) + (1 << 6) + 1, 0x1.000002p30},
        {FV_INT32, FV_FLOAT16, 65519, 65504},
        {FV_INT64, FV_FLOAT16, 65520, (double)INFINITY},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        FV_SCOPE;
        int64_t value = known[i].value;
        fv_tensor *x = fv_to(from_memory(&value, 1, FV_INT64), known[i].from);
        double found = fv_item(fv_to(x, known[i].to));
        if (found != known[i].wanted)
            note_failure("%lld of %s as %s is %a, not %a", (long long)value,
                         fv_dtype_name(known[i].from), fv_dtype_name(known[i].to), found,
                         known[i].wanted);
    }
    ck_assert(no_failures());
}
END_TEST

/* --- all pairs, all layouts ------------------------------------------------------------------- */

/* v rounded to a significand of that many bits, with the smallest step 2^least. */
static double rounded(double v, int digits, int least, double limit)
{
    int exponent;
    if (!isfinite(v) || v == 0) return v;
    frexp(v, &exponent);
    int step = exponent - digits > least ? exponent - digits : least;
    double y = ldexp(rint(ldexp(v, -step)), step);
    return fabs(y) >= limit ? copysign((double)INFINITY, y) : y;
}

/* t modulo 2^bits, signed or not; |t| <= 2^63 is whole. */
static double wrapped(double t, int bits, bool is_signed)
{
    double range = ldexp(1, bits), y = t - floor(t / range) * range;
    return is_signed && y >= range / 2 ? y - range : y;
}

static double as_integer(double v, int bits, bool is_signed, bool from_floating)
{
    double t = fabs(v) < 0x1p63 ? trunc(v) : -0x1p63; /* NaN as well */
    if (from_floating && bits == 32 && !(t >= -0x1p31 && t < 0x1p31)) return -0x1p31;
    return bits == 64 ? t : wrapped(t, bits, is_signed);
}

/* What an element v of dtype `from` becomes. */
static double converted(double v, fv_dtype from, fv_dtype to)
{
    bool floating =
        from == FV_FLOAT16 || from == FV_BFLOAT16 || from == FV_FLOAT32 || from == FV_FLOAT64;
    switch (to) {
    case FV_BOOL: return v != 0;
    case FV_UINT8: return as_integer(v, 8, false, floating);
    case FV_INT8: return as_integer(v, 8, true, floating);
    case FV_INT16: return as_integer(v, 16, true, floating);
    case FV_INT32: return as_integer(v, 32, true, floating);
    case FV_INT64: return as_integer(v, 64, true, floating);
    case FV_FLOAT16: return rounded(v, 11, -24, 0x1p16);
    case FV_BFLOAT16: return rounded(v, 8, -133, 0x1p128);
    case FV_FLOAT32: return rounded(v, 24, -149, 0x1p128);
    case FV_FLOAT64: break;
    }
    return v;
}

static const double numbers[] = {0,
                                 1,
                                 -1,
                                 2.75,
                                 -2.75,
                                 100,
                                 127,
                                 128,
                                 255,
                                 256,
                                 -128,
                                 -129,
                                 -200,
                                 300,
                                 32767,
                                 32768,
                                 -40000,
                                 65535,
                                 70000,
                                 -70000,
                                 1e9,
                                 3e9,
                                 -3e9,
                                 1e10,
                                 0.1,
                                 1e-6,
                                 1.0 / 3,
                                 65519.999,
                                 65520,
                                 1e-40,
                                 1e39,
                                 -1e39,
                                 1e15 + 0.5,
                                 0x1p62,
                                 -0x1p63,
                                 (double)NAN,
                                 (double)INFINITY,
                                 -(double)INFINITY};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static int64_t offset_of(const fv_tensor *t, int64_t k)
{
    int64_t offset = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += k % t->shape[d] * t->strides[d];
        k /= t->shape[d];
    }
    return offset;
}

/* Reads through fv_at, whose accessor the copies do not use. */
static void compare_conversion(const fv_tensor *x, const fv_tensor *y, const double *values)
{
    for (int64_t k = 0; k < x->numel; k++) {
        fv_tensor element = {.dtype = y->dtype, .numel = 1};
        element.data = (char *)y->data + offset_of(y, k) * (int64_t)fv_dtype_size(y->dtype);
        double v = converted(values[k], FV_FLOAT64, x->dtype);
        double found = fv_item(&element), wanted = converted(v, x->dtype, y->dtype);
        bool odd = y->dtype == FV_BOOL && *(const uint8_t *)element.data > 1;
        if (odd || (isnan(wanted) ? !isnan(found) : found != wanted))
            note_failure("%g in element %lld becomes %.17g, not %.17g", v, (long long)k, found,
                         wanted);
    }
}

static void check_pair(fv_dtype from, fv_dtype to)
{
    fv_shape shape = FV_SHAPE(2, NUMBERS, 3, 2);
    static double values[2 * NUMBERS * 3 * 2];
    for (int order = 0; order < LAYOUT_COUNT; order++) {
        FV_SCOPE;
        set_context("%s to %s, %s", fv_dtype_name(from), fv_dtype_name(to),
                    layout_name((layout)order));
        for (int k = 0; k < 12 * NUMBERS; k++) values[k] = numbers[(k * 7 + k / 12) % NUMBERS];
        repeat_values(values, &shape, (layout)order);
        fv_tensor *x = tensor_in_layout(values, &shape, from, (layout)order);
        fv_tensor *same = fv_to(x, to), *rows = fv_empty(.shape = shape, .dtype = to);
        fv_tensor *wide = fv_empty(2, NUMBERS, 3, 4, .dtype = to);
        fv_tensor *gaps = fv_slice(wide, 3, 1, 4, 2);
        fv_copy_elements(rows, x);
        fv_copy_elements(gaps, x);
        compare_conversion(x, same, values);
        compare_conversion(x, rows, values);
        compare_conversion(x, gaps, values);
    }
}

static void check_all_pairs(void)
{
    const int end = FV_DTYPE_FIRST + FV_DTYPE_COUNT;
    for (int from = FV_DTYPE_FIRST; from < end; from++)
        for (int to = FV_DTYPE_FIRST; to < end; to++) check_pair((fv_dtype)from, (fv_dtype)to);
}

START_TEST(every_pair_converts_in_every_memory_order)
{
    for_each_level(check_all_pairs);
}
END_TEST

/* x as rows of a grid with gaps between them. */
static void check_rows(const fv_tensor *x, fv_dtype to, int64_t rows, const double *values)
{
    int64_t length = x->numel / rows;
    fv_tensor *grid = fv_empty(rows, length + 9, .dtype = to);
    fv_tensor *part = fv_narrow(grid, 1, 3, length);
    fv_tensor source = fv_tensor_borrow(x);
    source.ndim = 2;
    source.shape[0] = rows, source.shape[1] = length;
    source.strides[0] = length, source.strides[1] = 1;
    source.numel = rows * length;
    fv_copy_elements(part, &source);
    compare_conversion(&source, part, values);
}

/* Pieces of a long row, rows of their own, several rows with several pieces. */
START_TEST(work_is_cut_for_threads_without_loss)
{
    enum { LONG = 5 * 16384 + 77 };
    static double values[LONG];
    int before = fv_get_num_threads();
    fv_set_num_threads(3);
    force_threads(3);
    for (int k = 0; k < LONG; k++) values[k] = (k * 37 % 251) - 125;
    const int end = FV_DTYPE_FIRST + FV_DTYPE_COUNT;
    for (int from = FV_DTYPE_FIRST; from < end; from++)
        for (int to = FV_DTYPE_FIRST; to < end; to++) {
            FV_SCOPE;
            set_context("%s to %s", fv_dtype_name((fv_dtype)from), fv_dtype_name((fv_dtype)to));
            fv_tensor *x = tensor_of((fv_dtype)from, FV_SHAPE(LONG), values);
            fv_tensor *y = fv_empty(LONG, .dtype = (fv_dtype)to);
            fv_copy_elements(y, x);
            compare_conversion(x, y, values);
            check_rows(x, (fv_dtype)to, 2, values);
            check_rows(x, (fv_dtype)to, 3, values);
            check_rows(x, (fv_dtype)to, 40, values);
        }
    force_threads(0);
    fv_set_num_threads(before);
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("dtypes");
    TCase *tables = add_case(suite, "tables");
    tcase_add_test(tables, every_dtype_has_a_name_a_size_and_a_kind);
    tcase_add_test(tables, integer_dtypes_hold_their_range_and_no_more);
    tcase_add_test(tables, every_pair_promotes_as_in_pytorch);
    TCase *halves = add_case(suite, "16-bit floats");
    tcase_add_test(halves, every_code_means_what_its_format_says_and_comes_back);
    tcase_add_test(halves, between_neighbours_numbers_round_once_to_nearest_and_ties_to_even);
    tcase_add_test(halves, numbers_become_the_codes_that_pytorch_gives);
    TCase *integers = add_case(suite, "integers");
    tcase_add_test(integers, integers_are_cut_to_their_low_bits_as_in_pytorch);
    tcase_add_test(integers, int64_is_exact_beyond_what_a_double_holds);
    tcase_add_test(integers, integers_round_once_on_their_way_to_a_floating_type);
    TCase *pairs = add_case(suite, "pairs");
    tcase_add_test(pairs, every_pair_converts_in_every_memory_order);
    tcase_add_test(pairs, work_is_cut_for_threads_without_loss);
    return suite;
}
