/* Image data sets: normalisation, memory order, augmentation, bad arguments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static fv_dataset *random_images(int64_t n, int64_t channels, int64_t height, int64_t width,
                                 int64_t crop, bool flip)
{
    fv_dataset *set = NULL;
    {
        FV_SCOPE;
        fv_tensor *images = fv_randint(n, channels, height, width, .high = 256, .dtype = FV_UINT8);
        fv_tensor *labels = fv_arange(0, (double)n, .dtype = FV_INT64);
        set =
            fv_image_dataset(images, labels, .mean = {0.5, 0.25, 0.125, 0},
                             .std = {0.5, 0.25, 0.25, 1}, .random_crop = crop, .random_flip = flip);
    }
    return set;
}

START_TEST(images_are_normalised_into_channels_last)
{
    FV_SCOPE;
    uint8_t bytes[2 * 3 * 2 * 2];
    double expected[24];
    const double mean[] = {0.5, 0.25, 0.125}, std[] = {0.5, 0.25, 0.25};
    for (int i = 0; i < 24; i++) {
        bytes[i] = (uint8_t)(i * 11);
        expected[i] = (bytes[i] / 255.0 - mean[i / 4 % 3]) / std[i / 4 % 3];
    }
    fv_tensor *images = fv_tensor_from(bytes, 2, 3, 2, 2, .dtype = FV_UINT8);
    fv_tensor *labels = fv_tensor_from(((int64_t[]){4, 2}), 2, .dtype = FV_INT64);
    fv_dataset *set =
        fv_image_dataset(images, labels, .mean = {0.5, 0.25, 0.125}, .std = {0.5, 0.25, 0.25});
    fv_loader *loader = fv_loader_new(set, 2);
    fv_batch b;
    ck_assert(fv_loader_next(loader, &b));
    ck_assert_int_eq(fv_dtype_of(b.x), FV_FLOAT32);
    ck_assert(fv_is_channels_last(b.x));
    assert_values(b.x, expected, 24, 1e-6);
    assert_values(b.y, (double[]){4, 2}, 2, 0);
    fv_free(loader);
    fv_free(set);
}
END_TEST

/* Is `found` the image (both [C,H,W]) moved by (top, left) over black, then mirrored? */
static bool is_window(const double *found, const double *image, const double *black, int64_t c,
                      int64_t h, int64_t w, int64_t top, int64_t left, bool mirror)
{
    for (int64_t k = 0; k < c; k++)
        for (int64_t i = 0; i < h; i++)
            for (int64_t j = 0; j < w; j++) {
                int64_t y = i + top, x = (mirror ? w - 1 - j : j) + left;
                bool inside = y >= 0 && y < h && x >= 0 && x < w;
                double need = inside ? image[(k * h + y) * w + x] : black[k];
                if (found[(k * h + i) * w + j] != need) return false;
            }
    return true;
}

/* Which window of 2 * crop + 1 squared, times two, the found image is; -1: none. */
static int find_window(const double *found, const double *image, const double *black, int64_t c,
                       int64_t h, int64_t w, int64_t crop)
{
    int number = 0;
    for (int64_t top = -crop; top <= crop; top++)
        for (int64_t left = -crop; left <= crop; left++)
            for (int mirror = 0; mirror < 2; mirror++, number++)
                if (is_window(found, image, black, c, h, w, top, left, mirror)) return number;
    return -1;
}

/* For 1, 2, 3 and 4 channels: every augmented image is a window, and all windows come up. */
START_TEST(augmentation_cuts_windows_and_mirrors)
{
    enum { N = 400, H = 5, W = 6, CROP = 2 };
    for (int64_t c = 1; c <= 4; c++) {
        fv_manual_seed(3);
        fv_dataset *set = random_images(N, c, H, W, CROP, true);
        fv_loader *loader = fv_loader_new(set, N, .seed = 11);
        const float mean[] = {0.5f, 0.25f, 0.125f, 0}, std[] = {0.5f, 0.25f, 0.25f, 1};
        double black[4], found[4 * H * W], image[4 * H * W];
        for (int k = 0; k < 4; k++) black[k] = (double)((0.0f - mean[k]) / std[k]);
        int seen[50] = {0}, kinds = 0;
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        double *batch = malloc((size_t)fv_numel(b.x) * sizeof *batch);
        ck_assert_int_eq(fv_copy_out(b.x, FV_FLOAT64, batch), FV_OK);
        for (int64_t i = 0; i < N; i++) {
            FV_SCOPE;
            fv_tensor *x;
            ck_assert_int_eq(fv_dataset_get(set, i, &x, NULL), FV_OK);
            fv_copy_out(x, FV_FLOAT64, image);
            memcpy(found, batch + i * c * H * W, (size_t)(c * H * W) * sizeof *found);
            int window = find_window(found, image, black, c, H, W, CROP);
            ck_assert_int_ge(window, 0);
            kinds += seen[window]++ == 0;
        }
        ck_assert_int_eq(kinds, 50);
        free(batch);
        fv_free(loader);
        fv_free(set);
    }
}
END_TEST

