/* Chapter 5: pooling, the way back of its gradient, and a first whole network: LeNet on MNIST. */
#include "course.h"

/* --- pooling ---------------------------------------------------------------------------------- */

static void pool(void)
{
    FV_SCOPE;
    const float data[] = {1, 1, 2, 4, 5, 6, 7, 8, 3, 2, 1, 0, 1, 2, 3, 4};
    fv_tensor *x = fv_tensor_from(data, 1, 1, 4, 4, .requires_grad = true);

    fv_tensor *where;
    fv_tensor *largest = fv_max_pool2d(x, 2, .indices = &where);
    fv_tensor *average = fv_avg_pool2d(x, 2);
    fv_print(fv_view(largest, 4));
    fv_print(fv_view(where, 4));
    fv_print(fv_view(average, 4));

    /* The gradient goes back to the place that won, and to it alone. */
    fv_backward(fv_sum(fv_mul(largest, 10)));
    fv_print(fv_view(fv_grad_of(x), 4, 4));
}

/* A picture and the same moved by one column: most maxima of 2 x 2 stay what they are. */
static void shift(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_rand(1, 1, 64, 64);
    fv_tensor *wide = fv_avg_pool2d(x, 5, .stride = 1); /* smooth, as pictures are */
    fv_tensor *here = fv_narrow(wide, 3, 0, 56), *moved = fv_narrow(wide, 3, 1, 56);
    for (int64_t k = 1; k <= 8; k *= 2) {
        fv_tensor *a = fv_max_pool2d(here, k), *b = fv_max_pool2d(moved, k);
        printf("windows of %dx%d: %.0f %% of the maxima stay\n", (int)k, (int)k,
               100 * fv_item(fv_mean(fv_to(fv_eq(a, b), FV_FLOAT32))));
    }
}

/* --- LeNet ------------------------------------------------------------------------------------ */

/* LeCun et al. 1998, with today's activation and pooling. */
static fv_module *lenet(void)
{
    return fv_sequential(fv_nn_conv2d(1, 6, 5, .padding = 2), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(6, 16, 5), fv_nn_relu(), fv_nn_max_pool2d(2), fv_nn_flatten(),
                         fv_nn_linear(16 * 5 * 5, 120), fv_nn_relu(), fv_nn_linear(120, 84),
                         fv_nn_relu(), fv_nn_linear(84, 10));
}

static double test_accuracy(fv_module *net, fv_loader *batches, int64_t images)
{
    double right = 0;
    fv_eval(net);
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        FV_NO_GRAD;
        right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
    }
    fv_train(net);
    return right / (double)images;
}

/* The loss of each test image. */
static fv_tensor *losses_of(fv_module *net, fv_loader *batches, int64_t images)
{
    fv_tensor *losses = fv_zeros(images);
    int64_t seen = 0;
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y, .reduction = FV_NONE);
        fv_copy_(fv_narrow(losses, 0, seen, b.n), loss);
        seen += b.n;
    }
    return losses;
}

/* The test images with the largest losses as a picture, and what the network takes them for. */
static void show_hardest(const course *c, fv_module *net, fv_dataset *test, fv_loader *batches)
{
    FV_SCOPE;
    FV_NO_GRAD;
    enum { SHOWN = 16 };
    fv_tensor *x[SHOWN], *y, *losses = losses_of(net, batches, fv_dataset_size(test));
    for (int k = 0; k < SHOWN; k++) {
        const int64_t worst = fv_item_int64(fv_argmax(losses));
        fv_fill_(fv_select(losses, 0, worst), -1);
        if (fv_dataset_get(test, worst, &x[k], &y) != FV_OK) return;
        fv_tensor *scores = fv_forward(net, fv_unsqueeze(x[k], 0));
        printf("%s%d for %d", k ? ", " : "taken: ", (int)fv_item_int64(fv_argmax(scores)),
               (int)fv_item_int64(y));
    }
    printf("\n");
    fv_save_image(fv_stack((fv_tensor_list){x, SHOWN}, 0), course_path(c, "05_hardest.png"),
                  .normalize = true, .upscale = 2, .pad_value = 1);
}

static void learn_digits(const course *c)
{
    const int64_t limit = c->quick ? 200 : 0;
    fv_dataset *train = fv_mnist(c->data, .train = true, .limit = limit);
    fv_dataset *test = fv_mnist(c->data, .train = false, .limit = limit);
    fv_loader *batches = fv_loader_new(train, .batch_size = 100, .shuffle = true);
    fv_loader *test_batches = fv_loader_new(test, .batch_size = 500);
    fv_module *net = lenet();
    fv_optim *opt = fv_adam(fv_parameters(net), .lr = 2e-3);
    printf("LeNet: %d weights\n", (int)fv_parameter_count(net));
    for (int epoch = 1; epoch <= 3 && fv_error_status() == FV_OK; epoch++) {
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *loss = fv_cross_entropy(fv_forward(net, b.x), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
        }
        printf("epoch %d: test accuracy %.4f\n", epoch,
               test_accuracy(net, test_batches, fv_dataset_size(test)));
    }
    fv_eval(net);
    show_hardest(c, net, test, test_batches);
    fv_save(net, course_path(c, "lenet.safetensors"));
    fv_free(net), fv_free(opt), fv_free(batches), fv_free(test_batches);
    fv_free(train), fv_free(test);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    pool();
    shift();
    learn_digits(&c);
    return course_end();
}
