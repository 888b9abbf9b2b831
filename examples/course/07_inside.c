/* Chapter 7: what a network has learned: its filters, its maps of a digit, and which pixels matter.
 */
#include "course.h"

static fv_module *new_network(void)
{
    return fv_sequential(fv_nn_conv2d(1, 16, 5), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(16, 32, 5), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_flatten(), fv_nn_linear(32 * 4 * 4, 10));
}

static void learn(fv_module *net, fv_dataset *digits)
{
    fv_loader *batches = fv_loader_new(digits, .batch_size = 100, .shuffle = true);
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 2e-3);
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        fv_zero_grad(opt);
        fv_backward(fv_cross_entropy(fv_forward(net, b.x), b.y));
        if (fv_step(opt) != FV_OK) break;
    }
    fv_free(opt), fv_free(batches);
}

/* --- filters ---------------------------------------------------------------------------------- */

/* The first layer's, [16,1,5,5]: blue below 0, white at 0, red above. */
static void show_filters(const course *c, fv_module *net)
{
    fv_tensor *w = fv_module_tensor(fv_get_child(net, "0"), "weight");
    fv_save_image(w, course_path(c, "07_filters.png"), .diverging = true, .upscale = 12,
                  .pad_value = 0.8);
}

/* --- maps ------------------------------------------------------------------------------------- */

/* The digit's way through the first layers: layer by layer, not by fv_forward of the whole. */
static void show_maps(const course *c, fv_module *net, fv_tensor *x)
{
    FV_SCOPE;
    FV_NO_GRAD;
    fv_tensor *h = x;
    for (int64_t i = 0; i < 6; i++) {
        h = fv_forward(fv_child_at(net, i), h);
        const fv_shape s = fv_shape_of(h);
        printf("%-10s %-14s %3.0f %% zeros\n", fv_module_name(fv_child_at(net, i)),
               fv_shape_text(&s), 100 * fv_item(fv_mean(fv_to(fv_eq(h, 0), FV_FLOAT32))));
        if (i == 1)
            fv_save_image(h, course_path(c, "07_maps.png"), .channels_apart = true,
                          .normalize = true, .upscale = 3, .pad_value = 1);
    }
}

/* --- saliency --------------------------------------------------------------------------------- */

/* |d score of the answer / d pixel|, of the size of x: where a small change would matter most. */
static fv_tensor *saliency(fv_module *net, fv_tensor *x)
{
    fv_tensor *pixels = fv_requires_grad(fv_clone(x), true);
    fv_tensor *scores = fv_forward(net, pixels);
    fv_backward(fv_sum(fv_amax(scores, .dim = 1)));
    return fv_abs(fv_grad_of(pixels));
}

static void show_saliency(const course *c, fv_module *net, fv_tensor *x)
{
    FV_SCOPE;
    fv_tensor *s = saliency(net, x);
    fv_save_image(fv_cat(FV_TENSORS(x, s), 0), course_path(c, "07_saliency.png"), .normalize = true,
                  .scale_each = true, .upscale = 3, .pad_value = 1);
}

/* The score of the right answer with a grey square over each place: another way to ask. */
static void show_occlusion(const course *c, fv_module *net, fv_tensor *x, int64_t label)
{
    FV_SCOPE;
    FV_NO_GRAD;
    enum { SQUARE = 6, PLACES = 28 - SQUARE + 1 };
    fv_tensor *rows[PLACES];
    for (int64_t i = 0; i < PLACES; i++) {
        fv_tensor *hidden = fv_clone(fv_expand(x, PLACES, 1, 28, 28));
        for (int64_t j = 0; j < PLACES; j++) {
            fv_tensor *one = fv_select(hidden, 0, j);
            fv_fill_(fv_narrow(fv_narrow(one, 1, i, SQUARE), 2, j, SQUARE), 0);
        }
        rows[i] = fv_select(fv_forward(net, hidden), 1, label);
    }
    fv_tensor *map = fv_stack((fv_tensor_list){rows, PLACES}, 0);
    printf("score of the answer: %.1f, with a square hidden at worst %.1f\n",
           fv_item(fv_select(fv_select(fv_forward(net, x), 1, label), 0, 0)), fv_item(fv_min(map)));
    fv_figure *f = fv_figure_new("Score of the answer", .x_label = "left edge of the square",
                                 .y_label = "upper edge", .width = 420);
    fv_plot_heat_map(f, map);
    fv_figure_save(f, course_path(c, "07_occlusion.png"), .scale = 1);
    fv_free(f);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    FV_SCOPE;
    fv_dataset *train = fv_mnist(c.data, .train = true, .limit = c.quick ? 200 : 20000);
    fv_dataset *test = fv_mnist(c.data, .train = false, .limit = 100);
    fv_module *net = new_network();
    learn(net, train);
    fv_eval(net);

    fv_tensor *x, *y, *eight[8];
    for (int64_t i = 0; i < 8; i++) fv_dataset_get(test, i, &eight[i], &y);
    fv_dataset_get(test, 0, &x, &y);
    show_filters(&c, net);
    show_maps(&c, net, fv_unsqueeze(x, 0));
    show_saliency(&c, net, fv_stack((fv_tensor_list){eight, 8}, 0));
    show_occlusion(&c, net, fv_unsqueeze(x, 0), fv_item_int64(y));
    fv_free(net), fv_free(train), fv_free(test);
    return course_end();
}
