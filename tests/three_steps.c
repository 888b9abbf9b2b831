/* Three training steps of a small network and a shutdown: what test_valgrind.sh watches. */
#include <stdio.h>

#include "fovea.h"

int main(void)
{
    fv_manual_seed(0);
    fv_module *net =
        fv_sequential(fv_nn_conv2d(2, 5, 3, .padding = 1), fv_nn_batch_norm2d(5), fv_nn_relu(),
                      fv_nn_max_pool2d(2), fv_nn_flatten(), fv_nn_linear(5 * 3 * 3, 4));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.05, .momentum = 0.9);
    for (int step = 0; step < 3; step++) {
        FV_SCOPE;
        fv_tensor *x = fv_randn(3, 2, 6, 6);
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), fv_randint(3, .high = 4));
        fv_zero_grad(opt);
        fv_backward(loss);
        fv_step(opt);
        printf("%.6f\n", fv_item(loss));
    }
    int failed = fv_error_status() != FV_OK;
    fv_free(opt);
    fv_free(net);
    fv_shutdown();
    fv_memory_info info = fv_memory_stats();
    return failed || info.live_tensors || info.live_nodes || info.live_bytes || info.cached_bytes;
}
