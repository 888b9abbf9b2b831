/* Pictures of another size, in a terminal, and a folder of them as a data set. */
#include <math.h>
#include <string.h>

#include "data_files.h"
#include "support.h"

/* (37 i + 5 i i) mod 256, in 4 rows of 5. */
static fv_tensor *plane(fv_dtype dtype)
{
    double v[20];
    for (int i = 0; i < 20; i++) v[i] = (37 * i + 5 * i * i) % 256;
    return tensor_of(dtype, FV_SHAPE(1, 4, 5), v);
}

/* The values of F.interpolate(x, size, mode, antialias), and of Pillow's resize in brackets, where
 * they differ. */
START_TEST(sizes_are_pytorchs)
{
    FV_SCOPE;
    fv_tensor *x = plane(FV_FLOAT32);
    ASSERT_VALUES(fv_resize(x, 2, 3), 1e-5, 71.0204, 144.4127, 179.551, 133.102, 125.0476,
                  180.3265);
    ASSERT_VALUES(fv_resize(x, 2, 3, .antialias = false), 1e-5, 49.3333, 171, 194.6667, 136, 83,
                  188);
    ASSERT_VALUES(fv_resize(x, 2, 2, .mode = FV_BICUBIC), 1e-5, 95.3629, 170.5221, 131.6609,
                  156.1228);
    ASSERT_VALUES(fv_resize(x, 2, 3, .mode = FV_NEAREST), 0, 0, 42, 156, 102, 244, 46);
    ASSERT_VALUES(fv_resize(x, 3, 2, .mode = FV_NEAREST_EXACT), 0, 42, 156, 244, 46, 80, 238);
    ASSERT_VALUES(fv_resize(x, 2, 2, .mode = FV_AREA), 1e-5, 97.3333, 176, 122.6667, 145.3333);
    ASSERT_VALUES(fv_resize(plane(FV_UINT8), 2, 3), 0, 71, 144, 180, 133, 125, 180);
    ASSERT_VALUES(fv_resize(plane(FV_UINT8), 3, 7, .mode = FV_BICUBIC), 0, 8, 34, 84, 138, 141, 183,
                  233, 71, 149, 217, 203, 88, 126, 232, 137, 136, 102, 48, 150, 205, 208);
    ck_assert(tensors_same(fv_resize(plane(FV_UINT8), 4, 5), plane(FV_UINT8)));
    ck_assert_int_eq(fv_dtype_of(fv_resize(plane(FV_FLOAT64), 9, 9)), FV_FLOAT64);
}
END_TEST

START_TEST(batches_and_memory_orders_are_resized)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(3, 2, 6, 7), *y = fv_resize(x, 4, 9);
    const fv_shape shape = fv_shape_of(y), need = FV_SHAPE(3, 2, 4, 9);
    ck_assert(fv_shape_equal(&shape, &need));
    for (int64_t i = 0; i < 3; i++)
        ck_assert(
            tensors_same(fv_contiguous(fv_select(y, 0, i)), fv_resize(fv_select(x, 0, i), 4, 9)));
    fv_tensor *turned = fv_permute(x, 1, 0, 3, 2);
    ck_assert(tensors_same(fv_resize(turned, 4, 9), fv_resize(fv_contiguous(turned), 4, 9)));
}
END_TEST

START_TEST(bytes_stay_within_their_range)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_UINT8, FV_SHAPE(1, 1, 4), 0, 0, 255, 255);
    fv_tensor *y = fv_resize(x, 1, 16, .mode = FV_BICUBIC);
    ck_assert(fv_at(y, (int64_t[]){0, 0, 5}) == 0); /* a cubic goes below 0 here, and wraps */
    ck_assert(fv_at(y, (int64_t[]){0, 0, 10}) == 255);
}
END_TEST

