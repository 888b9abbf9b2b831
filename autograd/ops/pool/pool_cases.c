/* Cases of pooling. */
#include "autograd/ops/pool/pool.h"
#include "tests/case.h"

/* --- max pooling ------------------------------------------------------------------------------ */

CASE(max_pool1d, "pairs", "F.max_pool1d(x0, 2, return_indices=True)", DISTINCT(2, 3, 9),
     fv_max_pool1d(x[0], 2, .indices = &y[1]));
CASE(max_pool1d, "values alone", "F.max_pool1d(x0, 3)", DISTINCT(2, 3, 9), fv_max_pool1d(x[0], 3));
CASE(max_pool1d, "all options", "F.max_pool1d(x0, 4, 3, 1, 2, True, True)", DISTINCT(2, 5, 12),
     fv_max_pool1d(x[0], 4, 3, 1, 2, true, &y[1]));
/* F.max_pool1d(x0, 3, dilation=2) and F.adaptive_avg_pool2d(x0, 2), whose gradients PyTorch lacks
 */
CASE(max_pool1d, "empty batch, a window that does not fit", "x0[..., :0]", DISTINCT(0, 2, 3),
     fv_max_pool1d(x[0], 3, .dilation = 2));
CASE(max_pool1d, "without a batch", "F.max_pool1d(x0, 3, 2, return_indices=True)", DISTINCT(3, 9),
     fv_max_pool1d(x[0], 3, 2, .indices = &y[1]));

CASE(max_pool2d, "2x2", "F.max_pool2d(x0, 2, return_indices=True)", DISTINCT(2, 3, 4, 6),
     fv_max_pool2d(x[0], 2, .indices = &y[1]));
CASE(max_pool2d, "values alone", "F.max_pool2d(x0, 2)", DISTINCT(2, 3, 4, 6),
     fv_max_pool2d(x[0], 2));
CASE(max_pool2d, "2x2 on odd lengths", "F.max_pool2d(x0, 2, 2, return_indices=True)",
     DISTINCT(1, 2, 5, 7), fv_max_pool2d(x[0], 2, 2, .indices = &y[1]));
CASE(max_pool2d, "3x3 stride 2 padded", "F.max_pool2d(x0, 3, 2, 1, return_indices=True)",
     DISTINCT(2, 2, 5, 6), fv_max_pool2d(x[0], 3, 2, 1, .indices = &y[1]));
CASE(max_pool2d, "overlapping by stride 1", "F.max_pool2d(x0, 3, 1, 1, return_indices=True)",
     DISTINCT(1, 3, 4, 5), fv_max_pool2d(x[0], 3, 1, 1, .indices = &y[1]));
CASE(max_pool2d, "gaps between windows", "F.max_pool2d(x0, 2, 3, return_indices=True)",
     DISTINCT(1, 2, 7, 8), fv_max_pool2d(x[0], 2, 3, .indices = &y[1]));
CASE(max_pool2d, "dilation", "F.max_pool2d(x0, 3, 1, 1, 2, return_indices=True)",
     DISTINCT(1, 2, 7, 6), fv_max_pool2d(x[0], 3, 1, 1, 2, .indices = &y[1]));
CASE(max_pool2d, "ceil_mode", "F.max_pool2d(x0, 3, 2, 0, 1, True, True)", DISTINCT(1, 2, 6, 7),
     fv_max_pool2d(x[0], 3, 2, .ceil_mode = true, .indices = &y[1]));
CASE(max_pool2d, "ceil_mode drops a window in the padding",
     "F.max_pool2d(x0, 2, 2, 1, 1, True, True)", DISTINCT(1, 2, 5, 5),
     fv_max_pool2d(x[0], 2, 2, 1, .ceil_mode = true, .indices = &y[1]));
CASE(max_pool2d, "window of the whole plane", "F.max_pool2d(x0, 3, 1, return_indices=True)",
     DISTINCT(2, 2, 3, 4), fv_max_pool2d(x[0], 3, 1, .indices = &y[1]));
