/* A U-Net (Ronneberger et al. 2015) says for every pixel what it belongs to: background, circle,
 * square or triangle. The images are drawn here, a new one each time: shapes over one another, of
 * any brightness, under noise.
 *
 *     unet                                a minute; writes unet.png: input, truth, answer
 *
 * The path down sees ever more of the image on ever smaller maps; the path up brings the answer
 * back to full size, and each of its steps takes in the map of the same size from the path down. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <math.h>

/* --- the images ------------------------------------------------------------------------------- */

enum { SIDE = 64, PIXELS = SIDE * SIDE, MOST_SHAPES = 6, NUMBERS = 6 };
enum { BACKGROUND, CIRCLE, SQUARE, TRIANGLE, CLASSES };
static const char *const class_names[CLASSES] = {"background", "circle", "square", "triangle"};

typedef struct shape {
    int kind;
    double y, x, radius, cosine, sine;
    float brightness;
} shape;

/* A shape from numbers of [0, 1). */
static shape make_shape(const double *u)
{
    const double angle = 6.283185307 * u[4];
    return (shape){.kind = CIRCLE + (int)(3 * u[0]),
                   .y = SIDE * u[1],
                   .x = SIDE * u[2],
                   .radius = 7 + 9 * u[3],
                   .cosine = cos(angle),
                   .sine = sin(angle),
                   .brightness = 0.4F + 0.6F * (float)u[5]};
}

static bool covers(const shape *s, int y, int x)
{
    const double dy = y - s->y, dx = x - s->x;
    const double v = (s->cosine * dy - s->sine * dx) / s->radius;
    const double u = (s->sine * dy + s->cosine * dx) / s->radius;
    switch (s->kind) {
    case CIRCLE: return u * u + v * v < 0.8;
    case SQUARE: return fabs(u) < 0.8 && fabs(v) < 0.8;
    default: return v > -0.5 && 0.866 * fabs(u) + 0.5 * v < 0.5; /* distances from three sides */
    }
}

/* Later shapes lie upon earlier ones. */
static void paint(const shape *s, float *image, int64_t *labels)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (covers(s, y, x)) {
                image[y * SIDE + x] = s->brightness;
                labels[y * SIDE + x] = s->kind;
            }
}

/* A sample: x [1,64,64], y [64,64]. What the library draws at random here depends on the loader's
 * seed, the epoch and the sample's number. */
static fv_status get_image(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    (void)context;
    (void)index;
    double u[MOST_SHAPES][NUMBERS], more[3];
    float image[PIXELS];
    int64_t labels[PIXELS] = {BACKGROUND};
    draw_numbers(MOST_SHAPES * NUMBERS, &u[0][0]);
    draw_numbers(3, more);
    for (int i = 0; i < PIXELS; i++) image[i] = 0.3F * (float)more[0];
    const int shapes = 2 + (int)((MOST_SHAPES - 1) * more[1]);
    for (int i = 0; i < shapes; i++) {
        const shape s = make_shape(u[i]);
        paint(&s, image, labels);
    }
    fv_tensor *noise = fv_mul(fv_randn(1, SIDE, SIDE), 0.03 + 0.12 * more[2]);
    *x = fv_add(fv_tensor_from(image, 1, SIDE, SIDE), noise);
    *y = fv_tensor_from(labels, SIDE, SIDE);
    return FV_OK;
}

/* --- the network ------------------------------------------------------------------------------ */

