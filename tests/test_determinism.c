/* The same seed gives the same bits: a training run at 1, 2, 3 and 8 threads, on an idle machine
 * and with other threads on its cores. */
#include <pthread.h>
#include <stdio.h>

#include "support.h"

enum { STEPS = 4, BATCH = 16, BUSY = 3 };

static fv_module *network(void)
{
    return fv_sequential(fv_nn_conv2d(3, 24, 3, .padding = 1, .bias = false),
                         fv_nn_batch_norm2d(24), fv_nn_relu(), fv_nn_max_pool2d(2),
                         fv_nn_conv2d(24, 48, 5, .padding = 2, .stride = 2), fv_nn_relu(),
                         fv_nn_conv2d(48, 48, 3, .padding = 1, .groups = 48), fv_nn_avg_pool2d(2),
                         fv_nn_dropout(.p = 0.3), fv_nn_flatten(), fv_nn_linear(48 * 4 * 4, 96),
                         fv_nn_relu(), fv_nn_linear(96, 10));
}

/* FNV-1a over the bytes of the weights, statistics and losses. */
static uint64_t mix(uint64_t hash, const fv_tensor *t)
{
    const unsigned char *bytes = t->data;
    ck_assert(fv_is_contiguous(t));
    for (size_t i = 0; i < (size_t)t->numel * fv_dtype_size(t->dtype); i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t train(bool adam)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    fv_manual_seed(7);
    fv_module *net = network();
    fv_tensor_list params = fv_parameters(net);
    fv_optim *opt =
        adam ? fv_adam(params, .lr = 1e-3) : fv_sgd(params, .lr = 0.05, .momentum = 0.9);
    for (int step = 0; step < STEPS; step++) {
        FV_SCOPE;
        fv_tensor *x = fv_randn(BATCH, 3, 32, 32);
        fv_tensor *y = fv_randint(BATCH, .high = 10);
        fv_zero_grad(opt);
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), y);
        ck_assert_int_eq(fv_backward(loss), FV_OK);
        fv_clip_grad_norm_(params, 1.0);
        ck_assert_int_eq(fv_step(opt), FV_OK);
        hash = mix(hash, loss);
    }
    for (int64_t i = 0; i < params.count; i++) hash = mix(hash, params.items[i]);
    fv_free(opt);
    fv_free(net);
    return hash;
}

static void compare_threads(const char *where)
{
    static const int counts[] = {1, 2, 3, 8};
    int before = fv_get_num_threads();
    for (int adam = 0; adam < 2; adam++) {
        uint64_t first = 0;
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            fv_set_num_threads(counts[k]);
            uint64_t hash = train(adam);
            if (k == 0) first = hash;
            ck_assert_msg(hash == first, "%s, %d threads: other bits than with one", where,
                          counts[k]);
        }
        printf("%s: %016llx at 1, 2, 3 and 8 threads\n", where, (unsigned long long)first);
    }
    fv_set_num_threads(before);
}

START_TEST(a_run_has_the_same_bits_at_any_number_of_threads)
{
    compare_threads("idle");
}
END_TEST

static void *burn(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
    }
    return NULL;
}

START_TEST(a_run_has_the_same_bits_on_a_busy_machine)
{
    pthread_t busy[BUSY];
    bool stop = false;
    for (int i = 0; i < BUSY; i++) ck_assert_int_eq(pthread_create(&busy[i], NULL, burn, &stop), 0);
    compare_threads("busy");
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < BUSY; i++) pthread_join(busy[i], NULL);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("determinism");
    TCase *bits = add_case(suite, "bits");
    tcase_add_test(bits, a_run_has_the_same_bits_at_any_number_of_threads);
    tcase_add_test(bits, a_run_has_the_same_bits_on_a_busy_machine);
    return suite;
}
