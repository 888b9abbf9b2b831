/* Chapter 11: a step of training as PyTorch does it, number for number. */
#include <fovea.h>
#include <stdio.h>

int main(void)
{
    FV_SCOPE;
    fv_module *net =
        fv_sequential(fv_nn_conv2d(1, 4, 3, .padding = 1), fv_nn_relu(), fv_nn_max_pool2d(2),
                      fv_nn_flatten(), fv_nn_linear(4 * 4 * 4, 3));
    const fv_named_list weights = fv_named_parameters(net);
    for (int64_t i = 0; i < weights.count; i++) {
        FV_NO_GRAD;
        fv_tensor *p = weights.items[i].tensor;
        fv_copy_(p, fv_view(fv_linspace(-0.5, 0.5, fv_numel(p)), .shape = fv_shape_of(p)));
    }
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.1, .momentum = 0.9);

    fv_tensor *x = fv_view(fv_sin(fv_arange(2 * 8 * 8)), 2, 1, 8, 8);
    fv_tensor *y = fv_tensor_from(((int64_t[]){0, 2}), 2);
    for (int step = 0; step < 2; step++) {
        FV_SCOPE;
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), y);
        fv_zero_grad(opt);
        fv_backward(loss);
        if (fv_step(opt) != FV_OK) return 1; /* stderr has said why */
        printf("loss %.4f\n", fv_item(loss));
    }
    for (int64_t i = 0; i < weights.count; i++)
        printf("%s %.4f\n", weights.items[i].name,
               fv_item(fv_norm(fv_grad_of(weights.items[i].tensor))));
    fv_free(opt);
    fv_free(net);
    fv_shutdown();
    return 0;
}
