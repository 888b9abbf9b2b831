/* What is known of a call without running it: which elements of an input each element of an output
 * depends on, and how many products it takes. An op says it by fv_op.window and .multiply_adds (see
 * op.h); observers ask for it (observe.h), and nn/inspect/ makes receptive fields of it. */
#ifndef FOVEA_AUTOGRAD_FACTS_H
#define FOVEA_AUTOGRAD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct fv_call;

/* A fraction in lowest terms, den > 0. A den of 0 is no number: one that did not fit. */
typedef struct fv_ratio {
    int64_t num, den;
} fv_ratio;

/* num / den in lowest terms; den 0 or numbers beyond +-2^62 give no number. */
fv_ratio fv_ratio_of(int64_t num, int64_t den);

/* How the positions of an output see an input, along one of the input's dimensions: position o of
 * the output's dimension `dim` depends on those whole numbers from
 *
 *     first(o) = o * stride - padding        to        first(o) + size - 1
 *
 * (both included) that are positions of the input, and on no others.
 *
 *     first(0)                     o:        0     1     2            size 3, stride 2, padding 1
 *        |                                 __|__ __|__ __|__
 *       -1 0 1 2 3 ...         input:   . 0 1 2 3 4 5
 *
 * Fractions describe what sees less than a step: a transposed convolution with a stride of 2 has
 * the stride 1/2. What a margin of padding repeats counts as lying in the margin. */
typedef struct fv_window {
    int dim; /* of the output; -1: all positions of the output see the same, stride is 0 */
    fv_ratio size, stride, padding;
    bool scattered; /* a position sees only some of the window, in no regular order, as when
                       dimensions become one; all of dim together see it all. stride is 0 */
} fv_window;

/* What a call multiplies. Counted are convolutions, transposed convolutions, their gradients, and
 * matrix products: each product with its addition is one; taps that meet padding count. Pooling,
 * norms, elementwise ops and reductions count nothing, as in torchinfo and fvcore. */
typedef struct fv_work {
    int64_t multiply_adds;
    int64_t bias_adds; /* additions of a bias, which are no part of the former */
} fv_work;

/* --- for authors of ops: a .window, or what one ends in; each fills *w and returns true ---------
 */

/* Position o sees position o: elementwise ops, with broadcasting, of which the output has the shape
 * (a length of 1 is seen by all). False where the shapes do not go together so. */
bool fv_window_same(const struct fv_call *c, int input, int output, int dim, fv_window *w);

/* Every position sees the whole of the input's dimension. */
bool fv_window_all(const struct fv_call *c, int input, int output, int dim, fv_window *w);

/* Position o of the output's dimension `to` sees position o - offset. */
bool fv_window_shifted(int to, int64_t offset, fv_window *w);

/* Every position sees that one position. */
bool fv_window_one(int64_t position, fv_window *w);

/* A window of whole numbers along the output's dimension `to`. */
bool fv_window_sliding(int to, int64_t size, int64_t stride, int64_t padding, fv_window *w);

/* The way back: position o sees the positions whose sliding windows have it. */
bool fv_window_reverse(int to, int64_t size, int64_t stride, int64_t padding, fv_window *w);

/* a * b for numbers that are not negative; INT64_MAX where that is too much. */
int64_t fv_count_product(int64_t a, int64_t b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
