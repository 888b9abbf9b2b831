/* How good answers are: functions of scores and labels, without gradients.
 *
 *     FV_EACH_BATCH (b, test) {
 *         FV_SCOPE;
 *         right += fv_accuracy(fv_forward(net, b.x), b.y) * (double)b.n;
 *     } */
#ifndef FOVEA_DATA_METRICS_H
#define FOVEA_DATA_METRICS_H

#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_accuracy_args {
    size_t size;
    fv_tensor *scores;    /* floating [N,C,...] or [C], the largest is the answer; or the answers
                             themselves, integers of the labels' shape */
    fv_tensor *labels;    /* integers [N,...] or [] from 0 to C - 1 */
    int64_t topk;         /* right is a label among so many largest scores; 1 */
    int64_t ignore_index; /* labels of this number do not count; -100, as in fv_cross_entropy */
} fv_accuracy_args;
#define FV_ACCURACY_DEFAULTS FV_DEFAULTS(fv_accuracy_args, .topk = 1, .ignore_index = -100)

/* The part of the labels that the answers have right, 0 to 1; NaN when no label counts. Among equal
 * scores the first counts as larger, and NaN as larger than any number, as in fv_argmax.
 * Errors (NaN): shape, dtype, topk below 1 or above C or of answers, a label outside [0, C).
 * Source: torchmetrics.functional.classification.multiclass_accuracy, average="micro". */
extern const fv_accuracy_args fv_accuracy_defaults;
double fv_accuracy_ex(const fv_accuracy_args *a);
#define fv_accuracy(...)                                                                           \
    FV_CALL(fv_accuracy_ex, fv_accuracy_args, FV_ACCURACY_DEFAULTS, __VA_ARGS__)

typedef struct fv_confusion_matrix_args {
    size_t size;
    fv_tensor *scores; /* as in fv_accuracy */
    fv_tensor *labels;
    int64_t classes;      /* C; of scores it may be left out */
    int64_t ignore_index; /* -100 */
} fv_confusion_matrix_args;
#define FV_CONFUSION_MATRIX_DEFAULTS FV_DEFAULTS(fv_confusion_matrix_args, .ignore_index = -100)

/* int64 [C,C]: element [i,j] counts the labels i for which the answer is j. Those of several
 * batches may be summed. Errors: shape, dtype, no classes or others than the scores have, a label
 * or answer outside [0, C). Source:
 * torchmetrics.functional.classification.multiclass_confusion_matrix. */
extern const fv_confusion_matrix_args fv_confusion_matrix_defaults;
fv_tensor *fv_confusion_matrix_ex(const fv_confusion_matrix_args *a);
#define fv_confusion_matrix(...)                                                                   \
    FV_CALL(fv_confusion_matrix_ex, fv_confusion_matrix_args, FV_CONFUSION_MATRIX_DEFAULTS,        \
            __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
