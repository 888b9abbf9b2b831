/* Cases of batch normalisation. */
#include "autograd/ops/norm/norm.h"

#include "autograd/ops/conv/conv.h"
#include "autograd/ops/product/matmul.h"
#include "tests/case.h"

#define MEAN(n) CONSTANT(X(n))
#define VAR(n)  CONSTANT(POSITIVE(n))

CASE(batch_norm, "training", "F.batch_norm(x0, x1, x2, x3, x4, True)", X(3, 4, 2, 3), MEAN(4),
     VAR(4), X(4), X(4), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true));
CASE(batch_norm, "training without anything else", "F.batch_norm(x0, None, None, None, None, True)",
     X(2, 3, 3, 2), fv_batch_norm(x[0], .training = true));
CASE(batch_norm, "training on rows", "F.batch_norm(x0, x1, x2, x3, x4, True, 0.3)", X(7, 5),
     MEAN(5), VAR(5), X(5), X(5), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], true, 0.3));
CASE(batch_norm, "training in 1d", "F.batch_norm(x0, x1, x2, x3, x4, True)", X(2, 3, 5), MEAN(3),
     VAR(3), X(3), X(3), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .training = true));
CASE(batch_norm, "training in 3d", "F.batch_norm(x0, x1, x2, x3, x4, True)", X(2, 2, 2, 3, 2),
     MEAN(2), VAR(2), X(2), X(2), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .training = true));
CASE(batch_norm, "one channel, many rows", "F.batch_norm(x0, x1, x2, x3, None, True)",
     X(3, 1, 9, 11), MEAN(1), VAR(1), X(1), ABSENT,
     fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .training = true));
CASE_WITH((.tolerance = 1e-3), batch_norm, "70 channels",
          "F.batch_norm(x0, x1, x2, None, x3, True)", X(3, 70), MEAN(70), VAR(70), X(70),
          fv_batch_norm(x[0], x[1], x[2], .bias = x[3], .training = true));
CASE(batch_norm, "evaluation", "F.batch_norm(x0, x1, x2, x3, x4)", X(2, 3, 3, 2), MEAN(3), VAR(3),
     X(3), X(3), fv_batch_norm(x[0], x[1], x[2], x[3], x[4]));
CASE(batch_norm, "evaluation on one row", "F.batch_norm(x0, x1, x2)", X(1, 6), MEAN(6), VAR(6),
     fv_batch_norm(x[0], x[1], x[2]));
CASE(batch_norm, "evaluation, eps", "F.batch_norm(x0, x1, x2, x3, x4, eps=0.5)", X(2, 3, 2),
     MEAN(3), VAR(3), X(3), X(3), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .eps = 0.5));
CASE(batch_norm, "training, eps", "F.batch_norm(x0, None, None, x1, x2, True, eps=0.5)", X(4, 3, 2),
     X(3), X(3), fv_batch_norm(x[0], .weight = x[1], .bias = x[2], .training = true, .eps = 0.5));
CASE(batch_norm, "empty batch", "F.batch_norm(x0, x1, x2, x3, x4, True)", X(0, 3, 2, 2), MEAN(3),
     VAR(3), X(3), X(3), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .training = true));

/* with the running statistics after the call */
CASE_BODY(batch_norm, "running statistics", "(F.batch_norm(x0, x1, x2, training=True), x1, x2)",
          X(4, 3, 2), MEAN(3), VAR(3), {
              y[0] = fv_batch_norm(x[0], x[1], x[2], .training = true);
              if (!fv_failed(y[0])) y[1] = x[1];
              if (!fv_failed(y[0])) y[2] = x[2];
          });
CASE_BODY(batch_norm, "running statistics, momentum",
          "(F.batch_norm(x0, x1, x2, training=True, momentum=0.75), x1, x2)", X(5, 3), MEAN(3),
          VAR(3), {
              y[0] = fv_batch_norm(x[0], x[1], x[2], .training = true, .momentum = 0.75);
              if (!fv_failed(y[0])) y[1] = x[1];
              if (!fv_failed(y[0])) y[2] = x[2];
          });