CASE(max_pool2d, "one channel", "F.max_pool2d(x0, 2, return_indices=True)", DISTINCT(2, 1, 4, 4),
     fv_max_pool2d(x[0], 2, 2, .indices = &y[1]));
CASE(max_pool2d, "37 channels", "F.max_pool2d(x0, 2, 1, return_indices=True)",
     DISTINCT(1, 37, 2, 3), fv_max_pool2d(x[0], 2, 1, .indices = &y[1]));
CASE(max_pool2d, "a large window has 32-bit codes", "F.max_pool2d(x0, 17, 1, return_indices=True)",
     DISTINCT(1, 1, 17, 18), fv_max_pool2d(x[0], 17, 1, .indices = &y[1]));
CASE(max_pool2d, "another number in each dimension",
     "F.max_pool2d(x0, (3, 2), (2, 1), (1, 0), (1, 2), return_indices=True)", DISTINCT(2, 3, 5, 6),
     fv_max_pool2d(x[0], FV_DIMS(3, 2), FV_DIMS(2, 1), FV_DIMS(1, 0), FV_DIMS(1, 2),
                   .indices = &y[1]));
CASE(max_pool2d, "empty batch", "F.max_pool2d(x0, 2)", DISTINCT(0, 3, 4, 4),
     fv_max_pool2d(x[0], 2));
CASE(max_pool2d, "without a batch", "F.max_pool2d(x0, 2, return_indices=True)", DISTINCT(3, 4, 5),
     fv_max_pool2d(x[0], 2, .indices = &y[1]));

CASE(max_pool3d, "2x2x2", "F.max_pool3d(x0, 2)", DISTINCT(1, 2, 4, 4, 5), fv_max_pool3d(x[0], 2));
CASE(max_pool3d, "all options", "F.max_pool3d(x0, 3, 1, 1, 2, True, True)", DISTINCT(1, 2, 5, 4, 6),
     fv_max_pool3d(x[0], 3, 1, 1, 2, true, &y[1]));

CASE(adaptive_max_pool1d, "uneven", "F.adaptive_max_pool1d(x0, 4, return_indices=True)",
     DISTINCT(2, 3, 10), fv_adaptive_max_pool1d(x[0], 4, &y[1]));
CASE(adaptive_max_pool1d, "without a batch", "F.adaptive_max_pool1d(x0, 4, return_indices=True)",
     DISTINCT(3, 10), fv_adaptive_max_pool1d(x[0], 4, &y[1]));
CASE(adaptive_max_pool1d, "neither batch nor channels", "F.adaptive_max_pool1d(x0, 4)",
     DISTINCT(0, 10), fv_adaptive_max_pool1d(x[0], 4));
CASE(adaptive_max_pool2d, "neither batch nor channels", "F.adaptive_max_pool2d(x0, 2)",
     DISTINCT(0, 5, 4), fv_adaptive_max_pool2d(x[0], 2));
CASE(adaptive_max_pool3d, "without a batch", "F.adaptive_max_pool3d(x0, 2, return_indices=True)",
     DISTINCT(3, 4, 5, 3), fv_adaptive_max_pool3d(x[0], 2, &y[1]));
CASE(adaptive_max_pool3d, "neither batch nor channels", "F.adaptive_max_pool3d(x0, 2)",
     DISTINCT(0, 4, 5, 3), fv_adaptive_max_pool3d(x[0], 2));
CASE(adaptive_max_pool2d, "global", "F.adaptive_max_pool2d(x0, 1)", DISTINCT(2, 3, 4, 5),
     fv_adaptive_max_pool2d(x[0], 1));
CASE(adaptive_max_pool2d, "overlapping", "F.adaptive_max_pool2d(x0, 3, return_indices=True)",
     DISTINCT(2, 2, 5, 7), fv_adaptive_max_pool2d(x[0], 3, &y[1]));
CASE(adaptive_max_pool2d, "more outputs than inputs",
     "F.adaptive_max_pool2d(x0, 5, return_indices=True)", DISTINCT(1, 2, 3, 4),
     fv_adaptive_max_pool2d(x[0], 5, .indices = &y[1]));
