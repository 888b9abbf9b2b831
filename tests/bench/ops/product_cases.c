/* Matrix products: large, thin, of one row, and many small ones. */
#include "cases.h"

#define LINEAR(n, in, out)                                                                         \
    CASE(linear, #n " of " #in " to " #out, "F.linear(x0, x1, x2)", X(n, in), X(out, in), X(out),  \
         fv_linear(x[0], x[1], x[2]))
LINEAR(128, 784, 512);
LINEAR(128, 512, 512);
LINEAR(128, 512, 10);
LINEAR(128, 4096, 512);
LINEAR(16, 9216, 4096);
LINEAR(16, 4096, 1000);
LINEAR(1, 9216, 4096);
LINEAR(1, 512, 512);
LINEAR(8, 32, 64);

#define MATMUL(m, k, n)                                                                            \
    CASE(matmul, #m " x " #k " x " #n, "x0 @ x1", X(m, k), X(k, n), fv_matmul(x[0], x[1]))
MATMUL(64, 64, 64);
MATMUL(256, 256, 256);
MATMUL(512, 512, 512);
MATMUL(1024, 1024, 1024);
MATMUL(64, 576, 131072);
MATMUL(8, 8, 8);

CASE(bmm, "64 of 64 x 64 x 64", "torch.bmm(x0, x1)", X(64, 64, 64), X(64, 64, 64),
     fv_bmm(x[0], x[1]));
CASE(bmm, "512 of 16 x 16 x 16", "torch.bmm(x0, x1)", X(512, 16, 16), X(512, 16, 16),
     fv_bmm(x[0], x[1]));
CASE(bmm, "8 of 32 x 32 x 32", "torch.bmm(x0, x1)", X(8, 32, 32), X(8, 32, 32), fv_bmm(x[0], x[1]));
CASE(dot, "", "torch.dot(x0, x1)", X(0), X(0), fv_dot(x[0], x[1]));
CASE(outer, "1024 x 1024", "torch.outer(x0, x1)", X(1024), X(1024), fv_outer(x[0], x[1]));
