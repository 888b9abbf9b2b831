/* Pictures in files: what Pillow reads of them, round trips, damaged ones of every kind. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "data_files.h"
#include "support.h"

typedef struct picture_file {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    int channels; /* of 5 x 4 pixels, plane by plane */
    const uint8_t *pixels;
} picture_file;

typedef struct broken_file {
    const uint8_t *bytes;
    size_t size;
    const char *what;
} broken_file;

#include "image_files.inc"

enum {
    WIDTH = 5,
    HEIGHT = 4,
    AREA = WIDTH * HEIGHT,
    FILES = sizeof picture_files / sizeof *picture_files
};

static fv_tensor *bytes_of(const uint8_t *bytes, size_t size)
{
    return fv_tensor_from(bytes, (int64_t)size);
}

static bool is_jpeg(const picture_file *f)
{
    return f->bytes[0] == 0xff;
}

/* Does this build read such files? If not, it must say what is missing. */
static bool reads(const picture_file *f)
{
    FV_SCOPE;
    if (!fv_failed(fv_decode_image(bytes_of(f->bytes, f->size)))) return true;
    if (fv_error_status() != FV_ERR_IO) return true;
    expect_error(FV_ERR_IO, is_jpeg(f) ? "libjpeg62-turbo-dev" : "libpng-dev");
    return false;
}

static const picture_file *file_named(const char *name)
{
    for (int i = 0; i < FILES; i++)
        if (strcmp(picture_files[i].name, name) == 0) return &picture_files[i];
    ck_abort_msg("no file %s", name);
}

/* How far the image is from those planes at most; fails when the shapes differ. */
static int distance(const fv_tensor *image, int channels, const uint8_t *pixels)
{
    const fv_shape shape = fv_shape_of(image), need = FV_SHAPE(channels, HEIGHT, WIDTH);
    ck_assert_msg(fv_shape_equal(&shape, &need), "is %s: %s", fv_shape_text(&shape), fv_error());
    ck_assert_int_eq(fv_dtype_of(image), FV_UINT8);
    uint8_t got[4 * AREA];
    int worst = 0;
    ck_assert_int_eq(fv_copy_out(image, FV_UINT8, got), FV_OK);
    for (int i = 0; i < channels * AREA; i++)
        if (abs(got[i] - pixels[i]) > worst) worst = abs(got[i] - pixels[i]);
    return worst;
}

/* --- reading ---------------------------------------------------------------------------------- */

START_TEST(pictures_are_what_pillow_reads)
{
    for (int i = 0; i < FILES; i++) {
        FV_SCOPE;
        const picture_file *f = &picture_files[i];
        if (!reads(f)) continue;
        const fv_tensor *image = fv_decode_image(bytes_of(f->bytes, f->size));
        const int far = distance(image, f->channels, f->pixels);
        ck_assert_msg(far <= (is_jpeg(f) ? 2 : 0), "%s is %d away", f->name, far);
        write_file(f->name, f->bytes, f->size);
        ck_assert(tensors_same(image, fv_read_image(path_of(f->name))));
    }
}
END_TEST

static int gray_of(const uint8_t *pixels, int channels, int at)
{
    if (channels < 3) return pixels[at];
    return (int)(0.299 * pixels[at] + 0.587 * pixels[AREA + at] + 0.114 * pixels[2 * AREA + at] +
                 0.5);
}

/* Every kind of file in every mode, as the mode says. */
START_TEST(modes_choose_the_channels)
{
    static const fv_image_mode modes[] = {FV_IMAGE_GRAY, FV_IMAGE_GRAY_ALPHA, FV_IMAGE_RGB,
                                          FV_IMAGE_RGB_ALPHA};
    for (int i = 0; i < FILES; i++)
        for (int channels = 1; channels <= 4; channels++) {
            FV_SCOPE;
            const picture_file *f = &picture_files[i];
            if (is_jpeg(f) || !reads(f)) continue;
            uint8_t want[4 * AREA];
            for (int at = 0; at < AREA; at++)
                for (int c = 0; c < channels; c++)
                    want[c * AREA + at] =
                        channels % 2 == 0 && c == channels - 1
                            ? (f->channels % 2 ? 255 : f->pixels[(f->channels - 1) * AREA + at])
                        : channels < 3 ? (uint8_t)gray_of(f->pixels, f->channels, at)
                                       : f->pixels[(f->channels < 3 ? 0 : c) * AREA + at];
            const fv_tensor *image =
                fv_decode_image(bytes_of(f->bytes, f->size), .mode = modes[channels - 1]);
            const int far = distance(image, channels, want);
            ck_assert_msg(far <= (f->channels > 2 && channels < 3),
                          "%s with %d channels is %d away", f->name, channels, far);
        }
}
END_TEST