CASE(adaptive_max_pool2d, "another number in each dimension", "F.adaptive_max_pool2d(x0, (3, 2))",
     DISTINCT(2, 3, 5, 6), fv_adaptive_max_pool2d(x[0], FV_DIMS(3, 2)));
CASE(adaptive_max_pool2d, "without a batch", "F.adaptive_max_pool2d(x0, 2, return_indices=True)",
     DISTINCT(3, 4, 5), fv_adaptive_max_pool2d(x[0], 2, &y[1]));
CASE(adaptive_max_pool3d, "uneven", "F.adaptive_max_pool3d(x0, 2, return_indices=True)",
     DISTINCT(1, 2, 3, 4, 5), fv_adaptive_max_pool3d(x[0], 2, &y[1]));

/* --- the ops behind it: the maxima of constant numbers; x1 is the output's gradient ----------- */

#define MAXIMA(...) CONSTANT(DISTINCT(__VA_ARGS__))
#define BACKWARD(result)                                                                           \
    fv_tensor *z = case_variable(x[0]);                                                            \
    y[0] = case_gradient(result, z, x[1])

CASE_BODY(max_pool_backward, "1d", NULL, MAXIMA(2, 3, 8), X(2, 3, 4),
          BACKWARD(fv_max_pool1d(z, 3, 2, 1)));
CASE_BODY(max_pool_backward, "2x2", NULL, MAXIMA(2, 3, 5, 6), X(2, 3, 2, 3),
          BACKWARD(fv_max_pool2d(z, 2)));
CASE_BODY(max_pool_backward, "3x3 stride 2 padded", NULL, MAXIMA(1, 5, 5, 6), X(1, 5, 3, 3),
          BACKWARD(fv_max_pool2d(z, 3, 2, 1)));
CASE_BODY(max_pool_backward, "dilation", NULL, MAXIMA(1, 2, 7, 6), X(1, 2, 5, 4),
          BACKWARD(fv_max_pool2d(z, 3, 1, 1, 2)));
CASE_BODY(max_pool_backward, "another number in each dimension", NULL, MAXIMA(2, 3, 5, 6),
          X(2, 3, 3, 4),
          BACKWARD(fv_max_pool2d(z, FV_DIMS(3, 2), FV_DIMS(2, 1), FV_DIMS(1, 0), FV_DIMS(1, 2))));
CASE_BODY(max_pool_backward, "3d", NULL, MAXIMA(1, 2, 4, 5, 6), X(1, 2, 2, 2, 3),
          BACKWARD(fv_max_pool3d(z, 2)));
CASE_BODY(max_pool_backward, "adaptive", NULL, MAXIMA(2, 2, 5, 7), X(2, 2, 3, 3),
          BACKWARD(fv_adaptive_max_pool2d(z, 3)));

/* y is linear in x1 at the maxima of x0. */
#define GATHER(result, ...)                                                                        \
    fv_tensor *z = case_variable(x[0]);                                                            \
    fv_tensor *g = case_leaf(x[0], FV_SHAPE(__VA_ARGS__));                                         \
    y[0] = case_gradient(case_gradient(result, z, g), g, x[1])

CASE_BODY(max_pool_gather, "2x2", NULL, MAXIMA(2, 3, 5, 6), X(2, 3, 5, 6),
          GATHER(fv_max_pool2d(z, 2), 2, 3, 2, 3));
CASE_BODY(max_pool_gather, "3x3 stride 2 padded", NULL, MAXIMA(1, 5, 5, 6), X(1, 5, 5, 6),
          GATHER(fv_max_pool2d(z, 3, 2, 1), 1, 5, 3, 3));
CASE_BODY(max_pool_gather, "3d with dilation", NULL, MAXIMA(1, 2, 4, 5, 6), X(1, 2, 4, 5, 6),
          GATHER(fv_max_pool3d(z, 2, 1, .dilation = 2), 1, 2, 2, 3, 4));

CASE_BODY(max_pool_indices, "3x3 stride 2 padded",
          "F.max_pool2d(x0, 3, 2, 1, return_indices=True)[1]", DISTINCT(1, 2, 5, 6),
          fv_max_pool2d(x[0], 3, 2, 1, .indices = &y[0]));

