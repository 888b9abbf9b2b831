/* Reading the FOVEA_* variables of the environment. A value that means nothing is warned about,
 * once a variable, with the values that mean something; what is unset or empty asks for nothing. */
#ifndef FOVEA_TENSOR_ENVIRONMENT_H
#define FOVEA_TENSOR_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Do the two differ by upper and lower case alone? (In ASCII, whatever the locale.) */
bool fv_same_word(const char *a, const char *b);

/* The position of the value among names, which end with NULL, upper and lower case being one; -1
 * when the variable asks for nothing or for none of them. */
int fv_environment_word(const char *variable, const char *const *names);

/* The value, a whole number from low to high; `otherwise` when it asks for nothing or is none. */
int64_t fv_environment_number(const char *variable, int64_t low, int64_t high, int64_t otherwise);

/* A switch of the whole process, FV_SWITCH_UNKNOWN until somebody asks or sets it: then 1 or 0 of
 * the variable, or `otherwise`. */
enum { FV_SWITCH_UNKNOWN = -1 };
bool fv_environment_switch(int *state, const char *variable, bool otherwise);

#endif
