/* Figures: what stands in the SVG, which pixels of the PNG have colours, mistakes. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "data_files.h"
#include "support.h"

static char text[1 << 20];

static const char *svg_of(fv_figure *f)
{
    ck_assert_msg(fv_figure_save(f, path_of("figure.svg")) == FV_OK, "%s", fv_error());
    FILE *file = fopen(path_of("figure.svg"), "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert(strncmp(text, "<svg xmlns=", 11) == 0 && strstr(text, "</svg>\n"));
    return text;
}

static int count(const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)); p++) n++;
    return n;
}

static bool has_text(const char *words)
{
    char part[256];
    snprintf(part, sizeof part, ">%s</text>", words);
    return strstr(text, part) != NULL;
}

/* The points of the last line of that colour, its key in the legend being the first; returns how
 * many. */
static int points_of(const char *color, double (*points)[2], int most)
{
    char part[64];
    snprintf(part, sizeof part, "stroke=\"#%s\"", color);
    const char *p = NULL;
    int n = 0;
    for (const char *next = text; (next = strstr(next, part)); next++) p = next;
    if (!p) return 0;
    p = strstr(p, "points=\"") + strlen("points=\"");
    for (; n < most && *p != '"'; n++) {
        char *end;
        points[n][0] = strtod(p, &end);
        points[n][1] = strtod(end + 1, &end);
        p = end + (*end == ' ');
    }
    return n;
}

START_TEST(a_line_goes_through_its_points)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new("Loss", .x_label = "epoch", .y_label = "loss", .x_range = {0, 4},
                                 .y_range = {0, 8});
    ck_assert_int_eq(
        fv_plot_line(f, TENSOR(FV_FLOAT32, FV_SHAPE(5), 8, 4, 2, 6, 0), .label = "a < b"), FV_OK);
    svg_of(f);
    double p[8][2];
    ck_assert_int_eq(points_of("0072b2", p, 8), 5);
    const double left = p[0][0], step = p[1][0] - left, top = p[0][1], bottom = p[4][1];
    static const double values[] = {8, 4, 2, 6, 0};
    for (int i = 0; i < 5; i++) {
        ck_assert(fabs(p[i][0] - left - i * step) < 0.03);
        ck_assert(fabs(p[i][1] - (bottom + (top - bottom) * values[i] / 8)) < 0.03);
    }
    ck_assert(left > 20 && p[4][0] < 640 && top > 20 && bottom < 400);
    ck_assert(has_text("Loss") && has_text("epoch") && has_text("loss") && has_text("a &lt; b"));
    for (int i = 0; i <= 4; i++) {
        const char *const ticks[] = {"0.0", "0.5", "1.0", "2.5", "4.0"};
        ck_assert_msg(has_text(ticks[i]), "no %s", ticks[i]);
    }
    fv_free(f);
}
END_TEST

static bool ticks_are(double low, double high, bool logarithmic, const char *const *ticks)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new(.log_y = logarithmic, .y_range = {low, high});
    fv_plot_line(f, TENSOR(FV_FLOAT64, FV_SHAPE(2), low, high),
                 .x = TENSOR(FV_FLOAT64, FV_SHAPE(2), 300, 500));
    svg_of(f);
    bool all = true;
    int n = 0;
    for (; *ticks; ticks++, n++) all = all && has_text(*ticks);
    if (n != count("text-anchor=\"end\"")) all = false;
    fv_free(f);
    return all;
}
#define TICKS(low, high, logarithmic, ...)                                                         \
    ck_assert_msg(ticks_are(low, high, logarithmic, (const char *const[]){__VA_ARGS__, NULL}),     \
                  "%s", text)

