/* What variants a case has, and their inputs; see variants.h. */
#include "variants.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *variant_folder(variant_kind kind)
{
    return kind == VARIANT_SPECIAL ? "special" : "types";
}

static int64_t numel_of(const op_case *c, int input)
{
    return fv_shape_numel(&c->in[input].shape);
}

static bool is_floating_input(const op_case *c, int input)
{
    return input < c->inputs && !c->in[input].absent && fill_is_floating(c->in[input].fill);
}

static void default_dtypes(const op_case *c, fv_dtype floating, case_variant *v)
{
    for (int i = 0; i < c->inputs; i++) v->dtype[i] = case_dtype(c, i, floating);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Ops that only gradients call have expressions that are not theirs. */
static bool is_called_by_users(const op_case *c)
{
    return !ends_with(c->op, "_backward") && !ends_with(c->op, "_weight") &&
           !strstr(c->text, "case_gradient");
}

/* --- special values --------------------------------------------------------------------------- */

/* Lists for ops of one element each come first: all values, or all pairs of the first of them. */
typedef enum special {
    SPECIAL_EACH,
    SPECIAL_NAN, /* among small numbers */
    SPECIAL_INFINITY,
    SPECIAL_ZEROS,
    SPECIAL_TIES,
    SPECIAL_HALVES,
    SPECIAL_HUGE,
    SPECIAL_TINY,
    SPECIAL_ALL_NAN,
    SPECIAL_ALL_INFINITE,
    SPECIAL_ALL_LOWEST,
    SPECIAL_ALL_ZERO,
    SPECIAL_COUNT
} special;

static const char *const special_names[SPECIAL_COUNT] = {
    "special", "NaN",  "infinities", "zeros",        "ties",          "halves",
    "huge",    "tiny", "all NaN",    "all infinite", "all -infinite", "all zero"};

/* The numbers of a list, exact in both types; the first PAIRED of them are taken in pairs. HUGE_,
 * NORMAL_ and TINY_ stand for the largest number of the type, its smallest normal one and the one
 * next to 0. */
#define INF_    ((double)INFINITY)
#define HUGE_   1e301
#define NORMAL_ 1e-301
#define TINY_   1e-302
enum { PAIRED = 22 };
static const double each[] = {0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1.5, 2.5, INF_, -INF_,
                              (double)NAN, TINY_, -TINY_, NORMAL_, HUGE_, -HUGE_, 100, -100,
                              /* singly */
                              -NORMAL_, 6, -6, 20, 20.5, -20, -20.5, 88.5, 89, -88, -104, 709, 710,
                              -745, -746, -1.5, -2.5, 3.5, 0.75, -0.75, 0.25, -0.25, 4, 8, -8, 10,
                              1000, 0x1p-30, -0x1p-30, 0x1p-12, -0x1p-12, 1048577, 8388609,
                              -16777216, 0x1p31, 0x1p40, -0x1p60, 0x1.555556p-2};
enum { EACH = sizeof each / sizeof each[0] };

static double of_type(double v, fv_dtype dtype)
{
    double size = fabs(v);
    bool single = dtype == FV_FLOAT32;
    if (size == HUGE_) size = single ? (double)FLT_MAX : DBL_MAX;
    if (size == NORMAL_) size = single ? (double)FLT_MIN : DBL_MIN;
    if (size == TINY_) size = single ? 0x1p-149 : 0x1p-1074;
    return copysign(size, v);
}

/* Element k of an input. Element k of the second one moves on against that of the first with each
 * round through the list and with each turn, so that they meet in all pairs. */
static double each_value(const op_case *c, int input, int turn, int64_t k)
{
    int64_t count = numel_of(c, input), length = c->inputs > 1 ? PAIRED : EACH;
    if (c->inputs == 1) return each[(k + turn * count) % length];
    return each[(k + input * (k / length + turn * (count / length + 1))) % length];
}

static double special_value(const op_case *c, const case_variant *v, int input, int64_t k)
{
    static const double zeros[] = {0, -0.0, 1, TINY_, 0.5, -TINY_, -1},
                        ties[] = {1, 0.5, 1, -0.0, 1, 0, 0.5, -1, 1, 0.5, 0};
    bool single = v->dtype[input] == FV_FLOAT32;
    int64_t at = k + 3 * input;
    double plain = (double)(at * 7 % 9 - 4) / 2;
    switch ((special)v->values) {
    case SPECIAL_EACH: return of_type(each_value(c, input, v->turn, k), v->dtype[input]);
    case SPECIAL_NAN: return at % 11 == 4 ? (double)NAN : plain;
    case SPECIAL_INFINITY: return at % 11 == 4 ? INF_ : at % 13 == 7 ? -INF_ : plain;
    case SPECIAL_ZEROS: return k % 3 == 2 ? plain : of_type(zeros[at % 7], v->dtype[input]);
    case SPECIAL_TIES: return ties[at % 11];
    case SPECIAL_HALVES: return (double)((at * 7) % 19 - 9) / 2;
    case SPECIAL_HUGE: return ldexp((double)(at % 5 + 3), single ? 125 : 1021);
    case SPECIAL_TINY: return ldexp((double)((at * 7) % 19 - 9), single ? -143 : -1068);
    case SPECIAL_ALL_NAN: return (double)NAN;
    case SPECIAL_ALL_INFINITE: return INF_;
    case SPECIAL_ALL_LOWEST: return -INF_;
    case SPECIAL_ALL_ZERO: return k % 2 ? -0.0 : 0;
    case SPECIAL_COUNT: break;
    }
    return 0;
}

static bool has_special_values(const op_case *c)
{
    static const char *const families[] = {"elementwise", "reduce",  "pool",
                                           "loss",        "softmax", "norm"};
    if (!c->torch || !is_called_by_users(c)) return false;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (case_is_of(c, families[i])) return true;
    return false;
}

bool is_pointwise(const op_case *c)
{
    return case_is_of(c, "elementwise") || strstr(c->torch, "'none'") != NULL;
}

/* How often the list must start anew for all its numbers, or pairs of them, to be there. */
static int turns_of(const op_case *c)
{
    int64_t count = numel_of(c, 0), numbers = c->inputs > 1 ? PAIRED : EACH;
    bool pairs = is_floating_input(c, 1) && numel_of(c, 1) == count && count > 10;
    if (count == 0) return 0;
    if (pairs) numbers = PAIRED * (PAIRED + 3);
    int64_t turns = (numbers + count - 1) / count, most = pairs ? 30 : 3;
    return (int)(turns < most ? turns : most);
}

static bool special_variant(const op_case *c, int number, case_variant *v)
{
    static const char *const types[] = {"float32", "float64"};
    if (!has_special_values(c)) return false;
    int turns = turns_of(c), lists = is_pointwise(c) ? turns : SPECIAL_COUNT - 1;
    bool both = is_pointwise(c) || case_is_first(c); /* else the types share what differs */
    if (number >= (both ? 2 : 1) * lists) return false;
    int wide = number / lists, at = number % lists;
    v->values = is_pointwise(c) ? SPECIAL_EACH : at + 1;
    v->turn = is_pointwise(c) ? at : 0;
    default_dtypes(c, wide ? FV_FLOAT64 : FV_FLOAT32, v);
    if (v->turn > 0)
        snprintf(v->name, sizeof v->name, "%s %d, %s", special_names[v->values], v->turn + 1,
                 types[wide]);
    else
        snprintf(v->name, sizeof v->name, "%s, %s", special_names[v->values], types[wide]);
    return true;
}

/* --- types ------------------------------------------------------------------------------------ */

static const fv_dtype tried[] = {FV_BOOL, FV_UINT8, FV_INT32, FV_INT64, FV_FLOAT32, FV_FLOAT64};
enum { TRIED = sizeof tried / sizeof tried[0], TRIED_INTEGERS = 4 };

/* Small numbers, which a type may have to wrap; of int64 also numbers that no double holds. */
static int64_t whole_value(fv_dtype dtype, bool large, int64_t at)
{
    static const int64_t small[] = {0, 1, -1, 2, 3, -2, 5, 1, -3, 4, 0},
                         bytes[] = {0, 1, 200, 2, 3, 255, 5, 1, 128, 4, 0},
                         wide[] = {INT64_C(9007199254740993),
                                   0,
                                   -INT64_C(9007199254740993),
                                   INT64_C(1) << 62,
                                   1,
                                   INT64_MIN,
                                   INT64_MAX,
                                   -1,
                                   INT64_C(3037000499),
                                   INT64_C(2147483648),
                                   -3};
    if (dtype == FV_BOOL) return small[at % 11] & 1;
    if (dtype == FV_UINT8) return bytes[at % 11];
    return large ? wide[at % 11] : small[at % 11];
}

/* Does a type suit the input's place at all? Indices and masks stay what they are in the variants
 * of all inputs. */
static bool typed_all(const op_case *c, int number, case_variant *v)
{
    bool large = number == TRIED_INTEGERS;
    bool computes = case_is_of(c, "elementwise") || case_is_of(c, "reduce");
    if (number > TRIED_INTEGERS || (large && !computes) || !case_is_floating(c)) return false;
    fv_dtype dtype = large ? FV_INT64 : tried[number];
    default_dtypes(c, dtype, v);
    v->values = large;
    snprintf(v->name, sizeof v->name, "%s%s", large ? "large " : "", fv_dtype_name(dtype));
    return true;
}

/* Variant `number` of those where one input alone has another type. */
static bool typed_one(const op_case *c, int number, case_variant *v)
{
    if (!case_is_first(c)) return false;
    default_dtypes(c, FV_FLOAT32, v);
    for (int i = 0; i < c->inputs; i++) {
        for (int t = 0; t < TRIED && !c->in[i].absent; t++) {
            if (tried[t] == v->dtype[i] || number-- > 0) continue;
            snprintf(v->name, sizeof v->name, "input %d %s", i, fv_dtype_name(tried[t]));
            v->dtype[i] = tried[t];
            return true;
        }
    }
    return false;
}

static bool typed_variant(const op_case *c, int number, case_variant *v)
{
    if (!c->torch || !is_called_by_users(c)) return false;
    v->values = 0;
    int all = 0;
    case_variant ignored;
    while (typed_all(c, all, &ignored)) all++;
    return number < all ? typed_all(c, number, v) : typed_one(c, number - all, v);
}

/* --- both ------------------------------------------------------------------------------------- */

bool get_variant(variant_kind kind, const op_case *c, int number, case_variant *v)
{
    *v = (case_variant){.values = 0};
    return kind == VARIANT_SPECIAL ? special_variant(c, number, v) : typed_variant(c, number, v);
}

static fv_tensor *special_input(const op_case *c, const case_variant *v, int i)
{
    const fv_shape *shape = &c->in[i].shape;
    double *values = case_values(c, i);
    bool own = !is_floating_input(c, i) || c->in[i].constant;
    for (int64_t k = 0; k < fv_shape_numel(shape) && !own; k++)
        values[k] = special_value(c, v, i, k);
    fv_tensor *t = tensor_in_layout(values, shape, v->dtype[i], LAYOUT_CONTIGUOUS);
    free(values);
    if (is_floating_input(c, i) && !c->in[i].constant) fv_requires_grad(t, true);
    return t;
}

static fv_tensor *typed_input(const op_case *c, const case_variant *v, int i)
{
    const fv_shape *shape = &c->in[i].shape;
    if (!is_floating_input(c, i) || fv_dtype_is_floating(v->dtype[i])) {
        double *own = case_values(c, i);
        fv_tensor *t = tensor_in_layout(own, shape, v->dtype[i], LAYOUT_CONTIGUOUS);
        free(own);
        return t;
    }
    int64_t count = fv_shape_numel(shape);
    int64_t *values = malloc(((size_t)count + 1) * sizeof(int64_t));
    if (!values) abort();
    for (int64_t k = 0; k < count; k++)
        values[k] = whole_value(v->dtype[i], v->values != 0, k + 3 * i + (i > 0) * (k / 11));
    fv_tensor *t = fv_zeros(.shape = *shape, .dtype = v->dtype[i]);
    fv_copy_in(t, FV_INT64, values);
    free(values);
    return t;
}

void variant_inputs(variant_kind kind, const op_case *c, const case_variant *v, fv_tensor **x)
{
    for (int i = 0; i < c->inputs; i++) {
        if (c->in[i].absent)
            x[i] = NULL;
        else
            x[i] = kind == VARIANT_SPECIAL ? special_input(c, v, i) : typed_input(c, v, i);
    }
}