/* --- back to where the maxima of x0 were -------------------------------------------------------
 */

#define UNPOOL(pool, result)                                                                       \
    fv_tensor *i = NULL;                                                                           \
    (void)pool;                                                                                    \
    y[0] = result

CASE_BODY(max_unpool1d, "pairs",
          "F.max_unpool1d(x1, F.max_pool1d(x0, 2, return_indices=True)[1], 2)", MAXIMA(2, 3, 8),
          X(2, 3, 4), UNPOOL(fv_max_pool1d(x[0], 2, .indices = &i), fv_max_unpool1d(x[1], i, 2)));
CASE_BODY(max_unpool1d, "all options",
          "F.max_unpool1d(x1, F.max_pool1d(x0, 2, 3, 1, return_indices=True)[1], 2, 3, 1, (11,))",
          MAXIMA(2, 3, 11), X(2, 3, 4),
          UNPOOL(fv_max_pool1d(x[0], 2, 3, 1, .indices = &i),
                 fv_max_unpool1d(x[1], i, 2, 3, 1, 11)));
CASE_BODY(max_unpool1d, "without a batch",
          "F.max_unpool1d(x1, F.max_pool1d(x0, 2, return_indices=True)[1], 2)", MAXIMA(3, 8),
          X(3, 4), UNPOOL(fv_max_pool1d(x[0], 2, .indices = &i), fv_max_unpool1d(x[1], i, 2)));

CASE_BODY(max_unpool2d, "2x2", "F.max_unpool2d(x1, F.max_pool2d(x0, 2, return_indices=True)[1], 2)",
          MAXIMA(2, 3, 4, 6), X(2, 3, 2, 3),
          UNPOOL(fv_max_pool2d(x[0], 2, .indices = &i), fv_max_unpool2d(x[1], i, 2)));
CASE_BODY(max_unpool2d, "output_size",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 2, return_indices=True)[1], 2, output_size=(5, 7))",
          MAXIMA(2, 3, 5, 7), X(2, 3, 2, 3),
          UNPOOL(fv_max_pool2d(x[0], 2, .indices = &i),
                 fv_max_unpool2d(x[1], i, 2, .output_size = FV_DIMS(5, 7))));
CASE_BODY(max_unpool2d, "gaps between windows",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 2, 3, return_indices=True)[1], 2, 3)",
          MAXIMA(1, 2, 5, 8), X(1, 2, 2, 3),
          UNPOOL(fv_max_pool2d(x[0], 2, 3, .indices = &i), fv_max_unpool2d(x[1], i, 2, 3)));
CASE_BODY(max_unpool2d, "padded",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 3, 3, 1, return_indices=True)[1], 3, 3, 1)",
          MAXIMA(2, 2, 4, 7), X(2, 2, 2, 3),
          UNPOOL(fv_max_pool2d(x[0], 3, 3, 1, .indices = &i), fv_max_unpool2d(x[1], i, 3, 3, 1)));
CASE_BODY(max_unpool2d, "another number in each dimension",
          "F.max_unpool2d(x1, F.max_pool2d(x0, (3, 2), (4, 2), (1, 0), return_indices=True)[1],"
          " (3, 2), (4, 2), (1, 0))",
          MAXIMA(2, 3, 5, 6), X(2, 3, 2, 3),
          UNPOOL(fv_max_pool2d(x[0], FV_DIMS(3, 2), FV_DIMS(4, 2), FV_DIMS(1, 0), .indices = &i),
                 fv_max_unpool2d(x[1], i, FV_DIMS(3, 2), FV_DIMS(4, 2), FV_DIMS(1, 0))));
CASE_BODY(max_unpool2d, "37 channels",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 2, return_indices=True)[1], 2)", MAXIMA(1, 37, 2, 4),
          X(1, 37, 1, 2),
          UNPOOL(fv_max_pool2d(x[0], 2, .indices = &i), fv_max_unpool2d(x[1], i, 2)));
