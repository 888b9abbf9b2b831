/* Cases of the losses over classes, and of binary cross-entropy. */
#include "autograd/ops/loss/loss.h"
#include "tests/case.h"

#define CLASSES(n, ...) CONSTANT(INDEX(n, __VA_ARGS__))
#define WEIGHT(n)       CONSTANT(POSITIVE(n))

/* --- nll_loss --------------------------------------------------------------------------------- */

CASE(nll_loss, "mean", "F.nll_loss(x0, x1)", X(4, 5), CLASSES(5, 4), fv_nll_loss(x[0], x[1]));
CASE(nll_loss, "weighted sum", "F.nll_loss(x0, x1, x2, reduction='sum')", X(4, 3), CLASSES(3, 4),
     WEIGHT(3), fv_nll_loss(x[0], x[1], x[2], .reduction = FV_SUM));
CASE(nll_loss, "weighted mean", "F.nll_loss(x0, x1, x2)", X(4, 3), CLASSES(3, 4), WEIGHT(3),
     fv_nll_loss(x[0], x[1], x[2]));
CASE(nll_loss, "none, images", "F.nll_loss(x0, x1, reduction='none')", X(2, 3, 2, 3),
     CLASSES(3, 2, 2, 3), ABSENT, fv_nll_loss(x[0], x[1], x[2], .reduction = FV_NONE));
CASE(nll_loss, "ignored class", "F.nll_loss(x0, x1, ignore_index=1)", X(6, 3), CLASSES(3, 6),
     fv_nll_loss(x[0], x[1], .ignore_index = 1));
CASE(nll_loss, "one sample", "F.nll_loss(x0, x1)", X(5), CONSTANT(case_index(5, FV_SCALAR)),
     fv_nll_loss(x[0], x[1]));
CASE(nll_loss, "many classes", "F.nll_loss(x0, x1)", X(3, 37), CLASSES(37, 3),
     fv_nll_loss(x[0], x[1]));

/* x0 is the gradient of the loss */
CASE_BODY(nll_loss_backward, "sum", "-x0 * F.one_hot(x1, 3).to(x0.dtype)", NUMBER, CLASSES(3, 4), {
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(4, 3));
    y[0] = case_gradient(fv_nll_loss(z, x[1], .reduction = FV_SUM), z, x[0]);
});
CASE_BODY(nll_loss_backward, "none", "-(x0 * x2[x1])[:, None] * F.one_hot(x1, 3).to(x0.dtype)",
          X(4), CLASSES(3, 4), WEIGHT(3), {
              fv_tensor *z = case_leaf(x[0], FV_SHAPE(4, 3));
              y[0] = case_gradient(fv_nll_loss(z, x[1], x[2], .reduction = FV_NONE), z, x[0]);
          });
CASE_BODY(nll_loss_backward, "weighted mean",
          "-x0 * (x2[x1] / x2[x1].sum())[:, None] * F.one_hot(x1, 3).to(x0.dtype)", NUMBER,
          CLASSES(3, 4), WEIGHT(3), {
              fv_tensor *z = case_leaf(x[0], FV_SHAPE(4, 3));
              y[0] = case_gradient(fv_nll_loss(z, x[1], x[2]), z, x[0]);
          });

/* --- cross_entropy of classes ----------------------------------------------------------------- */

CASE(cross_entropy, "mean", "F.cross_entropy(x0, x1)", X(4, 10), CLASSES(10, 4),
     fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "weighted", "F.cross_entropy(x0, x1, x2)", X(4, 3), CLASSES(3, 4), WEIGHT(3),
     fv_cross_entropy(x[0], x[1], x[2]));
CASE(cross_entropy, "weighted, smoothed", "F.cross_entropy(x0, x1, x2, label_smoothing=0.1)",
     X(4, 3), CLASSES(3, 4), WEIGHT(3), fv_cross_entropy(x[0], x[1], x[2], .label_smoothing = 0.1));
CASE(cross_entropy, "smoothed, images, sum",
     "F.cross_entropy(x0, x1, reduction='sum', label_smoothing=0.3)", X(2, 3, 2, 3),
     CLASSES(3, 2, 2, 3),
     fv_cross_entropy(x[0], x[1], .reduction = FV_SUM, .label_smoothing = 0.3));
CASE(cross_entropy, "ignored class, smoothed",
     "F.cross_entropy(x0, x1, ignore_index=1, label_smoothing=0.2)", X(6, 3), CLASSES(3, 6), ABSENT,
     fv_cross_entropy(x[0], x[1], x[2], .ignore_index = 1, .label_smoothing = 0.2));
