/* A digit's way through a network, and what the network looks at.
 *
 *     activations                            trains on 12,000 digits first: seconds
 *     activations --model digits.safetensors what train_mnist --save has made
 *
 * activations.png has every layer's output for one digit, activations_where.png what decides
 * (saliency, occlusion, Grad-CAM), activations_ascent.png inputs that excite an output
 * most. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>

#include "demo.h"
#include "models.h"
#include "notes.h"

enum { SIDE = 28, CLASSES = 10 };

typedef struct arguments {
    demo common; /* first, for the options that all programs share */
    const char *model;
    int64_t digit;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
    case 'm': a->model = path_given(state, arg); return 0;
    case 'n': a->digit = whole_number(state, arg, 0); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static arguments read_arguments(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"model", 'm', "FILE", 0, "Weights that train_mnist has saved (default: train now)", 0},
        {"digit", 'n', "N", 0, "Which test image goes through the layers (default: 0)", 0},
        {0}};
    static const struct argp_child children[] = {{&demo_data_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .doc = "What a network makes of a digit, layer by layer.",
                                     .children = children};
    arguments a = {.common = {.out = "."}};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return a;
}

/* --- the network ------------------------------------------------------------------------------ */

static fv_module *load_network(const char *path)
{
    network_notes n;
    if (!read_notes(&n, path)) return NULL;
    const network_fn build = find_network(n.network);
    if (!build || n.channels != 1 || n.height != SIDE || n.width != SIDE) {
        fprintf(stderr, "%s: a network of digits of 28 x 28 is wanted\n", path);
        return NULL;
    }
    fv_module *net = build();
    if (fv_load(net, path) == FV_OK) return net;
    fv_free(net);
    return NULL;
}

static fv_module *train_network(const demo *d, fv_loader *tests)
{
    fv_module *net = digits_net();
    fv_dataset *images = fv_mnist(d->data, .train = true,
                                  .limit = d->limit   ? d->limit
                                           : d->quick ? 1000
                                                      : 12000);
    fv_loader *batches = fv_loader_new(images, 64, .shuffle = true);
    train_classifier(net, batches, tests, d->epochs ? d->epochs : 1, 2e-3);
    fv_free(batches);
    fv_free(images);
    return net;
}

/* The layers before number `end`, one after the other. */
static fv_tensor *forward_to(fv_module *net, fv_tensor *x, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++) x = fv_forward(fv_child_at(net, i), x);
    return x;
}

/* Behind the last convolution and its ReLU. */
static int64_t after_convolutions(const fv_module *net)
{
    int64_t end = 0;
    for (int64_t i = 0; i < fv_child_count(net); i++)
        if (strcmp(fv_module_name(fv_child_at(net, i)), "Conv2d") == 0) end = i + 2;
    return end;
}

/* --- every layer ------------------------------------------------------------------------------ */

/* Maps side by side, 0 being white; a vector as a row of squares. */
static fv_tensor *picture_of(fv_tensor *y)
{
    if (fv_ndim(y) == 4)
        return fv_make_grid(y, .nrow = 16, .channels_apart = true, .diverging = true,
                            .pad_value = 0.75, .padding = 1);
    const int64_t n = fv_size(y, 1), columns = n > 128 ? 128 : n > 16 ? 64 : n;
    return fv_make_grid(fv_view(y, n, 1, 1, 1), .nrow = columns, .diverging = true,
                        .pad_value = 0.75, .padding = 1,
                        .upscale = n > 128  ? 3
                                   : n > 16 ? 6
                                            : 20);
}

static void draw_layers(fv_module *net, fv_tensor *x, const char *path)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_figure *sheet = fv_figure_new("A digit's way through the network: red above 0, blue below",
                                     .columns = 1, .width = 520);
    fv_plot_image(sheet, fv_make_grid(x, .normalize = true, .upscale = 4), .name = "input");
    for (int64_t i = 0; i < fv_child_count(net); i++) {
        char name[96], note[64];
        fv_module *layer = fv_child_at(net, i);
        x = fv_forward(layer, x);
        const fv_shape shape = fv_shape_of(x);
        snprintf(name, sizeof name, "%" PRId64 "  %s  %s%s", i, fv_module_name(layer),
                 fv_shape_text(&shape), fv_size(x, 1) == CLASSES ? ": the scores of 0 to 9" : "");
        snprintf(note, sizeof note, "%.2f to %.2f", fv_item(fv_min(x)), fv_item(fv_max(x)));
        fv_plot_image(sheet, picture_of(x), .name = name, .note = note);
    }
    fv_figure_save(sheet, path);
    fv_free(sheet);
}

/* --- what decides ----------------------------------------------------------------------------- */

