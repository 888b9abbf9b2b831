/* Instruction-set levels: one portable source per kernel, compiled once per level.
 *
 * The levels are the rows of isa_levels.h; an fv_isa is the number of a row. The build compiles
 * every kernels source named *_isa.c once for each row, with FV_ISA set to its name and FV_VBYTES
 * to its vector width. Such a file ends in one constant table, FV_ISA_NAME(fv_<family>_kernels_),
 * declared for all levels by FV_ISA_DECLARE; the code outside picks the table with FV_ISA_PICK. */
#ifndef FOVEA_TENSOR_KERNELS_ISA_H
#define FOVEA_TENSOR_KERNELS_ISA_H

#include <stdbool.h>

#include "isa_levels.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef int fv_isa;

/* Levels are numbered 0 to fv_isa_count() - 1; this processor may lack some of them. */
int fv_isa_count(void);
bool fv_isa_available(fv_isa level);
const char *fv_isa_name(fv_isa level);

/* The last level that this processor has. */
fv_isa fv_isa_best(void);

/* The level in use: the one that fv_set_isa or the environment variable FOVEA_ISA (a name) asks
 * for, else the best. A name that is unknown, or of a level that the processor lacks, is warned
 * about and changes nothing. */
fv_isa fv_isa_level(void);

/* Forces a level (tests run every one); one that the machine lacks becomes the best. By name false
 * is returned, after the warning, when nothing was changed. */
fv_isa fv_set_isa(fv_isa wanted);
bool fv_set_isa_named(const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#define FV_ISA_CAT2(a, b) a##b
#define FV_ISA_CAT(a, b)  FV_ISA_CAT2(a, b)

/* FV_ISA_DECLARE(type, stem): the constants stem<level> and their list by number. */
#define FV_ISA_EXTERN_(type, stem, level, ...)  extern const type stem##level;
#define FV_ISA_ADDRESS_(type, stem, level, ...) &stem##level,
#define FV_ISA_DECLARE(type, stem)                                                                 \
    FV_ISA_LEVELS(FV_ISA_EXTERN_, type, stem)                                                      \
    __attribute__((unused)) static const type *const stem##levels[] = {                            \
        FV_ISA_LEVELS(FV_ISA_ADDRESS_, type, stem)}
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
