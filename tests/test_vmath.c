/* Elementary functions in float64 at every instruction-set level: their errors stay within the
 * bounds that vmath_isa.h and trig_isa.c state, and special values are those of C's Annex F. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

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

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("vmath");
    TCase *vmath = add_case(suite, "float64");
    tcase_add_test(vmath, errors_stay_within_their_bounds);
    tcase_add_test(vmath, special_values_are_those_of_the_c_library);
    return suite;
}
