/* Shift the input of a convolution, and its map shifts with it; pooling makes small shifts vanish;
 * a layer of dense connections has neither.
 *
 *     equivariance --data datasets        reads datasets/mnist; writes three pictures
 *
 * Part 1 compares conv(shift(x)) with shift(conv(x)), number by number. Part 2 measures how far a
 * shift moves what pooling hands on. Part 3 trains three networks on digits in the middle of their
 * images and tests them on shifted ones. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

/* x [..,H,W] moved down by dy and right by dx: zeros come in, what leaves is lost. */
static fv_tensor *shift(fv_tensor *x, int64_t dy, int64_t dx)
{
    return fv_pad(x, dx, -dx, dy, -dy);
}

/* The same on a torus: what leaves on the right comes in on the left. */
static fv_tensor *roll(fv_tensor *x, int64_t dx)
{
    return fv_cat(FV_TENSORS(fv_slice(x, -1, -dx, INT64_MAX, 1), fv_slice(x, -1, 0, -dx, 1)), -1);
}

static double largest_difference(fv_tensor *a, fv_tensor *b)
{
    return fv_item(fv_max(fv_abs(fv_sub(a, b))));
}

/* The same without a frame of `margin` positions. */
static double interior_difference(fv_tensor *a, fv_tensor *b, int64_t margin)
{
    return largest_difference(fv_pad(a, -margin, -margin, -margin, -margin),
                              fv_pad(b, -margin, -margin, -margin, -margin));
}

/* --- 1: equivariance -------------------------------------------------------------------------- */

static fv_tensor *filters;       /* [4,1,3,3] */
static fv_tensor *dense_weights; /* [784,784] */

static fv_tensor *conv_zeros(fv_tensor *x)
{
    return fv_conv2d(x, filters, .padding = 1);
}
static fv_tensor *conv_stride2(fv_tensor *x)
{
    return fv_conv2d(x, filters, .padding = 1, .stride = 2);
}
static fv_tensor *max_pool(fv_tensor *x)
{
    return fv_max_pool2d(x, 2);
}
static fv_tensor *dense(fv_tensor *x)
{
    return fv_reshape(fv_linear(fv_flatten(x, 1), dense_weights), -1, 1, 28, 28);
}
static fv_tensor *conv_circular(fv_tensor *x)
{
    return fv_conv2d(fv_pad(x, 1, 1, 1, 1, .mode = FV_PAD_CIRCULAR), filters);
}

/* One line: f has stride `stride`, the input moves by n, the map by n / stride, rounded down. */
static void compare(const char *name, fv_tensor *(*f)(fv_tensor *), int64_t stride, fv_tensor *x,
                    int64_t n)
{
    FV_SCOPE;
    fv_tensor *a = f(shift(x, 0, n)), *b = shift(f(x), 0, n / stride);
    printf("  %-34s %5" PRId64 " %5" PRId64 "   %9.2g %9.2g\n", name, n, n / stride,
           largest_difference(a, b), interior_difference(a, b, n / stride + 1));
}

static void equivariance(fv_tensor *x)
{
    FV_SCOPE;
    printf("1. the largest |f(shift(x)) - shift(f(x))|\n"
           "  %-34s %5s %5s   %9s %9s\n",
           "f", "x by", "by", "all", "interior");
    for (int64_t n = 1; n <= 4; n++) compare("conv 3x3, padding 1", conv_zeros, 1, x, n);
    for (int64_t n = 1; n <= 4; n++)
        compare("conv 3x3, padding 1, stride 2", conv_stride2, 2, x, n);
    for (int64_t n = 1; n <= 4; n++) compare("max pool 2", max_pool, 2, x, n);

    compare("dense, 784 to 28 x 28", dense, 1, x, 1);
    printf("  %-34s %5d %5d   %9.2g\n", "conv 3x3, circular, on a torus", 3, 3,
           largest_difference(conv_circular(roll(x, 3)), roll(conv_circular(x), 3)));
    printf("\n");
}

/* A digit, shifted by 3 to the right, and a row for each f: f of it, f of the shifted one, f of it
 * shifted, and the difference of these two. Negative numbers are blue, positive ones red. */
enum { TILES = 6, BY = 3 };

static void draw_row(fv_tensor *(*f)(fv_tensor *), int64_t stride, fv_tensor *x, fv_tensor **row)
{
    fv_tensor *map = f(x), *of_shifted = f(shift(x, 0, BY)), *shifted = shift(map, 0, BY / stride);
    fv_tensor *maps[TILES - 2] = {map, of_shifted, shifted, fv_sub(of_shifted, shifted)};
    fv_tensor *scale = fv_max(fv_abs(map));
    row[0] = x;
    row[1] = shift(x, 0, BY);
    for (int i = 0; i < TILES - 2; i++) /* one channel, on 28 x 28 */
        row[i + 2] =
            fv_resize(fv_div(fv_narrow(maps[i], 1, 0, 1), scale), 28, 28, .mode = FV_NEAREST);
}

