/* A long training run holds its memory: 20,000 small steps, or 1,000,000 with FOVEA_SOAK=1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "support.h"

enum { MIB = 1 << 20, SHORT = 20000, LONG = 1000000, WARM_UP = 1000, SANITIZED = 2000 };

static int steps_wanted(void)
{
    const char *soak = getenv("FOVEA_SOAK");
    if (soak && strcmp(soak, "1") == 0) return LONG;
    return FOVEA_SANITIZED ? SANITIZED : SHORT;
}

static double train(fv_module *net, fv_optim *opt, fv_tensor *x, fv_tensor *y)
{
    double value = (double)NAN;
    {
        FV_SCOPE;
        fv_tensor *loss = fv_cross_entropy(fv_forward(net, x), y);
        fv_zero_grad(opt);
        fv_backward(loss);
        if (fv_step(opt) == FV_OK) value = fv_item(loss);
    }
    return value;
}

START_TEST(small_steps_hold_their_memory)
{
    FV_SCOPE;
    int steps = steps_wanted();
    fv_manual_seed(5);
    fv_module *net = fv_sequential(fv_nn_linear(16, 24), fv_nn_relu(), fv_nn_linear(24, 4));
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    fv_tensor *x = fv_randn(8, 16), *y = fv_randint(8, .high = 4);
    double first = train(net, opt, x, y), last = first;
    for (int k = 0; k < WARM_UP; k++) train(net, opt, x, y);
    fv_reset_peak_memory();
    train(net, opt, x, y);
    fv_memory_info before = fv_memory_stats();
    int64_t resident = resident_bytes();
    for (int k = 0; k < steps; k++) {
        last = train(net, opt, x, y);
        if (k % 1000 == 0 || k == steps - 1)
            ck_assert_int_eq(fv_memory_stats().live_tensors, before.live_tensors);
    }
    fv_memory_info after = fv_memory_stats();
    ck_assert(memcmp(&before, &after, sizeof after) == 0); /* every number of it */
    if (resident) ck_assert_int_lt(resident_bytes(), resident + MIB);
    ck_assert_msg(last < first / 2, "the loss went from %g to %g", first, last);
    printf("%d steps: %lld live tensors, resident %+lld KiB\n", steps,
           (long long)after.live_tensors, (long long)(resident_bytes() - resident) / 1024);
    fv_free(opt);
    fv_free(net);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("soak");
    tcase_add_test(add_case(suite, "soak"), small_steps_hold_their_memory);
    return suite;
}
