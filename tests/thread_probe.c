/* What scripts want to know about threads and the environment.
 *
 *   thread_probe number        prints the number of threads and the engine
 *   thread_probe settings      prints these, the level, the engine of products, precision,
 *                              algorithm and choice of convolutions, whether layers are fused,
 *                              and the limit of kept weights, each read twice
 *   thread_probe error         makes two errors
 *   thread_probe steps N       N training steps of a small network */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/product/gemm.h"
#include "tensor/parallel_impl.h"

static void step(fv_module *net, fv_optim *opt)
{
    FV_SCOPE;
    fv_tensor *x = fv_randn(4, 3, 12, 12), *y = fv_randint(4, .high = 10);
    fv_zero_grad(opt);
    fv_backward(fv_cross_entropy(fv_forward(net, x), y));
    fv_step(opt);
}

static int run_steps(int n)
{
    fv_module *net =
        fv_sequential(fv_nn_conv2d(3, 8, 3, .padding = 1), fv_nn_batch_norm2d(8), fv_nn_relu(),
                      fv_nn_max_pool2d(2), fv_nn_conv2d(8, 8, 3, .groups = 8), fv_nn_relu(),
                      fv_nn_flatten(), fv_nn_linear(8 * 4 * 4, 10));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    for (int k = 0; k < n; k++) step(net, opt);
    fv_free(opt);
    fv_free(net);
    fv_shutdown();
    return fv_error_status() == FV_OK ? 0 : 1;
}

static void print_settings(void)
{
    static const char *const engines[] = {"best", "own", "blis"};
    static const char *const precisions[] = {"fast", "accurate", "exact"};
    const char *algorithm = fv_get_conv_algorithm();
    printf("%d %s %s %s %s %s %s %s %s %lld\n", fv_get_num_threads(), fv_parallel_engine_name(),
           fv_isa_name(fv_isa_level()), engines[fv_gemm_engine_wanted()],
           precisions[fv_get_conv_precision() - FV_CONV_FAST], algorithm ? algorithm : "any",
           fv_get_conv_benchmark() ? "timed" : "estimated",
           fv_fusion_enabled() ? "fused" : "unfused", fv_slices_enabled() ? "sliced" : "whole",
           (long long)fv_get_kept_weights_limit());
}

static int make_errors(void)
{
    FV_SCOPE;
    for (int i = 0; i < 2; i++) {
        fv_add(fv_ones(2), fv_ones(3));
        fv_clear_error();
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "number") == 0) {
        printf("%d %s\n", fv_get_num_threads(), fv_parallel_engine_name());
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "settings") == 0) {
        print_settings();
        print_settings();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "error") == 0) return make_errors();
    if (argc == 3 && strcmp(argv[1], "steps") == 0) return run_steps(atoi(argv[2]));
    fprintf(stderr, "usage: thread_probe number | settings | error | steps N\n");
    return 2;
}
