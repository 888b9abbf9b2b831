/* Three ways to a larger map: transposed convolution, max unpooling, interpolation and then a
 * convolution.
 *
 *     upsampling --data datasets          reads datasets/mnist; writes three pictures
 *     upsampling --fashion --data /usr/share/datasets
 *
 * Part 1 counts how often a transposed convolution hits each position of its output: a kernel that
 * the stride does not divide hits some of them more often, which is seen as a checkerboard (Odena,
 * Dumoulin, Olah 2016). Part 2 draws it with random weights on a constant map. Part 3 trains one
 * autoencoder with each of the ways in its decoder. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

/* --- options ---------------------------------------------------------------------------------- */

typedef struct arguments {
    demo common; /* first, for the options that these programs share */
    bool fashion;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
    case 'f': a->fashion = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool read_arguments(arguments *a, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"fashion", 'f', NULL, 0, "Fashion-MNIST: clothes in place of digits", 0}, {0}};
    static const struct argp_child children[] = {{&demo_data_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "Compares ways to a larger map.",
                                     .children = children};
    *a = (arguments){.common = {.out = "."}};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, a);
    return begin_demo(&a->common);
}

/* --- 1: how often each position is hit -------------------------------------------------------- */

enum { MAP = 5 };

/* Of a map and a kernel of ones, each output is the number of products in its sum. */
static fv_tensor *hits(int64_t kernel, int64_t stride)
{
    return fv_conv_transpose2d(fv_ones(1, 1, MAP, MAP), fv_ones(1, 1, kernel, kernel),
                               .stride = stride, .padding = (kernel - stride) / 2);
}

static void print_hits(fv_tensor *map)
{
    for (int64_t y = 0; y < fv_size(map, 2); y++) {
        printf("   ");
        for (int64_t x = 0; x < fv_size(map, 3); x++)
            printf(" %g", fv_at(map, (const int64_t[]){0, 0, y, x}));
        printf("\n");
    }
}

static void count_hits(const demo *d)
{
    FV_SCOPE;
    static const int64_t kernels[] = {2, 3, 4, 5};
    fv_tensor *maps[4];
    printf("1. from how many products each output of a transposed convolution is made\n");
    for (int i = 0; i < 4; i++) {
        fv_tensor *map = hits(kernels[i], 2);
        printf("  kernel %" PRId64 ", stride 2:\n", kernels[i]);
        print_hits(map);
        maps[i] = fv_div(fv_pad(map, 0, 11 - fv_size(map, 3), 0, 11 - fv_size(map, 2)), 9);
    }
    fv_save_image(fv_cat(((fv_tensor_list){maps, 4})), output_path(d, "upsampling_hits.png"),
                  .nrow = 4, .upscale = 12);
    printf("\n");
}

/* --- the ways ----------------------------------------------------------------------------------
 */

typedef enum way { TRANSPOSED_3, TRANSPOSED_4, UNPOOL, NEAREST, BILINEAR, WAYS } way;
static const char *const way_names[WAYS] = {
    "transposed convolution, 3x3, stride 2", "transposed convolution, 4x4, stride 2",
    "max unpooling, convolution 3x3", "nearest neighbour, convolution 3x3",
    "bilinear, convolution 3x3"};

/* A layer from in to out channels, that the decoder runs on a map ... */
static fv_module *up_layer(way how, int64_t in, int64_t out)
{
    switch (how) {
    case TRANSPOSED_3:
        return fv_nn_conv_transpose2d(in, out, 3, .stride = 2, .padding = 1, .output_padding = 1);
    case TRANSPOSED_4: return fv_nn_conv_transpose2d(in, out, 4, .stride = 2, .padding = 1);
    default: return fv_nn_conv2d(in, out, 3, .padding = 1);
    }
}

/* ... that is made larger first, unless the layer does so itself. indices: where the pooling of
 * this size has found its maxima. */
static fv_tensor *enlarge(way how, fv_tensor *x, fv_tensor *indices)
{
    switch (how) {
    case UNPOOL: return fv_max_unpool2d(x, indices, 2);
    case NEAREST: return fv_interpolate(x, .scale_factor = 2, .mode = FV_NEAREST);
    case BILINEAR: return fv_interpolate(x, .scale_factor = 2, .mode = FV_BILINEAR);
    default: return x;
    }
}

/* --- 2: random weights on a constant map --------------------------------------------------------
 */

enum { CHANNELS = 8 };

/* Two layers with weights from U(0, 1), from 8 x 8 to 32 x 32, of which the border is left out. */
static fv_tensor *random_map(way how)
{
    fv_tensor *x = fv_ones(1, CHANNELS, 8, 8);
    for (int layer = 0; layer < 2; layer++) {
        const int64_t out = layer == 0 ? CHANNELS : 1;
        fv_module *up = up_layer(how, CHANNELS, out);
        fv_init_uniform_(fv_module_tensor(up, "weight"));
        fv_init_zeros_(fv_module_tensor(up, "bias"));
        x = fv_forward(up, enlarge(how, x, NULL));
        fv_free(up);
    }
    return fv_pad(x, -6, -6, -6, -6);
}

/* How far a map is from constant: standard deviation over mean. */
static double ripple(fv_tensor *map)
{
    return fv_item(fv_std(map, .correction = 0)) / fv_item(fv_mean(map));
}

