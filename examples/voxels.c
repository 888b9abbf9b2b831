/* Three-dimensional convolutions tell solids apart: spheres, cubes, tori and others on 24 x 24 x 24
 * voxels, made here in a random pose and size, under noise.
 *
 *     voxels                              writes voxels.png and voxels_slices.png */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <math.h>

/* --- the solids ------------------------------------------------------------------------------- */

enum { SIDE = 24, VOXELS = SIDE * SIDE * SIDE, NUMBERS = 7 };
static const double noise = 0.7; /* of a voxel, which is 0 or 1: its standard deviation */

/* Each lies in the ball of radius 1 about the origin. */
static bool sphere(double x, double y, double z)
{
    return x * x + y * y + z * z < 0.6;
}
static bool cube(double x, double y, double z)
{
    return fmax(fabs(x), fmax(fabs(y), fabs(z))) < 0.57;
}
static bool torus(double x, double y, double z)
{
    const double ring = sqrt(x * x + y * y) - 0.7;
    return ring * ring + z * z < 0.08;
}
static bool pyramid(double x, double y, double z)
{
    return z > -0.55 && fmax(fabs(x), fabs(y)) < 0.45 * (0.95 - z);
}
static bool cross(double x, double y, double z)
{
    const int thin = (fabs(x) < 0.25) + (fabs(y) < 0.25) + (fabs(z) < 0.25);
    return thin >= 2 && fmax(fabs(x), fmax(fabs(y), fabs(z))) < 0.9;
}
static bool tube(double x, double y, double z)
{
    const double square = x * x + y * y;
    return square > 0.12 && square < 0.42 && fabs(z) < 0.75;
}
static bool plate(double x, double y, double z)
{
    return x * x + y * y < 0.85 && fabs(z) < 0.2;
}
static bool dumbbell(double x, double y, double z)
{
    const double end = fabs(z) - 0.55, square = x * x + y * y;
    return square + end * end < 0.18 || (square < 0.03 && end < 0);
}

enum { CLASSES = 8 };
static bool (*const solids[CLASSES])(double x, double y, double z) = {
    sphere, cube, torus, pyramid, cross, tube, plate, dumbbell};
static const char *const class_names[CLASSES] = {"sphere", "cube", "torus", "pyramid",
                                                 "cross",  "tube", "plate", "dumbbell"};

/* A rotation, each as likely as any other, from numbers of [0, 1) (Shoemake 1992). */
static void random_rotation(const double *u, double m[3][3])
{
    const double turn = 6.283185307, a = sqrt(1 - u[0]), b = sqrt(u[0]);
    const double x = a * sin(turn * u[1]), y = a * cos(turn * u[1]);
    const double z = b * sin(turn * u[2]), w = b * cos(turn * u[2]);
    const double rotation[3][3] = {
        {1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
        {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
        {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}};
    memcpy(m, rotation, sizeof rotation);
}

/* A solid of 1 in a space of 0, turned, scaled and moved by numbers of [0, 1). */
static void fill(int64_t kind, const double *u, float *voxels)
{
    double m[3][3];
    random_rotation(u, m);
    const double radius = 8 + 4 * u[3];
    for (int i = 0; i < VOXELS; i++) {
        const double x = (i % SIDE - 11.5 - 3 * (u[4] - 0.5)) / radius;
        const double y = (i / SIDE % SIDE - 11.5 - 3 * (u[5] - 0.5)) / radius;
        const double z = (i / SIDE / SIDE - 11.5 - 3 * (u[6] - 0.5)) / radius;
        voxels[i] = solids[kind](m[0][0] * x + m[0][1] * y + m[0][2] * z,
                                 m[1][0] * x + m[1][1] * y + m[1][2] * z,
                                 m[2][0] * x + m[2][1] * y + m[2][2] * z);
    }
}

/* --- the data set ----------------------------------------------------------------------------- */

/* A sample: x [1,24,24,24], y its class. */
static fv_status get_solid(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    double u[NUMBERS];
    float voxels[VOXELS];
    draw_numbers(NUMBERS, u);
    fill(index % CLASSES, u, voxels);
    *x = fv_tensor_from(voxels, 1, SIDE, SIDE, SIDE);
    *x = fv_add(*x, fv_mul(fv_randn(1, SIDE, SIDE, SIDE), noise));
    *y = fv_scalar_int64(index % CLASSES, FV_INT64);
    return FV_OK;
}

/* --- the network ------------------------------------------------------------------------------ */

static fv_module *new_net(int64_t width)
{
    const int64_t w = width;
    return fv_sequential(
        fv_nn_conv3d(1, w, 3, .padding = 1, .bias = false), fv_nn_batch_norm3d(w), fv_nn_relu(),
        fv_nn_max_pool3d(2), /* 12 x 12 x 12 */
        fv_nn_conv3d(w, 2 * w, 3, .padding = 1, .bias = false), fv_nn_batch_norm3d(2 * w),
        fv_nn_relu(), fv_nn_max_pool3d(2), /* 6 x 6 x 6 */
        fv_nn_conv3d(2 * w, 4 * w, 3, .padding = 1, .bias = false), fv_nn_batch_norm3d(4 * w),
        fv_nn_relu(), fv_nn_adaptive_avg_pool3d(1), fv_nn_flatten(), fv_nn_linear(4 * w, CLASSES));
}

/* --- pictures --------------------------------------------------------------------------------- */

/* The solid as one looks along z, lit from above on the left: where the line of sight meets it
 * first, the blurred solid rises against the normal of its surface. */
static void render(const float *solid, const float *blurred, float *image)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        int at = i;
        while (at < VOXELS && solid[at] < 0.5F) at += SIDE * SIDE;
        image[i] = 0.05F;
        const int y = i / SIDE, x = i % SIDE, z = at / (SIDE * SIDE), last = SIDE - 1;
        if (z == SIDE || z < 1 || z >= last || y < 1 || y >= last || x < 1 || x >= last) continue;
        const float dx = blurred[at + 1] - blurred[at - 1];
        const float dy = blurred[at + SIDE] - blurred[at - SIDE];
        const float dz = blurred[at + SIDE * SIDE] - blurred[at - SIDE * SIDE];
        const float light = 0.4F * dx + 0.5F * dy + 0.77F * dz;
        image[i] = 0.2F + 0.8F * fmaxf(0, light) / sqrtf(dx * dx + dy * dy + dz * dz + 1e-6F);
    }
}