START_TEST(ticks_are_round_numbers)
{
    TICKS(0, 1, false, "0.0", "0.2", "0.4", "0.6", "0.8", "1.0");
    TICKS(-3, 2.6, false, "-3", "-2", "-1", "0", "1", "2");
    TICKS(0, 0.0123, false, "0.000", "0.002", "0.004", "0.006", "0.008", "0.010", "0.012");
    TICKS(100, 420, false, "100", "150", "200", "250", "300", "350", "400");
    TICKS(0, 4e9, false, "0", "5.0e8", "1.0e9", "1.5e9", "2.0e9", "2.5e9", "3.0e9", "3.5e9",
          "4.0e9");
    TICKS(1e-7, 1e-1, true, "1e-7", "1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1");
    TICKS(2, 50, true, "2", "5", "10", "20", "50");
}
END_TEST

START_TEST(powers_stand_evenly_on_a_logarithmic_axis)
{
    FV_SCOPE;
    double place[3] = {0};
    fv_figure *f = fv_figure_new(.log_y = true, .y_range = {1, 100});
    fv_plot_line(f, TENSOR(FV_FLOAT32, FV_SHAPE(3), 1, 10, 100), .points = true);
    svg_of(f);
    const char *at = text;
    for (int i = 0; i < 3 && (at = strstr(at, "cy=\"")); i++) place[i] = strtod(at += 4, NULL);
    ck_assert(place[0] > place[2] + 100);
    ck_assert_double_eq_tol(place[1], (place[0] + place[2]) / 2, 0.02);
    fv_free(f);
}
END_TEST

START_TEST(what_is_no_number_interrupts_the_line)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new();
    fv_plot_line(f, TENSOR(FV_FLOAT32, FV_SHAPE(7), 1, 2, (double)NAN, 3, 4, (double)INFINITY, 5),
                 .color = 0x123456);
    svg_of(f);
    ck_assert_int_eq(count("stroke=\"#123456\""), 2);
    ck_assert_int_eq(count("fill=\"#123456\""), 1); /* the last one is a dot */
    ck_assert(!strstr(text, "nan") && !strstr(text, "inf"));
    fv_free(f);
    f = fv_figure_new(.log_y = true);
    fv_plot_line(f, TENSOR(FV_FLOAT32, FV_SHAPE(4), 1, 0, -1, 10), .points = true,
                 .color = 0x123456);
    svg_of(f);
    ck_assert_int_eq(count("r=\"3.00\" fill=\"#123456\""), 2);
    fv_free(f);
    f = fv_figure_new(); /* nothing at all, and what says nothing */
    svg_of(f);
    fv_plot_line(f, fv_full(3, .value = NAN));
    fv_plot_line(f, fv_full(1, .value = 7));
    svg_of(f);
    ck_assert(!strstr(text, "nan") && !strstr(text, "inf"));
    fv_free(f);
}
END_TEST

/* Heights of the rectangles of a colour. */
static int bars_of(const char *color, double *heights)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, "<rect ")); p++) {
        double x, y, width, height;
        char fill[8] = "";
        if (sscanf(p, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\" fill=\"#%6s\"", &x,
                   &y, &width, &height, fill) == 5 &&
            strcmp(fill, color) == 0 && height != 10)
            heights[n++] = height;
    }
    return n;
}

START_TEST(bars_are_as_high_as_their_values)
{
    FV_SCOPE;
    double h[8];
    fv_figure *f = fv_figure_new();
    ck_assert_int_eq(fv_plot_bars(f, TENSOR(FV_FLOAT32, FV_SHAPE(3), 1, -2, 0.5),
                                  .names = FV_NAMES("one", "two & three", "\xc3\xa4"),
                                  .label = "first", .numbers = true),
                     FV_OK);
    ck_assert_int_eq(fv_plot_bars(f, TENSOR(FV_FLOAT32, FV_SHAPE(3), 3, 1, 2), .label = "second"),
                     FV_OK);
    svg_of(f);
    ck_assert_int_eq(bars_of("0072b2", h), 3);
    ck_assert(fabs(h[1] / h[0] - 2) < 0.01 && fabs(h[2] / h[0] - 0.5) < 0.01);
    ck_assert_int_eq(bars_of("d55e00", h), 3);
    ck_assert(fabs(h[0] / h[1] - 3) < 0.01);
    ck_assert(has_text("one") && has_text("two &amp; three") && has_text("\xc3\xa4"));
    ck_assert(has_text("first") && has_text("second") && has_text("0.5") && has_text("-2"));
    ck_assert_int_eq(fv_plot_bars(f, fv_ones(4)), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "4 bars beside 3");
    ck_assert_int_eq(fv_plot_bars(f, fv_ones(3), .names = FV_NAMES("a", "b")), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "2 names for 3 values");
    fv_free(f);
}
END_TEST