/* with what follows in the same pass */
CASE(batch_norm, "training, relu", "F.relu(F.batch_norm(x0, None, None, x1, x2, True))",
     X(3, 4, 2, 3), X(4), X(4),
     fv_batch_norm(x[0], .weight = x[1], .bias = x[2], .training = true, .relu = true));
CASE(batch_norm, "one channel, many rows, relu",
     "F.relu(F.batch_norm(x0, None, None, x1, x2, True))", X(3, 1, 9, 11), X(1), X(1),
     fv_batch_norm(x[0], .weight = x[1], .bias = x[2], .training = true, .relu = true));
CASE(batch_norm, "3 channels, a tail, relu", "F.relu(F.batch_norm(x0, None, None, None, x1, True))",
     X(2, 3, 7, 9), X(3), fv_batch_norm(x[0], .bias = x[1], .training = true, .relu = true));
CASE_WITH((.tolerance = 1e-3), batch_norm, "70 channels, relu",
          "F.relu(F.batch_norm(x0, None, None, x1, None, True))", X(5, 70), X(70),
          fv_batch_norm(x[0], .weight = x[1], .training = true, .relu = true));
CASE(batch_norm, "weight and bias alone want a gradient, relu",
     "F.relu(F.batch_norm(x0, None, None, x1, x2, True))", CONSTANT(X(2, 3, 4)), X(3), X(3),
     fv_batch_norm(x[0], .weight = x[1], .bias = x[2], .training = true, .relu = true));
CASE(batch_norm, "training, residual", "F.batch_norm(x0, None, None, x1, x2, True) + x3",
     X(3, 4, 2, 3), X(4), X(4), X(3, 4, 2, 3),
     fv_batch_norm(x[0], .weight = x[1], .bias = x[2], .training = true, .residual = x[3]));
CASE(batch_norm, "training, residual and relu",
     "F.relu(F.batch_norm(x0, x1, x2, x3, x4, True) + x5)", X(2, 3, 5), MEAN(3), VAR(3), X(3), X(3),
     X(2, 3, 5),
     fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .training = true, .residual = x[5], .relu = true));
CASE(batch_norm, "70 channels, residual and relu", "F.relu(F.batch_norm(x0, x1, x2) + x3)",
     X(3, 70), MEAN(70), VAR(70), X(3, 70),
     fv_batch_norm(x[0], x[1], x[2], .residual = x[3], .relu = true));
CASE(batch_norm, "evaluation, relu", "F.relu(F.batch_norm(x0, x1, x2, x3, x4))", X(2, 3, 3, 2),
     MEAN(3), VAR(3), X(3), X(3), fv_batch_norm(x[0], x[1], x[2], x[3], x[4], .relu = true));
CASE(batch_norm, "evaluation, residual and relu, nothing else",
     "F.relu(F.batch_norm(x0, x1, x2) + x3)", X(2, 2, 2, 3, 2), MEAN(2), VAR(2), X(2, 2, 2, 3, 2),
     fv_batch_norm(x[0], x[1], x[2], .residual = x[3], .relu = true));
CASE(batch_norm, "bias and residual alone want a gradient",
     "F.relu(F.batch_norm(x0, x1, x2, None, x3) + x4)", CONSTANT(X(2, 3, 4)), MEAN(3), VAR(3), X(3),
     X(2, 3, 4), fv_batch_norm(x[0], x[1], x[2], .bias = x[3], .residual = x[4], .relu = true));
CASE(batch_norm, "empty batch, residual and relu",
     "F.relu(F.batch_norm(x0, x1, x2, None, None, True) + x3)", X(0, 3, 2, 2), MEAN(3), VAR(3),
     X(0, 3, 2, 2),
     fv_batch_norm(x[0], x[1], x[2], .training = true, .residual = x[3], .relu = true));

/* --- the backward op: x0 is the output's gradient --------------------------------------------- */

/* The gradients in the inputs, of as many of them as there are. */
#define GRADIENTS(result, ...)                                                                     \
    fv_grad(FV_TENSORS(result), FV_TENSORS(__VA_ARGS__), y, .grad_outputs = FV_TENSORS(x[0]),      \
            .create_graph = true)