CASE(cross_entropy, "none", "F.cross_entropy(x0, x1, reduction='none')", X(5, 4), CLASSES(4, 5),
     fv_cross_entropy(x[0], x[1], .reduction = FV_NONE));
CASE(cross_entropy, "none, smoothed",
     "F.cross_entropy(x0, x1, x2, reduction='none', label_smoothing=0.4)", X(5, 4), CLASSES(4, 5),
     WEIGHT(4), fv_cross_entropy(x[0], x[1], x[2], .reduction = FV_NONE, .label_smoothing = 0.4));
CASE(cross_entropy, "one sample", "F.cross_entropy(x0, x1)", X(5),
     CONSTANT(case_index(5, FV_SCALAR)), fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "many classes", "F.cross_entropy(x0, x1)", X(3, 37), CLASSES(37, 3),
     fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "many classes, smoothed", "F.cross_entropy(x0, x1, label_smoothing=0.1)",
     X(3, 37), CLASSES(37, 3), fv_cross_entropy(x[0], x[1], .label_smoothing = 0.1));
CASE(cross_entropy, "many classes, weighted, smoothed sum",
     "F.cross_entropy(x0, x1, x2, reduction='sum', label_smoothing=0.25)", X(2, 70), CLASSES(70, 2),
     WEIGHT(70), fv_cross_entropy(x[0], x[1], x[2], .reduction = FV_SUM, .label_smoothing = 0.25));
CASE(cross_entropy, "many classes, images", "F.cross_entropy(x0, x1, label_smoothing=0.1)",
     X(1, 25, 2, 2), CLASSES(25, 1, 2, 2), fv_cross_entropy(x[0], x[1], .label_smoothing = 0.1));

/* The fused gradient, which is not differentiated again; x0 is that of the loss, x2 the logits. */
#define FUSED(logits, ...)                                                                         \
    fv_grad(FV_TENSORS(__VA_ARGS__), FV_TENSORS(logits), y, .grad_outputs = FV_TENSORS(x[0]))
CASE_BODY(cross_entropy_backward, "sum",
          "x0 * (torch.softmax(x2, 1) - F.one_hot(x1, 3).to(x0.dtype))", CONSTANT(NUMBER),
          CLASSES(3, 4), CONSTANT(X(4, 3)), {
              fv_tensor *z = case_variable(x[2]);
              FUSED(z, fv_cross_entropy(z, x[1], .reduction = FV_SUM));
          });
CASE_BODY(cross_entropy_backward, "many classes, smoothed mean",
          "x0 / 2 * (torch.softmax(x2, 1) - 0.9 * F.one_hot(x1, 37).to(x0.dtype) - 0.1 / 37)",
          CONSTANT(NUMBER), CLASSES(37, 2), CONSTANT(X(2, 37)), {
              fv_tensor *z = case_variable(x[2]);
              FUSED(z, fv_cross_entropy(z, x[1], .label_smoothing = 0.1));
          });
CASE_BODY(cross_entropy_backward, "weighted, none",
          "(x0 * x3[x1])[:, None] * (torch.softmax(x2, 1) - F.one_hot(x1, 3).to(x0.dtype))",
          CONSTANT(X(4)), CLASSES(3, 4), CONSTANT(X(4, 3)), WEIGHT(3), {
              fv_tensor *z = case_variable(x[2]);
              FUSED(z, fv_cross_entropy(z, x[1], x[3], .reduction = FV_NONE));
          });

/* --- cross_entropy of probabilities, which is made of ops ------------------------------------- */

CASE(log_softmax, "cross_entropy of probabilities", "F.cross_entropy(x0, x1)", X(4, 5), UNIT(4, 5),
     fv_cross_entropy(x[0], x[1]));
CASE(log_softmax, "cross_entropy of probabilities, weighted, smoothed sum",
     "F.cross_entropy(x0, x1, x2, reduction='sum', label_smoothing=0.2)", X(4, 3), UNIT(4, 3),
     WEIGHT(3), fv_cross_entropy(x[0], x[1], x[2], .reduction = FV_SUM, .label_smoothing = 0.2));
CASE(log_softmax, "cross_entropy of probabilities, images, none",
     "F.cross_entropy(x0, x1, reduction='none')", X(2, 3, 2, 2), UNIT(2, 3, 2, 2),
     fv_cross_entropy(x[0], x[1], .reduction = FV_NONE));

/* --- binary cross-entropy --------------------------------------------------------------------- */