/* How much the score of the class changes with each pixel: |d score / d x|. */
static fv_tensor *saliency(fv_module *net, fv_tensor *x, int64_t class_)
{
    fv_tensor *leaf = fv_requires_grad(fv_clone(x), true);
    fv_tensor *score = fv_select(fv_select(fv_forward(net, leaf), 1, class_), 0, 0), *gradient;
    if (fv_grad(FV_TENSORS(score), FV_TENSORS(leaf), &gradient) != FV_OK) return fv_failed_tensor();
    return fv_view(fv_abs(gradient), SIDE, SIDE);
}

/* By how much the probability of the class falls when a square around each pixel is black. */
static fv_tensor *occlusion(fv_module *net, fv_tensor *x, int64_t class_)
{
    enum { SQUARE = 5, PLACES = SIDE * SIDE };
    FV_NO_GRAD;
    fv_tensor *covered = fv_contiguous(fv_expand(x, PLACES, 1, SIDE, SIDE));
    covered = fv_clone(covered);
    float *pixels = fv_data_float32(covered);
    const float black = (float)fv_item(fv_min(x));
    for (int64_t i = 0; i < PLACES && pixels; i++)
        for (int64_t y = i / SIDE - SQUARE / 2; y <= i / SIDE + SQUARE / 2; y++)
            for (int64_t k = i % SIDE - SQUARE / 2; k <= i % SIDE + SQUARE / 2; k++)
                if (y >= 0 && y < SIDE && k >= 0 && k < SIDE)
                    pixels[i * PLACES + y * SIDE + k] = black;
    fv_bump_version(covered);
    fv_tensor *before = fv_select(fv_softmax(fv_forward(net, x), 1), 1, class_);
    fv_tensor *after = fv_select(fv_softmax(fv_forward(net, covered), 1), 1, class_);
    return fv_view(fv_sub(before, after), SIDE, SIDE);
}

/* Selvaraju et al. 2017: the maps of the last convolution, weighed by how much each one's mean
 * moves the score, their sum where it is above 0. */
static fv_tensor *grad_cam(fv_module *net, fv_tensor *x, int64_t class_)
{
    const int64_t end = after_convolutions(net);
    fv_tensor *maps = fv_requires_grad(fv_detach(forward_to(net, x, 0, end)), true), *gradient;
    fv_tensor *scores = forward_to(net, maps, end, fv_child_count(net));
    fv_tensor *score = fv_select(fv_select(scores, 1, class_), 0, 0);
    if (fv_grad(FV_TENSORS(score), FV_TENSORS(maps), &gradient) != FV_OK) return fv_failed_tensor();
    FV_NO_GRAD;
    fv_tensor *weights = fv_mean(gradient, .dim = FV_DIMS(2, 3), .keepdim = true);
    fv_tensor *sum = fv_relu(fv_sum(fv_mul(weights, maps), .dim = 1));
    return fv_select(fv_resize(sum, SIDE, SIDE), 0, 0);
}

/* The digit in grey, and what counts laid over it in orange. */
static fv_tensor *overlay(fv_tensor *digit, fv_tensor *heat)
{
    const float orange[] = {1, 0.45F, 0};
    fv_tensor *h = fv_div(heat, fv_add(fv_max(heat), 1e-12));
    fv_tensor *color = fv_mul(fv_tensor_from(orange, 3, 1, 1), h);
    return fv_add(color, fv_mul(fv_mul(digit, 0.6), fv_add(fv_mul(h, -1), 1)));
}

static void add_views(fv_figure *sheet, fv_module *net, fv_tensor *x)
{
    FV_SCOPE;
    char name[64], note[32];
    fv_tensor *p = fv_detach(fv_softmax(fv_forward(net, x), 1));
    const int64_t class_ = fv_item_int64(fv_argmax(p));
    fv_tensor *digit = fv_make_grid(x, .normalize = true);
    fv_tensor *covered = occlusion(net, x, class_);
    snprintf(name, sizeof name, "taken for %" PRId64, class_);
    snprintf(note, sizeof note, "p = %.3f", fv_item(fv_max(p)));
    fv_plot_image(sheet, digit, .name = name, .note = note);
    fv_plot_image(sheet, fv_make_grid(saliency(net, x, class_), .normalize = true),
                  .name = "saliency");
    snprintf(note, sizeof note, "up to %.3f", fv_item(fv_max(covered)));
    fv_plot_image(sheet, fv_make_grid(covered, .diverging = true), .name = "occlusion",
                  .note = note);
    fv_plot_image(sheet, overlay(digit, grad_cam(net, x, class_)), .name = "Grad-CAM");
}

