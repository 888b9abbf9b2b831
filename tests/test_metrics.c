/* Accuracy and confusion: values, ties, NaN, layouts, what does not count, bad arguments. */
#include <math.h>
#include <string.h>

#include "support.h"

static fv_tensor *labels_of(fv_shape shape, const int64_t *values)
{
    return fv_tensor_from(values, .shape = shape);
}

START_TEST(values_by_hand)
{
    FV_SCOPE;
    fv_tensor *scores = TENSOR(FV_FLOAT32, FV_SHAPE(4, 3), /* answers 1, 0, 2, 2 */
                               0.1, 0.7, 0.2, 5, 4, 3, -3, -2, -1, 0, 1, 2);
    fv_tensor *labels = labels_of(FV_SHAPE(4), (const int64_t[]){1, 1, 2, 0});
    ck_assert(fv_accuracy(scores, labels) == 0.5);
    ck_assert(fv_accuracy(scores, labels, 2) == 0.75);
    ck_assert(fv_accuracy(scores, labels, .topk = 3) == 1);
    ASSERT_VALUES(fv_confusion_matrix(scores, labels), 0, 0, 0, 1, 1, 1, 0, 0, 0, 1);
    fv_tensor *answers = labels_of(FV_SHAPE(4), (const int64_t[]){1, 0, 2, 2});
    ck_assert(fv_accuracy(answers, labels) == 0.5);
    fv_tensor *wide = fv_confusion_matrix(answers, labels, .classes = 4);
    ck_assert_int_eq(fv_dtype_of(wide), FV_INT64);
    ASSERT_VALUES(wide, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0);
    /* labels of another integer type, scores of float64 */
    fv_tensor *narrow = fv_to(labels, FV_UINT8), *fine = fv_to(scores, FV_FLOAT64);
    ck_assert(fv_accuracy(fine, narrow) == 0.5);
    ck_assert(fv_accuracy(fv_to(answers, FV_INT32), narrow) == 0.5);
    ck_assert(fv_accuracy(fv_to(scores, FV_BFLOAT16), labels) == 0.5);
}
END_TEST

START_TEST(ignored_labels_do_not_count)
{
    FV_SCOPE;
    fv_tensor *scores = TENSOR(FV_FLOAT32, FV_SHAPE(3, 2), 1, 0, 1, 0, 0, 1);
    fv_tensor *labels = labels_of(FV_SHAPE(3), (const int64_t[]){0, -100, 0});
    ck_assert(fv_accuracy(scores, labels) == 0.5);
    ASSERT_VALUES(fv_confusion_matrix(scores, labels), 0, 1, 1, 0, 0);
    labels = labels_of(FV_SHAPE(3), (const int64_t[]){0, 255, 1});
    ck_assert(fv_accuracy(scores, labels, .ignore_index = 255) == 1);
    ASSERT_VALUES(fv_confusion_matrix(scores, labels, .ignore_index = 255), 0, 1, 0, 0, 1);
    ck_assert(isnan(fv_accuracy(scores, labels_of(FV_SHAPE(3), (const int64_t[]){7, 7, 7}),
                                .ignore_index = 7)));
    ck_assert(isnan(fv_accuracy(fv_zeros(0, 5), fv_zeros(0, .dtype = FV_INT64))));
    ck_assert_int_eq(fv_error_status(), FV_OK);
    ASSERT_VALUES(fv_confusion_matrix(fv_zeros(0, 1), fv_zeros(0, .dtype = FV_INT64)), 0, 0);
}
END_TEST

/* As fv_argmax has it: the first of equals, NaN before all. */
START_TEST(ties_and_nan_are_those_of_argmax)
{
    FV_SCOPE;
    const double nan = (double)NAN, inf = (double)INFINITY;
    fv_tensor *scores = TENSOR(FV_FLOAT64, FV_SHAPE(6, 3), 1, 1, 1, 0, 2, 2, nan, 5, nan, 1, inf,
                               nan, -inf, -inf, -inf, inf, inf, 0);
    fv_tensor *best = fv_argmax(scores, .dim = 1);
    ck_assert(fv_accuracy(scores, best) == 1);
    ck_assert(fv_accuracy(best, best) == 1);
    fv_tensor *counts = fv_confusion_matrix(scores, best);
    ASSERT_VALUES(counts, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1);
    fv_tensor *second = labels_of(FV_SHAPE(6), (const int64_t[]){1, 2, 2, 1, 1, 1});
    ck_assert(fv_accuracy(scores, second) == 0);
    ck_assert(fv_accuracy(scores, second, 2) == 1);
}
END_TEST