/* Sums of each image of an epoch, by label. */
static void image_sums(fv_loader *loader, double *sums)
{
    fv_batch b;
    while (fv_loader_next(loader, &b)) {
        int64_t pixels = fv_numel(b.x) / b.n;
        double *x = malloc((size_t)fv_numel(b.x) * sizeof *x);
        fv_copy_out(b.x, FV_FLOAT64, x);
        for (int64_t i = 0; i < b.n; i++) {
            double sum = 0;
            for (int64_t j = 0; j < pixels; j++) sum += x[i * pixels + j] * (double)(j + 1);
            sums[fv_data_int64(b.y)[i]] = sum;
        }
        free(x);
    }
}

START_TEST(augmentation_depends_on_seed_epoch_and_sample_alone)
{
    enum { N = 60 };
    double a[2][N], b[2][N];
    fv_dataset *set = random_images(N, 3, 16, 16, 4, true);
    fv_loader *loader = fv_loader_new(set, 60, .seed = 8);
    for (int epoch = 0; epoch < 2; epoch++) image_sums(loader, a[epoch]);
    fv_free(loader);
    ck_assert_int_ne(memcmp(a[0], a[1], sizeof a[0]), 0);
    force_threads(2);
    loader = fv_loader_new(set, 7, .shuffle = true, .seed = 8);
    for (int epoch = 0; epoch < 2; epoch++) image_sums(loader, b[epoch]);
    fv_free(loader);
    ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
    fv_free(set);
}
END_TEST

/* The corner of the window that an image of pixels 1 + SIDE * y + x was seen through. */
static void find_corner(const float *x, int side, int *top, int *left)
{
    for (int i = 0; i < side * side; i++) {
        int pixel = (int)lrintf(x[i] * 255) - 1;
        if (pixel < 0) continue; /* black */
        *top = pixel / side - i / side;
        *left = pixel % side - i % side;
        return;
    }
    ck_abort_msg("nothing but black");
}

/* Where a sample comes in the epoch tells nothing of its window, nor of another sample's: with one
 * stream of random numbers for both, some place and some window would be the same number. */
START_TEST(windows_do_not_follow_from_the_order)
{
    enum { CROP = 4, N = 2 * CROP + 1, SIDE = 12, EPOCHS = 200, MOST = 80 };
    static int agree[N][N][2];
    {
        FV_SCOPE;
        uint8_t bytes[N][SIDE * SIDE];
        for (int n = 0; n < N; n++)
            for (int i = 0; i < SIDE * SIDE; i++) bytes[n][i] = (uint8_t)(i + 1);
        fv_tensor *images = fv_tensor_from(bytes, N, 1, SIDE, SIDE, .dtype = FV_UINT8);
        fv_dataset *set =
            fv_image_dataset(images, fv_arange(0, N, .dtype = FV_INT64), .random_crop = CROP);
        fv_loader *loader = fv_loader_new(set, N, .shuffle = true, .seed = 21);
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            fv_batch b;
            ck_assert(fv_loader_next(loader, &b));
            const int64_t *order = fv_data_int64(b.y);
            for (int k = 0; k < N; k++) {
                int corner[2];
                find_corner(fv_data_float32(b.x) + k * SIDE * SIDE, SIDE, &corner[0], &corner[1]);
                for (int place = 0; place < N; place++)
                    for (int c = 0; c < 2; c++)
                        agree[place][order[k]][c] += order[place] == corner[c] + CROP;
            }
            ck_assert(!fv_loader_next(loader, &b));
        }
        fv_free(loader);
        fv_free(set);
    }
    for (int place = 0; place < N; place++)
        for (int n = 0; n < N; n++)
            for (int c = 0; c < 2; c++) /* 22 are expected by chance */
                ck_assert_msg(agree[place][n][c] < MOST,
                              "place %d and sample %d's window agree in %d of %d epochs", place, n,
                              agree[place][n][c], EPOCHS);
}
END_TEST

/* Images in any order of memory are the same images; flips come without crops, crops without flips,
 * and a crop as wide as the image may see nothing of it. */
