/* Tensors that have a shape only: what is known without computing, and what stays as it was.
 * test_ops_shapes.c runs every case of every op so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/models.h"
#include "support.h"

/* --- creators and functions that need elements ------------------------------------------------ */

START_TEST(creators_make_shapes_in_the_mode)
{
    {
        FV_SCOPE;
        memory_mark mark = mark_memory();
        fv_rng_state state = fv_get_rng_state();
        bool before = fv_set_shapes_only(true);
        ck_assert(!before);
        fv_tensor *made[] = {fv_zeros(2, 3),
                             fv_randn(4),
                             fv_arange(0, 5, 1, .dtype = FV_FLOAT32),
                             fv_eye(3),
                             fv_full(2, .value = 7),
                             fv_randint(3, .high = 9),
                             fv_randperm(4),
                             fv_scalar(2, FV_FLOAT64),
                             fv_linspace(0, 1, 5),
                             fv_tensor_from(NULL, 2, .dtype = FV_FLOAT32)};
        fv_set_shapes_only(false);
        for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
            ck_assert(fv_is_shapes_only(made[i]));
            ck_assert_ptr_null(made[i]->data);
        }
        ck_assert(fv_is_shapes_only(fv_bernoulli(fv_rand_like(made[1]))));
        ck_assert_int_eq(fv_memory_stats().live_bytes, mark.info.live_bytes);
        ck_assert_int_gt(fv_memory_stats().booked_bytes, 0);
        fv_rng_state now = fv_get_rng_state();
        ck_assert_int_eq(memcmp(&state, &now, sizeof now), 0);
    }
    ck_assert_int_eq(fv_memory_stats().booked_bytes, 0);
}
END_TEST

START_TEST(what_needs_elements_says_so)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_set_shapes_only(true);
    fv_tensor *x = fv_zeros(1, 1, .requires_grad = true);
    fv_set_shapes_only(false);
    float number = 0;
    fv_item(x);
    expect_error(FV_ERR_STATE, "item: the tensor [1,1] has only a shape");
    fv_at(x, (const int64_t[]){0, 0});
    expect_error(FV_ERR_STATE, "at: the tensor [1,1] has only a shape");
    ck_assert_ptr_null(fv_data_float32(x));
    expect_error(FV_ERR_STATE, "data: the tensor [1,1] has only a shape");
    ck_assert_int_ne(fv_copy_out(x, FV_FLOAT32, &number), FV_OK);
    expect_error(FV_ERR_STATE, "copy_out: the tensor [1,1] has only a shape");
    ck_assert_int_ne(fv_copy_in(x, FV_FLOAT32, &number), FV_OK);
    expect_error(FV_ERR_STATE, "copy_in: the tensor [1,1] has only a shape");
    ck_assert_int_ne(fv_need_elements("my_function", x), FV_OK);
    expect_error(FV_ERR_STATE, "my_function: the tensor [1,1] has only a shape");
    ck_assert_int_eq(fv_backward(fv_sum(fv_relu(x))), FV_OK);
    ck_assert(fv_is_shapes_only(fv_grad_of(x)));
    fv_clip_grad_norm_(FV_TENSORS(x), 1.0);
    expect_error(FV_ERR_STATE, "clip_grad_norm_: the gradient of parameter 0 has only a shape");
    const char *name = "x";
    ck_assert_int_ne(fv_save_tensors("shapes.safetensors", &name, &x, 1, NULL, 0), FV_OK);
    fv_clear_error();
    char *text = fv_to_string(x);
    ck_assert_str_eq(text, "tensor(..., size=(1, 1), requires_grad=True)");
    free(text);
}
END_TEST

/* A real tensor beside one with a shape only: the result has a shape only, the real one stays. */
START_TEST(a_shape_among_real_tensors_wins_and_changes_nothing)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *real = fv_ones(4), *mean = fv_zeros(4);
    fv_set_shapes_only(true);
    fv_tensor *x = fv_zeros(3, 4);
    fv_set_shapes_only(false);
    fv_tensor *y = fv_add(x, real);
    ck_assert(fv_is_shapes_only(y));
    ck_assert(!fv_is_shapes_only(fv_mul(real, real)));
    uint32_t version = fv_version(mean);
    fv_tensor *n = fv_batch_norm(x, mean, real, .training = true);
    ck_assert(fv_is_shapes_only(n));
    ck_assert_uint_eq(fv_version(mean), version);
    ASSERT_VALUES(mean, 0, 0, 0, 0, 0);
    fv_add_(real, fv_select(x, 0, 0));
    expect_error(FV_ERR_OPTION, "in place: [4] has elements, an input only a shape");
    ASSERT_VALUES(real, 0, 1, 1, 1, 1);
    fv_rng_state state = fv_get_rng_state();
    fv_dropout(x, 0.5);
    fv_dropout2d(x, 0.5);
    fv_rng_state now = fv_get_rng_state();
    ck_assert_int_eq(memcmp(&state, &now, sizeof now), 0);
}
END_TEST

/* --- networks --------------------------------------------------------------------------------- */

typedef struct network {
    const char *name;
    fv_module *(*make)(void);
} network;

static const network networks[] = {
    {"lenet", lenet}, {"resnet20", resnet20}, {"resnet18", resnet18}};

/* Two steps of SGD with momentum, so that the second has all the state. */
static void train(const network *n)
{
    fv_module *net = n->make();
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    for (int step = 0; step < 2; step++) {
        FV_SCOPE;
        fv_tensor *x = fv_randn(4, 3, 32, 32);
        fv_tensor *y = fv_randint(4, .high = 10);
        fv_zero_grad(opt);
        ck_assert_int_eq(fv_backward(fv_cross_entropy(fv_forward(net, x), y)), FV_OK);
        ck_assert_int_eq(fv_step(opt), FV_OK);
    }
    fv_free(opt);
    fv_free(net);
}

static int64_t peak_of(const network *n, bool shapes_only)
{
    fv_memory_info before = fv_memory_stats();
    fv_reset_peak_memory();
    bool mode = fv_set_shapes_only(shapes_only);
    train(n);
    fv_set_shapes_only(mode);
    fv_memory_info after = fv_memory_stats();
    if (shapes_only) ck_assert_int_eq(after.peak_bytes, before.live_bytes);
    return shapes_only ? after.booked_peak_bytes - before.booked_bytes
                       : after.peak_bytes - before.live_bytes;
}

START_TEST(the_peak_of_a_step_is_known_to_the_byte)
{
    int before = fv_get_num_threads();
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            fv_set_num_threads(threads);
            int64_t predicted = peak_of(&networks[i], true),
                    measured = peak_of(&networks[i], false);
            printf("%s, %d threads: predicted %lld, measured %lld bytes\n", networks[i].name,
                   threads, (long long)predicted, (long long)measured);
            ck_assert_int_eq(predicted, measured);
        }
    }
    fv_set_num_threads(before);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("shapes only");
    TCase *shapes = add_case(suite, "shapes");
    tcase_add_test(shapes, creators_make_shapes_in_the_mode);
    tcase_add_test(shapes, what_needs_elements_says_so);
    tcase_add_test(shapes, a_shape_among_real_tensors_wins_and_changes_nothing);
    tcase_add_test(shapes, the_peak_of_a_step_is_known_to_the_byte);
    return suite;
}
