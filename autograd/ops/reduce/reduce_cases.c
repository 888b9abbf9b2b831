/* Cases of the reductions. */
#include "autograd/ops/reduce/reduce.h"

#include <math.h>

#include "autograd/ops/elementwise/elementwise.h"
#include "tests/case.h"

/* --- sums ------------------------------------------------------------------------------------- */

CASE(sum, "all", "x0.sum()", X(3, 4, 5), fv_sum(x[0]));
CASE(sum, "all, kept", "x0.sum(dim=(0, 1), keepdim=True)", X(3, 4), fv_sum(x[0], .keepdim = true));
CASE(sum, "last dim", "x0.sum(dim=-1)", X(5, 37), fv_sum(x[0], -1));
CASE(sum, "first dim, kept", "x0.sum(dim=0, keepdim=True)", X(7, 2, 3), fv_sum(x[0], 0, true));
CASE(sum, "middle dim", "x0.sum(dim=1)", X(2, 5, 3, 2), fv_sum(x[0], .dim = 1));
CASE(sum, "several dims", "x0.sum(dim=(0, -1))", X(2, 5, 3, 2), fv_sum(x[0], FV_DIMS(0, -1)));
CASE(sum, "scalar", "x0.sum(dim=0)", NUMBER, fv_sum(x[0], .dim = 0));
CASE(sum, "integers", "x0.sum(dim=1)", INDEX(9, 4, 5), fv_sum(x[0], 1));
CASE(sum, "bool", "x0.sum()", MASK(4, 5), fv_sum(x[0]));

CASE(mean, "all", "x0.mean()", X(3, 4, 5), fv_mean(x[0]));
CASE(mean, "last dim, kept", "x0.mean(dim=1, keepdim=True)", X(3, 21), fv_mean(x[0], 1, true));
CASE(mean, "channels", "x0.mean(dim=1)", X(2, 3, 4, 5), fv_mean(x[0], -3));
CASE(mean, "all but the channels", "x0.mean(dim=(0, 2, 3))", X(2, 3, 4, 5),
     fv_mean(x[0], FV_DIMS(0, 2, 3)));

CASE(sum_to, "bias", "x0.sum_to_size(5)", X(6, 5), fv_sum_to(x[0], FV_SHAPE(5)));
CASE(sum_to, "channels", "x0.sum_to_size(3, 1, 1)", X(2, 3, 4, 5),
     fv_sum_to(x[0], FV_SHAPE(3, 1, 1)));
CASE(sum_to, "kept first dim", "x0.sum_to_size(2, 1, 4)", X(2, 3, 4),
     fv_sum_to(x[0], FV_SHAPE(2, 1, 4)));
CASE(sum_to, "scalar", "x0.sum()", X(3, 4), fv_sum_to(x[0], FV_SCALAR));

/* --- moments ---------------------------------------------------------------------------------- */

CASE(var, "all", "x0.var()", X(4, 5), fv_var(x[0]));
CASE(var, "dim, biased", "x0.var(dim=1, unbiased=False)", X(2, 7, 3), fv_var(x[0], 1, 0));
CASE(var, "last dim, kept", "x0.var(dim=-1, keepdim=True)", X(3, 19),
     fv_var(x[0], -1, .keepdim = true));
CASE(var, "all, correction 3", "torch.var(x0, (0, 1), correction=3)", X(4, 5),
     fv_var(x[0], .correction = 3));
CASE(var, "several dims", "x0.var(dim=(0, 2))", X(2, 7, 3), fv_var(x[0], FV_DIMS(0, 2)));
CASE(std, "all", "x0.std()", X(4, 5), fv_std(x[0]));
CASE(std, "dim, biased, kept", "x0.std(dim=1, unbiased=False, keepdim=True)", X(2, 7, 3),
     fv_std(x[0], 1, 0, true));
CASE(std, "dim, correction 2", "torch.std(x0, 1, correction=2)", X(2, 7, 3),
     fv_std(x[0], 1, .correction = 2));

CASE(norm, "all", "torch.norm(x0)", X(4, 5), fv_norm(x[0]));
CASE(norm, "dim", "torch.norm(x0, dim=1)", X(2, 7, 3), fv_norm(x[0], .dim = 1));
CASE(norm, "last dim, kept", "torch.norm(x0, 2, -1, True)", X(3, 19), fv_norm(x[0], 2, -1, true));
CASE(norm, "p 1", "torch.norm(x0, 1)", X(4, 15), fv_norm(x[0], 1));
CASE(norm, "p 1, columns", "torch.norm(x0, 1, 0)", X(4, 5), fv_norm(x[0], 1, 0));
CASE(norm, "p 0", "torch.norm(x0, 0, 1)", X(2, 7, 3), fv_norm(x[0], 0, 1));
CASE(norm, "p 0, rows", "torch.norm(x0, 0, -1)", X(3, 19), fv_norm(x[0], 0, -1));
CASE(norm, "p infinity", "torch.norm(x0, float('inf'))", DISTINCT(3, 19),
     fv_norm(x[0], (double)INFINITY));
CASE(norm, "p infinity, dims", "torch.norm(x0, float('inf'), (0, 2))", DISTINCT(2, 7, 3),
     fv_norm(x[0], (double)INFINITY, FV_DIMS(0, 2)));
CASE(norm, "p -infinity, columns", "torch.norm(x0, float('-inf'), 0, True)", DISTINCT(7, 3),
     fv_norm(x[0], -(double)INFINITY, 0, true));
CASE(norm, "p -infinity", "torch.norm(x0, float('-inf'), 1)", DISTINCT(2, 19),
     fv_norm(x[0], -(double)INFINITY, 1));