/* Two convolutions, each with batch norm and ReLU. */
static fv_module *double_conv(int64_t in, int64_t out)
{
    return fv_sequential(fv_nn_conv2d(in, out, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(out), fv_nn_relu(),
                         fv_nn_conv2d(out, out, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(out), fv_nn_relu());
}

/* The map of twice the size, joined to the one of the path down. */
static fv_tensor *up(fv_module *self, const char *name, fv_tensor *x, fv_tensor *skip)
{
    return fv_cat(FV_TENSORS(skip, fv_child(self, name, x)), 1);
}

static fv_tensor *unet_forward(fv_module *self, fv_tensor *x)
{
    fv_tensor *a = fv_child(self, "down1", x);                    /* 64 x 64 */
    fv_tensor *b = fv_child(self, "down2", fv_max_pool2d(a, 2));  /* 32 x 32 */
    fv_tensor *c = fv_child(self, "down3", fv_max_pool2d(b, 2));  /* 16 x 16 */
    fv_tensor *y = fv_child(self, "bottom", fv_max_pool2d(c, 2)); /*  8 x  8 */
    y = fv_child(self, "join3", up(self, "up3", y, c));           /* 16 x 16 */
    y = fv_child(self, "join2", up(self, "up2", y, b));           /* 32 x 32 */
    y = fv_child(self, "join1", up(self, "up1", y, a));           /* 64 x 64 */
    return fv_child(self, "classes", y);
}

static fv_module *unet(int64_t width)
{
    static const fv_module_type type = {.name = "UNet", .forward = unet_forward};
    const int64_t w = width;
    fv_module *m = fv_module_new(&type, NULL);
    fv_module_add_child(m, "down1", double_conv(1, w));
    fv_module_add_child(m, "down2", double_conv(w, 2 * w));
    fv_module_add_child(m, "down3", double_conv(2 * w, 4 * w));
    fv_module_add_child(m, "bottom", double_conv(4 * w, 8 * w));
    fv_module_add_child(m, "up3", fv_nn_conv_transpose2d(8 * w, 4 * w, 2, .stride = 2));
    fv_module_add_child(m, "join3", double_conv(8 * w, 4 * w));
    fv_module_add_child(m, "up2", fv_nn_conv_transpose2d(4 * w, 2 * w, 2, .stride = 2));
    fv_module_add_child(m, "join2", double_conv(4 * w, 2 * w));
    fv_module_add_child(m, "up1", fv_nn_conv_transpose2d(2 * w, w, 2, .stride = 2));
    fv_module_add_child(m, "join1", double_conv(2 * w, w));
    fv_module_add_child(m, "classes", fv_nn_conv2d(w, CLASSES, 1));
    return fv_module_finish(m);
}

/* --- what it has learned ---------------------------------------------------------------------- */

/* Intersection over union of truth and answer, by class. */
static void print_iou(fv_module *net, fv_loader *test)
{
    int64_t pixels[CLASSES][CLASSES] = {{0}}; /* by truth and answer */
    double mean = 0;
    count_answers(net, test, CLASSES, &pixels[0][0]);
    for (int c = 0; c < CLASSES; c++) {
        int64_t both = pixels[c][c], either = -both;
        for (int k = 0; k < CLASSES; k++) either += pixels[c][k] + pixels[k][c];
        const double iou = (double)both / (double)either;
        printf("IoU %-10s %.4f\n", class_names[c], iou);
        mean += iou / CLASSES;
    }
    printf("mean_iou %.4f\n", mean);
}

/* Labels [N,64,64] as colours [N,3,64,64]. */
static fv_tensor *painted(fv_tensor *labels)
{
    static const double colors[3][CLASSES] = {
        {0.12, 0.95, 0.25, 0.30}, {0.12, 0.60, 0.55, 0.80}, {0.15, 0.15, 0.95, 0.35}};
    fv_tensor *channels[3];
    for (int c = 0; c < 3; c++) {
        channels[c] = fv_zeros(.shape = fv_shape_of(labels));
        for (int k = 0; k < CLASSES; k++)
            channels[c] = fv_add(channels[c], fv_mul(fv_eq(labels, k), colors[c][k]));
    }
    return fv_stack(((fv_tensor_list){channels, 3}), 1);
}

/* Three rows: images, what is in them, what the network says. */
static void draw_answers(const demo *d, fv_module *net, fv_loader *test)
{
    FV_SCOPE;
    FV_NO_GRAD;
    enum { COLUMNS = 8 };
    fv_batch b = fv_loader_begin(test);
    if (!fv_loader_next(test, &b)) return;
    fv_tensor *x = fv_narrow(b.x, 0, 0, COLUMNS), *truth = fv_narrow(b.y, 0, 0, COLUMNS);
    fv_tensor *answer = fv_argmax(fv_forward(net, x), .dim = 1);
    fv_tensor *gray = fv_expand(fv_clamp(x, 0, 1), -1, 3, -1, -1);
    fv_save_image(fv_cat(FV_TENSORS(gray, painted(truth), painted(answer))),
                  output_path(d, "unet.png"), .nrow = COLUMNS, .upscale = 2, .pad_value = 1);
}

int main(int argc, char **argv)
{
    demo d;
    if (!read_demo(&d, argc, argv, "A U-Net finds the shapes in images that it is shown.",
                   &demo_argp))
        return 1;
    if (d.epochs == 0) d.epochs = d.quick ? 3 : 8;
    const int64_t count = d.quick ? 600 : 2000;
    fv_loader *batches = made_batches(get_image, count, 8, d.seed);
    fv_loader *test = made_batches(get_image, d.quick ? 50 : 400, 50, d.seed + 1);
    fv_module *net = unet(d.quick ? 4 : 8);
    printf("U-Net, %" PRId64 " weights, %" PRId64 " new images an epoch\n", fv_parameter_count(net),
           count);

    train_classifier(net, batches, test, d.epochs, 5e-3);
    print_iou(net, test);
    draw_answers(&d, net, test);

    fv_free(net);
    fv_free(batches);
    fv_free(test);
    return end_demo();
}
