/* Chapter 4: what a unit sees, what a layer costs, and convolution as a product of matrices. */
#include "course.h"

/* --- what a unit sees ------------------------------------------------------------------------- */

/* `layers` convolutions of k x k in a row, with a pooling of 2 x 2 behind every second one if so
 * asked. */
static fv_module *tower(int layers, int64_t k, bool pools)
{
    fv_module *net = fv_sequential();
    for (int i = 0; i < layers; i++) {
        fv_module_append(net, fv_nn_conv2d(1, 1, k, .padding = k / 2));
        if (pools && i % 2 == 1) fv_module_append(net, fv_nn_avg_pool2d(2));
    }
    return net;
}

static int sees(fv_module *net)
{
    const fv_receptive_field field = fv_receptive_field_of(net, 1, 1, 256, 256);
    fv_free(net);
    return (int)field.size[0];
}

static void row(const char *name, int64_t k, bool pools)
{
    printf("%-10s", name);
    for (int layers = 1; layers <= 6; layers++) printf(" %3d", sees(tower(layers, k, pools)));
    printf("\n");
}

static void fields(void)
{
    printf("%-10s   1   2   3   4   5   6\n", "layers");
    row("3x3", 3, false);
    row("5x5", 5, false);
    row("3x3, pools", 3, true);
}

/* --- the same measured: which pixels have a gradient ------------------------------------------ */

/* d unit / d pixel for the unit in the middle, as a picture [side,side]. With all weights 1 it is
 * the number of paths from the pixel to the unit (behind a mean over four, a quarter of it). */
static fv_tensor *influence(fv_module *net, int64_t side)
{
    const fv_tensor_list weights = fv_parameters(net);
    for (int64_t i = 0; i < weights.count; i++) fv_init_ones_(weights.items[i]);
    fv_tensor *x = fv_randn(1, 1, side, side, .requires_grad = true);
    fv_tensor *y = fv_forward(net, x);
    fv_tensor *g = fv_zeros_like(y);
    fv_fill_(fv_select(fv_select(g, 3, fv_size(y, 3) / 2), 2, fv_size(y, 2) / 2), 1);
    fv_backward(y, g);
    return fv_view(fv_grad_of(x), side, side);
}

static void measure(const course *c)
{
    FV_SCOPE;
    fv_module *plain = tower(4, 3, false), *pooled = tower(4, 3, true);
    fv_tensor *a = influence(plain, 32), *b = influence(pooled, 32);
    printf("pixels with an influence: %d, with pools %d\n", (int)fv_item(fv_sum(fv_gt(a, 0))),
           (int)fv_item(fv_sum(fv_gt(b, 0))));
    fv_save_image(fv_unsqueeze(fv_stack(FV_TENSORS(a, b), 0), 1), course_path(c, "04_fields.png"),
                  .normalize = true, .scale_each = true, .upscale = 6, .pad_value = 1);
    fv_free(plain), fv_free(pooled);
}

/* --- what a layer costs ----------------------------------------------------------------------- */

static void cost(const char *name, fv_module *net)
{
    fv_inspection *seen = fv_inspect(net, 1, 3, 32, 32);
    const fv_layer_info *all = fv_inspection_layer(seen, 0);
    if (all)
        printf("%-28s %10d parameters %10d operations\n", name, (int)all->parameters,
               (int)(all->multiply_adds + all->bias_adds));
    fv_free(seen), fv_free(net);
}

static void costs(void)
{
    printf("from [3,32,32] to [10,32,32]:\n");
    cost("10 filters of 5x5x3", fv_nn_conv2d(3, 10, 5, .padding = 2));
    cost("5x5 each, then 1x1",
         fv_sequential(fv_nn_conv2d(3, 3, 5, .padding = 2, .groups = 3), fv_nn_conv2d(3, 10, 1)));
    cost("two layers of 3x3", fv_sequential(fv_nn_conv2d(3, 10, 3, .padding = 1),
                                            fv_nn_conv2d(10, 10, 3, .padding = 1)));
    cost("fully connected",
         fv_sequential(fv_nn_flatten(), fv_nn_linear(3 * 32 * 32, 10 * 32 * 32)));
}

/* --- convolution as a product: im2col --------------------------------------------------------- */

static void columns(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(1, 3, 32, 32), *w = fv_randn(10, 3, 5, 5);
    fv_tensor *cols = fv_unfold(x, 5, .padding = 2); /* each place's window as a column */
    fv_tensor *product = fv_matmul(fv_view(w, 10, 75), fv_view(cols, 75, 1024));
    fv_tensor *y = fv_conv2d(x, w, .padding = 2);
    const double apart = fv_item(fv_max(fv_abs(fv_sub(fv_view(product, 1, 10, 32, 32), y))));
    const fv_shape s = fv_shape_of(cols);
    printf("columns %s, weights [10,75]: their product is the convolution: %s\n", fv_shape_text(&s),
           apart < 1e-4 ? "yes" : "NO");
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    fields();
    measure(&c);
    costs();
    columns();
    return course_end();
}
