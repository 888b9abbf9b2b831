/* Windows as columns, unpooling and interpolation against what they are by definition: columns
 * times weights are a convolution, unfold and fold are adjoint, unpooling puts a pooling's maxima
 * back, an area is a mean; and what is refused. Cases of their own compare each with PyTorch. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "tensor/kernels/resample/resample.h"

static double dot(fv_tensor *a, fv_tensor *b)
{
    return fv_item(fv_sum(fv_mul(a, b)));
}

static fv_tensor *numbers(fv_shape shape)
{
    return fv_randn(.shape = shape, .dtype = FV_FLOAT64);
}

static void expect_close(const fv_tensor *found, const fv_tensor *wanted, double tolerance)
{
    char message[256];
    ck_assert_msg(tensors_close(found, wanted, tolerance, message, sizeof message), "%s %s",
                  message, fv_error());
}

/* --- unfold and fold -------------------------------------------------------------------------- */

/* <unfold(x), y> = <x, fold(y)> for an x and the windows' options. */
#define ADJOINT(unfold, fold, x_, size, ...)                                                       \
    do {                                                                                           \
        FV_SCOPE;                                                                                  \
        fv_tensor *x = x_, *columns = unfold(x, __VA_ARGS__);                                      \
        fv_tensor *y = numbers(fv_shape_of(columns));                                              \
        ck_assert_double_eq_tol(dot(columns, y), dot(x, fold(y, size, __VA_ARGS__)), 1e-9);        \
    } while (0)

START_TEST(unfold_and_fold_are_adjoint)
{
    fv_manual_seed(1);
    ADJOINT(fv_unfold1d, fv_fold1d, numbers(FV_SHAPE(3, 4, 50)), 50, 5, 3, 2, 4);
    ADJOINT(fv_unfold, fv_fold, numbers(FV_SHAPE(3, 5, 31, 45)), FV_DIMS(31, 45), FV_DIMS(3, 4),
            FV_DIMS(2, 1), FV_DIMS(1, 3), FV_DIMS(1, 2));
    ADJOINT(fv_unfold3d, fv_fold3d, numbers(FV_SHAPE(2, 3, 7, 9, 8)), FV_DIMS(7, 9, 8), 3, 1, 1,
            FV_DIMS(2, 1, 2));
}
END_TEST

START_TEST(weights_times_columns_are_a_convolution)
{
    FV_SCOPE;
    fv_manual_seed(2);
    fv_tensor *x = numbers(FV_SHAPE(3, 4, 13, 17)), *w = numbers(FV_SHAPE(6, 4, 3, 5));
    fv_tensor *wanted = fv_conv2d(x, w, .stride = FV_DIMS(2, 1), .padding = FV_DIMS(1, 2),
                                  .dilation = FV_DIMS(1, 2));
    fv_tensor *columns = fv_unfold(x, FV_DIMS(3, 5), FV_DIMS(1, 2), FV_DIMS(1, 2), FV_DIMS(2, 1));
    fv_tensor *y = fv_matmul(fv_reshape(w, 6, -1), columns);
    expect_close(fv_reshape_to(y, fv_shape_of(wanted)), wanted, 1e-12);
}
END_TEST

START_TEST(folded_columns_count_the_windows)
{
    FV_SCOPE;
    fv_tensor *line = fv_ones(1, 1, 4, .dtype = FV_FLOAT64);
    ASSERT_VALUES(fv_fold1d(fv_unfold1d(line, 3), 4, 3), 0, 1, 2, 2, 1);
    ASSERT_VALUES(fv_fold1d(fv_unfold1d(line, 2, .stride = 3), 4, 2, .stride = 3), 0, 1, 1, 0, 0);
}
END_TEST

/* --- unpooling -------------------------------------------------------------------------------- */

START_TEST(maxima_go_back_to_their_places)
{
    FV_SCOPE;
    fv_manual_seed(3);
    fv_tensor *x = numbers(FV_SHAPE(2, 5, 12, 10)), *indices;
    fv_tensor *maxima = fv_max_pool2d(x, 2, .indices = &indices);
    fv_tensor *back = fv_max_unpool2d(maxima, indices, 2);
    fv_tensor *kept = fv_ne(back, 0);
    expect_close(back, fv_where(kept, x, fv_zeros_like(x)), 0);
    ck_assert_double_eq(fv_item(fv_sum(fv_to(kept, FV_FLOAT64))), (double)fv_numel(maxima));
    expect_close(fv_max_pool2d(fv_where(kept, x, fv_full_like(x, -100)), 2), maxima, 0);
}
END_TEST

/* Of elements with one place the last has it, and each has the gradient, as in PyTorch. */
START_TEST(equal_indices)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT64, FV_SHAPE(1, 1, 3), 5, 6, 7);
    fv_tensor *indices = TENSOR(FV_INT64, FV_SHAPE(1, 1, 3), 4, 1, 4);
    fv_requires_grad(x, true);
    fv_tensor *y = fv_max_unpool1d(x, indices, 2);
    ASSERT_VALUES(y, 0, 0, 6, 0, 0, 7, 0);
    fv_backward(y, TENSOR(FV_FLOAT64, FV_SHAPE(1, 1, 6), 1, 2, 3, 4, 5, 6));
    ASSERT_VALUES(fv_grad_of(x), 0, 5, 2, 5);
}
END_TEST

