/* Cases of the convolution family. */
#include "autograd/ops/conv/conv.h"
#include "tests/case.h"

/* --- forward ---------------------------------------------------------------------------------- */

CASE(conv1d, "plain", "F.conv1d(x0, x1, x2)", X(2, 3, 7), X(4, 3, 3), X(4),
     fv_conv1d(x[0], x[1], x[2]));
CASE(conv1d, "stride 2, padding 2, dilation 2, no bias",
     "F.conv1d(x0, x1, None, stride=2, padding=2, dilation=2)", X(2, 2, 9), X(3, 2, 3),
     fv_conv1d(x[0], x[1], .stride = 2, .padding = 2, .dilation = 2));
CASE(conv1d, "groups of one channel", "F.conv1d(x0, x1, x2, groups=3, padding='same')", X(1, 3, 6),
     X(3, 1, 4), X(3), fv_conv1d(x[0], x[1], x[2], .groups = 3, .padding = FV_SAME));
CASE(conv1d, "without a batch", "F.conv1d(x0, x1, x2)", X(3, 7), X(2, 3, 3), X(2),
     fv_conv1d(x[0], x[1], x[2]));

CASE(conv2d, "3x3, padding 1", "F.conv2d(x0, x1, x2, padding=1)", X(2, 3, 5, 6), X(4, 3, 3, 3),
     X(4), fv_conv2d(x[0], x[1], x[2], .padding = 1));
CASE(conv2d, "stride 2, no bias", "F.conv2d(x0, x1, None, stride=2)", X(2, 2, 7, 6), X(3, 2, 3, 3),
     ABSENT, fv_conv2d(x[0], x[1], x[2], .stride = 2));
CASE(conv2d, "pairs", "F.conv2d(x0, x1, x2, stride=(2, 1), padding=(0, 2), dilation=(1, 2))",
     X(1, 2, 6, 5), X(2, 2, 2, 3), X(2),
     fv_conv2d(x[0], x[1], x[2], .stride = FV_DIMS(2, 1), .padding = FV_DIMS(0, 2),
               .dilation = FV_DIMS(1, 2)));
CASE(conv2d, "all options by position", "F.conv2d(x0, x1, x2, 2, 1, 3, 2)", X(1, 4, 6, 5),
     X(2, 2, 2, 3), X(2), fv_conv2d(x[0], x[1], x[2], 2, 1, 3, 2));
CASE(conv2d, "1x1", "F.conv2d(x0, x1, x2)", X(2, 4, 3, 3), X(5, 4, 1, 1), X(5),
     fv_conv2d(x[0], x[1], x[2]));
CASE(conv2d, "1x1, stride 2", "F.conv2d(x0, x1, None, stride=2)", X(1, 3, 5, 4), X(2, 3, 1, 1),
     fv_conv2d(x[0], x[1], .stride = 2));
CASE(conv2d, "two groups", "F.conv2d(x0, x1, x2, groups=2, padding=1)", X(1, 4, 4, 3),
     X(6, 2, 3, 3), X(6), fv_conv2d(x[0], x[1], x[2], .groups = 2, .padding = 1));
CASE(conv2d, "depthwise", "F.conv2d(x0, x1, x2, groups=4, padding=1)", X(1, 4, 4, 3), X(4, 1, 3, 3),
     X(4), fv_conv2d(x[0], x[1], x[2], .groups = 4, .padding = 1));
CASE(conv2d, "same, even kernel", "F.conv2d(x0, x1, x2, padding='same')", X(1, 2, 5, 4),
     X(2, 2, 2, 4), X(2), fv_conv2d(x[0], x[1], x[2], .padding = FV_SAME));
CASE(conv2d, "full", "F.conv2d(x0, x1, x2, padding=(2, 1))", X(1, 2, 3, 4), X(2, 2, 3, 2), X(2),
     fv_conv2d(x[0], x[1], x[2], .padding = FV_FULL));
