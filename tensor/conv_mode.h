/* How convolutions are computed: with which error, and by which algorithm. */
#ifndef FOVEA_TENSOR_CONV_MODE_H
#define FOVEA_TENSOR_CONV_MODE_H

#include <stdbool.h>

#include "constants.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What float32 convolutions may trade for speed. Errors are the largest against float64 sums, as
 * parts of the largest result; a direct sum's own is about 1e-6 and grows with its length.
 *   FV_CONV_FAST      everything that pays: Winograd's F(4x4, 3x3) and its like, error up to 5e-5
 *   FV_CONV_ACCURATE  Winograd's F(2x2, 3x3), error up to 1e-5
 *   FV_CONV_EXACT     direct sums only
 * float64 is always summed directly. Within a precision the shape chooses the algorithm, and
 * whether gradients are on, since inference keeps its packed weights: the last bits of a result may
 * differ between the two. */
typedef enum fv_conv_precision {
    FV_CONV_FAST = FV_CONV_PRECISION_FIRST,
    FV_CONV_ACCURATE,
    FV_CONV_EXACT
} fv_conv_precision;

/* The precision in use: the one set last, else FOVEA_CONV_PRECISION (fast, accurate, exact), else
 * fast. Setting holds for the whole process, from the next op on; any thread may do it at any time.
 * Errors: option. */
void fv_set_conv_precision(fv_conv_precision precision);
fv_conv_precision fv_get_conv_precision(void);

/* The algorithm that is taken wherever it suits, or NULL: the cheapest. FOVEA_CONV_ALGORITHM names
 * one, or fv_set_conv_algorithm, which takes NULL as well and warns
 * about a name that means nothing. For tests and timings. */
void fv_set_conv_algorithm(const char *name);
const char *fv_get_conv_algorithm(void);

/* With benchmark on, the algorithms that suit a convolution are timed when one of its shape is
 * first seen, with memory of its own, and the quickest is remembered while the process lives;
 * results may then differ in their last bits from run to run. Off by default, when an estimate
 * decides; FOVEA_CONV_BENCHMARK=1 turns it on.   Source: torch.backends.cudnn.benchmark. */
void fv_set_conv_benchmark(bool on);
bool fv_get_conv_benchmark(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
