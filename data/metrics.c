/* Accuracy and confusion: labels and what is compared with them, walked side by side. */
#include "data/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/scope.h"

/* Answers to labels: scores of every class, or the answers themselves. */
typedef struct answers {
    const char *function; /* for messages */
    const fv_tensor *given, *labels;
    int class_dim;   /* of scores; -1: answers */
    int64_t classes; /* of scores; of answers what the caller says, -1: any */
    int64_t ignore;
} answers;

static bool are_scores(const fv_tensor *t)
{
    return fv_dtype_is_floating(t->dtype) || t->dtype == FV_FLOAT16 || t->dtype == FV_BFLOAT16;
}

static bool is_integer(const fv_tensor *t)
{
    return !are_scores(t) && t->dtype != FV_BOOL;
}

/* Have scores, without their classes, the labels' shape? */
static bool shapes_agree(const answers *a)
{
    const int extra = a->class_dim >= 0;
    if (a->given->ndim != a->labels->ndim + extra) return false;
    for (int d = 0; d < a->labels->ndim; d++)
        if (a->given->shape[d + (extra && d >= a->class_dim)] != a->labels->shape[d]) return false;
    return true;
}

static fv_status check_answers(answers *a)
{
    const fv_tensor *given = a->given, *labels = a->labels;
    if (fv_failed_in(a->function, given) || fv_failed_in(a->function, labels))
        return fv_fail(FV_ERR_STATE, "%s: %s no tensor", a->function,
                       fv_usable(given) ? "labels are" : "scores are");
    if (given->shapes_only || labels->shapes_only)
        return fv_fail(FV_ERR_STATE, "%s: %s have a shape only", a->function,
                       given->shapes_only ? "scores" : "labels");
    const bool scores = are_scores(given);
    if ((!scores && !is_integer(given)) || !is_integer(labels))
        return fv_fail(FV_ERR_DTYPE,
                       "%s: scores are %s and labels %s; need floating scores or integer answers, "
                       "and integer labels",
                       a->function, fv_dtype_name(given->dtype), fv_dtype_name(labels->dtype));
    a->class_dim = scores ? given->ndim > 1 : -1;
    fv_shape sg = fv_shape_of(given), sl = fv_shape_of(labels);
    if (!shapes_agree(a))
        return fv_fail(FV_ERR_SHAPE, "%s: %s %s and labels %s; need %s", a->function,
                       scores ? "scores" : "answers", fv_shape_text(&sg), fv_shape_text(&sl),
                       scores ? "[N,C,...] and [N,...], or [C] and []" : "the same shape");
    if (scores) a->classes = given->shape[a->class_dim];
    return FV_OK;
}

/* Where label number i, in row-major order, and its scores or answer lie. */
static void locate(const answers *a, int64_t i, int64_t *label, int64_t *given)
{
    *label = *given = 0;
    for (int d = a->labels->ndim - 1; d >= 0; d--) {
        const int64_t k = i % a->labels->shape[d];
        i /= a->labels->shape[d];
        *label += k * a->labels->strides[d];
        *given += k * a->given->strides[d + (a->class_dim >= 0 && d >= a->class_dim)];
    }
}

/* Label number i, and where its scores or answer lie; *counts is false for one that is ignored. */
static fv_status take_label(const answers *a, int64_t i, int64_t *label, int64_t *given,
                            bool *counts)
{
    int64_t at;
    locate(a, i, &at, given);
    *label = fv_element_get_int(a->labels, at);
    *counts = *label != a->ignore;
    if (!*counts || (*label >= 0 && (*label < a->classes || a->classes < 0))) return FV_OK;
    if (a->classes < 0)
        return fv_fail(FV_ERR_INDEX, "%s: label %" PRId64 " of number %" PRId64 " is negative",
                       a->function, *label, i);
    return fv_fail(FV_ERR_INDEX, "%s: label %" PRId64 " of number %" PRId64 ", need 0 to %" PRId64,
                   a->function, *label, i, a->classes - 1);
}

/* Does class j with score s come before class k with score t? */
static bool precedes(double s, int64_t j, double t, int64_t k)
{
    if (isnan(s) != isnan(t)) return isnan(s);
    return s > t || (!(s < t) && j < k);
}

static double score(const answers *a, int64_t given, int64_t k)
{
    return fv_element_get(a->given, given + k * a->given->strides[a->class_dim]);
}