START_TEST(mistakes_of_sizes_are_told)
{
    FV_SCOPE;
    fv_tensor *x = plane(FV_FLOAT32);
    ck_assert(fv_failed(fv_resize(x, 0, 3)));
    expect_error(FV_ERR_OPTION, "height is 0");
    ck_assert(fv_failed(fv_resize(x, 3, 70000)));
    expect_error(FV_ERR_OPTION, "width 70000");
    ck_assert(fv_failed(fv_resize(x, 3, 3, .mode = FV_TRILINEAR)));
    expect_error(FV_ERR_OPTION, "FV_TRILINEAR, which is for other dimensions");
    ck_assert(fv_failed(fv_resize(fv_ones(4, 5), 3, 3)));
    expect_error(FV_ERR_SHAPE, "need [C,H,W]");
    ck_assert(fv_failed(fv_resize(fv_ones(1, 0, 5), 3, 3)));
    expect_error(FV_ERR_SHAPE, "need [C,H,W]");
    ck_assert(fv_failed(fv_resize(fv_ones(1, 2, 5, .dtype = FV_INT32), 3, 3)));
    expect_error(FV_ERR_DTYPE, "is int32");
}
END_TEST

/* --- in a terminal ---------------------------------------------------------------------------- */

static char printed[1 << 16];

static fv_status print(fv_print_image_args a)
{
    FILE *file = fopen(path_of("printed"), "w+b");
    ck_assert_ptr_nonnull(file);
    a.file = file;
    const fv_status status = fv_print_image_ex(&a);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
    return status;
}

START_TEST(half_blocks_have_the_colours_of_two_pixels)
{
    FV_SCOPE;
    fv_print_image_args a = fv_print_image_defaults;
    a.image = TENSOR(FV_UINT8, FV_SHAPE(3, 3, 1), 1, 2, 3, 40, 50, 60, 100, 110, 120);
    ck_assert_int_eq(print(a), FV_OK);
    ck_assert_str_eq(printed, "\x1b[38;2;1;40;100m\x1b[48;2;2;50;110m\xe2\x96\x80\x1b[0m\n"
                              "\x1b[38;2;3;60;120m\xe2\x96\x80\x1b[0m\n");
    a.image = TENSOR(FV_FLOAT32, FV_SHAPE(1, 2), 0, 1);
    a.columns = 4; /* twice as large, without blur */
    ck_assert_int_eq(print(a), FV_OK);
    ck_assert_str_eq(printed, "\x1b[38;2;0;0;0m\x1b[48;2;0;0;0m\xe2\x96\x80"
                              "\x1b[38;2;0;0;0m\x1b[48;2;0;0;0m\xe2\x96\x80"
                              "\x1b[38;2;255;255;255m\x1b[48;2;255;255;255m\xe2\x96\x80"
                              "\x1b[38;2;255;255;255m\x1b[48;2;255;255;255m\xe2\x96\x80\x1b[0m\n");
}
END_TEST

/* Reads sixels back: which of 216 colours each pixel has. */
static void read_sixels(int *pixels, int64_t height, int64_t width)
{
    const char *p = strchr(printed, 'q');
    int64_t x = 0, band = 0, times = 1;
    int color = -1;
    for (int64_t i = 0; i < height * width; i++) pixels[i] = -1;
    ck_assert(strncmp(printed, "\x1bPq", 3) == 0);
    while (*++p != '\x1b') {
        char *end;
        const long number = strtol(p + 1, &end, 10);
        if (*p == '"' || (*p == '#' && *end == ';')) { /* sizes; the definition of a colour */
            while (p[1] == ';' || (p[1] >= '0' && p[1] <= '9')) p++;
        } else if (*p == '#' || *p == '!') {
            if (*p == '#') color = (int)number;
            if (*p == '!') times = number;
            p = end - 1;
        } else if (*p == '$' || *p == '-') {
            x = 0;
            band += *p == '-';
        } else {
            ck_assert(*p >= 63 && *p < 127);
            for (; times > 0; times--, x++)
                for (int64_t k = 0; k < 6; k++)
                    if ((*p - 63) >> k & 1) pixels[(6 * band + k) * width + x] = color;
            times = 1;
        }
    }
}

