/* Numbers as text, with a point whatever the program's locale says: setlocale(LC_ALL, "") must not
 * change what is printed, nor how it is read back. */
#ifndef FOVEA_TENSOR_NUMERALS_H
#define FOVEA_TENSOR_NUMERALS_H

#include <stdarg.h>
#include <stddef.h>

/* vsnprintf, snprintf and strtod of the C locale. */
int fv_vformat(char *text, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
int fv_format(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
double fv_parse_number(const char *text, char **end);

/* The same for whatever this thread does between the two; they nest. */
void *fv_numerals_begin(void);
void fv_numerals_end(void *before);

#endif