START_TEST(a_heat_map_has_a_cell_a_value)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new("Heat", .x_label = "x", .y_label = "y");
    ck_assert_int_eq(
        fv_plot_heat_map(f, TENSOR(FV_FLOAT32, FV_SHAPE(2, 3), -4, 0, 4, 1, 2, (double)NAN),
                         .row_names = FV_NAMES("r0", "r1"),
                         .column_names = FV_NAMES("c0", "c1", "c2"), .diverging = true,
                         .numbers = true),
        FV_OK);
    svg_of(f);
    ck_assert(has_text("r0") && has_text("r1") && has_text("c0") && has_text("c2"));
    ck_assert(has_text("-4") && has_text("nan") && has_text("4"));
    ck_assert(strstr(text, "fill=\"#0b3c75\"") && strstr(text, "fill=\"#7a0c22\""));
    ck_assert_int_eq(fv_plot_line(f, fv_ones(3)), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "stands alone");
    fv_free(f);
    f = fv_figure_new();
    ck_assert_int_eq(fv_plot_heat_map(f, fv_ones(2, 3), .column_names = FV_NAMES("a")),
                     FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "1 names for 3 values");
    ck_assert_int_eq(fv_plot_heat_map(f, fv_zeros(30, 50)), FV_OK); /* all of one value */
    svg_of(f);
    fv_free(f);
}
END_TEST

/* --- PNG -------------------------------------------------------------------------------------- */

/* The pixels of a figure, or NULL where this build cannot read them. */
static fv_tensor *pixels_of(fv_figure *f, double scale)
{
    ck_assert_msg(fv_figure_save(f, path_of("figure.png"), .scale = scale) == FV_OK, "%s",
                  fv_error());
    fv_tensor *image = fv_read_image(path_of("figure.png"));
    if (!fv_failed(image)) return image;
    expect_error(FV_ERR_IO, "libpng-dev");
    return NULL;
}

static bool is_color(const fv_tensor *image, int64_t y, int64_t x, uint32_t color)
{
    for (int c = 0; c < 3; c++)
        if (fv_at(image, (int64_t[]){c, y, x}) != (double)(color >> (16 - 8 * c) & 255))
            return false;
    return true;
}

static int64_t count_color(const fv_tensor *image, uint32_t color)
{
    int64_t n = 0;
    for (int64_t y = 0; y < fv_size(image, 1); y++)
        for (int64_t x = 0; x < fv_size(image, 2); x++) n += is_color(image, y, x, color);
    return n;
}

/* The first picture of the SVG, decoded; NULL where this build cannot. */
static fv_tensor *first_picture(void)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static uint8_t bytes[4096];
    int64_t n = 0, bits = 0;
    uint32_t held = 0;
    const char *p = strstr(text, "base64,") + strlen("base64,");
    for (; *p != '"' && *p != '='; p++) {
        const char *letter = strchr(alphabet, *p);
        ck_assert_ptr_nonnull(letter);
        held = held << 6 | (uint32_t)(letter - alphabet);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[n++] = (uint8_t)(held >> bits);
    }
    fv_tensor *image = fv_decode_image(fv_tensor_from(bytes, n));
    if (!fv_failed(image)) return image;
    expect_error(FV_ERR_IO, "libpng-dev");
    return NULL;
}