/* --- interpolation ---------------------------------------------------------------------------- */

START_TEST(an_area_is_the_mean_of_what_it_covers)
{
    FV_SCOPE;
    fv_manual_seed(4);
    fv_tensor *x = numbers(FV_SHAPE(2, 3, 17, 23));
    expect_close(fv_interpolate(x, FV_DIMS(5, 31), .mode = FV_AREA),
                 fv_adaptive_avg_pool2d(x, FV_DIMS(5, 31)), 1e-12);
}
END_TEST

/* Every mode but the nearest keeps a ramp one, away from the border, and a constant. */
START_TEST(a_ramp_stays_a_ramp)
{
    static const fv_interpolation modes[] = {FV_BILINEAR, FV_BICUBIC};
    for (int k = 0; k < 4; k++) {
        FV_SCOPE;
        const bool antialias = k >= 2;
        fv_tensor *x = fv_reshape(fv_arange(40, .dtype = FV_FLOAT64), 1, 1, 1, 40);
        fv_tensor *y = fv_interpolate(fv_expand(x, 1, 1, 40, 40), 20, .mode = modes[k % 2],
                                      .antialias = antialias);
        fv_tensor *middle =
            fv_slice(fv_select(fv_select(fv_select(y, 0, 0), 0, 0), 0, 9), 0, 4, 16, 1);
        fv_tensor *wanted = fv_add(fv_mul(fv_arange(4, 16, .dtype = FV_FLOAT64), 2), 0.5);
        expect_close(middle, wanted, 1e-12);
        expect_close(fv_interpolate(fv_ones(1, 2, 9, 9), FV_DIMS(5, 14), .mode = modes[k % 2],
                                    .antialias = antialias),
                     fv_ones(1, 2, 5, 14), 1e-6);
    }
}
END_TEST

/* Rows that are kept from one row of the result to the next begin anew wherever work is cut. */
START_TEST(large_pictures_have_the_values_of_plain_loops)
{
    static const fv_interpolation modes[] = {FV_NEAREST, FV_BILINEAR, FV_BICUBIC, FV_AREA};
    fv_manual_seed(5);
    for (int k = 0; k < 16; k++) {
        FV_SCOPE;
        const fv_interpolation mode = modes[k % 4];
        const fv_dims size = k < 8 ? FV_DIMS(83, 130) : FV_DIMS(19, 23);
        fv_tensor *x = fv_randn(1, 5, 41, 67);
        if (k % 8 >= 4) x = fv_to_channels_last(x);
        fv_requires_grad(x, true);
        fv_tensor *y = fv_interpolate(x, size, .mode = mode);
        fv_tensor *g = fv_randn(.shape = fv_shape_of(y)), *gx, *gw;
        fv_grad(FV_TENSORS(y), FV_TENSORS(x), &gx, .grad_outputs = FV_TENSORS(g));
        bool before = fv_use_reference(true);
        fv_tensor *wanted = fv_interpolate(x, size, .mode = mode);
        fv_grad(FV_TENSORS(wanted), FV_TENSORS(x), &gw, .grad_outputs = FV_TENSORS(g));
        fv_use_reference(before);
        expect_close(y, wanted, 1e-5);
        expect_close(gx, gw, 1e-5);
    }
}
END_TEST

/* The kernel by itself, as a reader of pictures calls it. */
START_TEST(planes_are_resized_without_tensors)
{
    float x[2][6], y[2][3];
    for (int i = 0; i < 12; i++) x[i / 6][i % 6] = (float)(i * i);
    fv_resample_plan p = {.g = {.outer = 2,
                                .inner = 1,
                                .in = {1, 1, 6},
                                .out = {1, 1, 3},
                                .mode = FV_LINEAR,
                                .antialias = true}};
    fv_resample_make_plan(&p, FV_FLOAT32, fv_machine_now());
    void *scratch = aligned_alloc(64, (p.scratch_bytes + 63) / 64 * 64);
    ck_assert_ptr_nonnull(scratch);
    fv_resample_run(&p, x, y, scratch);
    free(scratch);
    /* weights 3 3 1 / 7, 1 3 3 1 / 8, 1 3 3 / 7 */
    ck_assert_double_eq_tol((double)y[0][0], 7.0 / 7, 1e-6);
    ck_assert_double_eq_tol((double)y[0][1], (1 + 12 + 27 + 16) / 8.0, 1e-6);
    ck_assert_double_eq_tol((double)y[1][2], (81 + 300 + 363) / 7.0, 1e-4);
}
END_TEST

/* --- refusals --------------------------------------------------------------------------------- */

#define REFUSED(call, status, part)                                                                \
    do {                                                                                           \
        ck_assert(fv_failed(call));                                                                \
        expect_error(status, part);                                                                \
    } while (0)

