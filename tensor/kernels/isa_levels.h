/* The instruction-set levels: one row a level, and no other list of them anywhere.
 *
 * C expands the rows; CMake reads the same lines and compiles every *_isa.c once for each row with
 * -DFV_ISA=name -DFV_VBYTES=.. -DFV_REGISTERS=.. -DFV_MR=.. -DFV_NR=.. -DFV_KC=.. and the flags.
 * To add a level, add a row; the last one whose features the processor has is taken.
 *
 *   FV_ISA_ON_<arch>   rows of another architecture than __<arch>__ are left out
 *   name               as FOVEA_ISA and fv_set_isa_named take it
 *   vbytes, registers  width and number of the vector registers
 *   MR, NR             register tile of a matrix product: rows, a multiple of 3, and vectors of
 *                      columns; MR * NR sums, NR vectors of B and an element of A must fit
 *   KC                 depth of a block: KC x NR vectors of B should fit into the first cache
 *   features           those that the processor must have, all of them, as the compiler names them
 *   flags              what lets the compiler use them */
#ifndef FOVEA_TENSOR_KERNELS_ISA_LEVELS_H
#define FOVEA_TENSOR_KERNELS_ISA_LEVELS_H

/* clang-format off */
/* row(a, b, name, vbytes, registers, MR, NR, KC, features, flags); a and b are the user's own. */
#define FV_ISA_LEVELS(row, a, b)                                                                   \
    FV_ISA_ON_any(row(a, b, base, 16, 16, 6, 2, 256, , ""))                                        \
    FV_ISA_ON_x86_64(row(a, b, avx2, 32, 16, 6, 2, 256, FV_CPU(avx2) FV_CPU(fma), "-mavx2 -mfma")) \
    FV_ISA_ON_x86_64(row(a, b, avx512, 64, 32, 12, 2, 256,                                         \
        FV_CPU(avx2) FV_CPU(fma) FV_CPU(avx512f) FV_CPU(avx512bw) FV_CPU(avx512dq) FV_CPU(avx512vl), \
        "-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512"))
/* clang-format on */

#define FV_ISA_ON_any(...) __VA_ARGS__
#ifdef __x86_64__
#define FV_ISA_ON_x86_64(...) __VA_ARGS__
#else
#define FV_ISA_ON_x86_64(...)
#endif

#endif