static void draw_where(fv_module *net, fv_dataset *images, int64_t first, const char *path)
{
    enum { DIGITS_SHOWN = 6 };
    fv_figure *sheet =
        fv_figure_new("What decides: pixels that matter, and squares whose loss hurts",
                      .columns = 4, .width = 2 * 18 + 4 * 5 * SIDE + 3 * 14);
    for (int64_t i = 0; i < DIGITS_SHOWN && first + i < fv_dataset_size(images); i++) {
        FV_SCOPE;
        fv_tensor *x, *y;
        if (fv_dataset_get(images, first + i, &x, &y) != FV_OK) break;
        add_views(sheet, net, fv_view(x, 1, 1, SIDE, SIDE));
    }
    fv_figure_save(sheet, path);
    fv_free(sheet);
}

/* --- gradient ascent -------------------------------------------------------------------------- */

/* Steps up the gradient of the mean of `score`, which is one row's own; between them the pictures
 * are blurred a little and shrunk towards 0, or noise would win. */
static fv_tensor *ascend(fv_module *net, int64_t end, int64_t count, int64_t steps)
{
    const float kernel[] = {1, 2, 1, 2, 20, 2, 1, 2, 1};
    fv_tensor *blur = fv_div(fv_tensor_from(kernel, 1, 1, 3, 3), 32);
    fv_tensor *x = fv_retain(fv_mul(fv_randn(count, 1, SIDE, SIDE), 0.1));
    for (int64_t step = 0; step < steps && fv_error_status() == FV_OK; step++) {
        FV_SCOPE;
        fv_tensor *leaf = fv_requires_grad(fv_detach(x), true), *gradient;
        fv_tensor *y = forward_to(net, leaf, 0, end);
        if (fv_ndim(y) == 4) y = fv_mean(y, .dim = FV_DIMS(2, 3));
        fv_tensor *own = fv_sum(fv_mul(y, fv_eye(count, fv_size(y, 1))));
        if (fv_grad(FV_TENSORS(own), FV_TENSORS(leaf), &gradient) != FV_OK) break;
        FV_NO_GRAD;
        fv_tensor *size =
            fv_sqrt(fv_mean(fv_mul(gradient, gradient), .dim = FV_DIMS(1, 2, 3), .keepdim = true));
        fv_tensor *moved =
            fv_add(fv_mul(x, 0.98), fv_mul(fv_div(gradient, fv_add(size, 1e-8)), 0.1));
        moved = fv_conv2d(moved, blur, .padding = 1);
        fv_release(x);
        x = fv_retain(moved);
    }
    return x;
}

static void add_ascent(fv_figure *sheet, fv_module *net, int64_t end, int64_t count, int64_t steps,
                       const char *name)
{
    fv_tensor *x = ascend(net, end, count, steps);
    fv_plot_image(sheet,
                  fv_make_grid(x, .nrow = count > 10 ? 8 : 5, .normalize = true, .scale_each = true,
                               .pad_value = 1),
                  .name = name);
    fv_release(x);
}

static void draw_ascent(fv_module *net, int64_t steps, const char *path)
{
    FV_SCOPE;
    fv_figure *sheet = fv_figure_new("Inputs that excite most, found by gradient ascent",
                                     .columns = 1, .width = 560);
    add_ascent(sheet, net, fv_child_count(net), CLASSES, steps, "the score of each class, 0 to 9");
    add_ascent(sheet, net, after_convolutions(net), 32, steps,
               "the mean of each map of the last convolution");
    fv_figure_save(sheet, path);
    fv_free(sheet);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void run(const arguments *a)
{
    FV_SCOPE;
    const demo *d = &a->common;
    fv_tensor *x, *y;
    fv_dataset *images = fv_mnist(d->data, .train = false, .limit = d->limit);
    fv_loader *tests = fv_loader_new(images, 500);
    fv_module *net = a->model ? load_network(a->model) : train_network(d, tests);
    if (net && fv_dataset_get(images, a->digit, &x, &y) == FV_OK) {
        fv_eval(net);
        fv_tensor *input = fv_view(x, 1, 1, SIDE, SIDE);
        draw_layers(net, input, output_path(d, "activations.png"));
        draw_where(net, images, a->digit, output_path(d, "activations_where.png"));
        draw_ascent(net, d->quick ? 5 : 100, output_path(d, "activations_ascent.png"));
    } else if (fv_error_status() == FV_OK) {
        fv_fail(FV_ERR_STATE, "no network");
    }
    fv_free(net);
    fv_free(tests);
    fv_free(images);
}

int main(int argc, char **argv)
{
    const arguments a = read_arguments(argc, argv);
    if (!begin_demo(&a.common)) return 1;
    run(&a);
    return end_demo();
}
