/* Losses: of ten, of 256 and of 1,000 classes, of positions, and of pairs of numbers. */
#include "cases.h"

#define CLASSES(n, ...) CONSTANT(INDEX(n, __VA_ARGS__))

CASE(cross_entropy, "128 of 10", "F.cross_entropy(x0, x1)", X(128, 10), CLASSES(10, 128),
     fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "128 of 1000", "F.cross_entropy(x0, x1)", X(128, 1000), CLASSES(1000, 128),
     fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "4096 of 256", "F.cross_entropy(x0, x1)", X(4096, 256), CLASSES(256, 4096),
     fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "128 of 1000, smoothed", "F.cross_entropy(x0, x1, label_smoothing=0.1)",
     X(128, 1000), CLASSES(1000, 128), fv_cross_entropy(x[0], x[1], .label_smoothing = 0.1));
CASE(cross_entropy, "images of 16", "F.cross_entropy(x0, x1)", X(16, 16, 64, 64),
     CLASSES(16, 16, 64, 64), fv_cross_entropy(x[0], x[1]));
CASE(cross_entropy, "probabilities, 128 of 1000", "F.cross_entropy(x0, x1)", X(128, 1000),
     CONSTANT(UNIT(128, 1000)), fv_cross_entropy(x[0], x[1]));
CASE(nll_loss, "4096 of 256", "F.nll_loss(x0, x1)", X(4096, 256), CLASSES(256, 4096),
     fv_nll_loss(x[0], x[1]));
CASE(nll_loss, "128 of 10", "F.nll_loss(x0, x1)", X(128, 10), CLASSES(10, 128),
     fv_nll_loss(x[0], x[1]));

#define PAIRS(op, torch, call)                                                                     \
    CASE(op, "mean", torch "(x0, x1)", X(0), CONSTANT(UNIT(0)), call(x[0], x[1]));                 \
    CASE(op, "none", torch "(x0, x1, reduction='none')", X(0), CONSTANT(UNIT(0)),                  \
         call(x[0], x[1], .reduction = FV_NONE))
PAIRS(mse_loss, "F.mse_loss", fv_mse_loss);
PAIRS(l1_loss, "F.l1_loss", fv_l1_loss);
PAIRS(smooth_l1_loss, "F.smooth_l1_loss", fv_smooth_l1_loss);
PAIRS(huber_loss, "F.huber_loss", fv_huber_loss);
PAIRS(binary_cross_entropy_with_logits, "F.binary_cross_entropy_with_logits",
      fv_binary_cross_entropy_with_logits);
