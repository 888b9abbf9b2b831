/* A first program: a small residual network on CIFAR-10, from data to saved weights.
 *
 *     build/examples/first_program        (reads datasets/cifar-10-batches-bin)
 *
 * Who knows PyTorch reads it top to bottom. Two things are C's own: FV_SCOPE; frees what a training
 * step made, and every object has one fv_free. */
/* clang-format off */
#include <fovea.h>
#include <stdio.h>

/* A model is ordinary C: no intermediate is named, none is freed. */
static fv_tensor *residual(fv_module *body, fv_tensor *x)
{
    return fv_relu(fv_add(x, fv_forward(body, x)));
}

int main(void)
{
    fv_manual_seed(0);

    fv_dataset *train = fv_cifar10("datasets", .train = true);
    fv_loader *batches = fv_loader_new(train, .batch_size = 128, .shuffle = true);
    if (!batches) { fprintf(stderr, "%s\n", fv_error()); return 1; }

    fv_module *stem = fv_sequential(
        fv_nn_conv2d(3, 32, 3, .padding = 1), fv_nn_batch_norm2d(32), fv_nn_relu(),
        fv_nn_max_pool2d(2));
    fv_module *body = fv_sequential(
        fv_nn_conv2d(32, 32, 3, .padding = 1, .bias = false), fv_nn_batch_norm2d(32));
    fv_module *head = fv_sequential(fv_nn_flatten(), fv_nn_linear(32 * 16 * 16, 10));
    fv_module *net = fv_module_list(stem, body, head);          /* owns its children */

    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.05, .momentum = 0.9, .nesterov = true);

    for (int epoch = 0; epoch < 5; epoch++) {
        double total = 0; int64_t seen = 0;
        fv_batch b;
        while (fv_loader_next(batches, &b)) {
            FV_SCOPE;                                /* what is made from here dies at the brace */
            fv_tensor *h = residual(body, fv_forward(stem, b.x));
            fv_tensor *loss = fv_cross_entropy(fv_forward(head, h), b.y);
            fv_zero_grad(opt);
            fv_backward(loss);
            if (fv_step(opt) != FV_OK) break;        /* leaves the loop, as everywhere in C */
            total += fv_item(loss) * (double)b.n;
            seen += b.n;
        }
        printf("epoch %d  loss %.4f\n", epoch, total / (double)seen);
    }

    int rc = fv_save(net, "net.safetensors") == FV_OK ? 0 : 1;  /* refused while an error stands */
    fv_free(net); fv_free(opt); fv_free(batches); fv_free(train);
    fv_shutdown();
    return rc;
}
