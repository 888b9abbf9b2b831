/* Ranks that are threads of the test's process. Check's assertions belong to the main thread: ranks
 * note what went wrong, and the main thread asks for no_failures() when they have ended. */
#ifndef FOVEA_TESTS_RANKS_H
#define FOVEA_TESTS_RANKS_H

#include "support.h"

enum { MOST = 5 }; /* ranks */

void note(const char *what, int rank);

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) note(#condition, fv_get_rank());                                         \
    } while (0)

/* Element i of what a rank has: another one on each. */
double element(int rank, int64_t i);

#endif
