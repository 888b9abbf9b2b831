/* Cases of the matrix products. */
#include "autograd/ops/product/matmul.h"
#include "tests/case.h"

CASE(linear, "batch", "F.linear(x0, x1, x2)", X(5, 7), X(3, 7), X(3), fv_linear(x[0], x[1], x[2]));
CASE(linear, "relu", "F.relu(F.linear(x0, x1, x2))", X(5, 7), X(3, 7), X(3),
     fv_linear(x[0], x[1], x[2], .relu = true));
CASE(linear, "relu, no bias, three dimensions", "F.relu(F.linear(x0, x1))", X(2, 3, 4), X(5, 4),
     fv_linear(x[0], x[1], .relu = true));
CASE(linear, "relu of one vector", "F.relu(F.linear(x0, x1, x2))", X(4), X(5, 4), X(5),
     fv_linear(x[0], x[1], x[2], .relu = true));
CASE(linear, "no bias", "F.linear(x0, x1)", X(4, 3), X(5, 3), ABSENT, fv_linear(x[0], x[1], x[2]));
CASE(linear, "one vector", "F.linear(x0, x1, x2)", X(6), X(2, 6), X(2),
     fv_linear(x[0], x[1], x[2]));
CASE(linear, "leading dimensions", "F.linear(x0, x1, x2)", X(2, 3, 2, 5), X(4, 5), X(4),
     fv_linear(x[0], x[1], x[2]));
CASE(linear, "empty batch", "F.linear(x0, x1, x2)", X(0, 4), X(2, 4), X(2),
     fv_linear(x[0], x[1], x[2]));
CASE(linear, "no features", "F.linear(x0, x1, x2)", X(3, 0), X(2, 0), X(2),
     fv_linear(x[0], x[1], x[2]));

#define MATMUL(name, a, b) CASE(matmul, name, "torch.matmul(x0, x1)", a, b, fv_matmul(x[0], x[1]))
MATMUL("vectors", X(5), X(5));
MATMUL("matrix and vector", X(3, 5), X(5));
MATMUL("vector and matrix", X(5), X(5, 3));
MATMUL("matrices", X(3, 5), X(5, 7));
MATMUL("batch and matrix", X(2, 3, 4), X(4, 2));
MATMUL("matrix and batch", X(3, 4), X(2, 4, 2));
MATMUL("broadcast batches", X(2, 1, 2, 3), X(3, 3, 2));
MATMUL("batch and vector", X(2, 3, 4), X(4));
MATMUL("vector and batch", X(4), X(2, 4, 3));
MATMUL("nothing to sum", X(2, 0), X(0, 3));

CASE(mm, "matrices", "torch.mm(x0, x1)", X(4, 3), X(3, 5), fv_mm(x[0], x[1]));
CASE_WITH((.not_gradcheck = "1,300 elements"), mm, "more than one block of sums", NULL, X(2, 650),
          X(650, 3), fv_mm(x[0], x[1]));
CASE(dot, "vectors", "torch.dot(x0, x1)", X(7), X(7), fv_dot(x[0], x[1]));
CASE(bmm, "batch", "torch.bmm(x0, x1)", X(3, 2, 4), X(3, 4, 3), fv_bmm(x[0], x[1]));
CASE(bmm, "empty batch", "torch.bmm(x0, x1)", X(0, 2, 4), X(0, 4, 3), fv_bmm(x[0], x[1]));
CASE(mul, "outer", "torch.outer(x0, x1)", X(3), X(5), fv_outer(x[0], x[1]));
