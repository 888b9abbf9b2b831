/* Rounds of ops for test_one_thread.sh, which counts their system calls: one_thread ROUNDS. */
#include <fovea.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    fv_tensor *x = fv_randn(2, 8, 16, 16), *w = fv_randn(16, 8, 3, 3);
    fv_tensor *p = fv_randn(16 * 8 * 8, 10, .requires_grad = true);
    for (long i = 0; i < rounds; i++) {
        FV_SCOPE;
        fv_tensor *h = fv_relu(fv_conv2d(x, w, NULL, .padding = 1));
        h = fv_max_pool2d(fv_batch_norm(h, NULL, NULL, .training = true), 2);
        h = fv_matmul(fv_dropout(fv_flatten(h, .start_dim = 1), 0.5), p);
        fv_backward(fv_sum(fv_log_softmax(h, 1)));
        fv_set_grad(p, NULL);
    }
    fv_status status = fv_error_status();
    fv_shutdown();
    return status == FV_OK ? 0 : 1;
}
