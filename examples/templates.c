/* What the first layers of three networks have learned of CIFAR-10, seen as pictures.
 *
 *     templates                    templates.png, in about a minute
 *     templates --filters          filters of 11 x 11 trained for minutes, in templates_filters.png
 *
 * A linear classifier has one template a class: its score is the sum of the products of the image
 * and the template. A hidden layer has many, of any kind; a convolution has small ones, which it
 * lays everywhere. Filters that were trained long enough show edges in all directions and colours
 * opposed to each other. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

enum { SPAN = 5 }; /* columns of a grid */

typedef struct arguments {
    demo common; /* first, for the options that all programs share */
    bool filters;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
    case 'f': a->filters = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static arguments read_arguments(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"filters", 'f', NULL, 0, "Train 64 filters of 11 x 11 instead, for minutes", 0}, {0}};
    static const struct argp_child children[] = {{&demo_data_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "First layers of networks on CIFAR-10, as pictures.",
                                     .children = children};
    arguments a = {.common = {.out = "."}};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return a;
}

/* --- data and training ------------------------------------------------------------------------ */

typedef struct images {
    fv_dataset *train, *test;
    fv_loader *batches, *tests;
} images;

static images open_images(const demo *d, bool augment)
{
    images i = {.train = fv_cifar10(d->data, .train = true, .limit = d->limit,
                                    .random_crop = augment ? 4 : 0, .random_flip = augment),
                .test = fv_cifar10(d->data, .train = false, .limit = d->limit)};
    i.batches = fv_loader_new(i.train, 128, .shuffle = true);
    i.tests = fv_loader_new(i.test, 500);
    return i;
}

static void close_images(images *i)
{
    fv_free(i->batches);
    fv_free(i->tests);
    fv_free(i->train);
    fv_free(i->test);
}

/* How a network is trained: by SGD with momentum, its rate rising to lr and falling once. Weight
 * decay matters for what one sees: it takes away whatever does not help. */
typedef struct recipe {
    int64_t epochs;
    double lr, weight_decay;
} recipe;

/* Returns the accuracy on the test images, -1 after an error. */
static double train(fv_module *net, const images *i, recipe r)
{
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = r.lr, .momentum = 0.9, .nesterov = true,
                           .weight_decay = r.weight_decay);
    fv_scheduler *schedule = fv_one_cycle_lr(opt, r.lr, .epochs = r.epochs,
                                             .steps_per_epoch = fv_loader_batches(i->batches));
    for (int64_t epoch = 0; epoch < r.epochs && fv_error_status() == FV_OK; epoch++) {
        const double start = now(), loss = classifier_epoch(net, opt, schedule, i->batches);
        printf("epoch %" PRId64 "/%" PRId64 "  loss %.4f  %.1f s\n", epoch + 1, r.epochs, loss,
               now() - start);
        fflush(stdout);
    }
    fv_free(schedule);
    fv_free(opt);
    return test_accuracy(net, i->tests);
}

/* --- pictures --------------------------------------------------------------------------------- */

/* Each from its smallest to its largest weight, grey being the middle between them. */
static fv_tensor *grid_of(fv_tensor *weights)
{
    return fv_make_grid(weights, .nrow = 8, .normalize = true, .scale_each = true, .padding = 1,
                        .pad_value = 1, .upscale = 3);
}

static void add_grid(fv_figure *sheet, fv_tensor *grid, const char *name, double accuracy)
{
    char text[96];
    printf("%s: test accuracy %.4f\n", name, accuracy);
    snprintf(text, sizeof text, "%s: test accuracy %.3f", name, accuracy);
    fv_plot_image(sheet, grid, .name = text, .span = SPAN);
}

/* The weights of a first layer, made smaller: what begins small ends as what was learned, not as
 * the noise that it came from. */
static fv_tensor *first_weights(fv_module *net, int64_t layer, double times)
{
    FV_NO_GRAD;
    return fv_mul_(fv_module_tensor(fv_child_at(net, layer), "weight"), times);
}

/* --- three networks --------------------------------------------------------------------------- */

static void add_linear(fv_figure *sheet, const images *i, int64_t epochs)
{
    static const char *const names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                        "dog",      "frog",       "horse", "ship", "truck"};
    FV_SCOPE;
    fv_module *net = fv_sequential(fv_nn_flatten(), fv_nn_linear(3072, 10));
    fv_tensor *w = first_weights(net, 1, 0);
    const double accuracy = train(net, i, (recipe){epochs, 0.002, 0.1});
    printf("a linear classifier, a template a class: test accuracy %.4f\n", accuracy);
    fv_tensor *templates = fv_view(fv_detach(w), 10, 3, 32, 32);
    for (int64_t k = 0; k < 10; k++)
        fv_plot_image(sheet, fv_make_grid(fv_select(templates, 0, k), .normalize = true),
                      .name = names[k]);
    fv_free(net);
}