START_TEST(pictures_stand_in_rows)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new("Sheet", .width = 326, .columns = 2); /* columns of 138 */
    fv_tensor *image = TENSOR(FV_FLOAT32, FV_SHAPE(3, 1, 2), 1, 0, 0, 0, 0, 1);
    ck_assert_int_eq(fv_plot_image(f, image, .name = "red & blue", .note = "1 x 2"), FV_OK);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(10, 46)), FV_OK);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(1, 50, 200)), FV_OK);
    svg_of(f);
    ck_assert_int_eq(count("<image "), 3);
    if (first_picture()) ASSERT_VALUES(first_picture(), 0, 255, 0, 0, 0, 0, 255);
    ck_assert(has_text("red &amp; blue") && has_text("1 x 2") && has_text("Sheet"));
    ck_assert(strstr(text, "width=\"16.00\" height=\"8.00\" style=\"image-rendering:pixelated\""));
    ck_assert(strstr(text, "width=\"138.00\" height=\"30.00\""));          /* three times 46 x 10 */
    ck_assert(strstr(text, "width=\"138.00\" height=\"34.50\" preserve")); /* smaller than it is */
    ck_assert_int_eq(fv_plot_line(f, fv_ones(2)), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "the figure has pictures");
    ck_assert_int_eq(fv_plot_image(f, fv_ones(2, 3, 3)), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "need [H,W]");
    const fv_tensor *pixels = pixels_of(f, 1);
    if (pixels) {
        int64_t red = 0;
        for (int64_t y = 0; y < fv_size(pixels, 1); y++) red += is_color(pixels, y, 20, 0xff0000);
        ck_assert_int_eq(red, 8);
        ck_assert_int_eq(count_color(pixels, 0xff0000), 8 * 8);
        ck_assert_int_eq(count_color(pixels, 0x0000ff), 8 * 8);
    }
    fv_free(f);
    f = fv_figure_new();
    fv_plot_line(f, fv_ones(2));
    ck_assert_int_eq(fv_plot_image(f, fv_ones(3, 3)), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "pictures stand alone");
    fv_free(f);
    f = fv_figure_new(.width = 326, .columns = 2);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(20, 290), .span = 2), FV_OK);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(20, 138)), FV_OK);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(20, 138)), FV_OK);
    ck_assert_int_eq(fv_plot_image(f, fv_zeros(2, 2), .span = 3), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "span is 3, need 1 to 2");
    svg_of(f);
    ck_assert(strstr(text, "<image x=\"18.00\" y=\"18.00\" width=\"290.00\""));
    ck_assert(strstr(text, "<image x=\"18.00\" y=\"52.00\" width=\"138.00\""));
    ck_assert(strstr(text, "<image x=\"170.00\" y=\"52.00\" width=\"138.00\""));
    fv_free(f);
    ck_assert_ptr_null(fv_figure_new(.columns = 0));
    expect_error(FV_ERR_OPTION, "columns is 0");
}
END_TEST

/* A level line of 10 points at a scale of 2: 20 rows of pixels from the first value to the last. */
START_TEST(lines_are_as_thick_as_they_should)
{
    FV_SCOPE;
    fv_figure *f =
        fv_figure_new(.width = 200, .height = 150, .x_range = {-1, 2}, .y_range = {0, 2});
    fv_plot_line(f, fv_ones(2), .color = 0xff0000, .width = 10);
    svg_of(f);
    double p[2][2];
    ck_assert_int_eq(points_of("ff0000", p, 2), 2);
    const fv_tensor *image = pixels_of(f, 2);
    if (image) {
        ck_assert_int_eq(fv_size(image, 1), 300);
        ck_assert_int_eq(fv_size(image, 2), 400);
        ck_assert(is_color(image, 0, 0, 0xffffff));
        const double area = 4 * (10 * (p[1][0] - p[0][0]) + 78.5); /* with its round ends */
        const double got = (double)count_color(image, 0xff0000);
        ck_assert_msg(got < area && got > 0.9 * area, "%g pixels of %g", got, area);
        const int64_t x = (int64_t)(p[0][0] + p[1][0]), y = (int64_t)(2 * p[0][1]);
        ck_assert(is_color(image, y, x, 0xff0000) && is_color(image, y - 9, x, 0xff0000));
        ck_assert(!is_color(image, y - 12, x, 0xff0000));
    }
    fv_free(f);
}
END_TEST

