/* Grids of pictures: layouts and values as torchvision's make_grid has them, worked out by hand. */
#include <math.h>
#include <string.h>

#include "data_files.h"
#include "support.h"

static void assert_shape(const fv_tensor *t, int64_t c, int64_t h, int64_t w)
{
    const fv_shape shape = fv_shape_of(t), need = FV_SHAPE(c, h, w);
    ck_assert_msg(fv_shape_equal(&shape, &need), "is %s, should be %s: %s", fv_shape_text(&shape),
                  fv_shape_text(&need), fv_error());
}

/* The planes of a grey grid are the same three times. */
static void assert_plane(const fv_tensor *grid, int64_t h, int64_t w, const double *values)
{
    assert_shape(grid, 3, h, w);
    for (int64_t i = 0; i < 3 * h * w; i++) {
        const double got = fv_at(grid, (int64_t[]){i / (h * w), i / w % h, i % w});
        ck_assert_msg(fabs(got - values[i % (h * w)]) < 1e-6, "element %d is %g, should be %g",
                      (int)i, got, values[i % (h * w)]);
    }
}
#define ASSERT_PLANE(grid, h, w, ...) assert_plane(grid, h, w, (const double[]){__VA_ARGS__})

static fv_tensor *counted(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return fv_view(fv_to(fv_arange((fv_bound)(n * c * h * w)), FV_FLOAT32), n, c, h, w);
}

START_TEST(three_pictures_in_two_columns)
{
    FV_SCOPE;
    /* 1 x 2 pixels each, one pixel around */
    ASSERT_PLANE(fv_make_grid(counted(3, 1, 1, 2), .nrow = 2, .padding = 1, .pad_value = 9), 5, 7,
                 9, 9, 9, 9, 9, 9, 9, /* */
                 9, 0, 1, 9, 2, 3, 9, /* */
                 9, 9, 9, 9, 9, 9, 9, /* */
                 9, 4, 5, 9, 9, 9, 9, /* */
                 9, 9, 9, 9, 9, 9, 9);
    ASSERT_PLANE(fv_make_grid(counted(3, 1, 1, 1), .nrow = 8, .padding = 0), 1, 3, 0, 1, 2);
    ASSERT_PLANE(fv_make_grid(counted(3, 1, 1, 1), 1, 0), 3, 1, 0, 1, 2);
    assert_shape(fv_make_grid(counted(9, 3, 4, 5)), 3, 14, 58); /* eight in a row, two pixels */
    assert_shape(fv_make_grid(counted(8, 3, 4, 5)), 3, 8, 58);
    assert_shape(fv_make_grid(counted(9, 2, 4, 5)), 2, 14, 58);
}
END_TEST

START_TEST(one_picture_has_no_padding)
{
    FV_SCOPE;
    fv_tensor *plane = fv_view(counted(1, 1, 2, 2), 2, 2);
    ASSERT_PLANE(fv_make_grid(plane), 2, 2, 0, 1, 2, 3);
    ASSERT_PLANE(fv_make_grid(fv_view(plane, 1, 2, 2)), 2, 2, 0, 1, 2, 3);
    ASSERT_PLANE(fv_make_grid(fv_view(plane, 1, 1, 2, 2)), 2, 2, 0, 1, 2, 3);
    fv_tensor *colour = fv_make_grid(fv_view(counted(1, 3, 1, 2), 3, 1, 2));
    assert_shape(colour, 3, 1, 2);
    ASSERT_VALUES(colour, 0, 0, 1, 2, 3, 4, 5);
}
END_TEST

