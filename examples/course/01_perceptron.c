/* Chapter 1: the perceptron, and a linear classifier that looks at digits. */
#include "course.h"

/* --- the perceptron --------------------------------------------------------------------------- */

/* One pass over the points x [n,3], whose last coordinate is 1, with y [n] = +1 or -1: a point on
 * the wrong side of the line pulls w [3] towards its own. Returns how many were wrong. */
static int perceptron_pass(fv_tensor *w, fv_tensor *x, fv_tensor *y)
{
    int wrong = 0;
    for (int64_t i = 0; i < fv_size(x, 0); i++) {
        FV_SCOPE;
        fv_tensor *xi = fv_select(x, 0, i), *yi = fv_select(y, 0, i);
        if (fv_item(fv_mul(yi, fv_dot(w, xi))) > 0) continue;
        fv_add_(w, fv_mul(yi, xi));
        wrong++;
    }
    return wrong;
}

static void learn_gate(const char *name, const float *answers)
{
    FV_SCOPE;
    const float corners[4][3] = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};
    fv_tensor *x = fv_tensor_from(corners[0], 4, 3), *y = fv_tensor_from(answers, 4);
    fv_tensor *w = fv_zeros(3);

    int pass = 0, wrong = 4;
    while (wrong > 0 && pass < 20) {
        wrong = perceptron_pass(w, x, y);
        pass++;
    }
    printf("%s: %d wrong in pass %d, w = %g %g, b = %g\n", name, wrong, pass,
           fv_item(fv_select(w, 0, 0)), fv_item(fv_select(w, 0, 1)), fv_item(fv_select(w, 0, 2)));
}

/* --- a linear classifier ---------------------------------------------------------------------- */

static double test_accuracy(fv_module *net, fv_loader *batches, int64_t images)
{
    double right = 0;
    FV_EACH_BATCH (b, batches) {
        FV_SCOPE;
        FV_NO_GRAD;
        right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
    }
    return right / (double)images;
}

/* The weights of each class as a picture: what it looks for is red, what speaks against it blue. */
static void show_templates(const course *c, fv_module *net)
{
    FV_SCOPE;
    fv_tensor *w = fv_module_tensor(fv_get_child(net, "1"), "weight"); /* [10,784] */
    fv_save_image(fv_view(w, 10, 1, 28, 28), course_path(c, "01_templates.png"), .nrow = 5,
                  .diverging = true, .upscale = 3, .pad_value = 1);
}

static void learn_digits(const course *c)
{
    const int64_t limit = c->quick ? 200 : 0;
    fv_dataset *train = fv_mnist(c->data, .train = true, .limit = limit);
    fv_dataset *test = fv_mnist(c->data, .train = false, .limit = limit);
    fv_loader *batches = fv_loader_new(train, .batch_size = 100, .shuffle = true);
    fv_loader *test_batches = fv_loader_new(test, .batch_size = 500);

    fv_module *net = fv_sequential(fv_nn_flatten(), fv_nn_linear(28 * 28, 10));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.02);
    for (int epoch = 1; epoch <= 2 && fv_error_status() == FV_OK; epoch++) {
        FV_EACH_BATCH (b, batches) {
            FV_SCOPE;
            fv_tensor *scores = fv_forward(net, b.x);
            fv_tensor *loss = fv_cross_entropy(scores, b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;
        }
        printf("epoch %d: test accuracy %.3f\n", epoch,
               test_accuracy(net, test_batches, fv_dataset_size(test)));
    }
    show_templates(c, net);
    fv_free(net), fv_free(opt), fv_free(batches), fv_free(test_batches);
    fv_free(train), fv_free(test);
}

int main(int argc, char **argv)
{
    const course c = course_begin(argc, argv);
    learn_gate("and", (const float[]){-1, -1, -1, 1});
    learn_gate("or", (const float[]){-1, 1, 1, 1});
    learn_gate("xor", (const float[]){-1, 1, 1, -1});
    learn_digits(&c);
    return course_end();
}