/* A picture that was turned by hand: value 10 y + x, written, tagged, read. */
START_TEST(orientation_turns_the_picture)
{
    static const struct {
        const char *name;
        bool clockwise;
    } turned[] = {{"png_turned", true}, {"jpeg_turned", false}};
    for (int i = 0; i < 2; i++) {
        FV_SCOPE;
        const picture_file *f = file_named(turned[i].name);
        if (!reads(f)) continue;
        fv_tensor *bytes = bytes_of(f->bytes, f->size);
        const fv_tensor *plain = fv_decode_image(bytes);
        const fv_tensor *image = fv_decode_image(bytes, .apply_exif_orientation = true);
        ck_assert_int_eq(fv_size(image, 1), WIDTH);
        ck_assert_int_eq(fv_size(image, 2), HEIGHT);
        for (int64_t y = 0; y < WIDTH; y++)
            for (int64_t x = 0; x < HEIGHT; x++) {
                const int64_t from_y = turned[i].clockwise ? HEIGHT - 1 - x : x;
                const int64_t from_x = turned[i].clockwise ? y : WIDTH - 1 - y;
                ck_assert(fv_at(image, (int64_t[]){2, y, x}) ==
                          fv_at(plain, (int64_t[]){2, from_y, from_x}));
            }
    }
}
END_TEST

/* The place of the orientation in the block of a file: its value, two bytes, behind tag, type and
 * count. All eight, against what EXIF 2.3 says of the row and the column that come first. */
START_TEST(all_eight_orientations)
{
    static const char tag[] = {1, 0x12, 0, 3, 0, 0, 0, 1};
    const picture_file *f = file_named("jpeg_turned");
    uint8_t bytes[2048];
    if (!reads(f)) return;
    memcpy(bytes, f->bytes, f->size);
    uint8_t *value = memmem(bytes, f->size, tag, sizeof tag);
    ck_assert_ptr_nonnull(value);
    for (uint8_t o = 0; o < 10; o++) {
        FV_SCOPE;
        value[sizeof tag + 1] = o;
        fv_tensor *file = bytes_of(bytes, f->size);
        const fv_tensor *plain = fv_decode_image(file);
        const fv_tensor *image = fv_decode_image(file, .apply_exif_orientation = true);
        const bool known = o >= 1 && o <= 8, swapped = known && o >= 5;
        ck_assert_int_eq(fv_size(image, 1), swapped ? WIDTH : HEIGHT);
        for (int64_t y = 0; y < HEIGHT; y++)
            for (int64_t x = 0; x < WIDTH; x++) {
                /* where the 0th row and column of the file are: 1 top left, 2 top right, 3 bottom
                   right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom */
                int64_t to_y = y, to_x = x;
                if (o == 2 || o == 3) to_x = WIDTH - 1 - x;
                if (o == 3 || o == 4) to_y = HEIGHT - 1 - y;
                if (swapped) {
                    to_x = o == 6 || o == 7 ? HEIGHT - 1 - y : y;
                    to_y = o == 7 || o == 8 ? WIDTH - 1 - x : x;
                }
                ck_assert_msg(fv_at(image, (int64_t[]){0, to_y, to_x}) ==
                                  fv_at(plain, (int64_t[]){0, y, x}),
                              "orientation %d", o);
            }
    }
}
END_TEST

static fv_tensor *text_image(const char *text)
{
    return fv_decode_image(bytes_of((const uint8_t *)text, strlen(text)));
}