/* Every character leaves ink that no other one leaves, and one of another script a box. */
START_TEST(every_character_is_drawn)
{
    fv_tensor *seen[96] = {NULL};
    FV_SCOPE;
    for (int c = 32; c < 128; c++) {
        const char title[] = {'I', (char)c, 'I', '\0'};
        fv_figure *f = fv_figure_new(c < 127 ? title : "I\xe6\x97\xa5I", .width = 100,
                                     .height = 100, .x_range = {0, 1}, .y_range = {0, 1});
        fv_tensor *image = pixels_of(f, 1);
        fv_free(f);
        if (!image) return;
        seen[c - 32] = fv_slice(image, 1, 0, 40, 1);
        for (int k = 32; k < c; k++)
            ck_assert_msg(!tensors_same(seen[k - 32], seen[c - 32]), "%d looks like %d", c, k);
    }
}
END_TEST

START_TEST(mistakes_are_told)
{
    FV_SCOPE;
    fv_figure *f = fv_figure_new();
    fv_tensor *y = fv_ones(3);
    ck_assert_ptr_null(fv_figure_new(.width = 99));
    expect_error(FV_ERR_OPTION, "99 x 400 points");
    ck_assert_ptr_null(fv_figure_new(.x_range = {2, 1}));
    expect_error(FV_ERR_OPTION, "x_range needs two numbers");
    ck_assert_ptr_null(fv_figure_new(.log_y = true, .y_range = {0, 1}));
    expect_error(FV_ERR_OPTION, "a logarithmic axis above 0");
    static const char *const what[] = {"y are [3,1]", "y are [0]",   "x has 2 values, y 3",
                                       "color is -1", "width is -1", "[H,W]"};
    for (int i = 0; i < 6; i++) {
        const fv_status status = i == 0   ? fv_plot_line(f, fv_ones(3, 1))
                                 : i == 1 ? fv_plot_line(f, fv_ones(0))
                                 : i == 2 ? fv_plot_line(f, y, .x = fv_ones(2))
                                 : i == 3 ? fv_plot_line(f, y, .color = -1)
                                 : i == 4 ? fv_plot_line(f, y, .width = -1)
                                          : fv_plot_heat_map(f, y);
        ck_assert_int_ne(status, FV_OK);
        expect_error(status, what[i]);
    }
    ck_assert_int_eq(fv_plot_line(f, y), FV_OK);
    ck_assert_int_eq(fv_plot_heat_map(f, fv_ones(2, 2)), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "has something already");
    fv_figure *logarithmic = fv_figure_new(.log_y = true);
    ck_assert_int_eq(fv_plot_bars(logarithmic, y), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "bars begin at 0");
    ck_assert_int_eq(fv_figure_save(f, path_of("figure.pdf")), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "neither in .svg nor in .png");
    ck_assert_int_eq(fv_figure_save(f, path_of("figure.png"), .scale = 9), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "scale is 9");
    ck_assert_int_ne(fv_figure_save(f, path_of("none/figure.svg")), FV_OK);
    expect_error(FV_ERR_IO, "none/figure.svg");
    fv_free(logarithmic);
    fv_free(f);
    fv_free((fv_figure *)NULL);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *s = suite_create("plot");
    TCase *c = add_case(s, "figures");
    tcase_add_unchecked_fixture(c, make_root, remove_root);
    tcase_add_test(c, a_line_goes_through_its_points);
    tcase_add_test(c, ticks_are_round_numbers);
    tcase_add_test(c, powers_stand_evenly_on_a_logarithmic_axis);
    tcase_add_test(c, what_is_no_number_interrupts_the_line);
    tcase_add_test(c, bars_are_as_high_as_their_values);
    tcase_add_test(c, a_heat_map_has_a_cell_a_value);
    tcase_add_test(c, pictures_stand_in_rows);
    tcase_add_test(c, lines_are_as_thick_as_they_should);
    tcase_add_test(c, every_character_is_drawn);
    tcase_add_test(c, mistakes_are_told);
    return s;
}
