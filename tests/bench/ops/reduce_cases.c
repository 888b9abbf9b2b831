/* Reductions over everything, over a short and a long last dimension, over the first, and of images
 * over their channels and pixels. */
#include "cases.h"

#define ALL_DIMS(op, torch, call) CASE(op, "all", torch ")", X(0), call(x[0]))
#define SHAPED(op, torch, call)                                                                    \
    ALL_DIMS(op, torch, call);                                                                     \
    CASE(op, "rows of 32", torch ", 1)", X(0, 32), call(x[0], 1));                                 \
    CASE(op, "32 long rows", torch ", 1)", X(32, 0), call(x[0], 1));                               \
    CASE(op, "columns", torch ", 0)", X(0, 32), call(x[0], 0))
#define IMAGE(op, torch, call)                                                                     \
    CASE(op, "images to channels", torch ", (0, 2, 3))", X(0, 16, 8, 8),                           \
         call(x[0], FV_DIMS(0, 2, 3)))

SHAPED(sum, "torch.sum(x0", fv_sum);
IMAGE(sum, "torch.sum(x0", fv_sum);
SHAPED(mean, "torch.mean(x0", fv_mean);
IMAGE(mean, "torch.mean(x0", fv_mean);
SHAPED(var, "torch.var(x0", fv_var);
IMAGE(var, "torch.var(x0", fv_var);
SHAPED(std, "torch.std(x0", fv_std);
SHAPED(amax, "torch.amax(x0", fv_amax);
SHAPED(amin, "torch.amin(x0", fv_amin);
SHAPED(argmax, "torch.argmax(x0", fv_argmax);
SHAPED(any, "torch.any(x0", fv_any);
SHAPED(all, "torch.all(x0", fv_all);
SHAPED(prod, "torch.prod(x0", fv_prod);
ALL_DIMS(norm, "torch.linalg.vector_norm(x0", fv_norm);
CASE(norm, "rows of 32", "torch.linalg.vector_norm(x0, dim=1)", X(0, 32), fv_norm(x[0], .dim = 1));
CASE(logsumexp, "rows of 32", "torch.logsumexp(x0, 1)", X(0, 32), fv_logsumexp(x[0], 1));
CASE(logsumexp, "32 long rows", "torch.logsumexp(x0, 1)", X(32, 0), fv_logsumexp(x[0], 1));
ALL_DIMS(max, "torch.max(x0", fv_max);
ALL_DIMS(min, "torch.min(x0", fv_min);
CASE(max_dim, "rows of 32", "torch.max(x0, 1)[0]", X(0, 32), fv_max_dim(x[0], 1, false, &y[1]));
CASE(cumsum, "rows of 32", "torch.cumsum(x0, 1)", X(0, 32), fv_cumsum(x[0], 1));
CASE(cumsum, "columns", "torch.cumsum(x0, 0)", X(0, 32), fv_cumsum(x[0], 0));