START_TEST(netpbm_files_are_read)
{
    FV_SCOPE;
    ASSERT_VALUES(text_image("P2 # grey\n3 1\n15 0 7 15"), 0, 0, 119, 255);
    ASSERT_VALUES(text_image("P3\n1 2\n255\n1 2 3\n4 5 6\n"), 0, 1, 4, 2, 5, 3, 6);
    ASSERT_VALUES(text_image("P5 2 1 255\nAz"), 0, 'A', 'z');
    ASSERT_VALUES(text_image("P6 1 1 255\nabc"), 0, 'a', 'b', 'c');
    const uint8_t wide[] = "P5 2 1 65535\n\x80\x00\xff\xff";
    ASSERT_VALUES(fv_decode_image(bytes_of(wide, sizeof wide - 1)), 0, 128, 255);
    static const struct {
        const char *text, *what;
    } wrong[] = {{"P5 0 28 255\n", "a picture of 0 x 28"},
                 {"P5 99999 28 255\n", "a picture of 99999 x 28"},
                 {"P5 60000 28 255\nabc", "more than its bytes can hold"},
                 {"P5 2 2 255\nabc", "ends early"},
                 {"P2 2 1 255\n1 256\n", "no number up to 255"},
                 {"P2 2 1 255\n1", "ends early"},
                 {"P2 2 1 0\n1 1\n", "largest sample"},
                 {"P2 99999999999999999999 1 255\n1 1\n", "two sizes"},
                 {"P4 8 1\nx", "neither PNG, JPEG, PGM nor PPM"},
                 {"<html><body>", "an HTML page"},
                 {"GIF89a", "neither PNG"},
                 {"P", "neither PNG"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert(fv_failed(text_image(wrong[i].text)));
        expect_error(FV_ERR_FORMAT, wrong[i].what);
    }
}
END_TEST

START_TEST(mistakes_are_told)
{
    FV_SCOPE;
    ck_assert(fv_failed(fv_read_image(path_of("none.png"))));
    expect_error(FV_ERR_IO, "none.png: No such file");
    ck_assert(fv_failed(fv_read_image(NULL)));
    expect_error(FV_ERR_OPTION, "read_image: no path");
    ck_assert(fv_failed(fv_read_image(root)));
    expect_error(FV_ERR_IO, "not a regular file");
    write_file("nothing.png", "", 0);
    ck_assert(fv_failed(fv_read_image(path_of("nothing.png"))));
    expect_error(FV_ERR_FORMAT, "is empty");
    fv_read_image_args a = fv_read_image_defaults;
    a.path = path_of("nothing.png");
    a.mode = (fv_image_mode)7;
    ck_assert(fv_failed(fv_read_image_ex(&a)));
    expect_error(FV_ERR_OPTION, "mode is 7; it takes FV_IMAGE_UNCHANGED, FV_IMAGE_GRAY");
    ck_assert(fv_failed(fv_decode_image(fv_zeros(3))));
    expect_error(FV_ERR_DTYPE, "bytes are float32");
    ck_assert(fv_failed(fv_decode_image(fv_zeros(3, 2, .dtype = FV_UINT8))));
    expect_error(FV_ERR_SHAPE, "need uint8 [n]");
    ck_assert(fv_failed(fv_decode_image(fv_zeros(0, .dtype = FV_UINT8))));
    expect_error(FV_ERR_FORMAT, "is empty");
    for (size_t i = 0; i < sizeof broken_files / sizeof *broken_files; i++) {
        if (!reads(file_named("rgb"))) continue;
        ck_assert(
            fv_failed(fv_decode_image(bytes_of(broken_files[i].bytes, broken_files[i].size))));
        expect_error(FV_ERR_FORMAT, broken_files[i].what);
    }
}
END_TEST

/* --- damaged files ---------------------------------------------------------------------------- */

/* No beginning of a file is a picture. */
START_TEST(cut_files_are_refused)
{
    for (int i = 0; i < FILES; i++) {
        const picture_file *f = &picture_files[i];
        if (!reads(f)) continue;
        for (size_t size = 0; size < f->size; size++) {
            FV_SCOPE;
            ck_assert_msg(fv_failed(fv_decode_image(bytes_of(f->bytes, size))),
                          "%zu of the %zu bytes of %s are taken for a picture", size, f->size,
                          f->name);
            ck_assert_msg(fv_error_status() == FV_ERR_FORMAT, "%s: %s", f->name, fv_error());
            fv_clear_error();
        }
    }
}
END_TEST

static uint32_t random_state = 1;
static uint32_t random_number(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* A picture or an error, of a file with some other bytes; with_sums: behind changed chunks of a PNG
 * stand their own checksums, so that libpng looks at them. */
static void change_and_decode(const picture_file *f, int changes, bool with_sums)
{
    FV_SCOPE;
    uint8_t bytes[2048];
    ck_assert_uint_le(f->size, sizeof bytes);
    memcpy(bytes, f->bytes, f->size);
    for (int i = 0; i < changes; i++)
        bytes[8 + random_number((uint32_t)f->size - 8)] ^= (uint8_t)(1u << random_number(8));
    for (size_t at = 8; with_sums && at + 12 <= f->size;) {
        const size_t length = (size_t)f->bytes[at + 2] << 8 | f->bytes[at + 3];
        memcpy(bytes + at, f->bytes + at, 4);
        put_number(bytes + at + 8 + length, crc32_of(bytes + at + 4, length + 4));
        at += length + 12;
    }
    const bool failed = fv_failed(fv_decode_image(
        bytes_of(bytes, f->size), .mode = FV_IMAGE_RGB_ALPHA, .apply_exif_orientation = true));
    ck_assert_int_eq(failed, fv_error_status() != FV_OK);
    ck_assert_msg(!failed || fv_error_status() == FV_ERR_FORMAT ||
                      fv_error_status() == FV_ERR_MEMORY,
                  "%s", fv_error());
    fv_clear_error();
}

START_TEST(changed_files_do_no_harm)
{
    for (int i = 0; i < FILES; i++) {
        const picture_file *f = &picture_files[i];
        if (!reads(f)) continue;
        for (int k = 0; k < 300; k++) {
            set_context("%s, change %d", f->name, k);
            change_and_decode(f, 1 + k % 3, !is_jpeg(f) && k % 4 != 0);
        }
    }
}
END_TEST

/* --- writing ---------------------------------------------------------------------------------- */

/* Bytes that are smooth in some rows and noise in others, so that every filter has its turn. */
static fv_tensor *made_up(int64_t channels, int64_t height, int64_t width)
{
    fv_tensor *t = fv_zeros(channels, height, width, .dtype = FV_UINT8);
    uint8_t *p = fv_data_uint8(t);
    for (int64_t i = 0; i < fv_numel(t); i++) {
        const int64_t y = i / width % height, x = i % width;
        const int64_t slope = 3 * x + 5 * y + i / (width * height) + (int64_t)random_number(3);
        p[i] = (uint8_t)(y % 3 ? slope : (int64_t)random_number(256));
    }
    return t;
}

static void check_round_trip(const fv_tensor *image, const char *name)
{
    ck_assert_msg(fv_write_image(image, path_of(name)) == FV_OK, "%s", fv_error());
    fv_tensor *again = fv_read_image(path_of(name));
    const fv_shape shape = fv_shape_of(image);
    ck_assert_msg(tensors_same(image, again), "%s of %s is not what was written: %s", name,
                  fv_shape_text(&shape), fv_error());
}

START_TEST(what_is_written_is_read_again)
{
    static const int64_t sizes[][2] = {{1, 1}, {4, 5}, {1, 200}, {200, 1}, {61, 67}, {3, 40000}};
    const bool png = reads(file_named("rgb"));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int64_t channels = 1; channels <= 4; channels++) {
            FV_SCOPE;
            fv_tensor *image = made_up(channels, sizes[i][0], sizes[i][1]);
            if (png) check_round_trip(image, "image.png");
            if (channels == 1) check_round_trip(image, "image.pgm");
            if (channels == 3) check_round_trip(image, "image.PPM");
        }
}
END_TEST

START_TEST(every_memory_order_is_written)
{
    FV_SCOPE;
    fv_tensor *image = made_up(3, 7, 9);
    fv_tensor *turned = fv_permute(made_up(9, 7, 3), 2, 1, 0);
    check_round_trip(turned, "image.ppm");
    fv_tensor *grey = fv_select(image, 0, 1);
    ck_assert_int_eq(fv_write_image(grey, path_of("grey.pgm")), FV_OK);
    ck_assert(
        tensors_same(fv_view(fv_contiguous(grey), 1, 7, 9), fv_read_image(path_of("grey.pgm"))));
}
END_TEST

START_TEST(jpeg_is_written_and_read)
{
    FV_SCOPE;
    if (!reads(file_named("jpeg"))) {
        ck_assert_int_ne(fv_write_image(made_up(3, 4, 4), path_of("a.jpg")), FV_OK);
        expect_error(FV_ERR_IO, "libjpeg62-turbo-dev");
        return;
    }
    for (int64_t channels = 1; channels <= 3; channels += 2) {
        fv_tensor *t = fv_zeros(channels, 150, 170, .dtype = FV_UINT8);
        for (int64_t i = 0; i < fv_numel(t); i++)
            fv_data_uint8(t)[i] =
                (uint8_t)(i % 170 / 2 + i / 170 % 150 / 2 + 20 * (i / (170 * 150)));
        struct stat small, large;
        char message[256];
        ck_assert_int_eq(fv_write_image(t, path_of("a.jpeg"), .quality = 20), FV_OK);
        ck_assert_int_eq(stat(path_of("a.jpeg"), &small), 0);
        ck_assert_int_eq(fv_write_image(t, path_of("a.jpeg"), .quality = 98), FV_OK);
        ck_assert_int_eq(stat(path_of("a.jpeg"), &large), 0);
        ck_assert(large.st_size > small.st_size);
        fv_tensor *again = fv_read_image(path_of("a.jpeg"));
        ck_assert_msg(tensors_close(fv_to(again, FV_FLOAT32), fv_to(t, FV_FLOAT32), 0.04, message,
                                    sizeof message),
                      "%s", message);
    }
}
END_TEST

START_TEST(refused_writing_leaves_the_file)
{
    FV_SCOPE;
    fv_tensor *image = made_up(3, 4, 5);
    check_round_trip(image, "keep.ppm");
    fv_tensor *before = fv_read_image(path_of("keep.ppm"));
    static const struct {
        fv_status status;
        const char *what;
    } wrong[] = {{FV_ERR_SHAPE, "PPM takes 3 channels"},
                 {FV_ERR_DTYPE, "fv_save_image takes floats"},
                 {FV_ERR_SHAPE, "sides go from 1"},
                 {FV_ERR_SHAPE, "need [C,H,W]"}};
    fv_tensor *images[] = {made_up(1, 4, 5), fv_zeros(3, 4, 5), made_up(3, 0, 5),
                           fv_zeros(5, .dtype = FV_UINT8)};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(fv_write_image(images[i], path_of("keep.ppm")), wrong[i].status);
        expect_error(wrong[i].status, wrong[i].what);
    }
    ck_assert_int_ne(fv_write_image(image, path_of("keep.gif")), FV_OK);
    expect_error(FV_ERR_OPTION, "none of .png, .jpg");
    ck_assert_int_ne(fv_write_image(image, path_of("a.jpg"), .quality = 101), FV_OK);
    expect_error(FV_ERR_OPTION, "quality is 101");
    ck_assert_int_ne(fv_write_image(image, path_of("a.png"), .compression = -1), FV_OK);
    expect_error(FV_ERR_OPTION, "compression is -1");
    ck_assert_int_ne(fv_write_image(image, path_of("none/a.png")), FV_OK);
    expect_error(FV_ERR_IO, "none/a.png");
    fv_fail(FV_ERR_STATE, "something stands");
    ck_assert_int_eq(fv_write_image(made_up(3, 4, 4), path_of("keep.ppm")), FV_ERR_STATE);
    fv_clear_error();
    ck_assert(tensors_same(before, fv_read_image(path_of("keep.ppm"))));
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *s = suite_create("image");
    TCase *c = add_case(s, "files");
    tcase_add_unchecked_fixture(c, make_root, remove_root);
    tcase_add_test(c, pictures_are_what_pillow_reads);
    tcase_add_test(c, modes_choose_the_channels);
    tcase_add_test(c, orientation_turns_the_picture);
    tcase_add_test(c, all_eight_orientations);
    tcase_add_test(c, netpbm_files_are_read);
    tcase_add_test(c, mistakes_are_told);
    tcase_add_test(c, cut_files_are_refused);
    tcase_add_test(c, changed_files_do_no_harm);
    tcase_add_test(c, what_is_written_is_read_again);
    tcase_add_test(c, every_memory_order_is_written);
    tcase_add_test(c, jpeg_is_written_and_read);
    tcase_add_test(c, refused_writing_leaves_the_file);
    return s;
}
