/* The bits of a case at several numbers of threads. */
#ifndef FOVEA_BENCH_OPS_BITS_H
#define FOVEA_BENCH_OPS_BITS_H

#include "cases.h"

/* Does v give with 2, 3, 8 and 16 threads what it gives with one? If not, the standard error tells.
 */
bool same_bits(const variant *v);

#endif
