/* A user's program. Its own headers and functions have names that Fovea's sources use as well. */
#include "tensor/tensor.h"
#include <fovea.h>
#include <fovea/fovea.h>
#include <stdio.h>
#include <string.h>

int conv_taps(int a, int b)
{
    return a + b + own_tensor;
}

/* Three channels of ones under a 3x3 kernel of ones: 27 everywhere. */
static double convolved(void)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(1, 3, 8, 8);
    return fv_item(fv_mean(fv_conv2d(x, fv_ones(4, 3, 3, 3))));
}

static double loss_of(fv_module *net)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(2, 4), *y = fv_full(2, 1, .value = 5);
    fv_tensor *loss = fv_mse_loss(fv_forward(net, x), y);
    if (fv_backward(loss) != FV_OK) return -1;
    return fv_item(loss);
}

int main(void)
{
    fv_manual_seed(0);
    fv_module *net = fv_sequential(fv_nn_linear(4, 3), fv_nn_relu(), fv_nn_linear(3, 1));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01);
    double before = loss_of(net);
    if (fv_step(opt) != FV_OK) return 1;
    double after = loss_of(net), mean = convolved();
    fv_free(opt);
    fv_free(net);
    fv_shutdown();

    printf("fovea %s: %g, %g -> %g\n", fv_version_string(), mean, before, after);
    if (strcmp(fv_version_string(), FOVEA_VERSION) != 0) return 2;
    if (conv_taps(1, 2) != 1003 || mean != 27) return 3;
    return after >= 0 && after < before ? 0 : 4;
}
