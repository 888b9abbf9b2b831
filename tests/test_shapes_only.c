/* Tensors that have a shape only: what is known without computing, and what stays as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/models.h"
#include "support.h"

/* --- creators and functions that need elements ------------------------------------------------ */

START_TEST(creators_make_shapes_in_the_mode)
{
    FV_SCOPE {
        memory_mark mark = mark_memory();
        fv_rng_state state = fv_get_rng_state();
        bool before = fv_set_shapes_only(true);
        ck_assert(!before);
        fv_tensor *made[] = {
            fv_zeros(FV_SHAPE(2, 3)), fv_randn(FV_SHAPE(4)),
            fv_arange(0, 5, 1),       fv_eye(3),
            fv_full(FV_SHAPE(2), 7),  fv_randint(0, 9, FV_SHAPE(3)),
            fv_randperm(4),           fv_scalar(2, FV_FLOAT64),
            fv_linspace(0, 1, 5),     fv_tensor_from(NULL, FV_SHAPE(2), FV_FLOAT32)};
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
    FV_SCOPE {
        fv_set_log(NULL, NULL);
        fv_set_shapes_only(true);
        fv_tensor *x = fv_zeros(FV_SHAPE(1, 1), .requires_grad = true);
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
}
END_TEST

/* A real tensor beside one with a shape only: the result has a shape only, the real one stays. */
START_TEST(a_shape_among_real_tensors_wins_and_changes_nothing)
{
    FV_SCOPE {
        fv_set_log(NULL, NULL);
        fv_tensor *real = fv_ones(FV_SHAPE(4)), *mean = fv_zeros(FV_SHAPE(4));
        fv_set_shapes_only(true);
        fv_tensor *x = fv_zeros(FV_SHAPE(3, 4));
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
    for (int step = 0; step < 2; step++)
        FV_SCOPE {
            fv_tensor *x = fv_randn(FV_SHAPE(4, 3, 32, 32));
            fv_tensor *y = fv_randint(0, 10, FV_SHAPE(4));
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

/* --- every op --------------------------------------------------------------------------------- */

static void as_shapes(const op_case *c, fv_tensor *const *real, fv_tensor **x)
{
    bool before = fv_set_shapes_only(true);
    for (int i = 0; i < c->inputs; i++) {
        x[i] = real[i] ? fv_empty_like(real[i]) : NULL;
        if (real[i] && real[i]->requires_grad) fv_requires_grad(x[i], true);
    }
    fv_set_shapes_only(before);
}

static void compare(const fv_tensor *found, const fv_tensor *wanted, const char *what, int i)
{
    fv_shape a = fv_shape_of(found), b = fv_shape_of(wanted);
    if (!fv_is_shapes_only(found)) note_failure("%s %d has elements", what, i);
    if (!fv_shape_equal(&a, &b) || found->dtype != wanted->dtype)
        note_failure("%s %d is %s of %s, really %s of %s", what, i, fv_shape_text(&a),
                     fv_dtype_name(found->dtype), fv_shape_text(&b), fv_dtype_name(wanted->dtype));
    for (int d = 0; d < wanted->ndim && wanted->numel > 0; d++)
        if (wanted->shape[d] != 1 && found->strides[d] != wanted->strides[d])
            note_failure("%s %d lies in another order of memory", what, i);
}

static void differentiate(fv_tensor *const *y)
{
    for (int j = 0; j < CASE_OUTPUTS; j++) {
        if (!y[j] || !y[j]->requires_grad) continue;
        if (fv_backward(y[j], fv_ones_like(y[j]), .retain_graph = true) == FV_OK) continue;
        note_failure("backward: %s", fv_error());
        fv_clear_error();
    }
}

/* Runs the case and its gradients; false after a note. */
static bool run(const op_case *c, fv_tensor *const *x, fv_tensor **y)
{
    if (case_run(c, x, y) > 0) {
        differentiate(y);
        return true;
    }
    note_failure("refused: %s", fv_error());
    fv_clear_error();
    return false;
}

/* Outputs and gradients of the case, in both ways. */
static void check_case(const op_case *c)
{
    fv_tensor *real[CASE_INPUTS], *x[CASE_INPUTS], *y[CASE_OUTPUTS], *wanted[CASE_OUTPUTS];
    case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, true, real);
    as_shapes(c, real, x);
    if (!run(c, real, wanted)) return;
    int64_t bytes = fv_memory_stats().live_bytes;
    fv_set_shapes_only(true); /* for what the call itself creates */
    bool ran = run(c, x, y);
    fv_set_shapes_only(false);
    if (!ran) return;
    if (fv_get_rng_state().offset != 0) note_failure("random numbers were drawn");
    if (fv_memory_stats().live_bytes != bytes)
        note_failure("%lld bytes of real memory were made",
                     (long long)(fv_memory_stats().live_bytes - bytes));
    for (int j = 0; j < CASE_OUTPUTS; j++)
        if (wanted[j] && y[j]) compare(y[j], wanted[j], "output", j);
    for (int i = 0; i < c->inputs; i++) {
        if (!real[i] || !fv_grad_of(real[i])) continue;
        if (!fv_grad_of(x[i]))
            note_failure("gradient %d is missing", i);
        else
            compare(fv_grad_of(x[i]), fv_grad_of(real[i]), "gradient", i);
    }
}

START_TEST(every_case_and_gradient_runs_without_memory)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        set_context("%s/%s: shapes only", c->op, c->name);
        FV_SCOPE
            check_case(c);
    }
    ck_assert(no_failures());
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
    tcase_add_test(shapes, every_case_and_gradient_runs_without_memory);
    return suite;
}