START_TEST(values_are_brought_to_0_and_1)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(2, 1, 1, 2), -2, 0, 2, 6);
    ASSERT_PLANE(fv_make_grid(x, .padding = 0, .normalize = true), 1, 4, 0, 0.25, 0.5, 1);
    ASSERT_PLANE(fv_make_grid(x, .padding = 0, .normalize = true, .scale_each = true), 1, 4, 0, 1,
                 0, 1);
    ASSERT_PLANE(fv_make_grid(x, .padding = 0, .normalize = true, .value_range = {-1, 4}), 1, 4, 0,
                 0.2, 0.6, 1);
    ASSERT_PLANE(fv_make_grid(fv_full(1, 1, 2, .value = 5), .normalize = true), 1, 2, 0, 0);
    fv_tensor *odd = TENSOR(FV_FLOAT64, FV_SHAPE(1, 4), (double)NAN, -(double)INFINITY, 1, 3);
    ASSERT_PLANE(fv_make_grid(odd, .normalize = true), 1, 4, 0, 0, 0, 1);
    ASSERT_PLANE(fv_make_grid(TENSOR(FV_UINT8, FV_SHAPE(1, 2), 0, 51)), 1, 2, 0, 0.2);
}
END_TEST

START_TEST(channels_apart_are_pictures)
{
    FV_SCOPE;
    fv_tensor *x = counted(2, 3, 1, 1);
    ASSERT_PLANE(fv_make_grid(x, .padding = 0, .nrow = 3, .channels_apart = true), 2, 3, 0, 1, 2, 3,
                 4, 5);
    fv_tensor *y = TENSOR(FV_FLOAT32, FV_SHAPE(2, 1, 2), 1, 2, 10, 30);
    ASSERT_PLANE(fv_make_grid(y, .padding = 0, .channels_apart = true, .normalize = true,
                              .scale_each = true),
                 1, 4, 0, 1, 0, 1);
}
END_TEST

START_TEST(pixels_grow_without_blur)
{
    FV_SCOPE;
    ASSERT_PLANE(fv_make_grid(counted(2, 1, 1, 2), .padding = 1, .upscale = 2, .pad_value = 9), 4,
                 11,                              /* */
                 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, /* */
                 9, 0, 0, 1, 1, 9, 2, 2, 3, 3, 9, /* */
                 9, 0, 0, 1, 1, 9, 2, 2, 3, 3, 9, /* */
                 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
}
END_TEST

static double channel(const fv_tensor *grid, int64_t c, int64_t x)
{
    return fv_at(grid, (int64_t[]){c, 0, x});
}

START_TEST(diverging_colours_are_even_about_0)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(1, 5), -4, -1, 0, 1, (double)NAN);
    fv_tensor *grid = fv_make_grid(x, .diverging = true);
    assert_shape(grid, 3, 1, 5);
    for (int64_t c = 0; c < 3; c++) {
        ck_assert(channel(grid, c, 2) == 1); /* 0 and NaN are white */
        ck_assert(channel(grid, c, 4) == 1);
    }
    ck_assert(channel(grid, 2, 0) > 2 * channel(grid, 0, 0));   /* blue */
    ck_assert(channel(grid, 0, 3) > channel(grid, 2, 3) + 0.1); /* reddish */
    ck_assert(channel(grid, 2, 3) > 0.5);                       /* but light: a quarter of 4 */
    fv_tensor *ends = fv_make_grid(x, .diverging = true, .value_range = {-1, 0.5});
    for (int64_t c = 0; c < 3; c++) ck_assert(channel(ends, c, 0) == channel(ends, c, 1));
    ck_assert(channel(ends, 2, 3) < 0.2); /* dark red: the end of the range */
    fv_tensor *nothing = fv_make_grid(fv_zeros(1, 2), .diverging = true);
    ck_assert(channel(nothing, 0, 0) == 1);
}
END_TEST