static void draw_maps(const demo *d, fv_tensor *x)
{
    FV_SCOPE;
    fv_tensor *rows[4][TILES];
    draw_row(conv_zeros, 1, x, rows[0]);
    draw_row(conv_stride2, 2, x, rows[1]);
    draw_row(max_pool, 2, x, rows[2]);
    draw_row(dense, 1, x, rows[3]);
    fv_save_image(fv_cat(((fv_tensor_list){&rows[0][0], 4 * TILES})),
                  output_path(d, "equivariance.png"), .nrow = TILES, .diverging = true,
                  .value_range = {-1, 1}, .upscale = 3);
}

/* --- 2: invariance ---------------------------------------------------------------------------- */

enum { MOST_SHIFT = 8, POOLS = 4 };
static const int64_t pools[POOLS] = {1, 2, 4, 28};

/* |p(f(shift(x))) - p(f(x))| / |p(f(x))|: f a convolution and a ReLU, p max pooling. */
static double moved(fv_tensor *x, int64_t pool, int64_t n)
{
    fv_tensor *a = fv_max_pool2d(fv_relu(conv_zeros(x)), pool);
    fv_tensor *b = fv_max_pool2d(fv_relu(conv_zeros(shift(x, 0, n))), pool);
    return fv_item(fv_norm(fv_sub(a, b))) / fv_item(fv_norm(a));
}

static void invariance(const demo *d, fv_tensor *x)
{
    FV_SCOPE;
    double change[POOLS][MOST_SHIFT / 2 + 1];
    printf("2. by how much a shift changes the maps, in parts of their norm\n  x by  ");
    for (int p = 0; p < POOLS; p++) printf("pool %-2" PRId64 "  ", pools[p]);
    for (int n = 0; n <= MOST_SHIFT / 2; n++) {
        printf("\n  %4d  ", n);
        for (int p = 0; p < POOLS; p++) printf("%7.3f  ", change[p][n] = moved(x, pools[p], n));
    }
    printf("\n  (1: none; 28: the whole map)\n\n");
    fv_figure *f =
        fv_figure_new("What max pooling hands on changes less", .x_label = "shift, pixels",
                      .y_label = "change / norm of the maps");
    for (int p = 0; p < POOLS; p++) {
        char label[32];
        snprintf(label, sizeof label, "pool %" PRId64, pools[p]);
        fv_plot_line(f, fv_tensor_from(change[p], MOST_SHIFT / 2 + 1), .label = label,
                     .points = true);
    }
    fv_figure_save(f, output_path(d, "equivariance_pooling.png"));
    fv_free(f);
    printf("\n");
}

/* --- 3: trained networks ---------------------------------------------------------------------- */

/* Digits on 44 x 44 pixels, so that a shift of 8 cuts nothing off. */
enum { SIDE = 44, FRAME = (SIDE - 28) / 2 };

typedef struct shifted {
    fv_dataset *digits;
    int64_t dy, dx;
} shifted;

static int64_t count_shifted(void *context)
{
    return fv_dataset_size(((const shifted *)context)->digits);
}

static fv_status get_shifted(void *context, int64_t index, fv_tensor **x, fv_tensor **y)
{
    const shifted *s = context;
    fv_status status = fv_dataset_get(s->digits, index, x, y);
    *x = fv_pad(*x, FRAME + s->dx, FRAME - s->dx, FRAME + s->dy, FRAME - s->dy);
    return status;
}

static fv_loader *shifted_batches(shifted *s, int64_t batch_size, bool shuffle)
{
    fv_dataset *set = fv_dataset_new(count_shifted, get_shifted, s);
    fv_loader *batches = fv_loader_new(set, batch_size, .shuffle = shuffle);
    fv_free(set); /* the loader keeps it */
    return batches;
}

static fv_module *mlp(void)
{
    return fv_sequential(fv_nn_flatten(), fv_nn_linear(SIDE * SIDE, 128), fv_nn_relu(),
                         fv_nn_linear(128, 10));
}

