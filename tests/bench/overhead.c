/* Overhead: what an op costs when there is hardly anything to compute.
 *
 * Prints nanoseconds an op on 8x8 float32 tensors, forward (no tape) and with backward (a chain of
 * ops recorded and walked), and microseconds a training step of a 32-64-10 network at batch 8.
 * The median of several rounds; --json prints one JSON object instead of the table. */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { ROUNDS = 15, CALLS = 2000, CHAIN = 20 };

static double now(void)
{
    return now_seconds() * 1e9;
}

typedef fv_tensor *(*op_fn)(fv_tensor *x, fv_tensor *w);

static fv_tensor *op_add(fv_tensor *x, fv_tensor *w)
{
    return fv_add(x, w);
}
static fv_tensor *op_mul(fv_tensor *x, fv_tensor *w)
{
    return fv_mul(x, w);
}
static fv_tensor *op_relu(fv_tensor *x, fv_tensor *w)
{
    (void)w;
    return fv_relu(x);
}
static fv_tensor *op_reshape(fv_tensor *x, fv_tensor *w)
{
    (void)w;
    return fv_reshape(x, 8, 8);
}
static fv_tensor *op_matmul(fv_tensor *x, fv_tensor *w)
{
    return fv_matmul(x, w);
}
static fv_tensor *op_linear(fv_tensor *x, fv_tensor *w)
{
    return fv_linear(x, w, NULL);
}

static double forward_ns(op_fn op, fv_tensor *x, fv_tensor *w)
{
    double times[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        for (int i = 0; i < CALLS; i += CHAIN) {
            FV_NO_GRAD;
            FV_SCOPE;
            for (int k = 0; k < CHAIN; k++) op(x, w);
        }
        times[r] = (now() - start) / CALLS;
    }
    qsort(times, ROUNDS, sizeof *times, compare_doubles);
    return times[ROUNDS / 2];
}

/* A chain of CHAIN ops, then backward from its end: time an op of both. */
static double backward_ns(op_fn op, fv_tensor *x, fv_tensor *w)
{
    double times[ROUNDS];
    fv_tensor *ones = fv_ones_like(x);
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        for (int i = 0; i < CALLS; i += CHAIN) {
            FV_SCOPE;
            fv_tensor *y = x;
            for (int k = 0; k < CHAIN; k++) y = op(y, w);
            fv_backward(y, ones);
            fv_set_grad(x, NULL);
        }
        times[r] = (now() - start) / CALLS;
    }
    qsort(times, ROUNDS, sizeof *times, compare_doubles);
    return times[ROUNDS / 2];
}

static double step_us(void)
{
    enum { STEPS = 300 };
    double times[ROUNDS];
    fv_module *net = fv_sequential(fv_nn_linear(32, 64), fv_nn_relu(), fv_nn_linear(64, 10));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    fv_tensor *x = fv_randn(8, 32), *y = fv_randint(8, .high = 10);
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        for (int i = 0; i < STEPS; i++) {
            FV_SCOPE;
            fv_zero_grad(opt);
            fv_backward(fv_cross_entropy(fv_forward(net, x), y));
            fv_step(opt);
        }
        times[r] = (now() - start) / STEPS / 1000;
    }
    fv_free(opt);
    fv_free(net);
    qsort(times, ROUNDS, sizeof *times, compare_doubles);
    return times[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        op_fn op;
    } ops[] = {{"add", op_add},         {"mul", op_mul},       {"relu", op_relu},
               {"reshape", op_reshape}, {"matmul", op_matmul}, {"linear", op_linear}};
    enum { OPS = sizeof ops / sizeof *ops };
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    fv_manual_seed(0);
    fv_tensor *x = fv_rand(8, 8, .requires_grad = true);
    fv_tensor *w = fv_mul(fv_rand(8, 8), 0.1);
    if (json)
        printf("{");
    else
        printf("%-10s %12s %22s\n", "op (8x8)", "forward ns", "forward+backward ns");
    for (int i = 0; i < OPS; i++) {
        double f = forward_ns(ops[i].op, x, w), b = backward_ns(ops[i].op, x, w);
        if (json)
            printf("\"%s\": {\"forward_ns\": %.1f, \"backward_ns\": %.1f}, ", ops[i].name, f, b);
        else
            printf("%-10s %12.0f %22.0f\n", ops[i].name, f, b);
    }
    double us = step_us();
    printf(json ? "\"mlp_step_us\": %.2f}\n" : "MLP 32-64-10, batch 8: %.1f us a training step\n",
           us);
    int rc = fv_error_status() == FV_OK ? 0 : 1;
    fv_shutdown();
    return rc;
}