static void draw_random_maps(const demo *d)
{
    FV_SCOPE;
    FV_NO_GRAD;
    static const way ways[] = {TRANSPOSED_3, TRANSPOSED_4, NEAREST, BILINEAR};
    fv_tensor *maps[4];
    printf("2. two layers with random weights on a constant map: standard deviation / mean\n");
    for (int i = 0; i < 4; i++) {
        fv_tensor *map = random_map(ways[i]);
        printf("  %-40s %.4f\n", way_names[ways[i]], ripple(map));
        maps[i] = fv_div(map, fv_max(map));
    }
    fv_save_image(fv_cat(((fv_tensor_list){maps, 4})), output_path(d, "upsampling_random.png"),
                  .nrow = 4, .upscale = 8);
    printf("\n");
}

/* --- 3: autoencoders -------------------------------------------------------------------------- */

enum { WIDE = 16, CODE = 4 }; /* channels: a code of 4 x 7 x 7 numbers for 28 x 28 pixels */

static fv_tensor *autoencoder_forward(fv_module *self, fv_tensor *x)
{
    const way how = *(const way *)fv_module_context(self);
    fv_tensor *first, *second;                                                   /* indices */
    x = fv_max_pool2d(fv_relu(fv_child(self, "in1", x)), 2, .indices = &first);  /* 14 x 14 */
    x = fv_max_pool2d(fv_relu(fv_child(self, "in2", x)), 2, .indices = &second); /*  7 x  7 */
    x = fv_relu(fv_child(self, "out1", enlarge(how, x, second)));                /* 14 x 14 */
    return fv_child(self, "out2", enlarge(how, x, first));                       /* 28 x 28 */
}

static fv_module *autoencoder(way how)
{
    static const fv_module_type type = {
        .name = "Autoencoder", .context_size = sizeof(way), .forward = autoencoder_forward};
    fv_module *m = fv_module_new(&type, &how);
    fv_module_add_child(m, "in1", fv_nn_conv2d(1, WIDE, 3, .padding = 1));
    fv_module_add_child(m, "in2", fv_nn_conv2d(WIDE, CODE, 3, .padding = 1));
    fv_module_add_child(m, "out1", up_layer(how, CODE, WIDE));
    fv_module_add_child(m, "out2", up_layer(how, WIDE, 1));
    return fv_module_finish(m);
}

static void train(fv_module *net, fv_loader *batches, int64_t epochs)
{
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 3e-3);
    for (int64_t epoch = 0; epoch < epochs; epoch++)
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_mse_loss(fv_forward(net, b.x), b.x);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
        }
    fv_free(opt);
}

static double test_loss(fv_module *net, fv_loader *batches)
{
    FV_NO_GRAD;
    double total = 0;
    int64_t seen = 0;
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        total += fv_item(fv_mse_loss(fv_forward(net, b.x), b.x)) * (double)b.n;
        seen += b.n;
    }
    return total / (double)seen;
}

/* The first images of a batch, and below them what each autoencoder makes of them. */
enum { COLUMNS = 12 };

static void compare(const demo *d, fv_loader *batches, fv_loader *test)
{
    FV_SCOPE;
    fv_batch b = fv_loader_begin(test);
    if (!fv_loader_next(test, &b)) return;
    fv_tensor *rows[WAYS + 1] = {fv_clone(fv_narrow(b.x, 0, 0, COLUMNS))};
    printf("3. autoencoders, 784 pixels to %d numbers and back\n  %-40s %8s  %10s\n", CODE * 7 * 7,
           "decoder", "weights", "test loss");
    for (way how = 0; how < WAYS; how++) {
        fv_manual_seed(d->seed);
        fv_module *net = autoencoder(how);
        train(net, batches, d->epochs);
        printf("  %-40s %8" PRId64 "  %10.5f\n", way_names[how], fv_parameter_count(net),
               test_loss(net, test));
        fflush(stdout);
        FV_NO_GRAD;
        rows[how + 1] = fv_forward(net, rows[0]);
        fv_free(net);
    }
    fv_save_image(fv_cat(((fv_tensor_list){rows, WAYS + 1})),
                  output_path(d, "upsampling_autoencoders.png"), .nrow = COLUMNS, .upscale = 2);
}

int main(int argc, char **argv)
{
    arguments a;
    if (!read_arguments(&a, argc, argv)) return 1;
    demo *d = &a.common;
    if (d->epochs == 0) d->epochs = 1;
    if (d->limit == 0) d->limit = d->quick ? 500 : 20000;

    fv_dataset *train_set =
        a.fashion ? fv_fashion_mnist(d->data, .train = true, .normalize = false, .limit = d->limit)
                  : fv_mnist(d->data, .train = true, .normalize = false, .limit = d->limit);
    fv_dataset *test_set =
        a.fashion ? fv_fashion_mnist(d->data, .train = false, .normalize = false, .limit = 1000)
                  : fv_mnist(d->data, .train = false, .normalize = false, .limit = 1000);
    fv_loader *batches = fv_loader_new(train_set, 50, .shuffle = true, .seed = d->seed);
    fv_loader *test = fv_loader_new(test_set, 250);

    if (batches && test) {
        count_hits(d);
        draw_random_maps(d);
        compare(d, batches, test);
    }
    fv_free(batches);
    fv_free(test);
    fv_free(train_set);
    fv_free(test_set);
    return end_demo();
}
