/* Batch normalisation and pooling on inputs that are cut into many pieces: the values of plain
 * loops at every level and in both memory orders, the same bits for any number of threads; and what
 * normalisation writes. */
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { MOST_RESULTS = 5 };

/* A call and its gradients: fills out and returns how many. */
typedef int (*results_fn)(fv_tensor *x, fv_tensor **out);

static fv_tensor *gradient_like(const fv_tensor *y)
{
    fv_manual_seed(11);
    return fv_to(fv_randn(.shape = fv_shape_of(y)), y->dtype);
}

static fv_tensor *channels(const fv_tensor *x)
{
    return fv_to(fv_rand(x->shape[1]), x->dtype);
}

static int finish(fv_tensor *x, fv_tensor **out)
{
    fv_backward(out[0], gradient_like(out[0]));
    out[1] = fv_grad_of(x);
    return 2;
}

/* The result of the op on x and the gradients of x, weight and bias. */
static int normalise(fv_tensor *x, fv_tensor **out)
{
    fv_manual_seed(5);
    fv_tensor *mean = channels(x), *var = channels(x), *weight = channels(x), *bias = channels(x);
    fv_requires_grad(weight, true);
    fv_requires_grad(bias, true);
    out[0] = fv_batch_norm(x, mean, var, weight, bias, .training = true);
    fv_backward(out[0], gradient_like(out[0]));
    out[1] = fv_grad_of(x);
    out[2] = fv_grad_of(weight);
    out[3] = fv_grad_of(bias);
    out[4] = var;
    return 5;
}

static int evaluate(fv_tensor *x, fv_tensor **out)
{
    fv_manual_seed(6);
    fv_tensor *mean = channels(x), *var = channels(x);
    out[0] = fv_batch_norm(x, mean, var);
    fv_backward(out[0], gradient_like(out[0]));
    out[1] = fv_grad_of(x);
    return 2;
}

/* The same with a residual and a relu in the same passes; the residual lies in x's order. */
static int normalise_and_add(fv_tensor *x, fv_tensor **out)
{
    fv_manual_seed(7);
    fv_tensor *weight = channels(x), *bias = channels(x), *residual = fv_clone(x);
    fv_requires_grad(weight, true);
    fv_requires_grad(bias, true);
    fv_tensor *leaf = fv_requires_grad(fv_detach(residual), true);
    out[0] = fv_batch_norm(x, .weight = weight, .bias = bias, .training = true, .residual = leaf,
                           .relu = true);
    fv_backward(out[0], gradient_like(out[0]));
    out[1] = fv_grad_of(x);
    out[2] = fv_grad_of(weight);
    out[3] = fv_grad_of(bias);
    out[4] = fv_grad_of(leaf);
    return 5;
}

static int normalise_to_relu(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_batch_norm(x, .training = true, .relu = true);
    return finish(x, out);
}

static int evaluate_and_add(fv_tensor *x, fv_tensor **out)
{
    fv_manual_seed(8);
    fv_tensor *mean = channels(x), *var = channels(x);
    out[0] = fv_batch_norm(x, mean, var, .residual = x, .relu = true);
    return finish(x, out);
}

static int max_pool(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_max_pool2d(x, 3, 2, 1, .ceil_mode = true, .indices = &out[2]);
    return finish(x, out) + 1;
}

static int max_pool_large(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_max_pool2d(x, 17, 3, 2, .indices = &out[2]);
    return finish(x, out) + 1;
}

static int avg_pool(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_avg_pool2d(x, 3, 2, 1, .count_include_pad = false);
    return finish(x, out);
}

static int adaptive_max(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_adaptive_max_pool2d(x, FV_DIMS(7, 9), .indices = &out[2]);
    return finish(x, out) + 1;
}

static int adaptive_avg(fv_tensor *x, fv_tensor **out)
{
    out[0] = fv_adaptive_avg_pool2d(x, FV_DIMS(7, 9));
    return finish(x, out);
}

/* --- comparing -------------------------------------------------------------------------------- */

static fv_tensor *input(const fv_shape *shape, fv_dtype dtype, bool channels_last)
{
    fv_manual_seed(3);
    fv_tensor *x = fv_to(fv_randn(.shape = *shape), dtype);
    if (channels_last && shape->ndim > 2) x = fv_to_channels_last(x);
    fv_requires_grad(x, true);
    return x;
}

static void compare(fv_tensor *const *found, fv_tensor *const *wanted, int count, double tolerance)
{
    char message[256];
    for (int j = 0; j < count; j++) {
        bool same = tolerance > 0
                        ? tensors_close(found[j], wanted[j], tolerance, message, sizeof message)
                        : tensors_same(found[j], wanted[j]);
        if (!same) note_failure("result %d: %s", j, tolerance > 0 ? message : "other bits");
    }
}

