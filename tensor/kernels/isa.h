/* Instruction-set levels: one portable source per kernel, compiled once per level.
 *
 * The build compiles every kernels source named *_isa.c once for each level with FV_ISA set to the
 * level's name (base, avx2, avx512) and FV_VBYTES to its vector width. Such a file ends in one
 * constant table, FV_ISA_NAME(fv_<family>_kernels_), declared for all levels by
 * FV_ISA_DECLARE; the code outside picks the table with FV_ISA_PICK. On other processors than
 * x86-64 only the base level is built (the compiler maps its vectors to NEON). */
#ifndef FOVEA_TENSOR_KERNELS_ISA_H
#define FOVEA_TENSOR_KERNELS_ISA_H

typedef enum fv_isa { FV_ISA_BASE = 0, FV_ISA_AVX2, FV_ISA_AVX512 } fv_isa;

/* The level in use: the best one that the processor has, or the one that the environment variable
 * FOVEA_ISA (base, avx2, avx512) or fv_set_isa asks for, when the processor has it. */
fv_isa fv_isa_level(void);

/* The best level of this processor and build. */
fv_isa fv_isa_best(void);

/* Forces a level (tests run every one). A level that the machine lacks is lowered to the best. */
fv_isa fv_set_isa(fv_isa level);

const char *fv_isa_name(fv_isa level);

#define FV_ISA_CAT2(a, b) a##b
#define FV_ISA_CAT(a, b)  FV_ISA_CAT2(a, b)

#if defined(__x86_64__)
#define FV_ISA_DECLARE(type, stem)                                                                 \
    extern const type stem##base, stem##avx2, stem##avx512;                                        \
    __attribute__((unused)) static const type *const stem##levels[] = {&stem##base, &stem##avx2,   \
                                                                       &stem##avx512}
#else
#define FV_ISA_DECLARE(type, stem)                                                                 \
    extern const type stem##base;                                                                  \
    __attribute__((unused)) static const type *const stem##levels[] = {&stem##base}
#endif
#define FV_ISA_PICK(stem, isa) (stem##levels[isa])

#ifdef FV_ISA
#define FV_ISA_NAME(stem) FV_ISA_CAT(stem, FV_ISA)
typedef float fv_vf __attribute__((vector_size(FV_VBYTES)));
typedef double fv_vd __attribute__((vector_size(FV_VBYTES)));
/* The same vectors at any address (dense float rows are seldom vector-aligned). */
typedef float fv_vf_u __attribute__((vector_size(FV_VBYTES), aligned(4), may_alias));
typedef double fv_vd_u __attribute__((vector_size(FV_VBYTES), aligned(8), may_alias));
#endif
#endif
