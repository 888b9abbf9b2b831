/* Cases of dropout. PyTorch draws other random numbers, so there are values of it only where they
 * do not matter. */
#include "autograd/ops/random/dropout.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/view/view.h"
#include "tests/case.h"

CASE(dropout, "half", NULL, X(2, 3, 4, 5), fv_dropout(x[0]));
CASE(dropout, "few, odd length", NULL, X(131), fv_dropout(x[0], 0.1));
CASE(dropout, "all", "F.dropout(x0, 1.0)", X(3, 5), fv_dropout(x[0], 1));
CASE(dropout, "twice", NULL, X(3, 5), fv_dropout(fv_dropout(x[0], 0.3), .p = 0.3));
CASE_BODY(dropout, "not in training", "(F.dropout(x0, 1.0), x0 * 1)", X(3, 5), {
    y[0] = fv_dropout(x[0], 1);
    y[1] = fv_clone(fv_dropout(x[0], .training = false));
});
/* With x · scale put back where a zero was drawn, what is left does not depend on the numbers. */
static fv_tensor *filled(fv_tensor *dropped, fv_tensor *x, double scale)
{
    return fv_where(fv_eq(dropped, 0), fv_mul(x, scale), dropped);
}

CASE(dropout, "scale of the default", "x0 * 2", X(3, 50), filled(fv_dropout(x[0]), x[0], 2));
CASE(dropout, "scale", "x0 * 1.25", X(3, 50), filled(fv_dropout(x[0], 0.2), x[0], 1.25));
CASE(dropout, "scale of channels", "x0 * 2", X(4, 5, 2), filled(fv_dropout2d(x[0]), x[0], 2));
CASE(dropout, "scale of few channels", "x0 * 1.25", X(4, 5, 2),
     filled(fv_dropout2d(x[0], 0.2), x[0], 1.25));
CASE(dropout, "channels", NULL, X(4, 5, 2, 3), fv_dropout2d(x[0]));
CASE(dropout, "few channels", NULL, X(4, 5, 3), fv_dropout2d(x[0], 0.2));
CASE(dropout, "all channels", "F.dropout2d(x0, 1.0)", X(2, 3, 2, 3), fv_dropout2d(x[0], 1, true));
CASE_BODY(dropout, "channels, not in training", "(F.dropout2d(x0, 1.0), x0 * 1)", X(2, 3, 2, 3), {
    y[0] = fv_dropout2d(x[0], 1);
    y[1] = fv_clone(fv_dropout2d(x[0], .training = false));
});
