/* Positions through the functions that users call: max and min with indices, argmax, argmin. */
#include <math.h>

#include "support.h"

enum { ROWS = 2, COLUMNS = 5 };

static const fv_dtype types[] = {FV_UINT8, FV_INT32, FV_INT64, FV_FLOAT32, FV_FLOAT64};
enum { TYPES = sizeof types / sizeof types[0] };

START_TEST(the_first_of_equal_values_is_meant)
{
    for (int k = 0; k < TYPES; k++) {
        FV_SCOPE;
        fv_tensor *x = TENSOR(types[k], FV_SHAPE(ROWS, COLUMNS), 3, 9, 1, 9, 1, /**/ 2, 2, 7, 0, 7);
        fv_tensor *at = NULL;
        ASSERT_VALUES(fv_argmax(x, .dim = 1), 0, 1, 2);
        ASSERT_VALUES(fv_argmin(x, .dim = -1), 0, 2, 3);
        ASSERT_VALUES(fv_argmax(x), 0, 1);
        ASSERT_VALUES(fv_argmin(x), 0, 8);
        ASSERT_VALUES(fv_argmax(x, .dim = 0), 0, 0, 0, 1, 0, 1);
        ASSERT_VALUES(fv_max_dim(x, 1, false, &at), 0, 9, 7);
        ASSERT_VALUES(at, 0, 1, 2);
        ASSERT_VALUES(fv_min_dim(x, 1, false, &at), 0, 1, 0);
        ASSERT_VALUES(at, 0, 2, 3);
        ck_assert_int_eq(at->dtype, FV_INT64);
    }
}
END_TEST

START_TEST(a_nan_is_the_largest_and_the_smallest)
{
    const double nan = (double)NAN, inf = (double)INFINITY;
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        fv_tensor *x =
            TENSOR(d, FV_SHAPE(ROWS, COLUMNS), 1, inf, nan, 2, nan, /**/ nan, -inf, 0, inf, 1);
        fv_tensor *at = NULL;
        ASSERT_VALUES(fv_argmax(x, .dim = 1), 0, 2, 0);
        ASSERT_VALUES(fv_argmin(x, .dim = 1), 0, 2, 0);
        ASSERT_VALUES(fv_argmax(x), 0, 2);
        ASSERT_VALUES(fv_max_dim(x, 1, false, &at), 0, nan, nan);
        ASSERT_VALUES(at, 0, 2, 0);
        ASSERT_VALUES(fv_min_dim(x, 1, true, &at), 0, nan, nan);
        ASSERT_VALUES(at, 0, 2, 0);
        ASSERT_VALUES(fv_argmax(x, .dim = 0), 0, 1, 0, 0, 1, 0);
    }
}
END_TEST

START_TEST(shapes_keep_the_dimension_when_asked)
{
    FV_SCOPE;
    fv_tensor *x = fv_zeros(ROWS, 3, COLUMNS), *at = NULL;
    fv_shape kept = FV_SHAPE(ROWS, 1, COLUMNS), dropped = FV_SHAPE(ROWS, COLUMNS);
    fv_shape ones = FV_SHAPE(1, 1, 1);
    for (int keepdim = 0; keepdim < 2; keepdim++) {
        const fv_shape *want = keepdim ? &kept : &dropped;
        const fv_tensor *results[] = {fv_argmax(x, 1, keepdim),        fv_argmin(x, 1, keepdim),
                                      fv_max_dim(x, 1, keepdim, &at),  at,
                                      fv_min_dim(x, -2, keepdim, &at), at};
        for (int k = 0; k < 6; k++) {
            fv_shape shape = fv_shape_of(results[k]);
            ck_assert_msg(fv_shape_equal(&shape, want), "%d: %s", k, fv_shape_text(&shape));
        }
    }
    fv_shape all = fv_shape_of(fv_argmax(x, .keepdim = true));
    ck_assert(fv_shape_equal(&all, &ones));
    ck_assert_int_eq(fv_ndim(fv_argmin(x)), 0);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("index");
    TCase *positions = add_case(suite, "positions");
    tcase_add_test(positions, the_first_of_equal_values_is_meant);
    tcase_add_test(positions, a_nan_is_the_largest_and_the_smallest);
    tcase_add_test(positions, shapes_keep_the_dimension_when_asked);
    return suite;
}
