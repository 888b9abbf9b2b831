/* Cases of softmax, log_softmax and their backward ops. */
#include "autograd/ops/softmax/softmax.h"
#include "tests/case.h"

CASE(softmax, "last dim", "torch.softmax(x0, -1)", X(3, 10), fv_softmax(x[0], -1));
CASE(softmax, "longer than a vector", "torch.softmax(x0, 1)", X(2, 21), fv_softmax(x[0], 1));
CASE(softmax, "longer than several vectors", "torch.softmax(x0, 1)", X(2, 70), fv_softmax(x[0], 1));
CASE(softmax, "channels", "torch.softmax(x0, 1)", X(2, 3, 2, 5), fv_softmax(x[0], 1));
CASE(softmax, "many channels", "torch.softmax(x0, 1)", X(1, 25, 2, 3), fv_softmax(x[0], 1));
CASE(softmax, "first dim", "torch.softmax(x0, 0)", X(4, 3), fv_softmax(x[0], 0));
CASE(softmax, "scalar", "torch.softmax(x0, 0)", NUMBER, fv_softmax(x[0], 0));

CASE(log_softmax, "last dim", "torch.log_softmax(x0, -1)", X(3, 10), fv_log_softmax(x[0], -1));
CASE(log_softmax, "longer than a vector", "torch.log_softmax(x0, 1)", X(2, 21),
     fv_log_softmax(x[0], 1));
CASE(log_softmax, "longer than several vectors", "torch.log_softmax(x0, 1)", X(2, 70),
     fv_log_softmax(x[0], 1));
CASE(log_softmax, "channels", "torch.log_softmax(x0, 1)", X(2, 3, 2, 5), fv_log_softmax(x[0], 1));
CASE(log_softmax, "many channels", "torch.log_softmax(x0, 1)", X(1, 25, 2, 3),
     fv_log_softmax(x[0], 1));
CASE(log_softmax, "first dim", "torch.log_softmax(x0, 0)", X(4, 3), fv_log_softmax(x[0], 0));

CASE(softmax_backward, "last dim", "x1 * (x0 - (x0 * x1).sum(-1, keepdim=True))", X(3, 17),
     UNIT(3, 17), fv_softmax_backward(x[0], x[1], -1));
CASE(softmax_backward, "channels", "x1 * (x0 - (x0 * x1).sum(1, keepdim=True))", X(2, 3, 2, 4),
     UNIT(2, 3, 2, 4), fv_softmax_backward(x[0], x[1], 1));
CASE(softmax_backward, "more than 20", "x1 * (x0 - (x0 * x1).sum(1, keepdim=True))", X(2, 37),
     UNIT(2, 37), fv_softmax_backward(x[0], x[1], 1));
CASE(log_softmax_backward, "last dim", "x0 - x1.exp() * x0.sum(-1, keepdim=True)", X(3, 17),
     X(3, 17), fv_log_softmax_backward(x[0], x[1], -1));
CASE(log_softmax_backward, "channels", "x0 - x1.exp() * x0.sum(1, keepdim=True)", X(2, 3, 2, 4),
     X(2, 3, 2, 4), fv_log_softmax_backward(x[0], x[1], 1));
CASE(log_softmax_backward, "more than 20", "x0 - x1.exp() * x0.sum(1, keepdim=True)", X(2, 37),
     X(2, 37), fv_log_softmax_backward(x[0], x[1], 1));