START_TEST(sixels_draw_the_picture)
{
    enum { SIDE = 16 };
    FV_SCOPE;
    fv_print_image_args a = fv_print_image_defaults;
    fv_tensor *t = fv_zeros(3, SIDE, SIDE, .dtype = FV_UINT8);
    for (int64_t i = 0; i < 3 * SIDE * SIDE; i++)
        fv_data_uint8(t)[i] =
            (uint8_t)(51 * ((i / SIDE / 3 + i / (SIDE * SIDE) + i % SIDE / 5) % 6));
    a.image = t;
    a.sixel = true;
    int pixels[(SIDE + 6) * SIDE];
    ck_assert_int_eq(print(a), FV_OK);
    read_sixels(pixels, SIDE, SIDE);
    for (int64_t i = 0; i < SIDE * SIDE; i++) {
        const uint8_t *p = fv_data_uint8(t) + i;
        const int color = p[0] / 51 * 36 + p[SIDE * SIDE] / 51 * 6 + p[2 * SIDE * SIDE] / 51;
        ck_assert_msg(pixels[i] == color, "pixel %d is %d, should be %d", (int)i, pixels[i], color);
    }
    a.columns = 4;
    ck_assert_int_eq(print(a), FV_OK);
    ck_assert_ptr_nonnull(strstr(printed, "\"1;1;32;32"));
    a.columns = 0;
    ck_assert_int_eq(print(a), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "columns is 0");
    ck_assert_int_eq(fv_print_image(fv_ones(2, 3, 3)), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "need [H,W]");
}
END_TEST

/* --- folders ---------------------------------------------------------------------------------- */

/* A grey picture of one value. */
static void write_grey(const char *name, int64_t height, int64_t width, double value)
{
    FV_SCOPE;
    ck_assert_int_eq(
        fv_write_image(fv_full(1, height, width, .value = value, .dtype = FV_UINT8), path_of(name)),
        FV_OK);
}

static void make_classes(void)
{
    static const char *const folders[] = {"set",        "set/b",       "set/a",
                                          "set/a/deep", "set/.hidden", "set/c"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) make_folder(folders[i]);
    write_grey("set/b/1.pgm", 4, 4, 10);
    write_grey("set/a/z.PGM", 4, 6, 20);
    write_grey("set/a/deep/0.pgm", 2, 2, 30);
    write_grey("set/a/k.pgm", 9, 3, 40);
    write_grey("set/c/1.pgm", 4, 4, 50);
    write_grey("set/.hidden/1.pgm", 4, 4, 60);
    write_grey("set/lost.pgm", 4, 4, 70);
    write_file("set/b/notes.txt", "x", 1);
}

START_TEST(folders_are_classes)
{
    static const double values[] = {40, 20, 30, 10, 50};
    static const int64_t classes[] = {0, 0, 0, 1, 2};
    fv_dataset *set = fv_image_folder(path_of("set"), .height = 5, .width = 4,
                                      .mean = {0.5, 0.5, 0.5}, .std = {0.5, 0.5, 0.25});
    ck_assert_msg(set != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_dataset_size(set), 5);
    ck_assert_int_eq(fv_image_folder_classes(set), 3);
    ck_assert_str_eq(fv_image_folder_class(set, 0), "a");
    ck_assert_str_eq(fv_image_folder_class(set, 2), "c");
    ck_assert_str_eq(fv_image_folder_path(set, 2), path_of("set/a/deep/0.pgm"));
    ck_assert_ptr_null(fv_image_folder_class(set, 3));
    ck_assert_ptr_null(fv_image_folder_path(set, -1));
    fv_loader *batches = fv_loader_new(set, .batch_size = 5);
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        const fv_shape shape = fv_shape_of(b.x), need = FV_SHAPE(5, 3, 5, 4);
        ck_assert(fv_shape_equal(&shape, &need));
        for (int64_t i = 0; i < 5; i++) {
            ck_assert_int_eq(fv_item_int64(fv_select(b.y, 0, i)), classes[i]);
            const double x = values[i] / 255;
            ck_assert(fabs(fv_at(b.x, (int64_t[]){i, 0, 4, 3}) - (x - 0.5) / 0.5) < 1e-5);
            ck_assert(fabs(fv_at(b.x, (int64_t[]){i, 2, 0, 0}) - (x - 0.5) / 0.25) < 1e-5);
        }
    }
    fv_free(batches);
    fv_tensor *t = fv_ones(2, 2);
    fv_dataset *other = fv_tensor_dataset(t, NULL);
    ck_assert_int_eq(fv_image_folder_classes(other), 0);
    ck_assert_ptr_null(fv_image_folder_class(other, 0));
    ck_assert_ptr_null(fv_image_folder_path(other, 0));
    fv_free(other);
    fv_free(set);
}
END_TEST