CASE(norm, "p 3", "torch.norm(x0, 3)", X(4, 5), fv_norm(x[0], 3));
CASE(norm, "p 1.5, columns", "torch.norm(x0, 1.5, 1)", X(2, 7, 3), fv_norm(x[0], 1.5, 1));
CASE(norm, "p 0.5", "torch.norm(x0, 0.5, -1, True)", X(3, 9), fv_norm(x[0], .p = 0.5, -1, true));
CASE(norm, "p -2", "torch.norm(x0, -2, 1)", POSITIVE(4, 5), fv_norm(x[0], -2, 1));

CASE(logsumexp, "all", "torch.logsumexp(x0, dim=(0, 1))", X(4, 5), fv_logsumexp(x[0]));
CASE(logsumexp, "dim", "torch.logsumexp(x0, dim=1)", X(2, 7, 3), fv_logsumexp(x[0], 1));
CASE(logsumexp, "integers", "torch.logsumexp(x0, 1)", INDEX(9, 4, 5), fv_logsumexp(x[0], 1));
CASE(logsumexp, "last dim, kept", "torch.logsumexp(x0, dim=-1, keepdim=True)", X(3, 19),
     fv_logsumexp(x[0], -1, true));

/* --- extremes and products -------------------------------------------------------------------- */

CASE(amax, "all", "x0.amax()", DISTINCT(3, 4, 5), fv_amax(x[0]));
CASE(amax, "last dim, kept", "x0.amax(dim=-1, keepdim=True)", DISTINCT(3, 37),
     fv_amax(x[0], -1, true));
CASE(amax, "channels", "x0.amax(dim=1)", DISTINCT(2, 5, 3, 2), fv_amax(x[0], 1));
CASE(max, "all", "x0.max()", DISTINCT(3, 7), fv_max(x[0]));
CASE(amax, "integers", "x0.amax(dim=0)", INDEX(50, 4, 5), fv_amax(x[0], 0));
CASE(amin, "all", "x0.amin()", DISTINCT(3, 4, 5), fv_amin(x[0]));
CASE(amin, "first dim", "x0.amin(dim=0)", DISTINCT(37, 3), fv_amin(x[0], 0));
CASE(amin, "last dim, kept", "x0.amin(dim=-1, keepdim=True)", DISTINCT(3, 7),
     fv_amin(x[0], -1, true));
CASE(min, "all", "x0.min()", DISTINCT(3, 7), fv_min(x[0]));

CASE(any, "all dims", "x0.any()", MASK(4, 5), fv_any(x[0]));
CASE(any, "dim", "x0.any(dim=1)", MASK(4, 2, 3), fv_any(x[0], 1));
CASE(any, "dim, kept, integers", "x0.any(dim=0, keepdim=True)", INDEX(2, 2, 9),
     fv_any(x[0], 0, true));
CASE(any, "none", "(x0 > 9).any()", X(4, 5), fv_any(fv_gt(x[0], 9)));
CASE(all, "all dims", "x0.all()", MASK(4, 5), fv_all(x[0]));
CASE(all, "dim, kept", "x0.all(dim=1, keepdim=True)", MASK(4, 2, 3), fv_all(x[0], 1, true));
CASE(all, "floats", "x0.all()", X(4, 5), fv_all(x[0]));

CASE(prod, "all", "x0.prod()", X(2, 3), fv_prod(x[0]));
CASE(prod, "odd dim", "x0.prod(dim=1)", POSITIVE(2, 7, 3), fv_prod(x[0], 1));
CASE(prod, "last dim, kept", "x0.prod(dim=-1, keepdim=True)", X(3, 4), fv_prod(x[0], -1, true));

/* --- positions -------------------------------------------------------------------------------- */

CASE(max_dim, "last dim", "torch.max(x0, -1, keepdim=True)", DISTINCT(3, 7),
     fv_max_dim(x[0], -1, true, &y[1]));
CASE(max_dim, "channels", "torch.max(x0, 1)", DISTINCT(2, 5, 3, 2),
     fv_max_dim(x[0], 1, false, &y[1]));
CASE(max_dim, "values alone", "torch.max(x0, 1)[0]", DISTINCT(2, 5),
     fv_max_dim(x[0], 1, false, NULL));
CASE(max_dim, "smallest", "torch.min(x0, 0, keepdim=True)", DISTINCT(7, 3),
     fv_min_dim(x[0], 0, true, &y[1]));
CASE(max_dim, "smallest, last dim", "torch.min(x0, -1)", DISTINCT(2, 7, 3),
     fv_min_dim(x[0], -1, false, &y[1]));

CASE(argmax, "all", "torch.argmax(x0)", DISTINCT(3, 7), fv_argmax(x[0]));
CASE(argmax, "all, kept", "torch.argmax(x0).reshape(1, 1)", DISTINCT(3, 7),
     fv_argmax(x[0], .keepdim = true));
CASE(argmax, "last dim", "torch.argmax(x0, -1, keepdim=True)", DISTINCT(3, 7),
     fv_argmax(x[0], -1, true));
CASE(argmax, "middle dim", "torch.argmax(x0, 1)", DISTINCT(2, 5, 3), fv_argmax(x[0], 1));
CASE(argmax, "smallest of all", "torch.argmin(x0)", DISTINCT(3, 7), fv_argmin(x[0]));
CASE(argmax, "smallest", "torch.argmin(x0, 1, keepdim=True)", DISTINCT(2, 5, 3),
     fv_argmin(x[0], 1, true));
CASE(argmax, "smallest, last dim", "torch.argmin(x0, -1)", DISTINCT(2, 5, 3), fv_argmin(x[0], -1));
