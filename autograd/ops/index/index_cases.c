/* Cases of gather, its adjoint and cumsum. */
#include "autograd/ops/index/index.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "tests/case.h"

CASE(gather, "rows", "torch.gather(x0, 1, x1)", X(3, 5), CONSTANT(INDEX(5, 3, 4)),
     fv_gather(x[0], 1, x[1]));
CASE(gather, "first dim, shorter index", "torch.gather(x0, 0, x1)", X(4, 3, 2),
     CONSTANT(INDEX(4, 5, 2, 1)), fv_gather(x[0], 0, x[1]));
CASE(gather, "from the end", "torch.gather(x0, -1, x1)", X(2, 3, 4), CONSTANT(INDEX(4, 2, 3, 2)),
     fv_gather(x[0], -1, x[1]));
CASE(gather, "an empty index of another rank", "torch.gather(x0, 1, x1)", X(2, 3),
     CONSTANT(INDEX(1, 0)), fv_gather(x[0], 1, x[1]));
CASE(gather, "an empty index, longer elsewhere", "torch.gather(x0, 0, x1)", X(2, 3),
     CONSTANT(INDEX(1, 0, 5)), fv_gather(x[0], 0, x[1]));
CASE(gather, "an empty index of floats", "torch.gather(x0, 0, x1)", X(2, 3), CONSTANT(X(0)),
     fv_gather(x[0], 0, x[1]));
CASE(gather_backward, "an empty index", "torch.zeros(2, 3, dtype=x0.dtype)", X(0),
     CONSTANT(INDEX(1, 0)), fv_gather_backward(x[0], x[1], 1, FV_SHAPE(2, 3)));
CASE(gather_backward, "rows", "torch.zeros(3, 5, dtype=x0.dtype).scatter_add(1, x1, x0)", X(3, 4),
     CONSTANT(INDEX(5, 3, 4)), fv_gather_backward(x[0], x[1], 1, FV_SHAPE(3, 5)));
CASE(gather_backward, "first dim", "torch.zeros(4, 3, dtype=x0.dtype).scatter_add(0, x1, x0)",
     X(6, 2), CONSTANT(INDEX(4, 6, 2)), fv_gather_backward(x[0], x[1], 0, FV_SHAPE(4, 3)));
CASE(cumsum, "last dim", "x0.cumsum(-1)", X(3, 7), fv_cumsum(x[0], -1));
CASE(cumsum, "middle dim", "x0.cumsum(1)", X(2, 5, 3), fv_cumsum(x[0], 1));
CASE(cumsum, "integers", "x0.cumsum(0)", INDEX(9, 4, 5), fv_cumsum(x[0], 0));
/* its gradient adds up from the other end */
CASE_BODY(cumsum, "reversed", "x0.flip(1).cumsum(1).flip(1)", X(2, 5, 3), {
    fv_tensor *z = case_leaf(x[0], FV_SHAPE(2, 5, 3));
    y[0] = case_gradient(fv_cumsum(z, 1), z, x[0]);
});
