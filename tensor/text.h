/* Text from outside, and what of it a terminal may be shown.
 *
 * Names in files, paths and names that users give are bytes of any kind. Messages pass through
 * fv_printable as a whole (error.c), printed names one by one. */
#ifndef FOVEA_TENSOR_TEXT_H
#define FOVEA_TENSOR_TEXT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Copies text to out, at most room - 1 bytes and a final 0, and returns out. Bytes that are no
 * UTF-8 and those of control characters (line ends, escape sequences, changes of the writing
 * direction) become "\x1b"; neither a character nor such an escape is cut in two. A NULL is "". */
char *fv_printable(char *out, size_t room, const char *text);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
