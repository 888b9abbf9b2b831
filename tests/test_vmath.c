/* Elementary functions in float64, and pow in float32, at every instruction-set level: their errors
 * stay within the bounds that vmath_isa.h and trig_isa.c state, and special values are those of C's
 * Annex F. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { COUNT = 4096 };

typedef long double (*exact_fn)(long double x);
typedef fv_tensor *(*function)(fv_tensor *x);

static long double sigmoid(long double x)
{
    return 1 / (1 + expl(-x));
}

/* Where a function is looked at, and its bound in ulp. */
typedef struct range_case {
    const char *name;
    function of;
    exact_fn exact;
    double low, high, bound;
} range_case;

static const range_case ranges[] = {
    {"exp", fv_exp, expl, -745, 709.7, 1.1},
    {"exp", fv_exp, expl, -1, 1, 1.1},
    {"expm1", fv_expm1, expm1l, -40, 709, 2.2},
    {"expm1", fv_expm1, expm1l, -1, 1, 2.2},
    {"log", fv_log, logl, 0x1p-1060, 4, 0.9},
    {"log", fv_log, logl, 0.5, 1.5, 0.9},
    {"log2", fv_log2, log2l, 0x1p-1060, 8, 1.1},
    {"log10", fv_log10, log10l, 0x1p-1060, 1e300, 1.0},
    {"log1p", fv_log1p, log1pl, -0.999, 3, 1.5},
    {"log1p", fv_log1p, log1pl, -1e-9, 1e-9, 1.5},
    {"sigmoid", fv_sigmoid, sigmoid, -740, 40, 2.2},
    {"tanh", fv_tanh, tanhl, -20, 20, 2.6},
    {"tanh", fv_tanh, tanhl, -0.1, 0.1, 2.6},
    {"erf", fv_erf, erfl, -6, 6, 1.4},
    {"erf", fv_erf, erfl, -1, 1, 1.4},
    {"sin", fv_sin, sinl, -10, 10, 0.8},
    {"sin", fv_sin, sinl, -65536, 65536, 0.8},
    {"cos", fv_cos, cosl, -10, 10, 0.8},
    {"cos", fv_cos, cosl, -65536, 65536, 0.8},
    {"cos", fv_cos, cosl, 1e8, 1e9, 0.8}, /* the C library's */
};

static double number(const range_case *r, int i)
{
    uint64_t mixed = ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return r->low + (r->high - r->low) * ((double)(mixed >> 11) * 0x1p-53);
}

static double ulps(double found, long double wanted)
{
    int exponent;
    frexp((double)wanted, &exponent);
    if (exponent < DBL_MIN_EXP) exponent = DBL_MIN_EXP;
    return (double)fabsl(((long double)found - wanted) / ldexpl(1, exponent - DBL_MANT_DIG));
}

static void check_range(const range_case *r)
{
    FV_SCOPE;
    double x[COUNT], worst = 0, at = 0;
    const fv_shape shape = FV_SHAPE(COUNT);
    for (int i = 0; i < COUNT; i++) x[i] = number(r, i);
    fv_tensor *y = r->of(tensor_of(FV_FLOAT64, shape, x));
    const double *found = fv_data_float64(y);
    for (int i = 0; i < COUNT; i++) {
        double error = ulps(found[i], r->exact((long double)x[i]));
        if (error > worst) worst = error, at = x[i];
    }
    if (!(worst <= r->bound))
        note_failure("%s of %a at %s: off by %.3f ulp, %.1f are allowed", r->name, at,
                     fv_isa_name(fv_isa_level()), worst, r->bound);
}

START_TEST(errors_stay_within_their_bounds)
{
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) check_range(&ranges[k]);
    }
    fv_set_isa(fv_isa_best());
    ck_assert(no_failures());
}
END_TEST

/* Zeros with their signs, infinities, NaN, subnormals, and what over- and underflows, in rows that
 * fill vectors and in such that do not. */
static void check_special(const range_case *r, int64_t copies)
{
    FV_SCOPE;
    const double inf = (double)INFINITY;
    const double special[] = {0.0,        -0.0,      inf,     -inf,  (double)NAN, 0x1p-1074,
                              -0x1p-1074, 1.0,       -1.0,    710.5, -746.5,      1e300,
                              -1e300,     0x1p-1022, -0x1p60, 745.0, -708.5,      0x1p80};
    enum { SPECIAL = sizeof special / sizeof *special };
    double *x = malloc((size_t)copies * SPECIAL * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < copies * SPECIAL; i++) x[i] = special[i % SPECIAL];
    fv_tensor *y = r->of(tensor_of(FV_FLOAT64, FV_SHAPE(copies * SPECIAL), x));
    const double *found = fv_data_float64(y);
    for (int64_t i = 0; i < copies * SPECIAL; i++) {
        double wanted = (double)r->exact((long double)x[i]);
        bool same = isnan(wanted) ? isnan(found[i])
                                  : ulps(found[i], (long double)wanted) <= 3 &&
                                        signbit(found[i]) == signbit(wanted);
        if (isinf(wanted)) same = found[i] == wanted;
        if (!same)
            note_failure("%s of %g at %s is %a, not %a", r->name, x[i], fv_isa_name(fv_isa_level()),
                         found[i], wanted);
    }
    free(x);
}