CASE(conv2d, "full, dilation 2", "F.conv2d(x0, x1, None, padding=(4, 2), dilation=2)",
     X(1, 1, 3, 4), X(2, 1, 3, 2), fv_conv2d(x[0], x[1], .padding = FV_FULL, .dilation = 2));
CASE(conv2d, "valid, 5x5", "F.conv2d(x0, x1, x2, padding='valid')", X(1, 1, 6, 7), X(2, 1, 5, 5),
     X(2), fv_conv2d(x[0], x[1], x[2], .padding = FV_VALID));
CASE(conv2d, "stride 3 skips input", "F.conv2d(x0, x1, None, stride=3)", X(1, 2, 7, 8),
     X(2, 2, 2, 2), fv_conv2d(x[0], x[1], .stride = 3));
CASE(conv2d, "kernel as large as the image", "F.conv2d(x0, x1, x2)", X(2, 2, 3, 2), X(3, 2, 3, 2),
     X(3), fv_conv2d(x[0], x[1], x[2]));
CASE(conv2d, "17 channels", "F.conv2d(x0, x1, None, padding=1)", X(1, 17, 2, 2), X(2, 17, 3, 3),
     fv_conv2d(x[0], x[1], .padding = 1));
CASE(conv2d, "without a batch", "F.conv2d(x0, x1, x2, padding=1)", X(2, 3, 4), X(3, 2, 3, 3), X(3),
     fv_conv2d(x[0], x[1], x[2], .padding = 1));

CASE(conv3d, "plain", "F.conv3d(x0, x1, x2, padding=1)", X(1, 2, 3, 3, 2), X(2, 2, 2, 3, 2), X(2),
     fv_conv3d(x[0], x[1], x[2], .padding = 1));
CASE(conv3d, "stride 2", "F.conv3d(x0, x1, None, stride=2)", X(1, 2, 4, 3, 5), X(2, 2, 2, 1, 3),
     fv_conv3d(x[0], x[1], .stride = 2));
CASE(conv3d, "groups, dilation 2", "F.conv3d(x0, x1, x2, dilation=2, groups=2)", X(1, 2, 3, 4, 3),
     X(2, 1, 2, 1, 2), X(2), fv_conv3d(x[0], x[1], x[2], .dilation = 2, .groups = 2));

/* --- transposed ------------------------------------------------------------------------------- */

CASE(conv_transpose1d, "stride 2", "F.conv_transpose1d(x0, x1, x2, stride=2)", X(2, 3, 4),
     X(3, 2, 3), X(2), fv_conv_transpose1d(x[0], x[1], x[2], .stride = 2));
CASE(conv_transpose1d, "all options by position", "F.conv_transpose1d(x0, x1, x2, 3, 1, 2, 4, 5)",
     X(2, 4, 3), X(4, 1, 3), X(4), fv_conv_transpose1d(x[0], x[1], x[2], 3, 1, 2, 4, 5));
CASE(conv_transpose1d, "without a batch", "F.conv_transpose1d(x0, x1)", X(3, 4), X(3, 2, 3),
     fv_conv_transpose1d(x[0], x[1]));

CASE(conv_transpose2d, "plain", "F.conv_transpose2d(x0, x1, x2)", X(2, 3, 3, 4), X(3, 2, 3, 3),
     X(2), fv_conv_transpose2d(x[0], x[1], x[2]));
CASE(conv_transpose2d, "stride 2, output_padding 1",
     "F.conv_transpose2d(x0, x1, x2, stride=2, padding=1, output_padding=1)", X(1, 2, 3, 3),
     X(2, 3, 3, 3), X(3),
     fv_conv_transpose2d(x[0], x[1], x[2], .stride = 2, .padding = 1, .output_padding = 1));
