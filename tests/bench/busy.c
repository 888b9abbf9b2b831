/* Training steps of a small network while other processes want the cores: the program of busy.sh.
 *
 *   busy THREADS RUNS     prints the milliseconds of 40 steps, RUNS times */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

enum { STEPS = 40, WARM_UP = 5 };

static double now_ms(void)
{
    return now_seconds() * 1e3;
}

static void train(fv_module *net, fv_optim *opt, fv_tensor *x, fv_tensor *y, int steps)
{
    for (int k = 0; k < steps; k++) {
        FV_SCOPE;
        fv_zero_grad(opt);
        fv_backward(fv_cross_entropy(fv_forward(net, x), y));
        fv_step(opt);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: busy THREADS RUNS\n");
        return 2;
    }
    fv_set_num_threads(atoi(argv[1]));
    fv_manual_seed(0);
    fv_module *net = fv_sequential(
        fv_nn_conv2d(3, 8, 3, .padding = 1), fv_nn_relu(), fv_nn_conv2d(8, 16, 3, .padding = 1),
        fv_nn_relu(), fv_nn_max_pool2d(2), fv_nn_flatten(), fv_nn_linear(16 * 8 * 8, 10));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    fv_tensor *x = fv_randn(8, 3, 16, 16), *y = fv_randint(8, .high = 10);
    train(net, opt, x, y, WARM_UP);
    for (int run = 0; run < atoi(argv[2]); run++) {
        double start = now_ms();
        train(net, opt, x, y, STEPS);
        printf(" %7.1f", now_ms() - start);
    }
    printf("\n");
    fv_free(opt);
    fv_free(net);
    int rc = fv_error_status() == FV_OK ? 0 : 1;
    fv_shutdown();
    return rc;
}