CASE_BODY(max_unpool2d, "empty batch",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 2, return_indices=True)[1], 2)", MAXIMA(0, 3, 4, 4),
          X(0, 3, 2, 2),
          UNPOOL(fv_max_pool2d(x[0], 2, .indices = &i), fv_max_unpool2d(x[1], i, 2)));
CASE_BODY(max_unpool2d, "without a batch",
          "F.max_unpool2d(x1, F.max_pool2d(x0, 2, return_indices=True)[1], 2)", MAXIMA(3, 4, 6),
          X(3, 2, 3), UNPOOL(fv_max_pool2d(x[0], 2, .indices = &i), fv_max_unpool2d(x[1], i, 2)));
/* The gradient there is in test_maps.c. */
CASE_WITH((.not_gradcheck = "equal indices each get the gradient, and the last of them the place"),
          max_unpool2d, "equal indices", "F.max_unpool2d(x0, x1, 2)", CONSTANT(X(2, 3, 2, 3)),
          CONSTANT(INDEX(24, 2, 3, 2, 3)), fv_max_unpool2d(x[0], x[1], 2));

CASE_BODY(max_unpool3d, "2x2x2",
          "F.max_unpool3d(x1, F.max_pool3d(x0, 2, return_indices=True)[1], 2)",
          MAXIMA(1, 2, 4, 2, 4), X(1, 2, 2, 1, 2),
          UNPOOL(fv_max_pool3d(x[0], 2, .indices = &i), fv_max_unpool3d(x[1], i, 2)));
CASE_BODY(
    max_unpool3d, "all options",
    "F.max_unpool3d(x1, F.max_pool3d(x0, 2, 3, 1, return_indices=True)[1], 2, 3, 1, (5, 4, 6))",
    MAXIMA(1, 2, 5, 4, 6), X(1, 2, 2, 2, 3),
    UNPOOL(fv_max_pool3d(x[0], 2, 3, 1, .indices = &i),
           fv_max_unpool3d(x[1], i, 2, 3, 1, FV_DIMS(5, 4, 6))));

/* x1 is the output's gradient. */
#define UNPOOLED(call, ...)                                                                        \
    fv_tensor *z = case_leaf(x[1], FV_SHAPE(__VA_ARGS__));                                         \
    y[0] = case_gradient(call, z, x[1])

CASE_BODY(max_unpool_backward, "1d", NULL, CONSTANT(INDEX(8, 2, 3, 4)), X(2, 3, 8),
          UNPOOLED(fv_max_unpool1d(z, x[0], 2), 2, 3, 4));
CASE_BODY(max_unpool_backward, "2d", NULL, CONSTANT(INDEX(24, 2, 3, 2, 3)), X(2, 3, 4, 6),
          UNPOOLED(fv_max_unpool2d(z, x[0], 2), 2, 3, 2, 3));
CASE_BODY(max_unpool_backward, "37 channels", NULL, CONSTANT(INDEX(8, 1, 37, 1, 2)), X(1, 37, 2, 4),
          UNPOOLED(fv_max_unpool2d(z, x[0], 2), 1, 37, 1, 2));
CASE_BODY(max_unpool_backward, "3d", NULL, CONSTANT(INDEX(64, 1, 2, 2, 2, 2)), X(1, 2, 4, 4, 4),
          UNPOOLED(fv_max_unpool3d(z, x[0], 2), 1, 2, 2, 2, 2));

/* --- average pooling -------------------------------------------------------------------------- */

CASE(avg_pool1d, "pairs", "F.avg_pool1d(x0, 2)", X(2, 3, 9), fv_avg_pool1d(x[0], 2));
CASE(avg_pool1d, "all options", "F.avg_pool1d(x0, 3, 2, 1, True, False)", X(2, 5, 12),
     fv_avg_pool1d(x[0], 3, 2, 1, true, false));
CASE(avg_pool1d, "without a batch", "F.avg_pool1d(x0, 2)", X(3, 9), fv_avg_pool1d(x[0], 2));