/* Is the label among the topk first? */
static bool is_right(const answers *a, int64_t label, int64_t given, int64_t topk)
{
    if (a->class_dim < 0) return fv_element_get_int(a->given, given) == label;
    const double own = score(a, given, label);
    int64_t before = 0;
    for (int64_t k = 0; k < a->classes && before < topk; k++)
        before += k != label && precedes(score(a, given, k), k, own, label);
    return before < topk;
}

const fv_accuracy_args fv_accuracy_defaults = {FV_ACCURACY_DEFAULTS};

double fv_accuracy_ex(const fv_accuracy_args *args)
{
    if (!fv_args_ok("accuracy", args, sizeof *args)) return (double)NAN;
    answers a = {"accuracy", args->scores, args->labels, -1, -1, args->ignore_index};
    if (check_answers(&a) != FV_OK) return (double)NAN;
    const int64_t most = a.class_dim < 0 ? 1 : a.classes;
    if (args->topk < 1 || (args->topk > most && a.labels->numel > 0)) {
        fv_fail(FV_ERR_OPTION, "accuracy: topk is %" PRId64 ", %s take 1 to %" PRId64, args->topk,
                a.class_dim < 0 ? "answers" : "these scores", most);
        return (double)NAN;
    }
    int64_t right = 0, seen = 0;
    for (int64_t i = 0; i < a.labels->numel; i++) {
        int64_t label, given;
        bool counts;
        if (take_label(&a, i, &label, &given, &counts) != FV_OK) return (double)NAN;
        seen += counts;
        right += counts && is_right(&a, label, given, args->topk);
    }
    return seen > 0 ? (double)right / (double)seen : (double)NAN;
}

/* --- confusion -------------------------------------------------------------------------------- */

static fv_status check_classes(answers *a, int64_t classes)
{
    if (classes < 0 || (classes == 0 && a->class_dim < 0))
        return fv_fail(FV_ERR_OPTION, "confusion_matrix: classes is %" PRId64 ", need 1 or more%s",
                       classes, classes == 0 ? " (the answers do not say)" : "");
    if (a->class_dim >= 0 && classes > 0 && classes != a->classes)
        return fv_fail(FV_ERR_OPTION,
                       "confusion_matrix: classes is %" PRId64 ", scores have %" PRId64, classes,
                       a->classes);
    if (a->class_dim < 0) a->classes = classes;
    return FV_OK;
}

/* The class of label number i whose scores or answer lie at given. */
static fv_status take_answer(const answers *a, int64_t i, int64_t given, int64_t *answer)
{
    if (a->class_dim >= 0) {
        *answer = 0;
        for (int64_t k = 1; k < a->classes; k++)
            if (precedes(score(a, given, k), k, score(a, given, *answer), *answer)) *answer = k;
        return FV_OK;
    }
    *answer = fv_element_get_int(a->given, given);
    if (*answer >= 0 && *answer < a->classes) return FV_OK;
    return fv_fail(FV_ERR_INDEX,
                   "confusion_matrix: answer %" PRId64 " of number %" PRId64 ", need 0 to %" PRId64,
                   *answer, i, a->classes - 1);
}

static fv_status count_answers(const answers *a, int64_t *counts)
{
    for (int64_t i = 0; i < a->labels->numel; i++) {
        int64_t label, given, answer;
        bool counted;
        fv_status status = take_label(a, i, &label, &given, &counted);
        if (status == FV_OK && counted) status = take_answer(a, i, given, &answer);
        if (status != FV_OK) return status;
        if (counted) counts[label * a->classes + answer]++;
    }
    return FV_OK;
}

const fv_confusion_matrix_args fv_confusion_matrix_defaults = {FV_CONFUSION_MATRIX_DEFAULTS};

fv_tensor *fv_confusion_matrix_ex(const fv_confusion_matrix_args *args)
{
    if (!fv_args_ok("confusion_matrix", args, sizeof *args)) return fv_failed_tensor();
    answers a = {"confusion_matrix", args->scores, args->labels, -1, -1, args->ignore_index};
    if (check_answers(&a) != FV_OK || check_classes(&a, args->classes) != FV_OK)
        return fv_failed_tensor();
    fv_shape shape = {2, {a.classes, a.classes}};
    fv_tensor *counts = fv_tensor_alloc(FV_INT64, &shape, NULL);
    if (!counts) {
        fv_fail(FV_ERR_MEMORY, "confusion_matrix: out of memory for %s", fv_shape_text(&shape));
        return fv_failed_tensor();
    }
    memset(counts->data, 0, (size_t)counts->numel * sizeof(int64_t));
    if (count_answers(&a, counts->data) == FV_OK) return fv_scope_adopt(counts);
    fv_release(counts);
    return fv_failed_tensor();
}
