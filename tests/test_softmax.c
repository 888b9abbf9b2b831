/* Softmax far from zero: adding a number to all elements of a line changes nothing, however large
 * it is; infinities and NaN are PyTorch's. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "tensor/kernels/isa.h"

typedef fv_tensor *(*softmax_fn)(fv_tensor *x, int64_t dim);

/* Small whole numbers, so that the shifted ones are exact in float32. */
static fv_tensor *scores(const fv_shape *shape, fv_dtype dtype, double shift)
{
    int64_t count = fv_shape_numel(shape);
    double *values = malloc((size_t)count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++) values[i] = shift + (double)(i * 7 % 11 - 5);
    fv_tensor *t = tensor_of(dtype, *shape, values);
    free(values);
    return t;
}

static void check_shift(softmax_fn fn, const fv_shape *shape, int64_t dim, fv_dtype dtype)
{
    static const double shifts[] = {-1000, 1000, -60000};
    char message[256];
    fv_tensor *want = fn(scores(shape, dtype, 0), dim);
    for (int k = 0; k < 3; k++) {
        fv_tensor *found = fn(scores(shape, dtype, shifts[k]), dim);
        if (!tensors_close(found, want, 1e-5, message, sizeof message))
            note_failure("%s %s along %d, shifted by %g: %s", fv_shape_text(shape),
                         fv_dtype_name(dtype), (int)dim, shifts[k], message);
    }
}

START_TEST(a_shift_of_the_whole_line_changes_nothing)
{
    /* short rows, rows of one and of several vectors, columns of few and many */
    static const fv_shape shapes[] = {{2, {5, 3}},   {2, {70, 10}},   {2, {3, 16}},
                                      {2, {3, 100}}, {3, {4, 9, 40}}, {1, {1}}};
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        fv_set_isa(level);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (int64_t dim = 0; dim < shapes[i].ndim; dim++)
                for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
                    FV_SCOPE;
                    check_shift(fv_softmax, &shapes[i], dim, d);
                    check_shift(fv_log_softmax, &shapes[i], dim, d);
                }
    }
    fv_set_isa(fv_isa_best());
    ck_assert(no_failures());
}
END_TEST

START_TEST(infinities_and_nan_are_those_of_pytorch)
{
    const double inf = (double)INFINITY, nan = (double)NAN;
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        fv_tensor *x =
            TENSOR(d, FV_SHAPE(4, 3), 0, -inf, 0, -inf, -inf, -inf, 0, inf, 0, 0, nan, 0);
        ASSERT_VALUES(fv_softmax(x, 1), 1e-6, 0.5, 0, 0.5, nan, nan, nan, nan, nan, nan, nan, nan,
                      nan);
        ASSERT_VALUES(fv_softmax(fv_transpose(x, 0, 1), 0), 1e-6, 0.5, nan, nan, nan, 0, nan, nan,
                      nan, 0.5, nan, nan, nan);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("softmax");
    TCase *softmax = add_case(suite, "softmax");
    tcase_add_test(softmax, a_shift_of_the_whole_line_changes_nothing);
    tcase_add_test(softmax, infinities_and_nan_are_those_of_pytorch);
    return suite;
}