CASE(avg_pool2d, "2x2", "F.avg_pool2d(x0, 2)", X(2, 3, 4, 6), fv_avg_pool2d(x[0], 2));
CASE(avg_pool2d, "3x3 stride 2 padded", "F.avg_pool2d(x0, 3, 2, 1)", X(2, 2, 5, 6),
     fv_avg_pool2d(x[0], 3, 2, 1));
CASE(avg_pool2d, "padding not counted", "F.avg_pool2d(x0, 3, 2, 1, False, False)", X(2, 2, 5, 6),
     fv_avg_pool2d(x[0], 3, 2, 1, .count_include_pad = false));
CASE(avg_pool2d, "overlapping by stride 1", "F.avg_pool2d(x0, 3, 1, 1)", X(1, 3, 4, 5),
     fv_avg_pool2d(x[0], 3, 1, 1));
CASE(avg_pool2d, "gaps between windows", "F.avg_pool2d(x0, 2, 3)", X(1, 2, 7, 8),
     fv_avg_pool2d(x[0], 2, 3));
CASE(avg_pool2d, "ceil_mode", "F.avg_pool2d(x0, 3, 2, 1, True)", X(1, 2, 6, 7),
     fv_avg_pool2d(x[0], 3, 2, 1, true));
CASE(avg_pool2d, "ceil_mode, padding not counted", "F.avg_pool2d(x0, 3, 2, 1, True, False)",
     X(1, 2, 6, 7), fv_avg_pool2d(x[0], 3, 2, 1, true, false));
CASE(avg_pool2d, "divisor_override", "F.avg_pool2d(x0, 3, 2, 1, divisor_override=5)", X(1, 2, 5, 5),
     fv_avg_pool2d(x[0], 3, 2, 1, .divisor_override = 5));
CASE(avg_pool2d, "37 channels", "F.avg_pool2d(x0, 2, 1)", X(1, 37, 2, 3),
     fv_avg_pool2d(x[0], 2, 1));
CASE(avg_pool2d, "another number in each dimension", "F.avg_pool2d(x0, (3, 2), (2, 1), (1, 0))",
     X(2, 3, 5, 6), fv_avg_pool2d(x[0], FV_DIMS(3, 2), FV_DIMS(2, 1), FV_DIMS(1, 0)));
CASE(avg_pool2d, "empty batch", "F.avg_pool2d(x0, 2)", X(0, 3, 4, 4), fv_avg_pool2d(x[0], 2));

CASE(avg_pool3d, "2x2x2", "F.avg_pool3d(x0, 2)", X(1, 2, 4, 4, 5), fv_avg_pool3d(x[0], 2));
CASE(avg_pool3d, "all options", "F.avg_pool3d(x0, 3, 2, 1, True, False, 4)", X(1, 2, 4, 5, 6),
     fv_avg_pool3d(x[0], 3, 2, 1, true, false, 4));

CASE(adaptive_avg_pool1d, "uneven", "F.adaptive_avg_pool1d(x0, 4)", X(2, 3, 10),
     fv_adaptive_avg_pool1d(x[0], 4));
CASE(adaptive_avg_pool1d, "without a batch", "F.adaptive_avg_pool1d(x0, 4)", X(3, 10),
     fv_adaptive_avg_pool1d(x[0], 4));
CASE(adaptive_avg_pool1d, "neither batch nor channels", "F.adaptive_avg_pool1d(x0, 4)", X(0, 10),
     fv_adaptive_avg_pool1d(x[0], 4));
CASE(adaptive_avg_pool2d, "no channels", "x0[..., :2, :2]", X(2, 0, 5, 4),
     fv_adaptive_avg_pool2d(x[0], 2));
CASE(adaptive_avg_pool2d, "neither batch nor channels", "F.adaptive_avg_pool2d(x0, 2)", X(0, 5, 4),
     fv_adaptive_avg_pool2d(x[0], 2));
CASE(adaptive_avg_pool3d, "without a batch", "F.adaptive_avg_pool3d(x0, 2)", X(3, 4, 5, 3),
     fv_adaptive_avg_pool3d(x[0], 2));