START_TEST(special_values_are_those_of_the_c_library)
{
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
            if (k > 0 && ranges[k].of == ranges[k - 1].of) continue;
            check_special(&ranges[k], 1);
            check_special(&ranges[k], 16);
        }
    }
    fv_set_isa(fv_isa_best());
    ck_assert(no_failures());
}
END_TEST

/* --- pow of float32 ----------------------------------------------------------------------------
 */

static const float numbers[] = {0.0f,
                                -0.0f,
                                INFINITY,
                                -INFINITY,
                                NAN,
                                1.0f,
                                -1.0f,
                                2.0f,
                                -2.0f,
                                0.5f,
                                -0.5f,
                                3.0f,
                                -3.0f,
                                1.5f,
                                -1.5f,
                                0x1p-149f,
                                -0x1p-149f,
                                0x1p-126f,
                                -0x3p-140f,
                                0x1.fffffep127f,
                                -0x1.fffffep127f,
                                0x1.fffffep-1f,
                                0x1.000002p+0f,
                                7.0f,
                                -7.0f,
                                0x1p24f,
                                -0x1p24f,
                                0x1.000002p24f,
                                0x1.fffffep23f,
                                -0x1.fffffep23f,
                                16777215.0f,
                                0x1p31f,
                                -0x1p31f,
                                0x1.000002p31f,
                                1e10f,
                                -1e10f,
                                10.0f,
                                0.1f,
                                -0.1f,
                                127.5f,
                                -149.0f,
                                -148.5f,
                                128.0f};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* What a float32 result may be: the C library's pow of double, rounded, or a neighbour of it. */
static void check_power(float x, float y, float found)
{
    const double wanted = pow((double)x, (double)y);
    const float nearest = (float)wanted;
    bool same = isnan(nearest) ? isnan(found) : signbit(found) == signbit(nearest);
    if (isinf(nearest) || nearest == 0)
        same = same && found == nearest;
    else if (!isnan(nearest)) {
        int exponent;
        frexp(wanted, &exponent);
        if (exponent < FLT_MIN_EXP) exponent = FLT_MIN_EXP;
        same = same && fabs((double)found - wanted) <= ldexp(0.51, exponent - FLT_MANT_DIG);
    }
    if (!same)
        note_failure("pow(%a, %a) at %s is %a, not %a", (double)x, (double)y,
                     fv_isa_name(fv_isa_level()), (double)found, (double)nearest);
}

/* Every pair of the numbers above, by the op of two tensors and by that with a number. */
static void check_power_grid(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_empty(NUMBERS);
    memcpy(fv_data_float32(x), numbers, sizeof numbers);
    for (int k = 0; k < NUMBERS; k++) {
        const float y = numbers[k];
        const float *by_tensor = fv_data_float32(fv_pow(x, fv_full_like(x, (double)y)));
        const float *by_number = fv_data_float32(fv_pow(x, (double)y));
        for (int i = 0; i < NUMBERS; i++) {
            check_power(numbers[i], y, by_tensor[i]);
            if (fabsf(y) != 0.5f) check_power(numbers[i], y, by_number[i]); /* roots, as PyTorch */
        }
    }
}

/* Bases of all sizes and exponents whose powers are of all sizes. */
static void check_power_errors(void)
{
    FV_SCOPE;
    fv_tensor *bases = fv_empty(COUNT), *exponents = fv_empty(COUNT);
    float *x = fv_data_float32(bases), *y = fv_data_float32(exponents);
    for (int i = 0; i < COUNT; i++) {
        uint32_t bits = ((uint32_t)i + 1) * UINT32_C(0x9e3779b9);
        x[i] = ldexpf(1.0f + (float)(bits & 0xffff) * 0x1p-16f, (int)(bits >> 16) % 240 - 120);
        float spread = (float)(bits >> 8 & 0xffff) * 0x1p-15f - 1.0f;
        y[i] = spread * 150.0f / fmaxf(fabsf(log2f(x[i])), 1e-3f);
    }
    const float *found = fv_data_float32(fv_pow(bases, exponents));
    for (int i = 0; i < COUNT; i++) check_power(x[i], y[i], found[i]);
}

START_TEST(powers_are_those_of_the_c_library)
{
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        check_power_grid();
        check_power_errors();
    }
    fv_set_isa(fv_isa_best());
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("vmath");
    TCase *vmath = add_case(suite, "float64");
    tcase_add_test(vmath, errors_stay_within_their_bounds);
    tcase_add_test(vmath, special_values_are_those_of_the_c_library);
    tcase_add_test(vmath, powers_are_those_of_the_c_library);
    return suite;
}
