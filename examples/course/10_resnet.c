/* Chapter 10: a residual network on CIFAR-10: why depth needs a way around. */
#include "course.h"

/* conv - norm - relu - conv - norm, and the input added: y = relu(f(x) + x). Where the number of
 * channels changes, the way around is a 1x1 convolution. */
static fv_module *residual_block(int64_t in, int64_t out, int64_t stride)
{
    fv_module *body = fv_sequential(
        fv_nn_conv2d(in, out, 3, .stride = stride, .padding = 1, .bias = false),
        fv_nn_batch_norm2d(out), fv_nn_relu(),
        fv_nn_conv2d(out, out, 3, .padding = 1, .bias = false), fv_nn_batch_norm2d(out));
    fv_module *around =
        in == out ? NULL
                  : fv_sequential(fv_nn_conv2d(in, out, 1, .stride = stride, .bias = false),
                                  fv_nn_batch_norm2d(out));
    return fv_nn_residual(body, around, .relu = true);
}

/* He et al. 2015 for CIFAR-10, with one block a stage: 8 layers. */
static fv_module *resnet8(void)
{
    return fv_sequential(fv_nn_conv2d(3, 16, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(16), fv_nn_relu(), residual_block(16, 16, 1),
                         residual_block(16, 32, 2), residual_block(32, 64, 2),
                         fv_nn_adaptive_avg_pool2d(1), fv_nn_flatten(), fv_nn_linear(64, 10));
}

/* --- what the way around is for --------------------------------------------------------------- */

/* Layers of 16 channels in a row, each with a way around or without. */
static fv_module *tower(int layers, bool around)
{
    fv_module *net = fv_sequential();
    for (int i = 0; i < layers; i++) {
        fv_module *layer = fv_sequential(fv_nn_conv2d(16, 16, 3, .padding = 1), fv_nn_tanh());
        fv_module_append(net, around ? fv_nn_residual(layer) : layer);
    }
    return net;
}

/* How much of the gradient at the top arrives at the bottom. */
static double arrives(int layers, bool around)
{
    FV_SCOPE;
    fv_manual_seed(0);
    fv_module *net = tower(layers, around);
    fv_tensor *x = fv_randn(1, 16, 16, 16, .requires_grad = true);
    fv_tensor *y = fv_forward(net, x);
    fv_tensor *g = fv_randn_like(y);
    fv_backward(y, g);
    const double part = fv_item(fv_norm(fv_grad_of(x))) / fv_item(fv_norm(g));
    fv_free(net);
    return part;
}

/* --- training --------------------------------------------------------------------------------- */

/* The loss of every fifth step, and the mean over 51 steps around each. */
static void draw(const course *c, fv_tensor *losses)
{
    FV_SCOPE;
    enum { WINDOW = 51 };
    fv_figure *f = fv_figure_new("ResNet-8 on CIFAR-10", .x_label = "step", .y_label = "loss");
    fv_tensor *fifth = fv_arange(0, (double)fv_numel(losses), 5);
    fv_plot_line(f, fv_slice(losses, 0, 0, INT64_MAX, 5), fv_to(fifth, FV_FLOAT32),
                 .color = 0xc0cfe0, .width = 1);
    if (fv_numel(losses) > WINDOW) {
        fv_tensor *smooth = fv_avg_pool1d(fv_view(losses, 1, 1, -1), WINDOW, .stride = 1);
        fv_tensor *middle = fv_arange(WINDOW / 2, WINDOW / 2 + (double)fv_numel(smooth));
        fv_plot_line(f, fv_flatten(smooth), fv_to(middle, FV_FLOAT32), .label = "mean of 51 steps");
    }
    fv_figure_save(f, course_path(c, "10_loss.png"), .scale = 1);
    fv_free(f);
}

static void learn(const course *c)
{
    FV_SCOPE;
    const int64_t limit = c->quick ? 64 : 0, epochs = c->quick ? 1 : 3;
    fv_dataset *train =
        fv_cifar10(c->data, .train = true, .random_crop = 4, .random_flip = true, .limit = limit);
    fv_dataset *test = fv_cifar10(c->data, .train = false, .limit = limit);
    fv_loader *batches = fv_loader_new(train, .batch_size = 64, .shuffle = true);
    fv_loader *test_batches = fv_loader_new(test, .batch_size = 500);

    fv_module *net = resnet8();
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4,
                           .nesterov = true);
    fv_scheduler *schedule = fv_one_cycle_lr(opt, .max_lr = 0.1, .epochs = epochs,
                                             .steps_per_epoch = fv_loader_batches(batches));
    const int64_t steps = epochs * fv_loader_batches(batches);
    fv_tensor *losses = fv_zeros(steps);
    int64_t step = 0;
    printf("ResNet-8: %d weights\n", (int)fv_parameter_count(net));
    for (int64_t epoch = 1; epoch <= epochs && fv_error_status() == FV_OK; epoch++) {
        double sum = 0;
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
            fv_scheduler_step(schedule);
            sum += fv_item(loss) * (double)b.n;
            fv_fill_(fv_select(losses, 0, step++), fv_item(loss));
        }
        printf("epoch %d: loss %.3f, test accuracy %.3f\n", (int)epoch,
               sum / (double)fv_dataset_size(train), course_accuracy(net, test_batches));
    }
    draw(c, losses);
    fv_save(net, course_path(c, "resnet8.safetensors"));
    fv_free(schedule), fv_free(opt), fv_free(net);
    fv_free(batches), fv_free(test_batches), fv_free(train), fv_free(test);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    for (int layers = 1; layers <= 64; layers *= 4)
        printf("%2d layers: %.1e of the gradient arrives, with a way around %.1e\n", layers,
               arrives(layers, false), arrives(layers, true));
    learn(&c);
    return course_end();
}
