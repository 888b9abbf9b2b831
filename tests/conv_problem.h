/* Convolutions for the tests of their kernels: geometries, numbers, and one run of a plan. */
#ifndef FOVEA_TESTS_CONV_PROBLEM_H
#define FOVEA_TESTS_CONV_PROBLEM_H

#include "support.h"
#include "tensor/kernels/conv/conv.h"

/* --- numbers and memory ----------------------------------------------------------------------- */

/* Draws are a function of the seed and of the draws before. */
void seed_numbers(uint64_t seed);
int64_t draw(int64_t low, int64_t high);

/* Of NaN, and of numbers in [-1, 1]; the caller frees them. */
void *fresh(size_t bytes);
void *random_numbers(int64_t count, fv_dtype dtype);
double number(const void *p, int64_t i, fv_dtype dtype);

/* --- geometries ------------------------------------------------------------------------------- */

int64_t pixels(const int64_t *dims);
int64_t x_count(const fv_conv_geometry *g);
int64_t y_count(const fv_conv_geometry *g);
int64_t w_count(const fv_conv_geometry *g);

/* Elements of a (0), b (1) and the result (2) of a pass. */
int64_t count_of(const fv_conv_geometry *g, fv_conv_pass pass, int operand);

/* Fills `out` from the rest; false when the kernel does not fit. */
bool set_out(fv_conv_geometry *g);

/* Square maps and kernels, padded by half a kernel; lines of two images, padded by 1. */
fv_conv_geometry plane(int64_t n, int64_t c, int64_t o, int64_t groups, int64_t size, int64_t k,
                       int64_t stride);
fv_conv_geometry line(int64_t c, int64_t size, int64_t k, int64_t stride);

/* --- running ---------------------------------------------------------------------------------- */

/* Exact, by the cheapest algorithm. */
fv_machine machine_of(int threads, fv_isa isa);

/* A result of the fast kernels; the caller frees it. */
void *run(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass, const fv_conv_operands *of,
          const int64_t *w_stride, fv_machine machine);

#endif