/* A picture with a bright middle: cut, the middle alone is left; else its shape changes. */
START_TEST(center_crop_keeps_the_shape)
{
    FV_SCOPE;
    fv_tensor *wide = fv_zeros(1, 4, 12, .dtype = FV_UINT8), *x, *y;
    for (int64_t i = 0; i < 48; i++) fv_data_uint8(wide)[i] = i % 12 >= 4 && i % 12 < 8 ? 255 : 0;
    make_folder("wide");
    make_folder("wide/one");
    ck_assert_int_eq(fv_write_image(wide, path_of("wide/one/1.pgm")), FV_OK);
    for (int crop = 0; crop < 2; crop++) {
        fv_dataset *set = fv_image_folder(path_of("wide"), .height = 4, .width = 4, .channels = 1,
                                          .center_crop = crop);
        ck_assert_int_eq(fv_dataset_get(set, 0, &x, &y), FV_OK);
        ck_assert(fabs(fv_item(fv_mean(x)) - (crop ? 1 : 1 / 3.0)) < 0.01);
        fv_free(set);
    }
}
END_TEST

START_TEST(mistakes_of_folders_are_told)
{
    FV_SCOPE;
    fv_tensor *x, *y;
    ck_assert_ptr_null(fv_image_folder(path_of("none"), .height = 4, .width = 4));
    expect_error(FV_ERR_IO, "none: No such file");
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4));
    expect_error(FV_ERR_OPTION, ".height and .width must be given");
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4, .width = 4, .channels = 2));
    expect_error(FV_ERR_OPTION, "channels is 2");
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4, .width = 4, .random_crop = 5));
    expect_error(FV_ERR_OPTION, "random_crop 5");
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4, .width = 4, .std = {0}));
    expect_error(FV_ERR_OPTION, "std 0");
    ck_assert_ptr_null(fv_image_folder(path_of("set/b"), .height = 4, .width = 4));
    expect_error(FV_ERR_IO, "has no folder in it");
    make_folder("set/empty");
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4, .width = 4));
    expect_error(FV_ERR_IO, "set/empty: has no file that ends in");
    write_file("set/empty/bad.png", "no picture", 10);
    fv_dataset *set = fv_image_folder(path_of("set"), .height = 4, .width = 4);
    ck_assert_int_ne(fv_dataset_get(set, 5, &x, &y), FV_OK);
    expect_error(FV_ERR_FORMAT, "set/empty/bad.png: neither PNG");
    fv_free(set);
    ck_assert_int_eq(symlink(".", path_of("set/c/loop")), 0);
    ck_assert_ptr_null(fv_image_folder(path_of("set"), .height = 4, .width = 4));
    expect_error(FV_ERR_IO, "without end");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *s = suite_create("resize");
    TCase *c = add_case(s, "pictures");
    tcase_add_unchecked_fixture(c, make_root, remove_root);
    tcase_add_test(c, sizes_are_pytorchs);
    tcase_add_test(c, batches_and_memory_orders_are_resized);
    tcase_add_test(c, bytes_stay_within_their_range);
    tcase_add_test(c, mistakes_of_sizes_are_told);
    tcase_add_test(c, half_blocks_have_the_colours_of_two_pixels);
    tcase_add_test(c, sixels_draw_the_picture);
    TCase *folders = add_case(s, "folders");
    tcase_add_unchecked_fixture(folders, make_root, remove_root);
    tcase_add_unchecked_fixture(folders, make_classes, NULL);
    tcase_add_test(folders, folders_are_classes);
    tcase_add_test(folders, center_crop_keeps_the_shape);
    tcase_add_test(folders, mistakes_of_folders_are_told);
    return s;
}