static fv_module *convolutions(void)
{
    return fv_sequential(fv_nn_conv2d(1, 16, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(16, 32, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2));
}

/* Convolutions, and a dense layer that knows where on the map something is. */
static fv_module *cnn(void)
{
    return fv_sequential(convolutions(), fv_nn_flatten(), fv_nn_linear(32 * 11 * 11, 10));
}

/* Convolutions, and a pool over the whole map that forgets where. */
static fv_module *cnn_global(void)
{
    return fv_sequential(convolutions(), fv_nn_conv2d(32, 64, 3, .padding = 1), fv_nn_relu(),
                         fv_nn_conv2d(64, 64, 3, .padding = 1), fv_nn_relu(),
                         fv_nn_adaptive_max_pool2d(1), fv_nn_flatten(), fv_nn_linear(64, 10));
}

enum { NETS = 3 };
static const struct {
    const char *name;
    fv_module *(*build)(void);
} nets[NETS] = {{"MLP", mlp}, {"CNN, dense at its end", cnn}, {"CNN, global pool", cnn_global}};

/* Mean of the four directions. */
static double accuracy_at(fv_module *net, fv_dataset *digits, int64_t n)
{
    double sum = 0;
    for (int direction = 0; direction < 4; direction++) {
        const int64_t by = direction < 2 ? n : -n;
        shifted s = {digits, direction % 2 ? by : 0, direction % 2 ? 0 : by};
        fv_loader *batches = shifted_batches(&s, 500, false);
        sum += test_accuracy(net, batches);
        fv_free(batches);
    }
    return sum / 4;
}

static void print_accuracies(const demo *d, double accuracy[NETS][MOST_SHIFT + 1])
{
    FV_SCOPE;
    fv_figure *f =
        fv_figure_new("Digits that are not where they were in training", .x_label = "shift, pixels",
                      .y_label = "test accuracy", .y_range = {0, 1});
    printf("test accuracy on digits shifted by\n  %-22s", "");
    for (int n = 0; n <= MOST_SHIFT; n++) printf(" %5d", n);
    for (int k = 0; k < NETS; k++) {
        printf("\n  %-22s", nets[k].name);
        for (int n = 0; n <= MOST_SHIFT; n++) printf(" %.3f", accuracy[k][n]);
        fv_plot_line(f, fv_tensor_from(accuracy[k], MOST_SHIFT + 1), .label = nets[k].name,
                     .points = true);
    }
    printf("\n");
    fv_figure_save(f, output_path(d, "equivariance_accuracy.png"));
    fv_free(f);
}

static void train_and_shift(const demo *d, fv_dataset *train, fv_dataset *test)
{
    double accuracy[NETS][MOST_SHIFT + 1] = {{0}};
    shifted train_middle = {train, 0, 0}, test_middle = {test, 0, 0};
    printf("3. trained on digits in the middle of %d x %d pixels\n", SIDE, SIDE);
    for (int k = 0; k < NETS && fv_error_status() == FV_OK; k++) {
        fv_loader *batches = shifted_batches(&train_middle, 50, true);
        fv_loader *test_batches = shifted_batches(&test_middle, 500, false);
        fv_module *net = nets[k].build();
        printf("%s, %" PRId64 " weights\n", nets[k].name, fv_parameter_count(net));
        train_classifier(net, batches, test_batches, d->epochs, 4e-3);
        for (int n = 0; n <= MOST_SHIFT; n++) accuracy[k][n] = accuracy_at(net, test, n);
        fv_free(net);
        fv_free(batches);
        fv_free(test_batches);
    }
    print_accuracies(d, accuracy);
}

int main(int argc, char **argv)
{
    demo d;
    if (!read_demo(&d, argc, argv, "Shifts an input and looks at what shifts with it.",
                   &demo_data_argp))
        return 1;
    if (d.epochs == 0) d.epochs = d.quick ? 1 : 2;
    if (d.limit == 0) d.limit = d.quick ? 2000 : 20000;

    fv_dataset *train = fv_mnist(d.data, .train = true, .normalize = false, .limit = d.limit);
    fv_dataset *test =
        fv_mnist(d.data, .train = false, .normalize = false, .limit = d.quick ? 200 : 2000);
    fv_loader *batches = fv_loader_new(test, 64);
    fv_batch b = fv_loader_begin(batches);
    if (fv_loader_next(batches, &b)) {
        FV_SCOPE;
        filters = fv_randn(4, 1, 3, 3);
        dense_weights = fv_mul(fv_randn(28 * 28, 28 * 28), 1.0 / 28);
        equivariance(b.x);
        draw_maps(&d, fv_narrow(b.x, 0, 0, 1));
        invariance(&d, b.x);
        train_and_shift(&d, train, test);
    }
    fv_free(batches);
    fv_free(train);
    fv_free(test);
    return end_demo();
}
