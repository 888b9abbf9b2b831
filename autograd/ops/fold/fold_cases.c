/* Cases of unfold and fold. */
#include "autograd/ops/fold/fold.h"
#include "tests/case.h"

CASE(unfold, "3x3", "F.unfold(x0, 3)", X(2, 3, 5, 6), fv_unfold(x[0], 3));
CASE(unfold, "dilation", "F.unfold(x0, 2, dilation=2)", X(2, 3, 5, 6),
     fv_unfold(x[0], 2, .dilation = 2));
CASE(unfold, "padding", "F.unfold(x0, 3, padding=1)", X(2, 2, 4, 5),
     fv_unfold(x[0], 3, .padding = 1));
CASE(unfold, "stride", "F.unfold(x0, 2, stride=2)", X(1, 3, 5, 6), fv_unfold(x[0], 2, .stride = 2));
CASE(unfold, "stride 3, padding 2, dilation 2", "F.unfold(x0, 3, 2, 2, 3)", X(2, 2, 7, 8),
     fv_unfold(x[0], 3, 2, 2, 3));
CASE(unfold, "another number in each dimension", "F.unfold(x0, (2, 3), (1, 2), (2, 1), (3, 1))",
     X(2, 2, 5, 7), fv_unfold(x[0], FV_DIMS(2, 3), FV_DIMS(1, 2), FV_DIMS(2, 1), FV_DIMS(3, 1)));
CASE(unfold, "more padding than window", "F.unfold(x0, 2, padding=3)", X(1, 2, 2, 3),
     fv_unfold(x[0], 2, .padding = 3));
CASE(unfold, "window of the whole plane", "F.unfold(x0, (3, 4))", X(2, 2, 3, 4),
     fv_unfold(x[0], FV_DIMS(3, 4)));
CASE(unfold, "37 columns", "F.unfold(x0, 2, padding=1)", X(1, 2, 2, 36),
     fv_unfold(x[0], 2, .padding = 1));
CASE(unfold, "without a batch", "F.unfold(x0, 2)", X(3, 4, 5), fv_unfold(x[0], 2));
CASE(unfold, "empty batch", "F.unfold(x0, 2)", X(0, 3, 4, 5), fv_unfold(x[0], 2));

CASE(unfold1d, "pairs", "x0.unfold(2, 2, 1).transpose(2, 3).flatten(1, 2)", X(2, 3, 7),
     fv_unfold1d(x[0], 2));
CASE(unfold1d, "all options",
     "F.unfold(x0.unsqueeze(2), (1, 3), dilation=(1, 2), padding=(0, 2), stride=(1, 3))",
     X(2, 3, 9), fv_unfold1d(x[0], 3, 2, 2, 3));
CASE(unfold1d, "without a batch", "F.unfold(x0.unsqueeze(1), (1, 3))", X(3, 7),
     fv_unfold1d(x[0], 3));

CASE(unfold3d, "2x2x2",
     "x0.unfold(2, 2, 1).unfold(3, 2, 1).unfold(4, 2, 1).permute(0, 1, 5, 6, 7, 2, 3, 4)"
     ".flatten(5).flatten(1, 4)",
     X(2, 2, 3, 4, 3), fv_unfold3d(x[0], 2));
CASE(unfold3d, "all options",
     "F.pad(x0, (1, 1, 2, 2, 1, 1)).unfold(2, 3, 1).unfold(3, 2, 2).unfold(4, 3, 2)"
     "[..., ::2, :, ::2].permute(0, 1, 5, 6, 7, 2, 3, 4).flatten(5).flatten(1, 4)",
     X(1, 2, 3, 4, 5),
     fv_unfold3d(x[0], FV_DIMS(2, 2, 2), FV_DIMS(2, 1, 2), FV_DIMS(1, 2, 1), FV_DIMS(1, 2, 2)));