/* Random scores of every rank and layout against a count by fv_at. */
START_TEST(any_layout_gives_the_same)
{
    static const fv_shape shapes[] = {{1, {7}}, {2, {9, 5}}, {3, {4, 6, 3}}, {4, {3, 4, 5, 2}}};
    for (int s = 0; s < 4; s++)
        for (int k = 1; k <= 3; k++) {
            FV_SCOPE;
            fv_manual_seed((uint64_t)(10 * s + k));
            const int class_dim = shapes[s].ndim > 1;
            const int64_t classes = shapes[s].dim[class_dim];
            fv_shape ls = {shapes[s].ndim - 1, {0}};
            for (int d = 0; d < ls.ndim; d++) ls.dim[d] = shapes[s].dim[d + (d >= class_dim)];
            double values[128];
            fv_tensor *base = fv_randint(.high = 6, .shape = shapes[s]); /* with ties */
            fv_copy_out(base, FV_FLOAT64, values);
            fv_tensor *labels = fv_randint(.high = classes, .shape = ls);
            int64_t right = 0;
            for (int64_t i = 0; i < fv_numel(labels); i++) {
                int64_t index[4], rest = i;
                for (int d = ls.ndim - 1; d >= 0; d--) {
                    index[d + (d >= class_dim)] = rest % ls.dim[d];
                    rest /= ls.dim[d];
                }
                const int64_t label = fv_data_int64(labels)[i];
                index[class_dim] = label;
                const double own = fv_at(base, index);
                int before = 0;
                for (int64_t c = 0; c < classes; c++) {
                    index[class_dim] = c;
                    const double v = fv_at(base, index);
                    before += v > own || (v == own && c < label);
                }
                right += before < k;
            }
            const double need = (double)right / (double)fv_numel(labels);
            for (layout order = 0; order < LAYOUT_COUNT; order++) {
                if (!layout_fits(order, &shapes[s]) || order >= LAYOUT_BROADCAST_FIRST) continue;
                fv_tensor *scores = tensor_in_layout(values, &shapes[s], FV_FLOAT32, order);
                ck_assert_msg(fv_accuracy(scores, labels, k) == need, "rank %d, topk %d, %s",
                              shapes[s].ndim, k, layout_name(order));
                fv_tensor *counts = fv_confusion_matrix(scores, labels);
                double on = 0;
                for (int64_t c = 0; c < classes; c++) on += fv_at(counts, (const int64_t[]){c, c});
                ck_assert(fv_item(fv_sum(counts)) == (double)fv_numel(labels));
                if (k == 1) ck_assert(on == (double)right);
            }
        }
}
END_TEST

#define REFUSED(status, part, call)                                                                \
    do {                                                                                           \
        ck_assert(isnan(call));                                                                    \
        expect_error(status, part);                                                                \
    } while (0)
#define MATRIX_REFUSED(status, part, call)                                                         \
    do {                                                                                           \
        ck_assert(fv_failed(call));                                                                \
        expect_error(status, part);                                                                \
    } while (0)