START_TEST(columns_must_fit)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_ones(2, 3, 4, 5);
    REFUSED(fv_unfold(x, 6), FV_ERR_SHAPE, "no window fits in [2,3,4,5]: length 4");
    REFUSED(fv_unfold1d(x, 2), FV_ERR_SHAPE, "unfold1d: input [2,3,4,5] must be [N,C,L] or [C,L]");
    REFUSED(fv_fold(fv_ones(2, 13, 12), FV_DIMS(4, 5), 2), FV_ERR_SHAPE, "13 rows, no multiple");
    REFUSED(fv_fold(fv_ones(2, 12, 11), FV_DIMS(4, 5), 2), FV_ERR_SHAPE, "11 columns");
    REFUSED(fv_fold(fv_ones(2, 12, 12, .dtype = FV_INT64), FV_DIMS(4, 5), 2), FV_ERR_DTYPE,
            "int64");
}
END_TEST

START_TEST(indices_must_lie_in_the_plane)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_ones(1, 1, 2, 2), *i = TENSOR(FV_INT64, FV_SHAPE(1, 1, 2, 2), 0, 1, 16, 3);
    REFUSED(fv_max_unpool2d(x, i, 2), FV_ERR_INDEX,
            "element 2 of indices [1,1,2,2] is 16, outside [0, 16)");
    REFUSED(fv_max_unpool2d(x, fv_neg(i), 2), FV_ERR_INDEX, "element 1 of indices [1,1,2,2] is -1");
    REFUSED(fv_max_unpool2d(x, i, 2, .output_size = 6), FV_ERR_OPTION, "between 3 and 5");
    REFUSED(fv_max_unpool2d(x, fv_to(i, FV_INT32), 2), FV_ERR_DTYPE, "not int64");
    REFUSED(fv_max_unpool2d(x, fv_zeros(1, 1, 2, 3, .dtype = FV_INT64), 2), FV_ERR_SHAPE,
            "must have the shape of input [1,1,2,2]");
    ck_assert(!fv_failed(fv_max_unpool2d(x, i, 2, .output_size = 5)));
}
END_TEST

START_TEST(sizes_are_said_in_one_way)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_ones(1, 2, 4, 5);
    REFUSED(fv_interpolate(x), FV_ERR_OPTION, "one of output_size and scale_factor must be given");
    REFUSED(fv_interpolate(x, 3, 2), FV_ERR_OPTION, "only one of output_size and scale_factor");
    REFUSED(fv_interpolate(x, .scale_factor = 0), FV_ERR_OPTION, "scale_factor is 0");
    REFUSED(fv_interpolate(x, .scale_factor = (double)NAN), FV_ERR_OPTION, "scale_factor is nan");
    REFUSED(fv_interpolate(x, .scale_factor = 0.2), FV_ERR_OPTION, "makes length 4");
    REFUSED(fv_interpolate(x, .scale_factors = {2}), FV_ERR_OPTION, "1 scale_factors");
    REFUSED(fv_interpolate(x, .scale_factor = 2, .scale_factors = {2, 2}), FV_ERR_OPTION, "both");
    REFUSED(fv_interpolate(x, 3, .mode = FV_LINEAR), FV_ERR_OPTION, "for 1 spatial dimensions");
    REFUSED(fv_interpolate(x, 3, .align_corners = true), FV_ERR_OPTION, "align_corners");
    REFUSED(fv_interpolate(x, 3, .mode = FV_AREA, .antialias = true), FV_ERR_OPTION, "antialias");
    REFUSED(fv_interpolate(x, 3, .recompute_scale_factor = true), FV_ERR_OPTION, "recompute");
    REFUSED(fv_pixel_shuffle(x, 2), FV_ERR_SHAPE, "2 channels of input [1,2,4,5]");
    REFUSED(fv_pixel_unshuffle(x, 2), FV_ERR_SHAPE, "[1,2,4,5]");
    REFUSED(fv_pixel_shuffle(x, 0), FV_ERR_OPTION, "factor is 0");
    REFUSED(fv_channel_shuffle(x, 3), FV_ERR_OPTION, "groups is 3");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("maps");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, unfold_and_fold_are_adjoint);
    tcase_add_test(values, weights_times_columns_are_a_convolution);
    tcase_add_test(values, folded_columns_count_the_windows);
    tcase_add_test(values, maxima_go_back_to_their_places);
    tcase_add_test(values, equal_indices);
    tcase_add_test(values, an_area_is_the_mean_of_what_it_covers);
    tcase_add_test(values, a_ramp_stays_a_ramp);
    tcase_add_test(values, large_pictures_have_the_values_of_plain_loops);
    tcase_add_test(values, planes_are_resized_without_tensors);
    TCase *refusals = add_case(suite, "refusals");
    tcase_add_test(refusals, columns_must_fit);
    tcase_add_test(refusals, indices_must_lie_in_the_plane);
    tcase_add_test(refusals, sizes_are_said_in_one_way);
    return suite;
}