START_TEST(crops_and_flips_come_one_by_one)
{
    enum { N = 200, SIDE = 2 };
    for (int crop = 0; crop <= SIDE; crop += SIDE) {
        FV_SCOPE;
        fv_tensor *images = fv_full(SIDE, SIDE, 1, N, .value = 255, .dtype = FV_UINT8);
        images = fv_permute(images, 3, 2, 0, 1); /* [N,1,H,W], N innermost */
        fv_copy_elements(fv_select(images, 3, 1), fv_zeros(N, 1, SIDE, .dtype = FV_UINT8));
        fv_dataset *set = fv_image_dataset(images, fv_zeros(N, .dtype = FV_INT64),
                                           .random_crop = crop, .random_flip = crop == 0);
        fv_loader *loader = fv_loader_new(set, N, .seed = 3);
        fv_batch b;
        ck_assert(fv_loader_next(loader, &b));
        int whole = 0, mirrored = 0, black = 0;
        for (int64_t n = 0; n < N; n++) {
            double pixel[2], lower[2];
            for (int64_t w = 0; w < 2; w++) {
                pixel[w] = fv_at(b.x, (const int64_t[]){n, 0, 0, w});
                lower[w] = fv_at(b.x, (const int64_t[]){n, 0, 1, w});
            }
            bool rows_agree = pixel[0] == lower[0] && pixel[1] == lower[1];
            whole += pixel[0] == 1 && pixel[1] == 0 && rows_agree;
            mirrored += pixel[0] == 0 && pixel[1] == 1 && rows_agree;
            black += pixel[0] + pixel[1] + lower[0] + lower[1] == 0;
        }
        if (crop == 0) {
            ck_assert_int_eq(whole + mirrored, N);
            ck_assert(whole > N / 3 && mirrored > N / 3);
        } else {
            ck_assert_int_gt(black, N / 2); /* 16 of 25 windows see no white pixel */
            ck_assert_int_lt(black, N);
        }
        fv_free(loader);
        fv_free(set);
    }
}
END_TEST

START_TEST(image_sets_check_their_arguments)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *images = fv_zeros(2, 3, 4, 5, .dtype = FV_UINT8);
        fv_tensor *labels = fv_zeros(2, .dtype = FV_INT64);
        ck_assert_ptr_null(fv_image_dataset(labels, labels));
        expect_error(FV_ERR_DTYPE, "images are int64");
        ck_assert_ptr_null(fv_image_dataset(fv_zeros(2, 5, 4, 4, .dtype = FV_UINT8), labels));
        expect_error(FV_ERR_SHAPE, "[2,5,4,4]");
        ck_assert_ptr_null(fv_image_dataset(images, fv_zeros(3, .dtype = FV_INT64)));
        expect_error(FV_ERR_SHAPE, "labels are [3]");
        ck_assert_ptr_null(fv_image_dataset(images, labels, .random_crop = 5));
        expect_error(FV_ERR_OPTION, "random_crop 5");
        ck_assert_ptr_null(fv_image_dataset(images, labels, .std = {1, 0, 1}));
        expect_error(FV_ERR_OPTION, "channel 1");
        ck_assert_ptr_null(fv_image_dataset(NULL, labels));
        expect_error(FV_ERR_STATE, "images");
        ck_assert_ptr_null(fv_image_dataset(images, fv_failed_tensor()));
        expect_error(FV_ERR_STATE, "labels is no tensor");
        ck_assert_ptr_null(fv_image_dataset(images, fv_zeros(2)));
        expect_error(FV_ERR_DTYPE, "labels float32");
        ck_assert_ptr_null(fv_image_dataset(fv_zeros(2, 3, 4, .dtype = FV_UINT8), labels));
        expect_error(FV_ERR_SHAPE, "[2,3,4]");
        ck_assert_ptr_null(fv_image_dataset(fv_zeros(2, 0, 4, 4, .dtype = FV_UINT8), labels));
        expect_error(FV_ERR_SHAPE, "[2,0,4,4]");
        ck_assert_ptr_null(fv_image_dataset(images, fv_zeros(2, 1, .dtype = FV_INT64)));
        expect_error(FV_ERR_SHAPE, "labels are [2,1]");
        ck_assert_ptr_null(fv_image_dataset(images, labels, .random_crop = -1));
        expect_error(FV_ERR_OPTION, "random_crop -1");
        ck_assert_ptr_null(fv_image_dataset(images, labels, .mean = {0, (double)NAN}));
        expect_error(FV_ERR_OPTION, "channel 1 has mean nan");
        ck_assert_ptr_null(fv_image_dataset(images, labels, .std = {(double)INFINITY, 1, 1}));
        expect_error(FV_ERR_OPTION, "std inf");
        fv_dataset *none = fv_image_dataset(fv_zeros(0, 1, 4, 4, .dtype = FV_UINT8),
                                            fv_zeros(0, .dtype = FV_INT64));
        ck_assert_int_eq(fv_dataset_size(none), 0);
        fv_free(none);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data images");
    TCase *images = add_case(suite, "images");
    tcase_add_test(images, images_are_normalised_into_channels_last);
    tcase_add_test(images, augmentation_cuts_windows_and_mirrors);
    tcase_add_test(images, augmentation_depends_on_seed_epoch_and_sample_alone);
    tcase_add_test(images, windows_do_not_follow_from_the_order);
    tcase_add_test(images, crops_and_flips_come_one_by_one);
    tcase_add_test(images, image_sets_check_their_arguments);
    return suite;
}
