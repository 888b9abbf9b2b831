/* Values of options that argp reads: what they may be, or a message and status 2. */
#ifndef EXAMPLES_ARGUMENTS_H
#define EXAMPLES_ARGUMENTS_H

#include <argp.h>
#include <string.h>

#include "options.h"

enum { MOST_THREADS = 4096 }; /* that the library takes */

/* Says what is wrong with an option's value and leaves. */
static inline void refuse(struct argp_state *state, const char *text, const char *what, double low,
                          double high)
{
    const char *last = state->argv[state->next - 1]; /* the value, or --lr=VALUE, or -lVALUE */
    const char letter[] = {'-', text[-(last != text)], '\0'};
    const char *option = last == text ? state->argv[state->next - 2] : last;
    if (last != text && last[1] != '-') option = letter;
    int length = (int)strcspn(option, "=");
    argp_error(state, "%.*s: '%s' is no %s from %.15g to %.15g", length, option, text, what, low,
               high);
}

static inline int64_t whole_number_to(struct argp_state *state, const char *text, int64_t low,
                                      int64_t high)
{
    int64_t v = low;
    if (!read_whole(text, low, high, &v))
        refuse(state, text, "whole number", (double)low, (double)high);
    return v;
}

/* As large as a double holds exactly, so that a message can name it. */
static inline int64_t whole_number(struct argp_state *state, const char *text, int64_t low)
{
    return whole_number_to(state, text, low, INT64_C(1000000000000));
}

static inline double number_from(struct argp_state *state, const char *text, double low,
                                 double high)
{
    double v = low;
    if (!read_number(text, low, high, &v)) refuse(state, text, "number", low, high);
    return v;
}

static inline const char *path_given(struct argp_state *state, const char *text)
{
    if (!*text) argp_error(state, "an empty path");
    return text;
}

#endif