static void add_hidden(fv_figure *sheet, const images *i, int64_t epochs)
{
    FV_SCOPE;
    fv_module *net =
        fv_sequential(fv_nn_flatten(), fv_nn_linear(3072, 64), fv_nn_relu(), fv_nn_linear(64, 10));
    fv_tensor *w = first_weights(net, 1, 0.1);
    const double accuracy = train(net, i, (recipe){epochs, 0.02, 0.01});
    add_grid(sheet, grid_of(fv_view(fv_detach(w), 64, 3, 32, 32)), "MLP, 64 hidden units",
             accuracy);
    fv_free(net);
}

static void add_convolution(fv_figure *sheet, const images *i, int64_t epochs)
{
    FV_SCOPE;
    fv_module *net =
        fv_sequential(fv_nn_conv2d(3, 64, 7, .padding = 3, .stride = 2), fv_nn_relu(),
                      fv_nn_max_pool2d(2), fv_nn_conv2d(64, 64, 3, .padding = 1), fv_nn_relu(),
                      fv_nn_max_pool2d(2), fv_nn_flatten(), fv_nn_linear(64 * 4 * 4, 10));
    fv_tensor *w = first_weights(net, 0, 0.3);
    const double accuracy = train(net, i, (recipe){epochs, 0.05, 2e-3});
    add_grid(sheet, grid_of(fv_detach(w)), "CNN, 64 filters of 7 x 7", accuracy);
    fv_free(net);
}

static void three_networks(const demo *d)
{
    FV_SCOPE;
    images i = open_images(d, false);
    fv_figure *sheet = fv_figure_new("What first layers have learned of CIFAR-10: a linear "
                                     "classifier's templates, an MLP, a CNN",
                                     .columns = 2 * SPAN, .width = 36 + 10 * 96 + 9 * 14);
    const int64_t epochs = d->epochs ? d->epochs : d->quick ? 1 : 4;
    add_linear(sheet, &i, epochs);
    add_hidden(sheet, &i, epochs);
    add_convolution(sheet, &i, epochs);
    fv_figure_save(sheet, output_path(d, "templates.png"));
    fv_free(sheet);
    close_images(&i);
}

/* --- filters of 11 x 11 ----------------------------------------------------------------------- */

/* The first layer of AlexNet in front of a small network. */
static fv_module *filter_net(void)
{
    return fv_sequential(fv_nn_conv2d(3, 64, 11, .padding = 5, .stride = 2, .bias = false),
                         fv_nn_batch_norm2d(64), fv_nn_relu(), fv_nn_max_pool2d(2), /* 8 x 8 */
                         fv_nn_conv2d(64, 128, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(128), fv_nn_relu(),
                         fv_nn_conv2d(128, 128, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(128), fv_nn_relu(), fv_nn_max_pool2d(2), /* 4 x 4 */
                         fv_nn_flatten(), fv_nn_linear(128 * 4 * 4, 10));
}

static void large_filters(const demo *d)
{
    FV_SCOPE;
    images i = open_images(d, true);
    fv_module *net = filter_net();
    fv_tensor *w = first_weights(net, 0, 0.3);
    const int64_t epochs = d->epochs ? d->epochs : d->quick ? 1 : 8;
    const double accuracy = train(net, &i, (recipe){epochs, 0.1, 2e-3});
    fv_figure *sheet = fv_figure_new("A first layer of 64 filters of 3 x 11 x 11", .columns = SPAN,
                                     .width = 36 + 2 * 289);
    add_grid(sheet, grid_of(w), "64 filters", accuracy);
    fv_figure_save(sheet, output_path(d, "templates_filters.png"));
    fv_save(net, output_path(d, "templates_filters.safetensors"));
    fv_free(sheet);
    fv_free(net);
    close_images(&i);
}

int main(int argc, char **argv)
{
    arguments a = read_arguments(argc, argv);
    if (!begin_demo(&a.common)) return 1;
    if (a.common.quick && a.common.limit == 0) a.common.limit = 2000;
    if (a.filters)
        large_filters(&a.common);
    else
        three_networks(&a.common);
    return end_demo();
}