START_TEST(bad_arguments_are_refused)
{
    fv_set_log(NULL, NULL);
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        fv_tensor *scores = fv_zeros(2, 3), *labels = fv_zeros(2, .dtype = FV_INT64);
        fv_tensor *bad = labels_of(FV_SHAPE(2), (const int64_t[]){0, 3});
        fv_tensor *below = labels_of(FV_SHAPE(2), (const int64_t[]){-1, 0});
        REFUSED(FV_ERR_STATE, "scores are no tensor", fv_accuracy(NULL, labels));
        REFUSED(FV_ERR_STATE, "labels are no tensor", fv_accuracy(scores, NULL));
        REFUSED(FV_ERR_STATE, "labels are no", fv_accuracy(scores, fv_failed_tensor()));
        REFUSED(FV_ERR_DTYPE, "labels float32", fv_accuracy(scores, fv_zeros(2)));
        REFUSED(FV_ERR_DTYPE, "labels bool", fv_accuracy(scores, fv_zeros(2, .dtype = FV_BOOL)));
        REFUSED(FV_ERR_DTYPE, "scores are bool",
                fv_accuracy(fv_zeros(2, .dtype = FV_BOOL), labels));
        REFUSED(FV_ERR_SHAPE, "scores [2,3] and labels [3]",
                fv_accuracy(scores, fv_zeros(3, .dtype = FV_INT64)));
        REFUSED(FV_ERR_SHAPE, "scores [2,3] and labels [2,3]",
                fv_accuracy(scores, fv_zeros(2, 3, .dtype = FV_INT64)));
        REFUSED(FV_ERR_SHAPE, "scores []", fv_accuracy(fv_scalar(0, FV_FLOAT32), labels));
        REFUSED(FV_ERR_SHAPE, "answers [2] and labels [1]; need the same shape",
                fv_accuracy(labels, fv_zeros(1, .dtype = FV_INT64)));
        REFUSED(FV_ERR_OPTION, "topk is 0", fv_accuracy(scores, labels, 0));
        REFUSED(FV_ERR_OPTION, "topk is 4, these scores take 1 to 3",
                fv_accuracy(scores, labels, 4));
        REFUSED(FV_ERR_OPTION, "topk is 2, answers take 1 to 1", fv_accuracy(labels, labels, 2));
        REFUSED(FV_ERR_INDEX, "label 3 of number 1, need 0 to 2", fv_accuracy(scores, bad));
        REFUSED(FV_ERR_INDEX, "label -1 of number 0", fv_accuracy(scores, below));
        REFUSED(FV_ERR_INDEX, "label -1 of number 0 is negative", fv_accuracy(labels, below));
        REFUSED(FV_ERR_OPTION, "take 1 to 0", fv_accuracy(fv_zeros(2, 0), labels));
        MATRIX_REFUSED(FV_ERR_STATE, "scores are no", fv_confusion_matrix(NULL, labels));
        MATRIX_REFUSED(FV_ERR_INDEX, "need 0 to -1", fv_confusion_matrix(fv_zeros(2, 0), labels));
        MATRIX_REFUSED(FV_ERR_OPTION, "the answers do not say",
                       fv_confusion_matrix(labels, labels));
        MATRIX_REFUSED(FV_ERR_OPTION, "classes is -1",
                       fv_confusion_matrix(labels, labels, .classes = -1));
        MATRIX_REFUSED(FV_ERR_OPTION, "classes is 4, scores have 3",
                       fv_confusion_matrix(scores, labels, .classes = 4));
        MATRIX_REFUSED(FV_ERR_INDEX, "label 3 of number 1", fv_confusion_matrix(scores, bad));
        MATRIX_REFUSED(FV_ERR_INDEX, "answer 3 of number 1, need 0 to 1",
                       fv_confusion_matrix(bad, labels, .classes = 2));
        MATRIX_REFUSED(FV_ERR_MEMORY, "out of memory",
                       fv_confusion_matrix(labels, labels, .classes = (int64_t)1 << 40));
        fv_set_shapes_only(true);
        fv_tensor *none = fv_zeros(2, 3), *no_labels = fv_zeros(2, .dtype = FV_INT64);
        fv_set_shapes_only(false);
        REFUSED(FV_ERR_STATE, "scores have a shape only", fv_accuracy(none, labels));
        REFUSED(FV_ERR_STATE, "labels have a shape only", fv_accuracy(scores, no_labels));
    }
    char difference[128] = "";
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *metrics = add_case(suite, "metrics");
    tcase_add_test(metrics, values_by_hand);
    tcase_add_test(metrics, ignored_labels_do_not_count);
    tcase_add_test(metrics, ties_and_nan_are_those_of_argmax);
    tcase_add_test(metrics, any_layout_gives_the_same);
    tcase_add_test(metrics, bad_arguments_are_refused);
    return suite;
}