CASE(adaptive_avg_pool3d, "neither batch nor channels", "F.adaptive_avg_pool3d(x0, 2)",
     X(0, 4, 5, 3), fv_adaptive_avg_pool3d(x[0], 2));
CASE(adaptive_avg_pool2d, "global", "F.adaptive_avg_pool2d(x0, 1)", X(2, 3, 4, 5),
     fv_adaptive_avg_pool2d(x[0], 1));
CASE(adaptive_avg_pool2d, "global, 37 channels", "F.adaptive_avg_pool2d(x0, 1)", X(1, 37, 2, 2),
     fv_adaptive_avg_pool2d(x[0], 1));
CASE(adaptive_avg_pool2d, "even", "F.adaptive_avg_pool2d(x0, 2)", X(1, 2, 4, 6),
     fv_adaptive_avg_pool2d(x[0], 2));
CASE(adaptive_avg_pool2d, "overlapping", "F.adaptive_avg_pool2d(x0, 3)", X(2, 2, 5, 7),
     fv_adaptive_avg_pool2d(x[0], 3));
CASE(adaptive_avg_pool2d, "more outputs than inputs", "F.adaptive_avg_pool2d(x0, 5)", X(1, 2, 3, 4),
     fv_adaptive_avg_pool2d(x[0], 5));
CASE(adaptive_avg_pool2d, "another number in each dimension", "F.adaptive_avg_pool2d(x0, (3, 2))",
     X(2, 3, 5, 6), fv_adaptive_avg_pool2d(x[0], FV_DIMS(3, 2)));
CASE(adaptive_avg_pool2d, "empty batch", "F.adaptive_avg_pool2d(x0, 2)", X(0, 3, 4, 4),
     fv_adaptive_avg_pool2d(x[0], 2));
CASE(adaptive_avg_pool3d, "uneven", "F.adaptive_avg_pool3d(x0, 2)", X(1, 2, 3, 4, 5),
     fv_adaptive_avg_pool3d(x[0], 2));

/* --- its backward op: x0 is the output's gradient --------------------------------------------- */

#define AVERAGED(result, ...)                                                                      \
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(__VA_ARGS__));                                         \
    y[0] = case_gradient(result, z, x[0])

CASE_BODY(avg_pool_backward, "1d", NULL, X(2, 3, 4), AVERAGED(fv_avg_pool1d(z, 3, 2, 1), 2, 3, 8));
CASE_BODY(avg_pool_backward, "2x2", NULL, X(2, 3, 2, 3), AVERAGED(fv_avg_pool2d(z, 2), 2, 3, 5, 6));
CASE_BODY(avg_pool_backward, "padding not counted", NULL, X(1, 5, 3, 3),
          AVERAGED(fv_avg_pool2d(z, 3, 2, 1, .count_include_pad = false), 1, 5, 5, 6));
CASE_BODY(avg_pool_backward, "divisor_override", NULL, X(1, 2, 3, 3),
          AVERAGED(fv_avg_pool2d(z, 3, 2, 1, .divisor_override = 5), 1, 2, 5, 6));
CASE_BODY(avg_pool_backward, "another number in each dimension", NULL, X(2, 3, 3, 5),
          AVERAGED(fv_avg_pool2d(z, FV_DIMS(3, 2), FV_DIMS(2, 1), FV_DIMS(1, 0)), 2, 3, 5, 6));
CASE_BODY(avg_pool_backward, "37 channels", NULL, X(1, 37, 1, 2),
          AVERAGED(fv_avg_pool2d(z, 2, 1), 1, 37, 2, 3));
CASE_BODY(avg_pool_backward, "3d", NULL, X(1, 2, 2, 2, 3),
          AVERAGED(fv_avg_pool3d(z, 2), 1, 2, 4, 5, 6));
CASE_BODY(avg_pool_backward, "adaptive", NULL, X(2, 3, 3, 3),
          AVERAGED(fv_adaptive_avg_pool2d(z, 3), 2, 3, 5, 7));
CASE_BODY(avg_pool_backward, "global", NULL, X(2, 3, 1, 1),
          AVERAGED(fv_adaptive_avg_pool2d(z, 1), 2, 3, 2, 3));