CASE(conv_transpose2d, "groups, dilation 2, output_padding 1 below dilation",
     "F.conv_transpose2d(x0, x1, None, groups=2, dilation=2, output_padding=1)", X(1, 4, 3, 2),
     X(4, 1, 2, 2),
     fv_conv_transpose2d(x[0], x[1], .groups = 2, .dilation = 2, .output_padding = 1));
CASE(conv_transpose2d, "stride 3 beyond the kernel", "F.conv_transpose2d(x0, x1, x2, stride=3)",
     X(1, 2, 2, 2), X(2, 2, 2, 2), X(2), fv_conv_transpose2d(x[0], x[1], x[2], .stride = 3));
CASE(conv_transpose2d, "pairs", "F.conv_transpose2d(x0, x1, None, (2, 1), (0, 1), (1, 0))",
     X(1, 2, 3, 3), X(2, 2, 2, 3),
     fv_conv_transpose2d(x[0], x[1], NULL, FV_DIMS(2, 1), FV_DIMS(0, 1), FV_DIMS(1, 0)));

CASE(conv_transpose3d, "stride 2", "F.conv_transpose3d(x0, x1, x2, stride=2, padding=1)",
     X(1, 2, 2, 3, 2), X(2, 2, 2, 2, 3), X(2),
     fv_conv_transpose3d(x[0], x[1], x[2], .stride = 2, .padding = 1));
CASE(conv_transpose3d, "groups, dilation, output_padding",
     "F.conv_transpose3d(x0, x1, None, output_padding=1, groups=2, dilation=2)", X(1, 2, 2, 1, 2),
     X(2, 1, 2, 1, 2),
     fv_conv_transpose3d(x[0], x[1], .output_padding = 1, .groups = 2, .dilation = 2));

/* --- with what follows in the same pass ------------------------------------------------------- */

CASE(conv1d, "relu", "F.relu(F.conv1d(x0, x1, x2))", X(2, 3, 7), X(4, 3, 3), X(4),
     fv_conv1d(x[0], x[1], x[2], .relu = true));
CASE(conv1d, "without a batch, residual and relu", "F.relu(F.conv1d(x0, x1) + x2)", X(3, 7),
     X(2, 3, 3), X(2, 5), fv_conv1d(x[0], x[1], .residual = x[2], .relu = true));
CASE(conv2d, "3x3, relu", "F.relu(F.conv2d(x0, x1, x2, padding=1))", X(2, 3, 5, 6), X(4, 3, 3, 3),
     X(4), fv_conv2d(x[0], x[1], x[2], .padding = 1, .relu = true));
CASE(conv2d, "no bias, relu", "F.relu(F.conv2d(x0, x1, stride=2))", X(2, 2, 7, 6), X(3, 2, 3, 3),
     fv_conv2d(x[0], x[1], .stride = 2, .relu = true));
CASE(conv2d, "depthwise, relu", "F.relu(F.conv2d(x0, x1, x2, groups=4, padding=1))", X(1, 4, 4, 3),
     X(4, 1, 3, 3), X(4), fv_conv2d(x[0], x[1], x[2], .groups = 4, .padding = 1, .relu = true));
CASE(conv2d, "the whole epilogue",
     "F.relu(F.conv2d(x0, x1, x2, padding=1) * x3[:, None, None] + x4[:, None, None] + x5)",
     X(2, 3, 3, 4), X(4, 3, 3, 3), X(4), X(4), X(4), X(2, 4, 3, 4),
     fv_conv2d(x[0], x[1], x[2], .padding = 1, .scale = x[3], .shift = x[4], .residual = x[5],
               .relu = true));
CASE(conv2d, "scale", "F.conv2d(x0, x1, x2) * x3[:, None, None]", X(2, 2, 3, 3), X(3, 2, 2, 2),
     X(3), X(3), fv_conv2d(x[0], x[1], x[2], .scale = x[3]));