/* Every level and memory order against plain loops. */
static void check_values(const char *name, results_fn fn, const fv_shape *shape, fv_dtype dtype)
{
    fv_tensor *wanted[MOST_RESULTS], *found[MOST_RESULTS];
    fv_use_reference(true);
    int count = fn(input(shape, dtype, false), wanted);
    fv_use_reference(false);
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (int order = 0; order < 2; order++) {
            set_context("%s %s %s, %s", name, fv_shape_text(shape), fv_dtype_name(dtype),
                        fv_isa_name(level));
            fn(input(shape, dtype, order == 1), found);
            compare(found, wanted, count, dtype == FV_FLOAT64 ? 1e-11 : 2e-4);
        }
    }
    fv_set_isa(fv_isa_best());
}

static void check_bits(const char *name, results_fn fn, const fv_shape *shape, fv_dtype dtype)
{
    static const int threads[] = {2, 3, 8};
    fv_tensor *wanted[MOST_RESULTS], *found[MOST_RESULTS];
    int before = fv_get_num_threads();
    fv_set_num_threads(1);
    int count = fn(input(shape, dtype, true), wanted);
    for (int i = 0; i < 3; i++) {
        set_context("%s %s %s, %d threads", name, fv_shape_text(shape), fv_dtype_name(dtype),
                    threads[i]);
        fv_set_num_threads(threads[i]);
        force_threads(threads[i]);
        fn(input(shape, dtype, true), found);
        force_threads(0);
        compare(found, wanted, count, 0);
    }
    fv_set_num_threads(before);
}

static void check(const char *name, results_fn fn, const fv_shape *shape)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        {
            FV_SCOPE;
            check_values(name, fn, shape, d);
            check_bits(name, fn, shape, d);
        }
    }
}

START_TEST(batch_norm_in_many_chunks)
{
    /* folded rows with a tail, whole rows, more columns than a chunk has elements, one channel */
    const fv_shape shapes[] = {FV_SHAPE(5, 7, 67, 35), FV_SHAPE(3, 70, 40, 41), FV_SHAPE(301, 1000),
                               FV_SHAPE(70001, 1), FV_SHAPE(3, 5, 11, 13, 17)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check("batch_norm", normalise, &shapes[i]);
        check("batch_norm in evaluation", evaluate, &shapes[i]);
        check("batch_norm, residual and relu", normalise_and_add, &shapes[i]);
        check("batch_norm, relu", normalise_to_relu, &shapes[i]);
        check("batch_norm in evaluation, residual and relu", evaluate_and_add, &shapes[i]);
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(pooling_in_many_chunks)
{
    const fv_shape shapes[] = {FV_SHAPE(2, 3, 67, 71), FV_SHAPE(2, 40, 45, 39)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check("max_pool2d", max_pool, &shapes[i]);
        check("max_pool2d of 17x17", max_pool_large, &shapes[i]);
        check("avg_pool2d", avg_pool, &shapes[i]);
        check("adaptive_max_pool2d", adaptive_max, &shapes[i]);
        check("adaptive_avg_pool2d", adaptive_avg, &shapes[i]);
    }
    ck_assert(no_failures());
}
END_TEST

/* --- what normalisation writes ---------------------------------------------------------------- */

/* Backward through an op that read `statistic`, after a batch norm has come in between. */
static fv_status backward_after(fv_tensor *x, fv_tensor *mean, fv_tensor *var, fv_tensor *statistic,
                                bool training)
{
    fv_tensor *w = fv_ones(3, .requires_grad = true);
    fv_tensor *loss = fv_sum(fv_mul(w, statistic));
    fv_batch_norm(x, mean, var, .training = training);
    return fv_backward(loss);
}

START_TEST(training_writes_the_running_statistics_and_says_so)
{
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *x = fv_randn(4, 3, 5, 5), *none = fv_zeros(0, 3, 5, 5);
        fv_tensor *mean = fv_zeros(3), *var = fv_ones(3);
        uint32_t of_mean = fv_version(mean), of_var = fv_version(var);
        ck_assert_int_eq(backward_after(x, mean, var, mean, false), FV_OK);
        ck_assert_int_eq(backward_after(none, mean, var, var, true), FV_OK);
        ck_assert(fv_version(mean) == of_mean && fv_version(var) == of_var);

        ck_assert_int_eq(backward_after(x, mean, var, mean, true), FV_ERR_AUTOGRAD);
        expect_error(FV_ERR_AUTOGRAD, "mul");
        ck_assert(fv_version(mean) != of_mean && fv_version(var) != of_var);
        ck_assert_int_eq(backward_after(x, mean, var, var, true), FV_ERR_AUTOGRAD);
        expect_error(FV_ERR_AUTOGRAD, "mul");
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("normalisation and pooling");
    TCase *cut = add_case(suite, "cut");
    tcase_add_test(cut, batch_norm_in_many_chunks);
    tcase_add_test(cut, pooling_in_many_chunks);
    TCase *writes = add_case(suite, "writes");
    tcase_add_test(writes, training_writes_the_running_statistics_and_says_so);
    return suite;
}
