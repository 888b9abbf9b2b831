/* Work on lengths that are cut into many pieces: run at every instruction-set level and by one to
 * eight threads, which must have the same bits. */
#ifndef FOVEA_TESTS_LONG_WORK_H
#define FOVEA_TESTS_LONG_WORK_H

#include "support.h"

typedef fv_tensor *(*compute_fn)(const void *context);

/* Runs compute at every level with one to eight threads. Each result must be close to wanted (row-
 * major; NULL: anything), and within a level they must have the same bits. */
void on_every_machine(const char *name, compute_fn compute, const void *context,
                      const double *wanted, int64_t count, double tolerance);

/* Numbers in [0.25, 1.25) of 16 bits, which every floating type holds; the caller frees a list. */
double number(int64_t i);
double *numbers(int64_t count);

#endif