static fv_tensor *rendered(fv_tensor *solid)
{
    float voxels[VOXELS], blurred[VOXELS], image[SIDE * SIDE];
    fv_tensor *x = fv_reshape(solid, 1, 1, SIDE, SIDE, SIDE);
    fv_copy_out(x, FV_FLOAT32, voxels);
    for (int i = 0; i < 2; i++) x = fv_avg_pool3d(x, 3, .stride = 1, .padding = 1);
    fv_copy_out(x, FV_FLOAT32, blurred);
    render(voxels, blurred, image);
    return fv_tensor_from(image, 1, 1, SIDE, SIDE);
}

/* A column for each class: the solid in the light, and of what the network sees, under noise, the
 * mean along the line of sight and a slice through the middle. */
static void draw_solids(const demo *d, fv_tensor *solids_seen[CLASSES], fv_tensor *clean[CLASSES])
{
    fv_tensor *rows[3 * CLASSES];
    for (int k = 0; k < CLASSES; k++) {
        fv_tensor *mean = fv_mean(solids_seen[k], .dim = 0);
        rows[k] = rendered(clean[k]);
        rows[CLASSES + k] = fv_reshape(fv_div(mean, fv_max(mean)), 1, 1, SIDE, SIDE);
        rows[2 * CLASSES + k] = fv_reshape(
            fv_div(fv_add(fv_select(solids_seen[k], 0, SIDE / 2), 1), 3), 1, 1, SIDE, SIDE);
    }
    fv_save_image(fv_cat(((fv_tensor_list){rows, 3 * CLASSES})), output_path(d, "voxels.png"),
                  .nrow = CLASSES, .upscale = 4, .pad_value = 0.3);
}

/* Draws a solid of each class and says what the network takes it for. */
static void show(const demo *d, fv_module *net)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *clean[CLASSES], *seen[CLASSES];
    fv_eval(net);
    for (int k = 0; k < CLASSES; k++) {
        double u[NUMBERS];
        float voxels[VOXELS];
        draw_numbers(NUMBERS, u);
        fill(k, u, voxels);
        clean[k] = fv_tensor_from(voxels, SIDE, SIDE, SIDE);
        seen[k] = fv_add(clean[k], fv_mul(fv_randn(SIDE, SIDE, SIDE), noise));
        fv_tensor *scores = fv_forward(net, fv_reshape(seen[k], 1, 1, SIDE, SIDE, SIDE));
        printf("drawn: %s, taken for %s\n", class_names[k],
               class_names[fv_item_int64(fv_argmax(scores))]);
    }
    draw_solids(d, seen, clean);
    fv_tensor *torus_slices = fv_cat(FV_TENSORS(clean[2], fv_div(fv_add(seen[2], 1), 3)));
    fv_save_image(fv_unsqueeze(torus_slices, 1), output_path(d, "voxels_slices.png"), .nrow = 12,
                  .upscale = 3, .pad_value = 0.3);
}

int main(int argc, char **argv)
{
    demo d;
    if (!read_demo(&d, argc, argv, "Tells solids apart that it makes itself.", &demo_argp))
        return 1;
    if (d.epochs == 0) d.epochs = d.quick ? 3 : 6;
    const int64_t count = d.quick ? 800 : 2000;
    fv_loader *batches = made_batches(get_solid, count, 32, d.seed);
    fv_loader *test = made_batches(get_solid, d.quick ? 80 : 800, 80, d.seed + 1);
    fv_module *net = new_net(d.quick ? 4 : 8);
    printf("%" PRId64 " weights, %" PRId64 " new solids an epoch\n", fv_parameter_count(net),
           count);

    train_classifier(net, batches, test, d.epochs, 1e-2);
    int64_t answers[CLASSES * CLASSES] = {0};
    count_answers(net, test, CLASSES, answers);
    print_answers(answers, CLASSES, class_names);
    show(&d, net);

    fv_free(net);
    fv_free(batches);
    fv_free(test);
    return end_demo();
}