CASE(binary_cross_entropy_with_logits, "mean", "F.binary_cross_entropy_with_logits(x0, x1)",
     X(3, 7), UNIT(3, 7), fv_binary_cross_entropy_with_logits(x[0], x[1]));
CASE(binary_cross_entropy_with_logits, "sum",
     "F.binary_cross_entropy_with_logits(x0, x1, reduction='sum')", X(3, 7), UNIT(3, 7),
     fv_binary_cross_entropy_with_logits(x[0], x[1], .reduction = FV_SUM));
CASE(binary_cross_entropy_with_logits, "none",
     "F.binary_cross_entropy_with_logits(x0, x1, reduction='none')", X(2, 3, 5), UNIT(2, 3, 5),
     fv_binary_cross_entropy_with_logits(x[0], x[1], .reduction = FV_NONE));
/* PyTorch's own function has no gradient in the weights. */
CASE(binary_cross_entropy_with_logits, "weight",
     "(F.binary_cross_entropy_with_logits(x0, x1, reduction='none') * x2).mean()", X(3, 4),
     UNIT(3, 4), POSITIVE(4), fv_binary_cross_entropy_with_logits(x[0], x[1], x[2]));
CASE(binary_cross_entropy_with_logits, "pos_weight, sum",
     "-(x2 * x1 * F.logsigmoid(x0) + (1 - x1) * F.logsigmoid(-x0)).sum()", X(3, 4), UNIT(3, 4),
     POSITIVE(4),
     fv_binary_cross_entropy_with_logits(x[0], x[1], .pos_weight = x[2], .reduction = FV_SUM));
CASE(binary_cross_entropy_with_logits, "weight, pos_weight, none",
     "-x2 * (x3 * x1 * F.logsigmoid(x0) + (1 - x1) * F.logsigmoid(-x0))", X(3, 4), UNIT(3, 4),
     POSITIVE(3, 1), POSITIVE(4),
     fv_binary_cross_entropy_with_logits(x[0], x[1], x[2], FV_NONE, x[3]));

/* --- regression ------------------------------------------------------------------------------- */

CASE(mse_loss, "mean", "F.mse_loss(x0, x1)", X(3, 7), X(3, 7), fv_mse_loss(x[0], x[1]));
CASE(mse_loss, "sum", "F.mse_loss(x0, x1, reduction='sum')", X(2, 3, 2, 3), X(2, 3, 2, 3),
     fv_mse_loss(x[0], x[1], FV_SUM));
CASE(mse_loss, "none", "F.mse_loss(x0, x1, reduction='none')", X(2, 3, 5), X(2, 3, 5),
     fv_mse_loss(x[0], x[1], .reduction = FV_NONE));
CASE(l1_loss, "mean", "F.l1_loss(x0, x1)", X(3, 7), X(3, 7), fv_l1_loss(x[0], x[1]));
CASE(l1_loss, "sum", "F.l1_loss(x0, x1, reduction='sum')", X(3, 7), X(3, 7),
     fv_l1_loss(x[0], x[1], FV_SUM));
CASE(l1_loss, "none", "F.l1_loss(x0, x1, reduction='none')", X(2, 3, 5), X(2, 3, 5),
     fv_l1_loss(x[0], x[1], .reduction = FV_NONE));
CASE(smooth_l1_loss, "mean", "F.smooth_l1_loss(x0, x1)", X(3, 7), X(3, 7),
     fv_smooth_l1_loss(x[0], x[1]));
CASE(smooth_l1_loss, "beta, none", "F.smooth_l1_loss(x0, x1, reduction='none', beta=0.5)", X(4, 5),
     X(4, 5), fv_smooth_l1_loss(x[0], x[1], .reduction = FV_NONE, .beta = 0.5));
CASE(smooth_l1_loss, "beta 0", "F.smooth_l1_loss(x0, x1, reduction='sum', beta=0.0)", X(4, 5),
     X(4, 5), fv_smooth_l1_loss(x[0], x[1], FV_SUM, 0));
CASE(huber_loss, "mean", "F.huber_loss(x0, x1)", X(3, 7), X(3, 7), fv_huber_loss(x[0], x[1]));
CASE(huber_loss, "sum", "F.huber_loss(x0, x1, reduction='sum', delta=2.0)", X(3, 7), X(3, 7),
     fv_huber_loss(x[0], x[1], FV_SUM, 2));
CASE(huber_loss, "delta, none", "F.huber_loss(x0, x1, reduction='none', delta=0.5)", X(4, 5),
     X(4, 5), fv_huber_loss(x[0], x[1], .reduction = FV_NONE, .delta = 0.5));