CASE_BODY(batch_norm_backward, "training", NULL, X(2, 3, 3, 2), X(2, 3, 3, 2), X(3), {
    fv_tensor *a = case_variable(x[1]);
    fv_tensor *w = case_variable(x[2]);
    fv_tensor *b = case_leaf(x[1], FV_SHAPE(3));
    GRADIENTS(fv_batch_norm(a, .weight = w, .bias = b, .training = true), a, w, b);
});
CASE_BODY_WITH((.tolerance = 1e-3), batch_norm_backward, "training without weight", NULL,
               X(3, 4, 2), X(3, 4, 2), {
                   fv_tensor *a = case_variable(x[1]);
                   GRADIENTS(fv_batch_norm(a, .training = true), a);
               });
CASE_BODY_WITH((.tolerance = 1e-3), batch_norm_backward, "training in 1d", NULL, X(2, 5, 3),
               X(2, 5, 3), X(5), {
                   fv_tensor *a = case_variable(x[1]);
                   fv_tensor *w = case_variable(x[2]);
                   GRADIENTS(fv_batch_norm(a, .weight = w, .training = true), a, w);
               });
CASE_BODY(batch_norm_backward, "evaluation", NULL, X(2, 3, 2, 2), X(2, 3, 2, 2), X(3), MEAN(3),
          VAR(3), {
              fv_tensor *a = case_variable(x[1]);
              fv_tensor *w = case_variable(x[2]);
              fv_tensor *b = case_leaf(x[1], FV_SHAPE(3));
              GRADIENTS(fv_batch_norm(a, x[3], x[4], w, b), a, w, b);
          });
CASE_BODY(batch_norm_backward, "evaluation on rows", NULL, X(3, 20), X(3, 20), MEAN(20), VAR(20), {
    fv_tensor *a = case_variable(x[1]);
    GRADIENTS(fv_batch_norm(a, x[2], x[3]), a);
});
CASE_BODY(batch_norm_backward, "training, relu", NULL, X(2, 3, 3, 2), X(2, 3, 3, 2), X(3), X(3), {
    fv_tensor *a = case_variable(x[1]);
    fv_tensor *w = case_variable(x[2]);
    fv_tensor *b = case_variable(x[3]);
    GRADIENTS(fv_batch_norm(a, .weight = w, .bias = b, .training = true, .relu = true), a, w, b);
});
CASE_BODY(batch_norm_backward, "training, residual and relu", NULL, X(2, 3, 3, 2), X(2, 3, 3, 2),
          X(3), X(2, 3, 3, 2), {
              fv_tensor *a = case_variable(x[1]);
              fv_tensor *w = case_variable(x[2]);
              fv_tensor *r = case_variable(x[3]);
              GRADIENTS(
                  fv_batch_norm(a, .weight = w, .training = true, .residual = r, .relu = true), a,
                  w, r);
          });
CASE_BODY(batch_norm_backward, "evaluation, residual and relu", NULL, X(3, 20), X(3, 20), MEAN(20),
          VAR(20), X(3, 20), {
              fv_tensor *a = case_variable(x[1]);
              fv_tensor *r = case_variable(x[4]);
              GRADIENTS(fv_batch_norm(a, x[2], x[3], .residual = r, .relu = true), a, r);
          });
CASE_BODY(batch_norm_backward, "evaluation, relu", NULL, X(2, 3, 4), X(2, 3, 4), MEAN(3), VAR(3), {
    fv_tensor *a = case_variable(x[1]);
    GRADIENTS(fv_batch_norm(a, x[2], x[3], .relu = true), a);
});

/* --- the gradient behind a relu, with its sums: x0 is the output's gradient ------------------- */

CASE_BODY(relu_sums, "convolution", NULL, X(2, 3, 4, 2), X(2, 2, 4, 2), X(3, 2, 1, 1), {
    fv_tensor *a = case_variable(x[1]);
    fv_tensor *w = case_variable(x[2]);
    fv_tensor *b = case_leaf(x[1], FV_SHAPE(3));
    GRADIENTS(fv_conv2d(a, w, b, .relu = true), a, w, b);
});
CASE_BODY(relu_sums, "linear, a bias alone", NULL, X(5, 3), X(5, 2), X(3, 2), {
    fv_tensor *b = case_leaf(x[1], FV_SHAPE(3));
    GRADIENTS(fv_linear(fv_detach(x[1]), fv_detach(x[2]), b, .relu = true), b);
});
