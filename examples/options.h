/* Numbers of the command line: read whole, within bounds, or refused. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* A whole number from low to high; false when text is none. */
static inline bool read_whole(const char *text, int64_t low, int64_t high, int64_t *number)
{
    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < low || v > high) return false;
    *number = v;
    return true;
}

/* A number from low to high, which no NaN is. */
static inline bool read_number(const char *text, double low, double high, double *number)
{
    char *end;
    const double v = strtod(text, &end);
    if (end == text || *end || !(v >= low && v <= high)) return false;
    *number = v;
    return true;
}

#endif