CASE(conv2d, "shift and residual", "F.conv2d(x0, x1) + x2[:, None, None] + x3", X(1, 2, 3, 3),
     X(3, 2, 2, 2), X(3), X(1, 3, 2, 2), fv_conv2d(x[0], x[1], .shift = x[2], .residual = x[3]));
CASE(conv3d, "relu", "F.relu(F.conv3d(x0, x1, x2, padding=1))", X(1, 2, 3, 3, 2), X(2, 2, 2, 3, 2),
     X(2), fv_conv3d(x[0], x[1], x[2], .padding = 1, .relu = true));
CASE(conv_transpose1d, "relu", "F.relu(F.conv_transpose1d(x0, x1, x2, stride=2))", X(2, 3, 4),
     X(3, 2, 3), X(2), fv_conv_transpose1d(x[0], x[1], x[2], .stride = 2, .relu = true));
CASE(conv_transpose2d, "relu, some outputs meet no tap",
     "F.relu(F.conv_transpose2d(x0, x1, x2, stride=3))", X(1, 2, 2, 2), X(2, 2, 2, 2), X(2),
     fv_conv_transpose2d(x[0], x[1], x[2], .stride = 3, .relu = true));
CASE(conv_transpose2d, "the whole epilogue",
     "F.relu(F.conv_transpose2d(x0, x1, x2) * x3[:, None, None] + x4[:, None, None] + x5)",
     X(2, 3, 2, 2), X(3, 2, 2, 2), X(2), X(2), X(2), X(2, 2, 3, 3),
     fv_conv_transpose2d(x[0], x[1], x[2], .scale = x[3], .shift = x[4], .residual = x[5],
                         .relu = true));
CASE(conv_transpose3d, "relu", "F.relu(F.conv_transpose3d(x0, x1, stride=2, padding=1))",
     X(1, 2, 2, 3, 2), X(2, 2, 2, 2, 3),
     fv_conv_transpose3d(x[0], x[1], .stride = 2, .padding = 1, .relu = true));

/* --- the gradient of the weight: x0 is the input, x1 the output's gradient -------------------- */

CASE_BODY(conv1d_weight, "stride 2",
          "torch.nn.grad.conv1d_weight(x0, (3, 2, 3), x1, stride=2, padding=1)", X(2, 2, 5),
          X(2, 3, 3), {
              fv_tensor *w = case_leaf(x[0], FV_SHAPE(3, 2, 3));
              y[0] = case_gradient(fv_conv1d(x[0], w, .stride = 2, .padding = 1), w, x[1]);
          });
CASE_BODY(conv2d_weight, "3x3, padding 1",
          "torch.nn.grad.conv2d_weight(x0, (3, 2, 3, 3), x1, padding=1)", X(2, 2, 4, 3),
          X(2, 3, 4, 3), {
              fv_tensor *w = case_leaf(x[0], FV_SHAPE(3, 2, 3, 3));
              y[0] = case_gradient(fv_conv2d(x[0], w, .padding = 1), w, x[1]);
          });
CASE_BODY(conv2d_weight, "groups, stride 2",
          "torch.nn.grad.conv2d_weight(x0, (4, 1, 2, 2), x1, stride=2, groups=2)", X(1, 2, 4, 5),
          X(1, 4, 2, 2), {
              fv_tensor *w = case_leaf(x[0], FV_SHAPE(4, 1, 2, 2));
              y[0] = case_gradient(fv_conv2d(x[0], w, .stride = 2, .groups = 2), w, x[1]);
          });
CASE_BODY(conv3d_weight, "plain", "torch.nn.grad.conv3d_weight(x0, (2, 2, 2, 2, 1), x1)",
          X(1, 2, 3, 2, 2), X(1, 2, 2, 1, 2), {
              fv_tensor *w = case_leaf(x[0], FV_SHAPE(2, 2, 2, 2, 1));
              y[0] = case_gradient(fv_conv3d(x[0], w), w, x[1]);
          });
