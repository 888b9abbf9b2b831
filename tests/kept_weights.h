/* Ops that keep their weights packed, and uses of a weight by them, for the tests of kept weights.
 */
#ifndef FOVEA_TESTS_KEPT_WEIGHTS_H
#define FOVEA_TESTS_KEPT_WEIGHTS_H

#include "support.h"

typedef struct user {
    const char *name;
    fv_tensor *(*use)(fv_tensor *w);
} user;

enum { USERS = 5 };
extern const user users[USERS];

/* A weight that only its caller holds. */
fv_tensor *new_weight(void);

/* Bytes of all copies. */
int64_t kept(void);

/* The result on a copy of the weight, on which nothing can be kept. */
fv_tensor *wanted(const user *u, fv_tensor *w);
bool same(const fv_tensor *a, const fv_tensor *b);

/* Uses a weight so many times; every result must be the right one. */
void use(const user *u, fv_tensor *w, int times, const char *when);

#endif
