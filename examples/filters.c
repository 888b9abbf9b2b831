/* Filters of three by three numbers on a photograph, as in the first hour on convolution.
 *
 *     filters                      a still life that the program renders itself
 *     filters photo.jpg --out DIR  a picture of yours
 *
 * Each kernel is applied to the grey picture (a cross-correlation without padding); the result is
 * drawn before ReLU and after it, and the kernel applied to its own result. filters.png is the
 * sheet of them all; the averages are printed as well. Of a kernel that sums to 0, white is 0, red
 * above it and blue below; of any other one, grey is above 0 and blue below. */
#include <fovea.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 160, FINE = 3 * SIDE };

/* --- the kernels ------------------------------------------------------------------------------ */

typedef struct kernel {
    const char *name;
    float weights[9], scale;
} kernel;

static const kernel kernels[] = {
    {"identity", {0, 0, 0, 0, 1, 0, 0, 0, 0}, 1},
    {"8 amid -1", {-1, -1, -1, -1, 8, -1, -1, -1, -1}, 1},
    {"4 and a cross of 1", {0, 1, 0, 1, 4, 1, 0, 1, 0}, 1},
    {"Laplace, 4", {0, 1, 0, 1, -4, 1, 0, 1, 0}, 1},
    {"Laplace, 8", {1, 1, 1, 1, -8, 1, 1, 1, 1}, 1},
    {"box blur, / 9", {1, 1, 1, 1, 1, 1, 1, 1, 1}, 1.0F / 9},
    {"Gaussian blur, / 16", {1, 2, 1, 2, 4, 2, 1, 2, 1}, 1.0F / 16},
    {"sharpen", {0, -1, 0, -1, 5, -1, 0, -1, 0}, 1},
    {"emboss", {-2, -1, 0, -1, 1, 1, 0, 1, 2}, 1},
    {"Sobel, left to right", {-1, 0, 1, -2, 0, 2, -1, 0, 1}, 1},
    {"Sobel, top to bottom", {-1, -2, -1, 0, 0, 0, 1, 2, 1}, 1},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static fv_tensor *weights_of(const kernel *k)
{
    return fv_mul(fv_tensor_from(k->weights, 1, 1, 3, 3), k->scale);
}

/* --- a still life ------------------------------------------------------------------------------
 *
 * Two balls on a table of boards before a wall, one of them striped: edges, gradients, texture. A
 * ray from the eye through each pixel meets the nearest of these. */

typedef struct vector {
    double x, y, z;
} vector;

static vector add(vector a, double t, vector b)
{
    return (vector){a.x + t * b.x, a.y + t * b.y, a.z + t * b.z};
}

static double dot(vector a, vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static vector unit(vector a)
{
    return add((vector){0, 0, 0}, 1 / sqrt(dot(a, a)), a);
}

typedef struct ball {
    vector middle;
    double radius;
} ball;

static const ball balls[] = {
    {{-0.75, 0.8, 3.9}, 0.8}, {{0.85, 0.55, 3.1}, 0.55}, {{0.25, 0.25, 2.35}, 0.25}};
enum { BALLS = 3, TABLE = BALLS, WALL };
static const double wall_at = 6;

/* How far the ray goes until it meets a ball; 1e9: it does not. */
static double meet_ball(const ball *b, vector from, vector to)
{
    const vector d = add(from, -1, b->middle);
    const double half = dot(d, to), root = half * half - dot(d, d) + b->radius * b->radius;
    const double t = root > 0 ? -half - sqrt(root) : -1;
    return t > 1e-4 ? t : 1e9;
}

/* What the ray meets first, and how far off. */
static int meet(vector from, vector to, double *distance)
{
    const double table = to.y < 0 ? -from.y / to.y : 1e9;
    const double wall = to.z > 0 ? (wall_at - from.z) / to.z : 1e9;
    int what = table < wall ? TABLE : WALL;
    *distance = fmin(table, wall);
    for (int i = 0; i < BALLS; i++) {
        const double t = meet_ball(&balls[i], from, to);
        if (t >= *distance) continue;
        *distance = t;
        what = i;
    }
    return what;
}

/* The colour of the thing at a place, before any light. */
static vector paint(int what, vector p, vector normal)
{
    const double grain = sin(9 * p.x + 2.5 * sin(3 * p.z) + 1.2 * sin(11 * p.x + 5 * p.z));
    const double board = fabs(remainder(p.x, 0.8)) < 0.012 ? 0.35 : 1;
    const bool stripe = fmod(fabs(5 * normal.y + 2 * normal.x + 50), 2) < 1;
    switch (what) {
    case 0: return (vector){0.92, 0.45, 0.14};
    case 1: return stripe ? (vector){0.95, 0.93, 0.86} : (vector){0.10, 0.30, 0.62};
    case 2: return (vector){0.35, 0.62, 0.22};
    case TABLE:
        return (vector){board * (0.62 + 0.09 * grain), board * (0.43 + 0.08 * grain),
                        board * (0.27 + 0.06 * grain)};
    default: return (vector){0.62 + 0.05 * p.y, 0.66 + 0.04 * p.y, 0.70 + 0.03 * p.y};
    }
}

static vector normal_at(int what, vector p)
{
    if (what == TABLE) return (vector){0, 1, 0};
    if (what == WALL) return (vector){0, 0, -1};
    return unit(add(p, -1, balls[what].middle));
}

/* Light from the upper left, a little from everywhere, and a spark where a ball reflects it. */
static vector see(vector from, vector to)
{
    const vector lamp = {-2.6, 4.2, 0.4};
    double distance, blocked;
    const int what = meet(from, to, &distance);
    const vector p = add(from, distance, to), normal = normal_at(what, p);
    const vector to_lamp = unit(add(lamp, -1, p));
    const double far = sqrt(dot(add(lamp, -1, p), add(lamp, -1, p)));
    (void)meet(add(p, 1e-3, normal), to_lamp, &blocked);
    const bool shadow = blocked < far;
    const double light =
        0.30 + (shadow ? 0 : 0.85 * fmax(0, dot(normal, to_lamp)) * 16 / (far * far));
    const vector mirrored = add(to, -2 * dot(to, normal), normal);
    const double spark = what < BALLS && !shadow ? pow(fmax(0, dot(mirrored, to_lamp)), 40) : 0;
    const vector color = paint(what, p, normal);
    return (vector){color.x * light + 0.7 * spark, color.y * light + 0.7 * spark,
                    color.z * light + 0.7 * spark};
}

/* Rendered three times as fine, and resized: edges are smooth. */
static fv_tensor *still_life(void)
{
    fv_tensor *fine = fv_zeros(3, FINE, FINE);
    float *pixels = fv_data_float32(fine);
    const vector eye = {0, 1.35, -0.6};
    for (int64_t i = 0; i < FINE * FINE && pixels; i++) {
        const double x = ((double)(i % FINE) + 0.5) / FINE - 0.5;
        const double y = 0.5 - ((double)(i / FINE) + 0.5) / FINE;
        const vector color = see(eye, unit((vector){0.86 * x, 0.86 * y - 0.15, 1}));
        pixels[i] = (float)pow(color.x, 0.8);
        pixels[FINE * FINE + i] = (float)pow(color.y, 0.8);
        pixels[2 * FINE * FINE + i] = (float)pow(color.z, 0.8);
    }
    return fv_resize(fv_clamp(fine, .min = 0, .max = 1), SIDE, SIDE);
}

/* A picture of the user's, its longer side as long as the still life's. */
static fv_tensor *photograph(const char *path)
{
    fv_tensor *image = fv_read_image(path, .mode = FV_IMAGE_RGB, .apply_exif_orientation = true);
    if (fv_failed(image)) return image;
    const double height = (double)fv_size(image, 1), width = (double)fv_size(image, 2);
    const double times = SIDE / fmax(height, width);
    return fv_div(
        fv_to(fv_resize(image, (int64_t)fmax(4, times * height), (int64_t)fmax(5, times * width)),
              FV_FLOAT32),
        255);
}

/* --- the sheet -------------------------------------------------------------------------------- */

/* A map whose kernel sums to 0 is white at 0, red above and blue below; any other one is grey above
 * 0 and blue below. `full` is what the brightest stands for. */
static fv_tensor *colored(fv_tensor *map, bool sums_to_0, double full)
{
    if (sums_to_0) return fv_make_grid(map, .diverging = true, .value_range = {-full, full});
    fv_tensor *v = fv_unsqueeze(fv_div(map, full), 0);
    fv_tensor *above = fv_clamp(v, .min = 0, .max = 1);
    fv_tensor *below = fv_clamp(fv_mul(v, -3), .min = 0, .max = 1);
    return fv_cat(FV_TENSORS(above, fv_add(above, fv_mul(below, 0.4)), fv_add(above, below)));
}

/* Edges are few: three times the usual size of a map is drawn as the brightest. */
static double brightest(fv_tensor *map)
{
    return 3 * sqrt(fv_item(fv_mean(fv_mul(map, map)))) + 1e-6;
}

/* With its average at the right. */
static void add_picture(fv_figure *sheet, fv_tensor *picture, fv_tensor *map, const char *name)
{
    char note[32];
    const double mean = fv_item(fv_mean(map));
    snprintf(note, sizeof note, "%.3f", fabs(mean) < 5e-4 ? 0 : mean);
    fv_plot_image(sheet, picture, .name = name, .note = note);
}

/* [1,1,H,W] as [H,W]. */
static fv_tensor *plane(fv_tensor *x)
{
    return fv_view(x, fv_size(x, 2), fv_size(x, 3));
}

static void apply(fv_figure *sheet, fv_tensor *grey, const kernel *k)
{
    char note[32];
    fv_tensor *w = weights_of(k), *once = fv_conv2d(grey, w), *twice = plane(fv_conv2d(once, w));
    fv_tensor *before = plane(once), *after = fv_relu(before);
    const bool zero = fabs(fv_item(fv_sum(w))) < 0.01;
    const double sum = zero ? 0 : fv_item(fv_sum(w)), full = zero ? brightest(before) : sum;
    printf("%-22s %7.3f %9.4f %9.4f %9.4f\n", k->name, sum, fv_item(fv_mean(before)),
           fv_item(fv_mean(after)), fv_item(fv_mean(twice)));
    snprintf(note, sizeof note, "sum %.3g", sum);
    fv_plot_image(sheet, fv_make_grid(w, .diverging = true, .upscale = 20), .name = k->name,
                  .note = note);
    add_picture(sheet, colored(before, zero, full), before, "before ReLU");
    add_picture(sheet, colored(after, false, full), after, "after ReLU");
    add_picture(sheet, colored(twice, zero, zero ? brightest(twice) : sum * sum), twice, "twice");
}

/* The length of the gradient that both Sobel kernels make. */
static fv_tensor *magnitude(fv_tensor *grey)
{
    fv_tensor *x = fv_conv2d(grey, weights_of(&kernels[KERNELS - 2]));
    fv_tensor *y = fv_conv2d(grey, weights_of(&kernels[KERNELS - 1]));
    fv_tensor *length = fv_sqrt(fv_add(fv_mul(x, x), fv_mul(y, y)));
    return plane(length);
}

static fv_status draw(fv_tensor *photo, const char *path)
{
    const int64_t height = fv_size(photo, 1), width = fv_size(photo, 2);
    const float parts[] = {0.299F, 0.587F, 0.114F};
    fv_tensor *grey = fv_sum(fv_mul(photo, fv_tensor_from(parts, 3, 1, 1)), .dim = 0);
    fv_tensor *batch = fv_view(grey, 1, 1, height, width), *edges = magnitude(batch);
    fv_tensor *strong = fv_to(fv_gt(edges, 0.5), FV_FLOAT32);
    fv_figure *sheet = fv_figure_new("Kernels on a photograph, and the average of each result",
                                     .columns = 8, .width = 2 * 18 + 8 * SIDE + 7 * 14);
    fv_plot_image(sheet, photo, .name = "photograph");
    add_picture(sheet, grey, grey, "grey");
    add_picture(sheet, colored(edges, false, brightest(edges)), edges, "Sobel, magnitude");
    add_picture(sheet, strong, strong, "magnitude above 0.5");
    printf("%-22s %7s %9s %9s %9s\n", "kernel", "sum", "average", "ReLU", "twice");
    for (int i = 0; i < KERNELS; i++) apply(sheet, batch, &kernels[i]);
    printf("%-22s %7s %9.4f\n", "Sobel, magnitude", "", fv_item(fv_mean(edges)));
    printf("%-22s %7s %9.4f\n", "grey", "", fv_item(fv_mean(grey)));
    const fv_status status = fv_figure_save(sheet, path);
    fv_free(sheet);
    return status;
}

static bool read_arguments(int argc, char **argv, const char **file, const char **out)
{
    *file = NULL;
    *out = ".";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
            *out = argv[++i];
        else if (argv[i][0] == '-' || *file)
            return false;
        else
            *file = argv[i];
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *file, *out;
    char path[4096];
    if (!read_arguments(argc, argv, &file, &out)) {
        fprintf(stderr, "usage: %s [PICTURE] [--out DIR]\n", argv[0]);
        return 2;
    }
    {
        FV_SCOPE;
        FV_NO_GRAD;
        snprintf(path, sizeof path, "%s/filters.png", out);
        fv_tensor *photo = file ? photograph(file) : still_life();
        if (!fv_failed(photo) && draw(photo, path) == FV_OK) printf("-> %s\n", path);
    }
    const int status = fv_error_status() == FV_OK ? 0 : 1; /* stderr has the message */
    fv_shutdown();
    return status;
}