CASE(unfold3d, "without a batch",
     "x0.unfold(1, 2, 2).unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 4, 5, 6, 1, 2, 3)"
     ".flatten(4).flatten(0, 3)",
     X(2, 4, 3, 5), fv_unfold3d(x[0], 2, .stride = 2));

CASE(fold, "3x3", "F.fold(x0, (5, 6), 3)", X(2, 27, 12), fv_fold(x[0], FV_DIMS(5, 6), 3));
CASE(fold, "dilation", "F.fold(x0, (5, 6), 2, dilation=2)", X(2, 12, 12),
     fv_fold(x[0], FV_DIMS(5, 6), 2, .dilation = 2));
CASE(fold, "padding", "F.fold(x0, 4, 3, padding=1)", X(2, 18, 16),
     fv_fold(x[0], 4, 3, .padding = 1));
CASE(fold, "stride", "F.fold(x0, (5, 6), 2, stride=2)", X(1, 12, 6),
     fv_fold(x[0], FV_DIMS(5, 6), 2, .stride = 2));
CASE(fold, "stride 3, padding 2, dilation 2", "F.fold(x0, (7, 8), 3, 2, 2, 3)", X(2, 18, 9),
     fv_fold(x[0], FV_DIMS(7, 8), 3, 2, 2, 3));
CASE(fold, "another number in each dimension", "F.fold(x0, (5, 7), (2, 3), (1, 2), (2, 1), (3, 1))",
     X(2, 12, 15),
     fv_fold(x[0], FV_DIMS(5, 7), FV_DIMS(2, 3), FV_DIMS(1, 2), FV_DIMS(2, 1), FV_DIMS(3, 1)));
CASE(fold, "37 columns", "F.fold(x0, (1, 36), (1, 2), padding=(0, 1))", X(1, 4, 37),
     fv_fold(x[0], FV_DIMS(1, 36), FV_DIMS(1, 2), .padding = FV_DIMS(0, 1)));
CASE(fold, "without a batch", "F.fold(x0, (4, 5), 2)", X(12, 12), fv_fold(x[0], FV_DIMS(4, 5), 2));
CASE(fold, "empty batch", "F.fold(x0, (4, 5), 2)", X(0, 12, 12), fv_fold(x[0], FV_DIMS(4, 5), 2));

CASE(fold1d, "pairs", "F.fold(x0, (1, 7), (1, 2)).squeeze(2)", X(2, 6, 6), fv_fold1d(x[0], 7, 2));
CASE(fold1d, "all options", "F.fold(x0, (1, 9), (1, 3), (1, 2), (0, 2), (1, 3)).squeeze(2)",
     X(2, 9, 3), fv_fold1d(x[0], 9, 3, 2, 2, 3));
CASE(fold1d, "without a batch", "F.fold(x0, (1, 7), (1, 3)).squeeze(1)", X(9, 5),
     fv_fold1d(x[0], 7, 3));

/* Sums of the eight corners of all cubes. */
CASE(fold3d, "2x2x2",
     "sum(F.pad(x0.reshape(2, 2, 2, 2, 2, 2, 3, 2)[:, :, a, b, c], (c, 1 - c, b, 1 - b, a, 1 - a))"
     " for a in (0, 1) for b in (0, 1) for c in (0, 1))",
     X(2, 16, 12), fv_fold3d(x[0], FV_DIMS(3, 4, 3), 2));
CASE(fold3d, "all options", NULL, X(1, 16, 36),
     fv_fold3d(x[0], FV_DIMS(3, 4, 5), 2, FV_DIMS(2, 1, 2), FV_DIMS(1, 2, 1), FV_DIMS(1, 2, 2)));
CASE(fold3d, "without a batch",
     "x0.reshape(2, 2, 2, 2, 2, 1, 2).permute(0, 4, 1, 5, 2, 6, 3).reshape(2, 4, 2, 4)", X(16, 4),
     fv_fold3d(x[0], FV_DIMS(4, 2, 4), 2, .stride = 2));
