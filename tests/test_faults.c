/* Fault injection: every allocation of a training step fails once. The step then reports an error,
 * leaks nothing and leaves the weights as they were; the next one is right. */
#include <string.h>

#include "support.h"

enum { MOST_ALLOCATIONS = 20000, PARAMETERS = 4, CALM = 32 };

/* A small network with weights at fixed values, and an optimizer with state. */
typedef struct network {
    fv_tensor *p[PARAMETERS]; /* conv weight and bias, linear weight and bias */
    fv_optim *opt;
} network;

static const fv_shape shapes[PARAMETERS] = {{4, {3, 2, 3, 3}}, {1, {3}}, {2, {4, 27}}, {1, {4}}};

static bool network_make(network *n)
{
    fv_manual_seed(8);
    for (int k = 0; k < PARAMETERS; k++)
        n->p[k] = fv_retain(fv_randn(shapes[k], .requires_grad = true));
    n->opt = fv_sgd(((fv_tensor_list){n->p, PARAMETERS}), .lr = 0.1, .momentum = 0.9);
    return n->opt != NULL;
}

static void network_drop(network *n)
{
    fv_free(n->opt);
    for (int k = 0; k < PARAMETERS; k++) fv_release(n->p[k]);
}

static fv_status network_step(network *n)
{
    fv_status status = FV_OK;
    FV_SCOPE {
        fv_tensor *x = fv_ones(FV_SHAPE(2, 2, 6, 6));
        fv_tensor *y = fv_zeros(FV_SHAPE(2), .dtype = FV_INT64);
        fv_tensor *h = fv_relu(fv_conv2d(x, n->p[0], n->p[1], .padding = 1));
        h = fv_flatten(fv_max_pool2d(h, 2), .start_dim = 1);
        fv_tensor *loss = fv_cross_entropy(fv_linear(h, n->p[2], n->p[3]), y);
        fv_zero_grad(n->opt);
        status = fv_backward(loss);
        if (status == FV_OK) status = fv_step(n->opt);
    }
    return status;
}

/* The weights, one after the other. */
enum { WEIGHTS = 54 + 3 + 108 + 4 };
static void read_weights(const network *n, float *out)
{
    for (int k = 0; k < PARAMETERS; k++) {
        fv_copy_out(n->p[k], FV_FLOAT32, out);
        out += n->p[k]->numel;
    }
}

/* The weights after `steps` undisturbed steps. */
static void wanted_weights(int steps, float *out)
{
    network n;
    FV_SCOPE {
        ck_assert(network_make(&n));
        for (int k = 0; k < steps; k++) ck_assert_int_eq(network_step(&n), FV_OK);
        read_weights(&n, out);
        network_drop(&n);
    }
}

/* One step whose allocation number `failing` fails. Returns whether the step failed. */
static bool disturbed_step(int failing, const float *start, const float *once)
{
    float now[WEIGHTS];
    network n;
    char difference[128];
    bool failed = false;
    memory_mark mark = mark_memory();
    FV_SCOPE {
        ck_assert(network_make(&n));
        fv_inject_alloc_failure(failing);
        fv_status status = network_step(&n);
        fv_inject_alloc_failure(-1);
        failed = status != FV_OK;
        read_weights(&n, now);
        if (failed && fv_error()[0] == '\0')
            note_failure("%d: a status without a message", failing);
        if (failed && memcmp(now, start, sizeof now) != 0)
            note_failure("%d: the step failed (%s) but changed weights", failing, fv_error());
        if (!failed && memcmp(now, once, sizeof now) != 0)
            note_failure("%d: the step succeeded with wrong weights", failing);
        if (!failed && fv_error()[0]) note_failure("%d: FV_OK, but \"%s\"", failing, fv_error());
        fv_clear_error();
        if (failed) {
            if (network_step(&n) != FV_OK)
                note_failure("%d: the next step: %s", failing, fv_error());
            fv_clear_error();
            read_weights(&n, now);
            if (memcmp(now, once, sizeof now) != 0)
                note_failure("%d: the next step gives wrong weights", failing);
        }
        network_drop(&n);
    }
    if (!same_memory(mark, difference, sizeof difference))
        note_failure("%d: leaks %s", failing, difference);
    return failed;
}

START_TEST(every_allocation_of_a_training_step_may_fail)
{
    float start[WEIGHTS], once[WEIGHTS];
    fv_set_log(NULL, NULL);
    wanted_weights(0, start);
    wanted_weights(1, once);
    ck_assert(memcmp(start, once, sizeof start) != 0);
    int failures = 0, calm = 0, n = 0;
    for (; n < MOST_ALLOCATIONS && calm < CALM; n++) {
        set_context("allocation %d", n);
        bool failed = disturbed_step(n, start, once);
        failures += failed;
        calm = failed ? 0 : calm + 1;
    }
    printf("allocations of a training step that were made to fail: %d\n", failures);
    ck_assert_int_gt(failures, 10);
    ck_assert_int_eq(calm, CALM);
    ck_assert(no_failures());
}
END_TEST

START_TEST(constructors_survive_failed_allocations)
{
    fv_set_log(NULL, NULL);
    for (int n = 0; n < 50; n++) {
        memory_mark mark = mark_memory();
        char difference[128];
        FV_SCOPE {
            fv_inject_alloc_failure(n);
            fv_tensor *t = fv_requires_grad(fv_randn(FV_SHAPE(3, 3)), true);
            fv_tensor *parts[] = {t, fv_ones(FV_SHAPE(3, 3)), fv_arange(0, 3)};
            fv_tensor *sum = fv_add(fv_add(parts[0], parts[1]), parts[2]);
            if (fv_failed(sum) && !fv_error()[0]) note_failure("%d: failed without a message", n);
            if (!fv_failed(sum) && fv_error()[0]) note_failure("%d: \"%s\"", n, fv_error());
            fv_inject_alloc_failure(-1);
        }
        fv_clear_error();
        if (!same_memory(mark, difference, sizeof difference))
            note_failure("%d: %s", n, difference);
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = add_case(suite, "faults");
    tcase_add_test(faults, every_allocation_of_a_training_step_may_fail);
    tcase_add_test(faults, constructors_survive_failed_allocations);
    return suite;
}
