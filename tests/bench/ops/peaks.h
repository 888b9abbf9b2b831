/* What the machine can do at most, measured: the 100% of `ops`. */
#ifndef FOVEA_BENCH_OPS_PEAKS_H
#define FOVEA_BENCH_OPS_PEAKS_H

#include <stddef.h>

/* GFLOP/s of multiply-adds in registers by so many threads, with the widest vectors that FOVEA_ISA
 * allows. */
double peak_gflops(int threads);

/* GB/s, read and written together, of threads that copy `bytes` in all again and again. */
double copy_gbs(int threads, size_t bytes);

#endif