START_TEST(mistakes_are_told)
{
    FV_SCOPE;
    static const struct {
        fv_status status;
        const char *what;
    } wrong[] = {{FV_ERR_SHAPE, "need [H,W]"},      {FV_ERR_SHAPE, "nothing to draw"},
                 {FV_ERR_SHAPE, ".channels_apart"}, {FV_ERR_OPTION, "are not normalized"},
                 {FV_ERR_OPTION, "scale_each"},     {FV_ERR_OPTION, "value_range"},
                 {FV_ERR_OPTION, "two numbers"},    {FV_ERR_OPTION, "two numbers"},
                 {FV_ERR_OPTION, "nrow is 0"},      {FV_ERR_OPTION, "pad_value"},
                 {FV_ERR_MEMORY, "too large"}};
    fv_tensor *x = fv_ones(2, 3, 4, 4);
    for (int i = 0; i < 11; i++) {
        const fv_tensor *grid =
            i == 0   ? fv_make_grid(fv_ones(3))
            : i == 1 ? fv_make_grid(fv_ones(0, 1, 2, 2))
            : i == 2 ? fv_make_grid(x, .diverging = true)
            : i == 3 ? fv_make_grid(fv_ones(2, 2), .diverging = true, .normalize = true)
            : i == 4 ? fv_make_grid(x, .scale_each = true)
            : i == 5 ? fv_make_grid(x, .value_range = {0, 1})
            : i == 6 ? fv_make_grid(x, .normalize = true, .value_range = {1, 0})
            : i == 7 ? fv_make_grid(x, .normalize = true, .value_range = {1})
            : i == 8 ? fv_make_grid(x, .nrow = 0)
            : i == 9 ? fv_make_grid(x, .pad_value = NAN)
                     : fv_make_grid(fv_ones(900, 900), .upscale = 4096);
        ck_assert_msg(fv_failed(grid), "mistake %d was taken", i);
        expect_error(wrong[i].status, wrong[i].what);
    }
}
END_TEST

START_TEST(a_saved_grid_has_the_nearest_bytes)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(2, 1, 1, 3), 0, 0.5, 1, -3, 0.1, 7);
    ck_assert_msg(fv_save_image(x, path_of("grid.ppm"), .padding = 0) == FV_OK, "%s", fv_error());
    ASSERT_VALUES(fv_select(fv_read_image(path_of("grid.ppm")), 0, 1), 0, 0, 128, 255, 0, 26, 255);
    ck_assert_int_eq(fv_save_image(x, path_of("grid.ppm"), .nrow = 1, .padding = 1,
                                   .normalize = true, .value_range = {0, 2}, .pad_value = 1,
                                   .upscale = 3, .scale_each = true),
                     FV_OK);
    const fv_tensor *again = fv_read_image(path_of("grid.ppm"));
    assert_shape(again, 3, 9, 11);
    ck_assert(fv_at(again, (int64_t[]){0, 0, 0}) == 255);
    ck_assert(fv_at(again, (int64_t[]){0, 3, 9}) == 128);
    ck_assert_int_eq(fv_save_image(x, path_of("grid.ppm"), .diverging = true), FV_OK);
    ck_assert_int_eq(
        fv_save_image(fv_ones(1, 3, 2, 2), path_of("grid.ppm"), .channels_apart = true), FV_OK);
    ck_assert_int_eq(fv_save_image(fv_ones(2, 5, 2, 2), path_of("grid.ppm")), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "need [C,H,W] with C 1 to 4");
    ck_assert_int_eq(fv_save_image(fv_ones(3), path_of("grid.ppm")), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "make_grid");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *s = suite_create("grid");
    TCase *c = add_case(s, "grids");
    tcase_add_unchecked_fixture(c, make_root, remove_root);
    tcase_add_test(c, three_pictures_in_two_columns);
    tcase_add_test(c, one_picture_has_no_padding);
    tcase_add_test(c, values_are_brought_to_0_and_1);
    tcase_add_test(c, channels_apart_are_pictures);
    tcase_add_test(c, pixels_grow_without_blur);
    tcase_add_test(c, diverging_colours_are_even_about_0);
    tcase_add_test(c, mistakes_are_told);
    tcase_add_test(c, a_saved_grid_has_the_nearest_bytes);
    return s;
}
